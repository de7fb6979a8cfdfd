"""The commands of ``lirich learn`` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lirich.cli import complete as offers
from lirich.cli.options import CellNames, ExecutorName, Json, Workers, WorkspaceFolder
from lirich.cli.output import want_json

learn = typer.Typer(
    name="learn",
    help="Learn from many curves: state map, completion, forecast, unlike cells, drivers; keep and exchange models.",
    no_args_is_help=True,
)

Page = Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures here (HTML).", show_default=False)]
Window = Annotated[
    str | None,
    typer.Option(
        "--window", metavar="LOW:HIGH", help="From this to that voltage, such as 3.3:3.9.", show_default=False
    ),
]
Direction = Annotated[
    str, typer.Option("--direction", help="charge or discharge.", autocompletion=offers.one_of("charge", "discharge"))
]
Only = Annotated[
    str,
    typer.Option(
        "--only",
        help="Which curves: ageing, like (the largest group of like cycles), anchor (the published filter), none.",
        autocompletion=offers.one_of("ageing", "like", "anchor", "none"),
    ),
]
Figure = Annotated[
    str,
    typer.Option(
        "--figure", help="A quantity of the vocabulary.", show_default=False, autocompletion=offers.quantities
    ),
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Use this saved model.", show_default=False, autocompletion=offers.models),
]


@learn.command("map")
def map_(
    cells: CellNames = None,
    components: Annotated[int, typer.Option("--components", min=1, help="How many components.")] = 7,
    direction: Annotated[
        str | None,
        typer.Option(
            "--direction",
            help="charge (the default) or discharge.",
            show_default=False,
            autocompletion=offers.one_of("charge", "discharge"),
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window", metavar="LOW:HIGH", help="Voltages of the curves; 3.0:4.5 by default.", show_default=False
        ),
    ] = None,
    points: Annotated[int, typer.Option("--points", min=20, help="Points of the grid.")] = 501,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            help="Which curves: settled (ageing that follows a like cycle), ageing, like, anchor (as published), none.",
            autocompletion=offers.one_of("settled", "ageing", "like", "anchor", "none"),
        ),
    ] = "settled",
    learn_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Learn from measured, simulated or all cells; by default of the origin that has more.",
            show_default=False,
            autocompletion=offers.one_of("measured", "simulated", "all"),
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Keep the map under this name.")] = "map",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Learn nothing: place the curves on this saved map.",
            show_default=False,
            autocompletion=offers.models,
        ),
    ] = None,
    output: Page = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Learn the state map: where every curve lies, how each cell moves, where it turns.

    Example: lirich learn map -o map.html
    """
    want_json(json)
    from lirich.cli import learning

    learning.state_map(
        cells, components, direction, window, points, only, learn_from, name, model, output, workspace,
        workers=workers, executor=executor, json=json,
    )  # fmt: skip


@learn.command("complete")
def complete_(
    cell: Annotated[str, typer.Argument(help="A cell.", show_default=False, autocompletion=offers.cells)],
    cycle: Annotated[int, typer.Option("--cycle", help="Its cycle, by lirich's own number.", show_default=False)],
    window: Window = None,
    model: Model = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Keep what is learned under this name.", show_default=False)
    ] = None,
    components: Annotated[
        int | None,
        typer.Option("--components", min=1, help="Components to use; 20, of a map all.", show_default=False),
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Coverage of the band.")] = 0.9,
    direction: Direction = "charge",
    only: Only = "ageing",
    errors: Annotated[
        bool, typer.Option("--error-map", help="Also the error over start and length of the window (some seconds).")
    ] = False,
    output: Page = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Complete a curve from a part of it, with a band; learned from the other cells.

    Example: lirich learn complete SC-1 --cycle 10 --window 3.3:3.9
    """
    want_json(json)
    from lirich.cli import learning

    learning.complete(
        cell, cycle, window, model, name, components, level, direction, only, errors, output, workspace,
        workers=workers, executor=executor, json=json,
    )  # fmt: skip


@learn.command()
def forecast(
    cells: CellNames = None,
    figure: Figure = "discharge_specific_capacity_mah_g",
    at: Annotated[
        str, typer.Option("--at", metavar="CYCLE", help="Cycle to forecast, or several: 50,100.", show_default=False)
    ] = "",
    first: Annotated[
        int | None,
        typer.Option("--first", min=1, help="See only so many cycles; by default all there are.", show_default=False),
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Coverage of the interval.")] = 0.9,
    output: Page = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Forecast a figure of cells that are at their beginning, from cells that went on, beside naive forecasts.

    Example: lirich learn forecast --figure discharge_specific_capacity_mah_g --at 100
    """
    want_json(json)
    from lirich.cli import learning

    learning.forecast(cells, figure, at, first, level, output, workspace, json=json)


@learn.command()
def outliers(
    cells: CellNames = None,
    false_alarms: Annotated[
        float, typer.Option("--false-alarms", help="Share of sound cells that may be flagged.")
    ] = 0.05,
    sound: Annotated[
        list[str] | None,
        typer.Option(
            "--sound",
            help="A cell that is known to be sound: the others are judged by these. Repeatable.",
            show_default=False,
            autocompletion=offers.cells,
        ),
    ] = None,
    model: Model = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Keep the detector under this name.", show_default=False)
    ] = None,
    output: Page = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Find cells that are unlike the others, with a stated rate of false alarms.

    Example: lirich learn outliers --false-alarms 0.05
    """
    want_json(json)
    from lirich.cli import learning

    learning.outliers(
        cells, false_alarms, sound, model, name, output, workspace, workers=workers, executor=executor, json=json
    )


@learn.command()
def drivers(
    cells: CellNames = None,
    figure: Figure = "voltage_decay_mv_per_cycle",
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            help="Only these fields; by default all that vary. Repeatable.",
            show_default=False,
            autocompletion=offers.fields,
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--source",
            help="cells of the workspace, or values of the literature.",
            autocompletion=offers.one_of("cells", "literature"),
        ),
    ] = "cells",
    output: Page = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Ask which fields of the samples explain a figure, on samples left out, beside the naive baseline.

    Example: lirich learn drivers --figure voltage_decay_mv_per_cycle
    """
    want_json(json)
    from lirich.cli import learning

    learning.drivers(cells, figure, field, source, output, workspace, json=json)


@learn.command()
def models(
    remove: Annotated[
        str | None,
        typer.Option("--remove", help="Forget this model.", show_default=False, autocompletion=offers.models),
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """List the models of the workspace: kind, what they were learned from and with.

    Example: lirich learn models
    """
    want_json(json)
    from lirich.cli import learning

    learning.models(remove, workspace, json=json)


@learn.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A model file, a table of published loadings (CSV), or a model that lirich carries: kim-2025.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Its name here; by default that of the file.", show_default=False)
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Take in a model from elsewhere. It is arrays and JSON: no code of it is run.

    Example: lirich learn import kim-2025
    """
    want_json(json)
    from lirich.cli import learning

    learning.take_in(source, name, workspace, json=json)


@learn.command("export")
def export_(
    name: Annotated[str, typer.Argument(help="A model.", show_default=False, autocompletion=offers.models)],
    file: Annotated[Path, typer.Argument(help="The file to write (.npz).", show_default=False)],
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Write a model as one file, to be given away.

    Example: lirich learn export map our-map.npz
    """
    want_json(json)
    from lirich.cli import learning

    learning.give_away(name, file, workspace, json=json)

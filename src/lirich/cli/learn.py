"""The commands of ``lirich learn``, their options, and what they ask of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from lirich.cli import complete as offers
from lirich.cli.models import kept
from lirich.cli.options import CellNames, ExecutorName, Json, Workers, WorkspaceFolder, open_workspace
from lirich.cli.output import check_output, progress_bar, want_json

if TYPE_CHECKING:
    from lirich.workbench.learning.drivers import Source

learn = typer.Typer(
    name="learn",
    help="Learn from many curves: state map, completion, factors, forecast, unlike cells, drivers; keep and exchange "
    "models.",
    no_args_is_help=True,
)
learn.add_typer(kept)

Page = Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures here (HTML).", show_default=False)]
Window = Annotated[
    str | None,
    typer.Option(
        "--window", metavar="LOW:HIGH", help="From this to that voltage, such as 3.3:3.9.", show_default=False
    ),
]
Grid = Annotated[
    str | None,
    typer.Option("--grid", metavar="LOW:HIGH", help="Voltages of the curves; 3.0:4.5 by default.", show_default=False),
]
Points = Annotated[
    int | None, typer.Option("--points", min=20, help="Points of the grid; 501 by default.", show_default=False)
]
Save = Annotated[
    str | None,
    typer.Option("--save", metavar="NAME", help="Keep what is learned under this name.", show_default=False),
]
Direction = Annotated[
    str, typer.Option("--direction", help="charge or discharge.", autocompletion=offers.one_of("charge", "discharge"))
]
_SETTLED = "settled (ageing that follows a like cycle), "
_FILTERS = "ageing, like (the largest group of like cycles), anchor (the published filter), none."
Only = Annotated[
    str,
    typer.Option(
        "--only",
        help=f"Which curves: {_FILTERS}",
        autocompletion=offers.one_of("ageing", "like", "anchor", "none"),
    ),
]
OnlySettled = Annotated[
    str,
    typer.Option(
        "--only",
        help=f"Which curves: {_SETTLED}{_FILTERS}",
        autocompletion=offers.one_of("settled", "ageing", "like", "anchor", "none"),
    ),
]
Figure = Annotated[
    str | None,
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
            "--grid",
            "--window",
            metavar="LOW:HIGH",
            help="Voltages of the curves; 3.0:4.5 by default.",
            show_default=False,
        ),
    ] = None,
    points: Points = None,
    only: OnlySettled = "settled",
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
    from lirich.cli import learning as words

    grid = words.grid_of(window, points)
    words.check_direction(direction or "charge")
    check_output(output)
    _one_of("--from", learn_from, "--model", model, "a saved map is not learned again")
    with open_workspace(workspace) as ws, progress_bar("curves", quiet=json) as progress:
        how: dict[str, Any] = {
            "only": only, "grid": grid, "executor": executor, "workers": workers, "progress": progress,
        }  # fmt: skip
        if model is not None:
            found = ws.learn.place(model, cells, direction=direction, **how)
        else:
            found = ws.learn.map(
                cells, name=name, n_components=components, learn_from=learn_from, direction=direction or "charge", **how
            )
        title = f"State map of {ws.store.settings.name or ws.root.name}"
        words.answer(found, output, title, words.show_map, json=json)


@learn.command("complete")
def complete_(
    cell: Annotated[str, typer.Argument(help="A cell.", show_default=False, autocompletion=offers.cells)],
    cycle: Annotated[int, typer.Option("--cycle", help="Its cycle, by lirich's own number.", show_default=False)],
    window: Window = None,
    grid: Grid = None,
    points: Points = None,
    model: Model = None,
    save: Save = None,
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
    from lirich.cli import learning as words

    ends = words.window_of(window)
    how: dict[str, Any] = {} if (at := words.grid_of(grid, points)) is None else {"grid": at}
    _one_of("--grid", grid or points, "--model", model, "curves are put on the grid of the model")
    words.check_share(level, "--level")
    words.check_direction(direction)
    check_output(output)
    _one_of("--save", save, "--model", model, "a saved model is not learned again")
    with open_workspace(workspace) as ws, progress_bar("curves", quiet=json) as progress:
        found = ws.learn.complete(
            cell, cycle, window=ends, model=model, name=save, components=components, level=level, direction=direction,
            only=only, errors=errors, executor=executor, workers=workers, progress=progress, **how,
        )  # fmt: skip
    words.answer(found, output, f"Completion of {found.cell}, cycle {found.cycle}", words.show_completion, json=json)


@learn.command()
def factors(
    cells: CellNames = None,
    on: Annotated[
        str, typer.Option("--map", help="The map whose scores are read.", autocompletion=offers.models)
    ] = "map",
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="Only this measured state, such as charge_transfer_resistance_ohm_g; by default all. Repeatable.",
            show_default=False,
        ),
    ] = None,
    states: Annotated[
        Path | None,
        typer.Option(
            "--states",
            metavar="FILE",
            help="States of your own: a table (CSV or Parquet) of cell, cycle and a column per state.",
            show_default=False,
        ),
    ] = None,
    degree: Annotated[int, typer.Option("--degree", min=1, max=2, help="1: linear; 2: with products of scores.")] = 2,
    level: Annotated[float, typer.Option("--level", help="Coverage of the intervals.")] = 0.9,
    only: OnlySettled = "settled",
    model: Model = None,
    save: Save = None,
    output: Page = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Say what the factors of a map mean: states of cells read from their curves, tested on cells left out.

    Example: lirich learn factors -o factors.html
    """
    want_json(json)
    from lirich.cli import learning as words

    words.check_share(level, "--level")
    check_output(output)
    _one_of("--state", state, "--states", states, "a table has its own states")
    _one_of("--save", save, "--model", model, "a saved model is not learned again")
    asked = words.table_of(states) if states is not None else state or None
    with open_workspace(workspace) as ws, progress_bar("curves", quiet=json) as progress:
        found = ws.learn.factors(
            on, states=asked, cells=cells, degree=cast(Literal[1, 2], degree), level=level, only=only, model=model,
            name=save, executor=executor, workers=workers, progress=progress,
        )  # fmt: skip
    words.answer(found, output, "What the factors mean", words.show_factors, json=json)


@learn.command()
def forecast(
    cells: CellNames = None,
    figure: Figure = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="CYCLE",
            help="Cycle to forecast, or several: 50,100; of a model its own.",
            show_default=False,
        ),
    ] = None,
    first: Annotated[
        int | None,
        typer.Option("--first", min=1, help="See only so many cycles; by default all there are.", show_default=False),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option("--level", help="Coverage of the interval; 0.9, or that of the model.", show_default=False),
    ] = None,
    model: Model = None,
    save: Save = None,
    output: Page = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Forecast a figure of cells that are at their beginning, from cells that went on, beside naive forecasts.

    The figure is the discharge capacity, or that of the model, unless it is named.

    Example: lirich learn forecast --figure discharge_specific_capacity_mah_g --at 100
    """
    want_json(json)
    from lirich.cli import learning as words

    horizons = words.cycles_of(at)
    words.check_share(level, "--level")
    check_output(output)
    _one_of("--save", save, "--model", model, "a saved model is not learned again")
    if figure is None and model is None:
        figure = "discharge_specific_capacity_mah_g"
    with open_workspace(workspace) as ws:
        found = ws.learn.forecast(
            figure, horizons, first_cycles=first, cells=cells or None, level=level, name=save, model=model
        )
    words.answer(found, output, "Forecast", words.show_forecast, json=json)


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
    grid: Grid = None,
    points: Points = None,
    model: Model = None,
    save: Save = None,
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
    from lirich.cli import learning as words

    words.check_share(false_alarms, "--false-alarms")
    how: dict[str, Any] = {} if (at := words.grid_of(grid, points)) is None else {"grid": at}
    check_output(output)
    _one_of("--save", save, "--model", model, "a saved detector is not learned again")
    with open_workspace(workspace) as ws, progress_bar("curves", quiet=json) as progress:
        found = ws.learn.outliers(
            false_alarms=false_alarms, cells=cells or None, sound=sound or None, model=model, name=save,
            executor=executor, workers=workers, progress=progress, **how,
        )  # fmt: skip
    words.answer(found, output, "Cells unlike the others", words.show_outliers, json=json)


@learn.command()
def drivers(
    cells: CellNames = None,
    figure: Figure = None,
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
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Ask nothing: show this saved answer.", show_default=False, autocompletion=offers.models
        ),
    ] = None,
    save: Save = None,
    output: Page = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Ask which fields of the samples explain a figure, on samples left out, beside the naive baseline.

    The figure is the voltage decay unless it is named.

    Example: lirich learn drivers --figure voltage_decay_mv_per_cycle
    """
    want_json(json)
    from lirich.cli import learning as words

    check_output(output)
    _one_of("--save", save, "--model", model, "a saved answer is not asked for again")
    with open_workspace(workspace) as ws:
        if model is not None:
            found = ws.learn.kept_drivers(model)
        else:
            found = ws.learn.drivers(
                figure or "voltage_decay_mv_per_cycle", fields=field or None, source=cast("Source", source),
                cells=cells or None, name=save,
            )  # fmt: skip
    words.answer(found, output, "Drivers", words.show_drivers, json=json)


def _one_of(first: str, one: object, second: str, other: object, why: str) -> None:
    """Raise `InputError` where two options are given of which only one can be."""
    if one and other:
        from lirich.errors import InputError

        raise InputError(f"{first} beside {second}", expected=f"one of the two: {why}")

"""The commands of ``lirich screen`` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lirich.cli.interface import Energies
from lirich.cli.options import ExecutorName, Json, Workers, WorkspaceFolder
from lirich.cli.output import want_json

screen = typer.Typer(
    name="screen",
    help="Screen dopants, phases, coatings, electrolytes and additives: rankings with intervals and reasons.",
    no_args_is_help=True,
)

Study = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study in YAML or TOML, or the name of one that comes with lirich: dopants, demo.",
        show_default=False,
    ),
]
Shipped = Annotated[
    bool, typer.Option("--shipped", help="Show the results that come with lirich for this study; compute nothing.")
]
Report = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the report here (HTML).", show_default=False)
]


@screen.command("dopants")
def dopants(
    study: Study,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the candidates and the time that they would take.")
    ] = False,
    shipped: Shipped = False,
    output: Report = None,
    cells: Annotated[
        Path | None,
        typer.Option(
            "--cells", help="Write every cell, as built and relaxed, into this folder (CIF).", show_default=False
        ),
    ] = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Compute, gate and rank the dopants of a study; a study that was stopped goes on where it was."""
    want_json(json)
    from lirich.cli import screening

    if dry_run:
        screening.candidates(study, workers, json=json)
        return
    screening.dopants(study, output, cells, workspace, shipped=shipped, workers=workers, executor=executor, json=json)


@screen.command("phases")
def phases(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY",
            help="A study in YAML or TOML, or the name of the one that comes with lirich: phases.",
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the compositions and the time that they would take.")
    ] = False,
    shipped: Shipped = False,
    output: Report = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Map which order of the cations is lowest between three corners: layered, spinel or rock salt."""
    want_json(json)
    from lirich.cli import phases as spoken

    if dry_run:
        spoken.compositions(study, workers, json=json)
        return
    spoken.phases(study, output, workspace, shipped=shipped, workers=workers, executor=executor, json=json)


@screen.command("next")
def following(
    study: Study,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=20, help="How many dopants to name.")] = 3,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Go on from the results that come with lirich for this study.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the next study here (YAML), ready to run.", show_default=False),
    ] = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Say which dopants to compute next, learned from a study; what it has not computed yet is computed first."""
    want_json(json)
    from lirich.cli import screening

    screening.following(study, output, workspace, count, shipped=shipped, workers=workers, executor=executor, json=json)


@screen.command("candidates")
def candidates(study: Study, workers: Workers = None, json: Json = False) -> None:
    """List the candidates of a study: their cells, what makes them neutral, about how long they take."""
    want_json(json)
    from lirich.cli import screening

    screening.candidates(study, workers, json=json)


@screen.command("coatings")
def coatings(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY",
            help="A study in YAML or TOML, or the name of the one that comes with lirich: coatings.",
            show_default=False,
        ),
    ],
    cathode: Annotated[
        str | None, typer.Option("--cathode", metavar="FORMULA", help="In place of the study's.", show_default=False)
    ] = None,
    electrolyte: Annotated[
        list[str] | None,
        typer.Option(
            "--electrolyte", metavar="FORMULA", help="In place of the study's; may be repeated.", show_default=False
        ),
    ] = None,
    voltage: Annotated[
        float | None, typer.Option("--voltage", metavar="V", help="In place of the study's.", show_default=False)
    ] = None,
    energies: Energies = "embedded",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a page here (HTML).", show_default=False)
    ] = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Which coating lets an electrolyte live with a cathode: reactions with both, windows, double layers, why not."""
    want_json(json)
    from lirich.cli import coatings as spoken

    spoken.coatings(
        study,
        output,
        workspace,
        cathode=cathode,
        electrolytes=electrolyte or [],
        voltage=voltage,
        energies=energies,
        workers=workers,
        executor=executor,
        json=json,
    )


Table = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write here: page (.html), table (.csv, .parquet), all (.json).", show_default=False
    ),
]


@screen.command("electrolytes")
def electrolytes(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY",
            help="A study in YAML or TOML, or the name of the one that comes with lirich: electrolytes.",
            show_default=False,
        ),
    ],
    energies: Energies = "embedded",
    output: Table = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Which solid electrolyte for a cathode and an anode: measured conductivity, reactions with both, why not."""
    want_json(json)
    from lirich.cli import answers

    answers.electrolytes(study, output, workspace, energies=energies, workers=workers, executor=executor, json=json)


@screen.command("additives")
def additives(
    study: Annotated[
        Path,
        typer.Argument(metavar="STUDY", help="A study in YAML or TOML; its table lies beside it.", show_default=False),
    ],
    output: Table = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Which molecules of your own table to try: gates, ranking, groups with a pick each, why not."""
    want_json(json)
    from lirich.cli import answers

    answers.additives(study, output, workspace, json=json)

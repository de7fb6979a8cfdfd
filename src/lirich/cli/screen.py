"""The commands of ``lirich screen`` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lirich.cli.options import ExecutorName, Json, Workers, WorkspaceFolder
from lirich.cli.output import want_json

screen = typer.Typer(
    name="screen",
    help="Screen dopants with a machine-learned potential: funnel, ranking with intervals, reasons.",
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


@screen.command("dopants")
def dopants(
    study: Study,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the candidates and the time that they would take.")
    ] = False,
    shipped: Annotated[
        bool,
        typer.Option("--shipped", help="Show the results that come with lirich for this study; compute nothing."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the report here (HTML).", show_default=False)
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
    screening.dopants(study, output, workspace, shipped=shipped, workers=workers, executor=executor, json=json)


@screen.command("candidates")
def candidates(study: Study, workers: Workers = None, json: Json = False) -> None:
    """List the candidates of a study: their cells, what makes them neutral, about how long they take."""
    want_json(json)
    from lirich.cli import screening

    screening.candidates(study, workers, json=json)

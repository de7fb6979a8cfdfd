"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lirich.cli import complete

if TYPE_CHECKING:
    from lirich.workbench import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")]
WorkspaceFolder = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        envvar="LIRICH_WORKSPACE",
        help="The workspace folder; by default the one that the current folder lies in.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Processes to use; by default one per processor.", show_default=False),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        help="processes, serial, dask, or the address of a Dask scheduler (tcp://…).",
        autocompletion=complete.one_of("processes", "serial", "dask"),
    ),
]
CellNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CELL]...", help="Cells; all by default.", show_default=False, autocompletion=complete.cells
    ),
]


def open_workspace(folder: Path | None) -> Workspace:
    """Open the workspace that was named, or the one that the current folder lies in."""
    from lirich.workbench import Workspace

    return Workspace.open(folder) if folder is not None else Workspace.find()

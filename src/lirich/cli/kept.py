"""The workspace that a command keeps results in, where there is one, and how that is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import console
from lirich.errors import WorkspaceNotFoundError

if TYPE_CHECKING:
    from lirich.workbench import Workspace


def workspace_of(folder: Path | None) -> Workspace | None:
    """Open the workspace that was named or that the current folder lies in; `None` where there is none here."""
    try:
        return open_workspace(folder)
    except WorkspaceNotFoundError:
        if folder is not None:
            raise
        return None


def show_kept(workspace: Workspace | None, count: int, origins: str, *, resumed: bool = True) -> None:
    """Print that *count* values are kept, of which *origins*; without a workspace that nothing is.

    *resumed*: a workspace would let the same run go on where it was stopped.
    """
    if workspace is not None:
        console().print(f"{count} values kept in [bold]{escape(str(workspace.root))}[/], {origins}.")
        return
    anew = ", and a run that is stopped begins anew" if resumed else ""
    console().print(f"[dim]No workspace here: nothing is kept{anew}. lirich init makes one.[/]")

"""What ``lirich cells`` does: list the cells, show one, say facts about it, remove it or a file of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.cells import cell_dict, list_cells, show_cell, show_cycles, show_history, show_said
from lirich.cli.options import open_workspace
from lirich.cli.output import console, print_json, show_findings
from lirich.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from lirich.workbench import Workspace


def cells(
    name: str | None,
    facts: Sequence[str],
    segments: Sequence[str],
    clear: bool,
    folder: Path | None,
    *,
    everything: bool,
    every_cycle: bool,
    changes: bool,
    json: bool,
) -> None:
    """List the cells, show one, or say facts about it."""
    workspace = open_workspace(folder)
    if name is None:
        if facts or segments or clear or everything or every_cycle or changes:
            raise InputError("No cell is named", advice="lirich cells NAME --set FIELD=VALUE, --all or --history")
        list_cells(workspace, json=json)
        return
    if changes and not (facts or segments or clear) and name not in workspace.cells:
        _former(workspace, name, json=json)
        return
    findings = []
    if facts:
        from lirich.workbench.intake.celltables import changes_from_options

        findings = workspace.set_facts(name, changes_from_options(facts))
    if clear:
        workspace.clear_corrections(name)
    for text in segments:
        first, last, kind = _segment(text)
        workspace.correct(name, (first, last), kind)
    said = bool(facts or segments or clear)
    if said:
        workspace.analyse([name], executor="serial")
    view = workspace.cells[name]
    if json:
        print_json(cell_dict(view))
        return
    told = view.findings
    show_findings(f for f in findings if f not in told)
    if changes:
        show_history(view.history)
    elif every_cycle:
        show_cycles(view)
    elif said and not everything:
        show_said(view, [*facts, *segments], cleared=clear)
    else:
        show_cell(view, everything=everything)


def _former(workspace: Workspace, name: str, *, json: bool) -> None:
    """Show the history of a cell that was removed. Raises `UnknownNameError` where there never was one."""
    from lirich.workbench.intake.history import history

    try:
        found = history(workspace.store, name)
    except UnknownNameError:
        workspace.cells[name]  # the names of the cells that there are
        raise
    if json:
        print_json({"key": name, "removed": True, "history": [change.to_dict() for change in found]})
    else:
        show_history(found)


def _segment(text: str) -> tuple[int, int, str]:
    span, equals, kind = text.partition("=")
    first, dash, last = span.partition("-")
    try:
        numbers = int(first), int(last if dash else first)
    except ValueError:
        numbers = None
    if not equals or numbers is None or not kind:
        raise InputError(f"{text!r} is no segment", expected="A-B=KIND, such as 1-3=formation")
    return (*numbers, kind)


def remove(name: str | None, file: str | None, folder: Path | None, *, yes: bool, json: bool) -> None:
    """Remove a cell, or one file of it, once the user has said so."""
    workspace = open_workspace(folder)
    if name is None:
        raise InputError("No cell is named", advice="lirich cells NAME --remove")
    view = workspace.cells[name]
    what = f"the cell {name} ({len(view.tests)} file(s), {len(view.analyses)} run(s))"
    told = {"removed": name, "cell": name}
    if file is not None:
        from lirich.workbench.intake.removing import SHOWN_DIGITS, file_of

        meant = file_of(workspace.store, name, file)
        what = f"{meant.name} ({meant.sha256[:SHOWN_DIGITS]}) of {name}"
        told = {"removed": meant.name, "sha256": meant.sha256, "cell": name}
    if not yes:
        if json or not sys.stdin.isatty():
            raise InputError(f"Nobody can be asked whether {what} is to go", advice="Say so with --yes")
        typer.confirm(f"Remove {what}?", abort=True)
    if file is None:
        workspace.remove_cell(name)
    else:
        workspace.remove_file(name, told["sha256"])
        workspace.analyse([name], executor="serial")
    if json:
        print_json(told)
        return
    console().print(
        f"Removed {escape(what)}. The raw files and the history stay in the workspace; adding the files again brings "
        "it back."
    )

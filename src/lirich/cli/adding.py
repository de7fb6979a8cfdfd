"""What ``lirich add`` does: read files into the workspace, say what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import PARTLY, console, print_json, progress_bar, show_error, show_findings, show_table
from lirich.errors import quoted

if TYPE_CHECKING:
    from lirich.model import Finding
    from lirich.workbench import Workspace
    from lirich.workbench.intake.addreport import AddReport

_STATES = {
    "new": "",
    "known": "already there",
    "anew": "read anew",
    "moved": "moved",
    "restored": "restored",
    "longer": "goes on, replaces the older export",
    "older": "older export",
}
_COUNTED = (
    ("anew", "read anew"),
    ("moved", "moved"),
    ("restored", "restored"),
    ("longer", "longer than before"),
    ("older", "older than what is there"),
)


def add(
    paths: Sequence[Path],
    cell: str | None,
    facts: Sequence[str],
    repairs: Sequence[str],
    reader: str | None,
    mapping: Path | None,
    reassign: bool,
    folder: Path | None,
    *,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Read files into the workspace."""
    from lirich.workbench.intake.cellfacts import facts_wanted
    from lirich.workbench.intake.celltables import facts_from_options

    workspace = open_workspace(folder)
    with progress_bar("reading", quiet=json) as progress:
        report = workspace.add(
            paths,
            cell=cell,
            facts=facts_from_options(facts),
            reader=reader,
            repairs=repairs,
            mapping=mapping,
            reassign=reassign,
            executor=executor,
            workers=workers,
            progress=progress,
        )
    there = [workspace.cells[key] for key in report.cells if key in workspace.cells]
    wanted = [f for view in there for f in facts_wanted(view.facts, view.sample)]
    if json:
        print_json({**report.to_dict(), "asked_for": [f.model_dump(mode="json") for f in wanted]})
    else:
        _show(report, workspace, wanted)
    if report.failed:
        raise typer.Exit(PARTLY)


def _show(report: AddReport, workspace: Workspace, wanted: Sequence[Finding]) -> None:
    """Print what became of each file, what was noticed, the facts that are *wanted*, and how many files there were."""
    from lirich.model.format import format_count, format_origins
    from lirich.workbench.intake.cellfacts import told_of

    rows = []
    for a in report.added:
        repairs = "" if a.already else ", ".join(a.test.repairs)
        notes = (_STATES[a.state], repairs, format_origins([workspace.cells[a.cell].origin]))
        told = "; ".join(filter(None, notes))
        rows.append((Path(a.path).name, a.cell, a.test.reader, format_count(a.rows), f"{a.test.confidence:.0%}", told))
    if rows:
        show_table("", ("file", "cell", "reader", "rows", "sure", "note"), rows, right=(3, 4))
    for path, reason in report.skipped:
        console().print(f"[dim]skipped[/] {escape(path)} [dim]{escape(reason)}[/]")
    if report.describable:
        from lirich.model.listing import name_some

        names = name_some([Path(path).name for path in report.describable], 3)
        console().print(
            f"[dim]No reader knows the columns of {escape(names)}. A mapping file describes those of a test: [/]"
            f"[bold]lirich inspect {escape(quoted(report.describable[0]))}[/][dim] says how.[/]"
        )
    for path, error in report.failed:
        console(stderr=True).print(f"[bold]{escape(path)}[/]")
        show_error(error)
    of_files = (
        f if f.where else f.model_copy(update={"where": a.cell})
        for a in report.added
        if not a.already
        for f in told_of(a.test, workspace.cells[a.cell].facts)
    )
    show_findings([*report.findings, *of_files, *wanted])
    count = Counter[str](a.state for a in report.added)
    others = "".join(f", {count[state]} {word}" for state, word in _COUNTED if count[state])
    console().print(
        f"[bold]{count['new']}[/] new file(s) of {len(report.cells)} cell(s); {count['known']} known{others}, "
        f"{len(report.skipped)} skipped, {len(report.failed)} failed."
        + (" Next: [bold]lirich analyse[/]" if report.added else "")
    )

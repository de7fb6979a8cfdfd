"""What ``lirich inspect`` does: say what files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.output import PARTLY, console, print_json, show_findings, show_table

if TYPE_CHECKING:
    from lirich.readers import Inspection


def inspect(files: Sequence[Path], repairs: Sequence[str], mapping: Path | None, *, json: bool) -> None:
    """Say what files are."""
    from lirich.readers import inspect as inspect_file

    inspections = [inspect_file(path, repairs=repairs, mapping=mapping) for path in files]
    if json:
        print_json({"files": [i.to_dict() for i in inspections]})
    else:
        for inspection in inspections:
            show_inspection(inspection)
    if not all(i.readable for i in inspections):
        raise typer.Exit(PARTLY)


def _rounded(what: object) -> object:
    """Write a number with the digits that a cycler has; ``--json`` keeps them all."""
    from lirich.model.format import format_number

    return format_number(what, significant=5) if isinstance(what, float) else what


def show_inspection(inspection: Inspection) -> None:
    """Print what was recognised, what was not, how surely, and what contradicts physics."""
    out = console()
    state = "[green]readable[/]" if inspection.readable else "[bold red]not readable as it is[/]"
    out.print(f"[bold]{escape(str(inspection.path))}[/]  {state}")
    if inspection.reader:
        others = ", ".join(f"{name} {sure:.0%}" for name, sure in inspection.others)
        out.print(
            f"  reader [bold]{escape(inspection.reader)}[/], {inspection.confidence:.0%} sure: "
            f"{escape(inspection.reason)}" + (f" [dim](or {escape(others)})[/]" if others else "")
        )
    if inspection.error:
        out.print(f"  [red]{escape(inspection.error['found'])}[/]")
        for word in ("expected", "advice"):
            if inspection.error.get(word):
                out.print(f"  {word}: {escape(inspection.error[word])}")
    if inspection.recognised:
        rows = [(m.source, m.column, f"× {m.factor:g}" if m.factor != 1 else "", m.note) for m in inspection.recognised]
        show_table("", ("column of the file", "standard column", "factor", "note"), rows)
    if inspection.unrecognised:
        out.print(f"  [yellow]left out:[/] {escape(', '.join(inspection.unrecognised))}")
    facts = [(name, _rounded(x)) for name, x in (*inspection.summary.items(), *inspection.metadata.items())]
    if facts:
        show_table("", ("fact", ""), facts)
    show_findings(inspection.findings, limit=30)
    for repair in inspection.needed_repairs:
        out.print(f"[bold]→[/] it would be read with [bold]--repair {escape(repair)}[/]")
    out.print()

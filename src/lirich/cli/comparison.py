"""What ``lirich compare`` does: compare groups of cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import NARROW, PARTLY, check_output, console, print_json, show_findings, show_table

if TYPE_CHECKING:
    from lirich.workbench.comparison.result import Comparison


def compare(
    by: str,
    quantities: Sequence[str] | Literal["all"] | None,
    names: Sequence[str] | None,
    force: bool,
    seed: int,
    folder: Path | None,
    *,
    csv: Path | None,
    json: bool,
) -> None:
    """Compare groups of cells."""
    check_output(csv, (".csv",))
    comparison = open_workspace(folder).compare(
        by, quantities=quantities or None, cells=names or None, force=force, seed=seed
    )
    if csv is not None:
        from lirich.model.spreadsheet import write_csv

        write_csv(comparison.table(), csv)
    if json:
        print_json(comparison.to_dict())
    else:
        show_comparison(comparison)
    if comparison.refused:
        raise typer.Exit(PARTLY)


def show_comparison(comparison: Comparison) -> None:
    """Print one row per quantity and pair of groups, what was refused and why, and the warnings."""
    from lirich.workbench.comparison.shown import HEADS, told

    out, words = console(), told(comparison)
    out.print(f"[bold]By {escape(comparison.by or 'group')}:[/] {escape(words.groups)}")
    if words.common:
        out.print(f"Unless a row says otherwise: {escape(words.common)}")
    if words.rows and out.width < NARROW:
        under = [
            (
                f"{row.quantity}\n{row.conditions}" if row.conditions else row.quantity,
                f"{row.a}\n{row.b}",
                f"g {row.effect}\np {row.p}" if row.effect else row.p,
                row.better,
            )
            for row in words.rows
        ]
        heads = ("quantity", "mean of n", "Hedges' g,\np corrected", "better")
        show_table("", heads, under, right=(2,), whole=(1, 2, 3), apart=True)
    elif words.rows:
        show_table("", HEADS, words.rows, right=(4, 5), whole=(2, 3, 6))
    for line in words.doubts:
        out.print(f"[yellow]{escape(line)}[/]")
    if words.rows:
        out.print(f"[dim]{escape(comparison.method_of_table)}.[/]")
    for each in words.refused:
        out.print(f"\n[yellow]Not compared:[/] {escape('; '.join(each.figures))}")
        show_table("", ("  unlike", each.a, each.b), [(f"  {one.condition}", one.a, one.b) for one in each.differing])
    if comparison.findings:
        out.print()
    show_findings(comparison.findings)
    if words.verdict:
        said, colon, why = words.verdict.partition(":")
        out.print(f"[bold]{escape(said + colon)}[/]{escape(why)}")

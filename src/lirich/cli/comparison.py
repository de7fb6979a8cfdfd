"""How ``lirich compare`` shows groups of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from lirich.cli.output import NARROW, console, show_findings, show_table

if TYPE_CHECKING:
    from lirich.workbench.comparison.result import Comparison


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

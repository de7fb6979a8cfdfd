"""How ``lirich compare`` shows groups of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from lirich.cli.cells import show_marks
from lirich.cli.output import NARROW, console, show_findings, show_table
from lirich.model import Conditions
from lirich.model.flags import Marks
from lirich.model.shown import shared_conditions

if TYPE_CHECKING:
    from lirich.model import Origin
    from lirich.workbench.comparison import Comparison, ComparisonRow, Contrast, GroupSummary

SIGNIFICANT = 0.05
"""A group is called better where the corrected p is below this; the p is printed beside it."""


def show_comparison(comparison: Comparison) -> None:
    """Print one row per quantity and pair of groups, what was refused and why, and the warnings."""
    from lirich.model.format import format_conditions, format_figure
    from lirich.quantities import QUANTITIES

    out = console()
    done = [row for row in comparison.rows if not row.refused]
    common, own = shared_conditions([row.conditions for row in done], [row.quantity for row in done])
    marks = Marks()
    overall = comparison.origins
    rows = []
    for row, conditions in zip(done, own, strict=True):
        what = QUANTITIES[row.quantity]
        by_name = {group.group: group for group in row.groups}
        doubts = "".join(marks.note(text) for text in row.warnings)
        for contrast in row.contrasts:
            if contrast.refused:
                continue
            rows.append(
                (
                    f"{what.name} ({what.unit}){doubts}",
                    format_conditions(conditions),
                    f"{contrast.a}: {_mean(by_name[contrast.a], overall)}",
                    f"{contrast.b}: {_mean(by_name[contrast.b], overall)}",
                    _signed(contrast.effect_size),
                    _p(contrast),
                    _better(contrast),
                )
            )
    by = escape(comparison.by or "group")
    out.print(f"[bold]By {by}:[/] {', '.join(map(escape, comparison.groups_in_words))}")
    if common != Conditions():
        out.print(f"Unless a row says otherwise: {escape(format_conditions(common))}")
    heads: tuple[str, ...] = ("quantity", "conditions", "mean of n", "mean of n", "Hedges' g", "p corrected", "better")
    if rows and out.width < NARROW:
        under = [
            (f"{what}\n{conditions}" if conditions else what, f"{a}\n{b}", f"g {effect}\np {p}", better)
            for what, conditions, a, b, effect, p, better in rows
        ]
        heads = ("quantity", "mean of n", "Hedges' g,\np corrected", "better")
        show_table("", heads, under, right=(2,), whole=(1, 2, 3))
    elif rows:
        show_table("", heads, rows, right=(4, 5), whole=(2, 3, 6))
    show_marks(marks)
    if done:
        out.print(f"[dim]{escape(comparison.method)}.[/]")
    for row in comparison.rows:
        if row.refused:
            out.print(
                f"[yellow]refused[/] {escape(format_figure(row.quantity, row.conditions))}: {escape(_refusal(row))}"
            )
    show_findings(comparison.findings)
    if comparison.refused:
        why = "every comparison is refused" if comparison.rows else "no figure is there in two groups"
        out.print(f"[bold]Nothing could be compared:[/] {why}.")


def _mean(group: GroupSummary, overall: Mapping[str, Sequence[Origin]]) -> str:
    from lirich.model.format import format_number, format_origins

    # the head of the table says it, unless this row is not of all the origins that the group has
    apart = "" if tuple(overall[group.group]) == group.origins else format_origins(group.origins)
    count = f"n = {group.n}" + (f", {apart}" if apart else "")
    if group.interval is None:
        return f"{format_number(group.mean)} ({count})"
    half = (group.interval.high - group.interval.low) / 2
    return f"{format_number(group.mean)} ± {format_number(half, significant=2)} ({count})"


def _signed(number: float | None) -> str:
    return "" if number is None else f"{number:+.2f}"


def _p(contrast: Contrast) -> str:
    if contrast.p_corrected is None:
        return "no test"
    return f"{contrast.p_corrected:.3g}"


def _better(contrast: Contrast) -> str:
    # a better mean alone is no better group
    shown = contrast.p_corrected is not None and contrast.p_corrected < SIGNIFICANT
    return (contrast.favours or "") if shown else "not shown"


def _refusal(row: ComparisonRow) -> str:
    return "; ".join(dict.fromkeys(c.refused for c in row.contrasts if c.refused))

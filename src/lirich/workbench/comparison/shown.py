"""The rows of a comparison in words: what the command line, a notebook and a line of text share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lirich.model import Origin
from lirich.model.finding import together
from lirich.model.flags import Marks
from lirich.model.format import format_conditions, format_figure, format_origins, format_quantity, format_signed
from lirich.model.notebook import html_lines
from lirich.model.shown import shared_conditions
from lirich.plots.page import Table, about
from lirich.quantities import QUANTITIES
from lirich.workbench.comparison.comparable import RATE_FIGURES
from lirich.workbench.comparison.result import (
    SIGNIFICANT,
    Comparison,
    ComparisonRow,
    Contrast,
    GroupSummary,
    Unlike,
)

_MOST_CELLS = 3  # of one side, named where a figure is not compared
_HEADS_UNLIKE = ("figures", "condition", "one side", "other side")
HEADS = ("quantity", "conditions", "mean of n", "mean of n", "Hedges' g", "p corrected", "better")


class ContrastTold(NamedTuple):
    """A pair of groups in one row, in words under `HEADS`."""

    quantity: str
    conditions: str
    a: str
    b: str
    effect: str
    p: str
    better: str


class RefusedTold(NamedTuple):
    """The figures in which the groups *a* and *b* were not compared, and the conditions that differ in all of them.

    Where these are of few cells of a group, *a* and *b* name the cells too.
    """

    figures: tuple[str, ...]
    a: str
    b: str
    differing: tuple[Unlike, ...]


@dataclass(frozen=True, slots=True)
class ComparisonTold:
    """A comparison in words: the groups with their origins, shared conditions, rows, doubts, and what was refused."""

    groups: str
    common: str
    rows: tuple[ContrastTold, ...]
    doubts: tuple[str, ...]
    refused: tuple[RefusedTold, ...]
    verdict: str


def told(comparison: Comparison) -> ComparisonTold:
    """Return a comparison in words."""
    done = [row for row in comparison.rows if not row.refused]
    common, own = shared_conditions([row.conditions for row in done], [row.quantity for row in done])
    marks, overall = Marks(), comparison.origins
    rows = []
    for row, conditions in zip(done, own, strict=True):
        what = QUANTITIES[row.quantity]
        by_name = {group.group: group for group in row.groups}
        doubts = "".join(marks.note(text) for text in row.warnings)
        rows += [
            ContrastTold(
                f"{what.name} ({what.unit}){doubts}",
                format_conditions(conditions),
                f"{contrast.a}: {_mean(row.quantity, by_name[contrast.a], overall)}",
                f"{contrast.b}: {_mean(row.quantity, by_name[contrast.b], overall)}",
                "" if contrast.effect_size is None else format_signed(contrast.effect_size, decimals=2),
                "no test" if contrast.p_corrected is None else f"{contrast.p_corrected:.3g}",
                _better(contrast),
            )
            for contrast in row.contrasts
            if not contrast.refused
        ]
    verdict = ""
    if comparison.refused:
        why = "every comparison is refused" if comparison.rows else "no figure is there in two groups"
        verdict = f"Nothing could be compared: {why}."
    return ComparisonTold(
        groups=", ".join(comparison.groups_in_words),
        common=format_conditions(common),
        rows=tuple(rows),
        doubts=tuple(marks.lines),
        refused=_refused(comparison.rows),
        verdict=verdict,
    )


def as_html(comparison: Comparison) -> str:
    """Return a comparison as HTML for a notebook: rows, doubts, what was refused, findings and method."""
    words = told(comparison)
    above = [f"By {comparison.by or 'group'}: {words.groups}"]
    above += [f"Unless a row says otherwise: {words.common}"] if words.common else []
    below = [*words.doubts, words.verdict, f"{comparison.method_of_table}." if words.rows else ""]
    unlike = [
        ("; ".join(each.figures) if first else "", one.condition, f"{each.a}: {one.a}", f"{each.b}: {one.b}")
        for each in words.refused
        for first, one in zip([True] + [False] * len(each.differing), each.differing, strict=False)
    ]
    tables = [Table("Comparison", HEADS, words.rows), Table("Not compared: unlike conditions", _HEADS_UNLIKE, unlike)]
    findings = [each.told for each in together(comparison.findings)]
    return html_lines(above) + about(tables=tables) + html_lines(filter(None, below)) + about((), findings)


def as_text(comparison: Comparison) -> str:
    """Return a comparison as lines of text."""
    words = told(comparison)
    lines = [f"Comparison by {comparison.by or 'group'}: {words.groups}"]
    lines += [f"Unless a line says otherwise: {words.common}"] if words.common else []
    for row in words.rows:
        under = f" [{row.conditions}]" if row.conditions else ""
        effect = f"g {row.effect or 'none'}, p {row.p}; better: {row.better}"
        lines.append(f"{row.quantity}{under}: {row.a}, {row.b}; {effect}")
    for each in words.refused:
        lines.append(f"refused, {each.a} against {each.b}: {'; '.join(each.figures)}")
        lines += [f"  {one}" for one in each.differing]
    return "\n".join([*lines, *words.doubts, *filter(None, [words.verdict])])


def _mean(key: str, group: GroupSummary, overall: Mapping[str, Sequence[Origin]]) -> str:
    # the head of the table says it, unless this row is not of all the origins that the group has
    apart = "" if tuple(overall[group.group]) == group.origins else format_origins(group.origins)
    count = f"n = {group.n}" + (f", {apart}" if apart else "")
    return f"{format_quantity(group.mean, key, group.interval, unit=False)} ({count})"


def _better(contrast: Contrast) -> str:
    # a better mean alone is no better group
    shown = contrast.p_corrected is not None and contrast.p_corrected < SIGNIFICANT
    return (contrast.favours or "") if shown else "not shown"


def _refused(rows: Sequence[ComparisonRow]) -> tuple[RefusedTold, ...]:
    """Return what was refused, figures together that were for the same reason; few cells of a group are named."""
    sizes = {g.group: max(o.n for r in rows for o in r.groups if o.group == g.group) for r in rows for g in r.groups}
    found: dict[tuple[str, str, tuple[Unlike, ...]], list[str]] = {}
    for row in rows:
        sides = {group.group: _side(group, sizes[group.group]) for group in row.groups}
        figure = format_figure(row.quantity, row.conditions, with_rate=row.quantity in RATE_FIGURES)
        for c in row.contrasts:
            if c.refused:
                found.setdefault((sides[c.a], sides[c.b], c.differing), []).append(figure)
    return tuple(RefusedTold(tuple(dict.fromkeys(of)), a, b, why) for (a, b, why), of in found.items())


def _side(group: GroupSummary, size: int) -> str:
    """Return the name of a group, with its cells where these are few of those that stand in other rows."""
    few = group.n < size and group.n <= _MOST_CELLS
    return f"{group.group}: {', '.join(group.cells)}" if few else group.group

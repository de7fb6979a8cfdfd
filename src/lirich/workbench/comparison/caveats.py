"""What must be said of a comparison as a whole: few cells, one sample, a test that cannot succeed, force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lirich.model import Finding, Severity
from lirich.model.format import condition_name
from lirich.workbench.comparison.result import SIGNIFICANT, ComparisonRow

FEW_CELLS = 3
"""Below so many cells in a group a comparison is called what it is: an anecdote."""


def caveats(
    rows: Sequence[ComparisonRow],
    names: Sequence[str],
    groups: Mapping[str, str],
    samples: Mapping[str, str],
    tests: int,
    by: str = "",
) -> list[Finding]:
    """Return the findings on a comparison of the groups *names*; *groups* and *samples* are by cell.

    *tests* is the number of p values that were corrected together, *by* the field that makes the groups.
    """
    found = []
    for name in names:
        members = [cell for cell, group in groups.items() if group == name]
        found += _few_cells(rows, name, len(members))
        if by != "sample":  # a group that is a sample is of one sample by intent
            found += _one_sample(members, name, samples)
    return found + _smallest_p(rows, tests) + _refused(rows) + _forced(rows)


def _few_cells(rows: Sequence[ComparisonRow], name: str, of: int) -> list[Finding]:
    most = max((g.n for row in rows if not row.refused for g in row.groups if g.group == name), default=0)
    if most >= FEW_CELLS or (most == 0 and not rows):
        return []
    if most == 0:
        message = f"No value of the {_cells(of)} in the group {name} could be compared"
        advice = "See what was refused, and why"
    else:
        message = f"{only(most, name, of)}: this is an anecdote, not a comparison"
        advice = f"Build at least {FEW_CELLS} cells of each group, better 5"
        if of >= FEW_CELLS:
            advice = f"{FEW_CELLS} cells of each group need the value under like conditions, better 5"
    return [Finding(code="few-cells", message=message, advice=advice, where=name)]


def only(n: int, group: str, of: int) -> str:
    """Return the loud words for *n* cells with a comparable value, too few, in a group of *of* cells."""
    if n >= of:
        return f"ONLY {_cells(n).upper()} IN {group}"
    return f"ONLY {n} OF THE {_cells(of).upper()} OF {group} {'HAS' if n == 1 else 'HAVE'} A COMPARABLE VALUE"


def _cells(n: int) -> str:
    return f"{n} cell{'' if n == 1 else 's'}"


def _one_sample(cells: Sequence[str], name: str, samples: Mapping[str, str]) -> list[Finding]:
    known = {samples.get(cell) for cell in cells}
    if len(cells) < 2 or len(known) != 1 or None in known:
        return []
    return [
        Finding(
            code="one-sample",
            message=f"All {len(cells)} cells of {name} are of one sample ({known.pop()}): their spread is that of cell "
            f"making, and what is found holds for this sample, not for {name} as such",
            advice="Add cells of other syntheses",
            where=name,
        )
    ]


def _smallest_p(rows: Sequence[ComparisonRow], tests: int) -> list[Finding]:
    tested = [c for row in rows for c in row.contrasts if c.smallest_p is not None]
    if not tested:
        return []
    smallest = min(c.smallest_p or 0.0 for c in tested)
    best = min(c.smallest_p_corrected or 0.0 for c in tested)
    hopeless = best > SIGNIFICANT
    return [
        Finding(
            code="smallest-p",
            severity=Severity.WARNING if hopeless else Severity.INFO,
            message=f"With so many cells p is {smallest:.2g} at best, and {best:.2g} corrected for {tests} "
            f"test{'' if tests == 1 else 's'}"
            + ("; nothing here can be significant at 5 %, whatever the effect" if hopeless else ""),
            advice="Read the intervals; more cells, or fewer quantities or groups, let a test succeed"
            if hopeless
            else "",
        )
    ]


def _refused(rows: Sequence[ComparisonRow]) -> list[Finding]:
    refused = [c for row in rows for c in row.contrasts if c.refused]
    if not refused:
        return []
    unlike = ", ".join(dict.fromkeys(condition_name(name) for c in refused for name in c.unlike))
    return [
        Finding(
            code="unlike-conditions",
            message=f"{len(refused)} comparison{'' if len(refused) == 1 else 's'} refused; between the groups differ: "
            f"{unlike}",
            advice="Compare under like conditions; --force (force=True) compares nevertheless and says so",
        )
    ]


def _forced(rows: Sequence[ComparisonRow]) -> list[Finding]:
    forced = [c for row in rows for c in row.contrasts if c.forced]
    if not forced:
        return []
    mixed = any("origin" in c.unlike for c in forced)
    return [
        Finding(
            code="forced-comparison",
            message=f"{len(forced)} comparison{'' if len(forced) == 1 else 's'} under unlike conditions, by force"
            + ("; values of unlike origin are mixed" if mixed else ""),
            advice="A difference may be that of the conditions and not of the materials",
        )
    ]

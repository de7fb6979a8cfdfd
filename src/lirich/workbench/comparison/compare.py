"""Compare groups of cells: means, intervals, effect sizes and permutation tests, under like conditions only.

A cell is the unit: several values of one cell under like conditions count as their mean. Values under unlike
conditions or of unlike origin are refused, unless that is forced, and then it is said wherever they are shown.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Finding, Severity, Value
from lirich.quantities import QUANTITIES, quantity
from lirich.workbench.comparison.caveats import FEW_CELLS, caveats, only
from lirich.workbench.comparison.comparable import differences, figures, shared
from lirich.workbench.comparison.lineup import Draft, cells_of, of_group, present, rows_of_figure, sound, with_unsound
from lirich.workbench.comparison.result import Comparison, ComparisonRow, Contrast, Correction, GroupSummary
from lirich.workbench.comparison.statistics import (
    Array,
    hedges_g,
    holm,
    max_t,
    mean_estimate,
    permutation_test,
    welch_difference,
)

__all__ = ["Comparison", "ComparisonRow", "Contrast", "Correction", "GroupSummary", "compare"]

_OF_THE_CELL = frozenset(
    {
        "charge_capacity_mah",
        "discharge_capacity_mah",
        "low_voltage_capacity_mah",
        "charge_energy_mwh",
        "discharge_energy_mwh",
        "hysteresis_loop_energy_mwh",
        "charge_current_ma",
        "discharge_current_ma",
        "charge_rate_c",
        "discharge_rate_c",
        "diffusion_validity_number",
    }
)  # how much was put into a cell and how it was driven: left out unless asked for

_SAME_RATE = 0.01  # a rate test steps by far more than 1 %, its steps repeat to far less


def compare(
    values: Iterable[Value],
    groups: Mapping[str, str],
    *,
    quantities: Sequence[str] | None = None,
    force: bool = False,
    seed: int = 0,
    by: str = "",
    level: float = 0.95,
    correction: Correction = "max-t",
    samples: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare groups of cells, quantity by quantity and pair by pair.

    Parameters
    ----------
    values:
        Values of cells (``subject.kind == "cell"``); values of other subjects and other cells are passed over.
    groups:
        Group of each cell. The order of the groups in the result is SC, PC, then alphabetical.
    quantities:
        Keys to compare, all others are passed over; ``None``: everything that says something of the material
        (absolute charges, energies and currents, which say how much was put into the cell, are left out). Every
        quantity costs power: the p values of all rows and pairs are one family. In any case left out: a rate
        capability at its reference rate (100 % by definition), and single pulses where their median is given.
    force:
        Compare values under unlike conditions and of unlike origin too; it is said in every row concerned.
    correction:
        ``max-t``: step-down max-T over jointly permuted cells, then Bonferroni over pairs of groups. ``holm``:
        Holm over all, which needs far more cells. See `lirich.workbench.comparison.statistics`.
    samples:
        Sample of each cell, where known: cells of one sample repeat the cell, not the synthesis, and it is said.

    Raises
    ------
    NotEnoughDataError
        Without two groups or without a value.
    UnknownNameError
        On a quantity that does not exist.
    InputError
        On a correction or level that does not exist.
    """
    if correction not in ("max-t", "holm"):
        raise InputError(f"Unknown correction {correction!r}", expected="'max-t' or 'holm'")
    if not 0 < level < 1:
        raise InputError(f"A level of {level}", expected="a number between 0 and 1")
    names = _ordered(set(groups.values()))
    if len(names) < 2:
        raise NotEnoughDataError(
            f"There is {len(names)} group of cells" if names else "There is no group of cells",
            expected="two groups or more",
            advice="Group by a field in which the cells differ",
        )
    wanted = None if quantities is None else [quantity(key).key for key in quantities]
    of_groups = [v for v in values if v.subject.kind == "cell" and v.subject.key in groups]
    asked = [v for v in of_groups if (v.quantity not in _OF_THE_CELL if wanted is None else v.quantity in wanted)]
    chosen = _figures_of_merit(asked)
    if not chosen:
        of = "" if wanted is None else " of " + ", ".join(quantity(key).name for key in wanted)
        raise NotEnoughDataError(
            f"The cells of these groups have no value{of}",
            expected="a value of two groups",
            advice="Ask for a quantity that their analysis gave"
            if of_groups
            else "Analyse the cells first, or group others",
        )
    findings: list[Finding] = []
    drafts: list[Draft] = []
    order = list(dict.fromkeys(wanted)) if wanted is not None else list(QUANTITIES)
    for key in order:
        given = [v for v in chosen if v.quantity == key]
        numbers = sound(given, findings)
        alone: dict[str, int] = {}
        for figure in figures(key, numbers):
            rows = [with_unsound(row, given, groups) for row in rows_of_figure(key, figure, groups, names, force)]
            drafts += rows
            if not rows:
                (name,) = present(figure, groups, names)
                alone[name] = alone.get(name, 0) + 1
        findings += [_one_group_only(key, name, count) for name, count in alone.items()]
        if not numbers and wanted is not None:
            findings.append(_no_value(key))
    compared, tests = _computed(drafts, groups, names, level, seed, correction)
    findings += caveats(compared, names, groups, samples or {}, tests, by)
    return Comparison(
        by=by, groups=tuple(names), rows=tuple(compared), correction=correction, tests=tests, level=level,
        forced=force, seed=seed, findings=tuple(findings),
    )  # fmt: skip


def _figures_of_merit(values: Sequence[Value]) -> list[Value]:
    """Leave out what is no figure of a cell: 100 % by definition, and parts of a median that is given too."""
    medians = {(v.subject.key, v.quantity) for v in values if "statistic" in v.conditions.other}
    return [
        v
        for v in values
        if not _by_definition(v) and ("statistic" in v.conditions.other or (v.subject.key, v.quantity) not in medians)
    ]


def _by_definition(value: Value) -> bool:
    """Tell whether it is the rate capability at the reference rate: 100 % of itself."""
    if value.quantity != "rate_capability":
        return False
    c = value.conditions
    pairs = ((c.current_ma_g, c.other.get("reference_current_ma_g")), (c.rate_c, c.other.get("reference_rate_c")))
    return any(x is not None and y is not None and math.isclose(x, float(y), rel_tol=_SAME_RATE) for x, y in pairs)


def _ordered(names: set[str]) -> list[str]:
    return sorted(
        names, key=lambda name: (("SC", "PC").index(name) if name in ("SC", "PC") else 2, _number(name), name)
    )


def _number(name: str) -> float:
    try:
        number = float(name.rstrip(" %"))
    except ValueError:
        return math.inf
    return number if math.isfinite(number) else math.inf


def _computed(
    drafts: Sequence[Draft],
    groups: Mapping[str, str],
    names: Sequence[str],
    level: float,
    seed: int,
    correction: Correction,
) -> tuple[list[ComparisonRow], int]:
    summaries = [_summaries(draft, groups, names, level) for draft in drafts]
    contrasts: list[list[Contrast]] = [list(draft.refusals) for draft in drafts]
    tested: _Tested = {}
    for i, (draft, row) in enumerate(zip(drafts, summaries, strict=True)):
        for one, other in combinations(row, 2) if not draft.refusals else ():
            contrast = _contrast(draft, one, other, level, seed)
            if contrast.p is not None:
                tested.setdefault((one.group, other.group), []).append((i, len(contrasts[i])))
            contrasts[i].append(contrast)
    count = sum(len(places) for places in tested.values())
    correct = _by_holm if correction == "holm" else _by_max_t
    for (i, j), (p, smallest) in correct(summaries, contrasts, tested, seed).items():
        update = {"p_corrected": p, "smallest_p_corrected": smallest}
        contrasts[i][j] = contrasts[i][j].model_copy(update=update)
    rows = [
        ComparisonRow(
            quantity=draft.quantity,
            conditions=shared(draft.values),
            groups=tuple(row),
            contrasts=tuple(found),
            warnings=(*draft.warnings, *_row_warnings(draft, row, groups)),
        )
        for draft, row, found in zip(drafts, summaries, contrasts, strict=True)
    ]
    return rows, count


_Tested = dict[tuple[str, str], list[tuple[int, int]]]  # the places (row, contrast) of the p of each pair of groups
_Corrected = dict[tuple[int, int], tuple[float, float]]  # corrected p and the smallest it could be, by place


def _by_holm(
    summaries: Sequence[Sequence[GroupSummary]], contrasts: Sequence[Sequence[Contrast]], tested: _Tested, seed: int
) -> _Corrected:
    del summaries, seed  # of the other correction
    places = [place for of_pair in tested.values() for place in of_pair]
    corrected = holm([contrasts[i][j].p or 0.0 for i, j in places])
    return {
        (i, j): (p, min(1.0, len(places) * (contrasts[i][j].smallest_p or 0.0)))
        for (i, j), p in zip(places, corrected, strict=True)
    }


def _by_max_t(
    summaries: Sequence[Sequence[GroupSummary]], contrasts: Sequence[Sequence[Contrast]], tested: _Tested, seed: int
) -> _Corrected:
    found: _Corrected = {}
    for (a, b), places in tested.items():
        table, n = _table([summaries[i] for i, _ in places], a, b)
        for (i, j), p, smallest in zip(places, *max_t(table, n, seed=seed), strict=True):
            # Bonferroni over pairs; a quantity's own test may be the stricter one, for it has all its cells
            own, own_smallest = contrasts[i][j].p or 0.0, contrasts[i][j].smallest_p or 0.0
            found[(i, j)] = (
                min(1.0, max(float(p) * len(tested), own)),
                min(1.0, max(float(smallest) * len(tested), own_smallest)),
            )
    return found


def _summaries(draft: Draft, groups: Mapping[str, str], names: Sequence[str], level: float) -> list[GroupSummary]:
    found = []
    for name in present(draft.values, groups, names):
        members = of_group(draft.values, groups, name)
        per_cell = {cell: [v.value for v in members if v.subject.key == cell] for cell in cells_of(members)}
        means = tuple(math.fsum(x) / len(x) for x in per_cell.values())
        estimate = mean_estimate(means, level=level)
        found.append(
            GroupSummary(
                group=name,
                n=estimate.n,
                cells=tuple(per_cell),
                values=means,
                mean=estimate.mean,
                sd=estimate.sd,
                interval=estimate.interval,
                conditions=shared(members),
                origins=tuple(sorted({v.origin for v in members})),
                flags=tuple(sorted({flag for v in members for flag in v.flags})),
            )
        )
    return found


def _contrast(draft: Draft, a: GroupSummary, b: GroupSummary, level: float, seed: int) -> Contrast:
    difference = welch_difference(a.values, b.values, level=level)
    effect = hedges_g(a.values, b.values, level=level)
    test = permutation_test(a.values, b.values, seed=seed) if min(a.n, b.n) > 1 else None
    better = quantity(draft.quantity).better
    favours = None
    if better is not None and difference.value != 0:
        favours = a.group if (difference.value > 0) == (better == "higher") else b.group
    of_pair = [v for v in draft.values if v.subject.key in (*a.cells, *b.cells)]
    unlike = differences(draft.quantity, of_pair, of_pair) if draft.forced else ()
    return Contrast(
        a=a.group,
        b=b.group,
        unlike=unlike,
        forced=bool(unlike),
        difference=difference.value,
        difference_interval=difference.interval,
        effect_size=None if effect is None else effect.value,
        effect_size_interval=None if effect is None else effect.interval,
        p=None if test is None else test.p,
        smallest_p=None if test is None else test.smallest_p,
        test="none: a group has a single cell" if test is None else _test_text(test.method, test.splits),
        favours=favours,
    )


def _test_text(method: str, count: int) -> str:
    if method == "exact":
        return f"exact permutation test, all {count} splits"
    return f"Monte-Carlo permutation test, {count} splits, p resolved to {1 / count:.1g}"


def _table(rows: Sequence[Sequence[GroupSummary]], a: str, b: str) -> tuple[Array, int]:
    """Return the values of all cells of groups *a* and *b*, shape (rows, cells), and how many are of *a*."""
    sides = [list(dict.fromkeys(c for row in rows for g in row if g.group == name for c in g.cells)) for name in (a, b)]
    cells = [*sides[0], *sides[1]]
    table = np.full((len(rows), len(cells)), np.nan)
    for i, row in enumerate(rows):
        known = {cell: x for g in row if g.group in (a, b) for cell, x in zip(g.cells, g.values, strict=True)}
        table[i] = [known.get(cell, np.nan) for cell in cells]
    return table, len(sides[0])


def _row_warnings(draft: Draft, row: Sequence[GroupSummary], groups: Mapping[str, str]) -> list[str]:
    sizes = Counter(groups.values())
    said = [
        f"{only(g.n, g.group, sizes[g.group])}: "
        + ("no spread, interval or test" if g.n == 1 else "intervals and p say next to nothing")
        for g in row
        if g.n < FEW_CELLS
    ]
    what = QUANTITIES[draft.quantity]
    negative = [g.group for g in row if g.mean < 0]
    if negative and what.below_zero:
        said.append(f"below zero in {', '.join(negative)}: {what.below_zero}")
    repeated = [c for c in cells_of(draft.values) if sum(v.subject.key == c for v in draft.values) > 1]
    if repeated:
        said.append(f"several values of {', '.join(repeated)}: each cell counts once, with their mean")
    flagged: dict[str, list[str]] = {}
    for value in draft.values:
        for flag in value.flags:
            flagged.setdefault(flag, []).append(value.subject.key)
    said += [f"flagged {flag}: {', '.join(dict.fromkeys(cells))}" for flag, cells in sorted(flagged.items())]
    known = {g.group for g in row}
    there = {*cells_of(draft.values), *draft.left_out}
    missing = [cell for cell, name in groups.items() if name in known and cell not in there]
    if missing and not draft.refusals:
        said.append(f"no value of {', '.join(missing)}")
    return said


def _one_group_only(key: str, group: str, count: int) -> Finding:
    figures_ = f" ({count} figures)" if count > 1 else ""
    return Finding(
        code="one-group-only",
        severity=Severity.INFO,
        message=f"only {group} has values of {_name(key)}{figures_}",
        where=_name(key),
    )


def _no_value(key: str) -> Finding:
    return Finding(
        code="no-value",
        message=f"{_name(key)} was asked for, but none of the cells has a value that can be compared",
        where=_name(key),
    )


def _name(key: str) -> str:
    return QUANTITIES[key].name

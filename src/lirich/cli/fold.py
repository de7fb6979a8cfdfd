"""Fold what is alike, so that a cell of hundreds of pulses fits a screen: segments, cycles and pulses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from lirich.model import Conditions, Value
from lirich.model.flags import Marks
from lirich.model.format import format_conditions, format_quantity, format_rate, format_value
from lirich.model.shown import shared_conditions
from lirich.quantities import QUANTITIES

if TYPE_CHECKING:
    from lirich.cycling import Segment

MOST_SEGMENTS = 12
"""So many segments are listed in the order of the test; more are folded by what they are for."""

MOST_SPANS = 5
MOST_STATES = 4
"""So many values at different states of charge are listed; more are the pulses of a GITT or ICI, and folded."""

MOST_COLUMNS = 5

Row = tuple[str, ...]


def fold_segments(
    segments: Sequence[Segment], *, everything: bool = False, counted: Mapping[int, int] | None = None
) -> list[Row]:
    """Return kind, cycles, *as you said*, and reason: of each segment, or of each sort where there are many.

    Cycles are those of the file. With *counted*, the cycler's number of each of these, they are listed by that too.
    """
    purposes = [s for s in segments if s.purpose]
    beside = [s for s in segments if not s.purpose]
    if everything:
        return [_row([s], counted) for s in (*purposes, *beside)]
    rows = [[s] for s in purposes]
    if len(purposes) > MOST_SEGMENTS:
        sorts: dict[tuple[str, ...], list[Segment]] = {}
        for s in purposes:
            sorts.setdefault((s.kind, s.source, s.reason), []).append(s)
        rows = list(sorts.values())
        if len(rows) > MOST_SEGMENTS:
            rows = list(_by_kind(purposes))
    return [_row(r, counted) for r in (*rows, *_by_kind(beside))]


def _by_kind(segments: Sequence[Segment]) -> Iterable[list[Segment]]:
    kinds: dict[tuple[str, str], list[Segment]] = {}
    for s in segments:
        kinds.setdefault((s.kind, s.source), []).append(s)
    return kinds.values()


def _row(alike: Sequence[Segment], counted: Mapping[int, int] | None) -> Row:
    first = alike[0]
    spans = [_spans([(s.first_cycle, s.last_cycle) for s in alike])]
    if counted is not None:
        spans.append(_spans([(counted.get(s.first_cycle), counted.get(s.last_cycle)) for s in alike]))
    reasons = {s.reason for s in alike}
    why = first.reason if len(reasons) == 1 else f"the first: {first.reason}"
    if len(alike) > 1:
        why = f"{len(alike)} stretches; {why}"
    return (
        first.kind if first.purpose else f"  {first.kind}",
        *spans,
        "as you said" if first.source == "user" else "",
        why,
    )


def _spans(ends: Sequence[tuple[int | None, int | None]]) -> str:
    spans = [f"{first}" if first == last else f"{first}–{last}" for first, last in ends]
    return ", ".join(spans if len(spans) <= MOST_SPANS else [*spans[: MOST_SPANS - 1], "…", spans[-1]])


@dataclass(slots=True)
class Folded:
    """Values as they are shown: over cycles, of the test, dQ/dV peaks, pulses; marks; and how many are hidden."""

    cycles: list[str] = field(default_factory=list)
    by_cycle: list[Row] = field(default_factory=list)
    common: str = ""
    figures: list[Row] = field(default_factory=list)
    peaks: list[Row] = field(default_factory=list)
    common_to_pulses: str = ""
    pulses: list[Row] = field(default_factory=list)
    marks: Marks = field(default_factory=Marks)
    hidden: int = 0


def fold_values(values: Iterable[Value]) -> Folded:
    """Lay values of the same kind of several cycles beside each other, and fold those of many pulses into a range."""
    whole = Folded()
    known = list(values)
    pulses, rest = _pulses(known)
    peaks = [v for v in rest if v.quantity in _PEAK]
    table, rest = _of_cycles([v for v in rest if v.quantity not in _PEAK])
    numbers = sorted({number for row in table.values() for number in row})
    columns = {number: [row[number] for row in table.values() if number in row] for number in numbers}
    flagged = {n: {f for v in column for f in v.flags if _of_the_cycle(f)} for n, column in columns.items()}
    whole.cycles = [_head(n, column, whole.marks.of(sorted(flagged[n]))) for n, column in columns.items()]
    whole.by_cycle = [_cycle_row(row, flagged, whole.marks) for row in table.values()]
    common, own = shared_conditions([v.conditions for v in rest], [v.quantity for v in rest])
    whole.common = format_conditions(common)
    for value, conditions in zip(rest, own, strict=True):
        text = format_value(value) + whole.marks.of(value.flags)
        whole.figures.append((QUANTITIES[value.quantity].name, text, format_conditions(conditions)))
    whole.peaks = _peak_rows(peaks, whole.marks)
    stated = [group[0].conditions.model_copy(update={"soc_percent": None, "method": None}) for group in pulses]
    common, own = shared_conditions(stated)
    whole.common_to_pulses = format_conditions(common)
    whole.pulses = [_pulse_row(group, conditions) for group, conditions in zip(pulses, own, strict=True)]
    whole.hidden = sum(len(group) for group in pulses)
    return whole


_PEAK = ("dqdv_peak_voltage_v", "dqdv_peak_height_mah_g_v", "dqdv_peak_area_mah_g")


def _peak_rows(values: Sequence[Value], marks: Marks) -> list[Row]:
    """Return one row per peak: its name, direction, cycle, position, height and area.

    A peak of the first charge that is also one of those followed over cycles is one row; where the two are not the same
    peak, each has its own.
    """
    found: dict[tuple[object, ...], dict[str, Value]] = {}
    for value in values:
        c = value.conditions
        key = (c.other.get("peak"), c.direction, c.cycle, c.segment)
        found.setdefault(key, {}).setdefault(value.quantity, value)
    rows: dict[Row, None] = {}
    for (name, direction, cycle, _), of_peak in found.items():
        texts = [format_value(of_peak[k]) + marks.of(of_peak[k].flags) if k in of_peak else "" for k in _PEAK]
        told = (str(name or "not named"), str(direction or ""), "" if cycle is None else str(cycle))
        rows[*told, *texts] = None
    return list(rows)


def _pulses(values: Sequence[Value]) -> tuple[list[list[Value]], list[Value]]:
    """Return the values of pulses, by method and half-cycle, and the other values without the medians of these."""
    sizes: dict[tuple[object, ...], int] = {}
    for value in values:
        if value.conditions.soc_percent is not None:
            sizes[_half(value)] = sizes.get(_half(value), 0) + 1
    groups: dict[tuple[object, ...], list[Value]] = {}
    rest = []
    for value in values:
        if sizes.get(_half(value), 0) <= MOST_STATES:
            rest.append(value)
        elif value.conditions.soc_percent is not None:
            groups.setdefault((*_half(value), value.conditions.method), []).append(value)
    return list(groups.values()), rest


def _half(value: Value) -> tuple[object, ...]:
    c = value.conditions
    return (value.quantity, c.direction, c.cycle, c.segment, c.particle_radius_m)


def _pulse_row(group: Sequence[Value], conditions: Conditions) -> Row:
    """Return quantity, method, conditions, number, states, median, smallest and largest, and the doubts."""
    what = QUANTITIES[group[0].quantity]
    numbers = [v.value for v in group]
    low, middle, high = (
        format_quantity(x, what.key, unit=False) for x in (min(numbers), median(numbers), max(numbers))
    )
    states = [v.conditions.soc_percent or 0.0 for v in group]
    flags = Counter(flag for value in group for flag in value.flags)
    return (
        f"{what.symbol} ({what.unit})" if what.unit != "1" else what.symbol,
        group[0].conditions.method or "",
        format_conditions(conditions),
        str(len(group)),
        f"{min(states):.3g}–{max(states):.3g}",
        middle,
        f"{low} … {high}",
        ", ".join(f"{n} {flag}" for flag, n in flags.items()),
    )


_CycleRow = dict[int, Value]


def _of_cycles(values: Sequence[Value]) -> tuple[dict[tuple[object, ...], _CycleRow], list[Value]]:
    """Return the values of single cycles by what they are and of which cycle, and the other values."""
    cycles: dict[str, set[int]] = {}
    for value in values:
        if value.conditions.cycle is not None:
            cycles.setdefault(value.quantity, set()).add(value.conditions.cycle)
    shown = sorted(set().union(*cycles.values()))
    if len(shown) > MOST_COLUMNS:
        shown = [*shown[: MOST_COLUMNS - 1], shown[-1]]
    table: dict[tuple[object, ...], _CycleRow] = {}
    rest = []
    for value in values:
        c = value.conditions
        of_cycles = QUANTITIES[value.quantity].scope == "cycle" or len(cycles.get(value.quantity, ())) > 1
        row = table.setdefault((value.quantity, c.direction, c.soc_percent), {})
        if c.cycle in shown and c.reference_cycle is None and of_cycles and c.cycle not in row:
            row[c.cycle] = value
        else:
            rest.append(value)
    return {key: row for key, row in table.items() if row}, rest


def _of_the_cycle(flag: str) -> bool:
    """Tell whether a flag is about the whole cycle, so that it is said once, in the head."""
    return flag.startswith("unlike-") or flag == "incomplete-cycle"


def _head(number: int, values: Sequence[Value], marks: str) -> str:
    """Return the head of a column: the cycle, what it was for, its rate."""
    c = next((v.conditions for v in values if v.conditions.segment is not None), values[0].conditions)
    lines = [f"cycle {number}{marks}"]
    if c.segment is not None:
        lines.append(c.segment.replace("_", " "))
    if c.rate_c is not None:
        lines.append(_rates(values, c.rate_c))
    return "\n".join(lines)


def _rates(values: Sequence[Value], discharged: float) -> str:
    """Write at what rates a cycle ran: ``C/10 charge`` and ``1C discharge`` where they are not the same."""
    sides = {v.conditions.direction: v.conditions for v in values if v.conditions.rate_c is not None}
    told = {side: format_rate(c.rate_c) for side, c in sides.items() if side and c.rate_c is not None}
    charge, discharge = told.get("charge"), told.get("discharge", format_rate(discharged))
    if charge is None:
        return f"{discharge} {'discharge' if 'discharge' in told else ''}".strip()
    return charge if charge == discharge else f"{charge} charge\n{discharge} discharge"


def _cycle_row(row: _CycleRow, flagged: Mapping[int, set[str]], marks: Marks) -> Row:
    first = next(iter(row.values()))
    what, c = QUANTITIES[first.quantity], first.conditions
    side = c.direction if c.direction is not None and c.direction not in what.name else None
    how = Conditions(direction=side, threshold_v=c.threshold_v, soc_percent=c.soc_percent, method=c.method)
    unit = f" ({what.unit})" if what.unit != "1" else ""
    cells = []
    for number, said in flagged.items():
        value = row.get(number)
        own = [] if value is None else [flag for flag in value.flags if flag not in said]
        cells.append("" if value is None else format_value(value, unit=False) + marks.of(own))
    return f"{what.name}{unit}", *cells, format_conditions(how)

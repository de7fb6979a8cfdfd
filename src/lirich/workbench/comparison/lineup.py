"""Which values of cells stand in one row of a comparison, and which are refused or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from lirich.model import Conditions, Finding, Operator, Severity, Value
from lirich.model.flags import meaning, unsound
from lirich.model.format import condition_name, condition_unit, format_conditions, format_number
from lirich.quantities import QUANTITIES
from lirich.workbench.comparison.comparable import RATE_FIGURES, classes, differences, number_of_cycles
from lirich.workbench.comparison.result import Contrast, Unlike


@dataclass(frozen=True, slots=True)
class Draft:
    """A row before its p values are corrected."""

    quantity: str
    values: tuple[Value, ...]
    forced: bool = False
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    refusals: tuple[Contrast, ...] = ()


def sound(values: list[Value], findings: list[Finding]) -> list[Value]:
    """Leave out bounds and values that the analysis itself calls unsound; say which."""
    kept = []
    for value in values:
        doubts = unsound(value.flags)
        if value.operator not in (Operator.EQUAL, Operator.ABOUT):
            why = "it is a bound, not a number"
        elif doubts:
            why = "it is flagged " + ", ".join(doubts)
        else:
            kept.append(value)
            continue
        findings.append(
            Finding(
                code="value-left-out",
                severity=Severity.INFO,
                message=f"{QUANTITIES[value.quantity].name} of {value.subject.key} is not compared: {why}",
                where=value.subject.key,
            )
        )
    return kept


def with_unsound(row: Draft, given: Sequence[Value], groups: Mapping[str, str]) -> Draft:
    """Return *row* with a warning for each cell that has none but unsound values of its quantity, and why."""
    inside = set(cells_of(row.values))
    lost = {v.subject.key: unsound(v.flags) for v in given if v.subject.key not in inside and unsound(v.flags)}
    said = [
        f"{cell} ({groups[cell]}) left out, {flag}: {meaning(flag)}" for cell, flags in lost.items() for flag in flags
    ]
    return replace(row, warnings=(*row.warnings, *said), left_out=(*row.left_out, *lost))


def with_other_rates(row: Draft, given: Sequence[Value], groups: Mapping[str, str]) -> Draft:
    """Return *row* of a figure at a rate with a warning for the cells that have it at other rates alone, and at which.

    The text is that of all rows of the quantity, so that it is said once below them.
    """
    if row.quantity not in RATE_FIGURES or row.refusals:
        return row
    inside, named = {*cells_of(row.values), *row.left_out}, set(present(row.values, groups, list(groups.values())))
    rates: dict[str, list[str]] = {}
    for value in given:
        cell, c = value.subject.key, value.conditions
        if cell not in inside and groups[cell] in named:
            of_rate = Conditions(rate_c=c.rate_c, current_ma_g=None if c.rate_c is not None else c.current_ma_g)
            rates.setdefault(cell, []).append(format_conditions(of_rate))
    said = [
        f"no value of {cell} ({groups[cell]}) at this rate; it has {', '.join(dict.fromkeys(filter(None, found)))}"
        for cell, found in rates.items()
    ]
    return replace(row, warnings=(*row.warnings, *said), left_out=(*row.left_out, *rates))


def rows_of_figure(
    key: str, values: list[Value], groups: Mapping[str, str], names: Sequence[str], force: bool
) -> list[Draft]:
    """Return the rows of one figure, one per class of like conditions; empty where one group alone has it."""
    having = present(values, groups, names)
    if len(having) < 2:
        return []
    if force:
        return _forced_rows(key, values, groups, names)
    alike = classes(key, values)
    rows = [c for c in alike if len(present(c, groups, names)) > 1]
    alone = [c for c in alike if len(present(c, groups, names)) == 1]
    drafts = []
    for row in rows:
        said, cells = _left_out(key, row, alone, groups)
        drafts.append(Draft(key, tuple(row), warnings=tuple(said), left_out=tuple(cells)))
    met = {pair for row in rows for pair in combinations(present(row, groups, names), 2)}
    left = [v for c in alone for v in c]
    among_left = set(combinations(present(left, groups, names), 2))
    unmet = [pair for pair in combinations(having, 2) if pair not in met or pair in among_left]
    if unmet:
        sides = {
            name: of_group(left, groups, name) or of_group(values, groups, name) for pair in unmet for name in pair
        }
        refusals = []
        for a, b in unmet:
            unlike = differences(key, sides[a], sides[b])
            differing = _differing(unlike, sides[a], sides[b])
            why = f"unlike conditions: {_in_words(differing)}"
            refusals.append(Contrast(a=a, b=b, unlike=unlike, differing=differing, refused=why))
        shown = [max(classes(key, sides[name]), key=len) for name in names if name in sides]
        drafts.append(Draft(key, tuple(v for c in shown for v in c), refusals=tuple(refusals)))
    return drafts


def _forced_rows(key: str, values: Sequence[Value], groups: Mapping[str, str], names: Sequence[str]) -> list[Draft]:
    """Return one row of all values; figures of single cycles are set against the same cycle first."""
    by_cycle: dict[int | None, list[Value]] = {}
    for value in values:
        of_cycle = QUANTITIES[key].scope == "cycle"
        by_cycle.setdefault(value.conditions.cycle if of_cycle else None, []).append(value)
    rows = [c for c in by_cycle.values() if len(present(c, groups, names)) > 1]
    rest = [v for c in by_cycle.values() if len(present(c, groups, names)) < 2 for v in c]
    if len(present(rest, groups, names)) > 1:
        rows.append(rest)
    drafts = []
    for row in rows:
        unlike = differences(key, row, row)
        drafts.append(Draft(key, tuple(row), forced=bool(unlike), warnings=_forced_warning(unlike, row)))
    return drafts


def _left_out(
    key: str, row: list[Value], alone: list[list[Value]], groups: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return what to say of the values that stand *alone*, and the cells that this names."""
    said, named = [], []
    inside = {v.subject.key for v in row}
    for outside in alone:
        cells = sorted({v.subject.key for v in outside} - inside)
        if cells:
            unlike = differences(key, outside, row)
            of = sorted({groups[cell] for cell in cells})
            said.append(f"{', '.join(cells)} ({', '.join(of)}) left out: {_in_words(_differing(unlike, outside, row))}")
            named += cells
    return said, named


def _forced_warning(unlike: tuple[str, ...], values: Sequence[Value]) -> tuple[str, ...]:
    if not unlike:
        return ()
    text = f"FORCED: compared although conditions are unlike ({', '.join(map(condition_name, unlike))})"
    if "origin" in unlike:
        origins = sorted({v.origin.value for v in values})
        text += f"; MIXED ORIGINS: {' and '.join(origins)} values stand in one comparison"
    return (text,)


def _differing(unlike: Sequence[str], a: Sequence[Value], b: Sequence[Value]) -> tuple[Unlike, ...]:
    return tuple(Unlike(condition=condition_name(name), a=_stated(name, a), b=_stated(name, b)) for name in unlike)


def _in_words(differing: Sequence[Unlike]) -> str:
    return "; ".join(map(str, differing))  # what is stated of a method has commas


def _stated(name: str, values: Sequence[Value]) -> str:
    found: list[object] = []
    for value in values:
        if name == "origin":
            found.append(value.origin.value)
        elif name == "cycles":
            found.append(_cycles(value.conditions))
        elif name in Conditions.model_fields:
            found.append(getattr(value.conditions, name))
        else:
            found.append(value.conditions.other.get(name))
    texts = list(dict.fromkeys(_text(x, condition_unit(name)) for x in found))
    either = ", or " if any("," in text for text in texts) else " or "
    return either.join([*texts[:3], *["…"] * (len(texts) > 3)])


def _cycles(c: Conditions) -> object:
    """Return over how many cycles a value was taken, with the first and the last where they are known."""
    count, first, last = (c.other.get(name) for name in ("n", "first_cycle", "last_cycle"))
    if c.cycles is None and None not in (count, first, last):
        return f"{count} ({first} to {last})"
    return number_of_cycles(c) if c.cycles is None else c.cycles


def _text(stated: object, unit: str) -> str:
    if stated is None:
        return "not stated"
    text = format_number(stated) if isinstance(stated, float) else str(stated).replace("_", " ")
    return f"{text} {unit}" if unit else text


def present(values: Sequence[Value], groups: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """Return those of the groups *names* that have a value, in their order."""
    found = {groups[v.subject.key] for v in values}
    return [name for name in names if name in found]


def of_group(values: Sequence[Value], groups: Mapping[str, str], name: str) -> list[Value]:
    """Return the values of the cells of one group."""
    return [v for v in values if groups[v.subject.key] == name]


def cells_of(values: Sequence[Value]) -> list[str]:
    """Return the cells that *values* are of, each once."""
    return list(dict.fromkeys(v.subject.key for v in values))

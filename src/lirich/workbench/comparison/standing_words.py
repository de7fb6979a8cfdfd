"""Where own values stand among published ones, in words: both sides with their conditions, like beside like alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from lirich.model import Conditions, Origin, Value
from lirich.model.format import (
    capitalised,
    condition_name,
    format_conditions,
    format_number,
    format_rate,
    format_value,
)
from lirich.model.listing import name_some
from lirich.quantities import QUANTITIES

if TYPE_CHECKING:
    from lirich.workbench.comparison.context import Place, Standing

LEAST_FOR_PERCENTILE = 5
"""Among fewer facts a percentile says nothing; the rank is given alone."""

_Number = TypeVar("_Number", int, float)

_MOST_LISTED = 3  # published values; of more their span
_MOST_NAMED = 8  # cells in one line that have no rank


def in_words(standings: Iterable[Standing]) -> tuple[str, ...]:
    """Return the standings as sentences, one for all values of like conditions among the same published ones.

    Values without a rank are one sentence for each quantity and reason. Those that have a rank come first, in their
    order.
    """
    ranked: dict[object, list[Standing]] = {}
    without: dict[tuple[str, str], list[Value]] = {}
    for one in standings:
        key = one.value.quantity
        if one.unranked:
            without.setdefault((key, one.unranked), []).append(one.value)
        else:
            published = [v.to_json() for v in one.among]
            same = (key, _said([one.value]), published, one.never_stated, one.not_stated_here, one.alike)
            ranked.setdefault(repr(same), []).append(one)
    said = [_together(found) if len(found) > 1 else found[0].sentence for found in ranked.values()]
    return (*said, *(_without_rank(values, why) for (_, why), values in without.items()))


def sentence_of(standing: Standing) -> str:
    """Return a standing in words, with n, the conditions of both sides, and the flags of the published values."""
    value = standing.value
    own = f"{value.subject.key}: {QUANTITIES[value.quantity].name} {format_value(value)}{_in_brackets(_said([value]))}"
    if standing.unranked:
        return f"{own} is not ranked: {standing.unranked}."
    return f"{own} {_rank(standing.among_compatible, value)}, {_beside(standing)}"


def _together(standings: Sequence[Standing]) -> str:
    """Say several standings among the same published values at once, those of one rank together."""
    values = [one.value for one in standings]
    by_rank: dict[str, list[str]] = {}
    for one in standings:
        number = format_value(one.value).replace(" ", "\N{NO-BREAK SPACE}")
        by_rank.setdefault(_rank(one.among_compatible, one.value), []).append(f"{one.value.subject.key} {number}")
    ranks = "; ".join(f"{', '.join(cells)} {rank}" for rank, cells in by_rank.items())
    return f"{_name(values[0])}{_in_brackets(_said(values))}: {ranks}, {_beside(standings[0])}"


def _without_rank(values: Sequence[Value], why: str) -> str:
    cells = list(dict.fromkeys(v.subject.key for v in values))
    count = f"{len(values)} values" if len(values) > 1 else format_value(values[0])
    said = _in_brackets([count, *_said(values)])
    return f"{_name(values[0])} of {name_some(cells, _MOST_NAMED)}{said} is not ranked: {why}."


def _beside(standing: Standing) -> str:
    """Say how like the published values are, what they are, and how many are left aside."""
    doubts = "none under conditions known to be alike" if standing.alike == 0 else f"{standing.alike} of them alike"
    never, here = (
        ", ".join(condition_name(name) for name in names) for names in (standing.never_stated, standing.not_stated_here)
    )
    why = [f"no source states {never}"] if never else []
    why += [f"{here} of this value not stated"] if here else []
    apart, n = standing.apart, len(standing.among)
    others = f" Not counted: {len(apart)} of other conditions{_in_brackets(conditions_of(apart))}." if apart else ""
    few = f" ONLY {n} PUBLISHED VALUE{'S' if n > 1 else ''}." if n < LEAST_FOR_PERCENTILE else ""
    told = "; ".join(why)
    return f"{doubts}{f' ({told})' if told else ''}: {_published(standing)}.{others}{few}"


def _published(standing: Standing) -> str:
    """Name the published values where they are few, else their span and how many are flagged."""
    values, own = standing.among, standing.value
    if len(values) <= _MOST_LISTED:
        return ", ".join(f"{format_value(v)}{_in_brackets([v.subject.key, *_doubts(own, v)])}" for v in values)
    low, high = min(values, key=lambda v: v.value), max(values, key=lambda v: v.value)
    flagged: dict[str, int] = {}
    for value in values:
        for doubt in _doubts(own, value):
            flagged[doubt] = flagged.get(doubt, 0) + 1
    span = f"{format_value(low, unit=False)} to {format_value(high)}"
    return span + _in_brackets([*conditions_of(values), *(f"{n} flagged {doubt}" for doubt, n in flagged.items())])


def _doubts(own: Value, value: Value) -> list[str]:
    filed = [] if value.quantity == own.quantity else [f"filed as {QUANTITIES[value.quantity].name}"]
    return [*filed, *(flag.replace("-", " ") for flag in value.flags)]


def _name(value: Value) -> str:
    return capitalised(QUANTITIES[value.quantity].name)


def _said(values: Sequence[Value]) -> list[str]:
    """Return what is said of own values beside their numbers: origins that are not measured, and conditions."""
    origins = [o.value.upper() for o in Origin if o is not Origin.MEASURED and any(v.origin is o for v in values)]
    return [*origins, *conditions_of(values)]


def _in_brackets(parts: Sequence[str]) -> str:
    return f" ({', '.join(parts)})" if parts else ""


def conditions_of(values: Sequence[Value]) -> list[str]:
    """Return the windows, rates, temperatures and cycles that *values* state, each as a text such as ``1C to 5C``."""
    stated = [v.conditions for v in values]
    windows = list(
        dict.fromkeys(
            format_conditions(Conditions(voltage_lower_v=c.voltage_lower_v, voltage_upper_v=c.voltage_upper_v))
            for c in stated
            if c.voltage_lower_v is not None or c.voltage_upper_v is not None
        )
    )
    by_rate = [c for c in stated if c.rate_c is not None]
    by_current = [c for c in stated if c.current_ma_g is not None and c.rate_c is None]
    silent = len(stated) - len(by_rate) - len(by_current)
    rates = [
        _ends([c.rate_c for c in by_rate], format_rate),
        _ends([c.current_ma_g for c in by_current], _short, " mA/g"),
        f"{silent} without a rate" if 0 < silent < len(stated) else "",
    ]
    said = [
        " and ".join(windows) if len(windows) < _MOST_LISTED else f"{len(windows)} windows",
        " or ".join(text for text in rates if text),
        _ends([c.temperature_celsius for c in stated], _short, " °C"),
        _ends([c.cycles for c in stated], str, " cycles"),
        _ends([c.cycle for c in stated], str, before="cycle "),
    ]
    return [text for text in said if text]


def _short(number: float) -> str:
    return format_number(number, significant=3)


def _ends(
    numbers: Iterable[_Number | None], write: Callable[[_Number], str], unit: str = "", *, before: str = ""
) -> str:
    known = [n for n in numbers if n is not None]
    if not known:
        return ""
    low, high = write(min(known)), write(max(known))
    return before + (low if low == high else f"{low} to {high}") + unit


def _rank(place: Place, value: Value) -> str:
    """Say the place: ``would be the 2nd to 4th highest beside 7 published values``; beside one, which is the higher."""
    better = QUANTITIES[value.quantity].better
    best, worst = place.best_rank, place.worst_rank
    if place.n == 1 and best != worst:
        return "could not be told apart from the 1 published value"
    if place.n == 1:
        above, below = ("larger", "smaller") if better is None else ("higher", "lower")
        return f"would be {above if place.below else below} than the 1 published value"
    after = " after about as many cycles" if QUANTITIES[value.quantity].key.endswith("_retention") else ""
    return f"would be {_ranked(place, better)} beside {place.n} published values{after}"


def _ranked(place: Place, better: Literal["higher", "lower"] | None) -> str:
    word = {"higher": "highest", "lower": "lowest", None: "largest"}[better]
    best, worst = place.best_rank, place.worst_rank
    if worst == 1:
        return f"the {word}"
    if best == place.n + 1:
        return {"lowest": "the highest", "highest": "the lowest", "largest": "the smallest"}[word]
    return f"the {_ordinal(best)} {word}" if best == worst else f"the {_ordinal(best)} to {_ordinal(worst)} {word}"


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"

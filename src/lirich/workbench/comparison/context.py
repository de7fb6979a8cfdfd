"""Where a lab's own values stand among published ones: rank, and honestly how like the conditions are.

A published number seldom states its voltage window, temperature or what 1C meant. Each fact is therefore *alike*
(all conditions that matter are stated and agree), *not stated* (nothing that is stated disagrees) or *unlike*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from lirich.model import Conditions, Frozen, Origin, Subject, Value
from lirich.model.flags import unsound
from lirich.quantities import QUANTITIES, quantity
from lirich.store.literature import about
from lirich.store.literature.conflicts import same_material, span
from lirich.workbench.comparison.comparable import number_of_cycles, unlike
from lirich.workbench.comparison.standing_words import LEAST_FOR_PERCENTILE, conditions_of, in_words, sentence_of

__all__ = ["LEAST_FOR_PERCENTILE", "Neighbour", "Place", "Standing", "in_words", "standings"]

Likeness = Literal["alike", "not stated", "unlike"]

_RETENTION = frozenset({"capacity_retention", "energy_retention"})
_AT_A_RATE = frozenset({"rate_capacity_mah_g", "rate_capability", "rate_recovery"})  # without its rate it is no figure
_CYCLES_TOLERANCE = 0.10  # retentions after 100 and 110 cycles may stand side by side here, where nothing is tested
_WORD_OF_A_LAB = "segment"  # papers have no protocol segments


class Neighbour(Frozen):
    """One published value beside the user's: *difference* is the user's value less the published one."""

    value: Value
    likeness: Likeness
    unlike: tuple[str, ...] = ()
    not_stated: tuple[str, ...] = ()
    difference: float


class Place(Frozen):
    """The place of a value among *n* published ones.

    ``open`` facts cannot be told from the value: bounds (``> 250``), ranges around it, and equal numbers. Rank 1 is
    the best where the quantity has a better direction, else the largest; a percentile is the share of facts below.
    Both are given as the ends between which the open facts leave them.
    """

    n: int
    below: int
    above: int
    open: int
    best_rank: int
    worst_rank: int
    percentile_low: float | None = None
    percentile_high: float | None = None


class Standing(Frozen):
    """Where one value of the user stands among published ones.

    ``among_all`` counts every material once; ``among_compatible`` only those of which no stated condition differs (of
    a figure at a rate: whose rate is known): the values ``among``, beside which it is ranked. The rest are ``apart``.
    ``never_stated`` are conditions of the value that none of ``among`` states, ``not_stated_here`` those that they
    state and the value does not.
    ``statements`` are published values about a kind of material and theoretical ones: shown, never ranked against.
    ``nearest`` are the nearest facts, those under the likest conditions first. A retention is set among those after a
    like number of cycles only; ``unranked`` says why it has no rank where there is none.
    """

    value: Value
    among_all: Place
    among_compatible: Place
    alike: int
    not_stated: int
    unlike: int
    never_stated: tuple[str, ...]
    nearest: tuple[Neighbour, ...]
    statements: tuple[Value, ...] = ()
    unranked: str = ""
    among: tuple[Value, ...] = ()
    apart: tuple[Value, ...] = ()
    not_stated_here: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The standing in words, with n, the conditions of both sides and the doubts about them."""
        return sentence_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the standing as the object that ``--json`` prints."""
        return {**self.model_dump(mode="json"), "unit": self.value.unit, "sentence": self.sentence}


def standings(
    values: Iterable[Value],
    literature: Iterable[Value],
    *,
    quantities: Sequence[str] | None = None,
    nearest: int = 5,
) -> list[Standing]:
    """Set each of *values* among the published values of its quantity, in the order given.

    Values of origin ``literature`` and quantities without a published value of a named material are passed over. A
    material that is told of twice with one number counts once; contradicting numbers count both and are flagged.
    Values that are flagged as unsound (`lirich.model.flags`) have no place. Papers give capacities and efficiencies
    of fresh cells: of a figure of single cycles (retentions apart) only a subject's first cycle is set among them. An
    efficiency that a source gives without saying of which cycle stands beside initial ones, and says so.

    Raises `UnknownNameError` on a key of *quantities*.
    """
    wanted = None if quantities is None else {quantity(key).key for key in quantities}
    published = [v for v in literature if v.origin is Origin.LITERATURE]
    found = []
    known = list(values)
    first = _first_cycles(known)
    initial = {v.subject for v in known if v.quantity == "initial_coulombic_efficiency"}
    by_quantity: dict[str, tuple[list[Value], tuple[Value, ...]]] = {}
    for value in known:
        if value.conditions.cycle != first.get((value.subject, value.quantity), value.conditions.cycle):
            continue
        if value.origin is Origin.LITERATURE or (wanted is not None and value.quantity not in wanted):
            continue
        if unsound(value.flags) or (value.quantity == "coulombic_efficiency" and value.subject in initial):
            continue  # of a first cycle the initial efficiency is the same number
        if value.quantity not in by_quantity:
            by_quantity[value.quantity] = _facts_and_statements(about(published, value.quantity))
        facts, statements = by_quantity[value.quantity]
        if facts:
            found.append(_standing(value, facts, statements, nearest))
    return found


def _facts_and_statements(published: Sequence[Value]) -> tuple[list[Value], tuple[Value, ...]]:
    statements = tuple(v for v in published if v.subject.kind == "population" or "not-measured" in v.flags)
    return _once([v for v in published if v not in statements]), statements


def _standing(value: Value, facts: Sequence[Value], statements: tuple[Value, ...], nearest: int) -> Standing:
    neighbours = [_neighbour(value, fact) for fact in facts]
    all_of_them, unranked = facts, ""
    if value.quantity in _RETENTION:
        all_of_them = [f for f in facts if _like_count(value.conditions, f.conditions)]
        unranked = "" if all_of_them else _no_like_count(value, facts)
    compatible = [n for n in neighbours if n.likeness != "unlike" and n.value in all_of_them]
    if value.quantity in _AT_A_RATE:
        compatible = [n for n in compatible if not {"rate_c", "current_ma_g"}.intersection(n.not_stated)]
    among = [n.value for n in compatible]
    apart = [fact for fact in facts if fact not in among]
    if not among and not unranked:
        unranked = f"none of {len(apart)} published values is known to be under like conditions"
        theirs = ", ".join(conditions_of(apart))
        unranked += f"; theirs: {theirs}" if theirs else ""
    counts = {kind: sum(n.likeness == kind for n in neighbours) for kind in ("alike", "not stated", "unlike")}
    silent = set.intersection(*(_silent(value.conditions, fact.conditions) for fact in among or facts))
    here = {name for n in compatible for name in n.not_stated if not _states(value.conditions, name)}
    order = {"alike": 0, "not stated": 1, "unlike": 2}
    neighbours.sort(key=lambda n: (order[n.likeness], abs(n.difference)))
    return Standing(
        value=value,
        among_all=_place(value, all_of_them),
        among_compatible=_place(value, among),
        alike=counts["alike"],
        not_stated=counts["not stated"],
        unlike=counts["unlike"],
        never_stated=tuple(sorted(silent)),
        nearest=tuple(neighbours[:nearest]),
        statements=statements,
        unranked=unranked,
        among=tuple(among),
        apart=tuple(apart),
        not_stated_here=tuple(sorted(here)),
    )


def _like_count(a: Conditions, b: Conditions) -> bool:
    """Tell whether both say over how many cycles they are, and it is about as many."""
    one, other = number_of_cycles(a), number_of_cycles(b)
    return one is not None and other is not None and abs(one - other) <= _CYCLES_TOLERANCE * max(one, other)


def _no_like_count(value: Value, facts: Sequence[Value]) -> str:
    """Say why a retention has no place among *facts*."""
    cycles = number_of_cycles(value.conditions)
    if cycles is None:
        return "it does not state after how many cycles"
    stated = [n for fact in facts if (n := number_of_cycles(fact.conditions)) is not None]
    theirs = f"; where it is stated, after {min(stated):g} to {max(stated):g}" if stated else ""
    return (
        f"it is after {cycles:g} cycle{'' if cycles == 1 else 's'}, and no published value after about as many{theirs}"
    )


def _first_cycles(values: Sequence[Value]) -> dict[tuple[Subject, str], int]:
    """Return the first cycle that each subject has of each figure of single cycles."""
    first: dict[tuple[Subject, str], int] = {}
    for value in values:
        cycle = value.conditions.cycle
        if cycle is not None and QUANTITIES[value.quantity].scope == "cycle" and value.quantity not in _RETENTION:
            place = (value.subject, value.quantity)
            first[place] = min(cycle, first.get(place, cycle))
    return first


def _once(facts: Sequence[Value]) -> list[Value]:
    kept: list[Value] = []
    for fact in facts:
        low, high = span(fact)
        if not any(
            same_material(fact, k) and low <= span(k)[1] and span(k)[0] <= high and _agree(fact, k) for k in kept
        ):
            kept.append(fact)
    return kept


def _agree(a: Value, b: Value) -> bool:
    """Tell whether two facts of one material state no condition unlike: they are one fact told twice."""
    names = a.conditions.unlike(b.conditions)
    return not any(getattr(a.conditions, n) is not None and getattr(b.conditions, n) is not None for n in names)


def _neighbour(value: Value, fact: Value) -> Neighbour:
    apart, silent = [], []
    for name in _unlike(value.quantity, value.conditions, fact.conditions):
        if _states(value.conditions, name) and _states(fact.conditions, name):
            apart.append(name)
        else:
            silent.append(name)
    likeness: Likeness = "unlike" if apart else "not stated" if silent else "alike"
    return Neighbour(
        value=fact, likeness=likeness, unlike=tuple(apart), not_stated=tuple(silent),
        difference=value.value - fact.value,
    )  # fmt: skip


def _unlike(key: str, a: Conditions, b: Conditions) -> list[str]:
    names = [n for n in unlike(key, a, b) if n != _WORD_OF_A_LAB]
    if key in _RETENTION:
        # a paper says "after 200 cycles", an analysis says cycle 204 against cycle 4
        names = [n for n in names if n not in ("cycle", "reference_cycle", "cycles")]
        if not _like_count(a, b):
            names.append("cycles")
    if a.rate_c is not None and b.rate_c is not None and (a.current_ma_g is None or b.current_ma_g is None):
        known = a.one_c_ma_g is not None and b.one_c_ma_g is not None
        if not known and "rate_c" not in names:
            names.append("one_c_ma_g")
    return names


def _states(conditions: Conditions, name: str) -> bool:
    if name == "cycles":
        return number_of_cycles(conditions) is not None
    if name in Conditions.model_fields:
        return getattr(conditions, name) is not None
    return name in conditions.other


def _silent(value: Conditions, fact: Conditions) -> set[str]:
    """Return what the user's value states and the fact does not, among what every test has."""
    usual = ("voltage_lower_v", "voltage_upper_v", "temperature_celsius")
    silent = {n for n in usual if getattr(value, n) is not None and getattr(fact, n) is None}
    rates = [any(x is not None for x in (c.rate_c, c.current_ma_g)) for c in (value, fact)]
    return silent | ({"rate_c"} if rates == [True, False] else set())


def _place(value: Value, facts: Sequence[Value]) -> Place:
    spans = [span(fact) for fact in facts]
    below = sum(high < value.value for _, high in spans)
    above = sum(low > value.value for low, _ in spans)
    undecided = len(facts) - below - above
    ahead = below if quantity(value.quantity).better == "lower" else above
    percentiles: tuple[float | None, float | None] = (None, None)
    if len(facts) >= LEAST_FOR_PERCENTILE:
        percentiles = (100.0 * below / len(facts), 100.0 * (below + undecided) / len(facts))
    return Place(
        n=len(facts), below=below, above=above, open=undecided, best_rank=ahead + 1,
        worst_rank=ahead + undecided + 1, percentile_low=percentiles[0], percentile_high=percentiles[1],
    )  # fmt: skip

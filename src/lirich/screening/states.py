"""One state of charge at a time, and whether orderings rank alike: what the averages of a ranking rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from lirich.quantities import QUANTITIES
from lirich.screening.candidate import Estimate
from lirich.screening.estimates import Run, estimate
from lirich.screening.judged import CHANGES, Judged, Key, doubts_of, host_numbers, numbers
from lirich.screening.screened import Tried
from lirich.screening.sizes import possible
from lirich.screening.weakest import WEAKEST

MOST_PERCENT = 200.0
"""A change of more than so many percent is one of a number that is nearly 0, and its share says nothing; a choice."""
LEAST_TO_RANK = 4
"""Candidates that two orderings must share before a rank correlation says anything; a convention of lirich."""


@dataclass(frozen=True, slots=True)
class StateFigure:
    """A figure at one state of charge, of one ``metal`` where metals leave; ``places`` are those that it goes to.

    ``regions`` says whether that metal stands ``near`` a dopant or ``far`` from one, of all orderings.
    """

    quantity: str
    lithium_removed: float
    metal: str
    figure: Estimate
    places: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    @property
    def conditions(self) -> dict[str, str | float]:
        """Under what it holds: ``lithium_removed``, and of metals that leave ``metal``, ``place``, ``region``."""
        held: dict[str, str | float] = {"lithium_removed": self.lithium_removed}
        if self.metal:
            how = "" if len(self.places) < 2 else "lower of " if self.quantity in WEAKEST else "mean of "
            held |= {"metal": self.metal, "place": how + " and ".join(self.places) + " of the Li layer"}
            held |= {"region": " and ".join(self.regions)} if self.regions else {}
        return held

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"quantity": self.quantity, **self.conditions, "figure": self.figure.model_dump(mode="json")}


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of one candidate at one state of charge, ``percent`` of what the undoped cells have there.

    There is no ``percent`` where that is nearly 0 (`MOST_PERCENT`).

    ``metal`` is the metal that leaves, of quantities that have one.
    """

    candidate: str
    quantity: str
    lithium_removed: float
    change: Estimate
    percent: float | None
    metal: str = ""

    @property
    def name(self) -> str:
        """The quantity in words, with the metal."""
        return _named(self.quantity, self.metal)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "candidate": self.candidate,
            "quantity": self.quantity,
            "lithium_removed": self.lithium_removed,
            "change": self.change.model_dump(mode="json"),
            "percent_of_undoped": self.percent,
            **({"metal": self.metal} if self.metal else {}),
        }


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two orderings of the host rank the candidates: Spearman's coefficient of each pair of orderings."""

    quantity: str
    lithium_removed: float
    spearman: Mapping[tuple[int, int], float]
    candidates: int
    metal: str = ""

    @property
    def words(self) -> str:
        """Say it: ``orderings rank 14 candidates by … alike: Spearman 0.85 to 0.96 over 6 pairs``."""
        values = sorted(self.spearman.values())
        span = f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} to {values[-1]:.2f}"
        pairs = f"over {len(values)} pairs of orderings" if len(values) > 1 else "of two orderings"
        return (
            f"{_named(self.quantity, self.metal)}, {state_words(self.lithium_removed)}: rank correlation of "
            f"{self.candidates} candidates {span} (Spearman, {pairs})"
        )

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "quantity": self.quantity,
            "lithium_removed": self.lithium_removed,
            "candidates": self.candidates,
            **({"metal": self.metal} if self.metal else {}),
            "spearman": [{"orderings": list(pair), "value": value} for pair, value in self.spearman.items()],
        }


def state_words(lithium_removed: float) -> str:
    """Say a state of charge: ``discharged``, ``50 % of the lithium out``."""
    return "discharged" if lithium_removed == 0 else f"{100 * lithium_removed:.0f} % of the lithium out"


def _named(quantity: str, metal: str) -> str:
    return QUANTITIES[quantity].name + (f", {metal}" if metal else "")


def figures_by_state(judged: Judged, tried: Tried) -> list[StateFigure]:
    """Return every figure of a candidate, or of the undoped cells, at each state of charge and of each metal."""
    keys = dict.fromkeys(r.quantity for r in tried.readings)
    if tried is not judged.screened.host:
        keys |= dict.fromkeys(key for key, base in CHANGES.items() if base in keys)
    host = host_numbers(judged.screened, keys)
    return [
        StateFigure(
            quantity=key,
            lithium_removed=share,
            metal=metal,
            figure=possible(key, estimate(values, doubts_of(tried, key, metal, share))),
            places=_said(tried, key, metal, share, "place"),
            regions=_said(tried, key, metal, share, "region") if metal else (),
        )
        for key in keys
        for (share, metal), values in _states(tried, key, host)
    ]


def _said(tried: Tried, key: str, metal: str, share: float, what: str) -> tuple[str, ...]:
    """Return what the readings that a figure rests on say, each once; of a change by pairs those of its base."""
    own = any(r.quantity == key and r.value is not None for r in tried.readings)
    of = key if own else CHANGES.get(key, key)
    there = (r for r in tried.readings if (r.quantity, r.metal, r.lithium_removed) == (of, metal, share))
    said = {str(getattr(r, what)) for r in there if r.value is not None}
    return tuple(sorted(said - {""}))


def changes_by_state(judged: Judged) -> list[StateChange]:
    """Return every weighted or gated change at each state of charge, in the order of candidates and states."""
    found = []
    for key in (k for k in judged.screened.study.wanted if k in CHANGES):
        host = host_numbers(judged.screened, [key])
        for tried in judged.screened.tried:
            found += [_change(tried, key, at, host[CHANGES[key]], of) for at, of in _states(tried, key, host)]
    return found


def changes_of(judged: Judged, name: str, key: str) -> list[StateChange]:
    """Return what a candidate changes of the quantity *key* at each state of charge, the lowest first.

    It is the change as it was computed where the vocabulary has one (``…_change_…``), else the difference to the
    undoped cell of the same ordering, calculator and state of charge. Of several metals that leave it is that of the
    metal with the lowest change. Empty where neither was computed.
    """
    tried = judged.tried(name)
    changed = next((change for change, base in CHANGES.items() if base == key), key)
    host = host_numbers(judged.screened, [key])
    by_state: dict[float, list[StateChange]] = {}
    for at, values in _states(tried, changed, host):
        if changed == key:
            undoped = {run: host[key].get(Key(*run, *at)) for run in values}
            values = {run: value - base for run, value in values.items() if (base := undoped[run]) is not None}
        if values:
            by_state.setdefault(at[0], []).append(_change(tried, changed, at, host[key], values))
    return [min(of, key=lambda each: each.change.value) for _, of in sorted(by_state.items())]


def agreements(judged: Judged) -> list[Agreement]:
    """Return how alike orderings rank, of each wanted change at each state of charge where that can be told."""
    found = []
    for key in (k for k in judged.screened.study.wanted if k in CHANGES):
        host = host_numbers(judged.screened, [key])
        columns: dict[tuple[float, str], dict[int, dict[str, list[float]]]] = {}
        for tried in judged.screened.tried:
            for at, values in _states(tried, key, host):
                for (ordering, _), value in values.items():
                    named = columns.setdefault(at, {}).setdefault(ordering, {})
                    named.setdefault(tried.name, []).append(value)
        for (share, metal), by_ordering in sorted(columns.items()):
            pairs = {}
            names = set.intersection(*(set(of) for of in by_ordering.values()))
            if len(names) < LEAST_TO_RANK:
                continue
            for a, b in combinations(sorted(by_ordering), 2):
                pairs[a, b] = _spearman(*([fmean(by_ordering[o][n]) for n in sorted(names)] for o in (a, b)))
            if pairs:
                found.append(Agreement(key, share, pairs, len(names), metal))
    return found


def _states(
    tried: Tried, key: str, host: Mapping[str, Mapping[Key, float]]
) -> list[tuple[tuple[float, str], dict[Run, float]]]:
    """Return the states of charge and metals of a candidate, each with one number per ordering and calculator."""
    states: dict[tuple[float, str], dict[Run, float]] = {}
    for place, value in numbers(tried, key, host).items():
        states.setdefault((place.lithium_removed, place.metal), {})[place.ordering, place.calculator] = value
    return sorted(states.items())


def _change(
    tried: Tried, key: str, at: tuple[float, str], host: Mapping[Key, float], values: Mapping[Run, float]
) -> StateChange:
    share, metal = at
    undoped = [host[Key(*run, share, metal)] for run in values if Key(*run, share, metal) in host]
    base = fmean(undoped) if undoped else 0.0
    change = estimate(values)
    percent = 100 * change.value / base if base > 0 else None
    if percent is not None and abs(percent) > MOST_PERCENT:
        percent = None
    return StateChange(tried.name, key, share, change, percent, metal)


def _spearman(a: Sequence[float], b: Sequence[float]) -> float:
    from scipy.stats import spearmanr  # slow to import

    return float(spearmanr(a, b).statistic)

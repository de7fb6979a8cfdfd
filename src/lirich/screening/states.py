"""One state of charge at a time, and whether orderings rank alike: what the averages of a ranking rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from lirich.quantities import QUANTITIES
from lirich.screening.candidate import Estimate
from lirich.screening.judged import CHANGES, Judged, estimate, host_numbers, numbers
from lirich.screening.screened import Tried

LEAST_TO_RANK = 4
"""Candidates that two orderings must share before a rank correlation says anything; a convention of lirich."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of one candidate at one state of charge, ``percent`` of what the undoped cells have there."""

    candidate: str
    quantity: str
    lithium_removed: float
    change: Estimate
    percent: float | None

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "candidate": self.candidate,
            "quantity": self.quantity,
            "lithium_removed": self.lithium_removed,
            "change": self.change.model_dump(mode="json"),
            "percent_of_undoped": self.percent,
        }


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two orderings of the host rank the candidates: Spearman's coefficient of each pair of orderings."""

    quantity: str
    lithium_removed: float
    spearman: Mapping[tuple[int, int], float]
    candidates: int

    @property
    def words(self) -> str:
        """Say it: ``orderings rank 14 candidates by … alike: Spearman 0.85 to 0.96 over 6 pairs``."""
        values = sorted(self.spearman.values())
        span = f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} to {values[-1]:.2f}"
        pairs = f"over {len(values)} pairs of orderings" if len(values) > 1 else "of two orderings"
        return (
            f"{QUANTITIES[self.quantity].name}, {state_words(self.lithium_removed)}: rank correlation of "
            f"{self.candidates} candidates {span} (Spearman, {pairs})"
        )

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "quantity": self.quantity,
            "lithium_removed": self.lithium_removed,
            "candidates": self.candidates,
            "spearman": [{"orderings": list(pair), "value": value} for pair, value in self.spearman.items()],
        }


def state_words(lithium_removed: float) -> str:
    """Say a state of charge: ``discharged``, ``50 % of the lithium out``."""
    return "discharged" if lithium_removed == 0 else f"{100 * lithium_removed:.0f} % of the lithium out"


def changes_by_state(judged: Judged) -> list[StateChange]:
    """Return every weighted or gated change at each state of charge, in the order of candidates and states."""
    found = []
    for key in (k for k in judged.screened.study.wanted if k in CHANGES):
        host = host_numbers(judged.screened, [key])
        for tried in judged.screened.tried:
            found += [_change(tried, key, share, host[CHANGES[key]], of) for share, of in _states(tried, key, host)]
    return found


def changes_of(judged: Judged, name: str, key: str) -> list[StateChange]:
    """Return what a candidate changes of the quantity *key* at each state of charge, the lowest first.

    It is the change as it was computed where the vocabulary has one (``…_change_…``), else the difference to the
    undoped cell of the same ordering, calculator and state of charge. Empty where neither was computed.
    """
    tried = judged.tried(name)
    changed = next((change for change, base in CHANGES.items() if base == key), key)
    host = host_numbers(judged.screened, [key])
    found = []
    for share, values in _states(tried, changed, host):
        if changed == key:
            undoped = {run: host[key].get((*run, share)) for run in values}
            values = {run: value - at for run, value in values.items() if (at := undoped[run]) is not None}
        if values:
            found.append(_change(tried, changed, share, host[key], values))
    return found


def agreements(judged: Judged) -> list[Agreement]:
    """Return how alike orderings rank, of each wanted change at each state of charge where that can be told."""
    found = []
    for key in (k for k in judged.screened.study.wanted if k in CHANGES):
        host = host_numbers(judged.screened, [key])
        columns: dict[float, dict[int, dict[str, float]]] = {}
        for tried in judged.screened.tried:
            for share, values in _states(tried, key, host):
                for (ordering, _), value in values.items():
                    columns.setdefault(share, {}).setdefault(ordering, {})[tried.name] = value
        for share, by_ordering in sorted(columns.items()):
            pairs = {}
            names = set.intersection(*(set(of) for of in by_ordering.values()))
            if len(names) < LEAST_TO_RANK:
                continue
            for a, b in combinations(sorted(by_ordering), 2):
                pairs[a, b] = _spearman(*([by_ordering[o][n] for n in sorted(names)] for o in (a, b)))
            if pairs:
                found.append(Agreement(key, share, pairs, len(names)))
    return found


def _states(
    tried: Tried, key: str, host: Mapping[str, Mapping[tuple[int, str, float], float]]
) -> list[tuple[float, dict[tuple[int, str], float]]]:
    """Return the states of charge of a candidate, each with one number per ordering and calculator."""
    states: dict[float, dict[tuple[int, str], float]] = {}
    for (ordering, calculator, share), value in numbers(tried, key, host).items():
        states.setdefault(share, {})[ordering, calculator] = value
    return sorted(states.items())


def _change(
    tried: Tried,
    key: str,
    share: float,
    host: Mapping[tuple[int, str, float], float],
    values: Mapping[tuple[int, str], float],
) -> StateChange:
    undoped = [host[(*run, share)] for run in values if (*run, share) in host]
    base = fmean(undoped) if undoped else 0.0
    change = estimate(list(values.values()), ())
    return StateChange(tried.name, key, share, change, 100 * change.value / base if base > 0 else None)


def _spearman(a: Sequence[float], b: Sequence[float]) -> float:
    from scipy.stats import spearmanr  # slow to import

    return float(spearmanr(a, b).statistic)

"""From numbers of single cells to figures of candidates: what is paired with the undoped cell, what spreads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

from lirich.quantities import QUANTITIES
from lirich.screening.candidate import LEVEL, Candidate, Estimate
from lirich.screening.judgement import Judgement, judge
from lirich.screening.screened import Reading, Screened, Tried
from lirich.screening.sizes import possible

CHANGES: Mapping[str, str] = {
    key: key.replace("_change_", "_")
    for key in QUANTITIES
    if "_change_" in key and key.replace("_change_", "_") in QUANTITIES
}
"""Quantities that are a difference to the undoped cell, and what they are the difference of."""

WEAKEST = frozenset(
    {
        "oxygen_vacancy_formation_energy_ev",
        "metal_migration_energy_ev",
        "lithium_migration_energy_ev",
        "dopant_site_energy_ev",
    }
)
"""Energies of which a cell has as many as sites: the lowest decides, since that oxygen or metal leaves first, and the
dopant goes to that site first."""

Key = tuple[int, str, float]
"""Ordering, calculator, share of the lithium removed: what a doped and an undoped cell must share to be compared."""


@dataclass(frozen=True)
class Judged(Judgement):
    """A screening of dopants with its judgement."""

    screened: Screened

    def tried(self, name: str) -> Tried:
        """Return what was tried under that name."""
        return next(t for t in self.screened.tried if t.name == name)


def judged(screened: Screened) -> Judged:
    """Judge what was computed by the gates and weights of its study.

    Every quantity of a cell becomes one number (the lowest over sites for `WEAKEST`, those beside a dopant where there
    are such; else the mean). A change is the difference to the undoped cell of the same ordering, calculator and state
    of charge, unless the cell itself has it place by place. States of charge are averaged; the interval is that of the
    mean over orderings and calculators (Student's t), cut to what is possible (`lirich.screening.sizes`).
    """
    study = screened.study
    keys = tuple(dict.fromkeys((*study.wanted, *_computed(screened))))
    host = host_numbers(screened, keys)
    candidates = tuple(_candidate(t, keys, host, study.wanted) for t in screened.tried)
    reference = {key: possible(key, estimate(_independent(n), ())) for key, n in host.items() if n}
    found = judge(candidates, study, reference)
    return Judged(candidates, reference, found.funnel, found.ranking, found.no_ranking, screened)


def _computed(screened: Screened) -> list[str]:
    """Return the quantities that there are numbers of, and their changes."""
    there = dict.fromkeys(r.quantity for t in (screened.host, *screened.tried) for r in t.readings)
    changes = [key for key, base in CHANGES.items() if base in there]
    return [*there, *changes]


def _candidate(
    tried: Tried, keys: Sequence[str], host: Mapping[str, Mapping[Key, float]], wanted: Sequence[str]
) -> Candidate:
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    for key in keys:
        own, base = numbers(tried, key, host), CHANGES.get(key, key)
        values = _independent(own)
        if values:
            figures[key] = possible(key, estimate(values, _doubts(tried, key)))
        elif key in wanted:
            missing[key] = _why(tried, key) or _why(tried, base) or "not computed"
    return Candidate(name=tried.name, figures=figures, missing=missing, notes=_notes(tried))


def host_numbers(screened: Screened, keys: Iterable[str]) -> dict[str, dict[Key, float]]:
    """Return the numbers of the undoped cells, of each quantity that is no change."""
    return {key: _numbers(screened.host, key) for key in dict.fromkeys(CHANGES.get(key, key) for key in keys)}


def numbers(tried: Tried, key: str, host: Mapping[str, Mapping[Key, float]]) -> dict[Key, float]:
    """Return one number per ordering, calculator and state of charge of a candidate, changes against *host*."""
    own = _numbers(tried, key)
    if key not in CHANGES or own:
        return own
    pairs = host.get(CHANGES[key]) or {}
    return {place: value - pairs[place] for place, value in _numbers(tried, CHANGES[key]).items() if place in pairs}


def _numbers(tried: Tried, key: str) -> dict[Key, float]:
    """Return one number per ordering, calculator and state of charge; several cells of one ordering are averaged."""
    cells: dict[tuple[Key, int], list[Reading]] = defaultdict(list)
    for reading in tried.readings:
        if reading.quantity == key and reading.value is not None:
            ordering = tried.cells[reading.cell].ordering
            cells[(ordering, reading.calculator, reading.lithium_removed), reading.cell].append(reading)
    places: dict[Key, list[float]] = defaultdict(list)
    for (place, _), readings in cells.items():
        near = [r for r in readings if r.region == "near"] or readings
        values = [r.value for r in near if r.value is not None]
        places[place].append(min(values) if key in WEAKEST else fmean(values))
    return {place: fmean(values) for place, values in places.items()}


def _independent(numbers: Mapping[Key, float]) -> list[float]:
    """Return one number per ordering and calculator: states of charge of one cell are no independent results."""
    runs: dict[tuple[int, str], list[float]] = defaultdict(list)
    for (ordering, calculator, _), value in numbers.items():
        runs[ordering, calculator].append(value)
    return [fmean(values) for values in runs.values()]


def estimate(values: Sequence[float], doubts: tuple[str, ...]) -> Estimate:
    """Return the mean of independent results with the interval of Student's t; one result has none."""
    mean = fmean(values)
    if len(values) < 2:
        return Estimate(value=mean, doubts=doubts)
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * stdev(values) / len(values) ** 0.5
    return Estimate(value=mean, low=mean - half, high=mean + half, count=len(values), doubts=doubts)


def _doubts(tried: Tried, key: str) -> tuple[str, ...]:
    there = (r for r in tried.readings if r.quantity == key and r.value is not None)
    return tuple(dict.fromkeys(doubt for reading in there for doubt in reading.doubts))


def _why(tried: Tried, key: str) -> str:
    reasons = [r.why for r in tried.readings if r.quantity == key and r.value is None and r.why]
    return "; ".join(dict.fromkeys(reasons or tried.failures))


def _notes(tried: Tried) -> tuple[str, ...]:
    ways = dict.fromkeys(cell.compensation for cell in tried.cells)
    notes = [f"neutral by {way}" if way != "none needed" else "neutral as it is" for way in ways]
    return (*tried.dopants, *notes)

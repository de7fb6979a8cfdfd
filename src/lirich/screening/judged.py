"""From numbers of single cells to figures of candidates: what is paired with the undoped cell, what spreads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from lirich.quantities import QUANTITIES
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.estimates import Run, estimate, lowest
from lirich.screening.judgement import Judgement, judge
from lirich.screening.screened import PER_METAL, Reading, Screened, Tried
from lirich.screening.sizes import possible
from lirich.screening.study import DopingStudy
from lirich.screening.weakest import WEAKEST, taken_words

CHANGES: Mapping[str, str] = {
    key: key.replace("_change_", "_")
    for key in QUANTITIES
    if "_change_" in key and key.replace("_change_", "_") in QUANTITIES
}
"""Quantities that are a difference to the undoped cell, and what they are the difference of."""


class Key(NamedTuple):
    """What a doped and an undoped cell must share to be compared; ``metal`` is that which leaves, else empty."""

    ordering: int
    calculator: str
    lithium_removed: float
    metal: str = ""


@dataclass(frozen=True)
class Judged(Judgement):
    """A screening of dopants with its judgement."""

    screened: Screened

    def tried(self, name: str) -> Tried:
        """Return what was tried under that name."""
        return next(t for t in self.screened.tried if t.name == name)


def judged(screened: Screened) -> Judged:
    """Judge what was computed by the gates and weights of its study.

    Every quantity of a cell becomes one number (the lowest over sites for `lirich.screening.weakest.WEAKEST`, those
    beside a dopant where such were tried; else the mean), of migrations one of each metal. A change is the difference
    to the undoped cell of the same ordering, calculator, state of charge and metal, unless the cell itself has it place
    by place. States of charge are averaged, for gates and score only; the interval is that of
    `lirich.screening.estimates.estimate`, cut to what is possible (`lirich.screening.sizes`). Of several metals the one
    with the lowest figure decides.
    """
    study = screened.study
    keys = tuple(dict.fromkeys((*study.wanted, *_computed(screened))))
    host = host_numbers(screened, keys)
    candidates = tuple(_candidate(t, keys, host, study) for t in screened.tried)
    reference = {key: _figure(screened.host, key, n, (), study.calculators) for key, n in host.items() if n}
    found = judge(candidates, study, reference)
    return Judged(candidates, reference, found.funnel, found.ranking, found.no_ranking, screened)


def _computed(screened: Screened) -> list[str]:
    """Return the quantities that there are numbers of, and their changes."""
    there = dict.fromkeys(r.quantity for t in (screened.host, *screened.tried) for r in t.readings)
    changes = [key for key, base in CHANGES.items() if base in there]
    return [*there, *changes]


def _candidate(
    tried: Tried, keys: Sequence[str], host: Mapping[str, Mapping[Key, float]], study: DopingStudy
) -> Candidate:
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    for key in keys:
        own, base = numbers(tried, key, host), CHANGES.get(key, key)
        if own:
            figures[key] = _figure(tried, key, own, host.get(base, ()), study.calculators)
        elif key in study.wanted:
            missing[key] = _why(tried, key) or _why(tried, base) or "not computed"
    changes = {
        key: over for key in study.wanted if key in figures and (over := _over_host(tried, key, figures[key], host))
    }
    return Candidate(name=tried.name, figures=figures, changes=changes, missing=missing, notes=_notes(tried))


def _over_host(tried: Tried, key: str, figure: Estimate, host: Mapping[str, Mapping[Key, float]]) -> Estimate | None:
    """Return what a candidate has over the undoped cells of the same orderings, of the metal that its figure is of.

    It is the difference of the numbers that the score takes (of several sites the lowest of each), and so not that of
    the vocabulary (``…_change_…``), which goes place by place. ``None`` of what is a change itself, and where the
    undoped cells have no number.
    """
    undoped = {} if key in CHANGES else host.get(key, {})
    over = {
        place: value - undoped[place]
        for place, value in _numbers(tried, key).items()
        if place in undoped and place.metal == figure.of
    }
    return estimate(_over_states(over)) if over else None


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


def _cells(tried: Tried, key: str) -> dict[tuple[Key, int], list[Reading]]:
    """Return the readings of each cell that count: those beside a dopant where such were tried, else all.

    What lies far from the dopants does not stand in for one beside them that has no number.
    """
    cells: dict[tuple[Key, int], list[Reading]] = defaultdict(list)
    for reading in tried.readings:
        if reading.quantity == key:
            ordering = tried.cells[reading.cell].ordering
            place = Key(ordering, reading.calculator, reading.lithium_removed, reading.metal)
            cells[place, reading.cell].append(reading)
    counted = {at: [r for r in readings if r.region == "near"] or readings for at, readings in cells.items()}
    there = {at: [r for r in readings if r.value is not None] for at, readings in counted.items()}
    return {at: readings for at, readings in there.items() if readings}


def _numbers(tried: Tried, key: str) -> dict[Key, float]:
    """Return one number per ordering, calculator, state of charge and metal; cells of one ordering are averaged."""
    places: dict[Key, list[float]] = defaultdict(list)
    for (place, _), readings in _cells(tried, key).items():
        values = [r.value for r in readings if r.value is not None]
        places[place].append(min(values) if key in WEAKEST else fmean(values))
    return {place: fmean(values) for place, values in places.items()}


def _figure(
    tried: Tried, key: str, numbers: Mapping[Key, float], undoped: Iterable[Key], calculators: Sequence[str]
) -> Estimate:
    """Return the figure that gates and weights take: states of charge averaged, of several metals the lowest.

    A metal that the undoped cells have (*undoped*) and this candidate has not is a doubt, and a calculator of the
    study (*calculators*) that gave no number.
    """
    silent = _silent(tried, key, numbers, calculators)
    metals = sorted({place.metal for place in numbers})
    lacking = [
        f"{metal} is not in it: {_why(tried, key, metal) or 'no number of it'}"
        for metal in sorted({place.metal for place in undoped} - set(metals))
        if metal
    ]
    figures = figures_by_metal(tried, key, numbers, silent)
    if key in PER_METAL:
        return lowest(figures, tuple(lacking))
    return possible(key, figures[""])


def figures_by_metal(
    tried: Tried, key: str, numbers: Mapping[Key, float], silent: Sequence[str] = ()
) -> dict[str, Estimate]:
    """Return the figure of each metal, states of charge averaged; one under ``""`` of what no metal is asked of.

    *silent* are doubts about all of them.
    """
    found = {}
    cells = _cells(tried, key) or _cells(tried, CHANGES.get(key, key))
    for metal in sorted({place.metal for place in numbers}):
        own = {place: value for place, value in numbers.items() if place.metal == metal}
        runs = _over_states(own)
        figure = estimate(runs, (*doubts_of(tried, key, metal), *silent))
        there = [readings for (place, _), readings in cells.items() if place in own]
        states = len({place.lithium_removed for place in own})
        taken = taken_words(key, figure.value, runs, states, there)
        found[metal] = figure.model_copy(update={"taken": taken})
    return found


def _silent(tried: Tried, key: str, numbers: Iterable[Key], calculators: Sequence[str]) -> tuple[str, ...]:
    """Return which calculators gave no number of a quantity, and why: the mean is of fewer than elsewhere."""
    there = {place.calculator for place in numbers}
    said = {}
    for name in (each for each in calculators if each not in there and len(calculators) > 1):
        lost = (r.why for r in tried.readings if r.calculator == name and r.quantity == key and r.value is None)
        said[name] = next((why for why in lost if why), "no number by it")
    return tuple(f"{name} is not in it: {why}" for name, why in said.items())


def _over_states(numbers: Mapping[Key, float]) -> dict[Run, float]:
    """Return the mean over states of charge of each run: states of charge of one cell are no independent results.

    A run that lacks a state is left out where another has all: a mean of fewer states is another quantity.
    """
    runs: dict[Run, dict[float, float]] = defaultdict(dict)
    for place, value in numbers.items():
        runs[place.ordering, place.calculator][place.lithium_removed] = value
    states = {place.lithium_removed for place in numbers}
    whole = {run: values for run, values in runs.items() if set(values) == states} or runs
    return {run: fmean(values.values()) for run, values in whole.items()}


def doubts_of(tried: Tried, key: str, metal: str = "", lithium_removed: float | None = None) -> tuple[str, ...]:
    """Return the doubts about the numbers of a quantity: of one metal, at one state of charge where it is given.

    A cell that has no number at a state of charge, and has one at another, is one: the mean is then of fewer.
    """
    there = (
        r
        for r in tried.readings
        if r.quantity == key
        and r.value is not None
        and r.metal == metal
        and (lithium_removed is None or r.lithium_removed == lithium_removed)
    )
    return tuple(dict.fromkeys((*(d for r in there for d in r.doubts), *_without(tried, key, metal, lithium_removed))))


def _without(tried: Tried, key: str, metal: str, lithium_removed: float | None) -> list[str]:
    """Return what is to be said of cells that have a number of a quantity at one state of charge and lack it here."""
    mine = [r for r in tried.readings if r.quantity in (key, CHANGES.get(key)) and r.metal in ("", metal)]
    known = [r for r in mine if r.value is not None]
    own = key if any(r.quantity == key for r in known) else CHANGES.get(key)
    have = {(r.cell, r.calculator, r.lithium_removed) for r in known if r.quantity == own}
    elsewhere = {(cell, calculator) for cell, calculator, _ in have}
    lost: dict[float, dict[tuple[int, str], str]] = defaultdict(dict)
    for r in mine:
        here = (r.cell, r.calculator)
        if r.value is None and r.why and here in elsewhere and (*here, r.lithium_removed) not in have:
            lost[r.lithium_removed].setdefault((r.cell, r.calculator), r.why)
    found = []
    for share, cells in sorted(lost.items()):
        if lithium_removed in (None, share):
            count = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
            found.append(
                f"no number of {count} at {100 * share:.0f} % of the lithium out ({next(iter(cells.values()))})"
            )
    return found


def _why(tried: Tried, key: str, metal: str = "") -> str:
    """Return why a quantity has no number, of one metal where it is given."""
    lost = (r for r in tried.readings if r.quantity == key and r.value is None and r.why)
    reasons = [r.why for r in lost if not metal or r.metal == metal]
    return "; ".join(dict.fromkeys(reasons or tried.failures))


UNLIKE = re.compile(r"\bmoments of \w+: .*?(?P<count>\d+) not as its formal charge")
"""How `lirich.atoms.descriptors.candidate` notes moments that are not those of the intended charge; a test holds the
two together."""


def unlike_moments(tried: Tried) -> int:
    """Return in how many cells of a candidate magnetic moments show other charges than its compensation intends."""
    return sum(any(UNLIKE.search(note) for note in cell.notes) for cell in tried.cells)


def _notes(tried: Tried) -> tuple[str, ...]:
    """Return the dopants, what makes them neutral, and in how many cells the moments differ from it."""
    ways = dict.fromkeys(cell.compensation for cell in tried.cells)
    notes = [f"neutral by {way}" if way != "none needed" else "neutral as it is" for way in ways]
    unlike = unlike_moments(tried)
    if unlike:
        notes.append(f"moments differ from it in {unlike} of {len(tried.cells)} cells")
    return (*tried.dopants, *notes)

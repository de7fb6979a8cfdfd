"""Sobol indices of a figure over the ranges of a study, with the intervals that the sampling leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lirich.cells.study import Range, Study
from lirich.errors import NotEnoughDataError, SettingsError
from lirich.model import Finding

if TYPE_CHECKING:
    from lirich.workbench.simulation.study import Point

Array = NDArray[np.float64]
MOST_FAILED = 0.05
"""Part of the points that may fail before a sensitivity is refused."""
ENOUGH_DRAWS = 64
"""Draws below which Sobol indices are rough: their error falls with the root of the number (Saltelli et al., Comput.
Phys. Commun. 181 (2010) 259)."""


@dataclass(frozen=True)
class Sensitivity:
    """Sobol indices of one figure.

    ``first`` is the part of its variance due to each varied quantity alone, ``total`` that with all interactions.
    ``failed`` points were replaced by the mean of the others. The intervals (95 %) are those of resampling the
    ``count`` draws: an index below 0 is within the error of the sampling.
    """

    figure: str
    names: tuple[str, ...]
    first: tuple[float, ...]
    total: tuple[float, ...]
    points: int
    failed: int
    first_interval: tuple[tuple[float, float], ...]
    total_interval: tuple[tuple[float, float], ...]
    count: int


def few_draws(count: int) -> Finding:
    """Return the doubt about indices of a sample of *count* draws."""
    return Finding(
        code="few-draws",
        message=f"Sobol indices of {count} draws are rough: see their intervals",
        advice=f"sample: count {ENOUGH_DRAWS} or more, a power of 2",
    )


def interval_words(found: Sensitivity) -> str:
    """Say how sure Sobol indices are."""
    each = [
        f"{name} {low:.2f} to {high:.2f}" for name, (low, high) in zip(found.names, found.total_interval, strict=True)
    ]
    below = min((*found.first, *found.total)) < 0
    return f"95 % intervals with interactions: {', '.join(each)}." + (
        " An index below 0 is 0 within the error of the sampling." if below else ""
    )


def sobol(
    study: Study, run: Callable[[Sequence[Mapping[str, Any]]], tuple[Point, ...]]
) -> tuple[tuple[Point, ...], Sensitivity]:
    """Return the points that were run and the indices of the study's objective (`scipy.stats.sobol_indices`).

    Raises `SettingsError` without ranges or a count that is a power of 2, `NotEnoughDataError` where too many fail.
    """
    from scipy.stats import sobol_indices, uniform

    names = tuple(study.vary)
    ranges = [r for r in study.vary.values() if isinstance(r, Range)]
    count = study.sample.count if study.sample is not None else 64
    if len(ranges) != len(names) or count & (count - 1):
        raise SettingsError(
            "A sensitivity needs ranges and a count that is a power of 2",
            expected="vary: low and high of each; sample: count 64",
        )
    done: list[Point] = []
    missed = 0

    def evaluate(units: Array) -> Array:
        nonlocal missed
        columns = [r.at(u) for r, u in zip(ranges, units.reshape(len(names), -1), strict=True)]
        settings = [dict(zip(names, map(float, row), strict=True)) for row in zip(*columns, strict=True)]
        points = run(settings)
        done.extend(points)
        values = np.array([np.nan if p.figures is None else p.figures[study.objective] for p in points])
        bad = np.isnan(values)
        missed += int(bad.sum())
        if bad.mean() > MOST_FAILED:
            raise NotEnoughDataError(
                f"{int(bad.sum())} of {bad.size} points could not be simulated",
                advice="Narrow the ranges; run the study without --sensitivity to see the reasons",
            )
        values[bad] = np.nanmean(values)
        return values.reshape(1, *units.shape[1:])

    seed = study.sample.seed if study.sample is not None else 0
    found = sobol_indices(func=evaluate, n=count, dists=[uniform()] * len(names), rng=np.random.default_rng(seed))
    first, total = np.ravel(found.first_order), np.ravel(found.total_order)
    again = found.bootstrap()

    def interval(of: Any) -> tuple[tuple[float, float], ...]:
        low, high = np.ravel(of.confidence_interval.low), np.ravel(of.confidence_interval.high)
        return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))

    return tuple(done), Sensitivity(
        study.objective,
        names,
        tuple(map(float, first)),
        tuple(map(float, total)),
        len(done),
        missed,
        interval(again.first_order),
        interval(again.total_order),
        count,
    )

"""Parts of one test whose times are in different units: both may be possible alone, and only together they are not."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model.table import CURRENT, TIME, VOLTAGE

SCALES = (1000.0, 3600.0)
"""Units of time that are taken for each other: s for ms, ks or h. Minutes are too near: programmes do record one part
every s and another one every min."""

_NEAR = 1.25
"""Rows of two parts of a test are programmed as far apart as each other: within this factor, a scale is meant.
*Choice*: the scales lie further apart, and dropped rows change a median by less."""
_SLOPE = 5.0
"""The charge that moves the voltage by a volt differs by less than this factor between most stretches of a test, where
the current flows. *Choice*: far less than `SCALES`."""
_FLOWS = 0.1
"""Rows with more than this part of the largest current count as under current."""
_FEWEST = 10
"""Fewer rows than this say nothing of how far apart rows are."""


def typical_interval(table: pl.DataFrame) -> float | None:
    """Return how far apart the rows of a standard table are, median, s; ``None`` where it does not say."""
    if TIME not in table.columns:
        return None
    return _median(np.diff(table[TIME].to_numpy()))


def scale_between(before: pl.DataFrame, after: pl.DataFrame) -> float | None:
    """Return how many times too long the times of *after* are by those of *before* (below one: too short), if any.

    One of `SCALES` or its inverse. Under current, by the distance between rows and by the charge that moves the voltage
    by a volt: recording by other intervals changes the first alone. Where *after* is rest alone, by the distance of
    rows of rest: rows of a s and of an h do occur in one test, but seldom in one kind of step.
    """
    if any(c not in t.columns for c in (TIME, CURRENT, VOLTAGE) for t in (before, after)):
        return None
    flow = [_paces(t, flowing=True) for t in (before, after)]
    rest = [_paces(t, flowing=False) for t in (before, after)]
    for (first, slope), (second, other) in (flow, rest):
        if first is None or second is None:
            continue
        ratio = second / first
        scales = (*SCALES, *(1 / s for s in SCALES))
        scale = next((s for s in scales if 1 / _NEAR < ratio / s < _NEAR), None)
        if scale is None or slope is None or other is None:
            return scale if slope is None and other is None else None
        return scale if 1 / _SLOPE < other / slope / scale < _SLOPE else None
    return None


def _paces(table: pl.DataFrame, *, flowing: bool) -> tuple[float | None, float | None]:
    """Return the distance of rows, s, and the charge per voltage under current, A s/V: medians; ``None``: unknown."""
    time, voltage, current = (table[c].to_numpy() for c in (TIME, VOLTAGE, CURRENT))
    size = np.abs(current)
    most = float(size.max(initial=0.0))
    both = np.minimum(size[1:], size[:-1]) > _FLOWS * most if flowing else np.maximum(size[1:], size[:-1]) <= 0.0
    step, moved = np.diff(time)[both], np.abs(np.diff(voltage))[both]
    if not flowing:
        return _median(step), None
    told = (moved > 0.0) & (step > 0.0)
    return _median(step), _median(size[1:][both][told] * step[told] / moved[told])


def _median(numbers: NDArray[np.float64]) -> float | None:
    positive = numbers[numbers > 0.0]
    return float(np.median(positive)) if positive.size >= _FEWEST else None

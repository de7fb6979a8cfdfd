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
_TRAVEL_V = 0.1
"""Stretches that move the voltage by less say nothing. *Choice*: ten digits of the coarsest cyclers, 10 mV."""
_FEWEST = 10
"""Fewer rows than this say nothing of how far apart rows are."""


def typical_interval(table: pl.DataFrame) -> float | None:
    """Return how far apart the rows of a standard table are, median, s; ``None`` where it does not say."""
    if TIME not in table.columns:
        return None
    return _median(np.diff(table[TIME].to_numpy()))


def scale_between(before: pl.DataFrame, after: pl.DataFrame) -> float | None:
    """Return how many times too long the times of *after* are by those of *before* (below one: too short), if any.

    One of `SCALES` or its inverse: by the distance between rows under current *and* by the charge that moves the
    voltage by a volt, since recording by other intervals changes the first alone. Parts at rest alone tell nothing.
    """
    if any(c not in t.columns for c in (TIME, CURRENT, VOLTAGE) for t in (before, after)):
        return None
    (first, slope), (second, other) = _paces(before), _paces(after)
    if first is None or second is None or slope is None or other is None:
        return None
    scales = (*SCALES, *(1 / s for s in SCALES))
    scale = next((s for s in scales if 1 / _NEAR < second / first / s < _NEAR), None)
    return scale if scale is not None and 1 / _SLOPE < other / slope / scale < _SLOPE else None


def _paces(table: pl.DataFrame) -> tuple[float | None, float | None]:
    """Return the distance of rows under current, s, and the charge per voltage, A s/V: medians; ``None``: unknown.

    The charge per voltage is that of stretches of one direction that move the voltage by `_TRAVEL_V` or more: from row
    to row it would be that of the last digit.
    """
    time, voltage, current = (table[c].to_numpy() for c in (TIME, VOLTAGE, CURRENT))
    flows = np.abs(current) > _FLOWS * float(np.abs(current).max(initial=0.0))
    sign = np.where(flows, np.sign(current), 0.0)
    border = np.flatnonzero(sign[1:] != sign[:-1]) + 1
    starts, ends = np.append(0, border), np.append(border, len(sign)) - 1
    step = np.diff(time)
    charge = np.append(0.0, np.cumsum(np.abs(current[1:]) * step))
    travel = np.abs(voltage[ends] - voltage[starts])
    told = (sign[starts] != 0.0) & (ends - starts >= _FEWEST) & (travel >= _TRAVEL_V)
    per_volt = (charge[ends] - charge[starts])[told] / travel[told]
    both = flows[1:] & flows[:-1]
    return _median(step[both]), float(np.median(per_volt)) if told.any() else None


def _median(numbers: NDArray[np.float64]) -> float | None:
    positive = numbers[numbers > 0.0]
    return float(np.median(positive)) if positive.size >= _FEWEST else None

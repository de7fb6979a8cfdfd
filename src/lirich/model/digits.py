"""How many digits recorded numbers have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def current_rounding(current_a: NDArray[np.float64]) -> float:
    """Return by what share of its usual size a current, A, shape (n,), may be off by its few digits.

    It is 0 where its numbers are no multiples of 10⁻⁹ A or more.
    """
    flowing = np.abs(current_a[current_a != 0][:: max(1, len(current_a) // 2000)])
    if len(flowing) < 3:
        return 0.0
    usual = float(np.median(flowing))
    for digits in range(1, 10):
        unit = 10.0**-digits
        if np.abs(flowing / unit - np.round(flowing / unit)).max() < 1e-6:
            return 0.5 * unit / usual
    return 0.0

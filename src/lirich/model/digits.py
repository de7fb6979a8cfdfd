"""How many digits recorded numbers have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]


def current_rounding(current_a: _Array, *counters_ah: _Array) -> float:
    """Return by what share of its usual size a current, A, shape (n,), may be off by its few digits.

    Its levels show the step where three or more of them are mostly neighbours. Few levels, as of a programme with round
    currents, do not: those have no fewer decimals than the *counters_ah* of the same test, each of shape (n,). It is 0
    where nothing shows a step of 10⁻⁹ A or more.
    """
    flowing = np.abs(_some(current_a))
    unit = _decimal(flowing)
    if len(flowing) < 3 or unit == 0.0:
        return 0.0
    gaps = np.diff(np.unique(np.round(flowing / unit)))
    if len(gaps) < 2 or 2 * np.count_nonzero(gaps == 1) <= len(gaps):
        unit = min(unit, min((_decimal(_some(counter)) for counter in counters_ah), default=0.0))
    return 0.5 * unit / float(np.median(flowing))


def _some(numbers: _Array) -> _Array:
    """Return some 2,000 of the *numbers* that are not 0."""
    some: _Array = numbers[numbers != 0][:: max(1, len(numbers) // 2000)]
    return some


def _decimal(numbers: _Array) -> float:
    """Return the largest of 0.1 … 10⁻⁹ that all *numbers* are whole multiples of; 0 without one."""
    for digits in range(1, 10):
        unit: float = 10.0**-digits
        if np.abs(numbers / unit - np.round(numbers / unit)).max(initial=0.0) < 1e-6:
            return unit
    return 0.0

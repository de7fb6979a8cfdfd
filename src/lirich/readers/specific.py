"""The active mass that a file shows where it has a capacity and the same capacity per gram."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lirich.readers.typical import median

Array = NDArray[np.float64]

_SPREAD = 0.01
"""One mass over the whole test: the ratios of the two columns differ by rounding alone."""


def active_mass_mg(per_gram: Array, total: Array) -> float | None:
    """Return the active mass, mg, from capacities, mAh/g and Ah, both shape (n,); ``None`` where they give none.

    Rows of more than half of the largest capacity count: smaller ones have too few digits.
    """
    large = np.flatnonzero(per_gram > 0.5 * np.fmax.reduce(per_gram, initial=0.0))
    large = large[np.isfinite(total[large])]
    if len(large) < 3:
        return None
    masses = np.abs(total[large]) * 1e3 / per_gram[large] * 1e3
    mass = median(masses)
    return None if mass <= 0 or float(np.ptp(masses)) > _SPREAD * mass else mass

"""How many neighbouring residuals are one observation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_UNCORRELATED = 0.05


def correlation_length(residuals: Sequence[Array]) -> float:
    """Return the integrated autocorrelation of the residuals of curves in points, at least 1: the mean over curves.

    Geyer, Statist. Sci. 7 (1992) 473, doi:10.1214/ss/1177011137, initial positive sequence.
    """
    lengths = []
    for part in residuals:
        power, total = float(part @ part), 1.0
        for lag in range(1, part.size // 3):
            rho = float(part[:-lag] @ part[lag:]) / power if power > 0 else 0.0
            if rho <= _UNCORRELATED:
                break
            total += 2.0 * rho
        lengths.append(total)
    return float(np.mean(lengths))

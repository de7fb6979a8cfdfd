"""The best crystal radius of a sweep: every maximum that is more than noise, and which the model can tell apart.

Energy after many cycles has no single top over the radius: what small crystals lose to their surface, and what large
ones lose to diffusion, are joined by a transformation that ends when the sites do. So the answer is a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from lirich.errors import SettingsError

Array = NDArray[np.float64]

SOLVER_NOISE = 0.002
"""A maximum stands out from the valley before a higher one by more than this part of its height. The last energy of
300 cycles changes by 0.0008 of itself with the last digit of the radius, at the tolerances of `lirich.cells.study`;
this is twice that, rounded up."""
MODEL_ACCURACY = 0.03
"""Maxima whose heights differ by less are equally good within what the model knows: fitted to a sample, it has its
capacities to 3 % (``python benchmarks/cells.py``, the per-sample part)."""
_NEAR = 0.99


@dataclass(frozen=True)
class Maximum:
    """One maximum: its radius and height, the range that is within 1 % of it, and how it stands to the best.

    ``at_edge`` says that it lies at an end of what was tried: a bound and no optimum. ``below_best`` is by which part
    of the best it is lower, ``as_good`` that this is less than `MODEL_ACCURACY`.
    """

    radius_nm: float
    value: float
    low_nm: float
    high_nm: float
    at_edge: bool
    below_best: float = 0.0

    @property
    def as_good(self) -> bool:
        """Whether the model cannot tell it from the best."""
        return self.below_best < MODEL_ACCURACY


@dataclass(frozen=True)
class BestSize:
    """The maxima of an objective over the radius, the highest first, and the curve they were read from.

    ``radii_nm`` and ``objective`` (n,) are the points that could be solved.
    """

    objective_name: str
    maxima: tuple[Maximum, ...]
    radii_nm: tuple[float, ...]
    objective: tuple[float, ...]

    @property
    def best(self) -> Maximum:
        """The highest maximum."""
        return self.maxima[0]

    @property
    def as_good(self) -> tuple[Maximum, ...]:
        """The other maxima that the model cannot tell from the best."""
        return tuple(each for each in self.maxima[1:] if each.as_good)


def best_size(radii_nm: Sequence[float], objective: Sequence[float], name: str) -> BestSize:
    """Return the maxima of *objective*, each by a parabola through its three highest points in ln R.

    *radii_nm* and *objective* (n,) in any order. Raises `SettingsError` with fewer than three points.
    """
    order = np.argsort(radii_nm)
    radii, values = np.asarray(radii_nm, dtype=float)[order], np.asarray(objective, dtype=float)[order]
    if radii.size < 3:
        raise SettingsError(f"{radii.size} radii could be simulated", expected="at least 3 for an optimum")
    # below everything at both ends: an end may be a maximum, and has no valley outside
    walled = np.pad(values, 1, constant_values=-np.inf)
    tops, found = find_peaks(walled, prominence=0.0)
    least = SOLVER_NOISE * np.abs(values[tops - 1])
    tops = (tops - 1)[found["prominences"] > least]
    raw = sorted((_maximum(np.log(radii), values, int(top)) for top in tops), key=lambda m: -m.value)
    height = raw[0].value
    scale = abs(height) or 1.0
    maxima = tuple(
        Maximum(m.radius_nm, m.value, m.low_nm, m.high_nm, m.at_edge, (height - m.value) / scale) for m in raw
    )
    return BestSize(name, maxima, tuple(map(float, radii)), tuple(map(float, values)))


def _maximum(x: Array, values: Array, top: int) -> Maximum:
    """Return the maximum at the point *top* of *values* (n,) over *x* = ln R (n,)."""
    edge = top in (0, x.size - 1)
    best, height = float(x[top]), float(values[top])
    fine = np.linspace(x[0], x[-1], 2001)
    between = np.interp(fine, x, values)
    if not edge:
        near = slice(top - 1, top + 2)
        a, b, c = np.polyfit(x[near] - x[top], values[near], 2)
        if a < 0:
            shift = float(np.clip(-b / (2 * a), x[top - 1] - x[top], x[top + 1] - x[top]))
            best, height = float(x[top]) + shift, float(max(a * shift**2 + b * shift + c, height))
            here = (fine >= x[top - 1]) & (fine <= x[top + 1])
            between[here] = np.polyval((a, b, c), fine[here] - x[top])
    good = between >= height - (1 - _NEAR) * abs(height)
    low = high = int(np.argmin(np.abs(fine - best)))
    while low > 0 and good[low - 1]:
        low -= 1
    while high < fine.size - 1 and good[high + 1]:
        high += 1
    return Maximum(float(np.exp(best)), height, float(np.exp(fine[low])), float(np.exp(fine[high])), edge)

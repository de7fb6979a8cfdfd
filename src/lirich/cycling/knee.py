"""The knee of a capacity fade: where a slow fade turns into a fast one.

Two straight segments that meet at the knee, by least squares over candidate breaks; knees of capacity fade are those of
Fermín-Cueto et al., Energy and AI 1 (2020) 100006, doi:10.1016/j.egyai.2020.100006, who fit the Bacon–Watts model with
its smooth transition instead. A knee is given only where two segments are preferred to one line by BIC and the fade
after it is at least twice the fade before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lirich.cycling.arrays import Array
from lirich.errors import NotEnoughDataError
from lirich.model import Interval

MIN_SIDE = 5
"""Fewest cycles on each side of a knee: two free parameters each, and some to see the scatter by."""

FADE_RATIO = 2.0
"""Least ratio of the fade after a knee to the fade before (definition of ``capacity_fade_knee_cycle``)."""

_CANDIDATES = 300
_REFINED = 50  # further ones around the best, and at each end of the interval
_PARAMETERS = (3, 5)  # line: two and the scatter; two segments: three, the break and the scatter


@dataclass(frozen=True, slots=True)
class Knee:
    """A knee: cycle with its interval, slopes before and after (unit of y per cycle), BIC(line) − BIC(two segments)."""

    cycle: float
    low: float
    high: float
    slope_before: float
    slope_after: float
    bic_gain: float
    n: int

    def interval(self) -> Interval:
        """Return the 95 % interval of the knee."""
        return Interval(low=self.low, high=self.high, level=0.95, method="profile likelihood")


def find_knee(cycle: ArrayLike, y: ArrayLike) -> Knee | None:
    """Return the knee of *y* (capacity or retention) against *cycle*, both shape (n,), or ``None`` where there is none.

    Points that are not finite are left out. The interval holds the breaks whose residual squares are within the 95 %
    point of F(1, n − 4) of the least ones, scatter taken as independent and normal. Raises `NotEnoughDataError`
    below 2·`MIN_SIDE` + 1 cycles.
    """
    from scipy.special import stdtrit

    x, y_kept = np.asarray(cycle, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keep = np.isfinite(x) & np.isfinite(y_kept)
    x, y_kept = x[keep], y_kept[keep]
    n = len(x)
    if n < 2 * MIN_SIDE + 1:
        raise NotEnoughDataError(f"There are {n} comparable cycles", expected=f"at least {2 * MIN_SIDE + 1} for a knee")
    breaks = np.linspace(x[MIN_SIDE - 1], x[-MIN_SIDE], _CANDIDATES)
    squares = _squares(x, y_kept, breaks)
    at = int(np.argmin(squares))
    near = np.linspace(breaks[max(at - 1, 0)], breaks[min(at + 1, _CANDIDATES - 1)], _REFINED)
    breaks = np.union1d(breaks, near)
    squares = _squares(x, y_kept, breaks)
    # rounding of the numbers bounds how well any line can be said to fit
    floor = n * (1e-9 * max(float(np.abs(y_kept).max()), 1e-30)) ** 2
    best = int(np.argmin(squares))
    least = max(float(squares[best]), floor)
    line = np.polynomial.polynomial.polyfit(x - x.mean(), y_kept, 1)
    rest = float(np.sum((y_kept - np.polynomial.polynomial.polyval(x - x.mean(), line)) ** 2))
    bic = [n * np.log(max(s, floor) / n) + k * np.log(n) for s, k in zip((rest, least), _PARAMETERS, strict=True)]
    before, after = _slopes(x, y_kept, float(breaks[best]))
    if bic[0] <= bic[1] or after >= 0 or -after < FADE_RATIO * max(-before, 0.0):
        return None
    limit = least * (1.0 + float(stdtrit(n - 4, 0.975)) ** 2 / (n - 4))  # F(1, n − 4) is t²
    inside = np.flatnonzero(np.maximum(squares, floor) <= limit)
    low = _end(x, y_kept, breaks[max(inside[0] - 1, 0)], breaks[inside[0]], limit)
    high = _end(x, y_kept, breaks[min(inside[-1] + 1, len(breaks) - 1)], breaks[inside[-1]], limit)
    return Knee(float(breaks[best]), low, high, float(before), float(after), float(bic[0] - bic[1]), n)


def _end(x: Array, y: Array, outer: float, inner: float, limit: float) -> float:
    """Return the break nearest to *outer* whose squares are within *limit*; those of *inner* are."""
    between = np.linspace(inner, outer, _REFINED)
    beyond = np.flatnonzero(_squares(x, y, between) > limit)
    return float(between[max(beyond[0] - 1, 0)] if len(beyond) else between[-1])


def _squares(x: Array, y: Array, breaks: Array) -> Array:
    """Residual squares of the best two segments that meet at each of *breaks*.

    What is left of the line is regressed on what is left of the bend (Frisch–Waugh–Lovell).
    """
    base = np.linalg.qr(np.column_stack((np.ones_like(x), x - x.mean())))[0]
    bend = np.maximum(x[:, None] - breaks, 0.0)
    bend = bend - base @ (base.T @ bend)
    rest = y - base @ (base.T @ y)
    gain = (bend.T @ rest) ** 2 / np.sum(bend**2, axis=0)
    return np.asarray(np.maximum(rest @ rest - gain, 0.0), dtype=np.float64)


def _slopes(x: Array, y: Array, at: float) -> tuple[float, float]:
    design = np.column_stack((np.ones_like(x), x - at, np.maximum(x - at, 0.0)))
    _, before, bend = np.linalg.lstsq(design, y, rcond=None)[0]
    return float(before), float(before + bend)

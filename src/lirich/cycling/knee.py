"""The knee of a capacity fade, where a slow fade turns into a fast one, and the jump that is none.

A knee: two straight segments that meet, by least squares over candidate breaks; knees of capacity fade are those of
Fermín-Cueto et al., Energy and AI 1 (2020) 100006, doi:10.1016/j.egyai.2020.100006, who fit the Bacon–Watts model with
its smooth transition instead. It is given only where two segments are preferred to one line by BIC and the fade after
the knee is at least twice the fade before; both must hold without any one of the cycles too. There is none where the
best break is an end of the search (then the first or last cycles differ, and nothing tells how they go on), or where a
line with a jump leaves less: a new range of current, another temperature or a restart of the test is no bend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lirich.cycling.arrays import Array
from lirich.errors import NotEnoughDataError
from lirich.model import Interval

MIN_SIDE = 5
"""Fewest cycles on each side of a knee: two free parameters each, and some to see the scatter by."""

FADE_RATIO = 2.0
"""Least ratio of the fade after a knee to the fade before (definition of ``capacity_fade_knee_cycle``)."""

JUMP_BIC_GAIN = 10.0
"""Least BIC(line) − BIC(line with a jump) of a jump that is said: very strong evidence (Kass & Raftery, J. Am. Stat.
Assoc. 90 (1995) 773, doi:10.1080/01621459.1995.10476572)."""

JUMP_OVER_SCATTER = 4.0
"""Least ratio of a jump that is said to the scatter of the change from cycle to cycle (1.4826 times its median absolute
deviation). *Choice*: of a hundred changes that scatter normally none is so far out, and drift with the temperature of
the room goes in small steps."""

_CANDIDATES = 300
_TURNS = 50  # at most, of the knee without the jump and the jump without the knee
_SETTLED = 1e-3  # of the jump: it is not looked for again
_REFINED = 50  # further ones around the best, and at each end of the interval
_OF_LINE, _OF_BREAK = 3, 5  # parameters: two and the scatter; with a bend or a jump, its size and its place


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


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump: first cycle after it, its size (unit of y, a fall is negative), BIC(line) − BIC(line with the jump)."""

    cycle: float
    change: float
    bic_gain: float
    n: int


def find_knee(cycle: ArrayLike, y: ArrayLike) -> Knee | None:
    """Return the knee of *y* (capacity or retention) against *cycle*, both shape (n,), or ``None`` where there is none.

    Points that are not finite are left out. The interval holds the breaks whose residual squares are within the 95 %
    point of F(1, n − 4) of the least ones, scatter taken as independent and normal. Raises `NotEnoughDataError`
    below 2·`MIN_SIDE` + 1 cycles.
    """
    from scipy.special import stdtrit

    fits = _fits(cycle, y)
    x, y, n = fits.x, fits.y, len(fits.x)
    breaks, squares = _breaks(x, y)
    best = int(np.argmin(squares))
    least = max(float(squares[best]), fits.floor)
    if best in (0, len(breaks) - 1) or fits.jump <= least:
        return None
    at = float(breaks[best])
    bend = _Fit.of(np.column_stack((np.ones_like(x), x - at, np.maximum(x - at, 0.0))), y)
    gain = fits.gain(least)
    before, after = float(bend.coefficients[1]), float(bend.coefficients[1] + bend.coefficients[2])
    each, left = bend.without_each()
    holds = _bends(gain, before, after) & _bends(fits.gain_without_each(left), each[:, 1], each[:, 1] + each[:, 2])
    if not holds.all():
        return None
    limit = least * (1.0 + float(stdtrit(n - 4, 0.975)) ** 2 / (n - 4))  # F(1, n − 4) is t²
    inside = np.flatnonzero(np.maximum(squares, fits.floor) <= limit)
    low = _end(x, y, breaks[max(inside[0] - 1, 0)], breaks[inside[0]], limit)
    high = _end(x, y, breaks[min(inside[-1] + 1, len(breaks) - 1)], breaks[inside[-1]], limit)
    return Knee(at, low, high, before, after, gain, n)


def find_jump(cycle: ArrayLike, y: ArrayLike) -> Jump | None:
    """Return the jump of *y* (capacity or retention) against *cycle*, both shape (n,), or ``None`` where there is none.

    It is given where a line with a jump leaves less than two segments that meet, and by `JUMP_BIC_GAIN` less than a
    line does, without any one of the points too; where it lies between two points that follow each other (half to twice
    of it) and stands out of the scatter (`JUMP_OVER_SCATTER`): a change over many cycles is no jump. Otherwise as
    `find_knee`.
    """
    fits = _fits(cycle, y)
    x, y, first = fits.x, fits.y, fits.first
    if not MIN_SIDE <= first <= len(x) - MIN_SIDE:
        return None
    jump = _Fit.of(np.column_stack((np.ones_like(x), x - x.mean(), x >= x[first])), y)
    gains = np.append(fits.gain_without_each(jump.without_each()[1]), fits.gain(fits.jump))
    if gains.min() < JUMP_BIC_GAIN:
        return None
    _, slope, change = jump.coefficients
    steps = np.diff(y) - slope * np.diff(x)
    scatter = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    stands_out = abs(change) >= JUMP_OVER_SCATTER * scatter and 0.5 <= steps[first - 1] / change <= 2.0
    if not stands_out or fits.jump >= max(float(_breaks(x, y)[1].min()), fits.floor):
        return None
    return Jump(float(x[first]), float(change), fits.gain(fits.jump), len(x))


def find_bend(cycle: ArrayLike, y: ArrayLike) -> tuple[Knee | None, Jump | None]:
    """Return the knee and the jump of *y* against *cycle*, shape (n,), each found in what the other one leaves.

    A jump that a fade makes beside its knee bends neither of the two segments, but their fit. Where there are both,
    the size of the jump is that of the fit of both. Raises as `find_knee`.
    """
    x, y = np.asarray(cycle, dtype=np.float64), np.asarray(y, dtype=np.float64)
    jump = find_jump(x, y)
    knee = find_knee(x, y if jump is None else y - jump.change * (x >= jump.cycle))
    for _ in range(_TURNS):
        if knee is None:
            break
        bent = np.maximum(x - knee.cycle, 0.0) * (knee.slope_after - knee.slope_before)
        found = find_jump(x, y - bent)
        if found is None:
            return (find_knee(x, y), None) if jump is not None else (knee, None)
        last, jump = jump, found
        knee = find_knee(x, y - jump.change * (x >= jump.cycle))
        if last is not None and abs(jump.change - last.change) < _SETTLED * abs(jump.change):
            break
    return knee, jump


def _bends(gain: Array | float, before: Array | float, after: Array | float) -> NDArray[np.bool_]:
    steeper = -np.asarray(after) >= FADE_RATIO * np.maximum(-np.asarray(before), 0.0)
    return np.asarray((np.asarray(gain) > 0.0) & (np.asarray(after) < 0.0) & steeper, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A linear fit: ``basis`` (orthonormal) and ``triangle`` are the QR of its design, ``rest`` is what it leaves."""

    basis: Array
    triangle: Array
    coefficients: Array
    rest: Array

    @classmethod
    def of(cls, design: Array, y: Array) -> _Fit:
        basis, triangle = np.linalg.qr(design)
        return cls(basis, triangle, np.linalg.solve(triangle, basis.T @ y), y - basis @ (basis.T @ y))

    def without_each(self) -> tuple[Array, Array]:
        """Return coefficients, shape (n, p), and residual squares, shape (n,), without each of the points in turn."""
        weight = self.rest / (1.0 - np.sum(self.basis**2, axis=1))
        moved = np.linalg.solve(self.triangle, (self.basis * weight[:, None]).T).T
        return self.coefficients - moved, np.asarray(self.rest @ self.rest - self.rest * weight, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Fits:
    """A line through points, and the residual squares ``jump`` of the best line with a jump before point ``first``.

    No residual squares are less than ``floor``: rounding of the numbers bounds how well any line can be said to fit.
    """

    x: Array
    y: Array
    line: _Fit
    first: int
    jump: float
    floor: float

    def gain(self, squares: float) -> float:
        """Return BIC(line) − BIC of a fit with a break that leaves *squares*."""
        line = np.array([self.line.rest @ self.line.rest])
        return float(_gain(len(self.x), line, np.array([squares]), self.floor)[0])

    def gain_without_each(self, squares: Array) -> Array:
        """Return the same without each of the points in turn, shape (n,)."""
        return _gain(len(self.x) - 1, self.line.without_each()[1], squares, self.floor)


def _gain(n: int, line: Array, other: Array, floor: float) -> Array:
    ratio = np.maximum(line, floor) / np.maximum(other, floor)
    return np.asarray(n * np.log(ratio) - (_OF_BREAK - _OF_LINE) * np.log(n), dtype=np.float64)


def _fits(cycle: ArrayLike, y: ArrayLike) -> _Fits:
    x, y_kept = np.asarray(cycle, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keep = np.isfinite(x) & np.isfinite(y_kept)
    x, y_kept = x[keep], y_kept[keep]
    n = len(x)
    if n < 2 * MIN_SIDE + 1:
        raise NotEnoughDataError(f"There are {n} comparable cycles", expected=f"at least {2 * MIN_SIDE + 1} for a knee")
    line = _Fit.of(np.column_stack((np.ones_like(x), x - x.mean())), y_kept)
    jumps = _squares_of_jumps(line)
    least = int(np.argmin(jumps))
    floor = n * (1e-9 * max(float(np.abs(y_kept).max()), 1e-30)) ** 2
    return _Fits(x, y_kept, line, least + 1, max(float(jumps[least]), floor), floor)


def _breaks(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the candidate breaks, denser around the best, and what two segments that meet there leave (`_squares`)."""
    breaks = np.linspace(x[MIN_SIDE - 1], x[-MIN_SIDE], _CANDIDATES)
    at = int(np.argmin(_squares(x, y, breaks)))
    near = np.linspace(breaks[max(at - 1, 0)], breaks[min(at + 1, _CANDIDATES - 1)], _REFINED)
    breaks = np.union1d(breaks, near)
    return breaks, _squares(x, y, breaks)


def _squares_of_jumps(line: _Fit) -> Array:
    """Residual squares of the best line with a jump before each of the points but the first; see `_squares`."""
    after = np.cumsum(line.basis[::-1], axis=0)[::-1][1:]
    length = np.arange(len(after), 0, -1) - np.sum(after**2, axis=1)
    gain = np.cumsum(line.rest[::-1])[::-1][1:] ** 2 / length
    return np.asarray(np.maximum(line.rest @ line.rest - gain, 0.0), dtype=np.float64)


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

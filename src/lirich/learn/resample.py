"""Curves of one test onto a grid: all half-cycles in one pass over sorted arrays.

Bookkeeping, not fitting. Each increment of charge is booked on the voltages it was passed at, as in
`lirich.cycling.dqdv`: repeated and falling voltages (noise, quantisation, relaxation after an interrupt) need no
sorting of points, no deleting and no smoothing, and Q(V) never falls. Charge that passed at a voltage that the cycler
held has no place on a voltage axis and is left out of Q(V) and dQ/dV; V(Q) has it.

Where a curve has not started, Q(V) is 0: no charge has passed. Where it ended before a grid point, the value is NaN,
never the last value carried on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from lirich.errors import InputError, UnknownNameError
from lirich.learn.matrix import UNITS, Array, Direction, Kind

_MIN_WIDTH_V = 1e-6  # an increment at one voltage is booked on 1 µV, far below the resolution of any cycler
_BLOCK_VALUES = 2_000_000  # numbers that are worked on at once (16 MB)
REACH = {"V": 0.003, "mAh/g": 0.0}
"""How far before a grid point a curve may end and still have a value there, in the unit of the grid: the last recorded
row lies up to a recording step before the cut-off."""
SLOPE_WINDOW_V = 0.030
"""Full width of the local parabola that dQ/dV is the slope of, as in `lirich.cycling.dqdv`."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The recorded points of half-cycles of one direction, one after the other.

    Attributes
    ----------
    curve:
        Which curve a point belongs to, 0 … c − 1, never falling, shape (n,).
    voltage_v:
        V, shape (n,).
    capacity:
        Charge passed since the start of its half-cycle per mass of active material, mAh/g, shape (n,); starts at 0
        and never falls within a curve.
    held:
        True where the cycler held the voltage, shape (n,).

    Raises `InputError` where the shapes differ or a number is not finite.
    """

    curve: NDArray[np.int64]
    voltage_v: Array
    capacity: Array
    held: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.curve)
        if not len(self.voltage_v) == len(self.capacity) == len(self.held) == n:
            raise InputError("Columns of different length", expected="one row per point")
        if not (np.isfinite(self.voltage_v).all() and np.isfinite(self.capacity).all()):
            raise InputError("A point without voltage or capacity", expected="finite numbers")
        if n and (self.curve[0] < 0 or (np.diff(self.curve) < 0).any()):
            raise InputError("Points of curves that are not one after the other", expected="curve numbers that rise")

    @property
    def count(self) -> int:
        """How many curves there are."""
        return int(self.curve[-1]) + 1 if len(self.curve) else 0


@dataclass(frozen=True, slots=True, eq=False)
class Knots:
    """Curves as lines through knots: ``curve`` (never falling), ``x`` (never falls within a curve), ``y``; (k,) each.

    ``low`` and ``high``, shape (c,), are the ends of the range in which each curve has values.
    """

    curve: NDArray[np.int64]
    x: Array
    y: Array
    low: Array
    high: Array

    @property
    def count(self) -> int:
        """How many curves there are."""
        return len(self.low)

    def take(self, rows: NDArray[np.int64]) -> Knots:
        """Return the curves *rows*, ascending, shape (r,)."""
        if len(rows) == self.count:
            return self
        number = np.full(self.count, -1, dtype=np.int64)
        number[rows] = np.arange(len(rows))
        of = number[self.curve]
        kept = of >= 0
        return Knots(of[kept], self.x[kept], self.y[kept], self.low[rows], self.high[rows])

    @classmethod
    def together(cls, parts: Sequence[Knots]) -> Knots:
        """Return the curves of all *parts*, one after the other."""
        before = np.cumsum([0, *(part.count for part in parts[:-1])])
        return cls(
            np.concatenate([part.curve + start for part, start in zip(parts, before, strict=True)]),
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "y", "low", "high")),
        )

    def reaches(self, grid: Array) -> NDArray[np.bool_]:
        """Tell which curves have a value at every point of *grid*, shape (c,)."""
        return complete_on(self.low, self.high, grid, "Q(V)")

    def segments(self, grid: Array, rows: slice) -> tuple[NDArray[np.int64], Array, Array]:
        """Return the lines of *rows* on *grid*: how many points each covers, its value at ``grid[0]`` and its slope.

        One after the other, they cover every point of every row once. Lines between two grid points are left out.
        """
        first, last = np.searchsorted(self.curve, (rows.start, rows.stop))
        owner, x, y = self.curve[first:last] - rows.start, self.x[first:last], self.y[first:last]
        count = rows.stop - rows.start
        before = np.searchsorted(grid, x)  # grid points left of each knot
        starts = np.searchsorted(owner, np.arange(count))
        ends = np.append(starts[1:], len(owner)) - 1
        following = np.append(before[1:], len(grid))
        following[ends] = len(grid)
        # from each knot goes a line, and before the first knot of each curve another one, level at its value
        at = starts + np.arange(count)
        of_knot = np.ones(len(x) + count, dtype=np.bool_)
        of_knot[at] = False
        lengths = np.empty(len(of_knot), dtype=np.int64)
        lengths[at], lengths[of_knot] = before[starts], following - before
        level = ~of_knot
        level[ends + np.arange(count) + 1] = True
        shown = np.flatnonzero(lengths > 0)
        knot = np.maximum(np.cumsum(of_knot)[shown] - 1, 0)
        knot[~of_knot[shown]] = starts[np.searchsorted(at, shown[~of_knot[shown]])]
        after = np.minimum(knot + 1, len(x) - 1)
        run, rise = x[after] - x[knot], y[after] - y[knot]
        rises = ~level[shown] & (run > 0)
        slopes = np.where(rises, rise / np.where(rises, run, 1.0), 0.0)
        return lengths[shown], y[knot] - slopes * (x[knot] - grid[0]), slopes

    def on(self, grid: Array, rows: slice) -> Array:
        """Return the curves of *rows* on *grid* (m,), shape (rows, m); NaN outside of ``low`` … ``high``."""
        count, m = rows.stop - rows.start, len(grid)
        lengths, offset, slopes = self.segments(grid, rows)
        out = np.repeat(slopes, lengths).reshape(count, m)
        out *= grid - grid[0]
        out += np.repeat(offset, lengths).reshape(count, m)
        if not self.reaches(grid)[rows].all():
            out[(grid < self.low[rows, None]) | (grid > self.high[rows, None])] = np.nan
        return out


def q_of_v(points: Points, direction: Direction) -> Knots:
    """Return the charge passed up to each voltage (on discharge: down to it) of every curve, mAh/g over V."""
    count, up = points.count, direction == "charge"
    same = points.curve[1:] == points.curve[:-1]
    step = np.diff(points.voltage_v) * (1.0 if up else -1.0)
    # a curve whose voltage never turns back and is never held is its own points
    turned = same & ((step < 0.0) | points.held[1:])
    booked = np.bincount(points.curve[1:][turned], minlength=count) > 0
    plain = np.flatnonzero(~booked[points.curve])
    of, x, passed = points.curve[plain], points.voltage_v[plain], points.capacity[plain]
    if not up:
        first = np.searchsorted(of, of, side="left")
        last = np.searchsorted(of, of, side="right") - 1
        back = first + last - np.arange(len(of))
        x, passed = x[back], passed[back]
    if booked.any():
        rest = _booked(points, same & booked[points.curve[1:]], up)
        of, x, passed = (np.concatenate(pair) for pair in zip((of, x, passed), rest, strict=True))
        order = np.argsort(of, kind="stable")
        of, x, passed = of[order], x[order], passed[order]
    starts = np.flatnonzero(np.diff(points.curve, prepend=-1))
    number = points.curve[starts]
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    low[number] = np.minimum.reduceat(points.voltage_v, starts)
    high[number] = np.maximum.reduceat(points.voltage_v, starts)
    if up:
        low, high = np.full(count, -np.inf), high + REACH["V"]
    else:
        low, high = low - REACH["V"], np.full(count, np.inf)
    low[np.bincount(of, minlength=count) < 2] = np.inf  # a curve without charge off constant voltage has no value
    return _with_every_curve(of, x, passed, low, high)


def _booked(points: Points, wanted: NDArray[np.bool_], up: bool) -> tuple[NDArray[np.int64], Array, Array]:
    """Return curve, voltage and charge of knots, each increment of charge booked on the voltages it passed.

    *wanted*, shape (n − 1,), are the increments from point to point that count; charge at held voltage does not.
    """
    keep = wanted & ~points.held[1:]
    charge = np.diff(points.capacity)[keep]
    start, end = points.voltage_v[:-1][keep], points.voltage_v[1:][keep]
    owner = points.curve[1:][keep]
    width = np.maximum(np.abs(end - start), _MIN_WIDTH_V)
    low = (start + end - width) / 2
    corner = np.concatenate((low, low + width))
    of = np.concatenate((owner, owner))
    change = np.concatenate((charge / width, -charge / width))
    order = np.lexsort((corner, of))
    corner, of, change = corner[order], of[order], change[order]
    fresh = np.append(True, of[1:] != of[:-1]) if len(of) else np.zeros(0, dtype=np.bool_)
    slope = np.cumsum(change)
    slope -= _carried(np.append(0.0, slope[:-1]), fresh)
    passed = np.zeros(len(of))
    passed[1:] = np.cumsum(np.where(fresh[1:], 0.0, slope[:-1] * np.diff(corner)))
    passed -= _carried(passed, fresh)
    if not up:
        total = np.bincount(owner, weights=charge, minlength=points.count)
        passed = total[of] - passed
    return of, corner, passed


def v_of_q(points: Points) -> Knots:
    """Return the voltage at each charge passed of every curve, V over mAh/g; constant-voltage parts are in it."""
    count = points.count
    last = np.zeros(count)
    np.maximum.at(last, points.curve, points.capacity)
    present = np.bincount(points.curve, minlength=count) > 1
    low = np.where(present, -REACH["mAh/g"], np.inf)
    return _with_every_curve(points.curve, points.capacity, points.voltage_v, low, last + REACH["mAh/g"])


def knots_of(points: Points, kind: Kind, direction: Direction) -> Knots:
    """Return the lines of curves of *kind*; those of dQ/dV are those of the Q(V) that it is the slope of.

    Raises `UnknownNameError` on the kind.
    """
    if kind not in UNITS:
        raise UnknownNameError.of("kind of curve", kind, UNITS)
    return v_of_q(points) if kind == "V(Q)" else q_of_v(points, direction)


def on_grid(points: Points, grid: Array, kind: Kind, direction: Direction) -> Iterator[Array]:
    """Return the curves on *grid*, shape (m,), in blocks of rows, each (b, m), float64; see the head of this module.

    dQ/dV is the slope of a local parabola through Q(V), `SLOPE_WINDOW_V` wide (at least 5 points); it needs an even
    grid. Within half a window of the ends of a curve it is the slope of the last whole parabola there.

    Raises `UnknownNameError` on the kind, `InputError` for dQ/dV on an uneven grid.
    """
    return knots_on_grid(knots_of(points, kind, direction), grid, kind, direction)


def knots_on_grid(knots: Knots, grid: Array, kind: Kind, direction: Direction) -> Iterator[Array]:
    """Return the curves of *knots* on *grid* as `on_grid` does; raises what it raises."""
    need_even(grid, kind)
    rows = max(1, _BLOCK_VALUES // len(grid))
    for start in range(0, knots.count, rows):
        values = knots.on(grid, slice(start, min(start + rows, knots.count)))
        if kind == "dQ/dV":
            values = slope_of(values, float(grid[1] - grid[0])) * (1.0 if direction == "charge" else -1.0)
        yield values


def need_even(grid: Array, kind: Kind) -> None:
    """Raise `InputError` for dQ/dV on a grid of uneven steps."""
    if kind == "dQ/dV" and not np.allclose(np.diff(grid), grid[1] - grid[0], rtol=1e-6):
        raise InputError("dQ/dV on an uneven grid", expected="a grid of even steps")


def complete_on(low: Array, high: Array, grid: Array, kind: Kind) -> NDArray[np.bool_]:
    """Tell which curves, in the ranges *low* … *high* (c,) of `Knots`, have a value at every point of *grid*, (c,)."""
    wide = kind != "dQ/dV" or len(grid) > 2 * _half_window(float(grid[1] - grid[0]))
    return np.asarray((low <= grid[0]) & (high >= grid[-1]) & wide, dtype=np.bool_)


def _half_window(step: float) -> int:
    return max(2, int(SLOPE_WINDOW_V / step / 2 + 1e-9))


def slope_of(values: Array, step: float) -> Array:
    """Return the slope of local parabolas through each row of *values* (b, m), NaN where a row is NaN.

    Savitzky–Golay's first derivative of order 2 (Anal. Chem. 36 (1964) 1627, doi:10.1021/ac60214a047). A row with
    fewer values than the window has none.
    """
    half = _half_window(step)
    k = np.arange(-half, half + 1, dtype=np.float64)
    total = float(np.sum(k**2))
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    out = np.full(values.shape, np.nan)
    if values.shape[1] < 2 * half + 1:
        return out
    middle = oaconvolve(filled, k[None, ::-1], mode="valid", axes=1) / total
    out[:, half:-half] = middle
    # the parabola of the outermost whole window goes on to the end: its slope there is linear in the distance
    fourth = float(np.sum(k**4))
    curved = (k**2 - total / len(k)) / (fourth - total**2 / len(k))
    first = np.argmax(known, axis=1)
    last = values.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    for row in np.flatnonzero(known.any(axis=1)):
        a, b = int(first[row]), int(last[row])
        if b - a < 2 * half:
            out[row] = np.nan
            continue
        left, right = filled[row, a : a + 2 * half + 1], filled[row, b - 2 * half : b + 1]
        out[row, a : a + half] = k @ left / total + 2.0 * (curved @ left) * k[:half]
        out[row, b - half + 1 : b + 1] = k @ right / total + 2.0 * (curved @ right) * k[half + 1 :]
    out[~known] = np.nan
    return out / step


def _carried(sums: Array, fresh: NDArray[np.bool_]) -> Array:
    """Return of each row the value of *sums* at the first row of its curve."""
    return sums[np.flatnonzero(fresh)][np.cumsum(fresh) - 1] if len(sums) else sums


def _with_every_curve(of: NDArray[np.int64], x: Array, y: Array, low: Array, high: Array) -> Knots:
    """Return knots in which a curve without points has one, so that every curve has a row; its range is empty."""
    missing = np.flatnonzero(np.bincount(of, minlength=len(low)) == 0)
    if len(missing):
        of = np.concatenate((of, missing))
        x, y = np.concatenate((x, np.zeros(len(missing)))), np.concatenate((y, np.zeros(len(missing))))
        order = np.argsort(of, kind="stable")
        of, x, y = of[order], x[order], y[order]
    return Knots(of, x, y, low, high)

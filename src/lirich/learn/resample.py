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
class Segments:
    """Lines of curves on a grid, shape (s,) each, in the order of curves and points; each point is covered once.

    ``begins`` is the first grid point that a line covers (0: the first line of a curve), ``lengths`` how many it
    covers, ``value`` its value at the first point of the grid, ``slope`` its slope.
    """

    begins: NDArray[np.int64]
    lengths: NDArray[np.int64]
    value: Array
    slope: Array


@dataclass(frozen=True, slots=True, eq=False)
class Knots:
    """Curves as lines through knots, one curve after the other: ``x`` (never falls within a curve) and ``y``, (k,).

    ``counts``, shape (c,), is how many knots each curve has, at least one; ``low`` and ``high``, shape (c,), are the
    ends of the range in which it has values.
    """

    counts: NDArray[np.int64]
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
        counts = self.counts[rows]
        at = ranges((np.cumsum(self.counts) - self.counts)[rows], counts)
        return Knots(counts, self.x[at], self.y[at], self.low[rows], self.high[rows])

    @classmethod
    def together(cls, parts: Sequence[Knots]) -> Knots:
        """Return the curves of all *parts*, one after the other."""
        names = ("counts", "x", "y", "low", "high")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def reaches(self, grid: Array) -> NDArray[np.bool_]:
        """Tell which curves have a value at every point of *grid*, shape (c,)."""
        return complete_on(self.low, self.high, grid, "Q(V)")

    def segments(self, grid: Array, rows: slice) -> Segments:
        """Return the lines of *rows* on *grid*, shape (m,). Lines between two grid points are left out."""
        stops = np.cumsum(self.counts[: rows.stop])
        first = int(stops[rows.start - 1]) if rows.start else 0
        counts, ends = self.counts[rows], stops[rows] - first - 1
        x, y = self.x[first : stops[-1]], self.y[first : stops[-1]]
        starts = ends + 1 - counts
        begins = first_not_left(grid, x)
        stop = np.empty_like(begins)
        stop[:-1] = begins[1:]
        stop[ends] = len(grid)
        shown = np.flatnonzero(stop > begins)
        after = np.minimum(shown + 1, len(x) - 1)
        last = np.zeros(len(x), dtype=np.bool_)
        last[ends] = True
        level = last[shown]  # after its last knot a curve is level
        here, value = x[shown], y[shown]
        run = x[after] - here
        run[level] = 1.0
        slope = y[after] - value
        slope /= run
        slope[level] = 0.0
        here -= grid[0]
        here *= slope
        value -= here
        until = begins[starts]
        stop -= begins
        begins, lengths = begins[shown], stop[shown]
        if len(lead := np.flatnonzero(until)):  # before its first knot, too
            at = np.searchsorted(shown, starts[lead])
            begins, lengths = np.insert(begins, at, 0), np.insert(lengths, at, until[lead])
            value, slope = np.insert(value, at, y[starts[lead]]), np.insert(slope, at, 0.0)
        return Segments(begins, lengths, value, slope)

    def on(self, grid: Array, rows: slice) -> Array:
        """Return the curves of *rows* on *grid* (m,), shape (rows, m); NaN outside of ``low`` … ``high``."""
        count, m = rows.stop - rows.start, len(grid)
        lines = self.segments(grid, rows)
        out = np.repeat(lines.slope, lines.lengths).reshape(count, m)
        out *= grid - grid[0]
        out += np.repeat(lines.value, lines.lengths).reshape(count, m)
        if not self.reaches(grid)[rows].all():
            out[(grid < self.low[rows, None]) | (grid > self.high[rows, None])] = np.nan
        return out


def ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return *starts*[0], *starts*[0] + 1, …, *lengths*[0] of them, then those of the next."""
    stops = np.cumsum(lengths)
    at: NDArray[np.int64] = np.repeat(starts - stops + lengths, lengths)
    at += np.arange(len(at))
    return at


def first_not_left(grid: Array, x: Array) -> NDArray[np.int64]:
    """Return ``np.searchsorted(grid, x)``: of a grid of even steps by a division, held against the grid."""
    m = len(grid)
    steps = x - grid[0]
    steps *= (m - 1) / (grid[-1] - grid[0])
    np.ceil(steps, out=steps)
    at: NDArray[np.int64] = np.clip(steps, 0, m, out=steps).astype(np.int64)
    fence = np.concatenate(([-np.inf], grid, [np.inf]))
    fits = fence[at] < x
    fits &= fence[1:][at] >= x
    if len(off := np.flatnonzero(~fits)):
        at[off] = np.searchsorted(grid, x[off])
    return at


def q_of_v(points: Points, direction: Direction) -> Knots:
    """Return the charge passed up to each voltage (on discharge: down to it) of every curve, mAh/g over V."""
    up, voltage = direction == "charge", points.voltage_v
    counts = np.bincount(points.curve)
    starts = np.cumsum(counts) - counts
    present = np.flatnonzero(counts)
    # a curve whose voltage never turns back and is never held is its own points
    turned = points.held.copy()
    turned[1:] |= voltage[1:] < voltage[:-1] if up else voltage[1:] > voltage[:-1]
    turned[starts[present]] = False
    booked = np.zeros(len(counts), dtype=np.bool_)
    booked[points.curve[turned]] = True
    low, high = np.full(len(counts), -np.inf), np.full(len(counts), np.inf)
    if up:
        x, passed = voltage, points.capacity
        high[counts == 0] = -np.inf
        high[present] = np.maximum.reduceat(voltage, starts[present]) + REACH["V"]
    else:
        back = np.repeat(2 * starts + counts - 1, counts) - np.arange(len(voltage))
        x, passed = voltage[back], points.capacity[back]
        low[counts == 0] = np.inf
        low[present] = np.minimum.reduceat(voltage, starts[present]) - REACH["V"]
    if booked.any():
        number, corner, charge = _booked(points, starts, counts, np.flatnonzero(booked), up)
        begin, n = starts.copy(), len(x)
        counts = np.where(booked, number, counts)
        begin[booked] = n + (np.cumsum(number) - number)[booked]
        at = ranges(begin, counts)
        x, passed = np.concatenate((x, corner))[at], np.concatenate((passed, charge))[at]
    low[counts < 2] = np.inf  # a curve without charge off constant voltage has no value
    return _with_every_curve(counts, x, passed, low, high)


def _booked(
    points: Points, starts: NDArray[np.int64], counts: NDArray[np.int64], curves: NDArray[np.int64], up: bool
) -> tuple[NDArray[np.int64], Array, Array]:
    """Return how many knots each curve has (c,), and their voltage and charge: each increment booked where it passed.

    Of the *curves*, shape (b,), only; the others have none. Charge at held voltage is left out.
    """
    to = ranges(starts[curves] + 1, counts[curves] - 1)
    to = to[~points.held[to]]
    charge = points.capacity[to] - points.capacity[to - 1]
    start, end = points.voltage_v[to - 1], points.voltage_v[to]
    owner = points.curve[to]
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
        total = np.bincount(owner, weights=charge, minlength=len(counts))
        passed = total[of] - passed
    return np.bincount(of, minlength=len(counts)), corner, passed


def v_of_q(points: Points) -> Knots:
    """Return the voltage at each charge passed of every curve, V over mAh/g; constant-voltage parts are in it."""
    counts = np.bincount(points.curve)
    present = np.flatnonzero(counts)
    last = np.zeros(len(counts))
    last[present] = points.capacity[np.cumsum(counts)[present] - 1]
    low = np.where(counts > 1, -REACH["mAh/g"], np.inf)
    return _with_every_curve(counts, points.capacity, points.voltage_v, low, last + REACH["mAh/g"])


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


def _with_every_curve(counts: NDArray[np.int64], x: Array, y: Array, low: Array, high: Array) -> Knots:
    """Return knots in which a curve without points has one, so that every curve has a row; its range is empty."""
    missing = np.flatnonzero(counts == 0)
    if len(missing):
        before = np.cumsum(counts)[missing]
        x, y = np.insert(x, before, 0.0), np.insert(y, before, 0.0)
        counts = np.maximum(counts, 1)
    return Knots(counts, x, y, low, high)

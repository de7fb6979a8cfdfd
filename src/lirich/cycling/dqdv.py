"""dQ/dV on a uniform voltage grid: by Savitzky–Golay on the charge below a voltage, or by LEAN.

Both start from the same bookkeeping: each increment of charge is booked on the voltages it was passed at, so
repeated and decreasing voltages (noise, quantisation, relaxation after an interrupt) need no sorting, no
deleting and no fitting, and the integral of dQ/dV over the grid is the capacity of the half-cycle without its
constant-voltage parts.

* *Savitzky–Golay* (Anal. Chem. 36 (1964) 1627, doi:10.1021/ac60214a047): first derivative of a local
  polynomial through Q(V) on the grid. Of a voltage in steps of more than 1 mV, a bin holds whole levels here too,
  and a window at least 14 rows.
* *LEAN*, level evaluation analysis (Feng et al., eTransportation 3 (2020) 100051,
  doi:10.1016/j.etran.2020.100051): charge counted per level of the voltage resolution of the cycler; a bin
  holds a whole number of levels, so that no bin gets more levels than its neighbour; then a local polynomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import polars as pl

from lirich.cycling.arrays import Array
from lirich.cycling.halfcycle import Direction, HalfCycle
from lirich.cycling.resolution import coarse_voltage_step
from lirich.errors import NotEnoughDataError, SettingsError
from lirich.model import Scalar

Method = Literal["savitzky-golay", "lean"]

_MIN_WIDTH_V = 1e-6  # an increment at one voltage is booked on 1 µV, far below the resolution of any cycler
_COARSE_V = 1e-4  # a resolution finer than 0.1 mV cannot beat with a grid of millivolts
_LEAST_PER_BIN = 2  # LEAN counts rows per level: with fewer it would count its own grid
_LEAST_IN_WINDOW = 14  # with fewer rows of a coarse voltage in a window, how many fall on a level shows as peaks
_MAX_POINTS = 20_000


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How dQ/dV is made: method, grid step (2–5 mV is usual), width of the window and order of its polynomial.

    ``window_v`` is the full width of the local polynomial, V; it is rounded to an odd number of grid points.
    """

    method: Method = "savitzky-golay"
    step_v: float = 0.002
    window_v: float = 0.030
    order: int = 2

    def __post_init__(self) -> None:
        if self.method not in ("savitzky-golay", "lean"):
            raise SettingsError(f"Unknown dQ/dV method {self.method!r}", expected="'savitzky-golay' or 'lean'")
        if not 0 < self.step_v <= 0.1 or not self.window_v >= 0 or not 0 < self.order <= 5:
            raise SettingsError(
                f"dQ/dV with step {self.step_v} V, window {self.window_v} V, order {self.order}",
                expected="0 < step ≤ 0.1 V, window ≥ 0, order 1 to 5",
            )

    def points(self, step_v: float) -> int:
        """Return the odd number of grid points in the window, at least order + 2."""
        least = self.order + 2 + (self.order + 1) % 2
        return max(least, 2 * int(self.window_v / step_v / 2 + 1e-9) + 1)

    def stated(self) -> dict[str, Scalar]:
        """Return the smoothing as it stands in the conditions of a value."""
        return {"grid_step_v": self.step_v, "window_v": self.window_v, "polynomial_order": self.order}


DEFAULT_SMOOTHING = Smoothing()


@dataclass(frozen=True, slots=True, eq=False)
class Dqdv:
    """dQ/dV of one half-cycle, positive in both directions.

    ``voltage_v`` is the uniform grid, V, ascending, shape (m,); ``dqdv_mah_v`` is dQ/dV, mAh/V, shape (m,).
    """

    cycle: int
    direction: Direction
    voltage_v: Array
    dqdv_mah_v: Array
    step_v: float
    smoothing: Smoothing


def charge_below(half: HalfCycle, grid_v: Array) -> Array:
    """Return the charge that *half* passed below each voltage of *grid_v* (ascending, V), mAh, shape of the grid.

    Constant-voltage parts are left out. The voltage is linear in charge within one increment.
    """
    keep = ~half.constant_voltage[1:]
    charge = np.diff(half.capacity_mah)[keep]
    start, end = half.voltage_v[:-1][keep], half.voltage_v[1:][keep]
    rising = end > start
    if rising.all() and np.array_equal(start[1:], end[:-1]):
        edges = np.concatenate((start[:1], end))
        return np.interp(grid_v, edges, np.concatenate(([0.0], np.cumsum(charge))))
    if not rising.any() and (end < start).all() and np.array_equal(start[1:], end[:-1]):
        edges = np.concatenate((end[::-1], start[:1]))
        return np.interp(grid_v, edges, np.concatenate(([0.0], np.cumsum(charge[::-1]))))
    width = np.maximum(np.abs(end - start), _MIN_WIDTH_V)
    middle = (start + end) / 2 - grid_v[0]
    slope = charge / width
    # Σ slope·[(v − low)₊ − (v − high)₊], each sum from running totals over the sorted corners
    return _ramps(grid_v - grid_v[0], middle - width / 2, slope) - _ramps(grid_v - grid_v[0], middle + width / 2, slope)


def _ramps(at: Array, corner: Array, slope: Array) -> Array:
    order = np.argsort(corner)
    corner, slope = corner[order], slope[order]
    total = np.concatenate(([0.0], np.cumsum(slope)))
    moment = np.concatenate(([0.0], np.cumsum(slope * corner)))
    passed = np.searchsorted(corner, at, side="right")
    return np.asarray(at * total[passed] - moment[passed], dtype=np.float64)


def dqdv(half: HalfCycle, smoothing: Smoothing = DEFAULT_SMOOTHING) -> Dqdv:
    """Return dQ/dV of *half* on a uniform grid.

    Raises `NotEnoughDataError` where the half-cycle has fewer than 5 points outside its constant-voltage
    parts or spans fewer grid points than the window, and with LEAN where it has fewer than two rows per bin.
    """
    inside = ~half.constant_voltage
    if np.count_nonzero(inside) < 5:
        raise NotEnoughDataError(
            f"The {half.direction} of cycle {half.cycle} has {np.count_nonzero(inside)} points off constant voltage",
            expected="at least 5",
        )
    voltage = half.voltage_v[inside]
    low, high = float(voltage.min()), float(voltage.max())
    lean = smoothing.method == "lean"
    # a grid finer than the levels of the voltage, or out of step with them, would show them as peaks
    resolution = voltage_resolution(voltage) if lean else coarse_voltage_step(voltage)
    if resolution < _COARSE_V:
        resolution = 0.0
    step = float(np.ceil(smoothing.step_v / resolution - 1e-3) * resolution) if resolution else smoothing.step_v
    points = smoothing.points(step)
    if resolution and not lean:
        wanted = int(np.ceil(_LEAST_IN_WINDOW * (high - low) / (step * len(voltage))))
        points = max(points, wanted + 1 - wanted % 2)
    if lean and _LEAST_PER_BIN * (high - low) / step > len(voltage):
        raise NotEnoughDataError(
            f"The {half.direction} of cycle {half.cycle} has {len(voltage)} rows over {1000 * (high - low):.0f} mV",
            expected=f"for LEAN at least {_LEAST_PER_BIN} rows per {1000 * step:g} mV",
            advice="Use the method 'savitzky-golay'",
        )
    shift = 0.5 * resolution  # the grid points are the borders between levels
    first, last = int(np.ceil((low + shift) / step)), int(np.floor((high + shift) / step))
    if last - first + 1 < points + 2 or last - first > _MAX_POINTS:
        raise NotEnoughDataError(
            f"The {half.direction} of cycle {half.cycle} spans {1000 * (high - low):.1f} mV",
            expected=f"{points + 2} to {_MAX_POINTS} grid points of {1000 * step:g} mV",
        )
    grid = np.arange(first, last + 1, dtype=np.float64) * step - shift
    passed = _charge_of_levels(half, grid, step) if lean else charge_below(half, grid)
    return Dqdv(half.cycle, half.direction, grid, _derivative(passed, points, smoothing.order, step), step, smoothing)


def voltage_resolution(voltage_v: Array) -> float:
    """Return the smallest step between the levels that *voltage_v* (V, shape (n,)) takes, V; 0 for one level.

    For a cycler that records in millivolts this is its resolution; for unquantised numbers it is next to
    nothing.
    """
    levels = np.unique(np.round(voltage_v, 7))
    if len(levels) < 2:
        return 0.0
    return float(np.percentile(np.diff(levels), 5))


def _charge_of_levels(half: HalfCycle, grid: Array, step: float) -> Array:
    # half of the charge of an increment belongs to the level of each of its ends
    increment = np.where(half.constant_voltage[1:], 0.0, np.diff(half.capacity_mah)) / 2
    at_point = np.concatenate((increment, [0.0])) + np.concatenate(([0.0], increment))
    level = np.clip(np.ceil((half.voltage_v - grid[0]) / step - 1e-6), 0, len(grid)).astype(np.int64)
    return np.cumsum(np.bincount(level, weights=at_point, minlength=len(grid) + 1)[: len(grid)])


def _derivative(y: Array, points: int, order: int, step: float) -> Array:
    inner, edge = _kernel(points, order)
    half = points // 2
    out = np.empty_like(y)
    out[half : len(y) - half] = np.convolve(y, inner, mode="valid")
    out[:half] = edge[:half] @ y[:points]
    out[len(y) - half :] = edge[-half:] @ y[-points:]
    return out / step


@lru_cache(maxsize=64)
def _kernel(points: int, order: int) -> tuple[Array, Array]:
    # rows of the second give the derivative at each point of a window; its middle row is Savitzky–Golay's
    half = points // 2
    x = np.arange(-half, half + 1, dtype=np.float64)
    powers = np.vander(x, order + 1, increasing=True)
    slopes = np.zeros_like(powers)
    slopes[:, 1:] = powers[:, :-1] * np.arange(1, order + 1)
    edge = np.asarray(slopes @ np.linalg.pinv(powers), dtype=np.float64)
    return np.ascontiguousarray(edge[half][::-1]), edge


def dqdv_curves(
    half_cycles: Sequence[HalfCycle],
    *,
    active_mass_mg: float | None = None,
    smoothing: Smoothing = DEFAULT_SMOOTHING,
) -> pl.DataFrame:
    """Return dQ/dV of many half-cycles as one long table, for plots; half-cycles that are too short are left out.

    Columns: ``cycle``, ``direction``, ``voltage_volt`` (V), ``dqdv_mah_v`` (mAh/V), ``dqdv_mah_g_v``
    (mAh/g/V, null without the active mass). Discharge is positive too.
    """
    frames = []
    for half in half_cycles:
        try:
            curve = dqdv(half, smoothing)
        except NotEnoughDataError:
            continue  # said in the docstring: a plot shows what there is
        frames.append(
            pl.DataFrame({"voltage_volt": curve.voltage_v, "dqdv_mah_v": curve.dqdv_mah_v}).select(
                pl.lit(curve.cycle, dtype=pl.Int64).alias("cycle"),
                pl.lit(curve.direction).alias("direction"),
                "voltage_volt",
                "dqdv_mah_v",
            )
        )
    schema = {
        "cycle": pl.Int64, "direction": pl.String, "voltage_volt": pl.Float64, "dqdv_mah_v": pl.Float64,
    }  # fmt: skip
    table = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
    factor = None if active_mass_mg is None else 1000.0 / active_mass_mg
    return table.with_columns(
        (pl.col("dqdv_mah_v") * factor if factor is not None else pl.lit(None, dtype=pl.Float64)).alias("dqdv_mah_g_v")
    )


Curves = list[tuple[HalfCycle, Dqdv]]
"""Half-cycles with their dQ/dV."""


def dqdv_of_each(
    halves: Sequence[HalfCycle], smoothings: Sequence[Smoothing]
) -> tuple[Curves, NotEnoughDataError | None]:
    """Return dQ/dV of each half-cycle that has enough points, and the error of the last one that has not."""
    curves, short = [], None
    for half, smoothing in zip(halves, smoothings, strict=True):
        try:
            curves.append((half, dqdv(half, smoothing)))
        except NotEnoughDataError as error:
            short = error
    return curves, short

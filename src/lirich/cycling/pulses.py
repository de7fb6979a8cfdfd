"""Pulses of current between rests: the common ground of GITT and ICI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lirich.cycling.arrays import Array
from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Interval

REST_FRACTION = 5e-4
"""A row is at rest where |I| is at most this fraction of the largest current: above a cycler's noise of zero."""

_FLAT_V = 1e-6  # far below the resolution of any cycler

UNRESOLVED = "slope-not-resolved"
"""Flag of a diffusivity ∝ 1/slope² whose slope may be zero: it has no upper bound and no interval."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """One pulse and the rest after it, as rows of the arrays.

    ``start`` to ``stop`` (exclusive) are the rows under current, ``stop`` to ``rest_stop`` (exclusive) the rows of the
    rest after; ``start_s`` and ``stop_s`` are the times at which the current was switched on and off, s.
    ``charge_before_mah`` is the magnitude of the charge that earlier pulses passed, ``charge_mah`` that of this one.
    """

    start: int
    stop: int
    rest_stop: int
    start_s: float
    stop_s: float
    charge_before_mah: float
    charge_mah: float

    @property
    def duration_s(self) -> float:
        """Time under current, s."""
        return self.stop_s - self.start_s


def find_pulses(time_s: Array, current_ma: Array, *, rest_fraction: float = REST_FRACTION) -> list[Pulse]:
    """Return the pulses that have a rest before and after them.

    *time_s* (s, not decreasing) and *current_ma* (mA, charge positive), shape (n,). The current is taken to switch at
    the last row before the change, but not longer ago than the first sampling interval after it: cyclers write a row as
    a step ends. What has no duration (a row that met a limit at once) is no pulse. Raises `InputError` on unlike shapes
    and on both signs of current, `NotEnoughDataError` without a pulse.
    """
    time_s, current_ma = np.asarray(time_s, dtype=np.float64), np.asarray(current_ma, dtype=np.float64)
    if time_s.shape != current_ma.shape or time_s.ndim != 1:
        raise InputError(f"Time has shape {time_s.shape}, current {current_ma.shape}", expected="two equal lengths")
    largest = float(np.abs(current_ma).max()) if current_ma.size else 0.0
    on = np.abs(current_ma) > rest_fraction * largest
    if largest == 0.0 or not on.any():
        raise NotEnoughDataError("There is no current", expected="pulses of current between rests")
    if current_ma[on].min() < 0 < current_ma[on].max():
        raise InputError(
            "Charging and discharging pulses are mixed", expected="pulses of one sign", advice="Cut the data in two"
        )
    border = np.flatnonzero(np.diff(on.astype(np.int8))) + 1
    edges = np.concatenate(([0], border, [len(on)]))
    pulses: list[Pulse] = []
    before = 0.0
    for a, b, c in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        if not on[a]:
            continue
        start_s = _switch(time_s, int(a), int(b)) if a > 0 else float(time_s[a])
        stop_s = _switch(time_s, int(b), int(c))
        rows = np.concatenate(([start_s], time_s[a:b], [stop_s]))
        flow = np.concatenate((np.abs(current_ma[a : a + 1]), np.abs(current_ma[a:b]), np.abs(current_ma[b - 1 : b])))
        charge = float(np.trapezoid(flow, rows)) / 3600.0
        if a > 0 and stop_s > start_s:
            pulses.append(Pulse(int(a), int(b), int(c), start_s, stop_s, before, charge))
        before += charge
    if not pulses:
        raise NotEnoughDataError("No pulse has a rest on both sides", expected="rest, pulse, rest, …")
    return pulses


def of_a_sphere(time_s: Array, voltage_v: Array, current_ma: Array, radius_m: float) -> tuple[Array, Array, Array]:
    """Return time (s), voltage (V) and current (mA) as arrays, shape (n,).

    Raises `InputError` on a radius of the sphere, m, that is not positive, and on a voltage of another shape than time.
    """
    if not radius_m > 0:
        raise InputError(f"The particle radius is {radius_m} m", expected="a positive radius in metres")
    time_s, voltage_v, current_ma = (np.asarray(a, dtype=np.float64) for a in (time_s, voltage_v, current_ma))
    if voltage_v.shape != time_s.shape:
        raise InputError(f"Voltage has shape {voltage_v.shape}, time {time_s.shape}", expected="equal lengths")
    return time_s, voltage_v, current_ma


def charges(current_ma: Array) -> bool:
    """Tell whether pulses of one sign charge the cell: the current, mA, is positive where it is largest."""
    return bool(np.asarray(current_ma)[np.argmax(np.abs(current_ma))] > 0)


def _switch(time_s: Array, row: int, end: int) -> float:
    interval = float(time_s[row + 1] - time_s[row]) if row + 1 < end else np.inf
    return float(max(time_s[row - 1], time_s[row] - interval))


def state_of_charge(pulses: list[Pulse], *, charging: bool, after: bool = False) -> Array:
    """Return the state before (or *after*) each pulse, % of the charge that all pulses passed together, shape (k,)."""
    passed = np.array([pulse.charge_before_mah + (pulse.charge_mah if after else 0.0) for pulse in pulses])
    share = passed / (pulses[-1].charge_before_mah + pulses[-1].charge_mah)
    return np.asarray(100.0 * (share if charging else 1.0 - share))


@dataclass(frozen=True, slots=True)
class RootLine:
    """A line of voltage over √t: slope with its standard error (V/√s), intercept (V), points, change along it (V)."""

    slope: float
    error: float
    intercept: float
    points: int
    change_v: float

    @property
    def flat(self) -> bool:
        """Whether the voltage does not move, as far as any cycler could tell: there is no diffusivity to see."""
        return abs(self.change_v) < _FLAT_V

    def interval(self, diffusivity: float) -> Interval | None:
        """Return the 95 % interval of a *diffusivity* ∝ 1/slope².

        The ends are those of the slope put into the formula, by Student's t with n − 2 degrees of freedom (a rest has
        few rows); dE/dt is taken as exact. ``None`` where the slope may be zero: then there is no upper bound.
        """
        from scipy.special import stdtrit

        if self.slope == 0:
            return None
        relative = float(stdtrit(self.points - 2, 0.975)) * self.error / abs(self.slope)
        if relative >= 1:
            return None
        low, high = diffusivity / (1 + relative) ** 2, diffusivity / (1 - relative) ** 2
        return Interval(low=low, high=high, method="standard error of dU/d√t")


def sqrt_slope(since_s: Array, voltage_v: Array, least_s: float, most_s: float) -> RootLine | None:
    """Return the least-squares line of voltage (V) against √t between two times (s since switching).

    ``None`` with fewer than three points between *least_s* and *most_s*.
    """
    inside = (since_s >= least_s - 1e-9) & (since_s <= most_s + 1e-9)
    if np.count_nonzero(inside) < 3:
        return None
    x, y = np.sqrt(since_s[inside]), voltage_v[inside]
    centred = x - x.mean()
    spread = float(centred @ centred)
    if spread <= 0:
        return None
    slope = float(centred @ y) / spread
    rest = y - y.mean() - slope * centred
    error = float(np.sqrt(rest @ rest / (len(x) - 2) / spread))
    return RootLine(slope, error, float(y.mean() - slope * x.mean()), len(x), slope * float(np.ptp(x)))

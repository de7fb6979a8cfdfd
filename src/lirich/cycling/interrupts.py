"""Resistance from current interrupts, and mean voltages without it.

R = |V(t after the stop) − V(before the stop)| / |I(before the stop)|, weighted by the charge that each stop stands for;
V̄cor = V̄ ∓ |I|·R̄: Bettge et al., J. Electrochem. Soc. 160 (2013) A2046, doi:10.1149/2.034311jes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.annotation import Annotation
from lirich.cycling.arrays import Array, Integers
from lirich.cycling.settings import CyclingSettings

_END = 0.999
"""A stop after this share of the charge of its half-cycle is the rest at its end. *Choice*: the rest is rounding."""


def half_cycle_interrupts(
    notes: Annotation, total: Array, current_a: Array, settings: CyclingSettings
) -> tuple[Array, Array, Integers]:
    """Return R̄ and the resistance at the end, Ω, and the number of stops of every half-cycle, each of shape (h,).

    R̄ is NaN where there are fewer than ``minimum_interrupts`` stops: of the rest at the end alone it would be what the
    voltage relaxes by at the cut-off, several times the mean. The resistance at the end is that of this rest, NaN
    without one. *total*: the running sum of ``notes.passed_ah``, shape (n,); *current_a*: the current of each
    half-cycle, shape (h,). A stop counts where the current before it was at least ``interrupt_current_fraction`` of
    that, the voltage was not held, and a row was recorded between half and twice ``interrupt_time_s`` after it.
    """
    halves = len(notes.half_start)
    nothing = np.full(halves, np.nan), np.full(halves, np.nan), np.zeros(halves, dtype=np.int64)
    points, steps = notes.points, notes.steps
    if points.time_s is None or points.current_a is None:
        return nothing
    rest = np.flatnonzero((steps.sign[1:] == 0) & (steps.sign[:-1] != 0)) + 1
    before = steps.stop[rest - 1] - 1
    half = notes.step_half[rest - 1]
    magnitude = np.abs(points.current_a[before])
    good = magnitude >= settings.interrupt_current_fraction * np.nan_to_num(current_a[half], nan=np.inf)
    good &= (magnitude > 0.0) & ~steps.held[rest - 1] & (steps.sign[rest - 1] == notes.half_sign[half])
    rest, before, half, magnitude = rest[good], before[good], half[good], magnitude[good]
    if len(rest) == 0:
        return nothing
    voltage, resolved = _voltage_after(notes, steps.start[rest], steps.stop[rest], settings.interrupt_time_s)
    before, half, magnitude, voltage = before[resolved], half[resolved], magnitude[resolved], voltage[resolved]
    if len(half) == 0:
        return nothing
    drop = np.abs(points.voltage_v[before] - voltage) / magnitude
    base = np.where(notes.half_start > 0, total[notes.half_start - 1], 0.0)
    passed = total[before] - base[half]
    whole = total[notes.half_stop - 1] - base
    weight = _share_of_charge(passed, half, whole)
    summed = np.bincount(half, weights=weight * drop, minlength=halves)
    weights = np.bincount(half, weights=weight, minlength=halves)
    stops = np.bincount(half, minlength=halves)
    enough = (weights > 0.0) & (stops >= settings.minimum_interrupts)
    mean = np.divide(summed, weights, out=np.full(halves, np.nan), where=enough)
    end = np.full(halves, np.nan)
    last = np.flatnonzero(passed >= _END * whole[half])
    end[half[last]] = drop[last]
    return mean, end, stops


def _voltage_after(
    notes: Annotation, start: Integers, stop: Integers, delay_s: float
) -> tuple[Array, NDArray[np.bool_]]:
    """Voltage *delay_s* after each stop of the current, and whether the rows resolve it, both of shape (k,).

    Linear between rows; of a shorter rest it is the last voltage. Resolved is what has a row between half and twice
    the delay.
    """
    time, voltage = notes.points.time_s, notes.points.voltage_v
    if time is None:
        raise TypeError("interrupts need a time axis")
    stopped = time[np.maximum(start - 1, 0)]
    moment = stopped + delay_s
    row = np.clip(np.searchsorted(time, moment), start, stop - 1)
    previous = np.maximum(row - 1, start)
    span = time[row] - time[previous]
    share = np.divide(moment - time[previous], span, out=np.ones_like(span), where=span > 0.0)
    share = np.clip(share, 0.0, 1.0)
    near = [(time[r] - stopped >= 0.5 * delay_s) & (time[r] - stopped <= 2.0 * delay_s) for r in (previous, row)]
    return voltage[previous] + share * (voltage[row] - voltage[previous]), near[0] | near[1]


def _share_of_charge(passed: Array, half: Integers, total: Array) -> Array:
    """Charge from halfway to the stop before until halfway to the stop after, the ends of the half-cycle closing it."""
    same_before = np.append(False, half[1:] == half[:-1])
    same_after = np.append(half[1:] == half[:-1], False)
    low = np.where(same_before, 0.5 * (np.append(0.0, passed[:-1]) + passed), 0.0)
    high = np.where(same_after, 0.5 * (np.append(passed[1:], 0.0) + passed), total[half])
    return np.asarray(high - low)

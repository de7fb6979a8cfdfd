"""What every half-cycle of a test moved, at which voltages and currents.

The rows are summed up in blocks of whole half-cycles, so few rows that what is made of them stays in the cache of the
processor: over a test of 700 000 rows at once, each of some thirty passes would wait for the memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.annotation import Annotation
from lirich.cycling.arrays import Array, Integers
from lirich.cycling.halfcycle import weighted_median
from lirich.cycling.interrupts import half_cycle_interrupts
from lirich.cycling.lowvoltage import share_below
from lirich.cycling.settings import CyclingSettings

BLOCK_ROWS = 32_768
"""A block ends with the half-cycle that reaches this many rows."""


def half_cycle_figures(notes: Annotation, settings: CyclingSettings) -> dict[str, Array]:
    """Return figures of every half-cycle, each of shape (h,), in Ah, Wh, V, A, s; NaN where there is none.

    ``first`` and ``last`` are the first and the last row of its charge (`_under_current`).
    """
    points, before = notes.points, _voltage_before(notes)
    parts = [_figures_of(block, settings) for block in _blocks(notes, before, _under_current(notes))]
    figures = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    first, last = figures["first"].astype(np.int64), figures["last"].astype(np.int64)
    total = np.cumsum(notes.passed_ah)
    figures["median_voltage"] = _median_voltage(notes, total, before)
    figures["end_voltage"] = points.voltage_v[last]
    figures["end_step"] = np.abs(points.voltage_v[last] - before[last])
    figures["ends_at_rest"] = (points.sign[notes.half_stop - 1] == 0).astype(np.float64)
    stops = half_cycle_interrupts(notes, total, figures["current"], settings)
    figures["resistance"], figures["end_resistance"], interrupts = stops
    figures["interrupts"] = interrupts.astype(np.float64)
    if points.time_s is not None:
        figures["duration"] = points.time_s[last] - points.time_s[np.maximum(first - 1, notes.half_start)]
    else:
        figures["duration"] = np.full(len(first), np.nan)
    return figures


def _voltage_before(notes: Annotation) -> Array:
    """Return the voltage at which the charge of each row began to flow, V, shape (n,).

    The first row of a stretch of current brings its charge at its own voltage, not the mean with the rest before.
    """
    voltage, sign = notes.points.voltage_v, notes.points.sign
    before = np.empty(len(voltage))
    before[1:] = voltage[:-1]
    at = np.flatnonzero((sign[1:] != sign[:-1]) | (sign[1:] == 0)) + 1
    before[at] = voltage[at]
    before[notes.half_start] = voltage[notes.half_start]
    return before


def _under_current(notes: Annotation) -> NDArray[np.bool_]:
    """Tell at which rows current had flowed in the direction of their half-cycle, whether counted or not, shape (n,).

    A rounded counter stands still while current flows, and that is no end of a half-cycle. Only steps in which charge
    was counted are asked: an offset of the current in a rest is none. In the first row of a step the current had flowed
    where time had passed since the row before, and no more than to the next; else that row is the moment of switching
    on. Without a time axis the voltage is asked: under current it goes on beyond the counted rows, at rest back.
    """
    steps, time = notes.steps, notes.points.time_s
    if time is None:
        rows = notes.half_stop - notes.half_start
        along = notes.points.voltage_v * np.repeat(notes.half_sign, rows)
        counted = np.where(notes.passed_ah > 0.0, along, -np.inf)
        return np.asarray(along > np.repeat(np.maximum.reduceat(counted, notes.half_start), rows), dtype=np.bool_)
    way = notes.half_sign[notes.step_half]
    under = np.repeat((steps.sign == way) & (way * steps.charge_ah > 0.0), steps.stop - steps.start)
    before = time[steps.start] - time[np.maximum(steps.start - 1, 0)]
    after = time[np.minimum(steps.start + 1, len(time) - 1)] - time[steps.start]
    under[steps.start] &= (before > 0.0) & (before <= after)
    return under


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Whole half-cycles: where each of them begins, shape (h,), and their rows, each shape (n,).

    ``first`` is the number of the first row in the test, ``range_v`` the lowest and the highest voltage, V; ``under``
    is `_under_current`. ``free`` is the charge that passed off constant voltage, ``shared`` that of `shared_weight`,
    Ah; both are ``passed`` itself where no voltage was held.
    """

    start: Integers
    first: int
    range_v: tuple[float, float]
    voltage: Array
    before: Array
    dq: Array
    passed: Array
    under: NDArray[np.bool_]
    free: Array
    shared: Array
    current: Array | None


def _blocks(notes: Annotation, before: Array, under: NDArray[np.bool_]) -> Iterator[_Block]:
    points, held = notes.points, notes.steps.row_held
    any_held = bool(held.any())
    weight = shared_weight(notes) if any_held else notes.passed_ah
    cuts = np.searchsorted(notes.half_start, np.arange(0, len(points), BLOCK_ROWS))
    for half, end in itertools.pairwise(np.unique(np.append(cuts, len(notes.half_start))).tolist()):
        first, stop = int(notes.half_start[half]), int(notes.half_stop[end - 1])
        here = slice(first, stop)
        passed, voltage = notes.passed_ah[here], points.voltage_v[here]
        yield _Block(
            start=notes.half_start[half:end] - first,
            first=first,
            range_v=(float(voltage.min()), float(voltage.max())),
            voltage=voltage,
            before=before[here],
            dq=points.dq_ah[here],
            passed=passed,
            under=under[here],
            free=np.where(held[here], 0.0, passed) if any_held else passed,
            shared=weight[here] if any_held else passed,
            current=None if points.current_a is None else points.current_a[here],
        )


def _figures_of(block: _Block, settings: CyclingSettings) -> dict[str, Array]:
    start, passed, voltage, before = block.start, block.passed, block.voltage, block.before
    charge = np.add.reduceat(passed, start)
    safe = np.where(charge > 0.0, charge, np.nan)
    middle = voltage + before
    middle *= 0.5
    energy = np.add.reduceat(middle * passed, start)
    mean = energy / safe
    counted = passed > 0.0
    running = counted | block.under
    first, last = _ends(running, start)
    moved = np.abs(block.dq)
    back = np.maximum(moved - passed, 0.0)
    return {
        "charge": charge,
        "energy": energy,
        "mean_voltage": mean,
        "free_voltage": mean if block.free is passed else _weighted_mean(middle, block.free, start),
        "shared_voltage": mean if block.shared is passed else _weighted_mean(middle, block.shared, start),
        "low": _charge_within(block, charge, settings.low_voltage_threshold_v, below=True),
        "high": _charge_within(block, charge, settings.high_voltage_threshold_v, below=False),
        "held": np.zeros(len(start)) if block.free is passed else np.add.reduceat(passed - block.free, start),
        "current": _set_current(block, charge, counted),
        "upper": np.maximum.reduceat(np.where(running, voltage, -np.inf), start),
        "lower": np.minimum.reduceat(np.where(running, voltage, np.inf), start),
        "opposite": np.add.reduceat(moved, start) - charge,
        "opposite_energy": np.add.reduceat(voltage * back, start) if back.any() else np.zeros(len(start)),
        "first": (block.first + first).astype(np.float64),
        "last": (block.first + last).astype(np.float64),
    }


def _ends(running: NDArray[np.bool_], start: Integers) -> tuple[Integers, Integers]:
    """Return the first and the last row that is *running* of every half-cycle, each of shape (h,).

    A half-cycle without one has its own first row for both.
    """
    stop = np.append(start[1:], len(running))
    edges = np.flatnonzero(running[1:] != running[:-1]) + 1
    begins = np.append(np.append(0, edges), len(running))  # of stretches of rows that all run, or all do not
    first, last = start.copy(), stop - 1
    at = np.flatnonzero(~running[first])
    first[at] = begins[np.searchsorted(begins, first[at], side="right")]
    at = np.flatnonzero(~running[last])
    last[at] = begins[np.searchsorted(begins, last[at], side="right") - 1] - 1
    none = first >= stop
    first[none] = last[none] = start[none]
    return first, last


def _charge_within(block: _Block, charge: Array, threshold_v: float, *, below: bool) -> Array:
    """Return the charge of every half-cycle *below* a voltage, or at and above it, Ah, shape (h,)."""
    lowest, highest = block.range_v
    if lowest >= threshold_v or highest < threshold_v:
        return charge if (highest < threshold_v) == below else np.zeros(len(charge))
    share = share_below(block.before, block.voltage, threshold_v)
    return np.add.reduceat(block.passed * (share if below else 1.0 - share), block.start)


def _weighted_mean(values: Array, weights: Array, start: Integers) -> Array:
    total = np.add.reduceat(weights, start)
    return np.add.reduceat(values * weights, start) / np.where(total > 0.0, total, np.nan)


def shared_weight(notes: Annotation) -> Array:
    """Return the charge of each row that this half-cycle and the one before it both pass off constant voltage, Ah.

    Where a charge ends at a held voltage, the discharge after it begins further up than the charge came under its set
    current; that part has no counterpart, and it grows with the resistance. A half-cycle begins where the one before it
    ended: the charge that the one before passed at held voltage is left out, counted from the turn. Shape (n,).
    """
    free = np.where(notes.steps.row_held, 0.0, notes.passed_ah)
    held = notes.passed_ah - free
    weight = free.copy()
    for half in np.flatnonzero(np.add.reduceat(held, notes.half_start) > 0.0):
        if half + 1 == len(notes.half_start) or notes.half_sign[half + 1] == notes.half_sign[half]:
            continue
        mine = slice(notes.half_start[half], notes.half_stop[half])
        after = slice(notes.half_start[half + 1], notes.half_stop[half + 1])
        from_turn = np.append(0.0, np.cumsum(notes.passed_ah[mine][::-1]))
        held_from_turn = np.append(0.0, np.cumsum(held[mine][::-1]))
        at = np.append(0.0, np.cumsum(notes.passed_ah[after]))
        opposite = np.diff(np.interp(at, from_turn, held_from_turn))
        passed = notes.passed_ah[after]
        share = np.divide(opposite, passed, out=np.zeros_like(passed), where=passed > 0.0)
        weight[after] *= 1.0 - np.clip(share, 0.0, 1.0)
    return weight


def _median_voltage(notes: Annotation, total: Array, before: Array) -> Array:
    """Voltage at half of the charge of every half-cycle, linear between rows, shape (h,); *total* is summed charge."""
    base = np.where(notes.half_start > 0, total[notes.half_start - 1], 0.0)
    target = 0.5 * (base + total[notes.half_stop - 1])
    row = np.minimum(np.searchsorted(total, target), len(total) - 1)
    part = notes.passed_ah[row]
    share = np.divide(target - (total[row] - part), part, out=np.ones_like(part), where=part > 0.0)
    voltage = notes.points.voltage_v[row]
    return np.where(part > 0.0, before[row] + np.clip(share, 0.0, 1.0) * (voltage - before[row]), np.nan)


_STEADY = 0.01  # within this spread the mean of a current is its median


def _set_current(block: _Block, charge: Array, counted: NDArray[np.bool_]) -> Array:
    """Charge-weighted median of |I| of every half-cycle without held voltage, A, shape (h,).

    *charge*: that of each half-cycle, Ah, shape (h,); *counted*: the rows that passed some, shape (n,).
    """
    start, free = block.start, block.free
    if block.current is None:
        return np.full(len(start), np.nan)
    magnitude = np.abs(block.current)
    with np.errstate(invalid="ignore"):
        total = charge if free is block.passed else np.add.reduceat(free, start)
        mean: Array = np.add.reduceat(free * magnitude, start) / np.where(total > 0, total, np.nan)
        weighted = counted if free is block.passed else free > 0.0
        high = np.maximum.reduceat(np.where(weighted, magnitude, -np.inf), start)
        low = np.minimum.reduceat(np.where(weighted, magnitude, np.inf), start)
        unsteady = (high - low) > _STEADY * mean
    stop = np.append(start[1:], len(free))
    for half in np.flatnonzero(unsteady | (total == 0.0)):
        rows = slice(start[half], stop[half])
        weight = free[rows] if total[half] > 0.0 else block.passed[rows]
        mean[half] = weighted_median(magnitude[rows], weight)
    return mean

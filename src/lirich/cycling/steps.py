"""Own steps: stretches of rest, of constant current and of held voltage; the cycler's count is kept beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.arrays import Array, Integers, Signs
from lirich.cycling.points import Points
from lirich.cycling.settings import CyclingSettings

_HOLD_ROWS = 4  # fewer rows cannot show that a voltage is held while the current decays
_FULL_CURRENT = 0.98  # a hold begins where the current has left its set value by more than the control error


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps as arrays of shape (m,): first row, row after the last, direction (+1, 0, −1), held voltage, charge.

    ``held`` is True for steps at constant voltage; ``row_held`` says it per row, shape (n,).
    """

    start: Integers
    stop: Integers
    sign: Signs
    held: NDArray[np.bool_]
    charge_ah: Array
    row_held: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.start)


def steps_of(points: Points, settings: CyclingSettings) -> Steps:
    """Take the test apart into steps.

    A step ends where the direction of the current changes, where the cycler counts a new one, where a constant
    current jumps to another, and where the cycler begins to hold the voltage.
    """
    start = np.flatnonzero(points.new_step)
    n = len(points)
    held_from = _hold_starts(points, start, np.append(start[1:], n), settings)
    split = held_from[held_from < n]
    if len(split):
        start = np.union1d(start, split)
    stop = np.append(start[1:], n)
    held = np.zeros(len(start), dtype=np.bool_)
    held[np.searchsorted(start, split)] = True
    return Steps(
        start=start,
        stop=stop,
        sign=points.sign[start],
        held=held,
        charge_ah=np.add.reduceat(points.dq_ah, start),
        row_held=np.repeat(held, stop - start),
    )


def _hold_starts(points: Points, start: Integers, stop: Integers, settings: CyclingSettings) -> Integers:
    """Return for every step the row at which a hold of the voltage begins, n where there is none, shape (m,)."""
    n = len(points)
    none = np.full(len(start), n, dtype=np.int64)
    if points.current_a is None:
        return none
    largest = np.maximum(np.maximum.reduceat(points.current_a, start), -np.minimum.reduceat(points.current_a, start))
    ends_low = np.abs(points.current_a[stop - 1]) < settings.constant_voltage_decay * largest
    if not (ends_low & (points.sign[start] != 0)).any():
        return none
    magnitude = np.abs(points.current_a)
    index = np.arange(n)
    length = stop - start
    end_voltage = np.repeat(points.voltage_v[stop - 1], length)
    moves = np.abs(points.voltage_v - end_voltage) > settings.constant_voltage_tolerance_v
    # the row after the last one that is away from the final voltage
    first = np.maximum.reduceat(np.where(moves, index, -1), start) + 1
    first = np.maximum(first, start)
    full = magnitude[np.minimum(first, n - 1)]
    # A step that is held from its first row may open with a half-set current: take the largest of its rows.
    whole = first == start
    full = np.where(whole, largest, full)
    holds = (points.sign[start] != 0) & (stop - first >= _HOLD_ROWS)
    holds &= magnitude[stop - 1] < settings.constant_voltage_decay * full
    if not holds.any():
        return none
    limit = np.repeat(np.where(holds, _FULL_CURRENT * full, -1.0), length)
    below = (magnitude < limit) & (index >= np.repeat(first, length))
    begins = np.minimum.reduceat(np.where(below, index, n), start)
    return np.where(holds, np.where(whole, start, begins), n)


def step_table(points: Points, steps: Steps, half_cycle: Integers, cycle: Integers) -> pl.DataFrame:
    """Return the steps as a table; *half_cycle* and *cycle* give the number of each step, shape (m,).

    Columns: ``step`` (from 1), ``cycle``, ``half_cycle``, ``kind`` (rest, constant-current, constant-voltage, curve),
    ``direction``, ``vendor_cycle``, ``vendor_step``, ``rows``, ``start_second``, ``duration_second``, ``charge_mah``
    (signed), ``mean_current_ma`` (signed), ``start_voltage_v``, ``end_voltage_v``.
    """
    moving = "curve" if points.time_s is None else "constant-current"
    kind = np.where(steps.sign == 0, "rest", np.where(steps.held, "constant-voltage", moving))
    direction = np.array(["discharge", "rest", "charge"])[steps.sign + 1]
    last = steps.stop - 1
    rows = steps.stop - steps.start
    columns: dict[str, Array | Integers | NDArray[np.str_] | None] = {
        "step": np.arange(1, len(steps) + 1),
        "cycle": cycle,
        "half_cycle": half_cycle,
        "kind": kind,
        "direction": direction,
        "vendor_cycle": None if points.vendor_cycle is None else points.vendor_cycle[steps.start],
        "vendor_step": None if points.vendor_step is None else points.vendor_step[steps.start],
        "rows": rows,
        "start_second": None,
        "duration_second": None,
        "charge_mah": 1e3 * steps.charge_ah,
        "mean_current_ma": None,
        "start_voltage_v": points.voltage_v[steps.start],
        "end_voltage_v": points.voltage_v[last],
    }
    if points.time_s is not None and points.current_a is not None:
        columns["start_second"] = points.time_s[steps.start]
        columns["duration_second"] = points.time_s[last] - points.time_s[steps.start]
        columns["mean_current_ma"] = 1e3 * np.add.reduceat(points.current_a, steps.start) / rows
    schema = {
        "step": pl.Int64, "cycle": pl.Int64, "half_cycle": pl.Int64, "kind": pl.String, "direction": pl.String,
        "vendor_cycle": pl.Int64, "vendor_step": pl.Int64, "rows": pl.Int64, "start_second": pl.Float64,
        "duration_second": pl.Float64, "charge_mah": pl.Float64, "mean_current_ma": pl.Float64,
        "start_voltage_v": pl.Float64, "end_voltage_v": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(
        [
            pl.Series(name, [None] * len(steps) if values is None else values, dtype=schema[name])
            for name, values in columns.items()
        ]
    )

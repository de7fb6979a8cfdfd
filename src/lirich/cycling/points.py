"""A standard table as arrays, with the charge that each row brought (`lirich.cycling.charge`)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.arrays import Array, Integers, Signs, floats, given, integers, temperature_celsius
from lirich.cycling.charge import ChargeSource, charge_of_columns, charge_of_current, charge_of_one_column
from lirich.cycling.filecycles import in_cycle_order
from lirich.cycling.holes import find_holes, pauses_at_turns, recording_gap
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.usable import usable_rows
from lirich.errors import MissingColumnError, NotEnoughDataError
from lirich.model import Finding
from lirich.model.table import CHARGED, CURRENT, CYCLE, DISCHARGED, STEP, STEP_INDEX, TIME, VOLTAGE


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The usable rows of a table, in the order of time or of a curve's cycles; every array has shape (n,).

    ``dq_ah`` is the signed charge that came between the row before and this one (0 at the first). ``sign`` is
    +1 in charge, −1 in discharge, 0 at rest. ``holes``: the rows before what was not recorded, shape (h,), where charge
    or the turn of a half-cycle went unseen. ``capacity_step_ah``: the step of the counters that ``dq_ah`` is from, 0
    where they show none; ``counted_from_zero``: whether they all begin at nothing. ``time_s`` and ``current_a`` are
    ``None`` for a curve without a time axis. ``new_step`` is True where the current changes direction or the cycler
    begins a step.
    """

    time_s: Array | None
    voltage_v: Array
    current_a: Array | None
    dq_ah: Array
    sign: Signs
    new_step: NDArray[np.bool_]
    vendor_cycle: Integers | None
    vendor_step: Integers | None
    temperature_celsius: Array | None
    charge_source: ChargeSource
    capacity_step_ah: float = 0.0
    counted_from_zero: bool = False
    holes: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.voltage_v)


def points_of(table: pl.DataFrame, settings: CyclingSettings) -> tuple[Points, list[Finding]]:
    """Return the table as `Points`, and what had to be left out or set right.

    Raises `MissingColumnError` where it is not a standard table, `InconsistentDataError` where the time starts again,
    `NotEnoughDataError` with fewer than two usable rows or without any current.
    """
    names = set(table.columns)
    timed = {TIME, CURRENT} <= names
    if VOLTAGE not in names or not (timed or {CHARGED, DISCHARGED} <= names):
        raise MissingColumnError(
            f"A table with the columns {', '.join(table.columns) or 'none'}",
            expected=f"{VOLTAGE} with {TIME} and {CURRENT}, or with {CHARGED} and {DISCHARGED}",
            advice="Read the file with lirich.readers.read",
        )
    table, findings = usable_rows(table, timed)
    return (_timed(table, settings, findings) if timed else _timeless(table, findings)), findings


def _timed(table: pl.DataFrame, settings: CyclingSettings, findings: list[Finding]) -> Points:
    time = floats(table, TIME)
    current = floats(table, CURRENT)
    scale = _percentile(np.abs(current))
    if scale == 0.0:
        raise NotEnoughDataError(
            "A test in which no current flows",
            expected="at least one charge or discharge",
            advice="Is the current column the right one?",
        )
    rest = settings.rest_current_fraction * scale
    sign = (current > rest).view(np.int8) - (current < -rest).view(np.int8)
    vendor_step = integers(table, STEP)
    if vendor_step is None:
        vendor_step = integers(table, STEP_INDEX)
    new = np.empty(len(sign), dtype=np.bool_)
    new[0] = True
    np.not_equal(sign[1:], sign[:-1], out=new[1:])
    changes = np.zeros(0, dtype=np.bool_) if vendor_step is None else vendor_step[1:] != vendor_step[:-1]
    # A column that changes at every row is a counter of rows, not of steps.
    if changes.any() and np.count_nonzero(changes) * 5 < len(changes):
        new[1:] |= changes
    else:
        new |= _level_changes(current, sign, settings)
    dt = np.diff(time)
    voltage = floats(table, VOLTAGE)
    holes = find_holes(dt, voltage, current, sign, new, integers(table, STEP), settings)
    inside = ~new[holes.row + 1]
    new[holes.row[holes.long & inside] + 1] = True  # nobody knows what flowed
    alike = (sign[holes.row] == sign[holes.row + 1]) & (sign[holes.row] != 0)
    dq = charge_of_current(dt, current, sign, new, settings)
    source: ChargeSource = "current"
    hidden: Array | None = None
    step = 0.0
    counted = {way: floats(table, name) for way, name in ((1, CHARGED), (-1, DISCHARGED)) if given(table, name)}
    if len(counted) == 2:
        columns = (counted[1], counted[-1])
        dq, source, hidden, step = charge_of_columns(*columns, dq, current, sign, new, holes, settings, findings)
    asked: Array | None = None
    for way, column in counted.items() if len(counted) == 1 else ():
        dq, source, step = charge_of_one_column(column, way, dq, current, sign, new, holes, settings, findings)
        asked = column if source != "current" else None
    if hidden is None:
        said = holes.long & ~pauses_at_turns(voltage, current, sign, asked, holes, settings.incomplete_voltage_v)
        lossy = said
    else:
        # What went on in its direction is counted whole, and from one voltage to the next it is the start of a hold.
        whole = alike & (hidden.min(axis=1) == 0.0)
        step_v = np.abs(voltage[holes.row + 1] - voltage[holes.row])
        said = (holes.long & inside) | (hidden > 0.0).any(axis=1)
        said &= holes.long | ~whole | (step_v > settings.incomplete_voltage_v)
        lossy = said & ~whole
    if said.any():
        findings.append(recording_gap(time, holes.row[said], None if hidden is None else hidden[said]))
    return Points(
        time_s=time - time[0] if time[0] else time,
        voltage_v=voltage,
        current_a=current,
        dq_ah=dq,
        sign=sign,
        new_step=new,
        vendor_cycle=integers(table, CYCLE),
        vendor_step=vendor_step,
        temperature_celsius=temperature_celsius(table),
        charge_source=source,
        capacity_step_ah=step,
        counted_from_zero=all(column[0] == 0.0 for column in counted.values()),
        holes=holes.row[lossy],
    )


def _percentile(magnitude: Array) -> float:
    """Return the 99.9th percentile of |I|, of fewer than 1,000 rows the second largest: a lone row sets no scale.

    The rows of *magnitude* change places.
    """
    rank = max(min(int(0.999 * (len(magnitude) - 1)), len(magnitude) - 2), 0)
    magnitude.partition(rank)
    high = float(magnitude[rank])
    return high if high > 0.0 else float(magnitude.max())


def _level_changes(current: Array, sign: Signs, settings: CyclingSettings) -> NDArray[np.bool_]:
    """True where a constant current jumps to another constant current of the same direction."""
    change = np.zeros(len(current), dtype=np.bool_)
    if len(current) < 4:
        return change
    step = np.abs(np.diff(current))
    jump = step > settings.current_level_change * np.maximum(np.abs(current[1:]), np.abs(current[:-1]))
    jump &= sign[1:] == sign[:-1]
    jump &= sign[1:] != 0
    at = np.flatnonzero(jump[1:-1]) + 1  # step[at] leads from row at to row at + 1
    flat = settings.current_level_change / 5
    at = at[(step[at - 1] <= flat * np.abs(current[at])) & (step[at + 1] <= flat * np.abs(current[at + 1]))]
    change[at + 1] = True
    return change


def _timeless(table: pl.DataFrame, findings: list[Finding]) -> Points:
    voltage = floats(table, VOLTAGE)
    vendor_cycle = integers(table, CYCLE)
    charged, discharged = floats(table, CHARGED), floats(table, DISCHARGED)
    dq = np.zeros(len(voltage))
    np.subtract(np.diff(charged), np.diff(discharged), out=dq[1:])
    scale = float(np.abs(dq).max())
    if scale == 0.0:
        raise NotEnoughDataError(
            "A curve in which the capacity does not change", expected="at least one charge or discharge"
        )
    temperature = temperature_celsius(table)
    if vendor_cycle is not None:
        order, said = in_cycle_order(vendor_cycle, dq)
        findings += said
        if order is not None:
            voltage, dq, vendor_cycle = voltage[order], dq[order], vendor_cycle[order]
            temperature = None if temperature is None else temperature[order]
    sign = np.sign(dq).astype(np.int8)
    breaks = np.zeros(len(sign), dtype=np.bool_)
    if vendor_cycle is not None:
        breaks[1:] = vendor_cycle[1:] != vendor_cycle[:-1]
    sign = _filled(sign, voltage, breaks)
    new = np.ones(len(sign), dtype=np.bool_)
    np.not_equal(sign[1:], sign[:-1], out=new[1:])
    new |= breaks
    return Points(
        time_s=None,
        voltage_v=voltage,
        current_a=None,
        dq_ah=dq,
        sign=sign,
        new_step=new,
        vendor_cycle=vendor_cycle,
        vendor_step=None,
        temperature_celsius=temperature,
        charge_source="capacity",
    )


def _filled(sign: Signs, voltage: Array, breaks: NDArray[np.bool_]) -> Signs:
    """Give rows without change of capacity the direction of their half-cycle.

    Between two directions the border is the new cycle of the file if there is one, else the largest step of the
    voltage (the turn from charge to discharge jumps by the polarisation).
    """
    filled = sign.copy()
    known = np.flatnonzero(sign)
    filled[: known[0]] = sign[known[0]]
    filled[known[-1] + 1 :] = sign[known[-1]]
    for left, right in zip(known[:-1][np.diff(known) > 1], known[1:][np.diff(known) > 1], strict=True):
        if sign[left] == sign[right] and not breaks[left + 1 : right + 1].any():
            border = right
        elif breaks[left + 1 : right + 1].any():
            border = left + 1 + int(np.argmax(breaks[left + 1 : right + 1]))
        else:
            border = left + 1 + int(np.argmax(np.abs(np.diff(voltage[left : right + 1]))))
        filled[left:border] = sign[left]
        filled[border:right] = sign[right]
    return filled

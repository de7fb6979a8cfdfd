"""A standard table as arrays, with the charge that each row brought (`lirich.cycling.charge`)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.charge import ChargeSource, Signs, charge_of_columns, charge_of_current, charge_of_one_column
from lirich.cycling.filecycles import in_cycle_order
from lirich.cycling.halfcycle import Array
from lirich.cycling.holes import Integers, find_holes, pauses_at_turns, recording_gap
from lirich.cycling.settings import CyclingSettings
from lirich.errors import InconsistentDataError, MissingColumnError, NotEnoughDataError
from lirich.model import Finding
from lirich.model.table import (
    CELL_TEMPERATURE,
    CHARGED,
    CURRENT,
    CYCLE,
    DISCHARGED,
    STEP,
    STEP_INDEX,
    TEMPERATURE,
    TIME,
    VOLTAGE,
)

_ABSOLUTE_ZERO = -273.15
_HOTTEST = 200.0  # °C: lithium melts at 180.5, and an open sensor reads 850, 3276.7 or the like
_LARGEST = 1e12  # s, V, A or Ah: no instrument writes more, and squares and sums of less stay finite


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The usable rows of a table, in the order of time or of a curve's cycles; every array has shape (n,).

    ``dq_ah`` is the signed charge that came between the row before and this one (0 at the first). ``sign`` is
    +1 in charge, −1 in discharge, 0 at rest. ``holes``: the rows before what was not recorded, shape (h,), where charge
    or the turn of a half-cycle went unseen. ``capacity_step_ah``: the step of the counters that ``dq_ah`` is from, 0
    where they show none. ``time_s`` and ``current_a`` are ``None`` for a curve without a
    time axis. ``new_step`` is True where the current changes direction or the cycler begins a step.
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
    table, findings = _usable(table, timed)
    return (_timed(table, settings, findings) if timed else _timeless(table, findings)), findings


def _usable(table: pl.DataFrame, timed: bool) -> tuple[pl.DataFrame, list[Finding]]:
    findings: list[Finding] = []
    needed = (TIME, VOLTAGE, CURRENT) if timed else (VOLTAGE, CHARGED, DISCHARGED)
    arrays = [_floats(table, c) for c in needed]
    if not all(a.min(initial=0.0) > -_LARGEST and a.max(initial=0.0) < _LARGEST for a in arrays):  # NaN is neither
        with np.errstate(invalid="ignore"):
            finite = np.logical_and.reduce([np.abs(a) < _LARGEST for a in arrays])
        dropped = int(len(finite) - finite.sum())
        findings.append(
            Finding(
                code="rows-without-data",
                message=f"{dropped} of {len(finite)} rows have no number for {' or '.join(needed)} and were left out",
                advice="Look at the file around them",
            )
        )
        table = table.filter(pl.Series(finite))
    if table.height < 2:
        raise NotEnoughDataError(
            f"A table with {table.height} usable row(s)",
            expected="at least two rows with voltage and current, or with voltage and capacity",
            advice="Check with: lirich inspect",
        )
    if timed:
        table = _without_spike(_in_order(table, findings), findings)
    return table, findings


_SPIKE = 20.0  # times all other currents of the test: programmes go from C/20 to 10C, but not in one row alone


def _without_spike(table: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Leave out one row whose current is far above all others, where it lies within a steady half-cycle.

    Over a recording interval it would be more charge than all the rest. Out of a rest it may be a pulse of one row, and
    is kept.
    """
    time, current = _floats(table, TIME), _floats(table, CURRENT)
    highest = max(float(current.max()), -float(current.min()))
    some = current[:: max(1, len(current) // 1000)]  # nearly every test shows within few rows that no one stands alone
    if len(current) < 4 or np.count_nonzero(_SPIKE * np.abs(some) >= highest) > 1:
        return table
    magnitude = np.abs(current)
    if np.count_nonzero(_SPIKE * magnitude >= highest) > 1:
        return table
    second, largest = np.partition(magnitude, len(magnitude) - 2)[-2:].tolist()
    row = int(np.argmax(magnitude))
    if second <= 0.0 or row in (0, len(magnitude) - 1):
        return table
    before, after = current[row - 1], current[row + 1]
    if before * after <= 0.0 or min(abs(before), abs(after)) < 0.5 * second:
        return table
    findings.append(
        Finding(
            code="lone-current-spike",
            message=f"One row has a current of {1e3 * largest:.4g} mA, {largest / second:.3g} times any other, between "
            "rows of a steady current; it was left out",
            advice="Look at the file there; it may be a fault of the recording",
            where=f"{time[row] - time[0]:.0f} s",
        )
    )
    return table.filter(pl.Series(np.arange(len(magnitude)) != row))


def _in_order(table: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    time = table[TIME].to_numpy()
    falls = int(np.count_nonzero(time[1:] < time[:-1]))
    if falls == 0:
        return table
    latest = np.maximum.accumulate(time)
    astray = time < latest
    if np.count_nonzero(astray) <= 2 * falls and 100 * falls <= len(time):
        findings.append(
            Finding(
                code="time-falls-back",
                message=f"The time falls back at {falls} single rows; they were given the time of the row before",
                advice="The file's time column is faulty there",
            )
        )
        return table.with_columns(pl.Series(TIME, latest))
    if 100 * falls < len(time):
        raise InconsistentDataError(
            f"The time starts again {falls} time(s)",
            expected="a time that never decreases",
            advice="Read the file with the repair that continues the time, or join its parts",
        )
    findings.append(
        Finding(
            code="time-not-sorted",
            message="The rows are not in the order of time; they were sorted",
            advice="Check how the file was exported",
        )
    )
    return table[np.argsort(time, kind="stable")]


def _timed(table: pl.DataFrame, settings: CyclingSettings, findings: list[Finding]) -> Points:
    time = _floats(table, TIME)
    current = _floats(table, CURRENT)
    scale = _percentile(np.abs(current))
    if scale == 0.0:
        raise NotEnoughDataError(
            "A test in which no current flows",
            expected="at least one charge or discharge",
            advice="Is the current column the right one?",
        )
    rest = settings.rest_current_fraction * scale
    sign = (current > rest).view(np.int8) - (current < -rest).view(np.int8)
    vendor_step = _integers(table, STEP)
    if vendor_step is None:
        vendor_step = _integers(table, STEP_INDEX)
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
    voltage = _floats(table, VOLTAGE)
    holes = find_holes(dt, voltage, current, sign, new, _integers(table, STEP), settings)
    inside = ~new[holes.row + 1]
    new[holes.row[holes.long & inside] + 1] = True  # nobody knows what flowed
    alike = (sign[holes.row] == sign[holes.row + 1]) & (sign[holes.row] != 0)
    dq = charge_of_current(dt, current, sign, new, settings)
    source: ChargeSource = "current"
    hidden: Array | None = None
    step = 0.0
    counted = {way: _floats(table, name) for way, name in ((1, CHARGED), (-1, DISCHARGED)) if _some(table, name)}
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
        vendor_cycle=_integers(table, CYCLE),
        vendor_step=vendor_step,
        temperature_celsius=_temperature(table),
        charge_source=source,
        capacity_step_ah=step,
        holes=holes.row[lossy],
    )


def _some(table: pl.DataFrame, name: str) -> bool:
    return name in table.columns and table[name].null_count() < table.height


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
    voltage = _floats(table, VOLTAGE)
    vendor_cycle = _integers(table, CYCLE)
    charged, discharged = _floats(table, CHARGED), _floats(table, DISCHARGED)
    dq = np.zeros(len(voltage))
    np.subtract(np.diff(charged), np.diff(discharged), out=dq[1:])
    scale = float(np.abs(dq).max())
    if scale == 0.0:
        raise NotEnoughDataError(
            "A curve in which the capacity does not change", expected="at least one charge or discharge"
        )
    temperature = _temperature(table)
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


def _floats(table: pl.DataFrame, name: str) -> Array:
    column = table.get_column(name)
    return np.asarray((column if column.dtype == pl.Float64 else column.cast(pl.Float64)).to_numpy(), dtype=np.float64)


def _integers(table: pl.DataFrame, name: str) -> Integers | None:
    if name not in table.columns:
        return None
    column = table[name]
    if column.dtype.is_float():
        column = pl.Series(name, np.where(np.isfinite(column.to_numpy()), column.to_numpy(), np.nan), nan_to_null=True)
    if column.null_count() == len(column):
        return None
    if column.null_count():
        column = column.fill_null(strategy="forward").fill_null(strategy="backward")
    return np.asarray(column.cast(pl.Int64).to_numpy(), dtype=np.int64)


def _temperature(table: pl.DataFrame) -> Array | None:
    for name in (TEMPERATURE, CELL_TEMPERATURE):
        if name in table.columns and table[name].null_count() < table.height:
            values = _floats(table, name)
            # cyclers write −2500 and the like for a sensor that is not there
            possible = (values >= _ABSOLUTE_ZERO) & (values <= _HOTTEST)
            if possible.any():
                return np.where(possible, values, np.nan)
    return None


__all__ = ["ChargeSource", "Integers", "Points", "points_of"]

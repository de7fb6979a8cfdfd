"""The rows of a standard table that can be used, in the order of time; what is left out or set right is said."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.cycling.arrays import floats
from lirich.errors import InconsistentDataError, NotEnoughDataError
from lirich.model import Finding
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, TIME, VOLTAGE

_LARGEST = 1e12  # s, V, A or Ah: no instrument writes more, and squares and sums of less stay finite


def usable_rows(table: pl.DataFrame, timed: bool) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the usable rows of a table, *timed* or with capacities alone, and what was left out or set right.

    Raises `InconsistentDataError` where the time starts again, `NotEnoughDataError` with fewer than two usable rows.
    """
    findings: list[Finding] = []
    needed = (TIME, VOLTAGE, CURRENT) if timed else (VOLTAGE, CHARGED, DISCHARGED)
    arrays = [floats(table, c) for c in needed]
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
    time, current = floats(table, TIME), floats(table, CURRENT)
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

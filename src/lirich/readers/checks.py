"""Physics cross-checks of a standard table: what its columns say must agree with itself and with nature.

A cycler file carries the same fact several times: charge is both a column and ∫I dt, the direction is both
the sign of the current and the way the voltage moves, time is both a column and the programmed recording
interval. `check` compares them. What is proven wrong is an error that names its repair
(`lirich.readers.repairs`); what is only odd is a warning. All tests are a few passes over the columns:
700 000 rows take some tens of milliseconds.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.model import Finding, Severity
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, TIME, UNIX_TIME, VOLTAGE, has_time_axis
from lirich.readers.balancecheck import check_balance, check_capacity_order, check_energy
from lirich.readers.beside import beside
from lirich.readers.curvegaps import check_gaps
from lirich.readers.diagnosis import Array, Diagnosis, complete_column, found_in
from lirich.readers.rowcheck import check_rows
from lirich.readers.runs import REST_SHARE, find_half_cycles
from lirich.readers.signcheck import check_curve_direction, check_sign
from lirich.readers.timecheck import check_time_order
from lirich.readers.timescale import check_time_scale
from lirich.readers.voltagecheck import check_voltage_range, check_voltage_size

ODD_CAPACITY_AH = 2000.0
"""More than the largest cells on the market hold in one half-cycle (about 1.2 kAh): worth a warning."""

MANY_ROWS = 100_000
"""To check the energies of so many is worth a second thread."""

MOST_SPIKES = 2
"""So few rows with a thousand times the current of all others are no part of the test."""


def check(table: pl.DataFrame) -> tuple[Finding, ...]:
    """Return what is wrong or odd in a standard table, the gravest first. Never raises on a standard table."""
    return tuple(diagnosis.finding for diagnosis in diagnose(table))


def diagnose(table: pl.DataFrame, *, split_by_sign: frozenset[str] = frozenset()) -> tuple[Diagnosis, ...]:
    """Return the findings of `check` with the repairs that belong to them.

    Columns *split_by_sign* were told apart by the sign of the current: capacities among them are no witness of it.

    The tests build on each other: broken rows end the examination, then broken time order does, since nothing
    that is integrated over time can be trusted before.
    """
    with np.errstate(all="ignore"):  # absurd numbers may overflow on the way to being called absurd
        found = check_rows(table)
        if not found and has_time_axis(table):
            time = table[TIME].to_numpy()
            found = check_time_order(time)
            if not any(d.finding.severity is Severity.ERROR for d in found):
                found += _check_cycling(table, time, complete_column(table, UNIX_TIME), split_by_sign=split_by_sign)
        elif not found:
            found = _check_curve(table)
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    return tuple(sorted(found, key=lambda d: order[d.finding.severity]))


def _check_cycling(
    table: pl.DataFrame, time: Array, unix: Array | None, *, split_by_sign: frozenset[str]
) -> list[Diagnosis]:
    current, voltage = table[CURRENT].to_numpy(), table[VOLTAGE].to_numpy()
    step = np.diff(time)
    found = _check_repeats(step, current, voltage)
    charged, discharged = complete_column(table, CHARGED), complete_column(table, DISCHARGED)
    found += check_capacity_order(charged, discharged)
    halves = find_half_cycles(time, step, current, voltage)
    if halves is None:
        return [*found, found_in("no-current", Severity.WARNING, "No current flows in the whole file: it is one rest")]
    found += _check_spikes(current)
    if any(d.finding.severity is Severity.ERROR for d in found):
        return found
    energy = beside(
        lambda: check_energy(table, voltage, charged, discharged, stretches=len(halves.sign)),
        worth=len(time) >= MANY_ROWS,
    )
    slow = check_time_scale(time, unix, halves, step=step, current=current)
    of_time = frozenset(name for d in slow if d.finding.severity is Severity.ERROR for name in d.repairs)
    balance = check_balance(time, step, current, charged, discharged, halves, of_time=of_time)
    if any(d.finding.severity is Severity.ERROR for d in balance):
        slow = []  # the balance has proven it, with its factor
    found += slow + balance
    found += energy()
    if not any(d.finding.code == "current-sign" for d in found):
        counted = any(column is not None and column[-1] > column[0] for column in (charged, discharged))
        found += check_sign(table, halves, witnessed=counted and CHARGED not in split_by_sign)
    largest = float(np.abs(halves.charge_ah).max())
    if largest > ODD_CAPACITY_AH and not any(d.finding.severity is Severity.ERROR for d in found):
        found.append(
            found_in(
                "current-implausible",
                Severity.WARNING,
                f"One half-cycle passes {largest:.3g} Ah, more than any cell holds: is the current in mA, not in A?",
                "current-milliampere",
            )
        )
    return [*found, *check_voltage_size(voltage), *check_voltage_range(halves)]


def _check_repeats(step: Array, current: Array, voltage: Array) -> list[Diagnosis]:
    where = np.flatnonzero(step == 0)
    same = (current[where + 1] == current[where]) & (voltage[where + 1] == voltage[where])
    repeated = int(np.count_nonzero(same))
    if not repeated:
        return []
    return [
        found_in(
            "duplicate-rows",
            Severity.INFO,
            f"{repeated} rows repeat the row before them (same time, current and voltage)",
            "drop-duplicates",
        )
    ]


def _check_spikes(current: Array) -> list[Diagnosis]:
    """Say where a row or two make all other current look like rest: a damaged value, or the test of something else."""
    largest = max(float(current.max()), -float(current.min()))
    some = np.abs(current[:: max(1, len(current) // 20_000)])
    if int(np.count_nonzero(some > REST_SHARE * largest)) > MOST_SPIKES:
        return []
    size = np.abs(current)
    spikes = np.flatnonzero(size > REST_SHARE * largest)
    if len(spikes) > MOST_SPIKES or int(np.count_nonzero(size)) <= 10 * MOST_SPIKES:
        return []
    return [
        found_in(
            "current-spike",
            Severity.WARNING,
            f"{len(spikes)} rows (the first is row {int(spikes[0]) + 1}) have up to {largest:.4g} A, a thousand times "
            "the current of all others, which therefore count as rest",
            advice="Look at these rows in the file; delete them if their current is not true",
        )
    ]


def _check_curve(table: pl.DataFrame) -> list[Diagnosis]:
    """Ask the voltage, as for a test with time: the rows are the time, the capacity that grows the direction."""
    charged, discharged = complete_column(table, CHARGED), complete_column(table, DISCHARGED)
    found = check_capacity_order(charged, discharged)
    if found or charged is None or discharged is None or len(charged) < 3:
        return found
    voltage = table[VOLTAGE].to_numpy()
    grown = np.sign(np.diff(charged) - np.diff(discharged))
    direction = np.append(grown[:1], grown)
    rows = np.arange(len(voltage), dtype=np.float64)
    halves = find_half_cycles(rows, np.diff(rows), direction, voltage)
    if halves is None:
        return [*found, found_in("no-current", Severity.WARNING, "No charge passes in the whole file")]
    found += check_energy(table, voltage, charged, discharged, stretches=len(halves.sign))
    found += [*check_voltage_size(voltage), *check_voltage_range(halves)]
    found += check_gaps(charged - discharged, voltage, halves)
    return [*found, *check_curve_direction(halves)]

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
from lirich.model.table import (
    CHARGED,
    CURRENT,
    DISCHARGED,
    STEP_TYPE,
    TIME,
    UNIX_TIME,
    VOLTAGE,
    has_time_axis,
)
from lirich.readers.balancecheck import ODD_VOLTAGE_V, check_balance, check_capacity_order, check_energy, voltage_vote
from lirich.readers.beside import beside
from lirich.readers.curvegaps import check_gaps
from lirich.readers.diagnosis import Array, Diagnosis, complete_column, found_in
from lirich.readers.runs import REST_SHARE, HalfCycles, find_half_cycles
from lirich.readers.timecheck import check_time_order, mostly, thinned, thinned_median
from lirich.readers.timescale import check_time_scale

IMPOSSIBLE_VOLTAGE_V = 1000.0
"""No cell and no pack on a cell tester reaches 1000 V (testers of the vendors read here end at 5 to 100 V per
channel): a larger number is a damaged value, or mV in a column of V."""

IMPOSSIBLE_CURRENT_A = 1.0e5
"""Cell testers end at some kA; a larger number is a damaged value."""

IMPOSSIBLE_TIME_S = 1.0e15
"""Thirty million years; a larger number is a damaged value."""

_LIMITS = {VOLTAGE: IMPOSSIBLE_VOLTAGE_V, CURRENT: IMPOSSIBLE_CURRENT_A, TIME: IMPOSSIBLE_TIME_S}

TINY_VOLTAGE_V = 0.02
"""A cell between 0 V and this in charge and in discharge: worth a warning (a symmetric cell changes sign)."""

ODD_CAPACITY_AH = 2000.0
"""More than the largest cells on the market hold in one half-cycle (about 1.2 kAh): worth a warning."""

FEW_ROWS = 0.01
"""Up to this share of the rows may be dropped, out loud, without being asked for."""

SIGN_SWING_V = 0.2
"""Voltage movement, summed over half-cycles, that it takes to judge the sign of the current."""

SIGN_DOUBTFUL = "current-sign-doubtful"
"""The code of what is said where the sign of the current may be wrong."""

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
        found = _check_rows(table)
        if not found and has_time_axis(table):
            time = table[TIME].to_numpy()
            found = [Diagnosis(*d) for d in check_time_order(time)]
            if not any(d.finding.severity is Severity.ERROR for d in found):
                found += _check_cycling(table, time, complete_column(table, UNIX_TIME), split_by_sign=split_by_sign)
        elif not found:
            found = _check_curve(table)
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    return tuple(sorted(found, key=lambda d: order[d.finding.severity]))


def essential_columns(table: pl.DataFrame) -> list[str]:
    """Name the columns without which a row says nothing."""
    return [VOLTAGE, TIME, CURRENT] if has_time_axis(table) else [VOLTAGE, CHARGED, DISCHARGED]


def invalid_rows(table: pl.DataFrame) -> pl.Expr:
    """Return the expression that is true in rows where an essential value is absent, not finite or impossible."""
    bad = pl.lit(value=False)
    for name in essential_columns(table):
        limit = _LIMITS.get(name, np.inf)
        bad = bad | pl.col(name).is_null() | ~pl.col(name).is_finite() | (pl.col(name).abs() > limit)
    return bad


def _check_rows(table: pl.DataFrame) -> list[Diagnosis]:
    if _millivolts(table):
        return [
            found_in(
                "voltage-millivolt",
                Severity.ERROR,
                f"The voltage is around {_median(table, VOLTAGE):.0f} V, in many rows over 1000 V: "
                "it is mV in a column of V",
                "voltage-millivolt",
            )
        ]
    if all(_sound(table[name], _LIMITS.get(name, np.inf)) for name in essential_columns(table)):
        return _check_voltage_column(table)
    bad = int(table.select(invalid_rows(table).sum()).item())
    if not bad:
        return []
    few = bad <= max(1, int(FEW_ROWS * table.height)) and bad < table.height
    text = (
        f"{bad} of {table.height} rows have no usable {', '.join(essential_columns(table))} "
        "(absent, not a number, or beyond what any cell can show)"
    )
    return [
        found_in(
            "invalid-rows",
            Severity.WARNING if few else Severity.ERROR,
            text,
            "drop-invalid-rows" if bad < table.height else "",
            automatic=few,
        )
    ]


def _check_voltage_column(table: pl.DataFrame) -> list[Diagnosis]:
    if table.height < 3 or table[VOLTAGE][table.height // 2] != 0.0 or bool((table[VOLTAGE] != 0.0).any()):
        return []
    return [
        found_in(
            "voltage-zero",
            Severity.ERROR,
            f"The voltage is 0 V in all {table.height} rows: the column is empty, or another one is the voltage",
            advice="Export the file from the cycler again, or name the column of the voltage in a mapping file",
        )
    ]


def _sound(series: pl.Series, limit: float) -> bool:
    """Tell, in two or three quick passes, whether every value is there, finite and possible."""
    if series.null_count():
        return False
    values = series.to_numpy()
    within = float(values.max()) <= limit and float(values.min()) >= -limit  # not where there is NaN
    return within and (np.isfinite(limit) or bool(np.isfinite(values.sum())))


def _millivolts(table: pl.DataFrame) -> bool:
    """Tell whether the voltage is mV: it is so in most rows, or it goes on smoothly beyond what any cell can show."""
    highest = float(table[VOLTAGE].max() or 0.0)  # type: ignore[arg-type]
    if highest < IMPOSSIBLE_VOLTAGE_V:
        return False
    if IMPOSSIBLE_VOLTAGE_V <= _median(table, VOLTAGE) <= 100 * IMPOSSIBLE_VOLTAGE_V:
        return True
    voltage = table[VOLTAGE].to_numpy()
    beyond = voltage > IMPOSSIBLE_VOLTAGE_V
    crossed = np.flatnonzero(beyond[1:] != beyond[:-1])
    if not highest <= 100 * IMPOSSIBLE_VOLTAGE_V or beyond.sum() <= FEW_ROWS * len(beyond):
        return False
    return mostly(np.abs(voltage[crossed + 1] - voltage[crossed]) < 0.5 * IMPOSSIBLE_VOLTAGE_V)


def _median(table: pl.DataFrame, column: str) -> float:
    value = table[column].filter(table[column].is_finite()).median()
    return float(value) if isinstance(value, int | float) else float("nan")


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
    of_time = frozenset(name for finding, names, _ in slow if finding.severity is Severity.ERROR for name in names)
    balance = check_balance(time, step, current, charged, discharged, halves, of_time=of_time)
    if any(d.finding.severity is Severity.ERROR for d in balance):
        slow = []  # the balance has proven it, with its factor
    found += [Diagnosis(*d) for d in slow] + balance
    found += energy()
    if not any(d.finding.code == "current-sign" for d in found):
        counted = any(column is not None and column[-1] > column[0] for column in (charged, discharged))
        found += _check_sign(table, halves, witnessed=counted and CHARGED not in split_by_sign)
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
    return [*found, *_check_voltage_size(voltage), *_check_voltage_range(halves)]


def _check_voltage_size(voltage: Array) -> list[Diagnosis]:
    if mostly(np.abs(thinned(voltage)) <= ODD_VOLTAGE_V):
        return []
    middle = thinned_median(voltage)
    if abs(middle) <= ODD_VOLTAGE_V:
        return []
    text = f"The voltage is around {middle:.4g} V"
    return [found_in("voltage-implausible", Severity.WARNING, text, "voltage-millivolt")]


def _check_voltage_range(halves: HalfCycles) -> list[Diagnosis]:
    """Say what no cell does in charge and discharge: hold one voltage to the last digit, or stay within millivolts."""
    low, high = float(halves.voltage_low.min()), float(halves.voltage_high.max())
    if bool((halves.sign == halves.sign[0]).all()):
        return []
    if low == high:
        return [
            found_in(
                "voltage-stands",
                Severity.WARNING,
                f"The voltage is {low:.5g} V in every row of charge and discharge",
            )
        ]
    if low > 0 and high < TINY_VOLTAGE_V:
        text = (
            f"The voltage stays between {low * 1e3:.3g} and {high * 1e3:.3g} mV in charge and discharge: is it written "
            "in kV?"
        )
        return [found_in("voltage-implausible", Severity.WARNING, text, "voltage-volt")]
    return []


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


def _check_sign(table: pl.DataFrame, halves: HalfCycles, *, witnessed: bool) -> list[Diagnosis]:
    """Ask the voltage which way the current flows; *witnessed*: capacities of their own direction tell it too."""
    agree, disagree = voltage_vote(halves)
    if disagree < SIGN_SWING_V or disagree < 0.5 * agree:
        return []
    one_sign = bool((halves.sign == halves.sign[0]).all())
    if one_sign and agree > 0.2 * disagree:
        source = witnessed or STEP_TYPE in table.columns
        return [
            found_in(
                "current-unsigned",
                Severity.ERROR,
                "The current never changes its sign while the voltage both rises and falls: it has lost its sign",
                "sign-current" if source else "",
                advice="" if source else "Give the sign in a mapping file beside the file",
            )
        ]
    if disagree > 4 * agree and not witnessed:
        return [
            found_in(
                "current-sign",
                Severity.ERROR,
                f"The voltage falls while the current charges (by {disagree:.2f} V in all, against {agree:.2f} V the "
                "right way): charge has to be positive",
                "flip-current",
            )
        ]
    if disagree > agree:
        return [
            found_in(
                SIGN_DOUBTFUL,
                Severity.WARNING,
                f"The voltage moves against the sign of the current by {disagree:.2f} V in all, with it by "
                f"{agree:.2f} V",
                "flip-current",
            )
        ]
    return []


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
    found += [*_check_voltage_size(voltage), *_check_voltage_range(halves)]
    found += check_gaps(charged - discharged, voltage, halves)
    agree, disagree = voltage_vote(halves)
    if disagree < SIGN_SWING_V or disagree < 0.5 * agree:
        return found
    one_way = bool((halves.sign == halves.sign[0]).all())
    if one_way and agree > 0.2 * disagree:
        which = "charges" if halves.sign[0] > 0 else "discharges"
        found.append(
            found_in(
                "direction-lost",
                Severity.ERROR,
                f"By its capacities the cell only {which}, while the voltage both rises and falls: the file has lost "
                "which rows charge and which discharge",
                advice="Name the column of the direction, or two columns of capacity, in a mapping file beside it",
            )
        )
    elif disagree > 4 * agree:
        found.append(
            found_in(
                "capacities-swapped",
                Severity.ERROR,
                "The voltage falls while the charged capacity grows: the two directions are swapped",
                "swap-capacities",
            )
        )
    elif disagree > agree:
        found.append(
            found_in(
                "capacities-doubtful",
                Severity.WARNING,
                f"The voltage moves against the direction of the capacities by {disagree:.2f} V in all, with it by "
                f"{agree:.2f} V",
                "swap-capacities",
            )
        )
    return found

"""Physics cross-checks of a standard table: what its columns say must agree with itself and with nature.

A cycler file carries the same fact several times: charge is both a column and ∫I dt, the direction is both
the sign of the current and the way the voltage moves, time is both a column and the programmed recording
interval. `check` compares them. What is proven wrong is an error that names its repair
(`lirich.readers.repairs`); what is only odd is a warning. All tests are a few passes over the columns:
700 000 rows take some tens of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Finding, Severity
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    CURRENT,
    DISCHARGED,
    DISCHARGED_ENERGY,
    STEP_TYPE,
    TIME,
    UNIX_TIME,
    VOLTAGE,
    has_time_axis,
)
from lirich.readers.runs import REST_SHARE, HalfCycles, find_half_cycles
from lirich.readers.timecheck import check_time_order, check_time_scale, thinned_median

Array = NDArray[np.float64]

IMPOSSIBLE_VOLTAGE_V = 1000.0
"""No cell and no pack on a cell tester reaches 1000 V (testers of the vendors read here end at 5 to 100 V per
channel): a larger number is a damaged value, or mV in a column of V."""

IMPOSSIBLE_CURRENT_A = 1.0e5
"""Cell testers end at some kA; a larger number is a damaged value."""

IMPOSSIBLE_TIME_S = 1.0e15
"""Thirty million years; a larger number is a damaged value."""

_LIMITS = {VOLTAGE: IMPOSSIBLE_VOLTAGE_V, CURRENT: IMPOSSIBLE_CURRENT_A, TIME: IMPOSSIBLE_TIME_S}

ODD_VOLTAGE_V = 100.0
"""More than cell testers reach on one channel: worth a warning."""

TINY_VOLTAGE_V = 0.02
"""A cell between 0 V and this in charge and in discharge: worth a warning (a symmetric cell changes sign)."""

ODD_CAPACITY_AH = 2000.0
"""More than the largest cells on the market hold in one half-cycle (about 1.2 kAh): worth a warning."""

FEW_ROWS = 0.01
"""Up to this share of the rows may be dropped, out loud, without being asked for."""

BALANCE_TOLERANCE = 0.05
"""∫I dt and the capacity columns may differ by this much: recording is coarser than the cycler's own integration."""

ENERGY_TOLERANCE = 0.10
"""∫V dQ and the energy columns may differ by this much."""

SMALLEST_MEAN_VOLTAGE_V = 0.05
"""Below this mean voltage a cell's energy says that the voltage column is wrong, not the energy (graphite: 0.1 V)."""

FACTOR_TOLERANCE = 0.10
"""A ratio this near to a unit factor (1000, 3600, 60) is that factor."""

SIGN_SWING_V = 0.2
"""Voltage movement, summed over half-cycles, that it takes to judge the sign of the current."""

MOST_SPIKES = 2
"""So few rows with a thousand times the current of all others are no part of the test."""

GAP_FACTOR = 100.0
"""An interval this many times the median is left out of the charge balance (a pause, or a file cut together)."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A finding, the repairs that would resolve it, and whether the repair is so harmless that it is made unasked."""

    finding: Finding
    repairs: tuple[str, ...] = ()
    automatic: bool = False


def check(table: pl.DataFrame) -> tuple[Finding, ...]:
    """Return what is wrong or odd in a standard table, the gravest first. Never raises on a standard table."""
    return tuple(diagnosis.finding for diagnosis in diagnose(table))


def diagnose(table: pl.DataFrame) -> tuple[Diagnosis, ...]:
    """Return the findings of `check` with the repairs that belong to them.

    The tests build on each other: broken rows end the examination, then broken time order does, since nothing
    that is integrated over time can be trusted before.
    """
    with np.errstate(all="ignore"):  # absurd numbers may overflow on the way to being called absurd
        found = _check_rows(table)
        if not found and has_time_axis(table):
            time = table[TIME].to_numpy()
            found = [Diagnosis(*d) for d in check_time_order(time)]
            if not any(d.finding.severity is Severity.ERROR for d in found):
                found += _check_cycling(table, time, _complete(table, UNIX_TIME))
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
            _found(
                "voltage-millivolt",
                Severity.ERROR,
                f"The voltage is around {_median(table, VOLTAGE):.0f} V: it is mV in a column of V",
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
        _found(
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
        _found(
            "voltage-zero",
            Severity.ERROR,
            f"The voltage is 0 V in all {table.height} rows: the column is empty, or another one is the voltage",
            advice="Export the file from the cycler again, or name the column of the voltage in a mapping file",
        )
    ]


def _sound(series: pl.Series, limit: float) -> bool:
    """Tell, in three quick passes, whether every value is there, finite and possible."""
    if series.null_count():
        return False
    values = series.to_numpy()
    return bool(np.isfinite(values.sum())) and float(values.max()) <= limit and float(values.min()) >= -limit


def _millivolts(table: pl.DataFrame) -> bool:
    if float(table[VOLTAGE].max() or 0.0) < IMPOSSIBLE_VOLTAGE_V:  # type: ignore[arg-type]
        return False
    return IMPOSSIBLE_VOLTAGE_V <= _median(table, VOLTAGE) <= 100 * IMPOSSIBLE_VOLTAGE_V


def _median(table: pl.DataFrame, column: str) -> float:
    value = table[column].filter(table[column].is_finite()).median()
    return float(value) if isinstance(value, int | float) else float("nan")


def _check_cycling(table: pl.DataFrame, time: Array, unix: Array | None) -> list[Diagnosis]:
    current, voltage = table[CURRENT].to_numpy(), table[VOLTAGE].to_numpy()
    step = np.diff(time)
    found = _check_repeats(step, current, voltage)
    charged, discharged = _complete(table, CHARGED), _complete(table, DISCHARGED)
    found += _check_capacity_order(charged, discharged)
    halves = find_half_cycles(time, step, current, voltage)
    if halves is None:
        return [*found, _found("no-current", Severity.WARNING, "No current flows in the whole file: it is one rest")]
    found += _check_spikes(current)
    if any(d.finding.severity is Severity.ERROR for d in found):
        return found
    slow = check_time_scale(time, unix, halves, step=step, current=current)
    balance = (
        []
        if charged is None or discharged is None
        else _check_balance(time, step, current, charged, discharged, halves)
    )
    if any(d.finding.severity is Severity.ERROR for d in balance):
        slow = []  # the balance has proven it, with its factor
    found += [Diagnosis(*d) for d in slow] + balance
    if charged is not None and discharged is not None:
        found += _check_energy(table, voltage, charged, discharged, stretches=len(halves.sign))
    if not any(d.finding.code == "current-sign" for d in found):
        found += _check_sign(table, halves, has_capacity=charged is not None and discharged is not None)
    largest = float(np.abs(halves.charge_ah).max())
    if largest > ODD_CAPACITY_AH and not any(d.finding.severity is Severity.ERROR for d in found):
        found.append(
            _found(
                "current-implausible",
                Severity.WARNING,
                f"One half-cycle passes {largest:.3g} Ah, more than any cell holds: is the current in mA, not in A?",
                "current-milliampere",
            )
        )
    middle = thinned_median(voltage)
    if abs(middle) > ODD_VOLTAGE_V:
        found.append(
            _found(
                "voltage-implausible", Severity.WARNING, f"The voltage is around {middle:.4g} V", "voltage-millivolt"
            )
        )
    return [*found, *_check_voltage_range(halves)]


def _check_voltage_range(halves: HalfCycles) -> list[Diagnosis]:
    """Say what no cell does in charge and discharge: hold one voltage to the last digit, or stay within millivolts."""
    low, high = float(halves.voltage_low.min()), float(halves.voltage_high.max())
    if bool((halves.sign == halves.sign[0]).all()):
        return []
    if low == high:
        return [
            _found(
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
        return [_found("voltage-implausible", Severity.WARNING, text, "voltage-volt")]
    return []


def _check_repeats(step: Array, current: Array, voltage: Array) -> list[Diagnosis]:
    where = np.flatnonzero(step == 0)
    same = (current[where + 1] == current[where]) & (voltage[where + 1] == voltage[where])
    repeated = int(np.count_nonzero(same))
    if not repeated:
        return []
    return [
        _found(
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
        _found(
            "current-spike",
            Severity.WARNING,
            f"{len(spikes)} rows (the first is row {int(spikes[0]) + 1}) have up to {largest:.4g} A, a thousand times "
            "the current of all others, which therefore count as rest",
            advice="Look at these rows in the file; delete them if their current is not true",
        )
    ]


def _check_capacity_order(charged: Array | None, discharged: Array | None) -> list[Diagnosis]:
    falls = []
    for name, column in ((CHARGED, charged), (DISCHARGED, discharged)):
        if column is None or len(column) < 2:
            continue
        whole = float(np.ptp(column))
        drop = -float(np.diff(column).min())
        if drop > 1e-3 * whole and drop > 0:
            falls.append(name)
    if not falls:
        return []
    return [
        _found(
            "capacity-resets",
            Severity.ERROR,
            f"{' and '.join(falls)} fall back; a standard table counts charge from the start of the test",
            "capacity-continue",
        )
    ]


def _check_balance(
    time: Array, step: Array, current: Array, charged: Array, discharged: Array, halves: HalfCycles
) -> list[Diagnosis]:
    """Compare ∫I dt with the capacity columns: which of the two grows, and by how much."""
    if len(time) < 3:
        return []
    typical = thinned_median(step)
    gaps = np.flatnonzero(step > GAP_FACTOR * typical) if typical > 0 else np.empty(0, dtype=np.int64)
    charge = (current[1:] + current[:-1]) * step
    np.abs(charge, out=charge)
    total_current = float(charge.sum()) / 7200.0
    total_column = float(charged[-1] - charged[0]) + float(discharged[-1] - discharged[0])
    if 0 < len(gaps) < len(step) // 2:
        total_current -= float(charge[gaps].sum()) / 7200.0
        for column in (charged, discharged):
            total_column -= float((column[gaps + 1] - column[gaps]).sum())
    if total_column <= 0 or total_current <= 0:
        if max(total_current, total_column) <= 0:
            return []
        return [_found("charge-balance", Severity.WARNING, "Current flows, and the capacity columns stay at nothing")]
    against = np.where(
        halves.sign > 0,
        discharged[halves.last] - discharged[halves.first],
        charged[halves.last] - charged[halves.first],
    )
    if float(against.sum()) > 0.9 * (float(charged[-1] - charged[0]) + float(discharged[-1] - discharged[0])):
        return [_crossed(halves)]
    ratio = total_current / total_column
    if abs(ratio - 1) <= BALANCE_TOLERANCE:
        return []
    rounding = _rounding(current)
    if rounding > abs(ratio - 1):
        return [
            _found(
                "current-rounded",
                Severity.WARNING,
                f"∫I dt is {ratio:.4g} times the charge in the capacity columns; the current column has so few "
                f"digits that rounding explains up to {rounding:.0%}",
                advice="Capacities come from the capacity columns and do not suffer; export the current with more "
                "digits for rates and resistances",
            )
        ]
    return [_wrong_factor(ratio, halves)]


def _check_energy(
    table: pl.DataFrame, voltage: Array, charged: Array, discharged: Array, *, stretches: int
) -> list[Diagnosis]:
    """Compare ∫V dQ with the energy columns, each direction by itself: a witness for the voltage."""
    present = [name for name in (CHARGED_ENERGY, DISCHARGED_ENERGY) if name in table.columns]
    if not present or float(voltage.min()) < -SMALLEST_MEAN_VOLTAGE_V:
        return []  # below 0 V (a symmetric cell) cyclers do not agree on what the energy is
    integrals, columns, charges, counters = [], [], [], []
    for name, charge in ((CHARGED_ENERGY, charged), (DISCHARGED_ENERGY, discharged)):
        energy = _complete(table, name)
        passed = float(charge[-1] - charge[0])
        if energy is None or len(energy) < 3 or passed <= 0:
            continue
        grown = np.diff(charge)
        integrals.append(0.5 * float(np.dot(voltage[1:], grown) + np.dot(voltage[:-1], grown)))
        columns.append(float(energy[-1] - energy[0]))
        charges.append(passed)
        counters.append(energy)
    if not columns:
        return []
    if max(columns) <= 0:
        return [_found("energy-balance", Severity.WARNING, "Charge passes, and the energy columns stay at nothing")]
    ratios = [i / c if c > 0 else np.inf for i, c in zip(integrals, columns, strict=True)]
    worst = max(ratios, key=lambda r: abs(np.log(max(r, 1e-12))))
    if abs(worst - 1) <= ENERGY_TOLERANCE:
        return []
    tolerance = max(ENERGY_TOLERANCE, *(_lost_digits(energy, stretches) for energy in counters))
    if abs(worst - 1) <= tolerance:
        return []
    mean, by_energy = sum(integrals) / sum(charges), sum(columns) / sum(charges)
    text = f"∫V dQ is {worst:.4g} times the energy in the energy columns"
    if mean < SMALLEST_MEAN_VOLTAGE_V <= by_energy <= ODD_VOLTAGE_V:
        thousand = all(abs(1000 * r - 1) <= FACTOR_TOLERANCE for r in ratios)
        text += f": the mean voltage is {mean:.3g} V by the voltage column and {by_energy:.3g} V by the energies"
        return [_found("voltage-energy", Severity.ERROR, text, "voltage-volt" if thousand else "")]
    for factor in (1000.0, 3600.0, 60.0):
        if all(abs(r / factor - 1) <= FACTOR_TOLERANCE or abs(r * factor - 1) <= FACTOR_TOLERANCE for r in ratios):
            text += f", a factor of units ({factor:.0f}); the mean voltage is {mean:.3g} V by the voltage column"
            break
    return [
        _found(
            "energy-balance",
            Severity.WARNING,
            f"{text}; they should agree within {tolerance:.0%}",
            advice="Figures of merit are computed from ∫V dQ; see which of voltage and energy is right",
        )
    ]


def _lost_digits(energy: Array, stretches: int) -> float:
    """Return which share of an energy may be lost: each stretch may lose one last digit."""
    whole, grown = float(energy[-1] - energy[0]), np.diff(energy)
    digit = float(grown.min(initial=np.inf, where=grown > 1e-9 * whole))
    return min(stretches * digit / whole, 1.0) if whole > 0 and np.isfinite(digit) else 0.0


def _rounding(current: Array) -> float:
    """Return by how much of its usual size the current may be off because it was written with few digits."""
    flowing = np.abs(current[current != 0][:: max(1, len(current) // 2000)])
    if len(flowing) < 3:
        return 0.0
    usual = float(np.median(flowing))
    for digits in range(1, 7):
        unit = 10.0**-digits
        if np.abs(flowing / unit - np.round(flowing / unit)).max() < 1e-6:
            return 0.5 * unit / usual
    return 0.0


def _crossed(halves: HalfCycles) -> Diagnosis:
    agree, disagree = _voltage_vote(halves)
    if agree > disagree:
        return _found(
            "capacities-swapped",
            Severity.ERROR,
            "The charged capacity grows while the current discharges and the voltage falls: the capacity columns are "
            "swapped",
            "swap-capacities",
        )
    return _found(
        "current-sign",
        Severity.ERROR,
        "The charged capacity grows while the current is negative: charge has to be positive",
        "flip-current",
    )


FACTORS: tuple[tuple[float, str, str], ...] = (
    (1000.0, "time-1000x", "current-milliampere"),
    (3600.0, "time-3600x", ""),
    (60.0, "time-60x", ""),
    (1 / 1000.0, "capacity-milliampere-hour", "current-ampere"),
    (1 / 3600.0, "time-in-hours", "capacity-coulomb"),
    (1 / 60.0, "time-in-minutes", ""),
)
"""Ratio of ∫I dt to the capacity columns -> the repair that it calls for, and the other one that would also do."""


def _wrong_factor(ratio: float, halves: HalfCycles) -> Diagnosis:
    hours = float(np.median(halves.active_s)) / 3600.0
    for factor, first, second in FACTORS:
        if abs(ratio / factor - 1) > FACTOR_TOLERANCE:
            continue
        # A half-cycle of minutes to weeks says that time is right and something else is wrong.
        if (second and factor > 1 and hours < 500.0) or (second == "capacity-coulomb" and hours > 0.05):
            first, second = second, ""
        both = f" ({second} would also do)" if second else ""
        return Diagnosis(
            Finding(
                code="charge-balance",
                severity=Severity.ERROR,
                message=f"∫I dt is {ratio:.5g} times the charge in the capacity columns, a wrong unit "
                f"(half-cycles last {hours:.3g} h)",
                advice=f"Ask for the repair by name: {first}{both}",
                repair=first,
            ),
            tuple(filter(None, (first, second))),
        )
    return _found(
        "charge-balance",
        Severity.WARNING,
        f"∫I dt is {ratio:.4g} times the charge in the capacity columns; they should agree within "
        f"{BALANCE_TOLERANCE:.0%}",
        advice="Capacities come from the capacity columns; look at the recording interval and at pauses in the test",
    )


def _voltage_vote(halves: HalfCycles) -> tuple[float, float]:
    """Return the voltage movement, V, over all half-cycles that agrees and that disagrees with the current's sign."""
    up = halves.sign > 0
    # Away from the start and back to the end, above and below: a half-cycle that is really two moves both ways.
    above_start, above_end = halves.voltage_high - halves.voltage_start, halves.voltage_high - halves.voltage_end
    below_start, below_end = halves.voltage_start - halves.voltage_low, halves.voltage_end - halves.voltage_low
    rise, fall = np.maximum(above_start, below_end), np.maximum(below_start, above_end)
    return float(np.where(up, rise, fall).sum()), float(np.where(up, fall, rise).sum())


def _check_sign(table: pl.DataFrame, halves: HalfCycles, *, has_capacity: bool) -> list[Diagnosis]:
    agree, disagree = _voltage_vote(halves)
    if disagree < SIGN_SWING_V or disagree < 0.5 * agree:
        return []
    one_sign = bool((halves.sign == halves.sign[0]).all())
    if one_sign and agree > 0.2 * disagree:
        source = has_capacity or STEP_TYPE in table.columns
        return [
            _found(
                "current-unsigned",
                Severity.ERROR,
                "The current never changes its sign while the voltage both rises and falls: it has lost its sign",
                "sign-current" if source else "",
                advice="" if source else "Give the sign in a mapping file beside the file",
            )
        ]
    if disagree > 4 * agree and not has_capacity:
        return [
            _found(
                "current-sign",
                Severity.ERROR,
                f"The voltage falls while the current charges (by {disagree:.2f} V in all, against {agree:.2f} V the "
                "right way): charge has to be positive",
                "flip-current",
            )
        ]
    if disagree > agree:
        return [
            _found(
                "current-sign-doubtful",
                Severity.WARNING,
                f"The voltage moves against the sign of the current by {disagree:.2f} V in all, with it by "
                f"{agree:.2f} V",
                "flip-current",
            )
        ]
    return []


def _check_curve(table: pl.DataFrame) -> list[Diagnosis]:
    """Ask the voltage, as for a test with time: the rows are the time, the capacity that grows the direction."""
    charged, discharged = _complete(table, CHARGED), _complete(table, DISCHARGED)
    found = _check_capacity_order(charged, discharged)
    if found or charged is None or discharged is None or len(charged) < 3:
        return found
    voltage = table[VOLTAGE].to_numpy()
    grown = np.sign(np.diff(charged) - np.diff(discharged))
    direction = np.append(grown[:1], grown)
    rows = np.arange(len(voltage), dtype=np.float64)
    halves = find_half_cycles(rows, np.diff(rows), direction, voltage)
    if halves is None:
        return [*found, _found("no-current", Severity.WARNING, "No charge passes in the whole file")]
    found += _check_energy(table, voltage, charged, discharged, stretches=len(halves.sign))
    agree, disagree = _voltage_vote(halves)
    if disagree < SIGN_SWING_V or disagree < 0.5 * agree:
        return found
    one_way = bool((halves.sign == halves.sign[0]).all())
    if one_way and agree > 0.2 * disagree:
        which = "charges" if halves.sign[0] > 0 else "discharges"
        found.append(
            _found(
                "direction-lost",
                Severity.ERROR,
                f"By its capacities the cell only {which}, while the voltage both rises and falls: the file has lost "
                "which rows charge and which discharge",
                advice="Name the column of the direction, or two columns of capacity, in a mapping file beside it",
            )
        )
    elif disagree > 4 * agree:
        found.append(
            _found(
                "capacities-swapped",
                Severity.ERROR,
                "The voltage falls while the charged capacity grows: the two directions are swapped",
                "swap-capacities",
            )
        )
    elif disagree > agree:
        found.append(
            _found(
                "capacities-doubtful",
                Severity.WARNING,
                f"The voltage moves against the direction of the capacities by {disagree:.2f} V in all, with it by "
                f"{agree:.2f} V",
                "swap-capacities",
            )
        )
    return found


def _complete(table: pl.DataFrame, column: str) -> Array | None:
    """Return a column as an array if it is there and finite throughout."""
    if column not in table.columns or table[column].null_count():
        return None
    values = table[column].to_numpy()
    return values if np.isfinite(values.sum()) else None


Level = Literal[Severity.ERROR, Severity.WARNING, Severity.INFO]


def _found(
    code: str, severity: Level, message: str, repair: str = "", *, advice: str = "", automatic: bool = False
) -> Diagnosis:
    if repair and not advice and not automatic:
        advice = f"Ask for the repair by name: {repair}"
    finding = Finding(code=code, severity=severity, message=message, advice=advice, repair=repair)
    return Diagnosis(finding, (repair,) if repair else (), automatic)

"""Tests of the counters: charge against ∫I dt, energy against ∫V dQ."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.model import Severity
from lirich.model.digits import current_rounding
from lirich.model.table import CHARGED, CHARGED_ENERGY, DISCHARGED, DISCHARGED_ENERGY
from lirich.pieces import pieces
from lirich.readers.accumulate import RESET_BELOW
from lirich.readers.diagnosis import Array, Diagnosis, complete_column, found_in
from lirich.readers.runs import HalfCycles
from lirich.readers.signcheck import voltage_vote
from lirich.readers.timescale import FAST_HALF_CYCLE_S, FAST_SWING_V, SLOWEST_HALF_CYCLE_H
from lirich.readers.typical import mostly, thinned, thinned_median
from lirich.readers.voltagecheck import ODD_VOLTAGE_V

BALANCE_TOLERANCE = 0.05
"""∫I dt and the capacity columns may differ by this much: recording is coarser than the cycler's own integration."""

ENERGY_TOLERANCE = 0.10
"""∫V dQ and the energy columns may differ by this much."""

SMALLEST_MEAN_VOLTAGE_V = 0.05
"""Below this mean voltage a cell's energy says that the voltage column is wrong, not the energy (graphite: 0.1 V)."""

FACTOR_TOLERANCE = 0.10
"""A ratio this near to a unit factor (1000, 3600, 60) is that factor."""

GAP_FACTOR = 100.0
"""An interval this many times the median is left out of the charge balance (a pause, or a file cut together)."""


GRADUAL_FALLS = 0.25
"""A counter that falls little by little by more than this part of what it gains counts what is left, in one direction
or both (all or half of its moves); what resets falls at once, but for rounding."""


def falls_gradually(column: Array) -> bool:
    """Tell whether a counter, shape (n,), falls as it counts; one that starts over does not."""
    moved = np.diff(column)
    gradual = (moved < 0) & (column[1:] >= RESET_BELOW * column[:-1])
    return -float(moved[gradual].sum()) > GRADUAL_FALLS * float(moved[moved > 0].sum())


def check_capacity_order(charged: Array | None, discharged: Array | None) -> list[Diagnosis]:
    """Say which of the two counters falls: a standard table counts charge from the start of the test."""
    falls, net = [], []
    both = {name: c for name, c in ((CHARGED, charged), (DISCHARGED, discharged)) if c is not None and len(c) > 1}
    for name, column in both.items():
        if not (column[1:] < column[:-1]).any():
            continue
        whole = float(np.ptp(column))
        if falls_gradually(column) and whole > 1e-3 * max(float(np.ptp(c)) for c in both.values()):
            net.append(name)
        elif -float(np.diff(column).min()) > 1e-3 * whole:
            falls.append(name)
    if net:
        text = f"{' and '.join(net)} fall little by little: not what has passed, but what is left"
        advice = (
            'Name the column as the one for both directions ("capacity") in a mapping file beside it, or leave it out'
        )
        return [found_in("capacity-falls", Severity.ERROR, text, advice=advice)]
    if not falls:
        return []
    return [
        found_in(
            "capacity-resets",
            Severity.ERROR,
            f"{' and '.join(falls)} fall back; a standard table counts charge from the start of the test",
            "capacity-continue",
        )
    ]


def check_balance(
    time: Array,
    step: Array,
    current: Array,
    charged: Array | None,
    discharged: Array | None,
    halves: HalfCycles,
    *,
    of_time: frozenset[str] = frozenset(),
) -> list[Diagnosis]:
    """Compare ∫I dt with the capacity columns: which grows, and by how much. Of one column, its direction.

    *of_time*: the repairs of time that `lirich.readers.timescale.check_time_scale` names as certain.
    """
    columns = [column for column in (charged, discharged) if column is not None]
    if len(time) < 3 or not columns:
        return []
    grown = sum(float(column[-1] - column[0]) for column in columns)
    if grown > 0:
        against = 0.0
        for column, sign in ((charged, 1), (discharged, -1)):
            if column is not None:
                against += float(np.where(halves.sign == sign, 0.0, column[halves.last] - column[halves.first]).sum())
        if against > 0.9 * grown:
            return [_crossed(halves, charged, discharged)]
    whole = len(columns) == 2
    which = "the capacity columns" if whole else f"the column of the {_DIRECTION[discharged is None]} capacity"
    if not whole and not _passes_much(halves, 1 if discharged is None else -1):
        return []
    gaps = np.empty(0, dtype=np.int64)
    if not mostly(GAP_FACTOR * thinned(step) >= step.max()):
        typical = thinned_median(step)
        gaps = np.flatnonzero(step > GAP_FACTOR * typical) if typical > 0 else gaps
    charge = (current[1:] + current[:-1]) * step
    if not whole:
        (np.maximum if discharged is None else np.minimum)(charge, 0.0, out=charge)
    np.abs(charge, out=charge)
    total_current = float(charge.sum()) / 7200.0
    total_column = grown
    if 0 < len(gaps) < len(step) // 2:
        total_current -= float(charge[gaps].sum()) / 7200.0
        for column in columns:
            total_column -= float((column[gaps + 1] - column[gaps]).sum())
    if total_column <= 0 or total_current <= 0:
        if max(total_current, total_column) <= 0:
            return []
        text = f"Current flows, and {which} stay{'' if whole else 's'} at nothing"
        return [found_in("charge-balance", Severity.WARNING, text)]
    ratio = total_current / total_column
    if abs(ratio - 1) <= BALANCE_TOLERANCE:
        return []
    rounding = current_rounding(current, *columns)
    if rounding > abs(ratio - 1):
        return [
            found_in(
                "current-rounded",
                Severity.WARNING,
                f"∫I dt is {ratio:.4g} times the charge in {which}; the current column has so few "
                f"digits that rounding explains up to {rounding:.0%}",
                advice="Capacities come from the capacity columns; export the current with more digits for rates and "
                "resistances"
                if whole
                else _ONE_COLUMN,
            )
        ]
    return [_wrong_factor(ratio, halves, which, "" if whole else _ONE_COLUMN, of_time)]


_DIRECTION = {True: "charged", False: "discharged"}
_ONE_COLUMN = (
    "The capacity of the other direction is not there: its ∫I dt is taken to be off by as much, which nothing tells; "
    "export both columns"
)


def _passes_much(halves: HalfCycles, sign: int) -> bool:
    """Tell whether more than a hundredth of the charge goes this way: what is less is an offset of the current."""
    size = np.abs(halves.charge_ah)
    return float(size[halves.sign == sign].sum()) > 0.01 * float(size.sum())


def _energy_of(voltage: Array, charge: Array) -> float:
    """Return ∫V dQ, Wh, by the trapezoidal rule."""
    total = 0.0
    for here in pieces(len(charge) - 1):
        # einsum: np.dot would wake the threads of BLAS, which then keep a processor busy waiting for more
        passed = charge[1:][here] - charge[:-1][here]
        total += float(np.einsum("i,i->", voltage[1:][here] + voltage[:-1][here], passed))
    return 0.5 * total


def check_energy(
    table: pl.DataFrame, voltage: Array, charged: Array | None, discharged: Array | None, *, stretches: int
) -> list[Diagnosis]:
    """Compare ∫V dQ with the energy columns, each direction that has both by itself: a witness for the voltage."""
    present = [name for name in (CHARGED_ENERGY, DISCHARGED_ENERGY) if name in table.columns]
    if not present or float(voltage.min()) < -SMALLEST_MEAN_VOLTAGE_V:
        return []  # below 0 V (a symmetric cell) cyclers do not agree on what the energy is
    integrals, columns, charges, counters = [], [], [], []
    for name, charge in ((CHARGED_ENERGY, charged), (DISCHARGED_ENERGY, discharged)):
        if charge is None:
            continue
        energy = complete_column(table, name)
        passed = float(charge[-1] - charge[0])
        if energy is None or len(energy) < 3 or passed <= 0:
            continue
        integrals.append(_energy_of(voltage, charge))
        columns.append(float(energy[-1] - energy[0]))
        charges.append(passed)
        counters.append(energy)
    if not columns:
        return []
    if max(columns) <= 0:
        return [found_in("energy-balance", Severity.WARNING, "Charge passes, and the energy columns stay at nothing")]
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
        return [found_in("voltage-energy", Severity.ERROR, text, "voltage-volt" if thousand else "")]
    for factor in (1000.0, 3600.0, 60.0):
        if all(abs(r / factor - 1) <= FACTOR_TOLERANCE or abs(r * factor - 1) <= FACTOR_TOLERANCE for r in ratios):
            text += f", a factor of units ({factor:.0f}); the mean voltage is {mean:.3g} V by the voltage column"
            break
    return [
        found_in(
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


def _crossed(halves: HalfCycles, charged: Array | None, discharged: Array | None) -> Diagnosis:
    agree, disagree = voltage_vote(halves)
    grows = "The charged capacity grows while the current "
    way, voltage, sign, swapped = "discharges", "falls", "negative", "the capacity columns are swapped"
    if charged is None:
        grows, way, voltage, sign = grows.replace("charged", "discharged"), "charges", "rises", "positive"
    if charged is None or discharged is None:
        swapped = "the column is that of the other direction"
    if agree > disagree:
        text = f"{grows}{way} and the voltage {voltage}: {swapped}"
        return found_in("capacities-swapped", Severity.ERROR, text, "swap-capacities")
    text = f"{grows}is {sign}: charge has to be positive"
    return found_in("current-sign", Severity.ERROR, text, "flip-current")


FACTORS: tuple[tuple[float, str, str], ...] = (
    (1000.0, "time-1000x", "current-milliampere"),
    (3600.0, "time-3600x", ""),
    (60.0, "time-60x", ""),
    (1 / 1000.0, "capacity-milliampere-hour", "current-ampere"),  # or, with half-cycles of seconds, time
    (1 / 3600.0, "time-in-hours", "capacity-coulomb"),
    (1 / 60.0, "time-in-minutes", ""),
)
"""Ratio of ∫I dt to the capacity columns -> the repair that it calls for, and the other one that would also do."""


def _wrong_factor(ratio: float, halves: HalfCycles, which: str, advice: str, of_time: frozenset[str]) -> Diagnosis:
    """Say which unit is wrong; *of_time*: the repairs of time that its own check names.

    A half-cycle of minutes to weeks says that time is right and something else is wrong, but where a thousandth of it
    is as usual, or the recording intervals ask for it, the data do not tell time from current: each is named.
    """
    hours = float(np.median(halves.active_s)) / 3600.0
    for factor, first, second in FACTORS:
        if abs(ratio / factor - 1) > FACTOR_TOLERANCE:
            continue
        if first == "capacity-milliampere-hour" and float(halves.active_s.max()) < FAST_HALF_CYCLE_S:
            first, second = "time-in-kiloseconds", first
        if second == "current-milliampere" and hours < SLOWEST_HALF_CYCLE_H and first not in of_time:
            far = halves.voltage_high - halves.voltage_low >= FAST_SWING_V
            longest = float(halves.active_s.max(where=far, initial=0.0))
            fast = bool(far.any()) and longest / factor < FAST_HALF_CYCLE_S  # of pulses alone nothing tells
            first, second = second, "" if fast else first
        if second == "capacity-coulomb" and hours > 0.05:
            first, second = second, ""
        text = f"∫I dt is {ratio:.5g} times the charge in {which}, a wrong unit (half-cycles last {hours:.3g} h)"
        asked = ""
        if second:
            text += "; the data do not say which of two columns it is"
            asked = f"Ask for the repair that you know to be right: {first} or {second}, not both"
        return found_in("charge-balance", Severity.ERROR, text, first, second, advice=asked)
    return found_in(
        "charge-balance",
        Severity.WARNING,
        f"∫I dt is {ratio:.4g} times the charge in {which}; they should agree within {BALANCE_TOLERANCE:.0%}",
        advice=advice
        or "Capacities come from the capacity columns; look at the recording interval and at pauses in the test",
    )

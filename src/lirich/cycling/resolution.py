"""How finely a test was recorded, and which digits of its values that leaves open.

A counter that is written in steps of 0.1 mAh gives a half-cycle of 3.2 mAh to ± 0.05 mAh, however many digits are
printed. The step is found where the numbers themselves show that they were rounded: they are whole multiples of it, and
stand still or jump where the current (or the curve) goes on. Numbers on a regular grid show nothing, and are believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.arrays import Array
from lirich.cycling.record import specific
from lirich.model import Cell, Finding, Interval, Severity, Value
from lirich.model.digits import current_rounding
from lirich.quantities import QUANTITIES

if TYPE_CHECKING:
    from lirich.cycling.annotation import Annotation

FINE = 1e-4
"""Share of a half-cycle's charge below which a step of the counter is not told: an efficiency is written to 0.01 %."""

COARSE = 3e-3
"""Share above which the values are doubted: more than the error of a cycler (`lirich.cycling.series.FULL_PERCENT`)."""

FINE_V = 1e-3
"""Largest step of the voltage that leaves no printed digit open, V: voltages are written to 1 mV."""

COARSE_CAPACITY = "coarse-capacity"
COARSE_VOLTAGE = "coarse-voltage"

_MOST = 1000  # so many rows tell the step
_SPREAD = np.arange(_MOST) * 0.6180339887498949 % 1.0  # by the golden ratio
_LEAST = 20  # so few do not
_WHOLE = 0.02  # multiples of a step may miss a whole number by this much: single-precision numbers


def recorded_step(charge: Array, by_current: Array, rows: NDArray[np.int64]) -> float:
    """Return the step in which the charge of the *rows* of a test was counted, Ah; 0 where they do not show one.

    *charge*: that came with each row by the counter, and *by_current* by ∫I dt, Ah, shape (n,); *rows*: those under
    current within steps, shape (k,), without the last of each, whose charge may be booked after it. A step shows where
    more than half of the rows have no charge, or where at least 2 % differ from ∫I dt (in their sum alike) by a quarter
    of it.
    """
    moving = rows[charge[rows] != 0.0]
    if len(rows) < _LEAST or len(moving) == 0:
        return 0.0
    stands = 2 * len(moving) < len(rows)
    some = _thinned(moving if stands else rows)
    moved, expected = np.abs(charge[some]), np.abs(by_current[some])
    step, total = _common_step(np.append(0.0, moved)), float(expected.sum())
    if stands or step == 0.0 or total == 0.0:
        return step
    astray = np.count_nonzero(np.abs(moved - expected * (float(moved.sum()) / total)) > 0.25 * step)
    return step if astray >= 0.02 * len(some) else 0.0


def coarse_voltage_step(voltage_v: Array) -> float:
    """Return the step in which *voltage_v*, V, shape (n,), was recorded, V, where it is more than `FINE_V`; else 0.

    It shows where all levels are multiples of it and the voltage stands still from row to row, or skips levels, on a
    tenth of them; a hold stands still on one, and a grid has every level once.
    """
    rows = _thinned(np.arange(len(voltage_v) - 1))
    here = voltage_v[rows]
    moved = np.abs(voltage_v[rows + 1] - here)
    if not FINE_V * (1.0 + _WHOLE) < float(moved.min(initial=np.inf, where=moved > 0.0)) < np.inf:
        return 0.0
    levels = np.unique(here)
    step = _common_step(levels) if len(levels) >= 5 else 0.0
    uneven = np.unique(here[np.abs(moved - step) > 0.5 * step])
    return step if step > FINE_V * (1.0 + _WHOLE) and 10 * len(uneven) >= len(levels) else 0.0


def _thinned(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most `_MOST` of *rows*, out of step with anything that repeats."""
    return rows if len(rows) <= _MOST else rows[(_SPREAD * len(rows)).astype(np.int64)]


def _common_step(sizes: Array) -> float:
    """Return the step that all of *sizes* are whole multiples of, by their smallest difference; 0 without one."""
    levels = np.unique(sizes)
    gaps = np.diff(levels)
    gaps = gaps[gaps > 1e-6 * float(np.abs(levels).max())]
    if len(gaps) == 0:
        return 0.0
    step = float(gaps.min())
    multiples = levels / step
    return step if np.abs(multiples - np.round(multiples)).max() < _WHOLE else 0.0


def current_is_finer(
    step_ah: float,
    charge: Array,
    by_current: Array,
    sign: NDArray[np.int8],
    current: Array,
    findings: list[Finding],
    *,
    unseen: bool,
) -> bool:
    """Tell whether ∫I dt knows the charge of half-cycles better than counters with steps of *step_ah*; say it.

    *charge* and *by_current*, Ah, *sign* and *current*, A, shape (n,); *unseen*: charge may have passed that ∫I dt did
    not see. ∫I dt is finer where its rounding is less than that of the counters and both agree within a step in every
    half-cycle. Nothing is said of half-cycles of more than 1/`COARSE` steps; the counters are then used.
    """
    runs = 1 + np.count_nonzero(sign[1:] != sign[:-1])
    if step_ah * runs <= 0.1 * COARSE * float(np.abs(charge).sum()):
        return False  # what is typical below is a tenth of the mean at least
    running = np.flatnonzero(sign)
    starts = np.flatnonzero(np.diff(sign[running], prepend=np.int8(0)))
    counted = np.abs(np.add.reduceat(charge[running], starts))
    typical = float(np.median(counted[counted >= 0.1 * counted.max()]))
    if step_ah <= COARSE * typical:
        return False
    share, rounding = step_ah / typical, current_rounding(current, charge)
    integrated = np.abs(np.add.reduceat(by_current[running], starts))
    said = f"The capacity columns are recorded in steps of {1e3 * step_ah:.3g} mAh, {100 * share:.2g} % of a half-cycle"
    off = float(np.abs(counted - integrated).max())
    finer = not unseen and rounding < 0.5 * share and off <= step_ah
    if finer:
        said += "; ∫I dt agrees with them within a step in every half-cycle, is recorded more finely, and was used"
    else:
        why = "parts of the test were not recorded" if unseen else f"∫I dt is off by up to {off / step_ah:.2g} steps"
        if rounding >= 0.5 * share:
            why = "the current is recorded no more finely"
        said += (
            f", and were used, since {why}: capacities and efficiencies are not known better than their intervals say"
        )
    findings.append(
        Finding(
            code="capacity-rounded",
            severity=Severity.INFO if finer else Severity.WARNING,
            message=said,
            advice="Export the capacities with more digits",
        )
    )
    return finer


_TOTAL = re.compile(r"(charge|discharge)_(specific_)?(capacity|energy)_\w+")
_EFFICIENCIES = ("coulombic_efficiency", "initial_coulombic_efficiency", "energy_efficiency")
_OF_CHARGE = frozenset({"mAh", "mAh/g", "mWh", "Wh/kg", "mAh/g/V", "mAh/g/cycle", "%", "%/cycle"})
_OF_VOLTAGE = frozenset({"V", "mV/cycle", "Ω", "m²/s"})
_NOT_COUNTED = frozenset(
    {"theoretical_capacity_mah_g", "formal_tm_capacity_mah_g", "structural_share_of_voltage_decay"}
)
_DIFFERENCES = frozenset({"voltage_gap_v", "hysteresis_at_soc_v"})
_READINGS = {
    "capacity_fade_percent_per_cycle": 1,
    "low_voltage_capacity_growth_mah_g_per_cycle": 2,
    "low_voltage_share_growth_percent_per_cycle": 2,
}  # of the counter for each charge: the end of a half-cycle that began at nothing, also where the low voltages begin


class _Share(NamedTuple):
    """A step of the counter as a share of the charge of a half-cycle, and how many the charge may be below and above.

    ``low`` and ``high`` are these as shares of the charge.
    """

    step: float
    below: float
    above: float

    @property
    def low(self) -> float:
        return self.step * self.below

    @property
    def high(self) -> float:
        return self.step * self.above


_Shares = Mapping[str, _Share]
_NONE = _Share(0.0, 0.0, 0.0)


def doubt_rounded_charge(values: Sequence[Value], cycles: pl.DataFrame, notes: Annotation, cell: Cell) -> list[Value]:
    """Give *values* of half-cycles of less than 1/`FINE` steps of the counter the interval that rounding leaves.

    Whether a counter is rounded to the nearest or cut off, and whether it starts again in every step of the cycler, a
    table does not tell. A step that begins at nothing ends at most half a step of the counter lower and one higher than
    it is written; a half-cycle between two readings is off by one at most. Capacities, energies, efficiencies and the
    irreversible capacity get the interval; all that rests on a charge of less than 1/`COARSE` steps is flagged, what is
    of many cycles by the least charge of its segment. *cycles* is the cycle table of *notes*.

    The interval of a slope over cycles is no narrower than the steps at both ends of their span leave, whatever the
    step: two charges that are read k times each from a counter rounded or cut off to s differ by k·s more or less than
    they are written to, so a slope is known to ± k·s/(n_last − n_first), in the unit of the slope (of a retention, s is
    the share of the reference cycle's charge; of a low-voltage share, that of the least discharge).
    """
    step_ah = notes.points.capacity_step_ah
    if step_ah == 0.0:
        return list(values)
    by_cycle: dict[int, dict[str, _Share]] = {}
    for side, sign in (("charge", 1), ("discharge", -1)):
        from_zero = notes.points.counted_from_zero
        passed = cycles.select("cycle_number", f"{side}_capacity_mah").iter_rows()
        for (number, passed_mah), counted in zip(passed, _counted_steps(notes, sign), strict=True):
            if passed_mah and passed_mah > 0:
                below = 0.5 * counted if from_zero else max(1.0, 0.5 * counted)
                by_cycle.setdefault(number, {})[side] = _Share(1e3 * step_ah / passed_mah, below, counted)
                from_zero = False
    of_many: dict[str | None, dict[str, _Share]] = {}
    for number, segment in cycles.filter("complete").select("cycle_number", "segment").iter_rows():
        for name in (segment, None):
            worst = of_many.setdefault(name, {})
            for side, share in by_cycle.get(number, {}).items():
                worst[side] = max(share, worst.get(side, _NONE), key=lambda s: s.high)
    step_mah_g = 1e3 * step_ah * (specific(cell) or 0.0)
    method = f"rounding of the capacity columns to {1e3 * step_ah:.3g} mAh"
    found = []
    for value in values:
        cycle, segment = value.conditions.cycle, value.conditions.segment
        shares = of_many.get(segment, {}) if cycle is None else by_cycle.get(cycle, {})
        value = _rounded(value, shares, step_mah_g, method)
        if value.quantity in _READINGS:
            of_reference = by_cycle.get(value.conditions.reference_cycle or 0, shares).get("discharge", _NONE)
            percent = QUANTITIES[value.quantity].unit == "%/cycle"
            step = 100.0 * of_reference.step if percent else step_mah_g
            value = _resolved_slope(value, _READINGS[value.quantity] * step, method)
        found.append(value)
    return found


def _resolved_slope(value: Value, apart: float, method: str) -> Value:
    """Return a slope with the interval that it has at least where both ends of its cycles may be *apart* more or less.

    *apart* is in the unit of the slope times cycles; ± apart/(n_last − n_first).
    """
    own, other = value.interval, value.conditions.other
    first, last = other.get("first_cycle"), other.get("last_cycle")
    if own is None or not isinstance(first, int) or not isinstance(last, int) or last == first:
        return value
    off = apart / (last - first)
    low, high = min(own.low, value.value - off), max(own.high, value.value + off)
    if (low, high) == (own.low, own.high):
        return value
    wider = own.model_copy(update={"low": low, "high": high, "method": f"{own.method}; {method}"})
    return value.model_copy(update={"interval": wider})


def _counted_steps(notes: Annotation, sign: int) -> list[int]:
    """Return in how many steps, one at least, charge passed in the half-cycle of each cycle with this *sign*."""
    steps = notes.steps
    own = (steps.sign == sign) & (notes.half_sign[notes.step_half] == sign) & (steps.charge_ah != 0.0)
    cycle = np.searchsorted(notes.cycles, notes.half_cycle[notes.step_half[own]])
    counted: list[int] = np.maximum(np.bincount(cycle, minlength=len(notes.cycles)), 1).tolist()
    return counted


_SIDES = ("charge", "discharge")


def _rounded(value: Value, shares: _Shares, step_mah_g: float, method: str) -> Value:
    if QUANTITIES[value.quantity].unit not in _OF_CHARGE or value.quantity in _NOT_COUNTED:
        return value
    sides = _SIDES if value.conditions.direction is None else (value.conditions.direction,)
    most = max(shares.get(side, _NONE).high for side in sides)
    update: dict[str, object] = {}
    bounds = _bounds(value, shares, step_mah_g)
    if most > FINE and bounds is not None:
        update["interval"] = Interval(low=bounds[0], high=bounds[1], method=method)
    if most > COARSE:
        update["flags"] = (*value.flags, COARSE_CAPACITY)
    return value.model_copy(update=update)


def _bounds(value: Value, shares: _Shares, step_mah_g: float) -> tuple[float, float] | None:
    """Return the least and the most that *value* can be by the rounding of its charges; ``None`` for other figures."""
    side = _TOTAL.fullmatch(value.quantity)
    if side is not None:
        share, size = shares.get(side[1], _NONE), abs(value.value)  # the sign of an energy is that of the voltage
        low, high = (share.low, share.high)[:: 1 if value.value >= 0.0 else -1]
        return value.value - size * low, value.value + size * high
    charge, discharge = (shares.get(side, _NONE) for side in _SIDES)
    given, taken = (discharge, charge) if value.conditions.method == "discharge/charge" else (charge, discharge)
    if value.quantity == "irreversible_capacity_mah_g":
        low, high = taken.below + given.above, taken.above + given.below
        return value.value - step_mah_g * low, value.value + step_mah_g * high
    if value.quantity not in _EFFICIENCIES or max(charge.low, discharge.low) >= 1.0:
        return None
    ends = (
        value.value * (1.0 - given.low) / (1.0 + taken.high),
        value.value * (1.0 + given.high) / (1.0 - taken.low),
    )
    return min(ends), max(ends)


def doubt_coarse_voltage(values: Sequence[Value], voltage_v: Array, cell: Cell) -> tuple[list[Value], list[Finding]]:
    """Give *values* that are voltages the interval that the step of *voltage_v* (V, shape (n,)) leaves, and say so.

    Only of a step of more than `FINE_V`. A voltage, and a mean of voltages, is off by half a step at most, a difference
    by one, and a slope over cycles by a step over their span, step/(n_last − n_first). Other values that rest on the
    voltage are flagged.
    """
    step = coarse_voltage_step(voltage_v)
    if step == 0.0:
        return list(values), []
    finding = Finding(
        code=COARSE_VOLTAGE,
        message=f"The voltage is recorded in steps of {1e3 * step:.3g} mV: voltages are known to half a step, and "
        "resistances and voltages of peaks no better",
        advice="Export the voltage with more digits",
        where=cell.key,
    )
    return [_of_coarse_voltage(value, step) for value in values], [finding]


def _of_coarse_voltage(value: Value, step: float) -> Value:
    unit = QUANTITIES[value.quantity].unit
    if unit not in _OF_VOLTAGE:
        return value
    update: dict[str, object] = {"flags": (*value.flags, COARSE_VOLTAGE)}
    method = f"voltage recorded in steps of {1e3 * step:.3g} mV"
    if unit == "V":
        off = step if value.quantity in _DIFFERENCES else 0.5 * step
        own = value.interval
        low, high = (value.value, value.value) if own is None else (own.low, own.high)
        update["interval"] = Interval(
            low=min(low, value.value - off),
            high=max(high, value.value + off),
            method=method if own is None else f"{own.method}; {method}",
        )
    value = value.model_copy(update=update)
    return _resolved_slope(value, 1e3 * step, method) if unit == "mV/cycle" else value

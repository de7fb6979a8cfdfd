"""The charge that came with each row of a test.

The charge between two rows comes from the cycler's own capacity columns where these agree with ∫I dt, since a
cycler integrates faster than it records; else from ∫I dt by the trapezoidal rule. Where the column of one direction
alone is there, the other direction has its ∫I dt times the ratio of column to ∫I dt, so that efficiencies are those of
∫I dt. At the first row of a step the
current is taken to have flowed since the row before (cyclers record the end of a step).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.arrays import Array, Integers, Signs
from lirich.cycling.holes import Holes, credit_holes
from lirich.cycling.resolution import current_is_finer, recorded_step
from lirich.cycling.settings import CyclingSettings
from lirich.model import Finding, Severity
from lirich.model.digits import current_rounding
from lirich.pieces import pieces

ChargeSource = Literal["current", "capacity", "capacity-per-step", "capacity-of-one-direction"]

_HOUR = 3600.0


def charge_of_current(
    dt: Array, current: Array, sign: Signs, new: NDArray[np.bool_], settings: CyclingSettings
) -> Array:
    """Return the signed charge of each row by the trapezoidal rule, Ah, shape (n,); 0 in rests.

    *dt*: time between rows, s, shape (n - 1,); *current*, A, *sign* and *new* (the first row of each step), shape (n,).
    At the first row of a step the current flowed since the row before, but no longer than rows of the step lie apart.
    """
    dq = np.zeros(len(current))
    inner = dq[1:]
    for here in pieces(len(dt)):
        part = np.add(current[1:][here], current[:-1][here], out=inner[here])
        part *= dt[here]
        part *= 0.5 / _HOUR
    starts = np.flatnonzero(new[1:])  # the interval that ends at the first row of a step
    following = np.where(starts + 1 < len(dt), dt[np.minimum(starts + 1, len(dt) - 1)], 0.0)
    usual = np.where(
        dt[starts] > settings.recording_gap_s, following, np.maximum(settings.boundary_gap_s, 10.0 * following)
    )
    flowed = np.minimum(dt[starts], usual)
    inner[starts] = current[starts + 1] * flowed / _HOUR
    dq[sign == 0] = 0.0
    return dq


def charge_of_columns(
    charged: Array,
    discharged: Array,
    by_current: Array,
    current: Array,
    sign: Signs,
    new: NDArray[np.bool_],
    holes: Holes,
    settings: CyclingSettings,
    findings: list[Finding],
) -> tuple[Array, ChargeSource, Array | None, float]:
    """Return the signed charge of each row, Ah, shape (n,), what it was taken from, what passed in *holes*, its step.

    *charged* and *discharged*: the capacity columns, Ah; *by_current*: what `charge_of_current` returned, Ah;
    *current*, A, *sign* and *new* (the first row of each step), all of shape (n,); *findings* gets what is said. What
    passed in holes is as `lirich.cycling.holes.credit_holes` returns it, ``None`` where the columns are not used; a
    half-cycle that a hole hides is given a row in *sign* and *new*. The step of the columns, Ah, is 0 where they do not
    show one, and where ∫I dt was used.
    """
    total_up, total_down = float(charged[-1] - charged[0]), float(discharged[-1] - discharged[0])
    dq, falls = _net_charge(charged, discharged)
    i_up, i_down = _both_ways(by_current)
    seen_up, seen_down = _in_rows(charged, holes.row), _in_rows(discharged, holes.row)
    hole_up, hole_down = _both_ways(by_current[holes.row + 1])
    i_up, i_down = i_up - hole_up, i_down - hole_down
    # NaN anywhere makes *falls* NaN and the comparison False: then the columns are not used.
    unusable = not (np.isfinite(total_up) and np.isfinite(total_down) and falls <= 1e-3 * max(total_up, total_down))
    off = max(_difference(total_up - seen_up, i_up, i_down), _difference(total_down - seen_down, i_down, i_up))
    if _not_used(unusable, off, current, (charged, discharged), settings, findings):
        return by_current, "current", None, 0.0
    running = sign[1:] != 0
    within = np.flatnonzero(running & ~new[1:]) + 1
    still = np.count_nonzero(dq[within] == 0.0)
    step = recorded_step(dq, by_current, np.flatnonzero(running & ~new[1:] & ~np.append(new[2:], True)) + 1)
    hidden = credit_holes(dq, charged, discharged, current, sign, new, holes)
    _move_to_their_direction(dq, sign)
    if step and current_is_finer(step, dq, by_current, sign, current, findings, unseen=len(holes) > 0):
        return by_current, "current", None, 0.0
    if 2 * still <= np.count_nonzero(running):
        return dq, "capacity", hidden, step
    findings.append(
        Finding(
            code="coarse-capacity-columns",
            severity=Severity.INFO,
            message="The capacity columns have too few digits for single rows: their totals per step were kept and "
            "the current was used in between",
        )
    )
    return _scaled_to(dq, by_current, new), "capacity-per-step", hidden, step


def charge_of_one_column(
    column: Array,
    way: int,
    by_current: Array,
    current: Array,
    sign: Signs,
    new: NDArray[np.bool_],
    holes: Holes,
    settings: CyclingSettings,
    findings: list[Finding],
) -> tuple[Array, ChargeSource, float]:
    """Return the signed charge of each row where only the capacity of the direction *way* (+1 charge, −1) is a column.

    As `charge_of_columns`; *column*: that capacity, Ah, shape (n,). The other direction has its ∫I dt times the ratio
    of column to ∫I dt: a current that is off by a factor is so both ways. The ratio is that of rows within steps: what
    flowed before the first row of one, or while nothing was recorded, ∫I dt does not know. A direction in which little
    passes gives none. The step is that of the column.
    """
    dq, falls = _net_charge(column, np.zeros(len(column)))
    total, i_up_down = float(column[-1] - column[0]), _both_ways(by_current)
    own, other = i_up_down if way > 0 else i_up_down[::-1]
    hole = _both_ways(by_current[holes.row + 1])[:: 1 if way > 0 else -1]
    off = _difference(total - _in_rows(column, holes.row), own - hole[0], other - hole[1])
    unusable = not (np.isfinite(total) and falls <= 1e-3 * total)
    if total == own == 0.0 or _not_used(unusable, off, current, (column,), settings, findings):
        return by_current, "current", 0.0
    dq *= way
    within = (sign == way) & ~new
    step = recorded_step(dq, by_current, np.flatnonzero(within & ~np.append(new[1:], True)))
    coarse = 2 * np.count_nonzero((dq == 0.0) & within) > np.count_nonzero(sign == way)
    _move_to_their_direction(dq, sign)
    if coarse:
        dq = _scaled_to(dq, np.where(sign == way, by_current, 0.0), new)
    passed, counted = float(by_current[within].sum()), float(dq[within].sum())
    ratio = counted / passed if passed and own >= _SMALL * other else 1.0
    names = ("charged", "discharged")[::way]
    times = f" times {ratio:.5g}, the ratio of the two in the other direction: efficiencies are those of ∫I dt"
    findings.append(
        Finding(
            code="capacity-of-one-direction",
            severity=Severity.INFO,
            message=f"Only the {names[0]} capacity is a column, and was used; what was {names[1]} is ∫I dt"
            + (times if ratio != 1.0 else ""),
        )
    )
    return np.where(sign == -way, ratio * by_current, dq), "capacity-of-one-direction", step


def _in_rows(column: Array, row: Integers) -> float:
    """Return what a counter gained in the intervals after *row*, Ah: in holes ∫I dt knows nothing."""
    return float((column[row + 1] - column[row]).sum())


def _both_ways(by_current: Array) -> tuple[float, float]:
    """Return what was charged and what was discharged by ∫I dt, Ah."""
    size = net = 0.0
    for here in pieces(len(by_current)):
        size, net = size + float(np.abs(by_current[here]).sum()), net + float(by_current[here].sum())
    return 0.5 * (size + net), 0.5 * (size - net)


def _not_used(
    unusable: bool,
    off: float,
    current: Array,
    columns: Sequence[Array],
    settings: CyclingSettings,
    findings: list[Finding],
) -> bool:
    """Tell whether capacity *columns* that are *unusable*, or *off* from ∫I dt by this share, are left; then say so."""
    if unusable:
        findings.append(
            Finding(
                code="capacity-columns-unusable",
                severity=Severity.INFO,
                message="The capacity columns have gaps or fall; the charge was integrated from the current",
            )
        )
        return True
    if off <= settings.capacity_agreement or off <= current_rounding(current, *columns):
        return False
    findings.append(
        Finding(
            code="capacity-disagrees-with-current",
            message=f"The capacity columns differ from ∫I dt by {100 * off:.3g} %; ∫I dt was used",
            advice="Check the units of current, time and capacity",
        )
    )
    return True


def _net_charge(charged: Array, discharged: Array) -> tuple[Array, float]:
    """Return the signed charge that came with each row, Ah, shape (n,), and by how much a column falls at most, Ah."""
    dq = np.zeros(len(charged))
    falls = -np.inf
    for here in pieces(len(charged) - 1):
        up, down = charged[1:][here] - charged[:-1][here], discharged[1:][here] - discharged[:-1][here]
        falls = np.maximum(falls, np.maximum(-up.min(), -down.min()))
        np.subtract(up, down, out=dq[1:][here])
    return dq, float(falls)


def booked_charge(charged: Array, discharged: Array, sign: Signs) -> Array:
    """Return the signed charge that each row brought by the cycler's capacity columns, Ah, shape (n,).

    What is booked at a row of another direction is given to the last row before it of its own.
    """
    dq, _ = _net_charge(charged, discharged)
    _move_to_their_direction(dq, sign)
    return dq


_SMALL = 0.1  # a direction that passes less than this share of the other is judged against that share of it


def _difference(column: float, own: float, other: float) -> float:
    """Return the relative difference of the charge of one direction, by column and by ∫I dt; 0 where none passed."""
    scale = max(own, column, _SMALL * other)
    return abs(column - own) / scale if scale > 0 else 0.0


def _move_to_their_direction(dq: Array, sign: Signs) -> None:
    """Give charge (in place) that a cycler books at the first row of a rest or reversal to the last row under current.

    That is the last row before it under a current of the direction of the charge.
    """
    against = np.empty(len(dq), dtype=np.bool_)
    for here in pieces(len(dq)):
        against[here] = ((dq[here] > 0.0) & (sign[here] <= 0)) | ((dq[here] < 0.0) & (sign[here] >= 0))
    astray = np.flatnonzero(against)
    if len(astray) == 0:
        return
    starts = np.append(0, np.flatnonzero(sign[1:] != sign[:-1]) + 1)
    stops = np.append(starts[1:], len(sign))
    run = np.searchsorted(starts, astray, side="right") - 1
    booked = dq[astray]
    for way in (1, -1):
        latest = np.maximum.accumulate(np.where(sign[starts] == way, np.arange(len(starts)), -1))[run]
        mine = (np.sign(booked) == way) & (latest >= 0)
        dq[astray[mine]] = 0.0
        np.add.at(dq, stops[latest[mine]] - 1, booked[mine])


def _scaled_to(totals: Array, shape: Array, new: NDArray[np.bool_]) -> Array:
    """Return *shape* with the sum of every step equal to that of *totals*."""
    starts = np.flatnonzero(new)
    lengths = np.diff(np.append(starts, len(new)))
    wanted, have = np.add.reduceat(totals, starts), np.add.reduceat(shape, starts)
    factor = np.divide(wanted, have, out=np.zeros_like(have), where=have != 0.0)
    scaled: Array = shape * np.repeat(factor, lengths)
    scaled[starts[have == 0.0]] += wanted[have == 0.0]
    return scaled

"""Holes: times of a test of which no rows are there while current flowed, and what the counters know of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.arrays import Array, Integers, Signs
from lirich.cycling.settings import CyclingSettings
from lirich.model import Finding

_HOUR = 3600.0
_TIMES_USUAL = 20.0
"""So many times the interval that the steps around record is a hole (`CyclingSettings.recording_gap_s`). *Choice*."""

_SHARE_OF_STEP = 0.1
"""Where current flows at both ends, a hole of this share of the longer step beside it is said although it is shorter
than ``recording_gap_s``: of fast tests an hour is several cycles. *Choice*."""

_FEW = 3
"""Of fewer intervals a step shows none that is usual. *Choice*."""

_MUCH = 0.01
"""Counters that move by this share of what a run of current of the test passes on average show that current flowed.
*Choice*: less is what a cycler books late, at the first row of a rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Holes:
    """Intervals much longer than the steps around them record, as the rows before them, shape (k,), ascending.

    ``usual_s`` is the longer of the usual intervals of both steps, s; ``long`` tells which are a hole with no counter
    to ask: long enough, with current at both ends, or with more evidence.
    """

    row: Integers
    usual_s: Array
    long: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)


def find_holes(
    dt: Array,
    voltage: Array,
    current: Array,
    sign: Signs,
    new: NDArray[np.bool_],
    counted: Integers | None,
    settings: CyclingSettings,
) -> Holes:
    """Return the intervals that stand out from both steps around them.

    *dt*: time between rows, s, shape (n - 1,); *voltage*, V, *current*, A, *sign*, *new* (the first row of each step)
    and *counted* (the cycler's number of steps so far, ``None`` without one), shape (n,). A step under current records
    as its median interval, a rest as its longest one: rests are recorded ever more sparsely.
    """
    usual = np.full(len(dt), np.inf)
    np.minimum(usual[1:], dt[:-1], out=usual[1:])
    np.minimum(usual[:-1], dt[1:], out=usual[:-1])
    candidates = np.flatnonzero((dt > _TIMES_USUAL * usual) & (dt > settings.boundary_gap_s))
    start = np.flatnonzero(new)
    stop = np.append(start[1:], len(new))
    if len(candidates) == 0:
        return Holes(candidates, np.zeros(0), np.zeros(0, dtype=np.bool_))
    step = np.searchsorted(start, np.stack([candidates, candidates + 1]), side="right") - 1
    inside = step[0] == step[1]
    usual_s = np.fmax(*(_recorded(dt, sign, start, stop, which, candidates, inside) for which in step))
    apart = dt[candidates] > _TIMES_USUAL * usual_s  # never where neither step has a usual interval
    row, step, usual_s, inside = candidates[apart], step[:, apart], usual_s[apart], inside[apart]
    total = np.append(0.0, np.cumsum(dt))
    lasting = (total[stop[step] - 1] - total[start[step]]).max(axis=0)
    enough = np.full(len(row), settings.recording_gap_s)
    np.minimum(enough, _SHARE_OF_STEP * lasting, out=enough, where=~inside)
    long = dt[row] > enough
    at_rest = np.flatnonzero(long & ((sign[row] == 0) | (sign[row + 1] == 0)))
    if len(at_rest):
        ends = _Ends.of(dt, voltage, current, sign, counted, settings.boundary_gap_s)
        long[at_rest] = ends.left_out(row[at_rest], settings.incomplete_voltage_v)
    return Holes(row, usual_s, long)


def _recorded(
    dt: Array, sign: Signs, start: Integers, stop: Integers, step: Integers, row: Integers, inside: NDArray[np.bool_]
) -> Array:
    """Return the usual interval of each *step*, s, shape (k,), NaN where it has too few.

    Of a rest the interval after *row* is not asked where it is *inside*. *start* and *stop*: of all steps, as rows.
    """
    asked = np.unique(step)
    count = stop[asked] - 1 - start[asked]
    first = np.cumsum(count) - count
    of = np.repeat(np.arange(len(asked)), count)
    intervals = dt[np.arange(len(of)) - first[of] + start[asked][of]]
    intervals = intervals[np.lexsort((intervals, of))]
    usual = np.full(len(asked), np.nan)
    without = usual.copy()  # the longest one
    some = count >= _FEW
    first, count, rest = first[some], count[some], sign[start[asked[some]]] == 0
    middle = 0.5 * (intervals[first + (count - 1) // 2] + intervals[first + count // 2])
    usual[some] = np.where(rest, intervals[first + count - 1], middle)
    without[some] = np.where(rest, intervals[first + count - 2], middle)
    at = np.searchsorted(asked, step)
    return np.where(inside & (dt[row] == usual[at]), without[at], usual[at])


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """What tells a hole with a rest at an end from a pause: ``edges`` are rows before an end of a rest, shape (e,).

    ``one_by_one`` says that the cycler counts its steps so; ``size`` is the larger current at both rows of an edge, A,
    and ``jump`` by how much the voltage differs there, V.
    """

    voltage: Array
    current: Array
    sign: Signs
    counted: Integers | None
    one_by_one: bool
    edges: Integers
    size: Array
    jump: Array

    @classmethod
    def of(
        cls, dt: Array, voltage: Array, current: Array, sign: Signs, counted: Integers | None, longest_s: float
    ) -> _Ends:
        edges = np.flatnonzero((sign[1:] != sign[:-1]) & (dt <= longest_s))
        size = np.maximum(np.abs(current[edges]), np.abs(current[edges + 1]))
        one_by_one = False
        if counted is not None:
            ahead = np.diff(counted)
            ahead = ahead[ahead != 0]
            one_by_one = bool(np.count_nonzero(ahead != 1) <= max(1, _MUCH * len(ahead)))
        jump = np.abs(voltage[edges + 1] - voltage[edges])
        return cls(voltage, current, sign, counted, one_by_one, edges, size, jump)

    def left_out(self, row: Integers, tolerance_v: float) -> NDArray[np.bool_]:
        """Tell whether something is left out after each *row*, shape (k,).

        The cycler's count of steps leaves some out. Or the voltage jumps by far more than elsewhere between a rest and
        as much current: as much again, and *tolerance_v*.
        """
        told = np.zeros(len(row), dtype=np.bool_)
        if self.one_by_one and self.counted is not None:
            told |= self.counted[row + 1] - self.counted[row] > 1
        flows = np.maximum(np.abs(self.current[row]), np.abs(self.current[row + 1]))
        jump = np.abs(self.voltage[row + 1] - self.voltage[row])
        for left, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            asked = np.flatnonzero((self.sign[row] == left) & (self.sign[row + 1] == right))
            like = np.flatnonzero((self.sign[self.edges] == left) & (self.sign[self.edges + 1] == right))
            like = like[np.argsort(self.size[like])]
            widest = np.maximum.accumulate(self.jump[like][::-1])[::-1]  # of this one and all with more current
            at = np.searchsorted(self.size[like], 0.9 * flows[asked])
            asked, at = asked[at < len(like)], at[at < len(like)]
            told[asked] |= jump[asked] > 2.0 * widest[at] + tolerance_v
        return told


def pauses_at_turns(
    voltage: Array, current: Array, sign: Signs, counter: Array | None, holes: Holes, tolerance_v: float
) -> NDArray[np.bool_]:
    """Tell which *holes* are a pause between two half-cycles, shape (k,), where not both capacities are columns.

    *voltage*, V, *current*, A, *sign* and *counter*, the capacity column of one direction, Ah, have shape (n,). With a
    *counter* it is a pause where that stood still, else where the row before is within *tolerance_v* of where the
    other half-cycles of its direction end (the median; the last row of the test counts as an end where there is no
    other). What a pause at the limit hides of the half-cycle after it is not seen.
    """
    before, after = holes.row, holes.row + 1
    pause: NDArray[np.bool_] = sign[before] * sign[after] == -1
    if counter is not None:
        moved, passed = counter[after] - counter[before], float(counter[-1] - counter[0])
        pause &= moved <= _booked_late(passed, current, sign, holes)
        return pause
    flowing = np.flatnonzero(sign)
    ends = flowing[:-1][sign[flowing[1:]] != sign[flowing[:-1]]]
    for way in (1, -1):
        asked = np.flatnonzero(pause & (sign[before] == way))
        like = ends[sign[ends] == way]
        if len(like) == 1 and sign[flowing[-1]] == way:
            like = np.append(like, flowing[-1])
        if len(like) < 2:
            pause[asked] = False
            continue
        order = np.argsort(voltage[like])
        ordered = voltage[like[order]]
        own = np.argsort(order)[np.searchsorted(like, before[asked])]
        lower, upper = (ordered[k + (k >= own)] for k in ((len(like) - 2) // 2, (len(like) - 1) // 2))
        pause[asked] = np.abs(voltage[before[asked]] - 0.5 * (lower + upper)) <= tolerance_v
    return pause


def _booked_late(passed: float, current: Array, sign: Signs, holes: Holes) -> Array:
    """Return what counters gain in each of *holes* at most although nothing flowed, Ah, shape (k,).

    That is `_MUCH` of a run of current, of which all together *passed*, Ah, or what the current at either end brings in
    a few usual intervals.
    """
    runs = int(np.count_nonzero((sign[1:] != sign[:-1]) & (sign[1:] != 0))) + int(sign[0] != 0)
    flows = np.maximum(np.abs(current[holes.row]), np.abs(current[holes.row + 1]))
    return np.maximum(_MUCH * passed / max(1, runs), _FEW * flows * holes.usual_s / _HOUR)


def credit_holes(
    dq: Array, charged: Array, discharged: Array, current: Array, sign: Signs, new: NDArray[np.bool_], holes: Holes
) -> Array:
    """Give what the counters saw pass in a hole to the rows at its ends, in place; return what no row explains, Ah.

    *dq* is the signed charge of each row by the counters, Ah, *charged* and *discharged* these, Ah, *current*, A,
    *sign* and *new* (the first row of each step), all of shape (n,). Each direction is given to the end that flows
    that way. Where none does and much passed, a half-cycle is hidden: the row at an end stands for it, as a step of its
    own. The answer has shape (k, 2), charged and discharged: 0 where it is no more than is booked late.
    """
    before, after = holes.row, holes.row + 1
    moved = np.column_stack([column[after] - column[before] for column in (charged, discharged)])
    passed = float(charged[-1] - charged[0] + discharged[-1] - discharged[0])
    least = _booked_late(passed, current, sign, holes)
    hidden = np.where(moved > least[:, None], moved, 0.0)
    for row, gained, shown in zip(before.tolist(), moved.tolist(), hidden.tolist(), strict=True):
        if max(shown) > 0.0:
            _credit(dq, sign, new, row, gained, shown)
    return hidden


def _credit(dq: Array, sign: Signs, new: NDArray[np.bool_], row: int, gained: list[float], shown: list[float]) -> None:
    """Credit one hole after *row*: as `credit_holes`, of what the counters *gained* what is *shown* to have flowed."""
    left, right = int(sign[row]), int(sign[row + 1])
    dq[row + 1] = 0.0
    without = [
        (way * charge, way)
        for way, charge, much in zip((1, -1), gained, shown, strict=True)
        if way not in (left, right) and much
    ]
    # Where the row after the hole stands for what turned in it, its own direction goes to the row before.
    turned = left == right != 0 and bool(without)
    for way, charge in zip((1, -1), gained, strict=True):
        if (way * charge, way) not in without:
            dq[row if way == left and (way != right or turned) else row + 1] += way * charge
    if len(without) == 2:  # of rest at both ends: first comes the direction that did not flow before
        flowed = np.flatnonzero(sign[:row])
        without.sort(key=lambda one: one[1] == (sign[flowed[-1]] if len(flowed) else -1))
    for place, (charge, way) in enumerate(without):
        at = row + (place if len(without) == 2 else int(right == 0 or turned))
        dq[at] += charge
        sign[at] = way
        new[at] = True
        if at + 1 < len(new):
            new[at + 1] = True


def recording_gap(time: Array, row: Integers, hidden: Array | None) -> Finding:
    """Return the finding for holes after *row*, shape (k,); *hidden*: what counters of both directions saw, Ah (k, 2).

    *time*: s, shape (n,).
    """
    length = float((time[row + 1] - time[row]).max()) / _HOUR
    both = hidden is not None and bool((hidden.min(axis=1) > 0.0).any())
    seen = "is counted only where the file has capacity columns"
    if hidden is not None:
        up, down = 1e3 * hidden.sum(axis=0)
        seen = f"is that of the capacity columns (charged {up:.4g} mAh, discharged {down:.4g} mAh), without a curve"
    if both:
        seen += "; how many half-cycles it was, and where they ended, is not known"
    places = ", ".join(f"{time[k] - time[0]:.0f} s" for k in row[:5].tolist()) + (", …" if len(row) > 5 else "")
    return Finding(
        code="recording-gap",
        message=f"Nothing was recorded for up to {length:.3g} h under current, {len(row)} time(s); the charge of that "
        f"time {seen}",
        advice="Was the test paused, or is a part of it in another file?",
        where=places,
    )

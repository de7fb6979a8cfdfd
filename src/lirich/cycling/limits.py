"""Small cycles between the voltage limits: a run of current from one limit to the other is a half-cycle of its own.

By its charge alone a cycle of a dead cell, or the fast step of a rate test, looks like a pulse. But a pulse ends by
time, inside the window; a half-cycle goes from the voltage at which the large ones turn to the one at which they turn
back. The cycler's count is a witness only where rows are too coarse to show that an end was reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.arrays import Array, Integers, Signs
from lirich.cycling.points import Points
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.turns import half_cycle_starts

_FAR = 0.3
"""Of what the large half-cycle moved the voltage by, for the ends of small ones to be a limit that no large one shows:
1.4 V of a full cell charged from 0 to 4.2 V. *Choice*: pulses of 10 s move it by a tenth."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Stretches of current of one direction, rests within, shape (r,).

    First row, last row under current and whether the voltage was held there, signed charge, Ah, and block. Neighbours
    within a block have opposite signs and none is zero.
    """

    first: Integers
    last: Integers
    held: NDArray[np.bool_]
    charge: Array
    block: Integers

    def __len__(self) -> int:
        return len(self.first)


def split_at_limits(starts: Integers, runs: Runs, points: Points, settings: CyclingSettings) -> Integers:
    """Return the first run of every half-cycle, shape (h',): *starts*, shape (h,), and the small ones between limits.

    A half-cycle is taken apart at every run of the other direction that begins and ends at a limit. A limit is where a
    half-cycle, or the ones next to it, ended. Where there is none of a direction (the cell died in its first discharge)
    the ends of the small ones are, if they agree and go far.
    """
    if len(starts) == len(runs):
        return starts
    ends = _Ends.of(starts, runs, points, settings)
    spans = ends.spanning()
    if not spans.any():
        return starts
    cut = np.zeros(len(runs) + 1, dtype=np.bool_)
    cut[starts] = True
    touched = np.zeros(len(starts), dtype=np.bool_)
    touched[ends.half[spans]] = True
    cut[:-1] |= spans
    cut[1:] |= spans
    first = np.flatnonzero(cut[:-1])
    stop = np.append(first[1:], len(runs))
    again = touched[ends.half[first]] & (stop - first > 1)
    inside = [a + half_cycle_starts(runs.charge[a:b], settings) for a, b in zip(first[again], stop[again], strict=True)]
    return np.unique(np.concatenate([first, *inside]))


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """Where runs, shape (r,), and half-cycles, shape (h,), ended.

    ``half`` is the half-cycle of a run, ``way`` its direction, ``end`` and ``before`` the voltages of its last row and
    the one before it, V; ``counts`` says that the cycler counts on from the run before to the one after. Of
    half-cycles: ``sign``, ``moved``, by how much its largest run changed the voltage, V, ``limit`` (V, NaN where there
    was none to see) and ``coarse``, how exactly that is known, V.
    """

    half: Integers
    way: Signs
    end: Array
    before: Array
    counts: NDArray[np.bool_]
    sign: Signs
    moved: Array
    limit: Array
    coarse: Array
    settings: CyclingSettings

    @classmethod
    def of(cls, starts: Integers, runs: Runs, points: Points, settings: CyclingSettings) -> _Ends:
        half = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(runs))))
        way = np.sign(runs.charge).astype(np.int8)
        end, before = points.voltage_v[runs.last], points.voltage_v[np.maximum(runs.last - 1, 0)]
        counts = np.zeros(len(runs), dtype=np.bool_)
        if points.vendor_cycle is not None:
            number = points.vendor_cycle[runs.first]
            counts[1:-1] = number[2:] > number[:-2]
        largest = np.lexsort((np.abs(runs.charge), half))[np.append(starts[1:], len(runs)) - 1]
        sign = way[largest]
        final = np.maximum.reduceat(np.where(way == sign[half], np.arange(len(runs)), -1), starts)
        # what ends by time where the voltage neither moves nor is held (Li|Li) ends at no limit
        moved = sign * (end[final] - points.voltage_v[runs.first[largest]])
        limit = np.where(runs.held[final] | (moved > settings.incomplete_voltage_v), end[final], np.nan)
        coarse = _resolved(np.abs(end - before)[final], settings)
        return cls(half, way, end, before, counts, sign, moved, limit, coarse, settings)

    def spanning(self) -> NDArray[np.bool_]:
        """Tell which runs against their half-cycle begin and end at a limit, shape (r,)."""
        found: NDArray[np.bool_] = self.way != self.sign[self.half]
        found[1:] &= self.half[1:] == self.half[:-1]
        found[0] = False
        run = np.flatnonzero(found)
        found[run] = self._reached(run - 1, (-2, 0, 2), self.counts[run])
        run = np.flatnonzero(found)
        found[run] = self._reached(run, (-1, 1), self.counts[run]) | self._agreed(run)
        return found

    def _reached(self, run: Integers, beside: tuple[int, ...], counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell of each *run*, shape (k,), whether a limit of the half-cycles *beside* its own came with its last row.

        Where that row is far from the one before, the limit may lie beyond it by as much; by more than what half-cycles
        of one window differ by only where the cycler *counted* a cycle there, shape (k,).
        """
        way, end, before = self.way[run], self.end[run], self.before[run]
        step = np.abs(end - before)
        reached = np.zeros(len(run), dtype=np.bool_)
        for k in beside:
            other = self.half[run] + k
            there = (other >= 0) & (other < len(self.sign))
            other[~there] = 0
            there &= self.sign[other] == way
            exact = np.maximum(_resolved(step, self.settings), self.coarse[other])
            short = np.where(counted, np.maximum(step, exact), exact)
            limit = self.limit[other]
            reached |= there & (way * (limit - end) <= short) & (way * (before - limit) <= exact)
        return reached

    def _agreed(self, run: Integers) -> NDArray[np.bool_]:
        """Tell of each *run*, shape (k,), whether its end is a limit that no large half-cycle shows."""
        half = self.half[run]
        agreed = np.zeros(len(run), dtype=np.bool_)
        for h in np.unique(half):
            beside = slice(max(0, h - 1), h + 2)
            known = np.isfinite(self.limit[beside]) & (self.sign[beside] != self.sign[h])
            mine = half == h
            end = self.end[run[mine]]
            far = self.sign[h] * (self.limit[h] - end) > _FAR * self.moved[h]
            agreed[mine] = not known.any() and far.all() and np.ptp(end) <= self.settings.window_tolerance_v
        return agreed


def _resolved(step_v: Array, settings: CyclingSettings) -> Array:
    """Return how exactly rows *step_v* apart show an end, V, as `lirich.cycling.likeness.end_tolerance` has it."""
    return np.clip(step_v, settings.window_tolerance_v, max(settings.window_tolerance_v, settings.incomplete_voltage_v))

"""Tests of the time column: is it seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.model import Severity
from lirich.readers.diagnosis import EXPORT_AGAIN, Array, Diagnosis, found_in
from lirich.readers.runs import HalfCycles
from lirich.readers.typical import median, mostly

SLOWEST_HALF_CYCLE_H = 500.0
"""C/500. The slowest pseudo-open-circuit tests in use take some hundred hours per half-cycle (C/100 to C/200)."""

SLOWEST_RECORDING_S = 3600.0
"""While the current of a half-cycle flows, cyclers are hardly ever programmed to record less often than hourly."""

SUSPICIOUS_RECORDING_S = 600.0
"""Above this an interval that nobody programmes, and that is one of ms taken as s, is worth a warning."""

FEWEST_INTERVALS = 20
"""A half-cycle of fewer rows was logged by its ends, or thinned: their distance is no recording interval."""

FASTEST_HALF_CYCLE_S = 10.0
"""360 C: faster than any battery test over a whole voltage window."""

FAST_HALF_CYCLE_S = 180.0
"""20 C: cells for power are tested so, over a whole window seldom faster; it needs a second reason to be doubted."""

FAST_SWING_V = 0.5
"""So far a voltage moves over a good part of a window, and not in a pulse."""

FEWEST_STAGES = 3.0
"""A passage over a window in short half-cycles is at least so many of the largest; fewer are pulses back and forth."""

SHARED_SWING = 0.25
"""Charge and discharge of a cell that is cycled go over the same voltages, but for the polarisation. Pulses up and down
from one state of charge go apart from there: they share none where they jump, and little where the charge moves it."""

FAST_RECORDING_S = 0.1
"""Cyclers of materials laboratories are hardly ever programmed to record half-cycles more often."""

TOO_LARGE = (1000.0, 3600.0, 60.0)
"""Factors by which a time column comes out too large: ms taken as s; h or min converted to s twice."""

TOO_SMALL = {"time-in-kiloseconds": 1000.0, "time-in-hours": 3600.0, "time-in-minutes": 60.0}
"""Repairs of a time column that is too small, by their factor: s taken as ms; h or min taken as s."""

ROUND_INTERVALS_S = np.array(
    [0.1, 0.2, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45, 50, 60, 90, 100, 120, 150, 180, 200, 240,
     300, 400, 500, 600, 720, 900, 1200, 1800, 3600]
)  # fmt: skip
"""Recording intervals that people programme."""

SLOW_ROUND_INTERVALS_S = np.union1d(
    ROUND_INTERVALS_S, np.concatenate((60.0 * np.arange(1, 61), 3600.0 * np.arange(1, 25)))
)
"""Those, and whole minutes and hours: what a very slow test may be recorded with."""

FAST_ROUND_INTERVALS_S = np.union1d(ROUND_INTERVALS_S, np.outer((1e-5, 1e-4, 1e-3, 1e-2), (1, 2, 2.5, 4, 5, 8)))
"""Those, and what a fast recorder has (100 kHz to 12.5 Hz)."""


def check_time_scale(
    time: Array, unix: Array | None, halves: HalfCycles, *, step: Array, current: Array
) -> list[Diagnosis]:
    """Judge whether time is in seconds, from the clock if there is one, else from what cyclers and cells do.

    Parameters
    ----------
    time, unix:
        Test time and clock time, s, shape (n_rows,); the clock may be absent.
    halves:
        The half-cycles of the test.
    step, current:
        Time between rows, s, shape (n_rows - 1,), and current, A, shape (n_rows,).
    """
    if len(time) < 3:
        return []
    by_clock = _against_clock(time, unix)
    if by_clock is not None:
        return by_clock
    swing_v = halves.voltage_high - halves.voltage_low
    wide = swing_v >= 0.3
    too_slow = _pace(step, current, halves, wide).judge() if wide.any() else []
    return too_slow or _too_fast(halves, swing_v, step, current)


def _too_fast(halves: HalfCycles, swing_v: Array, step: Array, current: Array) -> list[Diagnosis]:
    """Say whether half-cycles are faster than people make them, and if so, by which factor time is too small.

    *swing_v*: how far the voltage moves in each half-cycle, V, shape (n_half_cycles,); *step*, *current*: as for
    `check_time_scale`. A half-cycle of less than 10 s is odd, and so is one of up to 3 min with rows closer than 0.1 s.
    It is wrong where the intervals are none that a recorder has (2.78 ms), and hours alone make them those that people
    programme (10 s). Minutes are never certain: 10 s are then 6 Hz, and a C/10 test one of 6 C.
    """
    passages = _passages(halves, swing_v)
    if passages is None:
        return []
    of_them, over_v, longest_s = passages
    if longest_s >= FAST_HALF_CYCLE_S:
        return []
    intervals = _pace(step, current, halves, of_them).intervals
    interval = median(intervals) if len(intervals) else np.inf
    as_written = _roundness(intervals, FAST_ROUND_INTERVALS_S)
    roundness = {
        name: _roundness(intervals * factor, ROUND_INTERVALS_S)
        for name, factor in TOO_SMALL.items()
        if longest_s * factor <= SLOWEST_HALF_CYCLE_H * 3600.0
    }
    likely = [n for n in sorted(roundness, key=lambda n: -roundness[n]) if roundness[n] > max(0.5, 2.0 * as_written)]
    if not (likely or longest_s < FASTEST_HALF_CYCLE_S or interval < 0.999 * FAST_RECORDING_S):  # by more than rounding
        return []
    text = f"Half-cycles over {over_v:.2g} V last {longest_s:.3g} s at most, which is {3600.0 / longest_s:.3g} C"
    if np.isfinite(interval):
        text += f", and a row is recorded every {interval * 1e3:.3g} ms while current flows"
    if likely == ["time-in-hours"] and as_written < 0.1:
        text += (
            f": the time column is hours: only so the recording intervals are what people programme "
            f"({interval * 3600.0:.3g} s), and the half-cycle lasts {longest_s:.3g} h"
        )
        return [found_in("time-scale", Severity.ERROR, text, "time-in-hours")]
    names = likely or list(roundness)
    advice = f"If it is wrong, ask for the repair that you know to be right: {' or '.join(names)}"
    text += ": the time column may be too small, or the cell takes no charge"
    return [found_in("time-implausible", Severity.WARNING, text, *names, advice=advice)]


def _passages(halves: HalfCycles, swing_v: Array) -> tuple[NDArray[np.bool_], float, float] | None:
    """Return which half-cycles go over a good part of a window, how far, V, and how long the slowest one lasts, s.

    Many short ones of which each goes on from the last (a drive cycle, pulses at falling states of charge) are one
    passage over the window, which lasts as long as its charge takes at their current. ``None`` where nothing goes far,
    or one half-cycle that does takes more than `FAST_HALF_CYCLE_S`, or they are pulses from one state of charge.
    """
    far = swing_v >= FAST_SWING_V
    if float(np.max(halves.active_s, where=far, initial=0.0)) >= FAST_HALF_CYCLE_S:
        return None  # as nearly always
    size = np.abs(halves.charge_ah)
    passed = np.cumsum(halves.charge_ah)
    whole = max(float(passed.max()), 0.0) - min(float(passed.min()), 0.0)
    over_v = float(swing_v.max())
    if not far.any():
        over_v = float(halves.voltage_high.max() - halves.voltage_low.min())
        if over_v < FAST_SWING_V or whole < FEWEST_STAGES * float(size.max()):
            return None
        far = np.ones(len(swing_v), dtype=np.bool_)
    elif whole < FEWEST_STAGES * float(size.max()) and _go_apart(halves, over_v):
        return None
    largest, longest_s = float(size[far].max()), float(halves.active_s[far].max())
    if largest <= 0 or longest_s <= 0:  # of single rows
        return None
    return far, over_v, longest_s * max(1.0, whole / largest)


def _go_apart(halves: HalfCycles, swing_v: float) -> bool:
    """Tell whether charges stay above discharges, but for a small part of *swing_v*, V: pulses, and no passages."""
    size = np.abs(halves.charge_ah)
    much = size > 0.1 * float(size.max())
    up, down = much & (halves.sign > 0), much & (halves.sign < 0)
    if not (up.any() and down.any()):
        return False
    return median(halves.voltage_high[down]) - median(halves.voltage_low[up]) < SHARED_SWING * swing_v


@dataclass(frozen=True, slots=True, eq=False)
class _Pace:
    """How slow a test is: its longest half-cycle, h, and the recording intervals under current, s, shape (n,).

    A half-cycle counts as long as its charge takes at its own largest current, so that months of holding a voltage
    are no slow cycle; intervals are those at more than half of that current. None where half-cycles have so few rows
    that the distance between them says nothing.
    """

    longest_h: float
    intervals: Array

    def judge(self) -> list[Diagnosis]:
        """Say whether people do such tests, and if not, by which factor time is too large.

        Two limits: half-cycles of C/500 and rows an hour apart. Beyond both, time is wrong. Beyond one of them, it is
        wrong if the intervals are none that people programme and a factor makes them so, else it is odd: a
        hold, a logger that waits for the voltage to move. Within both, only the intervals of ms taken as s are told
        from those of a slow test; a C/2 test that looks like a C/120 test could be one.
        """
        slow_cell = self.longest_h > SLOWEST_HALF_CYCLE_H
        if not slow_cell and mostly(self.intervals <= SUSPICIOUS_RECORDING_S):
            return []
        interval = median(self.intervals) if len(self.intervals) else 0.0
        slow_rows = interval > SLOWEST_RECORDING_S
        if not (slow_cell or slow_rows or interval > SUSPICIOUS_RECORDING_S):
            return []
        roundness = {
            f: _roundness(self.intervals / f, ROUND_INTERVALS_S)
            for f in TOO_LARGE
            if FASTEST_HALF_CYCLE_S / 3600.0 <= self.longest_h / f <= SLOWEST_HALF_CYCLE_H
        }
        # Beyond both limits time is wrong, however round the intervals are as they are written.
        as_written = 0.0 if slow_cell and slow_rows else _roundness(self.intervals, SLOW_ROUND_INTERVALS_S)
        likely = [f for f in sorted(roundness, key=lambda f: -roundness[f]) if roundness[f] > max(0.1, as_written)]
        if not (slow_cell or slow_rows):
            if 1000.0 not in likely:
                return []
            text = (
                f"A row is recorded every {interval:.4g} s while current flows, which nobody programmes, and the "
                f"longest half-cycle lasts {self.longest_h:.3g} h: the time column may be ms"
            )
            return [
                found_in(
                    "time-implausible",
                    Severity.WARNING,
                    text,
                    "time-1000x",
                    advice="If it is wrong, ask for the repair by name: time-1000x",
                )
            ]
        text = f"The longest half-cycle lasts {self.longest_h:.4g} h"
        if len(self.intervals):
            text += f" and a row is recorded every {_spoken(interval)} while current flows"
        if likely and all(roundness[f] < 0.3 * roundness[likely[0]] for f in likely[1:]):
            factor = likely[0]
            text += (
                f": the time column is too large by {factor:.0f}: only so the recording intervals are what people "
                f"programme ({interval / factor:.3g} s), and the half-cycle lasts {self.longest_h / factor:.3g} h"
            )
            return [found_in("time-scale", Severity.ERROR, text, f"time-{factor:.0f}x")]
        possible = likely or [f for f in roundness if roundness[f] > 0.1] or list(roundness)
        names = [f"time-{f:.0f}x" for f in possible]
        which = f"the repair that you know to be right: {' or '.join(names)}"
        if (slow_cell and slow_rows) or likely:
            text += ": the time column is too large; the data do not say by how much"
            advice = f"Ask for {which}" if names else EXPORT_AGAIN
            return [found_in("time-scale", Severity.ERROR, text, *names, advice=advice)]
        text += ": the time column may not be seconds"
        advice = f"If it is wrong, ask for {which}" if names else EXPORT_AGAIN
        return [found_in("time-implausible", Severity.WARNING, text, *names, advice=advice)]


def _pace(step: Array, current: Array, halves: HalfCycles, wide: NDArray[np.bool_]) -> _Pace:
    size = np.abs(current)
    peak = np.maximum.reduceat(size, halves.first)
    longest_h = float((np.abs(halves.charge_ah[wide]) / peak[wide]).max())
    if median((halves.last - halves.first)[wide].astype(np.float64)) < FEWEST_INTERVALS:
        return _Pace(longest_h, np.empty(0))
    rows = np.arange(halves.first[0], len(step), max(1, len(step) // 20_000))
    within = np.searchsorted(halves.first, rows, side="right") - 1
    flows = (np.minimum(size[rows], size[rows + 1]) > 0.5 * peak[within]) & (step[rows] > 0) & wide[within]
    return _Pace(longest_h, step[rows][flows])


def _spoken(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h" if seconds >= 3600.0 else f"{seconds:.3g} s"


def _against_clock(time: Array, unix: Array | None) -> list[Diagnosis] | None:
    """Compare with the clock; ``None`` where it does not help."""
    if unix is None:
        return None
    every = max(1, len(time) // 20_000)
    here, after = slice(0, -1, every), slice(1, None, every)
    if float(np.ptp(unix[here] - time[here])) < 1e-3:
        return None  # one was made from the other: no second witness
    clock, test = unix[after] - unix[here], time[after] - time[here]
    use = (clock > 0) & (test > 0)
    if np.count_nonzero(use) < 3:
        return None
    rates = test[use] / clock[use]
    if mostly(np.abs(rates - 1) < 0.02):
        return []
    ratio = float(test[use].sum() / clock[use].sum())
    typical = median(rates)
    for factor, name in (
        (1000.0, "time-1000x"),
        (3600.0, "time-3600x"),
        (60.0, "time-60x"),
        *((1 / factor, name) for name, factor in TOO_SMALL.items()),
    ):
        if abs(typical / factor - 1) < 0.02 and abs(ratio / factor - 1) < 0.2:
            return [
                found_in(
                    "time-scale", Severity.ERROR, f"Test time runs {typical:.5g} times as fast as the clock time", name
                )
            ]
    return [] if abs(typical - 1) < 0.02 else None


def _roundness(intervals: Array, usual: Array) -> float:
    """Return the share of intervals, s, shape (n,), within 0.1 % of a *usual* one (s, ascending); 0 for none."""
    if not len(intervals):
        return 0.0
    nearest = np.searchsorted(np.sqrt(usual[1:] * usual[:-1]), intervals)  # the nearest by ratio
    return float(np.mean(np.abs(intervals / usual[nearest] - 1) < 1e-3))

"""Tests of the time column: is it in order, and is it seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.model import Finding, Severity
from lirich.readers.runs import HalfCycles

Array = NDArray[np.float64]
Found = tuple[Finding, tuple[str, ...], bool]
"""A finding, the repairs that resolve it, and whether the repair is made unasked."""

JITTER_S = 0.01
"""Steps back in time of up to this much are rounding of the recorder (vendors write 1 ms to 10 ms)."""

LONGEST_GLITCH_ROWS = 2
"""More wrong rows than this one after another are no glitch: the time starts over there, or the rows are mixed up."""

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

TOO_LARGE = (1000.0, 3600.0, 60.0)
"""Factors by which a time column comes out too large: ms taken as s; h or min converted to s twice."""

ROUND_INTERVALS_S = np.array(
    [0.1, 0.2, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45, 50, 60, 90, 100, 120, 150, 180, 200, 240,
     300, 400, 500, 600, 720, 900, 1200, 1800, 3600]
)  # fmt: skip
"""Recording intervals that people programme."""

SLOW_ROUND_INTERVALS_S = np.union1d(
    ROUND_INTERVALS_S, np.concatenate((60.0 * np.arange(1, 61), 3600.0 * np.arange(1, 25)))
)
"""Those, and whole minutes and hours: what a very slow test may be recorded with."""


def median(values: Array) -> float:
    """Return what ``np.median`` does of at least one value, shape (n,), two to seven times as quick."""
    half = len(values) // 2
    ordered = np.partition(values, half)
    if np.isnan(ordered[half:]).any():
        return float("nan")
    upper = float(ordered[half])
    return upper if len(values) % 2 else 0.5 * (float(ordered[:half].max()) + upper)


def thinned(values: Array) -> Array:
    """Return at most some 20 000 evenly taken values, of shape (n,): enough to know a usual size."""
    return values[:: max(1, len(values) // 20_000)]


def thinned_median(values: Array) -> float:
    """Return the median of `thinned` values."""
    return median(thinned(values))


def mostly(within: NDArray[np.bool_]) -> bool:
    """Tell whether more than half of some numbers are *within* limits: then their median is, too.

    To count them takes a tenth of the time of a median.
    """
    return 2 * int(np.count_nonzero(within)) > len(within)


def glitches(time: Array) -> NDArray[np.bool_]:
    """Return the rows, shape (n_rows,), whose time is out of line; without them time never decreases.

    These are the rows below some row before them or those above some row after them, whichever are fewer.
    """
    below = time < np.maximum.accumulate(time)
    above = time > np.minimum.accumulate(time[::-1])[::-1]
    return below if np.count_nonzero(below) <= np.count_nonzero(above) else above


def restarts(time: Array) -> NDArray[np.int64]:
    """Return the rows at which the time column starts over: it falls to about its lowest value and runs on.

    None if it falls elsewhere too, or in a third of the rows (shuffled rows fall in half of them).
    """
    step = np.diff(time)
    falls = np.flatnonzero(step < 0) + 1
    forward = step[step > 0]
    near = float(time.min()) + 5 * (thinned_median(forward) if len(forward) else 0.0)
    if not 0 < len(falls) < len(time) / 3 or (time[falls] > max(near, 1.0)).any():
        return np.empty(0, dtype=np.int64)
    return falls


def check_time_order(time: Array) -> list[Found]:
    """Judge whether time, s, shape (n_rows,), never decreases, and if not, in which way it is broken."""
    if len(time) < 2:
        return []
    step = np.diff(time)
    lowest = float(step.min())
    if lowest >= 0:
        if float(time[-1]) == float(time[0]):
            return [_error("time-stands", "The time column never changes", "")]
        return []
    back = int(np.count_nonzero(step < 0))
    if lowest >= -JITTER_S:
        return [
            (
                Finding(
                    code="time-jitter",
                    severity=Severity.WARNING,
                    message=f"Time goes back by up to {-lowest * 1000:.3g} ms in {back} rows (the recorder's rounding)",
                    repair="time-jitter",
                ),
                ("time-jitter",),
                True,
            )
        ]
    wrong = glitches(time)
    count = int(np.count_nonzero(wrong))
    if count <= max(1, 0.01 * len(time)) and longest_run(wrong) <= LONGEST_GLITCH_ROWS:
        width = gap_around(time, wrong)
        return [
            _error(
                "time-glitches",
                f"{count} single rows have a time that does not fit between their neighbours (the first is row "
                f"{int(np.flatnonzero(wrong)[0]) + 1}); the rows around them leave {width:.3g} s of doubt",
                "time-glitches",
            )
        ]
    starts = restarts(time)
    if len(starts):
        return [
            _error(
                "time-restarts",
                f"The time column starts over {len(starts)} times: it is the time of a step or cycle, not of the test",
                "time-continue",
            )
        ]
    return [
        _error("time-unsorted", f"Time goes back in {back} of {len(time)} rows: the rows are not in order", "sort-time")
    ]


def longest_run(mask: NDArray[np.bool_]) -> int:
    """Return how many True stand in a row at most in *mask*, shape (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def gap_around(time: Array, wrong: NDArray[np.bool_]) -> float:
    """Return the widest interval, s, between the good rows around a wrong one."""
    good = np.flatnonzero(~wrong)
    if len(good) < 2:
        return float("inf")
    apart = np.diff(good) > 1
    return float(np.diff(time[good])[apart].max(initial=0.0))


def check_time_scale(
    time: Array, unix: Array | None, halves: HalfCycles, *, step: Array, current: Array
) -> list[Found]:
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
    if not wide.any():
        return []
    too_slow = _pace(step, current, halves, wide).judge()
    if too_slow:
        return too_slow
    shortest = median(halves.active_s[wide])
    if shortest < FASTEST_HALF_CYCLE_S:
        return [
            _warning(
                "time-implausible",
                f"Half-cycles over {float(np.median(swing_v[wide])):.2g} V last {shortest:.3g} s: the time column may "
                "be hours or minutes",
                "time-in-hours",
            )
        ]
    return []


@dataclass(frozen=True, slots=True, eq=False)
class _Pace:
    """How slow a test is: its longest half-cycle, h, and the recording intervals under current, s, shape (n,).

    A half-cycle counts as long as its charge takes at its own largest current, so that months of holding a voltage
    are no slow cycle; intervals are those at more than half of that current. None where half-cycles have so few rows
    that the distance between them says nothing.
    """

    longest_h: float
    intervals: Array

    def judge(self) -> list[Found]:
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
            return [_warning("time-implausible", text, "time-1000x")]
        text = f"The longest half-cycle lasts {self.longest_h:.4g} h"
        if len(self.intervals):
            text += f" and a row is recorded every {_spoken(interval)} while current flows"
        if likely and all(roundness[f] < 0.3 * roundness[likely[0]] for f in likely[1:]):
            factor = likely[0]
            text += (
                f": the time column is too large by {factor:.0f}: only so the recording intervals are what people "
                f"programme ({interval / factor:.3g} s), and the half-cycle lasts {self.longest_h / factor:.3g} h"
            )
            return [_error("time-scale", text, f"time-{factor:.0f}x")]
        possible = likely or [f for f in roundness if roundness[f] > 0.1] or list(roundness)
        names = [f"time-{f:.0f}x" for f in possible]
        which = f"the repair that you know to be right: {' or '.join(names)}"
        if (slow_cell and slow_rows) or likely:
            text += ": the time column is too large; the data do not say by how much"
            return [_several("time-scale", Severity.ERROR, text, f"Ask for {which}" if names else "", names)]
        text += ": the time column may not be seconds"
        return [_several("time-implausible", Severity.WARNING, text, f"If it is wrong, ask for {which}", names)]


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


def _against_clock(time: Array, unix: Array | None) -> list[Found] | None:
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
        (1 / 3600.0, "time-in-hours"),
        (1 / 60.0, "time-in-minutes"),
    ):
        if abs(typical / factor - 1) < 0.02 and abs(ratio / factor - 1) < 0.2:
            return [_error("time-scale", f"Test time runs {typical:.5g} times as fast as the clock time", name)]
    return [] if abs(typical - 1) < 0.02 else None


def _roundness(intervals: Array, usual: Array) -> float:
    """Return the share of intervals, s, shape (n,), within 0.1 % of a *usual* one (s, ascending); 0 for none."""
    if not len(intervals):
        return 0.0
    nearest = np.searchsorted(np.sqrt(usual[1:] * usual[:-1]), intervals)  # the nearest by ratio
    return float(np.mean(np.abs(intervals / usual[nearest] - 1) < 1e-3))


def _several(code: str, severity: Severity, message: str, advice: str, repairs: list[str]) -> Found:
    advice = advice if repairs else "Export the file from the cycler again"
    first = repairs[0] if repairs else ""
    return Finding(code=code, severity=severity, message=message, advice=advice, repair=first), tuple(repairs), False


def _error(code: str, message: str, repair: str) -> Found:
    advice = f"Ask for the repair by name: {repair}" if repair else "Export the file from the cycler again"
    finding = Finding(code=code, severity=Severity.ERROR, message=message, advice=advice, repair=repair)
    return finding, (repair,) if repair else (), False


def _warning(code: str, message: str, repair: str) -> Found:
    finding = Finding(
        code=code,
        severity=Severity.WARNING,
        message=message,
        advice=f"If it is wrong, ask for the repair by name: {repair}",
        repair=repair,
    )
    return finding, (repair,), False

"""Tests of the time column: is it in order, and is it seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lirich.model import Finding, Severity
from lirich.readers.runs import REST_SHARE

Array = NDArray[np.float64]
Found = tuple[Finding, tuple[str, ...], bool]
"""A finding, the repairs that resolve it, and whether the repair is made unasked."""

JITTER_S = 0.01
"""Steps back in time of up to this much are rounding of the recorder (vendors write 1 ms to 10 ms)."""

LONGEST_GLITCH_ROWS = 2
"""More wrong rows than this one after another are no glitch: the time starts over there, or the rows are mixed up."""

SLOWEST_HALF_CYCLE_H = 2000.0
"""C/2000. The slowest pseudo-open-circuit tests in use take some hundred hours per half-cycle (C/100 to C/200)."""

SLOWEST_USUAL_HALF_CYCLE_H = 500.0
"""C/500: what is left after a repair of the time must be faster than this, to be a test that people do."""

SLOWEST_RECORDING_S = 3600.0
"""While current flows no cycler is programmed to record less often than hourly."""

FASTEST_HALF_CYCLE_S = 10.0
"""360 C: faster than any battery test over a whole voltage window."""

TOO_LARGE = (1000.0, 3600.0, 60.0)
"""Factors by which a time column comes out too large: ms taken as s; h or min converted to s twice."""

ROUND_INTERVALS_S = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600])
"""Recording intervals that people programme."""


def thinned_median(values: Array) -> float:
    """Return the median of at most some 20 000 evenly taken values, shape (n,): enough to know a usual size."""
    return float(np.median(values[:: max(1, len(values) // 20_000)]))


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
    time: Array, unix: Array | None, active_s: Array, swing_v: Array, *, step: Array, current: Array
) -> list[Found]:
    """Judge whether time is in seconds, from the clock if there is one, else from what cyclers and cells do.

    Parameters
    ----------
    time, unix:
        Test time and clock time, s, shape (n_rows,); the clock may be absent.
    active_s, swing_v:
        Time with current, s, and voltage range, V, of each half-cycle, shape (n_half_cycles,).
    step, current:
        Time between rows, s, shape (n_rows - 1,), and current, A, shape (n_rows,).
    """
    if len(time) < 3:
        return []
    by_clock = _against_clock(time, unix)
    if by_clock is not None:
        return by_clock
    wide = swing_v >= 0.3
    if not wide.any():
        return []
    longest_h = float(active_s[wide].max()) / 3600.0
    slow_cell = longest_h > SLOWEST_HALF_CYCLE_H
    if slow_cell:
        size = np.abs(current)
        flows = size > REST_SHARE * size.max()
        during = step[flows[1:] & flows[:-1]]
        interval = thinned_median(during) if len(during) else 0.0
        if interval > SLOWEST_RECORDING_S:
            return [_too_large(step, longest_h, interval)]
    if slow_cell:
        return [
            _warning(
                "time-implausible",
                f"A half-cycle lasts {longest_h:.4g} h: the time column may not be seconds",
                "time-1000x",
            )
        ]
    shortest = float(np.median(active_s[wide]))
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


def _against_clock(time: Array, unix: Array | None) -> list[Found] | None:
    """Compare with the clock; ``None`` where it does not help."""
    if unix is None:
        return None
    every = max(1, len(time) // 20_000)
    near = np.arange(0, len(time) - 1, every)
    if float(np.ptp(unix[near] - time[near])) < 1e-3:
        return None  # one was made from the other: no second witness
    clock, test = unix[near + 1] - unix[near], time[near + 1] - time[near]
    use = (clock > 0) & (test > 0)
    if np.count_nonzero(use) < 3:
        return None
    ratio = float(test[use].sum() / clock[use].sum())
    typical = float(np.median(test[use] / clock[use]))
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


def _too_large(step: Array, longest_h: float, interval: float) -> Found:
    """Name the factor by which time is too large, from how round the programmed recording intervals become."""
    possible = [f for f in TOO_LARGE if longest_h / f <= SLOWEST_USUAL_HALF_CYCLE_H]
    roundness = {f: _roundness(step / f) for f in possible}
    best = sorted(possible, key=lambda f: -roundness[f])
    text = (
        f"The longest half-cycle lasts {longest_h:.4g} h and a row is recorded every {interval / 3600:.3g} h while "
        "current flows: the time column is too large"
    )
    if best and roundness[best[0]] > 0.1 and all(roundness[f] < 0.3 * roundness[best[0]] for f in best[1:]):
        factor = best[0]
        text += (
            f" by {factor:.0f}: only so the recording intervals are what people programme "
            f"({interval / factor:.3g} s), and the half-cycle lasts {longest_h / factor:.3g} h"
        )
        return _error("time-scale", text, f"time-{factor:.0f}x")
    names = [f"time-{f:.0f}x" for f in best]
    text += "; the data do not say by how much"
    advice = f"Ask for the repair that you know to be right: {' or '.join(names)}" if names else "Export it again"
    finding = Finding(
        code="time-scale", severity=Severity.ERROR, message=text, advice=advice, repair=names[0] if names else ""
    )
    return finding, tuple(names), False


def _roundness(intervals: Array) -> float:
    """Return the share of intervals, s, within 0.1 % of one that people programme."""
    near = ROUND_INTERVALS_S[
        np.abs(np.log(intervals.clip(1e-9))[:, None] - np.log(ROUND_INTERVALS_S)[None, :]).argmin(axis=1)
    ]
    return float(np.mean(np.abs(intervals / near - 1) < 1e-3))


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

"""Tests of the time column: is it in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lirich.model import Severity
from lirich.readers.diagnosis import EXPORT_AGAIN, Array, Diagnosis, found_in
from lirich.readers.typical import thinned_median

JITTER_S = 0.01
"""Steps back in time of up to this much are rounding of the recorder (vendors write 1 ms to 10 ms)."""

LONGEST_GLITCH_ROWS = 2
"""More wrong rows than this one after another are no glitch: the time starts over there, or the rows are mixed up."""


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


def check_time_order(time: Array) -> list[Diagnosis]:
    """Judge whether time, s, shape (n_rows,), never decreases, and if not, in which way it is broken."""
    if len(time) < 2:
        return []
    step = np.diff(time)
    lowest = float(step.min())
    if lowest >= 0:
        if float(time[-1]) == float(time[0]):
            return [found_in("time-stands", Severity.ERROR, "The time column never changes", advice=EXPORT_AGAIN)]
        return []
    back = int(np.count_nonzero(step < 0))
    if lowest >= -JITTER_S:
        return [
            found_in(
                "time-jitter",
                Severity.WARNING,
                f"Time goes back by up to {-lowest * 1000:.3g} ms in {back} rows (the recorder's rounding)",
                "time-jitter",
                automatic=True,
            )
        ]
    wrong = glitches(time)
    count = int(np.count_nonzero(wrong))
    if count <= max(1, 0.01 * len(time)) and longest_run(wrong) <= LONGEST_GLITCH_ROWS:
        width = gap_around(time, wrong)
        return [
            found_in(
                "time-glitches",
                Severity.ERROR,
                f"{count} single rows have a time that does not fit between their neighbours (the first is row "
                f"{int(np.flatnonzero(wrong)[0]) + 1}); the rows around them leave {width:.3g} s of doubt",
                "time-glitches",
            )
        ]
    starts = restarts(time)
    if len(starts):
        return [
            found_in(
                "time-restarts",
                Severity.ERROR,
                f"The time column starts over {len(starts)} times: it is the time of a step or cycle, not of the test",
                "time-continue",
            )
        ]
    text = f"Time goes back in {back} of {len(time)} rows: the rows are not in order"
    return [found_in("time-unsorted", Severity.ERROR, text, "sort-time")]


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

"""Capacity and energy counters that reset become counters that never do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RESET_BELOW = 0.5
"""A counter that falls to less than this part of what it had reached has been reset; a smaller fall is rounding."""

_THROUGH_ZERO = 0.01
"""A counter that has this part of its range on the other side of zero went through it; less is an offset at rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """Where steps and cycles begin: their numbers, shape ``(n,)``, and the rows at which these change."""

    step: Integers
    cycle: Integers
    steps: Integers
    cycles: Integers

    @classmethod
    def of(cls, step: Integers, cycle: Integers) -> Borders:
        """Find the borders of *step* and *cycle*, numbers that change where one begins, shape ``(n,)``."""
        return cls(step, cycle, *(np.flatnonzero(n[1:] != n[:-1]) + 1 for n in (step, cycle)))


def never_resetting(counter: Floats, borders: Borders) -> tuple[Floats, str]:
    """Make a counter continuous.

    Parameters
    ----------
    counter:
        As the cycler wrote it, shape ``(n,)``; NaN where it wrote nothing.
    borders:
        Where steps and cycles begin.

    Returns
    -------
    The counter plus what it had reached before each reset, starting at its first value, and a note that says where
    it resets: ``resets at every step``, ``resets at every cycle``, ``resets N times`` or nothing. Where the counter
    falls at every boundary of steps at which it had counted anything, it is one that resets with the step, and a
    step that begins with a higher value than the last one ended with (a pulse after a shorter pulse) is a reset
    too; the same for cycles.
    """
    values = _without_gaps(counter)
    if values is None:
        return np.full(counter.shape, np.nan), ""
    falls = np.flatnonzero(values[1:] < RESET_BELOW * values[:-1]) + 1
    much = 0.01 * values.max()
    for number, boundaries, note in (
        (borders.step, borders.steps, "resets at every step"),
        (borders.cycle, borders.cycles, "resets at every cycle"),
    ):
        if _resets_at(values, boundaries, falls, number, much):
            return _chain(values, boundaries), note
    if falls.size:
        return _chain(values, falls), f"resets {falls.size} times"
    return values, ""


def all_finite(values: Floats) -> bool:
    """Tell whether no number is NaN or infinite, shape (n,); where the sum is finite, none is."""
    with np.errstate(all="ignore"):
        return math.isfinite(np.add.reduce(values)) or bool(np.isfinite(values).all())


def _without_gaps(counter: Floats) -> Floats | None:
    """Return the counter, positive, with its last value where it has none; ``None`` where it has none at all."""
    whole = all_finite(counter)
    finite = None if whole else np.isfinite(counter)
    if not counter.size or not (finite is None or finite.any()):
        return None
    values = counter if finite is None else np.where(finite, counter, np.nan)
    low, high = (values.min(), values.max()) if whole else (np.nanmin(values), np.nanmax(values))
    if low < 0 and high <= 0:
        values = -values
    return values if whole else _fill_forward(values)


def _fill_forward(values: Floats) -> Floats:
    missing = np.isnan(values)
    if not missing.any():
        return values
    last = np.where(missing, 0, np.arange(values.size))
    np.maximum.accumulate(last, out=last)
    filled: Floats = values[last]
    return np.where(np.isnan(filled), 0.0, filled)


def _resets_at(values: Floats, boundaries: Integers, falls: Integers, number: Integers, much: float) -> bool:
    """Tell whether the counter resets at all *boundaries* (where *number* changes), and *falls* nowhere else.

    What it has counted by then counts where it is more than *much*.
    """
    if boundaries.size == 0:
        return False
    before = values[boundaries - 1]
    counted = before > much
    if not counted.any():
        return False
    fell = values[boundaries] < RESET_BELOW * before
    if not fell[counted].all():
        return False
    large = falls[values[falls - 1] > much]
    return bool((number[large] != number[large - 1]).all())


def _chain(values: Floats, starts: Integers) -> Floats:
    reached = np.append(0.0, np.cumsum(values[starts - 1]))
    chained: Floats = np.repeat(reached, np.diff(starts, prepend=0, append=values.size))
    chained += values
    return chained


def split_by_direction(counter: Floats, borders: Borders, direction: NDArray[np.int8]) -> tuple[Floats, Floats, str]:
    """Split one counter for both directions into what was charged and what was discharged.

    *direction* is 1, −1 or 0 per row, shape ``(n,)``. What the counter gains while the direction is 0 belongs to
    neither. A net counter, which goes down in one of the directions (or the axis of a figure that goes back), is
    understood; in a file of one direction alone it is one whose size mostly falls, or that goes through zero.
    Returns charged and discharged, both never resetting, and the note of `never_resetting`.
    """
    net = _split_net(counter, borders.step, direction)
    if net is not None:
        return net
    total, note = never_resetting(np.abs(counter), borders)
    gained = np.diff(total, prepend=0.0)
    return (
        np.cumsum(np.where(direction == 1, gained, 0.0)),
        np.cumsum(np.where(direction == -1, gained, 0.0)),
        note,
    )


def _split_net(counter: Floats, step: Integers, direction: NDArray[np.int8]) -> tuple[Floats, Floats, str] | None:
    finite = np.isfinite(counter)
    if counter.size < 2 or not finite.any():
        return None
    raw = counter if finite.all() else _fill_forward(np.where(finite, counter, np.nan))
    change, inside = np.zeros(raw.size), np.zeros(raw.size, dtype=np.bool_)
    np.subtract(raw[1:], raw[:-1], out=change[1:])
    np.logical_and(step[1:] == step[:-1], direction[1:] == direction[:-1], out=inside[1:])
    moves = {d: float(change[inside & (direction == d)].sum()) for d in (1, -1)}
    one_way = moves[1] * moves[-1] == 0.0
    if moves[1] * moves[-1] > 0 or (one_way and not _net_one_way(raw, inside & (direction != 0))):
        return None
    # Between two steps the charge of a first record counts; a jump is a reset to about zero, or what a hole hides.
    inside &= direction != 0
    largest = 2.0 * float(np.abs(change[inside]).max(initial=0.0))
    jump = ~inside & (np.abs(change) > largest)
    resets = 2 * np.count_nonzero(jump & (np.abs(raw) <= largest)) >= np.count_nonzero(jump)
    gained = {}
    for d in (1, -1):
        way = np.sign(moves[d]) if moves[d] else -np.sign(moves[-d])
        gained[d] = np.where(~jump & (direction == d), np.sign(moves[d]) * change, 0.0)
        if resets:  # the first record after it counts from zero
            gained[d] += np.where(jump & (direction == d), np.maximum(way * raw, 0.0), 0.0)
        else:  # whichever way the current flows where the rows go on
            gained[d] += np.where(jump, np.maximum(way * change, 0.0), 0.0)
    return (
        np.cumsum(gained[1]),
        np.cumsum(gained[-1]),
        "a net counter, down while " + ("charging" if moves[1] < 0 or moves[-1] > 0 else "discharging"),
    )


def _net_one_way(raw: Floats, inside: NDArray[np.bool_]) -> bool:
    """Tell whether a counter of one direction is net; *inside*: rows that follow one of the same step, shape (n,).

    What is counted from zero grows in size in most rows, whatever its sign and however often it resets.
    """
    low, high = float(raw.min()), float(raw.max())
    if min(high, -low) > _THROUGH_ZERO * (high - low):
        return True
    grown = np.diff(np.abs(raw), prepend=abs(float(raw[0])))[inside]
    return int(np.count_nonzero(grown < 0)) > int(np.count_nonzero(grown > 0))

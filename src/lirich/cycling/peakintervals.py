"""How sure the position of a peak or valley of dQ/dV is: it is found again on variants of the curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lirich.cycling.dqdv import DEFAULT_SMOOTHING, Dqdv, Smoothing, dqdv_of_each
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.peaks import PROMINENCE, Peak, find_peaks, follow
from lirich.model import Interval

WINDOWS = (2 / 3, 3 / 2)
"""Times the smoothing window: from the one to the other a position moves by what the choice of the window makes of it.
*Choice*."""

MERGED = 0.25
"""Share of the way to a neighbour that is no longer seen: a peak that moved further has merged with it. *Choice*: two
equal peaks meet at 0.5, a peak beside one that is lost stays."""

PEAK_UNRESOLVED = "peak-not-resolved"
"""Flag of a peak that is not seen by itself with 2/3 or 3/2 of the smoothing window."""

_PARTS = 4  # of the rows, interleaved
_LEAST_PARTS = 3


@dataclass(frozen=True, slots=True)
class Variants:
    """dQ/dV of one half-cycle made anew: with other smoothing windows, and from every fourth row."""

    windows: tuple[Dqdv, ...]
    parts: tuple[Dqdv, ...]


def variants(half: HalfCycle, smoothing: Smoothing = DEFAULT_SMOOTHING) -> Variants:
    """Return the variants of dQ/dV of *half* that the interval of a position is taken from, those that it allows."""
    windows, _ = dqdv_of_each(
        [half] * len(WINDOWS), [replace(smoothing, window_v=w * smoothing.window_v) for w in WINDOWS]
    )
    parts, _ = dqdv_of_each([_part(half, k) for k in range(_PARTS)], [smoothing] * _PARTS)
    return Variants(tuple(curve for _, curve in windows), tuple(curve for _, curve in parts))


def _part(half: HalfCycle, first: int) -> HalfCycle:
    rows = slice(first, None, _PARTS)
    return replace(
        half,
        voltage_v=half.voltage_v[rows],
        capacity_mah=half.capacity_mah[rows],
        current_ma=None if half.current_ma is None else half.current_ma[rows],
        time_s=None if half.time_s is None else half.time_s[rows],
        constant_voltage=half.constant_voltage[rows],
    )


def position_interval(at_v: float, made: Variants, locate: Callable[[Dqdv], float | None]) -> Interval | None:
    """Return the 95 % interval of a position *at_v* on a dQ/dV curve, V; *locate* finds it again on a variant.

    Noise: four quarters of the rows, interleaved, are four measurements of the position; their mean is uncertain by
    Student's t (3 degrees of freedom) times their standard deviation over √4. Smoothing: the least and the largest
    position over `WINDOWS`. The noise is added on both sides of that spread. ``None`` where fewer than three quarters
    show the position.
    """
    from scipy.special import stdtrit

    again = np.array([x for curve in made.parts if (x := locate(curve)) is not None])
    if len(again) < _LEAST_PARTS:
        return None
    noise = float(stdtrit(len(again) - 1, 0.975)) * float(again.std(ddof=1)) / np.sqrt(len(again))
    spread = [at_v, *(x for curve in made.windows if (x := locate(curve)) is not None)]
    return Interval(low=min(spread) - noise, high=max(spread) + noise, method="quarters of the rows, smoothing windows")


def peak_interval(
    peak: Peak, peaks: Sequence[Peak], made: Variants, *, prominence: float = PROMINENCE
) -> tuple[Interval | None, tuple[str, ...]]:
    """Return the 95 % interval of the position of *peak*, V, and flags; see `position_interval`.

    *peaks* are all peaks of its curve, *peak* among them: on a variant each stands for one peak at most (`follow`). A
    variant on which the peak is not seen, or has merged with a neighbour, tells nothing of its position; where that is
    so with another window, the peak is flagged `PEAK_UNRESOLVED`.
    """

    def locate(curve: Dqdv) -> float | None:
        return same_peak(peak, peaks, find_peaks(curve, prominence=prominence))

    alone = all(locate(curve) is not None for curve in made.windows)
    return position_interval(peak.voltage_v, made, locate), () if alone else (PEAK_UNRESOLVED,)


def same_peak(peak: Peak, peaks: Sequence[Peak], others: Sequence[Peak]) -> float | None:
    """Return where *peak*, one of *peaks*, stands among the *others* of a variant, V; ``None``: nowhere."""
    found = {track.peaks[0]: track.peaks[-1] for track in follow((0, 1), (peaks, others)) if len(track.cycles) == 2}
    if peak not in found:
        return None
    move = found[peak].voltage_v - peak.voltage_v
    lost = (other.voltage_v - peak.voltage_v for other in peaks if other not in found)
    if any(move * away > 0 and abs(move) > MERGED * abs(away) for away in lost):
        return None
    return found[peak].voltage_v

"""How sure the position of a peak or valley of dQ/dV is: it is found again on variants of the curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lirich.cycling.dqdv import DEFAULT_SMOOTHING, Dqdv, Smoothing, dqdv_of_each
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.peaks import GATE_V, PROMINENCE, Peak, find_peaks
from lirich.model import Interval

WINDOWS = (2 / 3, 3 / 2)
"""Times the smoothing window: from the one to the other a position moves by what the choice of the window makes of it.
*Choice*."""

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


def peak_interval(peak: Peak, made: Variants, *, prominence: float = PROMINENCE) -> Interval | None:
    """Return the 95 % interval of the position of *peak*, V; see `position_interval`."""

    def locate(curve: Dqdv) -> float | None:
        near = find_peaks(curve, prominence=prominence, low_v=peak.voltage_v - GATE_V, high_v=peak.voltage_v + GATE_V)
        return min((p.voltage_v for p in near), key=lambda v: abs(v - peak.voltage_v), default=None)

    return position_interval(peak.voltage_v, made, locate)

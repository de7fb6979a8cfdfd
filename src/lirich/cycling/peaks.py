"""Peaks and valleys of dQ/dV, and peaks followed over cycles.

A peak is a maximum of the smoothed dQ/dV that stands out by a share of the highest value of the curve; its
area is the charge between the minima on both sides. Assignments of peaks between layered, activated and
spinel-like redox of Li-rich cathodes: Croy et al., J. Electrochem. Soc. 161 (2014) A318,
doi:10.1149/2.049403jes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lirich.cycling.arrays import Array, Integers
from lirich.cycling.dqdv import Dqdv

PROMINENCE = 0.05
"""Share of the highest dQ/dV by which a peak must stand out: above the ripple that ±0.3 mAh/g leaves after
the default smoothing (checked on the digitised cell), below the spinel-like shoulder."""

TOP = 0.25
"""Upper share of a peak's prominence that its position is read from."""

GATE_V = 0.060
"""Largest move of a peak between two cycles that is still the same peak, V: Li-rich peaks move by some mV per
cycle and stand 0.2 V or more apart."""

MAX_GAP = 5
"""Number of curves in a row in which a followed peak may be missing."""

REGIONS: dict[str, tuple[tuple[float, str], ...]] = {
    "charge": ((3.6, "low-voltage"), (4.2, "transition-metal"), (10.0, "high-voltage")),
    "discharge": ((2.7, "conversion"), (3.4, "spinel-like"), (4.2, "transition-metal"), (10.0, "high-voltage")),
}
"""Names that peaks of a Li-rich cathode go by, with the upper end of each region in V: a label to find like peaks by,
not an assignment. The borders are those of the activation and of the spinel-like peak in `lirich.quantities`."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A maximum of dQ/dV: position and the minima beside it in V, height in mAh/V, area in mAh."""

    voltage_v: float
    height_mah_v: float
    area_mah: float
    left_v: float
    right_v: float
    prominence_mah_v: float


@dataclass(frozen=True, slots=True)
class Track:
    """One peak followed over cycles: the cycles in which it was found, and the peak in each."""

    cycles: tuple[int, ...]
    peaks: tuple[Peak, ...]

    @property
    def voltage_v(self) -> float:
        """Median position, V."""
        return float(np.median([peak.voltage_v for peak in self.peaks]))

    def lasts(self, curves: int) -> bool:
        """Tell whether the peak was found in at least half of the *curves* that it was looked for in."""
        return len(self.cycles) * 2 >= curves


def find_peaks(curve: Dqdv, *, prominence: float = PROMINENCE, low_v: float = 0.0, high_v: float = 10.0) -> list[Peak]:
    """Return the peaks of *curve* between *low_v* and *high_v* in order of voltage.

    *prominence* is a share of the highest dQ/dV of the curve. The position is the vertex of the parabola
    through its upper part (`TOP` of the prominence), which scatters less than the maximum itself.
    """
    from scipy.signal import find_peaks as maxima

    y, v, step = curve.dqdv_mah_v, curve.voltage_v, curve.step_v
    top = float(y.max())
    if top <= 0:
        return []
    index, shape = maxima(y, prominence=prominence * top)
    found = []
    for i, stands_out in zip(index, shape["prominences"], strict=True):
        if not low_v <= v[i] <= high_v:
            continue
        left, right = _foot(y, i, index)
        at, height = _top(v, y, i, float(stands_out))
        area = float(np.sum((y[left:right] + y[left + 1 : right + 1]) / 2) * step)
        found.append(Peak(at, height, area, float(v[left]), float(v[right]), float(stands_out)))
    return found


def _foot(y: Array, i: int, others: Integers) -> tuple[int, int]:
    """Indices of the lowest points between this peak and its neighbours (or the ends)."""
    before = others[others < i]
    after = others[others > i]
    start = int(before[-1]) if before.size else 0
    stop = int(after[0]) if after.size else len(y) - 1
    return start + int(np.argmin(y[start : i + 1])), i + int(np.argmin(y[i : stop + 1]))


def _top(v: Array, y: Array, i: int, prominence: float) -> tuple[float, float]:
    """Vertex of the parabola through the part of the peak that is above the foot by 1 − `TOP` of the prominence."""
    low = np.flatnonzero(y < y[i] - TOP * prominence)
    before, after = low[low < i], low[low > i]
    start = min(int(before[-1]) + 1 if before.size else 0, i - 1)
    stop = max(int(after[0]) if after.size else len(y), i + 2)
    x = v[start:stop] - v[i]
    c, b, a = np.polynomial.polynomial.polyfit(x, y[start:stop], 2)
    if a >= 0:
        return float(v[i]), float(y[i])
    shift = float(np.clip(-b / (2 * a), x[0], x[-1]))
    return float(v[i] + shift), float(c + b * shift + a * shift**2)


def _vertex(a: float, b: float, c: float) -> tuple[float, float]:
    curvature = a - 2 * b + c
    shift = 0.0 if curvature >= 0 else float(np.clip(0.5 * (a - c) / curvature, -0.5, 0.5))
    return shift, float(b - 0.25 * (a - c) * shift)


def valley_between(curve: Dqdv, low_v: float, high_v: float) -> float | None:
    """Return the voltage of the lowest dQ/dV strictly between *low_v* and *high_v*, V.

    ``None`` where the lowest value lies at an end of the interval, so that there is no valley in it.
    """
    inside = np.flatnonzero((curve.voltage_v >= low_v) & (curve.voltage_v <= high_v))
    if inside.size < 3:
        return None
    i = int(inside[np.argmin(curve.dqdv_mah_v[inside])])
    if i in (inside[0], inside[-1]):
        return None
    y = -curve.dqdv_mah_v
    shift, _ = _vertex(y[i - 1], y[i], y[i + 1])
    return float(curve.voltage_v[i] + shift * curve.step_v)


def follow(
    cycles: Sequence[int], peaks: Sequence[Sequence[Peak]], *, gate_v: float = GATE_V, max_gap: int = MAX_GAP
) -> list[Track]:
    """Follow peaks over curves: the assignment of least total move, no move beyond *gate_v*, gaps allowed.

    ``peaks[i]`` are the peaks of the curve of ``cycles[i]``; curves are in order. A track that is missing
    from more than *max_gap* curves in a row ends; a peak that fits no track begins one. Tracks come in order
    of voltage.
    """
    from scipy.optimize import linear_sum_assignment

    tracks: list[tuple[list[int], list[Peak], list[int]]] = []  # cycles, peaks, curve numbers
    for number, (cycle, here) in enumerate(zip(cycles, peaks, strict=True)):
        alive = [track for track in tracks if number - track[2][-1] <= max_gap + 1]
        free = set(range(len(here)))
        if alive and here:
            last = np.array([track[1][-1].voltage_v for track in alive])
            move = np.abs(last[:, None] - np.array([peak.voltage_v for peak in here])[None, :])
            # a move beyond the gate costs more than any set of moves within it, so it is never taken to save others
            rows, columns = linear_sum_assignment(np.where(move <= gate_v, move, gate_v * (len(here) + len(alive) + 1)))
            for row, column in zip(rows, columns, strict=True):
                if move[row, column] <= gate_v:
                    for part, item in zip(alive[row], (cycle, here[column], number), strict=True):
                        part.append(item)
                    free.discard(int(column))
        tracks.extend(([cycle], [here[column]], [number]) for column in sorted(free))
    done = [Track(tuple(track[0]), tuple(track[1])) for track in tracks]
    return sorted(done, key=lambda track: track.voltage_v)


def region(direction: str, voltage_v: float) -> str:
    """Return the name of the region of `REGIONS` that a peak at *voltage_v* (V) stands in."""
    return next((name for end, name in REGIONS[direction] if voltage_v < end), "high-voltage")


def name_tracks(tracks: Sequence[Track], direction: str, *, li_rich: bool) -> list[tuple[str, Track]]:
    """Name each track by its region where it may be *li_rich*, else by its median voltage: the redox is not known then.

    The highest of a region has the bare name, the next of the same region a number.
    """
    if not li_rich:
        return [(f"{track.voltage_v:.2f} V", track) for track in tracks]
    counts: dict[str, int] = {}
    named = []
    for track in sorted(tracks, key=lambda track: -float(np.median([peak.height_mah_v for peak in track.peaks]))):
        name = region(direction, track.voltage_v)
        counts[name] = counts.get(name, 0) + 1
        named.append((name if counts[name] == 1 else f"{name} {counts[name]}", track))
    return named


def name_peaks(peaks: Sequence[Peak], direction: str, *, li_rich: bool) -> list[tuple[str, Peak]]:
    """Name the peaks of one half-cycle as `name_tracks` names those followed over cycles."""
    alone = [Track((1,), (peak,)) for peak in peaks]
    return [(name, track.peaks[0]) for name, track in name_tracks(alone, direction, li_rich=li_rich)]

"""Peaks and valleys of dQ/dV, and peaks followed over cycles.

A peak is a maximum of the smoothed dQ/dV that stands out by a share of the highest value of the curve; its
area is the charge between the minima on both sides. Assignments of peaks between layered, activated and
spinel-like redox of Li-rich cathodes: Croy et al., J. Electrochem. Soc. 161 (2014) A318,
doi:10.1149/2.049403jes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.dqdv import DEFAULT_SMOOTHING, Dqdv, Smoothing, dqdv
from lirich.cycling.halfcycle import Array, HalfCycle
from lirich.cycling.material import may_be_li_rich_cathode
from lirich.cycling.record import (
    half_cycle_conditions,
    missing_fact,
    not_enough,
    record,
    specific,
    with_conditions,
)
from lirich.cycling.trend import theil_sen
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Conditions, Finding, Interval, Sample, Severity, Value

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

SPINEL_WINDOW_V = (2.7, 3.4)
"""Where the spinel-like discharge peak is looked for, V (definition of ``spinel_peak_voltage_v``): it stands at 3.0 to
3.3 V at low current (Croy et al.), and polarisation of an aged cell lowers it by up to some 0.3 V; 0.1 V above for the
width of the peak. Next to it come conversion below 2.7 V and the layered Mn³⁺/⁴⁺ redox above 3.4 V."""

REGIONS: dict[str, tuple[tuple[float, str], ...]] = {
    "charge": ((3.6, "low-voltage"), (4.2, "transition-metal"), (10.0, "high-voltage")),
    "discharge": ((2.7, "conversion"), (3.4, "spinel-like"), (4.2, "transition-metal"), (10.0, "high-voltage")),
}
"""Names that peaks of a Li-rich cathode go by, with the upper end of each region in V: a label to find like peaks by,
not an assignment. The borders are those of the activation and of the spinel-like peak in `lirich.quantities`."""

_CODE = "lirich.cycling.peaks"


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


def _foot(y: Array, i: int, others: NDArray[np.int64]) -> tuple[int, int]:
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
    windows, _ = _curves([half] * len(WINDOWS), [replace(smoothing, window_v=w * smoothing.window_v) for w in WINDOWS])
    parts, _ = _curves([_part(half, k) for k in range(_PARTS)], [smoothing] * _PARTS)
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


def peak_values(
    peak: Peak,
    cell: Cell,
    conditions: Conditions,
    *,
    name: str | None = None,
    spinel: bool = False,
    interval: Interval | None = None,
) -> list[Value]:
    """Return position (with its *interval*), height and area of *peak* as values; the latter need the active mass."""
    stated = conditions if name is None else _named(conditions, name)
    code = f"{_CODE}.find_peaks"
    parameters = {"left_v": peak.left_v, "right_v": peak.right_v}
    position = "spinel_peak_voltage_v" if spinel else "dqdv_peak_voltage_v"
    values = [record(position, peak.voltage_v, cell, conditions=stated, code=code, interval=interval)]
    per_gram = specific(cell)
    if per_gram is not None:
        if not spinel:
            values.append(
                record(
                    "dqdv_peak_height_mah_g_v",
                    peak.height_mah_v * per_gram,
                    cell,
                    conditions=stated,
                    code=code,
                )
            )
        area = "spinel_peak_area_mah_g" if spinel else "dqdv_peak_area_mah_g"
        values.append(record(area, peak.area_mah * per_gram, cell, conditions=stated, code=code, parameters=parameters))
    return values


def _named(conditions: Conditions, name: str) -> Conditions:
    # in the method too, so that `Conditions.unlike` tells one peak from another
    return with_conditions(conditions, method=f"{conditions.method}; {name} peak", other={"peak": name})


def region(direction: str, voltage_v: float) -> str:
    """Return the name of the region of `REGIONS` that a peak at *voltage_v* (V) stands in."""
    return next((name for end, name in REGIONS[direction] if voltage_v < end), "high-voltage")


def smoothed_conditions(conditions: Conditions, smoothing: Smoothing, step_v: float) -> Conditions:
    """Return *conditions* with the dQ/dV method, grid and smoothing stated."""
    return with_conditions(
        conditions, method=f"dQ/dV, {smoothing.method}", other=replace(smoothing, step_v=step_v).stated()
    )


def dqdv_values(
    half_cycles: Sequence[HalfCycle],
    cell: Cell,
    sample: Sample | None = None,
    *,
    smoothing: Smoothing = DEFAULT_SMOOTHING,
    prominence: float = PROMINENCE,
    segment: str | None = None,
) -> tuple[list[Value], list[Finding]]:
    """Return the peaks of dQ/dV followed over *half_cycles* (comparable ones, in order of cycle), and findings.

    For each direction and each peak found in at least half of the curves: its position, height and area in
    the first and last cycle it was found in, and its shift per cycle (Theil–Sen, 95 % interval) from five
    cycles on. For the discharge also the spinel-like peak (2.7–3.4 V) of the first and last cycle. Names of redox and
    the spinel-like peak are given where the electrode is a Li-rich cathode, or a cathode of unknown composition
    (`lirich.cycling.material.may_be_li_rich_cathode`); elsewhere a peak goes by its voltage.
    """
    named = may_be_li_rich_cathode(cell, sample)
    values: list[Value] = []
    findings: list[Finding] = []
    if cell.active_mass_mg is None:
        findings.append(missing_fact("active_mass_mg", "height and area of dQ/dV peaks", where=cell.key))
    for direction in ("charge", "discharge"):
        halves = [half for half in half_cycles if half.direction == direction]
        curves, short = _curves(halves, [smoothing] * len(halves))
        if short is not None:
            findings.append(not_enough(f"dQ/dV of some {direction}s", short, where=cell.key))
        if not curves:
            continue
        peaks = [find_peaks(curve, prominence=prominence) for _, curve in curves]
        tracks = follow([half.cycle for half, _ in curves], peaks)
        again: dict[int, Variants] = {}  # of the cycles whose peaks are given
        lasting = [track for track in tracks if track.lasts(len(curves))]
        for name, track in name_tracks(lasting, direction, li_rich=named):
            values.extend(_track_values(track, name, curves, again, cell, smoothing, segment))
        if direction == "discharge" and named:
            values.extend(_spinel_values(curves, peaks, again, cell, smoothing, segment, findings))
    return values, findings


_Curves = list[tuple[HalfCycle, Dqdv]]


def _curves(halves: Sequence[HalfCycle], smoothings: Sequence[Smoothing]) -> tuple[_Curves, NotEnoughDataError | None]:
    curves, short = [], None
    for half, smoothing in zip(halves, smoothings, strict=True):
        try:
            curves.append((half, dqdv(half, smoothing)))
        except NotEnoughDataError as error:
            short = error
    return curves, short


def _stated(half: HalfCycle, curve: Dqdv, cell: Cell, smoothing: Smoothing, segment: str | None) -> Conditions:
    conditions = with_conditions(half_cycle_conditions(half, cell=cell), segment=segment)
    return smoothed_conditions(conditions, smoothing, curve.step_v)


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


def _track_values(
    track: Track,
    name: str,
    curves: _Curves,
    again: dict[int, Variants],
    cell: Cell,
    smoothing: Smoothing,
    segment: str | None,
) -> list[Value]:
    of_cycle = {half.cycle: (half, curve) for half, curve in curves}
    values: list[Value] = []
    for cycle, peak in dict(
        zip((track.cycles[0], track.cycles[-1]), (track.peaks[0], track.peaks[-1]), strict=True)
    ).items():
        bounds = peak_interval(peak, _again(of_cycle[cycle][0], again, smoothing))
        stated = _stated(*of_cycle[cycle], cell, smoothing, segment)
        values.extend(peak_values(peak, cell, stated, name=name, interval=bounds))
    try:
        trend = theil_sen(track.cycles, [1000 * peak.voltage_v for peak in track.peaks])
    except NotEnoughDataError:
        return values  # too few cycles: positions are given, a slope is not
    conditions = with_conditions(
        _named(_stated(*of_cycle[track.cycles[-1]], cell, smoothing, segment), name),
        cycle=None,
        other={"n": trend.n, "first_cycle": track.cycles[0], "last_cycle": track.cycles[-1]},
    )
    values.append(
        record("dqdv_peak_shift_mv_per_cycle", trend.slope, cell, conditions=conditions, interval=trend.interval(),
               code=f"{_CODE}.follow", parameters={"gate_v": GATE_V, "max_gap": MAX_GAP})
    )  # fmt: skip
    return values


def _again(half: HalfCycle, known: dict[int, Variants], smoothing: Smoothing) -> Variants:
    if half.cycle not in known:
        known[half.cycle] = variants(half, smoothing)
    return known[half.cycle]


def _spinel_values(
    curves: _Curves,
    peaks: Sequence[Sequence[Peak]],
    again: dict[int, Variants],
    cell: Cell,
    smoothing: Smoothing,
    segment: str | None,
    findings: list[Finding],
) -> list[Value]:
    low, high = SPINEL_WINDOW_V
    values: list[Value] = []
    ends = {0, len(curves) - 1}
    for i in sorted(ends):
        inside = [peak for peak in peaks[i] if low <= peak.voltage_v <= high]
        if inside:
            strongest = max(inside, key=lambda peak: peak.prominence_mah_v)
            bounds = peak_interval(strongest, _again(curves[i][0], again, smoothing))
            stated = _stated(*curves[i], cell, smoothing, segment)
            values.extend(peak_values(strongest, cell, stated, spinel=True, interval=bounds))
    if not values:
        shown = " and ".join(str(curves[i][0].cycle) for i in sorted(ends))
        findings.append(
            Finding(
                code="no-spinel-peak",
                severity=Severity.INFO,
                message=f"No discharge dQ/dV peak between {low} and {high} V in cycle "
                f"{shown}; the low-voltage capacity counts what flows there",
                where=cell.key,
            )
        )
    return values

"""Values of the peaks of dQ/dV of comparable cycles, and of their shift from cycle to cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lirich.cycling.dqdv import DEFAULT_SMOOTHING, Curves, Dqdv, Smoothing, dqdv_of_each
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.material import may_be_li_rich_cathode
from lirich.cycling.peakintervals import Variants, peak_interval, variants
from lirich.cycling.peaks import GATE_V, MAX_GAP, PROMINENCE, Peak, Track, find_peaks, follow, name_tracks
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

SPINEL_WINDOW_V = (2.7, 3.4)
"""Where the spinel-like discharge peak is looked for, V (definition of ``spinel_peak_voltage_v``): it stands at 3.0 to
3.3 V at low current (Croy et al.), and polarisation of an aged cell lowers it by up to some 0.3 V; 0.1 V above for the
width of the peak. Next to it come conversion below 2.7 V and the layered Mn³⁺/⁴⁺ redox above 3.4 V."""

_CODE = "lirich.cycling.peaks"
"""Where what finds and follows the peaks stands."""


def peak_values(
    peak: Peak,
    cell: Cell,
    conditions: Conditions,
    *,
    name: str | None = None,
    spinel: bool = False,
    interval: Interval | None = None,
    flags: tuple[str, ...] = (),
) -> list[Value]:
    """Return position (with its *interval*), height and area of *peak* as values; the latter need the active mass."""
    stated = conditions if name is None else _named(conditions, name)
    code = f"{_CODE}.find_peaks"
    parameters = {"left_v": peak.left_v, "right_v": peak.right_v}
    position = "spinel_peak_voltage_v" if spinel else "dqdv_peak_voltage_v"
    values = [record(position, peak.voltage_v, cell, conditions=stated, code=code, interval=interval, flags=flags)]
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
                    flags=flags,
                )
            )
        area = "spinel_peak_area_mah_g" if spinel else "dqdv_peak_area_mah_g"
        of_area = peak.area_mah * per_gram
        values.append(record(area, of_area, cell, conditions=stated, code=code, parameters=parameters, flags=flags))
    return values


def _named(conditions: Conditions, name: str) -> Conditions:
    # in the method too, so that `Conditions.unlike` tells one peak from another
    return with_conditions(conditions, method=f"{conditions.method}; {name} peak", other={"peak": name})


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
        curves, short = dqdv_of_each(halves, [smoothing] * len(halves))
        if short is not None:
            findings.append(not_enough(f"dQ/dV of some {direction}s", short, where=cell.key))
        if not curves:
            continue
        peaks = [find_peaks(curve, prominence=prominence) for _, curve in curves]
        tracks = follow([half.cycle for half, _ in curves], peaks)
        again: dict[int, Variants] = {}  # of the cycles whose peaks are given
        lasting = [track for track in tracks if track.lasts(len(curves))]
        for name, track in name_tracks(lasting, direction, li_rich=named):
            values.extend(_track_values(track, name, curves, peaks, again, cell, smoothing, segment))
        if direction == "discharge" and named:
            values.extend(_spinel_values(curves, peaks, again, cell, smoothing, segment, findings))
    return values, findings


def _stated(half: HalfCycle, curve: Dqdv, cell: Cell, smoothing: Smoothing, segment: str | None) -> Conditions:
    conditions = with_conditions(half_cycle_conditions(half, cell=cell), segment=segment)
    return smoothed_conditions(conditions, smoothing, curve.step_v)


def _track_values(
    track: Track,
    name: str,
    curves: Curves,
    peaks: Sequence[Sequence[Peak]],
    again: dict[int, Variants],
    cell: Cell,
    smoothing: Smoothing,
    segment: str | None,
) -> list[Value]:
    of_cycle = {half.cycle: (half, curve) for half, curve in curves}
    beside = {half.cycle: found for (half, _), found in zip(curves, peaks, strict=True)}
    values: list[Value] = []
    for cycle, peak in dict(
        zip((track.cycles[0], track.cycles[-1]), (track.peaks[0], track.peaks[-1]), strict=True)
    ).items():
        bounds, flags = peak_interval(peak, beside[cycle], _again(of_cycle[cycle][0], again, smoothing))
        stated = _stated(*of_cycle[cycle], cell, smoothing, segment)
        values.extend(peak_values(peak, cell, stated, name=name, interval=bounds, flags=flags))
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
    curves: Curves,
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
            bounds, flags = peak_interval(strongest, peaks[i], _again(curves[i][0], again, smoothing))
            stated = _stated(*curves[i], cell, smoothing, segment)
            values.extend(peak_values(strongest, cell, stated, spinel=True, interval=bounds, flags=flags))
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

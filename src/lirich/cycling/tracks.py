"""The peaks of dQ/dV of every cycle as one table, each followed over the cycles of one rate and window.

Peaks are those of `lirich.cycling.peaks.find_peaks`, followed by `lirich.cycling.peaks.follow`, as those
that an analysis gives as values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from lirich.cycling.dqdv import DEFAULT_SMOOTHING, Dqdv, Smoothing, dqdv
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.material import may_be_li_rich_cathode
from lirich.cycling.peaks import PROMINENCE, Peak, Track, find_peaks, follow, name_tracks
from lirich.cycling.record import specific
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Sample

NOT_ORDINARY = ("gitt", "pulse", "conditioning")
"""Purposes of cycles whose dQ/dV is not looked at: they are stopped often, or condition the cell."""

_SCHEMA = {
    "cycle": pl.Int64,
    "cycle_number": pl.Int64,
    "segment": pl.String,
    "like_group": pl.Int64,
    "direction": pl.String,
    "track": pl.Int64,
    "peak": pl.String,
    "lasting": pl.Boolean,
    "dqdv_peak_voltage_v": pl.Float64,
    "dqdv_peak_height_mah_g_v": pl.Float64,
    "dqdv_peak_area_mah_g": pl.Float64,
    "height_mah_v": pl.Float64,
    "area_mah": pl.Float64,
    "left_v": pl.Float64,
    "right_v": pl.Float64,
}


def peak_table(
    half_cycles: Sequence[HalfCycle],
    cycles: pl.DataFrame,
    cell: Cell,
    sample: Sample | None = None,
    *,
    smoothing: Smoothing = DEFAULT_SMOOTHING,
    prominence: float = PROMINENCE,
) -> pl.DataFrame:
    """Return one row per peak of dQ/dV of each complete cycle, in order of cycle, direction and voltage.

    *cycles* is the cycle table of an analysis (``cycle``, ``cycle_number``, ``segment``, ``like_group``, ``complete``);
    *half_cycles* are of the same test, in order of cycle. A peak is followed over the cycles of one purpose
    (``segment``) at one rate and window (``like_group``), and never from one such set to another: ``track`` is its
    number there, ``peak`` its name, ``lasting`` whether it was found in at least half of these cycles. Position, height
    and area are columns named by quantity key (height and area per gram are null without the active mass), beside
    them ``height_mah_v``, ``area_mah`` and the minima beside the peak, ``left_v`` and ``right_v`` (V).

    Cycles of a GITT, of pulses and for conditioning are left out, and half-cycles that are too short for a derivative.
    """
    per_gram = specific(cell)
    li_rich = may_be_li_rich_cathode(cell, sample)
    ordinary = cycles.filter(pl.col("complete") & (pl.col("cycle") > 0) & ~pl.col("segment").is_in(NOT_ORDINARY))
    of_set: dict[tuple[str, int], dict[int, int]] = {}
    for row in ordinary.sort("cycle").iter_rows(named=True):
        of_set.setdefault((row["segment"], row["like_group"]), {})[row["cycle"]] = row["cycle_number"]
    rows: list[dict[str, object]] = []
    for (segment, group), numbers in of_set.items():
        for direction in ("charge", "discharge"):
            halves = [h for h in half_cycles if h.cycle in numbers and h.direction == direction]
            for number, (name, track, lasting) in enumerate(_tracks(halves, direction, smoothing, prominence, li_rich)):
                for cycle, peak in zip(track.cycles, track.peaks, strict=True):
                    rows.append(
                        {
                            "cycle": cycle,
                            "cycle_number": numbers[cycle],
                            "segment": segment,
                            "like_group": group,
                            "direction": direction,
                            "track": number,
                            "peak": name,
                            "lasting": lasting,
                            **_figures(peak, per_gram),
                        }
                    )
    return pl.DataFrame(rows, schema=_SCHEMA).sort("cycle", "direction", "dqdv_peak_voltage_v")


def _tracks(
    halves: Sequence[HalfCycle], direction: str, smoothing: Smoothing, prominence: float, li_rich: bool
) -> Iterator[tuple[str, Track, bool]]:
    curves = [curve for half in halves if (curve := _curve(half, smoothing)) is not None]
    tracks = follow([c.cycle for c in curves], [find_peaks(c, prominence=prominence) for c in curves])
    lasting = [t for t in tracks if t.lasts(len(curves))]
    for name, track in name_tracks(lasting, direction, li_rich=li_rich):
        yield name, track, True
    for track in tracks:
        if not track.lasts(len(curves)):
            yield f"{track.voltage_v:.2f} V", track, False


def _curve(half: HalfCycle, smoothing: Smoothing) -> Dqdv | None:
    try:
        return dqdv(half, smoothing)
    except NotEnoughDataError:
        return None  # documented: a half-cycle that is too short is left out


def _figures(peak: Peak, per_gram: float | None) -> dict[str, object]:
    return {
        "dqdv_peak_voltage_v": peak.voltage_v,
        "dqdv_peak_height_mah_g_v": None if per_gram is None else peak.height_mah_v * per_gram,
        "dqdv_peak_area_mah_g": None if per_gram is None else peak.area_mah * per_gram,
        "height_mah_v": peak.height_mah_v,
        "area_mah": peak.area_mah,
        "left_v": peak.left_v,
        "right_v": peak.right_v,
    }

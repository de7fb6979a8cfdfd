"""Figure of dQ/dV peaks over cycles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.thinning import thin_rows
from lirich.plots.traces import line, panel

_OF_OTHERS = "x-thin-open"  # the marker of a cycle that no line joins
_OF_DIRECTION = {"charge": style.CHARGE_COLOUR, "discharge": style.DISCHARGE_COLOUR}


def peaks(table: pl.DataFrame, *, origin: Origin = Origin.MEASURED, most_cycles: int = 600) -> Figure | None:
    """Draw the positions of followed dQ/dV peaks over cycles; ``None`` without at least two cycles.

    *table* is one of `lirich.cycling.tracks.peak_table`. A line joins one peak over the ageing cycles of one rate and
    window; the peaks of cycles under other conditions are crosses of the same colour, which nothing joins. Only peaks
    that were found in at least half of the cycles of their kind are drawn.
    """
    kept = table.filter(pl.col("lasting"))
    count = kept["cycle_number"].n_unique()
    if count < 2:
        return None
    groups = list(dict.fromkeys(_group(*which) for which in _which(kept)))
    colours = {**style.group_colours(groups), **_OF_DIRECTION}
    traces: list[dict[str, Any]] = []
    lines = 0
    for peak, direction, joined, part in _sets(kept):
        lines += joined
        group = _group(peak, direction)
        part = thin_rows(part.rename({"cycle": "own_cycle"}).rename({"cycle_number": "cycle"}), most_cycles)
        trace = line(
            style.plain(group),
            part["cycle"].to_numpy(),
            part["dqdv_peak_voltage_v"].to_numpy(),
            colours[group],
            origin,
            hover=f"{style.plain(f'{peak}, {direction}')}<br>cycle %{{x}}, %{{text}}<br>%{{y:.3f}} V",
            width=1.5,
            marker=4 if joined and part.height > 40 else 5,
            text=[style.plain(style.segment_name(s)) for s in part["segment"]],
            legendgroup=group,
            showlegend=all(t["legendgroup"] != group for t in traces),
        )
        if not joined:
            trace["mode"] = "markers"
            trace["marker"] |= {"symbol": _OF_OTHERS, "size": 7, "line": {"width": 1.6, "color": colours[group]}}
        traces.append(trace)
    others = any(trace["mode"] == "markers" for trace in traces)
    said = "A line joins the ageing cycles of one rate and window" if lines else "No ageing cycles are alike"
    rest = "crosses are cycles under other conditions" if lines else "nothing is joined"
    return Figure(
        title="dQ/dV peaks over cycles",
        alt=f"Position in volt of {len(_which(kept))} followed dQ/dV peaks in {count} cycles.",
        data=traces,
        layout=panel(
            style.cycle_axis(n for trace in traces for n in trace["x"]),
            style.axis("Peak position (V)"),
            origin,
            height=360 + style.legend_height(groups),
            margin={"l": 64, "r": 18, "t": 28, "b": 52},
        ),
        note=f"{said}; {rest}." if others else f"{said}.",
    )


def _which(kept: pl.DataFrame) -> list[tuple[str, str]]:
    found = kept.select("peak", "direction").unique().sort(pl.all())
    return [(row["peak"], row["direction"]) for row in found.to_dicts()]


def _group(peak: str, direction: str) -> str:
    """Return what a peak is called in the legend: peaks that go by their voltage alone are told apart by hovering."""
    return direction if peak.endswith(" V") else f"{peak}, {direction}"


def _sets(kept: pl.DataFrame) -> Iterator[tuple[str, str, bool, pl.DataFrame]]:
    """Yield for each peak its lines (ageing cycles of one rate and window, at least two), then the other cycles."""
    for peak, direction in _which(kept):
        mine = kept.filter((pl.col("peak") == peak) & (pl.col("direction") == direction)).sort("cycle")
        apart = []
        for (segment, *_), part in mine.group_by("segment", "like_group", "track", maintain_order=True):
            if segment == "ageing" and part.height > 1:
                yield peak, direction, True, part
            else:
                apart.append(part)
        if apart:
            yield peak, direction, False, pl.concat(apart).sort("cycle")

"""One column of many cells' cycle tables over each other: a colour for each group, a line for like cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.model.format import capitalised
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.overcycles import robust_range, unlike, whole_cycles
from lirich.plots.thinning import thin
from lirich.quantities import quantity


@dataclass(frozen=True, slots=True, eq=False)
class CellSeries:
    """One cell's cycle table, for a figure that overlays cells."""

    cell: str
    group: str
    cycles: pl.DataFrame
    origin: Origin = Origin.MEASURED


MOST_NAMED = 12
"""Up to so many cells the legend of an overlay names each, with a marker of its own; of more it names the groups."""

_MOST_MARKERS = 12  # on one line
_LEAST_LINE = 4
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagram")


def _symbol(origin: Origin, turn: int) -> str:
    """Return the marker of a cell: its shape by its turn in its group, open where it was not measured."""
    shape = _SYMBOLS[turn % len(_SYMBOLS)]
    return shape if origin is Origin.MEASURED else f"{shape}-open"


def overlay(series: Sequence[CellSeries], key: str, *, most_points: int = 150, note: str = "") -> Figure | None:
    """Draw one column of many cells' cycle tables over cycle number, one colour per group; ``None`` without data.

    A line joins cycles that are alike (the column ``like_group`` of `lirich.cycling.analyse`: rate, window, interrupts)
    and is broken where they change; fewer than `_LEAST_LINE` of them are points. Raises `UnknownNameError` on an
    unknown quantity *key*.
    """
    what = quantity(key)
    colours = style.group_colours([s.group for s in series])
    ungrouped = all(s.group == style.NO_GROUP for s in series)  # then each cell has a colour of its own
    traces: list[dict[str, Any]] = []
    lines: list[NDArray[np.float64]] = []
    turns: dict[str, int] = {}
    named = len(series) <= MOST_NAMED
    parts, broken = 0, False
    for place, one in enumerate(series):
        if key not in one.cycles.columns:
            continue
        given = one.cycles.filter(pl.col(key).is_not_null() & pl.col(key).is_finite()).sort("cycle")
        part = whole_cycles(given)
        parts += given.height - part.height
        if part.is_empty():
            continue
        turn = turns[one.group] = turns.get(one.group, -1) + 1
        x, y = part["cycle"].to_numpy(), part[key].cast(pl.Float64).to_numpy()
        line, breaks, single = _drawn(part, y, most_points)
        lines.append(y[np.concatenate([line, single])])
        broken = broken or len(breaks) + len(single) > 0
        colour = style.turn_colour(place) if ungrouped else colours[one.group]
        look: dict[str, Any] = {
            "type": "scatter",
            "name": style.plain(style.shortened(one.cell) if named else one.group),
            "legendgroup": style.plain(one.cell if named else one.group),
            "opacity": 0.85,
            "hovertemplate": f"{style.plain(one.cell)}, cycle %{{x}}<br>%{{y:.4g}} {what.unit}<extra></extra>",
            "marker": {
                "color": colour,
                "size": 6 if named else 4,
                "symbol": _symbol(one.origin, place if ungrouped else turn) if named else style.MARKERS[one.origin],
                "maxdisplayed": _MOST_MARKERS if named else 0,
            },
        }
        legend = named or turn == 0
        if len(line):
            traces.append(
                {
                    **look,
                    "mode": "lines+markers" if named or len(line) <= 40 else "lines",
                    "showlegend": legend,
                    "x": np.insert(x[line], breaks, x[line][breaks]).tolist(),
                    "y": style.numbers(np.insert(y[line], breaks, np.nan)),
                    "line": {"color": colour, "width": 1.4, "dash": style.DASHES[one.origin]},
                }
            )
        if len(single):
            marker = {**look["marker"], "maxdisplayed": 0}
            points = {"x": x[single].tolist(), "y": style.numbers(y[single]), "marker": marker}
            traces.append({**look, "mode": "markers", "showlegend": legend and not len(line), **points})
    if not lines:
        return None
    unit = "" if what.unit == "1" else f" ({what.unit})"
    drawn = np.concatenate(lines)
    ends, cut = robust_range(drawn, lines)
    if broken:
        lines_join = f"Lines join {_LEAST_LINE} or more cycles in a row at one rate and window"
        note = f"{note} {lines_join}; others are points.".strip()
    if parts:
        note = f"{note} Left out: {parts} cycle{'' if parts == 1 else 's'} (cycle 0 or incomplete).".strip()
    if cut:
        note = f"{note} {cut} of {len(drawn)} points lie outside. Double-click to see all.".strip()
    return Figure(
        title=capitalised(what.name),
        alt=f"{what.name}{unit} over cycle number for {len(lines)} cells in {len(turns)} groups: "
        f"{', '.join(sorted(turns))}.",
        data=traces,
        layout=style.layout(
            showlegend=named or len(lines) > 1,
            height=300 + style.legend_height([t["name"] for t in traces if t["showlegend"]]),
            margin={"l": 64, "r": 14, "t": 26, "b": 48},
            xaxis=style.cycle_axis(c for t in traces for c in t["x"]),
            yaxis=style.axis(f"{style.symbol(what.symbol)}{unit}", **({"range": ends} if cut else {})),
        ),
        note=note,
    )


def _drawn(
    cycles: pl.DataFrame, y: NDArray[np.float64], most: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return which rows of a cycle table are in a line, the places there before which it breaks, and which are points.

    *y*, shape (n,), is what is drawn. In a line stand `_LEAST_LINE` or more cycles in a row that are alike, or all
    where nothing changes. At most about *most* rows of either kind are returned, the ends of each line among them.
    """
    run = np.cumsum(np.append(0, unlike(cycles)))
    length = np.bincount(run)[run]
    in_line = np.flatnonzero((length >= _LEAST_LINE) | (run[-1] == 0))
    single = np.flatnonzero((length < _LEAST_LINE) & (run[-1] > 0))
    if len(in_line):
        ends = np.flatnonzero(np.diff(run, prepend=-1, append=run[-1] + 1))
        shown = in_line[thin(cycles["cycle"].to_numpy()[in_line], y[in_line], most)]
        in_line = np.intersect1d(np.union1d(shown, np.append(ends[:-1], ends[1:] - 1)), in_line)
    return in_line, np.flatnonzero(np.diff(run[in_line])) + 1, single[:: -(-len(single) // most) or 1]

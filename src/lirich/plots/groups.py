"""Figures that set groups of cells side by side: every cell, the mean and its interval; never a bar alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.model.format import capitalised, format_number
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.overcycles import robust_range, whole_cycles
from lirich.plots.thinning import thin
from lirich.quantities import quantity


@dataclass(frozen=True, slots=True)
class GroupPoints:
    """One group's values of one quantity: each cell's, the mean, and the ends of its interval (``None``: not given)."""

    group: str
    points: tuple[tuple[str, float], ...]
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    origin: Origin = Origin.MEASURED


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
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagram")


def _symbol(origin: Origin, turn: int) -> str:
    """Return the marker of a cell: its shape by its turn in its group, open where it was not measured."""
    shape = _SYMBOLS[turn % len(_SYMBOLS)]
    return shape if origin is Origin.MEASURED else f"{shape}-open"


_LEAST_SHOWN = 0.05  # %, what a figure of one decimal rounds to 0.1


@dataclass(frozen=True, slots=True)
class EnergyLoss:
    """What a cell lost of its discharge energy between two like cycles, %, and the parts that sum to it.

    ``held_percent`` is what a change of the constant-voltage parts does, 0 where nothing is held. See
    `lirich.reports.diagnosis.energy_loss` for the definition.
    """

    cell: str
    group: str
    reference_cycle: int
    cycle: int
    capacity_percent: float
    structural_percent: float
    polarisation_percent: float
    origin: Origin = Origin.MEASURED
    held_percent: float = 0.0

    @property
    def total_percent(self) -> float:
        """The whole loss, % of the energy of the reference cycle."""
        return self.capacity_percent + self.structural_percent + self.polarisation_percent + self.held_percent

    @property
    def holds(self) -> bool:
        """Whether the constant-voltage parts changed by so much that it is shown."""
        return abs(self.held_percent) >= _LEAST_SHOWN


def group_points(key: str, groups: Sequence[GroupPoints]) -> Figure:
    """Draw one quantity by group: each cell a point, the mean a bar, its interval a whisker.

    Raises `UnknownNameError` on an unknown quantity *key*.
    """
    what = quantity(key)
    colours = style.group_colours([g.group for g in groups])
    traces: list[dict[str, Any]] = []
    said: list[str] = []
    for i, group in enumerate(groups):
        colour = colours[group.group]
        n = len(group.points)
        spread = [0.0] if n == 1 else [(-0.16 + 0.32 * j / (n - 1)) for j in range(n)]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": style.numbers([i + s for s in spread[:n]]),
                "y": style.numbers([value for _, value in group.points]),
                "text": [style.plain(cell) for cell, _ in group.points],
                "marker": {
                    "color": style.see_through(colour, 0.75) if group.origin is Origin.MEASURED else colour,
                    "size": 8,
                    "symbol": style.MARKERS[group.origin],
                    "line": {"width": 1.2, "color": colour},
                },
                "hovertemplate": f"%{{text}}<br>%{{y:.4g}} {what.unit}<extra></extra>",
            }
        )
        if group.mean is not None:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [i - 0.3, i + 0.3],
                    "y": style.numbers([group.mean] * 2),
                    "line": {"color": colour, "width": 2.5, "dash": style.DASHES[group.origin]},
                    "hovertemplate": f"mean {format_number(group.mean)} {what.unit}<extra></extra>",
                }
            )
            if group.low is not None and group.high is not None:
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "markers",
                        "x": [i],
                        "y": style.numbers([group.mean]),
                        "marker": {"size": 1, "color": colour},
                        "hoverinfo": "skip",
                        "error_y": {
                            "type": "data",
                            "symmetric": False,
                            "array": style.numbers([group.high - group.mean]),
                            "arrayminus": style.numbers([group.mean - group.low]),
                            "thickness": 1.4,
                            "width": 7,
                            "color": colour,
                        },
                    }
                )
        mean = "" if group.mean is None else f", mean {format_number(group.mean)} {what.unit}"
        said.append(f"{group.group}: {n} cell{'s' if n != 1 else ''}{mean}")
    unit = "" if what.unit == "1" else f" ({what.unit})"
    return Figure(
        title=capitalised(what.name),
        alt=f"{what.name} by group. " + "; ".join(said) + ".",
        data=traces,
        layout=style.layout(
            height=250,
            margin={"l": 58, "r": 10, "t": 10, "b": 36},
            xaxis=style.axis(
                tickvals=list(range(len(groups))),
                ticktext=[f"{style.plain(g.group)} (n={len(g.points)})" for g in groups],
                range=[-0.6, len(groups) - 0.4],
                showgrid=False,
            ),
            yaxis=style.axis(f"{style.symbol(what.symbol)}{unit}"),
        ),
        note="" if what.better is None else f"{what.better.capitalize()} is better.",
    )


def overlay(series: Sequence[CellSeries], key: str, *, most_points: int = 150, note: str = "") -> Figure | None:
    """Draw one column of many cells' cycle tables over cycle number, one colour per group; ``None`` without data.

    A line joins cycles that are alike (the column ``like_group`` of `lirich.cycling.analyse`: rate, window, interrupts)
    and is broken where they change; a cycle that stands alone is a point. Raises `UnknownNameError` on an unknown quantity *key*.
    """
    what = quantity(key)
    colours = style.group_colours([s.group for s in series])
    ungrouped = all(s.group == style.NO_GROUP for s in series)  # then each cell has a colour of its own
    traces: list[dict[str, Any]] = []
    seen: set[str] = set()
    turns: dict[str, int] = {}
    named = len(series) <= MOST_NAMED
    parts, broken = 0, False
    lines: list[NDArray[np.float64]] = []
    for place, one in enumerate(series):
        if key not in one.cycles.columns:
            continue
        given = one.cycles.filter(pl.col(key).is_not_null() & pl.col(key).is_finite()).sort("cycle")
        part = whole_cycles(given)
        parts += given.height - part.height
        if part.is_empty():
            continue
        turn = turns[one.group] = turns.get(one.group, -1) + 1
        colour = style.turn_colour(place) if ungrouped else colours[one.group]
        x, y = part["cycle"].to_numpy(), part[key].to_numpy().astype(np.float64)
        keep = thin(x, y, most_points)
        lines.append(y[keep])
        like = part["like_group"].to_numpy()[keep] if "like_group" in part.columns else np.zeros(len(keep))
        breaks = np.flatnonzero(like[1:] != like[:-1]) + 1
        alone = [run[0] for run in np.split(keep, breaks) if len(run) == 1 and len(keep) > 1]
        marker = {
            "size": 6 if named else 4,
            "symbol": _symbol(one.origin, place if ungrouped else turn) if named else style.MARKERS[one.origin],
        }
        hover = f"{style.plain(one.cell)}, cycle %{{x}}<br>%{{y:.4g}} {what.unit}<extra></extra>"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if named or len(keep) <= 40 else "lines",
                "name": style.plain(style.shortened(one.cell) if named else one.group),
                "legendgroup": style.plain(one.cell if named else one.group),
                "showlegend": named or one.group not in seen,
                "x": np.insert(x[keep], breaks, x[keep][breaks]).tolist(),
                "y": style.numbers(np.insert(y[keep], breaks, np.nan)),
                "line": {"color": colour, "width": 1.4, "dash": style.DASHES[one.origin]},
                "marker": {**marker, "maxdisplayed": _MOST_MARKERS if named else 0},
                "opacity": 0.85,
                "hovertemplate": hover,
            }
        )
        broken = broken or len(breaks) > 0
        if alone:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "legendgroup": traces[-1]["legendgroup"],
                    "showlegend": False,
                    "x": x[alone].tolist(),
                    "y": style.numbers(y[alone]),
                    "marker": {**marker, "color": colour},
                    "opacity": 0.85,
                    "hovertemplate": hover,
                }
            )
        seen.add(one.group)
    if not traces:
        return None
    unit = "" if what.unit == "1" else f" ({what.unit})"
    drawn = np.concatenate(lines)
    ends, cut = robust_range(drawn, lines)
    if broken:
        note = f"{note} Lines join cycles of one rate and window; a single cycle is a point.".strip()
    if parts:
        note = f"{note} Left out: {parts} cycle{'' if parts == 1 else 's'} (cycle 0 or incomplete).".strip()
    if cut:
        note = f"{note} {cut} of {len(drawn)} points lie outside. Double-click to see all.".strip()
    return Figure(
        title=capitalised(what.name),
        alt=f"{what.name}{unit} over cycle number for {len(lines)} cells in {len(seen)} groups: "
        f"{', '.join(sorted(seen))}.",
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


def energy_losses(losses: Sequence[EnergyLoss]) -> Figure | None:
    """Draw for each cell what its lost energy is made of: capacity, structure, polarisation; ``None`` if empty."""
    if not losses:
        return None
    ordered = list(reversed(losses))  # Plotly fills a category axis from below
    parts: list[tuple[str, str, list[float]]] = [
        ("capacity", style.CAPACITY_COLOUR, [one.capacity_percent for one in ordered]),
        ("voltage: structure", style.STRUCTURE_COLOUR, [one.structural_percent for one in ordered]),
        ("voltage: polarisation", style.POLARISATION_COLOUR, [one.polarisation_percent for one in ordered]),
    ]
    if any(one.holds for one in ordered):
        parts.append(("voltage: held parts", style.NEUTRAL, [one.held_percent for one in ordered]))
    names = [style.plain(one.cell) for one in ordered]
    hatched = ["" if one.origin is Origin.MEASURED else "/" for one in ordered]
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names,
            "x": style.numbers(x, 4),
            "marker": {
                "color": colour,
                "pattern": {
                    "shape": hatched,
                    "bgcolor": colour,
                    "fgcolor": "rgba(255,255,255,0.55)",
                    "size": 7,
                    "solidity": 0.2,
                },
            },
            "customdata": [f"cycle {one.reference_cycle} to {one.cycle}" for one in ordered],
            "hovertemplate": f"%{{y}}, {name}<br>%{{x:.2f}} % of the energy, %{{customdata}}<extra></extra>",
        }
        for name, colour, x in parts
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "whole loss",
            "y": names,
            "x": style.numbers([one.total_percent for one in ordered], 4),
            "marker": {"symbol": "line-ns-open", "size": 13, "color": style.TOTAL_COLOUR, "line": {"width": 2.5}},
            "hovertemplate": "%{y}, whole loss<br>%{x:.2f} % of the energy<extra></extra>",
        }
    )
    simulated = any(one.origin is not Origin.MEASURED for one in ordered)
    return Figure(
        title="What is being lost: discharge energy, split",
        alt="Share of the discharge energy lost, split into capacity, structural and polarisation parts. "
        + "; ".join(
            f"{one.cell}: {one.total_percent:.1f} % lost, capacity {one.capacity_percent:.1f}, structure "
            f"{one.structural_percent:.1f}, polarisation {one.polarisation_percent:.1f}"
            + (f", held voltage {one.held_percent:.1f}" if one.holds else "")
            for one in reversed(ordered)
        )
        + ".",
        data=traces,
        layout=style.layout(
            barmode="relative",
            bargap=0.35,
            height=110 + (30 if len(ordered) <= 12 else 18) * len(ordered),
            showlegend=True,
            margin={"l": 20, "r": 18, "t": 28, "b": 48},
            xaxis=style.axis("Discharge energy lost (%)", zeroline=True, zerolinecolor="#9AA5AD"),
            yaxis=style.axis(type="category", ticks="", showgrid=False, range=[-0.6, len(ordered) - 0.4]),
        ),
        note="Energy is capacity times mean discharge voltage, and that voltage is the mid voltage (structure) less "
        "half the gap between charge and discharge (polarisation); all between two cycles at the same rate and window."
        + (" Hatched: simulated or predicted cells." if simulated else ""),
    )

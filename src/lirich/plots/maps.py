"""Figures of the state map: cells on their way, loadings over voltage, a completed curve, where completion works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import MissingColumnError, NotEnoughDataError
from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure

Array = NDArray[np.float64]

_SHOWN_LOADINGS = 4
_LOADING_COLOURS = (style.SC_COLOUR, style.PC_COLOUR, style.STRUCTURE_COLOUR, style.CAPACITY_COLOUR)


def state_map(
    scores: pl.DataFrame,
    *,
    x: str = "pc1",
    y: str = "pc2",
    group: Mapping[str, str] | None = None,
    bends: Mapping[str, Sequence[float]] | None = None,
    shares: Mapping[str, float] | None = None,
    unit: str = "mAh/g",
) -> Figure:
    """Draw every curve as a point on the map, its cycle as colour, each cell's way as a line.

    *scores* has ``cell``, ``cycle``, ``origin`` and the columns *x* and *y* (scores per point, in *unit*); *group*
    gives the group of a cell (SC and PC have their colours), *bends* the cycles at which a cell turns, *shares* the
    share of the variance of a column. Measured points are filled, others open.

    Raises `MissingColumnError`, `NotEnoughDataError` without a curve.
    """
    missing = [name for name in ("cell", "cycle", "origin", x, y) if name not in scores.columns]
    if missing:
        raise MissingColumnError(f"The scores have no {', '.join(missing)}")
    if scores.height == 0:
        raise NotEnoughDataError("A map without curves", expected="at least one")
    groups = dict(group or {})
    colours = style.group_colours([groups.get(c, style.NO_GROUP) for c in scores["cell"].unique(maintain_order=True)])
    cycles = scores["cycle"].to_numpy()
    first, last = int(cycles.min()), int(cycles.max())
    traces: list[dict[str, Any]] = []
    named: set[str] = set()
    for (cell,), part in scores.sort("cycle").group_by("cell", maintain_order=True):
        name = groups.get(str(cell), style.NO_GROUP)
        origin = Origin(part["origin"][0])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": style.plain(name),
                "legendgroup": style.plain(name),
                "showlegend": bool(groups) and name not in named,
                "x": style.numbers(part[x]),
                "y": style.numbers(part[y]),
                "line": {"color": style.see_through(colours[name], 0.45), "width": 1.2, "dash": style.DASHES[origin]},
                "marker": {
                    "symbol": style.MARKERS[origin],
                    "size": 5 if origin is not Origin.MEASURED else 7,
                    "color": part["cycle"].to_list(),
                    "cmin": first,
                    "cmax": last,
                    "colorscale": style.cycle_colourscale(),
                    "showscale": not traces,
                    "colorbar": {"title": {"text": "cycle"}, "thickness": 12},
                },
                "text": [f"{style.plain(cell)}, cycle {n} ({origin.value})" for n in part["cycle"].to_list()],
                "hovertemplate": "%{text}<br>%{x:.3g}, %{y:.3g} " + style.plain(unit) + "<extra></extra>",
            }
        )
        named.add(name)
        turns = part.filter(pl.col("cycle").is_in(list((bends or {}).get(str(cell), ()))))
        if turns.height:
            traces.append(_turns(str(cell), turns, x, y, colours[name]))
    cells = scores["cell"].n_unique()
    simulated = sorted(set(scores["origin"].to_list()))
    return Figure(
        title=f"State map of {cells} cell{'s' if cells != 1 else ''}",
        alt=f"{scores.height} curves of {cells} cells by their scores {x} and {y}, cycles {first} to {last} as colour; "
        "each cell moves along a line.",
        data=traces,
        layout=style.layout(
            height=480,
            showlegend=bool(groups),
            xaxis=style.axis(_axis(x, shares, unit), zeroline=True, zerolinecolor="#C9D1D6"),
            yaxis=style.axis(_axis(y, shares, unit), zeroline=True, zerolinecolor="#C9D1D6"),
        ),
        note=f"Scores per point of the grid: what the component adds to a curve, RMS. Curves are {', '.join(simulated)}"
        "; filled points are measured. A cross marks a change of regime.",
    )


def _turns(cell: str, turns: pl.DataFrame, x: str, y: str, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "change of regime",
        "showlegend": False,
        "x": style.numbers(turns[x]),
        "y": style.numbers(turns[y]),
        "marker": {"symbol": "x", "size": 9, "color": colour},
        "text": [f"{style.plain(cell)} turns at cycle {n}" for n in turns["cycle"].to_list()],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _axis(column: str, shares: Mapping[str, float] | None, unit: str) -> str:
    share = (shares or {}).get(column)
    told = f", {100 * share:.3g} % of the variance" if share is not None else ""
    return f"{column.upper()} ({style.plain(unit)}{told})"


def loadings(
    grid: Array,
    components: Array,
    spread: Array,
    features: pl.DataFrame | None = None,
    *,
    unit: str = "mAh/g",
    grid_unit: str = "V",
) -> Figure:
    """Draw what one standard deviation of each score adds to a curve, over the grid, with the features of dQ/dV.

    *grid* (m,); *components* (k, m), orthonormal rows; *spread* (k,), per point, in *unit*; *features* has ``feature``
    and ``voltage_v``. At most four are drawn.
    """
    shown = min(len(components), _SHOWN_LOADINGS)
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"PC{i + 1}",
            "x": style.numbers(grid),
            "y": style.numbers(components[i] * spread[i] * np.sqrt(len(grid))),
            "line": {"color": _LOADING_COLOURS[i], "width": 2},
            "hovertemplate": f"PC{i + 1}: %{{y:.3g}} {style.plain(unit)} at %{{x:.3g}} {style.plain(grid_unit)}"
            "<extra></extra>",
        }
        for i in range(shown)
    ]
    marks = [] if features is None else features.select("feature", "voltage_v").rows()
    return Figure(
        title=f"What the first {shown} components do to a curve",
        alt=f"Loadings of {shown} components over {grid[0]:.3g} to {grid[-1]:.3g} {grid_unit}, each times one standard "
        f"deviation of its score; {len(marks)} peaks and valleys of dQ/dV are marked.",
        data=traces,
        layout=style.layout(
            showlegend=True,
            xaxis=style.axis("Voltage (V)" if grid_unit == "V" else f"Capacity ({style.plain(grid_unit)})"),
            yaxis=style.axis(f"Change of the curve ({style.plain(unit)})", zeroline=True, zerolinecolor="#C9D1D6"),
            shapes=[
                {
                    "type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1,
                    "line": {"color": "#9AA5AD", "width": 1, "dash": "solid" if feature == "peak" else "dot"},
                }
                for feature, at in marks
            ],
        ),
        note="Vertical lines: peaks (solid) and valleys (dotted) of the mean curve's dQ/dV." if marks else "",
    )  # fmt: skip


def completion(
    grid: Array,
    observed: NDArray[np.bool_],
    curve: Array,
    low: Array,
    high: Array,
    *,
    measured: Array | None = None,
    level: float = 0.9,
    unit: str = "mAh/g",
    name: str = "",
) -> Figure:
    """Draw a completed curve with its band, the window it was told from and, where known, the whole curve.

    All arrays have shape (m,): *grid* (V), *observed* (the window), *curve*, *low*, *high* and *measured* in *unit*.
    """
    band_x = [*style.numbers(grid), *style.numbers(grid[::-1])]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "fill": "toself", "name": f"{100 * level:.0f} % band",
            "x": band_x, "y": [*style.numbers(high), *style.numbers(low[::-1])], "line": {"width": 0},
            "fillcolor": style.see_through(style.SC_COLOUR, 0.18), "hoverinfo": "skip",
        },
        {
            "type": "scatter", "mode": "lines", "name": "predicted", "x": style.numbers(grid),
            "y": style.numbers(curve),
            "line": {"color": style.SC_COLOUR, "width": 2, "dash": style.DASHES[Origin.PREDICTED]},
        },
    ]  # fmt: skip
    if measured is not None:
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": "curve", "x": style.numbers(grid),
                "y": style.numbers(measured), "line": {"color": style.NEUTRAL, "width": 1.5},
            }
        )  # fmt: skip
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": "window", "x": style.numbers(grid[observed]),
                "y": style.numbers(measured[observed]), "line": {"color": style.TOTAL_COLOUR, "width": 4},
            }
        )  # fmt: skip
    inside = grid[observed]
    return Figure(
        title=f"Completed curve{f' of {name}' if name else ''}",
        alt=f"A curve completed from {inside[0]:.2f} to {inside[-1]:.2f} V, with a band of {100 * level:.0f} %.",
        data=traces,
        layout=style.layout(
            showlegend=True, xaxis=style.axis("Voltage (V)"), yaxis=style.axis(f"Q ({style.plain(unit)})")
        ),
        note="Predicted from the window alone. Coverage of the band was checked on cells that were not learned.",
    )


def error_map(table: pl.DataFrame, *, unit: str = "mAh/g") -> Figure:
    """Draw how well curves are completed over start and length of the window: a square each, its error as colour.

    *table* is that of `lirich.learn.Completion.error_map`. Open squares: nothing is told of most curves.
    """
    told = table["cannot_tell"].to_numpy() <= 0.5
    error = table["rmse"].to_numpy()
    return Figure(
        title="Error of completion over start and length of the window",
        alt=f"RMSE of {table.height} windows, {np.min(error):.2f} to {np.max(error):.2f} {unit}; "
        f"{int(np.count_nonzero(~told))} windows are too poor to tell.",
        data=[
            {
                "type": "scatter",
                "mode": "markers",
                "x": style.numbers(100 * table["start"].to_numpy()),
                "y": style.numbers(100 * table["length"].to_numpy()),
                "marker": {
                    "symbol": ["square" if yes else "square-open" for yes in told.tolist()],
                    "size": 20,
                    "color": style.numbers(np.log10(np.maximum(error, 1e-3))),
                    "colorscale": style.cycle_colourscale(),
                    "showscale": True,
                    "colorbar": {"title": {"text": f"log₁₀ RMSE<br>({style.plain(unit)})"}, "thickness": 12},
                },
                "text": [f"RMSE {value:.2f} {style.plain(unit)}" for value in error.tolist()],
                "hovertemplate": "from %{x:.0f} %, %{y:.0f} % long: %{text}<extra></extra>",
            }
        ],
        layout=style.layout(
            height=420,
            xaxis=style.axis("Start of the window (% of the grid)"),
            yaxis=style.axis("Length of the window (% of the grid)"),
        ),
        note="On cells that the model of their fold had not seen. Open squares: too poor for most curves.",
    )

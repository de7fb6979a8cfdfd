"""Figures of completion: a curve told from a part of it, and where that works."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure

Array = NDArray[np.float64]
_LEAST_SHOWN = 0.1  # of an error, in the unit of the curves


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
    origin: Origin = Origin.MEASURED,
    calibrated: bool = True,
    value: str = "Q",
    along: str = "Voltage",
    along_unit: str = "V",
) -> Figure:
    """Draw a completed curve with its band, the window it was told from and, where known, the whole curve.

    All arrays have shape (m,): *grid* in *along_unit*, *observed* (the window), *curve*, *low*, *high* and *measured*
    in *unit*; what is NaN is not drawn. *value* over *along* is what the axes are called. Below is what was predicted
    less the curve, with the band around it.
    """
    inside = grid[observed]
    edges = (float(inside[0]), float(inside[-1]))
    traces = [*_band(grid, low, high, level, "y"), _told(grid, curve, "predicted", "y")]
    known = measured is not None and bool(np.isfinite(measured[~observed]).any())
    if measured is not None:
        dash = style.DASHES[origin]
        traces += [
            {
                "type": "scatter", "mode": "lines", "name": f"{origin.value}, not shown to the model", "yaxis": "y",
                "x": style.numbers(grid), "y": style.numbers(np.where(observed, np.nan, measured)),
                "line": {"color": style.TOTAL_COLOUR, "width": 1.6, "dash": dash},
            },
            {
                "type": "scatter", "mode": "lines", "name": "the window that is known", "yaxis": "y",
                "x": style.numbers(inside), "y": style.numbers(measured[observed]),
                "line": {"color": style.PC_COLOUR, "width": 4},
            },
        ]  # fmt: skip
    if known and measured is not None:
        off = curve - measured
        traces += [
            *_band(grid, low - curve, high - curve, level, "y2", legend=False),
            _told(grid, off, "predicted less curve", "y2", legend=False),
        ]
    shade = {
        "type": "rect", "xref": "x", "yref": "paper", "x0": edges[0], "x1": edges[1], "y0": 0, "y1": 1,
        "line": {"width": 0}, "fillcolor": style.see_through(style.PC_COLOUR, 0.08), "layer": "below",
    }  # fmt: skip
    error = curve - measured if known and measured is not None else np.array([np.nan])
    told = f" It is within {np.nanmax(np.abs(error)):.2g} {unit} of the curve." if np.isfinite(error).any() else ""
    panels = (
        {
            "yaxis": style.axis(f"{value} ({style.plain(unit)})", domain=[0.36, 1.0]),
            "yaxis2": style.axis(
                f"Error ({style.plain(unit)})",
                domain=[0.0, 0.26],
                zeroline=True,
                zerolinecolor="#C9D1D6",
                zerolinewidth=1,
            ),
            "xaxis": style.axis(f"{along} ({style.plain(along_unit)})", anchor="y2"),
        }
        if known
        else {
            "yaxis": style.axis(f"{value} ({style.plain(unit)})"),
            "xaxis": style.axis(f"{along} ({style.plain(along_unit)})"),
        }
    )
    shaded = f"{edges[0]:.2f} to {edges[1]:.2f} {along_unit}"
    how = "was checked on cells that were not learned" if calibrated else "is the model's own, not checked on cells"
    return Figure(
        title=f"Completed curve{f' of {name}' if name else ''}",
        alt=f"A curve completed from {shaded}, with a band of {100 * level:.0f} %.{told}",
        data=traces,
        layout=style.layout(showlegend=True, height=520 if known else 420, shapes=[shade], **panels),
        note=f"Predicted from the shaded window alone ({shaded}). The coverage of the band {how}.",
    )


def _band(
    grid: Array, low: Array, high: Array, level: float, axis: str, *, legend: bool = True
) -> list[dict[str, Any]]:
    there = np.isfinite(low) & np.isfinite(high)
    x, below, above = grid[there], low[there], high[there]
    return [
        {
            "type": "scatter", "mode": "lines", "fill": "toself", "name": f"{100 * level:.0f} % band", "yaxis": axis,
            "x": [*style.numbers(x), *style.numbers(x[::-1])], "showlegend": legend,
            "y": [*style.numbers(above), *style.numbers(below[::-1])], "line": {"width": 0},
            "fillcolor": style.see_through(style.SC_COLOUR, 0.2), "hoverinfo": "skip",
        }
    ]  # fmt: skip


def _told(grid: Array, curve: Array, name: str, axis: str, *, legend: bool = True) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": name, "yaxis": axis, "showlegend": legend,
        "x": style.numbers(grid), "y": style.numbers(curve),
        "line": {"color": style.SC_COLOUR, "width": 2, "dash": style.DASHES[Origin.PREDICTED]},
    }  # fmt: skip


def error_map(table: pl.DataFrame, *, unit: str = "mAh/g", along_unit: str = "V") -> Figure:
    """Draw how well curves are completed over start and length of the window: a field each, with its error.

    *table* is that of `lirich.learn.Completion.error_map`. Grey: nothing is told of most curves.
    """
    told = table["cannot_tell"].to_numpy() <= 0.5
    start, length, error = (table[n].to_numpy() for n in ("start", "length", "hidden_rmse"))
    logs = np.log10(np.maximum(error, 1e-3))
    low, high = (float(logs[told].min()), float(logs[told].max())) if told.any() else (0.0, 1.0)
    depth = 1.0 - (logs - low) / max(high - low, 1e-9)  # bright is good
    wide, tall = 100 * _step(start), 100 * _step(length)
    shapes, labels = [], []
    for at, long, value, yes, share in zip(start, length, error, told.tolist(), depth, strict=True):
        x, y = 100 * float(at), 100 * float(long)
        shapes.append(
            {
                "type": "rect", "x0": x - wide / 2, "x1": x + wide / 2, "y0": y - tall / 2, "y1": y + tall / 2,
                "fillcolor": style.cycle_colour(float(share)) if yes else "#E7EBEE",
                "line": {"width": 1, "color": "#FFFFFF"}, "layer": "below",
            }
        )  # fmt: skip
        colour = style.TOTAL_COLOUR if not yes or share > 0.6 else "#FFFFFF"
        text = "–" if not yes else f"{value:.1f}" if value >= _LEAST_SHOWN else f"<{_LEAST_SHOWN:g}"
        labels.append({"x": x, "y": y, "text": text, "showarrow": False, "font": {"size": 11, "color": colour}})
    windows = [f"{a:.3g} to {b:.3g} {along_unit}" for a, b in table.select("low", "high").iter_rows()]
    return Figure(
        title="Error of completion over start and length of the window",
        alt=f"RMSE of {table.height} windows, {np.min(error):.2f} to {np.max(error):.2f} {unit}; "
        f"{int(np.count_nonzero(~told))} windows are too poor to tell.",
        data=[
            {
                "type": "scatter",
                "mode": "markers",
                "x": style.numbers(100 * start),
                "y": style.numbers(100 * length),
                "marker": {"symbol": "square", "size": 22, "color": "rgba(0,0,0,0)"},
                "text": [
                    f"{window}: RMSE {value:.2g} {style.plain(unit)}{'' if yes else '; most are refused'}"
                    for window, value, yes in zip(windows, error.tolist(), told.tolist(), strict=True)
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        ],
        layout=style.layout(
            height=440,
            shapes=shapes,
            annotations=labels,
            xaxis=style.axis("Start of the window (% of the grid)", showgrid=False),
            yaxis=style.axis("Length of the window (% of the grid)", showgrid=False),
        ),
        note=f"Mean RMSE ({unit}) of what the window hides, on cells that the model of their fold had not seen. "
        "Grey: the window is too poor to tell most curves.",
    )


def _step(values: Array) -> float:
    apart = np.diff(np.unique(values))
    return float(apart.min()) if len(apart) else 0.1

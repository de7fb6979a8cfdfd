"""One home for lines and for panels above each other: what figures of simulations, fits and studies are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label

LEGEND_BESIDE: Mapping[str, Any] = {"orientation": "v", "x": 1.04, "y": 0.95, "xanchor": "left", "font": {"size": 11}}
"""A legend of many or long names stands beside the figure."""

_GAP = 0.09
"""Between two panels, of the height of the figure: room for the title of an axis."""


def line(
    name: str,
    x: Any,
    y: Any,
    colour: str,
    origin: Origin,
    *,
    hover: str,
    width: float = 1.8,
    digits: int = 5,
    marker: float = 0.0,
    **more: Any,
) -> dict[str, Any]:
    """Return a line in the style of its origin; *x* and *y* are array-like, shape (n,).

    *x* may be names; *name* and *hover* are marked up (`lirich.plots.style.plain`). *marker* is the size of markers, 0
    for none; *more* are further keys of the trace (``yaxis``).
    """
    at = np.asarray(x)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" if marker else "lines",
        "name": name,
        "x": style.numbers(at) if np.issubdtype(at.dtype, np.number) else at.tolist(),
        "y": style.numbers(y, digits),
        "line": {"color": colour, "width": width, "dash": style.DASHES[origin]},
        "hovertemplate": f"{hover}<extra></extra>",
        **more,
    }
    if marker:
        trace["marker"] = {"size": marker, "symbol": style.MARKERS[origin], "color": colour}
    return trace


def level(value: float, colour: str, width: float = 1.0) -> dict[str, Any]:
    """Return the shape of a dotted level line through the whole figure at *value* of the y axis."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": colour, "dash": "dot", "width": width},
    }


def panel(xaxis: dict[str, Any], yaxis: dict[str, Any], origin: Origin, **more: Any) -> dict[str, Any]:
    """Return the layout of one panel with a legend, which says in itself where its data are not measured."""
    return style.layout(
        **{"showlegend": True, "xaxis": xaxis, "yaxis": yaxis, "annotations": origin_label(origin), **more}
    )


def stacked(xaxis: dict[str, Any], *panels: tuple[float, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a layout of panels above each other over one x axis, from the top down.

    Each panel is (share of the height, y axis). The axes of y are named ``y``, ``y2`` and so on; that of x stands
    under the last.
    """
    whole = sum(share for share, _ in panels) / (1.0 - _GAP * (len(panels) - 1))
    axes: dict[str, Any] = {}
    top = 1.0
    for number, (share, axis) in enumerate(panels, start=1):
        low = max(top - share / whole, 0.0)
        axes[f"yaxis{number if number > 1 else ''}"] = {**axis, "domain": [round(low, 4), round(top, 4)]}
        top = low - _GAP
    last = f"y{len(panels)}" if len(panels) > 1 else "y"
    return style.layout(xaxis={**xaxis, "anchor": last}, **axes, **more)


def bars(labels: Sequence[str], values: Any, name: str, colour: str, digits: int = 3) -> dict[str, Any]:
    """Return lying bars, *values* of shape (labels,); *labels* and *name* are marked up."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(labels),
        "x": style.numbers(values, digits),
        "marker": {"color": colour},
    }

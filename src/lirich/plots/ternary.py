"""Figures of a space of compositions between three corners: which phase is preferred where, and how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lirich.errors import InputError
from lirich.plots import style
from lirich.plots.figure import Figure

Array = NDArray[np.float64]

_COLOURS = MappingProxyType({"layered": "#56B4E9", "spinel": "#E69F00", "rock salt": "#CC79A7", "": "#F1F3F5"})
_NAMES = MappingProxyType({"": "cannot tell"})
_OTHER = "#8C564B"
_DARKER = ("#F7FBFF", "#C6DBEF", "#6BAED6", "#2171B5", "#08306B")
"""From light to dark blue (ColorBrewer "Blues"), told apart by all and in grey."""


def ternary(
    shares: Array,
    phases: Sequence[str],
    *,
    corners: Sequence[str],
    hover: Sequence[str] = (),
    computed: Array | None = None,
    computed_hover: Sequence[str] = (),
    following: Array | None = None,
    title: str = "Preferred phase",
    note: str = "",
) -> Figure:
    """Draw a triangle of compositions: cells coloured by phase, computed points, and those to compute next.

    Parameters
    ----------
    shares:
        Shares of the three corners of a regular grid of compositions, shape (n, 3), each row summing to 1.
    phases:
        The phase of each, or ``""`` where it cannot be told, length n.
    corners:
        Names of the three corners: left, right and top.
    hover, computed_hover:
        What is shown of each composition.
    computed, following:
        Shares of what was computed and of what should be next, in order, shape (m, 3).

    Raises `InputError` where the shapes do not fit.
    """
    places = np.asarray(shares, dtype=float)
    if places.ndim != 2 or places.shape[1] != 3 or len(places) != len(phases) or len(corners) != 3:
        raise InputError(
            f"Shares {places.shape} beside {len(phases)} phases and {len(corners)} corners",
            expected="three shares and one phase for each composition",
        )
    told = list(hover) or ["" for _ in phases]
    size = _cell_size(places)
    traces: list[dict[str, Any]] = []
    for phase in [*_COLOURS, *sorted(set(phases) - set(_COLOURS))]:
        which = [i for i, name in enumerate(phases) if name == phase]
        if which:
            name = _NAMES.get(phase, phase)
            traces.append(
                _points(
                    places[which],
                    name=name,
                    text=[told[i] for i in which],
                    marker={
                        "symbol": "hexagon2",
                        "size": size,
                        "color": _COLOURS.get(phase, _OTHER),
                        "line": {"width": 1, "color": "#FFFFFF" if phase else "#B8C1C7"},
                    },
                )
            )
    traces.append(_frame())
    if computed is not None and len(computed):
        mark = {"symbol": "circle", "size": 8, "color": "#2B3640", "line": {"color": "#FFFFFF", "width": 1}}
        text = list(computed_hover) or ["computed"] * len(computed)
        traces.append(_points(np.asarray(computed), name="computed", text=text, marker=mark))
    if following is not None and len(following):
        mark = {"symbol": "diamond", "size": 13, "color": "#FFFFFF", "line": {"color": "#D55E00", "width": 2}}
        text = [f"to compute next, number {k + 1}" for k in range(len(following))]
        trace = _points(np.asarray(following), name="to compute next", text=text, marker=mark)
        traces.append(trace | {"mode": "markers"})
    return Figure(title=title, alt=_alt(phases, corners), data=traces, layout=_layout(corners), note=note)


def ternary_values(
    shares: Array,
    values: Sequence[float],
    *,
    corners: Sequence[str],
    unit: str,
    computed: Array | None = None,
    title: str,
    note: str = "",
) -> Figure:
    """Draw a triangle of compositions coloured by a number from 0 up, darker where it is larger.

    *shares*, shape (n, 3), *values*, shape (n,), in *unit*; *computed* as in `ternary`. Raises `InputError` where the
    shapes do not fit.
    """
    places = np.asarray(shares, dtype=float)
    numbers = np.asarray(values, dtype=float)
    if places.ndim != 2 or places.shape != (len(numbers), 3) or len(corners) != 3 or not len(numbers):
        raise InputError(f"Shares {places.shape} beside {numbers.shape} values", expected="three shares for each value")
    scale = [[i / 4, colour] for i, colour in enumerate(_DARKER)]
    marker = {
        "symbol": "hexagon2", "size": _cell_size(places), "color": style.numbers(numbers), "cmin": 0.0,
        "cmax": float(numbers.max()), "colorscale": scale, "line": {"width": 0},
        "colorbar": {"thickness": 10, "len": 0.6, "title": {"text": unit}},
    }  # fmt: skip
    traces = [_points(places, name=title, text=[f"{v:.3g} {unit}" for v in numbers], marker=marker)]
    traces[0]["showlegend"] = False
    traces.append(_frame())
    if computed is not None and len(computed):
        mark = {"symbol": "circle", "size": 8, "color": "#2B3640", "line": {"color": "#FFFFFF", "width": 1}}
        traces.append(_points(np.asarray(computed), name="computed", text=["computed"] * len(computed), marker=mark))
    alt = (
        f"A triangle of compositions between {', '.join(corners)}, coloured by a value of {numbers.min():.3g} to "
        f"{numbers.max():.3g} {unit}, median {np.median(numbers):.3g}."
    )
    return Figure(title=title, alt=alt, data=traces, layout=_layout(corners), note=note)


def _layout(corners: Sequence[str]) -> dict[str, Any]:
    hidden = {"visible": False, "fixedrange": True}
    return style.layout(
        showlegend=True,
        height=520,
        xaxis=hidden | {"range": [-0.12, 1.12]},
        yaxis=hidden | {"range": [-0.1, 0.95], "scaleanchor": "x", "scaleratio": 1},
        annotations=_labels(corners),
    )


def _flat(shares: Array) -> tuple[Array, Array]:
    """Return x and y of shares of the left, right and top corner of a triangle of side 1."""
    return shares[:, 1] + 0.5 * shares[:, 2], math.sqrt(3.0) / 2.0 * shares[:, 2]


def _cell_size(shares: Array) -> float:
    """Return the size in pixels at which marks of a regular grid touch: the triangle is about 380 pixels wide."""
    steps = np.unique(shares[:, 2].round(6))
    step = float(np.diff(steps).min()) if len(steps) > 1 else 0.2
    return float(np.clip(380.0 * step * 1.18, 5.0, 40.0))


def _points(shares: Array, *, name: str, text: Sequence[str], marker: Mapping[str, Any]) -> dict[str, Any]:
    x, y = _flat(shares)
    return {
        "type": "scatter", "mode": "markers", "name": style.plain(name), "x": style.numbers(x), "y": style.numbers(y),
        "text": [style.plain(t) for t in text], "hovertemplate": "%{text}<extra></extra>", "marker": dict(marker),
        "cliponaxis": False,
    }  # fmt: skip


def _frame() -> dict[str, Any]:
    x, y = _flat(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=float))
    return {
        "type": "scatter", "mode": "lines", "x": style.numbers(x), "y": style.numbers(y), "hoverinfo": "skip",
        "line": {"color": "#9AA5AD", "width": 1.5}, "showlegend": False, "cliponaxis": False,
    }  # fmt: skip


def _labels(corners: Sequence[str]) -> list[dict[str, Any]]:
    x, y = _flat(np.eye(3))
    anchors = (("center", "top", -12), ("center", "top", -12), ("center", "bottom", 12))
    return [
        {
            "x": float(x[k]), "y": float(y[k]), "text": style.plain(name), "showarrow": False, "xanchor": across,
            "yanchor": up, "yshift": shift, "font": {"size": 13},
        }
        for k, (name, (across, up, shift)) in enumerate(zip(corners, anchors, strict=True))
    ]  # fmt: skip


def _alt(phases: Sequence[str], corners: Sequence[str]) -> str:
    counts = [(phase, list(phases).count(phase)) for phase in dict.fromkeys([*_COLOURS, *phases])]
    said = ", ".join(f"{_NAMES.get(phase, phase)} at {n}" for phase, n in counts if n)
    return f"A triangle of compositions between {', '.join(corners)}; of {len(phases)} compositions {said}."

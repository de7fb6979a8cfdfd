"""Figures of the state map: cells on their way, and loadings over voltage."""

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
_LOADING_COLOURS = (style.TOTAL_COLOUR, style.STRUCTURE_COLOUR, style.CAPACITY_COLOUR, style.POLARISATION_COLOUR)


_MOST_POINTS = 1500
"""So many markers are drawn on a map; of more, every cell shows its first, its last and some between."""
_CROWD = 40
"""From so many cells on ways are thin and faint, and each group shows its mean way."""
_LEAST_OF_A_GROUP = 3
_SHAPES = {"SC": "circle", "PC": "square", style.NO_GROUP: "diamond", "not given": "diamond"}
_OTHER_SHAPES = ("triangle-up", "star", "hexagon", "triangle-down", "pentagon")
_FAR = 0.5  # share of the axes that the cells of the map must fill, or a nearer view is worth a figure


def state_map(
    scores: pl.DataFrame,
    *,
    x: str = "pc1",
    y: str = "pc2",
    group: Mapping[str, str] | None = None,
    bends: Mapping[str, Sequence[float]] | None = None,
    shares: Mapping[str, float] | None = None,
    unit: str = "mAh/g",
    near: Sequence[str] | None = None,
) -> Figure:
    """Draw every curve as a point on the map, its cycle as colour, each cell's way as a line.

    *scores* has ``cell``, ``cycle``, ``origin`` and the columns *x* and *y* (scores per point, in *unit*), and perhaps
    ``pc1_sd`` and so on, drawn as bars; *group* gives the group of a cell (SC and PC have their colours and shapes),
    *bends* the cycles at which a cell turns, *shares* the share of the variance of a column. Measured points are
    filled and named, others open. With *near* the axes are those of these cells.

    Raises `MissingColumnError`, `NotEnoughDataError` without a curve.
    """
    missing = [name for name in ("cell", "cycle", "origin", x, y) if name not in scores.columns]
    if missing:
        raise MissingColumnError(f"The scores have no {', '.join(missing)}")
    if scores.height == 0:
        raise NotEnoughDataError("A map without curves", expected="at least one")
    groups = dict(group or {})
    names = [groups.get(c, style.NO_GROUP) for c in scores["cell"].unique(maintain_order=True)]
    colours, shapes = style.group_colours(names), _shapes(names)
    cycles = scores["cycle"].to_numpy()
    scale = (int(cycles.min()), int(cycles.max()))
    each = max(4, _MOST_POINTS // max(len(names), 1))
    crowd = len(names) >= _CROWD
    traces: list[dict[str, Any]] = []
    above: list[dict[str, Any]] = []
    turning: list[dict[str, Any]] = []
    marked: list[tuple[str, pl.DataFrame]] = []
    for (cell,), part in scores.sort("cycle").group_by("cell", maintain_order=True):
        name = groups.get(str(cell), style.NO_GROUP)
        origin = Origin(part["origin"][0])
        shown = part[np.unique(np.linspace(0, part.height - 1, min(part.height, each)).round().astype(int)).tolist()]
        way = _way(str(cell), shown, x, y, unit, origin, colours[name], shapes[name], scale, crowd=crowd)
        if origin is Origin.MEASURED and len(marked) < _MOST_NAMES:
            above.append(way)
            marked.append((str(cell), part))
        else:
            traces.append(way)
        turns = part.filter(pl.col("cycle").is_in([int(c) for c in (bends or {}).get(str(cell), ())]))
        if turns.height:
            turning.append(_turns(str(cell), turns, x, y, crowd=crowd))
    few = scores.filter(pl.col("origin") == Origin.MEASURED.value)["cell"].n_unique() <= _MOST_NAMES
    means = _mean_ways(scores, groups, x, y, colours) if crowd else []
    keys = _legend(scores, groups, colours, shapes, bool(turning), bool(means))
    view = _view(scores, x, y, near)
    origins = sorted(set(scores["origin"].to_list()))
    hidden = "" if each * len(names) >= scores.height else " Of each cell some cycles are drawn, first and last always."
    return Figure(
        title=f"State map of {_count(len(names), 'cell')}" + (", nearer" if near is not None else ""),
        alt=f"{scores.height} curves of {_count(len(names), 'cell')} by their scores {x} and {y}, cycles {scale[0]} to "
        f"{scale[1]} as colour; each cell moves along a line. {_where(scores, x, y, groups)}",
        data=[*traces, *turning, *means, *above, *keys, _colour_key(scale)],
        layout=style.layout(
            height=560,
            showlegend=True,
            margin={"l": 64, "r": 18, "t": 26, "b": 112},
            xaxis=style.axis(_axis(x, shares, unit), **_zero(), **({"range": view[0]} if view else {})),
            yaxis=style.axis(_axis(y, shares, unit), **_zero(), **({"range": view[1]} if view else {})),
            annotations=[
                _label(cell, part, x, y) for cell, part in marked if few and (view is None or _in(part, x, y, view))
            ],
        ),
        note="Scores per point of the grid: what the component adds to a curve, RMS. Colour is the cycle, shape the "
        f"group; open and dashed is simulated, filled is measured (here: {', '.join(origins)}). A cross marks a change "
        f"of regime, bars one standard deviation where a curve was partial.{hidden}",
    )


_MOST_NAMES = 8


def _way(
    cell: str,
    part: pl.DataFrame,
    x: str,
    y: str,
    unit: str,
    origin: Origin,
    colour: str,
    shape: str,
    scale: tuple[int, int],
    *,
    crowd: bool,
) -> dict[str, Any]:
    measured = origin is Origin.MEASURED
    width, shade, size = (0.8, 0.3, 4) if crowd else (1.6, 0.55, 6)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": style.plain(cell),
        "showlegend": False,
        "x": style.numbers(part[x]),
        "y": style.numbers(part[y]),
        "line": {"color": style.see_through(colour, shade), "width": width, "dash": style.DASHES[origin]},
        "marker": {
            "symbol": shape if measured else f"{shape}-open",
            "size": 12 if measured else size,
            "color": part["cycle"].to_list(),
            "cmin": scale[0],
            "cmax": max(scale[1], scale[0] + 1),
            "colorscale": style.cycle_colourscale(),
            "line": {"width": 1.6, "color": style.TOTAL_COLOUR} if measured else {"width": 1.2 if crowd else 1.6},
        },
        "text": [f"{style.plain(cell)}, cycle {n} ({origin.value})" for n in part["cycle"].to_list()],
        "hovertemplate": "%{text}<br>%{x:.3g}, %{y:.3g} " + style.plain(unit) + "<extra></extra>",
    }
    for axis, column in (("error_x", f"{x}_sd"), ("error_y", f"{y}_sd")):
        if column in part.columns and part[column].max():
            trace[axis] = {
                "type": "data", "array": style.numbers(part[column]), "color": style.see_through(colour, 0.6),
                "thickness": 1, "width": 2,
            }  # fmt: skip
    return trace


def _shapes(names: Sequence[str]) -> dict[str, str]:
    others = sorted(set(names) - set(_SHAPES))
    return {**_SHAPES, **{name: _OTHER_SHAPES[i % len(_OTHER_SHAPES)] for i, name in enumerate(others)}}


def _legend(
    scores: pl.DataFrame,
    groups: Mapping[str, str],
    colours: Mapping[str, str],
    shapes: Mapping[str, str],
    turns: bool,
    means: bool,
) -> list[dict[str, Any]]:
    """Return traces without points that say what shapes and colours mean."""
    seen = dict.fromkeys((groups.get(c, style.NO_GROUP), o) for c, o in scores.select("cell", "origin").iter_rows())
    keys = []
    for name, told in sorted(seen):
        origin = Origin(told)
        shape = shapes[name] if origin is Origin.MEASURED else f"{shapes[name]}-open"
        keys.append(
            {
                "type": "scatter", "mode": "lines+markers", "name": f"{style.plain(name)}, {origin.value}",
                "x": [None], "y": [None], "line": {"color": colours[name], "width": 1.6, "dash": style.DASHES[origin]},
                "marker": {"symbol": shape, "size": 9, "color": colours[name]},
            }
        )  # fmt: skip
    if means:
        keys.append(
            {
                "type": "scatter", "mode": "lines", "name": "mean way of a group", "x": [None], "y": [None],
                "line": {"color": style.TOTAL_COLOUR, "width": 3.5},
            }
        )  # fmt: skip
    if turns:
        keys.append(
            {
                "type": "scatter", "mode": "markers", "name": "change of regime", "x": [None], "y": [None],
                "marker": {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": style.TOTAL_COLOUR}},
            }
        )  # fmt: skip
    return keys


def _colour_key(scale: tuple[int, int]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "x": [None], "y": [None], "showlegend": False, "hoverinfo": "skip",
        "marker": {
            "color": [scale[0]], "cmin": scale[0], "cmax": max(scale[1], scale[0] + 1),
            "colorscale": style.cycle_colourscale(), "showscale": True,
            "colorbar": {
                "orientation": "h", "y": -0.17, "yanchor": "top", "x": 0.5, "len": 0.6, "thickness": 10,
                "outlinewidth": 0, "title": {"text": "cycle", "side": "top"}, "tickfont": {"size": 11},
            },
        },
    }  # fmt: skip


def _mean_ways(
    scores: pl.DataFrame, groups: Mapping[str, str], x: str, y: str, colours: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the mean of each group over the cycles that at least half of its cells have, dashed where simulated."""
    told = scores.with_columns(pl.col("cell").replace_strict(dict(groups), default=style.NO_GROUP).alias("of"))
    made = []
    for (of, origin), part in told.group_by("of", "origin", maintain_order=True):
        count = part["cell"].n_unique()
        if count < _LEAST_OF_A_GROUP or of == style.NO_GROUP:
            continue
        at = part.group_by("cycle").agg(pl.len(), pl.col(x).mean(), pl.col(y).mean()).sort("cycle")
        at = at.filter(pl.col("len") >= count / 2)
        line = {
            "type": "scatter",
            "mode": "lines",
            "showlegend": False,
            "x": style.numbers(at[x]),
            "y": style.numbers(at[y]),
        }
        made += [
            {**line, "line": {"color": "#FFFFFF", "width": 7}, "hoverinfo": "skip"},
            {
                **line, "line": {"color": colours[str(of)], "width": 3.5},
                "text": [f"mean of {count} cells of {style.plain(of)} ({origin}), cycle {n}" for n in at["cycle"]],
                "hovertemplate": "%{text}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
            },
        ]  # fmt: skip
    return made


def _turns(cell: str, turns: pl.DataFrame, x: str, y: str, *, crowd: bool) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "showlegend": False, "x": style.numbers(turns[x]),
        "y": style.numbers(turns[y]),
        "marker": {
            "symbol": "x-thin", "size": 5 if crowd else 9,
            "line": {"width": 1 if crowd else 2, "color": style.TOTAL_COLOUR},
        },
        "text": [f"{style.plain(cell)} turns at cycle {n}" for n in turns["cycle"].to_list()],
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _label(cell: str, part: pl.DataFrame, x: str, y: str) -> dict[str, Any]:
    return {
        "x": float(part[x][-1]), "y": float(part[y][-1]), "text": style.plain(cell), "showarrow": True, "arrowhead": 0,
        "arrowwidth": 1, "arrowcolor": "#9AA5AD", "ax": 34, "ay": -34,
        "font": {"size": 12, "color": style.TOTAL_COLOUR},
        "bgcolor": "rgba(255,255,255,0.8)", "xanchor": "auto",
    }  # fmt: skip


def _zero() -> dict[str, Any]:
    return {"zeroline": True, "zerolinecolor": "#C9D1D6", "zerolinewidth": 1}


def _view(scores: pl.DataFrame, x: str, y: str, near: Sequence[str] | None) -> tuple[list[float], list[float]] | None:
    """Return the ranges of the axes around the cells of *near*, with a margin; ``None`` for all."""
    inside = scores.filter(pl.col("cell").is_in(list(near or ())))
    if near is None or not inside.height:
        return None
    ends = []
    for column in (x, y):
        values = inside[column].to_numpy()
        margin = 0.06 * max(float(np.ptp(values)), 1e-9)
        ends.append([float(values.min()) - margin, float(values.max()) + margin])
    return ends[0], ends[1]


def _in(part: pl.DataFrame, x: str, y: str, view: tuple[list[float], list[float]]) -> bool:
    return all(low <= float(part[c][-1]) <= high for c, (low, high) in zip((x, y), view, strict=True))


def is_far(scores: pl.DataFrame, near: Sequence[str], x: str = "pc1", y: str = "pc2") -> bool:
    """Tell whether the cells of *near* are crowded into a small part of the map, so that a nearer view is wanted."""
    inside = scores.filter(pl.col("cell").is_in(list(near)))
    if not inside.height or inside.height == scores.height:
        return False
    return any(np.ptp(inside[c].to_numpy()) < _FAR * np.ptp(scores[c].to_numpy()) for c in (x, y))


def _where(scores: pl.DataFrame, x: str, y: str, groups: Mapping[str, str]) -> str:
    rows = []
    told = scores.with_columns(pl.col("cell").replace_strict(groups, default=style.NO_GROUP).alias("of"))
    for of, a, b in told.group_by("of").agg(pl.col(x).mean(), pl.col(y).mean()).sort("of").iter_rows():
        rows.append(f"{of} on average at {a:.2g}, {b:.2g}")
    return "; ".join(rows) + "."


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


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
            annotations=[
                {
                    "x": at, "xref": "x", "y": 1, "yref": "paper", "text": f"{feature} {at:.2f} V", "showarrow": False,
                    "textangle": -90, "xanchor": "right", "yanchor": "top",
                    "font": {"size": 11, "color": style.NEUTRAL},
                }
                for feature, at in marks
            ],
        ),
        note="Vertical lines: peaks (solid) and valleys (dotted) of the mean curve's dQ/dV." if marks else "",
    )  # fmt: skip

"""Figures of what was learned: components and features, forecasts beside naive ones, unlike cells, drivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import NotEnoughDataError
from lirich.model import Origin
from lirich.model.format import format_number, format_signed
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.quantities import Quantity

Array = NDArray[np.float64]
_MOST_CELLS = 12  # forecasts that are drawn one beside the other
_COLOURS = (style.SC_COLOUR, style.PC_COLOUR, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#6A5ACD", "#8C564B")


def left_over(total_variance: float, explained: Array, points: int, *, unit: str, chosen: Mapping[str, int]) -> Figure:
    """Draw what is left of the curves after 0, 1, 2 … components, RMS over curves and points.

    *explained* are the variances of the components, (k,), *total_variance* the sum over *points* of the grid; *chosen*
    says how many components something speaks for.
    """
    left = np.sqrt(np.maximum(total_variance - np.concatenate(([0.0], np.cumsum(explained))), 0.0) / points)
    shown = {words: n for words, n in chosen.items() if n <= len(explained)}
    beyond = [f"{words}: {n}" for words, n in chosen.items() if n > len(explained)]
    return Figure(
        title="What is left of the curves after so many components",
        alt="RMS left: " + ", ".join(f"{value:.2g} after {i}" for i, value in enumerate(left)) + f" {unit}.",
        data=[
            {
                "type": "scatter", "mode": "lines+markers", "x": list(range(len(left))), "y": style.numbers(left),
                "line": {"color": style.SC_COLOUR, "width": 2}, "marker": {"size": 8},
                "hovertemplate": "after %{x} components: %{y:.3g} " + style.plain(unit) + "<extra></extra>",
            }
        ],
        layout=style.layout(
            height=330,
            xaxis=style.axis("Components", dtick=1),
            yaxis=style.axis(f"Left, RMS ({style.plain(unit)})", type="log", exponentformat="none", dtick=1),
            annotations=[
                {
                    "x": n, "y": float(np.log10(max(left[n], 1e-12))), "text": style.plain(f"{words}: {n}"), "ax": 0,
                    "ay": -38 - 22 * i, "arrowhead": 0, "arrowcolor": style.NEUTRAL, "font": {"size": 12},
                }
                for i, (words, n) in enumerate(shown.items())
            ],
        ),
        note="Of the curves that the map was learned from."
        + (f" More are spoken for than are kept here ({'; '.join(beyond)}): what they add is small." * bool(beyond)),
    )  # fmt: skip


def moved(voltage_v: Array, mean: Array, changes: Array, features: pl.DataFrame, *, unit: str = "mAh/g/V") -> Figure:
    """Draw the mean curve's dQ/dV, and what one standard deviation up and down of each score makes of it.

    *mean* (m,) and *changes* (k, m), up to three, over *voltage_v*, in *unit*; *features* has ``component, feature,
    voltage_v, relative, touched`` (`lirich.learn.loadings.touched`): those that are touched are named.
    """
    count = min(len(changes), 3)
    gap = 0.07
    height = (1.0 - gap * (count - 1)) / count
    traces: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    highest = float(np.nanmax(mean + np.abs(changes[:count])))
    for i in range(count):
        axis = "y" if i == 0 else f"y{i + 1}"
        top = 1.0 - i * (height + gap)
        axes[axis.replace("y", "yaxis")] = style.axis(
            f"PC{i + 1}",
            nticks=5,
            domain=[max(top - height, 0.0), top],
            range=[min(0.0, float(np.nanmin(mean))), 1.3 * highest],
        )
        for values, name, dash, colour in (
            (mean + changes[i], "+1 standard deviation", "solid", style.STRUCTURE_COLOUR),
            (mean - changes[i], "−1 standard deviation", "solid", style.CAPACITY_COLOUR),
            (mean, "mean", "4px,2px", style.TOTAL_COLOUR),
        ):
            traces.append(
                {
                    "type": "scatter", "mode": "lines", "name": name, "legendgroup": name, "showlegend": i == 0,
                    "x": style.numbers(voltage_v), "y": style.numbers(values), "yaxis": axis,
                    "line": {"color": colour, "width": 1.8, "dash": dash},
                    "hovertemplate": f"PC{i + 1}, {name}: %{{y:.3g}} {style.plain(unit)} at %{{x:.2f}} V"
                    "<extra></extra>",
                }
            )  # fmt: skip
        mine = features.filter((pl.col("component") == i + 1) & pl.col("touched"))
        for feature, at, relative in mine.select("feature", "voltage_v", "relative").iter_rows():
            up = float(np.interp(at, voltage_v, np.nan_to_num(mean + np.abs(changes[i]))))
            labels.append(
                {
                    "x": at, "y": up, "yref": axis, "text": f"{feature} {at:.2f} V<br>{_percent(relative)}",
                    "showarrow": True, "arrowhead": 0, "arrowcolor": "#9AA5AD", "ax": 0, "ay": -20,
                    "font": {"size": 10.5, "color": style.NEUTRAL}, "align": "center",
                }
            )  # fmt: skip
    return Figure(
        title="What a score does to dQ/dV",
        alt=f"Mean dQ/dV with plus and minus one standard deviation of the first {count} scores; "
        + "; ".join(_touches(features, count)) + ".",
        data=traces,
        layout=style.layout(
            height=150 + 170 * count,
            showlegend=True,
            annotations=labels,
            xaxis=style.axis("Voltage (V)", anchor="y" if count == 1 else f"y{count}"),
            **axes,
        ),
        note=f"dQ/dV in {unit}. Named are the peaks and valleys of the mean that the component changes by a quarter or "
        "more of its largest change; the percentage is that of one standard deviation.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class CellCourse:
    """One cell's figure over its cycles, and its forecasts: ``horizons, predicted, low, high, last, line``, (h,)."""

    cell: str
    origin: Origin
    seen: int
    cycle: Array
    value: Array
    horizons: Array
    predicted: Array
    low: Array
    high: Array
    last: Array
    line: Array


def forecast(courses: Sequence[CellCourse], what: Quantity, *, level: float) -> Figure:
    """Draw each cell's course, its forecast with interval, and the two naive ones: last value and straight line.

    Raises `NotEnoughDataError` without a course.
    """
    if not courses:
        raise NotEnoughDataError("A forecast of no cell", expected="at least one")
    drawn = courses[:_MOST_CELLS]
    traces: list[dict[str, Any]] = []
    for i, c in enumerate(drawn):
        colour, name, first = _COLOURS[i % len(_COLOURS)], style.plain(c.cell), i == 0
        seen, start = c.cycle <= c.seen, float(c.value[c.cycle <= c.seen][-1])
        at = np.concatenate(([c.cycle[seen][-1]], c.horizons))
        told = f"{name}: %{{y:.4g}} {style.plain(what.unit)} at cycle %{{x:.0f}}"
        line = {"color": colour, "width": 1.6}
        traces += [
            _trace(c.cycle[seen], c.value[seen], name, {**line, "dash": style.DASHES[c.origin]}, told, legend=True),
            _trace(at, np.concatenate(([start], c.last)), "last value persists", _naive("2px,3px"), told, legend=first),
            _trace(
                at, np.concatenate(([start], c.line)), "straight line goes on", _naive("7px,3px"), told, legend=first
            ),
        ]
        if (~seen).any():
            after = _trace(c.cycle[~seen], c.value[~seen], "what came after", line, told, legend=first)
            traces.append({**after, "mode": "markers", "marker": {"symbol": "circle-open", "size": 4, "color": colour}})
        x = np.concatenate((at, at[::-1]))
        y = np.concatenate(([start], c.high, c.low[::-1], [start]))
        traces.append(
            {
                "type": "scatter", "mode": "lines", "fill": "toself", "x": style.numbers(x), "y": style.numbers(y),
                "line": {"width": 0}, "fillcolor": style.see_through(colour, 0.14), "hoverinfo": "skip",
                "name": f"{100 * level:g} % interval", "showlegend": first,
            }
        )  # fmt: skip
        dotted = {**line, "dash": style.DASHES[Origin.PREDICTED]}
        point = _trace(at, np.concatenate(([start], c.predicted)), "forecast", dotted, told, legend=first)
        traces.append(
            {
                **point, "mode": "lines+markers",
                "marker": {
                    "symbol": style.MARKERS[Origin.PREDICTED], "size": [0, *[9] * len(c.horizons)], "color": colour,
                },
                "error_y": {
                    "type": "data", "symmetric": False, "color": colour, "thickness": 1.4, "width": 4,
                    "array": [0, *style.numbers(c.high - c.predicted)],
                    "arrayminus": [0, *style.numbers(c.predicted - c.low)],
                },
            }
        )  # fmt: skip
    left = f" The first {_MOST_CELLS} of {len(courses)} cells are drawn." if len(courses) > _MOST_CELLS else ""
    return Figure(
        title=f"Forecast of {what.name}",
        alt="; ".join(
            f"{c.cell}: {c.predicted[-1]:.4g} ({c.low[-1]:.4g} to {c.high[-1]:.4g}) {what.unit} at cycle "
            f"{c.horizons[-1]:.0f}"
            for c in drawn
        )
        + ".",
        data=traces,
        layout=style.layout(
            height=470,
            showlegend=True,
            xaxis=style.cycle_axis(n for trace in traces for n in trace["x"]),
            yaxis=style.axis(style.symbol(what.symbol) + (f" ({style.plain(what.unit)})" if what.unit != "1" else "")),
        ),
        note=f"Predicted values are open triangles with intervals of {100 * level:g} % for a new cell like those that "
        f"the forecast was learned from; grey are the naive forecasts.{left}",
    )


def unlike(
    cells: pl.DataFrame,
    *,
    rate: float,
    learned_from: int,
    strange: Mapping[str, float] | None = None,
    threshold: float = 0.0,
) -> Figure:
    """Draw how strange each cell is, the strangest first, with the threshold of the false-alarm rate.

    *cells* is that of `lirich.learn.outliers.Judgement`. The bars are p values (on a scale on which small ones are
    long); with *strange*, of cells that were judged by models of the others, they are that, and *threshold* its own.
    """
    shown = cells.sort("p").head(_MOST_BARS).reverse()
    names = [style.plain(n) for n in shown["cell"].to_list()]
    if strange is None:
        length, line = -np.log10(shown["p"].to_numpy()), -float(np.log10(rate))
        least = 0.5 * float(shown["p"].to_numpy().min())
        ticks = [p for p in _P_TICKS if p >= least]
        axis = style.axis(
            "p value (longer: stranger)", tickvals=style.numbers(-np.log10(ticks)), ticktext=[f"{p:g}" for p in ticks]
        )
        how = f"judged by {learned_from} cells"
    else:
        length, line = np.array([strange[c] for c in shown["cell"].to_list()]), threshold
        axis = style.axis("How strange (distance from usual, in units of the usual distance)")
        how = "each judged by models of the others, so that so many are flagged even if all are sound"
    axis["range"] = [min(0.0, 1.1 * float(length.min())), 1.3 * max(float(length.max()), line)]
    told = [_unlike_words(row) for row in shown.iter_rows(named=True)]
    flagged = shown["flagged"].to_list()
    left = f" The {_MOST_BARS} strangest of {cells.height} cells are drawn." if cells.height > _MOST_BARS else ""
    count = int(cells["flagged"].sum())
    most = ", ".join(f"{c} (p = {p:.3g})" for c, p in cells.sort("p").head(5).select("cell", "p").iter_rows())
    return Figure(
        title=f"{count} of {cells.height} cells flagged at a false-alarm rate of {100 * rate:g} %",
        alt=f"Most unlike: {most}.",
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": names,
                "x": style.numbers(length),
                "marker": {"color": [style.PC_COLOUR if flag else "#9AA5AD" for flag in flagged]},
                "text": [f"p = {p:.3g}; most unlike in {words}" for p, words in zip(shown["p"], told, strict=True)],
                "textposition": "none",
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        layout=style.layout(
            height=110 + 24 * len(names),
            xaxis=axis,
            yaxis=style.axis("", type="category", showgrid=False, tickfont={"size": 11}),
            annotations=[
                {
                    "x": max(float(at), 0.0), "y": name, "text": style.plain(words), "showarrow": False,
                    "xanchor": "left", "xshift": 4, "font": {"size": 11, "color": style.NEUTRAL},
                }
                for at, name, words, flag in zip(length, names, told, flagged, strict=True)
                if flag
            ],
            shapes=[
                {
                    "type": "line", "xref": "x", "yref": "paper", "x0": line, "x1": line, "y0": 0, "y1": 1,
                    "line": {"color": style.TOTAL_COLOUR, "width": 1.4, "dash": "4px,3px"},
                }
            ],
        ),
        note=f"Dashed: the threshold. Of sound cells made and tested like these {100 * rate:g} % are beyond it; "
        f"{how}.{left}",
    )  # fmt: skip


_P_TICKS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_MOST_BARS = 30


def _unlike_words(row: Mapping[str, Any]) -> str:
    way = f"{row['way']} × {row['scale']:.3f}" if row["way"] == "scale" else str(row["way"])
    return f"{way}, cycle {row['cycle']}" if row["cycle"] is not None else way


def drivers(models: pl.DataFrame, importances: pl.DataFrame, what: Quantity, *, samples: int) -> Figure:
    """Draw the error of each model on samples left out beside the naive baseline, and below it what each field adds.

    *models* and *importances* are those of `lirich.learn.Drivers`; without importances only the models are drawn.
    """
    unit = "" if what.unit == "1" else what.unit
    axis_unit = f" ({style.plain(unit)})" if unit else ""
    rows = models.reverse()
    names = [
        f"{kind} (naive)" if p is None else f"{kind}, skill {format_number(skill, decimals=2)}"
        for kind, skill, p in rows.select("model", "skill", "p").iter_rows()
    ]
    traces: list[dict[str, Any]] = [
        {
            "type": "bar", "orientation": "h", "y": names, "x": style.numbers(rows["rmse"].to_numpy()),
            "marker": {"color": ["#9AA5AD" if p is None else style.SC_COLOUR for p in rows["p"]]}, "yaxis": "y",
            "text": [f"{error:.3g}" for error in rows["rmse"]],
            "textposition": "auto", "insidetextanchor": "start", "insidetextfont": {"color": "#FFFFFF", "size": 12},
            "customdata": ["the naive baseline" if p is None else f"p {p:.2g} of being no better" for p in rows["p"]],
            "hovertemplate": "%{y}: %{text}, %{customdata}<extra></extra>",
        }
    ]  # fmt: skip
    fields = importances.head(_MOST_BARS).reverse()
    if fields.height:
        grown, low, high = (fields[n].to_numpy() for n in ("rmse_increase", "low", "high"))
        traces.append(
            {
                "type": "bar", "orientation": "h", "xaxis": "x2", "yaxis": "y2",
                "y": [style.plain(n.replace("_", " ")) for n in fields["field"].to_list()], "x": style.numbers(grown),
                "marker": {"color": [style.PC_COLOUR if t else "#C9D1D6" for t in fields["told"].to_list()]},
                "error_x": {
                    "type": "data", "symmetric": False, "color": style.TOTAL_COLOUR, "thickness": 1.2, "width": 3,
                    "array": style.numbers(np.maximum(high - grown, 0)),
                    "arrayminus": style.numbers(np.maximum(grown - low, 0)),
                },
                "hovertemplate": "%{y}: %{x:.3g} " + style.plain(unit) + "<extra></extra>",
            }
        )  # fmt: skip
    below = 26 * fields.height
    height = 170 + 30 * len(names) + below + (70 if fields.height else 0)
    inner = height - 80
    cut = (below + 10) / inner if fields.height else 0.0
    upper = cut + 62 / inner if fields.height else 0.0
    told = [str(f) for f, t in importances.select("field", "told").iter_rows() if t] if importances.height else []
    layout = style.layout(
        height=height,
        xaxis=style.axis(f"Error on samples left out{axis_unit}", rangemode="tozero", anchor="y"),
        yaxis=style.axis("", type="category", domain=[upper, 1.0], showgrid=False),
    )
    if fields.height:
        layout |= {
            "xaxis2": style.axis(f"Error more when shuffled{axis_unit}", anchor="y2", zeroline=True),
            "yaxis2": style.axis(
                "", type="category", domain=[0.0, cut], anchor="x2", showgrid=False, tickfont={"size": 11}
            ),
        }
    return Figure(
        title=f"What explains {what.name}",
        alt=f"{samples} samples; RMSE "
        + ", ".join(f"{n} {e:.3g}" for n, e in models.select("model", "rmse").iter_rows())
        + (f". Told: {', '.join(told)}." if told else ". Nothing is told of the fields."),
        data=traces,
        layout=layout,
        note=f"{samples} samples, each left out in turn; grey is the naive baseline. "
        + ("Coloured fields are told at 5 %, corrected for their number; bars are intervals of 90 %." if fields.height
           else "No model beats the baseline: nothing is said of the fields."),
    )  # fmt: skip


def _touches(features: pl.DataFrame, count: int) -> list[str]:
    mine = features.filter((pl.col("component") <= count) & pl.col("touched"))
    rows = mine.select("component", "feature", "voltage_v").iter_rows()
    return [f"PC{c} touches the {what} at {at:.2f} V" for c, what, at in rows]


def _percent(share: float) -> str:
    """Write a share that is named as a change: to 1 %, and below to the first digit that is not 0."""
    percent = 100.0 * share
    whole = abs(percent) >= 1.0
    return f"{format_signed(percent, decimals=0) if whole else format_signed(percent, significant=1)} %"


def _naive(dash: str) -> dict[str, Any]:
    return {"color": "#9AA5AD", "width": 1.4, "dash": dash}


def _trace(x: Array, y: Array, name: str, line: dict[str, Any], told: str, *, legend: bool) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": name, "showlegend": legend, "x": style.numbers(x),
        "y": style.numbers(y), "line": line, "hovertemplate": f"{told} ({name})<extra></extra>",
    }  # fmt: skip

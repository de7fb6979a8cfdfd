"""Figures of a screening: the funnel, scores with their intervals, two descriptors with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lirich.model import Origin
from lirich.model.format import capitalised
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure
from lirich.plots.traces import bars
from lirich.quantities import QUANTITIES

_COMPUTED, _FRONT, _FELL = style.SC_COLOUR, style.PC_COLOUR, "#9AA5AD"
_PREDICTED = "#CC79A7"
"""Okabe & Ito's reddish purple: neither that of the computed nor that of the front."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A candidate with one figure and its interval: ``low`` and ``high`` are ``None`` where there is none."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def funnel(counts: Sequence[tuple[str, int]], labels: Sequence[str]) -> Figure:
    """Draw how many candidates are left after each gate; *counts* begins with those that entered.

    *labels* are short words for the axis, one for each count; they may have ``_subscripts``.
    """
    names = [style.symbol(label) for label in labels][::-1]
    numbers = [n for _, n in counts][::-1]
    trace = bars(names, numbers, "left", _COMPUTED)
    trace |= {"text": [str(n) for n in numbers], "hovertemplate": "%{y}: %{x} left<extra></extra>"}
    return Figure(
        title="Funnel",
        alt="Candidates left: " + "; ".join(f"{name} {n}" for name, n in counts) + ".",
        data=[trace],
        layout=style.layout(
            height=120 + 34 * len(counts),
            xaxis=style.axis("Candidates left", rangemode="tozero", tickformat="d"),
            yaxis=style.axis(""),
        ),
    )


def scores(spots: Sequence[Spot], *, level: float, zero: str = "undoped", origin: Origin = Origin.COMPUTED) -> Figure:
    """Draw the score of each candidate with its interval, best on top; predicted ones have marks of their own.

    *zero* says what scores 0.
    """
    computed = origin is Origin.COMPUTED
    ordered = sorted(spots, key=lambda s: s.value)
    trace = _dots(ordered, _COMPUTED if computed else _PREDICTED, style.MARKERS[origin])
    trace |= {"y": [style.plain(s.name) for s in ordered]}
    trace["x"] = style.numbers([s.value for s in ordered])
    trace["error_x"] = _errors(ordered)
    return Figure(
        title="Scores" if computed else "Predicted scores",
        alt="Score with interval: " + ", ".join(f"{s.name} {s.value:+.2f}" for s in ordered[::-1]) + ".",
        data=[trace],
        layout=style.layout(
            height=110 + 26 * len(ordered),
            xaxis=style.axis(f"Score (0: {zero})", zeroline=True, zerolinecolor="#9AA5AD"),
            yaxis=style.axis("", type="category"),
            annotations=origin_label(origin),
        ),
        note=f"Bars: {level:.0%} interval, drawn from the intervals of all figures."
        if computed
        else f"Nobody computed these. Bars: {level:.0%} interval, by the errors on dopants left out.",
    )


def against(
    x_key: str,
    y_key: str,
    pairs: Sequence[tuple[Spot, Spot]],
    *,
    front: Sequence[str] = (),
    fallen: Sequence[str] = (),
    reference: tuple[float, float] | None = None,
    over: str = "orderings and calculators; a point without bars is one result",
) -> Figure:
    """Draw two quantities of the candidates against each other, with intervals.

    Those on the Pareto front are joined and filled, those of *fallen* did not come through the gates; *reference* is
    the undoped material; *over* says what the intervals are over.
    """
    x_known, y_known = QUANTITIES[x_key], QUANTITIES[y_key]
    groups = (
        ("on the Pareto front", [p for p in pairs if p[0].name in front], _FRONT, "square"),
        ("others", [p for p in pairs if p[0].name not in front and p[0].name not in fallen], _COMPUTED, "square-open"),
        ("fell at a gate", [p for p in pairs if p[0].name in fallen and p[0].name not in front], _FELL, "x-open"),
    )
    traces: list[dict[str, Any]] = []
    best = sorted((p for p in pairs if p[0].name in front), key=lambda p: p[0].value)
    if len(best) > 1:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": style.numbers([p[0].value for p in best]),
                "y": style.numbers([p[1].value for p in best]),
                "line": {"color": _FRONT, "width": 1, "dash": style.DASHES[Origin.COMPUTED]},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
    for name, members, colour, symbol in groups:
        if not members:
            continue
        trace = _dots([p[0] for p in members], colour, symbol) | {"name": name, "mode": "markers+text"}
        trace["x"] = style.numbers([p[0].value for p in members])
        trace["y"] = style.numbers([p[1].value for p in members])
        trace["error_x"] = _errors([p[0] for p in members])
        trace["error_y"] = _errors([p[1] for p in members])
        trace["text"] = [style.plain(p[0].name) for p in members]
        trace["textposition"] = "top right"
        trace["textfont"] = {"size": 11}
        trace["hovertemplate"] = f"%{{text}}<br>%{{x:.3g}} {x_known.unit}, %{{y:.3g}} {y_known.unit}<extra></extra>"
        traces.append(trace)
    if reference is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "undoped",
                "x": [reference[0]],
                "y": [reference[1]],
                "marker": {"symbol": "cross-thin-open", "size": 13, "color": style.TOTAL_COLOUR, "line": {"width": 2}},
                "hovertemplate": "undoped<br>%{x:.3g}, %{y:.3g}<extra></extra>",
            }
        )
    said = ", ".join(f"{a.name} ({a.value:.3g}, {b.value:.3g})" for a, b in pairs)
    return Figure(
        title=f"{capitalised(y_known.name)} against {x_known.name}",
        alt=f"{y_known.name} ({y_known.unit}) against {x_known.name} ({x_known.unit}): {said}.",
        data=traces,
        layout=style.layout(
            showlegend=True,
            height=420,
            xaxis=style.axis(_title(x_key)),
            yaxis=style.axis(_title(y_key)),
            annotations=origin_label(Origin.COMPUTED),
        ),
        note=f"Bars: 90 % intervals over {over}.",
    )


def _title(key: str) -> str:
    known = QUANTITIES[key]
    better = {"higher": ", more is better", "lower": ", less is better"}.get(known.better or "", "")
    return f"{style.symbol(known.symbol)} ({known.unit}{better})"


def _dots(spots: Sequence[Spot], colour: str, symbol: str = "square-open") -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1.6}},
        "customdata": [s.name for s in spots],
        "hovertemplate": "%{y}: %{x:.3g}<extra></extra>",
    }


def _errors(spots: Sequence[Spot]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": style.numbers([0.0 if s.high is None else s.high - s.value for s in spots]),
        "arrayminus": style.numbers([0.0 if s.low is None else s.value - s.low for s in spots]),
        "thickness": 1,
        "width": 3,
        "color": _FELL,
    }

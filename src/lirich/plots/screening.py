"""Figures of a screening: the funnel, scores with their intervals, two descriptors with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from lirich.model import Origin
from lirich.model.format import capitalised
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure
from lirich.plots.traces import bars
from lirich.quantities import QUANTITIES

MOST_NUMBERS = 12
"""The ranks up to this one are written beside their points,"""
_NEAR = 0.03
"""unless within this part of both spreads another one is."""
_NARROW_PX = (230.0, 240.0)
"""Width and height that the points of a figure have on a page 420 px wide, without axes, legend and margins."""
_LETTER_PX, _LINE_PX, _MARK_PX = 7.0, 13.0, 6.0
"""Width of a digit and height of a line in the size of the labels, half the width of a mark."""
_SIDES = {
    "top right": (1, 1), "top left": (-1, 1), "bottom right": (1, -1), "bottom left": (-1, -1),
    "middle right": (1, 0), "middle left": (-1, 0), "top center": (0, 1), "bottom center": (0, -1),
}  # fmt: skip
_EACH_TICK = 10
"""Up to so many candidates each has its tick; of more, Plotly's own ticks are whole numbers."""
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
    ticks = {"dtick": 1} if max(numbers) <= _EACH_TICK else {"tickformat": "d"}
    trace |= {"text": [str(n) for n in numbers], "hovertemplate": "%{y}: %{x} left<extra></extra>"}
    return Figure(
        title="Funnel",
        alt="Candidates left: " + "; ".join(f"{name} {n}" for name, n in counts) + ".",
        data=[trace],
        layout=style.layout(
            height=120 + 34 * len(counts),
            xaxis=style.axis("Candidates left", rangemode="tozero", **ticks),
            yaxis=style.axis(""),
        ),
    )


def scores(spots: Sequence[Spot], *, level: float, zero: str = "undoped", origin: Origin = Origin.COMPUTED) -> Figure:
    """Draw the score of each candidate with its interval, best on top; predicted ones have marks of their own.

    *zero* says what scores 0. Scores of figures of several origins are ``Origin.MEASURED``: no label then says more.
    """
    computed = origin is not Origin.PREDICTED
    ordered = sorted(spots, key=lambda s: s.value)
    mark = "square-open" if computed else style.MARKERS[origin]
    trace = _dots(ordered, _COMPUTED if computed else _PREDICTED, mark)
    trace |= {"y": [style.formula(s.name) for s in ordered]}
    trace["x"] = style.numbers([s.value for s in ordered])
    trace["error_x"] = _errors(ordered)
    return Figure(
        title="Scores" if computed else "Predicted scores",
        alt="Score with interval: " + ", ".join(f"{s.name} {s.value:+.2f}" for s in ordered[::-1]) + ".",
        data=[trace],
        layout=style.layout(
            height=110 + 26 * len(ordered),
            xaxis=style.axis(f"Score (0: {style.formula(zero)})", zeroline=True, zerolinecolor="#9AA5AD"),
            yaxis=style.axis("", type="category", range=[-0.8, len(ordered) - 0.2]),
            annotations=origin_label(origin),
        ),
        note=_score_note(ordered, level)
        if computed
        else f"Nobody computed these. Bars: {level:.0%} interval, by the errors on dopants left out.",
    )


def _score_note(spots: Sequence[Spot], level: float) -> str:
    if all(spot.low is None for spot in spots):
        return "No bars: no interval of a score is known."
    return f"Bars: {level:.0%} interval, drawn from the intervals of all figures."


def against(
    x_key: str,
    y_key: str,
    pairs: Sequence[tuple[Spot, Spot]],
    *,
    front: Sequence[str] = (),
    fallen: Sequence[str] = (),
    reference: tuple[float, float] | None = None,
    better: Mapping[str, str | None] | None = None,
    ranks: Mapping[str, int] | None = None,
    labels: Mapping[str, str] | None = None,
    over: str = "orderings and calculators",
    origin: Origin = Origin.COMPUTED,
) -> Figure:
    """Draw two quantities of the candidates against each other, with intervals.

    Those on the Pareto front are joined and filled, those of *fallen* did not come through the gates; *reference* is
    the undoped material, *better* says ``higher`` or ``lower`` where that is not as the vocabulary has it. With *ranks*
    the points carry these numbers in place of their names, and the figure is cut to those that have one; with *labels*
    they carry these, set apart from each other, and the note says whose they are. *over* says what the intervals are
    over.
    """
    x_known, y_known = QUANTITIES[x_key], QUANTITIES[y_key]
    groups = (
        ("on the Pareto front", [p for p in pairs if p[0].name in front], _FRONT, "square"),
        ("others", [p for p in pairs if p[0].name not in front and p[0].name not in fallen], _COMPUTED, "square-open"),
        ("fell at a gate", [p for p in pairs if p[0].name in fallen and p[0].name not in front], _FELL, "x-open"),
    )
    traces: list[dict[str, Any]] = []
    faint = {} if ranks is None and labels is None else {"color": style.see_through(_FELL, 0.35)}
    sides = {} if labels is None else _apart(x_key, y_key, pairs, labels, reference)
    ranked = [p for p in pairs if ranks is not None and p[0].name in ranks]
    numbered = _numbered(x_key, y_key, ranked, ranks) if ranks and ranked else {}
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
        trace["error_x"] = _errors([p[0] for p in members]) | faint
        trace["error_y"] = _errors([p[1] for p in members]) | faint
        named = [style.formula(p[0].name) for p in members]
        trace["text"] = named if ranks is None else [numbered.get(p[0].name, "") for p in members]
        trace["hovertext"] = named
        trace["textposition"] = "top right"
        trace["cliponaxis"] = False
        if labels is not None:
            trace["text"] = [labels[p[0].name] if p[0].name in sides else "" for p in members]
            trace["textposition"] = [sides.get(p[0].name, "top right") for p in members]
        trace["textfont"] = {"size": 11}
        trace["hovertemplate"] = (
            f"%{{hovertext}}<br>%{{x:.3g}} {x_known.unit}, %{{y:.3g}} {y_known.unit}<extra></extra>"
        )
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
            xaxis=style.axis(_title(x_key, better), **_cut(x_key, [p[0] for p in pairs], ranks)),
            yaxis=style.axis(_title(y_key, better), **_cut(y_key, [p[1] for p in pairs], ranks)),
            annotations=origin_label(origin),
        ),
        note=f"Bars: 90 % intervals over {over}; a point without bars has none."
        + (" Numbers are ranks; what lies far off the ranked ones is outside." if ranks else "")
        + _whose(pairs, labels, sides),
    )


def _whose(pairs: Sequence[tuple[Spot, Spot]], labels: Mapping[str, str] | None, sides: Mapping[str, str]) -> str:
    """Say whose each label is, and where the points stand that had no room for theirs."""
    if not labels or not sides:
        return ""
    written = ", ".join(f"{label}: {name}" for name, label in labels.items() if name in sides)
    bare = [f"{a.name} at {a.value:.3g}, {b.value:.3g}" for a, b in pairs if a.name in labels and a.name not in sides]
    return f" {written}." + (f" No room for the label of {'; '.join(bare)}." if bare else "")


def _numbered(x_key: str, y_key: str, pairs: Sequence[tuple[Spot, Spot]], ranks: Mapping[str, int]) -> dict[str, str]:
    """Return the ranks that are written beside points, the best first, where none is written already."""
    places = {x.name: (_on_axis(x_key, x.value), _on_axis(y_key, y.value)) for x, y in pairs}
    room = [_NEAR * ((max(values) - min(values)) or 1.0) for values in zip(*places.values(), strict=True)]
    written: dict[str, str] = {}
    for name in sorted(places, key=lambda name: ranks[name]):
        x, y = places[name]
        near = (places[other] for other in written)
        if ranks[name] <= MOST_NUMBERS and all(abs(x - a) > room[0] or abs(y - b) > room[1] for a, b in near):
            written[name] = str(ranks[name])
    return written


def _apart(
    x_key: str,
    y_key: str,
    pairs: Sequence[tuple[Spot, Spot]],
    labels: Mapping[str, str],
    reference: tuple[float, float] | None,
) -> dict[str, str]:
    """Return on which side of its point each label stands, so that no two touch, nor another point or *reference*.

    Reckoned for the narrowest page (`_NARROW_PX`); a wider one sets the points further apart. Those of *labels* that
    come first choose first; one that finds no room is left out.
    """
    spots = {x.name: (_on_axis(x_key, x.value), _on_axis(y_key, y.value)) for x, y in pairs}
    if reference is not None:
        spots[""] = (_on_axis(x_key, reference[0]), _on_axis(y_key, reference[1]))
    ends = [
        [_on_axis(key, e) for pair in pairs for e in (pair[k].value, pair[k].low, pair[k].high) if e is not None]
        for k, key in enumerate((x_key, y_key))
    ]
    scale = [room / ((max(e) - min(e)) or 1.0) for e, room in zip(ends, _NARROW_PX, strict=True)]
    points = {name: (x * scale[0], y * scale[1]) for name, (x, y) in spots.items()}
    taken: list[tuple[float, float, float, float]] = []
    found: dict[str, str] = {}
    for name in (name for name in labels if name in points):
        x, y = points[name]
        wide = _LETTER_PX * len(labels[name])
        marks = [(a - _MARK_PX, b - _MARK_PX, a + _MARK_PX, b + _MARK_PX) for n, (a, b) in points.items() if n != name]
        for side, (right, up) in _SIDES.items():
            left, low = x + right * (_MARK_PX + wide / 2) - wide / 2, y + up * (_MARK_PX + _LINE_PX / 2) - _LINE_PX / 2
            box = (left, low, left + wide, low + _LINE_PX)
            if not any(_touch(box, other) for other in (*taken, *marks)):
                taken.append(box)
                found[name] = side
                break
    return found


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _cut(key: str, spots: Sequence[Spot], ranks: Mapping[str, int] | None) -> dict[str, Any]:
    """Return the range that holds the points with a rank and a third of their spread about them; decades as decades."""
    decades: dict[str, Any] = {}
    if QUANTITIES[key].decades:
        decades = {"type": "log", "dtick": "D2", "tickformat": ".0e", "minorloglabels": "complete"}
    values = [_on_axis(key, s.value) for s in spots if ranks and s.name in ranks]
    if not values:
        return decades
    room = (max(values) - min(values)) / 3.0 or 1.0
    return {**decades, "range": [min(values) - room, max(values) + room]}


def _on_axis(key: str, value: float) -> float:
    return log10(value) if QUANTITIES[key].decades and value > 0 else value


def _title(key: str, better: Mapping[str, str | None] | None) -> str:
    known = QUANTITIES[key]
    towards = (better or {}).get(key) or known.better or ""
    words = {"higher": ", more is better", "lower": ", less is better"}.get(towards, "")
    return f"{style.symbol(known.symbol)} ({known.unit}{words})"


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

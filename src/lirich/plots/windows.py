"""Stability windows of many compounds as lying bars, beside the voltages that the cathode goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lirich.errors import InputError
from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure

_BAR, _OPEN, _CATHODE = style.CAPACITY_COLOUR, "#9AA5AD", "#E69F00"
_WHITE = style.fixed("#FFFFFF")
_THICK = 0.55
"""Height of a bar in rows; left out, it would follow from the places of one trace alone."""
_ROOM_V = 0.75
"""Room beside the outermost limit, for its number."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a window, V against Li/Li⁺, with its interval, and what the compound becomes beyond.

    Without ``voltage`` the end is open: ``reason`` says why; ``withheld``: there is a limit, and it is not known.
    """

    voltage: float | None
    low: float | None = None
    high: float | None = None
    becomes: str = ""
    reason: str = ""
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class WindowBar:
    """A compound with its two limits and the grade of what is known of its chemical system."""

    formula: str
    reduction: End
    oxidation: End
    grade: str = ""


def window_bars(
    bars: Sequence[WindowBar], *, cathode: tuple[float, float] | None = None, cathode_name: str = "cathode"
) -> Figure:
    """Draw the windows in the order given, the first on top.

    *cathode* are the lowest and highest voltage of the cathode, shaded. The lines at the ends are the intervals. An end
    that is withheld is hatched and has a question mark, one that does not exist runs out with an arrow.
    Raises `InputError` without bars or where the cathode's voltages are not in order.
    """
    if not bars:
        raise InputError("No windows to draw", expected="one compound at least")
    if cathode is not None and not cathode[0] < cathode[1]:
        raise InputError(f"A cathode between {cathode[0]:g} and {cathode[1]:g} V", expected="the lower voltage first")
    low, high = _span(bars, cathode)
    places = list(range(len(bars)))
    traces = [_body(bars, places, low, high), *_open_ends(bars, places, low, high), *_numbers(bars, places, low, high)]
    shapes, notes = _shaded(cathode, cathode_name) if cathode else ([], [])
    return Figure(
        title="Stability windows" + (f" beside {cathode[0]:g}–{cathode[1]:g} V" if cathode else ""),
        alt="Stable between, V against lithium: " + "; ".join(_said(bar) for bar in bars) + ".",
        data=traces,
        layout=style.layout(
            height=130 + 30 * len(bars),
            margin={"l": 64, "r": 26, "t": 40, "b": 52},
            barmode="overlay",
            xaxis=style.axis("Potential vs Li/Li<sup>+</sup> (V)", range=[low, high], dtick=1),
            yaxis=style.axis(
                "",
                tickvals=places,
                ticktext=[_label(bar) for bar in bars],
                range=[len(bars) - 0.4, -0.6],
                showgrid=False,
            ),
            shapes=shapes,
            annotations=[*notes, *origin_label(Origin.COMPUTED)],
        ),
        note="Bars: where the compound neither takes up nor gives off lithium at equilibrium. Lines at the ends: 90 % "
        "intervals from the errors of the energies. Letters: coverage of the chemical system (A best). "
        + "".join(_legend(bars))
        + "Hover or tap for what it becomes.",
    )


def _span(bars: Sequence[WindowBar], cathode: tuple[float, float] | None) -> tuple[float, float]:
    known = [v for b in bars for e in (b.reduction, b.oxidation) for v in (e.voltage, e.low, e.high) if v is not None]
    known += [0.0, 5.0, *(cathode or ())]
    return min(known) - _ROOM_V, max(known) + _ROOM_V


def _legend(bars: Sequence[WindowBar]) -> list[str]:
    ends = [e for b in bars for e in (b.reduction, b.oxidation) if e.voltage is None]
    said = []
    if any(e.withheld for e in ends):
        said.append("Hatched, ?: a limit is withheld, since phases are missing from the energies. ")
    if any(not e.withheld for e in ends):
        said.append("Pale, with an arrow: there is no limit of this kind. ")
    return said


def _label(bar: WindowBar) -> str:
    grade = f' <span style="color:#6b7882;font-size:10px">{style.plain(bar.grade)}</span>' if bar.grade else ""
    return style.formula(bar.formula) + grade


def _body(bars: Sequence[WindowBar], places: Sequence[int], low: float, high: float) -> dict[str, Any]:
    starts = [low if b.reduction.voltage is None else b.reduction.voltage for b in bars]
    ends = [high if b.oxidation.voltage is None else b.oxidation.voltage for b in bars]
    known = [_known(b) for b in bars]
    return {
        "type": "bar",
        "orientation": "h",
        "name": "window",
        "y": list(places),
        "width": _THICK,
        "base": style.numbers([max(s, low) if k is None else k[0] for s, k in zip(starts, known, strict=True)]),
        "x": style.numbers([0.0 if k is None else k[1] - k[0] for k in known]),
        "marker": {"color": style.see_through(_BAR, 0.45), "line": {"color": _BAR, "width": 1.4}},
        "customdata": [style.numbers([s, e]) for s, e in zip(starts, ends, strict=True)],
        "hovertext": [_hover(b) for b in bars],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _known(bar: WindowBar) -> tuple[float, float] | None:
    """Return what is drawn full: between both limits, or no more than a line at the only one."""
    start, end = bar.reduction.voltage, bar.oxidation.voltage
    if start is None and end is None:
        return None
    known = (end if start is None else start, start if end is None else end)
    return known[0] or 0.0, max(known[0] or 0.0, known[1] or 0.0)


def _open_ends(bars: Sequence[WindowBar], places: Sequence[int], low: float, high: float) -> list[dict[str, Any]]:
    """Return the ends that are not known: from what is known to the edge of the figure."""
    traces: list[dict[str, Any]] = []
    for withheld in (True, False):
        base: list[float] = []
        length: list[float] = []
        at: list[int] = []
        hover: list[str] = []
        for bar, place in zip(bars, places, strict=True):
            known = _known(bar)
            for end, sign in ((bar.reduction, -1), (bar.oxidation, 1)):
                if end.voltage is not None or end.withheld is not withheld:
                    continue
                middle = 0.5 * (low + high)
                edge = low if sign < 0 else high
                start = (known[0] if sign < 0 else known[1]) if known else middle
                base.append(min(start, edge))
                length.append(abs(edge - start))
                at.append(place)
                hover.append(_hover(bar))
        if not at:
            continue
        pattern = {"shape": "/", "fgcolor": _OPEN, "bgcolor": _WHITE, "size": 6, "solidity": 0.25}
        marker: dict[str, Any] = {"color": style.see_through(_BAR, 0.14), "line": {"width": 0}}
        if withheld:
            marker = {"color": _WHITE, "line": {"color": _OPEN, "width": 1}, "pattern": pattern}
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": "withheld" if withheld else "no limit",
                "y": at,
                "width": _THICK,
                "base": style.numbers(base),
                "x": style.numbers(length),
                "marker": marker,
                "hovertext": hover,
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    return traces


def _numbers(bars: Sequence[WindowBar], places: Sequence[int], low: float, high: float) -> list[dict[str, Any]]:
    """Return the limits as numbers outside the bars, with their intervals as lines."""
    traces: list[dict[str, Any]] = []
    for name, position, sign in (("reduction", "middle left", -1), ("oxidation", "middle right", 1)):
        ends = [b.reduction if sign < 0 else b.oxidation for b in bars]
        edge = low + 0.05 if sign < 0 else high - 0.05
        x = [edge if e.voltage is None else e.voltage for e in ends]
        inward = [e.voltage is None for e in ends]
        text = [_number(e, sign) for e in ends]
        outer = [
            xi if e.voltage is None else max(e.high or xi, xi) if sign > 0 else min(xi if e.low is None else e.low, xi)
            for e, xi in zip(ends, x, strict=True)
        ]
        turned = "middle right" if sign < 0 else "middle left"
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": style.numbers([e.voltage if e.voltage is not None else float("nan") for e in ends]),
                "y": list(places),
                "marker": {"size": 1, "color": style.TOTAL_COLOUR},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": style.numbers([_reach(e.high, e.voltage) for e in ends]),
                    "arrayminus": style.numbers([_reach(e.voltage, e.low) for e in ends]),
                    "thickness": 1.3,
                    "width": 4,
                    "color": style.TOTAL_COLOUR,
                },
                "hoverinfo": "skip",
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "text",
                "name": f"{name}, number",
                "x": style.numbers(outer),
                "y": list(places),
                "text": text,
                "textposition": [turned if i else position for i in inward],
                "textfont": {"size": 11, "color": style.TOTAL_COLOUR},
                "cliponaxis": False,
                "hoverinfo": "skip",
            }
        )
    return traces


def _reach(one: float | None, other: float | None) -> float:
    return 0.0 if one is None or other is None else max(one - other, 0.0)


def _number(end: End, sign: int) -> str:
    if end.voltage is not None:
        return f"\u2002{end.voltage:.2f}" if sign > 0 else f"{end.voltage:.2f}\u2002"
    return "<b>?</b>" if end.withheld else "→" if sign > 0 else "←"


def _shaded(cathode: tuple[float, float], name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    band = {
        "type": "rect",
        "yref": "paper",
        "x0": cathode[0],
        "x1": cathode[1],
        "y0": 0,
        "y1": 1,
        "fillcolor": style.see_through(_CATHODE, 0.16),
        "line": {"width": 0},
        "layer": "below",
    }
    words: dict[str, Any] = {
        "text": f"{style.formula(name)} {cathode[0]:g}–{cathode[1]:g} V",
        "x": 0.5 * (cathode[0] + cathode[1]),
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 11, "color": "#8A5A00"},
    }
    return [band], [words]


def _hover(bar: WindowBar) -> str:
    lines = [f"<b>{style.formula(bar.formula)}</b>" + (f", coverage {style.plain(bar.grade)}" if bar.grade else "")]
    for name, beyond, end in (("reduced", "below", bar.reduction), ("oxidised", "above", bar.oxidation)):
        if end.voltage is None:
            lines.append(f"{name}: {'withheld: ' if end.withheld else ''}{style.plain(end.reason or 'no limit')}")
            continue
        bounds = "" if end.low is None or end.high is None else f" ({end.low:.2f} to {end.high:.2f})"
        becomes = f" to {style.formula(end.becomes)}" if end.becomes else ""
        lines.append(f"{name} {beyond} {end.voltage:.2f} V{bounds}{becomes}")
    return "<br>".join(lines)


def _said(bar: WindowBar) -> str:
    return f"{bar.formula} {_end_said(bar.reduction)} to {_end_said(bar.oxidation)}"


def _end_said(end: End) -> str:
    if end.voltage is not None:
        return f"{end.voltage:.2f}"
    return f"{'withheld' if end.withheld else 'open'} ({end.reason})"

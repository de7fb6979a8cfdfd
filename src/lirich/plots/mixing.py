"""The gain over the mixing ratio of one contact: the pseudo-binary diagram of two solids.

Richards, Miara, Wang, Kim & Ceder, Chem. Mater. 28 (2016) 266, doi:10.1021/acs.chemmater.5b04082, figure 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lirich.errors import InputError
from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure
from lirich.plots.reactions import INERT_MEV

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")


@dataclass(frozen=True, slots=True)
class Point:
    """A kink: atoms from the first solid in percent, gain in meV per atom with its interval, and what is made."""

    share_percent: float
    energy_mev_atom: float
    low: float | None = None
    high: float | None = None
    products: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The kinks of one contact in the order of their shares, with what tells it from the others (a state of charge)."""

    name: str
    points: tuple[Point, ...]


def mixing_ratio(a: str, b: str, lines: Sequence[Line], *, how: str = "closed") -> Figure:
    """Draw the gain of mixtures of *a* and *b* against the share of the atoms that come from *a*.

    Between two kinks one set of products is the lowest; the lowest point of each line is marked. Raises `InputError`
    without lines, or of one with fewer than two points.
    """
    if not lines or any(len(line.points) < 2 for line in lines):
        raise InputError("No line to draw over the mixing ratio", expected="the two pure solids at least")
    traces: list[dict[str, Any]] = []
    for line, colour in zip(lines, (_COLOURS * len(lines))[: len(lines)], strict=False):
        if all(p.low is not None and p.high is not None for p in line.points):
            traces.append(_band(line, colour))
        traces.append(_curve(line, colour))
    lowest = [min(line.points, key=lambda p: p.energy_mev_atom) for line in lines]
    marked = [p for p in lowest if p.energy_mev_atom < -INERT_MEV]
    if marked:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "most gained",
                "x": style.numbers([p.share_percent for p in marked]),
                "y": style.numbers([p.energy_mev_atom for p in marked]),
                "marker": {"symbol": "circle-open", "size": 15, "color": style.TOTAL_COLOUR, "line": {"width": 1.6}},
                "hoverinfo": "skip",
            }
        )
    depth = min(0.0, *(p.energy_mev_atom if p.low is None else p.low for line in lines for p in line.points))
    scale = {} if depth < -5.0 else {"range": [-10.0, 1.0]}
    return Figure(
        title=f"Gain of mixtures of {a} and {b}, {how}",
        alt="; ".join(
            f"{line.name}: "
            + (
                f"most is gained with {p.share_percent:.0f} % of the atoms from {a}, {p.energy_mev_atom:.0f} meV/atom"
                + (f", making {p.products}" if p.products else "")
                if p in marked
                else "no mixture gains anything"
            )
            for line, p in zip(lines, lowest, strict=True)
        )
        + ".",
        data=traces,
        layout=style.layout(
            showlegend=True,
            height=380,
            margin={"l": 64, "r": 26, "t": 34, "b": 76},
            xaxis=style.axis(
                f"Share of the atoms from {style.formula(a)} (%)", range=[-2, 102], tickvals=[0, 25, 50, 75, 100]
            ),
            yaxis=style.axis("Gain (meV/atom)", zeroline=True, zerolinecolor="#9AA5AD", **scale),
            annotations=[*_ends(a, b), *origin_label(Origin.COMPUTED)],
        ),
        note="Left all of one solid, right all of the other; each kink is a mixture of fixed products, and along a "
        "straight piece one set of products gives way to the next. The contact reacts by the lowest point. Shaded: "
        "90 % interval from the errors of the energies. Hover or tap a kink for its products.",
    )


def _ends(a: str, b: str) -> list[dict[str, Any]]:
    return [
        {
            "text": f"<b>{style.formula(name)}</b>",
            "x": x,
            "xref": "paper",
            "xanchor": anchor,
            "y": 0,
            "yref": "paper",
            "yanchor": "top",
            "yshift": -48,
            "showarrow": False,
            "font": {"size": 11},
        }
        for name, x, anchor in ((f"all {b}", 0, "left"), (f"all {a}", 1, "right"))
    ]


def _band(line: Line, colour: str) -> dict[str, Any]:
    shares = [p.share_percent for p in line.points]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"{style.plain(line.name)}, interval",
        "x": style.numbers([*shares, *shares[::-1]]),
        "y": style.numbers([*(p.low or 0.0 for p in line.points), *(p.high or 0.0 for p in line.points[::-1])]),
        "fill": "toself",
        "fillcolor": style.see_through(colour, 0.13),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _curve(line: Line, colour: str) -> dict[str, Any]:
    hover = []
    for p in line.points:
        sure = "" if p.low is None or p.high is None else f" ({p.low:.0f} to {p.high:.0f})"
        made = f"<br>{style.formula(p.products)}" if p.products else ""
        hover.append(
            f"<b>{style.plain(line.name)}</b><br>{p.share_percent:.1f} %: {p.energy_mev_atom:.0f}{sure} meV/atom{made}"
        )
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": style.plain(line.name),
        "x": style.numbers([p.share_percent for p in line.points]),
        "y": style.numbers([p.energy_mev_atom for p in line.points]),
        "line": {"color": colour, "width": 1.8, "dash": style.DASHES[Origin.COMPUTED]},
        "marker": {"size": 6, "color": colour, "symbol": style.MARKERS[Origin.COMPUTED]},
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }

"""One look for every figure: colours of groups and segments, line styles of origins, the common layout.

Colours are those of Okabe & Ito (*Color Universal Design*, https://jfly.uni-koeln.de/color/), which people with
any of the common colour-vision deficiencies can tell apart; the colour scale over cycles is viridis
(van der Walt & Smith, 2015, CC0), cut before its brightest yellow so that every line reads on white.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.model.counter import counter_potential_v

SC_COLOUR: Final = "#0072B2"
PC_COLOUR: Final = "#D55E00"
NEUTRAL: Final = "#5B6770"

NO_GROUP: Final = "not grouped"

_FIXED_GROUPS = MappingProxyType({"SC": SC_COLOUR, "PC": PC_COLOUR, NO_GROUP: NEUTRAL, "not stated": NEUTRAL})
_OTHER_GROUPS = ("#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#6A5ACD", "#8C564B", "#1B7837", "#B2182B")

CHARGE_COLOUR: Final = "#B5541C"
DISCHARGE_COLOUR: Final = "#0B6E99"
STRUCTURE_COLOUR: Final = "#8A4FA3"
POLARISATION_COLOUR: Final = "#C98A00"
CAPACITY_COLOUR: Final = "#2F7F6F"
TOTAL_COLOUR: Final = "#2B3640"

SEGMENT_COLOURS: MappingProxyType[str, str] = MappingProxyType(
    {
        "formation": "#E69F00",
        "ageing": "#7F8C96",
        "rate_test": "#56B4E9",
        "check_up": "#009E73",
        "gitt": "#CC79A7",
        "ici": "#8A4FA3",
        "pulse": "#8A4FA3",
        "pseudo_ocv": "#0072B2",
        "rest": "#C9D1D6",
    }
)
"""Colours of the protocol segments; a kind that is not here is neutral."""

ORIGIN_COLOURS: MappingProxyType[Origin, str] = MappingProxyType(
    {
        Origin.MEASURED: NEUTRAL,
        Origin.LITERATURE: NEUTRAL,
        Origin.COMPUTED: "#0B5D73",
        Origin.SIMULATED: "#71408A",
        Origin.PREDICTED: "#71408A",
    }
)
"""Colour of the word that names an origin in a figure: that of its badge on a page (``report.css``)."""

DASHES: MappingProxyType[Origin, str] = MappingProxyType(
    {
        Origin.MEASURED: "solid",
        Origin.LITERATURE: "solid",
        Origin.COMPUTED: "7px,2px,2px,2px",
        Origin.SIMULATED: "5px,2.5px",
        Origin.PREDICTED: "1.5px,2.5px",
    }
)
"""Line style of each origin: only what was measured (or published as measured) is drawn solid."""

MARKERS: MappingProxyType[Origin, str] = MappingProxyType(
    {
        Origin.MEASURED: "circle",
        Origin.LITERATURE: "diamond",
        Origin.COMPUTED: "square-open",
        Origin.SIMULATED: "circle-open",
        Origin.PREDICTED: "triangle-up-open",
    }
)
"""Marker of each origin: filled is measured, a circle by the user and a diamond by others; open is not measured."""

FONT: Final = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
)

_VIRIDIS = (
    (0x44, 0x01, 0x54), (0x48, 0x25, 0x76), (0x41, 0x44, 0x87), (0x35, 0x5F, 0x8D), (0x2A, 0x78, 0x8E),
    (0x21, 0x91, 0x8C), (0x22, 0xA8, 0x84), (0x44, 0xBF, 0x70), (0x5E, 0xC9, 0x62),
)  # fmt: skip


_EACH_CYCLE = 10
"""Over so many cycles each has its tick; over more, Plotly's own ticks are whole numbers."""

_SEGMENT_NAMES = MappingProxyType(
    {"check_up": "check-up", "pseudo_ocv": "pseudo-OCV", "gitt": "GITT", "ici": "ICI", "cv": "constant voltage"}
)


def segment_name(kind: str) -> str:
    """Return the kind of a protocol segment as it is spoken: ``rate test``, ``check-up``, ``GITT``."""
    return _SEGMENT_NAMES.get(kind, kind.replace("_", " "))


def group_colours(groups: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Give each group its colour: SC and PC always theirs, the others in the order of their names."""
    others = sorted(g for g in set(groups) if g not in _FIXED_GROUPS)
    colours = {name: _OTHER_GROUPS[i % len(_OTHER_GROUPS)] for i, name in enumerate(others)}
    return {g: _FIXED_GROUPS.get(g) or colours[g] for g in dict.fromkeys(groups)}


def turn_colour(turn: int) -> str:
    """Return the colour of the *turn*-th of things that are in no group."""
    return _OTHER_GROUPS[turn % len(_OTHER_GROUPS)]


_MOST_LETTERS = 24
_LEGEND_PX = 450  # what a figure of half a page has beside its axis
_LETTER_PX, _SAMPLE_PX, _ROW_PX = 6.6, 46, 19  # of the legend: a letter, the line before a name, a row


def shortened(name: str) -> str:
    """Return *name* for a legend: of a long one both ends, which tell files of a batch apart."""
    half = _MOST_LETTERS // 2
    return name if len(name) <= _MOST_LETTERS else f"{name[: half - 1]}…{name[-half:]}"


def legend_height(names: Iterable[str]) -> int:
    """Return by how much a lying legend of *names* is higher than one row, px: room that a figure needs above it."""
    rows, used = 1, 0.0
    for name in names:
        width = _SAMPLE_PX + _LETTER_PX * len(name)
        if used and used + width > _LEGEND_PX:
            rows, used = rows + 1, 0.0
        used += width
    return _ROW_PX * (rows - 1)


def cycle_colour(fraction: float) -> str:
    """Return the colour at *fraction* (0 first cycle … 1 last cycle) of the colour scale."""
    position = min(max(fraction, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    i = min(int(position), len(_VIRIDIS) - 2)
    part = position - i
    channels = (round(a + (b - a) * part) for a, b in zip(_VIRIDIS[i], _VIRIDIS[i + 1], strict=True))
    return "#" + "".join(f"{c:02x}" for c in channels)


def cycle_colourscale() -> list[list[float | str]]:
    """Return the colour scale over cycles in Plotly's form."""
    n = len(_VIRIDIS) - 1
    return [[i / n, cycle_colour(i / n)] for i in range(n + 1)]


def see_through(colour: str, opacity: float) -> str:
    """Return ``#rrggbb`` as an ``rgba()`` colour of that *opacity* (0–1)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def fixed(colour: str) -> str:
    """Return ``#rrggbb`` in a form that a dark page leaves as it is: for letters on a ground of their own."""
    return see_through(colour, 1.0)


def plain(text: object) -> str:
    """Return text of a user or a file such that Plotly shows it letter by letter.

    Plotly reads a small HTML in titles, names and hover texts, and ``%{…}`` in hover templates; both are
    written as character references. Line breaks and control characters become blanks.
    """
    letters = "".join(c if c.isprintable() else " " for c in str(text))
    return html.escape(letters, quote=False).replace("%{", "%&#123;")


def symbol(text: str) -> str:
    """Return a symbol with its ``_subscripts`` as Plotly and HTML show them: ``V̄_dis`` as V̄<sub>dis</sub>."""
    return re.sub(r"_(\w+(?:,\w+)*)", r"<sub>\1</sub>", plain(text))


def formula(text: object) -> str:
    """Return a chemical formula with its amounts set low, as Plotly and HTML show them; other text stays as it is.

    Low are the numbers that follow a letter or a closing bracket: ``Li1.2(PS6)2`` has Li<sub>1.2</sub>(PS<sub>6</sub>)…
    """
    return re.sub(r"(?<=[A-Za-z)\]])(\d+(?:\.\d+)?)", r"<sub>\1</sub>", plain(text))


def numbers(values: Any, digits: int = 5) -> list[float | None]:
    """Return *values* (array-like, shape (n,)) as JSON numbers of *digits* significant digits; NaN becomes null."""
    array: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in array.tolist()]


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """Return an axis in lirich's look."""
    look: dict[str, Any] = {
        "showgrid": True,
        "gridcolor": "#E7EBEE",
        "zeroline": False,
        "showline": True,
        "linecolor": "#9AA5AD",
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "#9AA5AD",
        "automargin": True,
        "title": {"text": title, "standoff": 8, "font": {"size": 13}},
        "tickfont": {"size": 12},
    }
    if more.get("type") == "log":
        look["minorloglabels"] = "complete"  # 20 and 50, not 2 and 5
    return look | more


def cycle_axis(cycles: Iterable[float], **more: Any) -> dict[str, Any]:
    """Return the axis over *cycles*; of few cycles each has its tick, since there is no cycle 1.2."""
    known = list(cycles)
    few = not known or max(known) - min(known) <= _EACH_CYCLE
    return axis("Cycle", **({"dtick": 1} if few else {}), **more)


def voltage_axis(counter: str | None = None) -> dict[str, Any]:
    """Return the axis of a cell's voltage, against its *counter* electrode where that is given."""
    if counter is None:
        return axis("Voltage (V)")
    against = "Li/Li<sup>+</sup>" if counter_potential_v(counter) == 0.0 else plain(counter)
    return axis(f"Voltage vs {against} (V)")


def layout(**more: Any) -> dict[str, Any]:
    """Return a layout in lirich's look, *more* laid over it."""
    look: dict[str, Any] = {
        "font": {"family": FONT, "size": 13, "color": "#2B3640"},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "margin": {"l": 64, "r": 22, "t": 26, "b": 52},
        "height": 360,
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left", "font": {"size": 12}},
        "showlegend": False,
    }
    return look | more

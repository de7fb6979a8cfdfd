"""The periodic table, coloured by the score of a screening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lirich.plots import style
from lirich.plots.figure import Figure

_GREY = "#EEF1F3"
_TEXT = "#2B3640"
_FAINT = "#9AA5AD"

_NEGATIVE, _MIDDLE, _POSITIVE = (0xD5, 0x5E, 0x00), (0xF7, 0xF7, 0xF7), (0x00, 0x72, 0xB2)
"""Worse than the undoped material, like it, better: Okabe & Ito's vermilion and blue, told apart by all."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The score of an element, or of elements together; ``predicted`` by a surrogate instead of computed.

    Without a score (``None``) it was tried and gave none: ``words`` then say why.
    """

    elements: tuple[str, ...]
    score: float | None
    words: str = ""
    predicted: bool = False


def periodic_table(tiles: Sequence[Tile], *, note: str = "") -> Figure:
    """Draw the periodic table: colour is the score, 0 the undoped material; sets of elements stand below it.

    Computed tiles have a full border, predicted ones are smaller with a dotted one and a p, tried ones without a score
    have a cross; what was not tried is grey. Of an element with several tiles the best is shown.
    """
    scores = [abs(t.score) for t in tiles if t.score is not None]
    largest = max(scores, default=1.0) or 1.0
    single = _best({t.elements[0]: [] for t in tiles if len(t.elements) == 1}, tiles)
    sets = [t for t in tiles if len(t.elements) > 1]
    shapes: list[dict[str, Any]] = []
    x: list[float] = []
    y: list[float] = []
    text: list[str] = []
    names: list[str] = []  # alone on a narrow page, where a score would lie over its neighbours
    hover: list[str] = []
    colours: list[str] = []
    for symbol, (column, row) in places().items():
        tile = single.get(symbol)
        shapes.append(_box(column, row, 1, tile, largest))
        x.append(column)
        y.append(-row)
        names.append(symbol)
        text.append(_words(symbol, tile))
        hover.append(_hover(symbol, tile))
        colours.append(_ink(tile, largest))
    for number, tile in enumerate(sets):
        column, row = 1 + 3 * (number % 6), 10.6 + 1.15 * (number // 6)
        shapes.append(_box(column, row, 2.6, tile, largest))
        x.append(column + 0.8)
        y.append(-row)
        pairs = ["+".join(tile.elements[i : i + 2]) for i in range(0, len(tile.elements), 2)]
        names.append("+<br>".join(pairs))
        text.append(_words("+".join(tile.elements), tile))
        hover.append(_hover(" + ".join(tile.elements), tile))
        colours.append(_ink(tile, largest))
    rows = 10.2 + (1.15 * ((len(sets) - 1) // 6 + 1) if sets else -0.4)
    known = sorted((t for t in tiles if t.score is not None), key=lambda t: -(t.score or 0.0))
    said = ", ".join(f"{'+'.join(t.elements)} {t.score:+.2f}" for t in known)
    letters = {
        "type": "scatter",
        "mode": "text",
        "x": x,
        "y": y,
        "text": text,
        "meta": {"narrow": names},
        "textfont": {"size": 10, "color": colours},
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    hidden: dict[str, Any] = {"visible": False, "fixedrange": True}
    return Figure(
        title="Score of the dopants",
        alt=f"Periodic table coloured by score. {said or 'No element has a score'}.",
        data=[letters, _scale(largest)],
        layout=style.layout(
            height=470 + (40 * ((len(sets) - 1) // 6 + 1) if sets else 0),
            margin={"l": 8, "r": 8, "t": 26, "b": 58},
            xaxis={**hidden, "range": [0.4, 18.6]},
            yaxis={**hidden, "range": [-rows - 0.5, -0.4]},
            shapes=shapes,
        ),
        note="Score 0: as the undoped material; 1: better by the spread among the candidates. Full border: computed; "
        "smaller, dotted border and p: predicted; ×: tried without a score; grey: not tried."
        + (f" {note}" if note else ""),
    )


def _best(by: Mapping[str, list[Tile]], tiles: Sequence[Tile]) -> dict[str, Tile]:
    for tile in tiles:
        if len(tile.elements) == 1:
            by[tile.elements[0]].append(tile)
    # a computed tile goes before a predicted one, a score before none
    return {
        symbol: max(each, key=lambda t: (t.score is not None, not t.predicted, t.score or 0.0))
        for symbol, each in by.items()
    }


def _box(column: float, row: float, width: float, tile: Tile | None, largest: float) -> dict[str, Any]:
    line: dict[str, Any] = {"width": 0}
    inset = 0.09 if tile is not None and tile.predicted else 0.0
    if tile is not None:
        dash = {"dash": "2px,2px"} if tile.predicted else {}
        line = {"width": 1.6, "color": _TEXT if tile.score is not None else _FAINT, **dash}
    return {
        "type": "rect",
        "x0": column - 0.47 + inset,
        "x1": column - 0.5 + width - 0.03 - inset,
        "y0": -row - 0.47 + inset,
        "y1": -row + 0.47 - inset,
        "fillcolor": _colour(tile.score, largest) if tile is not None and tile.score is not None else _GREY,
        "line": line,
        "layer": "below",
    }


def _words(name: str, tile: Tile | None) -> str:
    if tile is None:
        return name
    mark = "×" if tile.score is None else f"{tile.score:.1f}".replace("-", "−") + ("p" if tile.predicted else "")
    return f"<b>{name}</b><br>{mark}"


def _hover(name: str, tile: Tile | None) -> str:
    if tile is None:
        return f"{name}: not tried"
    how = "predicted" if tile.predicted else "computed"
    score = "tried, no score" if tile.score is None else f"score {tile.score:+.2f} ({how})"
    return f"{name}: {score}" + (f"<br>{style.plain(tile.words)}" if tile.words else "")


def _ink(tile: Tile | None, largest: float) -> str:
    if tile is None:
        return _FAINT
    strong = tile.score is not None and abs(tile.score) > 0.6 * largest
    return "#FFFFFF" if strong else _TEXT


def _colour(score: float, largest: float) -> str:
    part = max(-1.0, min(1.0, score / largest))
    end = _POSITIVE if part > 0 else _NEGATIVE
    channels = (round(m + (e - m) * abs(part)) for m, e in zip(_MIDDLE, end, strict=True))
    return "#" + "".join(f"{c:02x}" for c in channels)


def _scale(largest: float) -> dict[str, Any]:
    """Return a trace without points that carries the colour bar."""
    scale = [[i / 10, _colour(2 * i / 10 - 1, 1.0)] for i in range(11)]
    bar = {"orientation": "h", "thickness": 9, "len": 0.5, "y": -0.13, "title": {"text": "Score", "side": "bottom"}}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        "marker": {"color": [0.0], "cmin": -largest, "cmax": largest, "colorscale": scale, "colorbar": bar},
    }


@cache
def places() -> Mapping[str, tuple[float, float]]:
    """Return column (1 to 18) and row of each element: the f elements stand in two rows below (8.6 and 9.6)."""
    lengths = ((1, 18), (1, 2, *range(13, 19)), (1, 2, *range(13, 19)), range(1, 19), range(1, 19))
    found: dict[str, tuple[float, float]] = {}
    letters = iter(_SYMBOLS.split())
    for row, columns in enumerate(lengths, start=1):
        for column in columns:
            found[next(letters)] = (float(column), float(row))
    for row in (6, 7):
        for column in (1, 2):
            found[next(letters)] = (float(column), float(row))
        for column in range(3, 18):
            found[next(letters)] = (float(column), row + 2.6)
        for column in range(4, 19):
            found[next(letters)] = (float(column), float(row))
    return found


_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe
Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn
Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""

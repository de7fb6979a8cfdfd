"""Contact reactions as a map: materials against what they touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lirich.errors import InputError
from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure

FULL_MEV = 400.0
"""meV/atom at which the colour of the map is at its end: sulfides on charged oxides come to that and beyond."""
INERT_MEV = 0.5
"""meV/atom: a smaller gain is written as 0."""

_SCALE = (
    (0.0, "#F4F7F6"),
    (0.125, "#FBE3C0"),
    (0.25, "#F2B36B"),
    (0.5, "#D55E00"),
    (0.75, "#9C2F0A"),
    (1.0, "#5A1206"),
)
"""From no gain to a large one: light to dark, so that it reads without colour too."""
_SLANTED_FROM = 3
"""So many columns and more have slanted names: on a telephone there is no room for them side by side."""
_DARK_FROM = 0.45
"""Part of the scale from which letters on it are white."""
_THIN, _WHITE = style.fixed("#9AA5AD"), style.fixed("#FFFFFF")


@dataclass(frozen=True, slots=True)
class Cell:
    """One contact: the gain in meV per atom, negative where it reacts; ``None`` is unknown, and ``reason`` says why.

    ``mark`` is what stands in such a cell: with another one than ``?`` there is nothing to know.
    """

    energy_mev_atom: float | None
    sd_mev_atom: float | None = None
    grade: str = ""
    products: str = ""
    reason: str = ""
    mark: str = "?"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A column of the map; columns of one ``group`` that follow each other stand under one name."""

    name: str
    group: str = ""


def reaction_map(
    materials: Sequence[str], neighbours: Sequence[Neighbour], cells: Sequence[Sequence[Cell]], *, how: str = "closed"
) -> Figure:
    """Draw the gain of each material (rows, the first on top) with each neighbour (columns, in the order given).

    *cells* are one row per material. *how* is ``closed`` or ``at 4.5 V``. Unknown cells are hatched and say so. Raises
    `InputError` where the shapes do not fit.
    """
    if not materials or len(cells) != len(materials) or any(len(row) != len(neighbours) for row in cells):
        raise InputError(
            f"{len(cells)} rows of cells beside {len(materials)} materials and {len(neighbours)} neighbours",
            expected="one row for each material, one cell for each neighbour",
        )
    flat = [(i, j, cell) for i, row in enumerate(cells) for j, cell in enumerate(row)]
    known = [(i, j, c) for i, j, c in flat if c.energy_mev_atom is not None]
    without = [(i, j, c) for i, j, c in flat if c.energy_mev_atom is None]
    unknown = [each for each in without if each[2].mark == "?"]
    none = [each for each in without if each[2].mark != "?"]
    traces = []
    if known:
        marker = {
            "color": [_part(c) * FULL_MEV for _, _, c in known],
            "cmin": 0,
            "cmax": FULL_MEV,
            "colorscale": [[at, style.fixed(colour)] for at, colour in _SCALE],
            "line": {"width": 0},
            "colorbar": {
                "orientation": "h", "thickness": 9, "len": 0.8, "y": -0.02, "yanchor": "top", "outlinewidth": 0,
                "title": {"text": "gain (meV/atom)", "side": "bottom", "font": {"size": 11}},
                "tickvals": [0, 200, 400], "ticktext": ["0", "−200", "−400+"],
                "tickfont": {"size": 10}, "tickangle": 0,
            },
        }  # fmt: skip
        traces.append(_boxes("gain", known, marker, materials, neighbours, how))
    if unknown:
        pattern = {"shape": "/", "fgcolor": _THIN, "bgcolor": _WHITE, "size": 7, "solidity": 0.2}
        marker = {"color": _WHITE, "line": {"width": 1, "color": _THIN}, "pattern": pattern}
        traces.append(_boxes("unknown", unknown, marker, materials, neighbours, how))
    if none:
        traces.append(_boxes("none", none, {"color": _WHITE}, materials, neighbours, how))
    traces.append(
        {
            "type": "scatter",
            "mode": "text",
            "x": [j for _, j, _ in flat],
            "y": [i for i, _, _ in flat],
            "text": [_written(c) for _, _, c in flat],
            "textfont": {"size": 11, "color": [_ink(c) for _, _, c in flat]},
            "hoverinfo": "skip",
        }
    )
    slanted = len(neighbours) >= _SLANTED_FROM
    return Figure(
        title=f"Reaction with what it touches, {how}",
        alt=f"Gain by reaction, {how}, meV per atom. "
        + ". ".join(
            f"{name}: " + ", ".join(f"{n.name} {_words(c)}" for n, c in zip(neighbours, row, strict=True))
            for name, row in zip(materials, cells, strict=True)
        )
        + ".",
        data=traces,
        layout=style.layout(
            height=34 * len(materials) + (202 if slanted else 146),
            margin={"l": 64, "r": 22, "t": 104 if slanted else 48, "b": 74},
            bargap=0,
            barmode="overlay",
            xaxis=style.axis(
                "",
                tickvals=list(range(len(neighbours))),
                ticktext=[style.formula(n.name) for n in neighbours],
                side="top",
                range=[-0.5, len(neighbours) - 0.5],
                showgrid=False,
                ticks="",
                showline=False,
                tickangle=-55 if slanted else 0,
                ticklabeloverflow="allow",
                tickfont={"size": 11},
            ),
            yaxis=style.axis(
                "",
                tickvals=list(range(len(materials))),
                ticktext=[style.formula(m) for m in materials],
                range=[len(materials) - 0.5, -0.5],
                showgrid=False,
                ticks="",
                showline=False,
            ),
            annotations=[*_groups(neighbours, 80 if slanted else 24), *origin_label(Origin.COMPUTED)],
            shapes=_parted(neighbours),
        ),
        note="meV per atom of both solids; 0: nothing is gained by reacting; darker: more drives the reaction. A small "
        "letter is the coverage of the chemical system where it is not A: from C on the gain may be larger than "
        "written. Hatched: not known. Hover or tap for products and standard deviations.",
    )


def _part(cell: Cell) -> float:
    return min(max(-(cell.energy_mev_atom or 0.0) / FULL_MEV, 0.0), 1.0)


def _boxes(
    name: str,
    places: Sequence[tuple[int, int, Cell]],
    marker: dict[str, Any],
    materials: Sequence[str],
    neighbours: Sequence[Neighbour],
    how: str,
) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": [j for _, j, _ in places],
        "y": [0.92] * len(places),
        "base": [i - 0.46 for i, _, _ in places],
        "width": [0.94] * len(places),
        "marker": marker,
        "hovertext": [_hover(materials[i], neighbours[j], c, how) for i, j, c in places],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _words(cell: Cell) -> str:
    if cell.energy_mev_atom is None:
        word = "not known" if cell.mark == "?" else "none"
        return f"{word} ({cell.reason})" if cell.reason else word
    return _figure(cell.energy_mev_atom) + (f" ({cell.grade})" if cell.grade else "")


def _figure(mev: float) -> str:
    return "0" if mev > -INERT_MEV else f"−{-mev:.0f}"


def _written(cell: Cell) -> str:
    if cell.energy_mev_atom is None:
        return style.plain(cell.mark)
    grade = f"<sup> {style.plain(cell.grade)}</sup>" if cell.grade not in ("", "A") else ""
    return _figure(cell.energy_mev_atom) + grade


def _ink(cell: Cell) -> str:
    return _WHITE if _part(cell) >= _DARK_FROM else style.fixed(style.TOTAL_COLOUR)


def _hover(material: str, neighbour: Neighbour, cell: Cell, how: str) -> str:
    other = f"{neighbour.group} {neighbour.name}" if neighbour.group else neighbour.name
    lines = [f"<b>{style.formula(material)}</b> with {style.formula(other)}, {style.plain(how)}"]
    if cell.energy_mev_atom is None:
        word = "not known" if cell.mark == "?" else "none"
        return "<br>".join([*lines, f"{word}: {style.plain(cell.reason or 'not asked')}"])
    sd = f" ± {cell.sd_mev_atom:.0f}" if cell.sd_mev_atom is not None else ""
    lines.append(f"{_figure(cell.energy_mev_atom)}{sd} meV/atom, coverage {style.plain(cell.grade or 'not stated')}")
    if cell.products:
        lines.append("makes " + style.formula(cell.products))
    if cell.reason:
        lines.append(style.plain(cell.reason))
    return "<br>".join(lines)


def _runs(neighbours: Sequence[Neighbour]) -> list[tuple[str, int, int]]:
    """Return (group, first, last) of the columns that follow each other in one group."""
    runs: list[tuple[str, int, int]] = []
    for j, neighbour in enumerate(neighbours):
        if runs and runs[-1][0] == neighbour.group:
            runs[-1] = (neighbour.group, runs[-1][1], j)
        else:
            runs.append((neighbour.group, j, j))
    return runs


def _groups(neighbours: Sequence[Neighbour], above: int) -> list[dict[str, Any]]:
    """Return the names of the groups, above the names of their columns."""
    return [
        {
            "text": style.formula(group),
            "x": 0.5 * (first + last),
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "yshift": above,
            "showarrow": False,
            "font": {"size": 11, "color": style.NEUTRAL},
        }
        for group, first, last in _runs(neighbours)
        if group
    ]


def _parted(neighbours: Sequence[Neighbour]) -> list[dict[str, Any]]:
    return [
        {
            "type": "line", "x0": first - 0.5, "x1": first - 0.5, "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": style.NEUTRAL, "width": 1},
        }
        for _, first, _ in _runs(neighbours)[1:]
    ]  # fmt: skip

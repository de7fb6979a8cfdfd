"""Figure of a crystal: its atoms seen along the layers and onto them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lirich.plots import style
from lirich.plots.figure import Figure

COLOURS = MappingProxyType(
    {"Li": "#56B4E9", "Mn": "#CC79A7", "Ni": "#009E73", "Co": "#0072B2", "O": "#C9D1D6", "F": "#E8D37A"}
)
OTHER = "#8C564B"
_DOPANTS = ("#D55E00", "#F0E442", "#FFFFFF", "#E69F00")
_SHAPES = ("star", "triangle-up", "cross", "triangle-down")
_SIZES = MappingProxyType({"Li": 11, "O": 8, "F": 8})
_SYMBOLS = MappingProxyType({"Li": "circle", "TM": "square", "O": "circle"})
"""Marks of the layers: the layer is told by shape, the element by colour."""

Array = NDArray[np.float64]


def dopant_marks(elements: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return colour and shape of each dopant of a candidate, in the order of their names: the first is a star."""
    order = sorted(set(elements))
    n = len(_SHAPES)
    return {element: (_DOPANTS[(i + i // n) % n], _SHAPES[i % n]) for i, element in enumerate(order)}


def crystal(
    positions_a: Array,
    lattice_a: Array,
    elements: Sequence[str],
    layers: Sequence[str],
    *,
    dopants: Sequence[int] = (),
    normal: Sequence[float] = (0.0, 0.0, 1.0),
    title: str = "Crystal",
) -> Figure:
    """Draw the atoms of one cell in two projections: side on, the layers lying flat, and from above.

    Parameters
    ----------
    positions_a:
        Cartesian positions, Å, shape (atoms, 3).
    lattice_a:
        Rows are the vectors of the cell, Å, shape (3, 3).
    elements, layers:
        Symbol and layer (``Li``, ``TM``, ``O``) of each atom.
    dopants:
        Indices of atoms to be marked.
    normal:
        What the layers are perpendicular to.
    """
    frame = view_frame(np.asarray(normal, dtype=float), np.asarray(lattice_a, dtype=float))
    seen = np.asarray(positions_a, dtype=float) @ frame.T
    corners = np.asarray(lattice_a, dtype=float) @ frame.T
    marked = set(dopants)
    marks = dopant_marks(elements[i] for i in marked)
    traces: list[dict[str, Any]] = []
    kinds = sorted({(e, la, i in marked) for i, (e, la) in enumerate(zip(elements, layers, strict=True))}, key=_order)
    for panel, (across, up, depth) in enumerate(((0, 2, 1), (0, 1, 2))):
        axes = {} if panel == 0 else {"xaxis": "x2", "yaxis": "y2"}
        traces.append(_outline(corners, across, up) | axes)
        for element, layer, is_dopant in kinds:
            which = [
                i
                for i, (e, la) in enumerate(zip(elements, layers, strict=True))
                if (e, la, i in marked) == (element, layer, is_dopant) and not (panel == 1 and layer == "O")
            ]
            if not which:
                continue
            mark = marks[element] if is_dopant else None
            which.sort(key=lambda i: float(seen[i, depth]))
            traces.append(_atoms(element, layer, seen[which][:, [across, up]], which, panel, mark) | axes)
    equal: dict[str, Any] = {"showgrid": False, "scaleratio": 1}
    layout = style.layout(
        showlegend=True,
        height=460,
        xaxis=style.axis("In the plane (Å)", domain=[0.0, 0.46], showgrid=False),
        yaxis=style.axis("Along the stacking (Å)", scaleanchor="x", **equal),
        xaxis2=style.axis("In the plane (Å)", domain=[0.56, 1.0], anchor="y2", showgrid=False),
        yaxis2=style.axis("In the plane (Å)", scaleanchor="x2", anchor="x2", **equal),
    )
    counts = ", ".join(f"{list(elements).count(e)} {e}" for e in dict.fromkeys(elements))
    guests = sorted({elements[i] for i in marked})
    return Figure(
        title=title,
        alt=f"A cell of {counts}, seen along the layers (left) and onto them, without oxygen (right)."
        + (f" {' and '.join(guests)} marked as dopant." if guests else ""),
        data=traces,
        layout=layout,
        note="Squares are in the metal layer, circles in the lithium layer, small circles oxygen; grey lines are the "
        "cell. Onto the layers, oxygen is left out; atoms of one cell only.",
    )


def view_frame(normal: Array, lattice: Array) -> Array:
    """Return rows x, y, z of the view, shape (3, 3): z the normal, x the first vector of the cell in the plane."""
    z = normal / np.linalg.norm(normal)
    flat = lattice - np.outer(lattice @ z, z)
    x = flat[int(np.argmax(np.linalg.norm(flat, axis=1) > 1e-3))]
    x = x / np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])


def _outline(corners: Array, across: int, up: int) -> dict[str, Any]:
    """Return the edges of the cell as one line that lifts its pen between them."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for k in range(3):
        others = [corners[j] for j in range(3) if j != k]
        for a in (0, 1):
            for b in (0, 1):
                start = a * others[0] + b * others[1]
                end = start + corners[k]
                xs += [*style.numbers([start[across], end[across]]), None]
                ys += [*style.numbers([start[up], end[up]]), None]
    return {
        "type": "scatter", "mode": "lines", "x": xs, "y": ys, "line": {"color": "#B8C1C7", "width": 1},
        "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _atoms(
    element: str, layer: str, places: Array, which: Sequence[int], panel: int, mark: tuple[str, str] | None
) -> dict[str, Any]:
    """Return the marks of one kind of atom; *mark* is colour and shape of a dopant."""
    place = "" if layer in ("O", "") else f" ({layer} layer)"
    name = style.plain(f"{element}{place}" if mark is None else f"{element}, dopant")
    colour, shape = mark or (COLOURS.get(element, OTHER), _SYMBOLS.get(layer, "diamond"))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "showlegend": panel == 0,
        "x": style.numbers(places[:, 0]),
        "y": style.numbers(places[:, 1]),
        "customdata": [int(i) for i in which],
        "marker": {
            "symbol": shape,
            "size": _SIZES.get(element, 13) if mark is None else 18,
            "color": colour,
            "line": {"color": "#2B3640", "width": 0.8},
            "opacity": 0.95,
        },
        "hovertemplate": f"{name}, atom %{{customdata}}<extra></extra>",
    }


def _order(kind: tuple[str, str, bool]) -> tuple[bool, int, str, str]:
    element, layer, dopant = kind
    first = {"O": 0, "F": 0, "Li": 1}
    return dopant, first.get(element, 2), element, layer

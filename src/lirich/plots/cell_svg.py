"""Small drawings of crystals as SVG text: side on, and layer by layer from above, light enough for hundreds of them.

A kind of atom is one path of dots: a line of no length with round or square ends. So a cell of 60 atoms takes about
2 kB, needs no script, and prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from lirich.plots.crystals import COLOURS, OTHER, dopant_marks, view_frame

Array = NDArray[np.float64]

SCALE = 11.0
"""Units of the drawing per Å."""
_GAP, _MARGIN, _HEAD = 18.0, 11.0, 10.0
_DOTS = {"Li": 9.6, "O": 6.0, "F": 7.0}
_DOT = 11.0
_SHAPES = {
    "star": "m0-9l2.3 6.2 6.6.3-5.2 4.1 1.8 6.4-5.5-3.7-5.5 3.7 1.8-6.4-5.2-4.1 6.6-.3z",
    "triangle-up": "m0-8l7.6 13.2h-15.2z",
    "triangle-down": "m0 8l7.6-13.2h-15.2z",
    "cross": "m-2.6-7.8h5.2v5.2h5.2v5.2h-5.2v5.2h-5.2v-5.2h-5.2v-5.2h5.2z",
}
"""Paths around a dopant's place, by the shapes of `lirich.plots.crystals.dopant_marks`."""
_LAYER_A = 1.5
"""Layers of one kind are 4.7 Å apart, the (003) spacing; atoms of one layer lie within 1 Å of each other."""
_OWN_PANEL = 0.34
"""Share of the atoms of the fullest layer from which on others are a layer too; fewer are displaced. A convention."""
_TRAIL_FROM_A = 0.15
"""Shorter displacements, Å, are no line: they would be hidden by the dot."""


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A cell to be drawn: Cartesian positions and lattice (rows), Å; element, layer (``Li``, ``TM``, ``O``) by atom.

    ``came_from`` is where each atom was before, Å, shape (atoms, 3); ``gone`` the places, shape (n, 3), and ``gone_of``
    the layers of atoms that left; ``ringed`` are atoms to be marked.
    """

    positions_a: Array
    lattice_a: Array
    elements: Sequence[str]
    layers: Sequence[str]
    dopants: frozenset[int] = frozenset()
    came_from: Array | None = None
    gone: Array = field(default_factory=lambda: np.zeros((0, 3)))
    gone_of: Sequence[str] = ()
    ringed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Panel:
    """One projection: its title, the axes of the view across and up, the atoms and the places of those that left.

    ``height`` is that of a layer seen from above, as a share of the third vector; ``None`` of the view side on.
    """

    title: str
    across: int
    up: int
    shown: Sequence[int]
    lost: Sequence[int]
    height: float | None = None


def cell_svg(cell: DrawnCell, alt: str) -> str:
    """Return the drawing of a cell as an SVG element: side on above, its layers from above in a row below.

    *alt* is its text for those who do not see it.
    """
    lattice = np.asarray(cell.lattice_a, dtype=float)
    frame = view_frame(np.cross(lattice[0], lattice[1]), lattice)
    corners = lattice @ frame.T
    side = _Panel("side on", 0, 2, range(len(cell.elements)), range(len(cell.gone)))
    first, wide, high = _panel(cell, side, corners, frame, _MARGIN, _MARGIN)
    parts = [first]
    left, top, low = _MARGIN, high + _HEAD + 2 * _MARGIN + 8.0, 0.0
    for panel in _layers(cell, lattice):
        text, across, down = _panel(cell, panel, corners, frame, left, top)
        parts.append(text)
        left += across + _GAP
        low = max(low, down)
    width = max(left - _GAP, wide + _MARGIN) + _MARGIN
    return (
        f'<svg class="crystal" viewBox="0 0 {width:.0f} {top + low + _HEAD + _MARGIN:.0f}" role="img" '
        f'aria-label="{escape(alt, quote=True)}">{"".join(parts)}</svg>'
    )


def _layers(cell: DrawnCell, lattice: Array) -> list[_Panel]:
    """Return each metal layer and each lithium layer; atoms of one layer lie within `_LAYER_A` along the stacking.

    The few that left their layer for a height of their own are drawn with the nearest layer of their kind.
    """
    inverse = np.linalg.inv(lattice)
    heights = (np.asarray(cell.positions_a, dtype=float) @ inverse)[:, 2]
    lost = (np.asarray(cell.gone, dtype=float).reshape(-1, 3) @ inverse)[:, 2]
    spacing = abs(np.linalg.det(lattice)) / np.linalg.norm(np.cross(lattice[0], lattice[1]))
    found = []
    for title, kinds in (("metal layer", ("TM",)), ("lithium layer", ("Li", "tetrahedral"))):
        mine = [i for i, layer in enumerate(cell.layers) if layer in kinds]
        gone = [i for i, layer in enumerate(cell.gone_of) if layer in kinds]
        at = np.sort(np.concatenate([heights[mine], lost[gone]]))
        groups = np.split(at, np.flatnonzero(np.diff(at) * spacing > _LAYER_A) + 1) if len(at) else []
        most = max((len(group) for group in groups), default=0)
        whole = [group for group in groups if len(group) >= _OWN_PANEL * most]
        middles = np.array([group.mean() for group in whole])

        def of(atoms: Sequence[int], at: Array, number: int, middles: Array = middles) -> list[int]:
            """Return the atoms that are nearest to the middle of that layer."""
            return [i for i in atoms if int(np.abs(middles - at[i]).argmin()) == number]

        names = [f"{title} {number + 1}" if len(whole) > 1 else title for number in range(len(whole))]
        found += [
            _Panel(name, 0, 1, of(mine, heights, number), of(gone, lost, number), float(middles[number]))
            for number, name in enumerate(names)
        ]
    return found


def mark_svg(element: str, layer: str) -> str:
    """Return the mark of one kind of atom, around the origin: for the key of the drawings."""
    return _dots((element, layer, False), np.zeros((1, 2)), {})


def dopants_svg(elements: Sequence[str]) -> dict[str, str]:
    """Return the mark of each dopant of a candidate, around the origin: for the key of its drawings."""
    marks = dopant_marks(elements)
    return {element: _dots((element, "", True), np.zeros((1, 2)), marks) for element in marks}


def _panel(
    cell: DrawnCell, panel: _Panel, corners: Array, frame: Array, left: float, top: float
) -> tuple[str, float, float]:
    """Return the drawing of one projection with its width and height; *left* and *top* are where it begins."""
    axes = [panel.across, panel.up]
    outline = _outline(corners, panel)[:, axes]
    seen = (np.asarray(cell.positions_a, dtype=float) @ frame.T)[:, axes]
    gone = (np.asarray(cell.gone, dtype=float).reshape(-1, 3) @ frame.T)[:, axes]
    shown, lost = list(panel.shown), list(panel.lost)
    all_of = np.vstack([outline, seen[shown], gone[lost]])
    low, high = all_of.min(axis=0), all_of.max(axis=0)

    def at(points: Array) -> Array:
        placed: Array = (points - [low[0], high[1]]) * [SCALE, -SCALE] + [left, _HEAD + top]
        return placed

    places = at(seen)
    parts = [f'<text x="{left:.0f}" y="{top:.0f}">{panel.title}</text>', _edges(at(outline))]
    if cell.came_from is not None:
        before = at((np.asarray(cell.came_from, dtype=float) @ frame.T)[:, axes])
        lines = [
            f"M{_xy(before[i])}L{_xy(places[i])}"
            for i in shown
            if np.linalg.norm(cell.came_from[i] - cell.positions_a[i]) > _TRAIL_FROM_A
        ]
    if lost:
        holes = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.6"/>' for x, y in at(gone[lost]))
        parts.append(f'<g class="gone">{holes}</g>')
    marks = dopant_marks(cell.elements[i] for i in cell.dopants)
    parts += [_dots(kind, places[which], marks) for kind, which in _kinds(cell, shown).items()]
    if cell.came_from is not None and lines:
        parts.append(f'<path class="trail" d="{"".join(lines)}"/>')
    rings = [i for i in shown if i in cell.ringed]
    if rings:
        around = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8.5"/>' for x, y in places[rings])
        parts.append(f'<g class="ring">{around}</g>')
    size = (high - low) * SCALE
    return "".join(parts), max(float(size[0]), 64.0), float(size[1])


def _outline(corners: Array, panel: _Panel) -> Array:
    """Return the corners of the cell, shape (8, 3); of a layer those of its plane, shape (4, 3)."""
    if panel.height is None:
        return np.array([np.array(k, dtype=float) @ corners for k in np.ndindex(2, 2, 2)])
    base = panel.height * corners[2]
    return np.array([np.array([*k, 0.0]) @ corners + base for k in np.ndindex(2, 2)])


def _edges(flat: Array) -> str:
    """Return the edges between *flat* corners of a cell (8) or of a layer (4): those that differ in one index."""
    index = list(np.ndindex(*(2,) * int(np.log2(len(flat)))))
    pairs = [
        (i, j)
        for i, a in enumerate(index)
        for j, b in enumerate(index)
        if i < j and sum(x != y for x, y in zip(a, b, strict=True)) == 1
    ]
    lines = dict.fromkeys(f"M{_xy(flat[i])}L{_xy(flat[j])}" for i, j in pairs)
    return f'<path class="edge" d="{"".join(lines)}"/>'


Kind = tuple[str, str, bool]
"""Element, layer, whether it is a dopant."""


def _kinds(cell: DrawnCell, shown: Sequence[int]) -> Mapping[Kind, list[int]]:
    """Return the atoms by kind, anions first, then lithium, metals, dopants last: so they lie over each other."""
    order = {"O": 0, "F": 0, "Li": 1}
    found: dict[Kind, list[int]] = {}
    for i in shown:
        found.setdefault((cell.elements[i], cell.layers[i], i in cell.dopants), []).append(i)
    return dict(sorted(found.items(), key=lambda item: (item[0][2], order.get(item[0][0], 2), item[0])))


def _dots(kind: Kind, places: Array, marks: Mapping[str, tuple[str, str]]) -> str:
    """Return the atoms of one kind; *marks* are colour and shape of each dopant."""
    element, layer, dopant = kind
    if dopant:
        colour, shape = marks[element]
        around = "".join(f"M{_xy(p)}{_SHAPES[shape]}" for p in places)
        return f'<path class="dopant" style="fill:{colour}" d="{around}"/>'
    size = _DOTS.get(element, _DOT)
    cap = "square" if layer == "TM" else "round"
    wide = size - 1.0 if cap == "square" else size
    spots = "".join(f"M{_xy(p)}h.01" for p in places)
    colour = COLOURS.get(element, OTHER)
    return (
        f'<g stroke-linecap="{cap}"><path class="rim" stroke-width="{wide + 1.4:.1f}" d="{spots}"/>'
        f'<path stroke="{colour}" stroke-width="{wide:.1f}" d="{spots}"/></g>'
    )


def _xy(point: Array) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}".replace(".0 ", " ").removesuffix(".0")

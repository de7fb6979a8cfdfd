"""What the verb *interface cell* says: sentences on each cell, comparisons, and what is to be doubted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lirich.interfaces.formulas import reduced
from lirich.interfaces.interphase import Bounds
from lirich.model import Finding
from lirich.model.format import format_signed

if TYPE_CHECKING:
    from lirich.workbench.solids.solid_cell import SolidCell, SolidCells

CELL_CRYSTALS = "Li1.2Mn0.54Ni0.13Co0.13O2"
"""What the crystals of the parameter library stand for."""


def words(found: SolidCells) -> list[str]:
    """Say in sentences what each cell comes to, and what each coating changes, compared within each scenario."""
    bare = found.bare
    said = [
        f"Without any layer the cell would give {found.without.capacity_mah_g[0]:.0f} mAh/g at {found.rate} and keep "
        f"{found.without.retention:.1f} % after {found.cycles} cycles: more is not to be won at this interface."
    ]
    for cell in found.cells:
        resistance, first, kept = (cell.bounds(name) for name in ("resistance", "first", "retention"))
        text = (
            f"{cell.name[0].upper() + cell.name[1:]}: {_ohm(resistance.central)} ({_ohm(resistance.low)} to "
            f"{_ohm(resistance.high)}) of contact after {found.cycles} cycles, {first.central:.0f} mAh/g at "
            f"{found.rate} ({first.low:.0f} to {first.high:.0f}), {kept.central:.1f} % kept "
            f"({kept.low:.1f} to {kept.high:.1f})."
        )
        if cell is not bare:
            ratio, more = resistance_ratio(bare, cell), gained(bare, cell)
            text += (
                f" Bare has {_two(ratio.central)} times its resistance ({_two(ratio.low)} to {_two(ratio.high)}), and "
                f"in the last cycle the coating gives {_won(more.central)} mAh/g ({_won(more.low)} to "
                f"{_won(more.high)})."
            )
        elif cell.junction.inert:
            text += " Nothing drives a layer."
        said.append(text)
    return said


def resistance_ratio(bare: SolidCell, coated: SolidCell) -> Bounds:
    """Return the resistance of *bare* over that of *coated* at the end, each scenario with its like."""
    ratios = {
        name: bare.courses[name].resistance / max(course.resistance, 1e-12) for name, course in coated.courses.items()
    }
    return Bounds(min(ratios.values()), ratios["central"], max(ratios.values()))


def gained(bare: SolidCell, coated: SolidCell) -> Bounds:
    """Return what *coated* gives more than *bare* in the last cycle, mAh/g, each scenario with its like."""
    more = {name: course.last - bare.courses[name].last for name, course in coated.courses.items()}
    return Bounds(min(more.values()), more["central"], max(more.values()))


def _ohm(value: float) -> str:
    return f"{_two(value / 1000)} kΩ cm²" if value >= 1000 else f"{_two(value)} Ω cm²"


def _two(value: float) -> str:
    """Return a number with two digits, without an exponent."""
    return f"{float(f'{value:.2g}'):g}"


def _won(mah_g: float) -> str:
    return format_signed(mah_g, decimals=1)


def doubts(cells: Sequence[SolidCell], cathode: str) -> list[Finding]:
    """Return what must be said of the cells: what is guessed, what is thin, a coating that is used up."""
    found = [
        Finding(
            code="kinetics-guessed",
            message="Phase equilibria say what drives a layer, not how fast it grows nor what it resists: the bounds "
            "span a tenth to 30 times the resistance, and a tenth to ten times the growth behind a coating",
            advice="Compare cells with one another; a spectrum of your own cell fixes the layer's resistance",
        )
    ]
    if reduced(cathode) != reduced(CELL_CRYSTALS):
        found.append(
            Finding(
                code="other-crystals",
                message=f"The phase equilibria are those of {cathode}, the crystals of the cell {CELL_CRYSTALS}",
                advice="Fit a cell of your own (`lirich fit`) and give the saved fit as the parameters",
            )
        )
    thin = {cell.name: cell.junction.grade for cell in cells if cell.junction.grade not in ("A", "B")}
    if thin:
        found.append(
            Finding(
                code="thin-coverage",
                message="The table does not know every pair of metals "
                f"({', '.join(f'{name}: {grade}' for name, grade in thin.items())}): what drives the layer may be more",
                advice="Give energies of your own with --energies",
            )
        )
    for cell in cells:
        if cell.conductivity is not None and cell.conductivity.guess:
            found.append(
                Finding(
                    code="coating-conductivity-guessed",
                    message=f"Of {cell.junction.coating} as a film: {cell.conductivity.source}",
                    advice="State it with --conductivity",
                )
            )
        used = coating_used(cell)
        if used is not None and used.high > 1.0:
            found.append(
                Finding(
                    code="coating-used-up",
                    message=f"{cell.name}: the layer takes {100 * used.central:.0f} % of the coating by the last cycle "
                    f"({100 * used.low:.0f} to {100 * used.high:.0f} %); the model goes on as if it were there",
                    advice="A thicker coating, or one that its neighbours leave alone",
                )
            )
    return found


def coating_used(cell: SolidCell) -> Bounds | None:
    """Return the part of the coating that the layer has taken by the last cycle, more than 1 where there is none left.

    ``None`` of a bare cell, and where a density is missing.
    """
    faces = [face for face in cell.junction.faces if face.energy.central > 0 and face.products]
    if cell.conductivity is None or any(face.consumes is None for face in faces):
        return None
    roots = [face.energy.central**0.5 for face in faces]
    per_layer = sum(r * (face.consumes or 0.0) for r, face in zip(roots, faces, strict=True)) / (sum(roots) or 1.0)
    layer = cell.bounds("layer")
    low, central, high = (nm * per_layer / cell.thickness_nm for nm in (layer.low, layer.central, layer.high))
    return Bounds(low, central, high)

"""Which cells the words for Li-rich cathodes apply to."""

from __future__ import annotations

from lirich.cycling.lowvoltage import lithium_thresholds
from lirich.errors import CompositionError
from lirich.model import Cell, Composition, Sample
from lirich.model.composition import ANIONS

LI_RICH_RATIO = 1.05
"""Least Li over all other cations of a composition that is asked for an activation plateau: between layered LiTMO2
(1.0, and about 1.02 as synthesised) and the poorest Li-rich oxides of the review's recipes (1.1),
doi:10.1039/d5eb00167f. Over the transition metals alone an NCA (LiNi0.8Co0.15Al0.05O2: 1.053) would be Li-rich."""


def li_rich(composition: Composition) -> bool:
    """Tell whether *composition* has at least `LI_RICH_RATIO` lithium per other cation."""
    try:
        return composition.li_cation_ratio >= LI_RICH_RATIO
    except CompositionError:
        return False  # no cation but lithium


def no_li_rich_cathode(cell: Cell, sample: Sample | None) -> str:
    """Say why the material of *cell* is known not to be a Li-rich cathode; empty where it may be one."""
    if cell.electrode in ("anode", "full"):
        return "an anode" if cell.electrode == "anode" else "a full cell"
    if sample is None or sample.composition is None or li_rich(Composition.parse(sample.composition)):
        return ""
    return f"{sample.composition} is not Li-rich"


def cathode_oxide(composition: Composition) -> bool:
    """Tell whether *composition* is a lithium oxide of Mn, Ni and Co, at least half of its other cations.

    All of these, layered or spinel, give up their lithium at 3 to 5 V: they are cathodes. Anodes that are oxides of
    lithium (Li4Ti5O12, Li3VO4) are of other metals.
    """
    others = sum(n for el, n in composition.amounts.items() if el not in ANIONS and el != "Li")
    redox = sum(composition.amount(el) for el in ("Mn", "Ni", "Co"))
    return composition.amount("Li") > 0 and composition.amount("O") > 0 and redox >= 0.5 * others > 0


def may_be_li_rich_cathode(cell: Cell, sample: Sample | None) -> bool:
    """Tell whether the voltages of *cell* are those of a Li-rich cathode, or of a cathode of unknown composition.

    Not those of an anode or a full cell, of a cathode that is known not to be Li-rich, or where neither electrode nor
    composition is given: it may be anything.
    """
    if not lithium_thresholds(cell.electrode, cell.counter_electrode):
        return False
    if sample is None or sample.composition is None:
        return cell.electrode == "cathode"
    return li_rich(Composition.parse(sample.composition))

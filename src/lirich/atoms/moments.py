"""Oxidation states from magnetic moments, as far as they tell them.

CHGNet was trained on the moments of DFT+U, from which Deng et al. read the charge of transition metals
(doi:10.1038/s42256-023-00716-3). A moment of a high-spin ion in an octahedron is near its number of unpaired
electrons; the bands below are those numbers, less what covalency takes. Between bands the answer is that it cannot be
told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pymatgen.core.structure import Structure

from lirich.model._base import Frozen

BANDS: dict[str, tuple[tuple[float, float, int], ...]] = {
    "Mn": ((2.7, 3.35, 4), (3.55, 4.15, 3), (4.35, 4.9, 2)),
    "Ni": ((0.0, 0.45, 4), (0.7, 1.3, 3), (1.5, 2.0, 2)),
    "Co": ((0.0, 0.45, 3), (0.8, 1.4, 4), (2.4, 2.9, 2)),
    "Fe": ((4.0, 4.6, 3), (3.5, 3.85, 2)),
    "Cr": ((2.6, 3.2, 3), (1.8, 2.3, 4)),
    "V": ((1.7, 2.1, 3), (0.8, 1.3, 4), (0.0, 0.3, 5)),
}
"""Lowest and highest moment, µB, and the charge: unpaired d electrons (Mn4+ 3, Mn3+ 4, Mn2+ 5; Ni2+ 2, low-spin Ni3+ 1
and Ni4+ 0; low-spin Co3+ 0 and Co4+ 1, Co2+ 3; Fe3+ 5, Fe2+ 4; Cr3+ 3, Cr4+ 2; V3+ 2, V4+ 1), less 5 to 25 % for what
the ligands take, and up to 0.35 µB above for Mn4+, whose ligands are polarised against it. CHGNet 0.3.0
on relaxed crystals of one charge (own calculation): Ni2+ 1.87 (NiO), Ni3+ 1.15 (LiNiO2), Ni4+ 0.05 (NiO2), Co2+ 2.69
(CoO), Co3+ 0.06 (LiCoO2), Co4+ 1.07 (CoO2), Mn2+ 4.66 (MnO), Mn3+ 3.89 (LiMnO2), Mn4+ 3.0-3.1 (Li2MnO3): each in its
band. Ni next to Mn4+ has 1.7, so Ni2+. The bands of Fe, Cr and V were not looked at in this way."""


class SiteCharge(Frozen):
    """What the moment of one site says: ``told`` is ``None`` where it lies between two bands."""

    atom: int
    element: str
    moment_mub: float
    told: int | None
    intended: float | None = None

    @property
    def verdict(self) -> Literal["agrees", "differs", "cannot tell"]:
        """Whether the moment agrees with the charge that was intended."""
        if self.told is None or self.intended is None:
            return "cannot tell"
        return "agrees" if abs(self.told - self.intended) < 0.5 else "differs"


def charges_from_moments(
    structure: Structure, moments_mub: Sequence[float], intended: Sequence[float] | None = None
) -> list[SiteCharge]:
    """Return what the moments, µB per site, say of sites whose element has bands; *intended* charges stand beside."""
    found = []
    for i, site in enumerate(structure):
        symbol = site.specie.symbol
        if symbol in BANDS:
            told = next((charge for low, high, charge in BANDS[symbol] if low <= abs(moments_mub[i]) <= high), None)
            found.append(
                SiteCharge(
                    atom=i,
                    element=symbol,
                    moment_mub=float(moments_mub[i]),
                    told=told,
                    intended=None if intended is None else float(intended[i]),
                )
            )
    return found

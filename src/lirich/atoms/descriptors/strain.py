"""Volume, lattice strain and layer spacing of a crystal that loses its lithium."""

from __future__ import annotations

import numpy as np
from pymatgen.core.structure import Structure

from lirich.atoms.descriptors.computed import Computed
from lirich.atoms.layers import layers_of
from lirich.errors import StructureError

VOLUME = "volume_change"
STRAIN = "delithiation_strain"
SPACING = "d_spacing_003_nm"


def volume_change_percent(rich: Structure, poor: Structure) -> float:
    """Return the volume of *poor* over that of *rich* less one, %: negative where the crystal shrinks on charge."""
    return float(100.0 * (poor.volume / rich.volume - 1.0))


def strain_percent(rich: Structure, poor: Structure) -> float:
    """Return the equivalent (von Mises) strain between two cells of the same setting, %.

    The deformation F = L_poor L_rich⁻¹ gives the Green strain ε = (FᵀF − 1)/2; ε_eq = √(2/3 ε′:ε′) of its deviator ε′:
    the anisotropy that cracks a particle, without the change of volume (von Mises, Nachr. Ges. Wiss. Göttingen (1913)
    582; finite strain as in Landau & Lifshitz, Theory of Elasticity, § 1).
    """
    deformation = poor.lattice.matrix.T @ np.linalg.inv(rich.lattice.matrix.T)
    green = (deformation.T @ deformation - np.eye(3)) / 2
    deviator = green - np.eye(3) * np.trace(green) / 3
    return float(100.0 * np.sqrt(2.0 / 3.0 * (deviator**2).sum()))


def strain_figures(rich: Structure, poor: Structure, lithium_removed: float) -> list[Computed]:
    """Return volume change (its size; the words say which way), strain, and the (003) spacing of both cells.

    The spacing is the mean distance of neighbouring metal layers (`lirich.atoms.layers`): d(003) of the R-3m cell,
    d(001) of C2/m. A cell that has lost its layers has no spacing, and says so.
    """
    change = volume_change_percent(rich, poor)
    found = [
        Computed(
            quantity=VOLUME,
            value=abs(change),
            where="shrinks on charge" if change < 0 else "grows on charge",
            lithium_removed=lithium_removed,
        ),
        Computed(quantity=STRAIN, value=strain_percent(rich, poor), lithium_removed=lithium_removed),
    ]
    return [*found, spacing(poor, lithium_removed)]


def spacing(structure: Structure, lithium_removed: float = 0.0) -> Computed:
    """Return the (003) spacing of a cell, nm."""
    try:
        value, why = layers_of(structure).spacing_a / 10.0, ""
    except StructureError as error:
        value, why = None, str(error)
    return Computed(quantity=SPACING, value=value, lithium_removed=lithium_removed, why=why)

"""Volume, lattice strain and layer spacing of a crystal that loses its lithium, and the misfit of a dopant."""

from __future__ import annotations

import numpy as np
from pymatgen.core.structure import Structure

from lirich.errors import StructureError


def volume_change_percent(rich: Structure, poor: Structure) -> float:
    """Return the volume of *poor* over that of *rich* less one, %: negative where the crystal shrinks on charge."""
    return 100.0 * (poor.volume / rich.volume - 1.0)


def strain_percent(rich: Structure, poor: Structure) -> float:
    """Return the equivalent (von Mises) strain between two cells of the same setting, %.

    The deformation F = L_poor L_rich⁻¹ gives the Green strain ε = (FᵀF − 1)/2; ε_eq = √(2/3 ε′:ε′) of its deviator ε′:
    the anisotropy that cracks a particle, without the change of volume.
    """
    deformation = poor.lattice.matrix.T @ np.linalg.inv(rich.lattice.matrix.T)
    green = (deformation.T @ deformation - np.eye(3)) / 2
    deviator = green - np.eye(3) * np.trace(green) / 3
    return float(100.0 * np.sqrt(2.0 / 3.0 * (deviator**2).sum()))


def layer_spacing_nm(structure: Structure) -> float:
    """Return the mean distance of neighbouring metal layers, nm: d(003) of the R-3m cell, d(001) of C2/m.

    The sites must carry the site property ``layer``; layers are planes that hold the cell's two vectors nearest to
    them. Raises `StructureError` where the layers of the cell are no parallel planes.
    """
    layers = structure.site_properties.get("layer")
    if layers is None:
        raise StructureError("Sites without layers", expected="the site property 'layer' on each site")
    metals = [i for i, layer in enumerate(layers) if layer == "TM"]
    for axis in (2, 1, 0):
        normal = structure.lattice.reciprocal_lattice.matrix[axis]
        period = 2 * np.pi / np.linalg.norm(normal)
        heights = structure.frac_coords[metals, axis] % 1.0
        planes = _planes(heights, tolerance=0.6 / period)
        if (
            planes
            and all(len(set(np.round(structure.frac_coords[metals][p], 1)[:, axis])) <= 2 for p in planes)
            and len(metals) % len(planes) == 0
            and all(len(p) == len(metals) // len(planes) for p in planes)
        ):
            return float(period / len(planes) / 10.0)
    raise StructureError("The metal layers are no planes of this cell", expected="a layered cell")


def _planes(heights: np.ndarray, tolerance: float) -> list[list[int]]:
    """Group heights (fractions of a period, cyclic) that lie within *tolerance* of their neighbour."""
    order = list(np.argsort(heights))
    planes: list[list[int]] = [[int(order[0])]]
    for a, b in zip(order, order[1:], strict=False):
        if heights[b] - heights[a] > tolerance:
            planes.append([])
        planes[-1].append(int(b))
    if len(planes) > 1 and heights[order[0]] + 1 - heights[order[-1]] <= tolerance:
        planes[0] += planes.pop()
    return planes

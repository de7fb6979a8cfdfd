"""The disordered limit: special quasi-random cells, by icet.

The idea: Zunger et al., Phys. Rev. Lett. 65, 353 (1990), doi:10.1103/PhysRevLett.65.353; icet: Ångqvist et al., Adv.
Theory Simul. 2, 1900015 (2019), doi:10.1002/adts.201900015. The cations of the TM layer are mixed such that the pairs
of a small cell are as near as can be to those of the random crystal. The layers stay: mixing between them is another
disorder.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from icet import ClusterSpace
from icet.tools.structure_generation import generate_sqs_from_supercells
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.hosts import layered_metric
from lirich.atoms.lattice import ATOMS_OF_CELL, layered_template
from lirich.atoms.ordering import ordered
from lirich.errors import StructureError
from lirich.model import Composition

PAIRS_A = 5.2
"""Pairs of the TM layer up to its second shell (√3 times 2.85 Å = 4.9 Å) are matched, and those to the next layer."""
EDGE_A = 3.3
"""Cations of a layer that share an edge are nearer than this, Å (2.8-3.0 in layered oxides)."""


@dataclass(frozen=True, slots=True)
class Disordered:
    """A quasi-random cell.

    ``deviation`` is the largest difference, over all pairs of elements, between the share that an element has among the
    edge-sharing neighbours of another in the TM layer and its share of that layer: 0 in the random crystal.
    """

    structure: Structure
    deviation: float
    seed: int


def disordered(formula: str | Composition, *, atoms: int = 60, seed: int = 0, steps: int = 5000) -> Disordered:
    """Return a cell of the layered oxide whose TM layer is mixed as at random; see `lirich.atoms.ordering.ordered`.

    Raises `lirich.errors.StructureError` where the TM layer holds one element only, else as ``ordered``.
    """
    start = ordered(formula, atoms=atoms, seeds=[seed], sweeps=1)[0].structure
    layer = np.array(start.site_properties["layer"])
    inside = np.flatnonzero(layer == "TM")
    symbols = [start[i].specie.symbol for i in inside]
    kinds = sorted(set(symbols))
    if len(kinds) < 2:
        raise StructureError(f"The TM layer holds {kinds[0]} only", expected="two elements to mix")
    tally = {kind: float(symbols.count(kind)) for kind in kinds}
    cells = len(start) // ATOMS_OF_CELL
    primitive, supercell = (_tm_atoms(layered_template(n, layered_metric(tally))) for n in (1, cells))
    space = ClusterSpace(primitive, [PAIRS_A], [kinds] * len(primitive))
    shares = {kind: n / len(symbols) for kind, n in tally.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        found = generate_sqs_from_supercells(space, [supercell], shares, n_steps=steps, random_seed=seed)
    fracs = found.get_scaled_positions(wrap=True)
    nearest = start.lattice.get_all_distances(start.frac_coords[inside], fracs).argmin(axis=1)
    placed = [found.symbols[int(k)] for k in nearest]
    charges = _handed_out(start, inside, placed)
    mixed = start.copy()
    for site, element, charge in zip(inside, placed, charges, strict=True):
        mixed.replace(int(site), element, properties={**start[int(site)].properties, "charge": charge})
    return Disordered(mixed, pair_deviation(mixed, inside), seed)


def pair_deviation(structure: Structure, inside: NDArray[np.int64]) -> float:
    """Return the deviation of the pairs of the sites *inside* one layer, as `Disordered` defines it."""
    symbols = [site.specie.symbol for site in structure]
    kinds = sorted({symbols[i] for i in inside})
    within = set(inside.tolist())
    counts = np.zeros((len(kinds), len(kinds)))
    centres, others, _, _ = structure.get_neighbor_list(EDGE_A)
    for i, j in zip(centres.tolist(), others.tolist(), strict=True):
        if i in within and j in within:
            counts[kinds.index(symbols[i]), kinds.index(symbols[j])] += 1.0
    share = np.array([sum(symbols[i] == kind for i in inside) for kind in kinds]) / len(inside)
    return float(np.abs(counts / counts.sum(axis=1, keepdims=True) - share).max())


def _tm_atoms(template: Structure) -> Atoms:
    inside = [i for i, layer in enumerate(template.site_properties["layer"]) if layer == "TM"]
    return Atoms(
        "Mn" * len(inside), scaled_positions=template.frac_coords[inside], cell=template.lattice.matrix, pbc=True
    )


def _handed_out(start: Structure, inside: NDArray[np.int64], placed: list[str]) -> list[float]:
    """Return the charge of each placed ion: the states of its element, handed out in the order of the sites."""
    states: dict[str, list[float]] = {}
    for site in inside:
        states.setdefault(start[int(site)].specie.symbol, []).append(start[int(site)].properties["charge"])
    return [states[element].pop() for element in placed]

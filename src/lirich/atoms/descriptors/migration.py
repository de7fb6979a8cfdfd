"""Transition metals that leave for the lithium layer: energies of the end states.

E(metal in the lithium layer) − E(metal at home), in the charged cell, where the lithium layer has room. The way of a
metal from octahedron to octahedron leads through a tetrahedral place (Reed, Ceder & Van der Ven, Electrochem. Solid-State Lett. 4 (2001) A78,
doi:10.1149/1.1368896); both ends are computed, and each says whether the metal stayed where it was put.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.descriptors.computed import Computed, ended
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job

Array = NDArray[np.float64]

MIGRATION = "metal_migration_energy_ev"


def moved_to(structure: Structure, atom: int, place: Sequence[float]) -> Structure:
    """Return the crystal with one atom on another place (fractional coordinates)."""
    moved = structure.copy()
    moved.replace(atom, structure[atom].species, coords=place, properties=structure[atom].properties)
    return moved


def migration_energies(
    host: Relaxation,
    ways: Mapping[str, tuple[int, Sequence[float]]],
    settings: RelaxationSettings,
    *,
    lithium_removed: float,
) -> Plan[list[Computed]]:
    """Return the energy of each end state over that of the host, eV.

    Parameters
    ----------
    host:
        The relaxed charged cell.
    ways:
        By name: which atom goes, and the place that it goes to (fractional coordinates of the host's cell).
    """
    crystal = host.crystal
    fixed = settings.model_copy(update={"cell": "fixed"})
    jobs = [
        relaxation_job(
            moved_to(crystal, atom, place), fixed, name, watched=atom, origin=list(crystal[atom].frac_coords)
        )
        for name, (atom, place) in ways.items()
    ]
    outcomes = yield jobs
    found = []
    for name, outcome in zip(ways, outcomes, strict=True):
        end, why = ended(outcome, needed="any")
        if end is not None and end.end.kind == "moved back":
            why, end = end.end.words, None
        doubts = () if end is None or end.end.kind == "as built" else (end.end.words,)
        value = None if end is None else end.energy_ev - host.energy_ev
        found.append(
            Computed(
                quantity=MIGRATION, value=value, where=name, lithium_removed=lithium_removed, doubts=doubts, why=why
            )
        )
    return found


def empty_places(structure: Structure, candidates: Array, *, clearance_a: float = 1.6) -> Array:
    """Return those of the *candidates*, fractional coordinates (n, 3), that no cation stands within *clearance_a* of.

    1.6 Å is the distance of a tetrahedral from an octahedral place of these oxides: a nearer cation shares a face.
    """
    cations = [i for i, site in enumerate(structure) if site.specie.symbol not in ("O", "F")]
    if not len(candidates):
        return candidates
    distances = structure.lattice.get_all_distances(candidates, structure.frac_coords[cations])
    free: Array = candidates[distances.min(axis=1) > clearance_a]
    return free

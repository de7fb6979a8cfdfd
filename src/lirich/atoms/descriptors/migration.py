"""Transition metals that leave for the lithium layer: energies of the end states.

E(metal in the lithium layer) − E(metal at home), in the charged cell, where the lithium layer has room. The way of a
metal from octahedron to octahedron leads through a tetrahedral place (Reed, Ceder & Van der Ven, Electrochem.
Solid-State Lett. 4 (2001) A78, doi:10.1149/1.1368896): both ends are computed, and each says whether the metal stayed
where it was put.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.descriptors.computed import Computed, Region, doubts_of, ended, steps_of
from lirich.atoms.interstices import FACE_REACH_A, Interstice, interstices
from lirich.atoms.layers import METAL_REACH_A, layers_of
from lirich.atoms.neb import barrier, neb_job
from lirich.atoms.oxidation import symbols_of
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job
from lirich.errors import LirichError, StructureError

Array = NDArray[np.float64]

MIGRATION = "metal_migration_energy_ev"
MIGRATION_CHANGE = "metal_migration_energy_change_ev"
MIGRATION_BARRIER = "metal_migration_barrier_ev"

NO_WAY_BACK_EV = 0.025
"""A barrier of the way back below kT at room temperature is none."""


@dataclass(frozen=True, slots=True)
class Way:
    """A metal and a place of the lithium layer that it may go to: fractional coordinates, and the anions around it."""

    atom: int
    place: tuple[float, float, float]
    anions: tuple[int, ...]
    name: str
    region: Region = ""

    def in_cell(self, built: Structure, relaxed: Structure) -> list[float]:
        """Return the place after the anions around it have moved: with the mean of their displacements."""
        shift = relaxed.frac_coords[list(self.anions)] - built.frac_coords[list(self.anions)]
        shift -= np.round(shift)
        return [float(x) for x in np.array(self.place) + shift.mean(axis=0)]


def ways_out(structure: Structure, element: str, dopants: Sequence[int] = ()) -> list[Way]:
    """Return the way of one metal of *element* into the lithium layer: to the tetrahedron over it, and beyond.

    The tetrahedron shares a face with the metal's octahedron and with as few lithium as there are; the octahedron of
    the lithium layer is the empty one nearest to it. Of equal ways that of the metal nearest to a dopant: the metals
    that are dopants do not count. Empty where the lithium layer has no such room.

    Raises `lirich.errors.StructureError` where the cell has no layers.
    """
    symbols = symbols_of(structure)
    names = layers_of(structure).names
    home = [i for i, s in enumerate(symbols) if s == element and names[i] == "TM" and i not in set(dopants)]
    cations = [i for i, name in enumerate(names) if name != "O"]
    best: tuple[tuple[float, ...], int, Interstice, Array] | None = None
    for group in interstices(structure, "tetrahedral", layer="Li"):
        for place in map(np.array, group.frac_coords):
            distances = structure.lattice.get_all_distances([place], structure.frac_coords[cations])[0]
            faces = [cations[k] for k in np.flatnonzero(distances < FACE_REACH_A)]
            metals = [i for i in faces if symbols[i] != "Li"]
            if len(metals) != 1 or metals[0] not in home:
                continue
            away = _nearest(structure, metals[0], dopants)
            rank = (float(len(faces) - 1), round(away, 1), float(metals[0]), *(float(x) for x in place.round(3)))
            if best is None or rank < best[0]:
                best = (rank, metals[0], group, place)
    if best is None:
        return []
    rank, atom, _, place = best
    region: Region = "" if not dopants else "near" if rank[1] < METAL_REACH_A else "far"
    beside = f", next to {int(rank[0])} Li" if rank[0] else ""
    ways = [_way(structure, atom, place, 4, f"{element} in a tetrahedron of the Li layer{beside}", region)]
    beyond = [
        (structure.lattice.get_distance_and_image(place, at)[0], tuple(at), at)
        for group in interstices(structure, "octahedral", layer="Li")
        for at in map(np.array, group.frac_coords)
    ]
    if beyond:
        _, _, at = min(beyond, key=lambda item: (round(item[0], 2), item[1]))
        ways.append(_way(structure, atom, at, 6, f"{element} in an octahedron of the Li layer", region))
    return ways


def _nearest(structure: Structure, atom: int, dopants: Sequence[int]) -> float:
    return min((float(structure.get_distance(atom, d)) for d in dopants), default=0.0)


def _way(structure: Structure, atom: int, place: Array, corners: int, name: str, region: Region) -> Way:
    """Return the way to *place*, whose anions are the *corners* nearest to it."""
    anions = np.flatnonzero(layers_of(structure).names == "O")
    distances = structure.lattice.get_all_distances([place], structure.frac_coords[anions])[0]
    near = tuple(int(anions[k]) for k in np.argsort(distances, kind="stable")[:corners])
    return Way(atom, (float(place[0]), float(place[1]), float(place[2])), near, name, region)


def moved_to(structure: Structure, atom: int, place: Sequence[float]) -> Structure:
    """Return the crystal with one atom on another place (fractional coordinates)."""
    moved = structure.copy()
    moved.replace(atom, structure[atom].species, coords=place, properties=structure[atom].properties)
    return moved


def migration_energies(
    host: Relaxation,
    built: Structure,
    ways: Sequence[Way],
    settings: RelaxationSettings,
    *,
    lithium_removed: float,
    bands: bool = False,
) -> Plan[list[Computed]]:
    """Return the energy of each end state over that of the host, eV; with *bands* also the barrier to each.

    Parameters
    ----------
    host:
        The relaxed charged cell.
    built:
        The same atoms on the places in which the *ways* were found.
    bands:
        Whether the climbing-image band from home to each end state is computed (`lirich.atoms.neb`): some hundred
        force calls each.

    A metal that slid back has no energy; one that went elsewhere has one, with the doubt in words.
    """
    crystal = host.crystal
    fixed = settings.model_copy(update={"cell": "fixed"})
    outcomes = yield [
        relaxation_job(
            moved_to(crystal, way.atom, way.in_cell(built, crystal)),
            fixed,
            way.name,
            watched=way.atom,
            origin=list(crystal[way.atom].frac_coords),
        )
        for way in ways
    ]
    found = []
    arrived: list[tuple[Way, Relaxation]] = []
    for way, outcome in zip(ways, outcomes, strict=True):
        end, why = ended(outcome)
        if end is not None:
            arrived.append((way, end))
        found.append(
            Computed(
                quantity=MIGRATION,
                value=None if end is None else end.energy_ev - host.energy_ev,
                where=way.name,
                region=way.region,
                lithium_removed=lithium_removed,
                doubts=() if end is None else doubts_of(end),
                why=why,
                steps=steps_of(outcome),
                atom=way.atom,
            )
        )
    if not bands:
        return found
    found += [
        each.model_copy(update={"quantity": MIGRATION_BARRIER, "why": f"no end to go to: {each.why}"})
        for each in found
        if each.value is None
    ]
    if not arrived:
        return found
    outcomes = yield [neb_job(crystal, end.crystal, fixed, f"band: {way.name}") for way, end in arrived]
    for (way, end), outcome in zip(arrived, outcomes, strict=True):
        known = Computed(
            quantity=MIGRATION_BARRIER,
            value=None,
            where=way.name,
            region=way.region,
            lithium_removed=lithium_removed,
            doubts=doubts_of(end),
            steps=end.steps,
            atom=way.atom,
        )
        found.append(with_barrier(known, outcome))
    return found


def with_barrier(known: Computed, outcome: object) -> Computed:
    """Return *known* with the barrier and the steps of a band; one that did not converge gives no value."""
    if isinstance(outcome, LirichError):
        return known.model_copy(update={"why": str(outcome), "doubts": ()})
    band = barrier(outcome)
    known = known.model_copy(update={"steps": (known.steps or 0) + band.steps})
    if not band.converged:
        return known.model_copy(update={"why": f"band not converged after {band.steps} steps", "doubts": ()})
    doubts = known.doubts
    if not band.one_saddle:
        doubts = (*doubts, "the band has a minimum on its way: two hops")
    if band.reverse_ev < NO_WAY_BACK_EV:
        doubts = (*doubts, "no saddle: the energy rises to the end, which nothing holds there; the number is its own")
    return known.model_copy(update={"value": band.barrier_ev, "doubts": doubts})


def need_ways(ways: Sequence[Way], element: str) -> Sequence[Way]:
    """Return *ways*; raises `lirich.errors.StructureError` where there are none."""
    if not ways:
        raise StructureError(
            f"No way for {element} into the lithium layer of this cell",
            expected="an empty tetrahedron that shares a face with it",
            advice="Take more lithium out",
        )
    return ways

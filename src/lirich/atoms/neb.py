"""Barriers of hops: the nudged elastic band, and a cheap path that is often as good.

Climbing image: Henkelman, Uberuaga & Jónsson, J. Chem. Phys. 113, 9901 (2000), doi:10.1063/1.1329672; first path by
image-dependent pair potentials: Smidstrup et al., J. Chem. Phys. 140, 214106 (2014), doi:10.1063/1.4878664; both by
ASE. The cheap path relaxes the middle of the straight way, the hopping atom held in the plane across it: exact where
the saddle lies there by symmetry; elsewhere a guess.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.mep import NEB
from ase.optimize import FIRE
from pymatgen.core.structure import Structure

from lirich.atoms.ase_calculator import LirichForAse, atoms_of
from lirich.atoms.calculators import calculator
from lirich.atoms.endstates import displacements
from lirich.atoms.plan import Job, Outcome
from lirich.atoms.relax import RelaxationSettings, relaxation_job
from lirich.errors import CalculatorStoppedError, LirichError, StructureError
from lirich.model._base import Frozen

IMAGES = 5
CLIMB_FROM_EV_A = 0.3
"""The band is relaxed to this force before its highest image climbs."""


class Barrier(Frozen):
    """A band between two minima: energies, eV, of its images, ends among them, above the first.

    ``one_saddle`` is whether the energies rise to one maximum and fall from it: a band with a minimum on its way is two
    hops, and the barrier that of the higher one. ``images`` are the crystals as dictionaries.
    """

    barrier_ev: float
    reverse_ev: float
    energies_ev: tuple[float, ...]
    converged: bool
    one_saddle: bool
    steps: int
    force_calls: int
    force_max_ev_a: float
    images: tuple[dict[str, Any], ...]
    calculator: str
    version: str
    seconds: float


def neb_job(
    start: Structure,
    end: Structure,
    settings: RelaxationSettings,
    label: str = "",
    *,
    images: int = IMAGES,
) -> Job:
    """Return the job of a climbing-image band between two relaxed minima: the same atoms, order and cell.

    The images between them are *images*; ``settings`` gives the potential, the bound of the forces and of the steps.
    Raises `lirich.errors.StructureError` where the two ends are no pair.
    """
    if [site.specie for site in start] != [site.specie for site in end] or not np.allclose(
        start.lattice.matrix, end.lattice.matrix, atol=1e-4
    ):
        raise StructureError(
            f"{start.formula} and {end.formula} are no two ends of one band",
            expected="the same atoms in the same order and the same cell",
        )
    parameters = {
        "start": start.as_dict(),
        "end": end.as_dict(),
        "images": images,
        "settings": settings.model_dump(mode="json"),
        "version": calculator(settings.calculator).version,
    }
    return Job(neb_task, parameters, label, cost=float(len(start) * images * 40))


def barrier(outcome: Outcome) -> Barrier:
    """Return what a job of `neb_job` gave; the error that it ended in is raised."""
    if isinstance(outcome, LirichError):
        raise outcome
    return Barrier.model_validate(outcome)


def neb_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Relax a band: a pure function of the JSON that `neb_job` makes. Raises as `lirich.atoms.relax.relax_task`."""
    began = time.perf_counter()
    settings = RelaxationSettings.model_validate(parameters["settings"])
    potential = calculator(settings.calculator)
    if parameters["version"] != potential.version:
        raise CalculatorStoppedError(
            f"{settings.calculator} is {potential.version} here", expected=f"{parameters['version']}, as in the job"
        )
    first, last = Structure.from_dict(parameters["start"]), Structure.from_dict(parameters["end"])
    way = displacements(first, last)
    band = [atoms_of(first) for _ in range(int(parameters["images"]) + 2)]
    band[-1].positions = band[0].positions + way
    bridges = [LirichForAse(potential) for _ in band]
    for image, bridge in zip(band, bridges, strict=True):
        image.calc = bridge
    chain = NEB(band, method="improvedtangent", k=0.5)
    chain.interpolate("idpp")
    rough = FIRE(chain, logfile=None)
    rough.run(fmax=CLIMB_FROM_EV_A, steps=settings.max_steps)
    chain.climb = True
    fine = FIRE(chain, logfile=None)
    converged = bool(fine.run(fmax=settings.force_max_ev_a, steps=max(settings.max_steps - rough.nsteps, 0)))
    energies = np.array([image.get_potential_energy() for image in band])
    top = int(energies.argmax())
    rise = np.diff(energies)
    return Barrier(
        barrier_ev=float(energies.max() - energies[0]),
        reverse_ev=float(energies.max() - energies[-1]),
        energies_ev=tuple((energies - energies[0]).tolist()),
        converged=converged,
        one_saddle=bool((rise[:top] > 0).all() and (rise[top:] < 0).all()),
        steps=int(rough.nsteps + fine.nsteps),
        force_calls=sum(bridge.calls for bridge in bridges),
        force_max_ev_a=float(np.linalg.norm(chain.get_forces().reshape(-1, 3), axis=1).max()),
        images=tuple(_image(first, image).as_dict() for image in band),
        calculator=potential.name,
        version=potential.version,
        seconds=time.perf_counter() - began,
    ).model_dump(mode="json")


def midpoint_job(start: Structure, end: Structure, hopping: int, settings: RelaxationSettings, label: str = "") -> Job:
    """Return the job of the cheap path: the middle relaxed with the *hopping* atom in the plane across its way.

    The barrier is the energy of its relaxation less that of *start*. Raises `lirich.errors.StructureError` where the
    atom does not move between the two.
    """
    way = displacements(start, end)
    if np.linalg.norm(way[hopping]) < 0.5:
        raise StructureError(f"{start[hopping].specie} {hopping} does not hop", expected="a way of more than 0.5 Å")
    middle = start.copy()
    for i, step in enumerate(way):
        middle.translate_sites([i], step / 2, frac_coords=False, to_unit_cell=False)
    # Without an atom that stays, the crystal as a whole could slide back along the way, and the hop with it.
    far = int(middle.distance_matrix[hopping].argmax())
    return relaxation_job(middle, settings, label, frozen=[far], barred={hopping: [float(x) for x in way[hopping]]})


def _image(first: Structure, atoms: Any) -> Structure:
    return Structure(first.lattice, first.species, atoms.get_scaled_positions(wrap=False))

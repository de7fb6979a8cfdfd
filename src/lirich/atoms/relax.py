"""Relaxation: from a structure as it was built to the nearest minimum of a potential.

`relax_task` is one relaxation as a pure function of JSON; `relaxation_job` asks for it in a plan. The result says
whether the run converged and what it ended in: a number of a state that is another one than its name says is no number.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field
from pymatgen.core.structure import Structure

from lirich.atoms.calculators import calculator
from lirich.atoms.endstates import EndState, compare_ends
from lirich.atoms.kicks import lowest_end
from lirich.atoms.minimise import Minimum, minimise
from lirich.atoms.plan import Job, Outcome
from lirich.errors import CalculatorStoppedError, LirichError
from lirich.model._base import Frozen

USUAL_STEPS = 20
"""What a relaxation of a defect takes, for the order of jobs only."""


class RelaxationSettings(Frozen):
    """How structures are relaxed."""

    calculator: str = Field("chgnet", description="The potential, by the name at the door lirich.calculators")
    cell: Literal["fixed", "free"] = Field("fixed", description="Whether the cell is relaxed with the atoms")
    force_max_ev_a: float = Field(0.05, gt=0, description="Converged where no force is larger, eV/Å")
    stress_max_ev_a3: float = Field(
        0.003, gt=0, description="Converged where no component of the stress is larger, eV/Å³ (0.003 is 0.5 GPa)"
    )
    max_steps: int = Field(300, ge=0, description="Steps after which a run ends, converged or not")
    moments: bool = Field(True, description="Whether the magnetic moments of the end are asked for")
    kicks: int = Field(
        2, ge=0, description="How often the end is shaken and relaxed again; the lowest end of the same kind counts"
    )
    seed: int = Field(0, ge=0, description="Of the kicks")


class Relaxation(Frozen):
    """What a relaxation gave: eV per cell, eV/Å, stress in eV/Å³ (tension positive), moments in µB.

    ``steps`` are those of the run that counts, ``force_calls`` those of all starts; ``ends_ev`` see
    `lirich.atoms.kicks.Starts`.
    """

    energy_ev: float
    structure: dict[str, Any]
    converged: bool
    steps: int
    force_calls: int
    ends_ev: tuple[float | None, ...] = ()
    force_max_ev_a: float
    stress_ev_a3: tuple[tuple[float, float, float], ...] | None = None
    moments_mub: tuple[float, ...] | None = None
    end: EndState
    calculator: str
    version: str
    seconds: float

    @property
    def crystal(self) -> Structure:
        """The relaxed crystal."""
        return Structure.from_dict(self.structure)

    @property
    def sound(self) -> bool:
        """Whether the run converged and ended in the state that was built."""
        return self.converged and self.end.kind == "as built"


def relaxation_job(
    structure: Structure,
    settings: RelaxationSettings,
    label: str = "",
    *,
    start: Structure | None = None,
    frozen: Sequence[int] = (),
    barred: Mapping[int, Sequence[float]] | None = None,
    watched: int | None = None,
    origin: Sequence[float] | None = None,
) -> Job:
    """Return the job of one relaxation.

    *start* gives other positions to begin from (see `warm_start`); the end is compared with *structure* all the same.
    *frozen* atoms stay where they are; an atom of *barred* does not move along its direction. *watched* and *origin*
    are handed to `lirich.atoms.endstates.compare_ends`.
    """
    parameters: dict[str, Any] = {
        "structure": structure.as_dict(),
        "settings": settings.model_dump(mode="json"),
        "version": calculator(settings.calculator).version,
    }
    if start is not None:
        parameters["start"] = start.as_dict()
    if frozen:
        parameters["frozen"] = sorted(frozen)
    if barred:
        parameters["barred"] = {str(atom): [float(x) for x in direction] for atom, direction in barred.items()}
    if watched is not None:
        parameters["watched"] = watched
    if origin is not None:
        parameters["origin"] = [float(x) for x in origin]
    return Job(relax_task, parameters, label, cost=float(len(structure) * USUAL_STEPS))


def single_point_job(structure: Structure, settings: RelaxationSettings, label: str = "") -> Job:
    """Return the job of one evaluation: a relaxation of no steps."""
    job = relaxation_job(structure, settings.model_copy(update={"max_steps": 0}), label)
    return Job(job.task, job.parameters, label, cost=float(len(structure)))


def relaxed(outcome: Outcome) -> Relaxation:
    """Return what a job of `relaxation_job` gave; the error that it ended in is raised."""
    if isinstance(outcome, LirichError):
        raise outcome
    return Relaxation.model_validate(outcome)


def relax_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Relax one structure: a pure function of the JSON that `relaxation_job` makes.

    Raises `lirich.errors.CalculatorError` where the potential gives no finite answer, and
    `lirich.errors.CalculatorStoppedError` where it is another one than the job was made for. A run that does not
    converge is a result that says so.
    """
    began = time.perf_counter()
    settings = RelaxationSettings.model_validate(parameters["settings"])
    potential = calculator(settings.calculator)
    if parameters["version"] != potential.version:
        raise CalculatorStoppedError(
            f"{settings.calculator} is {potential.version} here",
            expected=f"{parameters['version']}, as where the job was made",
            advice="Install the same versions on all machines that work on a study",
        )
    built = Structure.from_dict(parameters["structure"])
    start = Structure.from_dict(parameters["start"]) if "start" in parameters else built
    barred = {int(atom): direction for atom, direction in parameters.get("barred", {}).items()}
    frozen = parameters.get("frozen", ())

    def run(begin: Structure) -> Minimum:
        return minimise(
            potential,
            begin,
            force_max_ev_a=settings.force_max_ev_a,
            stress_max_ev_a3=settings.stress_max_ev_a3,
            strain=settings.cell == "free",
            max_steps=settings.max_steps,
            frozen=frozen,
            barred=barred,
        )

    kicks = settings.kicks if settings.max_steps else 0
    starts = lowest_end(built, run(start), run, kicks=kicks, seed=settings.seed, frozen=frozen, barred=barred)
    minimum = starts.lowest
    after, found = minimum.structure, minimum.evaluation
    if settings.moments:
        found = potential.evaluate(after, stress=settings.cell == "free", moments=True)
    origin = parameters.get("origin")
    end = compare_ends(
        built, after, watched=parameters.get("watched"), origin=None if origin is None else np.array(origin)
    )
    return Relaxation(
        energy_ev=minimum.evaluation.energy_ev,
        structure=after.as_dict(),
        converged=minimum.converged,
        steps=minimum.steps,
        force_calls=starts.calls,
        ends_ev=starts.ends_ev,
        force_max_ev_a=minimum.force_max_ev_a,
        stress_ev_a3=None if found.stress_ev_a3 is None else tuple(map(tuple, found.stress_ev_a3.tolist())),
        moments_mub=None if found.moments_mub is None else tuple(found.moments_mub.tolist()),
        end=end,
        calculator=potential.name,
        version=potential.version,
        seconds=time.perf_counter() - began,
    ).model_dump(mode="json")


def warm_start(built: Structure, host_built: Structure, host_relaxed: Structure) -> Structure:
    """Return *built* with the displacements and the strain that its host relaxed with: a start nearer to the minimum.

    Each atom takes the displacement of the atom of *host_built* that stands on its place (within 0.3 Å); an atom on a
    place that the host has not takes none.
    """
    distances = built.lattice.get_all_distances(built.frac_coords, host_built.frac_coords)
    nearest = distances.argmin(axis=1)
    found = distances[np.arange(len(built)), nearest] < 0.3
    shift = host_relaxed.frac_coords - host_built.frac_coords
    shift -= np.round(shift)
    moved = built.frac_coords + np.where(found[:, None], shift[nearest], 0.0)
    strained = built.lattice.matrix @ np.linalg.inv(host_built.lattice.matrix) @ host_relaxed.lattice.matrix
    start = built.copy()
    start.lattice = strained
    for i, position in enumerate(moved):
        start.replace(i, start[i].species, coords=position, properties=start[i].properties)
    return start

"""What is kept of a candidate's relaxations is what its numbers were computed on, and every run is counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("chgnet")

from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import arrangement_of
from lirich.atoms.calculators import _OFFERED, calculator, offer
from lirich.atoms.descriptors import kept, migration, vacancy, voltage
from lirich.atoms.descriptors.candidate import CandidateResult, CandidateSettings, candidate_plan
from lirich.atoms.descriptors.kept import Run, recorded, run_of
from lirich.atoms.dopants import Dopant, variants
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.neb import neb_task
from lirich.atoms.ordering import ewald_matrix, ordered
from lirich.atoms.plan import Job, Plan, run_here
from lirich.atoms.relax import RelaxationSettings, relax_task, relaxation_job, single_point_job
from lirich.errors import CalculatorError
from lirich.screening.screened import Built, Effort, Relaxed
from lirich.workbench.screening.kept_cells import effort_of, relaxed_of


class Worth:
    """An atom is worth what its element is, and an oxide wants a volume per atom, Å³, of *wanted*.

    Energies are in eV: Li −4 in an oxide and −2 alone, others −2. The
    stress is that of a spring on the volume, so that the cell relaxes in a few steps.
    """

    name, version = "worth", "1"

    def __init__(self, wanted: float) -> None:
        self.wanted = wanted

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        symbols = [site.specie.symbol for site in structure]
        lithium = -4.0 if "O" in symbols else -2.0
        energy = sum(lithium if s == "Li" else -2.0 for s in symbols)
        per_atom = structure.volume / len(structure)
        grown = per_atom - self.wanted if "O" in symbols else 0.0
        energy += 0.5 * len(structure) * grown**2
        return Evaluation(
            float(energy), np.zeros((len(structure), 3)), np.eye(3) * grown if stress else None, None
        )  # d(energy)/d(strain)/volume: (n g dv/dε)/V = g


class Pull:
    """A force that never ends: no relaxation converges."""

    name, version = "pull", "1"

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        forces = np.zeros((len(structure), 3))
        forces[0, 2], forces[1, 2] = 0.1, -0.1
        z = structure.cart_coords[:, 2]
        return Evaluation(float(0.1 * (z[1] - z[0])), forces, np.zeros((3, 3)) if stress else None, None)


@pytest.fixture(scope="module")
def host() -> Structure:
    return ordered("Li1.2Mn0.6Ni0.2O2", atoms=60, seeds=1)[0].structure


@pytest.fixture(scope="module")
def tungsten(host: Structure) -> Iterator[tuple[Structure, CandidateResult, list[tuple[Job, Any]]]]:
    offer(Worth(1.01 * host.volume / len(host)))
    start = arrangement_of(host, ewald_matrix(host))
    doped = variants(start, [Dopant(element="W", charge=6)], start.holding("Mn")[:1], kinds=("redox",))[0].structure
    settings = CandidateSettings(
        relaxation=RelaxationSettings(calculator="worth", kicks=0),
        wanted=(vacancy.VACANCY, vacancy.CHANGE, voltage.VOLTAGE, migration.MIGRATION),
        oxygen_sites=1,
    )
    asked: list[tuple[Job, Any]] = []
    result = run_here(_seen(candidate_plan(host, doped, settings), asked))
    yield doped, result, asked
    del _OFFERED["worth"]


def _seen(plan: Plan[CandidateResult], asked: list[tuple[Job, Any]]) -> Plan[CandidateResult]:
    """Pass a plan on and list what it asked for with what it got."""
    try:
        jobs = next(plan)
        while True:
            outcomes = yield jobs
            asked += zip(jobs, outcomes, strict=True)
            jobs = plan.send(outcomes)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def test_the_kept_cells_are_the_built_one_without_the_lithium_that_left(
    tungsten: tuple[Structure, CandidateResult, Any],
) -> None:
    doped, result, _ = tungsten
    symbols = [site.specie.symbol for site in doped]
    assert {cell.lithium_removed for cell in result.cells} == {0.0, 0.5}
    for cell in result.cells:
        assert len(cell.removed) == round(cell.lithium_removed * symbols.count("Li"))
        assert {symbols[i] for i in cell.removed} <= {"Li"}
        left = [i for i in range(len(doped)) if i not in cell.removed]
        crystal = cell.relaxation.crystal
        assert [site.specie.symbol for site in crystal] == [symbols[i] for i in left]
        moved = crystal.frac_coords - doped.frac_coords[left]
        steps = (moved - np.round(moved)) @ crystal.lattice.matrix
        assert np.linalg.norm(steps, axis=1).max() < 0.8  # each on its place: this potential has no forces on atoms
        assert crystal.volume / len(crystal) == pytest.approx(1.01 * doped.volume / len(doped), rel=2e-3)
        assert cell.doubts == ()


def test_the_voltage_is_that_of_the_kept_cells(tungsten: tuple[Structure, CandidateResult, Any]) -> None:
    _, result, _ = tungsten
    rich = next(cell for cell in result.cells if not cell.removed)
    poor = next(cell for cell in result.cells if cell.removed and "voltage" in cell.gives)
    (found,) = result.of(voltage.VOLTAGE)
    gone = len(poor.removed)
    lithium = -2.0
    expected = -(rich.relaxation.energy_ev - poor.relaxation.energy_ev - gone * lithium) / gone
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.steps == rich.relaxation.steps + poor.relaxation.steps > 0


def test_numbers_of_places_are_of_the_cell_that_is_kept_for_them(
    tungsten: tuple[Structure, CandidateResult, Any],
) -> None:
    """The cell without one oxygen was made of the kept one: the other atoms stand where they stood in it."""
    _, result, asked = tungsten
    for found in (f for f in result.figures if f.quantity == vacancy.VACANCY):
        cell = next(c for c in result.cells if c.lithium_removed == found.lithium_removed and c.gives != kept.OF_WHOLE)
        assert found.atom is not None
        assert cell.relaxation.crystal[found.atom].specie.symbol == "O"
        near = cell.relaxation.crystal.get_neighbors(cell.relaxation.crystal[found.atom], 2.4)
        assert ("W" in {n.specie.symbol for n in near}) == (found.region == "near")
    for found in result.of(migration.MIGRATION):
        cell = next(c for c in result.cells if c.removed and c.gives != kept.OF_WHOLE)
        assert found.atom is not None
        assert cell.relaxation.crystal[found.atom].specie.symbol == found.where.split()[0]
    for cell in (c for c in result.cells if "vacancies" in c.gives or "all" in c.gives):
        crystal = cell.relaxation.crystal
        without = [
            Structure.from_dict(job.parameters["structure"])
            for job, _ in asked
            if "removed" in job.label and "W" in str(job.parameters["structure"]["sites"])
        ]
        mine = [w for w in without if len(w) == len(crystal) - 1]
        assert mine
        for each in mine:
            assert each.lattice == crystal.lattice
            assert crystal.lattice.get_all_distances(each.frac_coords, crystal.frac_coords).min(axis=1).max() < 1e-6


def test_every_relaxation_of_the_doped_cell_is_counted_once_and_none_of_the_host(
    tungsten: tuple[Structure, CandidateResult, list[tuple[Job, Any]]],
) -> None:
    _, result, asked = tungsten
    own = [
        outcome
        for job, outcome in asked
        if any(s["label"].startswith("W") for s in job.parameters["structure"]["sites"])
        and job.parameters["settings"]["max_steps"] > 0
    ]
    effort = effort_of(result.runs)
    assert effort.relaxations == len(own) == len(effort.steps)
    assert sum(effort.steps) == sum(outcome["steps"] for outcome in own) > 0
    assert effort.force_calls == sum(outcome["force_calls"] for outcome in own)
    assert effort.steps == tuple(sorted(effort.steps))
    assert (effort.bands, effort.not_converged, effort.failed) == (0, 0, 0)


def test_a_difference_took_the_steps_of_both_cells(tungsten: tuple[Structure, CandidateResult, Any]) -> None:
    _, result, asked = tungsten
    for change in result.of(vacancy.CHANGE):
        same = [
            outcome["steps"]
            for job, outcome in asked
            if job.label == f"{change.where} removed"
            and len(job.parameters["structure"]["sites"]) == (59 if change.lithium_removed == 0 else 50)
        ]
        assert len(same) == 2
        assert change.steps == sum(same)


def test_a_run_is_told_by_how_it_ended(host: Structure) -> None:
    offer(Pull())
    try:
        short = RelaxationSettings(calculator="pull", max_steps=3, kicks=0, moments=False)

        def plan() -> Plan[int]:
            outcomes = yield [
                relaxation_job(host, short, "never ends"),
                single_point_job(host, short, "no relaxation"),
                Job(relax_task, {**relaxation_job(host, short).parameters, "version": "another"}, "refused"),
            ]
            return len(outcomes)

        runs: list[Run] = []
        assert run_here(recorded(plan(), runs)) == 3
    finally:
        del _OFFERED["pull"]
    assert [run.ended for run in runs] == ["not converged", "failed"]
    assert runs[0].steps == 3
    assert runs[1].steps is None
    band = {"converged": True, "steps": 40, "force_calls": 280}
    assert run_of(band, band=True) == Run(kind="band", steps=40, force_calls=280, ended="as built")
    assert run_of(CalculatorError("no"), band=True).ended == "failed"
    counted = effort_of([*runs, run_of(band, band=True)])
    assert counted == Effort(
        relaxations=2, bands=1, steps=(3,), force_calls=runs[0].force_calls + 280, not_converged=1, failed=1
    )
    assert neb_task is not relax_task


def test_a_kept_cell_is_the_relaxed_one_to_a_thousandth_of_an_angstrom_and_exact_through_json(
    tungsten: tuple[Structure, CandidateResult, Any],
) -> None:
    _, result, _ = tungsten
    cells = tuple(relaxed_of(cell) for cell in result.cells)
    for cell, each in zip(result.cells, cells, strict=True):
        crystal = cell.relaxation.crystal
        again = Structure(each.lattice_a, crystal.species, each.positions)
        distances = [again[i].distance(site) for i, site in enumerate(crystal)]
        assert max(distances) < 0.002
        assert again.volume == pytest.approx(crystal.volume, rel=1e-5)
    built = Built(ordering=0, formula="x", relaxed=cells, efforts={"worth": effort_of(result.runs)})
    assert Built.from_json(built.to_json()) == built
    assert all(isinstance(each, Relaxed) for each in Built.from_json(built.to_json()).relaxed)
    assert calculator("worth").name == result.calculator

"""CHGNet by our kernels is CHGNet; potentials come by name; relaxations end where and as they say."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("chgnet")

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms import calculators
from lirich.atoms.ase_calculator import AseCalculator, atoms_of
from lirich.atoms.calculators import calculator, offer
from lirich.atoms.chgnet import load_model
from lirich.atoms.endstates import compare_ends
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.minimise import SHORTENINGS, minimise
from lirich.atoms.moments import charges_from_moments
from lirich.atoms.relax import (
    RelaxationSettings,
    relax_task,
    relaxation_job,
    relaxed,
    single_point_job,
    warm_start,
)
from lirich.atoms.spacegroup import crystal_of_group
from lirich.atoms.springs import spring_hessian
from lirich.errors import CalculatorError, PluginError, StructureError, UnknownNameError
from lirich.testing import check_calculator

FIXED = RelaxationSettings(kicks=0)


@pytest.fixture(scope="module")
def li2mno3() -> Structure:
    """Half the conventional cell of Li2MnO3 (12 atoms): Strobel & Lambert-Andron, doi:10.1016/0022-4596(88)90305-2."""
    return crystal_of_group(
        "C2/m",
        Lattice.monoclinic(4.937, 8.532, 5.030, 109.46),
        ["Mn", "Li", "Li", "Li", "O", "O"],
        [[0, 0.167, 0], [0, 0.5, 0], [0, 0, 0.5], [0, 0.6606, 0.5], [0.2189, 0, 0.2273], [0.2540, 0.3214, 0.2233]],
    ).get_primitive_structure()


@pytest.fixture(scope="module")
def rattled(li2mno3: Structure) -> Structure:
    moved = li2mno3.copy()
    for i, step in enumerate(np.random.default_rng(1).normal(scale=0.05, size=(len(moved), 3))):
        moved.translate_sites([i], step, frac_coords=False)
    return moved


@pytest.mark.parametrize("weights", ["0.3.0", "r2scan", "0.2.0"])
def test_energy_forces_stress_and_moments_are_those_of_the_stock_calculator(weights: str, rattled: Structure) -> None:
    from chgnet.model.dynamics import CHGNetCalculator

    ours = calculator("chgnet" if weights == "0.3.0" else f"chgnet:{weights}").evaluate(
        rattled, stress=True, moments=True
    )
    atoms = atoms_of(rattled)
    atoms.calc = CHGNetCalculator(load_model(weights), use_device="cpu")
    assert ours.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=1e-5 * len(rattled))
    assert ours.forces_ev_a == pytest.approx(atoms.get_forces(), abs=1e-3)
    assert ours.stress_ev_a3 == pytest.approx(atoms.get_stress(voigt=False), abs=1e-5)
    assert ours.moments_mub == pytest.approx(atoms.get_magnetic_moments(), abs=1e-3)


def test_a_crystal_without_bonds_within_three_angstrom_is_the_stock_one_too() -> None:
    lithium = crystal_of_group("Im-3m", Lattice.cubic(3.51), ["Li"], [[0, 0, 0]])
    said = load_model().predict_structure(lithium, task="e")["e"]
    assert calculator("chgnet").evaluate(lithium).energy_ev / len(lithium) == pytest.approx(float(said), abs=1e-5)
    with pytest.raises(CalculatorError, match="jumps there"):
        calculator("chgnet:0.2.0").evaluate(lithium)


def test_chgnet_keeps_the_contract(rattled: Structure) -> None:
    found = check_calculator(calculator("chgnet"), rattled)
    assert set(found) == {"forces", "net force", "stress", "translation", "rotation", "permutation", "memory"}


class Wrong:
    name, version = "wrong", "1"

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        right = calculator("chgnet").evaluate(structure, stress=stress)
        return Evaluation(right.energy_ev, 1.1 * right.forces_ev_a, right.stress_ev_a3)


def test_forces_that_are_no_gradient_break_the_contract(rattled: Structure) -> None:
    with pytest.raises(PluginError, match=r"forces off by"):
        check_calculator(Wrong(), rattled)


def test_the_door_takes_any_ase_calculator(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("copper", "ase.calculators.emt:EMT", calculators.GROUP)
    monkeypatch.setattr(calculators, "entry_points", lambda group: [entry])
    calculators._loaded.cache_clear()
    copper = crystal_of_group("Fm-3m", Lattice.cubic(3.7), ["Cu"], [[0, 0, 0]])
    potential = calculator("copper")
    assert "EMT" in potential.version
    found = minimise(potential, copper, force_max_ev_a=0.01, stress_max_ev_a3=1e-4, strain=True)
    # The lattice constant of copper in ASE's EMT is 3.59 Å (experiment 3.61 Å).
    assert found.converged
    assert found.structure.lattice.a == pytest.approx(3.59, abs=0.01)
    calculators._loaded.cache_clear()


def test_names_that_nobody_answers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="chgnet"):
        calculator("chgnett")
    with pytest.raises(UnknownNameError, match="r2scan"):
        calculator("chgnet:r2scam")
    broken = EntryPoint("broken", "no_such_package:make", calculators.GROUP)
    monkeypatch.setattr(calculators, "entry_points", lambda group: [broken])
    with pytest.raises(PluginError, match="no_such_package"):
        calculator("broken")


def test_the_door_of_the_package_and_of_the_checkout_are_the_same() -> None:
    import tomllib

    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["project"]["entry-points"][calculators.GROUP] == calculators.BUILT_IN


def test_what_a_potential_cannot_answer_is_a_typed_error(li2mno3: Structure) -> None:
    lone = Structure(Lattice.cubic(15), ["O", "Mn"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(CalculatorError, match="stand alone"):
        calculator("chgnet").evaluate(lone)
    with pytest.raises(CalculatorError, match="does not know element 95"):
        calculator("chgnet").evaluate(Structure(Lattice.cubic(3), ["Am"], [[0, 0, 0]]))
    gone = li2mno3.copy()
    gone.translate_sites([0], [np.nan, 0, 0])
    with pytest.raises(CalculatorError, match="without a place"):
        calculator("chgnet").evaluate(gone)


def test_a_potential_that_gives_nan_is_a_typed_error(monkeypatch: pytest.MonkeyPatch, li2mno3: Structure) -> None:
    from ase.calculators.lj import LennardJones

    class Broken(LennardJones):  # type: ignore[misc]
        def calculate(self, *args: Any, **kwargs: Any) -> None:
            super().calculate(*args, **kwargs)
            self.results["energy"] = float("nan")

    door = SimpleNamespace(name="nan", value="x:y", load=lambda: Broken, dist=None)
    monkeypatch.setattr(calculators, "entry_points", lambda group: [door])
    calculators._loaded.cache_clear()
    job = relaxation_job(li2mno3, RelaxationSettings(calculator="nan"))
    with pytest.raises(CalculatorError, match="no finite number"):
        relax_task(job.parameters)
    calculators._loaded.cache_clear()


def test_the_spring_model_is_positive_and_blind_to_translation(li2mno3: Structure) -> None:
    hessian = spring_hessian(li2mno3, strain=True)
    assert hessian == pytest.approx(hessian.T)
    assert np.linalg.eigvalsh(hessian)[0] > 0
    atoms = 3 * len(li2mno3)
    shift = np.zeros(len(hessian))
    shift[0:atoms:3] = 1.0
    # Springs cost nothing when all atoms move alike; what is left is the floor of 0.7 eV/Å² for each.
    assert shift @ hessian @ shift == pytest.approx(0.7 * len(li2mno3))


def test_li2mno3_relaxes_to_its_lattice_with_mn4(li2mno3: Structure) -> None:
    job = relaxation_job(li2mno3, RelaxationSettings(cell="free", kicks=0))
    found = relaxed(relax_task(job.parameters))
    assert found.sound
    assert found.force_calls <= 8
    # C2/m Li2MnO3: volume of the primitive cell half of 4.937 x 8.532 x 5.030 x sin(109.46 deg) = 99.9 Å3; CHGNet's
    # lattice is 0.6 to 1.4 % too long, so its volume within 5 %.
    assert found.crystal.volume == pytest.approx(99.9, rel=0.05)
    assert found.moments_mub is not None
    intended = [{"Li": 1, "Mn": 4, "O": -2}[site.specie.symbol] for site in li2mno3]
    charges = charges_from_moments(found.crystal, found.moments_mub, intended)
    assert [c.verdict for c in charges] == ["agrees"] * 2


def test_the_same_job_gives_the_same_numbers_whatever_ran_before(li2mno3: Structure, rattled: Structure) -> None:
    job = relaxation_job(rattled, FIXED)
    first = relax_task(job.parameters)
    relax_task(single_point_job(li2mno3, FIXED).parameters)
    second = relax_task(job.parameters)
    assert {k: v for k, v in first.items() if k != "seconds"} == {k: v for k, v in second.items() if k != "seconds"}


def test_the_minimum_is_that_of_a_stock_optimiser(li2mno3: Structure, rattled: Structure) -> None:
    from ase.optimize import BFGS

    from lirich.atoms.ase_calculator import LirichForAse

    ours = relaxed(relax_task(relaxation_job(rattled, FIXED.model_copy(update={"force_max_ev_a": 0.01})).parameters))
    atoms = atoms_of(rattled)
    atoms.calc = LirichForAse(calculator("chgnet"))
    BFGS(atoms, logfile=None).run(fmax=0.01, steps=200)
    assert ours.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=2e-3)
    assert ours.force_calls < atoms.calc.calls


def test_an_oxygen_vacancy_is_that_of_the_stock_calculator(li2mno3: Structure) -> None:
    from chgnet.model.dynamics import CHGNetCalculator

    behind = AseCalculator(CHGNetCalculator(load_model(), use_device="cpu"), name="stock", version="0.3.0")
    offer(behind)
    vacant = li2mno3.copy()
    vacant.remove_sites([next(i for i, site in enumerate(vacant) if site.specie.symbol == "O")])

    def energies(settings: RelaxationSettings) -> list[float]:
        jobs = [relaxation_job(cell, settings) for cell in (li2mno3, vacant)]
        return [relaxed(relax_task(job.parameters)).energy_ev for job in jobs]

    ours = energies(FIXED)
    stock = energies(FIXED.model_copy(update={"calculator": behind.name}))
    for mine, other in zip(ours, stock, strict=True):
        assert mine == pytest.approx(other, abs=0.001 * len(vacant))
    assert ours[1] - ours[0] == pytest.approx(stock[1] - stock[0], abs=0.005)


def test_a_run_that_is_cut_short_says_so_and_frozen_atoms_stay(rattled: Structure) -> None:
    cut = relaxed(relax_task(relaxation_job(rattled, FIXED.model_copy(update={"max_steps": 1})).parameters))
    assert not cut.converged
    assert not cut.sound
    assert cut.force_max_ev_a > 0.05
    held = relaxed(relax_task(relaxation_job(rattled, FIXED, frozen=[0], barred={1: [0, 0, 1]}).parameters))
    step = held.crystal.cart_coords - rattled.cart_coords
    assert step[0] == pytest.approx(0, abs=1e-9)
    assert step[1, 2] == pytest.approx(0, abs=1e-9)
    assert abs(step[2:]).max() > 0.01
    assert held.converged


def test_a_worker_with_other_weights_refuses_the_job(li2mno3: Structure) -> None:
    job = relaxation_job(li2mno3, FIXED)
    with pytest.raises(CalculatorError, match="as where the job was made"):
        relax_task({**job.parameters, "version": "chgnet 0.0"})


def test_end_states_are_told_by_moves_coordination_and_collapse(li2mno3: Structure) -> None:
    assert compare_ends(li2mno3, li2mno3).kind == "as built"
    drifted = li2mno3.copy()
    drifted.translate_sites(range(len(drifted)), [0.3, 0.1, 0.7])
    assert compare_ends(li2mno3, drifted).kind == "as built"
    lithium = next(i for i, s in enumerate(li2mno3) if s.specie.symbol == "Li")
    gone = li2mno3.copy()
    gone.translate_sites([lithium], [0.9, 0.9, 0.4], frac_coords=False)
    end = compare_ends(li2mno3, gone)
    assert end.kind in ("other basin", "collapsed")
    assert end.moved[0].atom == lithium
    back = compare_ends(gone, li2mno3, watched=lithium, origin=li2mno3.frac_coords[lithium])
    assert back.kind == "moved back"
    paired = li2mno3.copy()
    oxygen = [i for i, s in enumerate(li2mno3) if s.specie.symbol == "O"]
    paired.replace(oxygen[1], "O", coords=paired.cart_coords[oxygen[0]] + [0, 0, 1.0], coords_are_cartesian=True)
    end = compare_ends(li2mno3, paired)
    assert end.kind == "collapsed"
    assert end.min_anion_distance_a == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(StructureError, match="same atoms"):
        compare_ends(li2mno3, li2mno3 * (2, 1, 1))


def test_a_warm_start_takes_over_the_strain_and_the_displacements_of_its_host(li2mno3: Structure) -> None:
    relaxed_host = li2mno3.copy()
    relaxed_host.translate_sites([3], [0.02, 0, 0])
    relaxed_host.lattice = Lattice(li2mno3.lattice.matrix * 1.01)
    built = li2mno3.copy()
    built.remove_sites([5])
    start = warm_start(built, li2mno3, relaxed_host)
    assert start.volume == pytest.approx(relaxed_host.volume)
    assert start[3].frac_coords == pytest.approx(relaxed_host[3].frac_coords)
    assert start[7].frac_coords == pytest.approx(built[7].frac_coords)


def test_moments_between_bands_tell_nothing() -> None:
    pair = Structure(Lattice.cubic(5), ["Mn", "Ni"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    mn, ni = charges_from_moments(pair, [3.45, 1.7], [4, 2])
    assert (mn.told, mn.verdict) == (None, "cannot tell")
    assert (ni.told, ni.verdict) == (2, "agrees")


class NanLater:
    """A third party's potential, straight through the door: a number at first, none once atoms have moved."""

    name, version = "nan-later", "1"

    def __init__(self, good: int) -> None:
        self.good = good
        self.calls = 0

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        self.calls += 1
        said = calculator("chgnet").evaluate(structure, stress=stress)
        return said if self.calls <= self.good else Evaluation(float("nan"), said.forces_ev_a, said.stress_ev_a3)


@pytest.mark.parametrize("good", [0, 2])
def test_a_potential_that_turns_nan_ends_the_run_with_a_typed_error(li2mno3: Structure, good: int) -> None:
    shaken = li2mno3.copy()
    shaken.perturb(0.1, seed=1)
    sick = NanLater(good)
    with pytest.raises(CalculatorError, match="no finite number"):
        minimise(sick, shaken, force_max_ev_a=1e-4, strain=True)
    assert sick.calls <= good + SHORTENINGS

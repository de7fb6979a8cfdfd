"""What oxygen that leaves is counted as: potentials whose zero is known, and CHGNet's two functionals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import Arrangement, arrangement_of
from lirich.atoms.calculators import _OFFERED, calculator, offer
from lirich.atoms.chgnet import ChgnetCalculator, load_model
from lirich.atoms.descriptors import hull, strain, vacancy, voltage
from lirich.atoms.descriptors.candidate import CandidateResult, CandidateSettings, candidate_plan
from lirich.atoms.descriptors.oxygen import MEASURED_KJ_MOL, OxygenReference, oxygen_reference
from lirich.atoms.dopants import Dopant, variants
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.ordering import ewald_matrix, ordered
from lirich.atoms.plan import run_here
from lirich.atoms.relax import RelaxationSettings
from lirich.atoms.weights import OXYGEN_EV
from lirich.errors import CalculatorError
from lirich.model.composition import FARADAY_C_MOL

METALS_EV = {"Li": -1.9, "Na": -1.3, "Mg": -1.6, "Al": -3.7, "Ca": -2.0}
ZERO_EV = -7.5
BOND_EV = -0.25


class Measured:
    """A potential that gives each oxide its measured enthalpy of formation, on a scale of its own; no forces.

    Any other atom counts −2 eV, a bond of W and O `BOND_EV`; *blind* elements it does not answer for alone.
    """

    version = "1"

    def __init__(self, name: str, zero_ev: float, blind: tuple[str, ...] = ()) -> None:
        self.name = name
        self.zero_ev = zero_ev
        self.blind = blind

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        symbols = [site.specie.symbol for site in structure]
        formula = structure.composition.reduced_formula
        if len(set(symbols)) == 1 and symbols[0] in self.blind:
            raise CalculatorError(f"no answer for {formula}")
        energy = sum(self.zero_ev if el == "O" else METALS_EV.get(el, -2.0) for el in symbols)
        if formula in MEASURED_KJ_MOL:
            units = structure.composition.get_reduced_composition_and_factor()[1]
            energy += units * MEASURED_KJ_MOL[formula] * 1000.0 / FARADAY_C_MOL
        first, second, _, _ = structure.get_neighbor_list(2.6)
        energy += BOND_EV * sum(symbols[i] == "W" and symbols[j] == "O" for i, j in zip(first, second, strict=True))
        count = len(structure)
        return Evaluation(energy, np.zeros((count, 3)), np.zeros((3, 3)) if stress else None, None)


@pytest.fixture(scope="module", autouse=True)
def potentials() -> Iterator[None]:
    offered = (
        Measured("measured", ZERO_EV),
        Measured("shifted", ZERO_EV - 1.25),
        Measured("blind", ZERO_EV, blind=("Li", "Na", "Mg")),
        ChgnetCalculator(load_model(), "chgnet-without-a-word"),
    )
    for each in offered:
        offer(each)
    yield
    for each in offered:
        del _OFFERED[each.name]


@pytest.fixture(scope="module")
def host() -> Arrangement:
    crystal = ordered("Li1.2Mn0.6Ni0.2O2", atoms=24, seeds=1)[0].structure
    return arrangement_of(crystal, ewald_matrix(crystal))


def reference(name: str) -> OxygenReference:
    return run_here(oxygen_reference(RelaxationSettings(calculator=name)))


def tungsten(host: Arrangement, name: str) -> CandidateResult:
    doped = variants(host, [Dopant(element="W", charge=6)], host.holding("Mn")[:1], kinds=("redox",))[0].structure
    settings = CandidateSettings(
        relaxation=RelaxationSettings(calculator=name),
        wanted=(vacancy.VACANCY, vacancy.CHANGE, voltage.VOLTAGE, strain.VOLUME, strain.SPACING),
        oxygen_sites=1,
        arrangements=1,
    )
    return run_here(candidate_plan(host.structure(), doped, settings))


def test_of_a_potential_with_measured_enthalpies_it_is_the_zero_of_its_oxygen() -> None:
    found = reference("measured")
    assert found.ev == pytest.approx(ZERO_EV, abs=1e-9)
    assert found.scatter_ev == pytest.approx(0.0, abs=1e-9)
    assert found.oxides == tuple(MEASURED_KJ_MOL)


def test_vacancy_energies_do_not_depend_on_the_zero_of_oxygen(host: Arrangement) -> None:
    a, b = tungsten(host, "measured"), tungsten(host, "shifted")
    for quantity in (vacancy.VACANCY, vacancy.CHANGE):
        assert [f.value for f in a.of(quantity)] == pytest.approx([f.value for f in b.of(quantity)], abs=1e-9)
    near = [f.value for f in a.of(vacancy.VACANCY) if f.region == "near" and f.lithium_removed == 0.0]
    assert near == pytest.approx([-BOND_EV])  # of a crystal that is its elements, an oxygen costs its bond
    assert any("half an O2 counts as -7.500 eV" in note for note in a.notes)


def test_without_a_zero_there_is_the_change_and_a_reason(host: Arrangement) -> None:
    found = tungsten(host, "blind")
    lost = [f for f in found.figures if f.quantity == vacancy.VACANCY]
    assert lost
    assert all(f.value is None and "2 of 3 oxides" in f.why and "Li: no answer for Li" in f.why for f in lost)
    whole = tungsten(host, "measured")
    assert [f.value for f in found.of(vacancy.CHANGE)] == pytest.approx([f.value for f in whole.of(vacancy.CHANGE)])


def test_without_lithium_metal_only_the_voltage_is_lost(host: Arrangement) -> None:
    found = tungsten(host, "blind")
    (lost,) = [f for f in found.figures if f.quantity == voltage.VOLTAGE]
    assert lost.value is None
    assert "Lithium metal did not relax: no answer for Li" in lost.why
    assert [f.value for f in found.of(strain.VOLUME)] == pytest.approx([0.0])
    assert len(found.of(strain.SPACING)) == 2


def test_a_hull_without_a_zero_of_oxygen_has_no_oxygen() -> None:
    for name, there in (("blind", False), ("measured", True)):
        energies = run_here(hull.competing_energies({"Li", "O"}, RelaxationSettings(calculator=name))).energies_ev
        assert ("O2" in energies) is there
        assert "Li2O" in energies


def test_chgnets_oxides_give_half_the_o2_of_its_labels() -> None:
    # of the Materials Project with its corrections; scattered as the energies of five oxides are
    found = reference("chgnet-without-a-word")
    assert found.ev == pytest.approx(OXYGEN_EV, abs=0.1)
    assert found.scatter_ev < 0.1


def test_the_zero_of_r2scan_is_another_one() -> None:
    assert calculator("chgnet").oxygen_ev == OXYGEN_EV  # type: ignore[attr-defined]
    found = reference("chgnet:r2scan")
    assert found.ev == pytest.approx(-5.77, abs=0.03)  # 0.8 eV from that of PBE: half of CHGNet's own O2 is -5.788
    assert found.scatter_ev < 0.1

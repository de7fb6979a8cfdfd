"""Text, charged cells, disorder and phases: the same crystal back, lithium by energy, atoms kept."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from pymatgen.core.structure_matcher import StructureMatcher
from pymatgen.io.cif import CifWriter
from pymatgen.symmetry.groups import SpaceGroup

from lirich.atoms.delithiate import delithiated, lowest_by_potential
from lirich.atoms.disorder import disordered, pair_deviation
from lirich.atoms.hosts import HOSTS, host, li2mno3, r3m
from lirich.atoms.ordering import ewald_matrix, ordered
from lirich.atoms.phases import as_phase, li4mn5o12
from lirich.atoms.plan import Job, run_here
from lirich.atoms.sites import coordination
from lirich.atoms.spacegroup import crystal_of_group
from lirich.atoms.text import read_structure, write_structure
from lirich.errors import CalculatorError, NotNeutralError, StructureError


@pytest.fixture(scope="module")
def cell() -> Structure:
    return ordered("Li1.2Mn0.6Ni0.2O2", seeds=1)[0].structure


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("form", ["cif", "poscar"])
def test_written_and_read_back_is_the_same_crystal(name: str, form: str) -> None:
    structure = host(name).structure()
    back = read_structure(write_structure(structure, form))  # type: ignore[arg-type]
    assert StructureMatcher(ltol=1e-6, stol=1e-5, angle_tol=1e-4, primitive_cell=False).fit(structure, back)


def test_a_group_is_made_once_and_its_crystal_is_pymatgens() -> None:
    salt = ("Fm-3m", Lattice.cubic(4.2), ["Ni", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    crystal = crystal_of_group(*salt)
    assert crystal.composition.formula == "Ni4 O4"
    assert crystal == Structure.from_spacegroup(*salt)
    assert SpaceGroup("Fm-3m") is SpaceGroup("Fm-3m")  # somebody holds it
    with pytest.raises(ValueError, match="incompatible"):
        crystal_of_group("Fm-3m", Lattice.hexagonal(3, 5), ["Ni"], [[0, 0, 0]])


def _cif(elements: list[object], places: list[list[float]]) -> str:
    return str(CifWriter(Structure(Lattice.cubic(4.2), elements, places)))


def _simple_cubic(n: int) -> str:
    """A POSCAR of n³ atoms 3 Å apart; pymatgen's own writer takes seconds for so many."""
    places = (f"{x / n} {y / n} {z / n}" for x, y, z in itertools.product(range(n), repeat=3))
    return "\n".join(["x", "3.0", f"{n} 0 0", f"0 {n} 0", f"0 0 {n}", "Ni", f"{n**3}", "Direct", *places, ""])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("hello\nworld\n", "line 2 is 'world', expected the scale"),
        ("hello", "POSCAR cannot be read: it ends after line 1"),
        ("\x00\x01PK", "no text"),
        ("\n".join(write_structure(li2mno3(), "poscar").splitlines()[:12]), "4 positions for 12 atoms"),
        ("\n".join(write_structure(li2mno3(), "poscar").splitlines()[:4]), "ends after line 4"),
        ("x\n1.0\n4 0 0\n0 4 0\n0 0 4\nNi O\n1 1\nDirect\n0 0 0\nnan .5 .5\n", "no number"),
        ("\n".join(write_structure(li2mno3()).splitlines()[:-3]), "its atoms are"),
        (write_structure(li2mno3()) * 2, "2 blocks of one name"),
        (write_structure(li2mno3()).replace("_cell_length_b", "_cell_length_b abc #"), "_cell_length_b is abc"),
        (write_structure(li2mno3())[:400], "CIF cannot be read"),
        (write_structure(li2mno3()).replace("Mn", "Xx"), "Xx is no element"),
        (write_structure(li2mno3()).replace("0.50000000", "nan"), "CIF cannot be read"),
        (write_structure(li2mno3()) + write_structure(r3m("Co")), "2 crystals"),
        (_cif([{"Ni": 0.5, "Mn": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]), "ordered"),
        (_cif(["Ni", "O", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.6]]), "0.42 Å apart"),
        (_cif(["Ni", "O", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]), "more than one atom"),
        (_simple_cubic(18), "5832 atoms"),
        ("x\n1.0\n4 0 0\n0 4 0\n0 0 4\n1 1\nDirect\n0 0 0\n.5 .5 .5\n", "does not name its elements"),
    ],
    ids=lambda words: words[:24],
)
def test_what_cannot_be_a_crystal_is_refused(text: str, said: str) -> None:
    with pytest.raises(StructureError, match=said):
        read_structure(text)


def test_the_lithium_that_leaves_is_the_lowest_of_all_choices() -> None:
    structure = host("LiCoO2").conventional() * [2, 1, 1]
    found = delithiated(structure, 0.5, lowest=2)
    lithium = [i for i, s in enumerate(structure) if s.specie.symbol == "Li"]
    matrix = ewald_matrix(structure)
    energies = []
    for gone in itertools.combinations(lithium, 3):
        q = np.array([{"Li": 1.0, "Co": 3.5, "O": -2.0}[s.specie.symbol] for s in structure])
        q[list(gone)] = 0.0
        energies.append(float(q @ matrix @ q))
    assert found[0].ewald_ev == pytest.approx(min(energies), abs=1e-8)
    assert found[1].ewald_ev > found[0].ewald_ev
    assert found[0].changes == ("3 Co³⁺ to Co⁴⁺",)


def test_metals_are_oxidised_before_oxygen(cell: Structure) -> None:
    for fraction, oxygen in ((1 / 3, -2.0), (2 / 3, -2.0 + 6 / 30)):
        charged = delithiated(cell, fraction, lowest=1)[0].structure
        charges = {s.specie.symbol: s.properties["charge"] for s in charged}
        assert charges["Ni"] == 4.0
        assert charges["O"] == pytest.approx(oxygen)
        assert sum(s.properties["charge"] for s in charged) == pytest.approx(0.0, abs=1e-9)


def test_no_lithium_out_is_the_crystal_itself(cell: Structure) -> None:
    (same,) = delithiated(cell, 0.0)
    assert same.structure.composition == cell.composition
    assert same.removed == ()


def test_what_cannot_be_taken_out_is_refused() -> None:
    with pytest.raises(StructureError, match="fraction from 0 to 1"):
        delithiated(li2mno3(), 1.5)
    with pytest.raises(NotNeutralError):
        delithiated(Structure(Lattice.cubic(4.0), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]), 1.0)


def refuse(parameters: object) -> None:
    raise CalculatorError("NaN")


def test_a_charged_cell_that_nothing_relaxes_says_why(cell: Structure) -> None:
    plan = lowest_by_potential(delithiated(cell, 0.5, lowest=2), lambda structure, label: Job(refuse, {}, label))
    with pytest.raises(CalculatorError, match="No charged cell relaxed: NaN"):
        run_here(plan)


def test_a_quasi_random_cell_is_nearer_to_the_random_one_than_the_ordered_one(cell: Structure) -> None:
    found = disordered("Li1.2Mn0.6Ni0.2O2")
    assert found.structure.composition == cell.composition
    assert sum(found.structure.site_properties["charge"]) == 0
    # The honeycomb has no Li beside Li in the TM layer; at random a fifth of its neighbours are.
    tm = np.flatnonzero(np.array(cell.site_properties["layer"]) == "TM")
    assert found.deviation < 0.15
    assert pair_deviation(cell, tm) > 0.2
    with pytest.raises(StructureError, match="Co only"):
        disordered("LiCoO2", atoms=24)


def test_rock_salt_keeps_the_atoms(cell: Structure) -> None:
    mixed = as_phase(cell, "rock salt", seed=1)
    assert mixed.composition == cell.composition
    assert {s.specie.symbol for s in mixed if s.properties["layer"] == "Li"} > {"Li", "Mn"}


def test_lithiated_spinel_has_octahedra_and_the_layered_density() -> None:
    layered = r3m("Co") * [2, 2, 4]
    spinel = as_phase(layered, "spinel")
    assert spinel.get_space_group_info(symprec=0.01)[0] == "Fd-3m"
    assert spinel.composition.reduced_formula == "LiCoO2"
    assert {coordination(spinel, i) for i, s in enumerate(spinel) if s.specie.symbol != "O"} == {6}
    assert spinel.volume / len(spinel) == pytest.approx(layered.volume / len(layered), rel=0.05)


def test_spinel_of_a_lithium_rich_oxide_is_neutral(cell: Structure) -> None:
    spinel = as_phase(cell, "spinel")
    assert sum(spinel.site_properties["charge"]) == pytest.approx(0.0, abs=1e-9)
    counts = Counter(s.specie.symbol for s in spinel)
    assert counts == {"Li": 24, "Mn": 12, "Ni": 4, "O": 40}  # the composition itself, in five primitive cells


def test_the_spinel_of_coatings_is_neutral_and_has_lithium_in_tetrahedra_and_octahedra() -> None:
    spinel = li4mn5o12()
    assert spinel.composition.reduced_formula == "Li4Mn5O12"
    assert sum(spinel.site_properties["charge"]) == 0.0
    assert (spinel.volume / 42 * 56) ** (1 / 3) == pytest.approx(8.1616)  # 56 atoms to the cube of Fd-3m
    around = Counter(coordination(spinel, i) for i, s in enumerate(spinel) if s.specie.symbol == "Li")
    assert around == {4: 6, 6: 2}
    # The two lithium of 16d keep apart: each octahedron's six neighbours on 16d hold manganese only.
    lithium = [i for i, s in enumerate(spinel) if s.specie.symbol == "Li" and coordination(spinel, i) == 6]
    assert spinel.get_distance(*lithium) > 3.5

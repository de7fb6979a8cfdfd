"""Orderings: the honeycomb emerges, charges are neutral, swaps cost what the full Ewald sum says."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core.ewald import EwaldSummation
from pymatgen.core.structure import Structure
from pymatgen.core.structure_matcher import StructureMatcher

from lirich.atoms.hosts import layered_metric, li2mno3
from lirich.atoms.lattice import even_supercell, layered_template
from lirich.atoms.ordering import Array, annealed, ewald_matrix, ordered
from lirich.errors import CompositionError, NotNeutralError


def full_ewald_ev(structure: Structure) -> float:
    charged = structure.copy()
    charged.add_oxidation_state_by_site([int(q) for q in structure.site_properties["charge"]])
    return float(EwaldSummation(charged).total_energy)


@pytest.fixture(scope="module")
def lithium_rich() -> Structure:
    return ordered("Li1.2Mn0.6Ni0.2O2", seeds=2)[0].structure


def test_the_honeycomb_of_a_lithium_rich_oxide_emerges(lithium_rich: Structure) -> None:
    assert lithium_rich.formula == "Li18 Mn9 Ni3 O30"
    inside = [s for s in lithium_rich if s.specie.symbol == "Li" and s.properties["layer"] == "TM"]
    assert len(inside) == 3
    for lithium in inside:
        around = [s.specie.symbol for s in lithium_rich.get_neighbors(lithium, 3.2) if s.properties["layer"] == "TM"]
        assert len(around) == 6
        assert around.count("Mn") >= 5
        assert "Li" not in around


def test_the_cell_is_neutral_and_its_energy_is_the_full_ewald_sum() -> None:
    for found in ordered("Li1.2Mn0.54Ni0.13Co0.13O2", seeds=3):
        assert sum(found.structure.site_properties["charge"]) == 0
        assert found.ewald_ev == pytest.approx(full_ewald_ev(found.structure), abs=1e-6)


def test_li2mno3_comes_out_as_its_own_ground_state() -> None:
    found = ordered("Li2MnO3", seeds=2)
    assert found[0].structure.get_space_group_info(symprec=0.01)[0] == "C2/m"
    mn = [s for s in found[0].structure if s.specie.symbol == "Mn"]
    for site in mn:
        around = [s for s in found[0].structure.get_neighbors(site, 3.2) if s.properties["layer"] == "TM"]
        assert sorted(s.specie.symbol for s in around) == ["Li"] * 3 + ["Mn"] * 3
    assert StructureMatcher().fit(found[0].structure, li2mno3())


def test_equal_orderings_are_listed_once_and_ranked() -> None:
    found = ordered("Li1.2Mn0.6Ni0.2O2", seeds=4)
    energies = [f.ewald_ev for f in found]
    assert [f.rank for f in found] == [0, 1, 2, 3]
    assert found[0].how == "annealed"
    assert energies == sorted(energies)
    assert np.diff(energies).min() > 1e-4


def test_the_same_seed_gives_the_same_cell() -> None:
    first, again = (ordered("Li1.2Mn0.54Ni0.13Co0.13O2", seeds=[7])[0] for _ in range(2))
    assert first.structure == again.structure


def test_the_choice_among_equal_orderings_is_not_that_of_the_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another processor, another thirteenth digit of the same energies: the same cell."""
    made = {}
    for noise in range(4):
        draw = np.random.default_rng(noise)

        def rounded(structure: Structure, draw: np.random.Generator = draw) -> Array:
            matrix = ewald_matrix(structure)
            return np.asarray(matrix * (1.0 + 1e-15 * draw.standard_normal(matrix.shape)))

        monkeypatch.setattr("lirich.atoms.ordering.ewald_matrix", rounded)
        made[noise] = [(o.seed, o.structure.frac_coords.tolist()) for o in ordered("Li1.2Mn0.6Ni0.2O2", seeds=2)]
    assert all(cells == made[0] for cells in made.values())


def test_amounts_that_do_not_fit_are_rounded_and_said() -> None:
    found = ordered("Li1.2Mn0.54Ni0.13Co0.13O2", seeds=1)[0]
    assert found.structure.formula == "Li18 Mn8 Co2 Ni2 O30"
    assert found.deviation["Mn"] == pytest.approx(8 / 15 - 0.54)
    assert "Mn -0.007" in found.words


def test_nickel_takes_the_state_that_neutrality_leaves_it() -> None:
    found = ordered("LiNi0.8Mn0.1Co0.1O2", atoms=36, seeds=1)[0]
    charges = {
        (s.specie.symbol, s.properties["charge"]) for s in found.structure if s.specie.symbol in ("Ni", "Mn", "Co")
    }
    assert ("Ni", 3.0) in charges
    assert sum(found.structure.site_properties["charge"]) == 0


def test_the_nearest_image_of_the_usual_cell_is_eight_angstrom_away() -> None:
    template = layered_template(5, layered_metric({"Mn": 1.0}))
    steps = [s for s in np.ndindex(5, 5, 5) if s != (2, 2, 2)]
    lengths = [np.linalg.norm((np.array(s) - 2) @ template.lattice.matrix) for s in steps]
    assert min(lengths) > 8.0
    for n in (1, 2, 3, 4, 5, 6):
        assert abs(np.linalg.det(even_supercell(np.eye(3) * 5.0, n))) == pytest.approx(n)


def test_annealing_finds_the_lowest_of_all_arrangements() -> None:
    template = layered_template(2, layered_metric({"Mn": 1.0}))
    matrix = ewald_matrix(template)
    tm = np.flatnonzero(np.array(template.site_properties["layer"]) == "TM")
    q = np.array([{"Mn": 4.0, "Li": 1.0, "O": -2.0}[s.specie.symbol] for s in template])
    q[tm] = [1.0, 1.0, 4.0, 4.0, 4.0, 4.0]
    energies = []
    for a in range(6):
        for b in range(a):
            trial = q.copy()
            trial[tm] = 4.0
            trial[tm[[a, b]]] = 1.0
            energies.append(trial @ matrix @ trial)
    order = annealed(matrix, q.tolist(), [tm], np.random.default_rng(0))
    assert q[order] @ matrix @ q[order] == pytest.approx(min(energies), abs=1e-9)


@pytest.mark.parametrize("formula", ["Li2O", "Mn", "LiMn2O4"])
def test_what_is_no_layered_oxide_is_refused(formula: str) -> None:
    with pytest.raises(CompositionError, match="cations"):
        ordered(formula)


def test_an_element_of_which_the_cell_has_no_atom_is_refused() -> None:
    with pytest.raises(CompositionError, match="no whole atom of W"):
        ordered("Li1.2Mn0.595Ni0.2W0.005O2", atoms=24)


def test_a_charge_that_nothing_takes_up_is_refused() -> None:
    with pytest.raises(NotNeutralError, match="charge of"):
        ordered("LiAl0.5Zr0.5O2", atoms=24, seeds=1)

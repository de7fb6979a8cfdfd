"""Layers and sites are those of the published crystals; hosts have the published bonds."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core.structure import Structure

from lirich.atoms.compensation import REDOX_STATES
from lirich.atoms.endstates import anion_counts
from lirich.atoms.hosts import HOSTS, host, li2mno3, r3m
from lirich.atoms.interstices import interstices
from lirich.atoms.layers import layer_of, layers_of
from lirich.atoms.ordering import ordered
from lirich.atoms.oxidation import STATES, balanced, formal_charges, ionic_radius_a
from lirich.atoms.phases import as_phase
from lirich.atoms.sites import coordination, distinct_sites
from lirich.errors import NotNeutralError, StructureError, UnknownNameError
from lirich.model.asmade import USUAL


@pytest.fixture(scope="module")
def ordered_cell() -> Structure:
    return ordered("Li1.2Mn0.6Ni0.2O2", seeds=1)[0].structure


@pytest.mark.parametrize("name", HOSTS)
def test_hosts_are_the_published_crystals(name: str) -> None:
    published = HOSTS[name]
    structure = published.structure()
    assert structure.get_space_group_info(symprec=0.01)[0] == published.group
    assert structure.composition.reduced_formula == name
    assert published.conventional().lattice.parameters == pytest.approx(published.lattice)
    charges = formal_charges(structure)
    assert sum(charges) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("name", "metal", "bond_a"), [("LiCoO2", "Co", 1.92), ("LiNiO2", "Ni", 1.97),
                                                     ("Li2MnO3", "Mn", 1.91), ("LiMn2O4", "Mn", 1.96)])  # fmt: skip
def test_metals_of_hosts_have_six_oxygens_at_the_published_bond(name: str, metal: str, bond_a: float) -> None:
    structure = host(name).structure()
    i = next(i for i, s in enumerate(structure) if s.specie.symbol == metal)
    bonds = [s.nn_distance for s in structure.get_neighbors(structure[i], 2.3)]
    assert len(bonds) == 6
    assert np.mean(bonds) == pytest.approx(bond_a, abs=0.01)


def test_layers_are_found_whatever_the_cell(ordered_cell: Structure) -> None:
    assert list(layer_of(ordered_cell)) == ordered_cell.site_properties["layer"]
    turned = ordered_cell.copy()
    turned.make_supercell([[1, 1, 0], [0, 1, 1], [1, 0, 2]])
    assert list(layer_of(turned)) == turned.site_properties["layer"]
    assert layers_of(turned).spacing_a == pytest.approx(layers_of(ordered_cell).spacing_a)


def test_layers_outlive_delithiation_migration_and_noise(ordered_cell: Structure) -> None:
    emptied = ordered_cell.copy()
    emptied.remove_sites(
        [i for i, s in enumerate(emptied) if s.specie.symbol == "Li" and s.properties["layer"] == "Li"]
    )
    assert list(layer_of(emptied)) == emptied.site_properties["layer"]
    place = interstices(emptied, "octahedral", layer="Li")[0].frac_coords[0]
    mn = next(i for i, s in enumerate(emptied) if s.specie.symbol == "Mn")
    emptied.replace(mn, "Mn", place, properties={"layer": "Li", "charge": 4.0})
    emptied.perturb(0.15, seed=3)
    assert list(layer_of(emptied)) == emptied.site_properties["layer"]


def test_a_dopant_in_the_lithium_layer_of_a_small_cell_hides_no_layers() -> None:
    """Its images bind the layers together: each Mg has neighbours above and below."""
    cell = ordered("Li1.1667Mn0.5Ni0.3333O2", atoms=24, seeds=[0])[0].structure
    place = next(i for i, s in enumerate(cell) if s.specie.symbol == "Li" and s.properties["layer"] == "Li")
    cell.replace(place, "Mg", properties={"layer": "Li", "charge": 2.0})
    assert list(layer_of(cell)) == cell.site_properties["layer"]


def test_metals_mixed_at_random_have_no_layers_in_any_small_cell() -> None:
    cell = ordered("Li1.1667Mn0.5Ni0.3333O2", atoms=24, seeds=[0])[0].structure
    for seed in range(6):
        with pytest.raises(StructureError):
            layer_of(as_phase(cell, "rock salt", seed=seed))


@pytest.mark.parametrize("name", ["LiMn2O4", "NiO"])
def test_spinel_and_rock_salt_have_no_layers(name: str) -> None:
    with pytest.raises(StructureError, match="not layered"):
        layer_of(host(name).structure())


def test_spacing_is_that_of_the_003_planes() -> None:
    assert layers_of(r3m("Co")).spacing_a == pytest.approx(14.05 / 3)
    assert layers_of(li2mno3()).spacing_a == pytest.approx(5.030 * np.sin(np.radians(109.46)))


def test_sites_of_li2mno3_are_those_of_its_space_group() -> None:
    structure = host("Li2MnO3").conventional()
    by_symmetry = distinct_sites(structure, by="symmetry")
    counts = sorted((s.element, len(s.members)) for s in by_symmetry)
    # 2b, 2c, 4h of Li, 4g of Mn, 4i and 8j of O (Strobel & Lambert-Andron 1988)
    assert counts == [("Li", 2), ("Li", 2), ("Li", 4), ("Mn", 4), ("O", 4), ("O", 8)]
    oxygen = distinct_sites(structure, "O")
    assert [(s.name, s.orbits) for s in oxygen] == [("O: 3 Li + 1 Li(TM) + 2 Mn", 2)]
    assert len({s.name for s in by_symmetry}) == 6


def test_sites_cover_each_atom_once(ordered_cell: Structure) -> None:
    for by in ("neighbourhood", "symmetry"):
        members = [i for s in distinct_sites(ordered_cell, by=by) for i in s.members]  # type: ignore[arg-type]
        assert sorted(members) == list(range(60))
    assert all(sum(s.coordination.values()) == 6 for s in distinct_sites(ordered_cell))
    assert {coordination(ordered_cell, i) for i in range(30)} == {6}


def test_sites_next_to_a_dopant_come_first_and_say_so(ordered_cell: Structure) -> None:
    doped = ordered_cell.copy()
    w = next(i for i, s in enumerate(doped) if s.specie.symbol == "Mn")
    doped.replace(w, "W", properties=doped[w].properties)
    found = distinct_sites(doped, "O", dopants=[w])
    near = [s for s in found if s.near_dopant]
    assert sum(len(s.members) for s in near) == 6
    assert found[: len(near)] == near
    assert all("next to W" in s.name for s in near)
    assert len({s.name for s in found}) == len(found)


def test_each_octahedron_of_a_close_packed_oxide_has_two_tetrahedra(ordered_cell: Structure) -> None:
    found = interstices(ordered_cell, "tetrahedral")
    assert sum(len(f.frac_coords) for f in found) == 2 * 30
    for layer in ("Li", "TM"):
        assert sum(len(f.frac_coords) for f in found if f.layer == layer) == 30
    filled = ordered_cell.copy()
    filled.append("B", found[0].frac_coords[0], properties={"layer": "Li"})
    assert anion_counts(filled)[-1] == 4
    assert interstices(ordered_cell, "octahedral") == []


def test_empty_octahedra_are_those_that_lithium_left(ordered_cell: Structure) -> None:
    gone = [i for i, s in enumerate(ordered_cell) if s.specie.symbol == "Li" and s.properties["layer"] == "Li"][:4]
    charged = ordered_cell.copy()
    charged.remove_sites(gone)
    places = [p for f in interstices(charged, "octahedral") for p in f.frac_coords]
    assert len(places) == 4
    distances = charged.lattice.get_all_distances(places, ordered_cell.frac_coords[gone])
    assert distances.min(axis=1).max() < 0.2


def test_cells_and_cycling_begin_with_the_same_states() -> None:
    shared = set(USUAL) & set(STATES)
    assert {"Mn", "Ni", "Co", "Fe", "Cr", "Al", "Nb", "W"} < shared
    assert {element: USUAL[element] for element in shared} == {element: STATES[element][0] for element in shared}


@pytest.mark.parametrize("element", [e for e, states in STATES.items() if min(states) > 0])
def test_every_state_of_a_cation_is_an_ion_of_shannons_table(element: str) -> None:
    for state in STATES[element]:
        assert 0.1 < ionic_radius_a(element, state) < 1.7


def test_states_that_pay_for_a_dopant_are_states_of_the_element() -> None:
    for element, states in REDOX_STATES.items():
        assert set(states) <= set(STATES[element])
        assert STATES[element][0] in states  # the usual one: a cell starts in it


def test_radii_are_shannons() -> None:
    # Shannon 1976, effective ionic radii: Li 0.76, Ni2+ 0.69, low-spin Co3+ 0.545, Mn3+ 0.645, Mn4+ 0.53, W 0.60
    asked = [("Li", 1), ("Ni", 2), ("Co", 3), ("Mn", 3), ("Mn", 4), ("W", 6)]
    assert [ionic_radius_a(*ion) for ion in asked] == [0.76, 0.69, 0.545, 0.645, 0.53, 0.60]
    assert ionic_radius_a("Li", 1, 4) == 0.59
    with pytest.raises(UnknownNameError, match="no W³⁺"):
        ionic_radius_a("W", 3)


def test_nickel_gives_before_cobalt_and_then_oxygen() -> None:
    assert balanced({"Li": 18, "Mn": 9, "Ni": 3, "O": 30}).changes == ()
    half = balanced({"Li": 12, "Mn": 9, "Ni": 3, "O": 30}, oxygen=True)
    assert half.states["Ni"] == {4: 3.0}
    assert half.changes[-1] == "3 Ni³⁺ to Ni⁴⁺"
    more = balanced({"Li": 6, "Mn": 9, "Ni": 3, "O": 30}, oxygen=True)
    assert more.mean("O") == pytest.approx(-2 + 6 / 30)
    with pytest.raises(NotNeutralError, match="-6"):
        balanced({"Li": 6, "Mn": 9, "Ni": 3, "O": 30})


def test_lithium_beyond_neutrality_reduces_manganese_first() -> None:
    rich = balanced({"Li": 20, "Mn": 9, "Ni": 3, "O": 30})
    assert rich.states["Mn"] == {4: 7.0, 3: 2.0}
    assert rich.states["Ni"] == {2: 3.0}


def test_an_unknown_host_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="LiCoO2"):
        host("LiCo2O")

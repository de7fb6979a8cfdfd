"""Slabs keep the books: stoichiometric, neutral, no dipole, bonds counted; one surface energy by CHGNet."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("chgnet")

from lirich.atoms.facets import FACETS, hexagonal, indices, turned
from lirich.atoms.hosts import host, li2mno3
from lirich.atoms.ordering import ordered
from lirich.atoms.plan import run_here
from lirich.atoms.relax import RelaxationSettings
from lirich.atoms.slabs import slabs
from lirich.atoms.surfaces import surface_energies
from lirich.errors import StructureError, UnknownNameError

LICOO2 = host("LiCoO2").structure()
BULKS = {
    "LiCoO2": LICOO2,
    "LiCoO2, hexagonal": host("LiCoO2").conventional(),
    "Li2MnO3": li2mno3(),
    "Li-rich": ordered("LiNi0.5Mn0.5O2", atoms=12, seeds=1)[0].structure,
}


@pytest.mark.parametrize("name", BULKS)
@pytest.mark.parametrize("facet", FACETS)
def test_slabs_are_whole_bulk_cells_neutral_and_without_a_dipole(name: str, facet: str) -> None:
    bulk = BULKS[name]
    slab = slabs(bulk, facet, thickness_a=6.0)[0]
    for element, n in bulk.composition.items():
        assert slab.structure.composition[element] == n * slab.bulk_cells
    charges = np.array(slab.structure.site_properties["charge"])
    normal = slab.structure.lattice.matrix[2] / slab.structure.lattice.c
    assert charges.sum() == pytest.approx(0.0, abs=1e-9)
    assert slab.dipole_e_a == pytest.approx(float(charges @ (slab.structure.cart_coords @ normal)), abs=1e-6)
    assert not slab.polar
    if name != "Li2MnO3":  # whose planes are rough
        assert slab.dipole_e_a == pytest.approx(0.0, abs=1e-6)
    heights = slab.structure.cart_coords @ normal
    assert slab.structure.lattice.c - np.ptp(heights) == pytest.approx(15.0)
    assert slab.structure.distance_matrix[np.triu_indices(len(slab.structure), 1)].min() > 1.8


def test_half_of_the_lithium_is_carried_on_003_and_metals_keep_their_oxygen() -> None:
    best, other = slabs(LICOO2, "003")
    assert best.termination == "cut below a plane of Li2, 1 of 2 Li carried to the other face"
    # Each of the two surface lithium has three oxygens left of six.
    assert best.broken == {"Co": 0, "Li": 6}
    assert other.broken == {"Co": 6, "Li": 0}


def test_104_takes_one_bond_of_each_surface_ion_and_needs_no_reconstruction() -> None:
    (slab,) = slabs(LICOO2, "104")
    assert slab.carried == {}
    # One Li and one Co on each of two faces, five-fold; rock salt's (100) in hexagonal indices.
    assert slab.broken == {"Co": 2, "Li": 2}
    a, c = 2.816, 14.05
    spacing = 1.0 / np.sqrt(4.0 / 3.0 / a**2 + 16.0 / c**2)  # of R-3m's (104), International Tables
    volume = np.sqrt(3.0) / 2.0 * a**2 * c / 3.0
    assert slab.area_a2 == pytest.approx(volume / spacing)


def test_prism_faces_are_neutral_planes() -> None:
    for facet, broken in (("110", 4), ("010", 8)):
        (slab,) = slabs(LICOO2, facet)
        assert slab.carried == {}
        assert slab.broken == {"Co": broken, "Li": broken}


def test_012_is_polar_and_half_of_its_oxygen_is_carried() -> None:
    slab = slabs(LICOO2, "012")[0]
    assert slab.carried == {"O": 1}
    assert slab.termination.startswith("cut below a plane of O2")


def test_indices_follow_the_cell() -> None:
    conventional = host("LiCoO2").conventional()
    assert {tuple(np.abs(m)) for m in indices(conventional, "104")} == {(1, 0, 4), (0, 1, 4), (1, 1, 4)}
    assert indices(conventional, "003") == [(0, 0, 1)]
    assert indices(conventional * (2, 1, 1), "003") == [(0, 0, 1)]
    # The pseudo-hexagonal cell of Li2MnO3: a of b/3 and a/√3, c of three layers.
    lengths = np.linalg.norm(hexagonal(li2mno3()).vectors, axis=1)
    assert lengths == pytest.approx([2.847, 2.847, 14.23], abs=0.02)


def test_a_turned_cell_is_the_same_crystal() -> None:
    bulk = li2mno3()
    cell = turned(bulk, (1, -2, 3))
    assert cell.volume == pytest.approx(bulk.volume)
    reciprocal = bulk.lattice.reciprocal_lattice_crystallographic.get_cartesian_coords([1, -2, 3])
    assert cell.lattice.matrix[:2] @ reciprocal == pytest.approx([0.0, 0.0], abs=1e-9)
    assert np.sort(cell.distance_matrix.ravel())[12] == pytest.approx(np.sort(bulk.distance_matrix.ravel())[12])


def test_what_has_no_layers_or_no_such_facet_is_refused() -> None:
    with pytest.raises(StructureError, match="not layered"):
        slabs(host("NiO").structure(), "104")
    with pytest.raises(UnknownNameError, match="facet"):
        slabs(LICOO2, "105")
    with pytest.raises(StructureError, match="at most 400"):
        slabs(LICOO2 * (5, 5, 2), "104", thickness_a=60.0)


def test_104_of_lithium_cobalt_oxide_costs_less_than_003() -> None:
    rough = RelaxationSettings(moments=False, force_max_ev_a=0.15, stress_max_ev_a3=0.01, kicks=0)
    low, high = run_here(surface_energies(LICOO2, ["104", "003"], rough, thickness_a=4.0))
    assert low.energy_j_m2 is not None
    assert high.energy_j_m2 is not None
    assert 0.0 < low.energy_j_m2 < high.energy_j_m2
    assert low.doubts == ()
    assert "too cheap" in low.remark

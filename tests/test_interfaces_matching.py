"""Lattice matching: plane lattices against geometry, strains against limits and a peer, coatings against the review."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lirich.errors import InputError, NotEnoughDataError, StructureError, UnknownNameError
from lirich.interfaces.coatings import coating_crystal, coating_crystals, match_coatings
from lirich.interfaces.matching import FACETS, CoatingMatch, layered_cell, match, strains
from lirich.interfaces.planes import UnitCell, area_a2, distinct_planes, plane_lattice, reduced

FCC = UnitCell(4.0, 4.0, 4.0, centring="F")
HANDBOOK_G_CM3 = {
    "LiMn2O4": 4.28, "Li4Ti5O12": 3.48, "NiO": 6.72, "MgO": 3.60, "LiF": 2.64, "Li2O": 2.01, "CeO2": 7.22,
    "Al2O3": 3.97, "AlF3": 3.10, "LiNbO3": 4.65, "LiTaO3": 7.46, "LiAlO2": 2.615, "Li3PO4": 2.46, "Li2ZrO3": 4.15,
    "LiBO2": 2.18, "Li2B4O7": 2.44, "Li2WO4": 4.56, "WO3": 7.2, "ZrO2": 5.68, "ZnO": 5.6, "Y2O3": 5.03, "Li2SiO3": 2.52,
    "Li2TiO3": 3.43, "Li2CO3": 2.11, "LiGaO2": 4.18,
}  # fmt: skip
"""Densities of handbooks, g/cm³: a wrong edge, angle or number of formula units would show."""


def smallest_strain(matches: list[CoatingMatch]) -> dict[str, float]:
    return {m.coating: m.smallest.strain for m in matches if m.matches}


def test_planes_of_a_face_centred_cube() -> None:
    a = FCC.a
    for miller, area, lengths in (
        ((1, 1, 1), a * a * math.sqrt(3) / 4, (a / math.sqrt(2), a / math.sqrt(2))),
        ((1, 0, 0), a * a / 2, (a / math.sqrt(2), a / math.sqrt(2))),
        ((1, 1, 0), a * a / math.sqrt(2), (a / math.sqrt(2), a)),
    ):
        metric = plane_lattice(FCC, miller)
        assert area_a2(metric) == pytest.approx(area)
        assert np.sqrt(np.diag(metric)) == pytest.approx(lengths)


def test_the_basal_plane_of_a_layered_oxide_is_a_triangular_lattice() -> None:
    metric = plane_lattice(layered_cell(2.85, 14.2), FACETS["003"])
    assert metric == pytest.approx(2.85**2 * np.array([[1.0, 0.5], [0.5, 1.0]]))


@given(
    st.tuples(*[st.floats(2.5, 15.0)] * 3),
    st.tuples(*[st.floats(70.0, 110.0)] * 3),
    st.sampled_from("PACIF"),
    st.tuples(*[st.integers(-4, 4)] * 3).filter(any),
)
@example(edges=(3.0, 3.0, 3.0), angles=(70.0, 70.0, 70.0), centring="F", miller=(-2, -3, -3))
@settings(max_examples=60, deadline=None)
def test_area_times_spacing_is_the_primitive_volume(
    edges: tuple[float, ...], angles: tuple[float, ...], centring: str, miller: tuple[int, int, int]
) -> None:
    cell = UnitCell(*edges, *angles, centring=centring)
    primitive = cell.primitive()
    h = primitive @ np.linalg.inv(cell.vectors()) @ np.array(miller)
    whole = np.rint(6.0 * h)  # halves and thirds of whole numbers
    h = whole / np.gcd.reduce(whole.astype(int))
    spacing = 1.0 / np.linalg.norm(np.linalg.inv(primitive) @ h)
    area = area_a2(plane_lattice(cell, miller))
    assert area * spacing == pytest.approx(abs(np.linalg.det(primitive)), rel=1e-6)


@given(st.lists(st.integers(-9, 9), min_size=4, max_size=4).filter(lambda m: m[0] * m[3] != m[1] * m[2]))
def test_a_lattice_has_one_reduced_cell(m: list[int]) -> None:
    basis = np.array(m, dtype=float).reshape(2, 2) @ np.array([[1.0, 0.1], [0.3, 1.3]])
    one, turn = reduced((basis @ basis.T)[None])
    again = np.array([[2, 1], [1, 1]]) @ basis
    other, _ = reduced((again @ again.T)[None])
    assert other == pytest.approx(one, rel=1e-9)
    assert abs(round(np.linalg.det(turn[0]))) == 1
    assert turn[0] @ basis @ basis.T @ turn[0].T == pytest.approx(one[0], rel=1e-9)


def test_planes_that_symmetry_relates_appear_once() -> None:
    assert set(distinct_planes(FCC, 1)) == {(1, 0, 0), (1, 1, 0), (1, 1, 1)}
    assert set(distinct_planes(UnitCell(4.0, 4.0, 4.0), 2)) == {
        (1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (2, 2, 1),
    }  # fmt: skip


def test_strain_of_a_dilation_and_of_a_shear() -> None:
    stretched = np.diag([1.02**2, 1.02**2])
    mises, large, small = strains(np.array(np.trace(stretched)), np.array(np.linalg.det(stretched)))
    green = (1.02**2 - 1) / 2
    assert (large, small) == (pytest.approx(green), pytest.approx(green))
    assert mises == pytest.approx(2 / 3 * green)  # nothing across the plane
    sheared = np.diag([1 + 0.02, 1 - 0.02])
    mises, large, small = strains(np.array(np.trace(sheared)), np.array(np.linalg.det(sheared)))
    assert (large, small) == (pytest.approx(0.01), pytest.approx(-0.01))
    assert mises == pytest.approx(2 / math.sqrt(3) * 0.01)


@pytest.mark.parametrize("facet", FACETS)
def test_a_crystal_matches_itself(facet: str) -> None:
    own = match("itself", layered_cell(), facet, max_index=4).matches
    assert own[0].strain == pytest.approx(0.0, abs=1e-9)
    assert own[0].facet_cells == own[0].coating_cells == 1
    assert len(own) == 1


def test_numbers_of_the_reference_sheet_on_003() -> None:
    # Von Mises strain in %, a = 2.85 Å; the sheet's spinel is 1.4 (of a = 8.24 Å), here 8.247 Å.
    for formula, percent in (("LiNbO3", 2.7), ("Al2O3", 2.5), ("MgO", 2.8), ("LiMn2O4", 1.4)):
        found = match(formula, coating_crystal(formula).cell).smallest
        assert 100 * found.strain == pytest.approx(percent, abs=0.1), formula
    assert match("spinel", coating_crystal("LiMn2O4").cell).smallest.coating_plane == (1, 1, 1)
    assert match("MgO", coating_crystal("MgO").cell).smallest.along == pytest.approx([2.85 * 2**0.5 / 4.212 - 1] * 2)


@pytest.mark.parametrize("facet", FACETS)
def test_spinel_fits_best_of_the_coatings_of_the_review_on_every_facet(facet: str) -> None:
    # Yang et al. (2026), section 4: Li4Mn5O12, Li3PO4, Li2B4O7, Na2WO4, NiO, MgO; then oxides of the reference sheet.
    named = ("Li4Mn5O12", "Li3PO4", "Li2B4O7", "Na2WO4", "NiO", "MgO", "Al2O3", "LiNbO3", "Li2ZrO3", "LiAlO2")
    ranked = match_coatings(facet, crystals=[coating_crystal(f) for f in named])
    assert ranked[0].coating == "Li4Mn5O12 (spinel)"
    assert ranked[0].smallest.strain < 0.011


def test_spinel_lies_on_the_layered_oxide_as_cube_on_cube() -> None:
    # One close-packed oxygen lattice goes through both: (111) on (003), (100) on (104), (110) on (110), (112) on (010).
    cell = coating_crystal("Li4Mn5O12").cell
    planes = {facet: match("spinel", cell, facet).smallest.coating_plane for facet in FACETS}
    assert {f: tuple(sorted(p)) for f, p in planes.items()} == {
        "003": (1, 1, 1), "104": (0, 0, 1), "110": (0, 1, 1), "010": (1, 1, 2),
    }  # fmt: skip


PYMATGEN = {"LiMn2O4": 1.4865, "NiO": 2.2971, "MgO": 2.8107, "Al2O3": 2.5321, "LiNbO3": 2.6882, "LiTaO3": 2.7559}
"""Von Mises strain, %, of the smallest match on (003) by pymatgen's SubstrateAnalyzer on the same lattices
(benchmarks/interfaces_matching.py prints them)."""


@pytest.mark.parametrize(("formula", "percent"), PYMATGEN.items())
def test_the_same_strain_as_pymatgen(formula: str, percent: float) -> None:
    found = match(formula, coating_crystal(formula).cell, max_index=1).smallest
    assert 100 * found.strain == pytest.approx(percent, abs=1e-4)


def test_more_area_never_strains_more() -> None:
    found = match("anatase", coating_crystal("TiO2", "anatase").cell).matches
    assert len(found) > 2
    assert all(b.area_a2 > a.area_a2 and b.strain < a.strain for a, b in pairwise(found))
    few = match("anatase", coating_crystal("TiO2", "anatase").cell, max_area_a2=60.0).matches
    assert few == tuple(m for m in found if m.area_a2 <= 60.0)


def test_the_coincidence_cell_is_what_the_matrices_say() -> None:
    crystal = coating_crystal("Li3PO4")
    one = match("Li3PO4", crystal.cell).smallest
    ours, theirs = np.array(one.coating_transformation), np.array(one.facet_transformation)
    assert abs(round(np.linalg.det(ours))) == one.coating_cells
    assert abs(round(np.linalg.det(theirs))) == one.facet_cells
    film = ours @ plane_lattice(crystal.cell, one.coating_plane) @ ours.T
    ground = theirs @ plane_lattice(layered_cell(), FACETS["003"]) @ theirs.T
    assert np.sqrt(np.diag(ground) / np.diag(film)) - 1 == pytest.approx(one.along)
    assert area_a2(ground) == pytest.approx(one.area_a2)


def test_lattices_and_handbook_densities_agree() -> None:
    for crystal in coating_crystals():
        handbook = HANDBOOK_G_CM3.get(crystal.formula)
        if handbook is not None:
            assert crystal.density_g_cm3 == pytest.approx(handbook, rel=0.03), crystal.name
    assert coating_crystal("TiO2", "anatase").density_g_cm3 == pytest.approx(3.89, rel=0.01)
    assert coating_crystal("TiO2", "rutile").density_g_cm3 == pytest.approx(4.25, rel=0.01)


def test_positions_make_the_formula_and_sound_bonds() -> None:
    pytest.importorskip("pymatgen")
    from pymatgen.core import Composition

    for crystal in coating_crystals():
        if crystal.positions and crystal.formula not in ("NiO", "LiF"):  # as MgO
            structure = crystal.structure()
            assert structure.composition.reduced_composition == Composition(crystal.formula).reduced_composition
            assert len(structure) == pytest.approx(crystal.units * Composition(crystal.formula).num_atoms)
            distances = structure.distance_matrix + 9.0 * np.eye(len(structure))
            assert 1.7 < distances.min() < 2.4, crystal.name
    with pytest.raises(InputError, match="lattice is carried"):
        coating_crystal("Li2B4O7").structure()


def test_what_cannot_be_matched_is_said() -> None:
    cell = coating_crystal("MgO").cell
    with pytest.raises(UnknownNameError, match="003"):
        match("MgO", cell, "004")
    with pytest.raises(InputError, match="largest strain"):
        match("MgO", cell, max_strain=5.0)
    with pytest.raises(InputError, match="One cell of"):
        match("MgO", cell, "010", max_area_a2=20.0)
    with pytest.raises(InputError, match="layered oxide"):
        layered_cell(0.285, 1.42)
    with pytest.raises(InputError, match="Miller"):
        plane_lattice(cell, (0, 0, 0))
    with pytest.raises(StructureError, match="volume"):
        UnitCell(4.0, 4.0, 4.0, 120.0, 120.0, 120.0)
    with pytest.raises(StructureError, match="centring"):
        UnitCell(4.0, 4.0, 4.0, centring="X")
    with pytest.raises(UnknownNameError, match="LiGdO2"):
        coating_crystal("LiGdO2")
    none = match("Na2WO4", coating_crystal("Na2WO4").cell, "010")
    assert none.matches == ()
    with pytest.raises(NotEnoughDataError, match="no coincidence cell"):
        none.smallest  # noqa: B018

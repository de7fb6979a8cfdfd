"""Dopants in Li₂MnO₃: neutral cells, compensated where the electrostatics say."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import Arrangement, arrangement_of
from lirich.atoms.dopants import Dopant, count_for, variants
from lirich.atoms.spacegroup import crystal_of_group
from lirich.errors import NotNeutralError, StructureError

# Li2MnO3, C2/m: Strobel & Lambert-Andron, J. Solid State Chem. 75 (1988) 90, doi:10.1016/0022-4596(88)90305-2
LI2MNO3 = crystal_of_group(
    "C2/m",
    [[4.937, 0, 0], [0, 8.532, 0], [5.030 * np.cos(np.radians(109.46)), 0, 5.030 * np.sin(np.radians(109.46))]],
    ["Mn", "Li", "Li", "Li", "O", "O"],
    [[0, 0.167, 0], [0, 0.5, 0], [0, 0, 0.5], [0, 0.661, 0.5], [0.219, 0, 0.227], [0.254, 0.321, 0.223]],
)
TETRAHEDRON = np.array([[0.3, 0.17, 0.4]])


def unit_matrix(positions: np.ndarray) -> np.ndarray:
    points = Structure(LI2MNO3.lattice, ["H+"] * len(positions), positions)
    return np.asarray(EwaldSummation(points).total_energy_matrix)


@pytest.fixture(scope="module")
def host() -> Arrangement:
    charges = {"Li": 1, "Mn": 4, "O": -2}
    layers = ["O" if s.specie.symbol == "O" else "Li" if abs(s.frac_coords[2] - 0.5) < 0.1 else "TM" for s in LI2MNO3]
    crystal = LI2MNO3.copy()
    crystal.add_site_property("charge", [charges[s.specie.symbol] for s in crystal])
    crystal.add_site_property("layer", layers)
    matrix = unit_matrix(np.vstack([crystal.frac_coords, TETRAHEDRON]))
    return arrangement_of(crystal, matrix, TETRAHEDRON)


def test_the_matrix_gives_the_ewald_energy_of_any_neutral_arrangement(host: Arrangement) -> None:
    for variant in variants(host, [Dopant(element="W", charge=6)], host.holding("Mn"), kinds=("redox", "li-vacancy")):
        charged = variant.structure.copy()
        charged.add_oxidation_state_by_site(charged.site_properties["charge"])
        assert variant.arrangement.ewald_ev == pytest.approx(EwaldSummation(charged).total_energy, abs=1e-4)


def test_gains_are_differences_of_energies(host: Arrangement) -> None:
    places = host.holding("Li")
    for place, gain in zip(places, host.gains(places, 0), strict=True):
        assert gain == pytest.approx(host.put({place: ("", 0)}, "host").ewald_ev - host.ewald_ev, abs=1e-9)


def test_all_variants_are_neutral_and_say_how(host: Arrangement) -> None:
    found = variants(host, [Dopant(element="W", charge=6)], [host.holding("Mn")[0]])
    assert {v.compensation.kind for v in found} == {"redox", "li-vacancy"}  # no second metal to trade
    for variant in found:
        assert variant.arrangement.charge == 0
        assert sum(variant.structure.site_properties["charge"]) == 0
        assert len(variant.dopant_sites) == 1
        assert variant.share_percent == pytest.approx(25.0)  # one of four Mn
    vacancies = next(v for v in found if v.compensation.kind == "li-vacancy")
    assert vacancies.structure.composition["Li"] == 6


def test_electrons_stay_beside_the_dopant_that_gave_them(host: Arrangement) -> None:
    (redox,) = variants(host, [Dopant(element="W", charge=6)], [host.holding("Mn")[0]], kinds=("redox",))
    assert redox.words == "W⁶⁺ on TM; 2 × Mn⁴⁺ → Mn³⁺"
    reduced = [c for c, s in zip(redox.structure.site_properties["charge"], redox.structure, strict=True) if c == 3]
    assert len(reduced) == 2


def test_sodium_on_lithium_needs_nothing(host: Arrangement) -> None:
    (only,) = variants(host, [Dopant(element="Na", charge=1, place="Li")], [host.holding("Li", layer="Li")[0]])
    assert only.compensation.kind == "none"
    assert only.structure.composition["Na"] == 1


def test_a_pair_that_is_neutral_needs_nothing(host: Arrangement) -> None:
    pair = [Dopant(element="Nb", charge=5), Dopant(element="Al", charge=3)]
    (only,) = variants(host, pair, [host.holding("Mn")[0]])
    assert only.compensation.words == "none needed"
    assert only.structure.composition["Mn"] == 2


def test_what_cannot_be_made_neutral_is_refused(host: Arrangement) -> None:
    with pytest.raises(NotNeutralError, match="-1 that nothing takes up"):
        variants(host, [Dopant(element="Al", charge=3)], host.holding("Mn"))  # no Ni to oxidise, Mn⁴⁺ is at its end


def test_a_place_that_the_host_has_not_is_refused(host: Arrangement) -> None:
    with pytest.raises(StructureError, match="No place in the host for W⁶⁺ on TM"):
        variants(host, [Dopant(element="W", charge=6, replaces="Co")], host.holding("Mn"))


def test_the_count_comes_nearest_to_the_stated_share(host: Arrangement) -> None:
    dopant = Dopant(element="Ti", charge=4)
    assert [count_for(host, dopant, percent) for percent in (1, 25, 60)] == [1, 1, 2]

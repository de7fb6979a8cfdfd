"""Contact reactions: the literature's order, pymatgen's numbers, and laws that hold whatever the energies."""

from __future__ import annotations

import pytest

from lirich.errors import CompositionError

pytest.importorskip("pymatgen.core")

from lirich.interfaces.cathode import states_of_charge
from lirich.interfaces.contact import Contact, reaction
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.mixing import mixing

LRM = "Li1.2Mn0.54Ni0.13Co0.13O2"
OXIDES = ("LiCoO2", "Li2MnO3", "LiNiO2")


def of(a: str, b: str, voltage: float | None = None) -> Contact:
    return reaction(embedded_table(), a, b, voltage=voltage, draws=0)


@pytest.mark.parametrize("oxide", OXIDES)
def test_sulfides_react_far_more_than_halides_and_halides_more_than_coatings(oxide: str) -> None:
    energy = {e: of(e, oxide).energy_ev_atom for e in ("Li3PS4", "Li6PS5Cl", "Li3YCl6", "Li3InCl6", "Li3PO4", "LiAlO2")}
    assert max(energy["Li3PS4"], energy["Li6PS5Cl"]) < -0.15
    assert -0.09 < min(energy["Li3YCl6"], energy["Li3InCl6"]) <= max(energy["Li3YCl6"], energy["Li3InCl6"]) <= 0.0
    assert max(abs(energy["Li3PO4"]), abs(energy["LiAlO2"])) < 0.005


def test_the_closed_contacts_that_were_found_before() -> None:
    # method sheet, meV/atom
    once = {"Li3PS4": (-428, -248, -530), "Li6PS5Cl": (-337, -189, -429), "Li3YCl6": (-33, -39, -83)}
    for electrolyte, values in once.items():
        for oxide, value in zip(OXIDES, values, strict=True):
            assert 1000 * of(electrolyte, oxide).energy_ev_atom == pytest.approx(value, abs=40)


def test_coatings_against_the_thiophosphate_in_the_order_found_before() -> None:
    energy = [of("Li3PS4", c).energy_ev_atom for c in ("LiNbO3", "Li2ZrO3", "LiAlO2", "Li3PO4")]
    assert energy == sorted(energy)
    assert energy[0] < -0.1
    assert energy[-1] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("coating", ["LiNbO3", "Li3PO4", "LiAlO2", "Li2ZrO3"])
def test_coatings_are_inert_to_the_discharged_cathode(coating: str) -> None:
    discharged = states_of_charge(LRM)[0]
    assert reaction(embedded_table(), coating, discharged, draws=0).energy_ev_atom > -0.02


def test_the_sulfide_is_worst_at_full_charge() -> None:
    states = {s.state: s for s in states_of_charge(LRM)}
    energy = {
        name: reaction(embedded_table(), "Li6PS5Cl", states[name], draws=0).energy_ev_atom
        for name in ("discharged", "4.5 V, mixture", "fully charged, mixture")
    }
    assert energy["fully charged, mixture"] < energy["4.5 V, mixture"] < energy["discharged"] < -0.1


def test_a_charged_cathode_would_give_off_oxygen_by_itself_and_that_is_not_the_coatings_doing() -> None:
    charged = states_of_charge(LRM)[-1]
    found = reaction(embedded_table(), "Li3PO4", charged, draws=0)
    assert found.energy_ev_atom == pytest.approx(0.0, abs=0.005)
    assert any("not counted" in note for note in found.notes)


def test_lithium_metal_reduces_the_sulfide_to_the_phases_of_the_interphase() -> None:
    found = of("Li6PS5Cl", "Li")
    assert set(found.products) == {"Li2S", "Li3P", "LiCl"}
    assert found.energy_ev_atom < -0.4
    assert of("LiCl", "Li").energy_ev_atom == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("pair", [("Li3PS4", "LiCoO2"), ("Li3YCl6", "Li2MnO3"), ("Li3PS4", "LiNbO3")])
def test_pymatgen_finds_the_same_closed_reaction(pair: tuple[str, str]) -> None:
    from pymatgen.analysis.interface_reactions import InterfacialReactivity
    from pymatgen.core import Composition

    theirs = InterfacialReactivity(
        Composition(pair[0]), Composition(pair[1]), _diagram(pair), norm=True, use_hull_energy=True
    )
    assert of(*pair).energy_ev_atom == pytest.approx(theirs.minimum[1], abs=1e-5)


@pytest.mark.parametrize("pair", [("Li3PS4", "LiCoO2"), ("Li6PS5Cl", "LiNbO3"), ("Li3YCl6", "Li2MnO3")])
def test_pymatgen_finds_the_same_kinks_over_the_mixing_ratio(pair: tuple[str, str]) -> None:
    from pymatgen.analysis.interface_reactions import InterfacialReactivity
    from pymatgen.core import Composition

    theirs = InterfacialReactivity(
        Composition(pair[0]), Composition(pair[1]), _diagram(pair), norm=True, use_hull_energy=True
    )
    kinks = [(float(x), float(energy)) for _, x, energy, _, _ in theirs.get_kinks()]
    ours = mixing(embedded_table(), *pair, draws=0)
    assert [(k.share_a, k.energy_ev_atom) for k in ours.kinks] == [pytest.approx(k, abs=1e-6) for k in kinks]


@pytest.mark.parametrize(
    ("a", "b", "voltage"), [("Li6PS5Cl", "LiNiO2", None), ("Li3PS4", "Li2MnO3", 3.5), ("Li3PO4", "LiCoO2", 4.6)]
)
def test_the_gain_over_the_mixing_ratio_bends_only_downwards_and_its_lowest_is_the_contact(
    a: str, b: str, voltage: float | None
) -> None:
    found = mixing(embedded_table(), a, b, voltage=voltage, draws=20)
    contact = of(a, b, voltage)
    assert found.lowest.energy_ev_atom == pytest.approx(contact.energy_ev_atom, abs=1e-6)
    assert found.lowest.share_a == pytest.approx(contact.share_a, abs=1e-6)
    assert dict(found.lowest.products) == pytest.approx(dict(contact.products), abs=1e-6)
    shares, gains = [k.share_a for k in found.kinks], [k.energy_ev_atom for k in found.kinks]
    assert [shares[0], gains[0], shares[-1], gains[-1]] == pytest.approx([0.0, 0.0, 1.0, 0.0], abs=1e-12)
    slopes = [(g - f) / (y - x) for f, g, x, y in zip(gains, gains[1:], shares, shares[1:], strict=False)]
    assert slopes == sorted(slopes)
    assert all((k.low or 0.0) <= k.energy_ev_atom <= (k.high or 0.0) for k in found.kinks)


@pytest.mark.parametrize(("a", "b", "voltage"), [("Li3PS4", "Li2MnO3", 3.5), ("Li3PO4", "LiCoO2", 4.6)])
def test_pymatgen_finds_the_same_reaction_at_a_fixed_voltage(a: str, b: str, voltage: float) -> None:
    from pymatgen.analysis.phase_diagram import GrandPotentialPhaseDiagram
    from pymatgen.core import Composition, Element
    from scipy.optimize import minimize_scalar

    grand = GrandPotentialPhaseDiagram(_diagram((a, b)).all_entries, {Element("Li"): -voltage})
    first, second = (Composition(f) / Composition(f).num_atoms for f in (a, b))

    def grand_potential(mixture: Composition) -> float:
        return float(grand.get_hull_energy(Composition({e: n for e, n in mixture.items() if e.symbol != "Li"})))

    def gain(x: float) -> float:
        mixed = grand_potential(first * x + second * (1 - x))
        return mixed - x * grand_potential(first) - (1 - x) * grand_potential(second)

    theirs = minimize_scalar(gain, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-7})
    assert of(a, b, voltage=voltage).energy_ev_atom == pytest.approx(theirs.fun, abs=1e-4)


def test_order_of_the_sides_does_not_matter_and_atoms_are_kept() -> None:
    from lirich.interfaces.formulas import amounts_of

    one, other = of("Li6PS5Cl", "LiNiO2"), of("LiNiO2", "Li6PS5Cl")
    assert one.energy_ev_atom == pytest.approx(other.energy_ev_atom, abs=1e-9)
    assert one.share_a == pytest.approx(1 - (other.share_a or 0.0))
    made: dict[str, float] = {}
    for formula, n in one.products.items():
        atoms = {"O": 2.0} if formula == "O2" else amounts_of(formula)
        for e, m in atoms.items():
            made[e] = made.get(e, 0.0) + n * m
    assert sum(made.values()) == pytest.approx(1.0)


def test_a_window_forbids_what_a_voltage_inside_it_does_not_do() -> None:
    # inside its window Li3PO4 does nothing by itself: nothing is apart from the mixing
    found = of("Li3PO4", "Li3P", voltage=0.75)
    assert found.no_mixing_ev_atom <= 1e-9


def test_what_cannot_be_asked() -> None:
    with pytest.raises(CompositionError, match="two different solids"):
        of("Li3PO4", "Li6P2O8")
    with pytest.raises(CompositionError, match="0 V"):
        of("Li3PO4", "Li", voltage=1.0)
    with pytest.raises(CompositionError, match="cannot be charged"):
        states_of_charge("Li3PO4")


def _diagram(pair: tuple[str, str]):
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    elements = {e.symbol for f in pair for e in Composition(f)} | {"Li"}
    return PhaseDiagram(
        [
            PDEntry(Composition(dict(p.amounts)), p.formation_energy_ev_atom * p.atoms, name=p.formula)
            for p in embedded_table().system(elements).phases
        ]
    )

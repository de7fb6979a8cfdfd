"""From phase equilibria to a simulated cell: what drives a layer, what it resists, what is published, the limits."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from command_line import run
from lirich.errors import CompositionError, InputError, SettingsError, UnknownNameError

pytest.importorskip("pymatgen.core")
pytest.importorskip("pybamm")

from lirich.cells import programme
from lirich.cells.interphase import (
    BEHIND,
    COATING,
    COATING_CONDUCTIVITY,
    CONDUCTIVITY,
    ENERGY,
    LIMIT,
    NOTHING,
    SLOPE,
    Driving,
    Film,
    changes_of,
)
from lirich.cells.models import SOLID_STATE
from lirich.cells.simulation import Simulator
from lirich.interfaces.contact import gain_alone, reaction
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.interphase import Junction, junction
from lirich.interfaces.knowledge import electrolyte
from lirich.interfaces.solids import coating_conductivity, density_of, molar_volume_cm3
from lirich.interfaces.windows import window
from lirich.model import Composition
from lirich.workbench.solids.solid_cell import CATHODE, SolidCells, solid_cells
from lirich.workbench.solids.solid_cell_said import coating_used, gained, resistance_ratio, words

THICKNESS, RESISTANCE, COATING_RESISTANCE = (
    "Interphase thickness [m]",
    "Interphase resistance [Ohm.m2]",
    "Coating resistance [Ohm.m2]",
)


@cache
def simulator() -> Simulator:
    return Simulator(
        SOLID_STATE.recording(THICKNESS, RESISTANCE, COATING_RESISTANCE, "Lithium balance"), compiled=False
    )


@cache
def between(solid: str, coating: str = "", top_v: float = 4.8) -> Junction:
    return junction(embedded_table(), CATHODE, solid, coating, top_v=top_v)


@cache
def sulfide() -> SolidCells:
    return solid_cells("Li6PS5Cl", ("LiNbO3", "Li3PO4"), cycles=3)


# --- what thermodynamics decides --------------------------------------------------------------------------------------


def test_nothing_is_gained_inside_the_window_and_one_lithium_per_volt_beyond_it() -> None:
    """d(energy)/dV is the lithium given off per atom: 1 of 5 atoms of LiNbO3 (to Nb2O5 and O2), 3 of 10 of Li3InCl6."""
    table = embedded_table()
    for formula, share in (("LiNbO3", 1 / 5), ("Li3InCl6", 3 / 10)):
        limit = window(table, formula, draws=0).oxidation.voltage
        assert limit is not None
        assert gain_alone(table, formula, limit - 0.2, draws=0)[0] == pytest.approx(0.0, abs=1e-9)
        assert gain_alone(table, formula, limit + 0.3, draws=0)[0] == pytest.approx(0.3 * share, abs=1e-6)


def test_what_drives_a_sulfide_bare_is_the_window_and_the_contact_as_published() -> None:
    """2.01 V (Zhu, He and Mo 2015); the closed contact with Li2MnO3 was found to be 189 meV/atom before."""
    found = between("Li6PS5Cl")
    assert found.limit is not None
    assert found.limit.central == pytest.approx(2.01, abs=0.03)
    assert [(face.a, face.b) for face in found.faces] == [("Li6PS5Cl", found.cathode)]
    energy = found.faces[0].energy
    assert energy.low < energy.central < energy.high
    assert 0.15 < energy.central < 0.30
    # all lithium but that of LiCl, 5 of 13 atoms, is what the last volts take out
    assert found.slope.central == pytest.approx(5 / 13, rel=0.1)
    assert not found.inert


def test_under_a_coating_its_own_limit_counts() -> None:
    found = between("Li6PS5Cl", "Li3PO4")
    assert found.touches == "Li3PO4"
    assert found.limit is not None
    assert found.limit.central == pytest.approx(4.21, abs=0.03)
    assert [face.energy.central for face in found.faces] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert not found.inert  # 4.8 V is beyond its limit
    assert between("Li6PS5Cl", "Li3PO4", top_v=4.1).inert


def test_the_products_hold_every_atom_and_fill_the_volume() -> None:
    table = embedded_table()
    contact, face = reaction(table, "Li6PS5Cl", CATHODE), between("Li6PS5Cl").faces[0]
    share = contact.share_a
    assert share is not None
    given = {e: share * n / 13 for e, n in Composition.parse("Li6PS5Cl").amounts.items()}
    cathode = Composition.parse(CATHODE).amounts
    for e, n in cathode.items():
        given[e] = given.get(e, 0.0) + (1 - share) * n / sum(cathode.values())
    made: dict[str, float] = {}
    for formula, n in face.products.items():
        for e, m in Composition.parse(formula).amounts.items():
            made[e] = made.get(e, 0.0) + n * m
    assert made == pytest.approx(given, abs=1e-6)
    assert sum(face.volume_shares.values()) == pytest.approx(1.0)
    assert 0.9 < face.known_volume <= 1.0
    assert next(iter(face.volume_shares)) == "Li2S"


def test_a_face_of_known_solids_consumes_what_its_volumes_say() -> None:
    """Li2ZrO3 and Li6PS5Cl: every density is known, so share · V(Li2ZrO3)/6 over the products' volume."""
    face = between("Li6PS5Cl", "Li2ZrO3").faces[1]
    contact = reaction(embedded_table(), "Li2ZrO3", "Li6PS5Cl")
    assert face.known_volume == 1.0
    whole = sum(n * (molar_volume_cm3(formula) or np.nan) for formula, n in contact.products.items())
    own = molar_volume_cm3("Li2ZrO3")
    assert own is not None
    assert contact.share_a is not None
    assert face.consumes == pytest.approx(contact.share_a * own / 6 / whole)


def test_densities_of_the_handbook_are_those_of_the_lattices() -> None:
    """Where a lattice and a handbook tell of one crystal, they agree to 3 %."""
    from lirich.interfaces.coatings import coating_crystal

    for formula, phase in (("LiCoO2", ""), ("Al2O3", ""), ("ZrO2", ""), ("NiO", ""), ("Y2O3", ""), ("Li2CO3", "")):
        try:
            crystal = coating_crystal(formula, phase)
        except UnknownNameError:
            continue
        assert density_of(formula) == pytest.approx(crystal.density_g_cm3, rel=0.03), formula
    assert density_of("Li6PS5Cl") == pytest.approx(1.838, rel=0.01)  # the lattice of the parameter library
    assert density_of("Li3PO4") == pytest.approx(coating_crystal("Li3PO4", "beta").density_g_cm3, rel=0.08)


def test_conductivities_of_films_are_ordered_and_say_whether_they_are_guessed() -> None:
    for formula in ("LiNbO3", "Li3PO4", "Li2ZrO3", "Li4Ti5O12", "LiAlO2"):
        found = coating_conductivity(formula)
        assert 0 < found.low <= found.central <= found.high
    assert coating_conductivity("LiNbO3").low < 6.39e-8 < coating_conductivity("LiNbO3").high  # Wang et al. (2018)
    measured = electrolyte("Li5AlO4").median_s_cm
    assert coating_conductivity("Li5AlO4").central == measured
    assert coating_conductivity("Nb2O5").guess
    with pytest.raises(CompositionError):
        coating_conductivity("niobate")


def test_a_coating_of_which_too_little_is_known_is_refused() -> None:
    with pytest.raises(CompositionError, match="withheld"):
        junction(embedded_table(), CATHODE, "Li6PS5Cl", "Li2WTaO6")


# --- from what drives it to the cell ----------------------------------------------------------------------------------


def test_two_layers_are_one_that_is_driven_by_the_sum_of_the_roots() -> None:
    """δ₁ + δ₂ = √(2Kt)(√e₁ + √e₂), in the model at rest, far thicker than the initial scale."""
    plan = programme.parse(["Rest for 50 days"], one_c_ma_g=250)
    slow = {"Initial interphase scale [m]": 1e-13}

    def thickness(*energies: float) -> float:
        changes = changes_of(Driving(energies, None, 0.0), "central", 1e-7)
        return float(simulator().run(plan, {**slow, **changes}).ends[THICKNESS][-1])

    assert thickness(0.2, 0.1) == pytest.approx(thickness(0.2) + thickness(0.1), rel=1e-3)


def test_behind_a_coating_the_growth_is_slower_by_the_factor_of_the_scenario() -> None:
    film = Film(10.0, 1e-5)
    for scenario, factor in BEHIND.items():
        changes = changes_of(Driving((0.2,), 4.0, 0.3), scenario, 1e-7, film)
        assert changes[ENERGY] == pytest.approx(0.2 * factor)
        assert changes[SLOPE] == pytest.approx(0.3 * factor)
        assert changes[LIMIT] == 4.0
        assert changes[COATING] / changes[COATING_CONDUCTIVITY] == pytest.approx(film.resistance_ohm_m2)
    assert film.resistance_ohm_m2 == pytest.approx(1e-3)  # 10 nm at 1e-7 S/cm: 10 Ω cm²


def test_without_anything_that_drives_it_the_cell_is_the_one_without_a_layer() -> None:
    plan = programme.cycling(["C/3"] * 2, one_c_ma_g=250)
    nothing = simulator().run(plan, dict(NOTHING))
    undriven = simulator().run(plan, changes_of(Driving((0.0,), 4.0, 0.0), "central", 1e-7))
    assert undriven.points["voltage_v"].to_numpy() == pytest.approx(nothing.points["voltage_v"].to_numpy(), abs=1e-9)
    assert np.abs(undriven.ends[RESISTANCE].to_numpy()).max() == 0.0


def test_a_coating_takes_its_resistance_times_the_current_density_off_the_voltage() -> None:
    """10 Ω cm² of every contact, in the first instant of a charge; and no lithium: the balance closes."""
    plan = programme.parse(["Charge at C/10 for 1 s"], one_c_ma_g=250)
    bare, coated = (
        simulator().run(plan, {**NOTHING, COATING: nm * 1e-9, COATING_CONDUCTIVITY: 1e-8}) for nm in (0.0, 100.0)
    )
    assert coated.ends[COATING_RESISTANCE][-1] == pytest.approx(10.0)
    assert bare.ends[COATING_RESISTANCE][-1] == 0.0
    values = simulator().defaults
    area = 3 * values["Contact fraction after pressing"] / values["Particle radius [m]"]  # m² per m³ of crystals
    amperes = 25.0 * values["Active mass [g]"] / 1000
    volume = values["Active mass [g]"] / 1000 / values["Crystal density [kg.m-3]"]
    working = Simulator(SOLID_STATE.recording("Working part of the cathode"), compiled=False).run(plan)
    density = amperes / (area * volume * float(working.points["Working part of the cathode"][0]))
    more = float(coated.ends["voltage_v"][-1] - bare.ends["voltage_v"][-1])
    assert more == pytest.approx(10.0 * density, rel=0.01)
    whole = simulator().run(programme.cycling(["C/3"] * 2, one_c_ma_g=250), {COATING: 1e-8})
    assert np.abs(whole.points["Lithium balance"].to_numpy()).max() < 1e-10


def test_a_spectrum_sees_the_coating_as_its_resistance() -> None:
    """The film resistance of all places is more by that of the coating over the area of the contact, Ω."""
    from lirich.cells.linearised import Lineariser

    plan = programme.parse(["Charge at C/10 for 1 h", "Rest for 1 h"], one_c_ma_g=250)
    found = []
    for nm in (0.0, 100.0):
        changes = {**NOTHING, COATING: nm * 1e-9, COATING_CONDUCTIVITY: 1e-8}
        state = simulator().run(plan, changes).final
        crystals = Lineariser(simulator()).at(simulator().parameters(changes), state).crystals
        found.append((crystals.film_ohm, crystals.whole_area_m2))
    assert found[1][0] - found[0][0] == pytest.approx(10.0 / found[1][1], rel=1e-3)


def test_films_that_cannot_be_are_refused() -> None:
    for nm, conductivity in ((-1.0, 1e-5), (1e4, 1e-5), (10.0, 0.0), (float("nan"), 1e-5)):
        with pytest.raises(SettingsError):
            Film(nm, conductivity)
    with pytest.raises(SettingsError, match="0 or more"):
        changes_of(Driving((-0.1,), None, 0.0), "central", 1e-7)


# --- the published picture --------------------------------------------------------------------------------------------


def test_interfaces_resist_what_is_published_of_them() -> None:
    """As soon as they touch, Ω cm²: planar bare 2800 times a coated one, so 20 to 30 k (Nishio et al. 2022); with
    Li3PO4 7.6 (Kawasoko et al. 2018) and 11 (Nakayama et al. 2021)."""
    found = sulfide()
    bare, phosphate = found.bare, found.cells[2]
    first = {name: course.resistance_ohm_cm2[0] for name, course in bare.courses.items()}
    assert first["low"] < 400
    assert 400 < first["central"] < 10e3
    assert 20e3 < first["high"] < 40e3
    under = {name: course.resistance_ohm_cm2[0] for name, course in phosphate.courses.items()}
    assert under["low"] < 7.6
    assert under["central"] == pytest.approx(11.0, rel=1.0)
    assert under["high"] > 11.0


def test_bare_grows_to_a_few_kilohm_in_a_hundred_cycles_and_a_niobate_keeps_it_down() -> None:
    """0.4 to 10 kΩ cm² of contact; the coated one a third to a thirtieth of it: what the constants stand for."""
    plan = programme.ageing(100, "C/3", one_c_ma_g=250)
    coarse = replace(SOLID_STATE.recording(RESISTANCE), points=(("r_p", 12), ("x_p", 6)))
    cell = Simulator(coarse, rtol=1e-4, atol=1e-7, compiled=False)
    own = cell.defaults[CONDUCTIVITY]
    grown = []
    for junction_, film in ((between("Li6PS5Cl"), None), (between("Li6PS5Cl", "LiNbO3"), Film(10.0, 1e-5))):
        assert junction_.limit is not None
        energies = tuple(face.energy.central for face in junction_.faces)
        drives = Driving(energies, junction_.limit.central, junction_.slope.central)
        done = cell.run(plan, changes_of(drives, "central", own, film))
        grown.append(1e4 * float(done.ends[RESISTANCE][-1]))
    assert 400 < grown[0] < 10e3
    assert 3 < grown[0] / grown[1] < 30


def test_a_coating_pays_most_at_a_high_rate_as_published() -> None:
    """5 nm of Nb2O5 on single crystals of NMC532 gave ten times the capacity at 2C after 4.7 V (Jangid et al., Nat.
    Commun. 15 (2024) 10233, abstract): within the bounds, of which the central one has far less."""
    found = solid_cells("Li6PS5Cl", ("Nb2O5",), thickness_nm=5.0, cycles=2, rate="2C", high_v=4.7)
    bare, coated = found.cells
    ratios = [coated.courses[s].first / max(bare.courses[s].first, 1e-9) for s in ("low", "central", "high")]
    assert ratios[0] < ratios[1] < 10 < ratios[2]


def test_sulfides_are_worse_than_halides_bare() -> None:
    halide = solid_cells("Li3InCl6", cycles=3)
    assert halide.bare.courses["central"].resistance < sulfide().bare.courses["central"].resistance


# --- the verb ---------------------------------------------------------------------------------------------------------


def test_no_thickness_is_bare_and_a_coating_always_gains() -> None:
    found = sulfide()
    nothing = solid_cells("Li6PS5Cl", ("LiNbO3",), thickness_nm=0.0, cycles=3)
    assert [cell.name for cell in nothing.cells] == ["bare"]
    for name, course in nothing.bare.courses.items():
        assert course.capacity_mah_g == pytest.approx(found.bare.courses[name].capacity_mah_g, abs=1e-9)
    for cell in found.cells[1:]:
        assert resistance_ratio(found.bare, cell).low > 1.0
        assert gained(found.bare, cell).low >= -1e-3
        for course in cell.courses.values():
            assert course.last <= found.without.last + 0.05
    bare = found.bare.bounds("resistance")
    assert bare.low < bare.central < bare.high


def test_a_coating_that_is_used_up_is_said() -> None:
    thin = solid_cells("Li6PS5Cl", ("LiNbO3",), thickness_nm=0.2, cycles=2)
    used = coating_used(thin.cells[1])
    assert used is not None
    assert used.high > 1.0
    assert "coating-used-up" in [f.code for f in thin.findings]
    thick = coating_used(sulfide().cells[1])
    assert thick is not None
    assert thick.central < 0.1


def test_what_cannot_be_is_refused_before_anything_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from lirich.workbench.solids import solid_cell

    def never(*_: object) -> None:
        raise AssertionError("run")

    monkeypatch.setattr(solid_cell, "_run", never)
    for coating, thickness, conductivity in (("LiNbO3", -1.0, None), ("LiNbO3", 10.0, 0.0), ("Li2WTaO6", 10.0, None)):
        with pytest.raises((SettingsError, CompositionError)):
            solid_cells("Li6PS5Cl", (coating,), thickness_nm=thickness, conductivity_s_cm=conductivity)


def test_names_and_formulas_of_electrolytes() -> None:
    from lirich.workbench.solids.solid_cell import named_electrolyte

    assert named_electrolyte("LLZO") == ("LLZO", "Li7La3Zr2O12")
    assert named_electrolyte("Li7La3Zr2O12")[0] == "LLZO"
    assert named_electrolyte("ClLi6PS5") == ("Li6PS5Cl", "Li6PS5Cl")
    with pytest.raises(UnknownNameError, match="Li6PS5Cl"):
        named_electrolyte("Li6PS5Br")
    with pytest.raises(InputError, match="phase equilibria"):
        named_electrolyte("PEO-LiTFSI")


def test_the_command_answers_in_words_json_and_a_figure(tmp_path: Path) -> None:
    asked = ("interface", "cell", "--coating", "Li3PO4", "--cycles", "2")
    told = run(*asked, "-o", "cell.html", cwd=tmp_path)
    assert told.code == 0
    assert "Bare has" in told.out
    assert "kinetics-guessed" in told.out
    page = (tmp_path / "cell.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page.upper()
    found = json.loads(run(*asked, "--json", cwd=tmp_path).out)
    assert found["origin"] == "simulated"
    assert [cell["name"] for cell in found["cells"]] == ["bare", "Li3PO4, 10 nm"]
    assert len(found["cells"][0]["courses"]["high"]["capacity_mah_g"]) == 2
    assert run("interface", "cell", "--electrolyte", "PEO-LiTFSI", cwd=tmp_path).code != 0


def test_the_words_name_every_cell() -> None:
    said = words(sulfide())
    assert [line.split(":")[0] for line in said[1:]] == ["Bare", "LiNbO3, 10 nm", "Li3PO4, 10 nm"]


def test_a_coated_cell_is_stored_with_what_the_verb_compares(tmp_path: Path) -> None:
    """`lirich simulate --coating` runs the central cell; a file says it too; another model refuses it."""
    from lirich.workbench.simulation.file import SimulationRequest

    asked = {"parameters": "SC", "model": "solid-state", "coating": "LiNbO3"}
    request = SimulationRequest.of(asked)
    central = sulfide().cells[1].courses["central"].changes
    assert {name: request.physics().values[name] for name in central} == pytest.approx(dict(central))
    bare = SimulationRequest.of({**asked, "coating_nm": 0.0})
    assert bare.physics().changes == {}
    with pytest.raises(SettingsError, match="single-particle"):
        SimulationRequest.of({"parameters": "SC", "coating": "LiNbO3"}).physics()
    assert run("init", "lab", cwd=tmp_path).code == 0
    told = run(
        *("simulate", "SC", "--model", "solid-state", "--coating", "LiNbO3", "--cycles", "1", "--programme", "cycling"),
        *("--cell", "coated", "--json"),
        cwd=tmp_path / "lab",
    )
    assert told.code == 0, told.err
    from lirich import Workspace

    cell = Workspace.open(tmp_path / "lab").cells["coated"]
    assert cell.sample.coating == "LiNbO3"

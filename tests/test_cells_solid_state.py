"""The all-solid-state cell: percolation, contact under pressure, interphase; each acts, each has its limit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pybamm
import pytest

from lirich.cells import programme
from lirich.cells.contact import (
    SHI_2020,
    Observed,
    Packing,
    bare_part,
    contact_at,
    parting_of,
    percolating,
    recovered,
)
from lirich.cells.models import SOLID_STATE
from lirich.cells.parameters import SOLID_ELECTROLYTES, single_crystal, solid_electrolyte
from lirich.cells.simulation import Run, Simulator
from lirich.errors import SettingsError, UnknownNameError
from lirich.model.counter import counter_electrode

CONTACT, INTERPHASE, WORKING = "Contact fraction", "Interphase thickness [m]", "Working part of the cathode"
PARTED = "Parted contact"
NO_INTERPHASE = {
    "Interface reaction energy [eV.atom-1]": 0.0,
    "Interphase energy above the oxidation limit [eV.atom-1.V-1]": 0.0,
}
STILL = {"Parting per volume strain": 0.0, **NO_INTERPHASE}
HOST = single_crystal()["Host capacity [mA.h.g-1]"]


@cache
def simulator() -> Simulator:
    return Simulator(SOLID_STATE.recording(CONTACT, INTERPHASE, PARTED, WORKING), compiled=False)


@cache
def coarse(morphology: str = "SC") -> Simulator:
    """For many cycles: half as many shells and places give the same contact to 1e-4 and capacity to 0.1 %."""
    model = replace(SOLID_STATE.recording(CONTACT), points=(("r_p", 12), ("x_p", 6)))
    return Simulator(model, SOLID_STATE.defaults(morphology), rtol=1e-4, atol=1e-7, compiled=False)


LI_IN = counter_electrode("Li-In")


def cycles(count: int, rate: str = "C/5") -> programme.Programme:
    return programme.cycling([rate] * count, one_c_ma_g=250)


def discharged(run: Run) -> float:
    """Return what the last discharge gave, mAh/g."""
    through = run.ends["Lithium through the circuit"].to_numpy()
    return float(through[-1] - through[-2]) * HOST


# --- contact ----------------------------------------------------------------------------------------------------------


def test_more_stack_pressure_gives_more_capacity() -> None:
    pressures = (0.0, 5.0, 50.0, 300.0)
    runs = [coarse().run(cycles(30), {"Stack pressure [MPa]": pressure}) for pressure in pressures]
    capacities = [discharged(run) for run in runs]
    assert (np.diff(capacities) > 0).all(), capacities
    assert 2.0 < capacities[-1] - capacities[0] < 20.0, capacities
    contacts = [run.ends[CONTACT][-1] for run in runs]
    assert (np.diff(contacts) > 0).all()


def test_contact_falls_with_the_volume_change_and_heals_under_pressure() -> None:
    plan = programme.parse(
        [("Charge at C/5 until 4.8 V", "Discharge at C/5 until 2.0 V", "Rest for 30 days")], one_c_ma_g=250
    )
    run = simulator().run(plan, {"Stack pressure [MPa]": 50.0})
    after = run.ends[CONTACT].to_numpy()
    assert after[1] < after[0] < 0.9
    assert after[1] < after[2] < 0.9
    stiff = simulator().run(plan, {"Linear expansion of lithiation": 0.0})
    assert stiff.ends[CONTACT].to_numpy() == pytest.approx(0.9, abs=1e-9)


def test_contact_limits_diffusion_and_not_only_the_reaction() -> None:
    """With an interface that resists nothing, a third of the contact still costs the capacity that diffusion costs."""
    easy = {**STILL, "Reference exchange-current density [A.m-2]": 1e3, "Initial film resistance [Ohm.m2]": 0.0}
    easy |= {"Reconstruction rate [m.s-1]": 0.0}
    given = [
        discharged(simulator().run(cycles(1), {**easy, "Contact fraction after pressing": c})) for c in (1.0, 0.6, 0.3)
    ]
    assert given[0] - given[1] > 5.0
    assert given[0] - given[2] > 30.0


def test_crystals_with_a_third_of_the_contact_are_spheres_with_a_third_of_the_surface() -> None:
    """Contact θ on radius R diffuses and reacts as full contact on radius R/θ."""
    still = {**STILL, "Crystal cracking rate": 0.0, "Activation rate [s-1]": 0.0, "Reconstruction rate [m.s-1]": 0.0}
    still |= {"Transformation per throughput and wetted area": 0.0, "Crystals that carbon gives electrons to": 1.0}
    still |= {"Solid electrolyte grain radius [m]": 1e-8}  # everything is reached, whatever the crystals
    third = {"Contact fraction after pressing": 0.5, "Crystal radius [m]": 3e-7, "Particle radius [m]": 3e-7}
    whole = {"Contact fraction after pressing": 1.0, "Crystal radius [m]": 6e-7, "Particle radius [m]": 6e-7}
    one, other = (discharged(simulator().run(cycles(1), {**still, **c})) for c in (third, whole))
    assert one == pytest.approx(other, rel=1e-3)


def test_pressure_holds_contact_as_persson_says() -> None:
    """√(8/π) p/(E* s) where it is small, everything where the electrolyte is soft."""

    def held(pressure: float, modulus: float) -> float:
        return float(recovered(pybamm.Scalar(pressure), modulus, 0.3, 0.02).evaluate())

    small = np.sqrt(8 / np.pi) * 0.1e6 * (1 - 0.3**2) / (22e9 * 0.02)
    assert held(0.1, 22e9) == pytest.approx(small, rel=1e-3)
    assert held(0.0, 22e9) == 0.0
    assert held(2.0, 1e7) == pytest.approx(1.0, abs=1e-6)


def test_contact_is_lost_as_shi_et_al_found() -> None:
    """10.4 % of the surface bare after 50 cycles of 2 % of volume at 2 MPa: by the constant, and by the model."""
    values = SOLID_STATE.defaults()
    assert bare_part(values, SHI_2020) == pytest.approx(SHI_2020.bare, abs=0.005)
    expansion = SHI_2020.volume_change / 3 / 0.65  # crystals that swing by 0.65 Li then change by 2 %
    run = coarse().run(
        cycles(60, "C/10"), {"Stack pressure [MPa]": 2.0, "Linear expansion of lithiation": expansion, **NO_INTERPHASE}
    )
    through = run.ends["Lithium through the circuit"].to_numpy()
    strain = 3 * expansion * np.abs(np.diff(through, prepend=0.0)).cumsum()
    bare = 1 - run.ends[CONTACT].to_numpy() / values["Contact fraction after pressing"]
    passed = 2 * SHI_2020.cycles * SHI_2020.volume_change
    assert strain[-1] > passed
    assert np.interp(passed, strain, bare) == pytest.approx(SHI_2020.bare, abs=0.01)


def test_the_constant_of_contact_is_the_inverse_of_what_is_seen() -> None:
    values = SOLID_STATE.defaults()
    for rate in (0.01, 0.1, 3.0):
        seen = Observed(bare_part(values, SHI_2020, rate), 2.0, 0.02, 50.0, 10.0)
        assert parting_of(values, seen) == pytest.approx(rate, rel=1e-6)
    with pytest.raises(SettingsError, match="all that parts"):
        parting_of(values, Observed(0.7, 2.0, 0.02, 50.0, 10.0))


def test_most_of_what_has_parted_touches_again_under_300_mpa() -> None:
    """Shi et al. (2020): most of the capacity comes back under 300 MPa."""
    values = SOLID_STATE.defaults()
    held = recovered(
        pybamm.Scalar(300.0),
        values["Solid electrolyte elastic modulus [Pa]"],
        values["Solid electrolyte Poisson ratio"],
        values["Linear expansion of lithiation"],
    )
    assert 0.5 < float(held.evaluate()) < 1.0


# --- percolation ------------------------------------------------------------------------------------------------------


def packing(electrolyte: float, grain_over_crystal: float = 1.0) -> Packing:
    whole = (1 - electrolyte, electrolyte, 1.0, grain_over_crystal, 6.0)
    return Packing(*(pybamm.Scalar(value) for value in whole))


def number(symbol: pybamm.Symbol) -> float:
    return float(symbol.evaluate())


def test_equal_spheres_percolate_from_29_percent() -> None:
    """The published threshold: 1.764 of 6 contacts with the own kind."""
    assert number(packing(0.293).ionic) == 0.0
    assert 0.05 < number(packing(0.30).ionic) < 0.06
    assert number(percolating(pybamm.Scalar(3.0))) == pytest.approx(1 - 0.5**3.7)
    assert number(percolating(pybamm.Scalar(5.0))) == 1.0


def test_finer_electrolyte_and_more_of_it_reach_more_crystals() -> None:
    """As found for composites of NMC: Shi et al., Adv. Energy Mater. 10 (2020) 1902881."""
    by_size = [number(packing(0.3, ratio).working(pybamm.Scalar(1.0))) for ratio in (1.0, 0.8, 0.6, 0.3)]
    assert (np.diff(by_size) > 0).all()
    by_share = [number(packing(share).working(pybamm.Scalar(1.0))) for share in (0.3, 0.35, 0.45)]
    assert (np.diff(by_share) > 0).all()


def test_the_composite_conducts_as_it_was_measured_to() -> None:
    """τ² = 4.3 with 44 % of Li6PS5Cl and 42 % of NMC622: Minnmann et al. (2021); equal spheres."""
    values = SOLID_STATE.defaults()
    mixture = Packing(*(pybamm.Scalar(value) for value in (0.42, 0.44, 1.0, 1.0, 6.0)))
    conducts = 0.44 ** values["Tortuosity exponent of the composite"] * number(mixture.ionic)
    assert 0.44 / conducts == pytest.approx(4.3, rel=0.02)


def test_secondary_particles_give_little_in_a_sulfide_and_single_crystals_nearly_all() -> None:
    """268 against about 70 mAh/g: Wang et al. (2026), abstract; sizes and rate are not in it. Single crystals last."""
    cells = {name: Simulator(SOLID_STATE, SOLID_STATE.defaults(name), compiled=False) for name in ("SC", "PC")}
    single = discharged(cells["SC"].run(cycles(1, "C/20")))
    many = [discharged(cells["PC"].run(cycles(1, "C/20"), {"Particle radius [m]": r * 1e-6})) for r in (2.5, 4.0)]
    assert single == pytest.approx(268.0, rel=0.05)
    assert many[1] < 70.0 < many[0] < 140.0
    kept = [
        discharged(coarse(name).run(cycles(30, "C/20"), {"Particle radius [m]": radius})) / first
        for name, radius, first in (("SC", 4.7e-7, single), ("PC", 2.5e-6, many[0]))
    ]
    assert kept[1] < 0.9 * kept[0]


def test_isolated_crystals_are_lost_capacity() -> None:
    """At a low rate the cell gives the working part of what it would give with all crystals."""
    quiet = {**STILL, "Crystal radius [m]": 5e-8, "Particle radius [m]": 5e-8, "Crystal cracking rate": 0.0}
    quiet |= {"Solid electrolyte grain radius [m]": 5e-8}
    runs = [
        simulator().run(cycles(1, "C/50"), {**quiet, "Crystals that carbon gives electrons to": c}) for c in (1.0, 0.3)
    ]
    part = [run.points[WORKING][0] for run in runs]
    assert part[1] < 0.99 * part[0]
    assert discharged(runs[1]) / discharged(runs[0]) == pytest.approx(part[1] / part[0], rel=5e-3)


# --- interphase -------------------------------------------------------------------------------------------------------


def test_without_reaction_energy_nothing_grows_and_with_more_more() -> None:
    grown = [
        simulator()
        .run(cycles(1), {**NO_INTERPHASE, "Interface reaction energy [eV.atom-1]": energy})
        .ends[INTERPHASE][-1]
        for energy in (0.0, 0.05, 0.1, 0.4)
    ]
    assert grown[0] == 0.0
    assert (np.diff(grown) > 0).all()


def test_the_interphase_grows_as_the_root_of_time() -> None:
    """(δ + δ0)² − δ0² = 2 K e t at rest, below the oxidation limit."""
    energy, limit = "Interface reaction energy [eV.atom-1]", "Oxidation limit of the solid electrolyte [V]"
    run = simulator().run(programme.parse(["Rest for 50 days"], one_c_ma_g=250), {energy: 0.3, limit: 5.0})
    values = SOLID_STATE.defaults()
    time, thickness = run.points["time_s"].to_numpy(), run.points[INTERPHASE].to_numpy()
    expected = 2 * values["Interphase growth in time [m2.s-1]"] * 3.0 * time
    start = values["Initial interphase scale [m]"]
    assert (thickness + start) ** 2 - start**2 == pytest.approx(expected, rel=1e-3, abs=1e-22)
    oxidised = simulator().run(programme.parse(["Rest for 50 days"], one_c_ma_g=250), {energy: 0.3, limit: 2.0})
    assert oxidised.ends[INTERPHASE][-1] > thickness[-1]


def test_an_interphase_costs_voltage_and_capacity() -> None:
    energies = (0.0, 0.2, 1.0)
    resisting = {"Interphase conductivity [S.m-1]": 1e-8}
    given = [
        discharged(simulator().run(cycles(2, "C/2"), {**resisting, "Interface reaction energy [eV.atom-1]": energy}))
        for energy in energies
    ]
    assert (np.diff(given) < -1.0).all(), given


def test_what_other_pressures_would_hold_is_what_the_cell_has_at_its_own() -> None:
    run = simulator().run(cycles(2))
    parted, parameters = float(run.ends[PARTED][-1]), simulator().parameters()
    at = contact_at(np.array([0.0, parameters["Stack pressure [MPa]"], 50.0, 1e5]), parted, parameters)
    whole = parameters["Contact fraction after pressing"]
    assert at[0] == pytest.approx(whole * (1 - parted))
    assert at[1] == pytest.approx(float(run.ends[CONTACT][-1]), rel=1e-6)
    assert at[1] < at[2] < at[3] == pytest.approx(whole)


# --- the anode and the electrolytes -----------------------------------------------------------------------------------


def test_li_in_takes_its_potential_off_the_voltage_and_nothing_else() -> None:
    low, high = 2.0 - LI_IN.potential_v, 4.8 - LI_IN.potential_v
    plan = programme.parse([(f"Charge at C/5 until {high:.6f} V", f"Discharge at C/5 until {low:.6f} V")], 250)
    window = {"Lower voltage cut-off [V]": low, "Upper voltage cut-off [V]": high}
    indium = simulator().run(plan, {"Anode potential [V]": LI_IN.potential_v, **window})
    assert discharged(indium) == pytest.approx(discharged(simulator().run(cycles(1))), rel=1e-5)


@pytest.mark.parametrize("name", SOLID_ELECTROLYTES)
def test_every_electrolyte_of_the_library_makes_a_cell(name: str) -> None:
    """At 60 °C and C/10; its separator takes i L/κ off the voltage."""
    changes = {p.name: p.value for p in solid_electrolyte(name).values()}
    assert set(changes) == {n for n in changes if n in SOLID_STATE.defaults()}
    run = simulator().run(cycles(1, "C/10"), {**changes, "Ambient temperature [K]": 333.15})
    assert run.stopped == ""
    assert 150.0 < discharged(run) < 300.0


def test_conductivity_times_temperature_follows_arrhenius() -> None:
    """As what the library takes activation energies from has it: ln(σT) against 1/T."""
    sim = Simulator(SOLID_STATE.recording("Separator overpotential [V]"), compiled=False)
    drops = [
        sim.run(programme.parse(["Charge at C/10 for 10 s"], 250), {"Ambient temperature [K]": kelvin})
        .points["Separator overpotential [V]"]
        .to_numpy()[-1]
        for kelvin in (298.15, 333.15)
    ]
    energy = sim.defaults["Activation energy of the solid electrolyte [J.mol-1]"]
    expected = np.exp(energy / 8.314462618 * (1 / 298.15 - 1 / 333.15)) * 298.15 / 333.15
    assert drops[0] / drops[1] == pytest.approx(expected, rel=1e-4)


def test_an_unknown_electrolyte_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Li6PS5Cl"):
        solid_electrolyte("Li6PS5C")


def test_a_better_conductor_gives_more_at_a_high_rate() -> None:
    given = [
        discharged(simulator().run(cycles(1, "1C"), {**STILL, "Solid electrolyte conductivity [S.m-1]": kappa}))
        for kappa in (0.01, 0.05, 0.5)
    ]
    assert (np.diff(given) > 0).all()


def test_a_poisson_ratio_that_no_solid_has_is_refused() -> None:
    with pytest.raises(SettingsError, match="Poisson"):
        simulator().run(cycles(1), {"Solid electrolyte Poisson ratio": 0.6})


def test_lithium_that_is_isolated_stays_in_the_balance() -> None:
    sim = Simulator(SOLID_STATE.recording("Lithium balance"), compiled=False)
    run = sim.run(
        cycles(3), {"Crystals that carbon gives electrons to": 0.2, "Solid electrolyte volume fraction": 0.45}
    )
    assert np.abs(run.points["Lithium balance"].to_numpy()).max() < 1e-10
    assert run.points.select(pl.col("cycle").max()).item() == 3

"""Impedance of every cell model: against PyBaMM's own linearisation, in its limits, and through its double layers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pybamm
import pytest

from lirich.cells.impedance import CONSTANT_DIFFUSION, NO_AGEING, impedance, rested
from lirich.cells.models import FULL_CELL, MODELS, POROUS, SINGLE_PARTICLE, SOLID_STATE, WITH_ELECTROLYTE, Model
from lirich.cells.programme import parse
from lirich.cells.simulation import Simulator
from lirich.cells.sites import FARADAY, GAS_CONSTANT

FREQUENCY = np.geomspace(1e4, 1e-4, 17)
QUIET = {**CONSTANT_DIFFUSION, **NO_AGEING, "Initial lithium content": 0.7}
STILL = {
    FULL_CELL.pybamm_name: {"SEI rate constant [m.s-1]": 0.0, "Initial graphite content": 0.3},
    SOLID_STATE.pybamm_name: {
        "Interface reaction energy [eV.atom-1]": 0.0,
        "Parting per volume strain": 0.0,
        "Stack pressure [MPa]": 0.0,
    },
}
"""What holds the states of a model that our linearisation holds."""


def simulator_of(kind: Model) -> Simulator:
    return Simulator(kind, compiled=False)


@pytest.fixture(scope="module")
def simulators() -> dict[str, Simulator]:
    return {name: simulator_of(kind) for name, kind in MODELS.items()}


@pytest.mark.parametrize("name", list(MODELS))
def test_without_double_layers_it_is_the_impedance_that_pybamm_computes(
    simulators: dict[str, Simulator], name: str
) -> None:
    """`pybamm.EISSimulation` linearises the whole model at its initial conditions; nothing ages here to be held."""
    simulator, kind = simulators[name], MODELS[name]
    changes = {**QUIET, **STILL.get(kind.pybamm_name, {})}
    potential = impedance(simulator, [1.0], changes).potential_v
    changes["Initial surface potential guess [V]"] = potential
    state = simulator.initial_state(simulator.parameters(changes))
    ours = impedance(simulator, FREQUENCY, changes, state=state, double_layer_f_m2=0.0, counter_f=0.0)
    values = pybamm.ParameterValues({**simulator.parameters(changes), "Current function [A]": 0.0})
    model = kind.make(None)
    model.param = SimpleNamespace(
        Q=1.0, A_cc=1.0, n_electrodes_parallel=1, n_cells=1
    )  # a scale of the current that only PyBaMM's own models bring along
    peer = pybamm.EISSimulation(model, parameter_values=values, var_pts=dict(kind.points), skip_surface_form_check=True)
    theirs = peer.solve(FREQUENCY).impedance
    np.testing.assert_allclose(ours.impedance_ohm, theirs, rtol=1e-6)


CONDUCTING = {
    "Factor of the electrolyte conductivity": 1e4,
    "Factor of the electrolyte diffusivity": 1e4,
    "Positive electrode conductivity [S.m-1]": 1e6,
}


@pytest.mark.parametrize("kind", [WITH_ELECTROLYTE, POROUS])
def test_where_electrolyte_and_carbon_take_nothing_it_is_that_of_a_single_particle(
    simulators: dict[str, Simulator], kind: Model
) -> None:
    alone, name = simulators["single-particle"], next(n for n, k in MODELS.items() if k is kind)
    inside = simulators[name]
    changes = {**QUIET, **{k: v for k, v in CONDUCTING.items() if k in inside.defaults}}
    common = {k: inside.parameters(changes)[k] for k in alone.defaults}
    expected = impedance(alone, FREQUENCY, common)
    found = impedance(inside, FREQUENCY, changes)
    np.testing.assert_allclose(found.impedance_ohm, expected.impedance_ohm, rtol=1e-3)
    assert found.charge_transfer_ohm == pytest.approx(expected.charge_transfer_ohm, rel=1e-3)


@pytest.mark.parametrize("name", list(MODELS))
def test_at_high_frequency_the_double_layers_carry_the_current(simulators: dict[str, Simulator], name: str) -> None:
    """Charge transfer and diffusion are short-circuited: of the arcs nothing is left but what stands in series."""
    simulator = simulators[name]
    changes = {**QUIET, **STILL.get(MODELS[name].pybamm_name, {})}
    state = rested(simulator, changes)
    with_layer = impedance(simulator, [1e9], changes, state=state).impedance_ohm[0]
    without = impedance(simulator, [1e9], changes, state=state, double_layer_f_m2=0.0, counter_f=0.0)
    gone = without.impedance_ohm[0].real - with_layer.real
    arcs = without.charge_transfer_ohm + without.counter_ohm
    assert gone >= 0.98 * arcs
    assert abs(with_layer.imag) < 1e-3
    assert with_layer.real >= without.series_ohm


@pytest.mark.parametrize("kind", [POROUS, SOLID_STATE])
def test_charge_transfer_of_a_porous_electrode_is_that_of_its_area(kind: Model) -> None:
    """R_ct = RT/(F i0 A) with the area that works: spheres of 3·mass/(density·R), less what has no contact."""
    simulator = simulator_of(kind)
    found = impedance(simulator, [1.0], {**QUIET, **STILL.get(kind.pybamm_name, {})})
    values = simulator.parameters(QUIET)
    area = 3 * values["Active mass [g]"] / 1000 / values["Crystal density [kg.m-3]"] / values["Particle radius [m]"]
    if kind is SOLID_STATE:
        run = Simulator(kind.recording("Contact fraction", "Working part of the cathode"), compiled=False).run(
            parse(["Rest for 1 s"], one_c_ma_g=250), QUIET
        )
        area *= float(run.points["Contact fraction"][0]) * float(run.points["Working part of the cathode"][0])
    assert found.area_m2 == pytest.approx(area, rel=1e-4)
    exchange = values["Reference exchange-current density [A.m-2]"] * np.sqrt(4 * 0.7 * 0.3)
    assert found.charge_transfer_ohm == pytest.approx(GAS_CONSTANT * 298.15 / FARADAY / exchange / area, rel=5e-3)


def test_a_solid_electrolyte_under_less_pressure_resists_more() -> None:
    simulator = simulator_of(SOLID_STATE)
    plan = parse(["Charge at C/10 until 4.2 V", "Discharge at C/10 until 3.6 V"], one_c_ma_g=250)
    loose, pressed = (
        impedance(simulator, [1.0], changes, state=rested(simulator, changes, plan))
        for changes in ({"Stack pressure [MPa]": p} for p in (1.0, 100.0))
    )
    assert loose.area_m2 < pressed.area_m2
    assert loose.charge_transfer_ohm > pressed.charge_transfer_ohm


def test_the_arc_of_graphite_has_its_own_capacitance() -> None:
    """Without its double layer the arc of graphite is a resistance at every frequency."""
    simulator = simulator_of(FULL_CELL.surface_resolved())
    changes = {**QUIET, **STILL[FULL_CELL.pybamm_name]}
    state = rested(simulator, changes)
    frequency = np.geomspace(1e5, 1e-2, 60)
    with_layer = impedance(simulator, frequency, changes, state=state)
    half = Simulator(SINGLE_PARTICLE.surface_resolved(), compiled=False)
    common = {k: simulator.parameters(changes)[k] for k in half.defaults if k in simulator.defaults}
    cathode = impedance(half, frequency, common, counter_f=0.0)
    rest = with_layer.impedance_ohm - cathode.impedance_ohm + cathode.counter_ohm
    assert rest.real[-1] > 1.0
    assert -rest.imag.min() > 0.1

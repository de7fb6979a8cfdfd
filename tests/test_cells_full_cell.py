"""The full cell against graphite: what the film takes is recorded, grows by its law, and N/P says how much graphite."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pybamm
import pytest

from lirich.cells import programme
from lirich.cells.graphite import open_circuit_potential
from lirich.cells.models import FULL_CELL
from lirich.cells.parameters import single_crystal
from lirich.cells.simulation import Simulator

HOST = single_crystal()["Host capacity [mA.h.g-1]"]
FILM, GRAPHITE = "Lithium lost in the SEI [mol]", "Change of lithium in the anode [mol]"
THICKNESS, CONTENT, POTENTIAL = "SEI thickness [m]", "Mean graphite content", "Graphite potential [V]"
OXYGEN, DIOXIDE = "Oxygen released [umol.g-1]", "Carbon dioxide released [umol.g-1]"


@cache
def simulator() -> Simulator:
    outputs = (FILM, GRAPHITE, THICKNESS, CONTENT, POTENTIAL, OXYGEN, DIOXIDE, "Lithium content")
    return Simulator(FULL_CELL.recording(*outputs), compiled=False)


def test_at_rest_the_film_takes_its_lithium_from_the_graphite() -> None:
    run = simulator().run(programme.parse([("Charge at C/5 until 4.6 V", "Rest for 20 days")], one_c_ma_g=250))
    rest = run.points.filter(pl.col("mode") == "rest")
    film, graphite = rest[FILM].to_numpy(), rest[GRAPHITE].to_numpy()
    assert film[-1] - film[0] > 1e-9
    assert np.ptp(film + graphite) < 1e-10 * graphite[0]


def test_a_thick_film_grows_as_the_root_of_time() -> None:
    """Solvent that diffuses through: L² − L0² = 2 D c (V/z) t."""
    values = FULL_CELL.defaults()
    run = simulator().run(programme.parse([("Charge at C/5 until 4.6 V", "Rest for 20 days")], one_c_ma_g=250))
    rest = run.points.filter(pl.col("mode") == "rest")
    time = rest["time_s"].to_numpy() - rest["time_s"][0]
    per_lithium = values["SEI molar volume [m3.mol-1]"] / values["Lithium per SEI formula"]
    pace = 2 * values["SEI solvent diffusivity [m2.s-1]"] * values["Solvent concentration [mol.m-3]"] * per_lithium
    grown = rest[THICKNESS].to_numpy() ** 2 - rest[THICKNESS][0] ** 2
    assert grown[-1] == pytest.approx(pace * time[-1], rel=0.01)


@pytest.mark.parametrize("stopped", ["SEI rate constant [m.s-1]", "SEI solvent diffusivity [m2.s-1]"])
def test_without_reaction_or_solvent_there_is_no_film(stopped: str) -> None:
    plan = programme.parse([("Charge at C/2 until 4.7 V", "Discharge at C/2 until 1.9 V")], one_c_ma_g=250)
    assert simulator().run(plan, {stopped: 0.0}).ends[FILM][-1] == 0.0


def test_the_film_eats_the_reserve_that_activation_leaves_before_it_costs_capacity() -> None:
    """Li that an activated cathode does not take back waits in the graphite; without activation there is none."""
    plan = programme.parse(
        [("Charge at C/10 until 4.6 V", "Rest for 40 days", "Discharge at C/20 until 1.9 V")], one_c_ma_g=250
    )
    still = {"Reconstruction rate [m.s-1]": 0.0}
    costs = []
    for activation in ({}, {"Activation rate [s-1]": 0.0}):
        runs = [
            simulator().run(plan, {**still, **activation, "SEI solvent diffusivity [m2.s-1]": diffusivity})
            for diffusivity in (0.0, 4e-20)
        ]
        given = [np.diff(run.ends["Lithium through the circuit"].to_numpy())[-1] for run in runs]
        held = runs[1].ends[FILM][-1] * 96485.33212 / (HOST * 0.01 / 1000 * 3600)
        assert held > 0.03
        costs.append((given[0] - given[1]) / held)
    assert 0.0 < costs[0] < 0.5 * costs[1]
    assert 0.5 < costs[1] < 1.0


def test_more_graphite_is_left_emptier() -> None:
    plan = programme.parse(["Charge at C/5 until 4.7 V"], one_c_ma_g=250)
    contents = [simulator().run(plan, {"N/P ratio": r}).ends[CONTENT][-1] for r in (1.0, 1.1, 1.5)]
    assert contents[0] > contents[1] > contents[2]
    assert 1.3 < contents[0] / contents[2] < 1.55  # 1.5, less what a fuller graphite takes off the charge


def test_the_cathode_s_gases_are_recorded() -> None:
    run = simulator().run(programme.parse([("Charge at C/5 until 4.7 V", "Hold at 4.7 V for 2 h")], one_c_ma_g=250))
    assert (np.diff(run.points[OXYGEN].to_numpy()) >= -1e-12).all()
    assert run.ends[OXYGEN][-1] > 0
    assert run.ends[DIOXIDE][-1] > 0


def test_the_graphite_potential_is_the_published_one_inside_and_ends_when_it_is_full() -> None:
    published = pybamm.ParameterValues("Chen2020")["Negative electrode OCP [V]"]
    thermal = 0.0257
    for content in (0.01, 0.3, 0.8, 0.95):
        ours = float(open_circuit_potential(pybamm.Scalar(content), thermal).evaluate())
        assert ours == pytest.approx(float(published(content)), abs=1e-5)
    assert float(open_circuit_potential(pybamm.Scalar(1.03), thermal).evaluate()) < -1.0

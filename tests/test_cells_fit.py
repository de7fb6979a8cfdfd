"""Fits recover known truth, reach the real Li-rich cell within its targets, and say what curves cannot tell."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from lirich.cells import programme
from lirich.cells.autocorrelation import correlation_length
from lirich.cells.fit import (
    Curve,
    Experiment,
    FreeParameter,
    Problem,
    curves_from_table,
    fit,
    half_cell_problem,
    identifiability,
    profile,
    trace_from_table,
)
from lirich.cells.fit.result import Fit
from lirich.cells.fit.solve import summarise
from lirich.cells.parameters import polycrystal, single_crystal
from lirich.cells.simulation import Model, Simulator, standard_table
from lirich.errors import InputError, SettingsError, UnknownNameError
from lirich.testing.digitised import FITTED, digitised_curves
from lirich.workbench.simulation.fit import FitReport

TRUTH = {
    "Potential of low sites [V]": 3.75,
    "Width of low sites": 4.1,
    "Maximum diffusivity [m2.s-1]": 6e-17,
    "Reference exchange-current density [A.m-2]": 0.05,
}
FREE = (
    FreeParameter("Potential of low sites [V]", 3.80, 3.6, 3.95, symbol="U"),
    FreeParameter("Width of low sites", 3.7, 1.0, 9.0, symbol="ω"),
    FreeParameter("Maximum diffusivity [m2.s-1]", 1e-16, 1e-18, 1e-14, log=True, symbol="D"),
    FreeParameter("Reference exchange-current density [A.m-2]", 0.03, 1e-3, 1.0, log=True, symbol="i"),
)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(Model(points=(("r_p", 12),)), single_crystal(), rtol=1e-6, atol=1e-8)


@pytest.fixture(scope="module")
def synthetic(simulator: Simulator) -> pl.DataFrame:
    plan = programme.cycling(["C/10", "1C"], one_c_ma_g=250)
    steps = tuple(replace(step, every_s=1250 / step.current_ma_g) for step in plan.steps)
    return standard_table(simulator.run(replace(plan, steps=steps), TRUTH))


@pytest.fixture(scope="module")
def recovered(simulator: Simulator, synthetic: pl.DataFrame) -> Fit:
    noise = np.random.default_rng(1)
    curves = [
        replace(c, voltage_v=c.voltage_v + 2e-3 * noise.normal(size=c.voltage_v.size))
        for c in curves_from_table(synthetic, 10.0)
    ]
    return fit(Problem(simulator, FREE, (Experiment(tuple(curves)),)), max_evaluations=40)


def test_half_cycles_come_out_of_a_table_as_they_went_in(synthetic: pl.DataFrame) -> None:
    curves = curves_from_table(synthetic, 10.0)
    assert [c.name for c in curves] == [f"cycle {n} {d}" for n in (1, 2) for d in ("charge", "discharge")]
    assert [round(c.current_ma_g, 6) for c in curves] == [25.0, 25.0, 250.0, 250.0]
    hours = synthetic.filter(pl.col("step_count") == 1)["test_time_second"].max() / 3600
    assert curves[0].total_mah_g == pytest.approx(25.0 * hours, rel=1e-3)


def test_a_fit_recovers_the_truth_within_its_intervals(recovered: Fit) -> None:
    assert recovered.converged
    for estimate in recovered.estimates:
        truth = TRUTH[estimate.parameter.name]
        assert estimate.low < truth < estimate.high, estimate
        assert estimate.value == pytest.approx(truth, rel=0.01)
    assert all(value < 3.0 for value in recovered.rmse_mv.values())


def test_a_profile_agrees_with_the_linear_interval_where_the_likelihood_is_a_parabola(recovered: Fit) -> None:
    name = "Maximum diffusivity [m2.s-1]"
    found = profile(recovered, name, points=3, max_evaluations=3)
    linear = next(e for e in recovered.estimates if e.parameter.name == name)
    assert found.low is not None
    assert found.high is not None
    assert np.log(found.high / found.low) == pytest.approx(np.log(linear.high / linear.low), rel=0.25)
    with pytest.raises(UnknownNameError):
        profile(recovered, "Series resistance [Ohm]")


def test_a_fit_is_reported_as_json_and_drawn(recovered: Fit) -> None:
    report = FitReport("synthetic", recovered, identifiability(recovered))
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["parameters_free"] == 4
    assert found["origin"] == "simulated"
    assert all(e["told_by_the_data"] for e in found["estimates"])
    (figure,) = report.figures
    dashes = {trace["line"]["dash"] for trace in figure.data}
    assert len(dashes) == 2, "measured solid, simulated dashed"
    assert "mV" in figure.alt


@pytest.mark.parametrize("rtol", [1e-5, 1e-6, 1e-8])
def test_one_rate_cannot_tell_two_resistances_in_series(rtol: float) -> None:
    """However loosely the fit is solved: noise of the solver in differences of two runs would tell them apart."""
    simulator = Simulator(Model(points=(("r_p", 12),)), single_crystal(), rtol=rtol, atol=1e-2 * rtol, compiled=False)
    run = simulator.run(programme.cycling(["C/10"], one_c_ma_g=250))
    curves = tuple(curves_from_table(standard_table(run), 10.0))
    both = (
        FreeParameter("Series resistance [Ohm]", 10.0, 0.0, 400.0, symbol="R_s"),
        FreeParameter("Initial film resistance [Ohm.m2]", 0.002, 0.0, 6.0, symbol="R_f"),
    )
    problem = Problem(simulator, both, (Experiment(curves),))
    least = identifiability(summarise(problem, problem.start))[0]
    (first, a), (second, b) = least.weights
    assert {first, second} == {"R_s", "R_f"}
    assert a * b < 0, "one up, the other down"
    assert not least.told
    assert least.spread > 0.5
    assert least.words.startswith("not told")


def test_pulses_are_a_trace_that_the_simulation_follows(simulator: Simulator) -> None:
    plan = programme.pulses(
        "charge", rate="C/5", pulse_s=1200, rest_s=3600, one_c_ma_g=250, until_voltage_v=4.6, count=4, every_s=20
    )
    trace = trace_from_table(standard_table(simulator.run(plan, TRUTH)), 10.0)
    assert [step.mode for step in trace.steps] == ["charge", "rest"] * 4
    start = [replace(p, start=TRUTH[p.name]) for p in FREE]
    problem = Problem(simulator, tuple(start), (Experiment((trace,)),))
    assert problem.predict(TRUTH)[0].rmse_mv < 0.5


def test_smooth_misfit_is_few_observations() -> None:
    n = 90
    noise = np.random.default_rng(0).normal(size=n)
    assert correlation_length([noise]) < 2.0
    assert correlation_length([np.sin(np.linspace(0, 2 * np.pi, n))]) > 10.0


def test_the_parameter_library_is_a_fit_of_the_real_cell_within_the_targets() -> None:
    problem = half_cell_problem(digitised_curves(), start=FITTED)
    rmse = {p.curve.name: p.rmse_mv for p in problem.predict(problem.values(problem.start))}
    assert len(problem.parameters) == 35
    assert rmse["cycle 1 discharge"] <= 12
    assert rmse["cycle 10 discharge"] <= 12
    assert rmse["cycle 1 charge"] <= 20
    assert rmse["cycle 10 charge"] <= 20


@pytest.mark.slow
def test_the_fit_of_the_real_cell_comes_back_from_a_disturbed_start() -> None:
    problem = half_cell_problem(digitised_curves(), start=FITTED)
    units = problem.start + 0.15 * np.random.default_rng(0).choice([-1.0, 1.0], problem.start.size)
    moved = problem.values(np.clip(units, 0.02, 0.98))
    begin = replace(problem, parameters=tuple(replace(p, start=moved[p.name]) for p in problem.parameters))
    assert min(p.rmse_mv for p in begin.predict(begin.values(begin.start))) > 100
    found = fit(begin, max_evaluations=26)
    rmse = found.rmse_mv
    assert max(rmse["cycle 1 discharge"], rmse["cycle 10 discharge"]) <= 12
    assert max(rmse["cycle 1 charge"], rmse["cycle 10 charge"]) <= 20


def test_impossible_requests_are_refused_with_the_reason() -> None:
    with pytest.raises(SettingsError, match="starts at"):
        FreeParameter("x", 2.0, 0.0, 1.0)
    with pytest.raises(InputError, match="current"):
        Curve(1, "charge", np.arange(20.0), np.arange(20.0), 0.0)
    untimed = pl.DataFrame({"voltage_volt": [3.0] * 20, "cycle_count": [1] * 20, "charging_capacity_ah": [0.0] * 20})
    with pytest.raises(InputError, match="no current"):
        curves_from_table(untimed, 10.0)
    with pytest.raises(SettingsError, match="Not among"):
        half_cell_problem(digitised_curves(), keep=["Nothing"])


def test_a_step_that_idaklu_gives_up_on_is_solved_with_tighter_tolerances() -> None:
    coarse = Simulator(Model(points=(("r_p", 12),)), single_crystal(), rtol=1e-4, atol=1e-7)

    class Failing:
        def solve(self, *_: object) -> object:
            raise RuntimeError("IDA_CONV_FAIL")

    plan = programme.cycling(["C/2"], one_c_ma_g=250)
    plain = coarse.run(plan, polycrystal())
    coarse._solvers[0] = Failing()
    again = coarse.run(plan, polycrystal())
    assert again.stopped == ""
    assert again.ends["voltage_v"].to_numpy() == pytest.approx(plain.ends["voltage_v"].to_numpy(), abs=1e-4)

"""Spectra and pulses in a fit: truth comes back, what cannot be told is said, and the verb takes them."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from lirich import Workspace
from lirich.cells import programme
from lirich.cells.fit import (
    Experiment,
    Fit,
    FreeParameter,
    MeasuredSpectrum,
    Problem,
    curves_from_table,
    fit,
    half_cell_problem,
    identifiability,
    profile,
)
from lirich.cells.fit.curves import data_from_table, is_pulsed, trace_from_table
from lirich.cells.fit.li_rich import HELD, RADIUS
from lirich.cells.fit.solve import covariance, summarise
from lirich.cells.fit.spectra import COUNTER_CAPACITANCE, DOUBLE_LAYER
from lirich.cells.impedance import Spectrum, impedance, rested, surface_model
from lirich.cells.parameters import single_crystal
from lirich.cells.programme import Programme, Step
from lirich.cells.simulation import Simulator, standard_table
from lirich.cli.app import app
from lirich.errors import InputError, MissingMetadataError, SettingsError
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL
from lirich.readers.bdf_impedance import write_bdf_impedance
from lirich.workbench.simulation.fit import FitData, data_of, run_fit

pytestmark = pytest.mark.slow
MASS_MG = 5.0
TRUTH = {
    "Maximum diffusivity [m2.s-1]": 6e-17,
    "Reference exchange-current density [A.m-2]": 0.05,
    "Series resistance [Ohm]": 7.0,
    "Active mass [g]": MASS_MG / 1000,
}
FREE = (
    FreeParameter("Maximum diffusivity [m2.s-1]", 1e-16, 1e-18, 1e-14, log=True, symbol="D"),
    FreeParameter("Reference exchange-current density [A.m-2]", 0.02, 1e-3, 1.0, log=True, symbol="i_0"),
    FreeParameter("Series resistance [Ohm]", 5.0, 0.5, 50.0, log=True, symbol="R_s"),
    FreeParameter("Counter-electrode exchange current [A]", 1e-3, 1e-4, 1e-1, log=True, symbol="I_counter"),
    FreeParameter(DOUBLE_LAYER, 0.05, 1e-3, 10.0, log=True, symbol="C"),
    FreeParameter(COUNTER_CAPACITANCE, 1e-4, 1e-6, 1e-2, log=True, symbol="C_counter"),
)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(surface_model(30), single_crystal(), rtol=1e-6, atol=1e-8, compiled=False)


@pytest.fixture(scope="module")
def measured(simulator: Simulator) -> tuple[pl.DataFrame, Spectrum]:
    """One cycle at C/5, and the spectrum at 3.9 V on the way up again."""
    plan = programme.cycling(["C/5"], one_c_ma_g=250)
    run = simulator.run(replace(plan, steps=tuple(replace(s, every_s=100.0) for s in plan.steps)), TRUTH)
    up = programme.parse(["Charge at C/10 until 3.9 V", "Hold at 3.9 V until C/500"], 250)
    state = rested(simulator, TRUTH, up, start=run.final)
    return standard_table(run), impedance(simulator, np.geomspace(1e-3, 1e5, 41), TRUTH, state=state)


def noisy(spectrum: Spectrum, share: float = 0.01, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    whole = spectrum.impedance_ohm
    error = share / np.sqrt(2) * np.abs(whole)
    whole = whole + error * (rng.normal(size=whole.size) + 1j * rng.normal(size=whole.size))
    return pl.DataFrame({FREQUENCY: spectrum.table[FREQUENCY], REAL: whole.real, IMAGINARY: whole.imag}).with_columns(
        pl.lit(spectrum.voltage_v).alias("voltage_volt")
    )


@pytest.fixture(scope="module")
def joint(simulator: Simulator, measured: tuple[pl.DataFrame, Spectrum]) -> Fit:
    table, spectrum = measured
    rng = np.random.default_rng(1)
    curves = [
        replace(c, voltage_v=c.voltage_v + 2e-3 * rng.normal(size=c.voltage_v.size))
        for c in curves_from_table(table, MASS_MG)
    ]
    data = (*curves, MeasuredSpectrum.of(noisy(spectrum)))
    fixed = {**single_crystal(), "Active mass [g]": MASS_MG / 1000}
    return fit(Problem(simulator, FREE, (Experiment(data),), fixed), max_evaluations=30)


def test_curves_and_a_spectrum_together_give_the_truth_back(
    joint: Fit, measured: tuple[pl.DataFrame, Spectrum]
) -> None:
    truths = {**TRUTH, "Counter-electrode exchange current [A]": 0.002, DOUBLE_LAYER: 0.2, COUNTER_CAPACITANCE: 3e-5}
    for estimate in joint.estimates:
        truth = truths[estimate.parameter.name]
        assert estimate.value == pytest.approx(truth, rel=0.03), estimate
        assert estimate.low * 0.99 < truth < estimate.high * 1.01, estimate
        assert estimate.told
    spectrum = measured[1]
    for derived in joint.derived:
        if derived.name != "diffusion_time_s":
            truth = getattr(spectrum, derived.name)
            assert derived.value == pytest.approx(truth, rel=0.05), derived
    assert {d.symbol for d in joint.derived} == {"R_ct", "R_film", "R_counter", "R_s", "C_dl", "D", "R²/D"}
    assert joint.residual_percent["spectrum"] == pytest.approx(1.0, rel=0.3)
    assert max(joint.rmse_mv.values()) < 3.0


def test_each_kind_of_data_has_the_scatter_that_it_shows(joint: Fit) -> None:
    """Curves have 2 mV of noise; each part of the spectrum 0.7 %, where 2 % count as 10 mV: 3.5 mV."""
    by_kind = {s.kind: s for s in joint.scatters}
    assert 1.2e-3 < np.sqrt(by_kind["curves"].variance) < 2.1e-3  # fitted points lie between two recorded ones
    assert np.sqrt(by_kind["spectra"].variance) == pytest.approx(3.5e-3, rel=0.2)
    assert joint.error.size == joint.jacobian.shape[0] == joint.point_count


def test_the_spectrum_tells_what_curves_of_one_rate_cannot(
    simulator: Simulator, measured: tuple[pl.DataFrame, Spectrum], joint: Fit
) -> None:
    curves = tuple(curves_from_table(measured[0], MASS_MG))
    problem = replace(joint.problem, experiments=(Experiment(curves),))
    alone = summarise(problem, joint.units)
    told = {e.parameter.symbol: e.told for e in alone.estimates}
    assert not told["C"]
    assert not told["C_counter"]
    assert any(not d.told for d in identifiability(alone))
    assert all(d.told for d in identifiability(joint))


def test_a_profile_of_a_joint_fit_is_a_parabola_where_the_interval_says_so(joint: Fit) -> None:
    found = profile(joint, DOUBLE_LAYER, points=3, max_evaluations=3)
    linear = next(e for e in joint.estimates if e.parameter.name == DOUBLE_LAYER)
    assert found.low is not None
    assert found.high is not None
    assert np.log(found.high / found.low) == pytest.approx(np.log(linear.high / linear.low), rel=0.3)


def test_the_covariance_of_one_kind_is_the_old_one_and_of_two_it_allows_for_wrong_weights() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 3)), rng.normal(size=(80, 3))
    np.testing.assert_allclose(covariance([a], [0.3]), np.linalg.inv(a.T @ a / 0.3 + 12 * np.eye(3)), rtol=1e-10)
    # least squares with equal weights of data whose errors differ by ten: the spread of many fits is what it says
    spreads = []
    for _ in range(4000):
        y = np.concatenate([0.1 * rng.normal(size=50), 1.0 * rng.normal(size=80)])
        spreads.append(np.linalg.lstsq(np.vstack([a, b]), y, rcond=None)[0])
    expected = np.cov(np.array(spreads).T)
    bread = np.linalg.inv(a.T @ a + b.T @ b)
    np.testing.assert_allclose(bread @ (0.01 * a.T @ a + b.T @ b) @ bread, expected, rtol=0.15, atol=5e-4)
    prior_free = covariance([1e3 * a, 1e3 * b], [0.01, 1.0]) * 1e6  # the prior is lost beside so much data
    np.testing.assert_allclose(prior_free, expected, rtol=0.2, atol=1e-3)


def test_where_the_size_is_known_the_diffusivity_is_fitted(measured: tuple[pl.DataFrame, Spectrum]) -> None:
    table, spectrum = measured
    curves, one = curves_from_table(table, MASS_MG), MeasuredSpectrum.of(noisy(spectrum))
    free = half_cell_problem(curves, spectra=[one], active_mass_mg=MASS_MG).names
    assert RADIUS in free
    assert "Maximum diffusivity [m2.s-1]" not in free
    known = half_cell_problem(curves, spectra=[one], active_mass_mg=MASS_MG, keep=(*HELD, RADIUS))
    assert "Maximum diffusivity [m2.s-1]" in known.names
    assert RADIUS not in known.names
    assert {"Series resistance [Ohm]", DOUBLE_LAYER, COUNTER_CAPACITANCE} <= set(known.names)
    assert len(known.others) == 1, "the two arcs may be the other way round"
    with pytest.raises(SettingsError, match="unknown mass"):
        half_cell_problem(curves, spectra=[one])
    with pytest.raises(SettingsError, match="spectrum"):
        half_cell_problem([])


def test_a_spectrum_alone_is_fitted_from_the_state_that_its_voltage_says(
    measured: tuple[pl.DataFrame, Spectrum],
) -> None:
    data = FitData("alone", (), (MeasuredSpectrum.of(noisy(measured[1])),), MASS_MG)
    report = run_fit(data, start={RADIUS: 4.7e-7}, keep=[RADIUS], max_evaluations=10)
    by_symbol = {d.symbol: d for d in report.fit.derived}
    truth = measured[1]
    assert by_symbol["R_ct"].value == pytest.approx(truth.charge_transfer_ohm, rel=0.1)
    assert by_symbol["C_dl"].value == pytest.approx(truth.double_layer_f, rel=0.1)
    assert not by_symbol["R_film"].told or by_symbol["R_film"].high > 2 * by_symbol["R_film"].low
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert {d["symbol"] for d in told["derived"]} >= {"R_ct", "C_dl", "D", "R_s", "R_film"}
    assert "spectra" in told["scatter"]
    (figure,) = report.figures
    assert figure.layout["xaxis2"]["type"] == "log", "residuals stand below the Nyquist plot"
    assert any("mV" in text and "|Z|" in text for text in report.assumptions)


def test_what_is_no_spectrum_is_refused() -> None:
    with pytest.raises(InputError, match="frequencies"):
        MeasuredSpectrum("x", np.arange(1.0, 4.0), np.ones(3, dtype=complex))
    with pytest.raises(InputError, match="above 0"):
        MeasuredSpectrum("x", np.arange(10.0), np.ones(10, dtype=complex))


# --- pulses and rates ----------------------------------------------------------------------------------------------


def pulses(simulator: Simulator) -> pl.DataFrame:
    plan = programme.pulses(
        "charge", rate="C/5", pulse_s=900, rest_s=3600, one_c_ma_g=250, until_voltage_v=4.4, count=8, every_s=30
    )
    return standard_table(simulator.run(plan, TRUTH))


def test_pulses_are_told_from_cycles_and_enter_as_they_went(simulator: Simulator) -> None:
    table = pulses(simulator)
    cycles = standard_table(simulator.run(programme.cycling(["C/5"], one_c_ma_g=250), TRUTH))
    assert is_pulsed(table)
    assert not is_pulsed(cycles)
    (trace,) = data_from_table(table, MASS_MG)
    assert len(trace.steps) == 16
    begun = trace.until_step(4)
    assert len(begun.steps) == 4
    assert begun.time_s[-1] <= sum(s.until_s for s in begun.steps)
    free = tuple(replace(p, start=TRUTH[p.name]) for p in FREE[:2])
    problem = Problem(simulator, free, (Experiment((trace,)),), {**single_crystal(), **TRUTH})
    assert problem.predict({p.name: p.start for p in free})[0].rmse_mv < 0.5


def test_a_step_that_ends_early_does_not_move_what_comes_after(simulator: Simulator) -> None:
    """A charge that the model cannot follow to its end: the rest after it is compared at its own time."""
    plan = Programme((Step("charge", 50.0, until_s=3600.0), Step("rest", until_s=3600.0)), 250.0)
    trace = trace_from_table(standard_table(simulator.run(plan, TRUTH)), MASS_MG)
    short = replace(trace.steps[0], until_voltage_v=float(trace.voltage_v[5]))
    problem = Problem(simulator, FREE[:1], (Experiment((replace(trace, steps=(short, trace.steps[1])),)),),
                      {**single_crystal(), **TRUTH})  # fmt: skip
    found = problem.predict({"Maximum diffusivity [m2.s-1]": 6e-17})[0]
    late = found.at > 3700.0
    # less charge has passed, so the rest lies lower, but it is a rest and not the charge that was measured before
    step = np.diff(found.simulated_v[late])
    assert (step < 0).all(), "a rest after a charge relaxes downwards"
    assert step.min() > -4e-3


# --- the verb ------------------------------------------------------------------------------------------------------


def test_the_verb_takes_files_and_cells_of_a_workspace(
    measured: tuple[pl.DataFrame, Spectrum], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # its end is the fact of the spectrum alone
    monkeypatch.setattr("lirich.workbench.simulation.fit.run_fit", functools.partial(run_fit, max_evaluations=2))
    space = Workspace.create(tmp_path / "w")
    plan = programme.parse([["Charge at C/5 until 4.8 V", "Discharge at C/5 until 2 V"]], 250.0)
    space.simulate("SC", plan, cell="A")
    space.simulate_impedance("A")
    space.analyse(["A"], executor="serial")
    data = data_of("A", space, spectra=["A"])
    assert [c.name for c in data.curves] == ["cycle 1 charge", "cycle 1 discharge"]
    assert [s.name for s in data.spectra] == ["spectrum of A"]
    assert data.active_mass_mg == pytest.approx(10.0)
    path = write_bdf_impedance(noisy(measured[1]), tmp_path / "eis.csv")
    beside = data_of("A", space, spectra=[f"{path}@3.95"])
    assert beside.spectra[0].voltage_v == 3.95
    with pytest.raises(MissingMetadataError):
        data_of(path, None)
    csv = tmp_path / "cycles.bdf.csv"
    measured[0].write_csv(csv)
    with pytest.raises(InputError, match="no spectrum"):
        data_of("A", space, spectra=[str(csv)])
    page = tmp_path / "fit.html"
    asked = ["fit", str(path), "--mass", str(MASS_MG), "--keep", RADIUS, "-o", str(page), "--json"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["residual_percent"]
    assert "Impedance" in page.read_text(encoding="utf-8")


def test_a_rate_test_is_fitted_over_its_rates_and_gitt_over_its_first_pulses(tmp_path: Path) -> None:
    space = Workspace.create(tmp_path / "w")
    space.simulate("SC", "rate-test", cell="R")
    space.simulate("SC", "gitt", cell="G")
    space.analyse(executor="serial")
    rates = data_of("R", space)
    assert len({round(c.current_ma_g) for c in rates.curves}) >= 6
    assert any("half-cycles" in text for text in rates.assumptions)
    gitt = data_of("G", space, cycles=[2])
    (trace,) = gitt.curves
    assert trace.cycle == 2
    assert len(trace.steps) == 120
    assert any("first 120 of" in text for text in gitt.assumptions)
    assert "Connected part in cycle 2" in half_cell_problem(gitt.curves).names

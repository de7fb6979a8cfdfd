"""What a simulated result says of itself: outside the calibration, nothing passed; masses that cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lirich.cells import programme
from lirich.cells.models import FULL_CELL, SOLID_STATE, WITH_ELECTROLYTE
from lirich.cells.parameters import polycrystal, single_crystal
from lirich.cells.simulation import Model, Simulator
from lirich.cells.sites import CONVERTING
from lirich.cells.study import Duty
from lirich.cells.validity import doubts, film_is_formed, outside_calibration
from lirich.cli.app import app
from lirich.errors import SettingsError
from lirich.workbench.simulation.study import Point, StudyResult, size_study

SITES = tuple(f"Fraction of {name} sites" for name in CONVERTING)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(Model(points=(("r_p", 12),), outputs=SITES), single_crystal(), rtol=1e-4, atol=1e-7)


def sparse(plan: programme.Programme) -> programme.Programme:
    return replace(plan, steps=tuple(replace(s, every_s=programme.LONGEST_S) for s in plan.steps))


def codes(simulator: Simulator, plan: programme.Programme, changes: dict[str, float]) -> dict[str, str]:
    run = simulator.run(sparse(plan), changes)
    return {f.code: f.message for f in doubts(run, plan, simulator.parameters(changes))}


def test_within_the_calibration_nothing_is_said(simulator: Simulator) -> None:
    plan = programme.ageing(100, "C/2", one_c_ma_g=250, formation=1)
    assert codes(simulator, plan, single_crystal()) == {}
    assert outside_calibration(200, 45.0) == ()


def test_long_and_warm_tests_say_that_they_are_extrapolated(simulator: Simulator) -> None:
    """Of the polycrystal hardly a layered site is left after 200 cycles, and its decay ends there."""
    found = codes(simulator, programme.ageing(250, "C/2", one_c_ma_g=250, formation=1), polycrystal())
    assert set(found) == {"outside-calibration", "sites-run-out"}
    assert "251 cycles" in found["outside-calibration"]
    warm = {**single_crystal(), "Ambient temperature [K]": 333.15}
    assert "60 °C" in codes(simulator, programme.cycling(["C/2"], one_c_ma_g=250), warm)["outside-calibration"]


def test_a_discharge_that_passes_nothing_is_a_finding(simulator: Simulator) -> None:
    plan = programme.cycling(["1C"], one_c_ma_g=250, charge_rate="C/10")
    found = codes(simulator, plan, {"Series resistance [Ohm]": 1060.0})
    assert "discharge at 250 mA/g" in found["no-capacity"]


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        (Model(), {"Active mass [g]": 1e6}, "takes 2.5e"),
        (WITH_ELECTROLYTE, {"Active mass [g]": 1e6}, "mg/cm²"),
        (WITH_ELECTROLYTE, {"Active mass [g]": 0.4}, "at most 200 mg/cm²"),
        (SOLID_STATE, {"Active mass [g]": 1e6}, "mg/cm²"),
        (Model(), {"Series resistance [Ohm]": 1e6}, "between the cut-offs"),
    ],
)
def test_masses_that_no_cell_holds_are_refused(model: Model, changes: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Simulator(model, compiled=False).parameters(changes)


def test_a_current_that_no_cell_passes_is_refused(simulator: Simulator) -> None:
    with pytest.raises(SettingsError, match="A discharge at 250000 mA/g is"):
        simulator.run(programme.parse(["Discharge at 1000C until 2.0 V"], 250))


def test_a_study_says_what_its_longest_and_warmest_duty_is() -> None:
    study = size_study(Duty(rate="1C", cycles=300, temperature_celsius=60.0))
    result = StudyResult(study, (Point({"radius_nm": 200.0}, None, None, False),))
    (finding,) = result.findings
    assert "300 cycles and 60 °C" in finding.message
    assert result.to_dict()["findings"][0]["code"] == "outside-calibration"
    assert StudyResult(size_study(Duty(cycles=100)), ()).findings == ()


def test_the_findings_stay_with_the_simulated_cell(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["init", str(tmp_path / "ws")]).exit_code == 0
    asked = ["simulate", "SC", "--cycles", "2", "--set", "Ambient temperature [K]=328.15", "--cell", "warm", "--json"]
    result = runner.invoke(app, [*asked, "-w", str(tmp_path / "ws")])
    assert result.exit_code == 0, result.output
    assert [f["code"] for f in json.loads(result.stdout)["findings"]] == ["outside-calibration"]
    kept = runner.invoke(app, ["cells", "warm", "--json", "-w", str(tmp_path / "ws")])
    assert "outside-calibration" in kept.stdout


def test_a_film_on_graphite_that_starts_formed_is_said() -> None:
    (finding,) = film_is_formed(FULL_CELL.defaults())
    assert (finding.code, finding.severity) == ("film-starts-formed", "info")
    assert "5 nm" in finding.message
    assert film_is_formed(single_crystal()) == ()

"""What the commands of the physics say of what they are given: reasons, typos, what is varied, what is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lirich.cells import programme
from lirich.cli import what_is_kept
from lirich.cli.app import app
from lirich.errors import SettingsError
from lirich.workbench.simulation.file import SimulationRequest, read_request
from lirich.workbench.simulation.sensitivity import Sensitivity, interval_words
from lirich.workbench.simulation.study import duty_words, make_study, run_study


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["Charge at C/5 until 1.5 V"], "below the cell's window"),
        (["Discharge at C/5 until 5 V"], "above the cell's window"),
        (["Charge at C/5 until 3.9 V", "Discharge at C/5 until 3.9 V"], "ends at once"),
        (["Charge at C/5 until 4.6 V", "Rest for 1 h", "Discharge at C/5 until 4.7 V"], "ends at once"),
    ],
)
def test_steps_that_end_where_they_begin_are_refused(lines: list[str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        programme.check_turns(programme.parse([lines], 250.0), 2.0, 4.8)


def test_usual_programmes_and_windows_of_ones_own_pass() -> None:
    for name in programme.NAMES:
        programme.check_turns(programme.named(name, one_c_ma_g=250.0), 2.0, 4.8)
    own = programme.parse([["Charge at C/5 until 1.8 V", "Discharge at C/5 until 1.2 V"]], 250.0)
    programme.check_turns(own, 2.0, 4.8)


@pytest.mark.parametrize(("low", "high"), [(4.8, 2.0), (3.9, 3.9)])
def test_a_closed_window_is_refused(low: float, high: float) -> None:
    with pytest.raises(SettingsError, match="window"):
        SimulationRequest.of({"parameters": "SC", "low_v": low, "high_v": high}).plan()


def test_what_sets_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "f3.toml"
    file.write_text('parameters = "SC"\nset = 3\n')
    with pytest.raises(SettingsError, match="sets 3"):
        read_request(file)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"vari": {"cycles": [2]}}, "Did you mean 'vary'"),
        ({"vary": {"cycles": [2]}, "duty": {"cycels": 3}}, "'duty.cycels'.*Did you mean 'cycles'"),
        ({"vary": {"radius_nm": {"low": 1, "hihg": 2}}}, "'vary.radius_nm.hihg'.*Did you mean 'high'"),
        ({"vary": {"radius_nm": {"low": 1}}}, "'vary.radius_nm.high'"),
        ({"vary": {"radius_nm": 3}}, "at vary.radius_nm: should be a table or a list"),
        ({"vary": {"radius_nm": {"low": 5, "high": 2}}}, r"at vary.radius_nm: a linear range from 5 to 2\."),
        ({"vary": {"radius_nm": []}}, "empty list"),
        ({"vary": {"radius_mn": [3]}}, "did you mean 'radius_nm'"),
    ],
)
def test_typos_are_named_without_the_inside_of_pydantic(data: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as told:
        make_study(data)
    assert "function-" not in str(told.value)
    assert "instance" not in str(told.value)


def test_a_typo_of_a_simulation_is_named() -> None:
    with pytest.raises(SettingsError, match=r"'cycels'.*Did you mean 'cycles'"):
        SimulationRequest.of({"parameters": "SC", "cycels": 3})


def test_the_duty_says_what_is_varied_and_not_its_default() -> None:
    study = make_study({"duty": {"cycles": 3}, "vary": {"rate": ["C/5"], "temperature_celsius": [10], "high_v": [4.6]}})
    words = "3 cycles between 2 and … V, 1C = 250 mA/g; varied: rate, temperature, high_v"
    assert duty_words(study) == words
    same = make_study({"duty": {"cycles": 3}, "vary": {"radius_nm": [100]}})
    assert duty_words(same) == "3 cycles at 1C between 2 and 4.8 V, 25 °C, 1C = 250 mA/g"


def test_a_study_of_which_every_point_fails_says_why_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("duty: {cycles: 2}\nvary: {radius_nm: [-1, -2]}\n")
    done = CliRunner().invoke(app, ["study", str(file)])
    assert done.exit_code == 1
    assert "2 of 2 points could not be simulated" in done.output
    assert "not negative" in done.output
    told = CliRunner().invoke(app, ["study", str(file), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["failed"]) == (1, 2)


def test_a_reason_of_many_points_is_said_once() -> None:
    found = run_study(make_study({"duty": {"cycles": 2}, "vary": {"high_v": [1.0, 1.0]}}), executor="serial")
    assert list(found.reasons.values()) == [2]


def test_an_index_below_zero_is_said_to_be_an_error_of_sampling() -> None:
    found = Sensitivity("f", ("a",), (-0.1,), (0.4,), 24, 0, ((-0.3, 0.1),), ((0.2, 0.6),), 8)
    assert "a 0.20 to 0.60" in interval_words(found)
    assert "within the error of the sampling" in interval_words(found)


def test_what_is_kept_of_a_stopped_run_is_what_is_said() -> None:
    assert "What was confirmed is kept" in what_is_kept(["add", "files"])
    assert "elsewhere nothing is" in what_is_kept(["study", "s.yaml"])
    assert "elsewhere nothing is" in what_is_kept(["simulate", "SC", "--best-radius", "a.html"])
    assert "is not kept" in what_is_kept(["simulate", "SC"])
    assert "Nothing is kept" in what_is_kept(["fit", "cell"])


def test_the_help_keeps_units() -> None:
    assert "[m]=3e-7" in CliRunner().invoke(app, ["simulate", "--help"]).output

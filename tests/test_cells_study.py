"""Studies: every point is a typed result, cached and resumed; the best radius and sensitivities come out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lirich.cells.models import MODELS, of_set
from lirich.cells.optimum import MODEL_ACCURACY, best_size
from lirich.cells.study import OBJECTIVE, Duty, Study, duty_figures, task_parameters
from lirich.cli.app import app
from lirich.errors import InputError, SettingsError, UnknownNameError
from lirich.testing.digitised import write_digitised_cell
from lirich.workbench import Workspace
from lirich.workbench.simulation.study import best_words, cell_study, make_study, read_study, run_study

SHORT = {"rate": "1C", "cycles": 2}


def test_grids_lists_and_samples_give_their_points() -> None:
    grid = make_study(
        {
            "duty": SHORT,
            "vary": {"radius_nm": {"low": 100, "high": 1000, "points": 3, "scale": "log"}, "rate": ["C/5", "1C"]},
        }
    )
    settings = grid.settings()
    assert len(settings) == 6
    assert settings[2]["radius_nm"] == pytest.approx(316.227766)
    assert {s["rate"] for s in settings} == {"C/5", "1C"}
    sample = make_study(
        {"duty": SHORT, "vary": {"radius_nm": {"low": 100, "high": 1000}}, "sample": {"count": 8, "seed": 3}}
    )
    drawn = [s["radius_nm"] for s in sample.settings()]
    assert len(drawn) == 8
    assert all(100 <= r <= 1000 for r in drawn)
    assert drawn == [s["radius_nm"] for s in sample.settings()], "the seed decides"


def test_a_radius_of_single_crystals_is_that_of_the_particle_and_units_are_converted() -> None:
    task = task_parameters("SC", Duty(**SHORT), {"radius_nm": 300, "temperature_celsius": 45.0})
    assert task["changes"] == {"Crystal radius [m]": pytest.approx(3e-7), "Particle radius [m]": pytest.approx(3e-7)}
    assert task["duty"]["temperature_celsius"] == 45.0


def test_figures_of_a_duty_agree_with_each_other() -> None:
    found = duty_figures(task_parameters("SC", Duty(rate="C/2", cycles=5), {}))
    assert found["capacity_retention"] == pytest.approx(
        100 * found["last_capacity_mah_g"] / found["first_capacity_mah_g"]
    )
    assert found["first_energy_wh_kg"] / found["first_capacity_mah_g"] == pytest.approx(3.7, abs=0.2)
    assert found["total_energy_wh_g"] == pytest.approx(5 * found["first_energy_wh_kg"] / 1000, rel=0.05)
    assert 0 < found["first_gradient"] < 0.3


def test_one_impossible_point_is_a_result_and_not_the_end(tmp_path: Path) -> None:
    study = make_study({"duty": SHORT, "vary": {"radius_nm": [200, -1, 470]}})
    result = run_study(study, executor="serial", cache=tmp_path)
    assert [p.error is None for p in result.points] == [True, False, True]
    bad = result.points[1].error
    assert bad is not None
    assert bad["error"] == "SettingsError"
    assert "Crystal radius" in bad["found"]
    assert "not negative" in bad["expected"]
    assert np.isnan(result.column("last_capacity_mah_g")[1])


def test_a_failure_of_the_solver_and_a_dead_cell_are_results_among_good_ones(tmp_path: Path) -> None:
    width = make_study({"duty": SHORT, "vary": {"Width of low sites": [3.702, 1e-6, 3.5]}})
    result = run_study(width, executor="serial", cache=tmp_path)
    assert [p.error and p.error["error"] for p in result.points] == [None, "SimulationError", None]
    assert "could not be solved" in str(result.points[1].error)
    dead = make_study({"duty": SHORT, "vary": {"exchange_current_a_m2": [1e-30, 0.1]}})
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = run_study(dead, executor="serial", cache=tmp_path)
    assert [p.error and p.error["error"] for p in result.points] == ["SimulationError", None]
    assert "Nothing passed" in str(result.points[0].error)
    assert np.isnan(result.column(OBJECTIVE)[0])
    assert result.column(OBJECTIVE)[1] > 500


def test_a_study_goes_on_where_it_was(tmp_path: Path) -> None:
    study = make_study({"duty": SHORT, "vary": {"radius_nm": [100, 200, 300]}})
    first = run_study(study, executor="serial", cache=tmp_path)
    more = make_study({"duty": SHORT, "vary": {"radius_nm": [100, 200, 300, 400]}})
    again = run_study(more, executor="serial", cache=tmp_path)
    assert [p.cached for p in again.points] == [True, True, True, False]
    assert [p.figures for p in again.points[:3]] == [p.figures for p in first.points]


def test_the_best_size_of_a_parabola_is_its_top() -> None:
    radii = np.geomspace(50, 2000, 15)
    height = 500 - 40 * (np.log(radii) - np.log(250)) ** 2
    found = best_size(radii.tolist(), height.tolist(), OBJECTIVE)
    (best,) = found.maxima
    assert best.radius_nm == pytest.approx(250, rel=1e-6)
    assert best.value == pytest.approx(500)
    half = np.sqrt(5 / 40)
    assert best.low_nm == pytest.approx(250 * np.exp(-half), rel=0.05)
    assert best.high_nm == pytest.approx(250 * np.exp(half), rel=0.05)
    assert not best.at_edge
    assert best_size([1, 2, 3], [3.0, 2.0, 1.0], OBJECTIVE).best.at_edge
    with pytest.raises(SettingsError, match="at least 3"):
        best_size([1, 2], [1.0, 2.0], OBJECTIVE)


def two_tops(second: float, ripple: float = 0.0) -> tuple[list[float], list[float]]:
    """Radii and an objective with tops of 500 at 200 nm and of *second* at 900 nm, with a *ripple* point by point."""
    radii = np.geomspace(50, 4000, 61)
    x = np.log(radii)
    height = np.maximum(500 - 60 * (x - np.log(200)) ** 2, second - 60 * (x - np.log(900)) ** 2)
    return radii.tolist(), (height + ripple * (-1.0) ** np.arange(61)).tolist()


def test_every_maximum_is_named_and_noise_is_none() -> None:
    near = best_size(*two_tops(500 * (1 - 0.8 * MODEL_ACCURACY)), OBJECTIVE)
    assert [m.radius_nm for m in near.maxima] == pytest.approx([200, 900], rel=0.01)
    assert near.maxima[1].below_best == pytest.approx(0.8 * MODEL_ACCURACY, rel=0.01)
    assert [m.radius_nm for m in near.as_good] == pytest.approx([900], rel=0.01)
    low, high = near.maxima[1].low_nm, near.maxima[1].high_nm
    assert np.log(high / 900) == pytest.approx(np.sqrt(0.01 * near.maxima[1].value / 60), rel=0.05)
    assert np.log(900 / low) == pytest.approx(np.log(high / 900), rel=0.05)
    far = best_size(*two_tops(450), OBJECTIVE)
    assert len(far.maxima) == 2
    assert far.as_good == ()
    # a higher second top is the best; ripples of the size of the solver's are no maxima
    assert best_size(*two_tops(520), OBJECTIVE).best.radius_nm == pytest.approx(900, rel=0.01)
    rippled = best_size(*two_tops(490, ripple=0.2), OBJECTIVE)
    assert [m.radius_nm for m in rippled.maxima] == pytest.approx([200, 900], rel=0.15)


def test_the_best_radius_trades_gradient_against_surface(tmp_path: Path) -> None:
    study = make_study(
        {
            "duty": {"rate": "1C", "cycles": 30},
            "vary": {"radius_nm": {"low": 40, "high": 1600, "points": 7, "scale": "log"}},
        }
    )
    result = run_study(study, executor="serial")
    assert result.best is not None
    assert not result.best.best.at_edge
    assert 60 < result.best.best.radius_nm < 600
    assert (np.diff(result.column("first_gradient")) > 0).all()
    assert (np.diff(result.column("cracked_part")) > 0).all()
    assert (np.diff(result.column("surface_part")) < 0).all()
    assert "Best crystal radius" in result.figures[0].title


@pytest.mark.slow
def test_300_cycles_at_1c_have_two_best_radii_and_both_are_named() -> None:
    """Small crystals have no layered sites left to transform, large ones pass less charge: a valley lies between."""
    study = make_study({"duty": {"rate": "1C", "cycles": 300}, "vary": {"radius_nm": [100, 170, 300, 425, 650]}})
    result = run_study(study, executor="serial")
    assert result.best is not None
    first, second = result.best.maxima
    assert 120 < first.radius_nm < 220
    assert 370 < second.radius_nm < 500
    assert second.below_best < 0.05
    assert first.low_nm < first.radius_nm < first.high_nm < second.low_nm < second.radius_nm < second.high_nm
    transformed = result.column("transformed_part")
    assert transformed[1] == pytest.approx(transformed[:3].max(), abs=0.02)
    assert transformed[3] < 0.9 * transformed[1]
    told = result.to_dict()["best"]
    assert [m["radius_nm"] for m in told["maxima"]] == [first.radius_nm, second.radius_nm]
    assert told["radius_nm"] == first.radius_nm
    words, figure = best_words(result.best), result.figures[0]
    for text in (words, figure.alt):
        assert f"{first.radius_nm:.0f}" in text
        assert f"{second.radius_nm:.0f}" in text
    assert [s["x0"] for s in figure.layout["shapes"]] == [first.low_nm, second.low_nm]


def test_sensitivity_finds_what_matters_and_not_what_does_not() -> None:
    study = make_study(
        {
            "duty": SHORT,
            "vary": {
                "radius_nm": {"low": 200, "high": 1200},
                "Onset of oxygen release [V]": {"low": 4.6, "high": 4.8},
            },
            "sample": {"count": 16},
        }
    )
    found = run_study(study, executor="serial", sensitivity=True).sensitivity
    assert found is not None
    total = dict(zip(found.names, found.total, strict=True))
    assert total["radius_nm"] > 0.8
    assert abs(total["Onset of oxygen release [V]"]) < 0.01, "gas is measured and changes nothing"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"vary": {"radius": [1]}}, "no parameter"),
        ({"vary": {"spread": [1.5]}, "set": "SC"}, "no parameter"),
        ({"vary": {"radius_nm": {"low": 5, "high": 1}}}, "range"),
        ({"vary": {"radius_nm": [1]}, "sample": {"count": 4}}, "ranges"),
        ({"vary": {"radius_nm": [1]}, "set": "XX"}, "parameter set"),
        ({"vary": {"radius_nm": [1]}, "duty": {"low_v": 5.0}}, "window"),
        ({"vary": {}}, "vary"),
    ],
)
def test_impossible_studies_are_refused_with_the_reason(data: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        make_study(data)


def test_studies_are_read_from_yaml_and_toml(tmp_path: Path) -> None:
    yaml = tmp_path / "s.yaml"
    yaml.write_text("duty: {rate: 1C, cycles: 2}\nvary:\n  radius_nm: {low: 100, high: 400, points: 3}\n")
    toml = tmp_path / "s.toml"
    toml.write_text('[duty]\nrate = "1C"\ncycles = 2\n[vary.radius_nm]\nlow = 100\nhigh = 400\npoints = 3\n')
    assert read_study(yaml) == read_study(toml)
    assert Study.model_validate_json(read_study(yaml).model_dump_json(by_alias=True)) == read_study(yaml)
    yaml.write_text("vary: [")
    with pytest.raises(InputError):
        read_study(yaml)


def test_the_verb_answers_which_radius_and_draws_it(tmp_path: Path) -> None:
    page = tmp_path / "size.html"
    asked = ["study", "--rate", "1C", "--cycles", "2", "--executor", "serial", "--json", "-o", str(page)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    best = json.loads(result.stdout)["best"]
    low, high = best["within_1_percent_nm"]
    assert low <= best["radius_nm"] <= high
    assert "Best crystal radius" in page.read_text(encoding="utf-8")


def test_a_duty_runs_on_the_cell_that_its_parameter_set_is_for() -> None:
    """Stack pressure holds contact that parts at once; a solid-state set that ran in a liquid would not feel it."""
    duty = Duty(rate="C/5", cycles=2)
    capacities = [
        duty_figures(
            task_parameters(
                "LiRich_SC_ASSB", duty, {"Stack pressure [MPa]": pressure, "Parting per volume strain": 10.0}
            )
        )["first_capacity_mah_g"]
        for pressure in (1.0, 300.0)
    ]
    assert capacities[1] > capacities[0] + 5.0
    liquid = duty_figures(task_parameters("SC", duty, {}))["first_capacity_mah_g"]
    assert liquid > capacities[1]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("LiRich_SC", "single-particle"),
        ("LiRich_PC_Electrolyte", "with-electrolyte"),
        ("LiRich_SC_Graphite", "full-cell"),
        ("LiRich_PC_ASSB", "solid-state"),
        ("LiRich_SC_Sizes", "size-distribution"),
    ],
)
def test_every_parameter_set_has_its_kind_of_cell(name: str, kind: str) -> None:
    assert of_set(name) is MODELS[kind]


def test_no_cell_is_for_an_unknown_set() -> None:
    with pytest.raises(UnknownNameError):
        of_set("LiRich_XX")


def test_a_stored_simulated_cell_is_studied_with_its_own_numbers(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "ws") as space:
        changes = {"Crystal radius [m]": 3e-7, "Series resistance [Ohm]": 5.0, "Ambient temperature [K]": 318.15}
        space.simulate("PC", "cycling", cycles=1, rate="C/5", changes=changes, cell="warm", one_c_ma_g=280)
        study = cell_study(space.store, "warm", {"rate": "1C", "cycles": 3})
        assert study.parameter_set == "LiRich_PC"
        assert study.fixed == {"Series resistance [Ohm]": 5.0}
        assert (study.duty.temperature_celsius, study.duty.one_c_ma_g) == (45.0, 280.0)
        assert set(study.vary) == {"radius_nm"}
        asked = {"rate": "1C", "cycles": 3, "temperature_celsius": 10.0, "high_v": 4.6}
        assert cell_study(space.store, "warm", asked).duty == Duty(**asked, one_c_ma_g=280)
        write_digitised_cell(tmp_path / "real")
        space.add(tmp_path / "real", executor="serial")
        with pytest.raises(InputError, match="lirich fit"):
            cell_study(space.store, "Kim-2025-LRLO", {"rate": "1C", "cycles": 3})
    asked_of = ["study", "--cell", "warm", "--rate", "1C", "--cycles", "2", "--executor", "serial", "--json"]
    told = json.loads(CliRunner().invoke(app, [*asked_of, "--workspace", str(tmp_path / "ws")]).stdout)
    assert told["study"]["name"] == "radius of warm for 2 cycles at 1C"
    assert told["study"]["fixed"] == {"Series resistance [Ohm]": 5.0}

"""``lirich learn``: every verb in words and as JSON, pages, saved models, and what is refused."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from lirich import cli
from lirich.errors import CorruptStoreError, InputError, NotEnoughDataError, UnknownNameError
from lirich.learn import CurveMatrix, Outliers, StateMap
from lirich.learn.placing import parting, place
from lirich.model import Origin
from lirich.reports import write_report
from lirich.testing import make_laboratory
from lirich.testing.digitised import CELL_KEY, write_digitised_cell
from lirich.workbench import Workspace
from lirich.workbench.learning.models import curve_hashes

CAPACITY = "discharge_specific_capacity_mah_g"


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of five SC and five PC cells over 14 cycles (curve model), the real digitised cell, and a map."""
    root = tmp_path_factory.mktemp("learn-cli")
    make_laboratory(
        root / "files", n_sc=5, n_pc=5, cycles=14, formats=["bdf-parquet"], continued=False, physics="curves"
    )
    write_digitised_cell(root / "files")
    with Workspace.create(root / "ws") as workspace:
        workspace.add(root / "files", executor="serial")
        workspace.analyse(executor="serial")
        workspace.learn.map(executor="serial")
    return root / "ws"


@pytest.fixture
def lirich(learned: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run ``lirich learn …`` in the workspace as a shell does; returns what was printed."""
    monkeypatch.chdir(learned)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LIRICH_WORKSPACE", raising=False)

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["lirich", "learn", *arguments])
        with pytest.raises(SystemExit) as left:
            cli._run()
        told = capsys.readouterr()
        assert left.value.code == code, told.out + told.err
        return told.out if code == 0 or "--json" in arguments else told.err

    return run


def as_json(lirich: Any, *arguments: str, code: int = 0) -> Any:
    return json.loads(lirich(*arguments, "--json", code=code))


def test_a_map_on_which_sc_and_pc_part_and_the_real_cell_has_its_place(lirich: Any, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    told = lirich("map", "-o", str(page), "--executor", "serial")
    assert "10 of 10 cells lie nearest to their own group" in told
    assert CELL_KEY in told
    text = page.read_text(encoding="utf-8")
    assert "State map of 11 cells" in text
    assert "What a score does to dQ/dV" in text
    found = as_json(lirich, "map", "--executor", "serial")
    assert found["groups"] == {"groups": ["PC", "SC"], "cells": 10, "nearest_to_own": 10}
    real = [c for c in found["cells"] if c["cell"] == CELL_KEY]
    assert [c["origin"] for c in real] == ["measured"]
    assert {f["code"] for f in found["findings"]} >= {"unknown-rate", "off-the-map"}
    assert found["curves_learned"] == sum(c["curves"] for c in found["cells"] if c["origin"] == "simulated")


def test_the_real_cell_is_placed_and_does_not_bend_the_map(learned: Path) -> None:
    with Workspace.open(learned) as workspace:
        with_it = workspace.learn.map(name="a", executor="serial").model
        without = workspace.learn.map([c for c in workspace.cells if c != CELL_KEY], name="b", executor="serial").model
        together = workspace.learn.map(name="c", learn_from="all", n_components=2, executor="serial").model
        for name in "abc":
            workspace.learn.forget(name)
    assert np.array_equal(with_it.components_, without.components_)
    assert together.n_curves_ == with_it.n_curves_ + 1


def test_a_cell_of_another_window_has_a_place_with_its_uncertainty(learned: Path) -> None:
    with Workspace.open(learned) as workspace:
        made = workspace.learn.map(grid=np.linspace(3.0, 4.7, 171), n_components=3, name="wide", executor="serial")
        workspace.learn.forget("wide")
    real = made.scores.filter(pl.col("cell") == CELL_KEY)  # its charge ends at 4.50 V
    assert 0.85 < real["shown"].item() < 0.95
    assert 0.0 < real["pc1_sd"].item() < 5.0
    assert made.scores.filter(pl.col("cell") != CELL_KEY)["pc1_sd"].max() == 0.0
    assert any("error_x" in trace for trace in made.figures[0].data)


def test_the_saved_map_is_the_same_and_knows_its_curves(learned: Path) -> None:
    with Workspace.open(learned) as workspace:
        made = workspace.learn.map(name="kept", executor="serial")
        (record,) = [r for r in workspace.learn.models if r.name == "kept"]
        simulated = [c for c in workspace.cells if c != CELL_KEY]
        assert set(record.trained_on) == set(curve_hashes(workspace, pl.DataFrame({"cell": simulated})))
        placed = workspace.learn.place("kept", executor="serial")
        workspace.learn.forget("kept")
    columns = ["cell", "cycle", "pc1", "pc2", "off_map", "learned"]
    assert placed.scores["learned"].any()
    assert not placed.scores["learned"].all()  # the measured cell was not learned from
    assert [f.message for f in placed.findings] == [f.message for f in made.findings]
    assert placed.scores.select(columns).equals(made.scores.select(columns))


def test_completion_is_told_with_its_truth_and_refuses_what_is_no_window(lirich: Any, tmp_path: Path) -> None:
    page = tmp_path / "complete.html"
    found = as_json(
        lirich, "complete", "SC-1", "--cycle", "10", "--window", "3.3:3.9", "-o", str(page), "--save", "completion",
        "--executor", "serial",
    )  # fmt: skip
    assert found["rmse"] < 1.0
    assert found["share_of_truth_in_band"] > 0.8
    assert found["last"]["low"] <= found["last"]["truth"] <= found["last"]["high"]
    assert "Completed curve of SC-1, cycle 10" in page.read_text(encoding="utf-8")
    words = lirich("complete", "SC-1", "--cycle", "10", "--window", "3.3:3.9", "--model", "completion")
    assert words.startswith("SC-1 (simulated), cycle 10")
    again = as_json(lirich, "complete", "SC-1", "--cycle", "10", "--window", "3.3:3.9", "--model", "completion")
    assert again["curve"] == found["curve"]  # learned from the others; kept and loaded it predicts the same
    seen = as_json(lirich, "complete", "SC-2", "--cycle", "10", "--window", "3.3:3.9", "--model", "completion")
    assert {f["code"] for f in seen["findings"]} == {"seen-in-training", "few-cells"}
    assert (again["calibrated"], seen["calibrated"], again["cells_learned"]) == (True, False, 9)
    for window in ("3.9:3.3", "3.3", "a:b", "5:6", "3.3:3.3", "4.4999:4.5"):
        error = as_json(lirich, "complete", "SC-1", "--cycle", "10", "--window", window, code=2)
        assert error["error"] == "InputError", window
    assert "1 to 14" in lirich("complete", "SC-1", "--cycle", "99", code=2)
    few = as_json(lirich, "complete", "SC-1", "--cycle", "10", "--level", "0.95", "--model", "completion", code=2)
    assert (few["error"], few["expected"]) == ("NotEnoughDataError", "at least 19")
    assert "Did you mean 'SC-1'" in lirich("complete", "SC1", "--cycle", "10", code=2)


def test_the_published_basis_completes_the_real_cell(lirich: Any) -> None:
    assert "state-map" in lirich("import", "kim-2025")
    found = as_json(lirich, "complete", CELL_KEY, "--cycle", "2", "--window", "3.3:3.9", "--model", "kim-2025")
    assert found["rmse"] <= 0.9
    assert found["rmse_of_least_squares_on_7"] == pytest.approx(2.37, abs=0.1)
    assert found["calibrated"] is False
    # cells of another physics lie far off the published map: nothing is told
    far = as_json(lirich, "complete", "SC-1", "--cycle", "10", "--window", "3.3:3.9", "--model", "kim-2025")
    assert far["refused"].startswith("cannot tell: the window")
    assert set(far["curve"]["curve"]) == {None}
    assert "is here already" in lirich("import", "kim-2025")
    assert "Kim-2025-LRLO" in lirich("map", "--model", "kim-2025")
    beside = as_json(lirich, "compare", "kim-2025", "map")["components"]
    assert [c["component"] for c in beside] == [1, 2, 3, 4, 5, 6, 7]
    assert beside[0]["shown"] > 0.9  # the curve model's cells differ by capacity, too
    assert all(c["cosine"] == pytest.approx(1.0) for c in as_json(lirich, "compare", "map", "map")["components"])
    assert "most like, of map" in lirich("compare", "kim-2025", "map")
    lirich("models", "--remove", "kim-2025")


def test_forecast_is_of_cells_like_it_and_beside_naive_ones(lirich: Any, tmp_path: Path) -> None:
    page = tmp_path / "forecast.html"
    found = as_json(lirich, "forecast", "SC-1", "--first", "9", "--at", "12,14", "--level", "0.8", "-o", str(page))
    assert [v["conditions"]["cycle"] for v in found["values"]] == [12, 14]
    assert {v["origin"] for v in found["values"]} == {Origin.PREDICTED.value}
    assert "straight line goes on" in page.read_text(encoding="utf-8")
    assert found["origins_of_cells"] == ["simulated"]
    assert "The cells are simulated." in page.read_text(encoding="utf-8")
    told = lirich("forecast", "SC-1", "--first", "9", "--at", "14", "--level", "0.8")
    assert "skill: line" in told
    assert "predicted for simulated cells" in told
    assert "Every cell has reached" not in lirich("forecast", "--at", "500", code=2)
    for wrong in (["--at", "x"], [], ["--at", "14", "--level", "90"], ["--at", "14", "--figure", "capacity"]):
        assert lirich("forecast", *wrong, code=2)


def test_outliers_are_flagged_at_the_rate_and_by_a_saved_detector(lirich: Any, learned: Path, tmp_path: Path) -> None:
    page = tmp_path / "outliers.html"
    found = as_json(lirich, "outliers", "--false-alarms", "0.2", "-o", str(page), "--executor", "serial")
    assert sum(c["flagged"] for c in found["cells"]) == 2  # a fifth of ten, whatever they are
    assert found["origin"] == "simulated"
    assert "10 simulated cells were judged" in page.read_text(encoding="utf-8")
    assert "flagged at a false-alarm rate of 20 %" in page.read_text(encoding="utf-8")
    cells = [f"{m}-{i}" for m in ("SC", "PC") for i in (1, 2, 3, 4)]
    sound = [word for c in cells for word in ("--sound", c)]
    judged = as_json(lirich, "outliers", *sound, "--false-alarms", "0.2", "--save", "detector", "--executor", "serial")
    assert {c["cell"] for c in judged["cells"]} == {"SC-5", "PC-5"}
    again = as_json(lirich, "outliers", "--model", "detector", "--false-alarms", "0.2", "--executor", "serial")
    assert again["cells"] == judged["cells"]
    told = lirich("outliers", "--model", "detector", "--false-alarms", "0.05", code=2)
    assert "at least 19" in told
    with Workspace.open(learned) as workspace:
        assert isinstance(workspace.learn.load("detector"), Outliers)
    assert "expected" in lirich("outliers", "--model", "map", code=2)
    assert "at least 1000" in lirich("outliers", "--false-alarms", "0.001", code=2)
    assert lirich("outliers", "--false-alarms", "5", code=2)


def test_drivers_say_what_they_cannot(lirich: Any, tmp_path: Path) -> None:
    page = tmp_path / "drivers.html"
    found = as_json(lirich, "drivers", "--source", "literature", "--figure", CAPACITY, "-o", str(page))
    assert found["models"][0]["model"] == "mean of the others"
    assert found["origin"] == "literature"
    assert "naive baseline" in page.read_text(encoding="utf-8")
    assert "at least 6" in lirich("drivers", "--figure", "voltage_decay_mv_per_cycle", code=2)


def test_models_are_given_away_and_taken_in(lirich: Any, tmp_path: Path) -> None:
    file = tmp_path / "given.npz"
    lirich("export", "map", str(file))
    assert "state-map" in lirich("import", str(file), "--name", "taken")
    ours, theirs = as_json(lirich, "models")["models"][0], None
    for record in as_json(lirich, "models")["models"]:
        if record["name"] == "taken":
            theirs = record
        elif record["name"] == "map":
            ours = record
    assert theirs is not None
    assert theirs["sha256"] == ours["sha256"]
    assert theirs["trained_on"] == ours["trained_on"]
    assert "is here already" in lirich("import", str(file), "--name", "taken")
    assert "replaced what was there" in lirich("export", "map", str(file))
    other = as_json(lirich, "map", "SC-1", "SC-2", "SC-3", "--name", "taken", "--components", "2")
    assert {"replaced", "few-cells"} <= {f["code"] for f in other["findings"]}
    assert "another model of the name 'taken'" in lirich("import", str(file), "--name", "taken", code=2)
    notes = tmp_path / "notes.npz"
    notes.write_text("my notes")
    assert "is no model" in lirich("export", "map", str(notes), code=2)
    assert notes.read_text() == "my notes"
    lirich("export", "map", str(notes), "--force")
    assert notes.read_bytes()[:2] == b"PK"
    lirich("models", "--remove", "taken")
    assert lirich("export", "nothing", str(file), code=2)
    assert lirich("export", "map", str(tmp_path / "no" / "folder.npz"), code=2)


def test_what_is_no_model_is_refused_without_running_it(lirich: Any, tmp_path: Path) -> None:
    fired = tmp_path / "fired"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (fired,)

    bad = tmp_path / "bad.npz"
    bad.write_bytes(pickle.dumps(Evil()))
    assert as_json(lirich, "import", str(bad), code=2)["error"] == "CorruptStoreError"
    np.savez(bad, a=np.array([Evil()], dtype=object))
    assert as_json(lirich, "import", str(bad), code=2)["error"] == "CorruptStoreError"
    assert not fired.exists()
    good = tmp_path / "good.npz"
    lirich("export", "map", str(good))
    bad.write_bytes(good.read_bytes()[:-2000])
    assert as_json(lirich, "import", str(bad), code=2)["error"] == "CorruptStoreError"
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    assert as_json(lirich, "import", str(table), code=2)["error"] == "MissingColumnError"
    assert as_json(lirich, "import", str(tmp_path / "nothing.npz"), code=2)["error"] == "UnknownNameError"
    assert as_json(lirich, "import", str(tmp_path), code=2)["error"] == "UnknownNameError"


def test_a_map_met_by_other_curves_refuses_or_says_so(learned: Path) -> None:
    with Workspace.open(learned) as workspace:
        with pytest.raises(InputError, match="discharge curves for the model"):
            workspace.learn.place("map", direction="discharge")
        with pytest.raises(InputError, match="its own: 501 points"):
            workspace.learn.place("map", grid=np.linspace(2.5, 3.5, 101))
        with pytest.raises(UnknownNameError, match="Did you mean 'map'"):
            workspace.learn.place("mapp")
        with pytest.raises(NotEnoughDataError, match="No curve is left"):
            workspace.learn.map(grid=np.linspace(4.9, 5.2, 50), executor="serial")
        with pytest.raises(NotEnoughDataError, match="is the only cell"):
            workspace.learn.complete("SC-1", 10, cells=["SC-1"], executor="serial")
        with pytest.raises(NotEnoughDataError, match="too few to complete"):
            workspace.learn.complete("SC-1", 10, cells=["SC-2"], executor="serial")
        with pytest.raises(UnknownNameError, match="origin of cells"):
            workspace.learn.map(learn_from="moon", executor="serial")


def test_the_report_has_the_place_of_the_cells(learned: Path, tmp_path: Path) -> None:
    with Workspace.open(learned) as workspace:
        text = write_report(workspace, tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'id="state-map"' in text
    assert "10 of 10 cells lie nearest to their own group" in text


def test_completion_offers_models(learned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lirich.cli.complete import models

    asked: Any = SimpleNamespace(params={"workspace": learned})
    assert ("map", "state-map") in models(asked, "ma")
    assert models(asked, "zz") == []


def cloud(seed: int = 0) -> tuple[StateMap, Any, Any]:
    """A map of 200 curves of two factors, the curves, and what they are without noise."""
    rng = np.random.default_rng(seed)
    grid = np.linspace(3.0, 4.5, 101)
    shapes = np.array([grid - 3.0, np.exp(-(((grid - 3.6) / 0.2) ** 2))])
    truth = 100 + rng.normal(size=(200, 2)) * [10, 3] @ shapes
    values = truth + rng.normal(size=(200, 101)) * 0.1
    keys = pl.DataFrame({"cell": [f"C{i}" for i in range(200)], "cycle": [1] * 200, "origin": ["simulated"] * 200})
    return StateMap(2).fit(CurveMatrix(values, grid, keys)), values, truth


def test_a_partial_curve_has_a_place_within_its_uncertainty() -> None:
    learned, values, truth = cloud()
    whole = place(learned, values)
    partial = np.array(values)
    partial[:, :40] = np.nan
    found = place(learned, partial)
    off = (found.scores - place(learned, truth).scores) / found.sd
    assert np.isfinite(off).all()
    assert 0.7 < off.std() < 1.3
    assert (whole.sd == 0).all()
    assert np.allclose(whole.scores * np.sqrt(101), (values - learned.mean_) @ learned.components_.T)
    partial[:, 3:] = np.nan
    assert np.isnan(place(learned, partial).scores).all()
    with pytest.raises(InputError, match="101 points"):
        place(learned, values[:, :50])


def test_groups_part_where_they_do_and_do_not_where_they_do_not() -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(40, 2))
    groups = ["SC"] * 20 + ["PC"] * 20
    assert parting(means, groups).right < 30
    means[:20] += 6
    assert parting(means, groups).right == 40
    with pytest.raises(NotEnoughDataError):
        parting(means[:4], groups[:4])


def test_a_corrupt_description_is_refused(learned: Path, tmp_path: Path) -> None:
    from lirich.store.modelfile import ModelContent, pack

    with Workspace.open(learned) as workspace:
        content = workspace.store.models.content("map")
        for told in ({}, {**content.description, "trained_on": ["x"]}, {**content.description, "model": []}):
            file = tmp_path / "m.npz"
            file.write_bytes(pack(ModelContent(content.kind, content.arrays, told)))
            with pytest.raises(CorruptStoreError):
                workspace.learn.take_in(file)
        file.write_bytes(pack(ModelContent("weights", content.arrays, content.description)))
        with pytest.raises(UnknownNameError, match="kind of model"):
            workspace.learn.take_in(file)


def test_a_forecast_is_kept_and_used_on_cells_that_it_was_not_learned_from(lirich: Any) -> None:
    ask = ["forecast", "SC-1", "PC-1", "--first", "9", "--at", "12,14"]
    made = as_json(lirich, *ask, "--level", "0.8", "--save", "capacity")
    plain = as_json(lirich, "forecast", "SC-1", "--first", "9", "--at", "14", "--level", "0.8")
    record = next(m for m in as_json(lirich, "models")["models"] if m["name"] == "capacity")
    assert (record["kind"], len(record["trained_on"])) == ("forecast", 8)
    again = as_json(lirich, "forecast", "SC-1", "--model", "capacity")
    mine = [v for v in made["values"] if v["subject"]["key"] == "SC-1"]
    assert [v["value"] for v in again["values"]] == [v["value"] for v in mine]
    assert again["values"][1]["value"] == pytest.approx(plain["values"][0]["value"], abs=1.0)
    told = lirich("forecast", "SC-2", "--model", "capacity", code=2)
    assert "the model 'capacity' was learned from it" in told
    assert "origin are unlike" in lirich("forecast", CELL_KEY, "--model", "capacity", code=2)
    for wrong in (["--at", "13"], ["--first", "8"], ["--level", "0.9"], ["--figure", "mean_discharge_voltage_v"]):
        assert lirich("forecast", "SC-1", "--model", "capacity", *wrong, code=2)
    assert "first cycles" in lirich("forecast", "SC-1", "--at", "14", "--save", "x", code=2)
    lirich("models", "--remove", "capacity")


def test_what_explains_a_figure_is_kept_with_the_hashes_of_the_published_values(lirich: Any) -> None:
    pytest.importorskip("sklearn")
    made = as_json(lirich, "drivers", "--source", "literature", "--figure", CAPACITY, "--save", "why")
    record = next(m for m in as_json(lirich, "models")["models"] if m["name"] == "why")
    assert record["kind"] == "drivers"
    assert record["trained_on"]
    assert as_json(lirich, "drivers", "--model", "why") == made
    lirich("models", "--remove", "why")


def test_factors_are_read_from_a_table_of_states_and_kept(lirich: Any, learned: Path, tmp_path: Path) -> None:
    with Workspace.open(learned) as workspace:
        parts = [
            workspace.cells[c].cycles.select(
                pl.lit(c).alias("cell"), "cycle", lithium=1e-3 * pl.col("charge_specific_capacity_mah_g")
            )
            for c in workspace.cells
            if c != CELL_KEY
        ]
    pl.concat(parts).write_csv(tmp_path / "states.csv")
    page = tmp_path / "factors.html"
    made = as_json(lirich, "factors", "--states", str(tmp_path / "states.csv"), "-o", str(page), "--save", "meaning",
                   "--executor", "serial")  # fmt: skip
    assert [s["state"] for s in made["states"]] == ["lithium"]
    assert made["states"][0]["r2"] > 0.95  # the capacity of a charge is in the charge
    assert "lithium, read from the curves" in page.read_text(encoding="utf-8")
    real = [c for c in made["curves"] if c["cell"] == CELL_KEY]
    assert [c["learned"] for c in real] == [False]
    assert "other-origin" in {f["code"] for f in made["findings"]}
    told = lirich("factors", "SC-1", "--model", "meaning", "--executor", "serial")
    assert "Read by regressions that were kept" in told
    assert "cannot be read" in lirich("factors", "--states", str(tmp_path / "none.csv"), code=2)
    lirich("models", "--remove", "meaning")


def test_a_level_is_checked_and_a_curve_at_another_rate_than_the_learned_ones_is_named(learned: Path) -> None:
    with Workspace.open(learned) as workspace:
        workspace.learn.complete("SC-1", 10, window=(3.3, 3.9), name="kept", executor="serial")
        with pytest.raises(InputError, match="level"):
            workspace.learn.complete("SC-1", 10, window=(3.3, 3.9), model="kept", level=90.0, executor="serial")
        workspace.learn.forget("kept")
        formation = workspace.learn.complete("SC-1", 2, window=(3.3, 3.9), executor="serial")  # at C/10, not C/2
        ageing = workspace.learn.complete("SC-1", 10, window=(3.3, 3.9), executor="serial")
        first = min(workspace.cells["SC-1"].cycles.filter(pl.col("segment") == "ageing")["cycle"])
        after = workspace.learn.complete("SC-1", first, window=(3.3, 3.9), executor="serial")
        discharge = workspace.learn.complete("SC-1", 10, direction="discharge", window=(3.3, 3.9), executor="serial")
        other = workspace.learn.complete(CELL_KEY, 2, window=(3.3, 3.9), executor="serial")  # real, by simulated ones
    assert "unlike-conditions" in {f.code for f in formation.findings}
    assert not {"unlike-conditions", "unsettled"} & {f.code for f in ageing.findings}
    assert "unsettled" in {f.code for f in after.findings}  # it begins from what the rate test left
    assert (formation.calibrated, after.calibrated, ageing.calibrated) == (False, False, True)
    if not formation.refused:
        assert "not checked on cells" in formation.figures[0].note
    # of a discharge the curve ends at the lowest voltage
    last = discharge.to_dict()["last"]
    assert (last["at"], last["truth"]) == (3.0, pytest.approx(np.nanmax(discharge.truth)))
    assert other.refused.startswith("cannot tell: the window")
    assert np.isnan(other.curve).all()
    assert other.rmse is None


def test_the_axes_of_a_completed_curve_are_those_of_its_kind(learned: Path) -> None:
    with Workspace.open(learned) as workspace:
        found = workspace.learn.complete("SC-1", 10, window=(20.0, 90.0), kind="V(Q)", executor="serial")
    layout = found.figures[0].layout
    assert layout["xaxis"]["title"]["text"] == "Capacity (mAh/g)"
    assert layout["yaxis"]["title"]["text"] == "V (V)"
    assert "to 90.00 mAh/g" in found.figures[0].note

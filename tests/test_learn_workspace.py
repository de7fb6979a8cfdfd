"""Learning on a workspace: what is gathered is what is there, and forecasts are predicted values with their origin."""

from __future__ import annotations

import polars as pl
import pytest

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.model import Cell, Origin, Recipe, Sample
from lirich.store.literature import load
from lirich.testing import make_laboratory
from lirich.workbench import Workspace
from lirich.workbench.learning.drivers import drivers
from lirich.workbench.learning.forecast import forecast
from lirich.workbench.learning.outliers import outliers
from lirich.workbench.learning.states import MEASURED_STATES, measured_states
from lirich.workbench.learning.tables import (
    ageing_cycles,
    cell_figures,
    composition_descriptors,
    fields_of,
    morphologies,
    published_figures,
)

CAPACITY = "discharge_specific_capacity_mah_g"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return ten cells over 16 cycles, of one of which only the first 9 are there."""
    folder = tmp_path_factory.mktemp("learn")
    lab = make_laboratory(folder / "lab", n_sc=5, n_pc=5, cycles=16, formats=["bdf-parquet"], continued=False)
    young = lab.cells["SC-5"]
    table = pl.read_parquet(young.files[0])
    table.filter(pl.col("cycle_count") <= 9).write_parquet(young.files[0])
    made = Workspace.create(folder / "workspace")
    made.add(lab.folder, executor="serial")
    made.analyse(executor="serial")
    whole = Workspace.create(folder / "whole")
    table.write_parquet(folder / "SC-5.bdf.parquet")
    facts = {k: v for k, v in young.facts.items() if k in ("active_mass_mg", "one_c_ma_g", "electrode")}
    whole.add(folder / "SC-5.bdf.parquet", cell="SC-5", facts={**facts, "simulated": True}, executor="serial")
    whole.analyse(executor="serial")
    made.truth = whole.cells["SC-5"].cycles  # type: ignore[attr-defined]
    return made


def test_ageing_cycles_are_settled_ones(workspace: Workspace) -> None:
    table = ageing_cycles(workspace, [CAPACITY])
    assert table["cell"].n_unique() == 10
    assert table["cycle"].min() == 4  # two of formation, and the first at the ageing rate follows unlike ones
    assert set(table["origin"]) == {"simulated"}
    assert table[CAPACITY].null_count() == 0
    with pytest.raises(UnknownNameError, match="capacity"):
        ageing_cycles(workspace, ["capacity_of_nothing"])


def test_a_forecast_is_a_predicted_value_that_finds_the_truth(workspace: Workspace) -> None:
    found = forecast(workspace, CAPACITY, 16)
    (value,) = found.values
    assert (value.subject.key, value.origin, value.conditions.cycle) == ("SC-5", Origin.PREDICTED, 16)
    assert value.conditions.other == {"first_cycles": 9}
    assert value.provenance.parameters["trained_on_cells"] == 9
    assert value.interval is not None
    assert value.interval.low <= value.value <= value.interval.high
    truth = workspace.truth.filter(pl.col("cycle") == 16)[CAPACITY].item()  # type: ignore[attr-defined]
    assert value.value == pytest.approx(truth, abs=1.0)
    assert {f.code for f in found.findings} >= {"few-cells"}


def test_what_cannot_be_forecast_says_why(workspace: Workspace) -> None:
    with pytest.raises(
        NotEnoughDataError, match=r"SC-5: 0 cell\(s\) under like conditions reached cycle 90, and 9 are needed"
    ):
        forecast(workspace, CAPACITY, 90, cells=["SC-5"])
    with pytest.raises(NotEnoughDataError, match="its value is known"):
        forecast(workspace, CAPACITY, 12, cells=["SC-1"])
    with pytest.raises(NotEnoughDataError, match="Every cell has reached cycle 8"):
        forecast(workspace, CAPACITY, 8)
    with pytest.raises(NotEnoughDataError, match="and 19 are needed"):
        forecast(workspace, CAPACITY, 16, level=0.95)
    with pytest.raises(UnknownNameError, match="SC-56"):
        forecast(workspace, CAPACITY, 16, cells=["SC-56"])


def test_measured_states_stand_beside_their_curves(workspace: Workspace) -> None:
    keys = pl.DataFrame({"cell": ["PC-1", "SC-1", "PC-1"], "cycle": [7, 9, 99]})
    states = measured_states(workspace, keys)
    cycles = workspace.cells["SC-1"].cycles
    assert states["mid_voltage_v"][1] == cycles.filter(pl.col("cycle") == 9)["mid_voltage_v"].item()
    assert states.row(2) == (None,) * len(MEASURED_STATES)
    assert morphologies(workspace, ["SC-1", "PC-1", "SC-1"]) == ["SC", "PC", "SC"]


def test_a_cell_weighed_wrongly_is_the_strangest_by_its_scale(workspace: Workspace) -> None:
    mass = workspace.cells["PC-3"].facts.active_mass_mg
    assert mass is not None
    workspace.set_facts("PC-3", {"active_mass_mg": mass / 1.2})
    workspace.analyse(executor="serial")
    grid = [3.0 + 0.02 * i for i in range(71)]
    sound = [cell for cell in workspace.cells if cell != "PC-3"]
    found = outliers(workspace, false_alarms=0.1, sound=sound, by_morphology=False, grid=grid, executor="serial")
    (row,) = found.cells.to_dicts()
    assert (row["cell"], row["flagged"], row["p"]) == ("PC-3", True, pytest.approx(0.1))
    assert row["scale"] == pytest.approx(1.2, abs=0.05)
    assert any(f.code == "few-cells" for f in found.findings)
    some = outliers(workspace, false_alarms=0.15, cells=sound, by_morphology=False, grid=grid, executor="serial")
    assert some.cells.height == 9
    assert not [f for f in some.findings if f.code == "not-judged"]
    everyone = outliers(workspace, false_alarms=0.1, by_morphology=False, grid=grid, executor="serial")
    assert everyone.curves is None
    assert everyone.cells.height == 10
    with pytest.raises(NotEnoughDataError, match=r"10 cell\(s\) to be judged among each other"):
        outliers(workspace, false_alarms=0.01, grid=grid, executor="serial")
    workspace.set_facts("PC-3", {"active_mass_mg": mass})
    workspace.analyse(executor="serial")


def test_a_detector_of_simulated_cells_says_so_of_a_measured_one(workspace: Workspace) -> None:
    sound = [cell for cell in workspace.cells if cell != "PC-3"]
    options = {"false_alarms": 0.1, "by_morphology": False, "executor": "serial"}
    own = outliers(workspace, sound=sound, name="detector", **options)
    again = outliers(workspace, model="detector", **options)
    workspace.set_facts("PC-3", {"simulated": False})
    workspace.analyse(executor="serial")
    other = outliers(workspace, model="detector", **options)
    workspace.set_facts("PC-3", {"simulated": True})
    workspace.analyse(executor="serial")
    assert [f for r in (own, again) for f in r.findings if f.code == "other-origin"] == []
    (said,) = [f for f in other.findings if f.code == "other-origin"]
    assert said.severity == "warning"
    assert said.message.startswith("The cells are measured, and the model 'detector' was learned from simulated cells")
    assert other.cells["p"].to_list() == again.cells["p"].to_list()  # the same curves


def test_two_samples_are_too_few_for_drivers(workspace: Workspace) -> None:
    with pytest.raises(NotEnoughDataError, match=r"2 sample\(s\)"):
        drivers(workspace, "initial_coulombic_efficiency")
    table = cell_figures(workspace, "initial_coulombic_efficiency")
    assert table.height == 10
    assert {"morphology", "li_tm_ratio", "condition_voltage_upper_v", "sample", "particle_diameter_um"} <= set(
        table.columns
    )
    assert not {"active_mass_mg", "simulated", "composition"} & set(table.columns)


def test_measured_and_simulated_cells_are_not_one_question(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = cell_figures(workspace, "initial_coulombic_efficiency").with_columns(
        pl.Series("origin", ["measured"] + ["simulated"] * 9)
    )
    monkeypatch.setattr("lirich.workbench.learning.drivers.cell_figures", lambda *_: mixed)
    with pytest.raises(InputError, match="measured and simulated cells in one question"):
        drivers(workspace, "initial_coulombic_efficiency")


def test_published_values_are_left_out_by_paper_and_are_too_few_to_name_a_field(workspace: Workspace) -> None:
    pytest.importorskip("sklearn")
    table = published_figures(load(), "capacity_retention")
    assert table["paper"].n_unique() < table.height
    assert set(table["morphology"]) == {"SC", "PC", "PC-dense"}
    model = drivers(workspace, "capacity_retention", source="literature").model
    assert not model.beats_baseline_
    assert "no-better-than-the-mean" in {f.code for f in model.findings_}
    with pytest.raises(NotEnoughDataError, match=r"2 paper\(s\)"):
        drivers(workspace, "voltage_decay_mv_per_cycle", source="literature")
    with pytest.raises(UnknownNameError, match="source"):
        drivers(workspace, "capacity_retention", source="papers")  # type: ignore[arg-type]


def test_fields_of_a_sample_and_its_composition() -> None:
    sample = Sample(
        key="a", composition="Li1.2Mn0.54Ni0.13Co0.13O2", dopant="Al", recipe=Recipe(route="salt", extra={"flux_g": 2})
    )
    found = fields_of(Cell(key="c", extra={"operator": "x"}), sample)
    assert found["dopant"] == "Al"
    assert found["route"] == "salt"
    assert found["flux_g"] == 2
    assert found["operator"] == "x"
    assert found["li_tm_ratio"] == pytest.approx(1.5)
    assert found["mn_share"] == pytest.approx(0.675)
    assert found["other_cation_share"] == pytest.approx(0.0)
    assert set(composition_descriptors(None).values()) == {None}
    assert composition_descriptors("Li1.2Mn0.54Ni0.13Co0.08Al0.05O2")["other_cation_share"] == pytest.approx(0.0625)

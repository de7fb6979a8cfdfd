"""Cohorts on the crystal model: what is drawn is what is kept, and what the files hold leads back to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lirich.cells.parameters import polycrystal, single_crystal
from lirich.cells.simulation import check
from lirich.cells.sites import SITES
from lirich.cells.states import CRYSTAL_STATES
from lirich.cycling import analyse, cycle_table
from lirich.errors import InputError, OptionalDependencyError, SimulationError, UnknownNameError
from lirich.model import Cell, Origin, Sample
from lirich.readers import read
from lirich.testing import cohort as cohort_module
from lirich.testing.cohort import Cohort, Scatter, draw_cell, make_cohort
from lirich.testing.cycler import CyclerNoise
from lirich.testing.laboratory import make_laboratory
from lirich.workbench import Workspace

CYCLES = 12


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("cohort"), n_sc=2, n_pc=2, cycles=CYCLES, seed=4, executor="serial")


def test_a_cell_depends_on_seed_and_number_alone(cohort: Cohort, tmp_path: Path) -> None:
    smaller = make_cohort(tmp_path / "one", n_sc=1, n_pc=1, cycles=CYCLES, seed=4, executor="serial")
    for key in ("SC-001", "PC-001"):
        assert (smaller.curves / f"{key}.bdf.parquet").read_bytes() == (
            cohort.curves / f"{key}.bdf.parquet"
        ).read_bytes()
    other = make_cohort(tmp_path / "two", n_sc=1, n_pc=0, cycles=1, seed=5, executor="serial")
    assert other.parameters["Crystal radius [m]"][0] != cohort.parameters["Crystal radius [m]"][0]


def test_what_is_there_is_not_run_again_and_what_is_gone_is(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    task = cohort_module.cohort_task

    def counted(parameters: Mapping[str, Any]) -> dict[str, Any]:
        ran.append(parameters["key"])
        return task(parameters)

    counted.__module__, counted.__qualname__ = task.__module__, task.__qualname__
    monkeypatch.setattr(cohort_module, "cohort_task", counted)
    (cohort.curves / "PC-002.bdf.parquet").unlink()
    again = make_cohort(cohort.folder, n_sc=2, n_pc=2, cycles=CYCLES, seed=4, executor="serial")
    assert ran == ["PC-002"]
    assert again.truth.equals(cohort.truth)


def test_scatter_is_that_which_was_asked_for() -> None:
    asked = Scatter(radius=0.1, weighing=0.01)
    drawn = [draw_cell("SC-1", "SC", np.random.default_rng([9, i]), asked) for i in range(300)]
    for cell in drawn:
        check({**single_crystal(), **cell.parameters})
    radius = np.log([c.parameters["Crystal radius [m]"] / single_crystal()["Crystal radius [m]"] for c in drawn])
    assert radius.mean() == pytest.approx(0.0, abs=0.02)
    assert radius.std() == pytest.approx(0.1, rel=0.15)
    assert all(c.parameters["Crystal radius [m]"] == c.parameters["Particle radius [m]"] for c in drawn)
    weighed = np.log([c.facts["active_mass_mg"] / (1000 * c.parameters["Active mass [g]"]) for c in drawn])
    assert weighed.std() == pytest.approx(0.01, rel=0.15)
    alike = Scatter(**dict.fromkeys(Scatter.__dataclass_fields__, 0.0))
    only_mass = draw_cell("PC-1", "PC", np.random.default_rng(0), alike).parameters
    assert {n for n, v in only_mass.items() if v != pytest.approx(polycrystal()[n])} == {"Active mass [g]"}


def test_noise_is_that_which_was_asked_for_and_leaves_the_truth(cohort: Cohort, tmp_path: Path) -> None:
    asked = CyclerNoise(voltage_v=1e-3, current_share=0.0, voltage_offset_v=0.0, current_gain=0.01)
    noisy = make_cohort(tmp_path, n_sc=1, n_pc=0, cycles=CYCLES, seed=4, noise=asked, executor="serial")
    quiet, other = cohort.table("SC-001"), noisy.table("SC-001")
    assert noisy.truth.equals(cohort.truth.filter(pl.col("cell") == "SC-001").select(noisy.truth.columns))
    difference = (other["voltage_volt"] - quiet["voltage_volt"]).to_numpy()
    assert difference.std() == pytest.approx(1e-3 - 1.5e-4, rel=0.05)  # the same numbers, drawn wider
    assert difference.mean() == pytest.approx(0.0, abs=1e-4)
    running = quiet["current_ampere"].to_numpy() != 0
    gains = (other["current_ampere"].to_numpy()[running]) / quiet["current_ampere"].to_numpy()[running]
    gain = float(np.median(gains))
    assert 0.001 < abs(gain - 1) < 0.04
    counters = [c for c in quiet.columns if "capacity" in c or "energy" in c]
    assert counters
    for name in counters:
        assert other[name].max() == pytest.approx(gain * quiet[name].max(), rel=1e-4)  # type: ignore[operator]
    with pytest.raises(InputError, match="noise voltage_v of -1"):
        CyclerNoise(voltage_v=-1.0)


def test_hidden_states_obey_their_own_laws(cohort: Cohort) -> None:
    truth = cohort.truth
    assert set(CRYSTAL_STATES.values()) < set(truth.columns)
    content = pl.col("connected_lithium") / pl.col("connected_fraction")
    assert truth.select((content - pl.col("lithium_content")).abs().max()).item() < 1e-9
    total = pl.sum_horizontal(*(pl.col(f"{name}_sites") for name in SITES))
    off = truth.select((pl.col("sites_left") - pl.col("connected_fraction") * total).abs().max()).item()
    assert off < 1e-9
    for cell in truth.partition_by("cell"):
        assert cell["cycle"].to_list() == list(range(1, CYCLES + 1))
        for grows in ("spinel_sites", "transformed_sites", "reconstructed_fraction", "oxygen_umol_g"):
            assert (np.diff(cell[grows].to_numpy()) >= 0).all(), grows
        assert (np.diff(cell["connected_fraction"].to_numpy()) <= 0).all()
        # activation takes the plateau once, and a part of its sites goes with the oxygen
        assert cell["plateau_sites"].max() < 0.01  # type: ignore[operator]
        assert cell["lost_sites"][0] > 0.05


def test_the_analysis_of_the_noisy_curves_finds_the_truth(cohort: Cohort) -> None:
    for row in cohort.cells.iter_rows(named=True):
        true_mg = 1000.0 * cohort.parameters.filter(pl.col("cell") == row["cell"])["Active mass [g]"][0]
        assert row["active_mass_mg"] == pytest.approx(true_mg, rel=0.02)
        found = cycle_table(cohort.table(row["cell"]), active_mass_mg=true_mg, electrode="cathode")
        truth = cohort.truth.filter(pl.col("cell") == row["cell"])
        for key, tolerance in (
            ("charge_specific_capacity_mah_g", 0.1),
            ("discharge_specific_capacity_mah_g", 0.1),
            ("mean_charge_voltage_v", 0.002),
            ("mean_discharge_voltage_v", 0.002),
            ("coulombic_efficiency", 0.05),
        ):
            assert np.abs(found[key].to_numpy() - truth[key].to_numpy()).max() < tolerance, key


def test_a_cohort_goes_into_a_workspace_as_simulated(cohort: Cohort, tmp_path: Path) -> None:
    space = Workspace.create(tmp_path / "ws")
    report = space.add(cohort.curves, executor="serial")
    assert sorted(report.cells) == ["PC-001", "PC-002", "SC-001", "SC-002"]
    assert report.failed == []
    assert {space.cells[key].origin for key in report.cells} == {Origin.SIMULATED}
    assert json.loads((cohort.folder / "truth" / "cohort.json").read_text())["simulated"] is True


def test_a_cell_that_cannot_be_run_is_named_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = cohort_module.cohort_task

    def fails(parameters: Mapping[str, Any]) -> dict[str, Any]:
        if parameters["key"] == "SC-001":
            raise SimulationError("The solver failed")
        return task(parameters)

    monkeypatch.setattr(cohort_module, "cohort_task", fails)
    made = make_cohort(tmp_path, n_sc=2, n_pc=0, cycles=1, executor="serial")
    assert [key for key, _ in made.failed] == ["SC-001"]
    assert made.cells["cell"].to_list() == ["SC-002"]


def test_what_cannot_be_a_cohort_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError):
        make_cohort(tmp_path, n_sc=0, n_pc=0)
    with pytest.raises(UnknownNameError, match="bdf-parquet"):
        make_cohort(tmp_path, formats=["bdf-parket"])
    with pytest.raises(InputError, match="radius"):
        Scatter(radius=1.5)
    monkeypatch.setattr("lirich.workbench.extras.find_spec", lambda _: None)
    with pytest.raises(OptionalDependencyError, match=r"extra \[cells\]"):
        make_cohort(tmp_path)
    # the laboratory says what goes without the extra, and puts nothing in its place by itself
    with pytest.raises(OptionalDependencyError, match=r"extra \[cells\].*curves"):
        make_laboratory(tmp_path / "lab", n_sc=1, n_pc=0, cycles=1)
    assert not (tmp_path / "lab").exists()
    light = make_laboratory(tmp_path / "lab", n_sc=1, n_pc=0, cycles=1, physics="curves")
    assert light.truth["model"] == "lirich.testing.curve_model"


# --- the laboratory on this physics ------------------------------------------------------------------------------

# without the activation voltage: the valley of this first charge is flat, at the edge of where it is looked for
TOLERANCES = {
    "initial_coulombic_efficiency": 0.02,
    "voltage_decay_mv_per_cycle": 0.06,
    "structural_voltage_decay_mv_per_cycle": 0.06,
    "capacity_retention": 0.05,
    "energy_retention": 0.05,
    "median_coulombic_efficiency": 0.03,
    "low_voltage_capacity_growth_mah_g_per_cycle": 0.03,
    "rate_recovery": 0.1,
}


def test_vendor_files_of_the_crystal_model_lead_back_to_its_truth(tmp_path: Path) -> None:
    made = make_laboratory(
        tmp_path, n_sc=1, n_pc=1, cycles=40, seed=2, formats=["neware-csv", "maccor-txt"], continued=False,
    )  # fmt: skip
    assert made.truth["model"] == "LiRichSPM of lirich.cells"
    for key, cell in made.cells.items():
        facts = cell.facts
        result = analyse(
            read(cell.files[0]).table,
            Cell(key=key, sample="s", electrode="cathode", active_mass_mg=facts["active_mass_mg"],
                 one_c_ma_g=250.0, nominal_specific_capacity_mah_g=250.0, simulated=True),
            Sample(key="s", composition=facts["composition"], morphology=facts["morphology"]),
        )  # fmt: skip
        found = {v.quantity: v.value for v in reversed(result.values)}
        for quantity, tolerance in TOLERANCES.items():
            truth = cell.truth["figures"][quantity]
            assert found[quantity] == pytest.approx(truth, abs=tolerance), (key, quantity)
        assert dict(zip(result.cycles["cycle"], result.cycles["segment"], strict=True)) == {
            c["cycle"]: c["segment"] for c in cell.truth["cycles"]
        }
        assert len(cell.truth["hidden"]) == 40
        assert set(cell.truth["hidden"][0]) == {"cycle", *CRYSTAL_STATES.values()}
        assert cell.truth["parameters"]["Active mass [g]"] == pytest.approx(facts["active_mass_mg"] / 1000)

"""States of cells read from their curves: what was measured stands beside the right curve, spectra among it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich.cells.spectrum import circuit
from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL
from lirich.model.table import UNIX_TIME, VOLTAGE
from lirich.readers.bdf_impedance import write_bdf_impedance
from lirich.testing import make_laboratory
from lirich.workbench import Workspace
from lirich.workbench.learning.states import measured_states, states_of_table

HERTZ = np.geomspace(1e5, 1e-3, 33)
R_CT = "charge_transfer_resistance_ohm_g"


def resistance_ohm_g(gap_v: float) -> float:
    """A charge-transfer resistance that grows with the voltage gap, Ω·g."""
    return 0.10 + 4.0 * (gap_v - 0.42)


def spectrum(folder: Path, name: str, transfer_ohm: float, unix_second: float, volts: float) -> Path:
    whole = circuit(HERTZ, np.log([4.0, transfer_ohm, 3e-3, 2.0 * transfer_ohm, 900.0]))
    table = pl.DataFrame({FREQUENCY: HERTZ, REAL: whole.real, IMAGINARY: whole.imag}).with_columns(
        pl.lit(volts).alias(VOLTAGE), pl.Series(UNIX_TIME, unix_second + np.arange(len(HERTZ)))
    )
    return write_bdf_impedance(table, folder / f"{name}.bdf.csv")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Ten cells over twelve cycles, each with a spectrum at 3.9 V in one of its last cycles; SC-1 with one at 4.3 V."""
    root = tmp_path_factory.mktemp("learn-states")
    make_laboratory(
        root / "files", n_sc=5, n_pc=5, cycles=12, formats=["bdf-parquet"], continued=False, physics="curves"
    )
    made = Workspace.create(root / "ws")
    made.add(root / "files", executor="serial")
    made.analyse(executor="serial")
    for i, key in enumerate(made.cells):
        view = made.cells[key]
        row = view.cycles.row(by_predicate=pl.col("cycle") == 7 + i % 5, named=True)
        grams = 1e-3 * (view.facts.active_mass_mg or 0.0)
        at = (view.tests[0].start_unix_second or 0.0) + row["start_second"] + 0.9 * row["duration_second"]
        ohm = resistance_ohm_g(row["voltage_gap_v"]) / grams
        files = [spectrum(root, f"{key}-3900", ohm, at, 3.9)]
        if key == "SC-1":
            files.append(spectrum(root, f"{key}-4300", 7 * ohm, at + 100.0, 4.3))
        made.add(files, cell=key, executor="serial")
    made.analyse(executor="serial")
    made.learn.map(n_components=2, executor="serial")
    return made


def test_a_resistance_by_impedance_stands_beside_the_cycle_it_was_taken_in(lab: Workspace) -> None:
    keys = pl.DataFrame({"cell": ["SC-1"] * 12, "cycle": range(1, 13)})
    found = measured_states(lab, keys)
    gap = found["voltage_gap_v"]
    (there,) = np.flatnonzero(found[R_CT].is_not_null())
    cycle = 7 + list(lab.cells).index("SC-1") % 5
    assert there + 1 == cycle
    assert found[R_CT][int(there)] == pytest.approx(resistance_ohm_g(gap[int(there)]), rel=0.03)  # not that at 4.3 V
    grams = 1e-3 * (lab.cells["SC-1"].facts.active_mass_mg or 0.0)
    ohm = lab.cells["SC-1"].cycles["end_resistance_ohm"]
    assert found["end_resistance_ohm_g"].to_list() == pytest.approx((ohm * grams).to_list())
    other_run = measured_states(lab, keys.with_columns(run=pl.lit(0)), ["mid_voltage_v"])
    assert other_run["mid_voltage_v"].equals(found["mid_voltage_v"])
    with pytest.raises(UnknownNameError, match="voltage_gap_v"):
        measured_states(lab, keys, ["voltage_gap"])


def test_the_charge_transfer_resistance_is_read_from_curves_of_cells_left_out(lab: Workspace) -> None:
    found = lab.learn.factors(states=[R_CT, "voltage_gap_v"], degree=1, level=0.8, executor="serial", name="meaning")
    r2 = dict(found.model.table_.select("state", "r2").iter_rows())
    assert r2["voltage_gap_v"] > 0.9
    assert r2[R_CT] > 0.8  # a line of the gap
    row = found.model.table_.row(by_predicate=pl.col("state") == R_CT, named=True)
    assert (row["cells"], row["curves"]) == (10, 10)
    assert {f.code for f in found.findings} >= {"resistance-at-a-voltage", "few-cells"}
    truth = resistance_ohm_g(1.0) - resistance_ohm_g(0.0)
    slope = np.polyfit(found.curves["voltage_gap_v"], found.curves[f"{R_CT}_read"], 1)[0]
    assert slope == pytest.approx(truth, rel=0.25)
    assert found.meaning["state"].unique().to_list() == ["voltage_gap_v"]  # a resistance is known too seldom
    assert found.figures[0].title.startswith("How well states are read")
    again = lab.learn.factors(model="meaning", cells=["PC-2"], states=["voltage_gap_v"], executor="serial")
    own = found.curves.filter(pl.col("cell") == "PC-2")
    assert again.curves[f"{R_CT}_read"].to_list() == own[f"{R_CT}_read"].to_list()
    assert not again.curves["learned"].any()
    lab.learn.map(n_components=3, executor="serial")
    with pytest.raises(InputError, match="another than that which 'meaning' was learned on"):
        lab.learn.factors(model="meaning", executor="serial")
    lab.learn.map(n_components=2, executor="serial")


def test_states_of_ones_own_stand_beside_their_curves(lab: Workspace) -> None:
    keys = pl.DataFrame({"cell": ["b", "a", "a"], "cycle": [1, 2, 1]})
    by_cycle = pl.DataFrame({"cell": ["a", "a"], "cycle": [1, 2], "spinel": [0.1, 0.2], "remark": ["x", "y"]})
    assert states_of_table(by_cycle, keys, "table").to_dict(as_series=False) == {"spinel": [None, 0.2, 0.1]}
    by_cell = pl.DataFrame({"cell": ["a", "b"], "radius": [1, 2]})
    assert states_of_table(by_cell, keys, "table")["radius"].to_list() == [2, 1, 1]
    for wrong in (by_cycle.drop("cell"), by_cycle.select("cell", "cycle"), pl.concat([by_cycle, by_cycle])):
        with pytest.raises(InputError):
            states_of_table(wrong, keys, "table")
    own = pl.DataFrame({"cell": list(lab.cells), "number": range(10)})
    table = lab.learn.factors(states=own, level=0.8, executor="serial").model.table_
    assert table["state"].to_list() == ["number"]
    with pytest.raises(NotEnoughDataError, match="No state of number is known"):
        lab.learn.factors(
            states=own.with_columns(cell=pl.lit("x") + pl.col("number").cast(pl.String)), executor="serial"
        )
    with pytest.raises(NotEnoughDataError, match="known in 3 cell"):
        lab.learn.factors(states=own.head(3), executor="serial")


def test_runs_of_one_cell_stay_apart(tmp_path: Path) -> None:
    """SC-1 has a second run at the same time: nine cycles of SC-2, 1 mV higher (else it is a test of SC-2)."""
    lab = make_laboratory(
        tmp_path / "files", n_sc=3, n_pc=3, cycles=12, formats=["bdf-parquet"], continued=False, physics="curves"
    )
    space = Workspace.create(tmp_path / "ws")
    space.add(lab.folder, executor="serial")
    second = tmp_path / "again.bdf.parquet"
    other = pl.read_parquet(lab.cells["SC-2"].files[0]).filter(pl.col("cycle_count") <= 9)
    other.with_columns(pl.col("voltage_volt") + 0.001).write_parquet(second)
    space.add(second, cell="SC-1", executor="serial")
    space.analyse(executor="serial")
    keys = pl.DataFrame({"cell": ["SC-1"] * 3, "cycle": [7, 7, 11], "run": [0, 1, 1]})
    volts = measured_states(space, keys, ["mid_voltage_v"])["mid_voltage_v"]
    of = {c: space.cells[c].cycles.filter(pl.col("cycle") == 7)["mid_voltage_v"].item() for c in ("SC-1", "SC-2")}
    assert volts.to_list() == [of["SC-1"], pytest.approx(of["SC-2"] + 0.001, abs=1e-9), None]
    found = space.learn.outliers(false_alarms=0.2, executor="serial")
    assert len(set(found.cells["curves"])) == 1  # SC-1 is judged by its longest run, once

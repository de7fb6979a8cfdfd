"""The text, spreadsheet and database readers on real files: units, sign, counters, clocks, and what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich.model import Severity
from lirich.model import table as std
from lirich.readers.arbin import ArbinResReader, ArbinTextReader
from lirich.readers.base import HEAD_BYTES, Reader, Reading
from lirich.readers.basytec import BasytecReader
from lirich.readers.bdf import BdfReader
from lirich.readers.landt import LandtReader
from lirich.readers.maccor import MaccorReader
from lirich.readers.mapped import MappedReader
from lirich.readers.neware_text import NewareTextReader
from lirich.readers.table import TableReader

pytestmark = pytest.mark.data


def charges(reading: Reading) -> tuple[float, float]:
    """∫I dt of the table, charged and discharged, Ah: trapezoids within steps, none over their borders."""
    table = reading.table
    time, current = table[std.TIME].to_numpy(), table[std.CURRENT].to_numpy()
    moved = 0.5 * (current[1:] + current[:-1]) * np.diff(time) / 3600
    if std.STEP in table.columns:
        step = table[std.STEP].to_numpy()
        # A step's first record: its current has flowed since the step began.
        moved = np.where(step[1:] == step[:-1], moved, current[1:] * np.diff(time) / 3600)
    return float(moved[moved > 0].sum()), float(-moved[moved < 0].sum())


def counters(reading: Reading) -> tuple[float, float]:
    table = reading.table
    return tuple(float(table[c][-1] - table[c][0]) for c in (std.CHARGED, std.DISCHARGED))


def codes(reading: Reading) -> set[str]:
    return {finding.code for finding in reading.findings}


def never_resets(reading: Reading) -> bool:
    names = (std.CHARGED, std.DISCHARGED, std.CHARGED_ENERGY, std.DISCHARGED_ENERGY)
    return all(bool((reading.table[c].diff().drop_nulls() >= -1e-9).all()) for c in names if c in reading.table)


@pytest.mark.parametrize(
    ("name", "reader", "rows", "tolerance"),
    [
        ("maccor_M50_0degC.txt", MaccorReader(), 6704, 0.002),
        ("neware_export_uio.csv", NewareTextReader(), 9065, 0.0005),
        ("arbin_export_gr_li_channel11.xlsx", ArbinTextReader(), 4526, 0.0005),
        ("arbin_example_halfcell_3.0-4.3V.res", ArbinResReader(), 2150, 0.01),
        # The Landt file rounds 0.17 mA to 0.2 mA; the counters have four digits.
        ("landt_LiGrR2032.csv", LandtReader(), 25162, 0.15),
    ],
)
def test_counters_are_the_integral_of_the_current(
    shared_data: Path, name: str, reader: Reader, rows: int, tolerance: float
) -> None:
    reading = reader.read(shared_data / "cycling" / name)
    assert reading.table.height == rows
    assert never_resets(reading)
    assert counters(reading) == pytest.approx(charges(reading), rel=tolerance)
    assert not [f for f in reading.findings if f.severity is not Severity.INFO]


def test_maccor_currents_get_their_sign_and_its_sensors_are_missing(shared_data: Path) -> None:
    reading = MaccorReader().read(shared_data / "cycling" / "maccor_M50_0degC.txt")
    table = reading.table
    discharge = table.filter(pl.col(std.STEP_TYPE) == "D")[std.CURRENT]
    charge = table.filter(pl.col(std.STEP_TYPE) == "C")[std.CURRENT]
    assert (discharge < 0).all()
    assert (charge > 0).all()
    # Sum of the last "Amp-hr" of each step of the file: D 0.63781 + 4.54403 + 4.354 + 4.28448 + 3.54279.
    assert counters(reading)[1] == pytest.approx(17.36311, abs=1e-5)
    assert counters(reading)[0] == pytest.approx(
        3.36871 + 1.15388 + 3.35664 + 1.15991 + 3.17303 + 1.15305 + 3.11128 + 1.1471, abs=1e-5
    )
    assert std.CELL_TEMPERATURE not in table.columns
    assert "no-temperature-sensor" in codes(reading)
    # 2d 02:52:51.57, and the month comes first: 11 December 2020 12:22:12.
    assert table[std.TIME][-1] == pytest.approx(2 * 86400 + 2 * 3600 + 52 * 60 + 51.57, abs=1e-6)
    assert table[std.UNIX_TIME][0] == 1607689332.0
    assert table[std.STEP].n_unique() == 24
    assert reading.metadata["Filename"] == "M50_Validation_0deg_01"
    assert "Aux #1" in reading.unrecognised


def test_neware_mass_follows_from_two_capacity_columns(shared_data: Path) -> None:
    reading = NewareTextReader().read(shared_data / "cycling" / "neware_export_uio.csv")
    # 0.00450942 Ah and 2167.99 mAh/g stand in one row of the file.
    assert reading.metadata["active_mass_mg"] == pytest.approx(4.50942 / 2167.99 * 1e3, rel=1e-3)
    assert reading.table[std.CYCLE].max() == 4
    assert reading.table[std.TIME][-1] == 144 * 3600 + 2 * 60 + 18
    assert reading.table[std.UNIX_TIME][0] == 1652891272.0
    first = {m.column: m.source for m in reading.recognised}
    assert first[std.TIME] == "Cumulative Time"
    assert first[std.CHARGED] == "Chg. Cap.(Ah)"
    assert set(reading.table[std.STEP_TYPE].unique()) == {"Rest", "CC Chg", "CC DChg"}


def test_arbin_half_cell_has_the_efficiency_that_navani_gives(shared_data: Path) -> None:
    table = ArbinResReader().read(shared_data / "cycling" / "arbin_example_halfcell_3.0-4.3V.res").table
    first = table.filter(pl.col(std.CYCLE) == 1)
    charged, discharged = (first[c][-1] - first[c][0] for c in (std.CHARGED, std.DISCHARGED))
    assert 100 * discharged / charged == pytest.approx(98.3, abs=0.05)  # MANIFEST.md
    energy = {c: float(first[c][-1] - first[c][0]) for c in (std.CHARGED_ENERGY, std.DISCHARGED_ENERGY)}
    assert energy[std.CHARGED_ENERGY] / charged == pytest.approx(4.016, abs=0.003)
    assert energy[std.DISCHARGED_ENERGY] / discharged == pytest.approx(3.970, abs=0.003)


def test_res_values_are_those_of_access_parser(shared_data: Path) -> None:
    access_parser = pytest.importorskip("access_parser")
    path = shared_data / "cycling" / "arbin_example_halfcell_3.0-4.3V.res"
    oracle = access_parser.AccessParser(str(path)).parse_table("Channel_Normal_Table")
    order = np.argsort(oracle["Data_Point"])
    table = ArbinResReader().read(path).table
    for ours, theirs in {
        std.TIME: "Test_Time",
        std.VOLTAGE: "Voltage",
        std.CURRENT: "Current",
        std.CYCLE: "Cycle_Index",
        std.STEP_INDEX: "Step_Index",
    }.items():
        assert np.array_equal(table[ours].to_numpy(), np.asarray(oracle[theirs], dtype=float)[order]), ours
    days = np.asarray(oracle["DateTime"], dtype=float)[order]
    assert np.allclose(table[std.UNIX_TIME].to_numpy(), (days - 25569) * 86400, atol=1e-5)


@pytest.mark.parametrize("name", ["basytec_LiLNMO_pOCV_halfcell.bdf.csv", "neware_rate_SLPBA842124HV_TimeBug.bdf.csv"])
def test_the_files_with_wrong_time_are_read_as_they_are(shared_data: Path, name: str) -> None:
    path = shared_data / "cycling" / name
    table = BdfReader().read(path).table
    plain = pl.read_csv(path)
    assert table[std.TIME].equals(plain[std.TIME].cast(pl.Float64).alias(std.TIME))
    assert table[std.VOLTAGE].equals(plain[std.VOLTAGE].alias(std.VOLTAGE))
    assert table[std.CURRENT].equals(plain[std.CURRENT].cast(pl.Float64).alias(std.CURRENT))


def test_landt_keeps_cycles_clock_and_says_that_there_is_no_sensor(shared_data: Path) -> None:
    reading = LandtReader().read(shared_data / "cycling" / "landt_LiGrR2032.csv")
    table = reading.table
    assert counters(reading) == pytest.approx((0.0032, 0.0063 + 0.0013), abs=1e-9)
    clock = table[std.UNIX_TIME].to_numpy() - table[std.UNIX_TIME][0]
    assert np.abs(clock - table[std.TIME].to_numpy()).max() < 2.0
    assert std.CELL_TEMPERATURE not in table.columns
    assert "no-temperature-sensor" in codes(reading)
    assert "Pressure_Psi" in reading.unrecognised


def test_ampworks_tables_are_recognised_by_their_headers(shared_data: Path) -> None:
    folder = shared_data / "cycling"
    for name in ("gitt_discharge_thinned", "ici_discharge", "hppc_discharge", "dqdv_cell1_rough", "dqdv_gr_smooth"):
        path = folder / f"ampworks_{name}.csv"
        with path.open("rb") as file:
            recognition = TableReader().sniff(path, file.read(HEAD_BYTES))
        assert recognition is not None
        assert recognition.confidence <= 0.5
        reading = TableReader().read(path)
        assert reading.table.height == len(path.read_text().strip().split("\n")) - 1
        assert "current-sign-doubtful" not in codes(reading), name  # the voltage falls while it is negative
    hppc = TableReader().read(folder / "ampworks_hppc_discharge.csv")
    # Its "Ah" counts down in the charge pulses.
    assert counters(hppc) == pytest.approx(charges(hppc), rel=1e-4)


READERS = (
    MappedReader(),
    BdfReader(),
    NewareTextReader(),
    ArbinTextReader(),
    ArbinResReader(),
    MaccorReader(),
    LandtReader(),
    BasytecReader(),
    TableReader(),
)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("maccor_M50_0degC.txt", "maccor"),
        ("neware_export_uio.csv", "neware-text"),
        ("landt_LiGrR2032.csv", "landt"),
        ("arbin_export_gr_li_channel11.xlsx", "arbin-text"),
        ("arbin_example_halfcell_3.0-4.3V.res", "arbin-res"),
        ("basytec_LiLNMO_pOCV_halfcell.bdf.csv", "bdf"),
        ("ampworks_ici_discharge.csv", "table"),
        ("lrlo_pca_mean_and_loadings_digitized.csv", None),
        ("neware_1.5-4.4V_1cycle.ndax", None),
        ("biologic_gcpl_5cycles_2.0-3.8V.mpr", None),
        ("LICENSE.MIT.txt", None),
    ],
)
def test_each_file_has_one_owner(shared_data: Path, name: str, owner: str | None) -> None:
    path = shared_data / "cycling" / name
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    said = {r.name: s.confidence for r in READERS if (s := r.sniff(path, head)) is not None}
    best = max(said, key=lambda n: said[n], default=None)
    assert best == owner
    assert all(said[best] > c + 0.2 for n, c in said.items() if n != best)

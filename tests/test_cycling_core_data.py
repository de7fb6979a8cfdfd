"""Real files: cycles, capacities and protocol agree with the cycler's own columns and with published numbers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich import Workspace
from lirich.cycling import CyclingResult, analyse, cycle_table
from lirich.model import Cell, Electrode, Sample
from lirich.readers import read

pytestmark = pytest.mark.data

LI_RICH = Sample(key="LRLO", composition="Li1.2Mn0.54Ni0.13Co0.13O2")


@lru_cache(maxsize=4)
def loaded(path: Path, repairs: tuple[str, ...] = ()) -> pl.DataFrame:
    return read(path, repairs=repairs).table


def analysed(path: Path, electrode: Electrode | None, repairs: tuple[str, ...] = ()) -> CyclingResult:
    return analyse(loaded(path, repairs), Cell(key=path.stem, electrode=electrode))


def kinds(result: CyclingResult) -> list[tuple[str, int, int]]:
    return [(s.kind, s.first_cycle, s.last_cycle) for s in result.segments if s.purpose]


def digitised(path: Path) -> pl.DataFrame:
    """The digitised curves as a standard table: 1 mAh/g of 1 g is 1 mAh."""
    frame = pl.read_csv(path)
    capacity = frame["capacity_mAh_g"].to_numpy() / 1000
    charging = (frame["direction"] == "charge").to_numpy()
    step = np.append(0.0, np.diff(capacity))
    step[np.append(True, np.diff(frame["cycle"].to_numpy() * 2 + charging) != 0)] = 0.0
    return pl.DataFrame(
        {
            "voltage_volt": frame["voltage_V"],
            "cycle_count": frame["cycle"],
            "charging_capacity_ah": np.cumsum(np.where(charging, step, 0.0)),
            "discharging_capacity_ah": np.cumsum(np.where(charging, 0.0, step)),
        }
    )


@pytest.fixture(scope="module")
def li_rich(shared_data: Path) -> CyclingResult:
    table = digitised(shared_data / "cycling" / "lrlo_posco_cycle1_cycle10_digitized.csv")
    return analyse(table, Cell(key="LRLO", electrode="cathode", active_mass_mg=1000.0), LI_RICH)


def test_digitised_li_rich_cell_cycle_1(li_rich: CyclingResult) -> None:
    row = li_rich.cycles.row(0, named=True)
    assert row["cycle_number"] == 1
    assert row["charge_specific_capacity_mah_g"] == pytest.approx(280.0, abs=0.3)
    assert row["discharge_specific_capacity_mah_g"] == pytest.approx(233.5, abs=0.3)
    assert row["coulombic_efficiency"] == pytest.approx(83.4, abs=0.3)
    assert row["mean_charge_voltage_v"] == pytest.approx(4.245, abs=0.003)
    assert row["mean_discharge_voltage_v"] == pytest.approx(3.739, abs=0.003)
    assert row["high_voltage_capacity_mah_g"] == pytest.approx(120.0, abs=3.0)
    assert row["low_voltage_capacity_mah_g"] == pytest.approx(62.3, abs=1.5)


def test_digitised_li_rich_cell_cycle_10(li_rich: CyclingResult) -> None:
    row = li_rich.cycles.row(1, named=True)
    assert (row["cycle"], row["cycle_number"], row["vendor_cycle_first"]) == (2, 10, 10)
    assert row["charge_specific_capacity_mah_g"] == pytest.approx(172.3, abs=0.3)
    assert row["discharge_specific_capacity_mah_g"] == pytest.approx(170.6, abs=0.3)
    assert row["coulombic_efficiency"] == pytest.approx(99.0, abs=0.3)
    assert row["mean_charge_voltage_v"] == pytest.approx(3.948, abs=0.003)
    assert row["mean_discharge_voltage_v"] == pytest.approx(3.692, abs=0.003)
    assert row["low_voltage_capacity_mah_g"] == pytest.approx(43.0, abs=1.5)


def test_digitised_values_say_cycle_window_and_that_they_are_unlike(li_rich: CyclingResult) -> None:
    def of(quantity: str, cycle: int) -> list:  # type: ignore[type-arg]
        return [v for v in li_rich.values if v.quantity == quantity and v.conditions.cycle == cycle]

    (first,), (tenth,) = of("mean_discharge_voltage_v", 1), of("mean_discharge_voltage_v", 10)
    assert first.conditions.voltage_upper_v == pytest.approx(4.704)
    assert tenth.conditions.voltage_upper_v == pytest.approx(4.5049)
    assert tenth.conditions.other == {"vendor_cycle": 10, "own_cycle": 2}
    assert first.flags == ("unlike-upper-voltage",)
    assert "voltage_upper_v" in first.conditions.unlike(tenth.conditions)
    assert {"unlike-conditions", "cycles-left-out"} <= {f.code for f in li_rich.findings}
    assert not [v for v in li_rich.values if "decay" in v.quantity or "retention" in v.quantity]
    (ice,) = [v for v in li_rich.values if v.quantity == "initial_coulombic_efficiency"]
    assert ice.value == pytest.approx(83.4, abs=0.3)


def test_neware_22_cycles_of_a_rate_test(shared_data: Path) -> None:
    path = shared_data / "cycling" / "neware_BTS85-36_22cycles_1.4-3.4V.ndax"
    table = loaded(path)
    result = analysed(path, "cathode")
    assert result.cycles["cycle"].to_list() == list(range(1, 23))
    assert result.cycles["complete"].to_list() == [True] * 21 + [False]
    assert kinds(result) == [("rate_test", 1, 22)]
    # the cycler's capacity of every charge and discharge step: its own accumulators, reset at each step
    steps = table.group_by("step_count", maintain_order=True).agg(
        pl.col("charging_capacity_ah").max() - pl.col("charging_capacity_ah").min(),
        pl.col("discharging_capacity_ah").max() - pl.col("discharging_capacity_ah").min(),
    )
    for side in ("charging", "discharging"):
        vendor = 1e3 * steps[f"{side}_capacity_ah"].filter(steps[f"{side}_capacity_ah"] > 0)
        own = result.cycles["charge_capacity_mah" if side == "charging" else "discharge_capacity_mah"]
        assert own.to_list()[: len(vendor)] == pytest.approx(vendor.to_list(), rel=1e-5)
    by_current = cycle_table(table.drop("charging_capacity_ah", "discharging_capacity_ah"))
    assert by_current["discharge_capacity_mah"].to_list()[:21] == pytest.approx(
        result.cycles["discharge_capacity_mah"].to_list()[:21], rel=5e-4
    )
    assert result.cycles["discharge_energy_mwh"].to_list()[0] == pytest.approx(
        1e3 * float(table.filter(pl.col("step_count") == 3)["discharging_energy_wh"].max() or 0.0), rel=1e-3
    )


def test_neware_export_with_three_discharge_rates_in_one_cycle(shared_data: Path) -> None:
    path = shared_data / "cycling" / "neware_export_uio.csv"
    result = analysed(path, "anode")
    # the programme's third loop holds a slow and a fast cycle; the cycler counts them as one
    assert result.cycles["vendor_cycle_first"].to_list() == [1, 2, 3, 3, 4]
    assert result.cycles["complete"].to_list() == [True, True, True, True, False]
    assert kinds(result) == [("formation", 1, 3), ("ageing", 4, 5)]
    assert result.cycles["coulombic_efficiency"][0] == pytest.approx(83.545, abs=0.01)
    exported = pl.read_csv(path, infer_schema_length=20_000)
    by_step = exported.group_by(pl.struct("Cycle Index", "Step Index").rle_id()).agg(pl.col("DChg. Cap.(Ah)").max())
    assert result.cycles["discharge_capacity_mah"].sum() == pytest.approx(
        1e3 * by_step["DChg. Cap.(Ah)"].sum(), rel=1e-4
    )


def test_neware_one_cccv_cycle(shared_data: Path) -> None:
    result = analysed(shared_data / "cycling" / "neware_1.5-4.4V_1cycle.ndax", None)
    row = result.cycles.row(0, named=True)
    assert (row["charge_capacity_mah"], row["discharge_capacity_mah"]) == pytest.approx((0.593039, 0.625451), rel=1e-5)
    assert row["constant_voltage_share"] == pytest.approx(26.6, abs=0.5)
    assert "missing-electrode" in {f.code for f in result.findings}


def test_maccor_rate_test_after_a_discharge(shared_data: Path) -> None:
    result = analysed(shared_data / "cycling" / "maccor_M50_0degC.txt", "full")
    assert result.cycles["cycle"].to_list() == [0, 1, 2, 3, 4]
    assert kinds(result) == [("conditioning", 0, 0), ("rate_test", 1, 4)]
    assert result.cycles["discharge_current_ma"].to_list() == pytest.approx([500, 500, 2500, 5000, 10_000], rel=1e-3)
    assert [s.kind for s in result.segments if not s.purpose].count("cv") == 1
    assert sum(v.quantity == "rate_capability" for v in result.values) == 4


def test_landt_graphite_with_capacity_in_four_digits(shared_data: Path) -> None:
    result = analysed(shared_data / "cycling" / "landt_LiGrR2032.csv", "anode")
    row = result.cycles.row(0, named=True)
    # the current is written as 0.0002 A, the capacity as 0.0063 and 0.0032 Ah
    assert (row["discharge_capacity_mah"], row["charge_capacity_mah"]) == pytest.approx((6.3, 3.2), abs=1e-6)
    assert row["coulombic_efficiency"] == pytest.approx(100 * 3.2 / 6.3)
    assert "coarse-capacity-columns" in {f.code for f in result.findings}
    half = result.half_cycle(1, "discharge")
    assert half is not None
    assert np.count_nonzero(np.diff(half.capacity_mah) > 0) > 10_000


def test_gcpl_of_a_biologic(shared_data: Path) -> None:
    pytest.importorskip("galvani")
    result = analysed(shared_data / "cycling" / "biologic_gcpl_5cycles_2.0-3.8V.mpr", None)
    assert kinds(result) == [("conditioning", 0, 0), ("ageing", 1, 6)]
    from galvani.BioLogic import MPRfile

    data = MPRfile(str(shared_data / "cycling" / "biologic_gcpl_5cycles_2.0-3.8V.mpr")).data
    per_half = np.abs(np.bincount(data["half cycle"], weights=data["dq/mA.h"]))
    own = np.array([[h.capacity_mah[-1]] for h in result.half_cycles()]).ravel()
    assert own == pytest.approx(per_half[per_half > 1e-3][: len(own)], rel=2e-3)


@pytest.mark.parametrize(
    ("name", "kind", "capacity"),
    [
        ("ampworks_gitt_discharge_thinned.csv", "gitt", 20.8156),
        ("ampworks_ici_discharge.csv", "ici", 20.6976),
        ("ampworks_hppc_discharge.csv", "pulse", 3.2625),
        ("ampworks_dqdv_cell1_rough.csv", "pseudo_ocv", 22.0557),
        ("ampworks_dqdv_nmc_smooth.csv", "pseudo_ocv", 37.0086),
    ],
)
def test_discharges_of_ampworks(shared_data: Path, name: str, kind: str, capacity: float) -> None:
    frame = pl.read_csv(shared_data / "cycling" / name, infer_schema_length=60_000)
    table = frame.select(
        test_time_second=pl.col("Seconds").cast(pl.Float64),
        voltage_volt="Volts",
        current_ampere=pl.col("Amps").cast(pl.Float64),
    )
    result = analyse(table, Cell(key="a", electrode="full"))
    assert kinds(result) == [(kind, 1, 1)]
    assert result.cycles["discharge_capacity_mah"][0] == pytest.approx(capacity, rel=1e-4)
    if "Ah" in frame.columns and kind == "pseudo_ocv":
        assert result.cycles["discharge_capacity_mah"][0] == pytest.approx(1e3 * frame["Ah"].max(), rel=1e-3)  # type: ignore[operator]
    if kind == "pulse":
        assert result.cycles["charge_capacity_mah"][0] == pytest.approx(9 * 2.4 * 10 / 3600, rel=1e-3)
    assert "missing-particle-diameter-um" in {f.code for f in result.findings} or kind not in ("gitt", "ici")


def test_pseudo_ocv_after_the_time_is_repaired(shared_data: Path) -> None:
    """The file's own time is in units of 3,600 s; the cell runs C/20, a charge and a discharge of 19 h."""
    reading = read(shared_data / "cycling" / "basytec_LiLNMO_pOCV_halfcell.bdf.csv", repairs=["time-3600x"])
    result = analyse(reading.table, Cell(key="LNMO", electrode="cathode"))
    assert kinds(result) == [("conditioning", 0, 0), ("pseudo_ocv", 1, 1)]
    row = result.cycles.row(1, named=True)
    # 0.3297 mA for 19.1 h and 18.7 h, without the repair 3,600 times as long
    assert row["charge_duration_second"] == pytest.approx(247_158_272 / 3600, rel=1e-4)
    assert row["charge_capacity_mah"] == pytest.approx(0.32971 * 247_158_272 / 3600 / 3600, rel=1e-3)
    assert row["coulombic_efficiency"] == pytest.approx(98.19, abs=0.05)
    assert row["mean_charge_voltage_v"] == pytest.approx(4.603, abs=0.003)


def test_pseudo_ocv_is_found_through_the_verbs(shared_data: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    path = shared_data / "cycling" / "basytec_LiLNMO_pOCV_halfcell.bdf.csv"
    workspace.add([path], repairs=["time-3600x"])
    workspace.analyse()
    (cell,) = workspace.cells.values()
    found = [(s.kind, s.first_cycle, s.last_cycle) for s in cell.segments if s.purpose]
    assert found == [("conditioning", 0, 0), ("pseudo_ocv", 1, 1)]


def test_rate_test_with_glitches_in_the_time(shared_data: Path) -> None:
    path = shared_data / "cycling" / "neware_rate_SLPBA842124HV_TimeBug.bdf.csv"
    frame = pl.read_csv(path, infer_schema_length=20_000)
    result = analyse(frame, Cell(key="LCO", electrode="full"))
    assert "time-falls-back" in {f.code for f in result.findings}
    assert kinds(result) == [("rate_test", 1, 5)]
    assert result.cycles["discharge_current_ma"].to_list() == pytest.approx(
        [654, 6550, 13_100, 32_750, 59_458], rel=1e-3
    )
    assert result.cycles["discharge_capacity_mah"].is_sorted(descending=True)
    assert result.cycles["coulombic_efficiency"].to_list()[1:] == pytest.approx([99.6] * 4, abs=0.3)

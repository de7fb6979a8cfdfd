"""The synthetic laboratory: protocol and every figure per cycle agree with the truth of the simulated cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lirich.cycling import CyclingResult, analyse
from lirich.model import Cell, Sample
from lirich.readers import read
from lirich.testing.laboratory import make_laboratory

PER_CYCLE = {
    "charge_specific_capacity_mah_g": 2e-4,
    "discharge_specific_capacity_mah_g": 2e-4,
    "coulombic_efficiency": 2e-4,
    "energy_efficiency": 1e-3,
    "mean_charge_voltage_v": 5e-4,
    "mean_discharge_voltage_v": 5e-4,
    "mid_voltage_v": 5e-4,
    "voltage_gap_v": 1e-2,
    "median_discharge_voltage_v": 1e-3,
    "low_voltage_share": 1e-2,
    "charge_rate_c": 3e-3,
    "discharge_rate_c": 3e-3,
}


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("laboratory")
    make_laboratory(
        folder, n_sc=1, n_pc=1, cycles=40, formats=["bdf-parquet"], diffusion_cells=True, continued=False,
        physics="curves",
    )  # fmt: skip
    return folder, json.loads((folder / "truth.json").read_text())["cells"]


def result_of(
    laboratory: tuple[Path, dict[str, Any]], key: str, *, cycles: int = 40
) -> tuple[CyclingResult, dict[str, Any]]:
    folder, truth = laboratory
    facts = truth[key]["facts"]
    file = next(p for p in sorted(folder.iterdir()) if p.name.startswith(key))
    cell = Cell(
        key=key,
        electrode="cathode",
        active_mass_mg=facts["active_mass_mg"],
        one_c_ma_g=facts["one_c_ma_g"],
        simulated=True,
    )
    table = read(file).table.filter(pl.col("cycle_count") <= cycles)
    return analyse(table, cell, Sample(key="s", composition=facts["composition"])), truth[key]


@pytest.mark.parametrize(("cycles", "segment"), [(1, "pseudo_ocv"), (40, None)])
def test_a_peak_of_the_first_charge_stands_once(
    laboratory: tuple[Path, dict[str, Any]], cycles: int, segment: str | None
) -> None:
    result, _ = result_of(laboratory, "SC-1", cycles=cycles)
    peaks = [v for v in result.values if v.quantity.startswith("dqdv_peak_") and v.conditions.cycle == 1]
    assert len({(v.quantity, v.value, v.conditions.direction) for v in peaks}) == len(peaks)
    charged = {v.conditions.other["peak"] for v in peaks if v.conditions.direction == "charge"}
    assert {"transition-metal", "high-voltage"} <= charged
    assert {v.conditions.segment for v in peaks} == {segment}


@pytest.mark.parametrize("key", ["SC-1", "PC-1"])
def test_every_cycle_agrees_with_the_truth(laboratory: tuple[Path, dict[str, Any]], key: str) -> None:
    result, truth = result_of(laboratory, key)
    expected = pl.DataFrame(truth["cycles"], infer_schema_length=None)
    assert result.cycles["segment"].to_list() == expected["segment"].to_list()
    for name, tolerance in PER_CYCLE.items():
        assert result.cycles[name].to_list() == pytest.approx(expected[name].to_list(), rel=tolerance), name


@pytest.mark.parametrize("key", ["SC-1", "PC-1"])
def test_voltage_decay_and_its_parts_are_recovered(laboratory: tuple[Path, dict[str, Any]], key: str) -> None:
    result, truth = result_of(laboratory, key)
    found = {v.quantity: v for v in result.values if v.quantity in truth["figures"]}
    assert found["initial_coulombic_efficiency"].value == pytest.approx(
        truth["figures"]["initial_coulombic_efficiency"], abs=0.05
    )
    for name in ("voltage_decay_mv_per_cycle", "structural_voltage_decay_mv_per_cycle"):
        assert found[name].value == pytest.approx(truth["figures"][name], rel=0.03)
        assert found[name].conditions.segment == "ageing"


@pytest.mark.parametrize(("key", "kind"), [("SC-GITT", "gitt"), ("SC-ICI", "ici")])
def test_diffusion_cells_are_told_apart(laboratory: tuple[Path, dict[str, Any]], key: str, kind: str) -> None:
    result, _ = result_of(laboratory, key)
    purposes = [(s.kind, s.first_cycle, s.last_cycle) for s in result.segments if s.purpose]
    assert purposes == [("formation", 1, 2), (kind, 3, 3)]
    assert "missing-particle-diameter-um" in {f.code for f in result.findings}

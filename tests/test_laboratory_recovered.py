"""From the laboratory's vendor-like files back to its truth: readers and analysis together."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from lirich.cycling import CyclingResult, analyse
from lirich.model import Cell, Origin, Sample
from lirich.readers import join_tables, read
from lirich.testing.digitised import write_digitised_cell
from lirich.testing.laboratory import DEFAULT_FORMATS, MODELS, LaboratoryCell, Physics, make_laboratory

pytestmark = pytest.mark.slow


@dataclass
class Recovered:
    made: LaboratoryCell
    reader: str
    result: CyclingResult

    def value(self, quantity: str) -> float:
        (found,) = [v.value for v in self.result.values if v.quantity == quantity]
        return found


def _recover(made: LaboratoryCell) -> Recovered:
    readings = [read(path) for path in made.files]
    tables = [r.table for r in readings]
    table = tables[0]
    if len(tables) > 1:
        joined = join_tables(tables)
        table = joined if isinstance(joined, pl.DataFrame) else joined[0]
    facts = made.facts
    cell = Cell(
        key=made.key,
        sample=facts["sample"],
        electrode="cathode",
        active_mass_mg=facts["active_mass_mg"],
        nominal_specific_capacity_mah_g=facts["nominal_specific_capacity_mah_g"],
        one_c_ma_g=facts["one_c_ma_g"],
        simulated=True,
    )
    sample = Sample(
        key=facts["sample"],
        composition=facts["composition"],
        morphology=facts["morphology"],
        particle_diameter_um=facts["particle_diameter_um"],
    )
    return Recovered(made, readings[0].reader, analyse(table, cell, sample))


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recovered]:
    made = make_laboratory(tmp_path_factory.mktemp("lab"), n_sc=4, n_pc=4, cycles=60, seed=3, physics="curves")
    return {cell.format: _recover(cell) for cell in made.cells.values()}


TOLERANCES = {
    "initial_coulombic_efficiency": 0.02,
    "irreversible_capacity_mah_g": 0.1,
    "activation_voltage_v": 0.01,
    "slope_capacity_mah_g": 0.5,
    "plateau_capacity_mah_g": 0.5,
    "voltage_decay_mv_per_cycle": 0.03,
    "voltage_decay_endpoint_mv_per_cycle": 0.03,
    "structural_voltage_decay_mv_per_cycle": 0.03,
    "polarisation_voltage_decay_mv_per_cycle": 0.02,
    "capacity_fade_percent_per_cycle": 0.005,
    "capacity_retention": 0.05,
    "energy_retention": 0.05,
    "median_coulombic_efficiency": 0.02,
    "low_voltage_capacity_growth_mah_g_per_cycle": 0.02,
    "rate_recovery": 0.05,
}
"""How near to the truth a figure must come, in its unit: noise, quantisation and rounding of the exports."""


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
@pytest.mark.parametrize("quantity", TOLERANCES)
def test_figure_is_recovered(recovered: dict[str, Recovered], name: str, quantity: str) -> None:
    cell = recovered[name]
    assert cell.value(quantity) == pytest.approx(cell.made.truth["figures"][quantity], abs=TOLERANCES[quantity])


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_every_cycle_is_recovered(recovered: dict[str, Recovered], name: str) -> None:
    cell = recovered[name]
    cycles = cell.result.cycles
    truth = pl.DataFrame(cell.made.truth["cycles"])
    assert cycles["cycle"].to_list() == truth["cycle"].to_list()
    for key, tolerance in (
        ("charge_specific_capacity_mah_g", 0.05),
        ("discharge_specific_capacity_mah_g", 0.05),
        ("mean_charge_voltage_v", 0.002),
        ("mean_discharge_voltage_v", 0.002),
        ("low_voltage_capacity_mah_g", 0.5),
        ("discharge_rate_c", 0.01),
    ):
        worst = (cycles[key] - truth[key]).abs().max()
        assert worst is not None, key
        assert worst < tolerance, key


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_rates_are_recovered(recovered: dict[str, Recovered], name: str) -> None:
    cell = recovered[name]
    found = {
        f"{v.conditions.rate_c:.2g}": v.value
        for v in cell.result.values
        if v.quantity == "rate_capacity_mah_g" and v.conditions.rate_c is not None
    }
    truth = cell.made.truth["figures"]["rate_capacity_mah_g"]
    assert {f"{float(rate):.2g}" for rate in truth} == set(found)
    for rate, capacity in truth.items():
        assert found[f"{float(rate):.2g}"] == pytest.approx(capacity, abs=0.1)


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_everything_from_the_laboratory_is_of_simulated_origin(recovered: dict[str, Recovered], name: str) -> None:
    assert {v.origin for v in recovered[name].result.values} == {Origin.SIMULATED}


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_the_protocol_is_recovered(recovered: dict[str, Recovered], name: str) -> None:
    cell = recovered[name]
    found = dict(zip(cell.result.cycles["cycle"], cell.result.cycles["segment"], strict=True))
    assert found == {c["cycle"]: c["segment"] for c in cell.made.truth["cycles"]}


def test_the_intervals_of_the_voltage_decay_hold_the_truth(recovered: dict[str, Recovered]) -> None:
    for cell in recovered.values():
        (value,) = [v for v in cell.result.values if v.quantity == "voltage_decay_mv_per_cycle"]
        assert value.interval is not None
        margin = 0.01  # the truth is a least-squares slope, the value a median of slopes
        truth = cell.made.truth["figures"]["voltage_decay_mv_per_cycle"]
        assert value.interval.low - margin <= truth <= value.interval.high + margin


@pytest.mark.parametrize("physics", MODELS)
def test_diffusivity_is_recovered_within_the_error_of_the_method(tmp_path: Path, physics: Physics) -> None:
    """The square-root-of-time methods are approximate: 25 % of the median over the middle of the range."""
    made = make_laboratory(tmp_path, n_sc=0, n_pc=0, cycles=1, diffusion_cells=True, physics=physics)
    for key in ("SC-GITT", "SC-ICI"):
        cell = _recover(made.cells[key])
        middle = [
            v.value
            for v in cell.result.values
            if v.quantity == "lithium_diffusivity_m2_s"
            and v.conditions.soc_percent is not None
            and 20 <= v.conditions.soc_percent <= 80
            and "sphere" not in str(v.conditions.method)
        ]
        assert len(middle) > 50
        purposes = [(s.kind, s.first_cycle, s.last_cycle) for s in cell.result.segments if s.purpose]
        assert purposes == [("formation", 1, 2), (key.removeprefix("SC-").lower(), 3, 3)]
        truth = made.cells[key].truth["diffusion"]["lithium_diffusivity_m2_s"]
        assert sorted(middle)[len(middle) // 2] == pytest.approx(truth, rel=0.25)


def test_the_digitised_cell_is_recovered(tmp_path: Path) -> None:
    reading = read(write_digitised_cell(tmp_path))
    with (tmp_path / "cells.csv").open() as stream:
        (facts,) = csv.DictReader(stream)
    cell = Cell(key=facts["cell"], electrode="cathode", active_mass_mg=float(facts["active_mass_mg"]))
    result = analyse(reading.table, cell)
    values = {v.quantity: v for v in result.values}
    assert values["initial_coulombic_efficiency"].value == pytest.approx(83.4, abs=0.3)
    assert values["initial_coulombic_efficiency"].origin is Origin.MEASURED
    first, tenth = result.cycles.row(0, named=True), result.cycles.row(-1, named=True)
    assert first["mean_charge_voltage_v"] == pytest.approx(4.245, abs=0.003)
    assert first["mean_discharge_voltage_v"] == pytest.approx(3.739, abs=0.003)
    assert first["high_voltage_capacity_mah_g"] == pytest.approx(120, abs=3)
    assert first["low_voltage_capacity_mah_g"] == pytest.approx(62.3, abs=1.5)
    assert tenth["low_voltage_capacity_mah_g"] == pytest.approx(43.0, abs=1.5)
    assert tenth["coulombic_efficiency"] == pytest.approx(99.0, abs=0.3)
    assert values["activation_voltage_v"].value == pytest.approx(4.27, abs=0.03)

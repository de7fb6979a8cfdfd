"""The synthetic laboratory: its model obeys its own physics, its files hold its truth, its curves are credible."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lirich.errors import UnknownNameError
from lirich.quantities import QUANTITIES
from lirich.testing.curve_cells import MATERIALS
from lirich.testing.curve_model import Host, State, constant_current, constant_voltage, rest
from lirich.testing.cycler import LOWER_V, UPPER_V, cycle_cell, fresh, plan
from lirich.testing.diffusion_model import ParticleState, Sphere, pass_current
from lirich.testing.digitised import PUBLISHED, digitised_table, write_digitised_cell
from lirich.testing.laboratory import Laboratory, make_laboratory
from lirich.testing.vendor_files import WRITERS


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return make_laboratory(tmp_path_factory.mktemp("lab"), n_sc=4, n_pc=4, cycles=20, physics="curves")


# --- the model -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("morphology", ["SC", "PC"])
def test_sites_fill_to_their_capacity(morphology: str) -> None:
    material = MATERIALS[morphology]
    host = Host(material.host, material)
    total = sum(s.capacity_mah_g for s in material.host)
    assert host.extracted_at(5.4) == pytest.approx(total, rel=1e-3)
    assert host.extracted_at(1.0) == pytest.approx(0.0, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(0.005, 0.5),
    start=st.floats(20.0, 120.0),
    factor=st.floats(1.0, 2.0),
)
def test_charge_is_conserved_and_the_limit_is_met(rate: float, start: float, factor: float) -> None:
    material = MATERIALS["SC"]
    host = Host(material.host, material, factor)
    charge = constant_current(host, material, State(start, -1.0, 0.0), rate, UPPER_V)
    gained = charge.state.extracted_mah_g - start
    assert gained == pytest.approx(charge.charge_mah_g[-1] * (1 - material.parasitic_share), rel=1e-9)
    assert charge.time_s[-1] == pytest.approx(charge.charge_mah_g[-1] / (1000 * rate) * 3600, rel=1e-9)
    assert charge.voltage_v[-1] == pytest.approx(UPPER_V, abs=1e-6)
    assert (np.diff(charge.charge_mah_g) > 0).all()


def test_without_current_and_hysteresis_the_voltage_is_the_equilibrium() -> None:
    material = MATERIALS["PC"]
    host = Host(material.host, material)
    slow = constant_current(host, material, State(5.0, 1.0, 0.0), 1e-7, 4.5)
    y = 5.0 + slow.charge_mah_g * (1 - material.parasitic_share)
    assert slow.voltage_v == pytest.approx(host.equilibrium_v(y, 1.0), abs=1e-5)


def test_a_rest_forgets_the_slow_overpotential_and_keeps_the_hysteresis() -> None:
    material = MATERIALS["SC"]
    host = Host(material.host, material)
    state = constant_current(host, material, State(10.0, -1.0, 0.0), 0.125, 4.0).state
    after = rest(host, material, state, 20 * material.slow_time_s)
    assert after.state.slow_v == pytest.approx(0.0, abs=1e-8)
    assert after.state.hysteresis == state.hysteresis
    assert after.voltage_v[-1] == pytest.approx(float(host.equilibrium_v(state.extracted_mah_g, state.hysteresis)))


def test_the_instant_drop_is_current_times_instant_resistance() -> None:
    material = MATERIALS["SC"]
    host = Host(material.host, material)
    charge = constant_current(host, material, State(10.0, -1.0, 0.0), 0.125, 4.2)
    opened = rest(host, material, charge.state, 300.0)
    assert charge.voltage_v[-1] - opened.voltage_v[0] == pytest.approx(0.125 * host.resistance_ohm_g, rel=1e-3)


def test_a_hold_goes_on_where_constant_current_ended() -> None:
    material = MATERIALS["SC"]
    host = Host(material.host, material)
    charge = constant_current(host, material, State(10.0, -1.0, 0.0), 0.025, UPPER_V)
    held = constant_voltage(host, material, charge.state, UPPER_V, 0.005, 36000.0)
    assert held.current_a_g[0] == pytest.approx(0.025, rel=0.02)
    assert held.current_a_g[-1] == pytest.approx(0.005, rel=0.02)
    passed = np.trapezoid(held.current_a_g * 1000, held.time_s / 3600)
    assert passed == pytest.approx(held.charge_mah_g[-1], rel=1e-3)


def test_sphere_has_the_limits_of_the_textbook() -> None:
    """Crank (1975): for a constant flux, short times go with 2·sqrt(t/π), long ones end at R²/(15D)."""
    sphere = Sphere(radius_m=5e-7, diffusivity_m2_s=8e-18)
    material = MATERIALS["SC"]
    host = Host(material.host, material)
    scale = sphere.radius_m**2 / sphere.diffusivity_m2_s
    current = 1e-4
    per_second = current * 1000 / 3600

    def surface_excess(time_s: float) -> float:
        state = ParticleState(100.0, 1.0, np.zeros(400))
        pass_current(host, material, sphere, state, current, np.array([0.0, time_s]))
        return float(state.modes.sum() + per_second * sphere.fast_part_s)

    early = 2e-4 * scale
    expected = (2.0 / 3.0) * per_second * scale * np.sqrt(early / scale / np.pi)  # flux i·R/3 into a half-space
    assert surface_excess(early) + per_second * early == pytest.approx(expected, rel=0.03)
    assert surface_excess(3 * scale) == pytest.approx(per_second * scale / 15.0, rel=1e-3)


def test_after_a_long_rest_nothing_of_a_pulse_is_left_but_its_charge() -> None:
    sphere = Sphere(radius_m=5e-7, diffusivity_m2_s=8e-18)
    material = MATERIALS["SC"]
    host = Host(material.host, material)
    state = ParticleState(100.0, 1.0, np.zeros(400))
    pass_current(host, material, sphere, state, 0.025, np.array([0.0, 600.0]))
    pass_current(host, material, sphere, state, 0.0, np.array([0.0, 1e6]))
    assert state.extracted_mah_g == pytest.approx(100.0 + 25.0 / 6.0)
    assert np.abs(state.modes).max() < 1e-9


# --- its curves --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_truth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    folder = tmp_path_factory.mktemp("long")
    made = make_laboratory(folder, n_sc=3, n_pc=3, cycles=60, formats=["bdf-parquet"], physics="curves")
    return {key: cell.truth["figures"] for key, cell in made.cells.items()}


def test_curves_are_those_of_a_lithium_rich_oxide(long_truth: dict[str, dict[str, float]]) -> None:
    for figures in long_truth.values():
        assert 75 <= figures["initial_coulombic_efficiency"] <= 90
        assert 3.85 <= figures["transition_metal_peak_v"] <= 3.95
        assert 4.45 <= figures["plateau_peak_v"] <= 4.55
        assert 4.2 <= figures["activation_voltage_v"] <= 4.45
        assert 250 <= figures["rate_capacity_mah_g"]["0.1"] <= 285  # type: ignore[index]
        assert figures["plateau_capacity_mah_g"] > figures["slope_capacity_mah_g"]
        assert figures["low_voltage_capacity_growth_mah_g_per_cycle"] > 0


def test_single_crystals_keep_more_of_everything(long_truth: dict[str, dict[str, float]]) -> None:
    sc = [f for key, f in long_truth.items() if key.startswith("SC")]
    pc = [f for key, f in long_truth.items() if key.startswith("PC")]
    for figures in sc:
        assert 1.4 <= figures["voltage_decay_mv_per_cycle"] <= 2.1
    for figures in pc:
        assert 2.8 <= figures["voltage_decay_mv_per_cycle"] <= 3.8
    assert min(f["capacity_retention"] for f in sc) > max(f["capacity_retention"] for f in pc)
    assert len({f["initial_coulombic_efficiency"] for f in sc}) == len(sc)  # cells scatter


def test_the_decay_is_the_sum_of_its_two_parts(long_truth: dict[str, dict[str, float]]) -> None:
    """dV̄dis = dV̄mid − dΔV̄/2, an identity of the definitions."""
    for f in long_truth.values():
        parts = f["structural_voltage_decay_mv_per_cycle"] + f["polarisation_voltage_decay_mv_per_cycle"]
        assert parts == pytest.approx(f["voltage_decay_mv_per_cycle"], rel=1e-9)


def test_a_cell_that_only_grows_resistance_loses_voltage_by_polarisation_only() -> None:
    material = MATERIALS["PC"]
    only = cycle_cell(material.polarisation_only(), 30, record=False)
    frozen = cycle_cell(material.polarisation_only().structure_only(), 30, record=False)

    def drift(cell: object, part: int) -> float:
        means = []
        for record in cell.cycles[20:29:8]:  # type: ignore[attr-defined]
            q_in, e_in = record.charge[0].charge_mah_g[-1], record.charge[0].energy_mwh_g[-1]
            q_out, e_out = record.discharge.charge_mah_g[-1], record.discharge.energy_mwh_g[-1]
            means.append((e_in / q_in + e_out / q_out) / 2 if part == 0 else e_in / q_in - e_out / q_out)
        return float(means[1] - means[0])

    assert drift(frozen, 0) == pytest.approx(0.0, abs=1e-4)
    assert drift(frozen, 1) == pytest.approx(0.0, abs=1e-4)
    assert drift(only, 1) > 3 * abs(drift(only, 0)) > 0


def test_the_first_charge_starts_on_a_fresh_host() -> None:
    state, host = fresh(MATERIALS["SC"])
    assert float(host.equilibrium_v(state.extracted_mah_g, state.hysteresis)) == pytest.approx(3.0, abs=0.4)
    assert [p.segment for p in plan(60)].count("rate_test") == 12
    assert len(plan(7)) == 7


# --- its files ---------------------------------------------------------------------------------------------------


def test_every_format_is_written_and_every_figure_has_a_known_name(laboratory: Laboratory) -> None:
    assert {cell.format for cell in laboratory.cells.values()} == set(WRITERS)
    assert all(path.stat().st_size > 10_000 for path in laboratory.files)
    model_only = {"transition_metal_peak_v", "plateau_peak_v"}
    for cell in laboratory.cells.values():
        assert set(cell.truth["figures"]) - model_only <= set(QUANTITIES)


def test_everything_says_that_it_is_simulated(laboratory: Laboratory) -> None:
    rows = pl.read_csv(laboratory.cells_csv)
    assert rows["simulated"].cast(pl.String).str.to_lowercase().unique().to_list() == ["true"]
    assert json.loads(laboratory.truth_json.read_text())["simulated"] is True
    assert set(rows["cell"]) == set(laboratory.cells)
    for row in rows.iter_rows(named=True):
        assert sorted(laboratory.folder.glob(row["file"])) == sorted(laboratory.cells[row["cell"]].files)


def test_one_test_goes_on_in_a_second_file(laboratory: Laboratory) -> None:
    first, second = laboratory.cells["PC-4"].files
    assert first.name.startswith("PC-4_part1")
    assert second.name.startswith("PC-4_part2")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two, other = (
        make_laboratory(tmp_path / name, n_sc=1, n_pc=1, cycles=3, seed=seed, physics="curves")
        for name, seed in (("one", 5), ("two", 5), ("other", 6))
    )
    for a, b, c in zip(one.files, two.files, other.files, strict=True):
        assert a.read_bytes() == b.read_bytes()
        assert a.read_bytes() != c.read_bytes()


def test_neware_file_holds_the_truth(laboratory: Laboratory) -> None:
    cell = laboratory.cells["SC-1"]
    table = pl.read_csv(cell.files[0])
    steps = table.group_by("Cycle Index", "Step Index").agg(pl.col("^(Chg|DChg).*Ah.$").max())
    cycles = steps.group_by("Cycle Index").agg(pl.col("Chg. Cap.(Ah)", "DChg. Cap.(Ah)").sum()).sort("Cycle Index")
    truth = cell.truth["cycles"]
    charged, discharged = ((cycles[c] * 1000).to_list() for c in ("Chg. Cap.(Ah)", "DChg. Cap.(Ah)"))
    assert charged == pytest.approx([c["charge_capacity_mah"] for c in truth], rel=1e-4)
    assert discharged == pytest.approx([c["discharge_capacity_mah"] for c in truth], rel=1e-4)


def test_bdf_current_integrates_to_the_true_capacity(laboratory: Laboratory) -> None:
    cell = laboratory.cells["PC-3"]
    table = pl.read_parquet(cell.files[0])
    flowing = table.filter(pl.col("current_ampere") < 0)
    passed = 0.0
    for _, step in flowing.group_by("step_count"):
        passed += float(np.trapezoid(-step["current_ampere"].to_numpy(), step["test_time_second"].to_numpy())) / 3.6
    truth = sum(c["discharge_capacity_mah"] for c in cell.truth["cycles"])
    assert passed == pytest.approx(truth, rel=1e-3)
    assert table["discharging_capacity_ah"][-1] * 1000 == pytest.approx(truth, rel=1e-5)
    assert table["voltage_volt"].max() == pytest.approx(UPPER_V, abs=0.002)
    assert table["voltage_volt"].min() == pytest.approx(LOWER_V, abs=0.002)


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="neware-csv"):
        make_laboratory(tmp_path, n_sc=1, n_pc=0, cycles=1, formats=["neware-cvs"], physics="curves")
    with pytest.raises(UnknownNameError, match="crystal"):
        make_laboratory(tmp_path, n_sc=1, n_pc=0, cycles=1, physics="cristal")  # type: ignore[arg-type]


def test_gitt_and_interrupt_cells_state_their_diffusivity(tmp_path: Path) -> None:
    made = make_laboratory(tmp_path, n_sc=0, n_pc=0, cycles=1, diffusion_cells=True, physics="curves")
    gitt = made.truth["cells"]["SC-GITT"]["diffusion"]
    assert gitt["diffusion_validity_number"] < 0.03
    assert gitt["pulses"] > 80
    assert made.truth["cells"]["SC-ICI"]["diffusion"]["lithium_diffusivity_m2_s"] == 8.0e-18


# --- the digitised cell ------------------------------------------------------------------------------------------


def test_the_digitised_cell_gives_its_known_figures() -> None:
    rows = list(csv.DictReader(io.StringIO(digitised_table())))

    def half(direction: str) -> tuple[np.ndarray, np.ndarray]:
        chosen = [r for r in rows if r["cycle"] == "1" and r["direction"] == direction]
        v, q = (np.array([float(r[c]) for r in chosen]) for c in ("voltage_V", "capacity_mAh_g"))
        return v, q

    (v_in, q_in), (v_out, q_out) = half("charge"), half("discharge")
    assert q_in[-1] == pytest.approx(PUBLISHED["charge_specific_capacity_mah_g"], abs=0.3)
    assert q_out[-1] == pytest.approx(PUBLISHED["discharge_specific_capacity_mah_g"], abs=0.3)
    assert np.trapezoid(v_in, q_in) / q_in[-1] == pytest.approx(PUBLISHED["mean_charge_voltage_v"], abs=0.003)
    assert np.trapezoid(v_out, q_out) / q_out[-1] == pytest.approx(PUBLISHED["mean_discharge_voltage_v"], abs=0.003)


def test_writing_the_digitised_cell_keeps_other_rows(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("file,cell,dopant\nmine.csv,mine,Al\n")
    for _ in range(2):
        path = write_digitised_cell(tmp_path)
    rows = list(csv.DictReader((tmp_path / "cells.csv").open()))
    assert [r["cell"] for r in rows] == ["mine", "Kim-2025-LRLO"]
    assert rows[0]["dopant"] == "Al"
    assert path.exists()
    assert (tmp_path / f"{path.name}.lirich.toml").exists()

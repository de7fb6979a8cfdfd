"""Figures whose truth is worked out by hand: weights, alignments, parts of a decay, and the flags of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import stdtrit

from cycler_programme import Programme
from lirich.cycling import CyclingResult, analyse, cycle_table
from lirich.cycling.fade import fade_values
from lirich.cycling.gitt import BIAS, RATIO, REGRESSION, gitt_values
from lirich.cycling.halfcycle import Direction, HalfCycle
from lirich.cycling.hysteresis import hysteresis_values
from lirich.cycling.ici import ici, ici_values
from lirich.model import Cell, Conditions, Value
from lirich.quantities import QUANTITIES
from lirich.readers import read

CATHODE = Cell(key="c", electrode="cathode", active_mass_mg=5.0, one_c_ma_g=200.0)
RADIUS_M = 2e-6


def only(values: Sequence[Value], quantity: str, **conditions: object) -> Value:
    found = [
        v
        for v in values
        if v.quantity == quantity and all(getattr(v.conditions, k) == w for k, w in conditions.items())
    ]
    assert len(found) == 1, (quantity, len(found))
    return found[0]


# --- fade -------------------------------------------------------------------------------------------------


def five_cycles() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "cycle": [1, 2, 3, 4, 5],
            "discharge_capacity_mah": [2.0, 1.95, 1.9, 1.85, 1.8],
            "discharge_energy_mwh": [8.0, 7.5, 7.0, 6.5, 6.0],
            "coulombic_efficiency": [90.0, 99.0, 99.2, 99.9, 100.4],
        }
    )


def test_energy_retention_is_of_the_energy() -> None:
    values, _ = fade_values(five_cycles(), CATHODE, Conditions())
    assert only(values, "capacity_retention").value == pytest.approx(90.0)
    assert only(values, "energy_retention").value == pytest.approx(75.0)


def test_median_coulombic_efficiency_is_the_median() -> None:
    values, _ = fade_values(five_cycles(), CATHODE, Conditions())
    assert only(values, "median_coulombic_efficiency").value == pytest.approx(99.2)


@dataclass
class Decaying(Programme):
    """V = 3.0 + 1.4 s − 0.003 n·4s(1−s) ± I·(50 + n) Ω: the mean of 4s(1−s) is 2/3."""

    def voltage(self, x: np.ndarray | float, current_ma: np.ndarray | float) -> np.ndarray:
        s = np.asarray(x)
        ohm = 50.0 + self.cycle
        return np.asarray(3.0 + 1.4 * s - 0.003 * self.cycle * 4 * s * (1 - s) + 1e-3 * np.asarray(current_ma) * ohm)


@pytest.fixture(scope="module")
def decaying() -> CyclingResult:
    run = Decaying()
    for _ in range(12):
        run.pulses(1.0, 1.0, 6, 10.0).pulses(1.0, 0.0, 6, 10.0)
        run.cycle += 1
    return analyse(run.table(), Cell(key="c", electrode="cathode", active_mass_mg=5.0, one_c_ma_g=200.0))


def test_corrected_decay_is_what_is_left_without_the_resistance(decaying: CyclingResult) -> None:
    """3 mV of 2/3 is 2 mV/cycle of structure; 1 Ω/cycle at 1 mA is another 1 mV/cycle of the discharge."""
    values = decaying.values
    assert only(values, "interrupt_resistance_growth_ohm_per_cycle").value == pytest.approx(1.0, abs=0.01)
    assert only(values, "voltage_decay_mv_per_cycle").value == pytest.approx(3.0, abs=0.03)
    assert only(values, "corrected_voltage_decay_mv_per_cycle").value == pytest.approx(2.0, abs=0.03)
    assert only(values, "structural_voltage_decay_mv_per_cycle").value == pytest.approx(2.0, abs=0.03)
    assert only(values, "polarisation_voltage_decay_mv_per_cycle").value == pytest.approx(1.0, abs=0.03)


def test_retention_of_energy_follows_the_voltage_where_the_capacity_stays(decaying: CyclingResult) -> None:
    """Mean discharge voltages, cycle 1: 3.7 − 0.002 − 0.051 V; cycle 12: 3.7 − 0.024 − 0.062 V."""
    expected = 100 * (3.7 - 0.024 - 0.062) / (3.7 - 0.002 - 0.051)
    last = decaying.cycles.row(-1, named=True)
    assert last["capacity_retention"] == pytest.approx(100.0, abs=1e-6)
    assert last["energy_retention"] == pytest.approx(expected, abs=0.01)
    assert only(decaying.values, "energy_retention").value == pytest.approx(expected, abs=0.01)


def test_a_knee_is_found_by_the_whole_analysis() -> None:
    run = Programme()
    for n in range(1, 81):
        run.capacity_mah = 1.0 - 0.0005 * min(n - 1, 39) - 0.004 * max(n - 40, 0)
        run.cycles(1, 0.2)
    result = analyse(run.table(), CATHODE)
    knee = only(result.values, "capacity_fade_knee_cycle")
    assert knee.value == pytest.approx(40.0, abs=2.0)
    assert knee.provenance.parameters["fade_before_percent_per_cycle"] == pytest.approx(0.05, abs=0.01)
    assert knee.provenance.parameters["fade_after_percent_per_cycle"] == pytest.approx(0.40, abs=0.01)
    assert "capacity-knee" in {f.code for f in result.findings}
    assert "two straight segments" in QUANTITIES["capacity_fade_knee_cycle"].reference


# --- interrupts -------------------------------------------------------------------------------------------


def test_a_stop_weighs_by_the_charge_around_it() -> None:
    """Stops after 0.1, 0.2, 0.6 and 1.0 of the charge stand for 0.15, 0.25, 0.40 and 0.20 of it."""
    run = Programme()
    for _ in range(3):
        for up in (True, False):
            for passed, ohm in ((0.1, 10.0), (0.2, 20.0), (0.6, 30.0), (1.0, 40.0)):
                run.resistance_ohm = ohm
                run.constant_current(0.2, passed if up else 1.0 - passed).rest(10.0)
        run.cycle += 1
    expected = 0.15 * 10 + 0.25 * 20 + 0.40 * 30 + 0.20 * 40
    assert expected == pytest.approx(26.5)
    assert cycle_table(run.table())["interrupt_resistance_ohm"].to_list() == pytest.approx([26.5] * 3, rel=1e-3)


# --- hysteresis -------------------------------------------------------------------------------------------


def ramp(direction: Direction, high: float, total: float) -> HalfCycle:
    v = np.linspace(3.0, high, 200)
    v = v if direction == "charge" else v[::-1]
    return HalfCycle(1, direction, v, np.linspace(0, total, 200), None, None, np.zeros(200, bool))


def test_hysteresis_counts_from_the_discharged_end() -> None:
    """Both lines rise by 0.5 V/mAh from 3.0 V; counted from the charged end they lie 0.25 V apart."""
    values, _ = hysteresis_values(ramp("charge", 4.25, 2.5), ramp("discharge", 4.0, 2.0), CATHODE)
    gaps = [v for v in values if v.quantity == "hysteresis_at_soc_v"]
    assert [v.value for v in gaps] == pytest.approx([0.0] * 3, abs=1e-9)
    assert {v.conditions.method for v in gaps} == {"aligned at the discharged end"}


# --- diffusion --------------------------------------------------------------------------------------------


def interrupted(scatter_v: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ten pulses of 300 s at 1 mV per pulse; rests of 12 s fall by 0.2 mV/√s, ± *scatter_v* from row to row."""
    time, voltage, current, clock = [0.0, 1.0], [3.6, 3.6], [0.0, 0.0], 1.0
    for n in range(10):
        for t in np.arange(10.0, 301.0, 10.0):
            time.append(clock + t)
            voltage.append(3.6 + 0.001 * (n + t / 300.0))
            current.append(1.0)
        clock, top = time[-1], voltage[-1]
        for t in np.arange(0.5, 12.1, 0.5):
            time.append(clock + t)
            voltage.append(top - 2e-4 * np.sqrt(t) + scatter_v * (-1) ** round(2 * t))
            current.append(0.0)
        clock = time[-1]
    return np.array(time), np.array(voltage), np.array(current)


@pytest.mark.parametrize("window", [(1.0, 10.0), (1.0, 5.0)])
def test_validity_of_ici_is_of_the_end_of_its_window(window: tuple[float, float]) -> None:
    """D = 4R²/(9π)·(dE/dt ÷ dU/d√t)² with 1 mV in 300 s and 0.2 mV/√s."""
    expected = 4 * RADIUS_M**2 / (9 * np.pi) * (0.001 / 300.0 / 2e-4) ** 2
    for found in ici(*interrupted(0.0), RADIUS_M, rest_s=window):
        assert found.diffusivity_m2_s == pytest.approx(expected, rel=1e-6)
        assert found.validity == pytest.approx(window[1] * expected / RADIUS_M**2, rel=1e-6)


def test_an_interruption_stands_where_its_charge_has_passed() -> None:
    """Ten equal pulses: the first interruption is at 10 %, the last at 100 % of a charge, and at 0 % of a discharge."""
    time, voltage, current = interrupted(0.0)
    charge, discharge = ici(time, voltage, current, RADIUS_M), ici(time, voltage, -current, RADIUS_M)
    assert [p.soc_percent for p in charge] == pytest.approx(np.arange(10, 101, 10), abs=1e-6)
    assert [p.soc_percent for p in discharge] == pytest.approx(np.arange(90, -1, -10), abs=1e-6)


def test_each_interruption_has_the_interval_of_its_slope() -> None:
    table = interrupted(2e-5)
    values, _ = ici_values(*table, CATHODE, RADIUS_M)
    time, voltage, _ = table
    after = 301.0  # the first current stops here
    rows = (time >= after + 1.0) & (time <= after + 10.0)
    x, y = np.sqrt(time[rows] - after), voltage[rows]
    (slope, _), covariance = np.polyfit(x, y, 1, cov=True)
    relative = stdtrit(len(x) - 2, 0.975) * np.sqrt(covariance[0, 0]) / abs(slope)
    first = next(v for v in values if v.quantity == "lithium_diffusivity_m2_s" and v.conditions.soc_percent is not None)
    assert first.interval is not None
    assert first.interval.method == "standard error of dU/d√t"
    assert first.interval.low == pytest.approx(first.value / (1 + relative) ** 2, rel=1e-6)
    assert first.interval.high == pytest.approx(first.value / (1 - relative) ** 2, rel=1e-6)
    assert first.interval.low < first.value < first.interval.high
    assert all(v.interval is None for v in values if v.quantity == "diffusion_validity_number")


def test_the_ratio_form_says_that_it_has_no_interval() -> None:
    values, _ = gitt_values(*interrupted(2e-5), CATHODE, RADIUS_M, model_fit=False)
    ratio = [v for v in values if v.conditions.method == RATIO]
    assert ratio
    of_pulses = [v for v in ratio if v.conditions.soc_percent is not None]
    assert all(v.interval is None and v.note.startswith("No interval") for v in of_pulses)
    (median,) = [v for v in ratio if v.conditions.soc_percent is None]
    assert median.interval is None or median.interval.method == "order statistics"
    assert all(v.note == BIAS[REGRESSION] for v in values if v.conditions.method == REGRESSION)
    assert all(BIAS[RATIO] in v.note for v in ratio)


# --- values of cycles -------------------------------------------------------------------------------------

AGAINST_THE_CHARGE = {
    "initial_coulombic_efficiency",
    "irreversible_capacity_mah_g",
    "coulombic_efficiency",
    "energy_efficiency",
    "hysteresis_at_soc_v",
    "hysteresis_loop_energy_mwh",
    "hysteresis_loop_energy_wh_kg",
    "mid_voltage_v",
    "voltage_gap_v",
}


def flagged(result: CyclingResult, flag: str) -> set[str]:
    assert flag in {f.code for f in result.findings}
    found = [v for v in result.values if flag in v.flags]
    assert {v.conditions.cycle for v in found} == {1}
    of_first = [v for v in result.values if v.conditions.cycle == 1 and v.quantity in AGAINST_THE_CHARGE]
    assert all(v.flags.count(flag) == 1 for v in of_first)
    return {v.quantity for v in found}


def test_all_that_lays_the_discharge_against_a_partial_charge_is_flagged() -> None:
    run = Programme(x=0.5, resistance_ohm=20.0).constant_current(0.2, 1.0).rest(60).constant_current(0.2, 0.0).rest(60)
    one = analyse(run.table(), CATHODE)
    assert flagged(one, "first-charge-partial") == {*AGAINST_THE_CHARGE, "high_voltage_capacity_mah_g"}
    run.cycle += 1
    more = analyse(run.cycles(3, 0.2).table(), CATHODE)
    assert {"coulombic_efficiency", "energy_efficiency"} <= flagged(more, "first-charge-partial")


@pytest.mark.data
def test_a_real_partial_first_charge_is_flagged(shared_data: Path) -> None:
    table = read(shared_data / "cycling" / "maccor_M50_0degC.txt").table
    result = analyse(table, Cell(key="m50", electrode="full"))
    assert only(result.values, "initial_coulombic_efficiency").value == pytest.approx(100.5, abs=0.05)
    found = flagged(result, "first-charge-partial")
    assert {"coulombic_efficiency", "energy_efficiency", "hysteresis_loop_energy_mwh"} <= found


@pytest.mark.data
def test_a_discharge_is_not_laid_against_the_next_charge_without_being_told(shared_data: Path) -> None:
    """A graphite half-cell: 6.3 mAh in, then 3.2 mAh out. Of a cathode that would be an efficiency of 197 %."""
    table = read(shared_data / "cycling" / "landt_LiGrR2032.csv").table
    unknown = analyse(table, Cell(key="landt"))
    assert unknown.cycles["coulombic_efficiency"].null_count() == unknown.cycles.height
    assert unknown.cycles["energy_efficiency"].null_count() == unknown.cycles.height
    assert not [v for v in unknown.values if v.quantity.endswith("efficiency")]
    loop = only(unknown.values, "hysteresis_loop_energy_mwh", cycle=1)
    assert loop.value == pytest.approx(-0.665, abs=1e-3)
    assert "electrode-unknown" in loop.flags
    (asked,) = [f for f in unknown.findings if f.code == "missing-electrode"]
    assert "begins with a discharge" in asked.message
    known = analyse(table, Cell(key="landt", electrode="anode"))
    assert only(known.values, "coulombic_efficiency", cycle=1).value == pytest.approx(100 * 3.2 / 6.3)


def test_charge_and_discharge_have_the_same_figures() -> None:
    """1 mAh between 2.8 and 4.4 V at 0.2 mA through 20 Ω: 3.604 mWh in, 3.596 mWh out, of 5 mg."""
    result = analyse(Programme(resistance_ohm=20.0).cycles(6, 0.2).table(), CATHODE)
    for key, expected in (
        ("charge_energy_mwh", 3.604),
        ("discharge_energy_mwh", 3.596),
        ("charge_specific_energy_wh_kg", 720.8),
        ("discharge_specific_energy_wh_kg", 719.2),
        ("median_charge_voltage_v", 3.604),
        ("median_discharge_voltage_v", 3.596),
    ):
        for cycle in (1, 6):
            value = only(result.values, key, cycle=cycle)
            assert value.value == pytest.approx(expected, rel=1e-4)
            assert value.conditions.direction == key.split("_")[0 if "median" not in key else 1]

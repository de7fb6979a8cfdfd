"""How finely a test was recorded: rounded counters and voltages leave an interval that holds the truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lirich.cycling import CyclingResult, analyse, cycle_table
from lirich.cycling.dqdv import dqdv
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.peaks import find_peaks
from lirich.cycling.resolution import coarse_voltage_step, recorded_step
from lirich.model import Cell, Finding, Value
from lirich.model.flags import meaning
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, STEP, TIME, VOLTAGE
from lirich.readers import read

CELL = Cell(key="a", electrode="cathode", active_mass_mg=10.0)


def cycled(
    efficiencies: list[float],
    *,
    charge_mah: float = 3.2,
    step_mah: float = 0.0,
    current_step_ma: float = 0.0,
    voltage_step_v: float = 0.0,
    rows: int = 600,
) -> pl.DataFrame:
    """Return cycles of *charge_mah* in 10 h, discharged with the *efficiencies* in %, in rounded columns."""
    draw = np.random.default_rng(1)
    parts, clock, up, down = [], 0.0, 0.0, 0.0
    for efficiency in efficiencies:
        for sign, passed in ((1.0, charge_mah), (-1.0, charge_mah * efficiency / 100.0)):
            share = np.linspace(0.0, 1.0, rows)
            hours = 10.0 * passed / charge_mah * share
            current = sign * charge_mah / 10.0 * (1.0 + 1e-4 * draw.normal(size=rows))
            voltage = (3.0 + 1.5 * share) if sign > 0 else (4.4 - 1.4 * share)
            counted = up + passed * share if sign > 0 else np.full(rows, up)
            given_back = down + passed * share if sign < 0 else np.full(rows, down)
            parts.append((clock + 3600.0 * hours, voltage, current, counted, given_back))
            clock += 3600.0 * hours[-1] + 1.0
            up, down = counted[-1], given_back[-1]
    time, voltage, current, counted, given_back = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pl.DataFrame(
        {
            TIME: time,
            VOLTAGE: rounded(voltage, voltage_step_v),
            CURRENT: 1e-3 * rounded(current, current_step_ma),
            CHARGED: 1e-3 * rounded(counted, step_mah),
            DISCHARGED: 1e-3 * rounded(given_back, step_mah),
        }
    )


def rounded(numbers: np.ndarray, step: float) -> np.ndarray:
    return step * np.round(numbers / step) if step else numbers


def analysed(table: pl.DataFrame) -> tuple[dict[tuple[str, int | None], Value], dict[str, Finding]]:
    result = analyse(table, CELL)
    return {(v.quantity, v.conditions.cycle): v for v in result.values}, {f.code: f for f in result.findings}


@given(st.floats(0.03, 30.0), st.sampled_from((1e-4, 1e-5, 2.5e-6)), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_the_step_of_a_rounded_counter_is_found_and_that_of_none_is_not(per_row: float, step: float, seed: int) -> None:
    by_current = per_row * step * (1.0 + 1e-3 * np.random.default_rng(seed).normal(size=3000))
    counter = np.cumsum(by_current)
    rows = np.arange(1, 3000)
    found = recorded_step(np.diff(step * np.round(counter / step), prepend=0.0), by_current, rows)
    assert found == pytest.approx(step, rel=1e-6) or (found == 0.0 and abs(per_row - round(per_row)) < 0.05)
    assert recorded_step(np.diff(counter, prepend=0.0), by_current, rows) <= 1e-3 * per_row * step
    assert recorded_step(np.full(3000, step), np.full(3000, step), rows) == 0.0  # a grid


def test_the_step_of_a_voltage_shows_where_it_stands_still_not_on_a_grid_or_a_hold() -> None:
    rising = np.linspace(3.0, 4.4, 3000)
    assert coarse_voltage_step(0.01 * np.round(rising / 0.01)) == pytest.approx(0.01)
    assert coarse_voltage_step(0.01 * np.round(rising[::25] / 0.01)) == pytest.approx(0.01)  # less than a row per level
    assert coarse_voltage_step(1e-4 * np.round(rising[::25] / 1e-4)) == 0.0
    assert coarse_voltage_step(np.append(rising, np.full(3000, 4.4))) == 0.0
    assert coarse_voltage_step(np.append(np.arange(3.0, 4.4, 0.01), np.full(3000, 4.4))) == 0.0
    assert coarse_voltage_step(np.arange(3.0, 4.4, 0.01)) == 0.0
    assert coarse_voltage_step(0.001 * np.round(rising / 0.001)) == 0.0  # voltages are written to 1 mV


@pytest.mark.parametrize("step_v", [0.002, 0.003, 0.005, 0.01])
def test_steps_of_the_voltage_are_no_dqdv_peaks_and_do_not_move_one(step_v: float) -> None:
    share = np.linspace(0.0, 1.0, 4000)
    capacity = 1.0 * share + 0.5 / (1.0 + np.exp(-(share - 0.5) / 0.02))
    for passed, peaks in ((share, 0), (capacity, 1)):
        half = HalfCycle(
            1, "charge", rounded(3.0 + 1.4 * share, step_v), passed, None, None, np.zeros(4000, dtype=np.bool_)
        )
        found = find_peaks(dqdv(half))
        assert len(found) == peaks
        assert all(peak.voltage_v == pytest.approx(3.7, abs=0.5 * step_v) for peak in found)


@pytest.mark.parametrize("step_v", [0.003, 0.005, 0.01])
@pytest.mark.parametrize("rows", [150, 240, 361, 721])
def test_few_rows_on_the_levels_of_a_coarse_voltage_are_no_dqdv_peaks_and_hide_none(step_v: float, rows: int) -> None:
    share = np.linspace(0.0, 1.0, rows)
    passed = 1.5 * share
    peaked = np.interp(passed, share + 0.5 / (1.0 + np.exp(-(share - 0.5) / 0.02)), share)
    for voltage, peaks in ((2.8 + 1.6 * share**1.3, []), (3.0 + 1.4 * peaked, [3.7])):
        half = HalfCycle(1, "charge", rounded(voltage, step_v), passed, None, None, np.zeros(rows, dtype=np.bool_))
        assert [p.voltage_v for p in find_peaks(dqdv(half))] == pytest.approx(peaks, abs=0.001)


def test_a_coarse_counter_beside_a_coarse_current_leaves_an_interval_with_the_truth_in_it() -> None:
    values, findings = analysed(cycled([91.3, 99.2, 99.2], step_mah=0.1, current_step_ma=0.1))
    first = values["initial_coulombic_efficiency", 1]
    assert first.interval is not None
    assert (first.interval.low, first.interval.high) == pytest.approx((100 * 2.85 / 3.3, 100 * 3.0 / 3.15), rel=1e-6)
    assert first.interval.low < 91.3 < first.interval.high
    assert "coarse-capacity" in first.flags
    capacity = values["discharge_capacity_mah", 1]
    assert capacity.interval is not None
    assert (capacity.interval.low, capacity.interval.high) == pytest.approx((2.85, 3.0))  # rounded, or cut off
    lost = values["irreversible_capacity_mah_g", 1]
    assert lost.interval is not None
    assert lost.interval.low < 3.2 * (100 - 91.3) < lost.interval.high
    later = values["coulombic_efficiency", 3]
    assert later.interval is not None  # both ends of later half-cycles are rounded
    assert (later.interval.high - later.interval.low) / 2 == pytest.approx(2 * 100 * 0.1 / 3.2, rel=0.05)
    assert "coarse-capacity" in values["median_coulombic_efficiency", None].flags
    assert "coarse-capacity" not in values["mean_discharge_voltage_v", 1].flags
    assert "steps of 0.1 mAh, 3.1 % of a half-cycle, and were used" in findings["capacity-rounded"].message
    assert meaning("coarse-capacity")


def test_beside_a_finer_current_the_integral_is_taken_and_said() -> None:
    values, findings = analysed(cycled([91.3, 99.2, 99.2], step_mah=0.1))
    assert values["initial_coulombic_efficiency", 1].value == pytest.approx(91.3, abs=0.02)
    assert values["initial_coulombic_efficiency", 1].interval is None
    assert values["coulombic_efficiency", 3].value == pytest.approx(99.2, abs=0.02)
    assert "was used" in findings["capacity-rounded"].message
    assert findings["capacity-rounded"].severity == "info"


def test_a_current_that_is_off_by_more_than_a_step_is_not_taken_for_finer() -> None:
    table = cycled([91.3, 99.2], step_mah=0.1).with_columns(pl.col(CURRENT) * 1.04)
    values, findings = analysed(table)
    assert values["charge_capacity_mah", 1].value == pytest.approx(3.2)
    assert "off by up to" in findings["capacity-rounded"].message


def test_an_efficiency_of_a_tenth_of_a_mah_counted_in_tenths_of_a_uah_is_known_to_a_tenth_of_a_percent() -> None:
    values, findings = analysed(cycled([91.3, 99.73], charge_mah=0.1, step_mah=1e-4, current_step_ma=1e-4))
    efficiency = values["coulombic_efficiency", 2]
    assert efficiency.interval is not None
    assert (efficiency.interval.high - efficiency.interval.low) / 2 == pytest.approx(0.2, rel=0.02)
    assert efficiency.interval.low < 99.73 < efficiency.interval.high
    assert "coarse-capacity" not in efficiency.flags
    assert "capacity-rounded" not in findings


def test_a_fine_recording_leaves_no_interval_and_no_flag() -> None:
    values, findings = analysed(cycled([91.3, 99.2], step_mah=1e-5, current_step_ma=1e-5, voltage_step_v=1e-4))
    assert all(v.interval is None for (name, _), v in values.items() if "efficiency" in name or "_capacity_" in name)
    assert not {"coarse-capacity", "coarse-voltage"} & {f for v in values.values() for f in v.flags}
    assert not {"capacity-rounded", "coarse-voltage"} & set(findings)


def test_a_voltage_in_steps_of_10_mv_is_known_to_5_mv() -> None:
    fine, _ = analysed(cycled([91.3, 99.2, 99.2, 99.2]))
    values, findings = analysed(cycled([91.3, 99.2, 99.2, 99.2], voltage_step_v=0.01))
    assert "steps of 10 mV" in findings["coarse-voltage"].message
    voltages = [key for key, v in values.items() if v.unit == "V"]
    assert {"mean_discharge_voltage_v", "hysteresis_at_soc_v"} <= {name for name, _ in voltages}
    for key in voltages:
        interval = values[key].interval
        assert interval is not None
        assert "coarse-voltage" in values[key].flags
        if not key[0].startswith("dqdv") and key in fine:
            assert interval.low <= fine[key].value <= interval.high
    mean = values["mean_discharge_voltage_v", 2].interval
    assert mean is not None
    assert mean.high - mean.low == pytest.approx(0.01)


def test_the_slope_of_a_fade_that_is_whole_steps_per_cycle_is_known_to_a_step_over_its_cycles() -> None:
    # 3.2 µAh less in each cycle, in a column of 0.1 µAh: all pairwise slopes are alike, and Sen's interval has no width
    values, _ = analysed(cycled([99.9 - 0.1 * n for n in range(8)], step_mah=1e-4))
    fade = values["capacity_fade_percent_per_cycle", None]
    first, last = fade.conditions.other["first_cycle"], fade.conditions.other["last_cycle"]
    assert isinstance(first, int)
    assert isinstance(last, int)
    assert fade.interval is not None
    step_percent = 100.0 * 1e-4 / (3.2 * (0.999 - 1e-3 * (first - 1)))
    assert fade.interval.low == pytest.approx(fade.value - step_percent / (last - first), abs=1e-6)
    assert fade.interval.high == pytest.approx(fade.value + step_percent / (last - first), abs=1e-6)
    assert fade.interval.method.endswith("rounding of the capacity columns to 0.0001 mAh")


def test_the_decay_of_a_voltage_in_steps_of_10_mv_is_known_to_a_step_over_its_cycles() -> None:
    values, _ = analysed(cycled([99.9] * 8, voltage_step_v=0.01))
    decay = values["voltage_decay_mv_per_cycle", None]
    first, last = decay.conditions.other["first_cycle"], decay.conditions.other["last_cycle"]
    assert isinstance(first, int)
    assert isinstance(last, int)
    assert decay.interval is not None
    assert decay.interval.low <= decay.value - 10.0 / (last - first) + 1e-9
    assert decay.interval.high >= decay.value + 10.0 / (last - first) - 1e-9


def counted(table: pl.DataFrame, steps: int, how: Callable[[np.ndarray], np.ndarray], step_mah: float) -> pl.DataFrame:
    """Return the *table* with counters that begin anew in each of *steps* of a half-cycle (0: in none), made *how*."""
    rows = np.arange(table.height)
    step = rows * max(steps, 1) // 600
    for name in (CHARGED, DISCHARGED):
        total = table[name].to_numpy() / (1e-3 * step_mah)
        last = np.append(np.flatnonzero(np.diff(step)), table.height - 1)
        if steps:
            began = np.append(0.0, total[last[:-1]])
            gained = how(total - began[step] + 1e-9)
            total = gained + np.append(0.0, np.cumsum(gained[last])[:-1])[step]
        else:
            total = how(total + 1e-9)
        table = table.with_columns(pl.Series(name, 1e-3 * step_mah * total))
    return table.with_columns(pl.Series(STEP, step))


@pytest.mark.parametrize("how", [np.round, np.floor])
@pytest.mark.parametrize(("steps", "charge_mah"), [(0, 3.24), (0, 3.29), (2, 3.94), (4, 7.84)])
def test_a_counter_that_is_rounded_or_cut_off_in_every_step_or_none_leaves_an_interval_with_the_truth_in_it(
    how: Callable[[np.ndarray], np.ndarray], steps: int, charge_mah: float
) -> None:
    table = counted(cycled([99.0] * 3, charge_mah=charge_mah, current_step_ma=0.1), steps, how, 0.1)
    for skipped in (0, 1200):  # an excerpt begins with counters that are not at nothing
        values, _ = analysed(table[skipped:])
        found = [v for (name, _), v in values.items() if name in ("charge_capacity_mah", "discharge_capacity_mah")]
        assert found
        for value in found:
            truth = charge_mah * (1.0 if value.quantity.startswith("charge") else 0.99)
            assert value.interval is not None
            assert value.interval.low - 1e-9 <= truth <= value.interval.high + 1e-9


@pytest.mark.parametrize("electrode", ["anode", "cathode"])
def test_against_a_voltage_below_zero_the_interval_of_an_energy_holds_it(electrode: str) -> None:
    table = cycled([95.0] * 4, step_mah=0.1, current_step_ma=0.1)
    plating = pl.when(pl.col(CURRENT) < 0.0).then(-0.03).otherwise(pl.col(VOLTAGE) - 2.9)
    cell = Cell(key="Li|Cu", electrode=electrode, active_mass_mg=10.0)
    values = analyse(table.with_columns(plating.alias(VOLTAGE)), cell).values
    known = [(v.value, v.interval) for v in values if "energy" in v.quantity and v.interval is not None]
    assert min(value for value, _ in known) < 0.0
    assert all(interval.low <= value <= interval.high for value, interval in known)


@pytest.mark.data
def test_the_landt_cell_has_an_efficiency_of_50_8_known_from_49_2_to_52_8(shared_data) -> None:
    table = read(shared_data / "cycling" / "landt_LiGrR2032.csv").table
    result = analyse(table, Cell(key="L", electrode="anode", active_mass_mg=10.0))
    values = {(v.quantity, v.conditions.cycle): v for v in result.values}
    first = values["initial_coulombic_efficiency", 1]
    assert first.interval is not None
    assert (first.interval.low, first.interval.high) == pytest.approx((49.2, 52.8), abs=0.02)
    assert "coarse-capacity" in first.flags
    taken = values["charge_capacity_mah", 1].interval
    assert taken is not None
    assert (taken.low, taken.high) == pytest.approx((3.15, 3.3))
    assert "capacity-rounded" in {f.code for f in result.findings}


ENDS = (
    "upper_cutoff_voltage_v", "lower_cutoff_voltage_v", "charge_end_voltage_v", "discharge_end_voltage_v",
    "charge_end_step_v", "discharge_end_step_v", "start_second", "charge_duration_second", "discharge_duration_second",
    "complete", "vendor_cycle_first", "vendor_cycle_last", "segment", "like_group",
)  # fmt: skip


@cache
def as_recorded(path: Path) -> tuple[pl.DataFrame, CyclingResult]:
    table = read(path).table
    return table, analyse(table, CELL)


def assert_ends_as_unrounded(path: Path, step_ah: float) -> None:
    table, truth = as_recorded(path)
    coarse = analyse(table.with_columns((pl.col(CHARGED, DISCHARGED) / step_ah).round() * step_ah), CELL)
    assert coarse.cycles.select(ENDS).equals(truth.cycles.select(ENDS))
    assert coarse.cycles["discharge_capacity_mah"].to_numpy() == pytest.approx(
        truth.cycles["discharge_capacity_mah"].to_numpy(), abs=1e3 * step_ah
    )
    assert {f.code for f in coarse.findings if f.code.startswith("unlike-")} == {
        f.code for f in truth.findings if f.code.startswith("unlike-")
    }


@pytest.mark.data
@pytest.mark.parametrize("step_ah", [1e-7, 5e-7, 1e-6, 5e-6])
def test_a_rounded_counter_moves_no_end_of_a_half_cycle(shared_data: Path, step_ah: float) -> None:
    path = shared_data / "cycling" / "arbin_example_halfcell_3.0-4.3V.res"
    assert_ends_as_unrounded(path, step_ah)
    assert as_recorded(path)[1].cycles["lower_cutoff_voltage_v"].to_list() == pytest.approx([3.0] * 4, abs=1e-3)


@pytest.mark.parametrize("step_ah", [1e-7, 5e-7, 1e-6, 5e-6])
def test_nor_does_it_in_the_laboratory(small_laboratory: Path, step_ah: float) -> None:
    path = next(p for p in sorted(small_laboratory.glob("*.txt")) if "part" not in p.name)
    assert "Amp-hr" in path.read_text(encoding="latin-1")[:2000]  # of Maccor
    assert_ends_as_unrounded(path, step_ah)


def stepped(*parts: tuple[float, list[float], list[float], list[float]]) -> pl.DataFrame:
    """Return a table of steps: each its current, mA, and of its rows the time, s, voltage, V, and counter, mAh."""
    rows, up, down = [], 0.0, 0.0
    for number, (current, time, voltage, counted) in enumerate(parts):
        base_up, base_down = up, down
        for t, v, q in zip(time, voltage, counted, strict=True):
            up, down = (base_up + q, down) if current > 0 else (up, base_down + q)
            rows.append((t, v, 1e-3 * current, 1e-3 * up, 1e-3 * down, number))
    return pl.DataFrame(rows, schema=[TIME, VOLTAGE, CURRENT, CHARGED, DISCHARGED, STEP], orient="row")


def hours(first: float, count: int) -> list[float]:
    return [first + 3600.0 * i for i in range(count)]


def test_a_half_cycle_ends_with_the_current_not_with_a_counter_that_stands_nor_with_an_offset_in_a_rest() -> None:
    share = np.linspace(0.0, 1.0, 101)
    passed = (100.0 * share).tolist()
    stuck = np.minimum(passed, 99.0).tolist()  # the last row is not counted
    table = stepped(
        (0.0, hours(0.0, 2), [3.2, 3.2], [0.0, 0.0]),
        (1.0, hours(7200.0, 101), (3.3 + 1.0 * share).tolist(), passed),  # its first row is the switching on
        (0.0, hours(370_800.0, 2), [4.2, 4.2], [0.0, 0.0]),
        (-1.0, hours(378_000.0, 101), (4.1 - 1.1 * share).tolist(), stuck),
        (-0.02, hours(741_600.0, 3), [3.1, 3.2, 3.25], [0.0, 0.0, 0.0]),  # more than a rest has, and not counted
    )
    table = table.with_columns(  # the rows of the rest before lie further apart than those of the charge
        pl.when(pl.col(STEP) == 0).then(pl.col(TIME) - 3600.0).otherwise(pl.col(TIME))
    )
    cycle = cycle_table(table, electrode="cathode").row(0, named=True)
    assert cycle["discharge_end_voltage_v"] == cycle["lower_cutoff_voltage_v"] == pytest.approx(3.0)
    assert cycle["charge_duration_second"] == pytest.approx(360_000.0)
    assert cycle["discharge_duration_second"] == pytest.approx(360_000.0)
    assert cycle["discharge_capacity_mah"] == pytest.approx(99.0)


@pytest.mark.data
@pytest.mark.parametrize("step_ah", [1e-7, 5e-7, 1e-6, 5e-6])
def test_nor_does_it_in_a_curve_without_a_time_axis(shared_data: Path, step_ah: float) -> None:
    table, truth = as_recorded(shared_data / "cycling" / "arbin_example_halfcell_3.0-4.3V.res")
    curve = table.filter(pl.col(CURRENT) != 0.0).select(VOLTAGE, CHARGED, DISCHARGED)
    coarse = cycle_table(curve.with_columns((pl.col(CHARGED, DISCHARGED) / step_ah).round() * step_ah))
    assert coarse.select(ENDS[:4]).equals(truth.cycles.select(ENDS[:4]))


def test_a_rest_at_the_end_of_a_curve_without_a_time_axis_is_no_end_of_its_half_cycle() -> None:
    voltage = [3.0, 3.5, 4.0, 4.2, 4.3, 4.25, 4.2, 3.9, 3.5, 3.02, 3.0, 3.1, 3.2, 3.19]
    charged = [0.0, 0.3, 0.6, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    given_back = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.6, 0.9, 0.9, 0.9, 0.9, 0.9]
    cycle = cycle_table(pl.DataFrame({VOLTAGE: voltage, CHARGED: charged, DISCHARGED: given_back})).row(0, named=True)
    assert (cycle["charge_end_voltage_v"], cycle["discharge_end_voltage_v"]) == (4.3, 3.0)
    assert (cycle["upper_cutoff_voltage_v"], cycle["lower_cutoff_voltage_v"]) == (4.3, 3.0)

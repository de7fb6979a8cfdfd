"""Small cycles are cycles where they go from one voltage limit to the other, and pulses where they do not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cycler_programme import Programme
from lirich.cycling import CyclingResult, CyclingSettings, analyse, cycle_table
from lirich.model import Cell, Electrode, Sample

CATHODE = Cell(key="c", electrode="cathode", active_mass_mg=5.0, one_c_ma_g=200.0)
LI_RICH = Sample(key="s", composition="Li1.2Mn0.54Ni0.13Co0.13O2")


def finding(result: CyclingResult, code: str) -> str:
    return next((str(f) for f in result.findings if f.code == code), "")


def dying(run: Programme, count: int, share: float, rows: int = 10) -> Programme:
    """*count* cycles between the same limits with *share* of the capacity, which is as before afterwards."""
    capacity, usual = run.capacity_mah, run.rows_per_step
    run.capacity_mah, run.rows_per_step = share * capacity, rows
    run.cycles(count, 0.2)
    run.capacity_mah, run.rows_per_step = capacity, usual
    return run


def bare(table: pl.DataFrame) -> pl.DataFrame:
    return table.drop("cycle_count", "step_count")


@pytest.mark.parametrize("rows", [2, 10])
@pytest.mark.parametrize("share", [0.03, 0.002])
def test_cycles_of_a_dead_cell_are_cycles(share: float, rows: int) -> None:
    table = dying(Programme().cycles(10, 0.2), 20, share, rows).table()
    result = analyse(table, CATHODE)
    assert result.cycles["cycle"].to_list() == list(range(1, 31))
    assert result.cycles["vendor_cycle_first"].to_list() == list(range(1, 31))
    assert result.cycles["discharge_capacity_mah"].to_list() == pytest.approx([1.0] * 10 + [share] * 20, rel=1e-6)
    assert result.cycles["capacity_retention"][-1] == pytest.approx(100 * share, rel=1e-6)
    retention = next(v for v in result.values if v.quantity == "capacity_retention")
    assert (retention.value, retention.conditions.cycle) == (pytest.approx(100 * share, rel=1e-6), 30)
    assert cycle_table(bare(table), electrode="cathode").height == 30


def test_a_cell_that_dies_slowly_keeps_all_its_cycles() -> None:
    run = Programme().cycles(10, 0.2)
    shares = [0.8, 0.5, 0.2, 0.1, 0.06, 0.05, 0.045, 0.04, 0.03, 0.03, 0.02, 0.02]
    for share in shares:
        dying(run, 1, share)
    frame = cycle_table(run.table())
    assert frame["discharge_capacity_mah"].to_list() == pytest.approx([1.0] * 10 + shares, rel=1e-6)


def test_small_cycles_in_mid_test_shift_no_number() -> None:
    run = dying(Programme().cycles(10, 0.2), 3, 0.04).cycles(7, 0.2)
    for table in (run.table(), bare(run.table())):
        charged = cycle_table(table)["charge_capacity_mah"].to_list()
        assert charged == pytest.approx([1.0] * 10 + [0.04] * 3 + [1.0] * 7, rel=1e-6)


def test_small_cycles_first_and_one_that_the_file_ends_in() -> None:
    run = dying(Programme(), 4, 0.03).cycles(5, 0.2)
    frame = cycle_table(dying(run, 6, 0.03).constant_current(0.2, 0.01).table())
    assert frame["charge_capacity_mah"].to_list() == pytest.approx([0.03] * 4 + [1.0] * 5 + [0.03] * 6 + [0.01])
    assert frame["complete"].to_list() == [True] * 15 + [False]


def test_a_cell_that_dies_in_its_first_discharge() -> None:
    run = Programme().constant_current(0.2, 1.0).rest(600)
    run.capacity_mah = 0.03
    run.constant_current(0.2, 0.0).rest(600)
    run.cycle += 1
    run.cycles(8, 0.2)
    assert cycle_table(run.table(), electrode="cathode").height == 9
    assert cycle_table(bare(run.table()), electrode="cathode").height == 9


def test_half_cycles_of_one_row_at_the_limit() -> None:
    """So resistive that the limit is there at once, and passed: one row for each half-cycle."""
    table = Programme().cycles(6, 0.2).table()
    time, cycle, step = (table[name][-1] for name in ("test_time_second", "cycle_count", "step_count"))
    rows = []
    for k in range(10):
        for sign, voltage in ((1, 4.45), (-1, 2.7)):
            for seconds, current in ((10, 2e-4 * sign), (300, 0.0), (300, 0.0)):
                time, step = time + seconds, step + (seconds == 10 or current == 0.0)
                rows.append((time, voltage if current else 3.6, current, cycle + 1 + k, step))
    table = pl.concat([table, pl.DataFrame(rows, schema=table.schema, orient="row")])
    assert cycle_table(table).height == 16
    assert cycle_table(bare(table)).height == 16


def test_charges_that_are_held_at_the_limit_from_their_first_row_on() -> None:
    rows, time, step = [], 0.0, 0
    shares = [1.0] * 5 + [0.03] * 6 + [1.0] * 3  # of the discharges; each charge brings back what was taken
    for cycle, (taken, given) in enumerate(zip([1.0, *shares], shares, strict=False), 1):
        for held, share in ((True, taken), (False, given)):
            for part in np.linspace(0.0, 1.0, 40):
                rows.append((time, 4.4, 1e-3 - 9e-4 * part, cycle, step) if held else
                            (time, 4.2 - 1.4 * part, -5.5e-4, cycle, step))  # fmt: skip
                time += 90.0 * share * (part < 1.0)
            rows += [(time + wait, 4.2 if held else 3.2, 0.0, cycle, step + 1) for wait in (60.0, 600.0)]
            time, step = time + 600.0, step + 2
    names = ["test_time_second", "voltage_volt", "current_ampere", "cycle_count", "step_count"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    assert cycle_table(table).height == 14
    assert cycle_table(bare(table)).height == 14


@pytest.mark.parametrize("electrode", ["cathode", "anode"])
@pytest.mark.parametrize("resistance_ohm", [15.2, 15.6, 15.84])
def test_the_fast_step_of_a_rate_test_and_its_recovery(resistance_ohm: float, electrode: Electrode) -> None:
    """At 100 mA the cell gives 1 − 100 mA · R / 1.6 V of its capacity: 5, 2.5 and 1 %."""
    fast = 1.0 - 0.1 * resistance_ohm / 1.6
    way = 1 if electrode == "cathode" else -1
    run = Programme(x=0.0 if way > 0 else 1.0, empty_v=2.8, full_v=4.4)

    def half(current: float, sign: int) -> None:
        drop = 1e-3 * current * (resistance_ohm if current == 100.0 else 0.0) / 1.6
        run.resistance_ohm = resistance_ohm if current == 100.0 else 0.0
        run.constant_current(current, 1.0 - drop if sign > 0 else drop).rest(600)

    for current in (0.1, 0.5, 1.0, 100.0, 0.1):
        for _ in range(3):
            for sign in (way, -way):
                half(current if (sign < 0) == (way > 0) else 0.1, sign)
            run.cycle += 1
    cell = Cell(key="r", electrode=electrode, active_mass_mg=5.0, one_c_ma_g=200.0)
    result = analyse(run.table(), cell)
    assert result.cycles.height == 15
    assert {s.kind for s in result.segments if s.purpose} == {"rate_test"}
    if electrode == "cathode":
        capability = [v.value for v in result.values if v.quantity == "rate_capability"]
        assert capability == pytest.approx([100.0, 100.0, 100.0, 100.0 * fast], rel=1e-6)
        (recovery,) = [v for v in result.values if v.quantity == "rate_recovery"]
        assert recovery.value == pytest.approx(100.0)


def pulsed(run: Programme, pulse_mah: float, *, count: bool) -> Programme:
    """One discharge in parts of 10 %, each with a pulse of charge; the cycler may count every pulse."""
    run.constant_current(0.2, 1.0).rest(600)
    for k in range(9):
        run.constant_current(0.2, 0.9 - 0.1 * k).rest(60)
        run.constant_current(2.0, run.x + pulse_mah, 4).rest(60)
        run.cycle += count
    run.constant_current(0.2, 0.0).rest(600)
    run.cycle += 1
    return run


@pytest.mark.parametrize("count", [False, True])
@pytest.mark.parametrize("resistance_ohm", [0.0, 50.0, 400.0])
def test_pulses_within_the_window_stay_pulses(resistance_ohm: float, *, count: bool) -> None:
    run = Programme(resistance_ohm=resistance_ohm).cycles(3, 0.2)
    result = analyse(pulsed(run, 0.01, count=count).cycles(3, 0.2).table(), CATHODE)
    assert result.cycles.height == 7
    assert ("pulse", 4, 4) in [(s.kind, s.first_cycle, s.last_cycle) for s in result.segments]
    assert bool(finding(result, "cycle-count-differs")) is count


def test_pulses_at_the_upper_limit_stay_pulses() -> None:
    """Each is charged back to the limit, but the discharge ends by time, far from the other one."""
    run = Programme(resistance_ohm=50.0).cycles(3, 0.2).constant_current(0.2, 1.0).rest(600)
    for _ in range(5):
        run.constant_current(2.0, 0.99, 4).rest(60).constant_current(0.2, 1.0, 4).rest(60)
    run.constant_current(0.2, 0.0).rest(600)
    run.cycle += 1
    assert cycle_table(run.cycles(3, 0.2).table()).height == 7
    lone = Programme(resistance_ohm=50.0).constant_current(0.2, 1.0)
    for _ in range(5):
        lone.rest(60).constant_current(2.0, 0.99, 4).rest(60).constant_current(0.2, 1.0, 4)
    assert cycle_table(lone.table()).height == 1


def test_reversed_pulses_of_a_cell_without_slope_stay_pulses() -> None:
    """Li|Li: every half-cycle and every pulse runs at the same two voltages, and ends by time."""
    sign = np.concatenate([w * np.array(([1] * 40 + [-1]) * 9 + [1] * 40) for w in (1, -1) * 5])
    noise = np.random.default_rng(0).normal(0.0, 0.002, len(sign))
    table = pl.DataFrame(
        {"test_time_second": 10.0 * np.arange(len(sign)), "voltage_volt": 0.05 * sign + noise}
    ).with_columns(current_ampere=pl.Series(1e-3 * sign))
    assert cycle_table(table).height == 5


def test_rows_that_miss_the_end_are_helped_by_the_cyclers_count() -> None:
    """Of a half-cycle of 9 s rows every 4 s are there: the last one is 180 mV before the limit."""
    run = Programme().cycles(5, 0.2)
    table = dying(run, 6, 0.0005, rows=10).table()
    small = (pl.col("cycle_count") > 5) & (pl.col("current_ampere") != 0.0)
    kept = table.filter(~small | (pl.int_range(pl.len()).over("step_count") % 4 == 0)).drop("step_count")
    assert cycle_table(kept).height == 11
    assert cycle_table(kept.drop("cycle_count")).height < 11  # nothing tells them from pulses


def test_shallow_cycles_within_the_window_are_said_with_the_setting_that_counts_them() -> None:
    run = Programme().cycles(4, 0.2).constant_current(0.2, 0.5)
    for _ in range(20):
        run.constant_current(0.2, 0.47).constant_current(0.2, 0.5)
        run.cycle += 1
    table = run.constant_current(0.2, 1.0).constant_current(0.2, 0.0).table()
    said = finding(analyse(table, CATHODE), "cycle-count-differs")
    assert "The cycler counts 25 cycles where lirich finds 5" in said
    assert "20 reversal(s)" in said
    assert "set reversal_fraction = 0.01 in" in said
    assert cycle_table(table, settings=CyclingSettings(reversal_fraction=0.01)).height == 25


def stopped(run: Programme, at: float) -> Programme:
    run.constant_current(0.2, 1.0).rest(600).constant_current(0.2, at).rest(600)
    run.cycle += 1
    return run


def test_a_count_that_starts_over_goes_on() -> None:
    run = Programme().cycles(10, 0.2)
    run.cycle = 1
    table = run.cycles(10, 0.2).table()
    assert not finding(analyse(table, CATHODE), "cycle-count-differs")
    halves = pl.col("cycle_count") - pl.col("cycle_count") % 2
    said = finding(analyse(table.with_columns(cycle_count=halves), CATHODE), "cycle-count-differs")
    assert "The cycler counts 12 cycles where lirich finds 20" in said


def test_a_discharge_that_was_stopped_is_said_and_belongs_to_no_fade() -> None:
    result = analyse(stopped(Programme().cycles(3, 0.2), 0.377).cycles(4, 0.2).table(), CATHODE)
    assert result.cycles["complete"].to_list() == [True] * 3 + [False] + [True] * 4
    assert [(s.kind, s.first_cycle, s.last_cycle) for s in result.segments if s.purpose] == [("ageing", 1, 8)]
    said = finding(result, "half-cycle-cut")
    assert "The discharge of cycle 4 ends at 3.403 V, where no other does (those at its current end at 2.8 V)" in said
    assert result.cycles["follows_unlike"].to_list() == [False] * 4 + [True] + [False] * 3
    retention = result.cycles["capacity_retention"]
    assert retention[3] is None
    assert retention.drop_nulls().to_list() == pytest.approx([100.0] * 7)


def test_the_cut_off_that_is_named_is_that_of_the_like_ones() -> None:
    run = stopped(Programme().cycles(4, 0.2), 0.4171).cycles(4, 0.2).cycles(30, 1.0, low=0.25)  # these to 3.2 V
    said = finding(analyse(run.table(), CATHODE), "half-cycle-cut")
    assert "The discharge of cycle 5 ends at 3.467 V, where no other does (those at its current end at 2.8 V)" in said


def of_cycle(result: CyclingResult, cycle: int) -> dict[str, tuple[str, ...]]:
    """Flags of the values of one *cycle*, by quantity."""
    return {v.quantity: v.flags for v in result.values if v.conditions.cycle == cycle}


def test_a_first_cycle_with_a_stopped_discharge_has_no_efficiency_but_a_whole_charge() -> None:
    flags = of_cycle(analyse(stopped(Programme(), 0.377).cycles(8, 0.2).table(), CATHODE), 1)
    assert not {"initial_coulombic_efficiency", "irreversible_capacity_mah_g"} & set(flags)
    assert "incomplete-cycle" in flags["low_voltage_capacity_mah_g"]
    assert "incomplete-cycle" not in flags["high_voltage_capacity_mah_g"]
    whole = of_cycle(analyse(Programme().cycles(9, 0.2).table(), CATHODE), 1)
    assert {"initial_coulombic_efficiency", "irreversible_capacity_mah_g"} <= set(whole)


def test_what_rests_on_a_first_charge_that_was_stopped_is_flagged() -> None:
    run = Programme(empty_v=2.0, full_v=4.8).cycles(1, 0.2, high=2.63 / 2.8).cycles(8, 0.2)
    flags = of_cycle(analyse(run.table(), CATHODE, LI_RICH), 1)
    assert {"activation_voltage_v", "plateau_capacity_mah_g", "formal_oxygen_capacity_mah_g"} <= set(flags)
    assert all("incomplete-cycle" in flag for flag in flags.values())
    assert "initial_coulombic_efficiency" not in flags


def lithiated(run: Programme, count: int, to_x: float = 1.0) -> Programme:
    for _ in range(count):
        run.constant_current(0.2, 0.0).rest(600).constant_current(0.2, to_x).rest(600)
        run.cycle += 1
    return run


@pytest.mark.parametrize("before", [0, 3, 8])
@pytest.mark.parametrize("electrode", ["anode", None])
def test_the_discharge_of_an_anode_after_a_cut_charge_enters_no_fade(before: int, electrode: Electrode | None) -> None:
    cell = CATHODE.model_copy(update={"electrode": electrode})
    run = lithiated(lithiated(Programme(x=1.0, empty_v=0.01, full_v=1.5), before), 1, 0.377)
    result = analyse(lithiated(run, 9 - before).table(), cell)
    cycles = result.cycles.filter(pl.col("cycle") == before + 2)
    assert cycles["discharge_capacity_mah"].to_list() == pytest.approx([0.377])
    assert cycles.select("complete", "like_group", "capacity_retention").row(0) == (True, None, None)
    assert result.cycles["capacity_retention"].drop_nulls().to_list() == pytest.approx([100.0] * 8)
    assert result.reference_cycle == (1 if before else 3)
    assert f"the discharge of cycle {before + 2}, which enters none either" in finding(result, "half-cycle-cut")
    assert not finding(result, "unlike-conditions")


def test_the_discharge_of_an_anode_after_a_cut_charge_is_flagged() -> None:
    anode = CATHODE.model_copy(update={"electrode": "anode"})
    run = lithiated(lithiated(Programme(x=1.0, empty_v=0.01, full_v=1.5), 3), 1, 0.377)
    flags = of_cycle(analyse(lithiated(run, 1).table(), anode), 5)
    assert "follows-unlike" in flags["discharge_specific_capacity_mah_g"]
    assert "follows-unlike" in flags["coulombic_efficiency"]
    assert "follows-unlike" not in flags["charge_specific_capacity_mah_g"]


def test_a_last_discharge_that_was_stopped_before_a_rest_is_incomplete() -> None:
    result = analyse(stopped(Programme().cycles(5, 0.2), 0.377).table(), CATHODE)
    assert result.cycles["complete"].to_list() == [True] * 5 + [False]
    assert finding(result, "incomplete-last-cycle")
    assert finding(result, "half-cycle-cut")
    assert all("incomplete-cycle" in v.flags for v in result.values if v.conditions.cycle == 6)
    running = Programme().cycles(5, 0.2).constant_current(0.2, 1.0).rest(600).constant_current(0.2, 0.377)
    assert not finding(analyse(running.table(), CATHODE), "half-cycle-cut")


def test_other_windows_and_ends_by_capacity_are_not_cut() -> None:
    check_up = analyse(stopped(Programme().cycles(5, 0.2), 0.125).cycles(5, 0.2).table(), CATHODE)  # 3.0 V
    assert check_up.cycles["complete"].all()
    assert ("check_up", 6, 6) in [(s.kind, s.first_cycle, s.last_cycle) for s in check_up.segments]
    twice = stopped(stopped(Programme().cycles(5, 0.2), 0.377).cycles(5, 0.2), 0.377).cycles(2, 0.2)
    assert analyse(twice.table(), CATHODE).cycles["complete"].all()
    activation = Programme().cycles(1, 0.2, high=0.8125).cycles(1, 0.2, high=0.90625).cycles(6, 0.2)  # 4.1, 4.25 V
    assert analyse(activation.table(), CATHODE).cycles["complete"].all()
    fixed = Programme()
    for k in range(10):  # resistance grows until the lower limit comes before the capacity is out
        fixed.resistance_ohm = 300.0 * k
        fixed.constant_current(0.2, 0.8).rest(60).constant_current(0.2, max(0.2, 0.0375 * k)).rest(60)
        fixed.cycle += 1
    assert analyse(fixed.table(), CATHODE).cycles["complete"].all()


def test_a_half_cycle_whose_last_row_is_not_there_is_not_cut() -> None:
    """Rows are 145 mV apart: without the last one the discharge ends as far from the cut-off as the step to it."""
    table = Programme(rows_per_step=12).cycles(8, 0.2).table()
    last = (pl.col("cycle_count") == 4) & (pl.col("current_ampere") < 0) & pl.col("step_count").is_last_distinct()
    assert not finding(analyse(table.filter(~last), CATHODE), "half-cycle-cut")
    half = (pl.col("cycle_count") == 4) & (pl.col("current_ampere") < 0) & (pl.col("voltage_volt") < 3.5)
    assert finding(analyse(table.filter(~half), CATHODE), "half-cycle-cut")


@pytest.mark.parametrize(("direction", "end_v"), [("discharge", 2.997), ("discharge", 2.992), ("charge", 4.206)])
def test_a_window_that_the_last_row_overshoots_is_not_cut(direction: str, end_v: float) -> None:
    """Rows are 10 mV apart, so that these ends are of 3.0 and 4.2 V; those 20 mV from them are of none."""

    def said(end_v: float) -> str:
        run = Programme(empty_v=2.5, full_v=4.5, rows_per_step=200).cycles(10, 0.2)
        run.cycles(1, 0.2, **{"low" if direction == "discharge" else "high": (end_v - 2.5) / 2.0})
        return finding(analyse(run.cycles(10, 0.2).table(), CATHODE), "half-cycle-cut")

    assert not said(end_v)
    for far in (-0.02, 0.02):
        assert said(end_v + far)

"""Rows left out of programmes whose truth is known: the hole is said, and what the counters know is kept."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cycler_programme import HOUR, Programme
from lirich.cycling import CyclingResult, analyse
from lirich.model import Cell
from lirich.model.flags import unsound
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, STEP, TIME, VOLTAGE
from lirich.readers import read

CATHODE = Cell(key="c", electrode="cathode", active_mass_mg=5.0, one_c_ma_g=200.0)
ROWS = 200  # of a half-cycle


def counted(table: pl.DataFrame) -> pl.DataFrame:
    """Add the counters of a cycler that integrates what the current was in truth: nothing in a boundary."""
    time, current = table[TIME].to_numpy(), table[CURRENT].to_numpy()
    gained = np.append(0.0, np.where(current[1:] == current[:-1], np.diff(time) * current[1:], 0.0) / HOUR)
    return table.with_columns(
        pl.Series(CHARGED, np.cumsum(np.maximum(gained, 0.0))),
        pl.Series(DISCHARGED, np.cumsum(np.maximum(-gained, 0.0))),
    )


def six_cycles(current_ma: float = 0.1, rest_s: float = 600.0) -> pl.DataFrame:
    """Six cycles of 1 mAh; a charge with its rest and a discharge with its rest have 206 rows each."""
    return counted(Programme(rows_per_step=ROWS).cycles(6, current_ma, rest_s=rest_s).table())


def without(table: pl.DataFrame, first: int, last: int) -> CyclingResult:
    return analyse(pl.concat([table[:first], table[last:]]), CATHODE)


def codes(result: CyclingResult) -> list[str]:
    return [f.code for f in result.findings]


TURN = ROWS  # the last row of the charge of cycle 1 is before this one


@pytest.mark.parametrize("hours", [10.0, 0.25])
@pytest.mark.parametrize(
    ("first", "last"),
    [
        (TURN - 80, TURN + 90),  # charge to discharge
        (TURN + ROWS - 60, TURN + ROWS + 80),  # discharge to charge
        (TURN - 50, TURN + 3),  # charge to rest
        (TURN + 3, TURN + 60),  # rest to discharge
        (TURN + 3, TURN + ROWS + 8),  # rest to rest: a whole discharge
    ],
)
def test_what_counters_saw_pass_in_a_hole_stays_with_its_direction(first: int, last: int, hours: float) -> None:
    table = six_cycles(1.0 / hours, rest_s=60.0 * hours)
    whole = analyse(table, CATHODE)
    assert "recording-gap" not in codes(whole)
    result = without(table, first, last)
    assert "recording-gap" in codes(result)
    for side in ("charge", "discharge"):
        expected = whole.cycles[f"{side}_capacity_mah"].to_list()
        assert result.cycles[f"{side}_capacity_mah"].to_list() == pytest.approx(expected, rel=1e-9)
    flagged = {v.conditions.cycle for v in result.values if "recording-gap" in unsound(v.flags)}
    assert flagged <= {1, 2}
    if first < TURN < last - 6:  # the turn itself was not seen
        assert 1 in flagged


@pytest.mark.parametrize(("first", "last"), [(TURN + 3, TURN + ROWS + 8), (TURN + ROWS + 11, TURN + 2 * ROWS + 13)])
def test_a_whole_half_cycle_hidden_between_rests_must_be_flagged(first: int, last: int) -> None:
    result = without(six_cycles(), first, last)
    assert result.cycles.height == 6
    of_it = [v for v in result.values if v.conditions.cycle == 1]
    assert of_it
    assert all("recording-gap" in unsound(v.flags) for v in of_it)


def by_voltage(table: pl.DataFrame, step_v: float, longest_s: float) -> pl.DataFrame:
    """Keep the first and last row of each step, and those that a cycler set to ΔV and Δt records."""
    time, voltage, step = (table[name].to_numpy() for name in (TIME, VOLTAGE, STEP))
    kept = [0]
    for k in range(1, len(time)):
        edge = step[k] != step[k - 1] or k + 1 == len(time) or step[k + 1] != step[k]
        if edge or abs(voltage[k] - voltage[kept[-1]]) >= step_v or time[k] - time[kept[-1]] >= longest_s:
            kept.append(k)
    return table[kept]


@pytest.mark.parametrize("one_step", [True, False])
def test_a_hold_recorded_by_voltage_says_nothing(one_step: bool) -> None:
    run = Programme(rows_per_step=3600)
    for _ in range(3):
        run.constant_current(1.0, 0.9).constant_voltage(0.1, 1000).rest(600.0).constant_current(1.0, 0.0).rest(600.0)
        run.cycle += 1
    table = run.table()
    time, current = table[TIME].to_numpy(), table[CURRENT].to_numpy()
    new = np.diff(table[STEP].to_numpy()) != 0
    gained = np.append(0.0, np.where(new, 0.0, 0.5 * (current[1:] + current[:-1]) * np.diff(time)) / HOUR)
    table = table.with_columns(
        pl.Series(CHARGED, np.cumsum(np.maximum(gained, 0.0))),
        pl.Series(DISCHARGED, np.cumsum(np.maximum(-gained, 0.0))),
    )
    sparse = by_voltage(table, 0.005, 300.0)
    if one_step:  # the hold is a part of the charge, and its first row is not recorded
        hold = sparse.filter((pl.col(STEP) % 5 == 2) & ~pl.col(STEP).is_first_distinct())
        sparse = pl.concat([sparse.filter(pl.col(STEP) % 5 != 2), hold]).sort(TIME, maintain_order=True)
        sparse = sparse.with_columns(
            pl.when(pl.col(STEP) % 5 == 2).then(pl.col(STEP) - 1).otherwise(pl.col(STEP)).alias(STEP)
        )
    result = analyse(sparse, CATHODE)
    assert "recording-gap" not in codes(result)
    assert result.cycles["charge_capacity_mah"].to_list() == pytest.approx([1.0] * 3, rel=2e-3)


@pytest.mark.parametrize("directions", [2, 1, 0])
def test_pauses_at_the_limits_are_no_holes(directions: int) -> None:
    """An impedance of half an hour after each half-cycle, of which the file has no rows."""
    table = six_cycles(0.5, rest_s=1800.0).filter(pl.col(CURRENT) != 0.0).drop((DISCHARGED, CHARGED)[: 2 - directions])
    result = analyse(table, CATHODE)
    assert "recording-gap" not in codes(result)
    assert result.cycles.height == 6


def test_without_counters_and_without_another_half_cycle_a_gap_at_the_turn_is_said() -> None:
    table = Programme(rows_per_step=ROWS).cycles(1, 0.1, rest_s=0.0).table()
    assert "recording-gap" in codes(without(table, ROWS - 80, ROWS + 90))


@pytest.mark.parametrize("directions", [2, 1, 0])
def test_a_hole_over_a_turn_is_said_and_its_cycle_is_not_ranked(directions: int) -> None:
    table = six_cycles().drop((DISCHARGED, CHARGED)[: 2 - directions])
    assert "recording-gap" not in codes(analyse(table, CATHODE))
    result = without(table, TURN - 80, TURN + 90)
    assert "recording-gap" in codes(result)
    flagged = [v for v in result.values if v.conditions.cycle == 1]
    assert flagged
    assert all("recording-gap" in unsound(v.flags) for v in flagged)
    assert not any("recording-gap" in v.flags for v in result.values if v.conditions.cycle == 6)


@pytest.mark.parametrize(("first", "last"), [(TURN - 80, TURN + 3), (TURN + 3, TURN + 90), (TURN + 3, TURN + ROWS + 8)])
def test_without_counters_steps_left_out_or_a_jump_of_the_voltage_tell_a_hole_beside_a_rest(
    first: int, last: int
) -> None:
    table = six_cycles().drop(CHARGED, DISCHARGED)
    over_steps = last > TURN + 100
    for frame in (table,) if over_steps else (table, table.drop("step_count")):
        assert "recording-gap" not in codes(analyse(frame, CATHODE))
        assert "recording-gap" in codes(without(frame, first, last))


def test_a_hidden_half_cycle_between_two_charges_is_counted() -> None:
    table = six_cycles()
    result = without(table, TURN - 80, TURN + ROWS + 60)
    assert "recording-gap" in codes(result)
    assert result.cycles.height == 6
    assert result.cycles["discharge_capacity_mah"].to_list() == pytest.approx([1.0] * 6, rel=1e-9)
    assert result.cycles["charge_capacity_mah"].sum() == pytest.approx(6.0, rel=1e-9)


def test_pauses_in_which_the_counters_stand_and_sparse_rests_are_no_holes() -> None:
    table = six_cycles()
    row = pl.int_range(pl.len())
    paused = table.with_columns(pl.when(row >= TURN + 6).then(pl.col(TIME) + 9 * HOUR).otherwise(pl.col(TIME)))
    assert "recording-gap" not in codes(analyse(paused, CATHODE))
    for rest_h in (1.0, 50.0):
        run = Programme(rows_per_step=ROWS)
        for rows in (2, 3, 6):
            run.cycles(2, 0.1, rest_s=0.0).constant_current(0.1, 1.0).rest(rest_h * HOUR, rows)
            run.constant_current(0.1, 0.0).rest(rest_h * HOUR, rows)
        for frame in (run.table(), counted(run.table())):
            assert "recording-gap" not in codes(analyse(frame, CATHODE))
    gitt = Programme().pulses(0.1, 1.0, 20, 5 * HOUR).pulses(0.1, 0.0, 20, 5 * HOUR).table()
    for frame in (gitt, counted(gitt)):
        assert "recording-gap" not in codes(analyse(frame, CATHODE))


@pytest.mark.parametrize(
    ("name", "first", "last", "repairs"),
    [
        ("neware_export_uio.csv", 4335, 4939, ()),
        ("arbin_example_halfcell_3.0-4.3V.res", 700, 840, ()),
        ("basytec_LiLNMO_pOCV_halfcell.bdf.csv", 7000, 11000, ("time-3600x",)),
    ],
)
@pytest.mark.data
def test_holes_in_files_of_instruments_are_said(shared_data, name: str, first: int, last: int, repairs) -> None:
    table = read(shared_data / "cycling" / name, repairs=repairs).table
    whole, result = analyse(table, CATHODE), without(table, first, last)
    assert "recording-gap" not in codes(whole)
    assert "recording-gap" in codes(result)
    if CHARGED in table.columns:
        assert result.cycles.height == whole.cycles.height
        for side in ("charge", "discharge"):
            expected = whole.cycles[f"{side}_capacity_mah"].to_list()
            assert result.cycles[f"{side}_capacity_mah"].to_list() == pytest.approx(expected, rel=2e-3)

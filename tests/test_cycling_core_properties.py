"""Invariants of cycling analysis on random programmes and random tables."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cycler_programme import Programme
from lirich.cycling import CyclingSettings, analyse, annotate, cycle_table
from lirich.cycling.turns import half_cycle_starts
from lirich.errors import LirichError
from lirich.model import Cell

QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CHARGES = ["charge_capacity_mah", "discharge_capacity_mah", "charge_energy_mwh", "discharge_energy_mwh"]
INTENSIVE = ["mean_charge_voltage_v", "mean_discharge_voltage_v", "coulombic_efficiency", "low_voltage_share"]


@st.composite
def programmes(draw: st.DrawFn) -> Programme:
    """Cycles of random depth, rate and rest, some interrupted, some with a held voltage, the last perhaps cut short."""
    run = Programme(
        capacity_mah=draw(st.floats(0.1, 50)),
        resistance_ohm=draw(st.sampled_from([0.0, 5.0])),
        x=draw(st.sampled_from([0.0, 0.2])),
        rows_per_step=draw(st.integers(8, 40)),
    )
    if draw(st.booleans()):
        run.rest(600)
    for _ in range(draw(st.integers(1, 6))):
        current = run.capacity_mah * draw(st.sampled_from([0.05, 0.2, 1.0, 3.0]))
        high, low = draw(st.floats(0.7, 0.95)), draw(st.floats(0.0, 0.3))
        if draw(st.booleans()):
            run.pulses(current, high, draw(st.integers(2, 7)), draw(st.sampled_from([10.0, 1800.0])))
        else:
            run.constant_current(current, high)
            if draw(st.booleans()):
                run.constant_voltage(0.05 * run.capacity_mah)
        if draw(st.booleans()):
            run.rest(300)
        run.constant_current(current, low)
        if draw(st.booleans()):
            run.rest(300)
        run.cycle += 1
    if draw(st.booleans()):
        run.constant_current(0.2 * run.capacity_mah, draw(st.floats(0.4, 0.9)))
    return run


@QUIET
@given(programmes())
def test_charge_and_energy_are_conserved(run: Programme) -> None:
    frame = cycle_table(run.table())
    for sign, name in ((1, "charge"), (-1, "discharge")):
        total = sum(q for _, s, q, _ in run.truth if s == sign)
        assert frame[f"{name}_capacity_mah"].sum() == pytest.approx(total, rel=1e-6)
        energy = sum(e for _, s, _, e in run.truth if s == sign)
        assert frame[f"{name}_energy_mwh"].sum() == pytest.approx(energy, rel=1e-6)


@QUIET
@given(programmes())
def test_every_cycle_has_its_own_charge(run: Programme) -> None:
    frame = cycle_table(run.table(), electrode="cathode")
    for row in frame.iter_rows(named=True):
        assert row["charge_capacity_mah"] == pytest.approx(run.charge(row["cycle"], 1), rel=1e-6, abs=1e-12)
        assert row["discharge_capacity_mah"] == pytest.approx(run.charge(row["cycle"], -1), rel=1e-6, abs=1e-12)


@QUIET
@given(programmes(), st.floats(-1e6, 1e6))
def test_time_has_no_origin(run: Programme, shift: float) -> None:
    table = run.table()
    moved = table.with_columns(pl.col("test_time_second") + shift)
    assert_frame_equal(cycle_table(table), cycle_table(moved), rel_tol=1e-6, abs_tol=1e-6)


@QUIET
@given(programmes(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(run: Programme, random: object) -> None:
    table = run.table().unique("test_time_second", keep="first", maintain_order=True)
    order = np.random.default_rng(random.randint(0, 2**31)).permutation(table.height)  # type: ignore[attr-defined]
    assert_frame_equal(cycle_table(table), cycle_table(table[order]))


@QUIET
@given(programmes(), st.floats(1e-3, 1e3))
def test_a_larger_cell_is_a_larger_cell(run: Programme, factor: float) -> None:
    table = run.table()
    small, large = cycle_table(table), cycle_table(table.with_columns(pl.col("current_ampere") * factor))
    assert small["cycle"].to_list() == large["cycle"].to_list()
    for name in CHARGES:
        assert large[name].to_list() == pytest.approx((small[name] * factor).to_list(), rel=1e-9)
    assert_frame_equal(small.select(INTENSIVE), large.select(INTENSIVE))


@QUIET
@given(programmes())
def test_rows_between_rows_change_nothing(run: Programme) -> None:
    table = run.table()
    values = table.to_numpy()
    same = table["step_count"].to_numpy()[1:] == table["step_count"].to_numpy()[:-1]
    middle = 0.5 * (values[1:] + values[:-1])[same]
    dense = pl.DataFrame(np.concatenate([values, middle]), schema=table.columns)
    dense = dense.with_columns(pl.col("cycle_count", "step_count").cast(pl.Int64))
    dense = dense.sort("test_time_second", "step_count", maintain_order=True)
    before, after = cycle_table(table), cycle_table(dense)
    columns = [
        "cycle",
        "complete",
        *CHARGES,
        "mean_charge_voltage_v",
        "median_discharge_voltage_v",
        "low_voltage_share",
    ]
    assert_frame_equal(before.select(columns), after.select(columns), rel_tol=1e-6, abs_tol=1e-9)


@QUIET
@given(programmes())
def test_the_cyclers_own_steps_are_not_needed(run: Programme) -> None:
    with_steps, without = cycle_table(run.table()), cycle_table(run.table(vendor=False))
    assert with_steps["cycle"].to_list() == without["cycle"].to_list()
    assert_frame_equal(with_steps.select(CHARGES), without.select(CHARGES), rel_tol=1e-6, abs_tol=1e-12)


@QUIET
@given(programmes())
def test_no_value_is_without_number_and_every_half_cycle_is_monotone(run: Programme) -> None:
    result = analyse(run.table(), Cell(key="x", electrode="cathode", active_mass_mg=3.0, one_c_ma_g=250.0))
    assert all(math.isfinite(v.value) for v in result.values)
    for frame in (result.cycles, result.steps):
        for name, dtype in frame.schema.items():
            if dtype == pl.Float64:
                assert frame[name].is_finite().fill_null(True).all(), name
    for half in result.half_cycles():
        assert half.capacity_mah[0] == 0.0
        assert np.all(np.diff(half.capacity_mah) >= 0.0)
        assert len({len(half), len(half.capacity_mah), len(half.constant_voltage)}) == 1


numbers = st.floats(-1e3, 1e3) | st.sampled_from([math.nan, math.inf, 0.0, 1e-12, 1e308])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers, st.integers(0, 3)), max_size=30), st.booleans())
def test_any_table_gives_numbers_or_a_typed_error(rows: list[tuple[float, float, float, int]], timed: bool) -> None:
    names = ("test_time_second", "voltage_volt", "current_ampere")
    if not timed:
        names = ("charging_capacity_ah", "voltage_volt", "discharging_capacity_ah")
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    table = pl.DataFrame(
        {**{n: pl.Series(c, dtype=pl.Float64) for n, c in zip(names, columns[:3], strict=True)},
         "cycle_count": pl.Series(columns[3], dtype=pl.Int64)}
    )  # fmt: skip
    try:
        result = analyse(table, Cell(key="x", electrode="cathode", active_mass_mg=1.0))
    except LirichError:
        return
    assert all(math.isfinite(v.value) for v in result.values)
    assert result.cycles.height >= 1


@QUIET
@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=60), st.booleans())
def test_full_half_cycles_are_never_merged(depths: list[float], begin: bool) -> None:
    signs = np.where((np.arange(len(depths)) % 2 == 0) == begin, 1.0, -1.0)
    starts = half_cycle_starts(signs * np.array(depths), CyclingSettings())
    assert starts.tolist() == list(range(len(depths)))


@QUIET
@given(st.integers(2, 400), st.floats(0.9, 1.0))
def test_a_long_test_with_losses_does_not_look_like_drift(cycles: int, efficiency: float) -> None:
    charge = np.tile([1.0, -efficiency], cycles)
    assert len(half_cycle_starts(charge, CyclingSettings())) == 2 * cycles


@QUIET
@given(st.lists(st.floats(1e-4, 0.02), min_size=3, max_size=80), st.integers(1, 5))
def test_small_reversals_are_absorbed_wherever_they_are(pulses: list[float], cycles: int) -> None:
    """A discharge cut by pulses of charge is one half-cycle: its parts are unequal, the pulses below 2 %."""
    part = 1.0 / len(pulses) + 0.05
    discharge = np.array([q for p in pulses for q in (-part - p, p)])[:-1]
    runs = np.concatenate([np.append(5.0, 5.0 / abs(discharge.sum()) * discharge) for _ in range(cycles)])
    assert len(half_cycle_starts(runs, CyclingSettings())) == 2 * cycles


def test_annotation_covers_every_row_once() -> None:
    notes = annotate(Programme().rest(60).cycles(3, 0.3).table())
    assert notes.half_start[0] == 0
    assert notes.half_stop[-1] == len(notes.points)
    assert np.array_equal(notes.half_start[1:], notes.half_stop[:-1])
    assert np.array_equal(notes.steps.start[1:], notes.steps.stop[:-1])

"""The physics cross-checks: every seeded fault is found with its repair, and sound tests raise no alarm."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lirich.model import Severity
from lirich.model.digits import current_rounding
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    CURRENT,
    DISCHARGED,
    DISCHARGED_ENERGY,
    STEP_TYPE,
    TIME,
    UNIX_TIME,
    VOLTAGE,
)
from lirich.readers import check, repair


def cell_test(
    *,
    hours: float = 10.0,
    current_a: float = 1e-3,
    cycles: int = 3,
    interval_s: float = 30.0,
    capacity: bool = True,
    clock: bool = False,
    rest_h: float = 0.5,
    noise_v: float = 0.0,
    seed: int = 0,
) -> pl.DataFrame:
    """A sound cycling test: constant current up and down with rests between, exact capacities."""
    rng = np.random.default_rng(seed)
    time, voltage, current, kind = [0.0], [3.0], [0.0], ["Rest"]
    for half in range(2 * cycles):
        sign = 1 if half % 2 == 0 else -1
        for duration, amount, name in (
            (hours * 3600, sign * current_a, "CC_Chg" if sign > 0 else "CC_DChg"),
            (rest_h * 3600, 0.0, "Rest"),
        ):
            n = max(2, int(duration / interval_s))
            part = np.linspace(0, 1, n + 1)
            start = time[-1]
            time.extend(start + duration * part)
            ramp = 3.0 + 1.5 * (part if sign > 0 else 1 - part)
            relaxed = (4.5 - 0.05 * (1 - np.exp(-5 * part))) if sign > 0 else (3.0 + 0.05 * (1 - np.exp(-5 * part)))
            voltage.extend(ramp if amount else relaxed)
            current.extend(np.full(n + 1, amount))
            kind.extend([name] * (n + 1))
    t, i = np.array(time), np.array(current)
    passed = np.diff(t, prepend=t[0]) * i / 3600.0
    v = np.array(voltage) + rng.normal(0, noise_v, len(t))
    data = {TIME: t, VOLTAGE: v, CURRENT: i}
    if clock:
        data[UNIX_TIME] = t + 1.7e9
    data[STEP_TYPE] = np.array(kind)
    if capacity:
        data[CHARGED] = np.cumsum(np.maximum(passed, 0))
        data[DISCHARGED] = np.cumsum(np.maximum(-passed, 0))
    return pl.DataFrame(data)


def codes(table: pl.DataFrame) -> dict[str, str]:
    return {f.code: f.repair for f in check(table) if f.severity is not Severity.INFO}


def errors(table: pl.DataFrame) -> dict[str, str]:
    return {f.code: f.repair for f in check(table) if f.severity is Severity.ERROR}


@settings(max_examples=25, deadline=None)
@given(
    hours=st.sampled_from([0.05, 0.2, 1.0, 10.0, 100.0, 200.0]),
    current=st.sampled_from([1e-6, 1e-3, 0.5, 60.0]),
    interval=st.sampled_from([1.0, 10.0, 60.0]),
    capacity=st.booleans(),
    clock=st.booleans(),
    noise=st.sampled_from([0.0, 1e-4, 2e-3]),
)
def test_sound_tests_raise_no_alarm(hours, current, interval, capacity, clock, noise) -> None:
    assume(current * hours < 1000)  # Ah: larger cells do not exist
    interval = max(interval, hours * 3600 / 500)  # keeps the tables small
    table = cell_test(
        hours=hours, current_a=current, interval_s=interval, capacity=capacity, clock=clock, noise_v=noise, cycles=2
    )
    assert codes(table) == {}


@pytest.mark.parametrize("factor", [1000.0, 3600.0, 60.0])
def test_time_too_large_is_proven_by_the_capacity_columns(factor: float) -> None:
    hours = {1000.0: 10.0, 3600.0: 10.0, 60.0: 10.0}[factor]
    table = cell_test(hours=hours)
    wrong = table.with_columns(pl.col(TIME) * factor)
    name = f"time-{factor:.0f}x"
    assert errors(wrong) == {"charge-balance": name}
    mended, findings = repair(wrong, [name])
    assert np.allclose(mended[TIME], table[TIME])
    assert [f.code for f in findings] == [f"repaired-{name}"]


@pytest.mark.parametrize(("factor", "name"), [(1 / 3600, "time-in-hours"), (1 / 60, "time-in-minutes")])
def test_time_too_small_is_proven_by_the_capacity_columns(factor: float, name: str) -> None:
    table = cell_test(hours=5)
    wrong = table.with_columns(pl.col(TIME) * factor)
    assert errors(wrong) == {"charge-balance": name}
    assert np.allclose(repair(wrong, [name])[0][TIME], table[TIME])


@pytest.mark.parametrize("factor", [1000.0, 3600.0])
def test_time_too_large_is_proven_by_the_clock(factor: float) -> None:
    table = cell_test(capacity=False, clock=True).with_columns(pl.col(TIME) * factor)
    assert errors(table) == {"time-scale": f"time-{factor:.0f}x"}


@pytest.mark.parametrize("factor", [1000.0, 3600.0])
def test_time_too_large_is_told_from_round_recording_intervals_alone(factor: float) -> None:
    table = cell_test(hours=20, interval_s=10.0, capacity=False, cycles=1)
    wrong = table.with_columns(pl.col(TIME) * factor)
    assert errors(wrong) == {"time-scale": f"time-{factor:.0f}x"}
    assert np.allclose(repair(wrong, [f"time-{factor:.0f}x"])[0][TIME], table[TIME])


def test_where_the_factor_cannot_be_told_both_repairs_are_named_and_either_is_accepted() -> None:
    rng = np.random.default_rng(1)
    table = cell_test(hours=20, interval_s=10.0, capacity=False, cycles=1)
    time = np.cumsum(rng.uniform(7, 13, table.height)) * 3600  # no programme has such intervals
    wrong = table.with_columns(pl.Series(TIME, time))
    (finding,) = [f for f in check(wrong) if f.severity is Severity.ERROR]
    assert "time-1000x" in finding.advice
    assert "time-3600x" in finding.advice
    for name in ("time-1000x", "time-3600x"):
        assert errors(repair(wrong, [name])[0]) == {}


def test_a_slow_but_sound_pseudo_ocv_raises_no_alarm() -> None:
    assert codes(cell_test(hours=200, interval_s=600, capacity=False, cycles=1)) == {}


def test_a_year_of_rest_recorded_every_ten_hours_raises_no_error() -> None:
    time = np.arange(0, 365 * 24 * 3600, 36_000.0)
    table = pl.DataFrame({TIME: time, VOLTAGE: np.full(len(time), 3.7), CURRENT: np.zeros(len(time))})
    assert codes(table) == {"no-current": ""}


def test_current_in_milliampere_is_told_from_time_by_how_long_half_cycles_last() -> None:
    wrong = cell_test().with_columns(pl.col(CURRENT) * 1000)
    assert errors(wrong) == {"charge-balance": "current-milliampere"}
    assert errors(repair(wrong, ["current-milliampere"])[0]) == {}


def test_capacity_in_milliampere_hour_is_found() -> None:
    table = cell_test()
    wrong = table.with_columns(pl.col(CHARGED) * 1000, pl.col(DISCHARGED) * 1000)
    assert errors(wrong) == {"charge-balance": "capacity-milliampere-hour"}
    mended = repair(wrong, ["capacity-milliampere-hour"])[0]
    assert np.allclose(mended[CHARGED], table[CHARGED])


def test_an_unexplained_ratio_is_a_warning_without_a_repair() -> None:
    wrong = cell_test(current_a=1.23456789e-3).with_columns(pl.col(CHARGED) * 1.4, pl.col(DISCHARGED) * 1.4)
    assert errors(wrong) == {}
    assert codes(wrong) == {"charge-balance": ""}


def test_a_rounded_current_column_is_recognised_as_that() -> None:
    table = cell_test(current_a=1.77e-4)
    rounded = table.with_columns(pl.col(CURRENT, CHARGED, DISCHARGED).round(4))
    assert codes(rounded) == {"current-rounded": ""}


def test_a_round_current_is_no_rounded_one() -> None:
    table = cell_test(current_a=1e-3).with_columns(pl.col(CHARGED, DISCHARGED) * 0.7)
    assert codes(table) == {"charge-balance": ""}


def test_what_rounding_of_a_current_explains_is_told_by_neighbouring_levels_or_the_digits_of_the_counters() -> None:
    fine, coarse = np.linspace(0.0, 3e-3, 100), np.round(np.linspace(0.0, 3e-3, 100), 4)
    for round_current in (1e-4, 2e-4, 1e-3, 1e-2, 0.1, 0.5):
        assert current_rounding(np.full(100, round_current)) == 0.0
        assert current_rounding(np.full(100, round_current), fine) == 0.0
    assert current_rounding(np.repeat([1e-4, 2e-4, 5e-4, 1e-3], 25), fine) == 0.0  # a rate test
    assert current_rounding(np.full(100, 2e-4), coarse) == pytest.approx(0.25)
    assert current_rounding(np.full(100, 1e-3), coarse) == pytest.approx(0.05)
    assert current_rounding(np.repeat([4e-4, 3e-4, 2e-4, 1e-4], [70, 10, 10, 10]), fine) == pytest.approx(0.125)


@pytest.mark.parametrize("capacity", [True, False])
def test_a_wrong_sign_is_found_from_capacities_or_from_the_voltage(capacity: bool) -> None:
    table = cell_test(capacity=capacity)
    wrong = table.with_columns(-pl.col(CURRENT))
    assert errors(wrong) == {"current-sign": "flip-current"}
    mended, findings = repair(wrong, ["flip-current"])
    assert mended[CURRENT].to_list() == table[CURRENT].to_list()
    assert errors(mended) == {}
    assert findings[0].code == "repaired-flip-current"


def test_swapped_capacity_columns_are_told_from_a_wrong_sign_by_the_voltage() -> None:
    table = cell_test()
    wrong = table.rename({CHARGED: DISCHARGED, DISCHARGED: CHARGED}).select(table.columns)
    assert errors(wrong) == {"capacities-swapped": "swap-capacities"}
    assert repair(wrong, ["swap-capacities"])[0].equals(table)


@pytest.mark.parametrize("capacity", [True, False])
def test_a_current_without_sign_gets_it_from_capacities_or_step_names(capacity: bool) -> None:
    table = cell_test(capacity=capacity)
    wrong = table.with_columns(pl.col(CURRENT).abs())
    assert errors(wrong) == {"current-unsigned": "sign-current"}
    mended = repair(wrong, ["sign-current"])[0]
    assert errors(mended) == {}
    agree = (mended[CURRENT] == table[CURRENT]).mean()
    assert agree is not None
    assert agree > 0.99


def test_millivolts_in_a_column_of_volts_are_found() -> None:
    table = cell_test()
    wrong = table.with_columns(pl.col(VOLTAGE) * 1000)
    assert errors(wrong) == {"voltage-millivolt": "voltage-millivolt"}
    assert np.allclose(repair(wrong, ["voltage-millivolt"])[0][VOLTAGE], table[VOLTAGE])


def test_a_few_unusable_rows_are_dropped_out_loud_and_many_only_on_request() -> None:
    table = cell_test()
    some = table.with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(float("nan")).otherwise(pl.col(VOLTAGE)).alias(VOLTAGE)
    )
    mended, findings = repair(some, [])
    assert mended.height == table.height - 1
    assert [f.code for f in findings] == ["repaired-drop-invalid-rows"]
    many = table.with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise(pl.col(VOLTAGE)).alias(VOLTAGE)
    )
    assert errors(many) == {"invalid-rows": "drop-invalid-rows"}
    assert repair(many, [])[0].height == table.height
    assert errors(repair(many, ["drop-invalid-rows"])[0]) == {}


@pytest.mark.parametrize("value", [1e30, -1e9, float("inf")])
def test_impossible_numbers_are_unusable_rows(value: float) -> None:
    table = cell_test()
    row = pl.int_range(pl.len()) == 11
    for column in (VOLTAGE, CURRENT):
        wrong = table.with_columns(pl.when(row).then(value).otherwise(pl.col(column)).alias(column))
        assert codes(wrong) == {"invalid-rows": "drop-invalid-rows"}


def test_time_glitches_are_mended_between_the_neighbours() -> None:
    table = cell_test()
    rows = [50, 400, 1300]
    wrong = table.with_columns(
        pl.when(pl.int_range(pl.len()).is_in(rows)).then(0.0).otherwise(pl.col(TIME)).alias(TIME)
    )
    assert errors(wrong) == {"time-glitches": "time-glitches"}
    mended = repair(wrong, ["time-glitches"])[0]
    assert np.abs(mended[TIME].to_numpy() - table[TIME].to_numpy()).max() <= 30.0
    assert errors(mended) == {}


def test_one_time_far_ahead_is_a_glitch_too() -> None:
    table = cell_test()
    wrong = table.with_columns(pl.when(pl.int_range(pl.len()) == 60).then(1e12).otherwise(pl.col(TIME)).alias(TIME))
    assert errors(wrong) == {"time-glitches": "time-glitches"}
    assert repair(wrong, ["time-glitches"])[0][TIME][60] == pytest.approx(table[TIME][60], abs=30.0)


@pytest.mark.parametrize("clock", [True, False])
def test_step_time_in_place_of_test_time_is_strung_together(clock: bool) -> None:
    table = cell_test(clock=clock, cycles=2)
    start = table.with_columns(
        (pl.col(STEP_TYPE) != pl.col(STEP_TYPE).shift(1)).fill_null(value=True).cum_sum().alias("step")
    )
    wrong = start.with_columns(pl.col(TIME) - pl.col(TIME).first().over("step")).drop("step")
    assert errors(wrong) == {"time-restarts": "time-continue"}
    mended = repair(wrong, ["time-continue"])[0]
    assert np.allclose(mended[TIME], table[TIME])


def test_shuffled_rows_are_sorted_on_request() -> None:
    table = cell_test(capacity=False).unique(subset=TIME, keep="first", maintain_order=True)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=3)
    assert errors(shuffled) == {"time-unsorted": "sort-time"}
    assert repair(shuffled, ["sort-time"])[0].equals(table)


def test_rounding_steps_back_in_time_are_levelled_unasked_and_said() -> None:
    table = cell_test(interval_s=1.0, hours=0.2)
    jitter = np.where(np.arange(table.height) % 50 == 7, -0.004, 0.0)
    jitter[:1] = 0.0
    close = table.with_columns(pl.Series(TIME, np.repeat(np.arange(table.height // 2 + 1), 2)[: table.height] + jitter))
    mended, findings = repair(close.drop(CHARGED, DISCHARGED), [])
    assert (mended[TIME].diff().drop_nulls() >= 0).all()
    assert "repaired-time-jitter" in [f.code for f in findings]


def test_capacities_that_start_over_are_continued_on_request() -> None:
    table = cell_test()
    resets = table.with_columns((pl.col(c) % (table[c].max() / 3 + 1e-9)).alias(c) for c in (CHARGED, DISCHARGED))
    assert errors(resets) == {"capacity-resets": "capacity-continue"}
    mended = repair(resets, ["capacity-continue"])[0]
    assert errors(mended) == {}
    assert mended[CHARGED][-1] == pytest.approx(table[CHARGED][-1], rel=0.01)


@pytest.mark.parametrize("both_ways", [False, True])
def test_a_capacity_that_counts_what_is_left_is_no_counter_that_starts_over(both_ways: bool) -> None:
    """To add up what is left in each row gives hundreds of times the charge: it is refused, and no repair is named."""
    table = cell_test(cycles=1)
    left = table[CHARGED] - table[DISCHARGED] if both_ways else table[DISCHARGED].max() - table[DISCHARGED]
    wrong = table.with_columns(left.alias(DISCHARGED))
    assert errors(wrong) == {"capacity-falls": ""}
    mended, findings = repair(wrong, ["capacity-continue!"])
    assert mended.equals(wrong)
    assert "does not start over" in findings[0].message
    assert "mapping file" in findings[1].advice


def test_a_repair_that_the_data_do_not_call_for_is_not_made_unless_insisted_on() -> None:
    table = cell_test()
    same, findings = repair(table, ["time-1000x"])
    assert same.equals(table)
    assert [f.code for f in findings] == ["repair-not-needed"]
    forced, findings = repair(table, ["time-1000x!"])
    assert forced[TIME][-1] == pytest.approx(table[TIME][-1] / 1000)
    assert findings[0].code == "repaired-time-1000x"
    assert any(f.code == "charge-balance" for f in findings)


@pytest.mark.parametrize("rows", [1, 100])
def test_the_size_of_the_pieces_changes_no_finding(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    sound = cell_test(noise_v=0.01)
    passed = sound.select(pl.col(c).diff().fill_null(0.0) * pl.col(VOLTAGE).rolling_mean(2).fill_null(3.0)
                          for c in (CHARGED, DISCHARGED)).select(pl.all().cum_sum())  # fmt: skip
    energies = passed.rename({CHARGED: CHARGED_ENERGY, DISCHARGED: DISCHARGED_ENERGY})
    tables = [sound.hstack(energies), sound.hstack(energies * 3600.0)]
    usual = [check(table) for table in tables]
    assert [f.code for f in usual[1]] == [*(f.code for f in usual[0]), "energy-balance"]
    monkeypatch.setattr("lirich.pieces.PIECE_ROWS", rows)
    assert [check(table) for table in tables] == usual


def test_one_repair_can_uncover_the_next() -> None:
    wrong = cell_test().with_columns(-pl.col(CURRENT), pl.col(TIME) * 1000)
    names = ["flip-current", "time-1000x"]
    mended, findings = repair(wrong, names)
    assert errors(mended) == {}
    assert {f.code for f in findings} == {"repaired-flip-current", "repaired-time-1000x"}


def test_a_curve_without_time_is_checked_for_its_direction() -> None:
    up, down = np.linspace(0, 1e-3, 50), np.linspace(0, 1e-3, 50)
    curve = pl.DataFrame(
        {
            VOLTAGE: np.concatenate((3 + 1500 * up, 4.5 - 1500 * down)),
            CHARGED: np.concatenate((up, np.full(50, 1e-3))),
            DISCHARGED: np.concatenate((np.zeros(50), down)),
        }
    )
    assert codes(curve) == {}
    swapped = curve.rename({CHARGED: DISCHARGED, DISCHARGED: CHARGED}).select(VOLTAGE, CHARGED, DISCHARGED)
    assert errors(swapped) == {"capacities-swapped": "swap-capacities"}


def test_gitt_and_one_sided_tests_raise_no_alarm() -> None:
    pulse, rest = np.full(60, -1e-3), np.zeros(360)
    current = np.tile(np.concatenate((pulse, rest)), 20)
    time = np.arange(len(current)) * 10.0
    charge = -np.cumsum(current) * 10 / 3600
    voltage = 4.4 - 1.2 * charge / charge[-1] + np.where(current < 0, -0.05, 0.0)
    table = pl.DataFrame({TIME: time, VOLTAGE: voltage, CURRENT: current})
    assert codes(table) == {}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=st.integers(1, 40))
def test_checks_never_fail_on_any_table_of_the_right_types(data, n: int) -> None:
    number = st.floats(allow_nan=True, allow_infinity=True) | st.none() | st.sampled_from([0.0, 1.0, -1e-3])
    column = st.lists(number, min_size=n, max_size=n)
    names = data.draw(
        st.sampled_from(
            [(TIME, VOLTAGE, CURRENT), (TIME, VOLTAGE, CURRENT, CHARGED, DISCHARGED), (VOLTAGE, CHARGED, DISCHARGED)]
        )
    )
    table = pl.DataFrame({name: pl.Series(name, data.draw(column), dtype=pl.Float64) for name in names})
    mended, _ = repair(table, [])
    for finding in check(mended):
        assert finding.message
    if not errors(mended) and mended.height:
        assert mended[VOLTAGE].is_finite().all()
        if TIME in names:
            assert (mended[TIME].diff().drop_nulls() >= 0).all()


def test_a_clock_that_was_made_from_the_wrong_time_is_no_witness() -> None:
    table = cell_test(hours=20, interval_s=10.0, capacity=False, cycles=1).with_columns(pl.col(TIME) * 3600)
    derived = table.with_columns((pl.col(TIME) + 1.7e9).alias(UNIX_TIME))
    assert errors(derived) == {"time-scale": "time-3600x"}


def test_a_short_last_stretch_that_starts_over_is_a_restart_and_no_glitch() -> None:
    table = cell_test(capacity=False)
    again = table.with_columns(
        pl.when(pl.int_range(pl.len()) >= pl.len() - 6)
        .then(pl.col(TIME) - pl.col(TIME).get(table.height - 6))
        .otherwise(pl.col(TIME))
        .alias(TIME)
    )
    assert errors(again) == {"time-restarts": "time-continue"}
    mended = repair(again, ["time-continue"])[0]
    assert mended[TIME][-1] == pytest.approx(table[TIME][-1], abs=31)


def pulses(seconds: float, interval_s: float = 1.0) -> pl.DataFrame:
    """Pulses up and down at one state of charge, over 0.1 V."""
    n = int(seconds / interval_s)
    sign = np.tile(np.repeat([1.0, 0.0, -1.0, 0.0], n), 10)
    time = np.arange(len(sign)) * interval_s
    gained = np.append(0.0, sign[:-1] * interval_s / 3.6e6)  # 1 mA
    data = {TIME: time, VOLTAGE: 3.7 + 0.05 * sign, CURRENT: 1e-3 * sign}
    return pl.DataFrame(
        {**data, CHARGED: np.cumsum(np.maximum(gained, 0)), DISCHARGED: np.cumsum(np.maximum(-gained, 0))}
    )


@pytest.mark.parametrize(
    "table", [cell_test(hours=h, interval_s=i, rest_h=h / 10) for h, i in ((0.25, 5.0), (0.1, 1.0))] + [pulses(30.0)]
)
def test_where_time_and_current_are_not_told_apart_each_repair_is_named_and_the_right_one_taken(table) -> None:
    assert errors(table) == {}
    for column, right in ((TIME, "time-1000x"), (CURRENT, "current-milliampere")):
        wrong = table.with_columns(pl.col(column) * 1000)
        (finding,) = [f for f in check(wrong) if f.severity is Severity.ERROR]
        assert right in finding.advice
        mended, _ = repair(wrong, [right])
        assert np.allclose(mended[column], table[column])
        assert errors(mended) == {}


def test_repairs_that_cancel_are_said() -> None:
    """A chain of wrong advice can end in a file that agrees with itself and holds a thousandth of the charge."""
    wrong = cell_test(hours=0.1, interval_s=1.0, rest_h=0.01).with_columns(pl.col(TIME) * 1000)
    names = ["current-milliampere!", "time-1000x!", "capacity-milliampere-hour"]
    assert "repairs-cancel" in [f.code for f in repair(wrong, names)[1]]
    assert "repairs-cancel" not in [f.code for f in repair(wrong, ["time-1000x"])[1]]


def test_a_voltage_in_millivolt_that_lies_mostly_below_a_thousand_is_told_from_broken_rows() -> None:
    """An anode goes up to 1.2 V; a number that stands for nothing does not go on from the rows around it."""
    table = cell_test(hours=5)
    anode = table.with_columns(pl.col(VOLTAGE).sub(3.0).mul(0.8).add(0.01))
    assert errors(anode) == {}
    wrong = anode.with_columns(pl.col(VOLTAGE) * 1000)
    assert errors(wrong) == {"voltage-millivolt": "voltage-millivolt"}
    assert np.allclose(repair(wrong, ["voltage-millivolt"])[0][VOLTAGE], anode[VOLTAGE])
    some = pl.int_range(pl.len()) % 50 == 0
    broken = anode.with_columns(pl.when(some).then(9999.0).otherwise(pl.col(VOLTAGE)).alias(VOLTAGE))
    assert errors(broken) == {"invalid-rows": "drop-invalid-rows"}

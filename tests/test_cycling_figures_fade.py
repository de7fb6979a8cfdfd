"""Fade: robust slopes, the split of the voltage decay, the knee; rate tests; hysteresis."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lirich.cycling.fade import comparable, fade_values
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.hysteresis import hysteresis, hysteresis_values
from lirich.cycling.knee import find_bend, find_jump, find_knee
from lirich.cycling.rate import rate_steps, rate_values
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.trend import end_point_decay, fade_split, theil_sen
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Conditions

CELL = Cell(key="c", active_mass_mg=10.0, electrode="cathode", one_c_ma_g=250.0)
RNG = np.random.default_rng(20260101)


def series(cycles=60, *, structural=0.8, polarisation=0.4, noise_mv=1.0, seed=0, first=6) -> pl.DataFrame:
    """A series with known parts of the voltage decay, mV per cycle."""
    rng = np.random.default_rng(seed)
    n = np.arange(first, first + cycles)
    middle = 3.82 - 1e-3 * structural * (n - first)
    half_gap = 0.12 + 1e-3 * polarisation * (n - first)
    capacity = 2.5 * (1 - 0.001 * (n - first))
    scatter = 1e-3 * noise_mv * rng.normal(size=(2, cycles))
    return pl.DataFrame(
        {
            "cycle": n,
            "mean_charge_voltage_v": middle + half_gap + scatter[0],
            "mean_discharge_voltage_v": middle - half_gap + scatter[1],
            "discharge_capacity_mah": capacity,
            "discharge_energy_mwh": capacity * (middle - half_gap),
            "coulombic_efficiency": np.full(cycles, 99.6),
            "low_voltage_capacity_mah_g": 30.0 + 0.4 * (n - first),
            "low_voltage_share": 12.0 + 0.2 * (n - first),
            "charge_end_voltage_v": np.full(cycles, 4.6),
            "discharge_end_voltage_v": np.full(cycles, 2.0),
            "discharge_current_ma": np.full(cycles, 1.25),
        }
    )


def by_quantity(values):
    return {v.quantity: v for v in values}


def test_every_figure_of_a_known_series_is_recovered():
    values, findings = fade_values(series(), CELL, Conditions(segment="ageing"))
    found = by_quantity(values)
    assert found["voltage_decay_mv_per_cycle"].value == pytest.approx(1.2, abs=0.03)
    assert found["structural_voltage_decay_mv_per_cycle"].value == pytest.approx(0.8, abs=0.03)
    assert found["polarisation_voltage_decay_mv_per_cycle"].value == pytest.approx(0.4, abs=0.03)
    assert found["structural_share_of_voltage_decay"].value == pytest.approx(66.7, abs=2.0)
    assert found["voltage_decay_endpoint_mv_per_cycle"].value == pytest.approx(1.2, abs=0.1)
    assert found["capacity_fade_percent_per_cycle"].value == pytest.approx(0.1, rel=1e-6)
    assert found["capacity_retention"].value == pytest.approx(100 * (1 - 0.001 * 59), rel=1e-9)
    assert found["capacity_retention"].conditions.reference_cycle == 6
    assert found["capacity_retention"].conditions.cycle == 65
    assert found["median_coulombic_efficiency"].value == pytest.approx(99.6)
    assert found["low_voltage_capacity_growth_mah_g_per_cycle"].value == pytest.approx(0.4)
    assert found["low_voltage_capacity_growth_mah_g_per_cycle"].conditions.threshold_v == 3.5
    assert found["low_voltage_share_growth_percent_per_cycle"].value == pytest.approx(0.2)
    assert "capacity_fade_knee_cycle" not in found
    assert findings == []
    for value in values:
        assert value.conditions.segment == "ageing"
        if value.conditions.method == "Theil–Sen" and "share_of" not in value.quantity:
            assert value.interval.low <= value.value <= value.interval.high
            assert value.conditions.other["n"] == 60


def test_the_interval_of_the_slope_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n = np.arange(30)
        trend = theil_sen(n, 3.7 - 0.001 * n + 0.002 * rng.standard_t(4, size=30))
        hits += trend.low <= -0.001 <= trend.high
    assert 0.90 <= hits / 300 <= 0.99


@pytest.mark.parametrize("cycles", [5, 6, 8])
def test_the_interval_of_a_short_series_covers_too(cycles):
    rng = np.random.default_rng(5)
    trends = [theil_sen(np.arange(cycles), rng.normal(size=cycles)) for _ in range(2000)]
    assert sum(t.low <= 0 <= t.high for t in trends) / 2000 >= 0.945


def test_no_interval_is_given_that_so_few_cycles_cannot_give():
    """Of n points without a trend all slopes have one sign in 2 of n! orders."""
    for level, least in ((0.90, 4), (0.95, 5), (0.99, 6)):
        with pytest.raises(NotEnoughDataError, match=f"at least {least}"):
            theil_sen(np.arange(least - 1), np.arange(least - 1), level=level)
        assert theil_sen(np.arange(least), np.arange(least), level=level).slope == 1.0


def test_one_cycle_in_five_may_be_wild():
    n = np.arange(50)
    y = 3.7 - 0.001 * n
    y[::5] -= RNG.uniform(0.05, 0.3, 10)
    assert theil_sen(n, y).slope == pytest.approx(-0.001, rel=0.15)


numbers = arrays(np.float64, 12, elements=st.floats(3.0, 4.5))


@given(numbers, numbers)
@settings(deadline=None)  # the first call imports scipy.stats
def test_the_parts_of_the_decay_add_up(charge, discharge):
    """dV̄dis = dV̄mid − dΔV̄/2: exact for least squares and end points, both linear; Theil–Sen says its gap."""
    n = np.arange(12.0)
    split = fade_split(n, charge, discharge)
    total, structural, polarisation = split.least_squares
    assert total == pytest.approx(structural + polarisation, abs=1e-9)
    middle, gap = (charge + discharge) / 2, charge - discharge
    assert end_point_decay(n, discharge) == pytest.approx(
        end_point_decay(n, middle) - end_point_decay(n, gap) / 2, abs=1e-9
    )
    assert split.robust_gap == pytest.approx(split.structural.slope + split.polarisation.slope - split.total.slope)


def test_without_scatter_the_robust_parts_add_up_too():
    table = series(noise_mv=0.0)
    split = fade_split(*(table[c].to_numpy() for c in ("cycle", "mean_charge_voltage_v", "mean_discharge_voltage_v")))
    assert split.robust_gap == pytest.approx(0.0, abs=1e-12)
    assert split.structural_share == pytest.approx(200 / 3)


def test_a_share_is_given_only_where_both_parts_are_decay():
    found = by_quantity(fade_values(series(polarisation=-0.2, noise_mv=0.1), CELL, Conditions())[0])
    assert found["polarisation_voltage_decay_mv_per_cycle"].value == pytest.approx(-0.2, abs=0.01)
    assert "structural_share_of_voltage_decay" not in found


@pytest.mark.parametrize("cycles", [1, 2, 3, 4])
def test_short_series_give_a_finding_and_no_slope(cycles):
    values, findings = fade_values(series(cycles), CELL, Conditions())
    assert "not-enough-data" in {f.code for f in findings}
    assert not any(v.quantity.endswith("per_cycle") and v.conditions.method == "Theil–Sen" for v in values)
    with pytest.raises(NotEnoughDataError, match="comparable cycle"):
        theil_sen(np.arange(cycles), np.arange(cycles))


def test_no_cycles_at_all():
    values, findings = fade_values(series(5).head(0), CELL, Conditions())
    assert values == []
    assert [f.code for f in findings] == ["not-enough-data"]


def test_nulls_and_absent_columns_are_left_out():
    table = series().with_columns(
        pl.when(pl.col("cycle") % 3 == 0)
        .then(None)
        .otherwise(pl.col("mean_discharge_voltage_v"))
        .alias("mean_discharge_voltage_v")
    )
    found = by_quantity(fade_values(table.drop("low_voltage_share"), CELL, Conditions())[0])
    assert found["voltage_decay_mv_per_cycle"].conditions.other["n"] == 40
    assert found["voltage_decay_mv_per_cycle"].value == pytest.approx(1.2, abs=0.05)
    assert "low_voltage_share_growth_percent_per_cycle" not in found


def test_a_changed_window_does_not_fake_voltage_decay():
    """Ten cycles to 4.4 V instead of 4.6 V at 80 mV lower mean voltage are left out, and it is said."""
    table = series()
    changed = (pl.col("cycle") >= 20) & (pl.col("cycle") < 30)
    table = table.with_columns(
        pl.when(changed).then(4.4).otherwise(4.6).alias("charge_end_voltage_v"),
        (pl.col("mean_discharge_voltage_v") - pl.when(changed).then(0.08).otherwise(0.0)).alias(
            "mean_discharge_voltage_v"
        ),
    )
    kept, said = comparable(table)
    assert kept.height == 50
    assert [f.code for f in said] == ["unlike-cycles"]
    values, findings = fade_values(table, CELL, Conditions())
    assert by_quantity(values)["voltage_decay_mv_per_cycle"].value == pytest.approx(1.2, abs=0.03)
    assert findings[0].code == "unlike-cycles"
    assert "20, 21" in findings[0].message


def test_a_cycle_that_began_outside_of_its_window_is_like_the_others():
    """A fresh cell starts at its open-circuit voltage: what counts is where the half-cycles turned."""
    fresh = pl.when(pl.col("cycle") == 6).then(4.9).otherwise(4.6)
    kept, said = comparable(series().with_columns(upper_cutoff_voltage_v=fresh))
    assert (kept.height, said) == (60, [])
    groups = pl.when(pl.col("cycle") < 10).then(0).otherwise(1)
    values, findings = fade_values(series().with_columns(like_group=groups), CELL, Conditions())
    assert [f.code for f in findings] == ["unlike-cycles"]
    assert by_quantity(values)["capacity_retention"].conditions.reference_cycle == 10


def test_a_wider_tolerance_of_the_settings_holds_for_the_fade_too():
    wandering = series().with_columns((4.6 + 0.06 * (pl.col("cycle") % 2)).alias("charge_end_voltage_v"))
    assert [f.code for f in fade_values(wandering, CELL, Conditions())[1]][:1] == ["unlike-cycles"]
    values, findings = fade_values(wandering, CELL, Conditions(), settings=CyclingSettings(window_tolerance_v=0.1))
    assert findings == []
    assert by_quantity(values)["voltage_decay_mv_per_cycle"].conditions.other["n"] == 60


def test_a_knee_is_found_where_it_is_with_its_interval():
    n = np.arange(1, 121)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = 100 - 0.05 * n - 0.4 * np.maximum(n - 80, 0) + 0.3 * rng.normal(size=120)
        knee = find_knee(n, y)
        assert knee is not None
        assert knee.cycle == pytest.approx(80, abs=4)
        assert (-knee.slope_before, -knee.slope_after) == pytest.approx((0.05, 0.45), abs=0.03)


@pytest.mark.parametrize(("cycles", "scatter"), [(25, 0.1), (60, 0.3), (200, 0.02), (200, 0.3)])
def test_the_interval_of_a_knee_covers_as_often_as_it_says(cycles, scatter):
    """A long, clean fade bounds its knee far better than the candidates of a coarse search lie apart."""
    n = np.arange(1.0, cycles + 1)
    true = 0.6 * cycles + 0.37
    clean = 100 - 0.05 * n - 0.3 * np.maximum(n - true, 0)
    rng = np.random.default_rng(cycles)
    knees = [find_knee(n, clean + scatter * rng.normal(size=cycles)) for _ in range(300)]
    assert None not in knees
    assert 0.90 <= np.mean([k.low <= true <= k.high for k in knees]) <= 0.99


def test_a_straight_or_levelling_fade_has_no_knee():
    n = np.arange(1, 81)
    false = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        false += find_knee(n, 100 - 0.1 * n + 0.3 * rng.normal(size=80)) is not None
        assert find_knee(n, 80 + 20 * np.exp(-n / 20) + 0.2 * rng.normal(size=80)) is None
    assert false <= 2


@pytest.mark.parametrize(
    "odd", [slice(-1, None), slice(-3, None), slice(-8, None), slice(0, 1), slice(0, 3), slice(0, 8), slice(50, None)]
)
@pytest.mark.parametrize("low", [-3.0, 1.5, 10.0])
def test_odd_cycles_at_an_end_and_a_jump_are_no_knee(odd, low):
    n = np.arange(1.0, 101)
    for seed in range(5):
        y = 100 - 0.03 * n + 0.02 * np.random.default_rng(seed).normal(size=100)
        y[odd] -= low
        assert find_knee(n, y) is None
        jump = find_jump(n, y)
        if len(n[odd]) < 5:
            assert jump is None
        else:
            before = odd.start == 0
            assert jump.cycle == (n[odd][-1] + 1 if before else n[odd][0])
            assert jump.change == pytest.approx(low if before else -low, abs=0.05)


def test_a_knee_beside_an_odd_cycle_stays():
    n = np.arange(1.0, 101)
    y = 100 - 0.03 * n - 0.3 * np.maximum(n - 60.4, 0) + 0.02 * RNG.normal(size=100)
    true = find_knee(n, y)
    y[[20, 80]] -= 1.0
    assert find_knee(n, y).cycle == pytest.approx(true.cycle, abs=0.5)
    assert find_jump(n, y) is None


def test_a_knee_and_a_jump_are_each_found_in_what_the_other_leaves():
    n = np.arange(1.0, 201)
    held = 0
    for seed in range(30):
        draw = np.random.default_rng(seed)
        at, fall = int(draw.integers(20, 100)), float(draw.uniform(1, 4))
        y = 100 - 0.02 * n - 0.28 * np.maximum(n - 140, 0) - fall * (n >= at) + 0.05 * draw.normal(size=200)
        knee, jump = find_bend(n, y)
        assert jump.cycle == at
        assert jump.change == pytest.approx(-fall, abs=0.1)
        assert knee.cycle == pytest.approx(140, abs=1.0)
        held += knee.low <= 140 <= knee.high
        knee, jump = find_bend(n, 100 - 0.05 * n - fall * (n >= at) + 0.05 * draw.normal(size=200))
        assert (knee, jump.cycle) == (None, at)
    assert held >= 26  # of 30 at 95 %: less than one time in fifty by chance


def test_scatter_and_a_change_over_many_cycles_are_no_jump():
    n = np.arange(1.0, 151)
    assert find_jump(n, np.full(150, 100.0)) is None
    for seed in range(50):
        scatter = np.random.default_rng(seed).normal(size=150)
        assert find_jump(n, 100 - 0.05 * n + 0.1 * scatter) is None
        assert find_jump(n, 100 - 0.05 * n + 0.02 * scatter - 2 / (1 + np.exp(-(n - 75) / 5))) is None


def test_a_jump_is_said_and_is_no_value():
    table = series(100)
    retained = 1 - 0.0005 * np.arange(100) - 0.03 * (np.arange(100) >= 50) + 1e-4 * RNG.normal(size=100)
    values, findings = fade_values(
        table.with_columns(pl.Series("discharge_capacity_mah", 2.5 * retained)), CELL, Conditions()
    )
    assert "capacity_fade_knee_cycle" not in by_quantity(values)
    assert [f.code for f in findings] == ["capacity-jump"]
    assert "-3.0" in findings[0].message
    assert "at cycle 56" in findings[0].message


def test_a_knee_needs_eleven_cycles():
    with pytest.raises(NotEnoughDataError, match="comparable cycles"):
        find_knee(np.arange(10), np.arange(10))


def test_a_knee_is_a_value_with_interval_and_finding():
    table = series(100)
    n = table["cycle"].to_numpy()
    capacity = 2.5 - 0.001 * (n - 6) - 0.01 * np.maximum(n - 70, 0) + 0.002 * RNG.normal(size=100)
    values, findings = fade_values(
        table.with_columns(pl.Series("discharge_capacity_mah", capacity)), CELL, Conditions()
    )
    value = by_quantity(values)["capacity_fade_knee_cycle"]
    assert value.value == pytest.approx(70, abs=2)
    assert value.interval.low <= value.value <= value.interval.high
    assert [f.code for f in findings] == ["capacity-knee"]


def rate_table(with_return=True) -> pl.DataFrame:
    rates = [0.1, 0.2, 0.5, 1.0, 2.0] + ([0.1] if with_return else [])
    capacity = [2.5, 2.4, 2.2, 2.0, 1.6, 2.45]
    rows = [(r * 2.5, c + 0.01 * k) for r, c in zip(rates, capacity, strict=False) for k in (-1, 0, 1)]
    current, q = zip(*rows, strict=True)
    return pl.DataFrame({"cycle": range(1, len(q) + 1), "discharge_current_ma": current, "discharge_capacity_mah": q})


def test_rate_capability_and_recovery_against_the_lowest_rate():
    values, findings = rate_values(rate_table(), CELL, Conditions(segment="rate test"))
    assert findings == []
    capability = {v.conditions.rate_c: v for v in values if v.quantity == "rate_capability"}
    assert {k: v.value for k, v in capability.items()} == pytest.approx({0.1: 100, 0.2: 96, 0.5: 88, 1.0: 80, 2.0: 64})
    assert all(v.conditions.other["reference_rate_c"] == pytest.approx(0.1) for v in capability.values())
    capacity = {v.conditions.rate_c: v.value for v in values if v.quantity == "rate_capacity_mah_g"}
    assert capacity[2.0] == pytest.approx(160.0)
    recovery = by_quantity(values)["rate_recovery"]
    assert recovery.value == pytest.approx(98.0)
    assert recovery.conditions.current_ma_g == pytest.approx(25.0)


def test_one_cycle_at_a_rate_has_no_spread():
    single = rate_table().filter(pl.col("cycle") % 3 == 0)
    assert {step.spread_mah for step in rate_steps(single)} == {None}
    values, _ = rate_values(single, CELL)
    assert not any("spread_mah" in v.provenance.parameters for v in values)
    assert rate_steps(rate_table())[0].spread_mah == pytest.approx(0.01)


def test_a_rate_test_with_one_charge_current_says_so():
    """Charged at C/10 throughout, or as fast as discharged: not the same test."""
    fixed = rate_table().with_columns(charge_current_ma=pl.lit(0.25))
    values, _ = rate_values(fixed, CELL)
    stated = {v.conditions.rate_c: v.conditions.other.get("charge_current_ma_g") for v in values}
    assert stated == pytest.approx({0.1: None, 0.2: 25.0, 0.5: 25.0, 1.0: 25.0, 2.0: 25.0})
    even, _ = rate_values(rate_table().with_columns(pl.col("discharge_current_ma").alias("charge_current_ma")), CELL)
    assert not any("charge_current_ma_g" in v.conditions.other for v in even)


def test_without_mass_and_one_c_currents_stand_and_the_facts_are_asked_for():
    values, findings = rate_values(rate_table(False), Cell(key="bare"))
    assert {f.code for f in findings} == {"missing-active-mass-mg", "missing-one-c-ma-g"}
    assert {v.quantity for v in values} == {"rate_capability"}
    assert values[-1].conditions.rate_c is None
    assert values[-1].conditions.other["current_ma"] == pytest.approx(5.0)
    assert values[-1].conditions.other["reference_current_ma"] == pytest.approx(0.25)


def test_one_rate_is_no_rate_test():
    values, findings = rate_values(rate_table().head(3), CELL)
    assert values == []
    assert [f.code for f in findings] == ["no-rate-test"]
    assert len(rate_steps(rate_table())) == 6


def ramp(direction, low, high, total, points=200, cycle=3) -> HalfCycle:
    v = np.linspace(low, high, points)
    v = v if direction == "charge" else v[::-1]
    return HalfCycle(cycle, direction, v, np.linspace(0, total, points), None, None, np.zeros(points, bool))


def test_hysteresis_of_two_parallel_lines_is_their_distance():
    charge, discharge = ramp("charge", 3.2, 4.5, 2.0), ramp("discharge", 3.0, 4.3, 2.0)
    for alignment in ("discharged", "charged"):
        loop = hysteresis(charge, discharge, alignment=alignment)
        np.testing.assert_allclose(loop.gap_v, 0.2, atol=1e-9)
    assert loop.loop_energy_mwh == pytest.approx(0.4)


def test_the_loop_is_the_integral_of_the_gap_where_nothing_is_lost():
    rng = np.random.default_rng(1)
    q = np.linspace(0, 2.0, 400)
    up, down = (np.sort(rng.uniform(3, 4.5, 400)) + d for d in (0.3, 0.0))
    charge = HalfCycle(1, "charge", up, q, None, None, np.zeros(400, bool))
    discharge = HalfCycle(1, "discharge", down[::-1], q, None, None, np.zeros(400, bool))
    loop = hysteresis(charge, discharge, points=400)
    assert np.trapezoid(loop.gap_v, loop.soc_percent) / 100 * 2.0 == pytest.approx(loop.loop_energy_mwh, rel=1e-9)


def test_alignment_says_where_the_loss_is():
    """Charge of 2.5, discharge of 2.0 mAh: the same state lies 0.5 mAh apart."""
    charge, discharge = ramp("charge", 3.0, 4.25, 2.5), ramp("discharge", 3.0, 4.0, 2.0)
    np.testing.assert_allclose(hysteresis(charge, discharge).gap_v, 0.0, atol=1e-9)
    np.testing.assert_allclose(hysteresis(charge, discharge, alignment="charged").gap_v, 0.25, atol=1e-9)


def test_hysteresis_as_values():
    values, findings = hysteresis_values(ramp("charge", 3.2, 4.5, 2.0), ramp("discharge", 3.0, 4.3, 2.0), CELL)
    assert findings == []
    assert [v.conditions.soc_percent for v in values if v.quantity == "hysteresis_at_soc_v"] == [25, 50, 75]
    assert by_quantity(values)["hysteresis_loop_energy_wh_kg"].value == pytest.approx(40.0)
    empty = HalfCycle(1, "discharge", np.array([3.0]), np.array([0.0]), None, None, np.array([False]))
    assert [f.code for f in hysteresis_values(ramp("charge", 3, 4, 1), empty, CELL)[1]] == ["no-hysteresis"]

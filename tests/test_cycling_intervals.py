"""Intervals of figures that come from no simple fit: their coverage, by simulation."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cycler_programme import Programme
from lirich.cycling import analyse
from lirich.cycling.activation import activation
from lirich.cycling.arrays import Array
from lirich.cycling.dqdv import dqdv
from lirich.cycling.gitt import gitt_values
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.ici import ici_values
from lirich.cycling.peakintervals import peak_interval, same_peak, variants
from lirich.cycling.peaks import Peak, find_peaks
from lirich.cycling.trend import fade_share_interval, fade_split, median_interval
from lirich.model import Cell


@pytest.mark.parametrize("n", [6, 9, 25, 60])
def test_order_statistics_hold_the_median_as_often_as_they_say(n: int) -> None:
    """Log-normal, as diffusivities scatter: the truth is 1."""
    rng = np.random.default_rng(n)
    found = [median_interval(np.exp(rng.normal(size=n))) for _ in range(2000)]
    assert np.mean([i is not None and i.low <= 1.0 <= i.high for i in found]) >= 0.94


def test_of_five_values_no_two_hold_the_median_with_95_percent() -> None:
    assert median_interval(np.arange(5.0)) is None
    six = median_interval(np.arange(6.0))
    assert six is not None
    assert (six.low, six.high) == (0.0, 5.0)
    many = median_interval(np.arange(1.0, 21.0))  # ranks 6 and 15 of 20: 1 − 2·0.0207
    assert many is not None
    assert (many.low, many.high) == (6.0, 15.0)
    assert median_interval(np.arange(4.0), level=0.8) is not None


@pytest.mark.parametrize("correlation", [-0.8, 0.0, 0.8])
@pytest.mark.parametrize("cycles", [8, 40])
def test_the_interval_of_the_structural_share_covers_the_truth(cycles: int, correlation: float) -> None:
    rng = np.random.default_rng(cycles)
    n = np.arange(cycles)
    structural, polarisation = 0.8e-3, 0.4e-3
    sigma = 4e-3 / np.sqrt(cycles)
    hits, given = 0, 0
    for _ in range(300):
        noise = rng.multivariate_normal([0, 0], sigma**2 * np.array([[1, correlation], [correlation, 1]]), cycles)
        middle, half_gap = 3.8 - structural * n + noise[:, 0], 0.1 + polarisation * n + noise[:, 1]
        bounds = fade_share_interval(n, middle + half_gap, middle - half_gap)
        if bounds is not None:
            given += 1
            hits += bounds.low <= 100 * structural / (structural + polarisation) <= bounds.high
            share = fade_split(n, middle + half_gap, middle - half_gap).structural_share
            assert share is None or bounds.low <= share <= bounds.high
    assert given > 250 or cycles == 8
    assert hits / given >= 0.92


def test_a_share_of_a_decay_that_may_be_zero_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    n = np.arange(12)
    noise = 1e-3 * rng.normal(size=(200, 2, 12))
    made = [fade_share_interval(n, 3.9 + up, 3.6 + down) for up, down in noise]
    assert np.mean([bounds is None for bounds in made]) >= 0.93  # the rest is what a level of 95 % lets through


AT_V, WIDTH_V = (3.9, 4.52), (0.10, 0.05)
"""Two Gaussian peaks of a first charge, position and standard deviation, V."""


def two_peaks(voltage: Array) -> Array:
    low, high = (np.exp(-0.5 * ((voltage - v) / w) ** 2) for v, w in zip(AT_V, WIDTH_V, strict=True))
    return np.asarray(200.0 * low + 500.0 * high)


def charge_with_peaks(noise_v: float, seed: int, rows: int = 1500) -> HalfCycle:
    """A charge whose dQ/dV is two Gaussian peaks on a base of 20 mAh/V, the voltage read with noise."""
    grid = np.linspace(3.2, 4.7, 30_001)
    rate = 20.0 + two_peaks(grid)
    charge = np.append(0.0, np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(grid)))
    at = np.linspace(0.0, charge[-1], rows)
    voltage = np.interp(at, charge, grid) + noise_v * np.random.default_rng(seed).normal(size=rows)
    return HalfCycle(1, "charge", voltage, at, np.ones(rows), np.arange(rows) * 10.0, np.zeros(rows, dtype=bool))


@pytest.mark.parametrize("noise_v", [0.5e-3, 3e-3])
def test_the_interval_of_a_peak_covers_the_truth(noise_v: float) -> None:
    hits, given, widths = 0, 0, []
    for seed in range(40):
        half = charge_with_peaks(noise_v, seed)
        made = variants(half)
        for truth in AT_V:
            peaks = find_peaks(dqdv(half))
            peak = min(peaks, key=lambda p: abs(p.voltage_v - truth))
            bounds, flags = peak_interval(peak, peaks, made)
            assert bounds is not None
            assert flags == ()
            assert bounds.low <= peak.voltage_v <= bounds.high
            given += 1
            widths.append(bounds.high - bounds.low)
            # the base lies flat, the neighbour adds less than 0.1 mV to the place of the maximum
            hits += bounds.low <= truth <= bounds.high
    assert hits / given >= 0.92
    assert np.median(widths) < 0.03


def doublet(apart_v: float, share: float, width_v: float = 0.010) -> HalfCycle:
    """A charge with two Gaussian peaks *apart_v* from each other, the upper one *share* as high."""
    grid = np.linspace(3.6, 4.2, 12_001)
    upper = share * np.exp(-0.5 * ((grid - 3.9 - apart_v) / width_v) ** 2)
    rate = 20.0 + 300.0 * (np.exp(-0.5 * ((grid - 3.9) / width_v) ** 2) + upper)
    charge = np.append(0.0, np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(grid)))
    at = np.linspace(0.0, charge[-1], 1500)
    return HalfCycle(1, "charge", np.interp(at, charge, grid), at, np.ones(1500), at, np.zeros(1500, dtype=bool))


@pytest.mark.parametrize(("apart_v", "share"), [(0.034, 1.0), (0.038, 0.6)])
def test_a_window_in_which_two_peaks_merge_tells_of_neither(apart_v: float, share: float) -> None:
    """The interval of the one ran to the other: the nearest peak was taken for it, whichever it was."""
    half = doublet(apart_v, share)
    peaks = find_peaks(dqdv(half))
    assert [p.voltage_v for p in peaks] == pytest.approx([3.900, 3.900 + apart_v], abs=0.003)
    made = variants(half)
    assert [len(find_peaks(curve)) for curve in made.windows] == [2, 1]
    (low, low_flags), (high, high_flags) = (peak_interval(p, peaks, made) for p in peaks)
    assert low is not None
    assert high is not None
    assert low.high < 3.910 < 3.925 < high.low
    assert high_flags == ("peak-not-resolved",)
    # equal peaks meet in the middle; the higher of two unlike ones stays where it is
    assert low_flags == (("peak-not-resolved",) if share == 1.0 else ())


def test_one_peak_of_a_variant_is_not_two_of_the_curve() -> None:
    """Two peaks nearer than the gate, one of which has gone: what is left is the nearer one alone."""
    near, far, left = (Peak(v, 1.0, 1.0, v - 0.01, v + 0.01, 1.0) for v in (0.0743, 0.1082, 0.0740))
    assert same_peak(near, [near, far], [left]) == left.voltage_v
    assert same_peak(far, [near, far], [left]) is None


def true_valley() -> float:
    grid = np.linspace(4.1, 4.5, 40_001)
    return float(grid[np.argmin(two_peaks(grid))])


@pytest.mark.parametrize("noise_v", [0.5e-3, 3e-3])
def test_the_interval_of_the_activation_voltage_covers_the_truth(noise_v: float) -> None:
    found = [activation(charge_with_peaks(noise_v, seed)) for seed in range(40)]
    bounds = [a.interval for a in found if a.how == "valley"]
    assert len(bounds) >= 38
    assert np.mean([b is not None and b.low <= true_valley() <= b.high for b in bounds]) >= 0.92


def test_a_fallback_has_no_interval() -> None:
    line = np.linspace(3.0, 4.6, 400)
    half = HalfCycle(1, "charge", line, np.linspace(0, 1, 400), None, None, np.zeros(400, dtype=bool))
    found = activation(half)
    assert found.how == "fallback"
    assert found.interval is None


def pulses(count: int, rest_s: float) -> tuple[Array, Array, Array]:
    """Pulses of 60 s with rests that relax along √t, dE/dt and dU/d√t a little different from pulse to pulse."""
    rng = np.random.default_rng(1)
    time, voltage, current = [0.0], [3.5], [0.0]
    level = 3.5
    for _ in range(count):
        slope = 1e-3 * np.exp(0.2 * rng.normal())
        start = time[-1]
        for s in np.arange(1.0, 61.0):
            time.append(start + s)
            voltage.append(level + slope * np.sqrt(s) + 0.01)
            current.append(1.0)
        top, begin = voltage[-1], time[-1]
        level += 2e-3
        for s in np.arange(1.0, rest_s + 1.0):
            time.append(begin + s)
            voltage.append(
                max(top - 0.01 - slope * np.sqrt(s), level) if rest_s > 60 else top - 0.01 - slope * np.sqrt(s)
            )
            current.append(0.0)
    return np.array(time), np.array(voltage), np.array(current)


@pytest.mark.parametrize(("count", "there"), [(20, True), (5, False)])
def test_headline_diffusivities_have_the_interval_of_their_median(count: int, there: bool) -> None:
    cell = Cell(key="c", electrode="cathode", active_mass_mg=5.0)
    for made in (
        gitt_values(*pulses(count, 600.0), cell, 1e-6, model_fit=False)[0],
        ici_values(*pulses(count, 10.0), cell, 1e-6)[0],
    ):
        medians = [v for v in made if "statistic" in v.conditions.other]
        assert medians
        for value in medians:
            each = [
                v.value for v in made
                if v.quantity == value.quantity and v.conditions.method == value.conditions.method
                and v.conditions.soc_percent is not None
            ]  # fmt: skip
            # interrupts before the profile is steady are values, but not of the median
            told = value.provenance.parameters
            counted = told.get("pulses", told.get("interruptions"))
            assert (value.interval is not None) == (there and counted >= 6)
            if value.interval is not None:
                assert value.interval.low in each
                assert value.interval.high in each
                assert value.interval.low <= value.value <= value.interval.high


def test_values_of_a_test_carry_these_intervals() -> None:
    half = charge_with_peaks(0.5e-3, 0)
    back = half.voltage_v[::-1] - 0.02
    q = half.capacity_mah[-1]
    rows = len(back)
    amps = 1e-3 * q / (rows * 10.0 / 3600.0)
    voltage = np.concatenate([half.voltage_v, back])
    current = np.concatenate([np.full(rows, amps), np.full(rows, -amps)])
    time = np.arange(2 * rows) * 10.0
    table = pl.DataFrame({"test_time_second": time, "voltage_volt": voltage, "current_ampere": current})
    cell = Cell(key="c", electrode="cathode", active_mass_mg=1000.0)
    of = {}
    for value in analyse(table, cell).values:
        of.setdefault(value.quantity, []).append(value)
    for quantity in ("activation_voltage_v", "dqdv_peak_voltage_v"):
        assert of[quantity]
        assert all(v.interval is not None and v.interval.low <= v.value <= v.interval.high for v in of[quantity])


def test_a_shift_says_from_how_many_of_the_cycles_it_is() -> None:
    """90 cycles are followed over 60 of their curves."""
    for cycles, stated in ((90, True), (30, False)):
        run = Programme(rows_per_step=120)
        table = run.cycles(cycles, 0.5).table()
        # bend the line into a peak of dQ/dV at 3.6 V
        x = (table["voltage_volt"] - 3.6) / 0.8
        table = table.with_columns(voltage_volt=3.6 + 0.8 * (0.4 * x + 0.6 * x**3))
        result = analyse(table, Cell(key="c", electrode="cathode", active_mass_mg=5.0))
        shifts = [v for v in result.values if v.quantity == "dqdv_peak_shift_mv_per_cycle"]
        assert shifts
        for value in shifts:
            assert ("of_cycles" in value.conditions.other) == stated
            if stated:
                assert value.conditions.other["followed_curves"] == 60
                assert value.conditions.other["of_cycles"] == 90

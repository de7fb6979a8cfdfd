"""dQ/dV, its peaks, peaks over cycles, capacity below a voltage."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import savgol_filter
from scipy.stats import norm

from lirich import plots
from lirich.cycling.activation import activation
from lirich.cycling.dqdv import Smoothing, charge_below, dqdv, dqdv_curves, voltage_resolution
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.lowvoltage import capacity_above, capacity_below
from lirich.cycling.peaks import find_peaks, follow, name_peaks, name_tracks
from lirich.cycling.peakvalues import dqdv_values
from lirich.cycling.tracks import peak_table
from lirich.errors import NotEnoughDataError, SettingsError
from lirich.model import Cell, Sample

METHODS = [Smoothing(), Smoothing(method="lean"), Smoothing(step_v=0.005, window_v=0.05)]


def half(voltage, capacity, *, cycle=1, direction="charge", held=None) -> HalfCycle:
    voltage, capacity = np.asarray(voltage, float), np.asarray(capacity, float)
    held = np.zeros(len(voltage), bool) if held is None else np.asarray(held)
    return HalfCycle(cycle, direction, voltage, capacity, None, None, held)


PEAKS = ((3.90, 0.08, 110.0), (4.52, 0.03, 120.0))  # position V, width V, area mAh


def two_peaks(points=4000, *, noise=0.0, quantum=0.0, cycle=1, shift=0.0, direction="charge", seed=0) -> HalfCycle:
    """A curve of two normal peaks on 40 mAh/V, sampled evenly in charge as a cycler at constant current does."""
    grid = np.linspace(3.0, 4.8, 20001)
    total = 40.0 * (grid - 3.0) + sum(area * norm.cdf(grid, at + shift, width) for at, width, area in PEAKS)
    capacity = np.linspace(total[0], total[-1], points)
    voltage = np.interp(capacity, total, grid)
    if direction == "discharge":
        voltage = voltage[::-1]
    voltage = voltage + noise * np.random.default_rng(seed).normal(size=points)
    if quantum:
        voltage = np.round(voltage / quantum) * quantum
    return half(voltage, capacity - capacity[0], cycle=cycle, direction=direction)


@pytest.mark.parametrize("smoothing", METHODS, ids=str)
@pytest.mark.parametrize(("noise", "quantum"), [(0, 0), (1e-3, 0), (0, 1e-3), (1e-3, 1e-3), (5e-4, 3e-4)])
@pytest.mark.parametrize("direction", ["charge", "discharge"])
def test_known_peaks_are_recovered_through_noise_and_quantisation(smoothing, noise, quantum, direction):
    curve = dqdv(two_peaks(noise=noise, quantum=quantum, direction=direction), smoothing)
    found = find_peaks(curve)
    assert [p.voltage_v for p in found] == pytest.approx([at for at, _, _ in PEAKS], abs=0.005)
    for peak, (_, width, area) in zip(found, PEAKS, strict=True):
        # the window (30–50 mV) flattens the 30 mV peak; the 80 mV peak keeps its height
        height = 40.0 + area / (width * np.sqrt(2 * np.pi))
        assert peak.height_mah_v == pytest.approx(height, rel=0.06 if width > 0.05 else 0.30)
        baseline = 40.0 * (peak.right_v - peak.left_v)
        assert peak.area_mah - baseline == pytest.approx(area, rel=0.05)


@pytest.mark.parametrize("smoothing", METHODS, ids=str)
def test_the_area_under_dqdv_is_the_capacity(smoothing):
    for noise, quantum in ((0.0, 0.0), (2e-3, 1e-3)):
        source = two_peaks(noise=noise, quantum=quantum)
        curve = dqdv(source, smoothing)
        assert curve.dqdv_mah_v.sum() * curve.step_v == pytest.approx(source.capacity_mah[-1], rel=0.005)


def test_on_a_monotonic_curve_it_is_scipys_savitzky_golay():
    source = two_peaks()
    curve = dqdv(source, Smoothing(step_v=0.002, window_v=0.030, order=2))
    passed = np.interp(curve.voltage_v, source.voltage_v, source.capacity_mah)
    oracle = savgol_filter(passed, 15, 2, deriv=1, delta=0.002, mode="interp")
    np.testing.assert_allclose(curve.dqdv_mah_v, oracle, rtol=1e-7, atol=1e-6)


def test_lean_has_no_beat_between_resolution_and_grid():
    """A straight line at 3 mV resolution on a 2 mV grid beats; LEAN's bins hold whole levels."""
    line = half(np.round(np.linspace(3.0, 4.5, 6001) / 0.003) * 0.003, np.linspace(0, 150, 6001))
    assert voltage_resolution(line.voltage_v) == pytest.approx(0.003)
    lean = dqdv(line, Smoothing(method="lean"))
    assert lean.step_v == pytest.approx(0.003)
    np.testing.assert_allclose(lean.dqdv_mah_v[10:-10], 100.0, rtol=0.015)


def test_constant_voltage_parts_are_no_peak():
    ramp = np.linspace(3.0, 4.5, 1000)
    voltage = np.concatenate((ramp, np.full(200, 4.5)))
    capacity = np.concatenate((np.linspace(0, 150, 1000), np.linspace(150.1, 170, 200)))
    held = np.arange(1200) >= 1000
    curve = dqdv(half(voltage, capacity, held=held))
    np.testing.assert_allclose(curve.dqdv_mah_v, 100.0, rtol=1e-3)


def test_too_little_is_said():
    with pytest.raises(NotEnoughDataError, match="points off constant voltage"):
        dqdv(half([3.0, 3.5], [0, 1]))
    with pytest.raises(NotEnoughDataError, match="spans"):
        dqdv(half(np.linspace(3.0, 3.01, 50), np.arange(50)))
    with pytest.raises(SettingsError, match="Unknown dQ/dV method"):
        Smoothing(method="magic")  # type: ignore[arg-type]
    assert dqdv_curves([half([3.0, 3.5], [0, 1])]).is_empty()


def test_the_table_for_plots_is_per_gram_only_with_a_mass():
    table = dqdv_curves([two_peaks()], active_mass_mg=500.0)
    assert (table["dqdv_mah_g_v"] / table["dqdv_mah_v"]).to_numpy() == pytest.approx(2.0)
    assert dqdv_curves([two_peaks()])["dqdv_mah_g_v"].null_count() == len(table)


voltages = arrays(np.float64, st.integers(2, 40), elements=st.floats(2.0, 4.8).map(lambda v: round(v, 3)))


@given(voltages, st.floats(1.9, 4.9), st.data())
@settings(deadline=None)
def test_below_and_above_any_threshold_make_the_whole(voltage, threshold, data):
    charge = data.draw(arrays(np.float64, len(voltage) - 1, elements=st.floats(0, 10)))
    capacity = np.concatenate(([0.0], np.cumsum(charge)))
    below, above = capacity_below(voltage, capacity, threshold), capacity_above(voltage, capacity, threshold)
    assert below + above == pytest.approx(capacity[-1], abs=1e-9)
    assert -1e-9 <= below <= capacity[-1] + 1e-9
    assert capacity_below(voltage, capacity, threshold + 0.1) >= below - 1e-9


@given(voltages, st.data())
@settings(max_examples=200, deadline=None)
def test_two_ways_to_count_charge_below_a_voltage_agree(voltage, data):
    """`charge_below` (running sums over a grid) against `capacity_below` (one threshold at a time)."""
    charge = data.draw(arrays(np.float64, len(voltage) - 1, elements=st.floats(0, 10)))
    source = half(voltage, np.concatenate(([0.0], np.cumsum(charge))))
    grid = np.linspace(1.95, 4.85, 30) + 1e-4 * np.pi
    each = [capacity_below(source.voltage_v, source.capacity_mah, v) for v in grid]
    np.testing.assert_allclose(charge_below(source, grid), each, atol=1e-5 * (1 + source.capacity_mah[-1]))


def test_all_parts_below_the_threshold_count():
    """Down through 3.5 V, back above it, down again: both parts below."""
    voltage, capacity = np.array([4.0, 3.0, 4.0, 3.0]), np.array([0.0, 10.0, 20.0, 30.0])
    assert capacity_below(voltage, capacity, 3.5) == pytest.approx(15.0)


def test_peaks_are_followed_through_shifts_and_gaps():
    cycles = list(range(1, 31))
    shift = [-0.002 * (n - 1) for n in cycles]
    curves = [
        find_peaks(dqdv(two_peaks(cycle=n, shift=s, noise=5e-4, seed=n))) for n, s in zip(cycles, shift, strict=True)
    ]
    curves[7] = curves[7][:1]  # one peak lost, as where it merges for a while
    curves[8] = []
    tracks = follow(cycles, curves)
    assert [len(t.cycles) for t in tracks] == [29, 28]
    for track, (start, _, _) in zip(tracks, PEAKS, strict=True):
        expected = [start + shift[n - 1] for n in track.cycles]
        assert [p.voltage_v for p in track.peaks] == pytest.approx(expected, abs=0.006)


def test_a_peak_beyond_the_gate_is_another_peak():
    near, far = (find_peaks(dqdv(two_peaks(shift=s))) for s in (0.0, 0.1))
    assert len(follow([1, 2], [near, far])) == 4
    assert len(follow([1, 2], [near, far], gate_v=0.15)) == 2


def test_a_peak_of_one_curve_has_the_name_that_it_has_when_it_is_followed():
    below = two_peaks()
    peaks = find_peaks(dqdv(half(below.voltage_v + 0.35, below.capacity_mah)))  # both above 4.2 V
    assert all(peak.voltage_v > 4.2 for peak in peaks)
    named = dict(name_peaks(peaks, "charge", li_rich=True))
    assert set(named) == {"high-voltage", "high-voltage 2"}
    assert named["high-voltage"].height_mah_v > named["high-voltage 2"].height_mah_v
    followed = name_tracks(follow([1], [peaks]), "charge", li_rich=True)
    assert {name: track.peaks[0] for name, track in followed} == named
    assert all(name == f"{peak.voltage_v:.2f} V" for name, peak in name_peaks(peaks, "charge", li_rich=False))


def test_shift_of_a_peak_is_recovered_with_its_interval():
    halves = [two_peaks(cycle=n, shift=-0.0015 * n, noise=5e-4, seed=n) for n in range(1, 26)]
    values, findings = dqdv_values(halves, Cell(key="c", active_mass_mg=1000.0, electrode="cathode"), segment="ageing")
    shifts = {v.conditions.other["peak"]: v for v in values if v.quantity == "dqdv_peak_shift_mv_per_cycle"}
    assert set(shifts) == {"transition-metal", "high-voltage"}
    for value in shifts.values():
        assert value.value == pytest.approx(-1.5, abs=0.05)
        assert value.interval.low <= -1.5 + 0.05
        assert value.interval.high >= -1.5 - 0.05
        assert value.conditions.other["n"] == 25
        assert value.conditions.other["window_v"] == 0.030
        assert "savitzky-golay" in value.conditions.method
    assert findings == []


def test_a_peak_is_given_where_half_of_the_curves_have_it():
    bare = np.linspace(3.0, 4.8, 2000)
    for with_peak, given_ in ((6, True), (4, False)):
        halves = [
            two_peaks(cycle=n) if n <= with_peak else half(bare, 40.0 * (bare - 3.0), cycle=n) for n in range(1, 11)
        ]
        values, _ = dqdv_values(halves, Cell(key="c", active_mass_mg=1000.0))
        assert ("dqdv_peak_voltage_v" in {v.quantity for v in values}) == given_


@pytest.mark.parametrize(
    ("valley", "how", "at"),
    [(4.10, "fallback", 4.4), (4.25, "valley", 4.25), (4.45, "valley", 4.45), (4.55, "fallback", 4.4)],
)
def test_the_activation_valley_is_searched_from_4_2_to_4_5_volt(valley, how, at):
    """dQ/dV = 60 + 2000·(V − valley)² but for a peak of the metals at 3.8 V and one of the plateau at 4.7 V."""
    grid = np.linspace(3.3, 4.8, 20001)
    rate = 60 + 2000 * np.minimum((grid - valley) ** 2, 0.04)
    rate += 250 * np.exp(-(((grid - 3.8) / 0.05) ** 2)) + 400 * np.exp(-(((grid - 4.7) / 0.03) ** 2))
    charge = np.append(0.0, np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(grid)))
    capacity = np.linspace(0, charge[-1], 4000)
    found = activation(half(np.interp(capacity, charge, grid), capacity))
    assert found.how == how
    assert found.voltage_v == pytest.approx(at, abs=0.005)
    assert found.slope_mah == pytest.approx(np.interp(found.voltage_v, grid, charge), rel=1e-3)
    assert found.slope_mah + found.plateau_mah == pytest.approx(charge[-1])


def test_spinel_like_peak_of_the_discharge_is_given_and_its_absence_said():
    grid = np.linspace(2.0, 4.5, 20001)
    total = 50.0 * (grid - 2.0) + 100 * norm.cdf(grid, 3.75, 0.1) + 30 * norm.cdf(grid, 3.05, 0.06)
    voltage = np.interp(np.linspace(0, total[-1], 3000), total, grid)[::-1]
    source = half(voltage, np.linspace(0, total[-1], 3000), direction="discharge", cycle=40)
    cell = Cell(key="c", active_mass_mg=1000.0, electrode="cathode")
    values, _ = dqdv_values([source], cell)
    at = next(v for v in values if v.quantity == "spinel_peak_voltage_v")
    area = next(v for v in values if v.quantity == "spinel_peak_area_mah_g")
    assert at.value == pytest.approx(3.05, abs=0.01)
    left, right = area.provenance.parameters["left_v"], area.provenance.parameters["right_v"]
    truth = np.interp([left, right], grid, total)
    assert area.value == pytest.approx(truth[1] - truth[0], rel=0.02)
    _, findings = dqdv_values([two_peaks(direction="discharge")], cell)
    assert [f.code for f in findings] == ["no-spinel-peak"]


@pytest.mark.parametrize(
    ("electrode", "composition", "named"),
    [
        ("cathode", None, True),
        ("cathode", "Li1.2Mn0.54Ni0.13Co0.13O2", True),
        (None, "Li1.2Mn0.54Ni0.13Co0.13O2", True),
        ("cathode", "LiNi0.8Mn0.1Co0.1O2", False),
        ("full", "Li1.2Mn0.54Ni0.13Co0.13O2", False),
        ("anode", None, False),
        (None, None, False),
    ],
)
def test_peaks_have_the_names_of_a_li_rich_cathode_only_where_it_may_be_one(electrode, composition, named):
    cell = Cell(key="c", active_mass_mg=1000.0, electrode=electrode)
    halves = [two_peaks(), two_peaks(direction="discharge")]
    values, findings = dqdv_values(halves, cell, Sample(key="s", composition=composition))
    names = {v.conditions.other["peak"] for v in values if v.quantity == "dqdv_peak_voltage_v"}
    assert (names == {"transition-metal", "high-voltage"}) is named
    if not named:
        places = {float(name.removesuffix(" V")) for name in names}
        assert places == {round(p, 2) for p in places}
        assert len(places) >= 2
    assert ("no-spinel-peak" in {f.code for f in findings}) is named


def drifting_test() -> tuple[list[HalfCycle], pl.DataFrame]:
    """Ten ageing cycles whose peaks fall by 2 mV per cycle, and a check-up (cycle 8) whose peaks stand 40 mV higher."""
    halves = [two_peaks(cycle=n, shift=0.04 if n == 8 else -0.002 * n) for n in range(1, 12)]
    numbers = list(range(1, 12))
    return halves, pl.DataFrame(
        {
            "cycle": numbers,
            "cycle_number": [n + 100 for n in numbers],
            "segment": ["check_up" if n == 8 else "ageing" for n in numbers],
            "like_group": [1 if n == 8 else 0 for n in numbers],
            "complete": [True] * 11,
        }
    )


def test_peaks_are_followed_over_all_cycles_of_one_rate_and_never_into_another():
    halves, cycles = drifting_test()
    table = peak_table(halves, cycles, Cell(key="SC-1", electrode="cathode", active_mass_mg=500.0))
    for at, _, _ in PEAKS:
        of_peak = table.filter((pl.col("dqdv_peak_voltage_v") - at).abs() < 0.1)
        ageing = of_peak.filter(pl.col("segment") == "ageing")
        assert ageing["cycle"].to_list() == [1, 2, 3, 4, 5, 6, 7, 9, 10, 11]
        assert ageing["cycle_number"].to_list() == [n + 100 for n in ageing["cycle"]]
        assert ageing["track"].n_unique() == ageing["peak"].n_unique() == 1
        assert ageing["dqdv_peak_voltage_v"].to_numpy() == pytest.approx(
            at - 0.002 * ageing["cycle"].to_numpy(), abs=5e-3
        )
        slope = np.polyfit(ageing["cycle"], 1000 * ageing["dqdv_peak_voltage_v"], 1)[0]
        assert slope == pytest.approx(-2.0, abs=0.1)
        # 40 mV is within the gate of 60 mV: only the other conditions keep the check-up out of the track
        (check_up,) = of_peak.filter(pl.col("segment") == "check_up")["dqdv_peak_voltage_v"]
        assert check_up == pytest.approx(at + 0.04, abs=5e-3)
    assert table["lasting"].all()
    assert (table["dqdv_peak_area_mah_g"] / table["area_mah"]).to_numpy() == pytest.approx(2.0)


def test_the_table_of_peaks_has_the_positions_that_are_values():
    halves, cycles = drifting_test()
    cell = Cell(key="SC-1", electrode="cathode", active_mass_mg=500.0)
    ageing = [h for h in halves if h.cycle != 8]
    values, _ = dqdv_values(ageing, cell)
    table = peak_table(halves, cycles, cell)
    positions = [v for v in values if v.quantity == "dqdv_peak_voltage_v"]
    assert len(positions) == 4  # two peaks, in the first and the last cycle
    for value in positions:
        row = table.filter(
            (pl.col("cycle") == value.conditions.cycle) & (pl.col("peak") == value.conditions.other["peak"])
        )
        assert row["dqdv_peak_voltage_v"].to_list() == [value.value]


def test_a_table_of_peaks_without_mass_or_cycles():
    halves, cycles = drifting_test()
    table = peak_table(halves, cycles, Cell(key="SC-1", electrode="cathode"))
    assert table["dqdv_peak_height_mah_g_v"].null_count() == table["dqdv_peak_area_mah_g"].null_count() == table.height
    assert table["height_mah_v"].null_count() == 0
    assert peak_table([], cycles, Cell(key="SC-1")).is_empty()
    parts = cycles.with_columns(complete=pl.lit(value=False))
    assert peak_table(halves, parts, Cell(key="SC-1")).is_empty()
    stopped = cycles.with_columns(segment=pl.lit("gitt"))
    assert peak_table(halves, stopped, Cell(key="SC-1")).is_empty()


def test_the_figure_of_peaks_joins_like_cycles_alone():
    halves, cycles = drifting_test()
    table = peak_table(halves, cycles, Cell(key="SC-1", electrode="cathode"))
    figure = plots.peaks(table)
    joined = [trace for trace in figure.data if "lines" in trace["mode"]]
    alone = [trace for trace in figure.data if trace["mode"] == "markers"]
    assert len(joined) == len(alone) == len(PEAKS)
    for trace in joined:
        assert trace["x"] == [101, 102, 103, 104, 105, 106, 107, 109, 110, 111]  # the cycler's count
    assert all(trace["x"] == [108] for trace in alone)
    assert plots.peaks(table.filter(pl.col("cycle") == 1)) is None


def test_peaks_that_go_by_their_voltage_are_one_entry_of_the_legend():
    halves, cycles = drifting_test()
    figure = plots.peaks(peak_table(halves, cycles, Cell(key="A-1", electrode="anode")))
    assert [t["name"] for t in figure.data if t["showlegend"]] == ["charge"]
    assert {t["line"]["color"] for t in figure.data} == {plots.style.CHARGE_COLOUR}
    assert any("3.89 V, charge" in t["hovertemplate"] for t in figure.data)

"""Is the time column seconds: files of time, voltage and current alone, without a capacity or a clock to ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lirich.errors import ReadError
from lirich.model import Severity
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, TIME, UNIX_TIME, VOLTAGE
from lirich.readers import check, read, repair
from lirich.readers.typical import median, mostly
from lirich.testing.laboratory import make_laboratory
from test_readers_core_checks import cell_test, codes, errors

USUAL_INTERVAL_S = {20.0: 60.0, 2.0: 40.0, 0.5: 5.0, 0.2: 1.0}
"""Hours per half-cycle (C/20, C/2, 2C, 5C) → how often people record such a test."""

TOLD = {
    (20.0, 60.0): "warning",  # C/1200 recorded hourly: nobody does it, but somebody could
    (20.0, 1000.0): "error",
    (20.0, 3600.0): "error",
    (2.0, 60.0): "",  # a C/120 test recorded every 40 min
    (2.0, 1000.0): "error",
    (2.0, 3600.0): "error",
    (0.5, 60.0): "",  # a C/30 test recorded every 5 min
    (0.5, 1000.0): "error",
    (0.5, 3600.0): "error",
    (0.2, 60.0): "",  # a C/12 test recorded every minute
    (0.2, 1000.0): "warning",  # a C/200 test recorded every 1000 s
    (0.2, 3600.0): "warning",  # a C/720 test recorded hourly
}
"""Hours and factor → what the checks say. "" where the result is a test that people do: nothing could tell it."""


def plain(hours: float, interval_s: float, **other) -> pl.DataFrame:
    return cell_test(hours=hours, interval_s=interval_s, rest_h=0.1 * hours, capacity=False, cycles=2, **other)


@pytest.mark.parametrize(("hours", "factor"), TOLD)
def test_time_too_large_is_told_from_half_cycles_and_recording_intervals(hours: float, factor: float) -> None:
    right = plain(hours, USUAL_INTERVAL_S[hours])
    assert codes(right) == {}
    wrong = right.with_columns(pl.col(TIME) * factor)
    found = [f for f in check(wrong) if f.severity is not Severity.INFO]
    assert [f.severity.value for f in found] == ([TOLD[hours, factor]] if TOLD[hours, factor] else [])
    for finding in found:
        name = f"time-{factor:.0f}x"
        assert name in finding.advice
        mended, _ = repair(wrong, [name])
        assert np.allclose(mended[TIME], right[TIME])
        assert codes(mended) == {}


@pytest.mark.parametrize("factor", [60.0, 1000.0, 3600.0])
def test_where_two_factors_give_usual_tests_both_repairs_are_named(factor: float) -> None:
    wrong = plain(2.0, 10.0).with_columns(pl.col(TIME) * factor)
    (finding,) = check(wrong) or (None,)
    if factor == 60.0:  # a C/120 test recorded every 10 min
        assert finding is None
        return
    assert finding.severity is Severity.ERROR
    named = {f"time-{f}x" for f in (60, 1000, 3600) if f"time-{f}x" in finding.advice}
    assert named == ({"time-1000x"} if factor == 1000.0 else {"time-3600x", "time-60x"})


@pytest.mark.parametrize(
    ("hours", "interval_s"),
    [(50, 60), (50, 300), (50, 600), (100, 600), (100, 1800), (200, 900), (200, 1800), (200, 2400), (200, 3600)],
)
def test_slow_tests_that_people_do_raise_no_alarm(hours: float, interval_s: float) -> None:
    assert codes(plain(hours, interval_s)) == {}


@pytest.mark.parametrize("interval_s", [1000.0, 7200.0, 14_400.0, 18_000.0])
def test_slow_tests_recorded_in_an_unusual_way_are_never_refused(interval_s: float) -> None:
    assert errors(plain(200.0, interval_s)) == {}


def test_a_slow_test_that_waits_for_the_voltage_to_move_is_not_refused() -> None:
    rng = np.random.default_rng(3)
    hours = 200.0
    time = np.cumsum(rng.lognormal(np.log(5000.0), 0.5, 300))  # a row per 5 mV
    half = (time // (hours * 3600)) % 2
    part = time % (hours * 3600) / (hours * 3600)
    table = pl.DataFrame(
        {
            TIME: time,
            VOLTAGE: np.where(half == 0, 3 + 1.5 * part, 4.5 - 1.5 * part),
            CURRENT: np.where(half == 0, 1e-6, -1e-6),
        }
    )
    assert errors(table) == {}


def test_half_cycles_logged_by_their_ends_alone_say_nothing_of_the_recording() -> None:
    rows = np.arange(12)
    table = pl.DataFrame(
        {
            TIME: rows * 36_000.0,  # C/10, the ends of each half-cycle: 10 h would be 10 s made 3600 times too long
            VOLTAGE: np.where(rows % 2 == 0, 3.0, 4.4),
            CURRENT: np.where(rows % 2 == 0, -1e-3, 1e-3),
        }
    )
    assert errors(table) == {}


def test_calendar_ageing_with_rests_of_weeks_between_check_ups_raises_no_alarm() -> None:
    parts, start = [], 0.0
    for _ in range(4):
        part = cell_test(hours=20, interval_s=60, capacity=False, cycles=1).with_columns(pl.col(TIME) + start)
        store = start + 42 * 3600.0 + 86_400.0 * np.arange(1, 29)  # a row a day for four weeks
        rest = pl.DataFrame({TIME: store, VOLTAGE: np.full(28, 3.05), CURRENT: np.zeros(28)})
        parts += [part.select(TIME, VOLTAGE, CURRENT), rest]
        start = float(store[-1]) + 60.0
    assert codes(pl.concat(parts)) == {}


@pytest.mark.parametrize("hourly", [1, 2, 6])
def test_months_of_holding_a_voltage_are_no_slow_half_cycle(hourly: int) -> None:
    up = cell_test(hours=3, interval_s=60, capacity=False, cycles=1).filter(pl.col(CURRENT) > 0)
    hold = np.arange(1, 24 * 90 // hourly) * 3600.0 * hourly
    table = pl.concat(
        [
            up.select(TIME, VOLTAGE, CURRENT),
            pl.DataFrame(
                {
                    TIME: up[TIME][-1] + hold,
                    VOLTAGE: np.full(len(hold), 4.5),
                    CURRENT: 2e-5 * np.exp(-hold / 1e6) + 2e-6,
                }
            ),
        ]
    )
    assert codes(table) == {}


@given(st.lists(st.floats(-1e300, 1e300) | st.just(float("nan")), min_size=1, max_size=60))
def test_the_median_is_that_of_numpy(values):
    assert median(np.array(values)) == pytest.approx(float(np.median(values)), rel=0, abs=0, nan_ok=True)


@given(st.lists(st.floats(0.0, 4.0), min_size=1, max_size=30))
def test_the_median_of_numbers_that_mostly_lie_within_limits_lies_there_too(values: list[float]) -> None:
    numbers = np.array(values)
    if mostly(np.abs(numbers - 2.0) <= 1.0):
        assert abs(median(numbers) - 2.0) <= 1.0


# --- time that is too small -----------------------------------------------------------------------------------------

FASTER = {
    (10.0, 10.0, 3600.0): ("error", "time-in-hours"),  # 360 C at 360 Hz
    (20.0, 5.0, 3600.0): ("error", "time-in-hours"),
    (10.0, 30.0, 3600.0): ("warning", "time-in-hours or time-in-minutes"),  # 120 Hz: 0.5 s of minutes, 30 s of hours
    (10.0, 60.0, 3600.0): ("warning", "time-in-hours or time-in-minutes"),  # 60 Hz: the mains
    (20.0, 10.0, 1000.0): ("warning", "time-in-kiloseconds"),
    (10.0, 60.0, 1000.0): ("warning", "time-in-kiloseconds"),
    (1.0, 8.0, 60.0): ("warning", "time-in-minutes"),
    (10.0, 30.0, 60.0): ("", ""),  # a 6 C test recorded twice a second
    (20.0, 60.0, 60.0): ("", ""),  # a 3 C test recorded every second
    (100.0, 600.0, 1000.0): ("", ""),  # a 10 C test recorded every 0.6 s
    (500.0, 600.0, 1000.0): ("", ""),
}
"""Hours, recording interval in s, and by how much time is too small → what is said. "" where people do such tests."""


@pytest.mark.parametrize(("hours", "interval_s", "factor"), FASTER)
def test_time_too_small_is_told_from_half_cycles_and_recording_intervals(
    hours: float, interval_s: float, factor: float
) -> None:
    right = plain(hours, interval_s)
    severity, names = FASTER[hours, interval_s, factor]
    wrong = right.with_columns(pl.col(TIME) / factor)
    found = [f for f in check(wrong) if f.severity is not Severity.INFO]
    assert [f.severity.value for f in found] == ([severity] if severity else [])
    for finding in found:
        assert names.split(" or ")[0] in finding.advice
        assert all(name in finding.advice for name in names.split(" or "))
        assert f"{3600.0 / (hours * 3600.0 / factor):.3g} C" in finding.message
        name = {1000.0: "time-in-kiloseconds", 3600.0: "time-in-hours", 60.0: "time-in-minutes"}[factor]
        mended, _ = repair(wrong, [name])
        assert np.allclose(mended[TIME], right[TIME])
        assert codes(mended) == {}


@pytest.mark.parametrize(
    ("hours", "interval_s"),
    [(0.05, 1.0), (0.05, 0.1), (0.02, 0.1), (0.02, 0.5), (0.01, 0.1), (0.2, 0.01), (0.2, 0.02), (1.0, 0.01)],
)
def test_fast_tests_that_people_do_raise_no_alarm(hours: float, interval_s: float) -> None:
    """From 1 C recorded at 100 Hz to 100 C recorded at 10 Hz."""
    assert codes(plain(hours, interval_s)) == {}


@pytest.mark.parametrize("hertz", [50.0, 60.0, 100.0, 120.0, 200.0, 1000.0, 2000.0])
def test_a_supercapacitor_on_a_fast_recorder_is_never_refused(hertz: float) -> None:
    assert errors(plain(5.0 / 3600.0, 1.0 / hertz)) == {}


def test_a_dead_cell_that_meets_its_limits_at_once_is_never_refused() -> None:
    rng = np.random.default_rng(5)
    time = np.cumsum(rng.uniform(0.2, 1.0, 400))  # a row where the voltage has moved
    half = (np.arange(400) // 25) % 2
    part = (np.arange(400) % 25) / 24
    voltage = np.where(half == 0, 2.5 + 2 * part, 4.5 - 2 * part)
    table = pl.DataFrame({TIME: time, VOLTAGE: voltage, CURRENT: np.where(half == 0, 1e-3, -1e-3)})
    assert errors(table) == {}


def test_a_drive_cycle_of_short_discharges_raises_no_alarm() -> None:
    """Each discharge of some seconds moves a cold cell by 0.6 V, and the whole drive takes it through its capacity."""
    rows = np.arange(40_000)
    current = np.where(rows % 400 < 300, -3.0, 1.0)  # rows of 50 ms: 15 s of driving, 5 s of braking
    sagging = np.minimum(rows % 400, 300) / 300 * 0.6
    voltage = 4.1 - 1.0 * rows / len(rows) - np.where(current < 0, sagging, 0.6 * (1 - (rows % 400 - 300) / 100))
    table = pl.DataFrame({TIME: rows * 0.05, VOLTAGE: voltage, CURRENT: current})
    assert codes(table) == {}


def test_pulses_around_one_state_of_charge_raise_no_alarm() -> None:
    """10 s up, 10 s down, recorded at 100 Hz: 0.35 V each way of a cold cell, and no passage over a window."""
    rows = np.arange(20_000)
    half = (rows // 1000) % 2
    part = rows % 1000 / 1000
    voltage = 3.7 + np.where(half == 0, 1.0, -1.0) * 0.35 * np.sqrt(part)
    table = pl.DataFrame({TIME: rows * 0.01, VOLTAGE: voltage, CURRENT: np.where(half == 0, 2.0, -2.0)})
    assert codes(table) == {}


@pytest.mark.parametrize("pairs", [1, 5])
@pytest.mark.parametrize("interval_s", [1e-3, 0.01, 0.1])
@pytest.mark.parametrize("regained", [1.0, 0.75])
def test_pulses_of_a_cold_cell_at_one_state_of_charge_raise_no_alarm(
    pairs: int, interval_s: float, regained: float
) -> None:
    """10 s down and up with rests (HPPC), 0.7 V of it polarisation: that the charge returns at once is no 360 C."""
    part = np.linspace(0.0, 1.0, round(10.0 / interval_s) + 1)
    time, current, voltage = [np.zeros(1)], [np.zeros(1)], [np.full(1, 3.7)]
    for size in (-1.0, regained) * pairs:
        time += [time[-1][-1] + interval_s + 10.0 * part]
        time += [time[-1][-1] + np.arange(1.0, 41.0)]
        current += [np.full(len(part), 5.0 * size), np.zeros(40)]
        voltage += [3.7 + 0.7 * size * (0.1 + 0.9 * np.sqrt(part)), np.full(40, 3.7)]
    table = pl.DataFrame({n: np.concatenate(v) for n, v in ((TIME, time), (VOLTAGE, voltage), (CURRENT, current))})
    assert codes(table) == {}


@pytest.mark.parametrize("polarisation_v", [0.0, 0.15, 0.3])
def test_one_cycle_whose_charge_returns_is_still_called_too_fast(polarisation_v: float) -> None:
    """A charge and a discharge go over the same 1.5 V but for the polarisation, as pulses do not."""
    table = cell_test(hours=10.0, interval_s=60.0, cycles=1, capacity=False)
    lag = polarisation_v * pl.col(CURRENT).sign()
    wrong = table.with_columns(pl.col(TIME) / 3600.0, pl.col(VOLTAGE) + lag)
    (finding,) = [f for f in check(wrong) if f.severity is not Severity.INFO]
    assert "time-in-hours" in finding.advice


@pytest.mark.parametrize(
    ("name", "factor", "severity"),
    [
        ("gitt_discharge_thinned", 1000.0, "warning"),
        ("gitt_discharge_thinned", 3600.0, "error"),
        ("ici_discharge", 1000.0, "warning"),
        ("ici_discharge", 3600.0, "error"),
        ("hppc_discharge", 1000.0, "warning"),  # no half-cycle of it moves 0.5 V, all together do
        ("hppc_discharge", 3600.0, "error"),
        ("dqdv_cell1_rough", 3600.0, "error"),
        ("dqdv_cell1_rough", 1000.0, "warning"),
    ],
)
def test_real_files_of_time_voltage_and_current_whose_time_is_too_small(
    name: str, factor: float, severity: str, shared_data: Path
) -> None:
    table = read(shared_data / "cycling" / f"ampworks_{name}.csv").table.select(TIME, VOLTAGE, CURRENT)
    assert codes(table) == {}
    (finding,) = [f for f in check(table.with_columns(pl.col(TIME) / factor)) if f.severity is not Severity.INFO]
    assert finding.severity.value == severity
    assert finding.repair == {1000.0: "time-in-kiloseconds", 3600.0: "time-in-hours"}[factor]


def test_a_time_a_thousand_times_too_small_is_proven_by_the_capacities_and_by_the_clock() -> None:
    table = cell_test(clock=True)
    wrong = table.with_columns(pl.col(TIME) / 1000)
    assert errors(wrong.drop(UNIX_TIME)) == {"charge-balance": "time-in-kiloseconds"}
    assert errors(wrong.drop(CHARGED, DISCHARGED)) == {"time-scale": "time-in-kiloseconds"}
    assert np.allclose(repair(wrong, ["time-in-kiloseconds"])[0][TIME], table[TIME])


def test_no_real_file_and_no_simulated_one_is_called_too_fast(shared_data: Path, tmp_path: Path) -> None:
    make_laboratory(tmp_path / "lab", n_sc=2, n_pc=3, cycles=2, physics="curves")
    files = [*(shared_data / "cycling").glob("ampworks_*.csv"), *(shared_data / "cycling").glob("*.txt")]
    files += [*(shared_data / "cycling").glob("neware*"), *(shared_data / "cycling").glob("landt*")]
    files += [path for path in (tmp_path / "lab").iterdir() if path.suffix in (".csv", ".txt", ".mpt")]
    tables = 0
    for path in files:
        try:
            table = read(path, repairs=["time-glitches"]).table
        except ReadError:  # LICENSE, tables of other things
            continue
        if {TIME, CURRENT} <= set(table.columns):
            assert not {"time-implausible", "time-scale"} & set(codes(table.select(TIME, VOLTAGE, CURRENT))), path.name
            tables += 1
    assert tables >= 15

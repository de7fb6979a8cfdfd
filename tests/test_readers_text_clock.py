"""Times as cyclers write them are read to the last digit, or left empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lirich.model import table as std
from lirich.readers import read
from lirich.readers.clock import elapsed_seconds, wall_clock
from lirich.readers.clocktext import date_and_clock
from lirich.readers.states import runs_of
from lirich.readers.timeaxis import refined


@given(
    st.lists(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=20),
    st.booleans(),
)
def test_dates_are_read_to_the_millisecond(stamps: list[datetime], fractions: bool) -> None:
    fine = [s.replace(microsecond=s.microsecond // 1000 * 1000 if fractions else 0) for s in stamps]
    text = pl.Series("text", [f"{s:%Y-%m-%d %H:%M:%S}" + (f".{s.microsecond // 1000:03}" * fractions) for s in fine])
    seconds, note = wall_clock(text, None)
    assert seconds.to_list() == [(s - datetime(1970, 1, 1)) / timedelta(seconds=1) for s in fine]
    assert "ambiguous" not in note


@given(
    st.sampled_from(["%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y"]),
    st.lists(st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=5),
    st.booleans(),
    st.integers(0, 22),
    st.characters(min_codepoint=32, max_codepoint=126),
)
def test_clocks_read_from_bytes_are_those_that_polars_reads_one_by_one(
    date: str, stamps: list[datetime], fractions: bool, at: int, odd: str
) -> None:
    text = [f"{s.strftime(date)} {s:%H:%M:%S}" + (f".{s.microsecond // 1000:03}" * fractions) for s in stamps]
    text[0] = text[0][:at] + odd + text[0][at + 1 :]
    column, pattern = pl.Series("text", text), f"{date} %H:%M:%S" + "%.f" * fractions
    quick = date_and_clock(column, pattern)
    if quick is not None:  # ``None``: too odd to be read so
        stamp = column.str.to_datetime(pattern, time_unit="us", strict=False)
        assert quick.to_list() == [None if t is None else t / 1e6 for t in stamp.dt.timestamp("us")]


def test_whole_and_fractional_seconds_may_be_mixed() -> None:
    text = pl.Series("text", ["2024-02-29 23:59:59", "2024-02-29 23:59:59.5", "2024-03-01 00:00:00"])
    seconds, _ = wall_clock(text, None)
    assert (seconds - seconds[0]).to_list() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("text", ["2023-02-29 10:00:00", "2023-13-01 10:00:00", "2023-01-01 24:00:00", ""])
def test_what_is_no_date_is_left_empty(text: str) -> None:
    seconds, _ = wall_clock(pl.Series("text", ["2023-01-01 10:00:00", text]), None)
    assert seconds.to_list() == [1672567200.0, None]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 59), st.integers(0, 59_999)), min_size=1, max_size=10),
    st.sampled_from(["", "d ", "-"]),
)
def test_elapsed_times_are_read_to_the_last_digit(times: list[tuple[int, int, int]], mark: str) -> None:
    text = pl.Series("t", [(f"7{mark}" if mark else "") + f"{h:02}:{m:02}:{ms / 1000:06.3f}" for h, m, ms in times])
    days = 7 * 86_400.0 if mark else 0.0
    expected = [days + h * 3600.0 + m * 60.0 + float(f"{ms / 1000:.3f}") for h, m, ms in times]
    assert elapsed_seconds(text).to_list() == expected


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59)), min_size=1, max_size=10))
def test_elapsed_times_of_digits_are_read_whatever_their_width(times: list[tuple[int, int, int]]) -> None:
    text = pl.Series("t", [f"{h}:{m:02}:{s}" for h, m, s in times])
    expected = [h * 3600.0 + m * 60.0 + s for h, m, s in times]
    assert elapsed_seconds(text).to_list() == expected
    # One odd text sends all of them another way, to the same numbers.
    assert elapsed_seconds(pl.concat([text, pl.Series("t", ["rubbish"])])).to_list() == [*expected, None]


@pytest.mark.parametrize("odd", ["1:2:3\n4:5:6", "1::2", "1:2:3:", ":1:2"])
def test_texts_that_look_like_times_only_end_to_end_are_none(odd: str) -> None:
    text = pl.Series("t", ["0:00:01", odd, "0:00:03"])
    assert elapsed_seconds(text).to_list() == [1.0, None, 3.0]


def test_blanks_around_a_clock_do_not_matter() -> None:
    text = pl.Series("text", ["2024-02-29 23:59:59", " 2024-02-29 23:59:59.5", "2024-03-01 00:00:00 "])
    seconds, _ = wall_clock(text, None)
    assert (seconds - seconds[0]).to_list() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("text", "seconds"), [("1:00:00,5", 3600.5), ("  0d 00:00:0.0500000007450581", 0.0500000007450581)]
)
def test_other_ways_to_write_an_elapsed_time(text: str, seconds: float) -> None:
    assert elapsed_seconds(pl.Series("t", [text])).to_list() == [seconds]


@pytest.mark.parametrize("text", ["-1:00:00", "1:00", "1:00:0x", "::"])
def test_what_is_no_elapsed_time_is_left_empty(text: str) -> None:
    assert elapsed_seconds(pl.Series("t", ["0:00:01", text])).to_list() == [1.0, None]


@pytest.mark.parametrize("rows", [3, 9_000, 20_000])
def test_hours_may_get_another_digit_on_the_way(rows: int) -> None:
    seconds = [s * 3 + 359_000 for s in range(rows)]  # from 99:43:20 on
    text = pl.Series("t", [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds])
    assert elapsed_seconds(text).to_list() == seconds
    shuffled = text[::-1]  # from more digits to fewer
    assert elapsed_seconds(shuffled).to_list() == seconds[::-1]


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 59)), min_size=1, max_size=30))
def test_hours_of_any_lengths_in_any_order(times: list[tuple[int, int]]) -> None:
    text = pl.Series("t", [f"{h:02}:{m:02}:{m:02}" for h, m in times])
    assert elapsed_seconds(text).to_list() == [h * 3600.0 + m * 61.0 for h, m in times]


@given(st.lists(st.sampled_from(["CC_Chg", "Rest", "", "静置", None]), max_size=400))
def test_runs_of_step_names_are_those_that_polars_finds(names: list[str | None]) -> None:
    column = pl.Series("state", names, dtype=pl.String)
    runs, theirs = runs_of(column), column.rle().struct.unnest()
    assert list(runs.names) == theirs["value"].to_list()
    assert runs.lengths.tolist() == theirs["len"].to_list()


# --- a clock in whole seconds beside a finer time in each step -------------------------------------------------------


@dataclass(frozen=True)
class Stepwise:
    """Rows as a cycler records them: the true time (s), the time in the step, and a clock that shows whole ticks."""

    true: np.ndarray
    step_time: np.ndarray

    def clock(self, tick: float = 1.0, *, fast: float = 0.0) -> np.ndarray:
        return 1.7e9 // 60 * 60 + np.floor(self.true * (1 + fast) / tick) * tick


def stepwise(steps: Sequence[tuple[int, float, float]], first_s: float = 0.37) -> Stepwise:
    """Steps of so many rows, so far apart (s), each after a pause (s)."""
    true, step_time, at = [], [], first_s
    for rows, apart, pause in steps:
        in_step = np.arange(rows) * apart
        true.append(at + pause + in_step)
        step_time.append(in_step)
        at = float(true[-1][-1])
    return Stepwise(np.concatenate(true), np.round(np.concatenate(step_time), 3))


@given(
    st.lists(
        st.tuples(
            st.integers(2, 40), st.sampled_from([0.1, 0.25, 1.7, 10.5, 300.2]), st.sampled_from([0.0, 0.07, 3600.0])
        ),
        min_size=1,
        max_size=12,
    ),
    st.floats(0, 0.999),
    st.sampled_from([1.0, 60.0]),
)
def test_rows_of_a_step_are_as_far_apart_as_its_time_says_and_steps_begin_when_the_clock_says(
    steps: list[tuple[int, float, float]], first_s: float, tick: float
) -> None:
    made = stepwise(steps, first_s)
    clock = made.clock(tick)
    time = refined(clock, made.step_time)
    assert (time is None) == (not (made.step_time % tick).any())
    if time is None:
        return
    inside = np.flatnonzero(np.diff(made.step_time) > 0)
    assert np.diff(time)[inside] == pytest.approx(np.diff(made.step_time)[inside], abs=1e-6)
    assert (np.diff(time) >= 0).all()
    late = time - (clock - clock[0])
    assert late.max() - late.min() <= tick + 1e-6


def test_a_clock_and_the_time_of_steps_give_the_times_of_interrupts() -> None:
    """Thirty interrupts at 10 Hz: each row to a pause that whole seconds do not show, and a tenth of a second."""
    made = stepwise([(31, 10.0, 0.13), (101, 0.1, 0.07)] * 30)
    time = refined(made.clock(), made.step_time)
    assert time is not None
    true = made.true - made.true[0]
    assert np.abs(time - true - np.median(time - true)).max() < 0.13 + 0.1


def test_a_pause_within_a_step_a_drifting_and_a_corrected_clock_are_the_clocks() -> None:
    made = stepwise([(4001, 0.5, 0.0)] * 3)
    paused = np.where(np.arange(len(made.true)) >= 5000, 7200.0, 0.0)
    time = refined(made.clock() + paused, made.step_time)
    assert time is not None
    assert time == pytest.approx(made.true - made.true[0] + paused, abs=1.0)
    assert np.diff(time)[5001:8000] == pytest.approx(0.5, abs=1e-6)
    drifting = made.clock(fast=2e-3)  # 12 s in all
    time = refined(drifting, made.step_time)
    assert time is not None
    assert np.abs(time - (drifting - drifting[0])).max() < 1.5
    assert (np.diff(time) >= 0).all()
    assert np.median(np.diff(time)) == pytest.approx(0.5, abs=1e-6)
    back = np.where(np.arange(len(made.true)) >= 6000, -3600.0, 0.0)
    time = refined(made.clock() + back, made.step_time)
    assert time is not None
    assert time == pytest.approx(made.true - made.true[0] + back, abs=1.0)


def test_a_time_of_steps_that_is_another_unit_or_coarse_is_not_used() -> None:
    made = stepwise([(200, 10.5, 0.0)] * 5)
    assert refined(made.clock(), made.step_time / 60) is None
    assert refined(made.clock(), np.round(made.step_time / 3600, 2) * 3600) is None
    assert refined(made.clock(), np.floor(made.step_time)) is None
    assert refined(made.true, made.step_time) is None
    long = stepwise([(300_000, 0.5, 0.0)])
    assert refined(long.clock(), long.step_time * 0.9) is None  # ends at once, not after a look at all rows per change


@pytest.mark.parametrize("empty", [(), (31, 131, 300)], ids=["whole", "three clock cells are empty"])
def test_milliseconds_of_a_step_are_in_the_time_of_a_file_without_a_total(
    empty: tuple[int, ...], tmp_path: Path
) -> None:
    """As the sheets Detail of BTS 7: Relative Time in ms, Date in whole seconds."""
    made = stepwise([(31, 10.0, 0.0), (101, 0.1, 7200.0)] * 4)
    start = datetime(2026, 3, 1, 9)
    clock = ["" if i in empty else str(start + timedelta(seconds=int(t))) for i, t in enumerate(made.true)]
    rows = [
        f"{i},1,{3.5 + i / 1e4:.4f},1.0,0:{int(s // 60):02}:{s % 60:06.3f},{at}"
        for i, (s, at) in enumerate(zip(made.step_time, clock, strict=True))
    ]
    path = tmp_path / "detail.csv"
    path.write_text(
        "Record number,Steps,Voltage(V),Current(mA),Relative Time(h:min:s.ms),Date(h:min:s.ms)\n"
        + "\n".join(rows)
        + "\n"
    )
    told = read(path)
    time = told.table[std.TIME].to_numpy()
    assert time == pytest.approx(made.true - made.true[0], abs=1.0)  # when a step began is known to the second
    inside = np.flatnonzero(np.diff(made.step_time) > 0)
    assert np.diff(time)[inside] == pytest.approx(np.diff(made.step_time)[inside], abs=1e-6)
    (finding,) = (f for f in told.findings if f.code == "time-from-clock")
    assert "Relative Time(h:min:s.ms)" in finding.message
    assert (told.table[std.UNIX_TIME].drop_nulls() % 1 == 0).all()
    filled = [f.message for f in told.findings if f.code == "clock-filled"]
    assert len(filled) == bool(empty)
    assert all("3 of 528 cells are empty" in message for message in filled)

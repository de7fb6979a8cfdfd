"""The quick way to read times gives what the slow one gives, or leaves it to that."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lirich.readers import digits


@given(st.lists(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), min_size=1, max_size=20))
def test_dates_are_read_as_polars_reads_them(stamps: list[datetime]) -> None:
    text = pl.Series("text", [f"{s.year:04}{s:-%m-%d %H:%M:%S}" for s in stamps])
    quick = digits.unix_seconds(text, "%Y-%m-%d %H:%M:%S%.f")
    expected = [(s.replace(microsecond=0) - datetime(1970, 1, 1)) / timedelta(seconds=1) for s in stamps]
    assert quick is not None
    assert quick.to_list() == expected


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 59), st.integers(0, 59_999)), min_size=1, max_size=10))
def test_elapsed_times_are_read_to_the_last_digit(times: list[tuple[int, int, int]]) -> None:
    text = pl.Series("t", [f"{h:02}:{m:02}:{ms // 1000:02}.{ms % 1000:03}" for h, m, ms in times])
    quick = digits.elapsed(text, "")
    assert quick is not None
    assert quick.to_list() == [h * 3600.0 + m * 60.0 + float(f"{ms / 1000:.3f}") for h, m, ms in times]


@pytest.mark.parametrize(
    "text", ["2023-02-29 10:00:00", "2023-13-01 10:00:00", "2023-01-01 24:00:00", "2023-1-01 10:00:00", "", None]
)
def test_what_is_no_plain_date_is_left_to_the_slow_way(text: str | None) -> None:
    assert digits.unix_seconds(pl.Series("text", [text], dtype=pl.String), "%Y-%m-%d %H:%M:%S%.f") is None


@pytest.mark.parametrize("text", ["-1:00:00", "1:00", "1:00:0x", "1:00:00,5", "::"])
def test_what_is_no_plain_elapsed_time_is_left_to_the_slow_way(text: str) -> None:
    assert digits.elapsed(pl.Series("t", [text]), "") is None

"""Work beside the rest: the same result and the same errors with a second thread and without."""

from __future__ import annotations

import threading

import numpy as np
import polars as pl
import pytest

from lirich.readers.beside import beside


@pytest.mark.parametrize("worth", [True, False])
def test_the_result_and_the_error_of_a_task_come_when_asked_for(worth: bool) -> None:
    assert beside(lambda: 6 * 7, worth=worth)() == 42
    fails = beside(lambda: [][0], worth=worth)
    with pytest.raises(IndexError):
        fails()


def test_numpys_settings_for_errors_hold_in_the_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    with np.errstate(over="raise"):
        task = beside(lambda: np.float64(1e300) * np.float64(1e300), worth=True)
    with pytest.raises(FloatingPointError):
        task()


@pytest.mark.parametrize(("threads", "other"), [(1, False), (2, True)])
def test_there_is_no_second_thread_where_polars_may_use_one_only(
    monkeypatch: pytest.MonkeyPatch, threads: int, other: bool
) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    assert (beside(threading.get_ident, worth=True)() != threading.get_ident()) == other

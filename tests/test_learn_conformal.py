"""Conformal prediction over cells, ridge and grouped splits: rates that hold, and limits that are said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.conformal import (
    conformal_quantile,
    grouped_p_values,
    grouped_quantile,
    least_cells,
    plus_interval,
)
from lirich.learn.ridge import Ridge
from lirich.learn.validation import group_folds, group_numbers, r_squared


def test_how_many_cells_a_level_needs() -> None:
    assert [least_cells(level) for level in (0.5, 0.8, 0.9, 0.95, 0.99)] == [1, 4, 9, 19, 99]
    with pytest.raises(NotEnoughDataError, match=r"8 cell\(s\) for an interval of 90 %"):
        conformal_quantile(np.arange(8.0), 0.9)
    assert conformal_quantile(np.arange(9.0), 0.9) == 8.0
    with pytest.raises(InputError, match="level of 1"):
        least_cells(1.0)


@given(st.integers(9, 60), st.integers(0, 10_000))
def test_a_new_number_is_below_the_quantile_as_often_as_stated(n: int, seed: int) -> None:
    """Exact for exchangeable numbers without ties: the rank of the new one among n + 1 is uniform."""
    scores = np.random.default_rng(seed).permutation(n + 1).astype(float)
    below = [conformal_quantile(np.delete(scores, i), 0.9) >= scores[i] for i in range(n + 1)]
    assert 0.9 <= np.mean(below) <= 0.9 + 1.0 / (n + 1)


def test_with_one_row_per_cell_grouped_is_plain() -> None:
    scores = np.random.default_rng(1).normal(size=40)
    cells = np.arange(40)
    assert grouped_quantile(scores, cells, 0.9) == conformal_quantile(scores, 0.9)
    new = np.array([-3.0, 0.0, 0.5, 9.0])
    plain = [(1 + np.count_nonzero(scores >= each)) / 41 for each in new]
    assert grouped_p_values(scores, cells, new) == pytest.approx(plain)


def test_a_cell_with_a_thousand_rows_counts_once() -> None:
    """19 quiet cells of one row and a loud one of many: plain quantiles would be those of the loud cell."""
    scores = np.concatenate((np.linspace(0.1, 1.0, 19), np.full(1000, 50.0)))
    cells = np.concatenate((np.arange(19), np.full(1000, 19)))
    assert grouped_quantile(scores, cells, 0.8) < 1.0
    assert conformal_quantile(scores, 0.8) == 50.0


def test_grouped_rates_hold_for_a_row_of_a_new_cell() -> None:
    rng = np.random.default_rng(2)
    covered, alarms = [], []
    for _ in range(300):
        size = rng.integers(1, 20, 31)
        level = np.abs(rng.normal(size=31))
        rows = [level[k] * rng.exponential(size=size[k]) for k in range(31)]
        calibration, groups = np.concatenate(rows[:30]), np.repeat(np.arange(30), size[:30])
        covered.append((rows[30] <= grouped_quantile(calibration, groups, 0.9)).mean())
        alarms.append((grouped_p_values(calibration, groups, rows[30]) <= 0.1).mean())
    assert 0.87 <= np.mean(covered) <= 0.96  # 300 cells: one standard deviation is about 1.3 %
    assert 0.04 <= np.mean(alarms) <= 0.13


def test_plus_interval_of_a_model_that_never_changes_is_split_conformal() -> None:
    residuals = np.random.default_rng(3).exponential(size=29)  # 0.9·30 = 27 is a rank
    low, high = plus_interval(5.0 - residuals[:, None], 5.0 + residuals[:, None], 0.9)
    assert high[0] - 5.0 == pytest.approx(conformal_quantile(residuals, 0.9))
    assert 5.0 - low[0] == pytest.approx(high[0] - 5.0)


@pytest.mark.parametrize("n", [9, 12, 36, 45])
def test_between_two_ranks_the_level_is_kept_and_not_passed(n: int) -> None:
    """A new one of uniform numbers: the expected coverage is the expected bound, rank/(n + 1), exact between ranks."""
    residuals = np.random.default_rng(n).uniform(size=(n, 20_000))
    _, high = plus_interval(-residuals, residuals, 0.9)
    assert high.mean() == pytest.approx(0.9, abs=0.002)  # rounded up: 0.9, 0.923, 0.919 and 0.913


def test_groups_are_never_split() -> None:
    names, numbers = group_numbers(["b", "a", "b", "c", "a"])
    assert names == ("b", "a", "c")
    assert numbers.tolist() == [0, 1, 0, 2, 1]
    numbers = np.random.default_rng(0).integers(0, 13, 200)
    fold = group_folds(numbers, 5)
    assert all(len(set(fold[numbers == g])) == 1 for g in range(13))
    assert sorted(set(fold.tolist())) == list(range(5))
    with pytest.raises(NotEnoughDataError, match="1 group"):
        group_folds(np.zeros(7, dtype=np.int64), 5)


def test_ridge_finds_a_linear_law_and_ignores_a_constant_column() -> None:
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.normal(size=(60, 2)) * [1.0, 100.0], np.full(60, 7.0)])
    y = 3.0 * X[:, 0] - 0.02 * X[:, 1] + 5.0
    model = Ridge().fit(X, y)
    assert model.coefficients_ == pytest.approx([3.0, -0.02, 0.0], abs=1e-4)
    assert model.predict(X) == pytest.approx(y, abs=1e-3)
    centre = model.leverage(X.mean(axis=0, keepdims=True))[0]
    assert centre == pytest.approx(1.0 / 60)
    assert (model.leverage(X) >= centre).all()


def test_ridge_of_noise_predicts_the_mean() -> None:
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(40, 15)), rng.normal(size=40)
    held = rng.normal(size=(500, 15))
    assert np.abs(Ridge().fit(X, y).predict(held) - y.mean()).mean() < 0.25  # least squares: about 0.8


def test_ridge_refuses_what_is_no_number() -> None:
    X = np.ones((5, 2))
    X[3, 1] = np.nan
    with pytest.raises(InputError, match="1 of 5 rows"):
        Ridge().fit(X, np.ones(5))
    with pytest.raises(InputError, match="one finite target"):
        Ridge().fit(np.ones((5, 2)), np.array([1.0, 2.0, np.inf, 3.0, 4.0]))
    with pytest.raises(NotEnoughDataError):
        Ridge().fit(np.ones((2, 1)), np.ones(2))


def test_r_squared_of_mean_truth_and_constant() -> None:
    y = np.array([1.0, 2.0, 6.0])
    assert r_squared(y, y) == 1.0
    assert r_squared(y, np.full(3, y.mean())) == pytest.approx(0.0)
    assert r_squared(np.full(3, 0.1), np.full(3, 0.2)) is None

"""Completion: better than plain least squares, bands that hold on cells not seen, refusal of poor windows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from learn_material import GRID, cohort
from lirich.errors import InputError, NotEnoughDataError
from lirich.learn import Completion, CurveMatrix, CurveModel, StateMap, anchor_map, least_squares, share_window
from lirich.learn.completion import best_windows


@pytest.fixture(scope="module")
def learned() -> Completion:
    return Completion().fit(cohort(60, seed=1))


def hidden(curves: CurveMatrix, observed: np.ndarray) -> CurveMatrix:
    return CurveMatrix(np.where(observed, curves.values, np.nan), curves.grid, curves.keys)


def test_half_the_error_of_least_squares_and_bands_that_hold(learned: Completion) -> None:
    others = cohort(60, seed=2, name="new")
    observed = share_window(GRID, 0.2, 0.4)
    assert GRID[observed][[0, -1]] == pytest.approx([3.3, 3.9])
    done = learned.predict(hidden(others, observed))
    assert set(done.refused) == {""}
    assert done.calibrated
    rmse = np.sqrt(np.mean((done.curves - others.values) ** 2, axis=1)).mean()
    recipe = least_squares(StateMap(7).fit(cohort(60, seed=1)), others.values, observed)
    anchor = np.sqrt(np.mean((recipe - others.values) ** 2, axis=1)).mean()
    assert rmse <= 0.5 * anchor
    held = ((others.values >= done.low) & (others.values <= done.high))[:, ~observed].mean()
    assert 0.86 <= held <= 0.97  # cells of the same batch: at least the level, see docs/explanation/learn.md


def test_a_window_that_shows_nothing_is_refused(learned: Completion) -> None:
    others = cohort(4, seed=5)
    poor = np.zeros(len(GRID), dtype=bool)
    poor[:6] = True  # 3.00 to 3.05 V, before the first site
    done = learned.predict(hidden(others, poor))
    assert all(reason.startswith("cannot tell: the window leaves") for reason in done.refused)
    assert np.isnan(done.curves).all()
    assert (done.doubt > learned.most_doubt).all()
    none = learned.predict(hidden(others, np.zeros(len(GRID), dtype=bool)))
    assert all("fewer than 5 points" in reason for reason in none.refused)


def test_whole_curves_come_back(learned: Completion) -> None:
    others = cohort(4, seed=6)
    done = learned.predict(others)
    assert set(done.refused) == {""}
    assert np.sqrt(np.mean((done.curves - others.values) ** 2)) < 0.1


def test_windows_of_several_kinds_in_one_call(learned: Completion) -> None:
    others = cohort(2, seed=7)
    values = others.values.copy()
    values[::2, 80:] = np.nan
    values[1::2, :40] = np.nan
    both = learned.predict(CurveMatrix(values, others.grid, others.keys))
    one = learned.predict(CurveMatrix(values[::2], others.grid, others.keys[::2]))
    np.testing.assert_allclose(both.curves[::2], one.curves, atol=1e-9)
    np.testing.assert_allclose(both.high[::2], one.high, atol=1e-9)


def test_the_error_map_falls_with_the_length_and_says_where_it_cannot_tell(learned: Completion) -> None:
    table = learned.error_map(starts=(0.0, 0.2), lengths=(0.1, 0.3, 0.5, 0.7))
    from_start = table.filter(pl.col("start") == 0.0).sort("length")
    assert from_start["rmse"].is_sorted(descending=True)
    assert from_start["half_width"].is_sorted(descending=True)
    assert from_start["cannot_tell"][0] > 0.5
    assert from_start["cannot_tell"][-1] == 0.0
    assert table.select(pl.all().is_nan().any()).row(0) == (False,) * table.width
    assert (table["hidden_rmse"] >= table["rmse"]).all()  # what the window shows is known
    best = best_windows(table)
    assert best["length"].is_sorted()
    for row in best.to_dicts():
        alike = table.filter((pl.col("length") == row["length"]) & (pl.col("cannot_tell") <= 0.5))
        assert row["hidden_rmse"] == alike["hidden_rmse"].min()
    with pytest.raises(InputError):
        share_window(GRID, 0.5, 1.5)


def test_few_cells_are_refused() -> None:
    for cells in (1, 3):
        with pytest.raises(NotEnoughDataError, match="too few to complete curves of other cells"):
            Completion().fit(cohort(cells, 30))
    with pytest.raises(InputError, match="level"):
        Completion(level=1.0).fit(cohort(10))


def test_the_posterior_is_that_of_a_gaussian() -> None:
    draw = np.random.default_rng(0)
    spread = draw.normal(size=(4, 30))
    model = CurveModel(np.zeros(30), spread)
    observed = np.zeros(30, dtype=bool)
    observed[3:15] = True
    x = draw.normal(size=(2, 4)) @ spread + 0.1 * draw.normal(size=(2, 30))
    noise = np.array([0.1, 0.3])
    curve, sd = model.window(observed).complete(x, noise)
    for row in range(2):
        both = spread.T @ spread + noise[row] ** 2 * np.eye(30)
        gain = (spread.T @ spread)[:, observed] @ np.linalg.inv(both[np.ix_(observed, observed)])
        np.testing.assert_allclose(curve[row], gain @ x[row, observed], atol=1e-8)
        variance = np.diag(spread.T @ spread - gain @ (spread.T @ spread)[observed]) + noise[row] ** 2
        np.testing.assert_allclose(sd[row], np.sqrt(variance), atol=1e-8)


@pytest.mark.data
def test_the_real_cell_with_the_published_basis(shared_data) -> None:
    folder = shared_data / "cycling"
    learned = anchor_map(pl.read_csv(folder / "lrlo_pca_mean_and_loadings_digitized.csv"))
    rows = pl.read_csv(folder / "lrlo_posco_cycle1_cycle10_digitized.csv").filter(
        (pl.col("cycle") == 10) & (pl.col("direction") == "charge")
    )
    curve = np.interp(learned.grid_, rows["voltage_V"], rows["capacity_mAh_g"])[None]
    observed = share_window(learned.grid_, 0.2, 0.4)

    def rmse(found: np.ndarray) -> float:
        return float(np.sqrt(np.mean((found - curve) ** 2)))

    assert rmse(least_squares(learned, curve, observed, 7)) == pytest.approx(2.37, abs=0.1)
    assert rmse(least_squares(learned, curve, observed, 4)) == pytest.approx(0.72, abs=0.05)
    found, sd = CurveModel.of(learned).window(observed).complete(curve, np.array([0.3]))
    assert rmse(found) <= 0.9
    assert np.mean(np.abs(found - curve) < 1.645 * sd) > 0.75

"""Completion of curves of unseen cells beside the anchor's recipe, and how often its bands hold; see `learn.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from learn_made import anchor_grid_curves, told
from lirich.learn import (
    Completion,
    CurveMatrix,
    CurveModel,
    StateMap,
    anchor_map,
    least_squares,
    share_window,
)

RECIPE_COMPONENTS = 7  # of the anchor, doi:10.1039/D4EE05222F
MAIN = (0.2, 0.4)
WINDOWS = (MAIN, (0.2, 0.6), (0.0, 0.5), (0.4, 0.4))


def completion(folder: Path, data: Path, tests: list[str], cells: int | None) -> None:
    """Learn from the cohort ``train``, ask about *tests*, and complete the real cell of *data*."""
    for only in ("none", "ageing"):
        train = some_cells(anchor_grid_curves(folder, "train", only), cells)
        learned = Completion().fit(train)
        recipe = StateMap(RECIPE_COMPONENTS).fit(train)
        law = learned.law_
        what = "all cycles" if only == "none" else "ageing cycles"
        print(
            f"\nCompletion of {what}, learned from {len(train)} curves of {len(train.cells)} cells (simulated): noise "
            f"{law.factor:g} x roughness and {law.model_error:.3f} mAh/g, {law.freedom:g} degrees of freedom"
        )
        for name in tests:
            test = anchor_grid_curves(folder, name, only)
            print(f" asked about {len(test)} curves of {len(test.cells)} other cells, cohort {name!r}")
            for window in WINDOWS:
                asked(learned, recipe, test, window)
            poor = share_window(train.grid, 0.0, 0.1)
            none = learned.predict(CurveMatrix(np.where(poor, test.values, np.nan), test.grid, test.keys))
            told("0–10 % (3.00–3.15 V): refused, %", 100 * np.mean([bool(r) for r in none.refused]))
    real_cell(data)


def some_cells(curves: CurveMatrix, count: int | None) -> CurveMatrix:
    """Return the first *count* cells, half of them of each morphology; all where no count is given."""
    if count is None:
        return curves
    number = curves.keys.select(pl.col("cell").str.slice(3).cast(pl.Int64)).to_series().to_numpy()
    return curves.take(number <= count // 2)


def asked(learned: Completion, recipe: StateMap, test: CurveMatrix, window: tuple[float, float]) -> None:
    """Print errors and coverage from one window; targets stand at the main one."""
    observed = share_window(test.grid, *window)
    off = ~observed
    done = learned.predict(CurveMatrix(np.where(observed, test.values, np.nan), test.grid, test.keys))
    answered = np.array([not reason for reason in done.refused])
    error = np.sqrt(np.mean((done.curves - test.values) ** 2, axis=1))[answered]
    plain = np.sqrt(np.mean((least_squares(recipe, test.values, observed) - test.values) ** 2, axis=1))
    free = intercept_recipe(recipe, test.values, observed)
    inside = np.mean(((test.values >= done.low) & (test.values <= done.high))[:, off], axis=1)
    width = np.mean((done.high - done.low)[:, off], axis=1)
    main = window == MAIN
    name = f"{100 * window[0]:.0f}–{100 * sum(window):.0f} %"
    told(f"{name}: mean RMSE, mAh/g", error.mean())
    told(f"{name}: mean RMSE of least squares on 7 components, mAh/g", plain.mean())
    told(f"{name}: the same with an intercept, as the anchor's code has it, mAh/g", free.mean())
    ratio = error.mean() / plain[answered].mean()
    told(f"{name}: ratio", ratio, "≤ 0.5" if main else "", ratio <= 0.5 if main else None)
    cover = 100 * inside[answered].mean()
    told(f"{name}: points off the window inside the 90 % band, %", cover, "87 to 93" if main else "",
         87 <= cover <= 93 if main else None)  # fmt: skip
    told(f"{name}: standard error of that over cells, %", 100 * over_cells(inside[answered], test.take(answered)))
    told(f"{name}: mean width of the band, mAh/g", width[answered].mean())
    told(f"{name}: refused, %", 100 * (1 - answered.mean()))
    kinds = test.keys["segment"].to_numpy(), test.keys["cell"].str.slice(0, 2).to_numpy()
    for kind in kinds:
        parts = [(value, answered & (kind == value)) for value in sorted(set(kind))]
        line = "; ".join(
            f"{value} {100 * inside[mine].mean():.1f} % of {mine.sum()} curves, {width[mine].mean():.2f} mAh/g wide"
            for value, mine in parts
            if mine.any()
        )
        print(f"    {name}, in the band: {line}")


def over_cells(values: np.ndarray, curves: CurveMatrix) -> float:
    """Return the standard error of the mean of *values* (a number per curve) where only cells are independent."""
    means = curves.keys.select("cell").with_columns(value=values).group_by("cell").mean()["value"].to_numpy()
    return float(means.std(ddof=1) / np.sqrt(len(means)))


def intercept_recipe(learned: StateMap, values: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return the RMSE of least squares with an intercept, shape (n,)."""
    loadings = np.vstack((learned.components_, np.ones(len(learned.mean_))))
    scores = np.linalg.lstsq(loadings[:, observed].T, (values - learned.mean_)[:, observed].T, rcond=None)[0]
    return np.asarray(np.sqrt(np.mean((learned.mean_ + scores.T @ loadings - values) ** 2, axis=1)))


def real_cell(data: Path) -> None:
    """Complete the digitised cycle 10 in *data* with the published loadings."""
    figures = data / "lrlo_pca_mean_and_loadings_digitized.csv"
    if not figures.exists():
        print(f"  the digitised curves are not in {data}: the real cell is left out")
        return
    print("\nThe real cell (digitised cycle 10) from 3.3–3.9 V, with the published loadings")
    basis = anchor_map(pl.read_csv(figures))
    rows = pl.read_csv(data / "lrlo_posco_cycle1_cycle10_digitized.csv").filter(
        (pl.col("cycle") == 10) & (pl.col("direction") == "charge")
    )
    curve = np.interp(basis.grid_, rows["voltage_V"], rows["capacity_mAh_g"])[None]
    observed = share_window(basis.grid_, *MAIN)

    def rmse(found: np.ndarray) -> float:
        return float(np.sqrt(np.mean((found - curve) ** 2)))

    for k in (7, 4):
        told(f"least squares on {k} components, mAh/g", rmse(least_squares(basis, curve, observed, k)))
    found = rmse(CurveModel.of(basis).window(observed).complete(curve, np.array([0.3]))[0])
    told("posterior with all 7, mAh/g", found, "≤ 0.9", found <= 0.9)

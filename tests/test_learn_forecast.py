"""Forecasts: known courses come back, intervals hold for cells never seen, and what cannot be forecast is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.course import courses, value_at
from lirich.learn.forecast import Forecast


def made(cells: int, seed: int, *, last: int = 60, noise: float = 0.05) -> pl.DataFrame:
    """Return cells whose capacity fades by a root of the cycle, at a rate that their voltage gap tells."""
    rng = np.random.default_rng(seed)
    cycle = np.array([c for c in range(1, last + 1) if c % 16])
    parts = []
    for i in range(cells):
        start, rate = 250 + 3 * rng.normal(), 3.0 * np.exp(0.3 * rng.normal())
        parts.append(
            pl.DataFrame(
                {
                    "cell": f"{seed}-{i}",
                    "cycle": cycle,
                    "capacity": start - rate * np.sqrt(cycle) + rng.normal(0, noise, len(cycle)),
                    "gap": 0.1 * rate + rng.normal(0, 0.01, len(cycle)),
                }
            )
        )
    return pl.concat(parts)


def test_courses_of_lines_are_their_lines() -> None:
    cycle = np.arange(3, 15)
    table = pl.DataFrame({"cell": "a", "cycle": cycle, "q": 200.0 - 0.5 * cycle})
    seen = courses(table, ["q"], 12)
    assert seen.inputs[0] == pytest.approx([194.0, -0.5, 0.0])
    assert seen.last[0] == 194.0
    assert seen.line(100)[0] == pytest.approx(150.0)
    assert value_at(table, "q", 10, ["a"]).tolist() == [195.0]
    gap = table.filter(~pl.col("cycle").is_in([9, 10, 11]))
    assert value_at(gap, "q", 10, ["a"])[0] == pytest.approx(195.0)
    assert np.isnan(value_at(table, "q", 15, ["a"])[0])  # never carried on
    assert np.isnan(value_at(table.filter(pl.col("cycle").is_in([3, 14])), "q", 8, ["a"])[0])


def test_a_known_course_comes_back_better_than_the_naive_ones() -> None:
    model = Forecast("capacity", first_cycles=15, horizons=(40, 60), inputs=("gap",)).fit(made(40, 1))
    assert model.horizons_ == (40, 60)
    assert not model.findings_
    found = model.score(made(30, 2))
    assert (found["skill_last_value"] > 0.9).all()
    assert (found["skill_line"] > 0.8).all()
    # what is left out of the training says the same as cells that were never there
    assert model.skill_["rmse"].to_numpy() == pytest.approx(found["rmse"].to_numpy(), rel=0.5)


def test_intervals_hold_for_cells_never_seen() -> None:
    covered, told = [], []
    for seed in range(8):
        model = Forecast("capacity", first_cycles=15, horizons=(60,), level=0.8, seed=seed)
        model.fit(made(40, 20 + seed, noise=0.3))
        covered.append(model.score(made(60, 50 + seed, noise=0.3))["coverage"].item())
        told.append(model.skill_["coverage"].item())
    # 480 cells and 8 training sets: one standard deviation is about 2.5 %
    assert 0.74 <= np.mean(covered) <= 0.88
    assert 0.72 <= np.mean(told) <= 0.88


def test_only_the_first_cycles_are_looked_at() -> None:
    table = made(12, 3)
    model = Forecast("capacity", first_cycles=15, horizons=(60,)).fit(table)
    spoiled = table.with_columns(
        pl.when(pl.col("cycle") > 15).then(0.0).otherwise(pl.col("capacity")).alias("capacity")
    )
    assert model.predict(spoiled).equals(model.predict(table))


def test_a_cell_unlike_all_others_is_said_to_be() -> None:
    model = Forecast("capacity", first_cycles=15, horizons=(60,)).fit(made(20, 4))
    table = made(2, 5)
    odd = table.with_columns(
        pl.when(pl.col("cell") == "5-0").then(900.0).otherwise(pl.col("capacity")).alias("capacity")
    )
    assert model.predict(odd)["inside"].to_list() == [False, True]
    wide = model.predict(odd).with_columns((pl.col("high") - pl.col("low")).alias("width"))["width"]
    assert wide[0] > wide[1]


def test_too_early_too_far_and_too_few_are_refused() -> None:
    table = made(12, 6)
    with pytest.raises(NotEnoughDataError, match="too early"):
        Forecast("capacity", first_cycles=3, horizons=(60,)).fit(table)
    with pytest.raises(NotEnoughDataError, match=r"Cycle 90 was reached by 0 cell\(s\)"):
        Forecast("capacity", first_cycles=15, horizons=(90,)).fit(table)
    with pytest.raises(NotEnoughDataError, match="an interval of 90 % needs 9"):
        Forecast("capacity", first_cycles=15, horizons=(60,)).fit(made(8, 7))
    with pytest.raises(InputError, match="cycles after those that are seen"):
        Forecast("capacity", first_cycles=15, horizons=(15,)).fit(table)
    with pytest.raises(UnknownNameError, match="capacity"):
        Forecast("capacty", first_cycles=15, horizons=(60,)).fit(table)
    model = Forecast("capacity", first_cycles=15, horizons=(60, 90)).fit(table)
    assert [f.code for f in model.findings_] == ["few-cells", "horizon-too-far"]
    young = made(3, 8, last=4)
    assert model.too_early(young) == ("8-0", "8-1", "8-2")
    with pytest.raises(NotEnoughDataError, match="too early for a forecast"):
        model.predict(young)


def test_nine_cells_give_an_interval_and_no_coverage() -> None:
    model = Forecast("capacity", first_cycles=15, horizons=(60,)).fit(made(9, 9))
    row = model.skill_.to_dicts()[0]
    assert row["coverage"] is None
    assert row["rmse"] > 0
    made_forecast = model.predict(made(3, 10))
    assert (made_forecast["low"] <= made_forecast["predicted"]).all()
    assert (made_forecast["predicted"] <= made_forecast["high"]).all()
    assert "cannot be checked" in model.findings_[0].message


def test_without_skill_it_is_said() -> None:
    """Straight lines: nothing beats going straight on."""
    rng = np.random.default_rng(11)
    table = pl.concat(
        pl.DataFrame({"cell": f"{i}", "cycle": np.arange(1, 61), "q": 200 - slope * np.arange(1, 61)})
        for i, slope in enumerate(rng.uniform(0.1, 2.0, 25))
    )
    model = Forecast("q", first_cycles=15, horizons=(60,)).fit(table)
    (found,) = model.findings_
    assert found.code == "no-skill"
    assert "the straight line goes on" in found.message


def test_constant_figures_give_numbers() -> None:
    table = pl.concat(pl.DataFrame({"cell": f"{i}", "cycle": np.arange(1, 61), "q": 200.0}) for i in range(12))
    model = Forecast("q", first_cycles=15, horizons=(60,)).fit(table)
    forecast = model.predict(table)
    assert forecast["predicted"].to_list() == [200.0] * 12
    assert forecast.select(pl.col(pl.Float64).is_finite().all()).row(0) == (True,) * 5
    assert model.skill_["skill_line"].item() == 0.0


def test_a_cycle_that_stands_there_twice_is_refused() -> None:
    table = made(10, 12)
    with pytest.raises(InputError, match="Cycle 1 of 12-0 stands there twice"):
        Forecast("capacity", first_cycles=15, horizons=(60,)).fit(pl.concat([table, table.head(1)]))


def test_missing_values_are_passed_over() -> None:
    table = made(12, 13).with_columns(
        pl.when(pl.col("cycle") % 7 == 0).then(None).otherwise(pl.col("gap")).alias("gap"),
        pl.when(pl.col("cycle") == 59).then(float("nan")).otherwise(pl.col("capacity")).alias("capacity"),
    )
    model = Forecast("capacity", first_cycles=15, horizons=(60,), inputs=("gap",)).fit(table)
    assert model.predict(table)["predicted"].is_finite().all()

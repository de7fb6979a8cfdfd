"""Drivers: an effect that was planted is named, chance is not, and small tables are told what they cannot tell."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

pytest.importorskip("sklearn")

from lirich.errors import InputError, NotEnoughDataError, OptionalDependencyError, UnknownNameError
from lirich.learn.drivers import Drivers
from lirich.learn.fields import encode
from lirich.learn.validation import group_numbers


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty trees say the same here as a hundred, sooner."""
    monkeypatch.setattr("lirich.learn.drivers._TREES", 20)


def made(samples: int, seed: int = 0, cells: int = 3) -> pl.DataFrame:
    """Return cells of samples whose figure falls with size and by nothing else; ``level`` is each sample's own luck."""
    rng = np.random.default_rng(seed)
    size, other = rng.normal(size=samples), rng.normal(size=samples)
    route, luck = rng.choice(["salt", "sol"], samples), rng.normal(0, 2, samples)
    return pl.DataFrame(
        [
            {
                "sample": f"s{i}",
                "size": size[i],
                "other": other[i],
                "route": route[i],
                "figure": 250 - 10 * size[i] + luck[i] + rng.normal(0, 0.2),
                "luck": luck[i] + rng.normal(0, 0.2),
            }
            for i in range(samples)
            for _ in range(cells)
        ]
    )


def test_a_planted_effect_is_named_and_nothing_else() -> None:
    model = Drivers("figure", ["size", "other", "route"]).fit(made(25))
    assert model.beats_baseline_
    assert model.models_["model"].to_list() == ["mean of the others", "ridge", "forest"]
    assert model.models_["skill"][1] > 0.7
    named = model.importances_.filter(pl.col("told"))
    assert named["field"].to_list() == ["size"]
    # shuffled among the samples, the error is √2 times that of knowing nothing: √(2·100) mAh/g here, less what is left
    assert named["rmse_increase"].item() == pytest.approx(np.sqrt(200) - 2, rel=0.35)
    assert not model.findings_


def test_a_bend_is_the_forests() -> None:
    table = made(60, 1).with_columns((200 + 20 * (pl.col("size").abs() > 0.7).cast(pl.Int8)).alias("figure"))
    model = Drivers("figure", ["size", "other"]).fit(table)
    assert model.models_["skill"][2] > model.models_["skill"][1] + 0.3
    assert model.importances_.filter(pl.col("told"))["field"].to_list() == ["size"]


def test_cells_of_one_sample_are_no_independent_observations() -> None:
    """A random split would see other cells of the same sample and know its luck from its other fields."""
    table = made(12, 2, cells=10)
    model = Drivers("luck", ["size", "other", "route"]).fit(table)
    assert not model.beats_baseline_
    assert model.importances_.is_empty()
    assert {"few-samples", "no-better-than-the-mean"} == {f.code for f in model.findings_}


def test_the_naive_baseline_is_the_mean_of_the_other_samples() -> None:
    table = pl.DataFrame({"sample": list("abcdef"), "x": [1.0, 2, 3, 4, 5, 6], "y": [0.0, 1, 0, 1, 0, 1]})
    naive = Drivers("y", ["x"]).fit(table).models_.to_dicts()[0]
    assert naive["rmse"] == pytest.approx(0.5 * 6 / 5)  # each is (6/5)·(y − ȳ) off when it is left out
    assert naive["skill"] == 0.0
    assert naive["p"] is None


def test_noise_is_seldom_taken_for_knowledge() -> None:
    beaten = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        table = pl.DataFrame({"sample": range(10), "x": rng.normal(size=10), "y": rng.normal(size=10)})
        beaten += Drivers("y", ["x"], seed=seed).fit(table).beats_baseline_
    assert beaten <= 2


def test_fields_that_change_together_are_judged_as_one() -> None:
    table = made(25, 3).with_columns((1 / (pl.col("size") + 10)).alias("surface"))
    model = Drivers("figure", ["size", "surface", "other"]).fit(table)
    (found,) = model.findings_
    assert found.code == "fields-confounded"
    assert "size and surface change together" in found.message
    first = model.importances_.to_dicts()[0]
    assert (first["field"], first["told"]) == ("size + surface", True)
    assert "surface" not in model.importances_["field"].to_list()


def test_what_cannot_explain_anything_is_left_out_by_name() -> None:
    table = made(8, 4).with_columns(pl.col("sample").alias("name"), pl.lit("Li").alias("counter"))
    table = table.with_columns(
        pl.when(pl.col("sample") == "s1").then(pl.lit("Nb")).otherwise(pl.lit("")).alias("dopant")
    )
    model = Drivers("figure", ["size", "name", "counter", "dopant"]).fit(table)
    said = {f.code: f.message for f in model.findings_}
    assert said["own-level"] == "name is left out: every sample has a level of its own"
    assert said["one-level"] == "counter is left out: it is Li everywhere"
    assert said["single-sample-level"].startswith("dopant: Nb in one sample only")
    assert "8 samples: between two halves of them a difference in figure under about" in said["few-samples"]


def test_missing_fields_are_a_level_or_a_column_of_their_own() -> None:
    table = pl.DataFrame({"x": [1.0, None, 3.0, float("nan")], "t": ["a", None, "", "b"]})
    fields = encode(table, ["x", "t"], group_numbers(range(4))[1])
    assert fields.columns["x"].tolist() == [[1, 0], [2, 1], [3, 0], [2, 1]]
    assert "t" in fields.columns
    assert np.isfinite(fields.matrix()).all()


def test_too_little_is_refused() -> None:
    table = made(25)
    with pytest.raises(NotEnoughDataError, match=r"5 sample\(s\) with figure, in 15 row\(s\)"):
        Drivers("figure", ["size"]).fit(made(5))
    with pytest.raises(NotEnoughDataError, match=r"1 sample\(s\)"):
        Drivers("figure", ["size"]).fit(made(1))
    with pytest.raises(NotEnoughDataError, match="figure is 3 everywhere"):
        Drivers("figure", ["size"]).fit(table.with_columns(pl.lit(3.0).alias("figure")))
    with pytest.raises(NotEnoughDataError, match="one is left out: it is x everywhere"):
        Drivers("figure", ["one"]).fit(table.with_columns(pl.lit("x").alias("one")))
    with pytest.raises(UnknownNameError, match="size"):
        Drivers("figure", ["siz"]).fit(table)
    with pytest.raises(InputError, match="route holds String"):
        Drivers("route", ["size"]).fit(table)
    with pytest.raises(InputError, match="explained by"):
        Drivers("figure", ["figure"]).fit(table)


def test_without_the_extra_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(OptionalDependencyError, match=r"extra \[learn\]"):
        Drivers("figure", ["size"]).fit(made(8))

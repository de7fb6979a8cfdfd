"""States read from scores: a law that is known comes back, on cells never seen, and what cannot be read is said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.factors import Factors, meaning, stability

Array = NDArray[np.float64]
CYCLES = 20


def made(cells: int, seed: int, *, noise: float = 0.02, wide: float = 1.0) -> tuple[Array, pl.DataFrame, list[str]]:
    """Return scores of an ageing that has two causes: one grows with the cycle, one is each cell's own."""
    rng = np.random.default_rng(seed)
    names = [f"{seed}-{i}" for i in range(cells)]
    spinel = np.concatenate([(0.1 + 0.02 * wide * rng.normal()) * np.linspace(0, 1, CYCLES) for _ in names])
    resistance = np.repeat(1.0 + 0.2 * wide * rng.normal(size=cells), CYCLES)
    scores = np.stack([60 * spinel - 3 * resistance, 20 * spinel + 8 * resistance, 2 * resistance], axis=1)
    scores += rng.normal(0.0, noise, scores.shape)
    states = pl.DataFrame({"spinel": spinel, "resistance": resistance, "unrelated": rng.normal(size=len(spinel))})
    return scores, states, [name for name in names for _ in range(CYCLES)]


@pytest.mark.parametrize("degree", [1, 2])
def test_states_come_back_in_a_cohort_with_other_scatter_and_noise(degree: int) -> None:
    scores, states, cells = made(30, 1)
    model = Factors(degree=degree).fit(scores, states, cells)  # type: ignore[arg-type]
    assert not model.findings_
    away, truth, others = made(15, 2, noise=0.05, wide=1.5)
    found = {row["state"]: row for row in model.score(away, truth, others).to_dicts()}
    assert found["spinel"]["r2"] > 0.99
    assert found["resistance"]["r2"] > 0.99
    assert found["unrelated"]["r2"] < 0.05


def test_r2_is_that_of_unseen_cells_and_not_of_unseen_cycles() -> None:
    """A state that is a label of the cell: any model that saw other cycles of a cell would know it."""
    rng = np.random.default_rng(3)
    cells = [f"c{i}" for i in range(15) for _ in range(CYCLES)]
    fingerprint = np.repeat(rng.normal(size=(15, 12)), CYCLES, axis=0) + rng.normal(0, 0.01, (15 * CYCLES, 12))
    label = pl.DataFrame({"label": np.repeat(rng.normal(size=15), CYCLES)})
    assert Factors(degree=1).fit(fingerprint, label, cells).table_["r2"].item() < 0.2


def test_within_a_stratum_age_explains_nothing() -> None:
    """A score that is the cycle alone reads a state that grows with it, and says nothing of cells of one age."""
    _, states, cells = made(30, 4)
    cycle = np.tile(np.arange(CYCLES, dtype=float), 30)
    row = Factors(degree=1).fit(cycle[:, None], states.select("spinel"), cells, cycle.tolist()).table_.to_dicts()[0]
    assert row["r2"] > 0.8
    assert row["r2_within"] < 0.05


def test_intervals_hold_for_curves_of_new_cells() -> None:
    covered = []
    for seed in range(12):
        scores, states, cells = made(45, 100 + seed, noise=0.3)
        seen = 30 * CYCLES
        model = Factors(degree=1, level=0.8).fit(scores[:seen], states.head(seen), cells[:seen])
        covered += model.score(scores[seen:], states.slice(seen), cells[seen:])["coverage"].to_list()
    assert 0.75 <= np.mean(covered) <= 0.87


def test_a_curve_far_from_all_cells_is_said_to_be() -> None:
    scores, states, cells = made(12, 5)
    model = Factors(degree=1).fit(scores, states, cells)
    assert model.predict(scores)["spinel_inside"].all()
    far = model.predict(scores[:1] + 500.0)
    assert not far["spinel_inside"].item()
    assert far.select(pl.col(pl.Float64).is_finite().all()).row(0) == (True,) * 9


def test_stability_finds_a_state_that_changed_its_meaning() -> None:
    scores, states, cells = made(20, 6)
    away, truth, others = made(20, 7)
    turned = truth.with_columns(-pl.col("resistance"))
    home = Factors(degree=1).fit(scores, states, cells)
    found = stability(home, Factors(degree=1).fit(away, turned, others), away)
    agreement = dict(found.select("state", "agreement").iter_rows())
    assert agreement["spinel"] > 0.99
    assert agreement["resistance"] < -0.99


def test_what_the_components_mean() -> None:
    scores, states, cells = made(30, 8)
    table = meaning(scores, states, cells)
    third = table.filter(pl.col("component") == 3)
    resistance = third.filter(pl.col("state") == "resistance").to_dicts()[0]
    assert resistance["r"] > 0.99
    assert resistance["r2_alone"] > 0.99
    assert resistance["r2_without"] < 0.2
    assert third.filter(pl.col("state") == "unrelated")["r2_without"].item() > 0.99
    assert not table.select(pl.any_horizontal(pl.col(pl.Float64).is_nan().any())).item()


def test_a_state_known_on_few_cells_or_never_changing_is_left_out_by_name() -> None:
    scores, states, cells = made(12, 9)
    few = [x if cell in ("9-0", "9-1") else None for x, cell in zip(states["spinel"], cells, strict=True)]
    model = Factors().fit(scores, states.with_columns(few=pl.Series(few), same=pl.lit(0.5)), cells)
    assert set(model.models_) == {"spinel", "resistance", "unrelated"}
    left_out = {f.where: f.message for f in model.findings_ if f.code == "state-left-out"}
    assert "known in 2 cell(s), too few" in left_out["few"]
    assert "the same on every curve" in left_out["same"]
    assert [f.code for f in model.findings_].count("few-cells") == 1
    with pytest.raises(NotEnoughDataError, match="None of 1 state"):
        Factors().fit(scores, pl.DataFrame({"same": np.full(len(cells), 0.5)}), cells)


def test_bad_input_is_refused_with_what_was_expected() -> None:
    scores, states, cells = made(12, 10)
    with pytest.raises(NotEnoughDataError, match=r"known in 1 cell\(s\)"):
        Factors().fit(scores[:CYCLES], states.head(CYCLES), cells[:CYCLES])
    holed = scores.copy()
    holed[3, 0] = np.nan
    with pytest.raises(InputError, match="1 of 240 rows of the scores"):
        Factors().fit(holed, states, cells)
    with pytest.raises(InputError, match="no numbers: name"):
        Factors().fit(scores, states.with_columns(name=pl.lit("x")), cells)
    model = Factors().fit(scores, states, cells)
    with pytest.raises(InputError, match="as in the training"):
        model.predict(scores[:, :2])
    with pytest.raises(UnknownNameError, match="spinel"):
        model.score(scores, states.select("resistance"), cells)

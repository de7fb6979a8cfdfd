"""The state map against full decompositions and known truth; loadings, choices, trajectories; what is too little."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from learn_material import cohort, keys_of, low_rank
from lirich.errors import AnalysisError, InputError, MissingColumnError, NotEnoughDataError
from lirich.learn import (
    CurveMatrix,
    Points,
    ProbabilisticMap,
    StateMap,
    anchor_map,
    cell_regimes,
    choose_components,
    compare_maps,
    describe,
    features,
    principal_angles,
    touched,
    trajectory,
)
from lirich.learn.lines import sums_of_lines
from lirich.learn.resample import Knots, q_of_v
from lirich.learn.sums import sums_of
from lirich.workbench.learning.map_findings import at_breaks


def decomposed(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    centred = values - values.mean(axis=0)
    _, length, right = np.linalg.svd(centred, full_matrices=False)
    return right[:k], length[:k] ** 2 / (len(values) - 1)


@pytest.mark.parametrize("m", [200, 1100])
def test_the_map_is_that_of_a_full_decomposition_within_its_own_bound(m: int) -> None:
    curves, _ = low_rank(300, m, [300.0, 100.0, 40.0, 15.0, 6.0, 4.0, 3.0], 0.02)
    learned = StateMap(5).fit(curves)
    right, variance = decomposed(curves.values, 5)
    assert np.sin(principal_angles(learned.components_, right)).max() <= max(learned.angle_bound_, 1e-9)
    assert learned.angle_bound_ <= 1e-4
    np.testing.assert_allclose(learned.explained_variance_, variance, rtol=1e-6)
    np.testing.assert_allclose(learned.mean_, curves.values.mean(axis=0), rtol=1e-12)
    total = curves.values.var(axis=0, ddof=1).sum()
    assert learned.total_variance_ == pytest.approx(total, rel=1e-9)
    assert learned.noise_variance_ == pytest.approx((total - variance.sum()) / (m - 5), rel=1e-6)
    np.testing.assert_allclose(learned.components_ @ learned.components_.T, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(learned.transform(curves).var(axis=0, ddof=1), variance, rtol=1e-6)


def test_float32_curves_give_the_same_map_to_their_rounding() -> None:
    curves, _ = low_rank(200, 1100, [300.0, 100.0, 40.0], 0.02)
    half = CurveMatrix(curves.values.astype(np.float32), curves.grid, curves.keys)
    a, b = StateMap(3).fit(curves), StateMap(3).fit(half)
    assert principal_angles(a.components_, b.components_).max() < 1e-4


def test_scores_per_point_do_not_depend_on_the_grid() -> None:
    coarse, fine = (low_rank(200, m, [3.0 * np.sqrt(m), np.sqrt(m)], 0.001, seed=3)[0] for m in (200, 1100))
    a, b = StateMap(2).fit(coarse).score_spread_, StateMap(2).fit(fine).score_spread_
    np.testing.assert_allclose(a, [3.0, 1.0], rtol=0.15)
    np.testing.assert_allclose(b, [3.0, 1.0], rtol=0.15)


def test_only_as_many_components_as_the_curves_have() -> None:
    curves, basis = low_rank(50, 200, [30.0, 10.0], 0.0)
    learned = StateMap(7).fit(curves)
    assert len(learned.components_) == 2
    assert principal_angles(learned.components_, basis).max() < 1e-6
    assert learned.scores(curves)["off_map"].max() < 1e-9


def test_too_little_is_said() -> None:
    curves, _ = low_rank(50, 60, [30.0, 10.0], 0.1)
    with pytest.raises(NotEnoughDataError, match="3 curves of 60 points for 7 components"):
        StateMap(7).fit(curves.take(slice(0, 3)))
    constant = CurveMatrix(np.full((20, 60), 5.0), curves.grid, curves.keys[:20])
    with pytest.raises(NotEnoughDataError, match="do not differ"):
        StateMap(2).fit(constant)
    holed = curves.values.copy()
    holed[:, 7] = np.nan
    with pytest.raises(InputError, match="missing points"):
        StateMap(2).fit(CurveMatrix(holed, curves.grid, curves.keys))
    with pytest.raises(NotEnoughDataError, match="1 of 60 grid points"):
        ProbabilisticMap(2).fit(CurveMatrix(holed, curves.grid, curves.keys))
    learned = StateMap(2).fit(curves)
    with pytest.raises(InputError, match="the grid of the model"):
        learned.transform(CurveMatrix(curves.values, curves.grid * 1.01, curves.keys))
    with pytest.raises(InputError, match="have missing points"):
        learned.transform(CurveMatrix(holed, curves.grid, curves.keys))


def test_noise_alone_has_no_map_on_a_fine_grid() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 1100))
    curves = CurveMatrix(noise, np.linspace(3, 4.5, 1100), keys_of(["a"] * 60, list(range(60))))
    with pytest.raises(AnalysisError, match="no component is known"):
        StateMap(3).fit(curves)


def test_missing_parts_are_not_filled_in() -> None:
    curves, basis = low_rank(300, 120, [90.0, 40.0, 15.0], 0.2)
    holed, draw = curves.values.copy(), np.random.default_rng(1)
    for row in range(300):
        holed[row, draw.integers(50, 115) :] = np.nan
    keep = slice(0, 105)
    part = CurveMatrix(holed[:, keep], curves.grid[keep], curves.keys)
    learned = ProbabilisticMap(3).fit(part)
    filled = np.where(np.isnan(part.values), np.nanmean(part.values, axis=0), part.values)
    naive = StateMap(3).fit(CurveMatrix(filled, part.grid, part.keys))
    truth = basis[:, keep]
    assert np.degrees(principal_angles(learned.map_.components_, truth).max()) < 1.5
    assert np.degrees(principal_angles(naive.components_, truth).max()) > 10
    assert learned.noise_sd_ == pytest.approx(0.2, rel=0.05)
    whole, sd = learned.complete(part)
    hidden = np.isnan(part.values)
    error = (whole - curves.values[:, keep])[hidden] / sd[hidden]
    assert np.sqrt(np.mean(error**2)) == pytest.approx(1.0, abs=0.1)


def test_whole_curves_have_the_closed_form() -> None:
    curves, _ = low_rank(400, 80, [50.0, 20.0], 0.3)
    learned = ProbabilisticMap(2).fit(curves)
    assert learned.rounds_ == 0
    assert learned.noise_sd_ == pytest.approx(0.3, rel=0.02)


def test_evidence_and_left_out_cells_find_the_number_of_components() -> None:
    curves, _ = low_rank(400, 100, [60.0, 25.0, 10.0, 4.0], 0.2)
    choice = choose_components(curves, most=9)
    assert choice.by_evidence == 4
    assert choice.by_cells == 4
    few = choose_components(curves.of_cells(["c0", "c1"]), most=5)
    assert few.by_cells is None
    assert few.table["left_out"].null_count() == few.table.height
    with pytest.raises(NotEnoughDataError):
        choose_components(curves.take(slice(0, 3)))
    # of 25 curves of 5 cells, 20 stay to learn from when a cell is left out: no more than 19 components then
    assert choose_components(low_rank(50, 100, [60.0, 25.0], 0.2)[0].take(slice(0, None, 2))).by_cells == 2


def test_the_gain_of_a_bend_is_that_of_this_bend() -> None:
    draw, t = np.random.default_rng(5), np.arange(1.0, 121.0)
    sharp = np.maximum(t - 40.0, 0.0) * 1.0
    slight = np.maximum(t - 80.0, 0.0) * 0.2
    way = trajectory(t, np.column_stack([sharp + slight + 0.1 * draw.normal(size=120), 0.1 * draw.normal(size=120)]))
    assert [b.cycle for b in way.bends] == pytest.approx([40, 80], abs=2)
    first, second = (b.gain for b in way.bends)
    assert first > second > 10.0


def first_order(draw: np.random.Generator, n: int, rho: float, d: int = 2) -> np.ndarray:
    noise = draw.normal(size=(n, d))
    for i in range(1, n):
        noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
    return noise


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_one_regime_is_seldom_taken_for_two(rho: float) -> None:
    draw, t = np.random.default_rng(7), np.arange(1.0, 101.0)
    alarms = sum(bool(trajectory(t, np.outer(t, [0.1, -0.05]) + first_order(draw, 100, rho)).bends) for _ in range(60))
    assert alarms <= 3  # 5 %


def test_a_change_of_regime_is_found_where_it_is() -> None:
    draw, t = np.random.default_rng(8), np.arange(1.0, 101.0)
    truth = np.outer(np.minimum(t, 40.0), [0.0, 0.2]) + np.outer(np.maximum(t - 40.0, 0.0), [0.3, 0.02])
    inside = 0
    for _ in range(20):
        way = trajectory(t[::-1], (truth + 0.5 * first_order(draw, 100, 0.3))[::-1])
        assert len(way.bends) == 1
        bend = way.bends[0]
        assert bend.cycle == pytest.approx(40.0, abs=3)
        assert bend.turn_degrees == pytest.approx(86.2, abs=10)
        inside += bend.low <= 40.0 <= bend.high
    assert inside >= 16


def test_a_way_that_curves_evenly_has_no_change_of_regime() -> None:
    """Straight pieces come nearer to an arc than one line does; a parabola comes nearer still."""
    draw, t = np.random.default_rng(9), np.arange(1.0, 101.0)
    arc = np.column_stack([0.3 * t - 0.001 * t**2, 0.002 * t**2])
    turned = 0
    for _ in range(20):
        way = trajectory(t, arc + 0.2 * first_order(draw, 100, 0.3))
        assert way.curved or way.bends
        assert way.criterion[0] - min(way.criterion) > 10.0
        turned += len(way.bends) > 0
        if way.curved:
            assert np.abs(way.fitted - arc).max() < 0.5
    assert turned <= 1


def test_trajectories_of_too_few_cycles_and_constant_ones() -> None:
    with pytest.raises(NotEnoughDataError, match="too few to tell regimes"):
        trajectory(np.arange(10.0), np.zeros((10, 2)))
    with pytest.raises(InputError, match="twice"):
        trajectory(np.ones(20), np.zeros((20, 2)))
    still = trajectory(np.arange(20.0), np.zeros((20, 2)))
    assert still.bends == ()
    assert np.isfinite(still.fitted).all()
    assert np.isfinite(still.criterion).all()


def test_regimes_of_all_cells_with_those_that_cannot_be_told() -> None:
    draw = np.random.default_rng(3)
    t = np.arange(1.0, 61.0)
    bent = np.outer(np.minimum(t, 30.0), [0.0, 0.2]) + np.outer(np.maximum(t - 30.0, 0.0), [0.3, 0.0])
    cells = {"bent": bent, "straight": np.outer(t, [0.1, 0.1]), "short": np.zeros((6, 2))}
    scores = pl.concat(
        pl.DataFrame({"cell": [name] * len(y), "cycle": np.arange(1, len(y) + 1)}).with_columns(
            pl.Series("pc1", y[:, 0] + 0.1 * draw.normal(size=len(y))), pl.Series("pc2", y[:, 1])
        )
        for name, y in cells.items()
    )
    table = cell_regimes(scores)
    assert table["cell"].to_list() == ["bent", "straight", "short"]
    assert table["bend"][0] == pytest.approx(30, abs=2)
    assert table["bend"][1] is None
    assert table["why_not"].to_list() == [None, None, "6 cycles: too few to tell regimes"]
    with pytest.raises(MissingColumnError, match="pc9"):
        cell_regimes(scores, ("pc9",))


def test_loadings_name_what_they_touch() -> None:
    learned = StateMap(3).fit(cohort(30))
    there = features(learned)
    peaks = there.filter(pl.col("feature") == "peak")["voltage_v"].to_list()
    assert min(abs(p - 3.67) for p in peaks) < 0.05
    told = describe(learned)
    assert told["share"].sum() <= 1.0
    assert told["spread"].is_sorted(descending=True)
    assert told["crosses_at"][0].len() == 0 or told["share"][0] > 0.5
    marks = touched(learned)
    assert set(marks["component"].unique()) == {1, 2, 3}
    assert marks["touched"].any()
    own = compare_maps(learned, learned)
    np.testing.assert_allclose(own["cosine"].to_numpy(), 1.0)
    np.testing.assert_allclose(own["angle_degrees"].to_numpy(), 0.0, atol=1e-5)


@pytest.mark.data
def test_the_anchors_map_is_as_published(shared_data) -> None:
    table = pl.read_csv(shared_data / "cycling" / "lrlo_pca_mean_and_loadings_digitized.csv")
    learned = anchor_map(table)
    told = describe(learned)
    # "PC1: one-signed, maximum 3.81 V; PC2 changes sign at 3.88 V" (doi:10.1039/D4EE05222F)
    assert told["crosses_at"][0].len() == 0
    assert told["extreme_at"][0] == pytest.approx(3.81, abs=0.005)
    assert told["crosses_at"][1].to_list() == pytest.approx([3.88], abs=0.005)
    np.testing.assert_allclose(learned.components_ @ learned.components_.T, np.eye(7), atol=1e-9)
    finer = anchor_map(table, np.linspace(3.0, 4.5, 3000))
    np.testing.assert_allclose(finer.score_spread_, learned.score_spread_, rtol=1e-3)
    assert compare_maps(learned, finer)["cosine"].abs().min() > 0.995
    with pytest.raises(MissingColumnError, match="pc3_loading"):
        anchor_map(table.drop("pc3_loading"))


def test_a_turn_where_cycles_are_left_out_is_told_from_one_where_none_are() -> None:
    cycles = np.array([n for n in range(1, 61) if n not in (30, 31)], dtype=float)
    noise = np.random.default_rng(5).normal(0.0, 0.01, (len(cycles), 2))

    def bent(at: float) -> np.ndarray:
        return np.column_stack((cycles, 2.0 * np.maximum(cycles - at, 0.0))) + noise

    ways = {"checked": trajectory(cycles, bent(30.0)), "aged": trajectory(cycles, bent(45.0))}
    assert [len(way.bends) for way in ways.values()] == [1, 1]
    (finding,) = at_breaks(ways)
    assert "checked (cycle" in finding.message
    assert "aged" not in finding.message


def test_sums_over_lines_are_those_over_the_curves_on_the_grid() -> None:
    draw = np.random.default_rng(3)
    parts = []
    for count in (4, 1):
        owner = np.repeat(np.arange(count), 30)
        voltage = np.sort(draw.uniform(2.8, 4.6, (count, 30)), axis=1)
        voltage[0, 10:20] += 0.02 * draw.normal(size=10)  # turns back: charge is booked where it passed
        voltage[:, -1] = 4.7
        held = np.zeros(30 * count, dtype=bool)
        held[-2:] = True
        charge = np.cumsum(draw.uniform(0.0, 10.0, (count, 30)), axis=1)
        parts.append(q_of_v(Points(owner, voltage.ravel(), charge.ravel(), held), "charge"))
    for grid in (np.linspace(2.9, 4.5, 11), np.sort(draw.uniform(2.9, 4.5, 2000))):
        basis, shift = draw.normal(size=(len(grid), 3)), 100.0 * draw.uniform(size=len(grid))
        whole = np.vstack([part.on(grid, slice(0, part.count)) for part in parts])
        expected = sums_of([whole], basis, shift)
        for given in (parts, [Knots.together(parts)]):
            found = sums_of_lines(given, grid, basis, shift)
            assert found.count == expected.count == 5
            assert found.square == pytest.approx(expected.square, rel=1e-10)
            np.testing.assert_allclose(found.total, expected.total, atol=1e-9 * np.abs(expected.total).max())
            np.testing.assert_allclose(
                found.projected, expected.projected, atol=1e-10 * np.abs(expected.projected).max()
            )
    with pytest.raises(InputError, match="missing points"):
        sums_of_lines(parts, np.linspace(3.0, 5.0, 20), np.zeros((20, 1)), np.zeros(20))

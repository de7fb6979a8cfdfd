"""What a window says of its certainty: strange and noisy curves have wide bands, and bands hold for other batches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from learn_material import GRID, cohort
from lirich.learn import Completion, CurveMatrix, CurveModel, StateMap, share_window
from lirich.learn.heldout import hold_out

WINDOW = share_window(GRID, 0.2, 0.4)


@pytest.fixture(scope="module")
def learned() -> Completion:
    return Completion().fit(cohort(60, seed=1))


def asked(learned: Completion, others: CurveMatrix) -> tuple[float, float]:
    """Return share in the band and mean width off the window, mAh/g."""
    done = learned.predict(CurveMatrix(np.where(WINDOW, others.values, np.nan), others.grid, others.keys))
    assert set(done.refused) == {""}
    held = ((others.values >= done.low) & (others.values <= done.high))[:, ~WINDOW]
    return float(held.mean()), float((done.high - done.low)[:, ~WINDOW].mean())


def test_the_widening_is_that_of_a_t_distribution() -> None:
    """Curves of a t distribution of 3 degrees of freedom: usual and strange ones are in the band alike often."""
    draw = np.random.default_rng(0)
    freedom, noise, n = 3.0, 0.2, 20_000
    model = CurveModel(np.zeros(40), draw.normal(size=(5, 40)))
    observed = np.zeros(40, dtype=bool)
    observed[:6] = True
    common = np.sqrt(freedom / draw.chisquare(freedom, size=(n, 1)))
    curves = common * (draw.normal(size=(n, 5)) @ model.spread + noise * draw.normal(size=(n, 40)))
    window = model.window(observed)
    noises = np.full(n, noise)
    found, sd = window.complete(curves, noises, freedom)
    plain, plain_sd = window.complete(curves, noises)
    np.testing.assert_array_equal(found, plain)
    ratio = (sd / plain_sd)[:, 0]
    inside = np.abs(found - curves)[:, 20] <= student.ppf(0.95, freedom + 5) * sd[:, 20]
    strange = ratio > np.quantile(ratio, 0.8)
    assert inside[strange].mean() == pytest.approx(0.9, abs=0.015)
    assert inside[~strange].mean() == pytest.approx(0.9, abs=0.015)
    # the normal distribution knows no strange curve
    assert (np.abs(plain - curves)[:, 20] <= 1.645 * plain_sd[:, 20])[strange].mean() < 0.8


def test_the_band_holds_for_a_noisier_instrument_and_widens_for_strange_cells(learned: Completion) -> None:
    like, narrow = asked(learned, cohort(60, seed=2))
    noisy, wider = asked(learned, cohort(60, seed=3, noise=0.15))
    _, widest = asked(learned, cohort(60, seed=4, scatter=1.5))
    # rings make a band for the next batch: cells of the same one are in it a little more often
    assert 0.86 <= like <= 0.97
    assert 0.86 <= noisy <= 0.97
    assert wider > 1.2 * narrow
    assert widest > 1.1 * narrow


def test_every_cell_is_held_out_once_from_a_map_that_has_not_seen_it() -> None:
    curves = cohort(10, 40, seed=5)
    fitted: list[set[str]] = []

    def fit(some: CurveMatrix) -> StateMap:
        fitted.append(set(some.cells))
        return StateMap(5).fit(some)

    held = hold_out(curves, fit)
    cells = [cell for part in held for cell in part.keys["cell"].unique().to_list()]
    assert sorted(cells) == sorted(curves.cells)
    for part, seen in zip(held, fitted[1:], strict=True):
        assert not seen & set(part.keys["cell"].to_list())
        assert part.weights().sum() == pytest.approx(part.keys["cell"].n_unique())
    # 16 of 40 cycles, from all of the life: the very first would count for too much
    cycles = held[0].keys.filter(held[0].keys["cell"] == cells[0])["cycle"].to_numpy()
    assert len(cycles) == 16
    assert cycles.mean() == pytest.approx(20.5, abs=0.5)
    assert cycles[0] > 1


def test_as_if_noisier_leaves_what_the_map_shows() -> None:
    curves = cohort(10, 20, seed=6)
    part = hold_out(curves, StateMap(5).fit)[0]
    noisier = part.as_if_noisier()
    scores = [(x - part.learned.mean_) @ part.learned.components_.T for x in (part.values, noisier)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-9)
    off = [
        np.linalg.norm(x - part.learned.mean_ - s @ part.learned.components_, axis=1)
        for x, s in zip((part.values, noisier), scores, strict=True)
    ]
    np.testing.assert_allclose(off[1] / off[0], np.resize([1.0, 2.0, 4.0], len(noisier)), rtol=1e-9)

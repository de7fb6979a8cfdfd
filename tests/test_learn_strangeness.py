"""Windows beyond what a model was learned from, and curves that cannot be: nothing is told of them."""

from __future__ import annotations

import numpy as np
import pytest

from learn_material import GRID, cohort
from lirich.learn import Completion, CurveMatrix, share_window
from lirich.learn.strangeness import impossible, strangeness, strangeness_of_held, too_strange

WINDOW = share_window(GRID, 0.2, 0.4)


@pytest.fixture(scope="module")
def learned() -> Completion:
    return Completion().fit(cohort(40, seed=1))


def why(learned: Completion, curves: CurveMatrix) -> list[str]:
    return too_strange(learned.map_, curves.values, WINDOW, strangeness_of_held(learned, WINDOW))


def test_curves_of_the_model_itself_are_at_a_distance_of_one(learned: Completion) -> None:
    """The mean square along the model is that of S²/(S² + σ²) for curves without noise that are drawn from it."""
    draw = np.random.default_rng(0)
    model, noise = learned.model_, np.sqrt(learned.map_.noise_variance_)
    curves = model.mean + draw.normal(size=(4000, len(model.spread))) @ model.spread
    found = strangeness(learned.map_, curves, WINDOW)
    length = model.window(WINDOW).length
    expected = np.sqrt(np.mean(length**2 / (length**2 + noise**2)))
    assert np.sqrt(np.mean(found.along**2)) == pytest.approx(expected, abs=0.03)
    assert found.off.max() < 0.1
    far = model.mean + 5.0 * (curves - model.mean)
    assert np.mean(strangeness(learned.map_, far, WINDOW).along) > 4.0 * np.mean(found.along)


def test_new_cells_and_noisy_ones_are_told_and_other_materials_are_not(learned: Completion) -> None:
    assert set(why(learned, cohort(40, seed=2))) == {""}
    assert set(why(learned, cohort(40, seed=3, noise=0.3))) == {""}  # six times the noise is no other cell
    assert set(why(learned, cohort(40, seed=4, scatter=1.5))) == {""}
    usual = cohort(10, seed=5)
    flat = np.tile(
        150.0 - 40.0 * (GRID - 3.0), (len(usual), 1)
    )  # another material: it is charged nowhere where these are
    assert all(
        told.startswith("cannot tell: the window ") for told in why(learned, CurveMatrix(flat, GRID, usual.keys))
    )
    wave = usual.values + 15.0 * np.sin(2 * np.pi * (GRID - 3.0) / 0.1)  # a shape that no component has
    assert all("cannot tell" in told for told in why(learned, CurveMatrix(wave, GRID, usual.keys)))


def test_charge_is_neither_negative_nor_lost() -> None:
    mean = np.linspace(0.0, 200.0, 50)
    half = np.full(50, 2.0)
    assert impossible("Q(V)", "charge", mean, mean - half, mean + half) == ""
    assert impossible("Q(V)", "discharge", mean[::-1], mean[::-1] - half, mean[::-1] + half) == ""
    assert "lose charge" in impossible("Q(V)", "discharge", mean, mean - half, mean + half)
    assert "negative" in impossible("Q(V)", "charge", mean, mean - 690.0, mean - 680.0)
    dips = mean.copy()
    dips[30:] -= 60.0
    assert "lose charge" in impossible("Q(V)", "charge", mean, dips - half, dips + half)
    # a band that a rising curve fits into is one, however its middle wavers
    assert impossible("Q(V)", "charge", mean, dips - 40.0, dips + 40.0) == ""
    assert impossible("V(Q)", "charge", mean, mean[::-1] - half, mean[::-1] + half) == ""

"""The surrogate of dopants: features, errors on dopants left out, intervals that hold, what to compute next."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

pytest.importorskip("sklearn", reason="needs the extra [atoms]")
pytest.importorskip("pymatgen", reason="needs the extra [atoms]")

from lirich.atoms.dopants import Dopant
from lirich.atoms.features import FEATURES, features, oxide_energies, oxide_energy_ev
from lirich.atoms.surrogate import Surrogate
from lirich.errors import InputError, NotEnoughDataError, UnknownNameError

HOST = {"Li": 1, "Mn": 4, "O": -2}


def named(dopant: Dopant) -> dict[str, float]:
    return dict(zip(FEATURES, features([dopant], HOST), strict=True))


def test_tungsten_on_manganese_by_shannon_and_pauling() -> None:
    tungsten = named(Dopant(element="W", charge=6))
    # Shannon 1976: W6+ VI 0.60 Å, Mn4+ VI 0.53 Å; Pauling electronegativity of W 2.36
    assert tungsten["radius_step_a"] == pytest.approx(0.07, abs=1e-6)
    assert tungsten["charge_step"] == 2
    assert tungsten["electronegativity"] == pytest.approx(2.36)
    assert tungsten["on_lithium"] == 0


def test_a_pair_has_the_mean_of_its_ions() -> None:
    pair = features([Dopant(element="Na", charge=1, place="Li"), Dopant(element="W", charge=6)], HOST)
    alone = [features([d], HOST) for d in (Dopant(element="Na", charge=1, place="Li"), Dopant(element="W", charge=6))]
    np.testing.assert_allclose(pair, np.mean(alone, axis=0))


def test_fluorine_stands_on_oxygen_and_has_no_oxide() -> None:
    fluorine = named(Dopant(element="F", charge=-1, place="O"))
    assert (fluorine["on_oxygen"], fluorine["oxide_energy_ev"], fluorine["charge_step"]) == (1, 0, 1)


def test_oxides_come_near_to_measured_heats_of_formation() -> None:
    # NIST-JANAF, 298 K, kJ/mol of the formula: MgO -601.2, Al2O3 -1675.7; PBE of OQMD is low by at most 10 %
    ev = 96.485
    assert oxide_energy_ev("Mg", 2) == pytest.approx(-601.2 / ev, rel=0.1)
    assert oxide_energy_ev("Al", 3) == pytest.approx(-1675.7 / 3 / ev, rel=0.1)
    assert oxide_energy_ev("Mo", 6) == oxide_energies()["Mo", 4]  # the nearest state that is known
    with pytest.raises(UnknownNameError):
        oxide_energy_ev("Xe", 2)


def made(n: int, seed: int = 0, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """A smooth figure of two of four features, three candidates of each dopant, with noise."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(n, 4)), 3, axis=0) + 0.1 * rng.normal(size=(3 * n, 4))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] + noise * rng.normal(size=3 * n)
    return x, y, [f"dopant {i // 3}" for i in range(3 * n)]


def test_dopants_left_out_are_predicted_better_than_by_the_mean() -> None:
    x, y, groups = made(20)
    learned = Surrogate().fit(x, y, groups)
    assert learned.left_out_.groups == 20
    assert learned.left_out_.skill > 0.7


def test_a_figure_that_features_do_not_tell_has_no_skill() -> None:
    x, y, groups = made(15)
    shuffled = np.random.default_rng(3).permutation(y)
    assert Surrogate().fit(x, shuffled, groups).left_out_.skill < 0.3


def test_intervals_hold_on_dopants_that_were_never_seen() -> None:
    inside = total = 0
    for seed in range(2):
        x, y, groups = made(30, seed=seed)
        learned = Surrogate().fit(x[:60], y[:60], groups[:60])
        prediction = learned.predict(x[60:], level=0.90)
        inside += int(((prediction.low <= y[60:]) & (y[60:] <= prediction.high)).sum())
        total += len(y[60:])
    assert (
        inside / total >= 0.80
    )  # 60 candidates of 20 dopants: a standard error below 0.90 is 0.83, and candidates are alike


def test_too_few_dopants_give_no_interval() -> None:
    x, y, groups = made(6)
    learned = Surrogate().fit(x, y, groups)
    assert learned.scale_(0.90) == math.inf
    assert np.isinf(learned.predict(x[:1]).high).all()
    assert math.isfinite(learned.scale_(0.80))
    with pytest.raises(NotEnoughDataError, match="4 dopants"):
        Surrogate().fit(x[:12], y[:12], groups[:12])


def test_expected_improvement_is_that_of_the_formula() -> None:
    x, y, groups = made(10)
    learned = Surrogate().fit(x, y, groups)
    new = np.array([[2.0, 2.0, 0.0, 0.0]])
    prediction = learned.predict(new)
    rng = np.random.default_rng(1)
    drawn = prediction.value[0] + prediction.deviation[0] * rng.standard_normal(400_000)
    assert learned.next_to_compute(new)[0] == pytest.approx(np.maximum(drawn - y.max(), 0).mean(), rel=0.02, abs=1e-4)
    z = (y.min() - prediction.value[0]) / prediction.deviation[0]
    expected = prediction.deviation[0] * (z * norm.cdf(z) + norm.pdf(z))
    assert learned.next_to_compute(new, better="lower")[0] == pytest.approx(expected, abs=1e-9)


def test_the_same_data_give_the_same_surrogate() -> None:
    x, y, groups = made(8)
    a, b = (Surrogate(seed=5).fit(x, y, groups).predict(x).value for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_what_is_not_finite_or_not_paired_is_refused() -> None:
    x, y, groups = made(6)
    with pytest.raises(InputError, match="not finite"):
        Surrogate().fit(x, np.where(np.arange(18) == 4, np.nan, y), groups)
    with pytest.raises(InputError, match="beside 17 figures"):
        Surrogate().fit(x, y[:-1], groups)

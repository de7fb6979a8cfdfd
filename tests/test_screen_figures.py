"""From readings to figures: metals and states of charge are kept apart, orderings and calculators counted for once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lirich.screening.estimates import estimate
from lirich.screening.gates import Gate
from lirich.screening.judged import judged
from lirich.screening.screened import PER_METAL, Built, Reading, Screened, Tried
from lirich.screening.states import changes_by_state, figures_by_state
from lirich.screening.study import DopingStudy
from lirich.workbench.screening.result import ScreenResult
from lirich.workbench.screening.screen import shipped_result

VACANCY = "oxygen_vacancy_formation_energy_ev"
MIGRATION, MIGRATION_CHANGE, BARRIER = PER_METAL[0], PER_METAL[1], PER_METAL[2]
WAY = "{} in a tetrahedron of the Li layer"
BEYOND = "{} in an octahedron of the Li layer"


def screened(host: Sequence[Reading], doped: Sequence[Reading], orderings: int = 2, **study: Any) -> Screened:
    asked = {"host": {"formula": "Li1.2Mn0.6Ni0.2O2"}, "dopants": ["F"], "weights": {MIGRATION: 1}, **study}
    cells = tuple(Built(ordering=n, formula="") for n in range(orderings))
    return Screened(
        study=DopingStudy.model_validate(asked),
        host=Tried(name="undoped", cells=cells, readings=tuple(host)),
        tried=(Tried(name="F", elements=("F",), cells=cells, readings=tuple(doped)),),
    )


def leaving(metal: str, value: float | None, **more: Any) -> Reading:
    return Reading(**{"quantity": MIGRATION, "where": WAY.format(metal), "lithium_removed": 0.5, **more}, value=value)


# --- metals ---


@pytest.mark.parametrize("quantity", [MIGRATION, BARRIER])
def test_a_near_manganese_does_not_hide_a_far_nickel(quantity: str) -> None:
    host = [leaving("Mn", 2.0, quantity=quantity), leaving("Ni", 0.6, quantity=quantity)]
    doped = [
        leaving("Mn", 1.75, region="near", quantity=quantity),
        leaving("Ni", 0.7, region="far", quantity=quantity),
        leaving("Ni", 0.5, region="far", quantity=quantity, where=BEYOND.format("Ni")),
    ]
    found = judged(screened(host, doped, weights={quantity: 1}))
    figure = found.candidates[0].figures[quantity]
    assert (figure.value, figure.of) == (0.5, "Ni")
    assert found.reference[quantity].of == "Ni"
    own = [f for f in figures_by_state(found, found.screened.tried[0]) if f.quantity == quantity]
    assert {f.metal: f.figure.value for f in own} == {"Mn": 1.75, "Ni": 0.5}


def test_a_change_is_that_of_the_same_metal() -> None:
    """Mn is held by 0.3 eV more, Ni by 0.1 less: no difference between a Mn and a Ni is a change."""
    host = [leaving(metal, v, cell=n) for n in range(2) for metal, v in (("Mn", 2.0), ("Ni", 0.6))]
    doped = [
        leaving(metal, v, cell=n, region=region)
        for n in range(2)
        for metal, v, region in (("Mn", 2.3, "near"), ("Ni", 0.5, "far"))
    ]
    found = judged(screened(host, doped, weights={MIGRATION_CHANGE: 1}))
    figure = found.candidates[0].figures[MIGRATION_CHANGE]
    assert (figure.value, figure.of) == (pytest.approx(-0.1), "Ni")
    changes = {each.metal: each for each in changes_by_state(found)}
    assert changes["Mn"].change.value == pytest.approx(0.3)
    assert changes["Ni"].percent == pytest.approx(-100 / 6)
    assert changes["Ni"].name.endswith(", Ni")


def test_a_gate_that_must_be_sure_is_sure_of_every_metal() -> None:
    """Ni 0.9 ± 0.06 is lower than Mn 1.0 ± 6.3, and Mn may be below the limit all the same."""
    doped = [leaving("Ni", v, cell=n) for n, v in enumerate((0.89, 0.91))]
    doped += [leaving("Mn", v, cell=n) for n, v in enumerate((0.0, 2.0))]
    (candidate,) = judged(screened([], doped)).candidates
    assert Gate(quantity=MIGRATION, at_least=0.5).verdict(candidate) == "passes"
    sure = Gate(quantity=MIGRATION, at_least=0.5, sure=True)
    assert sure.verdict(candidate) == "fails"
    assert "migration energy Ni" in Gate(quantity=MIGRATION, at_least=0.95).why(candidate)


def test_a_metal_without_a_number_is_told() -> None:
    host = [leaving("Mn", 2.0), leaving("Ni", 0.6)]
    doped = [leaving("Mn", 1.75), leaving("Ni", None, why="slid back")]
    (candidate,) = judged(screened(host, doped)).candidates
    assert candidate.figures[MIGRATION].of == "Mn"
    assert "Ni is not in it: slid back" in candidate.figures[MIGRATION].doubts


def test_every_shipped_migration_names_its_metal_and_fluorine_lets_nickel_go_as_easily() -> None:
    """The audit of issue 5: F was given 1.75 eV, its near Mn's, beside 0.62 eV of the undoped cell's Ni."""
    given = shipped_result("dopants", []).judged
    readings = [r for t in (given.screened.host, *given.screened.tried) for r in t.readings if r.quantity in PER_METAL]
    assert len(readings) > 400
    assert {r.metal for r in readings if r.value is not None} == {"Mn", "Ni"}
    assert {r.place for r in readings if r.value is not None} == {"tetrahedron", "octahedron"}
    figure, undoped = given.candidate("F").figures[MIGRATION], given.reference[MIGRATION]
    assert figure.of == undoped.of == "Ni"
    assert figure.value == pytest.approx(0.53, abs=0.01)
    assert undoped.value == pytest.approx(0.62, abs=0.01)


# --- states of charge ---


def test_a_stored_value_is_of_one_state_and_one_metal() -> None:
    doped = [
        Reading(quantity=VACANCY, value=v, cell=n, lithium_removed=share, doubts=(f"at {share}",))
        for n in range(2)
        for share, v in ((0.0, 2.0), (0.5, 0.1))
    ]
    doped += [leaving(metal, v, cell=n) for n in range(2) for metal, v in (("Mn", 1.8), ("Ni", 0.5))]
    doped += [leaving("Ni", 0.6, cell=n, where=BEYOND.format("Ni"), region="far") for n in range(2)]
    result = ScreenResult(judged(screened([], doped)), ())
    assert result.judged.candidates[0].figures[VACANCY].value == pytest.approx(1.05)  # what a gate sees
    kept = {}
    for value in result.values:
        held = value.conditions.other
        kept[value.quantity, held["lithium_removed"], held.get("metal")] = value
    assert {key: value.value for key, value in kept.items()} == {
        (VACANCY, 0.0, None): 2.0,
        (VACANCY, 0.5, None): 0.1,
        (MIGRATION, 0.5, "Mn"): 1.8,
        (MIGRATION, 0.5, "Ni"): 0.5,
    }
    assert kept[VACANCY, 0.5, None].note == "at 0.5"
    nickel = kept[MIGRATION, 0.5, "Ni"].conditions.other
    assert nickel["place"] == "lower of octahedron and tetrahedron of the Li layer"
    assert [each["lithium_removed"] for each in result.to_dict()["by_state"]["F"]] == [0.0, 0.5, 0.5, 0.5]


def test_a_run_that_lacks_a_state_is_no_mean_of_states() -> None:
    """Discharged 2 eV, charged 0: the ordering that was not relaxed charged would say 2 where the other says 1."""
    doped = [Reading(quantity=VACANCY, value=2.0, cell=n) for n in range(2)]
    doped.append(Reading(quantity=VACANCY, value=0.0, lithium_removed=0.5))
    figure = judged(screened([], doped)).candidates[0].figures[VACANCY]
    assert (figure.value, figure.count) == (1.0, 1)


# --- orderings and calculators ---


def test_two_calculators_on_the_same_orderings_are_no_more_orderings() -> None:
    """Alike to the last digit they say what one says; Student's t of one calculator is that of the textbook."""
    values = (1.0, 1.2, 0.9, 1.3)
    one = estimate({(n, "a"): v for n, v in enumerate(values)})
    low, high = stats.t.interval(0.90, 3, np.mean(values), stats.sem(values))
    assert (one.low, one.high, one.count) == (pytest.approx(low), pytest.approx(high), 4)
    both = estimate({(n, c): v for n, v in enumerate(values) for c in "ab"})
    assert (both.low, both.high, both.count) == (pytest.approx(one.low), pytest.approx(one.high), 4)


def test_calculators_that_differ_by_a_constant_are_not_averaged_away() -> None:
    """Two potentials 0.4 eV apart on four orderings that agree: s/√2 = 0.2 eV with one degree of freedom, t = 6.314."""
    figure = estimate({(n, c): v for n in range(4) for c, v in (("a", 1.0), ("b", 1.4))})
    assert figure.value == pytest.approx(1.2)
    assert figure.high == pytest.approx(1.2 + 6.314 * 0.2, abs=1e-3)
    assert figure.standard_error == pytest.approx(0.2)


def test_a_calculator_with_more_orderings_weighs_no_more() -> None:
    figure = estimate({**{(n, "a"): 1.0 for n in range(4)}, (0, "b"): 2.0})
    assert figure.value == 1.5


def test_intervals_cover_what_they_promise() -> None:
    """Orderings scatter by 0.1 eV alike in all calculators, these by 0.2: 90 % of the intervals hold the truth."""
    rng = np.random.default_rng(0)
    held, draws = 0, 1000
    for _ in range(draws):
        orderings, calculators = rng.normal(0, 0.1, 4), rng.normal(0, 0.2, 3)
        noise = rng.normal(0, 0.05, (4, 3))
        runs = {(n, str(c)): orderings[n] + calculators[c] + noise[n, c] for n in range(4) for c in range(3)}
        figure = estimate(runs)
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= 0 <= figure.high
    assert held / draws == pytest.approx(0.90, abs=0.04)

"""Gates, ranking and reasons of a screening: facts that hold for any candidates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lirich.errors import InputError, NotEnoughDataError
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.gates import Gate, funnel
from lirich.screening.ranking import pareto_front, rank
from lirich.screening.reasons import reasons, table

STRAIN = "coating_strain"

VACANCY = "oxygen_vacancy_formation_energy_ev"
VOLUME = "volume_change"


def made(name: str, vacancy: float, volume: float, half_width: float | None = 0.1) -> Candidate:
    def estimate(value: float) -> Estimate:
        if half_width is None:
            return Estimate(value=value)
        return Estimate(value=value, low=value - half_width, high=value + half_width, count=3)

    return Candidate(name=name, figures={VACANCY: estimate(vacancy), VOLUME: estimate(volume)})


GOOD, FAIR, POOR = made("W", 1.0, 2.0), made("Ti", 0.3, 3.0), made("Mg", -0.8, 4.0)
WEIGHTS = {VACANCY: 2.0, VOLUME: 1.0}


def test_a_gate_counts_who_passes_and_who_falls() -> None:
    passed = funnel([GOOD, FAIR, POOR], [Gate(quantity=VACANCY, at_least=0.0), Gate(quantity=VOLUME, at_most=2.5)])
    assert passed.counts == [
        ("candidates", 3),
        ("lowest oxygen-vacancy formation energy ≥ 0 eV", 2),
        ("volume change ≤ 2.5 %", 1),
    ]
    assert passed.survivors == ("W",)
    assert passed.stages[0].fell == ("Mg",)


def test_a_sure_gate_asks_for_the_whole_interval() -> None:
    at_the_edge = made("Zr", 0.05, 3.0)
    assert Gate(quantity=VACANCY, at_least=0.0).verdict(at_the_edge) == "passes"
    assert Gate(quantity=VACANCY, at_least=0.0, sure=True).verdict(at_the_edge) == "fails"


def test_the_unknown_fall_unless_the_gate_lets_them_go_on_and_says_so() -> None:
    blank = Candidate(name="B", missing={VACANCY: "not converged"})
    strict = funnel([blank], [Gate(quantity=VACANCY, at_least=0.0)])
    assert strict.survivors == ()
    assert "fell at: lowest oxygen-vacancy formation energy unknown (not converged)" in reasons(blank, strict, None)
    lenient = funnel([blank], [Gate(quantity=VACANCY, at_least=0.0, unknown_passes=True)])
    assert lenient.survivors == ("B",)
    assert lenient.stages[0].entered == 1
    assert reasons(blank, lenient, None)[0].startswith("went on untested")


@pytest.mark.parametrize("limits", [{}, {"at_least": 1.0, "at_most": 0.0}])
def test_a_gate_that_means_nothing_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Gate(quantity=VACANCY, **limits)


def test_the_better_candidate_in_everything_is_first() -> None:
    ranking = rank([POOR, FAIR, GOOD], WEIGHTS)
    assert ranking.order == ["W", "Ti", "Mg"]
    first = ranking.places[0]
    assert first.first_share == 1.0
    assert first.on_front
    assert sum(first.contributions.values()) == pytest.approx(first.score)
    assert [p.on_front for p in ranking.places] == [True, False, False]


def test_the_reference_scores_nothing() -> None:
    host = made("host", 0.0, 3.0)
    ranking = rank([GOOD, FAIR, POOR, host], WEIGHTS, reference={VACANCY: 0.0, VOLUME: 3.0})
    assert next(p for p in ranking.places if p.name == "host").score == 0.0


def test_wide_intervals_make_ranks_unsure() -> None:
    narrow = rank([made("a", 1.0, 3.0), made("b", 0.9, 3.0)], {VACANCY: 1.0})
    wide = rank([made("a", 1.0, 3.0, 5.0), made("b", 0.9, 3.0, 5.0)], {VACANCY: 1.0})
    assert narrow.places[0].first_share > wide.places[0].first_share
    assert wide.places[0].first_share == pytest.approx(0.5, abs=0.05)
    assert (wide.places[0].rank_low, wide.places[0].rank_high) == (1, 2)


def test_the_share_of_first_places_is_that_of_two_normal_distributions() -> None:
    # P(a > b) = Φ(Δ/√(2)σ) for independent normal figures
    from scipy.stats import norm

    deviation = 0.5 / 1.6448536269514722
    ranking = rank([made("a", 0.3, 3.0, 0.5), made("b", 0.0, 3.0, 0.5)], {VACANCY: 1.0})
    expected = norm.cdf(0.3 / (np.sqrt(2) * deviation))
    assert ranking.places[0].first_share == pytest.approx(expected, abs=0.03)


def test_one_result_alone_is_not_surer_than_three() -> None:
    ranking = rank([made("a", 0.3, 3.0, 5.0), made("b", 0.0, 3.0, None)], {VACANCY: 1.0})
    single = next(p for p in ranking.places if p.name == "b")
    assert single.unsure == (VACANCY,)
    assert 0.3 < single.first_share < 0.6


def test_where_no_figure_has_an_interval_no_certainty_is_told() -> None:
    candidates = [made("a", 0.3, 3.0, None), made("b", 0.0, 3.0, None)]
    ranking = rank(candidates, {VACANCY: 1.0})
    assert not any(place.has_interval for place in ranking.places)
    assert "rank 1 of 2, without an interval" in reasons(candidates[0], funnel(candidates, []), ranking)
    assert rank([GOOD, candidates[1]], {VACANCY: 1.0}).places[0].has_interval


def test_what_lacks_a_weighted_figure_is_left_out_by_name() -> None:
    blank = Candidate(name="B", figures={VOLUME: Estimate(value=3.0)}, missing={VACANCY: "moved back"})
    ranking = rank([GOOD, blank], WEIGHTS)
    assert ranking.left_out == {"B": (VACANCY,)}
    said = reasons(blank, funnel([GOOD, blank], []), ranking)
    assert said == ("not ranked: oxygen-vacancy formation energy is missing (moved back)",)
    with pytest.raises(NotEnoughDataError, match="None of 1 candidates"):
        rank([blank], WEIGHTS)


@pytest.mark.parametrize("weights", [{}, {"d_spacing_003_nm": 1.0}, {"no_such_quantity": 1.0}])
def test_weights_that_mean_nothing_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InputError):
        rank([GOOD], weights)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=12))
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    front = pareto_front(np.array(points, dtype=float))
    for i, a in enumerate(points):
        beaten = any(all(x >= y for x, y in zip(b, a, strict=True)) and b != a for b in points)
        assert front[i] == (not beaten)


def test_the_table_puts_the_ranked_first_and_the_fallen_last() -> None:
    gates = [Gate(quantity=VACANCY, at_least=0.0)]
    passed = funnel([POOR, FAIR, GOOD], gates)
    rows = table([POOR, FAIR, GOOD], passed, rank([FAIR, GOOD], WEIGHTS))
    assert [c.name for c, _ in rows] == ["W", "Ti", "Mg"]
    assert rows[-1][1]["fell_at"] == gates[0].words
    carried = rows[0][1]["reasons"]
    assert isinstance(carried, tuple)
    assert carried[0].startswith("carried by oxygen-vacancy formation energy 1 (0.9 … 1.1) eV")


def test_an_estimate_lies_in_its_interval() -> None:
    with pytest.raises(ValidationError):
        Estimate(value=2.0, low=0.0, high=1.0)
    with pytest.raises(ValidationError):
        Estimate(value=2.0, low=0.0)


def test_what_spreads_over_decades_is_compared_by_ratios() -> None:
    sigma = "lithium_conductivity_s_cm"
    named = {"a": 1e-6, "b": 1e-5, "c": 1e-4, "d": 1e-2}
    ranking = rank([Candidate(name=n, figures={sigma: Estimate(value=v)}) for n, v in named.items()], {sigma: 1.0})
    scores = {p.name: p.score for p in ranking.places}
    assert scores["b"] - scores["a"] == pytest.approx(scores["c"] - scores["b"])
    assert scores["d"] - scores["c"] == pytest.approx(2 * (scores["c"] - scores["b"]))
    with pytest.raises(InputError, match="more than 0"):
        rank([Candidate(name="e", figures={sigma: Estimate(value=0.0)})], {sigma: 1.0})


def test_a_direction_that_depends_on_the_use_is_given_or_asked_for() -> None:
    two = [Candidate(name=n, figures={"homo_energy_ev": Estimate(value=v)}) for n, v in {"a": -8.0, "b": -7.0}.items()]
    assert rank(two, {"homo_energy_ev": 1.0}, better={"homo_energy_ev": "higher"}).order == ["b", "a"]
    assert rank(two, {"homo_energy_ev": 1.0}, better={"homo_energy_ev": "lower"}).order == ["a", "b"]
    with pytest.raises(InputError, match="neither more nor less"):
        rank(two, {"homo_energy_ev": 1.0})


def test_an_interval_that_ends_at_the_value_is_drawn_to_its_open_side_only() -> None:
    """No mixture gains less than nothing: what is inert for sure stays before what is inert by its best estimate."""
    key = "cathode_contact_energy_mev_atom"
    candidates = [
        Candidate(name="perhaps", figures={key: Estimate(value=0.0, low=-30.0, high=0.0)}),
        Candidate(name="surely", figures={key: Estimate(value=0.0, low=0.0, high=0.0)}),
        Candidate(name="reactive", figures={key: Estimate(value=-80.0, low=-100.0, high=-60.0)}),
    ]
    places = {p.name: p for p in rank(candidates, {key: 1}).places}
    assert places["surely"].first_share == 1.0
    assert places["surely"].rank_high == 1
    # half of the draws of the other stay at 0, where it is first too
    assert places["perhaps"].first_share == pytest.approx(0.5, abs=0.03)
    assert places["perhaps"].score_high == 0.0


def test_a_candidate_that_fails_by_less_than_its_error_bar_is_said_to() -> None:
    key = "electrolyte_contact_energy_mev_atom"
    gate = Gate(quantity=key, at_least=-100)
    near, far = (
        Candidate(name=name, figures={key: Estimate(value=value, low=value - 30, high=value + 30)})
        for name, value in (("near", -101.0), ("far", -200.0))
    )
    passed = funnel([near, far], [gate])
    assert passed.survivors == ()
    assert reasons(near, passed, None)[0].endswith("by less than its error bar")
    assert not reasons(far, passed, None)[0].endswith("by less than its error bar")


# --- what cannot be told from a limit, and spreads that are all error ---


def _strained(name: str, value: float, half: float) -> Candidate:
    return Candidate(name=name, figures={STRAIN: Estimate(value=value, low=value - half, high=value + half)})


def test_a_gate_that_lets_the_unsure_pass_takes_what_its_limit_cannot_be_told_from() -> None:
    near, far, inside = _strained("near", 5.5, 1.0), _strained("far", 8.0, 1.0), _strained("inside", 4.0, 2.0)
    strict, soft = Gate(quantity=STRAIN, at_most=5), Gate(quantity=STRAIN, at_most=5, unsure_passes=True)
    assert funnel([near, far, inside], [strict]).survivors == ("inside",)
    passed = funnel([near, far, inside], [soft])
    assert passed.survivors == ("near", "inside")
    assert passed.stages[0].unsure == ("near",)  # the value of the third is on the right side
    assert reasons(near, passed, None)[0].startswith("went on unsure: ")
    assert reasons(inside, passed, None) == ()
    with pytest.raises(ValueError, match="cannot be sure"):
        Gate(quantity=STRAIN, at_most=5, sure=True, unsure_passes=True)


def test_a_figure_without_an_interval_is_never_unsure() -> None:
    bare = Candidate(name="bare", figures={STRAIN: Estimate(value=5.5)})
    assert funnel([bare], [Gate(quantity=STRAIN, at_most=5, unsure_passes=True)]).survivors == ()


def test_a_spread_is_no_smaller_than_the_errors() -> None:
    """Most are alike within their errors: one that differs by half an error is not many spreads worse."""
    alike = [_strained(f"c{i}", 1.0 + 0.001 * i, 1.0) for i in range(9)]
    ranking = rank([*alike, _strained("other", 1.5, 1.0)], {STRAIN: 1.0}, reference={STRAIN: 1.0})
    error = 1.0 / 1.6448536269514722  # of a 90 % interval of ± 1
    assert ranking.scales[STRAIN] == pytest.approx(error, rel=1e-6)
    assert ranking.places[-1].score == pytest.approx(-0.5 / error, rel=1e-6)


def test_one_cause_of_many_missing_figures_is_told_once() -> None:
    keys = (STRAIN, "energy_above_hull_mev_atom")
    lost = Candidate(name="Xx", missing=dict.fromkeys(keys, "unknown element Xx"))
    found = Candidate(name="good", figures={key: Estimate(value=1.0, low=0.9, high=1.1) for key in keys})
    passed = funnel([lost, found], [])
    said = reasons(lost, passed, rank([lost, found], dict.fromkeys(keys, 1.0)))
    assert len(said) == 1
    assert said[0].count("unknown element Xx") == 1
    assert "are missing" in said[0]


def test_the_front_is_said_only_where_it_sets_apart() -> None:
    words = "no other candidate beats it in every quantity"
    ordered = [GOOD, FAIR, POOR]  # the first has all that is better: it alone is on the front
    ranking = rank(ordered, WEIGHTS)
    assert any(words in reason for reason in reasons(GOOD, funnel(ordered, []), ranking))
    apart = [made("a", 1.0, 4.0), made("b", 0.5, 3.0), made("c", 0.0, 2.0)]
    ranking = rank(apart, WEIGHTS)
    assert all(place.on_front for place in ranking.places)
    assert not any(words in reason for each in apart for reason in reasons(each, funnel(apart, []), ranking))

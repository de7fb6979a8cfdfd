"""Statistics of two groups: published numbers, oracles and what must hold."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from lirich.errors import InputError, NotEnoughDataError
from lirich.workbench.comparison.statistics import (
    bias_correction,
    hedges_g,
    holm,
    max_t,
    mean_estimate,
    permutation_test,
    scaled,
    separation,
    smallest_p,
    splits,
    welch_difference,
)

GROUPS = st.lists(
    st.floats(min_value=-1e6, max_value=1e6, allow_nan=False).map(lambda x: round(x, 3)), min_size=2, max_size=5
)


def with_mean_and_sd(n: int, mean: float, sd: float) -> np.ndarray:
    x = np.random.default_rng(n).normal(size=n)
    return mean + sd * (x - x.mean()) / x.std(ddof=1)


def test_hedges_g_of_borenstein_et_al():
    """Borenstein, Hedges, Higgins & Rothstein, Introduction to Meta-Analysis (2009), chapter 4: g = 0.5924."""
    g = hedges_g(with_mean_and_sd(50, 103, 5.5), with_mean_and_sd(50, 100, 4.5))
    assert g is not None
    assert g.value == pytest.approx(0.5924, abs=1e-4)


def test_bias_correction_is_close_to_hedges_approximation():
    for freedom in (4, 10, 98):
        assert bias_correction(freedom) == pytest.approx(1 - 3 / (4 * freedom - 1), rel=0.01)


@pytest.mark.parametrize(("n", "m", "shift"), [(2, 2, 5.0), (3, 3, 0.0), (3, 4, -2.0), (5, 6, 9.0), (4, 4, 60.0)])
def test_interval_of_g_inverts_the_noncentral_t(n, m, shift):
    rng = np.random.default_rng(n + m)
    a, b = rng.normal(shift, 1, n), rng.normal(0, 1, m)
    g = hedges_g(a, b)
    assert g is not None
    assert g.interval is not None
    freedom, per_t = n + m - 2, math.sqrt(1 / n + 1 / m)
    t = stats.ttest_ind(a, b).statistic
    for end, chance in ((g.interval.low, 0.975), (g.interval.high, 0.025)):
        # where scipy's own noncentral t is accurate enough to tell
        assert stats.nct.cdf(t, freedom, end / per_t) == pytest.approx(chance, abs=1e-6)


def test_interval_of_g_covers_the_truth():
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        g = hedges_g(rng.normal(1.5, 1, 3), rng.normal(0, 1, 4))
        assert g is not None
        assert g.interval is not None
        covered += g.interval.low <= 1.5 <= g.interval.high
    assert covered / 400 == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 400))


def test_g_is_unbiased_where_cohens_d_is_not():
    rng = np.random.default_rng(7)
    found = [hedges_g(rng.normal(1, 1, 3), rng.normal(0, 1, 3)) for _ in range(1500)]
    values = np.array([g.value for g in found if g is not None])
    error = values.std() / math.sqrt(len(values))
    assert values.mean() == pytest.approx(1.0, abs=3 * error)
    assert values.mean() / bias_correction(4) > 1 + 3 * error


def test_g_needs_scatter_and_two_cells():
    assert hedges_g([1.0], [2.0, 3.0]) is None
    assert hedges_g([1.0, 1.0], [2.0, 2.0]) is None


def test_welch_interval_agrees_with_scipy():
    rng = np.random.default_rng(1)
    for n, m in ((2, 3), (3, 3), (4, 9)):
        a, b = rng.normal(5, 3, n), rng.normal(0, 0.5, m)
        mine = welch_difference(a, b, level=0.9)
        oracle = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
        assert mine.interval is not None
        assert (mine.interval.low, mine.interval.high) == pytest.approx((oracle.low, oracle.high))
        assert mine.value == pytest.approx(a.mean() - b.mean())


def test_t_interval_agrees_with_scipy():
    x = np.array([83.1, 83.9, 82.4])
    mine = mean_estimate(x)
    low, high = stats.t.interval(0.95, 2, loc=x.mean(), scale=stats.sem(x))
    assert mine.interval is not None
    assert (mine.interval.low, mine.interval.high) == pytest.approx((low, high))


def test_one_cell_gives_a_mean_and_nothing_else():
    alone = mean_estimate([3.0])
    assert (alone.n, alone.mean, alone.sd, alone.interval) == (1, 3.0, None, None)
    assert welch_difference([3.0], [1.0, 2.0]).interval is None
    with pytest.raises(NotEnoughDataError):
        permutation_test([3.0], [1.0, 2.0])


@pytest.mark.parametrize("bad", [[], [math.nan, 1.0], [math.inf]])
def test_unusable_values_are_refused(bad):
    with pytest.raises((InputError, NotEnoughDataError)):
        mean_estimate(bad)


@pytest.mark.parametrize(("n", "m"), [(3, 3), (3, 5), (4, 4), (2, 6)])
def test_exact_test_agrees_with_scipy(n, m):
    rng = np.random.default_rng(n * m)
    a, b = rng.normal(1, 1, n), rng.normal(0, 2, m)

    def statistic(x, y, axis):
        return stats.ttest_ind(x, y, equal_var=False, axis=axis).pvalue

    oracle = stats.permutation_test((a, b), statistic, alternative="less", vectorized=True, n_resamples=np.inf)
    mine = permutation_test(a, b)
    assert mine.method == "exact"
    assert mine.splits == math.comb(n + m, n)
    assert mine.p == pytest.approx(oracle.pvalue, abs=1e-12)


def test_monte_carlo_agrees_with_the_exact_test_and_is_never_zero():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.8, 1, 6), rng.normal(0, 1, 6)
    exact, sampled = permutation_test(a, b), permutation_test(a, b, max_exact=10, seed=5)
    assert sampled.method == "Monte-Carlo"
    assert sampled.p == pytest.approx(exact.p, abs=4 * sampled.standard_error)
    assert permutation_test(a, b, max_exact=10, seed=5) == sampled
    far = permutation_test(a + 1e3, b, max_exact=10, resamples=99)
    assert far.p >= 1 / 100
    assert far.smallest_p == 1 / 100


def test_three_against_three_cannot_be_significant():
    assert smallest_p(3, 3) == pytest.approx(0.1)
    assert permutation_test([10.0, 10.1, 10.2], [1.0, 1.1, 1.2]).p == pytest.approx(0.1)
    assert smallest_p(4, 4) == pytest.approx(2 / 70)
    assert smallest_p(3, 4) == pytest.approx(1 / 35)


def test_cells_that_are_all_the_same_differ_in_nothing():
    assert permutation_test([2.0, 2.0, 2.0], [2.0, 2.0]).p == 1.0


@given(GROUPS, GROUPS)
@settings(max_examples=60, deadline=None)
@example([0.0, 0.0, 235625.0, 7.125, 188856.531], [188861.5, 0.0, 235626.0, 1.125, 0.0])  # means alike to 7 digits
def test_p_is_a_probability_and_does_not_depend_on_unit_or_order(a, b):
    found = permutation_test(a, b)
    assert found.smallest_p - 1e-12 <= found.p <= 1
    assert permutation_test(b, a).p == pytest.approx(found.p)
    assert permutation_test([4 * x for x in a], [4 * x for x in b]).p == pytest.approx(found.p)


@given(GROUPS, GROUPS)
@settings(max_examples=40, deadline=None)
def test_swapping_the_groups_turns_signs(a, b):
    one, other = hedges_g(a, b), hedges_g(b, a)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.value == pytest.approx(-other.value)
        assert one.interval is not None
        assert other.interval is not None
        assert one.interval.low == pytest.approx(-other.interval.high, abs=1e-6, rel=1e-6)
    assert welch_difference(a, b).value == pytest.approx(-welch_difference(b, a).value)


def test_holm_of_a_known_example():
    """The example of the Holm–Bonferroni article of Wikipedia: 0.01, 0.04, 0.03, 0.005."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    with pytest.raises(InputError):
        holm([1.5])


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=12))
def test_holm_lies_between_raw_and_bonferroni(p):
    for raw, corrected in zip(p, holm(p), strict=True):
        assert raw <= corrected <= min(1.0, len(p) * raw) + 1e-15


def test_max_t_by_brute_force():
    rng = np.random.default_rng(11)
    table = rng.normal(size=(3, 7))
    table[1, :3] += 4
    statistics = []
    for chosen in combinations(range(7), 3):
        rest = [i for i in range(7) if i not in chosen]
        p = [stats.ttest_ind(row[list(chosen)], row[rest], equal_var=False).pvalue for row in table]
        statistics.append(-np.log(p))
    t = np.array(statistics)
    order = np.argsort(-t[0])
    expected = np.empty(3)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, float(np.mean(t[:, order[rank:]].max(axis=1) >= t[0, i] - 1e-9)))
        expected[i] = highest
    corrected, smallest = max_t(table, 3)
    assert corrected == pytest.approx(expected)
    assert smallest == pytest.approx([1 / 35] * 3)


def test_max_t_of_one_quantity_is_the_plain_test():
    row = np.random.default_rng(2).normal(size=8)
    assert max_t(row[None, :], 4)[0][0] == pytest.approx(permutation_test(row[:4], row[4:]).p)


def test_max_t_does_not_pay_twice_for_the_same_quantity():
    """Twenty copies of one separated quantity: p stays 2/70, where Holm gives 20·2/70 = 0.57."""
    row = np.array([5.0, 5.1, 5.2, 5.3, 1.0, 1.1, 1.2, 1.3])
    table = np.vstack([row * (i + 1) for i in range(20)])
    assert max_t(table, 4)[0] == pytest.approx([2 / 70] * 20)
    assert min(holm([permutation_test(r[:4], r[4:]).p for r in table])) == pytest.approx(20 * 2 / 70)


def test_missing_values_make_blocks_on_common_cells():
    """Two quantities of 4 + 4 cells, one of two cells more: one block of 4 + 4. Another of 2 + 4 cells: two blocks."""
    rng = np.random.default_rng(5)
    table = rng.normal(size=(3, 10))
    table[:2, 4:6] = np.nan
    assert max_t(table, 6)[1] == pytest.approx([2 / 70] * 3)
    common = np.delete(table, [4, 5], axis=1)
    assert max_t(table, 6)[0] == pytest.approx(max_t(common, 4)[0])
    table[2, :4] = np.nan
    assert max_t(table, 6)[1] == pytest.approx([2 * 2 / 70, 2 * 2 / 70, 2 * 1 / 15])


def test_a_quantity_of_too_few_cells_is_not_tested():
    table = np.array([[1.0, np.nan, 2.0, 3.0]])
    assert max_t(table, 2)[0] == [1.0]


def test_rounding_is_no_difference():
    """Rate capabilities of 100 % by definition, computed in floating point."""
    assert permutation_test([100.0, 100.0, 99.99999999999999], [100.0, 100.0, 100.0]).p == 1.0


def test_separation_is_welchs_p():
    rng = np.random.default_rng(6)
    x = scaled(rng.normal(size=7))
    first, _ = splits(3, 7)
    oracle = [-math.log(stats.ttest_ind(x[f], x[~f], equal_var=False).pvalue) for f in first]
    assert separation(x, first) == pytest.approx(oracle)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "m", "sd_a", "sd_b", "limit"),
    [(4, 4, 1, 1, 0.05), (5, 5, 1, 3, 0.08), (3, 8, 1, 1, 0.05), (3, 8, 3, 1, 0.08)],
)
def test_type_one_error_of_one_test(n, m, sd_a, sd_b, limit):
    """Nominal under exchangeability; near it for equal means of unlike variance, where equal numbers protect."""
    rng = np.random.default_rng(8)
    runs = 1500
    false = sum(permutation_test(rng.normal(0, sd_a, n), rng.normal(0, sd_b, m)).p <= 0.05 for _ in range(runs))
    assert false / runs <= limit + 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.slow
def test_studentising_protects_where_the_smaller_group_scatters_more():
    """3 cells with three times the scatter of 8: plain differences do far worse (doi:10.1214/13-AOS1090)."""
    rng = np.random.default_rng(9)
    first, _ = splits(3, 11)
    runs, mine, plain = 800, 0, 0
    for _ in range(runs):
        x = np.concatenate([rng.normal(0, 3, 3), rng.normal(0, 1, 8)])
        mine += permutation_test(x[:3], x[3:]).p <= 0.05
        means = np.abs((first @ x) / 3 - (~first @ x) / 8)
        plain += float(np.mean(means >= means[0] - 1e-12)) <= 0.05
    assert mine < 0.75 * plain


@pytest.mark.slow
def test_family_wise_error_of_max_t_is_nominal_and_holm_is_blind():
    """4 against 4 cells, 30 correlated quantities without any difference."""
    rng = np.random.default_rng(10)
    runs, by_max_t = 600, 0
    for _ in range(runs):
        table = rng.normal(size=(30, 8)) + rng.normal(size=(1, 8))
        by_max_t += max_t(table, 4)[0].min() <= 0.05
    attainable = 2 / 70  # the only p below 5 % of 35 pairs of splits
    assert by_max_t / runs == pytest.approx(attainable, abs=3 * math.sqrt(attainable / runs))
    assert min(holm([smallest_p(4, 4)] * 30)) > 0.05


@pytest.mark.slow
def test_family_wise_error_stays_nominal_with_missing_values():
    """6 against 4 cells, most quantities known of 6 + 2: permuting over gaps would give 11 % false alarms."""
    rng = np.random.default_rng(14)
    runs, alarms = 600, 0
    for _ in range(runs):
        table = rng.normal(size=(7, 10))
        table[1:, 8:] = np.nan
        alarms += max_t(table, 6)[0].min() <= 0.05
    assert alarms / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_quantities_that_lack_other_cells_are_paid_for_by_bonferroni():
    """Two blocks of one quantity each: twice the p of the quantity alone."""
    table = np.array([[1.0, 1.2, 0.9, 1.1, 1.6, 1.9, 1.7, 2.0], [3.1, np.nan, 3.0, 3.4, 3.3, 3.6, 3.5, 3.9]])
    corrected, smallest = max_t(table, 4)
    for row, p, least in zip(table, corrected, smallest, strict=True):
        a, b = row[:4][np.isfinite(row[:4])], row[4:]
        assert p == pytest.approx(min(1.0, 2 * permutation_test(a, b).p))
        assert least == pytest.approx(2 * smallest_p(len(a), len(b)))
    both, _ = max_t(table[:, [0, 2, 3, 4, 5, 6, 7]], 3)  # one block: nothing to pay for twice
    assert both[1] == pytest.approx(permutation_test(table[1, [0, 2, 3]], table[1, 4:]).p, abs=0.06)
    assert both[1] < corrected[1]

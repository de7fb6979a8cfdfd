"""Small-sample statistics of two groups of cells: intervals, effect size, permutation test, correction.

Everything here takes plain arrays of one number per cell and says what it cannot do: nothing is computed from
one cell, and the smallest p that a permutation test can reach at the given numbers of cells is always stated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Interval

Array = NDArray[np.float64]

MAX_EXACT = 20_000
"""Up to so many splits of the cells into two groups all of them are gone through; beyond, a sample of them."""

RESAMPLES = 19_999
"""Random splits of a Monte-Carlo permutation test: p is resolved to 1/20,000."""

_NODES = 400  # of the quadrature in the interval of g: agrees with scipy's noncentral t to 1e-9 in probability

_TIE = 1e-9  # splits whose statistic agrees to rounding are ties, or p would depend on the order of addition
_NOTHING = 1e-12  # so too where groups are alike and the statistic is nearly 0: sums of numbers up to 1 round at 1e-16


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """Mean of n cells, sample standard deviation (n ≥ 2, else ``None``) and interval of the mean."""

    n: int
    mean: float
    sd: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference of two groups with its interval; ``None`` where the data cannot give it."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class PermutationResult:
    """Two-sided permutation test of two groups.

    ``method`` is ``exact`` or ``Monte-Carlo``; ``splits`` the splits gone through (the observed one counted);
    ``smallest_p`` the smallest p that the test could have given at these numbers of cells; ``standard_error``
    the Monte-Carlo error of p (0 where exact).
    """

    p: float
    method: str
    splits: int
    smallest_p: float
    standard_error: float


def mean_estimate(values: ArrayLike, *, level: float = 0.95) -> MeanEstimate:
    """Return mean, standard deviation (n − 1) and Student's t interval of *values*, shape (n,).

    Source of the interval: Student, Biometrika 6 (1908) 1, doi:10.1093/biomet/6.1.1. No interval for n = 1.
    Raises `NotEnoughDataError` on an empty list and `InputError` on NaN or infinity.
    """
    x = _checked(values)
    mean = float(x.mean())
    if x.size < 2:
        return MeanEstimate(int(x.size), mean, None, None)
    sd = float(x.std(ddof=1))
    half = _t_quantile(x.size - 1, level) * sd / math.sqrt(x.size)
    return MeanEstimate(int(x.size), mean, sd, Interval(low=mean - half, high=mean + half, level=level, method="t"))


def welch_difference(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Effect:
    """Return mean(a) − mean(b) with Welch's interval; the groups may have unlike variances.

    *a*, shape (n,), *b*, shape (m,). Source: Welch, Biometrika 34 (1947) 28, doi:10.1093/biomet/34.1-2.28.
    No interval where a group has fewer than two cells. Raises as `mean_estimate`.
    """
    x, y = _checked(a), _checked(b)
    difference = float(x.mean() - y.mean())
    if min(x.size, y.size) < 2:
        return Effect(difference, None)
    u, v = float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size
    if u + v == 0:
        half = 0.0
    else:
        # the weights, not the variances, are squared: the variances of tiny numbers would underflow
        share = u / (u + v)
        freedom = 1.0 / (share**2 / (x.size - 1) + (1 - share) ** 2 / (y.size - 1))
        half = _t_quantile(freedom, level) * math.sqrt(u + v)
    return Effect(difference, Interval(low=difference - half, high=difference + half, level=level, method="Welch t"))


def hedges_g(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Effect | None:
    """Return Hedges' g = J(ν)·(mean(a) − mean(b))/s_pooled with the interval of the standardised difference.

    J(ν) = Γ(ν/2)/(√(ν/2)·Γ((ν−1)/2)), ν = n + m − 2, takes the small-sample bias out exactly: Hedges, J. Educ.
    Stat. 6 (1981) 107, doi:10.3102/10769986006002107. The interval is that of the population difference, by
    inversion of the noncentral t: Cumming & Finch, Educ. Psychol. Meas. 61 (2001) 532,
    doi:10.1177/0013164401614002. Both take the two variances to be one; `welch_difference` does not.

    ``None`` where a group has fewer than two cells or no cell differs from another of its group.
    """
    x, y = _checked(a), _checked(b)
    if min(x.size, y.size) < 2:
        return None
    freedom = x.size + y.size - 2
    pooled = math.sqrt(((x.size - 1) * float(x.var(ddof=1)) + (y.size - 1) * float(y.var(ddof=1))) / freedom)
    difference = float(x.mean() - y.mean())
    scale = max(float(np.abs(x).max()), float(np.abs(y).max()))
    if pooled <= 1e-12 * scale or pooled == 0:  # equal up to rounding
        return None
    d = difference / pooled
    per_t = math.sqrt(1 / x.size + 1 / y.size)
    low, high = (noncentrality * per_t for noncentrality in _noncentrality_interval(d / per_t, freedom, level))
    return Effect(bias_correction(freedom) * d, Interval(low=low, high=high, level=level, method="noncentral t"))


def bias_correction(freedom: float) -> float:
    """Return Hedges' exact J(ν) for ν degrees of freedom (ν > 1): doi:10.3102/10769986006002107, eq. 6e."""
    return math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)


def permutation_test(
    a: ArrayLike,
    b: ArrayLike,
    *,
    seed: int = 0,
    max_exact: int = MAX_EXACT,
    resamples: int = RESAMPLES,
) -> PermutationResult:
    """Test whether the cells' labels matter: two-sided permutation test of the p of Welch's t test.

    That p is the statistic, judged by the splits alone: under exchangeable labels the test is exact, and it stays
    asymptotically valid for equal means with unlike variances, where a permutation of the plain mean difference does
    not (Janssen, Stat. Probab. Lett. 36 (1997) 9, doi:10.1016/S0167-7152(97)00043-6; Chung & Romano, Ann. Stat. 41
    (2013) 484, doi:10.1214/13-AOS1090; they permute t, whose p also takes Welch's degrees of freedom into account). All
    splits are gone through where there are at most *max_exact*; otherwise *resamples* random ones with
    p = (b + 1)/(m + 1), never 0 (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39,
    doi:10.2202/1544-6115.1585).

    *a*, shape (n,), *b*, shape (m,). Raises `NotEnoughDataError` where a group has fewer than two cells.
    """
    x, y = _checked(a), _checked(b)
    if min(x.size, y.size) < 2:
        raise NotEnoughDataError(
            f"A permutation test of {x.size} against {y.size} cells", expected="at least 2 cells in each group"
        )
    first, exact = splits(x.size, x.size + y.size, seed=seed, max_exact=max_exact, resamples=resamples)
    statistic = separation(scaled(np.concatenate([x, y])), first)
    p = float(np.mean(at_least(statistic, statistic[0])))  # the observed split is one of them: p is never 0
    error = 0.0 if exact else math.sqrt(p * (1 - p) / len(first))
    smallest = smallest_p(x.size, y.size, max_exact=max_exact, resamples=resamples)
    return PermutationResult(p, "exact" if exact else "Monte-Carlo", len(first), smallest, error)


def smallest_p(n: int, m: int, *, max_exact: int = MAX_EXACT, resamples: int = RESAMPLES) -> float:
    """Return the smallest p that `permutation_test` can give for *n* against *m* cells: 0.1 for 3 against 3.

    With equal numbers a split and its mirror are equally extreme, so two of the C(n+m, n) splits count.
    """
    total = math.comb(n + m, n)
    if total <= max_exact:
        return (2 if n == m else 1) / total
    return 1 / (resamples + 1)


def holm(p: Sequence[float]) -> list[float]:
    """Return Holm's step-down corrected p values, in the order given.

    They bound the chance of any false alarm in the whole family, whatever the dependence: Holm, Scand. J. Stat.
    6 (1979) 65, https://www.jstor.org/stable/4615733. Raises `InputError` on a p outside [0, 1].
    """
    if any(not 0 <= value <= 1 for value in p):
        raise InputError("A p value is outside 0 … 1", expected="probabilities")
    corrected = [0.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = highest
    return corrected


def max_t(table: Array, n: int, *, seed: int = 0) -> tuple[Array, Array]:
    """Return step-down max-T corrected p of many quantities of the same cells, and the smallest it could give.

    *table*, shape (quantities, cells), NaN where a cell has no value; the first *n* cells are the first group. Both
    results have shape (quantities,). The cells keep their quantities together when they are permuted, so that
    quantities which say the same are not paid for twice: with few cells Holm's correction cannot reach 5 % over many
    quantities, this can. Source: Westfall & Young, *Resampling-Based Multiple Testing*, Wiley 1993; Ge, Dudoit &
    Speed, Test 12 (2003) 1, doi:10.1007/BF02595811 (box 2). The statistic is that of `permutation_test`.

    A permutation of cells with missing values would set groups of other sizes against the observed ones. The
    quantities are therefore taken in blocks on the cells that they have in common, with Bonferroni over blocks.
    """
    corrected, smallest = np.ones(len(table)), np.ones(len(table))
    known = np.isfinite(table)
    blocks = _blocks(known)
    for rows, cells in blocks:
        size = int(cells[:n].sum())
        if min(size, int(cells.sum()) - size) < 2:
            continue  # too few cells to test: p stays 1
        first, _ = splits(size, int(cells.sum()), seed=seed)
        statistics = np.array([separation(scaled(table[row, cells]), first) for row in rows])
        corrected[rows] = np.minimum(1.0, len(blocks) * _step_down(statistics))
        smallest[rows] = min(1.0, len(blocks) * smallest_p(size, int(cells.sum()) - size))
    return corrected, smallest


def _blocks(known: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Sort rows into blocks: the most frequent set of known cells, all rows that know these, and so on."""
    found = []
    left = np.arange(len(known))
    while left.size:
        patterns, counts = np.unique(known[left], axis=0, return_counts=True)
        cells = patterns[max(range(len(patterns)), key=lambda i: (counts[i], patterns[i].sum()))]
        inside = known[left][:, cells].all(axis=1)
        found.append((left[inside], cells))
        left = left[~inside]
    return found


def _step_down(statistics: Array) -> Array:
    """Return the corrected p of each row of *statistics*, shape (rows, splits), the observed split first."""
    order = np.argsort(-statistics[:, 0], kind="stable")
    running = np.zeros(statistics.shape[1])
    corrected = np.empty(len(statistics))
    for index in order[::-1]:  # the maximum over this quantity and all that are less extreme
        running = np.maximum(running, statistics[index])
        corrected[index] = float(np.mean(at_least(running, statistics[index, 0])))
    corrected[order] = np.maximum.accumulate(corrected[order])
    return corrected


def separation(values: Array, first: NDArray[np.bool_]) -> Array:
    """Return −ln p of Welch's t test for each split of *values*, shape (cells,), by *first*, shape (splits, cells).

    *first* marks the cells of the first group, at least two and not all but one. *values* should be of order 1
    (`scaled`). Infinity where the groups differ and have no scatter.
    """
    from scipy.special import stdtr

    n = first.sum(axis=1)
    m = first.shape[1] - n
    mean_a = (first @ values) / n
    mean_b = (~first @ values) / m
    # deviations from each split's own means: sums of squares alone would cancel where groups are far apart
    squares = (values[None, :] - np.where(first, mean_a[:, None], mean_b[:, None])) ** 2
    u = np.where(first, squares, 0.0).sum(axis=1) / ((n - 1) * n)
    v = np.where(first, 0.0, squares).sum(axis=1) / ((m - 1) * m)
    difference = np.abs(mean_a - mean_b)
    # of values of order 1, this is rounding, not scatter or difference
    error = np.where(u + v < 1e-28, 0.0, u + v)
    difference = np.where(difference < 1e-13, 0.0, difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = difference / np.sqrt(error)
        share = u / (u + v)
        freedom = 1.0 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))
        surprise = -np.log(2 * stdtr(freedom, -t))
    # beyond the reach of stdtr the logarithm is infinite: all that is beyond counts as one tie
    surprise = np.where(np.isnan(surprise), np.inf, surprise)
    return np.asarray(np.where(difference > 0, surprise, 0.0))


def scaled(values: Array) -> Array:
    """Return *values* less their mean, divided by the largest deviation; zeros where they differ by rounding only."""
    centred = values - values.mean()
    spread = float(np.abs(centred).max())
    if spread <= 1e-12 * float(np.abs(values).max()):
        return np.zeros_like(centred)
    return np.asarray(centred / spread)


def splits(
    n: int, total: int, *, seed: int = 0, max_exact: int = MAX_EXACT, resamples: int = RESAMPLES
) -> tuple[NDArray[np.bool_], bool]:
    """Return splits of *total* cells into a group of *n* and the rest, shape (splits, total), and whether all.

    The first is that of the first *n* cells: the observed one. All where there are at most *max_exact*, else that
    one and *resamples* random ones.
    """
    count = math.comb(total, n)
    exact = count <= max_exact
    if exact:
        chosen = np.array(list(combinations(range(total), n)), dtype=np.intp).reshape(count, n)
    else:
        keys = np.random.default_rng(seed).random((resamples, total))
        chosen = np.vstack([np.arange(n), np.argpartition(keys, n - 1, axis=1)[:, :n]])
    first = np.zeros((len(chosen), total), dtype=bool)
    np.put_along_axis(first, chosen, True, axis=1)
    return first, exact


def at_least(statistic: Array, observed: ArrayLike) -> NDArray[np.bool_]:
    """Tell which of *statistic* reach *observed*, ties to rounding included; the two broadcast."""
    goal = np.asarray(observed, dtype=np.float64)
    return np.asarray(statistic >= np.where(np.isinf(goal), goal, goal * (1 - _TIE) - _NOTHING))


def _noncentrality_interval(t: float, freedom: float, level: float) -> tuple[float, float]:
    """Return the noncentralities that an observed *t* leaves in: P(T ≤ t | δ) = 1 − tail and = tail.

    P(T ≤ t | δ) = ∫₀¹ Φ(t·S(u) − δ) du with S(u) = √(χ²_ν(u)/ν): the definition of the noncentral t, integrated
    over the quantiles of its denominator (Gauss–Legendre), which stays exact where tabulated series give up.
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri, ndtr

    u, weight = _quadrature()
    scaled = t * np.sqrt(chdtri(freedom, 1 - u) / freedom)

    def solve(target: float) -> float:
        def miss(noncentrality: float) -> float:
            return float(weight @ ndtr(scaled - noncentrality)) - target

        return float(brentq(miss, float(scaled.min()) - 9.0, float(scaled.max()) + 9.0, xtol=1e-10))

    tail = (1 - level) / 2
    return solve(1 - tail), solve(tail)


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    # u = 3v² − 2v³ puts nodes where S(u) is steep, at the ends of 0 … 1
    v = (nodes + 1) / 2
    return v * v * (3 - 2 * v), weights * 3 * v * (1 - v)


def _t_quantile(freedom: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - (1 - level) / 2))


def _checked(values: ArrayLike) -> Array:
    x = np.asarray(values, dtype=np.float64).ravel()
    if x.size == 0:
        raise NotEnoughDataError("A group without a value", expected="at least one cell")
    if not np.isfinite(x).all():
        raise InputError("A value is not finite", expected="one finite number per cell")
    return x

"""Small-sample statistics of two groups of cells: intervals, effect size, permutation test, correction.

Everything here takes plain arrays of one number per cell and says what it cannot do: nothing is computed from
one cell, and the smallest p that a permutation test can reach at the given numbers of cells is always stated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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

_TIE = 1e-9  # splits whose statistic agrees to rounding are ties, or p would depend on the order of addition


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
    return Effect(
        difference, Interval(low=difference - half, high=difference + half, level=level, method="Welch t")
    )


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
    return Effect(
        bias_correction(freedom) * d, Interval(low=low, high=high, level=level, method="noncentral t")
    )


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
    """Test whether the cells' labels matter: two-sided permutation test of the studentised mean difference.

    The statistic is |Welch's t|: under exchangeable labels the test is exact, and it stays asymptotically valid
    for equal means with unlike variances, where a permutation of the plain mean difference does not (Janssen,
    Stat. Probab. Lett. 36 (1997) 9, doi:10.1016/S0167-7152(97)00043-6; Chung & Romano, Ann. Stat. 41 (2013)
    484, doi:10.1214/13-AOS1090). All splits are gone through where there are at most *max_exact*; otherwise
    *resamples* random ones with p = (b + 1)/(m + 1), never 0 (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9
    (2010) 39, doi:10.2202/1544-6115.1585).

    *a*, shape (n,), *b*, shape (m,). Raises `NotEnoughDataError` where a group has fewer than two cells.
    """
    x, y = _checked(a), _checked(b)
    if min(x.size, y.size) < 2:
        raise NotEnoughDataError(
            f"A permutation test of {x.size} against {y.size} cells", expected="at least 2 cells in each group"
        )
    pooled = np.concatenate([x, y])
    pooled = pooled - pooled.mean()
    spread = float(np.abs(pooled).max())
    pooled = pooled / spread if spread > 0 else pooled
    smallest = smallest_p(x.size, y.size, max_exact=max_exact, resamples=resamples)
    observed = float(_statistic(pooled, np.arange(x.size)[None, :])[0])
    total = math.comb(pooled.size, x.size)
    if total <= max_exact:
        chosen = np.array(list(combinations(range(pooled.size), x.size)), dtype=np.intp)
        extreme = int(np.count_nonzero(_at_least(_statistic(pooled, chosen), observed)))
        return PermutationResult(extreme / total, "exact", total, smallest, 0.0)
    extreme = 0
    rng = np.random.default_rng(seed)
    batch = max(1, 2_000_000 // pooled.size)  # bounds the memory
    for start in range(0, resamples, batch):
        keys = rng.random((min(batch, resamples - start), pooled.size))
        chosen = np.argpartition(keys, x.size - 1, axis=1)[:, : x.size]
        extreme += int(np.count_nonzero(_at_least(_statistic(pooled, chosen), observed)))
    p = (extreme + 1) / (resamples + 1)
    return PermutationResult(p, "Monte-Carlo", resamples + 1, smallest, math.sqrt(p * (1 - p) / resamples))


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


def _statistic(pooled: Array, chosen: NDArray[np.intp]) -> Array:
    """Return |Welch's t| of each split; *chosen*, shape (splits, n), indexes the first group."""
    n, m = chosen.shape[1], pooled.size - chosen.shape[1]
    first = pooled[chosen]
    sum_a, square_a = first.sum(axis=1), (first**2).sum(axis=1)
    sum_b, square_b = pooled.sum() - sum_a, (pooled**2).sum() - square_a
    within_a = np.maximum(square_a - sum_a**2 / n, 0.0)
    within_b = np.maximum(square_b - sum_b**2 / m, 0.0)
    squared_error = within_a / ((n - 1) * n) + within_b / ((m - 1) * m)
    difference = np.abs(sum_a / n - sum_b / m)
    # the values are scaled to 1: what is below this is rounding, not scatter or difference
    squared_error = np.where(squared_error < 1e-14, 0.0, squared_error)
    difference = np.where(difference < 1e-12, 0.0, difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = difference / np.sqrt(squared_error)
    return np.where(difference == 0, 0.0, t)


def _at_least(statistic: Array, observed: float) -> NDArray[np.bool_]:
    if math.isinf(observed):
        return np.isinf(statistic)
    return statistic >= observed * (1 - _TIE)


def _noncentrality_interval(t: float, freedom: float, level: float) -> tuple[float, float]:
    from scipy.optimize import brentq
    from scipy.special import nctdtr

    tail = (1 - level) / 2
    # nctdtr falls with the noncentrality; its normal approximation brackets the root
    reach = 10.0 + 10.0 * abs(t) * max(1.0, 3.0 / math.sqrt(freedom))

    def solve(target: float) -> float:
        def miss(noncentrality: float) -> float:
            # by symmetry P(T ≤ t | δ) = 1 − P(T ≤ −t | −δ): keep t ≥ 0, where nctdtr is accurate
            below = nctdtr(freedom, noncentrality, t) if t >= 0 else 1 - nctdtr(freedom, -noncentrality, -t)
            return float(below) - target

        return float(brentq(miss, t - reach, t + reach, xtol=1e-10))

    return solve(1 - tail), solve(tail)


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

"""Conformal prediction over cells: intervals and p values whose rates hold for a new cell like those before it.

Nothing is assumed of the distribution or of the model, only that the new cell is exchangeable with those of the
calibration: made and tested in the same way. A cohort with another scatter, another material or another programme is
not, and no rate holds for it. Sources: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005),
doi:10.1007/b106715; with several rows per cell (hierarchical conformal prediction): Lee, Barber & Willett,
doi:10.48550/arXiv.2306.06342.
"""

from __future__ import annotations

import math

import numpy as np

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.validation import Array, Integers


def check_level(level: float) -> float:
    """Return *level*. Raises `InputError` unless it lies between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise InputError(f"A level of {level}", expected="a number between 0 and 1")
    return level


def least_cells(level: float) -> int:
    """Return how many cells an interval of *level* needs: the smallest n with ⌈(n + 1)·level⌉ ≤ n.

    With fewer, the interval that holds its level is the whole axis. 9 cells for 90 %, 19 for 95 %.
    """
    return max(1, math.ceil(check_level(level) / (1.0 - level) - 1e-9))


def need_cells_for(level: float, cells: int) -> None:
    """Raise `NotEnoughDataError` where *cells* are too few for an interval of *level*; see `least_cells`."""
    least = least_cells(level)
    if cells < least:
        raise NotEnoughDataError(
            f"{cells} cell(s) for an interval of {100 * level:g} %",
            expected=f"at least {least}",
            advice="With fewer no interval holds that level; ask for a lower one, or test more cells",
        )


def conformal_quantile(scores: Array, level: float) -> float:
    """Return the ⌈(n + 1)·level⌉-th smallest of *scores*, (n,): a new one is below it with a probability ≥ *level*.

    Raises `NotEnoughDataError` where n is too small for that level.
    """
    need_cells_for(level, len(scores))
    rank = math.ceil((len(scores) + 1) * level - 1e-9)
    return float(np.partition(scores, rank - 1)[rank - 1])


def grouped_quantile(scores: Array, groups: Integers, level: float) -> float:
    """Return the quantile for one row of a new group: every group counts alike, however many rows it has.

    *scores* and *groups* (numbers from 0) have shape (n,). The *level* quantile of
    Σ_k Σ_i δ(s_ki)/((K + 1)·N_k) + δ(∞)/(K + 1), Lee, Barber & Willett. Raises `NotEnoughDataError` where the
    K groups are too few for that level.
    """
    sizes = np.bincount(groups)
    count = int((sizes > 0).sum())
    need_cells_for(level, count)
    order = np.argsort(scores)
    weights = np.cumsum(1.0 / sizes[groups[order]]) / (count + 1)
    at = int(np.searchsorted(weights, level - 1e-9))
    return float(scores[order][min(at, len(scores) - 1)])


def grouped_p_values(calibration: Array, groups: Integers, new: Array) -> Array:
    """Return the p value of each single row of *new*, (m,), where every group of the calibration counts alike.

    (1 + Σ_k #{s_ki ≥ new}/N_k)/(K + 1): the conformal p value of Bates, Candès, Lei, Romano & Sesia, Ann. Stat. 51
    (2023) 149, doi:10.1214/22-AOS2244, with the weights of `grouped_quantile`. It is ≤ α with a probability of at most
    α for a random row of a new group; the rows of one group are no independent tests.

    *calibration*, (n,): how strange each row of the calibration was, judged by a model that had not seen its group;
    *groups*: numbers from 0, (n,).
    """
    sizes = np.bincount(groups)
    count = int((sizes > 0).sum())
    order = np.argsort(calibration)
    upto = np.concatenate(([0.0], np.cumsum(1.0 / sizes[groups[order]])))
    above = upto[-1] - upto[np.searchsorted(calibration[order], new, side="left")]
    return np.asarray(np.minimum(1.0, (1.0 + above) / (count + 1.0)), dtype=np.float64)


def plus_interval(low: Array, high: Array, level: float) -> tuple[Array, Array]:
    """Return the CV+ (or jackknife+) interval of each new row.

    *low* and *high* have shape (n, m): of each of n training cells the prediction for the m new rows by the model that
    had not seen that cell, less and plus the residual of that cell. The bounds are the (n + 1)(1 − level)-th smallest
    of *low* and the (n + 1)·level-th smallest of *high*. A rank that is no whole number is read off the line between
    its neighbours, which brings the error of the coverage from 1/n to 1/n² (Beran & Hall, J. R. Stat. Soc. B 55 (1993)
    643): rounded up, 36 cells at 90 % would give 34/37 = 92 %. Guaranteed is 2·level − 1 (for CV+, and between ranks, a
    little less), and what is found in practice is close to *level*: Barber, Candès, Ramdas & Tibshirani, Ann. Stat. 49
    (2021) 486, doi:10.1214/20-AOS1965. Raises `NotEnoughDataError` where n is too small.
    """
    n = len(low)
    need_cells_for(level, n)
    return -_between_ranks(-low, (n + 1) * level), _between_ranks(high, (n + 1) * level)


def _between_ranks(values: Array, rank: float) -> Array:
    """Return the *rank*-th smallest of each column of *values*, (n, m), on the line between two whole ranks; (m,)."""
    whole = math.floor(rank + 1e-9)
    share = max(rank - whole, 0.0)
    above = min(whole + 1, len(values))
    ordered = np.partition(values, (whole - 1, above - 1), axis=0)
    return np.asarray((1.0 - share) * ordered[whole - 1] + share * ordered[above - 1], dtype=np.float64)

"""Validation on unseen cells, samples or papers: what belongs together is never split between training and test.

Cycles of one cell are no independent observations: a random split by rows tests a model on what it has seen. Here every
split is by group (a cell, a sample, a paper).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def group_numbers(groups: Sequence[object] | NDArray[np.generic]) -> tuple[tuple[str, ...], Integers]:
    """Return the names of the groups in the order of their first row, and of each row the number of its group, (n,)."""
    names: dict[str, int] = {}
    numbers = np.array([names.setdefault(str(g), len(names)) for g in groups], dtype=np.int64)
    return tuple(names), numbers


def group_folds(numbers: Integers, folds: int, seed: int = 0) -> Integers:
    """Return the fold of each row, (n,): groups are dealt out in random order, each whole into one fold.

    With as many folds as groups (or more asked for) every group is left out once. Raises `NotEnoughDataError` with
    fewer than two groups, `InputError` with fewer than two folds.
    """
    if folds < 2:
        raise InputError(f"{folds} fold(s)", expected="two or more")
    count = int(numbers.max()) + 1 if len(numbers) else 0
    if count < 2:
        raise NotEnoughDataError(
            f"{count} group(s) of rows", expected="two or more", advice="Nothing can be validated on unseen groups"
        )
    order = np.random.default_rng(seed).permutation(count)
    fold_of_group = np.empty(count, dtype=np.int64)
    fold_of_group[order] = np.arange(count) % min(folds, count)
    return np.asarray(fold_of_group[numbers], dtype=np.int64)


def splits(fold: Integers) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield of each fold its number, the rows to train on and the rows held out, masks of shape (n,)."""
    for k in range(int(fold.max()) + 1):
        held = fold == k
        yield k, ~held, held


def rmse(truth: Array, predicted: Array) -> float:
    """Return the root of the mean squared difference, in the unit of *truth*; both of shape (n,)."""
    return float(np.sqrt(np.mean((truth - predicted) ** 2)))


def r_squared(truth: Array, predicted: Array) -> float | None:
    """Return 1 − Σ(y − ŷ)²/Σ(y − ȳ)²: negative where *predicted* is worse than the mean; ``None`` of a constant."""
    spread = float(((truth - truth.mean()) ** 2).sum())
    if spread <= constant_below(truth) ** 2 * len(truth):
        return None
    return 1.0 - float(((truth - predicted) ** 2).sum()) / spread


def constant_below(values: Array) -> float:
    """Return the spread under which *values* are one number up to rounding."""
    return 1e-10 * float(np.abs(values).max(initial=0.0)) + 1e-300


def matrix_of(rows: object, name: str) -> Array:
    """Return *rows* as a float64 matrix, (n, p). Raises `InputError` on another shape or a number not finite."""
    array = np.asarray(rows, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"{name} of shape {array.shape}", expected="rows and columns: (n, p)")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise InputError(
            f"{bad} of {len(array)} rows of {name} have a number that is missing or infinite",
            expected="finite numbers",
            advice="Leave these rows out, or complete the curves first",
        )
    return array

"""Ridge regression with the penalty chosen on unseen groups: the linear model of factors and forecasts.

Hoerl & Kennard, Technometrics 12 (1970) 55, doi:10.1080/00401706.1970.10488634. Columns are centred and scaled to a
standard deviation of 1 first, so that the penalty means the same for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.validation import Array, Integers, group_folds, group_numbers, matrix_of, splits

PENALTIES = tuple(float(p) for p in np.geomspace(1e-6, 10.0, 15))
"""Penalties to choose from, per row: (XᵀX/n + λ·1)·w = Xᵀy/n with scaled columns. Seven decades, two to a decade."""

_FOLDS = 5  # enough to choose a penalty; the error of the model is measured outside, by whole groups


class Ridge:
    """Linear regression with a quadratic penalty.

    Parameters
    ----------
    penalties:
        To choose from, by the squared error on groups that were left out.
    seed:
        Of the deal of groups into folds.

    Attributes
    ----------
    coefficients_, intercept_:
        In the units of the columns, shape (p,) and a number.
    standardised_:
        Coefficients per standard deviation of each column, (p,), in the unit of y.
    penalty_:
        The chosen penalty.
    """

    def __init__(self, penalties: Sequence[float] = PENALTIES, *, seed: int = 0) -> None:
        self.penalties = penalties
        self.seed = seed

    def fit(self, X: Array, y: Array, groups: Sequence[object] | Integers | None = None) -> Self:
        """Fit to *X*, (n, p), and *y*, (n,); rows of one of *groups* are never split when the penalty is chosen.

        Raises `InputError` on shapes or numbers that are not finite, `NotEnoughDataError` with fewer than 3 rows.
        """
        X = matrix_of(X, "the inputs")
        y = np.asarray(y, dtype=np.float64)
        if y.shape != (len(X),) or not np.isfinite(y).all():
            raise InputError(f"{len(X)} rows and targets of shape {y.shape}", expected="one finite target per row")
        if len(X) < 3:
            raise NotEnoughDataError(f"{len(X)} row(s) for a regression", expected="at least 3")
        numbers = group_numbers(np.arange(len(X)) if groups is None else groups)[1]
        self.penalty_ = self._chosen(X, y, numbers)
        self.centre_, self.scale_ = _centre_and_scale(X)
        Z = (X - self.centre_) / self.scale_
        values, vectors = np.linalg.eigh(Z.T @ Z / len(Z))
        self._directions = vectors
        self._damped = 1.0 / (np.maximum(values, 0.0) + self.penalty_)
        self.standardised_ = vectors @ (self._damped * (vectors.T @ (Z.T @ (y - y.mean()) / len(Z))))
        self.coefficients_ = self.standardised_ / self.scale_
        self.intercept_ = float(y.mean() - self.centre_ @ self.coefficients_)
        self.rows_ = len(X)
        return self

    def predict(self, X: Array) -> Array:
        """Return the prediction of each row, (n,). Raises `InputError` on another number of columns."""
        X = self._checked(X)
        return np.asarray(X @ self.coefficients_ + self.intercept_, dtype=np.float64)

    def leverage(self, X: Array) -> Array:
        """Return how far out each row lies, (n,): zᵀ(ZᵀZ + nλ)⁻¹z + 1/n, variance of the prediction per that of y."""
        Z = (self._checked(X) - self.centre_) / self.scale_
        return np.asarray(((Z @ self._directions) ** 2 @ self._damped + 1.0) / self.rows_, dtype=np.float64)

    def _checked(self, X: Array) -> Array:
        X = matrix_of(X, "the inputs")
        if X.shape[1] != len(self.coefficients_):
            raise InputError(f"{X.shape[1]} columns", expected=f"{len(self.coefficients_)}, as in the training")
        return X

    def _chosen(self, X: Array, y: Array, numbers: Integers) -> float:
        if len(self.penalties) == 1 or numbers.max() < 1:
            return float(max(self.penalties))  # one group: nothing says that a weak penalty is safe
        errors = np.zeros(len(self.penalties))
        for _, train, held in splits(group_folds(numbers, _FOLDS, self.seed)):
            centre, scale = _centre_and_scale(X[train])
            Z, mean = (X[train] - centre) / scale, y[train].mean()
            values, vectors = np.linalg.eigh(Z.T @ Z / len(Z))
            along = vectors.T @ (Z.T @ (y[train] - mean) / len(Z))
            outside = (X[held] - centre) / scale @ vectors
            for i, penalty in enumerate(self.penalties):
                predicted = mean + outside @ (along / (np.maximum(values, 0.0) + penalty))
                errors[i] += float(((y[held] - predicted) ** 2).sum())
        return float(self.penalties[int(np.argmin(errors))])


class Spread:
    """How large the errors of a regression are, from row to row: the scale that intervals are calibrated in.

    exp(ridge regression of log|residual|)·√(1 + leverage), with residuals as if their row had been left out, r/(1 − h)
    (Allen, Technometrics 16 (1974) 125, doi:10.1080/00401706.1974.10489157). Kinds of cells that err more have wider
    intervals then, and not only all together the right share (Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094,
    doi:10.1080/01621459.2017.1307116).
    """

    def fit(
        self, model: Ridge, X: Array, y: Array, groups: Sequence[object] | Integers | None = None, *, seed: int = 0
    ) -> Self:
        """Fit to the rows that *model* was trained on; raises what `Ridge.fit` raises."""
        left_out = np.abs(y - model.predict(X)) / np.maximum(1.0 - model.leverage(X), 1e-6)
        middle = float(np.median(left_out))
        # a residual that happens to be nothing says nothing of the spread: no less than a tenth of the median
        sizes = np.log(np.maximum(left_out, _LEAST * middle if middle > 0 else 1.0))
        self._mean = model
        self._size = Ridge(seed=seed).fit(X, sizes, groups)
        known = self._size.predict(X)
        self._range = float(known.min()), float(known.max())
        return self

    def at(self, X: Array) -> Array:
        """Return the scale of the error at each row, (n,), in the unit of y; nowhere outside that of the training."""
        size = np.exp(np.clip(self._size.predict(X), *self._range))
        return np.asarray(size * np.sqrt(1.0 + self._mean.leverage(X)), dtype=np.float64)


_LEAST = 0.1


def _centre_and_scale(X: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of each column; a constant one has scale 1, so that it counts for nothing."""
    centre, scale = X.mean(axis=0), X.std(axis=0)
    return centre, np.where(scale > 1e-10 * np.abs(centre) + 1e-300, scale, 1.0)

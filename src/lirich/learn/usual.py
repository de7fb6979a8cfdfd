"""What curves usually look like at a cycle, and the ways to be unlike it.

*Level*: Mahalanobis distance of the scores from the usual scores at that cycle; of a cell, that of their mean.
*Scale*: the part of it that one factor on the whole curve explains, as a wrong mass would; of a cell only. *Course*: as
level, of the slope over the cycles; of a cell only. *Shape*: what the components leave of the curve (the Q statistic of
process control: Jackson & Mudholkar, Technometrics 21 (1979) 341, doi:10.1080/00401706.1979.10489779). *Jump*:
Mahalanobis distance of the step from the cell's curve before, less the usual step.

All are squared distances, returned as cube roots, for sums of squares are nearly normal then (Wilson & Hilferty, PNAS
17 (1931) 684, doi:10.1073/pnas.17.12.684). What is much is for the calibration to say (`lirich.learn.outliers`).
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from lirich.errors import NotEnoughDataError
from lirich.learn.validation import Array, Integers

WAYS = ("level", "shape", "jump")
"""How a curve can be unlike the usual."""
WAYS_OF_CELLS = ("level", "scale", "course", "shape", "jump")
"""How a cell can be."""
MOST_COLUMNS = 400
"""A smooth curve says in so many points all it says: longer ones are thinned evenly."""

_DEGREE = 3  # of the usual scores over cycles, for each stratum: a bend and a turn
_FLOOR = 1e-12  # of a variance, in units of the largest: what is less is rounding


class Unlike(NamedTuple):
    """How unlike the usual each cell is.

    ``ways``: of each cell and each of `WAYS_OF_CELLS`, (cells, 5). ``where``: the cycles of the strangest shape and
    jump, (cells, 2). ``scale``: the factor on a usual curve that comes nearest, (cells,).
    """

    ways: Array
    where: Array
    scale: Array


class Usual:
    """Usual curves: components, scores over cycles in each stratum, and their spread. Fitted on the cells given.

    Attributes
    ----------
    mean_, components_:
        Of the thinned curves: (m,) and (k, m).
    """

    def __init__(self, components: int) -> None:
        self.components = components

    def fit(self, curves: Array, cells: Integers, cycles: Array, strata: Integers) -> Self:
        """Fit to *curves*, (n, m), of numbered *cells* and *strata*, (n,), at *cycles*, (n,)."""
        self.columns_ = thin(curves.shape[1])
        X = curves[:, self.columns_]
        self.mean_ = X.mean(axis=0)
        X = X - self.mean_
        values, vectors = np.linalg.eigh(X.T @ X / len(X))
        total = float(np.maximum(values, 0.0).sum())
        if total <= (1e-12 * np.abs(self.mean_).max(initial=0.0)) ** 2 + 1e-300:
            raise NotEnoughDataError("All curves are the same", expected="curves that differ")
        order = np.argsort(values)[::-1]
        kept = order[: self.components]
        kept = kept[values[kept] > 1e-12 * total]
        self.components_ = vectors[:, kept].T
        scores = X @ self.components_.T
        self._centre, self._width = float(cycles.mean()), max(float(np.ptp(cycles)) / 2, 1.0)
        self._degree = min(_DEGREE, len(np.unique(cycles)) - 1)
        self._course = {
            int(s): np.linalg.lstsq(self._basis(cycles[strata == s]), scores[strata == s], rcond=None)[0]
            for s in np.unique(strata)
        }
        count = len(np.unique(cells))
        beyond = scores - self._expected(cycles, strata)
        self._level = _inverse_covariance(beyond, count)
        means, slopes = self._means_and_slopes(beyond, cells, cycles)
        self._mean, self._slope = _inverse_covariance(means, count), _inverse_covariance(slopes, count)
        steps = self._steps(scores, cells, cycles, strata)
        self._jump = _inverse_covariance(steps[np.isfinite(steps).all(axis=1)], count)
        left = ((X - scores @ self.components_) ** 2).sum(axis=1)
        self._left = max(float(np.median(left)), _FLOOR * total)
        return self

    def unlike(self, curves: Array, cells: Integers, cycles: Array, strata: Integers) -> Array:
        """Return level, shape and jump of each curve, (n, 3); 0 for the jump where a cell has no curve before."""
        X = curves[:, self.columns_] - self.mean_
        scores = X @ self.components_.T
        level = _distance(scores - self._expected(cycles, strata), self._level)
        shape = ((X - scores @ self.components_) ** 2).sum(axis=1) / self._left
        steps = self._steps(scores, cells, cycles, strata)
        jump = _distance(np.where(np.isfinite(steps), steps, 0.0), self._jump)
        return np.asarray(np.cbrt(np.stack([level, shape, jump], axis=1)), dtype=np.float64)

    def unlike_cells(self, curves: Array, cells: Integers, cycles: Array, strata: Integers) -> Unlike:
        """Return how unlike the usual each cell is; *cells* are numbered from 0 without a gap."""
        of_rows = self.unlike(curves, cells, cycles, strata)
        count = int(cells.max()) + 1
        scores = (curves[:, self.columns_] - self.mean_) @ self.components_.T
        means, slopes = self._means_and_slopes(scores - self._expected(cycles, strata), cells, cycles)
        whole = self._means_and_slopes(scores, cells, cycles)[0] + self.components_ @ self.mean_
        along, length = _along(means, whole, self._mean), _distance(whole, self._mean)
        safe = np.where(length > 0, length, 1.0)
        ways = np.empty((count, len(WAYS_OF_CELLS)))
        ways[:, 0] = np.cbrt(_distance(means, self._mean))
        ways[:, 1] = np.cbrt(along**2 / safe)
        ways[:, 2] = np.cbrt(_distance(slopes, self._slope))
        where = np.empty((count, 2))
        for cell in range(count):
            rows = np.flatnonzero(cells == cell)
            best = rows[np.argmax(of_rows[rows, 1:], axis=0)]
            ways[cell, 3:] = of_rows[best, [1, 2]]
            where[cell] = cycles[best]
        # the curve is that of a usual cell times this: whole·(1 − 1/f) is what it has beyond
        return Unlike(ways, where, 1.0 / np.maximum(1.0 - along / safe, 1e-3))

    def _basis(self, cycles: Array) -> Array:
        return np.vander((cycles - self._centre) / self._width, self._degree + 1)

    def _expected(self, cycles: Array, strata: Integers) -> Array:
        expected = np.empty((len(cycles), len(self.components_)))
        basis = self._basis(cycles)
        for s, course in self._course.items():
            expected[strata == s] = basis[strata == s] @ course
        return expected

    def _means_and_slopes(self, beyond: Array, cells: Integers, cycles: Array) -> tuple[Array, Array]:
        """Return mean and slope (per half of the trained cycles) of each cell's scores beyond the usual, (cells, k)."""
        count = int(cells.max()) + 1
        x = (cycles - self._centre) / self._width
        n = np.maximum(np.bincount(cells, minlength=count), 1)[:, None]
        means = _sums(beyond, cells, count) / n
        middle = _sums(x[:, None], cells, count) / n
        off = x[:, None] - middle[cells]
        spread = _sums(off**2, cells, count)
        slopes = _sums(off * beyond, cells, count) / np.where(spread > 0, spread, 1.0)
        return means, slopes

    def _steps(self, scores: Array, cells: Integers, cycles: Array, strata: Integers) -> Array:
        """Return the step of each curve from the one before it in its cell, less the usual one; NaN at the first."""
        steps = np.full(scores.shape, np.nan)
        order = np.lexsort((cycles, cells))
        beyond = scores - self._expected(cycles, strata)
        same = np.flatnonzero(cells[order][1:] == cells[order][:-1])
        steps[order[same + 1]] = beyond[order[same + 1]] - beyond[order[same]]
        return steps


def _along(rows: Array, directions: Array, inverse: Array | None) -> Array:
    """Return rowsᵀ·inverse·directions of each row, (n,)."""
    if inverse is None:
        return np.zeros(len(rows))
    return np.asarray(np.einsum("ij,jk,ik->i", rows, inverse, directions), dtype=np.float64)


def _sums(rows: Array, cells: Integers, count: int) -> Array:
    """Return the sum of the rows of each cell, (count, k)."""
    total = np.zeros((count, rows.shape[1]))
    np.add.at(total, cells, rows)
    return total


def thin(columns: int) -> Integers:
    """Return which of *columns* are kept: all, or `MOST_COLUMNS` spread evenly with both ends."""
    if columns <= MOST_COLUMNS:
        return np.arange(columns, dtype=np.int64)
    return np.unique(np.linspace(0, columns - 1, MOST_COLUMNS).round().astype(np.int64))


def _inverse_covariance(rows: Array, cells: int) -> Array | None:
    """Return the inverse of Σ rows·rowsᵀ/n, (k, k), drawn towards its diagonal the more, the fewer cells there are.

    The weight k/(k + cells) only bears on the power: the rate of false alarms is calibrated. ``None`` without rows, or
    where they are all 0.
    """
    if len(rows) == 0:
        return None
    k = rows.shape[1]
    covariance = rows.T @ rows / len(rows)
    diagonal = np.diag(covariance)
    if not diagonal.max(initial=0.0) > np.finfo(np.float64).tiny:
        return None
    weight = k / (k + cells)
    drawn = (1.0 - weight) * covariance + weight * np.diag(diagonal)
    floor = _FLOOR * float(diagonal.max())
    return np.asarray(np.linalg.pinv(drawn + floor * np.eye(k), hermitian=True), dtype=np.float64)


def _distance(rows: Array, inverse: Array | None) -> Array:
    return np.maximum(_along(rows, rows, inverse), 0.0)

"""The probabilistic map: missing parts are handled, the noise is estimated, the number of components can be chosen.

Probabilistic PCA (Tipping and Bishop, J. R. Stat. Soc. B 61 (1999) 611, doi:10.1111/1467-9868.00196). Whole curves have
a closed form: the components of `StateMap` and σ², the mean variance of the directions that are left out. With missing
points its maximum of the likelihood is found by expectation and maximisation, without filling anything in (Ilin and
Raiko, J. Mach. Learn. Res. 11 (2010) 1957).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svd

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.matrix import Array, CurveMatrix
from lirich.learn.posterior import CurveModel
from lirich.learn.statemap import StateMap

_MOST_ROUNDS = 500
_SETTLED = 1e-5  # change of σ and of the curves' spread from round to round, relative, at which EM ends
_LEAST_SHOWN = 0.02
"""Share of the curves that must reach a point of the grid, for its mean to be known."""


@dataclass(slots=True, eq=False)
class ProbabilisticMap:
    """Components of curves with missing points, and the noise.

    Parameters
    ----------
    n_components:
        How many components.
    seed:
        Of the sample that `StateMap` begins with.

    Attributes
    ----------
    map_:
        The map: mean, components, variances, as `StateMap` gives them.
    noise_sd_:
        σ, in the unit of the curves.
    model_:
        The Gaussian model of curves that follows.
    rounds_:
        Rounds of expectation and maximisation; 0 for whole curves.
    """

    n_components: int = 7
    seed: int = 0
    map_: StateMap = field(init=False, repr=False)
    noise_sd_: float = field(init=False, repr=False)
    model_: CurveModel = field(init=False, repr=False)
    rounds_: int = field(init=False, repr=False)

    def fit(self, curves: CurveMatrix) -> Self:
        """Learn *curves*, whole or with missing points.

        Raises `NotEnoughDataError` where there are too few curves, they do not differ, or next to none reaches a point
        of the grid; `InputError` for a curve without any point.
        """
        known = np.isfinite(curves.values)
        self.rounds_ = 0
        learned = StateMap(self.n_components, seed=self.seed)
        if known.all():
            self.map_ = learned.fit(curves)
            self.noise_sd_ = float(np.sqrt(self.map_.noise_variance_))
        else:
            _check(curves, known, self.n_components)
            self.map_ = self._em(np.asarray(curves.values, dtype=np.float64), known, curves)
        self.model_ = CurveModel.of(self.map_)
        return self

    def _em(self, values: Array, known: NDArray[np.bool_], curves: CurveMatrix) -> StateMap:
        n, m = values.shape
        k = self.n_components
        mean = np.nanmean(values, axis=0)
        filled = np.where(known, values, mean)
        begun = StateMap(k, tolerance=1e-2, seed=self.seed).fit(
            CurveMatrix(filled, curves.grid, curves.keys, curves.kind, curves.direction)
        )
        k = len(begun.components_)
        variance = max(begun.noise_variance_, 1e-9 * begun.total_variance_ / m)
        loadings = (begun.components_ * np.sqrt(begun.explained_variance_)[:, None]).T
        patterns, of = np.unique(known, axis=0, return_inverse=True)
        members = [np.flatnonzero(of.ravel() == number) for number in range(len(patterns))]
        weight = patterns.astype(np.float64)
        shown = np.where(known, values, 0.0)
        last = (float(np.linalg.norm(loadings)), variance)
        for self.rounds_ in range(1, _MOST_ROUNDS + 1):
            scores = np.empty((n, k + 1))
            scores[:, k] = 1.0
            second = np.empty((len(patterns), k + 1, k + 1))
            for number, (observed, rows) in enumerate(zip(patterns, members, strict=True)):
                inner = loadings[observed].T @ loadings[observed] / variance + np.eye(k)
                right = (values[np.ix_(rows, observed)] - mean[observed]) @ loadings[observed] / variance
                scores[rows, :k] = np.linalg.solve(inner, right.T).T
                second[number] = scores[rows].T @ scores[rows]
                second[number, :k, :k] += len(rows) * np.linalg.inv(inner)
            of_point = np.tensordot(weight, second, axes=(0, 0))
            found = np.asarray(np.linalg.solve(of_point, (shown.T @ scores)[:, :, None])[:, :, 0], dtype=np.float64)
            square = float(np.sum(shown**2)) - float(np.sum((shown.T @ scores) * found))
            variance = max(square / float(known.sum()), 1e-300)
            loadings, mean = found[:, :k], found[:, k]
            now = (float(np.linalg.norm(loadings)), variance)
            if all(abs(new - old) <= _SETTLED * new for new, old in zip(now, last, strict=True)):
                break
            last = now
        self.noise_sd_ = float(np.sqrt(variance))
        return _as_map(loadings, mean, variance, scores, curves, self.n_components)

    def complete(self, curves: CurveMatrix) -> tuple[Array, Array]:
        """Return whole curves and their standard deviation, each (n, m), from the points that *curves* have.

        The band is the model's own, not checked on cells that were not seen: for that there is
        `lirich.learn.Completion`. Raises `NotEnoughDataError` for a curve of fewer than 5 points.
        """
        values = np.asarray(curves.values, dtype=np.float64)
        known = np.isfinite(values)
        out, sd = np.empty(values.shape), np.empty(values.shape)
        patterns, of = np.unique(known, axis=0, return_inverse=True)
        for number, observed in enumerate(patterns):
            rows = np.flatnonzero(of.ravel() == number)
            noise = np.full(len(rows), max(self.noise_sd_, 1e-9 * float(np.abs(self.map_.mean_).max())))
            out[rows], sd[rows] = self.model_.window(observed).complete(values[rows], noise)
        return out, sd


def _check(curves: CurveMatrix, known: NDArray[np.bool_], k: int) -> None:
    if len(curves) <= k:
        raise NotEnoughDataError(f"{len(curves)} curves for {k} components", expected=f"at least {k + 1}")
    empty = int(np.count_nonzero(~known.any(axis=1)))
    if empty:
        raise InputError(f"{empty} curve(s) without any point of the grid", expected="curves with points")
    least = max(k + 2, int(np.ceil(_LEAST_SHOWN * len(curves))))
    short = np.flatnonzero(known.sum(axis=0) < least)
    if len(short):
        raise NotEnoughDataError(
            f"{len(short)} of {len(curves.grid)} grid points, from {curves.grid[short[0]]:g} to "
            f"{curves.grid[short[-1]]:g} {curves.grid_unit}, are reached by fewer than {least} curves",
            expected="a grid inside the range of the curves",
        )


def _as_map(loadings: Array, mean: Array, variance: float, scores: Array, curves: CurveMatrix, wanted: int) -> StateMap:
    """Return the map of fitted loadings: principal axes, and the mean moved to where the scores have none."""
    m, k = loadings.shape
    mean = mean + loadings @ scores[:, :k].mean(axis=0)
    left, length, _ = svd(loadings, full_matrices=False)
    learned = StateMap(wanted)
    components = left.T * np.where(left.sum(axis=0) < 0, -1.0, 1.0)[:, None]
    learned.mean_, learned.components_ = mean, np.ascontiguousarray(components)
    learned.explained_variance_ = length**2 + variance
    learned.noise_variance_ = variance
    learned.total_variance_ = float(np.sum(length**2)) + m * variance
    learned.explained_variance_ratio_ = learned.explained_variance_ / learned.total_variance_
    learned.grid_, learned.kind_, learned.direction_ = np.array(curves.grid), curves.kind, curves.direction
    learned.n_curves_, learned.angle_bound_, learned.passes_ = len(curves), float("nan"), 0
    return learned

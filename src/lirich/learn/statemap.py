"""The state map: principal components of many curves, found in one or two passes and certified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import polars as pl
from scipy.linalg import eigh, qr, svd
from scipy.linalg.blas import dsyrk

from lirich.errors import AnalysisError, InputError, NotEnoughDataError
from lirich.learn.matrix import Array, CurveMatrix, Direction, Kind
from lirich.learn.sums import Curves, InMemory

_SAMPLE_ROWS = 512
"""Curves that the first components are taken from: with half of them a map of 16,000 curves needs a further pass."""
_MORE_DIRECTIONS = 12
"""Directions that are followed beside those that are asked for: the error falls by λ(l+1)/λ(k) with every pass."""
_PROBES = 4
_MOST_PASSES = 12
_SMALL = 1024
"""Grids up to this many points are decomposed whole where two passes do not do: nothing is off the basis then."""
_ROUNDING = 1e-12  # of the largest variance: below it a direction is rounding, not a component


@dataclass(slots=True, eq=False)
class StateMap:
    """Principal components of curves: centred, not scaled, as in Kim et al. (doi:10.1039/D4EE05222F).

    Block subspace iteration on the covariance, begun from the components of a sample of the curves (Halko, Martinsson
    and Tropp, SIAM Rev. 53 (2011) 217, doi:10.1137/090771806). Every pass over the curves is a step of the iteration
    and bounds the sine of the largest angle between found and true subspace, from the residuals (Davis and Kahan, SIAM
    J. Numer. Anal. 7 (1970) 1, doi:10.1137/0707001) and random probes of what is off the basis: see `_Step.bound`. It
    ends where the bound is below ``tolerance``. Sums are float64, and no more than a block of curves is in memory.

    Parameters
    ----------
    n_components:
        How many components. Fewer are kept where the curves differ in fewer directions, and where the last ones cannot
        be told from noise: those that twelve passes leave unknown to the tolerance.
    tolerance:
        The bound of the sine of the angle at which the iteration ends.
    seed:
        Of the sample that it begins with.

    Attributes
    ----------
    mean_, components_:
        Shape (m,) in the unit of the curves, and (k, m): orthonormal rows, each with a positive sum.
    explained_variance_, explained_variance_ratio_:
        Variance of the scores, shape (k,), and its share of ``total_variance_`` (sum over the points of the grid).
    noise_variance_:
        Mean variance of a grid point in the directions that are left out.
    grid_, kind_, direction_, n_curves_:
        What it was fitted on.
    angle_bound_, passes_:
        The certified bound of the sine of the largest angle, and how often the curves were read.
    """

    n_components: int = 7
    tolerance: float = 1e-4
    seed: int = 0
    mean_: Array = field(init=False, repr=False)
    components_: Array = field(init=False, repr=False)
    explained_variance_: Array = field(init=False, repr=False)
    explained_variance_ratio_: Array = field(init=False, repr=False)
    total_variance_: float = field(init=False, repr=False)
    noise_variance_: float = field(init=False, repr=False)
    grid_: Array = field(init=False, repr=False)
    kind_: Kind = field(init=False, repr=False)
    direction_: Direction = field(init=False, repr=False)
    n_curves_: int = field(init=False, repr=False)
    angle_bound_: float = field(init=False, repr=False)
    passes_: int = field(init=False, repr=False)

    def fit(self, curves: CurveMatrix) -> Self:
        """Learn the map of *curves*, without a missing point.

        Raises `NotEnoughDataError` where there are too few curves for the components or they do not differ,
        `InputError` where points are missing, `AnalysisError` where the passes do not reach the tolerance.
        """
        return self.fit_curves(InMemory(curves.values), curves.grid, curves.kind, curves.direction)

    def fit_curves(self, curves: Curves, grid: Array, kind: Kind = "Q(V)", direction: Direction = "charge") -> Self:
        """Learn the map of *curves* that are wherever they are, on *grid*, shape (m,); raises as `fit` does."""
        n, m = curves.shape
        k = self.n_components
        if k < 1 or not 0 < self.tolerance < 1:
            raise InputError(f"{k} components to a tolerance of {self.tolerance}", expected="1 or more, 0 to 1")
        if n <= k or m < k:
            raise NotEnoughDataError(
                f"{n} curves of {m} points for {k} components",
                expected=f"at least {k + 1} curves of {k} points",
                advice="Ask for fewer components or add cells",
            )
        self.grid_, self.kind_, self.direction_, self.n_curves_ = np.array(grid), kind, direction, n
        self._iterate(curves, n, m)
        return self

    def _iterate(self, curves: Curves, n: int, m: int) -> None:
        sample = curves.sample(min(n, _SAMPLE_ROWS), self.seed)
        shift = sample.mean(axis=0)
        if not np.isfinite(shift).all():
            curves.sums(np.zeros((m, 1)), np.zeros(m))  # raises, with the advice
        basis = _leading(sample, shift, min(self.n_components + _MORE_DIRECTIONS, n - 1, m))
        draw = np.random.default_rng(self.seed)
        for number in range(1, _MOST_PASSES + 1):
            width = basis.shape[1]
            probes = draw.normal(size=(m, _PROBES))
            probes -= basis @ (basis.T @ probes)
            followed = np.column_stack((basis, probes))
            sums = curves.sums(followed, shift)
            off = sums.total / n
            if number == 1:
                self.mean_ = shift + off
                self.total_variance_ = (sums.square - n * float(off @ off)) / (n - 1)
                scale = float(self.mean_ @ self.mean_)
                if not self.total_variance_ > _ROUNDING * max(scale, np.finfo(np.float64).tiny):
                    raise NotEnoughDataError(
                        f"{n} curves that do not differ from each other", expected="curves with a spread"
                    )
            image = (sums.projected - n * np.outer(off, off @ followed)) / (n - 1)
            step = _Step.of(basis, image[:, :width], image[:, width:])
            kept = min(self.n_components, int(np.count_nonzero(step.values > _ROUNDING * step.values[0])))
            shift = self.mean_
            if (bound := step.bound(kept)) <= self.tolerance:
                break
            if number == _MOST_PASSES:
                kept, bound = self._certain(step, kept)
            elif number >= 2 and m <= _SMALL:
                basis = np.eye(m)
            else:
                basis = qr(step.image, mode="economic")[0]
        components = qr(step.image[:, :kept], mode="economic")[0].T
        components *= np.where(components.sum(axis=1) < 0, -1.0, 1.0)[:, None]
        self.components_ = np.ascontiguousarray(components)
        self.explained_variance_ = step.improved(kept)
        self.explained_variance_ratio_ = self.explained_variance_ / self.total_variance_
        rest = self.total_variance_ - float(self.explained_variance_.sum())
        self.noise_variance_ = max(rest, 0.0) / (m - kept) if m > kept else 0.0
        self.angle_bound_, self.passes_ = bound, number

    def _certain(self, step: _Step, most: int) -> tuple[int, float]:
        """Return the largest number of components that is known to the tolerance, and its bound."""
        for kept in range(most, 0, -1):
            if (bound := step.bound(kept)) <= self.tolerance:
                return kept, bound
        raise AnalysisError(
            f"After {_MOST_PASSES} passes no component is known to an angle of {self.tolerance:g}",
            expected="curves that differ in some directions more than in others",
            advice="They may be noise alone; or ask for a larger tolerance",
        )

    def transform(self, curves: CurveMatrix) -> Array:
        """Return the scores of *curves*, shape (n, k), in their unit times √points: they grow with the grid.

        Raises `InputError` on another grid, kind or direction, and where points are missing.
        """
        self._same(curves)
        scores = np.empty((len(curves), len(self.components_)))
        offset = self.components_ @ self.mean_
        start = 0
        for block in InMemory(curves.values).blocks():
            scores[start : start + len(block)] = np.asarray(block, dtype=np.float64) @ self.components_.T - offset
            start += len(block)
        if not np.isfinite(scores).all():
            missing = int(np.isnan(curves.values).any(axis=1).sum())
            raise InputError(
                f"{missing} of {len(curves)} curves have missing points",
                expected="a value at every point of the grid",
                advice="Use CurveMatrix.complete() or ProbabilisticMap",
            )
        return scores

    def inverse(self, scores: Array) -> Array:
        """Return the curves at *scores*, shape (n, k): shape (n, m)."""
        return np.asarray(self.mean_ + np.atleast_2d(scores) @ self.components_, dtype=np.float64)

    def scores(self, curves: CurveMatrix) -> pl.DataFrame:
        """Return the keys of *curves* with ``pc1`` … ``pck`` and ``off_map``.

        Scores here are per point (divided by √points: the RMS that a component adds to a curve, in its unit), so that
        maps on different grids can be laid on each other. ``off_map`` is the RMS of what no component shows.
        """
        raw = self.transform(curves)
        m = len(self.grid_)
        distance = np.empty(len(curves))
        for start in range(0, len(curves), 256):
            rows = slice(start, start + 256)
            block = np.asarray(curves.values[rows], dtype=np.float64)
            distance[rows] = np.sqrt(np.mean((block - self.inverse(raw[rows])) ** 2, axis=1))
        columns = [pl.Series(f"pc{i + 1}", raw[:, i] / np.sqrt(m)) for i in range(raw.shape[1])]
        return curves.keys.with_columns(*columns, pl.Series("off_map", distance))

    @property
    def score_spread_(self) -> Array:
        """Standard deviation of the scores per point, shape (k,), in the unit of the curves; see `scores`."""
        return np.sqrt(self.explained_variance_ / len(self.grid_))

    def _same(self, curves: CurveMatrix) -> None:
        check_same(self.grid_, self.kind_, self.direction_, curves)


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One step of the iteration: Ritz values θ, shape (l,), the image CU of their vectors U, the residuals R off U.

    ``beyond`` bounds the norm of the covariance D off the basis, from random probes ω (Halko, Martinsson and Tropp,
    eq. 4.3): ‖D‖ ≤ 10 √(2/π) max ‖Dω‖ but for a chance of 10⁻⁴ with 4 probes.
    """

    values: Array
    image: Array
    residual: Array
    beyond: float

    @classmethod
    def of(cls, basis: Array, image: Array, probed: Array) -> Self:
        inner = basis.T @ image
        values, turn = eigh((inner + inner.T) / 2)
        values, turn = values[::-1], turn[:, ::-1]
        turned = image @ turn
        off = probed - basis @ (basis.T @ probed)
        beyond = 10.0 * np.sqrt(2.0 / np.pi) * float(np.linalg.norm(off, axis=0).max())
        return cls(values, turned, turned - (basis @ turn) * values, beyond)

    def bound(self, k: int) -> float:
        """Return the bound of the sine of the largest angle between the first *k* columns of CU and the true space.

        In the basis of U and what is off it, C is [[Θ, Rᵀ], [R, D]]. The true space is U + X with, to first order,
        X = (θ − D)⁻¹R for each column; a step of the iteration gives R/θ. They differ by at most
        ‖D‖‖R‖ / (θ(θ − ‖D‖)). To second order RᵀX turns the first k into those that follow.
        """
        theta, rest = self.values[:k], self.values[k:]
        length = np.linalg.norm(self.residual[:, :k], axis=0)
        if not (theta > self.beyond).all():
            return np.inf
        out = self.beyond * length / (theta * (theta - self.beyond))
        if len(rest) and not (theta[-1] > rest[0]):
            return np.inf
        gap = theta[None, :] - rest[:, None]
        turned = (self.residual[:, k:].T @ self.residual[:, :k]) / (theta * gap)
        return float(np.linalg.norm(out) + np.linalg.norm(turned))

    def improved(self, k: int) -> Array:
        """Return the variances of the first *k* columns of CU: θ + ‖R‖²/θ to second order."""
        theta = self.values[:k]
        return np.asarray(theta + np.sum(self.residual[:, :k] ** 2, axis=0) / theta, dtype=np.float64)


def check_same(grid: Array, kind: Kind, direction: Direction, curves: CurveMatrix) -> None:
    """Raise `InputError` where *curves* are of another kind, direction or grid than a model was fitted on."""
    if (curves.kind, curves.direction) != (kind, direction):
        raise InputError(f"{curves.kind} of {curves.direction}", expected=f"{kind} of {direction}")
    if len(curves.grid) != len(grid) or not np.allclose(curves.grid, grid, rtol=0, atol=1e-9):
        raise InputError(
            f"Curves on {len(curves.grid)} points from {curves.grid[0]:g} to {curves.grid[-1]:g} {curves.grid_unit}",
            expected=f"the grid of the model: {len(grid)} points from {grid[0]:g} to {grid[-1]:g}",
            advice="Make the curves on the grid of the model",
        )


def _leading(rows: Array, shift: Array, width: int) -> Array:
    """Return an orthonormal basis, shape (m, width), that begins with the directions of *rows* (r, m) off *shift*."""
    every = slice(None, None, max(1, rows.shape[1] // 2000))  # it is a beginning: neighbours are alike
    thin = np.asfortranarray((rows[:, every] - shift[every]).T)
    r = len(rows)
    found = min(width, r)
    values, turn = eigh(dsyrk(1.0, thin, trans=1), lower=False, subset_by_index=(r - found, r - 1))
    turn = turn[:, ::-1]
    lead = rows.T @ turn - np.outer(shift, turn.sum(axis=0))
    # where the sample has fewer directions than asked for, qr fills up with others
    length = np.sqrt(np.maximum(values[::-1], 0.0))
    scaled = lead / np.where(length > 1e-9 * max(length[0], 1e-300), length, 1.0)
    if scaled.shape[1] < width:
        scaled = np.column_stack((scaled, np.random.default_rng(0).normal(size=(len(scaled), width - scaled.shape[1]))))
    return np.asarray(qr(scaled, mode="economic")[0], dtype=np.float64)


def principal_angles(a: Array, b: Array) -> Array:
    """Return the angles between the spaces spanned by the rows of *a* (k, m) and *b* (l, m), rad, ascending.

    By the sine where angles are small (Björck and Golub, Math. Comput. 27 (1973) 579, doi:10.2307/2005662).
    """
    qa = qr(a.T, mode="economic")[0]
    qb = qr(b.T, mode="economic")[0]
    if qa.shape[1] < qb.shape[1]:
        qa, qb = qb, qa
    cosine = qa.T @ qb
    sine = svd(qb - qa @ cosine, compute_uv=False)[::-1]
    by_cosine = np.arccos(np.clip(svd(cosine, compute_uv=False), -1.0, 1.0))
    angles: Array = np.where(by_cosine < np.pi / 4, np.arcsin(np.clip(sine, 0.0, 1.0)), by_cosine)
    return angles

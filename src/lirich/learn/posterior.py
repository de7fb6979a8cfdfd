"""What a part of a curve says of the whole: the posterior of a Gaussian model of curves, in closed form.

A curve is x = μ + Wz + ε with z ~ N(0, 1) and ε ~ N(0, σ²) at every point (probabilistic PCA: Tipping and Bishop,
J. R. Stat. Soc. B 61 (1999) 611, doi:10.1111/1467-9868.00196). Of the observed points o of a curve follows, with the
singular value decomposition W_o = USVᵀ,

    z | x_o ~ N( V S (S² + σ²)⁻¹ Uᵀ (x_o − μ_o),  V σ² (S² + σ²)⁻¹ Vᵀ ).

Directions that the window does not show keep their prior: where least squares amplifies a guess, the band is wide.

With a t distribution of ν degrees of freedom in place of the normal one the mean is the same, and the standard
deviation is wider by √((ν + d²)/(ν + k)), with d² = Σ (Uᵀ(x_o − μ_o))²/(S² + σ²) of the k directions (Ding, Am. Stat.
70 (2016) 293, doi:10.1080/00031305.2016.1164756): of a curve whose window is strange, the rest is less sure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svd
from scipy.signal import savgol_filter

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.matrix import Array
from lirich.learn.statemap import StateMap

Mask = NDArray[np.bool_]
_ROUGH_SHARE = 0.022
"""Full width of the parabolas that the roughness of a curve is taken from, of the grid: 33 mV of 1.5 V."""
LEAST_POINTS = 5
"""Points of the grid that a window has at least."""


@dataclass(frozen=True, slots=True, eq=False)
class CurveModel:
    """A Gaussian model of curves: ``mean`` μ, shape (m,), ``spread`` Wᵀ, shape (k, m), in the unit of the curves."""

    mean: Array
    spread: Array

    @classmethod
    def of(cls, learned: StateMap) -> CurveModel:
        """Return the model of a fitted map: each component with the standard deviation of its scores."""
        scale = np.sqrt(np.maximum(learned.explained_variance_ - learned.noise_variance_, 0.0))
        return cls(learned.mean_, learned.components_ * scale[:, None])

    @property
    def prior_sd(self) -> Array:
        """Standard deviation of a curve of which nothing is known, shape (m,)."""
        return np.asarray(np.sqrt(np.sum(self.spread**2, axis=0)), dtype=np.float64)

    def window(self, observed: Mask) -> Window:
        """Return what the points *observed*, shape (m,), can say. Raises `NotEnoughDataError` for too few."""
        count = int(np.count_nonzero(observed))
        if count < LEAST_POINTS:
            raise NotEnoughDataError(f"A window of {count} grid points", expected=f"at least {LEAST_POINTS}")
        left, length, turn = svd(self.spread[:, observed].T, full_matrices=False)
        return Window(self, observed, left, length, turn @ self.spread)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The decomposition of a model over the points ``observed``; ``turned`` is VᵀWᵀ, shape (k, m)."""

    model: CurveModel
    observed: Mask
    left: Array
    length: Array
    turned: Array

    def complete(self, values: Array, noise: Array, freedom: float = math.inf) -> tuple[Array, Array]:
        """Return the whole curves and their standard deviation, each (n, m), from *values* (n, m) in the window.

        Values outside of the window are not looked at. *noise* is σ of each curve, shape (n,), in the unit of the
        curves. The standard deviation is that of a measured curve: it has the noise in it. *freedom* is ν.
        """
        total = self._total(noise)
        curves = self.model.mean + (self._inside(values) * self.length / total) @ self.turned
        sd = np.sqrt((noise[:, None] ** 2 / total) @ self.turned**2 + noise[:, None] ** 2)
        return curves, sd * self.widening(values, noise, freedom)[:, None]

    def widening(self, values: Array, noise: Array, freedom: float) -> Array:
        """Return √((ν + d²)/(ν + k)) of each curve, shape (n,); 1 for the normal distribution."""
        if math.isinf(freedom):
            return np.ones(len(values))
        squared = np.sum(self._inside(values) ** 2 / self._total(noise), axis=1)
        return np.asarray(np.sqrt((freedom + squared) / (freedom + len(self.length))), dtype=np.float64)

    def _inside(self, values: Array) -> Array:
        """Return Uᵀ(x_o − μ_o), (n, k)."""
        off = values[:, self.observed] - self.model.mean[self.observed]
        return np.asarray(off @ self.left, dtype=np.float64)

    def _total(self, noise: Array) -> Array:
        """Return S² + σ², the variance of each direction, (n, k)."""
        if not (noise > 0).all():
            raise InputError("A noise that is not positive", expected="a standard deviation in the unit of the curves")
        return np.asarray(self.length**2 + noise[:, None] ** 2, dtype=np.float64)


def share_window(grid: Array, start: float, length: float) -> Mask:
    """Return the mask, shape (m,), of the window from *start* over *length*, shares of the range of *grid*.

    As the anchor counts: 0.2 and 0.4 of 3.0–4.5 V are 3.3–3.9 V. Raises `InputError` for no window in the grid.
    """
    if not (0.0 <= start < 1.0 and 0.0 < length <= 1.0):
        raise InputError(f"A window from {start} over {length} of the grid", expected="shares between 0 and 1")
    span = grid[-1] - grid[0]
    slack = 1e-9 * span
    low, high = grid[0] + start * span, grid[0] + (start + length) * span
    return np.asarray((grid >= low - slack) & (grid <= high + slack), dtype=np.bool_)


def least_squares(learned: StateMap, values: Array, observed: Mask, n_components: int = 7) -> Array:
    """Return whole curves, shape (n, m), by the anchor's recipe, to compare with.

    Plain least squares of x − μ on the first loadings inside the window, no prior (Kim et al., Energy Environ. Sci. 18
    (2025) 4222, doi:10.1039/D4EE05222F). *values* has shape (n, m).
    """
    loadings = learned.components_[:n_components]
    found = np.linalg.lstsq(loadings[:, observed].T, (values - learned.mean_)[:, observed].T, rcond=None)[0]
    return np.asarray(learned.mean_ + found.T @ loadings, dtype=np.float64)


def roughness(values: Array, observed: Mask) -> Array:
    """Return how rough each curve is in its window, shape (n,): what local parabolas leave over, RMS.

    It tells the noise of the instrument that made the curve. *values* has shape (n, m); of an *observed* range that is
    shorter than the parabola, or has holes, the points are taken as they follow each other.
    """
    inside = values[:, observed]
    wanted = 2 * int(_ROUGH_SHARE * values.shape[1] / 2) + 1
    points = max(5, min(wanted, inside.shape[1] - 1 + inside.shape[1] % 2))
    left_over = inside - savgol_filter(inside, points, 2, axis=1)
    # a parabola takes three of the points with it
    return np.asarray(np.sqrt(np.mean(left_over**2, axis=1) * points / (points - 3)), dtype=np.float64)

"""What a part of a curve says of the whole: the posterior of a Gaussian model of curves, in closed form.

A curve is x = μ + Wz + ε with z ~ N(0, 1) and ε ~ N(0, σ²) at every point (probabilistic PCA: Tipping and Bishop,
J. R. Stat. Soc. B 61 (1999) 611, doi:10.1111/1467-9868.00196). Of the observed points o of a curve follows, with the
singular value decomposition W_o = USVᵀ,

    z | x_o ~ N( V S (S² + σ²)⁻¹ Uᵀ (x_o − μ_o),  V σ² (S² + σ²)⁻¹ Vᵀ ).

Directions that the window does not show keep their prior: where least squares amplifies a guess, the band is wide.
"""

from __future__ import annotations

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

    def complete(self, values: Array, noise: Array) -> tuple[Array, Array]:
        """Return the whole curves and their standard deviation, each (n, m), from *values* (n, m) in the window.

        Values outside of the window are not looked at. *noise* is σ of each curve, shape (n,), in the unit of the
        curves. The standard deviation is that of a measured curve: it has the noise in it.
        """
        gain, variance = self._terms(noise)
        inside = (values[:, self.observed] - self.model.mean[self.observed]) @ self.left
        curves = self.model.mean + (inside * gain) @ self.turned
        return curves, np.sqrt(variance @ self.turned**2 + noise[:, None] ** 2)

    def _terms(self, noise: Array) -> tuple[Array, Array]:
        if not (noise > 0).all():
            raise InputError("A noise that is not positive", expected="a standard deviation in the unit of the curves")
        total = self.length**2 + noise[:, None] ** 2
        return self.length / total, noise[:, None] ** 2 / total


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

"""Diffusion in a sphere under constant flux: the exact response of its surface.

The surface of a sphere of radius R that takes up a constant flux from t = 0 deviates from its start by

    u(θ) = 3θ + 1/5 − 2 Σ exp(−λ²θ)/λ²,  tan λ = λ,  θ = D̃t/R²

in units of flux·R/D̃ (Crank, *The Mathematics of Diffusion*, 2nd ed. 1975, eq. 6.45; Carslaw & Jaeger, *Conduction of
Heat in Solids*, 2nd ed. 1959, §9.8). At short times u = exp(θ)·(1 + erf √θ) − 1, from the same Laplace transform with
tanh √p = 1, exact to exp(−1/θ). Its first term, 2√(θ/π), is what the methods of Weppner and Huggins rest on;
`lirich.cycling.spherefit` uses all of it, so that no τ ≪ R²/D̃ is needed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lirich.cycling.arrays import Array

_SHORT = 0.05  # exp(−1/θ) is 2e-9 here
_TERMS = 8  # exp(−λ²θ) is 1e-15 for the last at θ = 0.05

_TABLE_FROM, _TABLE_TO, _TABLE_STEP = np.log(1e-12), np.log(2.0), 0.002
"""ln θ of the tabulated response: below, 2√(θ/π) is right to 1e-6; above, 3θ + 1/5 to 1e-18. The step is in ln θ."""


def _roots(count: int) -> Array:
    at = (np.arange(1, count + 1) + 0.5) * np.pi
    root = at - 1.0 / at
    for _ in range(6):  # Newton on sin λ − λ cos λ
        root = root - (np.sin(root) - root * np.cos(root)) / (root * np.sin(root))
    return np.asarray(root, dtype=np.float64)


_SQUARES = _roots(_TERMS) ** 2


def surface_response(theta: Array) -> Array:
    """Return u(θ), the deviation of the surface in units of flux·R/D̃; 0 for θ ≤ 0. Shape of *theta*."""
    from scipy.special import erf

    theta = np.asarray(theta, dtype=np.float64)
    short = np.clip(theta, 0.0, _SHORT)
    long = np.maximum(theta, _SHORT)
    series = 3.0 * long + 0.2 - 2.0 * np.sum(np.exp(-_SQUARES * long[..., None]) / _SQUARES, axis=-1)
    response = np.where(theta <= _SHORT, np.exp(short) * (1.0 + erf(np.sqrt(short))) - 1.0, series)
    return np.asarray(response, dtype=np.float64)


@lru_cache(maxsize=1)
def _table() -> Array:
    log_theta = np.arange(_TABLE_FROM, _TABLE_TO + 2 * _TABLE_STEP, _TABLE_STEP)
    return np.asarray(surface_response(np.exp(log_theta)) * np.exp(-0.5 * log_theta), dtype=np.float64)


class TabulatedResponse:
    """u(rate·t) of `surface_response` at fixed times for many rates, from a table of u/√θ over ln θ.

    *time_s*, s, any shape. Right to 1e-6 of itself, and many times as fast; 0 where the time is not positive.
    """

    def __init__(self, time_s: Array) -> None:
        begun = np.maximum(time_s, 0.0)
        self._time = begun
        self._root = np.sqrt(begun)
        self._log = np.log(np.where(begun > 0, begun, 1.0))

    def __call__(self, rate: float, columns: slice = slice(None)) -> Array:
        """Return the response for *rate* = D̃/R², 1/s, of these *columns* (the last axis) of the times."""
        table = _table()
        root, log, time = self._root[..., columns], self._log[..., columns], self._time[..., columns]
        place = np.minimum(np.maximum(log + (np.log(rate) - _TABLE_FROM), 0.0), _TABLE_TO - _TABLE_FROM) / _TABLE_STEP
        left = place.astype(np.int64)
        ratio = table[left]
        ratio += (table[left + 1] - ratio) * (place - left)
        tabulated = ratio * root * np.sqrt(rate)
        theta = rate * time
        return np.asarray(np.where(theta > 2.0, 3.0 * theta + 0.2, tabulated), dtype=np.float64)

"""Diffusion in a sphere under constant flux: the exact surface response, and a diffusivity fitted with it.

The surface of a sphere of radius R that takes up a constant flux from t = 0 deviates from its start by

    u(θ) = 3θ + 1/5 − 2 Σ exp(−λ²θ)/λ²,  tan λ = λ,  θ = D̃t/R²

in units of flux·R/D̃ (Crank, *The Mathematics of Diffusion*, 2nd ed. 1975, eq. 6.45; Carslaw & Jaeger, *Conduction of
Heat in Solids*, 2nd ed. 1959, §9.8). At short times u = exp(θ)·(1 + erf √θ) − 1, from the same Laplace transform with
tanh √p = 1, exact to exp(−1/θ). Its first term, 2√(θ/π), is what the methods of Weppner and Huggins rest on; here all
of it is used, so that no τ ≪ R²/D̃ is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.arrays import Array
from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Interval

_SHORT = 0.05  # exp(−1/θ) is 2e-9 here
_TERMS = 8  # exp(−λ²θ) is 1e-15 for the last at θ = 0.05

_THETA_RANGE = (1e-5, 1e3)
"""τD̃/R² between which a fit is looked for; a result near an end is no result."""

_TABLE_FROM, _TABLE_TO, _TABLE_STEP = np.log(1e-12), np.log(2.0), 0.002
"""ln θ of the tabulated response: below, 2√(θ/π) is right to 1e-6; above, 3θ + 1/5 to 1e-18. The step is in ln θ."""

_GRID = 33


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

    *time_s*, s, shape (n,). Right to 1e-6 of itself, and many times as fast; 0 where the time is not positive.
    """

    def __init__(self, time_s: Array) -> None:
        begun = np.maximum(time_s, 0.0)
        self._time = begun
        self._root = np.sqrt(begun)
        self._log = np.log(np.where(begun > 0, begun, 1.0))

    def __call__(self, rate: float) -> Array:
        """Return the response, shape (n,), for *rate* = D̃/R², 1/s."""
        table = _table()
        place = (np.clip(self._log + np.log(rate), _TABLE_FROM, _TABLE_TO) - _TABLE_FROM) / _TABLE_STEP
        left = place.astype(np.int64)
        ratio = table[left]
        ratio += (table[left + 1] - ratio) * (place - left)
        tabulated = ratio * self._root * np.sqrt(rate)
        theta = rate * self._time
        return np.asarray(np.where(theta > 2.0, 3.0 * theta + 0.2, tabulated), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SphereFit:
    """A diffusivity (m²/s) fitted to a pulse and its rest.

    ``low``, ``high``: 95 % interval by profile likelihood. ``equilibrium_change_v`` is ΔEs, ``ohmic_v`` the jump that
    follows the current at once, ``residual_v`` the root mean square of the residuals. ``points`` were fitted.
    """

    diffusivity_m2_s: float
    low: float
    high: float
    equilibrium_change_v: float
    ohmic_v: float
    residual_v: float
    points: int

    def interval(self) -> Interval:
        """Return the interval of the diffusivity."""
        return Interval(low=self.low, high=self.high, level=0.95, method="profile likelihood")


def fit_sphere(
    since_s: Array,
    voltage_v: Array,
    under: NDArray[np.bool_],
    duration_s: float,
    radius_m: float,
    *,
    start_v: float | None = None,
) -> SphereFit:
    """Fit the diffusion of a sphere to one pulse and the rest after it.

    *since_s* (s since the current was switched on), *voltage_v* (V) and *under* (whether the row is under current),
    shape (n,): the pulse and its rest. The time alone does not tell the two apart: cyclers write the last row of the
    pulse and the first of the rest at one time. *start_v* is the voltage at rest before the pulse. The model is E₀ +
    a·[under current] + ΔEs·response(t; D̃): D̃ is searched, the others follow by linear least squares. It supposes a
    sphere of one size, a potential that is linear in composition over the pulse, rest before it, and interfacial steps
    that are faster than the sampling. Raises `InputError` on unlike shapes, `NotEnoughDataError` below eight points,
    without points in pulse or rest, or where the data do not bound D̃ inside τD̃/R² of 1e-5 to 1e3.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import stdtrit

    x, y = np.asarray(since_s, dtype=np.float64), np.asarray(voltage_v, dtype=np.float64)
    under = np.asarray(under, dtype=np.bool_)
    if not x.shape == y.shape == under.shape:
        raise InputError(f"Shapes {x.shape}, {y.shape} and {under.shape} of one pulse", expected="equal lengths")
    if len(x) < 8 or np.count_nonzero(under) < 3 or np.count_nonzero(~under) < 3:
        raise NotEnoughDataError(
            f"The pulse has {np.count_nonzero(under)} points and its rest {len(x) - np.count_nonzero(under)}",
            expected="at least three each, eight together",
        )
    if start_v is not None:
        x, y, under = np.append(x, 0.0), np.append(y, start_v), np.append(under, False)
    before, after = TabulatedResponse(x), TabulatedResponse(x - duration_s)
    y_centred, y_apart = _without_level(y, under)

    def solve(log_theta: float) -> tuple[float, float, float]:
        """Return the sum of squares, ΔEs and a; E₀ and a follow from the means without and under current."""
        theta = float(np.exp(log_theta))
        response = (before(theta / duration_s) - after(theta / duration_s)) / (3.0 * theta)
        centred, apart = _without_level(response, under)
        spread = float(centred @ centred)
        change = float(centred @ y_centred) / spread if spread > 0 else 0.0
        rest = y_centred - change * centred
        return float(rest @ rest), change, y_apart - change * apart

    grid = np.linspace(np.log(_THETA_RANGE[0]), np.log(_THETA_RANGE[1]), _GRID)
    squares = np.array([solve(at)[0] for at in grid])
    best = int(np.argmin(squares))
    if best in (0, _GRID - 1):
        raise NotEnoughDataError(
            "The pulse and its rest do not bound the diffusivity", expected="a relaxation in the data"
        )
    found = minimize_scalar(lambda at: solve(at)[0], bounds=(grid[best - 1], grid[best + 1]), method="bounded",
                            options={"xatol": 1e-6})  # fmt: skip
    least, change, ohmic = solve(float(found.x))
    freedom = len(x) - 4
    # F(1, n − 4) is t²: the scatter is estimated from the same few points
    limit = max(least, len(x) * 1e-18) * (1.0 + float(stdtrit(freedom, 0.975)) ** 2 / freedom)
    low, high = (_crossing(lambda at: solve(at)[0], float(found.x), grid, limit, way) for way in (-1, 1))
    if low <= grid[0] or high >= grid[-1]:
        raise NotEnoughDataError(
            "The pulse and its rest do not bound the diffusivity", expected="a relaxation in the data"
        )
    scale = radius_m**2 / duration_s
    return SphereFit(
        float(np.exp(found.x)) * scale, float(np.exp(low)) * scale, float(np.exp(high)) * scale,
        change, ohmic, float(np.sqrt(least / freedom)), len(x),
    )  # fmt: skip


def _without_level(values: Array, under: NDArray[np.bool_]) -> tuple[Array, float]:
    """Return *values*, shape (n,), less their mean under and without current, and by how much the former is higher."""
    high, low = float(values[under].mean()), float(values[~under].mean())
    return values - np.where(under, high, low), high - low


def _crossing(squares: Callable[[float], float], at: float, grid: Array, limit: float, way: int) -> float:
    from scipy.optimize import brentq

    inner, step = at, 0.01
    while True:
        outer = float(np.clip(at + way * step, grid[0], grid[-1]))
        if squares(outer) > limit:
            return float(brentq(lambda x: squares(x) - limit, *sorted((inner, outer)), xtol=1e-4))
        if outer in (grid[0], grid[-1]):
            return outer
        inner, step = outer, 3.0 * step

"""Least squares on the dynamic model, with intervals that know of smooth misfit.

Every parameter is fitted as its place between its bounds (0 to 1). For each kind of data k (curves, spectra) s_k² is
the variance of its residuals and τ_k the length over which they are correlated: a misfit of 10 mV that goes on for 30
points is one observation and not 30. τ is the integrated autocorrelation of the residuals of each curve (Geyer,
Statist. Sci. 7 (1992) 473, doi:10.1214/ss/1177011137, initial positive sequence). With J_k the Jacobian of the
weighted residuals, H = Σ J_kᵀJ_k the curvature that the fit itself has, c its mean s²τ and 12 the precision of a
uniform prior over the bounds, without which a direction that the data do not tell has no covariance at all, the
covariance of the linearised problem is

    (H/c + 12·1)⁻¹ (Σ s_k²τ_k J_kᵀJ_k/c² + 12·1) (H/c + 12·1)⁻¹,

which allows for weights that turn out other than the residuals (Huber, Proc. 5th Berkeley Symp. (1967) 221), and is
(JᵀJ/s²τ + 12·1)⁻¹ for one kind of data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from lirich.cells.autocorrelation import correlation_length
from lirich.cells.fit.problem import Prediction, Problem
from lirich.cells.fit.result import NORMAL_95, PRIOR_PRECISION, Derived, Fit, Scatter
from lirich.cells.fit.spectra import SYMBOLS, PredictedSpectrum
from lirich.errors import SettingsError, SimulationError

Array = NDArray[np.float64]

_LEAST_VARIANCE = 1e-14
"""V²: data without noise leave the simulator's own error."""
_FACTOR = 10.0
"""A derived number is told where its interval spans less to either side."""
_STEP = 1e-4
"""Step of the differences, in parts of the bounds; the Jacobian that is reported is of steps ten times as large, by a
solver a thousand times as tight."""


def fit(
    problem: Problem,
    *,
    starts: int = 1,
    spread: float = 0.05,
    seed: int = 0,
    max_evaluations: int = 60,
    progress: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit by least squares from the problem's starts and *starts* − 1 points around the first; the best is returned.

    Parameters
    ----------
    spread:
        Standard deviation of the other starts, in parts of the bounds.
    max_evaluations:
        Per start; a Jacobian is not counted.
    progress:
        Called with the number of the start and its cost.
    """
    random = np.random.default_rng(seed)
    best: Any = None
    evaluations = 0
    begins = [problem.start, *problem.further_starts]
    begins += [problem.start + spread * random.normal(size=problem.start.size) for _ in range(starts - 1)]
    for number, begin in enumerate(begins):
        found = least_squares(
            problem.residuals,
            np.clip(begin, 1e-4, 1.0 - 1e-4),
            bounds=(0.0, 1.0),
            diff_step=_STEP,
            max_nfev=max_evaluations,
        )
        evaluations += int(found.nfev)
        if progress is not None:
            progress(number, float(found.cost))
        if best is None or found.cost < best.cost:
            best = found
    return summarise(problem, np.asarray(best.x), evaluations=evaluations, converged=bool(best.status > 0))


def summarise(problem: Problem, units: Array, *, evaluations: int = 0, converged: bool = True) -> Fit:
    """Return the fit with the parameters at *units* (n,): curves, spectra, Jacobian, intervals.

    All of it is solved a thousand times as tightly as the fit: where the data do not tell a direction, differences of
    two runs are noise of the solver, which would pass for a measurement.
    """
    plain = replace(problem, pull=0.0, simulator=problem.simulator.precise())
    predicted = tuple(plain.predict(plain.values(units)))
    residuals = plain.weighted(predicted)
    names = [(p.name, name) for p in predicted if isinstance(p, PredictedSpectrum) for name in p.numbers]
    followed = _followed(predicted)

    def both(at: Array) -> Array:
        """Return the residuals, and behind them the logarithms of what is derived."""
        try:
            found = plain.predict(plain.values(at))
        except (SimulationError, SettingsError):
            return np.concatenate([plain.residuals(at), followed])
        return np.concatenate([plain.weighted(found), _followed(found)])

    whole = differences(both, units, np.concatenate([residuals, followed]))
    jacobian, gradient = whole[: residuals.size], whole[residuals.size :]
    rows = np.concatenate([np.full(p.left.size, int(isinstance(p, PredictedSpectrum))) for p in predicted])
    kinds = [kind for kind in (0, 1) if np.any(rows == kind)]
    rows = np.searchsorted(kinds, rows)
    scatters = tuple(
        _scatter(("curves", "spectra")[kind], predicted, residuals[rows == k], units.size, residuals.size)
        for k, kind in enumerate(kinds)
    )
    matrix = covariance([jacobian[rows == k] for k in range(len(kinds))], [s.variance * s.length for s in scatters])
    errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", gradient, matrix, gradient), 0.0))
    return Fit(
        problem,
        units,
        predicted,
        jacobian,
        matrix,
        scatters,
        rows,
        tuple(
            _derived(of, name, float(np.exp(level)), float(error))
            for (of, name), level, error in zip(names, followed, errors, strict=True)
            if np.isfinite(level)
        ),
        evaluations,
        converged,
    )


def _followed(predicted: Sequence[Prediction]) -> Array:
    """Return the logarithms of what the model knows of the states of the spectra; −∞ of what is zero."""
    numbers = [number for p in predicted if isinstance(p, PredictedSpectrum) for number in p.numbers.values()]
    with np.errstate(divide="ignore"):
        return np.log(np.array(numbers, dtype=np.float64))


def _scatter(kind: str, predicted: Sequence[Prediction], residuals: Array, parameters: int, points: int) -> Scatter:
    """Return variance and correlation of the residuals of a kind, which bears its share of the parameters."""
    of_kind = [p for p in predicted if isinstance(p, PredictedSpectrum) == (kind == "spectra")]
    sizes = [n for p in of_kind for n in ((p.left.size // 2,) * 2 if kind == "spectra" else (p.left.size,))]
    length = correlation_length(np.split(residuals, np.cumsum(sizes)[:-1]))
    freedom = max(residuals.size * (1.0 - parameters / points), 1.0)
    return Scatter(kind, residuals.size, max(float(residuals @ residuals) / freedom, _LEAST_VARIANCE), length)


def _derived(of: str, name: str, value: float, error: float) -> Derived:
    symbol, unit = SYMBOLS[name]
    spread = float(np.exp(min(NORMAL_95 * error, 100.0)))
    return Derived(of, name, symbol, unit, value, value / spread, value * spread, spread < _FACTOR)


def covariance(jacobians: Sequence[Array], variances: Sequence[float]) -> Array:
    """Return the covariance, shape (n, n), of parameters that lie between 0 and 1, by the formula at the top.

    *jacobians* (m_k, n) and *variances* (s²τ) are those of each kind of data.
    """
    curvatures = [jacobian.T @ jacobian for jacobian in jacobians]
    sizes = np.array([jacobian.shape[0] for jacobian in jacobians], dtype=np.float64)
    common = float(np.average(variances, weights=sizes))
    prior = PRIOR_PRECISION * np.eye(curvatures[0].shape[0])
    bread = np.linalg.inv(sum(curvatures) / common + prior)
    meat = sum(c * v for c, v in zip(curvatures, variances, strict=True)) / common**2 + prior
    return np.asarray(bread @ meat @ bread, dtype=np.float64)


def differences(function: Callable[[Array], Array], units: Array, here: Array) -> Array:
    """Return the Jacobian (m, n) by one-sided differences that stay within 0 to 1."""
    columns = []
    for i in range(units.size):
        moved = units.copy()
        moved[i] += _STEP * 10 if units[i] < 0.5 else -_STEP * 10
        with np.errstate(invalid="ignore"):  # what is zero has no logarithm
            columns.append((function(moved) - here) / (moved[i] - units[i]))
    return np.array(columns, dtype=np.float64).T

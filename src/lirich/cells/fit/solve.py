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
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from lirich.cells.autocorrelation import correlation_length
from lirich.cells.fit.problem import FreeParameter, Predicted, Prediction, Problem
from lirich.cells.fit.spectra import SYMBOLS, PredictedSpectrum
from lirich.errors import SettingsError, SimulationError

Array = NDArray[np.float64]

_LEAST_VARIANCE = 1e-14
"""V²: data without noise leave the simulator's own error."""
_FACTOR = 10.0
_STEP = 1e-4
"""Step of the differences, in parts of the bounds: the simulator's own error (1e-6) is far below what it causes."""
_MARGIN = 1e-3
"""A parameter nearer to its bound than this part of the bounds is at its bound."""
NORMAL_95 = 1.959964
PRIOR_PRECISION = 12.0
"""Of a uniform distribution of width 1."""
NOT_TOLD = 0.8
"""An interval wider than this part of what the bounds alone would give is not a measurement."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A fitted parameter: the value, its 95 % interval (within the bounds), and whether it is a measurement at all.

    ``told`` is false where the data narrow the bounds by less than a fifth. At a bound the interval is that of a
    parameter that was held there.
    """

    parameter: FreeParameter
    value: float
    low: float
    high: float
    at_bound: bool
    told: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON."""
        return {
            "name": self.parameter.name,
            "symbol": self.parameter.symbol,
            "value": self.value,
            "interval_95": [self.low, self.high],
            "bounds": [self.parameter.low, self.parameter.high],
            "at_bound": self.at_bound,
            "told_by_the_data": self.told,
        }


@dataclass(frozen=True, slots=True)
class Scatter:
    """What a kind of data leaves over: ``variance`` s² in V² and ``length`` τ in points; ``points`` residuals."""

    kind: str
    points: int
    variance: float
    length: float


@dataclass(frozen=True, slots=True)
class Derived:
    """A number of the state in which a spectrum was measured, that follows from the parameters, with 95 % interval.

    ``told`` is false where the interval spans more than a factor of ten to either side.
    """

    of: str
    name: str
    symbol: str
    unit: str
    value: float
    low: float
    high: float
    told: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the number as JSON."""
        return {
            "of": self.of,
            "name": self.name,
            "symbol": self.symbol,
            "unit": self.unit,
            "value": self.value,
            "interval_95": [self.low, self.high],
            "told_by_the_data": self.told,
        }


@dataclass(frozen=True)
class Fit:
    """What a fit found.

    ``units`` (n,) are the parameters between their bounds, ``jacobian`` (m, n) that of the unweighted-by-pull
    residuals (V), ``scatters`` what each kind of data leaves over, ``rows`` (m,) which of them a residual belongs to.
    """

    problem: Problem
    units: Array
    predictions: tuple[Prediction, ...]
    jacobian: Array
    covariance: Array
    scatters: tuple[Scatter, ...]
    rows: NDArray[np.int64]
    derived: tuple[Derived, ...]
    evaluations: int
    converged: bool

    @property
    def predicted(self) -> tuple[Predicted, ...]:
        """The curves beside their simulations."""
        return tuple(p for p in self.predictions if isinstance(p, Predicted))

    @property
    def spectra(self) -> tuple[PredictedSpectrum, ...]:
        """The spectra beside their simulations."""
        return tuple(p for p in self.predictions if isinstance(p, PredictedSpectrum))

    @property
    def error(self) -> Array:
        """s·√τ of each residual, V, shape (m,): what a residual counts as one observation against."""
        each = np.array([np.sqrt(s.variance * s.length) for s in self.scatters])
        return np.asarray(each[self.rows], dtype=np.float64)

    @property
    def values(self) -> dict[str, float]:
        """The free parameters."""
        return self.problem.values(self.units)

    @property
    def model_values(self) -> dict[str, float]:
        """Every parameter of the model with the fit in it."""
        everything = self.problem.all_values(self.values)
        return {name: everything[name] for name in self.problem.simulator.defaults}

    @property
    def parameter_count(self) -> int:
        """How many parameters were free."""
        return len(self.problem.parameters)

    @property
    def point_count(self) -> int:
        """How many points were fitted."""
        return self.problem.points

    @property
    def rmse_mv(self) -> dict[str, float]:
        """RMSE of every curve (mV), without the last 2 % of its capacity."""
        return {p.name: p.rmse_mv for p in self.predicted}

    @property
    def residual_percent(self) -> dict[str, float]:
        """Root mean square residual of every spectrum, % of |Z|."""
        return {p.name: p.residual_percent for p in self.spectra}

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Every parameter with its interval."""
        found = []
        errors = np.sqrt(np.diag(self.covariance))
        for parameter, unit, error in zip(self.problem.parameters, self.units, errors, strict=True):
            low, high = (float(min(max(unit + s * NORMAL_95 * error, 0.0), 1.0)) for s in (-1, 1))
            found.append(
                Estimate(
                    parameter,
                    parameter.from_unit(float(unit)),
                    parameter.from_unit(low),
                    parameter.from_unit(high),
                    bool(min(unit, 1.0 - unit) < _MARGIN),
                    bool(error < NOT_TOLD / np.sqrt(PRIOR_PRECISION)),
                )
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the fit as JSON."""
        return {
            "parameters_free": self.parameter_count,
            "points": self.point_count,
            "rmse_mv": {name: round(value, 3) for name, value in self.rmse_mv.items()},
            "residual_percent": {name: round(value, 4) for name, value in self.residual_percent.items()},
            "scatter": {
                s.kind: {
                    "points": s.points,
                    "standard_deviation_v": float(np.sqrt(s.variance)),
                    "correlation": s.length,
                }
                for s in self.scatters
            },
            "converged": self.converged,
            "evaluations": self.evaluations,
            "estimates": [e.to_dict() for e in self.estimates],
            "derived": [d.to_dict() for d in self.derived],
            "parameters": self.model_values,
        }


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
    """Return the fit with the parameters at *units* (n,): curves, spectra, Jacobian, intervals."""
    plain = replace(problem, pull=0.0)
    predicted = tuple(problem.predict(problem.values(units)))
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

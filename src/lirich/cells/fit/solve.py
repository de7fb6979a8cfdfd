"""Least squares on the dynamic model, with intervals that know of smooth misfit.

Every parameter is fitted as its place between its bounds (0 to 1). The covariance is that of the linearised problem,
(JᵀJ/s²τ + 12·1)⁻¹: s² is the variance of the residuals, τ the length over which they are correlated, and 12 the
precision of a uniform prior over the bounds, without which a direction that the data do not tell has no covariance at
all. A misfit of 10 mV that goes on for 30 points is one observation and not 30: τ is the integrated autocorrelation of
the residuals of each curve (Geyer, Statist. Sci. 7 (1992) 473, doi:10.1214/ss/1177011137, initial positive sequence).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from lirich.cells.autocorrelation import correlation_length
from lirich.cells.fit.problem import FreeParameter, Predicted, Problem

Array = NDArray[np.float64]

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


@dataclass(frozen=True)
class Fit:
    """What a fit found.

    ``units`` (n,) are the parameters between their bounds, ``jacobian`` (m, n) that of the unweighted-by-pull
    residuals (V), ``correlation_length`` τ is in points, ``variance`` s² in V².
    """

    problem: Problem
    units: Array
    predicted: tuple[Predicted, ...]
    jacobian: Array
    covariance: Array
    variance: float
    correlation_length: float
    evaluations: int
    converged: bool

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
        return sum(p.measured_v.size for p in self.predicted)

    @property
    def rmse_mv(self) -> dict[str, float]:
        """RMSE of every curve (mV), without the last 2 % of its capacity."""
        return {p.curve.name: p.rmse_mv for p in self.predicted}

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
            "correlation_length_points": self.correlation_length,
            "converged": self.converged,
            "evaluations": self.evaluations,
            "estimates": [e.to_dict() for e in self.estimates],
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
    """Fit by least squares, from the start of the problem and *starts* − 1 points around it; the best is returned.

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
    for number in range(max(1, starts)):
        begin = problem.start if number == 0 else problem.start + spread * random.normal(size=problem.start.size)
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
    """Return the fit with the parameters at *units* (n,): curves, Jacobian, intervals."""
    plain = replace(problem, pull=0.0)
    predicted = tuple(problem.predict(problem.values(units)))
    residuals = plain.residuals(units)
    jacobian = differences(plain.residuals, units, residuals)
    length = correlation_length(np.split(residuals, np.cumsum([p.at.size for p in predicted])[:-1]))
    freedom = max(residuals.size - units.size, 1)
    variance = float(residuals @ residuals) / freedom
    return Fit(
        problem,
        units,
        predicted,
        jacobian,
        covariance(jacobian, variance * length),
        variance,
        length,
        evaluations,
        converged,
    )


def covariance(jacobian: Array, variance: float) -> Array:
    """Return (JᵀJ/variance + 12·1)⁻¹, shape (n, n), of parameters that lie between 0 and 1."""
    fisher = jacobian.T @ jacobian / variance
    return np.asarray(np.linalg.inv(fisher + PRIOR_PRECISION * np.eye(fisher.shape[0])), dtype=np.float64)


def differences(function: Callable[[Array], Array], units: Array, here: Array) -> Array:
    """Return the Jacobian (m, n) by one-sided differences that stay within 0 to 1."""
    columns = []
    for i in range(units.size):
        moved = units.copy()
        moved[i] += _STEP * 10 if units[i] < 0.5 else -_STEP * 10
        columns.append((function(moved) - here) / (moved[i] - units[i]))
    return np.array(columns, dtype=np.float64).T

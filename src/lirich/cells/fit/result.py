"""What a fit found: estimates with intervals, what each kind of data leaves over, and what follows for its spectra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lirich.cells.fit.problem import FreeParameter, Predicted, Prediction, Problem
from lirich.cells.fit.spectra import PredictedSpectrum

Array = NDArray[np.float64]

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

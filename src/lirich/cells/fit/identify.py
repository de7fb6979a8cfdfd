"""What the data cannot tell: flat directions of the likelihood in words, and profiles of single parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from lirich.cells.fit.result import PRIOR_PRECISION, Fit
from lirich.errors import UnknownNameError

Array = NDArray[np.float64]

_CHI2_95 = 3.841459
_PART = 0.85
"""The parameters that make up this part of a direction are named."""
_ALONE = 0.8


@dataclass(frozen=True, slots=True)
class Direction:
    """An eigenvector of the Fisher matrix: ``weights`` by parameter symbol, and how far one can go along it unnoticed.

    ``spread`` is its standard deviation in parts of the bounds by the data alone; 0.29 is that of the bounds.
    ``told`` says whether the data narrow it. ``words`` say what that means.
    """

    weights: tuple[tuple[str, float], ...]
    spread: float
    told: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return the direction as JSON."""
        return {"weights": dict(self.weights), "spread": self.spread, "told": self.told, "words": self.words}


@dataclass(frozen=True)
class Profile:
    """The likelihood over one parameter with all others refitted: ``values`` (n,), ``excess`` (n,) is Δχ².

    ``low`` and ``high`` are the 95 % interval, where Δχ² = 3.84; ``None`` where the profile does not reach it.
    """

    name: str
    values: Array
    excess: Array
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as JSON."""
        return {
            "name": self.name,
            "values": self.values.tolist(),
            "delta_chi2": self.excess.tolist(),
            "interval_95": [self.low, self.high],
        }


def identifiability(fit: Fit) -> tuple[Direction, ...]:
    """Return the directions of the parameters, the least told first.

    The Fisher matrix is Σ J_kᵀJ_k/(s_k²τ_k) over the kinds of data, of the parameters between their bounds; a
    direction whose standard deviation is more than that of the bounds themselves (1/√12) is not told by these data.
    """
    weighted = fit.jacobian / fit.error[:, None]
    fisher = weighted.T @ weighted
    strengths, vectors = np.linalg.eigh(fisher)
    symbols = [p.symbol or p.name for p in fit.problem.parameters]
    found = []
    for strength, vector in zip(strengths, vectors.T, strict=True):
        spread = float(1.0 / np.sqrt(max(strength, 1e-12)))
        told = bool(spread < 1.0 / np.sqrt(PRIOR_PRECISION))
        order = np.argsort(-np.abs(vector))
        count = int(np.searchsorted(np.cumsum(vector[order] ** 2), _PART)) + 1
        sign = np.sign(vector[order[0]])
        weights = tuple((symbols[i], round(float(vector[i] * sign), 3)) for i in order[:count])
        found.append(Direction(weights, spread, told, _words(weights, spread, told)))
    return tuple(found)


def _words(weights: tuple[tuple[str, float], ...], spread: float, told: bool) -> str:
    (first, weight), rest = weights[0], weights[1:4]
    if weight**2 > _ALONE or not rest:
        return (
            f"{first} is told by itself"
            if told
            else f"{first} is not told by these data: it can be anything between its bounds"
        )
    others = ", ".join(f"{name} {'up' if w > 0 else 'down'}" for name, w in rest)
    more = f" (and {len(weights) - 4} more parameters)" if len(weights) > 4 else ""
    if told:
        return f"told to {spread:.2g} of the bounds: {first} up with {others}{more}"
    return (
        f"not told: {first} up with {others}{more} leaves the data as they are; only the opposite combination is seen"
    )


def profile(
    fit: Fit,
    name: str,
    *,
    points: int = 7,
    reach: float = 3.0,
    max_evaluations: int = 12,
    progress: Callable[[int], None] | None = None,
) -> Profile:
    """Return the profile likelihood of one parameter, over ±*reach* standard deviations within its bounds.

    Raises `UnknownNameError` where the parameter was not free.
    """
    names = fit.problem.names
    if name not in names:
        raise UnknownNameError.of("parameter", name, names)
    index = names.index(name)
    error = float(np.sqrt(fit.covariance[index, index]))
    centre = float(fit.units[index])
    grid = np.unique(np.clip(centre + error * np.linspace(-reach, reach, points), 0.0, 1.0))
    plain = replace(fit.problem, pull=0.0)
    kept = np.arange(fit.units.size) != index
    error_of_rows = fit.error  # each kind of data by what it leaves over: then the sum of squares is χ²

    def at(unit: float, begin: Array) -> tuple[float, Array]:
        def residuals(others: Array) -> Array:
            return plain.residuals(np.insert(others, index, unit)) / error_of_rows

        found = least_squares(
            residuals, np.clip(begin, 1e-4, 1 - 1e-4), bounds=(0.0, 1.0), diff_step=1e-4, max_nfev=max_evaluations
        )
        return float(found.cost), np.asarray(found.x)

    base, start = at(centre, fit.units[kept])
    costs: dict[float, float] = {centre: base}
    for side in (grid[grid > centre], grid[grid < centre][::-1]):
        others = start
        for number, unit in enumerate(side):
            costs[float(unit)], others = at(float(unit), others)
            if progress is not None:
                progress(number)
    units = np.array(sorted(costs))
    excess = 2.0 * (np.array([costs[u] for u in units]) - min(costs.values()))
    parameter = fit.problem.parameters[index]
    low, high = _crossings(units, excess)
    return Profile(
        name,
        np.array([parameter.from_unit(float(u)) for u in units]),
        excess,
        None if low is None else parameter.from_unit(low),
        None if high is None else parameter.from_unit(high),
    )


def _crossings(units: Array, excess: Array) -> tuple[float | None, float | None]:
    """Return where Δχ² crosses 3.84 below and above its least, by linear interpolation of its root."""
    root = np.sqrt(np.maximum(excess, 0.0))
    limit = float(np.sqrt(_CHI2_95))
    least = int(np.argmin(excess))
    low = high = None
    for i in range(least, 0, -1):
        if root[i - 1] >= limit:
            low = float(np.interp(limit, [root[i], root[i - 1]], [units[i], units[i - 1]]))
            break
    for i in range(least, units.size - 1):
        if root[i + 1] >= limit:
            high = float(np.interp(limit, [root[i], root[i + 1]], [units[i], units[i + 1]]))
            break
    return low, high

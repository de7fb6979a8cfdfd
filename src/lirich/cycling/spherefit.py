"""A diffusivity fitted to the exact response of a sphere to a pulse, its rest, and the pulses before.

The voltage under a pulse is E(x) + a·[under current], x the state of the surface. E is a curve through the voltages at
rest of the neighbouring pulses, which are data with the same noise as all others, so that neither a slope that changes
from pulse to pulse nor a profile that earlier pulses left is taken for a diffusivity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.arrays import Array
from lirich.cycling.pulsetrain import THETA_RANGE, TrainPart
from lirich.cycling.sphere import TabulatedResponse
from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Interval

_GRID = 17


@dataclass(frozen=True, slots=True)
class SphereFit:
    """A diffusivity (m²/s) fitted to a pulse and its rest.

    ``low``, ``high``: 95 % interval by profile likelihood. ``equilibrium_change_v`` is ΔEs, ``ohmic_v`` the jump that
    follows the current at once, ``residual_v`` the root mean square of the residuals. ``points`` were fitted.
    ``beyond`` is how far the surface went past the states at which a voltage at rest is known, in charges of the pulse:
    there the potential is supposed to be linear. ``bend`` is the largest ratio of its slopes on the two sides of a
    rest, within the states that the surface passed.
    """

    diffusivity_m2_s: float
    low: float
    high: float
    equilibrium_change_v: float
    ohmic_v: float
    residual_v: float
    points: int
    beyond: float
    bend: float

    def interval(self) -> Interval:
        """Return the interval of the diffusivity."""
        return Interval(low=self.low, high=self.high, level=0.95, method="profile likelihood")


@dataclass(frozen=True, slots=True)
class _Solved:
    squares: float
    change_v: float
    ohmic_v: float
    beyond: float
    bend: float


def fit_sphere(
    since_s: Array,
    voltage_v: Array,
    under: NDArray[np.bool_],
    duration_s: float,
    radius_m: float,
    *,
    start_v: float | None = None,
    among: TrainPart | None = None,
) -> SphereFit:
    """Fit the diffusion of a sphere to one pulse and the rest after it.

    *since_s* (s since the current was switched on), *voltage_v* (V) and *under* (whether the row is under current),
    shape (n,): the pulse and its rest. The time alone does not tell the two apart: cyclers write the last row of the
    pulse and the first of the rest at one time. *start_v* is the voltage at rest before the pulse, *among* what the
    pulse sees of others, made with the same *since_s* (and a 0 behind them for *start_v*).

    D̃ is searched, the ohmic jump and the potential at the states of `TrainPart.states` follow by linear least squares.
    Without *among* the sphere is at equilibrium before the pulse and the potential linear. It supposes a sphere of one
    size, one D̃ over the states that it holds, and interfacial steps that are faster than the sampling. Raises
    `InputError` on unlike shapes, `NotEnoughDataError` below eight points, without points in pulse or rest, or where
    the data do not bound D̃ inside `THETA_RANGE`.
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
    response = TabulatedResponse(np.stack((x, x - duration_s)))

    @cache
    def solve(log_theta: float) -> _Solved:
        theta = float(np.exp(log_theta))
        rate = theta / duration_s
        begun, over = response(rate)
        state = (begun - over) / (3.0 * theta)
        if among is None:
            return _solve(state, y, under, _LINEAR, _NOTHING, _NEITHER)
        state = state + among.memory(rate)
        return _solve(state, y, under, *among.states(rate, float(state.max())))

    grid = np.linspace(np.log(THETA_RANGE[0]), np.log(THETA_RANGE[1]), _GRID)
    best = int(np.argmin([solve(at).squares for at in grid]))
    if best in (0, _GRID - 1):
        raise NotEnoughDataError(_UNBOUNDED, expected="a relaxation in the data")
    found = float(
        minimize_scalar(lambda at: solve(at).squares, bounds=(grid[best - 1], grid[best + 1]), method="bounded",
                        options={"xatol": 1e-4}).x
    )  # fmt: skip
    least = solve(found)
    freedom = len(x) - 4
    # F(1, n − 4) is t²: the scatter is estimated from the same few points
    rise = max(least.squares, len(x) * 1e-18) * float(stdtrit(freedom, 0.975)) ** 2 / freedom
    low, high = (
        _crossing(lambda at: solve(at).squares - least.squares, rise, found, end) for end in (grid[0], grid[-1])
    )
    if low <= grid[0] or high >= grid[-1]:
        raise NotEnoughDataError(_UNBOUNDED, expected="a relaxation in the data")
    scale = radius_m**2 / duration_s
    return SphereFit(
        float(np.exp(found)) * scale, float(np.exp(low)) * scale, float(np.exp(high)) * scale, least.change_v,
        least.ohmic_v, float(np.sqrt(least.squares / freedom)), len(x), least.beyond, least.bend,
    )  # fmt: skip


_LINEAR, _NOTHING, _NEITHER = np.array([0.0, 1.0]), np.zeros(2), np.zeros(2, dtype=np.bool_)
_UNBOUNDED = "The pulse and its rest do not bound the diffusivity"


def _solve(
    state: Array, voltage_v: Array, under: NDArray[np.bool_], nodes: Array, node_v: Array, known: NDArray[np.bool_]
) -> _Solved:
    """Fit the potential at the *nodes* and the ohmic jump; *node_v* is data too where *known*."""
    if len(nodes) < 2:
        return _Solved(np.inf, 0.0, 0.0, np.inf, np.inf)
    shape = _curve(state, nodes)
    design = np.column_stack((shape, under)).astype(np.float64, copy=False)
    level = voltage_v[-1]
    y = voltage_v - level
    normal, right = design.T @ design, design.T @ y
    at = np.flatnonzero(known)
    normal[at, at] += 1.0
    right[at] += node_v[at] - level
    found = np.linalg.solve(normal, right)
    rest, off = y - design @ found, found[at] - (node_v[at] - level)
    own = np.flatnonzero(~known)
    first, last = (own[0], own[-1]) if len(own) > 1 else (0, -1)
    return _Solved(
        float(rest @ rest + off @ off),
        float((found[:-1][last] - found[first]) / (nodes[last] - nodes[first])),
        float(found[-1]),
        max(float(state.max() - nodes[-1]), float(nodes[0] - state.min()), 0.0),
        _bend(nodes, found[:-1]),
    )


def _bend(nodes: Array, node_v: Array) -> float:
    slope = (node_v[1:] - node_v[:-1]) / (nodes[1:] - nodes[:-1])
    if len(slope) < 2:
        return 1.0
    below, above = slope[:-1], slope[1:]
    lesser = np.where(below * above > 0, np.minimum(np.abs(below), np.abs(above)), 0.0)
    greater = np.maximum(np.abs(below), np.abs(above))
    return float(np.divide(greater, lesser, out=np.full_like(greater, np.inf), where=lesser > 0).max())


def _curve(x: Array, nodes: Array) -> Array:
    """Return the weights of the values at *nodes* in a smooth curve at *x*, shape (n, m).

    Cubic Hermite pieces with the slope of the parabola through three nodes; straight on beyond the ends.
    """
    step = nodes[1:] - nodes[:-1]
    slope = np.zeros((len(nodes), len(nodes)))
    left, right = step[:-1], step[1:]
    i = np.arange(1, len(nodes) - 1)
    slope[i, i - 1], slope[i, i], slope[i, i + 1] = np.stack((-(right**2), right**2 - left**2, left**2)) / (
        left * right * (left + right)
    )
    for end, inner, sign in ((0, 1, 1.0), (-1, -2, -1.0)):
        slope[end, [end, inner]] = np.array([-sign, sign]) / step[min(end, 0)]
        if len(nodes) > 2:  # of a parabola: twice that of the chord less that of the next node
            slope[end] = 2.0 * slope[end] - slope[inner]
    at = np.searchsorted(nodes[1:-1], x)
    inside = np.minimum(np.maximum(x, nodes[0]), nodes[-1])
    h, beyond = step[at], x - inside
    t = (inside - nodes[at]) / h
    rows = np.arange(len(x))
    value, tangent = np.zeros((2, len(x), len(nodes)))
    upper = t * t * (3.0 - 2.0 * t)
    value[rows, at], value[rows, at + 1] = 1.0 - upper, upper
    tangent[rows, at] = h * t * (1.0 - t) ** 2 + np.minimum(beyond, 0.0)
    tangent[rows, at + 1] = h * t * t * (t - 1.0) + np.maximum(beyond, 0.0)
    return np.asarray(value + tangent @ slope, dtype=np.float64)


def _crossing(squares: Callable[[float], float], rise: float, at: float, end: float) -> float:
    """Return where the *squares* above the least have grown by *rise*, between *at* and *end*; *end* if nowhere."""
    from scipy.optimize import brentq

    def off(step: float) -> float:  # straight where the squares are a parabola
        return float(np.sqrt(max(squares(at + way * step), 0.0)) - np.sqrt(rise))

    way, room = (1.0, end - at) if end > at else (-1.0, at - end)
    inner, step = 0.0, min(_FIRST_STEP, room)
    while (found := off(step)) < 0:
        if step == room:
            return end
        share = 1.0 + found / np.sqrt(rise)  # of the rise, as if it were straight
        inner, step = step, min(step * float(min(max(1.2 / max(share, 1e-9), 1.2), 10.0)), room)
    return at + way * float(brentq(off, inner, step, xtol=1e-3 * step))


_FIRST_STEP = 0.03  # of ln D̃

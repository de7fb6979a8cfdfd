"""A train of pulses on one sphere: what it remembers of earlier pulses, and its potential at rest.

Diffusion is linear, so that the surface of a sphere is the sum of its responses to all pulses. A rest that is short
beside R²/D̃ leaves a profile in the sphere, which goes on to flatten under the next pulses and moves their voltage as
much as they do. The voltages at the ends of the rests, at the states that the surface has there, are the potential.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.arrays import Array
from lirich.cycling.sphere import TabulatedResponse

THETA_RANGE = (1e-5, 1e3)
"""τD̃/R² between which a diffusivity is looked for."""

_RELAXED = 1.3  # D̃t/R² after which exp(−λ²θ) of the slowest mode is 4e-12
_STEP = 0.2  # of ln(D̃/R²): cubic interpolation between is right to 1e-4
_NODES = 12
_REACH = 30  # rests ahead: a surface that goes further in one pulse is taken to have left what was measured
_LEAST_STEP = 0.1  # charges of the pulse: states that are nearer to each other tell no slope


class PulseTrain:
    """Pulses of one sphere, which is at equilibrium before the first.

    *start_s*, *stop_s* (s) and *charge* (any unit, of one sign) of each pulse, shape (k,); *rest_s* (s) and *rest_v*
    (V): time and voltage at the end of the rest before each pulse and after the last, shape (k + 1,).
    """

    def __init__(self, start_s: Array, stop_s: Array, charge: Array, rest_s: Array, rest_v: Array) -> None:
        self.start_s, self.stop_s, self.charge, self.rest_s, self.rest_v = start_s, stop_s, charge, rest_s, rest_v
        self.mean = np.concatenate(([0.0], np.cumsum(charge)))
        lasted = stop_s - start_s
        low, high = np.log(THETA_RANGE[0] / lasted.max()), np.log(THETA_RANGE[1] / lasted.min())
        self._log = np.arange(low - 2 * _STEP, high + 3 * _STEP, _STEP)
        self._ahead = self._tabulated(lasted)

    def _tabulated(self, lasted: Array) -> Array:
        ends, flows = np.tril_indices(len(self.rest_s), -1)
        since = self.rest_s[ends] - self.stop_s[flows]
        begun, over = TabulatedResponse(self.rest_s[ends] - self.start_s[flows]), TabulatedResponse(since)
        ahead = np.zeros((len(self._log), len(self.rest_s)))
        for i, rate in enumerate(np.exp(self._log)):
            if rate * float(since.min()) > _RELAXED:
                break
            share = (begun(rate) - over(rate)) / (3.0 * rate * lasted[flows]) - 1.0
            ahead[i] = np.bincount(ends, weights=share * self.charge[flows], minlength=len(self.rest_s))
        return ahead

    def ahead(self, rate: float, rests: slice) -> Array:
        """Return surface less mean at the ends of *rests* (from 0), in the unit of the charge; *rate* is D̃/R², 1/s."""
        place = (np.log(rate) - self._log[0]) / _STEP
        left = min(max(int(place), 1), len(self._log) - 3)
        t = place - left
        cubic = np.array([-t * (t - 1) * (t - 2), 3 * (t + 1) * (t - 1) * (t - 2),
                          -3 * (t + 1) * t * (t - 2), (t + 1) * t * (t - 1)]) / 6  # fmt: skip
        return np.asarray(cubic @ self._ahead[left - 1 : left + 3, rests], dtype=np.float64)


class TrainPart:
    """What one pulse of a `PulseTrain` (*number* from 0) sees of the others; *since_s*: rows, s since its start."""

    def __init__(self, train: PulseTrain, number: int, since_s: Array) -> None:
        self._train, self._number = train, number
        self._charge = float(train.charge[number])
        self._first = max(number - 1, 0)
        self._rests = slice(self._first, number + 2 + _REACH)
        self._mean = (train.mean[self._rests] - train.mean[number]) / self._charge
        if number > 0:
            self._remember(since_s)

    def _remember(self, since_s: Array) -> None:
        # smooth in the logarithm of the time since the last pulse ended: twelve nodes give all rows
        train, number = self._train, self._number
        start = train.start_s[number]
        self._since = start - train.stop_s[:number]
        gap = max(float(self._since[-1]), 1e-3 * float(train.stop_s[number] - start))
        low, high = np.log(gap), np.log(gap + max(float(since_s.max()), gap))
        place = np.polynomial.chebyshev.chebpts1(_NODES)
        nodes = np.exp(low + 0.5 * (place + 1.0) * (high - low)) - gap
        rows = 2.0 * (np.log(np.maximum(since_s, 0.0) + gap) - low) / (high - low) - 1.0
        vander = np.polynomial.chebyshev.chebvander
        self._spread = vander(rows, _NODES - 1) @ np.linalg.inv(vander(place, _NODES - 1))
        self._begun = TabulatedResponse(nodes[:, None] + (start - train.start_s[:number]))
        self._over = TabulatedResponse(nodes[:, None] + self._since)
        self._lasted = train.stop_s[:number] - train.start_s[:number]

    def memory(self, rate: float) -> Array | float:
        """Return what earlier pulses add to surface less mean, in charges of this one, shape (n,)."""
        if self._number == 0:
            return 0.0
        first = int(np.searchsorted(-self._since, -_RELAXED / rate))
        if first == self._number:
            return 0.0
        flows = slice(first, self._number)
        share = (self._begun(rate, flows) - self._over(rate, flows)) / (3.0 * rate * self._lasted[flows]) - 1.0
        return np.asarray(self._spread @ (share @ self._train.charge[flows]) / self._charge, dtype=np.float64)

    def states(self, rate: float, most: float) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Return state of the surface and voltage at the ends of rests, in order, and which are of other pulses.

        States are in charges of this pulse, 0 for the mean before it. The rests are those around the pulse: from one
        before it to two beyond *most*.
        """
        state = self._mean + self._train.ahead(rate, self._rests) / self._charge
        beyond = state > most
        stop = int(beyond.argmax()) + 2 if beyond.any() else len(state)
        state = state[: max(stop, self._number - self._first + 2)]
        order = np.arange(len(state))
        if (state[1:] - state[:-1]).min() <= _LEAST_STEP:
            order = np.argsort(state, kind="stable")
            order = order[np.concatenate(([True], np.diff(state[order]) > _LEAST_STEP))]
        own = self._first + order - self._number
        return state[order], self._train.rest_v[self._rests][order], (own != 0) & (own != 1)

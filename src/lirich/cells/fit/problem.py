"""What is fitted to what: free parameters, experiments, and the residuals between a simulation and the curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lirich.cells.fit.curves import POINTS, Curve, Trace
from lirich.cells.programme import Programme, Step
from lirich.cells.simulation import Simulator
from lirich.errors import SettingsError, SimulationError

Array = NDArray[np.float64]

_SLOPE_V_PER_MAH_G = 0.02
"""By how much a residual grows beyond the end of a simulated curve: a fit must feel in which direction to go."""
_WINDOW_V = (1.25, 5.15)
"""V: beyond, the potentials of the sites are not to be trusted, and a simulation ends."""
_FAILED_V = 1.0
"""Residual of every point where the model cannot be solved."""


@dataclass(frozen=True, slots=True)
class FreeParameter:
    """A parameter that a fit may change, between *low* and *high*, from *start*; by its logarithm where *log*.

    *symbol* is the short name of tables and plots. A name that the model does not have is a state of an experiment.
    """

    name: str
    start: float
    low: float
    high: float
    log: bool = False
    symbol: str = ""

    def __post_init__(self) -> None:
        if not self.low <= self.start <= self.high or self.low == self.high:
            raise SettingsError(
                f"{self.name} starts at {self.start:g}", expected=f"within its bounds {self.low:g} to {self.high:g}"
            )
        if self.log and self.low <= 0:
            raise SettingsError(f"{self.name} is fitted by its logarithm from {self.low:g}", expected="more than 0")

    def to_unit(self, value: float) -> float:
        """Return where *value* is between the bounds, 0 to 1."""
        if self.log:
            return float(np.log(value / self.low) / np.log(self.high / self.low))
        return (value - self.low) / (self.high - self.low)

    def from_unit(self, unit: float) -> float:
        """Return the value at *unit* between the bounds."""
        if self.log:
            return float(self.low * (self.high / self.low) ** unit)
        return self.low + unit * (self.high - self.low)


@dataclass(frozen=True)
class Experiment:
    """Curves that follow one another, and how the cell came to the state in which they begin.

    The first experiment begins with a pristine cell, a later one where the one before ended; ``states`` gives, from the
    parameters and the states there, those that are other by then, and ``before`` is run first. Curves are simulated by
    charge, each for as long as it was measured, so that voltages are compared at the same capacity and an error of one
    curve is not carried into the next.
    """

    curves: tuple[Curve | Trace, ...]
    before: Programme | None = None
    states: Callable[[Mapping[str, float], Mapping[str, float]], Mapping[str, float]] | None = None
    pristine: bool = True


@dataclass(frozen=True)
class Predicted:
    """A measured curve beside its simulation at ``at`` (n,): capacities (mAh/g) of a curve, times (s) of a trace."""

    curve: Curve | Trace
    at: Array
    measured_v: Array
    simulated_v: Array
    beyond: NDArray[np.bool_]
    """Points that the simulation did not reach: the voltage ran away before."""

    @property
    def rmse_mv(self) -> float:
        """Root mean square of simulated − measured, mV."""
        return float(np.sqrt(np.mean((self.simulated_v - self.measured_v) ** 2)) * 1e3)


@dataclass(frozen=True)
class Problem:
    """Free parameters, experiments, and what follows from the parameters (*complete*) before the model takes them."""

    simulator: Simulator
    parameters: tuple[FreeParameter, ...]
    experiments: tuple[Experiment, ...]
    fixed: Mapping[str, float] = field(default_factory=dict)
    complete: Callable[[dict[str, float]], dict[str, float]] = dict
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weight of a curve by its name, 1 where it is not named: 2 counts like an error half as large."""
    pull: float = 0.0
    """Weight (V) of a weak pull to the start, per unit of the bounds: what the data do not tell stays where it was."""

    @property
    def names(self) -> list[str]:
        """The names of the free parameters."""
        return [p.name for p in self.parameters]

    @property
    def points(self) -> int:
        """The number of fitted points."""
        return sum(c.time_s.size if isinstance(c, Trace) else POINTS for e in self.experiments for c in e.curves)

    @property
    def start(self) -> Array:
        """The start between the bounds, 0 to 1, shape (n,)."""
        return np.array([p.to_unit(p.start) for p in self.parameters])

    def values(self, units: Array) -> dict[str, float]:
        """Return the free parameters as numbers with units."""
        return {p.name: p.from_unit(float(u)) for p, u in zip(self.parameters, units, strict=True)}

    def all_values(self, free: Mapping[str, float]) -> dict[str, float]:
        """Return every parameter of the model, and the states, that follow from the *free* ones."""
        return self.complete({**self.simulator.defaults, **self.fixed, **free})

    def predict(self, free: Mapping[str, float], points: int = POINTS) -> list[Predicted]:
        """Simulate every curve. Raises `SimulationError` or `SettingsError` where the parameters cannot be."""
        everything = self.all_values(free)
        model = {name: everything[name] for name in self.simulator.defaults}
        predicted, state = [], self.simulator.initial_state(model)
        for experiment in self.experiments:
            if experiment.pristine:
                state = self.simulator.initial_state(model)
            found, state = self._run(experiment, everything, model, state, points)
            predicted += found
        return predicted

    def _run(
        self,
        experiment: Experiment,
        everything: Mapping[str, float],
        model: dict[str, float],
        state: Array,
        points: int,
    ) -> tuple[list[Predicted], Array]:
        simulator = self.simulator
        if experiment.states is not None:
            state = simulator.with_states(state, experiment.states(everything, simulator.states_of(state)))
        if experiment.before is not None:
            state = simulator.run(experiment.before, model, start=state).final
        predicted: list[Predicted] = []
        for curve in experiment.curves:
            programme = Programme(curve.steps, 250.0) if isinstance(curve, Trace) else _by_charge(curve)
            run = simulator.run(programme, model, start=state)
            state = run.final
            time, voltage = run.points["time_s"].to_numpy(), run.points["voltage_v"].to_numpy()
            if isinstance(curve, Trace):
                at, measured, slope = curve.time_s, curve.voltage_v, 0.0
            else:
                at, measured = curve.sampled(points)
                time = time * curve.current_ma_g / 3600.0
                slope = _SLOPE_V_PER_MAH_G if curve.direction == "charge" else -_SLOPE_V_PER_MAH_G
            simulated = np.interp(at, time, voltage)
            beyond = at > time[-1] * (1 + 1e-9)
            simulated[beyond] += slope * (at[beyond] - time[-1])
            predicted.append(Predicted(curve, at, measured, simulated, beyond))
        return predicted, state

    def residuals(self, units: Array) -> Array:
        """Return weighted simulated − measured (V) of all points, and the pull; shape (points + parameters,)."""
        try:
            predicted = self.predict(self.values(units))
        except (SimulationError, SettingsError):
            weighted = np.full(self.points, _FAILED_V)
        else:
            weighted = np.concatenate(
                [(p.simulated_v - p.measured_v) * self.weights.get(p.curve.name, 1.0) for p in predicted]
            )
        if not self.pull:
            return weighted
        return np.concatenate([weighted, self.pull * (units - self.start)])


def _by_charge(curve: Curve) -> Programme:
    """Return the step that passes the charge of the curve; it ends half a volt beyond its voltages at the latest."""
    longest = curve.total_mah_g / curve.current_ma_g * 3600.0
    ends: dict[str, Any] = {
        "until_voltage_v": min(float(curve.voltage_v.max()) + 0.5, _WINDOW_V[1])
        if curve.direction == "charge"
        else max(float(curve.voltage_v.min()) - 0.5, _WINDOW_V[0])
    }
    step = Step(
        curve.direction, current_ma_g=curve.current_ma_g, until_s=longest, every_s=longest / 480.0, cycle=1, **ends
    )
    return Programme((step,), 250.0)

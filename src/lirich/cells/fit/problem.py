"""What is fitted to what: free parameters, experiments, and the residuals between a simulation and the curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cells.fit.curves import POINTS, WINDOW_V, Curve, Trace
from lirich.cells.fit.spectra import MeasuredSpectrum, PredictedSpectrum, predict_spectrum
from lirich.cells.programme import Programme, Step
from lirich.cells.simulation import Simulator
from lirich.errors import SettingsError, SimulationError

Array = NDArray[np.float64]

_SLOPE_V_PER_MAH_G = 0.02
"""By how much a residual grows beyond the end of a simulated curve: a fit must feel in which direction to go."""
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

    @classmethod
    def within(
        cls, name: str, start: float, low: float, high: float, *, log: bool = False, symbol: str = ""
    ) -> FreeParameter:
        """Return the parameter with the nearest start within its bounds."""
        return cls(name, min(max(start, low), high), low, high, log, symbol)

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
    curve is not carried into the next. A spectrum among them is that of the cell at rest at its voltage, to which the
    cell goes from where the curve before it ended.
    """

    curves: tuple[Curve | Trace | MeasuredSpectrum, ...]
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
    def name(self) -> str:
        """The name of the curve."""
        return self.curve.name

    @property
    def left(self) -> Array:
        """Simulated − measured, V, shape (n,)."""
        return self.simulated_v - self.measured_v

    @property
    def rmse_mv(self) -> float:
        """Root mean square of simulated − measured, mV."""
        return float(np.sqrt(np.mean(self.left**2)) * 1e3)


Prediction = Predicted | PredictedSpectrum


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
    others: tuple[Mapping[str, float], ...] = ()
    """Further starts: changes of some parameters, such as two arcs of a spectrum that change places."""
    pull: float = 0.0
    """Weight (V) of a weak pull to the start, per unit of the bounds: what the data do not tell stays where it was."""

    @property
    def names(self) -> list[str]:
        """The names of the free parameters."""
        return [p.name for p in self.parameters]

    @property
    def points(self) -> int:
        """The number of fitted points."""
        return sum(_points(c) for e in self.experiments for c in e.curves)

    @property
    def start(self) -> Array:
        """The start between the bounds, 0 to 1, shape (n,)."""
        return np.array([p.to_unit(p.start) for p in self.parameters])

    @property
    def further_starts(self) -> list[Array]:
        """The other starts between the bounds, each of shape (n,)."""
        return [
            np.clip([p.to_unit(min(max(other.get(p.name, p.start), p.low), p.high)) for p in self.parameters], 0, 1)
            for other in self.others
        ]

    def values(self, units: Array) -> dict[str, float]:
        """Return the free parameters as numbers with units."""
        return {p.name: p.from_unit(float(u)) for p, u in zip(self.parameters, units, strict=True)}

    def all_values(self, free: Mapping[str, float]) -> dict[str, float]:
        """Return every parameter of the model, and the states, that follow from the *free* ones."""
        return self.complete({**self.simulator.defaults, **self.fixed, **free})

    def predict(self, free: Mapping[str, float], points: int = POINTS) -> list[Prediction]:
        """Simulate every curve and spectrum. Raises `SimulationError` or `SettingsError` for what cannot be."""
        everything = self.all_values(free)
        model = {name: everything[name] for name in self.simulator.defaults}
        predicted: list[Prediction] = []
        state = self.simulator.initial_state(model)
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
    ) -> tuple[list[Prediction], Array]:
        simulator = self.simulator
        if experiment.states is not None:
            state = simulator.with_states(state, experiment.states(everything, simulator.states_of(state)))
        if experiment.before is not None:
            state = simulator.run(experiment.before, model, start=state).final
        predicted: list[Prediction] = []
        for curve in experiment.curves:
            if isinstance(curve, MeasuredSpectrum):
                found, state = predict_spectrum(simulator, curve, everything, model, state)
                predicted.append(found)
                continue
            programme = Programme(curve.steps, 250.0) if isinstance(curve, Trace) else _by_charge(curve)
            run = simulator.run(programme, model, start=state)
            state = run.final
            time, voltage = run.points["time_s"].to_numpy(), run.points["voltage_v"].to_numpy()
            if isinstance(curve, Trace):
                at, measured, slope = curve.time_s, curve.voltage_v, 0.0
                time = _as_planned(run.points, curve.steps)
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
            weighted = self.weighted(self.predict(self.values(units)))
        except (SimulationError, SettingsError):
            weighted = np.full(self.points, _FAILED_V)
        if not self.pull:
            return weighted
        return np.concatenate([weighted, self.pull * (units - self.start)])

    def weighted(self, predicted: Sequence[Prediction]) -> Array:
        """Return the weighted residuals of predictions in their order, V, shape (points,)."""
        return np.concatenate([p.left * self.weights.get(p.name, 1.0) for p in predicted])


def _points(one: Curve | Trace | MeasuredSpectrum) -> int:
    if isinstance(one, MeasuredSpectrum):
        return 2 * one.frequency_hz.size
    return one.time_s.size if isinstance(one, Trace) else POINTS


def _as_planned(points: pl.DataFrame, steps: tuple[Step, ...]) -> Array:
    """Return the times of a run (s) as if no step had ended early, so that what comes after is where it was."""
    planned = np.concatenate([[0.0], np.cumsum([step.until_s or 0.0 for step in steps])])
    number, time = points["step"].to_numpy() - 1, points["time_s"].to_numpy()
    begins = np.searchsorted(number, np.arange(number[-1] + 1))
    return np.asarray(planned[number] + time - time[begins[number]], dtype=np.float64)


def _by_charge(curve: Curve) -> Programme:
    """Return the step that passes the charge of the curve; it ends half a volt beyond its voltages at the latest."""
    longest = curve.total_mah_g / curve.current_ma_g * 3600.0
    ends: dict[str, Any] = {
        "until_voltage_v": min(float(curve.voltage_v.max()) + 0.5, WINDOW_V[1])
        if curve.direction == "charge"
        else max(float(curve.voltage_v.min()) - 0.5, WINDOW_V[0])
    }
    step = Step(
        curve.direction, current_ma_g=curve.current_ma_g, until_s=longest, every_s=longest / 480.0, cycle=1, **ends
    )
    return Programme((step,), 250.0)

"""Run a test programme on a model, quickly: the model is built and compiled once, and each step is one call of IDAKLU.

PyBaMM's own `Simulation` does the same with `Experiment`; it builds more and stores everything, and needs several
times as long. The compiled solver is called directly, below PyBaMM's public interface: a PyBaMM in which it is not
where it was in 26.10 is refused with a typed error, and the models still run in PyBaMM's own `Simulation`.
"""

from __future__ import annotations

import copy
import difflib
import itertools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import pybamm
from numpy.typing import NDArray

from lirich.cells.cell import SALT, shells
from lirich.cells.electrolyte import LEAST_SALT
from lirich.cells.limits import check as check
from lirich.cells.limits import check_window
from lirich.cells.models import Model as Model
from lirich.cells.porous import LOCAL_RATE, RATE_SCALE
from lirich.cells.programme import LONGEST_S, Programme, Step
from lirich.cells.sizes import SizeClasses
from lirich.errors import SettingsError, SimulationError
from lirich.model import table as std

Array = NDArray[np.float64]

_POINTS = 200
"""Recorded points of a step of current, where the step does not say how often."""
_NEVER = 1e3
"""V or A: a limit that no cell reaches."""
_SWITCH_S = 0.01
RTOL, ATOL = 1e-5, 1e-8
BASIC = ("Voltage [V]", "Current [A]", "Lithium through the circuit")


@dataclass(frozen=True)
class Run:
    """What a programme did.

    ``points`` has one row per recorded point: ``time_s``, ``voltage_v``, ``current_a`` (charge positive), ``cycle``,
    ``step`` (from 1), ``mode`` and one column per output of the model. ``ends`` has the same at the end of each step.
    ``stopped`` says why the programme was not run to its end, and is empty where it was. ``host_ah`` is the capacity of
    the host (A.h), ``temperature_k`` that of the surroundings.
    """

    points: pl.DataFrame
    ends: pl.DataFrame
    final: Array
    stopped: str = ""
    host_ah: float = float("nan")
    temperature_k: float = float("nan")


class Simulator:
    """A model, built and compiled once, that runs programmes with any parameters.

    Without *defaults* it has the model's own. Every parameter is an input of the compiled equations,
    so that a sweep, a fit or a cohort builds nothing anew.
    The compiled code is kept by PyBaMM in its cache on disk; without a C compiler PyBaMM's virtual machine is used,
    which takes about four times as long; *compiled* set to false uses it for what runs once.

    Raises `SettingsError` for a parameter that the model does not have or that cannot be, and `SimulationError` where
    the equations cannot be solved.
    """

    def __init__(
        self,
        model: Model,
        defaults: Mapping[str, float] | None = None,
        *,
        rtol: float = RTOL,
        atol: float = ATOL,
        compiled: bool = True,
    ) -> None:
        self.defaults = model.defaults() if defaults is None else dict(defaults)
        self._current = pybamm.Variable("Current [A]")
        equations = model.make(self._current)
        self._classes = model.classes
        self._uniform_salt = SALT in equations.variables and not model.places
        watched = (*model.outputs, SALT) if self._uniform_salt else model.outputs
        self.outputs = (*BASIC, *dict.fromkeys(name for name in watched if name not in BASIC))
        self._control(equations)
        values = pybamm.ParameterValues(dict.fromkeys(self.defaults, "[input]"))
        values.process_model(equations)
        geometry = equations.default_geometry
        values.process_geometry(geometry)
        points = {**equations.default_var_pts, **dict(model.points)}
        divisions = {
            **equations.default_submesh_types,
            **dict.fromkeys(equations.particles, shells(model.stretch)),
        }
        self.mesh = pybamm.Mesh(geometry, divisions, points)
        pybamm.Discretisation(self.mesh, equations.default_spatial_methods).process_model(equations)
        self.model = equations
        self._options = {"compile": compiled and shutil.which("gcc") is not None, "silence_sundials_errors": True}
        self._tolerances = tuple((rtol * part, atol * part) for part in (1.0, *_RETRIES))
        self._attempts = tuple(range(len(self._tolerances)))
        self._solvers: dict[int, Any] = {}
        self._order = list(self._make_solver(0)._set_up_model_inputs(equations, self._standing()))

    def precise(self) -> Simulator:
        """Return this simulator with tolerances a thousandth as large, on the same equations.

        For differences between runs: those of two nearly equal runs must not be noise of the solver. Where a step
        cannot be solved so tightly, it is solved as usual.
        """
        other = copy.copy(self)
        other._attempts = tuple(sorted(self._attempts, reverse=True))
        return other

    def _standing(self) -> dict[str, float]:
        return self._inputs(self.defaults, Step("rest", until_s=1.0))

    def _make_solver(self, number: int) -> Any:
        """Set up IDAKLU with the tolerances of that attempt; the first is used wherever it succeeds."""
        rtol, atol = self._tolerances[number]
        solver = pybamm.IDAKLUSolver(
            rtol=rtol, atol=atol, output_variables=list(self.outputs), options=dict(self._options)
        )
        solver.solve(self.model, [0.0, 1.0], inputs=self._standing())
        setup = getattr(solver, "_setup", None)
        if not isinstance(setup, Mapping) or "solver" not in setup or not hasattr(solver, "_set_up_model_inputs"):
            raise SimulationError(
                f"lirich's simulator does not know PyBaMM {pybamm.__version__}",
                expected="PyBaMM 26.10",
                advice="Install the version of constraints.txt, or run the model in PyBaMM's own Simulation",
            )
        self._solvers[number] = setup["solver"]
        return solver

    def _control(self, model: Any) -> None:
        """Let one algebraic equation hold the current or the voltage, and let limits end a step."""
        holds = pybamm.InputParameter("Control is voltage")
        current, voltage = self._current, model.variables["Voltage [V]"]
        wanted = pybamm.InputParameter("Control current target [A]")
        fixed = pybamm.InputParameter("Control voltage target [V]")
        model.algebraic[current] = holds * (voltage - fixed) + (1 - holds) * (current - wanted) * 1e3
        model.initial_conditions[current] = wanted
        # Limits of voltage are those of the step; what else ends a run (the salt) stays.
        model.events = [
            *(event for event in model.events if not event.name.endswith("voltage [V]")),
            pybamm.Event("low", voltage - pybamm.InputParameter("Control low voltage [V]")),
            pybamm.Event("high", pybamm.InputParameter("Control high voltage [V]") - voltage),
            pybamm.Event("small", pybamm.AbsoluteValue(current) - pybamm.InputParameter("Control end current [A]")),
        ]

    def _inputs(self, parameters: Mapping[str, float], step: Step) -> dict[str, float]:
        mass = parameters["Active mass [g]"]
        sign = {"charge": -1.0, "discharge": 1.0, "hold": 0.0, "rest": 0.0}[step.mode]
        low = step.until_voltage_v if step.mode == "discharge" and step.until_voltage_v is not None else -_NEVER
        high = step.until_voltage_v if step.mode == "charge" and step.until_voltage_v is not None else _NEVER
        end = (step.until_current_ma_g or 0.0) * mass / 1000 if step.mode == "hold" else -_NEVER
        return {
            **parameters,
            "Control current target [A]": sign * step.current_ma_g * mass / 1000,
            "Control voltage target [V]": step.voltage_v,
            "Control is voltage": 1.0 if step.mode == "hold" else 0.0,
            "Control low voltage [V]": low,
            "Control high voltage [V]": high,
            "Control end current [A]": end,
        }

    @cached_property
    def _places(self) -> dict[str, Any]:
        return {variable.name: places[0] for variable, places in self.model.y_slices.items()}

    def _guesses(self, step: Step, parameters: Mapping[str, float], state: Array) -> tuple[Array, ...]:
        """Return the state with local rates that suit the current of a new step, the best guess first.

        They are found by Newton's method, which does not get from a large rate to a small one by itself: the
        overpotential is a logarithm of the rate. Only unknowns without a memory change. Along an electrode the rates
        are those of before, all shifted. Sizes at one potential differ more, and exchange Li at rest: they start with
        one current per area, or without a current, from where it is upwards to what their potentials ask for, or else
        as they were.
        """
        places = self._places.get(LOCAL_RATE)
        before = float(state[self._places[self._current.name]][0])
        if places is None or step.mode == "hold":
            return (state,)
        wanted = self._inputs(parameters, step)["Control current target [A]"]
        if self._classes:
            still, even = state.copy(), state.copy()
            still[places] = 0.0
            even[places] = SizeClasses.of(parameters).rates_of_one_density() * (
                wanted / _host_ah(parameters) / 3600.0 / RATE_SCALE
            )
            return even, still, state
        if before == 0.0:
            return (state,)
        shifted = state.copy()
        shifted[places] += shifted[places].mean() * (wanted / before - 1.0)
        return (shifted,)

    def parameters(self, changes: Mapping[str, float] | None = None) -> dict[str, float]:
        """Return the parameters with *changes*. Raises `SettingsError` where one is unknown or cannot be."""
        changes = dict(changes or {})
        for name in changes:
            if name not in self.defaults:
                near = difflib.get_close_matches(name, self.defaults, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else ""
                raise SettingsError(f"The model has no parameter {name!r}", advice=hint)
        parameters = {**self.defaults, **changes}
        check(parameters)
        return parameters

    def initial_state(self, parameters: Mapping[str, float]) -> Array:
        """Return the states of a pristine cell, shape (n,)."""
        inputs = self._inputs(parameters, Step("rest", until_s=1.0))
        y0 = self.model.concatenated_initial_conditions.evaluate(inputs=inputs)
        return np.array(y0, dtype=np.float64).reshape(-1)

    def with_states(self, state: Array, values: Mapping[str, float]) -> Array:
        """Return *state* (n,) with some states set, uniformly where they vary in space. Raises `SettingsError`."""
        known = {variable.name: places for variable, places in self.model.y_slices.items()}
        changed = np.array(state, dtype=np.float64)
        for name, value in values.items():
            if name not in known:
                raise SettingsError(f"The model has no state {name!r}", expected=", ".join(known))
            for place in known[name]:
                changed[place] = value
        return changed

    def states_of(self, state: Array) -> dict[str, float]:
        """Return the states of *state* (n,) that are one number, by name."""
        found = {}
        for variable, places in self.model.y_slices.items():
            place = places[0]
            if len(places) == 1 and place.stop - place.start == 1:
                found[variable.name] = float(state[place.start])
        return found

    def run(
        self, programme: Programme, changes: Mapping[str, float] | None = None, *, start: Array | None = None
    ) -> Run:
        """Run *programme* with the default parameters and *changes*, from a pristine cell or the state *start*."""
        parameters = self.parameters(changes)
        check_window(programme, parameters)
        state = self.initial_state(parameters) if start is None else np.array(start, dtype=np.float64)
        time, parts, stopped = 0.0, [], ""
        left = 0  # the block whose voltage has been reached
        for number, step in enumerate(programme.steps, start=1):
            if step.block and step.block == left:
                continue
            times, rows, state, reached = self._step(step, parameters, state)
            parts.append((number, step, time + times, rows))
            time += float(times[-1])
            if step.block and _at_its_voltage(step, float(rows[-1, 0])):
                left = step.block
            if self._without_salt(rows[-1], parameters):
                stopped = (
                    f"the salt of the electrolyte ran out {times[-1]:.0f} s into step {number} ({step.mode}); "
                    "a uniform reaction goes on where there is none: take the porous electrode (LiRichDFN)"
                )
            elif not reached:
                stopped = f"step {number} ({step.mode}) went on for {times[-1]:.0f} s and did not end"
            if stopped:
                break
        points, last = _frame(parts, self.outputs)
        return Run(
            points,
            points[last],
            state,
            stopped,
            host_ah=_host_ah(parameters),
            temperature_k=parameters["Ambient temperature [K]"],
        )

    def _without_salt(self, row: Array, parameters: Mapping[str, float]) -> bool:
        """Tell whether a uniform reaction has used up the salt somewhere."""
        if not self._uniform_salt:
            return False
        return bool(row[self.outputs.index(SALT)] <= 2 * LEAST_SALT * parameters[_SALT_AT_FIRST])

    def _step(self, step: Step, parameters: Mapping[str, float], state: Array) -> tuple[Array, Array, Array, bool]:
        """Return times (s, from 0), outputs of shape (n, outputs), the state at the end, and whether the step ended."""
        guesses = self._guesses(step, parameters, state)
        inputs = self._inputs(parameters, step)
        given = np.array([[inputs[name] for name in self._order]])
        longest = step.until_s if step.until_s is not None else _longest(step, parameters)
        asked = _recording(step, longest)
        solution = self._solve(np.array([0.0, longest]), asked, guesses, given, step.mode)
        times = np.asarray(solution.t, dtype=np.float64)
        rows = np.asarray(solution.y, dtype=np.float64).reshape(times.size, -1)
        ended = solution.flag == _ROOT or step.until_s is not None
        if _over_at_once(step, rows[0]):
            return times[:1], rows[:1], state, True
        return times, rows, np.asarray(solution.y_term, dtype=np.float64).reshape(-1).copy(), ended

    def _solve(self, span: Array, asked: Array, guesses: Sequence[Array], given: Array, mode: str) -> Any:
        """Solve one step from the first of *guesses* that leads to an end.

        Where IDAKLU gives up, as at a steep step of the potential, it is tried again with tighter tolerances.
        """
        reason = ""
        for number, guess in itertools.product(self._attempts, guesses):
            if number not in self._solvers:
                self._make_solver(number)
            try:
                solution = self._solvers[number].solve(span, asked, guess[None, :], np.zeros((1, guess.size)), given)[0]
            except (ValueError, RuntimeError) as error:
                reason = f"The equations could not be solved in a {mode}: {error}"
                continue
            if solution.flag >= 0:
                return solution
            reason = f"The solver failed {solution.t[-1]:.0f} s into a {mode} (flag {solution.flag})"
        raise SimulationError(
            reason, advice="Are the parameters possible, and the limits within what the cell can reach?"
        )


def _host_ah(parameters: Mapping[str, float]) -> float:
    return parameters["Host capacity [mA.h.g-1]"] * parameters["Active mass [g]"] / 1000


_SALT_AT_FIRST = "Initial salt concentration [mol.m-3]"
_RETRIES = (0.1, 1e-3)
"""By how much the tolerances are tightened, one after the other, where a step could not be solved."""
_ROOT = 2
"""``IDA_ROOT_RETURN`` of SUNDIALS: a limit was reached."""


def _longest(step: Step, parameters: Mapping[str, float]) -> float:
    """Return how long a step may take, s: three times the whole host at its current, or the longest that is allowed."""
    if step.mode in ("charge", "discharge"):
        return min(LONGEST_S, 3.0 * parameters["Host capacity [mA.h.g-1]"] / step.current_ma_g * 3600.0)
    return LONGEST_S


def _recording(step: Step, longest: float) -> Array:
    """Return the times at which points are recorded: evenly, and closer together at the beginning of a rest or hold."""
    if step.every_s is not None:
        even = np.arange(0.0, longest, step.every_s)
    elif step.mode in ("charge", "discharge"):
        even = np.linspace(0.0, longest, 3 * _POINTS + 1)
    else:
        return np.append(0.0, np.geomspace(min(1.0, 0.01 * longest), longest, 60))
    return np.append(even[even < longest], longest)


def _at_its_voltage(step: Step, voltage: float) -> bool:
    """Tell whether a step of current has reached its voltage (to 0.1 mV)."""
    if step.until_voltage_v is None:
        return False
    beyond = voltage - step.until_voltage_v
    return beyond >= -1e-4 if step.mode == "charge" else step.mode == "discharge" and beyond <= 1e-4


def _over_at_once(step: Step, first: Array) -> bool:
    voltage = first[0]
    if step.mode == "discharge" and step.until_voltage_v is not None:
        return bool(voltage <= step.until_voltage_v)
    if step.mode == "charge" and step.until_voltage_v is not None:
        return bool(voltage >= step.until_voltage_v)
    return False


def _frame(
    parts: Sequence[tuple[int, Step, Array, Array]], outputs: Sequence[str]
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Make one table of the steps (number, step, times, outputs), and say which rows are their ends.

    It is made at once: a table per step costs more than to solve it.
    """
    rows = np.concatenate([rows for *_, rows in parts])
    sizes = np.array([times.size for _, _, times, _ in parts], dtype=np.int64)
    columns: dict[str, Any] = {
        "time_s": np.concatenate([times for _, _, times, _ in parts]),
        "voltage_v": rows[:, 0],
        "current_a": -rows[:, 1],
    }
    columns.update({name: rows[:, i] for i, name in enumerate(outputs) if i >= 2})
    columns["cycle"] = np.repeat(np.array([step.cycle for _, step, _, _ in parts], dtype=np.int32), sizes)
    columns["step"] = np.repeat(np.array([number for number, *_ in parts], dtype=np.int32), sizes)
    modes = np.repeat(np.array([_MODES.index(step.mode) for _, step, _, _ in parts]), sizes)
    columns["mode"] = pl.Series(modes).replace_strict(dict(enumerate(_MODES)), return_dtype=pl.String)
    return pl.DataFrame(columns), np.cumsum(sizes) - 1


_MODES = ("charge", "discharge", "hold", "rest")


def standard_table(run: Run) -> pl.DataFrame:
    """Return the points of a run as a standard table (`lirich.model.table`), as a cycler would have written them.

    The counters of charge are the model's own, not sums over recorded points. The first point of a step stands 10 ms
    after the switch, as on a cycler: no two rows have one time and two currents.
    """
    points = run.points
    time = points["time_s"].to_numpy()
    first = np.diff(points["step"].to_numpy(), prepend=0) != 0
    following = np.append(time[1:], np.inf) - time
    time = time + np.where(first, np.minimum(_SWITCH_S, 0.5 * following), 0.0)
    # Li enters in a discharge: what goes through the circuit is the charge, with its sign turned
    moved = -np.diff(points["Lithium through the circuit"].to_numpy(), prepend=0.0) * run.host_ah
    return points.select(
        pl.Series(std.TIME, time),
        pl.col("voltage_v").alias(std.VOLTAGE),
        pl.col("current_a").alias(std.CURRENT),
        pl.col("cycle").cast(pl.Int64).alias(std.CYCLE),
        pl.col("step").cast(pl.Int64).alias(std.STEP),
        pl.col("mode").alias(std.STEP_TYPE),
        pl.lit(run.temperature_k - 273.15).alias(std.TEMPERATURE),
        pl.Series(std.CHARGED, np.cumsum(np.maximum(moved, 0.0))),
        pl.Series(std.DISCHARGED, np.cumsum(np.maximum(-moved, 0.0))),
    )

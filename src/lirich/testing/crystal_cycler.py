"""The simulated cycler on the physics of `lirich.cells`: a programme run on the crystal model, with its hidden states.

The same log and the same noise-free traces as those of the curve model (`lirich.testing.cycler`), so that vendor files
and truth are made of both in one way. Charge and energy are the model's own integrals, taken by the solver, not sums
over recorded points. Needs the extra ``[cells]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from lirich.cells.states import CRYSTAL_STATES
from lirich.errors import SimulationError
from lirich.testing.curve_model import Array, State, Trace
from lirich.testing.cycler import (
    FIRST_REST_S,
    INTERVAL_S,
    LOWER_V,
    ONE_C_A_G,
    REST_S,
    REST_TIMES,
    STEP_INDEX,
    UPPER_V,
    CycledCell,
    CycleRecord,
    PlannedCycle,
    Recorder,
    every,
    plan,
)

if TYPE_CHECKING:
    from lirich.cells.programme import Programme
    from lirich.cells.simulation import Run, Simulator

ENERGY = "Discharge energy [W.h]"
OUTPUTS = (ENERGY, *CRYSTAL_STATES)


@dataclass(frozen=True, slots=True)
class SolvedTrace(Trace):
    """A step whose energy was integrated by the solver; ``solved_mwh_g`` has shape (n,)."""

    solved_mwh_g: Array

    @property
    def energy_mwh_g(self) -> Array:
        """∫V dq since the start of the step, mWh/g, shape (n,)."""
        return self.solved_mwh_g


@dataclass(slots=True)
class CrystalCell(CycledCell):
    """A cell of the crystal model.

    ``hidden`` has a row per cycle with its states at the cycle's end (short names of `lirich.cells.states`),
    ``parameters`` every parameter.
    """

    hidden: pl.DataFrame = field(default_factory=pl.DataFrame)
    parameters: dict[str, float] = field(default_factory=dict)


@lru_cache(maxsize=1)
def simulator() -> Simulator:
    """Return the compiled simulator of this process, which every cell shares."""
    from lirich.cells.parameters import single_crystal
    from lirich.cells.simulation import Model, Simulator

    return Simulator(Model(outputs=OUTPUTS), single_crystal())


class Place(NamedTuple):
    """What the cycler calls a step: its cycle (from 1), its kind, and where it stands in the cycler's programme."""

    cycle: int
    kind: str
    step_index: int


def crystal_programme(planned: Sequence[PlannedCycle]) -> tuple[Programme, list[Place]]:
    """Return the steps of a plan, and the place of each."""
    from lirich.cells.programme import Programme, Step

    one_c = 1000.0 * ONE_C_A_G
    steps, places = [Step("rest", until_s=FIRST_REST_S, every_s=300.0)], [Place(1, "rest", 1)]
    for n, each in enumerate(planned, start=1):
        index = STEP_INDEX[each.segment]
        charge, discharge = each.charge_c * one_c, each.discharge_c * one_c
        steps.append(Step("charge", charge, until_voltage_v=UPPER_V, every_s=INTERVAL_S[each.charge_c] / 2, cycle=n))
        places.append(Place(n, "cc_charge", index))
        if each.hold:
            steps.append(
                Step("hold", voltage_v=UPPER_V, until_current_ma_g=charge / 5, until_s=3600.0, every_s=10.0, cycle=n)
            )
            places.append(Place(n, "cv_charge", index + 1))
        steps.append(Step("rest", until_s=REST_S, cycle=n))
        places.append(Place(n, "rest", index + 2))
        steps.append(
            Step("discharge", discharge, until_voltage_v=LOWER_V, every_s=INTERVAL_S[each.discharge_c] / 2, cycle=n)
        )
        places.append(Place(n, "cc_discharge", index + 3))
        steps.append(Step("rest", until_s=REST_S, cycle=n))
        places.append(Place(n, "rest", index + 4))
    return Programme(tuple(steps), one_c), places


def cycle_crystal(
    changes: Mapping[str, float], cycles: int, planned: Sequence[PlannedCycle] | None = None, *, record: bool = True
) -> CrystalCell:
    """Run the programme (default: `lirich.testing.cycler.plan`) on the crystal model with *changes* of its parameters.

    *changes* are those of the set ``LiRich_SC``; a polycrystal's are all of its morphology. Raises `SettingsError`
    and `SimulationError`.
    """
    planned = tuple(planned or plan(cycles))
    programme, places = crystal_programme(planned)
    model = simulator()
    parameters = model.parameters(changes)
    run = model.run(programme, changes)
    steps = crystal_steps(run, parameters, places)
    cell = crystal_cell(run, parameters, planned, steps)
    if record:
        recorder = Recorder()
        for place, trace in steps:
            recorder.add(trace, place.kind, place.cycle, place.step_index, reading_times(planned, place, trace))
        cell.log = recorder.log()
    return cell


def crystal_cell(
    run: Run, parameters: dict[str, float], planned: Sequence[PlannedCycle], steps: Sequence[tuple[Place, Trace]]
) -> CrystalCell:
    """Return the cell of a run, without its log: the true cycles of those *planned*, and the hidden states of all."""
    cell = CrystalCell(None, parameters=parameters)
    of_cycle: dict[int, dict[str, list[Trace]]] = {}
    for place, trace in steps:
        of_cycle.setdefault(place.cycle, {}).setdefault(place.kind, []).append(trace)
    for n, each in enumerate(planned, start=1):
        own = of_cycle[n]
        charge = (*own["cc_charge"], *own.get("cv_charge", ()))
        resistance = instant_resistance(charge[-1], own["rest"][-2])
        cell.cycles.append(CycleRecord(n, each, charge, own["cc_discharge"][0], resistance))
    last = run.ends.group_by("cycle", maintain_order=True).last()
    cell.hidden = last.select("cycle", *(pl.col(name).alias(short) for name, short in CRYSTAL_STATES.items()))
    return cell


def instant_resistance(flowing: Trace, opened: Trace) -> float:
    """Return the resistance from the fall of the voltage when a current ends, V per (A/g)."""
    return float((flowing.voltage_v[-1] - opened.voltage_v[0]) / flowing.current_a_g[-1])


def reading_times(planned: Sequence[PlannedCycle], place: Place, trace: Trace) -> Array:
    """Return when the cycler reads in a step, s since its start."""
    end = float(trace.time_s[-1])
    if place.kind == "rest":
        return every(300.0, end) if place.step_index == 1 else REST_TIMES
    if place.kind == "cv_charge":
        return every(60.0, end)
    each = planned[place.cycle - 1]
    return every(INTERVAL_S[each.charge_c if place.kind == "cc_charge" else each.discharge_c], end)


def crystal_steps(run: Run, parameters: Mapping[str, float], places: Sequence[Place]) -> list[tuple[Place, Trace]]:
    """Cut the points of a run at its steps: the place of each, and what it did.

    *places* has an entry for each step of the programme. Raises `SimulationError` where it was not run to its end.
    """
    if run.stopped:
        raise SimulationError(f"The cell could not be cycled to the end: {run.stopped}")
    points = run.points
    mass = parameters["Active mass [g]"]
    host = parameters["Host capacity [mA.h.g-1]"]
    columns: dict[str, Any] = {
        name: points[name].to_numpy()
        for name in ("time_s", "voltage_v", "current_a", "Lithium through the circuit", ENERGY, "Lithium content",
                     "step")
    }  # fmt: skip
    starts = np.flatnonzero(np.diff(columns["step"], prepend=0))
    found: list[tuple[Place, Trace]] = []
    for begin, end in zip(starts, [*starts[1:], len(points)], strict=True):
        piece = slice(int(begin), int(end))
        passed = columns["Lithium through the circuit"][piece] * host
        energy = columns[ENERGY][piece] * 1000.0 / mass
        content = float(columns["Lithium content"][end - 1])
        trace = SolvedTrace(
            columns["time_s"][piece] - columns["time_s"][begin],
            columns["voltage_v"][piece],
            columns["current_a"][piece] / mass,
            np.abs(passed - passed[0]),
            State((1.0 - content) * host, 0.0, 0.0),
            np.abs(energy - energy[0]),
        )
        found.append((places[int(columns["step"][begin]) - 1], trace))
    return found

"""The simulated cycler on the physics of `lirich.cells`: a programme run on the crystal model, with its hidden states.

The same log and the same noise-free traces as those of the curve model (`lirich.testing.cycler`), so that vendor files
and truth are made of both in one way. Charge and energy are the model's own integrals, taken by the solver, not sums
over recorded points. Needs the extra ``[cells]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lirich.errors import SimulationError
from lirich.testing.curve_model import Array, State, Trace
from lirich.testing.cycler import (
    CHECK_EVERY,
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
HIDDEN: Mapping[str, str] = {
    "Lithium content": "lithium_content",
    "Lithium in disconnected crystals": "lost_lithium",
    "Connected part of the crystals": "connected_fraction",
    "Sites left": "sites_left",
    "Lattice sites lost with oxygen": "lost_sites",
    "Sites transformed": "transformed_sites",
    "Reconstructed volume fraction": "reconstructed_fraction",
    "Open part of the grain boundaries": "open_grain_boundaries",
    "Cracks through the grains": "grain_cracks",
    "Wetted area [m2.g-1]": "wetted_area_m2_g",
    "Diffusion length [m]": "diffusion_length_m",
    "Film resistance [Ohm.m2]": "film_resistance_ohm_m2",
    "Oxygen released [umol.g-1]": "oxygen_umol_g",
    "Carbon dioxide released [umol.g-1]": "carbon_dioxide_umol_g",
    "Fraction of high sites": "high_sites",
    "Fraction of middle sites": "middle_sites",
    "Fraction of low sites": "low_sites",
    "Fraction of wide sites": "wide_sites",
    "Fraction of hysteretic sites": "hysteretic_sites",
    "Fraction of spinel sites": "spinel_sites",
    "Fraction of plateau sites": "plateau_sites",
    "Fraction of tail sites": "tail_sites",
}
"""The hidden states of a cell at the end of each cycle: name in the model, and in the truth."""


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

    ``hidden`` has a row per cycle with its states at the cycle's end (`HIDDEN`), ``parameters`` every parameter.
    """

    hidden: pl.DataFrame = field(default_factory=pl.DataFrame)
    parameters: dict[str, float] = field(default_factory=dict)


@lru_cache(maxsize=1)
def simulator() -> Simulator:
    """Return the compiled simulator of this process, which every cell shares."""
    from lirich.cells.parameters import single_crystal
    from lirich.cells.simulation import Model, Simulator

    return Simulator(Model(outputs=(ENERGY, *HIDDEN)), single_crystal())


def crystal_programme(planned: Sequence[PlannedCycle]) -> tuple[Programme, list[tuple[int, str, int]]]:
    """Return the steps of a plan, and of each step its cycle (from 1), kind and place in the cycler's programme."""
    from lirich.cells.programme import Programme, Step

    one_c = 1000.0 * ONE_C_A_G
    steps, places = [Step("rest", until_s=FIRST_REST_S, every_s=300.0)], [(1, "rest", 1)]
    for n, each in enumerate(planned, start=1):
        index = STEP_INDEX[each.segment]
        charge, discharge = each.charge_c * one_c, each.discharge_c * one_c
        steps.append(Step("charge", charge, until_voltage_v=UPPER_V, every_s=INTERVAL_S[each.charge_c] / 2, cycle=n))
        places.append((n, "cc_charge", index))
        if each.hold:
            steps.append(
                Step("hold", voltage_v=UPPER_V, until_current_ma_g=charge / 5, until_s=3600.0, every_s=10.0, cycle=n)
            )
            places.append((n, "cv_charge", index + 1))
        steps.append(Step("rest", until_s=REST_S, cycle=n))
        places.append((n, "rest", index + 2))
        steps.append(
            Step("discharge", discharge, until_voltage_v=LOWER_V, every_s=INTERVAL_S[each.discharge_c] / 2, cycle=n)
        )
        places.append((n, "cc_discharge", index + 3))
        steps.append(Step("rest", until_s=REST_S, cycle=n))
        places.append((n, "rest", index + 4))
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
    if run.stopped:
        raise SimulationError(f"The cell could not be cycled to the end: {run.stopped}")
    traces = _traces(run, parameters)
    cell = CrystalCell(None, parameters=parameters)
    recorder = Recorder() if record else None
    of_cycle: dict[int, dict[str, list[Trace]]] = {}
    for (n, kind, index), trace in zip(places, traces, strict=True):
        of_cycle.setdefault(n, {}).setdefault(kind, []).append(trace)
        if recorder is None:
            continue
        each = planned[n - 1]
        end = float(trace.time_s[-1])
        if kind == "rest":
            at = every(300.0, end) if index == 1 else REST_TIMES
        elif kind == "cv_charge":
            at = every(60.0, end)
        else:
            at = every(INTERVAL_S[each.charge_c if kind == "cc_charge" else each.discharge_c], end)
        recorder.add(trace, kind, n, index, at)
    for n, each in enumerate(planned, start=1):
        steps = of_cycle[n]
        charge = (*steps["cc_charge"], *steps.get("cv_charge", ()))
        opened = steps["rest"][-2]
        drop = (charge[-1].voltage_v[-1] - opened.voltage_v[0]) / charge[-1].current_a_g[-1]
        cell.cycles.append(CycleRecord(n, each, charge, steps["cc_discharge"][0], float(drop)))
    if recorder is not None:
        cell.log = recorder.log()
    last = run.ends.group_by("cycle", maintain_order=True).last()
    cell.hidden = last.select("cycle", *(pl.col(name).alias(short) for name, short in HIDDEN.items()))
    return cell


def _traces(run: Run, parameters: Mapping[str, float]) -> list[Trace]:
    """Cut the points of a run at its steps."""
    points = run.points
    mass = parameters["Active mass [g]"]
    host = parameters["Host capacity [mA.h.g-1]"]
    columns: dict[str, Any] = {
        name: points[name].to_numpy()
        for name in ("time_s", "voltage_v", "current_a", "Lithium through the circuit", ENERGY, "Lithium content",
                     "step")
    }  # fmt: skip
    starts = np.flatnonzero(np.diff(columns["step"], prepend=0))
    traces: list[Trace] = []
    for begin, end in zip(starts, [*starts[1:], len(points)], strict=True):
        piece = slice(int(begin), int(end))
        passed = columns["Lithium through the circuit"][piece] * host
        energy = columns[ENERGY][piece] * 1000.0 / mass
        content = float(columns["Lithium content"][end - 1])
        traces.append(
            SolvedTrace(
                columns["time_s"][piece] - columns["time_s"][begin],
                columns["voltage_v"][piece],
                columns["current_a"][piece] / mass,
                np.abs(passed - passed[0]),
                State((1.0 - content) * host, 0.0, 0.0),
                np.abs(energy - energy[0]),
            )
        )
    return traces


__all__ = ["CHECK_EVERY", "HIDDEN", "CrystalCell", "SolvedTrace", "crystal_programme", "cycle_crystal", "simulator"]

"""GITT and intermittent-current cells on the physics of `lirich.cells`, with the surface of the crystal resolved.

The diffusivity is the same at every content of Li, so that there is one truth to find; all else is that of the cell.
Needs the extra ``[cells]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from lirich.testing.crystal_cycler import (
    OUTPUTS,
    CrystalCell,
    Place,
    crystal_cell,
    crystal_programme,
    crystal_steps,
    instant_resistance,
    reading_times,
)
from lirich.testing.cycler import CHECK_C, FORMATION_C, LOWER_V, ONE_C_A_G, UPPER_V, PlannedCycle, Recorder
from lirich.testing.diffusion_model import FIRST_CYCLES, PULSE_STEPS, Sphere, pulses_of

if TYPE_CHECKING:
    from lirich.cells.simulation import Simulator

LENGTH = "Diffusion length [m]"


@lru_cache(maxsize=1)
def _simulator() -> Simulator:
    """Return the simulator of this process. It is not compiled: that takes longer than a few tests."""
    from lirich.cells.parameters import single_crystal
    from lirich.cells.simulation import Model, Simulator

    return Simulator(Model(outputs=OUTPUTS).surface_resolved(), single_crystal(), compiled=False)


def pulsed_crystal(changes: Mapping[str, float], diffusivity_m2_s: float, kind: str) -> CrystalCell:
    """Run two formation cycles, then one charge and one discharge of GITT (``gitt``) or with interrupts (``ici``).

    *changes* are those of the set ``LiRich_SC``. Raises `SettingsError` and `SimulationError`.
    """
    from lirich.cells.programme import Programme, interrupted

    pulses = pulses_of(kind)
    planned = (PlannedCycle("formation", FORMATION_C, FORMATION_C),) * FIRST_CYCLES
    formation, places = crystal_programme(planned)
    in_pulses = interrupted(
        replace(pulses.kind, pulse_every_s=1.0),
        one_c_ma_g=formation.one_c_ma_g,
        rate=f"{1000.0 * ONE_C_A_G * CHECK_C:g} mA/g",
        formation=0,
        low_v=LOWER_V,
        high_v=UPPER_V,
    )
    steps = []
    for block, (kind_of_pulse, index) in enumerate(PULSE_STEPS, start=1):
        pulsed = [step for step in in_pulses.steps if step.block == block]
        # the pulse that reaches the limit leaves out what is left of the block: its rest comes behind it
        steps += [*pulsed, replace(pulsed[-1], block=0)]
        places += [
            Place(FIRST_CYCLES + 1, "rest", index + 1)
            if step.mode == "rest"
            else Place(FIRST_CYCLES + 1, kind_of_pulse, index)
            for step in (*pulsed, pulsed[-1])
        ]
    programme = formation + Programme(tuple(steps), formation.one_c_ma_g)
    simulator = _simulator()
    changed = {
        **changes,
        "Maximum diffusivity [m2.s-1]": diffusivity_m2_s,
        "Relative diffusivity of a full or empty crystal": 1.0,
    }
    parameters = simulator.parameters(changed)
    run = simulator.run(programme, changed)
    traces = crystal_steps(run, parameters, places)
    cell = crystal_cell(run, parameters, planned, traces)
    recorder = Recorder()
    for place, trace in traces:
        if place.cycle <= FIRST_CYCLES:
            at = reading_times(planned, place, trace)
        else:
            at = (pulses.off if place.kind == "rest" else pulses.on)[1:]
        recorder.add(trace, place.kind, place.cycle, place.step_index, at)
    cell.log = recorder.log()
    own = [trace for place, trace in traces if place.cycle > FIRST_CYCLES]
    before = run.points.filter(run.points["cycle"] == FIRST_CYCLES)
    sphere = Sphere(radius_m=float(before[LENGTH][-1]), diffusivity_m2_s=diffusivity_m2_s)
    count = sum(bool(trace.current_a_g[-1]) for trace in own)
    cell.extra = pulses.truth(sphere, count, instant_resistance(own[0], own[1]))
    return cell

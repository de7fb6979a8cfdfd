"""Where the Li is in the crystal: its content through the radius at several times of one charge or discharge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import polars as pl

from lirich.cells.programme import Programme, Step
from lirich.cells.simulation import Array, Simulator
from lirich.errors import SettingsError

LITHIUM, CONNECTED = "Lithium in the crystal", "Connected part of the crystals"


def crystal_profiles(
    simulator: Simulator,
    changes: Mapping[str, float] | None = None,
    *,
    mode: Literal["charge", "discharge"],
    current_ma_g: float,
    until_voltage_v: float,
    start: Array | None = None,
    count: int = 8,
) -> pl.DataFrame:
    """Return the Li content through the crystal at *count* times, evenly over one step, and at its beginning.

    Columns: ``time_s``, ``passed_mah_g``, ``voltage_v``, ``radius`` (of the diffusion path, 0 centre to 1 surface) and
    ``content`` (Li of the connected crystals per Li of the pristine host). *start* is a state of
    `lirich.cells.simulation.Run.final`; by default a pristine cell. Raises `SettingsError` for a model without one
    crystal and as `Simulator.run`.
    """
    slices = {variable.name: places[0] for variable, places in simulator.model.y_slices.items()}
    radius = np.asarray(simulator.mesh["positive particle"].nodes, dtype=np.float64)
    if LITHIUM not in slices or slices[LITHIUM].stop - slices[LITHIUM].start != len(radius):
        raise SettingsError("A model without one crystal", expected="the single-particle model")
    whole = simulator.run(
        Programme((Step(mode, current_ma_g=current_ma_g, until_voltage_v=until_voltage_v),), 1.0), changes, start=start
    )
    duration = float(whole.ends["time_s"][0])
    state = simulator.initial_state(simulator.parameters(changes)) if start is None else np.array(start)
    voltage = float(whole.points["voltage_v"][0])
    frames = []
    for number in range(count + 1):
        if number:
            part = Step(
                mode, current_ma_g=current_ma_g, until_voltage_v=until_voltage_v, until_s=max(duration / count, 1e-3)
            )
            run = simulator.run(Programme((part,), 1.0), changes, start=state)
            state, voltage = run.final, float(run.ends["voltage_v"][0])
        connected = float(state[slices[CONNECTED].start])
        time = duration * number / count
        frames.append(
            pl.DataFrame({"radius": radius, "content": state[slices[LITHIUM]] / connected}).select(
                pl.lit(time).alias("time_s"),
                pl.lit(time * current_ma_g / 3600.0).alias("passed_mah_g"),
                pl.lit(voltage).alias("voltage_v"),
                "radius",
                "content",
            )
        )
    return pl.concat(frames)

"""Faults planted into the recorded points of sound cells, for the detection of outliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

FROM_CYCLE = 45


@dataclass(frozen=True)
class Tested:
    """A sound cell: its recorded points and stated mass, and the points of another cell of its kind."""

    table: pl.DataFrame
    mass_mg: float
    other: pl.DataFrame
    seed: int

    @property
    def points(self) -> pl.DataFrame:
        """The points without the cycler's counters, which most faults would contradict."""
        return self.table.select(c for c in self.table.columns if not c.endswith(("_ah", "_wh")))

    def from_then_on(self, value: object) -> np.ndarray:
        """Return *value* from `FROM_CYCLE` on and 0 before, for each point."""
        return np.where(self.table["cycle_count"].to_numpy() >= FROM_CYCLE, value, 0.0)


Spoiled = tuple[pl.DataFrame, float]
Fault = Callable[[Tested], Spoiled]


def none(cell: Tested) -> Spoiled:
    """Return the cell as it is."""
    return cell.table, cell.mass_mg


def micro_short(cell: Tested) -> Spoiled:
    """370 kΩ across the cell, 1 % of the ageing current: a charge takes longer, a discharge ends sooner."""
    current, time = (cell.table[name].to_numpy() for name in ("current_ampere", "test_time_second"))
    leak = cell.from_then_on(cell.table["voltage_volt"].to_numpy() / 370e3)
    running = current != 0.0
    stretch = np.where(running, current / np.where(running, current - leak, 1.0), 1.0)
    longer = np.cumsum(np.diff(time, prepend=time[0]) * stretch) + time[0]
    return cell.points.with_columns(pl.Series("test_time_second", longer)), cell.mass_mg


def contact_loss(cell: Tested) -> Spoiled:
    """50 Ω more from one cycle on; a step ends where it now reaches its limit, 4.8 or 2.0 V."""
    current, time = (cell.table[name].to_numpy() for name in ("current_ampere", "test_time_second"))
    voltage = cell.table["voltage_volt"].to_numpy() + cell.from_then_on(50.0) * current
    beyond = cell.from_then_on(1.0).astype(bool) & (
        ((current > 0) & (voltage > 4.8)) | ((current < 0) & (voltage < 2.0))
    )
    step = cell.table["step_count"].to_numpy()
    first = beyond & np.append(False, (step[1:] == step[:-1]) & ~beyond[:-1])
    at = np.flatnonzero(first)
    limit = np.where(current[at] > 0, 4.8, 2.0)
    part = (limit - voltage[at - 1]) / (voltage[at] - voltage[at - 1])
    ends = time.copy()
    ends[at] = time[at - 1] + part * (time[at] - time[at - 1])
    voltage[at] = limit
    shifted = cell.points.with_columns(pl.Series("voltage_volt", voltage), pl.Series("test_time_second", ends))
    return shifted.filter(pl.Series(~beyond | first)), cell.mass_mg


def noisy_channel(cell: Tested) -> Spoiled:
    """5 mV of noise from one cycle on; 0.15 mV before."""
    noise = cell.from_then_on(np.random.default_rng(cell.seed).normal(0.0, 5e-3, len(cell.table)))
    voltage = cell.table["voltage_volt"].to_numpy() + noise
    return cell.points.with_columns(pl.Series("voltage_volt", voltage)), cell.mass_mg


def swapped_cell(cell: Tested) -> Spoiled:
    """Another cell of the same kind on the channel from one cycle on, evaluated with the mass of the first."""
    first = cell.points.filter(pl.col("cycle_count") < FROM_CYCLE)
    second = cell.other.select(first.columns).filter(pl.col("cycle_count") >= FROM_CYCLE)
    ends = {name: first[name][-1] - second[name][0] + 1.0 for name in ("test_time_second", "unix_time_second")}
    return pl.concat([first, second.with_columns(pl.col(n) + shift for n, shift in ends.items())]), cell.mass_mg


def wrong_mass(factor: float) -> Fault:
    """Return the fault of a stated mass too small by *factor*: specific capacities are too large by it."""
    return lambda cell: (cell.table, cell.mass_mg / factor)


FAULTS: dict[str, tuple[Fault, float]] = {
    "no fault": (none, 0.0),
    "micro short": (micro_short, 0.9),
    "contact loss": (contact_loss, 0.9),
    "swapped cell": (swapped_cell, 0.9),
    "noisy channel": (noisy_channel, 0.9),
    "mass wrong by 20 %": (wrong_mass(1.2), 0.9),
    "mass wrong by 10 %": (wrong_mass(1.1), 0.0),
    "mass wrong by 5 %": (wrong_mass(1.05), 0.0),
}
"""Each fault and the share that is to be found (0: printed, no target)."""

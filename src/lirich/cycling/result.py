"""What an analysis of a test gives back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from lirich.cycling import halfcycles
from lirich.cycling.annotation import Annotation
from lirich.cycling.dqdv import dqdv_curves
from lirich.cycling.halfcycle import Direction, HalfCycle
from lirich.cycling.hysteresis import hysteresis_curves
from lirich.cycling.protocol import Segment
from lirich.model import Finding, Value


@dataclass(frozen=True, slots=True, eq=False)
class CyclingResult:
    """Steps, cycles, protocol segments, figures of merit and findings of one test of a cell.

    ``steps`` has the columns of `lirich.cycling.steps.step_table`, ``cycles`` those of `lirich.cycling.cycle_table`
    with ``segment`` (the purpose of the cycle), ``like_group`` (cycles of one number may be compared),
    ``capacity_retention`` and ``energy_retention`` (against ``reference_cycle``, null where conditions are unlike).
    """

    steps: pl.DataFrame
    cycles: pl.DataFrame
    segments: tuple[Segment, ...]
    values: tuple[Value, ...]
    findings: tuple[Finding, ...]
    annotation: Annotation
    reference_cycle: int | None = None
    active_mass_mg: float | None = None

    def half_cycle(self, cycle: int, direction: Direction) -> HalfCycle | None:
        """Return one half-cycle by lirich's own cycle number, or ``None`` where the test does not have it."""
        return halfcycles.half_cycle(self.annotation, cycle, direction)

    def half_cycles(self, cycles: Iterable[int] | None = None) -> list[HalfCycle]:
        """Return the half-cycles of *cycles* (all by default) in the order in which they were run."""
        return halfcycles.half_cycles(self.annotation, cycles)

    def voltage_curves(self, cycles: Iterable[int] | None = None, max_points: int = 400) -> pl.DataFrame:
        """Return voltage against capacity for plotting; see `lirich.cycling.halfcycles.voltage_curves`."""
        return halfcycles.voltage_curves(
            self.annotation, cycles, max_points=max_points, active_mass_mg=self.active_mass_mg
        )

    def dqdv_curves(self, cycles: Iterable[int] | None = None) -> pl.DataFrame:
        """Return dQ/dV against voltage for plotting; see `lirich.cycling.dqdv.dqdv_curves`."""
        return dqdv_curves(self.half_cycles(cycles), active_mass_mg=self.active_mass_mg)

    def hysteresis_curves(self, cycles: Iterable[int] | None = None) -> pl.DataFrame:
        """Return V_ch(q) − V_dis(q) against state of charge; see `lirich.cycling.hysteresis.hysteresis_curves`."""
        return hysteresis_curves(self.half_cycles(cycles))

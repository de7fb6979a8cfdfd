"""Where every row of a test belongs: which step, which half-cycle, which cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lirich.cycling.arrays import Array, Integers, Signs
from lirich.cycling.filecycles import numbered_by_file
from lirich.cycling.limits import Runs, split_at_limits
from lirich.cycling.points import Points, points_of
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.steps import Steps, step_table, steps_of
from lirich.cycling.turns import half_cycle_starts
from lirich.errors import NotEnoughDataError
from lirich.model import Electrode, Finding, Severity


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """A test taken apart.

    Half-cycles are numbered from 0; per half-cycle, shape (h,): ``half_start`` and ``half_stop`` (rows; the rest
    after a half-cycle belongs to it), ``half_sign`` (+1 charge, −1 discharge), ``half_cycle`` (the number of its
    cycle). Cycle 0 is what was taken out of the cell before the first cycle. ``passed_ah`` is the
    charge that each row brought in the direction of its half-cycle, shape (n,), never negative.
    """

    points: Points
    steps: Steps
    half_start: Integers
    half_stop: Integers
    half_sign: Signs
    half_cycle: Integers
    step_half: Integers
    passed_ah: Array
    findings: tuple[Finding, ...]

    @property
    def cycles(self) -> Integers:
        """The numbers of the cycles, ascending, shape (c,)."""
        return np.unique(self.half_cycle)

    def step_table(self) -> pl.DataFrame:
        """Return the steps with their own and the cycler's numbers; see `lirich.cycling.steps.step_table`."""
        return step_table(self.points, self.steps, self.step_half + 1, self.half_cycle[self.step_half])


def annotate(
    table: pl.DataFrame, *, electrode: Electrode | None = None, settings: CyclingSettings | None = None
) -> Annotation:
    """Take a standard table apart into steps, half-cycles and cycles; with a time axis, not by the cycler's count.

    A cycle begins with a charge for a cathode or full cell and with a discharge (lithiation) for an anode material;
    where *electrode* is not given, with whichever comes first, unless that is a discharge much smaller than the
    charge that follows. A first half-cycle of the other direction is cycle 0. Rests, interrupts and pulses
    (`CyclingSettings.reversal_fraction`) never begin a cycle, unless they go from one voltage limit to the other. A
    curve without a time axis has the cycles that its file numbers, in the order of the numbers.

    Raises `NotEnoughDataError` where no current flows or fewer than two rows are usable, `MissingColumnError`
    where it is not a standard table.
    """
    settings = settings or CyclingSettings()
    points, findings = points_of(table, settings)
    steps = steps_of(points, settings)
    runs = _runs(points, steps)
    if len(runs) == 0:
        raise NotEnoughDataError("A test in which no charge passes", expected="at least one charge or discharge")
    first_runs: list[int] = []
    for block in np.unique(runs.block):
        inside = np.flatnonzero(runs.block == block)
        first_runs.extend(inside[0] + half_cycle_starts(runs.charge[inside], settings))
    firsts = split_at_limits(np.array(first_runs, dtype=np.int64), runs, points, settings)
    net = np.add.reduceat(runs.charge, firsts)
    half_start = runs.first[firsts].copy()
    half_start[0] = 0
    half_stop = np.append(half_start[1:], len(points))
    half_sign = np.sign(net).astype(np.int8)
    in_file = points.vendor_cycle if points.time_s is None else None
    numbers = None if in_file is None else in_file[runs.first[firsts]]
    half_cycle = _numbered(half_sign, np.abs(net), numbers, electrode, settings, findings)
    row_sign = np.repeat(half_sign, half_stop - half_start)
    passed = points.dq_ah * row_sign
    np.maximum(passed, 0.0, out=passed)
    step_half = np.searchsorted(half_start, steps.start, side="right") - 1
    return Annotation(points, steps, half_start, half_stop, half_sign, half_cycle, step_half, passed, tuple(findings))


def _runs(points: Points, steps: Steps) -> Runs:
    """Join steps of one direction over the rests between them.

    Runs are joined within a block only. A test with a time axis is one block; of a curve without one, each of the
    file's cycles is a block, since nothing else separates two charges in a row.
    """
    moving = np.flatnonzero((steps.sign != 0) & (steps.charge_ah != 0.0))
    if len(moving) == 0:
        empty = np.zeros(0, dtype=np.int64)
        return Runs(empty, empty, np.zeros(0, dtype=np.bool_), np.zeros(0), empty)
    sign = np.sign(steps.charge_ah[moving])
    block = np.zeros(len(moving), dtype=np.int64)
    if points.time_s is None and points.vendor_cycle is not None:
        block = points.vendor_cycle[steps.start[moving]]
        block = np.cumsum(np.append(False, block[1:] != block[:-1]))
    begins = np.append(True, (sign[1:] != sign[:-1]) | (block[1:] != block[:-1]))
    at = np.flatnonzero(begins)
    last = steps.stop[moving[np.append(at[1:], len(moving)) - 1]] - 1
    charge = np.add.reduceat(steps.charge_ah[moving], at)
    return Runs(steps.start[moving[at]], last, steps.row_held[last], charge, block[at])


def _numbered(
    sign: Signs,
    charge: Array,
    in_file: Integers | None,
    electrode: Electrode | None,
    settings: CyclingSettings,
    findings: list[Finding],
) -> Integers:
    opening = {"cathode": 1, "full": 1, "anode": -1}.get(electrode or "")
    if opening is None:
        rest = len(sign) >= 2 and sign[1] > 0 and charge[0] < settings.leading_fraction * charge[1]
        opening = -1 if sign[0] < 0 and not rest else 1
    if in_file is not None and (numbered := numbered_by_file(in_file, sign, opening, findings)) is not None:
        return numbered
    number = np.zeros(len(sign), dtype=np.int64)
    if not np.any(sign == opening):
        number[:] = np.arange(1, len(sign) + 1)
        return number
    current, has_closing = 0, False
    for i, way in enumerate(sign):
        if way == opening or has_closing:
            # two halves of one direction in a row (curves without a time axis) are two cycles
            current += 1
            has_closing = False
        if way != opening:
            has_closing = current > 0 or has_closing
        number[i] = current
    leading = int(np.count_nonzero(number == 0))
    if leading:
        way_name = "discharge" if opening == 1 else "charge"
        findings.append(
            Finding(
                code="leading-half-cycle",
                severity=Severity.INFO,
                message=f"The test begins with a {way_name} of {1e3 * charge[0]:.4g} mAh before the first "
                f"{'charge' if opening == 1 else 'discharge'}; it is cycle 0 and enters no figure",
                advice="" if electrode else "Say what the electrode is (cathode, anode, full) to settle it",
                where="cycle 0",
            )
        )
    return number

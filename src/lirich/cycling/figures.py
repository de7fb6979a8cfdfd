"""Which figure of merit is computed from which part of a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from lirich.cycling.annotation import Annotation
from lirich.cycling.cuts import Cuts, parts_of
from lirich.cycling.cyclefigures import BY_INTERRUPTS, first_settled
from lirich.cycling.doubts import doubted, of_parts
from lirich.cycling.fade import fade_values
from lirich.cycling.firstcycle import first_cycle_values
from lirich.cycling.gitt import gitt_values
from lirich.cycling.halfcycle import Direction, HalfCycle
from lirich.cycling.halfcycles import half_cycle, half_cycles
from lirich.cycling.hysteresis import hysteresis_values
from lirich.cycling.ici import ici_values
from lirich.cycling.peakvalues import dqdv_values
from lirich.cycling.protocol import Segment
from lirich.cycling.rate import rate_values
from lirich.cycling.record import not_enough, with_conditions
from lirich.cycling.series import Series, cycle_conditions
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.stopped import radius_of, stopped_rows
from lirich.cycling.stops import Stops
from lirich.cycling.tracks import NOT_ORDINARY
from lirich.errors import NotEnoughDataError, quoted
from lirich.model import Cell, Conditions, Finding, Sample, Scalar, Severity, Value

Figures = tuple[list[Value], list[Finding]]

_TRACKED = 60  # curves whose peaks are followed; more change no slope by more than its interval


def figures_of_first_cycle(
    notes: Annotation, cycles: pl.DataFrame, cuts: Cuts, cell: Cell, sample: Sample | None, settings: CyclingSettings
) -> Figures:
    """ICE, activation, formal split and dQ/dV of cycle 1, if it is the first of the cell and an ordinary one.

    Where a half-cycle of it was cut short it has no ICE, and what is of that half-cycle is flagged.
    """
    first = cycles.filter(pl.col("cycle") == 1)
    if first.is_empty() or first["segment"][0] in NOT_ORDINARY:
        return [], []
    number = first["cycle_number"][0]
    if notes.points.time_s is None and (first["vendor_cycle_first"][0] or 0) > 1:
        number = first["vendor_cycle_first"][0]  # the file's own cycles, also where a number comes twice
    if number != 1:
        finding = Finding(
            code="first-cycle-not-in-file",
            message=f"The cycler's count begins with {number}; there are no first-cycle figures",
            advice="Add the file with the first cycles to the cell",
            where=cell.key,
        )
        return [], [finding]
    charge, discharge = _half(notes, cycles, 1, "charge"), _half(notes, cycles, 1, "discharge")
    values, findings = first_cycle_values(
        charge,
        discharge,
        cell,
        sample,
        low_voltage_threshold_v=settings.low_voltage_threshold_v,
        high_voltage_threshold_v=settings.high_voltage_threshold_v,
    )
    known = {k: v for k, v in cycle_conditions(cycles, 1, cell, "charge").other.items() if k in _NUMBERS}
    values = doubted(_measured_at(values, cycles), cycles, 1, cell)
    values = of_parts(values, parts_of(notes, cuts, cycles["cycle"].to_list().index(1)))
    # what follows from the composition alone is of no cycle
    return [v if v.conditions.cycle is None else _with_other(v, known) for v in values], findings


_NUMBERS = ("vendor_cycle", "own_cycle")  # how else a cycle is counted


def _measured_at(values: Sequence[Value], cycles: pl.DataFrame) -> list[Value]:
    """Give values of a cycle the temperature that was recorded in it, where none is given for the cell."""
    if "temperature_celsius" not in cycles.columns:
        return list(values)
    recorded = dict(cycles.select("cycle_number", "temperature_celsius").iter_rows())
    found = []
    for value in values:
        c = value.conditions
        measured = recorded.get(c.cycle if c.cycle is not None else c.other.get("last_cycle"))
        if c.temperature_celsius is None and measured is not None:
            value = value.model_copy(update={"conditions": with_conditions(c, temperature_celsius=measured)})
        found.append(value)
    return found


def _with_other(value: Value, other: Mapping[str, Scalar]) -> Value:
    return value.model_copy(update={"conditions": with_conditions(value.conditions, other=other)})


def _half(notes: Annotation, cycles: pl.DataFrame, cycle: int, direction: Direction) -> HalfCycle | None:
    half = half_cycle(notes, cycle, direction)
    return None if half is None else _numbered([half], cycles)[0]


def _numbered(halves: Sequence[HalfCycle], cycles: pl.DataFrame) -> list[HalfCycle]:
    """Give half-cycles the cycle number that was run, which is what conditions and slopes per cycle speak of."""
    number = dict(cycles.select("cycle", "cycle_number").iter_rows())
    return [replace(half, cycle=number[half.cycle]) for half in halves]


def figures_of_series(
    notes: Annotation,
    cycles: pl.DataFrame,
    series: Series | None,
    cell: Cell,
    sample: Sample | None,
    settings: CyclingSettings,
) -> Figures:
    """Fade with all its parts, dQ/dV peaks over cycles, hysteresis: of the comparable ageing cycles."""
    values: list[Value] = []
    findings: list[Finding] = []
    if series is None:
        findings.append(
            Finding(
                code="no-ageing-cycles",
                severity=Severity.INFO,
                message="The test has no cycles that repeat one rate and window; there is no fade",
                advice="Simulate more cycles of one rate and window"
                if cell.simulated
                else f"If it has, say so: lirich cells {quoted(cell.key)} --segment A-B=ageing",
                where=cell.key,
            )
        )
    else:
        chosen = cycles.filter(pl.col("cycle").is_in(series.cycles))
        conditions = cycle_conditions(cycles, series.reference, cell)
        conditions = _of_many(conditions, reference_cycle=int(chosen["cycle_number"][0]))
        if chosen.height > 1:
            new, said = fade_values(
                chosen.with_columns(pl.col("cycle_number").alias("cycle")),
                cell,
                conditions,
                settings=settings,
            )
            values += [_interrupt_time(v, settings) for v in new]
            findings += said
        else:
            findings.append(
                not_enough("fade", NotEnoughDataError("There is 1 ageing cycle", expected="at least 2"), where=cell.key)
            )
    shown = _curves_to_show(cycles, series)
    if shown:
        halves = _numbered(half_cycles(notes, shown), cycles)
        new, said = dqdv_values(halves, cell, sample, segment=_segment(cycles, shown))
        values += [_thinned(v, shown, series) for v in _measured_at(new, cycles)]
        findings += said
    chosen_ones = [] if series is None else [first_settled(cycles, series), series.last]
    for number in sorted({*chosen_ones, *shown[:1]}):
        charge, discharge = _half(notes, cycles, number, "charge"), _half(notes, cycles, number, "discharge")
        if charge is None or discharge is None:
            continue
        new, said = hysteresis_values(charge, discharge, cell, segment=_segment(cycles, [number]))
        values += doubted(_measured_at(new, cycles), cycles, number, cell)
        findings += said
    return values, findings


def _of_many(conditions: Conditions, **update: object) -> Conditions:
    """Return *conditions* of a cycle as those of several: without its numbers."""
    other = {k: v for k, v in conditions.other.items() if k not in _NUMBERS}
    return conditions.model_copy(update={"cycle": None, "other": other, **update})


def _interrupt_time(value: Value, settings: CyclingSettings) -> Value:
    if value.quantity.startswith(BY_INTERRUPTS):
        return _with_other(value, {"interrupt_time_s": settings.interrupt_time_s})
    return value


def _curves_to_show(cycles: pl.DataFrame, series: Series | None) -> list[int]:
    if series is None:
        whole = cycles.filter(pl.col("complete") & ~pl.col("segment").is_in(NOT_ORDINARY))
        return whole["cycle"].to_list()[:1]
    numbers = np.array(series.cycles)
    if len(numbers) > _TRACKED:
        numbers = numbers[np.unique(np.linspace(0, len(numbers) - 1, _TRACKED).round().astype(int))]
    return [int(n) for n in numbers]


def _thinned(value: Value, shown: Sequence[int], series: Series | None) -> Value:
    """State of a shift from how many of the cycles it was followed, where not from all."""
    if value.quantity != "dqdv_peak_shift_mv_per_cycle" or series is None or len(shown) == len(series.cycles):
        return value
    return _with_other(value, {"followed_curves": len(shown), "of_cycles": len(series.cycles)})


def _segment(cycles: pl.DataFrame, numbers: Sequence[int]) -> str | None:
    found = set(cycles.filter(pl.col("cycle").is_in(list(numbers)))["segment"])
    return found.pop() if len(found) == 1 else None


def figures_of_rate_tests(
    cycles: pl.DataFrame, segments: Sequence[Segment], cell: Cell, settings: CyclingSettings
) -> Figures:
    """Rate capability and recovery of every rate test."""
    values: list[Value] = []
    findings: list[Finding] = []
    for segment in segments:
        part = cycles.filter(
            pl.col("cycle").is_between(segment.first_cycle, segment.last_cycle)
            & pl.col("like_group").is_not_null()
            & (pl.col("segment") == "rate_test")
        )
        if part.is_empty():
            continue
        conditions = _of_many(
            cycle_conditions(cycles, part["cycle"][0], cell, "charge"), rate_c=None, current_ma_g=None
        )
        part = part.with_columns(pl.col("cycle_number").alias("cycle"))
        new, said = rate_values(part, cell, conditions, same_rate=settings.rate_tolerance)
        values += new
        findings += said
    return values, findings


_DIFFUSION_HALVES = 6  # of a long test with interrupts: first, middle and last charge and discharge


def diffusion_values(
    notes: Annotation, cycles: pl.DataFrame, stops: Sequence[Stops], cell: Cell, sample: Sample | None
) -> Figures:
    """Diffusivity of lithium from GITT and ICI half-cycles; the radius is half of the sample's particle diameter.

    Of more than six such half-cycles of one direction and kind, the first, the middle and the last are evaluated.
    """
    radius = radius_of(sample)
    values: list[Value] = []
    findings: list[Finding] = []
    for kind in ("gitt", "ici"):
        for direction in ("charge", "discharge"):
            chosen = [s for s in stops if s.kind == kind and s.direction == direction]
            if 2 * len(chosen) > _DIFFUSION_HALVES:
                chosen = [chosen[0], chosen[len(chosen) // 2], chosen[-1]]
            for stop in chosen:
                new, said = _diffusion_of(notes, cycles, stop, cell, radius)
                values += new
                findings += said
    return values, findings


def _diffusion_of(notes: Annotation, cycles: pl.DataFrame, stop: Stops, cell: Cell, radius_m: float | None) -> Figures:
    rows = stopped_rows(notes, stop)
    if rows is None:
        return [], []
    stated = with_conditions(cycle_conditions(cycles, stop.cycle, cell, stop.direction), segment=stop.kind)
    compute = gitt_values if stop.kind == "gitt" else ici_values
    try:
        return compute(*rows, cell, radius_m, conditions=stated)
    except NotEnoughDataError as error:
        return [], [not_enough(f"diffusivity by {stop.kind.upper()}", error, where=cell.key)]

"""Which figure of merit is computed from which part of a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from lirich.cycling.annotation import Annotation
from lirich.cycling.fade import fade_values
from lirich.cycling.firstcycle import first_cycle_values
from lirich.cycling.gitt import gitt_values
from lirich.cycling.halfcycle import Direction, HalfCycle
from lirich.cycling.halfcycles import half_cycle, half_cycles
from lirich.cycling.hysteresis import hysteresis_values
from lirich.cycling.ici import ici_values
from lirich.cycling.likeness import Key
from lirich.cycling.peaks import dqdv_values
from lirich.cycling.protocol import Segment
from lirich.cycling.rate import rate_values
from lirich.cycling.record import efficiency_convention, efficiency_doubt, not_enough, record, with_conditions
from lirich.cycling.series import Series, cycle_conditions, first_charge_partial
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.stopped import radius_of, stopped_rows
from lirich.cycling.stops import Stops
from lirich.cycling.tracks import NOT_ORDINARY
from lirich.errors import NotEnoughDataError, quoted
from lirich.model import Cell, Conditions, Finding, Sample, Scalar, Severity, Value

Figures = tuple[list[Value], list[Finding]]

_TRACKED = 60  # curves whose peaks are followed; more change no slope by more than its interval


def figures_of_first_cycle(
    notes: Annotation, cycles: pl.DataFrame, cell: Cell, sample: Sample | None, settings: CyclingSettings
) -> Figures:
    """ICE, activation, formal split and dQ/dV of cycle 1, if it is the first of the cell and an ordinary one."""
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
    doubted = _doubted(_measured_at(values, cycles), cycles, 1, cell)
    # what follows from the composition alone is of no cycle
    return [v if v.conditions.cycle is None else _with_other(v, known) for v in doubted], findings


ANODE_ENERGY = "Of the half-cell, not of the material: charge that the lithiation loses raises it"
"""Note of the energy efficiency of an anode material against Li."""

_AGAINST_THE_CHARGE = frozenset(
    {
        "initial_coulombic_efficiency",
        "irreversible_capacity_mah_g",
        "coulombic_efficiency",
        "energy_efficiency",
        "hysteresis_at_soc_v",
        "hysteresis_loop_energy_mwh",
        "hysteresis_loop_energy_wh_kg",
        "mid_voltage_v",
        "voltage_gap_v",
    }
)  # what lays the discharge of a cycle against its charge

_OF_THE_CHARGE = frozenset(
    {
        "charge_specific_capacity_mah_g",
        "charge_capacity_mah",
        "charge_specific_energy_wh_kg",
        "charge_energy_mwh",
        "mean_charge_voltage_v",
        "median_charge_voltage_v",
        "corrected_charge_voltage_v",
    }
)  # what depends on where the charge began
FOLLOWS_UNLIKE = "follows-unlike"
_OF_A_WHOLE_CHARGE = _AGAINST_THE_CHARGE | frozenset(
    {
        "slope_capacity_mah_g",
        "plateau_capacity_mah_g",
        "formal_oxygen_capacity_mah_g",
        "high_voltage_capacity_mah_g",
    }
)  # what needs the whole first charge, alone or against the discharge, and means nothing where it is a part


def _doubted(values: Sequence[Value], cycles: pl.DataFrame, cycle: int, cell: Cell) -> list[Value]:
    """Flag what needs the whole charge that belongs to the discharge of *cycle*, where it is not there.

    ``first-charge-partial``: the first charge was of a cell that was partly charged. ``electrode-unknown``: nobody said
    whether the charge before or after a discharge belongs to it. ``follows-unlike``: the charge began where a cycle at
    another rate or window ended.
    """
    row = cycles.row(by_predicate=pl.col("cycle") == cycle, named=True)
    efficiency = row["coulombic_efficiency"]
    doubt, of = "", frozenset[str]()
    if cycle == 1 and first_charge_partial(efficiency, cell):
        doubt, of = "first-charge-partial", _OF_A_WHOLE_CHARGE
    elif cell.electrode is None and efficiency is None and row["complete"]:
        doubt, of = "electrode-unknown", _AGAINST_THE_CHARGE
    elif row["follows_unlike"]:
        doubt, of = FOLLOWS_UNLIKE, _AGAINST_THE_CHARGE | (frozenset() if cell.electrode == "anode" else _OF_THE_CHARGE)
    return [v.model_copy(update={"flags": (*v.flags, doubt)}) if v.quantity in of else v for v in values]


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


_OF_CYCLE: tuple[tuple[str, Direction | None, bool], ...] = (
    # quantity, direction, needs a complete cycle
    ("charge_capacity_mah", "charge", False),
    ("discharge_capacity_mah", "discharge", False),
    ("charge_specific_capacity_mah_g", "charge", False),
    ("discharge_specific_capacity_mah_g", "discharge", False),
    ("charge_energy_mwh", "charge", False),
    ("discharge_energy_mwh", "discharge", False),
    ("charge_specific_energy_wh_kg", "charge", False),
    ("discharge_specific_energy_wh_kg", "discharge", False),
    ("coulombic_efficiency", None, True),
    ("energy_efficiency", None, True),
    ("mean_charge_voltage_v", "charge", False),
    ("mean_discharge_voltage_v", "discharge", False),
    ("median_charge_voltage_v", "charge", False),
    ("median_discharge_voltage_v", "discharge", False),
    ("mid_voltage_v", None, True),
    ("voltage_gap_v", None, True),
    ("low_voltage_capacity_mah_g", "discharge", False),
    ("low_voltage_share", "discharge", False),
    ("interrupt_resistance_ohm", None, False),
    ("end_resistance_ohm", None, False),
    ("corrected_charge_voltage_v", "charge", False),
    ("corrected_discharge_voltage_v", "discharge", False),
)


_BY_INTERRUPTS = ("interrupt_", "corrected_", "end_resistance_")


def cycle_values(
    cycles: pl.DataFrame, keys: Sequence[Key], series: Series | None, cell: Cell, settings: CyclingSettings
) -> Figures:
    """Figures of the cycles that stand for the test: the first, the reference, the last like it; all of up to five.

    A value whose cycle stands under other conditions than the ageing cycles is flagged ``unlike-<condition>``.
    """
    numbers = cycles["cycle"].to_list()
    wanted = {1} if series is None else {1, series.reference, _first_settled(cycles, series), series.last}
    if cycles.height <= 5:
        wanted = set(numbers)
    wanted -= {0}
    values: list[Value] = []
    for row, key in zip(cycles.iter_rows(named=True), keys, strict=True):
        if row["cycle"] not in wanted:
            continue
        flags = _flags(row["complete"], key, keys, numbers, series, settings)
        of_cycle = []
        for name, direction, whole in _OF_CYCLE:
            value = row.get(name)
            if value is None or (whole and not row["complete"]) or not _has(row, direction):
                continue
            if name == "low_voltage_capacity_mah_g" and row["cycle"] == 1 and _first_given(cell, row):
                continue  # comes with the figures of the first cycle
            conditions = cycle_conditions(cycles, row["cycle"], cell, direction)
            if name.startswith("low_voltage"):
                conditions = with_conditions(conditions, threshold_v=settings.low_voltage_threshold_v)
            note = ""
            if name == "coulombic_efficiency":
                conditions = with_conditions(conditions, method=efficiency_convention(cell))
            elif name == "energy_efficiency":
                # the cell gives energy on discharge whatever it is made of; turned over, η_E of an anode passes 100 %
                conditions = with_conditions(conditions, method="discharge/charge")
                note = ANODE_ENERGY if cell.electrode == "anode" else ""
            if name.startswith(_BY_INTERRUPTS):
                conditions = with_conditions(
                    conditions, method="current interrupts", other={"interrupt_time_s": settings.interrupt_time_s}
                )
            doubts = (*flags, *(efficiency_doubt(cell) if name == "coulombic_efficiency" else ()))
            of_cycle.append(
                record(
                    name,
                    value,
                    cell,
                    conditions=conditions,
                    code="lirich.cycling.cycles.cycle_table",
                    flags=doubts,
                    note=note,
                )
            )
        values += _doubted(of_cycle, cycles, row["cycle"], cell)
    return values, []


def _first_settled(cycles: pl.DataFrame, series: Series) -> int:
    """Return the first cycle of *series* whose charge began where a cycle of the series ended; else the reference."""
    settled = cycles.filter(pl.col("settled") & ~pl.col("follows_unlike"))["cycle"].to_list()
    return int(settled[0]) if settled else series.reference


def _first_given(cell: Cell, row: dict[str, object]) -> bool:
    ordinary = row["cycle_number"] == 1 and row["segment"] not in NOT_ORDINARY
    return ordinary and cell.active_mass_mg is not None


def _has(row: dict[str, object], direction: Direction | None) -> bool:
    if direction is None:
        return True
    return row[f"mean_{direction}_voltage_v"] is not None


def _flags(
    complete: bool,
    key: Key,
    keys: Sequence[Key],
    numbers: Sequence[int],
    series: Series | None,
    settings: CyclingSettings,
) -> tuple[str, ...]:
    if not complete:
        return ("incomplete-cycle",)
    if series is None:
        return ()
    reference = keys[numbers.index(series.reference)]
    return tuple("unlike-" + name.replace(" ", "-") for name in key.unlike(reference, settings))


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
    chosen_ones = [] if series is None else [_first_settled(cycles, series), series.last]
    for number in sorted({*chosen_ones, *shown[:1]}):
        charge, discharge = _half(notes, cycles, number, "charge"), _half(notes, cycles, number, "discharge")
        if charge is None or discharge is None:
            continue
        new, said = hysteresis_values(charge, discharge, cell, segment=_segment(cycles, [number]))
        values += _doubted(_measured_at(new, cycles), cycles, number, cell)
        findings += said
    return values, findings


def _of_many(conditions: Conditions, **update: object) -> Conditions:
    """Return *conditions* of a cycle as those of several: without its numbers."""
    other = {k: v for k, v in conditions.other.items() if k not in _NUMBERS}
    return conditions.model_copy(update={"cycle": None, "other": other, **update})


def _interrupt_time(value: Value, settings: CyclingSettings) -> Value:
    if value.quantity.startswith(_BY_INTERRUPTS):
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
            & pl.col("complete")
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

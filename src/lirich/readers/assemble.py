"""Recognised columns of a file → the columns of the standard table: units, running capacities, sensors, active mass.

What every text reader shares. Time is made in `lirich.readers.timeaxis`, steps and sign in `lirich.readers.direction`.
A decision that a file leaves open is taken by a stated rule and said: in the note of the column or as a finding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import DamagedFileError
from lirich.model import Finding, Scalar, Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.accumulate import Borders, all_finite, never_resetting, split_by_direction
from lirich.readers.base import ColumnMatch, standard_table
from lirich.readers.counts import filled
from lirich.readers.curverows import is_curve, leave_out_repeated, settle_counters, turn_backward
from lirich.readers.direction import number_steps, sign_current, step_names
from lirich.readers.draft import Columns, Draft
from lirich.readers.rows import drop_unreadable
from lirich.readers.specific import active_mass_mg
from lirich.readers.timeaxis import read_elapsed, time_axis

_NEEDED = frozenset({std.TIME, std.VOLTAGE, std.CURRENT, std.CHARGED, std.DISCHARGED, h.CAPACITY})
"""A row without a number in one of these is left out."""

_TEMPERATURES = (-100.0, 1000.0)
"""°C; what a sensor cannot show. Cyclers write −2500, 3276.7 or 6553.5 where none is connected."""


@dataclass(slots=True)
class Assembled:
    """A standard table, and what is to be said of it.

    ``split_by_sign``: see `lirich.readers.base.Reading`.
    """

    table: pl.DataFrame
    recognised: tuple[ColumnMatch, ...]
    findings: tuple[Finding, ...]
    metadata: dict[str, Scalar]
    split_by_sign: frozenset[str] = frozenset()


def assemble(columns: Columns) -> Assembled:
    """Make the standard table.

    Raises `DamagedFileError` where too many of the rows cannot be read or nothing is left, and
    `MissingColumnError` where a column is missing.
    """
    draft = Draft.of(columns)
    if not draft.raw or next(iter(draft.raw.values())).len() == 0:
        raise DamagedFileError(f"{draft.path.name} has a header and no data", expected="at least one recorded point")
    read_elapsed(draft)
    draft.raw, findings = drop_unreadable(draft.path, draft.raw, columns.unreadable, _NEEDED, columns.line)
    draft.findings += findings
    _scale_numbers(draft)
    time_axis(draft)
    curve = is_curve(draft)
    if curve:
        leave_out_repeated(draft)
    states = step_names(draft)
    number_steps(draft, states)
    direction = sign_current(draft, states)
    if curve:
        turn_backward(draft, direction)
    _counters(draft, direction)
    if curve:
        settle_counters(draft, direction)
    _temperatures(draft)
    _active_mass(draft)
    frame = pl.DataFrame([series.alias(name) for name, series in draft.out.items()])
    table = standard_table(frame, path=draft.path)
    return Assembled(table, _recognised(draft, table), tuple(draft.findings), draft.metadata, draft.split_by_sign)


def _scale_numbers(draft: Draft) -> None:
    lost: list[str] = []
    for role, series in draft.raw.items():
        if not series.dtype.is_numeric():
            continue
        match = draft.matches[role]
        if series.dtype.is_float():
            values = series.to_numpy()
            whole = all_finite(values)
            finite = np.empty(0, dtype=np.bool_) if whole else np.isfinite(values)
            if match.factor != 1.0:
                values = values * match.factor
            if not whole:
                missing = int(values.size - np.count_nonzero(finite))
                if role in (std.TIME, std.VOLTAGE, std.CURRENT):
                    if missing == values.size:
                        raise DamagedFileError(
                            f"Column {match.text!r} of {draft.path.name} holds no number", advice="Export it again"
                        )
                    first = draft.source.line(int(np.argmin(finite)))
                    lost.append(f"{missing} in {match.text!r} (first in line {first})")
                draft.raw[role] = pl.Series(np.where(finite, values, np.nan), nan_to_null=True)
            elif match.factor != 1.0:
                draft.raw[role] = pl.Series(values)
        if (
            not match.unit
            and not match.clock_unit
            and match.dimension in ("time", "voltage", "current", "charge", "energy")
            and role not in draft.written_as_clock
        ):
            draft.say(role, f"unit not stated, read as {h.DEFAULT_UNIT[match.dimension]}")
    if lost:
        draft.findings.append(
            Finding(
                code="missing-numbers",
                message=f"{draft.path.name} has cells without a number: {'; '.join(lost)}",
                advice="They are left empty; ask for the repair drop-invalid-rows to leave the rows out",
            )
        )


def _counters(draft: Draft, direction: NDArray[np.int8] | None) -> None:
    borders = _borders(draft)
    time = draft.out.get(std.TIME)
    pairs = (
        (std.CHARGED, std.DISCHARGED, h.CAPACITY, "capacity"),
        (std.CHARGED_ENERGY, std.DISCHARGED_ENERGY, h.ENERGY, "energy"),
    )
    if time is not None and any(r in draft.raw for pair in pairs for r in pair[:3]):
        falls = int(np.count_nonzero(np.diff(time.to_numpy()) < 0))
        if falls > max(3, 0.001 * time.len()):
            draft.find(
                "counters-left-out",
                f"The rows are not in the order of time ({falls} times it goes back): capacity and energy counters "
                "cannot be followed and were left out",
            )
            return
    for charged, discharged, single, what in pairs:
        if charged in draft.raw or discharged in draft.raw:
            for role in (charged, discharged):
                if role in draft.raw:
                    values, note = never_resetting(draft.raw[role].to_numpy(), borders)
                    draft.out[role] = pl.Series(values)
                    draft.say(role, f"{note}; made continuous" if note else "")
        elif single in draft.raw and direction is not None:
            values = draft.raw[single].to_numpy()
            up, down, note = split_by_direction(values, borders, direction)
            draft.out[charged], draft.out[discharged] = pl.Series(up), pl.Series(down)
            if not draft.direction_named:
                draft.split_by_sign |= {charged, discharged}
            draft.match_as(charged, single, draft.matches[single].unit)
            draft.match_as(discharged, single, draft.matches[single].unit)
            for role in (charged, discharged):
                draft.say(role, f"one {what} for both directions, split by the step; {note or 'continuous'}")


def _borders(draft: Draft) -> Borders:
    some = next(iter(draft.raw.values()))
    none = np.zeros(some.len(), dtype=np.int64)
    step = draft.out.get(std.STEP)
    cycle = draft.out.get(std.CYCLE)
    return Borders.of(
        none if step is None else filled(step).to_numpy(),
        none if cycle is None else filled(cycle).to_numpy(),
    )


def _temperatures(draft: Draft) -> None:
    low, high = _TEMPERATURES
    for role in (std.TEMPERATURE, std.CELL_TEMPERATURE):
        series = draft.raw.get(role)
        if series is None:
            continue
        wrong = (series < low) | (series > high)
        wrong = wrong.fill_null(value=False) if wrong.null_count() else wrong
        good = series.set(wrong, None) if wrong.any() else series
        name = draft.matches[role].text
        if good.null_count() == good.len() or (good.max() == 0.0 and good.min() == 0.0):
            if series.null_count() < series.len():
                what = "is 0 °C" if not wrong.any() else f"is outside {low:g} to {high:g} °C"
                draft.find(
                    "no-temperature-sensor",
                    f"{name!r} {what} throughout, as where no sensor is connected; the column was left out",
                    Severity.INFO,
                )
            continue
        if wrong.any():
            draft.find(
                "temperature-out-of-range",
                f"{int(wrong.sum())} values of {name!r} are outside {low:g} to {high:g} °C and were left empty",
            )
        draft.out[role] = good
    if std.RESISTANCE in draft.raw and bool((draft.raw[std.RESISTANCE] > 0).any()):
        draft.out[std.RESISTANCE] = draft.raw[std.RESISTANCE]


def _active_mass(draft: Draft) -> None:
    """Find the active mass where the file has a capacity and the same capacity per gram."""
    specific = draft.raw.get(h.SPECIFIC_CAPACITY)
    single = draft.raw.get(h.CAPACITY)
    if specific is None or single is None:
        return
    mass = active_mass_mg(specific.to_numpy(), single.to_numpy())
    if mass is None:
        return
    draft.metadata["active_mass_mg"] = float(f"{mass:.4g}")
    draft.find(
        "active-mass-from-file",
        f"Capacity and capacity per gram in the file give an active mass of {mass:.4g} mg",
        Severity.INFO,
        advice="Check it against your notes",
    )


def _recognised(draft: Draft, table: pl.DataFrame) -> tuple[ColumnMatch, ...]:
    found = []
    for column in table.columns:
        role = h.CLOCK if column == std.UNIX_TIME and h.CLOCK in draft.matches else column
        match = draft.matches.get(role)
        note = "; ".join(draft.notes.get(role, []) + (draft.notes.get(column, []) if role != column else []))
        if match is None:
            found.append(ColumnMatch("", column, "", 1.0, note or "made by the reader"))
        else:
            found.append(ColumnMatch(match.text, column, match.unit or match.clock_unit, match.factor, note))
    return tuple(found)

"""Recognised columns of a file → the columns of the standard table: units, time, sign, steps, running capacities.

What every text reader shares. A decision that a file leaves open is taken by a stated rule and said: in the note of the
column or as a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import DamagedFileError
from lirich.model import Finding, Scalar, Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.accumulate import Borders, all_finite, never_resetting, split_by_direction
from lirich.readers.base import ColumnMatch, standard_table
from lirich.readers.clock import elapsed_seconds, wall_clock
from lirich.readers.counts import changes, filled, never_falls, whole_numbers
from lirich.readers.rows import drop_unreadable
from lirich.readers.specific import active_mass_mg
from lirich.readers.states import Runs, directions, runs_of

_NEEDED = frozenset({std.TIME, std.VOLTAGE, std.CURRENT, std.CHARGED, std.DISCHARGED, h.CAPACITY})
"""A row without a number in one of these is left out."""

_TEMPERATURES = (-100.0, 1000.0)
"""°C; what a sensor cannot show. Cyclers write −2500, 3276.7 or 6553.5 where none is connected."""


@dataclass(slots=True)
class Columns:
    """What a reader found in a file.

    ``series`` and ``matches`` are keyed by role (`lirich.readers.headers`); number columns are Float64 in the unit
    of the file, others text. ``unreadable`` marks the cells of a role that hold something that is no number.
    ``line`` gives the line of the file of a row. ``positive_current`` says what a positive current is (``charge``,
    ``discharge``, ``unsigned``); where it says nothing, the names of the steps tell.
    """

    path: Path
    series: dict[str, pl.Series]
    matches: dict[str, h.HeaderMatch]
    line: Callable[[int], int]
    unreadable: dict[str, pl.Series] = field(default_factory=dict)
    clock_gives_time_unit: bool = False
    positive_current: str = ""


@dataclass(slots=True)
class Assembled:
    """A standard table, and what is to be said of it."""

    table: pl.DataFrame
    recognised: tuple[ColumnMatch, ...]
    findings: tuple[Finding, ...]
    metadata: dict[str, Scalar]


def assemble(columns: Columns) -> Assembled:
    """Make the standard table.

    Raises `DamagedFileError` where too many of the rows cannot be read or nothing is left, and
    `MissingColumnError` where a column is missing.
    """
    return _Assembly(columns).run()


class _Assembly:
    def __init__(self, columns: Columns) -> None:
        self.path = columns.path
        self.source = columns
        self.matches = columns.matches
        self.raw = dict(columns.series)
        self.out: dict[str, pl.Series] = {}
        self.notes: dict[str, list[str]] = {}
        self.findings: list[Finding] = []
        self.metadata: dict[str, Scalar] = {}
        self.written_as_clock: set[str] = set()
        self.direction: NDArray[np.int8] | None = None
        self.states: Runs | None = None

    def run(self) -> Assembled:
        if not self.raw or next(iter(self.raw.values())).len() == 0:
            raise DamagedFileError(f"{self.path.name} has a header and no data", expected="at least one recorded point")
        self._elapsed_columns()
        self._drop_unreadable()
        self._scale_numbers()
        self._time()
        self._states()
        self._steps()
        self._sign()
        self._counters()
        self._temperatures()
        self._active_mass()
        frame = pl.DataFrame([series.alias(name) for name, series in self.out.items()])
        table = standard_table(frame, path=self.path)
        return Assembled(table, self._recognised(table), tuple(self.findings), self.metadata)

    # --- reading -----------------------------------------------------------------------------------------------

    def _say(self, role: str, note: str) -> None:
        if note:
            self.notes.setdefault(role, []).append(note)

    def _elapsed_columns(self) -> None:
        for role in (std.TIME, h.STEP_TIME):
            series = self.raw.get(role)
            if series is None:
                continue
            if series.dtype == pl.String:
                seconds = elapsed_seconds(series, self.matches[role].clock_unit)
                self.written_as_clock.add(role)
                if seconds.null_count():
                    self.source.unreadable[role] = seconds.is_null() & series.is_not_null() & (series != "")
                self.raw[role] = seconds

    def _drop_unreadable(self) -> None:
        self.raw, findings = drop_unreadable(self.path, self.raw, self.source.unreadable, _NEEDED, self.source.line)
        self.findings += findings

    def _scale_numbers(self) -> None:
        lost: list[str] = []
        for role, series in self.raw.items():
            if not series.dtype.is_numeric():
                continue
            match = self.matches[role]
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
                                f"Column {match.text!r} of {self.path.name} holds no number", advice="Export it again"
                            )
                        first = self.source.line(int(np.argmin(finite)))
                        lost.append(f"{missing} in {match.text!r} (first in line {first})")
                    self.raw[role] = pl.Series(np.where(finite, values, np.nan), nan_to_null=True)
                elif match.factor != 1.0:
                    self.raw[role] = pl.Series(values)
            if (
                not match.unit
                and not match.clock_unit
                and match.dimension in ("time", "voltage", "current", "charge", "energy")
                and role not in self.written_as_clock
            ):
                self._say(role, f"unit not stated, read as {h.DEFAULT_UNIT[match.dimension]}")
        if lost:
            self.findings.append(
                Finding(
                    code="missing-numbers",
                    message=f"{self.path.name} has cells without a number: {'; '.join(lost)}",
                    advice="They are left empty; ask for the repair drop-invalid-rows to leave the rows out",
                )
            )

    # --- time --------------------------------------------------------------------------------------------------

    def _time(self) -> None:
        time = self.raw.get(std.TIME)
        clock = self._clock(time)
        if time is None and clock is not None and clock.null_count() == 0:
            time = clock - clock[0]
            self._finding(
                "time-from-clock",
                "The file has no time since the start of the test; it was taken from the "
                f"clock column {self.matches[h.CLOCK].text!r}",
                Severity.INFO,
            )
            self._match_as(std.TIME, h.CLOCK, "s")
        elif time is None and h.STEP_TIME in self.raw:
            time = self._time_from_steps(self.raw[h.STEP_TIME])
        if time is None:
            return
        if clock is not None and self.source.clock_gives_time_unit and not self.matches[std.TIME].unit:
            time = self._unit_from_clock(time, clock)
        self.out[std.TIME] = time

    def _clock(self, time: pl.Series | None) -> pl.Series | None:
        if std.UNIX_TIME in self.raw:
            self.out[std.UNIX_TIME] = self.raw[std.UNIX_TIME]
            return self.raw[std.UNIX_TIME]
        text = self.raw.get(h.CLOCK)
        if text is None:
            return None
        seconds, note = wall_clock(text, None if time is None else time.to_numpy())
        if seconds.null_count() == seconds.len():
            if text.drop_nulls().filter(text.drop_nulls() != "").len() if text.dtype == pl.String else True:
                self._finding(
                    "clock-not-understood",
                    f"The clock column {self.matches[h.CLOCK].text!r} "
                    f"({str(text.drop_nulls().head(1).to_list())[1:-1]}) was not understood and left out",
                )
            del self.raw[h.CLOCK]
            return None
        if "ambiguous" in note:
            self._finding(
                "ambiguous-date",
                f"Day and month in {self.matches[h.CLOCK].text!r} cannot be told apart; "
                "the month was taken to come first",
                advice="Compare the start of the test with your notes",
            )
        self.out[std.UNIX_TIME] = seconds
        self._say(h.CLOCK, note)
        return seconds

    def _time_from_steps(self, step_time: pl.Series) -> pl.Series:
        values = step_time.fill_null(strategy="forward").fill_null(0.0).to_numpy()
        falls = np.flatnonzero(np.diff(values) < 0) + 1
        offset = np.zeros(values.size)
        offset[falls] = values[falls - 1]
        self._finding(
            "time-from-step-time",
            "The file has only the time in each step; the times of the steps were "
            "added up, pauses between steps are not in it",
        )
        self._match_as(std.TIME, h.STEP_TIME, "s")
        return pl.Series(values + np.cumsum(offset))

    def _unit_from_clock(self, time: pl.Series, clock: pl.Series) -> pl.Series:
        if std.TIME in self.written_as_clock:
            return time
        run, passed = _span(time), _span(clock)
        for factor, name in ((60.0, "min"), (3600.0, "h"), (1e-3, "ms")):
            if run > 0 and abs(passed / (run * factor) - 1) < 0.02 and passed > 10:
                self._finding(
                    "time-unit-from-clock",
                    f"The column {self.matches[std.TIME].text!r} states no unit; the "
                    f"clock column shows that it is in {name}",
                    Severity.INFO,
                )
                self.notes[std.TIME] = [f"unit not stated, {name} by the clock column"]
                return time * factor
        return time

    def _match_as(self, role: str, source: str, unit: str) -> None:
        match = self.matches[source]
        for note in self.notes.get(source, []):
            self._say(role, note)
        self.matches = {**self.matches, role: h.HeaderMatch(match.index, match.text, role, unit, 1.0)}

    # --- steps, cycles, sign -----------------------------------------------------------------------------------

    def _states(self) -> None:
        if std.STEP_TYPE in self.raw:
            self.out[std.STEP_TYPE] = self.raw[std.STEP_TYPE].cast(pl.String)
            self.states = runs_of(self.out[std.STEP_TYPE])

    def _steps(self) -> None:
        for role in (std.CYCLE, std.STEP, std.STEP_INDEX):
            series = self.raw.get(role)
            if series is None:
                continue
            if series.dtype == pl.Int64 and not series.null_count():
                self.out[role] = series
                continue
            values = series.cast(pl.Float64, strict=False).to_numpy()
            whole = whole_numbers(values)
            if whole is not None:
                self.out[role] = pl.Series(whole)
                continue
            odd = int(
                np.count_nonzero(np.isfinite(values) & ((values != np.rint(values)) | (np.abs(values) >= 2.0**63)))
            )
            if odd:
                self._finding(
                    "count-not-whole",
                    f"{self.matches[role].text!r} holds {odd} numbers that are not whole; the column was left out",
                )
                continue
            self.out[role] = series.cast(pl.Int64, strict=False)
        if std.STEP in self.out:
            if std.STEP_INDEX not in self.out and not never_falls(self.out[std.STEP]):
                self.out[std.STEP_INDEX] = self.out.pop(std.STEP)
                self.matches = {**self.matches, std.STEP_INDEX: self.matches[std.STEP]}
            else:
                return
        if std.STEP_INDEX not in self.out and self.states is None:
            return
        changed = [changes(self.out[r]) for r in (std.CYCLE, std.STEP_INDEX) if r in self.out]
        if self.states is not None:
            changed.append(self.states.changes())
        begins = np.append(0, np.flatnonzero(np.logical_or.reduce(changed)))
        rows = np.diff(begins, append=changed[0].size)
        self.out[std.STEP] = pl.Series(np.repeat(np.arange(1, begins.size + 1), rows))
        self._say(std.STEP, "counted by the reader at each change of step or cycle")

    def _borders(self) -> Borders:
        some = next(iter(self.raw.values()))
        none = np.zeros(some.len(), dtype=np.int64)
        step = self.out.get(std.STEP)
        cycle = self.out.get(std.CYCLE)
        return Borders.of(
            none if step is None else filled(step).to_numpy(),
            none if cycle is None else filled(cycle).to_numpy(),
        )

    def _sign(self) -> None:
        current = self.raw.get(std.CURRENT)
        told: NDArray[np.int8] | None = None
        if self.states is not None:
            told, known, unknown = directions(self.states)
            if not known.any():
                told = None
            elif unknown:
                self._finding(
                    "step-type-unknown",
                    "It is not known whether these steps charge or discharge: "
                    + ", ".join(repr(u) for u in unknown[:6])
                    + "; the sign of the current decides",
                    Severity.INFO,
                )
        if current is not None:
            values = current.to_numpy()
            if self.source.positive_current:
                values = self._signed_as_told(values, told)
            elif told is not None:
                values = self._signed(values, told)
            self.out[std.CURRENT] = pl.Series(values, nan_to_null=True)
            sign = (values > 0.0).view(np.int8) - (values < 0.0).view(np.int8)
            self.direction = sign if told is None else np.where(known, told, sign)
        elif told is not None:
            self.direction = told
        voltage = self.raw.get(std.VOLTAGE)
        if voltage is not None:
            self.out[std.VOLTAGE] = voltage

    def _signed_as_told(self, values: NDArray[np.float64], direction: NDArray[np.int8] | None) -> NDArray[np.float64]:
        told = self.source.positive_current
        if told == "discharge":
            self._say(std.CURRENT, "sign turned: discharge is positive by the mapping")
            return -values
        if told == "unsigned" and direction is not None:
            self._say(std.CURRENT, "without sign by the mapping; negative in the steps that discharge")
            return np.where(direction == -1, -np.abs(values), np.abs(values))
        return values

    def _signed(self, values: NDArray[np.float64], direction: NDArray[np.int8]) -> NDArray[np.float64]:
        flowing = np.abs(values) > 1e-3 * np.fmax.reduce(np.abs(values), initial=0.0)
        charging, discharging = flowing & (direction == 1), flowing & (direction == -1)
        up = float((values[charging] > 0).mean()) if charging.any() else None
        down = float((values[discharging] < 0).mean()) if discharging.any() else None
        if down is not None and down < 0.5 and (up is None or up > 0.5):
            self._say(std.CURRENT, "written without sign; negative in the steps that discharge")
            return np.where(direction == -1, -np.abs(values), values)
        if (up is not None and up < 0.5) and (down is None or down < 0.5):
            self._finding(
                "sign-reversed",
                "The steps that charge have negative currents: the file counts discharge as "
                "positive, and the sign was turned",
                Severity.INFO,
            )
            self._say(std.CURRENT, "sign turned: the file counts discharge as positive")
            return -values
        return values

    # --- counters ----------------------------------------------------------------------------------------------

    def _counters(self) -> None:
        borders = self._borders()
        time = self.out.get(std.TIME)
        pairs = (
            (std.CHARGED, std.DISCHARGED, h.CAPACITY, "capacity"),
            (std.CHARGED_ENERGY, std.DISCHARGED_ENERGY, h.ENERGY, "energy"),
        )
        if time is not None and any(r in self.raw for pair in pairs for r in pair[:3]):
            falls = int(np.count_nonzero(np.diff(time.to_numpy()) < 0))
            if falls > max(3, 0.001 * time.len()):
                self._finding(
                    "counters-left-out",
                    f"The rows are not in the order of time ({falls} times it goes back): capacity and energy counters "
                    "cannot be followed and were left out",
                )
                return
        for charged, discharged, single, what in pairs:
            if charged in self.raw or discharged in self.raw:
                for role in (charged, discharged):
                    if role in self.raw:
                        values, note = never_resetting(self.raw[role].to_numpy(), borders)
                        self.out[role] = pl.Series(values)
                        self._say(role, f"{note}; made continuous" if note else "")
            elif single in self.raw and self.direction is not None:
                values = self.raw[single].to_numpy()
                up, down, note = split_by_direction(values, borders, self.direction)
                self.out[charged], self.out[discharged] = pl.Series(up), pl.Series(down)
                self._match_as(charged, single, self.matches[single].unit)
                self._match_as(discharged, single, self.matches[single].unit)
                for role in (charged, discharged):
                    self._say(role, f"one {what} for both directions, split by the step; {note or 'continuous'}")

    def _temperatures(self) -> None:
        low, high = _TEMPERATURES
        for role in (std.TEMPERATURE, std.CELL_TEMPERATURE):
            series = self.raw.get(role)
            if series is None:
                continue
            wrong = (series < low) | (series > high)
            wrong = wrong.fill_null(value=False) if wrong.null_count() else wrong
            good = series.set(wrong, None) if wrong.any() else series
            name = self.matches[role].text
            if good.null_count() == good.len() or (good.max() == 0.0 and good.min() == 0.0):
                if series.null_count() < series.len():
                    what = "is 0 °C" if not wrong.any() else f"is outside {low:g} to {high:g} °C"
                    self._finding(
                        "no-temperature-sensor",
                        f"{name!r} {what} throughout, as where no sensor is connected; the column was left out",
                        Severity.INFO,
                    )
                continue
            if wrong.any():
                self._finding(
                    "temperature-out-of-range",
                    f"{int(wrong.sum())} values of {name!r} are outside {low:g} to {high:g} °C and were left empty",
                )
            self.out[role] = good
        if std.RESISTANCE in self.raw and bool((self.raw[std.RESISTANCE] > 0).any()):
            self.out[std.RESISTANCE] = self.raw[std.RESISTANCE]

    def _active_mass(self) -> None:
        """Find the active mass where the file has a capacity and the same capacity per gram."""
        specific = self.raw.get(h.SPECIFIC_CAPACITY)
        single = self.raw.get(h.CAPACITY)
        if specific is None or single is None:
            return
        mass = active_mass_mg(specific.to_numpy(), single.to_numpy())
        if mass is None:
            return
        self.metadata["active_mass_mg"] = float(f"{mass:.4g}")
        self._finding(
            "active-mass-from-file",
            f"Capacity and capacity per gram in the file give an active mass of {mass:.4g} mg",
            Severity.INFO,
            advice="Check it against your notes",
        )

    # --- report ------------------------------------------------------------------------------------------------

    def _finding(self, code: str, message: str, severity: Severity = Severity.WARNING, *, advice: str = "") -> None:
        self.findings.append(Finding(code=code, severity=severity, message=message, advice=advice))

    def _recognised(self, table: pl.DataFrame) -> tuple[ColumnMatch, ...]:
        found = []
        for column in table.columns:
            role = h.CLOCK if column == std.UNIX_TIME and h.CLOCK in self.matches else column
            match = self.matches.get(role)
            note = "; ".join(self.notes.get(role, []) + (self.notes.get(column, []) if role != column else []))
            if match is None:
                found.append(ColumnMatch("", column, "", 1.0, note or "made by the reader"))
            else:
                found.append(ColumnMatch(match.text, column, match.unit or match.clock_unit, match.factor, note))
        return tuple(found)


def _span(series: pl.Series) -> float:
    low, high = series.min(), series.max()
    return float(high) - float(low) if isinstance(low, int | float) and isinstance(high, int | float) else 0.0

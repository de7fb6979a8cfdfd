"""Repairs of a standard table: each has a name, is made only on request, and says what it did.

The two exceptions are harmless and still said: up to one row in a hundred without a usable value is dropped,
and steps back in time within the recorder's rounding are levelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import UnknownNameError
from lirich.model import Finding, Severity
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    COLUMNS,
    CURRENT,
    DISCHARGED,
    DISCHARGED_ENERGY,
    STEP_TYPE,
    TIME,
    UNIX_TIME,
    VOLTAGE,
)
from lirich.readers.balancecheck import falls_gradually
from lirich.readers.checks import diagnose
from lirich.readers.diagnosis import Diagnosis
from lirich.readers.rowcheck import essential_columns, invalid_rows
from lirich.readers.timecheck import glitches, restarts

Repair = Callable[[pl.DataFrame], tuple[pl.DataFrame, str]]

TOTALS = (CHARGED, DISCHARGED, CHARGED_ENERGY, DISCHARGED_ENERGY)
"""Columns that count from the start of the test and never fall."""

MOST_PASSES = 8
"""One repair can uncover the next fault; more than this many in a row is a file beyond repair."""


def repair(table: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    """Make the repairs *names* where the checks ask for them (with ``!`` at the end: in any case).

    Returns the table and what was done, then what the checks still say. Raises `UnknownNameError`.
    """
    table, _, notes, remaining = apply_repairs(table, parse_repairs(names))
    return table, (*notes, *(d.finding for d in remaining))


def parse_repairs(names: Sequence[str]) -> dict[str, bool]:
    """Return repair name -> made in any case. Raises `UnknownNameError`."""
    wanted: dict[str, bool] = {}
    for name in names:
        plain = name.removesuffix("!")
        if plain not in _REPAIRS:
            raise UnknownNameError.of("repair", plain, _REPAIRS)
        wanted[plain] = wanted.get(plain, False) or name.endswith("!")
    return wanted


def apply_repairs(
    table: pl.DataFrame, wanted: Mapping[str, bool], *, split_by_sign: frozenset[str] = frozenset()
) -> tuple[pl.DataFrame, tuple[str, ...], tuple[Finding, ...], tuple[Diagnosis, ...]]:
    """Make the *wanted* repairs and the automatic ones.

    *split_by_sign*: see `lirich.readers.base.Reading`. Returns the table, the names of the repairs made, a finding for
    each, and what the checks say of the result.
    """
    made: list[str] = []
    notes: list[Finding] = []
    for name, forced in wanted.items():
        if forced:
            table, note = _make(table, name, why="as asked for, whatever the checks say", split_by_sign=split_by_sign)
            made.append(name)
            notes.append(note)
    diagnoses = diagnose(table, split_by_sign=split_by_sign)
    for _ in range(MOST_PASSES):
        due = [
            (name, d)
            for d in diagnoses
            for name in d.repairs
            if name not in made and ((d.automatic and name == d.finding.repair) or name in wanted)
        ]
        if not due:
            break
        name, diagnosis = due[0]
        table, note = _make(table, name, why=diagnosis.finding.message, split_by_sign=split_by_sign)
        made.append(name)
        notes.append(note)
        if not table.height:
            break
        diagnoses = diagnose(table, split_by_sign=split_by_sign)
    notes += [
        Finding(
            code="repair-not-needed",
            severity=Severity.INFO,
            message=f"The repair {name} was asked for and not made: the data do not call for it",
            advice=f"If you know better, ask for {name}!",
        )
        for name in wanted
        if name not in made
    ]
    if {"current-milliampere", "capacity-milliampere-hour"} <= set(made):
        notes.append(
            Finding(
                code="repairs-cancel",
                severity=Severity.WARNING,
                message="Current and capacity were both divided by 1000: ∫I dt agrees with the capacity columns as "
                "well without, and then all capacities are 1000 times as large",
                advice="If the other repairs are enough, leave out current-milliampere and capacity-milliampere-hour",
            )
        )
    return table, tuple(made), tuple(notes), diagnoses


def _make(table: pl.DataFrame, name: str, *, why: str, split_by_sign: frozenset[str]) -> tuple[pl.DataFrame, Finding]:
    if name == "swap-capacities" and CHARGED not in split_by_sign:  # energies that the sign told apart are right
        table, did = _swapped(table, [c for c in TOTALS if c not in split_by_sign]), _SWAPPED
    elif name == "sign-current" and CHARGED in split_by_sign:  # what the lost sign told apart cannot tell it
        table, did = _sign_by_names(table)
    else:
        table, did = _REPAIRS[name][1](table)
    split = [c for c in TOTALS if c in split_by_sign and c in table.columns]
    if split and name == "flip-current":
        table = _swapped(table, split)
        did += f" and swapped what had been told apart by it: {', '.join(split)}"
    if split and name == "sign-current":
        table = _split_again(table, split)
        did += f" and told apart by it: {', '.join(split)}"
    return table, Finding(
        code=f"repaired-{name}", severity=Severity.WARNING, message=f"{did} (reason: {why.rstrip('.')})"
    )


def _scale(columns: Sequence[str], factor: float, text: str) -> Repair:
    def scaled(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
        scaled = [column * factor if column.name in columns else column for column in table.get_columns()]
        return pl.DataFrame(scaled), text

    return scaled


def _drop_invalid_rows(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    kept = table.filter(~invalid_rows(table))
    return kept, f"Dropped {table.height - kept.height} rows without a usable {', '.join(essential_columns(table))}"


def _drop_duplicates(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    key = [c for c in (TIME, CURRENT, VOLTAGE) if c in table.columns]
    same = pl.all_horizontal(pl.col(c) == pl.col(c).shift(1) for c in key).fill_null(value=False)
    kept = table.filter(~same)
    return kept, f"Dropped {table.height - kept.height} rows that repeat the row before them"


def _level_jitter(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    return table.with_columns(pl.col(TIME).cum_max()), "Levelled steps back in time within the recorder's rounding"


def _timed(table: pl.DataFrame, time: NDArray[np.float64]) -> pl.DataFrame:
    """Return the table with another time, s, shape (n_rows,)."""
    return pl.DataFrame([pl.Series(TIME, time) if c.name == TIME else c for c in table.get_columns()])


def _mend_glitches(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    time = table[TIME].to_numpy().copy()
    wrong = glitches(time)
    rows = np.arange(len(time))
    time[wrong] = np.interp(rows[wrong], rows[~wrong], time[~wrong])
    return (
        _timed(table, time),
        f"Gave {int(wrong.sum())} rows with an impossible time one between their neighbours'",
    )


def _continue_time(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    time = table[TIME].to_numpy().copy()
    starts = restarts(time)
    unix = table[UNIX_TIME].to_numpy() if UNIX_TIME in table.columns and not table[UNIX_TIME].null_count() else None
    jump = np.zeros(len(time))
    clocked = 0
    for row in starts:
        gap = 0.0 if unix is None else float(unix[row] - unix[row - 1])
        if np.isfinite(gap) and gap > 0:
            clocked += 1
            jump[row] = time[row - 1] - time[row] + gap
        else:
            jump[row] = time[row - 1]
    how = f"{clocked} of the gaps from the clock time" if clocked else "no gap between them, for want of a clock time"
    return (
        _timed(table, time + np.cumsum(jump)),
        f"Put {len(starts) + 1} stretches of time that each start over one after another, {how}",
    )


def _sort_time(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    return table.sort(TIME, maintain_order=True), "Sorted the rows by time"


def _continue_capacity(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    present = [c for c in TOTALS if c in table.columns]
    net = [c for c in present if falls_gradually(table[c].drop_nulls().to_numpy())]
    text = "Added up capacities and energies that start over"
    if net:
        text += f"; left {', '.join(net)} as it is: what falls little by little does not start over"
    return table.with_columns(continued(c) for c in present if c not in net), text


def continued(column: str) -> pl.Expr:
    """Return the expression of a total that goes on where the column falls back to its start."""
    step = pl.col(column).diff()
    grown = pl.when(step < 0).then(pl.col(column).clip(lower_bound=0.0)).otherwise(step).fill_null(0.0)
    return (grown.cum_sum() + pl.col(column).first()).alias(column)


def _swapped(table: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Swap charged and discharged among *columns*; one without the other changes its name."""
    other = {CHARGED: DISCHARGED, CHARGED_ENERGY: DISCHARGED_ENERGY}
    other |= {b: a for a, b in other.items()}
    swapped = table.rename({name: other[name] for name in table.columns if name in columns})
    return swapped.select(c for c in COLUMNS if c in swapped.columns)


_SWAPPED = "Swapped the charged and the discharged capacity"


def _swap_capacities(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    return _swapped(table, TOTALS), _SWAPPED


def _sign_current(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    size = pl.col(CURRENT).abs()
    if CHARGED in table.columns and DISCHARGED in table.columns:
        up, down = pl.col(CHARGED).diff(), pl.col(DISCHARGED).diff()
        direction = pl.when(up > down).then(1.0).when(down > up).then(-1.0).otherwise(None)
        # The first row of a half-cycle has not moved the capacity yet: it belongs to what follows.
        filled = direction.fill_null(strategy="backward").fill_null(strategy="forward").fill_null(1.0)
        return table.with_columns((size * filled).alias(CURRENT)), "Gave the current the sign of the capacity columns"
    return _sign_by_names(table)


def _sign_by_names(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    if STEP_TYPE in table.columns:
        size = pl.col(CURRENT).abs()
        name = pl.col(STEP_TYPE).str.to_lowercase()
        falls = name.str.contains(r"dchg|disch|^d$|_d$|entlad")
        return (
            table.with_columns(pl.when(falls).then(-size).otherwise(size).alias(CURRENT)),
            "Gave the current the sign of the step names",
        )
    return table, "Left the current as it is: neither capacities nor step names tell its sign"


def _split_again(table: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Give what was one counter, and was told apart by a sign that was lost, to the directions of the current."""
    current = table[CURRENT].to_numpy()
    for up, down in ((CHARGED, DISCHARGED), (CHARGED_ENERGY, DISCHARGED_ENERGY)):
        if up in columns and down in columns:
            both = table[up].to_numpy() + table[down].to_numpy()
            gained = np.abs(np.diff(both, prepend=0.0))  # of a net counter they are losses in one direction
            ways = ((up, current > 0), (down, current < 0))
            table = table.with_columns(pl.Series(name, np.cumsum(np.where(way, gained, 0.0))) for name, way in ways)
    return table


_REPAIRS: dict[str, tuple[str, Repair]] = {
    "drop-invalid-rows": ("drop rows without a usable time, voltage or current", _drop_invalid_rows),
    "drop-duplicates": ("drop rows that repeat the row before them", _drop_duplicates),
    "time-jitter": ("level steps back in time of up to 10 ms", _level_jitter),
    "time-glitches": ("give single rows with an impossible time one between their neighbours'", _mend_glitches),
    "time-continue": ("string together stretches of time that each start over", _continue_time),
    "sort-time": ("sort the rows by time", _sort_time),
    "time-1000x": ("divide time by 1000", _scale([TIME], 1 / 1000, "Divided time by 1000")),
    "time-3600x": ("divide time by 3600", _scale([TIME], 1 / 3600, "Divided time by 3600")),
    "time-60x": ("divide time by 60", _scale([TIME], 1 / 60, "Divided time by 60")),
    "time-in-hours": ("multiply time by 3600", _scale([TIME], 3600.0, "Took time as hours (times 3600)")),
    "time-in-kiloseconds": ("multiply time by 1000", _scale([TIME], 1000.0, "Took time as ks (times 1000)")),
    "time-in-minutes": ("multiply time by 60", _scale([TIME], 60.0, "Took time as minutes (times 60)")),
    "current-milliampere": ("divide current by 1000", _scale([CURRENT], 1e-3, "Took current as mA (divided by 1000)")),
    "current-ampere": ("multiply current by 1000", _scale([CURRENT], 1e3, "Multiplied current by 1000")),
    "capacity-milliampere-hour": (
        "divide capacities and energies by 1000",
        _scale(TOTALS, 1e-3, "Took capacities as mAh and energies as mWh (divided by 1000)"),
    ),
    "capacity-coulomb": (
        "divide capacities and energies by 3600",
        _scale(TOTALS, 1 / 3600, "Took capacities as C and energies as J (divided by 3600)"),
    ),
    "capacity-continue": ("add up capacities that start over", _continue_capacity),
    "swap-capacities": ("swap the charged and the discharged capacity", _swap_capacities),
    "flip-current": ("change the sign of the current", _scale([CURRENT], -1.0, "Changed the sign of the current")),
    "sign-current": ("give the current the sign that capacities or step names tell", _sign_current),
    "voltage-volt": ("multiply voltage by 1000", _scale([VOLTAGE], 1e3, "Multiplied voltage by 1000")),
    "voltage-millivolt": ("divide voltage by 1000", _scale([VOLTAGE], 1e-3, "Took voltage as mV (divided by 1000)")),
}

REPAIRS: dict[str, str] = {name: text for name, (text, _) in _REPAIRS.items()}
"""Every repair: name -> what it does."""

"""Tests of single rows: has each of them the values without which it says nothing."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.model import Severity
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, TIME, VOLTAGE, has_time_axis
from lirich.readers.diagnosis import Diagnosis, found_in
from lirich.readers.voltagecheck import IMPOSSIBLE_VOLTAGE_V, check_voltage_column, check_voltage_unit

IMPOSSIBLE_CURRENT_A = 1.0e5
"""Cell testers end at some kA; a larger number is a damaged value."""

IMPOSSIBLE_TIME_S = 1.0e15
"""Thirty million years; a larger number is a damaged value."""

_LIMITS = {VOLTAGE: IMPOSSIBLE_VOLTAGE_V, CURRENT: IMPOSSIBLE_CURRENT_A, TIME: IMPOSSIBLE_TIME_S}

FEW_ROWS = 0.01
"""Up to this share of the rows may be dropped, out loud, without being asked for."""


def essential_columns(table: pl.DataFrame) -> list[str]:
    """Name the columns without which a row says nothing."""
    return [VOLTAGE, TIME, CURRENT] if has_time_axis(table) else [VOLTAGE, CHARGED, DISCHARGED]


def invalid_rows(table: pl.DataFrame) -> pl.Expr:
    """Return the expression that is true in rows where an essential value is absent, not finite or impossible."""
    bad = pl.lit(value=False)
    for name in essential_columns(table):
        limit = _LIMITS.get(name, np.inf)
        bad = bad | pl.col(name).is_null() | ~pl.col(name).is_finite() | (pl.col(name).abs() > limit)
    return bad


def check_rows(table: pl.DataFrame) -> list[Diagnosis]:
    """Say which rows have no usable value; where many have none because of the voltage's unit, that."""
    in_millivolts = check_voltage_unit(table)
    if in_millivolts:
        return in_millivolts
    if all(_sound(table[name], _LIMITS.get(name, np.inf)) for name in essential_columns(table)):
        return check_voltage_column(table)
    bad = int(table.select(invalid_rows(table).sum()).item())
    if not bad:
        return []
    few = bad <= max(1, int(FEW_ROWS * table.height)) and bad < table.height
    text = (
        f"{bad} of {table.height} rows have no usable {', '.join(essential_columns(table))} "
        "(absent, not a number, or beyond what any cell can show)"
    )
    return [
        found_in(
            "invalid-rows",
            Severity.WARNING if few else Severity.ERROR,
            text,
            "drop-invalid-rows" if bad < table.height else "",
            automatic=few,
        )
    ]


def _sound(series: pl.Series, limit: float) -> bool:
    """Tell, in two or three quick passes, whether every value is there, finite and possible."""
    if series.null_count():
        return False
    values = series.to_numpy()
    within = float(values.max()) <= limit and float(values.min()) >= -limit  # not where there is NaN
    return within and (np.isfinite(limit) or bool(np.isfinite(values.sum())))

"""The arrays that the analysis computes with, and the columns of a standard table as such."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model.table import CELL_TEMPERATURE, TEMPERATURE

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Signs = NDArray[np.int8]
"""+1 in charge, −1 in discharge, 0 at rest."""

_ABSOLUTE_ZERO = -273.15
_HOTTEST = 200.0  # °C: lithium melts at 180.5, and an open sensor reads 850, 3276.7 or the like


def given(table: pl.DataFrame, name: str) -> bool:
    """Tell whether the table has the column, and a value in it."""
    return name in table.columns and table[name].null_count() < table.height


def floats(table: pl.DataFrame, name: str) -> Array:
    """Return a column as numbers, shape (n,), NaN where it is empty."""
    column = table.get_column(name)
    return np.asarray((column if column.dtype == pl.Float64 else column.cast(pl.Float64)).to_numpy(), dtype=np.float64)


def integers(table: pl.DataFrame, name: str) -> Integers | None:
    """Return a column of counts, shape (n,), empty rows as the row before (or after); ``None`` where none has one."""
    if name not in table.columns:
        return None
    column = table[name]
    if column.dtype.is_float():
        column = pl.Series(name, np.where(np.isfinite(column.to_numpy()), column.to_numpy(), np.nan), nan_to_null=True)
    if column.null_count() == len(column):
        return None
    if column.null_count():
        column = column.fill_null(strategy="forward").fill_null(strategy="backward")
    return np.asarray(column.cast(pl.Int64).to_numpy(), dtype=np.int64)


def temperature_celsius(table: pl.DataFrame) -> Array | None:
    """Return the temperature in °C, shape (n,), NaN where no sensor can have read it; ``None`` where none was read."""
    for name in (TEMPERATURE, CELL_TEMPERATURE):
        if given(table, name):
            values = floats(table, name)
            # cyclers write −2500 and the like for a sensor that is not there
            possible = (values >= _ABSOLUTE_ZERO) & (values <= _HOTTEST)
            if possible.any():
                return np.where(possible, values, np.nan)
    return None

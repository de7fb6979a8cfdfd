"""Columns of counts (cycles, steps): whole numbers, where they change, and what stands in their gaps."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def never_falls(series: pl.Series) -> bool:
    """Tell whether no number is lower than the one before."""
    return not bool((np.diff(filled(series).to_numpy()) < 0).any())


def whole_numbers(values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Return numbers as integers, shape (n,), ``None`` where one is missing, not whole or too large."""
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    within = len(values) > 0 and values.min() > -(2.0**63) and values.max() < 2.0**63
    return whole if within and bool((whole == values).all()) else None


def changes(series: pl.Series) -> NDArray[np.bool_]:
    """Tell which rows have another number than the row before, shape (n,); the first one has not."""
    values = (series.rle_id() if series.null_count() else series).to_numpy()
    changed = np.zeros(values.size, dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=changed[1:])
    return changed


def filled(series: pl.Series) -> pl.Series:
    """Return a column in which a missing number is the one before, or 0."""
    return series.fill_null(strategy="forward").fill_null(0) if series.null_count() else series

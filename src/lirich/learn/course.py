"""How figures of cells have run so far: level, slope and bend over the first cycles, and the value at a later cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import InputError, UnknownNameError
from lirich.learn.validation import Array

LEAST_CYCLES = 5
"""Cycles that must be seen for a slope and a bend. As many may be missing at the end, or around a horizon: check-ups
and rate steps lie between ageing cycles."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is seen of cells in their first cycles.

    ``inputs``: of each column the level at the end of a straight line, its slope and the bend (slope of the second half
    less that of the first), (cells, 3·columns). ``last``: the last value of the first column, (cells,). ``slope``,
    ``ahead``: the line through that column per cycle, and its value at cycle 0, (cells,).
    """

    cells: list[str]
    inputs: Array
    last: Array
    slope: Array
    ahead: Array

    def line(self, cycle: int) -> Array:
        """Return the straight line through what was seen at *cycle*, (cells,)."""
        return np.asarray(self.ahead + self.slope * cycle, dtype=np.float64)

    def take(self, rows: NDArray[np.bool_]) -> Self:
        """Return the cells of a mask."""
        cells = [cell for cell, keep in zip(self.cells, rows, strict=True) if keep]
        return type(self)(cells, self.inputs[rows], self.last[rows], self.slope[rows], self.ahead[rows])


def courses(cycles: pl.DataFrame, columns: Sequence[str], upto: int) -> Course:
    """Return the course of every cell that has `LEAST_CYCLES` cycles up to *upto*, the last of them near it.

    *cycles* has a row per cell and cycle; rows on which one of *columns* is missing are passed over. Raises
    `UnknownNameError` on a column that is not there.
    """
    made = []
    cells = []
    for cell, part in _by_cell(cycles, columns).items():
        x = part["cycle"].to_numpy().astype(np.float64)
        seen = x <= upto
        if seen.sum() < LEAST_CYCLES or x[seen].max() < upto - LEAST_CYCLES:
            continue
        x = x[seen]
        row: list[float] = []
        for name in columns:
            y = part[name].to_numpy()[seen]
            half = len(x) // 2
            slope, ahead = _line(x, y)
            bend = _line(x[half:], y[half:])[0] - _line(x[: half + 1], y[: half + 1])[0]
            row += [ahead + slope * x[-1], slope, bend]
        first = part[columns[0]].to_numpy()[seen]
        made.append([*row, float(first[-1]), *_line(x, first)])
        cells.append(cell)
    table = np.array(made, dtype=np.float64).reshape(len(cells), 3 * len(columns) + 3)
    return Course(cells, table[:, :-3], table[:, -3], table[:, -2], table[:, -1])


def value_at(cycles: pl.DataFrame, column: str, cycle: int, cells: Sequence[str]) -> Array:
    """Return *column* at *cycle* of each of *cells*, (cells,): between the two nearest cycles on a straight line.

    NaN where the cell has no value on one side within `LEAST_CYCLES` cycles: it was not cycled so far.
    """
    found = dict.fromkeys(cells, float("nan"))
    for cell, part in _by_cell(cycles, [column]).items():
        x = part["cycle"].to_numpy().astype(np.float64)
        right = int(np.searchsorted(x, cycle))
        if cell not in found or right == len(x) or x[right] > cycle + LEAST_CYCLES:
            continue
        if x[right] != cycle and (right == 0 or x[right - 1] < cycle - LEAST_CYCLES):
            continue
        found[cell] = float(np.interp(cycle, x, part[column].to_numpy()))
    return np.array([found[cell] for cell in cells], dtype=np.float64)


def _by_cell(cycles: pl.DataFrame, columns: Sequence[str]) -> Mapping[str, pl.DataFrame]:
    for name in ("cell", "cycle", *columns):
        if name not in cycles.columns:
            raise UnknownNameError.of("column", name, cycles.columns)
    wrong = [name for name in ("cycle", *columns) if not cycles.schema[name].is_numeric()]
    if wrong:
        raise InputError(f"Columns that are no numbers: {', '.join(wrong)}", expected="numeric columns")
    whole = cycles.select("cell", "cycle", *(pl.col(name).cast(pl.Float64) for name in columns)).filter(
        pl.all_horizontal(pl.col("cell", "cycle").is_not_null(), *(pl.col(name).is_finite() for name in columns))
    )
    doubled = whole.filter(whole.select("cell", "cycle").is_duplicated())
    if doubled.height:
        cell, cycle = doubled.row(0)[:2]
        raise InputError(f"Cycle {cycle} of {cell} stands there twice", expected="one row per cell and cycle")
    parts = whole.sort("cycle").partition_by("cell", as_dict=True, maintain_order=True)
    return {str(key[0]): part for key, part in parts.items()}


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Return slope and value at 0 of the least-squares line."""
    off = x - x.mean()
    slope = float(off @ y / (off @ off))
    return slope, float(y.mean() - slope * x.mean())

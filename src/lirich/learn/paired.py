"""Charge and discharge of a cycle side by side: what leaks stretches one and shortens the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lirich.errors import NotEnoughDataError
from lirich.learn.matrix import CurveMatrix
from lirich.learn.validation import Array


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Curves of one cycle side by side: ``values`` (n, m₁ + m₂), a row of ``keys`` (those of the first) for each.

    ``left_out`` counts cycles of the first that the second has not, or on which a point of either is missing.
    """

    values: Array
    keys: pl.DataFrame
    left_out: int

    @property
    def cells(self) -> list[str]:
        """The cell of each row."""
        return [str(cell) for cell in self.keys["cell"].to_list()]

    @property
    def cycles(self) -> list[int]:
        """The cycle of each row."""
        return [int(cycle) for cycle in self.keys["cycle"].to_list()]


def side_by_side(first: CurveMatrix, second: CurveMatrix) -> Paired:
    """Join two matrices, as a rule charge and discharge, on cell, run and cycle; grids and kinds may differ.

    Raises `NotEnoughDataError` where no cycle is whole in both.
    """
    on = ["cell", "cycle", *(["run"] if "run" in first.keys.columns and "run" in second.keys.columns else [])]
    a = first.keys.select(on).with_row_index("a")
    b = second.keys.select(on).with_row_index("b")
    both = a.join(b, on=on, maintain_order="left")
    rows, others = both["a"].to_numpy(), both["b"].to_numpy()
    values = np.hstack([first.values[rows], second.values[others]]).astype(np.float64)
    whole = np.isfinite(values).all(axis=1)
    if not whole.any():
        raise NotEnoughDataError(
            f"None of {len(first)} and {len(second)} curves is whole in both directions of a cycle",
            expected="cycles of which both curves reach every point of their grid",
            advice="Choose grids inside the range of the curves",
        )
    return Paired(values[whole], first.keys[rows[whole]], len(first) - int(whole.sum()))

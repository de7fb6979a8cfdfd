"""A matrix of curves: one row per half-cycle, all on one grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.model import Origin

Kind = Literal["Q(V)", "V(Q)", "dQ/dV"]
Direction = Literal["charge", "discharge"]
Array = NDArray[np.float64]
Values = NDArray[np.float64] | NDArray[np.float32]

UNITS: dict[Kind, tuple[str, str]] = {
    "Q(V)": ("mAh/g", "V"),
    "V(Q)": ("V", "mAh/g"),
    "dQ/dV": ("mAh/g/V", "V"),
}
"""Kind of curve → unit of its values, unit of its grid."""
KEYS = ("cell", "cycle", "origin")
"""Columns that the keys of every matrix have."""
_ORIGINS = frozenset(o.value for o in Origin)


@dataclass(frozen=True, slots=True, eq=False)
class CurveMatrix:
    """Curves on one grid, one row each.

    Attributes
    ----------
    values:
        Shape (n, m), float64 or float32, in ``unit``; NaN where a curve does not reach a point of the grid.
    grid:
        Shape (m,), float64, ascending, in ``grid_unit``: voltage, V, or (``V(Q)``) capacity, mAh/g.
    keys:
        One row per curve, in the order of ``values``: ``cell``, ``cycle`` (lirich's own cycle number), ``origin``
        (``measured``, ``simulated``, …), and whatever else is known of the curve.
    kind:
        ``Q(V)``, ``V(Q)`` or ``dQ/dV``.
    direction:
        ``charge`` or ``discharge``.

    Raises `InputError` where shapes, grid, kind or keys do not fit each other, or a value is infinite.
    """

    values: Values
    grid: Array
    keys: pl.DataFrame
    kind: Kind = "Q(V)"
    direction: Direction = "charge"

    def __post_init__(self) -> None:
        if self.kind not in UNITS:
            raise UnknownNameError.of("kind of curve", self.kind, UNITS)
        if self.direction not in ("charge", "discharge"):
            raise UnknownNameError.of("direction", self.direction, ("charge", "discharge"))
        if self.values.dtype not in (np.float64, np.float32) or self.values.ndim != 2 or self.grid.ndim != 1:
            raise InputError(
                f"Curves of {self.values.dtype} in {self.values.ndim} dimensions over a grid in {self.grid.ndim}",
                expected="float64 or float32 of shape (curves, points) and a grid of shape (points,)",
            )
        n, m = self.values.shape
        if len(self.grid) != m or self.keys.height != n:
            raise InputError(
                f"{n} × {m} values, a grid of {len(self.grid)} points and keys of {self.keys.height} curves",
                expected="one row of keys per curve, one grid point per column",
            )
        if m < 2 or not np.isfinite(self.grid).all() or not (np.diff(self.grid) > 0).all():
            raise InputError("A grid that does not rise", expected="at least two finite points, ascending")
        missing = [name for name in KEYS if name not in self.keys.columns]
        if missing:
            raise InputError(f"Keys without {', '.join(missing)}", expected=f"the columns {', '.join(KEYS)}")
        strange = set(self.keys["origin"].unique().to_list()) - _ORIGINS
        if strange:
            raise InputError(f"Curves of origin {sorted(map(str, strange))}", expected=", ".join(sorted(_ORIGINS)))
        if np.isinf(self.values).any():
            raise InputError("A curve with an infinite value", expected="numbers, or NaN where there is none")

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return UNITS[self.kind][0]

    @property
    def grid_unit(self) -> str:
        """Unit of the grid."""
        return UNITS[self.kind][1]

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells, in the order of their first curve."""
        return tuple(self.keys["cell"].unique(maintain_order=True).to_list())

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def take(self, rows: Any) -> Self:
        """Return the curves of *rows*: a mask, a slice, or an array of row numbers."""
        at = np.arange(len(self))[rows]
        return type(self)(self.values[at], self.grid, self.keys[at], self.kind, self.direction)

    def of_cells(self, cells: str | Iterable[str]) -> Self:
        """Return the curves of *cells*, in the order they stand here. Raises `UnknownNameError`."""
        wanted = [cells] if isinstance(cells, str) else list(cells)
        known = set(self.cells)
        for cell in wanted:
            if cell not in known:
                raise UnknownNameError.of("cell", cell, known)
        return self.take(np.flatnonzero(self.keys["cell"].is_in(wanted).to_numpy()))

    def of_cycles(self, first: int, last: int | None = None) -> Self:
        """Return the curves of the cycles *first* to *last* (both included; *last* ``None``: to the end)."""
        cycle = pl.col("cycle")
        inside = cycle >= first if last is None else cycle.is_between(first, last)
        return self.take(np.flatnonzero(self.keys.select(inside).to_series().to_numpy()))

    def of(self, cell: str, cycle: int) -> Array:
        """Return one curve, shape (m,), float64. Raises `UnknownNameError` where the cell has no such cycle."""
        one = self.of_cells(cell)
        found = np.flatnonzero((one.keys["cycle"] == cycle).to_numpy())
        if len(found) == 0:
            raise UnknownNameError.of(f"cycle of {cell}", str(cycle), map(str, one.keys["cycle"].to_list()))
        return np.asarray(one.values[found[0]], dtype=np.float64)

    def complete(self) -> Self:
        """Return the curves without a missing point. Raises `NotEnoughDataError` where there is none."""
        whole = ~np.isnan(self.values).any(axis=1)
        if not whole.any():
            raise NotEnoughDataError(
                f"None of {len(self)} curves reaches every point of the grid "
                f"({self.grid[0]:g} to {self.grid[-1]:g} {self.grid_unit})",
                expected="at least one",
                advice="Choose a grid inside the range of the curves",
            )
        return self.take(whole)

    def with_keys(self, keys: pl.DataFrame) -> Self:
        """Return the same curves with other *keys* (more columns), one row per curve in the same order."""
        return type(self)(self.values, self.grid, keys, self.kind, self.direction)

    def joined(self, other: Self) -> Self:
        """Return these curves and then those of *other*.

        Keys that only one of them has are null in the other. Raises `InputError` where grid, kind or direction differ.
        """
        if (self.kind, self.direction) != (other.kind, other.direction):
            raise InputError(
                f"{self.kind} of {self.direction} beside {other.kind} of {other.direction}",
                expected="curves of one kind",
            )
        if len(self.grid) != len(other.grid) or not np.array_equal(self.grid, other.grid):
            raise InputError(
                f"Two grids: {len(self.grid)} points from {self.grid[0]:g} to {self.grid[-1]:g} and {len(other.grid)} "
                f"points from {other.grid[0]:g} to {other.grid[-1]:g} {self.grid_unit}",
                expected="one grid",
                advice="Make both matrices on the same grid",
            )
        values: Any = np.concatenate((self.values, other.values))  # two of float32 stay float32
        return type(self)(
            values,
            self.grid,
            pl.concat([self.keys, other.keys], how="diagonal_relaxed"),
            self.kind,
            self.direction,
        )

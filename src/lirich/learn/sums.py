"""What one pass over the curves gathers for the state map: sums that add up over blocks, processes and machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from lirich.errors import InputError
from lirich.learn.matrix import Array, Values

BLOCK_ROWS = 512
"""Curves that are worked on at once: of 10,000 points they take 40 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over curves x, shape (m,), shifted by a fixed curve s and projected on a basis Q, shape (m, l).

    ``count`` curves; ``total`` Σ(x − s), shape (m,); ``projected`` Σ(x − s)(x − s)ᵀQ, shape (m, l); ``square``
    Σ‖x − s‖². All float64, whatever the curves are stored in.
    """

    count: int
    total: Array
    projected: Array
    square: float

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.count + other.count,
            self.total + other.total,
            self.projected + other.projected,
            self.square + other.square,
        )


def sums_of(blocks: Iterable[Values], basis: Array, shift: Array) -> Sums:
    """Return the sums of the curves of *blocks*, each of shape (b, m), one in memory at a time.

    Raises `InputError` where a value is missing: one NaN would make every sum NaN.
    """
    n, m = 0, len(shift)
    # Shapes as BLAS likes them: rows along the memory. The last row of `scores` is 1, so that one product gives Σx too.
    across = np.ascontiguousarray(basis.T)
    sums = np.zeros((len(across) + 1, m))
    length, lengths = 0.0, np.zeros(len(across))
    shifted = (across @ shift)[:, None]
    for each in blocks:
        block = np.asarray(each, dtype=np.float64)
        n += len(block)
        scores = np.ones((len(across) + 1, len(block)))
        scores[:-1] = across @ block.T
        scores[:-1] -= shifted
        sums += scores @ block
        lengths += scores[:-1].sum(axis=1)
        flat = block.ravel()
        length += float(flat @ flat)
    # (x − s)(x − s)ᵀQ without a shifted copy of the block
    projected = sums[:-1].T - np.outer(shift, lengths)
    total = sums[-1] - n * shift
    square = length - 2.0 * float(shift @ sums[-1]) + n * float(shift @ shift)
    if not np.isfinite(square):
        raise missing_points()
    return Sums(n, total, projected, square)


def missing_points() -> InputError:
    """Return the error of curves that do not have a value at every point."""
    return InputError(
        "Curves with missing points",
        expected="a value at every point of the grid",
        advice="Use CurveMatrix.complete(), a grid inside the range of the curves, or ProbabilisticMap",
    )


class Curves(Protocol):
    """Many curves, wherever they are: in memory, on disk, on other machines.

    ``shape`` is (curves, points). Every method gives the same whenever it is called again.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """How many curves and points there are."""
        ...

    def sample(self, rows: int, seed: int) -> Array:
        """Return *rows* curves drawn without replacement (all where there are fewer), float64, shape (r, m)."""
        ...

    def sums(self, basis: Array, shift: Array) -> Sums:
        """Return the sums of all curves; see `Sums`."""
        ...

    def blocks(self) -> Iterator[Values]:
        """Return all curves in order, in blocks of rows."""
        ...


class InMemory:
    """The curves of an array, shape (n, m), which is not copied."""

    def __init__(self, values: Values) -> None:
        self.values = values

    @property
    def shape(self) -> tuple[int, int]:
        """How many curves and points there are."""
        return self.values.shape[0], self.values.shape[1]

    def sample(self, rows: int, seed: int) -> Array:
        """Return some of the curves; see `Curves.sample`."""
        n = len(self.values)
        chosen = np.sort(np.random.default_rng(seed).choice(n, size=min(rows, n), replace=False))
        return np.asarray(self.values[chosen], dtype=np.float64)

    def sums(self, basis: Array, shift: Array) -> Sums:
        """Return the sums of all curves."""
        return sums_of(self.blocks(), basis, shift)

    def blocks(self) -> Iterator[Values]:
        """Return all curves in order, in blocks of rows."""
        for start in range(0, len(self.values), BLOCK_ROWS):
            yield self.values[start : start + BLOCK_ROWS]

"""What a map gathers over curves, from their lines: a curve of 100 points costs the same on a grid of 10,000.

A curve that is a line between its knots is, on a grid g, x(g) = Σ_b (a_b + (g − g₀)·s_b) over the grid points b up to g
at which another line begins; a_b and s_b are the changes of value and slope there. With sparse matrices A and S, a row
per curve, the products that a map needs are those with sums of the basis from b on, and sums over b of what comes out:
neither needs the curves on the grid. The result is that of `lirich.learn.sums.sums_of` on the curves, to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lirich.learn.matrix import Array
from lirich.learn.resample import Knots, Segments
from lirich.learn.sums import Sums, missing_points

_FEWEST_LINES = 100_000  # that are multiplied at once (2 MB), and at least forty for each row of what they are added to


def sums_of_lines(parts: Iterable[Knots], grid: Array, basis: Array, shift: Array) -> Sums:
    """Return the sums of the curves of all *parts* on *grid*, shape (m,); see `lirich.learn.sums.Sums`.

    *basis* has shape (m, l), *shift* (m,). Raises `InputError` where a curve does not reach every point of the grid.
    """
    m, along = len(grid), grid - grid[0]
    from_here_on = (np.cumsum(each[::-1], axis=0)[::-1] for each in (basis, along[:, None] * basis))
    of_value, of_slope = (np.ascontiguousarray(each) for each in from_here_on)
    projected_shift = shift @ basis
    powers = [np.append(0.0, np.cumsum(along**power)) for power in (1, 2)]
    changes = np.zeros((2, m, basis.shape[1] + 1))
    lengths_along, n, square = np.zeros(basis.shape[1]), 0, 0.0

    def lines() -> Iterator[Segments]:
        nonlocal square
        for knots in parts:
            if not knots.reaches(grid).all():
                raise missing_points()
            each = knots.segments(grid, slice(0, knots.count))
            square += _square(each, along, powers)
            yield each

    for value, slope in _matrices(lines(), m):
        scores = np.ones((value.shape[0], basis.shape[1] + 1))
        scores[:, :-1] = value @ of_value
        scores[:, :-1] += slope @ of_slope
        scores[:, :-1] -= projected_shift
        changes[0] += value.T @ scores
        changes[1] += slope.T @ scores
        lengths_along += scores[:, :-1].sum(axis=0)
        n += len(scores)
    gathered = np.cumsum(changes, axis=1)
    gathered = gathered[0] + along[:, None] * gathered[1]
    total = gathered[:, -1]
    square += n * float(shift @ shift) - 2.0 * float(shift @ total)
    return Sums(n, total - n * shift, gathered[:, :-1] - np.outer(shift, lengths_along), square)


def _square(lines: Segments, along: Array, powers: list[Array]) -> float:
    """Return Σx² over all curves and points of the grid: of each line Σ(v + s·d)², d from its first point on."""
    start = along[lines.begins]
    passed = lines.lengths * start
    last = lines.begins + lines.lengths == len(along)
    sums = []
    for power in powers:
        here = power[lines.begins]
        up_to = np.append(here[1:], 0.0)  # where the next line of the curve begins
        up_to[last] = power[-1]
        up_to -= here
        sums.append(up_to)
    far = sums[0] - passed
    farther = sums[1] - start * (sums[0] + far)
    start *= lines.slope
    start += lines.value
    first = (start * lines.lengths + 2.0 * lines.slope * far) @ start
    return float(first + lines.slope**2 @ farther)


def _matrices(parts: Iterable[Segments], m: int) -> Iterator[tuple[Any, Any]]:
    """Yield the changes of value and of slope as sparse matrices, (curves, m) each, of some parts at once."""
    values: list[Array] = []
    slopes: list[Array] = []
    begins: list[NDArray[np.int32]] = []
    stops = [np.zeros(1, dtype=np.int32)]
    count = 0

    def matrices() -> tuple[Any, Any]:
        rows, columns = np.concatenate(stops), np.concatenate(begins)
        value, slope = (
            csr_array((np.concatenate(each), columns, rows), (len(rows) - 1, m)) for each in (values, slopes)
        )
        return value, slope

    for lines in parts:
        first = np.flatnonzero(lines.begins == 0)
        for changes, each in ((values, lines.value), (slopes, lines.slope)):
            change = np.diff(each, prepend=0.0)
            change[first] = each[first]
            changes.append(change)
        begins.append(lines.begins.astype(np.int32))
        stops.append((count + np.append(first[1:], len(lines.begins))).astype(np.int32))
        count += len(lines.begins)
        if count >= max(_FEWEST_LINES, 40 * m):
            yield matrices()
            values, slopes, begins, stops, count = [], [], [], stops[:1], 0
    if count:
        yield matrices()

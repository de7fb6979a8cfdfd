"""What a map gathers over curves, from their lines: a curve of 100 points costs the same on a grid of 10,000.

A curve that is a line between its knots is, on a grid g, x(g) = Σ_b (a_b + (g − g₀)·s_b) over the grid points b up to g
at which another line begins; a_b and s_b are the changes of value and slope there. With sparse matrices A and S, a row
per curve, the products that a map needs are those with sums of the basis from b on, and sums over b of what comes out:
neither needs the curves on the grid. The result is that of `lirich.learn.sums.sums_of` on the curves, to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_array

from lirich.learn.matrix import Array
from lirich.learn.resample import Knots
from lirich.learn.sums import Sums, missing_points


def sums_of_lines(parts: Iterable[Knots], grid: Array, basis: Array, shift: Array) -> Sums:
    """Return the sums of the curves of all *parts* on *grid*, shape (m,); see `lirich.learn.sums.Sums`.

    *basis* has shape (m, l), *shift* (m,). Raises `InputError` where a curve does not reach every point of the grid.
    """
    m, along = len(grid), (grid - grid[0])[:, None]
    from_here_on = np.cumsum(np.vstack((basis, along * basis)).reshape(2, m, -1)[:, ::-1], axis=1)[:, ::-1]
    followed = np.ascontiguousarray(from_here_on.reshape(2 * m, -1))
    projected_shift = shift @ basis
    steps, squares = (np.append(0.0, np.cumsum(along[:, 0] ** power)) for power in (1, 2))
    changes = np.zeros((2 * m, basis.shape[1] + 1))
    lengths_along, n, square = np.zeros(basis.shape[1]), 0, 0.0
    for knots in parts:
        if not knots.reaches(grid).all():
            raise missing_points()
        lengths, value, slope = knots.segments(grid, slice(0, knots.count))
        curve, begins = np.divmod(np.cumsum(lengths) - lengths, m)
        first = np.append(True, curve[1:] != curve[:-1])
        lines = np.column_stack([np.where(first, each, np.diff(each, prepend=0.0)) for each in (value, slope)])
        where = np.column_stack((begins, begins + m))
        rows = 2 * np.append(np.flatnonzero(first), len(curve))
        # the changes of each curve as a row: of value at columns 0 … m − 1, of slope at m … 2m − 1
        matrix = csr_array((lines.ravel(), where.ravel(), rows), (knots.count, 2 * m))
        scores = np.ones((knots.count, basis.shape[1] + 1))
        scores[:, :-1] = matrix @ followed - projected_shift
        changes += matrix.T @ scores
        lengths_along += scores[:, :-1].sum(axis=0)
        # Σ(v + s·d)² over the points of each line, d from its first point on, by sums over the grid
        ends, start = begins + lengths, along[begins, 0]
        far = steps[ends] - steps[begins] - lengths * start
        farther = squares[ends] - squares[begins] - start * (2.0 * (steps[ends] - steps[begins]) - lengths * start)
        here = value + slope * start
        square += float(here**2 @ lengths + 2.0 * (here * slope) @ far + slope**2 @ farther)
        n += knots.count
    gathered = np.cumsum(changes[:m], axis=0) + along * np.cumsum(changes[m:], axis=0)
    total = gathered[:, -1]
    square += n * float(shift @ shift) - 2.0 * float(shift @ total)
    return Sums(n, total - n * shift, gathered[:, :-1] - np.outer(shift, lengths_along), square)

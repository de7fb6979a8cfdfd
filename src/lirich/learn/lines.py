"""What a map gathers over curves, from their lines: a curve of 100 points costs the same on a grid of 10,000.

A curve that is a line between its knots is, on a grid g, x(g) = Σ_b (a_b + (g − g₀)·s_b) over the grid points b up to g
at which another line begins; a_b and s_b are the changes of value and slope there. With sparse matrices A and S, a row
per curve, the products that a map needs are those with sums of the basis from b on, and sums over b of what comes out:
neither needs the curves on the grid. The result is that of `lirich.learn.sums.sums_of` on the curves, to rounding.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from lirich.learn.matrix import Array
from lirich.learn.resample import Knots
from lirich.learn.sums import Sums, missing_points


def sums_of_lines(knots: Knots, grid: Array, basis: Array, shift: Array) -> Sums:
    """Return the sums of the curves *knots* on *grid*, shape (m,); see `lirich.learn.sums.Sums`.

    *basis* has shape (m, l), *shift* (m,). Raises `InputError` where a curve does not reach every point of the grid.
    """
    if not knots.reaches(grid).all():
        raise missing_points()
    m, n = len(grid), knots.count
    lengths, value, slope = knots.segments(grid, slice(0, n))
    shown = lengths > 0  # lines between two grid points show nothing
    lengths, value, slope = lengths[shown], value[shown], slope[shown]
    curve, begins = np.divmod(np.cumsum(lengths) - lengths, m)
    along = (grid - grid[0])[:, None]
    first = np.append(True, curve[1:] != curve[:-1])
    rows = np.append(np.flatnonzero(first), len(curve))
    values, slopes = (
        csr_array((np.where(first, each, np.diff(each, prepend=0.0)), begins, rows), (n, m)) for each in (value, slope)
    )
    scores = np.ones((n, basis.shape[1] + 1))
    scores[:, :-1] = values @ _from_here_on(basis) + slopes @ _from_here_on(along * basis) - shift @ basis
    gathered = np.cumsum(values.T @ scores, axis=0) + along * np.cumsum(slopes.T @ scores, axis=0)
    # Σ(v + s·d)² over the points of each line, d from its first point on, by sums over the grid
    steps, squares = (np.append(0.0, np.cumsum(along[:, 0] ** power)) for power in (1, 2))
    ends, start = begins + lengths, along[begins, 0]
    far = steps[ends] - steps[begins] - lengths * start
    farther = squares[ends] - squares[begins] - start * (2.0 * (steps[ends] - steps[begins]) - lengths * start)
    here = value + slope * start
    square = float(here**2 @ lengths + 2.0 * (here * slope) @ far + slope**2 @ farther)
    total = gathered[:, -1]
    projected = gathered[:, :-1] - np.outer(shift, scores[:, :-1].sum(axis=0))
    square += n * float(shift @ shift) - 2.0 * float(shift @ total)
    return Sums(n, total - n * shift, projected, square)


def _from_here_on(columns: Array) -> Array:
    """Return the sums of each column from each row to the last, shape as *columns*."""
    return np.ascontiguousarray(np.cumsum(columns[::-1], axis=0)[::-1])

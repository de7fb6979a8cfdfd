"""What to leave out so that a figure stays small and still shows the same thing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray


def choose_cycles(cycles: Sequence[int], most: int) -> list[int]:
    """Choose at most *most* of the *cycles*: the first, the second and the last, the others evenly between.

    Returns them in rising order. The second is kept because the first charge of a Li-rich cathode is unlike all
    later ones. Raises ``ValueError`` where *most* is below 1.
    """
    if most < 1:
        raise ValueError(f"at least one cycle must be shown, not {most}")
    known = sorted(set(cycles))
    if len(known) <= most:
        return known
    if most < 3:
        return [known[0], known[-1]][:most]
    rest = np.linspace(1, len(known) - 1, most - 1)
    return [known[0]] + [known[i] for i in sorted(set(np.rint(rest).astype(int).tolist()))]


def thin(x: ArrayLike, y: ArrayLike, most: int) -> NDArray[np.intp]:
    """Choose at most *most* of the points of a curve, evenly along its drawn length.

    *x* and *y* have shape (n,). Returns the rising indices of the points kept; both ends are kept. Steep and flat
    parts are kept alike since the length is taken after scaling both axes to 1; no point is moved or invented.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = len(xs)
    if n <= most:
        return np.arange(n)
    spans = [float(np.nanmax(a) - np.nanmin(a)) or 1.0 for a in (xs, ys)]
    steps = np.hypot(np.diff(xs) / spans[0], np.diff(ys) / spans[1])
    length = np.concatenate([[0.0], np.cumsum(np.nan_to_num(steps, nan=0.0))])
    if length[-1] == 0.0:
        return np.unique(np.linspace(0, n - 1, most).astype(np.intp))
    wanted = np.linspace(0.0, length[-1], most)
    return np.unique(np.concatenate([[0], np.searchsorted(length, wanted).clip(0, n - 1)[1:-1], [n - 1]])).astype(
        np.intp
    )


def thin_rows(cycles: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return at most about *most* rows of a cycle table: the first ten, the last, every k-th between."""
    table = cycles.sort("cycle")
    if table.height <= most:
        return table
    every = -(-table.height // max(1, most - 11))
    row = pl.int_range(pl.len())
    return table.filter((row < 10) | (row == pl.len() - 1) | (row % every == 0))

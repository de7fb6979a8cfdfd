"""Where curves lie on a map, how surely, and whether groups of cells lie apart there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.matrix import Array, Values
from lirich.learn.posterior import LEAST_POINTS, CurveModel, roughness
from lirich.learn.statemap import StateMap
from lirich.learn.validation import group_numbers

MOST_UNSURE = 0.5
"""Standard deviation of the first score, as a share of its spread over the map, above which a curve has no place."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Scores per point, ``scores`` and their standard deviation ``sd``, (n, k), in the unit of the curves.

    ``sd`` is 0 for whole curves. ``off_map`` is the RMS, over the points that a curve has, of what no component shows,
    (n,); ``shown`` the share of the grid that it has, (n,). Curves that show too little have NaN throughout.
    """

    scores: Array
    sd: Array
    off_map: Array
    shown: Array


def place(learned: StateMap, values: Values, recorded: Array | None = None) -> Places:
    """Return where curves lie: *values*, shape (n, m), on the grid of the map, NaN where a curve has no point.

    A curve with missing points has the posterior of `lirich.learn.posterior`, with the noise of the map or its own
    roughness, whichever is more; a grid finer than the *recorded* points of a curve, (n,), repeats them, and each
    then has the more noise. It is the uncertainty that the model itself states, not checked on other cells.

    Raises `InputError` for another number of points.
    """
    x = np.asarray(values, dtype=np.float64)
    m, k = len(learned.grid_), len(learned.components_)
    if x.ndim != 2 or x.shape[1] != m:
        raise InputError(f"Curves of shape {x.shape}", expected=f"{m} points, those of the map")
    known = np.isfinite(x)
    found = Places(
        np.full((len(x), k), np.nan), np.full((len(x), k), np.nan), np.full(len(x), np.nan), known.mean(axis=1)
    )
    whole = known.all(axis=1)
    scores = (x[whole] - learned.mean_) @ learned.components_.T
    rest = x[whole] - learned.mean_ - scores @ learned.components_
    found.scores[whole], found.sd[whole] = scores / np.sqrt(m), 0.0
    found.off_map[whole] = np.sqrt(np.mean(rest**2, axis=1))
    model = CurveModel.of(learned)
    finer = np.ones(len(x)) if recorded is None else np.sqrt(np.maximum(1.0, m / np.maximum(recorded, 1.0)))
    patterns, of = np.unique(known[~whole], axis=0, return_inverse=True)
    partial = np.flatnonzero(~whole)
    for number, observed in enumerate(patterns):
        rows = partial[of.ravel() == number]
        if np.count_nonzero(observed) < LEAST_POINTS:
            continue
        noise = np.maximum(roughness(x[rows], observed), np.sqrt(learned.noise_variance_)) * finer[rows]
        noise = np.maximum(noise, 1e-9 * max(float(np.abs(learned.mean_).max()), 1e-300))
        window = model.window(observed)
        curves, _ = window.complete(x[rows], noise)
        back = window.turned @ learned.components_.T
        variance = noise[:, None] ** 2 / (window.length**2 + noise[:, None] ** 2)
        sd = np.sqrt(variance @ back**2 / m)
        sure = sd[:, 0] <= MOST_UNSURE * learned.score_spread_[0]
        rows, curves = rows[sure], curves[sure]
        found.scores[rows] = (curves - learned.mean_) @ learned.components_.T / np.sqrt(m)
        found.sd[rows] = sd[sure]
        found.off_map[rows] = np.sqrt(np.mean((x[rows] - curves)[:, observed] ** 2, axis=1))
    return found


@dataclass(frozen=True, slots=True)
class Parting:
    """How many of ``cells`` lie nearer to the mean of their own group than to another's: ``right``."""

    groups: tuple[str, ...]
    cells: int
    right: int


def parting(means: Array, groups: Sequence[str]) -> Parting:
    """Ask whether groups of cells lie apart: each cell is given to the group whose mean of the *others* is nearest.

    Nearest by the pooled covariance within groups (linear discriminant analysis: Fisher, Ann. Eugen. 7 (1936) 179,
    doi:10.1111/j.1469-1809.1936.tb02137.x), both without that cell. *means* are the mean scores of cells, (cells, k).

    Raises `NotEnoughDataError` without two groups of three cells.
    """
    names, of = group_numbers(groups)
    counts = np.bincount(of, minlength=len(names))
    if len(names) < 2 or counts.min() < 3 or len(means) < means.shape[1] + len(names) + 2:
        raise NotEnoughDataError(
            f"{len(means)} cells in {len(names)} group(s)", expected="two groups of three cells or more"
        )
    right = 0
    for cell in range(len(means)):
        others = np.arange(len(means)) != cell
        centres = np.array([means[others & (of == g)].mean(axis=0) for g in range(len(names))])
        off = means[others] - centres[of[others]]
        inverse = np.linalg.pinv(off.T @ off / len(off), hermitian=True)
        apart = centres - means[cell]
        right += int(np.argmin(np.einsum("ij,jk,ik->i", apart, inverse, apart)) == of[cell])
    return Parting(names, len(means), right)

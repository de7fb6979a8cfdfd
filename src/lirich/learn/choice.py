"""How many components: by the evidence of all curves, and by the likelihood of cells that were left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lirich.errors import NotEnoughDataError
from lirich.learn.matrix import Array, CurveMatrix
from lirich.learn.statemap import StateMap

FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """How many components of a map.

    ``table`` has a row per number ``k``: ``evidence`` (log evidence per curve, up to a constant), ``left_out`` (mean
    log density of curves of cells that were left out; null with fewer than `FOLDS` cells). ``by_evidence`` and
    ``by_cells`` are the best of each, ``by_cells`` ``None`` where there are too few cells.
    """

    table: pl.DataFrame
    by_evidence: int
    by_cells: int | None


def choose_components(curves: CurveMatrix, most: int = 20, seed: int = 0) -> Choice:
    """Return how many components *curves*, without a missing point, speak for, up to *most*.

    Evidence: Minka's approximation of the Bayesian evidence of PCA (Adv. Neural Inf. Process. Syst. 13 (2000) 598), in
    its BIC form, −½n[Σ ln λᵢ + (m − k) ln σ²] − ½(d + k) ln n with d = mk − ½k(k + 1). The noise is taken to be
    independent from point to point: on a grid that is finer than the recorded points it is not, and the evidence then
    speaks for too many. Left-out cells know no such assumption beyond the density itself; cycles of one cell are never
    on both sides.

    Raises `NotEnoughDataError` where the curves are too few for two components.
    """
    whole = curves.complete()
    n, m = whole.values.shape
    most = min(most, n - 2, m - 2)
    if most < 2:
        raise NotEnoughDataError(f"{n} curves of {m} points", expected="at least 4 curves and points")
    learned = StateMap(most, tolerance=1e-2, seed=seed).fit(whole)
    numbers = np.arange(1, len(learned.components_) + 1)
    evidence = _evidence(learned, n, m)
    held = _left_out(whole, len(numbers), seed)
    rows = {"k": numbers, "evidence": evidence / n, "left_out": held if held is not None else [None] * len(numbers)}
    return Choice(
        pl.DataFrame(rows, schema_overrides={"left_out": pl.Float64}),
        int(numbers[np.argmax(evidence)]),
        None if held is None else int(numbers[np.argmax(held)]),
    )


def _evidence(learned: StateMap, n: int, m: int) -> Array:
    values = learned.explained_variance_
    k = np.arange(1, len(values) + 1)
    noise = np.maximum(learned.total_variance_ - np.cumsum(values), 1e-12 * learned.total_variance_) / (m - k)
    free = m * k - k * (k + 1) / 2
    fit = np.cumsum(np.log(values)) + (m - k) * np.log(noise)
    return np.asarray(-0.5 * n * fit - 0.5 * (free + k) * np.log(n), dtype=np.float64)


def _left_out(curves: CurveMatrix, most: int, seed: int) -> Array | None:
    """Return the mean log density of left-out curves for 1 … *most* components, every cell with the same weight."""
    cells = np.array(curves.cells, dtype=object)
    if len(cells) < FOLDS:
        return None
    np.random.default_rng(seed).shuffle(cells)
    owner = curves.keys["cell"].to_numpy()
    m = len(curves.grid)
    total, count = np.zeros(most), 0
    for part in np.array_split(cells, FOLDS):
        inside = np.isin(owner, part)
        rest = curves.take(~inside)
        learned = StateMap(min(most, len(rest) - 1), tolerance=1e-2, seed=seed).fit(rest)
        k = np.arange(1, len(learned.components_) + 1)
        values = learned.explained_variance_
        noise = np.maximum(learned.total_variance_ - np.cumsum(values), 1e-12 * learned.total_variance_) / (m - k)
        for cell in part:
            mine = curves.of_cells(cell)
            off = np.asarray(mine.values, dtype=np.float64) - learned.mean_
            scores = off @ learned.components_.T
            shown = np.cumsum(scores**2, axis=1)
            square = np.sum(off**2, axis=1, keepdims=True)
            density = -0.5 * (
                m * np.log(2 * np.pi)
                + np.cumsum(np.log(values))
                + (m - k) * np.log(noise)
                + np.cumsum(scores**2 / values, axis=1)
                + (square - shown) / noise
            )
            told = np.full(most, density.mean(axis=0)[-1])
            told[: len(k)] = density.mean(axis=0)
            total += told
            count += 1
    return total / count

"""A part of a curve to the whole curve, with a band whose coverage is checked on cells it has not seen.

The curve follows from `lirich.learn.posterior`; how sure it is, from `lirich.learn.heldout`: a standard deviation that
each window tells by its roughness and by how far it lies from what is usual, times a factor from curves of cells that
the model had not seen, for the very window that is asked for and for each point of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import polars as pl
from scipy.stats import norm

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.heldout import Held, Law, band_factor, chosen_law, hold_out
from lirich.learn.matrix import Array, CurveMatrix
from lirich.learn.posterior import LEAST_POINTS, CurveModel, Mask, least_squares, share_window
from lirich.learn.statemap import StateMap, check_same

LEAST_CELLS = 8
"""Fewer cells cannot be parted into folds that say anything of a cell that was not seen."""
LEAST_CURVES = 20
MOST_DOUBT = 0.5
"""Half-width of the band off the window, as a share of what it would be with no window at all, above which nothing is
told: the window then takes away less than half of the doubt."""


@dataclass(frozen=True, slots=True, eq=False)
class Completed:
    """Whole curves and their bands.

    Attributes
    ----------
    curves, low, high:
        Shape (n, m), in the unit of the curves; NaN throughout where nothing can be told.
    doubt:
        Half-width of the band off the window over that without a window (RMS), shape (n,).
    refused:
        Why nothing is told of a curve, or an empty text, n of them.
    level:
        Nominal coverage of the band, of the points that the window does not show.
    calibrated:
        False where the band rests on the model alone.
    """

    curves: Array
    low: Array
    high: Array
    doubt: Array
    refused: tuple[str, ...]
    level: float
    calibrated: bool


@dataclass(slots=True, eq=False)
class Completion:
    """Learns curves of many cells and completes curves of others.

    Parameters
    ----------
    n_components:
        Directions of the model. More than a map shows: those that the window does not tell keep their prior.
    level:
        Nominal coverage of the band.
    most_doubt:
        See `MOST_DOUBT`.
    seed:
        Of the maps.

    Attributes
    ----------
    map_, model_:
        The map and the Gaussian model of all curves.
    law_:
        How sure a completed curve is, from its window.
    n_cells_:
        Cells it learned from.
    """

    n_components: int = 20
    level: float = 0.90
    most_doubt: float = MOST_DOUBT
    seed: int = 0
    map_: StateMap = field(init=False, repr=False)
    model_: CurveModel = field(init=False, repr=False)
    law_: Law = field(init=False, repr=False)
    n_cells_: int = field(init=False, repr=False)
    held_: tuple[Held, ...] = field(init=False, repr=False)

    def fit(self, curves: CurveMatrix) -> Self:
        """Learn whole *curves* (those with missing points are left out).

        Raises `NotEnoughDataError` for fewer than `LEAST_CELLS` cells or `LEAST_CURVES` whole curves, or curves that
        do not differ; `InputError` for a level or share that is none.
        """
        if not (0 < self.level < 1 and 0 < self.most_doubt <= 1):
            raise InputError(f"A level of {self.level}, a doubt of {self.most_doubt}", expected="between 0 and 1")
        whole = curves.complete()
        cells = len(whole.cells)
        if cells < LEAST_CELLS or len(whole) < LEAST_CURVES:
            raise NotEnoughDataError(
                f"{len(whole)} whole curves of {cells} cell(s): too few to complete curves of other cells",
                expected=f"at least {LEAST_CURVES} curves of {LEAST_CELLS} cells",
                advice="Add cells; cycles of the same cells do not stand in for them",
            )
        self.held_ = hold_out(whole, self._map)
        self.map_ = self._map(whole)
        self.model_ = CurveModel.of(self.map_)
        self.n_cells_ = cells
        scale = float(np.sqrt(np.mean(self.model_.prior_sd**2)))
        off_map = max(float(np.sqrt(self.map_.noise_variance_)), 1e-6 * scale)
        self.law_ = chosen_law(self.held_, whole.grid, off_map)
        return self

    def _map(self, curves: CurveMatrix) -> StateMap:
        most = min(self.n_components, (len(curves) - 1) // 2, len(curves.grid) // 2)
        return StateMap(most, tolerance=1e-2, seed=self.seed).fit(curves)

    def band_factor(self, observed: Mask) -> Array:
        """Return what the standard deviation is multiplied by to give the band, (m,); see `heldout.band_factor`."""
        return band_factor(self.held_, self.law_, observed, self.level)

    def predict(self, curves: CurveMatrix) -> Completed:
        """Complete *curves*: NaN is what is to be told, all else is the window.

        Raises `InputError` on another grid, kind or direction. Curves that are whole come back with the band of the
        noise; of curves of which too little is shown, ``refused`` says so.
        """
        check_same(self.map_.grid_, self.map_.kind_, self.map_.direction_, curves)
        values = np.asarray(curves.values, dtype=np.float64)
        known = np.isfinite(values)
        shape = values.shape
        out, low, high = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
        doubt, refused = np.ones(len(values)), [""] * len(values)
        patterns, of = np.unique(known, axis=0, return_inverse=True)
        for number, observed in enumerate(patterns):
            rows = np.flatnonzero(of.ravel() == number)
            if np.count_nonzero(observed) < LEAST_POINTS:
                for row in rows:
                    refused[row] = f"cannot tell: the window has fewer than {LEAST_POINTS} points of the grid"
                continue
            told, half = self._told(values[rows], observed)
            out[rows], low[rows], high[rows] = told, told - half, told + half
            doubt[rows] = self._doubt(half, observed)
            for row in rows[doubt[rows] > self.most_doubt]:
                out[row] = low[row] = high[row] = np.nan
                refused[row] = (
                    f"cannot tell: the window leaves {100 * doubt[row]:.0f} % of the doubt that there is without it "
                    f"(at most {100 * self.most_doubt:.0f} %)"
                )
        return Completed(out, low, high, doubt, tuple(refused), self.level, calibrated=True)

    def _told(self, values: Array, observed: Mask) -> tuple[Array, Array]:
        curves, sd = self.law_.complete(self.model_.window(observed), values)
        normal = float(norm.ppf((1.0 + self.level) / 2.0))
        if observed.all():
            return curves, normal * sd
        return curves, np.where(observed, normal, self.band_factor(observed)) * sd

    def _doubt(self, half: Array, observed: Mask) -> Array:
        """Return the half-width off the window over that of a normal band with no window, RMS, shape (n,)."""
        if observed.all():
            return np.zeros(len(half))
        prior = np.sqrt(np.mean((norm.ppf((1.0 + self.level) / 2.0) * self.model_.prior_sd[~observed]) ** 2))
        return np.asarray(np.sqrt(np.mean(half[:, ~observed] ** 2, axis=1)) / prior, dtype=np.float64)

    def error_map(
        self,
        starts: Sequence[float] = tuple(np.arange(0.0, 0.95, 0.1).round(3).tolist()),
        lengths: Sequence[float] = tuple(np.arange(0.1, 1.0, 0.1).round(3).tolist()),
    ) -> pl.DataFrame:
        """Return how well curves of cells that were not seen are completed from windows of the grid.

        Start and length are shares of the grid; windows that leave it are left out. Columns: ``start``, ``length``,
        ``low``, ``high`` (the window in the unit of the grid), ``rmse`` (mean over curves, of the whole curve),
        ``hidden_rmse`` (of what the window hides), ``anchor_rmse`` (plain least squares on 7 components, capped at 100
        as the anchor's figure is), ``half_width`` (mean of the band off the window), ``doubt`` and ``cannot_tell``
        (share of curves that are refused).
        """
        rows = []
        grid = self.map_.grid_
        for start in starts:
            for length in lengths:
                if start + length >= 1.0:
                    continue
                observed = share_window(grid, start, length)
                if np.count_nonzero(observed) < LEAST_POINTS:
                    continue
                rows.append({"start": start, "length": length, **self._window_figures(observed)})
        return pl.DataFrame(rows)

    def _window_figures(self, observed: Mask) -> dict[str, float]:
        factor = self.band_factor(observed)
        rmse, hidden, anchor, half_width, doubt = [], [], [], [], []
        for part in self.held_:
            curves, sd = self.law_.complete(part.model.window(observed), part.values)
            recipe = least_squares(part.learned, part.values, observed)
            off = (curves - part.values) ** 2
            rmse.append(np.sqrt(np.mean(off, axis=1)))
            hidden.append(np.sqrt(np.mean(off[:, ~observed], axis=1)))
            anchor.append(np.minimum(np.sqrt(np.mean((recipe - part.values) ** 2, axis=1)), 100.0))
            half_width.append((factor * sd)[:, ~observed].mean(axis=1))
            doubt.append(self._doubt(factor * sd, observed))
        grid = self.map_.grid_[observed]
        told = np.concatenate(doubt)
        return {
            "low": float(grid[0]),
            "high": float(grid[-1]),
            "rmse": float(np.mean(np.concatenate(rmse))),
            "hidden_rmse": float(np.mean(np.concatenate(hidden))),
            "anchor_rmse": float(np.mean(np.concatenate(anchor))),
            "half_width": float(np.mean(np.concatenate(half_width))),
            "doubt": float(np.mean(told)),
            "cannot_tell": float(np.mean(told > self.most_doubt)),
        }


def best_windows(errors: pl.DataFrame) -> pl.DataFrame:
    """Return of each length the window that tells most of what it hides, the shortest first.

    *errors* is a table of `Completion.error_map`; windows that most curves are refused at are passed over.
    """
    told = errors.filter(pl.col("cannot_tell") <= 0.5)
    return told.sort("hidden_rmse").unique("length", keep="first", maintain_order=True).sort("length")

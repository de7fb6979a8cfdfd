"""A part of a curve to the whole curve, with a band whose coverage is checked on cells it has not seen.

The curve follows from `lirich.learn.posterior` with a noise that is read off the roughness of the curve itself, times a
factor that is found on held-out cells (the model's own error and the points of a fine grid that repeat each other are
in it). The band is that of conformal prediction: the standard deviation times the quantile of |error| / standard
deviation over curves of cells that the model had not seen, for the very window that is asked for and for each point of
the grid (Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094, doi:10.1080/01621459.2017.1307116, locally weighted).

Folds are whole cells, since cycles of one cell are alike, and they are *rings*: the cells that stand most alone on the
map are one fold, the most crowded another. A model of the crowded ones has to tell what it is seldom shown, as it will
of the next batch (blocked cross-validation: Roberts et al., Ecography 40 (2017) 913, doi:10.1111/ecog.02881). Cells of
the very same batch are then covered a little more often than the level says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.matrix import Array, CurveMatrix
from lirich.learn.posterior import LEAST_POINTS, CurveModel, Mask, least_squares, roughness
from lirich.learn.statemap import StateMap, check_same

LEAST_CELLS = 8
"""Fewer cells cannot be parted into folds that say anything of a cell that was not seen."""
LEAST_CURVES = 20
_FOLDS = 4
_CURVES_PER_CELL = 8
_MAP_AXES, _NEIGHBOURS = 7, 3  # how alone a cell stands: its distance from the third nearest on the anchor's 7 axes
_SMOOTHED = 0.05  # share of the grid over which the factor of the band is averaged
NOISE_FACTORS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
WINDOWS = ((0.2, 0.4), (0.0, 0.5), (0.4, 0.4))
"""Windows (start, length; shares of the grid) that the noise factor is chosen on."""
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
    noise_factor_:
        The noise of a curve over its roughness, by the likelihood of what was hidden of held-out cells.
    noise_floor_:
        The least noise of a curve, in the unit of the curves.
    n_cells_:
        Cells it learned from.
    """

    n_components: int = 20
    level: float = 0.90
    most_doubt: float = MOST_DOUBT
    seed: int = 0
    map_: StateMap = field(init=False, repr=False)
    model_: CurveModel = field(init=False, repr=False)
    noise_factor_: float = field(init=False, repr=False)
    noise_floor_: float = field(init=False, repr=False)
    n_cells_: int = field(init=False, repr=False)
    held_: tuple[_Held, ...] = field(init=False, repr=False)

    def fit(self, curves: CurveMatrix) -> Self:
        """Learn whole *curves* (those with missing points are left out).

        Raises `NotEnoughDataError` for fewer than `LEAST_CELLS` cells or `LEAST_CURVES` whole curves, or curves that
        do not differ; `InputError` for a level or share that is none.
        """
        if not (0 < self.level < 1 and 0 < self.most_doubt <= 1):
            raise InputError(f"A level of {self.level}, a doubt of {self.most_doubt}", expected="between 0 and 1")
        whole = curves.complete()
        cells = np.array(whole.cells, dtype=object)
        if len(cells) < LEAST_CELLS or len(whole) < LEAST_CURVES:
            raise NotEnoughDataError(
                f"{len(whole)} whole curves of {len(cells)} cell(s): too few to complete curves of other cells",
                expected=f"at least {LEAST_CURVES} curves of {LEAST_CELLS} cells",
                advice="Add cells; cycles of the same cells do not stand in for them",
            )
        owner = whole.keys["cell"].to_numpy()
        held = []
        for part in np.array_split(self._by_distance(whole, owner, cells), _FOLDS):
            inside = np.isin(owner, part)
            learned = self._map(whole.take(~inside))
            chosen = whole.take(np.concatenate([_spread(np.flatnonzero(owner == cell)) for cell in part]))
            held.append(
                _Held(CurveModel.of(learned), learned, np.asarray(chosen.values, dtype=np.float64), chosen.keys)
            )
        self.held_ = tuple(held)
        self.map_ = self._map(whole)
        self.model_ = CurveModel.of(self.map_)
        self.n_cells_ = len(cells)
        scale = float(np.sqrt(np.mean(self.model_.prior_sd**2)))
        self.noise_floor_ = max(float(np.sqrt(self.map_.noise_variance_)), 1e-6 * scale)
        self.noise_factor_ = self._chosen_factor(whole.grid)
        return self

    def _by_distance(self, curves: CurveMatrix, owner: NDArray[Any], cells: NDArray[Any]) -> NDArray[Any]:
        """Return *cells* from the most crowded to the one that stands most alone, by their mean curves on the map."""
        scores = self._map(curves).transform(curves)
        means = np.array([scores[owner == cell].mean(axis=0) for cell in cells])
        means /= np.maximum(scores.std(axis=0), 1e-300)
        means = means[:, : min(_MAP_AXES, means.shape[1])]
        apart = np.linalg.norm(means[:, None] - means[None], axis=2)
        return np.asarray(cells[np.argsort(np.sort(apart, axis=1)[:, min(_NEIGHBOURS, len(cells) - 1)], kind="stable")])

    def _map(self, curves: CurveMatrix) -> StateMap:
        most = min(self.n_components, (len(curves) - 1) // 2, len(curves.grid) // 2)
        return StateMap(most, tolerance=1e-2, seed=self.seed).fit(curves)

    def _noise(self, values: Array, observed: Mask, factor: float) -> Array:
        return np.maximum(factor * roughness(values, observed), self.noise_floor_)

    def _chosen_factor(self, grid: Array) -> float:
        """Return the noise factor under which what was hidden of held-out cells is most likely."""
        told = []
        for factor in NOISE_FACTORS:
            density = []
            for start, length in WINDOWS:
                observed = share_window(grid, start, length)
                for error, sd in self._errors(observed, factor):
                    density.append(np.mean(-0.5 * (error / sd) ** 2 - np.log(sd)))
            told.append(float(np.mean(density)))
        return NOISE_FACTORS[int(np.argmax(told))]

    def _errors(self, observed: Mask, factor: float) -> list[tuple[Array, Array]]:
        """Return errors and standard deviations off the window of every fold's held-out curves."""
        found = []
        for part in self.held_:
            noise = self._noise(part.values, observed, factor)
            curves, sd = part.model.window(observed).complete(part.values, noise)
            found.append(((curves - part.values)[:, ~observed], sd[:, ~observed]))
        return found

    def band_factor(self, observed: Mask) -> Array:
        """Return what the standard deviation is multiplied by to give the band for the window *observed*, shape (m,).

        At each point the quantile of the absolute error over sd, on held-out cells, each cell with the same weight, at
        the level for a finite number of cells, level · (1 + 1/cells); averaged over neighbours. NaN in the window.
        """
        ratios = np.concatenate([np.abs(error) / sd for error, sd in self._errors(observed, self.noise_factor_)])
        weights = np.concatenate([part.weights() for part in self.held_])
        level = min(self.level * (1.0 + 1.0 / self.n_cells_), 1.0)
        factor = np.full(len(observed), np.nan)
        factor[~observed] = _quantiles(ratios, weights, level)
        return _averaged(factor, max(1, int(_SMOOTHED * len(factor) / 2)))

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
        noise = self._noise(values, observed, self.noise_factor_)
        curves, sd = self.model_.window(observed).complete(values, noise)
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
        ``anchor_rmse`` (plain least squares on 7 components, capped at 100 as the anchor's figure is), ``half_width``
        (mean of the band off the window), ``doubt`` and ``cannot_tell`` (share of curves that are refused).
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
        rmse, anchor, half_width, doubt = [], [], [], []
        for part in self.held_:
            noise = self._noise(part.values, observed, self.noise_factor_)
            curves, sd = part.model.window(observed).complete(part.values, noise)
            recipe = least_squares(part.learned, part.values, observed)
            rmse.append(np.sqrt(np.mean((curves - part.values) ** 2, axis=1)))
            anchor.append(np.minimum(np.sqrt(np.mean((recipe - part.values) ** 2, axis=1)), 100.0))
            half_width.append((factor * sd)[:, ~observed].mean(axis=1))
            doubt.append(self._doubt(factor * sd, observed))
        grid = self.map_.grid_[observed]
        told = np.concatenate(doubt)
        return {
            "low": float(grid[0]),
            "high": float(grid[-1]),
            "rmse": float(np.mean(np.concatenate(rmse))),
            "anchor_rmse": float(np.mean(np.concatenate(anchor))),
            "half_width": float(np.mean(np.concatenate(half_width))),
            "doubt": float(np.mean(told)),
            "cannot_tell": float(np.mean(told > self.most_doubt)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Curves of cells that the model of their fold has not seen."""

    model: CurveModel
    learned: StateMap
    values: Array
    keys: pl.DataFrame

    def weights(self) -> Array:
        """Return the weight of each curve: every cell counts the same, shape (n,)."""
        count = self.keys.select(pl.len().over("cell")).to_series().to_numpy()
        return np.asarray(1.0 / count, dtype=np.float64)


def share_window(grid: Array, start: float, length: float) -> Mask:
    """Return the mask, shape (m,), of the window from *start* over *length*, shares of the range of *grid*.

    As the anchor counts: 0.2 and 0.4 of 3.0–4.5 V are 3.3–3.9 V. Raises `InputError` for no window in the grid.
    """
    if not (0.0 <= start < 1.0 and 0.0 < length <= 1.0):
        raise InputError(f"A window from {start} over {length} of the grid", expected="shares between 0 and 1")
    span = grid[-1] - grid[0]
    slack = 1e-9 * span
    low, high = grid[0] + start * span, grid[0] + (start + length) * span
    return np.asarray((grid >= low - slack) & (grid <= high + slack), dtype=np.bool_)


def _spread(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most `_CURVES_PER_CELL` of *rows*, evenly from first to last."""
    if len(rows) <= _CURVES_PER_CELL:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _CURVES_PER_CELL).astype(np.int64)]


def _quantiles(values: Array, weights: Array, level: float) -> Array:
    """Return the weighted quantile of each column of *values*, (n, m)."""
    order = np.argsort(values, axis=0)
    total = np.cumsum(weights[order], axis=0)
    at = np.minimum(np.sum(total < level * total[-1], axis=0), len(values) - 1)
    columns = np.arange(values.shape[1])
    return np.asarray(values[order[at, columns], columns], dtype=np.float64)


def _averaged(values: Array, half: int) -> Array:
    """Return the mean of each value and its *half* neighbours to each side, without those that are NaN."""
    known = np.isfinite(values)
    box = np.ones(2 * half + 1)
    total = np.convolve(np.where(known, values, 0.0), box, mode="same")
    return np.where(known, total / np.maximum(np.convolve(known.astype(np.float64), box, mode="same"), 1.0), np.nan)

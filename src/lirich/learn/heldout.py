"""What curves of cells that a model has not seen say of its certainty: noise, strange cells, the band.

A model of curves is fitted without some cells, asked to complete their curves, and its errors are looked at. From them
follow a `Law`, by which the standard deviation of a completed curve is told from its window alone, and the factor that
makes a band of it, by conformal prediction: the quantile of |error| / standard deviation (Lei et al., J. Am. Stat.
Assoc. 113 (2018) 1094, doi:10.1080/01621459.2017.1307116, locally weighted).

Folds are whole cells, since cycles of one cell are alike, and they are *rings*: the cells that stand most alone on the
map are one fold, the most crowded another. A model of the crowded ones has to tell what it is seldom shown, as it will
of the next batch (blocked cross-validation: Roberts et al., Ecography 40 (2017) 913, doi:10.1111/ecog.02881).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.learn.matrix import Array, CurveMatrix
from lirich.learn.posterior import CurveModel, Mask, Window, roughness, share_window
from lirich.learn.statemap import StateMap

_FOLDS = 4
_CURVES_PER_CELL = 16
_MAP_AXES, _NEIGHBOURS = 7, 3  # how alone a cell stands: its distance from the third nearest on the anchor's 7 axes
_SMOOTHED = 0.05  # share of the grid over which the factor of the band is averaged
NOISE_FACTORS = (1.0, 2.0, 4.0, 8.0)
"""To choose from: noise of the instrument over the roughness of a curve. 1 is white noise on the grid; points of a fine
grid that repeat each other are less rough than noisy."""
MODEL_ERRORS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""To choose from: error of the model over the noise off the map, RMS."""
FREEDOMS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""To choose from: degrees of freedom of the spread of cells."""
NOISIER = (1.0, 2.0, 4.0)
"""Held-out curves are taken in turn as they are and as they would be of a noisier instrument: what lies off the map
times these. New curves are so assumed to have between one and four times the noise of those that were learned from, and
one instrument alone cannot tell its noise from an error of the model."""
WINDOWS = ((0.2, 0.4), (0.0, 0.5), (0.4, 0.4))
"""Windows (start, length; shares of the grid) that the law is chosen on."""


@dataclass(frozen=True, slots=True)
class Law:
    """How sure a completed curve is, from what its window shows.

    The noise of a curve is σ² = (``factor`` · roughness)² + ``model_error``², in the unit of the curves: that of its
    instrument and that of the model. ``freedom`` are the degrees of freedom ν of the spread of the curves, a t
    distribution: where a window lies far off what is usual, so does what it does not show, and the standard deviation
    grows with the distance (`lirich.learn.posterior.Window.complete`).
    """

    factor: float
    model_error: float
    freedom: float

    def noise(self, values: Array, observed: Mask) -> Array:
        """Return σ of each curve of *values*, (n, m), from the points *observed*, (m,); shape (n,)."""
        return np.asarray(np.hypot(self.factor * roughness(values, observed), self.model_error), dtype=np.float64)

    def complete(self, window: Window, values: Array) -> tuple[Array, Array]:
        """Return the whole curves and their standard deviation, each (n, m), from *values* in the window."""
        return window.complete(values, self.noise(values, window.observed), self.freedom)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Curves ``values``, (n, m), of cells that ``model`` and the map ``learned`` of their fold have not seen."""

    model: CurveModel
    learned: StateMap
    values: Array
    keys: pl.DataFrame

    def weights(self) -> Array:
        """Return the weight of each curve: every cell counts the same, shape (n,)."""
        count = self.keys.select(pl.len().over("cell")).to_series().to_numpy()
        return np.asarray(1.0 / count, dtype=np.float64)

    def errors(self, law: Law, observed: Mask) -> tuple[Array, Array]:
        """Return errors and standard deviations off the window *observed*, each (n, points that are hidden)."""
        values = self.as_if_noisier()
        curves, sd = law.complete(self.model.window(observed), values)
        return (curves - values)[:, ~observed], sd[:, ~observed]

    def as_if_noisier(self) -> Array:
        """Return the curves with what lies off the map times 1, 2 and 4 in turn, (n, m); see `NOISIER`."""
        off = self.values - self.learned.mean_
        off -= (off @ self.learned.components_.T) @ self.learned.components_
        return np.asarray(self.values + (np.resize(NOISIER, len(off)) - 1.0)[:, None] * off, dtype=np.float64)


def hold_out(curves: CurveMatrix, fit: Callable[[CurveMatrix], StateMap]) -> tuple[Held, ...]:
    """Return the rings of cells of *curves*, each with the map that *fit* makes of all others.

    Of each cell there are up to 16 curves, spread evenly over its cycles.
    """
    owner = curves.keys["cell"].to_numpy()
    held = []
    for part in np.array_split(_by_distance(fit(curves), curves), _FOLDS):
        learned = fit(curves.take(~np.isin(owner, part)))
        chosen = curves.take(np.concatenate([_spread(np.flatnonzero(owner == cell)) for cell in part]))
        held.append(Held(CurveModel.of(learned), learned, np.asarray(chosen.values, dtype=np.float64), chosen.keys))
    return tuple(held)


def chosen_law(held: Sequence[Held], grid: Array, noise_off_map: float) -> Law:
    """Return the law under which what was hidden of *held* curves is most likely; see `NOISIER`.

    Likely by a normal density at each point. *noise_off_map* is what lies off the map of all curves, RMS, in their
    unit. It is a choice among laws only: the level of a band comes from `band_factor`.
    """
    noises = [(factor, times * noise_off_map) for factor in NOISE_FACTORS for times in MODEL_ERRORS]
    density = np.zeros((len(noises), len(FREEDOMS)))
    for part, (start, length) in product(held, WINDOWS):
        window, values = part.model.window(share_window(grid, start, length)), part.as_if_noisier()
        off, rough = ~window.observed, roughness(values, window.observed)
        for i, (factor, model_error) in enumerate(noises):
            noise = np.hypot(factor * rough, model_error)
            curves, sd = window.complete(values, noise)
            squared = np.mean(((curves - values)[:, off] / sd[:, off]) ** 2, axis=1)
            logarithm = np.mean(np.log(sd[:, off]), axis=1)
            for j, freedom in enumerate(FREEDOMS):
                wider = window.widening(values, noise, freedom)
                density[i, j] -= np.mean(0.5 * squared / wider**2 + logarithm + np.log(wider))
    noise_at, freedom_at = divmod(int(np.argmax(density)), len(FREEDOMS))
    return Law(*noises[noise_at], FREEDOMS[freedom_at])


def band_factor(held: Sequence[Held], law: Law, observed: Mask, level: float) -> Array:
    """Return what the standard deviation is multiplied by to give the band for the window *observed*, shape (m,).

    At each point the quantile of |error| / standard deviation of *held* curves (as they are and noisier: `NOISIER`),
    each cell with the same weight, at the level for a finite number of cells, level · (1 + 1/cells); averaged over
    neighbours. NaN in the window.
    """
    ratios = np.concatenate([np.abs(error) / sd for error, sd in (part.errors(law, observed) for part in held)])
    weights = np.concatenate([part.weights() for part in held])
    factor = np.full(len(observed), np.nan)
    factor[~observed] = _quantiles(ratios, weights, min(level * (1.0 + 1.0 / float(weights.sum())), 1.0))
    return _averaged(factor, max(1, int(_SMOOTHED * len(factor) / 2)))


def _by_distance(learned: StateMap, curves: CurveMatrix) -> NDArray[np.object_]:
    """Return the cells from the most crowded to the one that stands most alone, by their mean curves on the map."""
    cells, owner = np.array(curves.cells, dtype=object), curves.keys["cell"].to_numpy()
    scores = learned.transform(curves)
    means = np.array([scores[owner == cell].mean(axis=0) for cell in cells])
    means /= np.maximum(scores.std(axis=0), 1e-300)
    means = means[:, : min(_MAP_AXES, means.shape[1])]
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)
    return np.asarray(cells[np.argsort(np.sort(apart, axis=1)[:, min(_NEIGHBOURS, len(cells) - 1)], kind="stable")])


def _spread(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most `_CURVES_PER_CELL` of *rows*: the middle of each of as many equal parts.

    The first cycle is unlike all others; from the very first to the very last it would be one in sixteen, and not one
    in a hundred.
    """
    if len(rows) <= _CURVES_PER_CELL:
        return rows
    return rows[((np.arange(_CURVES_PER_CELL) + 0.5) * len(rows) / _CURVES_PER_CELL).astype(np.int64)]


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

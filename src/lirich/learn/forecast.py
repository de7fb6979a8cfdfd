"""Forecast of a figure at a later cycle from the first cycles, with intervals that hold for new cells.

For every horizon a ridge regression predicts how much the figure will have changed since the last cycle seen, from its
level and course so far and from those of other figures. Intervals are CV+ over cells, in units of an error that is
learned too (`lirich.learn.ridge.Spread`): the residual of each training cell is that of a model without it. Two naive
forecasts stand beside it: the last value persists, and the straight line through what was seen goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.conformal import check_level, least_cells, plus_interval
from lirich.learn.course import LEAST_CYCLES, Course, courses, value_at
from lirich.learn.ridge import Ridge, Spread
from lirich.learn.validation import Array, group_folds, rmse, splits
from lirich.model import Finding

FEW_CELLS = 20
"""Under so many cells nobody can say whether an interval keeps its level: said with every forecast."""

_FOLDS = 20  # CV+ loses against jackknife+ what a model loses by a twentieth of the cells


class Forecast:
    """A figure at later cycles from the first ones.

    Parameters
    ----------
    quantity:
        The column to forecast.
    first_cycles:
        What is seen: cycles up to this number.
    horizons:
        Cycle numbers to forecast, all after ``first_cycles``.
    inputs:
        Further columns whose level and course so far are used (mean voltage, gap, scores of a map).
    level:
        Nominal coverage of each interval.

    Attributes
    ----------
    horizons_:
        Horizons that enough training cells reached.
    skill_:
        A row per horizon: ``horizon, cells, rmse, rmse_last_value, rmse_line, skill_last_value, skill_line, coverage,
        width``, all of cells that were left out, by models and intervals made without them. Skill is 1 − RMSE/RMSE of
        the naive forecast: 0 is no better, 1 is perfect. Coverage and width (of the interval) are null where the cells
        are too few to leave any out.
    findings_:
        Horizons that were refused, small data, no skill.
    """

    def __init__(
        self,
        quantity: str,
        *,
        first_cycles: int,
        horizons: Sequence[int],
        inputs: Sequence[str] = (),
        level: float = 0.9,
        seed: int = 0,
    ) -> None:
        self.quantity = quantity
        self.first_cycles = first_cycles
        self.horizons = horizons
        self.inputs = inputs
        self.level = level
        self.seed = seed

    def fit(self, cycles: pl.DataFrame) -> Self:
        """Learn from cells that were cycled on: a row per cell and cycle with ``cell``, ``cycle`` and the columns.

        Give cycles under like conditions only (`lirich.workbench.learning.tables.ageing_cycles`). Raises
        `UnknownNameError` on a missing column, `InputError` on horizons, `NotEnoughDataError` where no horizon was
        reached by as many cells as the level needs (9 for 90 %), or nothing could be seen of them in the first cycles.
        """
        check_level(self.level)
        columns = (self.quantity, *(name for name in self.inputs if name != self.quantity))
        if not self.horizons or min(self.horizons) <= self.first_cycles:
            raise InputError(
                f"Horizons {list(self.horizons)} and {self.first_cycles} first cycles",
                expected="cycles after those that are seen",
            )
        self.columns_ = columns
        seen = courses(cycles, columns, self.first_cycles)
        if not seen.cells:
            raise NotEnoughDataError(
                f"No cell has {LEAST_CYCLES} cycles with {', '.join(columns)} up to cycle {self.first_cycles}",
                expected="cells that can be seen beginning",
                advice="It is too early: see more cycles",
            )
        self.findings_: list[Finding] = []
        self._models: dict[int, _Horizon] = {}
        rows = []
        for horizon in sorted(set(self.horizons)):
            truth = value_at(cycles, self.quantity, horizon, seen.cells)
            known = np.isfinite(truth)
            if int(known.sum()) < least_cells(self.level):
                self.findings_.append(_unreached(horizon, int(known.sum()), self.level))
                continue
            of, truth = seen.take(known), truth[known]
            model = _Horizon(self.level, self.seed).fit(of, truth)
            self._models[horizon] = model
            measured = _measured(truth, **self._left_out(model, of, truth), last_value=of.last, line=of.line(horizon))
            rows.append({"horizon": horizon, **measured})
            self.findings_ += _judged(self.quantity, horizon, measured)
        if not rows:
            raise NotEnoughDataError(
                "; ".join(f.message for f in self.findings_),
                advice="Forecast an earlier cycle, ask for a lower level, or wait until more cells are there",
            )
        self.horizons_ = tuple(self._models)
        self.skill_ = pl.DataFrame(rows, schema_overrides={"coverage": pl.Float64})
        return self

    def predict(self, cycles: pl.DataFrame) -> pl.DataFrame:
        """Forecast cells that are at their beginning; only their first cycles are looked at.

        Returns a row per cell and horizon: ``cell, horizon, predicted, low, high, last_value, line, inside``.
        ``inside`` is false where the cell lies farther out than every training cell, each seen by a model without it:
        of cells like these one in (cells + 1). Cells of which too little is seen are left out (`too_early` names them);
        where that is all of them, `NotEnoughDataError` is raised.
        """
        seen = courses(cycles, self.columns_, self.first_cycles)
        if not seen.cells:
            raise NotEnoughDataError(
                f"None of these cells has {LEAST_CYCLES} cycles up to cycle {self.first_cycles}, the last of them near "
                "it",
                advice="It is too early for a forecast; train one on fewer first cycles, or wait",
            )
        parts = []
        for horizon, model in self._models.items():
            predicted, low, high, inside = model.predict(seen)
            parts.append(
                pl.DataFrame(
                    {
                        "cell": seen.cells,
                        "horizon": [horizon] * len(seen.cells),
                        "predicted": predicted,
                        "low": low,
                        "high": high,
                        "last_value": seen.last,
                        "line": seen.line(horizon),
                        "inside": inside,
                    }
                )
            )
        return pl.concat(parts)

    def too_early(self, cycles: pl.DataFrame) -> tuple[str, ...]:
        """Return the cells of which too little is seen for a forecast."""
        there = courses(cycles, self.columns_, self.first_cycles).cells
        return tuple(c for c in cycles["cell"].unique(maintain_order=True).to_list() if c not in set(there))

    def _left_out(self, model: _Horizon, seen: Course, truth: Array) -> dict[str, Array]:
        """Forecast each cell by a model, and intervals, made without it (a tenth of the cells at a time).

        Where the others are too few for an interval of the level there are only predictions.
        """
        made = {name: np.empty(len(truth)) for name in ("predicted", "low", "high")}
        for _, train, held in splits(group_folds(np.arange(len(truth)), 10, self.seed + 1)):
            if int(train.sum()) < least_cells(self.level):
                return {"predicted": model.without(seen)}
            other = _Horizon(self.level, self.seed).fit(seen.take(train), truth[train])
            made["predicted"][held], made["low"][held], made["high"][held], _ = other.predict(seen.take(held))
        return made

    def score(self, cycles: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of ``skill_`` on cells that were never seen here and that reached the horizons.

        Raises `NotEnoughDataError` where there is none.
        """
        forecast = self.predict(cycles)
        rows = []
        for horizon in self.horizons_:
            part = forecast.filter(pl.col("horizon") == horizon)
            truth = value_at(cycles, self.quantity, horizon, part["cell"].to_list())
            known = np.isfinite(truth)
            if not known.any():
                continue
            made = {name: part[name].to_numpy()[known] for name in ("predicted", "low", "high", "last_value", "line")}
            rows.append({"horizon": horizon, **_measured(truth[known], **made)})
        if not rows:
            raise NotEnoughDataError("None of these cells reached a horizon of the forecast")
        return pl.DataFrame(rows)


class _Horizon:
    """The change up to one cycle: a model of all cells, and one without each fold for the intervals."""

    def __init__(self, level: float, seed: int) -> None:
        self.level = level
        self.seed = seed

    def fit(self, seen: Course, truth: Array) -> Self:
        change = truth - seen.last
        self._model = Ridge(seed=self.seed).fit(seen.inputs, change)
        self._without: list[tuple[Ridge, Spread]] = []
        self._fold = group_folds(np.arange(len(change)), _FOLDS, self.seed)
        self._residuals, self._far = np.empty(len(change)), np.empty(len(change))
        for _, train, held in splits(self._fold):
            model = Ridge(seed=self.seed).fit(seen.inputs[train], change[train])
            spread = Spread().fit(model, seen.inputs[train], change[train], seed=self.seed)
            off = np.abs(change[held] - model.predict(seen.inputs[held]))
            self._residuals[held] = off / spread.at(seen.inputs[held])
            self._far[held] = model.leverage(seen.inputs[held])
            self._without.append((model, spread))
        return self

    def without(self, seen: Course) -> Array:
        """Return the forecast of each training cell by the model without it, (cells,)."""
        value = np.empty(len(self._fold))
        for k, (model, _) in enumerate(self._without):
            mine = self._fold == k
            value[mine] = seen.last[mine] + model.predict(seen.inputs[mine])
        return value

    def predict(self, seen: Course) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
        """Return value, lower and upper bound and whether it is inside, each (cells,)."""
        low, high = np.empty((2, len(self._fold), len(seen.cells)))
        inside = np.zeros(len(seen.cells), dtype=np.bool_)
        for k, (model, spread) in enumerate(self._without):
            mine = self._fold == k
            reach = self._residuals[mine][:, None] * spread.at(seen.inputs)[None, :]
            middle = model.predict(seen.inputs)[None, :]
            low[mine], high[mine] = middle - reach, middle + reach
            # one farther out than all, by the models that had not seen them: a p value of 1/(cells + 1)
            inside |= (self._far[mine][:, None] >= model.leverage(seen.inputs)[None, :]).any(axis=0)
        bottom, top = plus_interval(low, high, self.level)
        change = self._model.predict(seen.inputs)
        # CV+ bounds are of the models without a fold: where these differ a lot, that of all cells may lie outside
        return seen.last + change, seen.last + np.minimum(bottom, change), seen.last + np.maximum(top, change), inside


def _measured(
    truth: Array,
    predicted: Array,
    low: Array | None = None,
    high: Array | None = None,
    *,
    last_value: Array,
    line: Array,
) -> dict[str, float | int | None]:
    own, last, straight = rmse(truth, predicted), rmse(truth, last_value), rmse(truth, line)
    covered = None if low is None or high is None else float(((low <= truth) & (truth <= high)).mean())
    return {
        "cells": len(truth),
        "rmse": own,
        "rmse_last_value": last,
        "rmse_line": straight,
        "skill_last_value": _skill(own, last),
        "skill_line": _skill(own, straight),
        "coverage": covered,
        "width": None if low is None or high is None else float((high - low).mean()),
    }


def _skill(own: float, naive: float) -> float:
    """Return 1 − RMSE/RMSE of the naive forecast; 0 where the naive one is perfect too."""
    if naive <= 1e-12 * max(own, 1.0):
        return 0.0
    return 1.0 - own / naive


def _unreached(horizon: int, cells: int, level: float) -> Finding:
    return Finding(
        code="horizon-too-far",
        message=f"Cycle {horizon} was reached by {cells} cell(s) of which the beginning is known; an interval of "
        f"{100 * level:g} % needs {least_cells(level)}",
    )


def _judged(quantity: str, horizon: int, measured: Mapping[str, float | int | None]) -> list[Finding]:
    found = []
    if int(measured["cells"] or 0) < FEW_CELLS:
        found.append(
            Finding(
                code="few-cells",
                message=f"Cycle {horizon}: learned from {measured['cells']} cells; whether the interval keeps its "
                "level cannot be checked",
                advice=f"From about {FEW_CELLS} cells on it can",
            )
        )
    naive = min((float(measured[f"skill_{n}"] or 0.0), words) for n, words in _NAIVE.items())
    if naive[0] <= 0.0:
        found.append(
            Finding(
                code="no-skill",
                message=f"{quantity} at cycle {horizon}: no better than saying that {naive[1]}",
                advice="It is too early: see more cycles, or believe the simple forecast",
            )
        )
    return found


_NAIVE = {"last_value": "the last value persists", "line": "the straight line goes on"}

"""What the factors of a state map mean: physical states read from the scores, tested on unseen cells.

Two questions. `Factors` goes from scores to states: which spinel-like fraction, which resistance do these scores
stand for, and how far may that be off. `meaning` goes from states to scores: how much of each component do the states
explain, together and one by one. Both are ridge regressions (`lirich.learn.ridge`); R² is always of cells that the
model had not seen, and intervals are conformal over cells (`lirich.learn.conformal`).

States are columns of a table, one row per curve: of a simulated cell its hidden states, of a real one what was measured
on it (V̄mid, ΔV̄, low-voltage share, a resistance where there is one). A state may be missing on some curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.conformal import check_level, grouped_quantile, least_cells
from lirich.learn.ridge import Ridge, Spread
from lirich.learn.validation import Array, Integers, group_folds, group_numbers, matrix_of, r_squared, rmse, splits
from lirich.model import Finding, Severity

FEW_CELLS = 20
"""Under so many cells an R² of unseen cells is itself uncertain by tenths: said with every result."""


class Factors:
    """Physical states as ridge regressions on the scores of a map.

    Parameters
    ----------
    degree:
        2: with squares and products of the scores. 1: linear, so that each state is one direction in the map; reads
        them less well on the simulated cohorts (docs/explanation/learn-states.md has both).
    level:
        Nominal coverage of the intervals, for a random curve of a new cell.
    folds:
        Groups of cells left out in turn to measure R² and to calibrate.

    Attributes
    ----------
    table_:
        A row per state: ``state, curves, cells, r2, r2_within, rmse, spread``. ``r2_within`` is against the mean of the
        stratum instead of that of all (null without strata); ``spread`` is the state's own standard deviation.
    models_:
        The regression of each state.
    findings_:
        States left out, and that the data are small.
    """

    def __init__(self, *, degree: Literal[1, 2] = 2, level: float = 0.9, folds: int = 10, seed: int = 0) -> None:
        self.degree = degree
        self.level = level
        self.folds = folds
        self.seed = seed

    def fit(
        self, scores: Array, states: pl.DataFrame, cells: Sequence[str], strata: Sequence[object] | None = None
    ) -> Self:
        """Fit every column of *states* on *scores*.

        Parameters
        ----------
        scores:
            Shape (n, k), of one map.
        states:
            n rows, numeric columns; null where a state is not known.
        cells:
            The cell of each curve, (n,).
        strata:
            What each curve is like by what is known of it anyway (``SC, cycle 40``), (n,): R² within these says what
            the scores tell beyond it. Over all curves R² is high already if a state grows with age alone.

        Raises `InputError` on shapes and scores that are not finite, `NotEnoughDataError` where no state is known in
        enough cells: `least_cells` of the level, and two at least.
        """
        if self.degree not in (1, 2):
            raise InputError(f"A degree of {self.degree}", expected="1 or 2")
        check_level(self.level)
        scores = matrix_of(scores, "the scores")
        table = _states(states, len(scores))
        if len(cells) != len(scores):
            raise InputError(f"{len(scores)} curves and {len(cells)} names of cells", expected="one for each")
        self.centre_, self.scale_ = scores.mean(axis=0), np.where(scores.std(axis=0) > 0, scores.std(axis=0), 1.0)
        inputs = self._inputs(scores)
        names, numbers = group_numbers(cells)
        self.models_: dict[str, Ridge] = {}
        self._quantiles: dict[str, float] = {}
        self._spreads: dict[str, Spread] = {}
        self._farthest: dict[str, float] = {}
        self.findings_: list[Finding] = []
        rows = []
        for state, y in table.items():
            known = np.isfinite(y)
            seen = np.unique(numbers[known])
            why = _unusable(y[known], len(seen), self.level)
            if why:
                self.findings_.append(Finding(code="state-left-out", message=f"{state}: {why}", where=state))
                continue
            within = None if strata is None else _taken(strata, known)
            rows.append({"state": state, **self._fit_one(state, inputs[known], y[known], numbers[known], within)})
        if not rows:
            raise NotEnoughDataError(
                f"None of {len(table)} state(s) can be read from {len(scores)} curves of {len(names)} cell(s): "
                + "; ".join(f.message for f in self.findings_),
                expected=f"a state that varies, known in {max(2, least_cells(self.level))} cells or more",
            )
        self.table_ = pl.DataFrame(rows, schema_overrides={"r2": pl.Float64, "r2_within": pl.Float64})
        if len(names) < FEW_CELLS:
            self.findings_.append(_small(len(names)))
        return self

    def predict(self, scores: Array) -> pl.DataFrame:
        """Return each state with its interval (``X, X_low, X_high``), and whether the curve lies where cells were.

        ``X_inside`` is false where the scores lie farther out than those of every training curve: there neither
        value nor interval has been tested.
        """
        scores = matrix_of(scores, "the scores")
        if scores.shape[1] != len(self.centre_):
            raise InputError(f"{scores.shape[1]} scores", expected=f"{len(self.centre_)}, as in the training")
        inputs = self._inputs(scores)
        columns: dict[str, Array | NDArray[np.bool_]] = {}
        for state, model in self.models_.items():
            middle, leverage = model.predict(inputs), model.leverage(inputs)
            half = self._quantiles[state] * self._spreads[state].at(inputs)
            columns |= {state: middle, f"{state}_low": middle - half, f"{state}_high": middle + half}
            columns[f"{state}_inside"] = leverage <= self._farthest[state] * (1.0 + 1e-9)
        return pl.DataFrame(columns)

    def score(
        self, scores: Array, states: pl.DataFrame, cells: Sequence[str], strata: Sequence[object] | None = None
    ) -> pl.DataFrame:
        """Return ``state, curves, cells, r2, r2_within, rmse, coverage, inside`` on cells that were never seen here.

        A state that is constant in these curves has no R² (null). Every cell counts alike in the coverage.
        """
        read = self.predict(scores)
        table = _states(states, len(read))
        names = np.asarray(group_numbers(cells)[1])
        rows = []
        for state in self.models_:
            if state not in table:
                raise UnknownNameError.of("state", state, table)
            known = np.isfinite(table[state])
            y, p = table[state][known], read[state].to_numpy()[known]
            if len(y) == 0:
                continue
            low, high = read[f"{state}_low"].to_numpy()[known], read[f"{state}_high"].to_numpy()[known]
            within = None if strata is None else _taken(strata, known)
            weights = 1.0 / np.bincount(names[known])[names[known]]
            rows.append(
                {
                    "state": state,
                    "curves": len(y),
                    "cells": len(np.unique(names[known])),
                    "r2": r_squared(y, p),
                    "r2_within": None if within is None else _within(y, p, within),
                    "rmse": rmse(y, p),
                    "coverage": float(np.average((low <= y) & (y <= high), weights=weights)),
                    "inside": float(read[f"{state}_inside"].to_numpy()[known].mean()),
                }
            )
        if not rows:
            raise NotEnoughDataError("None of these curves has a state that the factors were trained on")
        return pl.DataFrame(rows, schema_overrides={"r2": pl.Float64, "r2_within": pl.Float64})

    def _inputs(self, scores: Array) -> Array:
        if self.degree == 1:
            return scores
        z = (scores - self.centre_) / self.scale_
        i, j = np.triu_indices(z.shape[1])
        return np.hstack([z, z[:, i] * z[:, j]])

    def _fit_one(
        self, state: str, X: Array, y: Array, numbers: Integers, strata: Sequence[object] | None
    ) -> dict[str, object]:
        numbers = group_numbers(numbers)[1]
        predicted, strange = np.empty_like(y), np.empty_like(y)
        for _, train, held in splits(group_folds(numbers, self.folds, self.seed)):
            model = Ridge(seed=self.seed).fit(X[train], y[train], numbers[train])
            predicted[held] = model.predict(X[held])
            spread = Spread().fit(model, X[train], y[train], numbers[train], seed=self.seed)
            strange[held] = np.abs(y[held] - predicted[held]) / spread.at(X[held])
        self._quantiles[state] = grouped_quantile(strange, numbers, self.level)
        self.models_[state] = Ridge(seed=self.seed).fit(X, y, numbers)
        self._spreads[state] = Spread().fit(self.models_[state], X, y, numbers, seed=self.seed)
        self._farthest[state] = float(self.models_[state].leverage(X).max())
        return {
            "curves": len(y),
            "cells": int(numbers.max()) + 1,
            "r2": r_squared(y, predicted),
            "r2_within": None if strata is None else _within(y, predicted, strata),
            "rmse": rmse(y, predicted),
            "spread": float(y.std()),
        }


def stability(home: Factors, away: Factors, scores: Array) -> pl.DataFrame:
    """Compare what two cohorts make of the same curves: ``state, agreement, bias, spread``, a row per state of both.

    *home* and *away* were trained on the scores of one map for their own cells; *scores*, (n, k), are curves to read.
    ``agreement`` is the correlation of the two readings (1: the state is the same direction in both cohorts), ``bias``
    the mean of away less home and ``spread`` the standard deviation of home's, in the state's unit. ``agreement`` is
    null where a reading is constant.
    """
    a, b = home.predict(scores), away.predict(scores)
    rows = []
    for state in home.models_:
        if state not in away.models_:
            continue
        x, y = a[state].to_numpy(), b[state].to_numpy()
        constant = not (x.std() > 0 and y.std() > 0)
        rows.append(
            {
                "state": state,
                "agreement": None if constant else float(np.corrcoef(x, y)[0, 1]),
                "bias": float((y - x).mean()),
                "spread": float(x.std()),
            }
        )
    if not rows:
        raise NotEnoughDataError("The two have no state in common", expected="factors of the same states")
    return pl.DataFrame(rows, schema_overrides={"agreement": pl.Float64})


def meaning(
    scores: Array, states: pl.DataFrame, cells: Sequence[str], *, folds: int = 10, seed: int = 0
) -> pl.DataFrame:
    """Say how much of each component the states explain: ``component, state, r, r2_alone, r2_all, r2_without``.

    ``r`` is the correlation over all curves; the others are R² on unseen cells, of a ridge regression on that state
    alone, on all of them, and on all but that one. States that age together explain the same: then ``r2_without`` is as
    high as ``r2_all``, and the component has no single cause. Only curves on which every state is known are used, and
    states that are constant there are left out.

    *scores* (n, k), *states* n rows, *cells* (n,). Raises `NotEnoughDataError` with fewer than 3 such curves of two
    cells, or where no state varies.
    """
    scores = matrix_of(scores, "the scores")
    table = _states(states, len(scores))
    known = np.all([np.isfinite(y) for y in table.values()], axis=0)
    numbers = group_numbers(_taken(cells, known))[1]
    varying = [name for name, y in table.items() if r_squared(y[known], y[known]) is not None] if known.any() else []
    if known.sum() < 3 or not varying or numbers.max() < 1:
        raise NotEnoughDataError(
            f"{int(known.sum())} curve(s) on which all of {len(table)} state(s) are known; {len(varying)} of them vary",
            expected="at least 3 curves of two cells, and a state that varies",
            advice="Leave out the states that are seldom known",
        )
    X = np.stack([table[name][known] for name in varying], axis=1)
    rows = []
    for k in range(scores.shape[1]):
        y = scores[known, k]
        whole = _unseen(X, y, numbers, folds, seed)
        for j, name in enumerate(varying):
            others = np.delete(X, j, axis=1)
            rows.append(
                {
                    "component": k + 1,
                    "state": name,
                    "r": float(np.corrcoef(X[:, j], y)[0, 1]) if y.std() > 0 else None,
                    "r2_alone": _unseen(X[:, [j]], y, numbers, folds, seed),
                    "r2_all": whole,
                    "r2_without": _unseen(others, y, numbers, folds, seed) if others.shape[1] else 0.0,
                }
            )
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(("r", "r2_alone", "r2_all", "r2_without"), pl.Float64))


def _unseen(X: Array, y: Array, numbers: Integers, folds: int, seed: int) -> float | None:
    predicted = np.empty_like(y)
    for _, train, held in splits(group_folds(numbers, folds, seed)):
        predicted[held] = Ridge(seed=seed).fit(X[train], y[train], numbers[train]).predict(X[held])
    return r_squared(y, predicted)


def _states(states: pl.DataFrame, rows: int) -> dict[str, Array]:
    if states.height != rows or not states.width:
        raise InputError(f"{rows} curves and states of shape {states.shape}", expected="a row of states per curve")
    wrong = [name for name, kind in states.schema.items() if not (kind.is_numeric() or kind == pl.Null)]
    if wrong:
        raise InputError(f"States that are no numbers: {', '.join(wrong)}", expected="numeric columns")
    return {name: states[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in states.columns}


def _unusable(y: Array, cells: int, level: float) -> str:
    """Return why a state cannot be learned, or nothing."""
    if cells < max(2, least_cells(level)):
        return f"known in {cells} cell(s), too few for an interval of {100 * level:g} % ({max(2, least_cells(level))})"
    if r_squared(y, y) is None:
        return "it is the same on every curve"
    return ""


def _taken(values: Sequence[object], rows: NDArray[np.bool_]) -> list[object]:
    return [value for value, keep in zip(values, rows, strict=True) if keep]


def _within(y: Array, predicted: Array, strata: Sequence[object]) -> float | None:
    """Return 1 − Σ(y − ŷ)²/Σ(y − ȳ_stratum)²; ``None`` where no stratum has a spread."""
    numbers = group_numbers(strata)[1]
    means = np.bincount(numbers, weights=y) / np.bincount(numbers)
    spread = float(((y - means[numbers]) ** 2).sum())
    if r_squared(y - means[numbers] + y.mean(), y) is None:
        return None
    return 1.0 - float(((y - predicted) ** 2).sum()) / spread


def _small(cells: int) -> Finding:
    return Finding(
        code="few-cells",
        severity=Severity.WARNING,
        message=f"{cells} cells: R² and intervals are themselves uncertain; a state that only a few cells had cannot "
        "be told from what else these cells share",
        advice=f"From about {FEW_CELLS} cells on the figures settle",
    )

"""Which fields of samples explain a figure: permutation importance on samples (or papers) that were left out.

A forest and a ridge regression predict the figure from the fields, always beside the naive baseline, the mean of the
other samples. Whole samples are left out: rows of one sample, and values of one paper, are no independent tests. Only
where a model beats the baseline, by a randomisation test over the samples, is anything said of the fields. Importance:
by how much the error on samples left out grows when a field is shuffled among the samples (Breiman, Mach. Learn. 45
(2001) 5, doi:10.1023/A:1010933404324). That also blames fields that go with the figure by chance, so that a field
counts only if the model is better for it: a ridge than ridges trained anew on the field shuffled (Altmann, Toloşi,
Sander & Lengauer, Bioinformatics 26 (2010) 1340, doi:10.1093/bioinformatics/btq134), a forest than one without it (Lei
et al., J. Am. Stat. Assoc. 113 (2018) 1094, doi:10.1080/01621459.2017.1307116). It says what these samples let a model
use, not what causes what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
import polars as pl

from lirich.errors import InputError, NotEnoughDataError, OptionalDependencyError, UnknownNameError
from lirich.learn.fields import Fields, encode
from lirich.learn.ridge import Ridge
from lirich.learn.validation import Array, Integers, group_folds, group_numbers, r_squared, splits
from lirich.model import Finding

FEW_SAMPLES = 20
"""Under so many samples it is said what cannot be told."""
LEAST_SAMPLES = 6
"""With 5 samples no randomisation test reaches 2.5 % (2⁻⁵ is 3.1 %), so that no model could ever beat the baseline."""

_ALPHA = 0.05
_TREES = 100
_LEAF = 2  # samples in a leaf of a tree: one alone would be learned by heart
_PLAIN = 0.05  # of skill that a forest must be ahead: a ridge is read more easily, and tested more sharply
_DRAWS = 9999
_REFITS = 199
_SHUFFLES = 20


class _Model(Protocol):
    def predict(self, X: Array) -> Any: ...


class Drivers:
    """What explains a figure of samples.

    Parameters
    ----------
    fields:
        Columns to explain it by.
    figure:
        The column to explain.
    groups:
        The column that says what belongs together: the sample of a cell, the paper of a value.

    Attributes
    ----------
    models_:
        A row per model, the naive baseline first: ``model, rmse, skill, p``. RMSE is of samples left out, each sample
        counting alike, in the figure's unit; skill is 1 − RMSE/RMSE of the baseline; p is of a randomisation test that
        the model is no better (null for the baseline).
    beats_baseline_:
        Whether a model does, at 5 % with both models corrected for.
    importances_:
        A row per field (or per fields that change together), largest first: ``field, rmse_increase, low, high, p,
        told``. The increase is that of shuffling, with its interval of 90 % over samples (bootstrap); ``p`` of the
        model being no better for the field; ``told`` says that it is better, at 5 % corrected for the number of
        fields, and the interval above 0. Empty where no model beats the baseline.
    findings_:
        What was left out and what cannot be told.
    """

    def __init__(self, figure: str, fields: Sequence[str], *, groups: str = "sample", seed: int = 0) -> None:
        self.figure = figure
        self.fields = fields
        self.groups = groups
        self.seed = seed

    def fit(self, table: pl.DataFrame) -> Self:
        """Explain the figure in *table*, a row per cell or value; rows without the figure or its group are passed over.

        Raises `UnknownNameError` on a column, `InputError` on what is no number or text, `NotEnoughDataError` with
        fewer than `LEAST_SAMPLES` samples, a figure that is the same everywhere, or no field that varies, and
        `OptionalDependencyError` without the extra ``[learn]``.
        """
        whole, y, names, numbers = self._taken_in(table)
        self.samples_ = names
        fields = encode(whole, list(dict.fromkeys(self.fields)), numbers)
        self.findings_: list[Finding] = list(fields.findings)
        if not fields.columns:
            raise NotEnoughDataError(
                f"None of {len(self.fields)} field(s) can explain {self.figure}: "
                + "; ".join(f.message for f in fields.findings),
                expected="a field in which samples differ",
            )
        if len(names) < FEW_SAMPLES:
            self.findings_.append(_small(self.figure, y, numbers))
        folds = group_folds(numbers, len(names) if len(names) <= FEW_SAMPLES else 10, self.seed)
        naive = _by_sample((y - _naive(y, numbers, folds)) ** 2, numbers)
        X = fields.matrix()
        rows: list[dict[str, object]] = [{"model": "mean of the others", "rmse": _root(naive), "skill": 0.0, "p": None}]
        best: tuple[float, str, list[_Model], Array] | None = None
        for kind in ("ridge", "forest"):
            models, predicted = self._cross(kind, X, y, numbers, folds)
            errors = _by_sample((y - predicted) ** 2, numbers)
            p = _randomised(naive - errors, self.seed)
            skill = 1.0 - _root(errors) / _root(naive)
            rows.append({"model": kind, "rmse": _root(errors), "skill": skill, "p": p})
            if p <= _ALPHA / 2 and (best is None or skill > best[0] + _PLAIN):
                best = (skill, kind, models, errors)
        self.models_ = pl.DataFrame(rows, schema_overrides={"p": pl.Float64})
        self.beats_baseline_ = best is not None
        if best is None:
            self.importances_ = pl.DataFrame(schema=_IMPORTANCES)
            self.findings_.append(_no_better(self.figure, len(names)))
        else:
            self.importances_ = self._importances(fields, y, numbers, folds, *best[1:])
        return self

    def _taken_in(self, table: pl.DataFrame) -> tuple[pl.DataFrame, Array, tuple[str, ...], Integers]:
        for name in (self.figure, self.groups, *self.fields):
            if name not in table.columns:
                raise UnknownNameError.of("column", name, table.columns)
        if not table.schema[self.figure].is_numeric():
            raise InputError(f"{self.figure} holds {table.schema[self.figure]}", expected="numbers")
        if not self.fields or self.figure in self.fields:
            raise InputError(f"{self.figure} explained by {list(self.fields)}", expected="one or more other columns")
        whole = table.filter(pl.col(self.figure).cast(pl.Float64).is_finite() & pl.col(self.groups).is_not_null())
        y = whole[self.figure].cast(pl.Float64).to_numpy()
        names, numbers = group_numbers(whole[self.groups].to_list())
        if len(names) < LEAST_SAMPLES:
            raise NotEnoughDataError(
                f"{len(names)} {self.groups}(s) with {self.figure}, in {len(y)} row(s)",
                expected=f"at least {LEAST_SAMPLES}",
                advice="More cells of one sample do not help: what explains a figure is tested on samples left out",
            )
        if r_squared(y, y) is None:
            raise NotEnoughDataError(f"{self.figure} is {y[0]:g} everywhere", expected="a figure that varies")
        return whole, y, names, numbers

    def _cross(self, kind: str, X: Array, y: Array, numbers: Integers, folds: Integers) -> tuple[list[_Model], Array]:
        models: list[_Model] = []
        predicted = np.empty_like(y)
        for _, train, held in splits(folds):
            model: _Model
            if kind == "forest":
                weights = 1.0 / np.bincount(numbers)[numbers[train]]
                model = _forest(self.seed).fit(X[train], y[train], sample_weight=weights)
            else:
                model = Ridge(seed=self.seed).fit(X[train], y[train], numbers[train])
            predicted[held] = model.predict(X[held])
            models.append(model)
        return models, predicted

    def _importances(
        self,
        fields: Fields,
        y: Array,
        numbers: Integers,
        folds: Integers,
        kind: str,
        models: list[_Model],
        errors: Array,
    ) -> pl.DataFrame:
        rng = np.random.default_rng(self.seed)
        chosen = rng.integers(0, len(errors), (_DRAWS, len(errors)))
        orders = [_shuffled(numbers, rng) for _ in range(_SHUFFLES)]
        rows = []
        for cluster in fields.clusters:
            shuffled = [fields.matrix({name: fields.columns[name][order] for name in cluster}) for order in orders]
            predicted = np.empty((_SHUFFLES, len(y)))
            for k, _, held in splits(folds):
                predicted[:, held] = models[k].predict(np.vstack([X[held] for X in shuffled])).reshape(_SHUFFLES, -1)
            grown = np.mean([_by_sample((y - each) ** 2, numbers) for each in predicted], axis=0)
            drawn = np.sqrt(grown[chosen].mean(axis=1)) - np.sqrt(errors[chosen].mean(axis=1))
            low, high = (float(q) for q in np.quantile(drawn, [0.05, 0.95]))
            if kind == "ridge":
                p = self._p_of_refits(cluster, fields, y, numbers, folds, models, errors, rng)
            else:
                p = _randomised(self._errors_without(cluster, fields, y, numbers, folds) - errors, self.seed)
            rows.append(
                {
                    "field": " + ".join(cluster),
                    "rmse_increase": _root(grown) - _root(errors),
                    "low": low,
                    "high": high,
                    "p": p,
                    "told": low > 0.0 and p <= _ALPHA / len(fields.clusters),
                }
            )
        return pl.DataFrame(rows, schema=_IMPORTANCES).sort("rmse_increase", descending=True)

    def _p_of_refits(
        self,
        cluster: tuple[str, ...],
        fields: Fields,
        y: Array,
        numbers: Integers,
        folds: Integers,
        models: list[_Model],
        errors: Array,
        rng: np.random.Generator,
    ) -> float:
        """Return the share of ridges, trained on the fields of *cluster* shuffled, that are as good as the true one."""
        as_good = 1
        for _ in range(_REFITS):
            order = _shuffled(numbers, rng)
            X = fields.matrix({name: fields.columns[name][order] for name in cluster})
            predicted = np.empty_like(y)
            for k, train, held in splits(folds):
                penalty = models[k].penalty_  # type: ignore[attr-defined]
                predicted[held] = Ridge([penalty]).fit(X[train], y[train]).predict(X[held])
            as_good += _by_sample((y - predicted) ** 2, numbers).mean() <= errors.mean()
        return as_good / (_REFITS + 1)

    def _errors_without(
        self, cluster: tuple[str, ...], fields: Fields, y: Array, numbers: Integers, folds: Integers
    ) -> Array:
        """Return the squared error on each sample left out, by forests that never saw the fields of *cluster*."""
        kept = [columns for name, columns in fields.columns.items() if name not in cluster]
        predicted = self._cross("forest", np.hstack(kept), y, numbers, folds)[1] if kept else _naive(y, numbers, folds)
        return _by_sample((y - predicted) ** 2, numbers)


_IMPORTANCES: dict[str, Any] = {
    "field": pl.String,
    "rmse_increase": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "told": pl.Boolean,
}


def _forest(seed: int) -> Any:
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError as error:
        raise OptionalDependencyError.of("What explains a figure (drivers)", "learn") from error
    return RandomForestRegressor(_TREES, min_samples_leaf=_LEAF, max_features=1 / 3, random_state=seed)


def _by_sample(squares: Array, numbers: Integers) -> Array:
    """Return the mean of the squares in each sample, (samples,)."""
    return np.asarray(np.bincount(numbers, weights=squares) / np.bincount(numbers), dtype=np.float64)


def _naive(y: Array, numbers: Integers, folds: Integers) -> Array:
    """Return of each row the mean of the samples of the other folds, (rows,)."""
    baseline = np.empty_like(y)
    for _, train, held in splits(folds):
        baseline[held] = _by_sample(y[train], group_numbers(numbers[train])[1]).mean()
    return baseline


def _root(squares: Array) -> float:
    return float(np.sqrt(squares.mean()))


def _randomised(gains: Array, seed: int) -> float:
    """Return p that the mean gain over samples, (n,), is no larger than 0: signs at random, exact up to 13 samples."""
    n = len(gains)
    observed = gains.sum()
    if 2**n <= _DRAWS + 1:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((signs @ gains >= observed - 1e-12 * np.abs(gains).sum()).mean())
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(_DRAWS, n))
    return float((1.0 + (signs @ gains >= observed).sum()) / (_DRAWS + 1.0))


def _shuffled(numbers: Integers, rng: np.random.Generator) -> Integers:
    """Return of each row the row that its field is taken from: another sample's, at random, and a row of it."""
    count = int(numbers.max()) + 1
    rows = [np.flatnonzero(numbers == g) for g in range(count)]
    other = rng.permutation(count)
    return np.array([rng.choice(rows[other[g]]) for g in numbers], dtype=np.int64)


def _small(figure: str, y: Array, numbers: Integers) -> Finding:
    means = _by_sample(y, numbers)
    # two halves of n samples, 5 % two-sided and a power of 80 %: Δ = (1.96 + 0.84)·s·√(4/n)
    seen = 2.8 * float(means.std(ddof=1)) * float(np.sqrt(4.0 / len(means)))
    return Finding(
        code="few-samples",
        message=f"{len(means)} samples: between two halves of them a difference in {figure} under about {seen:.3g} is "
        "not to be seen, effects of two fields together cannot be told from each other, and a level that only one or "
        "two samples have says nothing",
        advice=f"From about {FEW_SAMPLES} samples on, with each level in several",
    )


def _no_better(figure: str, samples: int) -> Finding:
    return Finding(
        code="no-better-than-the-mean",
        message=f"No model of these fields predicts {figure} of a sample left out better than the mean of the others "
        f"does ({samples} samples): nothing is said of the fields",
        advice="It does not mean that they have no effect; these samples do not show it",
    )

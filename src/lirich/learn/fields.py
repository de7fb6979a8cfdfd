"""Fields of samples as columns of numbers: numeric as they are, texts by level, missing as a level of its own.

Fields that (nearly) determine each other are found here too: what one explains, the other does as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lirich.errors import InputError
from lirich.learn.validation import Array, Integers, group_numbers
from lirich.model import Finding, Severity

NOT_GIVEN = "not given"
"""The level of a text that is not given: a lab that leaves a field empty often means something by it."""

SAME = 0.95
"""Association from which two fields are taken as one: correlation of ranks, or the share √η² of one that the levels of
the other explain. A convention: 1 is one field under two names."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Encoded fields: ``columns[name]`` are its columns, (rows, c); ``findings`` say what was left out."""

    columns: dict[str, Array]
    clusters: tuple[tuple[str, ...], ...]
    findings: tuple[Finding, ...]

    def matrix(self, replaced: dict[str, Array] | None = None) -> Array:
        """Return all columns side by side, (rows, p), with those of some fields *replaced*."""
        columns = self.columns if replaced is None else {**self.columns, **replaced}
        return np.hstack([columns[name] for name in self.columns])


def encode(table: pl.DataFrame, names: list[str], groups: Integers) -> Fields:
    """Encode the fields *names* of *table*; *groups* are the numbers of the samples, (rows,).

    Left out are fields with one level, and texts of which every sample has its own (names of samples). Raises
    `InputError` on a field that is neither number, truth value nor text.
    """
    columns: dict[str, Array] = {}
    findings: list[Finding] = []
    count = int(groups.max()) + 1
    for name in names:
        series = table[name]
        numeric = series.dtype.is_numeric() or series.dtype == pl.Boolean
        if not (numeric or series.dtype in (pl.String, pl.Categorical, pl.Null)):
            raise InputError(f"The field {name} holds {series.dtype}", expected="numbers, truth values or texts")
        text = [NOT_GIVEN if v is None or v == "" else str(v) for v in series.to_list()]
        levels, of_row = group_numbers(text)
        if len(levels) == 1:
            findings.append(_left_out(name, f"it is {levels[0]} everywhere", "one-level"))
            continue
        samples_of = {level: set(groups[of_row == i].tolist()) for i, level in enumerate(levels)}
        if not numeric and count > 2 and all(len(s) == 1 for s in samples_of.values()):
            findings.append(_left_out(name, "every sample has a level of its own", "own-level"))
            continue
        single = [level for level, samples in samples_of.items() if len(samples) == 1 and level != NOT_GIVEN]
        if single and not numeric:
            findings.append(
                Finding(
                    code="single-sample-level",
                    message=f"{name}: {', '.join(single)} in one sample only: nothing of it can be tested on another",
                    where=name,
                )
            )
        columns[name] = _numbers(series) if numeric else (of_row[:, None] == np.arange(len(levels))).astype(np.float64)
    return Fields(columns, _clusters(columns, groups, findings), tuple(findings))


def _numbers(series: pl.Series) -> Array:
    """Return the number, its median where it is missing, and then a column that says so; (rows, 1 or 2)."""
    values = series.cast(pl.Float64).fill_nan(None).to_numpy().astype(np.float64)
    missing = ~np.isfinite(values)
    if not missing.any():
        return values[:, None]
    middle = float(np.median(values[~missing])) if (~missing).any() else 0.0
    return np.stack([np.where(missing, middle, values), missing.astype(np.float64)], axis=1)


def _clusters(columns: dict[str, Array], groups: Integers, findings: list[Finding]) -> tuple[tuple[str, ...], ...]:
    """Join the fields that are the same by `SAME`, by their values in each sample."""
    names = list(columns)
    sizes = np.bincount(groups)
    means = {}
    for name, values in columns.items():
        total = np.zeros((len(sizes), values.shape[1]))
        np.add.at(total, groups, values)
        means[name] = total / sizes[:, None]
    cluster = {name: i for i, name in enumerate(names)}
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if cluster[a] != cluster[b] and max(_explained(means[a], means[b]), _explained(means[b], means[a])) >= SAME:
                old, new = cluster[b], cluster[a]
                cluster = {name: new if c == old else c for name, c in cluster.items()}
    joined = tuple(tuple(n for n in names if cluster[n] == c) for c in dict.fromkeys(cluster.values()))
    findings += [
        Finding(
            code="fields-confounded",
            message=f"{' and '.join(fields)} change together from sample to sample: what one explains, the other does "
            "as well, and they are judged as one",
            advice="Make a sample in which only one of them differs",
        )
        for fields in joined
        if len(fields) > 1
    ]
    return joined


def _explained(a: Array, b: Array) -> float:
    """Return how much of *b* a linear function of *a* explains over the samples, √R², with the ranks of numbers."""
    x, y = _ranked(a), _ranked(b)
    spread = float(((y - y.mean(axis=0)) ** 2).sum())
    if spread == 0.0 or x.shape[1] + 1 >= len(x):
        return 0.0
    design = np.hstack([np.ones((len(x), 1)), x])
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    # corrected for the columns, or many levels would explain everything
    share = 1.0 - float((left**2).sum()) / spread * (len(x) - 1) / (len(x) - np.linalg.matrix_rank(design))
    return float(np.sqrt(max(share, 0.0)))


def _ranked(values: Array) -> Array:
    if values.shape[1] > 1 or len(np.unique(values)) <= 2:
        return values
    _, ranks = np.unique(values[:, 0], return_inverse=True)
    return np.asarray(ranks, dtype=np.float64)[:, None]


def _left_out(name: str, why: str, code: str) -> Finding:
    return Finding(code=code, severity=Severity.INFO, message=f"{name} is left out: {why}", where=name)

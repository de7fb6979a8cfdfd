"""Curves and cells that are unlike the others, with a stated rate of false alarms.

Every cell is compared with what curves usually look like at its cycles (`lirich.learn.usual`): in level, scale, course
and shape, and by a jump from one curve to the next. How much is too much is not a matter of formulas but of cells: each
training cell is judged by a model that had not seen it, and a new cell's p value is its rank among them
(cross-conformal: Vovk, Ann. Math. Artif. Intell. 74 (2015) 9, doi:10.1007/s10472-013-9368-4). Of sound cells made and
tested like those of the training, a share of *rate* is flagged, no more; cells of another batch, material or programme
are unlike, and rightly flagged more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.conformal import check_level, grouped_p_values, least_cells
from lirich.learn.usual import WAYS, WAYS_OF_CELLS, Usual
from lirich.learn.validation import Array, Integers, group_folds, group_numbers, matrix_of, splits
from lirich.model import Finding, Severity

COMPONENTS = 16
"""Components that the curves are described by. On simulated cells, charge and discharge side by side, a mass wrong by
10 % was found in 99 % of the cells with 16, in 81 to 86 % with 8 (docs/explanation/learn-states.md)."""


_RATHER_SCALE = 1.25


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found strange.

    ``cells`` has a row per cell, strangest first: ``cell, p, flagged, way, cycle, scale, curves``: how it is strange
    (`lirich.learn.usual.WAYS_OF_CELLS`), for shape and jump at which cycle most, and the factor on a usual curve that
    comes nearest to its curves. ``curves`` has a row per curve in the order given: ``cell, cycle, p, flagged,
    way``. ``findings`` say what was not judged.
    """

    cells: pl.DataFrame
    curves: pl.DataFrame
    findings: tuple[Finding, ...] = ()


class Outliers:
    """Detection of cells and curves that are unlike those of a training set.

    Parameters
    ----------
    rate:
        Share of sound cells (and, of a random curve of a sound cell, of curves) that may be flagged.
    components:
        Principal components that describe the curves.
    folds:
        Groups of cells that are judged by a model of the others.

    Attributes
    ----------
    cells_:
        The training cells, in the order of their first curve.
    strange_:
        How strange each training cell was to a model without it, (cells,).
    trained_:
        The training cells themselves, judged so, as in ``Judgement.cells``: p is the rank among them, 1/cells for the
        strangest. It is what there is where nobody knows which cells are sound.
    models_:
        The model of each fold.
    findings_:
        What was noticed of the training set.
    """

    def __init__(self, *, rate: float = 0.05, components: int = COMPONENTS, folds: int = 10, seed: int = 0) -> None:
        self.rate = rate
        self.components = components
        self.folds = folds
        self.seed = seed

    def fit(
        self,
        curves: Array,
        cells: Sequence[str],
        cycles: Sequence[int] | Array,
        strata: Sequence[str] | None = None,
    ) -> Self:
        """Learn from sound cells what is usual.

        Parameters
        ----------
        curves:
            Shape (n, m), mAh/g or another unit, under like conditions: a direction, or charge and discharge side by
            side (then a leak shows, which stretches one and shortens the other).
        cells, cycles:
            Of each curve, (n,).
        strata:
            What a cell is known to be like (``SC``, ``PC``), (n,): each has its own usual course.

        A few unsound cells in the training make the detection blunter, not wrong. Raises `InputError` on shapes or
        missing points, `NotEnoughDataError` with too few cells for the rate (19 for 5 %) or curves all alike.
        """
        check_level(self.rate)
        curves, numbers, at, self.cells_ = _taken_in(curves, cells, cycles)
        self._strata, of_row = group_numbers(["" for _ in at] if strata is None else strata)
        self._stratified = strata is not None
        if len(of_row) != len(at):
            raise InputError(f"{len(at)} curves and {len(of_row)} strata", expected="one for each curve")
        least = least_cells(1.0 - self.rate)
        if len(self.cells_) < least:
            raise NotEnoughDataError(
                f"{len(self.cells_)} cell(s) to learn from for a false-alarm rate of {100 * self.rate:g} %",
                expected=f"at least {least}",
                advice="Allow a higher rate, or take more cells",
            )
        self.first_cycle_, self.last_cycle_ = float(at.min()), float(at.max())
        fold = group_folds(numbers, self.folds, self.seed)
        of_rows, of_cells = np.empty((len(at), len(WAYS))), np.empty((len(self.cells_), len(WAYS_OF_CELLS)))
        where, scale = np.empty((len(self.cells_), 2)), np.empty(len(self.cells_))
        self.models_: list[Usual] = []
        for _, train, held in splits(fold):
            missing = set(of_row[held].tolist()) - set(of_row[train].tolist())
            if missing:
                raise NotEnoughDataError(
                    f"Too few cells of {', '.join(self._strata[i] for i in sorted(missing))}",
                    expected="at least two cells of each stratum",
                    advice="Leave the stratum out, or join it with another",
                )
            model = Usual(self.components).fit(curves[train], numbers[train], at[train], of_row[train])
            of_rows[held] = model.unlike(curves[held], numbers[held], at[held], of_row[held])
            found = model.unlike_cells(curves[held], group_numbers(numbers[held])[1], at[held], of_row[held])
            mine = list(dict.fromkeys(numbers[held].tolist()))
            of_cells[mine], where[mine], scale[mine] = found.ways, found.where, found.scale
            self.models_.append(model)
        self._of_cells, self._of_rows = _Ruler(of_cells), _Ruler(of_rows)
        lengths = self._of_cells.lengths(of_cells)
        self.strange_ = lengths.max(axis=1)
        above = len(self.strange_) - np.searchsorted(np.sort(self.strange_), self.strange_, side="left")
        self.trained_ = _by_cell(
            self.cells_, above / len(self.strange_), self.rate, lengths, where, scale, np.bincount(numbers)
        )
        self._strange_rows = self._of_rows.lengths(of_rows).max(axis=1)
        self._row_cells = numbers
        self._fold_of_row = fold
        first_rows = np.array([np.flatnonzero(numbers == c)[0] for c in range(len(self.cells_))])
        self._fold_of_cell = fold[first_rows]
        self._most_curves = int(np.bincount(numbers).max())
        self.findings_ = few_cells(len(self.cells_), self.rate, among=False)
        return self

    def judge(
        self,
        curves: Array,
        cells: Sequence[str],
        cycles: Sequence[int] | Array,
        strata: Sequence[str] | None = None,
    ) -> Judgement:
        """Judge other cells (the training cells themselves are in ``trained_``); arguments as of `fit`.

        Curves at cycles outside those of the training are not judged. Raises `UnknownNameError` on a stratum that the
        training had not, `InputError` on shapes, `NotEnoughDataError` where no curve can be judged.
        """
        curves, _, at, _ = _taken_in(curves, cells, cycles)
        if curves.shape[1] <= int(self.models_[0].columns_[-1]):
            raise InputError(f"Curves of {curves.shape[1]} points", expected="those of the training, on the same grid")
        inside = (at >= self.first_cycle_) & (at <= self.last_cycle_)
        if not inside.any():
            raise NotEnoughDataError(
                f"No curve between cycle {self.first_cycle_:g} and {self.last_cycle_:g}, which the training had"
            )
        kept = [name for name, here in zip(cells, inside, strict=True) if here]
        names, numbers = group_numbers(kept)
        of_row = self._numbered(strata, inside)
        inner, at = curves[inside], at[inside]
        above_cells, above_rows = np.zeros(len(names)), np.zeros(len(at))
        scale = np.zeros(len(names))
        told, told_rows = np.zeros((len(names), len(WAYS_OF_CELLS))), np.zeros((len(at), len(WAYS)))
        for k, model in enumerate(self.models_):
            found = model.unlike_cells(inner, numbers, at, of_row)
            lengths = self._of_cells.lengths(found.ways)
            scale += found.scale / len(self.models_)
            lengths_rows = self._of_rows.lengths(model.unlike(inner, numbers, at, of_row))
            mine = self.strange_[self._fold_of_cell == k]
            above_cells += (mine[None, :] >= lengths.max(axis=1)[:, None]).sum(axis=1)
            rows = self._fold_of_row == k
            local = group_numbers(self._row_cells[rows])[1]
            shares = grouped_p_values(self._strange_rows[rows], local, lengths_rows.max(axis=1))
            above_rows += shares * (len(mine) + 1.0) - 1.0
            told += lengths / len(self.models_)
            told_rows += lengths_rows / len(self.models_)
        total = len(self.cells_) + 1.0
        p_cells, p_rows = (1.0 + above_cells) / total, (1.0 + above_rows) / total
        way_rows = np.argmax(told_rows, axis=1)
        by_cell = _by_cell(names, p_cells, self.rate, told, found.where, scale, np.bincount(numbers))
        by_curve = pl.DataFrame(
            {
                "cell": kept,
                "cycle": at.astype(np.int64),
                "p": p_rows,
                "flagged": p_rows <= self.rate,
                "way": [WAYS[w] for w in way_rows],
            }
        )
        return Judgement(by_cell, by_curve, (*self.findings_, *self._noticed(int((~inside).sum()), by_cell)))

    def _numbered(self, strata: Sequence[str] | None, inside: NDArray[np.bool_]) -> Integers:
        if (strata is not None) != self._stratified:
            raise InputError(
                "Strata in the one and none in the other", expected="strata for training and judgement, or for neither"
            )
        known = {name: i for i, name in enumerate(self._strata)}
        given = ["" for _ in inside] if strata is None else [str(s) for s in strata]
        for name in given:
            if name not in known:
                raise UnknownNameError.of("stratum", name, known)
        return np.array([known[name] for name, here in zip(given, inside, strict=True) if here], dtype=np.int64)

    def _noticed(self, outside: int, cells: pl.DataFrame) -> list[Finding]:
        found = []
        if outside:
            found.append(
                Finding(
                    code="not-judged",
                    severity=Severity.INFO,
                    message=f"{outside} curve(s) outside the cycles {self.first_cycle_:g} to {self.last_cycle_:g} of "
                    "the training were not judged",
                )
            )
        longer = cells.filter(pl.col("curves") > 1.1 * self._most_curves)["cell"].to_list()
        if longer:
            found.append(
                Finding(
                    code="more-curves",
                    message=f"More curves than any training cell ({self._most_curves}) have {', '.join(longer)}: the "
                    "more curves, the stranger is the strangest; they may be flagged more often than stated",
                )
            )
        return found


class _Ruler:
    """Puts the ways to be strange on one scale: distance from the median in units of the median distance."""

    def __init__(self, unlike: Array) -> None:
        self._middle = np.median(unlike, axis=0)
        width = np.median(np.abs(unlike - self._middle), axis=0)
        self._width = np.where(width > 0, width, 1.0)

    def lengths(self, unlike: Array) -> Array:
        """Return each on that scale, in the shape given."""
        return np.asarray((unlike - self._middle) / self._width, dtype=np.float64)


def _taken_in(
    curves: Array, cells: Sequence[str], cycles: Sequence[int] | Array
) -> tuple[Array, Integers, Array, tuple[str, ...]]:
    curves = matrix_of(curves, "the curves")
    at = np.asarray(cycles, dtype=np.float64)
    names, numbers = group_numbers(cells)
    if not len(curves) == len(numbers) == len(at) or not np.isfinite(at).all():
        raise InputError(
            f"{len(curves)} curves, {len(numbers)} names of cells and {len(at)} cycles",
            expected="a name and a cycle for each curve",
        )
    return curves, numbers, at, names


def _by_cell(
    names: Sequence[str], p: Array, rate: float, lengths: Array, where: Array, scale: Array, curves: Integers
) -> pl.DataFrame:
    """Return the table of cells of a `Judgement`."""
    # a scale is a level too: where it is nearly as strange, one factor explains the level, and is the better word
    named = lengths * np.where(np.array(WAYS_OF_CELLS) == "scale", _RATHER_SCALE, 1.0)
    way = np.argmax(named, axis=1)
    first = WAYS_OF_CELLS.index("shape")  # shape and jump have a cycle; the others are of the whole cell
    return pl.DataFrame(
        {
            "cell": list(names),
            "p": p,
            "flagged": p <= rate,
            "way": [WAYS_OF_CELLS[w] for w in way],
            "cycle": pl.Series(
                [int(where[c, w - first]) if w >= first else None for c, w in enumerate(way)], dtype=pl.Int64
            ),
            "scale": scale,
            "curves": curves,
        }
    ).sort("p", maintain_order=True)


def few_cells(cells: int, rate: float, *, among: bool) -> list[Finding]:
    """Say where so few *cells* give p values that hardly more than the strangest of all can be flagged.

    The smallest p value is 1/(cells + 1) of a cell that is judged by them, 1/cells *among* them.
    """
    smallest = cells if among else cells + 1
    if smallest * rate >= 2:
        return []
    others = "others" if among else "cells"
    return [
        Finding(
            code="few-cells",
            message=f"{cells} cells: the smallest p value is 1/{smallest}, so that a cell is flagged only if it is "
            f"stranger than every one of the {others}",
        )
    ]

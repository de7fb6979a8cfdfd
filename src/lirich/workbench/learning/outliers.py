"""Cells of a workspace that are unlike the others: each among all, or judged by sound ones or a kept detector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.conformal import least_cells
from lirich.learn.matrix import Array
from lirich.learn.outliers import Outliers, few_cells
from lirich.learn.paired import side_by_side
from lirich.model import Finding, Scalar, Severity
from lirich.workbench.learning.curvematrix import ANCHOR_GRID, DEFAULT_POINTS, curve_matrix
from lirich.workbench.learning.models import curve_hashes, keep_model, load_model
from lirich.workbench.learning.shown import Shown
from lirich.workbench.learning.tables import ageing_cycles, morphologies, one_origin

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class OutliersResult(Shown):
    """Which cells are unlike the others: see `lirich.learn.outliers.Judgement` for ``cells`` and ``curves``.

    ``curves`` is ``None`` where every cell was judged by models of the others. ``origin`` is that of the judged cells,
    which are all of one.
    """

    origin: str
    rate: float
    cells: pl.DataFrame
    curves: pl.DataFrame | None
    learned_from: tuple[str, ...]
    findings: tuple[Finding, ...]
    model: Outliers

    @property
    def figures(self) -> list[Figure]:
        """The p value of each cell with the threshold."""
        from lirich.workbench.learning.figures import outlier_figures

        return outlier_figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        flagged = None if self.curves is None else self.curves.filter(pl.col("flagged")).to_dicts()
        return {
            "false_alarms": self.rate,
            "origin": self.origin,
            "learned_from": list(self.learned_from),
            "cells": self.cells.to_dicts(),
            "flagged_curves": flagged,
            "findings": [f.model_dump(mode="json", exclude_defaults=True) for f in self.findings],
        }


def outliers(
    workspace: Workspace,
    *,
    false_alarms: float = 0.05,
    sound: Iterable[str] | None = None,
    model: str | None = None,
    name: str | None = None,
    cells: str | Iterable[str] | None = None,
    by_morphology: bool = True,
    seed: int = 0,
    **options: Any,
) -> OutliersResult:
    """Ask which cells are unlike the others in charge and discharge over their settled ageing cycles.

    Without *sound* every cell is judged by models of the others; with it, all other cells by models of these; with a
    *model*, a detector that was kept before, all that it was not trained on. *name* keeps the detector. *options* are
    those of `lirich.workbench.learning.curvematrix.curve_set` (``grid``, ``executor``).

    Raises `NotEnoughDataError` with too few cells for the rate (for 5 % 19 sound ones, or 20 that are judged among each
    other), `UnknownNameError` on a cell or model, and `InputError` where cells are measured and simulated, or for
    *sound* cells beside a model. A model that was learned from cells of another origin is a finding ``other-origin``.
    """
    if sound is not None and model is not None:
        raise InputError("A model and sound cells to learn from", expected="one of the two")
    wanted = workspace.store.named(cells)
    detector: Outliers | None = None
    if model is not None:
        detector = load_model(workspace, model, ("outliers",))
        trained = set(workspace.store.models.record(model).trained_on)
        asked = len(wanted)
        wanted = [c for c in wanted if not trained & set(curve_hashes(workspace, pl.DataFrame({"cell": [c]})))]
        if not wanted:
            raise NotEnoughDataError(
                f"The model {model!r} was trained on every one of {asked} cell(s)",
                expected="cells that it has not seen",
            )
        if len(detector.cells_) < least_cells(1.0 - false_alarms):
            raise NotEnoughDataError(
                f"The model {model!r} was learned from {len(detector.cells_)} cell(s), too few for a false-alarm rate "
                f"of {100 * false_alarms:g} %",
                expected=f"at least {least_cells(1.0 - false_alarms)} cells, or a rate of "
                f"{100 / (len(detector.cells_) + 1):.2g} % or more",
                advice="Allow a higher rate (--false-alarms), or learn a detector from more sound cells",
            )
        detector.rate = false_alarms  # p values do not depend on it
        options = {**options, "grid": _own_grid(workspace, model, options.get("grid"))}
    learned = None if sound is None else set(workspace.store.named(sound))
    rows = _Rows.of(workspace, wanted, by_morphology, options)
    found = _judged(rows, false_alarms, learned, detector, seed)
    if model is not None:
        learned_from = str(workspace.store.models.record(model).parameters.get("origin", ""))
        if learned_from != rows.origin:
            found = replace(found, findings=(_other_origin(model, learned_from, rows.origin), *found.findings))
    missing = [c for c in wanted if c not in set(rows.cells)]
    if missing:
        found = replace(found, findings=(*found.findings, _not_judged(missing)))
    if name is not None and model is None:
        keys = pl.DataFrame({"cell": list(found.learned_from)})
        grid = rows.grid
        told: dict[str, Scalar] = {
            "origin": rows.origin, "cells": len(keys), "false_alarms": false_alarms, "grid_low": float(grid[0]),
            "grid_high": float(grid[-1]), "grid_points": len(grid),
        }  # fmt: skip
        found = replace(found, findings=(*found.findings, *keep_model(workspace, name, found.model, keys, told)))
    return found


def _own_grid(workspace: Workspace, model: str, asked: Array | None) -> Array:
    """Return the grid of the detector *model*. Raises `InputError` where another is asked for."""
    told = workspace.store.models.record(model).parameters
    ends = zip(("grid_low", "grid_high"), ANCHOR_GRID[:2], strict=True)
    low, high = (float(told.get(name, usual)) for name, usual in ends)
    own = np.linspace(low, high, int(told.get("grid_points", DEFAULT_POINTS)))
    if asked is not None and not np.array_equal(asked, own):
        raise InputError(
            f"A grid from {asked[0]:g} to {asked[-1]:g} V for the model {model!r}",
            expected=f"its own: {len(own)} points from {low:g} to {high:g} V",
            advice="Leave the grid out: curves are put on that of the model",
        )
    return own


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Charge and discharge of settled ageing cycles side by side, (n, m), with cell, cycle and stratum of each."""

    values: np.ndarray[Any, np.dtype[np.float64]]
    cells: list[str]
    cycles: list[int]
    strata: list[str]
    grid: Array
    origin: str

    @classmethod
    def of(cls, workspace: Workspace, wanted: Sequence[str], by_morphology: bool, options: dict[str, Any]) -> _Rows:
        charge = curve_matrix(workspace, direction="charge", cells=wanted, **options)
        both = side_by_side(charge, curve_matrix(workspace, direction="discharge", cells=wanted, **options))
        on = ["cell", "run", "cycle"]
        settled = ageing_cycles(workspace, (), dict.fromkeys(both.cells)).select(*on, "origin")
        kept = both.keys.select(on).with_row_index("row").join(settled, on=on, how="inner", maintain_order="left")
        origin = one_origin(kept["origin"].unique().to_list())
        cells = kept["cell"].to_list()
        strata = morphologies(workspace, cells) if by_morphology else [""] * len(cells)
        return cls(both.values[kept["row"].to_numpy()], cells, kept["cycle"].to_list(), strata, charge.grid, origin)

    def take(self, rows: Sequence[bool]) -> tuple[Any, ...]:
        """Return the arguments of `Outliers.fit` and `Outliers.judge` of some rows."""
        return self.values[np.array(rows, dtype=np.bool_)], *(
            list(compress(each, rows)) for each in (self.cells, self.cycles, self.strata)
        )


def _judged(rows: _Rows, rate: float, learned: set[str] | None, detector: Outliers | None, seed: int) -> OutliersResult:
    if detector is not None:
        own = [False] * len(rows.cells)
        names = detector.cells_
    else:
        own = [learned is None or cell in learned for cell in rows.cells]
        names = tuple(dict.fromkeys(compress(rows.cells, own)))
        if learned is None and len(names) * rate < 1.0 - 1e-9:
            raise NotEnoughDataError(
                f"{len(names)} cell(s) to be judged among each other at a false-alarm rate of {100 * rate:g} %",
                expected=f"at least {int(np.ceil(1.0 / rate - 1e-9))}: the strangest of n cells has a p value of 1/n",
                advice="Allow a higher rate, or take more cells",
            )
        detector = Outliers(rate=rate, seed=seed).fit(*rows.take(own))
        if learned is None:
            few = few_cells(len(names), rate, among=True)
            return OutliersResult(rows.origin, rate, detector.trained_, None, names, tuple(few), detector)
    found = detector.judge(*rows.take([not each for each in own]))
    return OutliersResult(rows.origin, rate, found.cells, found.curves, names, tuple(found.findings), detector)


def _other_origin(model: str, learned_from: str, judged: str) -> Finding:
    """Say that cells are judged by those of another origin."""
    return Finding(
        code="other-origin",
        severity=Severity.WARNING,
        message=f"The cells are {judged}, and the model {model!r} was learned from "
        f"{learned_from or 'cells of unknown origin'}{' cells' if learned_from else ''}: that a cell is unlike these "
        "says nothing of it, and the false-alarm rate does not hold",
        advice="Learn a detector from sound cells of the same origin (--sound, --save)",
    )


def _not_judged(cells: Sequence[str]) -> Finding:
    return Finding(
        code="not-judged",
        message=f"Not judged, for they have no whole curves of settled ageing cycles: {', '.join(cells)}",
        advice="Look at their cycles: other limits or currents than those of the ageing may be the fault itself",
    )

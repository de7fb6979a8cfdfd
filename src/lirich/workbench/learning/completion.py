"""Complete a curve of a cell from a window of it: learned from the other cells, or by a model that is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.completion import Completion
from lirich.learn.conformal import check_level, need_cells_for
from lirich.learn.matrix import UNITS, Array, CurveMatrix
from lirich.learn.posterior import LEAST_POINTS, CurveModel, least_squares, roughness
from lirich.learn.statemap import StateMap
from lirich.learn.strangeness import impossible, strangeness_of_held, too_strange
from lirich.model import Finding
from lirich.workbench.learning.completion_findings import (
    UNCALIBRATED,
    Trained,
    few_cells,
    other_origin,
    seen,
    uncalibrated,
    unlike_conditions,
)
from lirich.workbench.learning.curvematrix import curve_matrix
from lirich.workbench.learning.models import MAPS, keep_model, load_model, seen_in_training
from lirich.workbench.learning.shown import Shown

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.views import CellView
    from lirich.workbench.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class CompletionResult(Shown):
    """One curve, completed.

    Arrays have shape (m,): ``grid``, ``observed`` (the window), ``curve`` with its band ``low`` … ``high``, and
    ``truth``, the curve as it was recorded (NaN where it was not). ``rmse`` is against the truth, over the whole curve;
    ``rmse_recipe`` is that of the anchor's plain least squares on 7 components; ``inside`` the share of the truth off
    the window that lies in the band. All three are ``None`` where no truth is there. ``error_map`` is that of
    `lirich.learn.Completion.error_map`.
    """

    cell: str
    cycle: int
    origin: str
    model: Completion | StateMap
    grid: Array
    observed: NDArray[np.bool_]
    curve: Array
    low: Array
    high: Array
    truth: Array
    level: float
    doubt: float
    refused: str
    rmse: float | None
    rmse_recipe: float | None
    inside: float | None
    error_map: pl.DataFrame | None
    findings: tuple[Finding, ...]

    @property
    def unit(self) -> str:
        """Unit of the curve."""
        return UNITS[self.map_.kind_][0]

    @property
    def along_unit(self) -> str:
        """Unit of the grid."""
        return UNITS[self.map_.kind_][1]

    @property
    def trained_cells(self) -> tuple[str, ...]:
        """The cells that it was learned from; none for a map."""
        held = self.model.held_ if isinstance(self.model, Completion) else ()
        return tuple(sorted({cell for part in held for cell in part.keys["cell"].to_list()}))

    @property
    def map_(self) -> StateMap:
        """The map that the curve was completed by."""
        return self.model if isinstance(self.model, StateMap) else self.model.map_

    @property
    def calibrated(self) -> bool:
        """Whether the coverage of the band was checked, on cells and curves made like this one."""
        return isinstance(self.model, Completion) and not any(f.code in UNCALIBRATED for f in self.findings)

    @property
    def cells_learned(self) -> int | None:
        """How many cells it was learned from; ``None`` for a map, which does not say."""
        return self.model.n_cells_ if isinstance(self.model, Completion) else None

    @property
    def end(self) -> int:
        """Number of the grid point at which the curve ends: of a discharge over voltage the lowest."""
        return 0 if self.map_.direction_ == "discharge" and self.map_.kind_ != "V(Q)" else len(self.grid) - 1

    @property
    def figures(self) -> list[Figure]:
        """The completed curve and, where it was asked for, the error over start and length of the window."""
        from lirich.workbench.learning.figures import completion_figures

        return completion_figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        told = not self.refused
        number = {
            name: [None if not np.isfinite(v) else float(v) for v in getattr(self, name)]
            for name in ("grid", "curve", "low", "high", "truth")
        }
        return {
            "cell": self.cell,
            "cycle": self.cycle,
            "origin_of_window": self.origin,
            "origin": "predicted",
            "window": {"low": float(self.grid[self.observed][0]), "high": float(self.grid[self.observed][-1])},
            "unit": self.unit,
            "level": self.level,
            "calibrated": self.calibrated,
            "cells_learned": self.cells_learned,
            "told": told,
            "refused": self.refused,
            "doubt": self.doubt,
            "last": {
                "at": float(self.grid[self.end]), "value": number["curve"][self.end], "low": number["low"][self.end],
                "high": number["high"][self.end], "truth": number["truth"][self.end],
            },
            "rmse": self.rmse,
            "rmse_of_least_squares_on_7": self.rmse_recipe,
            "share_of_truth_in_band": self.inside,
            "curve": number,
            "error_map": None if self.error_map is None else self.error_map.to_dicts(),
            "findings": [f.model_dump(mode="json", exclude_defaults=True) for f in self.findings],
        }  # fmt: skip


def complete_curve(
    workspace: Workspace,
    cell: str,
    cycle: int,
    *,
    window: tuple[float, float] | None = None,
    model: str | None = None,
    name: str | None = None,
    cells: str | Iterable[str] | None = None,
    level: float = 0.9,
    components: int | None = None,
    errors: bool = False,
    **options: Any,
) -> CompletionResult:
    """Complete the curve of one cycle of *cell*.

    Parameters
    ----------
    cycle:
        lirich's own number of the cycle.
    window:
        What is shown of the curve, in the unit of the grid (V); by default all that was recorded.
    model:
        A model that is kept: a completion, or a map (its band is then that of the model alone, not checked on cells).
        Without it one is learned from the whole curves of all other cells of the same origin (or of *cells*), and kept
        under *name* where one is given.
    level:
        Nominal coverage of the band.
    components:
        Directions that are used: by default 20 of what is learned, and all of a map that is kept.
    errors:
        Also compute the error over start and length of the window, on cells left out.
    options:
        Those of `lirich.workbench.learning.curvematrix.curve_set`.

    Nothing is told, and ``refused`` says why, where the window is too poor, lies far beyond the curves that were
    learned from, or only an impossible curve fits it (`lirich.learn.strangeness`).

    Raises `UnknownNameError` on cell, cycle or model, `InputError` on the window, `NotEnoughDataError` where there are
    too few other cells, or fewer than a band of *level* needs.
    """
    check_level(level)
    key = workspace.cells[cell].key
    own_origin = workspace.cells[key].origin.value
    options = {"only": "ageing", **options}
    findings: list[Finding] = []
    used: Completion | StateMap | None = None
    if model is not None:
        used = _loaded(workspace, model, level)
        learned = used if isinstance(used, StateMap) else used.map_
        options |= {"grid": learned.grid_, "kind": learned.kind_, "direction": learned.direction_}
        if seen_in_training(workspace, model, key):
            findings.append(seen(model, key))
    own = curve_matrix(workspace, **{**options, "only": "none", "whole": False, "cells": [key], "stored": "float64"})
    own = _one(own, workspace.cells[key], cycle)
    truth = np.asarray(own.values[0], dtype=np.float64)
    known = np.isfinite(truth)
    observed = known & _window(own.grid, window, own.grid_unit)
    if np.count_nonzero(observed) < LEAST_POINTS:
        raise InputError(
            f"{int(np.count_nonzero(observed))} points of the curve lie in the window",
            expected=f"at least {LEAST_POINTS}: the curve is known from {_reach(own.grid, known)} {own.grid_unit}",
        )
    if used is None:
        how = {**options, "grid": own.grid}
        used, others, trained, kept = _learned(workspace, key, cells, level, components, name, how)
        findings += kept
        if others != own_origin:
            findings.append(other_origin(key, own_origin, others))
    else:
        trained = Trained.by(workspace.store.models.record(str(model)))
    shown = np.where(observed, truth, np.nan)
    run, rate = own.keys.select("run", "rate_c").row(0)
    findings += unlike_conditions(trained, workspace.cells[key], run, cycle, rate)
    if isinstance(used, StateMap):
        curve, low, high, doubt = _by_map(used, shown, observed, level, components)
        findings.append(uncalibrated(str(model)))
        plain, too_poor = used, ""
    else:
        need_cells_for(level, used.n_cells_)
        findings += few_cells(used.n_cells_)
        told = used.predict(CurveMatrix(shown[None], own.grid, own.keys, own.kind, own.direction))
        curve, low, high = told.curves[0], told.low[0], told.high[0]
        doubt, too_poor, plain = float(told.doubt[0]), told.refused[0], used.map_
    usual = strangeness_of_held(used, observed) if isinstance(used, Completion) else None
    refused = (
        too_strange(plain, shown[None], observed, usual)[0]
        or too_poor
        or impossible(plain.kind_, plain.direction_, plain.mean_, low, high)
    )
    if refused:
        curve, low, high = (np.full(len(own.grid), np.nan) for _ in range(3))
    rmse = recipe = inside = None
    if (known & ~observed).any() and not refused:
        off = known & ~observed
        recipe_curve = least_squares(plain, truth[None], observed)[0]
        rmse, recipe = (float(np.sqrt(np.mean((c[known] - truth[known]) ** 2))) for c in (curve, recipe_curve))
        inside = float(np.mean((low[off] <= truth[off]) & (truth[off] <= high[off])))
    return CompletionResult(
        key, cycle, str(own.keys["origin"][0]), used, own.grid, observed, curve, low, high, truth,
        level if isinstance(used, StateMap) else used.level, doubt, refused, rmse, recipe, inside,
        used.error_map() if errors and isinstance(used, Completion) else None, tuple(findings),
    )  # fmt: skip


def _loaded(workspace: Workspace, name: str, level: float) -> Completion | StateMap:
    made = load_model(workspace, name, MAPS)
    if isinstance(made, Completion):
        made.level = level
        return made
    return made if isinstance(made, StateMap) else made.map_


def _learned(
    workspace: Workspace,
    key: str,
    cells: str | Iterable[str] | None,
    level: float,
    components: int | None,
    name: str | None,
    options: dict[str, Any],
) -> tuple[Completion, str, Trained, list[Finding]]:
    """Learn from whole curves of other cells, of the same origin where there are such, and keep the model.

    Returns the model, the origin and kind of its curves, and what is to be said of the keeping.
    """
    mine = bool(workspace.cells[key].facts.simulated)
    facts = workspace.store.cells()
    if cells is None:
        others = [c for c in workspace.cells if c != key and bool(facts[c].simulated) == mine]
        others = others or [c for c in workspace.cells if c != key]
    else:
        others = workspace.store.named(cells)
    others = [c for c in others if c != key]
    if not others:
        raise NotEnoughDataError(
            f"{key} is the only cell", expected="other cells to learn from", advice="Or name a model that is kept"
        )
    curves = curve_matrix(workspace, cells=others, **{**options, "whole": True})
    used = Completion(level=level) if components is None else Completion(components, level=level)
    used.fit(curves)
    trained, found = Trained.of(curves.keys, str(options["only"])), list[Finding]()
    if name is not None:
        told = {"cells": used.n_cells_, "curves": len(curves), "level": level, **trained.parameters}
        found = keep_model(workspace, name, used, curves.keys, told)
    origins = curves.keys["origin"].unique().sort().to_list()
    return used, " and ".join(origins), trained, found


def _by_map(
    learned: StateMap, shown: Array, observed: NDArray[np.bool_], level: float, components: int | None
) -> tuple[Array, Array, Array, float]:
    """Complete by a map alone: the posterior with the noise of the map or the roughness of the curve.

    Returns the curve with the ends of its band, shape (m,) each, and the doubt: width of the band over that of nothing
    seen.
    """
    model = CurveModel.of(learned)
    if components is not None:
        model = CurveModel(model.mean, model.spread[:components])
    noise = np.maximum(roughness(shown[None], observed), np.sqrt(learned.noise_variance_))
    curves, sd = model.window(observed).complete(shown[None], noise)
    half = float(norm.ppf((1.0 + level) / 2.0)) * sd[0]
    prior = float(norm.ppf((1.0 + level) / 2.0)) * model.prior_sd
    off = ~observed
    doubt = float(np.sqrt(np.mean(half[off] ** 2) / np.mean(prior[off] ** 2))) if off.any() else 0.0
    return curves[0], curves[0] - half, curves[0] + half, doubt


def _one(curves: CurveMatrix, cell: CellView, cycle: int) -> CurveMatrix:
    """Return one curve; of a cell that was tested more than once that of its longest run."""
    mine = curves.take((curves.keys["run"] == cell.analysis.run).to_numpy())
    rows = np.flatnonzero((mine.keys["cycle"] == cycle).to_numpy())
    if not len(rows):
        there = mine.keys["cycle"].to_list()
        raise UnknownNameError(
            f"{cell.key} has no cycle {cycle} with a curve of this direction",
            expected=f"one of its {len(there)}, {min(there)} to {max(there)}" if len(there) else "a cell with curves",
        )
    return mine.take(rows[:1])


def _window(grid: Array, window: tuple[float, float] | None, unit: str) -> NDArray[np.bool_]:
    if window is None:
        return np.ones(len(grid), dtype=np.bool_)
    low, high = window
    if not low < high:
        raise InputError(f"A window from {low:g} to {high:g} {unit}", expected="the lower end first, such as 3.3:3.9")
    if low >= grid[-1] or high <= grid[0]:
        raise InputError(
            f"A window from {low:g} to {high:g} {unit}", expected=f"one in the grid, {grid[0]:g} to {grid[-1]:g} {unit}"
        )
    return np.asarray((grid >= low - 1e-9) & (grid <= high + 1e-9), dtype=np.bool_)


def _reach(grid: Array, known: NDArray[np.bool_]) -> str:
    return f"{grid[known][0]:g} to {grid[known][-1]:g}" if known.any() else "nowhere of the grid, in"

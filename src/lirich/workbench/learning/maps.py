"""The state map of a workspace: learned or loaded, with the place of every curve and the way of every cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lirich.errors import AnalysisError, InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.choice import Choice, choose_components
from lirich.learn.filters import FILTERS
from lirich.learn.loadings import describe
from lirich.learn.matrix import UNITS, Array, CurveMatrix
from lirich.learn.placing import Parting, parting, place
from lirich.learn.regimes import LEAST_BETWEEN, Trajectory, trajectory
from lirich.learn.statemap import StateMap
from lirich.model import Finding
from lirich.workbench.learning.curvematrix import CurveSet, curve_set
from lirich.workbench.learning.map_findings import (
    at_breaks,
    at_rates,
    curved_ways,
    few_to_learn_from,
    off_the_map,
    other_rates,
    settled_only,
)
from lirich.workbench.learning.models import hashes_by_cell, keep_model, map_of
from lirich.workbench.learning.shown import Shown
from lirich.workbench.learning.tables import morphologies

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.workspace import Workspace

SETTLED = "settled"
"""The default of *only*: ageing cycles that follow one like them. After a check-up or formation a charge begins from
another state, and a cell would jump on the map. A cell that has none is there with its ageing cycles."""
NAME = "map"
"""What a state map is called unless another name is given; reports show the map of this name."""
COMPONENTS = 7
"""As Kim et al. (doi:10.1039/D4EE05222F)."""
_WAY = 2  # components whose course makes a way: those that are drawn
_PARTED = 3  # components that groups are told apart by
_CHOICE_CURVES = 2000  # the number of components is judged on so many curves at most, spread over all …
_CHOICE_POINTS = 101  # … and points: between them the noise of neighbours is not independent, as the evidence assumes


@dataclass(frozen=True, slots=True, eq=False)
class MapResult(Shown):
    """A state map and the curves of a workspace on it.

    ``scores`` has a row per curve: ``cell, cycle, origin, group``, conditions, ``pc1`` … ``pck`` (per point, in the
    unit of the curves) with ``pc1_sd`` … (0 for whole curves), ``off_map``, ``shown`` (share of the grid that the
    curve has), ``learned`` (whether it was learned from). ``ways`` are the cells' ways with their changes of regime.
    ``choice`` says how many components the curves speak for (``None`` for a map that was loaded, or too few curves).
    """

    name: str
    model: StateMap
    scores: pl.DataFrame
    ways: dict[str, Trajectory]
    left_out: pl.DataFrame
    choice: Choice | None
    parted: Parting | None
    findings: tuple[Finding, ...]

    @property
    def figures(self) -> list[Figure]:
        """The map, its loadings, what they do to dQ/dV, and how many components there are."""
        from lirich.workbench.learning.figures import map_figures

        return map_figures(self)

    @property
    def components_in_words(self) -> str:
        """How many components the curves speak for, and what to do about it."""
        if self.choice is None:
            return "Components: nothing says how many there are"
        most = int(self.choice.table["k"].max() or 0)  # type: ignore[arg-type]
        by, evidence, used = self.choice.by_cells, self.choice.by_evidence, len(self.model.components_)
        told = "too few cells to leave any out" if by is None else f"cells left out speak for {_or_more(by, most)}"
        best = evidence if by is None else by
        do = f"the {used} that are used are as many"
        if used < best:
            do = f"{used} are used, the same as the first of a larger map: --components {best} shows more of a curve"
        elif used > best:
            do = f"PC{best + 1} and later may be noise: leave them unread, or learn with --components {best}"
        return f"Components: {told}; the evidence for {_or_more(evidence, most)}; {do}"

    @property
    def bends(self) -> pl.DataFrame:
        """The changes of regime: ``cell, cycle, low, high, turn_degrees``."""
        rows = [(cell, b.cycle, b.low, b.high, b.turn_degrees) for cell, way in self.ways.items() for b in way.bends]
        schema = {"cell": pl.String, **dict.fromkeys(("cycle", "low", "high", "turn_degrees"), pl.Float64)}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @property
    def cells(self) -> pl.DataFrame:
        """A row per cell: group, origin, curves, its first and last place, distance from the map, regime changes."""
        bends = self.bends.group_by("cell").agg(bends=pl.col("cycle"))
        firsts = [pl.col(f"pc{i}").first().alias(f"first_pc{i}") for i in (1, 2) if f"pc{i}" in self.scores.columns]
        lasts = [pl.col(f"pc{i}").last().alias(f"last_pc{i}") for i in (1, 2) if f"pc{i}" in self.scores.columns]
        return (
            self.scores.sort("cycle")
            .group_by("cell", maintain_order=True)
            .agg(
                pl.col("group", "origin").first(),
                *firsts,
                *lasts,
                pl.col("off_map").median(),
                curves=pl.len(),
                first_cycle=pl.col("cycle").min(),
                last_cycle=pl.col("cycle").max(),
            )
            .join(bends, on="cell", how="left", maintain_order="left")
            .sort("origin", "group", "cell")
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        m = self.model
        return {
            "name": self.name,
            "kind": m.kind_,
            "direction": m.direction_,
            "grid": {"low": float(m.grid_[0]), "high": float(m.grid_[-1]), "points": len(m.grid_)},
            "curves_learned": m.n_curves_,
            "components": describe(m).to_dicts(),
            "components_by_left_out_cells": self.choice.by_cells if self.choice else None,
            "components_by_evidence": self.choice.by_evidence if self.choice else None,
            "groups": None
            if self.parted is None
            else {"groups": list(self.parted.groups), "cells": self.parted.cells, "nearest_to_own": self.parted.right},
            "cells": self.cells.to_dicts(),
            "regime_changes": self.bends.to_dicts(),
            "scores": _finite(self.scores).to_dicts(),
            "left_out": self.left_out.group_by("reason").len("curves").sort("curves", descending=True).to_dicts(),
            "findings": [f.model_dump(mode="json", exclude_defaults=True) for f in self.findings],
        }


def learn_map(
    workspace: Workspace,
    cells: str | Iterable[str] | None = None,
    *,
    n_components: int = COMPONENTS,
    name: str = NAME,
    learn_from: str | None = None,
    grid: Array | None = None,
    **options: Any,
) -> MapResult:
    """Learn the state map of *cells* (all by default), keep it under *name*, and place every curve on it.

    Where cells are measured and simulated, the map is learned from the origin that has more cells, or *learn_from*
    (``measured``, ``simulated``, ``all``), and the others have their place on it: one real cell among hundreds of
    simulated ones would bend the map and not be described by it. Learned are curves that reach every point of the
    grid; the others are placed with their uncertainty. *options* are those of
    `lirich.workbench.learning.curvematrix.curve_set`
    (``direction``, ``kind``, ``executor``), and ``only``, which is `SETTLED` by default.

    Raises `NotEnoughDataError` where too few curves are left, or they do not differ; `UnknownNameError` on a cell or
    origin.
    """
    curves, unsettled = _curves(workspace, cells=cells, grid=grid, whole=False, **options)
    origins = curves.keys.unique("cell")["origin"].value_counts(sort=True)
    chosen = learn_from or str(origins["origin"][0])
    if chosen not in ("all", *origins["origin"].to_list()):
        raise UnknownNameError.of("origin of cells to learn from", chosen, ("all", *origins["origin"].to_list()))
    of = dict(curves.keys.select("cell", "origin").iter_rows())
    learned_cells = [cell for cell, origin in of.items() if chosen in ("all", origin)]
    whole, _ = _curves(workspace, cells=learned_cells, grid=grid, whole=True, **options)
    model = StateMap(n_components).fit_curves(whole, whole.grid, whole.kind, whole.direction)
    rates = whole.keys["rate_c"].drop_nulls()
    kept = keep_model(
        workspace,
        name,
        model,
        whole.keys,
        {
            "cells": len(learned_cells),
            "curves": whole.shape[0],
            "learned_from": chosen,
            "only": str(options.get("only", SETTLED)),
            **({"rate_c": float(rates.median())} if len(rates) else {}),  # type: ignore[arg-type]
        },
    )
    return _result(workspace, name, model, curves, _chosen(whole), set(learned_cells), unsettled, kept)


def place_on_map(
    workspace: Workspace, name: str, cells: str | Iterable[str] | None = None, **options: Any
) -> MapResult:
    """Place the curves of *cells* on the saved map *name*, put on its own grid, in its direction and kind.

    Raises `UnknownNameError` on the name, `InputError` where it is no map or *options* ask for another grid, kind or
    direction than it has.
    """
    model, curves, unsettled = curves_for_map(workspace, name, cells, **options)
    return _result(workspace, name, model, curves, None, _trained(workspace, name, curves), unsettled)


def curves_for_map(
    workspace: Workspace, name: str, cells: str | Iterable[str] | None = None, **options: Any
) -> tuple[StateMap, CurveSet, list[str]]:
    """Return the map *name*, the curves of *cells* on its grid, and the cells of which no cycle is settled.

    Raises as `place_on_map`.
    """
    model = map_of(workspace, name)
    asked = {"kind": options.pop("kind", None), "direction": options.pop("direction", None)}
    for what, own in (("kind", model.kind_), ("direction", model.direction_)):
        if asked[what] not in (None, own):
            raise InputError(f"{asked[what]} curves for the model {name!r}", expected=f"{own}: it was learned so")
    grid = options.pop("grid", None)
    if grid is not None and not np.array_equal(grid, model.grid_):
        raise InputError(
            f"A grid from {grid[0]:g} to {grid[-1]:g} for the model {name!r}",
            expected=f"its own: {len(model.grid_)} points from {model.grid_[0]:g} to {model.grid_[-1]:g}",
            advice="Leave the window out: curves are put on the grid of the model",
        )
    curves, unsettled = _curves(
        workspace, cells=cells, grid=model.grid_, kind=model.kind_, direction=model.direction_, whole=False, **options
    )
    return model, curves, unsettled


def _trained(workspace: Workspace, name: str, curves: CurveSet) -> set[str]:
    """Return the cells of *curves* that the map *name* was learned from: all stored curves of theirs are in it.

    A cell to which a file was added since is not one of them, nor are the cells of an imported or carried map that
    this workspace does not have.
    """
    known = set(workspace.store.models.record(name).trained_on)
    if not known:
        return set()
    return {cell for cell, mine in hashes_by_cell(workspace, curves.keys).items() if mine and mine <= known}


def _result(
    workspace: Workspace,
    name: str,
    model: StateMap,
    curves: CurveSet,
    choice: Choice | None,
    learned: set[str],
    unsettled: Sequence[str],
    kept: Sequence[Finding] = (),
) -> MapResult:
    record = workspace.store.models.record(name)
    keys = curves.keys
    scores, unplaced = scores_of(model, curves)
    several = keys.select("cell", "run").unique().group_by("cell").len().filter(pl.col("len") > 1)["cell"].to_list()
    label = pl.when(pl.col("cell").is_in(several)).then(
        pl.format("{}, run {}", pl.col("cell"), pl.col("run") + 1)
    ).otherwise(pl.col("cell"))  # fmt: skip
    scores = scores.with_columns(
        pl.Series("group", morphologies(workspace, scores["cell"].to_list()), dtype=pl.String),
        (pl.col("cell").is_in(sorted(learned)) & (pl.col("shown") == 1.0)).alias("learned"),
    ).with_columns(label.alias("cell"))
    left = curves.left_out
    if unplaced.height:
        reason = pl.lit("shows too little of the curve to have a place on the map").alias("reason")
        left = pl.concat([left, unplaced.select("cell", pl.col("cycle").cast(pl.Int64), reason)])
    if not scores.height:
        raise NotEnoughDataError(
            f"None of {len(keys)} curves shows enough to have a place on the map {name!r}",
            expected=f"curves between {model.grid_[0]:g} and {model.grid_[-1]:g} {UNITS[model.kind_][1]}",
        )
    ways = {}
    axes = [f"pc{i + 1}" for i in range(min(_WAY, len(model.components_)))]
    for (cell,), part in scores.group_by("cell", maintain_order=True):
        if part.height >= 3 * LEAST_BETWEEN:
            ways[str(cell)] = trajectory(part["cycle"].to_numpy(), part.select(axes).to_numpy())
    found = (
        *kept,
        *few_to_learn_from(model, sum(cell in learned for cell in keys["cell"].unique().to_list())),
        *settled_only(unsettled),
        *other_rates(scores, record.parameters),
        *off_the_map(scores, model),
        *at_breaks(ways),
        *at_rates(ways, scores),
        *curved_ways(ways),
    )
    return MapResult(name, model, scores, ways, left, choice, _parted(scores, model), found)


def _curves(workspace: Workspace, *, only: str = SETTLED, **options: Any) -> tuple[CurveSet, list[str]]:
    """Return the curves of a workspace, and the cells that have no settled cycle where these are asked for."""
    if only not in (SETTLED, *FILTERS):
        raise UnknownNameError.of("filter of curves", only, (SETTLED, *FILTERS))
    if only != SETTLED:
        return curve_set(workspace, only=only, **options), []
    curves = curve_set(workspace, only="ageing", **options)
    keys = curves.keys
    kept, unsettled = np.ones(keys.height, dtype=np.bool_), []
    for (cell, run), rows in keys.with_row_index("row").group_by("cell", "run", maintain_order=True):
        table = workspace.cells[str(cell)].run(int(str(run))).cycles
        there = set(table.filter(pl.col("settled"))["cycle"].to_list()) if "settled" in table.columns else set()
        settled = rows["cycle"].is_in(list(there)).to_numpy()
        if settled.any():
            kept[rows["row"].to_numpy()] = settled
        else:
            unsettled.append(str(cell))
    return curves.take(kept, "follows a cycle at another rate or window"), unsettled


def scores_of(model: StateMap, curves: CurveSet) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return places with the keys, block by block, and the keys of curves that have none."""
    parts, start, keys = [], 0, curves.keys
    for block in curves.blocks():
        own = keys[start : start + len(block)]
        start += len(block)
        places = place(model, block, own["points"].to_numpy().astype(np.float64))
        numbers = chain.from_iterable(
            (pl.Series(f"pc{i + 1}", places.scores[:, i]), pl.Series(f"pc{i + 1}_sd", places.sd[:, i]))
            for i in range(len(model.components_))
        )
        parts.append(own.with_columns(*numbers, pl.Series("off_map", places.off_map), pl.Series("shown", places.shown)))
    whole = pl.concat(parts)
    return whole.filter(pl.col("pc1").is_finite()), whole.filter(pl.col("pc1").is_nan())


def _chosen(curves: CurveSet) -> Choice | None:
    n = curves.shape[0]
    rows = np.unique(np.linspace(0, n - 1, min(n, _CHOICE_CURVES)).astype(np.int64))
    try:
        return choose_components(_taken(curves, rows))
    except AnalysisError:
        return None


def _taken(curves: CurveSet, rows: Any) -> CurveMatrix:
    """Return some of many curves as a matrix, without reading the others into memory, on a grid of no more points."""
    columns = np.unique(np.linspace(0, len(curves.grid) - 1, _CHOICE_POINTS).round().astype(np.int64))
    taken, start = [], 0
    for block in curves.blocks():
        mine = rows[(rows >= start) & (rows < start + len(block))] - start
        taken.append(np.asarray(block[mine][:, columns], dtype=np.float64))
        start += len(block)
    return CurveMatrix(np.concatenate(taken), curves.grid[columns], curves.keys[rows], curves.kind, curves.direction)


def _parted(scores: pl.DataFrame, model: StateMap) -> Parting | None:
    axes = [f"pc{i + 1}" for i in range(min(_PARTED, len(model.components_)))]
    known = scores.filter((pl.col("group") != "not given") & (pl.col("shown") == 1.0))
    means = known.group_by("cell", "group", "origin", maintain_order=True).agg(pl.col(axes).mean())
    many = means.filter(pl.col("origin") == means["origin"].mode().sort()[0]) if means.height else means
    try:
        return parting(many.select(axes).to_numpy(), many["group"].to_list())
    except NotEnoughDataError:
        return None


def _or_more(k: int, most: int) -> str:
    return f"{k} or more" if k >= most else str(k)


def _finite(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))

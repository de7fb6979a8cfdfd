"""Curves of a workspace as matrices: cell by cell from Parquet, in memory, on disk, or on workers.

The curves of a run are taken apart once and kept as a block in the workspace's cache: lines between knots, under the
hash of all that made them: the table, the analysis, kind and direction. Every grid is served by the same block, and a
map of more curves than fit into memory is fitted on the blocks, without putting them on a grid; on Dask by the workers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.compute import code_hash, open_executor, run_tasks
from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.filters import REASON, judge
from lirich.learn.matrix import UNITS, Array, CurveMatrix, Direction, Kind, Values
from lirich.learn.resample import Knots, complete_on, knots_on_grid, need_even
from lirich.learn.statemap import StateMap
from lirich.learn.sums import BLOCK_ROWS, Sums
from lirich.model import content_hash
from lirich.workbench.learning.curveblocks import blocks_task, open_block, sums_of_blocks, sums_task

if TYPE_CHECKING:
    from lirich.compute import Progress
    from lirich.workbench.workspace import Workspace

Store = Literal["float32", "float64"]
ANCHOR_GRID = (3.0, 4.5, 10_000)
"""Grid of Kim et al. (doi:10.1039/D4EE05222F): first and last voltage, V, and how many points."""
DEFAULT_POINTS = 501
_CODE = (
    "lirich.cycling", "lirich.learn.resample", "lirich.readers.join", "lirich.readers.partscale", "lirich.readers.seam",
    "lirich.workbench.learning.curveblocks", "lirich.workbench.keptsteps",
)  # fmt: skip
"""What the kept curves of a run rest on: where its source changes, they are taken from the points again."""
_KEYS = {
    "cell": pl.String, "cycle": pl.Int64, "origin": pl.String, "segment": pl.String, "like_group": pl.Int64,
    "capacity_mah_g": pl.Float64, "rate_c": pl.Float64, "run": pl.Int64, "points": pl.Int64,
}  # fmt: skip
# what is known of each curve of a workspace; ``points`` is how many were recorded


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Curves of one run, kept on disk: ``path`` of their lines, ``kept`` rows of them, shape (k,)."""

    path: Path
    kept: NDArray[np.int64]

    def open(self) -> Knots:
        """Return the curves that are kept, as lines."""
        return open_block(self.path).take(self.kept)


@dataclass(frozen=True, slots=True, eq=False)
class CurveSet:
    """Curves of a workspace on a grid, kept on disk as lines.

    ``keys`` has a row per curve: cell, cycle, origin, segment, like_group, capacity_mah_g, rate_c, run, points.
    ``left_out`` names curves and cells with the reason. ``stored`` is the type of the values that come out.

    It is a `lirich.learn.sums.Curves`: maps are fitted on it block by block, or by the *executor*'s workers.
    """

    blocks_: tuple[Block, ...]
    keys: pl.DataFrame
    grid: Array
    kind: Kind
    direction: Direction
    left_out: pl.DataFrame
    stored: Store = "float32"
    executor: Executor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """How many curves and points there are."""
        return sum(len(block.kept) for block in self.blocks_), len(self.grid)

    def take(self, kept: NDArray[np.bool_], reason: str) -> CurveSet:
        """Return the curves that are *kept*, shape (n,); the others are left out for *reason*."""
        blocks, start = [], 0
        for block in self.blocks_:
            stop = start + len(block.kept)
            blocks.append(Block(block.path, block.kept[kept[start:stop]]))
            start = stop
        gone = self.keys.filter(pl.Series(~kept)).select("cell", "cycle", pl.lit(reason).alias(REASON))
        return replace(
            self,
            blocks_=tuple(block for block in blocks if len(block.kept)),
            keys=self.keys.filter(pl.Series(kept)),
            left_out=pl.concat([self.left_out, gone]),
        )

    def sample(self, rows: int, seed: int) -> Array:
        """Return some of the curves; see `lirich.learn.sums.Curves.sample`."""
        n, m = self.shape
        chosen = np.sort(np.random.default_rng(seed).choice(n, size=min(rows, n), replace=False))
        out, start, filled = np.empty((len(chosen), m)), 0, 0
        for block in self.blocks_:
            mine = chosen[(chosen >= start) & (chosen < start + len(block.kept))] - start
            if len(mine):
                for values in self._on_grid(block.open().take(mine)):
                    out[filled : filled + len(values)] = values
                    filled += len(values)
            start += len(block.kept)
        return out

    def blocks(self) -> Iterator[Values]:
        """Return all curves in order, in blocks of rows."""
        for block in self.blocks_:
            for values in self._on_grid(block.open()):
                for start in range(0, len(values), BLOCK_ROWS):
                    yield values[start : start + BLOCK_ROWS]

    def _on_grid(self, knots: Knots) -> Iterator[Values]:
        for values in knots_on_grid(knots, self.grid, self.kind, self.direction):
            yield cast(Values, values.astype(self.stored, copy=False))

    def sums(self, basis: Array, shift: Array) -> Sums:
        """Return the sums of all curves, not rounded to ``stored``; with an executor each worker takes blocks."""
        blocks = [(b.path, b.kept) for b in self.blocks_]
        if self.executor is None:
            return sums_of_blocks(blocks, self.grid, self.kind, self.direction, basis, shift)
        with _handed_over(self.blocks_[0].path.parent, self.grid, basis, shift) as path:
            said = {"basis": str(path), "kind": self.kind, "direction": self.direction}
            told = [(str(path), rows.tolist()) for path, rows in blocks]
            tasks = [{"blocks": told[i : i + _A_TASK], **said} for i in range(0, len(told), _A_TASK)]
            found: dict[int, Sums] = {}
            for outcome in run_tasks(sums_task, tasks, executor=self.executor):
                if outcome.error is not None:
                    raise outcome.error
                found[outcome.index] = outcome.result
        return reduce(add, (found[i] for i in range(len(tasks))))  # always in one order

    def matrix(self) -> CurveMatrix:
        """Return the curves as one matrix in memory."""
        n, m = self.shape
        values, filled = np.empty((n, m), dtype=self.stored), 0
        for block in self.blocks():
            values[filled : filled + len(block)] = block
            filled += len(block)
        return CurveMatrix(cast(Values, values), self.grid, self.keys, self.kind, self.direction)


def curve_set(
    ws: Workspace,
    *,
    kind: Kind = "Q(V)",
    direction: Direction = "charge",
    grid: Array | Sequence[float] | None = None,
    only: str = "like",
    whole: bool = True,
    cells: str | Iterable[str] | None = None,
    stored: Store = "float32",
    executor: str = "processes",
    workers: int | None = None,
    pool: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CurveSet:
    """Take the curves of analysed cells for a grid; what was taken apart before is not done again.

    Parameters
    ----------
    kind, direction:
        See `lirich.learn.CurveMatrix`.
    grid:
        Voltages, V (of ``V(Q)`` capacities, mAh/g), ascending; by default 501 points over the range of `ANCHOR_GRID`
        (of ``V(Q)`` from 0 to 150 mAh/g, what the anchor's filter asks of every curve).
    only:
        A filter of `lirich.learn.filters`: ``like`` (default), ``ageing``, ``anchor``, ``none``.
    whole:
        Leave out curves that do not reach every point of the grid; else they have NaN there.
    cells:
        By default all that are analysed.
    stored:
        Values come out as ``float32`` (7 digits, half of the room) or ``float64``.
    executor, workers:
        Where the curves are taken apart; see `lirich.compute.open_executor`. *pool*, an open executor, goes before
        them, and the sums of a map are taken on it too.

    Raises `NotEnoughDataError` where no curve is left, with the reasons that were found most; `InputError` on a grid
    that does not rise; `UnknownNameError` on a cell, filter or kind.
    """
    at = _grid(grid, kind)
    need_even(at, kind)
    tasks, left = _tasks(ws, cells, kind, direction)
    found: dict[int, dict[str, Any]] = {}
    groups = [
        {"root": str(ws.store.root), "runs": tasks[start : start + _RUNS_A_TASK]}
        for start in range(0, len(tasks), _RUNS_A_TASK)
    ]
    few = len(tasks) < _FEW and executor == "processes"
    told_runs = None if progress is None else _by_runs(progress, len(tasks))
    with _pool_of(pool, "serial" if few else executor, workers) as running:
        for outcome in run_tasks(blocks_task, groups, executor=running, progress=told_runs):
            runs = groups[outcome.index]["runs"]
            results = outcome.result if outcome.error is None else [outcome.error.found] * len(runs)
            for i, result in enumerate(results, start=outcome.index * _RUNS_A_TASK):
                if isinstance(result, str):
                    left.append((str(tasks[i]["cell"]), None, result))
                else:
                    found[i] = result
    order = sorted(found)
    keys = _keys_of([tasks[i] for i in order], [found[i] for i in order])
    reasons = _reasons(keys, only)
    if whole and order:
        low, high = (np.concatenate([found[i][name] for i in order]) for name in ("low", "high"))
        reach = complete_on(low, high, at, kind)
        for row in np.flatnonzero(~reach):
            reasons[row] = reasons[row] or "does not reach every point of the grid"
    schema = {"cell": pl.String, "cycle": pl.Int64, REASON: pl.String}
    told = keys.select("cell", "cycle").with_columns(pl.Series(REASON, reasons, dtype=pl.String))
    left_out = pl.concat([pl.DataFrame(left, schema=schema, orient="row"), told.filter(pl.col(REASON).is_not_null())])
    kept = told[REASON].is_null().to_numpy()
    blocks, start = [], 0
    for i in order:
        stop = start + len(found[i]["cycle"])
        rows = np.flatnonzero(kept[start:stop])
        if len(rows):
            blocks.append(Block(Path(found[i]["path"]), rows))
        start = stop
    if not blocks:
        most = left_out[REASON].value_counts(sort=True).head(3)
        why = "; ".join(f"{reason} ({count})" for reason, count in most.iter_rows()) or "there is no analysed cell"
        raise NotEnoughDataError(
            f"No curve is left from {at[0]:g} to {at[-1]:g} {UNITS[kind][1]}: {why}",
            expected=_reach([found[i] for i in order], kind) or "at least one",
            advice="Choose another grid (--grid, in Python grid), filter (--only) or direction (--direction)",
        )
    return CurveSet(tuple(blocks), keys.filter(pl.Series(kept)), at, kind, direction, left_out, stored, pool)


def _reach(found: Sequence[Mapping[str, Any]], kind: Kind) -> str:
    """Return in words where the curves lie, or an empty text where there is none."""
    ends = [np.concatenate([each[name] for each in found]) if found else np.empty(0) for name in ("low", "high")]
    low, high = (each[np.isfinite(each)] for each in ends)  # before it begins a curve has a value everywhere
    told = [f"from {np.median(low):.2f}"] if len(low) else []
    told += [f"up to {np.median(high):.2f}"] if len(high) else []
    return f"a grid that curves cover: the middle one has values {' '.join(told)} {UNITS[kind][1]}" if told else ""


def _keys_of(tasks: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a row per curve of all runs; see `CurveSet`."""
    if not found:
        return pl.DataFrame(schema=_KEYS)
    counts = [len(each["cycle"]) for each in found]
    columns: dict[str, Any] = {
        name: np.repeat(np.array([task[name] for task in tasks]), counts) for name in ("cell", "origin", "run")
    }
    for name in ("cycle", "capacity_mah_g", "points", "segment", "like_group", "rate_c"):
        columns[name] = np.concatenate([each[name] for each in found])
    table = pl.DataFrame(columns, nan_to_null=True)
    segment = pl.col("segment").replace("", None)
    return table.with_columns(segment).select(pl.col(name).cast(kind) for name, kind in _KEYS.items())


def _reasons(keys: pl.DataFrame, only: str) -> list[str | None]:
    """Return why the filter *only* leaves each curve out, each run of a cell by itself; None where kept."""
    apart = keys.with_columns(pl.format("{} {}", "cell", "run").alias("cell"))
    reasons: list[str | None] = judge(apart, only)[REASON].to_list()
    return reasons


def curve_matrix(ws: Workspace, **options: Any) -> CurveMatrix:
    """Return the curves of a workspace as one matrix in memory; *options* are those of `curve_set`."""
    return curve_set(ws, **options).matrix()


def fit_map(ws: Workspace, n_components: int = 7, **options: Any) -> tuple[StateMap, CurveSet]:
    """Return the state map of a workspace and the curves that it was fitted on; *options* are those of `curve_set`.

    No more than a block of curves is in memory at once. Raises what `curve_set` and `StateMap.fit` raise.
    """
    curves = curve_set(ws, **options)
    return StateMap(n_components).fit_curves(curves, curves.grid, curves.kind, curves.direction), curves


_RUNS_A_TASK = 16  # runs that a worker takes apart at once: their small tables are read together
_A_TASK = 16  # blocks whose sums a worker takes at once
_FEW = 16  # so few runs are done before a pool of processes has started


def _by_runs(progress: Callable[[Progress], None], total: int) -> Callable[[Progress], None]:
    """Return what tells *progress* of groups of runs by runs, of which there are *total*."""

    def tell(groups: Progress) -> None:
        progress(replace(groups, done=min(groups.done * _RUNS_A_TASK, total), total=total))

    return tell


def _grid(grid: Array | Sequence[float] | None, kind: Kind) -> Array:
    if grid is None:
        return np.linspace(0.0, 150.0, DEFAULT_POINTS) if kind == "V(Q)" else np.linspace(3.0, 4.5, DEFAULT_POINTS)
    at = np.asarray(grid, dtype=np.float64)
    if at.ndim != 1 or len(at) < 2 or not np.isfinite(at).all() or not (np.diff(at) > 0).all():
        raise InputError("A grid that does not rise", expected="at least two finite points, ascending")
    return at


def _tasks(
    ws: Workspace, cells: str | Iterable[str] | None, kind: Kind, direction: Direction
) -> tuple[list[dict[str, Any]], list[tuple[str, int | None, str]]]:
    """Return the tasks, one per run, and the cells that have none with the reason."""
    store = ws.store
    facts = store.cells()
    wanted = store.named(cells)
    tests = {test.key: test for test in store.tests()}
    analyses: dict[str, list[Any]] = {}
    for analysis in store.bare_analyses(wanted):
        analyses.setdefault(analysis.cell, []).append(analysis)
    tasks: list[dict[str, Any]] = []
    left: list[tuple[str, int | None, str]] = []
    code = code_hash(*_CODE)
    for key in wanted:
        cell = facts[key]
        if cell.active_mass_mg is None:
            left.append((key, None, "the active mass is not given"))
            continue
        if key not in analyses:
            left.append((key, None, "not analysed"))
        for made in sorted(analyses.get(key, []), key=lambda a: a.run):
            said = {
                "cell": key,
                "run": made.run,
                "tests": list(made.tests),
                "curves": [tests[test].curve for test in made.tests],
                "cycles": made.cycles_curve,
                # of an analysis that took the cell for another electrode the steps have other half-cycles
                "steps": made.steps_curve if made.facts and made.facts.electrode == cell.electrode else None,
                "settings": made.settings,
                "electrode": cell.electrode,
                "active_mass_mg": cell.active_mass_mg,
                "origin": "simulated" if cell.simulated else "measured",
                "kind": "V(Q)" if kind == "V(Q)" else "Q(V)",  # dQ/dV is the slope of Q(V)
                "direction": direction,
                "code": code,
            }
            tasks.append({**said, "name": content_hash(said)})
    return tasks, left


@contextmanager
def _handed_over(folder: Path, grid: Array, basis: Array, shift: Array) -> Iterator[Path]:
    """Write grid, basis and shift where the workers read them, for the time of a pass."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".basis-", suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, grid=grid, basis=basis, shift=shift)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _pool_of(pool: Executor | None, kind: str, workers: int | None) -> Iterator[Executor]:
    if pool is not None:
        yield pool
    else:
        with open_executor(kind, workers=workers) as opened:
            yield opened


__all__ = ["ANCHOR_GRID", "CurveSet", "curve_matrix", "curve_set", "fit_map"]

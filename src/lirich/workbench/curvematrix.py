"""Curves of a workspace as matrices: cell by cell from Parquet, in memory, on disk, or on workers.

The curves of a run are put on the grid once and kept as a block (float32 or float64) in the workspace's cache, under
the hash of all that made it: the table, the analysis, grid, kind and direction. A map of more curves than fit into
memory is fitted on the blocks, and on Dask by the workers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
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
from lirich.learn.matrix import Array, CurveMatrix, Direction, Kind, Values
from lirich.learn.statemap import StateMap
from lirich.learn.sums import BLOCK_ROWS, Sums, sums_of
from lirich.model import content_hash
from lirich.workbench.curveblocks import KEYS, block_task, sums_task

if TYPE_CHECKING:
    from lirich.compute import Progress
    from lirich.workbench.workspace import Workspace

Store = Literal["float32", "float64"]
ANCHOR_GRID = (3.0, 4.5, 10_000)
"""Grid of Kim et al. (doi:10.1039/D4EE05222F): first and last voltage, V, and how many points."""
DEFAULT_POINTS = 501
_CODE = ("lirich.cycling", "lirich.learn.resample", "lirich.workbench.curveblocks")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Curves of one run, kept on disk: ``path`` of the values, (n, m); ``keys`` of all, ``kept`` rows of them."""

    path: Path
    keys: pl.DataFrame
    kept: NDArray[np.int64]

    def open(self) -> Values:
        """Return the values, mapped into memory, not read."""
        return cast(Values, np.load(self.path, mmap_mode="r", allow_pickle=False))


@dataclass(frozen=True, slots=True, eq=False)
class CurveSet:
    """Curves of a workspace, put on a grid and kept on disk. ``left_out`` names curves and cells with the reason.

    It is a `lirich.learn.sums.Curves`: maps are fitted on it block by block, or by the *executor*'s workers.
    """

    blocks_: tuple[Block, ...]
    grid: Array
    kind: Kind
    direction: Direction
    left_out: pl.DataFrame
    executor: Executor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """How many curves and points there are."""
        return sum(len(block.kept) for block in self.blocks_), len(self.grid)

    @property
    def keys(self) -> pl.DataFrame:
        """One row per curve: cell, cycle, origin, segment, like_group, capacity_mah_g, rate."""
        return pl.concat([block.keys[block.kept] for block in self.blocks_], how="diagonal_relaxed")

    def sample(self, rows: int, seed: int) -> Array:
        """Return some of the curves; see `lirich.learn.sums.Curves.sample`."""
        n, m = self.shape
        chosen = np.sort(np.random.default_rng(seed).choice(n, size=min(rows, n), replace=False))
        out, start, filled = np.empty((len(chosen), m)), 0, 0
        for block in self.blocks_:
            mine = chosen[(chosen >= start) & (chosen < start + len(block.kept))] - start
            if len(mine):
                out[filled : filled + len(mine)] = block.open()[block.kept[mine]]
            filled, start = filled + len(mine), start + len(block.kept)
        return out

    def blocks(self) -> Iterator[Values]:
        """Return all curves in order, in blocks of rows."""
        for block in self.blocks_:
            values = block.open()
            for start in range(0, len(block.kept), BLOCK_ROWS):
                yield values[block.kept[start : start + BLOCK_ROWS]]

    def sums(self, basis: Array, shift: Array) -> Sums:
        """Return the sums of all curves; with an executor each worker takes blocks of its own."""
        if self.executor is None:
            return reduce(add, (sums_of(rows, basis, shift) for rows in self._full()))
        with _handed_over(self.blocks_[0].path.parent, basis, shift) as path:
            tasks = [
                {"path": str(b.path), "kept": [int(r) for r in b.kept], "basis": str(path)}
                for b in self.blocks_
                if len(b.kept)
            ]
            found: dict[int, Sums] = {}
            for outcome in run_tasks(sums_task, tasks, executor=self.executor):
                if outcome.error is not None:
                    raise outcome.error
                found[outcome.index] = outcome.result
        return reduce(add, (found[i] for i in range(len(tasks))))  # always in one order

    def _full(self) -> Iterator[Values]:
        """Return the curves in full blocks: one multiplication of many curves is quicker than many of few."""
        waiting: list[Values] = []
        for block in self.blocks():
            waiting.append(block)
            if sum(map(len, waiting)) >= BLOCK_ROWS:
                yield _joined(waiting)
                waiting = []
        if waiting:
            yield _joined(waiting)

    def matrix(self) -> CurveMatrix:
        """Return the curves as one matrix in memory."""
        values = _joined([block.open()[block.kept] for block in self.blocks_])
        return CurveMatrix(values, self.grid, self.keys, self.kind, self.direction)


def _joined(parts: Sequence[Values]) -> Values:
    values: Any = np.concatenate(parts)  # of one type, that of the blocks
    return cast(Values, values)


def curve_set(
    ws: Workspace,
    *,
    kind: Kind = "Q(V)",
    direction: Direction = "charge",
    grid: Array | Sequence[float] | None = None,
    only: str = "like",
    whole: bool = True,
    cells: Iterable[str] | None = None,
    stored: Store = "float32",
    executor: str = "processes",
    workers: int | None = None,
    pool: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CurveSet:
    """Put the curves of analysed cells on a grid, on disk; what was put there before is not done again.

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
        ``float32`` (7 digits, half of the room) or ``float64``.
    executor, workers:
        Where the curves are put on the grid; see `lirich.compute.open_executor`. *pool*, an open executor, goes before
        them, and the sums of a map are taken on it too.

    Raises `NotEnoughDataError` where no curve is left, with the reasons that were found most; `InputError` on a grid
    that does not rise; `UnknownNameError` on a cell, filter or kind.
    """
    at = _grid(grid, kind)
    tasks, left = _tasks(ws, cells, kind, direction, at, stored)
    found: dict[int, Block] = {}
    few = len(tasks) < _FEW and executor == "processes"
    with _pool_of(pool, "serial" if few else executor, workers) as running:
        for outcome in run_tasks(block_task, tasks, executor=running, progress=progress):
            if outcome.error is not None:
                left.append((str(tasks[outcome.index]["cell"]), None, outcome.error.found))
                continue
            keys, reach = pl.DataFrame(outcome.result["keys"], schema=KEYS), outcome.result["whole"]
            judged = judge(keys, only)
            reasons = [
                reason or (None if complete or not whole else "does not reach every point of the grid")
                for reason, complete in zip(judged[REASON].to_list(), reach, strict=True)
            ]
            kept = np.array([row for row, reason in enumerate(reasons) if reason is None], dtype=np.int64)
            left += [(c, n, r) for c, n, r in zip(keys["cell"], keys["cycle"], reasons, strict=True) if r is not None]
            found[outcome.index] = Block(Path(outcome.result["path"]), keys, kept)
    schema = {"cell": pl.String, "cycle": pl.Int64, REASON: pl.String}
    left_out = pl.DataFrame(left, schema=schema, orient="row")
    blocks = tuple(found[i] for i in sorted(found) if len(found[i].kept))
    if not blocks:
        most = left_out[REASON].value_counts(sort=True).head(3)
        told = "; ".join(f"{reason} ({count})" for reason, count in most.iter_rows()) or "there is no analysed cell"
        raise NotEnoughDataError(
            f"No curve is left: {told}", expected="at least one", advice="Choose another grid, filter or direction"
        )
    return CurveSet(blocks, at, kind, direction, left_out, pool)


def curve_matrix(ws: Workspace, **options: Any) -> CurveMatrix:
    """Return the curves of a workspace as one matrix in memory; *options* are those of `curve_set`."""
    return curve_set(ws, **options).matrix()


def fit_map(ws: Workspace, n_components: int = 7, **options: Any) -> tuple[StateMap, CurveSet]:
    """Return the state map of a workspace and the curves that it was fitted on; *options* are those of `curve_set`.

    No more than a block of curves is in memory at once. Raises what `curve_set` and `StateMap.fit` raise.
    """
    curves = curve_set(ws, **options)
    return StateMap(n_components).fit_curves(curves, curves.grid, curves.kind, curves.direction), curves


_FEW = 16  # so few runs are done before a pool of processes has started


def _grid(grid: Array | Sequence[float] | None, kind: Kind) -> Array:
    if grid is None:
        return np.linspace(0.0, 150.0, DEFAULT_POINTS) if kind == "V(Q)" else np.linspace(3.0, 4.5, DEFAULT_POINTS)
    at = np.asarray(grid, dtype=np.float64)
    if at.ndim != 1 or len(at) < 2 or not np.isfinite(at).all() or not (np.diff(at) > 0).all():
        raise InputError("A grid that does not rise", expected="at least two finite points, ascending")
    return at


def _tasks(
    ws: Workspace, cells: Iterable[str] | None, kind: Kind, direction: Direction, grid: Array, stored: Store
) -> tuple[list[dict[str, Any]], list[tuple[str, int | None, str]]]:
    """Return the tasks, one per run, and the cells that have none with the reason."""
    store = ws.store
    facts = store.cells()
    wanted = list(facts) if cells is None else [store.cell(key).key for key in cells]
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
                "settings": made.settings,
                "electrode": cell.electrode,
                "active_mass_mg": cell.active_mass_mg,
                "origin": "simulated" if cell.simulated else "measured",
                "kind": kind,
                "direction": direction,
                "grid": grid.tolist(),
                "stored": stored,
                "code": code,
            }
            tasks.append({**said, "root": str(store.root), "name": content_hash(said)})
    return tasks, left


@contextmanager
def _handed_over(folder: Path, basis: Array, shift: Array) -> Iterator[Path]:
    """Write basis and shift where the workers read them, for the time of a pass."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".basis-", suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, basis=basis, shift=shift)
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

"""Curves of one run as lines between knots, on disk: the workers' part of `lirich.workbench.learning.curvematrix`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lirich.errors import CorruptStoreError, LirichError, MissingColumnError, NotEnoughDataError
from lirich.learn.lines import sums_of_lines
from lirich.learn.matrix import Array, Direction, Kind
from lirich.learn.resample import Knots, knots_of, knots_on_grid
from lirich.learn.sums import Sums, sums_of
from lirich.workbench.keptsteps import STEP_COLUMNS, rows_of_run, steps_of_run
from lirich.workbench.stores import store_at

if TYPE_CHECKING:
    import polars as pl

    from lirich.store import Store

FOLDER = "curves-as-lines"
"""Where blocks are kept in the workspace's cache."""
_NUMBERS = ("cycle", "capacity_mah_g", "points", "like_group", "rate_c")


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The curves of one run: their *knots* and per curve, shape (c,), what is known of each.

    ``cycle``; ``capacity_mah_g``; ``points``, how many were recorded; ``segment``, empty where unknown; ``like_group``
    and ``rate_c``, NaN where unknown.
    """

    knots: Knots
    known: dict[str, NDArray[Any]]


def blocks_task(parameters: Mapping[str, Any]) -> list[dict[str, Any] | str]:
    """Take the curves of some ``runs`` of one direction apart and keep them, unless they are kept already.

    Returns for each the path, and per curve ``low`` and ``high`` of `Knots` and what `Lines` knows; or why it has none.
    """
    store = store_at(parameters["root"])
    folder = store.cache / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    runs = [(run, folder / f"{run['name']}.lines") for run in parameters["runs"]]
    fresh = [run for run, path in runs if not path.exists()]
    columns = _cycle_columns(parameters["runs"][0]["direction"])
    steps = _tables(store, [steps_of_run(run) for run in fresh], STEP_COLUMNS)
    cycles = _tables(store, [run["cycles"] for run in fresh], columns)
    found: list[dict[str, Any] | str] = []
    for run, path in runs:
        try:
            found.append(_block(store, run, path, steps.get(run["steps"]), cycles.get(run["cycles"])))
        except LirichError as error:
            found.append(error.found)
        except Exception as error:  # noqa: BLE001 - what goes wrong with one run is named, and the others are there
            found.append(f"{type(error).__name__}: {error}")
    return found


def _tables(store: Store, keys: Sequence[str | None], columns: Sequence[str]) -> dict[str | None, pl.DataFrame]:
    """Return some columns of small tables by their keys; none where one cannot be read: each is then read alone."""
    known = list(dict.fromkeys(key for key in keys if key))
    try:
        return dict(zip(known, store.read_curves(known, columns=columns), strict=True)) if known else {}
    except (CorruptStoreError, MissingColumnError):
        return {}


def _block(
    store: Store, run: Mapping[str, Any], path: Path, steps: pl.DataFrame | None, cycles: pl.DataFrame | None
) -> dict[str, Any]:
    if path.exists():
        with path.open("rb") as file:
            knots = _unpacked(file)
            numbers, segment = np.load(file, allow_pickle=False), np.load(file, allow_pickle=False)
        known = {**dict(zip(_NUMBERS, numbers, strict=True)), "segment": segment}
    else:
        lines = _lines_of_run(store, run, steps, cycles)
        knots, known = lines.knots, lines.known
        numbers = np.array([known[name] for name in _NUMBERS], dtype=np.float64)
        _write(path, _packed(knots), (numbers, known["segment"]))
    return {"path": str(path), "low": knots.low, "high": knots.high, **known}


def _packed(knots: Knots) -> Array:
    """Return knots as one row of numbers: how many curves and knots, how many knots of each curve, low, high, x, y."""
    sizes = (float(knots.count), float(len(knots.x)))
    return np.concatenate((sizes, knots.counts, knots.low, knots.high, knots.x, knots.y)).astype("<f8", copy=False)


def _unpacked(file: BinaryIO) -> Knots:
    n, k = (int(size) for size in np.fromfile(file, "<f8", 2))
    counts, low, high = np.fromfile(file, "<f8", 3 * n).reshape(3, n)
    x, y = np.fromfile(file, "<f8", 2 * k).reshape(2, k)
    return Knots(counts.astype(np.int64), x, y, low, high)


def open_block(path: Path) -> Knots:
    """Return the curves that are kept in the file *path*."""
    with path.open("rb") as file:
        return _unpacked(file)


def _lines_of_run(
    store: Store, parameters: Mapping[str, Any], steps: pl.DataFrame | None, cycles: pl.DataFrame | None
) -> Lines:
    direction: Direction = parameters["direction"]
    points, numbers = rows_of_run(store, parameters, steps).points(direction, parameters["active_mass_mg"])
    if points.count == 0:
        raise NotEnoughDataError(f"no {direction}")
    numbers = numbers[: points.count]
    count = np.bincount(points.curve)
    last = np.maximum(np.cumsum(count) - 1, 0)  # the capacity never falls within a curve
    known: dict[str, NDArray[Any]] = {
        "cycle": numbers,
        "capacity_mah_g": np.where(count > 0, points.capacity[last], 0.0),
        "points": count,
        **_of_cycles(store, parameters["cycles"], cycles, direction, numbers),
    }
    return Lines(knots_of(points, parameters["kind"], direction), known)


def _cycle_columns(direction: Direction) -> tuple[str, ...]:
    return ("cycle", "segment", "like_group", f"{direction}_rate_c")


def _of_cycles(
    store: Store, key: str | None, table: pl.DataFrame | None, direction: Direction, cycles: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return what the cycle table *key* (*table*, where it has been read) says of *cycles*; see `Lines`."""
    if key is None:
        unknown = np.full(len(cycles), np.nan)
        return {"segment": np.full(len(cycles), "", dtype=np.str_), "like_group": unknown, "rate_c": unknown}
    table = _cycle_table(store, key, _cycle_columns(direction)) if table is None else table
    number, segment, group, rate = (table[name].to_list() for name in _cycle_columns(direction))
    at = np.minimum(np.searchsorted(number, cycles), len(number) - 1)
    there = np.asarray(number)[at] == cycles
    return {
        "segment": np.where(there, np.array([each or "" for each in segment], dtype=np.str_)[at], ""),
        "like_group": np.where(there, np.array(group, dtype=np.float64)[at], np.nan),  # None becomes NaN
        "rate_c": np.where(there, np.array(rate, dtype=np.float64)[at], np.nan),
    }


def _cycle_table(store: Store, key: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return *columns* of a cycle table, empty where an older analysis has none of that name."""
    try:
        return store.read_curve(key, columns=columns)
    except MissingColumnError:
        import polars as pl

        table = store.read_curve(key)
        return table.select(pl.col(c) if c in table.columns else pl.lit(None).alias(c) for c in columns)


def sums_of_blocks(
    blocks: Sequence[tuple[Path, NDArray[np.int64]]],
    grid: Array,
    kind: Kind,
    direction: Direction,
    basis: Array,
    shift: Array,
) -> Sums:
    """Return the sums of some curves of *blocks* (path, rows) on *grid*; of dQ/dV, which is no line, by its values."""
    parts = (open_block(path).take(rows) for path, rows in blocks)
    if kind == "dQ/dV":
        return sums_of((v for part in parts for v in knots_on_grid(part, grid, kind, direction)), basis, shift)
    return sums_of_lines(parts, grid, basis, shift)


def sums_task(parameters: Mapping[str, Any]) -> Sums:
    """Return the sums of some blocks; grid, basis and shift come as a file."""
    with np.load(parameters["basis"], allow_pickle=False) as given:
        grid, basis, shift = given["grid"], given["basis"], given["shift"]
    blocks = [(Path(path), np.array(kept, dtype=np.int64)) for path, kept in parameters["blocks"]]
    return sums_of_blocks(blocks, grid, parameters["kind"], parameters["direction"], basis, shift)


def _write(path: Path, row: Array, arrays: Iterable[NDArray[Any]]) -> None:
    """Write a file of a *row* of bare numbers and then of *arrays*; it appears whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            row.tofile(file)
            for array in arrays:
                np.save(file, array, allow_pickle=False)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

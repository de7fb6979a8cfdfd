"""Curves of one run on a grid, kept on disk: what workers do for `lirich.workbench.curvematrix`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import NotEnoughDataError
from lirich.learn.matrix import Array, Direction
from lirich.learn.resample import Points, on_grid
from lirich.learn.sums import Sums, sums_of
from lirich.workbench.stores import store_at

if TYPE_CHECKING:
    from lirich.cycling.annotation import Annotation
    from lirich.store import Store

KEYS = {
    "cell": pl.String, "cycle": pl.Int64, "origin": pl.String, "segment": pl.String, "like_group": pl.Int64,
    "capacity_mah_g": pl.Float64, "rate_c": pl.Float64, "run": pl.Int64, "points": pl.Int64,
}  # fmt: skip
"""What is known of each curve of a workspace; ``points`` is how many were recorded."""


def block_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Put the curves of one run on the grid and keep them; return path, keys and which curves are whole."""
    store = store_at(parameters["root"])
    folder = store.cache / "curves-on-grids"
    path = folder / f"{parameters['name']}.npy"
    beside = path.with_suffix(".parquet")
    if not (path.exists() and beside.exists()):
        values, keys = _curves_of_run(store, parameters)
        folder.mkdir(parents=True, exist_ok=True)
        _write(beside, keys.with_columns(pl.Series("whole", ~np.isnan(values).any(axis=1))).write_parquet)
        _write(path, lambda file: np.save(file, values.astype(parameters["stored"]), allow_pickle=False))
    table = pl.read_parquet(beside)
    return {
        "path": str(path),
        "whole": table["whole"].to_list(),
        "keys": table.drop("whole").to_dict(as_series=False),
    }


def _curves_of_run(store: Store, parameters: Mapping[str, Any]) -> tuple[Array, pl.DataFrame]:
    from lirich.cycling import CyclingSettings
    from lirich.cycling.annotation import annotate
    from lirich.readers import join_tables

    table = join_tables([store.read_curve(key) for key in parameters["curves"]])[0]
    settings = CyclingSettings.model_validate(parameters["settings"]) if parameters["settings"] else None
    notes = annotate(table, electrode=parameters["electrode"], settings=settings)
    direction, kind = parameters["direction"], parameters["kind"]
    points, cycles = points_of_run(notes, direction, parameters["active_mass_mg"])
    if points.count == 0:
        raise NotEnoughDataError(f"no {direction}")
    values = np.concatenate(list(on_grid(points, np.array(parameters["grid"]), kind, direction)))
    capacity = np.zeros(points.count)
    np.maximum.at(capacity, points.curve, points.capacity)
    keys = pl.DataFrame(
        {
            "cell": [parameters["cell"]] * points.count,
            "cycle": cycles,
            "origin": [parameters["origin"]] * points.count,
            "capacity_mah_g": capacity,
            "run": [parameters["run"]] * points.count,
            "points": np.bincount(points.curve, minlength=points.count),
        }
    )
    known = store.read_curve(parameters["cycles"]) if parameters["cycles"] else pl.DataFrame({"cycle": []})
    rate = pl.col(f"{direction}_rate_c") if f"{direction}_rate_c" in known.columns else pl.lit(None)
    wanted = [pl.col(n) if n in known.columns else pl.lit(None).alias(n) for n in ("cycle", "segment", "like_group")]
    said = known.select(*wanted, rate.alias("rate_c")).with_columns(pl.col("cycle").cast(pl.Int64))
    joined = keys.with_columns(pl.col("cycle").cast(pl.Int64)).join(said, on="cycle", how="left", maintain_order="left")
    return values, joined.select(pl.col(name).cast(kind) for name, kind in KEYS.items())


def points_of_run(notes: Annotation, direction: Direction, active_mass_mg: float) -> tuple[Points, NDArray[np.int64]]:
    """Return the points of all half-cycles of one direction, and their cycle numbers, shape (c,).

    As `lirich.cycling.halfcycles.half_cycle`: rests and pulses of the other direction are left out, a point at zero
    capacity is put before the first. What came before the first cycle (cycle 0) is left out.
    """
    sign = 1 if direction == "charge" else -1
    halves = np.flatnonzero((notes.half_sign == sign) & (notes.half_cycle > 0))
    number = np.full(len(notes.half_start), -1, dtype=np.int64)
    number[halves] = np.arange(len(halves))
    half = np.repeat(np.arange(len(notes.half_start)), notes.half_stop - notes.half_start)
    total = np.cumsum(notes.passed_ah)
    base = np.append(0.0, total)[notes.half_start]
    rows = np.flatnonzero((notes.points.sign == sign) & (number[half] >= 0))
    curve = number[half[rows]]
    capacity = 1e6 * (total[rows] - base[half[rows]]) / active_mass_mg  # Ah and mg to mAh/g
    first = np.flatnonzero(np.diff(curve, prepend=-1))
    points = Points(
        curve=np.insert(curve, first, curve[first]),
        voltage_v=np.insert(notes.points.voltage_v[rows], first, notes.points.voltage_v[rows][first]),
        capacity=np.insert(capacity, first, 0.0),
        held=np.insert(notes.steps.row_held[rows], first, values=False),
    )
    return points, notes.half_cycle[halves]


def sums_task(parameters: Mapping[str, Any]) -> Sums:
    """Return the sums of one block; basis and shift come as a file."""
    with np.load(parameters["basis"], allow_pickle=False) as given:
        basis, shift = given["basis"], given["shift"]
    values = np.load(parameters["path"], mmap_mode="r", allow_pickle=False)
    return sums_of(values[np.array(parameters["kept"])], basis, shift)


def _write(path: Path, write: Callable[[Any], Any]) -> None:
    """Write a file that appears whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

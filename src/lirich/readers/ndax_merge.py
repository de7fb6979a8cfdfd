"""The streams of a Neware .ndax of layered kind, decoded by ``fastnda`` and put together in numpy.

Newer .ndax files hold voltage and current of every record in ``data.ndc``, and times, capacities and energies of
every 25th or so in ``data_runInfo.ndc``; the rest follows from the current. `fastnda.read` fills it in by grouped
sums over the whole table, which take two thirds of its time. `merged` adds up offset by offset instead, over all
stretches at once and in the same order, so that every number comes out the same to the last bit.

It calls a function of ``fastnda`` that is not public, so it is used only with the versions it was compared with, and
only for files of which everything is as expected; otherwise it returns ``None`` and `fastnda.read` has to do it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

COMPARED_VERSIONS = frozenset({"1.3.1"})
"""The versions of ``fastnda`` whose result is known to be the same (tests/test_readers_core_ndax.py)."""

LONGEST_STRETCH = 5_000
"""More records than this between two entries of runInfo would need too many passes."""

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_MEMBERS = ("data.ndc", "data_runInfo.ndc", "data_step.ndc")
_MAIN = {"index", "voltage_V", "current_mA"}
_AMOUNTS = ("charge_capacity_mAh", "discharge_capacity_mAh", "charge_energy_mWh", "discharge_energy_mWh")
_RUN = {"index", "dt", "step_count", "step_time_s", "unix_time_s", *_AMOUNTS}
_STEP = {"step_count", "step_index", "step_type", "cycle_count"}


def merged(file: Path) -> tuple[pl.DataFrame, bool] | None:
    """Return what ``fastnda.read(file, cycle_mode="raw", raw_categories=True)`` does, and whether the clock goes back.

    ``None`` where the version of ``fastnda`` is another than the compared ones, the archive has auxiliary channels or
    lacks one of the three streams, or the streams are not the usual ones (gaps, other columns, values not finite).
    Raises what ``fastnda`` and `zipfile` raise on damaged streams.
    """
    import fastnda

    if fastnda.__version__ not in COMPARED_VERSIONS:
        return None
    try:
        from fastnda._ndc import read_ndc
    except ImportError:
        return None
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        numbered = any(n.endswith(".ndc") and n[:-4].rpartition("_")[2].isdecimal() for n in names)
        if numbered or not set(_MEMBERS) <= set(names):
            return None
        main, run, step = (read_ndc(archive.read(name)) for name in _MEMBERS)
    return _put_together(main, run, step)


def _put_together(main: pl.DataFrame, run: pl.DataFrame, step: pl.DataFrame) -> tuple[pl.DataFrame, bool] | None:
    tables = ((main, _MAIN), (run, _RUN), (step, _STEP))
    if any(set(t.columns) != expected or not _usable(t) for t, expected in tables):
        return None
    index, wanted = main["index"].to_numpy().astype(np.int64), run["index"].to_numpy().astype(np.int64)
    if (np.diff(index) <= 0).any():
        return None
    at = np.searchsorted(index, wanted)
    there = index[np.minimum(at, len(index) - 1)] == wanted
    run = run.filter(pl.Series(there)).with_columns(_row=pl.Series(at[there])).sort("_row")
    rows = run["_row"].to_numpy()
    if len(rows) == 0 or rows[0] != 0 or (np.diff(rows) <= 0).any():
        return None
    follow = np.diff(rows, append=len(index)) - 1
    steps = run["step_count"].to_numpy().astype(np.int64)
    numbers = step["step_count"].to_numpy().astype(np.int64)
    if int(follow.max()) > LONGEST_STRETCH or (np.diff(steps) < 0).any():
        return None
    if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)) or not 1 <= steps[0] <= steps[-1] <= len(numbers):
        return None
    return _filled(main, run, step, rows, follow + 1, steps)


def _usable(table: pl.DataFrame) -> bool:
    """Tell whether every column is a number, is there and is finite throughout."""
    if table.height == 0 or any(s.null_count() or not s.dtype.is_numeric() for s in table):
        return False
    return all(bool(np.isfinite(s.to_numpy().sum(dtype=np.float64))) for s in table)


def _filled(
    main: pl.DataFrame, run: pl.DataFrame, step: pl.DataFrame, rows: Rows, lengths: Rows, steps: Rows
) -> tuple[pl.DataFrame, bool]:
    """Fill in between the entries of *run*, which stand at *rows* and are good for *lengths* records each."""
    voltage, current = main["voltage_V"].to_numpy(), main["current_mA"].to_numpy()

    def held(name: str) -> Array:
        return np.repeat(run[name].to_numpy().astype(np.float64), lengths)

    dt = held("dt")
    passed, charge, energy = _running(rows, lengths, (dt, dt * current / 3600, dt * voltage * current / 3600))
    step_time = held("step_time_s") + passed
    unix = held("unix_time_s") + passed
    names = {"capacity_mAh": ("charge_capacity_mAh", "discharge_capacity_mAh", charge)}
    names["energy_mWh"] = ("charge_energy_mWh", "discharge_energy_mWh", energy)
    amounts = {
        name: (np.abs(held(up)) + np.maximum(grown, 0.0)) - (np.abs(held(down)) - np.minimum(grown, 0.0))
        for name, (up, down, grown) in names.items()
    }
    first = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    begins = rows[first]
    lasted = np.maximum.reduceat(step_time, begins)
    before = np.repeat(np.concatenate(([0.0], np.cumsum(lasted[:-1]))), np.diff(begins, append=len(unix)))
    of_step, counts = steps[first], np.diff(begins, append=len(unix))
    described = {
        name: np.repeat(step[name].to_numpy()[of_step - 1], counts)
        for name in ("cycle_count", "step_index", "step_type")
    }
    frame = pl.DataFrame(
        {
            "index": main["index"].cast(pl.UInt32),
            "voltage_V": main["voltage_V"].cast(pl.Float32),
            "current_mA": main["current_mA"].cast(pl.Float32),
            "unix_time_s": unix,
            "step_time_s": step_time,
            "total_time_s": step_time + before,
            "cycle_count": pl.Series(described["cycle_count"]).cast(pl.UInt32),
            "step_count": pl.Series(np.repeat(of_step.astype(np.uint32), counts)),
            "step_index": pl.Series(described["step_index"]).cast(pl.UInt32),
            "step_type": pl.Series(described["step_type"]).cast(pl.UInt8),
            **{name: pl.Series(values.astype(np.float32)) for name, values in amounts.items()},
        }
    ).with_columns(pl.col("unix_time_s", "step_time_s", "total_time_s").round(6))
    return frame, bool((np.diff(unix) < 0).any())


def _running(rows: Rows, lengths: Rows, increments: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return running sums that start from 0 at each of *rows*, of what comes after it; each shape (n_records,)."""
    order = np.argsort(-lengths, kind="stable")
    starts, left = rows[order], -lengths[order]
    sums = tuple(np.zeros(len(increments[0])) for _ in increments)
    totals = [np.zeros(len(rows)) for _ in increments]
    for offset in range(1, -int(left[0])):
        count = int(np.searchsorted(left, -offset, side="left"))  # stretches that are longer than this
        here = starts[:count] + offset
        for total, increment, result in zip(totals, increments, sums, strict=True):
            part = total[:count]
            part += increment[here]
            result[here] = part
    return sums

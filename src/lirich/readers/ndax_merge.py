"""The streams of a Neware .ndax, decoded by ``fastnda`` and put together in numpy.

Newer .ndax files hold voltage and current of every record in ``data.ndc``, and times, capacities and energies of
every 25th or so in ``data_runInfo.ndc``; the rest follows from the current. `fastnda.read` fills it in by grouped
sums over the whole table, which take two thirds of its time. `merged` adds up offset by offset instead, over many
stretches at once and in the same order, so that every number comes out the same to the last bit. Older files hold
all of it in ``data.ndc``; they only lack the time since the start of the test.

It calls a function of ``fastnda`` that is not public, so it is used only with the versions it was compared with, and
only for files of which everything is as expected; otherwise it returns ``None`` and `fastnda.read` has to do it.
"""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.readers.ndax_flat import Columns, decoded

COMPARED_VERSIONS = frozenset({"1.3.1"})
"""The versions of ``fastnda`` whose result is known to be the same (tests/test_readers_core_ndax.py)."""

LONGEST_STRETCH = 5_000
"""More records than this between two entries of runInfo would need too many passes."""

BLOCK_RECORDS = 32_768
"""So many records are filled in at a time: what belongs to them then stays in the cache of the processor."""

DIGITS = 6
"""`fastnda` rounds times to microseconds."""

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_MEMBERS = ("data.ndc", "data_runInfo.ndc", "data_step.ndc")
_MAIN = {"index", "voltage_V", "current_mA"}
_AMOUNTS = ("charge_capacity_mAh", "discharge_capacity_mAh", "charge_energy_mWh", "discharge_energy_mWh")
_RUN = {"index", "dt", "step_count", "step_time_s", "unix_time_s", *_AMOUNTS}
_FLAT = _MAIN | _RUN - {"dt"} | {"step_index", "step_type", "cycle_count"}
_STEP = {"step_count", "step_index", "step_type", "cycle_count"}
_MEASURED = {"voltage_V": pl.Float32, "current_mA": pl.Float32}
_DESCRIBED = {"cycle_count": pl.Int64, "step_count": pl.Int64, "step_index": pl.Int64, "step_type": pl.UInt8}


def merged(file: Path) -> tuple[pl.DataFrame, bool] | None:
    """Return what ``fastnda.read(file, cycle_mode="raw", raw_categories=True)`` does, and whether the clock goes back.

    The time in the step is left out, which no standard table has, and numbers of cycles and steps are Int64; those of
    the records are as they were decoded.
    ``None`` where the version of ``fastnda`` is another than the compared ones, the archive has auxiliary channels or
    only some of the three streams, or the streams are not the usual ones (gaps, other columns, values not finite).
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
        there = [name for name in _MEMBERS if name in names]
        if numbered or len(there) == 2:
            return None
        streams = [_member(archive, name) for name in there]
    if len(streams) == 3:
        return _put_together(*(read_ndc(stream) for stream in streams))
    main = decoded(streams[0])
    if main is None:
        main = _columns_of(read_ndc(streams[0]))
    return None if main is None else (_flat(main), False)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member unpacked; told its size, the unpacking need not try ever larger buffers."""
    with archive.open(name) as stream:
        return stream.read(archive.getinfo(name).file_size)


def _columns_of(main: pl.DataFrame) -> Columns | None:
    """Return what `_flat` needs of a stream that has everything, ``None`` where something is unusual."""
    if not set(main.columns) >= _FLAT or {"total_time_s", "capacity_mAh", "energy_mWh"} & set(main.columns):
        return None
    main = main[sorted(_FLAT)]
    steps = main["step_count"].to_numpy()
    if not _usable(main) or (steps[1:] < steps[:-1]).any() or main["step_time_s"].dtype != pl.Float64:
        return None
    dtypes = {**_MEASURED, **_DESCRIBED, "unix_time_s": pl.Float64}
    return {name: main[name].cast(dtypes.get(name, main[name].dtype)).to_numpy() for name in main.columns}


def _flat(main: Columns) -> pl.DataFrame:
    """Return the frame of `merged` for a file that has everything in one stream."""
    steps = main["step_count"]
    begins = np.concatenate(([0], np.flatnonzero(steps[1:] != steps[:-1]) + 1))
    columns = {
        "index": main["index"],
        **{name: main[name] for name in (*_MEASURED, *_DESCRIBED)},
        "unix_time_s": np.round(main["unix_time_s"], DIGITS),
        "total_time_s": np.round(_since_start(main["step_time_s"], begins), DIGITS),
        "capacity_mAh": (main["charge_capacity_mAh"] - main["discharge_capacity_mAh"]).astype(np.float32),
        "energy_mWh": (main["charge_energy_mWh"] - main["discharge_energy_mWh"]).astype(np.float32),
    }
    return pl.DataFrame([pl.Series(name, values) for name, values in columns.items()])


def _since_start(step_time: Array, begins: Rows) -> Array:
    """Return the time since the start of the test from that since the start of the step, which *begins* there, s."""
    lasted = np.maximum.reduceat(step_time, begins)
    before = np.concatenate(([0.0], np.cumsum(lasted[:-1])))
    total: Array = np.repeat(before, np.diff(begins, append=len(step_time)))
    total += step_time
    return total


def _put_together(main: pl.DataFrame, run: pl.DataFrame, step: pl.DataFrame) -> tuple[pl.DataFrame, bool] | None:
    tables = ((main, _MAIN), (run, _RUN), (step, _STEP))
    if any(set(t.columns) != expected or not _usable(t) for t, expected in tables):
        return None
    index = main["index"].to_numpy()
    if (index[1:] <= index[:-1]).any():
        return None
    run = run.sort("index")
    wanted = run["index"].to_numpy().astype(np.int64)
    at = np.searchsorted(index, wanted)
    there = index[np.minimum(at, len(index) - 1)] == wanted
    run, rows = run.filter(pl.Series(there)), at[there]
    if len(rows) == 0 or rows[0] != 0 or (np.diff(rows) <= 0).any():
        return None
    lengths = np.diff(rows, append=len(index))
    steps = run["step_count"].to_numpy().astype(np.int64)
    numbers = step["step_count"].to_numpy().astype(np.int64)
    if int(lengths.max()) > LONGEST_STRETCH + 1 or (np.diff(steps) < 0).any():
        return None
    if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)) or not 1 <= steps[0] <= steps[-1] <= len(numbers):
        return None
    return _filled(main, run, step, rows, lengths, steps)


def _usable(table: pl.DataFrame) -> bool:
    """Tell whether every column is a number, is there and is finite throughout."""
    if table.height == 0 or any(s.null_count() or not s.dtype.is_numeric() for s in table):
        return False
    return all(bool(np.isfinite(s.to_numpy().sum(dtype=np.float64))) for s in table if s.dtype.is_float())


def _filled(
    main: pl.DataFrame, run: pl.DataFrame, step: pl.DataFrame, rows: Rows, lengths: Rows, steps: Rows
) -> tuple[pl.DataFrame, bool]:
    """Fill in between the entries of *run*, which stand at *rows* and are good for *lengths* records each."""
    stretches = _Stretches(main, run, rows, lengths)
    cuts = np.append(np.searchsorted(rows, np.arange(0, main.height, BLOCK_RECORDS)), len(rows))
    for first, end in itertools.pairwise(np.unique(cuts).tolist()):
        stretches.fill(first, end)
    unix, step_time = stretches.unix, stretches.step_time
    first = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    begins = rows[first]
    of_step, counts = steps[first] - 1, np.diff(begins, append=len(unix))
    described = {
        name: pl.Series(np.repeat(step[name].cast(dtype).to_numpy()[of_step], counts))
        for name, dtype in _DESCRIBED.items()
    }
    back = bool((unix[1:] < unix[:-1]).any())
    total_time = _since_start(step_time, begins)
    frame = pl.DataFrame(
        {
            "index": main["index"],
            **{name: main[name].cast(dtype) for name, dtype in _MEASURED.items()},
            "unix_time_s": np.round(unix, DIGITS, out=unix),
            "total_time_s": np.round(total_time, DIGITS, out=total_time),
            **described,
            "capacity_mAh": stretches.capacity,
            "energy_mWh": stretches.energy,
        }
    )
    return frame, back


class _Stretches:
    """Times, s, capacity, mAh, and energy, mWh, of every record, shape (n_records,), filled in block by block."""

    def __init__(self, main: pl.DataFrame, run: pl.DataFrame, rows: Rows, lengths: Rows) -> None:
        self.rows, self.lengths = rows, lengths
        self.voltage, self.current = main["voltage_V"].to_numpy(), main["current_mA"].to_numpy()
        self.run = {name: run[name].to_numpy().astype(np.float64) for name in ("dt", "step_time_s", "unix_time_s")}
        self.run |= {name: np.abs(run[name].to_numpy().astype(np.float64)) for name in _AMOUNTS}
        self.step_time, self.unix = np.empty(main.height), np.empty(main.height)
        self.capacity, self.energy = (np.empty(main.height, dtype=np.float32) for _ in range(2))

    def fill(self, first: int, end: int) -> None:
        """Fill in the records of the entries from *first* to *end* (exclusive)."""
        rows, lengths = self.rows[first:end], self.lengths[first:end]
        here = slice(int(rows[0]), int(rows[-1] + lengths[-1]))
        voltage, current = self.voltage[here], self.current[here]

        def held(name: str) -> Array:
            return np.repeat(self.run[name][first:end], lengths)

        dt = held("dt")
        passed, charge, energy = _running(
            rows - rows[0], lengths, (dt, dt * current / 3600, dt * voltage * current / 3600)
        )
        np.add(held("step_time_s"), passed, out=self.step_time[here])
        np.add(held("unix_time_s"), passed, out=self.unix[here])
        for amount, grown, up, down in (
            (self.capacity, charge, "charge_capacity_mAh", "discharge_capacity_mAh"),
            (self.energy, energy, "charge_energy_mWh", "discharge_energy_mWh"),
        ):
            amount[here] = (held(up) + np.maximum(grown, 0.0)) - (held(down) - np.minimum(grown, 0.0))


def _running(rows: Rows, lengths: Rows, increments: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return running sums that start from 0 at each of *rows*, of what comes after it; each shape (n_records,)."""
    order = np.argsort(-lengths, kind="stable")
    here, left = rows[order], -lengths[order]
    sums = tuple(np.zeros(len(increments[0])) for _ in increments)
    totals = [np.zeros(len(rows)) for _ in increments]
    # of every offset from the start: how many stretches are longer than that
    for count in np.searchsorted(left, -np.arange(1, -int(left[0])), side="left").tolist():
        here = here[:count] + 1
        for total, increment, result in zip(totals, increments, sums, strict=True):
            part = total[:count]
            part += increment[here]
            result[here] = part
    return sums

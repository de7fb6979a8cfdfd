"""The streams of a Neware .ndax, decoded here (`lirich.readers.ndc`) or by ``fastnda``, and put together in numpy.

Newer .ndax files hold voltage and current of every record in ``data.ndc``, and times, capacities and energies of
every 25th or so in ``data_runInfo.ndc``; the rest follows from the current. `fastnda.read` fills it in by grouped
sums over the whole table, which take two thirds of its time. `merged` adds up offset by offset instead, over many
stretches at once and in the same order, so that every number comes out the same to the last bit. Older files hold
all of it in ``data.ndc``; they only lack the time since the start of the test.

It stands for ``fastnda``, and for streams of other versions calls a function of it that is not public: so it is used
only with the versions that it was compared with, and only for files of which everything is as expected; otherwise it
returns ``None`` and `fastnda.read` has to do it.
"""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.pieces import pieces
from lirich.readers.beside import beside
from lirich.readers.ndc import AMOUNTS, Columns, decoded

COMPARED_VERSIONS = frozenset({"1.3.1"})
"""The versions of ``fastnda`` whose result is known to be the same (tests/test_readers_core_ndax.py)."""

LONGEST_STRETCH = 5_000
"""More records than this between two entries of runInfo would need too many passes."""

BLOCK_RECORDS = 32_768
"""So many records are filled in at a time: what belongs to them then stays in the cache of the processor."""

SIDE_BY_SIDE_BYTES = 1 << 20
"""To unpack so much takes some milliseconds."""

DIGITS = 6
"""`fastnda` rounds times to microseconds."""

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_MEMBERS = ("data.ndc", "data_runInfo.ndc", "data_step.ndc")
_MAIN = frozenset({"index", "voltage_V", "current_mA"})
_RUN = frozenset({"index", "dt", "step_count", "step_time_s", "unix_time_s", *AMOUNTS})
_FLAT = _MAIN | _RUN - {"dt"} | {"step_index", "step_type", "cycle_count"}
_STEP = frozenset({"step_count", "step_index", "step_type", "cycle_count"})
_TOTALS = {"total_time_s", "capacity_mAh", "energy_mWh"}
"""Columns that `fastnda.read` makes; a stream that has one already is none of those that are put together here."""
_MEASURED = ("voltage_V", "current_mA")
_DESCRIBED = ("cycle_count", "step_count", "step_index", "step_type")
_DTYPES: dict[str, type[pl.DataType]] = {
    "index": pl.Int64, "voltage_V": pl.Float32, "current_mA": pl.Float32, "cycle_count": pl.Int64,
    "step_count": pl.Int64, "step_index": pl.Int64, "step_type": pl.UInt8, **dict.fromkeys(AMOUNTS, pl.Float32),
}  # fmt: skip
"""The types of columns that are no Float64."""


def merged(file: Path) -> tuple[Columns, bool] | None:
    """Return what ``fastnda.read(file, cycle_mode="raw", raw_categories=True)`` does, and whether the clock goes back.

    It comes column by column, each of shape (n_records,). The time in the step is left out, which no standard table
    has, and numbers of cycles and steps are Int64.
    ``None`` where the version of ``fastnda`` is another than the compared ones, the archive has auxiliary channels or
    only some of the three streams, or the streams are not the usual ones (gaps, other columns, values not finite).
    Raises what ``fastnda`` and `zipfile` raise on damaged streams.
    """
    import fastnda

    if fastnda.__version__ not in COMPARED_VERSIONS:
        return None
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        numbered = any(n.endswith(".ndc") and n[:-4].rpartition("_")[2].isdecimal() for n in names)
        there = [name for name in _MEMBERS if name in names]
        if numbered or len(there) == 2:
            return None
        if len(there) == 3:
            layers = _layers(archive)
            return None if layers is None else _put_together(*layers)
        main = _columns(_member(archive, "data.ndc"), _FLAT, others=True)
    if main is None or (main["step_count"][1:] < main["step_count"][:-1]).any():
        return None
    return _flat(main), False


def _layers(archive: zipfile.ZipFile) -> tuple[Columns, Columns, Columns] | None:
    """Return the three streams; large ones are unpacked side by side, as to unpack leaves Python free."""

    def layer(name: str, names: frozenset[str]) -> Columns | None:
        return _columns(_member(archive, name), names)

    others = beside(
        lambda: (layer("data_runInfo.ndc", _RUN), layer("data_step.ndc", _STEP)),
        worth=archive.getinfo("data.ndc").file_size >= SIDE_BY_SIDE_BYTES,
    )
    main, (run, step) = layer("data.ndc", _MAIN), others()
    return None if main is None or run is None or step is None else (main, run, step)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member unpacked; told its size, the unpacking need not try ever larger buffers."""
    with archive.open(name) as stream:
        return stream.read(archive.getinfo(name).file_size)


def _columns(stream: bytes, names: frozenset[str], *, others: bool = False) -> Columns | None:
    """Return the columns *names* of a stream, ``None`` where one is absent or not a finite number throughout.

    *others*: whether columns beside them are left alone; without, they make it ``None`` too. Raises what `fastnda`
    raises on damaged streams.
    """
    columns = decoded(stream)
    if columns is None:
        columns = _by_fastnda(stream, names, others=others)
    if columns is None or set(columns) != names:
        return None
    floats = (values for values in columns.values() if values.dtype.kind == "f")
    return columns if all(bool(np.isfinite(values).all()) for values in floats) else None


def _by_fastnda(stream: bytes, names: frozenset[str], *, others: bool) -> Columns | None:
    from fastnda._ndc import read_ndc

    frame = read_ndc(stream)
    there = set(frame.columns)
    if not frame.height or not names <= there or (there & _TOTALS if others else there != names):
        return None
    if any(s.null_count() or not s.dtype.is_numeric() for s in frame[sorted(names)]):
        return None
    if others and frame["step_time_s"].dtype != pl.Float64:
        return None
    columns: Columns = {name: frame[name].cast(_DTYPES.get(name, pl.Float64)).to_numpy() for name in names}
    if names is not _RUN:
        return columns
    order = np.argsort(columns["index"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def _flat(main: Columns) -> Columns:
    """Return the columns of `merged` for a file that has everything in one stream."""
    steps = main["step_count"]
    begins = np.concatenate(([0], np.flatnonzero(steps[1:] != steps[:-1]) + 1))
    return {
        "index": main["index"],
        **{name: main[name] for name in (*_MEASURED, *_DESCRIBED)},
        "unix_time_s": np.round(main["unix_time_s"], DIGITS),
        "total_time_s": np.round(_since_start(main["step_time_s"], begins), DIGITS),
        "capacity_mAh": (main["charge_capacity_mAh"] - main["discharge_capacity_mAh"]).astype(np.float32),
        "energy_mWh": (main["charge_energy_mWh"] - main["discharge_energy_mWh"]).astype(np.float32),
    }


def _since_start(step_time: Array, begins: Rows) -> Array:
    """Return the time since the start of the test from that since the start of the step, which *begins* there, s."""
    lasted = np.maximum.reduceat(step_time, begins)
    before = np.concatenate(([0.0], np.cumsum(lasted[:-1])))
    total: Array = np.repeat(before, np.diff(begins, append=len(step_time)))
    total += step_time
    return total


def _put_together(main: Columns, run: Columns, step: Columns) -> tuple[Columns, bool] | None:
    index = main["index"]
    if (index[1:] <= index[:-1]).any():
        return None
    wanted = run["index"]
    at = np.searchsorted(index, wanted.astype(index.dtype))  # of another type, all of *index* would be cast
    there = index[np.minimum(at, len(index) - 1)] == wanted
    rows = at[there]
    run = {name: values[there] for name, values in run.items()}
    if len(rows) == 0 or rows[0] != 0 or (np.diff(rows) <= 0).any():
        return None
    lengths = np.diff(rows, append=len(index))
    steps, numbers = run["step_count"], step["step_count"]
    if int(lengths.max()) > LONGEST_STRETCH + 1 or (np.diff(steps) < 0).any():
        return None
    if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)) or not 1 <= steps[0] <= steps[-1] <= len(numbers):
        return None
    return _filled(main, run, step, rows, lengths)


def _filled(main: Columns, run: Columns, step: Columns, rows: Rows, lengths: Rows) -> tuple[Columns, bool]:
    """Fill in between the entries of *run*, which stand at *rows* and are good for *lengths* records each."""
    stretches = _Stretches(main, run, rows, lengths)
    cuts = np.append(np.searchsorted(rows, np.arange(0, len(main["index"]), BLOCK_RECORDS)), len(rows))
    for first, end in itertools.pairwise(np.unique(cuts).tolist()):
        stretches.fill(first, end)
    unix, step_time, steps = stretches.unix, stretches.step_time, run["step_count"]
    first = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    begins = rows[first]
    of_step, counts = steps[first] - 1, np.diff(begins, append=len(unix))
    back = bool((unix[1:] < unix[:-1]).any())
    total_time = _since_start(step_time, begins)
    for here in pieces(len(unix)):
        for values in (unix[here], total_time[here]):
            np.round(values, DIGITS, out=values)
    columns = {
        "index": main["index"],
        **{name: main[name] for name in _MEASURED},
        "unix_time_s": unix,
        "total_time_s": total_time,
        **{name: np.repeat(step[name][of_step], counts) for name in _DESCRIBED},
        "capacity_mAh": stretches.capacity,
        "energy_mWh": stretches.energy,
    }
    return columns, back


class _Stretches:
    """Times, s, capacity, mAh, and energy, mWh, of every record, shape (n_records,), filled in block by block."""

    def __init__(self, main: Columns, run: Columns, rows: Rows, lengths: Rows) -> None:
        self.rows, self.lengths = rows, lengths
        self.voltage, self.current = main["voltage_V"], main["current_mA"]
        self.run = {name: run[name] for name in ("dt", "step_time_s", "unix_time_s")}
        self.run |= {name: np.abs(run[name].astype(np.float64)) for name in AMOUNTS}
        self.step_time, self.unix = np.empty(len(self.voltage)), np.empty(len(self.voltage))
        self.capacity, self.energy = (np.empty(len(self.voltage), dtype=np.float32) for _ in range(2))

    def fill(self, first: int, end: int) -> None:
        """Fill in the records of the entries from *first* to *end* (exclusive)."""
        rows, lengths = self.rows[first:end], self.lengths[first:end]
        here = slice(int(rows[0]), int(rows[-1] + lengths[-1]))
        voltage, current = self.voltage[here], self.current[here]

        def held(name: str) -> Array:
            return np.repeat(self.run[name][first:end], lengths)

        dt = held("dt")
        sums = np.empty((3, len(dt)))
        passed, charge, energy = sums
        passed[:] = dt
        np.multiply(dt, current, out=charge)
        charge /= 3600
        np.multiply(dt, voltage, out=energy)
        energy *= current
        energy /= 3600
        _add_up(sums, rows - rows[0], lengths)
        np.add(held("step_time_s"), passed, out=self.step_time[here])
        np.add(held("unix_time_s"), passed, out=self.unix[here])
        for amount, grown, up, down in (
            (self.capacity, charge, "charge_capacity_mAh", "discharge_capacity_mAh"),
            (self.energy, energy, "charge_energy_mWh", "discharge_energy_mWh"),
        ):
            gained, lost = held(up), held(down)
            np.add(gained, np.maximum(grown, 0.0), out=gained)
            np.minimum(grown, 0.0, out=grown)
            np.subtract(lost, grown, out=lost)
            np.subtract(gained, lost, out=gained)
            amount[here] = gained


def _add_up(values: Array, rows: Rows, lengths: Rows) -> None:
    """Make of *values*, shape (k, n_records), running sums (in place) that start from 0 at each of *rows*.

    The records are put in the order of their offset from their row, those of the longest stretch first, so that each
    offset is one addition of neighbours in memory; every sum is made in the order of the records.
    """
    rank = np.empty_like(rows)
    rank[np.argsort((-lengths).astype(np.int16), kind="stable")] = np.arange(len(rows))  # so small, they are counted
    # of every offset: how many stretches are longer than that
    counts = np.cumsum(np.bincount(lengths)[:0:-1])[::-1]
    record = np.arange(values.shape[1])
    place = (np.cumsum(counts) - counts).take(record - np.repeat(rows, lengths))
    place += np.repeat(rank, lengths)
    back = np.empty_like(place)
    back[place] = record
    ordered = np.empty_like(values)
    for row, taken in zip(values, ordered, strict=True):
        np.take(row, back, out=taken, mode="clip")  # without it numpy makes a copy first
    begin, many = 0, counts.tolist()
    ordered[:, : many[0]] = 0.0
    for count, after in itertools.pairwise(many):
        ordered[:, begin + count : begin + count + after] += ordered[:, begin : begin + after]
        begin += count
    for row, summed in zip(values, ordered, strict=True):
        np.take(summed, place, out=row, mode="clip")

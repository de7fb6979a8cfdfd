"""Neware .nda and .ndax, the cycler's own binary files, as ``fastnda`` (BSD-3-Clause) reads them.

It gives voltage and current in single precision, time in double precision and the capacity of each
step counted from the step's start; here they become one standard table with capacities and energies that
never fall. The cycler's own cycle number is kept as it was written. What `fastnda` warns about becomes
findings, and whatever a damaged file makes it raise becomes a `DamagedFileError`.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import DamagedFileError
from lirich.model import Finding, Severity
from lirich.model.table import (
    CELL_TEMPERATURE,
    CHARGED,
    CHARGED_ENERGY,
    CURRENT,
    CYCLE,
    DISCHARGED,
    DISCHARGED_ENERGY,
    STEP,
    STEP_INDEX,
    STEP_TYPE,
    TIME,
    UNIX_TIME,
    VOLTAGE,
)
from lirich.readers.base import ColumnMatch, Reading, Recognition, require_time_axis, standard_table
from lirich.readers.beside import beside
from lirich.readers.ndax_merge import merged
from lirich.readers.neware_description import described

NDA_MAGIC = b"NEWARE"
ZIP_MAGIC = b"PK\x03\x04"

LARGEST_UNPACKED_BYTES = 8 * 2**30
"""More than this in one archive is no test (700 000 rows unpack to 8 MB) but a trap or a broken directory."""

LARGEST_RATIO = 500
"""Deflate packs real .ndc files 2 to 20 times; empty pages reach some hundred times."""

MOST_STEPS = 50_000
"""Up to this many steps are added up one by one, which is the quickest for tests of few long steps."""

MANY_ROWS = 100_000
"""To look up the names of so many steps is worth a second thread."""

CLOCK_GOES_BACK = "negative jumps in the 'unix_time_s'"
"""What `fastnda` says where the clock goes back."""

_COLUMNS = {
    "total_time_s": (TIME, "s", 1.0),
    "voltage_V": (VOLTAGE, "V", 1.0),
    "current_mA": (CURRENT, "mA", 1e-3),
    "unix_time_s": (UNIX_TIME, "s", 1.0),
    "cycle_count": (CYCLE, "", 1.0),
    "step_count": (STEP, "", 1.0),
    "step_index": (STEP_INDEX, "", 1.0),
    "step_type": (STEP_TYPE, "", 1.0),
}


class NewareReader:
    """Reads .nda and .ndax."""

    name = "neware"
    version = "1"
    description = "Neware binary (.nda, .ndax)"
    extensions: tuple[str, ...] = (".nda", ".ndax")

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Recognise the magic bytes of .nda, or a zip archive that holds .ndc members."""
        suffix = path.suffix.lower()
        if head.startswith(NDA_MAGIC):
            return Recognition(1.0, "begins with NEWARE")
        if head.startswith(ZIP_MAGIC):
            if suffix == ".ndax":
                return Recognition(1.0, "zip archive named .ndax")
            if b"data.ndc" in head or b"data_runInfo.ndc" in head:
                return Recognition(0.99, "zip archive with a member data.ndc")
            return None
        if suffix in self.extensions:
            return Recognition(0.3, f"named {suffix}, but without the magic bytes")
        return None

    def read(self, path: Path) -> Reading:
        """Read the file. Raises `DamagedFileError`."""
        kind = _kind(path)
        notes: tuple[Finding, ...] = ()
        if kind == ".nda":
            notes = _check_length(path)
        else:
            _check_archive(path)
        with _named(path, kind) as file, _overheard() as heard:
            frame = _fastnda(file, path, heard)
            metadata, doubts = described(file, kind)
        if not len(frame["step_count"]):
            raise _damaged(path, "it holds no recorded point")
        table, unrecognised = _standard(frame, path)
        findings = (*notes, *doubts, *_index_findings(frame), *heard.findings())
        used = [c for c in _COLUMNS if c in frame]
        return Reading(
            table=table,
            reader=self.name,
            reader_version=self.version,
            confidence=1.0,
            reason=f"Neware {kind[1:]}",
            recognised=(
                *(ColumnMatch(source, *_COLUMNS[source]) for source in used),
                ColumnMatch("capacity_mAh", CHARGED, "mAh", 1e-3, "positive steps of the step capacity, added up"),
                ColumnMatch("capacity_mAh", DISCHARGED, "mAh", 1e-3, "negative steps of the step capacity, added up"),
            ),
            unrecognised=unrecognised,
            metadata=metadata,
            findings=findings,
        )


READERS = (NewareReader(),)


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        magic = file.read(6)
    if magic == NDA_MAGIC:
        return ".nda"
    if magic.startswith(ZIP_MAGIC):
        return ".ndax"
    raise _damaged(path, f"it begins with {magic.hex(' ')} and neither with NEWARE nor as a zip archive")


def _damaged(path: Path, why: str) -> DamagedFileError:
    return DamagedFileError(
        f"{path.name} is damaged or cut short: {why}",
        expected="a complete Neware file",
        advice="Copy or export it from the cycler again",
    )


@contextmanager
def _named(path: Path, kind: str) -> Iterator[Path]:
    """Give the file under a name that ends as `fastnda` wants it."""
    if path.suffix.lower() == kind:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lirich-") as folder:
        copy = Path(folder) / f"file{kind}"
        shutil.copyfile(path, copy)
        yield copy


def _check_length(path: Path) -> tuple[Finding, ...]:
    """Compare the sections that the header of a .nda announces with the size of the file.

    The header holds pairs of begin and length: from byte 16 on in versions up to 29 (the records at byte 64),
    at byte 82 in versions 129 and 130. Old versions (8 and before) write no length for the records; then a
    finding says that nobody can tell whether the file is complete.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(256)
    if len(head) < 256:
        raise _damaged(path, f"it has {size} bytes, less than its header")
    width, start, pairs, records = (8, 82, 1, 0) if head[14] >= 128 else (4, 16, 10, 6)
    numbers = [int.from_bytes(head[start + i * width : start + (i + 1) * width], "little") for i in range(2 * pairs)]
    sections = list(zip(numbers[::2], numbers[1::2], strict=True))
    for begin, length in sections:
        if length and begin + length > size:
            raise _damaged(path, f"its header announces data up to byte {begin + length}, the file ends at {size}")
    if sections[records][1]:
        return ()
    return (
        Finding(
            code="length-not-stated",
            severity=Severity.INFO,
            message="This version of .nda does not state its length: whether the file is complete cannot be told",
        ),
    )


def _check_archive(path: Path) -> None:
    """Look at the directory of the archive before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise _damaged(path, f"the archive has no readable directory ({error})") from error
    names = [m.filename for m in members]
    if "data.ndc" not in names:
        raise _damaged(path, f"the archive has no data.ndc (it has {', '.join(names[:6]) or 'nothing'})")
    if len(set(names)) != len(names):
        raise _damaged(path, "the archive holds two members of the same name")
    unpacked = sum(m.file_size for m in members)
    packed = max(1, sum(m.compress_size for m in members))
    if unpacked > LARGEST_UNPACKED_BYTES or (unpacked > 2**27 and unpacked / packed > LARGEST_RATIO):
        raise _damaged(path, f"the archive would unpack from {packed} to {unpacked} bytes")
    if any(m.flag_bits & 0x1 for m in members):
        raise _damaged(path, "the archive is encrypted")


class _Heard(logging.Handler):
    """Collects what `fastnda` logs and warns."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def findings(self) -> tuple[Finding, ...]:
        """Return one finding for each thing that was said."""
        return tuple(dict.fromkeys(_heard_finding(message) for message in self.messages))


def _heard_finding(message: str) -> Finding:
    if CLOCK_GOES_BACK in message:
        return Finding(
            code="clock-goes-back",
            severity=Severity.INFO,
            message="The cycler's clock goes back in places; test time is used, clock time is kept as it was written",
        )
    if "not been verified" in message or "thoroughly tested" in message:
        return Finding(
            code="neware-version-unverified",
            severity=Severity.WARNING,
            message="fastnda knows this version of the Neware format only from similar ones: " + message.split(".")[0],
            advice="Compare some values with the vendor's software",
        )
    if "Raw cycle column missing" in message or "unexpected cycle numbers" in message:
        return Finding(
            code="cycle-count-made",
            severity=Severity.INFO,
            message="The file holds no cycle number; the one in the table was made from its step types",
        )
    return Finding(code="neware-note", severity=Severity.WARNING, message=f"fastnda says: {message}")


@contextmanager
def _overheard() -> Iterator[_Heard]:
    """Keep `fastnda` quiet and listen to it."""
    heard = _Heard()
    logger = logging.getLogger("fastnda")
    propagate = logger.propagate
    logger.addHandler(heard)
    logger.propagate = False
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield heard
        heard.messages += [
            str(w.message) for w in caught if "fastnda" in str(w.filename) or "fastnda" in str(w.message)
        ]
    finally:
        logger.removeHandler(heard)
        logger.propagate = propagate


_PLAIN_ZLIB = (zlib.decompress, zlib.decompressobj)


@contextmanager
def _quick_zlib() -> Iterator[None]:
    """Confine to `fastnda` the quicker zlib that it puts in place of Python's for the whole process.

    Its errors are not ``zlib.error``: other code that reads archives would not know them.
    """
    from fastnda import ndax

    quick = getattr(ndax, "isal_zlib", None)
    try:
        if quick is not None:
            zlib.decompress, zlib.decompressobj = quick.decompress, quick.decompressobj
        yield
    finally:
        zlib.decompress, zlib.decompressobj = _PLAIN_ZLIB


_Frame = Mapping[str, NDArray[Any] | pl.Series]
"""Columns by the names of `fastnda`: arrays where nothing is missing."""


def _fastnda(file: Path, path: Path, heard: _Heard) -> _Frame:
    import fastnda

    try:
        with _quick_zlib():
            quick = merged(file) if file.suffix.lower() == ".ndax" else None
            if quick is None:
                read: pl.DataFrame = fastnda.read(file, cycle_mode="raw", raw_categories=True)
        frame: _Frame = {series.name: series for series in read} if quick is None else quick[0]
        if quick is not None and quick[1]:
            heard.messages.append(CLOCK_GOES_BACK)
    except NotImplementedError as error:
        raise DamagedFileError(
            f"{path.name} is of a Neware format version that fastnda cannot read: {error}",
            advice="Export it as csv or xlsx from BTSDA, or send a sample to the fastnda project",
        ) from error
    except (Exception, pl.exceptions.PanicException) as error:
        raise _damaged(path, f"{type(error).__name__}: {str(error)[:200]}") from error
    missing = {"voltage_V", "current_mA", "total_time_s", "capacity_mAh", "step_count"} - set(frame)
    if missing:
        raise _damaged(path, f"it has no {', '.join(sorted(missing))}")
    return frame


def _standard(frame: _Frame, path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    columns = {
        column: _in_unit(frame[source], factor)
        for source, (column, _, factor) in _COLUMNS.items()
        if source in frame and source != "step_type"
    }
    step = _array(frame["step_count"])
    names = (
        beside(lambda: _step_names(frame["step_type"]), worth=len(step) >= MANY_ROWS) if "step_type" in frame else None
    )
    starts = np.flatnonzero(step[1:] != step[:-1]) + 1 if _is_complete(frame["step_count"]) else np.empty(0, int)
    begins = np.append(0, starts)
    current = _array(frame["current_mA"])
    both_ways = (np.minimum.reduceat(current, begins) < 0) & (np.maximum.reduceat(current, begins) > 0)
    for source, up, down in (
        ("capacity_mAh", CHARGED, DISCHARGED),
        ("energy_mWh", CHARGED_ENERGY, DISCHARGED_ENERGY),
    ):
        if source in frame and _is_complete(frame[source]):
            charged, discharged = _totals(_array(frame[source]), begins, both_ways)
            columns[up], columns[down] = pl.Series(up, charged), pl.Series(down, discharged)
    if names is not None:
        columns[STEP_TYPE] = names()
    temperature = [c for c in frame if c.startswith("aux") and c.endswith("_temperature_degC")]
    if temperature:
        columns[CELL_TEMPERATURE] = pl.Series(frame[temperature[0]])
    table = standard_table(pl.DataFrame([series.alias(name) for name, series in columns.items()]), path=path)
    require_time_axis(table, path=path, vendor="Neware")
    left_out = {"index", "step_time_s", "capacity_mAh", "energy_mWh", *_COLUMNS, *temperature[:1]}
    return table, tuple(c for c in frame if c not in left_out)


def _array(values: NDArray[Any] | pl.Series) -> NDArray[Any]:
    return values.to_numpy() if isinstance(values, pl.Series) else values


def _is_complete(values: NDArray[Any] | pl.Series) -> bool:
    """Tell whether no value is missing."""
    return not (isinstance(values, pl.Series) and values.null_count())


def _in_unit(values: NDArray[Any] | pl.Series, factor: float) -> pl.Series:
    """Return a column as it is, single precision as double; times *factor*."""
    if factor != 1.0 and _is_complete(values):
        return pl.Series(np.multiply(_array(values), factor, dtype=np.float64))
    series = pl.Series(values)
    if factor == 1.0:
        return series.cast(pl.Float64) if series.dtype == pl.Float32 else series
    return series.cast(pl.Float64) * factor


def _step_names(steps: NDArray[Any] | pl.Series) -> pl.Series:
    """Return the names of step types; codes are one byte, so that a lookup in 256 names does it."""
    from fastnda import step_type_map

    return pl.Series([step_type_map.get(code) for code in range(256)], dtype=pl.String)[pl.Series(steps)]


def _totals(
    per_step: NDArray[np.float32], begins: NDArray[np.int64], both_ways: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return charged and discharged totals, Ah or Wh, from a signed amount, mAh or mWh, that each step starts anew.

    *begins*: the first row of each step, *both_ways*: whether its current has both signs, shape (n_steps,).

    In a step of one direction what is gained belongs to that direction; records between two stored values are
    interpolated by `fastnda` and can overshoot by a little: the totals take the corrections in and are then levelled,
    so that they end right and never fall. In a step that goes both ways (pulse, simulation) only the net amount is
    known: each gain counts in its own direction.
    """
    if both_ways.any() or len(begins) > MOST_STEPS:
        return _totals_of_gains(per_step, both_ways, begins)
    up, down = np.empty(len(per_step)), np.empty(len(per_step))
    ends = np.append(begins[1:], len(per_step))
    charged = discharged = 0.0
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        gained = float(per_step[end - 1]) * 1e-3
        growing, still, sign = (up, down, 1e-3) if gained >= 0 else (down, up, -1e-3)
        before = charged if gained >= 0 else discharged
        part = growing[begin:end]
        part[:] = per_step[begin:end] * sign
        part += before
        if (part[1:] < part[:-1]).any():
            np.maximum.accumulate(part, out=part)
        after = before + abs(gained)
        part[: part.searchsorted(before)] = before  # it never falls: what is beyond the ends stands there
        part[part.searchsorted(after, side="right") :] = after
        still[begin:end] = discharged if gained >= 0 else charged
        if gained >= 0:
            charged += gained
        else:
            discharged -= gained
    return up, down


def _totals_of_gains(
    per_step: NDArray[np.float32], both: NDArray[np.bool_], begins: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Do the work of `_totals` where steps go *both* ways."""
    signed = per_step.astype(np.float64) * 1e-3
    grown = np.diff(signed, prepend=0.0)
    grown[begins] = signed[begins]
    mixed = np.repeat(both, np.diff(np.append(begins, len(signed))))
    charging = np.where(mixed, grown > 0, signed > 0)
    up = np.maximum.accumulate(np.cumsum(np.where(charging, grown, 0.0)))
    down = np.maximum.accumulate(np.cumsum(np.where(charging, 0.0, -grown)))
    return up, np.maximum(down, 0.0)


def _index_findings(frame: _Frame) -> tuple[Finding, ...]:
    if "index" not in frame or len(frame["index"]) < 2:
        return ()
    index = _array(frame["index"])
    if int(index[-1]) - int(index[0]) + 1 == len(index):
        return ()
    step = np.diff(index.astype(np.int64))
    lost, repeated = int((step - 1).clip(0).sum()), int((step <= 0).sum())
    if repeated:
        return (
            Finding(
                code="records-repeat",
                severity=Severity.WARNING,
                message=f"The cycler numbers its records, and in {repeated} places the numbers do not go up: rows are "
                "there twice or out of order",
                advice="Copy the file from the cycler again",
            ),
        )
    if not lost:
        return ()
    return (
        Finding(
            code="records-missing",
            severity=Severity.WARNING,
            message=f"The cycler numbers its records, and {lost} numbers are missing in {int((step > 1).sum())} places",
            advice="Copy the file from the cycler again; capacities come from the cycler's own count",
        ),
    )

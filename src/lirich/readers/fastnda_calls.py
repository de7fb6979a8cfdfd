"""Neware files through ``fastnda`` (BSD-3-Clause): kept quiet, listened to, and confined.

What it warns about becomes findings, and whatever a damaged file makes it raise becomes a `DamagedFileError`.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from lirich.errors import DamagedFileError
from lirich.model import Finding, Severity
from lirich.readers.ndax_merge import merged
from lirich.readers.neware_file import damaged

CLOCK_GOES_BACK = "negative jumps in the 'unix_time_s'"
"""What `fastnda` says where the clock goes back."""


@contextmanager
def named(path: Path, kind: str) -> Iterator[Path]:
    """Give the file under a name that ends as `fastnda` wants it."""
    if path.suffix.lower() == kind:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lirich-") as folder:
        copy = Path(folder) / f"file{kind}"
        shutil.copyfile(path, copy)
        yield copy


class Heard(logging.Handler):
    """Collects what `fastnda` logs and warns."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what a record says."""
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
def overheard() -> Iterator[Heard]:
    """Keep `fastnda` quiet and listen to it."""
    heard = Heard()
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


Frame = Mapping[str, NDArray[Any] | pl.Series]
"""Columns by the names of `fastnda`: arrays where nothing is missing."""


def columns_of(file: Path, path: Path, heard: Heard) -> Frame:
    """Return the columns of *file*, which is *path* under a name that `fastnda` takes; *heard* gets what it says.

    Raises `DamagedFileError`.
    """
    import fastnda

    try:
        with _quick_zlib():
            quick = merged(file) if file.suffix.lower() == ".ndax" else None
            if quick is None:
                read: pl.DataFrame = fastnda.read(file, cycle_mode="raw", raw_categories=True)
        frame: Frame = {series.name: series for series in read} if quick is None else quick[0]
        if quick is not None and quick[1]:
            heard.messages.append(CLOCK_GOES_BACK)
    except NotImplementedError as error:
        raise DamagedFileError(
            f"{path.name} is of a Neware format version that fastnda cannot read: {error}",
            advice="Export it as csv or xlsx from BTSDA, or send a sample to the fastnda project",
        ) from error
    except (Exception, pl.exceptions.PanicException) as error:
        raise damaged(path, f"{type(error).__name__}: {str(error)[:200]}") from error
    missing = {"voltage_V", "current_mA", "total_time_s", "capacity_mAh", "step_count"} - set(frame)
    if missing:
        raise damaged(path, f"it has no {', '.join(sorted(missing))}")
    return frame

"""What every reader behind the door ``lirich.readers`` must keep, and the check that it does."""

from __future__ import annotations

import math
import pickle
import re
import signal
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import polars as pl

from lirich.errors import OptionalDependencyError, ReadError
from lirich.model import Severity
from lirich.model.spectra import FREQUENCY, NEEDED, SPECTRUM_COLUMNS, is_spectrum
from lirich.model.table import CHARGED, COLUMNS, CURRENT, DISCHARGED, TIME, VOLTAGE
from lirich.readers.base import CURVE_CODE, HEAD_BYTES, Reader, Reading, Recognition
from lirich.readers.reading import settle
from lirich.testing.content import half_cycles, same_half_cycles, strays
from lirich.testing.mutate import mutations

MOST_STRAYS = 2
"""Rows of a broken copy that may be none of the sample's own: those that the damage went through."""

TIME_LIMIT_S = 30.0
"""A broken file of some kilobytes that takes longer is a hang."""


@dataclass(slots=True)
class ContractReport:
    """What `check_reader` did: broken copies by how they ended, and the slowest."""

    reader: str
    samples: int = 0
    refused: int = 0
    read: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    errors: dict[str, int] = field(default_factory=dict)


def check_reader(
    reader: Reader,
    samples: Sequence[Path],
    *,
    mutated: int = 30,
    seed: int = 0,
    time_limit_s: float = TIME_LIMIT_S,
    repairs: Sequence[str] = (),
    unseen: Collection[str] = (),
) -> ContractReport:
    """Check a reader against the contract of `lirich.readers.base.Reader`.

    Parameters
    ----------
    reader:
        The reader.
    samples:
        Real or made files of its format that it must read. Small ones: each is broken *mutated* times.
    mutated:
        Broken copies per sample (`lirich.testing.mutate.mutations`, started from *seed*).
    time_limit_s:
        How long one broken copy may take.
    repairs:
        Repairs that the samples are known to need.
    unseen:
        Kinds of damage (`lirich.testing.mutate`, such as ``scale-column``) that the format has no second witness of:
        a current 1000 times too large in a table of time, voltage and current is a larger cell.

    Raises
    ------
    AssertionError
        A rule is broken: identity, sniffing, the standard table, sameness of two readings, charge positive,
        capacities that never fall; or a broken copy ends in anything but a `ReadError`, an
        `OptionalDependencyError` or a table that keeps all rules. Numbers must not change in silence: what is read of
        a broken copy without a warning has the half-cycles of the sample (their number, sign, charge and mean voltage),
        or is made of the sample's own rows in their order, some of them lost.
    """
    _identity(reader)
    _sniffing(reader, samples)
    report = ContractReport(reader.name, samples=len(samples))
    wanted = dict.fromkeys(repairs, False)
    references: list[Reading] = []
    for sample in samples:
        reading = reader.read(sample)
        _reading(reader, reading, sample.name)
        again = reader.read(sample)
        _rule(reading.table.equals(again.table), sample.name, "two readings of one file differ")
        _rule(
            pickle.loads(pickle.dumps(reading)).table.equals(reading.table),
            sample.name,
            "a Reading must survive pickling",
        )
        references.append(settle(reading, wanted, path=sample))
        _settled(references[-1], sample.name)
    with tempfile.TemporaryDirectory(prefix="lirich-contract-") as folder:
        for number, sample in enumerate(samples):
            endings = "".join(sample.suffixes[-2:]) if sample.name.lower().count(".bdf.") else sample.suffix
            beside = [p for p in sample.parent.glob("*.toml") if p.name.startswith(sample.name)]
            for mutation in mutations(sample.read_bytes(), seed + number, mutated):
                path = Path(folder) / f"{mutation.name}{endings}"
                path.write_bytes(mutation.data)
                for mapping in beside:
                    (Path(folder) / f"{path.name}{mapping.name[len(sample.name) :]}").write_bytes(mapping.read_bytes())
                reference = (
                    None if mutation.name.rsplit("-", 1)[0].removesuffix("-again") in unseen else references[number]
                )
                _broken_copy(reader, path, f"{sample.name} ({mutation.name})", time_limit_s, report, reference)
                path.unlink()
    return report


def _rule(kept: bool, where: str, text: str) -> None:
    if not kept:
        raise AssertionError(f"{where}: {text}")


def _identity(reader: Reader) -> None:
    _rule(
        isinstance(reader, Reader),
        repr(reader),
        "a reader has name, version, description, extensions, sniff and read",
    )
    _rule(bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", reader.name)), reader.name, "the name must be kebab-case")
    _rule(bool(reader.version) and bool(reader.description), reader.name, "version and description must not be empty")
    for extension in reader.extensions:
        _rule(
            extension.startswith(".") and extension == extension.lower(),
            reader.name,
            f"extension {extension!r} is not .lower",
        )


def _sniffing(reader: Reader, samples: Sequence[Path]) -> None:
    for sample in samples:
        with sample.open("rb") as file:
            head = file.read(HEAD_BYTES)
        said = reader.sniff(sample, head)
        _rule(said is not None, sample.name, f"{reader.name} does not recognise its own sample")
        assert said is not None
        _rule(0 < said.confidence <= 1 and bool(said.reason), sample.name, "confidence is in (0, 1] and has a reason")
    nowhere = Path("no-such-folder") / "no-such-file.xyz"
    for head in (
        b"",
        b"\x00" * 100,
        bytes(range(256)) * 4,
        b"\xff\xfe\x00",
        b"a,b\n1,2\n",
        b"PK\x03\x04",
        "ß\n".encode(),
    ):
        said = reader.sniff(nowhere, head)
        _rule(said is None or isinstance(said, Recognition), reader.name, "sniff returns a Recognition or None")
        _rule(
            said is None or said.confidence < 0.9, reader.name, f"is sure of a file that is not its own ({head[:8]!r})"
        )


def _reading(reader: Reader, reading: Reading, where: str) -> None:
    _rule(isinstance(reading, Reading), where, "read returns a Reading")
    table = reading.table
    _rule(table.height > 0, where, "a Reading has at least one row; an empty file is a DamagedFileError")
    if is_spectrum(table):
        expected = {n: t for n, (t, _) in SPECTRUM_COLUMNS.items() if n in table.columns}
        _rule(
            list(table.schema) == list(expected) and all(table.schema[n] == t for n, t in expected.items()),
            where,
            "columns must be those of an impedance test",
        )
        _said(reader, reading, where, SPECTRUM_COLUMNS)
        return
    order = [name for name in COLUMNS if name in table.columns]
    _rule(table.columns == order, where, f"columns must be those of the standard table, in order, not {table.columns}")
    for name, dtype in table.schema.items():
        _rule(dtype == COLUMNS[name][0], where, f"{name} is {dtype}, not {COLUMNS[name][0].__name__}")
    curve = {CHARGED, DISCHARGED} <= set(order)
    _rule(VOLTAGE in order, where, f"there is no {VOLTAGE}")
    _rule({TIME, CURRENT} <= set(order) or curve, where, "neither time with current nor both capacities are there")
    _rule(
        {TIME, CURRENT} <= set(order) or any(f.code == CURVE_CODE for f in reading.findings),
        where,
        f"a reading without time and current says so with the finding {CURVE_CODE} (lirich.readers.curve_finding)",
    )
    _said(reader, reading, where, COLUMNS)


def _said(reader: Reader, reading: Reading, where: str, columns: Collection[str]) -> None:
    _rule(reading.reader == reader.name, where, "Reading.reader is the reader's name")
    _rule(reading.reader_version == reader.version, where, "Reading.reader_version is the reader's version")
    _rule(0 < reading.confidence <= 1, where, "Reading.confidence is in (0, 1]")
    for match in reading.recognised:
        _rule(
            match.column in columns or not match.column,
            where,
            f"{match.column!r} is no column of the table",
        )
    for key, value in reading.metadata.items():
        scalar = isinstance(value, bool | int | float | str)
        _rule(
            scalar and not (isinstance(value, float) and not math.isfinite(value)),
            where,
            f"metadata {key} is {value!r}",
        )


def _settled(reading: Reading, where: str) -> None:
    table = reading.table
    if is_spectrum(table):
        for name in NEEDED:
            _rule(table[name].null_count() == 0 and bool(table[name].is_finite().all()), where, f"{name} has gaps")
        _rule(bool((table[FREQUENCY] > 0).all()), where, "a frequency is not above 0")
        return
    for name in (VOLTAGE, *((TIME, CURRENT) if {TIME, CURRENT} <= set(table.columns) else (CHARGED, DISCHARGED))):
        whole = table[name].null_count() == 0 and bool(table[name].is_finite().all())
        _rule(whole, where, f"{name} has values that are no finite numbers")
    if TIME in table.columns:
        _rule(bool((table[TIME].diff().drop_nulls() >= 0).all()), where, "time decreases")
    for name in (CHARGED, DISCHARGED):
        if name in table.columns and table[name].null_count() == 0:
            span = _span(table[name])
            fall = (table[name].diff().drop_nulls() < -1e-3 * span).any()
            _rule(not fall, where, f"{name} falls; it counts from the start of the test")
    _rule(
        not any(f.severity is Severity.ERROR and f.repair not in reading.repairs for f in reading.findings),
        where,
        "a table was let through in spite of an error",
    )


def _span(series: pl.Series) -> float:
    low, high = series.min(), series.max()
    return float(high) - float(low) if isinstance(low, float) and isinstance(high, float) else 0.0


def _unchanged(reference: Reading, reading: Reading, where: str) -> None:
    """Numbers that differ from the sample's must be announced, or be some of the sample's own."""
    if is_spectrum(reference.table) or is_spectrum(reading.table):
        _rule(
            is_spectrum(reading.table) == is_spectrum(reference.table),
            where,
            "a test of one kind became one of the other",
        )
        return
    known = {f.code for f in reference.findings}
    if any(f.severity is not Severity.INFO and f.code not in known for f in reading.findings):
        return
    expected, found = half_cycles(reference.table), half_cycles(reading.table)
    _rule(
        same_half_cycles(expected, found) or strays(reference.table, reading.table, MOST_STRAYS) <= MOST_STRAYS,
        where,
        f"numbers change in silence: half-cycles of {expected} (sign, Ah, mean V) become {found}, without a warning",
    )


def _broken_copy(
    reader: Reader, path: Path, where: str, limit_s: float, report: ContractReport, reference: Reading | None
) -> None:
    began = time.perf_counter()
    try:
        with _within(limit_s, where), path.open("rb") as file:
            reader.sniff(path, file.read(HEAD_BYTES))
            reading = reader.read(path)
            if reading.table.height:
                _reading(reader, reading, where)
                settled = settle(reading, {}, path=path)
                _settled(settled, where)
                if reference is not None:
                    _unchanged(reference, settled, where)
        if reading.table.height:
            report.read += 1
        else:  # `lirich.readers.read` refuses a table without rows
            report.refused += 1
            report.errors["no rows"] = report.errors.get("no rows", 0) + 1
    except (ReadError, OptionalDependencyError) as error:
        report.refused += 1
        kind = type(error).__name__
        report.errors[kind] = report.errors.get(kind, 0) + 1
        _rule(bool(str(error).strip()), where, f"{kind} without a message")
    except AssertionError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise AssertionError(
            f"{where}: {reader.name} raises {type(error).__name__} ({error}), which is neither a ReadError nor an "
            "OptionalDependencyError"
        ) from error
    took = time.perf_counter() - began
    if took > report.slowest_s:
        report.slowest_s, report.slowest = took, where
    _rule(took <= limit_s, where, f"took {took:.1f} s; more than {limit_s:g} s is a hang")


class _TooSlowError(BaseException):
    """Not an Exception, so that no reader can catch it by accident."""


@contextmanager
def _within(limit_s: float, where: str) -> Iterator[None]:
    """Interrupt what takes longer, where the platform can (POSIX, main thread); it is measured afterwards anyway."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def alarm(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlowError

    previous = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    except _TooSlowError:
        raise AssertionError(f"{where}: takes longer than {limit_s:g} s, a hang") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

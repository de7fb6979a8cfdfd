"""One file in, one checked table out: of cycling, or of impedance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast

import polars as pl

from lirich.errors import (
    DamagedFileError,
    InconsistentDataError,
    InputError,
    OptionalDependencyError,
    PluginError,
    ReadError,
)
from lirich.model import Finding, Severity
from lirich.model.spectra import SPECTRUM_COLUMNS, is_spectrum
from lirich.model.table import COLUMNS, VOLTAGE
from lirich.readers.base import Reader, Reading
from lirich.readers.origin import with_origin
from lirich.readers.registry import choose, get_reader, read_head
from lirich.readers.repairs import apply_repairs, parse_repairs
from lirich.readers.signcheck import SIGN_DOUBTFUL
from lirich.readers.spectra import settle_spectrum

MAPPED = "mapped"
"""The reader that goes by a mapping file."""


def read(
    path: Path | str, *, reader: str | None = None, repairs: Sequence[str] = (), mapping: Path | str | None = None
) -> Reading:
    """Read one file into a standard table (or a table of impedance) and check it against physics.

    Parameters
    ----------
    path:
        The file as the cycler or its software wrote it.
    reader:
        Name of the reader to use; without it the surest one is chosen.
    repairs:
        Names of `lirich.readers.REPAIRS` that may be made. A repair is made only where the data ask for it;
        with ``!`` at the end (``flip-current!``) it is made in any case. What was done stands in
        ``Reading.repairs`` and in a finding.
    mapping:
        The mapping file to read it by, wherever that lies; it goes before one beside the file. See
        `lirich.readers.mapped`.

    Raises
    ------
    ReadError
        `UnrecognisedFileError`, `DamagedFileError`, `MissingColumnError`, `MappingError`, and
        `InconsistentDataError` where time, current, voltage and capacity contradict each other; its advice
        names the repair.
    OptionalDependencyError
        The format needs an extra that is not installed.
    PluginError
        A third party's reader broke its contract.
    UnknownNameError
        There is no such reader or repair.
    InputError
        Both a mapping and another reader are asked for.
    """
    path = Path(path)
    if mapping is not None:
        return read_with(mapped_by(mapping, reader), path, repairs)
    parse_repairs(repairs)
    return read_with(choose(path, read_head(path)).reader if reader is None else get_reader(reader), path, repairs)


class ByMapping(Protocol):
    """What the reader of mapping files can, beside what every reader can: go by one that is given."""

    def by(self, mapping: Path, called: str = "") -> Reader:
        """Return a reader that goes by this mapping file, *called* so in what is said."""
        ...


def mapped_by(mapping: Path | str, reader: str | None = None, *, called: str = "") -> Reader:
    """Return the reader that goes by this mapping file, *called* so in what is said; by default by its name.

    Raises `MappingError` that names the key that is wrong, `InputError` where another *reader* is asked for.
    """
    from lirich.readers.mapping_file import load_mapping

    if reader not in (None, MAPPED):
        raise InputError(
            f"Both a mapping file and the reader {reader!r}", expected=f"one of the two; {MAPPED} goes by it"
        )
    load_mapping(Path(mapping))
    return cast("ByMapping", get_reader(MAPPED)).by(Path(mapping), called)


def read_with(reader: Reader, path: Path, repairs: Sequence[str]) -> Reading:
    """Let this reader read, check and repair; raises what `read` raises."""
    wanted = parse_repairs(repairs)
    read_head(path)
    return settle(run(reader, path), wanted, path=path).of_file(path.name)


def run(reader: Reader, path: Path) -> Reading:
    """Let one reader read, and hold it to its contract.

    Raises what `read` raises; whatever else comes out of a reader becomes a `PluginError` that names it.
    """
    try:
        reading = reader.read(path)
    except (ReadError, OptionalDependencyError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise PluginError(
            f"The reader {reader.name!r} failed on {path.name}: {type(error).__name__}: {error}",
            advice="Report it to the reader's authors, with the file if you can",
        ) from error
    if not isinstance(reading, Reading):
        raise PluginError(f"The reader {reader.name!r} returned {type(reading).__name__}", expected="a Reading")
    broken = _broken_types(reading.table)
    if broken:
        raise PluginError(
            f"The reader {reader.name!r} returned a table that is not a standard table: {broken}",
            advice="Build it with lirich.readers.standard_table",
        )
    if reading.table.height == 0:
        raise DamagedFileError(f"{path.name} has a header and no data", expected="at least one recorded point")
    return with_origin(reading)


def _broken_types(table: pl.DataFrame) -> str:
    if is_spectrum(table):
        wanted = {n: t for n, (t, _) in SPECTRUM_COLUMNS.items() if n in table.columns}
        return "" if dict(table.schema) == wanted else f"columns {dict(table.schema)}"
    order = [name for name in COLUMNS if name in table.columns]
    if order != table.columns:
        return f"columns {table.columns}"
    wrong = [f"{n} is {t}" for n, t in zip(table.columns, table.dtypes, strict=True) if t != COLUMNS[n][0]]
    if VOLTAGE not in table.columns:
        wrong.append(f"no {VOLTAGE}")
    return ", ".join(wrong)


def settle(reading: Reading, wanted: Mapping[str, bool], *, path: Path) -> Reading:
    """Check a reading, make the *wanted* repairs (name -> in any case), refuse what stays wrong.

    Raises `InconsistentDataError` (``findings`` holds the findings behind it) and `DamagedFileError` where
    nothing is left. A table of impedance is checked as such, and has no repairs.
    """
    if is_spectrum(reading.table):
        needless = tuple(
            Finding(code="repair-not-needed", severity=Severity.INFO, message=f"{name}: impedance has no such repair")
            for name in wanted
        )
        return settle_spectrum(reading.with_findings(*needless), path=path)
    table, made, notes, remaining = apply_repairs(reading.table, wanted, split_by_sign=reading.split_by_sign)
    if not table.height:
        raise DamagedFileError(
            f"{path.name} has no row with a usable voltage",
            expected="at least one recorded point",
            advice="Export or copy it from the cycler again",
        )
    findings = tuple(d.finding for d in remaining)
    said = tuple(f for f in reading.findings if f.severity is Severity.ERROR and f.repair not in made)
    errors = (*said, *(f for f in findings if f.severity is Severity.ERROR))
    if errors:
        raise refusal(path, errors)
    kept = [f for f in reading.findings if "flip-current" not in made or f.code != SIGN_DOUBTFUL]
    return replace(
        reading,
        table=table,
        findings=(*kept, *notes, *findings),
        repairs=(*reading.repairs, *made),
    )


def refusal(path: Path, errors: Sequence[Finding]) -> InconsistentDataError:
    """Return the error for *errors* among the findings of a file; they are kept as its ``findings``."""
    first = errors[0]
    more = f" (also: {', '.join(f.code for f in errors[1:])})" if errors[1:] else ""
    error = InconsistentDataError(
        f"{path.name}: {first.message.rstrip('.')}{more}",
        expected="time, current, voltage and capacity that agree",
        advice=first.advice or (f"Ask for the repair by name: {first.repair}" if first.repair else ""),
    )
    error.findings = tuple(errors)
    return error

"""Impedance in the Battery Data Format: csv and Parquet, read and written.

Names and units: Battery Data Alliance (LF Energy), *Battery Data Format*, ontology 1.3.0: ``frequency_hertz``,
``real_impedance_ohm``, ``imaginary_impedance_ohm``, and the labels ``Frequency / Hz``, ``Real Impedance / ohm``,
``Imaginary Impedance / ohm``. Absolute impedance and phase are taken where the parts are not there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from lirich import __version__
from lirich.errors import DamagedFileError, InputError
from lirich.model import Finding, Origin, Scalar
from lirich.model import table as std
from lirich.model.spectra import FREQUENCY, IMAGINARY, NEEDED, REAL, SPECTRUM_COLUMNS
from lirich.readers import delimited, loading
from lirich.readers.base import ColumnMatch, Reading, Recognition
from lirich.readers.bdf import PREFERRED_LABELS
from lirich.readers.origin import parquet_facts, parquet_remark
from lirich.readers.spectra import spectrum_table

ABSOLUTE, PHASE = "absolute_impedance_ohm", "phase_degree"
LABELS: dict[str, str] = {
    FREQUENCY: "Frequency / Hz",
    REAL: "Real Impedance / ohm",
    IMAGINARY: "Imaginary Impedance / ohm",
    ABSOLUTE: "Absolute Impedance / ohm",
    PHASE: "Phase / deg",
    **{
        name: PREFERRED_LABELS[name]
        for name in (std.TIME, std.VOLTAGE, std.UNIX_TIME, std.CYCLE, std.STEP, std.TEMPERATURE)
    },
}
"""Column → preferred label of the format."""
_KNOWN = {name: name for name in LABELS} | {label: name for name, label in LABELS.items()}


def _columns(headers: Sequence[str]) -> dict[str, int]:
    """Return the place of each column that the headers name; the first one counts."""
    found: dict[str, int] = {}
    for index, text in enumerate(headers):
        name = _KNOWN.get(text.strip().strip('"'))
        if name is not None:
            found.setdefault(name, index)
    return found


@lru_cache(maxsize=512)
def _score(headers: tuple[str, ...]) -> int:
    found = _columns(headers)
    whole = {REAL, IMAGINARY} <= found.keys() or {ABSOLUTE, PHASE} <= found.keys()
    return len(found) if FREQUENCY in found and whole else 0


class BdfImpedanceReader:
    """Impedance in the Battery Data Format (.csv, .parquet)."""

    name = "bdf-impedance"
    version = __version__
    description = "Battery Data Format impedance, csv or Parquet"
    extensions = (".csv", ".parquet")

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Know the file by its headers; a Parquet file's stand at its end, and are looked up there."""
        if head.startswith(b"PAR1"):
            try:
                known = _score(tuple(pl.read_parquet_schema(path)))
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
                return None
        else:
            if not any(word in head[: delimited.START_BYTES] for word in (b"mpedance", b"phase_degree")):
                return None
            layout = delimited.find_layout(head, _score)
            known = _score(layout.headers) if layout else 0
        return Recognition(0.98, f"{known} headers of the Battery Data Format, impedance") if known else None

    def read(self, path: Path) -> Reading:
        """Turn the file into the table of an impedance test. Raises `DamagedFileError` or `MissingColumnError`."""
        data = delimited.read_bytes(path)
        findings: Sequence[Finding] = ()
        facts: dict[str, Scalar] = {}
        if data.startswith(b"PAR1"):
            frame, headers, said = _parquet(path)
            facts.update(said)
        else:
            data, layout = delimited.text_table(path, _score, data)
            headers = list(layout.headers)
            body, findings = loading.body_of(data, layout, path)
            places = list(_columns(headers).values())
            loaded = loading.load(body, layout, numbers=places, texts=[], path=path)
            frame = pl.DataFrame(
                {name: loaded.frame.get_column(f"c{place}") for name, place in _columns(headers).items()}
            )
        if not frame.height:
            raise DamagedFileError(f"{path.name} has a header and no data", expected="at least one frequency")
        found = _columns(headers)
        if {ABSOLUTE, PHASE} <= found.keys() and not {REAL, IMAGINARY} <= found.keys():
            angle = pl.col(PHASE).cast(pl.Float64) * (np.pi / 180.0)
            frame = frame.with_columns(
                (pl.col(ABSOLUTE) * angle.cos()).alias(REAL), (pl.col(ABSOLUTE) * angle.sin()).alias(IMAGINARY)
            )
        table = spectrum_table(_whole(frame), name=path.name)
        return Reading(
            table=table,
            reader=self.name,
            reader_version=self.version,
            confidence=0.98,
            reason=f"{len(found)} headers of the Battery Data Format, impedance",
            recognised=tuple(
                ColumnMatch(headers[place], name if name in table.columns else "", LABELS[name].partition(" / ")[2])
                for name, place in found.items()
            ),
            unrecognised=tuple(text for i, text in enumerate(headers) if i not in found.values() and text),
            metadata=facts,
            findings=tuple(findings),
        )


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """Return counts that are whole numbers as such, and without the others."""
    for name in (std.CYCLE, std.STEP):
        if name in frame.columns:
            number = frame[name].cast(pl.Float64, strict=False)
            odd = ((number.round(0) != number) | (number.abs() >= 2.0**63) | ~number.is_finite()).fill_null(value=False)
            frame = frame.drop(name) if odd.any() else frame.with_columns(number.cast(pl.Int64).alias(name))
    return frame


def _parquet(path: Path) -> tuple[pl.DataFrame, list[str], dict[str, bool]]:
    try:
        headers = list(pl.read_parquet_schema(path))
        found = _columns(headers)
        frame = pl.read_parquet(path, columns=[headers[i] for i in found.values()], memory_map=False)
        facts = parquet_facts(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DamagedFileError(
            f"{path.name} is not a readable Parquet file: {str(error)[:200]}", advice="Copy or export it again"
        ) from error
    odd = [name for name, kind in frame.schema.items() if not kind.is_numeric()]
    if odd:
        raise DamagedFileError(f"Column {odd[0]!r} of {path.name} holds no numbers", expected="numbers")
    return frame.rename({headers[i]: name for name, i in found.items()}), headers, facts


def write_bdf_impedance(table: pl.DataFrame, path: Path | str, *, origin: Origin = Origin.MEASURED) -> Path:
    """Write the table of an impedance test as Battery Data Format; reading it gives the same table.

    The suffix says what: ``.parquet``, or csv for anything else. The file appears whole or not at all. A Parquet file
    says in its metadata where its points are of another *origin* than measured. Raises `InputError` for another table.
    """
    path = Path(path)
    other = [name for name in table.columns if name not in SPECTRUM_COLUMNS]
    if other or not set(NEEDED) <= set(table.columns):
        raise InputError("A table that is none of impedance", expected=", ".join(NEEDED))
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.suffix == ".parquet":
            table.write_parquet(partial, compression="zstd", metadata=parquet_remark(origin))
        else:
            table.write_csv(partial, line_terminator="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


READERS = (BdfImpedanceReader(),)

"""Biologic .mpt: the text files of EC-Lab and BT-Lab."""

from __future__ import annotations

import io
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from lirich.errors import DamagedFileError
from lirich.model import Finding, Scalar, Severity
from lirich.readers.base import Reading, Recognition
from lirich.readers.delimited import encoding_of
from lirich.readers.ec_lab import from_columns

MAGIC = ("EC-Lab ASCII FILE", "BT-Lab ASCII FILE")
MOST_HEADER_LINES = 100_000


class BiologicTextReader:
    """Reads .mpt."""

    name = "biologic"
    version = "1"
    description = "Biologic EC-Lab text (.mpt)"
    extensions: tuple[str, ...] = (".mpt",)

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Recognise the first line, or the column names of a file that was exported without its header."""
        text = _decoded(head)
        if text.startswith(MAGIC):
            return Recognition(0.99, f"begins with {text[:17]!r}")
        first = text.split("\n", 1)[0]
        if "\t" in first and "time/s" in first and ("Ewe/V" in first or "Ecell/V" in first):
            return Recognition(0.9, "has the column names of EC-Lab")
        if path.suffix.lower() == ".mpt":
            return Recognition(0.3, "named .mpt, but without EC-Lab's first line")
        return None

    def read(self, path: Path) -> Reading:
        """Read the file, of cycling or of impedance.

        Raises `DamagedFileError`, `WrongTechniqueError` or `MissingColumnError`.
        """
        text = _decoded(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
        comments, body = _split(text, path)
        frame, findings = _parse(body, path)
        metadata = _metadata(comments)
        start = metadata.get("start_time")
        began = _clock(start) if isinstance(start, str) else None
        with np.errstate(all="ignore"):  # absurd numbers are called absurd by the checks
            table, matches, left_out, doubts = from_columns(
                {name: frame[name].to_numpy() for name in frame.columns},
                path=path,
                technique=str(metadata.get("technique", "")),
                started_unix_second=began,
            )
        return Reading(
            table=table,
            reader=self.name,
            reader_version=self.version,
            confidence=0.99 if comments else 0.9,
            reason=f"EC-Lab text file, {metadata.get('technique', 'technique not stated')}",
            recognised=matches,
            unrecognised=left_out,
            metadata=metadata,
            findings=(*findings, *doubts),
        )


READERS = (BiologicTextReader(),)


def _decoded(data: bytes) -> str:
    """Return the text of a file, without what stands before its first word: EC-Lab writes Latin-1, others Unicode."""
    encoding: str | None = None
    if b"\0" in data[:4] or data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        encoding = encoding_of(data)  # of a file without byte-order mark only UTF-16 is told, by its zeros
    return data.decode(encoding or "latin-1", "replace").lstrip(" \t\r\n\ufeff")


def _split(text: str, path: Path) -> tuple[list[str], str]:
    """Return the comment lines before the column names, and the rest."""
    if not text.startswith(MAGIC):
        return [], text
    match = re.match(r"[^\n]*\n\s*Nb header lines\s*:\s*(\d{1,6})\s*\n", text)
    if match is None or not 3 <= int(match.group(1)) <= MOST_HEADER_LINES:
        raise DamagedFileError(
            f"{path.name} does not say how many header lines it has",
            expected="'Nb header lines : N' in its second line",
            advice="Export it from EC-Lab again",
        )
    lines = int(match.group(1))
    parts = text.split("\n", lines - 1)
    if len(parts) < lines or not parts[-1].strip():
        raise DamagedFileError(
            f"{path.name} ends within its header ({len(parts)} of {lines} lines)",
            expected="column names and data after the header",
            advice="Export it from EC-Lab again",
        )
    return parts[:-1], parts[-1]


def _parse(body: str, path: Path) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    """Return the columns as numbers; what is no number is absent."""
    head, _, data = body.partition("\n")
    names = [name.strip() for name in head.rstrip("\n").split("\t")]
    while names and not names[-1]:
        names.pop()
    if len(names) < 2 or len(set(names)) != len(names):
        raise DamagedFileError(
            f"{path.name} has no usable line of column names (found {head[:80]!r})",
            expected="names such as time/s, Ewe/V and <I>/mA, separated by tabs",
            advice="Export it from EC-Lab again",
        )
    findings: list[Finding] = []
    last = data[data.rstrip("\n").rfind("\n") + 1 :]
    if last and not last.endswith("\n") and last.count("\t") < len(names) - 1:
        # Its last number may be cut in the middle.
        data = data[: len(data) - len(last)]
        findings.append(
            Finding(
                code="last-row-cut",
                severity=Severity.WARNING,
                message="The file ends in the middle of a row, which is left out: it was cut short or is being written",
                advice="Copy it from the cycler's computer again if the test has ended",
            )
        )
    if "\n\n" in data:
        data = re.sub("\n{2,}", "\n", data)
    if not data.strip():
        raise DamagedFileError(f"{path.name} has a header and no data", expected="at least one recorded point")
    try:
        frame = pl.read_csv(
            io.BytesIO(data.encode("utf-8")),
            has_header=False,
            separator="\t",
            quote_char=None,
            infer_schema=False,
            truncate_ragged_lines=True,
            new_columns=None,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DamagedFileError(
            f"{path.name} cannot be read as a table: {str(error)[:200]}", advice="Export it from EC-Lab again"
        ) from error
    frame = frame.select(pl.nth(i).alias(name) for i, name in enumerate(names[: frame.width]))
    absolute = "time/s" in frame.columns and bool(
        frame["time/s"].head(1).str.contains(r"^\s*\d+[/.-]\d+[/.-]\d+ ").fill_null(value=False).any()
    )
    out = {c: _numbers(frame[c]) for c in frame.columns}
    if absolute:
        out["time/s"] = _elapsed(frame["time/s"], path)
    return pl.DataFrame(out), tuple(findings)


def _numbers(text: pl.Series) -> pl.Series:
    """Return text as numbers, NaN where it is none; blanks around them and a decimal comma may be there."""
    numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() > text.null_count():
        numbers = text.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return numbers.fill_null(float("nan")) if numbers.null_count() else numbers


def _elapsed(series: pl.Series, path: Path) -> pl.Series:
    """Return seconds since the first row from dates and times of day, as EC-Lab exports them on request.

    The month comes first, or the day: what can be read in all but 1 % of the rows and never goes back.
    """
    text = series.str.strip_chars().str.replace_all(r"[.-](\d+)[.-](\d{4})", "/$1/$2")
    read = (
        text.str.to_datetime(f"{day} %H:%M:%S%.f", time_unit="us", strict=False) for day in ("%m/%d/%Y", "%d/%m/%Y")
    )
    best = next((times for times in read if times.null_count() <= 0.01 * len(times) and _never_back(times)), None)
    if best is None:
        raise DamagedFileError(
            f"{path.name} has times that cannot be read ({series[0]!r})", advice="Export it with the time in seconds"
        )
    first = best.drop_nulls()[0]
    seconds: pl.Series = ((best - first).dt.total_microseconds() / 1e6).fill_null(float("nan"))
    return seconds


def _never_back(times: pl.Series) -> bool:
    return bool((times.diff().dt.total_microseconds().fill_null(0) >= 0).all())


_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("start_time", r"Acquisition started on\s*:\s*(.+)", ""),
    ("active_mass_mg", r"(?:Mass of active material|Characteristic mass)\s*:\s*([\d.,eE+-]+)\s*(mg|g|µg|kg)\b", "mass"),
    ("electrode_area_cm2", r"Electrode surface area\s*:\s*([\d.,eE+-]+)\s*(cm²|cm2|mm²|mm2)", "area"),
    ("electrolyte", r"Electrolyte\s*:\s*(.+)", ""),
    ("electrode_material", r"Electrode material\s*:\s*(.+)", ""),
    ("comments", r"Comments\s*:\s*(.+)", ""),
    ("channel", r"Run on channel\s*:\s*(.+)", ""),
    ("saved_file", r"Saved on\s*:\s*(.+)", ""),
)
_UNITS = {"mg": 1.0, "g": 1e3, "µg": 1e-3, "kg": 1e6, "cm²": 1.0, "cm2": 1.0, "mm²": 0.01, "mm2": 0.01}
NO_MASS_MG = 0.001
NO_AREA_CM2 = 0.001
"""What EC-Lab writes where nobody entered a mass (0.001 mg) or an area (0.001 cm²)."""


def _metadata(comments: list[str]) -> dict[str, Scalar]:
    metadata: dict[str, Scalar] = {}
    if len(comments) > 3 and comments[3].strip():
        metadata["technique"] = comments[3].strip()
    for line in comments[2:]:
        for key, pattern, kind in _FIELDS:
            match = re.match(rf"\s*{pattern}", line)
            if match is None or key in metadata:
                continue
            if not kind:
                if match.group(1).strip():
                    metadata[key] = match.group(1).strip()
                continue
            try:
                value = float(match.group(1).replace(",", ".")) * _UNITS[match.group(2)]
            except ValueError:
                continue
            nothing = NO_MASS_MG if kind == "mass" else NO_AREA_CM2
            if np.isfinite(value) and value > 0 and abs(value - nothing) > 1e-9:
                metadata[key] = value
    return metadata


def _clock(text: str) -> float | None:
    """Return seconds since 1970 of EC-Lab's start time (month first), the computer's clock taken as UTC."""
    for pattern in ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S.%f", "%m-%d-%Y %H:%M:%S", "%m.%d.%Y %H:%M:%S"):
        try:
            return datetime.strptime(f"{text} +0000", f"{pattern} %z").timestamp()
        except ValueError:
            continue
    return None

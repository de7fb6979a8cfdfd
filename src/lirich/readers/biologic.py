"""Biologic .mpt: the text files of EC-Lab and BT-Lab, and the meaning of their columns.

`from_columns` is shared with the reader of .mpr: both formats name their columns alike.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import DamagedFileError, MissingColumnError, WrongTechniqueError
from lirich.model import Finding, Scalar, Severity
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
from lirich.readers.delimited import encoding_of
from lirich.readers.spectra import ec_lab_spectrum

MAGIC = ("EC-Lab ASCII FILE", "BT-Lab ASCII FILE")
MOST_HEADER_LINES = 100_000

IMPEDANCE_COLUMNS = ("freq/Hz", "Re(Z)/Ohm", "|Z|/Ohm")

MODES = {1: "galvanostatic", 2: "potentiostatic", 3: "rest"}
"""What EC-Lab's ``mode`` means (EC-Lab manual, "variables description": 1 = galvano, 2 = potentio, 3 = relaxation)."""

_ALIASES: dict[str, tuple[str, ...]] = {
    VOLTAGE: ("Ecell/V", "Ewe-Ece/V", "Ewe/V", "<Ewe>/V", "<Ewe/V>"),
    "ampere": ("I/A", "<I>/A"),
    "milliampere": ("I/mA", "<I>/mA"),
    "increment": ("dq/mA.h", "dQ/mA.h"),
    "signed": ("(Q-Qo)/mA.h",),
    "coulomb": ("(Q-Qo)/C",),
    CYCLE: ("cycle number", "z cycle"),
    STEP_INDEX: ("Ns",),
    CELL_TEMPERATURE: ("Temperature/°C", "Temperature/ C"),
}
"""Names by meaning, the preferred one first. With a reference electrode Ewe is not the voltage between the electrodes:
Ecell is taken where the file has it."""


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


def from_columns(
    columns: dict[str, NDArray[np.generic]],
    *,
    path: Path,
    technique: str = "",
    started_unix_second: float | None = None,
) -> tuple[pl.DataFrame, tuple[ColumnMatch, ...], tuple[str, ...], tuple[Finding, ...]]:
    """Turn columns under EC-Lab's names, shape (n_rows,) each, into a standard table.

    Where there is no current column (data module version 3 of .mpr) the current is the charge ``dq`` that
    passed since the row before, over the time since then. Capacities are the sums of ``dq``, so no charge is
    lost by it.

    A file of impedance alone becomes the table of an impedance test (`lirich.model.spectra`).

    Returns the table, what was recognised, what was left out, and findings. Raises `WrongTechniqueError` for
    impedance without its columns and `MissingColumnError`.
    """
    columns, findings = _without_impedance(columns, path=path, technique=technique)
    if "freq/Hz" in columns and not findings and not _of_cycling(columns).any():
        return ec_lab_spectrum(columns, path=path, started_unix_second=started_unix_second)
    matches: list[ColumnMatch] = []
    data: dict[str, NDArray[np.generic]] = {}

    def find(meaning: str) -> tuple[str, NDArray[np.generic]] | None:
        for name in _ALIASES[meaning]:
            if name in columns:
                return name, columns[name]
        return None

    def take(
        name: str, column: str, unit: str, values: NDArray[np.generic], factor: float = 1.0, note: str = ""
    ) -> None:
        data[column] = values
        matches.append(ColumnMatch(name, column, unit, factor, note))

    if "time/s" not in columns:
        raise MissingColumnError(
            f"{path.name} has no column time/s (found: {', '.join(columns)})",
            advice="Export it from EC-Lab with the column time/s",
        )
    time = columns["time/s"].astype(np.float64)
    take("time/s", TIME, "s", time)
    voltage = find(VOLTAGE)
    if voltage is not None:
        take(voltage[0], VOLTAGE, "V", voltage[1].astype(np.float64))
    increment, source = _increments(columns)
    milliampere = find("milliampere") or find("ampere")
    if milliampere is not None:
        factor = 1e-3 if milliampere[0].endswith("/mA") else 1.0
        take(milliampere[0], CURRENT, "mA" if factor != 1 else "A", milliampere[1].astype(np.float64) * factor, factor)
    elif increment is not None:
        current = _current_of(increment, time, columns)
        take(source, CURRENT, "mA.h", current, 3.6, "charge since the row before, over the time since then")
        findings.append(
            Finding(
                code="current-from-charge",
                severity=Severity.INFO,
                message=f"The file has no current column: the current is {source} over the time between two "
                "rows, the mean of that time",
            )
        )
    _capacities(columns, increment, source, take)
    for meaning, unit in ((CYCLE, ""), (STEP_INDEX, ""), (CELL_TEMPERATURE, "°C")):
        found = find(meaning)
        if found is not None:
            take(found[0], meaning, unit, found[1])
    if STEP_INDEX in data:
        step = np.asarray(data[STEP_INDEX], dtype=np.float64)
        running = np.cumsum(np.diff(step, prepend=step[:1]) != 0) + 1
        take("Ns", STEP, "", running, note="counts the changes of Ns")
    if "mode" in columns:
        frame = pl.DataFrame({**data, STEP_TYPE: _mode_names(columns["mode"])})
        matches.append(ColumnMatch("mode", STEP_TYPE, ""))
    else:
        frame = pl.DataFrame(data)
    if started_unix_second is not None and len(time) and np.isfinite(time[0]):
        frame = frame.hstack([(frame[TIME] + started_unix_second).alias(UNIX_TIME)])
        matches.append(
            ColumnMatch("start of the acquisition", UNIX_TIME, "s", note="the computer's clock, taken as UTC")
        )
    for column in (CYCLE, STEP_INDEX):
        if column in frame.columns:
            frame = frame.replace_column(frame.columns.index(column), _whole(frame[column]))
    used = {match.source for match in matches}
    table = standard_table(frame, path=path)
    require_time_axis(table, path=path, vendor="Biologic")
    return table, tuple(matches), tuple(c for c in columns if c not in used), tuple(findings)


def _whole(series: pl.Series) -> pl.Series:
    if series.dtype.is_float():
        series = pl.Series(series.name, series.to_numpy(), nan_to_null=True)
    return series.cast(pl.Int64, strict=False)


def _mode_names(mode: NDArray[np.generic]) -> pl.Series:
    """Return the names of the modes, "" for one that is not known or absent, shape (n_rows,)."""
    codes, which = np.unique(mode, return_inverse=True)
    names = [MODES.get(code, "") if code is not None else "" for code in _whole(pl.Series(codes)).to_list()]
    named: pl.Series = pl.Series(names, dtype=pl.String)[which]
    return named


def _of_cycling(columns: dict[str, NDArray[np.generic]]) -> NDArray[np.bool_]:
    """Tell which rows have no frequency, shape (n_rows,); empty where there is no such column."""
    frequency = columns.get("freq/Hz")
    return np.zeros(0, dtype=bool) if frequency is None else ~(frequency.astype(np.float64) > 0)


def _without_impedance(
    columns: dict[str, NDArray[np.generic]], *, path: Path, technique: str
) -> tuple[dict[str, NDArray[np.generic]], list[Finding]]:
    """Drop the impedance rows that some techniques put between the cycling rows; leave a file of impedance alone."""
    present = [c for c in IMPEDANCE_COLUMNS if c in columns]
    if not present and "impedance" not in technique.lower():
        return columns, []
    if "freq/Hz" not in columns:
        raise WrongTechniqueError(
            f"{path.name} is an impedance file (Biologic {technique or 'EIS'}) without its frequencies",
            expected="the columns freq/Hz, Re(Z)/Ohm and -Im(Z)/Ohm",
            advice="Export it from EC-Lab with these columns",
        )
    of_cycling = _of_cycling(columns)
    dropped = int((~of_cycling).sum())
    if not of_cycling.any() or not dropped:
        return columns, []
    finding = Finding(
        code="impedance-rows-left-out",
        severity=Severity.INFO,
        message=f"{dropped} rows of impedance between the cycling rows are left out",
    )
    return {name: values[of_cycling] for name, values in columns.items()}, [finding]


def _increments(columns: dict[str, NDArray[np.generic]]) -> tuple[NDArray[np.float64] | None, str]:
    """Return the charge passed since the row before, mAh, and the column that tells it."""
    for name in _ALIASES["increment"]:
        if name in columns:
            return np.nan_to_num(columns[name].astype(np.float64)), name
    for name, factor in (("(Q-Qo)/mA.h", 1.0), ("(Q-Qo)/C", 1 / 3.6)):
        if name in columns:
            total = columns[name].astype(np.float64) * factor
            return np.nan_to_num(np.diff(total, prepend=total[:1])), name
    return None, ""


def _current_of(
    increment: NDArray[np.float64], time: NDArray[np.float64], columns: dict[str, NDArray[np.generic]]
) -> NDArray[np.float64]:
    """Return the mean current since the row before, A; 1 mAh in 1 s is 3.6 A.

    In rows without time since the row before it is the set current of a galvanostatic row, else that of the
    next row.
    """
    passed = np.diff(time, prepend=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        current = np.where(passed > 0, 3.6 * increment / passed, np.nan)
    control = columns.get("control/V/mA", columns.get("control/mA"))
    if control is not None and "mode" in columns:
        galvanostatic = columns["mode"].astype(np.float64) == 1
        current = np.where(np.isnan(current) & galvanostatic, control.astype(np.float64) * 1e-3, current)
        current = np.where(np.isnan(current) & (columns["mode"].astype(np.float64) == 3), 0.0, current)
    if not np.isnan(current).any():
        return current
    filled = pl.Series(current).fill_nan(None).fill_null(strategy="backward").fill_null(strategy="forward")
    return filled.fill_null(0.0).to_numpy()


def _capacities(
    columns: dict[str, NDArray[np.generic]],
    increment: NDArray[np.float64] | None,
    source: str,
    take: Callable[..., None],
) -> None:
    if increment is not None:
        take(source, CHARGED, "mA.h", np.cumsum(np.maximum(increment, 0.0)) * 1e-3, 1e-3, "sum of what is positive")
        take(source, DISCHARGED, "mA.h", np.cumsum(np.maximum(-increment, 0.0)) * 1e-3, 1e-3, "sum of what is negative")
    for name, column in (("Energy charge/W.h", CHARGED_ENERGY), ("Energy discharge/W.h", DISCHARGED_ENERGY)):
        if name in columns:
            energy = np.abs(np.nan_to_num(columns[name].astype(np.float64)))
            grown = np.diff(energy, prepend=energy[:1])
            total = np.cumsum(np.where(grown < 0, energy, grown))  # EC-Lab starts anew with each half-cycle
            take(name, column, "W.h", total, 1.0, "goes on where EC-Lab starts anew")


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
    """Return seconds since the first row from times of day and date, as EC-Lab exports them on request."""
    text = series.str.strip_chars().str.replace_all(r"[.-](\d+)[.-](\d{4})", "/$1/$2")
    best: pl.Series | None = None
    for pattern in ("%m/%d/%Y %H:%M:%S%.f", "%d/%m/%Y %H:%M:%S%.f"):
        parsed = text.str.to_datetime(pattern, time_unit="us", strict=False)
        order = (parsed.diff().dt.total_microseconds().fill_null(0) >= 0).all()
        if parsed.null_count() <= 0.01 * len(parsed) and (best is None or not order):
            best = parsed if order else best
    if best is None or best.null_count() == len(best):
        raise DamagedFileError(
            f"{path.name} has times that cannot be read ({series[0]!r})", advice="Export it with the time in seconds"
        )
    first = best.drop_nulls()[0]
    seconds: pl.Series = ((best - first).dt.total_microseconds() / 1e6).fill_null(float("nan"))
    return seconds


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

"""Impedance in files: the columns of EC-Lab, and what a table of impedance must be to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import DamagedFileError, InconsistentDataError, MissingColumnError
from lirich.model import Finding, Severity
from lirich.model.spectra import FREQUENCY, IMAGINARY, NEEDED, REAL, SPECTRUM_COLUMNS
from lirich.model.table import CYCLE, STEP, TIME, UNIX_TIME, VOLTAGE
from lirich.readers.base import ColumnMatch, Reading

_VOLTAGES = ("Ecell/V", "Ewe-Ece/V", "<Ewe>/V", "<Ewe/V>", "Ewe/V")
"""With a reference electrode Ewe is not the voltage between the electrodes: Ecell is taken where the file has it."""


def spectrum_table(table: pl.DataFrame, *, name: str) -> pl.DataFrame:
    """Return *table* with the columns, order and types of the table of an impedance test; others are dropped.

    *name* is that of the file, for what is said of it. Raises `MissingColumnError` without frequency, real and
    imaginary part.
    """
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise MissingColumnError(
            f"{name} has no column for {', '.join(missing)} (found: {', '.join(table.columns) or 'nothing'})",
            expected="frequency with real and imaginary part of the impedance",
        )
    return table.select(
        pl.col(column).cast(dtype, strict=False)
        for column, (dtype, _) in SPECTRUM_COLUMNS.items()
        if column in table.columns
    )


def ec_lab_spectrum(
    columns: Mapping[str, NDArray[np.generic]], *, path: Path, started_unix_second: float | None = None
) -> tuple[pl.DataFrame, tuple[ColumnMatch, ...], tuple[str, ...], tuple[Finding, ...]]:
    """Turn columns of an impedance file under EC-Lab's names, shape (n_rows,) each, into the table of `spectrum_table`.

    Returns the table, what was recognised, what was left out, and findings. Raises `MissingColumnError`.
    """
    found = {name: values.astype(np.float64) for name, values in columns.items() if values.dtype.kind in "fiub"}
    data: dict[str, NDArray[np.float64]] = {}
    matches: list[ColumnMatch] = []

    def take(source: str, column: str, unit: str, factor: float = 1.0, note: str = "") -> None:
        if source in found and column not in data:
            data[column] = factor * found[source]
            matches.append(ColumnMatch(source, column, unit, factor, note))

    take("time/s", TIME, "s")
    take("freq/Hz", FREQUENCY, "Hz")
    take("Re(Z)/Ohm", REAL, "Ohm")
    take("-Im(Z)/Ohm", IMAGINARY, "Ohm", -1.0, "the file has its negative")
    take("Im(Z)/Ohm", IMAGINARY, "Ohm")
    if {"|Z|/Ohm", "Phase(Z)/deg"} <= found.keys() and not {REAL, IMAGINARY} <= data.keys():
        whole = found["|Z|/Ohm"] * np.exp(1j * np.deg2rad(found["Phase(Z)/deg"]))
        data[REAL], data[IMAGINARY] = whole.real, whole.imag
        matches += [ColumnMatch("|Z|/Ohm", REAL, "Ohm", note="with Phase(Z)/deg"),
                    ColumnMatch("Phase(Z)/deg", IMAGINARY, "deg", note="with |Z|/Ohm")]  # fmt: skip
    for name in _VOLTAGES:
        take(name, VOLTAGE, "V")
    take("cycle number", CYCLE, "")
    if "Ns" in found:
        data[STEP] = np.cumsum(np.diff(found["Ns"], prepend=found["Ns"][:1]) != 0) + 1.0
        matches.append(ColumnMatch("Ns", STEP, "", note="counts the changes of Ns"))
    if started_unix_second is not None and TIME in data:
        data[UNIX_TIME] = data[TIME] + started_unix_second
        note = "the computer's clock, taken as UTC"
        matches.append(ColumnMatch("start of the acquisition", UNIX_TIME, "s", note=note))
    table = spectrum_table(pl.DataFrame(data).fill_nan(None), name=path.name)
    used = {match.source for match in matches}
    return table, tuple(matches), tuple(c for c in columns if c not in used), ()


def settle_spectrum(reading: Reading, *, path: Path) -> Reading:
    """Return a reading of impedance without the rows that are none, and say what is odd.

    Raises `DamagedFileError` where nothing is left and `InconsistentDataError` where the time goes back or most of the
    real parts are not above 0: no cell gives energy at every frequency.
    """
    table = reading.table
    whole = pl.all_horizontal(pl.col(name).is_not_null() & pl.col(name).is_finite() for name in NEEDED)
    kept = table.filter(whole & (pl.col(FREQUENCY) > 0) & ((pl.col(REAL) != 0) | (pl.col(IMAGINARY) != 0)))
    if kept.is_empty():
        raise DamagedFileError(
            f"{path.name} has no frequency with an impedance",
            expected="at least one row of frequency, real and imaginary part",
            advice="Export or copy it from the instrument again",
        )
    findings = list(reading.findings)
    if kept.height < table.height:
        findings.append(
            Finding(
                code="impedance-rows-unusable",
                severity=Severity.WARNING,
                message=f"{table.height - kept.height} of {table.height} rows have no frequency above 0 with an "
                "impedance; they were left out",
            )
        )
    if TIME in kept.columns:
        time = kept[TIME]
        if time.null_count() or not time.is_finite().all():
            kept = kept.drop(TIME)
        elif (time.diff().drop_nulls() < 0).any():
            raise InconsistentDataError(
                f"The time of {path.name} goes back", expected="rows in the order in which they were measured"
            )
    if int((kept[REAL] <= 0).sum()) > 0.5 * kept.height:
        raise InconsistentDataError(
            f"Most real parts in {path.name} are not above 0",
            expected="a cell that takes energy",
            advice="Was the sign or the column of the real part mistaken?",
        )
    slow = kept.sort(FREQUENCY).head(max(1, kept.height // 3))
    if float(np.median(slow[IMAGINARY].to_numpy())) > 0:
        findings.append(
            Finding(
                code="imaginary-sign-doubtful",
                severity=Severity.WARNING,
                message="At low frequency the imaginary part is above 0, as of an inductor: −Im Z may have been "
                "taken for Im Z",
                advice="A cell is a capacitor there: the imaginary part is negative",
            )
        )
    return replace(reading, table=kept, findings=tuple(findings))

"""What the columns of EC-Lab mean: from columns under its names to a standard table.

The text files (`lirich.readers.biologic`) and the binary ones (`lirich.readers.biologic_mpr`) name their columns alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import MissingColumnError, WrongTechniqueError
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
from lirich.readers.base import ColumnMatch, require_time_axis, standard_table
from lirich.readers.spectra import ec_lab_spectrum

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

"""Neware .nda and .ndax, the cycler's own binary files, as ``fastnda`` reads them (`lirich.readers.fastnda_calls`).

It gives voltage and current in single precision, time in double precision and the capacity of each
step counted from the step's start; here they become one standard table with capacities and energies that
never fall. The cycler's own cycle number is kept as it was written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
from lirich.readers.fastnda_calls import Frame, columns_of, named, overheard
from lirich.readers.neware_description import described
from lirich.readers.neware_file import NDA_MAGIC, ZIP_MAGIC, check_archive, check_length, damaged, kind_of

MOST_STEPS = 50_000
"""Up to this many steps are added up one by one, which is the quickest for tests of few long steps."""

MANY_ROWS = 100_000
"""To look up the names of so many steps is worth a second thread."""

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
        kind = kind_of(path)
        notes: tuple[Finding, ...] = ()
        if kind == ".nda":
            notes = check_length(path)
        else:
            check_archive(path)
        with named(path, kind) as file, overheard() as heard:
            frame = columns_of(file, path, heard)
            metadata, doubts = described(file, kind)
        if not len(frame["step_count"]):
            raise damaged(path, "it holds no recorded point")
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


def _standard(frame: Frame, path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
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


def _index_findings(frame: Frame) -> tuple[Finding, ...]:
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

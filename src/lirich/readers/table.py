"""Any table whose headers speak for themselves: ``Seconds, Amps, Volts, Ah`` and the like.

The last reader to be asked. It is not sure of itself: nothing in such a file says whose it is, and the sign of the
current is only believed where the voltage supports it (it rises while the current is positive).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import polars as pl

from lirich.model import Finding, Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.base import Reading
from lirich.readers.signcheck import SIGN_DOUBTFUL
from lirich.readers.tabular import Heading, Table, TabularReader


class TableReader(TabularReader):
    """A plain table with telling headers (.csv, .txt, .tsv, .xlsx)."""

    name = "table"
    description = "plain table with telling headers"
    extensions = (".csv", ".txt", ".tsv", ".dat", ".xlsx")
    aliases: ClassVar[Mapping[str, h.Alias]] = {}
    reads_curves: ClassVar[bool] = True

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """0.3 to 0.5, by how much of a standard table the headers name with units."""
        matches, _ = h.match_headers(heading.headers, self.aliases)
        curve = {std.CHARGED, std.DISCHARGED} <= set(matches)
        timed = std.CURRENT in matches and bool({std.TIME, h.CLOCK, h.STEP_TIME, std.UNIX_TIME} & set(matches))
        if std.VOLTAGE not in matches or not (curve or timed):
            return 0.0, ""
        stated = sum(bool(m.unit) for m in matches.values())
        return min(0.5, 0.3 + 0.05 * stated), f"headers name {', '.join(sorted(matches))}"

    def sheet_confidence(self, sheets: Sequence[str]) -> tuple[float, str]:
        """Any workbook may hold a table."""
        return (0.2, "a workbook that no other reader knows") if sheets else (0.0, "")

    def finish(self, table: Table) -> Reading:
        """Assemble, then ask the voltage whether the sign of the current can be right."""
        reading = super().finish(table)
        return judge_sign(reading)


def judge_sign(reading: Reading) -> Reading:
    """Say that the sign of the current is doubtful, unless the voltage supports it."""
    frame = reading.table
    if std.CURRENT not in frame.columns or any(m.column == std.STEP_TYPE and m.source for m in reading.recognised):
        return reading
    support = sign_support(frame)
    if support is not None and support > 0:
        return replace(reading, confidence=min(0.6, reading.confidence + 0.1))
    advice = "Repair with flip-current if discharge is positive in this file, or say so in a mapping file"
    message = (
        "Nothing in the file says which sign of the current is charge, and the voltage does not tell either; charge "
        "was taken to be positive"
        if support is None
        else "The voltage falls while the current is positive: discharge seems to be positive in this file"
    )
    finding = Finding(code=SIGN_DOUBTFUL, severity=Severity.WARNING, message=message, advice=advice)
    return reading.with_findings(finding)


def sign_support(frame: pl.DataFrame) -> float | None:
    """Return the mean slope of voltage against charge over stretches of one sign, in units of its own spread.

    Positive where the voltage rises with positive current. ``None`` where there is no stretch of at least 10 points
    over which the voltage changes by more than 20 mV.
    """
    if std.VOLTAGE not in frame.columns:
        return None
    current = np.nan_to_num(frame.get_column(std.CURRENT).to_numpy())
    voltage = frame.get_column(std.VOLTAGE).to_numpy()
    sign = np.sign(current)
    edges = np.flatnonzero(np.diff(sign) != 0) + 1
    starts, ends = np.r_[0, edges], np.r_[edges, sign.size]
    votes = 0.0
    for start, end in zip(starts, ends, strict=True):
        if end - start < 10 or sign[start] == 0:
            continue
        # The first tenth holds the jump over the resistance, which always has the sign of the change of current.
        skip = start + (end - start) // 10
        change = voltage[end - 1] - voltage[skip]
        if np.isfinite(change) and abs(change) > 0.02:
            votes += float(sign[start] * change)
    return votes if votes else None


READERS = (TableReader(),)

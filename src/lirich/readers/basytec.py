"""Basytec's result files: a preamble of lines that begin with ``~``, then a tab-separated table in Latin-1."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import polars as pl

from lirich.model import Scalar
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.base import ColumnMatch, Reading, standard_table
from lirich.readers.clock import wall_clock
from lirich.readers.tabular import Heading, Table, TabularReader


class BasytecReader(TabularReader):
    """Basytec text exports (.txt, .dat)."""

    name = "basytec"
    description = "Basytec result file"
    extensions = (".txt", ".dat", ".csv")
    # "State" is a number, the name of the step stands in "Command"; "Ah" is the net charge since the start.
    aliases: ClassVar[dict[str, h.Alias]] = {
        "state": ("", ""),
        "rdc": ("", ""),
        "line": (std.STEP_INDEX, ""),
        "tstep": (h.STEP_TIME, "s"),
    }

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """The first line says *Resultfile from Basytec*, or the headers are U[V], I[A], ~Time[…]."""
        if any("basytec" in line.lower() for line in heading.preamble[:5]):
            return 0.98, "the first line says Basytec"
        names = {text.split("[")[0].strip().lower() for text in heading.headers}
        if {"~time", "u", "i"} <= names:
            return 0.9, "Basytec's headers ~Time, U, I"
        return 0.0, ""

    def metadata(self, heading: Heading) -> dict[str, Scalar]:
        """``~Key: value`` lines; the value may hold colons (a date)."""
        found: dict[str, Scalar] = {}
        for line in heading.preamble:
            key, colon, value = line.lstrip("~").partition(": ")
            if colon and key.strip() and value.strip() and len(found) < 100:
                found[key.strip()[:80]] = value.strip()[:500]
        return found

    def finish(self, table: Table) -> Reading:
        """Assemble, and add the clock: the start of the test in the preamble plus the test time."""
        reading = super().finish(table)
        text = reading.metadata.get("Start of Test")
        if std.UNIX_TIME in reading.table.columns or std.TIME not in reading.table.columns or not text:
            return reading
        start, note = wall_clock(pl.Series([str(text)]), None)
        if start[0] is None:
            return reading
        clocked = reading.table.with_columns((pl.col(std.TIME) + start[0]).alias(std.UNIX_TIME))
        match = ColumnMatch("~Start of Test", std.UNIX_TIME, "", 1.0, f"start plus test time; {note}")
        return replace(
            reading,
            table=standard_table(clocked, path=table.path),
            recognised=(*reading.recognised, match),
        )


READERS = (BasytecReader(),)

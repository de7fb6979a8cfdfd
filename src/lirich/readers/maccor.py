"""Maccor's text exports: tab or comma separated, two to a dozen lines above the header, currents without sign."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from lirich.model import Finding, Severity
from lirich.model import table as std
from lirich.readers import delimited
from lirich.readers import headers as h
from lirich.readers.tabular import Heading, Table, TabularReader

_PREAMBLE = ("today's date", "date of test", "maccor")
_OWN = {"amphr", "mamphr", "watthr", "dpttime", "cyc#", "rec#", "acimp", "cyclep", "cyclec", "md", "es"}
_NO_SENSOR_BELOW = -100.0


class MaccorReader(TabularReader):
    """Maccor text exports (.txt, .csv, and numbered ones such as .053)."""

    name = "maccor"
    description = "Maccor text export"
    extensions = (".txt", ".csv")
    clock_gives_time_unit = True
    aliases: ClassVar[dict[str, h.Alias]] = {"cyclep": ("", ""), "es": ("", ""), "dcir": (std.RESISTANCE, "ohm")}

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """Maccor's preamble (*Date of Test*) or its headers (Rec#, Cyc#, Amp-hr, DPt Time, ES)."""
        top = " ".join(heading.preamble[:15]).lower()
        names = heading.names
        own = names & _OWN
        named = [words for words in _PREAMBLE if words in top]
        if named and ("dpttime" in names or own):
            return 0.97, f"Maccor's preamble ({named[0]!r}) and headers"
        if len(own) >= 3:
            return 0.9, f"Maccor's headers {', '.join(sorted(own)[:4])}"
        return 0.0, ""

    def adjust(self, table: Table) -> None:
        """Take the temperature from the first auxiliary channel in °C that has a sensor."""
        if std.CELL_TEMPERATURE in table.matches:
            return
        headers = table.layout.headers
        channels = [
            i
            for i, text in enumerate(headers[:-1])
            if text.lower().startswith("aux") and headers[i + 1].strip().lower() == "units"
        ]
        if not channels:
            return
        first = table.first_cells + [""] * len(headers)
        in_celsius = [i for i in channels if first[i + 1].strip().strip("°").upper() in ("C", "DEGC")]
        values = {i: _number(first[i]) for i in in_celsius}
        used = [i for i, value in values.items() if value is not None and value > _NO_SENSOR_BELOW]
        if used:
            index = used[0]
            self._add(table, index)
        elif in_celsius:
            table.findings.append(
                Finding(
                    code="no-temperature-sensor",
                    severity=Severity.INFO,
                    message=f"All {len(in_celsius)} auxiliary temperatures read below {_NO_SENSOR_BELOW:g} °C "
                    f"(the first {values[in_celsius[0]]:g} °C): no sensor is connected",
                )
            )

    def _add(self, table: Table, index: int) -> None:
        match = h.HeaderMatch(index, table.layout.headers[index], std.CELL_TEMPERATURE, "degC", 1.0)
        body = table.body
        loaded = delimited.load(
            body, table.layout, numbers=[index], texts=[], first_line=table.loaded.first_line, path=table.path
        )
        if loaded.frame.height == table.loaded.frame.height:
            table.loaded.frame = pl.concat([table.loaded.frame, loaded.frame], how="horizontal")
            table.matches[std.CELL_TEMPERATURE] = match
            table.others = tuple(i for i in table.others if i != index)


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


READERS = (MaccorReader(),)

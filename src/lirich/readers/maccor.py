"""Maccor's text exports: tab or comma separated, two to a dozen lines above the header, currents without sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from lirich.model import Finding, Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.tabular import Heading, TabularReader

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

    def more_columns(
        self, headers: Sequence[str], first_row: Sequence[str]
    ) -> tuple[dict[str, h.HeaderMatch], list[Finding]]:
        """Take the temperature from the first auxiliary channel in °C that has a sensor."""
        cells = [*first_row, *[""] * len(headers)]
        warm = {
            i: value
            for i, text in enumerate(headers[:-1])
            if text.lower().startswith("aux")
            and headers[i + 1].strip().lower() == "units"
            and cells[i + 1].strip().strip("°").upper() in ("C", "DEGC")
            and (value := _number(cells[i])) is not None
        }
        if not warm:
            return {}, []
        used = [i for i, value in warm.items() if value > _NO_SENSOR_BELOW]
        if used:
            match = h.HeaderMatch(used[0], headers[used[0]], std.CELL_TEMPERATURE, "degC", 1.0)
            return {std.CELL_TEMPERATURE: match}, []
        finding = Finding(
            code="no-temperature-sensor",
            severity=Severity.INFO,
            message=f"All {len(warm)} auxiliary temperatures read below {_NO_SENSOR_BELOW:g} °C (the first "
            f"{next(iter(warm.values())):g} °C): no sensor is connected",
        )
        return {}, [finding]


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


READERS = (MaccorReader(),)

"""Arbin's exports (csv, xlsx) and its databases (.res)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.tabular import Heading, TabularReader

_OWN = {
    "datapoint", "testtime", "steptime", "stepindex", "cycleindex", "dvdt", "internalresistance", "testid", "datetime",
}  # fmt: skip


class ArbinTextReader(TabularReader):
    """Arbin MITS exports (.csv, .xlsx)."""

    name = "arbin-text"
    description = "Arbin csv or xlsx export"
    extensions = (".csv", ".txt", ".xlsx")
    aliases: ClassVar[dict[str, h.Alias]] = {"step": (std.STEP_INDEX, "")}

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """Arbin's headers: Test_Time, Step_Index, Cycle_Index with Charge_Capacity."""
        names = heading.names
        own = names & _OWN
        if {"stepindex", "cycleindex", "testtime"} <= names and "chargecapacity" in names and "stepname" not in names:
            return (0.95 if len(own) >= 5 else 0.8), f"Arbin's headers {', '.join(sorted(own)[:4])}"
        return 0.0, ""

    def sheet_confidence(self, sheets: Sequence[str]) -> tuple[float, str]:
        """Sheets ``Global_Info`` and ``Channel_…``."""
        channels = self.pick_sheets(sheets)
        if channels and any(s.lower().startswith("global_info") for s in sheets):
            return 0.97, f"sheets Global_Info and {channels[0]}"
        return (0.8, f"a sheet {channels[0]}") if channels else (0.0, "")

    def pick_sheets(self, sheets: Sequence[str]) -> list[str]:
        """The sheets of records; not the statistics, charts and impedance beside them."""
        found = [s for s in sheets if s.lower().startswith(("channel_", "channel-")) and "chart" not in s.lower()]
        return [s for s in found if "stat" not in s.lower()] or found


READERS = (ArbinTextReader(),)

"""Landt (LANHE) exports: csv with ``channel_index, cycle_index, …``, and LandDt's own tables in English or Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from lirich.model import Scalar
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.tabular import Heading, TabularReader

_CSV = {"channelindex", "datetimeisostring", "stepname", "pressure", "temperature1"}
_OWN = {"systime", "specap", "senergy", "speccapacity", "测试时间", "系统时间", "比容量", "比能量"}


class LandtReader(TabularReader):
    """Landt exports (.csv, .txt, .xlsx)."""

    name = "landt"
    description = "Landt (LANHE) csv, txt or xlsx export"
    extensions = (".csv", ".txt", ".xlsx")
    aliases: ClassVar[dict[str, h.Alias]] = {
        "channelindex": ("", ""),
        "mode": (std.STEP_TYPE, ""),
        "specap": (h.SPECIFIC_CAPACITY, "mAh/g"),
    }

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """Landt's own headers."""
        names = heading.names
        if len(names & _CSV) >= 3:
            return 0.97, f"Landt's headers {', '.join(sorted(names & _CSV)[:3])}"
        own = names & _OWN
        if len(own) >= 2:
            return 0.9, f"Landt's headers {', '.join(sorted(own))}"
        return 0.0, ""

    def metadata(self, heading: Heading) -> dict[str, Scalar]:
        """What the lines above say; a capacity that was not entered stands there as its unit alone."""
        return {k: v for k, v in super().metadata(heading).items() if v not in ("Ah", "Wh")}

    def sheet_confidence(self, sheets: Sequence[str]) -> tuple[float, str]:
        """LandDt names its sheets *Record* and *Cycle*/*Step* with a channel number, or *记录表*."""
        found = [s for s in sheets if s.strip().startswith(("记录表", "Record_", "Record-", "DefaultGroup"))]
        return (0.7, f"a sheet {found[0]!r}") if found else (0.0, "")

    def pick_sheets(self, sheets: Sequence[str]) -> list[str]:
        """The sheets of single records."""
        return [s for s in sheets if s.strip().startswith(("记录表", "Record", "DefaultGroup"))]


READERS = (LandtReader(),)

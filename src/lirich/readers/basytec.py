"""Basytec's result files: a preamble of lines that begin with ``~``, then a tab-separated table in Latin-1."""

from __future__ import annotations

from typing import ClassVar

from lirich.model import Scalar
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.tabular import Heading, TabularReader


class BasytecReader(TabularReader):
    """Basytec text exports (.txt, .dat)."""

    name = "basytec"
    description = "Basytec result file"
    extensions = (".txt", ".dat", ".csv")
    # "Count" counts what the programme likes; "State" is a number; "Ah" is the net charge since the start.
    aliases: ClassVar[dict[str, h.Alias]] = {
        "state": ("", ""),
        "ah": ("", ""),
        "wh": ("", ""),
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


READERS = (BasytecReader(),)

"""Words that kept results and quotations have, as a page shows them."""

from __future__ import annotations

import re

_SIGNS = {"+": "⁺", "-": "⁻"}


def plainly(text: str) -> str:
    """Return *text* with charges set high, counts that fit their verbs, and states of charge in words.

    ``Li^+`` is Li⁺, ``9 agrees`` 9 agree, ``the cell at 0 %`` (of the lithium out) the discharged cell.
    """
    text = re.sub(r"(?<=[A-Za-z])\^([+-])", lambda m: _SIGNS[m[1]], text)
    text = re.sub(r"\b(\d+) (agree|differ)s\b", lambda m: m[0] if m[1] == "1" else f"{m[1]} {m[2]}", text)
    text = re.sub(r"\b([Tt]he) cell at 0 %", r"\1 discharged cell", text)
    return re.sub(r"\b([Tt]he) cell at (\d+) %", r"\1 cell with \2 % of the lithium out", text)

"""What a physics check says: a finding with the repairs that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Finding, Severity

Array = NDArray[np.float64]
Level = Literal[Severity.ERROR, Severity.WARNING, Severity.INFO]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A finding, the repairs that would resolve it, and whether the repair is so harmless that it is made unasked."""

    finding: Finding
    repairs: tuple[str, ...] = ()
    automatic: bool = False


EXPORT_AGAIN = "Export the file from the cycler again"
"""What to do where no repair helps."""


def found_in(
    code: str, severity: Level, message: str, *repairs: str, advice: str = "", automatic: bool = False
) -> Diagnosis:
    """Return a diagnosis with its *repairs*, the likeliest first; an empty name is none.

    Where nothing is advised, the advice is to ask for the repair.
    """
    named = tuple(filter(None, repairs))
    if named and not advice and not automatic:
        advice = f"Ask for the repair by name: {named[0]}"
    finding = Finding(code=code, severity=severity, message=message, advice=advice, repair=named[0] if named else "")
    return Diagnosis(finding, named, automatic)


def complete_column(table: pl.DataFrame, column: str) -> Array | None:
    """Return a column as an array if it is there and finite throughout."""
    if column not in table.columns or table[column].null_count():
        return None
    values = table[column].to_numpy()
    return values if np.isfinite(values.sum()) else None

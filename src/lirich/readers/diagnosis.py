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


def found_in(
    code: str, severity: Level, message: str, repair: str = "", *, advice: str = "", automatic: bool = False
) -> Diagnosis:
    """Return a diagnosis; where nothing is advised, the advice is to ask for the repair."""
    if repair and not advice and not automatic:
        advice = f"Ask for the repair by name: {repair}"
    finding = Finding(code=code, severity=severity, message=message, advice=advice, repair=repair)
    return Diagnosis(finding, (repair,) if repair else (), automatic)


def complete_column(table: pl.DataFrame, column: str) -> Array | None:
    """Return a column as an array if it is there and finite throughout."""
    if column not in table.columns or table[column].null_count():
        return None
    values = table[column].to_numpy()
    return values if np.isfinite(values.sum()) else None

"""Rows that cannot be read: left out and counted, or too many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from lirich.errors import DamagedFileError
from lirich.model import Finding

MAX_UNREADABLE = 0.01
"""A file of which a larger part of the rows cannot be read is damaged."""


def drop_unreadable(
    path: Path,
    series: Mapping[str, pl.Series],
    unreadable: Mapping[str, pl.Series],
    needed: Collection[str],
    line: Callable[[int], int],
) -> tuple[dict[str, pl.Series], list[Finding]]:
    """Leave out the rows in which a *needed* column holds something that is no number, and say so.

    *unreadable* marks such cells by role, *line* gives the line of the file of a row. In the other columns the cell is
    left empty. Raises `DamagedFileError` where more than `MAX_UNREADABLE` of the rows are lost.
    """
    kept = dict(series)
    findings: list[Finding] = []
    marks = {role: mark for role, mark in unreadable.items() if role in kept and mark.any()}
    if not marks:
        return kept, findings
    height = next(iter(kept.values())).len()
    bad = pl.Series("bad", np.zeros(height, dtype=bool))
    for role, mark in marks.items():
        if role in needed:
            bad = bad | mark.fill_null(value=False)
        else:
            first = line(int(mark.arg_true()[0]))
            findings.append(
                Finding(
                    code="unreadable-cells",
                    message=f"{int(mark.sum())} cells of the column for {role} in {path.name} cannot be read and were "
                    f"left empty, the first in line {first}",
                    where=f"line {first}",
                )
            )
    count = int(bad.sum())
    if not count:
        return kept, findings
    first = line(int(bad.arg_true()[0]))
    message = f"{count} of {height} rows of {path.name} cannot be read, the first in line {first}"
    if count == height or (count > MAX_UNREADABLE * height and count > 1):
        raise DamagedFileError(
            message,
            expected=f"numbers in the columns for {', '.join(sorted(role for role in marks if role in needed))}",
            advice="Export or copy the file again",
        )
    findings.append(
        Finding(
            code="unreadable-rows",
            message=f"{message}; they were left out" if count > 1 else f"{message}; it was left out",
            advice="Look at the line, and export or copy the file again if it should hold numbers",
            where=f"line {first}",
        )
    )
    good = ~bad
    return {role: values.filter(good) for role, values in kept.items()}, findings

"""How many rows a table has by its record numbers, against those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lirich.model import Finding, Severity
from lirich.readers import delimited, loading


def record_numbers(body: loading.Body, column: int, separator: str) -> tuple[str, ...]:
    """Return the record numbers of the first two rows and the last: enough to count, without reading the column."""
    head = [row for row in body.head(65_536).split(b"\n", 8)[:8] if row.strip()][:2]
    tail = body.tail(65_536).rstrip().rsplit(b"\n", 1)[-1:]
    cells = [delimited.split_line(row.decode("utf-8", "replace"), separator) for row in (*head, *tail)]
    return tuple(row[column].strip() if column < len(row) else "" for row in cells) if len(cells) == 3 else ()


def missing_rows(path: Path, header: str, ends: Sequence[object], height: int) -> Finding | None:
    """Say that rows of *path* are missing where its record numbers count more than the *height* that is there.

    *ends* are the numbers of the first two rows and the last, under *header*. Every nth row is a choice.
    """
    numbers = [number for text in ends if (number := _number(text)) is not None]
    if len(numbers) < 3:  # the column holds something else than numbers, or was not read: nothing can be counted
        return None
    first, second, last = numbers
    every = second - first
    promised = last - first + 1
    if not promised.is_integer() or promised <= height or (every > 1 and promised == every * (height - 1) + 1):
        return None
    return Finding(
        code="rows-missing",
        severity=Severity.WARNING,
        message=f"By its record numbers ({first:.0f} to {last:.0f} in {header!r}) {path.name} has "
        f"{promised:.0f} rows, and {height} are there",
        advice="If you did not leave rows out on purpose, export or copy the file again",
    )


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None

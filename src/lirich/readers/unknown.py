"""A file that no reader knows: what it looks like, and whether a mapping file could describe it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lirich.errors import ReadError

_LOADINGS = {"voltage_v", "mean_capacity_mah_g", "pc1_loading"}
"""What the header of a table of loadings has; `lirich.learn.anchor_map` reads these columns."""

_MAGIC = (
    (b"PK\x03\x04", "a zip archive or spreadsheet"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office file"),
    (b"\x00\x01\x00\x00Standard", "a Microsoft Access database"),
    (b"{", "JSON"),
)
_FEWEST_ROWS = 3
"""Fewer rows of numbers are none of a test."""
_SHEET_ROWS = 200
"""Of a sheet so many rows are looked at."""


def describe(head: bytes) -> str:
    """Say what the first bytes look like, for a message."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return f"it looks like {name}"
    control = sum(byte < 9 or 13 < byte < 32 for byte in head[:4096])
    if control > 0.02 * len(head[:4096]):
        return f"binary, beginning with {head[:8].hex(' ')}"
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    return f"text, beginning with {first[:60]!r}"


def is_loadings(head: bytes) -> bool:
    """Tell whether a text begins as a table of published loadings of a state map."""
    first = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    return {cell.strip().strip('"').casefold() for cell in first.split(",")} >= _LOADINGS


def may_be_mapped(path: Path, head: bytes) -> bool:
    """Tell whether a file is a table of numbers, as a mapping file describes one; published loadings are not."""
    from lirich.readers import delimited, workbook  # with Polars: only for a file that no reader knows

    if workbook.is_workbook(head):
        try:
            frames = (workbook.read_sheet(path, name) for name in workbook.sheet_names(path))
            return any(_of_numbers(frame.head(_SHEET_ROWS).rows()) for frame in frames)
        except ReadError:
            return False
    encoding = delimited.encoding_of(head)
    if encoding is None or is_loadings(head):
        return False
    lines = head.decode(encoding, "replace").splitlines()
    return any(_of_numbers(delimited.split_line(line, mark) for line in lines) for mark in "\t,;|") or _of_numbers(
        line.split() for line in lines
    )


def _of_numbers(rows: Iterable[Sequence[str | None]]) -> bool:
    """Tell whether most rows hold two numbers or more, and no fewer numbers than words."""
    filled = [cells for row in rows if (cells := [cell for cell in row if cell and cell.strip()])]
    numbers = [(sum(map(_is_number, cells)), len(cells)) for cells in filled]
    many = sum(count >= 2 and 2 * count >= of for count, of in numbers)
    return many >= _FEWEST_ROWS and 2 * many > len(filled)


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"').replace(",", "."))
    except ValueError:
        return False
    return True

"""Spreadsheets: which sheets there are, and one sheet as it is or as text."""

from __future__ import annotations

import logging
import re
import zipfile
import zlib
from pathlib import Path

import polars as pl

from lirich.errors import DamagedFileError
from lirich.readers.delimited import Layout, Score

_MAX_UNPACKED = 4 << 30
_SHEET = re.compile(rb"<sheet\b[^>]*\bname=\"([^\"]*)\"")
_SEARCH_ROWS = 60
_NUMBERED = re.compile(r"_\d+$")
_CELLS = (pl.Float64, pl.Int64, pl.String)
_SILENT = logging.NullHandler()


def is_workbook(head: bytes) -> bool:
    """Tell whether the first bytes are those of an .xlsx file: a zip archive with a spreadsheet's parts."""
    return head.startswith(b"PK\x03\x04") and (b"[Content_Types].xml" in head[:4096] or b"xl/" in head)


def sheets_in_head(head: bytes) -> tuple[str, ...] | None:
    """Return the names of the sheets where the list of them lies in the first bytes, ``None`` where it does not."""
    at = head.find(b"xl/workbook.xml")
    if at < 30 or head[at - 30 : at - 26] != b"PK\x03\x04":
        return None
    method = int.from_bytes(head[at - 22 : at - 20], "little")
    start = at + len(b"xl/workbook.xml") + int.from_bytes(head[at - 2 : at], "little")
    try:
        xml = head[start : start + 65_536] if method == 0 else zlib.decompressobj(-15).decompress(head[start:], 1 << 20)
    except zlib.error:
        return None
    return _names(xml)


def sheet_names(path: Path) -> tuple[str, ...]:
    """Return the names of the sheets. Raises `DamagedFileError`."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_UNPACKED:
                raise DamagedFileError(f"{path.name} unpacks to more than 4 GiB", advice="Export it as csv")
            return _names(archive.read("xl/workbook.xml"))
    except (zipfile.BadZipFile, KeyError, OSError, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DamagedFileError(
            f"{path.name} is not a readable .xlsx file: {error}", advice="Export or copy it again"
        ) from error


def _names(xml: bytes) -> tuple[str, ...]:
    found = (name.decode("utf-8", "replace") for name in _SHEET.findall(xml))
    return tuple(
        name.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"') for name in found
    )


def read_table(path: Path, name: str, score: Score) -> tuple[Layout, pl.DataFrame] | None:
    """Return a sheet that is a table: its first row names the columns, each of which holds one kind of cell.

    Columns are called ``c0``, ``c1``, …; they are numbers, dates or text as their cells are. ``None`` for any other
    sheet, which `read_sheet` reads; that takes longer, and `fastexcel` gives numbers as text with nine decimals only.
    """
    import fastexcel  # heavy: only where a workbook is read

    # It reports every empty column; without a handler of its own Python prints that.
    logging.getLogger("fastexcel").addHandler(_SILENT)
    try:
        sheet = fastexcel.read_excel(str(path)).load_sheet(name, schema_sample_rows=None, dtype_coercion="strict")
        frame = sheet.to_polars()
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError):
        return None
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # fastexcel's own, which derives from BaseException
            return None
        raise
    named = (column.column_name_from == "looked_up" for column in sheet.selected_columns)
    headers = tuple(text.strip() if known else "" for text, known in zip(frame.columns, named, strict=True))
    points = score(headers)
    texts = sum(dtype == pl.String for dtype in frame.dtypes)
    # A name that stands twice comes back with a number. A row with more names than the first has them in text columns.
    twice = any(_NUMBERED.sub("", text) in headers for text in headers if _NUMBERED.search(text))
    other = any(not (dtype in _CELLS or dtype == pl.Datetime) for dtype in frame.dtypes)
    if points < 2 or texts > points or twice or other or not frame.height:
        return None
    layout = Layout("utf-8", "\t", False, False, 0, headers, len(headers), ())
    return layout, pl.DataFrame([series.alias(f"c{i}") for i, series in enumerate(frame.get_columns())])


def read_sheet(path: Path, name: str) -> pl.DataFrame:
    """Return a sheet as text, every row of it, columns ``c0``, ``c1``, …. Raises `DamagedFileError`."""
    import fastexcel  # heavy: only where a workbook is read

    try:
        sheet = fastexcel.read_excel(str(path)).load_sheet(name, header_row=None, dtypes="string")
        frame = sheet.to_polars()
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise DamagedFileError(
            f"Sheet {name!r} of {path.name} cannot be read: {str(error).splitlines()[0] if str(error) else error!r}",
            advice="Export it again",
        ) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # fastexcel's own, which derives from BaseException
            raise DamagedFileError(f"Sheet {name!r} of {path.name} is damaged", advice="Export it again") from error
        raise
    return frame.rename({old: f"c{i}" for i, old in enumerate(frame.columns)})


def sheet_layout(frame: pl.DataFrame, score: Score) -> Layout | None:
    """Find the header row of a sheet, as `lirich.readers.delimited.find_layout` does for text."""
    best: tuple[int, int, tuple[str, ...]] | None = None
    rows = frame.head(_SEARCH_ROWS).rows()
    for number, row in enumerate(rows):
        cells = tuple("" if cell is None else str(cell).strip() for cell in row)
        points = score(cells)
        if points >= 2 and (best is None or points > best[0]):
            best = (points, number, cells)
    if best is None:
        return None
    _, number, cells = best
    preamble = tuple("\t".join("" if c is None else str(c) for c in row) for row in rows[:number])
    return Layout("utf-8", "\t", False, False, number, cells, len(cells), preamble)

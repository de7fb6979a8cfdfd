"""The rows of a delimited text → columns of numbers and of text, whatever the rows are like: ragged, blank, damaged.

`load` first tries Polars' parallel reader with strict types. Where that fails the columns are read as text,
cleaned, converted one by one and counted, so that what could not be read is known by number and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from lirich.errors import DamagedFileError
from lirich.model import Finding
from lirich.readers.delimited import Layout, marks_of, split_line, to_utf8
from lirich.readers.headers import HeaderMatch

_PIECE = 1 << 16
"""Bytes looked at together: few enough that the memory for what is found in them is used again and again."""


@dataclass(frozen=True, slots=True)
class Body:
    """The rows below a header: UTF-8, ``data`` from byte ``start`` on. A copy costs as much as half of the reading.

    Lines end in LF, or all in CR LF. ``first_line`` is the line of the file (from 1) of the first row. Without
    ``quotes`` there is none in ``data``.
    """

    data: bytes
    start: int
    first_line: int
    quotes: bool

    def head(self, size: int) -> bytes:
        """Return the first *size* bytes."""
        return self.data[self.start : self.start + size]

    def tail(self, size: int) -> bytes:
        """Return the last *size* bytes."""
        return self.data[max(self.start, len(self.data) - size) :]


@dataclass(slots=True)
class Loaded:
    """Columns of a file by index, and what happened on the way.

    ``unreadable`` marks, per column, the cells that hold text which is no number. ``first_line`` is the line of the
    file (from 1) of the first row; ``rows`` the positions of the kept rows where blank ones were left out.
    """

    frame: pl.DataFrame
    first_line: int
    unreadable: dict[int, pl.Series] = field(default_factory=dict)
    rows: pl.Series | None = None

    def line(self, row: int) -> int:
        """Return the line of the file (from 1) where *row* of the frame stands."""
        return self.first_line + (row if self.rows is None else int(self.rows[row]))


def body_of(data: bytes, layout: Layout, path: Path) -> tuple[Body, list[Finding]]:
    """Return the rows below the header and findings. An incomplete last line is cut off and stated."""
    marks = marks_of(data)
    text, findings = to_utf8(data, layout.encoding, path, ascii_only=marks.ascii)
    if text is not data:
        data, marks = text, marks_of(text)
    if marks.returns and not _plain_crlf(data, layout, quotes=marks.quotes):
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = 0
    for _ in range(layout.header_line + 1):
        start = data.find(b"\n", start) + 1
        if start == 0:
            return Body(b"", 0, layout.header_line + 2, quotes=False), findings
    if layout.separator == " ":
        data, start = re.sub(rb"[ \t]+", b" ", data[start:]), 0
        data = re.sub(rb"(?m)^ | $", b"", data)
    if data.endswith(b"\n\n"):  # thousands of blank lines at the end cost as much as rows
        data = data[: max(start, len(data.rstrip(b"\n")) + 1)]
    body, cut = _drop_cut_line(Body(data, start, layout.header_line + 2, marks.quotes), layout)
    if cut:
        findings.append(
            Finding(
                code="last-line-incomplete",
                message=f"The last line of {path.name} is cut short and was left out: {cut[:60]!r}",
                advice="If the test had ended, export or copy the file again",
            )
        )
    wide = _wider(body, layout)
    if wide:
        findings.append(
            Finding(
                code="rows-wider-than-header",
                message=f"Most rows of {path.name} have more cells than its header has names, such as {wide[:80]!r}: "
                "columns may be shifted",
                advice=f"Is the decimal sign a comma, as the separator is? Export it with another one than "
                f"{layout.separator!r}, or name the columns by position in a mapping file",
            )
        )
    return body, findings


def _plain_crlf(data: bytes, layout: Layout, *, quotes: bool) -> bool:
    """Tell whether carriage returns stand only at the ends of lines, where Polars leaves them out by itself."""
    if not data.endswith(b"\r\n") or data.endswith(b"\n\r\n") or layout.separator == " " or quotes:
        return False
    octets = np.frombuffer(data, dtype=np.uint8)
    for start in range(0, octets.size - 1, _PIECE):
        piece = octets[start : start + _PIECE + 1]
        if (piece[1:][piece[:-1] == ord("\r")] != ord("\n")).any():
            return False
    return True


def _wider(body: Body, layout: Layout) -> str:
    """Return a row with something in a cell beyond the header, if most rows at the beginning and end are such."""
    width = len(layout.headers)
    if layout.separator == " " or not any(layout.headers):
        return ""
    mark = layout.separator.encode()
    ends = (*body.head(8192).split(b"\n")[:20], *body.tail(8192).split(b"\n")[1:][-20:])
    rows = [row for row in ends if row.strip()]
    long = [row.decode("utf-8", "replace") for row in rows if row.rstrip(mark + b" \t\r").count(mark) >= width]
    wide = [row for row in long if any(cell.strip() for cell in split_line(row.rstrip("\r"), layout.separator)[width:])]
    return wide[0] if len(wide) > 0.5 * len(rows) else ""


def _drop_cut_line(body: Body, layout: Layout) -> tuple[Body, str]:
    data, start = body.data, body.start
    if start == len(data) or data.endswith(b"\n"):
        return body, ""
    cut = max(start, data.rfind(b"\n") + 1)
    last = data[cut : cut + 100_000].decode("utf-8", "replace")
    before = data[max(start, cut - 20_000) : cut].decode("utf-8", "replace").split("\n")[1:-1][-20:]
    cells = split_line(last, layout.separator)
    usual = [split_line(row, layout.separator) for row in before if row.strip()]
    if not usual:
        short = len(cells) < len(layout.headers)
    else:
        short = len(cells) < min(len(row) for row in usual)
        if not short and len(cells) >= 1 and cells[-1]:
            # All cells are there, but the last may have lost its end: no known row has one that short.
            short = len(cells[-1]) < min(len(row[-1]) for row in usual)
    return (replace(body, data=data[:cut]), last) if short else (body, "")


def load(
    body: Body,
    layout: Layout,
    *,
    numbers: Sequence[int],
    texts: Sequence[int],
    path: Path,
    integers: Sequence[int] = (),
) -> Loaded:
    """Read the wanted columns (indices) as numbers or as text; the frame's columns are called ``c0``, ``c1``, ….

    *integers* are those of the *numbers* that are whole; they are exact where all of them are, and Float64 otherwise.

    Raises `DamagedFileError` where there are no rows, or most of them are wider than the header.
    """
    wanted = sorted({*numbers, *texts})
    names = [f"c{i}" for i in range(layout.width)]
    if not body.head(4096).strip() and not body.data[body.start :].strip():
        raise DamagedFileError(
            f"{path.name} has a header and no data", expected="at least one recorded point", advice="Export it again"
        )
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(names, pl.String)
    schema.update({f"c{i}": pl.Int64 if i in integers else pl.Float64 for i in numbers})
    quotes = body.data.count(b'"', body.start) if body.quotes else 0
    layout = replace(layout, quoted=quotes > 0 and quotes % 2 == 0)  # an odd one is a stray one
    columns = wanted
    try:
        frame = _read_csv(body, layout, schema, columns, lenient=False)
        return without_blank_rows(Loaded(frame, body.first_line))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return _load_carefully(body, layout, numbers, columns, path)


def _read_csv(
    body: Body, layout: Layout, schema: dict[str, type[pl.DataType]], columns: list[int], *, lenient: bool
) -> pl.DataFrame:
    # Polars takes the number of columns from the first row, which may be a short one: then it gets a header of our own.
    first = body.data[body.start : body.data.find(b"\n", body.start) + 1 or None]
    whole = first.count(layout.separator.encode()) == len(schema) - 1 and b'"' not in first
    header = layout.separator.join(schema).encode() + b"\n"
    return pl.read_csv(
        body.data if whole else header + body.data[body.start :],
        has_header=not whole,
        skip_lines=body.data.count(b"\n", 0, body.start) if whole else 0,
        separator=layout.separator,
        quote_char='"' if layout.quoted else None,
        schema=schema,
        columns=columns,
        decimal_comma=layout.decimal_comma and not lenient and layout.separator != ",",
        truncate_ragged_lines=lenient,
        encoding="utf8-lossy" if lenient else "utf8",
        infer_schema=False,
    )


def _load_carefully(body: Body, layout: Layout, numbers: Sequence[int], columns: list[int], path: Path) -> Loaded:
    text_schema: dict[str, type[pl.DataType]] = {f"c{i}": pl.String for i in range(layout.width)}
    try:
        frame = _read_csv(body, layout, text_schema, columns, lenient=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedFileError(f"{path.name} cannot be read as a table: {first}", advice="Export it again") from error
    loaded = without_blank_rows(Loaded(frame, body.first_line))
    converted = []
    for index in numbers:
        name = f"c{index}"
        number, bad = to_number(loaded.frame.get_column(name), decimal_comma=layout.decimal_comma)
        converted.append(number)
        if bad.any():
            loaded.unreadable[index] = bad
    loaded.frame = loaded.frame.with_columns(converted)
    return loaded


def to_number(text: pl.Series, *, decimal_comma: bool = False) -> tuple[pl.Series, pl.Series]:
    """Turn text into numbers; also return which cells hold something that is no number."""
    number = text.cast(pl.Float64, strict=False)
    if text.dtype.is_numeric() or number.null_count() == text.null_count():
        return number, pl.Series(np.zeros(text.len(), dtype=np.bool_))
    clean = text.cast(pl.String).str.strip_chars(" \t\u00a0\ufeff'\"")
    if decimal_comma:
        clean = clean.str.replace(",", ".", literal=True)
    number = clean.cast(pl.Float64, strict=False)
    empty = clean.is_null() | clean.is_in(["", "-", "--", "NA", "N/A", "null", "None", "nan", "NaN"])
    return number.alias(text.name), number.is_null() & ~empty


def convert(loaded: Loaded, matches: Iterable[HeaderMatch], *, decimal_comma: bool) -> Loaded:
    """Keep the columns of *matches* of a sheet, and turn those that hold numbers into numbers."""
    matches = list(matches)
    loaded.frame = pl.DataFrame([loaded.frame.get_column(f"c{m.index}") for m in matches])
    loaded = without_blank_rows(loaded)
    series = {column.name: column for column in loaded.frame.get_columns()}
    for match in matches:
        text = series[f"c{match.index}"]
        if match.dimension in ("text", "clock"):
            continue
        if match.dimension == "time" and text.dtype == pl.String and any(":" in t for t in text.drop_nulls().head(5)):
            continue
        if text.dtype.is_numeric():
            series[text.name] = text.cast(pl.Float64)
            continue
        number, bad = to_number(text, decimal_comma=decimal_comma)
        series[text.name] = number
        if bad.any():
            loaded.unreadable[match.index] = bad
    loaded.frame = pl.DataFrame(list(series.values()))
    return loaded


def without_blank_rows(loaded: Loaded) -> Loaded:
    """Leave out rows in which every cell is empty; `Loaded.rows` then says which are left."""
    frame = loaded.frame
    if not (frame.height and frame.width):
        return loaded
    first = frame.to_series(0)
    if not first.null_count() and not (first.dtype == pl.String and (first == "").any()):
        return loaded
    empty = [
        (pl.col(n).is_null() | (pl.col(n) == "")) if t == pl.String else pl.col(n).is_null()
        for n, t in frame.schema.items()
    ]
    blank = frame.select(pl.all_horizontal(empty)).to_series()
    if blank.any():
        loaded.frame = frame.filter(~blank)
        loaded.rows = (~blank).arg_true()
    return loaded

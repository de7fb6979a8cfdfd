"""Delimited text, whatever it is like: encoding, delimiter, header row, decimals, ragged and damaged lines.

`find_layout` looks at the first bytes and says how the file is built; `load` turns the wanted columns into numbers.
`load` first tries Polars' parallel reader with strict types. Where that fails the columns are read as text,
cleaned, converted one by one and counted, so that what could not be read is known by number and line.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from lirich.errors import DamagedFileError, ReadError, UnrecognisedFileError
from lirich.model import Finding
from lirich.readers.headers import HeaderMatch

SEARCH_BYTES = 131_072
"""How far into a file a header row may be."""
_SEARCH_LINES = 400
_AFTER_HEADER = 3
"""A better header row than the first one is at most this many lines below it."""
_MAX_UNPACKED = 4 << 30
_SEPARATORS = ("\t", ",", ";", "|", " ")
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")
_DECIMAL_POINT = re.compile(r"^\s*[-+]?\d*\.\d+([eE][-+]?\d+)?\s*$")

Score = Callable[[Sequence[str]], int]
"""How many columns of a standard table a row of cells names; 0 for a row that is no header."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a delimited text is built. ``header_line`` counts from 0; ``width`` is the number of cells of a row."""

    encoding: str
    separator: str
    quoted: bool
    decimal_comma: bool
    header_line: int
    headers: tuple[str, ...]
    width: int
    preamble: tuple[str, ...]


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


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where it is gzip. Raises `ReadError` or `DamagedFileError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path} cannot be opened: {error}", advice="Check path and permissions") from error
    if data[:2] == b"\x1f\x8b":
        data = _gunzip(data, path)
    if not data:
        raise DamagedFileError(f"{path.name} is empty", expected="a table", advice="Export or copy it again")
    return data


def _gunzip(data: bytes, path: Path) -> bytes:
    try:
        unpacker = zlib.decompressobj(31)
        unpacked = unpacker.decompress(data, _MAX_UNPACKED)
        if unpacker.unconsumed_tail:
            raise DamagedFileError(f"{path.name} unpacks to more than 4 GiB", advice="Unpack it yourself")
        if not unpacker.eof:
            raise DamagedFileError(f"{path.name} is a gzip file that is cut short", advice="Copy it again")
    except zlib.error as error:
        raise DamagedFileError(f"{path.name} is a damaged gzip file: {error}", advice="Copy it again") from error
    return unpacked


def unpack_head(head: bytes) -> bytes:
    """Return the beginning of what a gzip file holds, from its first bytes. Raises `DamagedFileError`."""
    try:
        return zlib.decompressobj(31).decompress(head, SEARCH_BYTES)
    except zlib.error as error:
        raise DamagedFileError(f"a damaged gzip file: {error}") from error


def encoding_of(head: bytes) -> str | None:
    """Return the encoding of a text from its first bytes; ``None`` where it is binary.

    Without byte-order mark: UTF-16 by its zeros, UTF-8 where it is valid, GB 18030 where that gives the Chinese
    words of a header, and Latin-1 (as Windows-1252) otherwise.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    sample = head[:8192]
    if not sample:
        return None
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > 0.4 * half and sample[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.4 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    control = sum(sample.count(bytes([c])) for c in (*range(9), 11, 12, *range(14, 32), 127))
    if control > 0.02 * len(sample):
        return None
    try:
        head.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 4 and error.reason == "unexpected end of data":
            return "utf-8"
    chinese = head.decode("gb18030", "replace")
    if any(word in chinese for word in ("电压", "电流", "循环", "工步")):
        return "gb18030"
    return "cp1252"


def _to_utf8(data: bytes, encoding: str, path: Path) -> tuple[bytes, list[Finding]]:
    findings: list[Finding] = []
    stripped = data.rstrip(b"\0") if encoding not in ("utf-16", "utf-16-le", "utf-16-be") else data
    if len(stripped) < len(data):
        findings.append(
            Finding(
                code="trailing-zeros",
                message=f"{path.name} ends in {len(data) - len(stripped)} zero bytes, as after a power failure",
                advice="Check that the last points are there",
            )
        )
        data = stripped
    if encoding in ("utf-8", "utf-8-sig"):
        data = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
        if data.isascii():
            return data, findings
        try:
            data.decode("utf-8")
            return data, findings
        except UnicodeDecodeError:
            encoding = "cp1252"
    text = data.decode("latin-1" if encoding == "cp1252" else encoding, "replace")
    return text.encode("utf-8"), findings


@dataclass(slots=True)
class _Beginning:
    """The beginning of a text, and what was found out of it: every reader looks at the same lines."""

    encoding: str
    lines: list[str]
    _cells: dict[tuple[int, str], tuple[str, ...]] = field(default_factory=dict)
    _layouts: dict[tuple[int, str, bool, bool], Layout] = field(default_factory=dict)

    def cells(self, number: int, separator: str) -> tuple[str, ...]:
        """Return the cells of line *number*."""
        key = (number, separator)
        if key not in self._cells:
            self._cells[key] = _cells_of(self.lines[number], separator)
        return self._cells[key]

    def layout(self, number: int, separator: str, *, headless: bool, cut: bool) -> Layout:
        """Return the layout with the header in line *number*; *cut*: the last line may be incomplete."""
        key = (number, separator, headless, cut)
        if key not in self._layouts:
            self._layouts[key] = self._layout(number, separator, headless=headless, cut=cut)
        return self._layouts[key]

    def _layout(self, number: int, separator: str, *, headless: bool, cut: bool) -> Layout:
        cells = self.cells(number, separator)
        if headless:
            number, cells = -1, ("",) * len(cells)
        rows = [line for line in self.lines[number + 1 :] if line.strip()][:25]
        rows = rows[:-1] if len(rows) > 1 and cut else rows
        split = [_cells_of(row, separator) for row in rows]
        width = max([len(cells), *sorted(len(row) for row in split)[: max(1, len(split) * 9 // 10)]])
        quoted = '"' in "".join(rows[:20])
        commas = sum("," in cell and bool(_DECIMAL_COMMA.match(cell)) for row in split for cell in row)
        points = sum("." in cell and bool(_DECIMAL_POINT.match(cell)) for row in split[:10] for cell in row)
        return Layout(
            encoding=self.encoding,
            separator=separator,
            quoted=quoted,
            decimal_comma=commas > points and (separator != "," or quoted),
            header_line=number,
            headers=tuple(cell.strip() for cell in cells),
            width=width,
            preamble=tuple(self.lines[: max(0, number)]),
        )


@lru_cache(maxsize=4)
def _beginning(head: bytes, encoding: str | None) -> _Beginning | None:
    """Return the beginning of a text, ``None`` where it is binary."""
    encoding = encoding or encoding_of(head)
    if encoding is None:
        return None
    text = head.decode("latin-1" if encoding == "cp1252" else encoding, "replace")
    return _Beginning(encoding, text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_SEARCH_LINES])


def find_layout(
    head: bytes,
    score: Score,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    header_row: int | None = None,
    decimal: str | None = None,
) -> Layout | None:
    """Find the header row in the first bytes of a file, or return ``None`` for what is no table.

    *score* says how many columns a row of cells names; the first row with the best score of at least 2 is the header.
    What else is given is not searched for; *header_row* counts from 1, and 0 says that there is none.
    """
    beginning = _beginning(head[:SEARCH_BYTES], encoding)
    if beginning is None:
        return None
    best: tuple[int, int, str] | None = None
    for number, line in enumerate(beginning.lines):
        if best is not None and number > best[1] + _AFTER_HEADER:
            break
        if len(line) > 65_536 or (header_row is not None and number != max(0, header_row - 1)):
            continue
        for candidate in (separator,) if separator else _SEPARATORS:
            if candidate not in line or (candidate == " " and not separator and any(s in line for s in "\t,;|")):
                continue
            points = score(beginning.cells(number, candidate))
            if points >= 2 and (best is None or points > best[0]):
                best = (points, number, candidate)
    if best is None:
        return None
    _, number, separator = best
    layout = beginning.layout(number, separator, headless=header_row == 0, cut=len(head) >= 8192)
    return replace(layout, decimal_comma=decimal == ",") if decimal else layout


def _cells_of(line: str, separator: str) -> tuple[str, ...]:
    return tuple(split_line(" ".join(line.split()) if separator == " " else line, separator))


def split_line(line: str, separator: str) -> list[str]:
    """Split one line into cells; a separator between quotes does not count."""
    if '"' not in line:
        return line.split(separator)
    cells: list[str] = []
    cell: list[str] = []
    inside = False
    for character in line:
        if character == '"':
            inside = not inside
        elif character == separator and not inside:
            cells.append("".join(cell))
            cell = []
        else:
            cell.append(character)
    cells.append("".join(cell))
    return cells


def body_of(data: bytes, layout: Layout, path: Path) -> tuple[bytes, int, list[Finding]]:
    """Return the rows below the header as UTF-8, the line number of the first, and findings.

    Lines end in ``\\n``, or all in ``\\r\\n``. An incomplete last line is cut off and stated.
    """
    data, findings = _to_utf8(data, layout.encoding, path)
    if b"\r" in data and not _plain_crlf(data, layout):
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = 0
    for _ in range(layout.header_line + 1):
        start = data.find(b"\n", start) + 1
        if start == 0:
            return b"", layout.header_line + 2, findings
    body = data[start:]
    if layout.separator == " ":
        body = re.sub(rb"[ \t]+", b" ", body)
        body = re.sub(rb"(?m)^ | $", b"", body)
    if body.endswith(b"\n\n"):  # thousands of blank lines at the end cost as much as rows
        body = body.rstrip(b"\n") + b"\n"
    body, cut = _drop_cut_line(body, layout)
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
    return body, layout.header_line + 2, findings


def _plain_crlf(data: bytes, layout: Layout) -> bool:
    """Tell whether carriage returns stand only at the ends of lines, where Polars leaves them out by itself."""
    if not data.endswith(b"\r\n") or data.endswith(b"\n\r\n") or layout.separator == " " or b'"' in data:
        return False
    octets = np.frombuffer(data, dtype=np.uint8)
    returns = np.flatnonzero(octets == ord("\r"))
    return bool((octets[returns + 1] == ord("\n")).all())


def _wider(body: bytes, layout: Layout) -> str:
    """Return a row with something in a cell beyond the header, if most rows at the beginning and end are such."""
    width = len(layout.headers)
    if layout.separator == " " or not any(layout.headers):
        return ""
    mark = layout.separator.encode()
    ends = (*body[:8192].split(b"\n")[:20], *body[-8192:].split(b"\n")[1:][-20:])
    rows = [row.decode("utf-8", "replace").rstrip("\r") for row in ends if row.strip()]
    wide = [row for row in rows if row.encode().rstrip(mark + b" \t").count(mark) >= width]
    wide = [row for row in wide if any(cell.strip() for cell in split_line(row, layout.separator)[width:])]
    return wide[0] if len(wide) > 0.5 * len(rows) else ""


def _drop_cut_line(body: bytes, layout: Layout) -> tuple[bytes, str]:
    if not body or body.endswith(b"\n"):
        return body, ""
    cut = body.rfind(b"\n") + 1
    last = body[cut : cut + 100_000].decode("utf-8", "replace")
    before = body[max(0, cut - 20_000) : cut].decode("utf-8", "replace").split("\n")[1:-1][-20:]
    cells = split_line(last, layout.separator)
    usual = [split_line(row, layout.separator) for row in before if row.strip()]
    if not usual:
        short = len(cells) < len(layout.headers)
    else:
        short = len(cells) < min(len(row) for row in usual)
        if not short and len(cells) >= 1 and cells[-1]:
            # All cells are there, but the last may have lost its end: no known row has one that short.
            short = len(cells[-1]) < min(len(row[-1]) for row in usual)
    return (body[:cut], last) if short else (body, "")


def load(
    body: bytes,
    layout: Layout,
    *,
    numbers: Sequence[int],
    texts: Sequence[int],
    first_line: int,
    path: Path,
    integers: Sequence[int] = (),
) -> Loaded:
    """Read the wanted columns (indices) as numbers or as text; the frame's columns are called ``c0``, ``c1``, ….

    *integers* are those of the *numbers* that are whole; they are exact where all of them are, and Float64 otherwise.

    Raises `DamagedFileError` where there are no rows, or most of them are wider than the header.
    """
    wanted = sorted({*numbers, *texts})
    names = [f"c{i}" for i in range(layout.width)]
    if not body[:4096].strip() and not body.strip():
        raise DamagedFileError(
            f"{path.name} has a header and no data", expected="at least one recorded point", advice="Export it again"
        )
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(names, pl.String)
    schema.update({f"c{i}": pl.Int64 if i in integers else pl.Float64 for i in numbers})
    quotes = body.count(b'"') if b'"' in body else 0
    layout = replace(layout, quoted=quotes > 0 and quotes % 2 == 0)  # an odd one is a stray one
    columns = wanted
    try:
        frame = _read_csv(body, layout, schema, columns, lenient=False)
        return without_blank_rows(Loaded(frame, first_line))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return _load_carefully(body, layout, numbers, columns, first_line, path)


def _read_csv(
    body: bytes, layout: Layout, schema: dict[str, type[pl.DataType]], columns: list[int], *, lenient: bool
) -> pl.DataFrame:
    # Polars takes the number of columns from the first row, which may be a short one: then it gets a header of our own.
    first = body[: body.find(b"\n") + 1] or body
    whole = first.count(layout.separator.encode()) == len(schema) - 1 and b'"' not in first
    header = b"" if whole else layout.separator.join(schema).encode() + b"\n"
    return pl.read_csv(
        header + body,
        has_header=not whole,
        separator=layout.separator,
        quote_char='"' if layout.quoted else None,
        schema=schema,
        columns=columns,
        decimal_comma=layout.decimal_comma and not lenient and layout.separator != ",",
        truncate_ragged_lines=lenient,
        encoding="utf8-lossy" if lenient else "utf8",
        infer_schema=False,
    )


def _load_carefully(
    body: bytes, layout: Layout, numbers: Sequence[int], columns: list[int], first_line: int, path: Path
) -> Loaded:
    text_schema: dict[str, type[pl.DataType]] = {f"c{i}": pl.String for i in range(layout.width)}
    try:
        frame = _read_csv(body, layout, text_schema, columns, lenient=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedFileError(f"{path.name} cannot be read as a table: {first}", advice="Export it again") from error
    loaded = without_blank_rows(Loaded(frame, first_line))
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
    if text.dtype.is_numeric():
        return text.cast(pl.Float64), pl.repeat(False, text.len(), dtype=pl.Boolean, eager=True)
    clean = text.cast(pl.String).str.strip_chars(" \t\u00a0\ufeff'\"")
    if decimal_comma:
        clean = clean.str.replace(",", ".", literal=True)
    number = clean.cast(pl.Float64, strict=False)
    empty = clean.is_null() | clean.is_in(["", "-", "--", "NA", "N/A", "null", "None", "nan", "NaN"])
    return number.alias(text.name), number.is_null() & ~empty


def convert(loaded: Loaded, matches: Iterable[HeaderMatch], *, decimal_comma: bool) -> Loaded:
    """Keep the columns of *matches* of a frame of text, and turn those that hold numbers into numbers."""
    matches = list(matches)
    loaded.frame = loaded.frame.select(f"c{m.index}" for m in matches)
    loaded = without_blank_rows(loaded)
    series = []
    for match in matches:
        text = loaded.frame.get_column(f"c{match.index}")
        if match.dimension in ("text", "clock"):
            continue
        if match.dimension == "time" and bool(text.drop_nulls().head(5).str.contains(":", literal=True).any()):
            continue
        number, bad = to_number(text, decimal_comma=decimal_comma)
        series.append(number)
        if bad.any():
            loaded.unreadable[match.index] = bad
    loaded.frame = loaded.frame.with_columns(series)
    return loaded


def without_blank_rows(loaded: Loaded) -> Loaded:
    """Leave out rows in which every cell is empty; `Loaded.rows` then says which are left."""
    frame = loaded.frame
    if not (frame.height and frame.width):
        return loaded
    first = frame.to_series(0)
    if not first.null_count() and not (first.dtype == pl.String and first.str.len_bytes().min() == 0):
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


def text_table(path: Path, score: Score, data: bytes | None = None) -> tuple[bytes, Layout]:
    """Return the bytes of a text file and its layout.

    Raises `UnrecognisedFileError` where it is binary or has no header row that *score* knows, and what
    `read_bytes` raises.
    """
    data = read_bytes(path) if data is None else data
    layout = find_layout(data[:SEARCH_BYTES], score)
    if layout is None:
        kind = "is not a text file" if encoding_of(data[:SEARCH_BYTES]) is None else "has no header row"
        raise UnrecognisedFileError(
            f"{path.name} {kind} that names a voltage with time and current, or with capacity",
            advice=f"If it is a table, write a mapping file {path.name}.lirich.toml beside it",
        )
    return data, layout

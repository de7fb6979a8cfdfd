"""Delimited text, whatever it is like: encoding, delimiter, header row, decimals.

`find_layout` looks at the first bytes and says how the file is built; `lirich.readers.loading` reads its rows.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from lirich.errors import DamagedFileError, ReadError, UnrecognisedFileError
from lirich.model import Finding
from lirich.readers.base import HEAD_BYTES

SEARCH_BYTES = 131_072
"""How far into a file a header row may be."""
START_BYTES = 8192
"""Where a workbook shows itself, and the headers of the Battery Data Format, which come first."""
_SEARCH_LINES = 400
_AFTER_HEADER = 3
"""A better header row than the first one is at most this many lines below it."""
_PIECE = 1 << 17
"""Bytes looked at together."""
_MAX_UNPACKED = 4 << 30
_SEPARATORS = ("\t", ",", ";", "|", " ")
_CONTROL = bytes((*range(9), 11, 12, *range(14, 32), 127))
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


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where it is gzip. Raises `ReadError` or `DamagedFileError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(
            f"{path} cannot be opened: {error.strerror or error}", advice="Check path and permissions"
        ) from error
    if data[:2] == b"\x1f\x8b":
        data = _gunzip(data, path)
    if not data:
        raise DamagedFileError(f"{path.name} is empty", expected="a table", advice="Export or copy it again")
    return data


def read_start(path: Path) -> bytes:
    """Return the first `START_BYTES` bytes of a file as they are. Raises `ReadError`."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(START_BYTES)
    except OSError as error:
        raise ReadError(
            f"{path} cannot be opened: {error.strerror or error}", advice="Check path and permissions"
        ) from error


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
    control = len(sample) - len(sample.translate(None, _CONTROL))
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


@dataclass(frozen=True, slots=True)
class Marks:
    """Whether all bytes of a text are ASCII, and whether there are carriage returns and quotes among them."""

    ascii: bool
    returns: bool
    quotes: bool


def marks_of(data: bytes) -> Marks:
    """Look for bytes in a text, a piece at a time: the second question finds it in the cache of the processor."""
    octets = np.frombuffer(data, dtype=np.uint8)
    high = returns = quotes = False
    for start in range(0, len(data), _PIECE):
        stop = start + _PIECE
        high = high or bool(octets[start:stop].max() > 127)
        returns = returns or data.find(b"\r", start, stop) >= 0
        quotes = quotes or data.find(b'"', start, stop) >= 0
    return Marks(ascii=not high, returns=returns, quotes=quotes)


def to_utf8(data: bytes, encoding: str, path: Path, *, ascii_only: bool = False) -> tuple[bytes, list[Finding]]:
    """Return the bytes of a text as UTF-8, without a byte-order mark and zeros at the end, and what is said of that.

    *ascii_only*: it is known that all bytes are ASCII.
    """
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
        if ascii_only:
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
        may_be_comma = (separator != "," or quoted) and "," in "".join(rows)
        return Layout(
            encoding=self.encoding,
            separator=separator,
            quoted=quoted,
            decimal_comma=may_be_comma and _commas_are_decimal(split),
            header_line=number,
            headers=tuple(cell.strip() for cell in cells),
            width=width,
            preamble=tuple(self.lines[: max(0, number)]),
        )


def _commas_are_decimal(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether more cells are numbers with a decimal comma than with a point."""
    commas = sum("," in cell and bool(_DECIMAL_COMMA.match(cell)) for row in rows for cell in row)
    points = sum("." in cell and bool(_DECIMAL_POINT.match(cell)) for row in rows[:10] for cell in row)
    return commas > points


@lru_cache(maxsize=4)
def _beginning(head: bytes, encoding: str | None) -> _Beginning | None:
    """Return the beginning of a text, ``None`` where it is binary."""
    encoding = encoding or encoding_of(head)
    if encoding is None:
        return None
    text = head.decode("latin-1" if encoding == "cp1252" else encoding, "replace")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _Beginning(encoding, text.split("\n", _SEARCH_LINES)[:_SEARCH_LINES])


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


def text_table(path: Path, score: Score, data: bytes | None = None) -> tuple[bytes, Layout]:
    """Return the bytes of a text file and its layout.

    Raises `UnrecognisedFileError` where it is binary or has no header row that *score* knows, and what
    `read_bytes` raises.
    """
    data = read_bytes(path) if data is None else data
    # The readers have looked at the head; what they found out of it is still known. Its last line may be a part of one.
    head = data[:HEAD_BYTES]
    layout = find_layout(head, score)
    if layout is None or head.count(b"\n") <= layout.header_line:
        layout = find_layout(data[:SEARCH_BYTES], score)
    if layout is None:
        kind = "is not a text file" if encoding_of(data[:SEARCH_BYTES]) is None else "has no header row"
        raise UnrecognisedFileError(
            f"{path.name} {kind} that names a voltage with time and current, or with capacity",
            advice=f"If it is a table, write a mapping file: {path.name}.lirich.toml beside it, or any with --mapping",
        )
    return data, layout

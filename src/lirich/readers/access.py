"""Tables of a Microsoft Access database (Jet 4), as Arbin's MITS writes them: numbers and short texts.

Only what a ``.res`` file needs: every table whose definition lies in the file, its columns of fixed width and its short
texts, no indexes, memos or passwords. Values are gathered from all rows at once, so that 100 000 rows take a
second, not minutes. Page layout: the mdbtools project's description of the format (*HACKING*, mdbtools 1.0);
checked in the tests against the package ``access-parser``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lirich.errors import DamagedFileError

MAGIC = (b"\x00\x01\x00\x00Standard Jet DB\x00", b"\x00\x01\x00\x00Standard ACE DB\x00")
_DATA_PAGE, _DEFINITION_PAGE = 1, 2
_MAX_COLUMNS = 1000
_DELETED, _POINTER, _OFFSET = 0x4000, 0x8000, 0x1FFF

# Number types of a column: name of the numpy type.
_NUMBERS = {2: "u1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f4", 7: "<f8", 8: "<f8"}
_BOOLEAN, _CURRENCY, _TEXT = 1, 5, 10


# Where things stand in the pages of Jet 4.
_PAGE = 4096
_ROWS, _COLUMN_COUNT, _INDEX_COUNT, _FIRST_INDEX, _INDEX_SIZE = 16, 45, 51, 63, 12
_COLUMN_SIZE, _NUMBER, _VARIABLE, _FLAGS, _FIXED = 25, 5, 7, 15, 21
_ROW_COUNT, _ROW_HEAD = 12, 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its type, where it stands in a row, and its place among the texts of a row."""

    name: str
    kind: int
    number: int
    fixed: bool
    offset: int
    variable: int


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table: the page that defines it, its number of rows by its own account, and its columns."""

    page: int
    rows: int
    columns: dict[str, Column]


class AccessFile:
    """An Access database, read once into memory. Raises `DamagedFileError` for anything else."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.path = path
        if not data.startswith(MAGIC):
            raise DamagedFileError(f"{path.name} is not an Access database", expected="an Arbin .res file")
        if len(data) > 20 and data[20] == 0:
            raise DamagedFileError(
                f"{path.name} is an Access 97 database",
                expected="Access 2000 or later",
                advice="Export it as csv or xlsx",
            )
        data = data[: len(data) - len(data) % _PAGE]
        if len(data) < 3 * _PAGE:
            raise DamagedFileError(f"{path.name} is cut short: an Access database without tables")
        self.data = np.frombuffer(data, dtype=np.uint8)
        self.pages = self.data.reshape(-1, _PAGE)

    @cached_property
    def tables(self) -> tuple[TableDefinition, ...]:
        """Every table that a page of the file defines; damaged definitions are left out."""
        found = []
        for page in np.flatnonzero(self.pages[:, 0] == _DEFINITION_PAGE):
            try:
                found.append(self._definition(int(page)))
            except (IndexError, ValueError):
                continue
        return tuple(table for table in found if table.columns)

    def find(self, *columns: str) -> TableDefinition | None:
        """Return the table that has these columns, with the most rows."""
        fitting = [table for table in self.tables if set(columns) <= set(table.columns)]
        return max(fitting, key=lambda table: table.rows, default=None)

    def _definition(self, page: int) -> TableDefinition:
        body, seen, following = bytearray(self.pages[page].tobytes()), {page}, self._u32(self.pages[page], 4)
        while following and following < len(self.pages) and following not in seen and len(seen) < 64:
            if self.pages[following][0] != _DEFINITION_PAGE:
                break
            seen.add(following)
            body += self.pages[following][8:].tobytes()
            following = self._u32(self.pages[following], 4)
        data = np.frombuffer(bytes(body), dtype=np.uint8)
        rows = self._u32(data, _ROWS)
        count = self._u16(data, _COLUMN_COUNT)
        indexes = self._u32(data, _INDEX_COUNT)
        if not 0 < count <= _MAX_COLUMNS or indexes > _MAX_COLUMNS:
            raise ValueError("no table definition")
        at = _FIRST_INDEX + indexes * _INDEX_SIZE
        entries = [at + i * _COLUMN_SIZE for i in range(count)]
        at += count * _COLUMN_SIZE
        columns: dict[str, Column] = {}
        for entry in entries:
            length = self._u16(data, at)
            name = bytes(data[at + 2 : at + 2 + length]).decode("utf-16-le", "replace")
            at += 2 + length
            columns[name] = Column(
                name=name,
                kind=int(data[entry]),
                number=self._u16(data, entry + _NUMBER),
                fixed=bool(data[entry + _FLAGS] & 1),
                offset=self._u16(data, entry + _FIXED),
                variable=self._u16(data, entry + _VARIABLE),
            )
        return TableDefinition(page, rows, columns)

    @staticmethod
    def _u16(data: NDArray[np.uint8], at: int) -> int:
        return int(data[at]) | int(data[at + 1]) << 8

    @staticmethod
    def _u32(data: NDArray[np.uint8], at: int) -> int:
        return sum(int(data[at + i]) << 8 * i for i in range(4))

    def row_places(self, table: TableDefinition) -> NDArray[np.int64]:
        """Return start and end (bytes of the file) of each row of the table as stored, shape ``(n, 2)``."""
        owner = self.pages[:, 4:8].copy().view("<u4").ravel()
        pages = np.flatnonzero((self.pages[:, 0] == _DATA_PAGE) & (owner == table.page))
        places: list[NDArray[np.int64]] = []
        for page in pages:
            raw = self.pages[page]
            count = self._u16(raw, _ROW_COUNT)
            begin = _ROW_COUNT + 2
            if count == 0 or begin + 2 * count > _PAGE:
                continue
            marks = raw[begin : begin + 2 * count].copy().view("<u2").astype(np.int64)
            starts = marks & _OFFSET
            ends = np.r_[_PAGE, starts[:-1]]
            good = ((marks & (_DELETED | _POINTER)) == 0) & (starts >= begin + 2 * count) & (ends > starts)
            places.append(np.column_stack((starts, ends))[good & (ends <= _PAGE)] + int(page) * _PAGE)
        return np.concatenate(places) if places else np.empty((0, 2), dtype=np.int64)

    def numbers(self, table: TableDefinition, name: str, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a column of numbers or dates for the rows at *places*, shape ``(n,)``; NaN where a row has none.

        Dates are days since 1899-12-30. Raises `DamagedFileError` for a column of another type.
        """
        column = table.columns[name]
        if not places.shape[0]:
            return np.empty(0)
        present = self._present(column, places)
        if column.kind == _BOOLEAN:
            return present.astype(np.float64)
        kind = _NUMBERS.get(column.kind)
        if kind is None or not column.fixed:
            raise DamagedFileError(f"Column {name!r} of {self.path.name} holds no numbers (type {column.kind})")
        dtype = np.dtype(kind)
        start = places[:, 0] + _ROW_HEAD + column.offset
        inside = start + dtype.itemsize <= places[:, 1]
        gathered = self.data[np.where(inside, start, 0)[:, None] + np.arange(dtype.itemsize)]
        values = np.ascontiguousarray(gathered).view(dtype).ravel().astype(np.float64)
        if column.kind == _CURRENCY:
            values = values / 1e4
        values[~(present & inside)] = np.nan
        return values

    def _present(self, column: Column, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which rows have a value: their bit in the mask at the end of the row."""
        count = self._row_columns(places)
        mask = (count + 7) // 8
        at = places[:, 1] - mask + column.number // 8
        inside = (column.number < count) & (at < places[:, 1]) & (at >= places[:, 0])
        bits = self.data[np.where(inside, at, 0)] >> (column.number % 8) & 1
        return np.asarray(inside & (bits == 1))

    def _row_columns(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        low = self.data[places[:, 0]].astype(np.int64)
        return low | self.data[np.minimum(places[:, 0] + 1, self.data.size - 1)].astype(np.int64) << 8

    def text(self, table: TableDefinition, name: str, place: NDArray[np.int64]) -> str:
        """Return a short text of one row; "" where it has none or its row is damaged."""
        column = table.columns[name]
        if column.kind != _TEXT or column.fixed or not self._present(column, place[None, :])[0]:
            return ""
        row = bytes(self.data[place[0] : place[1]])
        mask = (int(self._row_columns(place[None, :])[0]) + 7) // 8
        # … data, end of the data, offsets (last to first), number of variable columns, mask
        at = len(row) - mask - 2 - 2 * column.variable
        first, end = (int.from_bytes(row[a - 2 : a], "little") if a >= 2 else 0 for a in (at, at - 2))
        raw = row[first:end]
        if raw.startswith(b"\xff\xfe"):
            return _expand(raw[2:])
        return raw.decode("utf-16-le", "replace")


def _expand(raw: bytes) -> str:
    """Expand a compressed text: zero bytes switch between one and two bytes a character."""
    parts, compressed = [], True
    for index, piece in enumerate(raw.split(b"\0")):
        if index:
            compressed = not compressed
        parts.append(piece.decode("latin-1" if compressed else "utf-16-le", "replace"))
    return "".join(parts)

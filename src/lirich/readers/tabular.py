"""What the readers of tables share: from a file to recognised columns to a `Reading`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import polars as pl

from lirich import __version__
from lirich.errors import MissingColumnError, ReadError
from lirich.model import Finding, Scalar
from lirich.model import table as std
from lirich.readers import delimited, loading, workbook
from lirich.readers import headers as h
from lirich.readers.assemble import assemble
from lirich.readers.base import ColumnMatch, Reading, Recognition, curve_finding, require_time_axis
from lirich.readers.draft import Columns
from lirich.readers.preamble import pairs_of
from lirich.readers.rowcount import missing_rows, record_numbers

_ASKED_FOR = 0.1
"""The confidence of a reader that reads what it would not have claimed."""
_TEXT_DIMENSIONS = ("text", "clock")
_WHOLE_SECONDS = re.compile(r":\d\d?:\d\d$")


@dataclass(slots=True)
class Table:
    """A file taken apart: its layout, its recognised headers, and the columns that were read."""

    path: Path
    layout: delimited.Layout
    matches: dict[str, h.HeaderMatch]
    others: tuple[int, ...]
    loaded: loading.Loaded
    findings: list[Finding] = field(default_factory=list)
    metadata: dict[str, Scalar] = field(default_factory=dict)
    sheet: tuple[float, str] = (0.0, "")
    records: tuple[str, ...] = ()
    """The record numbers of the first two rows and the last, as written."""

    @property
    def unrecognised(self) -> tuple[str, ...]:
        """The headers of the columns that were not recognised."""
        return tuple(self.layout.headers[i] for i in self.others if self.layout.headers[i])


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the data of a table: the header row, and the lines above it."""

    headers: tuple[str, ...]
    preamble: tuple[str, ...]
    separator: str

    @property
    def names(self) -> frozenset[str]:
        """The reduced names of the headers (`lirich.readers.headers.reduce_name`)."""
        return _reduced_names(self.headers)


@lru_cache(maxsize=64)
def _reduced_names(headers: tuple[str, ...]) -> frozenset[str]:
    return frozenset(h.reduce_name(name) for text in headers for name, _ in h.split_header(text))


def heading_of(layout: delimited.Layout) -> Heading:
    """Return the heading of a layout."""
    return Heading(layout.headers, layout.preamble, layout.separator)


class TabularReader(ABC):
    """A reader of delimited text and spreadsheets on the one header-alias table.

    A vendor's reader says who it is, how it knows its files (`confidence`), which words it uses differently
    (`aliases`), and what its preamble tells (`metadata`).
    """

    name: str = ""
    version: str = __version__
    description: str = ""
    extensions: tuple[str, ...] = (".csv", ".txt")
    aliases: ClassVar[Mapping[str, h.Alias]] = {}
    _aliases: ClassVar[frozenset[tuple[str, h.Alias]]] = frozenset()
    sheet_hints: ClassVar[tuple[str, ...]] = ()
    clock_gives_time_unit: ClassVar[bool] = False
    reads_curves: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Keep the aliases in a form that a score can be remembered by."""
        super().__init_subclass__()
        cls._aliases = frozenset(cls.aliases.items())

    # --- what a vendor's reader overrides ------------------------------------------------------------------------

    @abstractmethod
    def confidence(self, heading: Heading) -> tuple[float, str]:
        """Return how sure the reader is of a table with this heading, and why; 0 for not its own."""

    def sheet_confidence(self, sheets: Sequence[str]) -> tuple[float, str]:
        """Return how sure the reader is of a workbook with these sheets, and why."""
        del sheets
        return 0.0, ""

    def pick_sheets(self, sheets: Sequence[str]) -> list[str]:
        """Return the sheets of a workbook that hold records, in order."""
        return list(sheets)

    def metadata(self, heading: Heading) -> dict[str, Scalar]:
        """Return what the lines above the header say."""
        return pairs_of(heading.preamble, heading.separator)

    def more_columns(
        self, headers: Sequence[str], first_row: Sequence[str]
    ) -> tuple[dict[str, h.HeaderMatch], list[Finding]]:
        """Return columns that only the first row of data tells, by role, and what is to be said of them."""
        del headers, first_row
        return {}, []

    # --- the contract of a reader --------------------------------------------------------------------------------

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Say how sure the reader is that the file is its own; never raises."""
        if workbook.is_workbook(head):
            return self._sniff_workbook(path, head)
        layout = delimited.find_layout(head, self.score)
        if layout is None:
            return None
        confidence, reason = self.confidence(heading_of(layout))
        return Recognition(confidence, reason) if confidence > 0 else None

    def _sniff_workbook(self, path: Path, head: bytes) -> Recognition | None:
        if ".xlsx" not in self.extensions:
            return None
        sheets = workbook.sheets_in_head(head)
        if sheets is None:  # the list of sheets lies further back in the archive
            try:
                sheets = workbook.sheet_names(path)
            except ReadError:
                return None
        confidence, reason = self.sheet_confidence(sheets)
        return Recognition(confidence, reason) if confidence > 0 else None

    def read(self, path: Path) -> Reading:
        """Turn the file into a standard table. Raises a `lirich.errors.ReadError`."""
        if workbook.is_workbook(delimited.read_start(path)):
            return self.finish(self.open_workbook(path))
        return self.finish(self.open_text(path, *delimited.text_table(path, self.score)))

    # --- steps ---------------------------------------------------------------------------------------------------

    def score(self, cells: Sequence[str]) -> int:
        """Return how many roles a row of cells names, 0 without a voltage and something to go with it."""
        return _score(tuple(cells), self._aliases)

    def open_text(self, path: Path, data: bytes, layout: delimited.Layout) -> Table:
        """Take a delimited text apart and read its columns."""
        matches, others = h.match_headers(layout.headers, self.aliases)
        body, findings = loading.body_of(data, layout, path)
        more, said = self.more_columns(layout.headers, delimited.split_line(_first_row(body), layout.separator))
        matches = {**more, **matches}
        used = {match.index for match in matches.values()}
        others = tuple(i for i in others if i not in used)
        numbers, texts, integers = self.split_kinds(needed(matches), body, layout)
        loaded = loading.load(body, layout, numbers=numbers, texts=texts, path=path, integers=integers)
        # A column in pieces is copied whenever it is used. To wake threads for all of them takes as long again.
        loaded.frame = pl.DataFrame([column.rechunk() for column in loaded.frame.get_columns()])
        table = Table(path, layout, matches, others, loaded, [*findings, *said])
        if h.RECORD in matches:
            table.records = record_numbers(body, matches[h.RECORD].index, layout.separator)
        return table

    def split_kinds(
        self, matches: Mapping[str, h.HeaderMatch], body: loading.Body, layout: delimited.Layout
    ) -> tuple[list[int], list[int], list[int]]:
        """Return the indices of the columns to read as numbers and as text, by role and by the first rows.

        The third ones are those of the numbers that count, and do so in digits alone. The time in a step is left out
        where it and a clock are written in whole seconds: then the clock tells all that it does.
        """
        rows = [
            delimited.split_line(line, layout.separator)
            for line in body.head(4000).decode("utf-8", "replace").split("\n")[:-1][:5]
            if line.strip()
        ]
        samples = {role: [row[m.index].strip() for row in rows if len(row) > m.index] for role, m in matches.items()}
        to_the_second = all(map(_WHOLE_SECONDS.search, (*samples.get(h.CLOCK, [""]), *samples.get(h.STEP_TIME, []))))
        numbers, texts, integers = [], [], []
        for role, match in matches.items():
            sample = samples[role]
            if role == h.STEP_TIME and to_the_second:
                continue
            is_time = match.dimension == "time" and any(":" in cell for cell in sample)
            if match.dimension in _TEXT_DIMENSIONS or is_time:
                texts.append(match.index)
            else:
                numbers.append(match.index)
                if match.dimension == "count" and sample and all(map(str.isdecimal, sample)):
                    integers.append(match.index)
        return numbers, texts, integers

    def open_workbook(self, path: Path) -> Table:
        """Take a workbook apart: the sheets with records, one after the other."""
        sheets = workbook.sheet_names(path)
        chosen = self.pick_sheets(sheets) or list(sheets)
        return self.from_sheets(path, sheets, self.cells(path, chosen) or self.texts(path, chosen))

    def from_sheets(
        self, path: Path, sheets: Sequence[str], found: tuple[delimited.Layout, list[pl.DataFrame]] | None
    ) -> Table:
        """Take apart what was *found* in a workbook of these *sheets*. Raises `MissingColumnError` for nothing."""
        if found is None:
            raise MissingColumnError(
                f"No sheet of {path.name} ({', '.join(sheets) or 'none'}) has a header row that names a voltage with "
                "time and current",
                advice="Export the sheet with the single records",
            )
        layout, frames = found
        matches, others = h.match_headers(layout.headers, self.aliases)
        frame = pl.concat(frames) if len(frames) > 1 else frames[0]
        loaded = loading.convert(
            loading.Loaded(frame, layout.header_line + 2), matches.values(), decimal_comma=layout.decimal_comma
        )
        return Table(path, layout, matches, others, loaded, sheet=self.sheet_confidence(sheets))

    def cells(self, path: Path, sheets: Sequence[str]) -> tuple[delimited.Layout, list[pl.DataFrame]] | None:
        """Return header and rows of sheets that are all one table, with the cells as they are; else ``None``."""
        found: list[tuple[delimited.Layout, pl.DataFrame]] = []
        for sheet in sheets:
            table = workbook.read_table(path, sheet, self.score)
            if table is None or (found and (table[0], table[1].schema) != (found[0][0], found[0][1].schema)):
                return None
            found.append(table)
        matches = h.match_headers(found[0][0].headers, self.aliases)[0] if found else {}
        if not all(_fits(match, found[0][1].dtypes[match.index]) for match in matches.values()):
            return None
        return (found[0][0], [rows for _, rows in found]) if found else None

    def texts(self, path: Path, sheets: Sequence[str]) -> tuple[delimited.Layout, list[pl.DataFrame]] | None:
        """Return the header of the first sheet that has one, and the rows of all sheets that have it, as text."""
        first: tuple[delimited.Layout, list[pl.DataFrame]] | None = None
        for sheet in sheets:
            frame = workbook.read_sheet(path, sheet)
            layout = workbook.sheet_layout(frame, self.score)
            if layout is None:
                continue
            rows = frame.slice(layout.header_line + 1)
            if first is None:
                first = layout, [rows]
            elif layout.headers == first[0].headers:
                first[1].append(rows)
        return first

    def finish(self, table: Table) -> Reading:
        """Assemble the standard table and say what was understood."""
        frame, matches = table.loaded.frame, table.matches
        assembled = assemble(
            Columns(
                path=table.path,
                series={
                    role: frame.get_column(name)
                    for role, m in needed(matches).items()
                    if (name := f"c{m.index}") in frame.columns
                },
                matches=matches,
                line=table.loaded.line,
                unreadable={
                    role: table.loaded.unreadable[m.index]
                    for role, m in matches.items()
                    if m.index in table.loaded.unreadable
                },
                clock_gives_time_unit=self.clock_gives_time_unit,
            )
        )
        if not self.reads_curves:
            require_time_axis(assembled.table, path=table.path, vendor=self.description)
        curve = curve_finding(assembled.table)
        missing = _missing_rows(table)
        confidence, reason = max(self.confidence(heading_of(table.layout)), table.sheet)
        return Reading(
            table=assembled.table,
            reader=self.name,
            reader_version=self.version,
            confidence=confidence or _ASKED_FOR,
            reason=reason or f"nothing speaks for {self.name}; it was asked for",
            recognised=(*assembled.recognised, *_used_beside(matches, assembled.recognised)),
            unrecognised=table.unrecognised,
            metadata={
                **self.metadata(heading_of(table.layout)),
                **assembled.metadata,
                **table.metadata,
            },
            findings=(
                *table.findings,
                *h.duplicate_columns(table.path, table.layout.headers, (m.text for m in matches.values())),
                *assembled.findings,
                *(finding for finding in (curve, missing) if finding is not None),
            ),
            split_by_sign=assembled.split_by_sign,
        )


def _missing_rows(table: Table) -> Finding | None:
    match, frame = table.matches.get(h.RECORD), table.loaded.frame
    if match is None or frame.height < 3:
        return None
    ends: Sequence[object] = table.records
    if not ends and f"c{match.index}" in frame.columns:
        column = frame.get_column(f"c{match.index}")
        ends = (column[0], column[1], column[-1])
    return missing_rows(table.path, match.text, ends, frame.height)


def _fits(match: h.HeaderMatch, dtype: pl.DataType) -> bool:
    """Tell whether cells of this type can be what a column of a workbook is said to be, without going over text."""
    if dtype == pl.String:
        return True
    return match.dimension == "clock" if dtype == pl.Datetime else match.dimension != "text"


def needed(matches: Mapping[str, h.HeaderMatch]) -> dict[str, h.HeaderMatch]:
    """Return the matches that something is made from; the others are only reported."""
    roles = set(matches) - {h.RECORD}
    if std.TIME in roles:
        roles.discard(h.STEP_TIME)
    if {std.CHARGED, std.DISCHARGED} <= roles and h.SPECIFIC_CAPACITY not in roles:
        roles.discard(h.CAPACITY)
    if h.CAPACITY not in roles:
        roles.discard(h.SPECIFIC_CAPACITY)
    if {std.CHARGED_ENERGY, std.DISCHARGED_ENERGY} <= roles:
        roles.discard(h.ENERGY)
    return {role: match for role, match in matches.items() if role in roles}


def score_roles(matches: Mapping[str, h.HeaderMatch]) -> int:
    """Return how many roles there are, 0 without a voltage with time, current or capacity."""
    if std.VOLTAGE not in matches:
        return 0
    others = {std.TIME, h.CLOCK, h.STEP_TIME, std.UNIX_TIME, std.CURRENT, h.CAPACITY, std.CHARGED}
    return len(matches) if others & set(matches) else 0


@lru_cache(maxsize=512)
def _score(cells: tuple[str, ...], aliases: frozenset[tuple[str, h.Alias]]) -> int:
    """Score a row of cells; the readers that look at a file one after the other have few aliases of their own."""
    return score_roles(h.match_headers(cells, dict(aliases))[0])


def _first_row(body: loading.Body) -> str:
    """Return the first row that is not blank, "" for none near the beginning."""
    head, at = body.head(65_536), 0
    while at < len(head):
        end = head.find(b"\n", at)
        row = head[at : end if end >= 0 else len(head)].decode("utf-8", "replace")
        if row.strip() or end < 0:
            return row.strip() and row
        at = end + 1
    return ""


def _used_beside(matches: Mapping[str, h.HeaderMatch], recognised: Sequence[ColumnMatch]) -> tuple[ColumnMatch, ...]:
    used = {match.source for match in recognised}
    return tuple(
        ColumnMatch(match.text, "", match.unit or match.clock_unit, match.factor, f"understood as {role}")
        for role, match in matches.items()
        if match.text not in used
    )

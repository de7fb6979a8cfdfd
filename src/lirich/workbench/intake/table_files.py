"""The tables beside the files, or above them, that say what the cells are: ``cells.csv`` and ``cells.toml``.

``cells.csv`` has one row per cell (or per file). A column is a field of `lirich.model.Cell` or
`lirich.model.Sample`, or ``cell``, ``sample`` and ``file`` (a name or a pattern such as ``SC-1*.ndax``); any
other column is kept as an extra field, and can be grouped by. An empty entry means *not given*, and takes back what
the same table said before. What is said of one sample in several rows must be the same. A ``'`` that keeps a
spreadsheet from taking an entry for a formula (`lirich.model.spreadsheet`) is no part of the entry.

``cells.toml`` says the same with defaults::

    [defaults]                     # for every cell here
    electrode = "cathode"
    one_c_ma_g = 250

    [samples.SC-A]
    composition = "Li1.2Mn0.54Ni0.13Co0.13O2"
    morphology = "SC"

    [cells.SC-1]
    files = ["SC-1_*.ndax"]
    sample = "SC-A"
    active_mass_mg = 5.91
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from lirich.errors import ConflictingMetadataError, MetadataError
from lirich.model import Scalar
from lirich.model.spreadsheet import unmarked
from lirich.workbench.intake.celltables import CELL_FIELDS, SAMPLE_FIELDS, UNITS, CellTable, Entry, agree, entry_of

TABLE_NAMES = ("cells.csv", "cells.toml")

_OTHER_NAMES = {
    "file": ("filename", "filenames", "datafile", "rawfile", "filepath", "path"),
    "cell": ("cellname", "cellid", "cellno", "cellnumber", "nameofcell"),
}
"""What the columns that tie a row to its files are called elsewhere, as letters alone."""

_FIELDS = ("cell", "sample", "file", "files", *CELL_FIELDS, *SAMPLE_FIELDS)
_NUMBERS = tuple(field for field in _FIELDS if field.endswith((*UNITS, "_celsius")))
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch

_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?[,;\t| ]*\n', re.IGNORECASE)
"""The first line by which Excel is told what separates entries; it is no row."""

_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".tsv")
_AS_TEXT = "Save it as CSV UTF-8 (in a spreadsheet: Save as, CSV UTF-8), or as UTF-8 in a text editor"

_LARGEST_TABLE = 16 * 2**20  # bytes; a hand-written table is thousands of times smaller


def is_table(path: Path) -> bool:
    """Tell whether a file of this name is a table about cells; ``Cells.csv`` is one too."""
    return path.name.casefold() in TABLE_NAMES


def is_spreadsheet(path: Path) -> bool:
    """Tell whether a file of this name is a table about cells in a form that is not read."""
    return path.stem.casefold() == "cells" and path.suffix.casefold() in _SPREADSHEETS


def has_tables(folder: Path) -> bool:
    """Tell whether a table about cells lies in the folder."""
    try:
        return any(is_table(path) and path.is_file() for path in folder.iterdir())
    except OSError:
        return False


def read_cell_tables(folder: Path) -> CellTable:
    """Read ``cells.csv`` and ``cells.toml`` of the folder.

    Raises `MetadataError` with the line that is wrong, `ConflictingMetadataError` where two differ about a sample.
    """
    entries: list[Entry] = []
    where = folder.resolve().as_posix()
    found_one = False
    for name in TABLE_NAMES:
        paths = sorted(path for path in folder.iterdir() if path.name.casefold() == name and path.is_file())
        if len(paths) > 1:
            raise MetadataError(
                f"{folder} has {' and '.join(path.name for path in paths)}", expected=f"one {name}", advice="Join them"
            )
        for path in paths:
            text = _text(path)
            found = _from_csv(text, path.name) if name.endswith(".csv") else _from_toml(text, path.name)
            found_one = True
            # whatever its case, it is the one table of its kind there
            entries += [replace(e, kept_as=f"{where}/{name}{e.source.removeprefix(path.name)}") for e in found]
    _refuse_two_samples_in_one(entries)
    return CellTable(tuple(entries), where if found_one else "")


def _text(path: Path) -> str:
    """Return the text of a table. Raises `MetadataError` where it is none."""
    try:
        if path.stat().st_size > _LARGEST_TABLE:
            raise MetadataError(f"{path.name} is larger than {_LARGEST_TABLE} bytes", expected="a table")
        data = path.read_bytes()
    except OSError as error:
        raise MetadataError(f"{path.name} cannot be read: {error.strerror}", advice="Check its permissions") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise MetadataError(f"{path.name} is text in UTF-16", expected="text in UTF-8", advice=_AS_TEXT)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MetadataError(
            f"{path.name}, line {line} has the byte {data[error.start]:#04x}, which is no UTF-8",
            expected="text in UTF-8",
            advice=_AS_TEXT,
        ) from error


def _refuse_two_samples_in_one(entries: Iterable[Entry]) -> None:
    # the cells of a sample share its facts: the last line would decide for all of them
    said: dict[tuple[str, str], tuple[Scalar, str]] = {}
    for entry in entries:
        for name, value in entry.sample_fields.items() if entry.of_sample is not None else ():
            first, source = said.setdefault((str(entry.of_sample), name), (value, entry.source))
            if not agree(first, value):
                raise ConflictingMetadataError(
                    f"{name} of the sample {entry.of_sample} is {first} in {source} and {value} in {entry.source}",
                    expected=f"one {name} for each sample: its cells share it",
                    advice="Correct one of the two lines, or give the two materials two names in the column sample",
                )


def _from_csv(text: str, source: str) -> list[Entry]:
    said_so = _SEPARATOR.match(text)
    text, above = (text, 0) if said_so is None else (text[said_so.end() :], 1)
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count) if said_so is None else said_so[1]
    rows = csv.DictReader(io.StringIO(text), delimiter=separator, restkey="__more__", skipinitialspace=True)
    entries = []
    try:
        columns = Counter(_column(name) for name in rows.fieldnames or () if name.strip())
        twice = [name for name, count in columns.items() if count > 1]
        if twice:
            raise MetadataError(f"{source} has two columns {twice[0]!r}", expected="one column for each fact")
        _refuse_other_names(columns, source)
        said: list[tuple[str, dict[str, str]]] = []
        for row in rows:
            where = f"{source}, line {rows.line_num + above}"
            if "__more__" in row:
                raise MetadataError(f"{where} has more entries than the header has columns")
            fields = {_column(k): unmarked(v.strip()) for k, v in row.items() if k and v}
            said.append((where, {k: v for k, v in fields.items() if k and v}))
        if rows.reader.dialect.delimiter != ",":
            _take_decimal_commas([fields for _, fields in said])
        entries += [entry_of(fields, where) for where, fields in said if fields]
    except csv.Error as error:
        raise MetadataError(f"{source}, line {rows.line_num + above + 1}: {error}", expected="short texts") from error
    return entries


def _column(name: str) -> str:
    """Return the name of a column; that of a field in small letters, as ``File`` is no other name."""
    plain = unmarked(name.strip())
    return plain.casefold() if plain.casefold() in _FIELDS else plain


def _take_decimal_commas(rows: Sequence[dict[str, str]]) -> None:
    """Write decimal points for the decimal commas of a table that no commas separate, as spreadsheets in Europe do.

    In the fields that are numbers, and in columns of which all entries are. None where a number of the table has a
    point: there a comma may stand between thousands.
    """
    columns: dict[str, list[str]] = {}
    for row in rows:
        for name, text in row.items():
            columns.setdefault(name, []).append(text)
    numbers = {
        n: each for n, each in columns.items() if n in _NUMBERS or (n not in _FIELDS and all(map(_NUMBER, each)))
    }
    if any("." in text and _NUMBER(text) for each in numbers.values() for text in each):
        return
    for row in rows:
        row.update({n: row[n].replace(",", ".") for n in numbers if n in row and _NUMBER(row[n])})


def _from_toml(text: str, source: str) -> list[Entry]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"{source} is no TOML: {error}") from error
    unknown = set(data) - {"defaults", "samples", "cells"}
    if unknown:
        raise MetadataError(f"{source} has [{', '.join(sorted(unknown))}]", expected="defaults, samples and cells")
    tables = {name: data.get(name, {}) for name in ("defaults", "samples", "cells")}
    for name, table in tables.items():
        nested = name != "defaults"
        if not isinstance(table, dict) or (nested and not all(isinstance(v, dict) for v in table.values())):
            raise MetadataError(f"{source}: [{name}] is no table", expected="tables as the manual shows them")
    entries = []
    for key, facts in tables["cells"].items():
        sample = facts.get("sample", tables["defaults"].get("sample"))
        of_sample = tables["samples"].get(sample, {}) if isinstance(sample, str) else {}
        merged = {**tables["defaults"], **of_sample, **facts, "cell": key}
        entries.append(entry_of(merged, f"{source} [cells.{key}]"))
    return entries


def _refuse_other_names(columns: Iterable[str], source: str) -> None:
    """Raise `MetadataError` where the columns that tie a row to its files have other names, or are not there."""
    there = set(columns)
    for wanted, others in _OTHER_NAMES.items():
        for column in columns:
            if wanted not in there and re.sub("[^a-z]", "", column.casefold()) in others:
                raise MetadataError(
                    f"{source} has a column {column!r} and none {wanted!r}",
                    expected="files in the column file, the cell's name in the column cell",
                    advice=f"Did you mean {wanted}? Rename the column",
                )
    if there and there.isdisjoint(("cell", "file", "files")):
        raise MetadataError(
            f"{source} has neither a column cell nor a column file",
            expected="one of them: they tie a row to its files",
            advice="Add the column file",
        )

"""What tables beside the files say of the cells: ``cells.csv`` and ``cells.toml``, and facts said by hand.

``cells.csv`` has one row per cell (or per file). A column is a field of `lirich.model.Cell` or
`lirich.model.Sample`, or ``cell``, ``sample`` and ``file`` (a name or a pattern such as ``SC-1*.ndax``); any
other column is kept as an extra field, and can be grouped by. An empty entry means *not given*, and takes back what
the same table said before. What is said of one sample in several rows must be the same.

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
import difflib
import io
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeVar

from lirich.errors import ConflictingMetadataError, MetadataError
from lirich.model import Cell, Sample, Scalar

CELL_FIELDS = tuple(name for name in Cell.model_fields if name not in ("key", "sample", "extra", "sources"))
SAMPLE_FIELDS = tuple(name for name in Sample.model_fields if name not in ("key", "recipe", "extra", "sources"))
BY_HAND = "you"
"""The source of a fact that was said on the command line or from Python; no file goes before it."""
MORPHOLOGIES = {
    **dict.fromkeys(("sc", "single crystal", "single crystalline", "singlecrystal"), "SC"),
    **dict.fromkeys(("pc", "polycrystal", "polycrystalline", "poly crystal"), "PC"),
}
TABLE_NAMES = ("cells.csv", "cells.toml")

OTHER_UNITS = {
    "active_mass_g": "1 g = 1000 mg",
    "active_mass_ug": "1000 µg = 1 mg",
    "active_mass_kg": "1 kg = 1000000 mg",
    "one_c_a_g": "1 A/g = 1000 mA/g",
    "nominal_specific_capacity_ah_g": "1 Ah/g = 1000 mAh/g",
    "nominal_specific_capacity_ah_kg": "1 Ah/kg = 1 mAh/g",
    "particle_diameter_nm": "1000 nm = 1 µm",
    "particle_diameter_mm": "1 mm = 1000 µm",
    "electrode_area_mm2": "100 mm² = 1 cm²",
    "temperature_kelvin": "°C = K - 273.15",
}
"""How values under the name of another unit are converted."""

_OTHER_NAMES = {
    "file": ("filename", "filenames", "datafile", "rawfile", "filepath", "path"),
    "cell": ("cellname", "cellid", "cellno", "cellnumber", "nameofcell"),
}
"""What the columns that tie a row to its files are called elsewhere, as letters alone."""

_UNITS = ("_mg", "_ma_g", "_mah_g", "_cm2", "_um", "_percent")
"""Ends of fields without which a name is refused: ``one_c`` may be in A/g."""

_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".tsv")
_AS_TEXT = "Save it as CSV UTF-8 (in a spreadsheet: Save as, CSV UTF-8), or as UTF-8 in a text editor"

T = TypeVar("T", Cell, Sample)

_LARGEST_TABLE = 16 * 2**20  # bytes; a hand-written table is thousands of times smaller


def file_stem(path: Path) -> str:
    """Return the file's name without its ending (``SC-1.bdf.csv`` → ``SC-1``)."""
    return path.stem[: -len(".bdf")] if path.stem.lower().endswith(".bdf") else path.stem


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


@dataclass(frozen=True, slots=True)
class Entry:
    """What one source says of one cell: fields of the cell and of its sample, not yet checked."""

    cell: str | None
    sample: str | None
    patterns: tuple[str, ...]
    cell_fields: dict[str, Scalar]
    sample_fields: dict[str, Scalar]
    source: str
    kept_as: str = BY_HAND
    """What the cell keeps as the source: with the folder of a table, as another folder has another."""

    def matches(self, path: Path) -> bool:
        """Tell whether this entry is about the file: by pattern, else by the cell's name as the file's stem."""
        if self.patterns:
            return any(fnmatch(path.name, pattern) for pattern in self.patterns)
        return self.cell is not None and file_stem(path) == self.cell

    @property
    def of_sample(self) -> str | None:
        """The sample that the entry's facts are of; a cell whose sample nobody named has one of its own name."""
        return self.sample or self.cell


@dataclass(frozen=True, slots=True)
class CellTable:
    """The entries of the tables of one folder."""

    entries: tuple[Entry, ...] = ()

    def entries_for(self, path: Path) -> list[Entry]:
        """Return all that is said of the file.

        Raises `ConflictingMetadataError` if entries of two cells claim it.
        """
        found = [entry for entry in self.entries if entry.matches(path)]
        cells = {entry.cell for entry in found}
        if len(cells) > 1:
            raise ConflictingMetadataError(
                f"{path.name} is claimed by {', '.join(sorted(map(str, cells)))} in {found[0].source}",
                expected="one cell for each file",
                advice="Make the file patterns narrower",
            )
        return found

    def entries_about(self, key: str, files: Iterable[Path]) -> list[Entry]:
        """Return all that is said of the cell *key*, which *files* are of, in the order of the tables."""
        paths = list(files)
        return [
            entry
            for entry in self.entries
            if entry.cell == key or (entry.cell is None and any(entry.matches(path) for path in paths))
        ]


def read_cell_tables(folder: Path) -> CellTable:
    """Read ``cells.csv`` and ``cells.toml`` of the folder.

    Raises `MetadataError` with the line that is wrong, `ConflictingMetadataError` where two differ about a sample.
    """
    entries: list[Entry] = []
    for name in TABLE_NAMES:
        paths = sorted(path for path in folder.iterdir() if path.name.casefold() == name and path.is_file())
        if len(paths) > 1:
            raise MetadataError(
                f"{folder} has {' and '.join(path.name for path in paths)}", expected=f"one {name}", advice="Join them"
            )
        for path in paths:
            text = _text(path)
            found = _from_csv(text, path.name) if name.endswith(".csv") else _from_toml(text, path.name)
            where = folder.resolve().as_posix()
            # whatever its case, it is the one table of its kind there
            entries += [replace(e, kept_as=f"{where}/{name}{e.source.removeprefix(path.name)}") for e in found]
    _refuse_two_samples_in_one(entries)
    return CellTable(tuple(entries))


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


def facts_from_options(options: Iterable[str]) -> dict[str, Scalar]:
    """Read ``FIELD=VALUE`` options of a command line. Raises `MetadataError` on anything else."""
    fields: dict[str, Scalar] = {}
    for name, value in changes_from_options(options).items():
        if value is None:
            raise MetadataError(
                f"{name + '='!r} is no fact",
                expected="FIELD=VALUE, such as active_mass_mg=5.9",
                advice=f"To take a fact back: lirich cells NAME --unset {name}",
            )
        fields[name] = value
    return fields


def changes_from_options(options: Iterable[str]) -> dict[str, Scalar | None]:
    """Read ``FIELD=VALUE`` options, and ``FIELD=`` as ``None``: it is taken back. Raises `MetadataError`."""
    fields: dict[str, Scalar | None] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name.strip():
            raise MetadataError(f"{option!r} is no fact", expected="FIELD=VALUE, such as active_mass_mg=5.9")
        fields[name.strip()] = value.strip() or None
    return fields


def entry_from_facts(facts: Mapping[str, Scalar]) -> Entry:
    """Take facts that a caller states.

    Raises `MetadataError` on a field that nearly is one of lirich's, and on a name of a cell or file: no fact.
    """
    for name in ("cell", "file", "files"):
        if name in facts:
            raise MetadataError(
                f"{name} is no fact that can be set",
                expected="a field of a cell or its sample, or a name of your own",
                advice="To give files to a cell: lirich add FILES --cell NAME (with --reassign to move them)",
            )
    return _entry(facts, BY_HAND)


def _from_csv(text: str, source: str) -> list[Entry]:
    header = text.partition("\n")[0]
    rows = csv.DictReader(
        io.StringIO(text), delimiter=max(",;\t", key=header.count), restkey="__more__", skipinitialspace=True
    )
    entries = []
    try:
        columns = Counter(name.strip() for name in rows.fieldnames or () if name.strip())
        twice = [name for name, count in columns.items() if count > 1]
        if twice:
            raise MetadataError(f"{source} has two columns {twice[0]!r}", expected="one column for each fact")
        _refuse_other_names(columns, source)
        for row in rows:
            where = f"{source}, line {rows.line_num}"
            if "__more__" in row:
                raise MetadataError(f"{where} has more entries than the header has columns")
            fields = {k.strip(): v.strip() for k, v in row.items() if k and k.strip() and v and v.strip()}
            if fields:
                entries.append(_entry(fields, where))
    except csv.Error as error:
        raise MetadataError(f"{source}, line {rows.line_num + 1}: {error}", expected="short texts") from error
    return entries


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
        entries.append(_entry(merged, f"{source} [cells.{key}]"))
    return entries


def _entry(fields: Mapping[str, Any], source: str) -> Entry:
    cell_fields: dict[str, Scalar] = {}
    sample_fields: dict[str, Scalar] = {}
    names: dict[str, str] = {}
    patterns: tuple[str, ...] = ()
    for name, value in fields.items():
        if name in ("file", "files"):
            listed = value if isinstance(value, list) else str(value).split("|")
            patterns = tuple(str(p).strip() for p in listed)
        elif not isinstance(value, (str, int, float, bool)):
            raise MetadataError(f"{source}: {name} is a {type(value).__name__}", expected="a number or a text")
        elif name in ("cell", "sample"):
            names[name] = str(value)
        elif name == "electrode":
            cell_fields[name] = str(value).casefold()
        elif name in CELL_FIELDS:
            cell_fields[name] = value
        elif name == "morphology":
            sample_fields[name] = MORPHOLOGIES.get(str(value).casefold().replace("-", " "), value)
        elif name in SAMPLE_FIELDS:
            sample_fields[name] = value
        else:
            _refuse_near_miss(name, source)
            cell_fields[name] = value
    return Entry(names.get("cell"), names.get("sample"), patterns, cell_fields, sample_fields, source)


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
        near = [c for c in columns if c.casefold() in ("cell", "file", "files")]
        raise MetadataError(
            f"{source} has neither a column cell nor a column file",
            expected="one of them: they tie a row to its files",
            advice=f"Rename the column {near[0]} to {near[0].casefold()}" if near else "Add the column file",
        )


def _near(name: str) -> list[str]:
    """Return the field that *name* nearly is, if any: a letter apart, or without its unit."""
    known = (*CELL_FIELDS, *SAMPLE_FIELDS, "cell", "sample", "file")
    plain = re.sub("[ -]", "_", name.lower())
    bare = [field for field in known if field in {plain + unit for unit in _UNITS}]
    return bare or difflib.get_close_matches(plain, known, n=1, cutoff=0.75)


def _refuse_near_miss(name: str, source: str) -> None:
    near = _near(name)
    if not near:
        return
    by_hand = source == BY_HAND
    converted = OTHER_UNITS.get(name.lower())
    rename = f"State {near[0]} instead" if by_hand else f"Rename the column to {near[0]}"
    raise MetadataError(
        f"There is no fact {name!r}" if by_hand else f"{source} has a field {name!r}",
        expected=f"the field {near[0]!r}, or a name that is not so near to it",
        advice=f"A mass or current under a wrong unit would spoil every capacity: {rename[0].lower()}{rename[1:]}"
        + (f", and convert the values ({converted})" if converted else ""),
    )


_SAME = 0.005  # two sources agree if they differ by less than 0.5 %: rounding of a mass in µg


def agree(a: Scalar, b: Scalar) -> bool:
    """Tell whether two sources say the same, up to the rounding of numbers."""
    x, y = number_of(a), number_of(b)
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        return abs(x - y) <= _SAME * max(abs(x), abs(y))
    return str(x).strip().casefold() == str(y).strip().casefold()


_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|(?<=[0-9])\.?)(?:[eE][+-]?[0-9]{1,2})?")
"""What an extra field must look like to be a number; 007 and 12_3 are names of something."""


def number_of(value: Scalar) -> Scalar:
    """Return a text that is plainly a number as one, and anything else as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("+-").isdecimal() and len(value) < 16 else float(value)
    return value

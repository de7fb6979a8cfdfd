"""What is known of the cells: from ``cells.csv`` or ``cells.toml`` beside the files, the command line, the file.

``cells.csv`` has one row per cell (or per file). A column is a field of `lirich.model.Cell` or
`lirich.model.Sample`, or ``cell``, ``sample`` and ``file`` (a name or a pattern such as ``SC-1*.ndax``); any
other column is kept as an extra field, and can be grouped by. An empty entry means *not given*.

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

The command line goes before these, and these go before what the instrument's file says; a difference between
them is reported, never silent.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from lirich.errors import ConflictingMetadataError, MetadataError
from lirich.model import Cell, Finding, Sample, Scalar, Severity

CELL_FIELDS = tuple(name for name in Cell.model_fields if name not in ("key", "sample", "extra"))
SAMPLE_FIELDS = tuple(name for name in Sample.model_fields if name not in ("key", "recipe", "extra"))
MORPHOLOGIES = {
    **dict.fromkeys(("sc", "single crystal", "single crystalline", "singlecrystal"), "SC"),
    **dict.fromkeys(("pc", "polycrystal", "polycrystalline", "poly crystal"), "PC"),
}
TABLE_NAMES = ("cells.csv", "cells.toml")

T = TypeVar("T", Cell, Sample)

_LARGEST_TABLE = 16 * 2**20  # bytes; a hand-written table is thousands of times smaller
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|(?<=[0-9])\.?)(?:[eE][+-]?[0-9]{1,2})?")
"""What an extra field must look like to be a number; 007 and 12_3 are names of something."""
_SAME = 0.005  # two sources agree if they differ by less than 0.5 %: rounding of a mass in µg


def file_stem(path: Path) -> str:
    """Return the file's name without its ending (``SC-1.bdf.csv`` → ``SC-1``)."""
    return path.stem[: -len(".bdf")] if path.stem.lower().endswith(".bdf") else path.stem


@dataclass(frozen=True, slots=True)
class Entry:
    """What one source says of one cell: fields of the cell and of its sample, not yet checked."""

    cell: str | None
    sample: str | None
    patterns: tuple[str, ...]
    cell_fields: dict[str, Scalar]
    sample_fields: dict[str, Scalar]
    source: str

    def matches(self, path: Path) -> bool:
        """Tell whether this entry is about the file: by pattern, else by the cell's name as the file's stem."""
        if self.patterns:
            return any(fnmatch(path.name, pattern) for pattern in self.patterns)
        return self.cell is not None and file_stem(path) == self.cell


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


def read_cell_tables(folder: Path) -> CellTable:
    """Read ``cells.csv`` and ``cells.toml`` of the folder. Raises `MetadataError` with the line that is wrong."""
    entries: list[Entry] = []
    for name in TABLE_NAMES:
        path = folder / name
        if path.is_file():
            try:
                if path.stat().st_size > _LARGEST_TABLE:
                    raise MetadataError(f"{path.name} is larger than {_LARGEST_TABLE} bytes", expected="a table")
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise MetadataError(f"{path.name} cannot be read: {error}", expected="UTF-8 text") from error
            entries += _from_csv(text, name) if name.endswith(".csv") else _from_toml(text, name)
    return CellTable(tuple(entries))


def facts_from_options(options: Iterable[str]) -> dict[str, Scalar]:
    """Read ``FIELD=VALUE`` options of a command line. Raises `MetadataError` on anything else."""
    fields: dict[str, Scalar] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise MetadataError(f"{option!r} is no fact", expected="FIELD=VALUE, such as active_mass_mg=5.9")
        fields[name.strip()] = value.strip()
    return fields


def entry_from_facts(facts: Mapping[str, Scalar]) -> Entry:
    """Take facts that a caller states. Raises `MetadataError` on a field that nearly is one of lirich's."""
    return _entry(facts, "what the caller stated")


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


def _refuse_near_miss(name: str, source: str) -> None:
    known = (*CELL_FIELDS, *SAMPLE_FIELDS, "cell", "sample", "file")
    near = difflib.get_close_matches(name.lower().replace(" ", "_"), known, n=1, cutoff=0.75)
    if near:
        raise MetadataError(
            f"{source} has a field {name!r}",
            expected=f"the field {near[0]!r}, or a name that is not so near to it",
            advice="A mass or current under a wrong unit would spoil every capacity: rename the column",
        )


@dataclass(slots=True)
class Facts:
    """A cell and its sample, put together from all sources, with what was noticed on the way."""

    cell: Cell
    sample: Sample | None
    findings: list[Finding] = field(default_factory=list)


def resolve(
    key: str,
    sources: Iterable[Entry],
    *,
    known_cell: Cell | None = None,
    known_sample: Callable[[str], Sample | None] = lambda _key: None,
) -> Facts:
    """Put together what *sources* say of the cell *key*; earlier sources go before later ones.

    What the workspace knows already (*known_cell*, and of a sample what *known_sample* returns for its key) stays
    unless a source says otherwise. A cell whose sample nobody named has one of its own name. A difference between
    sources becomes a finding ``metadata-differs``. Raises `MetadataError` where a fact has an impossible value.
    """
    findings: list[Finding] = []
    cell_fields: dict[str, tuple[Scalar, str]] = {}
    sample_fields: dict[str, tuple[Scalar, str]] = {}
    sample_key: str | None = None
    for entry in sources:
        if entry.sample is not None and sample_key is None:
            sample_key = entry.sample
        for collected, fields in ((cell_fields, entry.cell_fields), (sample_fields, entry.sample_fields)):
            for name, value in fields.items():
                if name not in collected:
                    collected[name] = (value, entry.source)
                elif not _agree(collected[name][0], value):
                    first, source = collected[name]
                    findings.append(
                        Finding(
                            code="metadata-differs",
                            severity=Severity.WARNING,
                            message=f"{name} of {key} is {first} in {source} and {value} in {entry.source}; "
                            f"{first} is used",
                            where=key,
                        )
                    )
    sample_key = sample_key or (known_cell.sample if known_cell else None)
    if sample_key is None and sample_fields:
        sample_key = key
    cell = _build(Cell, key, cell_fields, CELL_FIELDS, known_cell, {"sample": sample_key} if sample_key else {})
    sample = None
    if sample_key is not None:
        sample = _build(Sample, sample_key, sample_fields, SAMPLE_FIELDS, known_sample(sample_key), {})
    return Facts(cell, sample, findings)


def _build(
    kind: type[T],
    key: str,
    fields: Mapping[str, tuple[Scalar, str]],
    known_fields: tuple[str, ...],
    known: T | None,
    more: Mapping[str, Any],
) -> T:
    data: dict[str, Any] = known.model_dump() if known is not None else {"key": key}
    data.update(more)
    extra: dict[str, Scalar] = dict(data.get("extra", {}))
    for name, (value, _) in fields.items():
        if name in known_fields:
            data[name] = value
        else:
            extra[name] = _number(value)
    data["extra"] = extra
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        if name == "key":
            raise MetadataError(
                f"{key!r} cannot be the name of a {kind.__name__.lower()}",
                expected="at most 120 characters that are seen, no slash, no blank at an end; not '.' or '..'",
                advice="Name it in a cells.csv, or the cell with --cell",
            ) from error
        source = fields[name][1] if name in fields else "the workspace"
        raise MetadataError(
            f"{name} = {data.get(name)!r} of {key} ({source}): {first['msg']}",
            expected=f"a value that {kind.__name__}.{name} can have",
        ) from error


def _number(value: Scalar) -> Scalar:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("+-").isdecimal() and len(value) < 16 else float(value)
    return value


def _agree(a: Scalar, b: Scalar) -> bool:
    x, y = _number(a), _number(b)
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        return abs(x - y) <= _SAME * max(abs(x), abs(y))
    return str(x).strip().casefold() == str(y).strip().casefold()

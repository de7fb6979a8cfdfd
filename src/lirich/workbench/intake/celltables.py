"""What is said of cells: entries of tables and facts said by hand, by the fields of the model.

The tables themselves are read by `lirich.workbench.intake.table_files`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any, TypeVar, get_args

from lirich.errors import MetadataError, quoted
from lirich.model import Cell, Electrode, Sample, Scalar

CELL_FIELDS = tuple(name for name in Cell.model_fields if name not in ("key", "sample", "extra", "sources"))
SAMPLE_FIELDS = tuple(name for name in Sample.model_fields if name not in ("key", "recipe", "extra", "sources"))
BY_HAND = "you"
"""The source of a fact that was said on the command line or from Python; no file goes before it."""
MORPHOLOGIES = {
    **dict.fromkeys(("sc", "single crystal", "single crystalline", "singlecrystal"), "SC"),
    **dict.fromkeys(("pc", "polycrystal", "polycrystalline", "poly crystal"), "PC"),
}
OTHERUNITS = {
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

UNITS = ("_mg", "_ma_g", "_mah_g", "_cm2", "_um", "_percent")
"""Ends of fields without which a name is refused: ``one_c`` may be in A/g."""

T = TypeVar("T", Cell, Sample)


def composed(name: str) -> str:
    """Return a name with its umlauts in one piece (NFC): macOS and some archives write ``ä`` as ``a`` and two dots."""
    return unicodedata.normalize("NFC", name)


def file_stem(path: PurePath) -> str:
    """Return the file's name without its ending (``SC-1.bdf.csv`` → ``SC-1``), composed."""
    stem = composed(path.stem)
    return stem[: -len(".bdf")] if stem.lower().endswith(".bdf") else stem


_ENDING = re.compile(r"\.[A-Za-z0-9*?]+$")


def folded(name: str) -> str:
    """Return the name of a file, or a pattern, composed, with its ending in small letters (``SC-1.ndax``)."""
    return _ENDING.sub(lambda ending: ending[0].lower(), composed(name))


def fits(pattern: str, name: str) -> bool:
    """Tell whether *pattern* is the name of the file or fits it, in whatever case the ending is."""
    return folded(name) == folded(pattern) or fnmatchcase(folded(name), folded(pattern))


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

    def may_be_of(self, name: str) -> bool:
        """Tell whether this entry is about a file of that name, whose folder is not known."""
        if not self.patterns:
            return file_stem(PurePath(name)) == self.cell
        return any(fits(pattern.rpartition("/")[2], name) for pattern in self.patterns)

    @property
    def of_sample(self) -> str | None:
        """The sample that the entry's facts are of; a cell whose sample nobody named has one of its own name."""
        return self.sample or self.cell


@dataclass(frozen=True, slots=True)
class CellTable:
    """The entries of the tables of one ``folder``, which is empty where it has no table."""

    entries: tuple[Entry, ...] = ()
    folder: str = ""

    def entries_about(self, key: str, names: Iterable[str], *, by_any_name: bool = False) -> list[Entry]:
        """Return all that is said of the cell *key*, whose files have these *names*, in the order of the tables.

        A row about a file counts where it names no cell, or *by_any_name* that it gives it.
        """
        files = list(names)
        return [
            entry
            for entry in self.entries
            if entry.cell == key
            or ((by_any_name or entry.cell is None) and any(entry.may_be_of(name) for name in files))
        ]


def facts_from_options(options: Iterable[str]) -> dict[str, Scalar]:
    """Read ``FIELD=VALUE`` options of a command line. Raises `MetadataError` on anything else."""
    fields: dict[str, Scalar] = {}
    for name, value in changes_from_options(options).items():
        if value is None:
            raise MetadataError(
                f"{name + '='!r} is no fact",
                expected="FIELD=VALUE, such as active_mass_mg=5.9",
                advice=f"To take a fact back: lirich cells NAME --unset {quoted(name)}",
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
    for name in facts:
        if re.sub("[ _-]", "", name.casefold()) in ("cell", "file", "files", "name", "key", "cellname", "rename"):
            raise MetadataError(
                f"{name} is no fact that can be set",
                expected="a field of a cell or its sample, or a name of your own",
                advice="To rename a cell: lirich add FILES --cell NAME --reassign, with all its files; or correct its "
                "name in cells.csv and add the folder with --reassign. What you said of it goes along",
            )
    return entry_of(facts, BY_HAND)


def entry_of(fields: Mapping[str, Any], source: str) -> Entry:
    """Return what *source* says by the names of *fields*.

    Raises `MetadataError` on a name that nearly is a field's, and a value that is no number and no text.
    """
    cell_fields: dict[str, Scalar] = {}
    sample_fields: dict[str, Scalar] = {}
    names: dict[str, str] = {}
    patterns: tuple[str, ...] = ()
    for name, value in fields.items():
        if name in ("file", "files"):
            listed = value if isinstance(value, list) else str(value).split("|")
            patterns = tuple(str(p).strip().replace("\\", "/").removeprefix("./") for p in listed)
        elif not isinstance(value, (str, int, float, bool)):
            raise MetadataError(f"{source}: {name} is a {type(value).__name__}", expected="a number or a text")
        elif name in ("cell", "sample"):
            names[name] = composed(str(value))
        elif name == "electrode":
            known = str(value).casefold()
            cell_fields[name] = known if known in get_args(Electrode) else value
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


def _near(name: str) -> list[str]:
    """Return the field that *name* nearly is, if any: a letter apart, or without its unit."""
    known = (*CELL_FIELDS, *SAMPLE_FIELDS, "cell", "sample", "file")
    plain = re.sub("[ -]", "_", name.lower())
    bare = [field for field in known if field in {plain + unit for unit in UNITS}]
    return bare or difflib.get_close_matches(plain, known, n=1, cutoff=0.75)


def _refuse_near_miss(name: str, source: str) -> None:
    near = _near(name)
    if not near:
        return
    by_hand = source == BY_HAND
    converted = OTHERUNITS.get(name.lower())
    rename = f"State {near[0]} instead" if by_hand else f"Rename the column to {near[0]}"
    if near[0] in ("active_mass_mg", "one_c_ma_g"):
        why = ": a mass or current under a wrong unit would spoil every capacity"
    else:
        why = f": under another name it is a group of your own, and {near[0]} not given"
    raise MetadataError(
        f"There is no fact {name!r}" if by_hand else f"{source} has a field {name!r}",
        expected=f"the field {near[0]!r}, or a name that is not so near to it",
        advice=f"Did you mean {near[0]}? {rename}"
        + (f", and convert the values ({converted})" if converted else "")
        + why,
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


def written(value: Scalar) -> str:
    """Return a fact as people write it: ``12`` for 12.0, a text as it is; it is read back as the same."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)

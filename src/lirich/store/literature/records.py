"""Literature records: rows of a table become values of origin ``literature``, or are refused with their row number."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from lirich import __version__
from lirich.errors import (
    DamagedFileError,
    InputError,
    LirichError,
    MissingColumnError,
    RecordError,
    UnknownNameError,
    UnrecognisedFileError,
)
from lirich.model import Composition, Conditions, Interval, Operator, Origin, Provenance, Scalar, Subject, Value
from lirich.quantities import convert
from lirich.store.literature.conditions import parse_conditions
from lirich.store.literature.conflicts import KNOWN, find_conflicts, flagged
from lirich.store.literature.dopants import elements_of
from lirich.store.literature.references import REVIEW, reference, reference_numbers
from lirich.store.literature.vocabulary import mapped, unit_of

REQUIRED = ("sample", "quantity", "operator", "value", "unit", "reference")
OPTIONAL = ("id", "morphology", "composition", "conditions", "section", "phrase", "note", "dopants")
"""Columns of a table of records; ``id`` is a number, and the row's place where it is absent; ``dopants`` are the
elements that the material is doped with (``Na W``)."""

MORPHOLOGIES = ("SC", "PC", "PC-dense")
"""Single crystal, polycrystal, and a polycrystal grown dense."""

_LARGEST_TABLE = 16 * 2**20  # bytes; a hand-written table is thousands of times smaller
_RANGE = re.compile(r"^([+-]?\d+(?:\.\d+)?)\s*(?:-|–|—|\.\.|…|to)\s*([+-]?\d+(?:\.\d+)?)$")
_OPERATORS = {"≥": ">=", "≤": "<=", "≈": "~", "≳": ">~"}
_WIDER = ("(class)", "(general)")
_POPULATIONS = frozenset(
    {
        "next-generation battery target",
        "traditional SCLRM (co-ppt/sol-gel/molten salt)",
        "SCLRM development",
        "PCLRM/SCLRM gas test",
        "LRM (PC and SC)",
        "SCLRM vs PCLRM",
        "SCLRM/PCLRM GITT",
        "gas analysis",
        "PPA polymer layer",
        "early SC cathodes",
        "large SCLRM",
        "LRM/SSE interface",
        "sulfide SSE",
        "conventional LRM",
        "LRM charge curve dataset",
        "SCLRM-ASSB",
    }
)  # samples of the carried records that are no one material: statements about a kind of thing
_NOT_MEASURED = re.compile(r"\b(theoretical|projected|target)\b", re.IGNORECASE)


def load() -> list[Value]:
    """Return the 96 quantitative facts of the review as values of origin ``literature``, in their order.

    Each keeps its number, unit, conditions, phrase, section and reference number as printed, in
    ``provenance.parameters``; ``provenance.source`` names the cited paper and the review
    (doi:10.1039/d5eb00167f), where the number was read. Facts that contradict others carry the flag ``conflict``
    and say in ``note`` with what. A subject of kind ``population`` is a statement about a kind of thing, one of kind
    ``material`` about one material.
    """
    return list(_carried())


@lru_cache(maxsize=1)
def _carried() -> tuple[Value, ...]:
    text = (files("lirich.store.literature") / "records.csv").read_text(encoding="utf-8")
    values = _read(text, "records.csv", default_source=REVIEW)
    by_record = {v.provenance.parameters["record"]: v for v in values}
    for known in KNOWN:
        for record in known.records:
            others = ", ".join(str(r) for r in known.records if r != record)
            against = f" (against record {others})" if others else ""
            by_record[record] = flagged(by_record[record], "conflict", f"Conflict{against}: {known.message}")
    return tuple(by_record[v.provenance.parameters["record"]] for v in values)


def load_records(path: Path) -> list[Value]:
    """Read the user's own records: a CSV table (UTF-8; comma or semicolon) with the columns of the carried one.

    Required columns are `REQUIRED`, others `OPTIONAL`. The quantity is a name of `vocabulary.QUANTITY_NAMES` or a key
    of the vocabulary, the operator one of ``= ~ > >~ >= < <= range`` (a range's value is ``100-200``), conditions are
    as `parse_conditions` reads them. The reference is a DOI or citation; a bare number (or ``10-13``) means the
    review's list. Values that contradict each other or the carried facts are flagged ``conflict``.

    Raises `UnrecognisedFileError` where there is no such file, `DamagedFileError` where it is no such table,
    `MissingColumnError`, `UnknownNameError` on an unknown column, and `RecordError` with the row number of every row
    that is wrong; nothing is loaded then.
    """
    path = Path(path)
    try:
        if not path.is_file() and path.exists() and not path.is_dir():  # a pipe would wait for ever
            raise UnrecognisedFileError(f"{path} is no regular file", expected="a CSV table")
        if path.stat().st_size > _LARGEST_TABLE:
            raise DamagedFileError(f"{path.name} has {path.stat().st_size} bytes", expected="a table of records")
        raw = path.read_bytes()
    except OSError as error:
        raise UnrecognisedFileError(f"{path} cannot be read: {error.strerror}", expected="a CSV table") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DamagedFileError(
            f"{path.name} is not UTF-8 (byte {error.start})", expected="a CSV table", advice="Save it as CSV UTF-8"
        ) from error
    values = _read(text, path.name, default_source=None)
    doubts = [c for c in find_conflicts([*values, *load()]) if any(m in values for m in c.members)]
    for i, value in enumerate(values):
        for conflict in doubts:
            if value in conflict.members:
                values[i] = flagged(values[i], "conflict", f"Conflict: {conflict.message}")
    return values


def _read(text: str, name: str, *, default_source: str | None) -> list[Value]:
    rows = _rows(text, name)
    values: list[Value] = []
    problems: list[tuple[int, str | LirichError]] = []
    seen: set[int] = set()
    for number, row in rows:
        try:
            value = _value(row, number - 1, default_source)
        except LirichError as error:
            problems.append((number, error))
            continue
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            problems.append((number, f"{'.'.join(map(str, first['loc'][:2]))}: {first['msg']}"))
            continue
        except ValueError as error:  # more digits than Python reads
            problems.append((number, str(error)))
            continue
        record = int(value.provenance.parameters["record"])
        if record in seen:
            problems.append((number, f"the id {record} is there twice"))
        seen.add(record)
        values.append(value)
    if problems:
        raise RecordError.of(name, problems)
    return values


def _rows(text: str, name: str) -> list[tuple[int, Mapping[str, str]]]:
    """Return row number (the header is row 1) and fields of each row that is not empty."""
    header = text.split("\n", 1)[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DamagedFileError(f"{name} is no CSV table: {error}", expected="a CSV table") from error
    columns = [column.strip() for column in lines[0]] if lines else []
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise MissingColumnError(
            f"{name} has no column {', '.join(missing)}", expected="the columns " + ", ".join(REQUIRED)
        )
    for column in columns:
        if column not in (*REQUIRED, *OPTIONAL):
            raise UnknownNameError.of("column of a table of records", column, (*REQUIRED, *OPTIONAL))
    if len(set(columns)) != len(columns):
        raise DamagedFileError(f"{name} has a column twice", expected="each column once")
    rows = [(i, line) for i, line in enumerate(lines[1:], start=2) if any(cell.strip() for cell in line)]
    unequal = [(i, f"{len(line)} fields, {len(columns)} columns") for i, line in rows if len(line) != len(columns)]
    if unequal:
        raise RecordError.of(name, unequal)
    return [(i, {c: cell.strip() for c, cell in zip(columns, line, strict=True)}) for i, line in rows]


def _value(row: Mapping[str, str], place: int, default_source: str | None) -> Value:
    sample = row["sample"]
    if not sample:
        raise InputError("no sample", expected="what the number is about")
    what = mapped(row["quantity"])
    operator = _operator(row["operator"])
    number, interval = _number(row["value"], row["unit"], what.key, operator)
    morphology = row.get("morphology", "")
    if morphology and morphology not in MORPHOLOGIES:
        raise UnknownNameError.of("morphology", morphology, MORPHOLOGIES)
    composition = row.get("composition", "")
    if composition:
        Composition.parse(composition)
    conditions = _conditions(row.get("conditions", ""), what.conditions, morphology, composition)
    record = row.get("id", "") or str(place)
    if not record.isdecimal():
        raise InputError(f"the id {record!r} is no number", expected="a whole number, or no id")
    source, numbers = _source(row["reference"], default_source)
    dopants = row.get("dopants", "")
    note = "; ".join(part for part in (row.get("note", ""), what.note) if part)
    parameters: dict[str, Scalar] = {
        "record": int(record),
        "quantity_printed": row["quantity"],
        "value_printed": row["value"],
        "unit_printed": row["unit"],
        "conditions_printed": row.get("conditions", ""),
        "section": row.get("section", ""),
        "phrase": row.get("phrase", ""),
        "reference": row["reference"],
        "reference_numbers": " ".join(str(n) for n in numbers),
        **({"dopants": " ".join(elements_of(dopants))} if dopants else {}),
    }
    return Value(
        quantity=what.key,
        value=number,
        operator=operator,
        interval=interval,
        subject=Subject(kind="population" if _is_population(sample) else "material", key=sample),
        conditions=conditions,
        origin=Origin.LITERATURE,
        provenance=Provenance(
            source=source, code="lirich.store.literature", version=__version__, parameters=parameters
        ),
        flags=(*what.flags, *_doubts(what.key, conditions, row)),
        note=note,
    )


def _is_population(sample: str) -> bool:
    return sample in _POPULATIONS or sample.endswith(_WIDER)


def _operator(printed: str) -> Operator:
    text = _OPERATORS.get(printed, printed)
    if text not in {o.value for o in Operator}:
        raise UnknownNameError.of("operator", printed, [o.value for o in Operator])
    return Operator(text)


def _number(printed: str, unit: str, key: str, operator: Operator) -> tuple[float, Interval | None]:
    read = unit_of(unit)
    if operator is Operator.RANGE:
        match = _RANGE.match(printed)
        if match is None:
            raise InputError(f"{printed!r} is no range", expected="two numbers, as 100-200")
        low, high = (convert(float(end), read, key) for end in match.groups())
        if low > high:
            raise InputError(f"the range {printed!r} is upside down", expected="the smaller number first")
        return (low + high) / 2, Interval(low=low, high=high, method="range as printed")
    try:
        number = float(printed)
    except ValueError:
        hint = "write a decimal point" if re.fullmatch(r"[+-]?\d+,\d+", printed) else ""
        raise InputError(f"{printed!r} is no number", expected="one number", advice=hint) from None
    if not math.isfinite(number):
        raise InputError(f"{printed!r} is not finite", expected="one number")
    return convert(number, read, key), None


def _conditions(printed: str, implied: Mapping[str, Scalar], morphology: str, composition: str) -> Conditions:
    stated = parse_conditions(printed)
    update = {name: x for name, x in implied.items() if name in Conditions.model_fields}
    other = {name: x for name, x in implied.items() if name not in Conditions.model_fields}
    facts = {name: x for name, x in (("morphology", morphology), ("composition", composition)) if x}
    return Conditions.model_validate({**stated.model_dump(), **update, "other": {**stated.other, **other, **facts}})


def _source(printed: str, default: str | None) -> tuple[str, tuple[int, ...]]:
    """Return the citation, and the numbers of the review's list if it is from there."""
    if not printed:
        if default is None:
            raise InputError("no reference", expected="a DOI, a citation, or a number of the review's list")
        return default, ()
    numbers = reference_numbers(printed)
    if numbers is None:
        return printed, ()
    cited = "; ".join(f"ref. {n}: {reference(n).short}" for n in numbers)
    return f"{cited}; as cited by {REVIEW}", numbers


def _doubts(key: str, conditions: Conditions, row: Mapping[str, str]) -> Iterable[str]:
    if key == "capacity_retention" and conditions.cycles is None and conditions.cycle is None:
        yield "cycles-not-stated"
    if key == "coulombic_efficiency" and conditions.cycle is None:
        yield "cycle-not-stated"
    if key == "voltage_decay_mv_per_cycle" and conditions.method is None:
        yield "method-not-stated"
    if _NOT_MEASURED.search(row.get("conditions", "")) or key == "theoretical_capacity_mah_g":
        yield "not-measured"
    if row.get("note", "").startswith("ambiguous"):
        yield "ambiguous"

"""What is known of a cell and its sample, put together from what was said by hand, tables and instruments' files.

What was said by hand (the command line, `Workspace.set_facts`), now or before, goes before tables
(`lirich.workbench.celltables`), and these go before what the instrument's file says; a difference between them is
reported, never silent. Each fact keeps who said it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lirich.errors import CompositionError, MetadataError
from lirich.model import Cell, Finding, Sample, Scalar, Severity
from lirich.workbench.celltables import (
    BY_HAND,
    CELL_FIELDS,
    SAMPLE_FIELDS,
    CellTable,
    Entry,
    T,
    agree,
    number_of,
)
from lirich.workbench.table_files import has_tables

FROM_FILE = "file "
"""How the source of a fact begins that stood in an instrument's file; all other sources are tables."""
FACT_CODES = ("metadata-differs", "fact-withdrawn", "column-like-a-field")
"""The codes of the findings about facts: they are of the last time that the facts were entered."""
NAME = "cell"
"""Under this name a cell keeps who chose its own name; absent where nobody did and it is that of a file."""
_MEANT = {
    **dict.fromkeys(
        (
            *("mass", "mass_mg", "mass_g", "weight", "weight_mg", "am_mass", "am_mg", "loading", "loading_mg"),
            *("electrode_mass", "electrode_mass_mg", "active_material_mg", "active_weight", "active_weight_mg"),
        ),
        "active_mass_mg",
    ),
    **dict.fromkeys(("temp", "temp_c", "temp_celsius", "temperature", "temperature_c", "t_c"), "temperature_celsius"),
    **dict.fromkeys(
        (
            "nominal_capacity",
            "nominal_capacity_mah_g",
            "specific_capacity",
            "specific_capacity_mah_g",
            "capacity_mah_g",
        ),
        "nominal_specific_capacity_mah_g",
    ),
    **dict.fromkeys(("1c", "1c_mah_g", "1c_ma_g", "1c_current", "c_ma_g", "current_1c"), "one_c_ma_g"),
    **dict.fromkeys(
        ("diameter", "diameter_um", "diameter_µm", "particle_size", "particle_size_um", "size_um", "d50", "d50_um"),
        "particle_diameter_um",
    ),
    **dict.fromkeys(("area", "area_cm2", "geometric_area_cm2", "disc_area_cm2"), "electrode_area_cm2"),
    **dict.fromkeys(("formula", "chemistry", "chemical_formula"), "composition"),
    **dict.fromkeys(("crystal", "crystallinity", "sc_pc", "sc_or_pc", "morph"), "morphology"),
    **dict.fromkeys(("working_electrode", "electrode_type", "cell_type"), "electrode"),
    **dict.fromkeys(("counter", "reference_electrode"), "counter_electrode"),
}
_EXAMPLES = {
    "active_mass_mg": "5.91",
    "one_c_ma_g": "250",
    "nominal_specific_capacity_mah_g": "250",
    "temperature_celsius": "25",
    "particle_diameter_um": "0.5",
    "electrode_area_cm2": "1.13",
}


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
    table: CellTable | None = None,
    anew: Collection[str] = (),
) -> Facts:
    """Put together what *sources* say of the cell *key*; earlier sources go before later ones.

    What the workspace knows already (*known_cell*, and of a sample what *known_sample* returns for its key) stays
    unless a source that goes before says otherwise, or the source that it came from: what was said by hand goes before
    tables, tables before instruments' files, and a table before another one as long as it is there. What the same
    table said before and does not say now is withdrawn, and so is what an instrument's file said that was read *anew*
    (the sources of such). *table* is what the folder's tables say of all cells: a sample's facts may stand in the row
    of another cell of it. A cell whose sample nobody named has one of its own
    name. A difference between sources becomes a finding ``metadata-differs``. Raises `MetadataError` where a fact has
    an impossible value.
    """
    entries = list(sources)
    findings: list[Finding] = []
    said = _collect(
        key,
        key,
        ((e, e.cell_fields if e.sample is None else {**e.cell_fields, "sample": e.sample}) for e in entries),
        findings,
    )
    folders = {table_folder(entry.kept_as) for entry in entries} | ({table.folder} if table else set())
    speak = _Speakers(folders - {""}, anew)
    change = _against_known(key, key, said, speak, known_cell, findings)
    sample_key = known_cell.sample if known_cell else None
    if "sample" in change.new:
        sample_key = str(change.new["sample"][0])
    elif "sample" in change.withdrawn:
        sample_key = None
    if sample_key is None and any(e.sample_fields for e in entries):
        sample_key = key
    cell = _build(Cell, key, change, CELL_FIELDS, known_cell, {"sample": sample_key} if sample_key else {})
    sample = None
    if sample_key is not None:
        others = [e for e in table.entries if e.of_sample == sample_key and e not in entries] if table else []
        of_sample = [(e, e.sample_fields) for e in (*entries, *others) if e.sample in (None, sample_key)]
        known = known_sample(sample_key)
        # in the order of the table, whichever of the sample's cells is entered; the instrument's file goes last
        rows = list(table.entries) if table else []
        of_sample.sort(key=lambda item: (-_rank(item[0].kept_as), rows.index(item[0]) if item[0] in rows else 0))
        of_it = _collect(key, sample_key, of_sample, findings)
        change = _against_known(key, sample_key, of_it, speak, known, findings)
        sample = _build(Sample, sample_key, change, SAMPLE_FIELDS, known, {})
    return Facts(cell, sample, [*findings, *_unclear_names(cell, sample, said)])


@dataclass(slots=True)
class _Change:
    """The facts that are new, each with its source, and those that are withdrawn."""

    new: dict[str, tuple[Scalar, Entry]] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)


def _collect(
    cell: str, key: str, said: Iterable[tuple[Entry, Mapping[str, Scalar]]], findings: list[Finding]
) -> dict[str, tuple[Scalar, Entry]]:
    """Take the first of what is said of each fact; say where another source differs."""
    collected: dict[str, tuple[Scalar, Entry]] = {}
    for entry, fields in said:
        for name, value in fields.items():
            first = collected.setdefault(name, (value, entry))
            if not agree(first[0], value):
                findings.append(_differs(cell, key, name, first[0], first[1].source, value, entry.source))
    return collected


@dataclass(frozen=True, slots=True)
class _Speakers:
    """Who says now all that he has to say: the tables of *folders*, and the instruments' *files*, by their sources."""

    folders: Collection[str]
    files: Collection[str]

    def __contains__(self, source: str) -> bool:
        return source in self.files or table_folder(source) in self.folders


def _against_known(
    cell: str,
    key: str,
    said: Mapping[str, tuple[Scalar, Entry]],
    speak: _Speakers,
    known: Cell | Sample | None,
    findings: list[Finding],
) -> _Change:
    """Weigh what is *said* now, by those who *speak*, against what is *known*, fact by fact."""
    if known is None:
        return _Change(dict(said))
    change = _Change()
    facts = {**known.model_dump(exclude={"key", "extra", "sources"}), **known.extra}
    for name, (value, entry) in said.items():
        before, source = facts.get(name), known.sources.get(name, "")
        silent = source in speak.files and source != entry.kept_as  # it said so before, and does not now
        if before is None or silent or not _goes_before(source, entry.kept_as):
            change.new[name] = (value, entry)
        elif not agree(before, value):
            findings.append(_differs(cell, key, name, before, _short(source), value, entry.source))
    for name, source in known.sources.items():
        if name not in said and source in speak and facts.get(name) is not None:
            change.withdrawn.append(name)
            there = ", or write it there" if table_folder(source) else ""
            findings.append(
                Finding(
                    code="fact-withdrawn",
                    message=f"{name} of {key} is not given any more: it was {facts[name]}, "
                    f"and {_short(source).partition(',')[0]} does not say it now",
                    advice=f"If it still holds: lirich cells {cell} --set {name}={facts[name]}{there}",
                    where=cell,
                )
            )
    return change


def _goes_before(known: str, new: str) -> bool:
    """Tell whether what the source *known* said stays although the source *new* speaks now."""
    rank_known, rank_new = _rank(known), _rank(new)
    if rank_known != rank_new:
        return rank_known > rank_new
    if known.startswith(FROM_FILE):
        return known != new
    before, now = table_folder(known), table_folder(new)
    # two tables never take turns: the first stands as long as it is there
    return before != now and has_tables(Path(before))


def _rank(source: str) -> int:
    return 0 if not source else 3 if source == BY_HAND else 1 if source.startswith(FROM_FILE) else 2


def table_folder(source: str) -> str:
    """Return the folder of the table that is a source; empty for another source."""
    return source.rpartition("/cells.")[0] if _rank(source) == 2 else ""


def _short(source: str) -> str:
    """Return a source without the folder of its table."""
    return "cells." + source.rpartition("/cells.")[2] if table_folder(source) else source or "the workspace"


def short_source(source: str) -> str:
    """Return who said a fact as it is shown: a table without its folder; empty where nobody is known."""
    return _short(source) if source else ""


def named(cell: Cell, source: str) -> Cell:
    """Return the cell as one whose name *source* chose; a name said by hand stays one."""
    if _rank(source) < _rank(cell.sources.get(NAME, "")):
        return cell
    return cell.model_copy(update={"sources": {**cell.sources, NAME: source}})


def portable_source(source: str, root: Path) -> str:
    """Return who said a fact, for readers elsewhere.

    A table in the workspace at *root* is named by its path there, another one with the last folder of its path.
    """
    folder = table_folder(source)
    if not folder:
        return source
    inside = Path(folder).is_relative_to(root)
    where = Path(folder).relative_to(root).as_posix() if inside else Path(folder).name
    return _short(source) if where in ("", ".") else f"{where}/{_short(source)}"


def _differs(cell: str, key: str, name: str, used: object, source: str, other: object, other_source: str) -> Finding:
    if source == BY_HAND:
        message = f"{name} of {key} is {used}, as set by you; {other_source} says {other}; {used} is used"
        advice = f"Correct {other_source}; or, to follow it, lirich cells {cell} --unset {name}"
    else:
        message = f"{name} of {key} is {used} in {source} and {other} in {other_source}; {used} is used"
        advice = f"Correct one of them, or say which holds: lirich cells {cell} --set {name}=…"
    return Finding(code="metadata-differs", severity=Severity.WARNING, message=message, advice=advice, where=cell)


def meant(name: str) -> str | None:
    """Return the field that a column of this name plausibly means, ``None`` for a name that says something else."""
    return _MEANT.get(re.sub(r"[^0-9a-zµ]+", "_", name.casefold()).strip("_"))


def _unclear_names(cell: Cell, sample: Sample | None, said: Mapping[str, tuple[Scalar, Entry]]) -> Iterable[Finding]:
    """Ask about names that plausibly mean a field, unless who uses them states that field too."""
    for name, (value, entry) in said.items():
        name_meant = meant(name) if name in cell.extra else None
        if name_meant is None:
            continue
        thing = cell if name_meant in CELL_FIELDS else sample
        used = None if thing is None else getattr(thing, name_meant)
        source = "" if thing is None else thing.sources.get(name_meant, "")
        if used is not None and _rank(source) >= _rank(entry.kept_as):
            continue
        by_hand = entry.kept_as == BY_HAND
        instead = "" if used is None else f"; {name_meant} is {used}, by {_short(source)}"
        said_so = f"lirich cells {cell.key} --set {name_meant}={value} --unset {name} (in that unit)"
        yield Finding(
            code="column-like-a-field",
            message=f"{name if by_hand else f'column {name}'} is kept as a group{instead}; did you mean {name_meant}?",
            advice=f"If so: {said_so}"
            if by_hand
            else f"If so, rename it to {name_meant} (in that unit) and add the folder again",
            where=cell.key,
        )


def about(finding: Finding, name: str) -> bool:
    """Tell whether a finding about facts is about the fact *name*."""
    said = finding.message
    return finding.code in FACT_CODES and (said.startswith(f"{name} of ") or f" mean {name}?" in said)


def forget(thing: T, names: Iterable[str]) -> T:
    """Return a cell or sample without these facts: they are *not given*."""
    gone = set(names)
    data = {k: v for k, v in thing.model_dump().items() if k not in gone}
    for inner in ("extra", "sources"):
        data[inner] = {k: v for k, v in data[inner].items() if k not in gone}
    return type(thing).model_validate(data)


def say_again(thing: T, said: Mapping[str, tuple[Scalar, Entry]]) -> T:
    """Return a cell or sample with these facts, each with its source. Raises `MetadataError` on an impossible value."""
    fields = CELL_FIELDS if isinstance(thing, Cell) else SAMPLE_FIELDS
    more = {"sample": said["sample"][0]} if "sample" in said else {}
    return _build(type(thing), thing.key, _Change(dict(said)), fields, thing, more)


def _build(
    kind: type[T],
    key: str,
    change: _Change,
    known_fields: tuple[str, ...],
    known: T | None,
    more: Mapping[str, Any],
) -> T:
    data: dict[str, Any] = {"key": key} if known is None else forget(known, change.withdrawn).model_dump()
    data.update(more)
    extra: dict[str, Scalar] = dict(data.get("extra", {}))
    said: dict[str, str] = dict(data.get("sources", {}))
    for name, (value, entry) in change.new.items():
        said[name] = entry.kept_as
        if name in known_fields:
            data[name] = value
        elif name != "sample":
            extra[name] = number_of(value)
    data["extra"], data["sources"] = extra, said
    try:
        return kind.model_validate(data)
    except CompositionError as error:
        source = change.new["composition"][1].source if "composition" in change.new else "the workspace"
        raise MetadataError(
            f"composition of {key} ({'as given' if source == BY_HAND else source}): {error.found}",
            expected=error.expected or "a formula such as Li1.2Mn0.54Ni0.13Co0.13O2",
            advice=error.advice,
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        if name == "key":
            raise MetadataError(
                f"{key!r} cannot be the name of a {kind.__name__.lower()}",
                expected="at most 120 characters that are seen, no slash, no blank at an end; not '.' or '..'",
                advice="Name it in a cells.csv, or the cell with --cell",
            ) from error
        source = change.new[name][1].source if name in change.new else "the workspace"
        expected, advice = _wanted(name, data.get(name), first)
        raise MetadataError(
            f"{name} of {key} is {data.get(name)!r} in {source}"
            if source != BY_HAND
            else f"{name} of {key} was given as {data.get(name)!r}",
            expected=expected,
            advice=advice,
        ) from error


def _wanted(name: str, value: object, problem: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the field can be, and what to do about *value*."""
    choice = {"electrode": "cathode, anode or full", "morphology": "SC or PC", "simulated": "true or false"}.get(name)
    if choice is not None:
        return choice, f"Write one of these for {name}"
    bounds = {
        "greater_than": "a number above 0",
        "greater_than_equal": f"a number from {problem.get('ctx', {}).get('ge', 0):g}",
        "less_than_equal": f"a number up to {problem.get('ctx', {}).get('le', 0):g}",
        "finite_number": "a finite number",
    }
    kind = str(problem["type"])
    if kind in bounds:
        return f"{bounds[kind]}, such as {_EXAMPLES.get(name, '1.5')}", f"Correct {name}"
    if kind == "float_parsing":
        text = str(value).strip()
        comma = re.fullmatch(r"[+-]?[0-9]+,[0-9]+", text)
        unit = re.fullmatch(r"([+-]?[0-9]+(?:[.,][0-9]+)?)\s*[^0-9\s].*", text)
        if comma:
            advice = f"Write a decimal point: {text.replace(',', '.')}"
        elif unit:
            advice = f"Write the number alone, in the unit of the name: {unit[1].replace(',', '.')}"
        else:
            advice = "Write a number, or leave it empty: not given"
        return f"a number, such as {_EXAMPLES.get(name, '1.5')}", advice
    return str(problem["msg"]).removeprefix("Value error, "), f"Correct {name}"

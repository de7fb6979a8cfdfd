"""What is known of a cell and its sample, put together from what was said by hand, tables and instruments' files.

What was said by hand (the command line, `Workspace.set_facts`), now or before, goes before tables
(`lirich.workbench.intake.celltables`), and these go before what the instrument's file says; a difference between them
is reported, never silent. Each fact keeps who said it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pydantic import ValidationError

from lirich.errors import CompositionError, MetadataError, quoted
from lirich.model import Cell, Finding, Sample, Scalar, Severity
from lirich.workbench.intake.celltables import (
    BY_HAND,
    CELL_FIELDS,
    SAMPLE_FIELDS,
    CellTable,
    Entry,
    T,
    agree,
    number_of,
    written,
)

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
    tables: Sequence[CellTable] = (),
    speakers: Collection[str] = (),
    anew: Collection[str] = (),
    elsewhere: Callable[[Cell | Sample, str], Iterable[tuple[Scalar, Entry]]] = lambda _thing, _name: (),
) -> Facts:
    """Put together what *sources* say of the cell *key*; earlier sources go before later ones.

    What the workspace knows already (*known_cell*, and of a sample what *known_sample* returns for its key) stays
    unless a source that goes before says otherwise, or the source that it came from: what was said by hand goes before
    tables, tables before instruments' files, and a table that is read now before one that was read before. What the
    tables that speak of the file (*speakers*, their folders) said before and do not say now is withdrawn, and so is
    what an instrument's file said that was read *anew* (the sources of such): then holds what others say, those that
    are not read now by *elsewhere*, which gives what they say of a fact of a cell or sample. *tables* are those that
    are read now, the one that goes before first: a sample's facts may stand in the row of another cell of it. A cell
    whose sample nobody named has one of its own name. A difference between sources becomes a finding
    ``metadata-differs``, with the value that is kept.
    Raises `MetadataError` where a fact has an impossible value.
    """
    entries = list(sources)
    findings: list[Finding] = []
    said = _collect((e, e.cell_fields if e.sample is None else {**e.cell_fields, "sample": e.sample}) for e in entries)
    speak = _Speakers(speakers, anew, {table.folder for table in tables}, entries, elsewhere)
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
        rows = [entry for table in tables for entry in table.entries]
        others = [e for e in rows if e.of_sample == sample_key and e not in entries]
        of_sample = [(e, e.sample_fields) for e in (*entries, *others) if e.sample in (None, sample_key)]
        known = known_sample(sample_key)
        # in the order of the tables, whichever of the sample's cells is entered; the instrument's file goes last
        of_sample.sort(key=lambda item: (-_rank(item[0].kept_as), rows.index(item[0]) if item[0] in rows else 0))
        change = _against_known(key, sample_key, _collect(of_sample), speak, known, findings)
        sample = _build(Sample, sample_key, change, SAMPLE_FIELDS, known, {})
    first = {name: each[0] for name, each in said.items()}
    return Facts(cell, sample, [*findings, *_unclear_names(cell, sample, first)])


@dataclass(slots=True)
class _Change:
    """The facts that are new, each with its source, and those that are withdrawn."""

    new: dict[str, tuple[Scalar, Entry]] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)


def _collect(said: Iterable[tuple[Entry, Mapping[str, Scalar]]]) -> dict[str, list[tuple[Scalar, Entry]]]:
    """Return all that is said of each fact, in order."""
    collected: dict[str, list[tuple[Scalar, Entry]]] = {}
    for entry, fields in said:
        for name, value in fields.items():
            collected.setdefault(name, []).append((value, entry))
    return collected


@dataclass(frozen=True, slots=True)
class _Speakers:
    """Who speaks now: all that they have to say is said by the tables of the ``folders`` and the ``files``.

    ``tables`` are the folders of all tables that are read now, and ``own`` what is said of the cell itself. ``others``
    gives what tables and files say that need not be read now.
    """

    folders: Collection[str]
    files: Collection[str]
    tables: Collection[str]
    own: Collection[Entry]
    others: Callable[[Cell | Sample, str], Iterable[tuple[Scalar, Entry]]]

    def __contains__(self, source: str) -> bool:
        return source in self.files or table_folder(source) in self.folders

    def silent(self, source: str, said: Iterable[tuple[Scalar, Entry]]) -> bool:
        """Tell whether *source*, by which a fact is known, is read now and is none of those who have *said* it."""
        folder = table_folder(source)
        return (source in self or folder in self.tables) and not any(
            e.kept_as == source or (folder and table_folder(e.kept_as) == folder) for _, e in said
        )

    def left(self, thing: Cell | Sample, name: str) -> list[tuple[Scalar, Entry]]:
        """Return what those who are not read now say of a fact of *thing*."""
        return [
            (value, entry)
            for value, entry in self.others(thing, name)
            if entry.kept_as not in self and table_folder(entry.kept_as) not in self.tables
        ]


def _against_known(
    cell: str,
    key: str,
    said: Mapping[str, Sequence[tuple[Scalar, Entry]]],
    speak: _Speakers,
    known: Cell | Sample | None,
    findings: list[Finding],
) -> _Change:
    """Weigh what is *said* now, by those who *speak*, against what is *known*, fact by fact; say what differs."""
    change = _Change()
    facts = {} if known is None else {**known.model_dump(exclude={"key", "extra", "sources"}), **known.extra}
    sources = {} if known is None else known.sources
    silent = {n for n, source in sources.items() if facts.get(n) is not None and speak.silent(source, said.get(n, ()))}
    gone = [name for name in sources if name in silent and sources[name] in speak]
    weighed = dict(said)
    for name in gone:
        left = [] if known is None else speak.left(known, name)
        weighed[name] = sorted((*said.get(name, ()), *left), key=lambda s: -_rank(s[1].kept_as))
        if not weighed[name]:
            change.withdrawn.append(name)
            before = Said(facts[name], _short(sources[name]), sources[name])
            findings.append(_withdrawn(cell, key, name, before, None))
    for name, (first, *rest) in ((name, each) for name, each in weighed.items() if each):
        source = sources.get(name, "")
        used = Said(first[0], first[1].source, first[1].kept_as)
        before = Said(facts[name], _short(source), source) if facts.get(name) is not None else used
        if before is used or name in gone or not _goes_before(source, used.kept_as):
            change.new[name] = first
            folder = table_folder(source)
            if name in silent and used.kept_as != BY_HAND and not agree(before.value, used.value):
                findings.append(_withdrawn(cell, key, name, before, used))
            elif folder and folder not in speak.tables and _rank(used.kept_as) == _rank(source):
                findings += differing(cell, key, name, used, [before])
        else:
            used = before
        # what the row of another cell says of the sample is told with that cell
        others = [Said(v, e.source, e.kept_as) for v, e in (first, *rest) if any(e is own for own in speak.own)]
        findings += differing(cell, key, name, used, others)
    return change


def _withdrawn(cell: str, key: str, name: str, before: Said, now: Said | None) -> Finding:
    """Say that who said a fact before does not say it *now*, and what holds then."""
    then, holds = before.shown.partition(",")[0], f"{name} of {key} is not given any more"
    if now is not None:
        then, by = _told_apart(before._replace(shown=then), now)
        holds = f"{name} of {key} is {written(now.value)} now, as {by} says"
    there = ", or write it there" if table_folder(before.kept_as) else ""
    return Finding(
        code="fact-withdrawn",
        message=f"{holds}: it was {written(before.value)}, and {then} does not say it now",
        advice=f"If {'it' if now is None else written(before.value)} still holds: "
        f"lirich cells {quoted(cell)} --set {quoted(f'{name}={written(before.value)}')}{there}",
        where=cell,
    )


def _goes_before(known: str, new: str) -> bool:
    """Tell whether what the source *known* said stays although the source *new* speaks now."""
    rank_known, rank_new = _rank(known), _rank(new)
    if rank_known != rank_new:
        return rank_known > rank_new
    return known.startswith(FROM_FILE) and known != new  # of two tables the one that is read last holds


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


class Said(NamedTuple):
    """What somebody says of a fact: the value, who says so in words, and the source that is kept."""

    value: Scalar
    shown: str
    kept_as: str


def differing(cell: str, key: str, name: str, used: Said, others: Iterable[Said]) -> list[Finding]:
    """Say which of *others* differ from what is *used* for the fact *name* of *key*, the cell or its sample."""
    return [_differs(cell, key, name, used, other) for other in others if not agree(used.value, other.value)]


def _differs(cell: str, key: str, name: str, used: Said, other: Said) -> Finding:
    value = written(used.value)
    if used.kept_as == BY_HAND:
        message = (
            f"{name} of {key} is {value}, as set by you; {other.shown} says {written(other.value)}; {value} is used"
        )
        advice = f"Correct {other.shown}; or, to follow it, lirich cells {quoted(cell)} --unset {quoted(name)}"
    else:
        first, second = _told_apart(used, other)
        message = f"{name} of {key} is {value} in {first} and {written(other.value)} in {second}; {value} is used"
        advice = f"Correct one of them, or say which holds: lirich cells {quoted(cell)} --set {quoted(f'{name}=…')}"
    return Finding(code="metadata-differs", severity=Severity.WARNING, message=message, advice=advice, where=cell)


def _told_apart(used: Said, other: Said) -> tuple[str, str]:
    """Return the two in words; of tables in two folders with as much of their paths as tells them apart."""
    paths = [PurePosixPath(table_folder(each.kept_as)).parts for each in (used, other)]
    if paths[0] == paths[1] or not all(table_folder(each.kept_as) for each in (used, other)):
        return used.shown, other.shown
    count = next(n for n in range(1, 1 + max(map(len, paths))) if paths[0][-n:] != paths[1][-n:])
    return str(PurePosixPath(*paths[0][-count:], used.shown)), str(PurePosixPath(*paths[1][-count:], other.shown))


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
        instead = "" if used is None else f"; {name_meant} is {written(used)}, by {_short(source)}"
        stated = quoted(f"{name_meant}={written(value)}")
        said_so = f"lirich cells {quoted(cell.key)} --set {stated} --unset {quoted(name)} (in that unit)"
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

"""Facts that a user takes back: what tables and instruments' files say stands again, as if it had never been said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from lirich.errors import LirichError, UnknownNameError
from lirich.model import Cell, Finding, Sample, Scalar, Severity, Test
from lirich.workbench.intake.celltables import (
    BY_HAND,
    CELL_FIELDS,
    SAMPLE_FIELDS,
    Entry,
    T,
    written,
)
from lirich.workbench.intake.differing import Said, differing
from lirich.workbench.intake.fact_changes import forget, say_again
from lirich.workbench.intake.fact_sources import FROM_FILE, named_by_hand, short_source, table_folder
from lirich.workbench.intake.history import names_before
from lirich.workbench.intake.table_files import has_tables, read_cell_tables

if TYPE_CHECKING:
    from lirich.store.records import FactVersion
    from lirich.store.things import Things


def take_back(things: Things, key: str, names: Sequence[str]) -> list[Finding]:
    """Forget facts of a cell and its sample; say what stands again.

    Where the user had said a fact, what a table or a file says of it stands again: by the table as it is now, or as it
    was known last where it is gone or wrong. A fact that a table or file said is *not given* until files are added
    that say it.
    Raises `UnknownNameError` on a fact that is not given, `MetadataError` where a table says an impossible value.
    """
    cell = things.one(Cell, key)
    sample = things.find(Sample, cell.sample) if cell.sample else None
    given = {name: thing for thing in (sample, cell) if thing is not None for name in _given(thing)}
    for name in names:
        if name not in given:
            raise UnknownNameError.of("fact that is given", name, given)
    of_sample = [name for name in names if given[name] is sample]
    findings = _put_back(things, cell, sample, of_sample) if sample is not None and of_sample else []
    of_cell = [name for name in names if given[name] is cell]
    return [*findings, *(_put_back(things, cell, cell, of_cell) if of_cell else [])]


def _put_back(things: Things, cell: Cell, thing: T, names: Sequence[str]) -> list[Finding]:
    by_hand = [name for name in names if thing.sources.get(name) == BY_HAND]
    others = Others(things, cell, thing) if by_hand else None
    again = {} if others is None else {name: said[0][:2] for name in by_hand if (said := others.of(name))}
    things.put(say_again(forget(thing, names), again))
    return [
        Finding(
            code="fact-stands-again",
            severity=Severity.INFO,
            message=f"{name} of {thing.key} is {written(value)} again: {entry.source} says so",
            where=cell.key,
        )
        for name, (value, entry) in again.items()
    ]


def _given(thing: Cell | Sample) -> list[str]:
    facts = thing.model_dump(exclude={"key", "extra", "sources", "recipe"}, exclude_defaults=True)
    return [*facts, *thing.extra]


class Others:
    """What tables, then files say of the facts of *thing*, the cell or its sample; nothing that was said by hand.

    A table speaks as it is now, or as it was known last where it is gone or wrong.
    """

    def __init__(self, things: Things, cell: Cell, thing: Cell | Sample) -> None:
        tests = things.tests(cell.key)
        of_cell = _under_all_names(things, cell.key)
        self._before = of_cell if thing is cell else things.history(Sample, thing.key)
        former = [*self._before, *of_cell]
        places = [source for v in reversed(former) if v.fact is not None for source in v.fact.sources.values()]
        self._tables: dict[str, list[Entry] | str] = {
            folder: _of_tables(Path(folder), cell, thing, tests)
            for folder in dict.fromkeys(map(table_folder, places))
            if folder
        }
        self._files = [of_file(test) for test in tests]

    def of(self, name: str) -> list[tuple[Scalar, Entry, bool]]:
        """Return what is said of the fact *name*, by whom, and whether it is said now; the one that holds first."""
        known = _known(self._before, name)
        found: list[tuple[Scalar, Entry, bool]] = []
        for folder in dict.fromkeys((*known, *self._tables)):  # the table that was read last goes before
            table = self._tables[folder]
            if not isinstance(table, str):
                found += [(*said, True) for entry in table for said in _in(entry, name)]
            elif folder in known:
                value, source = known[folder]
                shown = f"{short_source(source)} ({table})"
                found.append((value, Entry(None, None, (), {}, {}, shown, source), False))
        return found + [(*said, True) for entry in self._files for said in _in(entry, name)]


def contradicted(things: Things, cell: Cell, thing: Cell | Sample, names: Iterable[str]) -> list[Finding]:
    """Say where a table or a file says something else of the facts *names*, which were just said by hand."""
    others = Others(things, cell, thing)
    facts = {**thing.model_dump(exclude={"key", "extra", "sources"}), **thing.extra}
    findings = []
    for name in names:
        said = [Said(value, entry.source, entry.kept_as) for value, entry, now in others.of(name) if now]
        first = [next(kind, None) for kind in (filter(_of_table, said), (s for s in said if not _of_table(s)))]
        used = Said(facts[name], BY_HAND, BY_HAND)
        findings += differing(cell.key, thing.key, name, used, [each for each in first if each is not None])
    return findings


def _of_table(said: Said) -> bool:
    return bool(table_folder(said.kept_as))


def _under_all_names(things: Things, key: str) -> list[FactVersion]:
    """Return every state of the cell, oldest first, with those under the names that its files had before."""
    names = {key: inf, **names_before(things.former_names, key)}
    found = [v for name, until in names.items() for v in things.history(Cell, name) if v.unix_second <= until]
    return sorted(found, key=lambda version: version.unix_second)


def _of_tables(folder: Path, cell: Cell, thing: Cell | Sample, tests: Sequence[Test]) -> list[Entry] | str:
    """Return what the tables of the folder say of *thing*, or in words why they say nothing."""
    if not has_tables(folder):
        return "which is gone"
    try:
        table = read_cell_tables(folder)
    except LirichError as error:
        return f"as it was read last; it is wrong now: {error.found}"
    names = [file.name for test in tests for file in (test.raw, *test.replaces)]
    about = table.entries_about(cell.key, names, by_any_name=named_by_hand(cell))
    if isinstance(thing, Cell):
        return about
    rows = [entry for entry in table.entries if entry.of_sample == thing.key]
    return [entry for entry in (*about, *(r for r in rows if r not in about)) if entry.sample in (None, thing.key)]


def of_file(test: Test) -> Entry:
    """Return what an instrument's file says of its cell and sample."""
    return Entry(
        cell=None,
        sample=None,
        patterns=(),
        cell_fields={k: v for k, v in test.metadata.items() if k in CELL_FIELDS},
        sample_fields={k: v for k, v in test.metadata.items() if k in SAMPLE_FIELDS},
        source=test.raw.name,
        kept_as=FROM_FILE + test.raw.name,
    )


def _in(entry: Entry, name: str) -> Iterable[tuple[Scalar, Entry]]:
    if name == "sample":
        return [(entry.sample, entry)] if entry.sample is not None else []
    return [(fields[name], entry) for fields in (entry.cell_fields, entry.sample_fields) if name in fields]


def _known(versions: Sequence[FactVersion], name: str) -> dict[str, tuple[Scalar, str]]:
    """Return by folder what tables are known to have said last of a fact, with the source, the newest first."""
    found: dict[str, tuple[Scalar, str]] = {}
    for version in reversed(versions):
        if version.fact is None:
            continue
        source = version.fact.sources.get(name, "")
        value = {**version.fact.model_dump(exclude={"extra", "sources"}), **version.fact.extra}.get(name)
        if table_folder(source) and value is not None:
            found.setdefault(table_folder(source), (value, source))
    return found

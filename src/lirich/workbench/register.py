"""Which cell a file belongs to, and its entry in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from lirich.errors import ConflictingMetadataError
from lirich.model import Cell, Finding, Sample, Severity, Test
from lirich.readers.join import OVERLAP_S
from lirich.workbench.metadata import (
    CELL_FIELDS,
    SAMPLE_FIELDS,
    CellTable,
    Entry,
    file_stem,
    read_cell_tables,
    resolve,
)

if TYPE_CHECKING:
    from lirich.store import Store
    from lirich.store.things import Things

_COUNTER = re.compile(r"(?i)[ _.\-]*(?:part|cont|pt)?[ _.\-]*\d{1,3}$")


class Register:
    """Enters read files one by one: each cell, sample and test is confirmed when `enter` returns.

    Parameters
    ----------
    store:
        The workspace.
    cell:
        The cell that all files belong to, where the user said so.
    options:
        Facts from the command line; they go before everything else.
    reassign:
        Move a file that is a test of another cell already.
    """

    def __init__(
        self, store: Store, *, cell: str | None = None, options: Entry | None = None, reassign: bool = False
    ) -> None:
        self._store = store
        self._cell = cell
        self._options = options
        self._reassign = reassign
        self._tables: dict[Path, CellTable] = {}
        self._by_raw: dict[str, list[Test]] = {}

    def look_up(self, files: Mapping[Path, str]) -> None:
        """Look up, all at once, what is known of *files*, given with their hashes; `known` needs it.

        Raises `MetadataError` where a table beside one of them is wrong.
        """
        for path in files:
            self._table(path)
        for test in self._store.tests_of_raw(list(files.values())):
            self._by_raw.setdefault(test.raw.sha256, []).append(test)

    def enter(self, path: Path, test: Test, *, name: str | None = None) -> tuple[str, Test, bool, list[Finding]]:
        """Enter one file: its sample, its cell, its test; all at once or, where it raises, nothing.

        One raw file is one test: a new reading of it (another reader or version, a repair, another mapping) replaces
        the one before. Returns the cell's key, the test as stored, whether it was there already, and what was
        noticed. *name* is the cell's name where nobody stated one. Raises `ConflictingMetadataError` if the same
        content is a test of another cell, `MetadataError` if a fact is impossible.
        """
        entries = self._entries(path, test)
        stated = self._stated(entries)
        key = stated or name or file_stem(path)
        self._store.require_files(test)

        def work(things: Things) -> tuple[Test, bool, list[Finding]]:
            readings = things.tests_of_raw([test.raw.sha256])
            for present in readings:
                # a name that nobody chose gives way to one that somebody states
                unnamed = present.cell == file_stem(Path(present.raw.name)) and stated is not None
                if present.cell != key and not self._reassign and not unnamed:
                    raise ConflictingMetadataError(
                        f"{path.name} is a test of the cell {present.cell!r} already, not of {key!r}",
                        expected="one cell for each file",
                        advice="Add it with --reassign to move it",
                    )
            findings = enter_facts(things, key, entries)
            for present in readings:
                if present.key == test.key and present.cell == key:
                    return present, True, findings
            new = [f for f in findings if f not in test.findings]
            entered = test.model_copy(update={"cell": key, "findings": (*test.findings, *new)})
            for present in readings:
                things.remove_test(present.key)
            things.put_test(entered)
            for cell in {present.cell for present in readings} - {key}:
                things.remove_empty_cell(cell)
            return entered, False, [*findings, *(_read_again(present, entered) for present in readings)]

        return key, *self._store.change(work)

    def known(self, digests: Sequence[str], *, reader: str | None, repairs: Sequence[str]) -> Test | None:
        """Return the test that the file of these hashes (itself, its mappings) is already, repaired or not.

        ``None`` where it is new, or where another reader or a repair that it did not have is asked for.
        """
        from lirich.readers import readers

        for test in self._by_raw.get(digests[0], ()):
            same = [test.raw.sha256, *(file.sha256 for file in test.beside)] == list(digests)
            if not same or (reader is not None and reader != test.reader) or not set(repairs) <= set(test.repairs):
                continue
            by = readers().get(test.reader)
            whole = self._store.has_files(raw=digests, curves=[test.curve])
            if by is not None and by.version == test.reader_version and whole:
                return test
        return None

    def rows_without_file(self, folders: Iterable[Path]) -> list[Finding]:
        """Say which rows of the cell tables of *folders* are about no file there: a name may be misspelt."""
        findings = []
        for folder in folders:
            table = self._tables.get(folder.resolve(), CellTable())
            names = [path for path in folder.iterdir() if path.is_file()] if table.entries else []
            for entry in table.entries:
                if not any(entry.matches(path) for path in names):
                    shown = " or ".join(entry.patterns) or str(entry.cell)
                    findings.append(
                        Finding(
                            code="row-without-file",
                            message=f"{entry.source}: no file here matches {shown!r} (cell {entry.cell})",
                            advice="Correct the pattern, or the facts of this row reach no cell",
                            where=str(entry.cell),
                        )
                    )
        return findings

    def names_counter(self, path: Path, test: Test) -> bool:
        """Tell whether the file's cell was not stated and its name ends in a counter."""
        return self._stated(self._entries(path, test)) is None and _base(path) is not None

    def joined(self, names: Mapping[Path, str]) -> list[Finding]:
        """Say aloud which files were taken for one cell."""
        groups: dict[str, list[str]] = {}
        for path, name in names.items():
            groups.setdefault(name, []).append(path.name)
        return [
            Finding(
                code="files-joined",
                severity=Severity.INFO,
                message=f"{', '.join(sorted(files))} continue each other in time and cycle count: one cell {name!r}",
                advice="If they are different cells, name them in a cells.csv",
                where=name,
            )
            for name, files in groups.items()
        ]

    def _stated(self, entries: Iterable[Entry]) -> str | None:
        return self._cell or next((e.cell for e in entries if e.cell), None)

    def _table(self, path: Path) -> CellTable:
        folder = path.parent.resolve()
        if folder not in self._tables:
            self._tables[folder] = read_cell_tables(folder)
        return self._tables[folder]

    def _entries(self, path: Path, test: Test) -> list[Entry]:
        from_file = Entry(
            cell=None,
            sample=None,
            patterns=(),
            cell_fields={k: v for k, v in test.metadata.items() if k in CELL_FIELDS},
            sample_fields={k: v for k, v in test.metadata.items() if k in SAMPLE_FIELDS},
            source=test.raw.name,
        )
        sources = (self._options, *self._table(path).entries_for(path), from_file)
        return [entry for entry in sources if entry is not None]


def _read_again(before: Test, after: Test) -> Finding:
    how = [
        f"{test.reader} {test.reader_version}" + (f", repaired: {', '.join(test.repairs)}" if test.repairs else "")
        for test in (before, after)
    ]
    moved = f", and moved from {before.cell} to {after.cell}" if before.cell != after.cell else ""
    return Finding(
        code="read-again",
        severity=Severity.INFO,
        message=f"{after.raw.name} was read anew ({how[1]}); this replaces the earlier reading ({how[0]}){moved}",
        where=after.cell,
    )


def enter_facts(things: Things, key: str, entries: Iterable[Entry]) -> list[Finding]:
    """Enter what *entries* say of a cell and its sample beside what is known; return what was noticed.

    Raises `MetadataError` if a fact is impossible.
    """
    facts = resolve(
        key,
        entries,
        known_cell=things.find(Cell, key),
        known_sample=lambda sample: things.find(Sample, sample),
    )
    if facts.sample is not None:
        things.put(facts.sample)
    things.put(facts.cell)
    return facts.findings


def continuations(tests: Sequence[tuple[Path, Test]]) -> dict[Path, str]:
    """Find files of one cell among files whose cell nobody stated: ``name_1``, ``name_2`` … that continue.

    Files belong together only if their names differ in a trailing counter alone *and* each starts after the one
    before ended *and* its cycle count goes on where that stopped: two cells ``SC-1`` and ``SC-2``, which both
    start at cycle 1, stay two cells. Returns the common name per file.
    """
    by_name: dict[tuple[Path, str], list[tuple[Path, Test]]] = {}
    for path, test in tests:
        base = _base(path)
        if base is not None:
            by_name.setdefault((path.parent.resolve(), base), []).append((path, test))
    names: dict[Path, str] = {}
    for (_, base), members in by_name.items():
        ordered = sorted((test for _, test in members), key=lambda test: test.start_unix_second or 0.0)
        if len(ordered) > 1 and all(_continues(a, b) for a, b in pairwise(ordered)):
            names.update({path: base for path, _ in members})
    return names


def _base(path: Path) -> str | None:
    stem = file_stem(path)
    base = _COUNTER.sub("", stem)
    return base if base and base != stem else None


def _continues(before: Test, after: Test) -> bool:
    if before.end_unix_second is None or after.start_unix_second is None:
        return False
    if before.last_cycle_count is None or after.first_cycle_count is None:
        return False
    return (
        after.start_unix_second >= before.end_unix_second - OVERLAP_S
        and after.first_cycle_count > 1
        and after.first_cycle_count in (before.last_cycle_count, before.last_cycle_count + 1)
    )


def facts_wanted(cell: Cell, sample: Sample | None) -> list[Finding]:
    """Ask by name for the facts that the usual figures need and nobody gave."""
    wanted: list[tuple[str, str]] = []
    if cell.electrode is None:
        wanted.append(("electrode", "the convention of the Coulombic efficiency (cathode, anode or full)"))
    if cell.active_mass_mg is None:
        wanted.append(("active_mass_mg", "capacities per gram"))
    if cell.one_c_ma_g is None:
        wanted.append(("one_c_ma_g", "C-rates: the specific current that 1C means"))
    if sample is None or sample.morphology is None:
        wanted.append(("morphology", "a comparison of SC with PC"))
    if sample is None or sample.composition is None:
        wanted.append(("composition", "the formal split of the first charge between metals and oxygen"))
    return [
        Finding(
            code=f"missing-{name.replace('_', '-')}",
            severity=Severity.INFO,
            message=f"{name} of {cell.key} is not given; it is needed for {purpose}",
            advice=f"lirich cells {cell.key} --set {name}=…, or a cells.csv beside the files",
            where=cell.key,
        )
        for name, purpose in wanted
    ]

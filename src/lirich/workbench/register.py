"""Which cell a file belongs to, and its entry in the catalogue."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lirich.errors import ConflictingMetadataError
from lirich.model import Cell, Finding, RawFile, Sample, Severity, Test
from lirich.readers.join import OVERLAP_S
from lirich.workbench.celltables import (
    BY_HAND,
    SAMPLE_FIELDS,
    CellTable,
    Entry,
    file_stem,
)
from lirich.workbench.metadata import FACT_CODES, NAME, about, meant, named, resolve
from lirich.workbench.moving import Move, carried, in_order, move_segments, settle_sample
from lirich.workbench.reexport import Exports, enter_exports, exports_of, told
from lirich.workbench.table_files import read_cell_tables
from lirich.workbench.taking_back import of_file
from lirich.workbench.twins import twin_findings

if TYPE_CHECKING:
    from lirich.store import Store
    from lirich.store.things import Things
    from lirich.workbench.found_files import Candidate

State = Literal["new", "known", "anew", "moved", "restored", "longer", "older"]
"""What is new about a file that was added: nothing (``known``), the reading (``anew``), its cell alone (``moved``), the
copy (``restored``), rows after those of an earlier export, which it replaces (``longer``). Of an ``older`` export there
are all rows already."""

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
        self._now = time.time()
        self._tables: dict[Path, CellTable] = {}
        self._by_raw: dict[str, list[Test]] = {}
        self._lost: set[str] = set()
        self._kept: set[str] = set()
        self._came_from: dict[str, set[str]] = {}

    def look_up(self, files: Mapping[Path, str]) -> None:
        """Look up, all at once, what is known of *files*, given with their hashes; `known` needs it.

        Raises `MetadataError` where a table beside one of them is wrong.
        """
        for path in files:
            self._table(path)
        for test in self._store.tests_of_raw(list(files.values())):
            self._by_raw.setdefault(test.raw.sha256, []).append(test)
        # there without a test of their own: another one may have all of their rows
        self._kept = {d for d in files.values() if d not in self._by_raw and self._store.has_files(raw=[d], curves=[])}

    def enter(self, path: Path, test: Test, *, name: str | None = None) -> tuple[str, Test, State, list[Finding]]:
        """Enter one file: its sample, its cell, its test; all at once or, where it raises, nothing.

        One raw file is one test: a new reading of it (another reader or version, a repair, another mapping) replaces
        the one before. A longer export of the same test replaces the shorter one, whichever is added first. Returns the
        cell's key, the test as stored, what is new about it, and what was noticed. Findings about facts are those of
        now: those of an earlier time are dropped. *name* is the cell's name where nobody stated one. Raises
        `ConflictingMetadataError` if the same content is a test of another cell, `MetadataError` if a fact is
        impossible.
        """
        own = self._entries(path)
        stated = self._stated(own)
        named_by = "" if stated is None else BY_HAND if self._cell else next(e.kept_as for e in own if e.cell)
        self._store.require_files(test)

        def work(things: Things) -> tuple[str, Test, State, list[Finding]]:
            readings = things.tests_of_raw([test.raw.sha256])
            # a copy under another name is the file that is known
            older = not readings and test.raw.sha256 in self._kept
            whole_there = things.test_standing_for(test.raw.sha256) if older else None
            there = readings[0] if readings else whole_there
            key = stated or (there.cell if there else name or file_stem(path))
            if whole_there is not None and whole_there.cell != key and not self._reassign:
                raise ConflictingMetadataError(
                    f"{path.name} is an older export of {whole_there.raw.name}, a test of the cell "
                    f"{whole_there.cell!r}, not of {key!r}",
                    expected="one cell for each file",
                    advice="Add it with --reassign to move it",
                )
            leaving = [present for present in readings if present.cell != key]
            for present in leaving:
                if not self._reassign and not _unnamed(things, present):
                    raise ConflictingMetadataError(
                        f"{path.name} is a test of the cell {present.cell!r} already, not of {key!r}",
                        expected="one cell for each file",
                        advice="Add it with --reassign to move it",
                    )
            files = [path, *(Path(f.name) for present in things.tests(key) for f in (present.raw, *present.replaces))]
            said = self._facts(key, path, test, files)
            table = self._table(path)
            moved = carried(things, leaving, key, said, path.parent.resolve().as_posix())
            said[1 if own and own[0] is self._options else 0 : 0] = [
                e for each in moved for e in each.entries if e.kept_as == BY_HAND
            ]
            said += [e for each in moved for e in each.entries if e.kept_as != BY_HAND]
            findings = [f for each in moved for f in each.findings]
            findings += enter_facts(things, key, said, table, named_by=named_by)
            others = [twin for twin in things.tests_of_curve(test.curve) if twin.raw.sha256 != test.raw.sha256]
            twins = twin_findings([*others[:1], test.model_copy(update={"cell": key})])
            back = test.raw.sha256 in self._lost  # it could not be compared with the others while it was
            for present in readings:
                if (
                    present.key == test.key
                    and present.cell == key
                    and not (back and exports_of(self._store, present, things.tests(key)) != Exports())
                ):
                    kept = _with_facts(present, findings)
                    if kept != present:
                        things.replace_test(kept)
                    return key, kept, "restored" if back else "known", [*findings, *twins]
            doubts = move_segments(things, moved, key, self._came_from)
            before = next((p.added_unix_second for p in readings if p.key == test.key), None)
            written = min((t for t in (_written(path), *(p.written_unix_second for p in readings)) if t), default=None)
            entered = test.model_copy(
                update={"cell": key, "added_unix_second": before or self._now, "written_unix_second": written}
            )
            entered = _with_facts(entered, findings)
            for present in readings:
                things.remove_test(present.key)
            exports = exports_of(self._store, entered, things.tests(key))
            entered, whole = enter_exports(things, entered, exports, readings)
            for cell in {present.cell for present in leaving}:
                things.remove_empty_cell(cell, moved_to=key)
            for each in moved:
                settle_sample(things, each, key)
            by_hand = "; ".join(f"with what you said of {each.old}: {each.told}" for each in moved if each.told)
            if whole is not None:
                again = [_read_again(present, entered, by_hand) for present in leaving]
                return key, whole, "older", [*findings, *doubts, *again, *told(entered, exports)]
            other = [present for present in readings if (present.key, present.cell) != (entered.key, key)]
            again = [_read_again(present, entered, by_hand) for present in other]
            same = any(present.key == entered.key for present in other)
            again += told(entered, exports)
            state: State = "moved" if same else "anew" if other else "longer" if exports.parts else "new"
            return key, entered, state, [*findings, *twins, *doubts, *again]

        left = {present.cell for present in self._by_raw.get(test.raw.sha256, ())}
        entered = self._store.change(work)
        self._came_from[test.raw.sha256] = left - {entered[0]}
        return entered

    def in_order(self, there: Iterable[tuple[Candidate, Test]]) -> tuple[list[Move], list[Move]]:
        """Return known files in the order in which they are to be entered, and those that would go in circles."""
        stated = [(each, test, self.claim(each.path, test.raw.sha256)[0] or test.cell) for each, test in there]
        return in_order(stated, self._store.tests)

    def claim(self, path: Path, digest: str) -> tuple[str | None, bool]:
        """Return the cell that somebody said the file is of, and whether its content is known under this very name.

        No cell where nobody said one, or two rows do, which `enter` refuses.
        """
        known = any(test.raw.name == path.name for test in self._by_raw.get(digest, ()))
        try:
            return self._stated(self._entries(path)), known
        except ConflictingMetadataError:
            return None, known

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
            if not whole:
                self._lost.add(digests[0])
            elif by is not None and by.version == test.reader_version:
                return test
        return None

    def mapping_given(self, digest: str) -> RawFile | None:
        """Return the mapping file that the file of this hash was added by, where one was given by hand."""
        for test in self._by_raw.get(digest, ()):
            for file in test.beside:
                if file.sha256 == test.mapping:
                    return file
        return None

    def rows_without_file(self, folders: Iterable[Path]) -> list[Finding]:
        """Say which rows of the cell tables of *folders* are about no file there: a name may be misspelt."""
        findings = []
        for folder in folders:
            table = self._tables.get(folder.resolve(), CellTable())
            names = [path for path in folder.iterdir() if path.is_file()] if table.entries else []
            for entry in table.entries:
                if any(entry.matches(path) for path in names):
                    continue
                shown = " or ".join(entry.patterns) or str(entry.cell)
                about = f"no file here matches {shown!r} (cell {entry.cell or 'not named'})"
                advice = "Correct the pattern, or the facts of this row reach no cell"
                if not entry.patterns and entry.cell is None:
                    about = "neither a cell nor a file is named"
                    advice = "Name one, or the facts of this row reach no cell"
                findings.append(
                    Finding(
                        code="row-without-file",
                        message=f"{entry.source}: {about}",
                        advice=advice,
                        where=entry.cell or "",
                    )
                )
        return findings

    def names_counter(self, path: Path) -> bool:
        """Tell whether the file's cell was not stated and its name ends in a counter."""
        return _base(path) is not None and self._says_nothing(path)

    def _says_nothing(self, path: Path) -> bool:
        try:
            return self._stated(self._entries(path)) is None
        except ConflictingMetadataError:
            return False  # two rows name a cell: `enter` refuses it

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

    def _entries(self, path: Path) -> list[Entry]:
        options = () if self._options is None else (self._options,)
        return [*options, *self._table(path).entries_for(path)]

    def _facts(self, key: str, path: Path, test: Test, files: Sequence[Path]) -> list[Entry]:
        """Return all that is said of the cell, whichever of its files it stands beside: no file's turn decides."""
        own = self._entries(path)
        rest = [e for e in self._table(path).entries_about(key, files) if e not in own]
        of_table = sorted([e for e in own if e is not self._options] + rest, key=self._table(path).entries.index)
        return [*(e for e in own if e is self._options), *of_table, of_file(test)]


def _written(path: Path) -> float | None:
    """Return the time of the file itself; ``None`` where it is gone since it was read."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _with_facts(test: Test, findings: Sequence[Finding]) -> Test:
    """Return the test with these findings about facts instead of those of an earlier time."""
    others = [f for f in test.findings if f.code not in FACT_CODES]
    return test.model_copy(update={"findings": (*others, *(f for f in findings if f not in others))})


def _unnamed(things: Things, test: Test) -> bool:
    """Tell whether nobody chose the name of the test's cell: it is the file's, and gives way to one that is stated."""
    cell = things.find(Cell, test.cell)
    of_file = (file_stem(Path(test.raw.name)), _base(Path(test.raw.name)))
    return test.cell in of_file and (cell is None or NAME not in cell.sources)


def _read_again(before: Test, after: Test, carried: str) -> Finding:
    how = [
        f"{test.reader} {test.reader_version}" + (f", repaired: {', '.join(test.repairs)}" if test.repairs else "")
        for test in (before, after)
    ]
    moved = ""
    if before.cell != after.cell:
        moved = f"moved from {before.cell} to {after.cell}" + (f", {carried}" if carried else "")
    if before.key == after.key:
        message = f"{after.raw.name} was {moved}"
    else:
        message = f"{after.raw.name} was read anew ({how[1]}); this replaces the earlier reading ({how[0]})"
        message += f", and {moved}" if moved else ""
    return Finding(
        code="read-again",
        severity=Severity.INFO,
        message=message,
        where=after.cell,
    )


def enter_facts(
    things: Things, key: str, entries: Iterable[Entry], table: CellTable | None = None, *, named_by: str = ""
) -> list[Finding]:
    """Enter what *entries* say of a cell and its sample beside what is known; return what was noticed.

    *table* is what stands beside the cell's file about other cells; *named_by* is the source of the cell's name, empty
    where nobody chose it.

    Raises `MetadataError` if a fact is impossible.
    """
    facts = resolve(
        key,
        entries,
        known_cell=things.find(Cell, key),
        known_sample=lambda sample: things.find(Sample, sample),
        table=table,
    )
    if facts.sample is not None:
        things.put(facts.sample)
    things.put(facts.cell if not named_by else named(facts.cell, named_by))
    return facts.findings


def answered(things: Things, key: str, names: Sequence[str]) -> None:
    """Drop what was found about facts that have been said or taken back by hand since."""
    cell = things.one(Cell, key)
    of_sample = cell.sample is not None and not set(names).isdisjoint(SAMPLE_FIELDS)
    cells = [c.key for c in things.all(Cell).values() if c.sample == cell.sample] if of_sample else [key]
    for test in (test for each in cells for test in things.tests(each)):
        left = tuple(f for f in test.findings if not any(about(f, name) for name in names))
        if left != test.findings:
            things.replace_test(test.model_copy(update={"findings": left}))


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
    columns: dict[str, str] = {}
    for column in (c for c in cell.extra if cell.sources.get(c) != BY_HAND):
        columns.setdefault(meant(column) or "", column)
    return [
        Finding(
            code=f"missing-{name.replace('_', '-')}",
            severity=Severity.INFO,
            message=f"{name} of {cell.key} is not given; it is needed for {purpose}",
            advice=(f"Rename the column {columns[name]} to {name}, if it is that; or " if name in columns else "")
            + f"lirich cells {cell.key} --set {name}=…, or a cells.csv beside the files",
            where=cell.key,
        )
        for name, purpose in wanted
    ]

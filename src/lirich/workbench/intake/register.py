"""Which cell a file belongs to, and its entry in the catalogue."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lirich.errors import ConflictingMetadataError, quoted
from lirich.model import Cell, Finding, RawFile, Severity, Test
from lirich.workbench.intake.cellfacts import enter_facts, with_facts
from lirich.workbench.intake.celltables import BY_HAND, Entry, composed, file_stem
from lirich.workbench.intake.continuing import goes_on, without_counter
from lirich.workbench.intake.fact_sources import NAME
from lirich.workbench.intake.moving import Carried, Move, carried, in_order, move_segments, settle_sample
from lirich.workbench.intake.reexport import Exports, enter_exports, exports_of, told
from lirich.workbench.intake.renamed import Former, by_name_alone, stays
from lirich.workbench.intake.taking_back import of_file
from lirich.workbench.intake.twins import twin_findings

if TYPE_CHECKING:
    from lirich.store import Store
    from lirich.store.things import Things
    from lirich.workbench.intake.claims import Claims
    from lirich.workbench.intake.found_files import Candidate

State = Literal["new", "known", "anew", "moved", "restored", "longer", "older"]
"""What is new about a file that was added: nothing (``known``), the reading (``anew``), its cell alone (``moved``), the
copy (``restored``), rows after those of an earlier export, which it replaces (``longer``). Of an ``older`` export there
are all rows already."""


@dataclass(slots=True)
class Place:
    """The cell that a file is of, with what is there of its test; ``by_name`` where its name alone says so."""

    cell: str
    readings: Sequence[Test]
    by_name: bool
    leaving: list[Test] = field(default_factory=list)
    """The tests that go to the cell from another one."""
    said: list[Finding] = field(default_factory=list)


class Register:
    """Enters read files one by one: each cell, sample and test is confirmed when `enter` returns.

    Parameters
    ----------
    store:
        The workspace.
    claims:
        What is said of the files.
    reassign:
        Move a file that is a test of another cell already.
    """

    def __init__(self, store: Store, claims: Claims, *, reassign: bool = False) -> None:
        self._store = store
        self._claims = claims
        self._reassign = reassign
        self._now = time.time()
        self._by_raw: dict[str, list[Test]] = {}
        self._lost: set[str] = set()
        self._kept: set[str] = set()
        self._came_from: dict[str, set[str]] = {}
        self._former = Former(store)
        self._cells = frozenset(store.cell_keys())

    def look_up(self, files: Mapping[Path, str]) -> None:
        """Look up, all at once, what is known of *files*, given with their hashes; `known` needs it.

        Raises `MetadataError` where a table about one of them is wrong.
        """
        for test in self._store.tests_of_raw(list(files.values())):
            self._by_raw.setdefault(test.raw.sha256, []).append(test)
        self._claims.look_up(files, {digest: {test.cell for test in tests} for digest, tests in self._by_raw.items()})
        # there without a test of their own: another one may have all of their rows
        self._kept = {d for d in files.values() if d not in self._by_raw and self._store.has_files(raw=[d], curves=[])}

    def enter(self, path: Path, test: Test, *, name: str | None = None) -> tuple[str, Test, State, list[Finding]]:
        """Enter one file: its sample, its cell, its test; all at once or, where it raises, nothing.

        One raw file is one test: a new reading of it (another reader or version, a repair, another mapping) replaces
        the one before. A longer export of the same test replaces the shorter one, whichever is added first; where that
        is a test of another cell, the file is of that cell unless somebody said otherwise. Returns the
        cell's key, the test as stored, what is new about it, and what was noticed. Findings about facts are those of
        now: those of an earlier time are dropped. *name* is the cell's name where nobody stated one. Raises
        `ConflictingMetadataError` if the same content is a test of another cell, or a newer export of it is, which
        is to be moved instead; `MetadataError` if a fact is impossible.
        """
        stated, named_by = self._claims.stated(path)
        self._store.require_files(test)
        left: set[str] = set()

        def work(things: Things) -> tuple[str, Test, State, list[Finding]]:
            place = self._place(things, path, test, stated, name or file_stem(path))
            left.update(gone.cell for gone in place.leaving)
            said, moved = self._said(things, path, test, place)
            findings = [f for each in moved for f in each.findings]
            anew = {of_file(present).kept_as for present in place.readings if present.metadata != test.metadata}
            said += [of_file(other) for other in things.tests(place.cell) if anew and other.raw != test.raw]
            tables, speakers = self._claims.tables, self._claims.speakers(path)
            findings += enter_facts(
                things, place.cell, said, tables, speakers=speakers, named_by=named_by, anew=anew, file=test.raw.sha256
            )
            there = self._as_it_is(things, test, place, findings)
            return there if there is not None else self._put(things, path, test, place, moved, findings)

        entered = self._store.change(work)
        self._came_from[test.raw.sha256] = left
        return entered

    def _place(self, things: Things, path: Path, test: Test, stated: str | None, name: str) -> Place:
        """Return the cell that the file is of: the one *stated*, else that of its test, else the one of its *name*.

        Raises `ConflictingMetadataError` if it is a test of another cell that must not be left.
        """
        readings = things.tests_of_raw([test.raw.sha256])
        # a copy under another name is the file that is known
        older = not readings and test.raw.sha256 in self._kept
        whole = things.test_standing_for(test.raw.sha256) if older else None
        export_of = None if readings or whole else self._other_export(things, test, stated or name)
        there = readings[0] if readings else whole or export_of
        place = Place(stated or (there.cell if there else name), readings, by_name=stated is None and there is None)
        place.leaving = [present for present in readings if present.cell != place.cell]
        others = [(present, f"{path.name} is a test") for present in place.leaving]
        if whole is not None and whole.cell != place.cell:
            others.append((whole, f"{path.name} is an older export of {whole.raw.name}, a test"))
        newer = export_of is not None and self._replaces(path, test, place.cell, export_of)
        if export_of is not None and export_of.cell != place.cell:
            others.append((export_of, f"{path.name} is another export of {export_of.raw.name}, a test"))
            place.leaving += [export_of] if newer else []
        elif export_of is not None and stated is None:
            place.said.append(stays(test, export_of, name, newer=newer))
        for other, what in others:
            leaves = other in place.leaving
            if leaves and (self._reassign or _unnamed(things, other)):
                continue
            # a test goes with the export that stands for it: an older one would be a second cell of the same test
            first = f"first lirich add {quoted(other.raw.name)} --cell {quoted(place.cell)} --reassign"
            raise ConflictingMetadataError(
                f"{what} of the cell {other.cell!r} already, not of {place.cell!r}",
                expected="one cell for each file",
                advice="Where the cell is renamed, or the file is of another one: "
                + ("add it with --reassign" if leaves else first),
            )
        return place

    def _replaces(self, path: Path, test: Test, cell: str, other: Test) -> bool:
        """Tell whether the file, as a test of *cell*, is the newer one of two exports and stands for the *other*."""
        said = {"cell": cell, "added_unix_second": self._now, "written_unix_second": _written(path)}
        return bool(exports_of(self._store, test.model_copy(update=said), [other]).parts)

    def _other_export(self, things: Things, test: Test, cell: str) -> Test | None:
        found = self._former.other_export(test, cell)
        return None if found is None else things.test(found.key)

    def _said(self, things: Things, path: Path, test: Test, place: Place) -> tuple[list[Entry], list[Carried]]:
        """Return all that is said of the cell, and what of it comes from the cells that the file leaves."""
        kept, known = things.tests(place.cell), things.find(Cell, place.cell)
        by_hand, of_table, of_file = self._claims.facts(place.cell, path, test, kept, known)
        said = [*by_hand, *of_table, *of_file]
        moved = carried(things, place.leaving, place.cell, said, self._claims.speakers(path))
        along = [entry for each in moved for entry in each.entries]
        by_hand += [entry for entry in along if entry.kept_as == BY_HAND]
        return [*by_hand, *of_table, *of_file, *(e for e in along if e.kept_as != BY_HAND)], moved

    def _as_it_is(
        self, things: Things, test: Test, place: Place, findings: Sequence[Finding]
    ) -> tuple[str, Test, State, list[Finding]] | None:
        """Return the entry of a reading that is there as it is, with the facts of now; ``None`` where none is."""
        back = test.raw.sha256 in self._lost  # it could not be compared with the others while it was
        for present in place.readings:
            if (present.key, present.cell) != (test.key, place.cell):
                continue
            if back and exports_of(self._store, present, things.tests(place.cell)) != Exports():
                continue
            kept = with_facts(present, findings)
            if kept != present:
                things.replace_test(kept)
            return place.cell, kept, "restored" if back else "known", [*findings, *_twins(things, kept)]
        return None

    def _put(
        self,
        things: Things,
        path: Path,
        test: Test,
        place: Place,
        moved: Sequence[Carried],
        facts: Sequence[Finding],
    ) -> tuple[str, Test, State, list[Finding]]:
        """Put the test where it belongs, in place of other readings and shorter exports; say what became of those."""
        key, readings = place.cell, place.readings
        doubts = move_segments(things, moved, key, self._came_from)
        before = next((p.added_unix_second for p in readings if p.key == test.key), None)
        written = min((t for t in (_written(path), *(p.written_unix_second for p in readings)) if t), default=None)
        entered = test.model_copy(
            update={"cell": key, "added_unix_second": before or self._now, "written_unix_second": written}
        )
        entered = with_facts(entered, facts)
        for present in readings:
            things.remove_test(present.key)
        there = things.tests(key)
        exports = exports_of(self._store, entered, [*there, *(gone for gone in place.leaving if gone not in readings)])
        alone = place.by_name and exports == Exports() and not goes_on(entered, there)
        said = [*facts, *([by_name_alone(entered, there)] if alone else []), *place.said]
        twins = _twins(things, entered)
        entered, whole = enter_exports(things, entered, exports, readings)
        for cell in {present.cell for present in place.leaving}:
            things.remove_empty_cell(cell, moved_to=key)
        for each in moved:
            settle_sample(things, each, key)
        by_hand = "; ".join(f"with what you said of {each.old}: {each.told}" for each in moved if each.told)
        other = [p for p in readings if (p.key, p.cell) != (entered.key, key) and (whole is None or p.cell != key)]
        again = [*(_read_again(present, entered, by_hand) for present in other), *told(entered, exports, by_hand)]
        if whole is not None:
            return key, whole, "older", [*said, *doubts, *again]
        same = any(present.key == entered.key for present in other)
        state: State = "moved" if same else "anew" if other else "longer" if exports.parts else "new"
        return key, entered, state, [*said, *twins, *doubts, *again]

    def waits(self, path: Path, test: Test) -> bool:
        """Tell whether a file that was read must wait until all are: its cell was there before, and may be left.

        So must an export of a test of another cell, which may come to that of the file.
        """
        cell = self._claims.cell_of(path) or file_stem(path)
        return cell in self._cells or test.raw.sha256 in self._kept or self._former.other_export(test, cell) is not None

    def leaves(self, path: Path, test: Test) -> Test | None:
        """Return the test of which the file, read now, is a longer export where it is said to be of another cell."""
        cell = self._claims.cell_of(path)
        other = None if cell is None else self._former.other_export(test, cell)
        return other if cell and other is not None and self._replaces(path, test, cell, other) else None

    def in_order(self, there: Iterable[tuple[Candidate, Test, Test | None]]) -> tuple[list[Move], list[Move]]:
        """Return known files in the order in which they are to be entered, and those that would go in circles.

        *there* has each with its test and, where it has grown, with what was read now.
        """
        moves = [
            Move(each, test, self._claims.cell_of(each.path) or test.cell, read=read) for each, test, read in there
        ]
        return in_order(moves, self._store.tests)

    def claim(self, path: Path, digest: str) -> tuple[str | None, bool]:
        """Return the cell that somebody said the file is of, and whether its content is known under this very name.

        No cell where nobody said one, or two rows do, which `enter` refuses.
        """
        known = any(test.raw.name == path.name for test in self._by_raw.get(digest, ()))
        return self._claims.cell_of(path), known

    def known(self, digests: Sequence[str], *, reader: str | None, repairs: Sequence[str]) -> Test | None:
        """Return the test that the file of these hashes (itself, its mappings) is already, repaired or not.

        ``None`` where it is new, or where another reader or a repair that it did not have is asked for.
        """
        from lirich.readers import readers

        for test in self._by_raw.get(digests[0], ()):
            if not _same(test, digests, reader) or not set(repairs) <= set(test.repairs):
                continue
            by = readers().get(test.reader)
            whole = self._store.has_files(raw=digests, curves=[test.curve])
            if not whole:
                self._lost.add(digests[0])
            elif by is not None and by.version == test.reader_version:
                return test
        return None

    def repaired(self, digests: Sequence[str], *, reader: str | None) -> list[str]:
        """Return the repairs of the file of these hashes as this reader read it before; none of another reading."""
        from lirich.readers import REPAIRS

        tests = [test for test in self._by_raw.get(digests[0], ()) if _same(test, digests, reader)]
        return list(dict.fromkeys(name for test in tests for name in test.repairs if name in REPAIRS))

    def mapping_given(self, digest: str) -> RawFile | None:
        """Return the mapping file that the file of this hash was added by, where one was given by hand."""
        for test in self._by_raw.get(digest, ()):
            for file in test.beside:
                if file.sha256 == test.mapping:
                    return file
        return None


def _same(test: Test, digests: Sequence[str], reader: str | None) -> bool:
    """Tell whether a test is of the file and the mappings of these hashes, read by *reader* where one is asked for."""
    hashes = [test.raw.sha256, *(file.sha256 for file in test.beside)]
    return hashes == list(digests) and reader in (None, test.reader)


def _written(path: Path) -> float | None:
    """Return the time of the file itself; ``None`` where it is gone since it was read."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _unnamed(things: Things, test: Test) -> bool:
    """Tell whether nobody chose the name of the test's cell: it is the file's, and gives way to one that is stated."""
    cell = things.find(Cell, test.cell)
    of_file = (file_stem(Path(test.raw.name)), without_counter(Path(test.raw.name)))
    return composed(test.cell) in of_file and (cell is None or NAME not in cell.sources)


def _twins(things: Things, test: Test) -> list[Finding]:
    others = [twin for twin in things.tests_of_curve(test.curve) if twin.raw.sha256 != test.raw.sha256]
    return twin_findings([*others[:1], test])


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

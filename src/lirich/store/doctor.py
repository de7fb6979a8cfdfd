"""The doctor: is what the catalogue speaks of there, and is it still what it was."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from lirich.errors import CorruptStoreError
from lirich.model import Cell, Finding, Frozen, Sample, Severity, Test, Value
from lirich.model.spectra import NEEDED
from lirich.model.table import VOLTAGE
from lirich.store import catalogue, curves, files
from lirich.store.documents import load
from lirich.store.engine import Database
from lirich.store.records import Analysis, ModelRecord

_AGAIN = {
    "raw": "Add the raw file again to bring its content back",
    "curve": "Add the raw file again to bring its points back; 'lirich analyse' makes the table of an analysis again",
    "model": "Learn the model again",
}
_KINDS: dict[str, type[Frozen]] = {
    "sample": Sample,
    "cell": Cell,
    "test": Test,
    "analysis": Analysis,
    "value": Value,
    "model": ModelRecord,
}
_HASHERS: dict[str, Callable[[Path], str]] = {
    "raw": files.hash_file,
    "curve": curves.hash_curve_file,
    "model": files.hash_file,
}


def check(root: Path, database: Database, shelves: Mapping[str, files.Shelf], *, hashes: bool) -> list[Finding]:
    """Return what is wrong with the workspace, the worst first; *shelves* are ``raw``, ``curve`` and ``model``.

    Codes: ``catalogue-damaged``, ``unreadable-record``, ``raw-missing``, ``raw-damaged``, ``curve-missing``,
    ``curve-damaged``, ``model-missing``, ``model-damaged`` (errors); ``missing-sample``, ``analysis-without-test``
    (warnings); ``orphan-raw``, ``orphan-curve``, ``orphan-model``, ``leftover-temporary``, ``stray-file``
    (information).
    """
    try:
        damage = [_catalogue_damaged(f"SQLite reports: {problem}") for problem in catalogue.integrity(database)]
        told = database.read(lambda connection: _Told.of(catalogue.documents(connection)))
    except CorruptStoreError as error:
        # without the records, nothing can be said of what is missing or unused
        broken = _examined(root, shelves, {}, hashes=hashes)
        return [_catalogue_damaged(error.found), *(f for f in broken if f.severity is Severity.ERROR)]
    findings = [
        *damage,
        *told.unreadable,
        *_examined(root, shelves, told.files, hashes=hashes),
        *_loose_ends(told),
    ]
    return sorted(findings, key=lambda f: (_RANK[f.severity], f.code, f.where))


def mend(root: Path, database: Database, shelves: Mapping[str, files.Shelf]) -> list[Finding]:
    """Set damaged files aside, remove stale temporary files and tables of replaced analyses.

    Such a table is removed where nothing refers to it and nobody has written it for a day (`files.STALE_SECOND`): it is
    made again by analysing. Returns what was done, then what remains.
    """
    done = []
    for name, shelf in shelves.items():
        for digest, path in list(shelf.files()):
            if digest is not None and not _sound(_HASHERS[name], path, digest):
                moved = shelf.set_aside(path, root / "damaged")
                done.append(
                    Finding(
                        code=f"{name}-set-aside",
                        severity=Severity.INFO,
                        message=f"The damaged {name} {digest[:12]}… was moved to {moved.relative_to(root)}",
                        advice=_AGAIN[name],
                        where=str(path.relative_to(root)),
                    )
                )
        swept = shelf.sweep()
        if swept:
            done.append(
                Finding(
                    code="temporary-removed",
                    severity=Severity.INFO,
                    message=f"{swept} temporary file(s) of interrupted writes were removed",
                    where=str((shelf.root / files.INCOMING).relative_to(root)),
                )
            )
    return done + _remove_results(root, database, shelves["curve"]) + check(root, database, shelves, hashes=False)


def _remove_results(root: Path, database: Database, shelf: files.Shelf) -> list[Finding]:
    if not any(_is_result(path) for path in _unused(shelf, database.read(_references))):
        return []
    removed: set[Path] = set()

    def work(connection: Connection) -> None:  # nobody else writes meanwhile, so that nobody begins to refer to one
        for path in filter(_is_result, _unused(shelf, _references(connection))):
            with contextlib.suppress(PermissionError):  # in a folder of another user: `check` says that it is there
                path.unlink(missing_ok=True)
                removed.add(path)

    database.write(work)
    if not removed:
        return []
    return [
        Finding(
            code="results-removed",
            severity=Severity.INFO,
            message=f"{len(removed)} table(s) of analyses that were replaced were removed",
            where=str(shelf.root.relative_to(root)),
        )
    ]


def _references(connection: Connection) -> frozenset[str] | None:
    """Return the curves that a test or an analysis refers to; ``None`` where a record cannot be read."""
    told = _Told.of(catalogue.documents(connection, ("test", "analysis")))
    return None if told.unreadable else frozenset(told.files["curve"])


def _unused(shelf: files.Shelf, used: frozenset[str] | None) -> Iterable[Path]:
    """Yield the files that are not *used* and that no living write can own; none where it is not known which are."""
    limit = time.time() - files.STALE_SECOND
    for digest, path in shelf.files() if used is not None else ():
        if digest is not None and used is not None and digest not in used:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime <= limit:
                    yield path


def _is_result(path: Path) -> bool:
    """Tell whether a curve is a table of an analysis, which can be made again, and not the points of a test."""
    try:
        names = curves.column_names(path)
    except CorruptStoreError:
        return False
    return VOLTAGE not in names and not set(NEEDED) <= set(names)


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(slots=True)
class _Told:
    """What the records speak of. The records themselves, values above all, are too many to be held at once."""

    unreadable: list[Finding] = field(default_factory=list)
    files: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in _HASHERS})
    """Per shelf the digests that are wanted, and by whom."""
    samples: set[str] = field(default_factory=set)
    sample_of_cell: dict[str, str] = field(default_factory=dict)
    tests: set[str] = field(default_factory=set)
    tests_of_analysis: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[tuple[str, str, str]]) -> _Told:
        """Read (table, name, text) one by one."""
        told = cls()
        for table, name, document in documents:
            try:
                told._take(load(_KINDS[table], document))
            except CorruptStoreError as error:
                told.unreadable.append(
                    Finding(
                        code="unreadable-record",
                        severity=Severity.ERROR,
                        message=error.found,
                        advice=error.advice,
                        where=f"{table} {name}",
                    )
                )
        return told

    def _take(self, record: Frozen) -> None:
        if isinstance(record, Sample):
            self.samples.add(record.key)
        elif isinstance(record, Cell) and record.sample is not None:
            self.sample_of_cell[record.key] = record.sample
        elif isinstance(record, Test):
            name = f"test {record.key[:12]} of cell {record.cell}"
            self.tests.add(record.key)
            self.files["raw"].update((file.sha256, f"{name} ({file.name})") for file in record.files)
            self.files["curve"][record.curve] = f"{name} ({record.raw.name})"
        elif isinstance(record, ModelRecord):
            self.files["model"][record.sha256] = f"model {record.name}"
        elif isinstance(record, Analysis):
            self.tests_of_analysis[record.cell, record.run] = record.tests
            for key in record.curves:
                self.files["curve"].setdefault(key, f"analysis of cell {record.cell}, run {record.run}")


def _examined(
    root: Path, shelves: Mapping[str, files.Shelf], wanted: Mapping[str, dict[str, str]], *, hashes: bool
) -> list[Finding]:
    return [
        finding
        for name, shelf in shelves.items()
        for finding in _shelf(root, shelf, name, wanted.get(name, {}), _HASHERS[name] if hashes else None)
    ]


def _shelf(
    root: Path,
    shelf: files.Shelf,
    name: str,
    wanted: dict[str, str],
    hasher: Callable[[Path], str] | None,
) -> Iterable[Finding]:
    there = set()
    for digest, path in shelf.files():
        where = str(path.relative_to(root))
        if digest is None:
            yield _info("stray-file", f"{where} is not of lirich", "Move it elsewhere", where)
            continue
        there.add(digest)
        if hasher is not None and not _sound(hasher, path, digest):
            yield Finding(
                code=f"{name}-damaged",
                severity=Severity.ERROR,
                message=f"{where} has not the content it was stored with: {wanted.get(digest, 'not used')}",
                advice=f"Run 'lirich doctor --mend'. {_AGAIN[name]}",
                repair="set-aside",
                where=where,
            )
        elif digest not in wanted and name == "curve" and _is_result(path):
            yield Finding(
                code="orphan-curve",
                severity=Severity.INFO,
                message=f"{where} is a table of an analysis that was replaced: nothing uses it",
                advice="'lirich doctor --mend' removes it, once it is a day old",
                repair="remove",
                where=where,
            )
        elif digest not in wanted:
            yield _info(f"orphan-{name}", f"{where} is used by nothing", "It may stay; adding goes on from it", where)
    for digest, user in sorted(wanted.items()):
        if digest not in there:
            yield Finding(
                code=f"{name}-missing",
                severity=Severity.ERROR,
                message=f"The {name} file {digest[:12]}… is gone: {user}",
                advice=f"{_AGAIN[name]}, or restore it from a backup",
                where=f"{shelf.root.name}/{digest[:2]}/{digest}",
            )
    for path in shelf.temporaries():
        where = str(path.relative_to(root))
        yield _info(
            "leftover-temporary",
            f"{where} is of an interrupted or running write",
            "It is removed after a day",
            where,
        )


def _loose_ends(told: _Told) -> Iterable[Finding]:
    for cell, sample in told.sample_of_cell.items():
        if sample not in told.samples:
            yield Finding(
                code="missing-sample",
                message=f"Cell {cell} is of sample {sample}, of which nothing is known",
                advice="Describe the sample in cells.csv",
                where=f"cell {cell}",
            )
    for (cell, run), tests in told.tests_of_analysis.items():
        if not told.tests.issuperset(tests):
            yield Finding(
                code="analysis-without-test",
                message=f"The analysis of cell {cell}, run {run}, rests on absent tests",
                advice="Analyse the cell again",
                where=f"analysis {cell}",
            )


def _sound(hasher: Callable[[Path], str], path: Path, digest: str) -> bool:
    try:
        return hasher(path) == digest
    except (CorruptStoreError, OSError):
        return False


def _catalogue_damaged(message: str) -> Finding:
    return Finding(
        code="catalogue-damaged",
        severity=Severity.ERROR,
        message=message,
        advice="Restore the catalogue from a backup; raw files and curves beside it are untouched",
        where="catalogue.sqlite",
    )


def _info(code: str, message: str, advice: str, where: str) -> Finding:
    return Finding(code=code, severity=Severity.INFO, message=message, advice=advice, where=where)

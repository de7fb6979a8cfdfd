"""The doctor: is what the catalogue speaks of there, and is it still what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from lirich.errors import CorruptStoreError
from lirich.model import Cell, Finding, Frozen, Sample, Severity, Test, Value
from lirich.store import catalogue, curves, files
from lirich.store.documents import load
from lirich.store.engine import Database
from lirich.store.records import Analysis

_READD = "Run 'lirich doctor --mend', then add the raw file again"
_KINDS: dict[str, type[Frozen]] = {
    "sample": Sample,
    "cell": Cell,
    "test": Test,
    "analysis": Analysis,
    "value": Value,
}


def check(root: Path, database: Database, raw: files.Shelf, curve: files.Shelf, *, hashes: bool) -> list[Finding]:
    """Return what is wrong with the workspace, the worst first.

    Codes: ``catalogue-damaged``, ``unreadable-record``, ``raw-missing``, ``raw-damaged``, ``curve-missing``,
    ``curve-damaged`` (errors); ``missing-sample``, ``analysis-without-test`` (warnings); ``orphan-raw``,
    ``orphan-curve``, ``leftover-temporary``, ``stray-file`` (information).
    """
    try:
        damage = [_catalogue_damaged(f"SQLite reports: {problem}") for problem in catalogue.integrity(database)]
        records, unreadable = _records(database)
    except CorruptStoreError as error:
        # without the records, nothing can be said of what is missing or unused
        broken = [
            *_shelf(root, raw, "raw", {}, files.hash_file if hashes else None),
            *_shelf(root, curve, "curve", {}, curves.hash_curve_file if hashes else None),
        ]
        return [_catalogue_damaged(error.found), *(f for f in broken if f.severity is Severity.ERROR)]
    tests = [t for t in records["test"] if isinstance(t, Test)]
    analyses = [a for a in records["analysis"] if isinstance(a, Analysis)]
    wanted_raw = {
        file.sha256: f"test {t.key[:12]} of cell {t.cell} ({file.name})" for t in tests for file in (t.raw, *t.beside)
    }
    wanted_curves = {
        key: f"analysis of cell {a.cell}, run {a.run}"
        for a in analyses
        for key in (a.steps_curve, a.cycles_curve)
        if key is not None
    } | {t.curve: f"test {t.key[:12]} of cell {t.cell} ({t.raw.name})" for t in tests}
    findings = [
        *damage,
        *unreadable,
        *_shelf(root, raw, "raw", wanted_raw, files.hash_file if hashes else None),
        *_shelf(root, curve, "curve", wanted_curves, curves.hash_curve_file if hashes else None),
        *_loose_ends(records, tests, analyses),
    ]
    return sorted(findings, key=lambda f: (_RANK[f.severity], f.code, f.where))


def mend(root: Path, database: Database, raw: files.Shelf, curve: files.Shelf) -> list[Finding]:
    """Set damaged files aside and remove stale temporary files; return what was done, then what remains."""
    done = []
    for shelf, name, hasher in ((raw, "raw", files.hash_file), (curve, "curve", curves.hash_curve_file)):
        for digest, path in list(shelf.files()):
            if digest is not None and not _sound(hasher, path, digest):
                moved = shelf.set_aside(path, root / "damaged")
                done.append(
                    Finding(
                        code=f"{name}-set-aside",
                        severity=Severity.INFO,
                        message=f"The damaged {name} {digest[:12]}… was moved to {moved.relative_to(root)}",
                        advice="Add the raw file again to bring its content back",
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
    return done + check(root, database, raw, curve, hashes=False)


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def _records(database: Database) -> tuple[dict[str, list[Frozen]], list[Finding]]:
    records: dict[str, list[Frozen]] = {}
    findings = []
    for name, documents in database.read(catalogue.documents).items():
        read = records.setdefault(name, [])
        for key, document in documents:
            try:
                read.append(load(_KINDS[name], document))
            except CorruptStoreError as error:
                findings.append(
                    Finding(
                        code="unreadable-record",
                        severity=Severity.ERROR,
                        message=error.found,
                        advice=error.advice,
                        where=f"{name} {key}",
                    )
                )
    return records, findings


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
                advice=_READD,
                repair="set-aside",
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
                advice="Add the raw file again, or restore it from a backup",
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


def _loose_ends(records: dict[str, list[Frozen]], tests: list[Test], analyses: list[Analysis]) -> Iterable[Finding]:
    samples = {s.key for s in records["sample"] if isinstance(s, Sample)}
    for cell in records["cell"]:
        if isinstance(cell, Cell) and cell.sample is not None and cell.sample not in samples:
            yield Finding(
                code="missing-sample",
                message=f"Cell {cell.key} is of sample {cell.sample}, of which nothing is known",
                advice="Describe the sample in cells.csv",
                where=f"cell {cell.key}",
            )
    keys = {t.key for t in tests}
    for analysis in analyses:
        if not keys.issuperset(analysis.tests):
            yield Finding(
                code="analysis-without-test",
                message=f"The analysis of cell {analysis.cell}, run {analysis.run}, rests on absent tests",
                advice="Analyse the cell again",
                where=f"analysis {analysis.cell}",
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

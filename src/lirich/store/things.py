"""What a lab has and says: samples and cells with their history, tests, corrections; inside one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from lirich.errors import ConflictingMetadataError, InputError, UnknownNameError
from lirich.model import Cell, Sample, Test, canonical_json
from lirich.store import schema as s
from lirich.store.documents import dump, json_object, load, natural, plain
from lirich.store.engine import Database
from lirich.store.queries import in_parts, replace_row, require
from lirich.store.records import Analysis, CorrectionRecord, FactVersion
from lirich.store.results import drop_analysis

F = TypeVar("F", Sample, Cell)
T = TypeVar("T")

_LOCK = 0x6C697270  # "lirp": the number of PostgreSQL's advisory lock for changes


def change(database: Database, work: Callable[[Things], T]) -> T:
    """Run *work* in one transaction, alone: what it reads is still so when it writes."""

    def alone(connection: Connection) -> T:
        if not database.is_sqlite:  # on SQLite one process writes anyway
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        return work(Things(connection))

    return database.write(alone)


_REMOVED = "null"
"""What stands in the history where a cell was removed, in place of its facts; its new name, as JSON, where it moved."""


class Things:
    """Samples, cells, tests and corrections as one transaction sees and changes them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- facts ----------------------------------------------------------------------------------------------

    def put(self, fact: Sample | Cell) -> None:
        """Insert or replace a sample or cell; a changed state is added to its history."""
        table, document = _table(type(fact)), dump(fact)
        present = self._connection.execute(select(table.c.document).where(table.c.key == fact.key)).scalar()
        if present == document:
            return
        row: dict[str, Any] = {"key": fact.key, "document": document}
        if isinstance(fact, Cell):
            row["sample"] = fact.sample
        replace_row(self._connection, table, row)
        self._remember(table.name, fact.key, document)

    def _remember(self, kind: str, key: str, document: str) -> None:
        """Add a state to the history of a sample or cell, where it differs from the newest there."""
        h = s.fact_history
        newest = self._connection.execute(
            select(h.c.number, h.c.document)
            .where(h.c.kind == kind, h.c.key == key)
            .order_by(h.c.number.desc())
            .limit(1)
        ).first()
        if newest is None or newest.document != document:
            self._connection.execute(
                insert(h).values(
                    kind=kind,
                    key=key,
                    number=1 if newest is None else newest.number + 1,
                    unix_second=time.time(),
                    document=document,
                )
            )

    def all(self, kind: type[F]) -> dict[str, F]:
        """Return all samples or cells by key, in natural order of the keys."""
        table = _table(kind)
        rows = self._connection.execute(select(table.c.key, table.c.document)).all()
        return {row.key: load(kind, row.document) for row in sorted(rows, key=lambda row: natural(row.key))}

    def keys(self, kind: type[F]) -> list[str]:
        """Return the keys of all samples or cells in natural order."""
        return sorted(self._connection.execute(select(_table(kind).c.key)).scalars(), key=natural)

    def find(self, kind: type[F], key: str) -> F | None:
        """Return one sample or cell, or ``None``."""
        table = _table(kind)
        document = self._connection.execute(select(table.c.document).where(table.c.key == plain(key))).scalar()
        return None if document is None else load(kind, document)

    def one(self, kind: type[F], key: str) -> F:
        """Return one sample or cell. Raises `UnknownNameError` with near names."""
        found = self.find(kind, key)
        if found is None:
            raise UnknownNameError.of(_table(kind).name, key, self.keys(kind))
        return found

    def history(self, kind: type[F], key: str) -> list[FactVersion]:
        """Return every state of a sample or cell, oldest first; of one that was removed too.

        Raises `UnknownNameError` where there never was one.
        """
        h = s.fact_history
        query = select(h).where(h.c.kind == _table(kind).name, h.c.key == plain(key)).order_by(h.c.number)
        rows = self._connection.execute(query).all()
        if not rows:
            self.one(kind, key)
        return [
            FactVersion(
                number=r.number,
                unix_second=r.unix_second,
                fact=load(kind, r.document) if r.document.startswith("{") else None,
                moved_to=str(json.loads(r.document)) if r.document.startswith('"') else None,
            )
            for r in rows
        ]

    def former_names(self, key: str, until: float = inf) -> dict[str, float]:
        """Return the names that a cell had before it was moved to *key*, each with the last time of that, s.

        Only what was *until* then, s, counts.
        """
        h = s.fact_history
        query = select(h.c.key, func.max(h.c.unix_second).label("when"))
        query = query.where(h.c.kind == s.cell.name, h.c.document == json.dumps(plain(key)))
        if until < inf:
            query = query.where(h.c.unix_second <= until)
        return {row.key: row.when for row in self._connection.execute(query.group_by(h.c.key))}

    # --- tests ----------------------------------------------------------------------------------------------

    def put_test(self, test: Test) -> bool:
        """Insert *test*, whose files are there; ``False`` where it is there already.

        Raises `UnknownNameError` where its cell is not in the catalogue, `ConflictingMetadataError` where the
        same raw file is there as a test of another cell.
        """
        t = s.test
        there = self._connection.execute(select(t.c.cell).where(t.c.key == test.key)).scalar()
        if there is not None:
            if there != test.cell:
                raise ConflictingMetadataError(
                    f"{test.raw.name} was added before as a test of cell {there!r}, now of {test.cell!r}",
                    advice="Remove that test first, or correct the name of the cell",
                )
            return False
        require(self._connection, s.cell, [test.cell])
        self._connection.execute(
            insert(t).values(
                key=test.key,
                cell=test.cell,
                raw_sha256=test.raw.sha256,
                curve=test.curve,
                document=dump(test),
            )
        )
        return True

    def replace_test(self, test: Test) -> None:
        """Replace what is kept of a test that is there, such as its findings. Raises `UnknownNameError`."""
        t = s.test
        require(self._connection, t, [test.key])
        self._connection.execute(update(t).where(t.c.key == test.key).values(document=dump(test)))

    def test(self, key: str) -> Test | None:
        """Return one test, or ``None``."""
        document = self._connection.execute(select(s.test.c.document).where(s.test.c.key == plain(key))).scalar()
        return None if document is None else load(Test, document)

    def tests(self, cell: str | None = None) -> list[Test]:
        """Return the tests (of one cell) by cell and time."""
        query = select(s.test.c.document)
        if cell is not None:
            query = query.where(s.test.c.cell == plain(cell))
        return sorted((load(Test, d) for d in self._connection.execute(query).scalars()), key=_test_order)

    def tests_of_raw(self, digests: Sequence[str]) -> list[Test]:
        """Return the tests that were read from these raw files, by cell and time."""
        t = s.test
        rows = in_parts(self._connection, t.c.raw_sha256, digests, t.c.document)
        return sorted((load(Test, row.document) for row in rows), key=_test_order)

    def tests_of_curve(self, curve: str) -> list[Test]:
        """Return the tests whose table is the curve of that hash, by cell and time."""
        rows = self._connection.execute(select(s.test.c.document).where(s.test.c.curve == plain(curve))).scalars()
        return sorted((load(Test, document) for document in rows), key=_test_order)

    def test_standing_for(self, digest: str) -> Test | None:
        """Return the test that has all rows of the raw file of that hash and replaced its own, if one did."""
        query = select(s.test.c.document).where(s.test.c.document.contains(plain(digest)))
        tests = (load(Test, document) for document in self._connection.execute(query).scalars())
        return next((t for t in tests if any(f.sha256 == digest for f in t.replaces)), None)

    def remove_empty_cell(self, key: str, *, moved_to: str | None = None) -> bool:
        """Remove a cell that has no test; its history says so, and what its files' cell is now (*moved_to*).

        ``False`` where it has a test, or is not there.
        """
        t = s.test
        if self._connection.execute(select(t.c.key).where(t.c.cell == plain(key)).limit(1)).first():
            return False
        return self._drop_cell(key, _REMOVED if moved_to is None else json.dumps(moved_to))

    def _drop_cell(self, key: str, document: str = _REMOVED) -> bool:
        gone = self._connection.execute(delete(s.cell).where(s.cell.c.key == key)).rowcount > 0
        if gone:
            self._remember(s.cell.name, key, document)
        return gone

    def remove_cell(self, key: str) -> None:
        """Remove a cell with its tests and analyses; its corrections are withdrawn, its history stays and says so.

        Raises `UnknownNameError`.
        """
        t, a = s.test, s.analysis
        self.one(Cell, key)
        self.clear_corrections(key)
        for run in self._connection.execute(select(a.c.run).where(a.c.cell == key)).scalars().all():
            drop_analysis(self._connection, key, run)
        self._connection.execute(delete(t).where(t.c.cell == key))
        self._drop_cell(key)

    def remove_test(self, key: str) -> None:
        """Remove a test, and the analyses that rest on it. Raises `UnknownNameError`."""
        t, a = s.test, s.analysis
        cell = self._connection.execute(select(t.c.cell).where(t.c.key == plain(key))).scalar()
        if cell is None:
            raise UnknownNameError.of("test", key, self._connection.execute(select(t.c.key)).scalars())
        self._connection.execute(delete(t).where(t.c.key == key))
        for row in self._connection.execute(select(a.c.run, a.c.document).where(a.c.cell == cell)).all():
            if key in load(Analysis, row.document).tests:
                drop_analysis(self._connection, cell, row.run)

    # --- corrections ----------------------------------------------------------------------------------------

    def put_correction(self, cell: str, correction: dict[str, Any]) -> int:
        """Add a correction after the others of the cell; return its number."""
        k = s.correction
        try:
            document = canonical_json(correction)
            document.encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"The correction is no JSON object: {error}") from error
        require(self._connection, s.cell, [cell])
        number = (self._connection.execute(select(func.max(k.c.number)).where(k.c.cell == cell)).scalar() or 0) + 1
        self._connection.execute(
            insert(k).values(cell=cell, number=number, created_unix_second=time.time(), document=document)
        )
        return number

    def corrections(self, cell: str | None = None, *, cleared: bool = False) -> list[CorrectionRecord]:
        """Return the corrections (of one cell) in their order; with *cleared*, also those withdrawn."""
        k = s.correction
        query = select(k)
        if cell is not None:
            query = query.where(k.c.cell == plain(cell))
        if not cleared:
            query = query.where(k.c.cleared_unix_second.is_(None))
        records = [
            CorrectionRecord(
                cell=r.cell,
                number=r.number,
                correction=json_object(r.document),
                created_unix_second=r.created_unix_second,
                cleared_unix_second=r.cleared_unix_second,
            )
            for r in self._connection.execute(query)
        ]
        return sorted(records, key=lambda r: (natural(r.cell), r.number))

    def clear_corrections(self, cell: str) -> int:
        """Withdraw the corrections of a cell; they stay in the log. Returns how many there were."""
        k = s.correction
        require(self._connection, s.cell, [cell])
        done = self._connection.execute(
            update(k).where(k.c.cell == cell, k.c.cleared_unix_second.is_(None)).values(cleared_unix_second=time.time())
        )
        return int(done.rowcount)


def _table(kind: type[Sample] | type[Cell]) -> Table:
    return s.cell if kind is Cell else s.sample


def _test_order(test: Test) -> tuple[Any, ...]:
    start = test.start_unix_second
    cycle = test.first_cycle_count
    return (
        natural(test.cell),
        start is None,
        start or 0.0,
        natural(test.raw.name),
        cycle is None,
        cycle or 0,
        test.key,
    )

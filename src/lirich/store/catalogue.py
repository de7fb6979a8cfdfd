"""The catalogue: records in, records out; one transaction per call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, text, update

from lirich.errors import (
    ConflictingMetadataError,
    InputError,
    StoreError,
    UnknownNameError,
    WorkspaceVersionError,
)
from lirich.model import Cell, Sample, Test, Value, canonical_json, content_hash
from lirich.quantities import quantity as known_quantity
from lirich.store import schema as s
from lirich.store.documents import (
    Names,
    dump,
    json_object,
    listed,
    load,
    natural,
    plain,
    stored_value,
    value_rows,
)
from lirich.store.engine import Database
from lirich.store.migrations import NEWEST, migrate, version
from lirich.store.records import Analysis, CorrectionRecord, FactVersion

F = TypeVar("F", Sample, Cell)

_LOCK = 0x6C697269  # "liri": the number of PostgreSQL's advisory lock for migrations
_MANY = 500  # names per IN clause; SQLite allows 32766 variables


class Catalogue:
    """The records of one workspace."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- schema ---------------------------------------------------------------------------------------------

    def version(self) -> int:
        """Return the number of the newest migration of the database; 0 where it is empty."""
        return self.database.read(version)

    def prepare(self) -> list[int]:
        """Bring the database to the present schema and mark it as this workspace's; return what was applied.

        Raises `WorkspaceVersionError` for a database of a newer lirich and `StoreError` for another
        workspace's.
        """
        settings = self.database.settings

        def work(connection: Connection) -> list[int]:
            if not self.database.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            if version(connection) > NEWEST:
                raise newer(version(connection))
            applied = migrate(connection)
            owner = connection.execute(select(s.workspace.c.id, s.workspace.c.name)).first()
            if owner is None:
                connection.execute(insert(s.workspace).values(id=settings.id, name=settings.name))
            elif owner.id != settings.id:
                raise StoreError(
                    f"The database {settings.database} belongs to another workspace, {owner.name!r}",
                    advice="Give each workspace a database or schema of its own, or open that workspace",
                )
            return applied

        return self.database.write(work)

    # --- facts ----------------------------------------------------------------------------------------------

    def put_fact(self, table: Table, fact: Sample | Cell) -> None:
        """Insert or replace a sample or cell; a changed state is added to its history."""
        document = dump(fact)
        row: dict[str, Any] = {"key": fact.key, "document": document}
        if isinstance(fact, Cell):
            row["sample"] = fact.sample
        h = s.fact_history

        def work(connection: Connection) -> None:
            present = connection.execute(select(table.c.document).where(table.c.key == fact.key)).scalar()
            if present == document:
                return
            self.database.insert_or_replace(connection, table, row)
            mine = (h.c.kind == table.name) & (h.c.key == fact.key)
            newest = connection.execute(
                select(h.c.number, h.c.document).where(mine).order_by(h.c.number.desc()).limit(1)
            ).first()
            if newest is None or newest.document != document:
                connection.execute(
                    insert(h).values(
                        kind=table.name,
                        key=fact.key,
                        number=1 if newest is None else newest.number + 1,
                        unix_second=time.time(),
                        document=document,
                    )
                )

        self.database.write(work)

    def facts(self, table: Table, kind: type[F]) -> dict[str, F]:
        """Return all samples or cells by key, in natural order of the keys."""
        rows = self.database.read(lambda c: c.execute(select(table.c.key, table.c.document)).all())
        return {row.key: load(kind, row.document) for row in sorted(rows, key=lambda row: natural(row.key))}

    def fact(self, table: Table, kind: type[F], key: str) -> F:
        """Return one sample or cell. Raises `UnknownNameError` with near names."""

        def work(connection: Connection) -> str | list[str]:
            found = connection.execute(select(table.c.document).where(table.c.key == plain(key))).scalar()
            return found if found is not None else list(connection.execute(select(table.c.key)).scalars())

        found = self.database.read(work)
        if isinstance(found, list):
            raise UnknownNameError.of(table.name, key, found)
        return load(kind, found)

    def history(self, table: Table, kind: type[F], key: str) -> list[FactVersion]:
        """Return every state of a sample or cell, oldest first."""
        self.fact(table, kind, key)
        h = s.fact_history
        query = select(h).where(h.c.kind == table.name, h.c.key == key).order_by(h.c.number)
        rows = self.database.read(lambda c: c.execute(query).all())
        return [FactVersion(number=r.number, unix_second=r.unix_second, fact=load(kind, r.document)) for r in rows]

    # --- tests ----------------------------------------------------------------------------------------------

    def put_test(self, test: Test) -> bool:
        """Insert *test*; ``False`` where it is there already.

        Raises `UnknownNameError` where its cell is not in the catalogue, `ConflictingMetadataError` where the
        same raw file is there as a test of another cell.
        """
        t = s.test
        document = dump(test)

        def work(connection: Connection) -> bool:
            there = connection.execute(select(t.c.cell).where(t.c.key == test.key)).scalar()
            if there is not None:
                if there != test.cell:
                    raise ConflictingMetadataError(
                        f"{test.raw.name} was added before as a test of cell {there!r}, now of {test.cell!r}",
                        advice="Remove that test first, or correct the name of the cell",
                    )
                return False
            require(connection, s.cell, "cell", [test.cell])
            connection.execute(
                insert(t).values(
                    key=test.key,
                    cell=test.cell,
                    raw_sha256=test.raw.sha256,
                    curve=test.curve,
                    document=document,
                )
            )
            return True

        return self.database.write(work)

    def tests(self, cell: str | None = None) -> list[Test]:
        """Return the tests (of one cell) by cell and time."""
        t = s.test
        query = select(t.c.document)
        if cell is not None:
            query = query.where(t.c.cell == plain(cell))
        rows = self.database.read(lambda c: c.execute(query).scalars().all())
        return sorted((load(Test, d) for d in rows), key=_test_order)

    def tests_of_raw(self, digests: Sequence[str]) -> list[Test]:
        """Return the tests that were read from these raw files."""
        t = s.test
        rows = self.database.read(lambda c: _in_parts(c, t.c.raw_sha256, digests, t.c.document))
        return sorted((load(Test, row.document) for row in rows), key=_test_order)

    def remove_empty_cell(self, key: str) -> bool:
        """Remove a cell that has no test; its history stays. ``False`` where it has one, or is not there."""

        def work(connection: Connection) -> bool:
            if connection.execute(select(s.test.c.key).where(s.test.c.cell == plain(key)).limit(1)).first():
                return False
            return connection.execute(delete(s.cell).where(s.cell.c.key == plain(key))).rowcount > 0

        return self.database.write(work)

    def remove_test(self, key: str) -> None:
        """Remove a test, and the analyses that rest on it. Raises `UnknownNameError`."""
        t, a = s.test, s.analysis

        def work(connection: Connection) -> None:
            cell = connection.execute(select(t.c.cell).where(t.c.key == plain(key))).scalar()
            if cell is None:
                raise UnknownNameError.of("test", key, connection.execute(select(t.c.key)).scalars())
            connection.execute(delete(t).where(t.c.key == key))
            for row in connection.execute(select(a.c.run, a.c.document).where(a.c.cell == cell)).all():
                if key in load(Analysis, row.document).tests:
                    _drop_analysis(connection, cell, row.run)

        self.database.write(work)

    # --- analyses and values --------------------------------------------------------------------------------

    def put_analyses(self, analyses: Sequence[Analysis], *, whole_cell: str | None = None) -> None:
        """Replace the analyses of the same cell and run; with *whole_cell*, all others of that cell go too.

        Raises `UnknownNameError` where a cell or test is not in the catalogue.
        """
        prepared = [
            (a, dump(a.model_copy(update={"values": ()})), value_rows(_owner(a.cell, a.run), a.values))
            for a in sorted(analyses, key=lambda a: (a.cell, a.run))  # one order of locks for everybody
        ]

        def work(connection: Connection) -> None:
            if whole_cell is not None:
                require(connection, s.cell, "cell", [whole_cell])
                runs = select(s.analysis.c.run).where(s.analysis.c.cell == whole_cell)
                for run in set(connection.execute(runs).scalars()) - {a.run for a in analyses}:
                    _drop_analysis(connection, whole_cell, run)
            for analysis, document, rows in prepared:
                require(connection, s.cell, "cell", [analysis.cell])
                require(connection, s.test, "test", analysis.tests)
                row = {"cell": analysis.cell, "run": analysis.run, "key": analysis.key, "document": document}
                self.database.insert_or_replace(connection, s.analysis, row)
                _replace_values(connection, _owner(analysis.cell, analysis.run), rows)

        self.database.write(work)

    def remove_analyses(self, cell: str) -> None:
        """Remove all analyses of a cell with their values. Raises `UnknownNameError` on the cell."""
        self.put_analyses([], whole_cell=cell)

    def analysis_keys(self) -> dict[tuple[str, int], str]:
        """Return the key of every analysis by cell and run."""
        a = s.analysis
        rows = self.database.read(lambda connection: connection.execute(select(a.c.cell, a.c.run, a.c.key)).all())
        return {(r.cell, r.run): r.key for r in sorted(rows, key=lambda r: (natural(r.cell), r.run))}

    def drop_runs(self, cell: str, keep: int) -> None:
        """Remove the analyses of a cell from run number *keep* on, with their values."""
        a = s.analysis

        def work(connection: Connection) -> None:
            runs = select(a.c.run).where(a.c.cell == plain(cell), a.c.run >= keep)
            for run in connection.execute(runs).scalars().all():
                _drop_analysis(connection, cell, run)

        self.database.write(work)

    def analyses(self, cell: str | None = None) -> list[Analysis]:
        """Return the analyses (of one cell) with their values, by cell and run."""
        a, v = s.analysis, s.value
        query = select(a.c.cell, a.c.run, a.c.document)
        values = select(v.c.owner, v.c.quantity, v.c.unit, v.c.document).order_by(v.c.owner, v.c.position)
        if cell is None:
            values = values.where(v.c.owner.startswith("cell/", autoescape=True))
        else:
            query = query.where(a.c.cell == plain(cell))

        def work(connection: Connection) -> tuple[Sequence[Any], Sequence[Any]]:
            rows = connection.execute(query).all()
            if cell is None:
                return rows, connection.execute(values).all()
            owners = [_owner(row.cell, row.run) for row in rows]
            return rows, connection.execute(values.where(v.c.owner.in_(owners))).all()

        rows, value_rows = self.database.read(work)
        by_owner: dict[str, list[Value]] = {}
        for row in value_rows:
            by_owner.setdefault(row.owner, []).append(stored_value(row.document, row.unit))
        return [
            load(Analysis, row.document).model_copy(
                update={"values": tuple(by_owner.get(_owner(row.cell, row.run), ()))}
            )
            for row in sorted(rows, key=lambda row: (natural(row.cell), row.run))
        ]

    def put_values(self, values: Sequence[Value], *, source: str) -> None:
        """Replace all values of *source*."""
        if not source or "/" in source or not source.isprintable():
            raise InputError(f"{source!r} is no name of a source", expected="printable characters without '/'")
        owner = f"source/{plain(source)}"
        rows = value_rows(owner, values)

        def work(connection: Connection) -> None:
            self.database.insert_or_replace(connection, s.value_source, {"source": source, "number": len(rows)})
            _replace_values(connection, owner, rows)
            if not rows:
                connection.execute(delete(s.value_source).where(s.value_source.c.source == source))

        self.database.write(work)

    def sources(self) -> dict[str, int]:
        """Return the sources of values that are no analyses, with their numbers of values."""
        rows = self.database.read(lambda c: c.execute(select(s.value_source)).all())
        return {row.source: row.number for row in sorted(rows, key=lambda row: natural(row.source))}

    def values(
        self,
        *,
        quantity: Names = None,
        origin: Names = None,
        subject: Names = None,
        subject_kind: Names = None,
    ) -> list[Value]:
        """Return the values that fit every filter given, in an order that depends on the content only."""
        for name in listed(quantity) or ():
            known_quantity(name)
        v = s.value
        query = select(v.c.owner, v.c.position, v.c.subject_kind, v.c.subject_key, v.c.quantity, v.c.unit, v.c.document)
        for column, names in (
            (v.c.quantity, quantity),
            (v.c.origin, origin),
            (v.c.subject_key, subject),
            (v.c.subject_kind, subject_kind),
        ):
            wanted = listed(names)
            if wanted is not None:
                query = query.where(column.in_([plain(str(n)) for n in wanted]))
        rows = self.database.read(lambda c: c.execute(query).all())
        order = {key: natural(key) for key in {r.subject_key for r in rows} | {r.owner for r in rows}}
        ordered = sorted(rows, key=lambda r: (r.subject_kind, order[r.subject_key], order[r.owner], r.position))
        return [stored_value(row.document, row.unit) for row in ordered]

    def owners_of(self, value: Value) -> list[str]:
        """Return who holds exactly this value: ``cell/<cell>/<run>`` or ``source/<source>``."""
        v = s.value
        query = select(v.c.owner).where(
            v.c.quantity == value.quantity,
            v.c.subject_kind == value.subject.kind,
            v.c.subject_key == value.subject.key,
            v.c.document == dump(value),
        )
        return sorted(set(self.database.read(lambda c: c.execute(query).scalars().all())), key=natural)

    # --- corrections ----------------------------------------------------------------------------------------

    def put_correction(self, cell: str, correction: dict[str, Any]) -> int:
        """Add a correction after the others of the cell; return its number."""
        k = s.correction
        try:
            document = canonical_json(correction)
            document.encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"The correction is no JSON object: {error}") from error

        def work(connection: Connection) -> int:
            require(connection, s.cell, "cell", [cell])
            last = connection.execute(select(func.max(k.c.number)).where(k.c.cell == cell)).scalar()
            number = (last or 0) + 1
            connection.execute(
                insert(k).values(cell=cell, number=number, created_unix_second=time.time(), document=document)
            )
            return number

        return self.database.write(work)

    def corrections(self, cell: str | None, *, cleared: bool = False) -> list[CorrectionRecord]:
        """Return the corrections (of one cell) in their order; with *cleared*, also those withdrawn."""
        k = s.correction
        query = select(k)
        if cell is not None:
            query = query.where(k.c.cell == plain(cell))
        if not cleared:
            query = query.where(k.c.cleared_unix_second.is_(None))
        rows = self.database.read(lambda c: c.execute(query).all())
        records = [
            CorrectionRecord(
                cell=r.cell,
                number=r.number,
                correction=json_object(r.document),
                created_unix_second=r.created_unix_second,
                cleared_unix_second=r.cleared_unix_second,
            )
            for r in rows
        ]
        return sorted(records, key=lambda r: (natural(r.cell), r.number))

    def clear_corrections(self, cell: str) -> int:
        """Withdraw the corrections of a cell; they stay in the log. Returns how many there were."""
        k = s.correction

        def work(connection: Connection) -> int:
            require(connection, s.cell, "cell", [cell])
            done = connection.execute(
                update(k)
                .where(k.c.cell == cell, k.c.cleared_unix_second.is_(None))
                .values(cleared_unix_second=time.time())
            )
            return int(done.rowcount)

        return self.database.write(work)

    # --- the whole ------------------------------------------------------------------------------------------

    def fingerprint(self) -> str:
        """Return a hash of all records without the times at which they were written."""
        k, v = s.correction, s.value
        queries: dict[str, Any] = {
            "sample": select(s.sample.c.key, s.sample.c.document),
            "cell": select(s.cell.c.key, s.cell.c.document),
            "test": select(s.test.c.key, s.test.c.document),
            "analysis": select(s.analysis.c.cell, s.analysis.c.run, s.analysis.c.document),
            "value": select(v.c.owner, v.c.position, v.c.unit, v.c.document),
            "correction": select(k.c.cell, k.c.number, k.c.document).where(k.c.cleared_unix_second.is_(None)),
        }

        def work(connection: Connection) -> dict[str, list[list[Any]]]:
            return {name: sorted(map(list, connection.execute(query))) for name, query in queries.items()}

        content = self.database.read(work)
        for row in content["analysis"]:
            row[-1] = {n: x for n, x in json_object(row[-1]).items() if n != "created_unix_second"}
        return content_hash(content)

    def documents(self) -> dict[str, list[tuple[str, str]]]:
        """Return every document as (name, text) by table, unread, for the doctor."""
        tables = {
            "sample": (s.sample, s.sample.c.key),
            "cell": (s.cell, s.cell.c.key),
            "test": (s.test, s.test.c.key),
            "analysis": (s.analysis, s.analysis.c.cell),
            "value": (s.value, s.value.c.owner),
        }

        def work(connection: Connection) -> dict[str, list[tuple[str, str]]]:
            return {
                name: [(row[0], row[1]) for row in connection.execute(select(column, table.c.document))]
                for name, (table, column) in tables.items()
            }

        return self.database.read(work)

    def integrity(self) -> list[str]:
        """Return what SQLite finds wrong with its file; nothing on PostgreSQL, which looks after itself."""
        if not self.database.is_sqlite:
            return []
        rows = self.database.read(lambda c: c.execute(text("PRAGMA quick_check")).scalars().all())
        return [str(row) for row in rows if row != "ok"]


def newer(number: int) -> WorkspaceVersionError:
    """Build the error for a catalogue of a newer lirich."""
    return WorkspaceVersionError(
        f"The catalogue has schema version {number}",
        expected=f"{NEWEST} or older",
        advice="It was written by a newer lirich: update with pip install -U lirich",
    )


def require(connection: Connection, table: Table, what: str, keys: Iterable[str]) -> None:
    """Raise `UnknownNameError` unless every key is in *table*."""
    wanted = [plain(key) for key in keys]
    there = {row.key for row in _in_parts(connection, table.c.key, wanted, table.c.key)}
    for key in wanted:
        if key not in there:
            raise UnknownNameError.of(what, key, connection.execute(select(table.c.key)).scalars())


def _in_parts(
    connection: Connection, column: ColumnElement[str], names: Sequence[str], *wanted: ColumnElement[str]
) -> list[Any]:
    rows: list[Any] = []
    for start in range(0, len(names), _MANY):
        rows.extend(connection.execute(select(*wanted).where(column.in_(names[start : start + _MANY]))))
    return rows


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


def _owner(cell: str, run: int) -> str:
    return f"cell/{cell}/{run}"  # keys of cells have no slash


def _replace_values(connection: Connection, owner: str, rows: list[dict[str, Any]]) -> None:
    connection.execute(delete(s.value).where(s.value.c.owner == owner))
    if rows:
        connection.execute(insert(s.value), rows)


def _drop_analysis(connection: Connection, cell: str, run: int) -> None:
    a = s.analysis
    connection.execute(delete(a).where(a.c.cell == cell, a.c.run == run))
    connection.execute(delete(s.value).where(s.value.c.owner == _owner(cell, run)))

"""What was established: analyses with their values, and values of other sources; inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from lirich.errors import CorruptStoreError, InputError
from lirich.model import Value
from lirich.quantities import quantity as known_quantity
from lirich.store import schema as s
from lirich.store.documents import (
    ValueFilter,
    dump,
    listed,
    load,
    natural,
    plain,
    stored_value,
    value_document,
    value_rows,
)
from lirich.store.queries import MANY, in_parts, replace_row, require
from lirich.store.records import Analysis


class Results:
    """Analyses and values as one transaction sees and changes them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- analyses -------------------------------------------------------------------------------------------

    def put_analysis(self, analysis: Analysis) -> Analysis | None:
        """Replace the analysis of the same cell and run; return that, without its values, where it can be read.

        Raises `UnknownNameError` where its cell or a test of it is not in the catalogue.
        """
        require(self._connection, s.cell, [analysis.cell])
        require(self._connection, s.test, analysis.tests)
        a = s.analysis
        there = select(a.c.document).where(a.c.cell == plain(analysis.cell), a.c.run == analysis.run)
        replaced = self._connection.execute(there).scalar()
        document = dump(analysis.model_copy(update={"values": ()}))
        row = {"cell": analysis.cell, "run": analysis.run, "key": analysis.key, "document": document}
        replace_row(self._connection, s.analysis, row)
        self._replace_values(_owner(analysis.cell, analysis.run), analysis.values)
        try:
            return None if replaced is None else load(Analysis, replaced)
        except CorruptStoreError:
            return None

    def analysis_keys(self) -> dict[tuple[str, int], str]:
        """Return the key of every analysis by cell and run."""
        a = s.analysis
        rows = self._connection.execute(select(a.c.cell, a.c.run, a.c.key)).all()
        return {(r.cell, r.run): r.key for r in sorted(rows, key=lambda r: (natural(r.cell), r.run))}

    def drop_runs(self, cell: str, keep: int) -> None:
        """Remove the analyses of a cell from run number *keep* on, with their values."""
        a = s.analysis
        runs = select(a.c.run).where(a.c.cell == plain(cell), a.c.run >= keep)
        for run in self._connection.execute(runs).scalars().all():
            drop_analysis(self._connection, cell, run)

    def bare_analyses(self, cells: Sequence[str] | None = None) -> list[Analysis]:
        """Return the analyses (of these cells) without their values, by cell and run."""
        a = s.analysis
        if cells is None:
            rows = list(self._connection.execute(select(a.c.cell, a.c.run, a.c.document)))
        else:
            wanted = [plain(cell) for cell in dict.fromkeys(cells)]
            rows = in_parts(self._connection, a.c.cell, wanted, a.c.cell, a.c.run, a.c.document)
        ordered = sorted(rows, key=lambda row: (natural(row.cell), row.run))
        return [load(Analysis, row.document) for row in ordered]

    def analyses(self, cell: str | None = None) -> list[Analysis]:
        """Return the analyses (of one cell) with their values, by cell and run."""
        a, v = s.analysis, s.value
        query = select(a.c.cell, a.c.run, a.c.document)
        if cell is not None:
            query = query.where(a.c.cell == plain(cell))
        rows = self._connection.execute(query).all()
        values = select(v.c.owner, v.c.quantity, v.c.unit, v.c.document).order_by(v.c.owner, v.c.position)
        if cell is None:
            values = values.where(v.c.owner.startswith("cell/", autoescape=True))
        else:
            values = values.where(v.c.owner.in_([_owner(row.cell, row.run) for row in rows]))
        by_owner: dict[str, list[Value]] = {}
        for row in self._connection.execute(values):
            by_owner.setdefault(row.owner, []).append(stored_value(row.document, row.unit))
        return [
            load(Analysis, row.document).model_copy(
                update={"values": tuple(by_owner.get(_owner(row.cell, row.run), ()))}
            )
            for row in sorted(rows, key=lambda row: (natural(row.cell), row.run))
        ]

    # --- values ---------------------------------------------------------------------------------------------

    def put_values(self, values: Sequence[Value], *, source: str) -> None:
        """Replace all values of *source*."""
        if not source or "/" in source or not source.isprintable():
            raise InputError(f"{source!r} is no name of a source", expected="printable characters without '/'")
        row = {"source": plain(source), "number": len(values)}
        replace_row(self._connection, s.value_source, row)
        self._replace_values(f"source/{source}", values)
        if not values:
            self._connection.execute(delete(s.value_source).where(s.value_source.c.source == source))

    def sources(self) -> dict[str, int]:
        """Return the sources of values that are no analyses, with their numbers of values."""
        rows = self._connection.execute(select(s.value_source)).all()
        return {row.source: row.number for row in sorted(rows, key=lambda row: natural(row.source))}

    def values(self, wanted: ValueFilter) -> list[Value]:
        """Return the values that fit, in an order that depends on the content only."""
        return [stored_value(row.document, row.unit) for row in self._value_rows(wanted)]

    def value_documents(self, wanted: ValueFilter) -> list[dict[str, Any]]:
        """Return what `values` returns as JSON objects, fields at their default left out."""
        return [value_document(row.quantity, row.document, row.unit) for row in self._value_rows(wanted)]

    def _value_rows(self, wanted: ValueFilter) -> list[Any]:
        for name in listed(wanted.quantity) or ():
            known_quantity(name)
        v = s.value
        query = select(v)
        owners = listed(wanted.source)
        long: list[tuple[str, set[str]]] = []
        for column, asked in (
            (v.c.quantity, listed(wanted.quantity)),
            (v.c.origin, listed(wanted.origin)),
            (v.c.subject_key, listed(wanted.subject)),
            (v.c.subject_kind, listed(wanted.subject_kind)),
            (v.c.owner, None if owners is None else [f"source/{name}" for name in owners]),
        ):
            if asked is None:
                continue
            names = {plain(str(n)) for n in asked}
            if len(names) > MANY:  # a database takes only so many in one statement
                long.append((column.name, names))
            else:
                query = query.where(column.in_(names))
        rows = [
            row
            for row in self._connection.execute(query)
            if all(getattr(row, column) in names for column, names in long)
        ]
        order = {key: natural(key) for key in {r.subject_key for r in rows} | {r.owner for r in rows}}
        return sorted(rows, key=lambda r: (r.subject_kind, order[r.subject_key], order[r.owner], r.position))

    def owners_of(self, value: Value) -> list[str]:
        """Return who holds exactly this value: ``cell/<cell>/<run>`` or ``source/<source>``."""
        v = s.value
        query = select(v.c.owner).where(
            v.c.quantity == value.quantity,
            v.c.subject_kind == value.subject.kind,
            v.c.subject_key == value.subject.key,
            v.c.document == dump(value),
        )
        return sorted(set(self._connection.execute(query).scalars()), key=natural)

    def _replace_values(self, owner: str, values: Sequence[Value]) -> None:
        self._connection.execute(delete(s.value).where(s.value.c.owner == owner))
        rows: list[dict[str, Any]] = value_rows(owner, values)
        if rows:
            self._connection.execute(insert(s.value), rows)


def drop_analysis(connection: Connection, cell: str, run: int) -> None:
    """Remove an analysis with its values."""
    a = s.analysis
    connection.execute(delete(a).where(a.c.cell == cell, a.c.run == run))
    connection.execute(delete(s.value).where(s.value.c.owner == _owner(cell, run)))


def _owner(cell: str, run: int) -> str:
    return f"cell/{cell}/{run}"  # keys of cells have no slash

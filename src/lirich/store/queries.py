"""What is asked of several tables in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from lirich.errors import UnknownNameError
from lirich.store.documents import plain

MANY = 500
"""Names per IN clause; SQLite allows 32766 variables."""


def replace_row(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert *row*, or replace the row of the same primary key; on PostgreSQL this locks the row."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    keys = [c.name for c in table.primary_key]
    statement = insert(table).values(**row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={k: v for k, v in row.items() if k not in keys} or {keys[0]: row[keys[0]]},
        )
    )


def require(connection: Connection, table: Table, keys: Iterable[str]) -> None:
    """Raise `UnknownNameError` unless every key is in *table*; on PostgreSQL they stay there until the commit."""
    wanted = [plain(key) for key in keys]
    # SQLite has no row locks and needs none: one process writes
    there = {row.key for row in in_parts(connection, table.c.key, wanted, table.c.key, lock=True)}
    for key in wanted:
        if key not in there:
            raise UnknownNameError.of(table.name, key, connection.execute(select(table.c.key)).scalars())


def in_parts(
    connection: Connection,
    column: ColumnElement[str],
    names: Sequence[str],
    *wanted: ColumnElement[Any],
    lock: bool = False,
) -> list[Any]:
    """Return the columns *wanted* of the rows whose *column* is one of *names*, however many these are."""
    rows: list[Any] = []
    for start in range(0, len(names), MANY):
        query = select(*wanted).where(column.in_(names[start : start + MANY]))
        rows.extend(connection.execute(query.with_for_update(read=True) if lock else query))
    return rows

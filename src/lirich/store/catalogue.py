"""The catalogue as a whole: brought to the present schema, marked as one workspace's, hashed, examined."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from lirich.errors import StoreError, WorkspaceVersionError
from lirich.model import content_hash
from lirich.store import files
from lirich.store import schema as s
from lirich.store.documents import json_object
from lirich.store.engine import Database
from lirich.store.migrations import NEWEST, migrate, version
from lirich.store.settings import WorkspaceSettings

_LOCK = 0x6C697269  # "liri": the number of PostgreSQL's advisory lock for migrations


def prepare(database: Database) -> list[int]:
    """Bring the database to the present schema and mark it as this workspace's; return what was applied.

    Where that was done before, nothing is written, so that opening a workspace waits for nobody. Raises
    `WorkspaceVersionError` for a database of a newer lirich and `StoreError` for another workspace's.
    """
    settings = database.settings
    if database.read(lambda c: version(c) == NEWEST and _is_of(c, settings)):
        return []

    def work(connection: Connection) -> list[int]:
        if not database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        if version(connection) > NEWEST:
            raise newer(version(connection))
        applied = migrate(connection)
        if not _is_of(connection, settings):
            connection.execute(insert(s.workspace).values(id=settings.id, name=settings.name))
        return applied

    return database.write(work)


def _is_of(connection: Connection, settings: WorkspaceSettings) -> bool:
    owner = connection.execute(select(s.workspace.c.id, s.workspace.c.name)).first()
    if owner is not None and owner.id != settings.id:
        raise StoreError(
            f"The database {settings.database} belongs to another workspace, {owner.name!r}",
            advice="Give each workspace a database or schema of its own, or open that workspace",
        )
    return owner is not None


def newer(number: int) -> WorkspaceVersionError:
    """Build the error for a catalogue of a newer lirich."""
    return WorkspaceVersionError(
        f"The catalogue has schema version {number}",
        expected=f"{NEWEST} or older",
        advice="It was written by a newer lirich: update the clone (git pull) and install again",
    )


_WHEN = ("created_unix_second", "added_unix_second", "written_unix_second")


def fingerprint(connection: Connection) -> str:
    """Return a hash of all records without the times at which they were written."""
    k, v = s.correction, s.value
    queries: dict[str, Any] = {
        "sample": select(s.sample.c.key, s.sample.c.document),
        "cell": select(s.cell.c.key, s.cell.c.document),
        "test": select(s.test.c.key, s.test.c.document),
        "analysis": select(s.analysis.c.cell, s.analysis.c.run, s.analysis.c.document),
        "value": select(v.c.owner, v.c.position, v.c.unit, v.c.document),
        "model": select(s.model.c.name, s.model.c.document),
        "correction": select(k.c.cell, k.c.number, k.c.document).where(k.c.cleared_unix_second.is_(None)),
    }
    content = {name: sorted(map(list, connection.execute(query))) for name, query in queries.items()}
    for row in (*content["analysis"], *content["model"], *content["test"]):
        row[-1] = {n: x for n, x in json_object(row[-1]).items() if n not in _WHEN}
    return content_hash(content)


def documents(connection: Connection, only: Collection[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Yield every document as (table, name, text), unread, for the doctor; a few of them at a time are in memory.

    Those of the tables *only*, where some are named.
    """
    tables = {
        "sample": (s.sample, s.sample.c.key),
        "cell": (s.cell, s.cell.c.key),
        "test": (s.test, s.test.c.key),
        "analysis": (s.analysis, s.analysis.c.cell),
        "value": (s.value, s.value.c.owner),
        "model": (s.model, s.model.c.name),
    }
    for name, (table, column) in ((n, t) for n, t in tables.items() if not only or n in only):
        query = select(column, table.c.document).execution_options(yield_per=1000)
        for row in connection.execute(query):
            yield name, row[0], row[1]


def integrity(database: Database) -> list[str]:
    """Return what SQLite finds wrong with its file; nothing on PostgreSQL, which looks after itself."""
    if not database.is_sqlite:
        return []
    rows = database.read(lambda c: c.execute(text("PRAGMA quick_check")).scalars().all())
    return [str(row) for row in rows if row != "ok"]


def back_up(path: Path, target: Path) -> None:
    """Keep a copy of the catalogue as it was before it is migrated. Raises `StoreError` where it cannot be copied."""
    if target.exists():
        return
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(temporary)) as copy,
        ):
            source.backup(copy)
        files.sync_file(temporary)
        with contextlib.suppress(FileExistsError):  # another process was first; its copy is of the same version
            files.publish(temporary, target)
        files.sync_folder(target.parent)
    except sqlite3.Error as error:
        raise StoreError(
            f"The catalogue could not be copied to {target} before its migration: {error}",
            advice="Check the room on the disk",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()

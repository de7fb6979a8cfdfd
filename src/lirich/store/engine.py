"""The way to the database: SQLite in the workspace folder, or PostgreSQL; one transaction per call.

SQLite in a folder that cannot be written (an archive, a colleague's workspace) is read as it is and never written.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from lirich.errors import CorruptStoreError, LirichError, OptionalDependencyError, StoreError
from lirich.store.settings import WorkspaceSettings, parse_database_url, without_secrets

T = TypeVar("T")

BUSY_SECOND = 20.0
"""How long one attempt waits for another process to finish writing."""

_COPY = "Copy the workspace to a folder that you can write, and work there"

ATTEMPTS = 6
_RETRY_SQLSTATES = frozenset({"40001", "40P01", "23505", "55P03", "57P01", "08006", "08003", "08000"})
# serialization failure, deadlock, a row that another process has just inserted, lock not available,
# server restarting, connection lost: https://www.postgresql.org/docs/current/errcodes-appendix.html


class Database:
    """One database. Safe to use from several threads, and after a fork."""

    def __init__(self, settings: WorkspaceSettings, sqlite_path: Path) -> None:
        self.settings = settings
        self._url = settings.database_url.get_secret_value() if settings.database_url else None
        self._sqlite_path = sqlite_path
        self._pid = os.getpid()
        self.read_only = self._url is None and sqlite_path.is_file() and not _writable(sqlite_path.parent)
        """Whether the catalogue can be read only."""
        self._engine = self._make_engine()

    @property
    def is_sqlite(self) -> bool:
        """Whether the catalogue is the SQLite file in the workspace."""
        return self._url is None

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run *work* on one consistent snapshot."""
        return self._run(work, write=False)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run *work* in one transaction, which is on the disk when this returns, or has not happened.

        *work* may run more than once: it is tried again where another process was in the way.
        """
        return self._run(work, write=True)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose(close=self._pid == os.getpid())

    def _run(self, work: Callable[[Connection], T], *, write: bool) -> T:
        if write and self.read_only:
            raise StoreError(f"{self._sqlite_path.parent} cannot be written", advice=_COPY)
        for attempt in range(1, ATTEMPTS + 1):
            before = self._state()
            try:
                with self._connect(write=write) as connection, connection.begin():
                    locks = not getattr(connection.connection.dbapi_connection, "immutable", False)
                    done = work(connection)
                if locks or before == self._state():
                    return done
                if attempt == ATTEMPTS:
                    raise StoreError(f"{self._sqlite_path} is being written by another process", advice="Run it again")
            except SQLAlchemyError as error:
                if attempt == ATTEMPTS or not (self._passing(error) or before != self._state()):
                    # `from None`: the chain's own text may hold the connection string
                    raise self._translated(error) from None
                time.sleep(random.uniform(0, 0.05 * 2**attempt))
        raise AssertionError("unreachable")

    def _connect(self, *, write: bool) -> Connection:
        if self._pid != os.getpid():  # a connection of the parent must not be used, nor closed, in a fork
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        connection = self._engine.connect()
        if self.is_sqlite:
            return connection.execution_options(lirich_write=write)
        return connection.execution_options(
            isolation_level="READ COMMITTED" if write else "REPEATABLE READ", postgresql_readonly=not write
        )

    def _state(self) -> _State:
        """Return what tells whether another process wrote to a catalogue that is read without locks."""
        if not self.read_only:
            return _State()
        try:
            file, wal = self._sqlite_path.stat(), self._sqlite_path.with_name(f"{self._sqlite_path.name}-wal")
            return _State(file.st_mtime_ns, file.st_size, wal.stat().st_size if wal.exists() else 0)
        except OSError:
            return _State()  # connecting says what is wrong

    def _open_read_only(self) -> _ReadOnlyConnection:
        # without a log of changes no process writes, and the file is whole: `immutable` needs no file beside it. With
        # one, the changes in it must be read, by its index, which lies there: https://www.sqlite.org/wal.html#readonly
        immutable = not self._state().wal
        where = f"{self._sqlite_path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
        connection = sqlite3.connect(
            where, uri=True, timeout=BUSY_SECOND, check_same_thread=False, factory=_ReadOnlyConnection
        )
        connection.immutable = immutable
        return connection

    def _make_engine(self) -> Engine:
        if self.read_only:
            engine = create_engine("sqlite://", creator=self._open_read_only, poolclass=NullPool, hide_parameters=True)
            event.listen(engine, "connect", _leave_transactions)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if self._url is None:
            engine = create_engine(
                URL.create("sqlite", database=str(self._sqlite_path)),
                connect_args={"timeout": BUSY_SECOND},
                hide_parameters=True,
            )
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if importlib.util.find_spec("psycopg") is None:
            raise OptionalDependencyError.of("A shared catalogue (PostgreSQL)", "postgres")
        return create_engine(
            make_url(parse_database_url(self._url)),
            connect_args={"connect_timeout": 10, "application_name": "lirich"},
            pool_pre_ping=True,
            pool_size=2,
            hide_parameters=True,
        )

    def _passing(self, error: SQLAlchemyError) -> bool:
        if not isinstance(error, DBAPIError):
            return False
        if self.is_sqlite:
            text = str(error.orig)
            # a log whose index is not there yet would have to be recovered, which only a writer may
            return "locked" in text or "busy" in text or (self.read_only and "readonly database" in text)
        return getattr(error.orig, "sqlstate", None) in _RETRY_SQLSTATES or error.connection_invalidated

    def _translated(self, error: SQLAlchemyError) -> LirichError:
        origin = getattr(error, "orig", None)
        reason = without_secrets(" ".join(str(origin or error).split()), self._url)[:400]
        where = self.settings.database
        if not self.is_sqlite:
            return StoreError(
                f"The catalogue at {where} cannot be used: {reason}",
                advice="Check that the server runs and has the database, and database_url in lirich.toml",
            )
        if "malformed" in reason or "not a database" in reason:
            return CorruptStoreError(
                f"{self._sqlite_path} is damaged: {reason}",
                advice="Restore it from a backup; raw files and curves beside it are untouched",
            )
        if "locked" in reason or "busy" in reason:
            return StoreError(
                f"{self._sqlite_path} was held by another process for {ATTEMPTS * BUSY_SECOND:.0f} s",
                advice="Wait for it to finish and run this again",
            )
        if self.read_only:
            return StoreError(f"{self._sqlite_path} cannot be read in its folder: {reason}", advice=_COPY)
        return StoreError(
            f"{self._sqlite_path} cannot be used: {reason}",
            advice="Check the rights of the workspace folder and the room on the disk",
        )


class _ReadOnlyConnection(sqlite3.Connection):
    """A connection that only reads; an ``immutable`` one without locks, as if nobody could write."""

    immutable = False


class _State(NamedTuple):
    """What the files of a catalogue look like: time and size of the database, and the size of its log."""

    mtime_ns: int = 0
    size: int = 0
    wal: int = 0


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK)


def _leave_transactions(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver


def _prepare_sqlite(connection: Any, record: object) -> None:
    _leave_transactions(connection, record)
    cursor = connection.cursor()
    try:
        # WAL lets readers go on while one process writes; FULL has every commit on the disk
        # before it is confirmed: https://www.sqlite.org/pragma.html#pragma_synchronous
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # a transaction that will write takes the lock at once: upgrading later could only fail
    write = connection.get_execution_options().get("lirich_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

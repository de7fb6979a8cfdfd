"""The way to the database: SQLite in the workspace folder, or PostgreSQL; one transaction per call."""

from __future__ import annotations

import importlib.util
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lirich.errors import CorruptStoreError, LirichError, OptionalDependencyError, StoreError
from lirich.store.settings import WorkspaceSettings, parse_database_url, without_secrets

T = TypeVar("T")

BUSY_SECOND = 20.0
"""How long one attempt waits for another process to finish writing."""

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
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._connect(write=write) as connection, connection.begin():
                    return work(connection)
            except SQLAlchemyError as error:
                if attempt == ATTEMPTS or not self._passing(error):
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

    def _make_engine(self) -> Engine:
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
            return "locked" in text or "busy" in text
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
        return StoreError(
            f"{self._sqlite_path} cannot be used: {reason}",
            advice="Check the rights of the workspace folder and the room on the disk",
        )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
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

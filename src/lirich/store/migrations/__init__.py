"""Numbered steps from an empty database to the present catalogue; each is frozen once it is released.

A migration is a module ``m<number>_<name>`` with a function ``apply(connection)``. It describes its tables
itself and never imports `lirich.store.schema`, which moves on. All that are due run in one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from lirich import __version__
from lirich.store.migrations import m0001_catalogue, m0002_history_and_units, m0003_settings_of_analyses, m0004_models

TABLE = "migration"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step."""

    number: int
    name: str
    apply: Callable[[Connection], None]


MIGRATIONS = (
    Migration(1, "catalogue", m0001_catalogue.apply),
    Migration(2, "history and units", m0002_history_and_units.apply),
    Migration(3, "settings of analyses", m0003_settings_of_analyses.apply),
    Migration(4, "models", m0004_models.apply),
)
NEWEST = MIGRATIONS[-1].number


def version(connection: Connection) -> int:
    """Return the number of the newest migration that was applied; 0 for an empty database."""
    if not inspect(connection).has_table(TABLE):
        return 0
    return int(connection.execute(text(f"SELECT COALESCE(MAX(number), 0) FROM {TABLE}")).scalar_one())


def migrate(connection: Connection, *, to: int = NEWEST) -> list[int]:
    """Apply what is due up to number *to* in the transaction of *connection*; return what was applied."""
    present = version(connection)
    if present == 0:
        m0001_catalogue.create_migration_table(connection)
    applied = []
    for step in MIGRATIONS:
        if present < step.number <= to:
            step.apply(connection)
            connection.execute(
                text(f"INSERT INTO {TABLE} (number, name, lirich_version, unix_second) VALUES (:n, :name, :v, :t)"),
                {"n": step.number, "name": step.name, "v": __version__, "t": time.time()},
            )
            applied.append(step.number)
    return applied

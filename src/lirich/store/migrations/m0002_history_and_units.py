"""2: what was said of samples and cells is kept when it changes; each value carries its unit.

The history begins with the present state. The unit stands beside the number, so that a later change of the
vocabulary cannot silently give an old number another meaning; values of version 1 are in the units of the
vocabulary of lirich 0.1, which is the one that wrote them.
"""

from __future__ import annotations

import time

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, text

from lirich.quantities import QUANTITIES


def apply(connection: Connection) -> None:
    """Add ``fact_history`` and ``value.unit`` and fill them."""
    history = Table(
        "fact_history",
        MetaData(),
        Column("kind", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("unix_second", Float, nullable=False),
        Column("document", Text, nullable=False),
    )
    history.create(connection)
    now = time.time()
    for kind in ("sample", "cell"):
        connection.execute(
            text(
                "INSERT INTO fact_history (kind, key, number, unix_second, document) "
                f"SELECT '{kind}', key, 1, :now, document FROM {kind}"
            ),
            {"now": now},
        )
    # an unknown quantity gets an empty unit, and reading it says so
    connection.execute(text("ALTER TABLE value ADD COLUMN unit VARCHAR NOT NULL DEFAULT ''"))
    for (key,) in connection.execute(text("SELECT DISTINCT quantity FROM value")).all():
        if key in QUANTITIES:
            connection.execute(
                text("UPDATE value SET unit = :unit WHERE quantity = :key"),
                {"unit": QUANTITIES[key].unit, "key": key},
            )

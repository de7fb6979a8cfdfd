"""4: the catalogue knows learned models."""

from __future__ import annotations

from sqlalchemy import Connection, text


def apply(connection: Connection) -> None:
    """Make the table ``model``."""
    connection.execute(
        text(
            "CREATE TABLE model (name VARCHAR NOT NULL PRIMARY KEY, kind VARCHAR NOT NULL, "
            "sha256 VARCHAR NOT NULL, document TEXT NOT NULL)"
        )
    )
    connection.execute(text("CREATE INDEX ix_model_sha256 ON model (sha256)"))

"""1: the first catalogue: samples, cells, tests, analyses, values, corrections."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Float, Index, Integer, MetaData, String, Table, Text


def create_migration_table(connection: Connection) -> None:
    """Create the table that says which migrations were applied."""
    Table(
        "migration",
        MetaData(),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("name", String, nullable=False),
        Column("lirich_version", String, nullable=False),
        Column("unix_second", Float, nullable=False),
    ).create(connection)


def apply(connection: Connection) -> None:
    """Create the tables."""
    tables = MetaData()
    Table("workspace", tables, Column("id", String, primary_key=True), Column("name", String, nullable=False))
    Table("sample", tables, Column("key", String, primary_key=True), Column("document", Text, nullable=False))
    Table(
        "cell",
        tables,
        Column("key", String, primary_key=True),
        Column("sample", String, index=True),
        Column("document", Text, nullable=False),
    )
    Table(
        "test",
        tables,
        Column("key", String, primary_key=True),
        Column("cell", String, nullable=False, index=True),
        Column("raw_sha256", String, nullable=False, index=True),
        Column("curve", String, nullable=False, index=True),
        Column("document", Text, nullable=False),
    )
    Table(
        "analysis",
        tables,
        Column("cell", String, primary_key=True),
        Column("run", Integer, primary_key=True, autoincrement=False),
        Column("key", String, nullable=False, index=True),
        Column("document", Text, nullable=False),
    )
    Table(
        "value_source",
        tables,
        Column("source", String, primary_key=True),
        Column("number", Integer, nullable=False),
    )
    Table(
        "value",
        tables,
        Column("owner", String, primary_key=True),
        Column("position", Integer, primary_key=True, autoincrement=False),
        Column("quantity", String, nullable=False),
        Column("subject_kind", String, nullable=False),
        Column("subject_key", String, nullable=False),
        Column("origin", String, nullable=False),
        Column("value", Float, nullable=False),
        Column("document", Text, nullable=False),
        Index("ix_value_quantity", "quantity", "origin"),
        Index("ix_value_subject", "subject_kind", "subject_key"),
        Index("ix_value_origin", "origin"),
    )
    Table(
        "correction",
        tables,
        Column("cell", String, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("created_unix_second", Float, nullable=False),
        Column("cleared_unix_second", Float),
        Column("document", Text, nullable=False),
    )
    tables.create_all(connection)

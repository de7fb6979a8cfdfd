"""The tables of the catalogue as they are now. `lirich.store.migrations` brings older ones here.

Records are kept as canonical JSON in ``document``; the columns beside it are what is searched for. JSON is
stored as text on both databases, so that it comes back byte for byte.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

migration = Table(
    "migration",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("lirich_version", String, nullable=False),
    Column("unix_second", Float, nullable=False),
)

workspace = Table(
    "workspace",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
)

sample = Table(
    "sample",
    metadata,
    Column("key", String, primary_key=True),
    Column("document", Text, nullable=False),
)

cell = Table(
    "cell",
    metadata,
    Column("key", String, primary_key=True),
    Column("sample", String, index=True),
    Column("document", Text, nullable=False),
)

fact_history = Table(
    "fact_history",
    metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("unix_second", Float, nullable=False),
    Column("document", Text, nullable=False),
)

test = Table(
    "test",
    metadata,
    Column("key", String, primary_key=True),
    Column("cell", String, nullable=False, index=True),
    Column("raw_sha256", String, nullable=False, index=True),
    Column("curve", String, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

analysis = Table(
    "analysis",
    metadata,
    Column("cell", String, primary_key=True),
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("key", String, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

value_source = Table(
    "value_source",
    metadata,
    Column("source", String, primary_key=True),
    Column("number", Integer, nullable=False),
)

value = Table(
    "value",
    metadata,
    Column("owner", String, primary_key=True),  # "cell/<cell>/<run>" or "source/<source>"
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("quantity", String, nullable=False),
    Column("subject_kind", String, nullable=False),
    Column("subject_key", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", String, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_value_quantity", "quantity", "origin"),
    Index("ix_value_subject", "subject_kind", "subject_key"),
    Index("ix_value_origin", "origin"),
)

correction = Table(
    "correction",
    metadata,
    Column("cell", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created_unix_second", Float, nullable=False),
    Column("cleared_unix_second", Float),
    Column("document", Text, nullable=False),
)

model = Table(
    "model",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

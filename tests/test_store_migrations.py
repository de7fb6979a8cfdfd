"""Numbered migrations: an old catalogue becomes a new one, once, whole, and nothing in it is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, inspect, text

import store_lab as lab
from lirich.errors import CorruptStoreError, StoreError, WorkspaceVersionError
from lirich.model import (
    Cell,
    Conditions,
    Finding,
    Interval,
    Provenance,
    RawFile,
    Recipe,
    Sample,
    Subject,
    Test,
    Value,
)
from lirich.store import Analysis, Store, migrations, schema
from lirich.store.migrations import MIGRATIONS, NEWEST, migrate, version
from lirich.store.settings import parse_database_url

DUMP = Path(__file__).parent / "data" / "catalogue_v1.sql"
RAW = b"time,voltage\n0,3.1\n1,3.2\n"
ID = "1" * 32


@pytest.fixture
def old(tmp_path: Path, store_url: str | None) -> Path:
    """A workspace whose catalogue is of schema version 1."""
    root = tmp_path / "old"
    root.mkdir()
    url = f'database_url = "{store_url}"\n' if store_url else ""
    (root / "lirich.toml").write_text(f'[workspace]\nformat = 1\nid = "{ID}"\nname = "old"\n{url}')
    if store_url is None:
        with sqlite3.connect(root / "catalogue.sqlite") as connection:
            connection.executescript(DUMP.read_text())
        connection.close()
        return root
    engine = create_engine(parse_database_url(store_url))
    with engine.begin() as connection:
        migrate(connection, to=1)
        connection.execute(text("DELETE FROM migration"))
        for line in DUMP.read_text().splitlines():
            if line.startswith("INSERT INTO"):
                connection.exec_driver_sql(line.replace("%", "%%"))
    engine.dispose()
    return root


def test_numbers_are_consecutive() -> None:
    assert [m.number for m in MIGRATIONS] == list(range(1, NEWEST + 1))


def test_a_catalogue_of_version_1_opens_with_all_it_held(old: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_bytes(RAW)
    with Store.open(old) as store:
        assert store.cells() == {k.key: k for k in (lab.cell(2), lab.cell(1))}
        assert store.samples() == {"SC": Sample(key="SC", morphology="SC")}
        (analysis,) = store.analyses()
        assert (analysis.settings, analysis.facts) == (None, None)  # only a hash of them was kept
        assert [(v.quantity, v.value) for v in analysis.values] == [
            ("initial_coulombic_efficiency", 83.4),
            ("mean_discharge_voltage_v", 3.739),
        ]
        assert [v.value for v in store.values(quantity="voltage_decay_mv_per_cycle")] == [1.1]
        assert store.corrections("SC-1") == [{"segment": 2}]
        assert [r.correction for r in store.correction_log("SC-1")] == [{"segment": 1}, {"segment": 2}]
        # the history begins with the state that was found
        assert [h.fact for h in store.cell_history("SC-1")] == [lab.cell(1)]
        assert [h.fact for h in store.sample_history("SC")] == [Sample(key="SC", morphology="SC")]
        # the curve and the raw file that it speaks of still have the same keys today
        assert {f.code for f in store.check()} == {"raw-missing", "curve-missing", "missing-sample"}
        store.put_raw(tmp_path / "one.csv")
        store.put_curve(lab.table(1))
        store.put_sample(Sample(key="PC", morphology="PC"))
        assert store.check() == []
        before = store.fingerprint()
    with Store.open(old) as store:
        assert store.fingerprint() == before
        assert len(store.cell_history("SC-1")) == 1


def test_each_value_gets_the_unit_it_was_written_in(old: Path, store_url: str | None) -> None:
    Store.open(old).close()
    engine = create_engine(parse_database_url(store_url) if store_url else f"sqlite:///{old / 'catalogue.sqlite'}")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT quantity, unit FROM value ORDER BY quantity")).all()
        assert [tuple(r) for r in rows] == [
            ("initial_coulombic_efficiency", "%"),
            ("mean_discharge_voltage_v", "V"),
            ("voltage_decay_mv_per_cycle", "mV/cycle"),
        ]
        # had the vocabulary another unit when it was written, the number is converted when it is read
        connection.execute(text("UPDATE value SET unit = 'mV' WHERE quantity = 'mean_discharge_voltage_v'"))
        connection.commit()
    engine.dispose()
    with Store.open(old) as store:
        (value,) = store.values(quantity="mean_discharge_voltage_v")
        assert value.value == pytest.approx(0.003739)
        assert value.interval is not None
        assert (value.interval.low, value.interval.high) == pytest.approx((0.003239, 0.004239))


def test_migrated_and_new_have_the_tables_of_the_schema(old: Path, tmp_path: Path, store_url: str | None) -> None:
    Store.open(old).close()
    engine = create_engine(parse_database_url(store_url) if store_url else f"sqlite:///{old / 'catalogue.sqlite'}")
    found = inspect(engine)
    assert set(found.get_table_names()) == set(schema.metadata.tables)
    fresh = create_engine("sqlite://")
    with fresh.begin() as connection:
        schema.metadata.create_all(connection)
        for name, table in schema.metadata.tables.items():
            assert {(c["name"], c["nullable"]) for c in found.get_columns(name)} == {
                (c.name, bool(c.nullable)) for c in table.columns
            }, name
            assert found.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key]
            assert {(i["name"], tuple(i["column_names"])) for i in found.get_indexes(name)} == {
                (str(i.name), tuple(c.name for c in i.columns)) for i in table.indexes
            }, name
        reflected = MetaData()
        reflected.reflect(connection)
        assert set(reflected.tables) == set(schema.metadata.tables)
    engine.dispose()


def test_the_old_catalogue_is_kept_beside(old: Path, store_url: str | None) -> None:
    Store.open(old).close()
    kept = old / "backup" / "catalogue-v1.sqlite"
    if store_url:
        assert not kept.exists()  # a server has backups of its own
        return
    engine = create_engine(f"sqlite:///{kept}")
    with engine.connect() as connection:
        assert version(connection) == 1
        assert connection.execute(text("SELECT COUNT(*) FROM value")).scalar() == 3
    engine.dispose()
    assert [p.name for p in kept.parent.iterdir()] == ["catalogue-v1.sqlite"]


def test_a_migration_that_fails_changes_nothing(
    old: Path, store_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(connection: object) -> None:
        MIGRATIONS[1].apply(connection)  # type: ignore[arg-type]
        raise StoreError("no power")

    broken = (MIGRATIONS[0], migrations.Migration(2, "breaks", breaks))
    monkeypatch.setattr(migrations, "MIGRATIONS", broken)
    with pytest.raises(StoreError, match="no power"):
        Store.open(old)
    monkeypatch.undo()
    with Store.open(old) as store:
        assert len(store.cells()) == 2


def test_a_newer_catalogue_is_left_alone(store: Store) -> None:
    store._database.write(
        lambda c: c.execute(
            text("INSERT INTO migration (number, name, lirich_version, unix_second) VALUES (99, 'x', '9', 0)")
        )
    )
    with pytest.raises(WorkspaceVersionError, match=r"schema version 99.*git pull"):
        Store.open(store.root)


def test_a_quantity_that_is_no_more_is_told(store: Store) -> None:
    store.put_values([lab.value("x", "initial_coulombic_efficiency", 1.0)], source="s")
    store._database.write(
        lambda c: c.execute(text("UPDATE value SET document = replace(document, 'initial_', 'initail_')"))
    )
    with pytest.raises(CorruptStoreError, match="Did you mean 'initial_coulombic_efficiency'"):
        store.values()
    assert [f.code for f in store.check()] == ["unreadable-record"]


def test_the_defaults_of_stored_records_are_what_they_were() -> None:
    """They are left out of the JSON that is stored: another default would change every record. See CONTRIBUTING.md."""
    stored = (Sample, Recipe, Cell, RawFile, Test, Finding, Interval, Subject, Conditions, Provenance, Value, Analysis)
    telling = {
        f"{kind.__name__}.{name}": field.get_default(call_default_factory=True)
        for kind in stored
        for name, field in kind.model_fields.items()
        if not field.is_required() and field.get_default(call_default_factory=True) not in (None, (), {}, "")
    }
    assert telling == {
        "Cell.simulated": False,
        "Test.kind": "cycling",
        "Finding.severity": "warning",
        "Interval.level": 0.95,
        "Value.operator": "=",
        "Value.conditions": Conditions(),
        "Value.provenance": Provenance(),
        "Analysis.kind": "cycling",
        "Analysis.created_unix_second": 0.0,
    }

"""Raw files and curves: kept by content, whole, and known by it again."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

import store_lab as lab
from lirich.errors import CorruptStoreError, InputError, MissingColumnError, StoreError
from lirich.store import Store
from lirich.store.curves import table_hash
from lirich.store.files import safe_suffix


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace")


def files_below(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


# --- raw files ------------------------------------------------------------------------------------------------


def test_a_raw_file_is_named_by_the_sha256_of_its_bytes(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "Zelle 1 (Übung).NDAX"
    source.write_bytes(b"\x00\x01 anything" * 1000)
    raw = store.put_raw(source)
    assert raw.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (raw.name, raw.size) == (source.name, source.stat().st_size)
    kept = store.raw_path(raw.sha256, verify=True)
    assert kept.name == f"{raw.sha256}.ndax"
    assert kept.read_bytes() == source.read_bytes()
    source.write_bytes(b"changed")
    assert kept.read_bytes() != b"changed"


def test_the_same_bytes_are_kept_once_under_any_name(store: Store, tmp_path: Path) -> None:
    for name in ("a.csv", "b.txt", "c"):
        (tmp_path / name).write_bytes(b"same")
    raws = [store.put_raw(tmp_path / name) for name in ("a.csv", "b.txt", "c")]
    assert len({r.sha256 for r in raws}) == 1
    assert [r.name for r in raws] == ["a.csv", "b.txt", "c"]
    assert len(files_below(store.root / "raw")) == 1


def test_an_empty_file_is_a_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    assert store.put_raw(tmp_path / "empty.csv").size == 0


def test_what_is_no_file_is_refused(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "nothing.csv", tmp_path / "pipe", Path("a\x00b")):
        with pytest.raises(InputError):
            store.put_raw(path)
    assert files_below(store.root / "raw") == []


def test_a_name_that_is_no_unicode_is_told_in_unicode(store: Store, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    (tmp_path / name).write_bytes(b"x")
    raw = store.put_raw(tmp_path / name)
    assert raw.name == "caf�.csv"
    raw.to_json().encode()


def test_a_damaged_copy_of_another_size_is_replaced(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"content")
    raw = store.put_raw(tmp_path / "a.csv")
    kept = store.raw_path(raw.sha256)
    kept.chmod(0o600)
    kept.write_bytes(b"cut")
    store.put_raw(tmp_path / "a.csv")
    assert store.raw_path(raw.sha256, verify=True).read_bytes() == b"content"


def test_a_missing_or_changed_raw_file_is_noticed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"content")
    raw = store.put_raw(tmp_path / "a.csv")
    kept = store.raw_path(raw.sha256)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o444
    kept.chmod(0o600)
    kept.write_bytes(b"kontent")
    with pytest.raises(CorruptStoreError, match="changed"):
        store.raw_path(raw.sha256, verify=True)
    kept.unlink()
    with pytest.raises(CorruptStoreError, match="not in the workspace"):
        store.raw_path(raw.sha256)


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_digests_are_looked_up(store: Store, key: str) -> None:
    for look in (store.raw_path, store.read_curve):
        with pytest.raises(InputError):
            look(key)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.CSV", ".csv"),
        ("a.bdf.csv", ".bdf.csv"),
        ("cell 3.01.2024.txt", ".txt"),
        ("a", ""),
        (".hidden", ""),
        ("a.c s v", ""),
        ("a.veryverylong", ""),
        ("a.csv\n", ""),
        ("a.ünicode", ""),
    ],
)
def test_suffixes_are_safe_on_every_file_system(name: str, suffix: str) -> None:
    assert safe_suffix(name) == suffix


def test_a_folder_that_cannot_be_written_is_told(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "a.csv").write_bytes(b"content")
    with pytest.raises(StoreError, match="No room left"):
        store.put_raw(tmp_path / "a.csv")
    with pytest.raises(StoreError, match="No room left"):
        store.put_curve(lab.table(1))
    monkeypatch.undo()
    assert files_below(store.root / "raw") + files_below(store.root / "curves") == []


def test_the_presence_of_files_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    raw, curve = store.put_raw(tmp_path / "a.csv").sha256, store.put_curve(lab.table(1))
    assert store.has_files(raw=[raw], curves=[curve])
    assert not store.has_files(raw=[raw], curves=[curve, raw])
    assert not store.has_files(raw=[curve])


# --- curves ---------------------------------------------------------------------------------------------------


def test_bytes_that_no_instrument_wrote_are_kept_as_a_raw_file(store: Store, tmp_path: Path) -> None:
    data = b'{"model": "half-cell"}'
    kept = store.put_raw_bytes("simulation.json", data)
    assert kept == store.put_raw_bytes("simulation.json", data)
    path = store.raw_path(kept.sha256, verify=True)
    assert (path.read_bytes(), path.suffix) == (data, ".json")
    (tmp_path / "simulation.json").write_bytes(data)
    assert store.put_raw(tmp_path / "simulation.json") == kept  # by whichever door it comes
    assert len(files_below(store.root / "raw")) == 1
    path.chmod(0o600)
    path.write_bytes(data[:5])
    store.put_raw_bytes("simulation.json", data)
    assert store.raw_path(kept.sha256, verify=True).read_bytes() == data
    for name in ("", " ", "a/b.json", "..", "a\nb"):
        with pytest.raises(InputError, match="no name of a file"):
            store.put_raw_bytes(name, data)


def test_a_curve_comes_back_exactly(store: Store) -> None:
    table = lab.table(1)
    key = store.put_curve(table)
    assert_frame_equal(store.read_curve(key, verify=True), table, check_exact=True)
    some = [table.columns[2], table.columns[0]]
    for verify in (False, True):
        assert_frame_equal(store.read_curve(key, columns=some, verify=verify), table.select(some), check_exact=True)
    with pytest.raises(MissingColumnError, match="without no_such"):
        store.read_curve(key, columns=["no_such"])


def test_the_key_does_not_depend_on_how_the_table_lies_in_memory_or_on_disk(store: Store) -> None:
    table = lab.table(1, rows=1000)
    pieces = pl.concat([table[:3], table[3:500], table[500:]], rechunk=False)
    assert table_hash(pieces) == table_hash(table)
    for compression in ("zstd", "snappy", "uncompressed"):
        path = store.root / "other.parquet"
        table.write_parquet(path, compression=compression, row_group_size=100)
        assert table_hash(pl.read_parquet(path)) == table_hash(table)


def test_the_encoding_of_the_key_is_fixed() -> None:
    # these keys are in the catalogues of users: a change here is a change of format
    table = pl.DataFrame(
        {
            "t": [0.0, 1.5, float("nan"), None],
            "n": pl.Series([1, None, -3, 4], dtype=pl.Int64),
            "s": ["Ladung", "", None, "Ω"],
            "b": [True, None, False, True],
            "l": [[1.0, 2.0], [], None, [None]],
        }
    )
    assert table_hash(table) == FIXED_KEY
    assert table_hash(pl.DataFrame({"t": pl.Series([], dtype=pl.Float64)})) == EMPTY_KEY


# computed by an encoder of its own, with struct and hashlib only
FIXED_KEY = "1db04f217ac726e2b3a31d36f7efb66459a3e12bb2e7762ab3090004ac61ebf5"
EMPTY_KEY = "ddbeec860e311f6a17d094bce7efc66ab1e42a0ab2e9148a6f494f512edc9898"


def test_what_is_different_has_another_key() -> None:
    base = {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    tables = [
        pl.DataFrame(base),
        pl.DataFrame({"b": base["b"], "a": base["a"]}),
        pl.DataFrame({"a": base["a"], "c": base["b"]}),
        pl.DataFrame({"a": [2.0, 1.0], "b": base["b"]}),
        pl.DataFrame({"a": [1.0, None], "b": base["b"]}),
        pl.DataFrame({"a": [1.0, 0.0], "b": base["b"]}),
        pl.DataFrame({"a": [1.0, float("nan")], "b": base["b"]}),
        pl.DataFrame(base, schema={"a": pl.Float32, "b": pl.Float64}),
        pl.DataFrame({"a": [1, 2], "b": base["b"]}),
        pl.DataFrame({"a": ["1", "2"], "b": base["b"]}),
        pl.DataFrame({"a": ["12", ""], "b": base["b"]}),
        pl.DataFrame({"a": [[1.0], [2.0]], "b": base["b"]}),
        pl.DataFrame({"a": [[1.0, 2.0], []], "b": base["b"]}),
        pl.DataFrame({"a": [[1.0, 2.0], None], "b": base["b"]}),
    ]
    assert len({table_hash(t) for t in tables}) == len(tables)


def test_equal_numbers_have_equal_keys() -> None:
    payload = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype="u8").view("f8")
    assert table_hash(pl.DataFrame({"a": payload})) == table_hash(pl.DataFrame({"a": [float("nan")] * 2}))
    assert table_hash(pl.DataFrame({"a": [-0.0]})) == table_hash(pl.DataFrame({"a": [0.0]}))


TYPES = [
    pl.Float64, pl.Float32, pl.Int8, pl.Int64, pl.UInt32, pl.Boolean, pl.String, pl.Date,
    pl.Datetime("us"), pl.Duration("us"), pl.Time, pl.Categorical,
    pl.List(pl.Float64), pl.List(pl.String), pl.Struct({"a": pl.Float64, "b": pl.String}),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    table=dataframes(min_cols=1, max_cols=5, allowed_dtypes=TYPES, allow_null=True),
    cut=st.integers(min_value=0, max_value=10),
)
def test_any_table_survives_parquet_under_its_key(
    tmp_path_factory: pytest.TempPathFactory, table: pl.DataFrame, cut: int
) -> None:
    key = table_hash(table)
    pieces = pl.concat([table[:cut], table[cut:]], rechunk=False)
    assert table_hash(pieces) == key
    path = tmp_path_factory.mktemp("curve") / "x.parquet"
    table.write_parquet(path, compression="zstd")
    assert table_hash(pl.read_parquet(path)) == key


def test_a_time_zone_is_part_of_the_content() -> None:
    times = pl.DataFrame({"t": [datetime(2026, 1, 1), datetime(2026, 1, 1) + timedelta(seconds=1)]})
    zoned = times.with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    assert table_hash(times) != table_hash(zoned)


def test_types_that_cannot_be_kept_are_refused(store: Store) -> None:
    with pytest.raises(InputError, match="'o' has type Object"):
        store.put_curve(pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}))
    with pytest.raises(InputError):
        store.put_curve(pl.DataFrame())
    assert files_below(store.root / "curves") == []


def test_a_curve_is_written_once(store: Store) -> None:
    key = store.put_curve(lab.table(1))
    (path,) = files_below(store.root / "curves")
    written = path.stat().st_ino
    assert store.put_curve(lab.table(1)) == key
    assert path.stat().st_ino == written  # it is as young as one that was written again, see doctor.mend
    assert path.parent.name == key[:2]
    assert re.fullmatch(key + r"\.[0-9a-f]{8}\.parquet", path.name)


def test_a_damaged_file_never_reaches_the_decoder(tmp_path: Path) -> None:
    # one flipped bit at some places of a Parquet file makes polars end the process
    store = Store.create(tmp_path / "w")
    key = store.put_curve(lab.table(1))
    (path,) = files_below(store.root / "curves")
    whole = path.read_bytes()
    path.chmod(0o600)
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CorruptStoreError, match="its bytes have changed"):
            store.read_curve(key)
    assert store.put_curve(lab.table(1)) == key
    assert store.read_curve(key, verify=True).equals(lab.table(1))
    assert len(files_below(store.root / "curves")) == 1


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_curve_is_an_error_never_other_numbers(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = Store.create(tmp_path_factory.mktemp("w"))
    key = store.put_curve(lab.table(1))
    (path,) = files_below(store.root / "curves")
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from([whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :], b"", whole[at + 1 :]])
    )
    path.chmod(0o600)
    path.write_bytes(damaged)
    with pytest.raises(CorruptStoreError):
        store.read_curve(key)
    store.put_curve(lab.table(1))
    assert store.read_curve(key, verify=True).equals(lab.table(1))


def test_a_missing_curve_is_told(store: Store) -> None:
    with pytest.raises(CorruptStoreError, match="not in the workspace"):
        store.read_curve("0" * 64)

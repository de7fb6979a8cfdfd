"""The doctor finds what is wrong with a workspace, and mending loses nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

import store_lab as lab
from lirich.errors import CorruptStoreError
from lirich.model import Cell, Severity
from lirich.store import Analysis, Store


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    lab.whole_job(store, 3, tmp_path / "files")
    assert store.check() == []
    return store


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def test_each_damage_has_its_name(filled: Store) -> None:
    tests = filled.tests()
    raw = [filled.raw_path(t.raw.sha256) for t in tests]
    curve = [filled._curves.path(t.curve) for t in tests]
    overwrite(raw[0], b"time,voltage\n0,9.9\n")
    raw[1].unlink()
    overwrite(curve[0], curve[1].read_bytes())  # whole, readable, and another table
    overwrite(curve[1], b"PAR1 nothing PAR1")
    curve[2].unlink()
    (filled.root / "raw" / "notes.txt").write_text("mine")
    filled.put_cell(Cell(key="lonely", sample="unknown"))
    found = filled.check()
    assert sorted((f.code, f.severity.value) for f in found) == [
        ("curve-damaged", "error"),
        ("curve-damaged", "error"),
        ("curve-missing", "error"),
        ("missing-sample", "warning"),
        ("raw-damaged", "error"),
        ("raw-missing", "error"),
        ("stray-file", "info"),
    ]
    assert [f.severity for f in found] == sorted(
        (f.severity for f in found), key=[Severity.ERROR, Severity.WARNING, Severity.INFO].index
    )
    assert tests[0].raw.name in next(f.message for f in found if f.code == "raw-damaged")
    # without reading contents, only what is absent is seen
    assert {f.code for f in filled.check(hashes=False)} == {
        "raw-missing", "curve-missing", "missing-sample", "stray-file",
    }  # fmt: skip


def test_mending_and_adding_again_heals_everything(filled: Store, tmp_path: Path) -> None:
    before = filled.fingerprint()
    test = filled.tests()[0]
    raw = filled.raw_path(test.raw.sha256)
    overwrite(raw, b"x" * test.raw.size)  # of the same size: only its hash tells
    curve = filled._curves.path(test.curve)
    overwrite(curve, b"PAR1....PAR1")
    done = filled.mend()
    assert {f.code for f in done} == {"raw-set-aside", "curve-set-aside", "raw-missing", "curve-missing"}
    assert sorted(p.read_bytes() for p in (filled.root / "damaged").iterdir()) == sorted(
        [b"x" * test.raw.size, b"PAR1....PAR1"]
    )
    lab.whole_job(filled, 3, tmp_path / "files")
    assert filled.check() == []
    assert filled.fingerprint() == before


def test_a_sound_workspace_is_left_alone(filled: Store) -> None:
    files = {p: p.stat().st_mtime_ns for p in filled.root.rglob("*.*") if p.is_file() and "sqlite" not in p.name}
    assert filled.mend() == []
    assert files == {p: p.stat().st_mtime_ns for p in files}


def test_a_damaged_catalogue_is_told(tmp_path: Path) -> None:
    with Store.create(tmp_path / "w") as store:
        lab.whole_job(store, 3, tmp_path / "files")
        for number in range(300):
            store.put_cell(Cell(key=f"X-{number}", extra={"note": "n" * 100}))
    path = tmp_path / "w" / "catalogue.sqlite"
    data = bytearray(path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for start in range(page * 8, len(data) - page, page * 3):
        data[start : start + 60] = b"\xff" * 60
    path.write_bytes(data)
    with Store.open(tmp_path / "w") as store:
        found = store.check()
    assert found[0].code == "catalogue-damaged"
    assert found[0].severity is Severity.ERROR


def _old(store: Store) -> None:
    for _, path in store._curves.files():
        os.utime(path, (0, 0))


def _again(store: Store) -> tuple[Analysis, Analysis]:
    """Replace an analysis by one with another table of cycles; return both."""
    before, after = (lab.analysis(store, store.tests()[0], capacity=capacity) for capacity in (111.0, 222.0))
    store.put_analysis(before)
    _old(store)
    store.put_analysis(after)
    return before, after


def test_tables_of_a_replaced_analysis_are_removed_and_nothing_that_is_referred_to(filled: Store) -> None:
    before, after = _again(filled)
    (told,) = filled.check()
    assert (told.code, told.repair, str(before.cycles_curve) in told.message) == ("orphan-curve", "remove", True)
    assert [f.code for f in filled.mend()] == ["orphan-curve"]  # who reads it now has a day
    filled.remove_test(filled.tests()[-1].key)  # points are no result: they are kept
    _old(filled)
    assert [f.code for f in filled.mend()] == ["results-removed", "orphan-curve", "orphan-raw"]
    assert filled._curves.path(str(before.cycles_curve)) is None
    assert filled.analyses()[0] == after
    assert all(filled.has_files(raw=[t.raw.sha256], curves=[t.curve]) for t in filled.tests())
    assert all(filled.has_files(curves=a.curves) for a in filled.analyses())


def test_a_table_that_another_process_has_just_written_is_not_removed(filled: Store) -> None:
    """It is there already and old, and the other process is about to enter it: it is young again."""
    before, _ = _again(filled)
    table = filled.read_curve(str(before.cycles_curve))
    _old(filled)
    with Store.open(filled.root) as other:
        assert other.put_curve(table) == before.cycles_curve
        assert "results-removed" not in [f.code for f in filled.mend()]
        other.put_analysis(before)
        _old(filled)
        filled.mend()
        assert filled.has_files(curves=before.curves)


def test_an_analysis_whose_table_is_gone_is_not_entered(filled: Store) -> None:
    before, after = _again(filled)
    _old(filled)
    filled.mend()
    with pytest.raises(CorruptStoreError):
        filled.put_analysis(before)
    assert filled.analyses()[0] == after


def test_where_a_record_cannot_be_read_nothing_is_removed(filled: Store) -> None:
    before, _ = _again(filled)
    _old(filled)
    spoilt = text("UPDATE analysis SET document = '{' WHERE cell = (SELECT max(cell) FROM analysis)")
    filled._database.write(lambda connection: connection.execute(spoilt))
    filled.mend()
    assert filled._curves.path(str(before.cycles_curve)) is not None

"""The doctor finds what is wrong with a workspace, and mending loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import store_lab as lab
from lirich.model import Cell, Severity
from lirich.store import Store


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

"""A workspace in a folder that cannot be written: it is read as it is, nothing of it is touched, no change is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import store_lab as lab
from lirich.errors import StoreError
from lirich.store import Store, engine


@pytest.fixture
def archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Store]:
    """Open a workspace as one whose folder cannot be written (root could write everywhere)."""

    def open_it(root: Path) -> Store:
        monkeypatch.setattr(engine, "_writable", lambda folder: False)
        return Store.open(root)

    return open_it


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of a workspace with one analysed cell."""
    with Store.create(tmp_path / "archive") as store:
        test = lab.add(store, 1, tmp_path)
        store.put_analysis(lab.analysis(store, test))
    return tmp_path / "archive"


def files(root: Path) -> dict[str, tuple[int, int]]:
    return {p.relative_to(root).as_posix(): (p.stat().st_mtime_ns, p.stat().st_size) for p in root.rglob("*")}


def test_all_is_read_and_nothing_is_touched(kept: Path, archived: Callable[[Path], Store]) -> None:
    with Store.open(kept) as store:
        truth = (store.fingerprint(), store.cells(), store.tests())
    shutil.rmtree(kept / "curves" / "incoming", ignore_errors=True)
    before = files(kept)
    with archived(kept) as store:
        assert (store.fingerprint(), store.cells(), store.tests()) == truth
        assert store.check() == []
        with pytest.raises(StoreError, match="Copy the workspace to a folder that you can write"):
            store.change(lambda things: things.put(lab.cell(2)))
    assert files(kept) == before


def test_what_a_process_that_is_still_at_work_wrote_is_read_too(kept: Path, archived: Callable[[Path], Store]) -> None:
    with Store.open(kept) as writer:
        writer.change(lambda things: things.put(lab.cell(2)))
        assert (kept / "catalogue.sqlite-wal").stat().st_size > 0
        with archived(kept) as store:
            assert set(store.cells()) == {"SC-1", "PC-2"}


@pytest.mark.parametrize("times", [1, 99])
def test_a_catalogue_that_changes_while_it_is_read_is_read_again_or_refused(
    kept: Path, archived: Callable[[Path], Store], times: int
) -> None:
    with archived(kept) as store:
        seen: list[int] = []

        def work(connection: object) -> int:
            seen.append(len(seen))
            if len(seen) <= times:
                os.utime(kept / "catalogue.sqlite", ns=(0, len(seen)))
            return len(seen)

        if times == 1:
            assert store._database.read(work) == 2
        else:
            with pytest.raises(StoreError, match="is being written by another process"):
                store._database.read(work)

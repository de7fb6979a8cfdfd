"""Killed at any moment, and used by several processes at once: what was confirmed is there, what was not is whole."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

import store_lab as lab
from lirich.errors import UnknownNameError
from lirich.model import Cell, Severity
from lirich.store import Analysis, Store
from lirich.store.engine import BUSY_SECOND
from lirich.store.things import Things

CELLS = 3


Start = Callable[..., ForkServerProcess]


@pytest.fixture
def start(processes: multiprocessing.context.ForkServerContext) -> Iterator[Start]:
    started: list[ForkServerProcess] = []

    def begin(function: Callable[..., None], *args: object, **kwargs: object) -> ForkServerProcess:
        process = processes.Process(target=function, args=args, kwargs=kwargs)
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def undisturbed(tmp_path: Path) -> str:
    """The fingerprint of the catalogue that the job makes when nobody disturbs it."""
    with Store.create(tmp_path / "undisturbed") as store:
        lab.whole_job(store, CELLS, tmp_path / "files")
        return store.fingerprint()


def confirmed_is_there(root: Path, log: Path) -> list[str]:
    """Open the workspace after a kill and look for everything that was confirmed; return the lines of the log."""
    lines = log.read_text().splitlines() if log.exists() else []
    with Store.open(root) as store:
        cells, tests = store.cells(), {t.key for t in store.tests()}
        analyses = {a.key: a for a in store.analyses()}
        for line in lines:
            what, _, name = line.partition(" ")
            if what == "cell":
                assert name in cells
            elif what == "raw":
                assert store.raw_path(name, verify=True)
            elif what == "curve":
                assert store.read_curve(name, verify=True).height > 0
            elif what == "test":
                assert name in tests
            elif what == "analysis":
                assert len(analyses[name].values) == 3
            elif what == "source":
                assert store.sources() == {name: 1}
        # and nothing is there by halves: every record has its files, and every file its content
        assert [f for f in store.check() if f.severity is Severity.ERROR] == []
        assert all(len(a.values) == 3 for a in analyses.values())
    return lines


def finish(root: Path, tmp_path: Path) -> str:
    with Store.open(root) as store:
        lab.whole_job(store, CELLS, tmp_path / "files")
        assert [f.code for f in store.check() if f.severity is not Severity.INFO] == []
        return store.fingerprint()


def sweep(start: Start, tmp_path: Path, store_url: str | None, undisturbed: str, steps: range) -> int:
    root, log = tmp_path / "killed", tmp_path / "log"
    Store.create(root, database_url=store_url).close()
    ends = 0
    for step in steps:
        log.unlink(missing_ok=True)
        process = start(lab.work, root, tmp_path / "files", CELLS, log, step)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        ends += confirmed_is_there(root, log)[-1:] == ["done"]
    assert finish(root, tmp_path) == undisturbed
    return ends


def test_killed_at_chosen_steps(start: Start, tmp_path: Path, store_url: str | None, undisturbed: str) -> None:
    sweep(start, tmp_path, store_url, undisturbed, range(1, 150, 25))


@pytest.mark.slow
def test_killed_at_many_steps(start: Start, tmp_path: Path, store_url: str | None, undisturbed: str) -> None:
    # before and after fsyncs, renames and statements, over a workspace that grows with the kills
    sweep(start, tmp_path, store_url, undisturbed, range(0, 160, 5))


def state(root: Path) -> tuple[object, ...]:
    """Everything that a reader of the workspace can see; files that nothing speaks of are not seen."""
    with Store.open(root) as store:
        assert [f for f in store.check() if f.severity is Severity.ERROR] == []
        history = [(h.number, h.fact) for h in store.cell_history("SC-1")]
        return store.fingerprint(), store.analyses(), store.values(), store.sources(), history


@pytest.mark.slow
@pytest.mark.parametrize("call", lab.CALLS)
def test_a_call_that_is_killed_at_any_step_has_happened_or_not(
    start: Start, tmp_path: Path, store_url: str | None, call: str
) -> None:
    root, folder = tmp_path / "killed", tmp_path / "files"
    with Store.create(root, database_url=store_url) as store:
        lab.before_call(store, folder)
    (folder / "new.csv").write_text("new")
    before = state(root)
    with Store.create(tmp_path / "undisturbed") as store:
        lab.before_call(store, folder)
        lab.one_call(store, call, folder)
    after = state(tmp_path / "undisturbed")
    for step in range(100):
        process = start(lab.killed_in_call, root, call, folder, step)
        process.join(60)
        if process.exitcode == 0:  # the call has fewer steps: every one of them was tried
            break
        assert process.exitcode == -signal.SIGKILL
        assert state(root) in (before, after)
    assert 4 <= step < 99
    assert state(root) == after


def killed_at_random(
    start: Start, tmp_path: Path, store_url: str | None, undisturbed: str, kills: int
) -> tuple[int, int]:
    root, log = tmp_path / "killed", tmp_path / "log"
    Store.create(root, database_url=store_url).close()
    chance = random.Random(kills)
    lines = []
    for _ in range(kills):
        log.unlink(missing_ok=True)
        process = start(lab.work, root, tmp_path / "files", CELLS, log)
        while not log.exists() and process.is_alive():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        process.join()
        lines.append(len(confirmed_is_there(root, log)))
    assert finish(root, tmp_path) == undisturbed
    return min(lines), max(lines)


def test_killed_at_random_moments(start: Start, tmp_path: Path, store_url: str | None, undisturbed: str) -> None:
    killed_at_random(start, tmp_path, store_url, undisturbed, 8)


@pytest.mark.slow
def test_twenty_kills_at_random_moments(start: Start, tmp_path: Path, store_url: str | None, undisturbed: str) -> None:
    killed_at_random(start, tmp_path, store_url, undisturbed, 20)


def test_several_processes_do_the_same_job_at_once(
    start: Start, tmp_path: Path, store_url: str | None, undisturbed: str
) -> None:
    root = tmp_path / "shared"
    Store.create(root, database_url=store_url).close()
    logs = [tmp_path / f"log{i}" for i in range(4)]
    running = [start(lab.work, root, tmp_path / "files", CELLS, log, first=i) for i, log in enumerate(logs)]
    for process in running:
        process.join(120)
    for log in logs:
        assert confirmed_is_there(root, log)[-1] == "done"
    with Store.open(root) as store:
        assert store.fingerprint() == undisturbed
        assert store.check() == []


def test_of_several_makers_of_a_workspace_one_makes_it(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    running = [start(lab.create, tmp_path / "new", log) for _ in range(6)]
    for process in running:
        process.join(60)
        assert process.exitcode == 0
    told = [line.split() for line in log.read_text().splitlines()]
    assert sorted(what for what, _ in told) == ["made", *["there"] * 5]
    assert len({identity for _, identity in told}) == 1


def test_several_processes_open_an_old_catalogue_at_once(start: Start, tmp_path: Path) -> None:
    import sqlite3

    root = tmp_path / "old"
    root.mkdir()
    (root / "lirich.toml").write_text('[workspace]\nid = "11111111111111111111111111111111"\nname = "old"\n')
    connection = sqlite3.connect(root / "catalogue.sqlite")
    connection.executescript((Path(__file__).parent / "data" / "catalogue_v1.sql").read_text())
    connection.close()
    running = [start(lab.open_only, root) for _ in range(6)]
    for process in running:
        process.join(60)
        assert process.exitcode == 0
    with Store.open(root) as store:
        assert len(store.cells()) == 2
        assert len(store.cell_history("SC-1")) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_opening_waits_for_no_writer(tmp_path: Path) -> None:
    Store.create(tmp_path / "w").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "w" / "catalogue.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with Store.open(tmp_path / "w") as store:
            assert store.cells() == {}
        assert time.monotonic() - began < BUSY_SECOND / 2


def test_an_analysis_never_rests_on_a_test_that_is_being_removed(store: Store, tmp_path: Path) -> None:
    for number in range(10):
        test = lab.add(store, 1, tmp_path / "files")
        analysis = lab.analysis(store, test, capacity=200.0 + number)

        def analyse(analysis: Analysis = analysis) -> None:
            with contextlib.suppress(UnknownNameError):
                store.put_analysis(analysis)

        with ThreadPoolExecutor(2) as pool:
            for work in [pool.submit(analyse), pool.submit(store.remove_test, test.key)]:
                work.result()
        assert store.tests() == []
        assert store.analyses() == []


def test_facts_stated_at_once_are_all_kept(store: Store) -> None:
    store.put_cell(Cell(key="A"))

    def state(number: int) -> None:
        def work(things: Things) -> None:
            present = things.one(Cell, "A")
            things.put(present.model_copy(update={"extra": {**present.extra, f"fact{number}": number}}))

        store.change(work)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(state, range(20)))
    assert store.cell("A").extra == {f"fact{n}": n for n in range(20)}
    assert len(store.cell_history("A")) == 21


def test_a_change_that_fails_half_way_has_not_happened(store: Store) -> None:
    def work(things: Things) -> None:
        things.put(Cell(key="A"))
        things.one(Cell, "B")

    with pytest.raises(UnknownNameError):
        store.change(work)
    assert store.cells() == {}


def test_a_fork_and_its_parent_both_go_on(store: Store) -> None:
    store.put_cell(Cell(key="before"))
    pid = os.fork()
    if pid == 0:
        try:
            store.put_cell(Cell(key="child"))
            os._exit(0 if len(store.cells()) >= 2 else 1)
        finally:
            os._exit(2)
    store.put_cell(Cell(key="parent"))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    store.put_cell(Cell(key="after"))
    assert list(store.cells()) == ["after", "before", "child", "parent"]


def test_a_leftover_of_a_kill_is_swept_when_it_is_old(store: Store) -> None:
    leftovers = []
    for shelf, age in (("raw", 0), ("curves", 0), ("raw", 100_000), ("curves", 100_000)):
        path = store.root / shelf / "incoming" / f"{age}.part"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
        leftovers.append(path)
    assert [f.code for f in store.check()] == ["leftover-temporary"] * 4
    Store.open(store.root).close()
    # a young one may be of a write that is going on in another process
    assert [p.exists() for p in leftovers] == [True, True, False, False]

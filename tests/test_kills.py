"""A kill at any moment loses nothing that was confirmed, and the rerun ends where an undisturbed run ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

import store_lab as lab
from conftest import DATABASES, empty_database
from lirich.testing.laboratory import make_laboratory
from lirich.workbench import Workspace

KILLS = {"sqlite": 40, "postgres": 10}
"""How often work is killed on each database before it has finished: what is killed is mostly the same code."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills") / "files"
    make_laboratory(folder, n_sc=2, n_pc=1, cycles=3, physics="curves")
    return folder


Processes = multiprocessing.context.ForkServerContext


def start(processes: Processes, root: Path, files: Path, executor: str) -> tuple[ForkServerProcess, Connection]:
    """Start the work; returns when the process has the workspace open."""
    heard, said = processes.Pipe(duplex=False)
    process = processes.Process(target=lab.add_and_analyse, args=(root, files, executor, said))
    process.start()
    said.close()
    assert heard.recv() == "ready"
    return process, heard


def rest_of(heard: Connection) -> list[str]:
    """What the process says until its end. A message that was cut by a kill confirmed nothing."""
    said: list[str] = []
    with heard, contextlib.suppress(EOFError, OSError):
        while True:
            said.append(heard.recv())
    return said


def undisturbed(root: Path, files: Path) -> str:
    with Workspace.open(root) as workspace:
        workspace.add(files, executor="serial")
        workspace.analyse(executor="serial")
        assert not [f for f in workspace.check() if f.severity == "error"]
        return workspace.store.fingerprint()


@pytest.mark.slow
@pytest.mark.parametrize("kind", DATABASES)
def test_fifty_random_kills_end_in_the_same_catalogue(
    processes: Processes, tmp_path: Path, files: Path, kind: str
) -> None:
    longest = {}
    for executor in ("serial", "processes"):
        Workspace.create(tmp_path / executor).close()
        _, heard = start(processes, tmp_path / executor, files, executor)
        began = time.monotonic()
        assert "finished" in rest_of(heard)
        longest[executor] = time.monotonic() - began
    reference = undisturbed(tmp_path / "serial", files)  # both databases end in what SQLite holds
    with contextlib.ExitStack() as databases:

        def new(number: int) -> Path:
            root = tmp_path / f"killed-{number}"
            Workspace.create(root, database_url=databases.enter_context(empty_database(kind))).close()
            return root

        killed_at_random(processes, new, files, reference, KILLS[kind], longest)


def killed_at_random(
    processes: Processes,
    new: Callable[[int], Path],
    files: Path,
    reference: str,
    times: int,
    longest: dict[str, float],
) -> None:
    rng = random.Random(20261122)
    number, kills, late, confirmed = 0, 0, 0, set[str]()
    root = new(0)
    while kills < times:
        assert late < 8 * times, "the kills come too late to disturb anything"
        executor = "processes" if kills % 8 == 0 else "serial"
        process, heard = start(processes, root, files, executor)
        time.sleep(rng.uniform(0.0, longest[executor]))
        with contextlib.suppress(ProcessLookupError):  # it has finished
            os.killpg(process.pid, signal.SIGKILL)
        said = rest_of(heard)
        process.join()
        if "finished" in said:
            late += 1
            longest[executor] *= 0.8  # there is less to do than in the first run, or more time to do it
        else:
            kills += 1
        confirmed |= {line.split()[1] for line in said if line.startswith("confirmed")}
        with Workspace.open(root) as workspace:
            there = {test.key for test in workspace.store.tests()}
            assert confirmed <= there, "a confirmed test is gone"
            for test in workspace.store.tests():
                assert workspace.store.read_curve(test.curve, verify=True).height == test.rows
                assert workspace.store.raw_path(test.raw.sha256, verify=True).is_file()
        if "finished" in said or rng.random() < 0.15:
            assert undisturbed(root, files) == reference
            number += 1
            confirmed = set()
            root = new(number)
    assert undisturbed(root, files) == reference
    assert number >= times // 15


@pytest.mark.slow
def test_two_processes_add_the_same_folder_at_once(
    processes: Processes, tmp_path: Path, files: Path, store_url: str | None
) -> None:
    Workspace.create(tmp_path / "reference").close()
    reference = undisturbed(tmp_path / "reference", files)
    Workspace.create(tmp_path / "shared", database_url=store_url).close()
    for process, heard in [start(processes, tmp_path / "shared", files, "serial") for _ in range(2)]:
        assert "finished" in rest_of(heard)
        process.join()
        assert process.exitcode == 0
    assert undisturbed(tmp_path / "shared", files) == reference


@pytest.mark.slow
def test_a_killed_parent_leaves_no_worker_behind(processes: Processes, tmp_path: Path, files: Path) -> None:
    Workspace.create(tmp_path / "workspace").close()
    process, _ = start(processes, tmp_path / "workspace", files, "processes")
    for _ in range(100):
        if len(members(process.pid)) > 1:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("no worker was started")
    process.kill()  # the parent alone, not its group
    process.join()
    for _ in range(100):
        left = members(process.pid)
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"workers {left} outlived their parent")


def members(group: int) -> list[str]:
    return subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True).stdout.split()

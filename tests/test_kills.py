"""A kill at any moment loses nothing that was confirmed, and the rerun ends where an undisturbed run ends."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import DATABASES, empty_database
from lirich.testing.laboratory import make_laboratory
from lirich.workbench import Workspace

KILLS = {"sqlite": 40, "postgres": 10}
"""How often is killed on each database: what is killed is mostly the same code."""

RUN = """
import sys
from lirich.workbench import Workspace
root, files, executor = sys.argv[1:]
with Workspace.open(root) as ws:
    print("ready", flush=True)
    ws.add(files, executor=executor, workers=2, on_file=lambda a: print("confirmed", a.test.key, flush=True))
    ws.analyse(executor=executor, workers=2)
    print("finished", flush=True)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills") / "files"
    make_laboratory(folder, n_sc=3, n_pc=2, cycles=6, physics="curves")
    return folder


def start(root: Path, files: Path, executor: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(root), str(files), executor],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def undisturbed(root: Path, files: Path) -> str:
    with Workspace.open(root) as workspace:
        workspace.add(files, executor="serial")
        workspace.analyse(executor="serial")
        assert not [f for f in workspace.check() if f.severity == "error"]
        return workspace.store.fingerprint()


@pytest.mark.slow
@pytest.mark.parametrize("kind", DATABASES)
def test_fifty_random_kills_end_in_the_same_catalogue(tmp_path: Path, files: Path, kind: str) -> None:
    Workspace.create(tmp_path / "reference").close()
    reference = undisturbed(tmp_path / "reference", files)  # both databases end in what SQLite holds
    with contextlib.ExitStack() as databases:

        def new(number: int) -> Path:
            root = tmp_path / f"killed-{number}"
            Workspace.create(root, database_url=databases.enter_context(empty_database(kind))).close()
            return root

        killed_at_random(new, files, reference, KILLS[kind])


def killed_at_random(new: Callable[[int], Path], files: Path, reference: str, times: int) -> None:
    rng = random.Random(20261122)
    number, kills, complete, confirmed = 0, 0, 0, set[str]()
    root = new(0)
    while kills < times:
        process = start(root, files, "processes" if kills % 5 == 0 else "serial")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.0, 1.2))
        os.killpg(process.pid, signal.SIGKILL)
        said = process.stdout.read().splitlines()
        process.wait()
        kills += 1
        # a line that was cut by the kill confirmed nothing
        confirmed |= {line.split()[1] for line in said if line.startswith("confirmed") and len(line.split()[1]) == 64}
        with Workspace.open(root) as workspace:
            there = {test.key for test in workspace.store.tests()}
            assert confirmed <= there, "a confirmed test is gone"
            for test in workspace.store.tests():
                assert workspace.store.read_curve(test.curve, verify=True).height == test.rows
                assert workspace.store.raw_path(test.raw.sha256, verify=True).is_file()
        if "finished" in said or rng.random() < 0.15:
            complete += "finished" in said
            assert undisturbed(root, files) == reference
            number += 1
            confirmed = set()
            root = new(number)
    assert undisturbed(root, files) == reference
    assert number >= times // 15
    assert complete < times / 2, "the kills came too late to disturb anything"


@pytest.mark.slow
def test_two_processes_add_the_same_folder_at_once(tmp_path: Path, files: Path, store_url: str | None) -> None:
    Workspace.create(tmp_path / "reference").close()
    reference = undisturbed(tmp_path / "reference", files)
    Workspace.create(tmp_path / "shared", database_url=store_url).close()
    both = [start(tmp_path / "shared", files, "serial") for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        assert "finished" in out
    assert undisturbed(tmp_path / "shared", files) == reference


@pytest.mark.slow
def test_a_killed_parent_leaves_no_worker_behind(tmp_path: Path, files: Path) -> None:
    Workspace.create(tmp_path / "workspace").close()
    process = start(tmp_path / "workspace", files, "processes")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(2.0)
    process.kill()  # the parent alone, not its group
    process.wait()
    for _ in range(100):
        left = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True).stdout.split()
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"workers {left} outlived their parent")

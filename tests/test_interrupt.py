"""Ctrl-C, which a terminal sends to every process of the run: one clean line, exit code 130, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import AT_WORK
from forked import Ended, Forker, forker
from lirich.testing.laboratory import make_laboratory
from lirich.workbench import Workspace

RUN = "from lirich.cli import main; print('ready', flush=True); main()"
LINE = "Stopped. What was confirmed is kept; run the same command to go on.\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interrupt") / "files"
    make_laboratory(folder, n_sc=4, n_pc=2, cycles=4, physics="curves")
    return folder


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, files: Path) -> str:
    with Workspace.create(tmp_path_factory.mktemp("reference") / "ws") as workspace:
        return finished(workspace, files)


@pytest.fixture(scope="module")
def started() -> Iterator[Forker]:
    with forker(["lirich.cli.app", *AT_WORK]) as server:
        yield server


def finished(workspace: Workspace, files: Path) -> str:
    workspace.add(files, executor="serial")
    workspace.analyse(executor="serial")
    assert not [f for f in workspace.check() if f.severity == "error"]
    return workspace.store.fingerprint()


def interrupted(arguments: list[str], cwd: Path, delay: float, signals: int = 1) -> Ended:
    """Run lirich in a group of its own and send SIGINT to the whole group, *delay* s after it began to import."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "LIRICH_WORKSPACE": ""},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    stop(process.pid, delay, signals)
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def stop(group: int, delay: float, signals: int = 1) -> None:
    time.sleep(delay)
    for _ in range(signals):
        os.killpg(group, signal.SIGINT)
        time.sleep(0.03)


def clean(done: Ended) -> bool:
    """Check that a run was stopped with one line, or had finished before; tell whether it was stopped."""
    if done.returncode == 0:
        assert "Traceback" not in done.stderr
        return False
    assert (done.returncode, done.stderr) == (130, LINE)
    return True


# importing, starting the pool, workers importing, workers at work
@pytest.mark.parametrize("delay", [0.02, 0.4, 0.8, 1.2])
def test_add_and_analyse_stop_cleanly_and_go_on(tmp_path: Path, files: Path, reference: str, delay: float) -> None:
    Workspace.create(tmp_path / "ws").close()
    stopped = clean(interrupted(["add", str(files), "--workers", "2"], tmp_path / "ws", delay))
    assert stopped or delay > 0.5
    with Workspace.open(tmp_path / "ws") as workspace:
        workspace.add(files, executor="serial")
    clean(interrupted(["analyse", "--workers", "2"], tmp_path / "ws", delay))
    with Workspace.open(tmp_path / "ws") as workspace:
        assert finished(workspace, files) == reference


def test_an_impatient_ctrl_c_changes_nothing(tmp_path: Path, files: Path) -> None:
    Workspace.create(tmp_path / "ws").close()
    clean(interrupted(["add", str(files), "--workers", "2"], tmp_path / "ws", 0.8, signals=5))


def test_a_ctrl_c_that_compiled_code_turns_into_another_error_is_one_still(tmp_path: Path) -> None:
    swallowed = (
        "import signal, lirich.cli\n"
        "def run():\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    except KeyboardInterrupt:\n"
        "        raise ValueError('SchemaError: KeyboardInterrupt') from None\n"
        "lirich.cli._run = run\n"
        "lirich.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", swallowed], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert clean(Ended(done.returncode, done.stdout, done.stderr))


def test_a_semaphore_that_something_still_holds_is_freed_without_a_word(tmp_path: Path) -> None:
    """As a pool that was half made, where multiprocessing was imported before the command began."""
    program = (
        "import multiprocessing, lirich.cli\n"
        "held = multiprocessing.get_context('spawn').Lock()\n"
        "def run():\n"
        "    raise KeyboardInterrupt\n"
        "lirich.cli._run = run\n"
        "lirich.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert clean(Ended(done.returncode, done.stdout, done.stderr))


@pytest.mark.slow
def test_no_moment_is_a_bad_one(tmp_path: Path, files: Path, reference: str, started: Forker) -> None:
    """From the first line of the command to the end of its work, without the imports."""
    root = tmp_path / "ws"
    Workspace.create(root).close()
    stopped = 0
    for i in range(16):
        verb = ["add", str(files)] if i % 2 == 0 else ["analyse", "--force"]
        process = started.start(*verb, "--workers", "2", cwd=root)
        stop(process.pid, 0.02 + 0.08 * i)
        stopped += clean(process.ended())
    assert stopped > 5
    with Workspace.open(root) as workspace:
        assert finished(workspace, files) == reference

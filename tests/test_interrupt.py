"""Ctrl-C, which a terminal sends to every process of the run: one clean line, exit code 130, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lirich.testing.laboratory import make_laboratory
from lirich.workbench import Workspace

RUN = "from lirich.cli import main; print('ready', flush=True); main()"
LINE = "Stopped. What was confirmed is kept; run the same command to go on.\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interrupt") / "files"
    make_laboratory(folder, n_sc=4, n_pc=4, cycles=6, physics="curves")
    return folder


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, files: Path) -> str:
    with Workspace.create(tmp_path_factory.mktemp("reference") / "ws") as workspace:
        return finished(workspace, files)


def finished(workspace: Workspace, files: Path) -> str:
    workspace.add(files, executor="serial")
    workspace.analyse(executor="serial")
    assert not [f for f in workspace.check() if f.severity == "error"]
    return workspace.store.fingerprint()


def interrupted(arguments: list[str], cwd: Path, delay: float, signals: int = 1) -> subprocess.CompletedProcess[str]:
    """Run lirich in a group of its own and send SIGINT to the whole group, *delay* s after it began."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "LIRICH_WORKSPACE": ""},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    for _ in range(signals):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.03)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def clean(done: subprocess.CompletedProcess[str]) -> bool:
    """Check that a run was stopped with one line, or had finished before; tell whether it was stopped."""
    if done.returncode == 0:
        assert "Traceback" not in done.stderr
        return False
    assert (done.returncode, done.stderr) == (130, LINE)
    return True


# importing, starting the pool, workers importing, workers at work
@pytest.mark.parametrize("delay", [0.02, 0.3, 0.6, 0.9, 1.2, 1.6])
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
    assert clean(done)


@pytest.mark.slow
def test_no_moment_is_a_bad_one(tmp_path: Path, files: Path, reference: str) -> None:
    root = tmp_path / "ws"
    Workspace.create(root).close()
    stopped = 0
    for i in range(20):
        verb = ["add", str(files)] if i % 2 == 0 else ["analyse", "--force"]
        stopped += clean(interrupted([*verb, "--workers", "2"], root, 0.02 + 0.08 * i))
    assert stopped > 5
    with Workspace.open(root) as workspace:
        assert finished(workspace, files) == reference

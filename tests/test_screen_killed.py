"""The command ``lirich screen dopants`` with CHGNet: killed, spread over Dask, read back without its libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("chgnet")

from lirich.workbench import Workspace

STUDY = """\
name: tiny
host: {formula: Li2MnO3, atoms: 12, orderings: 1}
dopants: [Ti, Zr]
concentration_percent: 50
oxygen_sites: 1
relaxation: {force_max_ev_a: 0.1}
descriptors: [oxygen_vacancy_formation_energy_ev]
weights: {oxygen_vacancy_formation_energy_change_ev: 1}
"""
SCREEN = [sys.executable, "-m", "lirich", "screen", "dopants", "study.yaml", "--json"]


def workspace(folder: Path) -> Path:
    Workspace.create(folder).close()
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    return folder


def answer(folder: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run([*SCREEN, *options], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def kept_jobs(folder: Path) -> int:
    return len(list((folder / "cache" / "screen" / "jobs").glob("*/*.json")))


def kill_after(folder: Path, jobs: int) -> None:
    """Start the study and kill it, workers and all, once so many of its jobs are kept."""
    running = subprocess.Popen(
        [*SCREEN, "--workers", "2"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        while kept_jobs(folder) < jobs and running.poll() is None:
            time.sleep(0.02)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL, "it was finished before the kill"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return answer(workspace(tmp_path_factory.mktemp("undisturbed") / "ws"), "--workers", "1")


@pytest.mark.slow
def test_a_study_killed_three_times_ends_with_the_same_table(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    folder = workspace(tmp_path / "ws")
    for jobs in (1, 3, 5):
        kill_after(folder, jobs)
    found = answer(folder, "--workers", "1")
    assert not found["cached"]
    assert found["candidates"] == undisturbed["candidates"]
    again = answer(folder, "--workers", "1")
    assert again["cached"]
    assert again["candidates"] == undisturbed["candidates"]


@pytest.mark.slow
def test_dask_gives_the_same_table(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    pytest.importorskip("distributed")
    found = answer(workspace(tmp_path / "ws"), "--executor", "dask", "--workers", "1")
    assert found["candidates"] == undisturbed["candidates"]


BACK = """\
import sys
from pathlib import Path
from lirich.workbench import Workspace
with Workspace.open(Path(sys.argv[1])) as ws:
    result = ws.screen("study.yaml")
assert result.cached
print(" ".join(name for name in ("torch", "chgnet", "pymatgen", "ase", "pint", "polars") if name in sys.modules))
"""


@pytest.mark.slow
def test_a_finished_study_is_read_back_without_what_computed_it(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "ws")
    assert not answer(folder, "--workers", "1")["cached"]
    done = subprocess.run(
        [sys.executable, "-c", BACK, str(folder)], cwd=folder, capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.split() == []

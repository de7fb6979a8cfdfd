"""The command ``lirich screen dopants`` with CHGNet: killed, spread over Dask, read back without its libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("chgnet")

from command_line import run
from forked import Forker, forker
from lirich.workbench import Workspace

pytestmark = pytest.mark.slow
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
SCREEN = ("screen", "dopants", "study.yaml", "--json")
IMPORTED = (
    "lirich.cli.app", "lirich.cli.screening", "lirich.workbench.screening.screen", "lirich.workbench.screening.cells",
    "lirich.atoms.chgnet", "lirich.atoms.descriptors.candidate", "lirich.atoms.ordering",
    "lirich.interfaces.embedded", "lirich.store.results", "torch", "pymatgen.core.structure",
)  # fmt: skip
"""What a study imports, which takes longer than this one takes to compute."""


@pytest.fixture(scope="module")
def started() -> Iterator[Forker]:
    with forker(IMPORTED) as server:
        yield server


def workspace(folder: Path) -> Path:
    Workspace.create(folder).close()
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    return folder


def answer(folder: Path, *options: str) -> dict[str, Any]:
    done = run(*SCREEN, *options, cwd=folder)
    assert done.code == 0, done.err
    return json.loads(done.out)  # type: ignore[no-any-return]


def kept_jobs(folder: Path) -> int:
    return len(list((folder / "cache" / "screen" / "jobs").glob("*/*.json")))


def kill_after(started: Forker, folder: Path, jobs: int, workers: int) -> None:
    """Start the study and kill it, workers and all, once so many of its jobs are kept."""
    running = started.start(*SCREEN, "--workers", str(workers), cwd=folder)
    until = time.monotonic() + 600
    while kept_jobs(folder) < jobs and time.monotonic() < until:
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGKILL)
    assert running.ended().returncode == -signal.SIGKILL, "it was finished before the kill"
    assert kept_jobs(folder) < 6, "nothing was left to do"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the finished study."""
    folder = workspace(tmp_path_factory.mktemp("undisturbed") / "ws")
    assert not answer(folder, "--workers", "1")["cached"]
    assert kept_jobs(folder) == 6
    return folder


def candidates(folder: Path) -> Any:
    again = answer(folder, "--workers", "1")
    assert again["cached"]
    return again["candidates"]


def test_a_study_killed_three_times_ends_with_the_same_table(
    started: Forker, tmp_path: Path, undisturbed: Path
) -> None:
    folder = workspace(tmp_path / "ws")
    for jobs, workers in ((1, 2), (3, 1), (4, 1)):
        kill_after(started, folder, jobs, workers)
    found = answer(folder, "--workers", "1")
    assert not found["cached"]
    assert found["candidates"] == candidates(undisturbed) == candidates(folder)


def test_dask_gives_the_same_table(tmp_path: Path, undisturbed: Path) -> None:
    pytest.importorskip("distributed")
    found = answer(workspace(tmp_path / "ws"), "--executor", "dask", "--workers", "1")
    assert found["candidates"] == candidates(undisturbed)


BACK = """\
import sys
from pathlib import Path
from lirich.workbench import Workspace
with Workspace.open(Path(sys.argv[1])) as ws:
    result = ws.screen("study.yaml")
assert result.cached
print(" ".join(name for name in ("torch", "chgnet", "pymatgen", "ase", "pint", "polars") if name in sys.modules))
"""


def test_a_finished_study_is_read_back_without_what_computed_it(undisturbed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BACK, str(undisturbed)], cwd=undisturbed, capture_output=True, text=True, timeout=300,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == []

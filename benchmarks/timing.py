"""Warm processes, one per tool, that take turns: every round runs each of them once."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from peers import ROOT, Peer

WORKER = Path(__file__).with_name("worker.py")
PATIENCE_S = 60.0
"""How long the timed rounds of one tool on one file may take together; slow tools get fewer rounds, at least 2."""


@dataclass
class Result:
    """What one tool did with one file: the median of its rounds, or why it did not."""

    tool: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rows: int = 0
    cycles: int = 0
    peak_mib: float = 0.0
    error: str = ""
    clock: str = "wall"

    @property
    def median_s(self) -> float:
        """The median of the rounds by the chosen clock, s."""
        return statistics.median(self.seconds if self.clock == "wall" else self.cpu)


class Warm:
    """A worker process that has its tool imported and waits for ``go``."""

    def __init__(self, tool: str, peer: Peer, path: Path, kind: str) -> None:
        environment = {**os.environ, "LIRICH_BENCH_FORMAT": kind, "PYTHONWARNINGS": "ignore"}
        if not peer.requirement:
            environment["PYTHONPATH"] = str(ROOT / "src")
        self.result = Result(tool)
        self._process = subprocess.Popen(
            [str(peer.python), str(WORKER), tool, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        self._take()

    def _take(self) -> dict[str, float]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        answer: dict[str, float] = json.loads(line) if line else {"error": "the process died"}  # type: ignore[dict-item]
        if "error" in answer:
            self.result.error = str(answer["error"])
        return answer

    def go(self, *, count: bool) -> float:
        """Run once; keep the time where *count* says so. Returns the seconds, 0 after an error."""
        if self.result.error or self._process.stdin is None:
            return 0.0
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        answer = self._take()
        if self.result.error:
            return 0.0
        if count:
            self.result.seconds.append(answer["seconds"])
            self.result.cpu.append(answer["cpu"])
        self.result.rows, self.result.cycles = int(answer["rows"]), int(answer["cycles"])
        self.result.peak_mib = answer["mib"]
        return answer["seconds"]

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def measure(path: Path, kind: str, peers: list[Peer], rounds: int, clock: str) -> dict[str, Result]:
    """Time every tool on one file; the first run of each is a warm-up and does not count."""
    warm = [Warm(peer.name, peer, path, kind) for peer in peers]
    for w in warm:
        w.result.clock = clock
    first = [w.go(count=False) for w in warm]
    left = [max(2, min(rounds, int(PATIENCE_S / max(seconds, 1e-3)))) for seconds in first]
    for turn in range(max(left, default=0)):
        for w, n in zip(warm, left, strict=True):
            if turn < n:
                w.go(count=True)
    for w in warm:
        w.close()
    return {w.result.tool: w.result for w in warm}

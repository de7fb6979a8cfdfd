"""Processes of ``lirich`` that start in milliseconds: forked from one that has imported everything and done nothing.

They are processes like any other, leaders of a group of their own, to be killed and interrupted. What happens while
Python starts and imports is not tested with them.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative where a signal ended it, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Running:
    """A process that was started; *written* begins the names of the files that hold what it writes."""

    pid: int
    written: Path
    server: subprocess.Popen[str]

    def ended(self) -> Ended:
        """Wait for its end."""
        code = int(_ask(self.server, {"wait": self.pid}))
        return Ended(code, *(Path(f"{self.written}.{name}").read_text(encoding="utf-8") for name in ("out", "err")))


@dataclass(frozen=True)
class Forker:
    """Starts ``lirich`` with some arguments in a folder."""

    server: subprocess.Popen[str]

    def start(self, *arguments: str, cwd: Path) -> Running:
        """Start a process; returns when it is about to read its command line."""
        written = cwd.parent / f"{cwd.name}-forked"
        order = {"arguments": arguments, "cwd": str(cwd), "written": str(written)}
        return Running(int(_ask(self.server, order)), written, self.server)


@contextmanager
def forker(modules: Sequence[str]) -> Iterator[Forker]:
    """Open a server that has imported *modules*."""
    with subprocess.Popen(
        [sys.executable, __file__, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "LIRICH_WORKSPACE": ""},
    ) as server:  # fmt: skip
        try:
            yield Forker(server)
        finally:
            server.kill()


def _ask(server: subprocess.Popen[str], order: object) -> str:
    assert server.stdin is not None
    assert server.stdout is not None
    print(json.dumps(order), file=server.stdin, flush=True)
    return server.stdout.readline()


def _serve() -> None:
    """Fork for each order, and answer with the process; or wait for one, and answer with its exit code."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
            continue
        ready, begun = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(order)
            os.write(begun, b"!")
            os.close(begun)
            return
        os.read(ready, 1)
        os.close(ready)
        os.close(begun)
        print(pid, flush=True)


def _become(order: dict[str, str]) -> None:
    os.setsid()
    os.chdir(order["cwd"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{order['written']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv[:] = ["lirich", *order["arguments"]]


if __name__ == "__main__":
    for module in sys.argv[1:]:
        importlib.import_module(module)
    _serve()
    if sys.argv[0] == "lirich":  # in a process that was forked
        from lirich.cli import main

        main()

"""Lirich's command line as a shell runs it, in this process: without the start of Python and the imports."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from lirich import cli
from lirich.cli import output


@dataclass(frozen=True)
class Told:
    """What a command left behind: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def run(*arguments: str, cwd: Path, **variables: str) -> Told:
    """Run ``lirich`` with *arguments* in the folder *cwd*, with further *variables* in the environment.

    An exception that is none of lirich's own is raised here, where a shell would show a traceback. What is about the
    process itself (signals, exit, what is imported) is tested with processes: test_interrupt.py, test_house.py.
    """
    out, err = io.StringIO(), io.StringIO()
    code: int | str | None = 0
    with (
        mock.patch.dict(os.environ, {"LIRICH_WORKSPACE": "", **variables}),
        mock.patch.object(sys, "argv", ["lirich", *arguments]),
        mock.patch.object(sys.modules["__main__"], "__package__", None),  # a script; completion goes by its name
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        output.want_json(False)  # as a process begins
        try:
            cli._run()
        except SystemExit as leaving:
            code = leaving.code
    return Told(int(code or 0), out.getvalue(), err.getvalue())

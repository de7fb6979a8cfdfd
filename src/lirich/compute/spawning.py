"""Worker processes that do not run the user's script again.

Python's spawned process imports the script that started it, under another name, to find there what was defined in it.
A script without ``if __name__ == "__main__"`` then starts all over in each worker, which Python stops with an error;
one that came through stdin is no file that could be imported. The tasks of lirich are functions of importable modules:
their workers need no script.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

_OF_THE_SCRIPT = ("init_main_from_name", "init_main_from_path")
"""What tells a new process which script to run: `multiprocessing.spawn.prepare` of the standard library, 3.11–3.14."""

_prepared = spawn.get_preparation_data
_here = threading.local()
_turn = threading.Lock()


def _without_script(name: str) -> dict[str, Any]:
    told = _prepared(name)
    if getattr(_here, "left_alone", False):  # another thread may start a process of its own meanwhile
        told = {key: what for key, what in told.items() if key not in _OF_THE_SCRIPT}
    return told


@contextmanager
def _script_left_alone() -> Iterator[None]:
    with _turn:
        _here.left_alone = True
        spawn.get_preparation_data = _without_script
        try:
            yield
        finally:
            spawn.get_preparation_data = _prepared
            _here.left_alone = False


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - the standard library's name
        with _script_left_alone():
            return SpawnProcess._Popen(process_obj)


class ScriptlessContext(SpawnContext):
    """As the context ``spawn``, for tasks of importable modules: the script that started all is not run again."""

    Process = _Process


def needs_script(*sent: object) -> bool:
    """Tell whether what is *sent* to a worker (a task and its parameters) has anything of the user's script in it.

    A pickle names the module of each function and class. What cannot be pickled is left to the pool, which says so.
    """
    if any(getattr(each, "__module__", None) == "__main__" for each in sent):
        return True
    try:
        return b"__main__" in pickle.dumps(sent)
    except Exception:  # noqa: BLE001 - whatever the objects raise
        return False

"""One open workspace per process: tasks of the compute seam come many to a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lirich.store import Store


@lru_cache(maxsize=4)
def store_at(root: str) -> Store:
    """Return the store of the workspace folder *root*, opened once in this process.

    Tasks read and write files only: no connection is kept, which a server has few of and a cluster many processes.
    """
    from lirich.store import Store

    store = Store.open(Path(root))
    store.close()
    return store

"""One open workspace per process: tasks of the compute seam come many to a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lirich.store import Store


@lru_cache(maxsize=4)
def store_at(root: str) -> Store:
    """Return the store of the workspace folder *root*, opened once in this process."""
    from lirich.store import Store

    return Store.open(Path(root))

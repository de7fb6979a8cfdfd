"""Many names in one sentence: the first few, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence


def name_some(names: Sequence[str], most: int = 5, *, between: str = ", ") -> str:
    """Return the first *most* names, and how many more there are: ``SC-1, SC-2 and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more

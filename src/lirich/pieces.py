"""Long columns, piece by piece: what is made of a piece stays in the cache of the processor."""

from __future__ import annotations

from collections.abc import Iterator

PIECE_ROWS = 32_768
"""So many numbers of eight bytes are 256 KiB; some arrays of them fit into the second cache of a core (1 to 2 MiB)."""


def pieces(rows: int) -> Iterator[slice]:
    """Return the slices that divide a column of so many *rows*, in order."""
    return (slice(begin, min(begin + PIECE_ROWS, rows)) for begin in range(0, rows, PIECE_ROWS))

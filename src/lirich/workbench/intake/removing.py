"""Which file of a cell is meant when one is to go: by its name, or by the beginning of its hash."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lirich.errors import CorruptStoreError, InputError, UnknownNameError, quoted
from lirich.model.format import format_count

if TYPE_CHECKING:
    from lirich.model import RawFile, Test
    from lirich.store import Store

LEAST_DIGITS = 6
"""So many digits of a hash name a file: by chance two of a cell's files share them once in 16⁶ = 17 million pairs."""

SHOWN_DIGITS = 12
"""So many digits of a hash are printed."""

_DIGITS = re.compile(rf"([0-9a-f]{{{LEAST_DIGITS},64}})…?")


def file_of(store: Store, cell: str, file: str) -> RawFile:
    """Return the one file of *cell* that *file* means: its name, or at least six digits that its hash begins with.

    Raises `UnknownNameError` on the cell or where no file is meant, `InputError` where several are, which are then
    listed with hash, size and time of adding.
    """
    store.cell(cell)
    return chosen(store, cell, store.tests(cell), file)


def chosen(store: Store, cell: str, tests: Sequence[Test], file: str) -> RawFile:
    """Return the one file of *tests*, those of *cell*, that *file* means: see `file_of`."""
    there = list({test.raw.sha256: test.raw for test in tests}.values())
    found = [raw for raw in there if raw.name == file]
    digits = _DIGITS.fullmatch(file.casefold())
    if not found and digits is not None:
        found = [raw for raw in there if raw.sha256.startswith(digits[1])]
    if len(found) == 1:
        return found[0]
    if found:
        added = {test.raw.sha256: test.added_unix_second for test in tests}
        raise InputError(
            f"{len(found)} files of {cell} are {file!r}",
            expected="the beginning of one hash: " + "; ".join(_told(store, raw, added[raw.sha256]) for raw in found),
            advice=f"lirich cells {quoted(cell)} --remove-file {found[0].sha256[:SHOWN_DIGITS]}, or another of these",
        )
    count = Counter(raw.name for raw in there)
    known = [raw.name if count[raw.name] == 1 else f"{raw.name} ({raw.sha256[:SHOWN_DIGITS]})" for raw in there]
    raise UnknownNameError.of(f"file of {cell}", file, known)


def _told(store: Store, raw: RawFile, added: float | None) -> str:
    """Return hash, size and time of adding; where that is not known, when the copy in the workspace was written."""
    told = f"{raw.sha256[:SHOWN_DIGITS]} ({format_count(raw.size)} bytes"
    try:
        written = store.raw_path(raw.sha256).stat().st_mtime
    except (OSError, CorruptStoreError):
        return f"{told}, its copy is gone)"
    return f"{told}, added {datetime.fromtimestamp(added or written, UTC):%Y-%m-%d %H:%M:%S} UTC)"

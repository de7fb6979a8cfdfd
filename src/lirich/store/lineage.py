"""The way back from a value to the code, the settings and the files that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lirich.model import Value
from lirich.store.records import Lineage, LineageFile

if TYPE_CHECKING:
    from lirich.store.store import Store


def lineage(store: Store, value: Value, owners: Sequence[str]) -> Lineage:
    """Return the way back from a value that *owners* hold: ``cell/<cell>/<run>`` and ``source/<source>``."""
    told = value.provenance
    tests = store.tests_of_raw(told.files)
    found = []
    for digest in told.files:
        own = tuple(test for test in tests if test.raw.sha256 == digest)
        there = store.has_files(raw=[digest])
        found.append(LineageFile(sha256=digest, raw=own[0].raw if own else None, present=there, tests=own))
    of_cells = [o.split("/")[1] for o in owners if o.startswith("cell/")]
    holding = [a for a in store.bare_analyses(of_cells) if f"cell/{a.cell}/{a.run}" in owners]
    return Lineage(
        value=value,
        code=told.code,
        version=told.version,
        parameters=told.parameters,
        source=told.source,
        settings=holding[0].settings if holding else None,
        corrections=holding[0].corrections if holding else (),
        files=tuple(found),
        analyses=tuple(analysis.key for analysis in holding),
        sources=tuple(o.removeprefix("source/") for o in owners if o.startswith("source/")),
    )

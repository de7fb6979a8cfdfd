"""What was said of a cell, its sample and its protocol over time: each change, with what it replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from lirich.model import Cell, Frozen, Sample
from lirich.workbench.celltables import BY_HAND

if TYPE_CHECKING:
    from lirich.store import FactVersion, Store


class FactChange(Frozen):
    """One fact that was given, changed or withdrawn; ``None`` is *not given*.

    ``source`` says who stated what it is after. Of the *protocol*, ``field`` names the cycles and the facts are what
    they were said to be for.
    """

    unix_second: float
    kind: Literal["cell", "sample", "protocol"]
    key: str
    field: str
    before: Any = None
    after: Any = None
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the change as the object that ``--json`` prints."""
        return self.model_dump(mode="json")


def history(store: Store, key: str) -> list[FactChange]:
    """Return every change of the facts of the cell *key* and its present sample and of its protocol, oldest first.

    Raises `UnknownNameError` on the cell.
    """
    sample = store.cell(key).sample
    found = _changes("cell", store.cell_history(key))
    if sample is not None and sample in store.samples():
        found += _changes("sample", store.sample_history(sample))
    for record in store.correction_log(key):
        cycles = f"cycles {record.correction['first_cycle']}–{record.correction['last_cycle']}"
        said = record.correction["kind"]
        made = FactChange(unix_second=record.created_unix_second, kind="protocol", key=key, field=cycles, after=said)
        found.append(made)
        if record.cleared_unix_second is not None:
            when = {"unix_second": record.cleared_unix_second, "before": said, "after": None}
            found.append(made.model_copy(update=when))
    return sorted(found, key=lambda change: change.unix_second)


def _changes(kind: Literal["cell", "sample"], versions: Sequence[FactVersion]) -> list[FactChange]:
    found = []
    before: dict[str, Any] = {}
    said_before: dict[str, str] = {}
    for version in versions:
        after, said = _flat(version.fact), version.fact.sources
        found += [
            FactChange(
                unix_second=version.unix_second,
                kind=kind,
                key=version.fact.key,
                field=name,
                before=before.get(name),
                after=after.get(name),
                source=said.get(name, "") if name in after else "",
            )
            for name in dict.fromkeys((*before, *after))
            if before.get(name) != after.get(name)
            or (said_before.get(name) != said.get(name) and BY_HAND in (said_before.get(name), said.get(name)))
        ]
        before, said_before = after, said
    return found


def _flat(fact: Cell | Sample) -> dict[str, Any]:
    facts = fact.model_dump(mode="json", exclude={"key", "extra", "sources"}, exclude_defaults=True)
    return {**facts, **fact.extra}

"""What was said of a cell, its sample and its protocol over time: each change, with what it replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from lirich.model import Cell, Frozen, Sample
from lirich.workbench.intake.celltables import BY_HAND

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
    """Return every change of the facts of the cell *key*, of its sample and of its protocol, oldest first.

    With those of the names that its files had before. The cell may have been removed since. Raises `UnknownNameError`
    where there never was one.
    """
    found = _of_one_name(store, key)
    for former, when in names_before(store.former_names, key).items():
        found += [c for c in _of_one_name(store, former) if c.unix_second <= when and c not in found]
    return sorted(found, key=lambda change: change.unix_second)


def names_before(former_names: Callable[[str, float], dict[str, float]], key: str) -> dict[str, float]:
    """Return all names that the files of the cell *key* had before, each with the last time at which they had it, s.

    *former_names* gives those of one step until a time. The latest way from a name to *key* counts: what another cell
    of that name was said to be after its files had gone is none of theirs.
    """
    found: dict[str, float] = {}
    coming = former_names(key, inf)
    while coming:
        former = max(coming, key=coming.__getitem__)
        when = found[former] = coming.pop(former)
        for name, moved in former_names(former, when).items():
            if name != key and name not in found:
                coming[name] = max(moved, coming.get(name, moved))
    return found


def _of_one_name(store: Store, key: str) -> list[FactChange]:
    versions = store.cell_history(key)
    found = _changes("cell", key, versions)
    stated = [v.fact.sample for v in versions if isinstance(v.fact, Cell)]
    sample = stated[-1] if stated else None
    if sample is not None and sample in store.samples():
        found += _changes("sample", sample, store.sample_history(sample))
    for record in store.correction_log(key):
        cycles = f"cycles {record.correction['first_cycle']}–{record.correction['last_cycle']}"
        said = record.correction["kind"]
        made = FactChange(unix_second=record.created_unix_second, kind="protocol", key=key, field=cycles, after=said)
        found.append(made)
        if record.cleared_unix_second is not None:
            when = {"unix_second": record.cleared_unix_second, "before": said, "after": None}
            found.append(made.model_copy(update=when))
    return found


def _changes(kind: Literal["cell", "sample"], key: str, versions: Sequence[FactVersion]) -> list[FactChange]:
    found = []
    before: dict[str, Any] = {}
    said_before: dict[str, str] = {}
    there = True
    for version in versions:
        after = {} if version.fact is None else _flat(version.fact)
        said = {} if version.fact is None else version.fact.sources
        if version.fact is None or not there:
            gone = "removed" if version.moved_to is None else f"now {version.moved_to}"
            states = ("present", gone) if version.fact is None else ("removed", "present")
            change = {"field": kind, "before": states[0], "after": states[1]}
            found.append(FactChange(unix_second=version.unix_second, kind=kind, key=key, **change))
        if version.fact is None:
            there = False
            continue
        found += [
            FactChange(
                unix_second=version.unix_second,
                kind=kind,
                key=key,
                field=name,
                before=before.get(name),
                after=after.get(name),
                source=said.get(name, "") if name in after else "",
            )
            for name in dict.fromkeys((*before, *after))
            if before.get(name) != after.get(name)
            or (said_before.get(name) != said.get(name) and BY_HAND in (said_before.get(name), said.get(name)))
        ]
        before, said_before, there = after, said, True
    return found


def _flat(fact: Cell | Sample) -> dict[str, Any]:
    facts = fact.model_dump(mode="json", exclude={"key", "extra", "sources"}, exclude_defaults=True)
    return {**facts, **fact.extra}

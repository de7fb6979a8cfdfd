"""A solid electrolyte from all that lirich knows: measured conductivities, facts of its class, literature records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lirich.interfaces.knowledge import Electrolyte, Fact, class_facts, electrolyte
from lirich.model import Value
from lirich.store import literature

_WORDS: Mapping[str, tuple[str, ...]] = {
    "sulfide": ("sulfide", "argyrodite"),
    "oxide": ("oxide SSE", "garnet", "NASICON"),
    "halide": ("halide",),
    "polymer": ("polymer", "PEO", "PVDF"),
}
"""Parts of a record's sample that tell the class of an electrolyte."""
_ANY = "SSE"
"""Part of a record's sample that is about any solid electrolyte."""


@dataclass(frozen=True, slots=True)
class ElectrolyteRecord:
    """What is known of an electrolyte, and the literature records of it, of its class and of any solid electrolyte."""

    known: Electrolyte
    literature: tuple[Value, ...]


def look_up_electrolyte(formula: str, records: Iterable[Value] | None = None) -> ElectrolyteRecord:
    """Return what is known of a formula, with the literature *records* about it (``None``: the carried ones).

    Raises as `lirich.interfaces.knowledge.electrolyte` does.
    """
    known = electrolyte(formula)
    return ElectrolyteRecord(known, class_records(known.electrolyte_class, records, formula))


def polymer_electrolytes(records: Iterable[Value] | None = None) -> tuple[tuple[Fact, ...], tuple[Value, ...]]:
    """Return the facts of polymer electrolytes and the literature records about polymers; OBELiX has no polymers."""
    return class_facts("polymer"), class_records("polymer", records)


def class_records(kind: str, records: Iterable[Value] | None = None, formula: str = "") -> tuple[Value, ...]:
    """Return the literature records about a class of electrolytes, about *formula*, or about any solid electrolyte.

    Records of another class of `_WORDS` are left out: a sulfide's limit is not an oxide's.
    """
    values = literature.load() if records is None else list(records)
    mine = [*_WORDS.get(kind, ()), *([formula] if formula else [])]
    others = [word for name, words in _WORDS.items() if name != kind for word in words]
    chosen = {id(v) for word in mine for v in literature.query(values, sample=word)}
    strange = {id(v) for word in others for v in literature.query(values, sample=word)}
    chosen |= {id(v) for v in literature.query(values, sample=_ANY)} - strange
    return tuple(v for v in values if id(v) in chosen)

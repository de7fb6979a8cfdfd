"""What the literature says of the same dopant, beside what was computed: relative changes, never absolute numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lirich.model import Value
from lirich.screening.judged import CHANGES, Judged
from lirich.screening.states import change_at, state_words
from lirich.screening.study import symbols

UNDOPED = ("pristine", "undoped", "bare")
_WORD = re.compile(r"[A-Z][a-z]?(?:[-–+/][A-Z][a-z]?)*(?![a-z])")


@dataclass(frozen=True)
class Published:
    """A published change of a quantity by the same dopants, and the computed one: both in % of the undoped material.

    ``state`` is the state of charge that was computed, the lowest of the study: published numbers are of the
    material as it is made.
    """

    candidate: str
    quantity: str
    undoped: Value
    doped: Value
    published_percent: float
    computed_percent: float | None
    state: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "candidate": self.candidate,
            "quantity": self.quantity,
            "undoped": self.undoped.value,
            "doped": self.doped.value,
            "published_change_percent": self.published_percent,
            "computed_change_percent": self.computed_percent,
            "computed_state": self.state,
            "source": self.doped.provenance.source,
        }

    @property
    def words(self) -> str:
        """Say both changes, and from whom the published one is."""
        ours = (
            "not computed here"
            if self.computed_percent is None
            else f"computed here {self.computed_percent:+.0f} %, {self.state}"
        )
        return (
            f"{self.candidate}: published {self.undoped.value:g} → {self.doped.value:g} {self.doped.unit} "
            f"({self.published_percent:+.0f} %), {ours} ({self.doped.provenance.source})"
        )


def published(judged: Judged, literature: Iterable[Value]) -> tuple[Published, ...]:
    """Return the published changes by the dopants of a screening.

    A pair is two values of one quantity from one source, one of a material that is named by exactly these elements
    (``Na-W co-doped``), one of the undoped material. Absolute numbers of two methods are not compared.
    """
    values = list(literature)
    found = []
    for tried in judged.screened.tried:
        candidate = judged.candidate(tried.name)
        for doped in values:
            if _elements(doped.subject.key) != set(tried.elements):
                continue
            undoped = _undoped(doped, values)
            if undoped is None or not undoped.value:
                continue
            key = doped.quantity
            change = next((c for c, base in CHANGES.items() if base == key and c in candidate.figures), None)
            at = None if change is None else change_at(judged, tried.name, change)
            theirs = 100 * (doped.value - undoped.value) / abs(undoped.value)
            state = "" if at is None else state_words(at.lithium_removed)
            found.append(Published(tried.name, key, undoped, doped, theirs, at.percent if at else None, state))
    return tuple(found)


def _undoped(doped: Value, values: Sequence[Value]) -> Value | None:
    same = (v for v in values if v.quantity == doped.quantity and v.provenance.source == doped.provenance.source)
    return next((v for v in same if any(word in v.subject.key.casefold() for word in UNDOPED)), None)


def _elements(name: str) -> set[str]:
    """Return the elements that the first word of a material's name is made of: of ``Na-W co-doped`` Na and W."""
    if any(word in name.casefold() for word in UNDOPED):
        return set()
    match = _WORD.match(name.strip())
    parts = set(re.split(r"[-–+/]", match[0])) if match else set()
    return parts if parts <= set(symbols()) else set()

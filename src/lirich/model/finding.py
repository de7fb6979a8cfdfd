"""What a reader or an analysis noticed and must not keep to itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from lirich.model._base import Frozen
from lirich.model.notebook import InNotebook


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Finding(InNotebook, Frozen):
    """One thing that was noticed: a repair, a doubt, a missing fact, a suspicious value.

    ``code`` is a stable kebab-case name that tests and filters can rely on; ``message`` is a sentence for
    the user; ``advice`` says what to do; ``repair`` names the repair that the user may ask for.
    """

    code: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    severity: Severity = Severity.WARNING
    message: str
    advice: str = ""
    repair: str = ""
    where: str = ""

    def told(self) -> dict[str, str]:
        """Return the finding in words, by the heads of a table."""
        return {
            "severity": self.severity.value,
            "where": self.where,
            "finding": self.message,
            "advice": self.advice,
            "code": self.code,
        }

    def said_of(self, instead: str) -> str:
        """Return the message with *instead* for the name of what it is about, such as ``…`` or ``each``."""
        name = rf"(?<![\w-]){re.escape(self.where)}(?![\w-])"
        return re.sub(name, instead, self.message) if self.where else self.message

    @property
    def names_its_place(self) -> bool:
        """Whether the message itself says what it is about; "121 GITT pulses" does not name a cell called GITT."""
        name = rf"(?:^|\b(?:of|in|cell) |['\"]){re.escape(self.where)}(?![\w-])"
        return re.search(name, self.message) is not None

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where and self.where not in self.message else ""
        return f"{self.severity} {where}{self.message} ({self.code})" + (f" → {self.advice}" if self.advice else "")


class Together(NamedTuple):
    """One thing that was noticed at several places: its first finding, the places, and what is said of each."""

    finding: Finding
    places: tuple[str, ...]
    text: str

    @property
    def told(self) -> Finding:
        """The finding with the places before what is said of them."""
        places = self.places_unsaid
        text = f"{', '.join(places)}: {self.text}" if places else self.text
        return self.finding.model_copy(update={"message": text})

    @property
    def places_unsaid(self) -> tuple[str, ...]:
        """The places, but for a single one that the text itself names."""
        return () if len(self.places) == 1 and self.finding.names_its_place else self.places


def together(findings: Iterable[Finding]) -> list[Together]:
    """Put findings together that differ in their place alone, in the order of the first of each."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.severity, finding.code, finding.said_of("…")), []).append(finding)
    found = []
    for members in alike.values():
        first = members[0]
        places = tuple(dict.fromkeys(f.where for f in members if f.where))
        found.append(Together(first, places, first.said_of("each") if len(places) > 1 else first.message))
    return found

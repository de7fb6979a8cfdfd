"""What a reader or an analysis noticed and must not keep to itself."""

from __future__ import annotations

import re
from enum import StrEnum

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

"""The reference list of the review that the literature records come from."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from importlib.resources import files

from pydantic import Field

from lirich.errors import InputError, UnknownNameError
from lirich.model import Frozen

REVIEW = "Yang et al., EES Batteries 2 (2026) 377, doi:10.1039/d5eb00167f"
"""The review: doi:10.1039/d5eb00167f. Its reference numbers are those of `Reference.number`."""

REVIEW_DOI = "10.1039/d5eb00167f"

_RANGE = re.compile(r"^(\d+)(?:\s*[-–]\s*(\d+))?$")


class Reference(Frozen):
    """One entry of the review's list. ``note`` says what is doubtful about the entry; ``raw`` is it as printed."""

    number: int = Field(ge=1)
    authors: tuple[str, ...]
    journal: str | None = None
    year: int | None = None
    volume: str | None = None
    page: str | None = None
    doi_or_url: str | None = None
    note: str = ""
    raw: str

    @property
    def short(self) -> str:
        """First author, journal, year, volume and first page: ``K. Liu et al., ACS Nano 2024, 18, 1490``."""
        who = self.authors[0] + (" et al." if len(self.authors) > 2 else "")
        if len(self.authors) == 2:
            who = " & ".join(self.authors)
        place = " ".join(part for part in (self.journal, None if self.year is None else str(self.year)) if part)
        parts = [who, place, self.volume, self.page]
        if self.journal is None:
            parts.append(self.doi_or_url)
        return ", ".join(part for part in parts if part)


def references() -> list[Reference]:
    """Return the 135 references of the review, in its order."""
    return list(_references())


def reference(number: int) -> Reference:
    """Return one reference of the review. Raises `UnknownNameError` outside its list."""
    found = _references()
    if not 1 <= number <= len(found):
        raise UnknownNameError(f"The review has no reference {number}", expected=f"1 to {len(found)}")
    return found[number - 1]


def reference_numbers(printed: str) -> tuple[int, ...] | None:
    """Read ``43``, ``10-13`` or ``43, 49`` as numbers of the review's list; ``None`` if it is another kind of text.

    Raises `UnknownNameError` on a number that the list has not, `InputError` on a range that is upside down.
    """
    numbers: list[int] = []
    for part in printed.split(","):
        match = _RANGE.match(part.strip())
        if match is None:
            return None
        first, last = int(match.group(1)), int(match.group(2) or match.group(1))
        for end in (first, last):
            reference(end)
        if first > last:
            raise InputError(f"the references {part.strip()!r} are upside down", expected="the smaller number first")
        numbers += range(first, last + 1)
    return tuple(numbers)


@lru_cache(maxsize=1)
def _references() -> tuple[Reference, ...]:
    text = (files("lirich.store.literature") / "references.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    found = tuple(
        Reference(
            number=int(row["number"]),
            authors=tuple(name.strip() for name in row["authors"].split(",")),
            journal=row["journal"] or None,
            year=int(row["year"]) if row["year"] else None,
            volume=row["volume"] or None,
            page=row["page"] or None,
            doi_or_url=row["doi_or_url"] or None,
            note=row["note"],
            raw=row["raw"],
        )
        for row in rows
    )
    if [r.number for r in found] != list(range(1, len(found) + 1)):
        raise RuntimeError("references.csv is not numbered 1, 2, 3, …")
    return found

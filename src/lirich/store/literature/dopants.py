"""What the review says that a dopant does, on which site, by whom, and which quantity of lirich is nearest to it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import Field, ValidationError

from lirich.errors import InputError, LirichError, MissingColumnError, RecordError, UnknownNameError
from lirich.model import Composition, Frozen
from lirich.quantities import QUANTITIES
from lirich.store.literature.references import REVIEW, reference, reference_numbers

COLUMNS = (
    *("id", "dopants", "within", "site", "says", "quantity", "direction"),
    *("reference", "section", "phrase", "note"),
)
"""Columns of the table of statements."""

SITES = ("", "Li", "TM", "O", "interstitial", "surface")
"""Where a dopant is said to sit; empty where the source does not say."""

MOST_WORDS = 15
"""A phrase is a short quotation of so many words at most."""


class Statement(Frozen):
    """One thing that the review says of a dopant.

    ``dopants`` are the elements that the effect is ascribed to, ``within`` all dopants of the material that it was seen
    in. ``says`` is the effect in lirich's words, ``phrase`` the review's own. ``quantities`` are the keys of the
    vocabulary that it is compared by, the nearest first, and ``direction`` is what it should do to them (``raises``,
    ``lowers``); both are empty where lirich has no such quantity.
    """

    number: int = Field(ge=1)
    dopants: tuple[str, ...] = Field(min_length=1)
    within: tuple[str, ...] = Field(min_length=1)
    site: str = ""
    says: str = Field(min_length=1)
    quantities: tuple[str, ...] = ()
    direction: Literal["", "raises", "lowers"] = ""
    references: tuple[int, ...] = Field(min_length=1)
    section: str = Field(min_length=1)
    phrase: str = Field(min_length=1)
    note: str = ""

    @property
    def source(self) -> str:
        """The cited paper, and the review that it was read in."""
        return f"{'; '.join(f'ref. {n}: {reference(n).short}' for n in self.references)}; as cited by {REVIEW}"


def statements() -> list[Statement]:
    """Return what the review says of dopants, in the order of its text: 16 statements of its Section 4."""
    return list(_carried())


@lru_cache(maxsize=1)
def _carried() -> tuple[Statement, ...]:
    text = (files("lirich.store.literature") / "dopants.csv").read_text(encoding="utf-8")
    return read_statements(text, "dopants.csv")


def read_statements(text: str, name: str) -> tuple[Statement, ...]:
    """Read a table of statements (CSV with `COLUMNS`).

    Raises `MissingColumnError` on other columns, and `RecordError` with every row that is wrong: an element, site,
    key or reference that is unknown, a direction that is none, a phrase of more than `MOST_WORDS` words, an id twice.
    """
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise MissingColumnError(f"{name} is no table of statements", expected="the columns " + ", ".join(COLUMNS))
    found: list[Statement] = []
    problems: list[tuple[int, str | LirichError]] = []
    for place, row in enumerate(rows, start=2):
        try:
            found.append(_statement(row))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            problems.append((place, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"))
        except LirichError as error:
            problems.append((place, error))
        else:
            if [s.number for s in found].count(found[-1].number) > 1:
                problems.append((place, f"the id {found[-1].number} is there twice"))
    if problems:
        raise RecordError.of(name, problems)
    return tuple(found)


def _statement(row: Mapping[str, str]) -> Statement:
    if row["site"] not in SITES:
        raise UnknownNameError.of("site", row["site"], SITES[1:])
    numbers = reference_numbers(row["reference"])
    if numbers is None:
        raise InputError(f"{row['reference']!r} is no reference", expected="a number of the review's list")
    if len(row["phrase"].split()) > MOST_WORDS:
        raise InputError(f"the phrase {row['phrase']!r} is long", expected=f"{MOST_WORDS} words at most")
    keys = row["quantity"].split()
    for key in keys:
        if key not in QUANTITIES:
            raise UnknownNameError.of("quantity", key, QUANTITIES)
    if bool(keys) != bool(row["direction"]):
        raise InputError("a quantity and a direction belong together", expected="both or neither")
    dopants = elements_of(row["dopants"])
    within = elements_of(row["within"]) if row["within"] else dopants
    if not set(dopants) <= set(within):
        raise InputError(f"{row['dopants']} is not within {row['within']}", expected="all dopants of the material")
    return Statement.model_validate(
        {
            "number": row["id"],
            "dopants": dopants,
            "within": within,
            "site": row["site"],
            "says": row["says"],
            "quantities": keys,
            "direction": row["direction"],
            "references": numbers,
            "section": row["section"],
            "phrase": row["phrase"],
            "note": row["note"],
        }
    )


def elements_of(printed: str) -> tuple[str, ...]:
    """Read the elements of a set of dopants: ``Na W``. Raises `CompositionError`, `InputError` on none."""
    found = tuple(printed.split())
    for element in found:
        if tuple(Composition.parse(element).amounts) != (element,):
            raise InputError(f"{element!r} is no element", expected="elements with blanks between, as Na W")
    if not found:
        raise InputError("no dopant", expected="elements with blanks between, as Na W")
    return found

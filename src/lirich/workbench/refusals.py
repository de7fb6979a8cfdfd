"""What is wrong with the fields of a file, in words: where, and what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from pydantic import ValidationError

from lirich.errors import SettingsError

Place = tuple[str, ...]
_BRANCHES = ("function-after[", "function-before[", "tuple[", "list[", "dict[")
_SCALARS = ("str", "int", "float", "bool")
_KINDS = ("model_type", "model_attributes_type", "tuple_type")


def refused(
    what: str,
    error: ValidationError,
    known: Callable[[Place], Iterable[str]],
    *,
    expected: str = "",
    advice: str = "",
) -> SettingsError:
    """Return the error for what a file says of *what*; *known* are the fields at a place, for misspelt ones."""
    each = [(_place(e["loc"]), e) for e in error.errors()]
    # of a value that may be of several kinds, the kind that it is not has nothing to tell
    told = [pair for pair in each if pair[1]["type"] not in _KINDS] or each
    place, first = next(
        (pair for pair in told if pair[1]["type"] == "extra_forbidden"), max(told, key=lambda pair: len(pair[0]))
    )
    where = ".".join(place)
    if first["type"] == "extra_forbidden":
        fields = sorted(known(place[:-1]))
        near = difflib.get_close_matches(place[-1], fields, n=1, cutoff=0.5)
        return SettingsError(
            f"The {what} has a field {where!r}, which is unknown",
            expected="" if near else "one of " + ", ".join(fields),
            advice=f"Did you mean {near[0]!r}?" if near else advice,
        )
    if first["type"] == "missing":
        return SettingsError(f"The {what} says no {where!r}", expected=expected, advice=advice)
    # a value that may be of several kinds has an error of each
    same = [first] if first["type"] == "value_error" else [e for at, e in each if at == place]
    words = " or ".join(dict.fromkeys(_words(str(e["msg"])) for e in same)).replace(" or should be ", " or ")
    return SettingsError(
        f"The {what} is not possible{f' at {where}' if where else ''}: {words}", expected=expected, advice=advice
    )


def _place(parts: Iterable[int | str]) -> Place:
    """Return where an error is, without the names that pydantic gives to the kinds of a value."""
    return tuple(str(part) for part in parts if not str(part).startswith(_BRANCHES) and part not in _SCALARS)


def _words(message: str) -> str:
    """Return what pydantic says as a file says it: with tables and lists."""
    words = message.removeprefix("Value error, ").removeprefix("Input ").split(" or instance of ")[0]
    return (
        words.replace("a valid dictionary", "a table")
        .replace("a valid tuple", "a list")
        .replace("valid integer", "whole number")
        .replace("valid ", "")
    )

"""How records become rows and rows become records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from lirich.errors import CorruptStoreError, InputError
from lirich.model import Frozen, Value
from lirich.quantities import QUANTITIES, convert

R = TypeVar("R", bound=Frozen)
Names = str | Iterable[str] | None
"""A filter: one name, several names, or any."""


@dataclass(frozen=True, slots=True)
class ValueFilter:
    """Which values are asked for; each filter is a name or several names, ``None`` is any.

    ``source`` is a name given to `lirich.store.Store.put_values`.
    """

    quantity: Names = None
    origin: Names = None
    subject: Names = None
    subject_kind: Names = None
    source: Names = None


def dump(record: Frozen) -> str:
    """Return the record as the JSON that is stored. Raises `InputError` for text that is no Unicode."""
    try:
        document = record.to_json()
        document.encode()
    except (UnicodeEncodeError, ValueError) as error:
        raise InputError(
            f"A {type(record).__name__.lower()} cannot be stored: {error}",
            expected="finite numbers and Unicode text",
        ) from error
    return document


def load(kind: type[R], document: str) -> R:
    """Read a stored record. Raises `CorruptStoreError` where this lirich cannot understand it."""
    try:
        return kind.from_json(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CorruptStoreError(
            f"A stored {kind.__name__.lower()} cannot be read: {place}: {first['msg']}",
            advice="Run 'lirich doctor'; analysing the cell again writes its analysis anew",
        ) from error


def natural(key: str) -> tuple[tuple[str | int, ...], str]:
    """Return a sorting key by which SC-2 comes before SC-10."""
    parts = re.split(r"([0-9]{1,18})", key)
    return tuple(int(p) if i % 2 else p.casefold() for i, p in enumerate(parts)), key


def plain(name: str) -> str:
    """Return *name* if a database can hold it as text; raise `InputError` otherwise."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(f"{name!r} is no Unicode text") from None
    if "\x00" in name:
        raise InputError(f"{name!r} holds a NUL character")
    return name


def listed(names: Names) -> list[str] | None:
    """Return a filter as a list; ``None`` stays ``None``."""
    if names is None:
        return None
    return [names] if isinstance(names, str) else list(names)


def value_rows(owner: str, values: Iterable[Value]) -> list[dict[str, Any]]:
    """Return the rows of the table ``value`` for the values of one owner."""
    return [
        {
            "owner": owner,
            "position": position,
            "quantity": value.quantity,
            "subject_kind": value.subject.kind,
            "subject_key": plain(value.subject.key),
            "origin": value.origin.value,
            "value": value.value,
            "unit": value.unit,
            "document": dump(value),
        }
        for position, value in enumerate(values)
    ]


def stored_value(document: str, unit: str) -> Value:
    """Read a stored value; where the vocabulary now has another unit, it is converted.

    Raises `CorruptStoreError` for a quantity that is no longer known.
    """
    value = load(Value, document)
    if unit == QUANTITIES[value.quantity].unit:
        return value
    return _converted(value, unit)


def value_document(quantity: str, document: str, unit: str) -> dict[str, Any]:
    """Read a stored value as a JSON object, converted as `stored_value` does; several times as fast."""
    known = QUANTITIES.get(quantity)
    if known is not None and known.unit == unit:
        return json_object(document)
    return json_object(stored_value(document, unit).to_json())


def _converted(value: Value, unit: str) -> Value:
    # the vocabulary has another unit now than when the value was written
    interval = value.interval
    if interval is not None:
        ends = [convert(end, unit, value.quantity) for end in (interval.low, interval.high)]
        interval = interval.model_copy(update={"low": min(ends), "high": max(ends)})
    return value.model_copy(update={"value": convert(value.value, unit, value.quantity), "interval": interval})


def json_object(document: str) -> dict[str, Any]:
    """Read a stored JSON object."""
    found: dict[str, Any] = json.loads(document)
    return found

"""How the parts of a fitted model are written as arrays and JSON, and read back without running code.

A `Layout` names every attribute of a class with its `Field`: a number, text, array with named axes, table, findings, or
another model. Reading makes an empty object of that class and sets these attributes, each checked: type, axes of one
length wherever they have one name, numbers that are finite. Nothing else is looked at, so that a file can neither name
a class nor bring code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from lirich.errors import CorruptStoreError, InputError
from lirich.model import Finding

GRID_AXIS = "m"
"""The axis of the grid: one length for a model and all that it is made of."""
_COLUMNS: dict[str, Any] = {
    str(t): t for t in (pl.String(), pl.Int64(), pl.Int32(), pl.UInt32(), pl.Float64(), pl.Boolean(), pl.Null())
}
_LETTERS = {"number": "f", "whole": "iu"}


@dataclass(slots=True)
class Box:
    """The arrays of a model while it is written or read: ``arrays`` by name; ``axes`` are lengths known so far."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Field:
    """How one attribute is written (``write(value, box)`` to JSON) and read (``read(told, box, axes, where)``)."""

    write: Callable[[Any, Box], Any]
    read: Callable[[Any, Box, dict[str, int], str], Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """The class of a kind and the fields of its objects."""

    kind: type
    fields: Mapping[str, Field]

    def write(self, made: object, box: Box) -> dict[str, Any]:
        """Return the JSON of *made*, its arrays put into *box*. Raises `InputError` where it is not fitted."""
        told = {}
        for name, how in self.fields.items():
            if not hasattr(made, name):
                raise InputError(
                    f"A {type(made).__name__} without {name}", expected="a fitted model", advice="Call fit first"
                )
            told[name] = how.write(getattr(made, name), box)
        return told

    def read(self, told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        """Return the object that *told* describes. Raises `CorruptStoreError` on what does not fit the fields."""
        if not isinstance(told, dict) or set(told) != set(self.fields):
            lacking = set(self.fields) - set(told if isinstance(told, dict) else ())
            raise wrong(where, f"it lacks {', '.join(sorted(lacking))}" if lacking else "it has fields of no model")
        made: Any = object.__new__(self.kind)
        own = {name: length for name, length in axes.items() if name == GRID_AXIS}
        for name, how in self.fields.items():
            object.__setattr__(made, name, how.read(told[name], box, own, f"{where}.{name}"))
        axes.update({name: length for name, length in own.items() if name == GRID_AXIS})
        return made


def wrong(where: str, why: str) -> CorruptStoreError:
    """Return the error of a model whose part *where* does not fit."""
    return CorruptStoreError(
        f"The model cannot be used: {where}: {why}",
        expected="a model that this version of lirich has written",
        advice="Learn the model again, or copy the file again",
    )


def plain(kind: type, *, among: tuple[str, ...] = ()) -> Field:
    """Return the field of one number, truth value or text; with *among* one of these."""

    def write(value: Any, _box: Box) -> Any:
        value = kind(value)
        return repr(value) if kind is float and not np.isfinite(value) else value

    def read(told: Any, _box: Box, _axes: dict[str, int], where: str) -> Any:
        if kind is float and told in ("nan", "inf", "-inf"):
            return float(told)
        fits = isinstance(told, (int, float) if kind is float else kind)
        if not fits or (kind is not bool and isinstance(told, bool)) or (among and told not in among):
            raise wrong(where, f"{str(told)[:40]!r} is no {' or '.join(among) or kind.__name__}")
        return kind(told)

    return Field(write, read)


def several(kind: type, make: Callable[[list[Any]], Any] = tuple) -> Field:
    """Return the field of a short list of numbers or texts."""
    one = plain(kind)

    def write(value: Any, box: Box) -> Any:
        return [one.write(each, box) for each in value]

    def read(told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        return make([one.read(each, box, axes, where) for each in listed(told, where)])

    return Field(write, read)


def array(*axes_of: str, of: str = "number", optional: bool = False) -> Field:
    """Return the field of an array with named axes; its order in memory is kept, so that sums round alike."""

    def write(value: Any, box: Box) -> Any:
        if value is None and optional:
            return None
        whole = np.asarray(value)
        turned = whole.ndim > 1 and whole.flags.f_contiguous and not whole.flags.c_contiguous
        name = f"a{len(box.arrays)}"
        box.arrays[name] = whole.T if turned else whole
        return {"array": name, "turned": turned}

    def read(told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        if told is None and optional:
            return None
        name = told.get("array") if isinstance(told, dict) else None
        if not isinstance(name, str) or name not in box.arrays:
            raise wrong(where, "its array is missing")
        box.used.add(name)
        found = box.arrays[name]
        found = found.T if told.get("turned") is True else found
        if found.dtype.kind not in _LETTERS[of]:
            raise wrong(where, f"an array of {found.dtype}, not of {of}s")
        if found.ndim != len(axes_of):
            raise wrong(where, f"an array of shape {found.shape}, not ({', '.join(axes_of)})")
        for axis, length in zip(axes_of, found.shape, strict=True):
            if axes.setdefault(axis, length) != length:
                raise wrong(where, f"an array of shape {found.shape}, where {axis} is {axes[axis]}")
        if not np.isfinite(found).all():
            raise wrong(where, "numbers that are missing or infinite")
        return found

    return Field(write, read)


def part(layout: Callable[[], Layout]) -> Field:
    """Return the field of another model."""

    def write(value: Any, box: Box) -> Any:
        return layout().write(value, box)

    def read(told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        return layout().read(told, box, axes, where)

    return Field(write, read)


def parts(of: Field, make: Callable[[list[Any]], Any]) -> Field:
    """Return the field of a list of what *of* is."""

    def write(value: Any, box: Box) -> Any:
        return [of.write(each, box) for each in value]

    def read(told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        return make([of.read(each, box, axes, f"{where}[{n}]") for n, each in enumerate(listed(told, where))])

    return Field(write, read)


def row(*of: Field) -> Field:
    """Return the field of a tuple whose entries are what *of* are, one after the other."""

    def write(value: Any, box: Box) -> Any:
        return [how.write(each, box) for how, each in zip(of, value, strict=True)]

    def read(told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        if len(listed(told, where)) != len(of):
            raise wrong(where, f"{len(told)} entries, not {len(of)}")
        return tuple(how.read(each, box, axes, where) for how, each in zip(of, told, strict=True))

    return Field(write, read)


def named(of: Field, key: type = str) -> Field:
    """Return the field of a mapping from names (or numbers) to what *of* is, in its order."""

    def write(value: Any, box: Box) -> Any:
        return [[key(name), of.write(each, box)] for name, each in value.items()]

    def read(told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        found = {}
        for pair in listed(told, where):
            if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not key or pair[0] in found:
                raise wrong(where, "names that are doubled or of no known type")
            found[pair[0]] = of.read(pair[1], box, axes, f"{where}[{pair[0]}]")
        return found

    return Field(write, read)


def table() -> Field:
    """Return the field of a table of numbers, truth values and texts."""

    def write(value: pl.DataFrame, box: Box) -> Any:
        strange = [name for name, t in value.schema.items() if str(t) not in _COLUMNS]
        if strange:
            raise InputError(f"A table with columns that cannot be kept: {', '.join(strange)}")
        number = plain(float)
        return [
            [
                column.name,
                str(column.dtype),
                [None if v is None else number.write(v, box) if isinstance(v, float) else v for v in column.to_list()],
            ]
            for column in value.iter_columns()
        ]

    def read(told: Any, _box: Box, _axes: dict[str, int], where: str) -> Any:
        columns = []
        for each in listed(told, where):
            if not isinstance(each, list) or len(each) != 3 or not isinstance(each[0], str) or each[1] not in _COLUMNS:
                raise wrong(where, "a column of no known type")
            values = [float(v) if each[1] == "Float64" and v is not None else v for v in listed(each[2], where)]
            columns.append(pl.Series(each[0], values, dtype=_COLUMNS[each[1]], strict=True))
        return pl.DataFrame(columns)

    return Field(write, _guarded(read))


def findings() -> Field:
    """Return the field of a list of findings."""

    def write(value: Any, _box: Box) -> Any:
        return [finding.model_dump(mode="json") for finding in value]

    def read(told: Any, _box: Box, _axes: dict[str, int], where: str) -> Any:
        return [Finding.model_validate(each) for each in listed(told, where)]

    return Field(write, _guarded(read))


def listed(told: Any, where: str) -> list[Any]:
    """Return *told* where it is a list. Raises `CorruptStoreError`."""
    if not isinstance(told, list):
        raise wrong(where, f"{str(told)[:40]!r} is no list")
    return told


def _guarded(read: Callable[[Any, Box, dict[str, int], str], Any]) -> Callable[[Any, Box, dict[str, int], str], Any]:
    def careful(told: Any, box: Box, axes: dict[str, int], where: str) -> Any:
        try:
            return read(told, box, axes, where)
        except (ValidationError, ValueError, TypeError, OverflowError, pl.exceptions.PolarsError) as error:
            raise wrong(where, " ".join(str(error).split())[:120]) from error

    return careful

"""A cell or sample with other facts than it had: new ones, each with its source, and without those withdrawn.

An impossible value is refused with what the field can be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from lirich.errors import CompositionError, MetadataError
from lirich.model import Cell, Scalar
from lirich.workbench.intake.celltables import BY_HAND, CELL_FIELDS, SAMPLE_FIELDS, Entry, T, number_of

_EXAMPLES = {
    "active_mass_mg": "5.91",
    "one_c_ma_g": "250",
    "nominal_specific_capacity_mah_g": "250",
    "temperature_celsius": "25",
    "particle_diameter_um": "0.5",
    "electrode_area_cm2": "1.13",
}


@dataclass(slots=True)
class Change:
    """The facts that are new, each with its source, and those that are withdrawn."""

    new: dict[str, tuple[Scalar, Entry]] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)


def forget(thing: T, names: Iterable[str]) -> T:
    """Return a cell or sample without these facts: they are *not given*."""
    gone = set(names)
    data = {k: v for k, v in thing.model_dump().items() if k not in gone}
    for inner in ("extra", "sources"):
        data[inner] = {k: v for k, v in data[inner].items() if k not in gone}
    return type(thing).model_validate(data)


def say_again(thing: T, said: Mapping[str, tuple[Scalar, Entry]]) -> T:
    """Return a cell or sample with these facts, each with its source. Raises `MetadataError` on an impossible value."""
    fields = CELL_FIELDS if isinstance(thing, Cell) else SAMPLE_FIELDS
    more = {"sample": said["sample"][0]} if "sample" in said else {}
    return build(type(thing), thing.key, Change(dict(said)), fields, thing, more)


def build(
    kind: type[T],
    key: str,
    change: Change,
    known_fields: tuple[str, ...],
    known: T | None,
    more: Mapping[str, Any],
) -> T:
    """Return the *known* cell or sample, or a new one of that *key*, with what changed and *more* fields.

    What is new under none of the *known_fields* goes into ``extra``. Raises `MetadataError` on an impossible value.
    """
    data: dict[str, Any] = {"key": key} if known is None else forget(known, change.withdrawn).model_dump()
    data.update(more)
    extra: dict[str, Scalar] = dict(data.get("extra", {}))
    said: dict[str, str] = dict(data.get("sources", {}))
    for name, (value, entry) in change.new.items():
        said[name] = entry.kept_as
        if name in known_fields:
            data[name] = value
        elif name != "sample":
            extra[name] = number_of(value)
    data["extra"], data["sources"] = extra, said
    try:
        return kind.model_validate(data)
    except CompositionError as error:
        source = change.new["composition"][1].source if "composition" in change.new else "the workspace"
        raise MetadataError(
            f"composition of {key} ({'as given' if source == BY_HAND else source}): {error.found}",
            expected=error.expected or "a formula such as Li1.2Mn0.54Ni0.13Co0.13O2",
            advice=error.advice,
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        if name == "key":
            raise MetadataError(
                f"{key!r} cannot be the name of a {kind.__name__.lower()}",
                expected="at most 120 characters that are seen, no slash, no blank at an end; not '.' or '..'",
                advice="Name it in a cells.csv, or the cell with --cell",
            ) from error
        source = change.new[name][1].source if name in change.new else "the workspace"
        expected, advice = _wanted(name, data.get(name), first)
        raise MetadataError(
            f"{name} of {key} is {data.get(name)!r} in {source}"
            if source != BY_HAND
            else f"{name} of {key} was given as {data.get(name)!r}",
            expected=expected,
            advice=advice,
        ) from error


def _wanted(name: str, value: object, problem: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the field can be, and what to do about *value*."""
    choice = {"electrode": "cathode, anode or full", "morphology": "SC or PC", "simulated": "true or false"}.get(name)
    if choice is not None:
        return choice, f"Write one of these for {name}"
    bounds = {
        "greater_than": "a number above 0",
        "greater_than_equal": f"a number from {problem.get('ctx', {}).get('ge', 0):g}",
        "less_than_equal": f"a number up to {problem.get('ctx', {}).get('le', 0):g}",
        "finite_number": "a finite number",
    }
    kind = str(problem["type"])
    if kind in bounds:
        return f"{bounds[kind]}, such as {_EXAMPLES.get(name, '1.5')}", f"Correct {name}"
    if kind == "float_parsing":
        text = str(value).strip()
        comma = re.fullmatch(r"[+-]?[0-9]+,[0-9]+", text)
        unit = re.fullmatch(r"([+-]?[0-9]+(?:[.,][0-9]+)?)\s*[^0-9\s].*", text)
        if comma:
            advice = f"Write a decimal point: {text.replace(',', '.')}"
        elif unit:
            advice = f"Write the number alone, in the unit of the name: {unit[1].replace(',', '.')}"
        else:
            advice = "Write a number, or leave it empty: not given"
        return f"a number, such as {_EXAMPLES.get(name, '1.5')}", advice
    return str(problem["msg"]).removeprefix("Value error, "), f"Correct {name}"

"""Conditions of a record: ``cycles=200; rate=1C`` becomes fields, every other word is kept as it stands."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

from lirich.errors import InputError, UnitError
from lirich.model import Conditions, Scalar
from lirich.quantities import convert

_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_WITH_UNIT = re.compile(rf"^({_NUMBER})\s*(.*)$")
_RATE = re.compile(rf"^(?:({_NUMBER})\s*C|C\s*/\s*({_NUMBER}))$")
_WINDOW = re.compile(rf"^({_NUMBER})\s*(?:V\s*)?(?:-|–|to)\s*({_NUMBER})\s*V$")

_METHODS = ("GC-MS", "DEMS", "HRTEM", "TEM", "XRD", "EIS", "DFT", "GITT", "ICI", "PCA")
_FIRST_CYCLE = ("initial", "first cycle")

# word of a record -> field of Conditions, quantity that lends its unit, unit where none is written
_QUANTITIES = MappingProxyType(
    {
        "current": ("current_ma_g", "test_current_ma_g", None),
        "1C": ("one_c_ma_g", "test_current_ma_g", None),
        "temperature": ("temperature_celsius", "storage_temperature_celsius", "°C"),
        "threshold": ("threshold_v", "activation_voltage_v", "V"),
        "soc": ("soc_percent", "capacity_retention", "%"),
    }
)
_COUNTS = MappingProxyType({"cycles": "cycles", "cycle": "cycle", "reference_cycle": "reference_cycle"})
_TEXTS = MappingProxyType({"method": "method", "direction": "direction", "segment": "segment"})


def parse_conditions(printed: str) -> Conditions:
    """Read the conditions of a record.

    Statements are apart by semicolons. Known are ``current=20 mA/g``, ``rate=1C`` (``C/10``), ``1C=250 mA/g``,
    ``cycles=200``, ``cycle=``, ``reference_cycle=``, ``window=2.0-4.8 V``, ``temperature=25 degC``,
    ``threshold=3.5 V``, ``soc=50 %``, ``direction=``, ``method=``, ``segment=``, and the words *initial* and *first
    cycle*. A method that leads a statement (``DFT, pristine``) becomes the method. Other ``name=value`` become
    entries of ``other``; all other words are kept verbatim as ``other["stated"]``.

    Raises `InputError` (or `UnitError`) where a known name has a value that cannot be read.
    """
    fields: dict[str, Any] = {}
    other: dict[str, Scalar] = {}
    words: list[str] = []
    for statement in (part.strip() for part in printed.split(";")):
        if not statement:
            continue
        name, equals, value = (part.strip() for part in statement.partition("="))
        if statement in _FIRST_CYCLE:
            _put(fields, "cycle", 1, statement)
        elif equals and re.fullmatch(r"[\w/.+-]+", name):
            _assign(fields, other, name, value, statement)
        else:
            method, _, rest = statement.partition(",")
            if method.strip() in _METHODS:
                _put(fields, "method", method.strip(), statement)
                statement = rest.strip()
            if statement:
                words.append(statement)
    if words:
        other["stated"] = "; ".join(words)
    return Conditions.model_validate({**fields, "other": other})


def _assign(fields: dict[str, Any], other: dict[str, Scalar], name: str, value: str, statement: str) -> None:
    if name in _QUANTITIES:
        field, lender, default = _QUANTITIES[name]
        _put(fields, field, _number(value, lender, default, statement), statement)
    elif name in _COUNTS:
        if not value.isdecimal():
            raise InputError(f"{statement!r} is no number of cycles", expected=f"{name}=200")
        _put(fields, _COUNTS[name], int(value), statement)
    elif name in _TEXTS:
        if name == "direction" and value not in ("charge", "discharge"):
            raise InputError(f"{statement!r} is no direction", expected="charge or discharge")
        _put(fields, _TEXTS[name], value, statement)
    elif name == "rate":
        match = _RATE.match(value)
        inverse = float(match.group(2)) if match and match.group(2) else None
        if match is None or inverse == 0:
            raise InputError(f"{statement!r} is no C-rate", expected="rate=1C, rate=0.5C or rate=C/10")
        _put(fields, "rate_c", float(match.group(1)) if inverse is None else 1 / inverse, statement)
    elif name == "window":
        window = _WINDOW.match(value)
        if window is None or float(window.group(1)) >= float(window.group(2)):
            raise InputError(f"{statement!r} is no voltage window", expected="window=2.0-4.8 V")
        _put(fields, "voltage_lower_v", float(window.group(1)), statement)
        _put(fields, "voltage_upper_v", float(window.group(2)), statement)
    else:
        number = re.fullmatch(_NUMBER, value)
        other[name] = float(value) if number else value


def _number(value: str, lender: str, default: str | None, statement: str) -> float:
    match = _WITH_UNIT.match(value)
    unit = (match.group(2).strip() or default) if match else None
    if match is None:
        raise InputError(f"{statement!r} has no number", expected="a number and a unit")
    if unit is None:
        raise UnitError(f"{statement!r} has no unit", expected="for example current=20 mA/g")
    return convert(float(match.group(1)), unit, lender)


def _put(fields: dict[str, Any], field: str, value: object, statement: str) -> None:
    if field in fields and fields[field] != value:
        raise InputError(f"{statement!r} contradicts another condition of the same record", expected="one statement")
    fields[field] = value

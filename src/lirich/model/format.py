"""How numbers are written for people: value ± interval with unit, the same in reports, notebooks and the CLI.

An interval's half-width is written with two significant digits and decides the decimals of the value; a value
without an interval is written with the decimals that its unit deserves. Text, never HTML.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from types import MappingProxyType

from lirich.model.value import Conditions, Interval, Operator, Origin, Value
from lirich.quantities import QUANTITIES

MINUS = "\N{MINUS SIGN}"
USUAL_LEVEL = 0.95
"""The coverage that a bare ± stands for; any other level is written out."""

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

_DECIMALS = MappingProxyType(
    {
        "V": 3,
        "%": 1,
        "mAh/g": 1,
        "mAh": 4,
        "Wh/kg": 1,
        "mWh": 3,
        "°C": 1,
        "mA": 3,
        "cycle": 0,
        "mV/cycle": 2,
        "Ω": 2,
    }
)  # what cyclers resolve: about 1 mV, 0.1 mAh/g
_MORE_DECIMALS = MappingProxyType({"coulombic_efficiency": 2, "median_coulombic_efficiency": 2, "energy_efficiency": 2})
MOST_DIGITS = 7
"""No more digits of a value are written, however narrow its interval: cyclers write single-precision numbers."""

_SYMMETRIC = 0.15  # the arms of an interval may differ by this share of its width and still be written as ±

_OPERATORS = MappingProxyType(
    {
        Operator.EQUAL: "",
        Operator.ABOUT: "≈ ",
        Operator.GREATER: "> ",
        Operator.ABOUT_GREATER: "≳ ",
        Operator.GREATER_EQUAL: "≥ ",
        Operator.LESS: "< ",
        Operator.LESS_EQUAL: "≤ ",
        Operator.RANGE: "",
    }
)


def format_number(number: float, *, decimals: int | None = None, significant: int = 4) -> str:
    """Write *number* with a fixed count of *decimals*, or else with *significant* digits.

    Thousands are set apart by a thin space from five digits on; below 10⁻³ and from 10⁶ on powers of ten are
    written out (``9.3×10⁻¹⁶``) unless *decimals* is given. Not-a-number is an en dash.
    """
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else f"{MINUS}∞"
    if decimals is None:
        if number != 0 and not 1e-3 <= abs(number) < 1e6:
            return _power_of_ten(number, significant - 1)
        decimals = 0 if number == 0 else max(0, significant - 1 - _exponent(number))
        text = f"{round(number, decimals):.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{round(number, decimals):.{max(0, decimals)}f}"
    return _dressed(text)


def format_count(number: int) -> str:
    """Write how many there are, all digits: ``4217``, ``11 432``, ``2 000 000``."""
    return format_number(number, decimals=0)


def format_signed(number: float, *, decimals: int | None = None, significant: int = 4) -> str:
    """Write *number* as `format_number` does, with its sign also where it is above zero: ``+2.46``, ``−7.51``."""
    text = format_number(number, decimals=decimals, significant=significant)
    return f"+{text}" if number > 0 and any(digit in text for digit in "123456789∞") else text


def format_signed_span(
    low: float | None, high: float | None, *, decimals: int | None = None, significant: int = 4
) -> str:
    """Write the two ends of a span with their signs, ``−0.23 … +0.16``; nothing where an end is not known."""
    if low is None or high is None:
        return ""
    return " … ".join(format_signed(end, decimals=decimals, significant=significant) for end in (low, high))


def format_interval(interval: Interval, quantity: str, *, unit: bool = True) -> str:
    """Write an interval alone, ``0.35 … 0.52 mV/cycle``, in the unit of *quantity*."""
    tail = _unit(quantity) if unit else ""
    half = (interval.high - interval.low) / 2
    decimals = _decimals_of_width(half)
    if decimals is not None and _digits(max(abs(interval.low), abs(interval.high)), half) > MOST_DIGITS:
        return " … ".join(format_number(e, significant=MOST_DIGITS) for e in (interval.low, interval.high)) + tail
    if decimals is None:
        return f"{_alone(interval.low, quantity)} … {_alone(interval.high, quantity)}{tail}"
    exponent, power = _power(max(abs(interval.low), abs(interval.high)))
    ends = (
        _fixed(end * 10.0**-exponent, max(0, decimals + exponent) if power else decimals)
        for end in (interval.low, interval.high)
    )
    text = " … ".join(ends)
    return (f"({text}){power}" if power else text) + tail


def format_quantity(
    number: float,
    quantity: str,
    interval: Interval | None = None,
    *,
    unit: bool = True,
    operator: Operator = Operator.EQUAL,
) -> str:
    """Write *number* of *quantity*: ``83.4 %``, ``0.41 ± 0.06 mV/cycle``, ``0.41 (0.38 … 0.55) mV/cycle``.

    *number* and *interval* are in the unit of the quantity (`lirich.quantities`). A level of the interval other
    than 95 % is said. For ``Operator.RANGE`` the interval is the range itself: ``3.0 … 4.5 V``.
    Raises ``KeyError`` on an unknown quantity.
    """
    tail = _unit(quantity) if unit else ""
    if operator is Operator.RANGE and interval is not None:
        return format_interval(interval, quantity, unit=unit).replace(" … ", "–", 1)
    decimals = None if interval is None else _decimals_of_width((interval.high - interval.low) / 2)
    if interval is None or decimals is None or not math.isfinite(number):
        return _OPERATORS[operator] + _alone(number, quantity) + tail
    low, high = number - interval.low, interval.high - number
    if _digits(number, (low + high) / 2) > MOST_DIGITS:
        half = format_number(max(abs(low), abs(high)), significant=2)
        body = f"{format_number(number, significant=MOST_DIGITS)} ± {half}"
        return _OPERATORS[operator] + body + tail + _level(interval)
    exponent, power = _power(max(abs(number), (interval.high - interval.low) / 2))
    scale = 10.0**-exponent
    places = max(0, decimals + exponent) if power else decimals
    if abs(low - high) <= _SYMMETRIC * (low + high) and low >= 0 and high >= 0:
        body = f"{_fixed(number * scale, places)} ± {_fixed((low + high) / 2 * scale, places)}"
        body = f"({body}){power}" if power else body
    else:
        ends = f"{_fixed(interval.low * scale, places)} … {_fixed(interval.high * scale, places)}"
        body = f"{_fixed(number * scale, places)} ({ends}){power}"
    return _OPERATORS[operator] + body + tail + _level(interval)


def format_apart(number: float, quantity: str, interval: Interval) -> tuple[str, str]:
    """Write *number* and its *interval* apart, for one under the other, without unit: ``0.41``, ``0.38 … 0.55``.

    The width of the interval decides the decimals of both; one without width is not written.
    """
    decimals = _decimals_of_width((interval.high - interval.low) / 2)
    if decimals is None:
        return _alone(number, quantity), ""
    return _fixed(number, decimals), format_interval(interval, quantity, unit=False)


def format_value(value: Value, *, unit: bool = True) -> str:
    """Write a value with operator, interval and unit; a published number with the digits that its record has."""
    printed = value.provenance.parameters.get("value_printed")
    if value.origin is Origin.LITERATURE and isinstance(printed, str):
        as_printed = _as_printed(value, printed)
        if as_printed is not None:
            return _OPERATORS[value.operator] + as_printed + (_unit(value.quantity) if unit else "")
    return format_quantity(value.value, value.quantity, value.interval, unit=unit, operator=value.operator)


_PRINTED = re.compile(r"[+-]?\d+(?:\.\d+)?")


def _as_printed(value: Value, printed: str) -> str | None:
    """Write a number or the ends of a range with the digits of its record; ``None`` where the record has no number.

    Where the record has another unit, with as many significant digits.
    """
    if value.operator is Operator.RANGE:
        numbers = [] if value.interval is None else [value.interval.low, value.interval.high]
        texts = re.split(r"(?<=\d)\s*(?:-|–|—|\.\.|…|to)\s*", printed)  # as the records write a range
    else:
        numbers, texts = [value.value], [printed]
    if not numbers or len(texts) != len(numbers) or not all(_PRINTED.fullmatch(t) for t in texts):
        return None
    return "–".join(_with_digits_of(t, n) for t, n in zip(texts, numbers, strict=True))


def _with_digits_of(printed: str, number: float) -> str:
    if math.isclose(float(printed), number, rel_tol=1e-9):
        return _fixed(number, len(printed.partition(".")[2]))
    return format_number(number, significant=max(1, len(printed.lstrip("+-0.").replace(".", ""))))


def format_below(number: float, limit: float) -> str:
    """Write a number with two decimals, or as many as show that it is below *limit*: 4.3998, not 4.40, below 4.4."""
    texts = (f"{number:.{decimals}f}" for decimals in range(2, 7))
    return next((text for text in texts if float(text) < limit), f"{number:g}")


_SAME_RATE = 0.005  # a measured current is that of a programmed rate to so much
_RATE_DIGITS = 2


def format_rate(rate_c: float) -> str:
    """Write a C-rate as a battery person does: ``C/10``, ``1C``, ``0.40C``.

    ``C/n`` is written where the rate is 1/n to 0.5 %, or is what 1/n is rounded to two digits (0.33, 0.17); of all
    others, two digits.
    """
    if rate_c <= 0 or not math.isfinite(rate_c):
        return f"{format_number(rate_c, significant=3)}C"
    n = round(1 / rate_c)
    near = n > 1 and math.isclose(rate_c, 1 / n, rel_tol=_SAME_RATE)
    if near or (n > 1 and math.isclose(rate_c, float(f"{1 / n:.{_RATE_DIGITS}g}"), rel_tol=1e-9)):
        return f"C/{n}"
    rounded = float(f"{rate_c:.{_RATE_DIGITS}g}")
    if rounded >= 1:
        return f"{format_number(rounded)}C"
    return f"{format_number(rounded, decimals=_RATE_DIGITS - 1 - _exponent(rounded))}C"


def format_conditions(conditions: Conditions) -> str:
    """Write the stated conditions, most telling first: ``2.0–4.8 V · C/10 · 25 °C · cycle 1``.

    What is not stated does not appear; an empty text means that nothing is stated.
    """
    c = conditions
    parts: list[str] = []
    if c.voltage_lower_v is not None and c.voltage_upper_v is not None:
        parts.append(f"{_short(c.voltage_lower_v)}–{_short(c.voltage_upper_v)} V")
    elif c.voltage_upper_v is not None:
        parts.append(f"up to {_short(c.voltage_upper_v)} V")
    elif c.voltage_lower_v is not None:
        parts.append(f"down to {_short(c.voltage_lower_v)} V")
    if c.rate_c is not None:
        parts.append(format_rate(c.rate_c))
    if c.current_ma_g is not None:
        parts.append(f"{format_number(c.current_ma_g, significant=3)} mA/g")
    if c.one_c_ma_g is not None:
        parts.append(f"1C = {format_number(c.one_c_ma_g, significant=3)} mA/g")
    if c.temperature_celsius is not None:
        parts.append(f"{format_number(c.temperature_celsius, significant=3)} °C")
    if c.reference_cycle is not None and c.cycle is not None:
        parts.append(f"cycle {c.cycle} against {c.reference_cycle}")
    elif c.cycle is not None:
        parts.append(f"cycle {c.cycle}")
    elif c.reference_cycle is not None:
        parts.append(f"reference cycle {c.reference_cycle}")
    if c.cycles is not None:
        parts.append(f"{c.cycles} cycles" if c.cycles != 1 else "1 cycle")
    if c.direction is not None:
        parts.append(c.direction)
    if c.threshold_v is not None:
        parts.append(f"threshold {format_number(c.threshold_v)} V")
    if c.voltage_v is not None:
        parts.append(f"at {format_number(c.voltage_v)} V")
    if c.soc_percent is not None:
        parts.append(f"{format_number(c.soc_percent, significant=3)} % SOC")
    if c.particle_radius_m is not None:
        parts.append(f"R = {format_number(c.particle_radius_m * 1e6, significant=3)} µm")
    if c.segment is not None:
        parts.append(c.segment.replace("_", " "))
    if c.method is not None:
        parts.append(c.method)
    other = dict(c.other)
    if other.get("vendor_cycle") == c.cycle:  # said already
        other.pop("vendor_cycle", None)
    if "first_cycle" in other and "last_cycle" in other:
        parts.append(f"cycles {_scalar(other.pop('first_cycle'))} to {_scalar(other.pop('last_cycle'))}")
    if "n" in other:
        parts.append(f"n = {_scalar(other.pop('n'))}")
    if "cv" in other:
        parts.append(f"constant-voltage parts {_scalar(other.pop('cv'))}")
    parts += [_named(name, what) for name, what in sorted(other.items())]
    return " · ".join(parts)


def format_figure(quantity: str, conditions: Conditions, *, with_rate: bool = False) -> str:
    """Write which figure of a test a value is: the name, with direction, threshold, state of charge and peak.

    *with_rate* tells figures of one quantity apart by their rate too, or by their current where there is none.
    """
    c = conditions
    which = Conditions(
        direction=None if c.direction is not None and c.direction in QUANTITIES[quantity].name else c.direction,
        rate_c=c.rate_c if with_rate else None,
        current_ma_g=c.current_ma_g if with_rate and c.rate_c is None else None,
        threshold_v=c.threshold_v,
        soc_percent=c.soc_percent,
        other={"peak": c.other["peak"]} if "peak" in c.other else {},
    )
    said = format_conditions(which)
    return QUANTITIES[quantity].name + (f" ({said})" if said else "")


def format_origins(origins: Iterable[str]) -> str:
    """Write where values come from, ``simulated`` or ``measured and simulated``; empty where all are measured.

    What is measured needs no word; anything else is said wherever its numbers are shown.
    """
    there = set(origins)
    if there <= {Origin.MEASURED}:
        return ""
    return " and ".join(origin.value for origin in Origin if origin in there)


_SUFFIXES = {"_v": "V", "_s": "s", "_h": "h", "_c": "C", "_ma_g": "mA/g", "_ma": "mA", "_celsius": "°C", "_um": "µm"}


_SPOKEN = MappingProxyType(
    {
        "current_ma_g": "current",
        "rate_c": "rate",
        "one_c_ma_g": "meaning of 1C",
        "voltage_lower_v": "lower voltage",
        "voltage_upper_v": "upper voltage",
        "temperature_celsius": "temperature",
        "particle_radius_m": "particle radius",
        "soc_percent": "state of charge",
        "cycles": "number of cycles",
    }
)
_UNITS = MappingProxyType({"particle_radius_m": "m", "soc_percent": "%"})


def capitalised(text: str) -> str:
    """Return *text* with a capital first letter, unless its first word is a symbol: ``dQ/dV`` stays as it is."""
    first = text.split(" ", 1)[0]
    return text if any(not (c.islower() or c in "-’'") for c in first[1:]) else text[:1].upper() + text[1:]


def condition_name(name: str) -> str:
    """Return the name of a condition as it is spoken: ``voltage_lower_v`` is *lower voltage*."""
    return _SPOKEN.get(name) or _without_unit(name)[0].replace("_", " ")


def condition_unit(name: str) -> str:
    """Return the unit of the numbers of a condition; empty where they have none."""
    return _UNITS.get(name) or _without_unit(name)[1]


def _without_unit(name: str) -> tuple[str, str]:
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return name.removesuffix(suffix), _SUFFIXES[suffix]
    return name, ""


def _named(name: str, what: bool | int | float | str) -> str:
    plain, unit = _without_unit(name)
    if unit and isinstance(what, int | float) and not isinstance(what, bool):
        return f"{plain.replace('_', ' ')} {_scalar(what)} {unit}"
    return f"{name.replace('_', ' ')}: {_scalar(what)}"


def _scalar(what: bool | int | float | str) -> str:
    if isinstance(what, bool):
        return "yes" if what else "no"
    return format_number(what) if isinstance(what, int | float) else what


def _short(volt: float) -> str:
    text = f"{volt:.2f}".rstrip("0")  # a window to 10 mV: as fine as Conditions.unlike tells windows apart
    return text + "0" if text.endswith(".") else text


def _unit(quantity: str) -> str:
    unit = QUANTITIES[quantity].unit
    return "" if unit == "1" else f" {unit}"


def _alone(number: float, quantity: str) -> str:
    unit = QUANTITIES[quantity].unit
    decimals = _MORE_DECIMALS.get(quantity, _DECIMALS.get(unit))
    if decimals is None or not math.isfinite(number):
        return format_number(number, significant=3)
    if number != 0 and abs(number) < 0.5 * 10.0**-decimals:
        return format_number(number, significant=2)  # "0.00" would hide a value that is not zero
    return _fixed(number, decimals)


def _level(interval: Interval) -> str:
    return "" if math.isclose(interval.level, USUAL_LEVEL) else f" [{format_number(100 * interval.level)} %]"


def _digits(number: float, half_width: float) -> int:
    """Return how many digits a number has down to the second one of the half-width of its interval."""
    return 2 + _exponent(max(abs(number), half_width)) - _exponent(half_width)


def _decimals_of_width(half_width: float) -> int | None:
    if half_width <= 0 or not math.isfinite(half_width):
        return None
    decimals = 1 - _exponent(half_width)
    # 0.0996 rounds up to 0.10: one digit fewer keeps two significant ones
    return 1 - _exponent(float(f"{half_width:.1e}")) if decimals > 0 else decimals


def _exponent(number: float) -> int:
    return 0 if number == 0 else math.floor(math.log10(abs(number)))


def _power(largest: float) -> tuple[int, str]:
    """Return the power of ten that numbers up to *largest* are written in, and its text; 0 and "" for usual sizes."""
    exponent = _exponent(largest)
    return (0, "") if -3 <= exponent < 6 else (exponent, f"×10{str(exponent).translate(_SUPERSCRIPT)}")


def _fixed(number: float, decimals: int) -> str:
    return format_number(number, decimals=decimals)


def _power_of_ten(number: float, decimals: int) -> str:
    mantissa, exponent = f"{number:.{decimals}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{_dressed(mantissa)}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _dressed(text: str) -> str:
    sign, digits = (MINUS, text[1:]) if text.startswith("-") else ("", text)
    whole, dot, rest = digits.partition(".")
    if not any(d in "123456789" for d in digits):
        sign = ""
    if len(whole) > 4:
        whole = f"{int(whole):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return sign + whole + dot + rest

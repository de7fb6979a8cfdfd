"""Which conditions make two values of one quantity incomparable: what matters depends on the quantity.

The tolerances are those of `lirich.model.Conditions.unlike` unless a rule here says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lirich.model import Conditions, Scalar, Value
from lirich.quantities import quantity

SPAN_TOLERANCE = 0.25
"""Slopes over cycle number are compared where the spans they were fitted over differ by at most a quarter: fade is
not linear, but a test that ran 58 cycles may stand beside one that ran 60. A convention of lirich."""

PEAK_TOLERANCE_V = 0.10
"""Peaks that carry no name but their voltage are the same peak of two cells within 0.10 V. A convention of lirich:
the neighbours in the dQ/dV of a Li-rich oxide (charge about 3.9 and 4.5 V, discharge about 3.3 and 3.8 V) are
several times further apart."""

_RATE_TOLERANCE = 0.10  # of Conditions.unlike

_SLOPES = frozenset(
    {
        "voltage_decay_mv_per_cycle",
        "voltage_decay_endpoint_mv_per_cycle",
        "structural_voltage_decay_mv_per_cycle",
        "polarisation_voltage_decay_mv_per_cycle",
        "structural_share_of_voltage_decay",
        "corrected_voltage_decay_mv_per_cycle",
        "capacity_fade_percent_per_cycle",
        "capacity_fade_knee_cycle",
        "median_coulombic_efficiency",
        "low_voltage_capacity_growth_mah_g_per_cycle",
        "low_voltage_share_growth_percent_per_cycle",
        "dqdv_peak_shift_mv_per_cycle",
        "interrupt_resistance_growth_ohm_per_cycle",
        "end_resistance_growth_ohm_per_cycle",
    }
)  # over many cycles: the span matters, where exactly it begins and ends does not

_OF_MATERIAL = frozenset({"theoretical_capacity_mah_g", "formal_tm_capacity_mah_g"})
# from the composition alone: no test conditions matter

_NOT_SAID = frozenset({"morphology", "composition", "stated"})  # of `other`: what it is, not under what
_OTHER_NUMBERS = frozenset(
    {
        "charge_current_ma_g",
        "interrupt_time_s",
        "reference_rate_c",
        "reference_current_ma_g",
        "grid_step_v",
        "window_v",
        "polynomial_order",
    }
)

_IDENTITY = ("direction", "soc_percent", "threshold_v", "voltage_v")
RATE_FIGURES = frozenset({"rate_capability", "rate_capacity_mah_g", "rate_recovery"})
"""Quantities of which each rate is a figure of its own."""


def unlike(key: str, a: Conditions, b: Conditions) -> tuple[str, ...]:
    """Name the conditions that make two values of the quantity *key* incomparable; empty where they are alike.

    What only one side states is named too: *not stated* is not *equal*. Beyond `Conditions.unlike`:

    * currents per gram decide where both sides state them, else C-rates, and C-rates of unlike 1C are unlike;
    * slopes over cycles look at the span of cycles (`SPAN_TOLERANCE`), not at its ends; a retention needs the same
      cycle and reference cycle;
    * the numeral of a segment (``ageing-2``) does not matter, its purpose does;
    * texts in ``other`` matter (which peak, which convention), as do the current of a charge that is not that of the
      discharge, the delay of an interrupt resistance, the reference of a rate capability, the smoothing of dQ/dV;
    * what follows from the composition alone has no conditions.

    Raises `UnknownNameError` on the quantity.
    """
    quantity(key)
    if key in _OF_MATERIAL:
        return ()
    names = list(a.unlike(b))
    names = [n for n in names if n not in ("rate_c", "current_ma_g", "segment", "method")]
    if key in _SLOPES:
        names = [n for n in names if n not in ("cycle", "reference_cycle", "cycles")]
        names += _span(a, b)
    names += _rate(a, b)
    if _purpose(a.segment) != _purpose(b.segment):
        names.append("segment")
    if _method(a) != _method(b):
        names.append("method")
    return tuple(dict.fromkeys(names + _other(a.other, b.other)))


def same_figure(key: str, a: Conditions, b: Conditions) -> bool:
    """Tell whether two values mean the same figure of a test, whatever the conditions: same peak, SOC, direction.

    Forcing a comparison sets conditions aside; it never compares 25 % with 75 % SOC.
    """
    differing = set(a.unlike(b))
    if differing & set(_IDENTITY):
        return False
    if key in RATE_FIGURES and _rate(a, b):
        return False
    return not {n for n in _other(a.other, b.other) if n not in _OTHER_NUMBERS}


def classes(key: str, values: Sequence[Value]) -> list[list[Value]]:
    """Sort *values* of the quantity *key* into classes within which all are alike, origins included.

    A value joins the first class in which it is alike to every member, so the result does not depend on
    tolerances adding up. Values are taken in order of subject and conditions: the result is deterministic.
    """
    found: list[list[Value]] = []
    for value in sorted(values, key=lambda v: (v.subject.key, v.conditions.to_json(), v.value)):
        for members in found:
            if all(value.origin == m.origin and not unlike(key, value.conditions, m.conditions) for m in members):
                members.append(value)
                break
        else:
            found.append([value])
    return found


def figures(key: str, values: Sequence[Value]) -> list[list[Value]]:
    """Sort *values* into sets that mean the same figure of a test: see `same_figure`."""
    found: list[list[Value]] = []
    for value in sorted(values, key=lambda v: (v.subject.key, v.conditions.to_json(), v.value)):
        for members in found:
            if all(same_figure(key, value.conditions, m.conditions) for m in members):
                members.append(value)
                break
        else:
            found.append([value])
    return found


def differences(key: str, one: Iterable[Value], other: Iterable[Value]) -> tuple[str, ...]:
    """Name what makes any value of *one* incomparable with any of *other*; ``origin`` is one of the names."""
    names: dict[str, None] = {}
    others = list(other)
    for a in one:
        for b in others:
            if a.origin != b.origin:
                names["origin"] = None
            names.update(dict.fromkeys(unlike(key, a.conditions, b.conditions)))
    return tuple(names)


def shared(values: Sequence[Value]) -> Conditions:
    """Return the conditions that all *values* state alike; numbers within tolerance become their median."""
    first = values[0].conditions
    apart = {name for v in values for name in first.unlike(v.conditions)}
    alike = {
        name: None if name in apart else _middle([getattr(v.conditions, name) for v in values])
        for name in Conditions.model_fields
        if name not in ("other", "one_c_ma_g", "method")
    }
    one_c = {v.conditions.one_c_ma_g for v in values}
    methods = {_method(v.conditions) for v in values}
    other = {k: v for k, v in first.other.items() if all(x.conditions.other.get(k) == v for x in values)}
    peaks = [_voltage(v.conditions.other.get("peak")) for v in values]
    if "peak" not in other and None not in peaks:
        other["peak"] = f"{_middle(peaks):.2f} V"
    return Conditions.model_validate(
        {
            **alike,
            "one_c_ma_g": one_c.pop() if len(one_c) == 1 else None,
            "method": methods.pop() if len(methods) == 1 else None,
            "other": other,
        }
    )


def _middle(stated: Sequence[Any]) -> Any:
    # `apart` is without doubt about this condition: either all state it or none does
    return None if stated[0] is None else sorted(stated)[len(stated) // 2]


def _rate(a: Conditions, b: Conditions) -> list[str]:
    if a.current_ma_g is not None and b.current_ma_g is not None:
        return [] if _close(a.current_ma_g, b.current_ma_g, _RATE_TOLERANCE) else ["current_ma_g"]
    if a.rate_c is not None and b.rate_c is not None:
        if not _close(a.rate_c, b.rate_c, _RATE_TOLERANCE):
            return ["rate_c"]
        known = a.one_c_ma_g is not None and b.one_c_ma_g is not None
        return [] if not known or _close(a.one_c_ma_g, b.one_c_ma_g, _RATE_TOLERANCE) else ["one_c_ma_g"]
    if a.rate_c is None and b.rate_c is None:
        return [] if a.current_ma_g is None and b.current_ma_g is None else ["current_ma_g"]
    return ["rate_c"]


def _span(a: Conditions, b: Conditions) -> list[str]:
    one, other = number_of_cycles(a), number_of_cycles(b)
    if one is None and other is None:
        return []
    if one is None or other is None:
        return ["cycles"]
    return [] if _close(one, other, SPAN_TOLERANCE) else ["cycles"]


def number_of_cycles(c: Conditions) -> float | None:
    """Return over how many cycles a value was taken: stated, or between its first and last or reference cycle."""
    if c.cycles is not None:
        return float(c.cycles)
    first, last = c.other.get("first_cycle"), c.other.get("last_cycle")
    if isinstance(first, int | float) and isinstance(last, int | float):
        return float(last - first)
    if c.cycle is not None and c.reference_cycle is not None:
        return float(c.cycle - c.reference_cycle)
    return None


def _close(a: float | None, b: float | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= tolerance * max(abs(a), abs(b)) * (1 + 1e-9)


def _purpose(segment: str | None) -> str | None:
    return None if segment is None else segment.rstrip("0123456789").rstrip("-_ #")


def _method(c: Conditions) -> str | None:
    # the peak is told apart by `other["peak"]`, with a tolerance; methods may repeat its name
    peak = c.other.get("peak")
    return c.method if c.method is None or peak is None else c.method.replace(f"; {peak} peak", "")


def _other(a: dict[str, Scalar], b: dict[str, Scalar]) -> list[str]:
    return [name for name in sorted(set(a) | set(b)) if _apart(name, a.get(name), b.get(name))]


def _apart(name: str, x: Scalar | None, y: Scalar | None) -> bool:
    if name in _NOT_SAID or x == y:
        return False
    if name == "peak":
        return not _same_peak(x, y)
    if isinstance(x, str | bool) or isinstance(y, str | bool):
        return True
    return name in _OTHER_NUMBERS and not _close(_number(x), _number(y), _RATE_TOLERANCE)


def _number(x: Scalar | None) -> float | None:
    return None if x is None else float(x)


def _same_peak(x: Scalar | None, y: Scalar | None) -> bool:
    one, other = _voltage(x), _voltage(y)
    return one is not None and other is not None and abs(one - other) <= PEAK_TOLERANCE_V


def _voltage(label: Scalar | None) -> float | None:
    if isinstance(label, int | float) and not isinstance(label, bool):
        return float(label)
    try:
        return float(label.removesuffix("V")) if isinstance(label, str) else None
    except ValueError:
        return None

"""How a figure of merit becomes a `Value` of a cell, and how a missing fact is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lirich import __version__
from lirich.cycling.halfcycle import HalfCycle, weighted_median
from lirich.errors import NotEnoughDataError
from lirich.model import (
    Cell,
    Conditions,
    Finding,
    Interval,
    Origin,
    Provenance,
    Scalar,
    Severity,
    Subject,
    Value,
)

SAME_RATE = 0.10
"""Relative difference of currents up to which they are one rate, as `Conditions.unlike` has it."""

_ADVICE = {
    "active_mass_mg": "Give active_mass_mg (mass of active material on the electrode, mg) for the cell",
    "one_c_ma_g": "Give one_c_ma_g (the specific current that 1C means, mA/g) for the cell",
    "electrode": "Give electrode = 'cathode', 'anode' or 'full' for the cell",
    "composition": "Give composition (for example Li1.2Mn0.54Ni0.13Co0.13O2) for the sample",
    "particle_diameter_um": "Give particle_diameter_um (µm) for the sample, or pass the radius",
}


def record(
    quantity: str,
    value: float,
    cell: Cell,
    *,
    conditions: Conditions,
    code: str,
    parameters: Mapping[str, Scalar] | None = None,
    interval: Interval | None = None,
    flags: Sequence[str] = (),
    note: str = "",
) -> Value:
    """Return the `Value` of *cell*; the origin is ``simulated`` where the cell is, else ``measured``.

    *value* is in the unit of *quantity*. *code* names the function that computed it. Raises
    ``pydantic.ValidationError`` on an unknown quantity and on a value that is not finite.
    """
    return Value(
        quantity=quantity,
        value=float(value),
        interval=interval,
        subject=Subject(kind="cell", key=cell.key),
        conditions=conditions,
        origin=Origin.SIMULATED if cell.simulated else Origin.MEASURED,
        provenance=Provenance(code=code, version=__version__, parameters=dict(parameters or {})),
        flags=tuple(flags),
        note=note,
    )


def place(cell: Cell, cycle: int) -> str:
    """Return where a finding about one cycle is: ``cell, cycle n``."""
    return f"{cell.key}, cycle {cycle}"


def missing_fact(field: str, needed_for: str, *, where: str = "") -> Finding:
    """Return the finding ``missing-<field>`` that asks by name for a fact of a cell or sample."""
    return Finding(
        code="missing-" + field.replace("_", "-"),
        message=f"{field} is not given; without it there is no {needed_for}",
        advice=_ADVICE.get(field, f"Give {field}"),
        where=where,
    )


def not_enough(what: str, error: NotEnoughDataError, *, where: str = "") -> Finding:
    """Return the finding ``not-enough-data``: *what* is not given, and why."""
    return Finding(
        code="not-enough-data",
        severity=Severity.INFO,
        message=f"No {what}: {error.found}" + (f"; expected: {error.expected}" if error.expected else ""),
        advice=error.advice,
        where=where,
    )


def specific(cell: Cell) -> float | None:
    """Return the factor from mAh to mAh/g of active mass, 1/g, or ``None`` where the mass is not given."""
    return None if cell.active_mass_mg is None else 1000.0 / cell.active_mass_mg


def efficiency_convention(cell: Cell) -> str:
    """Return which way the Coulombic efficiency of *cell* is taken: ``discharge/charge``; for an anode the inverse."""
    return "charge/discharge" if cell.electrode == "anode" else "discharge/charge"


def efficiency_doubt(cell: Cell) -> tuple[str, ...]:
    """Return the flag of an efficiency whose convention nobody settled: the electrode of *cell* is not given."""
    return ("electrode-unknown",) if cell.electrode is None else ()


def with_conditions(conditions: Conditions, *, other: Mapping[str, Scalar] | None = None, **update: Any) -> Conditions:
    """Return *conditions* with some fields replaced and *other* merged in."""
    merged = {**conditions.other, **(other or {})}
    return Conditions.model_validate({**conditions.model_dump(), **update, "other": merged})


def half_cycle_conditions(*halves: HalfCycle | None, cell: Cell) -> Conditions:
    """Return cycle, voltage window, current, rate and temperature under which *halves* were recorded.

    The window runs from the lowest voltage of the discharges to the highest of the charges; the current is
    the charge-weighted median of the last half-cycle without constant-voltage parts. That of a charge beside a
    discharge stands in ``other``, see `charge_current`. What cannot be said is ``None``.
    """
    present = [half for half in halves if half is not None and len(half)]
    if not present:
        return Conditions(one_c_ma_g=cell.one_c_ma_g, temperature_celsius=cell.temperature_celsius)
    charges = [half.voltage_v.max() for half in present if half.direction == "charge"]
    discharges = [half.voltage_v.min() for half in present if half.direction == "discharge"]
    current = median_current_ma(present[-1])
    per_gram = specific(cell)
    specific_current = None if current is None or per_gram is None else current * per_gram
    rate = None if specific_current is None or cell.one_c_ma_g is None else specific_current / cell.one_c_ma_g
    directions = {half.direction for half in present}
    charged = next((half for half in present[:-1] if half.direction == "charge"), None)
    return Conditions(
        other=charge_current(None if charged is None else median_current_ma(charged), current, cell),
        cycle=present[0].cycle if len({half.cycle for half in present}) == 1 else None,
        direction=directions.pop() if len(directions) == 1 else None,
        current_ma_g=specific_current,
        rate_c=rate,
        one_c_ma_g=cell.one_c_ma_g,
        voltage_lower_v=float(min(discharges)) if discharges else None,
        voltage_upper_v=float(max(charges)) if charges else None,
        temperature_celsius=cell.temperature_celsius,
    )


def charge_current(charge_ma: float | None, discharge_ma: float | None, cell: Cell) -> dict[str, Scalar]:
    """Return ``charge_current_ma_g`` where the charge was at another rate than the discharge, else nothing.

    `Conditions` have one current, that of the discharge; how a cell was charged before matters as much.
    """
    per_gram = specific(cell)
    if charge_ma is None or discharge_ma is None or per_gram is None:
        return {}
    if abs(charge_ma - discharge_ma) <= SAME_RATE * max(charge_ma, discharge_ma):
        return {}
    return {"charge_current_ma_g": charge_ma * per_gram}


def median_current_ma(half: HalfCycle) -> float | None:
    """Return the magnitude of the charge-weighted median current without constant-voltage parts, mA.

    ``None`` for a curve without a time axis and for a half-cycle that is constant voltage throughout.
    """
    if half.current_ma is None or len(half) < 2:
        return None
    weight = np.where(half.constant_voltage[1:], 0.0, np.diff(half.capacity_mah))
    median = weighted_median(np.abs(half.current_ma[1:]), weight)
    return median if np.isfinite(median) else None

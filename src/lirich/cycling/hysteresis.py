"""Voltage hysteresis against state of charge, and the energy of the loop.

ΔV(q) = Vch(q) − Vdis(q) at the same capacity q counted from the discharged end of the cycle, over the
discharge capacity; the loop is Ech − Edis (Croy et al., J. Electrochem. Soc. 161 (2014) A318,
doi:10.1149/2.049403jes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from lirich.cycling.arrays import Array
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.record import half_cycle_conditions, record, specific, with_conditions
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Finding, Severity, Value

Alignment = Literal["discharged", "charged"]


OPEN_LOOP = 0.05
"""Charge and discharge that differ by more than this share close no loop: E_ch − E_dis then is not its area."""


@dataclass(frozen=True, slots=True, eq=False)
class Hysteresis:
    """Charge and discharge of one cycle over each other.

    ``soc_percent`` (100·q/Q_dis), ``charge_v``, ``discharge_v`` and ``gap_v`` have shape (n,); NaN where one
    of the two half-cycles does not reach. ``loop_energy_mwh`` is E_ch − E_dis of the whole half-cycles, mWh.
    """

    cycle: int
    soc_percent: Array
    charge_v: Array
    discharge_v: Array
    gap_v: Array
    loop_energy_mwh: float
    alignment: Alignment


def hysteresis(
    charge: HalfCycle, discharge: HalfCycle, *, alignment: Alignment = "discharged", points: int = 101
) -> Hysteresis:
    """Lay *charge* and *discharge* of one cycle over each other against state of charge.

    ``discharged`` (the definition) puts the start of the charge at the end of the discharge: what the cycle
    lost is then at the top of the charge, as oxidation and gas are. ``charged`` puts the end of the charge at
    the start of the discharge: right where the loss is a lithium deficit of the discharge. Raises
    `NotEnoughDataError` where a half-cycle has fewer than two points or no charge.
    """
    for half in (charge, discharge):
        if len(half) < 2 or half.capacity_mah[-1] <= half.capacity_mah[0]:
            raise NotEnoughDataError(
                f"The {half.direction} of cycle {half.cycle} passes no charge",
                expected="a charge and a discharge",
            )
    total = float(discharge.capacity_mah[-1] - discharge.capacity_mah[0])
    soc = np.linspace(0.0, 100.0, points)
    at = soc / 100.0 * total
    start = 0.0
    if alignment == "charged":
        start = total - float(charge.capacity_mah[-1] - charge.capacity_mah[0])
    up = _voltage_at(charge.capacity_mah - charge.capacity_mah[0] + start, charge.voltage_v, at)
    down = _voltage_at(discharge.capacity_mah[-1] - discharge.capacity_mah[::-1], discharge.voltage_v[::-1], at)
    return Hysteresis(charge.cycle, soc, up, down, up - down, energy_mwh(charge) - energy_mwh(discharge), alignment)


def hysteresis_curves(half_cycles: Sequence[HalfCycle]) -> pl.DataFrame:
    """Return ΔV(q) of the cycles that have both half-cycles, for plots: ``cycle, soc_percent, hysteresis_v``.

    Where one half-cycle does not reach there is no row; a cycle whose half-cycles are too short is left out.
    """
    by_cycle: dict[int, dict[str, HalfCycle]] = {}
    for half in half_cycles:
        by_cycle.setdefault(half.cycle, {})[half.direction] = half
    frames = []
    for cycle, halves in by_cycle.items():
        if len(halves) < 2:
            continue
        try:
            loop = hysteresis(halves["charge"], halves["discharge"])
        except NotEnoughDataError:
            continue  # said in the docstring: a plot shows what there is
        there = np.isfinite(loop.gap_v)
        frames.append(
            pl.DataFrame({"soc_percent": loop.soc_percent[there], "hysteresis_v": loop.gap_v[there]}).select(
                pl.lit(cycle, dtype=pl.Int64).alias("cycle"), "soc_percent", "hysteresis_v"
            )
        )
    schema = {"cycle": pl.Int64, "soc_percent": pl.Float64, "hysteresis_v": pl.Float64}
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def _voltage_at(capacity: Array, voltage: Array, at: Array) -> Array:
    tolerance = 1e-9 * max(float(capacity[-1]), float(at[-1]))
    inside = (at >= capacity[0] - tolerance) & (at <= capacity[-1] + tolerance)
    return np.where(inside, np.interp(at, capacity, voltage), np.nan)


def energy_mwh(half: HalfCycle) -> float:
    """Return ∫V dQ of *half* by the trapezoidal rule, mWh."""
    return float(np.trapezoid(half.voltage_v, half.capacity_mah))


def hysteresis_values(
    charge: HalfCycle,
    discharge: HalfCycle,
    cell: Cell,
    *,
    soc: Sequence[float] = (25.0, 50.0, 75.0),
    alignment: Alignment = "discharged",
    segment: str | None = None,
) -> tuple[list[Value], list[Finding]]:
    """Return ΔV at the states of charge *soc* (%), and the loop energy, as values of the cycle."""
    code = "lirich.cycling.hysteresis.hysteresis"
    try:
        loop = hysteresis(charge, discharge, alignment=alignment, points=1001)
    except NotEnoughDataError as error:
        finding = Finding(
            code="no-hysteresis",
            severity=Severity.INFO,
            message=error.found,
            advice=error.expected,
            where=cell.key,
        )
        return [], [finding]
    conditions = with_conditions(
        half_cycle_conditions(charge, discharge, cell=cell),
        segment=segment,
        method=f"aligned at the {alignment} end",
    )
    values = []
    for percent in soc:
        gap = float(np.interp(percent, loop.soc_percent, loop.gap_v))
        if np.isfinite(gap):
            stated = with_conditions(conditions, soc_percent=float(percent))
            values.append(record("hysteresis_at_soc_v", gap, cell, conditions=stated, code=code))
    ends = charge.capacity_mah[-1], discharge.capacity_mah[-1]
    flags = ("open-loop",) if abs(ends[0] - ends[1]) > OPEN_LOOP * max(ends) else ()
    values.append(
        record("hysteresis_loop_energy_mwh", loop.loop_energy_mwh, cell, conditions=conditions, code=code, flags=flags)
    )
    per_gram = specific(cell)
    if per_gram is not None:
        values.append(
            record(
                "hysteresis_loop_energy_wh_kg",
                loop.loop_energy_mwh * per_gram,
                cell,
                conditions=conditions,
                code=code,
                flags=flags,
            )
        )
    return values, []

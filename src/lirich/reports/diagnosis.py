"""What the numbers of a cell say in words: what is being lost, and whether it is structure or resistance.

Every statement is made from values with their intervals; where the data cannot carry one, that is the statement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from lirich import plots
from lirich.cycling.trend import MIN_CYCLES
from lirich.model import Origin, Value
from lirich.model.format import format_value
from lirich.plots import EnergyLoss
from lirich.reports.data import CellReport

Cause = Literal["structure", "polarisation", "both", "none", "unknown"]

_EVEN = 0.10  # a part of the voltage decay within 10 % of the other is not called the larger


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is said of one cell: its energy loss in parts, the cause of its voltage decay, and the words."""

    cell: str
    loss: EnergyLoss | None
    cause: Cause
    cause_text: str
    values: tuple[Value, ...] = ()
    cycles: int = 0
    origin: Origin = Origin.MEASURED


def diagnose(report: CellReport) -> Diagnosis:
    """Say what one cell loses and why; ``cycles`` is from how many settled ageing cycles."""
    cause, text = cause_of_voltage_decay(report.values)
    table = _ageing(report)
    return Diagnosis(
        cell=report.name,
        loss=energy_loss(report),
        cause=cause,
        cause_text=text,
        values=report.values,
        cycles=0 if table is None else table.height,
        origin=report.origin,
    )


def first_value(values: Sequence[Value], key: str) -> Value | None:
    """Return the value of quantity *key* that stands for the cell, or ``None``.

    Of several, that of the ageing segment; of those, the one of the last cycle for retentions and the first cycle
    otherwise.
    """
    of_key = [v for v in values if v.quantity == key]
    chosen = [v for v in of_key if v.conditions.segment == "ageing"] or of_key
    if not chosen:
        return None
    last = key in ("capacity_retention", "energy_retention")
    pick = max if last else min
    return pick(chosen, key=lambda v: (v.conditions.cycle or 0, v.conditions.cycles or 0))


def slowest(values: Sequence[Value], key: str) -> Value | None:
    """Return the value of quantity *key* at the lowest current, which published headline values are given for."""
    of_key = [v for v in values if v.quantity == key]
    if not of_key:
        return None
    return min(of_key, key=lambda v: v.conditions.current_ma_g or v.conditions.rate_c or float("inf"))


def cause_of_voltage_decay(values: Sequence[Value]) -> tuple[Cause, str]:
    """Tell structure from polarisation by the intervals of the two parts of the voltage decay.

    dV̄_dis = dV̄_mid − ½dΔV̄ (Bettge et al., doi:10.1149/2.034311jes): the fade of V̄_mid is structural, the growth of ΔV̄
    is polarisation plus hysteresis. One part is called the cause only where its interval lies above that of the other.
    """
    total = first_value(values, "voltage_decay_mv_per_cycle")
    structural = first_value(values, "structural_voltage_decay_mv_per_cycle")
    polarisation = first_value(values, "polarisation_voltage_decay_mv_per_cycle")
    if structural is None or polarisation is None:
        return (
            "unknown",
            f"The voltage decay is not split: fewer than {MIN_CYCLES} comparable ageing cycles, or no complete "
            "half-cycles.",
        )
    parts = f"structure {format_value(structural)}, polarisation {format_value(polarisation)}"
    corrected = first_value(values, "corrected_voltage_decay_mv_per_cycle")
    if corrected is not None:
        parts += f"; corrected by current interrupts {format_value(corrected)}"
    if total is not None and total.interval is not None and total.interval.low <= 0 <= total.interval.high:
        return "none", f"No voltage decay that can be told from zero ({parts})."
    if structural.interval is None or polarisation.interval is None:
        return "unknown", f"The parts have no intervals, so none is called the cause ({parts})."
    share = first_value(values, "structural_share_of_voltage_decay")
    percent = f" ({format_value(share)} structural)" if share is not None else ""
    gap = _EVEN * max(abs(structural.value), abs(polarisation.value))
    if structural.interval.low > polarisation.interval.high and structural.value - polarisation.value > gap:
        return "structure", f"Mainly structure{percent}: {parts}."
    if polarisation.interval.low > structural.interval.high and polarisation.value - structural.value > gap:
        return "polarisation", f"Mainly polarisation{percent}: {parts}."
    return "both", f"Structure and polarisation alike{percent}, their intervals meet: {parts}."


def energy_loss(report: CellReport, *, least: int = MIN_CYCLES) -> EnergyLoss | None:
    """Split the loss of discharge energy between the first and the last settled ageing cycle into three parts, %.

    E = Q·V̄_dis and V̄_dis = V̄_mid − ½ΔV̄, the two over what charge and discharge both pass off constant voltage;
    where that is not the whole discharge, a fourth part is the change of the rest (held voltage). The loss E₀ − E is
    shared out by the logarithmic mean L (LMDI: Ang, Energy Policy 33 (2005) 867, doi:10.1016/j.enpol.2003.10.010),
    which leaves no remainder: capacity L(E₀,E)·ln(Q₀/Q), structure L(E₀,E)·(V̄_mid,0 − V̄_mid)/L(V̄₀,V̄), polarisation
    L(E₀,E)·½(ΔV̄ − ΔV̄₀)/L(V̄₀,V̄), held voltage the same with V̄_dis − V̄_mid + ½ΔV̄. Settled
    (`lirich.plots.settled`): like the first, and after a cycle that is like it. ``None`` where the cycle table lacks
    the columns or has fewer such cycles than *least*, by default as many as slopes need.
    """
    table = _ageing(report)
    if table is None or table.height < max(least, 2):
        return None
    first, last = table.row(0, named=True), table.row(-1, named=True)
    q0, q1 = first["discharge_capacity_mah"], last["discharge_capacity_mah"]
    v0, v1 = first["mean_discharge_voltage_v"], last["mean_discharge_voltage_v"]
    if min(q0, q1, v0, v1) <= 0:
        return None
    weight = 100.0 * _log_mean(q0 * v0, q1 * v1) / (q0 * v0)
    per_volt = weight / _log_mean(v0, v1)
    structure = first["mid_v"] - last["mid_v"]
    polarisation = 0.5 * (last["gap_v"] - first["gap_v"])
    return EnergyLoss(
        cell=report.name,
        group=report.group_name,
        reference_cycle=first["cycle"],
        cycle=last["cycle"],
        capacity_percent=weight * math.log(q0 / q1),
        structural_percent=per_volt * structure,
        polarisation_percent=per_volt * polarisation,
        held_percent=per_volt * (v0 - v1 - structure - polarisation),
        origin=report.origin,
    )


def _ageing(report: CellReport) -> pl.DataFrame | None:
    needed = ("discharge_capacity_mah", "mean_discharge_voltage_v", "mean_charge_voltage_v")
    table = report.cycles
    if table is None or any(c not in table.columns for c in needed):
        return None
    first = [s.first_cycle for s in report.segments if s.kind == "ageing" and s.first_cycle is not None]
    if not first:
        return None  # nothing that is known to be ageing at one rate
    table = plots.fade_voltages(plots.settled(table, min(first)))
    return table.filter(pl.all_horizontal(pl.col(c).is_not_null() & pl.col(c).is_finite() for c in needed))


def _log_mean(a: float, b: float) -> float:
    return a if math.isclose(a, b, rel_tol=1e-12) else (a - b) / math.log(a / b)

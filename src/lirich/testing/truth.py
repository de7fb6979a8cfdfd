"""The truth of a simulated cell: integrals over the traces without noise, on the model's fine grid.

Written without `lirich.cycling` on purpose: slopes are least squares over noise-free points, integrals are
trapezoids over 0.1 mAh/g. Keys are those of `lirich.quantities`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lirich.testing.curve_model import Array, Material, Trace
from lirich.testing.cycler import AGEING_C, CycledCell, CycleRecord, PlannedCycle, cycle_cell

LOW_VOLTAGE_V, HIGH_VOLTAGE_V = 3.5, 4.4


def cell_truth(run: CycledCell, mass_mg: float) -> dict[str, Any]:
    """Return per-cycle truth, figures of the cell, and the causes of its voltage decay."""
    cycles = [cycle_truth(record, mass_mg) for record in run.cycles]
    figures: dict[str, Any] = {}
    if run.cycles:
        figures |= _first_cycle(run.cycles[0])
    steady = _steady(run.cycles)
    if len(steady) >= 3:
        figures |= _fade([c for c in cycles if c["cycle"] in steady])
        figures |= _ends([c for c in cycles if c["segment"] == "ageing"])
    figures |= _rates(cycles)
    truth: dict[str, Any] = {"figures": figures, "ageing_cycles_used": steady, "cycles": cycles}
    if len(steady) >= 3 and run.material is not None:
        truth["causes"] = _causes(run, run.material, steady)
    if run.extra:
        truth["diffusion"] = dict(run.extra)
    return truth


def cycle_truth(record: CycleRecord, mass_mg: float) -> dict[str, Any]:
    """Return the truth of one cycle."""
    charged = sum(float(t.charge_mah_g[-1]) for t in record.charge)
    energy_in = sum(float(t.energy_mwh_g[-1]) for t in record.charge)
    d = record.discharge
    discharged, energy_out = float(d.charge_mah_g[-1]), float(d.energy_mwh_g[-1])
    held = sum(float(t.charge_mah_g[-1]) for t in record.charge[1:])
    low = discharged - _charge_at(d, LOW_VOLTAGE_V)
    mean_in, mean_out = energy_in / charged, energy_out / discharged
    return {
        "cycle": record.cycle,
        "segment": record.planned.segment,
        "charge_rate_c": record.planned.charge_c,
        "discharge_rate_c": record.planned.discharge_c,
        "charge_capacity_mah": charged * mass_mg / 1000.0,
        "discharge_capacity_mah": discharged * mass_mg / 1000.0,
        "charge_specific_capacity_mah_g": charged,
        "discharge_specific_capacity_mah_g": discharged,
        "coulombic_efficiency": 100.0 * discharged / charged,
        "charge_specific_energy_wh_kg": energy_in,
        "discharge_specific_energy_wh_kg": energy_out,
        "energy_efficiency": 100.0 * energy_out / energy_in,
        "mean_charge_voltage_v": mean_in,
        "mean_discharge_voltage_v": mean_out,
        "mid_voltage_v": (mean_in + mean_out) / 2,
        "voltage_gap_v": mean_in - mean_out,
        "median_discharge_voltage_v": float(np.interp(discharged / 2, d.charge_mah_g, d.voltage_v)),
        "hysteresis_loop_energy_wh_kg": energy_in - energy_out,
        "low_voltage_capacity_mah_g": low,
        "low_voltage_share": 100.0 * low / discharged,
        "high_voltage_capacity_mah_g": charged - _charge_at(record.charge[0], HIGH_VOLTAGE_V),
        "constant_voltage_share": 100.0 * held / charged,
        "instant_resistance_ohm": record.resistance_ohm_g / (mass_mg / 1000.0),
    }


def _charge_at(trace: Trace, voltage_v: float) -> float:
    """Return the specific charge passed when the voltage is first crossed, mAh/g."""
    sign = 1.0 if trace.current_a_g[0] > 0 else -1.0
    passed = np.flatnonzero(sign * (trace.voltage_v - voltage_v) >= 0)
    if not len(passed):
        return float(trace.charge_mah_g[-1])
    k = int(passed[0])
    if k == 0:
        return 0.0
    v0, v1 = trace.voltage_v[k - 1 : k + 1]
    q0, q1 = trace.charge_mah_g[k - 1 : k + 1]
    return float(q0 + (voltage_v - v0) / (v1 - v0) * (q1 - q0))


def _first_cycle(record: CycleRecord) -> dict[str, float]:
    first = record.charge[0]
    charged, discharged = float(first.charge_mah_g[-1]), float(record.discharge.charge_mah_g[-1])
    grid = np.arange(3.5, 4.79, 0.001)
    dq = np.gradient(np.interp(grid, first.voltage_v, first.charge_mah_g), grid)
    dq = np.convolve(dq, np.ones(5) / 5, mode="same")
    metal = _highest(grid, dq, 3.7, 4.2)
    plateau = _highest(grid, dq, 4.3, 4.75)
    between = (grid >= max(4.1, metal)) & (grid <= plateau)
    valley = float(grid[between][np.argmin(dq[between])])
    slope = _charge_at(first, valley)
    return {
        "initial_coulombic_efficiency": 100.0 * discharged / charged,
        "irreversible_capacity_mah_g": charged - discharged,
        "activation_voltage_v": valley,
        "transition_metal_peak_v": metal,
        "plateau_peak_v": plateau,
        "slope_capacity_mah_g": slope,
        "plateau_capacity_mah_g": charged - slope,
    }


def _highest(grid: Array, dq: Array, low: float, high: float) -> float:
    inside = (grid >= low) & (grid <= high)
    return float(grid[inside][np.argmax(dq[inside])])


def _steady(records: list[CycleRecord]) -> list[int]:
    """Return the ageing cycles whose predecessor was an ageing cycle too: they start where they end."""
    segments = [r.planned.segment for r in records]
    return [r.cycle for i, r in enumerate(records) if i and segments[i] == segments[i - 1] == "ageing"]


def _slope(cycles: list[dict[str, Any]], key: str) -> float:
    x = np.array([c["cycle"] for c in cycles], dtype=float)
    return float(np.polyfit(x - x.mean(), [c[key] for c in cycles], 1)[0])


def _fade(cycles: list[dict[str, Any]]) -> dict[str, float]:
    structural = -1000.0 * _slope(cycles, "mid_voltage_v")
    polarisation = 500.0 * _slope(cycles, "voltage_gap_v")
    return {
        "voltage_decay_mv_per_cycle": -1000.0 * _slope(cycles, "mean_discharge_voltage_v"),
        "structural_voltage_decay_mv_per_cycle": structural,
        "polarisation_voltage_decay_mv_per_cycle": polarisation,
        "structural_share_of_voltage_decay": 100.0 * structural / (structural + polarisation),
        "median_coulombic_efficiency": float(np.median([c["coulombic_efficiency"] for c in cycles])),
        "low_voltage_capacity_growth_mah_g_per_cycle": _slope(cycles, "low_voltage_capacity_mah_g"),
        "low_voltage_share_growth_percent_per_cycle": _slope(cycles, "low_voltage_share"),
    }


def _ends(cycles: list[dict[str, Any]]) -> dict[str, float]:
    """Compare with the first cycle at the test rate after formation, rate test and check-ups left out."""
    first, last = cycles[0], cycles[-1]
    charge, energy, mean = (
        "discharge_specific_capacity_mah_g",
        "discharge_specific_energy_wh_kg",
        "mean_discharge_voltage_v",
    )
    return {
        "voltage_decay_endpoint_mv_per_cycle": 1000.0 * (first[mean] - last[mean]) / (last["cycle"] - first["cycle"]),
        "capacity_fade_percent_per_cycle": -100.0 * _slope(cycles, charge) / first[charge],
        "capacity_retention": 100.0 * last[charge] / first[charge],
        "energy_retention": 100.0 * last[energy] / first[energy],
    }


def _rates(cycles: list[dict[str, Any]]) -> dict[str, Any]:
    test = [c for c in cycles if c["segment"] == "rate_test"]
    if not test:
        return {}
    blocks = [test[i : i + 2] for i in range(0, len(test), 2)]
    mean = [float(np.mean([c["discharge_specific_capacity_mah_g"] for c in block])) for block in blocks]
    rates = [f"{block[0]['discharge_rate_c']:g}" for block in blocks]
    return {
        "rate_capacity_mah_g": dict(zip(rates[:-1], mean[:-1], strict=True)),
        "rate_capability": {r: 100.0 * m / mean[0] for r, m in zip(rates[:-1], mean[:-1], strict=True)},
        "rate_recovery": 100.0 * mean[-1] / mean[0],
    }


def _causes(run: CycledCell, whole: Material, steady: list[int]) -> dict[str, float]:
    """Age the same cell once with its structure only and once with its resistances only."""
    planned: list[PlannedCycle] = [r.planned for r in run.cycles]
    slopes = {}
    for name, material in (
        ("structure_only", whole.structure_only()),
        ("polarisation_only", whole.polarisation_only()),
    ):
        other = cycle_cell(material, len(planned), planned, record=False)
        points = [cycle_truth(r, 1.0) for r in other.cycles if r.cycle in steady]
        slopes[f"{name}_voltage_decay_mv_per_cycle"] = -1000.0 * _slope(points, "mean_discharge_voltage_v")
    return slopes | {"ageing_rate_c": AGEING_C}

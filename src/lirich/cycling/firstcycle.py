"""Figures of the first cycle: efficiency, loss, activation and the formal split."""

from __future__ import annotations

import numpy as np

from lirich.cycling.activation import Activation, activation
from lirich.cycling.dqdv import DEFAULT_SMOOTHING, Smoothing
from lirich.cycling.formal import OF_COMPOSITION, formal_values, no_formal_split
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.lowvoltage import (
    HIGH_VOLTAGE_V,
    LOW_VOLTAGE_V,
    ends_above_zero,
    high_voltage_capacity_mah,
    lithium_thresholds,
    low_voltage_capacity_mah,
)
from lirich.cycling.material import LI_RICH_RATIO, li_rich, may_be_li_rich_cathode
from lirich.cycling.peakintervals import peak_interval, variants
from lirich.cycling.peaks import find_peaks, name_peaks
from lirich.cycling.peakvalues import peak_values, smoothed_conditions
from lirich.cycling.record import (
    efficiency_convention,
    half_cycle_conditions,
    missing_fact,
    not_enough,
    record,
    specific,
    with_conditions,
)
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Composition, Conditions, Finding, Sample, Scalar, Severity, Value
from lirich.model.counter import counter_potential_v

_CODE = "lirich.cycling.firstcycle.first_cycle_values"


def first_cycle_values(
    first_charge: HalfCycle | None,
    first_discharge: HalfCycle | None,
    cell: Cell,
    sample: Sample | None = None,
    *,
    smoothing: Smoothing = DEFAULT_SMOOTHING,
    low_voltage_threshold_v: float = LOW_VOLTAGE_V,
    high_voltage_threshold_v: float = HIGH_VOLTAGE_V,
) -> tuple[list[Value], list[Finding]]:
    """Return ICE, irreversible capacity, V*, slope and plateau, formal split and dQ/dV peaks of the first cycle.

    What needs the active mass, the electrode or the composition is left out where that is not given, and a
    finding asks for it by name. Activation and formal split are for Li-rich cathodes: for other electrodes
    and compositions a finding says that they do not apply.
    """
    findings: list[Finding] = []
    values = _efficiency(first_charge, first_discharge, cell, findings)
    per_gram = specific(cell)
    if per_gram is None:
        findings.append(missing_fact("active_mass_mg", "specific capacity of the first cycle", where=cell.key))
    else:
        values.extend(
            _thresholds(
                first_charge, first_discharge, cell, per_gram, low_voltage_threshold_v, high_voltage_threshold_v
            )
        )
    composition = _composition(cell, sample, findings)
    if first_charge is None or not _applies(cell, composition, findings):
        return values, findings
    named = may_be_li_rich_cathode(cell, sample)
    values.extend(_activation(first_charge, cell, composition, smoothing, findings, named=named))
    if composition is not None and per_gram is not None:
        charged = float(first_charge.capacity_mah[-1] - first_charge.capacity_mah[0]) * per_gram
        doubt = no_formal_split(composition, charged, float(first_charge.voltage_v.max()))
        if doubt:
            findings.append(
                Finding(code="no-formal-split", where=cell.key, severity=Severity.INFO,
                        message=f"No formal split between transition metals and oxygen: {doubt}")
            )  # fmt: skip
        split = formal_values(composition, charged, cell, half_cycle_conditions(first_charge, cell=cell))
        values.extend(v for v in split if not doubt or v.quantity in OF_COMPOSITION)
    return values, findings


def _efficiency(
    charge: HalfCycle | None, discharge: HalfCycle | None, cell: Cell, findings: list[Finding]
) -> list[Value]:
    if charge is None or discharge is None:
        return []
    if cell.electrode is None:
        findings.append(missing_fact("electrode", "initial Coulombic efficiency (its convention)", where=cell.key))
        return []
    up = float(charge.capacity_mah[-1] - charge.capacity_mah[0])
    down = float(discharge.capacity_mah[-1] - discharge.capacity_mah[0])
    given, taken = (up, down) if cell.electrode == "anode" else (down, up)
    if taken <= 0:
        return []
    conditions = with_conditions(
        half_cycle_conditions(charge, discharge, cell=cell), method=efficiency_convention(cell)
    )
    values = [record("initial_coulombic_efficiency", 100.0 * given / taken, cell, conditions=conditions, code=_CODE)]
    per_gram = specific(cell)
    if per_gram is not None:
        values.append(
            record("irreversible_capacity_mah_g", (taken - given) * per_gram, cell, conditions=conditions, code=_CODE)
        )
    return values


def _thresholds(
    charge: HalfCycle | None, discharge: HalfCycle | None, cell: Cell, per_gram: float, low_v: float, high_v: float
) -> list[Value]:
    values: list[Value] = []
    end_v = np.nan if discharge is None or not len(discharge) else discharge.voltage_v[-1]
    if not (lithium_thresholds(cell.electrode, cell.counter_electrode) and ends_above_zero(end_v)):
        return []
    if charge is not None and len(charge) > 1:
        stated = with_conditions(half_cycle_conditions(charge, cell=cell), threshold_v=high_v)
        taken_up = high_voltage_capacity_mah(charge, high_v) * per_gram
        values.append(record("high_voltage_capacity_mah_g", taken_up, cell, conditions=stated, code=_CODE))
    if discharge is not None and len(discharge) > 1:
        stated = with_conditions(half_cycle_conditions(discharge, cell=cell), threshold_v=low_v)
        delivered = low_voltage_capacity_mah(discharge, low_v) * per_gram
        values.append(record("low_voltage_capacity_mah_g", delivered, cell, conditions=stated, code=_CODE))
    return values


def _composition(cell: Cell, sample: Sample | None, findings: list[Finding]) -> Composition | None:
    if sample is not None and sample.composition is not None:
        return Composition.parse(sample.composition)
    if cell.electrode in (None, "cathode"):
        findings.append(
            missing_fact("composition", "formal split between transition metals and oxygen", where=cell.key)
        )
    return None


def _applies(cell: Cell, composition: Composition | None, findings: list[Finding]) -> bool:
    if cell.electrode in ("anode", "full"):
        why = f"the working electrode is given as {cell.electrode!r}"
    elif composition is not None and not li_rich(composition):
        why = f"{composition.formula} is not Li-rich (Li over the other cations below {LI_RICH_RATIO})"
    elif counter_potential_v(cell.counter_electrode):
        why = (
            f"the voltages are against {cell.counter_electrode}, which stands at "
            f"{counter_potential_v(cell.counter_electrode):g} V vs Li/Li⁺"
        )
    else:
        return True
    findings.append(
        Finding(code="no-activation", severity=Severity.INFO, where=cell.key,
                message=f"Activation and formal split do not apply: {why}")
    )  # fmt: skip
    return False


def _activation(
    charge: HalfCycle,
    cell: Cell,
    composition: Composition | None,
    smoothing: Smoothing,
    findings: list[Finding],
    *,
    named: bool,
) -> list[Value]:
    try:
        found = activation(charge, smoothing=smoothing)
    except NotEnoughDataError as error:
        findings.append(not_enough("activation voltage V*", error, where=cell.key))
        return []
    conditions = smoothed_conditions(half_cycle_conditions(charge, cell=cell), smoothing, found.curve.step_v)
    values: list[Value] = []
    made = variants(charge, smoothing)
    chosen = [peak for peak in (found.transition_metal, found.plateau) if peak is not None]
    peaks = find_peaks(found.curve)
    for name, peak in name_peaks(peaks, "charge", li_rich=named):
        if peak in chosen:
            bounds, doubts = peak_interval(peak, peaks, made)
            values.extend(peak_values(peak, cell, conditions, name=name, interval=bounds, flags=doubts))
    flags = (() if found.how == "valley" else ("fallback",)) + (() if composition else ("composition-unknown",))
    if found.how == "fallback":
        known = "" if composition is not None else "; the composition is not given, so neither is the split"
        findings.append(
            Finding(code="activation-voltage-fallback", where=cell.key,
                    message="The first charge has no dQ/dV valley between the transition-metal and plateau peaks from "
                    f"4.2 to 4.5 V; V* is taken as {found.voltage_v} V{known}",
                    advice="Look at dQ/dV of the first charge before the slope and plateau capacities are used")
        )  # fmt: skip
        if composition is None:
            return values
    return [*values, *_split_values(found, cell, conditions, flags)]


def _split_values(found: Activation, cell: Cell, conditions: Conditions, flags: tuple[str, ...]) -> list[Value]:
    how = "dQ/dV valley, 4.2–4.5 V" if found.how == "valley" else "fallback, no dQ/dV valley"
    code = "lirich.cycling.activation.activation"
    stated = with_conditions(conditions, method=how)
    values = [record("activation_voltage_v", found.voltage_v, cell, conditions=stated, code=code, flags=flags,
                     interval=found.interval)]  # fmt: skip
    per_gram = specific(cell)
    if per_gram is None:
        return values
    # V* differs from cell to cell by nature: it is stated, but is no threshold that makes cells unlike
    split = with_conditions(stated, other={"activation_voltage_v": found.voltage_v})
    move = found.move_mah * per_gram
    note = f"V* = {found.voltage_v:.3f} V ({how}); the split moves by {move:.0f} mAh/g per 0.1 V of V*"
    parameters: dict[str, Scalar] = {"move_mah_g_per_0_1_v": move}
    for key, charge_mah in (("slope_capacity_mah_g", found.slope_mah), ("plateau_capacity_mah_g", found.plateau_mah)):
        values.append(
            record(key, charge_mah * per_gram, cell, conditions=split, code=code, flags=flags, note=note,
                   parameters=parameters)
        )  # fmt: skip
    return values

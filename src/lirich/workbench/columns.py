"""What the columns of the exported tables mean, those that are no quantity of the vocabulary too."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from lirich.model.spectra import SPECTRUM_COLUMNS
from lirich.model.table import COLUMNS
from lirich.quantities import QUANTITIES

BESIDE: dict[str, tuple[str, str]] = {
    "cycle": ("", "number of the cycle in the test, by lirich; 0 is what was taken out before the first full cycle"),
    "cycle_number": ("", "number of the cycle that was really run, by the cycler's count; values and reports go by it"),
    "vendor_cycle_first": ("", "the cycler's cycle count at the first row of the cycle"),
    "vendor_cycle_last": ("", "the cycler's cycle count at the last row of the cycle"),
    "complete": ("", "whether the cycle has both half-cycles whole"),
    "start_second": ("s", "time since the start of the test"),
    "duration_second": ("s", "duration, rests included"),
    "charge_duration_second": ("s", "duration of the charge"),
    "discharge_duration_second": ("s", "duration of the discharge"),
    "interrupts": ("", "number of stops of the current within the half-cycles"),
    "charge_end_voltage_v": ("V", "voltage at which the charge turned, as measured"),
    "discharge_end_voltage_v": ("V", "voltage at which the discharge turned, as measured"),
    "charge_end_step_v": ("V", "from the row before to the end of the charge: how coarsely the end was recorded"),
    "discharge_end_step_v": ("V", "from the row before to the end of the discharge: how coarsely it was recorded"),
    "free_charge_voltage_v": ("V", "mean voltage of the charge without its part at constant voltage"),
    "free_discharge_voltage_v": ("V", "mean voltage of the discharge without its part at constant voltage"),
    "shared_charge_voltage_v": ("V", "mean charge voltage over what both half-cycles pass off constant voltage"),
    "shared_discharge_voltage_v": ("V", "mean discharge voltage over what both half-cycles pass off constant voltage"),
    "discharge_constant_voltage_share": ("%", "share of the discharge capacity that passed at constant voltage"),
    "segment": ("", "what the cycle was for, by the protocol: formation, ageing, check_up and so on"),
    "like_group": ("", "number of the set of cycles at one rate and window; only cycles of one set are compared"),
    "settled": ("", "whether the parts of the voltage decay are taken from the cycle: an ageing cycle that follows one "
                "at the same rate and window"),
    "follows_unlike": ("", "whether the cycle before it ran under other conditions, or was cut short"),
    "origin": ("", "measured or simulated"),
    "step": ("", "number of the step in the test"),
    "half_cycle": ("", "number of the half-cycle in the test"),
    "kind": ("", "rest, constant-current, constant-voltage, or curve (without time)"),
    "direction": ("", "charge, discharge or rest; of the working electrode, charge positive"),
    "vendor_cycle": ("", "the cycler's cycle count"),
    "vendor_step": ("", "the cycler's step count"),
    "rows": ("", "number of rows"),
    "charge_mah": ("mAh", "charge passed, discharge negative"),
    "mean_current_ma": ("mA", "mean current, discharge negative"),
    "start_voltage_v": ("V", "voltage at the first row, as measured"),
    "end_voltage_v": ("V", "voltage at the last row, as measured"),
    "track": ("", "number of the peak among those followed over the cycles of one segment and like_group"),
    "peak": ("", "name of the peak: its region, or its voltage"),
    "lasting": ("", "whether the peak was found in at least half of the cycles of its set"),
    "height_mah_v": ("mAh/V", "height of the peak of dQ/dV"),
    "area_mah": ("mAh", "charge under the peak, between the minima beside it"),
    "left_v": ("V", "minimum of dQ/dV below the peak"),
    "right_v": ("V", "minimum of dQ/dV above the peak"),
    "voltage_v": ("V", "voltage as measured, against the counter electrode"),
    "capacity_mah": ("mAh", "capacity passed since the half-cycle began"),
    "specific_capacity_mah_g": ("mAh/g", "the same per gram of active mass"),
    "dqdv_mah_v": ("mAh/V", "dQ/dV, smoothed; of the discharge positive too"),
    "dqdv_mah_g_v": ("mAh/g/V", "the same per gram of active mass"),
    "pulse": ("", "number of the pulse"),
    "soc_percent": ("%", "state of charge"),
    "start_s": ("s", "start of the pulse since the start of the test"),
    "equilibrium_v": ("V", "voltage at rest before the pulse"),
    "duration_s": ("s", "duration of the pulse"),
    "equilibrium_change_v": ("V", "change of the voltage at rest by the pulse, ΔEs"),
    "transient_v": ("V", "change of the voltage within the pulse without the ohmic drop, ΔEτ"),
    "ohmic_v": ("V", "ohmic drop of the pulse"),
    "ratio_m2_s": ("m²/s", "diffusivity by ΔEs/ΔEτ (Weppner–Huggins)"),
    "regression_m2_s": ("m²/s", "diffusivity by regression on √t (Weppner–Huggins)"),
    "fit_m2_s": ("m²/s", "diffusivity by the fit of a sphere under constant flux"),
    "fit_flags": ("", "what speaks against the fit of this pulse; empty where nothing does"),
    "validity": ("", "τD/R² of the pulse; the square-root methods need it far below 1"),
    "relaxed": ("", "whether the voltage had come to rest after the pulse"),
    "file": ("", "name of the file"),
    "spectrum": ("", "number of the spectrum in the file"),
    "frequencies": ("", "number of frequencies"),
    "lowest_frequency_hertz": ("Hz", "lowest frequency"),
    "highest_frequency_hertz": ("Hz", "highest frequency"),
    "circuit": ("", "number of arcs of the circuit that was read"),
    "circuit_residual": ("", "what the circuit leaves of the spectrum, relative to it"),
    "kramers_kronig_residual": ("%", "what the linear Kramers–Kronig test leaves of the spectrum"),
    "warburg_ohm": ("Ω", "size of the diffusion branch"),
    "arc_exponent": ("", "exponent of the arc: 1 is a half-circle"),
    "second_arc_exponent": ("", "exponent of the second arc"),
    "second_arc_capacitance_f": ("F", "capacitance of the second arc"),
    "subject_kind": ("", "what the value is of: cell, sample, material and so on"),
    "subject": ("", "name of what the value is of"),
    "quantity": ("", "what was measured or computed, by its key in the vocabulary"),
    "operator": ("", "= for a number; <, <=, > and >= for a bound; ~ for about; range for low to high"),
    "value": ("", "the number, in the unit beside it"),
    "unit": ("", "unit of value, low and high"),
    "low": ("", "lower end of the interval, in the unit of the value"),
    "high": ("", "upper end of the interval, in the unit of the value"),
    "level": ("", "level of the interval: 0.95 holds the true value in 95 % of cases"),
    "interval_method": ("", "how the interval was found"),
    "conditions": ("", "under which the value holds: cycle, direction, rate, window and so on, as JSON"),
    "flags": ("", "doubts about the value, joined by ;"),
    "note": ("", "what else is to be said of the value"),
    "source": ("", "publication or programme that the value is from"),
    "files": ("", "sha256 of the raw files that the value rests on, joined by ;"),
    "code": ("", "function that computed the value"),
    "version": ("", "version of lirich that computed the value"),
    "parameters": ("", "settings that the value was computed with, as JSON"),
    "cell": ("", "name of the cell"),
    "sample": ("", "name of the material: cells of one sample are repeats"),
    "electrode": ("", "cathode, anode or full: the convention of the Coulombic efficiency"),
    "active_mass_mg": ("mg", "mass of the active material in the electrode"),
    "nominal_specific_capacity_mah_g": ("mAh/g", "nominal capacity per gram of active mass"),
    "one_c_ma_g": ("mA/g", "specific current that 1C means"),
    "electrode_area_cm2": ("cm²", "area of the electrode"),
    "counter_electrode": ("", "material of the counter electrode"),
    "electrolyte": ("", "electrolyte of the cell"),
    "simulated": ("", "whether the cell is a simulation"),
    "composition": ("", "formula of the active material"),
    "morphology": ("", "SC (single crystals) or PC (polycrystals)"),
    "dopant": ("", "element that the material is doped with"),
    "dopant_percent": ("%", "amount of the dopant, as stated"),
    "coating": ("", "coating of the particles"),
    "coating_percent": ("%", "amount of the coating, as stated"),
    "particle_diameter_um": ("µm", "diameter of the particles"),
    "batch": ("", "batch of the material"),
}  # fmt: skip
"""Unit and meaning of each column of an exported table that is no quantity, and none of the recorded points."""

_UNIT = re.compile(r", ([^ ,;]+)(?=;|$)")
OWN = ("", "as you named it in a table of cells")
"""Unit and meaning of a column of one's own."""


def _recorded(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return unit and meaning of columns of recorded points, of impedance too, by their names in the files."""
    from lirich.readers.bdf import MACHINE_NAMES

    meanings = {name: meaning for name, (_, meaning) in SPECTRUM_COLUMNS.items()}
    meanings |= {name: meaning for name, (_, _, meaning) in COLUMNS.items()}
    told: dict[str, tuple[str, str]] = {}
    for name in names:
        unit = _UNIT.search(meanings[name])
        words = meanings[name] if unit is None else meanings[name].replace(unit[0], "", 1)
        told[MACHINE_NAMES.get(name, name)] = ("" if unit is None else unit[1], words)
    return told


def column_table(names: Iterable[str], recorded: Iterable[str] = ()) -> pl.DataFrame:
    """Return one row for each of the columns *names*: ``column``, ``unit``, ``meaning``; each once, in their order.

    Behind them stand the columns of points as they were *recorded*, by the names of the standard table.
    """
    told: dict[str, tuple[str, str]] = {}
    for name in names:
        known = QUANTITIES.get(name)
        told[name] = BESIDE.get(name, OWN) if known is None else (known.unit, f"{known.name}: {known.definition}")
    told |= _recorded(recorded)
    rows = [{"column": name, "unit": unit, "meaning": meaning} for name, (unit, meaning) in told.items()]
    return pl.DataFrame(rows, schema={"column": pl.String, "unit": pl.String, "meaning": pl.String})

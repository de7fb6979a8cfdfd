"""The standard table: one row per recorded point, columns named as the Battery Data Format names them.

Source of the names: Battery Data Alliance, *Battery Data Format* (LF Energy), machine-readable names.
Charge is positive. Time is in seconds from the start of the test and never decreases.

A table needs ``voltage_volt`` and one of

* ``test_time_second`` with ``current_ampere`` (a cycler file), or
* ``charging_capacity_ah`` with ``discharging_capacity_ah`` (a voltage–capacity curve without a time axis,
  as digitised from a figure); the rows are then in the order in which they were recorded.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

TIME = "test_time_second"
VOLTAGE = "voltage_volt"
CURRENT = "current_ampere"
CYCLE = "cycle_count"
STEP = "step_count"
STEP_INDEX = "step_index"
STEP_TYPE = "step_type"
UNIX_TIME = "unix_time_second"
TEMPERATURE = "ambient_temperature_celsius"
CELL_TEMPERATURE = "temperature_t1_celsius"
OTHER_TEMPERATURES = tuple(f"temperature_t{n}_celsius" for n in range(2, 6))
POWER = "power_watt"
AMBIENT_PRESSURE = "ambient_pressure_pa"
APPLIED_PRESSURE = "applied_pressure_pa"
CHARGED = "charging_capacity_ah"
DISCHARGED = "discharging_capacity_ah"
CHARGED_ENERGY = "charging_energy_wh"
DISCHARGED_ENERGY = "discharging_energy_wh"
RESISTANCE = "internal_resistance_ohm"

Requirement = Literal["required", "recommended", "optional"]

COLUMNS: dict[str, tuple[type[pl.DataType], Requirement, str]] = {
    TIME: (pl.Float64, "required", "time since the start of the test, s; never decreases"),
    VOLTAGE: (pl.Float64, "required", "voltage between the electrodes, V"),
    CURRENT: (pl.Float64, "required", "current, A; charge positive"),
    UNIX_TIME: (pl.Float64, "recommended", "time since 1970-01-01T00:00Z, s"),
    CYCLE: (pl.Int64, "recommended", "the cycler's own cycle number, never renumbered"),
    STEP: (pl.Int64, "recommended", "running number of the step, counted by the cycler"),
    TEMPERATURE: (pl.Float64, "recommended", "temperature of the surroundings, °C"),
    STEP_INDEX: (pl.Int64, "optional", "number of the step in the cycler's programme"),
    STEP_TYPE: (pl.String, "optional", "the cycler's own name of the step"),
    CELL_TEMPERATURE: (pl.Float64, "optional", "temperature at the cell's first sensor, °C"),
    CHARGED: (
        pl.Float64,
        "optional",
        "charge passed in charging since the start of the test, Ah; never resets",
    ),
    DISCHARGED: (
        pl.Float64,
        "optional",
        "charge passed in discharging since the start of the test, Ah; never resets",
    ),
    CHARGED_ENERGY: (
        pl.Float64,
        "optional",
        "energy passed in charging since the start of the test, Wh; never resets",
    ),
    DISCHARGED_ENERGY: (
        pl.Float64,
        "optional",
        "energy passed in discharging since the start of the test, Wh; never resets",
    ),
    RESISTANCE: (pl.Float64, "optional", "internal resistance as the cycler measured it, Ω"),
    **{
        name: (pl.Float64, "optional", f"temperature at the cell's sensor {n}, °C")
        for n, name in enumerate(OTHER_TEMPERATURES, 2)
    },
    POWER: (pl.Float64, "optional", "power as the cycler wrote it, W"),
    AMBIENT_PRESSURE: (pl.Float64, "optional", "pressure of the surroundings, Pa"),
    APPLIED_PRESSURE: (pl.Float64, "optional", "pressure applied to the cell, Pa"),
}
"""Every column of a standard table: type, how much it is needed, meaning. No other column is kept."""


def has_time_axis(table: pl.DataFrame | pl.LazyFrame) -> bool:
    """Tell whether the table has time and current, not only voltage against capacity."""
    names = table.collect_schema().names()
    return TIME in names and CURRENT in names

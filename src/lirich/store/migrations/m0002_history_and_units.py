"""2: what was said of samples and cells is kept when it changes; each value carries its unit.

The history begins with the present state. The unit stands beside the number, so that a later change of the
vocabulary cannot silently give an old number another meaning; values of version 1 are in the units of the
vocabulary of lirich 0.1, which is the one that wrote them: they are written down here, since the vocabulary moves on.
"""

from __future__ import annotations

import time

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, text

_UNITS_OF_0_1 = {
    "mAh": "charge_capacity_mah discharge_capacity_mah low_voltage_capacity_mah",
    "mAh/g": (
        "charge_specific_capacity_mah_g discharge_specific_capacity_mah_g low_voltage_capacity_mah_g "
        "high_voltage_capacity_mah_g irreversible_capacity_mah_g slope_capacity_mah_g plateau_capacity_mah_g "
        "formal_tm_capacity_mah_g formal_oxygen_capacity_mah_g theoretical_capacity_mah_g "
        "dqdv_peak_area_mah_g spinel_peak_area_mah_g rate_capacity_mah_g specific_capacity_mah_g"
    ),
    "%": (
        "coulombic_efficiency energy_efficiency capacity_retention energy_retention low_voltage_share "
        "constant_voltage_share initial_coulombic_efficiency mean_coulombic_efficiency "
        "structural_share_of_voltage_decay rate_capability rate_recovery volume_change"
    ),
    "mWh": "charge_energy_mwh discharge_energy_mwh hysteresis_loop_energy_mwh",
    "Wh/kg": (
        "discharge_specific_energy_wh_kg charge_specific_energy_wh_kg hysteresis_loop_energy_wh_kg "
        "material_energy_density_wh_kg cell_energy_density_wh_kg"
    ),
    "V": (
        "mean_charge_voltage_v mean_discharge_voltage_v median_charge_voltage_v median_discharge_voltage_v "
        "mid_voltage_v voltage_gap_v corrected_charge_voltage_v corrected_discharge_voltage_v "
        "upper_cutoff_voltage_v lower_cutoff_voltage_v activation_voltage_v hysteresis_at_soc_v "
        "dqdv_peak_voltage_v spinel_peak_voltage_v oxygen_release_onset_v oxygen_release_intensification_v "
        "carbon_dioxide_onset_v side_reaction_voltage_v oxidative_instability_voltage_v "
        "interfacial_resistance_rise_v"
    ),
    "Ω": "interrupt_resistance_ohm",
    "1/h": "charge_rate_c discharge_rate_c",
    "mA": "charge_current_ma discharge_current_ma",
    "°C": (
        "temperature_celsius calcination_temperature_celsius thermal_degradation_temperature_celsius "
        "storage_temperature_celsius"
    ),
    "mV/cycle": (
        "voltage_decay_mv_per_cycle voltage_decay_endpoint_mv_per_cycle structural_voltage_decay_mv_per_cycle "
        "polarisation_voltage_decay_mv_per_cycle corrected_voltage_decay_mv_per_cycle "
        "dqdv_peak_shift_mv_per_cycle"
    ),
    "%/cycle": "capacity_fade_percent_per_cycle low_voltage_share_growth_percent_per_cycle",
    "cycle": "capacity_fade_knee_cycle test_cycles",
    "mAh/g/cycle": "low_voltage_capacity_growth_mah_g_per_cycle",
    "mAh/g/V": "dqdv_peak_height_mah_g_v",
    "m²/s": "lithium_diffusivity_m2_s",
    "1": "diffusion_validity_number li_tm_charge_ratio mass_to_charge_ratio dataset_curves",
    "Ω/cycle": "interrupt_resistance_growth_ohm_per_cycle",
    "Wh/L": "volumetric_energy_density_wh_l",
    "mAh/cm³": "volumetric_capacity_mah_cm3",
    "µm": "particle_diameter_um d50_um primary_crystallite_size_um",
    "m²/g": "bet_surface_area_m2_g",
    "g/cm³": "tap_density_g_cm3",
    "nm": "d_spacing_003_nm coating_thickness_nm",
    "h": "calcination_time_h total_heat_treatment_time_h",
    "eV": "oxygen_vacancy_formation_energy_ev",
    "mA/g": "test_current_ma_g",
}
"""Unit and the quantities that had it, separated by blanks."""


def apply(connection: Connection) -> None:
    """Add ``fact_history`` and ``value.unit`` and fill them."""
    history = Table(
        "fact_history",
        MetaData(),
        Column("kind", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("unix_second", Float, nullable=False),
        Column("document", Text, nullable=False),
    )
    history.create(connection)
    now = time.time()
    for kind in ("sample", "cell"):
        connection.execute(
            text(
                "INSERT INTO fact_history (kind, key, number, unix_second, document) "
                f"SELECT '{kind}', key, 1, :now, document FROM {kind}"
            ),
            {"now": now},
        )
    # an unknown quantity gets an empty unit, and reading it says so
    connection.execute(text("ALTER TABLE value ADD COLUMN unit VARCHAR NOT NULL DEFAULT ''"))
    for unit, quantities in _UNITS_OF_0_1.items():
        for key in quantities.split():
            connection.execute(text("UPDATE value SET unit = :unit WHERE quantity = :key"), {"unit": unit, "key": key})

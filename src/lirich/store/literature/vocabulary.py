"""How the quantities of literature records are named in lirich's vocabulary, one line each and nothing implied."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from lirich.errors import UnknownNameError
from lirich.model import Scalar
from lirich.quantities import QUANTITIES


@dataclass(frozen=True, slots=True)
class Mapped:
    """A quantity of a record: the vocabulary's key, what the name says of the conditions, and what to keep in mind."""

    key: str
    conditions: dict[str, Scalar] = field(default_factory=dict)
    note: str = ""
    flags: tuple[str, ...] = ()


QUANTITY_NAMES = MappingProxyType(
    {
        # --- of cycling -------------------------------------------------------------------------------------
        "discharge_capacity": Mapped("discharge_specific_capacity_mah_g"),
        "rate_capacity": Mapped("rate_capacity_mah_g"),
        "capacity_retention": Mapped("capacity_retention"),
        # the review writes "the coulombic efficiency" beside "the initial specific capacity": probably the initial
        # one, but it does not say so, and the vocabulary keeps the two apart
        "coulombic_efficiency": Mapped(
            "coulombic_efficiency", note="The source does not say of which cycle; by its size that of the first"
        ),
        "initial_coulombic_efficiency": Mapped("initial_coulombic_efficiency", {"cycle": 1}),
        "voltage_decay": Mapped(
            "voltage_decay_mv_per_cycle", note="The source does not say how the slope was taken (end points or fit)"
        ),
        # --- of a material ----------------------------------------------------------------------------------
        "specific_capacity": Mapped("specific_capacity_mah_g"),
        "theoretical_capacity": Mapped("theoretical_capacity_mah_g"),
        "material_energy_density": Mapped("material_energy_density_wh_kg"),
        "volumetric_energy_density": Mapped("volumetric_energy_density_wh_l"),
        "volumetric_capacity_as_printed": Mapped("volumetric_capacity_mah_cm3"),
        "volumetric_capacity": Mapped("volumetric_capacity_mah_cm3"),
        "particle_size": Mapped("particle_diameter_um"),
        # of single crystals: a grain is a particle. Primary grains of a polycrystal are primary_crystallite_size
        "grain_size": Mapped("particle_diameter_um", note="Printed as grain size of single crystals"),
        "D50": Mapped("d50_um"),
        "primary_crystallite_size": Mapped("primary_crystallite_size_um"),
        "BET_surface_area": Mapped("bet_surface_area_m2_g"),
        "tap_density": Mapped("tap_density_g_cm3"),
        "d_spacing_003": Mapped("d_spacing_003_nm"),
        "coating_thickness": Mapped("coating_thickness_nm"),
        "thermal_degradation_temperature": Mapped("thermal_degradation_temperature_celsius"),
        "volume_change": Mapped("volume_change"),
        "volume_expansion": Mapped("volume_change", {"sense": "expansion"}),
        "oxygen_vacancy_formation_energy": Mapped("oxygen_vacancy_formation_energy_ev"),
        "O2_onset_voltage": Mapped("oxygen_release_onset_v"),
        "O2_intensification_voltage": Mapped("oxygen_release_intensification_v"),
        "CO2_regime1_onset": Mapped("carbon_dioxide_onset_v", {"regime": 1}),
        "CO2_regime2_onset": Mapped("carbon_dioxide_onset_v", {"regime": 2}),
        "side_reaction_voltage": Mapped("side_reaction_voltage_v"),
        "oxidative_instability_voltage": Mapped("oxidative_instability_voltage_v"),
        "interfacial_resistance_rise_voltage": Mapped("interfacial_resistance_rise_v"),
        # --- of a synthesis ---------------------------------------------------------------------------------
        "Li_TM_ratio": Mapped("li_tm_charge_ratio"),
        "calcination_temperature": Mapped("calcination_temperature_celsius"),
        "calcination_time": Mapped("calcination_time_h"),
        "total_heat_treatment_time": Mapped("total_heat_treatment_time_h"),
        # --- of a device, or circumstances ------------------------------------------------------------------
        "cell_energy_density": Mapped("cell_energy_density_wh_kg"),
        "specific_energy": Mapped("cell_energy_density_wh_kg", note="Printed as specific energy of battery systems"),
        "current_density": Mapped("test_current_ma_g"),
        "cycles": Mapped("test_cycles"),
        "storage_temperature": Mapped("storage_temperature_celsius"),
        "mz_CO2": Mapped("mass_to_charge_ratio", {"species": "CO2"}),
        "mz_O2": Mapped("mass_to_charge_ratio", {"species": "O2"}),
        "dataset_size": Mapped("dataset_curves"),
    }
)
"""Every name that a record may use for its quantity, beside the vocabulary's own keys."""

_UNITS = MappingProxyType({"": "1", "curve": "1", "curves": "1", "degC": "°C", "cycles": "cycle", "um": "µm"})


def mapped(name: str) -> Mapped:
    """Return the vocabulary's name for the quantity *name* of a record: an entry of `QUANTITY_NAMES` or a key.

    Raises `UnknownNameError` with the nearest names.
    """
    found = QUANTITY_NAMES.get(name)
    if found is None and name in QUANTITIES:
        found = Mapped(name)
    if found is None:
        raise UnknownNameError.of("quantity", name, {*QUANTITY_NAMES, *QUANTITIES})
    return found


def unit_of(printed: str) -> str:
    """Return the unit as `lirich.quantities.convert` reads it; an empty unit is that of a pure number."""
    return _UNITS.get(printed.strip(), printed.strip())

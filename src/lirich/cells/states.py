"""The hidden states of the crystals: what a model knows and no cycler sees, under one set of names.

A simulated cell keeps them beside its test (columns by the name in the model, `CRYSTAL_STATES`' keys); the truth of the
synthetic laboratory and of cohorts has them at the end of each cycle (columns by the short name).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lirich.cells.sites import SITES

CRYSTAL_STATES: Mapping[str, str] = MappingProxyType(
    {
        "Surface potential [V]": "surface_potential_v",
        "Lithium content": "lithium_content",
        "Surface lithium content": "surface_lithium_content",
        "Lithium in connected crystals": "connected_lithium",
        "Lithium in disconnected crystals": "lost_lithium",
        "Connected part of the crystals": "connected_fraction",
        "Sites left": "sites_left",
        "Hysteresis state": "hysteresis_state",
        "Lattice sites lost with oxygen": "lost_sites",
        "Sites transformed": "transformed_sites",
        "Reconstructed volume fraction": "reconstructed_fraction",
        "Open part of the grain boundaries": "open_grain_boundaries",
        "Cracks through the grains": "grain_cracks",
        "Wetted area [m2.g-1]": "wetted_area_m2_g",
        "Diffusion length [m]": "diffusion_length_m",
        "Film resistance [Ohm.m2]": "film_resistance_ohm_m2",
        "Oxygen released [umol.g-1]": "oxygen_umol_g",
        "Carbon dioxide released [umol.g-1]": "carbon_dioxide_umol_g",
        "Oxygen release rate [umol.g-1.s-1]": "oxygen_rate_umol_g_s",
        "Carbon dioxide release rate [umol.g-1.s-1]": "carbon_dioxide_rate_umol_g_s",
        **{f"Fraction of {name} sites": f"{name}_sites" for name in SITES},
    }
)
"""Every hidden state of the crystals: its name in the models (with the unit) → its short name in tables of truth.

Contents and sites are per Li of the pristine host, shares are fractions; units are in the names.
"""

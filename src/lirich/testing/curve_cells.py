"""The cells of the explicit curve model: a mean material per morphology, and how cells scatter around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lirich.cells.parameters import COMPOSITION
from lirich.testing.curve_model import Material, Site
from lirich.testing.cycler import ONE_C_A_G

MATERIALS = {
    "SC": Material(
        first_charge=(Site(60, 3.87, 0.055), Site(62, 4.02, 0.075), Site(184, 4.49, 0.028), Site(24, 4.66, 0.06)),
        host=(
            Site(14, 3.10, 0.04, 0.04),
            Site(70, 3.44, 0.09, 0.08),
            Site(106, 3.80, 0.10, 0.03),
            Site(82, 4.25, 0.13, 0.12),
        ),
        resistance_ohm_g=0.28,
        slow_resistance_ohm_g=0.29,
        slow_time_s=90.0,
        slow_low_end=40.0,
        slow_high_end=1.5,
        hysteresis_length_mah_g=8.0,
        parasitic_share=0.004,
        potential_drop_v=0.0013,
        spinel_growth_mah_g=0.20,
        capacity_loss_mah_g=0.05,
        resistance_growth=0.003,
    ),
    "PC": Material(
        first_charge=(Site(58, 3.86, 0.055), Site(62, 4.02, 0.075), Site(190, 4.50, 0.028), Site(26, 4.66, 0.06)),
        host=(
            Site(16, 3.09, 0.04, 0.04),
            Site(70, 3.44, 0.09, 0.08),
            Site(104, 3.79, 0.10, 0.03),
            Site(78, 4.24, 0.13, 0.12),
        ),
        resistance_ohm_g=0.24,
        slow_resistance_ohm_g=0.24,
        slow_time_s=90.0,
        slow_low_end=40.0,
        slow_high_end=1.5,
        hysteresis_length_mah_g=8.0,
        parasitic_share=0.007,
        potential_drop_v=0.0023,
        spinel_growth_mah_g=0.30,
        capacity_loss_mah_g=0.17,
        resistance_growth=0.008,
    ),
}
"""The mean cell of each morphology. Chosen, not measured: SC loses 1.5–2 and PC 3–3.5 mV per cycle, as the review
compares them (Yang et al., EES Batteries 2 (2026) 377, doi:10.1039/d5eb00167f)."""

_DIAMETER_UM = {"SC": 1.0, "PC": 0.25}


def draw_material(key: str, morphology: str, rng: np.random.Generator) -> tuple[dict[str, Any], Material]:
    """Draw one cell around the mean of its morphology.

    Scatter (standard deviations): capacity 1.2 %, first charge against later cycles 0.8 %, resistance 8 %,
    structural ageing 5 %, other ageing 8 %.
    """
    mean = MATERIALS[morphology]
    capacity, first, resistance, ageing, growth = np.exp(rng.normal(0.0, [0.012, 0.008, 0.08, 0.05, 0.08]))
    activation = rng.normal(0.0, 0.004)

    def scaled(sites: tuple[Site, ...], factor: float) -> tuple[Site, ...]:
        return tuple(replace(s, capacity_mah_g=s.capacity_mah_g * factor) for s in sites)

    slope_a, slope_b, plateau, tail = scaled(mean.first_charge, capacity * first)
    plateau = replace(plateau, potential_v=plateau.potential_v + activation)
    material = replace(
        mean,
        first_charge=(slope_a, slope_b, plateau, tail),
        host=scaled(mean.host, capacity),
        resistance_ohm_g=mean.resistance_ohm_g * resistance,
        slow_resistance_ohm_g=mean.slow_resistance_ohm_g * resistance,
        potential_drop_v=mean.potential_drop_v * ageing,
        spinel_growth_mah_g=mean.spinel_growth_mah_g * ageing,
        capacity_loss_mah_g=mean.capacity_loss_mah_g * growth,
        resistance_growth=mean.resistance_growth * growth,
    )
    facts = {
        "cell": key,
        "sample": f"LRM-{morphology}",
        "composition": COMPOSITION,
        "morphology": morphology,
        "active_mass_mg": round(float(rng.uniform(8.0, 12.0)), 2),
        "nominal_specific_capacity_mah_g": 250.0,
        "one_c_ma_g": ONE_C_A_G * 1000.0,
        "electrode": "cathode",
        "counter_electrode": "Li",
        "electrolyte": "1 M LiPF6 in EC:EMC 3:7",
        "temperature_celsius": 25.0,
        "dopant": "",
        "coating": "",
        "particle_diameter_um": _DIAMETER_UM[morphology],
        "simulated": "true",
    }
    return facts, material

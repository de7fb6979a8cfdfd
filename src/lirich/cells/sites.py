"""The Li sites of a Li-rich crystal: how they fill with potential, and the potential at which they hold a given Li.

Every kind of site *j* is a fraction X_j of the Li of the pristine host, with a standard potential U0_j and a width
ω_j (1 is an ideal, non-interacting site): θ_j(U) = 1 / (1 + exp(F(U − U0_j)/(ω_j R T))), x(U) = Σ_j X_j θ_j(U). This is
the form of multi-species multi-reaction models (Verbrugge et al., J. Electrochem. Soc. 164 (2017) E3243,
doi:10.1149/2.0341708jes). What changes a Li-rich crystal with cycling are the X_j.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.errors import SettingsError

Array = NDArray[np.float64]

FARADAY = 96485.33212
"""C/mol (CODATA 2018, exact)."""
GAS_CONSTANT = 8.31446261815324
"""J/(mol K) (CODATA 2018, exact)."""

REVERSIBLE = ("high", "middle", "low", "wide", "hysteretic", "spinel")
"""Sites that fill and empty in every cycle: four of the layered host by falling potential, the one whose potential
depends most on the direction, and what layered sites become."""
PLATEAU = ("plateau", "tail")
"""Sites that the first charge vacates and turns into others: those of the flat part, and its sloping end."""
SITES = (*REVERSIBLE, *PLATEAU)
ACTIVATED = ("high", "wide", "hysteretic", "spinel")
"""Sites that activation makes out of vacated plateau sites."""
CONVERTING = ("middle", "low", "wide", "hysteretic")
"""Sites that the layered-to-spinel transformation takes from."""


@dataclass(frozen=True, slots=True)
class Site:
    """One kind of site: standard potential (V vs Li/Li⁺), width ω, and by how much hysteresis shifts it (V).

    The potential is U0 + h·shift, where the state h goes to +1 in a charge and to −1 in a discharge.
    """

    potential_v: float
    width: float
    shift_v: float = 0.0


def occupation(potential_v: Array, site: Site, temperature_k: float, hysteresis: float = 0.0) -> Array:
    """Return the occupied part of a kind of site at *potential_v* (V vs Li/Li⁺, any shape), between 0 and 1."""
    argument = FARADAY * (np.asarray(potential_v) - site.potential_v - hysteresis * site.shift_v)
    filled: Array = 0.5 - 0.5 * np.tanh(0.5 * argument / (site.width * GAS_CONSTANT * temperature_k))
    return filled


def lithium_content(
    potential_v: Array,
    sites: Mapping[str, Site],
    fractions: Mapping[str, float],
    *,
    temperature_k: float = 298.15,
    hysteresis: float = 0.0,
) -> Array:
    """Return x(U), the Li of the host over the Li of the pristine host, at *potential_v* (any shape).

    *hysteresis* is the state h: −1 after a discharge, +1 after a charge.
    """
    potential_v = np.asarray(potential_v, dtype=np.float64)
    total = np.zeros_like(potential_v)
    for name, fraction in fractions.items():
        total += fraction * occupation(potential_v, sites[name], temperature_k, hysteresis)
    return total


def open_circuit_potential(
    content: Array,
    sites: Mapping[str, Site],
    fractions: Mapping[str, float],
    *,
    temperature_k: float = 298.15,
    hysteresis: float = 0.0,
) -> Array:
    """Return U(x) in V vs Li/Li⁺, the inverse of `lithium_content`, by bisection to 1e-12 V.

    Raises `SettingsError` where *content* (any shape) is not between 0 and the sum of *fractions*.
    """
    content = np.asarray(content, dtype=np.float64)
    total = sum(fractions.values())
    if not (np.isfinite(content).all() and (content > 0.0).all() and (content < total).all()):
        raise SettingsError(
            f"A Li content between {np.nanmin(content):.4g} and {np.nanmax(content):.4g} has no potential",
            expected=f"contents between 0 and the {total:.4g} that the sites can hold, both excluded",
        )
    low, high = np.full_like(content, -20.0), np.full_like(content, 30.0)
    for _ in range(48):
        middle = 0.5 * (low + high)
        found = lithium_content(middle, sites, fractions, temperature_k=temperature_k, hysteresis=hysteresis)
        above = found > content
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)

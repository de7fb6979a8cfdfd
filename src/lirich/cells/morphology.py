"""What a powder would be measured as: area by gas adsorption, tap density, change of the crystals' volume."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lirich.cells.sizes import SPREAD, SizeClasses
from lirich.errors import SettingsError

RANDOM_CLOSE_PACKING = 0.637
"""Volume fraction of equal spheres in the densest random packing: Scott and Kilgour, J. Phys. D 2 (1969) 863,
doi:10.1088/0022-3727/2/6/311."""


def bet_area(parameters: Mapping[str, float]) -> float:
    """Return the area that a gas would reach, m²/g, of a pristine powder with *parameters* of a set.

    Smooth spheres of the particle radius, and the faces of the grain boundaries that are open, over all sizes that the
    set has. For single crystals it is 6/(ρ d), with d the Sauter mean where they differ in size.
    """
    powder = SizeClasses.of(parameters)
    particle, grain = 3 / powder.particles_m, 3 / powder.grains_m
    opened = parameters["Initial open part of the grain boundaries"] * (grain - particle)
    return float(np.sum(powder.parts * (particle + opened))) / parameters["Crystal density [kg.m-3]"] / 1000


def close_packing(spread: float) -> float:
    """Return the volume fraction of a random close packing of spheres with a lognormal distribution of sizes.

    *spread* is their geometric standard deviation. The rise with it is that of Farr, Powder Technol. 245 (2013) 28,
    doi:10.1016/j.powtec.2013.04.009, less a wave of at most 0.004; it begins at `RANDOM_CLOSE_PACKING`.
    Raises `SettingsError` for less than 1.
    """
    if not np.isfinite(spread) or spread < 1:
        raise SettingsError(f"A spread of {spread:g}", expected="1 (all of one size) or more")
    deviation = float(np.log(spread))

    def packed(s: float) -> float:
        return float(1 - 0.57 * np.exp(-s) + 0.2135 * np.exp(-0.57 * s / 0.2135))

    return RANDOM_CLOSE_PACKING * packed(deviation) / packed(0.0)


def tap_density(parameters: Mapping[str, float], *, packing: float | None = None, pores: float = 0.0) -> float:
    """Return the density of the tapped powder, g/cm³: spheres in a random close packing.

    *packing* is the volume fraction of the particles, by default that of `close_packing` with the spread of the set (of
    equal spheres where the set has none, or a table of sizes, which packs denser than that). *pores* is that of the
    pores inside a particle, which the models do not have. Rough particles pack looser. Raises `SettingsError` outside 0
    to 1.
    """
    packing = close_packing(parameters.get(SPREAD, 1.0)) if packing is None else packing
    for name, value in (("packing", packing), ("pores", pores)):
        if not 0 <= value <= 1:
            raise SettingsError(f"A {name} of {value:g}", expected="a volume fraction, between 0 and 1")
    return parameters["Crystal density [kg.m-3]"] / 1000 * packing * (1 - pores)


def volume_change(parameters: Mapping[str, float], removed_mah_g: float) -> float:
    """Return the change of the crystals' volume when *removed_mah_g* of Li are taken out, in % of the pristine volume.

    It goes with the Li: the linear expansion of a full lithiation, three times. Raises `SettingsError` where it is more
    than the host has.
    """
    host = parameters["Host capacity [mA.h.g-1]"]
    if not 0 <= removed_mah_g <= host:
        raise SettingsError(f"{removed_mah_g:g} mAh/g of Li taken out", expected=f"between 0 and the host's {host:g}")
    return -300.0 * parameters["Linear expansion of lithiation"] * removed_mah_g / host

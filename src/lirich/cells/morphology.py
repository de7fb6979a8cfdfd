"""What a powder would be measured as: area by gas adsorption, tap density, change of the crystals' volume."""

from __future__ import annotations

from collections.abc import Mapping

from lirich.errors import SettingsError

RANDOM_CLOSE_PACKING = 0.637
"""Volume fraction of equal spheres in the densest random packing: Scott and Kilgour, J. Phys. D 2 (1969) 863,
doi:10.1088/0022-3727/2/6/311."""


def bet_area(parameters: Mapping[str, float]) -> float:
    """Return the area that a gas would reach, m²/g, of a pristine powder with *parameters* of a set.

    Smooth spheres of the particle radius, and the faces of the grain boundaries that are open. For single crystals it
    is 6/(ρ d).
    """
    particle, grain = 3 / parameters["Particle radius [m]"], 3 / parameters["Crystal radius [m]"]
    opened = parameters["Initial open part of the grain boundaries"] * (grain - particle)
    return (particle + opened) / parameters["Crystal density [kg.m-3]"] / 1000


def tap_density(parameters: Mapping[str, float], *, packing: float = RANDOM_CLOSE_PACKING, pores: float = 0.0) -> float:
    """Return the density of the tapped powder, g/cm³: spheres in a random close packing.

    *packing* is the volume fraction of the particles, *pores* that of the pores inside a particle, which the models do
    not have. A wide distribution of sizes packs denser, rough particles looser. Raises `SettingsError` outside 0 to 1.
    """
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

"""What a cell design must not keep to itself: numbers beyond what can be, and a composite without a path for Li.

The limits are those of the route to a target (`lirich.cells.design.ROUTE`) and the Li of the formula.
"""

from __future__ import annotations

from lirich.cells.anode_stability import reduced_at_anode
from lirich.cells.design import ROUTE, Design
from lirich.model import Finding

ALL_LITHIUM_MAH_G = {"lrm": (377.0, "Li1.2Mn0.54Ni0.13Co0.13O2"), "nmc811": (275.5, "LiNi0.8Mn0.1Co0.1O2")}
"""All Li of the formula by group of assumptions, by Faraday's law: 26801 mAh/mol · Li / (g/mol)."""

PERCOLATES_FROM = 1.764 / 6.0
"""Share of the surface of a packing that the grains of a kind need for a network: 1.764 contacts with their own kind of
6 in all (Bertei and Nicolella, Powder Technol. 213 (2011) 100, doi:10.1016/j.powtec.2011.07.011)."""
CRYSTAL_RADIUS_UM = 0.47
"""Of the single crystals of `lirich.cells.parameters` (0.94 µm across, of their BET area), which `--ragone` packs."""

ELECTROLYTES = {"sulfide": "Li6PS5Cl", "halide": "Li3InCl6"}
"""The solid electrolyte of the parameter library for each group of assumptions, which has its density."""

_HIGHER = ("areal_capacity_mah_cm2", "cathode_potential_v")
_LOWER = ("separator_thickness_um", "copper_thickness_um", "aluminium_thickness_um")


def least_catholyte(design: Design) -> float | None:
    """Return the mass fraction of solid electrolyte below which its grains form no path, ``None`` with a liquid.

    Crystals of `CRYSTAL_RADIUS_UM` and grains of ``electrolyte_grain_radius_um`` are packed at random; a share s of the
    surface, s = (φ_e/r_e) / (φ_c/r_c + φ_e/r_e), is the electrolyte's.
    """
    if "electrolyte_grain_radius_um" not in design.assumptions:
        return None
    surface = design["active_fraction"] / design["cathode_density_g_cm3"] / CRYSTAL_RADIUS_UM
    least = surface * PERCOLATES_FROM / (1.0 - PERCOLATES_FROM)
    return least * design["electrolyte_grain_radius_um"] * design["electrolyte_density_g_cm3"]


def doubts(design: Design) -> tuple[Finding, ...]:
    """Return what is doubtful: more Li than the formula has, beyond the route's limits, no path, a reduction."""
    return (*_capacity(design), *_beyond(design), *_path(design), *_anode(design))


def _capacity(design: Design) -> tuple[Finding, ...]:
    capacity = design["cathode_capacity_mah_g"]
    for group, (limit, formula) in ALL_LITHIUM_MAH_G.items():
        if group in design.parts and capacity > limit:
            return (
                Finding(
                    code="more-than-all-lithium",
                    message=f"cathode_capacity_mah_g is {capacity:g}: all Li of {formula} is {limit:g} mAh/g",
                    advice="No cathode of this formula gives it: take no energy from this design",
                    where=design.name,
                ),
            )
    return ()


def _beyond(design: Design) -> tuple[Finding, ...]:
    limits = {name: (limit, why) for name, limit, why in ROUTE}
    found = []
    for name in (*_HIGHER, *_LOWER):
        limit, why = limits[name]
        value = design.get(name, limit)
        if value > limit if name in _HIGHER else value < limit:
            found.append(
                Finding(
                    code="beyond-limit",
                    message=f"{name} is {value:g}, beyond {limit:g}: {why}",
                    advice="Nothing like it is built; take the energy as arithmetic",
                    where=design.name,
                )
            )
    return tuple(found)


def _path(design: Design) -> tuple[Finding, ...]:
    least = least_catholyte(design)
    if least is None or design["catholyte_fraction"] >= least:
        return ()
    return (
        Finding(
            code="no-path-for-lithium",
            message=f"catholyte_fraction is {design['catholyte_fraction']:.3g}: beside crystals of "
            f"{CRYSTAL_RADIUS_UM:g} µm radius, grains of {design['electrolyte_grain_radius_um']:g} µm form no path "
            f"below {least:.3g} (percolation)",
            advice="Less active material, or finer grains (electrolyte_grain_radius_um)",
            where=design.name,
        ),
    )


def _anode(design: Design) -> tuple[Finding, ...]:
    solid = next((ELECTROLYTES[group] for group in design.parts if group in ELECTROLYTES), "")
    found = reduced_at_anode(solid, design.get("anode_potential_v"))
    return tuple(each.model_copy(update={"where": design.name}) for each in found)

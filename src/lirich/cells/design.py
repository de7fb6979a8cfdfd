"""From a cathode to the energy of a stack: masses and thicknesses of one layer pair, every assumption with its source.

The stack is what repeats: half of the aluminium foil, cathode coating, separator (or solid electrolyte), anode, half of
the copper foil, and the liquid in the pores. Its energy is areal capacity × mean voltage of the cell. Mass is that of
the assembled, discharged cell, in which the cathode holds its Li: a lithium anode weighs its excess alone. Volume is
that of the charged cell, in which the plated Li needs its room. A cell adds packaging, where a fraction is stated.

The assumptions stand in ``design.csv`` in groups; a design is a list of groups, a later one replacing what an earlier
one says. Guesses are flagged there.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from scipy.optimize import brentq

from lirich.errors import SettingsError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number of a design: the unit is in its name; ``guess`` says that the source supports its size and no more."""

    name: str
    value: float
    source: str
    guess: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the stack: mass (mg/cm²) and thickness in the charged cell (µm)."""

    name: str
    mass_mg_cm2: float
    thickness_um: float


_LIQUID = ("foils", "liquid cathode", "liquid separator")
_SOLID, _INDIUM = ("foils", "solid cathode", "lithium"), ("foils", "solid cathode", "indium")
DESIGNS: Mapping[str, tuple[str, ...]] = {
    "nmc811-graphite": (*_LIQUID, "graphite", "nmc811"),
    "lrm-graphite": (*_LIQUID, "graphite", "lrm"),
    "lrm-lithium": (*_LIQUID, "lithium", "lrm"),
    "lrm-lithium-sulfide": (*_SOLID, "sulfide", "lrm"),
    "lrm-lithium-halide": (*_SOLID, "halide", "lrm"),
    "lrm-indium-sulfide": (*_INDIUM, "sulfide", "lrm"),
    "lrm-indium-halide": (*_INDIUM, "halide", "lrm"),
    "lrm-lithium-ideal": (*_SOLID, "sulfide", "lrm", "ideal"),
    "lg-e78": (*_LIQUID, "graphite", "LG E78"),
}
"""Designs by name: Li-rich (lrm) against graphite, Li with a liquid, Li or Li-In with a solid electrolyte; NMC811
beside them.
``lg-e78`` is an automotive cell that was taken apart, to hold the calculation against."""

PUBLISHED = {"lg-e78": (268.0, 674.0)}
"""Wh/kg and Wh/L of whole cells: Günter & Wassiliadis, J. Electrochem. Soc. 169 (2022) 030515."""
SHEET = {
    "nmc811-graphite": 333.0,
    "lrm-graphite": 347.0,
    "lrm-lithium": 596.0,
    "lrm-lithium-sulfide": 505.0,
    "lrm-lithium-halide": 462.0,
    "lrm-lithium-ideal": 721.0,
}
"""Wh/kg of stacks by the method sheet's own calculator, whose assumptions are not recorded."""

ROUTE: tuple[tuple[str, float, str], ...] = (
    ("lithium_excess", 0.0, "no Li but that of the cathode"),
    ("separator_thickness_um", 10.0, "a film at the limit of what is handled"),
    ("areal_capacity_mah_cm2", 8.0, "twice a thick electrode of today"),
    ("active_fraction", 0.92, "composites with as little else as conducts"),
    ("copper_thickness_um", 4.0, "the thinnest foil sold"),
    ("aluminium_thickness_um", 8.0, "the thinnest foil sold"),
    ("cathode_capacity_mah_g", 377.0, "all Li of Li1.2Mn0.54Ni0.13Co0.13O2"),
    ("cathode_potential_v", 3.8, "no hysteresis and no voltage decay (guess)"),
)
"""What is changed to reach a target, in this order, and how far each can go."""

_POSITIVE = ("capacity", "density", "potential", "thickness", "active_fraction", "n_to_p", "radius")
_FRACTIONS = ("fraction", "porosity")
LARGEST_AREAL_MAH_CM2 = 50.0
"""Ten times a thick electrode of today, as of `lirich.cells.limits.LARGEST_LOADING_MG_CM2`: another unit is meant."""


@cache
def library() -> Mapping[str, tuple[Assumption, ...]]:
    """Return the assumptions by group."""
    text = resources.files("lirich.cells").joinpath("design.csv").read_text(encoding="utf-8")
    groups: dict[str, list[Assumption]] = {}
    for row in csv.DictReader(text.splitlines()):
        groups.setdefault(row["group"], []).append(
            Assumption(row["name"], float(row["value"]), row["source"], row["guess"] == "guess")
        )
    return {name: tuple(entries) for name, entries in groups.items()}


@dataclass(frozen=True)
class Design:
    """A stack. ``assumptions`` are by name; `changed` gives another."""

    name: str
    assumptions: Mapping[str, Assumption]

    def __post_init__(self) -> None:
        for name, assumption in self.assumptions.items():
            value = assumption.value
            if not math.isfinite(value) or value < 0 or (value == 0 and any(p in name for p in _POSITIVE)):
                raise SettingsError(f"{name} is {value:g}", expected="a number above 0")
            if any(p in name for p in _FRACTIONS) and value > 1:
                raise SettingsError(f"{name} is {value:g}", expected="a fraction, at most 1")
        if self["areal_capacity_mah_cm2"] > LARGEST_AREAL_MAH_CM2:
            raise SettingsError(
                f"areal_capacity_mah_cm2 is {self['areal_capacity_mah_cm2']:g}",
                expected=f"at most {LARGEST_AREAL_MAH_CM2:g}; thick electrodes of today have 4 to 5",
            )
        if self.voltage_v <= 0:
            raise SettingsError(
                f"cathode_potential_v {self['cathode_potential_v']:g} is not above that of the anode, "
                f"{self.get('anode_potential_v'):g} V",
                expected="a cathode above its anode, both in V against Li",
            )
        if self["active_fraction"] + self["catholyte_fraction"] > 1 + 1e-9:
            raise SettingsError(
                f"Active material and solid electrolyte are {self['active_fraction'] + self['catholyte_fraction']:.3g} "
                "of the coating",
                expected="at most 1 together",
            )

    def __getitem__(self, name: str) -> float:
        if name not in self.assumptions:
            raise UnknownNameError.of("assumption", name, self.assumptions)
        return self.assumptions[name].value

    def get(self, name: str, default: float = 0.0) -> float:
        """Return a number, or *default* where the design does not have it."""
        return self.assumptions[name].value if name in self.assumptions else default

    def changed(self, values: Mapping[str, float], source: str = "yours") -> Design:
        """Return the design with some numbers changed; what follows from them is marked as derived in its source.

        Raises `UnknownNameError` and `SettingsError`.
        """
        assumptions = dict(self.assumptions)
        for name, value in values.items():
            if name not in assumptions:
                raise UnknownNameError.of("assumption", name, assumptions)
            assumptions[name] = Assumption(name, float(value), source, False)
        if "active_fraction" in values and assumptions["catholyte_fraction"].value > 0:
            # what is not active shrinks together
            before = 1.0 - self["active_fraction"]
            part = self["catholyte_fraction"] / before if before > 0 else 0.0
            if "catholyte_fraction" not in values:
                new = part * (1.0 - values["active_fraction"])
                said = (
                    f"derived: what is not active shrinks together, at active_fraction {values['active_fraction']:.4g}"
                )
                assumptions["catholyte_fraction"] = replace(assumptions["catholyte_fraction"], value=new, source=said)
        return Design(self.name, assumptions)

    @property
    def liquid(self) -> bool:
        """Whether a liquid fills the pores."""
        return "separator_porosity" in self.assumptions

    @property
    def parts(self) -> tuple[str, ...]:
        """The groups of assumptions that the design is made of."""
        return DESIGNS[self.name]

    @property
    def cathode_volumes(self) -> tuple[float, float]:
        """Volume fractions of active material and of solid electrolyte in the coating, pores included."""
        active = self["active_fraction"] / self["cathode_density_g_cm3"]
        solid = self["catholyte_fraction"] / self["electrolyte_density_g_cm3"]
        rest = 1.0 - self["active_fraction"] - self["catholyte_fraction"]
        whole = (active + solid + rest / self["additive_density_g_cm3"]) / (1.0 - self["cathode_porosity"])
        return active / whole, solid / whole

    @property
    def voltage_v(self) -> float:
        """Mean discharge voltage of the cell."""
        return self["cathode_potential_v"] - self.get("anode_potential_v")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of one pair of electrodes."""
        areal = self["areal_capacity_mah_cm2"]
        active = areal / self["cathode_capacity_mah_g"] * 1e3  # mg/cm²
        coating = active / self["active_fraction"]
        solid = coating * self["catholyte_fraction"]
        additive = coating - active - solid
        dense = (
            active / self["cathode_density_g_cm3"]
            + solid / self["electrolyte_density_g_cm3"]
            + additive / self["additive_density_g_cm3"]
        ) * 10.0  # µm: 1 mg/cm² of 1 g/cm³ is 10 µm
        cathode = Layer("cathode", coating, dense / (1.0 - self["cathode_porosity"]))
        anode, anode_pores = self._anode(areal)
        thickness = self["separator_thickness_um"]
        pores = anode_pores + cathode.thickness_um * self["cathode_porosity"]
        if self.liquid:
            porosity = self["separator_porosity"]
            separator = Layer(
                "separator", thickness * self["separator_density_g_cm3"] * (1.0 - porosity) / 10.0, thickness
            )
            filled = (pores + thickness * porosity) * self["electrolyte_per_pore"] * self["electrolyte_density_g_cm3"]
            liquid = (
                self.get("electrolyte_per_ah_g") * areal
                if "electrolyte_per_ah_g" in self.assumptions
                else filled / 10.0
            )
            electrolyte: tuple[Layer, ...] = (Layer("electrolyte", liquid, 0.0),)
        else:
            separator = Layer("solid electrolyte", thickness * self["electrolyte_density_g_cm3"] / 10.0, thickness)
            electrolyte = ()
        foils = [
            Layer(
                f"{metal} foil, half",
                0.05 * self[f"{metal}_thickness_um"] * self[f"{metal}_density_g_cm3"],
                0.5 * self[f"{metal}_thickness_um"],
            )
            for metal in ("aluminium", "copper")
        ]
        return (foils[0], cathode, separator, *electrolyte, anode, foils[1])

    def _anode(self, areal: float) -> tuple[Layer, float]:
        if "indium_capacity_mah_g" in self.assumptions:
            # the indium weighs in full, the Li that it takes is the cathode's; volumes of both add up
            indium = areal * self["indium_per_lithium"] / self["indium_capacity_mah_g"] * 1e3
            plated = areal / self["lithium_capacity_mah_g"] * 1e3
            volume = indium / self["indium_density_g_cm3"] + plated / self["lithium_density_g_cm3"]
            return Layer("indium", indium, volume * 10.0), 0.0
        if "lithium_capacity_mah_g" in self.assumptions:
            per_areal = 1e3 / self["lithium_capacity_mah_g"]  # mg/cm² per mAh/cm²
            excess = areal * self["lithium_excess"] * per_areal
            plated = areal * per_areal
            return Layer("lithium", excess, (excess + plated) / self["lithium_density_g_cm3"] * 10.0), 0.0
        active = areal * self["n_to_p"] / self["anode_capacity_mah_g"] * 1e3
        coating = active / self["anode_active_fraction"]
        dense = 10.0 * (
            active / self["anode_density_g_cm3"] + (coating - active) / self["anode_additive_density_g_cm3"]
        )
        thickness = dense / (1.0 - self["anode_porosity"])
        return Layer("anode", coating, thickness), thickness * self["anode_porosity"]

    @property
    def mass_mg_cm2(self) -> float:
        """Mass of the stack."""
        return sum(layer.mass_mg_cm2 for layer in self.layers)

    @property
    def thickness_um(self) -> float:
        """Thickness of the charged stack."""
        return sum(layer.thickness_um for layer in self.layers)

    @property
    def energy_mwh_cm2(self) -> float:
        """Energy of the stack."""
        return self["areal_capacity_mah_cm2"] * self.voltage_v

    @property
    def stack_wh_kg(self) -> float:
        """Specific energy of the stack."""
        return 1e3 * self.energy_mwh_cm2 / self.mass_mg_cm2

    @property
    def stack_wh_l(self) -> float:
        """Energy density of the charged stack."""
        return 1e4 * self.energy_mwh_cm2 / self.thickness_um

    @property
    def cell_wh_kg(self) -> float | None:
        """Specific energy of the cell, where the packaging is stated."""
        part = self.assumptions.get("packaging_mass_fraction")
        return None if part is None else self.stack_wh_kg * (1.0 - part.value)

    @property
    def cell_wh_l(self) -> float | None:
        """Energy density of the cell, where the packaging is stated."""
        part = self.assumptions.get("packaging_volume_fraction")
        return None if part is None else self.stack_wh_l * (1.0 - part.value)


def design(name: str) -> Design:
    """Return a design by its name. Raises `UnknownNameError`."""
    if name not in DESIGNS:
        raise UnknownNameError.of("design", name, DESIGNS)
    return Design(name, {a.name: a for group in DESIGNS[name] for a in library()[group]})


@dataclass(frozen=True, slots=True)
class Move:
    """One assumption on the way to a target: from, to, how far it can go, and the Wh/kg of the stack after it.

    ``derived`` is that of a number that follows from the move before it: its limit is where it came to.
    """

    name: str
    before: float
    after: float
    limit: float
    why: str
    stack_wh_kg: float
    derived: bool = False


@dataclass(frozen=True)
class Way:
    """What a target needs: the moves in order, and whether they reach it within their limits.

    ``needed_capacity_mah_g`` is the cathode capacity that would reach it with all other limits, where they do not.
    """

    target_wh_kg: float
    start: Design
    moves: tuple[Move, ...]
    reached: bool
    end: Design
    needed_capacity_mah_g: float | None

    @property
    def already(self) -> bool:
        """Whether the stack has the target as it is."""
        return self.reached and not self.moves


def way_to(start: Design, target_wh_kg: float, route: Sequence[tuple[str, float, str]] = ROUTE) -> Way:
    """Change assumptions one by one along *route* until the stack has *target_wh_kg*; the last one is solved for.

    Assumptions that the design lacks, or that are at their limit already, are passed over. Raises `SettingsError` for a
    target that is not above 0.
    """
    if not target_wh_kg > 0:
        raise SettingsError(f"A target of {target_wh_kg:g} Wh/kg", expected="more than 0")
    here, moves = start, []
    for name, limit, why in route:
        if here.stack_wh_kg >= target_wh_kg * (1 - 1e-9):
            break
        if name not in here.assumptions or here.changed({name: limit}).stack_wh_kg <= here.stack_wh_kg:
            continue
        before = here[name]
        value = limit
        if here.changed({name: limit}).stack_wh_kg > target_wh_kg:
            base = here

            def short(x: float, base: Design = base, name: str = name) -> float:
                return base.changed({name: x}).stack_wh_kg - target_wh_kg

            value = float(brentq(short, min(before, limit), max(before, limit), xtol=1e-9))
        there = here.changed({name: value}, "needed for the target")
        moves.append(Move(name, before, value, limit, why, there.stack_wh_kg))
        for other, was in here.assumptions.items():
            now = there.assumptions[other]
            if other != name and now.value != was.value:
                moves.append(Move(other, was.value, now.value, now.value, now.source, there.stack_wh_kg, derived=True))
        here = there
    reached = here.stack_wh_kg >= target_wh_kg * (1 - 1e-9)
    return Way(target_wh_kg, start, tuple(moves), reached, here, None if reached else _needed(here, target_wh_kg))


def _needed(design: Design, target: float) -> float | None:
    """Return the cathode capacity (mAh/g) at which the design has the target, or ``None`` below 5 Ah/g."""

    def short(capacity: float) -> float:
        return design.changed({"cathode_capacity_mah_g": capacity}).stack_wh_kg - target

    return float(brentq(short, design["cathode_capacity_mah_g"], 5e3)) if short(5e3) > 0 else None

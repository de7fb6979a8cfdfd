"""Parameter sets of Li-rich electrodes for PyBaMM, each number with its source, guesses marked as guesses.

The numbers stand in ``parameters.csv`` beside this file, in groups. The sets are registered with PyBaMM
(``pybamm.ParameterValues("LiRich_SC")``). SC and PC share every group but the morphology: what differs between them
follows from it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lirich.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name as PyBaMM has it, with the unit, the number, and where the number comes from.

    ``guess`` says that the source supports the size of the number and no more.
    """

    group: str
    name: str
    value: float
    source: str
    guess: bool


COMPOSITION = "Li1.2Mn0.54Ni0.13Co0.13O2"
"""The oxide whose density the library has, and what the models stand for. The cell that the sites were fitted to
states none."""
SOLID_ELECTROLYTES = ("Li6PS5Cl", "Li10GeP2S12", "LLZO", "Li3InCl6", "Li3YCl6", "PEO-LiTFSI")
"""The solid electrolytes of the library: each is a group of `parameters.csv`."""
_CRYSTAL = ("host", "transport", "ageing", "gas")
_CELLS: Mapping[str, tuple[str, ...]] = {
    "": ("half-cell",),
    "_Electrolyte": ("half-cell", "electrode"),
    "_Graphite": ("half-cell", "electrode", "graphite"),
    "_ASSB": ("half-cell", "composite", SOLID_ELECTROLYTES[0]),
    "_Sizes": ("half-cell", "sizes"),
}
_MORPHOLOGIES = {"LiRich_SC": "single crystal", "LiRich_PC": "polycrystal"}
SETS: Mapping[str, tuple[str, ...]] = {
    f"{name}{cell}": (*_CRYSTAL, *groups, morphology)
    for cell, groups in _CELLS.items()
    for name, morphology in _MORPHOLOGIES.items()
}
"""The groups of each parameter set; a later group replaces what an earlier one says."""


@cache
def library() -> tuple[Parameter, ...]:
    """Return every parameter of every group, in the order of the file."""
    text = resources.files("lirich.cells").joinpath("parameters.csv").read_text(encoding="utf-8")
    return tuple(
        Parameter(row["group"], row["name"], float(row["value"]), row["source"], row["guess"] == "guess")
        for row in csv.DictReader(text.splitlines())
    )


def parameters_of(name: str) -> dict[str, Parameter]:
    """Return the parameters of a set by their names. Raises `UnknownNameError`."""
    if name not in SETS:
        raise UnknownNameError.of("parameter set", name, SETS)
    return {p.name: p for group in SETS[name] for p in library() if p.group == group}


def values_of(name: str) -> dict[str, float]:
    """Return the numbers of a set by their names. Raises `UnknownNameError`."""
    return {p.name: p.value for p in parameters_of(name).values()}


def single_crystal() -> dict[str, float]:
    """Parameters of a Li metal half-cell with single crystals of 0.94 µm (``pybamm.ParameterValues("LiRich_SC")``)."""
    return values_of("LiRich_SC")


def polycrystal() -> dict[str, float]:
    """Parameters of a Li metal half-cell with polycrystalline particles (``pybamm.ParameterValues("LiRich_PC")``)."""
    return values_of("LiRich_PC")


def single_crystal_electrolyte() -> dict[str, float]:
    """As `single_crystal`, with the electrolyte (``pybamm.ParameterValues("LiRich_SC_Electrolyte")``)."""
    return values_of("LiRich_SC_Electrolyte")


def polycrystal_electrolyte() -> dict[str, float]:
    """As `polycrystal`, with the electrolyte (``pybamm.ParameterValues("LiRich_PC_Electrolyte")``)."""
    return values_of("LiRich_PC_Electrolyte")


def single_crystal_graphite() -> dict[str, float]:
    """Single crystals against graphite (``pybamm.ParameterValues("LiRich_SC_Graphite")``)."""
    return values_of("LiRich_SC_Graphite")


def polycrystal_graphite() -> dict[str, float]:
    """Polycrystalline particles against graphite (``pybamm.ParameterValues("LiRich_PC_Graphite")``)."""
    return values_of("LiRich_PC_Graphite")


def single_crystal_solid_state() -> dict[str, float]:
    """Single crystals in a composite with Li6PS5Cl (``pybamm.ParameterValues("LiRich_SC_ASSB")``)."""
    return values_of("LiRich_SC_ASSB")


def polycrystal_solid_state() -> dict[str, float]:
    """Polycrystalline particles in a composite with Li6PS5Cl (``pybamm.ParameterValues("LiRich_PC_ASSB")``)."""
    return values_of("LiRich_PC_ASSB")


def single_crystal_sizes() -> dict[str, float]:
    """As `single_crystal`, of several sizes (``pybamm.ParameterValues("LiRich_SC_Sizes")``)."""
    return values_of("LiRich_SC_Sizes")


def polycrystal_sizes() -> dict[str, float]:
    """As `polycrystal`, of several sizes (``pybamm.ParameterValues("LiRich_PC_Sizes")``)."""
    return values_of("LiRich_PC_Sizes")


def solid_electrolyte(name: str) -> dict[str, Parameter]:
    """Return the parameters of a solid electrolyte of the library by their names. Raises `UnknownNameError`.

    Their numbers are changes to a solid-state parameter set.
    """
    if name not in SOLID_ELECTROLYTES:
        raise UnknownNameError.of("solid electrolyte", name, SOLID_ELECTROLYTES)
    return {p.name: p for p in library() if p.group == name}

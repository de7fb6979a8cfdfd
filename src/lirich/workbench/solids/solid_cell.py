"""The verb *interface cell*: what a coating does to a solid-state cell, from phase equilibria to cycles.

`lirich.interfaces.interphase` says what drives a layer between cathode and electrolyte, `lirich.cells.interphase` turns
it into parameters with what is guessed of its speed, and the composite cell of `lirich.cells` is cycled with them:
bare, under each coating, and with no layer at all. Each cell is run three times, with all that is uncertain on the side
of little resistance, as it stands, and on the side of much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lirich.errors import InputError, SettingsError, SimulationError, UnknownNameError
from lirich.interfaces.embedded import NAME
from lirich.interfaces.formulas import amounts_of, reduced
from lirich.interfaces.interphase import Bounds, Junction, junction
from lirich.interfaces.solids import Conductivity, coating_conductivity
from lirich.interfaces.windows import LITHIUM
from lirich.model import Finding
from lirich.workbench.extras import need_cells
from lirich.workbench.simulation.physics import ANODE, HIGH, SOLID_STATE, Physics, physics_of
from lirich.workbench.solids.interface import reference
from lirich.workbench.solids.solid_cell_said import doubts

if TYPE_CHECKING:
    from lirich.cells.interphase import Scenario
    from lirich.plots import Figure

Array = NDArray[np.float64]

CATHODE = "Li1.2Mn0.54Ni0.13Co0.13O2"
THICKNESS_NM = 10.0
CYCLES, RATE = 50, "C/3"
FORMATION = 2
"""Cycles at C/10 before those of the duty: `lirich.cells.programme.ageing`."""
BARE = "bare"
FORMULAS: Mapping[str, str] = {"LLZO": "Li7La3Zr2O12"}
"""Formulas of electrolytes of the library whose name is none."""
_OUTPUTS = ("Interphase thickness [m]", "Interphase resistance [Ohm.m2]", "Coating resistance [Ohm.m2]")
_POINTS = (("r_p", 12), ("x_p", 6))
"""Shells and places: capacities within 0.1 mAh/g of those with 20 and 10, in two fifths of the time."""


@dataclass(frozen=True)
class Course:
    """One run of a cell: per cycle of the duty, shape (cycles,), and the changes to the parameter set it ran with.

    ``resistance_ohm_cm2`` is that of layer and coating together per area of contact, ``layer_nm`` the layer's
    thickness, ``hours`` the time since the first charge.
    """

    changes: Mapping[str, float]
    hours: Array
    resistance_ohm_cm2: Array
    layer_nm: Array
    capacity_mah_g: Array

    @property
    def first(self) -> float:
        """Capacity of the first cycle of the duty, mAh/g."""
        return float(self.capacity_mah_g[0])

    @property
    def last(self) -> float:
        """Capacity of the last cycle, mAh/g."""
        return float(self.capacity_mah_g[-1])

    @property
    def retention(self) -> float:
        """Last over first capacity, %; 0 where the first is 0."""
        return 100.0 * self.last / self.first if self.first > 0 else 0.0

    @property
    def resistance(self) -> float:
        """Resistance of layer and coating after the last cycle, Ω cm² of contact."""
        return float(self.resistance_ohm_cm2[-1])

    @property
    def layer(self) -> float:
        """Thickness of the layer after the last cycle, nm."""
        return float(self.layer_nm[-1])


@dataclass(frozen=True)
class SolidCell:
    """A simulated cell, bare or under a coating: what drives its layer and its three courses by scenario."""

    name: str
    junction: Junction
    thickness_nm: float
    conductivity: Conductivity | None
    courses: Mapping[Scenario, Course]

    def bounds(self, figure: str) -> Bounds:
        """Return a figure of the three courses, from the smallest to the largest.

        ``first`` and ``last`` capacity (mAh/g), ``retention`` (%), and at the end ``resistance`` (Ω cm²) and ``layer``
        (nm).
        """
        found = {name: getattr(course, figure) for name, course in self.courses.items()}
        return Bounds(min(found.values()), found["central"], max(found.values()))


@dataclass(frozen=True)
class SolidCells:
    """The bare cell, those with coatings in the order asked, the one without a layer, and what is to be doubted."""

    electrolyte: str
    rate: str
    cycles: int
    cells: tuple[SolidCell, ...]
    without: Course
    findings: tuple[Finding, ...]

    @property
    def bare(self) -> SolidCell:
        """The cell without a coating."""
        return self.cells[0]

    @property
    def figures(self) -> list[Figure]:
        """The plot: resistance and capacity over cycles, each with its bounds."""
        from lirich.plots.solid_cells import solid_cells as draw

        courses = {
            cell.name: {str(name): (c.resistance_ohm_cm2, c.capacity_mah_g) for name, c in cell.courses.items()}
            for cell in self.cells
        }
        return [draw(courses, self.without.capacity_mah_g, self.electrolyte, self.rate)]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "origin": "simulated",
            "electrolyte": self.electrolyte,
            "rate": self.rate,
            "cycles": self.cycles,
            "cells": [
                {
                    "name": cell.name,
                    "thickness_nm": cell.thickness_nm,
                    "conductivity_s_cm": None if cell.conductivity is None else asdict(cell.conductivity),
                    "junction": asdict(cell.junction),
                    **{name: asdict(cell.bounds(name)) for name in _FIGURES},
                    "courses": {name: _course_dict(course) for name, course in cell.courses.items()},
                }
                for cell in self.cells
            ],
            "without_layer": _course_dict(self.without),
            "findings": [f.model_dump(mode="json") for f in self.findings],
        }


_FIGURES = ("resistance", "layer", "first", "last", "retention")


def solid_cells(
    electrolyte: str,
    coatings: Sequence[str] = (),
    *,
    cathode: str = CATHODE,
    thickness_nm: float = THICKNESS_NM,
    conductivity_s_cm: float | None = None,
    cycles: int = CYCLES,
    rate: str = RATE,
    high_v: float | None = None,
    parameters: str = "SC",
    changes: Mapping[str, float] | None = None,
    counter_electrode: str | None = None,
    energies: str = NAME,
) -> SolidCells:
    """Simulate the bare cell and one per coating: the layer's resistance over cycles, capacity, what is kept.

    *electrolyte* is one of the parameter library, *coatings* formulas, all of *thickness_nm* (0 is bare) and of
    *conductivity_s_cm* where it is stated. *high_v* is the end of charge of the cell; *parameters* and *changes* are
    those of `lirich simulate`. Some seconds per cell.

    Raises `UnknownNameError` for an electrolyte that the library lacks, `InputError` for one without a formula,
    `CompositionError` where phase equilibria say nothing, `SettingsError` for what cannot be.
    """
    need_cells("A simulated cell")
    from lirich.cells.anode_stability import reduced_at_anode
    from lirich.cells.interphase import NOTHING, Film
    from lirich.cells.validity import outside_calibration

    name, formula = named_electrolyte(electrolyte)
    own = dict(changes or {}) | ({} if high_v is None else {HIGH: high_v})
    physics = physics_of(parameters, own, model=SOLID_STATE, electrolyte=name, counter_electrode=counter_electrode)
    anode = physics.values[ANODE]
    top_v = physics.values[HIGH] + anode
    laid = tuple(dict.fromkeys(coatings)) if thickness_nm else ()
    elements = {e for each in (cathode, formula, *laid) for e in amounts_of(each)}
    table = reference(energies, {*elements, LITHIUM})
    asked: list[tuple[Junction, Conductivity | None]] = [(junction(table, cathode, formula, top_v=top_v), None)]
    for coating in laid:
        film = coating_conductivity(coating)
        if conductivity_s_cm is not None:
            film = Conductivity(*(conductivity_s_cm,) * 3, "as stated", False)
        Film(thickness_nm, 100.0 * film.central)  # what cannot be is refused before anything is run
        asked.append((junction(table, cathode, formula, coating, top_v=top_v), film))
    cells = [_cell(physics, between, film, thickness_nm, cycles, rate) for between, film in asked]
    findings = [
        *outside_calibration(cycles + FORMATION, physics.values["Ambient temperature [K]"] - 273.15),
        *reduced_at_anode(name, anode),
        *doubts(cells, cathode),
    ]
    without = _run(physics, NOTHING, cycles, rate)
    return SolidCells(name, rate, cycles, tuple(cells), without, tuple(findings))


def coating_changes(physics: Physics, coating: str, thickness_nm: float) -> dict[str, float]:
    """Return the changes to a solid-state *physics* that a coating makes, on lirich's energies, as they stand.

    Raises `SettingsError` for another model, and what `solid_cells` does.
    """
    from lirich.cells.interphase import CONDUCTIVITY, Film, changes_of

    if physics.model != SOLID_STATE:
        raise SettingsError(f"The coating {coating} in the {physics.model} model", expected=f"the {SOLID_STATE} model")
    _, formula = named_electrolyte(physics.electrolyte)
    table = reference(NAME)
    top_v = physics.values[HIGH] + physics.values[ANODE]
    between = junction(table, CATHODE, formula, coating, top_v=top_v)
    film = Film(thickness_nm, 100.0 * coating_conductivity(coating).central)
    return changes_of(driving(between, "central"), "central", physics.values[CONDUCTIVITY], film)


def named_electrolyte(electrolyte: str) -> tuple[str, str]:
    """Return name in the parameter library and formula of an *electrolyte* given by either.

    Raises `UnknownNameError` and `InputError` as `solid_cells` does.
    """
    from lirich.cells.parameters import SOLID_ELECTROLYTES

    formulas = {name: FORMULAS.get(name, name) for name in SOLID_ELECTROLYTES if name != "PEO-LiTFSI"}
    if electrolyte == "PEO-LiTFSI":
        raise InputError(
            "PEO-LiTFSI has no place in phase equilibria",
            expected="one of " + ", ".join(formulas),
            advice="`lirich simulate SC --model solid-state --electrolyte PEO-LiTFSI` cycles it with guessed energies",
        )
    if electrolyte in formulas:
        return electrolyte, formulas[electrolyte]
    try:
        wanted = reduced(electrolyte)
    except InputError:
        wanted = ""
    for name, formula in formulas.items():
        if reduced(formula) == wanted:
            return name, formula
    raise UnknownNameError.of("solid electrolyte of the parameter library", electrolyte, formulas)


def _cell(
    physics: Physics, between: Junction, film: Conductivity | None, thickness_nm: float, cycles: int, rate: str
) -> SolidCell:
    from lirich.cells.interphase import CONDUCTIVITY, SCENARIOS, Film, changes_of

    courses = {}
    for scenario in SCENARIOS:
        laid = None
        if film is not None:  # much resistance is little conductivity
            conducting = {"low": film.high, "central": film.central, "high": film.low}[scenario]
            laid = Film(thickness_nm, 100.0 * conducting)
        changes = changes_of(driving(between, scenario), scenario, physics.values[CONDUCTIVITY], laid)
        courses[scenario] = _run(physics, changes, cycles, rate)
    if film is None:
        return SolidCell(BARE, between, 0.0, None, courses)
    return SolidCell(f"{between.coating}, {thickness_nm:g} nm", between, thickness_nm, film, courses)


def driving(between: Junction, scenario: Scenario) -> Any:
    """Return what drives the layer of a junction (`lirich.cells.interphase.Driving`) on one side of its error bars."""
    from lirich.cells.interphase import Driving

    energies = tuple(float(getattr(face.energy, scenario)) for face in between.faces)
    limit = between.limit
    if limit is None:
        return Driving(energies, None, 0.0)
    late = {"low": limit.high, "central": limit.central, "high": limit.low}[scenario]
    return Driving(energies, late, float(getattr(between.slope, scenario)))


@cache
def _simulator(set_name: str) -> Any:
    from lirich.cells.models import MODELS
    from lirich.cells.parameters import values_of
    from lirich.cells.simulation import Simulator

    model = replace(MODELS[SOLID_STATE], points=_POINTS).recording(*_OUTPUTS)
    return Simulator(model, values_of(set_name), rtol=1e-4, atol=1e-7, compiled=False)


def _run(physics: Physics, layer: Mapping[str, float], cycles: int, rate: str) -> Course:
    plan = physics.programme("ageing", {"cycles": cycles, "rate": rate})
    values = {**physics.values, **layer}
    run = _simulator(physics.parameter_set).run(plan, values)
    ends = run.ends
    passed = np.diff(ends["Lithium through the circuit"].to_numpy(), prepend=0.0) * values["Host capacity [mA.h.g-1]"]
    discharges = np.flatnonzero((ends["mode"] == "discharge").to_numpy())[FORMATION:]
    if discharges.size < cycles:
        raise SimulationError(run.stopped, advice="A lower rate, or fewer cycles")
    thickness, grown, coating = (ends[name].to_numpy()[discharges] for name in _OUTPUTS)
    return Course(
        dict(layer),
        ends["time_s"].to_numpy()[discharges] / 3600.0,
        1e4 * (grown + coating),
        1e9 * thickness,
        passed[discharges],
    )


def _course_dict(course: Course) -> dict[str, Any]:
    arrays = ("hours", "resistance_ohm_cm2", "layer_nm", "capacity_mah_g")
    return {
        "changes": dict(course.changes),
        **{name: getattr(course, name).tolist() for name in arrays},
    }

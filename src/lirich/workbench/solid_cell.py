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

from lirich.errors import InputError, UnknownNameError
from lirich.interfaces.embedded import NAME
from lirich.interfaces.formulas import amounts_of, reduced
from lirich.interfaces.interphase import Bounds, Junction, junction
from lirich.interfaces.solids import Conductivity, coating_conductivity
from lirich.interfaces.windows import LITHIUM
from lirich.model import Finding
from lirich.workbench.extras import need_cells
from lirich.workbench.interface import reference
from lirich.workbench.physics import ANODE, HIGH, SOLID_STATE, Physics, physics_of

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
    stopped: str

    @property
    def retention(self) -> float:
        """Last over first capacity, %."""
        return float(100.0 * self.capacity_mah_g[-1] / max(self.capacity_mah_g[0], 1e-12))


@dataclass(frozen=True)
class SolidCell:
    """A simulated cell, bare or under a coating: what drives its layer and its three courses by scenario."""

    name: str
    junction: Junction
    thickness_nm: float
    conductivity: Conductivity | None
    courses: Mapping[Scenario, Course]

    def bounds(self, figure: str) -> Bounds:
        """Return a figure of the three courses: ``first``, ``last`` (mAh/g), ``retention`` (%), ``resistance``
        (Ω cm² at the end), ``layer`` (nm at the end); ordered by its own size."""
        values = {
            "first": lambda c: float(c.capacity_mah_g[0]),
            "last": lambda c: float(c.capacity_mah_g[-1]),
            "retention": lambda c: c.retention,
            "resistance": lambda c: float(c.resistance_ohm_cm2[-1]),
            "layer": lambda c: float(c.layer_nm[-1]),
        }
        found = [values[figure](course) for course in self.courses.values()]
        return Bounds(min(found), values[figure](self.courses["central"]), max(found))


@dataclass(frozen=True)
class SolidCells:
    """The bare cell, those with coatings in the order asked, and the one without a layer, with what is to be doubted."""

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
            cell.name: {name: (c.resistance_ohm_cm2, c.capacity_mah_g) for name, c in cell.courses.items()}
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


def words(found: SolidCells) -> list[str]:
    """Say in sentences what each cell comes to, and what each coating changes, compared within each scenario."""
    bare = found.bare
    said = [
        f"Without any layer the cell would give {found.without.capacity_mah_g[0]:.0f} mAh/g at {found.rate} and keep "
        f"{found.without.retention:.1f} % after {found.cycles} cycles: more is not to be won at this interface."
    ]
    for cell in found.cells:
        resistance, first, kept = (cell.bounds(name) for name in ("resistance", "first", "retention"))
        text = (
            f"{cell.name[0].upper() + cell.name[1:]}: {_ohm(resistance.central)} ({_ohm(resistance.low)} to "
            f"{_ohm(resistance.high)}) of contact after {found.cycles} cycles, {first.central:.0f} mAh/g at {found.rate} "
            f"({first.low:.0f} to {first.high:.0f}), {kept.central:.1f} % kept ({kept.low:.1f} to {kept.high:.1f})."
        )
        if cell is not bare:
            ratio = resistance_ratio(bare, cell)
            if ratio.high < 1.0:
                text += " More than bare, in every case."
            else:
                text += f" Bare has {_times(ratio.central)} ({_times(ratio.low)} to {_times(ratio.high)}) its resistance."
        elif cell.junction.inert:
            text += " Nothing drives a layer."
        said.append(text)
    return said


def resistance_ratio(bare: SolidCell, coated: SolidCell) -> Bounds:
    """Return the resistance of *bare* over that of *coated* at the end, each scenario with its like."""
    ratios = {
        name: float(bare.courses[name].resistance_ohm_cm2[-1] / max(course.resistance_ohm_cm2[-1], 1e-12))
        for name, course in coated.courses.items()
    }
    return Bounds(min(ratios.values()), ratios["central"], max(ratios.values()))


def _ohm(value: float) -> str:
    return f"{value / 1000:.2g} kΩ cm²" if value >= 1000 else f"{value:.2g} Ω cm²"


def _times(value: float) -> str:
    return f"{value:.2g} times" if value < 100 else f"{value:.0f} times"


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
    from lirich.cells.interphase import NOTHING
    from lirich.cells.validity import outside_calibration

    name, formula = named_electrolyte(electrolyte)
    own = dict(changes or {}) | ({} if high_v is None else {HIGH: high_v})
    physics = physics_of(
        parameters, own, model=SOLID_STATE, electrolyte=name, counter_electrode=counter_electrode
    )
    anode = physics.values[ANODE]
    top_v = physics.values[HIGH] + anode
    laid = tuple(dict.fromkeys(coatings)) if thickness_nm else ()
    elements = {e for each in (cathode, formula, *laid) for e in amounts_of(each)}
    table = reference(energies, {*elements, LITHIUM})
    cells = [_cell(physics, junction(table, cathode, formula, top_v=top_v), None, 0.0, cycles, rate)]
    for coating in laid:
        film = coating_conductivity(coating)
        if conductivity_s_cm is not None:
            film = Conductivity(*(conductivity_s_cm,) * 3, "as stated", False)
        between = junction(table, cathode, formula, coating, top_v=top_v)
        cells.append(_cell(physics, between, film, thickness_nm, cycles, rate))
    findings = [
        *outside_calibration(cycles + FORMATION, physics.values["Ambient temperature [K]"] - 273.15),
        *reduced_at_anode(name, anode),
        *_doubts(cells, cathode),
    ]
    without = _run(physics, NOTHING, cycles, rate)
    return SolidCells(name, rate, cycles, tuple(cells), without, tuple(findings))


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
    name = BARE if film is None else f"{between.coating}, {thickness_nm:g} nm"
    return SolidCell(name, between, thickness_nm, film, courses)


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
    if discharges.size == 0:
        raise InputError(f"The cell did not come to its first cycle at {rate}: {run.stopped}")
    thickness, grown, coating = (ends[name].to_numpy()[discharges] for name in _OUTPUTS)
    return Course(
        dict(layer),
        ends["time_s"].to_numpy()[discharges] / 3600.0,
        1e4 * (grown + coating),
        1e9 * thickness,
        passed[discharges],
        run.stopped,
    )


def _course_dict(course: Course) -> dict[str, Any]:
    arrays = ("hours", "resistance_ohm_cm2", "layer_nm", "capacity_mah_g")
    return {
        "changes": dict(course.changes),
        **{name: getattr(course, name).tolist() for name in arrays},
        "stopped": course.stopped,
    }


def _doubts(cells: Sequence[SolidCell], cathode: str) -> list[Finding]:
    """Return what must be said of the cells: what is guessed, what is thin, a coating that is used up."""
    found = [
        Finding(
            code="kinetics-guessed",
            message="Phase equilibria say what drives a layer, not how fast it grows nor what it resists: the bounds "
            "span a factor of ten either way on the resistance, and a hundred in all on the growth behind a coating",
            advice="Compare cells with one another; a spectrum of your own cell fixes the layer's resistance",
        )
    ]
    if reduced(cathode) != reduced(CATHODE):
        found.append(
            Finding(
                code="other-crystals",
                message=f"The phase equilibria are those of {cathode}, the crystals of the cell {CATHODE}",
                advice="Fit a cell of your own (`lirich fit`) and give the saved fit as the parameters",
            )
        )
    thin = {cell.name: cell.junction.grade for cell in cells if cell.junction.grade not in ("A", "B")}
    if thin:
        found.append(
            Finding(
                code="thin-coverage",
                message=f"The table does not know every pair of metals ({', '.join(f'{n}: {g}' for n, g in thin.items())}): "
                "what drives the layer may be more",
                advice="Give energies of your own with --energies",
            )
        )
    for cell in cells:
        if cell.conductivity is not None and cell.conductivity.guess:
            found.append(
                Finding(
                    code="coating-conductivity-guessed",
                    message=f"Of {cell.junction.coating} as a film: {cell.conductivity.source}",
                    advice="State it with --conductivity",
                )
            )
        used = coating_used(cell)
        if used is not None and used.high > 1.0:
            found.append(
                Finding(
                    code="coating-used-up",
                    message=f"{cell.name}: the layer takes {100 * used.central:.0f} % of the coating by the last cycle "
                    f"({100 * used.low:.0f} to {100 * used.high:.0f} %); the model goes on as if it were there",
                    advice="A thicker coating, or one that its neighbours leave alone",
                )
            )
    return found


def coating_used(cell: SolidCell) -> Bounds | None:
    """Return the part of the coating that the layer has taken by the last cycle, more than 1 where there is none left.

    ``None`` of a bare cell, and where a density is missing.
    """
    faces = [face for face in cell.junction.faces if face.energy.central > 0 and face.products]
    if cell.conductivity is None or any(face.consumes is None for face in faces):
        return None
    roots = [face.energy.central**0.5 for face in faces]
    per_layer = sum(r * (face.consumes or 0.0) for r, face in zip(roots, faces, strict=True)) / (sum(roots) or 1.0)
    layer = cell.bounds("layer")
    low, central, high = (nm * per_layer / cell.thickness_nm for nm in (layer.low, layer.central, layer.high))
    return Bounds(low, central, high)

"""Energy against power of a stack, by the cell model that stands for it.

A stack with a solid electrolyte is run as `lirich.cells.solid_state.LiRichASSB` with its own electrolyte, stack
pressure, separator, composite and anode; one with graphite as `lirich.cells.full_cell.LiRichFullCell`; one with Li and
a liquid as the porous half-cell `lirich.cells.porous.LiRichDFN`. What the design does not say is the library's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from lirich.cells import programme
from lirich.cells.design import Design
from lirich.cells.design_doubts import ELECTROLYTES
from lirich.cells.models import FULL_CELL, MODELS, POROUS, SOLID_STATE
from lirich.cells.parameters import solid_electrolyte
from lirich.cells.simulation import Simulator
from lirich.errors import SettingsError, SimulationError

AREA_M2 = 1e-4
"""The stack is simulated as 1 cm², so that Ω are Ω cm²."""
FOILS_OHM_CM2 = 2.0
"""Of foils, tabs and contacts (guess): separator, electrolyte and electrodes are in the models."""
GRAPHITE_MAH_G = 372.0
"""LiC6, by Faraday's law: the sites of the graphite, of which a design states the practical part."""
SLOW = "C/10"
_ENERGY, _THROUGH = "Discharge energy [W.h]", "Lithium through the circuit"


@dataclass(frozen=True)
class StackModel:
    """What a stack is simulated with: the model by its name in `MODELS`, the solid electrolyte, and the changes."""

    name: str
    electrolyte: str
    changes: Mapping[str, float]

    @property
    def words(self) -> str:
        """Say which model runs, with the numbers of the design that matter."""
        changes = self.changes
        separator = f"separator of {changes['Separator thickness [m]'] * 1e6:g} µm"
        if self.electrolyte:
            potential = changes["Anode potential [V]"]
            return (
                f"{self.name} model ({SOLID_STATE.pybamm_name}): {self.electrolyte}, "
                f"{changes['Stack pressure [MPa]']:g} MPa, {separator}, against "
                + ("Li" if potential == 0 else f"an anode at {potential:g} V vs Li/Li+")
            )
        if self.name == "full-cell":
            anode = f"graphite, N/P {changes['N/P ratio']:.3g} of the first charge"
            return f"{self.name} model ({FULL_CELL.pybamm_name}): {anode}, {separator}"
        return f"{self.name} model ({POROUS.pybamm_name}): liquid electrolyte, {separator}, against Li"


def model_of(stack: Design) -> StackModel:
    """Return the model that stands for *stack*.

    Raises `SettingsError` where its cathode is not Li-rich, and where the library does not have its solid electrolyte.
    """
    if "lrm" not in stack.parts:
        raise SettingsError(f"The cathode of {stack.name} is not Li-rich", expected="a design with the group 'lrm'")
    loading = stack["areal_capacity_mah_cm2"] / stack["cathode_capacity_mah_g"]  # g/cm²
    active, solid = stack.cathode_volumes
    changes = {
        "Electrode area [m2]": AREA_M2,
        "Active mass [g]": loading,
        "Crystal density [kg.m-3]": 1e3 * stack["cathode_density_g_cm3"],
        "Positive electrode active material volume fraction": active,
        "Separator thickness [m]": 1e-6 * stack["separator_thickness_um"],
        "Series resistance [Ohm]": FOILS_OHM_CM2,
    }
    if not stack.liquid:
        group = next((name for name in stack.parts if name in ELECTROLYTES), None)
        if group is None:
            raise SettingsError(
                f"The solid electrolyte of {stack.name} is not in the library", expected=f"one of {list(ELECTROLYTES)}"
            )
        electrolyte = ELECTROLYTES[group]
        changes = {name: p.value for name, p in solid_electrolyte(electrolyte).items()} | changes
        changes |= {
            "Solid electrolyte volume fraction": solid,
            "Solid electrolyte grain radius [m]": 1e-6 * stack["electrolyte_grain_radius_um"],
            "Stack pressure [MPa]": stack["stack_pressure_mpa"],
            "Anode potential [V]": stack.get("anode_potential_v"),
        }
        return StackModel("solid-state", electrolyte, changes)
    changes |= {
        "Positive electrode porosity": stack["cathode_porosity"],
        "Separator porosity": stack["separator_porosity"],
    }
    if "graphite" not in stack.parts:
        return StackModel("porous", "", changes)
    first = FULL_CELL.defaults()["Capacity of the first charge [mA.h.g-1]"]
    sites = stack["n_to_p"] * stack["cathode_capacity_mah_g"] * GRAPHITE_MAH_G / stack["anode_capacity_mah_g"]
    dense = stack["anode_active_fraction"] / stack["anode_density_g_cm3"]
    rest = (1.0 - stack["anode_active_fraction"]) / stack["anode_additive_density_g_cm3"]
    changes |= {
        "N/P ratio": sites / first,
        "Negative electrode active material volume fraction": dense / (dense + rest) * (1.0 - stack["anode_porosity"]),
        "Negative electrode porosity": stack["anode_porosity"],
    }
    return StackModel("full-cell", "", changes)


@dataclass(frozen=True, slots=True)
class RagonePoint:
    """A discharge at a rate: energy and power per mass of the stack, capacity of the cathode, mean voltage of the cell.

    ``stopped`` says why the discharge did not reach its voltage, where it did not: what it gave until then counts.
    """

    rate_c: float
    capacity_mah_g: float
    voltage_v: float
    stack_wh_kg: float
    stack_w_kg: float
    stopped: str = ""


@cache
def _simulator(name: str) -> Simulator:
    model = MODELS[name].recording(_ENERGY)
    return Simulator(model, model.defaults(), rtol=1e-4, atol=1e-7, compiled=False)


def ragone(
    stack: Design, rates: Sequence[float], *, one_c_ma_g: float, parameters: Mapping[str, float] | None = None
) -> tuple[RagonePoint, ...]:
    """Return energy against power of *stack* with the model of `model_of`, sized for its own areal capacity.

    The stack is charged at C/10 twice with a discharge between them; each discharge starts from there, so that rates
    do not age each other. A discharge that cannot be solved, or does not begin, is a point without energy that says
    so.

    Parameters
    ----------
    rates:
        In C.
    one_c_ma_g:
        What 1C is, mA per g of active material.
    parameters:
        Changes to the parameters of the model, by name.

    Raises
    ------
    SettingsError
        For what cannot be, such as a composite without a path for Li.
    SimulationError
        Where the slow charges cannot be solved.
    """
    chosen = model_of(stack)
    simulator = _simulator(chosen.name)
    changes = {**chosen.changes, **dict(parameters or {})}
    library = simulator.defaults
    exchange = "Counter-electrode exchange current [A]"
    changes.setdefault(exchange, library[exchange] * AREA_M2 / library["Electrode area [m2]"])
    offset = changes.get("Anode potential [V]", 0.0)
    low, high = (library[f"{which} voltage cut-off [V]"] - offset for which in ("Lower", "Upper"))
    changes |= {"Lower voltage cut-off [V]": low, "Upper voltage cut-off [V]": high}
    slow = [f"Charge at {SLOW} until {high:g} V", f"Discharge at {SLOW} until {low:g} V"]
    charged = simulator.run(programme.parse([*slow, slow[0]], one_c_ma_g), changes)
    if charged.stopped:
        raise SimulationError(charged.stopped, advice="Is the stack one that can be charged at all?")
    mass = simulator.parameters(changes)["Active mass [g]"]
    points = []
    for rate in rates:
        step = programme.parse([f"Discharge at {rate:.6f}C until {low:g} V"], one_c_ma_g)
        try:
            run = simulator.run(step, changes, start=charged.final)
        except SimulationError as error:
            points.append(RagonePoint(rate, 0.0, 0.0, 0.0, 0.0, str(error)))
            continue
        given = 1e3 * float(run.ends[_THROUGH][-1] - charged.ends[_THROUGH][-1]) * run.host_ah / mass  # mAh/g
        energy = 1e3 * float(run.ends[_ENERGY][-1] - charged.ends[_ENERGY][-1])  # mWh/cm²
        if given < _NOTHING_MAH_G:
            why = run.stopped or "the current alone takes the voltage below its limit"
            points.append(RagonePoint(rate, 0.0, 0.0, 0.0, 0.0, why))
            continue
        per_kg = 1e3 * energy / stack.mass_mg_cm2
        hours = given / (rate * one_c_ma_g)
        points.append(RagonePoint(rate, given, energy / (given * mass), per_kg, per_kg / hours, run.stopped))
    return tuple(points)


_NOTHING_MAH_G = 0.1

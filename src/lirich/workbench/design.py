"""The verb *design-cell*: from a cathode to the energy of a stack, what a target needs, and energy against power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lirich.cells.design import DESIGNS, PUBLISHED, SHEET, Design, RagonePoint, Way, design, ragone, way_to
from lirich.errors import InputError
from lirich.workbench.extras import need_cells

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.workspace import Workspace

RATES = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
ONE_C_MA_G = 250.0
AREA_RESISTANCE_OHM_CM2 = 15.0
"""Of separator, anode and foils (guess): the physics of the half-cell does not hold them."""


def design_of(
    name: str,
    changes: Mapping[str, float] | None = None,
    *,
    cell: str | None = None,
    workspace: Workspace | None = None,
) -> Design:
    """Return a design with *changes*; the cathode's capacity and mean voltage are those of a *cell* where one is named.

    Raises `UnknownNameError`, `NotEnoughDataError` for a cell without these values, and `SettingsError`.
    """
    stack = design(name)
    if cell is not None:
        if workspace is None:
            raise InputError(f"The cell {cell!r} is in no workspace", advice="--workspace FOLDER")
        view = workspace.cells[cell]
        capacity, voltage = (
            max((v for v in view.values if v.quantity == key), key=lambda v: v.value, default=None) or view.value(key)
            for key in ("discharge_specific_capacity_mah_g", "mean_discharge_voltage_v")
        )
        stack = stack.changed(
            {"cathode_capacity_mah_g": capacity.value, "cathode_potential_v": voltage.value},
            f"{view.origin} in the cell {cell}",
        )
    return stack.changed(changes) if changes else stack


def simulated_ragone(
    stacks: Sequence[Design],
    *,
    rates: Sequence[float] = RATES,
    parameters: Mapping[str, float] | None = None,
    area_resistance_ohm_cm2: float = AREA_RESISTANCE_OHM_CM2,
) -> dict[str, tuple[RagonePoint, ...]]:
    """Return energy against power of *stacks*, with the discharges of the single-particle model at each rate."""
    need_cells("Energy against power from the physics")
    from lirich.cells.study import discharges

    found = discharges(rates, one_c_ma_g=ONE_C_MA_G, changes=parameters)
    return {
        stack.name: ragone(stack, found, one_c_ma_g=ONE_C_MA_G, area_resistance_ohm_cm2=area_resistance_ohm_cm2)
        for stack in stacks
    }


def to_dict(stack: Design) -> dict[str, Any]:
    """Return a design as JSON: energies, layers, assumptions with sources."""
    return {
        "design": stack.name,
        "origin": "computed",
        "stack_energy_density_wh_kg": stack.stack_wh_kg,
        "stack_energy_density_wh_l": stack.stack_wh_l,
        "cell_energy_density_wh_kg": stack.cell_wh_kg,
        "cell_energy_density_wh_l": stack.cell_wh_l,
        "voltage_v": stack.voltage_v,
        "layers": [
            {"name": x.name, "mass_mg_cm2": x.mass_mg_cm2, "thickness_um": x.thickness_um} for x in stack.layers
        ],
        "assumptions": [
            {"name": a.name, "value": a.value, "guess": a.guess, "source": a.source} for a in stack.assumptions.values()
        ],
    }


def way_dict(way: Way) -> dict[str, Any]:
    """Return what a target needs as JSON."""
    return {
        "target_wh_kg": way.target_wh_kg,
        "reached": way.reached,
        "stack_wh_kg": way.end.stack_wh_kg,
        "needed_capacity_mah_g": way.needed_capacity_mah_g,
        "moves": [
            {
                "assumption": m.name,
                "before": m.before,
                "after": m.after,
                "limit": m.limit,
                "why": m.why,
                "stack_wh_kg": m.stack_wh_kg,
            }
            for m in way.moves
        ],
    }


def figures_of(
    stacks: Sequence[Design], ways: Sequence[Way] = (), lines: Mapping[str, Sequence[RagonePoint]] | None = None
) -> list[Figure]:
    """Return the figures: masses, what each target needs, energy against power."""
    from lirich.plots import designs as plots

    drawn = [
        plots.stack_masses({s.name: (s.stack_wh_kg, {x.name: x.mass_mg_cm2 for x in s.layers}) for s in stacks}),
        *(
            plots.way(
                w.target_wh_kg, [(f"{m.name} {m.after:.3g}", m.stack_wh_kg) for m in w.moves], w.start.stack_wh_kg
            )
            for w in ways
        ),
    ]
    if lines:
        drawn.append(
            plots.ragone(
                {name: [(p.rate_c, p.stack_wh_kg, p.stack_w_kg) for p in points] for name, points in lines.items()},
                note="Simulated: the single-particle half-cell at each rate. Transport in the electrolyte of a thick "
                f"electrode is not in it beyond {AREA_RESISTANCE_OHM_CM2:g} Ω cm² (a guess): powers are upper bounds.",
            )
        )
    return drawn


__all__ = [
    "DESIGNS",
    "PUBLISHED",
    "SHEET",
    "design_of",
    "figures_of",
    "simulated_ragone",
    "to_dict",
    "way_dict",
    "way_to",
]

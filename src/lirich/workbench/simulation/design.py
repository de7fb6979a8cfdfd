"""The verb *design-cell*: from a cathode to the energy of a stack, what a target needs, and energy against power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lirich.cells.design import DESIGNS, PUBLISHED, SHEET, Design, Way, design, way_to
from lirich.cells.design_doubts import doubts
from lirich.errors import InputError, MissingMetadataError, SettingsError, SimulationError
from lirich.model.counter import COUNTER_ELECTRODES, counter_electrode, counter_potential_v
from lirich.workbench.extras import need_cells

if TYPE_CHECKING:
    from lirich.cells.ragone import RagonePoint
    from lirich.plots import Figure
    from lirich.workbench import CellView
    from lirich.workbench.workspace import Workspace

RATES = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
ONE_C_MA_G = 250.0


@dataclass(frozen=True, slots=True)
class RagoneLine:
    """Energy against power of a stack: the points, which model gave them, and why there are none where there are none.

    ``model`` says in words what ran: the model, its electrolyte, stack pressure, separator and anode.
    """

    model: str
    points: tuple[RagonePoint, ...]
    failed: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON."""
        points = [
            {
                "rate_c": p.rate_c,
                "capacity_mah_g": p.capacity_mah_g,
                "voltage_v": p.voltage_v,
                "stack_wh_kg": p.stack_wh_kg,
                "stack_w_kg": p.stack_w_kg,
                "stopped": p.stopped,
            }
            for p in self.points
        ]
        return {"origin": "simulated", "model": self.model, "failed": self.failed, "points": points}


def design_of(
    name: str,
    changes: Mapping[str, float] | None = None,
    *,
    cell: str | None = None,
    workspace: Workspace | None = None,
) -> Design:
    """Return a design with *changes*; the cathode's capacity and mean voltage are those of a *cell* where one is named.

    The potentials of a design are against Li: the voltage of a cell against Li-In is converted, which its source says.
    Raises `UnknownNameError`, `NotEnoughDataError` for a cell without these values, `MissingMetadataError` where nobody
    knows what its voltage is against, and `SettingsError`.
    """
    stack = design(name)
    if cell is not None:
        if workspace is None:
            raise InputError(f"The cell {cell!r} is in no workspace", advice="--workspace FOLDER")
        view = workspace.cells[cell]
        against, potential = _against(view)
        capacity, voltage = (
            max((v for v in view.values if v.quantity == key), key=lambda v: v.value, default=None) or view.value(key)
            for key in ("discharge_specific_capacity_mah_g", "mean_discharge_voltage_v")
        )
        source = f"{view.origin} in the cell {cell}"
        stack = stack.changed({"cathode_capacity_mah_g": capacity.value}, source)
        converted = f", {voltage.value:.4g} V against {against} + {potential:g} V" if potential else ", against Li"
        stack = stack.changed({"cathode_potential_v": voltage.value + potential}, source + converted)
    return stack.changed(changes) if changes else stack


def _against(view: CellView) -> tuple[str, float]:
    """Return the counter electrode of a half-cell and its potential, V vs Li. Raises `MissingMetadataError`."""
    stated = view.facts.counter_electrode
    potential = counter_potential_v(stated)
    if view.facts.electrode == "full":
        raise MissingMetadataError(
            f"The voltage of the full cell {view.key} is against {stated or 'an anode that nobody named'}, whose "
            "potential moves with its charge",
            expected="a half-cell: the potential of a cathode in a design is against Li",
            advice="--set cathode_potential_v=… of a measurement with a reference electrode",
        )
    if stated is None or potential is None:
        raise MissingMetadataError(
            f"What the voltage of {view.key} is against is not known (counter electrode: {stated or 'not stated'})",
            expected=f"a half-cell with a counter_electrode of {', '.join(COUNTER_ELECTRODES)}",
            advice="State its counter_electrode, or give --set cathode_potential_v=… against Li",
        )
    return counter_electrode(stated).name, potential


def simulated_ragone(
    stacks: Sequence[Design], *, rates: Sequence[float] = RATES, parameters: Mapping[str, float] | None = None
) -> dict[str, RagoneLine]:
    """Return energy against power of *stacks*, each by the cell model that stands for it.

    A stack that its model refuses, or cannot solve, is a line without points that says why.
    """
    need_cells("Energy against power from the physics")
    from lirich.cells.ragone import model_of, ragone

    lines = {}
    for stack in stacks:
        words = ""
        try:
            words = model_of(stack).words
            points = ragone(stack, rates, one_c_ma_g=ONE_C_MA_G, parameters=parameters)
            lines[stack.name] = RagoneLine(words, points)
        except (SettingsError, SimulationError) as error:
            lines[stack.name] = RagoneLine(words, (), str(error))
    return lines


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
        "findings": [f.model_dump(mode="json") for f in doubts(stack)],
    }


def way_dict(way: Way) -> dict[str, Any]:
    """Return what a target needs as JSON."""
    return {
        "target_wh_kg": way.target_wh_kg,
        "reached": way.reached,
        "already": way.already,
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
                "derived": m.derived,
            }
            for m in way.moves
        ],
        "findings": [f.model_dump(mode="json") for f in doubts(way.end)],
    }


def figures_of(
    stacks: Sequence[Design], ways: Sequence[Way] = (), lines: Mapping[str, RagoneLine] | None = None
) -> list[Figure]:
    """Return the figures: masses, what each target needs, energy against power."""
    from lirich.plots import designs as plots

    drawn = [
        plots.stack_masses({s.name: (s.stack_wh_kg, {x.name: x.mass_mg_cm2 for x in s.layers}) for s in stacks}),
        *(
            plots.way(
                w.target_wh_kg,
                [(f"{m.name} {m.after:.3g}", m.stack_wh_kg) for m in w.moves if not m.derived],
                w.start.stack_wh_kg,
            )
            for w in ways
            if w.moves
        ),
    ]
    drawable = {
        name: [(p.rate_c, p.stack_wh_kg, p.stack_w_kg) for p in line.points if p.stack_w_kg > 0 and not p.stopped]
        for name, line in (lines or {}).items()
    }
    drawable = {name: points for name, points in drawable.items() if points}
    if lines and drawable:
        said = "; ".join(f"{name}: {lines[name].model}" for name in drawable)
        drawn.append(plots.ragone(drawable, note=f"Simulated. {said}. Discharges that stopped early are not drawn."))
    return drawn


__all__ = [
    "DESIGNS",
    "PUBLISHED",
    "SHEET",
    "RagoneLine",
    "design_of",
    "doubts",
    "figures_of",
    "simulated_ragone",
    "to_dict",
    "way_dict",
    "way_to",
]

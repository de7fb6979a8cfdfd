"""Figures of screened solids: windows, reactions with the neighbours, and the stack that a candidate makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lirich.plots import reactions, stack, windows
from lirich.screening.candidate import Z_OF_LEVEL, Estimate
from lirich.screening.solids_found import OXIDATION, REDUCTION, Contacted, Layer
from lirich.workbench.solids.interface_figures import by_amount, how, listed

if TYPE_CHECKING:
    from lirich.plots import Figure

_WITHHELD = "withheld: "
ROLES: Mapping[str, str] = {"cathode": "cathode", "layer": "within", "electrolyte": "electrolyte"}
"""Groups of the columns of a map."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a map: what it is called, and its contacts."""

    name: str
    contacts: Sequence[Contacted]


def solid_windows(layers: Sequence[Layer], cathode_v: tuple[float, float]) -> Figure:
    """Return the windows of solids beside the voltages of the cathode; of those that failed there is none.

    Raises `InputError` without any.
    """
    bars = [
        windows.WindowBar(each.formula, _end(each, REDUCTION, "reduced"), _end(each, OXIDATION, "oxidised"), each.grade)
        for each in layers
        if not each.failure
    ]
    return windows.window_bars(bars, cathode=cathode_v)


def _end(layer: Layer, key: str, becomes: str) -> windows.End:
    figure = layer.figures.get(key)
    if figure is None:
        why = layer.missing.get(key, "not computed")
        return windows.End(None, reason=why.removeprefix(_WITHHELD), withheld=why.startswith(_WITHHELD))
    return windows.End(figure.value, figure.low, figure.high, listed(layer.becomes.get(becomes)))


def solid_map(rows: Sequence[Row], *, voltage: float | None, cathode: str) -> Figure:
    """Return the reactions of solids with all neighbours that any of them has: closed, or at the *voltage*.

    Two layers of a coating stand in one column, whatever they are.
    """
    columns: list[tuple[str, str]] = []
    there: list[dict[tuple[str, str], Contacted]] = []
    for row in rows:
        own = {_place(c): c for c in row.contacts if c.voltage == voltage}
        there.append(own)
        columns += [place for place in own if place not in columns]
    order = [*ROLES, *(group for group, _ in columns if group not in ROLES)]
    columns.sort(key=lambda place: order.index(place[0]))
    figure = reactions.reaction_map(
        [row.name for row in rows],
        [reactions.Neighbour(name, ROLES.get(group, group)) for group, name in columns],
        [[_cell(own.get(place), place) for place in columns] for own in there],
        how=how(voltage),
    )
    return replace(figure, note=f"{figure.note} Cathode: {cathode}.")


def _place(contact: Contacted) -> tuple[str, str]:
    name = "its layers" if contact.neighbour == "layer" else contact.name.removesuffix(", mixture")
    return contact.neighbour, name


def _cell(contact: Contacted | None, place: tuple[str, str]) -> reactions.Cell:
    if contact is None:
        why = "one layer" if place[0] == "layer" else "no such contact"
        return reactions.Cell(None, reason=why, mark="–")
    energy = contact.energy
    return reactions.Cell(
        energy.value, _sd(energy), contact.grade, listed(contact.products), "; ".join(energy.doubts)
    )  # fmt: skip


def _sd(energy: Estimate) -> float | None:
    """Return the standard deviation that the interval stands for, as that of a normal distribution."""
    return None if energy.low is None or energy.high is None else (energy.high - energy.low) / (2.0 * Z_OF_LEVEL)


def solid_stack(
    cathode: str,
    layers: Sequence[str],
    electrolyte: str,
    contacts: Sequence[Contacted],
    *,
    bare: Sequence[Contacted] = (),
    voltage: float | None = None,
    title: str = "",
) -> Figure:
    """Return cathode | layers | electrolyte with what happens between them: closed, or at the *voltage*.

    *bare* are the contacts of the electrolyte itself with the cathode.
    """
    here = [c for c in contacts if c.voltage == voltage]
    touches = [[_touch(c) for c in here if c.neighbour == "cathode"]]
    if len(layers) > 1:
        touches.append([_touch(c) for c in here if c.neighbour == "layer"])
    touches.append([_touch(c) for c in here if c.neighbour == "electrolyte" and c.name == electrolyte])
    solids = [stack.Layer(cathode, "cathode"), *(stack.Layer(each, "coating") for each in layers)]
    unknown = [stack.Touch("", None, reason="not computed")]
    return stack.interface_stack(
        [*solids, stack.Layer(electrolyte, "electrolyte")],
        [each or unknown for each in touches],
        bare=[_touch(c) for c in bare if c.voltage == voltage],
        how=how(voltage),
        title=title or " | ".join(layers),
    )


def _touch(contact: Contacted) -> stack.Touch:
    state = contact.name.removesuffix(", mixture") if contact.neighbour == "cathode" else ""
    sd = _sd(contact.energy)
    return stack.Touch(state, contact.energy.value, sd, tuple(by_amount(contact.products)), contact.grade)


def electrolyte_stack(cathode: str, electrolyte: str, anode: str | None, contacts: Sequence[Contacted]) -> Figure:
    """Return cathode | electrolyte (| anode), closed, with what happens between them."""
    closed = [c for c in contacts if c.voltage is None]
    unknown = [stack.Touch("", None, reason="not computed")]
    solids = [stack.Layer(cathode, "cathode"), stack.Layer(electrolyte, "electrolyte")]
    touches = [[_touch(c) for c in closed if c.neighbour == "cathode"] or unknown]
    if anode:
        solids.append(stack.Layer(anode, "anode"))
        touches.append([_touch(c) for c in closed if c.neighbour == "anode"] or unknown)
    return stack.interface_stack(solids, touches, title=f"{electrolyte} in a cell")

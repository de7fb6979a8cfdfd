"""The figures of the verb *interface*: from windows, contacts and stacks to the plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lirich.plots import mixing as mixing_plots
from lirich.plots import reactions, stack, windows
from lirich.workbench.solids.interface import SAME, Met, ReactionMap, Stack

if TYPE_CHECKING:
    from lirich.interfaces.contact import Contact
    from lirich.interfaces.mixing import Mixing
    from lirich.interfaces.windows import Limit, Window
    from lirich.plots import Figure

CATHODE_V = (2.0, 4.8)
"""Lowest and highest potential of a Li-rich cathode: the range of its usual first cycle."""


def how(voltage: float | None) -> str:
    """Return ``closed`` or ``at 4.5 V``."""
    return "closed" if voltage is None else f"at {voltage:g} V"


def listed(products: Mapping[str, float] | None) -> str:
    """Return products as a sum of formulas, the most first; amounts are in the tables."""
    return " + ".join(by_amount(products or {}))


def by_amount(products: Mapping[str, float]) -> list[str]:
    """Return the formulas of products, the most first."""
    return sorted(products, key=lambda formula: (-products[formula], formula))


def window_figure(
    found: Sequence[Window], cathode_v: tuple[float, float] | None = CATHODE_V, name: str = "cathode"
) -> Figure:
    """Return the windows as bars beside the voltages of the cathode."""
    return windows.window_bars([_bar(one) for one in found], cathode=cathode_v, cathode_name=name)


def _bar(found: Window) -> windows.WindowBar:
    return windows.WindowBar(found.formula, _end(found.reduction), _end(found.oxidation), found.coverage.grade)


def _end(limit: Limit) -> windows.End:
    return windows.End(
        limit.voltage, limit.low, limit.high, listed(limit.products), limit.reason, limit.withheld
    )  # fmt: skip


def map_figure(found: ReactionMap) -> Figure:
    """Return the map of materials against their neighbours."""
    neighbours = [reactions.Neighbour(name, group) for name, group in found.neighbours]
    cells = [[_cell(each) for each in row] for row in found.met]
    figure = reactions.reaction_map(found.materials, neighbours, cells, how=how(found.voltage))
    closed = " Lithium metal is met closed." if found.voltage is not None and _anode(found) else ""
    return replace(figure, note=f"{figure.note} Cathode: {found.cathode}.{closed}")


def _anode(found: ReactionMap) -> bool:
    return any(group == "anode" for _, group in found.neighbours)


def _cell(met: Met) -> reactions.Cell:
    if met.contact is None:
        return reactions.Cell(None, reason=met.reason, mark="–" if met.reason == SAME else "?")
    contact = met.contact
    return reactions.Cell(
        1000.0 * contact.energy_ev_atom,
        None if contact.sd is None else 1000.0 * contact.sd,
        contact.coverage.grade,
        listed(contact.products),
    )


def mixing_figure(found: Sequence[Mixing], b: str = "") -> Figure:
    """Return the gain over the mixing ratio, one line for each; *b* names the second solid of several states."""
    several = len(found) > 1
    lines = [
        mixing_plots.Line(
            one.b.removesuffix(", mixture") if several else "gain",
            tuple(
                mixing_plots.Point(
                    100.0 * k.share_a,
                    1000.0 * k.energy_ev_atom,
                    None if k.low is None else 1000.0 * k.low,
                    None if k.high is None else 1000.0 * k.high,
                    listed(k.products),
                )
                for k in one.kinks
            ),
        )
        for one in found
    ]
    return mixing_plots.mixing_ratio(found[0].a, b or found[0].b, lines, how=how(found[0].voltage))


def stack_figure(found: Stack) -> Figure:
    """Return the stack with what happens at each of its interfaces."""
    return stack.interface_stack(
        [stack.Layer(formula, role) for formula, role in found.layers],
        [[_touch(each) for each in row] for row in found.met],
        bare=[_touch(each) for each in found.bare],
        how=how(found.voltage),
    )


def contact_figure(found: Sequence[Contact], b: str, cathode: bool) -> Figure:
    """Return two solids that touch, with the contact in each state of the second."""
    met = [_touch(Met(_condition(one) if len(found) > 1 else "", one)) for one in found]
    layers = [stack.Layer(found[0].a, "first solid"), stack.Layer(b, "cathode" if cathode else "second solid")]
    return stack.interface_stack(layers, [met], how=how(found[0].voltage))


def _condition(contact: Contact) -> str:
    return contact.b.removesuffix(", mixture")


def _touch(met: Met) -> stack.Touch:
    if met.contact is None:
        return stack.Touch(met.condition, None, reason=met.reason)
    contact = met.contact
    return stack.Touch(
        met.condition,
        1000.0 * contact.energy_ev_atom,
        None if contact.sd is None else 1000.0 * contact.sd,
        tuple(by_amount(contact.products)),
        contact.coverage.grade,
    )

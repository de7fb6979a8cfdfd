"""The figures of a screening of phases, from its result to the plots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lirich.model.format import format_signed, format_signed_span
from lirich.plots.phases import Step, energies
from lirich.plots.ternary import ternary, ternary_values
from lirich.screening.candidate import LEVEL
from lirich.workbench.solids.phases_result import QUANTITY

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.screening.phase_study import MappedPoint, Order
    from lirich.workbench.solids.phases_result import PhasesResult


def figures_of(result: PhasesResult) -> list[Figure]:
    """Return the map, the half-widths of its intervals, the computed energies; what there is nothing of is left out."""
    screened = result.screened
    corners = screened.study.corners
    drawn: list[Figure] = []
    computed = np.array([p.shares for p in screened.computed]).reshape(-1, 3)
    if screened.answers:
        shares = np.array([a.shares for a in screened.answers])
        drawn.append(
            ternary(
                shares,
                [a.phase for a in screened.answers],
                corners=corners,
                hover=[words(a) for a in screened.answers],
                computed=computed,
                computed_hover=[f"{p.formula} (computed)" for p in screened.computed],
                following=np.array([p.shares for p in screened.following]).reshape(-1, 3),
                title="Order of the lowest energy",
                note=f"Coloured where the {LEVEL:.0%} interval of one order lies below the others; grey: cannot tell.",
            )
        )
        for phase in QUANTITY:
            widths = [_half_width(a, phase) for a in screened.answers]
            known = [w for w in widths if w is not None]
            if len(known) == len(widths):
                drawn.append(
                    ternary_values(
                        shares,
                        known,
                        corners=corners,
                        unit="meV/atom",
                        computed=computed,
                        title=f"How surely {phase} is told",
                        note=f"Half the width of the {LEVEL:.0%} interval of the energy of {phase} over layered.",
                    )
                )
    if screened.computed:
        steps = [
            Step(p.formula, {phase: list(_over_layered(p.energies_ev_atom, phase)) for phase in QUANTITY})
            for p in screened.computed
        ]
        drawn.append(energies(steps))
    return drawn


def words(point: MappedPoint) -> str:
    """Say what the map tells of a composition: ``LiCoO2: cannot tell; over layered spinel +1 (−4 … +7) meV/atom``."""
    parts = []
    for phase, (value, low, high) in point.over_layered_mev_atom.items():
        interval = format_signed_span(low, high, decimals=0) or "no interval"
        parts.append(f"{phase} {format_signed(value, decimals=0)} ({interval})")
    return f"{point.formula}: {point.phase or 'cannot tell'}; over layered {', '.join(parts)} meV/atom"


def _half_width(point: MappedPoint, phase: Order) -> float | None:
    _, low, high = point.over_layered_mev_atom[phase]
    return None if low is None or high is None else (high - low) / 2


def _over_layered(energies_ev_atom: Mapping[Order, tuple[float, ...]], phase: Order) -> list[float]:
    lowest = min(energies_ev_atom["layered"])
    return [1000.0 * (energy - lowest) for energy in energies_ev_atom[phase]]

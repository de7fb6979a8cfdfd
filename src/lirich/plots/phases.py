"""Figure of the orders of the cations at computed compositions: each relaxed cell over the lowest layered one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure

_LOOKS = MappingProxyType({"spinel": ("#E69F00", "square-open"), "rock salt": ("#CC79A7", "circle-open")})
_OTHER = ("#8C564B", "x-open")


@dataclass(frozen=True, slots=True)
class Step:
    """A composition: for each order the energies of its cells over the lowest layered one, meV/atom."""

    formula: str
    over_layered: Mapping[str, Sequence[float]]


def energies(steps: Sequence[Step]) -> Figure:
    """Draw the energy of each cell of each composition, that of the lowest cell on top."""
    ordered = sorted(steps, key=lambda s: min((e for each in s.over_layered.values() for e in each), default=0.0))[::-1]
    traces: list[dict[str, Any]] = []
    for phase in dict.fromkeys(phase for s in ordered for phase in s.over_layered):
        colour, symbol = _LOOKS.get(phase, _OTHER)
        points = [(e, s.formula) for s in ordered for e in s.over_layered.get(phase, ())]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": phase,
                "x": style.numbers([e for e, _ in points]),
                "y": [style.plain(formula) for _, formula in points],
                "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1.6}},
                "hovertemplate": f"%{{y}} as {phase}: %{{x:.1f}} meV/atom over layered<extra></extra>",
            }
        )
    said = "; ".join(
        f"{s.formula} " + ", ".join(f"{phase} {min(each):.0f}" for phase, each in s.over_layered.items() if each)
        for s in ordered[::-1]
    )
    return Figure(
        title="Energies of the computed cells",
        alt=f"Energy over layered of the lowest cell, meV/atom: {said}.",
        data=traces,
        layout=style.layout(
            showlegend=True,
            height=150 + 24 * len(ordered),
            xaxis=style.axis("Energy over layered (meV/atom)", zeroline=True, zerolinecolor="#9AA5AD"),
            yaxis=style.axis("", type="category"),
            annotations=origin_label(Origin.COMPUTED),
        ),
        note="Each mark is a relaxed cell; 0 is the lowest layered cell of the same atoms.",
    )

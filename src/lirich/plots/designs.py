"""Figures of cell designs: what a stack weighs, what a target needs, energy against power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.traces import bars, level, line

_LAYERS = {
    "aluminium foil, half": "#B8C2CA",
    "cathode": "#0072B2",
    "separator": "#F0E442",
    "solid electrolyte": "#E69F00",
    "electrolyte": "#56B4E9",
    "lithium": "#CC79A7",
    "anode": "#5B6770",
    "copper foil, half": "#D55E00",
}


def stack_masses(stacks: Mapping[str, tuple[float, Mapping[str, float]]]) -> Figure:
    """Draw the mass of each layer (g per Wh of the stack) as bars; *stacks* maps a name to (Wh/kg, layer → mg/cm²)."""
    traces: list[dict[str, Any]] = []
    names = list(stacks)
    for layer, colour in _LAYERS.items():
        parts = []
        for energy, layers in stacks.values():
            total = sum(layers.values())
            parts.append(layers.get(layer, 0.0) / total * 1e3 / energy if total else 0.0)
        if any(parts):
            drawn = bars([style.plain(n) for n in names], parts, layer, colour, 5)
            traces.append({**drawn, "hovertemplate": f"{layer}: %{{x:.3g}} g/Wh<extra></extra>"})
    return Figure(
        title="Mass of a stack per Wh",
        alt="Mass per watt-hour by layer: " + ", ".join(f"{n} {e:.0f} Wh/kg" for n, (e, _) in stacks.items()) + ".",
        data=traces,
        layout=style.layout(
            barmode="stack",
            showlegend=True,
            height=140 + 44 * len(names),
            xaxis=style.axis("Mass per energy of the stack (g/Wh)"),
            yaxis=style.axis("", autorange="reversed"),
        ),
        note="Computed from the assumptions of lirich.cells.design; guesses are flagged there.",
    )


def way(target: float, steps: Sequence[tuple[str, float]], start: float) -> Figure:
    """Draw the Wh/kg of the stack after each changed assumption; *steps* are (what, Wh/kg after it)."""
    names = ["as it is", *(style.plain(n) for n, _ in steps)]
    values = [start, *(v for _, v in steps)]
    return Figure(
        title=f"What {target:g} Wh/kg needs",
        alt=f"Specific energy of the stack from {start:.0f} Wh/kg after each change: "
        + ", ".join(f"{n} {v:.0f}" for n, v in steps)
        + ".",
        data=[
            {
                "type": "bar",
                "x": names,
                "y": style.numbers(values),
                "marker": {"color": style.SC_COLOUR},
                "hovertemplate": "%{x}: %{y:.0f} Wh/kg<extra></extra>",
            }
        ],
        layout=style.layout(
            xaxis=style.axis(""),
            yaxis=style.axis("Stack (Wh/kg)", rangemode="tozero"),
            shapes=[level(target, style.PC_COLOUR, 1.5)],
        ),
        note="Each bar keeps the changes of those before it; the last is solved for.",
    )


def ragone(lines: Mapping[str, Sequence[tuple[float, float, float]]], *, note: str = "") -> Figure:
    """Draw energy against power; *lines* maps a name to (rate in C, Wh/kg, W/kg)."""
    colours = style.group_colours(list(lines))
    return Figure(
        title="Energy against power",
        alt="Specific energy of the stack against its specific power: "
        + "; ".join(f"{name} " + ", ".join(f"{e:.0f} Wh/kg at {r:g}C" for r, e, _ in p) for name, p in lines.items())
        + ".",
        data=[
            line(
                style.plain(name),
                [w for _, _, w in points],
                [e for _, e, _ in points],
                colours[name],
                Origin.SIMULATED,
                hover="%{text}: %{y:.0f} Wh/kg, %{x:.0f} W/kg",
                marker=8,
                text=[f"{r:g}C" for r, _, _ in points],
            )
            for name, points in lines.items()
        ],
        layout=style.layout(
            showlegend=True,
            xaxis=style.axis("Specific power of the stack (W/kg)", type="log"),
            yaxis=style.axis("Specific energy of the stack (Wh/kg)", rangemode="tozero"),
        ),
        note=note,
    )

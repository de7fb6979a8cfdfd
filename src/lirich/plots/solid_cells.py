"""Figure of solid-state cells with and without coatings: resistance of the interface and capacity, with bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure
from lirich.plots.traces import line, stacked

Array = NDArray[np.float64]
Courses = Mapping[str, Mapping[str, tuple[Array, Array]]]

_LEAST_OHM_CM2 = 0.1
"""Where a logarithmic axis begins for what has no resistance."""


def solid_cells(courses: Courses, without: Array, electrolyte: str, rate: str) -> Figure:
    """Draw the resistance of layer and coating, and the capacity, over cycles; bands from low to high.

    *courses* has, per cell, the scenarios ``low``, ``central`` and ``high`` with resistance (Ω cm² of contact) and
    discharge capacity (mAh/g), each of shape (cycles,). *without* is the capacity of the cell without any layer.
    """
    origin = Origin.SIMULATED
    colours = style.group_colours(tuple(courses))
    traces: list[dict[str, Any]] = []
    said = []
    for name, scenarios in courses.items():
        for place, axis, unit in ((0, "y", "Ω cm²"), (1, "y2", "mAh/g")):
            low, central, high = (np.asarray(scenarios[each][place]) for each in ("low", "central", "high"))
            cycles = np.arange(1.0, central.size + 1)
            least = _LEAST_OHM_CM2 if place == 0 else 0.0
            bottom, top = (np.maximum(f(f(low, central), high), least) for f in (np.minimum, np.maximum))
            shown = style.plain(name)
            traces.append(_band(cycles, bottom, top, colours[name], shown, axis))
            hover = f"{shown}<br>cycle %{{x}}: %{{y:.3g}} {unit}"
            middle = np.maximum(central, least)
            more: dict[str, Any] = {"yaxis": axis, "legendgroup": shown, "showlegend": place == 0}
            traces.append(line(shown, cycles, middle, colours[name], origin, hover=hover, **more))
            if place == 0:
                said.append(f"{name}: {central[-1]:.2g} ({bottom[-1]:.2g} to {top[-1]:.2g}) Ω cm²")
            else:
                said[-1] += f" and {central[-1]:.0f} ({bottom[-1]:.0f} to {top[-1]:.0f}) mAh/g"
    cycles = np.arange(1.0, np.asarray(without).size + 1)
    free = "no layer at all"
    traces.append(
        line(free, cycles, without, style.NEUTRAL, origin, hover=f"{free}<br>cycle %{{x}}: %{{y:.3g}} mAh/g",
             width=1.2, yaxis="y2")
    )  # fmt: skip
    layout = stacked(
        style.cycle_axis(cycles.tolist()),
        (1.0, style.axis("Resistance (Ω cm² of contact)", type="log", exponentformat="power", dtick=1)),
        (1.0, style.axis(f"Capacity at {rate} (mAh/g)")),
        showlegend=True,
        height=620,
        annotations=origin_label(origin),
    )
    return Figure(
        title=f"Cathode and {electrolyte}: what stands between, and what the cell gives",
        alt=f"After {cycles.size} cycles — " + "; ".join(said) + f"; with no layer at all {without[-1]:.0f} mAh/g.",
        data=traces,
        layout=layout,
        note="Bands: all that is uncertain on the side of little resistance, and on the side of much. They are bounds "
        "of what is believed, no interval of a probability; within one band, low belongs to low of the others.",
    )


def _band(cycles: Array, low: Array, high: Array, colour: str, name: str, axis: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": style.numbers(np.concatenate([cycles, cycles[::-1]])),
        "y": style.numbers(np.concatenate([low, high[::-1]])),
        "fill": "toself",
        "fillcolor": style.see_through(colour, 0.14),
        "line": {"width": 0.6, "color": style.see_through(colour, 0.6)},
        "hoverinfo": "skip",
        "legendgroup": name,
        "showlegend": False,
        "name": name,
        "yaxis": axis,
    }

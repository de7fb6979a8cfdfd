"""Figures of fits: measured curves beside the simulation, what is left over, and profiles of the likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure

Array = NDArray[np.float64]


def fitted_curves(curves: Sequence[tuple[str, str, Array, Array, Array]], *, note: str = "") -> Figure:
    """Draw V(Q) measured (solid) and simulated (dashed), and the residuals below.

    *curves* are (name, direction, capacity (n,) in mAh/g, measured (n,) in V, simulated (n,) in V).
    """
    traces: list[dict[str, Any]] = []
    rmse = []
    names = sorted({name.rsplit(" ", 1)[0] for name, *_ in curves})
    for name, direction, capacity, measured, simulated in curves:
        colour = style.CHARGE_COLOUR if direction == "charge" else style.DISCHARGE_COLOUR
        if len(names) > 1 and name.rsplit(" ", 1)[0] != names[0]:
            colour = style.POLARISATION_COLOUR if direction == "charge" else style.CAPACITY_COLOUR
        left = 1e3 * (simulated - measured)
        rmse.append(f"{name} {np.sqrt(np.mean(left**2)):.1f} mV")
        traces += [
            _line(f"{name}, measured", capacity, measured, colour, Origin.MEASURED, "y"),
            _line(f"{name}, simulated", capacity, simulated, colour, Origin.SIMULATED, "y"),
            {**_line(name, capacity, left, colour, Origin.SIMULATED, "y2"), "showlegend": False},
        ]
    return Figure(
        title="Fitted curves and residuals",
        alt="Voltage against specific capacity, measured and simulated, with the residuals below. Root mean square: "
        + ", ".join(rmse)
        + ".",
        data=traces,
        layout=style.layout(
            showlegend=True,
            height=520,
            xaxis=style.axis("Specific capacity (mAh/g)", anchor="y2"),
            yaxis=style.axis("Voltage (V)", domain=[0.36, 1.0]),
            yaxis2=style.axis("Simulated − measured (mV)", domain=[0.0, 0.28], zeroline=True, zerolinecolor="#9AA5AD"),
        ),
        note=note,
    )


def likelihood_profile(name: str, values: Array, excess: Array, low: float | None, high: float | None) -> Figure:
    """Draw Δχ² of a profile likelihood over a parameter, *values* (n,), with the 95 % line at 3.84."""
    ends = "open" if low is None or high is None else f"{low:.4g} to {high:.4g}"
    return Figure(
        title=f"Profile likelihood of {name}",
        alt=f"Rise of chi-square over {name} with every other parameter refitted; 95 % interval {ends}.",
        data=[
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": style.numbers(values),
                "y": style.numbers(excess),
                "line": {"color": style.STRUCTURE_COLOUR, "width": 1.6, "dash": style.DASHES[Origin.SIMULATED]},
                "marker": {"size": 7, "symbol": style.MARKERS[Origin.SIMULATED]},
                "hovertemplate": "%{x:.4g}<br>Δχ² %{y:.3g}<extra></extra>",
            }
        ],
        layout=style.layout(
            xaxis=style.axis(style.plain(name)),
            yaxis=style.axis("Δχ²", rangemode="tozero"),
            shapes=[
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": 3.841,
                    "y1": 3.841,
                    "line": {"color": style.NEUTRAL, "width": 1, "dash": "dot"},
                }
            ],
        ),
        note="Dotted: 95 % of one parameter (χ² of one degree of freedom).",
    )


def _line(name: str, x: Array, y: Array, colour: str, origin: Origin, axis: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": style.plain(name),
        "x": style.numbers(x),
        "y": style.numbers(y, 6),
        "yaxis": axis,
        "line": {"color": colour, "width": 1.8, "dash": style.DASHES[origin]},
        "hovertemplate": f"{style.plain(name)}<br>%{{x:.1f}} mAh/g, %{{y:.4g}}<extra></extra>",
    }

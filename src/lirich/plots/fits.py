"""Figures of fits: measured curves beside the simulation, what is left over, and profiles of the likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.traces import level, line, stacked

Array = NDArray[np.float64]

_OF_ONE_PARAMETER = 3.841
"""χ² of one degree of freedom that 95 % stay below."""


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
        traces += _with_residual(name, capacity, measured, simulated, colour, unit="mAh/g")
        rmse.append(_rmse(name, measured, simulated))
    return _over_residuals("Fitted curves and residuals", "Specific capacity (mAh/g)", traces, rmse, note)


def fitted_pulses(pulses: Sequence[tuple[str, Array, Array, Array]], *, note: str = "") -> Figure:
    """Draw V(t) of tests of pulses, measured (solid) and simulated (dashed), and the residuals below.

    *pulses* are (name, time (n,) in s, measured (n,) in V, simulated (n,) in V).
    """
    traces: list[dict[str, Any]] = []
    rmse = []
    for (name, time, measured, simulated), colour in zip(pulses, _PULSE_COLOURS * len(pulses), strict=False):
        traces += _with_residual(name, time / 3600.0, measured, simulated, colour, unit="h")
        rmse.append(_rmse(name, measured, simulated))
    return _over_residuals("Fitted pulses and residuals", "Time (h)", traces, rmse, note)


_PULSE_COLOURS = (style.CHARGE_COLOUR, style.DISCHARGE_COLOUR, style.POLARISATION_COLOUR)


def likelihood_profile(name: str, values: Array, excess: Array, low: float | None, high: float | None) -> Figure:
    """Draw Δχ² of a profile likelihood over a parameter, *values* (n,), with the 95 % line at 3.84."""
    ends = "open" if low is None or high is None else f"{low:.4g} to {high:.4g}"
    return Figure(
        title=f"Profile likelihood of {name}",
        alt=f"Rise of chi-square over {name} with every other parameter refitted; 95 % interval {ends}.",
        data=[
            line(
                style.plain(name),
                values,
                excess,
                style.STRUCTURE_COLOUR,
                Origin.SIMULATED,
                hover="%{x:.4g}<br>Δχ² %{y:.3g}",
                width=1.6,
                marker=7,
            )
        ],
        layout=style.layout(
            xaxis=style.axis(style.plain(name)),
            yaxis=style.axis("Δχ²", rangemode="tozero"),
            shapes=[level(_OF_ONE_PARAMETER, style.NEUTRAL)],
        ),
        note="Dotted: 95 % of one parameter (χ² of one degree of freedom).",
    )


def _rmse(name: str, measured: Array, simulated: Array) -> str:
    return f"{name} {1e3 * np.sqrt(np.mean((simulated - measured) ** 2)):.1f} mV"


def _with_residual(
    name: str, x: Array, measured: Array, simulated: Array, colour: str, *, unit: str
) -> list[dict[str, Any]]:
    left = 1e3 * (simulated - measured)
    return [
        _curve(f"{name}, measured", x, measured, colour, Origin.MEASURED, "y", unit=unit),
        _curve(f"{name}, simulated", x, simulated, colour, Origin.SIMULATED, "y", unit=unit),
        _curve(name, x, left, colour, Origin.SIMULATED, "y2", unit=unit, showlegend=False),
    ]


def _over_residuals(title: str, x_title: str, traces: list[dict[str, Any]], rmse: Sequence[str], note: str) -> Figure:
    return Figure(
        title=title,
        alt=f"Voltage against {x_title}, measured and simulated, with the residuals below. Root mean square: "
        + ", ".join(rmse)
        + ".",
        data=traces,
        layout=stacked(
            style.axis(x_title),
            (0.7, style.axis("Voltage (V)")),
            (0.3, style.axis("Residual (mV)", zeroline=True, zerolinecolor="#9AA5AD")),
            showlegend=True,
            height=520,
        ),
        note=f"{note} Residual: simulated − measured.".strip(),
    )


def _curve(
    name: str, x: Array, y: Array, colour: str, origin: Origin, axis: str, *, unit: str, **more: Any
) -> dict[str, Any]:
    hover = f"{style.plain(name)}<br>%{{x:.4g}} {unit}, %{{y:.4g}}"
    return line(style.plain(name), x, y, colour, origin, hover=hover, digits=6, yaxis=axis, **more)

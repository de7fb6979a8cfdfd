"""Figures of studies: the trade-off of a crystal radius, a figure over what was varied, sensitivities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.traces import bars, line, stacked

Array = NDArray[np.float64]

_COSTS = (
    ("last_gradient", "Li gradient (surface − mean, of 1)", style.POLARISATION_COLOUR),
    ("cracked_part", "cracked part", style.PC_COLOUR),
    ("surface_part", "part lost to the surface reaction", style.STRUCTURE_COLOUR),
)


class Top(Protocol):
    """A maximum over the radius, as `lirich.cells.optimum.Maximum` has it."""

    @property
    def radius_nm(self) -> float: ...  # noqa: D102
    @property
    def low_nm(self) -> float: ...  # noqa: D102
    @property
    def high_nm(self) -> float: ...  # noqa: D102
    @property
    def at_edge(self) -> bool: ...  # noqa: D102
    @property
    def below_best(self) -> float: ...  # noqa: D102
    @property
    def as_good(self) -> bool: ...  # noqa: D102


def best_radius(radii_nm: Array, figures: Mapping[str, Array], maxima: Sequence[Top], duty: str) -> Figure:
    """Draw energy against the crystal radius in the first and last cycle, and below it gradient, cracks, surface.

    *radii_nm* (n,) ascending; *figures* maps names to (n,); *maxima*, the best first, are shaded: those as good as the
    best in its colour.
    """
    best, *others = maxima
    as_good = [each for each in others if each.as_good]
    energies = (
        ("first_energy_wh_kg", "first cycle", style.NEUTRAL),
        ("last_energy_wh_kg", "last cycle", style.SC_COLOUR),
    )
    traces = [_curve(name, radii_nm, figures[key], colour, "Wh/kg", "y") for key, name, colour in energies]
    traces += [_curve(name, radii_nm, figures[key], colour, "", "y2") for key, name, colour in _COSTS]
    word = "at the edge of what was tried" if best.at_edge else f"{best.low_nm:.0f} to {best.high_nm:.0f} nm within 1 %"
    also = "".join(
        f"; another maximum at {each.radius_nm:.0f} nm, {100 * each.below_best:.1f} % below"
        + (", as good within what the model knows" if each.as_good else "")
        for each in others
    )
    return Figure(
        title=f"Best crystal radius: {' or '.join(f'{each.radius_nm:.0f}' for each in (best, *as_good))} nm",
        alt=f"Discharge energy per mass of cathode against crystal radius for {duty}; best at {best.radius_nm:.0f} nm "
        f"({word}){also}. Below: Li gradient and cracks grow with the radius, the surface reaction falls.",
        data=traces,
        layout=stacked(
            style.axis("Crystal radius (nm)", type="log"),
            (0.6, style.axis("Energy (Wh/kg of cathode)", rangemode="tozero")),
            (0.4, style.axis("What it costs (part)", rangemode="tozero")),
            showlegend=True,
            height=520,
            shapes=[
                {
                    "type": "rect",
                    "xref": "x",
                    "yref": "paper",
                    "x0": each.low_nm,
                    "x1": each.high_nm,
                    "y0": 0,
                    "y1": 1,
                    "line": {"width": 0},
                    "fillcolor": style.see_through(style.SC_COLOUR if each.as_good else style.NEUTRAL, 0.10),
                }
                for each in maxima
            ],
        ),
        note=f"Simulated: {duty}. Shaded: within 1 % of each maximum"
        + (", grey where the model tells it from the best." if len(as_good) < len(others) else "."),
    )


def over_parameters(settings: Sequence[Mapping[str, Any]], values: Array, name: str) -> Figure:
    """Draw a figure *values* (n,) over what was varied: a line per value of the other quantities, or points."""
    keys = list(settings[0])
    across = max(keys, key=lambda key: len({s[key] for s in settings}))
    others = [key for key in keys if key != across]
    groups: dict[str, list[int]] = {}
    for number, setting in enumerate(settings):
        groups.setdefault(", ".join(f"{k} {_short(setting[k])}" for k in others) or name, []).append(number)
    lines = len(groups) <= _MOST_LINES
    traces = []
    for order, (label, members) in enumerate(groups.items() if lines else [(name, list(range(len(settings))))]):
        members = sorted(members, key=lambda i: settings[i][across])
        colour = style.cycle_colour(order / max(len(groups) - 1, 1)) if lines else style.SC_COLOUR
        trace = _curve(label, [settings[i][across] for i in members], values[members], colour, "")
        trace["mode"] = "lines+markers" if lines else "markers"
        traces.append(trace)
    numeric = all(isinstance(s[across], int | float) for s in settings)
    spread = numeric and min(s[across] for s in settings) > 0
    wide = spread and max(s[across] for s in settings) > 20 * min(s[across] for s in settings)
    return Figure(
        title=f"{name} over {across}",
        alt=f"{name} of {len(settings)} simulated points against {across}.",
        data=traces,
        layout=style.layout(
            showlegend=lines and len(groups) > 1,
            xaxis=style.axis(
                style.plain(across), **({"type": "log"} if wide else {} if numeric else {"type": "category"})
            ),
            yaxis=style.axis(style.plain(name)),
        ),
        note="Simulated. Points that could not be simulated are left out.",
    )


_MOST_LINES = 8


def sobol(figure: str, names: Sequence[str], first: Sequence[float], total: Sequence[float], points: int) -> Figure:
    """Draw Sobol indices as bars, first order and total."""
    order = np.argsort(total)
    labels = [style.plain(names[i]) for i in order]
    shown = (("with interactions", total, style.PC_COLOUR), ("alone", first, style.SC_COLOUR))
    return Figure(
        title=f"What {figure} depends on",
        alt="Total Sobol index: " + ", ".join(f"{names[i]} {total[i]:.2f}" for i in order[::-1]) + ".",
        data=[bars(labels, [values[i] for i in order], name, colour) for name, values, colour in shown],
        layout=style.layout(
            showlegend=True,
            barmode="group",
            height=160 + 40 * len(names),
            xaxis=style.axis("Part of the variance (Sobol index)"),
            yaxis=style.axis(""),
        ),
        note=f"Simulated, {points} points.",
    )


def _curve(name: str, x: Any, y: Array, colour: str, unit: str, axis: str = "y") -> dict[str, Any]:
    hover = f"{style.plain(name)}: %{{y:.4g}} {unit}<br>%{{x}}"
    return line(style.plain(name), x, y, colour, Origin.SIMULATED, hover=hover, marker=6, yaxis=axis)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

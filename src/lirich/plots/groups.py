"""Figures that set groups of cells side by side: every cell, the mean and its interval; never a bar alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lirich.model import Origin
from lirich.model.format import capitalised, format_number
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.quantities import quantity


@dataclass(frozen=True, slots=True)
class GroupPoints:
    """One group's values of one quantity: each cell's, the mean, and the ends of its interval (``None``: not given)."""

    group: str
    points: tuple[tuple[str, float], ...]
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    origin: Origin = Origin.MEASURED


_LEAST_SHOWN = 0.05  # %, what a figure of one decimal rounds to 0.1


@dataclass(frozen=True, slots=True)
class EnergyLoss:
    """What a cell lost of its discharge energy between two like cycles, %, and the parts that sum to it.

    ``held_percent`` is what a change of the constant-voltage parts does, 0 where nothing is held. See
    `lirich.reports.diagnosis.energy_loss` for the definition.
    """

    cell: str
    group: str
    reference_cycle: int
    cycle: int
    capacity_percent: float
    structural_percent: float
    polarisation_percent: float
    origin: Origin = Origin.MEASURED
    held_percent: float = 0.0

    @property
    def total_percent(self) -> float:
        """The whole loss, % of the energy of the reference cycle."""
        return self.capacity_percent + self.structural_percent + self.polarisation_percent + self.held_percent

    @property
    def holds(self) -> bool:
        """Whether the constant-voltage parts changed by so much that it is shown."""
        return abs(self.held_percent) >= _LEAST_SHOWN


def group_points(key: str, groups: Sequence[GroupPoints]) -> Figure:
    """Draw one quantity by group: each cell a point, the mean a bar, its interval a whisker.

    Raises `UnknownNameError` on an unknown quantity *key*.
    """
    what = quantity(key)
    colours = style.group_colours([g.group for g in groups])
    traces: list[dict[str, Any]] = []
    said: list[str] = []
    for i, group in enumerate(groups):
        colour = colours[group.group]
        n = len(group.points)
        spread = [0.0] if n == 1 else [(-0.16 + 0.32 * j / (n - 1)) for j in range(n)]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": style.numbers([i + s for s in spread[:n]]),
                "y": style.numbers([value for _, value in group.points]),
                "text": [style.plain(cell) for cell, _ in group.points],
                "marker": {
                    "color": style.see_through(colour, 0.75) if group.origin is Origin.MEASURED else colour,
                    "size": 8,
                    "symbol": style.MARKERS[group.origin],
                    "line": {"width": 1.2, "color": colour},
                },
                "hovertemplate": f"%{{text}}<br>%{{y:.4g}} {what.unit}<extra></extra>",
            }
        )
        if group.mean is not None:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [i - 0.3, i + 0.3],
                    "y": style.numbers([group.mean] * 2),
                    "line": {"color": colour, "width": 2.5, "dash": style.DASHES[group.origin]},
                    "hovertemplate": f"mean {format_number(group.mean)} {what.unit}<extra></extra>",
                }
            )
            if group.low is not None and group.high is not None:
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "markers",
                        "x": [i],
                        "y": style.numbers([group.mean]),
                        "marker": {"size": 1, "color": colour},
                        "hoverinfo": "skip",
                        "error_y": {
                            "type": "data",
                            "symmetric": False,
                            "array": style.numbers([group.high - group.mean]),
                            "arrayminus": style.numbers([group.mean - group.low]),
                            "thickness": 1.4,
                            "width": 7,
                            "color": colour,
                        },
                    }
                )
        mean = "" if group.mean is None else f", mean {format_number(group.mean)} {what.unit}"
        said.append(f"{group.group}: {n} cell{'s' if n != 1 else ''}{mean}")
    unit = "" if what.unit == "1" else f" ({what.unit})"
    return Figure(
        title=capitalised(what.name),
        alt=f"{what.name} by group. " + "; ".join(said) + ".",
        data=traces,
        layout=style.layout(
            height=250,
            margin={"l": 58, "r": 10, "t": 10, "b": 36},
            xaxis=style.axis(
                tickvals=list(range(len(groups))),
                ticktext=[f"{style.plain(g.group)} (n={len(g.points)})" for g in groups],
                range=[-0.6, len(groups) - 0.4],
                showgrid=False,
            ),
            yaxis=style.axis(f"{style.symbol(what.symbol)}{unit}"),
        ),
        note="" if what.better is None else f"{what.better.capitalize()} is better.",
    )


def energy_losses(losses: Sequence[EnergyLoss]) -> Figure | None:
    """Draw for each cell what its lost energy is made of: capacity, structure, polarisation; ``None`` if empty."""
    if not losses:
        return None
    ordered = list(reversed(losses))  # Plotly fills a category axis from below
    parts: list[tuple[str, str, list[float]]] = [
        ("capacity", style.CAPACITY_COLOUR, [one.capacity_percent for one in ordered]),
        ("voltage: structure", style.STRUCTURE_COLOUR, [one.structural_percent for one in ordered]),
        ("voltage: polarisation", style.POLARISATION_COLOUR, [one.polarisation_percent for one in ordered]),
    ]
    if any(one.holds for one in ordered):
        parts.append(("voltage: held parts", style.NEUTRAL, [one.held_percent for one in ordered]))
    names = [style.plain(one.cell) for one in ordered]
    hatched = ["" if one.origin is Origin.MEASURED else "/" for one in ordered]
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names,
            "x": style.numbers(x, 4),
            "marker": {
                "color": colour,
                "pattern": {
                    "shape": hatched,
                    "bgcolor": colour,
                    "fgcolor": "rgba(255,255,255,0.55)",
                    "size": 7,
                    "solidity": 0.2,
                },
            },
            "customdata": [f"cycle {one.reference_cycle} to {one.cycle}" for one in ordered],
            "hovertemplate": f"%{{y}}, {name}<br>%{{x:.2f}} % of the energy, %{{customdata}}<extra></extra>",
        }
        for name, colour, x in parts
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "whole loss",
            "y": names,
            "x": style.numbers([one.total_percent for one in ordered], 4),
            "marker": {"symbol": "line-ns-open", "size": 13, "color": style.TOTAL_COLOUR, "line": {"width": 2.5}},
            "hovertemplate": "%{y}, whole loss<br>%{x:.2f} % of the energy<extra></extra>",
        }
    )
    simulated = any(one.origin is not Origin.MEASURED for one in ordered)
    return Figure(
        title="What is being lost: discharge energy, split",
        alt="Share of the discharge energy lost, split into capacity, structural and polarisation parts. "
        + "; ".join(
            f"{one.cell}: {one.total_percent:.1f} % lost, capacity {one.capacity_percent:.1f}, structure "
            f"{one.structural_percent:.1f}, polarisation {one.polarisation_percent:.1f}"
            + (f", held voltage {one.held_percent:.1f}" if one.holds else "")
            for one in reversed(ordered)
        )
        + ".",
        data=traces,
        layout=style.layout(
            barmode="relative",
            bargap=0.35,
            height=110 + (30 if len(ordered) <= 12 else 18) * len(ordered),
            showlegend=True,
            margin={"l": 20, "r": 18, "t": 28, "b": 48},
            xaxis=style.axis("Discharge energy lost (%)", zeroline=True, zerolinecolor="#9AA5AD"),
            yaxis=style.axis(type="category", ticks="", showgrid=False, range=[-0.6, len(ordered) - 0.4]),
        ),
        note="Energy is capacity times mean discharge voltage, and that voltage is the mid voltage (structure) less "
        "half the gap between charge and discharge (polarisation); all between two cycles at the same rate and window."
        + (" Hatched: simulated or predicted cells." if simulated else ""),
    )

"""Figure of the contact with a solid electrolyte: what of the crystals works, over cycles and under pressure."""

from __future__ import annotations

from typing import Any

import polars as pl

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure
from lirich.plots.thinning import thin
from lirich.plots.traces import line, stacked

_MOST_POINTS = 300
_TOUCHING, _WORKING, _AREA, _GROWN = "#0072B2", "#009E73", "#2B3640", "#D55E00"


def contact(
    states: pl.DataFrame, pressures: pl.DataFrame | None = None, *, origin: Origin = Origin.SIMULATED
) -> Figure | None:
    """Draw contact, working crystals and the area that is left of both over cycles, the interphase, and pressure.

    *states* has ``cycle``, ``Contact fraction``, ``Working part of the cathode``, ``Connected part of the crystals``
    and ``Interphase thickness [m]``, of which the last row of a cycle counts. *pressures* has ``cycle``,
    ``pressure_mpa``, ``contact_fraction`` and ``stack_pressure_mpa``: what another pressure would hold. ``None`` of
    another cell than a solid-state one, or with fewer than two cycles.
    """
    ends = states.group_by("cycle", maintain_order=True).last().sort("cycle")
    if "Contact fraction" not in ends.columns or ends.height < 2:
        return None
    cycles = ends["cycle"].to_numpy()
    touching = 100.0 * ends["Contact fraction"].to_numpy()
    working = 100.0 * (ends["Working part of the cathode"] * ends["Connected part of the crystals"]).to_numpy()
    area, grown = touching * working / 100.0, 1e9 * ends["Interphase thickness [m]"].to_numpy()
    traces = []
    for name, values, unit, panel, colour in (
        ("contact of a working crystal", touching, "%", "y", _TOUCHING),
        ("crystals that work", working, "%", "y", _WORKING),
        ("surface that works, of all", area, "%", "y", _AREA),
        ("interphase", grown, "nm", "y2", _GROWN),
    ):
        kept = thin(cycles, values, _MOST_POINTS)
        hover = f"cycle %{{x}}<br>{name}: %{{y:.3g}} {unit}"
        traces.append(line(name, cycles[kept], values[kept], colour, origin, hover=hover, yaxis=panel))
    panels = [
        (1.0, style.axis("Part (%)", rangemode="tozero")),
        (0.6, style.axis("Interphase (nm)", rangemode="tozero")),
    ]
    more: dict[str, Any] = {}
    said = ""
    if pressures is not None and pressures.height:
        at, said = _under_pressure(pressures, origin)
        traces += at
        panels.append((0.9, style.axis("Contact (%)", rangemode="tozero")))
        more["xaxis2"] = style.axis("Stack pressure (MPa)", type="log", anchor="y3")
    layout = stacked(
        style.axis("Cycle"),
        *panels,
        showlegend=True,
        height=440 if len(panels) == 2 else 660,
        annotations=origin_label(origin),
        **more,
    )
    layout["xaxis"]["anchor"] = "y2"
    return Figure(
        title="Contact with the solid electrolyte",
        alt=f"Over {ends.height} cycles the part of a working crystal's surface that touches solid electrolyte goes "
        f"from {touching[0]:.3g} to {touching[-1]:.3g} %, the crystals that work from {working[0]:.3g} to "
        f"{working[-1]:.3g} %, the surface that is left of both from {area[0]:.3g} to {area[-1]:.3g} %, and the "
        f"interphase from {grown[0]:.3g} to {grown[-1]:.3g} nm.{said}",
        data=traces,
        layout=layout,
        note="Means over the electrode at the end of each cycle. "
        + ("Below, what other pressures would hold at once: healing by creep takes longer. " if said else "")
        + "Pressure does little, for parting is set to one measurement, 10.4 % of the surface bare after 50 cycles at "
        "2 MPa (NMC532, Shi et al. 2020): the capacity gains a seventh of what a second-hand report has. "
        "Creep and growth are guesses.",
    )


def _under_pressure(pressures: pl.DataFrame, origin: Origin) -> tuple[list[dict[str, Any]], str]:
    """Return the contact after the first and last cycle against pressure with the cell's own marked, and say it."""
    own = float(pressures["stack_pressure_mpa"][0])
    traces = []
    said = []
    shown = sorted(pressures["cycle"].unique().to_list())
    for number, cycle in enumerate(shown):
        part = pressures.filter(pl.col("cycle") == cycle).sort("pressure_mpa")
        held = 100.0 * part["contact_fraction"].to_numpy()
        name = f"after cycle {cycle}"
        traces.append(
            line(
                name,
                part["pressure_mpa"].to_numpy(),
                held,
                style.cycle_colour(number / max(len(shown) - 1, 1)),
                origin,
                hover=f"{name}<br>%{{x:.3g}} MPa: %{{y:.3g}} %",
                xaxis="x2",
                yaxis="y3",
            )
        )
        said.append(f"after cycle {cycle} from {held[0]:.3g} to {held[-1]:.3g} %")
    low, high = float(pressures["pressure_mpa"].min()), float(pressures["pressure_mpa"].max())  # type: ignore[arg-type]
    if low <= own <= high:
        top = 100.0 * float(pressures["contact_fraction"].max())  # type: ignore[arg-type]
        mark = line(
            f"stack pressure of the cell, {own:g} MPa", [own, own], [0.0, top], style.NEUTRAL, origin,
            hover=f"{own:g} MPa", width=1.2, xaxis="x2", yaxis="y3",
        )  # fmt: skip
        traces.append(mark)
    words = f" At {own:g} MPa; other pressures, from {low:g} to {high:g} MPa, would hold {' and '.join(said)}."
    return traces, words

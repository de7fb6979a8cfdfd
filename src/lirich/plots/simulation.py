"""Figures of what only a simulation can show: Li in the crystal, its sites, its gases.

All are drawn dashed and say that they are simulated.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.thinning import thin
from lirich.plots.traces import LEGEND_BESIDE, line, panel

_SITES = (
    ("high", "layered, high", "#0072B2"),
    ("middle", "layered, middle", "#56B4E9"),
    ("low", "layered, low", "#009E73"),
    ("wide", "wide, from activation", "#E69F00"),
    ("hysteretic", "hysteretic, from activation", "#CC79A7"),
    ("spinel", "spinel-like", "#D55E00"),
    ("plateau", "plateau", "#5B6770"),
    ("tail", "end of the plateau", "#A5AEB4"),
)
_MOST_POINTS = 300
_FAINTEST = 1e-9  # µmol/g/s: below what any detector sees


def crystal_content(profiles: pl.DataFrame, *, origin: Origin = Origin.SIMULATED) -> Figure:
    """Draw the Li content through the crystal at several times of one charge, coloured by time.

    *profiles* has the columns ``time_s``, ``passed_mah_g`` (mAh/g), ``voltage_v`` (V), ``radius`` (0 centre to 1
    surface) and ``content`` (Li per Li of the pristine host).
    """
    times = profiles["time_s"].unique().sort().to_list()
    last = times[-1] or 1.0
    traces: list[dict[str, Any]] = []
    for time in times:
        part = profiles.filter(pl.col("time_s") == time).sort("radius")
        volts, passed = float(part["voltage_v"][0]), float(part["passed_mah_g"][0])
        name = f"{time / 3600:.2g} h, {passed:.0f} mAh/g, {volts:.2f} V"
        colour = style.cycle_colour(time / last)
        hover = "r/R %{x:.3f}<br>x %{y:.3f}"
        traces.append(line(name, part["radius"], part["content"], colour, origin, hover=hover))
    end = profiles.filter(pl.col("time_s") == times[-1]).sort("radius")["content"]
    spread = profiles.group_by("time_s").agg((pl.col("content").max() - pl.col("content").min()).alias("spread"))
    steepest = max(spread["spread"].to_list())
    return Figure(
        title="Li through the crystal in a charge",
        alt=f"Li content against the radius of the crystal at {len(times)} times of a charge of {last / 3600:.3g} h; "
        f"centre and surface differ by up to {steepest:.2g}, and by {float(end[0] - end[-1]):.2g} at its end.",
        data=traces,
        layout=panel(
            style.axis("r/R: centre 0, surface 1", range=[0, 1]),
            style.axis("Li per Li of the pristine host", rangemode="tozero"),
            origin,
            height=420,
            margin={"l": 64, "r": 22, "t": 28, "b": 52},
            legend=dict(LEGEND_BESIDE),
        ),
        note="Of polycrystals, R is the length over which Li diffuses: that of a sphere with the wetted area.",
    )


def site_populations(states: pl.DataFrame, *, origin: Origin = Origin.SIMULATED) -> Figure | None:
    """Draw how many sites of each kind there are after each cycle; ``None`` with fewer than two cycles.

    *states* has ``cycle`` and one column ``Fraction of … sites`` for each kind, parts of the connected host;
    the last row of a cycle counts.
    """
    ends = states.group_by("cycle", maintain_order=True).last().sort("cycle")
    if ends.height < 2:
        return None
    traces: list[dict[str, Any]] = []
    for key, name, colour in _SITES:
        column = f"Fraction of {key} sites"
        if column not in ends.columns or float(ends[column].max() or 0.0) < 1e-4:  # type: ignore[arg-type]
            continue
        share = 100.0 * ends[column].to_numpy()
        kept = thin(ends["cycle"].to_numpy(), share, _MOST_POINTS)
        hover = f"cycle %{{x}}<br>{name}: %{{y:.2f}} %"
        traces.append(line(name, ends["cycle"].to_numpy()[kept], share[kept], colour, origin, hover=hover))
    spinel = "Fraction of spinel sites"
    said = ""
    if spinel in ends.columns:
        first, final = 100.0 * float(ends[spinel][0]), 100.0 * float(ends[spinel][-1])
        said = f" Spinel-like sites go from {first:.2g} to {final:.2g} %."
    return Figure(
        title="Sites over cycles",
        alt=f"Sites of each kind in percent of the host over {ends.height} cycles.{said}",
        data=traces,
        layout=panel(
            style.cycle_axis(ends["cycle"]),
            style.axis("Sites (% of the pristine host's Li)", rangemode="tozero"),
            origin,
            height=420,
            legend=dict(LEGEND_BESIDE),
        ),
        note="Per host that is still connected. At the end of each cycle; plateau sites turn into others in the first "
        "charge.",
    )


def gas(states: pl.DataFrame, *, origin: Origin = Origin.SIMULATED, counter: str | None = None) -> Figure | None:
    """Draw the release of O2 and CO2 against voltage in the first charge, on a logarithmic axis.

    *states* has ``cycle``, ``mode``, ``voltage_v`` and the release rates (µmol/g/s); *counter* is the counter
    electrode. ``None`` without a charge.
    """
    charge = states.filter((pl.col("mode") == "charge") & (pl.col("cycle") == states["cycle"].min()))
    if charge.height < 2:
        return None
    traces: list[dict[str, Any]] = []
    said = []
    for column, total, name, colour in (
        ("Oxygen release rate [umol.g-1.s-1]", "Oxygen released [umol.g-1]", "O<sub>2</sub>", "#D55E00"),
        (
            "Carbon dioxide release rate [umol.g-1.s-1]",
            "Carbon dioxide released [umol.g-1]",
            "CO<sub>2</sub>",
            "#0072B2",
        ),
    ):
        volts, rate = charge["voltage_v"].to_numpy(), 1000.0 * charge[column].to_numpy()
        seen = rate > 1000.0 * _FAINTEST
        if not seen.any():
            continue
        volts, rate = volts[seen], rate[seen]
        kept = thin(volts, rate, _MOST_POINTS)
        hover = f"%{{x:.3f}} V<br>{name}: %{{y:.3g}} nmol/g/s"
        traces.append(line(name, volts[kept], rate[kept], colour, origin, hover=hover))
        plain = name.replace("<sub>", "").replace("</sub>", "")
        said.append(f"{plain} {float(charge[total][-1]):.2g} µmol/g in all")
    if not traces:
        return None
    return Figure(
        title="Gas in the first charge",
        alt="Release rates of oxygen and carbon dioxide in nmol/g/s against voltage in the first charge; "
        + ", ".join(said)
        + ".",
        data=traces,
        layout=panel(
            style.voltage_axis(counter),
            style.axis("Release (nmol g<sup>−1</sup> s<sup>−1</sup>)", type="log", exponentformat="power"),
            origin,
            height=420,
        ),
        note="Onsets and slopes are parameters; how the rates grow with wetted area follows from the model. "
        "The size of the rates is a guess, and not balanced with the sites that are lost with oxygen.",
    )


def energy(cycles: pl.DataFrame, *, origin: Origin = Origin.SIMULATED) -> Figure | None:
    """Draw the specific energy of charge and discharge over cycles; ``None`` where it is not known.

    *cycles* is a cycle table with ``charge_specific_energy_wh_kg`` and ``discharge_specific_energy_wh_kg``.
    """
    columns = (
        ("charge_specific_energy_wh_kg", "charge", style.CHARGE_COLOUR),
        ("discharge_specific_energy_wh_kg", "discharge", style.DISCHARGE_COLOUR),
    )
    known = [c for c in columns if c[0] in cycles.columns and cycles[c[0]].null_count() < cycles.height]
    if len(known) < 2:
        return None
    table = cycles.sort("cycle")
    traces: list[dict[str, Any]] = []
    for column, name, colour in known:
        at, known_energy = table["cycle"].to_numpy(), table[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        kept = thin(at, known_energy, _MOST_POINTS)
        hover = "cycle %{x}<br>%{y:.4g} Wh/kg"
        traces.append(line(name, at[kept], known_energy[kept], colour, origin, hover=hover, width=1.4, marker=5))
    given = table["discharge_specific_energy_wh_kg"].drop_nulls()
    return Figure(
        title="Specific energy of the active material",
        alt=f"Specific energy in Wh/kg of active mass over {table.height} cycles; discharge from "
        f"{float(given[0]):.0f} to {float(given[-1]):.0f} Wh/kg.",
        data=traces,
        layout=panel(
            style.cycle_axis(table["cycle"]),
            style.axis("Specific energy (Wh per kg of active mass)", rangemode="tozero"),
            origin,
            height=380,
        ),
        note="Per kilogram of cathode material, not of a cell.",
    )

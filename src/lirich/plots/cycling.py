"""Figures over cycles: capacity and efficiency, mean voltages and their parts, low-voltage share, peaks, protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Origin, Value
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure
from lirich.plots.thinning import thin_rows

MOST_CYCLES = 600
"""So many cycles a figure over cycles shows by default; of more, every k-th."""

_PALE = 0.3  # opacity of cycles of which the test has a part only

_LEAST_RANGE_MV = 1.0  # below what a cycler reads and the figure shows

_UPPER, _LOWER = [0.34, 1.0], [0.0, 0.27]


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of cycles to shade: a segment of the protocol."""

    kind: str
    first_cycle: int
    last_cycle: int


def capacity(
    cycles: pl.DataFrame,
    *,
    bands: Sequence[Band] = (),
    origin: Origin = Origin.MEASURED,
    most_cycles: int = MOST_CYCLES,
) -> Figure:
    """Draw charge and discharge capacity over cycles, and the Coulombic efficiency below.

    *cycles* is a cycle table: ``cycle`` and columns named by quantity key. Specific capacities are shown where they
    are given, else mAh. The scale of the efficiency leaves out the first cycles' outliers but says so.
    """
    run, count, cycles = cycles.height, _count(cycles), thin_rows(cycles, most_cycles)
    specific = _given(cycles, "discharge_specific_capacity_mah_g")
    stem, unit = ("specific_capacity_mah_g", "mAh/g") if specific else ("capacity_mah", "mAh")
    traces = [
        _points(cycles, f"charge_{stem}", "charge", style.CHARGE_COLOUR, unit, origin, hollow=True),
        _points(cycles, f"discharge_{stem}", "discharge", style.DISCHARGE_COLOUR, unit, origin),
        _points(cycles, "coulombic_efficiency", "CE", style.CAPACITY_COLOUR, "%", origin, y_axis="y2", size=4),
    ]
    efficiency = cycles["coulombic_efficiency"] if _given(cycles, "coulombic_efficiency") else pl.Series([])
    ce_range, cut = robust_range(efficiency.drop_nulls().cast(pl.Float64).to_numpy())
    kept = [t for t in traces if t is not None]
    return Figure(
        title="Capacity and Coulombic efficiency",
        alt=f"Charge and discharge capacity in {unit} over {count} cycles, Coulombic efficiency in % below. "
        + _trend(cycles, f"discharge_{stem}", "Discharge capacity", unit),
        data=kept,
        layout=_two_panels(
            cycles,
            bands,
            origin,
            upper=f"{'Specific capacity' if specific else 'Capacity'} ({unit})",
            lower="CE (%)",
            lower_axis={"range": ce_range} if ce_range else {},
            upper_axis={"rangemode": "tozero"},
        ),
        note=_notes(
            f"{cut} of {cycles.height} efficiencies {'lies' if cut == 1 else 'lie'} outside the lower panel; "
            "double-click it to see all."
            if cut
            else "",
            _left_out(cycles, run),
        ),
    )


def mean_voltages(
    cycles: pl.DataFrame,
    *,
    bands: Sequence[Band] = (),
    origin: Origin = Origin.MEASURED,
    most_cycles: int = MOST_CYCLES,
) -> Figure:
    """Draw V̄ of charge, discharge and their middle; below, the loss of V̄_dis and its two parts.

    dV̄_dis = dV̄_mid − dΔV̄/2: the fade of V̄_mid is structural, the growth of the gap ΔV̄ is polarisation (Bettge et al.,
    doi:10.1149/2.034311jes). The parts are drawn for the `settled` ageing cycles, against the first of them.
    """
    table = thin_rows(cycles, most_cycles)
    lines = (
        ("mean_charge_voltage_v", "charge", style.CHARGE_COLOUR),
        ("mid_voltage_v", "mid", style.STRUCTURE_COLOUR),
        ("mean_discharge_voltage_v", "discharge", style.DISCHARGE_COLOUR),
    )
    traces = [_points(table, key, name, colour, "V", origin, line=True, size=4) for key, name, colour in lines]
    corrected = "corrected_discharge_voltage_v"
    traces.append(_points(table, corrected, "discharge, corrected", "#56B4E9", "V", origin, size=4, hollow=True))
    parts = _voltage_parts(cycles, first_ageing_cycle(cycles, bands))
    said, note = "", ""
    if parts is not None:
        first, last = parts.row(0, named=True), parts.row(-1, named=True)
        said = (
            f" Below, its change since cycle {first['cycle']}: by cycle {last['cycle']} {last['total']:.0f} mV, "
            f"of which {last['structural']:.0f} mV structural and {last['polarisation']:.0f} mV polarisation"
        )
        note = (
            f"Below: change since cycle {first['cycle']} of cycles at one rate and window that follow a like cycle, "
            "without constant-voltage parts; structural is the change of the mid voltage, polarisation that of minus "
            "half the gap, both over the range that charge and discharge share."
        )
        moved = parts["range"].abs().max()
        held = isinstance(moved, float) and moved > _LEAST_RANGE_MV
        if held:
            said += f"; {last['range']:.0f} mV are another range of charge, since the constant-voltage part changes"
            note += " The range changes with the constant-voltage part; what that does to the total is drawn too."
        said += "."
        labels = {
            "structural": style.STRUCTURE_COLOUR,
            "polarisation": style.POLARISATION_COLOUR,
            "total": style.TOTAL_COLOUR,
        }
        if held:
            labels["range"] = style.NEUTRAL
        shown = thin_rows(parts, most_cycles)
        for name, colour in labels.items():
            traces.append(_points(shown, name, name, colour, "mV", origin, y_axis="y2", line=True, size=3, width=2))
    return Figure(
        title="Mean voltage: structure and polarisation",
        alt=f"Mean charge, mid and discharge voltage in volt over {_count(cycles)} cycles.{said}",
        data=[t for t in traces if t is not None],
        layout=_two_panels(
            table,
            bands,
            origin,
            upper="Mean voltage (V)",
            lower="Change (mV)" if parts is not None else "",
            lower_domain=(0.0, 0.40),
            upper_domain=(0.48, 1.0),
            lower_axis={"zeroline": True, "zerolinecolor": "#9AA5AD", "zerolinewidth": 1},
            height=380,
        ),
        note=_notes(note, _left_out(table, cycles.height)),
    )


def low_voltage(
    cycles: pl.DataFrame,
    *,
    bands: Sequence[Band] = (),
    origin: Origin = Origin.MEASURED,
    most_cycles: int = MOST_CYCLES,
) -> Figure:
    """Draw the low-voltage (spinel-like, Mn³⁺/⁴⁺) share of the discharge over cycles, and the capacity below it."""
    run, count, cycles = cycles.height, _count(cycles), thin_rows(cycles, most_cycles)
    specific = _given(cycles, "low_voltage_capacity_mah_g")
    column, unit = ("low_voltage_capacity_mah_g", "mAh/g") if specific else ("low_voltage_capacity_mah", "mAh")
    traces = [
        _points(cycles, "low_voltage_share", "share", style.STRUCTURE_COLOUR, "%", origin),
        _points(cycles, column, "capacity", style.DISCHARGE_COLOUR, unit, origin, y_axis="y2", size=4),
    ]
    return Figure(
        title="Low-voltage share of the discharge",
        alt=f"Share of the discharge capacity below the threshold voltage in % over {count} cycles, and the "
        f"capacity itself in {unit} below. " + _trend(cycles, "low_voltage_share", "Share", "%"),
        data=[t for t in traces if t is not None],
        layout=_two_panels(
            cycles, bands, origin, upper="Low-voltage share (%)", lower=f"({unit})", lower_axis={"rangemode": "tozero"}
        ),
        note=_notes(
            "Discharge capacity below the threshold voltage, 3.5 V unless the values' conditions say otherwise.",
            _left_out(cycles, run),
        ),
    )


def peaks(values: Sequence[Value], *, origin: Origin = Origin.MEASURED) -> Figure | None:
    """Draw the positions of tracked dQ/dV peaks over cycles; ``None`` without at least two cycles of one peak.

    *values* are values of ``dqdv_peak_voltage_v`` or ``spinel_peak_voltage_v``; one line per direction and peak.
    """
    lines: dict[str, list[tuple[int, float]]] = {}
    for value in values:
        if value.quantity in ("dqdv_peak_voltage_v", "spinel_peak_voltage_v") and value.conditions.cycle is not None:
            label = str(
                value.conditions.other.get("peak", "spinel-like" if value.quantity.startswith("spinel") else "peak")
            )
            name = f"{label}, {value.conditions.direction}" if value.conditions.direction else label
            lines.setdefault(name, []).append((value.conditions.cycle, value.value))
    lines = {name: sorted(points) for name, points in lines.items() if len({c for c, _ in points}) > 1}
    if not lines:
        return None
    colours = style.group_colours(sorted(lines))
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": style.plain(name),
            "x": [c for c, _ in points],
            "y": style.numbers([v for _, v in points]),
            "line": {"color": colours[name], "width": 1.5, "dash": style.DASHES[origin]},
            "marker": {"size": 5, "symbol": style.MARKERS[origin]},
            "hovertemplate": f"{style.plain(name)}<br>cycle %{{x}}, %{{y:.3f}} V<extra></extra>",
        }
        for name, points in sorted(lines.items())
    ]
    return Figure(
        title="dQ/dV peaks over cycles",
        alt=f"Position in volt of {len(lines)} tracked dQ/dV peaks over cycles.",
        data=traces,
        layout=style.layout(
            showlegend=True,
            margin={"l": 64, "r": 18, "t": 28, "b": 52},
            xaxis=style.axis("Cycle"),
            yaxis=style.axis("Peak position (V)"),
            annotations=origin_label(origin),
        ),
    )


def protocol(
    cycles: pl.DataFrame,
    *,
    bands: Sequence[Band] = (),
    origin: Origin = Origin.MEASURED,
    most_cycles: int = MOST_CYCLES,
) -> Figure | None:
    """Draw what was done: the rates of each cycle, and the window below; ``None`` without currents."""
    run, cycles = cycles.height, thin_rows(cycles, most_cycles)
    rated = _given(cycles, "discharge_rate_c")
    columns = ("charge_rate_c", "discharge_rate_c") if rated else ("charge_current_ma", "discharge_current_ma")
    unit = "C" if rated else "mA"
    if not any(_given(cycles, c) for c in columns):
        return None
    traces = [
        _points(cycles, columns[0], "charge", style.CHARGE_COLOUR, unit, origin, hollow=True, size=5),
        _points(cycles, columns[1], "discharge", style.DISCHARGE_COLOUR, unit, origin, size=5),
        _points(
            cycles, "upper_cutoff_voltage_v", "highest voltage", style.TOTAL_COLOUR, "V", origin, y_axis="y2", size=3
        ),
        _points(cycles, "lower_cutoff_voltage_v", "lowest voltage", style.NEUTRAL, "V", origin, y_axis="y2", size=3),
    ]
    named = "; ".join(f"{style.segment_name(b.kind)} cycles {b.first_cycle} to {b.last_cycle}" for b in bands)
    return Figure(
        title="Protocol",
        alt=f"Rate of each half-cycle in {unit} and the voltage window over cycles. Segments: {named or 'none'}.",
        data=[t for t in traces if t is not None],
        layout=_two_panels(
            cycles,
            bands,
            origin,
            upper="Rate (C)" if rated else "Current (mA)",
            lower="Window (V)",
            upper_axis={"rangemode": "tozero"},
        ),
        note=_notes(
            "" if rated else "The current that 1C means is not given: currents in mA, not C-rates.",
            _left_out(cycles, run),
        ),
    )


def whole_cycles(cycles: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a cycle table that may stand in one line: without cycle 0 and incomplete cycles.

    Cycle 0 is what was taken out of the cell before its first charge, an incomplete cycle has a part of its capacity:
    in a line they look like a collapse.
    """
    whole = cycles.filter(pl.col("cycle") > 0)
    return whole.filter(pl.col("complete").fill_null(value=True)) if "complete" in whole.columns else whole


def _count(cycles: pl.DataFrame) -> int:
    return cycles.filter(pl.col("cycle") > 0).height  # cycle 0 is none


def settled(cycles: pl.DataFrame, first: int) -> pl.DataFrame:
    """Return the cycles from *first* on that are like it and follow a cycle that is like it.

    *cycles* is a cycle table. With a column ``settled`` (from `lirich.cycling.analyse`) it is the cycles that are
    marked there, which the values of voltage decay are from. Without it, alike is one ``like_group``, or one rate and
    window. A cycle after a check-up or rate step begins from another state of charge: its charge, gap and mid voltage
    belong half to the cycle before, so it is left out.
    """
    if "settled" in cycles.columns:
        return cycles.filter(pl.col("settled")).sort("cycle")
    row = cycles.filter(pl.col("cycle") == first)
    if row.height != 1:
        return cycles.clear()
    if "like_group" in cycles.columns and row["like_group"][0] is not None:
        like = pl.col("like_group") == row["like_group"][0]
    else:
        like = pl.lit(True)
        rate = "discharge_rate_c" if _given(cycles, "discharge_rate_c") else "discharge_current_ma"
        limits = ((rate, 0.10, True), ("upper_cutoff_voltage_v", 0.02, False), ("lower_cutoff_voltage_v", 0.02, False))
        for column, tolerance, relative in limits:
            if column in row.columns and row[column][0] is not None:
                size = tolerance * abs(row[column][0]) if relative else tolerance
                like = like & ((pl.col(column) - row[column][0]).abs() <= size)
    chosen = cycles.sort("cycle").filter(like & (pl.col("cycle") >= first))
    if "complete" in chosen.columns:
        chosen = chosen.filter(pl.col("complete"))
    # the very first cycle of a test has none before it; neither is it like the later ones in a Li-rich cell
    return chosen.filter(pl.col("cycle").diff() == 1)


def _voltage_parts(cycles: pl.DataFrame, first: int) -> pl.DataFrame | None:
    if not all(_given(cycles, f"mean_{side}_voltage_v") for side in ("charge", "discharge")):
        return None
    table = fade_voltages(settled(cycles, first))
    if table.height < 2:
        return None
    row = table.row(0, named=True)
    changes = {
        "structural": 1e3 * (pl.col("mid_v") - row["mid_v"]),
        "polarisation": -0.5e3 * (pl.col("gap_v") - row["gap_v"]),
        "total": 1e3 * (pl.col("discharge_v") - row["discharge_v"]),
    }
    parts = table.select("cycle", *(e.alias(name) for name, e in changes.items()))
    return parts.with_columns(range=pl.col("total") - pl.col("structural") - pl.col("polarisation"))


def fade_voltages(cycles: pl.DataFrame) -> pl.DataFrame:
    """Return *cycles* with the voltages that voltage decay is taken from, V; cycles that lack one are left out.

    ``discharge_v`` is the mean discharge voltage off constant voltage, ``mid_v`` and ``gap_v`` are middle and gap of
    charge and discharge over the range that both pass so. Where nothing is held, discharge_v = mid_v − gap_v/2; where a
    hold grows, the rest is the change of range. A table without the columns of the cycle table for it has no holds.
    """

    def column(side: str, kind: str) -> pl.Expr:
        wanted = f"{kind}_{side}_voltage_v"
        return pl.col(wanted if wanted in cycles.columns else f"mean_{side}_voltage_v")

    charge, discharge = column("charge", "shared"), column("discharge", "shared")
    table = cycles.with_columns(
        discharge_v=column("discharge", "free"), mid_v=(charge + discharge) / 2, gap_v=charge - discharge
    )
    return table.filter(pl.all_horizontal(pl.col("discharge_v", "mid_v", "gap_v").is_finite()).fill_null(value=False))


def first_ageing_cycle(cycles: pl.DataFrame, bands: Sequence[Band]) -> int:
    """Return the first cycle of the first ageing segment, else the second cycle; 0 for an empty table."""
    ageing = [b.first_cycle for b in bands if b.kind == "ageing"]
    known = sorted(cycles["cycle"].to_list())
    if ageing:
        return min(ageing)
    return int(known[1] if len(known) > 1 else known[0]) if known else 0


def _given(table: pl.DataFrame, column: str) -> bool:
    return column in table.columns and bool(table[column].is_not_null().any())


def _points(
    table: pl.DataFrame,
    column: str,
    name: str,
    colour: str,
    unit: str,
    origin: Origin,
    *,
    y_axis: str = "y",
    hollow: bool = False,
    line: bool = False,
    size: float = 6,
    width: float = 1.5,
) -> dict[str, Any] | None:
    if not _given(table, column):
        return None
    part = table.filter(pl.col(column).is_not_null() & pl.col(column).is_finite()).sort("cycle")
    if line:
        part = whole_cycles(part)
    if part.is_empty():
        return None
    whole = set(whole_cycles(part)["cycle"])
    pale = [1.0 if n in whole else _PALE for n in part["cycle"]]
    hollow = hollow or origin is not Origin.MEASURED
    if part.height > 150:
        size = max(2.0, size * 0.7)
    return {
        "type": "scatter",
        "mode": "lines+markers" if line else "markers",
        "name": name,
        "x": part["cycle"].to_list(),
        "y": style.numbers(part[column].to_numpy()),
        "xaxis": "x",
        "yaxis": y_axis,
        "line": {"color": colour, "width": width, "dash": style.DASHES[origin]},
        "marker": {
            "color": colour,
            "size": size,
            "symbol": "circle-open" if hollow else "circle",
            "line": {"width": 1.2, "color": colour},
            **({} if min(pale) == 1.0 else {"opacity": pale}),
        },
        "hovertemplate": f"{name}, cycle %{{x}}<br>%{{y:.5g}} {unit}<extra></extra>",
    }


def robust_range(y: NDArray[np.float64], lines: Sequence[NDArray[np.float64]] = ()) -> tuple[list[float] | None, int]:
    """Return the ends of an axis that shows *y*, shape (n,), but for few far outliers, and how many these are.

    Outliers lie beyond five interquartile ranges of the quartiles and are at most 25 % of the points; without any,
    or with fewer than eight points, the answer is ``(None, 0)``: the axis may fit itself. So it does where it would
    hide more than half of one of *lines*, each of shape (m,): that is no outlier but a cell.
    """
    y = y[np.isfinite(y)]
    if len(y) < 8:
        return None, 0
    low, high = np.percentile(y, [25, 75])
    reach = 5 * max(high - low, 1e-3 * abs(high), 1e-12)
    inside = y[(y >= low - reach) & (y <= high + reach)]
    cut = len(y) - len(inside)
    if cut == 0 or cut > 0.25 * len(y):
        return None, 0
    for line in lines:
        seen = line[np.isfinite(line)]
        if len(seen) and np.mean((seen < low - reach) | (seen > high + reach)) > 0.5:
            return None, 0
    pad = max(0.08 * float(inside.max() - inside.min()), 5e-4 * abs(float(high)))
    return [float(f"{inside.min() - pad:.5g}"), float(f"{inside.max() + pad:.5g}")], cut


def _two_panels(
    cycles: pl.DataFrame,
    bands: Sequence[Band],
    origin: Origin,
    *,
    upper: str,
    lower: str,
    upper_axis: dict[str, Any] | None = None,
    lower_axis: dict[str, Any] | None = None,
    upper_domain: Sequence[float] = _UPPER,
    lower_domain: Sequence[float] = _LOWER,
    height: int = 360,
) -> dict[str, Any]:
    if not lower:
        upper_domain, lower_domain = (0.08, 1.0), (0.0, 0.0)  # room for the names of the segments below
    shapes, labels = _shading(bands, cycles, (lower_domain[1] + upper_domain[0]) / 2)
    known = cycles["cycle"].to_list()
    ends = [min(known) - 0.5, max(known) + 0.5] if known else [0, 1]
    pad = 0.015 * (ends[1] - ends[0])
    x: dict[str, Any] = {"anchor": "y2" if lower else "free", "range": [ends[0] - pad, ends[1] + pad]}
    if not lower:
        x["position"] = 0
    if len(known) <= 10:
        x["dtick"] = 1
    panels = {"yaxis": style.axis(upper, domain=list(upper_domain), **(upper_axis or {}))}
    if lower:
        panels["yaxis2"] = style.axis(lower, domain=list(lower_domain), anchor="x", **(lower_axis or {}))
    return style.layout(
        height=height,
        showlegend=True,
        margin={"l": 64, "r": 22, "t": 28, "b": 48},
        xaxis=style.axis("Cycle", **x),
        shapes=shapes,
        annotations=labels + origin_label(origin),
        **panels,
    )


def _shading(
    bands: Sequence[Band], cycles: pl.DataFrame, middle: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    known = cycles["cycle"]
    span = 1 if known.is_empty() else int(known[-1]) - int(known[0]) + 1  # sorted by `thin_rows`
    for band in bands:
        colour = style.SEGMENT_COLOURS.get(band.kind, style.NEUTRAL)
        shapes.append(
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": band.first_cycle - 0.5,
                "x1": band.last_cycle + 0.5,
                "y0": 0,
                "y1": 1,
                "fillcolor": style.see_through(colour, 0.10),
                "line": {"width": 0},
                "layer": "below",
            }
        )
        if (band.last_cycle - band.first_cycle + 1) / span >= 0.12:
            labels.append(
                {
                    "text": style.plain(style.segment_name(band.kind)),
                    "xref": "x",
                    "yref": "paper",
                    "x": band.first_cycle - 0.3,
                    "y": middle,
                    "xanchor": "left",
                    "yanchor": "middle",
                    "showarrow": False,
                    "font": {"size": 10, "color": style.NEUTRAL},
                }
            )
    return shapes, labels


def _left_out(drawn: pl.DataFrame, run: int) -> str:
    said = f"{drawn.height} of {run} cycles are drawn, evenly chosen." if drawn.height < run else ""
    parts = drawn.height - whole_cycles(drawn).height
    return _notes(said, f"Pale, not in lines: {_parts(parts)} (cycle 0 or incomplete)." if parts else "")


def _parts(count: int) -> str:
    return f"{count} cycle{'' if count == 1 else 's'} of which there is a part only"


def _notes(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _trend(cycles: pl.DataFrame, column: str, name: str, unit: str) -> str:
    if not _given(cycles, column):
        return f"{name} is not given."
    part = cycles.filter(pl.col(column).is_not_null()).sort("cycle")
    first, last = part.row(0, named=True), part.row(-1, named=True)
    start = f"{first[column]:.4g} {unit} in cycle {first['cycle']}"
    return f"{name} is {start} and {last[column]:.4g} {unit} in cycle {last['cycle']}."

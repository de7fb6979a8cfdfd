"""Figure of the mean voltages over cycles, their loss and its two parts, and which cycles it is taken from."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.overcycles import (
    MOST_CYCLES,
    Band,
    count,
    given,
    left_out,
    notes,
    points,
    two_panels,
    unlike,
    whole_cycles,
)
from lirich.plots.thinning import thin_rows

_LEAST_RANGE_MV = 1.0  # below what a cycler reads and the figure shows


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
    traces = [points(table, key, name, colour, "V", origin, line=True, size=4) for key, name, colour in lines]
    corrected = "corrected_discharge_voltage_v"
    traces.append(points(table, corrected, "discharge, corrected", "#56B4E9", "V", origin, size=4, hollow=True))
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
            traces.append(points(shown, name, name, colour, "mV", origin, y_axis="y2", line=True, size=3, width=2))
    return Figure(
        title="Mean voltage: structure and polarisation",
        alt=f"Mean charge, mid and discharge voltage in volt over {count(cycles)} cycles.{said}",
        data=[t for t in traces if t is not None],
        layout=two_panels(
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
        note=notes(
            "Lines join cycles at one rate and window." if unlike(whole_cycles(table)).any() else "",
            note,
            left_out(table, cycles.height),
        ),
    )


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
        rate = "discharge_rate_c" if given(cycles, "discharge_rate_c") else "discharge_current_ma"
        limits = ((rate, 0.10, True), ("charge_end_voltage_v", 0.02, False), ("discharge_end_voltage_v", 0.02, False))
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
    if not all(given(cycles, f"mean_{side}_voltage_v") for side in ("charge", "discharge")):
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

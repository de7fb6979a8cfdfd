"""Figures of capacity over cycles: charge, discharge and efficiency, and the low-voltage share."""

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
    robust_range,
    trend,
    two_panels,
)
from lirich.plots.thinning import thin_rows


def capacity(
    cycles: pl.DataFrame,
    *,
    bands: Sequence[Band] = (),
    origin: Origin = Origin.MEASURED,
    most_cycles: int = MOST_CYCLES,
) -> Figure:
    """Draw charge and discharge capacity over cycles, and the Coulombic efficiency below.

    *cycles* is a cycle table: ``cycle`` and columns named by quantity key. Specific capacities are shown where they
    are given, else mAh. The scale of the efficiency leaves out the first cycles' outliers but says so. A half-cycle
    that a cycle lacks is no capacity of 0, and where no efficiency is known there is no panel for it.
    """
    run, known, cycles = cycles.height, count(cycles), thin_rows(cycles, most_cycles)
    specific = given(cycles, "discharge_specific_capacity_mah_g")
    stem, unit = ("specific_capacity_mah_g", "mAh/g") if specific else ("capacity_mah", "mAh")
    cycles = cycles.with_columns(
        _of_half_cycles(cycles, side, f"{side}_{stem}")
        for side in ("charge", "discharge")
        if f"{side}_{stem}" in cycles.columns
    )
    rated = given(cycles, "coulombic_efficiency")
    traces = [
        points(cycles, f"charge_{stem}", "charge", style.CHARGE_COLOUR, unit, origin, hollow=True),
        points(cycles, f"discharge_{stem}", "discharge", style.DISCHARGE_COLOUR, unit, origin),
        points(cycles, "coulombic_efficiency", "CE", style.CAPACITY_COLOUR, "%", origin, y_axis="y2", size=4),
    ]
    efficiency = cycles["coulombic_efficiency"] if rated else pl.Series([])
    ce_range, cut = robust_range(efficiency.drop_nulls().cast(pl.Float64).to_numpy())
    kept = [t for t in traces if t is not None]
    return Figure(
        title="Capacity and Coulombic efficiency" if rated else "Capacity",
        alt=f"Charge and discharge capacity in {unit} over {known} cycles"
        + (", Coulombic efficiency in % below. " if rated else ". ")
        + trend(cycles, f"discharge_{stem}", "Discharge capacity", unit),
        data=kept,
        layout=two_panels(
            cycles,
            bands,
            origin,
            upper=f"{'Specific capacity' if specific else 'Capacity'} ({unit})",
            lower="CE (%)" if rated else "",
            lower_axis={"range": ce_range} if ce_range else {},
            upper_axis={"rangemode": "tozero"},
        ),
        note=notes(
            f"{cut} of {cycles.height} efficiencies {'lies' if cut == 1 else 'lie'} outside the lower panel. "
            "Double-click it to see all."
            if cut
            else "",
            left_out(cycles, run),
        ),
    )


def _of_half_cycles(cycles: pl.DataFrame, side: str, column: str) -> pl.Expr:
    """Return a capacity where there is one and, where the table tells ends of half-cycles, the half-cycle has one."""
    ended = given(cycles, f"{side}_end_voltage_v")
    is_there = pl.col(f"{side}_end_voltage_v").is_not_null() if ended else pl.lit(value=True)
    return pl.when(is_there & (pl.col(column) > 0)).then(pl.col(column)).alias(column)


def low_voltage(
    cycles: pl.DataFrame,
    *,
    bands: Sequence[Band] = (),
    origin: Origin = Origin.MEASURED,
    most_cycles: int = MOST_CYCLES,
) -> Figure:
    """Draw the low-voltage (spinel-like, Mn³⁺/⁴⁺) share of the discharge over cycles, and the capacity below it."""
    run, known, cycles = cycles.height, count(cycles), thin_rows(cycles, most_cycles)
    specific = given(cycles, "low_voltage_capacity_mah_g")
    column, unit = ("low_voltage_capacity_mah_g", "mAh/g") if specific else ("low_voltage_capacity_mah", "mAh")
    traces = [
        points(cycles, "low_voltage_share", "share", style.STRUCTURE_COLOUR, "%", origin),
        points(cycles, column, "capacity", style.DISCHARGE_COLOUR, unit, origin, y_axis="y2", size=4),
    ]
    return Figure(
        title="Low-voltage share of the discharge",
        alt=f"Share of the discharge capacity below the threshold voltage in % over {known} cycles, and the "
        f"capacity itself in {unit} below. " + trend(cycles, "low_voltage_share", "Share", "%"),
        data=[t for t in traces if t is not None],
        layout=two_panels(
            cycles, bands, origin, upper="Low-voltage share (%)", lower=f"({unit})", lower_axis={"rangemode": "tozero"}
        ),
        note=notes(
            "Discharge capacity below the threshold voltage, 3.5 V unless the values' conditions say otherwise.",
            left_out(cycles, run),
        ),
    )

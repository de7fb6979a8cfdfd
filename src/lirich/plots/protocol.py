"""Figure of the protocol: what was done in each cycle."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.overcycles import (
    MOST_CYCLES,
    Band,
    given,
    left_out,
    notes,
    points,
    two_panels,
)
from lirich.plots.thinning import thin_rows


def protocol(
    cycles: pl.DataFrame,
    *,
    bands: Sequence[Band] = (),
    origin: Origin = Origin.MEASURED,
    most_cycles: int = MOST_CYCLES,
) -> Figure | None:
    """Draw what was done: the rates of each cycle, and the window below; ``None`` without currents."""
    run, cycles = cycles.height, thin_rows(cycles, most_cycles)
    rated = given(cycles, "discharge_rate_c")
    columns = ("charge_rate_c", "discharge_rate_c") if rated else ("charge_current_ma", "discharge_current_ma")
    unit = "C" if rated else "mA"
    if not any(given(cycles, c) for c in columns):
        return None
    traces = [
        points(cycles, columns[0], "charge", style.CHARGE_COLOUR, unit, origin, hollow=True, size=5),
        points(cycles, columns[1], "discharge", style.DISCHARGE_COLOUR, unit, origin, size=5),
        points(
            cycles, "upper_cutoff_voltage_v", "highest voltage", style.TOTAL_COLOUR, "V", origin, y_axis="y2", size=3
        ),
        points(cycles, "lower_cutoff_voltage_v", "lowest voltage", style.NEUTRAL, "V", origin, y_axis="y2", size=3),
    ]
    named = "; ".join(f"{style.segment_name(b.kind)} cycles {b.first_cycle} to {b.last_cycle}" for b in bands)
    return Figure(
        title="Protocol",
        alt=f"Rate of each half-cycle in {unit} and the voltage window over cycles. Segments: {named or 'none'}.",
        data=[t for t in traces if t is not None],
        layout=two_panels(
            cycles,
            bands,
            origin,
            upper="Rate (C)" if rated else "Current (mA)",
            lower="Window (V)",
            upper_axis={"rangemode": "tozero"},
        ),
        note=notes(
            "" if rated else "The current that 1C means is not given: currents in mA, not C-rates.",
            left_out(cycles, run),
        ),
    )

"""From an annotated test to the curves of its half-cycles."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from lirich.cycling.annotation import Annotation
from lirich.cycling.halfcycle import Direction, HalfCycle


def half_cycle(notes: Annotation, cycle: int, direction: Direction) -> HalfCycle | None:
    """Return one half-cycle, rests and pulses of the other direction left out, or ``None`` where there is none.

    A first point at zero capacity is put before the recorded ones, at the voltage of the first row under current, so
    that the capacity ends at that of the cycle table.
    """
    sign = 1 if direction == "charge" else -1
    found = np.flatnonzero((notes.half_cycle == cycle) & (notes.half_sign == sign))
    if len(found) == 0:
        return None
    half = int(found[0])
    start, stop = int(notes.half_start[half]), int(notes.half_stop[half])
    points = notes.points
    rows = start + np.flatnonzero(points.sign[start:stop] == sign)
    if len(rows) == 0:
        return None
    capacity = 1e3 * np.cumsum(notes.passed_ah[start:stop])[rows - start]
    if capacity[0] > 0.0:
        rows = np.append(rows[0], rows)
        capacity = np.append(0.0, capacity)
    time = None
    if points.time_s is not None:
        time = points.time_s[rows].copy()
        if len(rows) > 1 and rows[0] == rows[1] and rows[0] > 0:
            time[0] = points.time_s[rows[0] - 1]
    return HalfCycle(
        cycle=cycle,
        direction=direction,
        voltage_v=points.voltage_v[rows],
        capacity_mah=capacity,
        current_ma=None if points.current_a is None else 1e3 * points.current_a[rows],
        time_s=time,
        constant_voltage=notes.steps.row_held[rows],
    )


def half_cycles(notes: Annotation, cycles: Iterable[int] | None = None) -> list[HalfCycle]:
    """Return the half-cycles of *cycles* (all by default) in the order in which they were run."""
    wanted = None if cycles is None else set(cycles)
    found = []
    for number, sign in zip(notes.half_cycle.tolist(), notes.half_sign.tolist(), strict=True):
        if wanted is None or number in wanted:
            half = half_cycle(notes, number, "charge" if sign > 0 else "discharge")
            if half is not None:
                found.append(half)
    return found


def voltage_curves(
    notes: Annotation,
    cycles: Iterable[int] | None = None,
    *,
    max_points: int = 400,
    active_mass_mg: float | None = None,
) -> pl.DataFrame:
    """Return voltage against capacity, thinned to at most *max_points* per half-cycle for plotting.

    Points are kept where they are evenly spaced along the curve (in voltage and in capacity alike), first and last
    always. Columns: ``cycle``, ``direction``, ``capacity_mah``, ``specific_capacity_mah_g`` (null without the active
    mass), ``voltage_volt``.
    """
    frames = []
    for half in half_cycles(notes, cycles):
        keep = _thinned(half, max_points)
        capacity = half.capacity_mah[keep]
        frames.append(
            pl.DataFrame(
                {
                    "cycle": pl.Series(np.full(len(keep), half.cycle), dtype=pl.Int64),
                    "direction": pl.Series([half.direction] * len(keep), dtype=pl.String),
                    "capacity_mah": capacity,
                    "specific_capacity_mah_g": pl.Series(
                        [None] * len(keep) if active_mass_mg is None else 1e3 * capacity / active_mass_mg,
                        dtype=pl.Float64,
                    ),
                    "voltage_volt": half.voltage_v[keep],
                }
            )
        )
    if not frames:
        schema = {"cycle": pl.Int64, "direction": pl.String, "capacity_mah": pl.Float64}
        return pl.DataFrame(schema={**schema, "specific_capacity_mah_g": pl.Float64, "voltage_volt": pl.Float64})
    return pl.concat(frames)


def _thinned(half: HalfCycle, max_points: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    n = len(half)
    if n <= max_points:
        return np.arange(n)
    q, v = half.capacity_mah, half.voltage_v
    dq = np.abs(np.diff(q)) / max(float(np.ptp(q)), 1e-300)
    dv = np.abs(np.diff(v))
    path = np.append(0.0, np.cumsum(dq + dv / max(float(dv.sum()), 1e-300)))
    marks = np.linspace(0.0, path[-1], max_points)
    keep = np.unique(np.clip(np.searchsorted(path, marks), 0, n - 1))
    keep[-1] = n - 1
    return keep

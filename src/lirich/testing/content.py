"""What a table says, in the few numbers that a user would see change: its half-cycles, and its rows."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model.table import CHARGED, CURRENT, DISCHARGED, TIME, VOLTAGE, has_time_axis
from lirich.readers.runs import find_half_cycles

TOLERANCE = 0.02
"""Charges and mean voltages this near are the same: a row more or less at an end of a half-cycle."""


@dataclass(frozen=True, slots=True)
class HalfCycle:
    """A half-cycle: 1 for charge and -1 for discharge, its charge, Ah, and its mean voltage, V."""

    sign: int
    charge_ah: float
    mean_voltage_v: float


def half_cycles(table: pl.DataFrame) -> tuple[HalfCycle, ...]:
    """Return the half-cycles of a standard table, by its capacity columns where they are whole, else by ∫I dt."""
    voltage = table[VOLTAGE].to_numpy()
    if len(voltage) < 2:
        return ()
    counted = {CHARGED, DISCHARGED} <= set(table.columns) and not table[CHARGED].null_count() + table[
        DISCHARGED
    ].null_count()
    if has_time_axis(table):
        time, current = table[TIME].to_numpy(), table[CURRENT].to_numpy()
    else:
        time = np.arange(len(voltage), dtype=np.float64)
        grown = np.sign(np.diff(table[CHARGED].to_numpy()) - np.diff(table[DISCHARGED].to_numpy()))
        current = np.append(grown[:1], grown)
    step = np.diff(time)
    halves = find_half_cycles(time, step, current, voltage)
    if halves is None:
        return ()
    passed: dict[int, NDArray[np.float64]] = {}
    if counted:
        passed = {1: np.diff(table[CHARGED].to_numpy()), -1: np.diff(table[DISCHARGED].to_numpy())}
    else:
        flow = 0.5 * (current[1:] + current[:-1]) * step / 3600.0
        passed = {1: np.maximum(flow, 0.0), -1: np.maximum(-flow, 0.0)}
    middle = 0.5 * (voltage[1:] + voltage[:-1])
    found = []
    for sign, first, last in zip(halves.sign.tolist(), halves.first, halves.last, strict=True):
        amount = passed[sign][first:last]
        charge = float(amount.sum())
        mean = float(np.dot(middle[first:last], amount)) / charge if charge > 0 else 0.0
        found.append(HalfCycle(sign, charge, mean))
    return tuple(found)


def same_half_cycles(one: tuple[HalfCycle, ...], other: tuple[HalfCycle, ...]) -> bool:
    """Tell whether two tables have the same half-cycles, within `TOLERANCE`."""
    return len(one) == len(other) and all(
        a.sign == b.sign
        and abs(b.charge_ah - a.charge_ah) <= TOLERANCE * a.charge_ah
        and abs(b.mean_voltage_v - a.mean_voltage_v) <= TOLERANCE * abs(a.mean_voltage_v)
        for a, b in zip(one, other, strict=True)
    )


def strays(sample: pl.DataFrame, copy: pl.DataFrame, enough: int) -> int:
    """Count the rows of *copy* that are no rows of *sample* or not in its order, up to one more than *enough*.

    A row is its time, current and voltage, or its voltage and capacities in a curve.
    """
    names = (TIME, CURRENT, VOLTAGE) if has_time_axis(sample) else (VOLTAGE, CHARGED, DISCHARGED)
    if not set(names) <= set(copy.columns):
        return copy.height
    places: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for place, row in enumerate(sample.select(pl.col(names).round(9)).iter_rows()):
        places[row].append(place)
    count, behind = 0, 0
    for row in copy.select(pl.col(names).round(9)).iter_rows():
        here = places.get(row, [])
        at = bisect_left(here, behind)
        if at < len(here):
            behind = here[at] + 1
        else:
            count += 1
            if count > enough:
                break
    return count

"""Measured half-cycles as V(Q), the form in which a fit takes them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.errors import InputError
from lirich.model import table as std
from lirich.testing.digitised import digitised_table

Array = NDArray[np.float64]
Direction = Literal["charge", "discharge"]
POINTS = 90
"""Points of a curve that enter a fit, evenly over its capacity."""
EDGE = (0.005, 0.98)
"""The part of a curve's capacity that is fitted and judged. The last 2 % are the fall to the cut-off, where a capacity
error of 1 mAh/g is 50 mV."""


@dataclass(frozen=True)
class Curve:
    """A half-cycle of constant current: ``capacity_mah_g`` from 0 (n,), ``voltage_v`` (n,), of one *cycle*."""

    cycle: int
    direction: Direction
    capacity_mah_g: Array
    voltage_v: Array
    current_ma_g: float

    def __post_init__(self) -> None:
        if self.capacity_mah_g.shape != self.voltage_v.shape or self.capacity_mah_g.size < 10:
            raise InputError(
                f"Curve of {self.capacity_mah_g.size} capacities and {self.voltage_v.size} voltages",
                expected="as many of both, at least 10",
            )
        if not self.current_ma_g > 0:
            raise InputError(f"A current of {self.current_ma_g:g} mA/g", expected="more than 0")

    @property
    def name(self) -> str:
        """Such as ``cycle 1 charge``."""
        return f"cycle {self.cycle} {self.direction}"

    @property
    def total_mah_g(self) -> float:
        """The capacity of the half-cycle."""
        return float(self.capacity_mah_g.max())

    def sampled(self, points: int = POINTS, edge: tuple[float, float] = EDGE) -> tuple[Array, Array]:
        """Return capacities (points,), evenly over the *edge* part of the whole, and the voltages there."""
        at = np.linspace(edge[0] * self.total_mah_g, edge[1] * self.total_mah_g, points)
        order = np.argsort(self.capacity_mah_g, kind="stable")
        capacity, first = np.unique(self.capacity_mah_g[order], return_index=True)
        # of points at one capacity the last counts: the first are the jump when the current is switched on
        last = np.append(first[1:], order.size) - 1
        return at, np.interp(at, capacity, self.voltage_v[order][last])


def digitised_curves(current_ma_g: float = 25.0) -> list[Curve]:
    """Return cycles 1 and 10 of the real Li-rich cell (`lirich.testing.digitised`).

    The publication states no current; 25 mA/g (C/10 of 250 mAh/g) is a guess.
    """
    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for row in csv.DictReader(digitised_table().splitlines()):
        key = int(row["cycle"]), row["direction"]
        found.setdefault(key, []).append((float(row["capacity_mAh_g"]), float(row["voltage_V"])))
    return [
        Curve(
            cycle,
            "charge" if direction == "charge" else "discharge",
            np.array([q for q, _ in points]),
            np.array([v for _, v in points]),
            current_ma_g,
        )
        for (cycle, direction), points in found.items()
    ]


def curves_from_table(table: pl.DataFrame, active_mass_mg: float, cycles: list[int] | None = None) -> list[Curve]:
    """Return the half-cycles of constant current of a standard table (`lirich.model.table`), in order of time.

    A half-cycle is a run of points of one sign of current within one cycle; parts whose current falls below 70 % of
    its median (constant voltage, rests) are left out. Raises `InputError` where there is none.
    """
    if not active_mass_mg > 0:
        raise InputError(f"An active mass of {active_mass_mg:g} mg", expected="more than 0")
    time = table[std.TIME].to_numpy()
    current = table[std.CURRENT].to_numpy()
    voltage = table[std.VOLTAGE].to_numpy()
    cycle = table[std.CYCLE].to_numpy() if std.CYCLE in table.columns else np.ones(time.size, dtype=int)
    sign = np.sign(np.where(np.abs(current) < 1e-3 * np.abs(current).max(initial=0.0), 0.0, current))
    edges = np.flatnonzero((np.diff(sign) != 0) | (np.diff(cycle) != 0)) + 1
    curves = []
    for part in np.split(np.arange(time.size), edges):
        if part.size < 10 or sign[part[0]] == 0 or (cycles is not None and int(cycle[part[0]]) not in cycles):
            continue
        size = np.abs(current[part])
        middle = float(np.median(size))
        kept = part[size > 0.7 * middle]
        if kept.size < 10:
            continue
        hours = (time[kept] - time[kept[0]]) / 3600.0
        passed = np.concatenate([[0.0], np.cumsum(0.5 * np.diff(hours) * (size_of(current, kept)))])
        curves.append(
            Curve(
                int(cycle[kept[0]]),
                "charge" if sign[kept[0]] > 0 else "discharge",
                passed * 1e6 / active_mass_mg,
                voltage[kept],
                middle * 1e6 / active_mass_mg,
            )
        )
    if not curves:
        raise InputError("The table has no half-cycle of constant current", expected="points with current and voltage")
    return curves


def size_of(current: Array, kept: NDArray[np.int64]) -> Array:
    """Return |I_i| + |I_{i+1}| of the kept points, A, shape (n − 1,)."""
    size = np.abs(current[kept])
    both: Array = size[1:] + size[:-1]
    return both

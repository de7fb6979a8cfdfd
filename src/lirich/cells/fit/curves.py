"""Measured half-cycles as V(Q), the form in which a fit takes them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cells.programme import Step
from lirich.errors import InputError
from lirich.model import table as std

Array = NDArray[np.float64]
Direction = Literal["charge", "discharge"]
POINTS = 90
"""Points of a curve that enter a fit, evenly over its capacity."""
_LEAST = 10
WINDOW_V = (1.25, 5.15)
"""V: beyond, the potentials of the sites are not to be trusted, and a simulation ends."""
_MOST_STEPS = 2000
_PULSES = 5
_REST = 1e-3
_BEYOND_V = 0.5
"""V: a simulated step of a trace ends so far beyond the measured voltages: what goes there is lost anyway."""
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


@dataclass(frozen=True)
class Trace:
    """A test as it went in time: steps of constant current or rest, and ``voltage_v`` (n,) at ``time_s`` (n,).

    GITT and ICI enter a fit so. It begins in *cycle*.
    """

    name: str
    steps: tuple[Step, ...]
    time_s: Array
    voltage_v: Array
    cycle: int = 1

    def until_step(self, count: int) -> Trace:
        """Return the first *count* steps of the test."""
        end = sum(step.until_s or 0.0 for step in self.steps[:count])
        kept = self.time_s <= end
        return replace(self, steps=self.steps[:count], time_s=self.time_s[kept], voltage_v=self.voltage_v[kept])


def curves_from_table(
    table: pl.DataFrame,
    active_mass_mg: float,
    *,
    cycles: Sequence[int] | None = None,
    current_ma_g: float | None = None,
) -> list[Curve]:
    """Return the half-cycles of constant current of a standard table (`lirich.model.table`), in order of time.

    A half-cycle is a run of points of one sign of current within one cycle; parts whose current falls below 70 % of
    its median (constant voltage, rests) are left out. A table without time (voltage against capacity) needs the
    specific *current_ma_g*. Raises `InputError` where there is none.
    """
    if not active_mass_mg > 0:
        raise InputError(f"An active mass of {active_mass_mg:g} mg", expected="more than 0")
    cycle = table[std.CYCLE].to_numpy() if std.CYCLE in table.columns else np.ones(table.height, dtype=int)
    make = _timed if std.has_time_axis(table) else _untimed
    curves = [
        curve
        for curve in make(table, cycle, 1e6 / active_mass_mg, current_ma_g)
        if cycles is None or curve.cycle in cycles
    ]
    if not curves:
        raise InputError(
            "There is no half-cycle of constant current in the table"
            + (f" among cycles {', '.join(map(str, cycles))}" if cycles else ""),
            expected="at least 10 points of one direction in a cycle",
        )
    return curves


def is_pulsed(table: pl.DataFrame) -> bool:
    """Tell whether a standard table (of one cycle) is one of pulses: current of one sign that rests interrupt often."""
    if not std.has_time_axis(table):
        return False
    current = table[std.CURRENT].to_numpy()
    sign = np.sign(np.where(np.abs(current) < _REST * np.abs(current).max(initial=0.0), 0.0, current))
    begins = sign[np.flatnonzero(np.diff(sign, prepend=0.0) != 0)]
    return int(max((begins == 1).sum(), (begins == -1).sum())) >= _PULSES


def data_from_table(
    table: pl.DataFrame,
    active_mass_mg: float,
    *,
    cycles: Sequence[int] | None = None,
    current_ma_g: float | None = None,
) -> list[Curve | Trace]:
    """Return the half-cycles of a standard table as curves, and cycles of pulses (GITT, ICI) as traces, in their order.

    Raises as `curves_from_table` and `trace_from_table`.
    """
    numbers = table[std.CYCLE].to_list() if std.CYCLE in table.columns else [1] * table.height
    found: list[Curve | Trace] = []
    for number in dict.fromkeys(int(n) for n in numbers if n is not None):
        part = table.filter(pl.col(std.CYCLE) == number) if std.CYCLE in table.columns else table
        if cycles is not None and number not in cycles:
            continue
        if is_pulsed(part):
            found.append(trace_from_table(part, active_mass_mg, name=f"cycle {number} pulses", cycle=number))
            continue
        with contextlib.suppress(InputError):  # a cycle without a half-cycle of constant current has nothing to fit
            found += curves_from_table(part, active_mass_mg, current_ma_g=current_ma_g)
    if not found:  # say what is missing
        return [*curves_from_table(table, active_mass_mg, cycles=cycles, current_ma_g=current_ma_g)]
    return found


def _timed(table: pl.DataFrame, cycle: Any, per_ah: float, current_ma_g: float | None) -> list[Curve]:
    del current_ma_g
    time, current = table[std.TIME].to_numpy(), table[std.CURRENT].to_numpy()
    voltage = table[std.VOLTAGE].to_numpy()
    sign = np.sign(np.where(np.abs(current) < 1e-3 * np.abs(current).max(initial=0.0), 0.0, current))
    curves = []
    for part in np.split(np.arange(time.size), np.flatnonzero((np.diff(sign) != 0) | (np.diff(cycle) != 0)) + 1):
        size = np.abs(current[part])
        kept = part[size > 0.7 * np.median(size)] if part.size else part
        if kept.size < _LEAST or sign[part[0]] == 0:
            continue
        size = np.abs(current[kept])
        passed = np.append(0.0, np.cumsum(0.5 * (size[1:] + size[:-1]) * np.diff(time[kept]) / 3600.0))
        direction: Direction = "charge" if sign[part[0]] > 0 else "discharge"
        curves.append(
            Curve(int(cycle[part[0]]), direction, passed * per_ah, voltage[kept], float(np.median(size)) * per_ah)
        )
    return curves


def _untimed(table: pl.DataFrame, cycle: Any, per_ah: float, current_ma_g: float | None) -> list[Curve]:
    if current_ma_g is None:
        raise InputError(
            "The table has voltage against capacity and no current",
            expected="the specific current at which it was measured",
            advice="Say it: --current 25 (mA/g)",
        )
    voltage = table[std.VOLTAGE].to_numpy()
    curves = []
    for number in dict.fromkeys(int(c) for c in cycle):
        here = np.flatnonzero(cycle == number)
        for direction, column in (("charge", std.CHARGED), ("discharge", std.DISCHARGED)):
            if column not in table.columns:
                continue
            amount = table[column].to_numpy()
            kinds = table[std.STEP_TYPE].to_numpy() if std.STEP_TYPE in table.columns else None
            kept = here[kinds[here] == direction] if kinds is not None else here[np.gradient(amount[here]) > 0]
            if kept.size >= _LEAST:
                passed = (amount[kept] - amount[kept[0]]) * per_ah
                curves.append(
                    Curve(
                        number, "charge" if direction == "charge" else "discharge", passed, voltage[kept], current_ma_g
                    )
                )
    return curves


def trace_from_table(
    table: pl.DataFrame, active_mass_mg: float, *, name: str = "trace", points: int | None = None, cycle: int = 1
) -> Trace:
    """Return a test of pulses, rests and rates of a standard table as steps of constant current and V(t).

    *points* is how many enter a fit: by default 360, or six for each step where these are more. A step is a run of
    points between which the current changes by less than 2 % of its largest. Raises `InputError` for a table without
    time, or with more than 2,000 steps.
    """
    if not std.has_time_axis(table):
        raise InputError("A table without time and current is no trace", expected="a test with time and current")
    time, current = table[std.TIME].to_numpy(), table[std.CURRENT].to_numpy()
    level = 0.02 * np.abs(current).max(initial=0.0)
    edges = np.flatnonzero(np.abs(np.diff(current)) > level) + 1
    if edges.size > _MOST_STEPS:
        raise InputError(f"The table has {edges.size} steps of current", expected=f"at most {_MOST_STEPS}")
    bounds = [0, *edges.tolist(), time.size]
    steps = []
    voltage = table[std.VOLTAGE].to_numpy()
    ends = {
        "charge": min(float(voltage.max()) + _BEYOND_V, WINDOW_V[1]),
        "discharge": max(float(voltage.min()) - _BEYOND_V, WINDOW_V[0]),
    }
    for first, end in pairwise(bounds):
        stop = end if end < time.size else end - 1
        duration = float(time[stop] - time[first])
        mean = float(np.median(current[first:end])) * 1e6 / active_mass_mg
        if duration <= 0:
            continue
        every = duration / 60.0
        if abs(mean) * active_mass_mg / 1e6 <= level:
            steps.append(Step("rest", until_s=duration, every_s=every))
        else:
            mode: Direction = "charge" if mean > 0 else "discharge"
            steps.append(Step(mode, abs(mean), until_voltage_v=ends[mode], until_s=duration, every_s=every))
    # at a switch of the current two voltages have one time
    inner = np.setdiff1d(np.arange(time.size), np.concatenate([edges, edges - 1]))
    count = points if points is not None else max(4 * POINTS, 6 * len(steps))
    chosen = inner[np.unique(np.linspace(0, inner.size - 1, min(count, inner.size)).astype(int))]
    return Trace(name, tuple(steps), time[chosen] - time[0], voltage[chosen], cycle)

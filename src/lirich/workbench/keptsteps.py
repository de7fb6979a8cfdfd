"""The points of a run's half-cycles: by the steps that its analysis kept, or taken apart again where they do not fit.

The analysis keeps for each step its rows, direction, kind, half-cycle, charge and first and last voltage. Where the
cycler's capacity columns are what it counted, three columns of the curve are then enough. They are held against the
steps: the rows of all steps, the charge of each, its first and last voltage, to the last bit. Where anything differs
(charge that was integrated, rows that were left out, several files), the curve is annotated again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lirich.errors import MissingColumnError
from lirich.learn.matrix import Array, Direction
from lirich.learn.resample import Points
from lirich.model.table import CHARGED, DISCHARGED, VOLTAGE

if TYPE_CHECKING:
    from lirich.store import Store

_STEP_COLUMNS = (
    "cycle", "half_cycle", "kind", "direction", "rows", "charge_mah", "start_voltage_v", "end_voltage_v",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A test taken apart, as far as its curves need it.

    Per row, shape (n,): ``voltage_v``, ``sign`` (+1, 0, −1), ``held`` (at constant voltage) and ``passed_ah`` as in
    `lirich.cycling.annotation.Annotation`; per half-cycle, shape (h,): ``half_start``, ``half_stop``, ``half_sign`` and
    ``half_cycle`` as there.
    """

    voltage_v: Array
    sign: NDArray[np.int8]
    held: NDArray[np.bool_]
    passed_ah: Array
    half_start: NDArray[np.int64]
    half_stop: NDArray[np.int64]
    half_sign: NDArray[np.int8]
    half_cycle: NDArray[np.int64]

    def points(self, direction: Direction, active_mass_mg: float) -> tuple[Points, NDArray[np.int64]]:
        """Return the points of all half-cycles of one direction, and their cycle numbers, shape (c,).

        As `lirich.cycling.halfcycles.half_cycle`: rests and pulses of the other direction are left out, a point at zero
        capacity is put before the first. What came before the first cycle (cycle 0) is left out.
        """
        sign = 1 if direction == "charge" else -1
        halves = np.flatnonzero((self.half_sign == sign) & (self.half_cycle > 0))
        number = np.full(len(self.half_start), -1, dtype=np.int64)
        number[halves] = np.arange(len(halves))
        curve = np.repeat(number, self.half_stop - self.half_start)
        total = np.append(0.0, np.cumsum(self.passed_ah))
        rows = np.flatnonzero((self.sign == sign) & (curve >= 0))
        curve = curve[rows]
        capacity = 1e6 * (total[rows + 1] - total[self.half_start[halves]][curve]) / active_mass_mg  # Ah, mg to mAh/g
        begins = np.diff(curve, prepend=-1) > 0
        first = np.flatnonzero(begins)
        place = np.arange(len(rows)) + np.cumsum(begins)  # a point goes before the first of each curve
        before = first + np.arange(len(first))
        n = len(rows) + len(first)
        of, voltage = np.empty(n, dtype=np.int64), np.empty(n)
        passed, held = np.zeros(n), np.zeros(n, dtype=np.bool_)
        of[place], of[before] = curve, curve[first]
        voltage[place] = self.voltage_v[rows]
        voltage[before] = voltage[before + 1]
        passed[place], held[place] = capacity, self.held[rows]
        return Points(of, voltage, passed, held), self.half_cycle[halves]


def rows_of_run(store: Store, parameters: Mapping[str, Any]) -> Rows:
    """Return the rows of a run; *parameters* names its ``curves``, ``steps``, ``settings`` and ``electrode``."""
    return _by_steps(store, parameters) or _annotated(store, parameters)


def _by_steps(store: Store, parameters: Mapping[str, Any]) -> Rows | None:
    from lirich.cycling.points import booked_charge

    if parameters["steps"] is None or len(parameters["curves"]) != 1:
        return None
    steps = store.read_curve(parameters["steps"], columns=_STEP_COLUMNS)
    try:
        table = store.read_curve(parameters["curves"][0], columns=(VOLTAGE, CHARGED, DISCHARGED))
    except MissingColumnError:
        return None
    count = steps["rows"].to_numpy()
    if table.height == 0 or count.sum() != table.height or any(c.null_count() for c in table.iter_columns()):
        return None
    voltage, charged, discharged = (table[name].to_numpy().astype(np.float64, copy=False) for name in table.columns)
    stop = np.cumsum(count)
    start = stop - count
    direction = steps["direction"].to_numpy()
    step_sign = (direction == "charge").astype(np.int8) - (direction == "discharge").astype(np.int8)
    sign = np.repeat(step_sign, count)
    dq = booked_charge(charged, discharged, sign)
    charge = np.add.reduceat(dq, start)
    if not (
        np.array_equal(1e3 * charge, steps["charge_mah"].to_numpy())
        and np.array_equal(voltage[start], steps["start_voltage_v"].to_numpy())
        and np.array_equal(voltage[stop - 1], steps["end_voltage_v"].to_numpy())
    ):
        return None
    first = np.flatnonzero(np.diff(steps["half_cycle"].to_numpy(), prepend=0))
    half_start = start[first]
    half_stop = np.append(half_start[1:], len(voltage))
    half_sign = np.sign(np.add.reduceat(charge, first)).astype(np.int8)
    return Rows(
        voltage_v=voltage,
        sign=sign,
        held=np.repeat(steps["kind"].to_numpy() == "constant-voltage", count),
        passed_ah=np.maximum(dq * np.repeat(half_sign, half_stop - half_start), 0.0),
        half_start=half_start,
        half_stop=half_stop,
        half_sign=half_sign,
        half_cycle=steps["cycle"].to_numpy()[first],
    )


def _annotated(store: Store, parameters: Mapping[str, Any]) -> Rows:
    from lirich.cycling import CyclingSettings
    from lirich.cycling.annotation import annotate
    from lirich.readers import join_tables

    table = join_tables([store.read_curve(key) for key in parameters["curves"]])[0]
    settings = CyclingSettings.model_validate(parameters["settings"]) if parameters["settings"] else None
    notes = annotate(table, electrode=parameters["electrode"], settings=settings)
    return Rows(
        voltage_v=notes.points.voltage_v,
        sign=notes.points.sign,
        held=notes.steps.row_held,
        passed_ah=notes.passed_ah,
        half_start=notes.half_start,
        half_stop=notes.half_stop,
        half_sign=notes.half_sign,
        half_cycle=notes.half_cycle,
    )

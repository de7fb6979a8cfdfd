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
from lirich.learn.resample import Points, ranges
from lirich.model.table import CHARGED, DISCHARGED, VOLTAGE

if TYPE_CHECKING:
    import polars as pl

    from lirich.store import Store

STEP_COLUMNS = (
    "cycle", "half_cycle", "kind", "direction", "rows", "charge_mah", "start_voltage_v", "end_voltage_v",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A test taken apart, as far as its curves need it.

    Per row, shape (n,): ``voltage_v`` and ``passed_ah`` as in `lirich.cycling.annotation.Annotation`. Per stretch of
    like rows, shape (s,): ``start``, ``stop``, ``sign`` (+1, 0, −1), ``held`` (at constant voltage) and ``half``, the
    half-cycle that it belongs to. Per half-cycle, shape (h,), one after the other: ``half_start``, ``half_sign`` and
    ``half_cycle`` as there.
    """

    voltage_v: Array
    passed_ah: Array
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    sign: NDArray[np.int8]
    held: NDArray[np.bool_]
    half: NDArray[np.int64]
    half_start: NDArray[np.int64]
    half_sign: NDArray[np.int8]
    half_cycle: NDArray[np.int64]

    def points(self, direction: Direction, active_mass_mg: float) -> tuple[Points, NDArray[np.int64]]:
        """Return the points of all half-cycles of one direction, and their cycle numbers, shape (c,).

        As `lirich.cycling.halfcycles.half_cycle`: rests and pulses of the other direction are left out, a point at zero
        capacity is put before the first. What came before the first cycle (cycle 0) is left out.
        """
        sign = 1 if direction == "charge" else -1
        wanted = (self.half_sign == sign) & (self.half_cycle > 0)
        number = np.cumsum(wanted) - 1
        mine = np.flatnonzero((self.sign == sign) & wanted[self.half])
        half = self.half[mine]
        begins = np.diff(half, prepend=-1) > 0
        # the first row of each half-cycle twice: the point before the first has its voltage
        lengths = self.stop[mine] - self.start[mine] + begins
        rows = ranges(self.start[mine] - begins, lengths)
        before = (np.cumsum(lengths) - lengths)[begins]
        rows[before] += 1
        total = np.cumsum(self.passed_ah)
        begun = np.where(self.half_start > 0, total[self.half_start - 1], 0.0)
        capacity = total[rows]
        capacity -= np.repeat(begun[half], lengths)
        capacity *= 1e6  # Ah and mg to mAh/g
        capacity /= active_mass_mg
        capacity[before] = 0.0
        held = np.repeat(self.held[mine], lengths)
        held[before] = False
        points = Points(np.repeat(number[half], lengths), self.voltage_v[rows], capacity, held)
        return points, self.half_cycle[wanted]


def rows_of_run(store: Store, parameters: Mapping[str, Any], steps: pl.DataFrame | None = None) -> Rows:
    """Return the rows of a run; *parameters* names its ``curves``, ``steps``, ``settings`` and ``electrode``.

    *steps* are the `STEP_COLUMNS` of its kept steps where they have been read.
    """
    return _by_steps(store, parameters, steps) or _annotated(store, parameters)


def steps_of_run(parameters: Mapping[str, Any]) -> str | None:
    """Return the key of the steps that the rows of a run can be had by, if there are such."""
    return parameters["steps"] if len(parameters["curves"]) == 1 else None


def _by_steps(store: Store, parameters: Mapping[str, Any], steps: pl.DataFrame | None = None) -> Rows | None:
    from lirich.cycling.charge import booked_charge

    key = steps_of_run(parameters)
    if key is None:
        return None
    if steps is None:
        steps = store.read_curve(key, columns=STEP_COLUMNS)
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
    half = steps["half_cycle"].to_numpy()
    new = np.diff(half, prepend=0) != 0
    first = np.flatnonzero(new)
    half_sign = np.sign(np.add.reduceat(charge, first)).astype(np.int8)
    of_half = np.cumsum(new) - 1
    dq *= np.repeat(half_sign[of_half].astype(np.float64), count)
    np.maximum(dq, 0.0, out=dq)
    return Rows(
        voltage_v=voltage,
        passed_ah=dq,
        start=start,
        stop=stop,
        sign=step_sign,
        held=steps["kind"].to_numpy() == "constant-voltage",
        half=of_half,
        half_start=start[first],
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
    sign, held = notes.points.sign, notes.steps.row_held
    new = np.append(True, (sign[1:] != sign[:-1]) | (held[1:] != held[:-1]))
    new[notes.half_start] = True
    start = np.flatnonzero(new)
    return Rows(
        voltage_v=notes.points.voltage_v,
        passed_ah=notes.passed_ah,
        start=start,
        stop=np.append(start[1:], len(sign)),
        sign=sign[start],
        held=held[start],
        half=np.searchsorted(notes.half_start, start, side="right") - 1,
        half_start=notes.half_start,
        half_sign=notes.half_sign,
        half_cycle=notes.half_cycle,
    )

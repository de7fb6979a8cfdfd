"""One charge or one discharge: the object that most figures of merit are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lirich.cycling.arrays import Array

Direction = Literal["charge", "discharge"]


@dataclass(frozen=True, slots=True, eq=False)
class HalfCycle:
    """The points of one half-cycle in the order in which they were recorded, rests left out.

    Attributes
    ----------
    cycle:
        lirich's own cycle number, from 1; 0 is what was taken out of the cell before its first cycle.
    direction:
        ``charge`` (current positive) or ``discharge``.
    voltage_v:
        Voltage, V, shape (n,).
    capacity_mah:
        Charge passed since the start of the half-cycle, mAh, shape (n,); starts at 0, never decreases,
        positive in both directions.
    current_ma:
        Current, mA, signed, shape (n,), or ``None`` for a curve without a time axis.
    time_s:
        Test time, s, shape (n,), or ``None`` for a curve without a time axis.
    constant_voltage:
        True where the cycler held the voltage, shape (n,).
    """

    cycle: int
    direction: Direction
    voltage_v: Array
    capacity_mah: Array
    current_ma: Array | None
    time_s: Array | None
    constant_voltage: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.voltage_v)


def weighted_median(values: Array, weights: Array) -> float:
    """Return the median of *values*, both shape (n,), where each counts by its weight; NaN without any weight."""
    keep = weights > 0.0
    values, weights = values[keep], weights[keep]
    if len(values) == 0:
        return float("nan")
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])

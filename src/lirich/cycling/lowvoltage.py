"""Capacity below or above a threshold voltage: the spinel-like (Mn³⁺/⁴⁺) share, and what the plateau takes up.

All parts of a half-cycle beyond the threshold are summed, so a noisy or relaxing voltage that crosses it
several times is counted right; the crossing itself is interpolated linearly within one increment. The
thresholds of 3.5 V (discharge) and 4.40 V (charge) follow Kim et al., Energy Environ. Sci. 18 (2025) 4222,
and Croy et al., J. Electrochem. Soc. 161 (2014) A318, doi:10.1149/2.049403jes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lirich.cycling.arrays import Array
from lirich.cycling.halfcycle import HalfCycle
from lirich.model import Electrode
from lirich.model.counter import counter_potential_v

LOW_VOLTAGE_V = 3.5
"""Threshold of the low-voltage discharge capacity, V vs Li/Li⁺."""

HIGH_VOLTAGE_V = 4.40
"""Threshold of the high-voltage charge capacity, V vs Li/Li⁺."""


def lithium_thresholds(electrode: Electrode | None, counter_electrode: str | None) -> bool:
    """Tell whether thresholds of a cathode in V vs Li/Li⁺ say something of this cell.

    An anode material has no Mn³⁺, and the voltage of a full cell is not that of its cathode; nor is one against a
    counter electrode that is known to stand elsewhere (`lirich.model.counter`).
    """
    return electrode not in ("anode", "full") and not counter_potential_v(counter_electrode)


def ends_above_zero(discharge_end_v: ArrayLike) -> NDArray[np.bool_]:
    """Tell of discharges that end at these voltages, V, whether they can be those of a cathode against Li.

    Its voltage never changes sign. That of a symmetric cell does in every cycle, and it is negative where lithium is
    plated: a capacity "below 3.5 V" would be all of it. Where no end is known (NaN), nothing speaks against it.
    """
    return ~(np.asarray(discharge_end_v, dtype=np.float64) < 0.0)


def share_below(start_v: Array, end_v: Array, threshold_v: float) -> Array:
    """Return the share (0 to 1) of each increment that lies below *threshold_v*.

    *start_v* and *end_v*, V, shape (n,), are the voltages at the ends of the increments; the voltage is taken
    as linear in charge between them. An increment at constant voltage counts wholly below where its voltage
    is below the threshold. Works on the increments of a whole table at once: multiply by the charge of each
    increment and sum per half-cycle.
    """
    starts_below, ends_below = start_v < threshold_v, end_v < threshold_v
    share = ends_below.astype(np.float64)
    cross = np.flatnonzero(starts_below != ends_below)  # few of them: the rest is 0 or 1
    start, end = start_v[cross], end_v[cross]
    share[cross] = (threshold_v - np.minimum(start, end)) / np.abs(end - start)
    return share


def capacity_below(voltage_v: Array, capacity_mah: Array, threshold_v: float) -> float:
    """Return the charge passed below *threshold_v*, in the unit of *capacity_mah*.

    *voltage_v*, V, and *capacity_mah* (cumulative), shape (n,). 0 for fewer than two points.
    """
    if len(voltage_v) < 2:
        return 0.0
    return float(np.diff(capacity_mah) @ share_below(voltage_v[:-1], voltage_v[1:], threshold_v))


def capacity_above(voltage_v: Array, capacity_mah: Array, threshold_v: float) -> float:
    """Return the charge passed at or above *threshold_v*: the rest of `capacity_below`, and never less than 0."""
    if len(voltage_v) < 2:
        return 0.0
    return float(np.diff(capacity_mah) @ (1.0 - share_below(voltage_v[:-1], voltage_v[1:], threshold_v)))


def low_voltage_capacity_mah(half: HalfCycle, threshold_v: float = LOW_VOLTAGE_V) -> float:
    """Return the charge that *half* passes below *threshold_v*, mAh; constant-voltage parts included."""
    return capacity_below(half.voltage_v, half.capacity_mah, threshold_v)


def high_voltage_capacity_mah(half: HalfCycle, threshold_v: float = HIGH_VOLTAGE_V) -> float:
    """Return the charge that *half* passes at or above *threshold_v*, mAh; constant-voltage parts included."""
    return capacity_above(half.voltage_v, half.capacity_mah, threshold_v)

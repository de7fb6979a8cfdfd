"""Activation in the first charge: V*, and the slope and plateau capacities on its two sides.

V* is the valley of dQ/dV between the transition-metal peak (~3.9 V) and the plateau peak (~4.5 V), searched from 4.2 to
4.5 V. The split depends on V* (by 15 mAh/g per 0.1 V in the valley of the digitised cell, by 36 above 4.4 V), so V*,
how it was found and by how much the split moves go with each number. Slope and plateau: Lu & Dahn, J. Electrochem. Soc.
149 (2002) A815, doi:10.1149/1.1480014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lirich.cycling.dqdv import DEFAULT_SMOOTHING, Dqdv, Smoothing, dqdv
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.lowvoltage import capacity_above, capacity_below
from lirich.cycling.peakintervals import position_interval, variants
from lirich.cycling.peaks import Peak, find_peaks, valley_between
from lirich.errors import NotEnoughDataError
from lirich.model import Interval
from lirich.model.format import format_below

SEARCH_V = (4.2, 4.5)
"""Where the valley is looked for, V (definition of ``activation_voltage_v``)."""

FALLBACK_V = 4.4
"""V* where there is no valley, V (definition of ``activation_voltage_v``)."""

TRANSITION_METAL_V = (3.6, 4.2)
"""Where the transition-metal peak of the first charge is looked for, V: around ~3.9 V, below the valley's
window."""

PLATEAU_V = (4.35, 4.75)
"""Where the plateau peak of the first charge is looked for, V: around ~4.5 V, up to usual cut-offs."""


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """V* (V), how it was found, slope and plateau capacities (mAh), the two peaks and the dQ/dV they come from.

    ``interval`` is that of a valley (see `lirich.cycling.peakintervals.position_interval`), ``None`` for the fallback.
    ``move_mah`` is the capacity between V* − 50 mV and V* + 50 mV: how far the split moves per 0.1 V of V*.
    """

    voltage_v: float
    how: Literal["valley", "fallback"]
    slope_mah: float
    plateau_mah: float
    move_mah: float
    interval: Interval | None
    transition_metal: Peak | None
    plateau: Peak | None
    curve: Dqdv


def activation(first_charge: HalfCycle, *, smoothing: Smoothing = DEFAULT_SMOOTHING) -> Activation:
    """Find V* in *first_charge* and split its capacity there; constant-voltage parts count above.

    The plateau peak may be the end of the curve where the charge stops on the plateau. Raises
    `NotEnoughDataError` where the charge does not reach 4.4 V or is too short for dQ/dV.
    """
    highest = float(first_charge.voltage_v.max()) if len(first_charge) else 0.0
    if highest <= FALLBACK_V:
        raise NotEnoughDataError(
            f"The first charge ends at {format_below(highest, FALLBACK_V)} V",
            expected=f"more than {FALLBACK_V} V, where the plateau begins",
        )
    curve = dqdv(first_charge, smoothing)
    metals = _highest(find_peaks(curve, low_v=TRANSITION_METAL_V[0], high_v=TRANSITION_METAL_V[1]))
    plateau = _highest(find_peaks(curve, low_v=PLATEAU_V[0], high_v=PLATEAU_V[1]))
    high = min(SEARCH_V[1], plateau.voltage_v if plateau is not None else SEARCH_V[1], float(curve.voltage_v[-1]))
    valley = valley_between(curve, SEARCH_V[0], high) if metals is not None else None
    voltage = FALLBACK_V if valley is None else valley
    bounds = None
    if valley is not None:
        bounds = position_interval(
            valley, variants(first_charge, smoothing), lambda other: valley_between(other, SEARCH_V[0], high)
        )

    def below(at: float) -> float:
        return capacity_below(first_charge.voltage_v, first_charge.capacity_mah, at)

    return Activation(
        voltage_v=voltage,
        how="fallback" if valley is None else "valley",
        slope_mah=below(voltage),
        plateau_mah=capacity_above(first_charge.voltage_v, first_charge.capacity_mah, voltage),
        interval=bounds,
        move_mah=below(voltage + 0.05) - below(voltage - 0.05),
        transition_metal=metals,
        plateau=plateau,
        curve=curve,
    )


def _highest(peaks: list[Peak]) -> Peak | None:
    return max(peaks, key=lambda peak: peak.height_mah_v, default=None)

"""A simple, explicit model of a Li-rich half-cell, whose truth is known because it is put in.

The active material is a sum of redox sites. Each fills by a Frumkin isotherm without interaction,
q(V) = q₀ / (1 + exp(−(V − U)/w)), and is passed at U + δ in charge and at U − δ in discharge. The sum over the
sites, solved for V, gives a charge branch and a discharge branch over the extracted capacity y (mAh/g); M(y) is
their middle and H(y) half of their distance. A one-state hysteresis h moves the cell between the branches,
dh/dy = (±1 − h)/λ (the state of Plett, J. Power Sources 134 (2004) 262, doi:10.1016/j.jpowsour.2004.02.032). Under a
specific current i

    V = M(y) + h·H(y) + i·R + i·S(y) + c·exp(−t/τ)

with an instant resistance R, a slow one S(y) that rises at the delithiated end and, in discharge, towards the lithiated
end (sluggish diffusion: the rate capability), and the slow overpotential c that the step before left behind. Each
cycle moves the sites (``structural`` ageing: potentials fall, high-voltage capacity turns into spinel-like
low-voltage capacity or is lost) and raises R and S by one factor (``polarisation``). The first charge has sites of its
own: the transition-metal slope and the activation plateau.

No parameter is fitted to one cell: they are chosen so that the curves lie where Li1.2Mn0.54Ni0.13Co0.13O2 lies
(first charge with a plateau near 4.5 V, first Coulombic efficiency 75–90 %, 250–280 mAh/g at 0.1C; Yang et al., EES
Batteries 2 (2026) 377, doi:10.1039/d5eb00167f). Nothing here is shared with `lirich.cycling`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid

Array = NDArray[np.float64]

_VOLTAGE_GRID = np.linspace(1.0, 5.4, 2201)
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Site:
    """One redox site: capacity q₀ (mAh/g), potential U (V), width w (V), half of its hysteresis δ (V)."""

    capacity_mah_g: float
    potential_v: float
    width_v: float
    hysteresis_v: float = 0.0


@dataclass(frozen=True, slots=True)
class Material:
    """The parameters of one cell's active material; resistances are specific, V per (A/g) = Ω·g.

    ``first_charge`` are the sites of the first charge, ``host`` those of the activated material at cycle 1. Per
    cycle, all potentials of the host fall by ``potential_drop_v``, the last site of the host (oxygen redox) hands
    ``spinel_growth_mah_g`` to the first one (spinel-like) and loses ``capacity_loss_mah_g``; R and S grow by the
    fraction ``resistance_growth``. S(y) = S₀·(1 + high·exp(−(y_max − y)/25) + low·exp(−y/43)), low in discharge
    only. ``parasitic_share`` of the charge current oxidises electrolyte.
    """

    first_charge: tuple[Site, ...]
    host: tuple[Site, ...]
    resistance_ohm_g: float
    slow_resistance_ohm_g: float
    slow_time_s: float
    slow_low_end: float
    slow_high_end: float
    hysteresis_length_mah_g: float
    parasitic_share: float
    potential_drop_v: float
    spinel_growth_mah_g: float
    capacity_loss_mah_g: float
    resistance_growth: float

    def structure_only(self) -> Material:
        """Return the same material without growth of resistance."""
        return replace(self, resistance_growth=0.0)

    def polarisation_only(self) -> Material:
        """Return the same material without any change of its sites."""
        return replace(self, potential_drop_v=0.0, spinel_growth_mah_g=0.0, capacity_loss_mah_g=0.0)

    def host_after(self, cycles: float) -> tuple[Site, ...]:
        """Return the sites of the host after *cycles* cycles of ageing."""
        sites = [replace(s, potential_v=s.potential_v - cycles * self.potential_drop_v) for s in self.host]
        grown, lost = cycles * self.spinel_growth_mah_g, cycles * self.capacity_loss_mah_g
        left = max(0.0, sites[-1].capacity_mah_g - grown - lost)
        sites[0] = replace(sites[0], capacity_mah_g=sites[0].capacity_mah_g + grown)
        sites[-1] = replace(sites[-1], capacity_mah_g=left)
        return tuple(sites)


@dataclass(frozen=True, slots=True)
class State:
    """Where the cell stands: extracted capacity y (mAh/g), hysteresis h (−1 to 1), slow overpotential v₁ (V)."""

    extracted_mah_g: float
    hysteresis: float
    slow_v: float


@dataclass(frozen=True, slots=True)
class Trace:
    """One step on a fine grid, without noise; all arrays of shape (n,).

    Time (s), voltage (V), specific current (A/g, charge positive), passed specific charge (mAh/g, from 0, positive).
    """

    time_s: Array
    voltage_v: Array
    current_a_g: Array
    charge_mah_g: Array
    state: State

    @property
    def energy_mwh_g(self) -> Array:
        """∫V dq since the start of the step, mWh/g, shape (n,)."""
        return np.asarray(cumulative_trapezoid(self.voltage_v, self.charge_mah_g, initial=0.0))


class Host:
    """The curves M(y), H(y) and R(y) of a set of sites."""

    def __init__(self, sites: tuple[Site, ...], material: Material, resistance_factor: float = 1.0) -> None:
        up, down = _filled(sites, +1), _filled(sites, -1)
        self.total_mah_g = sum(s.capacity_mah_g for s in sites)
        self._y = np.linspace(0.0, self.total_mah_g, 2001)
        inner = self._y.clip(1e-6, self.total_mah_g - 1e-6)
        charge = np.interp(inner, up, _VOLTAGE_GRID)
        discharge = np.interp(inner, down, _VOLTAGE_GRID)
        self._middle = (charge + discharge) / 2
        self._half = (charge - discharge) / 2
        self._charge_branch = up
        self._material = material
        self._factor = resistance_factor
        self.resistance_ohm_g = float(material.resistance_ohm_g * resistance_factor)

    def equilibrium_v(self, y: Array | float, h: Array | float) -> Array:
        """Return M(y) + h·H(y), V."""
        return np.asarray(np.interp(y, self._y, self._middle) + h * np.interp(y, self._y, self._half))

    def slow_resistance_ohm_g(self, y: Array | float, current: float) -> Array:
        """Return S(y) for the sign of a current, Ω·g."""
        m = self._material
        low = (m.slow_low_end if current < 0 else 0.0) * np.exp(-np.asarray(y) / 43.0)
        high = m.slow_high_end * np.exp(-(self.total_mah_g - np.asarray(y)) / 25.0)
        return np.asarray(self._factor * m.slow_resistance_ohm_g * (1.0 + low + high))

    def extracted_at(self, voltage_v: float) -> float:
        """Return y on the charge branch at a voltage, mAh/g."""
        return float(np.interp(voltage_v, _VOLTAGE_GRID, self._charge_branch))


def _filled(sites: tuple[Site, ...], direction: int) -> Array:
    total = np.zeros_like(_VOLTAGE_GRID)
    for s in sites:
        x = (_VOLTAGE_GRID - s.potential_v - direction * s.hysteresis_v) / s.width_v
        total += s.capacity_mah_g / (1.0 + np.exp(-x.clip(-60, 60)))
    return total


def constant_current(
    host: Host, material: Material, state: State, current_a_g: float, limit_v: float, max_mah_g: float = 1e9
) -> Trace:
    """Pass a constant current until the voltage limit, or until *max_mah_g* has been passed."""
    sign = 1 if current_a_g > 0 else -1
    share = 1.0 - (material.parasitic_share if sign > 0 else 0.0)
    room = (host.total_mah_g - state.extracted_mah_g if sign > 0 else state.extracted_mah_g) / share
    end = min(max_mah_g, max(room, 0.2))
    q = np.unique(np.concatenate([np.arange(0.0, min(2.0, end), 0.01), np.arange(0.0, end, 0.1), [end]]))
    time = q / (abs(current_a_g) * 1000.0) * _HOUR_S
    y = state.extracted_mah_g + sign * q * share
    h = sign + (state.hysteresis - sign) * np.exp(-q * share / material.hysteresis_length_mah_g)
    steady = current_a_g * host.slow_resistance_ohm_g(y, current_a_g)
    slow = steady + (state.slow_v - steady[0]) * np.exp(-time / material.slow_time_s)
    v = host.equilibrium_v(y, h) + current_a_g * host.resistance_ohm_g + slow
    beyond = np.flatnonzero(sign * (v - limit_v) >= 0)
    beyond = beyond[beyond > 0]
    if len(beyond):
        k = int(beyond[0])
        part = float(np.clip((limit_v - v[k - 1]) / (v[k] - v[k - 1]), 0.0, 1.0))
        columns = [np.append(a[:k], a[k - 1] + part * (a[k] - a[k - 1])) for a in (time, v, q, y, h, slow)]
        time, v, q, y, h, slow = columns
    end_state = State(float(y[-1]), float(h[-1]), float(slow[-1]))
    return Trace(time, v, np.full_like(time, current_a_g), q, end_state)


def constant_voltage(
    host: Host, material: Material, state: State, voltage_v: float, stop_a_g: float, max_time_s: float
) -> Trace:
    """Hold a charge voltage until the current has fallen to *stop_a_g* or the time is over."""
    share = 1.0 - material.parasitic_share
    room = max(host.total_mah_g - state.extracted_mah_g, 0.1) / share
    q = np.unique(np.concatenate([np.arange(0.0, min(room, 5.0), 0.001), np.arange(0.0, room, 0.02)]))
    y = state.extracted_mah_g + q * share
    h = 1.0 + (state.hysteresis - 1.0) * np.exp(-q * share / material.hysteresis_length_mah_g)
    gap = voltage_v - host.equilibrium_v(y, h)
    slow_resistance = host.slow_resistance_ohm_g(y, 1.0)
    current = gap / (host.resistance_ohm_g + slow_resistance)
    count = int(np.argmax(current <= stop_a_g)) if (current <= stop_a_g).any() else len(q)
    count = max(count, 2)
    q, y, h = q[:count], y[:count], h[:count]
    current = np.maximum(current[:count], stop_a_g)
    time = np.asarray(cumulative_trapezoid(1.0 / (current * 1000.0), q, initial=0.0)) * _HOUR_S
    kept = max(2, int(np.searchsorted(time, max_time_s)))
    end = min(kept, count) - 1
    state_after = State(float(y[end]), float(h[end]), float(current[end] * slow_resistance[end]))
    held = np.full(end + 1, voltage_v)
    return Trace(time[: end + 1], held, current[: end + 1], q[: end + 1], state_after)


def rest(host: Host, material: Material, state: State, duration_s: float) -> Trace:
    """Leave the cell at open circuit; the slow overpotential decays, hysteresis stays."""
    time = np.concatenate([[0.0], np.geomspace(0.5, duration_s, 60)])
    slow = state.slow_v * np.exp(-time / material.slow_time_s)
    v = float(host.equilibrium_v(state.extracted_mah_g, state.hysteresis)) + slow
    zero = np.zeros_like(time)
    return Trace(time, v, zero, zero, replace(state, slow_v=float(slow[-1])))

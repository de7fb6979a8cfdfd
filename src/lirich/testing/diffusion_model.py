"""GITT and intermittent-current cells: the curve model with diffusion in a sphere instead of its slow resistance.

For a sphere of radius R under a flux that is constant over a step, the surface differs from the mean by a sum of modes,
each a first-order lag, so that every step is exact:

    y_surface − y = Σ uₙ,   duₙ/dt = (2/3)·i − (λₙ²·D/R²)·uₙ,   tan λₙ = λₙ

(Crank, *The Mathematics of Diffusion*, 2nd ed., Oxford 1975, eq. 6.45, written per mode; i in mAh/g per second.)
Modes beyond the last one are in their steady state. The voltage is that of the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from lirich.cells.programme import GITT, ICI, Interrupts
from lirich.testing.curve_model import Array, Host, Material, State, Trace
from lirich.testing.cycler import (
    CHECK_C,
    LOWER_V,
    ONE_C_A_G,
    UPPER_V,
    CycledCell,
    PlannedCycle,
    Recorder,
    fresh,
    one_cycle,
)

_MODES = 400
FIRST_CYCLES = 2
"""Formation cycles before the pulses."""
PULSE_STEPS = (("cc_charge", 20), ("cc_discharge", 22))
"""Kind of step and place in the cycler's programme of the pulses of charge and of discharge; rests are one behind."""


@dataclass(frozen=True)
class Sphere:
    """A particle: radius (m) and chemical diffusivity (m²/s), the same at every lithium content."""

    radius_m: float
    diffusivity_m2_s: float

    @cached_property
    def rates_per_s(self) -> Array:
        """λₙ²·D/R² of the modes, 1/s, shape (400,)."""
        roots = [
            brentq(lambda x: np.sin(x) - x * np.cos(x), n * np.pi + 0.1, n * np.pi + np.pi / 2)
            for n in range(1, _MODES + 1)
        ]
        return np.asarray(roots) ** 2 * self.diffusivity_m2_s / self.radius_m**2

    @cached_property
    def fast_part_s(self) -> float:
        """What all modes beyond the last add in their steady state: (2/3)·(1/10 − Σ 1/λₙ²)·R²/D, s."""
        whole = self.radius_m**2 / self.diffusivity_m2_s / 10.0
        return float((2.0 / 3.0) * (whole - np.sum(1.0 / self.rates_per_s)))


@dataclass(slots=True)
class ParticleState:
    """Mean extracted capacity (mAh/g), hysteresis, and the modes (mAh/g)."""

    extracted_mah_g: float
    hysteresis: float
    modes: Array


def pass_current(
    host: Host, material: Material, sphere: Sphere, state: ParticleState, current_a_g: float, times_s: Array
) -> tuple[Trace, bool]:
    """Pass a constant current (or none) over *times_s*; stop at a voltage limit. Updates *state*.

    Returns the trace and whether a limit was reached.
    """
    per_second = current_a_g * 1000.0 / 3600.0
    sign = np.sign(current_a_g)
    y = state.extracted_mah_g + per_second * times_s
    h = np.full_like(times_s, state.hysteresis)
    if sign:
        h = sign + (state.hysteresis - sign) * np.exp(-np.abs(per_second) * times_s / material.hysteresis_length_mah_g)
    steady = (2.0 / 3.0) * per_second / sphere.rates_per_s
    decay = np.exp(-np.outer(times_s, sphere.rates_per_s))
    modes = steady + (state.modes - steady) * decay
    surface = y + modes.sum(axis=1) + per_second * sphere.fast_part_s
    v = host.equilibrium_v(surface, h) + current_a_g * host.resistance_ohm_g
    beyond = np.flatnonzero((v >= UPPER_V) if sign > 0 else (v <= LOWER_V)) if sign else np.array([], dtype=int)
    end = min(int(beyond[0]) + 1, len(times_s)) if len(beyond) else len(times_s)
    end = max(end, 2)
    state.extracted_mah_g, state.hysteresis, state.modes = float(y[end - 1]), float(h[end - 1]), modes[end - 1]
    moved = np.abs(per_second) * times_s[:end]
    after = State(state.extracted_mah_g, state.hysteresis, 0.0)
    return Trace(times_s[:end], v[:end], np.full(end, current_a_g), moved, after), bool(len(beyond))


DIFFUSIVITY_M2_S = 8.0e-18
"""That of the laboratory's GITT and ICI cells: chosen so that a pulse of 300 s is within the validity of the square
root of time in crystals of 0.5 µm (τD/R² about 0.01; Weppner and Huggins, doi:10.1149/1.2133112, ask for far below 1).
"""
_KINDS = {"gitt": GITT, "ici": ICI}


@dataclass(frozen=True, slots=True)
class Pulses:
    """A GITT or ICI (`lirich.cells.programme`) at 0.1C, and when the cycler records in it.

    ``on`` and ``off`` are times since the start of a pulse and of a rest, s, from 0.
    """

    segment: str
    kind: Interrupts
    on: Array
    off: Array

    def truth(self, sphere: Sphere, count: int, resistance_ohm_g: float) -> dict[str, float | str]:
        """Return what a cell with *count* such pulses states as the truth of its diffusion."""
        return {
            "segment": self.segment,
            "lithium_diffusivity_m2_s": sphere.diffusivity_m2_s,
            "particle_radius_m": sphere.radius_m,
            "pulse_s": self.kind.pulse_s,
            "rest_s": self.kind.rest_s,
            "pulses": count,
            "diffusion_validity_number": self.kind.pulse_s * sphere.diffusivity_m2_s / sphere.radius_m**2,
            "instant_resistance_ohm_g": resistance_ohm_g,
        }


def pulses_of(kind: str) -> Pulses:
    """Return the pulses of a GITT (``gitt``), or of current interrupts (``ici``), read every 0.5 s."""
    found = _KINDS[kind]
    on_s, off_s = found.pulse_s, found.rest_s
    early = np.array([0.0, 0.01, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
    on = np.concatenate([early, np.arange(10.0, on_s + 1.0, 10.0)])
    if kind == "gitt":
        off = np.concatenate([early, np.arange(10.0, 120.0, 10.0), np.arange(120.0, off_s + 1.0, 240.0), [off_s]])
    else:
        off = np.concatenate([[0.0, 0.01], np.arange(0.5, off_s + 0.1, 0.5)])
    return Pulses(kind, found, on, off)


def intermittent_cell(material: Material, sphere: Sphere, kind: str) -> CycledCell:
    """Run two formation cycles, then one charge and one discharge of `pulses_of` that kind."""
    cell = CycledCell(material)
    recorder = Recorder()
    state, host = fresh(material)
    for n in range(1, FIRST_CYCLES + 1):
        state, host = one_cycle(cell, recorder, n, PlannedCycle("formation", 0.05, 0.05), state, host)
    plan = pulses_of(kind)
    particle = ParticleState(state.extracted_mah_g, state.hysteresis, np.zeros(_MODES))
    count = 0
    for direction, (step_kind, index) in zip((1, -1), PULSE_STEPS, strict=True):
        done = False
        for _ in range(4000):  # far more pulses than the material has capacity for
            trace, done = pass_current(host, material, sphere, particle, direction * CHECK_C * ONE_C_A_G, plan.on)
            recorder.add(trace, step_kind, FIRST_CYCLES + 1, index, trace.time_s[1:])
            count += 1
            trace, _ = pass_current(host, material, sphere, particle, 0.0, plan.off)
            recorder.add(trace, "rest", FIRST_CYCLES + 1, index + 1, plan.off[1:])
            if done:
                break
    cell.log = recorder.log()
    cell.extra = plan.truth(sphere, count, host.resistance_ohm_g)
    return cell

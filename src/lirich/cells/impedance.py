"""Impedance of a Li-rich half-cell: the crystal's own equations, linearised at a state, and one capacitance more.

The discretised equations of the model give, at a state at rest, the Jacobian J of the Li in the shells of the crystal
and of its surface potential. Under a small alternating current δI the Li obeys (iω − J)·δy = b·δI, solved for each
frequency. What changes over hours and cycles (sites, hysteresis, cracks, losses) is held: it does not follow a
signal of a few millivolts. In series and in parallel stand what the model has at the interface::

    Z = R_series + R_counter + R_film + 1 / (iωC + 1/(R_ct + Z_diffusion))

The double layer C per wetted area is not part of the single-particle model, which has no charge to spare at its
surface; it is added here (`DOUBLE_LAYER_F_M2`). The counter electrode has its own arc where *counter_f* is given.

A mesh of equal shells does not resolve the surface at high frequency: with 20 shells of a crystal of 470 nm the Warburg
slope is lost above D/(R/20)². `surface_model` has shells that become thinner towards the surface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from lirich.cells.models import SHELLS, SINGLE_PARTICLE
from lirich.cells.programme import Programme, Step
from lirich.cells.simulation import Array, Model, Simulator
from lirich.errors import InputError, SettingsError

FREQUENCY, REAL, IMAGINARY = "frequency_hertz", "real_impedance_ohm", "imaginary_impedance_ohm"
"""Columns of a spectrum; a capacitor has a negative imaginary part."""

DOUBLE_LAYER_F_M2 = 0.2
"""20 µF/cm², of the 10 to 40 µF/cm² of Bard & Faulkner, *Electrochemical Methods*, 2nd ed. (Wiley 2001), §1.2. A guess
for this oxide."""
COUNTER_F = 3e-5
"""20 µF/cm² on 1.5 cm² of Li metal. A guess."""

EQUILIBRIUM_S = 40.0
"""A state counts as at rest after this many R²/D."""

LITHIUM, POTENTIAL, CURRENT = "Lithium in the crystal", "Surface potential [V]", "Current [A]"
_NEEDED = ("Film resistance [Ohm.m2]", "Wetted area [m2.g-1]", "Connected part of the crystals")

CONSTANT_DIFFUSION: Mapping[str, float] = {"Relative diffusivity of a full or empty crystal": 1.0}
"""Changes that make the diffusivity the same at every Li content."""
NO_AGEING: Mapping[str, float] = {
    "Activation rate [s-1]": 0.0,
    "Hysteresis rate": 0.0,
    "Reconstruction rate [m.s-1]": 0.0,
    "Transformation per throughput in the bulk": 0.0,
    "Transformation per throughput and wetted area": 0.0,
    "Grain-boundary cracking rate": 0.0,
    "Crystal cracking rate": 0.0,
}
"""Changes that leave a crystal as it is: nothing ages, and there is no hysteresis."""


def surface_model(shells: int = SHELLS, outputs: tuple[str, ...] = ()) -> Model:
    """Return the single-particle model with its surface resolved: for pulses, interrupts and impedance."""
    return SINGLE_PARTICLE.surface_resolved(shells).recording(*outputs)


@dataclass(frozen=True)
class Spectrum:
    """An impedance spectrum and what it is made of.

    ``table`` has `FREQUENCY` (Hz, falling), `REAL` and `IMAGINARY` (Ω). The resistances (Ω) and the double layer (F)
    are those of the whole electrode; ``potential_v`` is that of the state, ``area_m2`` the wetted area.
    """

    table: pl.DataFrame
    potential_v: float
    charge_transfer_ohm: float
    film_ohm: float
    counter_ohm: float
    series_ohm: float
    double_layer_f: float
    area_m2: float

    @property
    def impedance_ohm(self) -> Any:
        """The complex impedance, Ω, shape (n,)."""
        return self.table[REAL].to_numpy() + 1j * self.table[IMAGINARY].to_numpy()


def rested(simulator: Simulator, changes: Mapping[str, float] | None = None, before: Programme | None = None) -> Array:
    """Return the state after *before* (by default a pristine cell) and a rest long enough for the crystal to be even.

    The rest takes `EQUILIBRIUM_S` times the diffusion time of the largest path, at most 60 days.
    """
    parameters = simulator.parameters(changes)
    length = parameters["Particle radius [m]"]
    slowest = length**2 / (
        parameters["Maximum diffusivity [m2.s-1]"] * parameters["Relative diffusivity of a full or empty crystal"]
    )
    rest = Step("rest", until_s=float(np.clip(EQUILIBRIUM_S / 20.0 * slowest, 60.0, 60 * 86400.0)))
    steps = (*(before.steps if before is not None else ()), rest)
    return simulator.run(Programme(steps, before.one_c_ma_g if before is not None else 250.0), changes).final


def impedance(
    simulator: Simulator,
    frequency_hz: ArrayLike,
    changes: Mapping[str, float] | None = None,
    *,
    state: Array | None = None,
    double_layer_f_m2: float = DOUBLE_LAYER_F_M2,
    counter_f: float = COUNTER_F,
) -> Spectrum:
    """Return the impedance of the single-particle model at a state at rest (by default pristine, after a rest).

    *frequency_hz*, Hz, shape (n,), above 0; *state* is one of `rested` or of `lirich.cells.simulation.Run.final`;
    *double_layer_f_m2*, F per m² of wetted area; *counter_f*, F (0: the counter electrode has no arc).

    Raises `InputError` for frequencies that are not positive, `SettingsError` for a negative capacitance or a model
    without one crystal.
    """
    frequency = np.sort(np.asarray(frequency_hz, dtype=np.float64).reshape(-1))[::-1]
    if not (len(frequency) and np.isfinite(frequency).all() and (frequency > 0).all()):
        raise InputError("Frequencies that are not above 0", expected="frequencies in Hz, above 0")
    if double_layer_f_m2 < 0 or counter_f < 0:
        raise SettingsError("A negative capacitance", expected="0 or more")
    parameters = simulator.parameters(changes)
    at = rested(simulator, changes) if state is None else np.asarray(state, dtype=np.float64)
    local = _linearised(simulator, parameters, at)
    area = local["area_m2"]
    omega = 2j * np.pi * frequency
    shells = len(local["to_lithium"])
    diffusion = np.empty(len(omega), dtype=np.complex128)
    for k, w in enumerate(omega):
        lithium = np.linalg.solve(w * np.eye(shells) - local["jacobian"], local["to_lithium"])
        diffusion[k] = (local["surface"] @ lithium + local["direct"]) / local["potential"]
    capacity = double_layer_f_m2 * area
    inner = 1.0 / (omega * capacity + 1.0 / (local["charge_transfer_ohm"] + diffusion))
    counter = local["counter_ohm"]
    total = local["series_ohm"] + local["film_ohm"] + counter / (1.0 + omega * counter * counter_f) + inner
    return Spectrum(
        table=pl.DataFrame({FREQUENCY: frequency, REAL: total.real, IMAGINARY: total.imag}),
        potential_v=local["potential_v"],
        charge_transfer_ohm=local["charge_transfer_ohm"],
        film_ohm=local["film_ohm"],
        counter_ohm=counter,
        series_ohm=local["series_ohm"],
        double_layer_f=capacity,
        area_m2=area,
    )


def _linearised(simulator: Simulator, parameters: Mapping[str, float], state: Array) -> dict[str, Any]:
    """Return the Jacobian of the crystal at *state* and no current, and the resistances there."""
    import casadi

    model = simulator.model
    places = {variable.name: slices[0] for variable, slices in model.y_slices.items()}
    if LITHIUM not in places or places[POTENTIAL].stop - places[POTENTIAL].start != 1:
        raise SettingsError("A model without one crystal", expected="the single-particle model")
    inputs = simulator._inputs(parameters, Step("rest", until_s=1.0))
    inputs["Control current target [A]"] = 0.0
    time, y = casadi.MX.sym("t"), casadi.MX.sym("y", model.len_rhs_and_alg)

    def converted(symbol: Any) -> Any:
        return symbol.to_casadi(time, y, inputs=inputs)

    li, potential, current = places[LITHIUM], places[POTENTIAL], places[CURRENT]
    rate = converted(model.concatenated_rhs)[li]
    balance = converted(model.concatenated_algebraic)[potential.start - model.len_rhs]
    voltage = converted(model.get_processed_variable("Voltage [V]"))
    counter = converted(model.get_processed_variable("Counter-electrode overpotential [V]"))
    extra = [converted(model.get_processed_variable(name)) for name in _NEEDED]
    wanted = [
        casadi.jacobian(rate, y),
        casadi.jacobian(balance, y),
        casadi.jacobian(voltage, y),
        casadi.jacobian(counter, y),
        y[potential],
        *extra,
    ]
    found = casadi.Function("linearised", [time, y], [casadi.densify(w) for w in wanted])
    at = state.copy()
    at[current] = 0.0
    of_rate, of_balance, of_voltage, of_counter, level, film, area_g, connected = (
        np.array(value, dtype=np.float64) for value in found(0.0, at)
    )
    area = float(area_g[0, 0] * parameters["Active mass [g]"] * connected[0, 0])
    film_ohm = float(film[0, 0]) / area
    counter_ohm = float(of_counter[0, current.start])
    series = parameters["Series resistance [Ohm]"]
    # the currents of PyBaMM are positive in a discharge, which lowers the voltage
    resistances = -float(of_voltage[0, current.start])
    return {
        "jacobian": of_rate[:, li],
        "to_lithium": of_rate[:, current.start],
        "surface": of_balance[0, li],
        "direct": float(of_balance[0, current.start]),
        "potential": float(of_balance[0, potential.start]),
        "potential_v": float(level[0, 0]),
        "charge_transfer_ohm": resistances - film_ohm - counter_ohm - series,
        "film_ohm": film_ohm,
        "counter_ohm": counter_ohm,
        "series_ohm": series,
        "area_m2": area,
    }

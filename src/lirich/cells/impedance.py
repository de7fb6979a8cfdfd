"""Impedance of the cell models: their own equations, linearised at a state, and a double layer that they lack.

The discretised equations give, at a state at rest, M·dy/dt = J·y + b·δI for small changes of the states that follow an
alternating current (`lirich.cells.linearised`). What changes over hours and cycles (sites, hysteresis, cracks, contact,
films) is held. For each frequency (iωM − J)·δy = b·δI is solved, and Z = −δV/δI, the current being PyBaMM's.

The models have no charge to spare at the surface of a crystal. At each place a double layer C per area is put beside
the charge transfer and the diffusion, under the film, so that for one place::

    Z = R_series + R_counter + R_film + 1 / (iωC + 1/(R_ct + Z_diffusion))

and in a porous electrode the same between the potentials of solid and electrolyte, with what these two take through the
electrode. The counter electrode of Li metal has its own arc where *counter_f* is given; graphite has its own double
layer.

A mesh of equal shells does not resolve the surface at high frequency: with 20 shells of a crystal of 470 nm the Warburg
slope is lost above D/(R/20)². `Model.surface_resolved` has shells that become thinner towards the surface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from lirich.cells.linearised import Interface, Linearised, lineariser
from lirich.cells.models import SHELLS, SINGLE_PARTICLE
from lirich.cells.programme import Programme, Step
from lirich.cells.simulation import Array, Model, Simulator
from lirich.errors import InputError, SettingsError
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL

DOUBLE_LAYER_F_M2 = 0.2
"""20 µF/cm², of the 10 to 40 µF/cm² of Bard & Faulkner, *Electrochemical Methods*, 2nd ed. (Wiley 2001), §1.2. A guess
for this oxide."""
COUNTER_F = 3e-5
"""20 µF/cm² on 1.5 cm² of Li metal. A guess."""

EQUILIBRIUM_S = 40.0
"""A state counts as at rest after this many R²/D."""

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
    are those of the whole positive electrode, its places side by side; ``potential_v`` is that of the crystals,
    ``voltage_v`` that of the cell, ``area_m2`` the area that works, ``length_m`` the radius of the sphere that has this
    area.
    """

    table: pl.DataFrame
    potential_v: float
    voltage_v: float
    charge_transfer_ohm: float
    film_ohm: float
    counter_ohm: float
    series_ohm: float
    double_layer_f: float
    area_m2: float
    length_m: float
    diffusivity_m2_s: float

    @property
    def impedance_ohm(self) -> Any:
        """The complex impedance, Ω, shape (n,)."""
        return self.table[REAL].to_numpy() + 1j * self.table[IMAGINARY].to_numpy()


def rested(
    simulator: Simulator,
    changes: Mapping[str, float] | None = None,
    before: Programme | None = None,
    *,
    start: Array | None = None,
) -> Array:
    """Return the state after *before* and a rest long enough for the crystal to be even.

    It begins from *start*, by default a pristine cell. The rest takes `EQUILIBRIUM_S` times the diffusion time of the
    longest path, at most 60 days.
    """
    parameters = simulator.parameters(changes)
    state = simulator.initial_state(parameters) if start is None else start
    if before is not None:
        state = simulator.run(before, changes, start=state).final
    found = lineariser(simulator).evaluate(parameters, state)
    length = max(parameters["Particle radius [m]"], float(found["length"].todense().max()))
    slowest = length**2 / (
        parameters["Maximum diffusivity [m2.s-1]"] * parameters["Relative diffusivity of a full or empty crystal"]
    )
    rest = Step("rest", until_s=float(np.clip(EQUILIBRIUM_S / 20.0 * slowest, 60.0, 60 * 86400.0)))
    return simulator.run(Programme((rest,), 250.0), changes, start=state).final


def impedance(
    simulator: Simulator,
    frequency_hz: ArrayLike,
    changes: Mapping[str, float] | None = None,
    *,
    state: Array | None = None,
    double_layer_f_m2: float = DOUBLE_LAYER_F_M2,
    counter_f: float = COUNTER_F,
    exponents: tuple[float, float] = (1.0, 1.0),
) -> Spectrum:
    """Return the impedance of a model at a state at rest (by default pristine, after a rest).

    *frequency_hz*, Hz, shape (n,), above 0; *state* is one of `rested` or of `lirich.cells.simulation.Run.final`;
    *double_layer_f_m2*, F per m² of working area; *counter_f*, F (0: the counter electrode has no arc), of Li metal:
    graphite has *double_layer_f_m2*. *exponents* below 1 depress the arcs of the crystals (and of graphite) and of Li
    metal: iωC becomes iωC·(iωRC)^(α−1), a constant-phase element of the same time constant RC.

    Raises `InputError` for frequencies that are not positive, `SettingsError` for a negative capacitance, an exponent
    outside 0 to 1, or a model without Li-rich crystals.
    """
    frequency = np.sort(np.asarray(frequency_hz, dtype=np.float64).reshape(-1))[::-1]
    if not (len(frequency) and np.isfinite(frequency).all() and (frequency > 0).all()):
        raise InputError("Frequencies that are not above 0", expected="frequencies in Hz, above 0")
    if double_layer_f_m2 < 0 or counter_f < 0:
        raise SettingsError("A negative capacitance", expected="0 or more")
    if not all(0.0 < exponent <= 1.0 for exponent in exponents):
        raise SettingsError(f"Exponents of {exponents}", expected="more than 0, at most 1")
    parameters = simulator.parameters(changes)
    at = rested(simulator, changes) if state is None else np.asarray(state, dtype=np.float64)
    local = lineariser(simulator).at(parameters, at)
    total = _solved(local, 2.0 * np.pi * frequency, double_layer_f_m2, exponents[0])
    counter = local.counter_ohm
    total += counter / (1.0 + (2j * np.pi * frequency * counter * counter_f) ** exponents[1]) - counter
    return Spectrum(
        table=pl.DataFrame({FREQUENCY: frequency, REAL: total.real, IMAGINARY: total.imag}),
        potential_v=local.potential_v,
        voltage_v=local.voltage_v,
        charge_transfer_ohm=local.crystals.transfer_ohm,
        film_ohm=local.crystals.film_ohm,
        counter_ohm=counter,
        series_ohm=local.series_ohm,
        double_layer_f=double_layer_f_m2 * local.crystals.whole_area_m2,
        area_m2=local.crystals.whole_area_m2,
        length_m=local.length_m,
        diffusivity_m2_s=local.diffusivity_m2_s,
    )


def _solved(local: Linearised, omega: Array, double_layer_f_m2: float, exponent: float) -> NDArray[np.complex128]:
    """Return −δV/δI (Ω) for each ω (1/s), shape (n,), with a double layer at every interface."""
    layers, times = [], []
    for interface in (local.crystals, local.anode):
        if interface is not None:
            local, layer = (_beside_current if interface.rate is None else _beside_rates)(
                local, interface, double_layer_f_m2 * interface.area_m2 / interface.amperes
            )
            layers.append(layer)
            times.append(np.full(layer.forcing.size, interface.time_s(double_layer_f_m2)))

    def rows(of_states: str, own: str) -> list[list[Any]]:
        """Return the rows of the double layers: what they take from the states, and each from its own unknowns."""
        return [
            [getattr(layer, of_states), *(getattr(layer, own) if k == n else None for k in range(len(layers)))]
            for n, layer in enumerate(layers)
        ]

    slow = sparse.bmat([[sparse.diags(local.mass), *[None] * len(layers)], *rows("slow_states", "slow")])
    rest = sparse.bmat([[-local.jacobian, *(-layer.to_states for layer in layers)], *rows("states", "own")])
    forcing = np.concatenate([local.to_current, *(layer.forcing for layer in layers)])
    voltage = np.concatenate([local.voltage, *(layer.voltage for layer in layers)])
    constants = np.concatenate([np.zeros(local.mass.size), *times])
    depressed = constants > 0 if exponent < 1.0 else np.zeros(constants.size, dtype=np.bool_)
    found = np.empty(len(omega), dtype=np.complex128)
    for k, w in enumerate(1j * omega):
        factor = np.full(constants.size, w)
        factor[depressed] *= (w * constants[depressed]) ** (exponent - 1.0)
        matrix = sparse.diags(factor) @ slow + rest
        answer = splu(matrix.tocsc()).solve(forcing.astype(np.complex128))
        found[k] = -(voltage @ answer + local.voltage_current)
    return found


@dataclass(frozen=True)
class _Layer:
    """The unknowns u (n,) that a double layer adds beside the states y (m,): iω(K·y + k·u) + E·y + e·u = f·I.

    ``slow_states`` is K, ``slow`` k, ``states`` E, ``own`` e, ``forcing`` f, ``to_states`` (m, n) what u adds to dy/dt.
    """

    to_states: Any
    slow_states: Any
    slow: Any
    states: Any
    own: Any
    forcing: Array
    voltage: Array


def _beside_current(local: Linearised, interface: Interface, per_rate: Array) -> tuple[Linearised, _Layer]:
    """Let only u, what passes by charge transfer, enter the particles: u + iωC(s·δU + R_ct·u) = I."""
    to_states, to_current = np.zeros((local.mass.size, 1)), local.to_current.copy()
    to_states[interface.rows, 0] = to_current[interface.rows]
    to_current[interface.rows] = 0.0
    layer = _Layer(
        to_states=sparse.csc_matrix(to_states),
        slow_states=sparse.diags(per_rate * interface.sign) @ interface.of_potential,
        slow=sparse.diags(per_rate * interface.transfer),
        states=sparse.csr_matrix((1, local.mass.size)),
        own=sparse.identity(1),
        forcing=np.ones(1),
        voltage=-interface.transfer,
    )
    direct = local.voltage_current + float(interface.transfer[0])
    return replace(local, to_current=to_current, voltage_current=direct), layer


def _beside_rates(local: Linearised, interface: Interface, per_rate: Array) -> tuple[Linearised, _Layer]:
    """Let u, the whole current of each place, stand in every balance; charge transfer passes the local rate q.

    u = q + iωC(s·δU + R_ct·q), with q among the states. What the film takes from the kinetics goes with u.
    """
    assert interface.rate is not None  # of the two kinds of interface this is the one with local rates
    rate, size, count = interface.rate, local.mass.size, per_rate.size
    selects = sparse.csr_matrix((np.ones(count), (np.arange(count), rate)), shape=(count, size))
    by_rate = local.jacobian @ selects.T
    own = np.zeros(size, dtype=np.bool_)
    own[interface.rows] = own[rate] = True
    kinetic = np.asarray(by_rate.tocsr()[rate].diagonal())  # the algebraic row of a rate is its kinetics
    film = kinetic * interface.film / (interface.film + interface.transfer)
    to_states = sparse.diags((~own).astype(np.float64)) @ by_rate + selects.T @ sparse.diags(film)
    layer = _Layer(
        to_states=to_states,
        slow_states=sparse.diags(per_rate * interface.sign) @ interface.of_potential
        + sparse.diags(per_rate * interface.transfer) @ selects,
        slow=sparse.csr_matrix((count, count)),
        states=selects,
        own=-sparse.identity(count),
        forcing=np.zeros(count),
        voltage=np.zeros(count),
    )
    return replace(local, jacobian=local.jacobian - to_states @ selects), layer

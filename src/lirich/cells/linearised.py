"""A cell model linearised at a state of rest: Jacobian, interfaces and what else the impedance is made of.

The states that follow an alternating current are the Li in the particles, the salt, and every potential and local rate
(the algebraic unknowns). What changes over hours and cycles (sites, hysteresis, cracks, contact, films) is held: it
does not follow a signal of a few millivolts. The Jacobian is CasADi's, built once for a simulator; parameters and state
are its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lirich.cells.porous import LOCAL, LOCAL_RATE
from lirich.cells.programme import Step
from lirich.cells.simulation import Array, Simulator
from lirich.cells.sites import FARADAY, GAS_CONSTANT
from lirich.errors import SettingsError

LITHIUM, POTENTIAL, CURRENT = "Lithium in the crystal", "Surface potential [V]", "Current [A]"
GRAPHITE, SALT = "Graphite content", "Salt in the "
COLLECTOR = "Potential at the current collector [V]"
EXCHANGE, DENSITY = "Exchange-current density [A.m-2]", "Interfacial current density [A.m-2]"
FILMS = ("Film resistance [Ohm.m2]", "Interphase resistance [Ohm.m2]", "Coating resistance [Ohm.m2]")
COUNTER = "Counter-electrode overpotential [V]"
GRAPHITE_POTENTIAL, GRAPHITE_SURFACE = "Graphite potential [V]", "Graphite surface [m2]"
_LENGTH, _DIFFUSIVITY = "Diffusion length [m]", "Diffusivity at the surface [m2.s-1]"


@dataclass(frozen=True)
class Interface:
    """Where charge passes from particles into the electrolyte, at n places.

    ``rows`` are the rows of the particles' own equations. ``of_potential`` (n, states) is how the potential of the
    particles' surface follows the states, V per state; ``sign`` is −1 where a discharge lowers it and 1 where it
    raises it. ``transfer`` and ``film`` are the resistances, V per unit of the rate; ``area_m2`` (n,) is the area over
    which a unit of the rate passes, and ``amperes`` (n,) the current of the cell that it is. ``rate`` are the columns
    of the local rates; ``None`` where the rate is the current of the cell.
    """

    rows: NDArray[np.int64]
    of_potential: Any
    sign: float
    transfer: Array
    film: Array
    area_m2: Array
    amperes: Array
    rate: NDArray[np.int64] | None = None

    @property
    def transfer_ohm(self) -> float:
        """Charge-transfer resistance of all places together, Ω: they stand side by side."""
        return _parallel(self.transfer / self.amperes)

    @property
    def film_ohm(self) -> float:
        """Resistance of film, interphase and coating of all places together, Ω."""
        return _parallel(self.film / self.amperes)

    def time_s(self, double_layer_f_m2: float) -> float:
        """Return the time constant of charge transfer and double layer, s: the mean over the places."""
        return float(np.mean(double_layer_f_m2 * self.area_m2 * self.transfer / self.amperes))

    @property
    def whole_area_m2(self) -> float:
        """The area of all places, m²."""
        return float(np.sum(self.area_m2))


@dataclass(frozen=True)
class Linearised:
    """M·dy/dt = J·y + b·I of the fast states y (m,), and the voltage v·y + v_I·I.

    ``mass`` (m,) is 1 for differential and 0 for algebraic rows. ``crystals`` is the interface of the cathode,
    ``anode`` that of graphite where there is one. ``counter_ohm`` is the resistance of a Li metal counter electrode,
    ``series_ohm`` the parameter, ``potential_v`` the mean potential of the crystals, ``voltage_v`` that of the cell;
    ``length_m`` and ``diffusivity_m2_s`` are those of the crystals.
    """

    jacobian: Any
    to_current: Array
    mass: Array
    voltage: Array
    voltage_current: float
    crystals: Interface
    anode: Interface | None
    counter_ohm: float
    series_ohm: float
    potential_v: float
    voltage_v: float
    length_m: float
    diffusivity_m2_s: float


class Lineariser:
    """The linearisation of a simulator's model, as a function of parameters and state."""

    def __init__(self, simulator: Simulator) -> None:
        import casadi

        model = simulator.model
        self._simulator = simulator
        places = {variable.name: slices[0] for variable, slices in model.y_slices.items()}
        self._places = places
        self._local = LOCAL if LOCAL_RATE in places else ""
        if f"{self._local}{LITHIUM}" not in places:
            raise SettingsError("A model without Li-rich crystals", expected="a model of lirich.cells")
        self._names = list(simulator._inputs(simulator.defaults, Step("rest", until_s=1.0)))
        size = model.len_rhs_and_alg
        time, y = casadi.MX.sym("t"), casadi.MX.sym("y", size)
        inputs = {name: casadi.MX.sym(f"p{i}") for i, name in enumerate(self._names)}

        def converted(symbol: Any) -> Any:
            return symbol.to_casadi(time, y, inputs=inputs)

        def variable(name: str) -> Any:
            return converted(model.get_processed_variable(name))

        there = set(model.variables)
        rows = casadi.vertcat(converted(model.concatenated_rhs), converted(model.concatenated_algebraic))
        self._films = [f"{self._local}{name}" for name in FILMS if f"{self._local}{name}" in there]
        wanted = {
            "jacobian": casadi.jacobian(rows, y),
            "voltage": casadi.jacobian(variable("Voltage [V]"), y),
            "level": variable("Voltage [V]"),
            "exchange": variable(f"{self._local}{EXCHANGE}"),
            "density": casadi.jacobian(variable(f"{self._local}{DENSITY}"), y),
            "film": sum(variable(name) for name in self._films),
            "length": variable(_LENGTH),
            "diffusivity": variable(_DIFFUSIVITY),
        }
        if COUNTER in there:
            wanted["counter"] = casadi.jacobian(variable(COUNTER), y)
        if GRAPHITE_POTENTIAL in there:
            wanted["graphite"] = casadi.jacobian(variable(GRAPHITE_POTENTIAL), y)
            wanted["graphite_area"] = variable(GRAPHITE_SURFACE)
        self._keys = list(wanted)
        self._function = casadi.Function("linearised", [y, casadi.vertcat(*inputs.values())], list(wanted.values()))
        self._fast = self._fast_states(model.len_rhs, size)
        self._mass = (self._fast < model.len_rhs).astype(np.float64)

    def _fast_states(self, differential: int, size: int) -> NDArray[np.int64]:
        follows = (f"{self._local}{LITHIUM}", GRAPHITE)
        rows = [
            np.arange(place.start, place.stop)
            for name, place in self._places.items()
            if name != CURRENT and (place.start >= differential or name in follows or name.startswith(SALT))
        ]
        found = np.unique(np.concatenate(rows))
        if found.max() >= size:
            raise SettingsError("States beyond the end of the model", expected="a discretised model of lirich.cells")
        return found

    def evaluate(self, parameters: Mapping[str, float], state: Array) -> dict[str, Any]:
        """Return the Jacobian and the rest at *state*, without current."""
        at = np.array(state, dtype=np.float64)
        at[self._places[CURRENT]] = 0.0
        if self._local:
            at[self._places[LOCAL_RATE]] = 0.0
        inputs = self._simulator._inputs(parameters, Step("rest", until_s=1.0))
        found = self._function(at, np.array([inputs[name] for name in self._names]))
        return dict(zip(self._keys, (value.sparse() for value in found), strict=True))

    def at(self, parameters: Mapping[str, float], state: Array) -> Linearised:
        """Return the model at *state* (of `Simulator.run`), taken to be at rest."""
        found = self.evaluate(parameters, state)
        current = self._places[CURRENT].start
        fast = self._fast
        column = {int(index): i for i, index in enumerate(fast)}
        jacobian = found["jacobian"].tocsr()[fast]
        to_current = np.asarray(jacobian[:, [current]].todense()).reshape(-1)
        voltage = np.asarray(found["voltage"].todense()).reshape(-1)
        counter = found.get("counter")
        potential = self._places[f"{self._local}{POTENTIAL}"]
        return Linearised(
            jacobian=jacobian[:, fast].tocsc(),
            to_current=to_current,
            mass=self._mass,
            voltage=voltage[fast],
            voltage_current=float(voltage[current]),
            crystals=self._crystals(found, parameters, column, jacobian),
            anode=self._graphite(found, column) if "graphite" in found else None,
            counter_ohm=0.0 if counter is None else float(counter.todense()[0, current]),
            series_ohm=parameters["Series resistance [Ohm]"],
            potential_v=float(np.mean(np.asarray(state)[potential])),
            voltage_v=float(found["level"].todense()[0, 0]),
            length_m=float(found["length"].todense().max()),
            diffusivity_m2_s=float(found["diffusivity"].todense().mean()),
        )

    def _crystals(
        self, found: Mapping[str, Any], parameters: Mapping[str, float], column: Mapping[int, int], jacobian: Any
    ) -> Interface:
        lithium, potential = (self._places[f"{self._local}{name}"] for name in (LITHIUM, POTENTIAL))
        surface = np.arange(potential.start, potential.stop)
        count = surface.size
        rates = self._places[LOCAL_RATE] if self._local else self._places[CURRENT]
        density = np.diag(np.asarray(found["density"].tocsc()[:, rates].todense()))  # A/m² per unit of the rate
        film = np.broadcast_to(np.asarray(found["film"].todense()).reshape(-1), count)
        exchange = np.asarray(found["exchange"].todense()).reshape(-1)
        thermal = GAS_CONSTANT * parameters["Ambient temperature [K]"] / FARADAY
        of_potential = sparse.csr_matrix(
            (np.ones(count), (np.arange(count), [column[int(i)] for i in surface])), shape=(count, len(column))
        )
        amperes = np.ones(1)
        if self._local:
            charge = jacobian[column[self._places[COLLECTOR].start]]  # mean(q)·Q − I/A = 0
            of_rates = np.asarray(charge[:, rates].todense()).reshape(-1)
            amperes = -of_rates / float(charge[0, self._places[CURRENT].start])
        rows = np.concatenate([np.arange(place.start, place.stop) for place in (lithium, potential)])
        columns = np.array([column[i] for i in range(rates.start, rates.stop)]) if self._local else None
        return Interface(
            rows=np.array([column[int(i)] for i in rows]),
            of_potential=of_potential,
            sign=-1.0,
            transfer=thermal / exchange * density,
            film=film * density,
            area_m2=amperes / density,
            amperes=amperes,
            rate=columns,
        )

    def _graphite(self, found: Mapping[str, Any], column: Mapping[int, int]) -> Interface:
        content = self._places[GRAPHITE]
        potential = found["graphite"].tocsc()
        return Interface(
            rows=np.array([column[i] for i in range(content.start, content.stop)]),
            of_potential=potential[:, self._fast].tocsr(),
            sign=1.0,
            transfer=np.array([float(potential[0, self._places[CURRENT].start])]),
            film=np.zeros(1),
            area_m2=np.asarray(found["graphite_area"].todense()).reshape(-1),
            amperes=np.ones(1),
        )


@lru_cache(maxsize=4)
def lineariser(simulator: Simulator) -> Lineariser:
    """Return the lineariser of a simulator, built once."""
    return Lineariser(simulator)


def _parallel(ohm: Array) -> float:
    return 0.0 if np.any(ohm <= 0) else float(1.0 / np.sum(1.0 / ohm))

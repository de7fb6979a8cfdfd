"""The equations of a Li-rich crystal that ages, as PyBaMM expressions.

One `Crystal` holds the states of the crystals at one place: in a single-particle model there is one place, in a
porous-electrode model one per mesh point through the electrode (*domain*). The caller gives the rate at which Li
enters, and takes from it the potential of the surface and everything that resists the current.

States, all per Li of the pristine host:

* ``y(r)`` Li in crystals that are still connected, with r from 0 to 1 through the crystal: y = a·x;
* ``X_j`` sites of each kind (`lirich.cells.sites`), as a part of the crystals that are left;
* ``a`` connected part of the crystals, ``lost`` Li in what is not;
* ``U`` potential of the surface (algebraic): x(1) = Σ_j X_j θ_j(U, h); ``h`` hysteresis;
* ``φ`` volume turned into rock salt at wetted surfaces; ``f_gb`` opened grain boundaries, ``f_tg`` cracks through
  grains; gases.

Every rate is stated in `docs/explanation/cells.md` with its source. Li is conserved exactly in the discretised
equations: the states are chosen so that ∫y + lost − ∫rate dt is a linear combination of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pybamm

from lirich.cells.sites import ACTIVATED, CONVERTING, FARADAY, GAS_CONSTANT, PLATEAU, SITES

Symbol = Any
"""A PyBaMM expression; PyBaMM has no types of its own."""

REFERENCE_K = 298.15
_SMALLEST = 1e-9
"""Of the host's Li: where a solver tries less than nothing."""
_TIGHT = 0.01
"""Of the host's Li: room at the fullest place at which the loss of sites has slowed to a half (own form, a guess)."""
_FULLEST = 4
"""Power of the mean over a crystal that stands for its fullest place."""
_AREA_UNIT_M = 1e-6
"""Rates that grow with the wetted area are stated for 1 m² of area per 1e-6 m³ of crystal."""


def parameter(name: str) -> Symbol:
    """Return a PyBaMM parameter."""
    return pybamm.Parameter(name)


def arrhenius(activation_energy: str, temperature: Symbol) -> Symbol:
    """Return the Arrhenius factor, 1 at 298.15 K, of an activation energy (a parameter in J/mol)."""
    return pybamm.exp(parameter(activation_energy) / GAS_CONSTANT * (1 / REFERENCE_K - 1 / temperature))


def conducting(activation_energy: str, temperature: Symbol) -> Symbol:
    """Return the factor of a conductivity, 1 at 298.15 K, whose activation energy (J/mol) was read off ln(σT).

    It is so in what the library takes them from, and follows from the Nernst–Einstein relation.
    """
    return arrhenius(activation_energy, temperature) * REFERENCE_K / temperature


def gate(potential: Symbol, threshold: str, width: str) -> Symbol:
    """Return what switches on smoothly, from 0 to 1, above a threshold potential."""
    return 0.5 + 0.5 * pybamm.tanh(0.5 * (potential - parameter(threshold)) / parameter(width))


def limited_exp(argument: Symbol) -> Symbol:
    """Return exp, flat beyond e^12: a gas rate must not overflow where a solver tries absurd potentials."""
    return pybamm.exp(12 * pybamm.tanh(argument / 12))


def relative_diffusivity(filled: Symbol, floor: Symbol) -> Symbol:
    """Return D over its largest: 1 half full, and *floor* full and empty.

    It stays there beyond, where a solver tries more Li than there are sites.
    """
    within = pybamm.minimum(pybamm.maximum(filled, 0), 1)
    return floor + (1 - floor) * (4 * within * (1 - within)) ** 2


@dataclass
class Crystal:
    """The variables, equations and outputs of the crystals at one place (or along *domain*)."""

    rate: Symbol
    """Li that enters, per Li of the pristine host and second; positive in a discharge."""
    temperature: Symbol
    domain: str = ""
    prefix: str = ""
    contact: Symbol = 1
    """Part of the surface through which Li can pass; 1 in a liquid."""
    wets_cracks: bool = True
    """Whether the electrolyte flows into cracks, as a liquid does: then current enters there; else they are barriers,
    and free surface, from which oxygen leaves and rock salt grows all the same."""
    radii: tuple[Symbol, Symbol] | None = None
    """Radii of crystal and particle, m, where they are not the parameters: one number each, or along *domain*."""
    rhs: dict[Symbol, Symbol] = field(default_factory=dict)
    algebraic: dict[Symbol, Symbol] = field(default_factory=dict)
    initial: dict[Symbol, Symbol] = field(default_factory=dict)
    boundary: dict[Symbol, Any] = field(default_factory=dict)
    outputs: dict[str, Symbol] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._variables()
        self._geometry()
        self._fluxes()
        self._surface()
        self._activation_and_transformation()
        self._cracks_and_isolation()
        self._gases()
        self._collect()

    # --- states --------------------------------------------------------------------------------------------------

    def _state(self, name: str, initial: Symbol, scale: float = 1.0) -> Symbol:
        label = f"{self.prefix}{name}"
        state = (
            pybamm.Variable(label, domain=self.domain, scale=scale)
            if self.domain
            else pybamm.Variable(label, scale=scale)
        )
        along = self.domain and not initial.domain
        self.initial[state] = pybamm.PrimaryBroadcast(initial, self.domain) if along else initial
        self.rhs[state] = pybamm.Scalar(0)
        return state

    def _variables(self) -> None:
        auxiliary = {"secondary": self.domain} if self.domain else {}
        self.lithium = pybamm.Variable(
            f"{self.prefix}Lithium in the crystal", domain="positive particle", auxiliary_domains=auxiliary
        )
        start = parameter("Initial lithium content")
        self.initial[self.lithium] = (
            pybamm.FullBroadcast(start, ["positive particle"], auxiliary) if self.domain else start
        )
        self.sites = {
            name: self._state(f"Fraction of {name} sites", parameter(f"Initial fraction of {name} sites"))
            for name in SITES
        }
        self.hysteresis = self._state("Hysteresis state", pybamm.Scalar(0))
        self.connected = self._state("Connected part of the crystals", pybamm.Scalar(1))
        self.lost = self._state("Lithium in disconnected crystals", pybamm.Scalar(0))
        self.reconstructed = self._state(
            "Reconstructed volume fraction", parameter("Initial reconstructed volume fraction")
        )
        self.open_boundaries = self._state(
            "Open part of the grain boundaries", parameter("Initial open part of the grain boundaries")
        )
        self.through_cracks = self._state("Cracks through the grains", pybamm.Scalar(0))
        potential = f"{self.prefix}Surface potential [V]"
        self.potential = pybamm.Variable(potential, domain=self.domain) if self.domain else pybamm.Variable(potential)
        guess = parameter("Initial surface potential guess [V]")
        self.initial[self.potential] = pybamm.PrimaryBroadcast(guess, self.domain) if self.domain else guess

    # --- geometry ------------------------------------------------------------------------------------------------

    def _geometry(self) -> None:
        """Wetted area per volume of crystal, and the length over which Li diffuses: that of a sphere with this area."""
        grain, particle = self.radii or (parameter("Crystal radius [m]"), parameter("Particle radius [m]"))
        self.grain = grain
        self.outer_area = 3 / particle
        self.boundary_area = 3 / grain - 3 / particle
        self.area = (
            self.outer_area + self.open_boundaries * self.boundary_area + self.through_cracks * 3 / grain
        )  # m²/m³
        self.flux_area = self.contact * (self.area if self.wets_cracks else self.outer_area)
        self.length = 3 / self.flux_area  # m
        self.polycrystal = 1 - (grain / particle) ** 3
        closed = 1 - self.open_boundaries
        crossings = self.polycrystal / (2 * grain)  # boundaries per metre that Li crosses
        crossings = crossings * closed if self.wets_cracks else crossings / pybamm.maximum(closed, _SMALLEST)
        diffusivity = parameter("Maximum diffusivity [m2.s-1]") * arrhenius(
            "Activation energy of diffusion [J.mol-1]", self.temperature
        )
        self.boundary_factor = 1 / (1 + crossings * diffusivity / parameter("Grain-boundary permeance [m.s-1]"))
        self.diffusivity_scale = diffusivity * self.boundary_factor / self.length**2  # 1/s
        self.total_sites = sum(self.sites.values())

    # --- Li ------------------------------------------------------------------------------------------------------

    def _mesh(self, state: Symbol) -> Symbol:
        """Return a state of one place as seen by every point of the particle there."""
        return pybamm.PrimaryBroadcast(state, "positive particle")

    def _fluxes(self) -> None:
        filled = self.lithium / self._mesh(self.connected * self.total_sites)
        floor = parameter("Relative diffusivity of a full or empty crystal")
        diffusivity = self._mesh(self.diffusivity_scale) * relative_diffusivity(filled, floor)
        self.rhs[self.lithium] = -pybamm.div(-diffusivity * pybamm.grad(self.lithium))
        self.boundary[self.lithium] = {
            "left": (pybamm.Scalar(0), "Neumann"),
            "right": (self.rate / (3 * pybamm.surf(diffusivity)), "Neumann"),
        }
        self.surface_diffusivity = pybamm.surf(diffusivity) * self.length**2  # m²/s
        self.mean_lithium = pybamm.r_average(self.lithium)
        self.surface_content = pybamm.surf(self.lithium) / self.connected
        self.mean_content = self.mean_lithium / self.connected
        self.local_content = self.lithium / self._mesh(self.connected)
        self.throughput = pybamm.AbsoluteValue(self.rate)
        removed = parameter("Initial lithium content") - self.mean_content
        self.volume_change = -3 * parameter("Linear expansion of lithiation") * removed  # of the pristine volume

    # --- surface -------------------------------------------------------------------------------------------------

    def _occupation(self, name: str) -> Symbol:
        shift = parameter(f"Hysteresis shift of {name} sites [V]") * self.hysteresis
        argument = FARADAY * (self.potential - parameter(f"Potential of {name} sites [V]") - shift)
        return 1 / (1 + pybamm.exp(argument / (parameter(f"Width of {name} sites") * GAS_CONSTANT * self.temperature)))

    def _surface(self) -> None:
        self.occupations = {name: self._occupation(name) for name in SITES}
        held = sum(self.sites[name] * self.occupations[name] for name in SITES)
        empty = sum(self.sites[name] * (1 - self.occupations[name]) for name in SITES)
        content = pybamm.maximum(self.surface_content, _SMALLEST)
        room = pybamm.maximum(self.total_sites - self.surface_content, _SMALLEST)
        # x = Σ X θ as the logarithm of full over empty: it keeps its slope where nearly all sites are full or empty.
        self.algebraic[self.potential] = pybamm.log(held / empty) - pybamm.log(content / room)
        self.rhs[self.hysteresis] = parameter("Hysteresis rate") * (-self.rate - self.throughput * self.hysteresis)
        host = parameter("Host capacity [mA.h.g-1]") * 3600 * parameter("Crystal density [kg.m-3]")  # C/m³
        self.current_density = self.rate * host / (self.flux_area * self.connected)  # A/m² of area that works
        level = self.surface_content / self.total_sites
        exchange = (
            parameter("Reference exchange-current density [A.m-2]")
            * arrhenius("Activation energy of the interface [J.mol-1]", self.temperature)
            * pybamm.sqrt(pybamm.maximum(4 * level * (1 - level), 1e-3))
        )
        thermal = GAS_CONSTANT * self.temperature / FARADAY
        self.exchange = exchange
        self.film_thickness = self.reconstructed / self.area  # m
        self.film_resistance = parameter("Initial film resistance [Ohm.m2]") + self.film_thickness / parameter(
            "Film conductivity [S.m-1]"
        )

        def overpotential(exchange_factor: Symbol) -> Symbol:
            """Return what the interface takes from the voltage, V; positive in a discharge."""
            kinetic = 2 * thermal * pybamm.arcsinh(self.current_density / (2 * exchange * exchange_factor))
            return kinetic + self.current_density * self.film_resistance

        self.overpotential = overpotential

    # --- ageing --------------------------------------------------------------------------------------------------

    def _vacant(self) -> Symbol:
        """Return what slows the loss of sites where Li still sits in them, between 0 and 1.

        Sites are counted for the whole crystal, and it is the surface that drives their loss. So that no place ever
        holds more Li than it has sites, all that takes sites away goes with v/(v + 0.01) of the room v at the fullest
        place, a mean of room⁻⁴ over the crystal: as v goes to 0 the loss goes with v.
        """
        room = pybamm.maximum(self._mesh(self.total_sites) - self.local_content, _SMALLEST)
        fullest = pybamm.r_average(room ** (-_FULLEST)) ** (-1 / _FULLEST)
        return fullest / (fullest + _TIGHT)

    def _activation_and_transformation(self) -> None:
        temperature = self.temperature
        speed = parameter("Activation rate [s-1]") * arrhenius("Activation energy of activation [J.mol-1]", temperature)
        vacant = self._vacant()
        vacated = {name: speed * vacant * self.sites[name] * (1 - self.occupations[name]) for name in PLATEAU}
        activated = sum(vacated.values())
        yields = {name: parameter(f"Yield of {name} sites from activation") for name in ACTIVATED}
        for name, rate in vacated.items():
            self.rhs[self.sites[name]] = self.rhs[self.sites[name]] - rate
        for name, part in yields.items():
            self.rhs[self.sites[name]] = self.rhs[self.sites[name]] + part * activated
        self.lattice_oxygen = self._state("Lattice sites lost with oxygen", pybamm.Scalar(0))
        self.rhs[self.lattice_oxygen] = (1 - sum(yields.values())) * activated

        heat = arrhenius("Activation energy of the transformation [J.mol-1]", temperature)
        high = gate(self.potential, "Onset of the transformation [V]", "Width of the onset of the transformation [V]")
        surface = self.area * _AREA_UNIT_M
        pace = (
            heat
            * high
            * vacant
            * self.throughput
            * (
                parameter("Transformation per throughput in the bulk")
                + parameter("Transformation per throughput and wetted area") * surface
            )
        )
        left = sum(self.sites[name] for name in CONVERTING)
        for name in CONVERTING:
            self.rhs[self.sites[name]] = self.rhs[self.sites[name]] - pace * self.sites[name] / (left + 0.02)
        converted = pace * left / (left + 0.02)
        share = parameter("Yield of spinel-like sites")
        self.rhs[self.sites["spinel"]] = self.rhs[self.sites["spinel"]] + share * converted
        self.transformed = self._state("Sites transformed", pybamm.Scalar(0))
        self.rhs[self.transformed] = converted

        # Rock salt grows inwards from every wetted surface, the slower the thicker it is, and takes sites of all kinds.
        attack = gate(self.potential, "Onset of reconstruction [V]", "Width of the onset of reconstruction [V]")
        growth = (
            parameter("Reconstruction rate [m.s-1]")
            * arrhenius("Activation energy of reconstruction [J.mol-1]", temperature)
            * attack
            * vacant
            * self.area
            / (1 + self.film_thickness / parameter("Reconstruction thickness [m]"))
            * (1 - self.reconstructed)
        )
        self.rhs[self.reconstructed] = growth
        for name in SITES:
            self.rhs[self.sites[name]] = self.rhs[self.sites[name]] - self.sites[name] * growth / (
                1 - self.reconstructed
            )

    def _cracks_and_isolation(self) -> None:
        reference = parameter("Strain at fracture")
        mismatch = parameter("Strain mismatch between grains") * (1 - self.mean_content)
        opening = (
            parameter("Grain-boundary cracking rate")
            * self.throughput
            * (1 - self.open_boundaries)
            * self.polycrystal
            * (mismatch / reference) ** 2
        )
        gradient = parameter("Linear expansion of lithiation") * (self.surface_content - self.mean_content)
        tearing = (
            parameter("Crystal cracking rate")
            * self.throughput
            * (1 - self.through_cracks)
            * (gradient / reference) ** 2
            * (self.grain / parameter("Crystal radius at fracture [m]"))
        )
        self.rhs[self.open_boundaries] = opening
        self.rhs[self.through_cracks] = tearing
        parting = parameter("Crystals disconnected per crack") * (opening + tearing)
        self.rhs[self.connected] = -self.connected * parting
        self.rhs[self.lithium] = self.rhs[self.lithium] - self.lithium * self._mesh(parting)
        self.rhs[self.lost] = self.mean_lithium * parting

    def _gases(self) -> None:
        """O2 and CO2 in µmol per gram of oxide: they are measured, and change nothing else.

        The rates have the same potential dependence for every crystal. CO2 comes from where the electrolyte is. Oxygen
        leaves the lattice at every surface, and at a grain boundary too, along which it finds its way out. A crystal
        with less of both per gram reaches the limit of a detector at a higher potential: that is its later onset.
        """
        per_gram = 1 / parameter("Crystal density [kg.m-3]") / 1000
        area = self.area * per_gram  # m²/g
        closed = (1 - self.open_boundaries) * self.boundary_area
        leaving = (self.area + parameter("Part of closed grain boundaries that oxygen leaves by") * closed) * per_gram
        first_area = (
            self.outer_area + parameter("Initial open part of the grain boundaries") * self.boundary_area
        ) * per_gram
        carbonate = self._state(
            "Surface carbonate left [umol.g-1]", parameter("Surface carbonate per area [umol.m-2]") * first_area
        )
        burnt = carbonate * self._release("carbonate oxidation", "s-1")
        self.oxygen_rate = self._release("oxygen release", "umol.m-2.s-1") * leaving
        self.dioxide_rate = burnt + self._release("electrolyte oxidation", "umol.m-2.s-1") * area
        self.oxygen = self._state("Oxygen released [umol.g-1]", pybamm.Scalar(0))
        self.dioxide = self._state("Carbon dioxide released [umol.g-1]", pybamm.Scalar(0))
        self.rhs[carbonate] = -burnt
        self.rhs[self.oxygen] = self.oxygen_rate
        self.rhs[self.dioxide] = self.dioxide_rate

    def _release(self, what: str, unit: str) -> Symbol:
        """Return a rate that grows exponentially with the potential above its onset."""
        excess = (self.potential - parameter(f"Onset of {what} [V]")) / parameter(f"Slope of {what} [V]")
        return parameter(f"Rate of {what} at its onset [{unit}]") * limited_exp(excess)

    # --- what the outside sees -----------------------------------------------------------------------------------

    def _collect(self) -> None:
        density = parameter("Crystal density [kg.m-3]")
        self.outputs = {
            "Lithium content": self.mean_content,
            "Surface lithium content": self.surface_content,
            "Lithium in connected crystals": self.mean_lithium,
            "Lithium in disconnected crystals": self.lost,
            "Connected part of the crystals": self.connected,
            "Sites left": self.connected * self.total_sites,
            "Hysteresis state": self.hysteresis,
            "Surface potential [V]": self.potential,
            "Lattice sites lost with oxygen": self.lattice_oxygen,
            "Sites transformed": self.transformed,
            "Reconstructed volume fraction": self.reconstructed,
            "Reconstructed thickness [m]": self.film_thickness,
            "Open part of the grain boundaries": self.open_boundaries,
            "Cracks through the grains": self.through_cracks,
            "Wetted area [m2.g-1]": self.area / density / 1000,
            "Volume change of the crystals": self.volume_change,
            "Diffusion length [m]": self.length,
            "Diffusivity at the surface [m2.s-1]": self.surface_diffusivity,
            "Interfacial current density [A.m-2]": self.current_density,
            "Exchange-current density [A.m-2]": self.exchange,
            "Film resistance [Ohm.m2]": self.film_resistance,
            "Oxygen released [umol.g-1]": self.oxygen,
            "Carbon dioxide released [umol.g-1]": self.dioxide,
            "Oxygen release rate [umol.g-1.s-1]": self.oxygen_rate,
            "Carbon dioxide release rate [umol.g-1.s-1]": self.dioxide_rate,
            **{f"Fraction of {name} sites": self.sites[name] for name in SITES},
        }

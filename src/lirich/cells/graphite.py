"""A graphite electrode as one particle, with the film (SEI) that grows on it and takes Li.

Open-circuit potential, exchange current and geometry are those of the LG M50 cell of Chen et al., J. Electrochem. Soc.
167 (2020) 080534, doi:10.1149/1945-7111/ab9050, as PyBaMM has them. The film grows by reduction of solvent that
diffuses through it, slowed by the reaction where the film is thin and by diffusion where it is thick (Yang et al., J.
Power Sources 360 (2017) 28, doi:10.1016/j.jpowsour.2017.05.110, equations 10 and 11):
j = F c k e^(−F η / 2RT) / (1 + L k e^(−F η / 2RT) / D), with η the potential of the graphite against the electrolyte,
less that of the reaction. Its current takes Li from the graphite even at rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pybamm

from lirich.cells.cell import published
from lirich.cells.crystal import arrhenius, limited_exp, parameter
from lirich.cells.sites import FARADAY, GAS_CONSTANT

Symbol = Any

_EMPTIEST = -0.3
"""The published potential goes up as e^(−39 z): this is where it stops to, for a solver that tries absurd contents."""
_FULL = 0.005
"""Content over which a full graphite loses its potential, which the published fit leaves out."""
_LEAST = 1e-3
"""Of z (1 − z): empty or full graphite still exchanges a little."""


def open_circuit_potential(content: Symbol, thermal: Symbol) -> Symbol:
    """Return the potential of graphite at a content z, V: that of Chen et al., and a fall at z = 1 where they end."""
    measured = published("Negative electrode OCP [V]")(pybamm.maximum(content, _EMPTIEST))
    return measured - thermal * limited_exp((content - 1) / _FULL)


def volume_of(sites: Symbol) -> Symbol:
    """Return the volume of the graphite, m³, whose sites hold a charge in A.h."""
    return sites * 3600 / FARADAY / parameter("Maximum concentration in graphite [mol.m-3]")


@dataclass
class Graphite:
    """Li in the graphite, the film, and the potential; *current* in A, positive in a discharge.

    ``sites`` is the charge of all its sites in A.h, ``salt`` the root of the salt's concentration over the initial
    one, in the mean.
    """

    current: Symbol
    temperature: Symbol
    sites: Symbol
    salt: Symbol = 1
    rhs: dict[Symbol, Symbol] = field(default_factory=dict)
    algebraic: dict[Symbol, Symbol] = field(default_factory=dict)
    initial: dict[Symbol, Symbol] = field(default_factory=dict)
    boundary: dict[Symbol, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pybamm.citations.register("Chen2020")
        pybamm.citations.register("Yang2017")
        self.thermal = GAS_CONSTANT * self.temperature / FARADAY
        self.radius = parameter("Graphite particle radius [m]")
        self.area = 3 * volume_of(self.sites) / self.radius  # m² of graphite surface
        self.content = pybamm.Variable("Graphite content", domain="negative particle")
        self.surface = pybamm.surf(self.content)
        self.density = self.current / self.area  # A/m², positive where Li leaves
        self._film()
        self._potential()
        self._diffusion()

    def _film(self) -> None:
        """Set the thickness from the Li that the film holds."""
        self.film_lithium = pybamm.Variable("Lithium lost in the SEI [mol]", scale=1e-6)
        self.initial[self.film_lithium] = pybamm.Scalar(0)
        per_lithium = parameter("SEI molar volume [m3.mol-1]") / parameter("Lithium per SEI formula")
        self.thickness = parameter("Initial SEI thickness [m]") + self.film_lithium * per_lithium / self.area

    def _potential(self) -> None:
        level = self.surface * (1 - self.surface)
        exchange = (
            parameter("Graphite exchange-current density [A.m-2]")
            * arrhenius("Activation energy of the graphite reaction [J.mol-1]", self.temperature)
            * self.salt
            * pybamm.sqrt(pybamm.maximum(4 * level, _LEAST))
        )
        kinetic = 2 * self.thermal * pybamm.arcsinh(self.density / (2 * exchange))
        self.open_circuit = open_circuit_potential(self.surface, self.thermal)
        self.beside_film = self.open_circuit + kinetic  # against the electrolyte, under the film
        self.film_drop = self.density * self.thickness * parameter("SEI resistivity [Ohm.m]")
        self.potential = self.beside_film + self.film_drop
        driving = (parameter("SEI potential [V]") - self.beside_film) / (2 * self.thermal)
        speed = (
            parameter("SEI rate constant [m.s-1]")
            * arrhenius("Activation energy of SEI growth [J.mol-1]", self.temperature)
            * pybamm.exp(pybamm.minimum(driving, _STEEPEST))
        )
        through = parameter("SEI solvent diffusivity [m2.s-1]") * arrhenius(
            "Activation energy of SEI growth [J.mol-1]", self.temperature
        )
        solvent = parameter("Solvent concentration [mol.m-3]")
        # Yang (2017) with L/D taken to the other side, so that no growth (D = 0 or k = 0) is a number too.
        flux = solvent * speed * through / (through + self.thickness * speed + _NO_FLUX)
        self.film_current = FARADAY * flux * self.area  # A
        self.rhs[self.film_lithium] = self.film_current / FARADAY

    def _diffusion(self) -> None:
        pace = parameter("Graphite diffusivity [m2.s-1]") / self.radius**2  # 1/s
        rate = -(self.current + self.film_current) / (self.sites * 3600)  # per site, positive where Li enters
        wide = pybamm.PrimaryBroadcast(pace, "negative particle")
        self.rhs[self.content] = -pybamm.div(-wide * pybamm.grad(self.content))
        self.boundary[self.content] = {
            "left": (pybamm.Scalar(0), "Neumann"),
            "right": (rate / (3 * pace), "Neumann"),
        }
        self.initial[self.content] = parameter("Initial graphite content")
        self.mean_content = pybamm.r_average(self.content)

    @property
    def lithium(self) -> Symbol:
        """Li in the graphite less that at the beginning, mol."""
        return (self.mean_content - parameter("Initial graphite content")) * self.sites * 3600 / FARADAY


_NO_FLUX = 1e-60
"""m²/s."""
_STEEPEST = 25.0
"""Of the exponent of the reaction: −0.9 V, where no cell gets but a solver may try."""

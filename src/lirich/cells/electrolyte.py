"""The liquid electrolyte through the cell: its salt, its conductivity, and what it takes from the voltage.

Salt: ε L ∂c/∂t = ∂/∂ξ (ε^b D/L ∂c/∂ξ) + (1 − t₊) s/F with ξ through each region of thickness L, and s the current per
area of the cell that the electrode there gives to the electrolyte (A/m² per unit of ξ). Li metal gives its current at
the left border. (Doyle, Fuller and Newman, J. Electrochem. Soc. 140 (1993) 1526, doi:10.1149/1.2221597; for a uniform
reaction Marquis et al., J. Electrochem. Soc. 166 (2019) A3693, doi:10.1149/2.0341915jes.) Conductivity and diffusivity
of LiPF6 in EC:EMC are those of Nyman et al., Electrochim. Acta 53 (2008) 6356, doi:10.1016/j.electacta.2008.04.023, as
PyBaMM has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pybamm

from lirich.cells.cell import coordinate, mean, published
from lirich.cells.crystal import arrhenius, conducting, parameter
from lirich.cells.sites import FARADAY, GAS_CONSTANT

Symbol = Any

LEAST_SALT = 1e-3
"""Of the initial concentration: potentials and conductivities of an electrolyte that is used up stay finite."""


@dataclass(frozen=True)
class Region:
    """A region that the electrolyte fills: thickness (m), pore fraction, and ``source``, the s of the equation."""

    name: str
    thickness: Symbol
    porosity: Symbol
    source: Symbol

    @property
    def open_section(self) -> Symbol:
        """ε^b: what the pores leave of a property of the free electrolyte."""
        return self.porosity ** parameter("Bruggeman exponent of the electrolyte")


@dataclass
class Electrolyte:
    """Salt in the regions of a cell, from left to right. *inflow* is the current that a metal anode gives, A/m²."""

    regions: Sequence[Region]
    temperature: Symbol
    inflow: Symbol = None
    rhs: dict[Symbol, Symbol] = field(default_factory=dict)
    algebraic: dict[Symbol, Symbol] = field(default_factory=dict)
    initial: dict[Symbol, Symbol] = field(default_factory=dict)
    boundary: dict[Symbol, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pybamm.citations.register("Nyman2008")
        self.start = parameter("Initial salt concentration [mol.m-3]")
        self.parts: Mapping[str, Symbol] = {
            region.name: pybamm.Variable(
                f"Salt in the {region.name} [mol.m-3]", domain=region.name, scale=1000.0, bounds=(-np.inf, np.inf)
            )
            for region in self.regions
        }
        self.concentration = pybamm.concatenation(*self.parts.values())
        unpaired = 1 - parameter("Cation transference number")
        conductance = self.through("open_section") * self._diffusivity(self.concentration) / self.through("thickness")
        flux = -conductance * pybamm.grad(self.concentration)
        sources = pybamm.concatenation(*(self._spread(region, region.source) for region in self.regions))
        self.rhs[self.concentration] = (-pybamm.div(flux) + unpaired * sources / FARADAY) / self.through("room")
        self.initial[self.concentration] = self.start
        left = (
            pybamm.Scalar(0)
            if self.inflow is None
            else -unpaired * self.inflow / FARADAY / pybamm.boundary_value(conductance, "left")
        )
        self.boundary[self.concentration] = {"left": (left, "Neumann"), "right": (pybamm.Scalar(0), "Neumann")}

    def _spread(self, region: Region, value: Symbol) -> Symbol:
        return value if getattr(value, "domain", []) else pybamm.PrimaryBroadcast(value, region.name)

    def through(self, what: str) -> Symbol:
        """Return a property of the regions along the cell: ``thickness``, ``open_section`` or ``room`` (ε L)."""
        values = [
            region.porosity * region.thickness if what == "room" else getattr(region, what) for region in self.regions
        ]
        return pybamm.concatenation(
            *(pybamm.PrimaryBroadcast(v, r.name) for v, r in zip(values, self.regions, strict=True))
        )

    # --- properties ----------------------------------------------------------------------------------------------

    def present(self, concentration: Symbol) -> Symbol:
        """Return a concentration, or the least that counts."""
        return pybamm.maximum(concentration, LEAST_SALT * self.start)

    def _diffusivity(self, concentration: Symbol) -> Symbol:
        free = published("Electrolyte diffusivity [m2.s-1]")(self.present(concentration), self.temperature)
        return (
            free * parameter("Factor of the electrolyte diffusivity") * arrhenius(_ACTIVATION_ENERGY, self.temperature)
        )

    def conductivity(self, concentration: Symbol) -> Symbol:
        """Return the conductivity of the free electrolyte, S/m."""
        free = published("Electrolyte conductivity [S.m-1]")(self.present(concentration), self.temperature)
        return (
            free
            * parameter("Factor of the electrolyte conductivity")
            * conducting(_ACTIVATION_ENERGY, self.temperature)
        )

    @property
    def diffusion_potential(self) -> Symbol:
        """2 (1 − t₊)(1 + ∂ln f/∂ln c) R T/F in V: the potential that a unit of ln c makes."""
        return (
            2
            * (1 - parameter("Cation transference number"))
            * parameter("Thermodynamic factor")
            * (GAS_CONSTANT * self.temperature / FARADAY)
        )

    def relative(self, name: str) -> Symbol:
        """Return the concentration in a region over the initial one, above 0."""
        return self.present(self.parts[name]) / self.start

    def at_anode(self) -> Symbol:
        """Return the concentration at the left border over the initial one, above 0."""
        return self.present(pybamm.boundary_value(self.concentration, "left")) / self.start

    # --- a uniform reaction: what it takes from the voltage ------------------------------------------------------

    def ohmic_drop(self, current_density: Symbol) -> Symbol:
        """Return what the resistance takes from the voltage where the reaction is uniform in each electrode, V.

        In an electrode the mean potential counts: the integral of (part of the current that still flows)².
        """
        total: Symbol = pybamm.Scalar(0)
        for place, region in enumerate(self.regions):
            along = coordinate(region.name) - place
            flowing = {"negative electrode": along, "separator": pybamm.Scalar(1), "positive electrode": 1 - along}
            resistance = region.thickness / (self.conductivity(self.parts[region.name]) * region.open_section)
            total = total + mean(resistance * flowing[region.name] ** 2, region.name)
        return current_density * total

    def concentration_overpotential(self) -> Symbol:
        """Return what the differences of concentration take from the voltage where the reaction is uniform, V."""
        first = self.regions[0].name
        if first == "negative electrode":
            anode = mean(pybamm.log(self.relative(first)), first)
        else:
            anode = pybamm.log(self.at_anode())
        cathode = mean(pybamm.log(self.relative("positive electrode")), "positive electrode")
        return self.diffusion_potential * (anode - cathode)

    def runs_out(self) -> Symbol:
        """Return the event at which a uniform reaction has used up the salt somewhere: what follows means nothing."""
        return pybamm.Event("Salt runs out", self.lowest - LEAST_SALT * self.start)

    @property
    def lowest(self) -> Symbol:
        """The lowest concentration anywhere, mol/m³: below 0 where a uniform reaction asks for more than there is."""
        return pybamm.min(self.concentration)

    def lithium(self, area: Symbol) -> Symbol:
        """Return the Li of the salt, mol."""
        return area * sum(
            region.thickness * region.porosity * mean(self.parts[region.name], region.name) for region in self.regions
        )

    def lithium_at_start(self, area: Symbol) -> Symbol:
        """Return the Li of the salt of a new cell, mol."""
        return area * sum(region.thickness * region.porosity for region in self.regions) * self.start


_ACTIVATION_ENERGY = "Activation energy of the electrolyte [J.mol-1]"

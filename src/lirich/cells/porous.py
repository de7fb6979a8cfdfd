"""Porous electrode of Li-rich crystals: each place through it reacts, and ages, by its own potential.

Li enters the crystals at each place at a rate q(ξ) that is an unknown of its own, from φ_s − φ_e = U − η(q). The charge
of the solid closes it: ∂/∂ξ (σ/L ∂φ_s/∂ξ) = −j(ξ), with j = q·Q, Q the charge of the host's Li per area. The potential
at the current collector is the one at which the mean of j is the current. This equation is linear, so that Newton's
method keeps it exactly, and with it the Li. The solid's potential is solved as what it differs from the collector's:
millivolts, whose rounding errors do not disturb the current.
(Doyle, Fuller and Newman, J. Electrochem. Soc. 140 (1993) 1526, doi:10.1149/1.2221597.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pybamm

from lirich.cells.cell import SALT, LiRichModel, Symbol, mean
from lirich.cells.crystal import Crystal, parameter
from lirich.cells.electrolyte import Electrolyte
from lirich.cells.half_cell import Sandwich

ELECTRODE = "positive electrode"
LOCAL = "Local: "
"""Stands before the name of a quantity of one place, where the name alone means the mean over the electrode."""
LOCAL_RATE = "Local rate [s-1]"
RATE_SCALE = 1e-4
"""1/s: size of a rate, for the solver."""


def local_rate() -> Symbol:
    """Return the unknown rate at which Li enters the crystals at each place, per Li of the host there and second."""
    return pybamm.Variable(LOCAL_RATE, domain=ELECTRODE, scale=RATE_SCALE)


@dataclass
class PorousElectrode:
    """Charge of the solid and kinetics along the electrode.

    ``current_density`` is that of the cell (A/m², positive in a discharge), ``electrolyte_potential`` φ_e along the
    electrode, ``overpotential`` that of the interface there.
    """

    rate: Symbol
    crystal: Crystal
    current_density: Symbol
    host_charge: Symbol
    conductance: Symbol
    electrolyte_potential: Symbol
    overpotential: Symbol
    rhs: dict[Symbol, Symbol] = field(default_factory=dict)
    algebraic: dict[Symbol, Symbol] = field(default_factory=dict)
    initial: dict[Symbol, Symbol] = field(default_factory=dict)
    boundary: dict[Symbol, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at_collector = pybamm.Variable("Potential at the current collector [V]")
        self.drop = pybamm.Variable("Drop of the solid potential [V]", domain=ELECTRODE)
        self.potential = self.drop + pybamm.PrimaryBroadcast(self.at_collector, ELECTRODE)
        self.initial[self.at_collector] = parameter("Initial surface potential guess [V]")
        self.initial[self.drop] = pybamm.PrimaryBroadcast(pybamm.Scalar(0), ELECTRODE)
        self.initial[self.rate] = pybamm.PrimaryBroadcast(pybamm.Scalar(0), ELECTRODE)
        flux = -pybamm.PrimaryBroadcast(self.conductance, ELECTRODE) * pybamm.grad(self.drop)
        self.algebraic[self.drop] = (pybamm.div(flux) - self.rate * self.host_charge) * CHARGE_SCALE
        self.boundary[self.drop] = {"left": (pybamm.Scalar(0), "Neumann"), "right": (pybamm.Scalar(0), "Dirichlet")}
        self.algebraic[self.at_collector] = (
            mean(self.rate, ELECTRODE) * self.host_charge - self.current_density
        ) * CHARGE_SCALE
        self.algebraic[self.rate] = (
            self.potential - self.electrolyte_potential - self.crystal.potential + self.overpotential
        )


CHARGE_SCALE = 0.1
"""m²/A: brings the charge balances to the size of the other equations."""


def averaged(crystal: Crystal) -> dict[str, Symbol]:
    """Return the outputs of crystals along the electrode as means, one number each."""
    return {
        name: mean(output, ELECTRODE) if ELECTRODE in getattr(output, "domain", []) else output
        for name, output in crystal.outputs.items()
    }


def along(crystal: Crystal) -> dict[str, Symbol]:
    """Return the outputs of crystals along the electrode, as they are at each place."""
    return {f"{LOCAL}{name}": output for name, output in crystal.outputs.items()}


def inventory_along(crystal: Crystal, host_lithium: Symbol) -> dict[str, Symbol]:
    """Return the Li of the crystals along the electrode, mol."""
    return {
        "Lithium in working crystals [mol]": mean(crystal.mean_lithium, ELECTRODE) * host_lithium,
        "Lithium lost in disconnected crystals [mol]": mean(crystal.lost, ELECTRODE) * host_lithium,
    }


class LiRichDFN(LiRichModel):
    """Porous-electrode half-cell of Li-rich crystals that age, each place its own way, against Li metal.

    ``pybamm.Model("LiRichDFN")`` gives it by name. Parameters as of `lirich.cells.half_cell.LiRichSPM`.
    """

    parameter_set = "LiRich_SC_Electrolyte"
    regions = ("separator", ELECTRODE)

    def __init__(self, name: str = "Li-rich porous-electrode half-cell", current: Any = None) -> None:
        super().__init__(name, current)
        pybamm.citations.register("Doyle1993")
        sandwich = Sandwich(self.host)
        density = self.current / sandwich.area
        rate = local_rate()
        crystal = Crystal(rate=rate, temperature=self.temperature, domain=ELECTRODE, prefix=LOCAL)
        source = -rate * sandwich.host_charge
        salt = Electrolyte(sandwich.regions(source), self.temperature, inflow=density)
        in_electrolyte = self._electrolyte_potential(salt, source)
        electrode = PorousElectrode(
            rate,
            crystal,
            density,
            sandwich.host_charge,
            sandwich.solid_conductivity / sandwich.thickness,
            in_electrolyte,
            crystal.overpotential(pybamm.sqrt(salt.relative(ELECTRODE))),
        )
        for part in (crystal, salt, electrode):
            self._add(part)
        counter = self._metal_overpotential(salt.at_anode())
        voltage = electrode.at_collector - counter - self.current * parameter("Series resistance [Ohm]")
        lithium = salt.lithium(sandwich.area)
        self._finish(
            voltage,
            crystal,
            {
                "Counter-electrode overpotential [V]": counter,
                "Lithium in the electrolyte [mol]": lithium,
                SALT: salt.lowest,
                **averaged(crystal),
            },
            open_circuit=mean(crystal.potential, ELECTRODE),
            inventory={
                **inventory_along(crystal, self.host_lithium),
                **self._metal_inventory(),
                "Change of lithium in the electrolyte [mol]": lithium - salt.lithium_at_start(sandwich.area),
            },
        )
        self.variables.update(
            {
                "Salt concentration [mol.m-3]": salt.concentration,
                "Solid potential [V]": electrode.potential,
                "Positive electrolyte potential [V]": in_electrolyte,
                LOCAL_RATE: rate,
                **along(crystal),
            }
        )

    def _electrolyte_potential(self, salt: Electrolyte, source: Symbol) -> Symbol:
        """Add the charge balance of the electrolyte; return its potential in the electrode, 0 V beside the Li metal."""
        parts = [
            pybamm.Variable("Separator electrolyte potential [V]", domain="separator"),
            pybamm.Variable("Positive electrolyte potential [V]", domain=ELECTRODE),
        ]
        potential = pybamm.concatenation(*parts)
        concentration = salt.concentration
        conductance = salt.conductivity(concentration) * salt.through("open_section") / salt.through("thickness")
        present = salt.present(concentration)
        # Each part is a conductance times a gradient: then PyBaMM takes the harmonic mean at the separator's border.
        migration = conductance * pybamm.grad(potential)
        diffusion = (conductance * salt.diffusion_potential / present) * pybamm.grad(concentration)
        flux = diffusion - migration
        sources = pybamm.concatenation(pybamm.PrimaryBroadcast(0, "separator"), source)
        self.algebraic[potential] = (pybamm.div(flux) - sources) * CHARGE_SCALE
        self.boundary_conditions[potential] = {
            "left": (pybamm.Scalar(0), "Dirichlet"),
            "right": (pybamm.Scalar(0), "Neumann"),
        }
        self.initial_conditions[potential] = pybamm.Scalar(0)
        return parts[1]

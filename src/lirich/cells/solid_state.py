"""All-solid-state cell for PyBaMM: Li-rich crystals in a composite with a solid electrolyte, against Li or Li-In.

The electrolyte conducts Li⁺ alone (t₊ = 1): its charge balance is ∂/∂ξ(κ_eff/L ∂φ_e/∂ξ) = j, there is no salt to run
out. What makes the cell differ from a wet one is the contact (`lirich.cells.contact`): crystals that no electrolyte
reaches do not work; of the surface of the others a part touches, and Li has to enter, and to spread inside, from
there. Cracks are not filled: they cost way instead of giving surface.
"""

from __future__ import annotations

from typing import Any

import pybamm

from lirich.cells.cell import LiRichModel, Symbol, mean
from lirich.cells.contact import Contact, Packing
from lirich.cells.crystal import Crystal, conducting, parameter
from lirich.cells.half_cell import Sandwich
from lirich.cells.porous import CHARGE_SCALE, ELECTRODE, LOCAL, LOCAL_RATE, PorousElectrode, along, averaged, local_rate


def packing() -> Packing:
    """Return the packing of the composite, as PyBaMM parameters."""
    return Packing(
        parameter("Positive electrode active material volume fraction"),
        parameter("Solid electrolyte volume fraction"),
        parameter("Particle radius [m]"),
        parameter("Solid electrolyte grain radius [m]"),
        parameter("Mean coordination number"),
    )


class LiRichASSB(LiRichModel):
    """All-solid-state cell of Li-rich crystals in a composite cathode, against Li or Li-In (`lirich.model.counter`).

    ``pybamm.Model("LiRichASSB")`` gives it by name. Parameters as of `lirich.cells.half_cell.LiRichSPM`.
    """

    parameter_set = "LiRich_SC_ASSB"
    regions = (ELECTRODE,)

    def __init__(self, name: str = "Li-rich all-solid-state cell", current: Any = None) -> None:
        super().__init__(name, current)
        pybamm.citations.register("Doyle1993")
        sandwich, mixture = Sandwich(self.host), packing()
        density = self.current / sandwich.area
        working = mixture.working(parameter("Crystals that carbon gives electrons to"))
        working_charge = sandwich.host_charge * working
        rate = local_rate()
        contact = Contact(rate, self.temperature, ELECTRODE, LOCAL)
        crystal = Crystal(
            rate=rate,
            temperature=self.temperature,
            domain=ELECTRODE,
            prefix=LOCAL,
            contact=contact.fraction,
            wets_cracks=False,
        )
        contact.grow(crystal.potential)
        crystal.outputs |= contact.outputs
        conductivity = parameter("Solid electrolyte conductivity [S.m-1]") * conducting(
            "Activation energy of the solid electrolyte [J.mol-1]", self.temperature
        )
        through = parameter("Solid electrolyte volume fraction") ** parameter("Tortuosity exponent of the composite")
        conductance = conductivity * through * mixture.ionic / sandwich.thickness
        separator = density * parameter("Separator thickness [m]") / conductivity
        potential = self._electrolyte_potential(conductance, -rate * working_charge, -separator)
        interface = crystal.overpotential(pybamm.Scalar(1)) + crystal.current_density * contact.resistance
        electrode = PorousElectrode(
            rate,
            crystal,
            density,
            working_charge,
            sandwich.solid_conductivity / sandwich.thickness,
            potential,
            interface,
        )
        for part in (crystal, contact, electrode):
            self._add(part)
        counter = self._metal_overpotential()
        anode = parameter("Anode potential [V]")
        series = self.current * parameter("Series resistance [Ohm]")
        voltage = electrode.at_collector - anode - counter - series
        of_working = self.host_lithium * working
        self._finish(
            voltage,
            crystal,
            {
                "Counter-electrode overpotential [V]": counter,
                "Separator overpotential [V]": separator,
                "Working part of the cathode": working,
                "Connected part of the solid electrolyte": mixture.ionic,
                **averaged(crystal),
            },
            open_circuit=mean(crystal.potential, ELECTRODE) - anode,
            inventory={
                "Lithium in working crystals [mol]": mean(crystal.mean_lithium, ELECTRODE) * of_working,
                "Lithium lost in disconnected crystals [mol]": mean(crystal.lost, ELECTRODE) * of_working,
                "Lithium in crystals isolated from the beginning [mol]": parameter("Initial lithium content")
                * self.host_lithium
                * (1 - working),
                **self._metal_inventory(),
            },
        )
        self.variables.update(
            {
                "Solid potential [V]": electrode.potential,
                "Positive electrolyte potential [V]": potential,
                LOCAL_RATE: rate,
                **along(crystal),
            }
        )

    def _electrolyte_potential(self, conductance: Symbol, source: Symbol, at_separator: Symbol) -> Symbol:
        """Add the charge balance of the electrolyte in the composite; return its potential, 0 V beside the anode."""
        potential = pybamm.Variable("Positive electrolyte potential [V]", domain=ELECTRODE)
        flux = -pybamm.PrimaryBroadcast(conductance, ELECTRODE) * pybamm.grad(potential)
        self.algebraic[potential] = (pybamm.div(flux) - source) * CHARGE_SCALE
        self.boundary_conditions[potential] = {
            "left": (at_separator, "Dirichlet"),
            "right": (pybamm.Scalar(0), "Neumann"),
        }
        self.initial_conditions[potential] = pybamm.PrimaryBroadcast(pybamm.Scalar(0), ELECTRODE)
        return potential

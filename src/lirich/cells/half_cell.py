"""Single-particle half-cells of Li-rich crystals against Li metal, for PyBaMM: without and with electrolyte.

All crystals are alike and react alike. `LiRichSPM` leaves the electrolyte out; `LiRichSPMe` follows the salt through
separator and electrode, and takes its overpotentials off the voltage (Marquis et al., J. Electrochem. Soc. 166 (2019)
A3693, doi:10.1149/2.0341915jes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pybamm

from lirich.cells.cell import SALT, LiRichModel, Symbol, mean
from lirich.cells.crystal import Crystal, parameter
from lirich.cells.electrolyte import Electrolyte, Region


class LiRichSPM(LiRichModel):
    """Single-particle half-cell of Li-rich crystals that are activated and age, against Li metal.

    ``pybamm.Model("LiRichSPM")`` gives it by name. The current is PyBaMM's: positive in a discharge.

    Parameters
    ----------
    name:
        Name of the model.
    current:
        An expression for the current (A), instead of the parameter ``Current function [A]``.
    """

    def __init__(self, name: str = "Li-rich single-particle half-cell", current: Any = None) -> None:
        super().__init__(name, current)
        crystal = Crystal(rate=self.current / (self.host * 3600), temperature=self.temperature)
        self._add(crystal)
        counter = self._metal_overpotential()
        ohmic = self.current * parameter("Series resistance [Ohm]")
        voltage = crystal.potential - crystal.overpotential(pybamm.Scalar(1)) - counter - ohmic
        self._finish(
            voltage,
            crystal,
            {"Counter-electrode overpotential [V]": counter, **crystal.outputs},
            open_circuit=crystal.potential,
            inventory={**crystal_inventory(crystal, self.host_lithium), **self._metal_inventory()},
        )


def crystal_inventory(crystal: Crystal, host_lithium: Symbol) -> dict[str, Symbol]:
    """Return the Li of crystals that are all alike, mol."""
    return {
        "Lithium in working crystals [mol]": crystal.mean_lithium * host_lithium,
        "Lithium lost in disconnected crystals [mol]": crystal.lost * host_lithium,
    }


@dataclass(frozen=True)
class Sandwich:
    """Separator and positive electrode: what their parameters amount to, per area of the cell."""

    host: Symbol
    """A.h."""

    @property
    def area(self) -> Symbol:
        """Area of the cell, m²."""
        return parameter("Electrode area [m2]")

    @property
    def host_charge(self) -> Symbol:
        """Charge of all Li of the host per area, C/m²."""
        return self.host * 3600 / self.area

    @property
    def thickness(self) -> Symbol:
        """Thickness of the positive electrode, m: what the active mass needs at its volume fraction."""
        solid = parameter("Active mass [g]") / 1000 / parameter("Crystal density [kg.m-3]")
        return solid / self.area / parameter("Positive electrode active material volume fraction")

    @property
    def solid_conductivity(self) -> Symbol:
        """Conductivity of the electrode for electrons, S/m."""
        return parameter("Positive electrode conductivity [S.m-1]")

    def regions(self, source: Symbol) -> tuple[Region, Region]:
        """Return separator and positive electrode for an electrolyte; *source* is the current that it gets, A/m²."""
        separator = Region(
            "separator", parameter("Separator thickness [m]"), parameter("Separator porosity"), pybamm.Scalar(0)
        )
        electrode = Region("positive electrode", self.thickness, parameter("Positive electrode porosity"), source)
        return separator, electrode


class LiRichSPMe(LiRichModel):
    """Single-particle half-cell with electrolyte of Li-rich crystals that age, against Li metal.

    ``pybamm.Model("LiRichSPMe")`` gives it by name. Parameters as of `LiRichSPM`.
    """

    parameter_set = "LiRich_SC_Electrolyte"
    regions = ("separator", "positive electrode")

    def __init__(self, name: str = "Li-rich single-particle half-cell with electrolyte", current: Any = None) -> None:
        super().__init__(name, current)
        sandwich = Sandwich(self.host)
        density = self.current / sandwich.area
        crystal = Crystal(rate=self.current / (self.host * 3600), temperature=self.temperature)
        salt = Electrolyte(sandwich.regions(-density), self.temperature, inflow=density)
        self._add(crystal)
        self._add(salt)
        exchange = mean(pybamm.sqrt(salt.relative("positive electrode")), "positive electrode")
        counter = self._metal_overpotential(salt.at_anode())
        solid = density * sandwich.thickness / (3 * sandwich.solid_conductivity)
        ohmic = salt.ohmic_drop(density) + solid
        concentration = salt.concentration_overpotential()
        series = self.current * parameter("Series resistance [Ohm]")
        voltage = crystal.potential - crystal.overpotential(exchange) - counter - ohmic - concentration - series
        lithium = salt.lithium(sandwich.area)
        self._finish(
            voltage,
            crystal,
            {
                "Counter-electrode overpotential [V]": counter,
                "Concentration overpotential [V]": concentration,
                "Ohmic overpotential of electrolyte and solid [V]": ohmic,
                "Lithium in the electrolyte [mol]": lithium,
                SALT: salt.lowest,
                **crystal.outputs,
            },
            open_circuit=crystal.potential,
            inventory={
                **crystal_inventory(crystal, self.host_lithium),
                **self._metal_inventory(),
                "Change of lithium in the electrolyte [mol]": lithium - salt.lithium_at_start(sandwich.area),
            },
        )
        self.events.append(salt.runs_out())
        self.variables["Salt concentration [mol.m-3]"] = salt.concentration

"""Full cell of Li-rich crystals against graphite, one particle each, with electrolyte and a growing film, for PyBaMM.

What the first charge takes from the crystals and they do not take back, and what the film holds, is Li that the cell
has lost: there is no Li metal to replace it. The N/P ratio says how much graphite there is.
"""

from __future__ import annotations

from typing import Any

import pybamm

from lirich.cells.cell import SALT, LiRichModel, mean
from lirich.cells.crystal import Crystal, parameter
from lirich.cells.electrolyte import Electrolyte, Region
from lirich.cells.graphite import Graphite, volume_of
from lirich.cells.half_cell import Sandwich, crystal_inventory


class LiRichFullCell(LiRichModel):
    """Full cell of Li-rich crystals that age, against graphite with a growing film.

    ``pybamm.Model("LiRichFullCell")`` gives it by name. Parameters as of `lirich.cells.half_cell.LiRichSPM`.
    """

    parameter_set = "LiRich_SC_Graphite"
    regions = ("negative electrode", "separator", "positive electrode")
    particles = ("negative particle", "positive particle")

    def __init__(self, name: str = "Li-rich full cell with graphite", current: Any = None) -> None:
        super().__init__(name, current)
        sandwich = Sandwich(self.host)
        density = self.current / sandwich.area
        crystal = Crystal(rate=self.current / (self.host * 3600), temperature=self.temperature)
        first_charge = parameter("Capacity of the first charge [mA.h.g-1]") * parameter("Active mass [g]") / 1000
        sites = parameter("N/P ratio") * first_charge  # A.h
        solid = volume_of(sites) / sandwich.area
        thickness = solid / parameter("Negative electrode active material volume fraction")
        anode = Region("negative electrode", thickness, parameter("Negative electrode porosity"), density)
        salt = Electrolyte((anode, *sandwich.regions(-density)), self.temperature)
        roots = {name: mean(pybamm.sqrt(salt.relative(name)), name) for name in (self.regions[0], self.regions[2])}
        graphite = Graphite(self.current, self.temperature, sites, roots["negative electrode"])
        for part in (crystal, salt, graphite):
            self._add(part)
        electronic = density * sandwich.thickness / (3 * sandwich.solid_conductivity)
        ohmic = salt.ohmic_drop(density) + electronic
        concentration = salt.concentration_overpotential()
        voltage = (
            crystal.potential
            - crystal.overpotential(roots["positive electrode"])
            - graphite.potential
            - ohmic
            - concentration
            - self.current * parameter("Series resistance [Ohm]")
        )
        lithium = salt.lithium(sandwich.area)
        self._finish(
            voltage,
            crystal,
            {
                "Concentration overpotential [V]": concentration,
                "Ohmic overpotential of electrolyte and solid [V]": ohmic,
                "Graphite potential [V]": graphite.beside_film,
                "Graphite surface [m2]": graphite.area,
                "Mean graphite content": graphite.mean_content,
                "SEI thickness [m]": graphite.thickness,
                "SEI current [A]": graphite.film_current,
                "Lithium lost in the SEI, per lithium of the host": graphite.film_lithium / self.host_lithium,
                "Lithium in the electrolyte [mol]": lithium,
                SALT: salt.lowest,
                **crystal.outputs,
            },
            open_circuit=crystal.potential - graphite.open_circuit,
            inventory={
                **crystal_inventory(crystal, self.host_lithium),
                "Change of lithium in the anode [mol]": graphite.lithium,
                "Lithium lost in the SEI [mol]": graphite.film_lithium,
                "Change of lithium in the electrolyte [mol]": lithium - salt.lithium_at_start(sandwich.area),
            },
        )
        self.events.append(salt.runs_out())
        self.variables["Salt concentration [mol.m-3]"] = salt.concentration
        self.variables["Graphite content"] = graphite.content

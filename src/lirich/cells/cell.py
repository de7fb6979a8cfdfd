"""What every Li-rich cell model has in common: current, temperature, host, outputs, events, Li balance, divisions.

Lengths through the cell are scaled region by region: each region of the cell is one unit long, and its thickness
stands in the equations. So a thickness is a parameter like any other, and a compiled model takes any.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import pybamm

from lirich.cells.crystal import Crystal, parameter
from lirich.cells.parameters import values_of
from lirich.cells.sites import FARADAY, GAS_CONSTANT, SITES

Symbol = Any

SIZES = "positive particle size"
"""Instead of places: the size classes of a powder, one point each."""
COORDINATES = {"negative electrode": "x_n", "separator": "x_s", "positive electrode": "x_p", SIZES: "R_p"}
"""The regions of a cell in order, and PyBaMM's name of the coordinate in each."""
PARTICLES = {"negative particle": "r_n", "positive particle": "r_p"}
FINER = 3.0
"""The outermost shell of a particle is exp(3) = 20 times thinner than the innermost: where Li enters, its content is
steepest. 20 such shells give the capacity at 1C to 0.01 % and at 5C to 0.3 %; 20 even ones to 0.7 and 3.5 %."""

SALT = "Lowest salt concentration [mol.m-3]"
"""Where a liquid electrolyte is: the lowest concentration anywhere in it."""

SUMMARY = (
    "Lithium content",
    "Lithium in disconnected crystals",
    "Connected part of the crystals",
    "Reconstructed volume fraction",
    "Open part of the grain boundaries",
    "Cracks through the grains",
    "Sites transformed",
    "Film resistance [Ohm.m2]",
    "Oxygen released [umol.g-1]",
    "Carbon dioxide released [umol.g-1]",
    *(f"Fraction of {name} sites" for name in SITES),
    "SEI thickness [m]",
    "Lithium lost in the SEI [mol]",
    "Contact fraction",
    "Interphase thickness [m]",
)
"""What PyBaMM keeps of each cycle, where the model has it."""


def coordinate(region: str) -> Symbol:
    """Return the coordinate through a region, scaled so that the region is one unit long."""
    return pybamm.SpatialVariable(COORDINATES[region], domain=region, coord_sys="cartesian")


def mean(symbol: Symbol, region: str) -> Symbol:
    """Return the mean of a quantity over a region."""
    return pybamm.Integral(symbol, coordinate(region))


def shells(stretch: float) -> Any:
    """Return how a particle is divided: the outermost shell exp(*stretch*) times thinner than the innermost."""
    if stretch == 0:
        return pybamm.Uniform1DSubMesh
    return pybamm.MeshGenerator(pybamm.Exponential1DSubMesh, {"side": "right", "stretch": stretch})


@cache
def published(name: str) -> Any:
    """Return a function of Chen et al. (2020) as PyBaMM has it. Loading it registers the citation, so not before."""
    return pybamm.ParameterValues("Chen2020")[name]


class LiRichModel(pybamm.BaseModel):  # type: ignore[misc]  # PyBaMM has no types
    """The common part of the models. A model adds its equations and ends with `_finish`.

    ``regions`` are the regions of the cell that are resolved, in order; ``particles`` the particles that are.
    """

    parameter_set: ClassVar[str] = "LiRich_SC"
    regions: ClassVar[tuple[str, ...]] = ()
    particles: ClassVar[tuple[str, ...]] = ("positive particle",)

    def __init__(self, name: str, current: Symbol | None) -> None:
        super().__init__(name)
        pybamm.citations.register("Marquis2019")
        if current is None:
            current = pybamm.FunctionParameter("Current function [A]", {"Time [s]": pybamm.t})
        self.current = current
        self.temperature = parameter("Ambient temperature [K]")
        self.host = parameter("Host capacity [mA.h.g-1]") * parameter("Active mass [g]") / 1000  # A.h
        self.host_lithium = self.host * 3600 / FARADAY  # mol
        self.thermal = GAS_CONSTANT * self.temperature / FARADAY  # V
        self.passed = pybamm.Variable("Discharge capacity [A.h]")
        self.rhs[self.passed] = current / 3600
        self.initial_conditions[self.passed] = pybamm.Scalar(0)

    def _add(self, part: Any) -> None:
        """Take over the equations of a part of the cell."""
        self.rhs.update(part.rhs)
        self.algebraic.update(part.algebraic)
        self.initial_conditions.update(part.initial)
        self.boundary_conditions.update(part.boundary)

    def _metal_overpotential(self, salt: Symbol = 1) -> Symbol:
        """Return what the Li metal takes from the voltage, V; *salt* is the concentration there over that at first."""
        exchange = parameter("Counter-electrode exchange current [A]") * pybamm.sqrt(salt)
        return 2 * self.thermal * pybamm.arcsinh(self.current / (2 * exchange))

    def _finish(
        self,
        voltage: Symbol,
        crystal: Crystal,
        outputs: Mapping[str, Symbol],
        *,
        open_circuit: Symbol,
        inventory: Mapping[str, Symbol],
    ) -> None:
        """Set the outputs and the events.

        *outputs* are one number each; *inventory* is where Li is, in mol, as a change since the beginning where only
        the change is known. Its sum is what "Lithium balance" compares with the beginning, per Li of the host.
        """
        energy = pybamm.Variable("Discharge energy [W.h]")
        self.rhs[energy] = self.current * voltage / 3600
        self.initial_conditions[energy] = pybamm.Scalar(0)
        time, current = pybamm.t, self.current
        start = parameter("Initial lithium content") * self.host_lithium
        self.variables = {
            "Time [s]": time,
            "Time [h]": time / 3600,
            "Current [A]": current,
            **({} if isinstance(current, pybamm.Variable) else {"Current variable [A]": current}),
            "Voltage [V]": voltage,
            "Battery voltage [V]": voltage,
            "Open-circuit voltage [V]": open_circuit,
            "Discharge capacity [A.h]": self.passed,
            "Discharge energy [W.h]": energy,
            "Lithium through the circuit": self.passed / self.host,
            "Ambient temperature [K]": self.temperature,
            f"{crystal.prefix}Lithium in the crystal": crystal.lithium,
            "Local lithium content": crystal.local_content,
            **outputs,
            **inventory,
            "Lithium balance": (sum(inventory.values()) - start) / self.host_lithium,
        }
        self.summary_variables = [name for name in SUMMARY if name in self.variables]
        self.events = [
            pybamm.Event("Minimum voltage [V]", voltage - parameter("Lower voltage cut-off [V]")),
            pybamm.Event("Maximum voltage [V]", parameter("Upper voltage cut-off [V]") - voltage),
        ]

    def _metal_inventory(self) -> dict[str, Symbol]:
        """Return the Li that a metal anode has gained, mol: what came through the circuit."""
        return {"Change of lithium in the anode [mol]": -self.passed * 3600 / FARADAY}

    # --- how PyBaMM divides and solves it ------------------------------------------------------------------------

    @property
    def default_parameter_values(self) -> Any:
        """The model's own parameter set."""
        return pybamm.ParameterValues(values_of(self.parameter_set))

    @property
    def default_geometry(self) -> Any:
        """Regions one unit long each, one behind the other; particles scaled to radius 1."""
        geometry: dict[str, Any] = {}
        for place, region in enumerate(self.regions):
            geometry[region] = {
                coordinate(region): {"min": pybamm.Scalar(float(place)), "max": pybamm.Scalar(place + 1.0)}
            }
        for particle in self.particles:
            r = pybamm.SpatialVariable(PARTICLES[particle], domain=particle, coord_sys="spherical polar")
            geometry[particle] = {r: {"min": pybamm.Scalar(0), "max": pybamm.Scalar(1)}}
        return geometry

    @property
    def default_submesh_types(self) -> Any:
        """Layers of equal thickness, and shells that become thinner towards the surface of a particle."""
        return {
            **dict.fromkeys(self.regions, pybamm.Uniform1DSubMesh),
            **dict.fromkeys(self.particles, shells(FINER)),
        }

    @property
    def default_var_pts(self) -> Any:
        """20 shells in a particle, 10 layers in a region."""
        return {**dict.fromkeys(COORDINATES.values(), 10), **dict.fromkeys(PARTICLES.values(), 20)}

    @property
    def default_spatial_methods(self) -> Any:
        """Finite volumes, which conserve Li."""
        return {place: pybamm.FiniteVolume() for place in (*self.regions, *self.particles)}

    @property
    def default_solver(self) -> Any:
        """IDAKLU."""
        return pybamm.IDAKLUSolver(rtol=1e-5, atol=1e-7)

    @property
    def default_quick_plot_variables(self) -> list[str]:
        """Voltage, Li and what ages."""
        return ["Voltage [V]", "Lithium content", "Hysteresis state", "Sites left"]

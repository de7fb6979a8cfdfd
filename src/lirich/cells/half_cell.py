"""Single-particle model of a Li-rich half-cell, for PyBaMM."""

from __future__ import annotations

from typing import Any

import pybamm

from lirich.cells.crystal import Crystal, parameter
from lirich.cells.parameters import single_crystal
from lirich.cells.sites import FARADAY, GAS_CONSTANT, SITES

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
)


class LiRichSPM(pybamm.BaseModel):  # type: ignore[misc]  # PyBaMM has no types
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
        super().__init__(name)
        pybamm.citations.register("Marquis2019")
        time = pybamm.t
        if current is None:
            current = pybamm.FunctionParameter("Current function [A]", {"Time [s]": time})
        temperature = parameter("Ambient temperature [K]")
        host = parameter("Host capacity [mA.h.g-1]") * parameter("Active mass [g]") / 1000  # A.h
        crystal = Crystal(rate=current / (host * 3600), temperature=temperature)
        crystal.add_to(self)
        passed = pybamm.Variable("Discharge capacity [A.h]")
        self.rhs[passed] = current / 3600
        self.initial_conditions[passed] = pybamm.Scalar(0)
        energy = pybamm.Variable("Discharge energy [W.h]")
        thermal = GAS_CONSTANT * temperature / FARADAY
        counter = 2 * thermal * pybamm.arcsinh(current / (2 * parameter("Counter-electrode exchange current [A]")))
        ohmic = current * parameter("Series resistance [Ohm]")
        voltage = crystal.potential - crystal.overpotential(pybamm.Scalar(1)) - counter - ohmic
        self.rhs[energy] = current * voltage / 3600
        self.initial_conditions[energy] = pybamm.Scalar(0)
        self.variables = {
            "Time [s]": time,
            "Time [h]": time / 3600,
            "Current [A]": current,
            **({} if isinstance(current, pybamm.Variable) else {"Current variable [A]": current}),
            "Voltage [V]": voltage,
            "Battery voltage [V]": voltage,
            "Open-circuit voltage [V]": crystal.potential,
            "Discharge capacity [A.h]": passed,
            "Discharge energy [W.h]": energy,
            "Lithium through the circuit": passed / host,
            "Counter-electrode overpotential [V]": counter,
            "Ambient temperature [K]": temperature,
            "Lithium in the crystal": crystal.lithium,
            "Local lithium content": crystal.lithium / pybamm.PrimaryBroadcast(crystal.connected, "positive particle"),
            **crystal.outputs,
        }
        self.summary_variables = list(SUMMARY)
        self.events = [
            pybamm.Event("Minimum voltage [V]", voltage - parameter("Lower voltage cut-off [V]")),
            pybamm.Event("Maximum voltage [V]", parameter("Upper voltage cut-off [V]") - voltage),
        ]

    @property
    def default_parameter_values(self) -> Any:
        """Single crystals of 0.94 µm."""
        return pybamm.ParameterValues(single_crystal())

    @property
    def default_geometry(self) -> Any:
        """The particle, scaled to radius 1."""
        r = pybamm.SpatialVariable("r_p", domain="positive particle", coord_sys="spherical polar")
        return {"positive particle": {r: {"min": pybamm.Scalar(0), "max": pybamm.Scalar(1)}}}

    @property
    def default_submesh_types(self) -> Any:
        """Shells of equal thickness."""
        return {"positive particle": pybamm.Uniform1DSubMesh}

    @property
    def default_var_pts(self) -> Any:
        """20 shells."""
        return {"r_p": 20}

    @property
    def default_spatial_methods(self) -> Any:
        """Finite volumes, which conserve Li."""
        return {"positive particle": pybamm.FiniteVolume()}

    @property
    def default_solver(self) -> Any:
        """IDAKLU."""
        return pybamm.IDAKLUSolver(rtol=1e-5, atol=1e-7)

    @property
    def default_quick_plot_variables(self) -> list[str]:
        """Voltage, Li and what ages."""
        return ["Voltage [V]", "Lithium content", "Hysteresis state", "Sites left"]

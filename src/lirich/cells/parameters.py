"""Parameter sets of Li-rich electrodes for PyBaMM, each number with its source, guesses marked as guesses.

The sets are registered with PyBaMM (``pybamm.ParameterValues("LiRich_SC")``). SC and PC share everything but the
morphology: what differs between them follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name as PyBaMM has it, with the unit, the number, and where the number comes from.

    ``guess`` says that the source supports the size of the number and no more.
    """

    name: str
    value: float | str
    source: str
    guess: bool = False


_REVIEW = "Yang et al., EES Batteries 2 (2026) 377, doi:10.1039/d5eb00167f"
_KIM = "fit to the first and tenth cycle of the Li-rich cell of Kim et al., Energy Environ. Sci. 18 (2025) 4222"
_FIT = "set so that the SC and PC cells of Yang et al. (2026), ref. 68, come out: 86.79 / 71.19 %, 1.95 / 3.39 mV per cycle"
_SIZE = "order of magnitude"

# fmt: off
HOST = (
    Parameter("Host capacity [mA.h.g-1]", 354.0, _KIM),
    Parameter("Crystal density [kg.m-3]", 4250.0, "X-ray density of Li1.2Mn0.54Ni0.13Co0.13O2, a 2.85, c 14.25 Å, rounded down for vacancies", guess=True),
    Parameter("Initial lithium content", 0.995, _KIM),
    Parameter("Initial surface potential guess [V]", 3.4, "start of the search for the potential; of no influence"),
    Parameter("Potential of high sites [V]", 4.80, _KIM),
    Parameter("Width of high sites", 8.0, _KIM),
    Parameter("Hysteresis shift of high sites [V]", 0.0, _KIM),
    Parameter("Initial fraction of high sites", 0.2081, _KIM),
    Parameter("Potential of middle sites [V]", 4.122, _KIM),
    Parameter("Width of middle sites", 5.9, _KIM),
    Parameter("Hysteresis shift of middle sites [V]", 0.0, _KIM),
    Parameter("Initial fraction of middle sites", 0.2015, _KIM),
    Parameter("Potential of low sites [V]", 3.798, _KIM),
    Parameter("Width of low sites", 2.93, _KIM),
    Parameter("Hysteresis shift of low sites [V]", 0.033, _KIM),
    Parameter("Initial fraction of low sites", 0.268, _KIM),
    Parameter("Potential of wide sites [V]", 3.157, _KIM),
    Parameter("Width of wide sites", 4.68, _KIM),
    Parameter("Hysteresis shift of wide sites [V]", 0.40, _KIM),
    Parameter("Initial fraction of wide sites", 0.0084, _KIM),
    Parameter("Potential of hysteretic sites [V]", 4.185, _KIM),
    Parameter("Width of hysteretic sites", 2.417, _KIM),
    Parameter("Hysteresis shift of hysteretic sites [V]", 0.786, _KIM),
    Parameter("Initial fraction of hysteretic sites", 0.0, "they come with activation: Gallagher et al., Electrochem. Commun. 33 (2013) 96"),
    Parameter("Potential of spinel sites [V]", 3.0, "lower plateau of LiMn2O4, 2.9 to 3.0 V: Thackeray, Prog. Solid State Chem. 25 (1997) 1"),
    Parameter("Width of spinel sites", 1.58, _KIM),
    Parameter("Hysteresis shift of spinel sites [V]", 0.0, _KIM),
    Parameter("Initial fraction of spinel sites", 0.0, "pristine material"),
    Parameter("Potential of plateau sites [V]", 4.449, _KIM),
    Parameter("Width of plateau sites", 1.43, _KIM),
    Parameter("Hysteresis shift of plateau sites [V]", 0.0, _KIM),
    Parameter("Initial fraction of plateau sites", 0.230, _KIM),
    Parameter("Potential of tail sites [V]", 4.528, _KIM),
    Parameter("Width of tail sites", 6.0, _KIM),
    Parameter("Hysteresis shift of tail sites [V]", 0.0, _KIM),
    Parameter("Initial fraction of tail sites", 0.084, _KIM),
    Parameter("Hysteresis rate", 12.0, "the state turns within about 1/12 of the host's Li", guess=True),
)
TRANSPORT = (
    Parameter("Maximum diffusivity [m2.s-1]", 1e-16, "1e-12 cm²/s: gives 200 to 300 mAh/g at 1C for submicron crystals, as reported", guess=True),
    Parameter("Relative diffusivity of a full or empty crystal", 0.05, _SIZE, guess=True),
    Parameter("Activation energy of diffusion [J.mol-1]", 40e3, _SIZE, guess=True),
    Parameter("Grain-boundary permeance [m.s-1]", 1e-9, _SIZE, guess=True),
    Parameter("Reference exchange-current density [A.m-2]", 0.1, _SIZE, guess=True),
    Parameter("Activation energy of the interface [J.mol-1]", 50e3, _SIZE, guess=True),
    Parameter("Initial film resistance [Ohm.m2]", 0.002, "20 Ω cm² of wetted area", guess=True),
    Parameter("Film conductivity [S.m-1]", 1e-6, _SIZE, guess=True),
)
AGEING = (
    Parameter("Activation rate [s-1]", 1 / 600.0, "fast beside a charge at C/10", guess=True),
    Parameter("Activation energy of activation [J.mol-1]", 60e3, _SIZE, guess=True),
    Parameter("Yield of high sites from activation", 0.0456, _KIM),
    Parameter("Yield of wide sites from activation", 0.3075, _KIM),
    Parameter("Yield of hysteretic sites from activation", 0.2715, _KIM),
    Parameter("Yield of spinel sites from activation", 0.0832, _KIM),
    Parameter("Transformation per throughput in the bulk", 0.008, _FIT, guess=True),
    Parameter("Transformation per throughput and wetted area", 0.002, _FIT, guess=True),
    Parameter("Onset of the transformation [V]", 4.3, "above the potentials at which Mn stays in its layer", guess=True),
    Parameter("Width of the onset of the transformation [V]", 0.05, _SIZE, guess=True),
    Parameter("Activation energy of the transformation [J.mol-1]", 40e3, _SIZE, guess=True),
    Parameter("Yield of spinel-like sites", 0.95, _SIZE, guess=True),
    Parameter("Reconstruction rate [m.s-1]", 2e-14, _FIT, guess=True),
    Parameter("Reconstruction thickness [m]", 2e-9, "thickness at which growth has slowed to a half", guess=True),
    Parameter("Onset of reconstruction [V]", 4.3, _SIZE, guess=True),
    Parameter("Width of the onset of reconstruction [V]", 0.05, _SIZE, guess=True),
    Parameter("Activation energy of reconstruction [J.mol-1]", 50e3, _SIZE, guess=True),
    Parameter("Initial reconstructed volume fraction", 0.0, "pristine material"),
    Parameter("Strain at fracture", 0.01, _SIZE, guess=True),
    Parameter("Strain mismatch between grains", 0.01, "anisotropic strain of layered oxides on full delithiation, 1 to 2 %", guess=True),
    Parameter("Linear expansion of lithiation", 0.02, "a third of the 5 to 8 % volume change: " + _REVIEW, guess=True),
    Parameter("Grain-boundary cracking rate", 0.02, _FIT, guess=True),
    Parameter("Crystal cracking rate", 0.02, _FIT, guess=True),
    Parameter("Crystal radius at fracture [m]", 1e-6, "Griffith: the stress intensity grows with the root of the size", guess=True),
    Parameter("Crystals disconnected per crack", 0.15, _FIT, guess=True),
)
GAS = (
    Parameter("Onset of oxygen release [V]", 4.7, _REVIEW + ", ref. 43: onset for PC"),
    Parameter("Slope of oxygen release [V]", 0.13, "so that SC and PC differ by 0.28 V for their ratio of areas: " + _REVIEW + ", ref. 43", guess=True),
    Parameter("Rate of oxygen release at its onset [umol.m-2.s-1]", 1e-5, _SIZE, guess=True),
    Parameter("Onset of carbonate oxidation [V]", 4.34, _REVIEW + ", ref. 43"),
    Parameter("Slope of carbonate oxidation [V]", 0.05, _SIZE, guess=True),
    Parameter("Rate of carbonate oxidation at its onset [s-1]", 1e-4, _SIZE, guess=True),
    Parameter("Surface carbonate per area [umol.m-2]", 10.0, _SIZE, guess=True),
    Parameter("Onset of electrolyte oxidation [V]", 4.6, _REVIEW + ", ref. 43"),
    Parameter("Slope of electrolyte oxidation [V]", 0.08, _SIZE, guess=True),
    Parameter("Rate of electrolyte oxidation at its onset [umol.m-2.s-1]", 1e-5, _SIZE, guess=True),
)
CELL = (
    Parameter("Active mass [g]", 0.010, "a coin cell"),
    Parameter("Nominal cell capacity [A.h]", 0.0025, "250 mAh/g: 1C of Li-rich cathodes"),
    Parameter("Current function [A]", 0.00025, "C/10"),
    Parameter("Ambient temperature [K]", 298.15, "25 °C"),
    Parameter("Initial temperature [K]", 298.15, "25 °C"),
    Parameter("Series resistance [Ohm]", 10.0, "a coin cell", guess=True),
    Parameter("Counter-electrode exchange current [A]", 2e-3, "Li metal of 1.5 cm²", guess=True),
    Parameter("Lower voltage cut-off [V]", 2.0, "usual for Li-rich half-cells"),
    Parameter("Upper voltage cut-off [V]", 4.8, "usual for Li-rich half-cells"),
    Parameter("Number of electrodes connected in parallel to make a cell", 1.0, "a coin cell"),
    Parameter("Number of cells connected in series to make a battery", 1.0, "a coin cell"),
)
SC = (
    Parameter("Crystal radius [m]", 0.47e-6, "BET 1.5 m²/g is that of dense spheres of 0.94 µm: " + _REVIEW + ", ref. 60"),
    Parameter("Particle radius [m]", 0.47e-6, "one crystal is one particle"),
    Parameter("Initial open part of the grain boundaries", 0.0, "one crystal has none"),
)
PC = (
    Parameter("Crystal radius [m]", 75e-9, "primary crystallites of 100 to 200 nm: " + _REVIEW + ", refs. 52–54"),
    Parameter("Particle radius [m]", 4e-6, _SIZE, guess=True),
    Parameter("Initial open part of the grain boundaries", 0.2, "BET of about 2 m²/g", guess=True),
)
# fmt: on
SETS = {"LiRich_SC": (*HOST, *TRANSPORT, *AGEING, *GAS, *CELL, *SC), "LiRich_PC": (*HOST, *TRANSPORT, *AGEING, *GAS, *CELL, *PC)}


def _values(name: str) -> dict[str, float | str]:
    return {p.name: p.value for p in SETS[name]}


def single_crystal() -> dict[str, float | str]:
    """Parameters of a Li metal half-cell with single crystals of 0.94 µm (``pybamm.ParameterValues("LiRich_SC")``)."""
    return _values("LiRich_SC")


def polycrystal() -> dict[str, float | str]:
    """Parameters of a Li metal half-cell with polycrystalline particles (``pybamm.ParameterValues("LiRich_PC")``)."""
    return _values("LiRich_PC")

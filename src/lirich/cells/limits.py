"""What cannot be is refused before anything is solved: each rule says what it found, what it expected and why.

A rule applies where the parameters that it speaks of are there, so that one `check` serves every kind of model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pybamm

from lirich.cells.contact import Packing
from lirich.cells.programme import Programme
from lirich.cells.sites import SITES
from lirich.cells.sizes import check_sizes
from lirich.errors import SettingsError

Parameters = Mapping[str, float]

CATHODE_WINDOW_V = (1.2, 5.2)
"""V against Li. The sites are fitted between 2.0 and 4.8 V; beyond this nothing supports them."""
GRAPHITE_WINDOW_V = (0.05, 1.5)
"""V against Li: of the graphite potential of Chen et al. (2020) between full and empty."""

_MAY_BE_NEGATIVE = ("Hysteresis shift", "Current function", "Lower voltage cut-off")
_POSITIVE = (
    "Crystal radius",
    "Particle radius",
    "Crystal density",
    "Host capacity",
    "Active mass",
    "Width of",
    "Maximum diffusivity",
    "Relative diffusivity",
    "Reference exchange-current",
    "Film conductivity",
    "Reconstruction thickness",
    "Strain at fracture",
    "Grain-boundary permeance",
    "Ambient temperature",
    "Counter-electrode exchange",
    "Slope of",
    "Electrode area",
    "Positive electrode",
    "Negative electrode",
    "Separator",
    "Initial salt concentration",
    "Factor of",
    "N/P ratio",
    "Capacity of the first charge",
    "Maximum concentration",
    "Graphite",
    "SEI molar volume",
    "Lithium per SEI",
    "Initial SEI thickness",
    "Solid electrolyte",
    "Mean coordination number",
    "Contact fraction",
    "Initial interphase scale",
    "Interphase conductivity",
    "Coating conductivity",
    "Relative radius of size class",
    "Volume fraction of size class",
)
TEMPERATURES_K = (213.15, 423.15)
"""−60 to 150 °C, as of `lirich.cells.study.Duty`: far beyond what Arrhenius factors around 25 °C can be trusted for."""
LARGEST_RADIUS_M = 1e-4
"""A particle of 0.2 mm: whoever gives more means another unit."""
SITE_POTENTIALS_V = (1.0, 6.0)
"""V against Li: a site beyond is never filled, or never emptied, within any window."""
LARGEST_LOADING_MG_CM2 = 200.0
"""Active mass per area: 50 mAh/cm², ten times an electrode of today. Whoever gives more means another unit."""
_SLOW_MA_G = 25.0
"""C/10 of 250 mA/g: a cell whose resistance takes the whole window at this current cannot be cycled."""
LARGEST_EXPANSION = 0.2
"""Linear: 73 % of the volume."""

_PARTS = (
    "Positive electrode active material volume fraction",
    "Positive electrode porosity",
    "Negative electrode active material volume fraction",
    "Negative electrode porosity",
    "Separator porosity",
    "Solid electrolyte volume fraction",
    "Cation transference number",
    "Contact fraction after pressing",
    "Part of the contact that can part",
    "Crystals that carbon gives electrons to",
    "Initial open part of the grain boundaries",
    "Initial reconstructed volume fraction",
    "Part of closed grain boundaries that oxygen leaves by",
    "Relative diffusivity of a full or empty crystal",
    "Yield of spinel-like sites",
    "Crystals disconnected per crack",
)
_SUMS = (
    ("Positive electrode active material volume fraction", "Positive electrode porosity"),
    ("Negative electrode active material volume fraction", "Negative electrode porosity"),
    ("Positive electrode active material volume fraction", "Solid electrolyte volume fraction"),
)


def check(parameters: Parameters) -> None:
    """Refuse parameters that cannot be. Raises `SettingsError` with the reason."""
    for rule in _RULES:
        rule(parameters)


def _numbers(parameters: Parameters) -> None:
    for name, value in parameters.items():
        if not np.isfinite(value):
            raise SettingsError(f"{name} is {value}", expected="a finite number")
        if value < 0 and not name.startswith(_MAY_BE_NEGATIVE):
            raise SettingsError(f"{name} is {value:g}", expected="a number that is not negative")
        if value == 0 and name.startswith(_POSITIVE):
            raise SettingsError(f"{name} is 0", expected="more than 0")


def _temperature(parameters: Parameters) -> None:
    low, high = TEMPERATURES_K
    for name in ("Ambient temperature [K]", "Initial temperature [K]"):
        if name in parameters and not low <= parameters[name] <= high:
            raise SettingsError(
                f"{name} is {parameters[name]:g}",
                expected=f"between {low:g} and {high:g} K (−60 and 150 °C)",
                advice="Temperatures of parameters are in kelvin: 25 °C is 298.15",
            )


def _morphology(parameters: Parameters) -> None:
    for name in ("Crystal radius [m]", "Particle radius [m]"):
        if parameters[name] > LARGEST_RADIUS_M:
            raise SettingsError(
                f"{name} is {parameters[name]:g}",
                expected=f"at most {LARGEST_RADIUS_M:g}",
                advice="Radii of parameters are in metres: 470 nm is 4.7e-7",
            )
    if parameters["Crystal radius [m]"] > parameters["Particle radius [m]"] * (1 + 1e-9):
        raise SettingsError(
            f"The crystals (radius {parameters['Crystal radius [m]']:g} m) are larger than the particle "
            f"({parameters['Particle radius [m]']:g} m)",
            expected="a crystal radius up to the particle radius; equal for single crystals",
        )
    check_sizes(parameters, LARGEST_RADIUS_M)


def _sites(parameters: Parameters) -> None:
    low, high = SITE_POTENTIALS_V
    for site in SITES:
        potential = parameters[f"Potential of {site} sites [V]"]
        if not low <= potential <= high:
            raise SettingsError(
                f"The potential of the {site} sites is {potential:g} V",
                expected=f"between {low:g} and {high:g} V against Li",
            )
    sites = sum(value for name, value in parameters.items() if name.startswith("Initial fraction of "))
    if abs(sites - 1.0) > 1e-6:
        raise SettingsError(
            f"The initial fractions of the sites sum to {sites:.6g}", expected="1: they are parts of the host's Li"
        )
    if not 0 < parameters["Initial lithium content"] < sites:
        raise SettingsError(
            f"An initial lithium content of {parameters['Initial lithium content']:g}",
            expected=f"between 0 and {sites:g}, both excluded",
        )
    made = sum(value for name, value in parameters.items() if name.startswith("Yield of ") and "activation" in name)
    if made > 1 + 1e-9:
        raise SettingsError(f"Activation makes {made:.4g} sites of one", expected="yields that sum to at most 1")


def _volumes(parameters: Parameters) -> None:
    for name in _PARTS:
        if parameters.get(name, 0.0) > 1:
            raise SettingsError(f"{name} is {parameters[name]:g}", expected="a part of a whole: at most 1")
    if parameters["Initial reconstructed volume fraction"] == 1:
        raise SettingsError("All of the crystals is rock salt at the beginning", expected="a part below 1")
    if parameters.get("Cation transference number") == 1:
        raise SettingsError(
            "The cation transference number of the liquid electrolyte is 1",
            expected="below 1: the anions of a salt move too",
            advice="A single-ion conductor is a solid electrolyte: take LiRichASSB",
        )
    for names in _SUMS:
        if all(name in parameters for name in names):
            total = sum(parameters[name] for name in names)
            if total > 1 + 1e-9:
                raise SettingsError(
                    " and ".join(f"{name} {parameters[name]:g}" for name in names) + f" sum to {total:.4g}",
                    expected="at most 1: they share one volume, and binder, carbon or pores take the rest",
                )


def _mechanics(parameters: Parameters) -> None:
    expansion = parameters["Linear expansion of lithiation"]
    if expansion > LARGEST_EXPANSION:
        raise SettingsError(
            f"A linear expansion of {expansion:g}", expected=f"at most {LARGEST_EXPANSION:g}; layered oxides have 0.02"
        )
    poisson = parameters.get("Solid electrolyte Poisson ratio", 0.0)
    if poisson > 0.5:
        raise SettingsError(
            f"A Poisson ratio of {poisson:g}", expected="at most 0.5: more would grow when it is pressed from all sides"
        )


def _graphite(parameters: Parameters) -> None:
    ratio = parameters.get("N/P ratio")
    if ratio is not None and ratio < 1:
        raise SettingsError(
            f"The N/P ratio is {ratio:g}",
            expected="at least 1",
            advice="With less graphite than the first charge needs, Li metal is plated, which this model does not have",
        )
    content = parameters.get("Initial graphite content")
    if content is not None and not 0 < content < 1:
        raise SettingsError(f"An initial graphite content of {content:g}", expected="between 0 and 1, both excluded")


def _percolation(parameters: Parameters) -> None:
    if "Solid electrolyte grain radius [m]" not in parameters:
        return
    packing = Packing(
        *(
            pybamm.Scalar(parameters[name])
            for name in (
                "Positive electrode active material volume fraction",
                "Solid electrolyte volume fraction",
                "Particle radius [m]",
                "Solid electrolyte grain radius [m]",
                "Mean coordination number",
            )
        )
    )
    if float(packing.ionic.evaluate()) <= 0:
        raise SettingsError(
            f"The solid electrolyte ({parameters['Solid electrolyte volume fraction']:g} of the volume, grains of "
            f"{parameters['Solid electrolyte grain radius [m]']:g} m) forms no path through the cathode",
            expected="so much, or so fine, that a grain touches at least 1.764 of its own kind in the mean",
        )
    if float(packing.working(pybamm.Scalar(parameters["Crystals that carbon gives electrons to"])).evaluate()) <= 0:
        raise SettingsError(
            "No crystal gets electrons: neither do the crystals form a path through the cathode, nor is there carbon",
            expected="more crystals, or finer ones, or carbon",
        )


def window(parameters: Parameters) -> tuple[float, float]:
    """Return between which cell voltages the open-circuit potentials of both electrodes are known, V."""
    low, high = CATHODE_WINDOW_V
    if "N/P ratio" in parameters:
        return low - GRAPHITE_WINDOW_V[1], high - GRAPHITE_WINDOW_V[0]
    anode = parameters.get("Anode potential [V]", 0.0)
    return low - anode, high - anode


def _within(what: str, voltage: float, parameters: Parameters) -> None:
    low, high = window(parameters)
    if not low <= voltage <= high:
        raise SettingsError(
            f"{what} of {voltage:g} V lies outside what the open-circuit potentials cover",
            expected=f"between {low:.4g} and {high:.4g} V: the sites are fitted to 2.0 to 4.8 V against Li",
        )


def _mass(parameters: Parameters) -> None:
    mass = parameters["Active mass [g]"]
    if "Electrode area [m2]" in parameters:
        area = 1e4 * parameters["Electrode area [m2]"]  # cm²
        loading = 1e3 * mass / area
        if loading > LARGEST_LOADING_MG_CM2:
            raise SettingsError(
                f"An active mass of {mass:g} g on {area:g} cm² is {loading:.4g} mg/cm²",
                expected=f"at most {LARGEST_LOADING_MG_CM2:g} mg/cm²",
                advice="Masses of parameters are in grams: 10 mg is 0.01",
            )
    _driven("Even a cycle", _SLOW_MA_G, parameters)


def _driven(what: str, current_ma_g: float, parameters: Parameters) -> None:
    """Refuse a current whose drop over the series resistance is the whole window: not a charge would pass."""
    current = 1e-3 * current_ma_g * parameters["Active mass [g]"]  # A
    drop = current * parameters["Series resistance [Ohm]"]
    window = parameters["Upper voltage cut-off [V]"] - parameters["Lower voltage cut-off [V]"]
    if drop >= window:
        raise SettingsError(
            f"{what} at {current_ma_g:g} mA/g is {current:.4g} A, of which the series resistance "
            f"({parameters['Series resistance [Ohm]']:g} Ohm) takes {drop:.4g} V",
            expected=f"less than the {window:g} V between the cut-offs",
            advice="Less active mass (10 mg is 0.01 g) or current; a large cell has a small Series resistance [Ohm]",
        )


def _cut_offs(parameters: Parameters) -> None:
    low, high = parameters["Lower voltage cut-off [V]"], parameters["Upper voltage cut-off [V]"]
    if not low < high:
        raise SettingsError(
            f"The lower voltage cut-off ({low:g} V) is not below the upper one ({high:g} V)",
            expected="a window that is open",
        )
    _within("A lower voltage cut-off", low, parameters)
    _within("An upper voltage cut-off", high, parameters)


def check_window(programme: Programme, parameters: Parameters) -> None:
    """Refuse a programme whose voltages no open-circuit potential covers, or whose currents no cell passes.

    Raises `SettingsError` with the reason.
    """
    for step in programme.steps:
        if step.mode in ("charge", "discharge"):
            _driven(f"A {step.mode}", step.current_ma_g, parameters)
        if step.until_voltage_v is not None:
            _within(f"A {step.mode} to a voltage", step.until_voltage_v, parameters)
        if step.mode == "hold":
            _within("A hold at a voltage", step.voltage_v, parameters)


_RULES: tuple[Callable[[Parameters], None], ...] = (
    _numbers,
    _temperature,
    _morphology,
    _sites,
    _volumes,
    _mechanics,
    _graphite,
    _percolation,
    _cut_offs,
    _mass,
)

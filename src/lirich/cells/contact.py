"""Contact between crystals and a solid electrolyte: what is isolated, what parts and heals, what grows between them.

* **Isolated**: a crystal works if it touches electrolyte that reaches the separator, and electrons reach it. Both are
  chances in a random packing of two kinds of spheres (Bertei and Nicolella, Powder Technol. 213 (2011) 100,
  doi:10.1016/j.powtec.2011.07.011; as printed for composite electrodes by Chen et al., Energies 6 (2013) 1632,
  doi:10.3390/en6031632, equations 2 and 5).
* **Parted**: crystals change volume and the electrolyte does not follow; what has parted is pressed together again
  elastically (Persson, J. Chem. Phys. 115 (2001) 3840, doi:10.1063/1.1388626; in a cell model Tian and Qi,
  J. Electrochem. Soc. 164 (2017) E3512, doi:10.1149/2.0481711jes), and heals by creep.
* **Interphase**: what crystal and electrolyte react to grows as the root of time (Wenzel et al., Solid State Ionics 278
  (2015) 98, doi:10.1016/j.ssi.2015.06.001), as fast as the energy of their reaction drives it. A coating between them
  adds its own resistance; what it does to the growth is in the energies (`lirich.cells.interphase`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pybamm
from numpy.typing import NDArray
from scipy.optimize import brentq

from lirich.cells.crystal import arrhenius, parameter
from lirich.errors import SettingsError

Symbol = Any
Array = NDArray[np.float64]

_ALL, _SPAN, _POWER = 4.236, 2.472, 3.7
"""Contacts with its own kind from which all of a network hangs together, how many fewer end it, and the power between
(Bertei and Nicolella 2011; below 4.236 − 2.472 = 1.764 contacts there is no network)."""
_LEAST_CONTACT = 1e-3
_LEAST_CHANCE = 1e-12


@dataclass(frozen=True)
class Packing:
    """A random packing of crystals (1) and electrolyte grains (2): volume fractions, radii (m), mean coordination."""

    crystal_fraction: Symbol
    electrolyte_fraction: Symbol
    crystal_radius: Symbol
    electrolyte_radius: Symbol
    coordination: Symbol

    @property
    def _surfaces(self) -> tuple[Symbol, Symbol, Symbol]:
        crystals = self.crystal_fraction / self.crystal_radius
        grains = self.electrolyte_fraction / self.electrolyte_radius
        return crystals, grains, crystals + grains

    @property
    def ionic(self) -> Symbol:
        """Part of the electrolyte grains that belong to the network through the electrode."""
        _, grains, both = self._surfaces
        return percolating(self.coordination * grains / both)

    @property
    def electronic(self) -> Symbol:
        """Part of the crystals that belong to a network of crystals through the electrode."""
        crystals, _, both = self._surfaces
        return percolating(self.coordination * crystals / both)

    @property
    def grains_at_crystal(self) -> Symbol:
        """Electrolyte grains that touch a crystal, in the mean."""
        _, grains, both = self._surfaces
        ratio = self.crystal_radius / self.electrolyte_radius
        return 0.5 * (1 + ratio**2) * self.coordination * grains / both

    def working(self, carbon: Symbol) -> Symbol:
        """Return the part of the crystals that work; *carbon* is the part that it gives electrons to."""
        dry = pybamm.maximum(1 - self.ionic, _LEAST_CHANCE) ** self.grains_at_crystal
        return (1 - dry) * (1 - (1 - self.electronic) * (1 - carbon))


def percolating(contacts: Symbol) -> Symbol:
    """Return the part of a kind that hangs together, from the mean number of *contacts* with its own kind."""
    short = pybamm.minimum(pybamm.maximum((_ALL - contacts) / _SPAN, 0), 1)
    return 1 - short**_POWER


def recovered(pressure_mpa: Symbol, modulus: Symbol, poisson: Symbol, slope: Symbol) -> Symbol:
    """Return the part of parted contact that *pressure_mpa* holds together, between 0 and 1 (Persson, elastic).

    *modulus* in Pa; *slope* is the gap over its length.
    """
    return pybamm.erf(2**0.5 * pressure_mpa * 1e6 * (1 - poisson**2) / (modulus * slope + _ONE_PASCAL))


def touching(whole: Symbol, parted: Symbol, held: Symbol) -> Symbol:
    """Return the part of the crystals' surface in contact: of *whole*, what has *parted* and is not *held* is gone."""
    return pybamm.maximum(whole * (1 - parted * (1 - held)), _LEAST_CONTACT)


def contact_at(pressures_mpa: Array, parted: float, parameters: Mapping[str, float]) -> Array:
    """Return the contact fraction (n,) under other stack pressures (n,), MPa, at once: elastic, before anything heals.

    *parted* is the state of the contact, *parameters* are those of a solid-state cell.
    """
    held = recovered(
        pybamm.Vector(pressures_mpa),
        *(
            pybamm.Scalar(parameters[name])
            for name in (
                "Solid electrolyte elastic modulus [Pa]",
                "Solid electrolyte Poisson ratio",
                "Linear expansion of lithiation",
            )
        ),
    )
    whole = pybamm.Scalar(parameters["Contact fraction after pressing"])
    return np.asarray(touching(whole, pybamm.Scalar(parted), held).evaluate(), dtype=np.float64).reshape(-1)


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of contact after cycling: the part of the touching surface that is bare, and the conditions.

    ``volume_change`` is that of the crystals in a half-cycle (0.02 is 2 %), ``hours`` the time of a half-cycle.
    """

    bare: float
    pressure_mpa: float
    volume_change: float
    cycles: float
    hours: float


SHI_2020 = Observed(bare=0.104, pressure_mpa=2.0, volume_change=0.02, cycles=50.0, hours=10.0)
"""LiNi0.5Mn0.3Co0.2O2 after 50 cycles at 2 MPa: Shi et al., J. Mater. Chem. A 8 (2020) 17399, doi:10.1039/d0ta06985j.

The volume change (between the 1.2 % of NMC111 and the 5.1 % of NMC811 of Kondrakov et al., J. Phys. Chem. C 121 (2017)
3286) and the time are guesses. Gaps below the resolution of 0.1 µm are not in it.
"""


def bare_part(values: Mapping[str, float], seen: Observed, parting: float | None = None) -> float:
    """Return the part of the touching surface that is bare after the cycles of *seen*: the contact's equation, solved.

    *values* are those of a solid-state set, *parting* replaces its ``Parting per volume strain``. The rate is constant:
    g = g∞ a/(a + b) (1 − e^(−a − b)) with the strain a and the healing b of all cycles; the slope of a gap is a third
    of the volume change.
    """
    rate = values["Parting per volume strain"] if parting is None else parting
    strain = rate * 2.0 * seen.cycles * seen.volume_change
    healed = (
        seen.pressure_mpa * 1e6 * 2.0 * seen.cycles * seen.hours * 3600 / values["Solid electrolyte viscosity [Pa.s]"]
    )
    both = strain + healed
    part = values["Part of the contact that can part"]
    parted = part * strain / both * (1.0 - math.exp(-both)) if both > 0 else 0.0
    held = recovered(
        pybamm.Scalar(seen.pressure_mpa),
        values["Solid electrolyte elastic modulus [Pa]"],
        values["Solid electrolyte Poisson ratio"],
        seen.volume_change / 3.0,
    ).evaluate()
    return float(parted * (1.0 - held))


def parting_of(values: Mapping[str, float], seen: Observed) -> float:
    """Return the ``Parting per volume strain`` with which as much is bare as was *seen*; the inverse of `bare_part`.

    Raises `SettingsError` where no rate gives so much.
    """
    if not 0 < seen.bare < bare_part(values, seen, _FASTEST):
        raise SettingsError(
            f"{100 * seen.bare:g} % of the surface bare at {seen.pressure_mpa:g} MPa",
            expected=f"more than 0 and below {100 * bare_part(values, seen, _FASTEST):.3g} %, which is all that parts",
        )
    return float(brentq(lambda rate: bare_part(values, seen, rate) - seen.bare, 0.0, _FASTEST, xtol=1e-9))


_FASTEST = 1e4
"""Per volume strain: all that can part has parted within a thousandth of a cycle."""


@dataclass
class Contact:
    """The states of the contact along *domain*; *rate* is that at which Li enters the crystals there, 1/s."""

    rate: Symbol
    temperature: Symbol
    domain: str
    prefix: str = ""
    rhs: dict[Symbol, Symbol] = field(default_factory=dict)
    algebraic: dict[Symbol, Symbol] = field(default_factory=dict)
    initial: dict[Symbol, Symbol] = field(default_factory=dict)
    boundary: dict[Symbol, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.throughput = pybamm.AbsoluteValue(self.rate)
        self._parting()
        self.interphase = self._state("Interphase thickness [m]", 1e-9)
        self.grown = self.interphase / parameter("Interphase conductivity [S.m-1]")  # Ohm.m² of contact
        self.coating = parameter("Coating thickness [m]") / parameter("Coating conductivity [S.m-1]")
        self.resistance = self.grown + self.coating

    def _state(self, name: str, scale: float = 1.0) -> Symbol:
        state = pybamm.Variable(f"{self.prefix}{name}", domain=self.domain, scale=scale)
        self.initial[state] = pybamm.PrimaryBroadcast(pybamm.Scalar(0), self.domain)
        return state

    def _parting(self) -> None:
        self.parted = self._state("Parted contact")
        expansion = parameter("Linear expansion of lithiation")
        pressure = parameter("Stack pressure [MPa]")
        held = recovered(
            pressure,
            parameter("Solid electrolyte elastic modulus [Pa]"),
            parameter("Solid electrolyte Poisson ratio"),
            expansion,
        )
        strain = 3 * expansion * self.throughput  # 1/s, of volume
        healing = pressure * 1e6 / parameter("Solid electrolyte viscosity [Pa.s]")
        self.rhs[self.parted] = (
            parameter("Parting per volume strain")
            * strain
            * (parameter("Part of the contact that can part") - self.parted)
            - healing * self.parted
        )
        self.fraction = touching(parameter("Contact fraction after pressing"), self.parted, held)

    def grow(self, potential: Symbol) -> None:
        """Let the interphase grow under crystals at *potential* (V against Li).

        The part with charge goes with the throughput. Above the oxidation limit of what touches the crystals more
        energy drives it: that of the lithium which the potential takes out.
        """
        energy = parameter("Interface reaction energy [eV.atom-1]")
        excess = pybamm.maximum(potential - parameter("Oxidation limit of the solid electrolyte [V]"), 0)
        oxidation = parameter("Interphase energy above the oxidation limit [eV.atom-1.V-1]") * excess
        in_time = parameter("Interphase growth in time [m2.s-1]") * (energy + oxidation)
        with_charge = parameter("Interphase growth with charge [m2]") * self.throughput * energy
        heat = arrhenius("Activation energy of the interphase [J.mol-1]", self.temperature)
        self.rhs[self.interphase] = (
            heat
            * (in_time + with_charge)
            / _ENERGY_UNIT_EV
            / (self.interphase + parameter("Initial interphase scale [m]"))
        )

    @property
    def outputs(self) -> dict[str, Symbol]:
        """What the outside sees."""
        return {
            "Contact fraction": self.fraction,
            "Parted contact": self.parted,
            "Interphase thickness [m]": self.interphase,
            "Interphase resistance [Ohm.m2]": self.grown,
            "Coating resistance [Ohm.m2]": self.coating + 0 * self.interphase,
        }


_ENERGY_UNIT_EV = 0.1
"""eV/atom: the energy for which the growth constants are stated."""
_ONE_PASCAL = 1.0
"""Keeps a crystal that does not change its volume, without pressure, from 0/0."""

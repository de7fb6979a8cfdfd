"""The kinds of model that the simulator runs, each with its parameter set and its division.

``SINGLE_PARTICLE`` half-cell · ``WITH_ELECTROLYTE`` the same with salt and its overpotentials · ``POROUS`` electrode,
each place for itself · ``FULL_CELL`` against graphite · ``SOLID_STATE`` composite with a solid electrolyte ·
``SIZE_DISTRIBUTION`` half-cell of a powder whose particles differ in size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lirich.cells.cell import FINER, SALT
from lirich.cells.full_cell import LiRichFullCell
from lirich.cells.half_cell import LiRichSPM, LiRichSPMe
from lirich.cells.parameters import SETS, values_of
from lirich.cells.porous import LiRichDFN
from lirich.cells.size_distribution import CONTENT, SHARE, TRANSFORMED, LiRichSizes, of_class
from lirich.cells.sizes import CLASSES, with_classes
from lirich.cells.solid_state import LiRichASSB
from lirich.errors import UnknownNameError


def single_particle(current: Any) -> LiRichSPM:
    """Return the single-particle half-cell with an expression for the current."""
    return LiRichSPM(current=current)


def with_electrolyte(current: Any) -> LiRichSPMe:
    """Return the single-particle half-cell with electrolyte with an expression for the current."""
    return LiRichSPMe(current=current)


def porous(current: Any) -> LiRichDFN:
    """Return the porous-electrode half-cell with an expression for the current."""
    return LiRichDFN(current=current)


def full_cell(current: Any) -> LiRichFullCell:
    """Return the full cell with an expression for the current."""
    return LiRichFullCell(current=current)


def solid_state(current: Any) -> LiRichASSB:
    """Return the all-solid-state cell with an expression for the current."""
    return LiRichASSB(current=current)


def sizes(current: Any, classes: int = CLASSES) -> LiRichSizes:
    """Return the half-cell of several sizes with an expression for the current."""
    return LiRichSizes(current=current, classes=classes)


SHELLS, STRETCH = 60, 6.0
"""Shells of a crystal whose surface is resolved for pulses: the outermost is exp(6) = 400 times thinner than the
innermost."""


@dataclass(frozen=True)
class Model:
    """A kind of model: how it is made from an expression for the current, and how finely it is divided.

    ``outputs`` are PyBaMM variables that are recorded beside voltage and current. ``parameter_set`` is the set that
    the model runs with if nothing else is said. ``pybamm_name`` is the model's name in PyBaMM; ``states`` are hidden
    states that this kind has beside those of the crystal; ``places`` says that each place through the electrode (or
    each size) has crystals of its own, of which outputs are means; with a ``stretch`` s the outermost shell of a
    particle is exp(s) times thinner than the innermost (0: even shells). ``classes`` is the number of size classes of
    a distribution.
    """

    make: Callable[[Any], Any] = single_particle
    points: tuple[tuple[str, int], ...] = (("r_p", 20),)
    outputs: tuple[str, ...] = ()
    parameter_set: str = "LiRich_SC"
    pybamm_name: str = "LiRichSPM"
    states: tuple[str, ...] = ()
    places: bool = False
    stretch: float = FINER
    classes: int = 0

    def recording(self, *outputs: str) -> Model:
        """Return the model with *outputs* recorded too."""
        return replace(self, outputs=(*self.outputs, *(name for name in outputs if name not in self.outputs)))

    def surface_resolved(self, shells: int = SHELLS) -> Model:
        """Return the model with shells that become thinner towards a particle's surface: for pulses and impedance."""
        return replace(self, points=(*self.points, ("r_p", shells), ("r_n", shells)), stretch=STRETCH)

    def set_for(self, morphology: str) -> str:
        """Return the name of the parameter set for single crystals (``SC``) or polycrystalline particles (``PC``)."""
        return self.parameter_set.replace("LiRich_SC", f"LiRich_{morphology}")

    def defaults(self, morphology: str = "SC") -> dict[str, float]:
        """Return the parameters for single crystals (``SC``) or polycrystalline particles (``PC``)."""
        values = values_of(self.set_for(morphology))
        return with_classes(values, self.classes) if self.classes else values


_THROUGH = (("r_p", 20), ("x_s", 8), ("x_p", 10))
_UNIFORM = ("Concentration overpotential [V]", "Ohmic overpotential of electrolyte and solid [V]")
SINGLE_PARTICLE = Model()
WITH_ELECTROLYTE = Model(
    with_electrolyte,
    _THROUGH,
    parameter_set="LiRich_SC_Electrolyte",
    pybamm_name="LiRichSPMe",
    states=(SALT, *_UNIFORM),
)
POROUS = Model(
    porous, _THROUGH, parameter_set="LiRich_SC_Electrolyte", pybamm_name="LiRichDFN", states=(SALT,), places=True
)
FULL_CELL = Model(
    full_cell,
    (*_THROUGH, ("r_n", 20), ("x_n", 8)),
    parameter_set="LiRich_SC_Graphite",
    pybamm_name="LiRichFullCell",
    states=(
        SALT,
        *_UNIFORM,
        "Graphite potential [V]",
        "Mean graphite content",
        "SEI thickness [m]",
        "Lithium lost in the SEI, per lithium of the host",
    ),
)
SOLID_STATE = Model(
    solid_state,
    (("r_p", 20), ("x_p", 10)),
    parameter_set="LiRich_SC_ASSB",
    pybamm_name="LiRichASSB",
    states=(
        "Working part of the cathode",
        "Connected part of the solid electrolyte",
        "Contact fraction",
        "Parted contact",
        "Interphase thickness [m]",
        "Interphase resistance [Ohm.m2]",
        "Coating resistance [Ohm.m2]",
        "Separator overpotential [V]",
    ),
    places=True,
)


def of_sizes(classes: int = CLASSES) -> Model:
    """Return the half-cell of a powder in so many size classes. Raises `SettingsError` without one."""
    return Model(
        partial(sizes, classes=classes),
        (("r_p", 20), ("R_p", classes)),
        parameter_set="LiRich_SC_Sizes",
        pybamm_name="LiRichSizes",
        states=tuple(of_class(what, k) for what in (CONTENT, SHARE, TRANSFORMED) for k in range(1, classes + 1)),
        places=True,
        classes=classes,
    )


SIZE_DISTRIBUTION = of_sizes()

MODELS: Mapping[str, Model] = {
    "single-particle": SINGLE_PARTICLE,
    "with-electrolyte": WITH_ELECTROLYTE,
    "porous": POROUS,
    "full-cell": FULL_CELL,
    "solid-state": SOLID_STATE,
    "size-distribution": SIZE_DISTRIBUTION,
}
"""The kinds of model by name."""


def of_set(name: str) -> Model:
    """Return the kind of model that a parameter set is for: of those that fit, the one without places of its own.

    Raises `UnknownNameError`.
    """
    fitting = [model for model in MODELS.values() if name in (model.set_for("SC"), model.set_for("PC"))]
    if not fitting:
        raise UnknownNameError.of("parameter set", name, SETS)
    return min(fitting, key=lambda model: model.places)

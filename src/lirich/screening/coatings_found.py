"""What a screening of coatings computed, before any judgement, exact through JSON."""

from __future__ import annotations

from lirich.model import Frozen
from lirich.screening.coatings import CoatingStudy
from lirich.screening.solids_found import (
    ALONE,
    CATHODE,
    CATHODE_AT_VOLTAGE,
    CONDUCTIVITY,
    COST,
    ELECTROLYTE,
    ELECTROLYTE_AT_VOLTAGE,
    HULL,
    INNER,
    LITHIUM_SHARE,
    OXIDATION,
    REDUCTION,
    SCARCEST,
    STRAIN,
    TOXICITY,
    Joined,
    Layer,
)

OFFERED = (
    HULL, REDUCTION, OXIDATION, ALONE, CATHODE, CATHODE_AT_VOLTAGE, ELECTROLYTE, ELECTROLYTE_AT_VOLTAGE, INNER, STRAIN,
    CONDUCTIVITY, LITHIUM_SHARE, COST, SCARCEST, TOXICITY,
)  # fmt: skip
"""Every quantity that a screening of coatings computes."""


class CoatingsFound(Frozen):
    """All that a study computed.

    ``bare`` are the electrolytes as they touch the cathode without a coating, each as a layer whose contacts are with
    the cathode. ``joined`` are the double layers, whose layers are among ``layers``; those that are not among
    ``singles`` are no candidates themselves. ``named`` are the formulas that the study named itself. ``energies`` says
    which table it rests on.
    """

    study: CoatingStudy
    layers: tuple[Layer, ...]
    joined: tuple[Joined, ...] = ()
    bare: tuple[Layer, ...] = ()
    singles: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    energies: str = ""
    lirich: str = ""
    seconds: float = 0.0

"""Densities of solids that meet at interfaces, and conductivities of coatings as they are laid down.

``densities.csv`` has handbook densities (CRC Handbook of Chemistry and Physics and lattices, two digits to be trusted;
its column ``checked`` has those of lattices that were seen); crystals of ``coatings.csv`` come with their own.
``coating_conductivities.csv`` has low, central and high conductivities of thin films, each with its source: what is
laid down on particles is often amorphous, and conducts orders of magnitude better than the crystal of the same formula.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from lirich.errors import CompositionError
from lirich.interfaces.coatings import coating_crystals
from lirich.interfaces.formulas import reduced
from lirich.interfaces.knowledge import electrolyte
from lirich.model import Composition

_UNKNOWN_S_CM = (1e-10, 1e-8, 1e-6)
"""A guess for a film of which nothing is known: the range of the films that are known."""
_BESIDE_CRYSTAL = (0.1, 1.0, 100.0)
"""A guess: how much less or more a film conducts than the crystal or pellet that was measured."""


@dataclass(frozen=True, slots=True)
class Conductivity:
    """Ionic conductivity at room temperature, S/cm: low, central, high, where from, and whether it is a mere guess."""

    low: float
    central: float
    high: float
    source: str
    guess: bool


def density_of(formula: str) -> float | None:
    """Return the density of a solid, g/cm³, ``None`` where it is not known. Raises `CompositionError`."""
    return _densities().get(reduced(formula))


def molar_volume_cm3(formula: str) -> float | None:
    """Return cm³ per mole of *formula*, ``None`` where the density is not known. Raises `CompositionError`."""
    density = density_of(formula)
    return None if density is None else Composition.parse(formula).molar_mass_g_mol / density


def coating_conductivity(formula: str) -> Conductivity:
    """Return the conductivity of a coating: of films where it is known, else beside what OBELiX measured, else a guess.

    Raises `CompositionError` for what is no formula.
    """
    own = _films().get(reduced(formula))
    if own is not None:
        return own
    try:
        found = electrolyte(formula)
    except CompositionError:
        if Composition.parse(formula).amount("Li"):
            raise
        found = None  # no lithium: nothing in a table of lithium electrolytes
    if found is not None and found.median_s_cm is not None:
        low, central, high = (found.median_s_cm * factor for factor in _BESIDE_CRYSTAL)
        return Conductivity(low, central, high, f"{found.note}; a film may conduct 100 times better", False)
    return Conductivity(*_UNKNOWN_S_CM, "nothing published is known to lirich: a guess over four decades", True)


@lru_cache(maxsize=1)
def _densities() -> Mapping[str, float]:
    crystals = {reduced(c.formula): c.density_g_cm3 for c in reversed(coating_crystals())}
    return {**crystals, **{reduced(row["formula"]): float(row["density_g_cm3"]) for row in _rows("densities.csv")}}


@lru_cache(maxsize=1)
def _films() -> Mapping[str, Conductivity]:
    return {
        reduced(row["formula"]): Conductivity(
            float(row["low_s_cm"]),
            float(row["central_s_cm"]),
            float(row["high_s_cm"]),
            f"{row['source']} (seen: {row['checked']})",
            row["checked"] == "memory",
        )
        for row in _rows("coating_conductivities.csv")
    }


def _rows(table: str) -> list[dict[str, str]]:
    text = files("lirich.interfaces").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))

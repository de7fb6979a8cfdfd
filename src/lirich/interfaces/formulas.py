"""Formulas of phases: reduced, and whether their oxidation states can exist."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from lirich.errors import OptionalDependencyError
from lirich.model import Composition

if TYPE_CHECKING:
    from pymatgen.core.composition import Composition as Crystal

PEROXIDES = frozenset(
    {"Li2O2", "Na2O2", "K2O2", "Rb2O2", "Cs2O2", "CaO2", "SrO2", "BaO2", "NaO2", "KO2", "RbO2", "CsO2"}
)
"""Real compounds of O₂²⁻ and O₂⁻. Every other oxide must be neutral with O²⁻."""

ANION_CHARGE = {"O": 2, "F": 1, "Cl": 1, "Br": 1, "I": 1}

# fmt: off
HIGHEST_STATE = {
    "H": 1, "Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Be": 2, "Mg": 2, "Ca": 2, "Sr": 2, "Ba": 2, "Zn": 2, "Cd": 2,
    "B": 3, "Al": 3, "Ga": 3, "In": 3, "Sc": 3, "Y": 3, "La": 3, "Pr": 4, "Nd": 3, "Sm": 3, "Gd": 3, "Tb": 4, "Dy": 3,
    "Ho": 3, "Er": 3, "Tm": 3, "Yb": 3, "Lu": 3, "C": 4, "Si": 4, "Ge": 4, "Sn": 4, "Pb": 4, "Ti": 4, "Zr": 4, "Hf": 4,
    "N": 5, "P": 5, "Sb": 5, "Bi": 5, "V": 5, "Nb": 5, "Ta": 5, "S": 6, "Se": 6, "Cr": 6, "Mo": 6, "W": 6, "Mn": 7,
    "Fe": 4, "Co": 4, "Ni": 4, "Cu": 2,
}
# fmt: on
"""Highest oxidation states in oxides and halides: Greenwood & Earnshaw, Chemistry of the Elements, 2nd ed. (1997); Fe,
Co, Ni and Cu as far as battery oxides go. An element that is not here has no bound."""


@lru_cache(maxsize=65536)
def _amounts(formula: str) -> tuple[tuple[str, float], ...]:
    amounts = Composition.parse(formula).amounts
    if len(amounts) == 1:
        return tuple(dict.fromkeys(amounts, 1.0).items())
    reduced_amounts = _crystal(amounts).reduced_composition
    return tuple((e.symbol, float(n)) for e, n in reduced_amounts.items())


def amounts_of(formula: str) -> dict[str, float]:
    """Return the atoms of each element in the reduced *formula*. Raises `lirich.errors.CompositionError`."""
    return dict(_amounts(formula))


@lru_cache(maxsize=65536)
def reduced(formula: str) -> str:
    """Return the reduced formula as pymatgen writes it (``Li2O4`` → ``LiO2``). Raises `CompositionError`."""
    return str(_crystal(Composition.parse(formula).amounts).reduced_formula)


def simplest(amounts: Mapping[str, float]) -> tuple[str, dict[str, float]]:
    """Return the reduced formula, as `reduced` writes it, and the atoms of it, without reading any text."""
    crystal = _crystal(dict(amounts))
    formula, factor = crystal.get_reduced_formula_and_factor()
    if len(amounts) == 1:
        return formula, dict.fromkeys(amounts, 1.0)
    return formula, {e.symbol: float(n) / factor for e, n in crystal.items()}


def _crystal(amounts: dict[str, float]) -> Crystal:
    try:
        from pymatgen.core.composition import Composition as Crystal
    except ModuleNotFoundError as error:
        raise OptionalDependencyError.of("Phase equilibria", "interfaces") from error
    return Crystal(amounts)


def beyond_highest_states(formula: str) -> bool:
    """Say whether an oxide or halide asks more of its cations than `HIGHEST_STATE` can give.

    True of perchlorates and of hypothetical compounds such as LiO3 and SiO3; not of the known `PEROXIDES`.
    """
    return overfull(reduced(formula), amounts_of(formula))


def overfull(formula: str, amounts: Mapping[str, float]) -> bool:
    """Say what `beyond_highest_states` says of a reduced *formula* of which the atoms are known."""
    if formula in PEROXIDES or not set(amounts) & set(ANION_CHARGE):
        return False
    asked = sum(ANION_CHARGE[e] * n for e, n in amounts.items() if e in ANION_CHARGE)
    given = sum(HIGHEST_STATE.get(e, 8) * n for e, n in amounts.items() if e not in ANION_CHARGE)
    return asked > given + 1e-6

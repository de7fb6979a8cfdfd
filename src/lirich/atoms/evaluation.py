"""What a potential says of a crystal, and what a potential must be able to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

Array = NDArray[np.float64]

PRE_FILTER = "pre-filter, not DFT"
"""What stands beside every value of this room. Universal potentials soften: energies of defects, surfaces and barriers
come out too low (Deng et al., arXiv:2405.07105)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Energy, eV per cell; forces, eV/Å, shape (atoms, 3); stress, eV/Å³, shape (3, 3), tension positive; moments, µB.

    Stress and moments are ``None`` where they were not asked for, moments also where the potential has none.
    """

    energy_ev: float
    forces_ev_a: Array
    stress_ev_a3: Array | None = None
    moments_mub: Array | None = None


class Calculator(Protocol):
    """A potential. ``name`` and ``version`` say which one: they are part of the key of each kept result.

    It may have a member ``oxygen_ev``: half an O₂ on the scale of its energies, eV. Without one that is found from
    oxides (`lirich.atoms.descriptors.oxygen`).
    """

    @property
    def name(self) -> str:
        """The name that a user calls it by, e.g. ``chgnet``."""
        ...

    @property
    def version(self) -> str:
        """What decides its numbers: version of the library and hash of the weights."""
        ...

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        """Evaluate one crystal. Raises `lirich.errors.CalculatorError` where no finite answer is to be had."""
        ...

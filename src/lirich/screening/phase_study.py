"""A study of phases over a composition space, as it stands in a file, and what it gave, exact through JSON.

Nothing here knows of crystals: what a study asks for is built, computed and learned by
`lirich.workbench.solids.phases`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from lirich.model import Frozen
from lirich.screening.study import Accuracy
from lirich.screening.written import printable, readable

Order = Literal["layered", "spinel", "rock salt"]
ORDERS: tuple[Order, ...] = ("layered", "spinel", "rock salt")
FEWEST = 9
"""Compositions below which there is no interval at 90 %: of n left out the ⌈0.9 (n + 1)⌉-th error is needed."""


class PhaseStudy(Frozen):
    """A study of phases between three ``corners``, formulas of as many cations as anions.

    ``compositions`` are those that are computed; without them ``number`` mixtures that a cell of so many ``atoms``
    holds exactly are spread over the space. ``cells`` of each order are relaxed. ``ask`` names compositions that the
    map is asked about, ``steps`` how fine it is, ``following`` how many compositions to compute next are named.
    """

    name: str = "phases"
    corners: tuple[str, str, str] = ("Li2MnO3", "LiNi0.5Mn0.5O2", "LiCoO2")
    compositions: tuple[str, ...] = ()
    number: int = Field(default=10, ge=5, le=200)
    atoms: int = Field(default=48, ge=48, le=480)
    cells: int = Field(default=2, ge=1, le=20)
    calculator: str = "chgnet"
    relaxation: Accuracy = Accuracy()
    ask: tuple[str, ...] = ()
    steps: int = Field(default=24, ge=4, le=60)
    following: int = Field(default=3, ge=0, le=20)
    seed: int = Field(default=0, ge=0)

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        return printable(name)

    @field_validator("corners", "compositions", "ask")
    @classmethod
    def _readable(cls, formulas: tuple[str, ...]) -> tuple[str, ...]:
        for formula in formulas:
            readable(formula)
        if len(set(formulas)) < len(formulas):
            raise ValueError("a formula is named twice")
        return formulas

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.compositions and len(self.compositions) < 5:
            raise ValueError("a map needs five compositions or more, so that one can be left out")
        if self.atoms % 48:
            raise ValueError(f"{self.atoms} atoms do not fill both a layered cell and a spinel: take 48 or a multiple")
        return self


class ComputedPoint(Frozen):
    """One composition that was computed: energies of each order, eV per atom, one for each cell that can be used.

    ``over_layered_mev_atom`` gives value and standard deviation of each other order; ``rounding`` what the cell
    deviates by from the composition asked for, atoms per two anions.
    """

    formula: str
    asked: str
    shares: tuple[float, ...]
    amounts: Mapping[str, float]
    rounding: Mapping[str, float] = {}
    energies_ev_atom: Mapping[Order, tuple[float, ...]]
    over_layered_mev_atom: Mapping[Order, tuple[float, float]]
    doubts: tuple[str, ...] = ()


class MappedPoint(Frozen):
    """What the map says of one composition: the phase of the lowest energy, ``""`` where it cannot tell.

    ``over_layered_mev_atom`` gives value, low and high at 90 %; ``low`` and ``high`` are ``None`` where too few
    compositions allow no interval.
    """

    formula: str
    shares: tuple[float, ...]
    phase: Order | Literal[""]
    over_layered_mev_atom: Mapping[Order, tuple[float, float | None, float | None]]


class LeftOutError(Frozen):
    """Errors on compositions that were left out, meV per atom: of the map, and of the mean of the others.

    ``tells`` says whether the map does better by more than the standard error of that; else the mean is shown.
    """

    rmse: float
    naive_rmse: float
    count: int
    tells: bool


class PhasesScreened(Frozen):
    """All that a study of phases computed and learned.

    ``failures`` are compositions that gave nothing, each with its reason. ``answers`` is the map, ``asked`` what the
    study asks about, ``following`` what to compute next, best first; all empty with ``no_map`` saying why not.
    """

    study: PhaseStudy
    computed: tuple[ComputedPoint, ...]
    failures: Mapping[str, str] = {}
    answers: tuple[MappedPoint, ...] = ()
    asked: tuple[MappedPoint, ...] = ()
    following: tuple[MappedPoint, ...] = ()
    left_out: Mapping[Order, LeftOutError] = {}
    no_map: str = ""
    version: str = ""
    lirich: str = ""
    jobs: int = 0
    seconds: float = 0.0

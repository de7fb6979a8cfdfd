"""A study of dopants, as it stands in a YAML or TOML file: host, dopants, what is computed, gates and weights.

Nothing here knows of crystals: what a study asks for is built and computed by `lirich.workbench.screening.screen`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from lirich.model import Composition, Frozen
from lirich.quantities import QUANTITIES
from lirich.screening.asked import Asked
from lirich.screening.ranking import Better
from lirich.screening.written import need_known, readable

Place = Literal["Li", "TM", "O", "tetrahedral"]
Kind = Literal["redox", "li-vacancy", "exchange", "o-vacancy"]

PercentOf = Literal["each", "set"]
"""What a concentration is that of: of each ion of a set, or of all its ions together."""


def _several(given: Any) -> Any:
    """Return one number as a list of one, nothing as an empty one."""
    return () if given is None else given if isinstance(given, list | tuple) else (given,)


def _distinct(percents: tuple[float, ...]) -> tuple[float, ...]:
    for percent in percents:
        if percents.count(percent) > 1:
            raise ValueError(f"{percent:g} % is named twice")
    return percents


Percents = Annotated[
    tuple[Annotated[float, Field(gt=0, le=50)], ...],
    BeforeValidator(_several),
    AfterValidator(_distinct),
    Field(max_length=20),
]
"""One concentration or several, %; in a file a number or a list."""

_FEWER: Mapping[Better, str] = {"higher": "more", "lower": "less"}

ANIONS = frozenset({"N", "O", "F", "S", "Cl", "Br", "I", "Se"})
ALKALI = frozenset({"Na", "K", "Rb", "Cs"})


def usual_place(element: str) -> Place:
    """Return where a dopant is tried when nobody says: anions on O, alkali metals in the Li layer, others on TM.

    Alkali metals are too large for the metal layer: Na⁺ 1.02 Å against Mn⁴⁺ 0.53 Å (Shannon, Acta Cryst. A 32 (1976)
    751, doi:10.1107/S0567739476001551).
    """
    return "O" if element in ANIONS else "Li" if element in ALKALI else "TM"


class Ion(Frozen):
    """One dopant ion: its element, its charge (by default the usual one), the places that it is tried on."""

    element: str
    charge: int | None = Field(default=None, ge=-3, le=7)
    sites: tuple[Place, ...] = ()
    replaces: str = ""
    count: int = Field(default=1, ge=1, le=8)

    @field_validator("element", "replaces")
    @classmethod
    def _known(cls, symbol: str) -> str:
        need_known("element", filter(None, [symbol]), symbols())
        return symbol

    @model_validator(mode="after")
    def _has_that_charge(self) -> Self:
        known = _charges(self.element)
        if self.charge is not None and self.charge not in known:
            raise ValueError(
                f"{self.element} has no oxidation state {self.charge:+d}; known are "
                + (", ".join(f"{charge:+d}" for charge in known) or "none")
            )
        return self

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that it is tried on."""
        return self.sites or (usual_place(self.element),)


class DopantSet(Frozen):
    """What is put into one cell together: one ion, a pair, or a set.

    In a file: ``W``, ``[Na, W]``, ``Na+W``, ``{element: B, charge: 3, sites: [tetrahedral, TM]}``, a list of those, or
    ``{ions: […], concentration_percent: 4}``, where ``percent_of`` may stand too. What it does not say is the study's.
    """

    ions: tuple[Ion, ...] = Field(min_length=1, max_length=6)
    concentration_percent: Percents = ()
    percent_of: PercentOf | None = None

    @model_validator(mode="before")
    @classmethod
    def _spelt_out(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = [part.strip() for part in re.split(r"[+\-–]", given)]
        if isinstance(given, Mapping) and "element" in given:
            given = [given]
        if isinstance(given, list | tuple):
            return {"ions": [{"element": each} if isinstance(each, str) else each for each in given]}
        if isinstance(given, Mapping) and isinstance(given.get("ions"), list | tuple):
            return {**given, "ions": [{"element": e} if isinstance(e, str) else e for e in given["ions"]]}
        return given

    @property
    def name(self) -> str:
        """The elements: ``Na+W``."""
        return "+".join(ion.element for ion in self.ions)

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements."""
        return tuple(ion.element for ion in self.ions)

    def placings(self) -> list[tuple[Place, ...]]:
        """Return each way to give every ion one of its places."""
        return list(product(*(ion.places for ion in self.ions)))


@dataclass(frozen=True, slots=True)
class Doping:
    """A set of dopants with each ion on one of its places, at one concentration: a candidate before there is a cell.

    ``percent`` is of each ion, or of the whole set (``percent_of``); ``usual`` says whether it is the first of the
    concentrations that the set is tried at.
    """

    dopants: DopantSet
    places: tuple[Place, ...]
    percent: float
    percent_of: PercentOf
    usual: bool = True


class HostCell(Frozen):
    """The undoped material: a formula that is ordered by its electrostatics, or a crystal as CIF or POSCAR.

    ``file`` names a crystal beside the study; its text is then kept as ``crystal``.
    """

    formula: str = ""
    atoms: int = Field(default=60, ge=12, le=480)
    orderings: int = Field(default=2, ge=1, le=20)
    seed: int = Field(default=0, ge=0)
    file: str = ""
    crystal: str = ""

    @property
    def as_given(self) -> bool:
        """Whether it is a crystal that is taken as it is: then there is one ordering, whatever ``orderings`` says."""
        return not self.formula

    @field_validator("formula")
    @classmethod
    def _readable(cls, formula: str) -> str:
        return readable(formula) if formula else formula

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.formula) == bool(self.file or self.crystal):
            raise ValueError("a host is a formula or the file of a crystal, one of them")
        return self


class Accuracy(Frozen):
    """How far structures are relaxed, and how often each end is shaken and relaxed again in search of a lower one."""

    force_max_ev_a: float = Field(default=0.05, gt=0, le=1)
    max_steps: int = Field(default=300, ge=1, le=5000)
    kicks: int = Field(default=0, ge=0, le=20)


class DopingStudy(Asked):
    """A study of dopants.

    ``concentration_percent`` is that of each ion of a set, or with ``percent_of: set`` that of all together; of several
    concentrations each is a candidate of its own. ``compensations`` are the kinds that may make a cell neutral, in the
    order in which they are preferred; ``ways`` says how many of them are computed, each as a candidate of its own.
    ``better`` says of weighted quantities whose direction is a matter of their use (an average voltage) whether more or
    less is better. ``lithium_removed`` are the states of charge, as shares of all lithium. ``oxygen_sites`` says how
    many sites of oxygen next to a dopant are emptied in each cell, ``far_oxygen_sites`` how many far from all of them,
    ``bands`` whether barriers are those of nudged elastic bands. ``without`` are elements that are never proposed as
    the next dopant.
    """

    directed_by = "better: {{{}: higher}} or lower"

    name: str = "dopants"
    host: HostCell
    dopants: tuple[DopantSet, ...] = Field(min_length=1, max_length=200)
    concentration_percent: Percents = Field(default=(8.0,), min_length=1)
    percent_of: PercentOf = "each"
    compensations: tuple[Kind, ...] = ("redox", "li-vacancy", "exchange")
    ways: int = Field(default=1, ge=1, le=6)
    lithium_removed: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(default=(0.0,), min_length=1)
    oxygen_sites: int = Field(default=2, ge=1, le=20)
    far_oxygen_sites: int = Field(default=1, ge=0, le=20)
    bands: bool = False
    calculators: tuple[str, ...] = Field(default=("chgnet",), min_length=1)
    relaxation: Accuracy = Accuracy()
    descriptors: tuple[str, ...] = ()
    better: Mapping[str, Better] = {}
    without: tuple[str, ...] = ()

    @field_validator("without")
    @classmethod
    def _elements(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        need_known("element", given, symbols())
        return given

    @field_validator("better")
    @classmethod
    def _told_of(cls, better: Mapping[str, Better]) -> Mapping[str, Better]:
        need_known("quantity", better, QUANTITIES)
        for key, direction in better.items():
            usual = QUANTITIES[key].better
            if usual is not None and usual != direction:
                raise ValueError(
                    f"of {key} {_FEWER[usual]} is always better: a negative weight counts it the other way round"
                )
        return better

    @model_validator(mode="after")
    def _directs_what_is_weighed(self) -> Self:
        idle = next((key for key in self.better if key not in self.weights), None)
        if idle is not None:
            raise ValueError(
                f"better says a direction of {idle}, which is not weighed: give it a weight, or leave it out (a gate "
                "says its own side)"
            )
        return self

    @property
    def directions(self) -> Mapping[str, Better]:
        """The direction that is better, of the quantities that the study says it of."""
        return self.better

    @model_validator(mode="after")
    def _foreign(self) -> Self:
        """Refuse a dopant that would take the place of its own kind; lithium in the metal layer is a change."""
        own = set(Composition.parse(self.host.formula).amounts) if self.host.formula else set()
        for ion in (ion for dopants in self.dopants for ion in dopants.ions):
            at_home = any(place == ion.element or (place == "TM" and ion.element != "Li") for place in ion.places)
            if ion.element in own and at_home and ion.replaces in ("", ion.element):
                raise ValueError(f"{ion.element} is in the host: say which other ion it replaces (replaces: …)")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: set[str] = set()
        for dopants in self.dopants:
            key = dopants.to_json()
            if key in seen:
                raise ValueError(f"{dopants.name} is named twice")
            seen.add(key)
        return self

    def dopings(self) -> list[Doping]:
        """Return what is tried, in its order: each set on each combination of its places at each concentration."""
        return [
            Doping(dopants, places, percent, dopants.percent_of or self.percent_of, usual=number == 0)
            for dopants in self.dopants
            for places in dopants.placings()
            for number, percent in enumerate(dopants.concentration_percent or self.concentration_percent)
        ]


@cache
def _charges(element: str) -> tuple[int, ...]:
    """Return the oxidation states that are known of an element; of those that are no anions in an oxide, the positive.

    After the package ``periodictable``.
    """
    import periodictable

    return tuple(q for q in periodictable.elements.symbol(element).ions if element in ANIONS or q > 0)


@cache
def symbols() -> tuple[str, ...]:
    """Return the symbols of the elements, hydrogen to oganesson."""
    import periodictable

    return tuple(str(element.symbol) for element in periodictable.elements if element.number > 0)

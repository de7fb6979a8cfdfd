"""A study of solid electrolytes, as it stands in a YAML or TOML file: neighbours, candidates, the judgement.

Nothing here knows of energies: what a study asks for is computed by `lirich.workbench.solids.screen_electrolytes`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from lirich.model import Frozen
from lirich.screening.asked import Asked, Clustering
from lirich.screening.solids_found import (
    ALONE,
    ANODE,
    CATHODE,
    CATHODE_AT_VOLTAGE,
    CONDUCTIVITY,
    COST,
    HULL,
    OXIDATION,
    REDUCTION,
    SCARCEST,
    TOXICITY,
    WATER,
)
from lirich.screening.study import symbols
from lirich.screening.written import need_known, readable

CLASSES = ("sulfide", "oxide", "halide", "oxyhalide", "nitride", "hydride", "phosphide")
"""Classes that measured candidates may be of; defined by `lirich.interfaces.knowledge.electrolyte_class`."""
COMPUTED = (HULL, REDUCTION, OXIDATION, ALONE, CATHODE, CATHODE_AT_VOLTAGE, ANODE, WATER)
"""What rests on the table of energies."""
OFFERED = (CONDUCTIVITY, *COMPUTED, COST, SCARCEST, TOXICITY)
"""Every quantity that a screening of electrolytes has."""
GRADES = ("A", "B", "C", "D")


class Named(Frozen):
    """An electrolyte that is named: a formula, or for a polymer its name.

    ``conductivity_s_cm`` is one that the user knows, with its ``source``, and goes before the table of measurements.
    """

    formula: str = Field(min_length=1, max_length=200)
    conductivity_s_cm: float | None = Field(default=None, gt=0)
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _spelt_out(cls, given: Any) -> Any:
        return {"formula": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.conductivity_s_cm is not None and not self.source:
            raise ValueError(f"the conductivity of {self.formula} needs a source")
        return self


class Measured(Frozen):
    """Candidates by measurement: all formulas of OBELiX of these classes whose median conductivity is high enough."""

    classes: tuple[str, ...] = Field(min_length=1)
    at_least_s_cm: float = Field(default=1e-4, gt=0)
    without: tuple[str, ...] = ()

    @field_validator("classes")
    @classmethod
    def _classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        need_known("class of measured electrolytes", classes, CLASSES)
        return classes

    @field_validator("without")
    @classmethod
    def _known(cls, elements: tuple[str, ...]) -> tuple[str, ...]:
        need_known("element", elements, symbols())
        return elements


class ElectrolyteStudy(Asked):
    """A study of solid electrolytes.

    ``anode`` is ``Li``, another solid, or nothing. Numbers of a chemical system that is known worse than
    ``least_grade`` (`lirich.interfaces.coverage.Coverage`) are missing, with the reason. Compounds that the table of
    energies lacks are taken to lie on the hull of what it has and marked so; with ``assume_on_hull`` off their numbers
    are missing. ``reference`` is the candidate that scores 0. ``draws`` is how often the energies are drawn.
    """

    name: str = "electrolytes"
    cathode: str = "Li1.2Mn0.54Ni0.13Co0.13O2"
    voltage: float = Field(default=4.6, ge=2.0, le=5.5)
    anode: str | None = "Li"
    electrolytes: tuple[Named, ...] = Field(default=(), max_length=1000)
    measured: tuple[Measured, ...] = Field(default=(), max_length=20)
    polymers: tuple[Named, ...] = Field(default=(), max_length=100)
    least_grade: Literal["A", "B", "C", "D"] = "C"
    assume_on_hull: bool = True
    reference: str = ""
    clusters: Clustering | None = None
    draws: Annotated[int, Field(ge=20, le=2000)] = 200

    @field_validator("cathode", "anode")
    @classmethod
    def _readable(cls, formula: str | None) -> str | None:
        return None if formula is None else readable(formula)

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if not (self.electrolytes or self.measured or self.polymers):
            raise ValueError("there are no candidates: name electrolytes, measured or polymers")
        names = [each.formula for each in (*self.electrolytes, *self.polymers)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice")
        asked = (*self.wanted, *(self.clusters.descriptors if self.clusters else ()))
        need_known("quantity of an electrolyte", asked, OFFERED)
        if self.anode is None and ANODE in asked:
            raise ValueError(f"{ANODE} is asked for, but the study has no anode")
        return self

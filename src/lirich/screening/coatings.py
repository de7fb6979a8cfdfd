"""A study of coatings, as it stands in a YAML or TOML file: their neighbours, where they come from, the judgement.

Nothing here knows of energies: what a study asks for is computed by `lirich.workbench.solids.screen_coatings`.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from lirich.model import Frozen
from lirich.screening.asked import Asked
from lirich.screening.study import symbols
from lirich.screening.written import need_known, readable

CLASSES = (
    "oxide", "phosphate", "borate", "silicate", "sulfate", "oxyhalide", "fluoride", "chloride", "bromide", "iodide",
    "halide", "sulfide", "nitride",
)  # fmt: skip
"""Classes that a rule may name; defined by `lirich.interfaces.classes.compound_class`."""
LAYERS = "|"
"""Stands between the layers of a coating, the one on the cathode first: ``Li4Mn5O12|Li3PO4``."""


class Rule(Frozen):
    """Candidates by rule: compounds of these classes from the table of energies.

    ``elements`` are those that may occur (any, where none is named), ``without`` those that may not; ``lithium`` asks
    for compounds with it, without it, or (``None``) either.
    """

    classes: tuple[str, ...] = Field(min_length=1)
    elements: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    lithium: bool | None = None
    above_hull_mev_atom: float = Field(default=50.0, ge=0, le=200)

    @field_validator("classes")
    @classmethod
    def _classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        need_known("class of compounds", classes, CLASSES)
        return classes

    @field_validator("elements", "without")
    @classmethod
    def _known(cls, elements: tuple[str, ...]) -> tuple[str, ...]:
        need_known("element", elements, symbols())
        return elements


class DoubleLayer(Frozen):
    """Two layers: ``inside`` touches the cathode, ``outside`` the electrolyte.

    In a file: ``Li4Mn5O12 | Li3PO4`` or ``[Li4Mn5O12, Li3PO4]``.
    """

    inside: str
    outside: str

    @model_validator(mode="before")
    @classmethod
    def _spelt_out(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = [part.strip() for part in given.split(LAYERS)]
        if isinstance(given, list | tuple):
            if len(given) != 2:
                raise ValueError(f"a double layer has two layers, not {len(given)}: write INSIDE | OUTSIDE")
            return {"inside": given[0], "outside": given[1]}
        return given

    @property
    def name(self) -> str:
        """``INSIDE|OUTSIDE``."""
        return f"{self.inside}{LAYERS}{self.outside}"


class CoatingStudy(Asked):
    """A study of coatings.

    ``coatings`` are formulas named by hand, ``rules`` find more in the table of energies. ``double_layers`` are named
    pairs; ``best_double_layers`` says how many of the best towards the cathode and of the best towards the electrolyte
    are combined. ``draws`` is how often the energies are drawn for the intervals.
    """

    name: str = "coatings"
    cathode: str = "Li1.2Mn0.54Ni0.13Co0.13O2"
    electrolytes: tuple[str, ...] = Field(default=("Li6PS5Cl",), min_length=1, max_length=4)
    voltage: float = Field(default=4.6, ge=2.0, le=5.5)
    facet: str = "003"
    coatings: tuple[str, ...] = Field(default=(), max_length=2000)
    rules: tuple[Rule, ...] = Field(default=(), max_length=20)
    double_layers: tuple[DoubleLayer, ...] = Field(default=(), max_length=500)
    best_double_layers: int = Field(default=0, ge=0, le=20)
    draws: Annotated[int, Field(ge=20, le=2000)] = 200

    @field_validator("cathode")
    @classmethod
    def _cathode(cls, formula: str) -> str:
        return readable(formula)

    @field_validator("electrolytes")
    @classmethod
    def _electrolytes(cls, formulas: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(formulas)) < len(formulas):
            raise ValueError("an electrolyte is named twice")
        return tuple(readable(formula) for formula in formulas)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.coatings or self.rules or self.double_layers):
            raise ValueError("there are no candidates: name coatings, rules or double_layers")
        return self

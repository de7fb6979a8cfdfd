"""What every study asks for, whatever it screens: a name, gates, weights and the seed of the draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from lirich.model import Frozen
from lirich.quantities import QUANTITIES
from lirich.screening.gates import Gate
from lirich.screening.ranking import Better
from lirich.screening.written import need_known, printable


class Clustering(Frozen):
    """Candidates in groups by these quantities, with a pick of each; ``number`` of groups, or by the silhouette."""

    descriptors: tuple[str, ...] = Field(min_length=1)
    number: int | None = Field(default=None, ge=1, le=50)

    @field_validator("descriptors")
    @classmethod
    def _known(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        need_known("quantity", keys, QUANTITIES)
        return keys


class Asked(Frozen):
    """How a study judges its candidates. Another gate or weight needs no new computation."""

    directed_by: ClassVar[str] = ""
    """How a study of this kind says which direction of a quantity, ``{}``, is better; empty where it cannot."""

    name: str
    gates: tuple[Gate, ...] = ()
    weights: Mapping[str, float] = Field(min_length=1)
    seed: int = 0

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        return printable(name)

    @field_validator("weights")
    @classmethod
    def _weighable(cls, weights: Mapping[str, float]) -> Mapping[str, float]:
        need_known("quantity", weights, QUANTITIES)
        if not any(weights.values()):
            raise ValueError("all weights are 0")
        return weights

    @model_validator(mode="after")
    def _directed(self) -> Self:
        self._need_directions()
        return self

    def _need_directions(self) -> None:
        for key in self.weights:
            if QUANTITIES[key].better is None and key not in self.directions:
                raise ValueError(
                    f"{key} cannot be weighed: neither more nor less of it is better for all uses"
                    + (f"; say {self.directed_by.format(key)}" if self.directed_by else "")
                )

    @property
    def directions(self) -> Mapping[str, Better]:
        """The direction that is better, for quantities of which the study says it."""
        return {}

    def towards(self, key: str) -> Better | None:
        """Return the direction that raises the score: that of the study, else the vocabulary, turned by its weight."""
        direction = self.directions.get(key) or QUANTITIES[key].better
        if direction is None or self.weights.get(key, 1.0) >= 0:
            return direction
        return "lower" if direction == "higher" else "higher"

    @property
    def wanted(self) -> tuple[str, ...]:
        """The quantities that gates and weights ask for, each once."""
        return tuple(dict.fromkeys((*(gate.quantity for gate in self.gates), *self.weights)))

"""What every study asks for, whatever it screens: a name, gates, weights and the seed of the draws."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from lirich.errors import UnknownNameError
from lirich.model import Frozen
from lirich.quantities import QUANTITIES
from lirich.screening.gates import Gate


class Asked(Frozen):
    """How a study judges its candidates. Another gate or weight needs no new computation."""

    name: str
    gates: tuple[Gate, ...] = ()
    weights: Mapping[str, float] = Field(min_length=1)
    seed: int = 0

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.strip() or "/" in name or not name.isprintable():
            raise ValueError("a name has printable characters and no '/'")
        return name

    @field_validator("weights")
    @classmethod
    def _weighable(cls, weights: Mapping[str, float]) -> Mapping[str, float]:
        for key in weights:
            if key not in QUANTITIES:
                raise ValueError(str(UnknownNameError.of("quantity", key, QUANTITIES)))
            if QUANTITIES[key].better is None:
                raise ValueError(f"{key} cannot be weighed: neither more nor less of it is better")
        if not any(weights.values()):
            raise ValueError("all weights are 0")
        return weights

    @property
    def wanted(self) -> tuple[str, ...]:
        """The quantities that gates and weights ask for, each once."""
        return tuple(dict.fromkeys((*(gate.quantity for gate in self.gates), *self.weights)))

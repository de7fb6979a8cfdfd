"""The one record that everything ends as: a value of a named quantity, about a thing, under conditions."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from lirich.errors import UnknownNameError
from lirich.model._base import Frozen
from lirich.model.notebook import InNotebook
from lirich.quantities import QUANTITIES, RENAMED

Scalar = bool | int | float | str


class Origin(StrEnum):
    """Where a value comes from. Never mixed up: each looks different wherever it is shown."""

    MEASURED = "measured"
    LITERATURE = "literature"
    COMPUTED = "computed"
    SIMULATED = "simulated"
    PREDICTED = "predicted"


class Operator(StrEnum):
    """How a value relates to the number that is written."""

    EQUAL = "="
    ABOUT = "~"
    GREATER = ">"
    ABOUT_GREATER = ">~"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="
    RANGE = "range"


class Interval(Frozen):
    """An interval around a value; ``level`` is its nominal coverage, ``method`` how it was made."""

    low: float
    high: float
    level: float = Field(default=0.95, gt=0, lt=1)
    method: str

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"interval is upside down: {self.low} > {self.high}")
        return self


class Subject(Frozen):
    """What a value is about."""

    kind: Literal["material", "sample", "cell", "test", "population"]
    key: str = Field(min_length=1)


class Conditions(Frozen):
    """Under what a value holds. ``None`` means *not stated*, never *default*.

    Two values may stand beside each other only if the conditions that matter agree: see `unlike`. Voltages are vs
    Li/Li⁺ (or the counter electrode of the cell), ``voltage_v`` that at which it was measured; rates in C of the stated
    ``one_c_ma_g``.
    """

    cycle: int | None = None
    reference_cycle: int | None = None
    cycles: int | None = None
    direction: Literal["charge", "discharge"] | None = None
    rate_c: float | None = None
    current_ma_g: float | None = None
    one_c_ma_g: float | None = None
    voltage_lower_v: float | None = None
    voltage_upper_v: float | None = None
    threshold_v: float | None = None
    voltage_v: float | None = None
    temperature_celsius: float | None = None
    soc_percent: float | None = None
    segment: str | None = None
    method: str | None = None
    particle_radius_m: float | None = None
    other: dict[str, Scalar] = Field(default_factory=dict)

    def unlike(self, other: Conditions) -> tuple[str, ...]:
        """Name the conditions that make the two incomparable.

        Voltages and their limits differ by more than 10 mV, rates or currents by more than 10 %, temperatures by more
        than 2 K, thresholds by more than 1 mV, radii by more than 1 %, or the method, direction, number of
        cycles, cycle or reference cycle differ. What neither side states is not a difference; what one side
        does not state is named too, since *not stated* is not *equal*.
        """
        return tuple(name for name, tolerance in _TOLERANCES.items() if self._differs(other, name, tolerance))

    def _differs(self, other: Conditions, name: str, tolerance: tuple[str, float]) -> bool:
        a, b = getattr(self, name), getattr(other, name)
        if a is None and b is None:
            return False
        if a is None or b is None:
            return True
        kind, size = tolerance
        if kind == "exact":
            return bool(a != b)
        limit = size if kind == "absolute" else size * max(abs(a), abs(b))
        return bool(abs(a - b) > limit * (1 + 1e-9))


_TOLERANCES: dict[str, tuple[str, float]] = {
    "cycle": ("exact", 0),
    "reference_cycle": ("exact", 0),
    "cycles": ("exact", 0),
    "direction": ("exact", 0),
    "rate_c": ("relative", 0.10),
    "current_ma_g": ("relative", 0.10),
    "voltage_lower_v": ("absolute", 0.010),
    "voltage_upper_v": ("absolute", 0.010),
    "threshold_v": ("absolute", 0.001),
    "voltage_v": ("absolute", 0.010),
    "temperature_celsius": ("absolute", 2.0),
    "soc_percent": ("absolute", 1.0),
    "segment": ("exact", 0),
    "method": ("exact", 0),
    "particle_radius_m": ("relative", 0.01),
}


class Provenance(Frozen):
    """How a value came to be: from which files, by which code, with which parameters.

    ``files`` are SHA-256 hashes of raw files; ``source`` is a DOI or citation for literature; ``code`` is
    the function, ``version`` the lirich version.
    """

    files: tuple[str, ...] = ()
    source: str = ""
    code: str = ""
    version: str = ""
    parameters: dict[str, Scalar] = Field(default_factory=dict)


class Value(InNotebook, Frozen):
    """A value of a named quantity, about a named thing, under stated conditions, with its origin.

    ``value`` is in the unit of the quantity (`lirich.quantities`). For ``operator='range'`` it is the middle
    and ``interval`` holds the ends. ``flags`` mark doubts about the value itself (``conflict``,
    ``out-of-validity``, ``formal``, …).
    """

    quantity: str
    value: float
    operator: Operator = Operator.EQUAL
    interval: Interval | None = None
    subject: Subject
    conditions: Conditions = Conditions()
    origin: Origin
    provenance: Provenance = Provenance()
    flags: tuple[str, ...] = ()
    note: str = ""

    @field_validator("quantity")
    @classmethod
    def _known(cls, key: str) -> str:
        key = RENAMED.get(key, key)
        if key not in QUANTITIES:
            # pydantic reports ValueError with the field's place; keep the nearest names in its text
            raise ValueError(str(UnknownNameError.of("quantity", key, QUANTITIES)))
        return key

    @model_validator(mode="after")
    def _ranged(self) -> Self:
        if self.operator is Operator.RANGE and self.interval is None:
            raise ValueError("a value with the operator 'range' needs the interval that it is the range of")
        return self

    @property
    def unit(self) -> str:
        """The unit of the quantity."""
        return QUANTITIES[self.quantity].unit

    def told(self) -> dict[str, str]:
        """Return the value in words, by the heads of a table: of what, how much, under what, where from."""
        from lirich.model.flags import meaning
        from lirich.model.format import format_conditions, format_value

        return {
            "of": self.subject.key,
            "SC/PC": str(self.conditions.other.get("morphology", "")),
            "quantity": QUANTITIES[self.quantity].name,
            "value": format_value(self),
            "conditions": format_conditions(self.conditions),
            "origin": self.origin.value,
            "source": self.provenance.source,
            "doubts": "; ".join(meaning(flag) or flag for flag in self.flags),
            "note": self.note,
        }

    def __str__(self) -> str:
        told = self.told()
        under = "; ".join(filter(None, (told["conditions"], told["origin"])))
        return f"{told['quantity']} of {told['of']}: {told['value']} ({under})"

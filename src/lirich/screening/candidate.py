"""A candidate and what is known of it: figures with intervals, each of a named quantity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, field_validator, model_validator

from lirich.model import Frozen
from lirich.quantities import QUANTITIES
from lirich.screening.written import need_known

LEVEL = 0.90
"""Nominal coverage of the intervals of a screening."""
Z_OF_LEVEL = 1.6448536269514722
"""Half-width of the `LEVEL` interval of a normal distribution in standard deviations (its 95 % quantile)."""


class Estimate(Frozen):
    """A figure with its `LEVEL` interval, and from how many independent results it was made.

    One result alone has no interval: ``low`` and ``high`` are ``None``. ``standard_error`` is that of the value where
    the interval was made of one. ``of`` names the one of several that it is the figure of, such as the metal; ``taken``
    says in words how one figure was made of several numbers, such as the lowest of several sites.
    """

    value: float
    low: float | None = None
    high: float | None = None
    count: int = Field(default=1, ge=1)
    doubts: tuple[str, ...] = ()
    standard_error: float | None = Field(default=None, ge=0)
    of: str = ""
    taken: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} is not between {self.low} and {self.high}")
        return self


class Candidate(Frozen):
    """Something that may be made: its name, its figures by quantity, and why some are missing.

    ``changes`` are, of some figures, the differences to the reference, paired cell by cell; ``missing`` says for each
    quantity that was asked for and is not there what became of it. ``notes`` go along with the candidate: how its
    charge is taken up, on which site it stands.
    """

    name: str = Field(min_length=1)
    figures: Mapping[str, Estimate] = {}
    changes: Mapping[str, Estimate] = {}
    missing: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()

    @field_validator("figures", "changes", "missing")
    @classmethod
    def _known(cls, figures: Mapping[str, object]) -> Mapping[str, object]:
        need_known("quantity", figures, QUANTITIES)
        return figures

"""What a forecast of cells found: predicted values, and what came true of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from lirich.learn.course import value_at
from lirich.model import Finding, Value
from lirich.workbench.learning.shown import Shown

if TYPE_CHECKING:
    from lirich.plots import Figure


@dataclass(frozen=True, slots=True, eq=False)
class ForecastResult(Shown):
    """Forecasts of *figure* as predicted values, each with its interval.

    ``refused`` says of which cells there is none, and why; ``course`` has the ageing cycles of those that are forecast.
    """

    figure: str
    values: tuple[Value, ...]
    refused: dict[str, str]
    findings: tuple[Finding, ...]
    course: pl.DataFrame
    level: float

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the cells that are forecast come from; each was forecast from others of its origin."""
        return tuple(self.course["origin"].unique().sort())

    @property
    def figures(self) -> list[Figure]:
        """Each cell's course, forecast and interval beside the naive forecasts."""
        from lirich.workbench.learning.figures import forecast_figures

        return forecast_figures(self)

    def truth(self, value: Value) -> float | None:
        """Return what a forecast value came to be, where the cell has reached its cycle."""
        cell, cycle = value.subject.key, value.conditions.cycle or 0
        there = self.course.filter(pl.col(self.figure).is_finite())
        found = float(value_at(there, self.figure, cycle, [cell])[0])
        return found if math.isfinite(found) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "figure": self.figure,
            "level": self.level,
            "origins_of_cells": list(self.origins),
            "values": [v.model_dump(mode="json", exclude_defaults=True) for v in self.values],
            "came_true": [
                {"cell": v.subject.key, "cycle": v.conditions.cycle, "value": self.truth(v)} for v in self.values
            ],
            "refused": self.refused,
            "findings": [f.model_dump(mode="json", exclude_defaults=True) for f in self.findings],
        }

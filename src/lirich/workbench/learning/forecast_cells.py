"""The ageing cycles that cells are forecast from, and what each cell was tested under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lirich.errors import NotEnoughDataError
from lirich.model import Conditions
from lirich.workbench.learning.tables import ageing_cycles

if TYPE_CHECKING:
    from lirich.workbench.workspace import Workspace

TESTED_UNDER = ("charge_rate_c", "discharge_rate_c", "upper_cutoff_voltage_v", "lower_cutoff_voltage_v")

Facts = Mapping[str, float | str | None]
"""What a cell was tested under: ``origin`` and the medians of `TESTED_UNDER`."""


@dataclass(slots=True, eq=False)
class AgeingCells:
    """The settled ageing cycles of a workspace, what each cell was tested under, and its last cycle."""

    workspace: Workspace
    figure: str
    inputs: tuple[str, ...]
    cycles: pl.DataFrame
    facts: dict[str, Facts]
    last: dict[str, int]

    @classmethod
    def of(cls, workspace: Workspace, figure: str, inputs: Iterable[str]) -> AgeingCells:
        """Return those that all cells have of *inputs* beside *figure*."""
        others = [n for n in inputs if n != figure]
        table = ageing_cycles(workspace, (figure, *others))
        there = tuple(n for n in others if table.group_by("cell").agg(pl.col(n).count())[n].min())
        known = [n for n in TESTED_UNDER if n in table.columns]
        medians = table.group_by("cell").agg(pl.col("origin").first(), pl.col(known).median())
        facts: dict[str, Facts] = {
            str(r["cell"]): {"origin": r["origin"], **{n: r.get(n) for n in TESTED_UNDER}} for r in medians.to_dicts()
        }
        last = {str(c): int(n) for c, n in table.group_by("cell").agg(pl.col("cycle").max()).iter_rows()}
        return cls(workspace, figure, there, table, facts, last)

    def of_cells(self, cells: Iterable[str]) -> pl.DataFrame:
        """Return the cycles of these cells."""
        return self.cycles.filter(pl.col("cell").is_in(list(cells)))

    def wanted(self, horizon: int, cells: Sequence[str] | None) -> list[str]:
        """Return the cells to forecast: those that are named, or that have not reached the horizon."""
        if cells is not None:
            return [self.workspace.cells[c].key for c in cells]
        found = [c for c in self.last if self.last[c] < horizon]
        if not found:
            raise NotEnoughDataError(
                f"Every cell has reached cycle {horizon}",
                advice="Forecast a later cycle, or hide what came after with --first (first_cycles)",
            )
        return found


def alike(a: Facts, b: Facts) -> bool:
    """Tell whether two cells are of one origin and were tested under like conditions."""
    return a["origin"] == b["origin"] and not any(
        limits(a, way).unlike(limits(b, way)) for way in ("charge", "discharge")
    )


def limits(facts: Facts, way: str) -> Conditions:
    """Return rate and window of the charges or discharges of a cell; *way*: ``charge`` or ``discharge``."""
    return Conditions(
        rate_c=facts[f"{way}_rate_c"],
        voltage_lower_v=facts["lower_cutoff_voltage_v"],
        voltage_upper_v=facts["upper_cutoff_voltage_v"],
    )

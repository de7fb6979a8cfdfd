"""What a page or a notebook shows of a result of learning beside its figures: facts, cells, and what was noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from lirich.model.format import format_count, format_origins, format_value
from lirich.plots import Figure
from lirich.plots.page import Table, about
from lirich.quantities import QUANTITIES

if TYPE_CHECKING:
    from lirich.model import Finding
    from lirich.workbench.learning.completion import CompletionResult
    from lirich.workbench.learning.drivers import DriversResult
    from lirich.workbench.learning.factors import FactorsResult
    from lirich.workbench.learning.forecast_result import ForecastResult
    from lirich.workbench.learning.maps import MapResult
    from lirich.workbench.learning.outliers import OutliersResult

Told = tuple[tuple[str, ...], Table]
"""Facts, a sentence each, and a table of the cells or models."""


class _Result(Protocol):
    @property
    def figures(self) -> list[Figure]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...


class Shown:
    """A result that shows itself in a notebook: facts, findings, cells and figures."""

    __slots__ = ()

    def _repr_html_(self: _Result) -> str:
        facts, table = told(self)
        return about(facts, self.findings, [table]) + "".join(figure.to_html() for figure in self.figures)


def told(result: Any) -> Told:
    """Return what is said of a result of any verb of learning."""
    return _WORDS[type(result).__name__](result)


def _map(result: MapResult) -> Told:
    m, cells = result.model, result.cells
    learned = result.scores.filter(pl.col("learned"))["cell"].n_unique()
    of = f"{format_count(m.n_curves_)} curves" if m.n_curves_ else "published loadings"
    facts = [
        f"Map {result.name}: {m.kind_} of {m.direction_}, {m.grid_[0]:g} to {m.grid_[-1]:g}, {len(m.components_)} "
        f"components of {of}.",
        f"{cells.height} cells are on it, {learned} of them were learned from.",
    ]
    if result.choice is not None:
        facts.append(result.components_in_words)
    two = "last_pc2" in cells.columns
    rows = [
        [
            r["cell"], r["group"], r["origin"], r["curves"], f"{r['first_cycle']} to {r['last_cycle']}",
            f"{r['last_pc1']:.1f}" + (f", {r['last_pc2']:.1f}" if two else ""), f"{r['off_map']:.2g}",
            ", ".join(f"{b:.0f}" for b in r["bends"] or ()),
        ]
        for r in cells.to_dicts()
    ]  # fmt: skip
    return tuple(facts), Table(
        "Cells", ("cell", "group", "origin", "curves", "cycles", "last place", "off the map", "turns at cycle"), rows
    )


def _completion(result: CompletionResult) -> Told:
    inside, along = result.grid[result.observed], result.along_unit
    cell = f"{result.cell}{_in_brackets([result.origin])}"
    facts = [f"{cell}, cycle {result.cycle}, from {inside[0]:.2f} to {inside[-1]:.2f} {along}."]
    if result.refused:
        facts.append(result.refused[:1].upper() + result.refused[1:] + ".")
    else:
        i = result.end
        facts.append(
            f"{result.curve[i]:.1f} {result.unit} at {result.grid[i]:.2f} {along}, {100 * result.level:g} %: "
            f"{result.low[i]:.1f} to {result.high[i]:.1f}; predicted."
        )
    if result.rmse is not None and result.inside is not None:
        facts.append(
            f"Against the curve itself ({result.origin}): RMSE {result.rmse:.2f} {result.unit}; "
            f"{100 * result.inside:.0f} % of what was hidden lies in the band."
        )
    cells = result.trained_cells
    facts.append(
        f"Learned from {len(cells)} cells." if cells else "By a map, which does not say of which cells it was learned."
    )
    return tuple(facts), Table("Learned from", ("cell",), [[c] for c in cells])


def _forecast(result: ForecastResult) -> Told:
    what = QUANTITIES[result.figure]
    heads = (
        "cell",
        "cycles seen",
        "at cycle",
        f"{what.name} (predicted)",
        "came true",
        "from cells",
        "beyond training",
    )
    rows = [
        [
            v.subject.key, v.conditions.other["first_cycles"], v.conditions.cycle, format_value(v),
            "" if (truth := result.truth(v)) is None else f"{truth:.4g}",
            v.provenance.parameters["trained_on_cells"], "yes" if v.flags else "",
        ]
        for v in result.values
    ]  # fmt: skip
    of = format_origins(result.origins)
    facts = [f"{what.name}: intervals of {100 * result.level:g} % for a new cell like those learned from."]
    facts += [f"The cells are {of}."] if of else []
    facts += [f"No forecast of {cell}: {why}." for cell, why in result.refused.items()]
    return tuple(facts), Table("Forecasts", heads, rows)


def _outliers(result: OutliersResult) -> Told:
    heads = ("cell", "p", "flagged", "most unlike in", "at cycle", "curves")
    rows = [
        [
            r["cell"], f"{r['p']:.3g}", "flagged" if r["flagged"] else "", r["way"],
            "" if r["cycle"] is None else r["cycle"], r["curves"],
        ]
        for r in result.cells.to_dicts()
    ]  # fmt: skip
    among = result.curves is None
    how = "each by models of the others" if among else f"by {len(result.learned_from)} cells"
    of = format_origins([result.origin])
    judged = f"{len(rows)} {f'{of} ' if of else ''}cells"
    facts = [f"{judged} were judged, {how}, at a false-alarm rate of {100 * result.rate:g} %."]
    if not among:
        facts.append(f"Judged by: {', '.join(result.learned_from)}.")
    return tuple(facts), Table("Cells", heads, rows)


def _drivers(result: DriversResult) -> Told:
    heads = ("model", "RMSE", "skill", "p")
    rows = [
        [r["model"], f"{r['rmse']:.3g}", f"{r['skill']:.2f}", "naive" if r["p"] is None else f"{r['p']:.2g}"]
        for r in result.model.models_.to_dicts()
    ]
    samples = result.model.samples_
    of = "papers" if result.source == "literature" else "samples"
    told = f"{len(samples)} {of}{_in_brackets([result.origin])}, each left out in turn: {', '.join(samples)}."
    return (told,), Table("Models", heads, rows)


def _factors(result: FactorsResult) -> Told:
    heads = ("state", "cells", "curves", "R² on cells left out", "RMSE", "its own spread")
    rows = [
        [
            r["state"].replace("_", " "), r["cells"], r["curves"], f"{r['r2']:.3f}", f"{r['rmse']:.3g}",
            f"{r['spread']:.3g}",
        ]
        for r in result.model.table_.to_dicts()
    ]  # fmt: skip
    cells = sorted(set(result.curves.filter(pl.col("learned"))["cell"].to_list()))
    learned = f"Learned from {len(cells)} cells: {', '.join(cells)}." if cells else "By regressions that were kept."
    learned += f" The cells are {of}." if (of := format_origins(result.origins)) else ""
    return (f"States read from the map {result.map}.", learned), Table("States", heads, rows)


def _in_brackets(origins: Iterable[str]) -> str:
    return f" ({of})" if (of := format_origins(origins)) else ""


_WORDS: dict[str, Callable[[Any], Told]] = {
    "MapResult": _map, "CompletionResult": _completion, "ForecastResult": _forecast, "OutliersResult": _outliers,
    "DriversResult": _drivers, "FactorsResult": _factors,
}  # fmt: skip

"""What the factors of a map mean in a workspace: states of cells read from the places of their curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.conformal import check_level
from lirich.learn.factors import Factors, meaning
from lirich.model import Finding, Scalar, Severity
from lirich.workbench.learning.map_findings import settled_only
from lirich.workbench.learning.maps import NAME, curves_for_map, scores_of
from lirich.workbench.learning.models import load_model, save_model
from lirich.workbench.learning.shown import Shown
from lirich.workbench.learning.states import (
    MEASURED_STATES,
    OF_SPECTRA,
    measured_states,
    spectra_voltage,
    states_of_table,
)
from lirich.workbench.learning.tables import morphologies

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.workspace import Workspace

_OFTEN = 0.5
"""Share of the curves of the state known most often from which a state has a part in `FactorsResult.meaning`."""


@dataclass(frozen=True, slots=True, eq=False)
class FactorsResult(Shown):
    """States that were read from curves.

    ``curves`` has a row per curve: ``cell, cycle, origin, group``, per state what is known of it (``X``), what was read
    with its interval (``X_read, X_low, X_high``) and ``X_inside``; ``learned``: whether the regressions were learned
    from it. ``meaning`` says how much of each component the states explain (`lirich.learn.factors.meaning`); it
    leaves out states that are seldom known (a spectrum every hundred cycles), and is empty for regressions that were
    kept.
    """

    map: str
    model: Factors
    curves: pl.DataFrame
    meaning: pl.DataFrame
    findings: tuple[Finding, ...]

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the cells come from that were learned from; of regressions that were kept those that were read."""
        learned = self.curves.filter(pl.col("learned"))
        return tuple((learned if learned.height else self.curves)["origin"].unique().sort())

    @property
    def figures(self) -> list[Figure]:
        """How well each state is read from cells that were not seen, and each state over the cycles."""
        from lirich.workbench.learning.figures import factor_figures

        return factor_figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "map": self.map,
            "level": self.model.level,
            "states": self.model.table_.to_dicts(),
            "meaning": self.meaning.to_dicts(),
            "curves": self.curves.with_columns(pl.col(pl.Float64).fill_nan(None)).to_dicts(),
            "findings": [f.model_dump(mode="json", exclude_defaults=True) for f in self.findings],
        }


def factors(
    workspace: Workspace,
    map_name: str = NAME,
    *,
    states: Sequence[str] | pl.DataFrame | None = None,
    cells: str | Iterable[str] | None = None,
    degree: Literal[1, 2] = 2,
    level: float = 0.9,
    seed: int = 0,
    name: str | None = None,
    model: str | None = None,
    **options: Any,
) -> FactorsResult:
    """Learn what scores of the map *map_name* say of states of cells, tested on cells left out, and read all curves.

    Parameters
    ----------
    states:
        Names of `lirich.workbench.learning.states.MEASURED_STATES` (all by default: V̄mid, ΔV̄, low-voltage share,
        resistances by interrupt and impedance), or a table of one's own: ``cell``, ``cycle`` where it matters, and a
        column per state, such as the hidden states of simulated cells.
    cells:
        By default all. Measured and simulated cells are not mixed in the learning: it is done on the origin that has
        more cells with a known state, and the others are read.
    degree, level:
        See `lirich.learn.Factors`.
    name:
        Keep the regressions under this name.
    model:
        Read the states by regressions that were kept, on their map; *states* are then beside, to compare.
    options:
        Those of `lirich.workbench.learning.curvematrix.curve_set`, and ``only``, which is as for the map.

    Only curves that reach every point of the grid are learned from and read. Raises `UnknownNameError` on a map, cell
    or state, `NotEnoughDataError` where no state is known in enough cells, `InputError` where the map was learned again
    since *model* was.
    """
    check_level(level)
    regressions: Factors | None = None
    if model is not None:
        regressions, map_name = _kept(workspace, model)
    state_map, curves, unsettled = curves_for_map(workspace, map_name, cells, **options)
    placed = scores_of(state_map, curves)[0].filter(pl.col("shown") == 1.0)
    if not placed.height:
        raise NotEnoughDataError(f"No curve reaches every point of the grid of the map {map_name!r}")
    scores = placed.select([f"pc{i + 1}" for i in range(len(state_map.components_))]).to_numpy()
    if isinstance(states, pl.DataFrame):
        known = states_of_table(states, placed, "The table of states")
    else:
        known = measured_states(workspace, placed, MEASURED_STATES if states is None else states)
    groups = morphologies(workspace, placed["cell"].to_list())
    findings = settled_only(unsettled) + _voltage(workspace, placed, known)
    learned = np.zeros(placed.height, dtype=np.bool_)
    table = pl.DataFrame()
    if regressions is None:
        origin, learned = _teachers(placed, known)
        strata = [f"{group} {cycle}" for group, cycle in zip(groups, placed["cycle"].to_list(), strict=True)]
        own = placed.filter(pl.Series(learned))
        taught = known.filter(pl.Series(learned))
        regressions = Factors(degree=degree, level=level, seed=seed).fit(
            scores[learned], taught, own["cell"].to_list(), [s for s, mine in zip(strata, learned, strict=True) if mine]
        )
        table = _meaning(scores[learned], taught.select(list(regressions.models_)), own["cell"].to_list(), seed)
        findings += regressions.findings_
        if name is not None:
            record = workspace.store.models.record(map_name)
            told: dict[str, Scalar] = {
                "map": map_name, "map_sha256": record.sha256, "degree": degree, "level": level, "origin": origin,
                "cells": own["cell"].n_unique(), "curves": own.height, "states": ", ".join(regressions.models_),
            }  # fmt: skip
            save_model(workspace, name, regressions, own, told)
    read = regressions.predict(scores)
    shown = placed.select("cell", "cycle", "run", "origin").with_columns(
        pl.Series("group", groups, dtype=pl.String), pl.Series("learned", learned)
    )
    beside = {}
    for state in regressions.models_:
        beside[state] = (
            known[state] if state in known.columns else pl.Series(state, [None] * placed.height, dtype=pl.Float64)
        )
        beside |= {f"{state}_read": read[state]} | {
            f"{state}_{end}": read[f"{state}_{end}"] for end in ("low", "high", "inside")
        }
    return FactorsResult(
        map_name, regressions, shown.with_columns(each.alias(n) for n, each in beside.items()), table,
        (*findings, *_other_origin(placed, learned)),
    )  # fmt: skip


def _kept(workspace: Workspace, name: str) -> tuple[Factors, str]:
    """Return the regressions *name* and their map, which must still be the one that they were learned on."""
    made: Factors = load_model(workspace, name, ("factors",))
    told = workspace.store.models.record(name).parameters
    map_name = str(told.get("map", NAME))
    if workspace.store.models.record(map_name).sha256 != told.get("map_sha256"):
        raise InputError(
            f"The map {map_name!r} is another than that which {name!r} was learned on: its scores mean something else",
            expected="the same map",
            advice="Learn the factors again",
        )
    return made, map_name


def _teachers(placed: pl.DataFrame, known: pl.DataFrame) -> tuple[str, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the origin of which more cells have a known state, and which curves are of it."""
    told = placed.filter(known.select(pl.any_horizontal(pl.all().is_finite())).to_series())
    if not told.height:
        raise NotEnoughDataError(
            f"No state of {', '.join(known.columns)} is known of any of {placed.height} curves",
            expected="curves of which a state is known",
        )
    counts = told.unique("cell")["origin"].value_counts(sort=True)
    origin = str(counts["origin"][0])
    return origin, (placed["origin"] == origin).to_numpy()


def _meaning(
    scores: np.ndarray[Any, np.dtype[np.float64]], known: pl.DataFrame, cells: list[str], seed: int
) -> pl.DataFrame:
    """Return what the components are made of, of the states that are not seldom known: it needs all at once."""
    counts = {name: int(known[name].is_finite().sum()) for name in known.columns}
    often = [name for name, count in counts.items() if count >= _OFTEN * max(counts.values())]
    try:
        return meaning(scores, known.select(often), cells, seed=seed)
    except NotEnoughDataError:
        return pl.DataFrame()


def _voltage(workspace: Workspace, placed: pl.DataFrame, known: pl.DataFrame) -> list[Finding]:
    if not [n for n in OF_SPECTRA if n in known.columns and known[n].is_not_null().any()]:
        return []
    at = spectra_voltage({cell: workspace.cells[cell] for cell in placed["cell"].unique().to_list()})
    return [
        Finding(
            code="resistance-at-a-voltage",
            severity=Severity.INFO,
            message=f"Resistances by impedance are those at {at:.3g} V, where most cells have one",
        )
    ]


def _other_origin(placed: pl.DataFrame, learned: np.ndarray[Any, np.dtype[np.bool_]]) -> list[Finding]:
    if not learned.any() or learned.all():
        return []
    own, others = placed.filter(pl.Series(learned))["origin"][0], placed.filter(pl.Series(~learned))
    return [
        Finding(
            code="other-origin",
            severity=Severity.WARNING,
            message=f"{others['cell'].n_unique()} cell(s) are {others['origin'][0]}, and their states were read by what"
            f" {own} cells taught: no interval holds for them",
        )
    ]

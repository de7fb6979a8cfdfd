"""The verbs of learning on a workspace: forecast of cells, what explains a figure, cells unlike the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import polars as pl

from lirich import __version__
from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.conformal import least_cells
from lirich.learn.course import LEAST_CYCLES
from lirich.learn.drivers import Drivers
from lirich.learn.forecast import Forecast
from lirich.learn.outliers import Outliers
from lirich.learn.paired import side_by_side
from lirich.model import Conditions, Finding, Frozen, Interval, Origin, Provenance, Severity, Subject, Value
from lirich.quantities import quantity
from lirich.workbench.curvematrix import curve_matrix
from lirich.workbench.learn_tables import ageing_cycles, cell_figures, morphologies, published_figures

if TYPE_CHECKING:
    from lirich.workbench.workspace import Workspace

INPUTS = (
    "discharge_specific_capacity_mah_g",
    "mean_discharge_voltage_v",
    "voltage_gap_v",
    "coulombic_efficiency",
)
"""Figures whose course so far is used for every forecast, where all cells have them: capacity, structure, polarisation
and what is lost in a cycle."""
_ALIKE = {
    "charge_rate_c": (0.10, 0.0),
    "discharge_rate_c": (0.10, 0.0),
    "upper_cutoff_voltage_v": (0.0, 0.010),
    "lower_cutoff_voltage_v": (0.0, 0.010),
}
"""How far conditions may differ, relative and absolute: those of `lirich.model.Conditions.unlike`."""
_NO_FIELDS = frozenset({"cell", "sample", "paper", "origin"})


class CellForecast(Frozen):
    """Forecasts as predicted values, each with its interval; ``refused`` are cells for which there is none, and why."""

    values: tuple[Value, ...]
    refused: dict[str, str]
    findings: tuple[Finding, ...]


def forecast_cells(
    workspace: Workspace,
    figure: str,
    horizon: int,
    *,
    first_cycles: int | None = None,
    cells: Iterable[str] | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> CellForecast:
    """Forecast *figure* at cycle *horizon* of cells that are not there yet, from those under like conditions that are.

    *first_cycles* is what is seen of each; by default all that the cell has. *cells*: by default every cell that has
    not reached the horizon. Simulated cells are never forecast from measured ones, nor the other way round.

    Raises `UnknownNameError` on the quantity or a cell, `InputError` on a horizon not after the first cycles,
    `NotEnoughDataError` where no cell can be forecast, with the reason of each.
    """
    name = quantity(figure).key
    table = ageing_cycles(workspace, (name, *(n for n in INPUTS if n != name)))
    inputs = [n for n in INPUTS if n != name and table.group_by("cell").agg(pl.col(n).count())[n].min()]
    facts = _facts(table)
    last = {str(c): int(n) for c, n in table.group_by("cell").agg(pl.col("cycle").max()).iter_rows()}
    reached = {c for c in last if last[c] >= horizon}
    wanted = [c for c in last if c not in reached] if cells is None else [workspace.cells[c].key for c in cells]
    if not wanted:
        raise NotEnoughDataError(f"Every cell has reached cycle {horizon}", advice="Forecast a later cycle")
    refused: dict[str, str] = {}
    values: list[Value] = []
    findings: dict[str, Finding] = {}
    trained: dict[tuple[int, tuple[str, ...]], Forecast | NotEnoughDataError] = {}
    for cell in wanted:
        if cell not in last:
            refused[cell] = "it has no ageing cycles"
            continue
        seen = min(last[cell], first_cycles or last[cell])
        if seen >= horizon and first_cycles is None:
            refused[cell] = f"it has reached cycle {horizon}: its value is known"
            continue
        others = tuple(c for c in sorted(reached - {cell}) if _alike(facts[c], facts[cell]))
        key = (seen, others)
        if key not in trained:
            trained[key] = _trained(table, others, name, inputs, seen, horizon, level, seed)
        model = trained[key]
        if isinstance(model, NotEnoughDataError):
            refused[cell] = f"{len(others)} cell(s) under like conditions reached cycle {horizon}" + (
                f"; {model.found}" if len(others) >= least_cells(level) else f", and {least_cells(level)} are needed"
            )
            continue
        own = table.filter(pl.col("cell") == cell)
        if cell in model.too_early(own):
            refused[cell] = f"too early: fewer than {LEAST_CYCLES} ageing cycles up to cycle {seen}"
            continue
        row = model.predict(own).row(0, named=True)
        values.append(_value(name, cell, row, facts[cell], model, seen, len(others)))
        findings |= {f.content_hash(): f for f in model.findings_}
        if not row["inside"]:
            found = _outside(cell)
            findings[found.content_hash()] = found
    if not values:
        raise NotEnoughDataError(
            f"No cell can be forecast: {'; '.join(f'{c}: {why}' for c, why in refused.items())}",
            advice="Wait, allow a lower level, or test more cells under the same conditions to the end",
        )
    return CellForecast(values=tuple(values), refused=refused, findings=tuple(findings.values()))


def find_drivers(
    workspace: Workspace,
    figure: str,
    *,
    fields: Sequence[str] | None = None,
    source: Literal["cells", "literature"] = "cells",
    seed: int = 0,
) -> Drivers:
    """Ask which fields of the samples explain *figure*, in the cells of the workspace or in published values.

    Cells are left out by sample, published values by paper. *fields*: by default all that vary. Raises what
    `lirich.learn.Drivers` raises, `UnknownNameError` on the quantity or source, `InputError` where cells are measured
    and simulated.
    """
    name = quantity(figure).key
    if source == "cells":
        table, groups = cell_figures(workspace, name), "sample"
        origins = table["origin"].unique().to_list()
        if len(origins) > 1:
            raise InputError(
                f"{quantity(name).name} of {' and '.join(sorted(origins))} cells in one question",
                expected="cells of one origin",
                advice="Keep simulated cells in a workspace of their own",
            )
    elif source == "literature":
        table, groups = published_figures(workspace.literature, name), "paper"
    else:
        raise UnknownNameError.of("source", source, ("cells", "literature"))
    asked = list(fields) if fields is not None else [c for c in table.columns if c not in {*_NO_FIELDS, name}]
    return Drivers(name, asked, groups=groups, seed=seed).fit(table)


class CellOutliers(NamedTuple):
    """As `lirich.learn.outliers.Judgement`; ``curves`` are there where the cells were not learned from themselves."""

    cells: pl.DataFrame
    curves: pl.DataFrame | None
    findings: tuple[Finding, ...]


def find_outliers(
    workspace: Workspace,
    *,
    rate: float = 0.05,
    sound: Iterable[str] | None = None,
    by_morphology: bool = True,
    seed: int = 0,
    **options: Any,
) -> CellOutliers:
    """Ask which cells are unlike the others in charge and discharge over their settled ageing cycles.

    Without *sound* every cell is judged by models of the others; with it, all other cells by models of these. *options*
    are those of `lirich.workbench.curvematrix.curve_set` (``grid``, ``cells``, ``executor``).

    Raises `NotEnoughDataError` with too few cells for the rate (20 for 5 %), `UnknownNameError` on a cell, and
    `InputError` where cells are measured and simulated.
    """
    both = side_by_side(
        curve_matrix(workspace, direction="charge", **options),
        curve_matrix(workspace, direction="discharge", **options),
    )
    settled = ageing_cycles(workspace, (), dict.fromkeys(both.cells)).select("cell", "cycle", "origin")
    rows = both.keys.select("cell", "cycle").with_row_index("row")
    kept = rows.join(settled, on=["cell", "cycle"], how="inner", maintain_order="left")
    origins = kept["origin"].unique().to_list()
    if len(origins) > 1:
        raise InputError(
            f"{' and '.join(sorted(origins))} cells in one question",
            expected="cells of one origin",
            advice="Name the cells",
        )
    cells, cycles, values = kept["cell"].to_list(), kept["cycle"].to_list(), both.values[kept["row"].to_numpy()]
    strata = morphologies(workspace, cells) if by_morphology else [""] * len(cells)
    learned = None if sound is None else {workspace.cells[c].key for c in sound}
    own = np.array([learned is None or cell in learned for cell in cells], dtype=np.bool_)
    model = Outliers(rate=rate, seed=seed).fit(
        values[own], *(list(compress(each, own)) for each in (cells, cycles, strata))
    )
    missing = [c for c in options.get("cells") or workspace.cells if c not in set(cells)]
    unseen = [_not_judged(missing)] if missing else []
    if learned is None:
        return CellOutliers(model.trained_, None, (*model.findings_, *unseen))
    found = model.judge(values[~own], *(list(compress(each, ~own)) for each in (cells, cycles, strata)))
    return CellOutliers(found.cells, found.curves, (*found.findings, *unseen))


def _facts(table: pl.DataFrame) -> dict[str, dict[str, float | str | None]]:
    medians = table.group_by("cell").agg(
        pl.col("origin").first(), *(pl.col(n).median() for n in _ALIKE if n in table.columns)
    )
    return {
        str(row["cell"]): {"origin": row["origin"], **{n: row.get(n) for n in _ALIKE}} for row in medians.to_dicts()
    }


def _alike(a: dict[str, float | str | None], b: dict[str, float | str | None]) -> bool:
    for name, (relative, absolute) in _ALIKE.items():
        x, y = a[name], b[name]
        if (x is None) != (y is None):
            return False
        if x is not None and y is not None:
            x, y = float(x), float(y)
            if abs(x - y) > absolute + relative * max(abs(x), abs(y)):
                return False
    return a["origin"] == b["origin"]


def _trained(
    table: pl.DataFrame,
    cells: tuple[str, ...],
    name: str,
    inputs: Sequence[str],
    seen: int,
    horizon: int,
    level: float,
    seed: int,
) -> Forecast | NotEnoughDataError:
    model = Forecast(name, first_cycles=seen, horizons=[horizon], inputs=inputs, level=level, seed=seed)
    try:
        return model.fit(table.filter(pl.col("cell").is_in(cells)))
    except NotEnoughDataError as error:
        return error


def _value(
    name: str,
    cell: str,
    row: dict[str, float],
    facts: dict[str, float | str | None],
    model: Forecast,
    seen: int,
    trained_on: int,
) -> Value:
    skill = model.skill_.row(0, named=True)
    limits = {key: facts[f"{end}_cutoff_voltage_v"] for key, end in _LIMITS.items()}
    return Value(
        quantity=name,
        value=row["predicted"],
        interval=Interval(low=row["low"], high=row["high"], level=model.level, method="CV+ over cells"),
        subject=Subject(kind="cell", key=cell),
        conditions=Conditions(
            cycle=int(row["horizon"]), rate_c=facts["discharge_rate_c"], other={"first_cycles": seen}, **limits
        ),
        origin=Origin.PREDICTED,
        provenance=Provenance(
            code="lirich.learn.forecast",
            version=__version__,
            parameters={
                "trained_on_cells": trained_on,
                "rmse_on_cells_left_out": skill["rmse"],
                "skill_against_last_value": skill["skill_last_value"],
                "skill_against_straight_line": skill["skill_line"],
                "seed": model.seed,
            },
        ),
        flags=() if row["inside"] else ("out-of-validity",),
    )


_LIMITS = {"voltage_lower_v": "lower", "voltage_upper_v": "upper"}


def _not_judged(cells: Sequence[str]) -> Finding:
    return Finding(
        code="not-judged",
        message=f"Not judged, for they have no whole curves of settled ageing cycles: {', '.join(cells)}",
        advice="Look at their cycles: other limits or currents than those of the ageing may be the fault itself",
    )


def _outside(cell: str) -> Finding:
    return Finding(
        code="unlike-training",
        severity=Severity.WARNING,
        message=f"{cell} lies farther out than every cell that the forecast was learned from: the interval does not "
        "hold for it",
        where=cell,
    )

"""Forecast of cells of a workspace: from cells under like conditions that went on, or by a model that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from lirich import __version__
from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.conformal import least_cells
from lirich.learn.course import LEAST_CYCLES
from lirich.learn.forecast import Forecast
from lirich.model import Finding, Interval, Origin, Provenance, Scalar, Severity, Subject, Value
from lirich.model.listing import name_some
from lirich.quantities import quantity
from lirich.workbench.learning.forecast_cells import TESTED_UNDER, AgeingCells, Facts, alike, limits
from lirich.workbench.learning.forecast_result import ForecastResult
from lirich.workbench.learning.models import curve_hashes, load_model, save_model

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
LEVEL = 0.9
"""Nominal coverage of the intervals, where none is asked for."""
_TO_HIDE = "--first, in Python first_cycles,"


def forecast(
    workspace: Workspace,
    figure: str | None = None,
    horizons: int | Sequence[int] = (),
    *,
    first_cycles: int | None = None,
    cells: str | Iterable[str] | None = None,
    level: float | None = None,
    seed: int = 0,
    name: str | None = None,
    model: str | None = None,
) -> ForecastResult:
    """Forecast the quantity *figure* at the cycles *horizons* of cells that are not there yet, from those that are.

    A cell is forecast from all others of its origin, under like conditions (`lirich.model.Conditions.unlike`), that
    reached the horizon. A cell that can be forecast at some of the horizons is there with these.

    Parameters
    ----------
    first_cycles:
        What is seen of each cell; by default all that it has.
    cells:
        By default every cell that has not reached the horizon.
    level:
        Nominal coverage of the intervals; 0.9 by default.
    name:
        Keep under this name the one model that forecasts all these cells; it needs *first_cycles*.
    model:
        A model that was kept: its figure, horizons, first cycles and level hold. Cells that it was learned from are
        refused, as are those under other conditions.

    Raises `UnknownNameError` on the quantity, a cell or the model, `InputError` on a horizon not after the first cycles
    or beside a model that has another, `NotEnoughDataError` where no cell can be forecast, with the reason of each.
    """
    key = None if figure is None else quantity(figure).key
    at = sorted({horizons} if isinstance(horizons, int) else set(horizons))
    listed = None if cells is None else workspace.store.named(cells)
    if model is not None:
        kept = _kept(workspace, model, key, at, first_cycles, level)
        return _by_model(AgeingCells.of(workspace, kept.quantity, kept.inputs), model, kept, listed)
    if key is None or not at:
        raise InputError(
            f"No {'quantity' if key is None else 'cycle'} to forecast",
            expected="a quantity and one or more cycle numbers",
        )
    table = AgeingCells.of(workspace, key, INPUTS)
    if name is not None:
        if first_cycles is None:
            raise InputError(
                f"A forecast kept as {name!r} without a number of first cycles",
                expected="first_cycles (--first): a model sees so many cycles of each cell",
            )
        made, wanted = _learned(table, at, first_cycles, listed, LEVEL if level is None else level, seed, name)
        return _by_model(table, name, made, wanted)
    made_of, failed = _Forecasts(), list[tuple[int, NotEnoughDataError]]()
    for horizon in at:
        try:
            made_of.join(horizon, _at(table, horizon, first_cycles, listed, LEVEL if level is None else level, seed))
        except NotEnoughDataError as error:
            failed.append((horizon, error))
    if not made_of.values and failed:
        if len(failed) == 1:
            raise failed[0][1]
        raise NotEnoughDataError(
            "; ".join(f"cycle {horizon}: {error.found}" for horizon, error in failed), advice=failed[0][1].advice
        )
    made_of.notice(_no_forecast(horizon, error) for horizon, error in failed)
    return made_of.result(table, LEVEL if level is None else level)


@dataclass(slots=True, eq=False)
class _Forecasts:
    """Forecasts that are gathered."""

    values: list[Value] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    def notice(self, found: Iterable[Finding]) -> None:
        self.findings |= {f.content_hash(): f for f in found}

    def join(self, horizon: int, other: _Forecasts) -> None:
        self.values += other.values
        self.refused |= {cell: f"cycle {horizon}: {why}" for cell, why in other.refused.items()}
        self.findings |= other.findings

    def add(self, table: AgeingCells, cell: str, model: Forecast, trained_on: int) -> None:
        """Forecast one cell by *model*, or say that it is too early."""
        own = table.of_cells([cell])
        seen = model.first_cycles
        if cell in model.too_early(own):
            self.refused[cell] = f"too early: fewer than {LEAST_CYCLES} ageing cycles up to cycle {seen}"
            return
        for row in model.predict(own).iter_rows(named=True):
            self.values.append(_value(table.figure, cell, row, table.facts[cell], model, trained_on))
            if not row["inside"]:
                self.notice([_outside(cell, trained_on)])
        self.notice(model.findings_)

    def result(self, table: AgeingCells, level: float) -> ForecastResult:
        if not self.values:
            raise NotEnoughDataError(
                f"No cell can be forecast: {'; '.join(_together(self.refused))}",
                advice="See fewer cycles of cells that went on (--first)"
                if all(_TO_HIDE in why for why in self.refused.values())
                else "Wait, allow a lower level, or test more cells under the same conditions to the end",
            )
        course = table.of_cells({v.subject.key for v in self.values})
        return ForecastResult(
            table.figure, tuple(self.values), self.refused, tuple(self.findings.values()), course, level
        )


def _at(
    table: AgeingCells, horizon: int, first_cycles: int | None, cells: Sequence[str] | None, level: float, seed: int
) -> _Forecasts:
    """Forecast cells at one horizon, each from all others like it: one model for all that have the same others."""
    last, reached = table.last, {c for c in table.last if table.last[c] >= horizon}
    made, trained = _Forecasts(), dict[tuple[int, tuple[str, ...]], Forecast | NotEnoughDataError]()
    for cell in table.wanted(horizon, cells):
        if cell not in last:
            made.refused[cell] = "it has no ageing cycles"
            continue
        seen = min(last[cell], first_cycles or last[cell])
        if seen >= horizon and first_cycles is None:
            made.refused[cell] = f"it has reached cycle {horizon}: its value is known ({_TO_HIDE} hides it)"
            continue
        others = tuple(c for c in sorted(reached - {cell}) if alike(table.facts[c], table.facts[cell]))
        key = (seen, others)
        if key not in trained:
            trained[key] = _trained(table, others, seen, [horizon], level, seed)
        model = trained[key]
        if isinstance(model, NotEnoughDataError):
            made.refused[cell] = f"{len(others)} cell(s) under like conditions reached cycle {horizon}" + (
                f"; {model.found}" if len(others) >= least_cells(level) else f", and {least_cells(level)} are needed"
            )
            continue
        made.add(table, cell, model, len(others))
    made.result(table, level)  # raises where there is none
    return made


def _trained(
    table: AgeingCells, cells: Iterable[str], seen: int, horizons: Sequence[int], level: float, seed: int
) -> Forecast | NotEnoughDataError:
    model = Forecast(table.figure, first_cycles=seen, horizons=horizons, inputs=table.inputs, level=level, seed=seed)
    try:
        return model.fit(table.of_cells(cells))
    except NotEnoughDataError as error:
        return error


def _learned(
    table: AgeingCells,
    horizons: Sequence[int],
    first_cycles: int,
    cells: Sequence[str] | None,
    level: float,
    seed: int,
    name: str,
) -> tuple[Forecast, list[str]]:
    """Learn one model from cells like the first that is to be forecast, none of these among them, and keep it.

    Returns the model and the cells that are to be forecast.
    """
    wanted = [c for c in table.wanted(horizons[0], cells) if c in table.last]
    if not wanted:
        raise NotEnoughDataError("None of these cells has ageing cycles", expected="a cell to forecast")
    like = table.facts[wanted[0]]
    teachers = [c for c, last in table.last.items() if last >= horizons[0] and c not in set(wanted)]
    teachers = sorted(c for c in teachers if alike(table.facts[c], like))
    made = _trained(table, teachers, first_cycles, horizons, level, seed)
    if isinstance(made, NotEnoughDataError):
        raise made
    told: dict[str, Scalar] = {
        "figure": table.figure,
        "first_cycles": first_cycles,
        "horizons": ", ".join(map(str, made.horizons_)),
        "cells": len(teachers),
        "level": level,
        **{n: v for n, v in like.items() if v is not None},
    }
    save_model(table.workspace, name, made, pl.DataFrame({"cell": teachers}), told)
    return made, wanted


def _kept(
    workspace: Workspace, name: str, figure: str | None, horizons: Sequence[int], first: int | None, level: float | None
) -> Forecast:
    """Return the forecast *name*. Raises `InputError` where something else is asked for than it has."""
    made: Forecast = load_model(workspace, name, ("forecast",))
    for what, asked, own in (
        ("figure", figure, made.quantity),
        ("first cycles", first, made.first_cycles),
        ("level", level, made.level),
    ):
        if asked not in (None, own):
            raise InputError(f"The forecast {name!r} for a {what} of {asked}", expected=f"{own}: it was learned so")
    if set(horizons) - set(made.horizons_):
        raise InputError(
            f"The forecast {name!r} for cycle {', '.join(map(str, horizons))}",
            expected=f"cycles it was learned for: {', '.join(map(str, made.horizons_))}",
        )
    return made


def _by_model(table: AgeingCells, name: str, model: Forecast, cells: Sequence[str] | None) -> ForecastResult:
    """Forecast cells by the model *name* that is kept."""
    record = table.workspace.store.models.record(name)
    told, trained = record.parameters, set(record.trained_on)
    like: Facts = {n: told.get(n) for n in ("origin", *TESTED_UNDER)}
    lacking = set(model.columns_) - {table.figure, *table.inputs}
    if lacking:
        raise NotEnoughDataError(
            f"Not every cell has {', '.join(sorted(lacking))}", expected=f"what the forecast {name!r} was learned from"
        )
    made = _Forecasts()
    for cell in table.wanted(max(model.horizons_), cells):
        if cell not in table.last:
            made.refused[cell] = "it has no ageing cycles"
        elif trained & set(curve_hashes(table.workspace, pl.DataFrame({"cell": [cell]}))):
            made.refused[cell] = f"the model {name!r} was learned from it"
        elif not alike(like, table.facts[cell]):
            made.refused[cell] = f"its rates, limits or origin are unlike those that {name!r} was learned under"
        else:
            made.add(table, cell, model, int(told.get("cells", 0)))
    return made.result(table, model.level)


def _value(name: str, cell: str, row: Mapping[str, Any], facts: Facts, model: Forecast, trained_on: int) -> Value:
    skill = model.skill_.row(by_predicate=pl.col("horizon") == row["horizon"], named=True)
    return Value(
        quantity=name,
        value=row["predicted"],
        interval=Interval(low=row["low"], high=row["high"], level=model.level, method="CV+ over cells"),
        subject=Subject(kind="cell", key=cell),
        conditions=limits(facts, "discharge").model_copy(
            update={"cycle": int(row["horizon"]), "other": {"first_cycles": model.first_cycles}}
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


def _no_forecast(horizon: int, error: NotEnoughDataError) -> Finding:
    return Finding(
        code="no-forecast",
        severity=Severity.WARNING,
        message=f"Cycle {horizon}: {error.found}",
        advice=error.advice or "",
    )


def _together(refused: Mapping[str, str]) -> list[str]:
    """Return each reason once, with its cells."""
    of: dict[str, list[str]] = {}
    for cell, why in refused.items():
        of.setdefault(why, []).append(cell)
    return [f"{name_some(cells, 6)}: {why}" for why, cells in of.items()]


def _outside(cell: str, trained_on: int) -> Finding:
    return Finding(
        code="unlike-training",
        severity=Severity.WARNING,
        message=f"{cell} lies farther out than each of the {trained_on} cells that the forecast was learned from (of "
        f"cells like them one in {trained_on + 1} does): the interval may not hold for it",
        where=cell,
    )

"""Forecast, unlike cells and drivers of a workspace, with their figures and JSON; models kept by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.drivers import Drivers
from lirich.learn.outliers import Outliers
from lirich.model import Finding, Value
from lirich.quantities import quantity
from lirich.workbench.learn_models import curve_hashes, load_model, save_model
from lirich.workbench.learn_tables import ageing_cycles
from lirich.workbench.learn_verbs import find_drivers, find_outliers, forecast_cells

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class ForecastResult:
    """Forecasts of *figure* as predicted values; ``course`` has the ageing cycles of the cells that are forecast."""

    figure: str
    values: tuple[Value, ...]
    refused: dict[str, str]
    findings: tuple[Finding, ...]
    course: pl.DataFrame
    level: float

    @property
    def figures(self) -> list[Figure]:
        """Each cell's course, forecast and interval beside the naive forecasts."""
        from lirich.workbench.learn_figures import forecast_figures

        return forecast_figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "figure": self.figure,
            "level": self.level,
            "values": [v.model_dump(mode="json", exclude_defaults=True) for v in self.values],
            "refused": self.refused,
            "findings": _json(self.findings),
        }


def forecast(
    workspace: Workspace,
    figure: str,
    horizons: int | Sequence[int],
    *,
    first_cycles: int | None = None,
    cells: Iterable[str] | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> ForecastResult:
    """Forecast *figure* at the cycles *horizons*; see `lirich.workbench.learn_verbs.forecast_cells`.

    A cell that can be forecast at some of the horizons is there with these; where no cell can be at any, the error of
    the first horizon is raised.
    """
    name = quantity(figure).key
    at = sorted({horizons} if isinstance(horizons, int) else set(horizons))
    if not at:
        raise InputError("No cycle to forecast", expected="one or more cycle numbers")
    listed = None if cells is None else list(cells)
    values: list[Value] = []
    refused: dict[str, str] = {}
    findings: dict[str, Finding] = {}
    failed: NotEnoughDataError | None = None
    for horizon in at:
        try:
            found = forecast_cells(
                workspace, name, horizon, first_cycles=first_cycles, cells=listed, level=level, seed=seed
            )
        except NotEnoughDataError as error:
            failed = failed or error
            continue
        values += found.values
        refused |= {cell: f"cycle {horizon}: {why}" for cell, why in found.refused.items()}
        findings |= {f.content_hash(): f for f in found.findings}
    if not values and failed is not None:
        raise failed
    keys = list(dict.fromkeys(v.subject.key for v in values))
    course = ageing_cycles(workspace, (name,), keys)
    return ForecastResult(name, tuple(values), refused, tuple(findings.values()), course, level)


@dataclass(frozen=True, slots=True, eq=False)
class OutliersResult:
    """Which cells are unlike the others: see `lirich.learn.outliers.Judgement` for ``cells`` and ``curves``.

    ``curves`` is ``None`` where every cell was judged by models of the others.
    """

    rate: float
    cells: pl.DataFrame
    curves: pl.DataFrame | None
    learned_from: tuple[str, ...]
    findings: tuple[Finding, ...]
    model: Outliers

    @property
    def figures(self) -> list[Figure]:
        """The p value of each cell with the threshold."""
        from lirich.workbench.learn_figures import outlier_figures

        return outlier_figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        flagged = None if self.curves is None else self.curves.filter(pl.col("flagged")).to_dicts()
        return {
            "false_alarms": self.rate,
            "learned_from": list(self.learned_from),
            "cells": self.cells.to_dicts(),
            "flagged_curves": flagged,
            "findings": _json(self.findings),
        }


def outliers(
    workspace: Workspace,
    *,
    false_alarms: float = 0.05,
    sound: Iterable[str] | None = None,
    model: str | None = None,
    name: str | None = None,
    cells: Iterable[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> OutliersResult:
    """Ask which cells are unlike the others; see `lirich.workbench.learn_verbs.find_outliers`.

    *sound* are cells that are known to be: the others are judged by them. *model* is a detector that was kept before;
    cells that it was trained on are not judged again. *name* keeps the detector. Raises `InputError` for
    *sound* cells beside a model.
    """
    if model is None:
        chosen: dict[str, Any] = {} if cells is None else {"cells": list(cells)}
        found = find_outliers(workspace, rate=false_alarms, sound=sound, seed=seed, **chosen, **options)
        if name is not None:
            keys = pl.DataFrame({"cell": list(found.learned_from)})
            save_model(workspace, name, found.model, keys, {"cells": len(keys), "false_alarms": false_alarms})
        return OutliersResult(false_alarms, found.cells, found.curves, found.learned_from, found.findings, found.model)
    if sound is not None:
        raise InputError("A model and sound cells to learn from", expected="one of the two")
    detector: Outliers = load_model(workspace, model, ("outliers",))
    trained = set(workspace.store.models.record(model).trained_on)
    wanted = list(workspace.cells) if cells is None else [workspace.cells[c].key for c in cells]
    new = [c for c in wanted if not trained & set(curve_hashes(workspace, pl.DataFrame({"cell": [c]})))]
    if not new:
        raise NotEnoughDataError(
            f"The model {model!r} was trained on every one of {len(wanted)} cell(s)",
            expected="cells that it has not seen",
        )
    detector.rate = false_alarms  # p values do not depend on it
    found = find_outliers(workspace, rate=false_alarms, model=detector, cells=new, **options)
    return OutliersResult(false_alarms, found.cells, found.curves, detector._names, found.findings, detector)


@dataclass(frozen=True, slots=True, eq=False)
class DriversResult:
    """What explains *figure*: ``model`` has the errors beside the naive baseline, and the importances."""

    figure: str
    source: str
    model: Drivers

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was left out and what cannot be told."""
        return tuple(self.model.findings_)

    @property
    def figures(self) -> list[Figure]:
        """Errors beside the naive baseline, and what each field adds."""
        from lirich.workbench.learn_figures import driver_figures

        return driver_figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "figure": self.figure,
            "source": self.source,
            "samples": list(self.model.samples_),
            "models": self.model.models_.to_dicts(),
            "beats_baseline": self.model.beats_baseline_,
            "fields": self.model.importances_.to_dicts(),
            "findings": _json(self.findings),
        }


def drivers(
    workspace: Workspace,
    figure: str,
    *,
    fields: Sequence[str] | None = None,
    source: Literal["cells", "literature"] = "cells",
    cells: Iterable[str] | None = None,
    seed: int = 0,
) -> DriversResult:
    """Ask which fields of samples explain *figure*; see `lirich.workbench.learn_verbs.find_drivers`."""
    found = find_drivers(workspace, figure, fields=fields, source=source, cells=cells, seed=seed)
    return DriversResult(quantity(figure).key, source, found)


def _json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [f.model_dump(mode="json", exclude_defaults=True) for f in findings]

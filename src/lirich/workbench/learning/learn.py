"""What a workspace can learn: map, completion, factors, forecast, outliers, drivers; models that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from lirich.model import Scalar
    from lirich.store import ModelRecord
    from lirich.workbench.learning.completion import CompletionResult
    from lirich.workbench.learning.drivers import DriversResult, Source
    from lirich.workbench.learning.factors import FactorsResult
    from lirich.workbench.learning.forecast_result import ForecastResult
    from lirich.workbench.learning.maps import MapResult
    from lirich.workbench.learning.outliers import OutliersResult
    from lirich.workbench.workspace import Workspace


class Learning:
    """The verbs of learning on a workspace; every result has ``figures`` and ``to_dict()``."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def map(self, cells: str | Iterable[str] | None = None, *, name: str = "map", **options: Any) -> MapResult:
        """Learn the state map and place every curve on it; see `lirich.workbench.learning.maps.learn_map`."""
        from lirich.workbench.learning.maps import learn_map

        return learn_map(self._workspace, cells, name=name, **options)

    def place(self, name: str = "map", cells: str | Iterable[str] | None = None, **options: Any) -> MapResult:
        """Place curves on a map that is kept; see `lirich.workbench.learning.maps.place_on_map`."""
        from lirich.workbench.learning.maps import place_on_map

        return place_on_map(self._workspace, name, cells, **options)

    def complete(
        self, cell: str, cycle: int, *, window: tuple[float, float] | None = None, **options: Any
    ) -> CompletionResult:
        """Complete a curve from a window of it; see `lirich.workbench.learning.completion.complete_curve`."""
        from lirich.workbench.learning.completion import complete_curve

        return complete_curve(self._workspace, cell, cycle, window=window, **options)

    def factors(self, map_name: str = "map", **options: Any) -> FactorsResult:
        """Read states of cells from the places of their curves; see `lirich.workbench.learning.factors.factors`."""
        from lirich.workbench.learning.factors import factors

        return factors(self._workspace, map_name, **options)

    def forecast(self, figure: str | None = None, at: int | Sequence[int] = (), **options: Any) -> ForecastResult:
        """Forecast a figure at later cycles; see `lirich.workbench.learning.forecast.forecast`."""
        from lirich.workbench.learning.forecast import forecast

        return forecast(self._workspace, figure, at, **options)

    def outliers(self, *, false_alarms: float = 0.05, **options: Any) -> OutliersResult:
        """Ask which cells are unlike the others; see `lirich.workbench.learning.outliers.outliers`."""
        from lirich.workbench.learning.outliers import outliers

        return outliers(self._workspace, false_alarms=false_alarms, **options)

    def drivers(self, figure: str, *, source: Source = "cells", **options: Any) -> DriversResult:
        """Ask which fields of the samples explain a figure; see `lirich.workbench.learning.drivers.drivers`."""
        from lirich.workbench.learning.drivers import drivers

        return drivers(self._workspace, figure, source=source, **options)

    def kept_drivers(self, name: str) -> DriversResult:
        """Return an answer of `drivers` that was kept."""
        from lirich.workbench.learning.drivers import kept_drivers

        return kept_drivers(self._workspace, name)

    def compare(self, one: str, other: str) -> pl.DataFrame:
        """Lay two maps that are kept beside each other; see `lirich.learn.compare_maps`."""
        from lirich.learn.loadings import compare_maps
        from lirich.workbench.learning.models import map_of

        return compare_maps(map_of(self._workspace, one), map_of(self._workspace, other))

    @property
    def models(self) -> list[ModelRecord]:
        """What is known of the models that are kept, by name."""
        return self._workspace.store.models.all()

    def save(
        self,
        name: str,
        model: object,
        keys: pl.DataFrame | None = None,
        parameters: Mapping[str, Scalar] | None = None,
    ) -> ModelRecord:
        """Keep a fitted model with its training curves' hashes; see `lirich.workbench.learning.models.save_model`."""
        from lirich.workbench.learning.models import save_model

        return save_model(self._workspace, name, model, keys, parameters)

    def load(self, name: str) -> Any:
        """Return a model that is kept. Raises `UnknownNameError`, `CorruptStoreError`."""
        from lirich.workbench.learning.models import load_model

        return load_model(self._workspace, name)

    def take_in(self, source: str | Path, name: str | None = None) -> ModelRecord:
        """Take in a model from a file or a carried one; see `lirich.workbench.learning.models.import_model`."""
        from lirich.workbench.learning.models import import_model

        return import_model(self._workspace, source, name)

    def give_away(self, name: str, file: str | Path, *, force: bool = False) -> Path:
        """Write a model as one file; see `lirich.workbench.learning.models.export_model`."""
        from lirich.workbench.learning.models import export_model

        return export_model(self._workspace, name, file, force=force)

    def forget(self, name: str) -> None:
        """Take a model out of the workspace. Raises `UnknownNameError`."""
        self._workspace.store.models.remove(name)

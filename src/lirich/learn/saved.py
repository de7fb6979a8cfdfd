"""Fitted models as (kind, arrays, description) and back: what a workspace keeps and one lab gives to another.

The register below is all that can be read: a kind that is not in it is refused, and so is a file whose parts do not fit
the layout of its kind (`lirich.learn.layout`). What is read back predicts what was written, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lirich.errors import InputError, UnknownNameError
from lirich.learn.completion import Completion
from lirich.learn.drivers import Drivers
from lirich.learn.factors import Factors
from lirich.learn.forecast import Forecast, _Horizon
from lirich.learn.heldout import Held, Law
from lirich.learn.layout import Box, Layout, array, findings, named, part, parts, plain, row, several, table, wrong
from lirich.learn.matrix import UNITS
from lirich.learn.outliers import Outliers, _Ruler
from lirich.learn.posterior import CurveModel
from lirich.learn.probabilistic import ProbabilisticMap
from lirich.learn.ridge import Ridge, Spread
from lirich.learn.statemap import StateMap
from lirich.learn.usual import Usual


@dataclass(frozen=True, slots=True)
class Saved:
    """A model as it is kept: its ``kind``, its ``arrays`` by name, and a ``description`` that is JSON."""

    kind: str
    arrays: Mapping[str, NDArray[Any]]
    description: Mapping[str, Any]


def describe(model: object) -> Saved:
    """Return a fitted *model* as arrays and JSON. Raises `InputError` on what is no model, or not fitted."""
    for kind, layout in MODELS.items():
        if type(model) is layout.kind:
            box = Box()
            told = layout.write(model, box)
            return Saved(kind, box.arrays, told)
    raise InputError(f"A {type(model).__name__} is no model that can be kept", expected=", ".join(MODELS))


def restore(kind: str, arrays: Mapping[str, NDArray[Any]], description: Mapping[str, Any]) -> Any:
    """Return the model that `describe` described, without running code.

    Raises `UnknownNameError` on the kind, `CorruptStoreError` where an array is missing, too many, or of another shape
    or type than its place asks for.
    """
    if kind not in MODELS:
        raise UnknownNameError.of("kind of model", kind, MODELS)
    box = Box(dict(arrays))
    made = MODELS[kind].read(dict(description), box, {}, kind)
    if box.used != set(box.arrays):
        raise wrong(kind, f"arrays that belong nowhere: {', '.join(sorted(set(box.arrays) - box.used)[:5])}")
    return made


_FLOAT, _WHOLE, _TEXT, _FLAG = plain(float), plain(int), plain(str), plain(bool)
_SQUARE = array("k", "k", optional=True)

_STATE_MAP = Layout(
    StateMap,
    {
        "n_components": _WHOLE, "tolerance": _FLOAT, "seed": _WHOLE,
        "grid_": array("m"), "mean_": array("m"), "components_": array("k", "m"),
        "explained_variance_": array("k"), "explained_variance_ratio_": array("k"),
        "total_variance_": _FLOAT, "noise_variance_": _FLOAT,
        "kind_": plain(str, among=tuple(UNITS)), "direction_": plain(str, among=("charge", "discharge")),
        "n_curves_": _WHOLE, "angle_bound_": _FLOAT, "passes_": _WHOLE,
    },
)  # fmt: skip
_CURVE_MODEL = Layout(CurveModel, {"mean": array("m"), "spread": array("k", "m")})
_PROBABILISTIC = Layout(
    ProbabilisticMap,
    {
        "n_components": _WHOLE, "seed": _WHOLE, "map_": part(lambda: _STATE_MAP), "noise_sd_": _FLOAT,
        "model_": part(lambda: _CURVE_MODEL), "rounds_": _WHOLE,
    },
)  # fmt: skip
_LAW = Layout(Law, {"factor": _FLOAT, "model_error": _FLOAT, "freedom": _FLOAT})
_HELD = Layout(
    Held,
    {
        "model": part(lambda: _CURVE_MODEL), "learned": part(lambda: _STATE_MAP), "values": array("n", "m"),
        "keys": table(),
    },
)  # fmt: skip
_COMPLETION = Layout(
    Completion,
    {
        "n_components": _WHOLE, "level": _FLOAT, "most_doubt": _FLOAT, "seed": _WHOLE,
        "map_": part(lambda: _STATE_MAP), "model_": part(lambda: _CURVE_MODEL),
        "law_": part(lambda: _LAW), "n_cells_": _WHOLE,
        "held_": parts(part(lambda: _HELD), tuple),
    },
)  # fmt: skip
_RIDGE = Layout(
    Ridge,
    {
        "penalties": several(float), "seed": _WHOLE, "penalty_": _FLOAT,
        "centre_": array("p"), "scale_": array("p"), "standardised_": array("p"), "coefficients_": array("p"),
        "intercept_": _FLOAT, "_directions": array("p", "p"), "_damped": array("p"), "rows_": _WHOLE,
    },
)  # fmt: skip
_SPREAD = Layout(Spread, {"_mean": part(lambda: _RIDGE), "_size": part(lambda: _RIDGE), "_range": row(_FLOAT, _FLOAT)})
_FACTORS = Layout(
    Factors,
    {
        "degree": _WHOLE, "level": _FLOAT, "folds": _WHOLE, "seed": _WHOLE,
        "centre_": array("k"), "scale_": array("k"), "models_": named(part(lambda: _RIDGE)),
        "_spreads": named(part(lambda: _SPREAD)), "_quantiles": named(_FLOAT),
        "_farthest": named(_FLOAT), "findings_": findings(), "table_": table(),
    },
)  # fmt: skip
_HORIZON = Layout(
    _Horizon,
    {
        "level": _FLOAT, "seed": _WHOLE, "_model": part(lambda: _RIDGE),
        "_without": parts(row(part(lambda: _RIDGE), part(lambda: _SPREAD)), list),
        "_fold": array("n", of="whole"), "_residuals": array("n"), "_far": array("n"),
    },
)  # fmt: skip
_FORECAST = Layout(
    Forecast,
    {
        "quantity": _TEXT, "first_cycles": _WHOLE, "horizons": several(int, list), "inputs": several(str),
        "level": _FLOAT, "seed": _WHOLE, "columns_": several(str), "findings_": findings(),
        "_models": named(part(lambda: _HORIZON), int), "horizons_": several(int), "skill_": table(),
    },
)  # fmt: skip
_USUAL = Layout(
    Usual,
    {
        "components": _WHOLE, "columns_": array("c", of="whole"), "mean_": array("c"), "components_": array("k", "c"),
        "_centre": _FLOAT, "_width": _FLOAT, "_degree": _WHOLE, "_course": named(array("d", "k"), int),
        "_level": _SQUARE, "_mean": _SQUARE, "_slope": _SQUARE, "_jump": _SQUARE, "_left": _FLOAT,
    },
)  # fmt: skip
_RULER = Layout(_Ruler, {"_middle": array("w"), "_width": array("w")})
_OUTLIERS = Layout(
    Outliers,
    {
        "rate": _FLOAT, "components": _WHOLE, "folds": _WHOLE, "seed": _WHOLE,
        "cells_": several(str), "_strata": several(str), "_stratified": _FLAG,
        "first_cycle_": _FLOAT, "last_cycle_": _FLOAT, "models_": parts(part(lambda: _USUAL), list),
        "_of_cells": part(lambda: _RULER), "_of_rows": part(lambda: _RULER),
        "strange_": array("cells"), "_strange_rows": array("n"), "_row_cells": array("n", of="whole"),
        "_fold_of_row": array("n", of="whole"), "_fold_of_cell": array("cells", of="whole"),
        "trained_": table(), "_most_curves": _WHOLE, "findings_": findings(),
    },
)  # fmt: skip
_DRIVERS = Layout(
    Drivers,
    {
        "figure": _TEXT, "fields": several(str, list), "groups": _TEXT, "seed": _WHOLE, "samples_": several(str),
        "findings_": findings(), "models_": table(), "beats_baseline_": _FLAG, "importances_": table(),
    },
)  # fmt: skip

MODELS: Mapping[str, Layout] = {
    "state-map": _STATE_MAP,
    "probabilistic-map": _PROBABILISTIC,
    "completion": _COMPLETION,
    "factors": _FACTORS,
    "forecast": _FORECAST,
    "outliers": _OUTLIERS,
    "drivers": _DRIVERS,
}
"""Kind → layout: the models that can be kept."""
PARTS: tuple[Layout, ...] = (_CURVE_MODEL, _LAW, _HELD, _RIDGE, _SPREAD, _HORIZON, _USUAL, _RULER)
"""What they are made of."""

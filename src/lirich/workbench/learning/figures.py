"""From results of learning to figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lirich.learn.conformal import conformal_quantile
from lirich.learn.course import courses
from lirich.learn.loadings import features, touched
from lirich.learn.matrix import UNITS
from lirich.learn.resample import slope_of
from lirich.learn.statemap import StateMap
from lirich.model import Origin
from lirich.plots import Figure, completing, maps
from lirich.plots import learning as drawn
from lirich.plots import states as of_states
from lirich.plots.style import NO_GROUP
from lirich.quantities import QUANTITIES
from lirich.workbench.learning.states import OF_CYCLES, OF_SPECTRA, PER_MASS

if TYPE_CHECKING:
    from lirich.learn.matrix import Array
    from lirich.workbench.learning.completion import CompletionResult
    from lirich.workbench.learning.drivers import DriversResult
    from lirich.workbench.learning.factors import FactorsResult
    from lirich.workbench.learning.forecast_result import ForecastResult
    from lirich.workbench.learning.maps import MapResult
    from lirich.workbench.learning.outliers import OutliersResult

_NOT_GIVEN = "not given"


def map_figures(result: MapResult) -> list[Figure]:
    """Return the map (and a nearer view where a few cells lie far off), loadings, dQ/dV, and components."""
    model = result.model
    unit, grid_unit = UNITS[model.kind_]
    figures = map_only(result)
    on_voltage = model.kind_ != "V(Q)"
    there = features(model) if on_voltage else None
    figures.append(
        maps.loadings(
            model.grid_,
            model.components_,
            model.score_spread_,
            there,
            unit=unit,
            grid_unit=grid_unit,
        )
    )
    if on_voltage:
        figures.append(_moved(model))
    if model.n_curves_:
        chosen = {}
        if result.choice is not None:
            cells, evidence = result.choice.by_cells, result.choice.by_evidence
            if cells == evidence:
                chosen["cells left out and evidence speak for"] = evidence
            else:
                if cells is not None:
                    chosen["cells left out speak for"] = cells
                chosen["evidence speaks for"] = evidence
        figures.append(
            drawn.left_over(
                model.total_variance_, model.explained_variance_, len(model.grid_), unit=unit, chosen=chosen
            )
        )
    return figures


def map_only(result: MapResult) -> list[Figure]:
    """Return the map alone, and a nearer view where most cells are crowded into a corner of it."""
    model, scores = result.model, result.scores
    unit = UNITS[model.kind_][0]
    two = "pc2" in scores.columns
    if not two:
        scores = scores.with_columns(pc2=pl.lit(0.0))
    groups = {c: NO_GROUP if g == _NOT_GIVEN else g for c, g in scores.select("cell", "group").unique().iter_rows()}
    bends: dict[str, list[float]] = {}
    for cell, cycle in result.bends.select("cell", "cycle").iter_rows():
        bends.setdefault(cell, []).append(cycle)
    shares = {f"pc{i + 1}": float(r) for i, r in enumerate(model.explained_variance_ratio_)} if model.n_curves_ else {}
    figures = [maps.state_map(scores, group=groups, bends=bends, shares=shares, unit=unit)]
    near = scores.filter(pl.col("learned"))["cell"].unique().to_list()
    if maps.is_far(scores, near):
        figures.append(maps.state_map(scores, group=groups, bends=bends, shares=shares, unit=unit, near=near))
    return figures


def _moved(model: StateMap) -> Figure:
    scale = np.sqrt(model.explained_variance_)[:, None]
    curves = np.vstack([model.mean_, model.components_ * scale])
    if model.kind_ == "Q(V)":
        step = float(model.grid_[1] - model.grid_[0])
        curves = slope_of(curves, step) * (1.0 if model.direction_ == "charge" else -1.0)
    return drawn.moved(model.grid_, curves[0], curves[1:], touched(model))


def completion_figures(result: CompletionResult) -> list[Figure]:
    """Return the completed curve and, where it was computed, the error map."""
    figures = []
    kind = result.map_.kind_
    along_unit = UNITS[kind][1]
    value, along = ("V", "Capacity") if kind == "V(Q)" else (kind.removesuffix("(V)"), "Voltage")
    if not result.refused:
        figures.append(
            completing.completion(
                result.grid, result.observed, result.curve, result.low, result.high, measured=result.truth,
                level=result.level, unit=result.unit, name=f"{result.cell}, cycle {result.cycle}",
                origin=Origin(result.origin), calibrated=result.calibrated,
                value=value, along=along, along_unit=along_unit,
            )
        )  # fmt: skip
    if result.error_map is not None:
        figures.append(completing.error_map(result.error_map, unit=result.unit, along_unit=along_unit))
    return figures


def forecast_figures(result: ForecastResult) -> list[Figure]:
    """Return the forecast of each cell beside the naive ones."""
    made = []
    for cell in dict.fromkeys(v.subject.key for v in result.values):
        mine = sorted((v for v in result.values if v.subject.key == cell), key=lambda v: v.conditions.cycle or 0)
        seen = int(str(mine[0].conditions.other["first_cycles"]))
        own = result.course.filter(pl.col("cell") == cell).sort("cycle")
        known = own.filter(pl.col(result.figure).is_finite())
        so_far = courses(known, [result.figure], seen)
        at = np.array([float(v.conditions.cycle or 0) for v in mine])
        made.append(
            drawn.CellCourse(
                cell, Origin(str(known["origin"][0])), seen, _numbers(known["cycle"]),
                _numbers(known[result.figure]), at,
                np.array([v.value for v in mine]),
                np.array([v.interval.low if v.interval else v.value for v in mine]),
                np.array([v.interval.high if v.interval else v.value for v in mine]),
                np.full(len(at), float(so_far.last[0])), np.array([float(so_far.line(int(c))[0]) for c in at]),
            )
        )  # fmt: skip
    return [drawn.forecast(made, QUANTITIES[result.figure], level=result.level)]


def outlier_figures(result: OutliersResult) -> list[Figure]:
    """Return the p value of each cell with the threshold."""
    strange, threshold = None, 0.0
    if result.curves is None:  # every cell was judged by models of the others
        model = result.model
        strange = dict(zip(model.cells_, model.strange_.tolist(), strict=True))
        threshold = conformal_quantile(model.strange_, 1.0 - result.rate)
    learned_from = len(result.learned_from)
    return [
        drawn.unlike(result.cells, rate=result.rate, learned_from=learned_from, strange=strange, threshold=threshold)
    ]


def driver_figures(result: DriversResult) -> list[Figure]:
    """Return the errors beside the naive baseline, and what each field adds."""
    made = result.model
    return [drawn.drivers(made.models_, made.importances_, QUANTITIES[result.figure], samples=len(made.samples_))]


def factor_figures(result: FactorsResult) -> list[Figure]:
    """Return how well each state is read, and each state over the cycles."""
    names = {state: _in_words(state) for state in result.model.models_}
    return [
        of_states.state_r2(result.model.table_, names),
        *(
            of_states.state_over_cycles(result.curves, state, name, level=result.model.level)
            for state, name in names.items()
        ),
    ]


def _in_words(state: str) -> str:
    """Return the name of a state with its unit; one that lirich does not measure is called as it is."""
    known = QUANTITIES.get({**OF_CYCLES, **OF_SPECTRA}.get(state, ""))
    if known is None:
        return state.replace("_", " ")
    unit = f"{known.unit}·g" if state.endswith(PER_MASS) else known.unit
    return known.name[:1].upper() + known.name[1:] + (f" ({unit})" if unit != "1" else "")


def _numbers(column: pl.Series) -> Array:
    return column.cast(pl.Float64).to_numpy()

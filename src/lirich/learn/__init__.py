"""Learning from many curves: matrices of curves, the state map, completion, factors, outliers, forecast, drivers.

Everything is imported when it is first asked for.
"""

from __future__ import annotations

from lirich.lazily import exports

_HOMES = {
    "CurveMatrix": "lirich.learn.matrix",
    "Points": "lirich.learn.resample",
    "on_grid": "lirich.learn.resample",
    "judge": "lirich.learn.filters",
    "FILTERS": "lirich.learn.filters",
    "StateMap": "lirich.learn.statemap",
    "principal_angles": "lirich.learn.statemap",
    "ProbabilisticMap": "lirich.learn.probabilistic",
    "choose_components": "lirich.learn.choice",
    "Completion": "lirich.learn.completion",
    "Completed": "lirich.learn.completion",
    "share_window": "lirich.learn.posterior",
    "CurveModel": "lirich.learn.posterior",
    "least_squares": "lirich.learn.posterior",
    "trajectory": "lirich.learn.regimes",
    "cell_regimes": "lirich.learn.regimes",
    "Trajectory": "lirich.learn.regimes",
    "describe": "lirich.learn.loadings",
    "features": "lirich.learn.loadings",
    "touched": "lirich.learn.loadings",
    "from_loadings": "lirich.learn.loadings",
    "compare_maps": "lirich.learn.loadings",
    "anchor_map": "lirich.learn.anchor",
    "Drivers": "lirich.learn.drivers",
    "Factors": "lirich.learn.factors",
    "Forecast": "lirich.learn.forecast",
    "Outliers": "lirich.learn.outliers",
    "Ridge": "lirich.learn.ridge",
    "meaning": "lirich.learn.factors",
    "side_by_side": "lirich.learn.paired",
    "stability": "lirich.learn.factors",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = exports(__name__, _HOMES)

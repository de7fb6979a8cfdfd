"""Fitting the dynamic cell models to measured curves: estimates, intervals, and what the data cannot tell."""

from lirich.cells.fit.curves import Curve, curves_from_table, digitised_curves
from lirich.cells.fit.identify import Direction, identifiability, profile
from lirich.cells.fit.li_rich import half_cell_problem
from lirich.cells.fit.problem import Experiment, FreeParameter, Problem
from lirich.cells.fit.solve import Estimate, Fit, fit

__all__ = [
    "Curve",
    "Direction",
    "Estimate",
    "Experiment",
    "Fit",
    "FreeParameter",
    "Problem",
    "curves_from_table",
    "digitised_curves",
    "fit",
    "half_cell_problem",
    "identifiability",
    "profile",
]

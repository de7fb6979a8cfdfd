"""Fitting the dynamic cell models to measured curves: estimates, intervals, and what the data cannot tell."""

from lirich.cells.fit.curves import Curve, Trace, curves_from_table, trace_from_table
from lirich.cells.fit.identify import Direction, Profile, identifiability, profile
from lirich.cells.fit.li_rich import half_cell_problem
from lirich.cells.fit.problem import Experiment, FreeParameter, Problem
from lirich.cells.fit.result import Derived, Estimate, Fit
from lirich.cells.fit.solve import fit
from lirich.cells.fit.spectra import MeasuredSpectrum, PredictedSpectrum

__all__ = [
    "Curve",
    "Derived",
    "Direction",
    "Estimate",
    "Experiment",
    "Fit",
    "FreeParameter",
    "MeasuredSpectrum",
    "PredictedSpectrum",
    "Problem",
    "Profile",
    "Trace",
    "curves_from_table",
    "fit",
    "half_cell_problem",
    "identifiability",
    "profile",
    "trace_from_table",
]

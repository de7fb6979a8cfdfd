"""Figures as Plotly specifications: data in, figure out; no file, no database, no network.

SC and PC have the same two colours everywhere, all colours are colour-blind safe, and whatever is simulated,
computed or predicted is drawn dashed or open and says so.
"""

from lirich.plots.capacity import capacity, low_voltage
from lirich.plots.completing import completion, error_map
from lirich.plots.contact import contact
from lirich.plots.curves import dqdv_curves, hysteresis, voltage_profiles
from lirich.plots.fade import fade_voltages, mean_voltages, settled
from lirich.plots.figure import Figure
from lirich.plots.groups import EnergyLoss, GroupPoints, energy_losses, group_points
from lirich.plots.impedance import nyquist
from lirich.plots.kinetics import diffusivity, rate_test
from lirich.plots.literature import literature_context, rate_context, retention_context
from lirich.plots.maps import loadings, state_map
from lirich.plots.mixing import mixing_ratio
from lirich.plots.overcycles import Band, whole_cycles
from lirich.plots.overlays import CellSeries, overlay
from lirich.plots.peaks import peaks
from lirich.plots.protocol import protocol
from lirich.plots.reactions import reaction_map
from lirich.plots.simulation import crystal_content, energy, gas, site_populations
from lirich.plots.stack import interface_stack
from lirich.plots.windows import window_bars

__all__ = [
    "Band",
    "CellSeries",
    "EnergyLoss",
    "Figure",
    "GroupPoints",
    "capacity",
    "completion",
    "contact",
    "crystal_content",
    "diffusivity",
    "dqdv_curves",
    "energy",
    "energy_losses",
    "error_map",
    "fade_voltages",
    "gas",
    "group_points",
    "hysteresis",
    "interface_stack",
    "literature_context",
    "loadings",
    "low_voltage",
    "mean_voltages",
    "mixing_ratio",
    "nyquist",
    "overlay",
    "peaks",
    "protocol",
    "rate_context",
    "rate_test",
    "reaction_map",
    "retention_context",
    "settled",
    "site_populations",
    "state_map",
    "voltage_profiles",
    "whole_cycles",
    "window_bars",
]

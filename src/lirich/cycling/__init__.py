"""Cycling tables to steps, cycles, protocol segments and figures of merit. Pure: tables in, values out."""

from lirich.cycling.analysis import analyse
from lirich.cycling.annotation import Annotation, annotate
from lirich.cycling.cycles import cycle_table
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.protocol import Correction, Segment
from lirich.cycling.result import CyclingResult
from lirich.cycling.settings import CyclingSettings

__all__ = [
    "Annotation",
    "Correction",
    "CyclingResult",
    "CyclingSettings",
    "HalfCycle",
    "Segment",
    "analyse",
    "annotate",
    "cycle_table",
]

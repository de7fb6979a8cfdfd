"""Tests of the direction: does the voltage move as the sign of the current, or the growing capacity, says."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from lirich.model import Severity
from lirich.model.table import STEP_TYPE
from lirich.readers.diagnosis import Diagnosis, found_in
from lirich.readers.runs import HalfCycles

SIGN_SWING_V = 0.2
"""Voltage movement, summed over half-cycles, that it takes to judge the sign of the current."""

SIGN_DOUBTFUL = "current-sign-doubtful"
"""The code of what is said where the sign of the current may be wrong."""


def check_sign(table: pl.DataFrame, halves: HalfCycles, *, witnessed: bool) -> list[Diagnosis]:
    """Ask the voltage which way the current flows; *witnessed*: capacities of their own direction tell it too."""
    agree, disagree = voltage_vote(halves)
    match _verdict(halves, agree, disagree, witnessed=witnessed):
        case "lost":
            source = witnessed or STEP_TYPE in table.columns
            return [
                found_in(
                    "current-unsigned",
                    Severity.ERROR,
                    "The current never changes its sign while the voltage both rises and falls: it has lost its sign",
                    "sign-current" if source else "",
                    advice="" if source else "Give the sign in a mapping file beside the file",
                )
            ]
        case "against":
            return [
                found_in(
                    "current-sign",
                    Severity.ERROR,
                    f"The voltage falls while the current charges (by {disagree:.2f} V in all, against {agree:.2f} V "
                    "the right way): charge has to be positive",
                    "flip-current",
                )
            ]
        case "doubtful":
            return [
                found_in(
                    SIGN_DOUBTFUL,
                    Severity.WARNING,
                    f"The voltage moves against the sign of the current by {disagree:.2f} V in all, with it by "
                    f"{agree:.2f} V",
                    "flip-current",
                )
            ]
    return []


def check_curve_direction(halves: HalfCycles) -> list[Diagnosis]:
    """Ask the voltage which way the capacities of a curve without time count; nothing else tells it."""
    agree, disagree = voltage_vote(halves)
    match _verdict(halves, agree, disagree, witnessed=False):
        case "lost":
            which = "charges" if halves.sign[0] > 0 else "discharges"
            return [
                found_in(
                    "direction-lost",
                    Severity.ERROR,
                    f"By its capacities the cell only {which}, while the voltage both rises and falls: the file has "
                    "lost which rows charge and which discharge",
                    advice="Name the column of the direction, or two columns of capacity, in a mapping file beside it",
                )
            ]
        case "against":
            return [
                found_in(
                    "capacities-swapped",
                    Severity.ERROR,
                    "The voltage falls while the charged capacity grows: the two directions are swapped",
                    "swap-capacities",
                )
            ]
        case "doubtful":
            return [
                found_in(
                    "capacities-doubtful",
                    Severity.WARNING,
                    f"The voltage moves against the direction of the capacities by {disagree:.2f} V in all, with it by "
                    f"{agree:.2f} V",
                    "swap-capacities",
                )
            ]
    return []


def _verdict(
    halves: HalfCycles, agree: float, disagree: float, *, witnessed: bool
) -> Literal["right", "lost", "against", "doubtful"]:
    """Judge a direction by the voltage, V, that moves with it and against it; a *witnessed* one is not just swapped."""
    if disagree < SIGN_SWING_V or disagree < 0.5 * agree:
        return "right"
    if agree > 0.2 * disagree and bool((halves.sign == halves.sign[0]).all()):
        return "lost"
    if disagree > 4 * agree and not witnessed:
        return "against"
    return "doubtful" if disagree > agree else "right"


def voltage_vote(halves: HalfCycles) -> tuple[float, float]:
    """Return the voltage movement, V, over all half-cycles that agrees and that disagrees with the current's sign."""
    up = halves.sign > 0
    # Away from the start and back to the end, above and below: a half-cycle that is really two moves both ways.
    above_start, above_end = halves.voltage_high - halves.voltage_start, halves.voltage_high - halves.voltage_end
    below_start, below_end = halves.voltage_start - halves.voltage_low, halves.voltage_end - halves.voltage_low
    rise, fall = np.maximum(above_start, below_end), np.maximum(below_start, above_end)
    return float(np.where(up, rise, fall).sum()), float(np.where(up, fall, rise).sum())

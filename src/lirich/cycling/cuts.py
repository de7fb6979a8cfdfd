"""Half-cycles that were cut short: all others at their current end at one cut-off, and these do not."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.annotation import Annotation
from lirich.cycling.arrays import Array
from lirich.cycling.likeness import same_current
from lirich.cycling.record import place
from lirich.cycling.settings import CyclingSettings
from lirich.model import Cell, Finding

Side = Literal["charge", "discharge"]
Cuts = Mapping[Side, NDArray[np.bool_]]
"""Of each direction, which cycles had their half-cycle cut short, shape (c,)."""

SIDES: tuple[tuple[Side, int], ...] = (("charge", 1), ("discharge", -1))

_LEAST_LIKE = 3
"""So many others at its current must show where such a half-cycle ends. *Choice*."""

_AT_LIMIT = 0.75
"""…and of these at least so many end at one voltage: else they end by time or capacity. *Choice*."""

_CUT_OFF_STEP_V, _CUT_OFF_ERROR_V, _OVERSHOOT_V = 0.05, 0.002, 0.01
"""Cut-offs are set in steps of 50 mV: an end within 2 mV of one, or beyond one by no more than the step to the last
row (up to 10 mV), is another window (step-wise activation, a check-up), and not an end by hand. *Choice*: of ends at
any voltage it hides one in twelve, and up to one in four where rows are coarse; more would let any end pass."""


def cut_short(
    ends: Mapping[Side, Array],
    steps: Mapping[Side, Array],
    currents: Mapping[Side, Array],
    settings: CyclingSettings,
) -> dict[Side, NDArray[np.bool_]]:
    """Tell of each cycle whether its charge, or its discharge, was cut short; each of shape (c,).

    *ends*: voltages at which they turned, V; *steps*: from the row before to there, V; *currents*, A or mA; NaN where
    there is none. Cut short is one that ends within the window, further than ``incomplete_voltage_v`` from all others
    of its direction and than its last step from their cut-off, at no voltage that is set as one nor within that step
    (up to 10 mV) beyond it, while the like ones before and after it, and nearly all like ones, end at the cut-off.
    """
    both = np.flatnonzero(np.isfinite(ends["charge"]) & np.isfinite(ends["discharge"]))
    cut = {side: np.zeros(len(end), dtype=np.bool_) for side, end in ends.items()}
    for side, way in SIDES:
        end = ends[side]
        for i in both[_alone(end[both], settings.incomplete_voltage_v)].tolist():
            like = both[same_current(currents[side][both], float(currents[side][i]), settings) & (both != i)]
            beyond = min(float(np.nan_to_num(steps[side][i])), _OVERSHOOT_V)
            if len(like) < _LEAST_LIKE or _passed_cut_off(*sorted((float(end[i]), float(end[i]) - way * beyond))):
                continue
            limit = float(np.median(end[like]))
            at_limit = np.abs(end[like] - limit) <= settings.incomplete_voltage_v
            after = int(np.searchsorted(like, i))
            beside = at_limit[max(0, after - 1) : after + 1].all() and at_limit.mean() >= _AT_LIMIT
            cut[side][i] = beside and way * (limit - end[i]) > max(settings.incomplete_voltage_v, steps[side][i])
    return cut


def _alone(end: Array, tolerance_v: float) -> NDArray[np.bool_]:
    """Tell which voltages no other is within *tolerance_v* of, shape (k,)."""
    order = np.argsort(end)
    apart = np.append(True, np.append(np.diff(end[order]) > tolerance_v, True))
    alone = np.empty(len(end), dtype=np.bool_)
    alone[order] = apart[:-1] & apart[1:]
    return alone


def _passed_cut_off(low_v: float, high_v: float) -> bool:
    """Tell whether a voltage that is set as a cut-off lies from *low_v* to *high_v*, within the error."""
    highest = _CUT_OFF_STEP_V * floor((high_v + _CUT_OFF_ERROR_V) / _CUT_OFF_STEP_V)
    return highest >= low_v - _CUT_OFF_ERROR_V


def _column(cycles: pl.DataFrame, name: str) -> Array:
    return cycles[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def cuts_of(notes: Annotation, cycles: pl.DataFrame, settings: CyclingSettings) -> dict[Side, NDArray[np.bool_]]:
    """Return `cut_short` of a cycle table; nothing of a curve without a time axis, whose ends say nothing."""
    if notes.points.time_s is None:
        return {side: np.zeros(cycles.height, dtype=np.bool_) for side, _ in SIDES}

    names = ("end_voltage_v", "end_step_v", "current_ma")
    ends, steps, currents = ({side: _column(cycles, f"{side}_{name}") for side, _ in SIDES} for name in names)
    return cut_short(ends, steps, currents, settings)


def opening(notes: Annotation) -> Side:
    """Return the half-cycle that the counted cycles of a test begin with."""
    counted = np.flatnonzero(notes.half_cycle >= 1)
    return "charge" if len(counted) and notes.half_sign[counted[0]] > 0 else "discharge"


def cut_before(notes: Annotation, cuts: Cuts) -> NDArray[np.bool_]:
    """Tell of each cycle whether the half-cycle before it was cut short, so that it begins within the window."""
    return np.append(False, cuts["discharge" if opening(notes) == "charge" else "charge"][:-1])


def parts_of(notes: Annotation, cuts: Cuts, row: int) -> frozenset[Side]:
    """Return the half-cycles of a *row* of the cycle table that are of a part: cut, or begun where a cut one ended."""
    first = opening(notes)
    return frozenset(side for side, _ in SIDES if cuts[side][row] or cuts[first][row])


def discharge_of_part(notes: Annotation, cuts: Cuts) -> NDArray[np.bool_]:
    """Tell of each cycle whether its discharge began where the charge of the cycle before was cut short, shape (c,).

    Where cycles begin with their charge, such a discharge is of the cut cycle itself, and no other is.
    """
    before = cut_before(notes, cuts)
    return before if opening(notes) == "discharge" else np.zeros_like(before)


def cut_findings(
    notes: Annotation, cycles: pl.DataFrame, cuts: Cuts, cell: Cell, settings: CyclingSettings
) -> list[Finding]:
    """Say which half-cycles were cut short, and where those at their current end; not of one that the file ends in."""
    findings = []
    running = int(notes.points.sign[-1])
    of_part = np.flatnonzero(discharge_of_part(notes, cuts))
    for side, way in SIDES:
        end, current = _column(cycles, f"{side}_end_voltage_v"), _column(cycles, f"{side}_current_ma")
        for i in np.flatnonzero(cuts[side]).tolist():
            if running == way and i == cycles.height - 1:
                continue
            number = cycles["cycle"][i]
            like = same_current(current, float(current[i]), settings) & (np.arange(len(end)) != i)
            after = f": the discharge of cycle {number + 1}, which enters none either" if i + 1 in of_part else ""
            findings.append(
                Finding(
                    code="half-cycle-cut",
                    message=f"The {side} of cycle {number} ends at {end[i]:.4g} V, where no other does (those "
                    f"at its current end at {np.nanmedian(end[like]):.4g} V): it was stopped, or ended by time or "
                    f"capacity. The cycle is of a part and enters no fade, and the half-cycle after it begins within "
                    f"the window{after}",
                    advice="Read no capacity and no efficiency of it, nor the efficiency after it",
                    where=place(cell, number),
                )
            )
    return findings

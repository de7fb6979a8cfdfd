"""Half-cycles with many stops of the current: GITT, ICI and pulse tests told apart by how long and how high."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lirich.cycling.annotation import Annotation
from lirich.cycling.settings import CyclingSettings

_LEVELS = 1.5  # a pulse test runs at currents that differ by more than this factor


@dataclass(frozen=True, slots=True)
class Stops:
    """A half-cycle (number from 0) that is stopped often: which kind, and why."""

    half: int
    cycle: int
    direction: Literal["charge", "discharge"]
    kind: Literal["gitt", "ici", "pulse"]
    count: int
    rest_s: float
    pulse_s: float
    reason: str


def stops_of(notes: Annotation, settings: CyclingSettings) -> list[Stops]:
    """Return the half-cycles with at least ``minimum_pulses`` stops between currents of their own direction."""
    time, current = notes.points.time_s, notes.points.current_a
    if time is None or current is None:
        return []
    steps = notes.steps
    rests = np.bincount(notes.step_half[steps.sign == 0], minlength=len(notes.half_start))
    reversed_ = (steps.sign != 0) & (steps.sign != notes.half_sign[notes.step_half])
    reversals = np.bincount(notes.step_half[reversed_], minlength=len(notes.half_start))
    begin = time[np.maximum(steps.start - 1, 0)]
    length = time[steps.stop - 1] - begin
    found = []
    for half in np.flatnonzero((rests >= settings.minimum_pulses) | (reversals >= settings.minimum_pulses)):
        mine = np.flatnonzero(notes.step_half == half)
        moving = mine[steps.sign[mine] != 0]
        inner = mine[(mine > moving[0]) & (mine < moving[-1]) & (steps.sign[mine] == 0)]
        if len(inner) + 1 < settings.minimum_pulses and reversals[half] < settings.minimum_pulses:
            continue
        own = moving[steps.sign[moving] == notes.half_sign[half]]
        rest_s = float(np.median(length[inner])) if len(inner) else 0.0
        pulse_s = float(np.median(length[own]))
        levels = np.abs(current[(steps.start[own] + steps.stop[own]) // 2])
        kind, reason = _kind(len(own), int(reversals[half]), rest_s, pulse_s, levels, settings)
        found.append(
            Stops(
                int(half),
                int(notes.half_cycle[half]),
                "charge" if notes.half_sign[half] > 0 else "discharge",
                kind,
                len(inner),
                rest_s,
                pulse_s,
                reason,
            )
        )
    return found


def _kind(
    pulses: int,
    reversals: int,
    rest_s: float,
    pulse_s: float,
    levels: np.ndarray[tuple[int], np.dtype[np.float64]],
    settings: CyclingSettings,
) -> tuple[Literal["gitt", "ici", "pulse"], str]:
    usual = float(np.percentile(levels, 50, method="lower"))  # one of the levels, not the middle between two
    high = np.count_nonzero(levels > _LEVELS * usual)
    low = np.count_nonzero(levels * _LEVELS < usual)
    if reversals >= 3 or min(high + low, pulses - high - low) >= settings.minimum_pulses // 2 + 1:
        return "pulse", f"{pulses} pulses at several currents, {reversals} of the other direction"
    text = f"{pulses} pulses of {_span(pulse_s)} with stops of {_span(rest_s)}"
    if rest_s > settings.interrupt_max_s and rest_s >= settings.gitt_rest_ratio * pulse_s:
        return "gitt", text
    return "ici", text


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"

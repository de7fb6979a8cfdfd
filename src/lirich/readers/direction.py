"""Which step and cycle a row belongs to, and which way its current flows."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Severity
from lirich.model import table as std
from lirich.readers.counts import changes, never_falls, whole_numbers
from lirich.readers.draft import Draft
from lirich.readers.states import Runs, directions, runs_of


def step_names(draft: Draft) -> Runs | None:
    """Take the cycler's names of steps; return the stretches of rows that have one name, ``None`` without names."""
    if std.STEP_TYPE not in draft.raw:
        return None
    draft.out[std.STEP_TYPE] = draft.raw[std.STEP_TYPE].cast(pl.String)
    return runs_of(draft.out[std.STEP_TYPE])


def number_steps(draft: Draft, states: Runs | None) -> None:
    """Take the numbers of cycles and steps; where steps have none, count at each change of step, cycle or name."""
    for role in (std.CYCLE, std.STEP, std.STEP_INDEX):
        series = draft.raw.get(role)
        if series is None:
            continue
        if series.dtype == pl.Int64 and not series.null_count():
            draft.out[role] = series
            continue
        values = series.cast(pl.Float64, strict=False).to_numpy()
        whole = whole_numbers(values)
        if whole is not None:
            draft.out[role] = pl.Series(whole)
            continue
        odd = int(np.count_nonzero(np.isfinite(values) & ((values != np.rint(values)) | (np.abs(values) >= 2.0**63))))
        if odd:
            draft.find(
                "count-not-whole",
                f"{draft.matches[role].text!r} holds {odd} numbers that are not whole; the column was left out",
            )
            continue
        draft.out[role] = series.cast(pl.Int64, strict=False)
    if std.STEP in draft.out:
        if std.STEP_INDEX not in draft.out and not never_falls(draft.out[std.STEP]):
            draft.out[std.STEP_INDEX] = draft.out.pop(std.STEP)
            draft.matches = {**draft.matches, std.STEP_INDEX: draft.matches[std.STEP]}
        else:
            return
    if std.STEP_INDEX not in draft.out and states is None:
        return
    changed = [changes(draft.out[r]) for r in (std.CYCLE, std.STEP_INDEX) if r in draft.out]
    if states is not None:
        changed.append(states.changes())
    begins = np.append(0, np.flatnonzero(np.logical_or.reduce(changed)))
    rows = np.diff(begins, append=changed[0].size)
    draft.out[std.STEP] = pl.Series(np.repeat(np.arange(1, begins.size + 1), rows))
    draft.say(std.STEP, "counted by the reader at each change of step or cycle")


def sign_current(draft: Draft, states: Runs | None) -> NDArray[np.int8] | None:
    """Take the current, positive while it charges, and the voltage.

    Return the direction of each row, 1, −1 or 0, shape (n,): by the name of its step, else by the sign of its current;
    ``None`` where the file has neither. ``draft.direction_named`` says whether a name tells it anywhere.
    """
    voltage = draft.raw.get(std.VOLTAGE)
    if voltage is not None:
        draft.out[std.VOLTAGE] = voltage
    current = draft.raw.get(std.CURRENT)
    told: NDArray[np.int8] | None = None
    if states is not None:
        told, known, unknown = directions(states)
        draft.direction_named = bool(told.any())
        if not known.any():
            told = None
        elif unknown:
            draft.find(
                "step-type-unknown",
                "It is not known whether these steps charge or discharge: "
                + ", ".join(repr(u) for u in unknown[:6])
                + "; the sign of the current decides",
                Severity.INFO,
            )
    if current is None:
        return told
    values = current.to_numpy()
    if draft.source.positive_current:
        values = _signed_as_told(draft, values, told)
    elif told is not None:
        values = _signed(draft, values, told)
    draft.out[std.CURRENT] = pl.Series(values, nan_to_null=True)
    sign = (values > 0.0).view(np.int8) - (values < 0.0).view(np.int8)
    return sign if told is None else np.where(known, told, sign)


def _signed_as_told(
    draft: Draft, values: NDArray[np.float64], direction: NDArray[np.int8] | None
) -> NDArray[np.float64]:
    told = draft.source.positive_current
    if told == "discharge":
        draft.say(std.CURRENT, "sign turned: discharge is positive by the mapping")
        return -values
    if told == "unsigned" and direction is not None:
        draft.say(std.CURRENT, "without sign by the mapping; negative in the steps that discharge")
        return np.where(direction == -1, -np.abs(values), np.abs(values))
    return values


def _signed(draft: Draft, values: NDArray[np.float64], direction: NDArray[np.int8]) -> NDArray[np.float64]:
    size = np.abs(values)
    flowing = size > 1e-3 * np.fmax.reduce(size, initial=0.0)
    charging, discharging = flowing & (direction == 1), flowing & (direction == -1)
    up = float((values[charging] > 0).mean()) if charging.any() else None
    down = float((values[discharging] < 0).mean()) if discharging.any() else None
    if down is not None and down < 0.5 and (up is None or up > 0.5):
        draft.say(std.CURRENT, "written without sign; negative in the steps that discharge")
        return np.where(direction == -1, -size, values)
    if (up is not None and up < 0.5) and (down is None or down < 0.5):
        draft.find(
            "sign-reversed",
            "The steps that charge have negative currents: the file counts discharge as "
            "positive, and the sign was turned",
            Severity.INFO,
        )
        draft.say(std.CURRENT, "sign turned: the file counts discharge as positive")
        return -values
    return values

"""The cycler's names of steps: which of them charge, which discharge, which rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

_EXACT = {
    "c": 1, "chg": 1, "charge": 1, "cha": 1, "ch": 1, "1c": 1,
    "d": -1, "dchg": -1, "discharge": -1, "dch": -1, "dis": -1, "dc": -1,
    "r": 0, "rest": 0, "pause": 0, "pau": 0, "ocv": 0, "o": 0, "p": 0, "s": 0, "off": 0, "idle": 0, "stop": 0,
}  # fmt: skip
_DISCHARGE = ("dchg", "dchrg", "discharg", "disch", "放电", "entlad", "cc_d", "deintercal")
_CHARGE = ("chg", "chrg", "charg", "充电", "lad")
_REST = ("rest", "pause", "搁置", "静置", "ocv", "open circuit", "idle", "relax", "wait")


def direction_of(state: str) -> int | None:
    """Return 1 for a charging step, −1 for a discharging one, 0 for a rest, ``None`` for a name that says neither."""
    text = state.strip().lower()
    if text in _EXACT:
        return _EXACT[text]
    for words, value in ((_REST, 0), (_DISCHARGE, -1), (_CHARGE, 1)):
        if any(word in text for word in words):
            return value
    return None


_FEW_RUNS = 200
"""Up to so many names are taken one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Stretches of rows with one name of a step: the names (null where there is none) and their lengths, in rows."""

    names: tuple[str | None, ...]
    lengths: NDArray[np.int64]

    def changes(self) -> NDArray[np.bool_]:
        """Tell which rows have another name than the row before, shape (n,); the first one has not."""
        changed = np.zeros(int(self.lengths.sum()), dtype=np.bool_)
        changed[np.cumsum(self.lengths)[:-1]] = True
        return changed


def runs_of(states: pl.Series) -> Runs:
    """Return the stretches of a column of names."""
    if not states.null_count() and states.len():  # to compare is done at once, what `rle` does goes to Polars' threads
        other = (states.slice(1) != states.slice(0, states.len() - 1)).to_numpy()
        begins = np.concatenate(([0], np.flatnonzero(other) + 1))
        lengths = np.diff(begins, append=states.len())
        few = len(begins) <= _FEW_RUNS
        return Runs(tuple((states[row] for row in begins.tolist()) if few else states.gather(begins)), lengths)
    runs = states.rle().struct.unnest()
    return Runs(tuple(runs.get_column("value").to_list()), runs.get_column("len").to_numpy().astype(np.int64))


def directions(runs: Runs) -> tuple[NDArray[np.int8], NDArray[np.bool_], tuple[str, ...]]:
    """Return the direction of each row (0 where unknown), whether it is known, and the names that were not understood.

    Both arrays have the shape (n,).
    """
    names = {name for name in runs.names if name is not None}
    if len(names) > 1000:  # not a column of step names
        unknown = np.zeros(int(runs.lengths.sum()), dtype=np.int8)
        return unknown, unknown.astype(np.bool_), ("(more than 1000 names)",)
    known = {name: direction_of(name) for name in names}
    of_run = [None if name is None else known[name] for name in runs.names]
    direction = np.array([value or 0 for value in of_run], dtype=np.int8)
    understood = np.array([value is not None for value in of_run], dtype=np.bool_)
    return (
        np.repeat(direction, runs.lengths),
        np.repeat(understood, runs.lengths),
        tuple(sorted(name for name, value in known.items() if value is None)),
    )

"""The cycler's names of steps: which of them charge, which discharge, which rest."""

from __future__ import annotations

import numpy as np
import polars as pl

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


def directions(states: pl.Series) -> tuple[pl.Series, tuple[str, ...]]:
    """Return the direction of each row (Int8, null where unknown) and the names that were not understood."""
    runs = states.rle().struct.unnest()  # the rows of a step have one name
    names = [name for name in runs.get_column("value").unique().to_list() if name is not None]
    if len(names) > 1000:  # not a column of step names
        return pl.Series("direction", [None] * states.len(), dtype=pl.Int8), ("(more than 1000 names)",)
    known = {name: direction_of(name) for name in names}
    of_run = runs.get_column("value").replace_strict(known, default=None, return_dtype=pl.Int8)
    result = of_run.gather(np.repeat(np.arange(runs.height), runs.get_column("len").to_numpy()))
    return result.alias("direction"), tuple(sorted(name for name, value in known.items() if value is None))

"""Repairs that one file of a test has and another has not, and those that a file had when it was read before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import TYPE_CHECKING

from lirich.errors import quoted
from lirich.model import Finding, Severity, Test
from lirich.model.table import TIME
from lirich.readers.partscale import typical_interval
from lirich.readers.timescale import TOO_LARGE, TOO_SMALL

if TYPE_CHECKING:
    from lirich.store import Store

_SHORTER_BY = {f"time-{factor:.0f}x": factor for factor in TOO_LARGE} | {
    name: 1 / factor for name, factor in TOO_SMALL.items()
}
"""By how much a repair of time divides it."""


def left_as_written(store: Store, tests: Mapping[str, Test]) -> list[Finding]:
    """Say which of *tests*, just added (by path), were left in the time of their file, others of their cell were not.

    That is where their rows are nearer to as far apart as those of the others were before the repair than after it.
    """
    found = []
    cells = {cell: store.tests(cell) for cell in dict.fromkeys(test.cell for test in tests.values())}
    for path, test in tests.items():
        for name in _SHORTER_BY if test.kind == "cycling" else ():
            made = [t for t in cells[test.cell] if name in t.repairs and t.kind == "cycling"]
            if name in test.repairs or not made:
                continue
            own, other = (typical_interval(store.read_curve(t.curve, columns=[TIME])) for t in (test, made[0]))
            if own is None or other is None or abs(log(own / other / _SHORTER_BY[name])) >= abs(log(own / other)):
                continue
            why = (
                f"{name} was made for {made[0].raw.name} and not for {test.raw.name} of the same cell, which alone "
                f"does not call for it: its rows are {own:.4g} s apart, those of the other one "
                f"{other * _SHORTER_BY[name]:.4g} s before the repair and {other:.4g} s now"
            )
            found.append(_left_out(why, path, test, [name]))
    return found


def not_made_again(path: str, before: Sequence[str], test: Test) -> list[Finding]:
    """Say which of the repairs that a file had *before* are not made now, although they were asked for again."""
    lost = [name for name in before if name not in test.repairs]
    if not lost:
        return []
    names = " and ".join(lost)
    each = "does not call for it" if len(lost) == 1 else "does not call for them"
    why = f"{names} was made for {test.raw.name} when it was read before, and not now: the file alone {each}"
    return [_left_out(why, path, test, lost)]


def _left_out(why: str, path: str, test: Test, names: Sequence[str]) -> Finding:
    repairs = [*test.repairs, *(f"{name}!" for name in names)]  # those that are asked for are all that are made
    asked = " ".join(f"--repair {quoted(name)}" for name in repairs)
    return Finding(
        code="repair-left-out",
        severity=Severity.WARNING,
        message=why,
        advice=f"lirich add {quoted(path)} --cell {quoted(test.cell)} {asked}",
        where=test.cell,
    )

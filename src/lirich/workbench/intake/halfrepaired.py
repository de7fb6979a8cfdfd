"""A repair that was asked for all files of a test, and that the checks of one file did not call for."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

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


def left_as_written(store: Store, tests: Sequence[Test], repairs: Sequence[str]) -> list[Finding]:
    """Say which of *tests*, just added, were left in the time of their file where others of their cell were not.

    That is where their rows are nearer to as far apart as those of the others were before the repair than after it.
    """
    found = []
    for name in dict.fromkeys(each.removesuffix("!") for each in repairs):
        if name not in _SHORTER_BY:
            continue
        for test in tests:
            made = [t for t in store.tests(test.cell) if name in t.repairs and t.kind == "cycling"]
            if name in test.repairs or test.kind != "cycling" or not made:
                continue
            own, other = (typical_interval(store.read_curve(t.curve, columns=[TIME])) for t in (test, made[0]))
            if own is None or other is None or abs(log(own / other / _SHORTER_BY[name])) >= abs(log(own / other)):
                continue
            found.append(
                Finding(
                    code="repair-left-out",
                    severity=Severity.WARNING,
                    message=f"{name} was made for {made[0].raw.name} and not for {test.raw.name} of the same cell, "
                    f"which alone does not call for it: its rows are {own:.4g} s apart, those of the other one "
                    f"{other * _SHORTER_BY[name]:.4g} s before the repair and {other:.4g} s now",
                    advice=f"lirich add {test.raw.name} --cell {test.cell} --repair {name}!",
                    where=test.cell,
                )
            )
    return found

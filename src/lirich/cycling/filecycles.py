"""The cycles of a curve without a time axis are those that its file numbers: nothing else tells what came first."""

from __future__ import annotations

import numpy as np

from lirich.cycling.arrays import Array, Integers, Signs
from lirich.model import Finding, Severity

_PART_OF_HALF_CYCLE = 0.1
"""Of the charge of all rows of one number and direction: what is less is the noise of a figure that was read off."""


def in_cycle_order(vendor_cycle: Integers, dq_ah: Array) -> tuple[Integers | None, list[Finding]]:
    """Return the rows in the order of the file's cycles, shape (n,), ``None`` where they are in it, and what is said.

    *vendor_cycle*: the file's number of each row; *dq_ah*: signed charge, Ah; both shape (n,). Rows of one cycle keep
    their order. Numbers below 0 are no count, and those that come again (two cells, a count that starts over) no order:
    rows then stay as they are.
    """
    if vendor_cycle.min() < 0:
        return None, [
            Finding(
                code="cycle-number-negative",
                message=f"The file numbers a cycle {vendor_cycle.min()}: its numbers are no count, and cycles "
                "are taken in the order of the rows",
                advice="Number the cycles of the file from 1",
            )
        ]
    step = np.diff(vendor_cycle)
    if not (step < 0).any():
        return None, []
    start = np.append(0, np.flatnonzero(step) + 1)
    number = vendor_cycle[start]
    passed = np.stack([np.add.reduceat(np.maximum(way * dq_ah, 0.0), start) for way in (1, -1)])
    found, at = np.unique(number, return_inverse=True)
    large = [p > _PART_OF_HALF_CYCLE * np.bincount(at, weights=p)[at] for p in passed]
    again = found[np.logical_or.reduce([np.bincount(at, weights=one) > 1 for one in large])].tolist()
    if again:
        return None, [_repeated(again)]
    return np.argsort(vendor_cycle, kind="stable"), [
        Finding(
            code="cycles-not-in-order",
            severity=Severity.INFO,
            message=f"The rows come in the order of {_shown(number.tolist())}; they were put in the order "
            "of their numbers",
        )
    ]


def numbered_by_file(number: Integers, sign: Signs, opening: int, findings: list[Finding]) -> Integers | None:
    """Return the cycle of each half-cycle, from 1, by the *number* that the file gives it; all have shape (h,).

    A charge and a discharge of one number are one cycle, whichever is listed first; *opening* is the *sign* of the one
    that comes first in the cell. ``None`` where a number has two half-cycles of one direction, which is said, where the
    numbers are not in order, and where the file counts from the other half-cycle on after a first one of its own.
    """
    if (np.diff(number) < 0).any():
        return None
    found, at = np.unique(number, return_inverse=True)
    again = found[np.logical_or.reduce([np.bincount(at, weights=sign == way) > 1 for way in (1, -1)])].tolist()
    if again:
        if not any(f.code == _AGAIN for f in findings):
            findings.append(_repeated(again))
        return None
    first = np.append(0, np.flatnonzero(at[1:] != at[:-1]) + 1)
    paired = np.bincount(at)[at[first]] == 2
    turned = found[at[first][paired & (sign[first] != opening)]].tolist()
    if turned and sign[0] == opening and not paired[0]:
        return None
    if turned:
        names = ("charge", "discharge") if opening < 0 else ("discharge", "charge")
        findings.append(
            Finding(
                code="half-cycles-turned",
                message=f"In {_shown(turned)} of the file the {names[0]} stands before the {names[1]}: a curve "
                "without time does not tell which came first, and they are taken as halves of one cycle, as numbered",
                advice=f"If the test did begin with a {names[0]}, read no efficiency from it, or number it as cycle 0",
            )
        )
    return np.asarray(at + 1, dtype=np.int64)


_AGAIN = "cycle-number-repeated"


def _repeated(numbers: list[int]) -> Finding:
    return Finding(
        code=_AGAIN,
        message=f"There is more than one charge or discharge in {_shown(numbers)} of the file: the curves of several "
        "cells or figures in one table?",
        advice="Give each cell a file of its own, and each cycle a number of its own",
    )


def _shown(numbers: list[int]) -> str:
    listed = ", ".join(str(n) for n in numbers[:10]) + (", …" if len(numbers) > 10 else "")
    return f"cycle{'' if len(numbers) == 1 else 's'} {listed}"

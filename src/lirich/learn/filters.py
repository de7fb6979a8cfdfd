"""Which curves go into a matrix: named sets of rules. A curve that is left out is named, with the reason.

``anchor`` is the filter of Kim et al. (Energy Environ. Sci. 18 (2025) 4222, doi:10.1039/D4EE05222F), cell by cell in
the order of the cycles; cycle 10 is the first that counts. ``none`` keeps all. ``like`` keeps the cycles of the cell's
largest group of like cycles (same rates and limits, as the analysis found them), whose curves can be compared over a
life. ``ageing`` keeps the cycles that the protocol says are ageing.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from lirich.errors import MissingColumnError, UnknownNameError

FILTERS = ("none", "ageing", "like", "anchor")
REASON = "reason"

FIRST_CYCLE = 10
FIRST_ABOVE_MAH_G = 160.0
LOWEST_MAH_G, HIGHEST_MAH_G = 150.0, 250.0
RISE_SKIPPED = 0.025
DROP_STOPS = 0.20
_NEEDS = {"none": (), "ageing": ("segment",), "like": ("like_group",), "anchor": ("capacity_mah_g",)}


def judge(keys: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return *keys* with a column ``reason``: why a curve is left out by the filter *name*, null where it is kept.

    *keys* has a row per curve with ``cell`` and ``cycle``; ``anchor`` needs ``capacity_mah_g`` (charge of the whole
    curve), ``ageing`` ``segment``, ``like`` ``like_group``. Raises `UnknownNameError`, `MissingColumnError`.
    """
    if name not in FILTERS:
        raise UnknownNameError.of("filter of curves", name, FILTERS)
    missing = [column for column in ("cell", "cycle", *_NEEDS[name]) if column not in keys.columns]
    if missing:
        raise MissingColumnError(
            f"The filter {name!r} needs {', '.join(missing)} of each curve", advice="Use another filter"
        )
    reasons: list[str | None] = [None] * keys.height
    if name == "ageing":
        reasons = [None if s == "ageing" else f"cycle of {s or 'unknown purpose'}" for s in keys["segment"].to_list()]
    elif name == "like":
        largest = (
            keys.filter(pl.col("like_group").is_not_null())
            .group_by("cell", "like_group")
            .len()
            .sort("len", "like_group", descending=[True, False])
            .unique("cell", keep="first", maintain_order=True)
        )
        of = dict(zip(largest["cell"].to_list(), largest["like_group"].to_list(), strict=True))
        for row, (cell, group) in enumerate(keys.select("cell", "like_group").iter_rows()):
            if group is None or group != of[cell]:
                reasons[row] = "rates or limits unlike those of most cycles of its cell"
    elif name == "anchor":
        numbered = keys.with_row_index("row").sort("cell", "cycle", maintain_order=True)
        for _, part in numbered.group_by("cell", maintain_order=True):
            columns = part.select("cycle", "capacity_mah_g").iter_rows()
            for row, reason in zip(part["row"].to_list(), _anchor(columns), strict=True):
                reasons[row] = reason
    return keys.with_columns(pl.Series(REASON, reasons, dtype=pl.String))


def _anchor(curves: Iterator[tuple[int, float | None]]) -> list[str | None]:
    """Return the reason of each curve of one cell, in the order of its cycles.

    In the anchor's code a rise of 2.5 % or more is skipped before a rise of 25 % is looked for, which so never ends a
    cell: the numbers of its paper follow from that, and so does this.
    """
    reasons: list[str | None] = []
    before: float | None = None
    stopped = ""
    for cycle, capacity in curves:
        reason: str | None = None
        if stopped:
            reason = stopped
        elif cycle < FIRST_CYCLE:
            reason = f"before cycle {FIRST_CYCLE}"
        elif capacity is None or not LOWEST_MAH_G < capacity < HIGHEST_MAH_G:
            reason = f"{_shown(capacity)} is not between {LOWEST_MAH_G:g} and {HIGHEST_MAH_G:g} mAh/g"
        elif cycle == FIRST_CYCLE and capacity <= FIRST_ABOVE_MAH_G:
            reason = f"{_shown(capacity)} in cycle {FIRST_CYCLE} is not above {FIRST_ABOVE_MAH_G:g} mAh/g"
        if reason is not None:
            if cycle >= FIRST_CYCLE and not stopped:
                stopped = f"after cycle {cycle}, in which {reason}"
        elif before is not None and capacity is not None and capacity >= before * (1.0 + RISE_SKIPPED):
            reason = f"{100 * (capacity / before - 1):.1f} % more than the cycle before (from {100 * RISE_SKIPPED:g} %)"
        elif before is not None and capacity is not None and capacity < before * (1.0 - DROP_STOPS):
            reason = (
                f"{100 * (1 - capacity / before):.1f} % less than the cycle before (at most {100 * DROP_STOPS:g} %)"
            )
            stopped = f"after cycle {cycle}, with {reason}"
        else:
            before = capacity
        reasons.append(reason)
    kept = [row for row, reason in enumerate(reasons) if reason is None]
    if kept:
        reasons[kept[-1]] = "the last of its cell"
    return reasons


def _shown(capacity: float | None) -> str:
    return "an unknown capacity" if capacity is None else f"{capacity:.1f} mAh/g"

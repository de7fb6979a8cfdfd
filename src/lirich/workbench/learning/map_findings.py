"""What must be said of curves on a map: other conditions than the map's, places off it, turns that may be none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from lirich.learn.completion import LEAST_CELLS
from lirich.learn.matrix import UNITS
from lirich.learn.regimes import Trajectory
from lirich.learn.statemap import StateMap
from lirich.model import Conditions, Finding, Scalar, Severity
from lirich.model.listing import name_some

_NEAR_BREAK = 1.0
"""Cycles within which a change of regime and a break in the cycles are one."""
_INSIDE = 0.99  # share of the training curves whose distance from the map is called usual


def few_to_learn_from(model: StateMap, cells: int) -> list[Finding]:
    """Say where a map was learned from so few cells that its components are those of these cells."""
    if not model.n_curves_ or not 0 < cells < LEAST_CELLS:
        return []
    return [
        Finding(
            code="few-cells", severity=Severity.WARNING,
            message=f"Learned from {cells} cell(s), {model.n_curves_} curves: the components are those of these cells, "
            "and others may differ in other directions",
            advice=f"Add cells: {LEAST_CELLS} or more",
        )
    ]  # fmt: skip


def settled_only(cells: Sequence[str]) -> list[Finding]:
    """Say of which cells no cycle is settled."""
    if not cells:
        return []
    return [
        Finding(
            code="unsettled", severity=Severity.INFO,
            message=f"No cycle of {_some(cells)} follows one like it: the place tells of the cycle before, too",
        )
    ]  # fmt: skip


def at_breaks(ways: Mapping[str, Trajectory]) -> list[Finding]:
    """Say which cells turn where cycles are left out between: a check-up or a rest may have moved them, not ageing."""
    broken: dict[str, list[str]] = {}
    for cell, way in ways.items():
        before = way.cycle[:-1][np.diff(way.cycle) > 1.0]
        for bend in way.bends:
            near = before[(before >= bend.low - _NEAR_BREAK) & (before <= bend.high + _NEAR_BREAK)]
            if len(near):
                broken.setdefault(cell, []).append(f"{bend.cycle:.0f}")
    where = "where other cycles lie between, such as a check-up: what was done there may be the reason, not ageing"
    return _turning(
        "turns-at-a-break", broken, where, "Look at the capacity over cycles; a true regime outlasts the break"
    )


def at_rates(ways: Mapping[str, Trajectory], scores: pl.DataFrame) -> list[Finding]:
    """Say which cells turn where the rate changes: another rate moves a cell on the map, ageing or not."""
    changed: dict[str, list[str]] = {}
    for cell, way in ways.items():
        if not way.bends:
            continue
        own = scores.filter(pl.col("cell") == cell).sort("cycle").select("cycle", "rate_c").rows()
        steps = [b for (_, r), (b, q) in pairwise(own) if r and q and Conditions(rate_c=r).unlike(Conditions(rate_c=q))]
        for bend in way.bends:
            if any(bend.low - _NEAR_BREAK <= at <= bend.high + _NEAR_BREAK for at in steps):
                changed.setdefault(cell, []).append(f"{bend.cycle:.0f}")
    where = "where the rate changes: that moves a cell on the map, ageing or not"
    return _turning("turns-at-a-rate", changed, where, "Take cycles at one rate (--only settled or like)")


def _turning(code: str, cells: Mapping[str, Sequence[str]], where: str, advice: str) -> list[Finding]:
    """Say of *cells*, each with the cycles of its turns, that they turn *where* something else may be the reason."""
    if not cells:
        return []
    one = len(cells) == 1
    told = [f"{cell} (cycle {', '.join(bends)})" for cell, bends in cells.items()]
    return [
        Finding(
            code=code, severity=Severity.WARNING, where=next(iter(cells)) if one else "",
            message=f"{_some(told)} {'turns' if one else 'turn'} {where}",
            advice=advice,
        )
    ]  # fmt: skip


def curved_ways(ways: Mapping[str, Trajectory]) -> list[Finding]:
    """Say which cells move on a smooth curve, which has no regimes."""
    curved = [cell for cell, way in ways.items() if way.curved]
    if not curved:
        return []
    return [
        Finding(
            code="curved-ways", severity=Severity.INFO,
            message=f"The way of {_some(curved)} curves evenly: there is no cycle at which a regime changes",
        )
    ]  # fmt: skip


def other_rates(scores: pl.DataFrame, parameters: Mapping[str, Scalar]) -> list[Finding]:
    """Say which cells were tested at another rate than those of the map, or at an unknown one."""
    own = parameters.get("rate_c")
    if not isinstance(own, float):
        return []
    learned = Conditions(rate_c=own)
    rates = scores.group_by("cell", maintain_order=True).agg(pl.col("rate_c").median())
    found = []
    unknown = rates.filter(pl.col("rate_c").is_null())["cell"].to_list()
    if unknown:
        found.append(
            Finding(
                code="unknown-rate", severity=Severity.WARNING,
                message=f"The rate of {_some(unknown)} is not known, and the map is of {own:.3g}C: the place tells "
                "rate and state together",
            )
        )  # fmt: skip
    unlike = [cell for cell, rate in rates.drop_nulls().iter_rows() if learned.unlike(Conditions(rate_c=rate))]
    if unlike:
        found.append(
            Finding(
                code="unlike-conditions", severity=Severity.WARNING,
                message=f"{_some(unlike)} was tested at another rate than the {own:.3g}C of the map: the place "
                "tells rate and state together",
            )
        )  # fmt: skip
    return found


def off_the_map(scores: pl.DataFrame, model: StateMap) -> list[Finding]:
    """Say which cells lie farther off the map than curves that it was learned from."""
    own = scores.filter(pl.col("learned"))["off_map"]
    usual = float(own.quantile(_INSIDE) or 0.0) if len(own) else 3.0 * float(np.sqrt(model.noise_variance_))
    medians = scores.group_by("cell", maintain_order=True).agg(pl.col("off_map").median(), pl.col("learned").any())
    far = medians.filter(~pl.col("learned") & (pl.col("off_map") > usual))
    if far.is_empty():
        return []
    unit, most = UNITS[model.kind_][0], far.sort("off_map", descending=True)
    names = most["cell"].to_list()
    measure = (
        f"{100 * _INSIDE:g} % of the curves it was learned from are within" if len(own) else "three times its noise is"
    )
    return [
        Finding(
            code="off-the-map", severity=Severity.WARNING, where=names[0] if len(names) == 1 else "",
            message=f"{_some(names)} {'lies' if len(names) == 1 else 'lie'} up to {most['off_map'][0]:.2g} {unit} off "
            f"the map ({measure} {usual:.2g}): the place shows only the part that the map can show",
        )
    ]  # fmt: skip


def _some(names: Sequence[str]) -> str:
    return name_some(names, 4)

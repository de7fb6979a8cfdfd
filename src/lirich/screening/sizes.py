"""Quantities that are the size of something that goes either way: no interval below 0, and the sign told apart."""

from __future__ import annotations

from collections import defaultdict

from lirich.screening.candidate import Estimate
from lirich.screening.screened import Tried

SIZES = frozenset({"volume_change", "delithiation_strain"})
"""Quantities whose numbers leave the sign out; `Reading.where` says the way of those that have one."""
SHRINKS = "shrinks"
"""The word that `lirich.atoms.descriptors.strain` begins with where a size is that of a loss."""


def possible(key: str, figure: Estimate) -> Estimate:
    """Return *figure* with its interval cut at 0 where *key* is one of `SIZES`.

    What cannot be is cut off, and nothing else moves, so that the interval covers as often as before.
    """
    if key not in SIZES or figure.low is None or figure.low >= 0:
        return figure
    return figure.model_copy(update={"low": 0.0})


def signed_sizes(tried: Tried, key: str) -> dict[int, list[float]]:
    """Return the numbers of one of `SIZES` by ordering (from 0), negative where their words say that it shrinks.

    Those whose words name no way are left out.
    """
    found: dict[int, list[float]] = defaultdict(list)
    for r in tried.readings:
        if r.quantity == key and r.value is not None and r.where:
            found[tried.cells[r.cell].ordering].append(-r.value if r.where.startswith(SHRINKS) else r.value)
    return dict(sorted(found.items()))

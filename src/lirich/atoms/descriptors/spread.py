"""How sure a number is: its spread over orderings, sites, seeds and calculators.

The interval is Student's, of the mean of independent results (Student, Biometrika 6 (1908) 1, doi:10.2307/2331554).
Results of one ordering share its host, so the results of an ordering are averaged first and the orderings are what
counts; with one ordering alone its sites are what counts, and the interval says so. One result has no interval: how far
off it is cannot be told from it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from scipy.stats import t as student

from lirich.errors import NotEnoughDataError
from lirich.model import Frozen

T = TypeVar("T")


class Spread(Frozen):
    """A mean with its interval; ``count`` is from how many results, ``over`` what they differ in.

    ``low`` and ``high`` are ``None`` where there is one result; ``level`` is the nominal coverage.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    over: str
    level: float


def spread(values: Sequence[float], over: str, *, level: float = 0.9) -> Spread:
    """Return mean and interval of independent *values*: mean ± t(level, n − 1)·s/√n.

    Raises `lirich.errors.NotEnoughDataError` without a value.
    """
    if not values:
        raise NotEnoughDataError("No value to take the mean of", expected="one result at least")
    numbers = np.asarray(values, dtype=float)
    mean = float(numbers.mean())
    if len(numbers) == 1:
        return Spread(value=mean, low=None, high=None, count=1, over=over, level=level)
    half = float(student.ppf(0.5 + level / 2, len(numbers) - 1) * numbers.std(ddof=1) / np.sqrt(len(numbers)))
    return Spread(value=mean, low=mean - half, high=mean + half, count=len(numbers), over=over, level=level)


def spread_by_ordering(
    results: Iterable[tuple[Hashable, float]], *, level: float = 0.9, within: str = "sites"
) -> Spread:
    """Return the spread of values that belong to orderings: over the means of the orderings, if there are two.

    Each result is the ordering (or any other group: the seed, the calculator) and the value. Of one ordering alone the
    interval is over its results, which differ in what *within* says.
    """
    groups: dict[Hashable, list[float]] = {}
    for ordering, value in results:
        groups.setdefault(ordering, []).append(value)
    if len(groups) == 1:
        return spread(next(iter(groups.values())), f"{within} of one ordering", level=level)
    return spread([float(np.mean(group)) for group in groups.values()], "orderings", level=level)


def paired(
    doped: Iterable[T], host: Iterable[T], key: Callable[[T], Hashable], value: Callable[[T], float]
) -> list[tuple[Hashable, float]]:
    """Return the differences doped − host of results with the same *key*; those without a partner are left out."""
    partners = {key(each): value(each) for each in host}
    return [(key(each), value(each) - partners[key(each)]) for each in doped if key(each) in partners]

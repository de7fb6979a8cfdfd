"""Figures with intervals from what runs gave: how far orderings scatter, and how far calculators differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean, stdev, variance

from scipy.special import stdtrit

from lirich.screening.candidate import LEVEL, Estimate

Run = tuple[int, str]
"""Ordering and calculator."""


def estimate(runs: Mapping[Run, float], doubts: tuple[str, ...] = ()) -> Estimate:
    """Return the mean over calculators of their means over orderings, with its interval; one run has none.

    Two calculators on one ordering are not two orderings: they share its accident, and what they differ by is no
    scatter of orderings. So the variance of the mean has two parts, which add (JCGM 100:2008, the GUM, section 5.1):

    - of the orderings: s²/n of the means of each calculator, averaged over the calculators. More calculators do not
      make it smaller, since all see the same orderings.
    - of the calculators: s²/n of their means.

    The interval is that of Student's t with the degrees of freedom of Welch and Satterthwaite (GUM, annex G.4): of one
    calculator plain Student's t over its orderings. ``count`` is the number of orderings, or that of calculators
    where these are more. ``doubts`` go along.
    """
    by_calculator: dict[str, list[float]] = defaultdict(list)
    for (_, calculator), value in runs.items():
        by_calculator[calculator].append(value)
    means = [fmean(values) for values in by_calculator.values()]
    mean = fmean(means)
    repeated = [values for values in by_calculator.values() if len(values) > 1]
    parts: list[tuple[float, int]] = []
    if repeated:
        scatter = fmean(variance(values) / len(values) for values in repeated)
        parts.append((scatter, min(map(len, repeated)) - 1))
    if len(means) > 1:
        parts.append((stdev(means) ** 2 / len(means), len(means) - 1))
    if not parts:
        return Estimate(value=mean, doubts=doubts)
    whole = sum(part for part, _ in parts)
    error = whole**0.5
    spread = sum(part**2 / freedom for part, freedom in parts)
    half = float(stdtrit(whole**2 / spread, (1 + LEVEL) / 2)) * error if spread > 0 else 0.0
    count = max(len({ordering for ordering, _ in runs}), len(means))
    return Estimate(value=mean, low=mean - half, high=mean + half, count=count, doubts=doubts, standard_error=error)


def lowest(figures: Mapping[str, Estimate], lacking: tuple[str, ...] = ()) -> Estimate:
    """Return the figure that decides of several of one quantity, one of each metal: the lowest.

    Its interval goes from the lowest lower end to the lowest upper end, so that a gate that must be sure is sure of
    every metal. ``of`` says which metal it is, ``taken`` of which it is the lowest. ``lacking`` are doubts about metals
    without a figure.
    """
    metal, figure = min(figures.items(), key=lambda item: (item[1].value, item[0]))
    doubts = tuple(dict.fromkeys((*(d for each in figures.values() for d in each.doubts), *lacking)))
    changed: dict[str, object] = {"of": metal, "doubts": doubts}
    if len(figures) > 1:
        among = f"the {'lower' if len(figures) == 2 else 'lowest'} of {' and '.join(sorted(figures))}"
        changed["taken"] = "; ".join(filter(None, (among, figure.taken)))
    if figure.low is not None and figure.high is not None:
        changed["low"] = min(each.low for each in figures.values() if each.low is not None)
        changed["high"] = min(each.high for each in figures.values() if each.high is not None)
    return figure.model_copy(update=changed)

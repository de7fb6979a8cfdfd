"""The figures of a screening, from its result to the plots."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations, count
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np

from lirich.model import Origin
from lirich.model.format import format_signed_span
from lirich.plots import periodic
from lirich.plots import screening as plots
from lirich.plots.crystals import crystal as draw_crystal
from lirich.quantities import QUANTITIES
from lirich.screening.candidate import LEVEL, Candidate, Estimate
from lirich.screening.ranking import pareto_front

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.screening.asked import Asked
    from lirich.screening.judgement import Judgement
    from lirich.screening.screened import Built
    from lirich.workbench.screening.result import ScreenResult

MOST_SCORES = 25
"""So many places are drawn."""
MOST_PREDICTED = 20
"""So many predicted scores are drawn, the best; the periodic table and ``--json`` have all."""
MOST_PAIRS = 3
"""So many pairs of weighted quantities are drawn against each other, those of the largest weights."""


def figures_of(result: ScreenResult) -> list[Figure]:
    """Return periodic table, scores, funnel and the pairs of quantities; what there is nothing of is left out."""
    judged = result.judged
    told = [p for p in result.predicted.places if p.score is not None][:MOST_PREDICTED]
    spots = [plots.Spot(p.name, p.score.value, p.score.low, p.score.high) for p in told if p.score is not None]
    return [
        periodic.periodic_table(_tiles(result)),
        *judgement_figures(judged, judged.screened.study, judged.reference),
        *([plots.scores(spots, level=LEVEL, origin=Origin.PREDICTED)] if spots else []),
    ]


def judgement_figures(
    judged: Judgement,
    asked: Asked,
    reference: Mapping[str, Estimate],
    *,
    zero: str = "undoped",
    over: str = "orderings and calculators",
    shown: Collection[str] | None = None,
    origin: Origin = Origin.COMPUTED,
) -> list[Figure]:
    """Return scores (of the first `MOST_SCORES`), funnel and pairs of the weighted quantities of any screening.

    *asked* is its study, which says what is weighed and which way is better; *reference* is drawn in the pairs, *zero*
    says what scores 0, *over* what the intervals are over. *shown* names the candidates that are drawn in the pairs,
    which then carry their ranks in place of their names; all by default. *origin* is the origin of all figures,
    ``Origin.MEASURED`` where they are of several and no figure says which.
    """
    drawn = []
    ranking = judged.ranking
    if ranking is not None:
        spots = [plots.Spot(p.name, p.score, p.score_low, p.score_high) for p in ranking.places[:MOST_SCORES]]
        drawn.append(plots.scores(spots, level=LEVEL, zero=zero, origin=origin))
    if judged.funnel.stages:
        gates = [stage.gate for stage in judged.funnel.stages]
        short = [g.words.replace(QUANTITIES[g.quantity].name, QUANTITIES[g.quantity].symbol, 1) for g in gates]
        drawn.append(plots.funnel(judged.funnel.counts, ["candidates", *short]))
    keys = sorted(asked.weights, key=lambda key: -abs(asked.weights[key]))
    for x, y in list(combinations(keys, 2))[:MOST_PAIRS]:
        figure = _pair(judged, asked, x, y, reference, shown, over, origin)
        if figure is not None:
            drawn.append(figure)
    return drawn


def crystal_figures(result: ScreenResult, name: str | None = None, most: int = 1) -> list[Figure]:
    """Return projections of the cells that were computed: of a candidate, of the undoped material without a name."""
    tried = result.judged.screened.host if name is None else result.judged.tried(name)
    return [
        _drawn(cell, f"{tried.name}: {cell.formula}, ordering {cell.ordering + 1}")
        for cell in tried.cells[:most]
        if cell.crystal is not None
    ]


def _drawn(cell: Built, title: str) -> Figure:
    assert cell.crystal is not None
    c = cell.crystal
    lattice = np.array(c.lattice_a)
    return draw_crystal(
        np.array(c.positions) @ lattice,
        lattice,
        c.elements,
        c.layers,
        dopants=[i for i, role in enumerate(c.roles) if role == "dopant"],
        normal=np.cross(lattice[0], lattice[1]).tolist(),
        title=title,
    )


def _tiles(result: ScreenResult) -> list[periodic.Tile]:
    found = []
    for candidate, row in result.rows:
        tried = result.judged.tried(candidate.name)
        score = row["score"]
        reason = row["reasons"][0] if row["reasons"] else ""
        elements = tuple(dict.fromkeys(tried.elements))
        found.append(periodic.Tile(elements, None if score is None else float(score), f"{candidate.name}: {reason}"))
    for place in result.predicted.places:
        if place.score is not None:
            words = f"{place.name}: {format_signed_span(place.score.low, place.score.high, decimals=2)}"
            words += f", would fall at {place.falls_at}" if place.falls_at else ""
            found.append(periodic.Tile((place.ion.element,), place.score.value, words, predicted=True))
    return found


def _pair(
    judged: Judgement,
    asked: Asked,
    x: str,
    y: str,
    known: Mapping[str, Estimate],
    shown: Collection[str] | None,
    over: str,
    origin: Origin,
) -> Figure | None:
    both = [c for c in judged.candidates if x in c.figures and y in c.figures and (shown is None or c.name in shown)]
    if len(both) < 2:
        return None
    through = [c for c in both if c.name in judged.funnel.survivors]
    better = {key: asked.towards(key) for key in (x, y)}
    signs = np.array([-1.0 if better[key] == "lower" else 1.0 for key in (x, y)])
    front: list[str] = []
    if through:
        values = np.array([[c.figures[x].value, c.figures[y].value] for c in through]) * signs
        front = [c.name for c, on in zip(through, pareto_front(values), strict=True) if on]
    fallen = [c.name for c in both if c.name not in judged.funnel.survivors]
    pairs = [(_spot(c, x), _spot(c, y)) for c in both]
    here = [known[k].value if k in known else 0.0 if "_change_" in k else None for k in (x, y)]
    reference = (here[0], here[1]) if here[0] is not None and here[1] is not None else None
    places = [] if judged.ranking is None else judged.ranking.places
    ranks = None if shown is None else {p.name: p.rank for p in places}
    labels = _labels(judged) if shown is None else None
    return plots.against(
        x,
        y,
        pairs,
        front=front,
        fallen=fallen,
        reference=reference,
        better=better,
        ranks=ranks,
        labels=labels,
        over=over,
        origin=origin,
    )


def _labels(judged: Judgement) -> dict[str, str]:
    """Return what each candidate is called beside its point: its rank, a letter where it has none."""
    names = [candidate.name for candidate, _ in judged.rows]
    ranked = [] if judged.ranking is None else judged.ranking.order
    letters = (f"{letter}{turn or ''}" for turn in count() for letter in ascii_lowercase)
    unranked = [name for name in names if name not in ranked]
    return {n: str(i) for i, n in enumerate(ranked, start=1)} | dict(zip(unranked, letters, strict=False))


def _spot(candidate: Candidate, key: str) -> plots.Spot:
    figure = candidate.figures[key]
    return plots.Spot(candidate.name, figure.value, figure.low, figure.high)

"""The figures of a screening of coatings, by the section of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lirich.screening.coatings import LAYERS
from lirich.workbench.screening.figures import judgement_figures
from lirich.workbench.solids.solid_figures import Row, solid_map, solid_stack, solid_windows

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.screening.solids_found import Layer
    from lirich.workbench.solids.coatings_result import CoatingsResult

MOST_BEST = 12
MOST_FALLEN = 20
"""So many of the best, and of those that the study names and that fell, are drawn."""
DISCHARGED_V = 2.0
"""Lowest potential of a Li-rich cathode in use: the start of the shaded range."""


def figures_by_section(result: CoatingsResult) -> dict[str, list[Figure]]:
    """Return the figures of ``answer``, ``ranking``, ``neighbours``, ``windows``, ``funnel`` and ``trade-offs``.

    What there is nothing of is an empty list.
    """
    judged = result.judged
    study = judged.found.study
    places = () if judged.ranking is None else judged.ranking.places
    first = [p.name for p in places if LAYERS not in p.name][:MOST_BEST]
    shown = {*first, *judged.found.named}
    drawn = judgement_figures(
        judged,
        study,
        {},  # the bare contact lies so far off that it would squeeze all others: it is in the words and the map
        zero="does nothing",
        over="the errors of the energies; energies end at 0",
        shown=shown,
    )
    scores = [f for f in drawn if f.title == "Scores"]
    funnel = [f for f in drawn if f.title == "Funnel"]
    return {
        "answer": _stacks(result),
        "ranking": scores,
        "neighbours": _maps(result),
        "windows": _windows(result),
        "funnel": funnel,
        "trade-offs": [f for f in drawn if f not in (*scores, *funnel)],
    }


def best_names(result: CoatingsResult) -> list[str]:
    """Return the names of the best that are drawn."""
    ranking = result.judged.ranking
    return [] if ranking is None else ranking.order[:MOST_BEST]


def fallen_names(result: CoatingsResult) -> list[str]:
    """Return those that the study names itself, that have no rank, and that did not fail."""
    found = result.judged.found
    named = {*found.named, *(double.name for double in found.study.double_layers)}
    return [
        c.name for c, row in result.rows if c.name in named and row["rank"] is None and not _failed(result, c.name)
    ][:MOST_FALLEN]


def _failed(result: CoatingsResult, name: str) -> bool:
    layers = result.judged.layers_of(name)
    joined = [j for j in result.judged.found.joined if f"{j.inside}{LAYERS}{j.outside}" == name]
    return any(layer.failure for layer in layers) or any(j.failure for j in joined)


def _stacks(result: CoatingsResult) -> list[Figure]:
    """Return the best single coating and the best double layer between the cathode and the first electrolyte."""
    ranking = result.judged.ranking
    order = [] if ranking is None else ranking.order
    kinds = ([n for n in order if LAYERS not in n], [n for n in order if LAYERS in n])
    return [candidate_stack(result, names[0]) for names in kinds if names]


def candidate_stack(result: CoatingsResult, name: str, voltage: float | None = None) -> Figure:
    """Return a candidate in its place: cathode, its layers, the first electrolyte, and what would be without it."""
    found = result.judged.found
    study = found.study
    bare = found.bare[0].contacts if found.bare else ()
    return solid_stack(
        study.cathode,
        name.split(LAYERS),
        _electrolyte(result),
        result.judged.contacts_of(name),
        bare=[c for c in bare if c.neighbour == "cathode"],
        voltage=voltage,
        title=f"{name.replace(LAYERS, ' | ')} between cathode and electrolyte",
    )


def _electrolyte(result: CoatingsResult) -> str:
    found = result.judged.found
    return found.bare[0].formula if found.bare else found.study.electrolytes[0]


def _maps(result: CoatingsResult) -> list[Figure]:
    """Return the map of the best, the named that fell, and the bare contact: closed, and at the voltage."""
    judged = result.judged
    study = judged.found.study
    ranks = {} if judged.ranking is None else {p.name: p.rank for p in judged.ranking.places}
    rows = [Row(f"{ranks[name]}. {name}", judged.contacts_of(name)) for name in best_names(result)]
    rows += [Row(f"× {name}", judged.contacts_of(name)) for name in fallen_names(result)]
    rows += [Row(f"bare {layer.formula}", layer.contacts) for layer in judged.found.bare if not layer.failure]
    if not rows:
        return []
    return [solid_map(rows, voltage=voltage, cathode=study.cathode) for voltage in (None, study.voltage)]


def _windows(result: CoatingsResult) -> list[Figure]:
    judged = result.judged
    study = judged.found.study
    layers: dict[str, Layer] = {}
    for name in (*best_names(result), *fallen_names(result)):
        layers |= {layer.formula: layer for layer in judged.layers_of(name) if not layer.failure}
    there = [*layers.values(), *(layer for layer in judged.found.bare if not layer.failure)]
    return [solid_windows(there, (DISCHARGED_V, study.voltage))] if there else []

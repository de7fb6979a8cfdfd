"""The answer of a screening of coatings in words: which one, why, what else, and why not the known ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from lirich.model.format import format_number
from lirich.model.listing import name_some
from lirich.quantities import QUANTITIES
from lirich.screening.coatings import LAYERS
from lirich.screening.coatings_judged import reaction_words
from lirich.screening.gates import Gate
from lirich.screening.solids_found import (
    ALONE,
    CATHODE,
    CATHODE_AT_VOLTAGE,
    CONDUCTIVITY,
    ELECTROLYTE,
    ELECTROLYTE_AT_VOLTAGE,
    OXIDATION,
    REDUCTION,
    Contacted,
)

if TYPE_CHECKING:
    from lirich.screening.candidate import Candidate
    from lirich.screening.ranking import Ranked
    from lirich.workbench.solids.coatings_result import CoatingsResult

MOST_RIVALS = 5
"""So many of those that may be first too are named, and so many of the next."""
MOST_PICKS = 8
MOST_FALLEN = 20


def answer_of(result: CoatingsResult) -> tuple[str, ...]:
    """Return sentences: the first, its contacts and the bare one, a double layer, picks, the named ones that fell."""
    judged = result.judged
    study = judged.found.study
    between = f"between {study.cathode} and {' and '.join(study.electrolytes)} up to {study.voltage:g} V"
    ranking = judged.ranking
    if ranking is None:
        return (f"No coating {between}: {judged.no_ranking}.", *_fallen(result))
    gated = " that came through the gates" if judged.funnel.stages else " ranked"
    said = [_first(ranking.places, between, gated, len(judged.candidates)), *_why(result, ranking.places[0])]
    said += _others(ranking.places)
    clusters = result.clusters
    if not isinstance(clusters, str) and len(clusters.clusters) > 1:
        picks = ", ".join(clusters.picks[:MOST_PICKS])
        said.append(f"Unlike kinds to try, the best of each of {len(clusters.clusters)} clusters: {picks}.")
    return (*said, *_fallen(result))


def _first(places: Sequence[Ranked], between: str, gated: str, of: int) -> str:
    first, *others = places
    rivals = [p.name for p in others if p.rank_low <= 1]
    often = f"{first.first_share:.0%}" if first.first_share >= 0.01 else "fewer than 1 %"
    text = (
        f"Which coating {between}? {first.name} is first of {len(places)}{gated}, of {of} "
        f"candidates; in {often} of the draws"
    )
    if rivals:
        text += f"; {name_some(rivals, MOST_RIVALS)} may be first too"
    return text + "."


def _why(result: CoatingsResult, place: Ranked) -> list[str]:
    judged = result.judged
    candidate = judged.candidate(place.name)
    contacts = judged.contacts_of(place.name)
    told = [reaction_words(_worst([c for c in contacts if c.quantity == key])) for key in (CATHODE, ELECTROLYTE)]
    said = [f"{place.name}: worst contacts {'; '.join(told)}.", *_open(contacts)]
    limits = [
        words
        for key, words in (
            (REDUCTION, "reduced below {:.2f} V"),
            (OXIDATION, "oxidised above {:.2f} V"),
        )
        if key in candidate.figures
        for words in [words.format(candidate.figures[key].value)]
    ]
    alone = candidate.figures[ALONE].value if ALONE in candidate.figures else None
    if alone is not None:
        voltage = judged.found.study.voltage
        limits.append(
            f"at {voltage:g} V it would not decompose"
            if alone > -1
            else f"at {voltage:g} V it would gain {-alone:.0f} meV/atom by decomposing, if Li and electrons get out"
        )
    said.append(f"Alone it is {', '.join(limits)}.")
    said.append(_conduction(result, place.name))
    for layer in judged.found.bare:
        closed = [c for c in layer.contacts if c.quantity == CATHODE]
        said.append(f"Without a coating {layer.formula} reacts {reaction_words(_worst(closed))}.")
    return said


def _open(contacts: Sequence[Contacted]) -> list[str]:
    """Say the same contacts with lithium free at the voltage, which the rank does not hold."""
    worst = [
        _worst(there)
        for key in (CATHODE_AT_VOLTAGE, ELECTROLYTE_AT_VOLTAGE)
        if (there := [c for c in contacts if c.quantity == key])
    ]
    if not worst:
        return []
    told = "; ".join(
        f"with {'the cathode' if c.neighbour == 'cathode' else c.name} "
        f"{format_number(c.energy.value, decimals=0)} meV/atom"
        for c in worst
    )
    return [
        f"If lithium could leave at {worst[0].voltage:g} V, {told}: no part of the rank, since a layer that conducts "
        "no electrons keeps that potential from what lies behind it."
    ]


def _conduction(result: CoatingsResult, name: str) -> str:
    """Say what is known of how it conducts, which no equilibrium tells."""
    figure = result.judged.candidate(name).figures.get(CONDUCTIVITY)
    if figure is None:
        return (
            f"How well {name} conducts lithium is not known here and no part of the rank: a layer of a poor conductor "
            "must be a few nanometres thin."
        )
    return f"{name} conducts {figure.value:.1e} S/cm (measured, OBELiX), which is no part of the rank."


def _worst(contacts: Sequence[Contacted]) -> Contacted:
    return min(contacts, key=lambda c: c.energy.value)


def _others(places: Sequence[Ranked]) -> list[str]:
    """Name the next single layers and the best double layer, each with its rank."""
    rest = places[1:]
    singles = [f"{p.name} ({p.rank})" for p in rest if LAYERS not in p.name][:MOST_RIVALS]
    doubles = [f"{p.name} ({p.rank})" for p in places if LAYERS in p.name][:1]
    said = [f"The next single layers, with their ranks: {', '.join(singles)}."] if singles else []
    return said + [f"The best double layer (cathode side | electrolyte side): {name}." for name in doubles]


def _fallen(result: CoatingsResult) -> list[str]:
    """Say why the coatings that the study names did not come through, or have no rank."""
    judged = result.judged
    named = {*judged.found.named, *(d.name for d in judged.found.study.double_layers)}
    unranked = [c.name for c, row in result.rows if c.name in named and not row["fell_at"] and row["rank"] is None]
    gates = {gate.words: gate for gate in judged.found.study.gates}
    lines = [
        f"{candidate.name} ({_short(gates[str(row['fell_at'])], candidate)})"
        for candidate, row in result.rows
        if candidate.name in named and row["fell_at"]
    ]
    said = []
    if lines:
        fell = name_some(lines, MOST_FALLEN, between="; ")
        said.append(f"Of the coatings that the study names there fell: {fell}.")
    if unranked:
        said.append(f"Not ranked, for lack of a number: {name_some(unranked, MOST_FALLEN)}.")
    unsure = _unsure(result, named)
    return [*said, unsure] if unsure else said


def _unsure(result: CoatingsResult, named: Collection[str]) -> str:
    """Say which of the named coatings went on only since they cannot be told from a limit, with their ranks."""
    unsure = {name for stage in result.judged.funnel.stages for name in stage.unsure}
    places = [p for p in map(result.place, named) if p is not None and p.name in unsure]
    ranks = ", ".join(f"{p.name} ({p.rank})" for p in sorted(places, key=lambda p: p.rank)[:MOST_FALLEN])
    return f"Ranked, though the value fails a gate by less than its error bar: {ranks}." if ranks else ""


def _short(gate: Gate, candidate: Candidate) -> str:
    known = QUANTITIES[gate.quantity]
    figure = candidate.figures.get(gate.quantity)
    if figure is None:
        return f"{known.name} unknown"
    narrowly = ", narrowly" if gate.narrowly(candidate) else ""
    return f"{known.name} {format_number(figure.value, significant=3)} {known.unit}{narrowly}"

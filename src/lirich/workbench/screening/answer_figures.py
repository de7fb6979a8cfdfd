"""The figures of a screening of electrolytes or additives, by the section of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lirich.model import Origin
from lirich.screening.solids_found import Contacted, Layer
from lirich.workbench.screening.figures import judgement_figures
from lirich.workbench.solids.solid_figures import Row, electrolyte_stack, solid_map, solid_windows

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.screening.answer import ScreenAnswer

MOST_BEST, MOST_DRAWN = 6, 28
"""So many of the best, beside the picks of the groups and those that the study names, and so many in all are drawn."""
_OVER = {"electrolytes": "repeated measurements and the errors of the energies"}
DISCHARGED_V = 2.0
"""Lowest potential of a Li-rich cathode in use: the start of the shaded range."""


def layers_of(answer: ScreenAnswer) -> dict[str, Layer]:
    """Return the solids of an answer by their names; none of a table of molecules."""
    found = {}
    for each in answer.details.get("electrolytes", ()):
        candidate = answer.judgement.candidate(each["name"])
        without = "" if each["contacts"] else f"a {each['class'] or 'candidate'} without energies"
        found[candidate.name] = Layer(
            formula=candidate.name,
            figures=candidate.figures,
            missing=candidate.missing,
            contacts=tuple(Contacted.model_validate(c) for c in each["contacts"]),
            becomes=each["becomes"],
            grade=each["grade"],
            coverage=next((n.partition(": ")[2] for n in candidate.notes if n.startswith("coverage ")), ""),
            failure=each["failure"] or without,
        )
    return found


def named_of(answer: ScreenAnswer) -> list[str]:
    """Return the candidates that the study names itself, polymers last."""
    study: dict[str, Any] = answer.study.model_dump()
    return [each["formula"] for key in ("electrolytes", "polymers") for each in study.get(key, ())]


def shown_names(answer: ScreenAnswer) -> list[str]:
    """Return the names that are drawn: the best, the pick of each group, and those that the study names."""
    ranking = answer.judgement.ranking
    best = [] if ranking is None else ranking.order[:MOST_BEST]
    picks = answer.groups.clusters.picks if answer.groups.clusters else []
    ranks = {} if ranking is None else {p.name: p.rank for p in ranking.places}
    names = list(dict.fromkeys((*best, *picks, *named_of(answer))))[:MOST_DRAWN]
    return sorted(names, key=lambda name: ranks.get(name, len(ranks) + 1))


def figures_by_section(answer: ScreenAnswer) -> dict[str, list[Figure]]:
    """Return the figures of ``answer``, ``ranking``, ``neighbours``, ``windows``, ``funnel`` and ``trade-offs``.

    What there is nothing of is an empty list.
    """
    study: dict[str, Any] = answer.study.model_dump()
    shown = {c.name for c in answer.judgement.candidates} if len(answer.rows) <= MOST_DRAWN else None
    ranked = {p.name for p in answer.judgement.ranking.places} if answer.judgement.ranking else set()
    drawn = judgement_figures(
        answer.judgement,
        answer.study,
        {},
        shown=shown or {*ranked, *shown_names(answer)},
        zero=study.get("reference") or "the reference",
        over=_OVER.get(answer.kind, "what the table gives as uncertainty"),
        origin=Origin.MEASURED,
    )
    scores = [f for f in drawn if f.title == "Scores"]
    funnel = [f for f in drawn if f.title == "Funnel"]
    found: dict[str, list[Figure]] = {
        "answer": [],
        "ranking": scores,
        "neighbours": [],
        "windows": [],
        "funnel": funnel,
        "trade-offs": [f for f in drawn if f not in (*scores, *funnel)],
    }
    solids = {name: layer for name, layer in layers_of(answer).items() if not layer.failure}
    return found | _of_solids(answer, solids) if solids else found


def _of_solids(answer: ScreenAnswer, solids: dict[str, Layer]) -> dict[str, list[Figure]]:
    details = answer.details
    ranking = answer.judgement.ranking
    ranks = {} if ranking is None else {p.name: p.rank for p in ranking.places}
    shown = [solids[name] for name in shown_names(answer) if name in solids]
    rows = [
        Row(f"{ranks[each.formula]}. {each.formula}" if each.formula in ranks else f"× {each.formula}", each.contacts)
        for each in shown
    ]
    cathode, voltage, anode = str(details["cathode"]), float(details["voltage"]), details["anode"]
    first = next((name for name in ([] if ranking is None else ranking.order) if name in solids), None)
    stacks = [] if first is None else [electrolyte_stack(cathode, first, anode, solids[first].contacts)]
    if not rows:
        return {"answer": stacks}
    maps = [solid_map(rows, voltage=None, cathode=cathode)]
    at_voltage = [Row(row.name, [c for c in row.contacts if c.voltage == voltage]) for row in rows]
    if any(row.contacts for row in at_voltage):
        maps.append(solid_map(at_voltage, voltage=voltage, cathode=cathode))
    return {"answer": stacks, "neighbours": maps, "windows": [solid_windows(shown, (DISCHARGED_V, voltage))]}

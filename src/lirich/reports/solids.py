"""What the pages of screened solids have in common: rows, what fell, clusters, coverage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from lirich.interfaces.clusters import Clusters
from lirich.model.format import format_number, format_signed, format_signed_span
from lirich.quantities import QUANTITIES
from lirich.screening.candidate import Candidate
from lirich.screening.judgement import Judgement
from lirich.screening.reasons import figure_words
from lirich.screening.solids_found import Layer

_EXAMPLES = 5
"""So many solids of a grade are named."""


def rows_of(
    judged: Judgement, shown: Collection[str], contacts: Callable[[str], Sequence[str]]
) -> list[dict[str, Any]]:
    """Return each candidate in the order of a page; figures and *contacts* (in words) of those that are *shown*."""
    return [_row(judged, candidate, row, candidate.name in shown, contacts) for candidate, row in judged.rows]


def _row(
    judged: Judgement,
    candidate: Candidate,
    row: Mapping[str, Any],
    shown: bool,
    contacts: Callable[[str], Sequence[str]],
) -> dict[str, Any]:
    place = judged.place(candidate.name)
    unsure = place is not None and place.rank_low != place.rank_high
    return {
        "name": candidate.name,
        "rank": "" if place is None else str(place.rank),
        "ranks": f"{place.rank_low}–{place.rank_high}" if place is not None and unsure else "",
        "score": "" if place is None else format_signed(place.score, decimals=2),
        "interval": "" if place is None else format_signed_span(place.score_low, place.score_high, decimals=2),
        "fell_at": row["fell_at"],
        "reasons": row["reasons"],
        "notes": candidate.notes,
        "figures": [(QUANTITIES[k].name, figure_words(k, f)) for k, f in candidate.figures.items()] if shown else [],
        "missing": [(QUANTITIES[k].name, why) for k, why in candidate.missing.items()] if shown else [],
        "contacts": contacts(candidate.name) if shown else [],
    }


def stages_of(judged: Judgement) -> list[dict[str, Any]]:
    """Return each gate with how many came to it and through it, and why it is there."""
    return [
        {"words": s.gate.words, "left": len(s.passed), "entered": s.entered, "because": s.gate.because}
        for s in judged.funnel.stages
    ]


def fallen_groups(judged: Judgement, rows: Sequence[Mapping[str, Any]], named: Collection[str]) -> list[dict[str, Any]]:
    """Return what has no rank: those that the study names first, then the others by the gate that they fell at."""
    without = [row for row in rows if not row["rank"]]
    groups = [{"words": "named by the study", "rows": [row for row in without if row["name"] in named]}]
    others = [row for row in without if row["name"] not in named]
    for words in (*(s.gate.words for s in judged.funnel.stages), ""):
        here = [row for row in others if row["fell_at"] == words]
        groups.append({"words": f"fell at {words}" if words else "came through without a rank", "rows": here})
    return [group for group in groups if group["rows"]]


def grades_of(layers: Iterable[Layer]) -> list[dict[str, Any]]:
    """Return how many solids have each grade of coverage, with examples, and those that could not be computed."""
    there = list(layers)
    found = []
    for grade in sorted({layer.grade for layer in there if layer.grade and not layer.failure}):
        of = [layer for layer in there if layer.grade == grade and not layer.failure]
        why = of[0].coverage if grade != "A" else ""
        names = [layer.formula for layer in of[:_EXAMPLES]]
        found.append({"grade": grade, "count": len(of), "names": names, "why": f"{names[0]}: {why}" if why else ""})
    failed = [layer for layer in there if layer.failure]
    if failed:
        names = [layer.formula for layer in failed[:_EXAMPLES]]
        why = f"{names[0]}: {failed[0].failure}"
        found.append({"grade": "not computed", "count": len(failed), "names": names, "why": why})
    return found


def cluster_rows(clusters: Clusters | None) -> list[dict[str, Any]]:
    """Return the groups with the mean of each descriptor in words."""
    return [
        {
            "pick": c.pick,
            "members": c.members,
            "centre": ", ".join(
                f"{QUANTITIES[k].name} {format_number(v, significant=3)} {QUANTITIES[k].unit}".rstrip()
                for k, v in c.centre.items()
            ),
        }
        for c in (clusters.clusters if clusters else ())
    ]

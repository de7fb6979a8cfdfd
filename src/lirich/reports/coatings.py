"""The page of a screening of coatings: the answer, the ranking with reasons, contacts, what fell, method and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lirich.quantities import QUANTITIES
from lirich.reports.html import FigureBook, page_parts, templates
from lirich.screening.candidate import LEVEL
from lirich.screening.coatings_judged import reaction_words
from lirich.screening.reasons import figure_words

if TYPE_CHECKING:
    from lirich.workbench.coatings_result import CoatingsResult


def coatings_report(result: CoatingsResult) -> str:
    """Return the page as the text of one HTML file without any outside request."""
    judged, found = result.judged, result.judged.found
    study = found.study
    book = FigureBook()
    drawn = [book.add(figure) for figure in result.figures]
    kept = {c.name for c in result.kept}
    rows = [_row(result, candidate.name, row, candidate.name in kept) for candidate, row in result.rows]
    first, *others = result.findings
    clusters = result.clusters
    keys = list(dict.fromkeys(key for c in judged.candidates for key in (*c.figures, *c.missing)))
    return templates().get_template("coatings.html.j2").render(
        name=study.name,
        between=f"{study.cathode} and {', '.join(study.electrolytes)} up to {study.voltage:g} V",
        energies=found.energies,
        level=f"{LEVEL:.0%}",
        limits=first.message,
        findings=others,
        answer=result.answer,
        rows=rows,
        ranked=[row for row in rows if row["rank"]],
        fallen=[row for row in rows if not row["rank"]],
        bare=[(layer.formula, [reaction_words(c) for c in layer.contacts]) for layer in found.bare],
        clusters=() if isinstance(clusters, str) else clusters.clusters,
        clusters_note=clusters if isinstance(clusters, str) else clusters.note,
        summary_figures=drawn[:1],
        more_figures=drawn[1:],
        literature=result.literature,
        stages=[
            {"words": s.gate.words, "left": len(s.passed), "entered": s.entered, "because": s.gate.because}
            for s in judged.funnel.stages
        ],
        method=_method(result),
        defined=[QUANTITIES[key] for key in keys],
        **page_parts(),
    )  # fmt: skip


def _row(result: CoatingsResult, name: str, row: Any, shown: bool) -> dict[str, Any]:
    place = result.place(name)
    candidate = result.judged.candidate(name)
    failed = shown and any(layer.failure for layer in result.judged.layers_of(name))
    return {
        "name": name,
        "rank": "" if place is None else str(place.rank),
        "ranks": "" if place is None or place.rank_low == place.rank_high else f"{place.rank_low}–{place.rank_high}",
        "score": "" if place is None else f"{place.score:+.2f}",
        "interval": "" if place is None else f"{place.score_low:+.2f} … {place.score_high:+.2f}",
        "front": place is not None and place.on_front,
        "reasons": row["reasons"],
        "notes": candidate.notes,
        "figures": [(QUANTITIES[k].name, figure_words(k, f)) for k, f in candidate.figures.items()] if shown else [],
        "missing": [(QUANTITIES[k].name, why) for k, why in candidate.missing.items()] if shown else [],
        "contacts": [reaction_words(c) for c in result.judged.contacts_of(name)] if shown and not failed else [],
    }


def _method(result: CoatingsResult) -> list[str]:
    found = result.judged.found
    study = found.study
    weights = ", ".join(f"{QUANTITIES[key].name} {weight:g}" for key, weight in study.weights.items())
    return [
        f"Energies: {found.energies}; {study.draws} draws of their errors for the intervals of those that came through "
        "and of those that the study names; the others have values only",
        "Worst contact of the cathode discharged, at 4.5 V and fully charged; what either would do alone is taken off",
        "A contact of which the table lacks a kind of compound may gain up to 20 meV/atom more: its interval says so",
        f"Weights of the score: {weights}. Each figure counts in units of its spread among the ranked; 0 does nothing",
        f"{len(found.layers)} solids and {len(found.joined)} double layers in {found.seconds:.0f} s; study hash "
        f"{study.content_hash()[:16]}, lirich {found.lirich}",
    ]

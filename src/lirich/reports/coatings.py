"""The page of a screening of coatings: the answer, ranking, neighbours, windows, why not, coverage, method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lirich.quantities import QUANTITIES
from lirich.reports.html import FigureBook, page_parts, templates
from lirich.reports.solids import cluster_rows, fallen_groups, grades_of, rows_of, stages_of
from lirich.screening.candidate import LEVEL
from lirich.screening.coatings_judged import reaction_words
from lirich.workbench.solids.coatings_figures import figures_by_section

if TYPE_CHECKING:
    from lirich.workbench.solids.coatings_result import CoatingsResult


def coatings_report(result: CoatingsResult) -> str:
    """Return the page as the text of one HTML file without any outside request."""
    judged, found = result.judged, result.judged.found
    study = found.study
    book = FigureBook()
    drawn = {section: [book.add(f) for f in figures] for section, figures in figures_by_section(result).items()}
    kept = {c.name for c in result.kept}
    rows = rows_of(judged, kept, lambda name: _contacts(result, name))
    first, *others = result.findings
    clusters = result.clusters
    keys = list(dict.fromkeys(key for c in judged.candidates for key in (*c.figures, *c.missing)))
    question = (
        f"Which coating between {study.cathode} and {' and '.join(study.electrolytes)} up to {study.voltage:g} V?"
    )
    answer, *more = result.answer
    return templates().get_template("coatings.html.j2").render(
        name=study.name,
        question=question,
        energies=found.energies,
        level=f"{LEVEL:.0%}",
        limits=first.message,
        findings=others,
        answer=[answer.removeprefix(question).strip(), *more],
        rows=rows,
        ranked=[row for row in rows if row["rank"]],
        fallen=fallen_groups(judged, rows, {*found.named, *(d.name for d in study.double_layers)}),
        bare=[(layer.formula, [reaction_words(c) for c in layer.contacts]) for layer in found.bare],
        clusters=cluster_rows(None if isinstance(clusters, str) else clusters),
        clusters_note=clusters if isinstance(clusters, str) else clusters.note,
        figures=drawn,
        literature=result.literature,
        stages=stages_of(judged),
        grades=grades_of(found.layers),
        method=_method(result),
        defined=[QUANTITIES[key] for key in keys],
        **page_parts(),
    )  # fmt: skip


def _contacts(result: CoatingsResult, name: str) -> list[str]:
    if any(layer.failure for layer in result.judged.layers_of(name)):
        return []
    return [reaction_words(c) for c in result.judged.contacts_of(name)]


def _method(result: CoatingsResult) -> list[str]:
    found = result.judged.found
    study = found.study
    weights = ", ".join(f"{QUANTITIES[key].name} {weight:g}" for key, weight in study.weights.items())
    return [
        "Every number is an equilibrium of computed energies (docs/explanation/interfaces.md has the equations): what "
        "may happen and what drives it, not how fast. A thin layer may last where its equilibrium says that it reacts; "
        "electronic conductivity, adhesion, cracks and the way of making it are not judged",
        f"Energies: {found.energies}; {study.draws} draws of their errors for the intervals of those that came through "
        "and of those that the study names; the others have values only",
        "Worst contact of the cathode discharged, at 4.5 V and fully charged; what either would do alone is taken off",
        "A contact of which the table lacks a kind of compound may gain up to 20 meV/atom more: its interval says so",
        f"Weights of the score: {weights}. Each figure counts in units of its spread among the ranked; 0 does nothing",
        f"{len(found.layers)} solids and {len(found.joined)} double layers in {found.seconds:.0f} s; study hash "
        f"{study.content_hash()[:16]}, lirich {found.lirich}",
    ]

"""The page of a screening of electrolytes or additives: answer, ranking, neighbours, why not, literature, method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lirich import __version__
from lirich.model import Origin
from lirich.quantities import QUANTITIES
from lirich.reports.html import FigureBook, page_parts, templates
from lirich.reports.solids import cluster_rows, fallen_groups, grades_of, rows_of, stages_of
from lirich.screening.candidate import LEVEL
from lirich.screening.coatings_judged import reaction_words
from lirich.workbench.screening.answer_figures import figures_by_section, layers_of, named_of, shown_names

if TYPE_CHECKING:
    from lirich.workbench.screening.answer import ScreenAnswer

_OF_SOLIDS = (
    "Stability and reactions are equilibria of computed energies (docs/explanation/interfaces.md has the equations): "
    "what may happen and what drives it, not how fast; a layer that protects is not seen",
    "Conductivities are measured ones, the median of each formula at room temperature; two samples differ by a factor "
    "of ten easily",
    "Worst contact of the cathode discharged, at 4.5 V and fully charged; what either would do alone is taken off",
)


def answer_report(answer: ScreenAnswer) -> str:
    """Return the page as the text of one HTML file without any outside request."""
    judged, layers = answer.judgement, layers_of(answer)
    book = FigureBook()
    drawn = {section: [book.add(f) for f in figures] for section, figures in figures_by_section(answer).items()}
    ranked = {p.name for p in judged.ranking.places} if judged.ranking else set()
    rows = rows_of(
        judged,
        {*ranked, *shown_names(answer)},
        lambda name: [reaction_words(c) for c in (layers[name].contacts if name in layers else ())],
    )
    banners = [f.message for f in answer.findings if f.severity == "info"]
    return templates().get_template("answer.html.j2").render(
        kind=answer.kind,
        one=answer.kind.removesuffix("s"),
        name=answer.study.name,
        question=_question(answer),
        origins=[o.value for o in Origin if o in _origins(answer)],
        level=f"{LEVEL:.0%}",
        limits=banners[0] if banners else "",
        findings=[f for f in answer.findings if f.message not in banners[:1]],
        answer=answer.words,
        rows=rows,
        ranked=[row for row in rows if row["rank"]],
        fallen=fallen_groups(judged, rows, named_of(answer)),
        clusters=cluster_rows(answer.groups.clusters),
        clusters_note=answer.groups.note,
        figures=drawn,
        literature=_literature(answer),
        stages=stages_of(judged),
        grades=grades_of(layers.values()),
        method=_method(answer),
        defined=[QUANTITIES[key] for key in answer.keys],
        **page_parts(),
    )  # fmt: skip


def _question(answer: ScreenAnswer) -> str:
    d = answer.details
    if "cathode" not in d:
        return f"Which {answer.kind} to try, of {len(answer.rows)}?"
    beside = f" and {d['anode']}" if d.get("anode") else ""
    return f"Which solid electrolyte between {d['cathode']}{beside} up to {d['voltage']:g} V?"


def _origins(answer: ScreenAnswer) -> set[Origin]:
    return {answer.told(c.name, key).origin for c in answer.judgement.candidates for key in c.figures}


def _literature(answer: ScreenAnswer) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return facts and measurements of the drawn electrolytes, each with its source."""
    told = {each["name"]: each for each in answer.details.get("electrolytes", ())}
    found = []
    for name in shown_names(answer):
        each = told.get(name)
        if each is None:
            continue
        lines = [(f"{fact['topic']}: {fact['statement']}", str(fact["source"])) for fact in each["facts"]]
        for m in each["measurements"]:
            sources = ", ".join(f"doi:{doi}" for doi in m["dois"])
            lines.append((f"conductivity {m['bound']}{m['conductivity_s_cm']:.2g} S/cm", sources))
        lines += [
            (f"not measured; near it {r['formula']} with {r['median_s_cm']:.2g} S/cm", "OBELiX")
            for r in each["relatives"][:3]
        ]
        if lines:
            found.append((name, lines))
    return found


def _method(answer: ScreenAnswer) -> list[str]:
    weights = ", ".join(f"{QUANTITIES[key].name} {weight:g}" for key, weight in answer.study.weights.items())
    read = [f"Files read, SHA-256: {', '.join(answer.files)}"] if answer.files else []
    rests = [f"Computed with {key}: {value}" for key, value in answer.parameters.items()]
    return [
        *(_OF_SOLIDS if answer.details.get("electrolytes") else ()),
        f"Weights of the score: {weights}. Each figure counts in units of its spread among the ranked, those over "
        "decades as log10",
        *read,
        *rests,
        f"{len(answer.rows)} candidates in {answer.seconds:.0f} s; study hash {answer.study.content_hash()[:16]}, "
        f"lirich {__version__}",
    ]

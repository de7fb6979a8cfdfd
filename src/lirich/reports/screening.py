"""The report of a screening: what was computed, on which structures, how surely, and what the literature says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lirich.model import Composition
from lirich.model.format import format_signed, format_signed_span
from lirich.quantities import QUANTITIES
from lirich.reports.dopant_cells import crystal_key, drawn_words, shelves
from lirich.reports.dopant_figures import figure_table
from lirich.reports.html import FigureBook, page_parts, templates
from lirich.screening.candidate import LEVEL
from lirich.screening.efforts import effort_rows, effort_together
from lirich.screening.reasons import doubt_words, figure_words, rank_words
from lirich.screening.sites import SITE, site_preferences
from lirich.screening.states import agreements, changes_by_state, state_words
from lirich.store.literature import REVIEW
from lirich.workbench.screening.literature import counted

if TYPE_CHECKING:
    from lirich.screening.candidate import Candidate
    from lirich.screening.screened import Screened, Tried
    from lirich.workbench.screening.result import ScreenResult


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate in the table."""

    name: str
    rank: str
    ranks: str
    score: str
    interval: str
    notes: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a candidate in one row: what they share, and what single orderings have beside it."""

    name: str
    formulas: tuple[str, ...]
    orderings: str
    shares: str
    neutral_by: str
    notes: tuple[str, ...]
    single: tuple[str, ...]


def screening_report(result: ScreenResult) -> str:
    """Return the report as the text of one HTML file without any outside request."""
    from lirich.workbench.screening.figures import crystal_figures

    judged, screened = result.judged, result.judged.screened
    study = screened.study
    book = FigureBook()
    drawn = result.figures
    rows = [_row(result, candidate, row) for candidate, row in result.rows]
    best = next((r.name for r in rows if r.rank), None)
    shapes = [*crystal_figures(result), *(crystal_figures(result, best) if best else [])]
    keys = list(dict.fromkeys(key for c in judged.candidates for key in (*c.figures, *c.missing)))
    first, *findings = result.findings
    others = [finding for finding in findings if finding.code != "no-ranking"]  # the answer says it
    figures = figure_table(judged)
    everywhere = _everywhere(screened)
    gallery = shelves(screened)
    efforts = effort_rows(screened)
    return templates().get_template("screening.html.j2").render(
        name=study.name,
        host=study.host.formula or study.host.file or "a given crystal",
        calculators=", ".join(study.calculators),
        level=f"{LEVEL:.0%}",
        pre_filter=first.message,
        rows=rows,
        ranked=[row for row in rows if row.rank],
        fallen=[row for row in rows if not row.rank],
        answer=result.answer,
        summary_figures=[book.add(f) for f in drawn[:1]],
        more_figures=[book.add(f) for f in drawn[1:]],
        structure_figures=[book.add(f) for f in shapes],
        **_literature(result),
        sites=_sites(result),
        states=_states(result),
        agreements=[each.words for each in agreements(judged)],
        predicted=result.predicted,
        predictions=_predictions(result),
        stages=[
            {"words": s.gate.words, "left": len(s.passed), "entered": s.entered, "because": s.gate.because}
            for s in judged.funnel.stages
        ],
        findings=[finding for finding in others if finding.code != "candidate-failed"],
        failed=[finding for finding in others if finding.code == "candidate-failed"],
        structures_lead=_structures(result),
        cells=[screened.host, *screened.tried],
        cell_rows=[_cells(tried, everywhere) for tried in (screened.host, *screened.tried)],
        everywhere=everywhere,
        shelves=gallery,
        drawn=drawn_words(gallery),
        relaxed_kept=any(cell.relaxed for tried in (screened.host, *screened.tried) for cell in tried.cells),
        crystal_key=crystal_key(screened),
        efforts=efforts,
        effort_words=_effort(screened),
        effort_bands=any(row.bands for row in efforts),
        table=figures,
        figure_row={row.name: n for n, row in enumerate(figures.rows, start=1)},
        method=_method(result),
        defined=[QUANTITIES[key] for key in keys],
        **page_parts(),
    )  # fmt: skip


def _row(result: ScreenResult, candidate: Candidate, row: Mapping[str, Any]) -> Row:
    place = result.place(candidate.name)
    if place is None:
        return Row(candidate.name, "", "", "", "", candidate.notes, _without_doubts(candidate, row))
    words = rank_words(place, len(result.judged.ranking.places)) if result.judged.ranking else ""
    return Row(
        name=candidate.name,
        rank=str(place.rank),
        ranks=f"{place.rank_low}–{place.rank_high}" if place.rank_low != place.rank_high else "",
        score=format_signed(place.score, decimals=2),
        interval=format_signed_span(place.score_low, place.score_high, decimals=2) if place.has_interval else "",
        notes=candidate.notes,
        reasons=tuple(reason for reason in _without_doubts(candidate, row) if reason != words),
    )


def _without_doubts(candidate: Candidate, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the reasons alone: doubts are counted in a column of their own, and told below the figures."""
    doubts = set(doubt_words(candidate))
    return tuple(reason for reason in row["reasons"] if reason not in doubts)


def _everywhere(screened: Screened) -> tuple[str, ...]:
    """Return the notes that every cell of the screening has."""
    cells = [cell for tried in (screened.host, *screened.tried) for cell in tried.cells]
    return tuple(note for note in cells[0].notes if all(note in c.notes for c in cells)) if cells else ()


def _cells(tried: Tried, everywhere: tuple[str, ...]) -> Cells:
    cells = tried.cells
    shared = [n for n in cells[0].notes if n not in everywhere and all(n in c.notes for c in cells)] if cells else []
    single: dict[str, list[str]] = {}
    for cell in cells:
        for note in cell.notes:
            if note not in shared and note not in everywhere:
                single.setdefault(note, []).append(str(cell.ordering + 1))
    numbers = list(dict.fromkeys(str(cell.ordering + 1) for cell in cells))
    return Cells(
        name=tried.name,
        formulas=tuple(dict.fromkeys(cell.formula for cell in cells)),
        orderings=f"ordering{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}" if numbers else "no cell",
        shares=", ".join(dict.fromkeys(f"{cell.share_percent:.3g} %" for cell in cells)),
        neutral_by="; ".join(dict.fromkeys(cell.compensation for cell in cells)),
        notes=(*shared, *tried.failures),
        single=tuple(f"ordering {', '.join(of)}: {note}" for note, of in single.items()),
    )


def _predictions(result: ScreenResult) -> list[dict[str, object]]:
    """Return the rows of the table of dopants that were not computed: those of which something could be told."""
    return [
        {
            "name": place.name,
            "score": "–" if place.score is None else format_signed(place.score.value, decimals=2),
            "interval": ""
            if place.score is None
            else format_signed_span(place.score.low, place.score.high, decimals=2),
            "figures": [f"{QUANTITIES[key].name} {figure_words(key, each)}" for key, each in place.figures.items()],
            "element": place.element_words,
            "falls_at": place.falls_at,
        }
        for place in result.predicted.places
        if place.score is not None or place.figures
    ]


def _states(result: ScreenResult) -> list[dict[str, str]]:
    """Return the rows of the table of states of charge: candidate, quantity, state, change, percent, results."""
    return [
        {
            "candidate": each.candidate,
            "quantity": each.name,
            "state": state_words(each.lithium_removed),
            "change": figure_words(each.quantity, each.change),
            "percent": "–" if each.percent is None else f"{format_signed(each.percent, decimals=0)} %",
            "count": str(each.change.count),
        }
        for each in changes_by_state(result.judged)
    ]


def _literature(result: ScreenResult) -> dict[str, Any]:
    """Return the published statements in the order of the ranking: those with something computed beside, the rest."""
    order = [candidate.name for candidate, _ in result.rows]
    there = sorted(result.literature, key=lambda each: order.index(each.candidate))
    return {
        "literature": there,
        "literature_counts": counted(there),
        "review": REVIEW,
        "compared": [each for each in there if each.computed],
        "not_compared": [each for each in there if not each.computed],
    }


def _sites(result: ScreenResult) -> list[dict[str, str]]:
    """Return the rows of the table of sites: candidate, the other site, energy with interval, what it says, why not."""
    return [
        {
            "candidate": each.candidate,
            "where": each.where,
            "energy": "–" if each.estimate is None else figure_words(SITE, each.estimate),
            "count": "" if each.estimate is None else str(each.estimate.count),
            "verdict": each.verdict,
            "said": "; ".join((*each.why, *(each.estimate.doubts if each.estimate is not None else ()))),
        }
        for each in site_preferences(result.judged)
    ]


def _structures(result: ScreenResult) -> str:
    screened = result.judged.screened
    host = screened.study.host
    atoms = (
        len(screened.host.cells[0].crystal.elements) if screened.host.cells and screened.host.cells[0].crystal else 0
    )
    origin = (
        f"ordered by the electrostatic energy of formal charges from seed {host.seed}" if host.formula else "as given"
    )
    shares = ", ".join(f"{100 * share:.0f} %" for share in screened.study.lithium_removed)
    count = len(screened.host.cells)
    return (
        f"{count} ordering{'s' if count != 1 else ''} of {host.formula or 'the given crystal'} with {atoms} atoms"
        f"{_rounded(screened)}, {origin}; "
        f"each dopant on the place of the lowest electrostatic energy, every cell neutral by formal charges; "
        f"lithium removed: {shares}. Dopants are counted together, per metal that is not lithium (anions per anion); "
        f"{_asked_percent(screened)} were asked for where the set says nothing else, and rounded to the cell."
    )


def _effort(screened: Screened) -> str:
    """Return how the relaxations of the whole study ended."""
    row = effort_together(screened)
    if row is None or row.steps_median is None:
        return ""
    bands = f" and {row.bands} bands" if row.bands else ""
    return (
        f"{row.relaxations} relaxations{bands} of {row.cells} cells and of what was made of them: {row.steps_median:g} "
        f"steps on the median, {row.steps_most} at most, {row.force_calls} force calls. {row.not_converged} did not "
        f"converge within {screened.study.relaxation.max_steps} steps, {row.not_as_built} converged to another state "
        f"than the one that was built, {row.failed} failed."
    )


def _asked_percent(screened: Screened) -> str:
    study = screened.study
    percents = ", ".join(f"{percent:g}" for percent in study.concentration_percent)
    return f"{percents} % of {'each ion' if study.percent_of == 'each' else 'each set together'}"


def _rounded(screened: Screened) -> str:
    """Return what the cell holds where it is not the formula that was asked for: amounts are rounded to whole atoms."""
    formula = screened.study.host.formula
    crystal = screened.host.cells[0].crystal if screened.host.cells else None
    if not formula or crystal is None:
        return ""
    held = held_words(formula, Counter(crystal.elements))
    return f" (which hold {held}: amounts are rounded to whole atoms)" if held else ""


def held_words(formula: str, atoms: Mapping[str, int]) -> str:
    """Return what *atoms* of a cell are, written as *formula* is, with its oxygen; empty where they are the formula."""
    asked = Composition.parse(formula).amounts
    units = atoms["O"] / asked["O"] if atoms.get("O") and asked.get("O") else 0.0
    if not units or all(abs(atoms.get(e, 0) - n * units) < 0.01 for e, n in asked.items()):
        return ""
    shares = {e: atoms.get(e, 0) / units for e in asked}
    return "".join(e if share == 1 else f"{e}{share:.3g}" for e, share in shares.items())


def _method(result: ScreenResult) -> list[str]:
    screened = result.judged.screened
    study = screened.study
    versions = [f"{name}: {version}" for name, version in screened.versions.items()]
    weights = ", ".join(f"{QUANTITIES[k].name} {w:g} ({study.towards(k)} is better)" for k, w in study.weights.items())
    return [
        f"Calculators: {'; '.join(versions)}",
        f"Relaxed until no force is above {study.relaxation.force_max_ev_a:g} eV/Å, "
        f"at most {study.relaxation.max_steps} steps",
        f"{screened.jobs} calculations, {screened.same} of them the same as another; {screened.seconds:.0f} s",
        f"Weights of the score: {weights}. Each figure is an improvement over the undoped material in units of its "
        "spread among the candidates: the mean over states of charge, and of migrations the metal with the lowest. "
        "Stored values are of one state and metal. Intervals of scores and ranks are drawn from those of all figures",
        f"Study hash {study.content_hash()[:16]}, lirich {screened.lirich}",
    ]

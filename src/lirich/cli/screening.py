"""How ``lirich screen`` speaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.kept import show_kept, workspace_of
from lirich.cli.output import (
    PARTLY,
    check_output,
    check_page,
    console,
    print_json,
    progress_bar,
    show_findings,
    show_table,
)
from lirich.cli.ranked import figure_cells, rank_cell, score_cell, show_funnel, show_ranked, show_why
from lirich.model.format import format_signed, format_signed_span

if TYPE_CHECKING:
    from lirich.workbench import Workspace
    from lirich.workbench.screening.predicted import ScreenPrediction
    from lirich.workbench.screening.result import ScreenResult

MOST_PREDICTED = 12
"""So many predicted dopants are printed, the best; ``--json`` and the report have all."""


def dopants(
    study: str,
    output: Path | None,
    cells: Path | None,
    folder: Path | None,
    *,
    shipped: bool,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Run a study, keep its values where there is a workspace, show the ranking, write the report and the cells."""
    from lirich.workbench.screening.export import write_cells
    from lirich.workbench.screening.screen import keep_values
    from lirich.workbench.userfiles import check_folder

    check_page(output)
    if cells is not None:
        check_folder(cells)
    workspace = workspace_of(folder)
    result = _screened(study, workspace, shipped=shipped, workers=workers, executor=executor, quiet=json)
    kept = 0 if workspace is None else keep_values(workspace.store, result)
    if output is not None:
        from lirich.reports import write_page
        from lirich.reports.screening import screening_report

        write_page(output, screening_report(result))
    files = [] if cells is None else write_cells(result, cells)
    screened = result.judged.screened
    if json:
        print_json(result.to_dict())
    else:
        show(result)
        show_findings(finding for finding in result.findings if finding.code != "no-ranking")  # the answer says it
        told = any(place.figures for place in result.predicted.places)
        origins = "origins computed and predicted" if told else "origin computed"
        show_kept(workspace, kept, origins, resumed=not shipped)
        if output is not None:
            console().print(f"Report: [bold]{escape(str(output))}[/]")
        if cells is not None:
            kept = sum(len(cell.relaxed) for t in (screened.host, *screened.tried) for cell in t.cells)
            states = f"{len(files) - kept} as built, {kept} relaxed" if kept else "as built"
            console().print(
                f"{len(files)} cells, {states}: [bold]{escape(str(cells))}[/]; README.md says what they are"
            )
    if result.judged.ranking is None:
        raise typer.Exit(PARTLY)


def _screened(
    study: str, workspace: Workspace | None, *, shipped: bool, workers: int | None, executor: str, quiet: bool
) -> ScreenResult:
    """Run a study, or read back what it gave; with *shipped* take the results that come with lirich."""
    from lirich.workbench.screening.screen import read_screen, run_screen, shipped_result

    literature = None if workspace is None else workspace.literature
    if shipped:
        return shipped_result(study, literature)
    asked = read_screen(Path(study))
    with progress_bar("computing", quiet=quiet) as progress:
        return run_screen(
            asked,
            cache=None if workspace is None else workspace.store.cache / "screen",
            executor=executor,
            workers=workers,
            progress=progress,
            literature=literature,
            models=None if workspace is None else workspace.store.models,
        )


def following(
    study: str,
    output: Path | None,
    folder: Path | None,
    count: int,
    *,
    shipped: bool,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Say which dopants to compute next and why; write the study that computes them."""
    from lirich.workbench.screening.next import need_enough, next_study, study_text, what_next
    from lirich.workbench.screening.screen import read_screen
    from lirich.workbench.userfiles import write_text

    check_output(output)
    if not shipped:
        need_enough(read_screen(Path(study)))
    there = workspace_of(folder)
    result = _screened(study, there, shipped=shipped, workers=workers, executor=executor, quiet=json)
    found = what_next(result, count)
    text = study_text(next_study(result.judged.screened.study, found), found)
    if output is not None:
        write_text(output, text)
    if json:
        print_json({**found.to_dict(), "study": text})
        return
    _show_learned(found)
    if output is not None:
        console().print(f"The next study: [bold]{escape(str(output))}[/]")
    else:
        console().print("[dim]-o next.yaml writes the study that computes them.[/]")


def _show_learned(found: ScreenPrediction) -> None:
    from lirich.workbench.screening.dopant_facts import price_words, toxicity_words

    out = console()
    for each in found.learned:
        out.print(escape(each.words))
    if found.too_few:
        out.print(f"[bold yellow]{escape(found.too_few)}[/]")
    told = [p for p in found.places if p.score is not None][:MOST_PREDICTED]
    rows = [
        (
            p.name,
            format_signed(p.score.value, decimals=2),
            format_signed_span(p.score.low, p.score.high, decimals=2),
            toxicity_words(p.ion.element),
            price_words(p.ion.element),
            p.falls_at,
        )
        for p in told
        if p.score is not None
    ]
    if rows:
        heads = ("dopant", "score", "interval", "toxicity", "USD/kg", "falls at")
        show_table("Not computed (predicted; 90 % intervals)", heads, rows, right=(1, 2, 4))
    out.print(f"[bold]Compute next: {escape(', '.join(p.name for p in found.following))}[/]")
    out.print(f"[dim]{escape(found.how)}[/]")
    for p in found.following:
        out.print(f"  {escape(p.name)}: {escape(p.element_words)}")
    out.print("[dim]The score knows nothing of either; `without: [Cd, …]` in the study leaves elements out.[/]")


def show(result: ScreenResult) -> None:
    """Print funnel, ranking, reasons and the literature."""
    from lirich.screening.candidate import Candidate
    from lirich.screening.judged import CHANGES
    from lirich.screening.reasons import rank_words
    from lirich.screening.sites import site_preferences

    out = console()
    judged = result.judged
    name = judged.screened.study.name
    show_funnel(judged.funnel)
    keys = list(judged.screened.study.weights)
    rows = []
    for candidate, _ in result.rows:
        place = result.place(candidate.name)
        figures = figure_cells(candidate, keys)
        if place is None:
            rows.append(("–", candidate.name, "–", *figures))
            continue
        rows.append((rank_cell(place), candidate.name, score_cell(place), *figures))
    undoped = Candidate(name=judged.screened.host.name, figures=judged.reference)
    cells = figure_cells(undoped, keys)
    rows.append(("", undoped.name, "0", *("0" if key in CHANGES else c for key, c in zip(keys, cells, strict=True))))
    show_ranked(f"{name} (computed; 90 % intervals)", "candidate", keys, rows)
    for candidate, row in result.rows:
        place = result.place(candidate.name)
        in_table: tuple[str, ...] = ()
        if judged.ranking is not None and place is not None and place.has_interval:
            in_table = (rank_words(place, len(judged.ranking.places)),)
        show_why(candidate, row["reasons"], in_table)
    if any(figure.doubts for candidate, _ in result.rows for figure in candidate.figures.values()):
        out.print("[dim]Doubts are about single structures and numbers: -o report.html and --json list them.[/]")
    _show_states(result)
    for site in site_preferences(judged):
        if site.verdict == "rather there":
            out.print(f"[yellow]site[/] {escape(site.words)}")
    _show_literature(result)
    out.print(f"[bold]{escape(result.answer)}[/]")
    if result.predicted.following:
        names = ", ".join(p.name for p in result.predicted.following)
        out.print(f"To compute next ([bold]lirich screen next[/]): {escape(names)}")


def _show_literature(result: ScreenResult) -> None:
    """Print what is published of the same dopants where something was computed beside it, and how the rest counts."""
    from lirich.workbench.screening.literature import counted

    out = console()
    for each in result.literature:
        if each.computed:
            out.print(f"[cyan]literature[/] {escape(each.words)}")
    if result.literature:
        of = f"Of {len(result.literature)} published statements {counted(result.literature)}"
        out.print(f"[cyan]literature[/] {of}; the report and --json have all, with their sources")


def _show_states(result: ScreenResult) -> None:
    """Print the changes at each state of charge where there are several, and how alike orderings rank."""
    from lirich.quantities import QUANTITIES
    from lirich.screening.reasons import figure_words
    from lirich.screening.states import agreements, changes_by_state, state_words

    changes = changes_by_state(result.judged)
    for key, metal in dict.fromkeys((change.quantity, change.metal) for change in changes):
        mine = [c for c in changes if (c.quantity, c.metal) == (key, metal)]
        states = sorted({c.lithium_removed for c in mine})
        if len(states) == 1 and not metal:
            continue
        cells = {(c.candidate, c.lithium_removed): c for c in mine}
        rows = []
        for name in dict.fromkeys(c.candidate for c in mine):
            there = [cells.get((name, state)) for state in states]
            words = [
                "–" if c is None else figure_words(key, c.change).removesuffix(QUANTITIES[key].unit) for c in there
            ]
            percent = next(
                (format_signed(c.percent, decimals=0) for c in there[:1] if c is not None and c.percent is not None),
                "–",
            )
            rows.append((name, percent, *words))
        heads = ("candidate", f"% of the undoped, {state_words(states[0])}", *(state_words(s) for s in states))
        title = f"{mine[0].name}, {QUANTITIES[key].unit}, by state of charge"
        show_table(title, heads, rows, right=range(1, 2 + len(states)))
    for agreement in agreements(result.judged):
        console().print(escape(agreement.words))


def candidates(study: str, workers: int | None, *, json: bool) -> None:
    """List what a study would compute."""
    from lirich.compute.executor import default_workers
    from lirich.workbench.screening.orderings import one_ordering
    from lirich.workbench.screening.screen import outlook, read_screen

    asked = read_screen(Path(study))
    found = outlook(asked)
    count = default_workers() if workers is None else workers
    total = sum(each.seconds for each in found)
    findings = [finding for finding in [one_ordering(asked)] if finding is not None]
    most = sum(each.seconds_at_most for each in found)
    if json:
        print_json(
            {
                "study": asked.name,
                "candidates": [
                    {
                        "name": each.name,
                        "formulas": list(each.formulas),
                        "compensations": list(each.compensations),
                        "failures": list(each.failures),
                        "percents": {element: round(percent, 3) for element, percent in each.percents.items()},
                        "percent_together": each.together,
                        "percent_asked": each.asked,
                        "percent_of": each.percent_of,
                        "same_atoms": list(each.same_atoms),
                        "seconds_of_one_core": round(each.seconds, 1),
                        "seconds_at_most": round(each.seconds_at_most, 1),
                    }
                    for each in found
                ],
                "seconds_of_one_core": round(total, 1),
                "seconds_at_most": round(most, 1),
                "workers": count,
                "findings": [finding.model_dump(mode="json") for finding in findings],
            }
        )
        return
    rows = [
        (
            each.name,
            ", ".join(each.formulas) or "–",
            each.dose,
            ", ".join(each.compensations) or "; ".join(each.failures),
            f"{each.seconds / 60:.1f}" if each.formulas else "–",
        )
        for each in found
    ]
    show_table(f"{asked.name}: candidates", ("candidate", "cell", "%", "made neutral by", "min"), rows, right=(4,))
    console().print(
        "[dim]%: of the metals that are not lithium, for ions on O of the anions, after rounding to whole atoms.[/]"
    )
    for each in found:
        if each.same_atoms:
            console().print(
                f"[yellow]{escape(each.name)}[/]: the same atoms as {escape(', '.join(each.same_atoms))}, other formal "
                "charges: a potential that knows no charges cannot tell them apart."
            )
    show_findings(findings)
    cores = f"{count} core{'s' if count != 1 else ''}"
    console().print(
        f"About {max(1, round(total / count / 60))} min on {cores} with CHGNet, less what is kept from an earlier "
        "run and what candidates share."
    )
    if most > total:
        console().print(
            "Bands that do not converge take all their steps: "
            f"up to {max(1, round(most / count / 60))} min if none does."
        )

"""How ``lirich screen coatings`` speaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.kept import show_kept, workspace_of
from lirich.cli.output import PARTLY, check_page, console, print_json, progress_bar, show_findings
from lirich.cli.ranked import MOST_ROWS, figure_cells, rank_cell, show_funnel, show_ranked, show_reasons
from lirich.model.format import format_signed

if TYPE_CHECKING:
    from lirich.screening.coatings import CoatingStudy
    from lirich.workbench.solids.coatings_result import CoatingsResult


def coatings(
    study: str,
    output: Path | None,
    folder: Path | None,
    *,
    cathode: str | None,
    electrolytes: list[str],
    voltage: float | None,
    energies: str,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Run a study, keep its values where there is a workspace, answer in words, write the page."""
    from lirich.workbench.solids.screen_coatings import keep_values, read_coatings, run_coatings

    check_page(output)
    workspace = workspace_of(folder)
    asked = _changed(read_coatings(Path(study)), cathode, electrolytes, voltage)
    with progress_bar("computing", quiet=json) as progress:
        result = run_coatings(
            asked,
            energies=energies,
            cache=None if workspace is None else workspace.store.cache / "coatings",
            executor=executor,
            workers=workers,
            progress=progress,
            literature=None if workspace is None else workspace.literature,
        )
    kept = 0 if workspace is None else keep_values(workspace.store, result)
    if output is not None:
        from lirich.reports import write_page
        from lirich.reports.coatings import coatings_report

        write_page(output, coatings_report(result))
    if json:
        print_json(result.to_dict())
    else:
        show(result)
        show_findings(result.findings)
        show_kept(workspace, kept, "origin computed")
        if output is not None:
            console().print(f"Page: [bold]{escape(str(output))}[/]")
    if result.judged.ranking is None:
        raise typer.Exit(PARTLY)


def _changed(asked: CoatingStudy, cathode: str | None, electrolytes: list[str], voltage: float | None) -> CoatingStudy:
    from lirich.workbench.solids.screen_coatings import make_coatings

    changes: dict[str, object] = {"cathode": cathode, "electrolytes": electrolytes or None, "voltage": voltage}
    changes = {key: value for key, value in changes.items() if value is not None}
    return make_coatings({**asked.model_dump(mode="json"), **changes}) if changes else asked


def show(result: CoatingsResult) -> None:
    """Print funnel, ranking, reasons of the first and of the named ones, literature and the answer."""
    out = console()
    judged = result.judged
    study = judged.found.study
    show_funnel(judged.funnel)
    keys = list(study.weights)
    rows = []
    for candidate, _ in result.rows[:MOST_ROWS]:
        place = result.place(candidate.name)
        if place is None:
            break
        rows.append(
            (rank_cell(place), candidate.name, format_signed(place.score, decimals=2), *figure_cells(candidate, keys))
        )
    ranked = 0 if judged.ranking is None else len(judged.ranking.places)
    show_ranked(f"{study.name} (computed; 90 % intervals; 0 reacts with nothing)", "coating", keys, rows, of=ranked)
    named = {*judged.found.named, *(d.name for d in study.double_layers)}
    for candidate, row in result.rows:
        if candidate.name not in named:
            continue
        show_reasons(candidate.name, row["reasons"], row["rank"])
    for each in result.literature:
        out.print(f"[cyan]literature[/] {escape(each.words)}")
    for line in result.answer:
        out.print(f"[bold]{escape(line)}[/]")

"""How ``lirich screen electrolytes`` and ``lirich screen additives`` speak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.kept import show_kept, workspace_of
from lirich.cli.output import PARTLY, check_page, console, print_json, progress_bar, show_findings
from lirich.cli.ranked import (
    MOST_ROWS,
    figure_cells,
    rank_cell,
    score_cell,
    show_funnel,
    show_ranked,
    show_reasons,
)
from lirich.model.listing import name_some

if TYPE_CHECKING:
    from collections.abc import Collection

    from lirich.workbench import Workspace
    from lirich.workbench.screening.answer import ScreenAnswer

MOST_MEMBERS = 6
"""So many members of a group are printed."""


def electrolytes(
    study: str,
    output: Path | None,
    folder: Path | None,
    *,
    energies: str,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Run a study of electrolytes, keep its values where there is a workspace, show it, write its table."""
    from lirich.workbench.solids.screen_electrolytes import read_electrolytes, run_electrolytes

    _check(output)
    workspace = workspace_of(folder)
    asked = read_electrolytes(Path(study))
    with progress_bar("computing", quiet=json) as progress:
        answer = run_electrolytes(
            asked,
            energies=energies,
            cache=None if workspace is None else workspace.store.cache / "electrolytes",
            executor=executor,
            workers=workers,
            progress=progress,
            literature=None if workspace is None else workspace.literature,
        )
    named = {each.formula for each in (*asked.electrolytes, *asked.polymers)}
    _answered(answer, output, workspace, named, json=json)


def additives(study: Path, output: Path | None, folder: Path | None, *, json: bool) -> None:
    """Judge a table of molecules, keep its values where there is a workspace, show it, write its table."""
    from lirich.workbench.screening.additives import read_additives, screen_additives

    _check(output)
    answer = screen_additives(*read_additives(study))
    everyone = {c.name for c in answer.judgement.candidates}
    _answered(answer, output, workspace_of(folder), everyone, json=json)


def _check(output: Path | None) -> None:
    from lirich.workbench.screening.answer import OUTPUTS

    check_page(output, OUTPUTS)


def _answered(
    answer: ScreenAnswer, output: Path | None, workspace: Workspace | None, told: Collection[str], *, json: bool
) -> None:
    from lirich.workbench.screening.answer import keep_answer, write_answer
    from lirich.workbench.userfiles import PAGE

    kept = 0 if workspace is None else keep_answer(workspace.store, answer)
    if output is not None and output.suffix.lower() in PAGE:
        from lirich.reports import write_page
        from lirich.reports.answers import answer_report

        write_page(output, answer_report(answer))
    elif output is not None:
        write_answer(output, answer)
    if json:
        print_json(answer.to_dict())
    else:
        show(answer, told)
        show_findings(answer.findings)
        show_kept(workspace, kept, "each with its origin", resumed=answer.kind == "electrolytes")
        if output is not None:
            console().print(f"Written: [bold]{escape(str(output))}[/]")
    if answer.judgement.ranking is None:
        raise typer.Exit(PARTLY)


def show(answer: ScreenAnswer, told: Collection[str]) -> None:
    """Print funnel and ranking, the reasons of the first and of those in *told*, the groups, the answer."""
    from lirich.quantities import QUANTITIES
    from lirich.workbench.screening.groups import NOT_ASKED

    out = console()
    judgement, keys = answer.judgement, list(answer.study.weights)
    show_funnel(judgement.funnel)
    places = () if judgement.ranking is None else judgement.ranking.places
    rows = [
        (rank_cell(place), place.name, score_cell(place), *figure_cells(judgement.candidate(place.name), keys))
        for place in places[:MOST_ROWS]
    ]
    if rows:
        title = f"{answer.study.name} (90 % intervals)"
        show_ranked(title, answer.kind.removesuffix("s"), keys, rows, of=len(places))
    first = {place.name for place in places[:1]}
    for candidate, row in answer.rows:
        if candidate.name in told or candidate.name in first:
            show_reasons(candidate.name, row["reasons"], row["rank"])
    for number, group in enumerate(answer.groups.clusters.clusters if answer.groups.clusters else (), start=1):
        others = [name for name in group.members if name != group.pick]
        members = f": {name_some(others, MOST_MEMBERS)}" if others else ", alone"
        out.print(f"[cyan]group {number}[/] pick [bold]{escape(group.pick)}[/]{escape(members)}")
    if answer.groups.clusters is None and answer.groups.note != NOT_ASKED:
        out.print(f"[dim]No groups: {escape(answer.groups.note)}[/]")
    for each in answer.details.get("literature", ()):
        name = QUANTITIES[each["quantity"]].name
        words = f"{each['about']}: {name} {each['value']:g} {each['unit']} ({each['source']})"
        out.print(f"[cyan]literature[/] {escape(words)}")
    for line in answer.words:
        out.print(f"[bold]{escape(line)}[/]")

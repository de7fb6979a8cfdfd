"""How ``lirich study`` speaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import console, print_json, progress_bar, show_findings, show_table
from lirich.errors import InputError, WorkspaceNotFoundError

if TYPE_CHECKING:
    from lirich.cells.study import Study
    from lirich.workbench.study import StudyResult

MOST_ROWS = 40


def study(
    file: Path | None,
    duty: dict[str, Any],
    parameter_set: str,
    objective: str,
    sensitivity: bool,
    output: Path | None,
    folder: Path | None,
    *,
    cell: str | None,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Run a study from a file, or ask for the best radius for a duty."""
    from lirich.cells.study import FIGURES
    from lirich.workbench.study import cell_study, make_duty, read_study, size_study

    if objective not in FIGURES:
        from lirich.errors import UnknownNameError

        raise UnknownNameError.of("figure", objective, FIGURES)
    if cell is not None:
        if file is not None:
            raise InputError("Both a study in a file and a cell", expected="one of them")
        with open_workspace(folder) as workspace:
            asked = cell_study(workspace.store, cell, duty, objective)
    elif file is not None:
        asked = read_study(file)
    elif duty:
        asked = size_study(make_duty(duty), parameter_set, objective)
    else:
        raise InputError(
            "There is nothing to study", expected="a file, or a duty", advice="lirich study --rate 1C --cycles 300"
        )
    run_and_show(asked, output, folder, sensitivity=sensitivity, workers=workers, executor=executor, json=json)


def run_and_show(
    asked: Study,
    output: Path | None,
    folder: Path | None,
    *,
    sensitivity: bool = False,
    workers: int | None = None,
    executor: str = "processes",
    json: bool = False,
) -> None:
    """Run a study, write its figures to *output* and show what it found."""
    from lirich.workbench.study import run_study

    with progress_bar("simulating", quiet=json) as progress:
        result = run_study(
            asked,
            cache=_cache(folder),
            executor=executor,
            workers=workers,
            sensitivity=sensitivity,
            progress=progress,
        )
    if output is not None:
        from lirich.plots.page import page

        output.write_text(page(asked.name, result.figures), encoding="utf-8")
    if json:
        print_json(result.to_dict())
        return
    _show(result)
    show_findings(result.findings)
    if output is not None:
        console().print(f"Figures: [bold]{escape(str(output))}[/]")


def _show(result: StudyResult) -> None:
    from lirich.workbench.study import best_words, duty_words

    out = console()
    objective = result.study.objective
    names = list(result.study.vary)
    shown = [
        objective,
        *(n for n in ("capacity_retention", "last_gradient", "cracked_part", "surface_part") if n != objective),
    ]
    rows = [
        (
            *(f"{v:.4g}" if isinstance(v, float) else v for v in (p.values[n] for n in names)),
            *((f"{p.figures[n]:.4g}" for n in shown) if p.figures is not None else [f"{(p.error or {}).get('error')}"]),
        )
        for p in result.points[:MOST_ROWS]
    ]
    show_table(f"{result.study.name}: {duty_words(result.study)} (simulated)", (*names, *shown), rows)
    if len(result.points) > MOST_ROWS:
        out.print(f"[dim]… and {len(result.points) - MOST_ROWS} more points; --json shows all[/]")
    if result.failed:
        out.print(f"[yellow]{len(result.failed)} point(s) could not be simulated[/]; they are results like the others")
    best = result.best
    if best is not None:
        answer, more = best_words(best).split(" (", 1)
        out.print(f"[bold]{escape(answer)}[/] ({escape(more)}")
    sensitive = result.sensitivity
    if sensitive is not None:
        entries = [
            (n, f"{a:.2f}", f"{b:.2f}")
            for n, a, b in zip(sensitive.names, sensitive.first, sensitive.total, strict=True)
        ]
        heads = ("varied", "alone", "with interactions")
        show_table(f"Part of the variance of {sensitive.figure} (Sobol)", heads, entries, right=(1, 2))


def _cache(folder: Path | None) -> Path | None:
    """Keep results in the workspace, where there is one."""
    try:
        return open_workspace(folder).root / "cache" / "study"
    except WorkspaceNotFoundError:
        if folder is not None:
            raise
        return None

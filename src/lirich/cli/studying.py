"""How ``lirich study`` speaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from lirich.cli.kept import workspace_of
from lirich.cli.options import open_workspace
from lirich.cli.output import PARTLY, check_output, console, print_json, progress_bar, show_findings, show_table
from lirich.errors import InputError

if TYPE_CHECKING:
    from lirich.cells.study import Study
    from lirich.workbench.simulation.study import StudyResult

MOST_ROWS = 40
MOST_REASONS = 8


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
    from lirich.workbench.simulation.study import cell_study, make_duty, read_study, size_study

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
    from lirich.workbench.simulation.study import run_study

    check_output(output)
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
        from lirich.workbench.userfiles import write_text

        write_text(output, page(asked.name, result.figures))
    if json:
        print_json(result.to_dict())
    else:
        _show(result)
        show_findings(result.findings)
    if len(result.failed) == len(result.points):
        raise typer.Exit(PARTLY)
    if json:
        return
    if output is not None:
        console().print(f"Figures: [bold]{escape(str(output))}[/]")


def _show(result: StudyResult) -> None:
    from lirich.workbench.simulation.study import best_words, duty_words

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
            *(
                (f"{p.figures[n]:.4g}" for n in shown)
                if p.figures is not None
                else ["failed", *[""] * (len(shown) - 1)]
            ),
        )
        for p in result.points[:MOST_ROWS]
    ]
    show_table(f"{result.study.name}: {duty_words(result.study)} (simulated)", (*names, *shown), rows)
    if len(result.points) > MOST_ROWS:
        out.print(f"[dim]… and {len(result.points) - MOST_ROWS} more points; --json shows all[/]")
    if result.failed:
        out.print(f"[yellow]{len(result.failed)} of {len(result.points)} points could not be simulated:[/]")
        reasons = list(result.reasons.items())
        for reason, times in reasons[:MOST_REASONS]:
            out.print(f"  {escape(reason)}" + (f" [dim]({times} points)[/]" if times > 1 else ""))
        if len(reasons) > MOST_REASONS:
            out.print(f"[dim]  … and {len(reasons) - MOST_REASONS} more reasons; --json shows all[/]")
    if len(result.failed) < len(result.points):
        _explain(result, shown)
    best = result.best
    if best is not None:
        answer, more = best_words(best).split(" (", 1)
        out.print(f"[bold]{escape(answer)}[/] ({escape(more)}")
    sensitive = result.sensitivity
    if sensitive is not None:
        entries = [
            (n, f"{a:.2f}", f"{of_a[0]:.2f} to {of_a[1]:.2f}", f"{b:.2f}", f"{of_b[0]:.2f} to {of_b[1]:.2f}")
            for n, a, of_a, b, of_b in zip(
                sensitive.names, sensitive.first, sensitive.first_interval, sensitive.total, sensitive.total_interval,
                strict=True,
            )
        ]  # fmt: skip
        heads = ("varied", "alone", "95 %", "with interactions", "95 %")
        show_table(f"Part of the variance of {sensitive.figure} (Sobol)", heads, entries, right=(1, 2, 3, 4))
        if min((*sensitive.first, *sensitive.total)) < 0:
            out.print("[dim]An index below 0 is 0 within the error of the sampling[/]")


def _explain(result: StudyResult, shown: Sequence[str]) -> None:
    """Say below the table what its columns are, and where a retention above 100 % comes from."""
    from lirich.cells.study import FIGURES

    out = console()
    out.print(f"[dim]{escape('; '.join(f'{name}: {FIGURES[name]}' for name in shown))}[/]")
    if any(p.figures is not None and p.figures["capacity_retention"] > 100 for p in result.points):
        out.print(
            "[dim]Retention above 100 %: the last cycle gave more than the first; activation, slow in large crystals, "
            "was still going on[/]"
        )


def _cache(folder: Path | None) -> Path | None:
    """Keep results in the workspace, where there is one."""
    there = workspace_of(folder)
    return None if there is None else there.root / "cache" / "study"

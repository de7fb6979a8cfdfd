"""How ``lirich screen`` speaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import console, print_json, progress_bar, show_findings, show_table
from lirich.errors import WorkspaceNotFoundError

if TYPE_CHECKING:
    from lirich.workbench import Workspace
    from lirich.workbench.screen_result import ScreenResult

MOST_REASONS = 4
"""So many reasons of a candidate are printed; ``--json`` and the report have all."""


def dopants(
    study: str,
    output: Path | None,
    folder: Path | None,
    *,
    shipped: bool,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Run a study, keep its values where there is a workspace, show the ranking, write the report."""
    from lirich.workbench.screen import keep_values, read_screen, run_screen, shipped_result

    workspace = _workspace(folder)
    literature = None if workspace is None else workspace.literature
    if shipped:
        result = shipped_result(study, literature)
    else:
        asked = read_screen(Path(study))
        with progress_bar("computing", quiet=json) as progress:
            result = run_screen(
                asked,
                cache=None if workspace is None else workspace.store.cache / "screen",
                executor=executor,
                workers=workers,
                progress=progress,
                literature=literature,
                models=None if workspace is None else workspace.store.models,
            )
    kept = 0 if workspace is None else keep_values(workspace.store, result)
    if output is not None:
        from lirich.reports import write_page
        from lirich.reports.screening import screening_report

        write_page(output, screening_report(result))
    if json:
        print_json(result.to_dict())
    else:
        show(result)
        show_findings(result.findings)
        if workspace is not None:
            console().print(f"{kept} values kept in [bold]{escape(str(workspace.root))}[/], origin computed.")
        else:
            console().print("[dim]No workspace here: nothing is kept, and a run that is stopped begins anew.[/]")
        if output is not None:
            console().print(f"Report: [bold]{escape(str(output))}[/]")
    if result.judged.ranking is None:
        raise typer.Exit(1)


def show(result: ScreenResult) -> None:
    """Print funnel, ranking, reasons and the literature."""
    from lirich.quantities import QUANTITIES
    from lirich.screening.reasons import figure_words

    out = console()
    judged = result.judged
    name = judged.screened.study.name
    if judged.funnel.stages:
        out.print("[bold]Funnel[/]: " + escape("; ".join(f"{words}: {left}" for words, left in judged.funnel.counts)))
    keys = list(judged.screened.study.weights)
    rows = []
    for candidate, _ in result.rows:
        place = result.place(candidate.name)
        figures = [
            figure_words(key, candidate.figures[key]).removesuffix(QUANTITIES[key].unit).strip().replace(" (", "\n(")
            if key in candidate.figures
            else "–"
            for key in keys
        ]
        if place is None:
            rows.append(("–", candidate.name, "–", *figures))
            continue
        between = "" if place.rank_low == place.rank_high else f"\n({place.rank_low}–{place.rank_high})"
        score = f"{place.score:+.2f}"
        if place.has_interval:
            score += f"\n({place.score_low:+.2f} … {place.score_high:+.2f})"
        rows.append((f"{place.rank}{between}", candidate.name, score, *figures))
    heads = ("rank", "candidate", "score", *(_head(key) for key in keys))
    numbers = tuple(range(2, 3 + len(keys)))
    drop = tuple(reversed(numbers[1:]))
    show_table(f"{name} (computed; 90 % intervals)", heads, rows, right=(0, *numbers), whole=numbers, drop=drop)
    for candidate, row in result.rows:
        reasons = list(row["reasons"])
        more = f" [dim](and {len(reasons) - MOST_REASONS} more)[/]" if len(reasons) > MOST_REASONS else ""
        out.print(f"[bold]{escape(candidate.name)}[/]: {escape('; '.join(reasons[:MOST_REASONS]))}{more}")
        if candidate.notes:
            out.print(f"  [dim]{escape('; '.join(candidate.notes))}[/]")
    for each in result.literature:
        out.print(f"[cyan]literature[/] {escape(each.words)}")
    out.print(f"[bold]{escape(result.answer)}[/]")


def _head(key: str) -> str:
    from lirich.quantities import QUANTITIES

    known = QUANTITIES[key]
    return f"{known.symbol}\n{known.unit}"


def candidates(study: str, workers: int | None, *, json: bool) -> None:
    """List what a study would compute."""
    from lirich.compute.executor import default_workers
    from lirich.workbench.screen import outlook, read_screen

    asked = read_screen(Path(study))
    found = outlook(asked)
    count = default_workers() if workers is None else workers
    total = sum(each.seconds for each in found)
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
                        "seconds_of_one_core": round(each.seconds, 1),
                    }
                    for each in found
                ],
                "seconds_of_one_core": round(total, 1),
                "workers": count,
            }
        )
        return
    rows = [
        (
            each.name,
            ", ".join(each.formulas) or "–",
            ", ".join(each.compensations) or "; ".join(each.failures),
            f"{each.seconds / 60:.1f}" if each.formulas else "–",
        )
        for each in found
    ]
    show_table(f"{asked.name}: candidates", ("candidate", "cell", "made neutral by", "min"), rows, right=(3,))
    console().print(
        f"About {total / count / 60:.0f} min on {count} core{'s' if count != 1 else ''} with CHGNet, less what is kept "
        "from an earlier run and what candidates share."
    )


def _workspace(folder: Path | None) -> Workspace | None:
    try:
        return open_workspace(folder)
    except WorkspaceNotFoundError:
        if folder is not None:
            raise
        return None

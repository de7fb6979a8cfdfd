"""How ``lirich screen phases`` speaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from lirich.cli.kept import show_kept, workspace_of
from lirich.cli.output import PARTLY, check_page, console, print_json, progress_bar, show_findings, show_table

if TYPE_CHECKING:
    from lirich.workbench.solids.phases_result import PhasesResult


def phases(
    study: str,
    output: Path | None,
    folder: Path | None,
    *,
    shipped: bool,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Run a study, keep its values where there is a workspace, show the map in words, write the report."""
    from lirich.workbench.solids.phases import keep_phases, read_phases, run_phases, shipped_phases

    check_page(output)
    workspace = workspace_of(folder)
    if shipped:
        result = shipped_phases(study)
    else:
        asked = read_phases(Path(study))
        with progress_bar("computing", quiet=json) as progress:
            result = run_phases(
                asked,
                cache=None if workspace is None else workspace.store.cache / "screen",
                executor=executor,
                workers=workers,
                progress=progress,
                models=None if workspace is None else workspace.store.models,
            )
    kept = 0 if workspace is None else keep_phases(workspace.store, result)
    if output is not None:
        from lirich.reports import write_page
        from lirich.reports.phases import phases_report

        write_page(output, phases_report(result))
    if json:
        print_json(result.to_dict())
    else:
        show(result)
        show_findings(result.findings)
        show_kept(workspace, kept, "origins computed and predicted", resumed=not shipped)
        if output is not None:
            console().print(f"Report: [bold]{escape(str(output))}[/]")
    if not result.screened.answers:
        raise typer.Exit(PARTLY)


def show(result: PhasesResult) -> None:
    """Print the computed energies, the errors of the map, its answer, and what to compute next."""
    from lirich.workbench.solids.phases_figures import words
    from lirich.workbench.solids.phases_result import QUANTITY

    screened, out = result.screened, console()
    rows = [
        (p.formula, *(_energy_cell(*p.over_layered_mev_atom[phase]) for phase in QUANTITY)) for p in screened.computed
    ]
    heads = ("composition", *(f"{phase}\nmeV/atom" for phase in QUANTITY))
    show_table(f"{screened.study.name}: over layered (computed)", heads, rows, right=(1, 2))
    for phase, error in screened.left_out.items():
        out.print(
            f"{phase}: error on {error.count} compositions left out {error.rmse:.2g} meV/atom, "
            f"of the mean of the others {error.naive_rmse:.2g}"
        )
    out.print(f"[bold]{escape(result.answer)}[/]")
    for each in screened.asked:
        out.print(f"[magenta]predicted[/] {escape(words(each))}")
    if screened.following:
        out.print("To compute next: " + escape(", ".join(each.formula for each in screened.following)))


def _energy_cell(value: float, error: float) -> str:
    return f"{value:.1f}" + (f" ± {error:.1f}" if error else "")


def compositions(study: str, workers: int | None, *, json: bool) -> None:
    """List what a study would compute, and about how long it takes."""
    from lirich.compute.executor import default_workers
    from lirich.workbench.solids.phases import expected_seconds, read_phases, space_of

    asked = read_phases(Path(study))
    _, points = space_of(asked)
    count = default_workers() if workers is None else workers
    seconds = expected_seconds(asked, len(points))
    if json:
        print_json(
            {
                "study": asked.name,
                "compositions": [{"formula": p.composition.formula, "shares": list(p.shares)} for p in points],
                "relaxations": 3 * asked.cells * len(points),
                "seconds_of_one_core": round(seconds, 1),
                "workers": count,
            }
        )
        return
    rows = [(p.composition.formula, *(f"{100 * share:.0f} %" for share in p.shares)) for p in points]
    show_table(f"{asked.name}: compositions", ("composition", *asked.corners), rows, right=(1, 2, 3))
    console().print(
        f"{3 * asked.cells * len(points)} relaxations of {asked.atoms} atoms: about {seconds / count / 60:.0f} min on "
        f"{count} core{'s' if count != 1 else ''} with CHGNet, less what is kept from an earlier run."
    )

"""What the short commands do: call the workbench, print what came back. Longer ones have a module of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.markup import escape

from lirich.cli.cells import list_cells
from lirich.cli.options import open_workspace
from lirich.cli.output import PARTLY, console, print_json, progress_bar, show_error, show_findings, show_table
from lirich.errors import InputError, quoted


def init(folder: Path, name: str | None, database_url: str | None, *, json: bool) -> None:
    """Make a workspace."""
    from lirich.workbench import Workspace

    workspace = Workspace.create(folder, name=name, database_url=database_url)
    if json:
        print_json({"workspace": str(workspace.root), "catalogue": workspace.store.settings.database})
        return
    console().print(f"Made the workspace [bold]{escape(str(workspace.root))}[/].")
    inside = "" if workspace.root.resolve() == Path.cwd().resolve() else "[bold]cd[/] into it, then "
    console().print(f"Next: {inside}[bold]lirich add[/] FILES, [bold]lirich analyse[/].")


def analyse(
    names: Sequence[str] | None,
    force: bool,
    folder: Path | None,
    *,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Analyse cells."""
    workspace = open_workspace(folder)
    with progress_bar("analysing", quiet=json) as progress:
        report = workspace.analyse(names or None, force=force, executor=executor, workers=workers, progress=progress)
    if json:
        print_json(report.to_dict())
    else:
        list_cells(workspace, current=True)
        show_findings(report.findings)
        for cell, error in report.failed:
            console(stderr=True).print(f"[bold]{escape(cell)}[/]")
            show_error(error)
        following = "[bold]lirich report[/], [bold]lirich compare --by morphology[/]"
        if not len(workspace.cells):
            following = "[bold]lirich add[/] FILES"
        console().print(
            f"[bold]{len(report.analysed)}[/] cell(s) analysed, {len(report.unchanged)} unchanged, "
            f"{len(report.failed)} failed. Next: {following}"
        )
    if report.failed:
        raise typer.Exit(PARTLY)


def report(output: Path, names: Sequence[str] | None, by: str | None, folder: Path | None, *, json: bool) -> None:
    """Write the report."""
    from lirich.reports import write_report

    workspace = open_workspace(folder)
    if str(output) in workspace.cells:
        raise InputError(
            f"{output} is a cell, not a name for the report",
            expected="the file to write",
            advice=f"lirich report {quoted(f'{output}.html')} --cell {quoted(str(output))}",
        )
    path = write_report(workspace, output, cells=names or None, by=by)
    if json:
        print_json({"report": str(path), "bytes": path.stat().st_size})
    else:
        console().print(f"Wrote [bold]{escape(str(path))}[/] ({path.stat().st_size / 1e6:.1f} MB).")


def export(folder: Path, names: Sequence[str] | None, form: str, workspace: Path | None, *, json: bool) -> None:
    """Write everything out."""
    from lirich.model.format import format_origins
    from lirich.workbench.export import export as export_workspace
    from lirich.workbench.export import left_out

    opened = open_workspace(workspace)
    files = export_workspace(opened, folder, cells=names or None, form=form)
    findings = left_out(opened, names or None)
    if json:
        told = [f.model_dump(mode="json") for f in findings]
        print_json({"folder": str(folder), "files": [str(f) for f in files], "findings": told})
    else:
        show_findings(findings)
        origins = format_origins(opened.cells[name].origin for name in names or opened.cells)
        said = f" The cells are {origins}." if origins else ""
        console().print(f"Wrote {len(files)} files to [bold]{escape(str(folder))}[/].{said}")


def doctor(folder: Path | None, mend: bool, *, json: bool) -> None:
    """Check the installation and the workspace; mend what can be."""
    from lirich.workbench.doctor import examine

    mended = open_workspace(folder).store.mend() if mend else []
    health = examine(folder)
    health.findings[:0] = mended
    if json:
        print_json(health.to_dict())
    else:
        show_table("", ("part", "state", ""), health.rows())
        show_findings(health.findings, limit=50)
        colour = "red" if not health.well else "yellow" if health.warnings else "green"
        console().print(f"[bold {colour}]{health.verdict}[/]")
    if not health.well:
        raise typer.Exit(PARTLY)


def demo(folder: Path, fresh: bool, *, json: bool) -> None:
    """Show the whole way on real and synthetic cells."""
    from lirich.cli.demonstration import run_demo

    run_demo(folder, fresh=fresh, json=json)

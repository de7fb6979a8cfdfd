"""What the commands do: call the workbench, print what came back."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from rich.markup import escape

from lirich.cli.cells import cell_dict, list_cells, show_cell, show_cycles, show_history, show_said
from lirich.cli.options import open_workspace
from lirich.cli.output import console, print_json, progress_bar, show_error, show_findings, show_table
from lirich.errors import InputError, LirichError, UnknownNameError, quoted

if TYPE_CHECKING:
    from lirich.workbench import Workspace

_STATES = {
    "new": "",
    "known": "already there",
    "anew": "read anew",
    "moved": "moved",
    "restored": "restored",
    "longer": "goes on, replaces the older export",
    "older": "older export",
}
_COUNTED = (
    ("anew", "read anew"),
    ("moved", "moved"),
    ("restored", "restored"),
    ("longer", "longer than before"),
    ("older", "older than what is there"),
)
PARTLY = 1
"""Exit code of a run that did not do all it was asked to: files or cells failed (the others are kept), nothing could be
compared, something is wrong."""


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


def inspect(files: Sequence[Path], repairs: Sequence[str], mapping: Path | None, *, json: bool) -> None:
    """Say what files are."""
    from lirich.readers import inspect as inspect_file

    inspections = [inspect_file(path, repairs=repairs, mapping=mapping) for path in files]
    if json:
        print_json({"files": [i.to_dict() for i in inspections]})
    else:
        from lirich.cli.inspection import show_inspection

        for inspection in inspections:
            show_inspection(inspection)
    if not all(i.readable for i in inspections):
        raise typer.Exit(PARTLY)


def add(
    paths: Sequence[Path],
    cell: str | None,
    facts: Sequence[str],
    repairs: Sequence[str],
    reader: str | None,
    mapping: Path | None,
    reassign: bool,
    folder: Path | None,
    *,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Read files into the workspace."""
    from lirich.model.format import format_origins
    from lirich.workbench.intake.cellfacts import facts_wanted, told_of
    from lirich.workbench.intake.celltables import facts_from_options

    workspace = open_workspace(folder)
    with progress_bar("reading", quiet=json) as progress:
        report = workspace.add(
            paths,
            cell=cell,
            facts=facts_from_options(facts),
            reader=reader,
            repairs=repairs,
            mapping=mapping,
            reassign=reassign,
            executor=executor,
            workers=workers,
            progress=progress,
        )
    there = [workspace.cells[key] for key in report.cells if key in workspace.cells]
    wanted = [f for view in there for f in facts_wanted(view.facts, view.sample)]
    if json:
        print_json({**report.to_dict(), "asked_for": [f.model_dump(mode="json") for f in wanted]})
    else:
        rows = [
            (
                Path(a.path).name,
                a.cell,
                a.test.reader,
                f"{a.rows:,}",
                f"{a.test.confidence:.0%}",
                "; ".join(
                    filter(
                        None,
                        (
                            _STATES[a.state],
                            "" if a.already else ", ".join(a.test.repairs),
                            format_origins([workspace.cells[a.cell].origin]),
                        ),
                    )
                ),
            )
            for a in report.added
        ]
        if rows:
            show_table("", ("file", "cell", "reader", "rows", "sure", "note"), rows, right=(3, 4))
        for path, reason in report.skipped:
            console().print(f"[dim]skipped[/] {escape(path)} [dim]{escape(reason)}[/]")
        unknown = [path for path, reason in report.skipped if _is_table(path, reason)]
        if unknown:
            console().print(
                f"[dim]If {escape(Path(unknown[0]).name)} is a table of a test, describe it in a mapping file: [/]"
                f"[bold]lirich inspect {escape(quoted(unknown[0]))}[/][dim] says how.[/]"
            )
        for path, error in report.failed:
            console(stderr=True).print(f"[bold]{escape(path)}[/]")
            show_error(error)
        told = (
            f if f.where else f.model_copy(update={"where": a.cell})
            for a in report.added
            if not a.already
            for f in told_of(a.test, workspace.cells[a.cell].facts)
        )
        show_findings([*report.findings, *told, *wanted])
        count = Counter[str](a.state for a in report.added)
        others = "".join(f", {count[state]} {word}" for state, word in _COUNTED if count[state])
        console().print(
            f"[bold]{count['new']}[/] new file(s) of {len(report.cells)} cell(s); {count['known']} known{others}, "
            f"{len(report.skipped)} skipped, {len(report.failed)} failed."
            + (" Next: [bold]lirich analyse[/]" if report.added else "")
        )
    if report.failed:
        raise typer.Exit(PARTLY)


def cells(
    name: str | None,
    facts: Sequence[str],
    segments: Sequence[str],
    clear: bool,
    folder: Path | None,
    *,
    everything: bool,
    every_cycle: bool,
    changes: bool,
    json: bool,
) -> None:
    """List the cells, show one, or say facts about it."""
    workspace = open_workspace(folder)
    if name is None:
        if facts or segments or clear or everything or every_cycle or changes:
            raise InputError("No cell is named", advice="lirich cells NAME --set FIELD=VALUE, --all or --history")
        list_cells(workspace, json=json)
        return
    if changes and not (facts or segments or clear) and name not in workspace.cells:
        _former(workspace, name, json=json)
        return
    findings = []
    if facts:
        from lirich.workbench.intake.celltables import changes_from_options

        findings = workspace.set_facts(name, changes_from_options(facts))
    if clear:
        workspace.clear_corrections(name)
    for text in segments:
        first, last, kind = _segment(text)
        workspace.correct(name, (first, last), kind)
    said = bool(facts or segments or clear)
    if said:
        workspace.analyse([name], executor="serial")
    view = workspace.cells[name]
    if json:
        print_json(cell_dict(view))
        return
    told = view.findings
    show_findings(f for f in findings if f not in told)
    if changes:
        show_history(view.history)
    elif every_cycle:
        show_cycles(view)
    elif said and not everything:
        show_said(view, [*facts, *segments], cleared=clear)
    else:
        show_cell(view, everything=everything)


_OF_TABLES = (".csv", ".txt", ".tsv", ".xlsx", ".dat")


def _is_table(path: str, reason: str) -> bool:
    """Tell whether a file that no reader knows may be a table."""
    return reason.startswith("No reader knows") and Path(path).suffix.lower() in _OF_TABLES


def _former(workspace: Workspace, name: str, *, json: bool) -> None:
    """Show the history of a cell that was removed. Raises `UnknownNameError` where there never was one."""
    from lirich.workbench.intake.history import history

    try:
        found = history(workspace.store, name)
    except UnknownNameError:
        workspace.cells[name]  # the names of the cells that there are
        raise
    if json:
        print_json({"key": name, "removed": True, "history": [change.to_dict() for change in found]})
    else:
        show_history(found)


def remove(name: str | None, file: str | None, folder: Path | None, *, yes: bool, json: bool) -> None:
    """Remove a cell, or one file of it, once the user has said so."""
    workspace = open_workspace(folder)
    if name is None:
        raise InputError("No cell is named", advice="lirich cells NAME --remove")
    view = workspace.cells[name]
    what = f"the cell {name} ({len(view.tests)} file(s), {len(view.analyses)} run(s))"
    told = {"removed": name, "cell": name}
    if file is not None:
        from lirich.workbench.intake.removing import SHOWN_DIGITS, file_of

        meant = file_of(workspace.store, name, file)
        what = f"{meant.name} ({meant.sha256[:SHOWN_DIGITS]}) of {name}"
        told = {"removed": meant.name, "sha256": meant.sha256, "cell": name}
    if not yes:
        if json or not sys.stdin.isatty():
            raise InputError(f"Nobody can be asked whether {what} is to go", advice="Say so with --yes")
        typer.confirm(f"Remove {what}?", abort=True)
    if file is None:
        workspace.remove_cell(name)
    else:
        workspace.remove_file(name, told["sha256"])
        workspace.analyse([name], executor="serial")
    if json:
        print_json(told)
        return
    console().print(
        f"Removed {escape(what)}. The raw files and the history stay in the workspace; adding the files again brings "
        "it back."
    )


def _segment(text: str) -> tuple[int, int, str]:
    span, equals, kind = text.partition("=")
    first, dash, last = span.partition("-")
    try:
        numbers = int(first), int(last if dash else first)
    except ValueError:
        numbers = None
    if not equals or numbers is None or not kind:
        raise InputError(f"{text!r} is no segment", expected="A-B=KIND, such as 1-3=formation")
    return (*numbers, kind)


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


def compare(
    by: str,
    quantities: Sequence[str] | Literal["all"] | None,
    names: Sequence[str] | None,
    force: bool,
    seed: int,
    folder: Path | None,
    *,
    csv: Path | None,
    json: bool,
) -> None:
    """Compare groups of cells."""
    if csv is not None:
        from lirich.workbench.userfiles import check_file

        check_file(csv, (".csv",))
    comparison = open_workspace(folder).compare(
        by, quantities=quantities or None, cells=names or None, force=force, seed=seed
    )
    if csv is not None:
        from lirich.model.spreadsheet import write_csv

        write_csv(comparison.table(), csv)
    if json:
        print_json(comparison.to_dict())
    else:
        from lirich.cli.comparison import show_comparison

        show_comparison(comparison)
    if comparison.refused:
        raise typer.Exit(PARTLY)


def literature(
    text: str | None,
    quantity: str | None,
    morphology: str | None,
    sample: str | None,
    reference: str | None,
    conflicts: bool,
    add_records: Path | None,
    folder: Path | None,
    *,
    json: bool,
) -> None:
    """Query published values, or add the user's own records to the workspace."""
    from lirich.model.format import format_conditions, format_value
    from lirich.quantities import QUANTITIES
    from lirich.quantities import quantity as known_quantity
    from lirich.store.literature import filed_elsewhere, load_records, query
    from lirich.store.literature import reference as known_reference

    if quantity is not None:
        known_quantity(quantity)
    if add_records is not None:
        workspace = open_workspace(folder)
        records = load_records(add_records)
        workspace.store.put_values(records, source=f"literature:{add_records.name}")
        sys.stderr.write(f"{len(records)} records of {add_records.name} are in the workspace.\n")
    try:
        values = open_workspace(folder).literature
    except LirichError:
        if folder is not None:
            raise
        values = None  # no workspace here: the carried records alone
    found = query(
        values,
        quantity=quantity,
        morphology=morphology,
        sample=sample,
        reference=reference,
        flag="conflict" if conflicts else None,
        text=text,
    )
    if json:
        print_json({"values": [{**v.model_dump(mode="json"), "unit": v.unit} for v in found]})
        return
    rows = [
        (
            v.subject.key,
            v.conditions.other.get("morphology", ""),
            QUANTITIES[v.quantity].name,
            format_value(v),
            format_conditions(v.conditions),
            v.provenance.source,
            "; ".join((*v.flags, v.note)) if v.flags else v.note,
        )
        for v in found
    ]
    show_table("", ("sample", "SC/PC", "quantity", "value", "conditions", "source", "note"), rows, right=(3,))
    if not found and reference is not None and reference.strip().isdecimal():
        # the review cites many papers of which it gives no number
        console().print(escape(f"[{reference.strip()}] {known_reference(int(reference)).short}"))
    elsewhere = filed_elsewhere(found, quantity) if quantity is not None else ""
    console().print(f"{len(found)} published value(s).{f' {elsewhere}.' if elsewhere else ''}")


def references(text: str | None, reference: str | None, *, json: bool) -> None:
    """List the references of the review: all, those that have all words of *text*, or one number."""
    from lirich.store.literature import REVIEW, load
    from lirich.store.literature import reference as known_reference
    from lirich.store.literature import references as known

    found = [r for r in known() if all(word in r.raw.casefold() for word in (text or "").casefold().split())]
    if reference is not None:
        wanted = reference.strip()
        found = [known_reference(int(wanted))] if wanted.isdecimal() else [r for r in found if wanted in r.raw]
    cited = [str(v.provenance.parameters.get("reference_numbers", "")).split() for v in load()]
    values = {r.number: sum(str(r.number) in numbers for numbers in cited) for r in found}
    if json:
        listed = [{**r.model_dump(mode="json"), "short": r.short, "values": values[r.number]} for r in found]
        print_json({"review": REVIEW, "references": listed})
        return
    rows = [(r.number, r.short, r.doi_or_url or "", values[r.number] or "", r.note) for r in found]
    show_table("", ("no.", "reference", "DOI or address", "values", "note"), rows, right=(0, 3), whole=(0, 3))
    console().print(f"{len(found)} reference(s) of {escape(REVIEW)}.")


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

"""The Typer application. Nothing heavy is imported here: each command imports what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lirich import __version__
from lirich.cli import complete, physics
from lirich.cli.atoms import atoms
from lirich.cli.interface import interface
from lirich.cli.learn import learn
from lirich.cli.options import CellNames, ExecutorName, Json, Workers, WorkspaceFolder
from lirich.cli.output import want_json
from lirich.cli.screen import screen
from lirich.cli.simulation import simulate

app = typer.Typer(
    name="lirich",
    help="The workbench for lithium-rich cathodes: from cycler files to a diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Fact = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="A fact, such as active_mass_mg=5.9. Repeatable.",
        show_default=False,
        autocompletion=complete.facts,
    ),
]
CellOption = Annotated[
    list[str] | None,
    typer.Option("--cell", help="Only these cells. Repeatable.", show_default=False, autocompletion=complete.cells),
]


Mapping = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        metavar="FILE",
        help="Read the files by this mapping file (TOML), wherever it lies: what their columns are.",
        show_default=False,
    ),
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"lirich {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make a workspace of.")] = Path(),
    name: Annotated[str | None, typer.Option(help="Its name.", show_default=False)] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="A PostgreSQL catalogue to share (postgresql://user@host/database); by default SQLite in the folder.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a workspace: the folder that keeps raw files, curves and the catalogue."""
    want_json(json)
    from lirich.cli import verbs

    verbs.init(folder, name, database_url, json=json)


@app.command()
def inspect(
    files: Annotated[list[Path], typer.Argument(help="Files of a cycler.", show_default=False)],
    repair: Annotated[
        list[str] | None,
        typer.Option(
            "--repair",
            help="Show the file as it would be after this repair. Repeatable.",
            show_default=False,
            autocompletion=complete.repairs,
        ),
    ] = None,
    mapping: Mapping = None,
    json: Json = False,
) -> None:
    """Say what a file is: what was recognised, what was not, how surely, and what contradicts physics."""
    want_json(json)
    from lirich.cli import inspection

    inspection.inspect(files, repair or [], mapping, json=json)


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.", show_default=False)],
    cell: Annotated[
        str | None,
        typer.Option(
            "--cell",
            help="The cell that these files belong to.",
            show_default=False,
            autocompletion=complete.cells,
        ),
    ] = None,
    facts: Fact = None,
    repair: Annotated[
        list[str] | None,
        typer.Option(
            "--repair",
            help="A repair that `lirich inspect` proposed. Repeatable.",
            show_default=False,
            autocompletion=complete.repairs,
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(
            "--reader",
            help="The reader to use; by default the surest.",
            show_default=False,
            autocompletion=complete.readers,
        ),
    ] = None,
    mapping: Mapping = None,
    reassign: Annotated[bool, typer.Option("--reassign", help="Move files that belong to another cell.")] = False,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Read files into the workspace. A cells.csv or cells.toml beside them says what the cells are."""
    want_json(json)
    from lirich.cli import adding

    adding.add(
        paths,
        cell,
        facts or [],
        repair or [],
        reader,
        mapping,
        reassign,
        workspace,
        workers=workers,
        executor=executor,
        json=json,
    )


@app.command()
def cells(
    name: Annotated[
        str | None,
        typer.Argument(help="One cell, in detail.", show_default=False, autocompletion=complete.cells),
    ] = None,
    facts: Fact = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(
            "--unset",
            metavar="FIELD",
            help="Take back what you said: what cells.csv or the file says stands again. Repeatable.",
            show_default=False,
            autocompletion=complete.fields,
        ),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            "--segment",
            metavar="A-B=KIND",
            help="Say what cycles A to B, as the protocol lists them, are (formation, ageing, …). Repeatable.",
            show_default=False,
            autocompletion=complete.segments,
        ),
    ] = None,
    clear_segments: Annotated[
        bool,
        typer.Option("--clear-segments", help="Forget these corrections; the protocol is as detected again."),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Every segment, value and condition of the cell; nothing is folded.")
    ] = False,
    every_cycle: Annotated[
        bool, typer.Option("--cycles", help="One row per cycle: purpose, capacities, efficiency, retention, voltages.")
    ] = False,
    changes: Annotated[
        bool, typer.Option("--history", help="What was said of the cell, its sample and protocol, and when.")
    ] = False,
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Remove the cell from the workspace. Its raw files and its history stay."),
    ] = False,
    remove_file: Annotated[
        str | None,
        typer.Option(
            "--remove-file", metavar="FILE", help="Remove one file of the cell, by name or hash.", show_default=False
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """List the cells, show one with its protocol and values, say facts about it, or remove it."""
    want_json(json)
    from lirich.cli import cell_facts

    if remove or remove_file is not None:
        cell_facts.remove(name, remove_file, workspace, yes=yes, json=json)
        return
    cell_facts.cells(
        name,
        [*(facts or []), *(f"{field}=" for field in unset or [])],
        segment or [],
        clear_segments,
        workspace,
        everything=everything,
        every_cycle=every_cycle,
        changes=changes,
        json=json,
    )


@app.command()
def analyse(
    names: CellNames = None,
    force: Annotated[bool, typer.Option("--force", help="Analyse again what has not changed.")] = False,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Find steps, cycles and protocol, and compute every figure of merit with conditions and interval."""
    want_json(json)
    from lirich.cli import verbs

    verbs.analyse(names, force, workspace, workers=workers, executor=executor, json=json)


@app.command()
def compare(
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="The field that makes the groups: morphology, dopant, coating, …",
            autocompletion=complete.fields,
        ),
    ],
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            "--quantity",
            help="Only these quantities. Repeatable.",
            show_default=False,
            autocompletion=complete.quantities,
        ),
    ] = None,
    cell: CellOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every quantity, not only those a Li-rich cathode is judged by.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Compare values under unlike conditions too.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the Monte-Carlo permutation test.")] = 0,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the comparison as a table too.", show_default=False)
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Compare groups of cells: n, means, intervals, effect sizes, permutation tests corrected for their number."""
    want_json(json)
    from lirich.cli import comparison

    comparison.compare(by, "all" if everything else quantity, cell, force, seed, workspace, csv=csv, json=json)


@app.command()
def literature(
    text: Annotated[str | None, typer.Argument(help="Words to look for.", show_default=False)] = None,
    quantity: Annotated[
        str | None,
        typer.Option(help="A quantity of the vocabulary.", show_default=False, autocompletion=complete.quantities),
    ] = None,
    morphology: Annotated[
        str | None,
        typer.Option(
            help="SC, PC or PC-dense.",
            show_default=False,
            autocompletion=complete.one_of("SC", "PC", "PC-dense"),
        ),
    ] = None,
    sample: Annotated[str | None, typer.Option(help="Part of a sample's name.", show_default=False)] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="A reference number of the review, or part of a citation.",
            show_default=False,
            autocompletion=complete.references,
        ),
    ] = None,
    list_references: Annotated[
        bool,
        typer.Option("--references", help="List the references of the review instead; TEXT picks among them."),
    ] = False,
    conflicts: Annotated[bool, typer.Option("--conflicts", help="Only facts that contradict another.")] = False,
    add_records: Annotated[
        Path | None,
        typer.Option(
            "--add", help="A CSV of your own records, in the columns of the carried ones.", show_default=False
        ),
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Query published values: the facts of the review, with source, conditions and contradictions."""
    want_json(json)
    from lirich.cli import published

    if list_references:
        published.references(text, reference, json=json)
        return
    published.literature(text, quantity, morphology, sample, reference, conflicts, add_records, workspace, json=json)


@app.command()
def report(
    output: Annotated[Path, typer.Argument(help="The HTML file to write.")] = Path("report.html"),
    cell: CellOption = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            help="Compare groups by this field; morphology where it is known.",
            show_default=False,
            autocompletion=complete.fields,
        ),
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Write one HTML file with plots, values, comparison, literature, warnings and provenance."""
    want_json(json)
    from lirich.cli import verbs

    verbs.report(output, cell, by, workspace, json=json)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new folder.", show_default=False)],
    cell: CellOption = None,
    form: Annotated[
        str,
        typer.Option("--format", help="csv or parquet.", autocompletion=complete.one_of("csv", "parquet")),
    ] = "csv",
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Write everything out: values, cycles, steps, points in the Battery Data Format, provenance."""
    want_json(json)
    from lirich.cli import verbs

    verbs.export(folder, cell, form, workspace, json=json)


@app.command()
def doctor(
    mend: Annotated[
        bool,
        typer.Option(
            "--mend",
            help="Set damaged files aside, remove stale temporary files and replaced results; no data is lost.",
        ),
    ] = False,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Check the installation, the extras, the plug-ins and the workspace."""
    want_json(json)
    from lirich.cli import verbs

    verbs.doctor(workspace, mend, json=json)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")] = Path("demo-workspace"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove an earlier demo in that folder first.")] = False,
    json: Json = False,
) -> None:
    """Show the whole way: a real Li-rich cell and a synthetic laboratory, from vendor files to a report."""
    want_json(json)
    from lirich.cli import verbs

    verbs.demo(folder, fresh, json=json)


app.command()(simulate)
app.command()(physics.fit)
app.command()(physics.study)
app.command("design-cell")(physics.design_cell)
app.add_typer(learn)
app.add_typer(screen)
app.add_typer(atoms)
app.add_typer(interface)

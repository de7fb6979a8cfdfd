"""The Typer application. Nothing heavy is imported here: each command imports what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lirich import __version__
from lirich.cli import complete
from lirich.cli.options import CellNames, ExecutorName, Json, Workers, WorkspaceFolder
from lirich.cli.output import want_json
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
    json: Json = False,
) -> None:
    """Say what a file is: what was recognised, what was not, how surely, and what contradicts physics."""
    want_json(json)
    from lirich.cli import verbs

    verbs.inspect(files, repair or [], json=json)


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
    reassign: Annotated[bool, typer.Option("--reassign", help="Move files that belong to another cell.")] = False,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Read files into the workspace. A cells.csv or cells.toml beside them says what the cells are."""
    want_json(json)
    from lirich.cli import verbs

    verbs.add(
        paths,
        cell,
        facts or [],
        repair or [],
        reader,
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
    segment: Annotated[
        list[str] | None,
        typer.Option(
            "--segment",
            metavar="A-B=KIND",
            help="Say what cycles A to B are (formation, rate_test, ageing, check_up, …). Repeatable.",
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
    changes: Annotated[
        bool, typer.Option("--history", help="What was said of the cell, its sample and protocol, and when.")
    ] = False,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """List the cells, show one with its protocol and values, or say facts about it."""
    want_json(json)
    from lirich.cli import verbs

    verbs.cells(
        name,
        facts or [],
        segment or [],
        clear_segments,
        workspace,
        everything=everything,
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
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Compare groups of cells: n, means, intervals, effect sizes, permutation tests corrected for their number."""
    want_json(json)
    from lirich.cli import verbs

    verbs.compare(by, "all" if everything else quantity, cell, force, seed, workspace, json=json)


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
    from lirich.cli import verbs

    if list_references:
        verbs.references(text, reference, json=json)
        return
    verbs.literature(text, quantity, morphology, sample, reference, conflicts, add_records, workspace, json=json)


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
def fit(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CELL|FILE", help="A cell of the workspace, or a file of a cycler.", autocompletion=complete.cells
        ),
    ],
    cycles: Annotated[
        str | None, typer.Option("--cycles", metavar="1,10", help="Only these cycles.", show_default=False)
    ] = None,
    current: Annotated[
        float | None,
        typer.Option(
            "--current", metavar="MA_G", help="The current (mA/g) where none is recorded.", show_default=False
        ),
    ] = None,
    mass: Annotated[
        float | None, typer.Option("--mass", metavar="MG", help="The active mass of a file's cell.", show_default=False)
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--start", help="Where to begin: parameters as --save writes them.", show_default=False),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="PARAMETER", help="Do not fit this one. Repeatable.", show_default=False),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="PARAMETER",
            help="Profile the likelihood over this one: by its name or symbol. Repeatable.",
            show_default=False,
        ),
    ] = None,
    starts: Annotated[int, typer.Option("--starts", min=1, help="How many starts to try.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write curves and residuals here (HTML).", show_default=False)
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write every parameter here (JSON).", show_default=False)
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Fit the Li-rich cell model to measured cycles: parameters, intervals, and what the curves cannot tell."""
    want_json(json)
    from lirich.cli import fitting

    fitting.fit(
        source,
        cycles,
        current,
        mass,
        start,
        keep or [],
        profile or [],
        starts,
        output,
        save,
        workspace,
        json=json,
    )


@app.command("design-cell")
def design_cell(
    name: Annotated[
        str | None, typer.Argument(help="A design; all by default, with their energies.", show_default=False)
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=NUMBER", help="Change an assumption. Repeatable.", show_default=False),
    ] = None,
    target: Annotated[
        list[float] | None,
        typer.Option("--target", metavar="WH_KG", help="Solve for what this needs. Repeatable.", show_default=False),
    ] = None,
    cell: Annotated[
        str | None,
        typer.Option(
            "--cell",
            help="Take the cathode's capacity and voltage from this cell.",
            show_default=False,
            autocompletion=complete.cells,
        ),
    ] = None,
    ragone: Annotated[bool, typer.Option("--ragone", help="Energy against power, from the physics.")] = False,
    radius_nm: Annotated[
        float | None, typer.Option("--radius-nm", help="Crystal radius for --ragone.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the figures here (HTML).", show_default=False)
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Compute Wh/kg and Wh/L of a stack from the cathode on, and what a target needs; every assumption is shown."""
    want_json(json)
    from lirich.cli import designing

    designing.design_cell(name, changes or [], target or [], cell, ragone, radius_nm, output, workspace, json=json)


@app.command()
def study(
    file: Annotated[
        Path | None, typer.Argument(metavar="[STUDY]", help="A study in YAML or TOML.", show_default=False)
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option("--rate", help="Without a file: which crystal radius is best for this rate …", show_default=False),
    ] = None,
    cycles: Annotated[int | None, typer.Option("--cycles", help="… this many cycles …", show_default=False)] = None,
    low_v: Annotated[float | None, typer.Option("--low-v", help="… from this voltage …", show_default=False)] = None,
    high_v: Annotated[float | None, typer.Option("--high-v", help="… to this …", show_default=False)] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", help="… and this temperature (°C).", show_default=False)
    ] = None,
    parameter_set: Annotated[str, typer.Option("--parameters", help="SC, PC or a parameter set.")] = "SC",
    objective: Annotated[
        str, typer.Option("--objective", help="The figure that is to be large.")
    ] = "last_energy_wh_kg",
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Sobol indices of the objective over the ranges of the study.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the figures here (HTML).", show_default=False)
    ] = None,
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Simulate many cells: sweeps, samples, sensitivities, and the best crystal radius for a duty."""
    want_json(json)
    from lirich.cli import studying

    given = {
        "rate": rate,
        "cycles": cycles,
        "low_v": low_v,
        "high_v": high_v,
        "temperature_celsius": temperature,
    }
    studying.study(
        file,
        {key: value for key, value in given.items() if value is not None},
        parameter_set,
        objective,
        sensitivity,
        output,
        workspace,
        workers=workers,
        executor=executor,
        json=json,
    )


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
        typer.Option("--mend", help="Set damaged files aside, remove stale temporary ones; no data is deleted."),
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

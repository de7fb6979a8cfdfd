"""The commands of the cell physics beside ``simulate``: ``fit``, ``study`` and ``design-cell``, their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lirich.cli import complete
from lirich.cli.options import ExecutorName, Json, Workers, WorkspaceFolder
from lirich.cli.output import want_json

Figures = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the figures here (HTML).", show_default=False)
]


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
    spectrum: Annotated[
        list[str] | None,
        typer.Option(
            "--spectrum",
            metavar="FILE[@V]",
            help="Impedance to fit together with the cycles: a file, or a cell that has some, and the voltage where "
            "the file has none. Repeatable.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write curves and residuals here (HTML).", show_default=False)
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", help="Write every parameter here (JSON): a set for lirich simulate and study.", show_default=False
        ),
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Fit the Li-rich cell model to measured cycles and spectra: parameters, intervals, and what they cannot tell."""
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
        spectrum or [],
        output,
        save,
        workspace,
        json=json,
    )


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
    output: Figures = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Compute Wh/kg and Wh/L of a stack from the cathode on, and what a target needs; every assumption is shown."""
    want_json(json)
    from lirich.cli import designing

    designing.design_cell(name, changes or [], target or [], cell, ragone, radius_nm, output, workspace, json=json)


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
    parameter_set: Annotated[
        str, typer.Option("--parameters", help="SC, PC, a parameter set, or a saved fit: fit.json.")
    ] = "SC",
    cell: Annotated[
        str | None,
        typer.Option(
            "--cell",
            help="Instead of a parameter set: a simulated cell of the workspace, with all its numbers but the radius.",
            show_default=False,
            autocompletion=complete.cells,
        ),
    ] = None,
    objective: Annotated[
        str, typer.Option("--objective", help="The figure that is to be large.")
    ] = "last_energy_wh_kg",
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Sobol indices of the objective over the ranges of the study.")
    ] = False,
    output: Figures = None,
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
        cell=cell,
        workers=workers,
        executor=executor,
        json=json,
    )

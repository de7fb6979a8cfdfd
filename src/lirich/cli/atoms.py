"""The commands of ``lirich atoms``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lirich.cli.options import ExecutorName, Json, Workers, WorkspaceFolder, open_workspace
from lirich.cli.output import check_output, console, print_json, progress_bar, show_table, want_json

atoms = typer.Typer(
    name="atoms",
    help="Crystals and their potentials: build cells, fine-tune a potential to your own DFT, charge a cathode.",
    no_args_is_help=True,
)


@atoms.command()
def build(
    host: Annotated[
        str, typer.Argument(metavar="HOST", help="A formula, or a crystal (CIF, POSCAR).", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the cells.", show_default=False)],
    cations: Annotated[
        str, typer.Option("--cations", metavar="ORDER", help="ordered, random, spinel or rock-salt.")
    ] = "ordered",
    size: Annotated[int, typer.Option("--atoms", min=12, max=480, help="About so many atoms in a cell.")] = 60,
    orderings: Annotated[int, typer.Option("--orderings", min=1, help="How many cells of each kind.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first seed of the annealings.")] = 0,
    lithium_out: Annotated[
        float, typer.Option("--lithium-out", metavar="SHARE", min=0, max=1, help="Lithium that is out, by energy.")
    ] = 0.0,
    facet: Annotated[
        list[str] | None,
        typer.Option("--facet", help="Slabs of this facet: 003, 104, 010, 110, 012. Repeatable.", show_default=False),
    ] = None,
    thickness: Annotated[float, typer.Option("--thickness", min=1, help="Of a slab, Å.")] = 12.0,
    vacuum: Annotated[float, typer.Option("--vacuum", min=1, help="Over a slab, Å.")] = 15.0,
    poscar: Annotated[bool, typer.Option("--poscar", help="Write POSCAR (.vasp) instead of CIF.")] = False,
    json: Json = False,
) -> None:
    """Build cells to compute with: ordered by electrostatics or as at random, charged, cut into slabs.

    Example: lirich atoms build Li1.2Mn0.54Ni0.13Co0.13O2 --orderings 3 -o cells
    """
    want_json(json)
    from lirich.workbench.crystals.build import build_crystals, write_crystals
    from lirich.workbench.userfiles import check_folder

    check_folder(output)
    built = build_crystals(
        host,
        cations=cations,
        atoms=size,
        orderings=orderings,
        seed=seed,
        lithium_removed=lithium_out,
        facets=tuple(facet or ()),
        thickness_a=thickness,
        vacuum_a=vacuum,
    )
    files = write_crystals(built, output, "poscar" if poscar else "cif")
    if json:
        print_json({"cells": [{"file": str(f), **each.to_dict()} for f, each in zip(files, built, strict=True)]})
        return
    rows = [(f.name, len(each.structure), "; ".join(each.words)) for f, each in zip(files, built, strict=True)]
    show_table("", ("file", "atoms", "what it is"), rows, right=(1,), whole=(0,))
    console().print(f"{len(files)} cell{'s' if len(files) != 1 else ''} written into [bold]{escape(str(output))}[/].")


@atoms.command()
def tune(
    file: Annotated[Path, typer.Argument(help="DFT data: extended XYZ, or JSON.", show_default=False)],
    save: Annotated[str, typer.Option("--save", metavar="NAME", help="Use it as chgnet:NAME.", show_default=False)],
    base: Annotated[str, typer.Option("--base", help="The weights to start from: 0.3.0 or r2scan.")] = "0.3.0",
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes over the data.")] = 20,
    keep_worse: Annotated[
        bool, typer.Option("--keep-worse", help="Keep the model even if it is no better on what it did not see.")
    ] = False,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Fine-tune CHGNet to your DFT energies and forces, and keep it in the workspace.

    Example: lirich atoms tune dft.extxyz --save mine
    """
    want_json(json)
    from lirich.workbench.extras import need_atoms

    need_atoms("Fine-tuning")
    from lirich.atoms.finetune import TuningSettings

    with open_workspace(workspace) as opened, progress_bar("learning", quiet=json) as progress:
        settings = TuningSettings(base=base, epochs=epochs)
        found = opened.atoms.tune(file, save, settings=settings, keep_worse=keep_worse, progress=progress)
    if json:
        print_json(found.to_dict())
        return
    report = found.report
    held = ", ".join(report.held_out_compositions)
    learned = f"{report.learned_from} structure{'' if report.learned_from == 1 else 's'}"
    console().print(
        f"Kept as [bold]chgnet:{escape(save)}[/], learned from {learned}. On {report.held_out} "
        f"of {escape(held)}, which it did not see: forces off by {report.after.force_mev_a:.0f} meV/Å "
        f"({report.before.force_mev_a:.0f} before), energies by {report.after.energy_mev_atom:.1f} meV/atom "
        f"({report.before.energy_mev_atom:.1f} before)."
    )
    for doubt in report.doubts:
        console().print(f"[bold yellow]Units: {escape(doubt)}.[/]")
    if not report.improved:
        console().print("[bold red]It is no better than before.[/]")
    elif report.may_be_chance:
        console().print("[bold yellow]That it is better may be chance: too few structures were held out to be sure.[/]")


@atoms.command()
def charge(
    cathode: Annotated[str, typer.Argument(metavar="CATHODE", help="The discharged formula.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write (CSV).", show_default=False)],
    left: Annotated[
        list[float] | None,
        typer.Option(
            "--left", metavar="X", help="Lithium per formula that stays; by default at 4.5 V and fully charged."
        ),
    ] = None,
    orderings: Annotated[int, typer.Option("--orderings", min=2, help="Orderings of the metals.")] = 3,
    calculator: Annotated[str, typer.Option("--calculator", help="The potential.")] = "chgnet",
    workspace: WorkspaceFolder = None,
    workers: Workers = None,
    executor: ExecutorName = "processes",
    json: Json = False,
) -> None:
    """Compute what a charge puts into a cathode, for ``lirich interface reaction --states --charged TABLE``.

    Example: lirich atoms charge Li1.15Mn0.6Ni0.25O2 -o charged.csv
    """
    want_json(json)
    from dataclasses import asdict

    from lirich.interfaces.charged import csv_of_charges
    from lirich.workbench.userfiles import write_text

    check_output(output)
    with open_workspace(workspace) as opened, progress_bar("computing", quiet=json) as progress:
        found = opened.atoms.charge(
            cathode,
            left=tuple(left or ()),
            orderings=orderings,
            calculator=calculator,
            executor=executor,
            workers=workers,
            progress=progress,
        )
    write_text(output, csv_of_charges(found))
    if json:
        print_json({"charged": [asdict(one) for one in found]})
        return
    rows = [(f"{c.lithium_left:g}", f"{c.charging_energy_ev:.2f}", f"± {c.sd_ev:.2f}", c.cell) for c in found]
    show_table(f"{cathode}, charged (computed)", ("Li left", "eV per formula", "sd", "cell"), rows, right=(0, 1))
    console().print(f"Written: [bold]{escape(str(output))}[/]. A pre-filter, not DFT.")

"""``lirich interface cell``: what a coating does to a simulated solid-state cell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lirich.cli.options import Json
from lirich.cli.output import check_page, console, print_json, show_findings, show_table, want_json

CATHODE = "Li1.2Mn0.54Ni0.13Co0.13O2"


def cell_command(
    electrolyte: Annotated[
        str,
        typer.Option("--electrolyte", metavar="NAME", help="Li6PS5Cl, Li10GeP2S12, LLZO, Li3InCl6 or Li3YCl6."),
    ] = "Li6PS5Cl",
    coating: Annotated[
        list[str] | None,
        typer.Option("--coating", metavar="FORMULA", help="A coating to compare with bare; repeat it for more."),
    ] = None,
    cathode: Annotated[str, typer.Option("--cathode", metavar="FORMULA", help="The cathode.")] = CATHODE,
    thickness_nm: Annotated[
        float, typer.Option("--thickness-nm", metavar="NM", help="Of each coating; 0 is bare.")
    ] = 10.0,
    conductivity: Annotated[
        float | None,
        typer.Option("--conductivity", metavar="S/CM", help="Of the coating, where you know it.", show_default=False),
    ] = None,
    cycles: Annotated[
        int, typer.Option("--cycles", metavar="N", min=2, help="After two formation cycles at C/10.")
    ] = 50,
    rate: Annotated[str, typer.Option("--rate", metavar="RATE", help="Of these cycles.")] = "C/3",
    high_v: Annotated[
        float | None, typer.Option("--high", metavar="V", help="End of charge of the cell.", show_default=False)
    ] = None,
    parameters: Annotated[
        str, typer.Option("--parameters", metavar="SC|PC|FIT", help="Crystals: SC, PC or a saved fit (fit.json).")
    ] = "SC",
    counter_electrode: Annotated[
        str | None, typer.Option("--counter-electrode", metavar="Li|Li-In", help="The anode.", show_default=False)
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=NUMBER", help="A parameter of the cell, as of `lirich simulate`."),
    ] = None,
    energies: Annotated[
        str, typer.Option("--energies", metavar="embedded|mp|FILE", help="Whose energies, as of `lirich interface`.")
    ] = "embedded",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A page with the figure (HTML).", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """What a coating does to a simulated solid-state cell: the interface's resistance, capacity, what is kept.

    Example: lirich interface cell --coating LiNbO3 --coating Li3PO4 --cycles 50 -o coatings.html
    """
    want_json(json)
    check_page(output)
    from lirich.cli.simulation import numbers_of
    from lirich.workbench.solids import solid_cell as verb
    from lirich.workbench.solids.solid_cell_said import words

    found = verb.solid_cells(
        electrolyte,
        coating or (),
        cathode=cathode,
        thickness_nm=thickness_nm,
        conductivity_s_cm=conductivity,
        cycles=cycles,
        rate=rate,
        high_v=high_v,
        parameters=parameters,
        changes=numbers_of(changes or []),
        counter_electrode=counter_electrode,
        energies=energies,
    )
    sentences = words(found)
    if output is not None:
        from lirich.plots.page import page
        from lirich.workbench.userfiles import write_text

        title = "A coating in a solid-state cell"
        write_text(output, page(title, found.figures, facts=sentences, findings=found.findings))
    if json:
        print_json({**found.to_dict(), "words": sentences})
        return
    drives = [
        (
            cell.name,
            f"{face.a} | {face.b}",
            f"{1000 * face.energy.central:.0f}",
            f"{1000 * face.energy.low:.0f} to {1000 * face.energy.high:.0f}",
            ", ".join(f"{100 * share:.0f} % {formula}" for formula, share in face.volume_shares.items()) or "–",
        )
        for cell in found.cells
        for face in cell.junction.faces
    ]
    show_table(
        "What drives a layer (computed)",
        ("cell", "contact", "meV/atom", "90 %", "products by volume"),
        drives,
        right=(2,),
    )
    limits = [
        (
            cell.name,
            cell.junction.touches,
            "–" if cell.junction.limit is None else f"{cell.junction.limit.central:.2f}",
            f"{1000 * cell.junction.slope.central:.0f}",
            "–" if cell.conductivity is None else f"{cell.conductivity.central:.1g}",
            "" if cell.conductivity is None else f"{cell.conductivity.low:.1g} to {cell.conductivity.high:.1g}",
        )
        for cell in found.cells
    ]
    columns = ("cell", "touches the cathode", "oxidised from, V", "meV/atom per V beyond", "S/cm", "low to high")
    show_table("", columns, limits, right=(2, 3, 4))
    for sentence in sentences:
        console().print(sentence, markup=False)
    show_findings(found.findings)
    if output is not None:
        console().print(f"Figure: {output}", markup=False)

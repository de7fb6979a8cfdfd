"""The commands of ``lirich interface``: stability windows and contact reactions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lirich.cli.options import Json
from lirich.cli.output import console, print_json, show_table, want_json
from lirich.cli.solid_cell import cell_command

if TYPE_CHECKING:
    from lirich.interfaces.coverage import Coverage
    from lirich.interfaces.windows import Limit

interface = typer.Typer(
    name="interface",
    help="Solid electrolytes and coatings: windows against lithium, what two solids do in contact, and in a cell.",
    no_args_is_help=True,
)
interface.command("cell")(cell_command)
Energies = Annotated[
    str,
    typer.Option(
        "--energies",
        metavar="embedded|mp|FILE",
        help="Whose energies: lirich's, the Materials Project's (key in MP_API_KEY), or a JSON file of entries.",
    ),
]


@interface.command("window")
def window_command(
    formula: Annotated[str, typer.Argument(metavar="FORMULA", help="A compound, such as Li6PS5Cl.")],
    energies: Energies = "embedded",
    json: Json = False,
) -> None:
    """Between which potentials a compound is stable, and what it becomes beyond."""
    want_json(json)
    from lirich.workbench import interface as verb

    found = verb.window_of(formula, energies)
    if json:
        print_json(verb.to_dict(found))
        return
    rows = [
        (name, _volts(limit), _interval(limit), _sum(limit.products or {}) or limit.reason)
        for name, limit in (("reduction", found.reduction), ("oxidation", found.oxidation))
    ]
    show_table(f"Stability of {found.formula} (computed)", ("limit", "V vs Li", "90 %", "becomes"), rows, right=(1,))
    _show_ground(found.coverage, found.notes)


@interface.command("reaction")
def reaction_command(
    a: Annotated[str, typer.Argument(metavar="A", help="A solid: a coating, an electrolyte.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other: a cathode, a coating, Li.")],
    voltage: Annotated[
        float | None,
        typer.Option(
            "--voltage", metavar="V", help="Lithium free at this potential; closed without.", show_default=False
        ),
    ] = None,
    charged: Annotated[bool, typer.Option("--states", help="B is a cathode: at each of its states of charge.")] = False,
    computed: Annotated[
        Path | None,
        typer.Option("--charged", metavar="TABLE", help="Charged cathodes by lirich atoms charge.", show_default=False),
    ] = None,
    energies: Energies = "embedded",
    json: Json = False,
) -> None:
    """What two solids do where they touch, and how much drives it."""
    want_json(json)
    from lirich.workbench import interface as verb

    found = verb.contacts_of(a, b, voltage, charged=charged, energies=energies, computed=computed)
    if json:
        print_json({"contacts": [verb.to_dict(each) for each in found]})
        return
    rows = [
        (
            each.b,
            f"{round(1000 * each.energy_ev_atom)}",
            f"± {1000 * (each.sd or 0.0):.0f}",
            *([f"{round(1000 * each.no_mixing_ev_atom)} ± {1000 * (each.no_mixing_sd or 0.0):.0f}"] if charged else []),
            _sum(each.products) or "–",
        )
        for each in found
    ]
    heads = ("with", "meV/atom", "sd", *(["each alone"] if charged else []), "products per atom")
    how = "closed" if voltage is None else f"at {voltage:g} V"
    title = f"{found[0].a} in contact, {how} (computed)"
    show_table(title, heads, rows, right=(1, 3) if charged else (1,))
    notes = dict.fromkeys(note for each in found for note in each.notes)
    _show_ground(found[0].coverage, tuple(notes))


def _volts(limit: Limit) -> str:
    if limit.voltage is None:
        return "withheld" if limit.withheld else "–"
    return f"{limit.voltage:.2f}"


def _interval(limit: Limit) -> str:
    return "–" if limit.low is None else f"{limit.low:.2f} to {limit.high:.2f}"


def _sum(products: Mapping[str, float]) -> str:
    return " + ".join(f"{n:.2g} {formula}" for formula, n in products.items())


def _show_ground(coverage: Coverage, notes: tuple[str, ...]) -> None:
    known = ", ".join(f"{n} of {size} elements" for size, n in sorted(coverage.known.items()))
    console().print(f"Coverage {coverage.grade}: {coverage.reason()}; compounds known: {known}.", markup=False)
    for note in notes:
        console().print(f"Note: {note}.", markup=False)

"""The commands of ``lirich interface``: stability windows, contact reactions, maps and stacks of solids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lirich.cli.options import Json
from lirich.cli.output import check_page, console, print_json, show_table, want_json
from lirich.cli.solid_cell import cell_command

if TYPE_CHECKING:
    from lirich.interfaces.contact import Contact
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


Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write a page with the figures here (HTML).", show_default=False),
]
Voltage = Annotated[
    float | None,
    typer.Option("--voltage", metavar="V", help="Lithium free at this potential; closed without.", show_default=False),
]
Anode = Annotated[bool, typer.Option("--anode", help="With lithium metal too; it is always met closed.")]


@interface.command("window")
def window_command(
    formulas: Annotated[list[str], typer.Argument(metavar="FORMULA...", help="Compounds, such as Li6PS5Cl.")],
    between: Annotated[
        tuple[float, float], typer.Option("--between", metavar="LOW HIGH", help="Voltages of the cathode, V, shaded.")
    ] = (2.0, 4.8),
    output: Output = None,
    energies: Energies = "embedded",
    json: Json = False,
) -> None:
    """Between which potentials compounds are stable, and what they become beyond."""
    want_json(json)
    check_page(output)
    from lirich.workbench.solids import interface as verb

    found = verb.windows_of(formulas, energies)
    if output is not None:
        from lirich.reports import interface as pages

        _write(output, pages.window_page(found, between, energies))
    if json:
        print_json({"windows": [verb.to_dict(each) for each in found]})
        return
    for each in found:
        rows = [
            (name, _volts(limit), _interval(limit), _sum(limit.products or {}) or limit.reason)
            for name, limit in (("reduction", each.reduction), ("oxidation", each.oxidation))
        ]
        show_table(f"Stability of {each.formula} (computed)", ("limit", "V vs Li", "90 %", "becomes"), rows, right=(1,))
        _show_ground(each.coverage, each.notes)
    _show_written(output)


@interface.command("reaction")
def reaction_command(
    a: Annotated[str, typer.Argument(metavar="A", help="A solid: a coating, an electrolyte.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other: a cathode, a coating, Li.")],
    voltage: Voltage = None,
    charged: Annotated[bool, typer.Option("--states", help="B is a cathode: at each of its states of charge.")] = False,
    computed: Annotated[
        Path | None,
        typer.Option("--charged", metavar="TABLE", help="Charged cathodes by lirich atoms charge.", show_default=False),
    ] = None,
    output: Output = None,
    energies: Energies = "embedded",
    json: Json = False,
) -> None:
    """What two solids do where they touch, and how much drives it."""
    want_json(json)
    check_page(output)
    from lirich.workbench.solids import interface as verb

    found = verb.contacts_of(a, b, voltage, charged=charged, energies=energies, computed=computed)
    if output is not None:
        from lirich.reports import interface as pages

        mixings = verb.mixings_of(a, b, voltage, charged=charged, energies=energies)
        name = b if charged else found[0].b
        _write(output, pages.reaction_page(found, mixings, name, energies, cathode=charged))
    if json:
        print_json({"contacts": [verb.to_dict(each) for each in found]})
        return
    alone = [
        [f"{round(1000 * each.no_mixing_ev_atom)} ± {1000 * (each.no_mixing_sd or 0.0):.0f}"] if charged else []
        for each in found
    ]
    told = [(each.b, *_contact(each)) for each in found]
    rows = [(*row[:-1], *each, row[-1]) for row, each in zip(told, alone, strict=True)]
    heads = ("with", "meV/atom", "sd", *(["each alone"] if charged else []), "products per atom")
    title = f"{found[0].a} in contact, {_how(voltage)} (computed)"
    show_table(title, heads, rows, right=(1, 3) if charged else (1,))
    notes = dict.fromkeys(note for each in found for note in each.notes)
    _show_ground(found[0].coverage, tuple(notes))
    _show_written(output)


@interface.command("map")
def map_command(
    materials: Annotated[list[str], typer.Argument(metavar="MATERIAL...", help="Coatings or electrolytes.")],
    cathode: Annotated[str, typer.Option("--cathode", metavar="FORMULA", help="At each of its states of charge.")],
    electrolytes: Annotated[
        list[str] | None,
        typer.Option("--electrolyte", metavar="FORMULA", help="Another neighbour; repeatable.", show_default=False),
    ] = None,
    anode: Anode = False,
    voltage: Voltage = None,
    output: Output = None,
    energies: Energies = "embedded",
    json: Json = False,
) -> None:
    """How much drives the reaction of many materials with a cathode, electrolytes and lithium metal."""
    want_json(json)
    check_page(output)
    from lirich.workbench.solids import interface as verb

    found = verb.reactions_of(
        materials, cathode, electrolytes or (), anode=anode, voltage=voltage, energies=energies
    )  # fmt: skip
    if output is not None:
        from lirich.reports import interface as pages

        _write(output, pages.map_page(found, energies))
    if json:
        print_json(verb.to_dict(found))
        return
    rows = [
        (material, *(_cell(met.contact) for met in row))
        for material, row in zip(found.materials, found.met, strict=True)
    ]
    heads = ("material", *(name for name, _ in found.neighbours))
    show_table(
        f"meV/atom, {_how(voltage)} (computed); letters: coverage", heads, rows, right=tuple(range(1, len(heads)))
    )  # fmt: skip
    reasons = dict.fromkeys(met.reason for row in found.met for met in row if met.reason)
    for reason in reasons:
        console().print(f"? {reason}", markup=False)
    _show_doubts(met.contact for row in found.met for met in row)
    _show_written(output)


@interface.command("stack")
def stack_command(
    solids: Annotated[
        list[str], typer.Argument(metavar="CATHODE [COATING]... ELECTROLYTE", help="The solids in their order.")
    ],
    anode: Anode = False,
    voltage: Voltage = None,
    output: Output = None,
    energies: Energies = "embedded",
    json: Json = False,
) -> None:
    """What happens at each interface of a stack: cathode, coatings if any, electrolyte."""
    want_json(json)
    check_page(output)
    from lirich.errors import InputError
    from lirich.workbench.solids import interface as verb

    if len(solids) < 2:
        raise InputError(f"A stack of {solids[0]} alone", expected="a cathode, coatings if any, and an electrolyte")
    cathode, *coatings, electrolyte = solids
    found = verb.stack_of(cathode, coatings, electrolyte, anode=anode, voltage=voltage, energies=energies)
    if output is not None:
        from lirich.reports import interface as pages

        _write(output, pages.stack_page(found, energies))
    if json:
        print_json(verb.to_dict(found))
        return
    names = [formula for formula, _ in found.layers]
    places = [f"{one} | {other}" for one, other in pairwise(names)]
    listed = [*zip(places, found.met, strict=True)] + [("without the coating", found.bare)] * bool(found.bare)
    rows = [
        (place, met.condition, *(_contact(met.contact) if met.contact else ("?", "", met.reason)))
        for place, row in listed
        for met in row
    ]
    heads = ("interface", "state", "meV/atom", "sd", "products per atom")
    show_table(f"{' | '.join(names)}, {_how(voltage)} (computed)", heads, rows, right=(2,))
    _show_doubts(met.contact for _, row in listed for met in row)
    _show_written(output)


def _write(output: Path, page: str) -> None:
    from lirich.reports import write_page

    write_page(output, page)


def _show_written(output: Path | None) -> None:
    if output is not None:
        console().print(f"Page: {output}", markup=False)


def _how(voltage: float | None) -> str:
    return "closed" if voltage is None else f"at {voltage:g} V"


def _contact(found: Contact) -> tuple[str, str, str]:
    sd = f"± {1000 * (found.sd or 0.0):.0f}"
    return f"{round(1000 * found.energy_ev_atom)}", sd, _sum(found.products) or "–"


def _cell(found: Contact | None) -> str:
    return "?" if found is None else f"{round(1000 * found.energy_ev_atom)} {found.coverage.grade}"


def _volts(limit: Limit) -> str:
    if limit.voltage is None:
        return "withheld" if limit.withheld else "–"
    return f"{limit.voltage:.2f}"


def _interval(limit: Limit) -> str:
    return "–" if limit.low is None else f"{limit.low:.2f} to {limit.high:.2f}"


def _sum(products: Mapping[str, float]) -> str:
    return " + ".join(f"{n:.2g} {formula}" for formula, n in products.items())


def _show_doubts(contacts: Iterable[Contact | None]) -> None:
    """Say once of which formulas the charges do not balance."""
    from lirich.interfaces.coverage import UNBALANCED

    notes = dict.fromkeys(note for each in contacts if each for note in each.notes if note.endswith(UNBALANCED))
    for note in notes:
        console().print(f"Note: {note}.", markup=False)


def _show_ground(coverage: Coverage, notes: tuple[str, ...]) -> None:
    known = ", ".join(f"{n} of {size} elements" for size, n in sorted(coverage.known.items()))
    console().print(f"Coverage {coverage.grade}: {coverage.reason()}; compounds known: {known}.", markup=False)
    for note in notes:
        console().print(f"Note: {note}.", markup=False)

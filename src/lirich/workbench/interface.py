"""The verb *interface*: stability windows and contact reactions, from the energies that are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lirich.errors import InputError, OptionalDependencyError
from lirich.interfaces.cathode import states_of_charge
from lirich.interfaces.charged import ComputedCharge, charges_of_csv
from lirich.interfaces.contact import Contact, reaction
from lirich.interfaces.embedded import NAME, embedded_table
from lirich.interfaces.formulas import amounts_of
from lirich.interfaces.phases import EnergyTable, Entry, table_of_entries, table_of_json
from lirich.interfaces.windows import LITHIUM, Window, window

MATERIALS_PROJECT = "mp"


def reference(source: str = NAME, elements: Iterable[str] = ()) -> EnergyTable:
    """Return the energies of a *source*: ``embedded``, ``mp`` (a key in MP_API_KEY), or a JSON file of entries.

    Of the Materials Project the chemical system of *elements* is asked for. Raises `OptionalDependencyError` without
    mp-api, `InputError` for a file that is not there or holds something else.
    """
    if source == NAME:
        return embedded_table()
    if source == MATERIALS_PROJECT:
        return _of_materials_project(sorted(set(elements)))
    path = Path(source)
    if not path.is_file():
        raise InputError(
            f"There are no energies {source!r}",
            expected=f"{NAME}, {MATERIALS_PROJECT}, or a JSON file of pymatgen entries",
        )
    return table_of_json(path.read_text(encoding="utf-8"), path.name)


def kept_reference(source: str, *formulas: str) -> EnergyTable:
    """Return the table of *source*: kept in the process, but for the Materials Project, asked for each system."""
    if source != MATERIALS_PROJECT:
        return _kept(source)
    return reference(source, {LITHIUM, *(e for formula in formulas for e in amounts_of(formula))})


@lru_cache(maxsize=4)
def _kept(source: str) -> EnergyTable:
    return reference(source)


def energies_digest(source: str) -> str:
    """Return what tells the energies of a source from others of the same name; of the Materials Project its name."""
    if source == MATERIALS_PROJECT:
        return source
    if source == NAME:
        return hashlib.sha256(resources.files("lirich.interfaces").joinpath("energies.csv.gz").read_bytes()).hexdigest()
    reference(source)
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


def _of_materials_project(elements: list[str]) -> EnergyTable:
    if find_spec("mp_api") is None:
        raise OptionalDependencyError.of("The Materials Project", "mp", "the energies that come with lirich")
    from mp_api.client import MPRester

    with MPRester() as project:
        found = project.get_entries_in_chemsys(elements)
    entries = [
        Entry(tuple((e.symbol, float(n)) for e, n in one.composition.items()), float(one.energy), str(one.entry_id))
        for one in found
    ]
    return table_of_entries(entries, "Materials Project")


def window_of(formula: str, energies: str = NAME) -> Window:
    """Return the stability window of *formula* against lithium."""
    return window(reference(energies, {*amounts_of(formula), LITHIUM}), formula)


def contacts_of(
    a: str,
    b: str,
    voltage: float | None = None,
    *,
    charged: bool = False,
    energies: str = NAME,
    computed: Path | None = None,
) -> tuple[Contact, ...]:
    """Return the contact reaction of *a* and *b*; with *charged*, of *a* and the cathode *b* at each of its states.

    *computed* is a table of charged cathodes (``lirich atoms charge``) in place of the one that comes with lirich.
    Raises `InputError` for one that cannot be read.
    """
    table = reference(energies, {*amounts_of(a), *amounts_of(b), LITHIUM})
    sides = states_of_charge(b, None if computed is None else read_charges(computed)) if charged else (b,)
    return tuple(reaction(table, a, side, voltage=voltage) for side in sides)


def read_charges(path: Path) -> tuple[ComputedCharge, ...]:
    """Read a table of charged cathodes. Raises `InputError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", expected="a table by lirich atoms charge") from error
    return charges_of_csv(text, path.name)


def to_dict(answer: Window | Contact) -> dict[str, Any]:
    """Return an answer as JSON, with the grade of its coverage and what that rests on."""
    return {**asdict(answer), "coverage_reason": answer.coverage.reason()}

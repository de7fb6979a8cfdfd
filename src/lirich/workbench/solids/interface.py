"""The verb *interface*: stability windows, contact reactions and stacks of solids, from the energies asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from lirich.errors import CompositionError, InputError
from lirich.interfaces.cathode import Charged, states_of_charge
from lirich.interfaces.charged import ComputedCharge, charges_of_csv
from lirich.interfaces.contact import Contact, reaction
from lirich.interfaces.embedded import NAME, embedded_table
from lirich.interfaces.formulas import amounts_of, reduced
from lirich.interfaces.mixing import Mixing, mixing
from lirich.interfaces.phases import EnergyTable, table_of_json
from lirich.interfaces.windows import LITHIUM, Window, window
from lirich.workbench.solids.materials_project import MATERIALS_PROJECT, table_of
from lirich.workbench.userfiles import read_text

SAME = "the same solid"
"""Why a solid has no contact with itself."""


def reference(source: str = NAME, elements: Iterable[str] = ()) -> EnergyTable:
    """Return the energies of a *source*: ``embedded``, ``mp`` (a key in MP_API_KEY), or a JSON file of entries.

    Of the Materials Project the chemical system of *elements* is asked for. Raises `OptionalDependencyError` without
    mp-api, `InputError` where the Project does not answer and for a file that is not there or holds something else.
    """
    if source == NAME:
        return embedded_table()
    if source == MATERIALS_PROJECT:
        return table_of(elements)
    path = reference_file(source)
    return table_of_json(path.read_text(encoding="utf-8"), path.name)


def kept_reference(source: str) -> EnergyTable:
    """Return the table of a *source* and keep it in the process, for the many questions of a screening."""
    if source == NAME:
        return embedded_table()
    file = reference_file(source).stat()
    return _kept((source, file.st_mtime_ns, file.st_size))


@lru_cache(maxsize=2)
def _kept(state: tuple[str, int, int]) -> EnergyTable:
    """Return the table of a file in one state (path, time of change, size): one that changes is read anew."""
    return reference(state[0])


def energies_digest(source: str) -> str:
    """Return what tells the energies of a source from others of the same name."""
    if source == NAME:
        return hashlib.sha256(resources.files("lirich.interfaces").joinpath("energies.csv.gz").read_bytes()).hexdigest()
    kept_reference(source)  # what is no list of entries is refused here
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


def reference_file(source: str) -> Path:
    """Return the file of a source. Raises `InputError` where there is none."""
    path = Path(source)
    if not path.is_file():
        raise InputError(
            f"There are no energies {source!r}",
            expected=f"{NAME}, {MATERIALS_PROJECT}, or a JSON file of pymatgen entries",
        )
    return path


def windows_of(formulas: Sequence[str], energies: str = NAME) -> tuple[Window, ...]:
    """Return the stability windows of *formulas* against lithium, in their order."""
    table = reference(energies, {LITHIUM, *(e for f in formulas for e in amounts_of(f))})
    return tuple(window(table, formula) for formula in formulas)


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


def mixings_of(
    a: str, b: str, voltage: float | None = None, *, charged: bool = False, energies: str = NAME
) -> tuple[Mixing, ...]:
    """Return the gain over all mixing ratios of the contacts of `contacts_of`; the states of *charged* once each."""
    table = reference(energies, {*amounts_of(a), *amounts_of(b), LITHIUM})
    sides: Sequence[str | Charged] = [side for _, side in charge_states(b)] if charged else (b,)
    return tuple(mixing(table, a, side, voltage=voltage) for side in sides)


def charge_states(cathode: str) -> list[tuple[str, Charged]]:
    """Return the states of charge with short names, each once.

    As a mixture and as charged a state reacts alike: what it would gain by itself is counted for neither.
    """
    states = (s for s in states_of_charge(cathode) if s.charging_energy_ev is None)
    return [(state.state.removesuffix(", mixture"), state) for state in states]


@dataclass(frozen=True, slots=True)
class Met:
    """What stands at one place of a map or a stack: a contact, or why there is none."""

    condition: str
    contact: Contact | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReactionMap:
    """Contacts of materials (rows) with neighbours (columns, each with its group: cathode, electrolyte, anode)."""

    cathode: str
    materials: tuple[str, ...]
    neighbours: tuple[tuple[str, str], ...]
    met: tuple[tuple[Met, ...], ...]
    voltage: float | None


@dataclass(frozen=True, slots=True)
class Stack:
    """Solids from the cathode on (formula, role), what happens between them, and what would without the coating."""

    layers: tuple[tuple[str, str], ...]
    met: tuple[tuple[Met, ...], ...]
    bare: tuple[Met, ...]
    voltage: float | None


def reactions_of(
    materials: Sequence[str],
    cathode: str,
    electrolytes: Sequence[str] = (),
    *,
    anode: bool = False,
    voltage: float | None = None,
    energies: str = NAME,
) -> ReactionMap:
    """Return the contacts of *materials* with the *cathode* at each state of charge, *electrolytes*, and lithium metal.

    Lithium metal is met closed, whatever the *voltage* of the others. What cannot be answered (an element that the
    table lacks) is an empty place with its reason. Raises `CompositionError` on a cathode that cannot be charged.
    """
    sides: list[tuple[str, str, str | Charged]] = [(name, "cathode", s) for name, s in charge_states(cathode)]
    sides += [(reduced(e), "electrolyte", e) for e in electrolytes]
    sides += [(LITHIUM, "anode", LITHIUM)] * anode
    table = reference(energies, {LITHIUM, *(e for f in (*materials, cathode, *electrolytes) for e in amounts_of(f))})
    met = tuple(tuple(_met(table, m, name, side, voltage) for name, _, side in sides) for m in materials)
    neighbours = tuple((name, group) for name, group, _ in sides)
    return ReactionMap(cathode, tuple(reduced(m) for m in materials), neighbours, met, voltage)


def stack_of(
    cathode: str,
    coatings: Sequence[str],
    electrolyte: str,
    *,
    anode: bool = False,
    voltage: float | None = None,
    energies: str = NAME,
) -> Stack:
    """Return what happens at each interface of cathode | coatings | electrolyte (| lithium metal).

    Raises `CompositionError` on a cathode that cannot be charged.
    """
    states = charge_states(cathode)
    solids = [*coatings, electrolyte]
    table = reference(energies, {LITHIUM, *(e for f in (cathode, *solids) for e in amounts_of(f))})

    def charged(solid: str) -> tuple[Met, ...]:
        return tuple(_met(table, solid, name, state, voltage) for name, state in states)

    met = [charged(solids[0])]
    met += [(_met(table, one, "", other, voltage),) for one, other in pairwise(solids)]
    layers = [(cathode, "cathode"), *((reduced(c), "coating") for c in coatings), (reduced(electrolyte), "electrolyte")]
    if anode:
        met.append((_met(table, electrolyte, "", LITHIUM, voltage),))
        layers.append((LITHIUM, "anode"))
    return Stack(tuple(layers), tuple(met), charged(electrolyte) if coatings else (), voltage)


def _met(table: EnergyTable, a: str, name: str, b: str | Charged, voltage: float | None) -> Met:
    if isinstance(b, str) and reduced(a) == reduced(b):
        return Met(name, None, SAME)
    try:
        return Met(name, reaction(table, a, b, voltage=None if b == LITHIUM else voltage))
    except CompositionError as error:
        return Met(name, None, str(error))


def read_charges(path: Path) -> tuple[ComputedCharge, ...]:
    """Read a table of charged cathodes. Raises `InputError`."""
    text = read_text(path, "a table by lirich atoms charge")
    return charges_of_csv(text, path.name)


def to_dict(answer: Window | Contact | ReactionMap | Stack) -> dict[str, Any]:
    """Return an answer as JSON, with the grade of its coverage and what that rests on."""
    if isinstance(answer, Window | Contact):
        return {**asdict(answer), "coverage_reason": answer.coverage.reason()}
    return asdict(answer)

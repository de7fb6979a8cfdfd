"""What thermodynamics says of the layer between a cathode and a solid electrolyte, bare or with a coating between.

It decides three things: whether a layer forms at all (the energy that the contacts set free), from which potential on
the lithium that is taken out drives it further (the oxidation limit of what touches the cathode), and how much (the
energy per volt beyond). It names the products, and with their densities their volumes. It says nothing of how fast:
that is `lirich.cells.interphase`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lirich.errors import CompositionError
from lirich.interfaces.contact import INERT_EV_ATOM, Contact, gain_alone, reaction
from lirich.interfaces.formulas import reduced
from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.solids import molar_volume_cm3
from lirich.interfaces.windows import Array, Window, bar_of, window
from lirich.model import Composition

GASES = frozenset({"O2", "Cl2", "N2", "H2"})
"""Products that leave, and fill nothing."""
TOP_V = 4.8
"""V against Li: the end of the usual charge of a lithium-rich cathode."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number as it stands, and the ends of the 90 % interval that the errors of the energies leave."""

    low: float
    central: float
    high: float


@dataclass(frozen=True, slots=True)
class Face:
    """Two solids that touch: what drives their reaction (eV per atom of both, 0 or more), and what it makes.

    ``volume_shares`` are the parts of the products' volume, ``known_volume`` the part of the products' atoms whose
    density is known (the others are taken to have the same volume per atom). ``consumes`` is how much of the first
    solid a layer of products has used up, volume of it per volume of products; ``None`` without a density.
    """

    a: str
    b: str
    energy: Bounds
    products: Mapping[str, float]
    volume_shares: Mapping[str, float]
    known_volume: float
    consumes: float | None


@dataclass(frozen=True, slots=True)
class Junction:
    """Cathode and electrolyte, with a ``coating`` between them or none (empty).

    ``faces`` are the contacts: one bare, two coated, the coating first. ``limit`` is the oxidation limit of what
    touches the cathode (V against Li; ``None`` where it has no lithium to lose), ``slope`` the energy that each volt
    beyond adds, eV per atom and V, as the mean up to ``top_v``.
    """

    cathode: str
    electrolyte: str
    coating: str
    faces: tuple[Face, ...]
    limit: Bounds | None
    slope: Bounds
    top_v: float
    grade: str
    notes: tuple[str, ...]

    @property
    def touches(self) -> str:
        """What touches the cathode."""
        return self.coating or self.electrolyte

    @property
    def inert(self) -> bool:
        """Whether nothing drives a layer between what touches, at any potential up to ``top_v``."""
        contacts = all(face.energy.central <= INERT_EV_ATOM for face in self.faces)
        return contacts and (self.limit is None or self.limit.central >= self.top_v or self.slope.central <= 0)


def junction(
    table: EnergyTable, cathode: str, electrolyte: str, coating: str = "", *, top_v: float = TOP_V
) -> Junction:
    """Return what drives the layer between *cathode* and *electrolyte* (formulas), with a *coating* between or bare.

    Contacts are closed and with the discharged cathode; what its charge adds is in ``limit`` and ``slope``. Raises
    `CompositionError` for formulas and elements that cannot be, and where the table is too thin for an oxidation limit.
    """
    touching = coating or electrolyte
    pairs = ((coating, cathode), (coating, electrolyte)) if coating else ((electrolyte, cathode),)
    contacts = tuple(reaction(table, a, b) for a, b in pairs)
    found = window(table, touching)
    if found.oxidation.withheld:
        raise CompositionError(
            f"The oxidation limit of {touching} is withheld: {found.oxidation.reason}",
            expected="a solid whose chemical system the table knows",
            advice="Give energies of your own with --energies, or another solid",
        )
    limit = _limit(found)
    grades = sorted({found.coverage.grade, *(c.coverage.grade for c in contacts)})
    notes = dict.fromkeys((*found.notes, *(note for c in contacts for note in c.notes)))
    if limit is None:
        notes[f"{touching} has no lithium to lose: what it takes up in the first cycles is not counted"] = None
    return Junction(
        reduced(cathode),
        reduced(electrolyte),
        reduced(coating) if coating else "",
        tuple(_face(c, a, b) for c, (a, b) in zip(contacts, pairs, strict=True)),
        limit,
        _slope(table, touching, limit, top_v),
        top_v,
        grades[-1],
        tuple(notes),
    )


def _limit(found: Window) -> Bounds | None:
    oxidation = found.oxidation
    if oxidation.voltage is None:
        return None
    low, high = (oxidation.voltage if end is None else end for end in (oxidation.low, oxidation.high))
    return Bounds(low, oxidation.voltage, high)


def _slope(table: EnergyTable, formula: str, limit: Bounds | None, top_v: float) -> Bounds:
    """Return what each volt beyond the limit adds: the gain at the top over what the top is above the limit."""
    if limit is None or limit.central >= top_v:
        return Bounds(0.0, 0.0, 0.0)
    return _bounds(gain_alone(table, formula, top_v) / (top_v - limit.central))


def _bounds(values: Array) -> Bounds:
    _, low, high = bar_of(values)
    central = float(values[0])
    return Bounds(central if low is None else low, central, central if high is None else high)


def _face(contact: Contact, a: str, b: str) -> Face:
    low, high = (contact.energy_ev_atom if end is None else end for end in (contact.high, contact.low))
    energies = Bounds(*(max(0.0, -value) for value in (low, contact.energy_ev_atom, high)))
    solids = {formula: n for formula, n in contact.products.items() if formula not in GASES}
    atoms = {formula: n * _atoms(formula) for formula, n in solids.items()}
    volumes = {formula: molar_volume_cm3(formula) for formula in solids}
    known = {formula: solids[formula] * v for formula, v in volumes.items() if v is not None}
    if not known:
        return Face(reduced(a), reduced(b), energies, contact.products, {}, 0.0, None)
    of_known = sum(atoms[formula] for formula in known)
    per_atom = sum(known.values()) / of_known
    filled = {formula: known.get(formula, n * per_atom) for formula, n in atoms.items()}
    whole = sum(filled.values())
    own = molar_volume_cm3(a)
    consumes = None
    if own is not None and contact.share_a is not None:
        consumes = contact.share_a * own / _atoms(a) / whole
    shares = {formula: v / whole for formula, v in sorted(filled.items(), key=lambda item: -item[1])}
    return Face(reduced(a), reduced(b), energies, contact.products, shares, of_known / sum(atoms.values()), consumes)


def _atoms(formula: str) -> float:
    return sum(Composition.parse(formula).amounts.values())

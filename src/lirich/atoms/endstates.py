"""What became of a structure that was relaxed: which atoms moved, whose coordination changed, what collapsed.

An energy difference is one of two named states only if both are the states that they are called. A transition metal
that was put on a tetrahedral site and slid back, or oxygens that left in pairs, give a number all the same.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element, Species
from pymatgen.core.structure import Structure

from lirich.errors import StructureError
from lirich.model._base import Frozen

Array = NDArray[np.float64]

EndKind = Literal["as built", "moved back", "other basin", "collapsed"]

MOVED_A = 0.8
"""How far, Å, an atom may go before it counts as moved: half the way (about 1.6 Å) from an octahedral to the next
tetrahedral site of a layered oxide, so beyond it the atom is nearer to another site than to its own."""
BOND_REACH = 1.25
"""An anion belongs to a cation's shell within this multiple of the sum of their radii: 2.7 Å for Li-O, 2.4 Å for Mn-O,
which keeps the long bonds of Jahn-Teller Mn3+ (2.3 Å) and leaves out the second shell (3.4 Å)."""
ANION_RADIUS_A = {"O": 1.26, "F": 1.19, "S": 1.70, "N": 1.32, "Cl": 1.67, "Se": 1.84, "Br": 1.82}
"""Crystal radii of six-coordinated anions, Å: Shannon, Acta Cryst. A 32, 751 (1976), doi:10.1107/S0567739476001551."""
COLLAPSED = 0.75
"""A distance between cation and anion below this share of the sum of their radii is a collapse: 1.4 Å for Mn-O."""
COLLAPSED_ALIKE_A = 1.15
"""Anions nearer than this, Å, are a collapse: the bond of O2 is 1.21 Å (superoxide 1.33, peroxide 1.45)."""


class Move(Frozen):
    """An atom that moved: its index, element and distance, Å."""

    atom: int
    element: str
    distance_a: float


class Coordination(Frozen):
    """How many anions stood around a cation before and after."""

    atom: int
    element: str
    before: int
    after: int


class Contact(Frozen):
    """Two atoms that are too near, and their distance, Å."""

    atoms: tuple[int, int]
    elements: tuple[str, str]
    distance_a: float


class EndState(Frozen):
    """What a relaxation ended in.

    ``kind`` is ``"as built"`` where no atom moved far and each cation kept its anions, ``"moved back"`` where the
    watched atom ended nearer to where it came from than to where it was put, ``"collapsed"`` where two atoms are nearer
    than any bond, else ``"other basin"``.
    """

    kind: EndKind
    moved: tuple[Move, ...] = ()
    coordination: tuple[Coordination, ...] = ()
    collapsed: tuple[Contact, ...] = ()
    largest_move_a: float = 0.0
    min_distance_a: float = 0.0
    min_anion_distance_a: float | None = None
    """The shortest distance between two anions, Å: below about 1.5 Å oxygen has paired."""

    @property
    def words(self) -> str:
        """The end state in words, e.g. ``other basin: Li 4 moved 1.2 Å; Mn 7 has 4 anions, had 6``."""
        parts = [f"{m.element} {m.atom} moved {m.distance_a:.1f} Å" for m in self.moved]
        parts += [f"{c.element} {c.atom} has {c.after} anions, had {c.before}" for c in self.coordination]
        parts += [
            f"{c.elements[0]} {c.atoms[0]} and {c.elements[1]} {c.atoms[1]} are {c.distance_a:.2f} Å apart"
            for c in self.collapsed
        ]
        return f"{self.kind}: {'; '.join(parts)}" if parts else self.kind


def compare_ends(
    before: Structure,
    after: Structure,
    *,
    watched: int | None = None,
    origin: Array | None = None,
    moved_a: float = MOVED_A,
) -> EndState:
    """Return what became of *before*, as it was built, in *after*, as it was relaxed: the same atoms in the same order.

    Displacements are taken in fractional coordinates, nearest image, less their mean (a crystal that drifts as a whole
    has not moved), and measured in the relaxed cell. *watched* is the atom that was put somewhere, *origin*, shape
    (3,), the fractional coordinates that it came from: with both, a slide back is told from other ends.

    Raises `lirich.errors.StructureError` where the two are not the same atoms.
    """
    elements = [_element(site.specie).symbol for site in before]
    if elements != [_element(site.specie).symbol for site in after]:
        raise StructureError(
            f"{after.formula} cannot be what {before.formula} relaxed to",
            expected="the same atoms in the same order",
        )
    steps = displacements(before, after)
    lengths = np.linalg.norm(steps, axis=1)
    moved = tuple(
        Move(atom=int(i), element=elements[i], distance_a=float(lengths[i])) for i in np.flatnonzero(lengths > moved_a)
    )
    counts = zip(anion_counts(before), anion_counts(after), strict=True)
    coordination = tuple(
        Coordination(atom=i, element=elements[i], before=int(b), after=int(a))
        for i, (b, a) in enumerate(counts)
        if b != a
    )
    distances = after.distance_matrix
    np.fill_diagonal(distances, np.inf)
    collapsed = _contacts(distances, elements)
    anions = [i for i, element in enumerate(elements) if element in ANION_RADIUS_A]
    among = distances[np.ix_(anions, anions)] if len(anions) > 1 else None
    return EndState(
        kind=_kind(after, moved, coordination, collapsed, watched, origin, lengths),
        moved=moved,
        coordination=coordination,
        collapsed=collapsed,
        largest_move_a=float(lengths.max()),
        min_distance_a=float(distances.min()) if len(elements) > 1 else float(min(after.lattice.abc)),
        min_anion_distance_a=None if among is None else float(among.min()),
    )


def displacements(before: Structure, after: Structure) -> Array:
    """Return how the atoms moved, Å, shape (atoms, 3): nearest image, less the mean, in the cell of *after*."""
    shift = after.frac_coords - before.frac_coords
    shift -= np.round(shift)
    first = shift - np.median(shift, axis=0)
    shift = first - np.round(first)
    steps: Array = (shift - shift.mean(axis=0)) @ after.lattice.matrix
    return steps


def anion_counts(structure: Structure) -> list[int]:
    """Return the number of anions in the first shell of each atom; 0 for the anions themselves."""
    elements = [_element(site.specie) for site in structure]
    radii = [_radius(e) for e in elements]
    reach = BOND_REACH * (max(radii) + max(ANION_RADIUS_A.values()))
    centres, neighbours, _, distances = structure.get_neighbor_list(reach)
    counts = [0] * len(elements)
    for i, j, distance in zip(centres, neighbours, distances, strict=True):
        anion = elements[j].symbol
        if (
            elements[i].symbol not in ANION_RADIUS_A
            and anion in ANION_RADIUS_A
            and distance < BOND_REACH * (radii[i] + ANION_RADIUS_A[anion])
        ):
            counts[i] += 1
    return counts


def _kind(
    after: Structure,
    moved: tuple[Move, ...],
    coordination: tuple[Coordination, ...],
    collapsed: tuple[Contact, ...],
    watched: int | None,
    origin: Array | None,
    lengths: Array,
) -> EndKind:
    if collapsed:
        return "collapsed"
    if watched is not None and origin is not None:
        back = after.lattice.get_distance_and_image(after.frac_coords[watched], origin)[0]
        if back < lengths[watched]:
            return "moved back"
    return "other basin" if moved or coordination else "as built"


def _contacts(distances: Array, elements: list[str]) -> tuple[Contact, ...]:
    radii = np.array([ANION_RADIUS_A.get(e, 0.0) or _radius(Element(e)) for e in elements])
    is_anion = np.array([e in ANION_RADIUS_A for e in elements])
    least = COLLAPSED * (radii[:, None] + radii[None, :])
    least = np.where(is_anion[:, None] & is_anion[None, :], COLLAPSED_ALIKE_A, least)
    pairs = np.argwhere(np.triu(distances < least, k=1))
    return tuple(
        Contact(atoms=(int(i), int(j)), elements=(elements[i], elements[j]), distance_a=float(distances[i, j]))
        for i, j in pairs
    )


def _radius(element: Element) -> float:
    """Return the mean crystal radius of an element's ions, Å (Shannon, through pymatgen), or the atomic one."""
    return float(element.average_ionic_radius or element.atomic_radius or 1.0)


def _element(specie: Element | Species) -> Element:
    return specie if isinstance(specie, Element) else specie.element

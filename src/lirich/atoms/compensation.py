"""Which changes take up the charge that a dopant brings: the formal bookkeeping of neutral cells.

A dopant of charge q on the place of an ion of charge p leaves the cell with q − p. Only neutral cells may be compared:
an uncompensated charge shifts an oxygen-vacancy energy by about 0.5 eV per unit charge and hides the dopant itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Literal

from lirich.errors import NotNeutralError
from lirich.model import Frozen

ChangeKind = Literal["redox", "li-vacancy", "exchange", "o-vacancy"]

REDOX_STATES: Mapping[str, tuple[int, ...]] = {
    "Mn": (3, 4),
    "Ni": (2, 3, 4),
    "Co": (3, 4),
    "Fe": (3, 4),
    "Cr": (3, 4, 5, 6),
    "V": (3, 4, 5),
    "Ru": (4, 5),
}
"""States that a host metal takes in a layered oxide between discharge and charge: some of `oxidation.STATES`, without
those of deep discharge (Mn²⁺, Fe²⁺, Co²⁺), which no dopant is paid with.

Mn, Ni, Co: Lu & Dahn, J. Electrochem. Soc. 149 (2002) A815, doi:10.1149/1.1480014; Mn³⁺ in reduced Li-rich oxides and
Ni³⁺, Co⁴⁺, Fe⁴⁺, Cr⁶⁺, V⁵⁺, Ru⁵⁺ as in Assat & Tarascon, Nat. Energy 3 (2018) 373, doi:10.1038/s41560-018-0097-0.
"""

EXCHANGED: Mapping[str, int] = {"Li": 1, "Ni": 2, "Co": 3, "Mn": 4}
"""Ions of the metal layer that a synthesis can trade for one another, and the state they have in a discharged Li-rich
oxide (Lu & Dahn, as above)."""


class Change(Frozen):
    """One change of one ion: *element* of charge ``before`` becomes ``element_after`` of charge ``after``.

    A vacancy has ``element_after`` ``""`` and ``after`` 0.
    """

    kind: ChangeKind
    element: str
    before: int
    element_after: str
    after: int

    @property
    def charge(self) -> int:
        """What it adds to the charge of the cell."""
        return self.after - self.before

    @property
    def words(self) -> str:
        """Say it as people do: ``Mn⁴⁺ → Mn³⁺``, ``Li vacancy``, ``Ni²⁺ for Mn⁴⁺``."""
        if not self.element_after:
            return f"{self.element} vacancy"
        if self.kind == "exchange":
            return f"{ion(self.element_after, self.after)} for {ion(self.element, self.before)}"
        return f"{ion(self.element, self.before)} → {ion(self.element_after, self.after)}"


class Compensation(Frozen):
    """Changes of one kind that make a cell neutral; none where the dopants are neutral by themselves."""

    changes: tuple[Change, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of its changes; ``none`` without any."""
        return self.changes[0].kind if self.changes else "none"

    @property
    def charge(self) -> int:
        """What it adds to the charge of the cell."""
        return sum(change.charge for change in self.changes)

    @property
    def words(self) -> str:
        """Say it as people do: ``2 × Mn⁴⁺ → Mn³⁺``."""
        counts = Counter(change.words for change in self.changes)
        return " + ".join(f"{n} × {words}" if n > 1 else words for words, n in counts.items()) or "none needed"


Ion = tuple[str, int]
"""An element and its formal charge."""

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def ion(element: str, charge: int) -> str:
    """Write an ion: ``Mn⁴⁺``, ``O²⁻``."""
    size = "" if abs(charge) == 1 else str(abs(charge)).translate(_SUPERSCRIPT)
    return f"{element}{size}{'⁺' if charge > 0 else '⁻'}"


def compensations(
    charge: int,
    metals: Mapping[Ion, int],
    *,
    kinds: Sequence[ChangeKind] = ("redox", "li-vacancy", "exchange"),
    lithium: int = 0,
    oxygen: int = 0,
    at_most: int = 3,
) -> list[Compensation]:
    """Enumerate the ways in which a cell of formal *charge* becomes neutral, the fewest changes of each kind first.

    Parameters
    ----------
    charge:
        Formal charge that the dopants leave, e.
    metals:
        Ions of the metal layer that are left in the host, lithium of that layer included, and how many of each.
    kinds:
        Kinds of change that are allowed. Kinds are not mixed. ``redox``: a host metal takes another of its
        `REDOX_STATES`. ``li-vacancy``: lithium leaves the lithium layer. ``exchange``: one ion of the metal layer is
        traded for another (`EXCHANGED`): more Ni²⁺ and less Mn⁴⁺ beside W⁶⁺, for instance. ``o-vacancy``: O²⁻ leaves.
    lithium, oxygen:
        How many Li⁺ of the lithium layer and O²⁻ may leave.
    at_most:
        Most changes of one compensation; a kind that needs more of them may make as many as *charge* has units.

    Returns
    -------
    list of Compensation
        One that is empty where *charge* is 0. No compensation contains another one.

    Raises
    ------
    NotNeutralError
        If no allowed kind takes up the charge; the message says why for each kind.
    """
    if charge == 0:
        return [Compensation()]
    found: list[Compensation] = []
    refusals: list[str] = []
    for kind in kinds:
        offered = list(_offered(kind, metals, lithium, oxygen))
        most = at_most
        ways = _sums(-charge, offered, most)
        if not ways and abs(charge) > most:
            most = abs(charge)
            ways = _sums(-charge, offered, most)
        found += ways
        if not ways:
            refusals.append(f"{kind}: {_why_not(charge, offered, most)}")
    if not found:
        raise NotNeutralError(
            f"A charge of {charge:+d} that nothing takes up ({'; '.join(refusals) or 'no kind of change is allowed'})",
            expected="a neutral cell",
            advice="Allow further kinds of compensation, name a co-dopant, or take another state of the dopant",
        )
    return found


def _offered(kind: ChangeKind, metals: Mapping[Ion, int], lithium: int, oxygen: int) -> Iterator[tuple[Change, int]]:
    """Yield each change of that kind and how often the cell can make it."""
    if kind == "li-vacancy":
        yield Change(kind=kind, element="Li", before=1, element_after="", after=0), lithium
    elif kind == "o-vacancy":
        yield Change(kind=kind, element="O", before=-2, element_after="", after=0), oxygen
    elif kind == "redox":
        for (element, before), count in metals.items():
            for after in REDOX_STATES.get(element, ()):
                if after != before:
                    yield Change(kind=kind, element=element, before=before, element_after=element, after=after), count
    else:
        present = {element for element, _ in metals}
        for (element, before), count in metals.items():
            if EXCHANGED.get(element) != before:
                continue
            for other, after in EXCHANGED.items():
                if other in present and other != element:
                    yield Change(kind=kind, element=element, before=before, element_after=other, after=after), count


def _sums(wanted: int, offered: Sequence[tuple[Change, int]], at_most: int) -> list[Compensation]:
    """Return the combinations whose charges add to *wanted*, the shortest first, none of them containing another."""
    helpful = [(change, count) for change, count in offered if change.charge * wanted > 0]
    limits = dict(helpful)
    found: list[Counter[Change]] = []
    for size in range(1, at_most + 1):
        for chosen in combinations_with_replacement([change for change, _ in helpful], size):
            if sum(change.charge for change in chosen) != wanted:
                continue
            counts = Counter(chosen)
            if all(n <= limits[change] for change, n in counts.items()) and _ions_suffice(counts, helpful):
                found.append(counts)
    return [Compensation(changes=tuple(counts.elements())) for counts in found]


def _ions_suffice(counts: Counter[Change], offered: Sequence[tuple[Change, int]]) -> bool:
    """Say whether the cell has enough of each ion where several changes draw on the same."""
    have = {(change.element, change.before): count for change, count in offered}
    used: Counter[Ion] = Counter()
    for change, n in counts.items():
        used[change.element, change.before] += n
    return all(n <= have[each] for each, n in used.items())


def _why_not(charge: int, offered: Sequence[tuple[Change, int]], at_most: int) -> str:
    helpful = [(change, count) for change, count in offered if change.charge * charge < 0 and count]
    if not helpful:
        return "it can only make it worse" if any(count for _, count in offered) else "the cell has no such ion"
    sizes = sorted({abs(change.charge) for change, _ in helpful})
    return (
        f"charges of {', '.join(map(str, sizes))} do not add to {abs(charge)} in {at_most} changes with the ions there"
    )

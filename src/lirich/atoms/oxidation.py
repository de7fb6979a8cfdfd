"""Formal charges: which oxidation states a crystal's elements have, and the radii of their ions.

The bookkeeping is that of layered lithium-rich oxides (Lu & Dahn, J. Electrochem. Soc. 149, A815 (2002),
doi:10.1149/1.1480014): discharged, Ni is 2+, Co 3+ and Mn 4+. What is missing to neutrality is taken from the metals in
the order in which they give and take electrons, then, where it is allowed, from oxygen (the anionic redox of the
Li-rich plateau: Seo et al., Nature Chem. 8, 692 (2016), doi:10.1038/nchem.2524). Formal charges are bookkeeping, not
spectroscopy. Shannon's reference has been checked against an index, Hu's was found cited alike in a public text; those
of Lu & Dahn, Seo, and Ohzuku & Makimura are from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pymatgen.core.periodic_table import Species
from pymatgen.core.structure import Structure

from lirich.atoms.compensation import ion
from lirich.errors import NotNeutralError, StructureError, UnknownNameError

STATES: Mapping[str, tuple[int, ...]] = {
    "Li": (1,), "Na": (1,), "K": (1,), "Rb": (1,), "Ag": (1,),
    "Mg": (2,), "Ca": (2,), "Sr": (2,), "Ba": (2,), "Zn": (2,), "Cd": (2,), "Cu": (2, 1, 3), "Be": (2,),
    "B": (3,), "Al": (3,), "Ga": (3,), "In": (3,), "Sc": (3,), "Y": (3,), "La": (3,), "Bi": (3,), "Gd": (3,),
    "Nd": (3,), "Sm": (3,), "Yb": (3,), "Lu": (3,), "Er": (3,), "Pr": (3,), "Eu": (3,), "Tb": (3,), "Dy": (3,),
    "Ho": (3,), "Tm": (3,),
    "Si": (4,), "Ge": (4,), "Sn": (4,), "Ti": (4, 3), "Zr": (4,), "Hf": (4,), "Ce": (4, 3),
    "V": (5, 4, 3), "Nb": (5,), "Ta": (5,), "Sb": (5,), "P": (5,), "Mo": (6, 5, 4), "W": (6,), "Te": (6,), "Re": (6,),
    "S": (-2,),
    "Cr": (3, 4, 5, 6), "Fe": (3, 2, 4), "Ru": (4, 5), "Ir": (4, 5), "Rh": (3, 4), "Pd": (2, 4), "Pt": (4, 2),
    "Os": (4, 5, 6),
    "Ni": (2, 3, 4), "Co": (3, 2, 4), "Mn": (4, 3, 2),
    "O": (-2, -1), "F": (-1,), "Cl": (-1,), "Br": (-1,), "I": (-1,), "N": (-3,), "Se": (-2,),
}  # fmt: skip
"""Oxidation states of each element in such an oxide, the usual one first. Those of the cations are all among the
six-fold coordinated ions of Shannon's table (doi:10.1107/S0567739476001551); for d0 and d10 ions and the rare earths
only the closed shell or the usual state stands here; Ni, Co, Mn after Lu & Dahn (see above)."""

GIVES: tuple[tuple[str, int, int], ...] = (
    ("V", 3, 5), ("Ti", 3, 4), ("Mn", 2, 4), ("Fe", 2, 3), ("Cu", 1, 2), ("Mo", 4, 6), ("Ce", 3, 4),
    ("Ni", 2, 4), ("Co", 2, 4), ("Ru", 4, 5), ("Ir", 4, 5), ("Cr", 3, 6), ("Fe", 3, 4), ("Cu", 2, 3), ("Rh", 3, 4),
    ("Pd", 2, 4), ("Os", 4, 6),
)  # fmt: skip
"""Who gives electrons first, from which state to which: Ni2+/4+ before Co3+/4+ (Lu & Dahn, as above; Ohzuku &
Makimura, Chem. Lett. 30, 642 (2001), doi:10.1246/cl.2001.642); what comes before them is below 3.5 V in oxides."""

TAKES: tuple[tuple[str, int, int], ...] = (
    ("Mo", 6, 4), ("V", 5, 3), ("Ir", 5, 4), ("Ru", 5, 4), ("Mn", 4, 3), ("Cu", 2, 1), ("Fe", 3, 2), ("Co", 3, 2),
    ("Ce", 4, 3), ("Mn", 3, 2), ("Ti", 4, 3), ("Pt", 4, 2),
)  # fmt: skip
"""Who takes electrons first: of Ni2+, Co3+ and Mn4+, Mn4+ to Mn3+ is the first below the discharged state (about 3 V;
the voltage decay of Li-rich oxides: Hu et al., Nature Energy 3, 690 (2018), doi:10.1038/s41560-018-0207-z)."""

HIGH_SPIN = frozenset({("Mn", 2), ("Mn", 3), ("Mn", 4), ("Fe", 2), ("Fe", 3), ("Co", 2), ("Cr", 2), ("Ni", 2)})
"""Ions that are high-spin in octahedral oxides; the others of Shannon's table with two entries (Co3+, Ni3+) are
low-spin (Shannon, as above)."""

_ROMAN = {4: "IV", 5: "V", 6: "VI", 8: "VIII", 3: "III", 2: "II", 12: "XII"}


@dataclass(frozen=True, slots=True)
class Charges:
    """A neutral set of states: how many atoms of each element have which charge, and how it came about in words.

    ``states`` is ``{"Ni": {2: 2, 3: 1}, …}``; the counts are whole for whole amounts, except of oxygen, whose charge is
    spread over all its atoms.
    """

    states: Mapping[str, Mapping[int, float]]
    changes: tuple[str, ...] = ()

    def mean(self, element: str) -> float:
        """Return the mean charge of *element*."""
        counts = self.states[element]
        return sum(q * n for q, n in counts.items()) / sum(counts.values())


def usual_state(element: str) -> int:
    """Return the usual oxidation state of *element*. Raises `lirich.errors.UnknownNameError` without one."""
    if element not in STATES:
        raise UnknownNameError.of("element with a formal charge", element, STATES)
    return STATES[element][0]


def balanced(amounts: Mapping[str, float], *, oxygen: bool = False, adjust: bool = True) -> Charges:
    """Return the neutral states of *amounts* of elements, atoms or mol.

    Each element starts in its usual state. What is missing to neutrality is given or taken in the order of `GIVES` and
    `TAKES`; with *oxygen*, O2- gives what the metals cannot, spread over all oxygen, at most one electron each (O-).
    Without *adjust* the usual states must be neutral as they are.

    Raises
    ------
    lirich.errors.NotNeutralError
        No allowed change of states makes the amounts neutral; the message says what is left.
    lirich.errors.UnknownNameError
        An element that has no formal charge here.
    """
    states: dict[str, dict[int, float]] = {el: {usual_state(el): float(n)} for el, n in amounts.items() if n > 0}
    excess = sum(q * n for counts in states.values() for q, n in counts.items())
    changes: list[str] = []
    if adjust:
        for element, start, end in GIVES if excess < 0 else TAKES:
            step = 1 if end > start else -1
            for state in range(start, end, step):
                there = states.get(element, {}).get(state, 0.0)
                moved = min(there, abs(excess))
                if moved <= 1e-9:
                    continue
                counts = states[element]
                counts[state] = there - moved
                if counts[state] <= 1e-9:
                    del counts[state]
                counts[state + step] = counts.get(state + step, 0.0) + moved
                excess += step * moved
                changes.append(f"{moved:.3g} {ion(element, state)} to {ion(element, state + step)}")
    if excess < -1e-9 and oxygen and adjust:
        moved = min(amounts.get("O", 0.0), -excess)
        if moved > 0:
            states["O"] = {-2: amounts["O"] - moved, -1: moved}
            excess += moved
            changes.append(f"{moved:.3g} O²⁻ to O⁻, spread over all oxygen")
    if abs(excess) > 1e-6:
        formula = "".join(f"{el}{n:.4g}" for el, n in amounts.items())
        tried = f" after {', '.join(changes)}" if changes else ""
        raise NotNeutralError(
            f"{formula} is left with a charge of {excess:+.3g}{tried}",
            expected="states of the metals that take it up",
            advice="Change the amount of lithium or add a co-dopant of the opposite charge",
        )
    return Charges(states, tuple(changes))


def formal_charges(structure: Structure, *, oxygen: bool = False) -> list[float]:
    """Return the formal charge of each site, e.

    A site property ``charge`` that is there on every site and sums to zero is believed: orderings carry it. Else the
    states are solved from the composition by `balanced`, and each atom of an element has the element's mean charge.

    Raises `lirich.errors.NotNeutralError` where no states are neutral, `lirich.errors.StructureError` for partly
    occupied sites.
    """
    carried = structure.site_properties.get("charge")
    if carried is not None and all(q is not None for q in carried) and abs(sum(carried)) < 1e-6:
        return [float(q) for q in carried]
    charges = balanced(counts_of(structure), oxygen=oxygen)
    return [charges.mean(symbol) for symbol in symbols_of(structure)]


def counts_of(structure: Structure) -> dict[str, int]:
    """Return how many atoms of each element a cell has."""
    symbols = symbols_of(structure)
    return {el: symbols.count(el) for el in dict.fromkeys(symbols)}


def symbols_of(structure: Structure) -> list[str]:
    """Return the symbol of each site's element. Raises `lirich.errors.StructureError` for partly occupied sites."""
    if not structure.is_ordered:
        raise StructureError(
            "The structure has partly occupied sites",
            expected="one atom on each site",
            advice="Make an ordered cell of the composition with lirich.atoms.ordering.ordered",
        )
    return [site.specie.symbol for site in structure]


def ionic_radius_a(element: str, charge: int, coordination: int = 6) -> float:
    """Return Shannon's effective ionic radius, Å (doi:10.1107/S0567739476001551, as pymatgen carries it).

    High-spin where the ion is high-spin in oxides. Raises `lirich.errors.UnknownNameError` where the table has no such
    ion in that coordination.
    """
    spin: Literal["High Spin", "Low Spin"] = "High Spin" if (element, charge) in HIGH_SPIN else "Low Spin"
    try:
        table = Species(element, charge).data["Shannon radii"][str(charge)]
        entry = table[_ROMAN[coordination]]
    except (KeyError, ValueError, TypeError) as error:
        raise UnknownNameError(
            f"Shannon's table has no {ion(element, charge)} in {coordination}-fold coordination",
            advice="Ask for another coordination or state",
        ) from error
    chosen = entry.get(spin) or entry.get("") or next(iter(entry.values()))
    return float(chosen["ionic_radius"])

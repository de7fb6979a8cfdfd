"""The oxidation states of an oxide as it was made, by charge neutrality, and the electrons that its metals can give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STATES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("H", "Li", "Na", "K", "Rb", "Cs"), (1.0, 1.0)),
    **dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd"), (2.0, 2.0)),
    **dict.fromkeys(("B", "Al", "Ga", "Sc", "Y", "La", "Nd", "Gd", "Er", "Lu"), (3.0, 3.0)),
    **dict.fromkeys(("Pr", "Tb", "Ce"), (3.0, 4.0)),
    **dict.fromkeys(("Sm", "Eu", "Yb"), (2.0, 3.0)),
    "In": (1.0, 3.0),
    "Si": (4.0, 4.0),
    "Ge": (2.0, 4.0),
    "Sn": (2.0, 4.0),
    "P": (5.0, 5.0),
    "Sb": (3.0, 5.0),
    "Bi": (3.0, 5.0),
    "Te": (4.0, 6.0),
    "Ti": (2.0, 4.0),
    "V": (2.0, 5.0),
    "Cr": (2.0, 6.0),
    "Mn": (2.0, 4.0),
    "Fe": (2.0, 4.0),
    "Co": (2.0, 4.0),
    "Ni": (2.0, 4.0),
    "Cu": (1.0, 3.0),
    "Zr": (2.0, 4.0),
    "Nb": (2.0, 5.0),
    "Mo": (2.0, 6.0),
    "Ru": (2.0, 6.0),
    "Hf": (4.0, 4.0),
    "Ta": (3.0, 5.0),
    "W": (2.0, 6.0),
    "Ir": (3.0, 6.0),
    "Rh": (3.0, 4.0),
    "Pd": (2.0, 4.0),
    "Pt": (2.0, 4.0),
    "Ag": (1.0, 3.0),
}
"""Lowest and highest oxidation state of elements in oxides of electrodes, charged and discharged: Greenwood & Earnshaw,
*Chemistry of the Elements*, 2nd ed. (1997), ISBN 978-0-7506-3365-9, the tables of oxidation states. What is not here
(C, N, S …) is an anion as often as a cation: nothing is said of a formula with it."""

ANION_CHARGE = {"O": 2.0, "F": 1.0}

USUAL: dict[str, float] = {
    **{element: highest for element, (_, highest) in STATES.items()},
    **dict.fromkeys(("Ag",), 1.0),
    **dict.fromkeys(("Ni", "Cu", "Pd"), 2.0),
    **dict.fromkeys(("Co", "Fe", "Cr", "Rh", "Bi", "Pr", "Tb"), 3.0),
    **dict.fromkeys(("Mn", "Ru", "Ir"), 4.0),
}
"""The state that each element has in a Li-rich layered oxide as made, where that is neutral: Mn⁴⁺, Co³⁺, Ni²⁺ (Lu &
Dahn, J. Electrochem. Soc. 149 (2002) A815, doi:10.1149/1.1480014), Cr³⁺ (ibid. A1454); dopants their usual one."""

CHARGED = {"Mn": 4.0, "Ni": 4.0, "Co": 4.0, "Fe": 4.0, "Cr": 6.0}
"""The state up to which a metal gives electrons (Lu & Dahn, as above). Bookkeeping, not spectroscopy."""

CLOSED_SHELL = frozenset({"Sc", "Ti", "Y", "Zr", "Nb", "Mo", "Hf", "Ta", "W", "Zn", "Cd"})
"""Metals that give no electron in a charged layered oxide: d⁰ or d¹⁰ ions in their only state there. What is neither
here nor in `CHARGED` (V, Cu, Ru, Ir, …) has no agreed number."""

_OXIDISED = (("Ni", 4.0), ("Co", 4.0), ("Fe", 4.0), ("Cr", 6.0))  # Ni²⁺ first: Ni³⁺ of Ni-rich oxides
_REDUCED = (("Mn", 3.0), ("Fe", 2.0), ("Co", 2.0), ("Mn", 2.0))  # Mn³⁺ first, as `lirich.atoms.oxidation.TAKES`

ROUNDED = 0.01
"""Share of the anions' charge by which rounded numbers unbalance a formula: ± 0.005 of Mn⁴⁺, Co³⁺ and Ni²⁺ each are
0.045 of 4. The metals of Li1.2Mn0.54Ni0.13Co0.13O2, which means Mn8/15, Ni2/15 and Co2/15, carry 0.01 too much."""


@dataclass(frozen=True, slots=True)
class AsMade:
    """Mean oxidation states of the metals of `CHARGED` as made, and the electrons left up to there, per formula unit.

    ``electrons`` (not more than the lithium) follows from neutrality alone: whichever of these metals takes up a
    difference, their sum is the same.
    ``least_electrons`` leaves out those of metals that were reduced although the formula has not as many cations as
    anions: vacant oxygen sites, an oxygen content that was not measured, or a wrong number. ``unjudged``: elements
    that are an anion as often as a cation; with them there is no balance, and the states are the usual ones.
    """

    states: Mapping[str, float]
    electrons: float
    least_electrons: float
    unjudged: tuple[str, ...]

    def __str__(self) -> str:
        """Return the states in words: ``Ni 2.40+, Co 3+, Mn 4+``."""
        return ", ".join(f"{el} {q:.2f}+".replace(".00", "") for el, q in self.states.items())


def as_made(amounts: Mapping[str, float], *, may_reduce: bool) -> AsMade:
    """Return the states of an oxide of *amounts*, mol per formula unit, as it was made.

    All elements begin `USUAL`. Charge that is missing then oxidises Ni up to 4+, then Co, Fe and Cr. Charge that is too
    much by more than `ROUNDED` reduces Mn to 3+, then Fe and Co to 2+, then Mn to 2+, where *may_reduce*: not where a
    metal without an agreed number may be the one. Within `ROUNDED`, too much is left as it is: the fewer electrons of
    the metals, the surer is the upper bound of oxygen's.
    """
    states = {el: USUAL[el] for el in CHARGED if el in amounts}
    unjudged = tuple(sorted(set(amounts) - {*USUAL, *ANION_CHARGE}))
    need = sum(n * ANION_CHARGE.get(el, 0.0) for el, n in amounts.items())
    missing = need - sum(n * USUAL.get(el, 0.0) for el, n in amounts.items())
    balanced = not unjudged and need > 0.0
    if balanced and missing > 0.0:
        for element, highest in _OXIDISED:
            missing -= _move(states, amounts, element, highest, missing)
    least = _left(states, amounts)
    if balanced and may_reduce and -missing > ROUNDED * need:
        for element, lowest in _REDUCED:
            missing += _move(states, amounts, element, lowest, -missing)
    electrons = _left(states, amounts)
    anions = sum(amounts.get(el, 0.0) for el in ANION_CHARGE)
    filled = abs(sum(amounts.values()) - 2.0 * anions) <= ROUNDED * anions
    return AsMade(states, electrons, electrons if filled else least, unjudged)


def _left(states: Mapping[str, float], amounts: Mapping[str, float]) -> float:
    return min(sum(amounts[el] * (CHARGED[el] - q) for el, q in states.items()), amounts.get("Li", 0.0))


def _move(states: dict[str, float], amounts: Mapping[str, float], element: str, end: float, charge: float) -> float:
    """Bring *element* towards the state *end* by at most *charge*; return how much charge that took."""
    if element not in states or charge <= 0:
        return 0.0
    moved = min(charge, amounts[element] * abs(end - states[element]))
    states[element] += (moved if end > states[element] else -moved) / amounts[element]
    return moved

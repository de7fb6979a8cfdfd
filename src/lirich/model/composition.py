"""Chemical composition and the oxidation-state bookkeeping of layered oxides."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Self

from pydantic import Field

from lirich.errors import CompositionError
from lirich.model._base import Frozen
from lirich.model.asmade import CHARGED, CLOSED_SHELL, AsMade, as_made

FARADAY_C_MOL = 96485.33212
"""Faraday constant, C/mol (CODATA 2018, exact)."""

_SECONDS_PER_MILLIHOUR = 3.6  # 1 mAh = 3.6 C

ANIONS = frozenset({"N", "O", "F", "S", "Cl", "Br", "I"})

# fmt: off
TRANSITION_METALS = frozenset({
    "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag",
    "Cd", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg",
})
# fmt: on


class Composition(Frozen):
    """Amounts of the elements in one formula unit, mol."""

    formula: str
    amounts: dict[str, float] = Field(min_length=1)

    @classmethod
    def parse(cls, formula: str) -> Self:
        """Read a formula: ``Li1.2Mn0.54Ni0.13Co0.13O2``, ``Li[Li0.2Mn0.6Ni0.2]O2``, ``0.5Li2MnO3·0.5LiNiO2``.

        Raises `CompositionError` on anything that is not a formula of natural elements.
        """
        amounts = _parse(formula)
        return cls(formula=formula, amounts=dict(amounts))

    def amount(self, element: str) -> float:
        """Return the amount of *element* in mol per formula unit; 0 if it is absent."""
        return self.amounts.get(element, 0.0)

    @property
    def molar_mass_g_mol(self) -> float:
        """Molar mass of the formula unit, g/mol (IUPAC standard atomic weights, from ``periodictable``)."""
        import periodictable

        return float(sum(n * getattr(periodictable, el).mass for el, n in self.amounts.items()))

    @property
    def li_tm_ratio(self) -> float:
        """Stoichiometric Li/TM, mol/mol. Raises `CompositionError` without a transition metal."""
        metals = sum(n for el, n in self.amounts.items() if el in TRANSITION_METALS)
        if metals == 0:
            raise CompositionError(
                f"{self.formula} has no transition metal", expected="a layered oxide", advice="Check it"
            )
        return self.amount("Li") / metals

    @property
    def li_cation_ratio(self) -> float:
        """Li over all other cations (Al, Mg, … too), mol/mol: 1 in LiTMO2. Raises `CompositionError` without any."""
        others = sum(n for el, n in self.amounts.items() if el not in ANIONS and el != "Li")
        if others == 0:
            raise CompositionError(f"{self.formula} has no cation but lithium", expected="a layered oxide")
        return self.amount("Li") / others

    @property
    def metals_without_redox_charge(self) -> tuple[str, ...]:
        """Transition metals that `lirich.model.asmade.CHARGED` has no number for; they count as inert."""
        return tuple(sorted((set(self.amounts) & TRANSITION_METALS) - CLOSED_SHELL - set(CHARGED)))

    @property
    def as_made(self) -> AsMade:
        """Oxidation states as made, by charge neutrality, and the electrons that the metals have left to give."""
        return as_made(self.amounts, may_reduce=not self.metals_without_redox_charge)

    def capacity_of_electrons_mah_g(self, electrons: float) -> float:
        """Return the specific capacity of *electrons* per formula unit: Q = n·F/(3.6·M), mAh/g."""
        return electrons * FARADAY_C_MOL / (_SECONDS_PER_MILLIHOUR * self.molar_mass_g_mol)

    @property
    def theoretical_capacity_mah_g(self) -> float:
        """Specific capacity if all lithium is taken out, mAh/g."""
        return self.capacity_of_electrons_mah_g(self.amount("Li"))

    @property
    def formal_tm_capacity_mah_g(self) -> float:
        """Specific capacity that the transition metals can account for by oxidation states, mAh/g.

        n_e of `as_made`: from the states as made to Ni⁴⁺, Co⁴⁺, Mn⁴⁺, not more than the lithium. A formal figure.
        """
        return self.capacity_of_electrons_mah_g(self.as_made.electrons)


_SUM = re.compile(r"\s*[·•∙*⋅]\s*|\s+\+\s+|\s*–\s*")
_PREFIX = re.compile(r"^\s*(\d+(?:\.\d+)?)?\s*(.+?)\s*$")


@lru_cache(maxsize=1024)
def _parse(formula: str) -> tuple[tuple[str, float], ...]:
    import periodictable
    from pyparsing import ParseBaseException

    expected = "a chemical formula such as Li1.2Mn0.54Ni0.13Co0.13O2"
    if len(formula) > 200:
        raise CompositionError(f"A formula of {len(formula)} characters", expected=expected)
    total: dict[str, float] = {}
    for part in _SUM.split(formula):
        match = _PREFIX.match(part)
        if match is None:
            raise CompositionError(f"{formula!r} cannot be read", expected=expected)
        factor = float(match.group(1) or 1)
        body = match.group(2).translate(_PLAIN)
        if not re.fullmatch(r"[A-Za-z0-9.()]+", body):
            raise CompositionError(f"{formula!r} has characters that are not of a formula", expected=expected)
        try:
            atoms = periodictable.formula(body).atoms
        except ParseBaseException as error:
            found, advice = _unread(match.group(2), error.loc)
            raise CompositionError(f"{formula!r} cannot be read: {found}", expected=expected, advice=advice) from error
        except (ValueError, KeyError, TypeError) as error:
            raise CompositionError(f"{formula!r} cannot be read: {error}", expected=expected) from error
        for element, n in atoms.items():
            symbol = str(element)
            if symbol in ("n", "D", "T") or element.mass is None:
                raise CompositionError(f"{formula!r} names {symbol}, not a natural element", expected=expected)
            total[symbol] = total.get(symbol, 0.0) + factor * float(n)
    if not total or any(n <= 0 for n in total.values()):
        raise CompositionError(f"{formula!r} has no positive amount of any element", expected=expected)
    return tuple(total.items())


def _unread(part: str, place: int) -> tuple[str, str]:
    """Say what is wrong at the character *place* of a part of a formula, and what may have been meant."""
    import periodictable

    opened, closed = (sum(part.count(bracket) for bracket in brackets) for brackets in ("([{", ")]}"))
    if opened != closed:
        return f"{opened} brackets open and {closed} close", "Check the brackets"
    word = re.match(r"[A-Za-z]+|.", part[place:])
    symbols = {element.symbol for element in periodictable.elements} - {"n"}
    letters = word[0] if word else ""
    meant = next((s for s in (letters[:2].capitalize(), letters[:1].upper()) if s in symbols), None)
    after = f" after {part[:place]!r}" if place else ""
    advice = f"Did you mean {meant}? Symbols of elements begin with a capital letter" if meant else ""
    return f"{letters!r}{after} is no element", advice


_PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉[]{}", "0123456789()()")

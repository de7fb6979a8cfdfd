"""The gain over the mixing ratio of two solids: the pseudo-binary diagram of a contact.

Richards, Miara, Wang, Kim & Ceder, Chem. Mater. 28 (2016) 266, doi:10.1021/acs.chemmater.5b04082.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lirich.interfaces.cathode import Charged
from lirich.interfaces.contact import meet
from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.windows import DRAWS, bar_of, hull, products_of

_STEP = 1e-4
"""Share of the atoms by which a kink is passed to find the phases beyond it: far above the nudge of the programmes
(`lirich.interfaces.simplex.NUDGE`)."""
_FLAT = 1e-12
"""A slower change of an amount with the share is none."""


@dataclass(frozen=True, slots=True)
class Kink:
    """A composition at which the products change: share of the atoms from A, gain, and what is made per atom.

    ``low`` and ``high`` are the 90 % interval of the gain from the energies.
    """

    share_a: float
    energy_ev_atom: float
    low: float | None
    high: float | None
    products: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Mixing:
    """The gain over all mixtures of two solids: straight lines between its kinks, B alone first and A alone last."""

    a: str
    b: str
    voltage: float | None
    kinks: tuple[Kink, ...]

    @property
    def lowest(self) -> Kink:
        """The mixture of the largest gain, the one of `Contact`."""
        return min(self.kinks, key=lambda kink: kink.energy_ev_atom)


def mixing(
    table: EnergyTable,
    a: str | Charged,
    b: str | Charged,
    *,
    voltage: float | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Mixing:
    """Return the gain of mixing x of A and 1 − x of B, by atoms, for all x: the pseudo-binary of Richards et al. 2016.

    One set of phases is the lowest between two kinks, so that the amounts of its phases are linear in x and tell where
    it ends. Arguments and errors are those of `reaction`.
    """
    meeting = meet(table, a, b, voltage, draws, seed)
    opened, costs = meeting.opened
    first, second = meeting.pair.T
    places = [0.0]
    while places[-1] < 1.0 - _STEP:
        at = places[-1] + _STEP
        best = hull(opened, at * first + (1.0 - at) * second, costs[:1])
        inverse = np.linalg.inv(opened.columns[:, best.basis[0]])
        now, change = inverse @ (at * first + (1.0 - at) * second), inverse @ (first - second)
        ends = [-n / d for n, d in zip(now, change, strict=True) if d < -_FLAT]
        end = at + max(min(ends, default=1.0), 0.0)
        places.append(end if end < 1.0 - 2.0 * _STEP else 1.0)
    kinks = []
    for place in places:
        best = hull(opened, place * first + (1.0 - place) * second, costs)
        gain = best.value - place * meeting.sides[0].alone - (1.0 - place) * meeting.sides[1].alone
        _, low, high = bar_of(np.minimum(gain, 0.0))
        kinks.append(Kink(place, min(float(gain[0]), 0.0) + 0.0, low, high, products_of(opened, best, 1.0)))
    return Mixing(meeting.sides[0].name, meeting.sides[1].name, voltage, tuple(kinks))

"""Who stands on which place of a fixed lattice, and what its Ewald energy is.

Positions stay, ions change places: one matrix of unit charges, E = Σᵢⱼ qᵢ Mᵢⱼ qⱼ, then serves every arrangement. A
vacancy is a charge of 0, an interstitial place an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.interstices import interstices
from lirich.atoms.ordering import SAME_DIGITS, annealed, ewald_matrix
from lirich.atoms.oxidation import balanced, counts_of, symbols_of

Array = NDArray[np.float64]

EMPTY = ""


@dataclass(frozen=True)
class Places:
    """The places of a lattice: fractional coordinates, shape (places, 3), the layer of each, and the matrix M, eV/e².

    ``layers`` holds ``Li``, ``TM``, ``O`` or ``tetrahedral``.
    """

    lattice: Lattice
    positions: Array
    layers: tuple[str, ...]
    matrix: Array

    @cached_property
    def distances(self) -> Array:
        """Distances of the nearest images, Å, shape (places, places)."""
        return np.asarray(self.lattice.get_all_distances(self.positions, self.positions))


@dataclass(frozen=True)
class Arrangement:
    """One occupation of `Places`: the element (`EMPTY` for none), its formal charge and its role on each place.

    The role is ``host``, ``dopant`` or ``compensation``.
    """

    places: Places
    elements: tuple[str, ...]
    charges: tuple[int, ...]
    roles: tuple[str, ...]

    @property
    def charge(self) -> int:
        """Formal charge of the cell."""
        return sum(self.charges)

    @property
    def ewald_ev(self) -> float:
        """Ewald energy of the formal charges, eV per cell; sound for a neutral cell."""
        q = np.array(self.charges, dtype=float)
        return float(q @ self.places.matrix @ q)

    def holding(self, element: str, charge: int | None = None, layer: str | None = None) -> list[int]:
        """Return the host's places that hold that ion."""
        return [
            i
            for i, (e, q, where, role) in enumerate(
                zip(self.elements, self.charges, self.places.layers, self.roles, strict=True)
            )
            if e == element and role == "host" and charge in (None, q) and layer in (None, where)
        ]

    def put(self, ions: Mapping[int, tuple[str, int]], role: str) -> Arrangement:
        """Return the arrangement with other ions on some places, which take that role."""
        elements, charges, roles = list(self.elements), list(self.charges), list(self.roles)
        for place, (element, charge) in ions.items():
            elements[place], charges[place], roles[place] = element, charge, role
        return replace(self, elements=tuple(elements), charges=tuple(charges), roles=tuple(roles))

    def swapped(self, a: int, b: int) -> Arrangement:
        """Return the arrangement in which the ions of two places have changed places, with their roles."""
        order = list(range(len(self.elements)))
        order[a], order[b] = b, a
        return replace(
            self,
            elements=tuple(self.elements[i] for i in order),
            charges=tuple(self.charges[i] for i in order),
            roles=tuple(self.roles[i] for i in order),
        )

    def gains(self, places: Sequence[int], charge: int) -> Array:
        """Return what the Ewald energy changes by, eV, where each one of *places* alone takes that *charge*.

        ΔE = 2 Δqᵢ Σⱼ Mᵢⱼ qⱼ + Δqᵢ² Mᵢᵢ, exact for the symmetric M.
        """
        q = np.array(self.charges, dtype=float)
        index = np.asarray(places, dtype=int)
        step = charge - q[index]
        field = self.places.matrix[index] @ q
        return np.asarray(2 * step * field + step**2 * np.diagonal(self.places.matrix)[index])

    def best(self, places: Sequence[int], charge: int) -> int:
        """Return the one of *places* that takes that *charge* at the lowest Ewald energy, the first of equal ones."""
        return places[int(np.round(self.gains(places, charge), SAME_DIGITS).argmin())]

    def structure(self) -> Structure:
        """Return the crystal without the empty places; site properties ``charge``, ``layer``, ``role``, ``place``."""
        filled = [i for i, element in enumerate(self.elements) if element != EMPTY]
        return Structure(
            self.places.lattice,
            [self.elements[i] for i in filled],
            self.places.positions[filled],
            site_properties={
                "charge": [self.charges[i] for i in filled],
                "layer": [self.places.layers[i] for i in filled],
                "role": [self.roles[i] for i in filled],
                "place": filled,
            },
        )


def arrangement_of(host: Structure, matrix: Array, interstitial: Array | None = None) -> Arrangement:
    """Return the host as an arrangement, with empty tetrahedral places beside it.

    Parameters
    ----------
    host:
        Crystal with the site properties ``charge`` and ``layer``; its ``role`` is kept where it has one.
    matrix:
        Unit-charge Ewald matrix of the host's places and then the interstitial ones, eV/e².
    interstitial:
        Fractional coordinates of empty tetrahedral places, shape (n, 3).
    """
    extra = np.empty((0, 3)) if interstitial is None else np.asarray(interstitial, dtype=float)
    places = Places(
        lattice=host.lattice,
        positions=np.vstack([host.frac_coords, extra]),
        layers=(*host.site_properties["layer"], *["tetrahedral"] * len(extra)),
        matrix=matrix,
    )
    return Arrangement(
        places=places,
        elements=(*(site.specie.symbol for site in host), *[EMPTY] * len(extra)),
        charges=(*(round(q) for q in host.site_properties["charge"]), *[0] * len(extra)),
        roles=(*host.site_properties.get("role", ["host"] * len(host)), *["host"] * len(extra)),
    )


def arranged(crystal: Structure, *, tetrahedral: bool = False) -> Arrangement:
    """Return a crystal as an arrangement, its empty *tetrahedral* places beside it where they are asked for.

    Raises as `lirich.atoms.layers.layers_of` where tetrahedral places are asked for of a crystal without layers.
    """
    empty = chain.from_iterable(each.frac_coords for each in interstices(crystal)) if tetrahedral else ()
    between = np.array(list(empty), dtype=float).reshape(-1, 3)
    whole = Structure(crystal.lattice, ["H"] * (len(crystal) + len(between)), np.vstack([crystal.frac_coords, between]))
    return arrangement_of(crystal, ewald_matrix(whole), between)


def with_charges(crystal: Structure, *, seed: int = 0, sweeps: int = 200) -> Structure:
    """Return a crystal with the site property ``charge``, whole numbers that sum to zero.

    States are those of `lirich.atoms.oxidation.balanced`; where an element has two of them (Mn³⁺ beside Mn⁴⁺) they
    stand at the lowest Ewald energy found by annealing. Raises as `balanced`.
    """
    symbols = symbols_of(crystal)
    states = balanced(counts_of(crystal)).states
    left = {el: [float(q) for q, n in of.items() for _ in range(round(n))] for el, of in states.items()}
    charges = [left[symbol].pop() for symbol in symbols]
    mixed = [[i for i, symbol in enumerate(symbols) if symbol == el] for el, of in states.items() if len(of) > 1]
    if mixed:
        order = annealed(ewald_matrix(crystal), charges, mixed, np.random.default_rng(seed), sweeps=sweeps)
        charges = [charges[i] for i in order]
    found = crystal.copy()
    found.add_site_property("charge", charges)
    return found

"""A dopant on other sites of the same cell: the same ions in another arrangement, whose energies compare.

Putting a dopant on another kind of site usually changes what makes the cell neutral, and so its composition: the two
cells then tell nothing of the site. Here the dopant changes places with another ion, so that only the site differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import EMPTY, Arrangement
from lirich.atoms.ordering import SAME_DIGITS
from lirich.atoms.sites import distinct_sites

MOST_NEIGHBOURHOODS = 3
"""Of an anion, so many other neighbourhoods are tried, those of the lowest Ewald energies."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A cell with one dopant on another site: which dopant, where to in words, the cell, its index in the cell."""

    element: str
    layer: str
    where: str
    structure: Structure
    atom: int


def elsewhere(start: Arrangement) -> Iterator[Elsewhere]:
    """Yield the cells in which one dopant, the first of each element, stands on another kind of site.

    A cation changes places with an ion of the lithium layer or of the metal layer (from the metal layer: with its
    lithium), or goes to an empty tetrahedral place; an anion changes places with oxygen of another neighbourhood. Of
    each kind it is the arrangement of the lowest Ewald energy.
    """
    first: dict[str, int] = {}
    for place, role in enumerate(start.roles):
        if role == "dopant":
            first.setdefault(start.elements[place], place)
    for element, here in first.items():
        found = _of_anion(start, here) if start.places.layers[here] == "O" else _of_cation(start, here)
        for layer, words, (there, arrangement) in found:
            cell = arrangement.structure()
            atom = list(cell.site_properties["place"]).index(there)
            yield Elsewhere(element, layer, f"{element} {words}", cell, atom)


Found = tuple[str, str, tuple[int, Arrangement]]
"""The layer, the site in words, and the place with the arrangement."""


def _of_cation(start: Arrangement, here: int) -> Iterator[Found]:
    home = start.places.layers[here]
    in_metal_layer = start.holding("Li", layer="TM")
    if home != "TM":
        in_metal_layer += _metals(start)
    options = {
        "Li": ("in the Li layer", start.holding("Li", layer="Li") if home != "Li" else []),
        "TM": ("in the TM layer" if home != "TM" else "on a Li place of the TM layer", in_metal_layer),
        "tetrahedral": ("tetrahedral", start.holding(EMPTY, layer="tetrahedral") if home != "tetrahedral" else []),
    }
    for layer, (words, places) in options.items():
        if places:
            yield layer, words, _lowest(start, here, places)


def _lowest(start: Arrangement, here: int, places: Sequence[int]) -> tuple[int, Arrangement]:
    swapped = [(place, start.swapped(here, place)) for place in places]
    return min(swapped, key=lambda pair: round(pair[1].ewald_ev, SAME_DIGITS))


def _of_anion(start: Arrangement, here: int) -> Iterator[Found]:
    crystal = start.structure()
    place_of = crystal.site_properties["place"]
    sites = distinct_sites(crystal, layer="O")
    home = next(site.name for site in sites if here in {place_of[i] for i in site.members})
    found = []
    for site in sites:
        places = [place_of[i] for i in site.members if start.roles[place_of[i]] == "host"]
        around = site.name.partition(": ")[2]
        if places and around != home.partition(": ")[2]:
            best = _lowest(start, here, places)
            found.append((best[1].ewald_ev, around, best))
    for _, around, best in sorted(found, key=lambda each: (each[0], each[1]))[:MOST_NEIGHBOURHOODS]:
        yield "O", f"beside {around}", best


def _metals(start: Arrangement) -> list[int]:
    metal = [element not in (EMPTY, "Li") for element in start.elements]
    here = [layer == "TM" and role == "host" for layer, role in zip(start.places.layers, start.roles, strict=True)]
    return [i for i, both in enumerate(zip(metal, here, strict=True)) if all(both)]

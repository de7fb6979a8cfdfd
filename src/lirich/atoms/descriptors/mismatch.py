"""Size mismatch: the radius of a dopant against that of the ion whose place it takes.

(r_dopant − r_replaced)/r_replaced, with Shannon's effective ionic radii (Acta Cryst. A 32 (1976) 751,
doi:10.1107/S0567739476001551). The rule of 15 % is Hume-Rothery's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pymatgen.core.structure import Structure

from lirich.atoms.compensation import ion
from lirich.atoms.descriptors.charged import same_places
from lirich.atoms.descriptors.computed import Computed
from lirich.atoms.oxidation import ionic_radius_a
from lirich.errors import UnknownNameError

MISMATCH = "dopant_size_mismatch"


def size_mismatch(host: Structure, doped: Structure, dopants: Sequence[int]) -> list[Computed]:
    """Return the mismatch, %, of each kind of dopant and replaced ion; both cells as built, with ``charge``.

    Ions of cation and anion places are six-fold coordinated; where nothing stood before there is no mismatch.
    """
    places = same_places(doped, host)
    kinds: Counter[tuple[str, int, str, int]] = Counter()
    found = []
    for atom in dopants:
        mine = (doped[atom].specie.symbol, round(doped.site_properties["charge"][atom]))
        if atom not in places:
            words = f"{ion(*mine)} between the sites"
            found.append(Computed(quantity=MISMATCH, value=None, where=words, why="it replaces nothing"))
            continue
        there = places[atom]
        kinds[(*mine, host[there].specie.symbol, round(host.site_properties["charge"][there]))] += 1
    for (element, charge, other, other_charge), count in kinds.items():
        try:
            radius, replaced = ionic_radius_a(element, charge), ionic_radius_a(other, other_charge)
        except UnknownNameError as error:
            found.append(Computed(quantity=MISMATCH, value=None, where=ion(element, charge), why=str(error)))
            continue
        times = f"{count} × " if count > 1 else ""
        where = f"{times}{ion(element, charge)} ({radius:.3f} Å) for {ion(other, other_charge)} ({replaced:.3f} Å)"
        found.append(Computed(quantity=MISMATCH, value=100.0 * (radius - replaced) / replaced, where=where))
    return found

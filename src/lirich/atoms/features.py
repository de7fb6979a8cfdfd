"""Features of a dopant on its site: what a surrogate learns from, all of them known before anything is computed.

Radii are Shannon's, electronegativities Pauling's (both as pymatgen carries them). The bond of a cation with oxygen is
stated by the formation energy of its binary oxide per oxygen atom: PBE energies of the Open Quantum Materials Database
(Kirklin et al., npj Comput. Mater. 1 (2015) 15010, doi:10.1038/npjcompumats.2015.10; CC-BY 4.0), in ``oxides.csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from lirich.atoms.dopants import Dopant
from lirich.atoms.oxidation import ionic_radius_a, usual_state
from lirich.errors import UnknownNameError

Array = NDArray[np.float64]

FEATURES: Mapping[str, str] = {
    "radius_step_a": "ionic radius of the dopant less that of the ion that it replaces, Å",
    "charge_step": "charge of the dopant less that of the ion that it replaces, e",
    "electronegativity": "Pauling electronegativity of the dopant",
    "oxide_energy_ev": "formation energy of the dopant's binary oxide per oxygen atom, eV; 0 for an anion",
    "on_lithium": "share of the dopants that stand in the lithium layer",
    "on_oxygen": "share of the dopants that stand on oxygen's place",
}
"""The features by name; of a set of dopants each is the mean over its ions."""


@lru_cache(maxsize=1)
def oxide_energies() -> Mapping[tuple[str, int], float]:
    """Return the formation energy of the binary oxide per oxygen atom, eV, by element and charge."""
    text = files("lirich.atoms").joinpath("oxides.csv").read_text(encoding="utf-8")
    return {
        (row["element"], int(row["charge"])): float(row["formation_energy_ev_per_oxygen"])
        for row in csv.DictReader(text.splitlines())
    }


def oxide_energy_ev(element: str, charge: int) -> float:
    """Return the formation energy per oxygen of the oxide of that state, eV, or of the nearest state that is known.

    Raises `UnknownNameError` where no oxide of the element is in the table.
    """
    known = {q: energy for (e, q), energy in oxide_energies().items() if e == element}
    if not known:
        raise UnknownNameError.of("element with a binary oxide", element, {e for e, _ in oxide_energies()})
    return known[min(known, key=lambda q: (abs(q - charge), q))]


def features(dopants: Sequence[Dopant], replaced: Mapping[str, int]) -> Array:
    """Return the features of a set of dopants, shape (features,), in the order of `FEATURES`.

    *replaced* gives the charge of the host's ions by element; a tetrahedral place is empty and has radius and charge 0.
    Raises `UnknownNameError` where a radius or an oxide is not known.
    """
    rows = [_of_one(d, replaced) for d in dopants for _ in range(d.count)]
    return np.asarray(np.mean(rows, axis=0))


def _of_one(dopant: Dopant, replaced: Mapping[str, int]) -> list[float]:
    anion = dopant.charge < 0
    makes_room = dopant.replaces or {"Li": "Li", "TM": "Mn", "O": "O", "tetrahedral": ""}[dopant.place]
    coordination = 4 if dopant.place == "tetrahedral" else 6
    old_charge = replaced.get(makes_room, usual_state(makes_room)) if makes_room else 0
    old_radius = ionic_radius_a(makes_room, old_charge) if makes_room else 0.0
    return [
        ionic_radius_a(dopant.element, dopant.charge, coordination) - old_radius,
        float(dopant.charge - old_charge),
        float(Element(dopant.element).X),
        0.0 if anion else oxide_energy_ev(dopant.element, dopant.charge),
        float(dopant.place == "Li"),
        float(dopant.place == "O"),
    ]

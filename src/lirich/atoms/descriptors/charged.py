"""Charged cells of a host and of its doped kin: the same lithium out of both, as far as both have it.

Which lithium leaves decides energies by tenths of an eV. A difference to the host is one of the dopant only if both
cells lost the same lithium: the doped cell follows its host, and its own lowest arrangement is computed beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pymatgen.core.structure import Structure

from lirich.atoms.delithiate import delithiated
from lirich.atoms.descriptors.computed import ended
from lirich.atoms.ordering import ewald_matrix
from lirich.atoms.oxidation import balanced, symbols_of
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job
from lirich.errors import CalculatorError

SAME_PLACE_A = 0.7
"""Atoms of two built cells stand on one place within this distance, Å: places of an oxide are 1.7 Å apart or more."""

LAYERS_APART_PERCENT = 20.0
"""Measured volumes of layered oxides change by less than 10 % on charge (Radin et al., Adv. Energy Mater. 7 (2017)
1602888, doi:10.1002/aenm.201602888); a cell that has grown by twice that has lost its layers to each other."""


@dataclass(frozen=True, slots=True)
class ChargedCell:
    """A charged cell, relaxed. ``removed`` are the lithium that left, by index in the cell before, in rising order."""

    relaxation: Relaxation
    removed: tuple[int, ...]
    lithium_removed: float
    words: str
    growth_percent: float

    @property
    def apart(self) -> str:
        """What is to be said where the layers came apart, else nothing.

        Potentials without dispersion hardly bind layers without lithium: relaxed, they drift away from each other, at
        almost no gain of energy (0.04 eV per CoO2). The volume of such a cell is no number of the crystal.
        """
        if self.growth_percent < LAYERS_APART_PERCENT:
            return ""
        return f"the layers came apart (volume {self.growth_percent:+.0f} %): the potential hardly binds empty layers"

    def index_of(self, before: int) -> int | None:
        """Return where an atom of the cell before stands in this one, ``None`` where it left."""
        return None if before in self.removed else before - sum(gone < before for gone in self.removed)


@dataclass(frozen=True, slots=True)
class ChargedPair:
    """The cell that follows the host (of a host: its lowest), and the lowest that was found.

    ``lost`` says of the arrangements that did not relax that the lowest may be one of them.
    """

    following: ChargedCell
    lowest: ChargedCell
    lost: tuple[str, ...] = ()


def charged_cells(
    rich: Relaxation,
    share: float,
    settings: RelaxationSettings,
    *,
    count: int | None = None,
    follow: Sequence[int] | None = None,
    arrangements: int = 2,
) -> Plan[ChargedPair]:
    """Relax charged cells, cell shape free, with *share* of the lithium out, rounded to whole atoms.

    Parameters
    ----------
    rich:
        The relaxed discharged cell.
    count:
        How many lithium leave, as far as there are as many, whatever *share* makes of them: as many as left the host.
        Half of 18 are 9 and half of 17 are 8, and cells with unlike amounts out do not compare.
    follow:
        Indices of the lithium that left the host, in *rich*; ``None`` for a host. Lithium too many or too few
        is put back, or taken out too, where the Ewald energy of the formal charges is lowest.
    arrangements:
        How many arrangements of vacancies are relaxed: the lowest by Ewald energy, beside the one that follows.

    Raises `lirich.errors.CalculatorError` where no cell relaxed, or not the one that follows the host.
    """
    crystal = rich.crystal
    free = settings.model_copy(update={"cell": "free"})
    lithium = symbols_of(crystal).count("Li")
    out = round(share * lithium) if count is None else min(count, lithium)
    ways = [tuple(sorted(c.removed)) for c in delithiated(crystal, out / max(lithium, 1), lowest=arrangements)]
    if follow is not None:
        mine = following(crystal, follow, out)
        ways = [mine, *[way for way in ways if way != mine][: arrangements - 1]]
    jobs = []
    for number, way in enumerate(ways):
        charged = crystal.copy()
        charged.remove_sites(list(way))
        jobs.append(relaxation_job(charged, free, f"{charged.composition.reduced_formula}, vacancies {number}"))
    outcomes = yield jobs
    cells: list[ChargedCell | None] = []
    reasons = []
    for number, (way, outcome) in enumerate(zip(ways, outcomes, strict=True)):
        end, why = ended(outcome)
        if end is None:
            reasons.append(why)
            cells.append(None)
            continue
        growth = 100.0 * (end.crystal.volume / crystal.volume - 1.0)
        words = "the lithium that left the host" if follow is not None and number == 0 else f"vacancies {number}"
        cells.append(ChargedCell(end, way, share, words, growth))
    sound = [cell for cell in cells if cell is not None]
    if not sound or (follow is not None and cells[0] is None):
        which = (
            "The charged cell without the lithium that left the host did not relax"
            if sound
            else ("No charged cell relaxed")
        )
        raise CalculatorError(f"{which}: {'; '.join(dict.fromkeys(reasons))}")
    lowest = min(sound, key=lambda cell: cell.relaxation.energy_ev)
    lost: tuple[str, ...] = ()
    if reasons:
        lost = (f"{len(reasons)} of {len(cells)} arrangements of the vacancies gave no energy ({reasons[0]})",)
    return ChargedPair(lowest if follow is None or cells[0] is None else cells[0], lowest, lost)


def following(structure: Structure, removed: Sequence[int], count: int) -> tuple[int, ...]:
    """Return *count* lithium that leave *structure*: *removed*, and as few others as can be, by Ewald energy."""
    symbols = symbols_of(structure)
    lithium = [i for i, s in enumerate(symbols) if s == "Li"]
    gone = sorted(set(removed) & set(lithium))
    if len(gone) == count:
        return tuple(gone)
    counts = {el: symbols.count(el) - (count if el == "Li" else 0) for el in dict.fromkeys(symbols)}
    states = balanced(counts, oxygen=True)
    charges = np.array([1.0 if s == "Li" else states.mean(s) for s in symbols])
    matrix = ewald_matrix(structure)

    def energy(out: Sequence[int]) -> float:
        q = charges.copy()
        q[list(out)] = 0.0
        return float(q @ matrix @ q)

    while len(gone) < count:
        gone = min(([*gone, i] for i in lithium if i not in gone), key=energy)
    while len(gone) > count:
        gone = min(([i for i in gone if i != back] for back in gone), key=energy)
    return tuple(sorted(gone))


def same_places(structure: Structure, other: Structure) -> Mapping[int, int]:
    """Return which atom of *other* stands where an atom of *structure* does, by index, of cells that share a lattice.

    Elements may differ: a dopant stands where a metal of the host did. Both as built, not relaxed.
    """
    distances = structure.lattice.get_all_distances(structure.frac_coords, other.frac_coords)
    nearest = distances.argmin(axis=1)
    return {i: int(j) for i, j in enumerate(nearest) if distances[i, j] < SAME_PLACE_A}

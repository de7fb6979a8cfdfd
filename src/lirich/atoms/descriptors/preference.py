"""What a layered cell would gain or lose as another order of the same atoms, and a dopant on another site.

Energies per atom, over that of the layered cell, all relaxed with the same potential: spinel-type and rock salt of the
same composition (`lirich.atoms.phases`). Positive says that the layered order is the lower one.
"""

from __future__ import annotations

from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import arranged
from lirich.atoms.descriptors.computed import Computed, doubts_of, ended, steps_of
from lirich.atoms.phases import Phase, as_phase
from lirich.atoms.plan import Plan
from lirich.atoms.rearranged import elsewhere
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job
from lirich.errors import LirichError

SPINEL = "spinel_over_layered_mev_atom"
ROCK_SALT = "rock_salt_over_layered_mev_atom"
SITE = "dopant_site_energy_ev"
_PHASES: tuple[tuple[str, Phase], ...] = ((SPINEL, "spinel"), (ROCK_SALT, "rock salt"))


def phase_preference(
    built: Structure, layered: Relaxation, settings: RelaxationSettings, *, seed: int = 0
) -> Plan[list[Computed]]:
    """Return the energies of spinel and rock salt over the layered cell, meV per atom.

    *built* is the layered cell before relaxation, with its formal charges. A spinel cell whose whole numbers are not
    those of the layered one has another composition: no value.
    """
    free = settings.model_copy(update={"cell": "free"})
    cells: list[tuple[str, Structure]] = []
    found = []
    formula = built.composition.reduced_formula
    for quantity, phase in _PHASES:
        try:
            other = as_phase(built, phase, seed=seed)
        except LirichError as error:
            found.append(Computed(quantity=quantity, value=None, why=str(error)))
            continue
        if other.composition.reduced_formula != formula:
            why = f"no small {phase} cell has the composition: {other.composition.reduced_formula}, not {formula}"
            found.append(Computed(quantity=quantity, value=None, why=why))
            continue
        cells.append((quantity, other))
    outcomes = yield [relaxation_job(cell, free, f"{formula} as another phase") for _, cell in cells]
    for (quantity, cell), outcome in zip(cells, outcomes, strict=True):
        end, why = ended(outcome)
        value = None
        if end is not None:
            value = 1000.0 * (end.energy_ev / len(cell) - layered.energy_ev / len(layered.crystal))
        where = f"{len(cell)} atoms, seed {seed}"
        doubts = () if end is None else (*doubts_of(end), *(f"layered cell {words}" for words in doubts_of(layered)))
        steps = steps_of(outcome)
        found.append(Computed(quantity=quantity, value=value, where=where, doubts=doubts, why=why, steps=steps))
    return found


def site_preference(built: Structure, home: Relaxation, settings: RelaxationSettings) -> Plan[list[Computed]]:
    """Return what each dopant costs on other kinds of site, eV per cell over the cell as it is.

    *built* is the doped cell before relaxation, with the site properties ``charge``, ``layer`` and ``role``, *home* the
    same cell relaxed. The ions are the same in another arrangement (`lirich.atoms.rearranged`); positive says that
    the site of *built* is the better one. A dopant that leaves the site while the cell relaxes gives no value.
    """
    free = settings.model_copy(update={"cell": "free"})
    others = list(elsewhere(arranged(built, tetrahedral=True)))
    if not others:
        return [Computed(quantity=SITE, value=None, why="the cell has no other kind of site for its dopants")]
    outcomes = yield [relaxation_job(each.structure, free, each.where) for each in others]
    found = []
    for each, outcome in zip(others, outcomes, strict=True):
        end, why = ended(outcome)
        left = next((m for m in end.end.moved if m.atom == each.atom), None) if end is not None else None
        if left is not None:
            end, why = None, f"{each.element} does not stay there: it moved {left.distance_a:.1f} Å"
        value = None if end is None else end.energy_ev - home.energy_ev
        doubts = () if end is None else (*doubts_of(end), *(f"cell as it is {words}" for words in doubts_of(home)))
        steps = steps_of(outcome)
        found.append(Computed(quantity=SITE, value=value, where=each.where, doubts=doubts, why=why, steps=steps))
    return found

"""Oxygen that pairs in the charged cell: what the lowest state with a pair costs over the lowest without one.

A search from shaken starts (`lirich.atoms.rattle`). Relaxed from its own sites no charged oxide pairs its oxygen; a
search that finds no pair proves nothing, and one that finds a pair gives an upper bound of its energy.
"""

from __future__ import annotations

from lirich.atoms.descriptors.computed import Computed, ended, steps_of
from lirich.atoms.plan import Plan
from lirich.atoms.rattle import PAIRED_A, dimer_jobs
from lirich.atoms.relax import Relaxation, RelaxationSettings

PAIRING = "oxygen_pairing_energy_ev"


def oxygen_pairing(
    charged: Relaxation, settings: RelaxationSettings, *, lithium_removed: float, starts: int = 8, seed: int = 0
) -> Plan[Computed]:
    """Return the energy of the lowest end with an oxygen pair over the lowest without one, eV per cell.

    *charged* itself counts among those without. A negative energy says that oxygen pairs by itself.
    """
    fixed = settings.model_copy(update={"cell": "fixed"})
    outcomes = yield dimer_jobs(charged.crystal, fixed, starts=starts, seed=seed, label="oxygen pair")
    paired: list[tuple[float, float]] = []
    apart = [charged.energy_ev]
    lost = 0
    for outcome in outcomes:
        end, _ = ended(outcome)
        if end is None:
            lost += 1
        elif (end.end.min_anion_distance_a or 9.9) < PAIRED_A:
            paired.append((end.energy_ev, end.end.min_anion_distance_a or 0.0))
        else:
            apart.append(end.energy_ev)
    known = Computed(quantity=PAIRING, value=None, lithium_removed=lithium_removed, steps=steps_of(*outcomes))
    if not paired:
        unfinished = f", {lost} of them without a usable end" if lost else ""
        return known.model_copy(update={"why": f"no pair found from {starts} starts{unfinished}: no proof of absence"})
    energy, distance = min(paired)
    unusable = f", {lost} of which had no usable end" if lost else ""
    doubts = (f"the lowest of {len(paired)} pairs found from {starts} starts{unusable}: an upper bound",)
    where = f"O-O {distance:.2f} Å"
    return known.model_copy(update={"value": energy - min(apart), "where": where, "doubts": doubts})

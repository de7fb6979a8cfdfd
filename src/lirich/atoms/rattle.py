"""A search for oxygen that pairs: relaxations of a charged crystal from many shaken starts.

A charged oxide that is relaxed from its own sites keeps its oxygens 2.3 Å apart or more, whatever its charge: pairs are
behind a barrier. The search shakes all atoms, and brings one pair of neighbouring oxygens together in every second
start; what is found is the lowest end with a pair, against the lowest without. Nothing found is no proof of absence.
"""

from __future__ import annotations

import numpy as np
from pymatgen.core.structure import Structure

from lirich.atoms.plan import Job
from lirich.atoms.relax import RelaxationSettings, relaxation_job

PAIRED_A = 1.6
"""Oxygens nearer than this are a pair: peroxide 1.45-1.50 Å, superoxide 1.33, O2 1.21; the next in an oxide is the
edge of an octahedron, above 2.3 Å."""


def shaken_starts(
    structure: Structure, starts: int, *, shake_a: float = 0.15, brought_to_a: float = 1.5, seed: int = 0
) -> list[Structure]:
    """Return *starts* copies, each shaken by normal steps of *shake_a* Å, one pair of near oxygens *brought_to_a* Å.

    The pairs are drawn without repetition among oxygens within 3 Å, those of few cation neighbours first. Every second
    start is shaken only, so that the lowest end without a pair is searched for as hard.
    """
    draw = np.random.default_rng(seed)
    oxygen = [i for i, site in enumerate(structure) if site.specie.symbol == "O"]
    first, second, image, distance = structure.get_neighbor_list(3.0)
    pairs = [k for k in range(len(first)) if first[k] < second[k] and {first[k], second[k]} <= set(oxygen)]
    held = np.bincount([i for i, j in zip(first, second, strict=True) if j not in oxygen], minlength=len(structure))
    pairs.sort(key=lambda k: (int(held[first[k]] + held[second[k]]), float(distance[k])))
    made = []
    for n in range(starts):
        copy = structure.copy()
        steps = draw.normal(scale=shake_a / np.sqrt(3), size=(len(copy), 3))
        if n % 2 == 0 and pairs:
            k = pairs[(n // 2) % len(pairs)]
            i, j = int(first[k]), int(second[k])
            apart = (structure.frac_coords[j] + image[k] - structure.frac_coords[i]) @ structure.lattice.matrix
            push = apart / distance[k] * (distance[k] - brought_to_a) / 2
            steps[i], steps[j] = push, -push
        for i, step in enumerate(steps):
            copy.translate_sites([i], step, frac_coords=False, to_unit_cell=False)
        made.append(copy)
    return made


def dimer_jobs(
    structure: Structure, settings: RelaxationSettings, *, starts: int = 8, seed: int = 0, label: str = ""
) -> list[Job]:
    """Return the relaxations of a search; the end state of each has ``min_anion_distance_a`` (see `PAIRED_A`).

    The starts are shaken already, so that none is kicked again.
    """
    once = settings.model_copy(update={"kicks": 0})
    return [
        relaxation_job(structure, once, f"{label} start {n}".strip(), start=start)
        for n, start in enumerate(shaken_starts(structure, starts, seed=seed))
    ]

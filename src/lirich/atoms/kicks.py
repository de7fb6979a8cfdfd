"""Kicked starts: a relaxation ends in the basin that it began in, and a symmetric start may lie in a poor one.

What W on Mn does in Li18Mn9Ni3O30 (CHGNet 0.3.0, own calculation): two electrons come with the W. From the sites of the
host one of them settles on one Mn (3.9 µB, one long Mn-O axis), the other spreads over four (3.2 µB each, all six bonds
alike). That is a true minimum: its lowest curvature is 0.4 eV/Å². A barrier of 5 meV away both electrons sit on one Mn
each, 0.14 eV lower. A look at curvatures cannot find such a small polaron; a shaken start does. Density-functional
people break the symmetry of a start for the same reason (Deskins & Dupuis, Phys. Rev. B 75, 195212 (2007),
doi:10.1103/PhysRevB.75.195212).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pymatgen.core.structure import Structure

from lirich.atoms.endstates import compare_ends
from lirich.atoms.minimise import Minimum
from lirich.errors import CalculatorError, CalculatorStoppedError

KICK_A = 0.08
"""Standard deviation of a kick, Å, in each direction: half of what Jahn-Teller Mn3+ moves its oxygens by (long
and short Mn-O bonds differ by 0.3 Å), a tenth of what makes another site of an atom."""
ALIKE_EV = 0.01
"""Ends that differ by less are the same: what forces below 0.05 eV/Å leave open in a cell of 60 atoms, own runs."""


@dataclass(frozen=True, slots=True)
class Starts:
    """The lowest of several ends, and how many calls all took.

    ``ends_ev`` are the energies, eV, that of the first start first; ``None`` where a start did not converge, or a
    kicked one ended in a state of another kind.
    """

    lowest: Minimum
    ends_ev: tuple[float | None, ...]
    calls: int


def lowest_end(
    built: Structure,
    first: Minimum,
    again: Callable[[Structure], Minimum],
    *,
    kicks: int,
    seed: int,
    frozen: Sequence[int] = (),
    barred: Mapping[int, Sequence[float]] | None = None,
) -> Starts:
    """Kick the end of a run *kicks* times, relax it with *again*, and return the lowest end.

    An end counts if it converged and its kind (`lirich.atoms.endstates.compare_ends` with *built*) is that of the
    first, or ``"as built"``: a kick is to find the best arrangement of electrons around the same atoms, not another
    crystal. *frozen* and *barred* atoms are kicked as far as they may move.
    """
    draw = np.random.default_rng(seed)
    kind = compare_ends(built, first.structure).kind
    best, ends, calls = first, [first.energy_ev if first.converged else None], first.calls
    for _ in range(kicks):
        try:
            found = again(_kicked(first.structure, draw, frozen, barred or {}))
        except CalculatorStoppedError:  # the program stopped: no answer of the potential, and nothing to keep
            raise
        except CalculatorError:  # a place at which the potential has no answer is no end: told as None
            ends.append(None)
            continue
        calls += found.calls
        counts = found.converged and compare_ends(built, found.structure).kind in (kind, "as built")
        ends.append(found.energy_ev if counts else None)
        if counts and (not best.converged or found.energy_ev < best.energy_ev - ALIKE_EV):
            best = found
    return Starts(best, tuple(ends), calls)


def _kicked(
    structure: Structure, draw: np.random.Generator, frozen: Sequence[int], barred: Mapping[int, Sequence[float]]
) -> Structure:
    steps = draw.normal(scale=KICK_A, size=(len(structure), 3))
    steps[list(frozen)] = 0.0
    for atom, direction in barred.items():
        along = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
        steps[atom] -= (steps[atom] @ along) * along
    kicked = structure.copy()
    for i, step in enumerate(steps):
        kicked.translate_sites([i], step, frac_coords=False, to_unit_cell=False)
    return kicked

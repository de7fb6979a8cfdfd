"""Charged crystals: which lithium leaves, by energy and not at random.

Formal charges rank first: with lithium out, the metals are oxidised (Ni2+/4+ before Co3+/4+), then oxygen (O2- to O-,
spread over all oxygen), and the Ewald energy of the rest orders the arrangements of vacancies. The lowest distinct ones
go to the potential, whose energy ranks last: the usual two steps (Ong et al., Comput. Mater. Sci. 68, 314 (2013),
doi:10.1016/j.commatsci.2012.10.028, ``EnumerateStructureTransformation`` with an Ewald filter).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.ordering import SAME_DIGITS, annealed, ewald_matrix
from lirich.atoms.oxidation import balanced, formal_charges, symbols_of
from lirich.atoms.plan import Job, Plan
from lirich.atoms.relax import Relaxation, relaxed
from lirich.errors import CalculatorError, LirichError, StructureError

Array = NDArray[np.float64]

SAME_EV = 1e-3
"""Arrangements of vacancies whose Ewald energies differ by less, eV per cell, are taken as equal by symmetry."""


@dataclass(frozen=True, slots=True)
class Charged:
    """A cell with lithium out, its sites carrying formal ``charge``.

    ``removed`` are indices into the crystal that was charged; ``changes`` says who gave the electrons. ``ewald_ev``
    compares only cells of the same crystal and the same number of removed lithium.
    """

    structure: Structure
    removed: tuple[int, ...]
    ewald_ev: float
    changes: tuple[str, ...]
    rank: int


def delithiated(
    structure: Structure, fraction: float, *, lowest: int = 3, seeds: Sequence[int] = (0, 1, 2), sweeps: int = 200
) -> list[Charged]:
    """Return the lowest distinct cells with *fraction* of their lithium out, rounded to whole atoms, by Ewald energy.

    The lithium that leaves is searched by annealing, once per seed; the vacancies one swap away from the lowest are
    candidates too. An element has one charge, the mean of its states: no guess is made of which atom of it is oxidised.

    Raises
    ------
    lirich.errors.StructureError
        No lithium, or a fraction outside 0 to 1.
    lirich.errors.NotNeutralError
        More lithium out than metals and oxygen can give electrons for.
    """
    symbols = symbols_of(structure)
    lithium = [i for i, s in enumerate(symbols) if s == "Li"]
    if not lithium or not 0.0 <= fraction <= 1.0:
        raise StructureError(
            f"{fraction:g} of the {len(lithium)} Li of {structure.composition.reduced_formula} cannot be taken out",
            expected="a crystal with lithium, and a fraction from 0 to 1",
        )
    out = round(fraction * len(lithium))
    charges, changes = _charges_after(structure, symbols, out)
    matrix = ewald_matrix(structure)
    found: dict[tuple[int, ...], float] = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        start = charges.copy()
        start[rng.permutation(lithium)[:out]] = 0.0
        order = annealed(matrix, start.tolist(), [lithium], rng, sweeps=sweeps)
        _keep(found, matrix, start[order], lithium)
    best = min(found, key=lambda k: round(found[k], SAME_DIGITS))
    for gone in best:
        for stays in set(lithium) - set(best):
            q = charges.copy()
            q[[*(i for i in best if i != gone), stays]] = 0.0
            _keep(found, matrix, q, lithium)
    kept: list[Charged] = []
    for removed, energy in sorted(found.items(), key=lambda item: (round(item[1], SAME_DIGITS), item[0])):
        if len(kept) == lowest:
            break
        if kept and energy - kept[-1].ewald_ev < SAME_EV:
            continue
        charged = structure.copy()
        charged.add_site_property("charge", charges.tolist())
        charged.remove_sites(list(removed))
        kept.append(Charged(charged, removed, energy, changes, len(kept)))
    return kept


def lowest_by_potential(
    candidates: Sequence[Charged], job: Callable[[Structure, str], Job]
) -> Plan[tuple[Charged, Relaxation]]:
    """Relax *candidates* side by side and return the one of the lowest energy, with its relaxation.

    *job* makes the relaxation of a structure with a label (`lirich.atoms.relax.relaxation_job` with its settings). Of
    runs that converged only; where none did, the plan ends in `lirich.errors.CalculatorError` with the reasons.
    """
    outcomes = yield [
        job(c.structure, f"{c.structure.composition.reduced_formula}, vacancies {c.rank}") for c in candidates
    ]
    done: list[tuple[float, int]] = []
    reasons: list[str] = []
    results: dict[int, Relaxation] = {}
    for k, outcome in enumerate(outcomes):
        if isinstance(outcome, LirichError):
            reasons.append(str(outcome))
            continue
        results[k] = relaxed(outcome)
        if results[k].converged:
            done.append((results[k].energy_ev, k))
        else:
            reasons.append(f"vacancies {k} did not converge in {results[k].steps} steps")
    if not done:
        raise CalculatorError(f"No charged cell relaxed: {'; '.join(reasons)}")
    winner = min(done)[1]
    return candidates[winner], results[winner]


def _charges_after(structure: Structure, symbols: Sequence[str], out: int) -> tuple[Array, tuple[str, ...]]:
    """Return the mean charge of each site with *out* lithium gone, lithium itself at 1, and who gave the electrons."""
    counts: Mapping[str, int] = {el: symbols.count(el) - (out if el == "Li" else 0) for el in dict.fromkeys(symbols)}
    if out == 0:
        return np.array(formal_charges(structure)), ()
    states = balanced(counts, oxygen=True)
    return np.array([1.0 if s == "Li" else states.mean(s) for s in symbols]), states.changes


def _keep(found: dict[tuple[int, ...], float], matrix: Array, q: Array, lithium: Sequence[int]) -> None:
    found[tuple(i for i in lithium if q[i] == 0.0)] = float(q @ matrix @ q)

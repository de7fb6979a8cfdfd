"""Whether a user's DFT labels are in eV and Å: held against a potential, and forces against energies.

Labels in other units are learned without complaint, and the potential is then good for nothing. Two things tell:

- How large labels are beside what CHGNet says of the same crystals, where they follow it. Correct labels are 1 to 1.5
  times as large (softening: Deng et al., npj Comput. Mater. 11 (2025) 9, arXiv:2405.07105; 1.26 in one VASP run of LiCl
  that chgnet's tests hold), Rydberg and bohr 0.04, energies per atom one over the number of atoms. eV/bohr (0.53) times
  such a softening is 0.5 to 0.8, which correct labels of a material that CHGNet knows badly may be too.
- Energies against forces along the structures of one set: a small step changes the energy by the work of the forces,
  −½(F₁ + F₂)·Δr + V ½(σ₁ + σ₂):ε, whatever CHGNet says. Forces in eV/bohr leave 1.89 times that work.

What neither tells is said, with the number, and left to the user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lirich.atoms.evaluation import Evaluation
from lirich.atoms.labelled import Labelled
from lirich.errors import InputError

Array = NDArray[np.float64]

FOLLOWS = 0.8
"""Correlation from which on labels are taken to follow the potential, so that their size says something: a choice."""
SIZES = (1 / 3, 3.0)
"""Labels that follow, and are smaller or larger than this beside CHGNet's, are refused: twice as wide as any softening
published, a choice."""
USUAL = (0.75, 2.0)
"""Within SIZES and beyond this labels are doubted: CHGNet's forces are soft, so that true ones are no smaller."""
FEWEST = 3
"""Numbers beside the middle ones that a size is told from; pairs of structures that the work of forces is."""
STEP_A, STRAIN = 0.3, 0.03
"""Structures further apart are no small step. Of the VASP relaxation of Nb16C8O8 in chgnet's tests 18 steps are small
enough, and the middle one changes the energy by 1.07 times the work of its forces."""
LEAST_WORK_EV = 0.005
"""Below it the noise of DFT is no longer small beside the work: a choice."""
WORK = (0.75, 4 / 3)
"""The middle of energy changes over the work of the forces is 1; the step from eV/Å to eV/bohr is 1.89: a choice."""
MOST_COMPARED = 200
"""Structures of one composition whose distances are looked at: a choice, for time."""

WILD = 20.0
"""Numbers of more than so many times the upper quartile are left out: atoms on top of each other in one step of a
relaxation (20 000 eV in that of Nb16C8O8) would decide alone."""

HARTREE_EV, BOHR_A = 27.211386, 0.529177
"""CODATA 2018."""
EV_A3_GPA = 160.21766
_FORCES = (("hartree/bohr", BOHR_A / HARTREE_EV), ("rydberg/bohr", 2 * BOHR_A / HARTREE_EV), ("meV/Å", 1e3),
           ("eV/bohr", BOHR_A), ("gradients of the energy, which are minus the forces", -1.0))  # fmt: skip
_ENERGIES = (("hartree", 1 / HARTREE_EV), ("rydberg", 2 / HARTREE_EV), ("meV", 1e3))
_STRESSES = (("GPa", EV_A3_GPA), ("kbar", 10 * EV_A3_GPA), ("GPa, compression positive", -EV_A3_GPA),
             ("kbar, compression positive", -10 * EV_A3_GPA), ("stresses with compression positive", -1.0))  # fmt: skip


def check_units(data: Sequence[Labelled], said: Sequence[Evaluation]) -> tuple[str, ...]:
    """Return what is to be doubted of the units of labels, in words; nothing where they are plainly eV and Å.

    *said* is what a potential says of each crystal of *data*, with stress where there are labels of it. Energies are
    compared within a composition, so that another zero of energy does not matter. Raises `lirich.errors.InputError`
    where the labels are plainly not those of the same crystals in eV and Å.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for k, item in enumerate(data):
        groups[item.structure.composition.formula].append(k)
    mine, theirs, atoms = [], [], []
    for members in groups.values():
        energies = np.array([[said[k].energy_ev, data[k].energy_ev] for k in members])
        around = (energies - np.median(energies, axis=0))[1:]  # the first is told by the others
        mine += around[:, 0].tolist()
        theirs += around[:, 1].tolist()
        atoms += [len(data[k].structure) for k in members[1:]]
    forces = _doubt(
        "forces",
        "eV/Å",
        np.concatenate([each.forces_ev_a.ravel() for each in said]),
        np.concatenate([item.forces_ev_a.ravel() for item in data]),
        _FORCES,
    )
    per_atom = ("eV per atom", 1 / float(np.mean(atoms))) if atoms else ("eV per atom", 1.0)
    energy = _doubt("energies", "eV per cell", np.array(mine), np.array(theirs), (*_ENERGIES, per_atom))
    both = [(each.stress_ev_a3, item.stress_ev_a3) for each, item in zip(said, data, strict=True)]
    told = [(a.ravel(), b.ravel()) for a, b in both if a is not None and b is not None]
    stress = ""
    if told:
        a, b = (np.concatenate(side) for side in zip(*told, strict=True))
        stress = _doubt("stresses", "eV/Å³, tension positive", a, b, _STRESSES)
    if _work_agrees([[data[k] for k in members] for members in groups.values()]):
        forces = ""
    return tuple(words for words in (forces, energy, stress) if words)


def _doubt(what: str, unit: str, said: Array, labels: Array, others: Sequence[tuple[str, float]]) -> str:
    """Return what is to be doubted of one kind of labels; raises `InputError` where they are of another unit."""
    tame = np.ones(len(said), dtype=bool)
    for side in (said, labels):
        felt = np.abs(side[side != 0.0])  # by symmetry most components may be 0
        tame &= np.abs(side) <= WILD * np.quantile(felt, 0.75) if len(felt) else True
    said, labels = said[tame], labels[tame]
    size = float(np.linalg.norm(said) * np.linalg.norm(labels))
    if len(said) < FEWEST or size == 0.0:
        return f"that the {what} are in {unit} could not be told: too few to compare with those of CHGNet"
    follows = float(said @ labels) / size
    times = float(np.copysign(np.linalg.norm(labels) / np.linalg.norm(said), follows))
    if abs(follows) < FOLLOWS:
        return (
            f"that the {what} are in {unit} could not be told: they do not follow those of CHGNet "
            f"(correlation {follows:.2f}; they are {abs(times):.2g} times as large)"
        )
    near = [(abs(np.log(times / factor)), name) for name, factor in others if times * factor > 0]
    guess = f": as if they were {min(near)[1]}" if near and min(near)[0] < np.log(2.0) else ""
    if not SIZES[0] <= times <= SIZES[1]:
        raise InputError(
            f"The {what} are {times:.3g} times those of CHGNet{guess}",
            expected=unit,
            advice="Convert them, and look at the other labels too",
        )
    if USUAL[0] <= times <= USUAL[1]:
        return ""
    return f"the {what} are {times:.2g} times those of CHGNet{guess}; those of DFT in {unit} are mostly 1 to 1.5 times"


def _work_agrees(groups: Sequence[Sequence[Labelled]]) -> bool:
    """Say whether energies change by the work of the forces; ``False`` where the structures do not tell.

    Raises `InputError` where they tell that it is another: energies and forces are not of one unit.
    """
    ratios = [ratio for group in groups for a, b in _steps(group) if (ratio := _over_work(a, b)) is not None]
    if len(ratios) < FEWEST:
        return False
    low, middle, high = (float(q) for q in np.quantile(ratios, (0.25, 0.5, 0.75)))
    if high - low > 0.5 * abs(middle):
        return False  # the energies follow something else too: other magnetic states, other settings
    if WORK[0] <= middle <= WORK[1]:
        return True
    bohr = abs(middle * BOHR_A - 1.0) < 0.2
    raise InputError(
        f"Energies change by {middle:.3g} times the work of the forces along {len(ratios)} small steps"
        + (": as if the forces were per bohr" if bohr else ""),
        expected="energies in eV per cell and forces in eV/Å, which give 1",
        advice="Convert them, and look at the other labels too",
    )


def _steps(group: Sequence[Labelled]) -> list[tuple[Labelled, Labelled]]:
    """Return each structure of one composition with that nearest to it, each pair once; the same order of atoms."""
    first = group[0].structure.species
    alike = [item for item in group[:MOST_COMPARED] if item.structure.species == first]
    away = np.full((len(alike), len(alike)), np.inf)
    for i, j in combinations(range(len(alike)), 2):
        away[i, j] = away[j, i] = float(np.abs(_apart(alike[i], alike[j])[0]).max())
    away[away == 0.0] = np.inf  # the same structure twice
    pairs = {tuple(sorted((i, int(away[i].argmin())))) for i in range(len(alike)) if np.isfinite(away[i]).any()}
    return [(alike[i], alike[j]) for i, j in sorted(pairs)]


def _apart(a: Labelled, b: Labelled) -> tuple[Array, Array]:
    """Return the way of each atom, Å, shape (atoms, 3), nearest image, and the strain, shape (3, 3), from a to b."""
    first, last = a.structure.lattice.matrix, b.structure.lattice.matrix
    middle = (first + last) / 2
    way = b.structure.frac_coords - a.structure.frac_coords
    way = (way - np.round(way)) @ middle
    deformation = np.linalg.solve(middle, last - first)
    return way, (deformation + deformation.T) / 2


def _over_work(a: Labelled, b: Labelled) -> float | None:
    """Return the change of the energy over the work of the forces; ``None`` where the step is too large or too small.

    The work of the stress is taken from the energy; where it is the larger part, or not known, the step says nothing.
    """
    way, strain = _apart(a, b)
    if np.abs(way).max() > STEP_A or np.abs(strain).max() > STRAIN:
        return None
    work = -float(((a.forces_ev_a + b.forces_ev_a) / 2 * way).sum())
    of_stress = 0.0
    if np.abs(strain).max() > 1e-6:
        if a.stress_ev_a3 is None or b.stress_ev_a3 is None:
            return None
        volume = (a.structure.volume + b.structure.volume) / 2
        of_stress = volume * float(((a.stress_ev_a3 + b.stress_ev_a3) / 2 * strain).sum())
    if abs(work) < max(LEAST_WORK_EV, abs(of_stress)):
        return None
    return (b.energy_ev - a.energy_ev - of_stress) / work

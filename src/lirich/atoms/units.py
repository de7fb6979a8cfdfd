"""Whether a user's DFT labels are in eV and Å: held against what a potential says of the same crystals.

Labels in other units are learned without complaint, and the potential is then good for nothing. Where labels follow
CHGNet's as a line (they do, wherever it is any good), the slope tells the unit: softened energies give slopes of 1 to
1.5 (Deng et al., arXiv:2405.07105), Rydberg and bohr 0.04, energies per atom one over the number of atoms. Units within
`SLOPES`, such as eV/bohr (0.53), cannot be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lirich.atoms.evaluation import Evaluation
from lirich.atoms.labelled import Labelled
from lirich.errors import InputError

Array = NDArray[np.float64]

FOLLOWS = 0.8
"""Correlation from which on labels are taken to follow the potential, so that their slope says something: a choice."""
SLOPES = (1 / 3, 3.0)
"""Slopes between these are those of a soft or stiff potential: a choice, twice as wide as any softening published."""
FEWEST = 3
"""Numbers beside the means that a slope is told from."""

HARTREE_EV, BOHR_A = 27.211386, 0.529177
"""CODATA 2018."""
EV_A3_GPA = 160.21766
_FORCES = (("hartree/bohr", BOHR_A / HARTREE_EV), ("rydberg/bohr", 2 * BOHR_A / HARTREE_EV), ("meV/Å", 1e3),
           ("gradients of the energy, which are minus the forces", -1.0))  # fmt: skip
_ENERGIES = (("hartree", 1 / HARTREE_EV), ("rydberg", 2 / HARTREE_EV), ("meV", 1e3))
_STRESSES = (("GPa", EV_A3_GPA), ("kbar", 10 * EV_A3_GPA), ("GPa, compression positive", -EV_A3_GPA),
             ("kbar, compression positive", -10 * EV_A3_GPA), ("stresses with compression positive", -1.0))  # fmt: skip


def check_units(data: Sequence[Labelled], said: Sequence[Evaluation]) -> None:
    """Raise `lirich.errors.InputError` where the labels are plainly not those of the same crystals in eV and Å.

    *said* is what a potential says of each crystal of *data*, with stress where there are labels of it. Energies are
    compared within a composition, so that another zero of energy does not matter.
    """
    _check(
        "forces",
        "eV/Å",
        np.concatenate([each.forces_ev_a.ravel() for each in said]),
        np.concatenate([item.forces_ev_a.ravel() for item in data]),
        _FORCES,
    )
    groups: dict[str, list[int]] = defaultdict(list)
    for k, item in enumerate(data):
        groups[item.structure.composition.formula].append(k)
    mine, theirs, atoms = [], [], []
    for members in groups.values():
        energies = np.array([[said[k].energy_ev, data[k].energy_ev] for k in members])
        from_mean = (energies - energies.mean(axis=0))[1:]  # the first is told by the others
        mine += from_mean[:, 0].tolist()
        theirs += from_mean[:, 1].tolist()
        atoms += [len(data[k].structure) for k in members[1:]]
    if mine:
        per_atom = ("eV per atom", 1 / float(np.mean(atoms)))
        _check("energies", "eV per cell", np.array(mine), np.array(theirs), (*_ENERGIES, per_atom))
    both = [(each.stress_ev_a3, item.stress_ev_a3) for each, item in zip(said, data, strict=True)]
    told = [(a.ravel(), b.ravel()) for a, b in both if a is not None and b is not None]
    if told:
        a, b = (np.concatenate(side) for side in zip(*told, strict=True))
        _check("stresses", "eV/Å³, tension positive", a, b, _STRESSES)


def _check(what: str, unit: str, said: Array, labels: Array, others: Sequence[tuple[str, float]]) -> None:
    size = float(np.linalg.norm(said) * np.linalg.norm(labels))
    if len(said) < FEWEST or size == 0.0:
        return
    follows = float(said @ labels) / size
    slope = float(said @ labels) / float(said @ said)
    if abs(follows) < FOLLOWS or SLOPES[0] <= slope <= SLOPES[1]:
        return
    near = [(abs(np.log(slope / factor)), name) for name, factor in others if slope * factor > 0]
    guess = min(near)[1] if near and min(near)[0] < np.log(2.0) else ""
    raise InputError(
        f"The {what} are {slope:.3g} times those of CHGNet" + (f": as if they were {guess}" if guess else ""),
        expected=unit,
        advice="Convert them, and look at the other labels too",
    )

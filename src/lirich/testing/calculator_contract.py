"""The contract of a potential: forces and stress are its gradient, and it sees atoms, not their order or place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lirich.errors import LirichError, PluginError

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from lirich.atoms.evaluation import Calculator

STEP_A = 0.01
"""Displacement of the central differences, Å; of the strain a tenth of it."""


def check_calculator(
    calculator: Calculator,
    structure: Structure,
    *,
    force_within_ev_a: float = 0.02,
    stress_within_ev_a3: float = 0.001,
    energy_within_ev: float = 1e-3,
    seed: int = 0,
) -> dict[str, float]:
    """Check a potential on one crystal, which should be off its minimum; return the deviations by name.

    Forces against central differences along three random directions, eV/Å; stress against those of strained cells,
    eV/Å³; the energy of the crystal shifted, turned, and with its atoms in another order, eV; the same question twice,
    with others between, eV (0 is asked for). The bounds leave room for float32.

    Raises `lirich.errors.PluginError` that lists all that fails, with what was found.
    """
    from pymatgen.core.lattice import Lattice
    from pymatgen.core.structure import Structure

    draw = np.random.default_rng(seed)
    try:
        base = calculator.evaluate(structure, stress=True)
    except LirichError as error:
        raise PluginError(f"{calculator.name} does not answer for {structure.formula}: {error}") from error
    count = len(structure)
    if base.forces_ev_a.shape != (count, 3) or (base.stress_ev_a3 is not None and base.stress_ev_a3.shape != (3, 3)):
        raise PluginError(f"{calculator.name} gives forces of shape {base.forces_ev_a.shape}", expected=f"({count}, 3)")

    def energy(lattice: np.ndarray, places: np.ndarray) -> float:
        made = Structure(Lattice(lattice), structure.species, places, coords_are_cartesian=True)
        return calculator.evaluate(made).energy_ev

    cell, places = structure.lattice.matrix, structure.cart_coords
    found: dict[str, float] = {}
    worst = 0.0
    for _ in range(3):
        direction = draw.normal(size=(count, 3))
        direction /= np.linalg.norm(direction)
        slope = energy(cell, places + STEP_A * direction) - energy(cell, places - STEP_A * direction)
        worst = max(worst, abs(slope / (2 * STEP_A) + float((base.forces_ev_a * direction).sum())))
    found["forces"] = worst
    found["net force"] = float(np.linalg.norm(base.forces_ev_a.sum(axis=0))) / count
    if base.stress_ev_a3 is not None:
        found["stress"] = 0.0
        for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2)):
            strain = np.zeros((3, 3))
            strain[a, b] += STEP_A / 20
            strain[b, a] += STEP_A / 20
            up, down = np.eye(3) + strain, np.eye(3) - strain
            slope = (energy(cell @ up, places @ up) - energy(cell @ down, places @ down)) / (STEP_A / 10 * 2)
            said = (base.stress_ev_a3[a, b] + base.stress_ev_a3[b, a]) / 2
            found["stress"] = max(found["stress"], abs(slope / structure.volume - said))
    turn, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    found["translation"] = abs(energy(cell, places + draw.normal(size=3)) - base.energy_ev)
    found["rotation"] = abs(energy(cell @ turn, places @ turn) - base.energy_ev)
    order = draw.permutation(count)
    other = Structure.from_sites([structure[int(i)] for i in order])
    permuted = calculator.evaluate(other)
    found["permutation"] = abs(permuted.energy_ev - base.energy_ev)
    found["memory"] = abs(calculator.evaluate(structure).energy_ev - base.energy_ev)
    bounds = {
        "forces": force_within_ev_a,
        "net force": force_within_ev_a,
        "stress": stress_within_ev_a3,
        "memory": 1e-9,
    }
    wrong = [
        f"{name} off by {value:.2g} (allowed {bounds.get(name, energy_within_ev):.2g})"
        for name, value in found.items()
        if not value <= bounds.get(name, energy_within_ev)
    ]
    if wrong:
        raise PluginError(
            f"{calculator.name} breaks the contract of a calculator on {structure.formula}: {'; '.join(wrong)}",
            expected="forces and stress that are the gradient of the energy, and an energy of the atoms alone",
        )
    return found

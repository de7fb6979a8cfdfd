"""To the nearest minimum: BFGS from the spring model, with a line search and steps that are never wild.

The coordinates are those of the atoms in the first cell, Å, and a symmetric strain where the cell is free: atoms and
cell move together. Broyden, Fletcher, Goldfarb, Shanno as in Nocedal & Wright, Numerical Optimization (2006), ch. 6 and
18 (Powell's damped update, which keeps the second derivatives positive).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.ase_calculator import finite
from lirich.atoms.evaluation import Calculator, Evaluation
from lirich.atoms.springs import spring_hessian
from lirich.errors import CalculatorError

Array = NDArray[np.float64]

LONGEST_STEP_A = 0.2
LARGEST_STRAIN = 0.03
"""What one step may do at most; a step that would do more is shortened."""
ARMIJO = 1e-4
NOISE_EV = 2e-4
"""How far float32 lets an energy of some hundred eV be off."""
SHORTENINGS = 8
"""How often one step is shortened before the run is given up as one that does not converge."""


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where a run ended: the crystal, what the potential says of it, and how it got there.

    ``force_max_ev_a`` and ``stress_max_ev_a3`` count what was free to move only.
    """

    structure: Structure
    evaluation: Evaluation
    converged: bool
    steps: int
    calls: int
    force_max_ev_a: float
    stress_max_ev_a3: float

    @property
    def energy_ev(self) -> float:
        """Energy of the end, eV per cell."""
        return self.evaluation.energy_ev


class _Path:
    """The energy as a function of the coordinates of one run."""

    def __init__(self, calculator: Calculator, start: Structure, strain: bool) -> None:
        self.calculator, self.start, self.strain = calculator, start, strain
        self.calls = 0
        self.count = 3 * len(start)

    def first(self) -> Array:
        return np.concatenate([self.start.cart_coords.ravel(), np.zeros(6 if self.strain else 0)])

    def structure(self, x: Array) -> Structure:
        places = x[: self.count].reshape(-1, 3)
        lattice = self.start.lattice.matrix
        return Structure(
            Lattice(lattice @ self._deformation(x)),
            self.start.species,
            places @ np.linalg.inv(lattice),
            site_properties=self.start.site_properties,
        )

    def at(self, x: Array) -> tuple[Evaluation, Array]:
        self.calls += 1
        crystal = self.structure(x)
        found = finite(self.calculator.evaluate(crystal, stress=self.strain), self.calculator.name, crystal)
        deformation = self._deformation(x)
        gradient = (-found.forces_ev_a @ deformation.T).ravel()
        if self.strain and found.stress_ev_a3 is not None:
            volume = abs(np.linalg.det(self.start.lattice.matrix @ deformation))
            by_strain = np.linalg.inv(deformation) @ found.stress_ev_a3 * volume
            s = (by_strain + by_strain.T) / 2
            gradient = np.concatenate([gradient, [s[0, 0], s[1, 1], s[2, 2], s[1, 2], s[0, 2], s[0, 1]]])
        return found, gradient

    def _deformation(self, x: Array) -> Array:
        if not self.strain:
            return np.eye(3)
        xx, yy, zz, yz, xz, xy = x[self.count :]
        deformation: Array = np.eye(3) + np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
        return deformation


def minimise(
    calculator: Calculator,
    start: Structure,
    *,
    force_max_ev_a: float,
    stress_max_ev_a3: float = 0.003,
    strain: bool = False,
    max_steps: int = 300,
    frozen: Sequence[int] = (),
    barred: Mapping[int, Sequence[float]] | None = None,
) -> Minimum:
    """Relax *start* to where no free force is above *force_max_ev_a* and, with *strain*, no stress above its bound.

    *frozen* atoms stay; an atom of *barred* does not move along the direction given for it (Cartesian), so that it is
    relaxed in the plane across. A trial step at which the potential has no answer is shortened. Raises
    `lirich.errors.CalculatorError` where it has none at the start, or none in reach.
    """
    path = _Path(calculator, start, strain)
    free = _free_directions(len(start), strain, frozen, barred or {})
    x = path.first()
    found, gradient = path.at(x)
    hessian: Array | None = None
    steps = 0
    while True:
        reduced = free.T @ gradient
        force, stress = _largest(free @ reduced, found, path.count, strain)
        converged = force <= force_max_ev_a and (not strain or stress <= stress_max_ev_a3)
        if converged or steps >= max_steps:
            break
        if hessian is None:
            hessian = free.T @ spring_hessian(start, strain=strain) @ free
        step = _capped(-free @ np.linalg.solve(hessian, reduced), path.count)
        trial = _search(path, x, found.energy_ev, gradient, step)
        if trial is None:
            break
        moved, found, after = trial
        hessian = _updated(hessian, free.T @ moved, free.T @ (after - gradient))
        x, gradient = x + moved, after
        steps += 1
    return Minimum(path.structure(x), found, converged, steps, path.calls, force, stress)


def _free_directions(atoms: int, strain: bool, frozen: Sequence[int], barred: Mapping[int, Sequence[float]]) -> Array:
    """Return the orthonormal directions in which the coordinates may go, as columns."""
    size = 3 * atoms + (6 if strain else 0)
    columns = [k for k in range(size) if k >= 3 * atoms or (k // 3 not in set(frozen) and k // 3 not in barred)]
    parts = [np.eye(size)[:, columns]]
    for atom, direction in barred.items():
        _, _, basis = np.linalg.svd(np.asarray(direction, dtype=float)[None, :])
        part = np.zeros((size, 2))
        part[3 * atom : 3 * atom + 3] = basis[1:].T
        parts.append(part)
    return np.concatenate(parts, axis=1)


def _largest(gradient: Array, found: Evaluation, count: int, strain: bool) -> tuple[float, float]:
    force = float(np.linalg.norm(gradient[:count].reshape(-1, 3), axis=1).max())
    stress = float(np.abs(found.stress_ev_a3).max()) if strain and found.stress_ev_a3 is not None else 0.0
    return force, stress


def _capped(step: Array, count: int) -> Array:
    longest = np.linalg.norm(step[:count].reshape(-1, 3), axis=1).max()
    largest = np.abs(step[count:]).max(initial=0.0)
    return step * float(min(1.0, LONGEST_STEP_A / max(longest, 1e-12), LARGEST_STRAIN / max(largest, 1e-12)))


def _search(
    path: _Path, x: Array, energy: float, gradient: Array, step: Array
) -> tuple[Array, Evaluation, Array] | None:
    """Return the part of *step* that was taken, and what was found there; ``None`` where no part of it goes down."""
    slope = float(gradient @ step)
    share = 1.0
    refused: CalculatorError | None = None
    for _ in range(SHORTENINGS):
        try:
            found, after = path.at(x + share * step)
        except CalculatorError as error:
            refused = error
            share *= 0.3
            continue
        refused = None
        if found.energy_ev <= energy + ARMIJO * share * slope + NOISE_EV:
            return share * step, found, after
        share = _cubic(energy, slope, found.energy_ev, float(after @ step), share)
    if refused is not None:
        raise refused
    return None


def _cubic(e0: float, s0: float, e1: float, s1: float, share: float) -> float:
    """Return the minimum of the cubic through two energies and slopes, within 0.1 and 0.6 of *share* (N&W eq. 3.59)."""
    d1 = s0 + s1 - 3 * (e1 - e0) / share
    d2 = np.sqrt(max(d1 * d1 - s0 * s1, 0.0))
    below = s1 - s0 + 2 * d2
    best = share * (1 - (s1 + d2 - d1) / below) if abs(below) > 1e-12 else 0.5 * share
    return float(min(max(best, 0.1 * share), 0.6 * share))


def _updated(hessian: Array, step: Array, change: Array) -> Array:
    along = hessian @ step
    curvature = float(step @ along)
    if float(step @ change) < 0.2 * curvature:
        theta = 0.8 * curvature / (curvature - float(step @ change))
        change = theta * change + (1 - theta) * along
    result: Array = hessian - np.outer(along, along) / curvature + np.outer(change, change) / float(step @ change)
    return result

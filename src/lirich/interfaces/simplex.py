"""Linear programmes of phase equilibria: one set of compositions, many sets of energies at once.

Stability windows, decompositions and contact reactions are all the same programme: amounts n ≥ 0 of phases that balance
the elements at the lowest energy. When the energies are uncertain only the costs change: a basis that balances the
elements balances them for every draw. So all draws go through the simplex method together, as arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.errors import AnalysisError

Array = NDArray[np.float64]

REDUCED_COST = 1e-9
"""eV per atom of a phase: it enters only where it lowers the energy by more than this."""
PIVOT = 1e-9
"""A smaller element of a column is a zero of rounding."""
NUDGE = 1e-7
"""Size by which the right-hand sides are moved apart, so that equal ratios cannot make the method go round in circles
(Charnes, Econometrica 20 (1952) 160, doi:10.2307/1907845). The answer is taken with the true right-hand sides."""
MOST_STEPS = 400


@dataclass(frozen=True, slots=True)
class Optimum:
    """The optimum of each draw: ``value`` (draws,), columns ``basis`` and their ``amounts`` (draws, rows)."""

    value: Array
    basis: NDArray[np.intp]
    amounts: Array

    def of_first(self) -> dict[int, float]:
        """Return the columns with a positive amount in the first draw."""
        return {int(j): float(x) for j, x in zip(self.basis[0], self.amounts[0], strict=True) if x > 1e-7}


def minimise(columns: Array, right: Array, costs: Array, start: list[int]) -> Optimum:
    """Minimise costs·n for ``columns`` n = ``right``, n ≥ 0, for each row of *costs*.

    Parameters
    ----------
    columns:
        Shape (rows, n).
    right:
        Shape (rows,).
    costs:
        Shape (draws, n), eV.
    start:
        Column numbers of a basis that is feasible: ``columns[:, start]⁻¹ right ≥ 0``.

    Raises `lirich.errors.AnalysisError` where a programme has no lowest value: energies of the phases are inconsistent.
    """
    rows, draws = len(right), len(costs)
    if draws > 1:  # the draws lie about the first: its basis is near theirs
        start = [int(j) for j in minimise(columns, right, costs[:1], start).basis[0]]
    size = np.abs(columns).sum(axis=0)
    lift = NUDGE * (1 + np.arange(rows) / rows)
    inverse_of_start = np.linalg.inv(columns[:, start])
    nudged = right + columns[:, start] @ lift
    inverse = np.repeat(inverse_of_start[None], draws, axis=0)
    amounts = inverse @ nudged
    basis = np.repeat(np.array(start, dtype=np.intp)[None], draws, axis=0)
    active = np.arange(draws)
    for _ in range(MOST_STEPS):
        prices = (costs[active[:, None], basis[active]][:, None, :] @ inverse[active])[:, 0, :]
        reduced = (costs[active] - prices @ columns) / size
        enter = reduced.argmin(axis=1)
        going = reduced[np.arange(len(active)), enter] < -REDUCED_COST
        active, enter = active[going], enter[going]
        if not len(active):
            break
        direction = (inverse[active] @ columns[:, enter].T[:, :, None])[:, :, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(direction > PIVOT, amounts[active] / direction, np.inf)
        leave = ratio.argmin(axis=1)
        step = ratio[np.arange(len(active)), leave]
        if not np.isfinite(step).all():
            raise AnalysisError("The energies have no lowest state: a phase could be made without end")
        each = np.arange(len(active))
        pivot_row = inverse[active, leave] / direction[each, leave][:, None]
        inverse[active] -= direction[:, :, None] * pivot_row[:, None, :]
        inverse[active, leave] = pivot_row
        amounts[active] -= step[:, None] * direction
        amounts[active, leave] = step
        basis[active, leave] = enter
    else:
        raise AnalysisError(f"The equilibrium was not found in {MOST_STEPS} steps")
    true = np.clip(inverse @ right, 0.0, None)
    value = (costs[np.arange(draws)[:, None], basis] * true).sum(axis=1)
    return Optimum(value, basis, true)

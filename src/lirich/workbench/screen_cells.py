"""What is computed of one doped cell: the plan of `lirich.atoms`, and about what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lirich.atoms.relax import USUAL_STEPS

if TYPE_CHECKING:
    from lirich.screening.study import DopingStudy

SECONDS_PER_COST = 0.006
"""Seconds of one core per atom and call of forces: CHGNet, 60 atoms, 0.36 s (``benchmarks/atoms.py force``)."""


def expected_cost(study: DopingStudy, atoms: int) -> float:
    """Return about what one cell costs, in the unit of `lirich.atoms.plan.Job.cost`.

    Of each state of charge a relaxation with free cell (twice the price) and one for each oxygen taken out.
    """
    relaxations = sum(2 + study.oxygen_sites for _ in study.lithium_removed)
    return float(atoms * USUAL_STEPS * relaxations * len(study.calculators))


def seconds_of(cost: float) -> float:
    """Return about how many seconds of one core a cost takes with CHGNet."""
    return SECONDS_PER_COST * cost

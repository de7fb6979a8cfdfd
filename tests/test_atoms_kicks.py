"""Kicks find the lower of two basins that hold the same atoms, and keep a crystal the crystal that it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("chgnet")

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms import calculators
from lirich.atoms.calculators import offer
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.relax import Relaxation, RelaxationSettings, relax_task, relaxation_job, relaxed
from lirich.atoms.spacegroup import crystal_of_group
from lirich.errors import CalculatorError

BUILT = crystal_of_group("Fm-3m", Lattice.cubic(4.4), ["Mn", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


class TwoWells:
    """Each atom on a spring but the first oxygen: along x it has a shallow well on its place and a deeper one beside.

    The wells are Gaussians of 0.05 and 0.2 eV; *apart* Å lie between them.
    """

    version = "1"

    def __init__(self, name: str, apart: float, hole: bool = False) -> None:
        self.name, self.apart, self.hole = name, apart, hole

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        step = structure.frac_coords - BUILT.frac_coords
        u = (step - np.round(step)) @ structure.lattice.matrix
        first = structure.species.index(BUILT[-1].specie)
        if self.hole and np.abs(u).max() > 0.1:
            raise CalculatorError("no answer here")
        x = u[first, 0]
        shallow = 0.05 * np.exp(-(x**2) / (2 * 0.04**2))
        deep = 0.2 * np.exp(-((x - self.apart) ** 2) / (2 * 0.05**2))
        forces = -10.0 * u
        forces[first, 0] = -shallow * x / 0.04**2 - deep * (x - self.apart) / 0.05**2
        rest = 5.0 * (np.sum(u**2) - x**2)
        return Evaluation(float(rest - shallow - deep), forces)


def run(potential: TwoWells, **settings: int) -> Relaxation:
    offer(potential)
    try:
        asked = RelaxationSettings(calculator=potential.name, force_max_ev_a=0.01, moments=False, **settings)
        return relaxed(relax_task(relaxation_job(BUILT, asked).parameters))
    finally:
        calculators._OFFERED.pop(potential.name)


def test_a_kick_leaves_the_shallow_well_for_the_deep_one() -> None:
    still = run(TwoWells("two-wells", 0.2), kicks=0)
    kicked = run(TwoWells("two-wells", 0.2), kicks=12)
    # The symmetric start is the shallow minimum itself: -0.05 eV, less the tail of the deep well.
    assert still.energy_ev > -0.07
    assert kicked.energy_ev == pytest.approx(-0.2, abs=2e-3)
    assert kicked.sound
    assert len(kicked.ends_ev) == 13
    assert kicked.ends_ev[0] == pytest.approx(still.energy_ev)
    assert kicked.energy_ev == pytest.approx(min(e for e in kicked.ends_ev if e is not None), abs=0.01)
    assert kicked.force_calls > kicked.steps + 13
    again = run(TwoWells("two-wells", 0.2), kicks=12)
    assert again.structure == kicked.structure


def test_without_a_lower_end_the_first_is_kept() -> None:
    still = run(TwoWells("far-well", 3.0), kicks=0)
    kicked = run(TwoWells("far-well", 3.0), kicks=4)
    assert kicked.energy_ev == still.energy_ev
    assert kicked.structure == still.structure


def test_a_kick_to_where_the_potential_has_no_answer_is_no_end() -> None:
    found = run(TwoWells("hole", 3.0, hole=True), kicks=3)
    assert found.converged
    assert None in found.ends_ev


@pytest.mark.parametrize("held", [{"frozen": [4]}, {"barred": {4: [2.0, 0.0, 0.0]}}])
def test_what_may_not_move_is_not_kicked(held: dict[str, Any]) -> None:
    assert BUILT[4].specie.symbol == "O"
    potential = TwoWells("held", 0.2)
    offer(potential)
    try:
        asked = RelaxationSettings(calculator="held", force_max_ev_a=0.01, moments=False, kicks=12)
        found = relaxed(relax_task(relaxation_job(BUILT, asked, **held).parameters))
    finally:
        calculators._OFFERED.pop("held")
    # The oxygen that would find the deep well at 0.2 Å stays on its place in the shallow one.
    assert found.converged
    assert found.energy_ev == pytest.approx(-0.05, abs=2e-3)

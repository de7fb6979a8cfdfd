"""A fine-tuned CHGNet is nearer to the data on compositions that it never saw, and comes back from its arrays."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("chgnet")

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms import calculators
from lirich.atoms.calculators import calculator, offer
from lirich.atoms.finetune import Labelled, TuningSettings, fine_tune, tuned_calculator
from lirich.errors import InputError, NotEnoughDataError, PluginError


def made_data() -> list[Labelled]:
    """Shaken layered oxides on a surface 1.3 times as steep as CHGNet's: the softening that tuning is to mend."""
    soft = calculator("chgnet")
    draw = np.random.default_rng(0)
    data = []
    for metal in ("Mn", "Ni", "Co"):
        cell = Structure.from_spacegroup(
            "R-3m", Lattice.hexagonal(2.87, 14.2), ["Li", metal, "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.259]]
        ).get_primitive_structure()
        rest = soft.evaluate(cell).energy_ev
        for _ in range(4):
            shaken = cell.copy()
            for i in range(len(shaken)):
                shaken.translate_sites([i], draw.normal(scale=0.08, size=3), frac_coords=False)
            said = soft.evaluate(shaken)
            data.append(Labelled(shaken, rest + 1.3 * (said.energy_ev - rest) + 0.6, 1.3 * said.forces_ev_a))
    return data


def test_the_error_falls_on_held_out_compositions_and_the_weights_come_back() -> None:
    data = made_data()
    tuned = fine_tune("mine", data, TuningSettings(epochs=5, learning_rate=3e-4))
    report = tuned.report
    assert report.learned_from + report.held_out == len(data)
    assert len(report.held_out_compositions) == 1
    assert report.after.force_mev_a < 0.9 * report.before.force_mev_a
    assert report.improved
    low, high = report.after.force_interval
    assert low <= report.after.force_mev_a <= high
    potential = tuned_calculator(tuned)
    offer(potential)
    try:
        assert calculator("chgnet:mine") is potential
        assert potential.version != calculator("chgnet").version
        again = tuned_calculator(tuned).evaluate(data[0].structure)
        assert again.energy_ev == potential.evaluate(data[0].structure).energy_ev
    finally:
        calculators._OFFERED.pop("chgnet:mine")


def test_data_that_cannot_be_learned_are_refused() -> None:
    cell = Structure(Lattice.cubic(4.2), ["Li", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(InputError, match="labels"):
        fine_tune("x", [Labelled(cell, float("nan"), np.zeros((2, 3)))])
    with pytest.raises(InputError, match="labels"):
        fine_tune("x", [Labelled(cell, 0.0, np.zeros((3, 3)))])
    with pytest.raises(InputError, match="name of weights"):
        fine_tune("r2scan", [])
    with pytest.raises(NotEnoughDataError, match="to hold out"):
        fine_tune("x", [Labelled(cell, 0.0, np.zeros((2, 3)))])


def test_a_tuned_potential_cannot_take_the_name_of_a_built_in_one() -> None:
    with pytest.raises(PluginError, match="built-in"):
        offer(calculator("chgnet"))

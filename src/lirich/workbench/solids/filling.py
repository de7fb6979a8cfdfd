"""Phases that a table of energies lacks, computed from crystals of one's own and put on its scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lirich.errors import CalculatorError, InputError
from lirich.interfaces.alignment import computed_energies, embedded_alignment, filled
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.phases import EnergyTable, Phase
from lirich.workbench.crystals.crystalfile import crystal_text
from lirich.workbench.extras import need_atoms

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

POTENTIAL = "chgnet"
"""The calculator whose energies the shifts were fitted for."""
FORCE_MAX_EV_A, STRESS_MAX_EV_A3, MAX_STEPS = 0.03, 0.001, 200
"""How far crystals are relaxed: as those of the fit (``script/derive-missing-energies``)."""


def table_with(files: Sequence[Path]) -> EnergyTable:
    """Return lirich's table with the phases of crystals (CIF, POSCAR) that it lacks.

    Each crystal is relaxed with CHGNet and its energy shifted per element; the errors of potential, shifts and table
    are in its standard deviation, and answers that rest on it are graded B. Raises `StructureError` for a file
    that is no ordered crystal, `CompositionError` for one without an alignment, `CalculatorError` where the relaxation
    does not converge.
    """
    return filled(embedded_table(), [computed_phase(_crystal(file), file.name) for file in files])


def computed_phase(crystal: Structure, name: str) -> Phase:
    """Return the phase of a *crystal* on the scale of lirich's table. Raises as `table_with` does."""
    need_atoms("The energy of a phase")
    from lirich.atoms.calculators import calculator
    from lirich.atoms.minimise import minimise

    potential = calculator(POTENTIAL)
    fitted_for = {source.split(";")[0] for _, source in computed_energies().values()}
    if potential.version not in fitted_for:
        raise InputError(
            f"The energies of {potential.version} have no alignment with lirich's table",
            expected=" or ".join(sorted(fitted_for)),
        )
    start = crystal.get_primitive_structure()
    formula = start.composition.reduced_formula
    embedded_alignment().formation_energy(formula, 0.0)  # what cannot be put on the scale is not computed
    found = minimise(
        potential,
        start,
        force_max_ev_a=FORCE_MAX_EV_A,
        stress_max_ev_a3=STRESS_MAX_EV_A3,
        strain=True,
        max_steps=MAX_STEPS,
    )
    if not found.converged:
        raise CalculatorError(f"{name} did not relax within {MAX_STEPS} steps", advice="Start nearer to the minimum")
    energy = found.evaluation.energy_ev / len(start)
    return embedded_alignment().phase(formula, energy, f"{potential.version}; {name}")


def _crystal(file: Path) -> Structure:
    need_atoms("A crystal")
    from lirich.atoms.text import read_structure

    return read_structure(crystal_text(file), "cif" if file.suffix.lower() == ".cif" else "poscar")

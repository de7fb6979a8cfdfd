"""ASE's calculators as potentials of lirich, and the other way round."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, PropertyNotImplementedError, all_changes
from ase.calculators.calculator import Calculator as AseBase
from pymatgen.core.structure import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lirich.atoms.evaluation import Array, Calculator, Evaluation
from lirich.errors import CalculatorError, CalculatorStoppedError


def atoms_of(structure: Structure) -> Atoms:
    """Return the crystal as ASE's ``Atoms``, without its labels."""
    return Atoms(
        numbers=[site.specie.Z for site in structure],
        scaled_positions=structure.frac_coords,
        cell=structure.lattice.matrix,
        pbc=True,
    )


def structure_of(atoms: Atoms) -> Structure:
    """Return ASE's ``Atoms`` as a crystal."""
    return AseAtomsAdaptor.get_structure(atoms)


class AseCalculator:
    """Any calculator of ASE as a `lirich.atoms.evaluation.Calculator`."""

    def __init__(self, calculator: BaseCalculator, *, name: str, version: str) -> None:
        self._calculator = calculator
        self.name = name
        parameters = json.dumps(dict(getattr(calculator, "parameters", {})), sort_keys=True, default=str)
        digest = hashlib.sha256(parameters.encode()).hexdigest()[:12]
        self.version = f"{version}; {type(calculator).__name__}, parameters {digest}"

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        """Evaluate one crystal.

        Raises `lirich.errors.CalculatorError` where the answer is no finite number, and
        `lirich.errors.CalculatorStoppedError` where ASE's calculator raised: what is wrong then is not known here.
        """
        atoms = atoms_of(structure)
        atoms.calc = self._calculator
        try:
            self._calculator.reset()
            energy = float(atoms.get_potential_energy())
            forces = np.array(atoms.get_forces(), dtype=float)
            tension = np.array(atoms.get_stress(voigt=False), dtype=float) if stress else None
            moment = _moments(atoms) if moments else None
        except MemoryError:
            raise  # the machine's, and no smaller step is an answer to it
        except Exception as error:
            raise CalculatorStoppedError(
                f"{self.name} has no answer for {structure.composition.reduced_formula}: "
                f"{type(error).__name__}: {error}"
            ) from error
        return finite(Evaluation(energy, forces, tension, moment), self.name, structure)


def _moments(atoms: Atoms) -> Array | None:
    """Return the moments, µB, or ``None``: some calculators list moments and have none."""
    try:
        return np.array(atoms.get_magnetic_moments(), dtype=float)
    except PropertyNotImplementedError:
        return None


def finite(evaluation: Evaluation, name: str, structure: Structure) -> Evaluation:
    """Return *evaluation*. Raises `lirich.errors.CalculatorError` where a number of it is NaN or infinite."""
    for what in ("energy_ev", "forces_ev_a", "stress_ev_a3", "moments_mub"):
        value = getattr(evaluation, what)
        if value is not None and not np.all(np.isfinite(value)):
            raise CalculatorError(
                f"{name} gives a {what} that is no finite number for {structure.composition.reduced_formula}",
                expected="finite numbers",
                advice="Look for atoms on top of each other, or for elements that the potential does not know",
            )
    return evaluation


class LirichForAse(AseBase):  # type: ignore[misc]
    """A potential of lirich as an ASE calculator: for ASE's filters, bands and dynamics."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress", "magmoms"]

    def __init__(self, calculator: Calculator) -> None:
        super().__init__()
        self._lirich = calculator
        self.calls = 0

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Evaluate what *properties* asks for: no stress where none is asked for."""
        super().calculate(atoms, list(properties), list(system_changes))
        self.calls += 1
        found = self._lirich.evaluate(
            structure_of(self.atoms), stress="stress" in properties, moments="magmoms" in properties
        )
        results: dict[str, Any] = {
            "energy": found.energy_ev,
            "free_energy": found.energy_ev,
            "forces": found.forces_ev_a,
        }
        if found.stress_ev_a3 is not None:
            s = found.stress_ev_a3
            results["stress"] = np.array([s[0, 0], s[1, 1], s[2, 2], s[1, 2], s[0, 2], s[0, 1]])
        if found.moments_mub is not None:
            results["magmoms"] = found.moments_mub
        self.results = results

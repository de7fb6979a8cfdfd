"""A user's DFT data as text: extended XYZ, as ASE and most codes write it, or JSON.

JSON is a list of records ``{"structure": ..., "energy_ev": ..., "forces_ev_a": [[x, y, z], ...]}``, structure as
`pymatgen` writes it, with ``"stress_ev_a3"`` (3 x 3, tension positive) where it is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io.extxyz import read_xyz
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A crystal and what the user's DFT says of it.

    ``energy_ev`` is per cell, ``forces_ev_a``, eV/Å, has shape (atoms, 3), ``stress_ev_a3``, eV/Å³, shape (3, 3),
    tension positive; ``None`` where it is not known.
    """

    structure: Structure
    energy_ev: float
    forces_ev_a: Array
    stress_ev_a3: Array | None = None


def read_labelled(text: str) -> list[Labelled]:
    """Read labelled crystals from the text of a file: JSON where it begins with ``[``, else extended XYZ.

    Raises `lirich.errors.InputError` where it is neither, or a crystal has no cell, no energy or no forces.
    """
    try:
        found = _from_json(text) if text.lstrip().startswith("[") else _from_xyz(text)
    except InputError:
        raise
    except Exception as error:  # the two parsers raise whatever they stumble over
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    if not found:
        raise _unreadable("there is no crystal in it")
    for k, item in enumerate(found):
        check_labels(k, item)
    return found


def check_labels(number: int, item: Labelled) -> None:
    """Raise `lirich.errors.InputError` where the labels of crystal *number* are no finite numbers, or too few."""
    stress = item.stress_ev_a3
    if (
        item.forces_ev_a.shape != (len(item.structure), 3)
        or not (np.isfinite(item.energy_ev) and np.isfinite(item.forces_ev_a).all())
        or (stress is not None and (stress.shape != (3, 3) or not np.isfinite(stress).all()))
    ):
        raise InputError(
            f"Structure {number} ({item.structure.formula}) has labels that cannot be learned",
            expected="a finite energy, finite forces of shape (atoms, 3), and if any a stress of shape (3, 3)",
        )


def _from_json(text: str) -> list[Labelled]:
    return [_record(k, record) for k, record in enumerate(json.loads(text))]


def _record(number: int, record: Any) -> Labelled:
    if not isinstance(record, Mapping) or not {"structure", "energy_ev", "forces_ev_a"} <= set(record):
        raise _unreadable(f"record {number} lacks structure, energy_ev or forces_ev_a")
    stress = record.get("stress_ev_a3")
    return Labelled(
        Structure.from_dict(record["structure"]),
        float(record["energy_ev"]),
        np.array(record["forces_ev_a"], dtype=float),
        None if stress is None else np.array(stress, dtype=float),
    )


def _from_xyz(text: str) -> list[Labelled]:
    found: Sequence[Atoms] = list(read_xyz(StringIO(text), index=slice(None)))
    return [_atoms(k, atoms) for k, atoms in enumerate(found)]


def _atoms(number: int, atoms: Atoms) -> Labelled:
    if not atoms.cell.rank == 3 or not atoms.pbc.all():
        raise _unreadable(f'structure {number} has no cell, or is not periodic: no Lattice="..."')
    try:
        if atoms.calc is None:
            raise PropertyNotImplementedError("no labels")
        energy, forces = atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)
    except PropertyNotImplementedError as error:
        raise _unreadable(f"structure {number} has no energy= or no forces:R:3") from error
    try:
        stress = atoms.get_stress(voigt=False, apply_constraint=False)
    except PropertyNotImplementedError:
        stress = None  # a label that need not be there
    crystal = Structure(
        Lattice(np.asarray(atoms.cell)), atoms.get_chemical_symbols(), atoms.positions, coords_are_cartesian=True
    )
    return Labelled(crystal, float(energy), np.array(forces, dtype=float), stress)


def _unreadable(reason: str) -> InputError:
    return InputError(
        f"The data of DFT cannot be read: {' '.join(reason.split())[:200]}",
        expected='extended XYZ with Lattice="...", energy= and forces, or a JSON list of records with structure, '
        "energy_ev and forces_ev_a",
    )

"""A user's DFT data as text: extended XYZ, as ASE and most codes write it, or JSON.

JSON is a list of records ``{"structure": ..., "energy_ev": ..., "forces_ev_a": [[x, y, z], ...]}``, structure as
`pymatgen` writes it, with ``"stress_ev_a3"`` (3 x 3, tension positive) where it is known. Structures are counted
from 1.
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

from lirich.atoms.text import check_structure
from lirich.errors import InputError, StructureError

Array = NDArray[np.float64]

NEEDED = ("structure", "energy_ev", "forces_ev_a")


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
    """Read labelled crystals from the text of a file: JSON where it begins with ``[`` or ``{``, else extended XYZ.

    Raises `lirich.errors.InputError` where it is neither, a crystal has no cell, no energy or no forces, or what
    `check_labels` refuses.
    """
    try:
        found = _from_json(text) if text.lstrip().startswith(("[", "{")) else _from_xyz(text)
    except InputError:
        raise
    except Exception as error:  # the two parsers raise whatever they stumble over
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    if not found:
        raise _unreadable("there is no crystal in it")
    for number, item in enumerate(found, start=1):
        check_labels(number, item)
    return found


def check_labels(number: int, item: Labelled) -> None:
    """Raise `lirich.errors.InputError` where crystal *number*, counted from 1, cannot be learned from.

    That is: coordinates that are no finite numbers, what `lirich.atoms.text.check_structure` refuses (atoms on top of
    each other, sites that elements share), labels that are no finite numbers or too few.
    """
    crystal, stress = item.structure, item.stress_ev_a3
    which = f"Structure {number} ({crystal.formula})"
    if not (np.isfinite(crystal.frac_coords).all() and np.isfinite(crystal.lattice.matrix).all()):
        raise InputError(f"{which} has atoms without a place", expected="finite coordinates and a finite cell")
    try:
        check_structure(crystal)
    except StructureError as error:
        raise InputError(f"{which}: {error.found}", expected=error.expected, advice=error.advice) from error
    if (
        item.forces_ev_a.shape != (len(crystal), 3)
        or not (np.isfinite(item.energy_ev) and np.isfinite(item.forces_ev_a).all())
        or (stress is not None and (stress.shape != (3, 3) or not np.isfinite(stress).all()))
    ):
        raise InputError(
            f"{which} has labels that cannot be learned",
            expected="a finite energy, finite forces of shape (atoms, 3), and if any a stress of shape (3, 3)",
        )


def _from_json(text: str) -> list[Labelled]:
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        several = error.msg == "Extra data"
        raise _unreadable(f"as JSON: {error}{': one list of all records is needed' if several else ''}") from error
    if not isinstance(records, list):
        raise _unreadable("the JSON is one object, no list of records")
    return [_record(number, record) for number, record in enumerate(records, start=1)]


def _record(number: int, record: Any) -> Labelled:
    if not isinstance(record, Mapping):
        raise _unreadable(f"record {number} is no table of {', '.join(NEEDED)}")
    lacking = [name for name in NEEDED if record.get(name) is None]
    if lacking:
        raise _unreadable(f"record {number} lacks {' and '.join(lacking)}")
    try:
        crystal = Structure.from_dict(record["structure"])
    except Exception as error:  # pymatgen raises whatever it stumbles over
        raise _unreadable(
            f"the structure of record {number} is none as pymatgen writes it (Structure.as_dict())"
        ) from error
    stress = record.get("stress_ev_a3")
    return Labelled(
        crystal,
        float(_numbers(number, record, "energy_ev", "a number of eV per cell", 0)),
        _numbers(number, record, "forces_ev_a", "a list of [x, y, z] in eV/Å", 2),
        None if stress is None else _numbers(number, record, "stress_ev_a3", "3 lists of 3 numbers in eV/Å³", 2),
    )


def _numbers(number: int, record: Mapping[str, Any], name: str, form: str, dimensions: int) -> Array:
    try:
        found = np.array(record[name], dtype=float)
    except (TypeError, ValueError):
        found = np.array([])
    if isinstance(record[name], str) or found.ndim != dimensions:
        raise _unreadable(f"{name} of record {number} is not {form}")
    return found


def _from_xyz(text: str) -> list[Labelled]:
    found: Sequence[Atoms] = list(read_xyz(StringIO(text), index=slice(None)))
    return [_atoms(number, atoms) for number, atoms in enumerate(found, start=1)]


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
        advice="ASE writes extended XYZ from the output of most codes: ase convert -n : vasprun.xml dft.extxyz",
    )

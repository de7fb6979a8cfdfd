"""What is asked for before a verb needs an extra."""

from __future__ import annotations

from importlib.util import find_spec

from lirich.errors import OptionalDependencyError


def need_cells(what: str, instead: str = "") -> None:
    """Raise `OptionalDependencyError` where PyBaMM is not installed; *instead* says what goes without it."""
    if find_spec("pybamm") is None:
        raise OptionalDependencyError.of(what, "cells", instead)


def need_atoms(what: str, instead: str = "") -> None:
    """Raise `OptionalDependencyError` where CHGNet, pymatgen, ASE or torch is not installed."""
    if any(find_spec(name) is None for name in ("torch", "pymatgen", "ase", "chgnet")):
        raise OptionalDependencyError.of(what, "atoms", instead)

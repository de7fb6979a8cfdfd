"""A crystal in a file of its own: which files are, and their text."""

from __future__ import annotations

from pathlib import Path

from lirich.errors import StructureError

_SUFFIXES = frozenset({".cif", ".mcif", ".vasp", ".poscar"})
_NAMES = frozenset({"POSCAR", "CONTCAR"})


def is_crystal_file(path: Path) -> bool:
    """Say whether a word on the command line is the file of a crystal; else it is a formula."""
    return path.is_file() or path.suffix.lower() in _SUFFIXES or path.name.upper() in _NAMES


def crystal_text(path: Path) -> str:
    """Return the text of a crystal. Raises `lirich.errors.StructureError` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StructureError(f"{path} cannot be read: {error}", expected="a crystal as CIF or POSCAR") from error

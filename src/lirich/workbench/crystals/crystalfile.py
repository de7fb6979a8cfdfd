"""A crystal in a file of its own: which files are, and their text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lirich.errors import CompositionError, NotNeutralError, StructureError

_SUFFIXES = frozenset({".cif", ".mcif", ".vasp", ".poscar"})
_NAMES = frozenset({"POSCAR", "CONTCAR"})


def is_crystal_file(path: Path) -> bool:
    """Say whether a word on the command line is the file of a crystal; else it is a formula."""
    return path.is_file() or path.suffix.lower() in _SUFFIXES or path.name.upper() in _NAMES


def crystal_text(path: Path) -> str:
    """Return the text of a crystal. Raises `lirich.errors.StructureError` where it cannot be read."""
    expected = "a crystal as CIF or POSCAR"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StructureError(f"There is no file {path}", expected=expected) from error
    except IsADirectoryError as error:
        raise StructureError(f"{path} is a folder", expected=expected) from error
    except UnicodeDecodeError as error:
        raise StructureError(f"{path} is no text (UTF-8)", expected=expected) from error
    except OSError as error:
        raise StructureError(f"{path} cannot be read: {error.strerror or error}", expected=expected) from error


@contextmanager
def named(file: str | Path) -> Iterator[None]:
    """Say of which *file* an error about a crystal is: raised anew with the name, unchanged without one."""
    try:
        yield
    except (StructureError, CompositionError, NotNeutralError) as error:
        if str(file) in error.found:
            raise
        raise type(error)(f"{file}: {error.found}", expected=error.expected, advice=error.advice) from error

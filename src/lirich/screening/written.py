"""What is written in a file of a study: names and formulas, checked as it is read.

Each raises ``ValueError``, as the validators of a study do; pydantic says where it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lirich.errors import CompositionError, UnknownNameError
from lirich.model import Composition


def printable(name: str) -> str:
    """Return the name of a study, which names its file too."""
    if not name.strip() or "/" in name or not name.isprintable():
        raise ValueError("a name has printable characters and no '/'")
    return name


def readable(formula: str) -> str:
    """Return a formula that can be read."""
    try:
        Composition.parse(formula)
    except CompositionError as error:
        raise ValueError(str(error)) from error
    return formula


def need_known(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raise unless all *names* are *known* ones of that *kind*; say which are near."""
    for name in names:
        if name not in known:
            raise ValueError(str(UnknownNameError.of(kind, name, known)))

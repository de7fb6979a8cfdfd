"""Who said a fact: how a source is kept, which of two goes before, how it is shown.

What was said by hand goes before tables, and these before what an instrument's file says.
"""

from __future__ import annotations

from pathlib import Path

from lirich.model import Cell
from lirich.workbench.intake.celltables import BY_HAND

FROM_FILE = "file "
"""How the source of a fact begins that stood in an instrument's file; all others but `BY_HAND` are tables."""
NAME = "cell"
"""Under this name a cell keeps who chose its own name; absent where nobody did and it is that of a file."""


def rank(source: str) -> int:
    """Return the place of a source among all: by hand 3, a table 2, an instrument's file 1, nobody known 0."""
    return 0 if not source else 3 if source == BY_HAND else 1 if source.startswith(FROM_FILE) else 2


def goes_before(known: str, new: str) -> bool:
    """Tell whether what the source *known* said stays although the source *new* speaks now."""
    rank_known, rank_new = rank(known), rank(new)
    if rank_known != rank_new:
        return rank_known > rank_new
    return known.startswith(FROM_FILE) and known != new  # of two tables the one that is read last holds


def table_folder(source: str) -> str:
    """Return the folder of the table that is a source; empty for another source."""
    return source.rpartition("/cells.")[0] if rank(source) == 2 else ""


def short_source(source: str) -> str:
    """Return who said a fact as it is shown: a table without its folder; empty where nobody is known."""
    return "cells." + source.rpartition("/cells.")[2] if table_folder(source) else source


def in_words(source: str) -> str:
    """Return who said a fact, in a sentence: as `short_source`, but the workspace where nobody is known."""
    return short_source(source) or "the workspace"


def portable_source(source: str, root: Path) -> str:
    """Return who said a fact, for readers elsewhere.

    A table in the workspace at *root* is named by its path there, another one with the last folder of its path.
    """
    folder = table_folder(source)
    if not folder:
        return source
    inside = Path(folder).is_relative_to(root)
    where = Path(folder).relative_to(root).as_posix() if inside else Path(folder).name
    return short_source(source) if where in ("", ".") else f"{where}/{short_source(source)}"


def named_by_hand(cell: Cell | None) -> bool:
    """Tell whether the user chose the name of the cell: a row about one of its files may give it another name."""
    return cell is not None and cell.sources.get(NAME) == BY_HAND


def named(cell: Cell, source: str) -> Cell:
    """Return the cell as one whose name *source* chose; a name said by hand stays one."""
    if rank(source) < rank(cell.sources.get(NAME, "")):
        return cell
    return cell.model_copy(update={"sources": {**cell.sources, NAME: source}})

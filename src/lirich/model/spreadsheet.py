"""Tables as csv that a spreadsheet may open: no text is a formula there, and each comes back as it was.

A spreadsheet takes an entry that begins with ``=``, ``+``, ``-`` or ``@`` for a formula (not the sign alone), also one
behind a ``;`` where that separates the columns of its language, and the name of a cell may come from somebody else's
file. Such a text gets
a ``'`` in front, which means *text* to a spreadsheet, as the `OWASP page on CSV injection
<https://owasp.org/www-community/attacks/CSV_Injection>`_ advises. Numbers stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl

_MARK = "'"
_FORMULA = "'* *[\\t\\r\\n=+\\-@\uff1d\uff0b\uff0d\uff20](?s:.)"  # the last four are those signs in full width
_BEGINS = re.compile(_FORMULA)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def marked(text: str) -> str:
    """Return a text with a ``'`` in front where a spreadsheet would take it, or what follows a ``;``, for a formula."""
    return _each(text, lambda part: _MARK + part if _BEGINS.match(part) and not _NUMBER.fullmatch(part) else part)


def unmarked(text: str) -> str:
    """Return the text that `marked` made this of; what it made of no text stays as it is."""
    return _each(text, lambda part: part[1:] if part.startswith(_MARK) and _BEGINS.match(part) else part)


def _each(text: str, change: Callable[[str], str]) -> str:
    return ";".join(map(change, text.split(";")))


def read_csv(path: Path, *, infer_schema: bool = True) -> pl.DataFrame:
    """Read a table from csv with its texts and the names of its columns `unmarked`.

    Raises `OSError`, ``UnicodeDecodeError``, ``polars.exceptions.PolarsError``; without *infer_schema* all is text.
    """
    table = pl.read_csv(path, infer_schema=infer_schema)
    return _each_text(table, f"(?:^|;){_MARK}{_FORMULA}", unmarked)


def write_csv(table: pl.DataFrame, path: Path) -> None:
    """Write a table as csv with its texts and the names of its columns `marked`. Raises `OSError`."""
    _each_text(table, f"(?:^|;){_FORMULA}", marked).write_csv(path)


def _each_text(table: pl.DataFrame, pattern: str, change: Callable[[str], str]) -> pl.DataFrame:
    """Return the table with its texts of that *pattern*, and the names of its columns, changed."""
    texts = [name for name, kind in table.schema.items() if kind == pl.String]
    touched = [name for name in texts if table[name].str.contains(pattern).any()]
    changed = table.with_columns(pl.col(touched).map_elements(change, return_dtype=pl.String)) if touched else table
    return changed.rename(change)

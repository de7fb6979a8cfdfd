"""How things show themselves: a table in a notebook, a line of words in a terminal. Whatever a name holds is text."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self, SupportsIndex, TypeVar, overload

MOST_ROWS = 200
"""So many rows of a list are shown in a notebook, and how many more there are is said."""
MOST_LINES = 60
"""So many lines of a list are shown in a terminal."""


_CELL = "padding:3px 10px 3px 0;border-bottom:1px solid #e7ebee;vertical-align:top"
_LEFT, _RIGHT = f"{_CELL};text-align:left", f"{_CELL};text-align:right;white-space:nowrap"


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[int] = ()) -> str:
    """Return a table as HTML, every text escaped; columns numbered in *right* are aligned right and not broken."""
    styles = [_RIGHT if number in right else _LEFT for number in range(len(heads))]

    def row(tag: str, texts: Sequence[object], weight: str = "") -> str:
        cells = (
            f'<{tag} style="{style}{weight}">{html.escape(str(text))}</{tag}>'
            for style, text in zip(styles, texts, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    head = f"<thead>{row('th', heads, ';font-weight:600')}</thead>" if any(heads) else ""
    body = "".join(row("td", each) for each in rows)
    return f'<table style="border-collapse:collapse">{head}<tbody>{body}</tbody></table>'


def html_lines(lines: Iterable[str]) -> str:
    """Return paragraphs as HTML, every text escaped."""
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


class InNotebook(ABC):
    """What shows itself: `told` has its words by their heads, ``str`` is one line of them."""

    __slots__ = ()

    @abstractmethod
    def told(self) -> Mapping[str, str]:
        """Return what a row of a table says of it, by the heads of the columns."""

    def _repr_html_(self) -> str:
        return html_table(("", ""), [(head, text) for head, text in self.told().items() if text])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("…" if cycle else str(self))


T = TypeVar("T", bound=InNotebook)


class Listed(list[T]):
    """A list that shows itself: a table in a notebook, a line for each thing in a terminal."""

    right: ClassVar[frozenset[str]] = frozenset()
    """The heads of the columns that are aligned right."""

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, index: slice, /) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> T | Self:
        """Return one thing, or a list of the same kind for a slice."""
        return type(self)(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def rows(self) -> list[Mapping[str, str]]:
        """Return what the table says of each of the first `MOST_ROWS` things."""
        return [each.told() for each in list.__iter__(self[:MOST_ROWS])]

    def _repr_html_(self) -> str:
        rows = self.rows()
        heads = [head for head in dict.fromkeys(h for row in rows for h in row) if any(row.get(head) for row in rows)]
        right = {number for number, head in enumerate(heads) if head in self.right}
        table = html_table(heads, ([row.get(head, "") for head in heads] for row in rows), right=right)
        return (table if rows else html_lines(["none"])) + html_lines(self._more(MOST_ROWS))

    def _more(self, shown: int) -> list[str]:
        return [f"… and {len(self) - shown} more"] if len(self) > shown else []

    def __repr__(self) -> str:
        return "\n".join([*map(str, self[:MOST_LINES]), *self._more(MOST_LINES)]) or "none"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("…" if cycle else repr(self))

"""What the lines above the header of a table say."""

from __future__ import annotations

from collections.abc import Sequence

from lirich.model import Scalar


def pairs_of(preamble: Sequence[str], separator: str) -> dict[str, Scalar]:
    """Return ``key: value`` pairs of the lines above a header, as the vendor names them."""
    found: dict[str, Scalar] = {}
    for line in preamble:
        cells = [cell.strip().strip('"') for cell in line.replace("\t", separator).split(separator)]
        cells = [cell for cell in cells if cell]
        index = 0
        while index < len(cells):
            key, colon, value = cells[index].partition(":")
            if colon and value.strip() and not key.strip().isdigit():
                index += 1
            elif index + 1 < len(cells) and (colon or len(cells) == 2):
                value = cells[index + 1]
                index += 2
            else:
                index += 1
                continue
            key, value = _printable(key.strip().strip("~")), _printable(value)
            if key and value and len(key) <= 80 and len(found) < 100:
                found.setdefault(key, value[:500])
    return found


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

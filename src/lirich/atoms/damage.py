"""What is wrong with the text of a crystal that cannot be read, in words: where it ends, which line is none.

Parsers stop where they stumble, which is often far from what is wrong. Nothing here reads a crystal.
"""

from __future__ import annotations

import re

_CELL = tuple(f"_cell_{part}" for part in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta",
                                           "angle_gamma"))  # fmt: skip
_ATOMS = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?(\(\d+\))?")
"""A number of a CIF, in lower case, with its uncertainty."""
_SHOWN = 40


def of_poscar(text: str) -> str:
    """Return what is wrong with a POSCAR, as VASP defines its lines; nothing where that is not to be seen."""
    lines = text.splitlines()
    if len(lines) < 2:
        return f"it ends after line {len(lines)}"
    scale = _numbers(lines[1])
    if scale is None or len(scale) not in (1, 3):
        return f"line 2 is {_shown(lines[1])}, expected the scale of the cell, a number"
    for number in (3, 4, 5):
        if len(lines) < number:
            return f"it ends after line {len(lines)}, expected three vectors of the cell in lines 3 to 5"
        vector = _numbers(lines[number - 1])
        if vector is None or len(vector) < 3:
            return f"line {number} is {_shown(lines[number - 1])}, expected a vector of the cell, three numbers"
    names = 0 if len(lines) > 5 and _numbers(lines[5]) else 1
    if len(lines) < 6 + names:
        return f"it ends after line {len(lines)}, expected the elements and how many atoms there are of each"
    counts = _numbers(lines[5 + names])
    if not counts or any(n < 1 or n != int(n) for n in counts):
        return f"line {6 + names} is {_shown(lines[5 + names])}, expected how many atoms there are of each element"
    if names and len(lines[5].split()) != len(counts):
        return f"it names {len(lines[5].split())} elements in line 6 and counts {len(counts)} in line 7"
    mode = 6 + names
    if len(lines) > mode and lines[mode].strip()[:1].lower() == "s":  # selective dynamics
        mode += 1
    atoms = int(sum(counts))
    places = lines[mode + 1 : mode + 1 + atoms]
    for number, line in enumerate(places, start=mode + 2):
        if not line.strip():
            break
        if len(_numbers(" ".join(line.split()[:3])) or ()) < 3:
            return f"line {number} is {_shown(line)}, expected the position of an atom, three numbers"
    there = next((k for k, line in enumerate(places) if not line.strip()), len(places))
    return f"it has {there} positions for {atoms} atoms" if there < atoms else ""


def of_cif(text: str) -> str:
    """Return what is wrong with a CIF: no cell or no positions in it, a row cut short; nothing where none is seen."""
    lower = text.lower()
    lacking = [tag for tag in (*_CELL, *_ATOMS) if not re.search(rf"^\s*{tag}\b", lower, re.MULTILINE)]
    if lacking:
        return f"it has no {', no '.join(lacking[:3])}{' and more' if len(lacking) > 3 else ''}"
    for tag in _CELL:
        found = re.search(rf"^\s*{tag}[ \t]+(\S+)", lower, re.MULTILINE)
        value = "" if found is None else found[1]
        if not _NUMBER.fullmatch(value) or not float(value.split("(")[0]):
            return f"{tag} is {value or 'nothing'}, expected a number"
    heads, rows = _sites(text)
    for row in rows:
        if len(row.split()) != len(heads):
            return f"a row of the atoms is {_shown(row)}, expected {len(heads)} values"
        for tag in _ATOMS:
            value = row.split()[heads.index(tag)]
            if not _NUMBER.fullmatch(value.lower()):
                return f"{tag} of an atom is {value}, expected a number: {_shown(row)}"
    return "" if rows else "there are no atoms in its loop of them"


def _sites(text: str) -> tuple[list[str], list[str]]:
    """Return the heads of the loop of atoms, in lower case, and its rows."""
    lines = [line.strip() for line in text.splitlines()]
    first = next(k for k, line in enumerate(lines) if line.lower().startswith(_ATOMS[0]))
    start = first
    while start and lines[start - 1].startswith("_"):
        start -= 1
    heads: list[str] = []
    rows: list[str] = []
    for line in lines[start:]:
        if line.startswith("_") and not rows:
            heads.append(line.split()[0].lower())
        elif not line or line.startswith(("_", "#")) or line.lower().startswith(("loop_", "data_")):
            break
        else:
            rows.append(line)
    return heads, rows


def _numbers(line: str) -> list[float] | None:
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        return None


def _shown(line: str) -> str:
    line = line.strip()
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "…") if line else "empty"

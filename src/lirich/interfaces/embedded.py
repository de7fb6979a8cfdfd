"""The table of reference energies that comes with lirich (``energies.csv.gz``; see ``SOURCE.md`` beside it)."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lirich.interfaces.phases import EnergyTable, Phase

NAME = "embedded"


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the alignment: eV per atom of *name*, from *n* compounds, with the median absolute deviation."""

    kind: str
    name: str
    value_ev: float
    n: int
    mad_ev: float
    derivation: str


@cache
def embedded_table() -> EnergyTable:
    """Return the embedded table: some 8,900 compounds of 60 elements on the scale of the Materials Project of 2012."""
    packed = resources.files("lirich.interfaces").joinpath("energies.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode("utf-8").splitlines())
    return EnergyTable(
        NAME,
        tuple(
            Phase(
                row["formula"],
                _atoms(row["atoms"]),
                float(row["formation_energy_ev_atom"]),
                float(row["sd_ev_atom"]),
                row["scheme"],
                row["source"],
            )
            for row in rows
        ),
    )


@cache
def constants() -> tuple[Constant, ...]:
    """Return every constant by which the energies were put on one scale."""
    text = resources.files("lirich.interfaces").joinpath("constants.csv").read_text(encoding="utf-8")
    return tuple(
        Constant(r["kind"], r["name"], float(r["value_ev"]), int(r["n"]), float(r["mad_ev"]), r["derivation"])
        for r in csv.DictReader(text.splitlines())
    )


def _atoms(text: str) -> tuple[tuple[str, float], ...]:
    """Read ``Li3 P1 O4``."""
    pairs = []
    for word in text.split():
        symbol = word.rstrip("0123456789.")
        pairs.append((symbol, float(word[len(symbol) :])))
    return tuple(pairs)

"""Published stability windows that tests and ``benchmarks/interfaces.py`` hold the energies against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.windows import Window, window

PUBLISHED: Mapping[str, tuple[float | None, float | None]] = {
    "Li3PS4": (1.71, 2.31),
    "Li6PS5Cl": (1.71, 2.01),
    "Li10GeP2S12": (1.71, 2.14),
    "Li3YCl6": (0.62, 4.21),
    "Li3InCl6": (2.38, 4.26),
    "Li7La3Zr2O12": (0.05, 2.91),
    "Li1.3Al0.3Ti1.7(PO4)3": (2.17, 4.21),
    "Li3PO4": (0.69, 4.21),
    "LiNbO3": (1.74, 3.87),
    "Li2S": (None, 2.01),
    "Li2O": (None, 2.90),
    "LiCl": (None, 4.21),
    "Li3P": (None, 0.87),
    "LiF": (None, 6.36),
}
"""Reduction and oxidation limit, V against Li/Li⁺, as commonly quoted from Zhu, He & Mo, ACS Appl. Mater. Interfaces 7
(2015) 23685, doi:10.1021/acsami.5b07517, Richards et al., Chem. Mater. 28 (2016) 266,
doi:10.1021/acs.chemmater.5b04082, and Wang et al., Angew. Chem. Int. Ed. 58 (2019) 8039, doi:10.1002/anie.201901938."""


@dataclass(frozen=True)
class Compared:
    """Windows beside the published ones: errors of the limits that are answered, V, and how many are withheld."""

    windows: tuple[Window, ...]
    errors: tuple[float, ...]
    withheld: int


def compared(table: EnergyTable, *, draws: int = 0) -> Compared:
    """Return the windows of *table* for the published compounds, in their order, and how far off they are."""
    windows = tuple(window(table, formula, draws=draws) for formula in PUBLISHED)
    pairs = [
        (limit, value)
        for found, published in zip(windows, PUBLISHED.values(), strict=True)
        for limit, value in zip((found.reduction, found.oxidation), published, strict=True)
        if value is not None
    ]
    errors = tuple(abs(limit.voltage - value) for limit, value in pairs if limit.voltage is not None)
    return Compared(windows, errors, sum(limit.withheld for limit, _ in pairs))

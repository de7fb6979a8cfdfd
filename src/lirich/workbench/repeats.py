"""Cells of one sample are repeats: one that gives far less per gram than the others has likely another mass."""

from __future__ import annotations

from collections.abc import Collection
from statistics import median
from typing import TYPE_CHECKING

from lirich.cycling.plausibility import LEAST_OF_NOMINAL, SLOW
from lirich.model import Cell, Finding, Origin, Severity
from lirich.model.listing import name_some
from lirich.store.documents import natural

if TYPE_CHECKING:
    from lirich.store import Store


def unlike_repeats(store: Store, cells: Collection[str]) -> list[Finding]:
    """Say which of *cells* give less than a third of what the other cells of their sample give per gram.

    The best discharge at 1C or slower of each cell is asked, measured ones beside measured ones, simulated ones beside
    simulated ones; of the others their median.
    """
    facts = store.cells()
    samples = {facts[key].sample for key in cells if key in facts} - {None}
    repeats = {key: cell for key, cell in facts.items() if cell.sample in samples and cell.active_mass_mg is not None}
    if not repeats:
        return []
    best: dict[str, float] = {}
    for value in store.values(
        quantity="discharge_specific_capacity_mah_g",
        origin=(Origin.MEASURED.value, Origin.SIMULATED.value),
        subject=list(repeats),
        subject_kind="cell",
    ):
        if value.conditions.rate_c is None or value.conditions.rate_c <= SLOW:
            best[value.subject.key] = max(value.value, best.get(value.subject.key, 0.0))
    found = []
    for key in sorted(best.keys() & set(cells), key=natural):
        others = sorted((other for other in best if other != key and _alike(facts[key], facts[other])), key=natural)
        usual = median(best[other] for other in others) if others else 0.0
        if best[key] < LEAST_OF_NOMINAL * usual:
            found.append(
                Finding(
                    code="unlike-repeats",
                    severity=Severity.WARNING,
                    message=f"{key} gives {best[key]:.3g} mAh/g at best, the other cells of its sample "
                    f"{usual:.3g} mAh/g ({name_some(others)})",
                    advice=f"Check active_mass_mg of {key} (given: {facts[key].active_mass_mg:g} mg) and of the "
                    "others, and whether they are of one sample",
                    where=key,
                )
            )
    return found


def _alike(cell: Cell, other: Cell) -> bool:
    return (cell.sample, cell.simulated) == (other.sample, other.simulated)

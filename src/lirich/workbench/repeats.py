"""Cells of one sample are repeats: one that gives far less per gram than the others has likely another mass."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from statistics import median
from typing import TYPE_CHECKING

from lirich.cycling.plausibility import IMPLAUSIBLE, LEAST_OF_NOMINAL, LEAST_WINDOW_V, SLOW
from lirich.model import Finding, Origin, Severity, Value
from lirich.model.listing import name_some
from lirich.store.documents import natural

if TYPE_CHECKING:
    from lirich.store import Store

CHARGE, DISCHARGE = "charge_specific_capacity_mah_g", "discharge_specific_capacity_mah_g"
_PARTIAL = frozenset({"end-under-current", "incomplete-cycle", "recording-gap", IMPLAUSIBLE})
"""Flags of capacities that do not say what a cell gives."""


def unlike_repeats(store: Store, cells: Iterable[str]) -> list[Finding]:
    """Say which cells of the samples of *cells* give less than a third of what the others of their sample give, mAh/g.

    Values of whole cycles over `LEAST_WINDOW_V` that are not implausible are asked, measured ones beside measured ones,
    simulated ones beside simulated ones: the best charge or discharge of a cell at 1C or slower (where 1C is not
    stated, of what the others give) beside the median of the best discharges of the others. Nothing is said of a cell
    whose analysis doubts its capacity already (`lirich.cycling.plausibility.low_capacity`).
    """
    facts = store.cells()
    samples = {facts[key].sample for key in cells if key in facts} - {None}
    groups: dict[tuple[str | None, bool], list[str]] = {}
    for key, cell in facts.items():
        if cell.sample in samples and cell.active_mass_mg is not None:
            groups.setdefault((cell.sample, cell.simulated), []).append(key)
    repeats = [group for group in groups.values() if len(group) > 1]
    if not repeats:
        return []
    told = _capacities(store, [key for group in repeats for key in group])
    found = []
    for group in repeats:
        best = {
            key: max(discharged)
            for key in group
            if (discharged := [v.value for v in told.get(key, ()) if v.quantity == DISCHARGE])
        }
        for key in best if len(best) > 1 else ():
            others = [other for other in best if other != key]
            usual = median(best[other] for other in others)
            slow = [v.value for v in told[key] if _rate(v, usual) <= SLOW]
            if not slow or max(slow) >= LEAST_OF_NOMINAL * usual:
                continue
            found.append(
                Finding(
                    code="unlike-repeats",
                    severity=Severity.WARNING,
                    message=f"{key} gives {max(slow):.3g} mAh/g at best, the other cells of its sample "
                    f"{usual:.3g} mAh/g ({name_some(others)})",
                    advice=f"Check active_mass_mg of {key} (given: {facts[key].active_mass_mg:g} mg) and of the "
                    "others, and whether they are of one sample",
                    where=key,
                )
            )
    doubted = _doubted(store, [finding.where for finding in found])
    return sorted((f for f in found if f.where not in doubted), key=lambda f: natural(f.where))


def _capacities(store: Store, cells: list[str]) -> dict[str, list[Value]]:
    """Return the charges and discharges per gram of whole cycles of each of *cells*."""
    found: dict[str, list[Value]] = {}
    origins = (Origin.MEASURED.value, Origin.SIMULATED.value)
    for value in store.values(quantity=(CHARGE, DISCHARGE), origin=origins, subject=cells, subject_kind="cell"):
        low, high = value.conditions.voltage_lower_v, value.conditions.voltage_upper_v
        wide = low is not None and high is not None and round(high - low, 6) >= LEAST_WINDOW_V
        if wide and not _PARTIAL.intersection(value.flags):
            found.setdefault(value.subject.key, []).append(value)
    return found


def _rate(value: Value, capacity_mah_g: float) -> float:
    """Return the C-rate of a half-cycle: of the stated 1C, else of *capacity_mah_g* in an hour."""
    conditions = value.conditions
    if conditions.rate_c is not None:
        return conditions.rate_c
    return inf if conditions.current_ma_g is None else conditions.current_ma_g / capacity_mah_g


def _doubted(store: Store, cells: list[str]) -> set[str]:
    """Return those of *cells* whose analyses doubt what they give per gram."""
    return {a.cell for a in store.bare_analyses(cells) for f in a.findings if f.code == "low-specific-capacity"}

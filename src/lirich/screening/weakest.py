"""Which number decides where a cell has several: the lowest over its sites, ways and metals, and how that is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

WEAKEST: Mapping[str, tuple[str, str]] = {
    "oxygen_vacancy_formation_energy_ev": ("oxygen", "oxygens"),
    "metal_migration_energy_ev": ("way", "ways"),
    "metal_migration_barrier_ev": ("way", "ways"),
    "dopant_site_energy_ev": ("other site", "other sites"),
}
"""Energies of which a cell has as many as sites, and what they are of, one and several: the lowest decides, since that
oxygen or metal leaves first, and the dopant goes to that site first."""

LOWEST = frozenset({*WEAKEST, "metal_migration_energy_change_ev"})
"""Quantities of which the lowest of several numbers decides: of the change of a migration that of the lowest metal."""

SITE = "dopant_site_energy_ev"


class Of(Protocol):
    """What is asked of a number of a cell: `lirich.screening.screened.Reading`."""

    @property
    def value(self) -> float | None: ...  # noqa: D102
    @property
    def where(self) -> str: ...  # noqa: D102
    @property
    def region(self) -> str: ...  # noqa: D102


def gated_name(key: str, name: str) -> str:
    """Return the *name* of a quantity as a gate asks for it: of several numbers the lowest."""
    return f"lowest {name}" if key in LOWEST else name


def taken_words(
    key: str, value: float, runs: Collection[tuple[int, str]], states: int, cells: Sequence[Sequence[Of]]
) -> str:
    """Say how a figure was taken: ``mean over 4 orderings of the lowest of 2 oxygens beside a dopant in each cell``.

    *runs* are the orderings and calculators, *states* counts the states of charge, *cells* are the numbers that each
    cell had at each of them. Empty where there was one number. The sign of a site energy is explained.
    """
    parts = [
        _count(len({ordering for ordering, _ in runs}), "orderings"),
        _count(len({calculator for _, calculator in runs}), "calculators"),
        _count(states, "states of charge"),
    ]
    several = [part for part in parts if part]
    mean = " and ".join(filter(None, (", ".join(several[:-1]), *several[-1:])))
    mean = f"mean over {mean}" if mean else ""
    lowest = _lowest(key, cells) if key in WEAKEST else ""
    sign = ""
    if key == SITE:
        sign = (
            "; below 0, so the dopant is lower in energy there than where it was put"
            if value < 0
            else "; not below 0, so no other site that was tried is lower than where it was put"
        )
    return (f"{mean} of {lowest}" if mean and lowest else mean or lowest) + sign


def _count(number: int, many: str) -> str:
    return f"{number} {many}" if number > 1 else ""


def _lowest(key: str, cells: Sequence[Sequence[Of]]) -> str:
    one, many = WEAKEST[key]
    counts = sorted({len(each) for each in cells})
    near = " beside a dopant" if all(r.region == "near" for each in cells for r in each) else ""
    told = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    each = " in each cell" if len(cells) > 1 else ""
    if counts[-1] == 1:
        said = f"the one {one}{near} that was tried{each}"
    else:
        said = f"the lowest of {told} {many}{near}{each}"
    first = Counter(min(each, key=lambda r: r.value or 0.0).where for each in cells)
    where, often = first.most_common(1)[0]
    if not where or (counts[-1] == 1 and key != SITE):
        return said
    return f"{said}: {where}" + (f" in {often} of {len(cells)}" if often < len(cells) else "")

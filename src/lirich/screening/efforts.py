"""How a screening was computed: how many relaxations each candidate took, in how many steps, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from lirich.screening.screened import Effort, Screened, Tried


@dataclass(frozen=True, slots=True)
class EffortRow:
    """The relaxations of a candidate, all its cells and calculators together.

    ``steps_median`` and ``steps_most`` are of single relaxations, ``None`` where none came to an end. See
    `lirich.screening.screened.Effort` for what is counted.
    """

    name: str
    cells: int
    relaxations: int
    bands: int
    steps_median: float | None
    steps_most: int | None
    force_calls: int
    not_converged: int
    not_as_built: int
    failed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return asdict(self)


def effort_rows(screened: Screened) -> tuple[EffortRow, ...]:
    """Return a row for the undoped cells and for each candidate; empty for older results, which do not tell."""
    rows = tuple(_row(tried.name, [tried]) for tried in (screened.host, *screened.tried))
    return rows if any(row.relaxations for row in rows) else ()


def effort_together(screened: Screened) -> EffortRow | None:
    """Return all rows together, ``None`` for older results."""
    row = _row("all", [screened.host, *screened.tried])
    return row if row.relaxations else None


def _row(name: str, tried: Sequence[Tried]) -> EffortRow:
    cells = [cell for each in tried for cell in each.cells]
    efforts: list[Effort] = [effort for cell in cells for effort in cell.efforts.values()]
    steps = [n for effort in efforts for n in effort.steps]
    return EffortRow(
        name=name,
        cells=len(cells),
        relaxations=sum(e.relaxations for e in efforts),
        bands=sum(e.bands for e in efforts),
        steps_median=float(median(steps)) if steps else None,
        steps_most=max(steps, default=None),
        force_calls=sum(e.force_calls for e in efforts),
        not_converged=sum(e.not_converged for e in efforts),
        not_as_built=sum(e.not_as_built for e in efforts),
        failed=sum(e.failed for e in efforts),
    )

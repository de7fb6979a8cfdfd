"""What a screening keeps of the relaxed cells, as numbers, and of how the relaxations ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lirich.screening.screened import Effort, Relaxed, Rows

if TYPE_CHECKING:
    from lirich.atoms.descriptors.kept import KeptCell, Run


def relaxed_of(cell: KeptCell) -> Relaxed:
    """Return a relaxed cell as numbers: positions to 0.0001 of the cell, energy to 0.0001 eV, moments to 0.01 µB."""
    crystal = cell.relaxation.crystal
    return Relaxed(
        lithium_removed=cell.lithium_removed,
        removed=cell.removed,
        lattice_a=rounded(crystal.lattice.matrix, 5),
        positions=rounded(crystal.frac_coords % 1.0, 4),
        energy_ev=round(cell.relaxation.energy_ev, 4),
        steps=cell.relaxation.steps,
        gives=cell.gives,
        doubts=cell.doubts,
        moments_mub=tuple(round(m, 2) for m in cell.relaxation.moments_mub or ()),
    )


def effort_of(runs: Sequence[Run]) -> Effort:
    """Count how the relaxations and bands of a cell ended."""
    ends = [run.ended for run in runs]
    return Effort(
        relaxations=sum(run.kind == "relaxation" for run in runs),
        bands=sum(run.kind == "band" for run in runs),
        steps=tuple(sorted(run.steps for run in runs if run.kind == "relaxation" and run.steps is not None)),
        force_calls=sum(run.force_calls for run in runs),
        not_converged=ends.count("not converged"),
        not_as_built=ends.count("not as built"),
        failed=ends.count("failed"),
    )


def rounded(rows: NDArray[np.float64], decimals: int) -> Rows:
    """Return *rows*, shape (n, 3), as numbers of so many decimals."""
    return tuple((round(x, decimals), round(y, decimals), round(z, decimals)) for x, y, z in rows.tolist())

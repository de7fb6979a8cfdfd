"""What a workspace does with atoms: potentials fine-tuned to the user's own DFT, cathodes that are charged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lirich.interfaces.charged import ComputedCharge
    from lirich.workbench.crystals.potentials import TuneResult
    from lirich.workbench.workspace import Workspace


class Atoms:
    """The verbs of atoms on a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def tune(self, file: str | Path, name: str, **options: Any) -> TuneResult:
        """Fine-tune CHGNet to DFT data, kept as ``chgnet:NAME``; see `lirich.workbench.crystals.potentials.tune`."""
        from lirich.workbench.crystals.potentials import tune

        return tune(self._workspace, file, name, **options)

    def charge(self, formula: str, **options: Any) -> tuple[ComputedCharge, ...]:
        """Compute the charged cells of a cathode, and keep them; see `lirich.workbench.crystals.charging.charge`."""
        from lirich.workbench.crystals.charging import charge

        store = self._workspace.store
        return charge(formula, cache=store.cache / "charge", models=store.models, **options)

"""The cells of a screening as files, for those who go on with DFT."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lirich.workbench.extras import need_atoms

if TYPE_CHECKING:
    from lirich.workbench.screen_result import ScreenResult


def write_cells(result: ScreenResult, folder: Path, form: Literal["cif", "poscar"] = "cif") -> list[Path]:
    """Write every cell as it was built, before it was relaxed, and return the files: ``Na+W-1.cif``.

    The number is that of the ordering; where a candidate is made neutral in several ways, a letter follows. Raises
    `OptionalDependencyError` without the extra ``[atoms]``.
    """
    need_atoms("Writing cells")
    from pymatgen.core.structure import Structure

    from lirich.atoms.text import write_structure

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    screened = result.judged.screened
    for tried in (screened.host, *screened.tried):
        for cell in tried.cells:
            if cell.crystal is None:
                continue
            crystal = Structure(cell.crystal.lattice_a, cell.crystal.elements, cell.crystal.positions)
            stem = re.sub(r"[^\w+]+", "-", f"{tried.name}-{cell.ordering + 1}")
            names = (f"{stem}{letter}.{form}" for letter in ("", *"bcdefghij"))
            path = next(folder / name for name in names if folder / name not in written)
            path.write_text(write_structure(crystal, form), encoding="utf-8")
            written.append(path)
    return written

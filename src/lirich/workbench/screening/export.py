"""The cells of a screening as files, as built and relaxed, for those who go on with DFT."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from lirich.screening.states import state_words
from lirich.workbench.extras import need_atoms
from lirich.workbench.userfiles import make_folder, write_text

if TYPE_CHECKING:
    from lirich.screening.screened import Built, Crystal, Relaxed, Rows, Screened, Tried
    from lirich.workbench.screening.result import ScreenResult

README = "README.md"
OF_PLACES = "as-host"
"""What a charged cell is called that lost the lithium of its undoped host, where another arrangement is lower."""
_HEADS = (
    "file", "candidate", "ordering", "formula as built", "made neutral by", "state", "energy (eV)", "steps",
    "not as built",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CellFile:
    """One file: its name, whose cell in which state it holds, and what is to be known of it."""

    name: str
    candidate: str
    cell: Built
    state: str
    lattice_a: Rows
    positions: Rows
    elements: tuple[str, ...]
    relaxed: Relaxed | None = None


def write_cells(result: ScreenResult, folder: Path, form: Literal["cif", "poscar"] = "cif") -> list[Path]:
    """Write every cell, as built (``Na+W-1.cif``) and relaxed, and return the files; ``README.md`` says what they are.

    The number is that of the ordering; where a candidate is made neutral in several ways, a letter follows. Relaxed are
    ``Na+W-1-discharged.cif`` and ``Na+W-1-charged-50.cif``, 50 % of the lithium out: the lowest arrangement that was
    found. Where the same lithium as out of the undoped cell leaves another one, that is ``…-charged-50-as-host.cif``:
    oxygen vacancies and migration are of it. Of several calculators each name ends with that of its own. Raises
    `OptionalDependencyError` without the extra ``[atoms]``.
    """
    need_atoms("Writing cells")
    from pymatgen.core.structure import Structure

    from lirich.atoms.text import write_structure

    make_folder(folder)
    screened = result.judged.screened
    files = cell_files(screened, form)
    for each in files:
        crystal = Structure(each.lattice_a, each.elements, each.positions)
        text = write_structure(crystal, form)
        words = _head(screened, each)
        if form == "cif":
            text = "".join(f"# {line}\n" for line in words) + text
        else:  # the first line of a POSCAR is a title
            text = "; ".join(words) + "\n" + text.partition("\n")[2]
        write_text(folder / each.name, text)
    write_text(folder / README, _readme(screened, files))
    return [folder / each.name for each in files]


def cell_files(screened: Screened, form: Literal["cif", "poscar"] = "cif") -> list[CellFile]:
    """Return the files of a screening: each cell as built, then relaxed by state of charge."""
    found: list[CellFile] = []
    taken: set[str] = set()
    for tried in (screened.host, *screened.tried):
        for cell in tried.cells:
            if cell.crystal is None:
                continue
            stem = re.sub(r"[^\w+]+", "-", f"{tried.name}-{cell.ordering + 1}")
            stem = next(name for name in (f"{stem}{letter}" for letter in ("", *"bcdefghij")) if name not in taken)
            taken.add(stem)
            found += _of_cell(tried, cell, cell.crystal, stem, form)
    return found


def _of_cell(tried: Tried, cell: Built, crystal: Crystal, stem: str, form: str) -> list[CellFile]:
    built = CellFile(
        f"{stem}.{form}", tried.name, cell, "as built", crystal.lattice_a, crystal.positions, crystal.elements
    )
    files = [built]
    several = len({each.calculator for each in cell.relaxed}) > 1
    for each in cell.relaxed:
        state = state_words(each.lithium_removed)
        percent = np.format_float_positional(100 * each.lithium_removed, precision=1, trim="-")
        ending = "discharged" if not each.removed else f"charged-{percent}"
        if each.removed and "voltage" not in each.gives:
            ending += f"-{OF_PLACES}"
            state += ", the lithium of the undoped cell"
        if several:
            ending += "-" + re.sub(r"[^\w+]+", "-", each.calculator)
        gone = set(each.removed)
        left = tuple(e for i, e in enumerate(crystal.elements) if i not in gone)
        name = f"{stem}-{ending}.{form}"
        there = (each.lattice_a, each.positions, left)
        files.append(CellFile(name, tried.name, cell, f"{state}, relaxed", *there, each))
    return files


def _head(screened: Screened, file: CellFile) -> list[str]:
    """Return what stands at the head of a file, in ASCII as CIF wants it."""
    first = f"lirich {screened.lirich}, study {screened.study.name}: {file.candidate}, ordering "
    words = [f"{first}{file.cell.ordering + 1}, {file.state}"]
    if file.relaxed is None:
        words.append("Built by electrostatics of formal charges, not relaxed.")
    else:
        name = file.relaxed.calculator
        version = screened.versions.get(name, "")
        words.append(
            f"Relaxed with {name}{f' ({version})' if version else ''}: a pre-filter, not DFT. "
            f"{file.relaxed.energy_ev:.4f} eV after {file.relaxed.steps} steps."
        )
    return [line.encode("ascii", "replace").decode() for line in words]


def _readme(screened: Screened, files: list[CellFile]) -> str:
    """Return what says of the folder what its files are, and of each file what it holds."""
    study = screened.study
    versions = "; ".join(f"{name}: {version}" for name, version in screened.versions.items())
    there = any(file.relaxed is not None for file in files)
    kept = "" if there else "These results keep the cells as built alone; computed anew, they keep the relaxed ones."
    lines = [
        f"# Cells of the screening “{study.name}”",
        "",
        f"Host: {study.host.formula or study.host.file or 'a given crystal'}. Written by lirich {screened.lirich}.",
        "",
        "Cells as built are orderings by the electrostatic energy of formal charges, with their dopants, neutral.",
        f"Relaxed cells are those of a universal potential ({versions or ', '.join(study.calculators)}):",
        f"**a pre-filter, not DFT**. No force is above {study.relaxation.force_max_ev_a:g} eV/Å; positions are kept to",
        "0.0001 of the cell. Energies are of the whole cell, and compare only between cells of the same atoms and the",
        "same potential. `charged-50` has 50 % of the lithium out, in the lowest arrangement that was found.",
        f"`{OF_PLACES}`, where it is there, lost the same lithium as the undoped cell of its ordering: oxygen",
        "vacancies and migration were computed in it.",
        *(["", kept] if kept else []),
        "",
        f"| {' | '.join(_HEADS)} |",
        "|" + "---|" * len(_HEADS),
        *(_row(file) for file in files),
    ]
    return "\n".join(lines) + "\n"


def _row(file: CellFile) -> str:
    relaxed = file.relaxed
    numbers = ("", "", "") if relaxed is None else (
        f"{relaxed.energy_ev:.4f}", str(relaxed.steps), "; ".join(relaxed.doubts)
    )  # fmt: skip
    cells = (
        file.name, file.candidate, str(file.cell.ordering + 1), file.cell.formula, file.cell.compensation, file.state,
        *numbers,
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"

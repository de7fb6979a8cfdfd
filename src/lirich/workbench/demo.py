"""The verb *demo*: the whole way once, on a real digitised Li-rich cell and the synthetic laboratory."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from lirich.errors import InputError
from lirich.workbench.analyse import AnalyseReport
from lirich.workbench.intake.addreport import AddReport
from lirich.workbench.userfiles import make_folder, write_text
from lirich.workbench.workspace import Workspace

MARK = ".lirich-demo"
_MADE = ("files", "workspace", "report.html", "crystal", "crystal-report.html", "screening-report.html", MARK)
CYCLES = 60
CELLS_PER_MORPHOLOGY = 5
CRYSTAL_CYCLES = 40


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Where the demo put everything, and what the verbs said."""

    folder: Path
    workspace: Workspace
    added: AddReport
    analysed: AnalyseReport
    crystal: Workspace | None
    """The real cell beside a simulated SC and PC cell of the crystal model; ``None`` without the extra ``[cells]``."""

    @property
    def report(self) -> Path:
        """Where the report is to be written."""
        return self.folder / "report.html"

    @property
    def screening_report(self) -> Path:
        """Where the report on the three dopants is to be written."""
        return self.folder / "screening-report.html"

    @property
    def crystal_report(self) -> Path:
        """Where the report on the crystal model is to be written."""
        return self.folder / "crystal-report.html"


def prepare(folder: Path, *, fresh: bool) -> None:
    """Make the folder. Raises `InputError` where it holds something that is not an earlier demo.

    With *fresh*, what an earlier demo made is removed, and nothing else.
    """
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}", advice="Name another folder") from error
    if taken:
        if not (folder / MARK).is_file():
            raise InputError(f"{folder} holds something that is not a demo", advice="Name another folder")
        if not fresh:
            raise InputError(f"{folder} holds an earlier demo", advice="Add --fresh to make it anew")
        for name in _MADE:
            if (folder / name).is_dir() and not (folder / name).is_symlink():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
    make_folder(folder)
    write_text(folder / MARK, "Made by `lirich demo`; safe to delete.\n")


def run(folder: Path, *, fresh: bool, say: Callable[[str], None]) -> Demonstration:
    """Write the files, make a workspace, add and analyse them. The report is the caller's."""
    from lirich.testing.digitised import write_digitised_cell
    from lirich.testing.laboratory import make_laboratory

    prepare(folder, fresh=fresh)
    say("Writing the digitised real Li-rich cell (Kim et al. 2025) and the synthetic laboratory's vendor files")
    write_digitised_cell(folder / "files" / "real")
    physics = laboratory_physics()
    if physics == "curves":
        say("The laboratory's cells are those of the explicit curve model: the crystal physics needs the extra [cells]")
    make_laboratory(
        folder / "files" / "laboratory",
        n_sc=CELLS_PER_MORPHOLOGY,
        n_pc=CELLS_PER_MORPHOLOGY,
        cycles=CYCLES,
        diffusion_cells=True,
        physics=physics,
    )
    workspace = Workspace.create(folder / "workspace", name="lirich demo")
    say("Adding the files")
    added = workspace.add([folder / "files" / "real", folder / "files" / "laboratory"])
    say("Analysing the cells")
    analysed = workspace.analyse()
    return Demonstration(folder, workspace, added, analysed, _crystal(folder, say))


def laboratory_physics() -> Literal["crystal", "curves"]:
    """Return what the demo's laboratory runs on: the crystals where their extra is installed."""
    return "curves" if find_spec("pybamm") is None else "crystal"


def _crystal(folder: Path, say: Callable[[str], None]) -> Workspace | None:
    """Put the real cell beside simulated cells of the crystal model, in a workspace of their own.

    Of their own, since cells without noise and scatter are no repeats of those of the laboratory.
    """
    if laboratory_physics() == "curves":
        say("Simulated cells beside the real one are left out: they need the extra [cells]")
        return None
    say("Simulating an SC and a PC cell on the crystal model, beside the real cell")
    workspace = Workspace.create(folder / "crystal", name="lirich demo: crystal model")
    workspace.add([folder / "files" / "real"])
    for morphology in ("SC", "PC"):
        workspace.simulate(morphology, "ageing", cycles=CRYSTAL_CYCLES, cell=f"{morphology}-crystal")
    workspace.analyse(executor="serial")
    return workspace

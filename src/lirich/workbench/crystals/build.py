"""Cells to compute with, built from a formula or a crystal: ordered or mixed, charged, cut into slabs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lirich.errors import CompositionError, InputError, SettingsError
from lirich.model.composition import ANIONS, Composition
from lirich.workbench.crystals.crystalfile import crystal_text, is_crystal_file, named
from lirich.workbench.extras import need_atoms
from lirich.workbench.userfiles import make_folder, write_text

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from lirich.atoms.delithiate import Charged
    from lirich.atoms.text import Format

CATIONS = ("ordered", "random", "spinel", "rock-salt")
"""How cations stand: as electrostatics has them, as at random in the metal layer, or on other places altogether."""

_NAMES: dict[str, str] = {"cif": ".cif", "poscar": ".vasp"}


@dataclass(frozen=True)
class BuiltCrystal:
    """A cell that was built: ``name`` is good for a file, ``words`` say how it was made and what it deviates by."""

    name: str
    structure: Structure
    words: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON, the crystal as CIF."""
        from lirich.atoms.text import write_structure

        return {
            "name": self.name,
            "formula": self.structure.composition.formula.replace(" ", ""),
            "atoms": len(self.structure),
            "words": list(self.words),
            "cif": write_structure(self.structure),
        }

    def then(self, suffix: str, structure: Structure, words: str) -> BuiltCrystal:
        """Return what became of it in a further step."""
        return replace(self, name=f"{self.name}-{suffix}", structure=structure, words=(*self.words, words))


def build_crystals(
    host: str | Path,
    *,
    cations: str = "ordered",
    atoms: int = 60,
    orderings: int = 1,
    seed: int = 0,
    lithium_removed: float = 0.0,
    facets: Sequence[str] = (),
    thickness_a: float = 12.0,
    vacuum_a: float = 15.0,
) -> list[BuiltCrystal]:
    """Build cells: cations first, then lithium out, then slabs; the lowest by formal electrostatics first.

    Parameters
    ----------
    host:
        A formula with two cations to two anions, or the path of a crystal (CIF or POSCAR).
    cations:
        ``ordered``: `lirich.atoms.ordering.ordered`; a crystal is then taken as it is. ``random``: the metal layer as
        at random (`lirich.atoms.disorder.disordered`). ``spinel``, ``rock-salt``: the same atoms on other places
        (`lirich.atoms.phases.as_phase`).
    atoms, orderings, seed:
        Size of a cell, how many are built, and the first seed of the annealings.
    lithium_removed:
        Share of the lithium that is taken out, by energy (`lirich.atoms.delithiate.delithiated`), 0 to 1.
    facets:
        Of each cell the slabs of these facets (`lirich.atoms.slabs.slabs`), ``104`` for instance.
    thickness_a, vacuum_a:
        Of a slab, Å.

    Raises
    ------
    OptionalDependencyError
        Without the extra ``[atoms]``.
    InputError
        Fewer than one ordering.
    SettingsError
        A file that is to be mixed: the order of a crystal is its own. Facets of what has no layers.
    StructureError, CompositionError, NotNeutralError, UnknownNameError
        For a file that cannot be read, else as the functions above.
    """
    need_atoms("Building crystals")
    from lirich.atoms.delithiate import delithiated
    from lirich.atoms.slabs import slabs

    if orderings < 1:
        raise InputError(f"{orderings} orderings", expected="1 or more")
    if facets and cations in ("spinel", "rock-salt"):
        raise SettingsError(f"Facets are those of a layered oxide, and a {cations} has no layers")
    built = _with_cations(host, cations, atoms, range(seed, seed + orderings))
    if lithium_removed:
        built = [_charged(each, delithiated(each.structure, lithium_removed, lowest=1)[0]) for each in built]
    if not facets:
        return built
    found = []
    for each in built:
        for facet in facets:
            cut = slabs(each.structure, facet, thickness_a=thickness_a, vacuum_a=vacuum_a, seed=seed)
            found += [each.then(f"{facet}-{n}", slab.structure, slab.words) for n, slab in enumerate(cut, start=1)]
    return found


def write_crystals(crystals: Sequence[BuiltCrystal], folder: Path, format: Format = "cif") -> list[Path]:  # noqa: A002
    """Write each crystal into a file of *folder*, as CIF or POSCAR (``.vasp``); return the files."""
    from lirich.atoms.text import write_structure

    texts = [(folder / (each.name + _NAMES[format]), write_structure(each.structure, format)) for each in crystals]
    make_folder(folder)
    for path, text in texts:
        write_text(path, text)
    return [path for path, _ in texts]


def _with_cations(host: str | Path, cations: str, atoms: int, seeds: Sequence[int]) -> list[BuiltCrystal]:
    from lirich.atoms.disorder import disordered
    from lirich.atoms.ordering import ordered
    from lirich.atoms.phases import as_phase

    if cations not in CATIONS:
        raise SettingsError(f"There is no order {cations!r} of the cations", expected="one of " + ", ".join(CATIONS))
    path = Path(host)
    own = _read(path) if is_crystal_file(path) else None
    stem = re.sub(r"[^A-Za-z0-9.]+", "-", path.stem if own is not None else str(host)).strip("-")
    if own is None and not set(Composition.parse(str(host)).amounts) & ANIONS:
        raise CompositionError(
            f"{host} has no anion", expected="an oxide, as Li1.2Mn0.6Ni0.2O2", advice="Is its oxygen missing?"
        )
    if own is not None and cations == "random":
        raise SettingsError(
            "The order of a crystal from a file is its own", advice="Give the formula to build a random cell"
        )
    if cations == "random":
        made = [(seed, disordered(str(host), atoms=atoms, seed=seed)) for seed in seeds]
        words = "metal layer as at random, shares of neighbours off by at most"
        return [
            BuiltCrystal(f"{stem}-random-{seed}", each.structure, (f"{words} {each.deviation:.3f}",))
            for seed, each in made
        ]
    if own is not None:
        bases = [BuiltCrystal(stem, own, (f"as in {path.name}",))]
    else:
        cells = ordered(str(host), atoms=atoms, seeds=seeds)
        bases = [
            BuiltCrystal(
                f"{stem}-ordered-{cell.rank}",
                cell.structure,
                (
                    cell.words,
                    f"{cell.how}, {round(cell.ewald_ev - cells[0].ewald_ev, 2) + 0.0:+.2f} eV over the lowest (Ewald)",
                ),
            )
            for cell in cells
        ]
    if cations == "ordered":
        return bases
    phase: Literal["spinel", "rock salt"] = "spinel" if cations == "spinel" else "rock salt"
    return [
        BuiltCrystal(
            f"{stem}-{cations}-{seed}",
            (other := as_phase(bases[0].structure, phase, seed=seed)),
            (f"{phase} of {other.composition.formula.replace(' ', '')}",),
        )
        for seed in seeds
    ]


def _charged(cell: BuiltCrystal, charged: Charged) -> BuiltCrystal:
    electrons = f"; {', '.join(charged.changes)}" if charged.changes else ""
    return cell.then(f"out{len(charged.removed)}", charged.structure, f"{len(charged.removed)} Li out{electrons}")


def _read(path: Path) -> Structure:
    from lirich.atoms.layers import layer_of
    from lirich.atoms.text import read_structure

    with named(path):
        crystal = read_structure(crystal_text(path))
        crystal.add_site_property("layer", [str(name) for name in layer_of(crystal)])
    return crystal

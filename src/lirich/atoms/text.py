"""Crystals as text: CIF and POSCAR, read with suspicion and written without loss.

What cannot be a crystal is refused with what was found and what to do; nothing is repaired in silence.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import DummySpecies, Element
from pymatgen.core.structure import Structure
from pymatgen.io.cif import CifParser, CifWriter
from pymatgen.io.vasp.inputs import Poscar

from lirich.atoms import damage
from lirich.errors import StructureError

Format = Literal["cif", "poscar"]

NEAREST_A = 0.7
"""Atoms nearer than this, Å, are on top of each other: the shortest of all bonds, of H2, is 0.74 Å (Huber & Herzberg,
Constants of Diatomic Molecules, 1979), and every bond of an oxide is longer."""
MOST_ATOMS = 5000
"""No crystal of this room is larger: a force call takes about 12 ms of CPU per atom, a minute at this size."""
LARGEST_VOLUME_A3 = 1000.0
"""Å³ per atom beyond which a cell is empty: the sparsest solids have below 100 (helium's is 30)."""
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BY_THE_WAY = re.compile("No _symmetry|Issues encountered|No structure parsed")
"""What pymatgen warns of beside the reason for which a CIF cannot be read."""
_EXPECTED = "a crystal in CIF, or in the POSCAR form of VASP"


def read_structure(text: str, format: Format | None = None) -> Structure:  # noqa: A002  (the word of the trade)
    """Read one crystal from CIF or POSCAR text; without *format* it is told from the text.

    Raises
    ------
    lirich.errors.StructureError
        Text that cannot be read, several crystals in one CIF, an unknown element, partly occupied sites (order them
        first), atoms nearer than 0.7 Å, no atoms, no volume, or more than 5000 atoms.
    """
    if not text.strip():
        raise StructureError("The text of the structure is empty", expected=_EXPECTED)
    if _NO_TEXT.search(text):
        raise StructureError("The structure is no text: it holds bytes that no text has", expected=_EXPECTED)
    kind = format or ("cif" if re.search(r"^\s*(data_|loop_|_cell_)", text, re.MULTILINE | re.IGNORECASE) else "poscar")
    readers: dict[str, Callable[[str], Structure]] = {
        "cif": _from_cif,
        "poscar": partial(_from_poscar, asked=format is not None),
    }
    if kind not in readers:
        raise StructureError(f"There is no format {kind!r} of structures", expected="cif or poscar")
    structure = readers[kind](text)
    check_structure(structure)
    if kind == "cif":
        _check_formula(text, structure)
    return structure


def write_structure(structure: Structure, format: Format = "cif") -> str:  # noqa: A002
    """Return the crystal as text, with all its atoms (P1) and positions to 1e-8 of the cell.

    Raises `lirich.errors.StructureError` for another format.
    """
    bare = _bare(structure.copy())
    if format == "cif":
        return str(CifWriter(bare, significant_figures=8))
    if format == "poscar":
        grouped = bare.get_sorted_structure(key=lambda site: site.specie.X)
        return Poscar(grouped).get_str(significant_figures=10)
    raise StructureError(f"There is no format {format!r} of structures", expected="cif or poscar")


def check_structure(structure: Structure) -> None:
    """Raise `lirich.errors.StructureError` where *structure* cannot be computed with; see `read_structure`."""
    if len(structure) == 0:
        raise StructureError("The structure has no atoms", expected=_EXPECTED)
    if not np.isfinite(structure.frac_coords).all():
        raise StructureError("An atom has a position that is no number", expected="finite coordinates")
    _check_elements(structure)
    if not structure.is_ordered:
        site = next(s for s in structure if not s.is_ordered)
        raise StructureError(
            f"A site is partly occupied: {site.species_string} at {_place(site.frac_coords)}",
            expected="one whole atom on each site",
            advice="Order it first: lirich.atoms.ordering.ordered makes ordered cells of the composition",
        )
    if len(structure) > MOST_ATOMS:
        raise StructureError(
            f"The structure has {len(structure)} atoms",
            expected=f"at most {MOST_ATOMS}",
            advice="Take the primitive cell, or a smaller supercell",
        )
    volume = structure.volume / len(structure)
    if not np.isfinite(volume) or volume < 1.0 or volume > LARGEST_VOLUME_A3:
        raise StructureError(
            f"The cell has {volume:.3g} Å³ per atom", expected="a cell with room for its atoms, about 10 Å³ each"
        )
    centres, others, _, distances = structure.get_neighbor_list(NEAREST_A)
    if len(distances):
        worst = int(np.argmin(distances))
        i, j = int(centres[worst]), int(others[worst])
        raise StructureError(
            f"{structure[i].specie} {i} and {structure[j].specie} {j} are {distances[worst]:.2f} Å apart",
            expected=f"at least {NEAREST_A} Å",
            advice="Look for an atom that is listed twice, or a wrong cell or space group",
        )


def _check_elements(structure: Structure) -> None:
    for specie in structure.composition:
        if isinstance(specie, DummySpecies) or not Element.is_valid_symbol(specie.symbol):
            raise StructureError(f"{specie.symbol} is no element", expected="the symbols of elements")


def _from_cif(text: str) -> Structure:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            # Positions of one atom that a symmetry makes twice are one within 0.001 of the cell; overlaps stay.
            parser = CifParser.from_str(text, occupancy_tolerance=1e6, site_tolerance=1e-3)
            found = parser.parse_structures(primitive=False, check_occu=False, on_error="raise")
        except Exception as error:
            reasons = [str(w.message) for w in said if issubclass(w.category, UserWarning)] + [str(error)]
            why = damage.of_cif(text) or next((r for r in reasons if not _BY_THE_WAY.match(r)), str(error))
            raise StructureError(
                f"The CIF cannot be read: {_first_line(why)}", expected=_EXPECTED, advice="Look whether it is cut short"
            ) from error
    blocks = Counter(re.findall(r"^data_\S*", text, re.MULTILINE | re.IGNORECASE))
    if max(blocks.values(), default=1) > 1:
        raise StructureError(
            f"The CIF holds {max(blocks.values())} blocks of one name, {max(blocks, key=lambda b: blocks[b])}",
            expected="one crystal",
            advice="Keep one data_ block",
        )
    if len(found) != 1:
        raise StructureError(f"The CIF holds {len(found)} crystals", expected="one", advice="Keep one data_ block")
    for site in found[0]:
        if site.species.num_atoms > 1.0 + 1e-3:
            raise StructureError(
                f"A site holds more than one atom: {site.species_string} at {_place(site.frac_coords)}",
                expected="one whole atom on each site",
                advice="Look for an atom that is listed twice",
            )
    return _bare(found[0])


def _check_formula(text: str, crystal: Structure) -> None:
    """Raise where the CIF says another formula than its atoms have: rows that were cut off leave no other trace."""
    said = re.search(r"^_chemical_formula_sum[ \t]+(['\"]?)([^'\"\n]+)\1[ \t]*$", text, re.MULTILINE)
    try:
        formula = Composition(said[2]) if said is not None else None
    except ValueError:
        return  # no formula that can be held against the atoms
    if formula is not None and not formula.fractional_composition.almost_equals(
        crystal.composition.fractional_composition, rtol=0.01, atol=0.001
    ):
        raise StructureError(
            f"The CIF says {formula.formula} and its atoms are {crystal.composition.formula}",
            expected="the same",
            advice="Look whether rows of atoms are missing; else correct _chemical_formula_sum",
        )


def _bare(structure: Structure) -> Structure:
    """Return the crystal of plain elements, without what else the text says of its sites."""
    _check_elements(structure)
    structure.remove_oxidation_states()
    for name in list(structure.site_properties):
        structure.remove_site_property(name)
    return structure


def _from_poscar(text: str, asked: bool = False) -> Structure:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            poscar = Poscar.from_str(text, read_velocities=False)
    except Exception as error:
        advice = "" if asked else "A CIF is told by lines that begin with data_, loop_ or _cell_; this text has none"
        raise StructureError(
            f"The POSCAR cannot be read: {damage.of_poscar(text) or _first_line(str(error))}",
            expected=_EXPECTED,
            advice=advice,
        ) from error
    if not poscar.true_names:
        raise StructureError("The POSCAR does not name its elements", expected="a line of symbols over the counts")
    return _bare(poscar.structure)


def _first_line(reason: str) -> str:
    lines = reason.strip().splitlines()
    return lines[0][:200] if lines else "no reason given"


def _place(frac_coords: np.ndarray) -> str:
    return "(" + ", ".join(f"{x:.3f}" for x in frac_coords) + ")"

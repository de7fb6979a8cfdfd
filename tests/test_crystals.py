"""Cells built from a formula or a crystal: what they hold, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from command_line import run
from lirich.errors import CompositionError, InputError, LirichError, SettingsError, StructureError, UnknownNameError

pytest.importorskip("chgnet", reason="needs the extra [atoms]")

from lirich.atoms.disorder import pair_deviation
from lirich.atoms.text import read_structure
from lirich.workbench.crystals.build import build_crystals, write_crystals
from lirich.workbench.screening.screen import make_screen, outlook

HOST = "Li1.2Mn0.6Ni0.2O2"


def test_cells_have_the_composition_and_come_back_from_their_files(tmp_path: Path) -> None:
    built = build_crystals(HOST, orderings=3)
    assert [each.structure.composition.formula for each in built] == ["Li18 Mn9 Ni3 O30"] * 3
    assert len({each.name for each in built}) == 3
    for kind in ("cif", "poscar"):
        files = write_crystals(built, tmp_path / kind, kind)
        assert [read_structure(f.read_text()).composition for f in files] == [b.structure.composition for b in built]


def test_the_metal_layer_is_honeycomb_where_it_is_ordered_and_mixed_where_it_is_random() -> None:
    ordered, mixed = (build_crystals(HOST, cations=kind)[0].structure for kind in ("ordered", "random"))
    off = [
        pair_deviation(cell, np.flatnonzero(np.array(cell.site_properties["layer"]) == "TM"))
        for cell in (ordered, mixed)
    ]
    assert off[1] < 0.1 < off[0]


def test_lithium_goes_and_slabs_keep_the_composition(tmp_path: Path) -> None:
    (charged,) = build_crystals(HOST, lithium_removed=0.5)
    assert charged.structure.composition["Li"] == 9
    slabs = build_crystals("LiCoO2", atoms=12, facets=["104"])
    assert slabs
    for slab in slabs:
        assert slab.structure.composition.reduced_formula == "LiCoO2"
        heights = slab.structure.cart_coords @ slab.structure.lattice.matrix[2] / slab.structure.lattice.c
        assert slab.structure.lattice.c - (heights.max() - heights.min()) == pytest.approx(15.0)  # the vacuum
    (file,) = write_crystals([charged], tmp_path)
    (again,) = build_crystals(file)
    assert again.structure.composition == charged.structure.composition
    assert again.words == (f"as in {file.name}",)


def test_other_phases_hold_the_same_atoms() -> None:
    for kind, atoms in (("rock-salt", 60), ("spinel", 48)):
        (cell,) = build_crystals(HOST, cations=kind, atoms=atoms)
        assert len(cell.structure) == atoms
        assert cell.structure.composition.get_atomic_fraction("O") == 0.5


@pytest.mark.parametrize(
    ("host", "asked", "error"),
    [
        ("gibberish", {}, CompositionError),
        ("LiCoO2", {"cations": "random"}, StructureError),
        ("none.cif", {}, StructureError),
        (HOST, {"cations": "mixed"}, SettingsError),
        (HOST, {"cations": "spinel", "facets": ["104"]}, SettingsError),
        (HOST, {"facets": ["999"]}, UnknownNameError),
        (HOST, {"lithium_removed": 1.5}, StructureError),
        (HOST, {"orderings": 0}, InputError),
    ],
)
def test_what_cannot_be_built_is_refused(host: str, asked: dict[str, object], error: type[LirichError]) -> None:
    with pytest.raises(error):
        build_crystals(host, **asked)  # type: ignore[arg-type]


def test_a_crystal_is_not_mixed_and_text_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "own.cif"
    file.write_text("data_nothing\n")
    with pytest.raises(StructureError, match=r"own\.cif.* CIF"):
        build_crystals(file)
    with pytest.raises(StructureError, match=r"[Nn]o file .*none\.cif"):
        build_crystals(tmp_path / "none.cif")
    (tmp_path / "image.cif").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(StructureError, match=r"image\.cif is no text"):
        build_crystals(tmp_path / "image.cif")
    study = {"name": "own", "dopants": ["W"], "weights": {"volume_change": 1}, "host": {"file": "own.cif"}}
    with pytest.raises(StructureError, match=r"own\.cif.* CIF"):
        outlook(make_screen(study, tmp_path))
    write_crystals(build_crystals(HOST), tmp_path)
    (own,) = tmp_path.glob("Li*.cif")
    with pytest.raises(SettingsError, match="its own"):
        build_crystals(own, cations="random")


def test_a_formula_without_oxygen_is_asked_for_it() -> None:
    with pytest.raises(CompositionError, match="oxygen missing"):
        build_crystals("Li1.2Mn0.6Ni0.2")


def test_the_command_writes_what_it_lists(tmp_path: Path) -> None:
    told = run("atoms", "build", HOST, "--orderings", "2", "-o", "cells", "--json", cwd=tmp_path)
    assert told.code == 0, told.err
    listed = json.loads(told.out)["cells"]
    assert [(tmp_path / each["file"]).read_text() for each in listed] == [each["cif"] for each in listed]
    assert len(list((tmp_path / "cells").iterdir())) == len(listed) == 2

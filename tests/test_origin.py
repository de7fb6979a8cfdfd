"""What is simulated says so: in the vendor's files, in what is exported, and wherever numbers of cells are shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from command_line import Told, run
from lirich.model import Cell, Origin, Sample
from lirich.readers import read
from lirich.testing import make_laboratory
from lirich.testing.laboratory import Laboratory
from lirich.testing.samples import SAMPLES
from lirich.testing.vendor_files import WRITERS
from lirich.workbench import Workspace
from lirich.workbench.comparison.groups import field_of
from lirich.workbench.export import export
from lirich.workbench.simulation.fit import data_of

WITHOUT_A_FIELD = {"neware-csv", "arbin-csv", "bdf-csv"}
"""Flat tables: a header and rows, and no place for a remark."""


@pytest.fixture(scope="module")
def every_format(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """A laboratory with a cell of each format, without continued files."""
    folder = tmp_path_factory.mktemp("formats")
    return make_laboratory(folder, n_sc=4, n_pc=4, cycles=4, formats=tuple(WRITERS), continued=False, physics="curves")


def test_a_simulated_file_says_so_where_its_format_has_a_field_for_it(every_format: Laboratory) -> None:
    said = {cell.format: read(cell.files[0]).metadata.get("simulated") for cell in every_format.cells.values()}
    assert said == {name: None if name in WITHOUT_A_FIELD else True for name in WRITERS}


def test_a_file_that_was_copied_without_its_table_is_not_called_measured(
    every_format: Laboratory, tmp_path: Path
) -> None:
    for cell in every_format.cells.values():
        if cell.format not in WITHOUT_A_FIELD:
            shutil.copy(cell.files[0], tmp_path)
    workspace = Workspace.create(tmp_path / "workspace")
    report = workspace.add(sorted(p for p in tmp_path.iterdir() if p.is_file()), executor="serial")
    assert not report.failed
    assert len(workspace.cells) == len(WRITERS) - len(WITHOUT_A_FIELD)
    assert {view.origin for view in workspace.cells.values()} == {Origin.SIMULATED}


def test_the_remark_of_the_file_and_the_table_beside_it_agree(every_format: Laboratory, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    report = workspace.add(every_format.folder, executor="serial")
    assert not [f for f in report.findings if "simulated" in f.message]
    assert all(view.facts.simulated for view in workspace.cells.values())


def test_what_the_user_says_goes_before_the_remark(every_format: Laboratory, tmp_path: Path) -> None:
    (marked,) = (cell.files[0] for cell in every_format.cells.values() if cell.format == "maccor-txt")
    workspace = Workspace.create(tmp_path / "workspace")
    workspace.add(shutil.copy(marked, tmp_path), facts={"simulated": False}, executor="serial")
    assert workspace.cells[marked.stem].origin is Origin.MEASURED


def test_a_measured_file_has_no_remark(tmp_path: Path) -> None:
    path = SAMPLES["table"].make(tmp_path)
    assert "simulated" not in read(path).metadata


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_every_table_of_an_export_says_where_its_numbers_come_from(
    every_format: Laboratory, tmp_path: Path, form: str
) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    workspace.add([*every_format.cells["SC-1"].files], executor="serial")  # a flat csv
    workspace.set_facts("SC-1", {"simulated": True, "active_mass_mg": 5.0})
    workspace.add(every_format.cells["PC-3"].files, executor="serial")
    workspace.set_facts("PC-3", {"simulated": False})
    workspace.analyse(executor="serial")
    folder = tmp_path / "export"
    export(workspace, folder, form=form)
    load = pl.read_csv if form == "csv" else pl.read_parquet
    for cell, origin in (("SC-1", "simulated"), ("PC-3", "measured")):
        tables = [path for path in folder.glob(f"{cell}.*.{form}") if ".bdf." not in path.name]
        assert len(tables) >= 2
        assert all(set(load(path)["origin"]) == {origin} for path in tables)
    values = load(folder / f"values.{form}").filter(pl.col("subject_kind") == "cell")
    assert dict(values.select("subject", "origin").unique().iter_rows()) == {"SC-1": "simulated", "PC-3": "measured"}
    cells = pl.read_csv(folder / "cells.csv")
    assert dict(cells.select("cell", "simulated").iter_rows()) == {"SC-1": True, "PC-3": False}
    said = read(folder / f"SC-1.bdf.{form}").metadata.get("simulated")
    assert said is (True if form == "parquet" else None)
    assert "simulated" not in read(folder / f"PC-3.bdf.{form}").metadata


def test_a_group_of_yes_and_no_has_a_name() -> None:
    cell = Cell(key="SC-1", sample="S", simulated=True, extra={"annealed_twice": False, "batch_number": 3})
    assert field_of(cell, None, "simulated") == "simulated"
    assert field_of(Cell(key="SC-2"), None, "simulated") == "measured"
    assert field_of(cell, Sample(key="S"), "annealed_twice") == "annealed twice: no"
    assert field_of(cell, None, "batch_number") == "3"


def test_the_command_line_says_it_with_every_number_of_a_cell(every_format: Laboratory, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "workspace")

    def lirich(*arguments: str) -> Told:
        return run(*arguments, cwd=tmp_path / "workspace", COLUMNS="200")

    told = {
        "add": lirich("add", str(every_format.folder)),
        "analyse": lirich("analyse"),
        "cells": lirich("cells"),
        "one cell": lirich("cells", "SC-1"),
        "compare": lirich("compare", "--by", "morphology"),
        "export": lirich("export", str(tmp_path / "out")),
    }
    assert {verb: done.code for verb, done in told.items()} == dict.fromkeys(told, 0)
    assert all("simulated" in done.out for done in told.values())
    rows = [line for line in told["add"].out.splitlines() if line.startswith(("SC-", "PC-"))]
    assert all(line.rstrip().endswith("simulated") for line in rows)
    assert len(rows) == len(every_format.files)
    assert "The cells are simulated." in told["export"].out


def test_a_fit_says_that_what_it_is_fitted_to_is_simulated(every_format: Laboratory, tmp_path: Path) -> None:
    pytest.importorskip("pybamm")
    (marked,) = (cell for cell in every_format.cells.values() if cell.format == "bdf-parquet")
    (plain,) = (cell for cell in every_format.cells.values() if cell.format == "neware-csv")
    said = f"What is fitted of {marked.files[0].name} is simulated, not measured."
    assert said in data_of(marked.files[0], None, active_mass_mg=9.0).assumptions
    assert not [s for s in data_of(plain.files[0], None, active_mass_mg=9.0).assumptions if "simulated" in s]
    workspace = Workspace.create(tmp_path / "workspace")
    workspace.add(every_format.folder, executor="serial")
    workspace.analyse([plain.key], executor="serial")
    assert f"What is fitted of {plain.key} is simulated, not measured." in data_of(plain.key, workspace).assumptions

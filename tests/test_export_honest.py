"""What an export says of itself: no file is called what it is not, and nothing tells where a machine keeps things."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lirich.readers import read
from lirich.testing.digitised import write_digitised_cell
from lirich.workbench import Workspace
from lirich.workbench.export import export
from lirich.workbench.metadata import portable_source


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a curve without time and of a workspace whose facts come from tables in two folders."""
    base = tmp_path_factory.mktemp("export")
    path = write_digitised_cell(base / "figures")
    with Workspace.create(base / "workspace") as workspace:
        workspace.add(base / "figures", executor="serial")
        workspace.analyse(executor="serial")
        assert path.is_file()
        export(workspace, base / "out")
    return base / "out"


def test_a_curve_without_time_is_not_called_battery_data_format(exported: Path) -> None:
    """The format requires time, voltage and current."""
    assert not list(exported.glob("*.bdf.*"))
    (curve,) = exported.glob("*.curve.csv")
    reading = read(curve)
    assert "test_time_second" not in reading.table.columns
    assert "curve-without-time" in {f.code for f in reading.findings}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_exported_curve_comes_in_again(exported: Path, form: str, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "a") as first, Workspace.create(tmp_path / "b") as second:
        first.add(exported, executor="serial")
        first.analyse(executor="serial")
        (cell,) = first.cells
        export(first, tmp_path / "out", form=form)
        second.add(tmp_path / "out", executor="serial")
        second.analyse(executor="serial")
        assert list(second.cells) == [cell]
        assert second.cells[cell].value("initial_coulombic_efficiency").value == pytest.approx(
            first.cells[cell].value("initial_coulombic_efficiency").value, rel=1e-12
        )


def test_the_provenance_names_no_folder_of_this_machine(exported: Path) -> None:
    text = (exported / "provenance.json").read_text(encoding="utf-8")
    assert str(exported.parent) not in text
    (cell,) = json.loads(text).values()
    said = set(cell["facts"]["sources"].values())
    assert said
    assert all(source.startswith("figures/cells.") or "/" not in source for source in said)


def test_a_source_is_named_by_its_place_in_the_workspace_or_by_its_folder() -> None:
    root = Path("/home/ada/lrm")
    assert portable_source("/home/ada/lrm/cells.csv, line 2", root) == "cells.csv, line 2"
    assert portable_source("/home/ada/lrm/raw data/cells.csv, line 2", root) == "raw data/cells.csv, line 2"
    assert portable_source("/home/ada/cycler/SC/cells.toml, cells.SC-1", root) == "SC/cells.toml, cells.SC-1"
    assert portable_source("you", root) == "you"
    assert portable_source("file SC-1.ndax", root) == "file SC-1.ndax"

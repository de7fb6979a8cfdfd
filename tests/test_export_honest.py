"""What an export says of itself: no file is called what it is not, and nothing tells where a machine keeps things."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from lirich.model.spreadsheet import read_csv
from lirich.model.value import Operator
from lirich.readers import read
from lirich.testing.digitised import write_digitised_cell
from lirich.workbench import Workspace
from lirich.workbench.columns import OWN
from lirich.workbench.export import export
from lirich.workbench.intake.fact_sources import portable_source


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


def test_every_column_of_every_table_is_explained(tmp_path: Path, small_laboratory: Path) -> None:
    with Workspace.create(tmp_path / "workspace") as workspace:
        workspace.add(small_laboratory, executor="serial")
        workspace.set_facts("SC-1", {"furnace": "B"})
        workspace.analyse("SC-1", executor="serial")
        export(workspace, tmp_path / "out", cells="SC-1")
    key = {row["column"]: row for row in read_csv(tmp_path / "out" / "columns.csv").to_dicts()}
    tables = [p for p in (tmp_path / "out").glob("*.csv") if p.name != "columns.csv"]
    names = {p.name.removeprefix("SC-1.").removesuffix(".csv") for p in tables}
    assert names == {"cycles", "steps", "peaks", "profiles", "dqdv", "bdf", "cells", "values"}
    for path in tables:
        assert set(read_csv(path).columns) <= set(key)
    assert [name for name, row in key.items() if row["meaning"] == OWN[1]] == ["furnace"]
    assert (key["current_ampere"]["unit"], key["current_ampere"]["meaning"]) == ("A", "current; charge positive")
    assert set(read_csv(tmp_path / "out" / "values.csv")["operator"]) <= {str(operator) for operator in Operator}
    assert "'=" not in (tmp_path / "out" / "values.csv").read_text(encoding="utf-8")
    assert key["coulombic_efficiency"]["unit"] == "%"
    assert all(row["meaning"] for row in key.values())


def test_the_curves_are_those_of_the_points(tmp_path: Path, small_laboratory: Path) -> None:
    with Workspace.create(tmp_path / "workspace") as workspace:
        workspace.add(small_laboratory / "SC-1.csv", executor="serial")
        workspace.analyse(executor="serial")
        export(workspace, tmp_path / "out")
        cycles = workspace.cells["SC-1"].cycles
    curves = pl.read_csv(tmp_path / "out" / "SC-1.profiles.csv").filter(pl.col("direction") == "discharge")
    ends = dict(curves.group_by("cycle").agg(pl.col("capacity_mah").max()).iter_rows())
    whole = dict(cycles.select("cycle", "discharge_capacity_mah").iter_rows())
    assert len(ends) == 24
    assert all(ends[n] == pytest.approx(whole[n], rel=1e-3) for n in ends)

"""From a workspace with the real digitised Li-rich cell to the report file."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from lirich import Workspace
from lirich.errors import UnknownNameError
from lirich.reports import write_report
from lirich.reports.collect import collect
from lirich.reports.diagnosis import first_value
from lirich.reports.figures import literature_figures
from lirich.testing.digitised import write_digitised_cell
from lirich.workbench.export import export


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("report")
    write_digitised_cell(folder / "files")
    workspace = Workspace.create(folder / "ws", name="one real cell")
    workspace.add([folder / "files"], executor="serial")
    workspace.analyse(executor="serial")
    return workspace


def test_report_of_the_real_cell_has_its_published_numbers(workspace: Workspace, tmp_path: Path) -> None:
    path = write_report(workspace, tmp_path / "report.html")
    text = re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8"))
    assert "83.4 %" in text  # ICE
    assert "4.245 V" in text  # mean charge voltage, cycle 1
    assert "3.739 V" in text  # mean discharge voltage, cycle 1
    assert "simulated</span>" not in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]  # nothing half-written is left


def test_collected_curves_carry_the_cyclers_count(workspace: Workspace) -> None:
    (cell,) = collect(workspace).cells
    assert cell.voltage_curves is not None
    assert cell.dqdv is not None
    assert cell.hysteresis is not None
    for table in (cell.cycles, cell.voltage_curves, cell.dqdv, cell.hysteresis):
        assert table is not None
        assert set(table["cycle"]) == {1, 10}
    assert {(s.kind, s.first_cycle) for s in cell.segments if s.first_cycle} == {("formation", 1), ("ageing", 10)}
    ice = first_value(cell.values, "initial_coulombic_efficiency")
    assert ice is not None
    assert ice.value == pytest.approx(83.4, abs=0.3)


def test_literature_stands_beside_the_cell(workspace: Workspace, tmp_path: Path) -> None:
    text = write_report(workspace, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Where your cells stand" in text
    assert "96 published values" in text


def test_what_is_no_li_rich_cathode_is_not_set_among_those(tmp_path: Path) -> None:
    write_digitised_cell(tmp_path / "files")
    workspace = Workspace.create(tmp_path / "ws")
    workspace.add([tmp_path / "files"], executor="serial")
    workspace.set_facts("Kim-2025-LRLO", {"composition": "LiCoO2"})
    workspace.analyse(executor="serial")
    data = collect(workspace)
    assert data.apart == "Not set among Li-rich cathodes: Kim-2025-LRLO (LiCoO2 is not Li-rich)."
    assert data.standings == ()
    assert literature_figures(data) == []
    text = write_report(workspace, tmp_path / "r.html").read_text(encoding="utf-8")
    assert data.apart in re.sub(r"<[^>]+>", "", text)


def test_a_comparison_that_cannot_be_made_is_said_not_hidden(workspace: Workspace) -> None:
    data = collect(workspace, by="sample")
    assert data.comparison is None
    assert "No comparison by sample" in data.notes[0]


def test_unknown_names_are_errors(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError):
        write_report(workspace, tmp_path / "r.html", cells=["no such cell"])
    with pytest.raises(UnknownNameError):
        write_report(workspace, tmp_path / "r.html", by="colour of the lid")
    assert list(tmp_path.iterdir()) == []


def test_the_peaks_of_the_real_cell_stand_where_the_figure_has_them_and_nothing_joins_two_windows(
    workspace: Workspace, tmp_path: Path
) -> None:
    view = workspace.cells["Kim-2025-LRLO"]
    charge = view.peaks.filter((pl.col("cycle_number") == 1) & (pl.col("direction") == "charge"))
    assert charge["dqdv_peak_voltage_v"].to_list() == pytest.approx([3.90, 4.52], abs=0.03)  # as published
    tenth = view.peaks.filter(pl.col("cycle_number") == 10)  # to 4.50 V, the first to 4.70 V
    given = [v for v in view.values if v.quantity == "dqdv_peak_voltage_v" and v.conditions.cycle == 10]
    assert sorted(v.value for v in given) == sorted(tenth["dqdv_peak_voltage_v"])
    assert all(trace["mode"] == "markers" for trace in view.plot("peaks").data)
    export(workspace, tmp_path / "out")
    assert pl.read_csv(tmp_path / "out" / "Kim-2025-LRLO.peaks.csv").height == view.peaks.height
    again = Workspace.create(tmp_path / "again")
    again.add([tmp_path / "out"], executor="serial")
    assert [t.raw.name for t in again.cells["Kim-2025-LRLO"].tests] == ["Kim-2025-LRLO.curve.csv"]

"""What *add*, *analyse* and *compare* say of the files of one test."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from lirich.model.table import CYCLE, TIME, UNIX_TIME
from lirich.readers import readers
from lirich.readers.bdf import write_bdf
from lirich.workbench import Workspace
from lirich.workbench.analyse import CODE, IMPEDANCE_CODE
from test_readers_core_checks import cell_test


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


def test_a_repair_of_all_files_that_one_of_them_does_not_call_for_is_said_with_the_command_that_makes_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Two months of a slow test, its last file of one rest: as written, rows of rest 30 h apart are no fault."""
    table = cell_test(cycles=2, capacity=False)
    scaled = table.with_columns(pl.col(TIME) * 3600.0)
    files = [
        write_bdf(part, tmp_path / f"B_{number}.bdf.csv")
        for number, part in enumerate((scaled.head(-40), scaled.tail(40)), start=1)
    ]
    facts = {"electrode": "cathode"}
    report = workspace.add(files, cell="B", facts=facts, repairs=["time-3600x"], executor="serial")
    assert [a.test.repairs for a in report.added] == [("time-3600x",), ()]
    (said,) = [f for f in report.findings if f.code == "repair-left-out"]
    assert said.severity == "warning"
    assert "made for B_1.bdf.csv and not for B_2.bdf.csv" in said.message
    assert said.advice == f"lirich add {files[1]} --cell B --repair 'time-3600x!'"
    report = workspace.add(files[1], cell="B", repairs=["time-3600x!"], executor="serial")
    assert "repair-left-out" not in [f.code for f in report.findings]
    workspace.analyse(executor="serial")
    assert workspace.cells["B"].table()[TIME][-1] == pytest.approx(table[TIME][-1], rel=1e-6)


def test_a_file_that_comes_later_is_held_against_what_was_repaired_before(workspace: Workspace, tmp_path: Path) -> None:
    table = cell_test(cycles=2, capacity=False).with_columns(pl.col(TIME) * 3600.0)
    first, second = (
        write_bdf(part, tmp_path / f"B {number}.bdf.csv")
        for number, part in enumerate((table.head(-40), table.tail(40)))
    )
    workspace.add(first, cell="B", repairs=["time-3600x"], executor="serial")
    (said,) = [f for f in workspace.add(second, cell="B", executor="serial").findings if f.code == "repair-left-out"]
    assert said.advice == f"lirich add '{second}' --cell B --repair 'time-3600x!'"


def test_a_file_that_is_read_anew_keeps_its_repair_or_says_how_it_is_made(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another version of its reader, where no repair is asked for: it is what was asked for before."""
    table = cell_test(cycles=2, capacity=False).with_columns(pl.col(TIME) * 3600.0)
    whole, rest = write_bdf(table, tmp_path / "A.bdf.csv"), write_bdf(table.tail(40), tmp_path / "B.bdf.csv")
    workspace.add(whole, repairs=["time-3600x"], executor="serial")
    workspace.add(rest, repairs=["time-3600x!"], executor="serial")
    monkeypatch.setattr(readers()["bdf"], "version", "2099")
    report = workspace.add([whole, rest], executor="serial")
    assert [(a.state, a.test.repairs) for a in report.added] == [("anew", ("time-3600x",)), ("anew", ())]
    (said,) = [f for f in report.findings if f.code == "repair-left-out"]
    assert said.message.startswith("time-3600x was made for B.bdf.csv when it was read before, and not now")
    assert said.advice == f"lirich add {rest} --cell B --repair 'time-3600x!'"
    assert "repair-not-needed" not in [f.code for f in report.findings]
    (again,) = workspace.add(rest, cell="B", repairs=["time-3600x!"], executor="serial").added
    assert again.test.repairs == ("time-3600x",)


def test_add_tells_the_rows_of_the_file_and_not_those_of_the_export_it_is_part_of(
    workspace: Workspace, tmp_path: Path
) -> None:
    table = cell_test(clock=True)
    (tmp_path / "old").mkdir()
    whole = write_bdf(table, tmp_path / "A.bdf.csv")
    part = write_bdf(table.head(1000), tmp_path / "old" / "A.bdf.csv")
    for path, rows, state in (
        (whole, table.height, "new"),
        (part, 1000, "older"),
        (part, 1000, "older"),
        (whole, table.height, "known"),
    ):
        (added,) = workspace.add(path, cell="A", executor="serial").added
        assert (added.rows, added.state) == (rows, state)
    assert workspace.add(whole, cell="A", executor="serial").to_dict()["added"][0]["rows"] == table.height


def test_analyse_says_of_which_run_and_file_a_warning_is(workspace: Workspace, tmp_path: Path) -> None:
    for name, later_s in (("a", 0.0), ("b", 500.0)):
        table = cell_test(clock=True).with_columns(pl.col(UNIX_TIME) + later_s)
        path = write_bdf(table, tmp_path / f"{name}.bdf.csv")
        workspace.add(path, cell="A", facts={"electrode": "cathode"}, executor="serial")
    report = workspace.analyse(executor="serial")
    assert len(workspace.cells["A"].analyses) == 2
    places = {f.where for f in report.findings}
    assert {"A, run 0 (a.bdf.csv)", "A, run 1 (b.bdf.csv)"} <= places
    assert all(place.startswith(("A, run 0 (a.bdf.csv)", "A, run 1 (b.bdf.csv)")) for place in places)


def test_findings_of_a_join_name_the_files(workspace: Workspace, tmp_path: Path) -> None:
    """Two hundred rows stand in both: they are counted once, and the pause between the files is known by them."""
    table = cell_test()
    table = table.with_columns((1 + 3 * pl.int_range(table.height) // table.height).alias(CYCLE))
    again = table.slice(1300)
    files = [
        write_bdf(table.head(1500), tmp_path / "A_1.bdf.csv"),
        write_bdf(again.with_columns(pl.col(TIME) - again[TIME][0]), tmp_path / "A_2.bdf.csv"),
    ]
    workspace.add(files, cell="A", facts={"electrode": "cathode"}, executor="serial")
    workspace.add(write_bdf(table, tmp_path / "W.bdf.csv"), cell="W", executor="serial")
    workspace.analyse(executor="serial")
    joined = [f for f in workspace.cells["A"].findings if f.code.startswith("join")]
    assert [f.code for f in joined] == ["join-rows-repeated"]
    assert joined[0].message == "A_2.bdf.csv begins with the last 200 rows of A_1.bdf.csv: they are taken once"
    assert workspace.cells["A"].cycles.height == workspace.cells["W"].cycles.height
    for column in ("charge_capacity_mah", "discharge_capacity_mah", "duration_second"):
        assert workspace.cells["A"].cycles[column].to_list() == pytest.approx(
            workspace.cells["W"].cycles[column].to_list()
        )


@pytest.mark.parametrize("clock", [True, False])
def test_compare_says_which_test_it_counts_twice(clock: bool, workspace: Workspace, tmp_path: Path) -> None:
    table = cell_test(clock=clock, noise_v=1e-4)
    other = cell_test(clock=clock, noise_v=1e-4, seed=1)
    files = {"SC-1": table.head(2600), "SC-2": table, "SC-3": other, "PC-1": table.head(-1)}
    folder = tmp_path / "files"
    folder.mkdir()
    for name, rows in files.items():
        write_bdf(rows, folder / f"{name}.bdf.csv")
    rows = "".join(f"{name}*,{name},{name[:2]}\n" for name in files)
    (folder / "cells.csv").write_text("file,cell,morphology\n" + rows)
    workspace.add(folder, facts={"electrode": "cathode"}, executor="serial")
    workspace.analyse(executor="serial")
    if set(workspace.cells) < set(files):
        pytest.fail("a cell is gone")
    said = [f for f in workspace.compare(by="morphology").findings if f.code == "test-in-two-cells"]
    assert sorted(f.message.split(" are ")[0] for f in said) == [
        "PC-1.bdf.csv of the cell PC-1 and SC-2.bdf.csv of the cell SC-2",
        "SC-1.bdf.csv of the cell SC-1 and PC-1.bdf.csv of the cell PC-1",
        "SC-1.bdf.csv of the cell SC-1 and SC-2.bdf.csv of the cell SC-2",
    ]
    assert {f.severity for f in said} == {"warning"}


def rests_on(module: str, known: set[str]) -> set[str]:
    """Return *module* and the modules of lirich that it imports, with theirs."""
    if module in known:
        return known
    known.add(module)
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lirich."):
            rests_on(str(node.module), known)
    return known


@pytest.mark.parametrize(("module", "code"), [("lirich.readers.join", CODE), ("lirich.cells.eis", IMPEDANCE_CODE)])
def test_an_analysis_is_known_by_all_code_that_joins_and_fits_what_it_was_made_from(
    module: str, code: tuple[str, ...]
) -> None:
    covered = {name for name in rests_on(module, set()) if any(f"{name}.".startswith(f"{each}.") for each in code)}
    assert rests_on(module, set()) - covered <= {"lirich.errors", "lirich.pieces", "lirich.lazily"}

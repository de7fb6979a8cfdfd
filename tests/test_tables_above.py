"""A table about cells speaks of the files in its folder and in those below that are added with it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal
from unicodedata import normalize

import pytest

from lirich.errors import ConflictingMetadataError
from lirich.model import Finding
from lirich.workbench import Workspace
from lirich.workbench.intake.add import AddReport
from lirich.workbench.intake.celltables import CellTable, Entry
from lirich.workbench.intake.reach import Reach
from test_workbench import write_curve


@pytest.fixture
def sub(tmp_path: Path) -> Path:
    """A folder of two weeks, with a file of one cell each."""
    folder = tmp_path / "sub"
    for week, name in enumerate(("SC-1", "SC-2"), start=1):
        (folder / f"Woche {week}").mkdir(parents=True)
        write_curve(folder / f"Woche {week}" / f"{name}.csv", seed=week)
    return folder


def said(report: AddReport, code: str) -> list[Finding]:
    return [f for f in report.findings if f.code == code]


def mass(workspace: Workspace, cell: str) -> float | None:
    return workspace.cells[cell].facts.active_mass_mg


@pytest.mark.parametrize("names", [("SC-1.csv", "SC-2.csv"), ("", ""), ("Woche 1/SC-1.csv", "Woche 2\\SC*.csv")])
def test_a_table_above_the_files_is_used(workspace: Workspace, sub: Path, names: tuple[str, str]) -> None:
    rows = "".join(f"{name},SC-{n},LRM,SC,5.{n},true\n" for n, name in enumerate(names, start=1))
    (sub / "cells.csv").write_text("file,cell,sample,morphology,active_mass_mg,simulated\n" + rows)
    report = workspace.add(sub, executor="serial")
    assert report.findings == []
    assert (mass(workspace, "SC-1"), mass(workspace, "SC-2")) == (5.1, 5.2)
    assert [workspace.cells[k].facts.simulated for k in ("SC-1", "SC-2")] == [True, True]
    assert workspace.samples["LRM"].morphology == "SC"
    (sub / "cells.csv").write_text("file,cell,active_mass_mg\nSC-2.csv,SC-2,5.2\n")
    report = workspace.add(sub, executor="serial")  # what the table above does not say any more is taken back
    assert {f.where for f in said(report, "fact-withdrawn")} == {"SC-1", "SC-2"}
    assert (mass(workspace, "SC-1"), mass(workspace, "SC-2")) == (None, 5.2)


def test_the_nearest_table_goes_before_one_above_and_what_differs_is_said(workspace: Workspace, sub: Path) -> None:
    head = "file,cell,active_mass_mg,temperature_celsius\n"
    (sub / "cells.csv").write_text(head + "SC-1.csv,SC-1,5,30\nSC-2.csv,SC-2,6,30\n")
    (sub / "Woche 1" / "cells.csv").write_text(head + "SC-1.csv,SC-1,7,\n")
    for _ in range(2):
        report = workspace.add(sub, executor="serial")
        assert [f.message for f in report.findings] == [
            "active_mass_mg of SC-1 is 7 in Woche 1/cells.csv, line 2 and 5 in sub/cells.csv, line 2; 7 is used"
        ]
        assert (mass(workspace, "SC-1"), mass(workspace, "SC-2")) == (7, 6)
        assert workspace.cells["SC-1"].facts.temperature_celsius == 30  # all that is said counts
    (sub / "Woche 1" / "cells.csv").write_text(head + "SC-1.csv,A,7,\n")
    report = workspace.add(sub, reassign=True, executor="serial")
    assert sorted(workspace.cells) == ["A", "SC-2"]
    assert [f.message for f in said(report, "row-without-file")] == [
        "sub/cells.csv, line 2: Woche 1/SC-1.csv is of another cell than SC-1, as the table nearer to it says"
    ]


def test_one_name_in_two_folders_is_refused_unless_the_row_says_which(workspace: Workspace, sub: Path) -> None:
    write_curve(sub / "Woche 2" / "SC-1.csv", seed=7)
    (sub / "cells.csv").write_text("file,cell,active_mass_mg\nSC-1.csv,A,5\nSC-2.csv,SC-2,6\n")
    report = workspace.add(sub, executor="serial")
    assert sorted(workspace.cells) == ["SC-2"]
    assert [Path(path).parent.name for path, _ in report.failed] == ["Woche 1", "Woche 2"]
    for _, error in report.failed:
        assert error.found == "cells.csv, line 2 is about SC-1.csv, which is in Woche 1 and in Woche 2"
        assert (
            error.advice
            == "Write the folder in the column file: Woche 1/SC-1.csv; or */SC-1.csv, if all are of one cell"
        )
    (sub / "cells.csv").write_text("file,cell,active_mass_mg\nWoche 1/SC-1.csv,A,5\nWoche 2/SC-1.csv,B,4\n")
    assert workspace.add(sub, executor="serial").failed == []
    assert (mass(workspace, "A"), mass(workspace, "B")) == (5, 4)


def test_a_table_that_is_not_used_is_said(workspace: Workspace, sub: Path) -> None:
    (sub / "notes").mkdir()
    (sub / "notes" / "cells.csv").write_text("file,cell,active_mass_mg\nSC-1.csv,SC-1,5\n")
    report = workspace.add(sub, executor="serial")
    (found,) = said(report, "table-not-used")
    assert found.message == "notes/cells.csv is not used: no file that was added is in its folder or below"
    (sub / "notes" / "cells.csv").rename(sub / "cells.csv")
    for path in (sub / "Woche 1", sub / "Woche 1" / "SC-1.csv"):
        (found,) = said(workspace.add(path, executor="serial"), "table-not-used")
        assert found.message == "The table about cells in sub is not used: it is above what was added"
        assert found.advice == f"To use it: lirich add {sub}"
    assert said(workspace.add(sub, executor="serial"), "table-not-used") == []
    assert said(workspace.add(sub / "Woche 1", executor="serial"), "table-not-used") == []  # the cell has its facts
    assert mass(workspace, "SC-1") == 5


def test_a_row_that_matches_no_file_says_whether_its_facts_are_used(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write_curve(folder / "Zelle1.csv")
    (folder / "cells.csv").write_text("file,cell,active_mass_mg\nZelle_1.csv,Zelle1,5.91\nX9.csv,X9,5\n")
    write_curve(folder / "Z2.csv", seed=2)
    report = workspace.add(folder, executor="serial")
    assert mass(workspace, "Zelle1") == 5.91
    assert [(f.message, f.advice) for f in said(report, "row-without-file")] == [
        (
            "cells.csv, line 2: no file here matches 'Zelle_1.csv' (cell Zelle1); its facts are used all the same, "
            "as other files are of Zelle1",
            "Correct the pattern: did you mean Zelle1.csv?",
        ),
        ("cells.csv, line 3: no file here matches 'X9.csv' (cell X9); its facts reach no cell", "Correct the pattern"),
    ]
    (folder / "cells.csv").write_text("file,cell,active_mass_mg\nz2.CSV,Z2,5\n")
    (found,) = said(workspace.add(folder, executor="serial"), "row-without-file")
    assert found.advice == "Correct the pattern: did you mean Z2.csv?"
    assert mass(workspace, "Z2") == 5


def row(cell: str | None, *patterns: str) -> Entry:
    return Entry(cell, None, patterns, {}, {}, "cells.csv")


@pytest.mark.parametrize(
    ("pattern", "files", "meant"),
    [
        ("Zelle[2].ndax", ["Zelle[2].ndax", "Zelle2.ndax"], ["Zelle[2].ndax"]),
        ("Zelle[2].ndax", ["Zelle2.ndax", "Zelle3.ndax"], ["Zelle2.ndax"]),
        ("Z1.NDAX", ["Z1.ndax"], ["Z1.ndax"]),
        ("Z1.csv", ["Z1.CSV", "Z1.csv"], ["Z1.csv"]),
        ("Z*.NDAX", ["Z1.ndax", "a/Z2.Ndax", "z3.ndax"], ["Z1.ndax", "a/Z2.Ndax"]),
        ("z1.ndax", ["Z1.ndax"], []),
        ("a/Z1.csv", ["Z1.csv", "a/Z1.csv", "b/a/Z1.csv"], ["a/Z1.csv"]),
        ("*/Z1.csv", ["Z1.csv", "a/Z1.csv", "b/Z1.csv"], ["a/Z1.csv", "b/Z1.csv"]),
        ("Z1.csv", ["Z1.csv", "a/Z1.csv"], ["Z1.csv"]),
    ],
)
def test_which_files_a_name_is_of(pattern: str, files: list[str], meant: list[str]) -> None:
    paths = [PurePosixPath(file) for file in files]
    reach = Reach(CellTable((row("A", pattern),)), {path: path.as_posix() for path in paths})
    assert [str(path) for path in paths if reach.rows(path)] == meant


def test_copies_in_two_folders_are_one_file_and_a_row_without_cell_is_of_all_that_it_fits() -> None:
    one, two = PurePosixPath("a/Z1.csv"), PurePosixPath("b/Z1.csv")
    assert all(Reach(CellTable((row("A", "Z1.csv"),)), {one: "same", two: "same"}).rows(p) for p in (one, two))
    assert all(Reach(CellTable((row(None, "Z*.csv"),)), {one: "1", two: "2"}).rows(p) for p in (one, two))
    for entry in (row("A", "Z*.csv"), row("Z1"), row(None, "Z1.csv")):
        with pytest.raises(ConflictingMetadataError, match="in a and in b"):
            Reach(CellTable((entry,)), {one: "1", two: "2"}).rows(one)


def test_a_row_about_no_file_of_its_folder_goes_after_the_tables_that_speak_of_the_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "d"
    for week, name in (("w1", "A"), ("w2", "B")):
        (folder / week).mkdir(parents=True)
        write_curve(folder / week / f"{name}.csv", seed=ord(name))
    head = "file,cell,sample,morphology,active_mass_mg,electrode\n"
    (folder / "cells.csv").write_text(f"{head}A.csv,A,S,SC,5,\nB.csv,B,S,SC,5,\n")
    (folder / "w1" / "cells.csv").write_text(f"{head}B.csv,B,S,PC,50,cathode\n")
    for _ in range(2):
        report = workspace.add(folder, executor="serial")
        assert (mass(workspace, "A"), mass(workspace, "B")) == (5, 5)
        assert workspace.cells["B"].facts.electrode == "cathode"  # all that is said counts
        assert workspace.samples["S"].morphology == "SC"
        assert ("active_mass_mg of B is 5 in d/cells.csv, line 3 and 50 in w1/cells.csv, line 2; 5 is used") in [
            f.message for f in said(report, "metadata-differs")
        ]
    (folder / "cells.csv").unlink()
    (folder / "w1" / "cells.csv").write_text(f"{head}A.csv,A,S,SC,5,\n")
    (folder / "w2" / "cells.csv").write_text(f"{head}A.csv,A,S,PC,50,\nB.csv,B,S,,6,\n")
    workspace.add(folder, executor="serial")
    assert (mass(workspace, "A"), mass(workspace, "B"), workspace.samples["S"].morphology) == (5, 6, "SC")


def test_the_table_read_last_holds_of_those_that_speak_of_files_of_a_cell(workspace: Workspace, sub: Path) -> None:
    for week, file in ((1, "SC-1"), (2, "SC-2")):
        (sub / f"Woche {week}" / "cells.csv").write_text(f"file,cell,active_mass_mg\n{file}.csv,Z,{week}\nx,Z,9\n")
    for _ in range(2):
        workspace.add(sub, executor="serial")
        assert mass(workspace, "Z") == 2


def test_a_row_about_no_file_says_what_became_of_its_facts(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    for week, name in (("w1", "A"), ("w2", "B")):
        (folder / week).mkdir(parents=True)
        write_curve(folder / week / f"{name}.csv", seed=ord(name))

    def found(path: Path, rows: str) -> str:
        (folder / "w2" / "cells.csv").write_text(f"file,cell,sample,morphology,active_mass_mg\nB.csv,B,S,,6\n{rows}\n")
        (finding,) = said(workspace.add(path, executor="serial"), "row-without-file")
        return finding.message.partition("); ")[2]

    assert found(folder / "w2", "A.csv,A,,,50") == "its facts reach no cell"
    for path in (folder, folder / "w2"):
        assert found(path, "A.csv,A,,,50") == "its facts are used all the same, as other files are of A"
    assert mass(workspace, "A") == 50
    (folder / "w1" / "cells.csv").write_text("file,cell,active_mass_mg\nA.csv,A,5\n")
    for path in (folder, folder / "w2"):
        assert found(path, "A.csv,A,,,50") == "no fact in use is from it; other files are of A"
    assert mass(workspace, "A") == 5
    assert found(folder, "x.csv,X,S,SC,") == "what it says of the sample S is used all the same"
    assert workspace.samples["S"].morphology == "SC"


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFD", "NFC"), ("NFC", "NFD"), ("NFD", "NFD")])
@pytest.mark.parametrize("pattern", ["Größe-1.csv", "Größe-?.csv", "Größe-1.CSV", ""])
def test_composed_and_decomposed_umlauts_are_one_name(
    workspace: Workspace, tmp_path: Path, on_disk: Literal["NFC", "NFD"], in_table: Literal["NFC", "NFD"], pattern: str
) -> None:
    path = tmp_path / "d" / normalize(on_disk, "Größe-1.csv")
    path.parent.mkdir()
    write_curve(path)
    assert workspace.add(path, executor="serial").failed == []
    assert list(workspace.cells) == ["Größe-1"]
    table = f"file,cell,sample,active_mass_mg\n{pattern},Größe-1,Füße,5\n"
    (path.parent / "cells.csv").write_text(normalize(in_table, table), encoding="utf-8")
    report = workspace.add(path.parent, executor="serial")
    assert (report.failed, said(report, "row-without-file")) == ([], [])
    assert (list(workspace.cells), list(workspace.samples)) == (["Größe-1"], ["Füße"])
    assert mass(workspace, "Größe-1") == 5
    workspace.add(path, cell=normalize(in_table, "Größe"), reassign=True, executor="serial")
    assert list(workspace.cells) == ["Größe"]
    assert path.exists()  # no file is renamed

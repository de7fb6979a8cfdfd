"""A running test that is exported again: one test, whichever export comes first, and nothing is lost."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from lirich.errors import ConflictingMetadataError
from lirich.model import Finding
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, TIME, UNIX_TIME, VOLTAGE
from lirich.readers.bdf import write_bdf
from lirich.store import Store
from lirich.workbench import Workspace
from test_readers_core_checks import cell_test


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


def written(table: pl.DataFrame, folder: Path, name: str = "cell.bdf.csv") -> Path:
    folder.mkdir(exist_ok=True)
    return write_bdf(table, folder / name)


def added(workspace: Workspace, path: Path, cell: str = "A") -> tuple[str, dict[str, Finding]]:
    report = workspace.add(path, cell=cell, facts={"electrode": "cathode"}, executor="serial")
    assert not report.failed
    return report.added[0].state, {f.code: f for f in report.findings}


TEST = cell_test(clock=True, cycles=3)
EXPORTS = {"day-1": TEST.head(1500), "day-2": TEST.head(4000), "day-3": TEST}


@pytest.mark.parametrize("order", list(itertools.permutations(EXPORTS)))
def test_exports_of_one_test_in_any_order_are_one_run_of_the_longest(
    order: tuple[str, ...], workspace: Workspace, tmp_path: Path
) -> None:
    files = {name: written(EXPORTS[name], tmp_path / name) for name in order}
    states = [added(workspace, files[name])[0] for name in order]
    longest = [max(EXPORTS[n].height for n in order[: i + 1]) == EXPORTS[order[i]].height for i in range(3)]
    assert states == ["new", *("longer" if longest[i] else "older" for i in (1, 2))]
    (test,) = workspace.cells["A"].tests
    assert test.rows == TEST.height
    assert len(test.replaces) == 2
    for file in test.files:  # nothing is lost
        assert workspace.store.raw_path(file.sha256, verify=True).is_file()
    assert not [f for f in workspace.check() if f.severity != "info" or f.code == "orphan-raw"]
    workspace.analyse(executor="serial")
    assert len(workspace.cells["A"].analyses) == 1
    assert workspace.cells["A"].cycles.height == 3


def test_a_file_that_has_grown_is_looked_for_among_the_tests_that_were_there_once(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own rows and those of the older export are read for that, and again where it is entered: twice two curves."""
    added(workspace, written(EXPORTS["day-1"], tmp_path / "day-1"))
    read, keys = Store.read_curve, []

    def counted(store: Store, key: str, **how: object) -> pl.DataFrame:
        keys.append(key)
        return read(store, key, **how)

    monkeypatch.setattr(Store, "read_curve", counted)
    assert added(workspace, written(EXPORTS["day-2"], tmp_path / "day-2"))[0] == "longer"
    assert sorted(Counter(keys).values()) == [2, 2]


def test_files_without_clocks_that_begin_unlike_are_read_once_each_to_be_told_apart(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9):
        table = cell_test(cycles=1).with_columns(pl.col(VOLTAGE) + n * 1e-3)
        written(table, tmp_path / "folder", f"cell{n}.bdf.csv")
    read, keys = Store.read_curve, []

    def counted(store: Store, key: str, **how: object) -> pl.DataFrame:
        keys.append(key)
        return read(store, key, **how)

    monkeypatch.setattr(Store, "read_curve", counted)
    report = workspace.add(tmp_path / "folder", executor="serial")
    assert len(workspace.cells) == 9
    assert "test-in-two-cells" not in {f.code for f in report.findings}
    assert sorted(Counter(keys).values()) == [1] * 9


def test_the_catalogue_does_not_depend_on_the_order(tmp_path: Path) -> None:
    prints = set()
    for number, order in enumerate(itertools.permutations(EXPORTS)):
        with Workspace.create(tmp_path / f"ws{number}") as workspace:
            for name in order:
                added(workspace, written(EXPORTS[name], tmp_path / name))
            prints.add(workspace.store.fingerprint())
    assert len(prints) == 1


def test_add_says_which_file_replaces_which_with_name_and_time(workspace: Workspace, tmp_path: Path) -> None:
    old, new = written(EXPORTS["day-1"], tmp_path / "a", "old.bdf.csv"), written(TEST, tmp_path / "b", "new.bdf.csv")
    added(workspace, old)
    _, found = added(workspace, new)
    message = found["export-replaced"].message
    assert f"new.bdf.csv ({TEST.height} rows) begins with all 1500 rows of old.bdf.csv (added 20" in message
    assert "UTC) and replaces it; the older file is kept" in message
    state, found = added(workspace, old)
    assert state == "older"
    assert "old.bdf.csv: an older export or a copy" in found["export-older"].message
    assert added(workspace, new) == ("known", {})


def test_other_digits_are_the_same_test_where_the_clocks_agree(workspace: Workspace, tmp_path: Path) -> None:
    coarse = EXPORTS["day-2"].with_columns(pl.col(VOLTAGE).round(3), pl.col(UNIX_TIME).round(0), pl.col(TIME).round(0))
    added(workspace, written(coarse, tmp_path / "a"))
    assert added(workspace, written(TEST, tmp_path / "b"))[0] == "longer"


def test_a_last_row_that_was_cut_does_not_hide_the_rest(workspace: Workspace, tmp_path: Path) -> None:
    last = pl.int_range(pl.len()) == 1499
    cut = EXPORTS["day-1"].with_columns(pl.when(last).then(3.0).otherwise(pl.col(VOLTAGE)).alias(VOLTAGE))
    added(workspace, written(cut, tmp_path / "a"))
    assert added(workspace, written(TEST, tmp_path / "b"))[0] == "longer"


def test_an_export_with_more_columns_replaces_one_with_as_many_rows(workspace: Workspace, tmp_path: Path) -> None:
    bare = TEST.select(TIME, VOLTAGE, CURRENT, UNIX_TIME)
    added(workspace, written(bare, tmp_path / "a"))
    assert added(workspace, written(TEST, tmp_path / "b"))[0] == "longer"
    assert added(workspace, written(bare, tmp_path / "a"))[0] == "older"
    (test,) = workspace.cells["A"].tests
    assert "charging_capacity_ah" in workspace.store.read_curve(test.curve).columns


def last_row(table: pl.DataFrame, **changes: float) -> pl.DataFrame:
    """The table with these values in its last row."""
    last = pl.int_range(pl.len()) == table.height - 1
    return table.with_columns(pl.when(last).then(v).otherwise(pl.col(c)).alias(c) for c, v in changes.items())


DAY_1 = EXPORTS["day-1"]
GONE_ON = last_row(DAY_1, test_time_second=DAY_1[TIME][-1] + 20, unix_time_second=DAY_1[UNIX_TIME][-1] + 20)
CORRECTED = last_row(DAY_1, voltage_volt=3.0)


@pytest.mark.parametrize("first", ["cut", "gone on"])
def test_of_two_exports_with_as_many_rows_that_one_counts_whose_last_row_is_later(
    first: str, workspace: Workspace, tmp_path: Path
) -> None:
    cut, later = written(DAY_1, tmp_path / "a", "cut.csv"), written(GONE_ON, tmp_path / "b", "later.csv")
    os.utime(cut, (2e9, 2e9))  # a copy has the time of copying: the row says more
    added(workspace, cut if first == "cut" else later)
    state, found = added(workspace, later if first == "cut" else cut)
    assert state == ("longer" if first == "cut" else "older")
    (test,) = workspace.cells["A"].tests
    assert (test.raw.name, [f.name for f in test.replaces]) == ("later.csv", ["cut.csv"])
    (told,) = [f for code, f in found.items() if code.startswith("export-")]
    assert "its last row is later" in told.message
    assert told.severity == "info"


@pytest.mark.parametrize("first", ["old", "new"])
def test_where_the_last_rows_have_one_time_the_times_of_the_files_tell_the_newer_one(
    first: str, workspace: Workspace, tmp_path: Path
) -> None:
    old, new = written(DAY_1, tmp_path / "a", "old.csv"), written(CORRECTED, tmp_path / "b", "new.csv")
    os.utime(old, (1.7e9, 1.7e9))
    os.utime(new, (1.7e9 + 3600, 1.7e9 + 3600))
    added(workspace, old if first == "old" else new)
    state, found = added(workspace, new if first == "old" else old)
    assert state == ("longer" if first == "old" else "older")
    assert [t.raw.name for t in workspace.cells["A"].tests] == ["new.csv"]
    (told,) = [f for code, f in found.items() if code.startswith("export-")]
    assert "its file was written later" in told.message
    # a copy of the older one made today is still the older one
    os.utime(old, (2e9, 2e9))
    assert added(workspace, old)[0] == "older"
    assert added(workspace, new)[0] == "known"


def test_where_nothing_tells_the_newer_export_the_one_added_last_counts_and_add_says_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    files = [written(DAY_1, tmp_path / "a", "b.csv"), written(CORRECTED, tmp_path / "b", "a.csv")]
    for path in files:
        os.utime(path, (1.7e9, 1.7e9))
    added(workspace, files[0])
    state, found = added(workspace, files[1])
    assert state == "longer"
    told = found["export-order-unknown"]
    assert told.severity == "warning"
    assert "a.csv counts, which was added last" in told.message
    (test,) = workspace.cells["A"].tests
    assert f"lirich cells A --remove-file {test.raw.sha256[:12]}, then add b.csv again" in told.advice
    assert {added(workspace, path)[0] for path in files} == {"older", "known"}  # they take no turns
    workspace.remove_file("A", test.raw.sha256[:12])
    assert added(workspace, files[0])[0] == "new"


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_two_such_exports_in_one_add_the_last_name_counts_whichever_is_read_first(
    order: tuple[str, ...], workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    for name, table in (("e 9.csv", DAY_1), ("e 10.csv", CORRECTED)):
        os.utime(written(table, folder, name), (1.7e9, 1.7e9))
    files = [folder / {"a": "e 9.csv", "b": "e 10.csv"}[each] for each in order]
    report = workspace.add(files, cell="A", executor="serial")
    assert [t.raw.name for t in workspace.cells["A"].tests] == ["e 10.csv"]
    assert [f.code for f in report.findings if f.severity == "warning"] == ["export-order-unknown"]


@pytest.mark.parametrize(
    "other",
    [
        TEST.gather_every(2),
        TEST.with_columns(pl.col(VOLTAGE) + 0.002),
        TEST.with_columns(pl.col(UNIX_TIME) + 7200.0),
    ],
    ids=["every other row", "another cell", "another channel"],
)
def test_what_is_no_prefix_is_told_with_names_and_times_when_it_is_added(
    other: pl.DataFrame, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = itertools.count(1.7e9, 86_400.0)
    monkeypatch.setattr("lirich.workbench.intake.register.time", SimpleNamespace(time=lambda: next(days)))
    added(workspace, written(EXPORTS["day-1"], tmp_path / "a"))
    state, found = added(workspace, written(other, tmp_path / "b"))
    assert state == "new"
    message = found["join-overlap"].message
    assert "cell.bdf.csv (added 2023-11-14 22:13:20 UTC) and cell.bdf.csv (added 2023-11-15 22:13:20 UTC)" in message
    workspace.analyse(executor="serial")
    assert len(workspace.cells["A"].analyses) == 2
    assert message in {f.message for a in workspace.cells["A"].analyses for f in a.findings}


def test_exports_that_overlap_in_the_same_rows_are_one_run(workspace: Workspace, tmp_path: Path) -> None:
    rows = TEST.height
    parts = (TEST.head(2 * rows // 3), TEST.slice(rows // 3))
    for name, part in zip(("a.bdf.csv", "b.bdf.csv"), parts, strict=True):
        found = added(workspace, written(part, tmp_path, name))[1]
        assert "join-overlap" not in found
    workspace.analyse(executor="serial")
    cell = workspace.cells["A"]
    (analysis,) = cell.analyses
    assert "join-rows-repeated" in {f.code for f in analysis.findings}
    assert not workspace.analyse(executor="serial").analysed
    with Workspace.create(tmp_path / "of the whole") as other:
        added(other, written(TEST, tmp_path, "whole.bdf.csv"))
        other.analyse(executor="serial")
        assert cell.cycles.equals(other.cells["A"].cycles)


def test_without_clocks_only_the_same_numbers_are_the_same_test(workspace: Workspace, tmp_path: Path) -> None:
    bare = TEST.drop(UNIX_TIME)
    added(workspace, written(bare.head(1500), tmp_path / "a"))
    assert added(workspace, written(bare, tmp_path / "b"))[0] == "longer"
    near = [bare.with_columns(pl.col(VOLTAGE) + 1e-3 + more) for more in (0.0, 1e-6)]
    added(workspace, written(near[0].head(1400), tmp_path / "a"), cell="B")
    assert added(workspace, written(near[1], tmp_path / "c"), cell="B")[0] == "new"


def test_a_rest_without_clock_is_no_evidence(workspace: Workspace, tmp_path: Path) -> None:
    rest = cell_test(cycles=1, rest_h=2.0).filter(pl.col(CURRENT) == 0).select(TIME, VOLTAGE, CURRENT).head(20)
    rest = rest.with_columns(pl.lit(3.0).alias(VOLTAGE))
    longer = rest.vstack(rest.with_columns(pl.col(TIME) + rest[TIME][-1] + 30.0, pl.lit(1e-3).alias(CURRENT)))
    added(workspace, written(rest, tmp_path / "a"))
    assert added(workspace, written(longer, tmp_path / "b"))[0] == "new"


def test_a_real_file_that_grew_under_its_name_is_one_run(
    workspace: Workspace, shared_data: Path, tmp_path: Path
) -> None:
    lines = (shared_data / "cycling" / "neware_export_uio.csv").read_text(encoding="utf-8").splitlines()
    for folder, rows in (("monday", 4000), ("friday", len(lines))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "uio.csv").write_text("\n".join(lines[:rows]) + "\n", encoding="utf-8")
    assert added(workspace, tmp_path / "monday" / "uio.csv")[0] == "new"
    assert added(workspace, tmp_path / "friday" / "uio.csv")[0] == "longer"
    workspace.analyse(executor="serial")
    assert len(workspace.cells["A"].analyses) == 1
    assert workspace.cells["A"].tests[0].rows == 9065


def test_an_export_that_was_replaced_is_still_known_to_be_of_its_cell(workspace: Workspace, tmp_path: Path) -> None:
    old = written(EXPORTS["day-1"], tmp_path / "a", "monday.bdf.csv")
    added(workspace, old)
    added(workspace, written(TEST, tmp_path / "b"))
    before = workspace.store.fingerprint()
    report = workspace.add(old, executor="serial")  # nobody names its cell
    assert [(a.cell, a.state) for a in report.added] == [("A", "older")]
    report = workspace.add(old, cell="B", executor="serial")
    assert [type(error) for _, error in report.failed] == [ConflictingMetadataError]
    assert "an older export of cell.bdf.csv, a test of the cell 'A'" in str(report.failed[0][1])
    assert workspace.store.fingerprint() == before
    report = workspace.add(old, cell="B", reassign=True, executor="serial")  # the test would be in two cells
    assert str(report.failed[0][1].advice).endswith("lirich add cell.bdf.csv --cell B --reassign")
    assert workspace.store.fingerprint() == before
    added_to_b = workspace.add(tmp_path / "b" / "cell.bdf.csv", cell="B", reassign=True, executor="serial").added
    assert [(a.cell, a.state) for a in added_to_b] == [("B", "moved")]
    assert [(a.cell, a.state) for a in workspace.add(old, executor="serial").added] == [("B", "older")]
    assert list(workspace.cells) == ["B"]


@pytest.mark.parametrize("rows", [1500, TEST.height])
def test_an_older_export_takes_no_other_cell_and_the_advice_leads_to_one_cell_with_all_that_was_said(
    workspace: Workspace, tmp_path: Path, rows: int
) -> None:
    whole = written(TEST, tmp_path / "a", "old.csv")
    shorter = written(
        TEST.head(rows) if rows < TEST.height else TEST.drop(CHARGED, DISCHARGED), tmp_path / "a", "other.csv"
    )
    workspace.add(whole, executor="serial")
    workspace.set_facts("old", {"active_mass_mg": 11})
    before = workspace.store.fingerprint()
    report = workspace.add(shorter, cell="NAME", reassign=True, executor="serial")
    assert report.failed[0][1].advice.endswith("first lirich add old.csv --cell NAME --reassign")
    assert workspace.store.fingerprint() == before
    report = workspace.add(shorter, executor="serial")
    (said,) = [f for f in report.findings if f.code == "export-renamed"]
    assert said.advice.endswith(": lirich add old.csv --cell NAME --reassign")
    assert not workspace.add(whole, cell="NAME", reassign=True, executor="serial").failed
    assert list(workspace.cells) == ["NAME"]
    assert workspace.cells["NAME"].facts.active_mass_mg == 11
    assert workspace.add(shorter, executor="serial").added[0].cell == "NAME"


def test_a_newer_export_with_as_many_rows_takes_the_test_along_to_its_cell(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.add(written(DAY_1, tmp_path / "a", "old.csv"), executor="serial")
    workspace.set_facts("old", {"active_mass_mg": 11})
    gone_on = written(GONE_ON, tmp_path / "b", "new.csv")
    report = workspace.add(gone_on, cell="NAME", reassign=True, executor="serial")
    assert not report.failed
    assert {key: [t.raw.name for t in view.tests] for key, view in workspace.cells.items()} == {"NAME": ["new.csv"]}
    assert workspace.cells["NAME"].facts.active_mass_mg == 11


def test_a_folder_whose_cell_gets_another_name_takes_its_older_exports_along(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name, rows in (("a-first", 1500), ("long", TEST.height)):
        written(TEST.head(rows), tmp_path / "a", f"{name}.csv")
    workspace.add(tmp_path / "a", cell="A", executor="serial")
    written(TEST.head(1000), tmp_path / "a", "a-second.csv")
    (tmp_path / "a" / "cells.csv").write_text("file,cell\n*.csv,NAME\n")
    report = workspace.add(tmp_path / "a", reassign=True, executor="serial")
    assert not report.failed
    assert not [f for f in report.findings if f.code in ("export-renamed", "test-in-two-cells")]
    assert {key: [t.rows for t in view.tests] for key, view in workspace.cells.items()} == {"NAME": [TEST.height]}


def test_an_older_export_that_moves_to_the_cell_of_the_longer_one_is_said_to_have_moved(
    workspace: Workspace, tmp_path: Path
) -> None:
    old = written(EXPORTS["day-1"], tmp_path / "a")
    written(TEST, tmp_path / "a", "b.csv")
    (tmp_path / "a" / "cells.csv").write_text("file,cell\ncell.bdf.csv,A\nb.csv,B\n")
    workspace.add(tmp_path / "a", executor="serial")
    workspace.set_facts("A", {"active_mass_mg": 7})
    report = workspace.add(old, cell="B", reassign=True, executor="serial")
    assert [(a.cell, a.state) for a in report.added] == [("B", "older")]
    (moved,) = [f.message for f in report.findings if f.code == "read-again"]
    assert moved == "cell.bdf.csv was moved from A to B, with what you said of A: active_mass_mg"
    assert list(workspace.cells) == ["B"]


def test_a_fact_of_the_older_file_stands_again_when_what_was_said_by_hand_is_taken_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    old = written(EXPORTS["day-1"], tmp_path / "a", "old.csv")
    (tmp_path / "a" / "cells.csv").write_text("file,active_mass_mg\nold.csv,5\n")
    workspace.add(old, executor="serial")
    added(workspace, written(TEST, tmp_path / "b", "new.csv"), cell="old")
    workspace.set_facts("old", {"active_mass_mg": 6})
    assert [f.code for f in workspace.set_facts("old", {"active_mass_mg": None})] == ["fact-stands-again"]
    assert workspace.cells["old"].facts.active_mass_mg == 5


def test_a_row_about_the_older_file_still_speaks_for_the_cell(workspace: Workspace, tmp_path: Path) -> None:
    old, new = (written(t, tmp_path / "a", n) for t, n in ((EXPORTS["day-1"], "old.csv"), (TEST, "new.csv")))
    (tmp_path / "a" / "cells.csv").write_text("file,active_mass_mg,furnace\nold.csv,5,\nnew.csv,,B\n")
    workspace.add(old, executor="serial")
    for state in ("longer", "known"):
        report = workspace.add(new, cell="old", executor="serial")
        assert [a.state for a in report.added] == [state]
        assert "fact-withdrawn" not in [f.code for f in report.findings]
        assert workspace.cells["old"].facts.active_mass_mg == 5


def test_a_curve_that_is_lost_keeps_no_other_file_out(workspace: Workspace, tmp_path: Path) -> None:
    lost, middle = (written(EXPORTS[day], tmp_path / day) for day in ("day-1", "day-2"))
    added(workspace, lost)
    for curve in (workspace.root / "curves").rglob("*.parquet"):
        curve.unlink()
    assert added(workspace, middle)[0] == "new"
    assert added(workspace, written(TEST, tmp_path / "day-3"))[0] == "longer"  # the others are compared as ever
    assert {t.rows for t in workspace.cells["A"].tests} == {1500, TEST.height}
    assert added(workspace, lost)[0] == "older"  # when it is back, it is compared too
    (test,) = workspace.cells["A"].tests
    assert (test.rows, len(test.replaces)) == (TEST.height, 2)


def test_a_longer_export_whose_curve_was_lost_replaces_the_others_when_it_is_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    lost = written(TEST, tmp_path / "day-3")
    added(workspace, lost)
    for curve in (workspace.root / "curves").rglob("*.parquet"):
        curve.unlink()
    assert added(workspace, written(EXPORTS["day-1"], tmp_path / "day-1"))[0] == "new"
    state, found = added(workspace, lost)
    assert (state, "export-replaced" in found, "read-again" in found) == ("longer", True, False)
    (test,) = workspace.cells["A"].tests
    assert (test.rows, len(test.replaces)) == (TEST.height, 1)

"""The names of cells: who chose them, what goes along when they change, and files that are there twice."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import run
from conftest import on_both
from lirich.errors import ConflictingMetadataError, InputError, MetadataError, UnknownNameError
from lirich.model import Recipe
from lirich.readers.bdf_impedance import write_bdf_impedance
from lirich.testing.digitised import CELL_KEY, DATA_NAME, write_digitised_cell
from lirich.workbench import Workspace
from lirich.workbench.export import export, left_out
from lirich.workbench.intake.addreport import AddReport
from lirich.workbench.intake.celltables import Entry
from lirich.workbench.intake.differing import FACT_CODES
from lirich.workbench.intake.metadata import resolve
from lirich.workbench.intake.table_files import read_cell_tables
from test_spectra import spectrum
from test_workbench import write_curve


@pytest.fixture
def say(workspace: Workspace, tmp_path: Path) -> Callable[[str], AddReport]:
    """Write a cells.csv beside the files SC-3 and SC-2, or none, and add their folder."""
    folder = tmp_path / "files"
    folder.mkdir()
    for seed, name in enumerate(("SC-2", "SC-3")):
        write_curve(folder / f"{name}.csv", seed=seed)

    def add(table: str) -> AddReport:
        if table:
            (folder / "cells.csv").write_text(table)
        return workspace.add(folder, executor="serial")

    return add


HAND = {"active_mass_mg": 8.47, "temperature_celsius": 45, "furnace": "B", "morphology": "SC", "dopant": "Nb"}


@on_both
def test_what_was_said_by_hand_goes_with_the_files_to_the_name_that_a_table_gives(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    say("")
    workspace.set_facts("SC-3", HAND)
    workspace.correct("SC-3", (1, 2), "conditioning")
    report = say("file,cell,sample,active_mass_mg,morphology\nSC-3.csv,LRM-7,LRM,9.0,SC\n")
    assert list(workspace.cells) == ["LRM-7", "SC-2"]
    view = workspace.cells["LRM-7"]
    assert (view.facts.active_mass_mg, view.facts.temperature_celsius, view.facts.extra) == (8.47, 45, {"furnace": "B"})
    assert (view.facts.sample, workspace.samples["LRM"].dopant) == ("LRM", "Nb")
    assert {view.facts.sources[name] for name in ("active_mass_mg", "temperature_celsius", "furnace")} == {"you"}
    assert workspace.store.corrections("LRM-7") == [
        {"first_cycle": 1, "last_cycle": 2, "kind": "conditioning", "note": ""}
    ]
    assert workspace.store.corrections("SC-3") == []
    assert workspace.samples["SC-3"].dopant is None  # another cell of that name would be of another material
    differing = [f for f in report.findings if f.code == "metadata-differs"]
    assert [f.message.split(";")[0] for f in differing] == ["active_mass_mg of LRM-7 is 8.47, as set by you"]
    (moved,) = [f.message for f in report.findings if f.code == "read-again"]
    assert moved.startswith("SC-3.csv was moved from SC-3 to LRM-7, with what you said of SC-3: active_mass_mg, ")
    assert "1 segment" in moved
    told = [(c.key, c.field, c.after) for c in view.history]
    assert ("SC-3", "active_mass_mg", 8.47) in told  # the history goes along
    assert ("SC-3", "cell", "now LRM-7") in told
    # again: nothing moves, and the difference is still said
    assert [f.code for f in say("file,cell,sample,active_mass_mg\nSC-3.csv,LRM-7,LRM,9.0\n").findings][:1] == [
        "metadata-differs"
    ]
    assert workspace.cells["LRM-7"].facts.active_mass_mg == 8.47


def test_a_table_that_keeps_the_old_name_as_that_of_the_sample_keeps_its_facts(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    say("")
    workspace.set_facts("SC-3", HAND)
    say("file,cell,sample\nSC-3.csv,LRM-7,SC-3\n")
    view = workspace.cells["LRM-7"]
    assert view.sample is not None
    assert (view.sample.key, view.sample.morphology, view.sample.dopant) == ("SC-3", "SC", "Nb")
    assert view.sample.sources["dopant"] == "you"


def test_a_cell_whose_sample_another_one_shares_keeps_it_under_every_name(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say("")
    workspace.set_facts("SC-3", {"morphology": "SC", "dopant": "Nb"})
    workspace.set_facts("SC-2", {"sample": "SC-3"})
    for name in ("LRM-7", "LRM-8"):
        workspace.add(tmp_path / "files" / "SC-3.csv", cell=name, reassign=True, executor="serial")
        assert (workspace.cells[name].facts.sample, workspace.cells["SC-2"].facts.sample) == ("SC-3", "SC-3")
    assert workspace.samples["SC-3"].dopant == "Nb"


def test_the_recipe_of_a_sample_goes_along(workspace: Workspace, say: Callable[[str], AddReport]) -> None:
    say("")
    workspace.set_facts("SC-3", {"morphology": "SC"})
    workspace.store.put_sample(workspace.samples["SC-3"].model_copy(update={"recipe": Recipe()}))
    say("file,cell\nSC-3.csv,LRM-7\n")
    sample = workspace.samples["LRM-7"]
    assert (sample.recipe, sample.morphology) == (Recipe(), "SC")
    assert (workspace.samples["SC-3"].recipe, workspace.samples["SC-3"].morphology) == (None, None)


def test_a_file_that_comes_to_a_cell_brings_what_was_said_of_its_own_but_that_stays(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    say("file,cell\nSC-2.csv,B\n")
    workspace.set_facts("B", {"active_mass_mg": 6, "dopant": "Zr"})
    workspace.set_facts("SC-3", {**HAND, "temperature_celsius": 30})
    workspace.correct("SC-3", (1, 2), "conditioning")
    report = say("file,cell\nSC-2.csv,B\nSC-3.csv,B\n")
    view = workspace.cells["B"]
    assert (view.facts.active_mass_mg, view.facts.temperature_celsius, view.facts.extra) == (6, 30, {"furnace": "B"})
    assert view.sample is not None
    assert (view.sample.dopant, view.sample.morphology) == ("Zr", "SC")
    said = {f.message for f in report.findings if f.code == "metadata-differs"}
    assert said == {
        f"{name} of B is {kept}, as set by you; of SC-3, whose files came to it, you said {other}; {kept} is used"
        for name, kept, other in (("active_mass_mg", 6, 8.47), ("dopant", "Zr", "Nb"))
    }
    # its cycles may be counted anew among those of the other file
    assert [f.code for f in report.findings if f.severity == "warning"].count("segments-moved") == 1


def test_all_files_of_a_joined_cell_take_its_facts_along_when_the_last_one_goes(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write_curve(folder / "P_1.csv", start_unix=1e9)
    write_curve(folder / "P_2.csv", start_unix=1e9 + 20_000, first_cycle=3)
    workspace.add(folder, executor="serial")
    assert list(workspace.cells) == ["P"]
    workspace.set_facts("P", HAND)
    workspace.correct("P", (1, 1), "conditioning")
    (folder / "cells.csv").write_text("file,cell\nP_*.csv,LRM-9\n")
    report = workspace.add(folder, executor="serial")
    assert list(workspace.cells) == ["LRM-9"]
    assert len(workspace.store.corrections("LRM-9")) == 1
    assert "segments-moved" not in [f.code for f in report.findings]  # its cycles have the numbers that they had
    assert workspace.cells["LRM-9"].facts.active_mass_mg == 8.47
    assert len(workspace.cells["LRM-9"].tests) == 2


def test_what_was_said_of_a_cell_that_keeps_a_file_stays_with_it(workspace: Workspace, tmp_path: Path) -> None:
    for seed, name in enumerate(("x", "y")):
        write_curve(tmp_path / f"{name}.csv", seed=seed)
    workspace.add([tmp_path / "x.csv", tmp_path / "y.csv"], cell="A", facts=HAND, executor="serial")
    workspace.add(tmp_path / "y.csv", cell="B", reassign=True, executor="serial")
    assert (workspace.cells["A"].facts.active_mass_mg, workspace.cells["B"].facts.active_mass_mg) == (8.47, None)
    workspace.add(tmp_path / "x.csv", cell="C", facts={"furnace": "D"}, reassign=True, executor="serial")
    facts = workspace.cells["C"].facts
    assert (facts.active_mass_mg, facts.extra) == (8.47, {"furnace": "D"})  # what is said now goes before


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_name_that_somebody_chose_gives_way_to_none_even_if_it_is_that_of_the_file(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path, by_hand: bool
) -> None:
    if by_hand:
        workspace.add(tmp_path / "files" / "SC-2.csv", cell="SC-2", executor="serial")
    else:
        say("file,cell\nSC-2.csv,SC-2\n")
    report = workspace.add(tmp_path / "files" / "SC-2.csv", cell="SC-99", executor="serial")
    assert [type(error) for _, error in report.failed] == [ConflictingMetadataError]
    report = say("file,cell\nSC-2.csv,SC-98\n")
    assert [Path(path).name for path, _ in report.failed] == ["SC-2.csv"]
    assert "SC-2" in workspace.cells
    workspace.add(tmp_path / "files" / "SC-2.csv", cell="SC-99", reassign=True, executor="serial")
    assert "SC-2" not in workspace.cells


def test_going_there_and_back_keeps_the_history_finite(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say("")
    workspace.set_facts("SC-3", {"active_mass_mg": 5})
    for name in ("A", "B", "A"):
        workspace.add(tmp_path / "files" / "SC-3.csv", cell=name, reassign=True, executor="serial")
    told = [(c.key, c.before, c.after) for c in workspace.cells["A"].history if c.field == "active_mass_mg"]
    assert told[0] == ("SC-3", None, 5)
    assert workspace.cells["A"].facts.active_mass_mg == 5


def _masses(workspace: Workspace) -> dict[str, tuple[list[str], float | None]]:
    return {key: ([t.raw.name for t in view.tests], view.facts.active_mass_mg) for key, view in workspace.cells.items()}


def test_names_that_are_shifted_mix_no_cells(workspace: Workspace, say: Callable[[str], AddReport]) -> None:
    say("")
    workspace.set_facts("SC-2", {"active_mass_mg": 2, "morphology": "SC"})
    workspace.set_facts("SC-3", {"active_mass_mg": 3, "morphology": "PC"})
    report = say("file,cell\nSC-2.csv,SC-3\nSC-3.csv,SC-4\n")
    assert not report.failed
    assert _masses(workspace) == {"SC-3": (["SC-2.csv"], 2), "SC-4": (["SC-3.csv"], 3)}
    assert {key: view.sample.morphology for key, view in workspace.cells.items() if view.sample} == {
        "SC-3": "SC",
        "SC-4": "PC",
    }
    assert not [f for f in report.findings if f.severity == "warning"]


def test_names_that_are_swapped_are_refused_and_two_steps_do_it(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say("")
    workspace.set_facts("SC-2", {"active_mass_mg": 2})
    workspace.set_facts("SC-3", {"active_mass_mg": 3})
    before = workspace.store.fingerprint()
    report = say("file,cell\nSC-2.csv,SC-3\nSC-3.csv,SC-2\n")
    assert [(Path(p).name, type(e)) for p, e in report.failed] == [
        ("SC-2.csv", ConflictingMetadataError),
        ("SC-3.csv", ConflictingMetadataError),
    ]
    assert "add them with --reassign" in report.failed[0][1].advice
    assert workspace.store.fingerprint() == before
    assert not say("file,cell\nSC-2.csv,new\nSC-3.csv,SC-2\n").failed
    (tmp_path / "files" / "cells.csv").write_text("file,cell\nSC-2.csv,SC-3\nSC-3.csv,SC-2\n")
    assert not workspace.add(tmp_path / "files", reassign=True, executor="serial").failed
    assert _masses(workspace) == {"SC-2": (["SC-3.csv"], 3), "SC-3": (["SC-2.csv"], 2)}


def curve(path: Path, seed: int, cycles: int = 2, *, clock: bool = True, **more: int) -> None:
    """A file of `write_curve` whose clock begins on a day of its own."""
    write_curve(path, seed=seed, cycles=cycles, start_unix=1.7e9 + 1e6 * seed if clock else None, **more)


def _warned(report: AddReport) -> list[str]:
    return [f.code for f in report.findings if f.severity == "warning"]


@pytest.fixture(params=[True, False], ids=["with clock times", "without"])
def clock(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def two(workspace: Workspace, tmp_path: Path, clock: bool) -> Path:
    """Two cells, A and B, by the names of their files, each with a mass that was said by hand."""
    folder = tmp_path / "grown"
    folder.mkdir()
    for seed, name in ((1, "A"), (2, "B")):
        curve(folder / f"{name}.csv", seed, clock=clock)
    workspace.add(folder, executor="serial")
    for mass, name in ((1, "A"), (2, "B")):
        workspace.set_facts(name, {"active_mass_mg": mass})
    return folder


def test_a_file_that_grew_and_got_the_name_of_another_one_stays_with_its_cell(
    workspace: Workspace, two: Path, clock: bool
) -> None:
    (two / "B.csv").unlink()
    curve(two / "A.csv", 2, cycles=3, clock=clock)
    report = workspace.add(two, executor="serial")
    assert [(a.cell, a.state) for a in report.added] == [("B", "longer")]
    assert _warned(report) == ["export-renamed"]
    assert "A.csv is taken for the cell B, not A: it has the rows of B.csv (added 20" in report.findings[0].message
    assert _masses(workspace) == {"A": (["A.csv"], 1), "B": (["A.csv"], 2)}
    assert {key: [t.rows for t in view.tests] for key, view in workspace.cells.items()} == {"A": [240], "B": [360]}


@pytest.mark.parametrize("grown", [("A", "B"), ("A",), ("B",), ()])
def test_names_that_are_shifted_mix_no_cells_whose_files_have_grown(
    workspace: Workspace, two: Path, clock: bool, grown: tuple[str, ...]
) -> None:
    for seed, name in ((1, "A"), (2, "B")):
        curve(two / f"{name}.csv", seed, cycles=3 if name in grown else 2, clock=clock)
    (two / "cells.csv").write_text("file,cell\nA.csv,B\nB.csv,C\n")
    report = workspace.add(two, executor="serial")
    assert (report.failed, _warned(report)) == ([], [])
    assert _masses(workspace) == {"B": (["A.csv"], 1), "C": (["B.csv"], 2)}
    moved = [
        f.message
        for f in report.findings
        if "was moved from A to B, with what you said of A: active_mass_mg" in f.message
    ]
    assert len(moved) == 1


def test_names_that_are_swapped_are_refused_where_the_files_have_grown_too(
    workspace: Workspace, two: Path, clock: bool
) -> None:
    for seed, name in ((1, "A"), (2, "B")):
        curve(two / f"{name}.csv", seed, cycles=3, clock=clock)
    (two / "cells.csv").write_text("file,cell\nA.csv,B\nB.csv,A\n")
    before = workspace.store.fingerprint()
    report = workspace.add(two, executor="serial")
    assert [(Path(p).name, "in a circle" in str(e)) for p, e in report.failed] == [("A.csv", True), ("B.csv", True)]
    assert workspace.store.fingerprint() == before


def test_a_cell_that_somebody_named_keeps_its_test_when_the_file_has_grown(
    workspace: Workspace, tmp_path: Path
) -> None:
    curve(tmp_path / "A.csv", 1)
    workspace.add(tmp_path / "A.csv", cell="M", executor="serial")
    curve(tmp_path / "A.csv", 1, cycles=3)
    report = workspace.add(tmp_path / "A.csv", cell="N", executor="serial")
    assert [type(error) for _, error in report.failed] == [ConflictingMetadataError]
    assert "A.csv is another export of A.csv, a test of the cell 'M' already, not of 'N'" in str(report.failed[0][1])
    assert not workspace.add(tmp_path / "A.csv", cell="N", reassign=True, executor="serial").failed
    assert {key: [t.rows for t in view.tests] for key, view in workspace.cells.items()} == {"N": [360]}


def test_a_spectrum_under_the_name_of_a_cell_continues_nothing_and_needs_not(workspace: Workspace, two: Path) -> None:
    (two / "eis").mkdir()
    write_bdf_impedance(spectrum(), two / "eis" / "A.bdf.csv")
    report = workspace.add(two, executor="serial")
    assert [(a.cell, a.test.kind) for a in report.added if a.state == "new"] == [("A", "impedance")]
    assert "cell-by-name" not in [f.code for f in report.findings]


def test_two_exports_of_one_test_that_are_added_at_once_under_two_names_are_said(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name, seed, cycles in (("monday", 1, 2), ("friday", 1, 3), ("other", 2, 2)):
        curve(tmp_path / f"{name}.csv", seed, cycles=cycles)
    files = [tmp_path / f"{name}.csv" for name in ("monday", "friday", "other")]
    report = workspace.add(files, executor="serial")
    assert _warned(report) == ["test-in-two-cells"]
    (said,) = [f for f in report.findings if f.severity == "warning"]
    assert said.message.startswith("monday.csv of the cell monday and friday.csv of the cell friday are exports of one")
    assert said.advice == "lirich add monday.csv --cell friday --reassign"
    report = workspace.add(files[0], cell="friday", reassign=True, executor="serial")
    assert [(a.cell, a.state) for a in report.added] == [("friday", "older")]
    assert list(workspace.cells) == ["friday", "other"]


def test_a_longer_export_says_that_an_older_one_stays_in_another_cell(workspace: Workspace, tmp_path: Path) -> None:
    for name, cycles in (("monday", 1), ("friday", 2)):
        curve(tmp_path / f"{name}.csv", 1, cycles=cycles)
    assert _warned(workspace.add(tmp_path, executor="serial")) == ["test-in-two-cells"]
    (tmp_path / "sunday").mkdir()
    curve(tmp_path / "sunday" / "friday.csv", 1, cycles=3)
    report = workspace.add(tmp_path / "sunday", executor="serial")
    assert [(a.cell, a.state) for a in report.added] == [("friday", "longer")]
    assert _warned(report) == ["test-in-two-cells"]
    assert _warned(workspace.add(tmp_path / "sunday", executor="serial")) == []  # nothing is new


def test_another_test_under_the_name_of_a_cell_is_said_to_be_there_by_its_name_alone(
    workspace: Workspace, two: Path, clock: bool
) -> None:
    curve(two / "A.csv", 3, clock=clock)
    report = workspace.add(two, executor="serial")
    assert "cell-by-name" in _warned(report)
    assert ("join-order-unknown" in _warned(report)) is not clock
    curve(two / "B.csv", 5, clock=clock, first_cycle=3)  # its cycles, and its clock, go on from those of B
    report = workspace.add(two, executor="serial")
    assert ("B", "new") in [(a.cell, a.state) for a in report.added]
    assert "cell-by-name" not in _warned(report)
    (two / "cells.csv").write_text("cell\nA\n")
    curve(two / "A.csv", 4, clock=clock)
    assert "cell-by-name" not in _warned(workspace.add(two, executor="serial"))  # somebody said it


def test_a_name_that_its_files_do_not_leave_is_not_given_to_others(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say("file,cell,active_mass_mg\nSC-3.csv,SC-3,3\n")  # a name that somebody chose
    workspace.set_facts("SC-2", {"active_mass_mg": 2})
    report = say("file,cell\nSC-2.csv,SC-3\nSC-3.csv,SC-4\n")
    assert sorted(Path(p).name for p, _ in report.failed) == ["SC-2.csv", "SC-3.csv"]
    assert _masses(workspace) == {"SC-2": (["SC-2.csv"], 2), "SC-3": (["SC-3.csv"], 3)}
    workspace.set_facts("SC-3", {"active_mass_mg": 3})
    assert not workspace.add(tmp_path / "files", reassign=True, executor="serial").failed
    assert _masses(workspace) == {"SC-3": (["SC-2.csv"], 2), "SC-4": (["SC-3.csv"], 3)}


@on_both
@pytest.mark.parametrize("way", [("zz", "M", "B"), ("AA", "M", "B"), ("M", "zz", "B"), ("M", "B")])
def test_the_history_of_every_way_back_to_a_name_is_told_to_its_last_time(
    workspace: Workspace, tmp_path: Path, way: tuple[str, ...]
) -> None:
    def named(*names: str, file: str = "x.csv") -> None:
        for name in names:
            workspace.add(tmp_path / file, cell=name, reassign=True, executor="serial")

    write_curve(tmp_path / "x.csv")
    write_curve(tmp_path / "y.csv", seed=1)
    named("B")
    workspace.set_facts("B", {"active_mass_mg": 1})
    named(*way)
    workspace.set_facts("B", {"active_mass_mg": 2})
    named("M")
    named("B", "C", file="y.csv")  # another cell, later, of a name that was this one's
    workspace.set_facts("C", {"active_mass_mg": 9})
    told = [(c.key, c.after) for c in workspace.cells["M"].history if c.field == "active_mass_mg"]
    assert [after for key, after in told if key == "B"] == [1, 2]
    assert 9 not in [after for _, after in told]


# --- files that are there twice ----------------------------------------------------------------------------------


def test_a_content_that_is_there_twice_is_one_test_under_the_first_name(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for seed, name in enumerate(("SC-1", "SC-2", "SC-4", "SC-5")):
        write_curve(folder / f"{name}.csv", seed=seed)
    for copy in ("Z.csv", "A-copy.csv"):
        shutil.copy(folder / "SC-2.csv", folder / copy)
    report = workspace.add(folder, workers=2)
    assert report.failed == []
    assert list(workspace.cells) == ["A-copy", "SC-1", "SC-4", "SC-5"]
    assert {Path(p).name: reason for p, reason in report.skipped} == dict.fromkeys(
        ("SC-2.csv", "Z.csv"), f"the same bytes as {folder / 'A-copy.csv'}"
    )
    before = workspace.store.fingerprint()
    again = workspace.add(folder, executor="serial")
    assert (len(again.skipped), {a.state for a in again.added}) == (2, {"known"})
    assert workspace.store.fingerprint() == before


def test_of_two_copies_that_one_is_read_which_a_table_names(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write_curve(folder / "a.csv")
    shutil.copy(folder / "a.csv", folder / "z_copy.csv")
    (folder / "notes.txt").write_text("hello")
    (folder / "cells.csv").write_text("file,cell\nz_copy.csv,M50\nnowhere.csv,N\n")
    run("init", "ws", cwd=tmp_path)
    told = run("add", "../files", cwd=tmp_path / "ws")
    assert told.code == 0, told.err
    for words in ("z_copy.csv  M50", "skipped ../files/a.csv the same bytes as ../files/z_copy.csv", "notes.txt", "N)"):
        assert words in told.out
    assert "1 new file(s) of 1 cell(s); 0 known, 2 skipped, 0 failed" in told.out


def test_copies_that_are_said_to_be_of_two_cells_are_a_conflict(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.csv")
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    (tmp_path / "cells.csv").write_text("file,cell\na.csv,A\nb.csv,B\n")
    report = workspace.add([tmp_path / "b.csv", tmp_path / "a.csv"], executor="serial")
    assert [(a.cell, Path(a.path).name) for a in report.added] == [("A", "a.csv")]
    assert [(Path(p).name, type(e)) for p, e in report.failed] == [("b.csv", ConflictingMetadataError)]


def test_a_file_that_two_rows_claim_fails_alone(workspace: Workspace, tmp_path: Path) -> None:
    for seed, name in enumerate(("SC-1", "SC-2")):
        write_curve(tmp_path / f"{name}.csv", seed=seed)
    shutil.copy(tmp_path / "SC-1.csv", tmp_path / "SC-3.csv")
    (tmp_path / "cells.csv").write_text("file,cell\nSC-1.csv,A\nSC-[13].csv,B\n")
    report = workspace.add(tmp_path, executor="serial")
    assert [(Path(a.path).name, a.cell) for a in report.added] == [("SC-2.csv", "SC-2"), ("SC-3.csv", "B")]
    (tmp_path / "SC-3.csv").unlink()
    report = workspace.add(tmp_path, executor="serial")
    assert [(Path(p).name, type(e)) for p, e in report.failed] == [("SC-1.csv", ConflictingMetadataError)]


def test_a_renamed_file_stays_with_its_cell_when_it_is_read_anew(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.bdf.csv")
    workspace.add(tmp_path / "a.bdf.csv", executor="serial")
    (tmp_path / "a.bdf.csv").rename(tmp_path / "other.csv")
    report = workspace.add(tmp_path / "other.csv", reader="table", executor="serial")
    assert [(a.cell, a.state) for a in report.added] == [("a", "anew")]


# --- where files are looked for ----------------------------------------------------------------------------------


def test_a_workspace_in_the_folder_of_the_data_keeps_its_own_files_apart(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    write_curve(folder / "SC-1.csv")
    write_curve(folder / "more" / "SC-2.csv", seed=1)
    told = run("init", cwd=folder)
    assert "Next: lirich add FILES" in told.out
    assert "Next: cd into it" in run("init", "elsewhere", cwd=tmp_path).out
    assert "2 new file(s) of 2 cell(s); 0 known, 0 skipped, 0 failed" in run("add", ".", cwd=folder).out
    names = sorted(path.name for path in folder.iterdir())
    told = run("add", *names, cwd=folder)  # as a shell expands *
    assert (told.code, told.err) == (0, "")
    assert f"0 new file(s) of 2 cell(s); 2 known, {len(names) - 2} skipped, 0 failed" in told.out
    curve = next((folder / "curves").rglob("*.parquet")).relative_to(folder)
    assert "lirich's own" in run("add", str(curve), cwd=folder).out
    # another workspace reads the same files, and none of this one's own
    assert "2 new file(s) of 2 cell(s); 0 known, 0 skipped" in run("add", str(folder), cwd=tmp_path / "elsewhere").out


def test_a_workspace_below_a_folder_is_left_alone_and_that_is_said(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    Workspace.create(folder / "ws").close()
    write_curve(folder / "ws" / "x.csv")
    report = workspace.add(folder, executor="serial")
    assert [(Path(p).name, reason.split(";")[0]) for p, reason in report.skipped] == [("ws", "a lirich workspace")]
    assert [Path(a.path).name for a in workspace.add(folder / "ws", executor="serial").added] == ["x.csv"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((), "which is empty"),
        (("cells.csv", ".hidden"), "there is hidden files, tables about cells and mappings only"),
    ],
)
def test_where_there_is_nothing_to_add_the_reason_is_said(
    workspace: Workspace, tmp_path: Path, files: tuple[str, ...], reason: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("file,cell\n")
    (finding,) = workspace.add(folder, executor="serial").findings
    assert finding.code == "nothing-to-add"
    assert reason in finding.message
    assert str(folder) in finding.message


# --- tables in other forms ---------------------------------------------------------------------------------------


def test_a_table_of_another_case_is_read_and_a_spreadsheet_is_said_to_be_none(
    workspace: Workspace, tmp_path: Path
) -> None:
    write_curve(tmp_path / "SC-1.csv")
    (tmp_path / "Cells.csv").write_text("file,cell,active_mass_mg\nSC-1.csv,A,5\n")
    (tmp_path / "Cells.xlsx").write_bytes(b"PK")
    report = workspace.add([tmp_path], executor="serial")
    assert [a.cell for a in report.added] == ["A"]
    assert [(Path(p).name, "save it as cells.csv" in reason) for p, reason in report.skipped if "ells" in p] == [
        ("Cells.xlsx", True)
    ]
    # it stays the same source: an entry that is emptied is taken back
    (tmp_path / "Cells.csv").write_text("file,cell,active_mass_mg\nSC-1.csv,A,\n")
    assert "fact-withdrawn" in [f.code for f in workspace.add(tmp_path, executor="serial").findings]
    assert workspace.cells["A"].facts.active_mass_mg is None
    (tmp_path / "cells.csv").write_text("file,cell\nSC-1.csv,B\n")
    with pytest.raises(MetadataError, match=r"Cells\.csv and cells\.csv"):
        workspace.add(tmp_path, executor="serial")
    report = workspace.add(tmp_path / "Cells.xlsx", executor="serial")
    assert ["save it as cells.csv" in error.advice for _, error in report.failed] == [True]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"filename,cell,active_mass_mg\nx.csv,A,5\n", "Did you mean file? Rename the column"),
        (b"file,cell name,active_mass_mg\nx.csv,A,5\n", "Did you mean cell? Rename the column"),
        (b"sample,active_mass_mg\nA,5\n", "has neither a column cell nor a column file"),
        (b"Cell,cell,active_mass_mg\nA,A,5\n", "two columns 'cell'"),
        (b"cell,one_c\nA,0.25\n", "the field 'one_c_ma_g'"),
        ("file,cell\nx.csv,A\n".encode("utf-16"), "is text in UTF-16. Expected: text in UTF-8. Save it as CSV UTF-8"),
        ("file,oven\nx.csv,5 µg\n".encode("latin-1"), "line 2 has the byte 0xb5, which is no UTF-8"),
    ],
)
def test_a_table_that_cannot_reach_its_files_is_refused_with_the_right_name(
    tmp_path: Path, table: bytes, words: str
) -> None:
    (tmp_path / "cells.csv").write_bytes(table)
    with pytest.raises(MetadataError) as told:
        read_cell_tables(tmp_path)
    assert words in str(told.value)
    assert "None" not in str(told.value)


@pytest.mark.parametrize("text", ["", "\n", "file,cell\n"])
def test_an_empty_table_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "cells.csv").write_text(text)
    assert read_cell_tables(tmp_path).entries == ()


def test_a_row_without_cell_and_file_is_said_to_reach_nothing(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    report = say("file,cell,active_mass_mg\nSC-2.csv,B,5\n,,6\n")
    assert [f.message for f in report.findings] == ["cells.csv, line 3: neither a cell nor a file is named"]


def test_a_column_that_means_a_field_is_asked_about_though_the_file_has_the_fact(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("cell,mass\nA,7\n")
    from_file = Entry(None, None, (), {"active_mass_mg": 5.91}, {}, "x.ndax", "file x.ndax")
    facts = resolve("A", [*read_cell_tables(tmp_path).entries, from_file])
    assert facts.cell.active_mass_mg == 5.91
    assert [f.message for f in facts.findings] == [
        "column mass is kept as a group; active_mass_mg is 5.91, by file x.ndax; did you mean active_mass_mg?"
    ]


@pytest.mark.parametrize("name", ["cell", "file", "name", "key", "cell_name"])
def test_the_name_of_a_cell_is_no_fact_to_be_set(workspace: Workspace, tmp_path: Path, name: str) -> None:
    write_curve(tmp_path / "A.csv")
    workspace.add(tmp_path / "A.csv", executor="serial")
    with pytest.raises(MetadataError, match="To rename a cell: lirich add FILES --cell NAME --reassign"):
        workspace.set_facts("A", {name: "B"})
    with pytest.raises(MetadataError, match="To rename a cell: lirich add FILES --cell NAME --reassign"):
        workspace.add(tmp_path / "A.csv", facts={name: "B"})


def test_a_name_like_a_field_said_by_hand_is_answered_with_what_to_say(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "A.csv")
    workspace.add(tmp_path / "A.csv", executor="serial")
    (finding,) = workspace.set_facts("A", {"mass": 5})
    assert finding.advice == "If so: lirich cells A --set active_mass_mg=5 --unset mass (in that unit)"
    assert not any("Rename the column" in f.advice for f in workspace.cells["A"].findings)


# --- exports -----------------------------------------------------------------------------------------------------


def test_the_same_points_twice_are_said_and_so_is_what_is_not_exported(workspace: Workspace, tmp_path: Path) -> None:
    write_digitised_cell(tmp_path / "in")  # voltage against capacity, without time: nothing overlaps
    workspace.add(tmp_path / "in", executor="serial")
    (told,) = left_out(workspace)
    assert told.message == f"Of {CELL_KEY} the facts alone are written: it is not analysed"
    workspace.analyse(executor="serial")
    assert left_out(workspace) == []
    export(workspace, tmp_path / "out")
    for _ in range(2):
        report = workspace.add(tmp_path / "out", executor="serial")
        (said,) = [f for f in report.findings if f.code == "same-points"]
        name = f"{CELL_KEY}.curve.csv"
        assert said.message == f"{name} has the same points as {DATA_NAME}.csv: one test counts twice"
    assert [f.code for f in workspace.cells[CELL_KEY].findings].count("same-points") == 1
    workspace.remove_file(CELL_KEY, said.advice.split()[4].rstrip(","))
    assert [t.raw.name for t in workspace.cells[CELL_KEY].tests] == [f"{DATA_NAME}.csv"]
    assert "same-points" not in [f.code for f in workspace.cells[CELL_KEY].findings]
    # under another name too
    report = workspace.add(tmp_path / "out" / f"{CELL_KEY}.curve.csv", cell="B", reassign=True, executor="serial")
    assert f"{DATA_NAME}.csv of the cell {CELL_KEY}" in next(f.message for f in report.findings if f.code == said.code)


# --- words -------------------------------------------------------------------------------------------------------


def test_words_of_libraries_do_not_reach_the_user(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "B-1.csv")
    write_curve(tmp_path / "G-1.csv", seed=1)
    workspace.add(tmp_path, executor="serial")
    with pytest.raises(UnknownNameError, match=r"'formatoin'. Did you mean 'formation'\?"):
        workspace.correct("B-1", (1, 2), "formatoin")
    with pytest.raises(InputError, match=r"Cycles 3 to 1 are upside down\..*Say 1-3"):
        workspace.correct("B-1", (3, 1), "formation")
    with pytest.raises(InputError, match="There is no cycle -1"):
        workspace.correct("B-1", (-1, 1), "formation")
    workspace.correct("B-1", (1, 1), "Rate-test")
    assert [c["kind"] for c in workspace.store.corrections("B-1")] == ["rate_test"]
    for formula, words in (
        ("Li1.2Mn0.54x", "'x' after 'Li1.2Mn0.54' is no element"),
        ("Li1.2Mn0.54Ni0.13Co0.13o2", "Did you mean O?"),
        ("Li[Li0.2Mn0.6O2", "1 brackets open and 0 close"),
    ):
        with pytest.raises(MetadataError, match=re.escape(words)):
            workspace.set_facts("B-1", {"composition": formula})
    with pytest.raises(UnknownNameError) as told:
        workspace.cells["b-1"]
    assert told.value.advice == "Did you mean 'B-1'?"
    with pytest.raises(UnknownNameError, match="Unknown cell '0'"):
        workspace.cells[0]  # type: ignore[index]
    assert workspace.cells.get("nobody") is None
    assert 0 not in workspace.cells


def test_a_report_is_not_written_under_the_name_of_a_cell(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "A-1.csv")
    workspace.add(tmp_path / "A-1.csv", executor="serial")
    told = run("report", "A-1", "-w", str(workspace.root), cwd=tmp_path)
    assert told.code == 2
    assert "lirich report A-1.html --cell A-1" in " ".join(told.err.split())
    assert not (tmp_path / "A-1").exists()


def test_a_name_near_a_field_is_refused_with_the_reason_that_fits(tmp_path: Path) -> None:
    for column, field, why in (
        ("Morphologie", "morphology", "under another name it is a group of your own, and morphology not given"),
        ("Electrolyte Name", "electrolyte", "under another name it is a group of your own, and electrolyte not given"),
        ("active_mass", "active_mass_mg", "a mass or current under a wrong unit would spoil every capacity"),
    ):
        (tmp_path / "cells.csv").write_text(f"file,cell,{column}\na.csv,A,x\n")
        with pytest.raises(MetadataError) as refused:
            read_cell_tables(tmp_path)
        assert refused.value.found == f"cells.csv, line 2 has a field {column!r}"
        assert refused.value.advice == f"Did you mean {field}? Rename the column to {field}: {why}"


def test_a_value_that_is_refused_is_quoted_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("cell,electrode\nA,Kathode\nB,Cathode\n")
    first, second = read_cell_tables(tmp_path).entries
    assert resolve("B", [second]).cell.electrode == "cathode"
    with pytest.raises(MetadataError, match=r"electrode of A is 'Kathode' in cells\.csv, line 2"):
        resolve("A", [first])


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
def test_the_line_that_tells_excel_the_separator_is_no_row(tmp_path: Path, first: str) -> None:
    (tmp_path / "cells.csv").write_text(f"{first}\r\nfile;cell;active_mass_mg\r\na.csv;A;5,91\r\n")
    (entry,) = read_cell_tables(tmp_path).entries
    assert (entry.cell, entry.cell_fields, entry.source) == ("A", {"active_mass_mg": "5.91"}, "cells.csv, line 3")
    (tmp_path / "cells.csv").write_text("sep=|\nfile|cell\na,b.csv|A\n")
    (entry,) = read_cell_tables(tmp_path).entries
    assert entry.patterns == ("a,b.csv",)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize(
    ("second", "differs"), [("A,,,,", []), ("B,S,6,,", ["active_mass_mg of Z is 5 in cells.csv, line 2 and 6"])]
)
def test_a_cell_named_by_hand_has_all_that_the_rows_of_its_files_say(
    workspace: Workspace, tmp_path: Path, known: bool, one_by_one: bool, second: str, differs: list[str]
) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for seed in (1, 2):
        write_curve(folder / f"A_{seed}.csv", seed=seed)
    head = "file,cell,sample,active_mass_mg,electrode,one_c_ma_g\n"
    (folder / "cells.csv").write_text(f"{head}A_1.csv,A,S,5,cathode,250\nA_2.csv,{second}\n")
    if known:
        workspace.add(folder, executor="serial")
    paths = [folder / "A_1.csv", folder / "A_2.csv"] if one_by_one else [folder]
    for _ in range(2):
        reports = [workspace.add(path, cell="Z", reassign=True, executor="serial") for path in paths]
        assert list(workspace.cells) == ["Z"]
        facts = workspace.cells["Z"].facts
        assert (facts.sample, facts.active_mass_mg, facts.electrode, facts.one_c_ma_g) == ("S", 5, "cathode", 250)
        found = {f.message for report in reports for f in report.findings if f.code in FACT_CODES}
        assert [message.partition(" in cells.csv, line 3")[0] for message in found] == differs
    workspace.set_facts("Z", {"active_mass_mg": 7})
    workspace.set_facts("Z", {"active_mass_mg": None})
    assert workspace.cells["Z"].facts.active_mass_mg == 5  # what the table says stands again


def test_a_row_that_is_taken_out_takes_its_facts_from_a_cell_named_by_hand(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    (folder / "cells.csv").write_text("cell,active_mass_mg\nSC-2,5\nSC-3,\n")
    workspace.add(folder, cell="Z", executor="serial")
    assert workspace.cells["Z"].facts.active_mass_mg == 5
    (folder / "cells.csv").write_text("cell,active_mass_mg\nSC-3,\n")
    report = workspace.add(folder, cell="Z", executor="serial")
    assert workspace.cells["Z"].facts.active_mass_mg is None
    assert [f.code for f in report.findings if f.code in FACT_CODES] == ["fact-withdrawn"]

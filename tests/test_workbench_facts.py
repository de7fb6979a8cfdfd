"""Facts of cells and samples: who said them, what wins, how they are taken back, and how a cell is removed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lirich.errors import ConflictingMetadataError, InputError, MetadataError, UnknownNameError
from lirich.model import Cell, Sample
from lirich.testing.binary_files import write_binary
from lirich.workbench import Workspace
from lirich.workbench.intake.addreport import AddReport
from lirich.workbench.intake.cellfacts import facts_wanted
from lirich.workbench.intake.celltables import Entry, changes_from_options, entry_from_facts
from lirich.workbench.intake.metadata import resolve
from lirich.workbench.intake.table_files import read_cell_tables
from test_workbench import write_curve

HEAD = "cell,sample,morphology,active_mass_mg\n"


@pytest.fixture
def say(workspace: Workspace, tmp_path: Path) -> Callable[[str], AddReport]:
    """Write a cells.csv beside the files of SC-1 and SC-2, and add their folder."""
    folder = tmp_path / "files"
    folder.mkdir()
    for seed, name in enumerate(("SC-1", "SC-2")):
        write_curve(folder / f"{name}.csv", seed=seed)

    def add(table: str) -> AddReport:
        (folder / "cells.csv").write_text(table)
        return workspace.add(folder, executor="serial")

    return add


def mass(workspace: Workspace, cell: str = "SC-1") -> float | None:
    return workspace.cells[cell].facts.active_mass_mg


def codes(report: AddReport) -> list[str]:
    return [f.code for f in report.findings]


def test_two_lines_that_differ_about_one_sample_are_refused_with_both(say: Callable[[str], AddReport]) -> None:
    with pytest.raises(ConflictingMetadataError, match=r"SC in cells\.csv, line 2 and PC in cells\.csv, line 3"):
        say(HEAD + "SC-1,LRM,single crystal,6.2\nSC-2,LRM,PC,6.1\n")
    assert say(HEAD + "SC-1,LRM,single crystal,6.2\nSC-2,LRM,SC,6.1\n").findings == []


def test_a_fact_of_the_sample_may_stand_in_the_row_of_any_of_its_cells(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    for _ in range(2):
        assert say(HEAD + "SC-1,LRM,,6.2\nSC-2,LRM,PC,6.1\n").findings == []
        assert workspace.samples["LRM"].morphology == "PC"


def test_adding_again_writes_no_new_state(workspace: Workspace, say: Callable[[str], AddReport]) -> None:
    for _ in range(3):
        say(HEAD + "SC-1,LRM,SC,6.2\nSC-2,LRM,SC,6.1\n")
    assert len(workspace.store.sample_history("LRM")) == 1
    assert workspace.samples["LRM"].sources["morphology"].endswith("line 2")
    assert len(workspace.store.cell_history("SC-2")) == 1


def test_of_two_tables_in_one_add_the_later_folder_holds_each_time(workspace: Workspace, tmp_path: Path) -> None:
    for seed, (name, said) in enumerate((("week-9", "SC"), ("week-10", "PC"))):
        (tmp_path / "files" / name).mkdir(parents=True)
        write_curve(tmp_path / "files" / name / f"{name}.csv", seed=seed)
        (tmp_path / "files" / name / "cells.csv").write_text(f"cell,sample,morphology\n{name},LRM,{said}\n")
    for _ in range(2):
        report = workspace.add(tmp_path / "files", executor="serial")
        assert workspace.samples["LRM"].morphology == "PC"
        assert [f.message for f in report.findings] == [
            "morphology of LRM is PC in week-10/cells.csv, line 2 and SC in week-9/cells.csv, line 2; PC is used"
        ]
    assert len(workspace.store.sample_history("LRM")) <= 2  # they never take turns


@pytest.mark.parametrize("gone", ["never", "before", "after"])
def test_the_table_read_last_holds_whether_the_other_is_still_there(
    workspace: Workspace, tmp_path: Path, gone: str
) -> None:
    for name, said in (("A", 8.47), ("B", 7.5)):
        (tmp_path / name).mkdir()
        write_curve(tmp_path / name / "SC-3.csv", seed=3)
        (tmp_path / name / "cells.csv").write_text(f"cell,active_mass_mg\nSC-3,{said}\n")
    workspace.add(tmp_path / "A", executor="serial")
    if gone == "before":
        shutil.rmtree(tmp_path / "A")
    (told,) = workspace.add(tmp_path / "B", executor="serial").findings
    assert told.message == (
        "active_mass_mg of SC-3 is 7.5 in B/cells.csv, line 2 and 8.47 in A/cells.csv, line 2; 7.5 is used"
    )
    if gone == "after":
        shutil.rmtree(tmp_path / "A")
    assert mass(workspace, "SC-3") == 7.5
    assert workspace.add(tmp_path / "B", executor="serial").findings == []
    assert mass(workspace, "SC-3") == 7.5
    workspace.set_facts("SC-3", {"active_mass_mg": 5})
    workspace.set_facts("SC-3", {"active_mass_mg": None})
    assert mass(workspace, "SC-3") == 7.5
    if gone == "never":
        (told,) = workspace.add(tmp_path / "A", executor="serial").findings
        assert told.message.endswith("8.47 is used")
        assert mass(workspace, "SC-3") == 8.47


def _differing(workspace: Workspace, cell: str) -> list[str]:
    return [f.message for f in workspace.cells[cell].findings if f.code == "metadata-differs"]


def test_no_other_file_of_the_cell_says_what_was_used_before(workspace: Workspace, tmp_path: Path) -> None:
    for seed, (name, said) in enumerate((("a", 10), ("b", 12))):
        (tmp_path / "two" / name).mkdir(parents=True)
        write_curve(tmp_path / "two" / name / f"x-{name}.csv", seed=seed)
        (tmp_path / "two" / name / "cells.csv").write_text(f"cell,file,active_mass_mg\nX,x-{name}.csv,{said}\n")
    both = [tmp_path / "two" / name for name in "ab"]
    for paths, used in ((both, 12), (both[0], 10), (both[1], 12), (both[0], 10)):
        workspace.add(paths, executor="serial")
        assert mass(workspace, "X") == used
        differing = _differing(workspace, "X")
        assert differing
        assert all(message.endswith(f"; {used} is used") for message in differing)
    (both[1] / "cells.csv").write_text("cell,file,active_mass_mg\nX,x-b.csv,10\n")
    workspace.add(both[1], executor="serial")
    assert _differing(workspace, "X") == []  # they agree now


def test_what_one_table_withdraws_another_one_that_is_still_there_says(workspace: Workspace, tmp_path: Path) -> None:
    """Whether that other one is read now too or not; the change is told."""
    for seed, (name, said) in enumerate((("A", "SC-3,LRM,SC,12"), ("B", "SC-3,LRM,PC,7"))):
        (tmp_path / "two" / name).mkdir(parents=True)
        write_curve(tmp_path / "two" / name / f"SC-3_{name}.csv", seed=seed)
        (tmp_path / "two" / name / "cells.csv").write_text(
            HEAD.replace("cell,", "cell,file,") + f"SC-3,SC-3*,{said[5:]}\n"
        )
    both = [tmp_path / "two" / name for name in "AB"]
    for folder in both:
        workspace.add(folder, executor="serial")
    said_by_b = (both[1] / "cells.csv").read_text()
    for paths in (both[1], both):
        (both[1] / "cells.csv").write_text("cell,file,sample\nSC-3,SC-3*,LRM\n")
        report = workspace.add(paths, executor="serial")
        assert (mass(workspace, "SC-3"), workspace.samples["LRM"].morphology) == (12, "SC")
        assert workspace.cells["SC-3"].facts.sources["active_mass_mg"].endswith("A/cells.csv, line 2")
        assert [f.message for f in report.findings if f.code == "fact-withdrawn"] == [
            f"{fact} now, as A/cells.csv, line 2 says: it was {before}, and B/cells.csv does not say it now"
            for fact, before in (("active_mass_mg of SC-3 is 12", "7"), ("morphology of LRM is SC", "PC"))
        ]
        assert not _differing(workspace, "SC-3")
        assert "fact-withdrawn" not in codes(workspace.add(paths, executor="serial"))
        (both[1] / "cells.csv").write_text(said_by_b)
        workspace.add(both[1], executor="serial")
        assert mass(workspace, "SC-3") == 7


def test_what_a_table_withdraws_the_instruments_file_says(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "A.csv")
    workspace.add(tmp_path / "A.csv", executor="serial")
    (test,) = workspace.cells["A"].tests
    workspace.store.change(
        lambda things: things.replace_test(test.model_copy(update={"metadata": {"active_mass_mg": 4.0}}))
    )
    for said, holds in (("6", 6), ("", 4)):
        (tmp_path / "cells.csv").write_text(f"file,cell,active_mass_mg\nA.csv,A,{said}\n")
        report = workspace.add(tmp_path / "A.csv", executor="serial")
        assert mass(workspace, "A") == holds
    (told,) = report.findings
    assert told.message == "active_mass_mg of A is 4 now, as A.csv says: it was 6, and cells.csv does not say it now"
    assert told.advice == "If 6 still holds: lirich cells A --set active_mass_mg=6, or write it there"


def test_a_difference_is_told_with_the_numbers_that_people_write(workspace: Workspace, tmp_path: Path) -> None:
    for seed, (name, said) in enumerate((("a", 10), ("b", 12))):
        (tmp_path / name).mkdir()
        write_curve(tmp_path / name / f"x-{name}.csv", seed=seed)
        (tmp_path / name / "cells.csv").write_text(f"cell,file,active_mass_mg\nX,x-{name}.csv,{said}\n")
        workspace.add(tmp_path / name, executor="serial")
    told = [*_differing(workspace, "X"), *(f.message for f in workspace.set_facts("X", {"active_mass_mg": 11}))]
    told += [f.message for f in workspace.set_facts("X", {"active_mass_mg": None})]
    assert len(told) == 3
    assert not re.search(r"\d\.0\b", " ".join(told))


def test_no_other_cell_of_the_sample_says_what_was_used_before(workspace: Workspace, tmp_path: Path) -> None:
    for seed, (name, said) in enumerate((("a", "SC"), ("b", "PC"))):
        (tmp_path / "two" / name).mkdir(parents=True)
        write_curve(tmp_path / "two" / name / f"{name}.csv", seed=seed)
        (tmp_path / "two" / name / "cells.csv").write_text(f"cell,sample,morphology\n{name},LRM,{said}\n")
    both = [tmp_path / "two" / name for name in "ab"]
    for paths, used in ((both, "PC"), (both[0], "SC"), (both[1], "PC")):
        workspace.add(paths, executor="serial")
        assert workspace.samples["LRM"].morphology == used
        differing = [message for cell in "ab" for message in _differing(workspace, cell)]
        assert differing
        assert all(message.endswith(f"; {used} is used") for message in differing)


@pytest.mark.parametrize("how", ["by hand", "by a table", "taken back"])
def test_a_cell_of_another_sample_says_nothing_of_that_before(workspace: Workspace, tmp_path: Path, how: str) -> None:
    for seed, (name, said) in enumerate((("a", "SC"), ("b", "PC"))):
        (tmp_path / name).mkdir()
        write_curve(tmp_path / name / f"x-{name}.csv", seed=seed)
        (tmp_path / name / "cells.csv").write_text(f"cell,file,sample,morphology\nX,x-{name}.csv,LRM,{said}\n")
    workspace.add(tmp_path / "a", executor="serial")
    (test,) = workspace.cells["X"].tests
    workspace.store.change(
        lambda things: things.replace_test(test.model_copy(update={"metadata": {"morphology": "PC"}}))
    )
    workspace.add(tmp_path / "b", executor="serial")
    assert any("morphology of LRM is" in message for message in _differing(workspace, "X"))
    if how == "by hand":
        write_curve(tmp_path / "y.csv", seed=2)
        workspace.add(tmp_path / "y.csv", cell="Y", facts={"sample": "other", "morphology": "SC"}, executor="serial")
        workspace.set_facts("X", {"sample": "other"})
        left = ["morphology of other is SC, as set by you; x-a.csv says PC; SC is used"]
    elif how == "by a table":
        (tmp_path / "a" / "cells.csv").write_text("cell,file\nX,x-a.csv\n")
        (tmp_path / "b" / "cells.csv").write_text("cell,file,sample,morphology\nX,x-b.csv,other,SC\n")
        workspace.add(tmp_path / "b", executor="serial")
        left = ["morphology of other is SC in cells.csv, line 2 and PC in x-a.csv; SC is used"]
    else:
        workspace.set_facts("X", {"sample": None})
        left = []
    assert [message for message in _differing(workspace, "X") if message.startswith("morphology")] == left


def test_what_the_file_of_another_test_says_is_held_against_the_fact_of_now(
    workspace: Workspace, tmp_path: Path
) -> None:
    for seed, (name, said) in enumerate((("a", 10), ("b", 12))):
        (tmp_path / name).mkdir()
        write_curve(tmp_path / name / f"x-{name}.csv", seed=seed)
        (tmp_path / name / "cells.csv").write_text(f"cell,file,active_mass_mg\nX,x-{name}.csv,{said}\n")
    workspace.add(tmp_path / "a", executor="serial")
    (test,) = workspace.cells["X"].tests
    workspace.store.change(
        lambda things: things.replace_test(test.model_copy(update={"metadata": {"active_mass_mg": 9.0}}))
    )
    workspace.add(tmp_path / "a", executor="serial")
    assert _differing(workspace, "X") == ["active_mass_mg of X is 10 in cells.csv, line 2 and 9 in x-a.csv; 10 is used"]
    workspace.add(tmp_path / "b", executor="serial")
    told = _differing(workspace, "X")
    assert "active_mass_mg of X is 12 in cells.csv, line 2 and 9 in x-a.csv; 12 is used" in told
    assert not [message for message in told if message.endswith("; 10 is used")]


def test_rows_that_name_files_alone_are_weighed_across_folders_too(workspace: Workspace, tmp_path: Path) -> None:
    for seed, (name, said) in enumerate((("a", 8), ("b", 7))):
        (tmp_path / "files" / name).mkdir(parents=True)
        write_curve(tmp_path / "files" / name / f"{name}.csv", seed=seed)
        (tmp_path / "files" / name / "cells.csv").write_text(f"file,active_mass_mg\n{name}.csv,{said}\n")
    workspace.add(tmp_path / "files", cell="X", executor="serial")
    states = len(workspace.store.cell_history("X"))
    for _ in range(2):
        told = {f.message for f in workspace.add(tmp_path / "files", cell="X", executor="serial").findings}
        assert "active_mass_mg of X is 7 in b/cells.csv, line 2 and 8 in a/cells.csv, line 2; 7 is used" in told
        assert mass(workspace, "X") == 7
    assert len(workspace.store.cell_history("X")) == states


def test_what_is_said_of_a_difference_is_what_is_kept() -> None:
    def entry(value: float, source: str, kept: str) -> Entry:
        return Entry("SC-1", None, (), {"active_mass_mg": value}, {}, source, kept)

    of_file = entry(10.43, "SC-1.csv", "file SC-1.csv")
    sources = [entry(20.0, "cells.csv, line 2", "/B/cells.csv, line 2"), of_file]
    for source, value in (("/A/cells.csv, line 2", 10.43), ("you", 5.91), ("file SC-1.csv", 10.43)):
        known = Cell(key="SC-1", active_mass_mg=value, sources={"active_mass_mg": source})
        facts = resolve("SC-1", sources, known_cell=known)
        kept = facts.cell.active_mass_mg
        assert kept == (5.91 if source == "you" else 20.0)
        assert facts.findings
        assert all(f.message.endswith(f"; {kept:g} is used") or f"{kept} is used" in f.message for f in facts.findings)


def test_a_file_that_is_moved_without_a_table_takes_no_fact_from_others(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say(HEAD + "SC-1,LRM,SC,6.2\nSC-2,LRM,,6.1\n")
    (tmp_path / "dup").mkdir()
    shutil.copy(tmp_path / "files" / "SC-2.csv", tmp_path / "dup" / "copy.csv")
    report = workspace.add(tmp_path / "dup" / "copy.csv", cell="SC-2b", reassign=True, executor="serial")
    assert "fact-withdrawn" not in codes(report)
    assert workspace.samples["LRM"].morphology == "SC"
    assert workspace.cells["SC-2b"].facts.sample == "LRM"
    assert mass(workspace, "SC-2b") == 6.1


def test_two_rows_of_one_cell_are_weighed_alike_whichever_of_its_files_comes_last(
    workspace: Workspace, tmp_path: Path
) -> None:
    for seed, name in enumerate(("x", "y")):
        write_curve(tmp_path / f"{name}.csv", seed=seed)
    (tmp_path / "cells.csv").write_text("file,cell,active_mass_mg\nx.csv,A,5\ny.csv,A,6\n")
    for name in ("x", "y", "x"):
        workspace.add(tmp_path / f"{name}.csv", executor="serial")
        assert mass(workspace, "A") == 5


def test_what_was_said_by_hand_stays_and_add_says_that_the_table_differs(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    table = HEAD + "SC-1,LRM,SC,6.2\n"
    say(table)
    workspace.set_facts("SC-1", {"active_mass_mg": 5.91})
    for _ in range(2):
        found = say(table).findings
        assert [f.code for f in found] == ["metadata-differs"]
        assert "5.91, as set by you; cells.csv, line 2 says 6.2" in found[0].message
        assert "lirich cells SC-1 --unset active_mass_mg" in found[0].advice
        assert mass(workspace) == 5.91
    changes = [(c.before, c.after, c.source) for c in workspace.cells["SC-1"].history if c.field == "active_mass_mg"]
    assert [(b, a) for b, a, _ in changes] == [(None, 6.2), (6.2, 5.91)]
    assert changes[0][2].endswith("files/cells.csv, line 2")
    assert changes[1][2] == "you"
    (again,) = workspace.set_facts("SC-1", {"active_mass_mg": None})
    assert again.message == "active_mass_mg of SC-1 is 6.2 again: cells.csv, line 2 says so"
    assert mass(workspace) == 6.2
    assert say(table).findings == []
    assert mass(workspace) == 6.2


def test_what_is_said_against_a_table_is_told_at_once_and_stays_told(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    say(HEAD + "SC-1,LRM,SC,10.43\nSC-2,LRM,SC,6.1\n")
    assert workspace.set_facts("SC-1", {"active_mass_mg": 10.43}) == []
    for _ in range(2):
        (told,) = workspace.set_facts("SC-1", {"active_mass_mg": 20.86})
        words = "active_mass_mg of SC-1 is 20.86, as set by you; cells.csv, line 2 says 10.43; 20.86 is used"
        assert told.message == words
        assert [f.message for f in workspace.cells["SC-1"].findings if f.code == "metadata-differs"] == [words]
    workspace.set_facts("SC-1", {"active_mass_mg": None})
    assert "metadata-differs" not in [f.code for f in workspace.cells["SC-1"].findings]


def test_what_an_instruments_file_says_is_held_against_what_you_say(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "A.csv")
    workspace.add(tmp_path / "A.csv", executor="serial")
    (test,) = workspace.cells["A"].tests
    workspace.store.change(
        lambda things: things.replace_test(test.model_copy(update={"metadata": {"active_mass_mg": 5.5}}))
    )
    (told,) = workspace.set_facts("A", {"active_mass_mg": 11.0})
    assert told.message == "active_mass_mg of A is 11, as set by you; A.csv says 5.5; 11 is used"


def test_a_fact_of_the_sample_says_which_other_cells_it_changes(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    say(HEAD + "SC-1,LRM,SC,6.2\nSC-2,LRM,SC,6.1\n")
    shared, differs = workspace.set_facts("SC-2", {"morphology": "PC"})
    assert shared.message == "LRM has morphology PC now, and so have its other cells: SC-1"
    assert "lirich cells SC-2 --unset morphology, then lirich cells SC-2 --set sample=SC-2" in shared.advice
    assert differs.message == "morphology of LRM is PC, as set by you; cells.csv, line 3 says SC; PC is used"
    assert workspace.set_facts("SC-2", {"morphology": "PC"}) == [differs]  # nothing changes
    workspace.set_facts("SC-2", {"morphology": None})
    (own,) = workspace.set_facts("SC-2", {"sample": "SC-2", "morphology": "PC"})  # as the advice says
    assert own.message == "sample of SC-2 is SC-2, as set by you; cells.csv, line 3 says LRM; SC-2 is used"
    assert (workspace.samples["LRM"].morphology, workspace.samples["SC-2"].morphology) == ("SC", "PC")


def test_what_a_table_said_last_stands_again_where_it_is_wrong_now(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say(HEAD + "SC-1,LRM,SC,6.2\nSC-2,LRM,SC,6.1\n")
    workspace.set_facts("SC-1", {"morphology": "PC", "sample": "LRM"})
    (tmp_path / "files" / "cells.csv").write_text(HEAD + "SC-1,LRM,SC,6.2\nSC-2,LRM,PC,6.1\n")
    told = workspace.set_facts("SC-1", {"morphology": None, "sample": None})
    assert [f.code for f in told] == ["fact-stands-again"] * 2
    assert "wrong now: morphology of the sample LRM is SC in" in told[0].message
    assert workspace.samples["LRM"].morphology == "SC"
    assert workspace.cells["SC-1"].facts.sample == "LRM"


def test_what_was_said_at_an_add_stays_too(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "A.csv")
    (tmp_path / "cells.csv").write_text("cell,active_mass_mg\nA,6.2\n")
    workspace.add(tmp_path / "A.csv", facts={"active_mass_mg": 5.9}, executor="serial")
    workspace.add(tmp_path / "A.csv", executor="serial")
    assert mass(workspace, "A") == 5.9


def test_findings_about_facts_are_those_of_the_last_add(workspace: Workspace, say: Callable[[str], AddReport]) -> None:
    def differing() -> list[str]:
        return [f.code for f in workspace.cells["SC-1"].findings if f.code == "metadata-differs"]

    say(HEAD + "SC-1,LRM,SC,6.2\nSC-1,,,5\n")
    assert differing() == ["metadata-differs"]
    say(HEAD + "SC-1,LRM,SC,6.2\n")
    assert differing() == []
    say(HEAD + "SC-1,LRM,SC,6.2\nSC-1,,,5\n")
    workspace.set_facts("SC-1", {"active_mass_mg": 6.2})
    assert differing() == []


def test_an_emptied_entry_takes_back_what_the_table_said_and_only_that(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    say("cell,sample,morphology,active_mass_mg,oven\nSC-1,LRM,SC,6.2,3\n")
    workspace.set_facts("SC-1", {"one_c_ma_g": 250})
    report = say(HEAD + "SC-1,LRM,,\n")
    facts = workspace.cells["SC-1"].facts
    assert (facts.active_mass_mg, facts.one_c_ma_g, facts.extra) == (None, 250, {})
    assert workspace.samples["LRM"].morphology is None
    assert codes(report).count("fact-withdrawn") == 3
    assert "fact-withdrawn" not in codes(say(HEAD + "SC-1,LRM,,\n"))


@pytest.mark.parametrize("rest", ["SC-2,LRM,SC,6.1\n", ""], ids=["its row", "all rows"])
def test_a_row_that_is_gone_takes_back_what_it_said_and_only_that(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path, rest: str
) -> None:
    say(HEAD + "SC-1,LRM,SC,6.2\nSC-2,LRM,SC,6.1\n")
    workspace.set_facts("SC-1", {"one_c_ma_g": 250})
    report = say(HEAD + rest)
    facts = workspace.cells["SC-1"].facts
    assert (facts.active_mass_mg, facts.sample, facts.one_c_ma_g) == (None, None, 250)
    assert mass(workspace, "SC-2") == (6.1 if rest else None)
    told = {f.message.partition(" is not given")[0] for f in report.findings if f.code == "fact-withdrawn"}
    assert told == {
        f"{name} of {c}" for c in ("SC-1",) + (() if rest else ("SC-2",)) for name in ("active_mass_mg", "sample")
    }
    assert "fact-withdrawn" not in codes(say(HEAD + rest))
    # a table that is gone says nothing, and takes nothing back
    say(HEAD + "SC-1,LRM,SC,6.2\n")
    (tmp_path / "files" / "cells.csv").unlink()
    assert codes(workspace.add(tmp_path / "files", executor="serial")) == ["table-gone"]
    assert mass(workspace) == 6.2


def test_a_table_that_is_gone_takes_nothing_back_and_that_is_said(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say(HEAD + "SC-1,LRM,SC,6.2\nSC-2,LRM,SC,6.1\n")
    (tmp_path / "files" / "cells.csv").unlink()
    (told,) = workspace.add(tmp_path / "files", executor="serial").findings
    assert told.message == "files has no cells.csv any more; what it said of SC-1, SC-2 stays"
    assert mass(workspace) == 6.2
    assert codes(say(HEAD)) == ["fact-withdrawn"] * 4  # as the advice says: a table without rows
    assert mass(workspace) is None


def test_a_table_of_another_folder_takes_nothing_back(workspace: Workspace, tmp_path: Path) -> None:
    for seed, part in enumerate(("first", "second")):
        (tmp_path / part).mkdir()
        write_curve(tmp_path / part / "x.csv", seed=seed)
    (tmp_path / "first" / "cells.csv").write_text("file,cell,active_mass_mg,morphology\nx.csv,A,5,SC\n")
    (tmp_path / "second" / "cells.csv").write_text("file,cell\nx.csv,A\n")
    for part in ("first", "second"):
        assert "fact-withdrawn" not in codes(workspace.add(tmp_path / part, executor="serial"))
    assert (mass(workspace, "A"), workspace.samples["A"].morphology) == (5, "SC")


def test_a_fact_is_taken_back_by_hand(workspace: Workspace, say: Callable[[str], AddReport]) -> None:
    say(HEAD + "SC-1,LRM,SC,6.2\n")
    workspace.set_facts("SC-1", {"morphology": None, "active_mass_mg": None, "electrode": "Cathode"})
    facts = workspace.cells["SC-1"].facts
    assert (facts.active_mass_mg, facts.electrode, workspace.samples["LRM"].morphology) == (None, "cathode", None)
    with pytest.raises(UnknownNameError, match="active_mass_mg"):
        workspace.set_facts("SC-1", {"active_mass_mg": None})
    assert changes_from_options(["active_mass_mg=", "dopant=Nb"]) == {"active_mass_mg": None, "dopant": "Nb"}


def test_what_is_taken_back_gives_way_to_the_table_as_it_is_now(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say("cell,sample,morphology,oven,active_mass_mg\nSC-1,LRM,SC,3,6.2\nSC-2,LRM,SC,4,6.1\n")
    by_hand = {"active_mass_mg": 5, "morphology": "PC", "oven": 9, "sample": "other", "dopant": "Nb"}
    workspace.set_facts("SC-1", by_hand)
    say("cell,sample,morphology,oven,active_mass_mg\nSC-1,LRM,SC,3,6.3\nSC-2,LRM,SC,4,6.1\n")
    workspace.set_facts("SC-1", {"sample": None})
    assert workspace.cells["SC-1"].facts.sample == "LRM"
    workspace.set_facts("SC-1", {"morphology": "PC"})
    told = workspace.set_facts("SC-1", dict.fromkeys(("active_mass_mg", "oven", "morphology")))
    view = workspace.cells["SC-1"]
    assert (view.facts.active_mass_mg, view.facts.extra, workspace.samples["LRM"].morphology) == (
        6.3,
        {"oven": 3},
        "SC",
    )
    assert {f.code for f in told} == {"fact-stands-again"}
    assert view.facts.sources["active_mass_mg"].endswith("files/cells.csv, line 2")
    assert [c for c in codes(say((tmp_path / "files" / "cells.csv").read_text())) if c != "fact-stands-again"] == []
    # the table is gone: what it said last
    workspace.set_facts("SC-1", {"active_mass_mg": 5})
    (tmp_path / "files" / "cells.csv").unlink()
    (again,) = workspace.set_facts("SC-1", {"active_mass_mg": None})
    assert again.message == "active_mass_mg of SC-1 is 6.3 again: cells.csv, line 2 (which is gone) says so"


def test_a_fact_that_was_said_before_the_table_gives_way_to_it_and_to_the_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    write_curve(tmp_path / "A.csv")
    workspace.add(tmp_path / "A.csv", facts={"active_mass_mg": 5}, executor="serial")
    (test,) = workspace.cells["A"].tests
    workspace.store.change(
        lambda things: things.replace_test(test.model_copy(update={"metadata": {"active_mass_mg": 4.4}}))
    )
    (tmp_path / "cells.csv").write_text("file,cell,active_mass_mg\nA.csv,A,6\n")
    workspace.add(tmp_path / "A.csv", executor="serial")
    workspace.set_facts("A", {"active_mass_mg": None})
    assert mass(workspace, "A") == 6
    workspace.set_facts("A", {"active_mass_mg": 5})
    (tmp_path / "cells.csv").write_text("file,cell,active_mass_mg\nA.csv,A,\n")
    workspace.set_facts("A", {"active_mass_mg": None})
    assert mass(workspace, "A") == 4.4
    workspace.set_facts("A", {"active_mass_mg": None})  # what a file said is taken back: not given
    assert mass(workspace, "A") is None


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("mass_mg", "active_mass_mg"),
        ("mass", "active_mass_mg"),
        ("electrode_mass_mg", "active_mass_mg"),
        ("loading_mg", "active_mass_mg"),
        ("temp", "temperature_celsius"),
        ("nominal_capacity", "nominal_specific_capacity_mah_g"),
        ("1C_mah_g", "one_c_ma_g"),
        ("diameter_um", "particle_diameter_um"),
    ],
)
def test_a_column_that_plausibly_means_a_field_is_asked_about(tmp_path: Path, column: str, field: str) -> None:
    (tmp_path / "cells.csv").write_text(f"cell,{column}\nA,5\n")
    facts = resolve("A", read_cell_tables(tmp_path).entries)
    assert [f.message for f in facts.findings] == [f"column {column} is kept as a group; did you mean {field}?"]
    assert facts.cell.extra == {column: 5}
    wanted = {f.code: f.advice for f in facts_wanted(facts.cell, facts.sample)}
    asked = wanted.get(f"missing-{field.replace('_', '-')}")
    assert asked is None or f"Rename the column {column} to {field}" in asked


def test_a_column_beside_the_field_that_it_could_mean_is_no_question() -> None:
    said = {"active_mass_mg": 5.9, "electrode_mass_mg": 7.4, "furnace": 2}
    assert resolve("A", [entry_from_facts(said)]).findings == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {"active_mass_mg": "5,91"},
            "was given as '5,91'. Expected: a number, such as 5.91. Write a decimal point: 5.91.",
        ),
        ({"active_mass_mg": "5.91 mg"}, "Write the number alone, in the unit of the name: 5.91."),
        ({"active_mass_mg": "five"}, "Expected: a number, such as 5.91"),
        ({"active_mass_mg": -3}, "Expected: a number above 0"),
        ({"temperature_celsius": -300}, "Expected: a number from -273.15"),
        ({"dopant_percent": 101}, "Expected: a number up to 100"),
        ({"electrode": "foo"}, "Expected: cathode, anode or full"),
        ({"morphology": "round"}, "Expected: SC or PC"),
        ({"composition": "Zz9"}, "unknown element Zz"),
        ({"active_mass_g": 0.00591}, "There is no fact 'active_mass_g'"),
        ({"active_mass_g": 0.00591}, "convert the values (1 g = 1000 mg)"),
    ],
)
def test_a_wrong_value_is_refused_in_the_users_words(facts: dict[str, str | float], words: str) -> None:
    with pytest.raises(MetadataError) as told:
        resolve("A", [entry_from_facts(facts)])
    assert words in str(told.value)
    assert "Cell." not in str(told.value)
    assert "Input should" not in str(told.value)


def test_a_cell_that_is_renamed_in_its_table_moves_as_the_error_says(
    workspace: Workspace, say: Callable[[str], AddReport], tmp_path: Path
) -> None:
    say("file,cell,active_mass_mg\nSC-1.csv,A,6.2\n")
    workspace.set_facts("A", {"temperature_celsius": 30})
    ((_, error),) = say("file,cell,active_mass_mg\nSC-1.csv,B,6.2\n").failed
    assert "Where the cell is renamed, or the file is of another one: add it with --reassign" in str(error)
    workspace.add(tmp_path / "files", reassign=True, executor="serial")
    assert "A" not in workspace.cells
    assert (mass(workspace, "B"), workspace.cells["B"].facts.temperature_celsius) == (6.2, 30)


@pytest.mark.parametrize("sign", [";", "\t"])
def test_a_table_of_a_european_spreadsheet_is_read_with_its_decimal_commas(tmp_path: Path, sign: str) -> None:
    rows = (
        ("File", "CELL", "Active_Mass_mg", "temperature_celsius", "particle_diameter_um", "dwell", "note", "Furnace"),
        ("A.csv", "A", "5,91", "25", "0,47", "1,50", "3,5 h, air", "X1"),
        ("B.csv", "B", "6", "25,5", "", "2", "7,5", "X2"),
    )
    (tmp_path / "cells.csv").write_text("\n".join(sign.join(row) for row in rows))
    first, second = read_cell_tables(tmp_path).entries
    assert (first.cell, first.patterns, first.sample_fields) == ("A", ("A.csv",), {"particle_diameter_um": "0.47"})
    assert first.cell_fields == {
        "active_mass_mg": "5.91",
        "temperature_celsius": "25",
        "dwell": "1.50",
        "note": "3,5 h, air",
        "Furnace": "X1",
    }
    assert second.cell_fields["temperature_celsius"] == "25.5"
    assert second.cell_fields["note"] == "7,5"


def test_commas_beside_points_may_be_between_thousands_and_are_left(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("cell;active_mass_mg\nA;1,234\nB;5.91\n")
    assert [e.cell_fields for e in read_cell_tables(tmp_path).entries] == [
        {"active_mass_mg": "1,234"},
        {"active_mass_mg": "5.91"},
    ]


def test_a_cell_is_removed_and_comes_back(workspace: Workspace, say: Callable[[str], AddReport]) -> None:
    table = HEAD + "SC-1,LRM,SC,6.2\n"
    say(table)
    workspace.analyse(executor="serial")
    workspace.correct("SC-1", (1, 1), "formation")
    raw = workspace.cells["SC-1"].tests[0].raw.sha256
    workspace.remove_cell("SC-1")
    assert list(workspace.cells) == ["SC-2"]
    assert workspace.store.values(subject="SC-1") == []
    assert workspace.store.raw_path(raw).is_file()
    assert [f for f in workspace.check() if f.severity != "info"] == []
    with pytest.raises(UnknownNameError):
        workspace.remove_cell("SC-1")
    assert [a.state for a in say(table).added] == ["new", "known"]
    assert mass(workspace) == 6.2
    assert workspace.store.corrections("SC-1") == []
    assert any(c.kind == "protocol" for c in workspace.cells["SC-1"].history)


def test_what_a_table_that_is_gone_said_of_a_cell_under_its_name_before_stands_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write_curve(folder / "x.csv")
    (folder / "cells.csv").write_text("file,cell,active_mass_mg\nx.csv,SC-1,9\n")
    workspace.add(folder, executor="serial")
    workspace.set_facts("SC-1", {"active_mass_mg": 8})
    shutil.rmtree(folder)
    write_curve(tmp_path / "x.csv")
    workspace.add(tmp_path / "x.csv", cell="SC-2", reassign=True, executor="serial")
    assert workspace.cells["SC-2"].facts.active_mass_mg == 8
    (again,) = workspace.set_facts("SC-2", {"active_mass_mg": None})
    assert again.message == "active_mass_mg of SC-2 is 9 again: cells.csv, line 2 (which is gone) says so"
    assert workspace.cells["SC-2"].facts.active_mass_mg == 9


def test_one_file_of_a_cell_is_removed(workspace: Workspace, tmp_path: Path) -> None:
    for seed, name in enumerate(("x", "y")):
        write_curve(tmp_path / f"{name}.csv", seed=seed)
    workspace.add([tmp_path / "x.csv", tmp_path / "y.csv"], cell="A", executor="serial")
    workspace.analyse(executor="serial")
    workspace.remove_file("A", "y.csv")
    assert [t.raw.name for t in workspace.cells["A"].tests] == ["x.csv"]
    workspace.analyse(executor="serial")
    assert len(workspace.cells["A"].analyses) == 1
    with pytest.raises(UnknownNameError, match=r"z\.csv"):
        workspace.remove_file("A", "z.csv")
    workspace.remove_file("A", "x.csv")
    workspace.analyse(executor="serial")
    assert workspace.cells["A"].analyses == []


def test_of_two_files_of_one_name_the_hash_says_which_is_to_go(workspace: Workspace, tmp_path: Path) -> None:
    for seed, part in enumerate(("first", "second")):
        (tmp_path / part).mkdir()
        write_curve(tmp_path / part / "x.csv", seed=seed)
        workspace.add(tmp_path / part / "x.csv", cell="A", executor="serial")
    first, second = (
        hashlib.sha256((tmp_path / part / "x.csv").read_bytes()).hexdigest() for part in ("first", "second")
    )
    for digest in (first, second):  # a workspace that was copied: the times are those of adding all the same
        os.utime(workspace.store.raw_path(digest), (0, 0))
    with pytest.raises(InputError, match=r"2 files of A are 'x\.csv'") as told:
        workspace.remove_file("A", "x.csv")
    for digest in (first, second):
        assert re.search(
            rf"{digest[:12]} \([\d,]+ bytes, added 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\)", told.value.expected
        )
    for unclear in (first[:5], ""):
        with pytest.raises(UnknownNameError, match=re.escape(f"x.csv ({first[:12]})")):
            workspace.remove_file("A", unclear)
    assert len(workspace.cells["A"].tests) == 2
    workspace.remove_file("A", first[:6].upper())
    assert [t.raw.sha256 for t in workspace.cells["A"].tests] == [second]
    workspace.remove_file("A", "x.csv")
    assert workspace.cells["A"].tests == []


def test_what_is_new_about_a_file_is_told_apart(workspace: Workspace, say: Callable[[str], AddReport]) -> None:
    table = HEAD + "SC-1,LRM,SC,6.2\n"
    assert [a.state for a in say(table).added] == ["new", "new"]
    workspace.store.raw_path(workspace.cells["SC-1"].tests[0].raw.sha256).unlink()
    assert [a.state for a in say(table).added] == ["restored", "known"]


def test_who_said_a_fact_changes_no_value_and_survives_json(
    workspace: Workspace, say: Callable[[str], AddReport]
) -> None:
    say(HEAD + "SC-1,LRM,SC,6.2\n")
    workspace.analyse(executor="serial")
    workspace.set_facts("SC-1", {"active_mass_mg": 6.2})
    facts = workspace.cells["SC-1"].facts
    assert facts.sources["active_mass_mg"] == "you"
    assert Cell.from_json(facts.to_json()) == facts
    assert Sample.from_json(workspace.samples["LRM"].to_json()) == workspace.samples["LRM"]
    assert workspace.analyse(executor="serial").analysed == []
    assert workspace.cells["SC-1"].out_of_date == []


def test_a_mass_of_the_file_that_is_stated_too_is_not_asked_about(workspace: Workspace, tmp_path: Path) -> None:
    write_binary(tmp_path / "cell.ndax")  # its file says 5 mg

    def asked() -> bool:
        return "active-mass-from-file" in [f.code for f in workspace.cells["cell"].findings]

    workspace.add(tmp_path / "cell.ndax", executor="serial")
    assert asked()
    (tmp_path / "cells.csv").write_text("cell,active_mass_mg\ncell,5.00\n")
    workspace.add(tmp_path / "cell.ndax", executor="serial")
    assert not asked()
    workspace.set_facts("cell", {"active_mass_mg": 6})
    assert asked()
    workspace.set_facts("cell", {"active_mass_mg": 5.001})
    assert not asked()

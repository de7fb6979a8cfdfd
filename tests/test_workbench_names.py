"""The names of cells: who chose them, what goes along when they change, and files that are there twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import on_both
from lirich.errors import ConflictingMetadataError
from lirich.workbench import Workspace
from lirich.workbench.add import AddReport
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
        for name, kept, other in (("active_mass_mg", 6.0, 8.47), ("dopant", "Zr", "Nb"))
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
    (folder / "cells.csv").write_text("file,cell\nP_*.csv,LRM-9\n")
    workspace.add(folder, executor="serial")
    assert list(workspace.cells) == ["LRM-9"]
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

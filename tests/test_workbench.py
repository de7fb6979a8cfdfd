"""The verbs, from vendor files to values, and what happens when things are missing, wrong or changed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path, PurePosixPath

import polars as pl
import pytest

from conftest import on_both
from lirich.cycling import CyclingSettings
from lirich.errors import (
    ConflictingMetadataError,
    CorruptStoreError,
    InputError,
    MetadataError,
    NotEnoughDataError,
    UnknownNameError,
    WorkspaceExistsError,
    WorkspaceNotFoundError,
)
from lirich.model import Cell, Origin, Sample
from lirich.model.flags import unsound
from lirich.quantities import QUANTITIES
from lirich.reports import write_report
from lirich.store import Analysis
from lirich.workbench import Workspace
from lirich.workbench.analyse import AnalyseReport
from lirich.workbench.doctor import examine
from lirich.workbench.export import export
from lirich.workbench.intake.celltables import Entry, entry_from_facts, facts_from_options
from lirich.workbench.intake.metadata import resolve
from lirich.workbench.intake.reach import Reach
from lirich.workbench.intake.table_files import read_cell_tables
from lirich.workbench.outdated import out_of_date

DEFAULTS = CyclingSettings().model_dump(mode="json")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, small_laboratory: Path) -> Workspace:
    """A workspace with the small laboratory, analysed."""
    workspace = Workspace.create(tmp_path_factory.mktemp("lab") / "workspace")
    workspace.add(small_laboratory, executor="serial")
    workspace.analyse(executor="serial")
    return workspace


def write_curve(
    path: Path, *, seed: int = 0, cycles: int = 2, start_unix: float | None = None, first_cycle: int = 1
) -> None:
    """A small BDF file: constant current between 3 and 4 V, distinct for each seed."""
    rows = []
    time = 0.0
    for cycle in range(cycles):
        for sign, volts in ((1.0, (3.0, 4.0)), (-1.0, (4.0, 3.0))):
            for i in range(60):
                volt = volts[0] + (volts[1] - volts[0]) * i / 59 + 1e-6 * seed
                row = [f"{time:.1f}", f"{volt:.6f}", f"{sign * 1e-3:.6f}", str(first_cycle + cycle)]
                if start_unix is not None:
                    row.append(f"{start_unix + time:.1f}")
                rows.append(",".join(row))
                time += 60.0
    head = "test_time_second,voltage_volt,current_ampere,cycle_count"
    path.write_text("\n".join([head + (",unix_time_second" if start_unix is not None else ""), *rows]) + "\n")


def test_the_first_cycle_of_a_file_whose_place_is_unknown_is_not_that_of_the_cell(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Formation and ageing without clock times, both counted from 1: neither is known to be the first."""
    for seed, (name, cycles) in enumerate((("formation", 2), ("ageing", 6))):
        write_curve(tmp_path / f"{name}.csv", seed=seed, cycles=cycles)
        workspace.add(tmp_path / f"{name}.csv", cell="A", facts={"electrode": "cathode"}, executor="serial")
    workspace.analyse(executor="serial")
    view = workspace.cells["A"]
    assert len(view.analyses) == 2
    assert "run-order-unknown" in view.value("initial_coulombic_efficiency").flags
    assert view.value("voltage_decay_mv_per_cycle").flags == ()  # a slope per cycle needs no number of the first


# --- add -------------------------------------------------------------------------------------------------------


def test_every_file_of_the_laboratory_becomes_a_test_of_its_cell(lab: Workspace) -> None:
    assert list(lab.cells) == ["PC-1", "PC-2", "PC-3", "SC-1", "SC-2", "SC-3"]
    assert {len(view.tests) for view in lab.cells.values()} == {1, 2}
    assert {view.tests[0].reader for view in lab.cells.values()} >= {"neware-text", "maccor", "landt"}
    assert all(view.origin is Origin.SIMULATED for view in lab.cells.values())
    assert lab.cells["SC-1"].sample is not None
    assert lab.cells["SC-1"].sample.morphology == "SC"


def test_the_test_that_goes_on_over_two_files_is_one_run(lab: Workspace) -> None:
    (continued,) = [v for v in lab.cells.values() if len(v.tests) == 2]
    assert len(continued.analyses) == 1
    assert continued.cycles.height == 24
    assert set(continued.analysis.tests) == {t.key for t in continued.tests}


def test_a_second_add_changes_nothing(lab: Workspace, small_laboratory: Path) -> None:
    before = lab.store.fingerprint()
    report = lab.add(small_laboratory, executor="serial")
    assert all(added.already for added in report.added)
    assert lab.analyse(executor="serial").analysed == []
    assert lab.store.fingerprint() == before


def test_a_folder_is_forgiving_and_a_named_file_is_not(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write_curve(folder / "good.bdf.csv")
    (folder / "notes.txt").write_text("electrode 3 looked grey\n")
    (folder / ".hidden").write_text("x")
    report = workspace.add(folder, executor="serial")
    assert [a.cell for a in report.added] == ["good"]
    assert [Path(p).name for p, _ in report.skipped] == ["notes.txt"]
    assert report.failed == []
    report = workspace.add(folder / "notes.txt", executor="serial")
    assert [type(e).__name__ for _, e in report.failed] == ["UnrecognisedFileError"]
    with pytest.raises(InputError, match="no file or folder"):
        workspace.add(tmp_path / "nowhere")


def test_one_bad_file_does_not_stop_the_others(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for seed in range(5):
        write_curve(folder / f"cell{seed}x.bdf.csv", seed=seed)
    (folder / "broken.ndax").write_bytes(b"PK\x03\x04" + b"\x00" * 200)
    report = workspace.add(folder, workers=2)
    assert len(report.added) == 5
    assert [Path(p).name for p, _ in report.failed] == ["broken.ndax"]


@on_both
def test_one_file_is_a_test_of_one_cell(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.bdf.csv")
    workspace.add(tmp_path / "a.bdf.csv", cell="first", executor="serial")
    report = workspace.add(tmp_path / "a.bdf.csv", cell="second", executor="serial")
    assert isinstance(report.failed[0][1], ConflictingMetadataError)
    workspace.add(tmp_path / "a.bdf.csv", cell="second", reassign=True, executor="serial")
    assert "first" not in workspace.cells  # nothing is left of it but its history
    assert len(workspace.cells["second"].tests) == 1


@on_both
def test_a_move_that_fails_moves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.bdf.csv")
    workspace.add(tmp_path / "a.bdf.csv", cell="first", executor="serial")
    before = workspace.store.fingerprint()
    report = workspace.add(
        tmp_path / "a.bdf.csv", cell="second", reassign=True, facts={"active_mass_mg": -5}, executor="serial"
    )
    assert isinstance(report.failed[0][1], MetadataError)
    assert workspace.store.fingerprint() == before


@on_both
def test_a_fact_stated_while_files_are_read_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for seed in (1, 2):
        write_curve(folder / f"x{seed}y.bdf.csv", seed=seed)
    (folder / "cells.csv").write_text("file,cell,electrode\n*.csv,A,cathode\n")

    def meanwhile(_: object) -> None:  # as another process would
        Workspace.open(workspace.root).set_facts("A", {"active_mass_mg": 5.0, "electrode": "full"})

    workspace.add(folder, executor="serial", on_file=meanwhile)
    assert workspace.cells["A"].facts.active_mass_mg == 5.0


def test_a_sample_of_the_cells_own_name_keeps_what_is_known_of_it(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.bdf.csv")
    write_curve(tmp_path / "b.bdf.csv", seed=1)
    workspace.add(tmp_path / "a.bdf.csv", facts={"sample": "b", "composition": "LiCoO2"}, executor="serial")
    workspace.add(tmp_path / "b.bdf.csv", facts={"dopant": "Nb"}, executor="serial")
    assert unsourced(workspace.samples["b"]) == Sample(key="b", composition="LiCoO2", dopant="Nb")


def test_the_table_beside_a_link_counts_not_that_beside_the_file(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "mine").mkdir()
    file = tmp_path / "store" / "a.bdf.csv"
    write_curve(file)
    (tmp_path / "mine" / file.name).symlink_to(file)
    (tmp_path / "mine" / "cells.csv").write_text(f"file,cell,active_mass_mg\n{file.name},mine-1,5.5\n")
    workspace.add(tmp_path / "mine", executor="serial")
    assert workspace.cells["mine-1"].facts.active_mass_mg == 5.5


def test_links_in_circles_and_closed_folders_do_not_stop_an_add(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    write_curve(folder / "sub" / "a.bdf.csv")
    for place in (folder, folder / "sub"):
        for number in (1, 2):
            (place / f"round{number}").symlink_to(folder, target_is_directory=True)
    report = workspace.add(folder, executor="serial")
    assert [a.cell for a in report.added] == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_is_told(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "files.bdf.csv")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    report = workspace.add([closed, tmp_path / "files.bdf.csv"], executor="serial")
    assert [a.cell for a in report.added] == ["files"]
    assert "cannot be listed" in str(report.failed[0][1])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
@on_both
def test_a_name_that_is_no_unicode_fails_alone(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "good.bdf.csv")
    shutil.copy(tmp_path / "good.bdf.csv", os.fsencode(tmp_path) + b"/K\xe4lte.bdf.csv")
    (tmp_path / "two\nlines.bdf.csv").write_text((tmp_path / "good.bdf.csv").read_text() + "\n")
    report = workspace.add([*tmp_path.glob("*.csv")], executor="serial")
    assert [a.cell for a in report.added] == ["good"]
    told = "\n".join(f"{path} {error}" for path, error in report.failed)
    assert "no Unicode name. Rename the file or its folder" in told
    assert "'two\\nlines' cannot be the name of a cell" in told
    told.encode()


def test_a_file_that_grows_while_it_is_read_is_refused(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lirich.readers

    path = tmp_path / "a.bdf.csv"
    write_curve(path)
    read = lirich.readers.read

    def slowly(file: Path, **options: object) -> object:
        found = read(file, **options)
        with path.open("a") as more:  # the cycler goes on
            more.write(path.read_text().splitlines()[-1].replace("3.0", "2.9") + "\n")
        return found

    monkeypatch.setattr(lirich.readers, "read", slowly)
    report = workspace.add(path, executor="serial")
    assert "changed while it was read" in str(report.failed[0][1])
    monkeypatch.undo()
    assert len(workspace.add(path, executor="serial").added) == 1


@on_both
def test_a_new_version_of_a_reader_reads_again(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lirich.readers import readers

    write_curve(tmp_path / "a.bdf.csv")
    first = workspace.add(tmp_path / "a.bdf.csv", executor="serial").added[0].test
    monkeypatch.setattr(readers()["bdf"], "version", "2099")
    again = workspace.add(tmp_path / "a.bdf.csv", executor="serial").added[0]
    assert (first.reader_version, again.test.reader_version) != ("2099", first.reader_version)
    assert again.test.reader_version == "2099"
    assert not again.already


@on_both
def test_a_new_reading_of_a_file_replaces_the_one_before(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lirich.readers import readers

    write_curve(tmp_path / "a.bdf.csv")
    workspace.add(tmp_path / "a.bdf.csv", cell="mine", executor="serial")
    workspace.analyse(executor="serial")
    before = len(workspace.cells["mine"].values)
    monkeypatch.setattr(readers()["bdf"], "version", "2099")
    report = workspace.add(tmp_path / "a.bdf.csv", cell="mine", executor="serial")
    assert [f.code for f in report.findings] == ["read-again"]
    workspace.analyse(executor="serial")
    assert [t.reader_version for t in workspace.cells["mine"].tests] == ["2099"]
    assert len(workspace.store.values(subject="mine")) == before
    monkeypatch.setattr(readers()["bdf"], "version", "2100")
    report = workspace.add(tmp_path / "a.bdf.csv", cell="other", executor="serial")
    assert isinstance(report.failed[0][1], ConflictingMetadataError)


@on_both
def test_files_that_continue_are_one_cell_and_parallel_cells_are_not(workspace: Workspace, tmp_path: Path) -> None:
    day = 86_400.0
    write_curve(tmp_path / "A_1.bdf.csv", start_unix=1.7e9, cycles=2)
    write_curve(tmp_path / "A_2.bdf.csv", start_unix=1.7e9 + day, cycles=3, first_cycle=3, seed=1)
    write_curve(tmp_path / "B-1.bdf.csv", start_unix=1.7e9, seed=2)
    write_curve(tmp_path / "B-2.bdf.csv", start_unix=1.7e9 + day, seed=3)  # starts at cycle 1: another cell
    files = sorted(tmp_path.glob("*.bdf.csv"))
    report = workspace.add(files, executor="serial")
    assert sorted(workspace.cells) == ["A", "B-1", "B-2"]
    assert "files-joined" in {f.code for f in report.findings}
    workspace.analyse(executor="serial")
    assert workspace.cells["A"].cycles.height == 5


def test_a_repair_is_made_only_on_request_and_kept_in_the_record(workspace: Workspace, shared_data: Path) -> None:
    file = shared_data / "cycling" / "basytec_LiLNMO_pOCV_halfcell.bdf.csv"
    refused = workspace.add(file, cell="LNMO", executor="serial")
    assert type(refused.failed[0][1]).__name__ == "InconsistentDataError"
    assert "time-3600x" in str(refused.failed[0][1])
    repaired = workspace.add(file, cell="LNMO", repairs=["time-3600x"], executor="serial")
    assert repaired.added[0].test.repairs == ("time-3600x",)


def unsourced(thing: Cell | Sample) -> Cell | Sample:
    return thing.model_copy(update={"sources": {}})


# --- facts -----------------------------------------------------------------------------------------------------


def test_facts_come_by_priority_and_differences_are_said(tmp_path: Path) -> None:
    facts = resolve(
        "SC-1",
        [
            entry_from_facts({"active_mass_mg": 6.0}),
            entry_from_facts({"active_mass_mg": 5.9, "electrode": "cathode", "morphology": "single crystal"}),
            entry_from_facts({"active_mass_mg": 5.901}),
        ],
    )
    assert unsourced(facts.cell) == Cell(key="SC-1", sample="SC-1", active_mass_mg=6.0, electrode="cathode")
    assert facts.sample is not None
    assert unsourced(facts.sample) == Sample(key="SC-1", morphology="SC")
    assert facts.cell.sources == {"active_mass_mg": "you", "electrode": "you"}
    assert [f.code for f in facts.findings] == ["metadata-differs", "metadata-differs"]
    agreeing = resolve("a", [entry_from_facts({"active_mass_mg": 5.9}), entry_from_facts({"active_mass_mg": "5.901"})])
    assert agreeing.findings == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("cell,active_mass_g\nA,0.0059\n", "active_mass_g"),
        ("cell,Active mass mg\nA,5.9\n", "Active mass mg"),
        ("cell,active_mass_mg\nA,5.9,7\n", "line 2"),
        ('cell,note\n"A","of\ntwo lines"\nB,1,2\n', "line 4"),
        ("cell,active_mass_mg,active_mass_mg\nA,5.9,7\n", "two columns 'active_mass_mg'"),
        (f"cell,note\nA,{'x' * 200_000}\n", "line 2: field larger"),
    ],
)
def test_a_doubtful_table_is_refused_with_its_place(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "cells.csv").write_text(table)
    with pytest.raises(MetadataError, match=message):
        read_cell_tables(tmp_path)


@pytest.mark.parametrize("value", ["-5", "nan", "inf", "five", "0"])
def test_an_impossible_mass_is_refused(value: str) -> None:
    with pytest.raises(MetadataError, match="active_mass_mg"):
        resolve("A", [entry_from_facts({"active_mass_mg": value})])


def rows_of(folder: Path, name: str) -> list[Entry]:
    return Reach(read_cell_tables(folder), {PurePosixPath(name): None}).rows(PurePosixPath(name))


def test_cells_toml_with_defaults_and_samples(tmp_path: Path) -> None:
    (tmp_path / "cells.toml").write_text(
        '[defaults]\nelectrode = "cathode"\none_c_ma_g = 250\n'
        '[samples.S]\ncomposition = "Li1.2Mn0.54Ni0.13Co0.13O2"\nmorphology = "PC"\nsieve = 40\n'
        '[cells.A]\nfiles = ["A_*.ndax", "A.csv"]\nsample = "S"\nactive_mass_mg = 4.5\n'
    )
    facts = resolve("A", rows_of(tmp_path, "A_7.ndax"))
    assert (facts.cell.electrode, facts.cell.one_c_ma_g, facts.cell.active_mass_mg) == ("cathode", 250, 4.5)
    assert facts.sample is not None
    assert facts.sample.morphology == "PC"
    assert facts.cell.extra == {"sieve": 40}
    (tmp_path / "cells.toml").write_text("[cells]\nA = 3\n")
    with pytest.raises(MetadataError, match="no table"):
        read_cell_tables(tmp_path)


def test_a_file_claimed_by_two_cells_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("file,cell\n*.csv,A\nx*.csv,B\n")
    with pytest.raises(ConflictingMetadataError, match="claimed by A, B"):
        rows_of(tmp_path, "x1.csv")


def test_all_that_the_tables_say_of_a_file_counts_and_differences_are_said(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text('cell;file;active_mass_mg;note\nA;A*;5;"5"" wafer"\nA;A_2*;6;\n')
    (tmp_path / "cells.toml").write_text("[cells.A]\nfiles = ['A*']\none_c_ma_g = 250\nactive_mass_mg = 5\n")
    facts = resolve("A", rows_of(tmp_path, "A_2.csv"))
    assert unsourced(facts.cell) == Cell(key="A", active_mass_mg=5, one_c_ma_g=250, extra={"note": '5" wafer'})
    assert [f.message for f in facts.findings] == [
        "active_mass_mg of A is 5 in cells.csv, line 2 and 6 in cells.csv, line 3; 5 is used"
    ]


def test_names_made_of_digits_stay_names() -> None:
    said = {"lot": "12_3", "shelf": "007", "note": "nan", "oven": "3", "dwell": "1.50", "slope": "-2e-3", "tag": "-"}
    assert resolve("A", [entry_from_facts(said)]).cell.extra == {
        "lot": "12_3", "shelf": "007", "note": "nan", "oven": 3, "dwell": 1.5, "slope": -0.002, "tag": "-",
    }  # fmt: skip


@pytest.mark.parametrize("table", ["[cells.A]\nsample = ['S']\n", "x = " + "[" * 5000, "x = " + "9" * 5000])
def test_a_hostile_toml_is_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "cells.toml").write_text(table)
    with pytest.raises(MetadataError):
        read_cell_tables(tmp_path)


def test_options_of_the_command_line() -> None:
    assert facts_from_options(["active_mass_mg=5.9", "note=a=b"]) == {"active_mass_mg": "5.9", "note": "a=b"}
    with pytest.raises(MetadataError, match="is no fact"):
        facts_from_options(["active_mass_mg"])


def test_what_is_missing_is_asked_for_by_name_and_never_assumed(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "bare.bdf.csv")
    workspace.add(tmp_path / "bare.bdf.csv", executor="serial")
    workspace.analyse(executor="serial")
    view = workspace.cells["bare"]
    asked = {f.code for f in view.findings}
    assert {"missing-active-mass-mg", "missing-electrode", "missing-one-c-ma-g", "missing-composition"} <= asked
    assert view.cycles["discharge_specific_capacity_mah_g"].null_count() == view.cycles.height
    # 60 points, 60 s apart, 1 mA: 59 or 60 min, as the minute between the half-cycles is counted
    assert view.cycles["discharge_capacity_mah"].to_list() == pytest.approx([1.0] * 2, rel=0.02)
    workspace.set_facts("bare", {"active_mass_mg": 2.0, "electrode": "cathode"})
    assert workspace.analyse(executor="serial").analysed == ["bare"]
    again = workspace.cells["bare"]
    assert again.cycles["discharge_specific_capacity_mah_g"].to_list() == pytest.approx([500.0] * 2, rel=0.02)
    assert "missing-active-mass-mg" not in {f.code for f in again.findings}


# --- analyse, compare, export ----------------------------------------------------------------------------------


def test_every_value_leads_back_to_its_files_code_and_parameters(lab: Workspace) -> None:
    for view in lab.cells.values():
        hashes = {t.raw.sha256 for t in view.tests}
        for value in view.values:
            assert set(value.provenance.files) == hashes
            assert value.provenance.version
            assert value.provenance.code.startswith("lirich.cycling")
            lineage = lab.store.provenance(value)
            assert lineage.complete
            assert lineage.settings == DEFAULTS
            assert lineage.corrections == ()
            assert lineage.parameters == value.provenance.parameters
            if value.quantity.startswith("low_voltage"):
                assert value.conditions.threshold_v == lineage.settings["low_voltage_threshold_v"]
        for digest in hashes:
            assert lab.store.raw_path(digest, verify=True).is_file()


@on_both
def test_what_an_analysis_was_made_with_stays_beside_its_values(workspace: Workspace, tmp_path: Path) -> None:
    """A value alone tells what was not the default; its analysis tells every setting, also after they have changed."""
    write_curve(tmp_path / "a.csv", cycles=3)
    workspace.add(tmp_path / "a.csv", cell="A", facts={"electrode": "cathode"}, executor="serial")
    workspace.change_settings(cycling={"low_voltage_threshold_v": 3.3, "rest_current_fraction": 1e-3})
    workspace.analyse(executor="serial")
    workspace.correct("A", (1, 1), "formation")
    workspace.change_settings(cycling={"low_voltage_threshold_v": 3.1})
    (value,) = workspace.store.values(quantity="low_voltage_share", subject="A")[:1]
    assert value.conditions.threshold_v == 3.3
    assert value.provenance.parameters["rest_current_fraction"] == 1e-3
    lineage = workspace.store.provenance(value)
    assert lineage.settings == {**DEFAULTS, "low_voltage_threshold_v": 3.3, "rest_current_fraction": 1e-3}
    assert lineage.corrections == ()
    assert workspace.cells["A"].settings.low_voltage_threshold_v == 3.3
    export(workspace, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())["A"]["analyses"][0]
    assert told["settings"] == lineage.settings
    table = pl.read_csv(tmp_path / "out" / "values.csv").filter(pl.col("quantity") == "low_voltage_share")
    assert json.loads(table["parameters"][0])["low_voltage_threshold_v"] == 3.3
    workspace.analyse(executor="serial")
    (made,) = workspace.cells["A"].analyses
    assert made.settings == {**DEFAULTS, "low_voltage_threshold_v": 3.1}
    assert [c["kind"] for c in made.corrections] == ["formation"]


def test_findings_come_in_the_order_of_the_cells_whichever_ends_first(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lirich.workbench import analyse

    for seed, name in enumerate(("B", "A", "C")):
        write_curve(tmp_path / f"{name}.csv", seed=seed, cycles=3, start_unix=1.7e9)
        workspace.add(tmp_path / f"{name}.csv", cell=name, executor="serial")
    first = workspace.analyse(executor="serial")
    run_tasks = analyse.run_tasks
    monkeypatch.setattr(analyse, "run_tasks", lambda *a, **k: reversed(list(run_tasks(*a, **k))))
    again = workspace.analyse(force=True, executor="serial")
    assert again.findings == first.findings
    assert list(dict.fromkeys(f.where[:1] for f in again.findings)) == ["A", "B", "C"]


def old(report: AnalyseReport) -> list[str]:
    return [f.where for f in report.findings if f.code == "results-out-of-date"]


@on_both
def test_values_of_former_settings_facts_and_corrections_are_said_to_be_out_of_date(
    workspace: Workspace, tmp_path: Path
) -> None:
    for seed, (name, morphology) in enumerate((("A", "SC"), ("B", "PC"))):
        write_curve(tmp_path / f"{name}.csv", seed=seed, cycles=3, start_unix=1.7e9)
        facts = {"electrode": "cathode", "sample": name, "morphology": morphology, "active_mass_mg": 5.0}
        workspace.add(tmp_path / f"{name}.csv", cell=name, facts=facts, executor="serial")
    assert out_of_date(workspace.store) == []  # never analysed: nothing is old
    assert old(workspace.analyse(executor="serial")) == []
    assert out_of_date(workspace.store) == []

    workspace.change_settings(cycling={"low_voltage_threshold_v": 3.2})
    told = {f.where: f for f in out_of_date(workspace.store)}
    assert list(told) == ["A", "B"]
    assert all(f.severity == "warning" and f.code == "results-out-of-date" for f in told.values())
    assert "low_voltage_threshold_v was 3.5, is 3.2" in told["A"].message
    assert told["A"] in workspace.cells["A"].findings
    assert told["A"] in workspace.compare("morphology", quantities="all").findings
    assert told["A"] in examine(workspace.root).findings
    # one of the two is analysed again, and that tells of the other
    assert old(workspace.analyse(["A"], executor="serial")) == ["B"]
    assert workspace.cells["A"].out_of_date == []
    workspace.analyse(executor="serial")

    workspace.set_facts("A", {"active_mass_mg": 6.0, "batch": "7"})
    (finding,) = out_of_date(workspace.store)
    assert "active_mass_mg was 5, is 6; batch was not given, is 7" in finding.message
    workspace.set_facts("A", {"active_mass_mg": 5.0})
    workspace.analyse(executor="serial")
    workspace.correct("B", (1, 1), "formation")
    assert "corrections" in out_of_date(workspace.store)[0].message
    workspace.clear_corrections("B")
    assert out_of_date(workspace.store) == []
    write_curve(tmp_path / "A2.csv", seed=9, start_unix=1.71e9, first_cycle=4)
    workspace.add(tmp_path / "A2.csv", cell="A", executor="serial")
    assert [f.where for f in out_of_date(workspace.store)] == ["A"]
    (workspace.root / "lirich.toml").write_text(
        (workspace.root / "lirich.toml").read_text().replace("low_voltage_threshold_v = 3.2", "reversal_fraction = 7")
    )
    with Workspace.open(workspace.root) as again:
        assert [(f.code, str(f.severity)) for f in out_of_date(again.store)] == [("settings-unusable", "error")]
        assert not examine(again.root).well


def test_after_a_failed_analysis_the_old_values_stay_and_are_said_to_be_old(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_curve(tmp_path / "A.csv", cycles=3)
    workspace.add(tmp_path / "A.csv", cell="A", executor="serial")
    workspace.analyse(executor="serial")
    before = workspace.cells["A"].values
    workspace.change_settings(cycling={"low_voltage_threshold_v": 3.2})

    def fails(*_: object, **__: object) -> None:
        raise NotEnoughDataError("no")

    monkeypatch.setattr("lirich.cycling.analyse", fails)
    report = workspace.analyse(executor="serial")
    assert [cell for cell, _ in report.failed] == ["A"]
    assert old(report) == ["A"]
    assert workspace.cells["A"].values == before


def test_a_report_shows_the_settings_of_its_values_and_not_those_of_now(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "A.csv", cycles=3)
    workspace.add(tmp_path / "A.csv", cell="A", facts={"electrode": "cathode"}, executor="serial")
    workspace.analyse(executor="serial")
    workspace.change_settings(cycling={"low_voltage_threshold_v": 3.2})
    text = write_report(workspace, tmp_path / "report.html").read_text()
    assert "<dt>low_voltage_threshold_v</dt><dd>3.5</dd>" in text
    assert "low_voltage_threshold_v was 3.5, is 3.2" in text
    assert "The values of A are not those of the present settings and facts" in text


def test_a_change_of_lirich_alone_is_a_remark(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lirich.workbench import analyse

    write_curve(tmp_path / "a.bdf.csv")
    workspace.add(tmp_path / "a.bdf.csv", executor="serial")
    workspace.analyse(executor="serial")
    monkeypatch.setattr(analyse, "CODE", ("lirich.errors",))
    (finding,) = out_of_date(workspace.store)
    assert finding.severity == "info"
    assert "another state of lirich" in finding.message


def test_a_table_of_an_analysis_that_is_gone_is_made_again(workspace: Workspace, tmp_path: Path) -> None:
    """Set aside as damaged, or removed since another analysis replaced it and the older catalogue was put back."""
    write_curve(tmp_path / "a.bdf.csv")
    workspace.add(tmp_path / "a.bdf.csv", cell="A", executor="serial")
    workspace.analyse(executor="serial")
    assert not workspace.analyse(executor="serial").analysed
    (analysis,) = workspace.cells["A"].analyses
    path = workspace.store._curves.path(str(analysis.cycles_curve))
    assert path is not None
    path.unlink()
    with pytest.raises(CorruptStoreError, match="'lirich analyse'"):
        _ = workspace.cells["A"].cycles
    (missing,) = (f for f in workspace.check() if f.severity == "error")
    assert "'lirich analyse' makes" in missing.advice
    assert workspace.analyse(executor="serial").analysed == ["A"]
    assert workspace.cells["A"].cycles.height
    assert not [f for f in workspace.check() if f.severity == "error"]


def test_a_correction_of_the_protocol_changes_the_analysis_and_can_be_withdrawn(
    tmp_path: Path, small_laboratory: Path
) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    workspace.add(small_laboratory / "SC-1.csv", executor="serial")
    workspace.analyse(executor="serial")
    detected = workspace.cells["SC-1"].value("voltage_decay_mv_per_cycle")
    workspace.correct("SC-1", (3, 10), "formation")
    assert workspace.analyse(executor="serial").analysed == ["SC-1"]
    corrected = workspace.cells["SC-1"]
    assert corrected.value("voltage_decay_mv_per_cycle").conditions != detected.conditions
    assert any(s.source == "user" and s.kind == "formation" for s in corrected.segments)
    workspace.clear_corrections("SC-1")
    workspace.analyse(executor="serial")
    assert workspace.cells["SC-1"].value("voltage_decay_mv_per_cycle") == detected
    with pytest.raises(InputError, match="upside down"):
        workspace.correct("SC-1", (10, 3), "formation")
    with pytest.raises(InputError):
        workspace.correct("SC-1", (1, 3), "breakfast")


def test_changed_code_analyses_again(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lirich.workbench import analyse

    write_curve(tmp_path / "a.bdf.csv")
    workspace.add(tmp_path / "a.bdf.csv", executor="serial")
    assert workspace.analyse(executor="serial").analysed == ["a"]
    assert workspace.analyse(executor="serial").analysed == []
    monkeypatch.setattr(analyse, "CODE", ("lirich.errors",))  # other source, another hash
    assert workspace.analyse(executor="serial").analysed == ["a"]


def test_groups_of_cells(lab: Workspace) -> None:
    comparison = lab.compare("morphology")
    rows = {row.quantity: row for row in comparison.rows}
    decay = rows["voltage_decay_mv_per_cycle"]
    assert {g.group: g.n for g in decay.groups} == {"SC": 3, "PC": 3}
    assert decay.contrasts[0].favours == "SC"
    assert json.loads(json.dumps(comparison.to_dict()))["by"] == "morphology"
    with pytest.raises(UnknownNameError, match="Did you mean 'morphology'"):
        lab.compare("morphologie")
    with pytest.raises(NotEnoughDataError, match="electrolyte makes 1 group"):
        lab.compare("electrolyte")
    with pytest.raises(NotEnoughDataError, match="dopant makes 0 group"):
        lab.compare("dopant")


def test_export_stands_on_its_own_and_comes_in_again(lab: Workspace, tmp_path: Path) -> None:
    files = export(lab, tmp_path / "out")
    assert {"values.csv", "cells.csv", "provenance.json", "SC-1.bdf.csv", "SC-1.cycles.csv"} <= {f.name for f in files}
    again = Workspace.create(tmp_path / "again")
    inner = tmp_path / "points"
    inner.mkdir()
    for file in (tmp_path / "out").iterdir():
        if ".bdf." in file.name or file.name == "cells.csv":
            shutil.copy(file, inner)
    again.add(inner, executor="serial")
    again.analyse(executor="serial")
    for key in lab.cells:
        old, new = lab.cells[key], again.cells[key]
        assert new.facts.active_mass_mg == old.facts.active_mass_mg
        for quantity in ("initial_coulombic_efficiency", "voltage_decay_mv_per_cycle"):
            assert new.value(quantity).value == pytest.approx(old.value(quantity).value, rel=1e-6)
    with pytest.raises(InputError, match="not an empty folder"):
        export(lab, tmp_path / "out")


@on_both
def test_names_of_cells_that_are_no_names_of_files_are_exported_and_come_in_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    names = ["a[1]*", "A:1", "a_1", "b|c", "SC.run1", "电池" * 40]
    for seed, name in enumerate(names):
        write_curve(tmp_path / f"{seed}.bdf.csv", seed=seed)
        workspace.add(tmp_path / f"{seed}.bdf.csv", cell=name, facts={"active_mass_mg": 1 + seed}, executor="serial")
    write_curve(tmp_path / "6.bdf.csv", seed=6)
    write_curve(tmp_path / "7.bdf.csv", seed=7)
    workspace.add([tmp_path / "6.bdf.csv", tmp_path / "7.bdf.csv"], cell="SC", executor="serial")
    workspace.analyse(executor="serial")
    paper = next(v for v in workspace.literature if v.subject.kind == "material")
    workspace.store.put_values([paper], source="mine")
    files = export(workspace, tmp_path / "out")
    assert len({f.name.casefold() for f in files}) == len(files)
    assert paper.subject.key in (tmp_path / "out" / "values.csv").read_text()
    again = Workspace.create(tmp_path / "again")
    again.add(tmp_path / "out", executor="serial")
    assert {k: again.cells[k].facts.active_mass_mg for k in names} == {n: 1 + i for i, n in enumerate(names)}
    assert len(again.cells["SC"].tests) == len(workspace.cells["SC"].analyses)


def test_the_notebook_side(lab: Workspace) -> None:
    view = lab.cells["SC-1"]
    assert view.cycles.height == 24
    assert "voltage decay" in view._repr_html_()
    assert "SC-1" in lab._repr_html_()
    for kind in ("voltage", "dqdv", "hysteresis", "capacity", "mean-voltage", "low-voltage", "protocol"):
        assert "plotly" in view.plot(kind)._repr_html_().lower()
    with pytest.raises(UnknownNameError, match="Did you mean 'voltage'"):
        view.plot("voltages")
    with pytest.raises(UnknownNameError, match="Did you mean 'SC-1'"):
        lab.cells["SC-11"]
    assert lab.cells.get("nobody") is None
    values = lab.values(quantity="initial_coulombic_efficiency")
    assert values.height == 6
    assert len(lab.literature) >= 96


@on_both
def test_a_healthy_workspace_with_a_mapping_file_has_no_finding(workspace: Workspace, tmp_path: Path) -> None:
    from lirich.testing.digitised import write_digitised_cell

    path = write_digitised_cell(tmp_path / "real")
    workspace.add(path, executor="serial")
    workspace.analyse(executor="serial")
    assert workspace.check() == []
    (test,) = workspace.store.tests()
    assert [file.name for file in test.beside] == [f"{path.name}.lirich.toml"]


def test_a_repair_that_is_not_needed_is_said_once_and_not_kept(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.bdf.csv")
    report = workspace.add(tmp_path / "a.bdf.csv", repairs=["time-1000x"], executor="serial")
    assert [(f.code, f.where) for f in report.findings] == [("repair-not-needed", "a.bdf.csv")]
    assert "repair-not-needed" not in {f.code for f in workspace.cells["a"].findings}
    assert workspace.cells["a"].tests[0].repairs == ()


def test_a_row_of_cells_csv_that_matches_no_file_is_said(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write_curve(folder / "a.bdf.csv")
    (folder / "cells.csv").write_text("file,cell,active_mass_mg\na.*,A,2.0\nb*.ndax,GHOST,3.0\n")
    report = workspace.add(folder, executor="serial")
    assert [(f.code, f.where) for f in report.findings] == [("row-without-file", "GHOST")]
    assert sorted(workspace.cells) == ["A"]


def test_a_repaired_file_is_known_when_its_folder_is_added_again(workspace: Workspace, shared_data: Path) -> None:
    file = shared_data / "cycling" / "basytec_LiLNMO_pOCV_halfcell.bdf.csv"
    workspace.add(file, cell="LNMO", repairs=["time-3600x"], executor="serial")
    again = workspace.add(file, cell="LNMO", executor="serial")
    assert [(a.already, a.test.repairs) for a in again.added] == [(True, ("time-3600x",))]
    assert again.failed == []


@on_both
def test_a_name_that_nobody_chose_gives_way_to_a_stated_one(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "run7.bdf.csv")
    workspace.add(tmp_path / "run7.bdf.csv", executor="serial")
    workspace.analyse(executor="serial")
    (tmp_path / "cells.csv").write_text("file,cell,active_mass_mg\nrun7*,NW-1,2.0\n")
    report = workspace.add(tmp_path / "run7.bdf.csv", executor="serial")
    assert report.failed == []
    assert list(workspace.cells) == ["NW-1"]
    assert workspace.cells["NW-1"].facts.active_mass_mg == 2.0
    assert [f for f in workspace.check() if f.severity != "info"] == []


def test_a_capacity_that_no_li_rich_oxide_has_is_doubted(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.bdf.csv")  # 1 mAh
    for mass, doubted in ((2.0, True), (2.5, False)):  # 500 and 400 mAh/g; all lithium of Li2MnO3 is 459
        facts = {"active_mass_mg": mass, "electrode": "cathode"}
        workspace.add(tmp_path / "a.bdf.csv", facts=facts, executor="serial")
        workspace.analyse(executor="serial")
        codes = {f.code for f in workspace.cells["a"].findings}
        assert ("implausible-specific-capacity" in codes) is doubted
        for value in workspace.cells["a"].values:
            per_gram = QUANTITIES[value.quantity].unit.startswith(("mAh/g", "Wh/kg"))
            assert ("implausible-capacity" in unsound(value.flags)) is (doubted and per_gram), value.quantity


def test_a_report_into_a_folder_that_is_not_there_is_refused(lab: Workspace, tmp_path: Path) -> None:
    from lirich.reports import write_report

    with pytest.raises(InputError, match="no folder"):
        write_report(lab, tmp_path / "typo" / "r.html")
    assert not (tmp_path / "typo").exists()


def test_workspaces_are_found_made_once_and_checked(tmp_path: Path, lab: Workspace) -> None:
    Workspace.create(tmp_path / "w")
    with pytest.raises(WorkspaceExistsError):
        Workspace.create(tmp_path / "w")
    (tmp_path / "w" / "deep" / "er").mkdir(parents=True)
    assert Workspace.find(tmp_path / "w" / "deep" / "er").root == tmp_path / "w"
    with pytest.raises(WorkspaceNotFoundError):
        Workspace.open(tmp_path)
    assert [f for f in lab.check() if f.severity != "info"] == []


@pytest.mark.slow
def test_dask_with_two_workers_fills_the_same_catalogue(tmp_path: Path, lab: Workspace, small_laboratory: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra [distributed] is not installed")
    workspace = Workspace.create(tmp_path / "workspace")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        workspace.add(small_laboratory, executor=cluster.scheduler_address)
        workspace.analyse(executor=cluster.scheduler_address)
    assert workspace.store.fingerprint() == lab.store.fingerprint()


def test_a_fresh_demo_removes_only_what_a_demo_made(tmp_path: Path) -> None:
    from lirich.workbench.demo import MARK, prepare

    prepare(tmp_path / "demo", fresh=False)
    (tmp_path / "demo" / "files").mkdir()
    (tmp_path / "demo" / "files" / "SC-1.csv").touch()
    (tmp_path / "demo" / "my notes.txt").write_text("mine")
    with pytest.raises(InputError, match="earlier demo"):
        prepare(tmp_path / "demo", fresh=False)
    prepare(tmp_path / "demo", fresh=True)
    assert {p.name for p in (tmp_path / "demo").iterdir()} == {MARK, "my notes.txt"}


@on_both
def test_a_worker_keeps_no_connection(workspace: Workspace) -> None:
    from lirich.workbench.stores import store_at

    pool = store_at(str(workspace.root))._database._engine.pool
    assert (pool.checkedin(), pool.checkedout()) == (0, 0)


@on_both
def test_an_analysis_whose_test_was_removed_meanwhile_fails_alone(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lirich.store import Store

    for seed, name in enumerate("AB"):
        write_curve(tmp_path / f"{name}.bdf.csv", seed=seed)
        workspace.add(tmp_path / f"{name}.bdf.csv", executor="serial")
    put = Store.put_analysis

    def late(store: Store, analysis: Analysis) -> None:
        if analysis.cell == "A":
            store.remove_test(analysis.tests[0])
        put(store, analysis)

    monkeypatch.setattr(Store, "put_analysis", late)
    report = workspace.analyse(executor="serial")
    assert report.analysed == ["B"]
    assert [cell for cell, _ in report.failed] == ["A"]

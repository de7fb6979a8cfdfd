"""A mapping file that is given by name: what it reads, how it is kept, and that no two are mixed up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import lirich
from command_line import run
from lirich.errors import ConflictingMetadataError, InputError, MappingError, ReadError, UnrecognisedFileError
from lirich.model import table as std
from lirich.testing.digitised import PUBLISHED, digitised_table
from lirich.workbench import Workspace

MAPPING = """
name = "Kim et al. 2025, digitised"
normalised_to_mg = {mass}

[columns]
cycle = "cycle"
direction = "direction"
voltage = {{ column = "voltage_V", unit = "V" }}
capacity = {{ column = "capacity_mAh_g", unit = "mAh/g" }}

[cell]
electrode = "cathode"
{more}
"""
LOADINGS = "voltage_V,mean_capacity_mAh_g,pc1_loading,pc2_loading\n3.0,0.0,0.1,0.2\n3.1,1.0,0.1,0.2\n"


def mapping(folder: Path, name: str = "posco.toml", mass: float = 1.0, more: str = "") -> Path:
    path = folder / name
    path.write_text(MAPPING.format(mass=mass, more=more))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "curve.csv"
    path.parent.mkdir()
    path.write_text(digitised_table())
    return path


def test_the_digitised_cell_has_its_figures_by_a_mapping_elsewhere(
    workspace: Workspace, table: Path, tmp_path: Path
) -> None:
    workspace.add(table, cell="LRLO", mapping=mapping(tmp_path), executor="serial")
    workspace.analyse(executor="serial")
    found = workspace.cells["LRLO"].value("initial_coulombic_efficiency").value
    assert found == pytest.approx(PUBLISHED["initial_coulombic_efficiency"], abs=0.3)
    assert workspace.check() == []
    assert [p.name for p in table.parent.iterdir()] == ["curve.csv"]


@pytest.mark.data
def test_the_two_digitised_files_of_the_read_only_folder(
    workspace: Workspace, shared_data: Path, tmp_path: Path
) -> None:
    cell, loadings = sorted((shared_data / "cycling").glob("lrlo_*.csv"), reverse=True)
    by = mapping(tmp_path)
    inspection = lirich.inspect(cell, mapping=by)
    assert (inspection.readable, inspection.reader, inspection.rows) == (True, "mapped", 1298)
    report = workspace.add([cell, loadings.parent / loadings.name], mapping=by, executor="serial")
    assert [Path(a.path).name for a in report.added] == [cell.name]
    assert [type(error) for _, error in report.failed] == [MappingError]  # named itself, it is read by the mapping
    error = lirich.inspect(loadings).error
    assert error is not None
    assert f"lirich learn import {loadings}" in error["advice"]
    assert workspace.learn.take_in(str(loadings)).kind == "state-map"


def test_published_loadings_are_sent_to_their_door(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pca.csv").write_text(LOADINGS)
    report = workspace.add(tmp_path / "data", executor="serial")
    ((_, reason),) = report.skipped
    assert "lirich learn import" in reason
    with pytest.raises(UnrecognisedFileError) as told:
        lirich.read(tmp_path / "data" / "pca.csv")
    assert "mapping" not in told.value.advice
    (tmp_path / "data" / "other.csv").write_text(LOADINGS.replace("pc1_loading", "score"))
    with pytest.raises(UnrecognisedFileError) as told:
        lirich.read(tmp_path / "data" / "other.csv")
    assert "--mapping" in told.value.advice


def test_its_text_is_kept_with_the_raw_file_and_reads_it_again(
    workspace: Workspace, table: Path, tmp_path: Path
) -> None:
    by = mapping(tmp_path, mass=12.5)
    text = by.read_bytes()
    workspace.add(table, cell="LRLO", mapping=by, executor="serial")
    by.unlink()
    (test,) = workspace.store.tests()
    (kept,) = test.beside
    assert (kept.name, test.mapping) == ("posco.toml", kept.sha256)
    raw = workspace.store.raw_path(kept.sha256, verify=True)
    assert raw.read_bytes() == text
    again = lirich.read(workspace.store.raw_path(test.raw.sha256), mapping=raw)
    assert again.table.equals(workspace.store.read_curve(test.curve))
    assert again.metadata["active_mass_mg"] == 12.5
    workspace.analyse(executor="serial")
    lineage = workspace.store.provenance(workspace.cells["LRLO"].value("initial_coulombic_efficiency"))
    assert [t.mapping for file in lineage.files for t in file.tests] == [kept.sha256]


def test_it_holds_when_the_file_is_added_without_it(workspace: Workspace, table: Path, tmp_path: Path) -> None:
    by = mapping(tmp_path)
    workspace.add(table, mapping=by, executor="serial")
    by.unlink()
    for paths in (table, table.parent):
        report = workspace.add(paths, executor="serial")
        assert [a.state for a in report.added] == ["known"]
        assert (report.failed, report.skipped) == ([], [])
    # its copy of the curve is lost: it is read again, by the mapping that was kept
    (test,) = workspace.store.tests()
    (curve,) = (workspace.root / "curves").rglob(f"{test.curve}*")
    curve.unlink()
    (added,) = workspace.add(table, executor="serial").added
    assert (added.state, added.test.mapping, added.test.key) == ("restored", test.mapping, test.key)
    assert [file.name for file in added.test.beside] == ["posco.toml"]


def test_a_copy_that_is_lost_is_said_when_the_file_is_added_without_it(
    workspace: Workspace, table: Path, tmp_path: Path
) -> None:
    by = mapping(tmp_path)
    workspace.add(table, mapping=by, executor="serial")
    (test,) = workspace.store.tests()
    workspace.store.raw_path(test.beside[0].sha256).unlink()
    report = workspace.add(table, executor="serial")
    (lost,) = [f for f in report.findings if f.code == "mapping-lost"]
    assert f"{table.name} was added by the mapping posco.toml, whose copy in the workspace is gone" in lost.message
    assert workspace.store.tests() == [test]
    assert [a.state for a in workspace.add(table, mapping=by, executor="serial").added] == ["restored"]


def test_one_beside_the_file_goes_before_one_of_an_earlier_time(
    workspace: Workspace, table: Path, tmp_path: Path
) -> None:
    workspace.add(table, mapping=mapping(tmp_path), executor="serial")
    beside = mapping(table.parent, f"{table.name}.lirich.toml", mass=7.0)
    (added,) = workspace.add(table, executor="serial").added
    assert (added.state, added.test.mapping) == ("anew", None)
    assert workspace.cells["curve"].facts.active_mass_mg == 7.0
    # and one that is given goes before one beside
    assert lirich.read(table, mapping=mapping(tmp_path, mass=2.0)).metadata["active_mass_mg"] == 2.0
    assert lirich.read(table).metadata["active_mass_mg"] == 7.0
    assert beside.is_file()


def test_two_mappings_of_the_same_bytes_are_not_mixed_up(workspace: Workspace, table: Path, tmp_path: Path) -> None:
    one, other = mapping(tmp_path, "one.toml"), mapping(tmp_path, "other.toml", more='electrolyte = "LP57"')
    twin = table.with_name("twin.csv")
    shutil.copy(table, twin)
    (first,) = workspace.add(table, cell="A", mapping=one, executor="serial").added
    ((_, error),) = workspace.add(twin, cell="B", mapping=other, executor="serial").failed
    assert isinstance(error, ConflictingMetadataError)
    # the same curve, but another fact: another test, which takes the place of the first
    (second,) = workspace.add(table, cell="A", mapping=other, executor="serial").added
    assert second.state == "anew"
    assert second.test.curve == first.test.curve
    assert second.test.key != first.test.key
    assert workspace.cells["A"].facts.electrolyte == "LP57"
    (test,) = workspace.store.tests()
    assert [file.name for file in test.beside] == ["other.toml"]
    # with another mass it is another curve
    (third,) = workspace.add(table, cell="A", mapping=mapping(tmp_path, "g.toml", mass=2.0), executor="serial").added
    charge = workspace.store.read_curve(third.test.curve)[std.CHARGED].max()
    before = workspace.store.read_curve(first.test.curve)[std.CHARGED].max()
    assert charge == pytest.approx(2 * before)  # type: ignore[operator]


def test_of_a_folder_it_reads_the_tables_that_have_its_columns(
    workspace: Workspace, table: Path, tmp_path: Path
) -> None:
    by = mapping(table.parent)  # in the folder itself: no table of it
    (table.parent / "notes.txt").write_text("nothing\n")
    report = workspace.add(table.parent, mapping=by, executor="serial")
    assert [(a.cell, a.test.reader) for a in report.added] == [("curve", "mapped")]
    assert [Path(path).name for path, _ in report.skipped] == ["notes.txt"]
    table.unlink()
    report = workspace.add(table.parent, mapping=by, executor="serial")
    assert [f.code for f in report.findings] == ["mapping-not-used"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (MAPPING.format(mass=-1, more=""), "normalised_to_mg"),
        (MAPPING.format(mass=1, more="mass = 3"), "mass"),
        (MAPPING.format(mass=1, more="").replace('"mAh/g"', '"mAh/kg3"'), "columns.capacity.unit"),
        (MAPPING.format(mass=1, more="").replace("voltage =", "volts ="), "volts"),
        ("not toml", "is not TOML"),
    ],
)
def test_a_bad_mapping_is_an_error_that_names_the_key(
    workspace: Workspace, table: Path, tmp_path: Path, text: str, key: str
) -> None:
    by = tmp_path / "bad.toml"
    by.write_text(text)
    for call in (lirich.read, lirich.inspect):
        with pytest.raises(MappingError, match=key):
            call(table, mapping=by)
    with pytest.raises(MappingError, match=key):
        workspace.add(table, mapping=by, executor="serial")
    assert workspace.store.tests() == []
    for verb in ("add", "inspect"):
        told = run(verb, str(table), "--mapping", str(by), "--json", cwd=workspace.root)
        assert told.code == 2
        assert json.loads(told.out)["error"] == "MappingError"
        assert key in json.loads(told.out)["found"]


def test_a_mapping_and_another_reader_contradict_each_other(workspace: Workspace, table: Path, tmp_path: Path) -> None:
    by = mapping(tmp_path)
    assert lirich.read(table, reader="mapped", mapping=by).table.height == 1298
    with pytest.raises(InputError, match="neware-text"):
        lirich.read(table, reader="neware-text", mapping=by)
    with pytest.raises(InputError, match="neware-text"):
        workspace.add(table, reader="neware-text", mapping=by, executor="serial")


def test_the_verbs_take_it(table: Path, tmp_path: Path) -> None:
    by = mapping(tmp_path)
    run("init", "ws", cwd=tmp_path)
    inspected = json.loads(run("inspect", str(table), "--mapping", str(by), "--json", cwd=tmp_path).out)["files"][0]
    assert (inspected["readable"], inspected["rows"]) == (True, 1298)
    assert "posco.toml" in inspected["reason"]
    told = run("add", str(table), "--mapping", str(by), "-w", "ws", cwd=tmp_path)
    assert "mapped" in told.out
    missing = lirich.inspect(tmp_path / "nowhere.csv", mapping=by)
    assert missing.error is not None
    assert missing.error["error"] == ReadError.__name__


def test_what_a_corrected_mapping_does_not_say_any_more_is_taken_back(
    workspace: Workspace, table: Path, tmp_path: Path
) -> None:
    def add(more: str) -> list[str]:
        report = workspace.add(table, cell="A", mapping=mapping(tmp_path, more=more), executor="serial")
        return [f.message for f in report.findings if f.code == "fact-withdrawn"]

    add('temperature_celsius = 45\none_c_ma_g = 250\n\n[sample]\nmorphology = "PC"')
    workspace.set_facts("A", {"one_c_ma_g": 280})
    assert {m.partition(" is not given")[0] for m in add("")} == {"temperature_celsius of A", "morphology of A"}
    view = workspace.cells["A"]
    assert (view.facts.temperature_celsius, view.facts.one_c_ma_g, view.facts.electrode) == (None, 280, "cathode")
    assert workspace.samples["A"].morphology is None
    assert add("") == []


def test_what_another_file_of_the_cell_says_stands_when_a_corrected_mapping_says_it_no_more(
    workspace: Workspace, table: Path, tmp_path: Path
) -> None:
    other = table.with_name("other.csv")
    other.write_text(digitised_table().replace("4.", "4.0", 1))

    def add(path: Path, temperature: float | None) -> list[str]:
        more = "" if temperature is None else f"temperature_celsius = {temperature}"
        report = workspace.add(path, cell="A", mapping=mapping(tmp_path, more=more), executor="serial")
        assert not report.failed
        return [f.code for f in report.findings]

    add(table, 45)
    assert "metadata-differs" in add(other, 30)
    assert workspace.cells["A"].facts.temperature_celsius == 45
    assert "fact-withdrawn" in add(table, None)  # it is 30 now: told
    facts = workspace.cells["A"].facts
    assert (facts.temperature_celsius, facts.sources["temperature_celsius"]) == (30, "file other.csv")

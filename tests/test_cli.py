"""The command line: every verb in words and as JSON, errors without a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command_line import run
from lirich.workbench import Workspace
from lirich.workbench.doctor import Health
from test_workbench import write_curve


def lirich(*arguments: str, cwd: Path, code: int = 0) -> str:
    told = run(*arguments, cwd=cwd, COLUMNS="150")
    assert told.code == code, f"{arguments}\n{told.out}\n{told.err}"
    return told.out if told.out.strip() else told.err


def in_a_process(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'lirich'; from lirich.cli import main; main()", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "150", "LIRICH_WORKSPACE": "", **variables},
    )


def as_json(*arguments: str, cwd: Path, code: int = 0) -> Any:
    return json.loads(lirich(*arguments, "--json", cwd=cwd, code=code))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_laboratory: Path) -> Path:
    """A workspace made with the command line alone."""
    root = tmp_path_factory.mktemp("cli")
    assert "Next" in lirich("init", "ws", cwd=root)
    report = as_json("add", str(small_laboratory), cwd=root / "ws")
    assert len(report["added"]) == 7
    assert report["failed"] == []
    report = as_json("analyse", cwd=root / "ws")
    assert len(report["analysed"]) == 6
    return root / "ws"


def test_words(folder: Path, small_laboratory: Path) -> None:
    assert "already there" in lirich("add", str(small_laboratory), cwd=folder)
    assert "6 unchanged" in lirich("analyse", cwd=folder)
    assert "SC-3" in lirich("cells", cwd=folder)
    assert "ageing" in lirich("cells", "SC-1", cwd=folder)
    assert "Hedges" in lirich("compare", "--by", "morphology", cwd=folder)
    lirich("compare", "--by", "morphology", "--csv", "../table.csv", cwd=folder)
    table = pl.read_csv(folder.parent / "table.csv").filter(pl.col("quantity") == "voltage_decay_mv_per_cycle")
    (row,) = table.to_dicts()
    assert row["difference"] == pytest.approx(row["mean_a"] - row["mean_b"])
    assert row["mean_a_low"] < row["mean_a"] < row["mean_a_high"]
    assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert (row["unit"], row["n_a"], row["n_b"]) == ("mV/cycle", 3, 3)
    shown = lirich("cells", "SC-1", "--cycles", cwd=folder)
    assert re.findall(r"(?m)^ *(\d+) ", shown) == [str(n) for n in range(1, 25)]
    assert "97.6" in lirich("literature", "--quantity", "capacity_retention", "--morphology", "SC", cwd=folder)
    assert "All is well" in lirich("doctor", cwd=folder)
    assert as_json("doctor", cwd=folder)["verdict"] == "All is well."
    assert "neware-text" in lirich("inspect", str(small_laboratory / "SC-1.csv"), cwd=folder)


def test_a_process_says_and_ends_as_the_tests_see_it(folder: Path) -> None:
    for code, *arguments in ((0, "compare", "--by", "morphology"), (2, "cells", "SC-11"), (2, "cells", "x", "--json")):
        done, told = in_a_process(*arguments, cwd=folder), run(*arguments, cwd=folder, COLUMNS="150")
        assert (done.returncode, done.stdout, done.stderr) == (told.code, told.out, told.err)
        assert done.returncode == code
        assert "Traceback" not in done.stderr


def test_json(folder: Path, small_laboratory: Path, tmp_path: Path) -> None:
    cell = as_json("cells", "SC-1", cwd=folder)
    assert len(cell["runs"][0]["cycles"]) == 24
    assert {"quantity", "value", "unit", "conditions", "origin", "provenance"} <= set(cell["runs"][0]["values"][0])
    assert len(as_json("cells", cwd=folder)["cells"]) == 6
    assert as_json("compare", "--by", "morphology", cwd=folder)["groups"] == ["SC", "PC"]
    assert len(as_json("literature", cwd=tmp_path)["values"]) == 96
    assert as_json("doctor", cwd=folder)["well"] is True
    inspected = as_json("inspect", str(small_laboratory / "SC-1.csv"), cwd=tmp_path)["files"][0]
    assert inspected["readable"] is True
    assert inspected["reader"] == "neware-text"
    report = as_json("report", str(tmp_path / "r.html"), cwd=folder)
    assert (tmp_path / "r.html").stat().st_size == report["bytes"]
    exported = as_json("export", str(tmp_path / "out"), "--cell", "SC-1", "--format", "parquet", cwd=folder)
    assert (tmp_path / "out" / "SC-1.cycles.parquet").is_file()
    assert len(exported["files"]) == 10


def test_facts_and_corrections(tmp_path: Path, small_laboratory: Path) -> None:
    Workspace.create(tmp_path / "ws").close()
    ws = tmp_path / "ws"
    lirich("add", str(small_laboratory / "SC-2.csv"), "--cell", "mine", "--set", "active_mass_mg=10", cwd=ws)
    assert as_json("cells", "mine", cwd=ws)["facts"]["active_mass_mg"] == 10
    corrected = as_json("cells", "mine", "--set", "dopant=Nb", "--segment", "3-6=formation", cwd=ws)
    assert corrected["sample"]["dopant"] == "Nb"
    assert any(s["source"] == "user" for s in corrected["runs"][0]["segments"] if "source" in s)
    cleared = as_json("cells", "mine", "--clear-segments", cwd=ws)
    assert not any(s.get("source") == "user" for s in cleared["runs"][0]["segments"])


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        (("cells", "SC-11"), "UnknownNameError", "Did you mean"),
        (("cells", "SC-1", "--segment", "three"), "InputError", "A-B=KIND"),
        (("cells", "SC-1", "--set", "active_mass_g=3"), "MetadataError", "active_mass_mg"),
        (("compare", "--by", "colour"), "UnknownNameError", "colour"),
        (("literature", "--quantity", "voltage_decoy"), "UnknownNameError", "Did you mean"),
        (("literature", "--reference", "999"), "UnknownNameError", "1 to 135"),
        (("literature", "--reference", "no such journal"), "UnknownNameError", "--references"),
        (("export", "out", "--format", "docx"), "InputError", "csv or parquet"),
        (("add", "nowhere.ndax"), "InputError", "nowhere.ndax"),
        (("analyse", "nobody"), "UnknownNameError", "nobody"),
        (("report", "r.html", "--cell", "nobody"), "UnknownNameError", "nobody"),
    ],
)
def test_an_error_says_what_to_do_and_has_no_traceback(
    folder: Path, arguments: tuple[str, ...], error: str, word: str
) -> None:
    told = as_json(*arguments, cwd=folder, code=2)
    assert told["error"] == error
    assert word in json.dumps(told)
    assert error in lirich(*arguments, cwd=folder, code=2)


def test_doctor_finds_a_changed_raw_file_and_mends(tmp_path: Path, small_laboratory: Path) -> None:
    Workspace.create(tmp_path / "ws").close()
    ws = tmp_path / "ws"
    lirich("add", str(small_laboratory / "SC-2.csv"), cwd=ws)
    (raw,) = [p for p in (ws / "raw").rglob("*") if p.is_file()]
    raw.chmod(0o644)
    raw.write_bytes(raw.read_bytes()[:-1] + b"X")
    assert as_json("doctor", cwd=ws, code=1)["well"] is False
    lirich("doctor", "--mend", cwd=ws, code=1)  # the file is aside now, and missing until it is added again
    lirich("add", str(small_laboratory / "SC-2.csv"), cwd=ws)
    assert as_json("doctor", cwd=ws)["well"] is True


def test_the_references_are_listed(tmp_path: Path) -> None:
    listed = as_json("literature", "--references", cwd=tmp_path)["references"]
    assert [r["number"] for r in listed] == list(range(1, 136))
    # every carried value is counted at the references that it names
    named = [
        str(v["provenance"]["parameters"].get("reference_numbers", "")).split()
        for v in as_json("literature", cwd=tmp_path)["values"]
    ]
    assert sum(r["values"] for r in listed) == sum(len(set(numbers)) for numbers in named) > 50
    assert "135 reference(s)" in lirich("literature", "--references", cwd=tmp_path)
    assert "Manthiram" in lirich("literature", "Nat. Commun. 1550", "--references", cwd=tmp_path)
    # a paper of which the review tells no number is named nevertheless
    unused = next(r for r in listed if not r["values"])
    assert unused["short"][:12] in lirich("literature", "--reference", str(unused["number"]), cwd=tmp_path)


def test_a_comparison_in_which_all_is_refused_fails(folder: Path) -> None:
    asked = ("compare", "--by", "morphology", "--quantity", "initial_coulombic_efficiency")
    assert as_json(*asked, cwd=folder)["refused"] is False
    with Workspace.open(folder) as workspace:
        # half of the cells were measured with another window
        for key in workspace.cells:
            if key.startswith("PC"):
                (run,) = workspace.cells[key].analyses
                values = tuple(
                    v.model_copy(update={"conditions": v.conditions.model_copy(update={"voltage_upper_v": 4.4})})
                    for v in run.values
                )
                workspace.store.put_analysis(run.model_copy(update={"values": values}))
        try:
            assert as_json(*asked, cwd=folder, code=1)["refused"] is True
            assert "Nothing could be compared" in lirich(*asked, cwd=folder, code=1)
            assert as_json(*asked, "--force", cwd=folder)["refused"] is False
        finally:
            workspace.analyse(force=True, executor="serial")


def asked_by_bash(words: tuple[str, ...]) -> dict[str, str]:
    return {
        "_LIRICH_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1),
    }  # fmt: skip


def completed(*words: str, cwd: Path) -> list[str]:
    """What the shell is offered for the words of a line, without the words on it; the name of the process counts."""
    told = run(cwd=cwd, **asked_by_bash(words))
    assert told.err == ""
    return told.out.split()


def test_a_process_completes_as_the_tests_see_it(folder: Path) -> None:
    words = ("lirich", "cells", "SC")
    done = in_a_process(cwd=folder, **asked_by_bash(words))
    assert (done.stdout.split(), done.stderr) == (completed(*words, cwd=folder), "")
    assert done.stdout


def test_a_name_with_blanks_comes_whole_from_completion_and_from_advice(tmp_path: Path) -> None:
    write_curve(tmp_path / "Zelle 2 größe.csv")
    lirich("init", "ws", cwd=tmp_path)
    told = lirich("add", "Zelle 2 größe.csv", "-w", "ws", cwd=tmp_path)
    assert "lirich cells 'Zelle 2 größe' --set electrode=…" in " ".join(told.split())
    for typed in ("Ze", r"Zelle\ 2"):
        asked = asked_by_bash(("lirich", "cells", "-w", "ws", typed))
        assert run(cwd=tmp_path, **asked).out == "Zelle\\ 2\\ größe\n"


def test_a_folder_that_is_gone_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); sys.argv[0] = 'lirich'; from lirich.cli import main; main()"
    for words in (["init"], ["cells"], ["add", "x.csv"]):
        (tmp_path / "gone").mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=tmp_path / "gone", capture_output=True, text=True
        )
        assert done.returncode == 2
        assert done.stderr.split("\n")[0] == "InputError The folder that you are in is gone"


def test_the_shell_completes_names(folder: Path, tmp_path: Path) -> None:
    assert completed(*["lirich", "cells", "SC"], cwd=folder) == ["SC-1", "SC-2", "SC-3"]
    assert completed(*["lirich", "analyse", "SC-1", "PC"], cwd=folder) == ["PC-1", "PC-2", "PC-3"]
    assert completed(*f"lirich report -w {folder} --cell SC-2".split(" "), cwd=tmp_path) == ["SC-2"]
    assert completed(*["lirich", "cells", "SC"], cwd=tmp_path) == []  # no workspace here, and no complaint
    assert completed(*["lirich", "compare", "--by", "mor"], cwd=folder) == ["morphology"]
    assert "voltage_decay_mv_per_cycle" in completed(*["lirich", "literature", "--quantity", "voltage_d"], cwd=tmp_path)
    assert completed(*["lirich", "add", "x", "--repair", "drop-d"], cwd=tmp_path) == ["drop-duplicates"]
    assert completed(*["lirich", "add", "x", "--reader", "neware-"], cwd=tmp_path) == ["neware-text"]
    assert completed(*["lirich", "cells", "SC-1", "--set", "active_m"], cwd=tmp_path) == ["active_mass_mg="]
    assert completed(*["lirich", "cells", "SC-1", "--segment", "1-3=form"], cwd=tmp_path) == ["1-3=formation"]
    assert completed(*["lirich", "literature", "--reference", "135"], cwd=tmp_path) == ["135"]


@pytest.mark.parametrize(
    ("line", "put_in"),
    [
        ("lirich cells SC-1 --segment 1-3=form", ["formation"]),
        ("lirich cells SC-1 --set active_m", ["active_mass_mg="]),
        ("lirich cells SC-1 --set=active_m", ["active_mass_mg="]),
        ("lirich cells SC-1 --set dopant=Nb --segment 4-9=ag", ["ageing"]),
        ("lirich add x --repair=drop-d", ["drop-duplicates"]),
    ],
)
def test_bash_puts_in_what_comes_behind_the_equals_sign(tmp_path: Path, line: str, put_in: list[str]) -> None:
    """The words are those that bash makes of the line; what is put in stands behind the last ``=``."""
    words = [word for word in re.split("(=)| ", line) if word]
    assert completed(*words, cwd=tmp_path) == put_in


def test_no_workspace_here(tmp_path: Path) -> None:
    assert as_json("cells", cwd=tmp_path, code=2)["error"] == "WorkspaceNotFoundError"
    assert as_json("doctor", cwd=tmp_path)["workspace"] is None


def test_a_file_that_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(bytes(range(256)) * 40)
    told = as_json("inspect", "x.bin", cwd=tmp_path, code=1)["files"][0]
    assert told["readable"] is False
    assert told["error"]["error"] == "UnrecognisedFileError"


def test_a_mapping_file_is_proposed_for_tables_of_numbers_and_not_for_prose(tmp_path: Path) -> None:
    lirich("init", "ws", cwd=tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    words = "Permission is hereby granted, free of charge, to any person obtaining a copy\n" * 20
    (files / "LICENSE.txt").write_text(f"MIT License\n\nCopyright (c) 2025\n\n{words}")
    rows = "".join(f"1;charge;{3 + i / 100:.2f};{i / 10:.1f}\n" for i in range(50)).replace(".", ",")
    (files / "posco.csv").write_text(f"cycle;direction;pot;cap\n{rows}")
    (files / "loadings.csv").write_text("voltage_V,mean_capacity_mAh_g,pc1_loading\n" + "3.0,0.1,1e-3\n" * 20)
    told = " ".join(lirich("add", str(files), cwd=tmp_path / "ws").split())
    assert "No reader knows the columns of posco.csv. A mapping file" in told
    report = as_json("add", str(files), cwd=tmp_path / "ws")
    assert report["describable"] == [str(files / "posco.csv")]
    assert len(report["skipped"]) == 3


@pytest.mark.slow
def test_the_demo(tmp_path: Path, small_demo: None) -> None:
    told = as_json("demo", "d", cwd=tmp_path)
    assert Path(tmp_path, "d", "report.html").stat().st_size > 100_000
    # the published figure of the digitised cell: 83.4 %
    assert told["real_cell"]["initial_coulombic_efficiency"] == pytest.approx(83.4, abs=0.3)
    assert told["comparison"]["groups"] == ["SC", "PC"]
    # the same real cell beside simulated ones of the crystal model, told apart
    origins = {c["key"]: c["origin"] for c in as_json("cells", "-w", "d/crystal", cwd=tmp_path)["cells"]}
    assert sorted(origins.values()) == ["measured", "simulated", "simulated"]
    assert Path(tmp_path, told["crystal_report"]).stat().st_size > 100_000
    assert as_json("demo", "d", cwd=tmp_path, code=2)["error"] == "InputError"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("irreplaceable")
    assert as_json("demo", "mine", "--fresh", cwd=tmp_path, code=2)["error"] == "InputError"
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "irreplaceable"


def test_facts_are_taken_back_and_cells_removed(tmp_path: Path, small_laboratory: Path) -> None:
    Workspace.create(tmp_path / "ws").close()
    ws = tmp_path / "ws"
    assert "Next: lirich add FILES" in lirich("analyse", cwd=ws).splitlines()[-1]
    lirich("add", str(small_laboratory / "SC-2.csv"), "--set", "dopant=Nb", "--set", "active_mass_mg=9", cwd=ws)
    assert as_json("cells", "SC-2", "--unset", "dopant", "--set", "active_mass_mg=", cwd=ws)["sample"]["dopant"] is None
    assert "already there" in lirich("add", str(small_laboratory / "SC-2.csv"), cwd=ws)
    kept = as_json("cells", "SC-2", cwd=ws)
    assert kept["facts"]["active_mass_mg"] == 11.15
    assert kept["facts"]["sources"]["active_mass_mg"].endswith("/cells.csv, line 3")
    assert "--yes" in as_json("cells", "SC-2", "--remove", cwd=ws, code=2)["advice"]
    assert as_json("cells", "SC-2", "--remove", "--yes", cwd=ws) == {"removed": "SC-2", "cell": "SC-2"}
    assert as_json("cells", cwd=ws)["cells"] == []
    former = as_json("cells", "SC-2", "--history", cwd=ws)
    assert former["removed"] is True
    assert [(c["field"], c["after"]) for c in former["history"]][-1] == ("cell", "removed")
    assert "removed" in lirich("cells", "SC-2", "--history", cwd=ws)
    assert as_json("cells", "SC-3", "--history", cwd=ws, code=2)["error"] == "UnknownNameError"
    told = lirich("doctor", cwd=ws)
    assert "used by nothing orphan-raw" in told
    assert not re.search("[0-9a-f]{20}", told)


def test_doctor_does_not_call_values_that_are_out_of_date_well(tmp_path: Path, small_laboratory: Path) -> None:
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.add(small_laboratory / "SC-2.csv", cell="SC-2", executor="serial")
        workspace.analyse(executor="serial")
        assert as_json("doctor", cwd=tmp_path / "ws")["verdict"] == "All is well."
        workspace.set_facts("SC-2", {"active_mass_mg": 7.5})
    told = lirich("doctor", cwd=tmp_path / "ws")
    assert "All is well" not in told
    assert "Nothing is broken, but there is a warning." in told
    assert "results-out-of-date" in told
    health = as_json("doctor", cwd=tmp_path / "ws")
    assert (health["well"], health["warnings"]) == (True, 1)


def test_doctor_says_which_reader_needs_an_extra() -> None:
    health = Health(python="3.11", extras={"biologic": False}, readers={"biologic-mpr": "mpr", "biologic": "mpt"})
    assert [row[:2] for row in health.rows() if row[0].startswith("reader")] == [
        ("reader biologic-mpr", "needs the extra [biologic]"),
        ("reader biologic", "ready"),
    ]

"""Names of files that cannot be read or written, and wrong calls: one typed error, in words and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import run
from lirich.errors import InputError
from lirich.reports import write_page
from lirich.workbench import Workspace
from lirich.workbench.userfiles import check_folder, make_folder, write_text

WRITE = {
    "report": ("report", "@"),
    "export": ("export", "@"),
    "demo": ("demo", "@"),
    "init": ("init", "@"),
    "design-cell": ("design-cell", "-o", "@"),
    "study": ("study", "--rate", "1C", "--cycles", "2", "-o", "@"),
    "simulate": ("simulate", "SC", "--figures", "@"),
    "dopants": ("screen", "dopants", "demo", "--shipped", "-o", "@"),
    "cells of dopants": ("screen", "dopants", "demo", "--shipped", "--cells", "@"),
    "coatings": ("screen", "coatings", "coatings", "-o", "@"),
    "electrolytes": ("screen", "electrolytes", "electrolytes", "-o", "@"),
    "window": ("interface", "window", "Li6PS5Cl", "-o", "@"),
    "solid cell": ("interface", "cell", "-o", "@"),
    "atoms build": ("atoms", "build", "LiNiO2", "-o", "@"),
    "atoms charge": ("atoms", "charge", "LiNiO2", "-o", "@"),
    "learn map": ("learn", "map", "-o", "@"),
}
READ = {
    "add": ("add", "@"),
    "add --mapping": ("add", "afile", "--mapping", "@"),
    "inspect --mapping": ("inspect", "afile", "--mapping", "@"),
    "literature": ("literature", "--add", "@"),
    "dopants": ("screen", "dopants", "@.yaml"),
    "additives": ("screen", "additives", "@"),
    "study": ("study", "@"),
    "simulate": ("simulate", "@.toml"),
    "learn import": ("learn", "import", "@"),
    "workspace": ("cells", "-w", "@"),
}
LONG = "n" * 300 + ".html"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("paths")
    Workspace.create(root).close()
    (root / "afile").write_text("hello\n")
    (root / "circle").symlink_to(root / "circle")
    return root


def refused(folder: Path, arguments: tuple[str, ...], name: str) -> dict[str, str]:
    """Return the error, the same in words and as JSON."""
    call = [each.replace("@", name) for each in arguments]
    told = run(*call, "--json", cwd=folder)
    assert told.code == 2, told.out
    assert told.err == ""
    error: dict[str, str] = json.loads(told.out)
    words = run(*call, cwd=folder)
    assert (words.code, words.out) == (2, "")
    assert error["error"] in words.err
    assert error["found"]
    return error


def made(folder: Path) -> list[str]:
    """Return what lies in the folder; the files that SQLite has beside its own come and go."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("catalogue.sqlite-"))


@pytest.mark.parametrize("verb", WRITE)
@pytest.mark.parametrize("name", ["afile/x.html", LONG, "circle/x.html"])
def test_what_cannot_be_written_is_refused_before_the_work(folder: Path, verb: str, name: str) -> None:
    before = made(folder)
    refused(folder, WRITE[verb], name)
    assert made(folder) == before


@pytest.mark.parametrize("verb", READ)
@pytest.mark.parametrize("name", ["nowhere", "afile/x", LONG, "circle"])
def test_what_cannot_be_read_is_refused(folder: Path, verb: str, name: str) -> None:
    refused(folder, READ[verb], name)


def test_a_folder_is_no_report_and_a_file_no_demo(folder: Path) -> None:
    (folder / "there").mkdir(exist_ok=True)
    told = refused(folder, ("report", "@"), "there")
    assert told["found"] == "there is a folder"
    assert told["advice"]
    assert "'afile'" in refused(folder, ("demo", "@"), "afile/x")["found"].replace(str(folder) + "/", "")


def test_a_pipe_is_no_file_of_a_cycler_and_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (inspected,) = json.loads(run("inspect", "pipe", "--json", cwd=folder).out)["files"]
    assert inspected["error"]["error"] == "ReadError"
    for arguments in (("add", "@"), ("literature", "--add", "@"), ("screen", "dopants", "@"), ("study", "@")):
        assert "pipe" in refused(folder, arguments, "pipe")["found"]
    (folder / "pipe").unlink()


def test_a_name_that_is_no_unicode_is_told_with_an_escape(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.html")
    for arguments in (["report", name], ["inspect", name], ["inspect", name, "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "lirich", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode in (1, 2)
        assert r"caf\udce9" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_table_under_no_unicode_name_is_refused(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    (folder / name).write_text("cell,cycle,state\n")
    for arguments in (("learn", "factors", "--states", "@"), ("learn", "import", "@"), ("export", "@/out")):
        assert "no Unicode name" in refused(folder, arguments, name)["found"]
    (folder / name).unlink()


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("before")
    asked = []
    with pytest.raises(InputError, match="is a folder"):
        write_page(tmp_path, lambda: asked.append(1) or "never")  # type: ignore[func-returns-value]
    assert asked == []
    with pytest.raises(UnicodeEncodeError):
        write_text(page, "\udce9")
    assert page.read_text() == "before"
    assert list(tmp_path.iterdir()) == [page]
    longest = tmp_path / ("n" * 250 + ".html")  # as long as a name may be
    assert write_page(longest, "text").read_text() == "text"
    with pytest.raises(InputError, match="is a file"):
        check_folder(page / "below")
    assert make_folder(tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("add",), "paths"),
        (("add", "x", "--workers", "0"), "--workers"),
        (("compare",), "--by"),
        (("cells", "--colour"), "--colour"),
        (("anlyse",), "anlyse"),
        (("learn", "complete", "c", "--cycle", "first"), "--cycle"),
        (("learn", "nothing"), "nothing"),
        (("atoms", "build", "LiNiO2", "-o", "x", "--atoms", "1"), "--atoms"),
    ],
)
def test_a_wrong_call_is_json_where_that_is_asked_for(folder: Path, arguments: tuple[str, ...], word: str) -> None:
    plain = run(*arguments, cwd=folder, COLUMNS="150")
    assert (plain.code, plain.out) == (2, "")
    assert word in plain.err
    for call in ((*arguments, "--json"), (arguments[0], "--json", *arguments[1:])):
        told = run(*call, cwd=folder)
        assert (told.code, told.err) == (2, "")
        error = json.loads(told.out)
        assert set(error) == {"error", "found", "expected", "advice"}
        assert error["error"] == "UsageError"
        assert "--help" in error["advice"]
    assert word in json.loads(run(*arguments, "--json", cwd=folder).out)["found"]


def test_behind_two_hyphens_json_is_a_name(folder: Path) -> None:
    told = run("inspect", "--", "--json", cwd=folder)
    assert told.code == 1
    assert "There is no file --json" in told.out


def test_a_report_is_a_page_and_never_a_pdf(folder: Path) -> None:
    told = refused(folder, ("report", "@"), "report.pdf")
    assert told["error"] == "InputError"
    assert told["found"] == "report.pdf: lirich writes no PDF"
    assert "print it from there, to a PDF" in str(told["advice"])
    assert refused(folder, ("report", "@"), "report.docx")["expected"] == "a name in .html or .htm"
    assert not (folder / "report.pdf").exists()

"""The documentation: complete, built without a warning, and every block of code in it runs."""

from __future__ import annotations

import functools
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from command_line import run
from lirich.workbench.simulation.fit import run_fit

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    p for p in (*DOCS.rglob("*.md"), ROOT / "README.md") if "_build" not in p.parts and "generated" not in p.parts
)
PRINTED = {"README.md", "tutorial.md", "add.md", "cells.md"}
"""The pages whose tables are compared with what is really printed."""
SHORTER = {"--cycles 300": "--cycles 8", "--cycles 20 ": "--cycles 4 ", "--cycles 4 --": "--cycles 2 --",
           "--cycles 5 ": "--cycles 2 "}  # fmt: skip
"""What is run with fewer cycles than a page says: the answer to 300 is that of tests/test_cells_study.py, and those of
the others are tests/test_simulate.py's, test_simulate_models.py's and test_interfaces_cli.py's."""
FENCE = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n)?^```(?P<language>python|console)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def blocks(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page that are to run: language and code."""
    return [(m["language"], m["code"]) for m in FENCE.finditer(page.read_text(encoding="utf-8")) if m["skip"] is None]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py, which writes the reference."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("generate")
    finally:
        sys.path.remove(str(DOCS))


def test_a_page_for_every_verb(generate: ModuleType) -> None:
    """What a verb holds (`lirich screen dopants`) stands in the page of the verb."""
    verbs = [path for path, _ in generate.verbs()]
    assert ("screen", "dopants") in verbs
    for path in verbs:
        page = DOCS / "how-to" / f"{path[0]}.md"
        assert page.is_file(), f"there is no docs/how-to/{path[0]}.md"
        assert f"lirich {' '.join(path)}" in page.read_text(encoding="utf-8")


def test_every_verb_is_in_the_generated_reference_with_every_option_and_its_help(generate: ModuleType) -> None:
    sections = dict(re.findall(r"^#+ `lirich ([^`]+)`\n(.*?)(?=^#|\Z)", generate.commands(), re.MULTILINE | re.DOTALL))
    verbs = dict(generate.verbs())
    assert list(sections) == [" ".join(path) for path in verbs]
    for path, command in verbs.items():
        section = sections[" ".join(path)]
        assert command.help, path
        assert command.help.strip() in section
        for parameter in command.params:
            name = parameter.opts[-1] if parameter.param_type_name == "option" else parameter.name.upper()
            assert f"`{name}`" in section, (path, name)
            assert parameter.help, f"lirich {' '.join(path)} {name} has no help"
            assert f": {parameter.help}" in section


def test_every_plugin_door_is_documented() -> None:
    import tomllib

    doors = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    text = (DOCS / "reference" / "plugins.md").read_text(encoding="utf-8")
    for door in doors:
        assert f"`{door}`" in text, door


def test_every_quantity_error_setting_and_reader_is_in_the_generated_reference(
    generate: ModuleType, tmp_path: Path
) -> None:
    from lirich import errors
    from lirich.cycling import CyclingSettings
    from lirich.quantities import QUANTITIES
    from lirich.readers import readers

    generate.write_all(tmp_path)
    text = {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()}
    assert all(f"### `{key}`" in text["quantities.md"] for key in QUANTITIES)
    assert all(f"`{name}`" in text["readers.md"] for name in readers())
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LirichError)]
    assert errors.UnrecognisedFileError in kinds
    for kind in kinds:
        assert kind.__doc__, f"{kind.__name__} is not described"
        assert f"- `{kind.__name__}`: {kind.__doc__.strip().splitlines()[0]}\n" in text["errors.md"]
    for name, field in CyclingSettings.model_fields.items():
        assert field.description, f"the setting {name} is not described"
        assert f"`{name}`" in text["settings.md"]


@pytest.mark.slow
def test_the_docs_build_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path / "html")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "index.html").is_file()


@pytest.fixture
def lab_folder(tmp_path: Path, small_laboratory: Path) -> Path:
    """An empty folder with ``cycler-files``, as the pages take it for granted."""
    import shutil

    shutil.copytree(small_laboratory, tmp_path / "cycler-files")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_code_of_a_page_runs(
    page: Path, lab_folder: Path, small_demo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python blocks share one namespace per page; ``$ lirich`` lines run in the page's own folder, in order.

    All of it in this process: to import PyBaMM for each line takes longer than what most lines do. A fit stops early;
    that it comes to its end is the fact of tests/test_cells_fit.py.
    """
    monkeypatch.chdir(lab_folder)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("lirich.workbench.simulation.fit.run_fit", functools.partial(run_fit, max_evaluations=2))
    names: dict[str, object] = {"__name__": "__main__"}
    told: dict[str, str] = {}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(code, page.name, "exec"), names)
            continue
        for line in code.splitlines():
            if line.startswith("$ cd "):
                monkeypatch.chdir(line[5:].strip())
            elif line.startswith("$ lirich "):
                asked = line.removeprefix("$ lirich ")
                for long, short in SHORTER.items():
                    asked = asked.replace(long, short)
                done = run(*shlex.split(asked, comments=True), cwd=Path.cwd())
                assert done.code == 0, f"{page.name}: {line}\n{done.out[-3000:]}\n{done.err[-3000:]}"
                told[line] = done.out
            elif line.startswith("$ "):
                raise AssertionError(f"{page.name}: only `lirich` and `cd` lines can be run: {line}")
    if page.name in PRINTED:
        for command, row in printed_rows(page):
            assert any(same_row(row, line) for line in told[command].splitlines()), (
                f"{page.name} shows what is not printed by {command}:\n{row}\nbut this is:\n{told[command]}"
            )


def printed_rows(page: Path) -> list[tuple[str, str]]:
    """The rows of tables that a page shows, each with its command; those with a time of day are of their moment."""
    rows = []
    for language, code in blocks(page):
        command = ""
        for line in code.splitlines() if language == "console" else ():
            if line.startswith("$ "):
                command = line
            elif command and "  " in line.strip() and not re.match(r"20\d\d-", line):
                rows.append((command, line))
    return rows


def same_row(shown: str, real: str) -> bool:
    """Words and whole numbers are the same; a number with a point to 2 %, as another machine may round otherwise."""
    a, b = shown.split(), real.split()
    return len(a) == len(b) and all(_same_word(x, y) for x, y in zip(a, b, strict=True))


def _same_word(shown: str, real: str) -> bool:
    if shown == real:
        return True
    decimal = re.compile(r"[-−(]?(\d+\.\d+)(\D*)")
    x, y = decimal.fullmatch(shown), decimal.fullmatch(real)
    if x is None or y is None or x[2] != y[2]:
        return False
    return float(x[1]) == pytest.approx(float(y[1]), rel=0.02)


def test_rows_are_told_apart() -> None:
    assert same_row("PC-1.txt  PC-1   11,432  78.7", "PC-1.txt PC-1 11,432   78.8")
    assert not same_row("PC-1.txt  PC-1   11,173  78.7", "PC-1.txt PC-1 11,432   78.7")
    assert not same_row("ICE  78.7", "ICE  83.0")
    assert not same_row("half-cycles  of 20 h", "half-cycles of 21.5 h")

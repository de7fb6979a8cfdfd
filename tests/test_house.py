"""The house stands as DESIGN.md draws it: floors, public names, homes of things."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lirich

SOURCE = Path(lirich.__file__).parent
GROUND = {"quantities", "errors", "model", "lazily", "pieces", "__init__"}
SCIENCE = {"atoms", "cells", "cycling", "interfaces", "learn", "plots", "screening"}
BESIDE = {"store", "readers", "compute"}
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    **{room: GROUND | {room} for room in SCIENCE | BESIDE},
    "workbench": GROUND | SCIENCE | BESIDE | {"workbench", "testing"},
    "testing": GROUND | SCIENCE | BESIDE | {"workbench", "testing"},
    "reports": GROUND | SCIENCE | BESIDE | {"workbench", "reports"},
    "cli": GROUND | SCIENCE | BESIDE | {"workbench", "reports", "testing", "cli"},
    "__main__": {"cli"},
}
"""Who may import whom. A room of the science floor knows the ground and itself, no other room."""


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            names = [
                f"{node.module}.{alias.name}" if node.module == "lirich" else str(node.module) for alias in node.names
            ]
        for name in names:
            parts = name.split(".")
            if parts[0] == "lirich" and len(parts) > 1 and parts[1] != "__version__":
                rooms.add(parts[1])
    return rooms


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_floors(path: Path) -> None:
    if path == SOURCE / "__init__.py":
        return  # the public names, resolved lazily
    allowed = MAY_IMPORT[room_of(path)]
    assert imported_rooms(path) <= allowed, f"{path} reaches above or beside its floor"


def test_every_room_has_a_floor() -> None:
    assert {room_of(p) for p in modules()} == set(MAY_IMPORT)


OUTSIDE = {
    "duckdb", "fastapi", "glob", "http", "httpx", "os", "pathlib", "requests", "shutil", "socket", "sqlalchemy",
    "sqlite3", "subprocess", "tempfile", "urllib",
}  # fmt: skip
"""Modules that lead to files, databases, other programs or the network."""

TOLD_OUTSIDE = {
    "cells/__init__.py": {"os"},  # tells PyBaMM to send no telemetry, which it reads from the environment
    "cells/simulation.py": {"shutil"},  # asks whether there is a C compiler for PyBaMM's solver
    "plots/figure.py": {"pathlib"},  # a figure shows itself: in a notebook, or as a page of its own (`write_html`)
}
"""What science has of them, with the reason."""


def test_science_never_touches_files_or_databases() -> None:
    found: dict[str, set[str]] = {}
    for path in (p for p in modules() if room_of(p) in SCIENCE):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).split(".")[0])
            elif isinstance(node, ast.Call):
                assert not (isinstance(node.func, ast.Name) and node.func.id == "open"), path
        if names & OUTSIDE:
            found[path.relative_to(SOURCE).as_posix()] = names & OUTSIDE
    assert found == TOLD_OUTSIDE


def names_in(path: Path) -> set[str]:
    """Return the names that a module defines, imports or, as strings, exports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
    return names


DOORS = {"lirich.calculators", "lirich.parameter_sets", "lirich.recommenders", "lirich.techniques"}
"""Doors for plug-ins that are no module."""


def test_what_a_page_or_a_docstring_refers_to_is_there() -> None:
    """References such as ``lirich.readers.checks.check`` name the module that has it."""
    root = SOURCE.parents[1]
    stale = set()
    for page in (*modules(), *(root / "docs").rglob("*.md"), root / "README.md", root / "CONTRIBUTING.md"):
        text = page.read_text(encoding="utf-8")
        for name in map("".join, re.findall(r"`(lirich(?:\.\w+)+)`|:: (lirich[\w.]+)", text)):
            _, *parts = name.split(".")
            here = SOURCE
            while parts and ((here / parts[0]).is_dir() or (here / f"{parts[0]}.py").is_file()):
                inside = here / parts.pop(0)
                here = inside if inside.is_dir() else inside.with_suffix(".py")
            home = here if here.is_file() else here / "__init__.py"
            if parts and parts[0] not in names_in(home):
                stale.add((name, page.name))
    assert not {(name, page) for name, page in stale if name not in {"lirich.toml", *DOORS}}


def test_no_drawer_for_everything() -> None:
    assert not [p for p in modules() if p.stem in {"utils", "util", "helpers", "helper", "common", "misc"}]


def test_public_names() -> None:
    assert lirich.__all__ == [
        "Cell",
        "Composition",
        "Conditions",
        "Finding",
        "LirichError",
        "Origin",
        "QUANTITIES",
        "Sample",
        "Value",
        "Workspace",
        "__version__",
        "analyse",
        "inspect",
        "quantity",
        "read",
        "write_report",
    ]
    for name in lirich.__all__:
        assert getattr(lirich, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'wrokspace'"):
        lirich.wrokspace  # noqa: B018
    assert dir(lirich) == lirich.__all__


def test_every_error_is_in_the_tree_at_the_top_of_errors() -> None:
    from lirich import errors

    kinds = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, errors.LirichError)
    }
    drawn = {word for word in (errors.__doc__ or "").replace("├──", " ").replace("└──", " ").split() if word in kinds}
    assert drawn == kinds
    defined_elsewhere = [
        (path.name, node.name)
        for path in modules()
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any(getattr(b, "id", "").endswith("Error") for b in node.bases)
    ]
    assert not defined_elsewhere


def test_no_machine_path_or_unfinished_line_in_the_source() -> None:
    for path in modules():
        text = path.read_text(encoding="utf-8")
        for mark in ("raise NotImplementedError", "TODO", "FIXME", "/work/", "/tmp/", "/root/"):
            assert mark not in text, f"{mark} in {path}"


def test_help_imports_nothing_heavy() -> None:
    heavy = ("polars", "scipy", "sqlalchemy", "pydantic", "fastnda", "numpy", "pandas", "plotly", "pint", "dask")
    code = (
        "import sys; sys.argv = ['lirich', '--help']\n"
        "from lirich.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_completing_a_quantity_opens_no_database() -> None:
    heavy = ("polars", "scipy", "sqlalchemy", "numpy", "pandas", "lirich.store", "lirich.cycling")
    code = (
        "import sys; sys.argv = ['lirich']\n"
        "from lirich.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    asked = {"_LIRICH_COMPLETE": "complete_bash", "COMP_WORDS": "lirich compare --quantity low_", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **asked}
    )
    assert "low_voltage_share" in done.stdout.split()
    assert done.stderr.strip() == "[]"

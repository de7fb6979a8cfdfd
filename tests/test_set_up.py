"""The set-up of a checkout: the extras of the package, and the PostgreSQL server of the tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import pytest

from lirich.workbench.doctor import EXTRAS

ROOT = Path(__file__).resolve().parents[1]
SERVER = ROOT / "script" / "postgres-for-tests"

DECLARED = {
    "atoms": {"ase", "chgnet", "icet", "numba", "pymatgen", "scikit-learn", "spglib", "threadpoolctl", "torch"},
    "cells": {"pybamm"},
    "optimise": {"botorch"},
    "web": {"fastapi", "uvicorn"},
    "learn": {"scikit-learn"},
    "distributed": {"dask", "distributed"},
    "postgres": {"psycopg"},
    "image": {"scikit-image"},
    "xas": {"xraylarch"},
    "nmr": {"nmrglue"},
    "biologic": {"galvani"},
    "interfaces": {"pymatgen"},
    "mp": {"mp-api"},
}
"""Extra → its libraries, as the design names them."""

TO_COME = {"optimise", "web", "image", "xas", "nmr"}
IMPORTED_AS = {"scikit-image": "skimage", "scikit-learn": "sklearn", "xraylarch": "larch"}


def _extras() -> dict[str, list[str]]:
    extras: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    return extras


def test_the_doctor_looks_at_every_extra_that_is_used_and_the_readme_tells_of_each() -> None:
    extras = _extras()
    assert set(EXTRAS) == set(extras) - {*TO_COME, "all", "test", "docs"}
    for name, (needed, _) in EXTRAS.items():
        libraries = {re.split(r"[\[<>=~!]", text)[0] for text in extras[name]}
        assert {IMPORTED_AS.get(library, library).replace("-", "_") for library in libraries} == set(needed), name
    told = set(
        re.findall(r"^\| `([a-z]+)` \| .*(?:`lirich|--executor)", (ROOT / "README.md").read_text(), re.MULTILINE)
    )
    assert told == set(EXTRAS)


def test_the_extras_of_the_design_are_declared_with_their_libraries() -> None:
    extras = _extras()
    assert set(extras) == {*DECLARED, "all", "test", "docs"}
    for name, libraries in DECLARED.items():
        assert {re.split(r"[\[<>=~!]", text)[0] for text in extras[name]} == libraries, name
        assert all(">=" in text for text in extras[name]), f"{name}: a range, not a pin and not just a name"


def test_all_installs_what_lirich_imports_today_and_nothing_else() -> None:
    (everything,) = _extras()["all"]
    inside = set(everything.removeprefix("lirich[").removesuffix("]").split(","))
    assert inside == set(DECLARED) - TO_COME - {"biologic", "mp"}  # galvani is under the GPL; mp-api needs a key
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    for name in TO_COME:
        for library in DECLARED[name]:
            module = IMPORTED_AS.get(library, library)
            used = re.search(rf"^\s*(?:import|from) {module}\b|import_module\(\"{module}\b", source, re.MULTILINE)
            assert not used, f"{module} is imported: [{name}] belongs into [all] now"


def _checkout(folder: Path) -> Path:
    (folder / "script").mkdir(parents=True)
    shutil.copy2(SERVER, folder / "script")
    return folder


def _server(checkout: Path, verb: str, folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "LIRICH_POSTGRES_DIR"} | {"TMPDIR": str(folder)}
    command = [str(checkout / "script" / "postgres-for-tests"), verb]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_each_checkout_has_a_postgres_folder_of_its_own(tmp_path: Path) -> None:
    one, other = _checkout(tmp_path / "one"), _checkout(tmp_path / "other")
    link = tmp_path / "link"
    link.symlink_to(one)
    folders = [_server(c, "folder", tmp_path) for c in (one, one, link, other)]
    assert folders[0] == folders[1] == folders[2] != folders[3]
    assert all(Path(folder).parent == tmp_path for folder in folders)


@pytest.mark.slow
@pytest.mark.postgres
def test_stopping_the_server_of_one_checkout_leaves_that_of_another() -> None:
    psycopg = pytest.importorskip("psycopg")
    if not os.environ.get("LIRICH_TEST_POSTGRES_URL"):
        pytest.skip("no PostgreSQL server (set LIRICH_TEST_POSTGRES_URL, see script/postgres-for-tests)")
    home = Path(tempfile.mkdtemp(prefix="lirich-servers-"))
    home.chmod(0o711)  # where the tests run as root, the server runs as the user postgres
    one, other = _checkout(home / "one"), _checkout(home / "other")
    try:
        first, second = _server(one, "start", home), _server(other, "start", home)
        assert first != second
        assert _server(one, "start", home) == first
        _server(one, "stop", home)
        with psycopg.connect(second) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(first, connect_timeout=2)
    finally:
        for checkout in (one, other):
            _server(checkout, "stop", home)
        shutil.rmtree(home)

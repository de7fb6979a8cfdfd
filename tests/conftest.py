"""Fixtures that several test modules share."""

from __future__ import annotations

import contextlib
import functools
import gc
import multiprocessing
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer.main
import typer.testing
from hypothesis import settings

from lirich.compute import executor
from lirich.store import Store
from lirich.workbench import Workspace

settings.register_profile("lirich", deadline=None)  # how long an example takes is no fact to be tested
settings.load_profile("lirich")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that have slow tests: a long one at the end would leave a core idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Let no later collection of garbage walk through what is imported: it stays, and is most of what there is."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def one_command_line() -> Iterator[None]:
    """Let Typer read the signatures of all verbs once and not at each call of ``lirich`` in a test: 0.1 s."""
    read = functools.cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", read)
        patch.setattr(typer.testing, "_get_command", read)
        yield


@pytest.fixture(scope="session", autouse=True)
def workers_by_default() -> Iterator[Callable[[], int]]:
    """Let what names no number of workers run in its own process, and give what says how many there would be.

    A pool imports everything anew for each command, which takes longer than what the tests ask for. The tests of
    pools say how many workers they have.
    """
    asked = executor.default_workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "default_workers", lambda: 1)
        yield asked


DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]

on_both = pytest.mark.parametrize("workspace", DATABASES, indirect=True)
"""For a test of a verb that asks the catalogue what SQLite and PostgreSQL may answer differently."""


@pytest.fixture
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace; on SQLite unless the test is marked with `on_both`."""
    with (
        empty_database(getattr(request, "param", "sqlite")) as url,
        Workspace.create(tmp_path / "workspace", database_url=url) as made,
    ):
        yield made


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real instrument files beside the repository; skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LIRICH_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip("the real files of ../shared/data are not here (set LIRICH_SHARED_DATA)")
    return folder


@pytest.fixture(params=DATABASES)
def store_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The ``database_url`` of an empty database: ``None`` for SQLite, then a fresh schema on PostgreSQL."""
    with empty_database(request.param) as url:
        yield url


@contextlib.contextmanager
def empty_database(kind: str) -> Iterator[str | None]:
    """Yield the ``database_url`` of an empty database of *kind*; skips where there is no server for it."""
    if kind == "sqlite":
        yield None
        return
    server = os.environ.get("LIRICH_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("no PostgreSQL server (set LIRICH_TEST_POSTGRES_URL, see script/postgres-for-tests)")
    import psycopg
    from psycopg import sql

    schema = f"test_{uuid.uuid4().hex}"
    name = sql.Identifier(schema)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
    try:
        yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(name))


@pytest.fixture
def store(tmp_path: Path, store_url: str | None) -> Iterator[Store]:
    """An empty workspace, on SQLite and then on PostgreSQL."""
    with Store.create(tmp_path / "workspace", database_url=store_url) as made:
        yield made


AT_WORK = (
    "lirich.store.catalogue", "lirich.store.things", "lirich.store.results", "lirich.workbench.intake.add",
    "lirich.workbench.analyse", "lirich.cycling.analysis",
    *(f"lirich.readers.{name}" for name in ("registry", "mapped", "neware", "neware_text", "biologic", "biologic_mpr",
                                            "bdf", "bdf_impedance", "arbin", "maccor", "landt", "basytec", "table")),
    "periodictable", "scipy.interpolate", "scipy.ndimage", "scipy.signal", "scipy.stats", "tomli_w",
)  # fmt: skip
"""What adding and analysing a folder imports, sooner or later; it takes longer than the work on a few cells."""


@pytest.fixture(scope="session")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that start in milliseconds: forked from a server that has imported everything and done nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["store_lab", *AT_WORK])
    return context


@pytest.fixture(scope="session")
def small_laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the synthetic laboratory: 3 SC and 3 PC cells over 24 cycles, in six vendors' formats."""
    from lirich.testing.laboratory import make_laboratory

    folder = tmp_path_factory.mktemp("laboratory")
    make_laboratory(folder, n_sc=3, n_pc=3, cycles=24, physics="curves")
    return folder


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``lirich demo`` make fewer and shorter tests, which go the same way."""
    from lirich.testing import laboratory

    for name, few in {"CELLS_PER_MORPHOLOGY": 2, "CYCLES": 18, "CRYSTAL_CYCLES": 3}.items():
        monkeypatch.setattr(f"lirich.workbench.demo.{name}", few)
    # what the two cells of a thousand pulses on the crystal model give is told by test_laboratory_recovered.py
    monkeypatch.setattr(laboratory, "_crystal_pulses", laboratory._curve_pulses)

"""How a folder becomes a workspace, and how its catalogue is opened."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lirich.errors import CorruptStoreError, StoreError
from lirich.store import catalogue, files
from lirich.store.engine import Database
from lirich.store.migrations import NEWEST, version
from lirich.store.settings import FILE_NAME, WorkspaceSettings, new_settings, write_new_settings

CATALOGUE = "catalogue.sqlite"


def make(folder: Path, name: str | None, database_url: str | None) -> None:
    """Make a workspace of the *folder*: its settings; `open_catalogue` makes the rest.

    Raises `WorkspaceExistsError`, `SettingsError`, `StoreError` where the folder cannot be used.
    """
    settings = new_settings(name or folder.name or "workspace", database_url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_new_settings(folder, settings)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot become a workspace: {error.strerror or error}",
            advice="Choose another folder",
        ) from error


def unmake(folder: Path) -> None:
    """Take back what `make` did, where the catalogue cannot be opened.

    Nobody was told that the workspace exists; a kill instead leaves one that `open_catalogue` completes.
    """
    with contextlib.suppress(OSError):
        (folder / FILE_NAME).unlink()


def open_catalogue(folder: Path, settings: WorkspaceSettings) -> Database:
    """Open the catalogue of the workspace in *folder*, brought to the present schema, and make its shelves ready.

    Raises `WorkspaceVersionError`, `CorruptStoreError` where the catalogue is damaged or gone, `StoreError` where the
    database or the folder cannot be used, `OptionalDependencyError`.
    """
    path = folder / CATALOGUE
    if settings.database_url is None and not path.exists() and _holds_files(folder):
        raise CorruptStoreError(
            f"{path} is gone, although raw files are there",
            advice="Restore it from a backup; or move raw/ elsewhere and add its files again",
        )
    database = Database(settings, path)
    try:
        _bring_up_to_date(database, folder)
        for shelf in () if database.read_only else files.shelves(folder).values():
            (shelf.root / files.INCOMING).mkdir(parents=True, exist_ok=True)
            shelf.sweep()
    except OSError as error:
        database.close()
        raise StoreError(
            f"{folder} cannot be used: {error.strerror or error}", advice="Check the rights of the folder"
        ) from error
    except BaseException:
        database.close()
        raise
    return database


def _bring_up_to_date(database: Database, folder: Path) -> None:
    number = database.read(version)
    if number > NEWEST:
        raise catalogue.newer(number)
    if number == 0 and _holds_files(folder):
        raise CorruptStoreError(
            f"The catalogue {database.settings.database} is empty, although raw files are there",
            advice="Restore it from a backup"
            + ("" if database.is_sqlite else ", or correct database_url in lirich.toml"),
        )
    if 0 < number < NEWEST and database.is_sqlite and not database.read_only:
        catalogue.back_up(folder / CATALOGUE, folder / "backup" / f"catalogue-v{number}.sqlite")
    catalogue.prepare(database)


def _holds_files(folder: Path) -> bool:
    return any(True for _ in files.shelves(folder)["raw"].files())

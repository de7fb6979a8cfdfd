"""Which files an *add* is about: those named, and those in the folders named that may be a cycler's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lirich.errors import InputError, LirichError
from lirich.model import Finding
from lirich.store.documents import natural
from lirich.store.settings import FILE_NAME, OWN_NAMES, workspace_of
from lirich.workbench.intake.mappings import MAPPING_NAME, MAPPING_SUFFIX
from lirich.workbench.intake.table_files import is_spreadsheet, is_table

OWN = "lirich's own: the workspace keeps it"
AS_TABLE = "read beside the files that are added, or above them in a folder that is, not as one of them"
AS_TEXT = "If it says what the cells are, save it as cells.csv (CSV UTF-8); a spreadsheet is not read for that"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to be read: ``explicit`` if it was named itself, not found in a folder."""

    path: Path
    explicit: bool

    @property
    def shown(self) -> str:
        """The path as text; bytes of it that are no UTF-8 become U+FFFD."""
        return os.fsencode(self.path).decode("utf-8", "replace")


@dataclass(slots=True)
class Found:
    """The files to read, what was passed over and why, the folders that could not be listed."""

    candidates: list[Candidate] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, LirichError]] = field(default_factory=list)
    looked_in: list[str] = field(default_factory=list)
    passed_over: set[str] = field(default_factory=set)
    tables: list[Path] = field(default_factory=list)
    """The tables about cells in the folders that were named, and below."""

    def findings(self, *, nothing: bool) -> list[Finding]:
        """Return what must be said; with *nothing* that nothing was there to read, and why."""
        found = []
        if nothing and not self.candidates:
            there = ", ".join(self.looked_in) or "what was named"
            only = ": there is " + ", ".join(sorted(self.passed_over)) + " only" if self.passed_over else ""
            found.append(
                Finding(
                    code="nothing-to-add",
                    message=f"No file to read in {there}{only or ', which is empty'}",
                    advice="Name the files of the cycler, or the folder that holds them",
                )
            )
        return found


def discover(paths: Iterable[Path]) -> Found:
    """Return the files to read: those named, and all in the folders named except tables, mappings, hidden files.

    Files that a workspace keeps itself (its database, ``raw``, ``curves`` …) are never read; what lies beside them is,
    where the folder was named itself. A workspace inside a folder that was named is left alone. Raises `InputError`
    where a path does not exist.
    """
    found = Found()
    named: dict[Path, Candidate] = {}
    seen: set[Path] = set()
    for path in paths:
        shown = Candidate(path, explicit=True).shown
        _need(path, shown)
        if workspace_of(path.resolve()) is not None:
            found.skipped.append((shown, OWN))
        elif path.is_dir():
            found.looked_in.append(shown)
            for file in sorted(_files(path, seen, found, named=True), key=_in_order):
                named.setdefault(file.resolve(), Candidate(file, explicit=False))
        elif is_spreadsheet(path):
            found.failed.append((shown, InputError(f"{path.name} is a spreadsheet about cells", advice=AS_TEXT)))
        elif is_table(path) or _is_mapping(path):
            found.skipped.append((shown, AS_TABLE))
        elif path.is_file():
            named[path.resolve()] = Candidate(path, explicit=True)
        else:
            raise InputError(f"{shown!r} is no file and no folder", advice="Check the path")
    found.candidates = list(named.values())
    return found


def _in_order(path: Path) -> list[object]:
    """Return a sorting key by which the folder week-2 comes before week-10."""
    return [natural(part) for part in path.parts]


def _need(path: Path, shown: str) -> None:
    try:
        if path.exists():
            return
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{shown!r} cannot be looked up: {reason}", advice="Check the path") from error
    raise InputError(f"There is no file or folder {shown!r}", advice="Check the path")


def _files(folder: Path, seen: set[Path], found: Found, *, named: bool = False) -> Iterable[Path]:
    real = folder.resolve()
    if real in seen:  # links may lead in circles
        return
    seen.add(real)
    shown = Candidate(folder, explicit=False).shown
    try:
        own = OWN_NAMES if (folder / FILE_NAME).is_file() else frozenset()
        if own and not named:
            found.skipped.append((shown, "a lirich workspace; named itself, what lies beside its own files is added"))
            return
        entries = [(entry, entry.is_dir(), entry.is_file()) for entry in folder.iterdir()]
    except OSError as error:
        reason = InputError(f"{shown} cannot be listed: {error.strerror}", advice="Check its permissions")
        found.failed.append((shown, reason))
        return
    for entry, is_folder, is_file in entries:
        if entry.name.startswith((".", "~$")):
            found.passed_over.add("hidden files")
        elif entry.name in own:
            found.passed_over.add("what the workspace keeps itself")
        elif is_folder:
            yield from _files(entry, seen, found)
        elif is_table(entry) or _is_mapping(entry):
            found.passed_over.add("tables about cells and mappings")
            found.tables += [entry] if is_table(entry) and is_file else []
        elif is_spreadsheet(entry):
            found.skipped.append((Candidate(entry, explicit=False).shown, AS_TEXT))
        elif is_file:
            yield entry


def _is_mapping(path: Path) -> bool:
    return path.name == MAPPING_NAME or path.name.endswith(MAPPING_SUFFIX)

"""The door ``lirich.readers``: which readers there are, and who knows a file.

Built-in readers come through the same door as third parties'. An entry point is named as its reader and
points at a `lirich.readers.base.Reader` or at a tuple of readers that has one of that name. Modules are
imported when one of their readers is first needed: reading a ``.ndax`` file does not import the spreadsheet
readers.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from lirich.errors import DamagedFileError, PluginError, ReadError, UnknownNameError, UnrecognisedFileError, quoted
from lirich.model import Finding, Severity
from lirich.readers.base import HEAD_BYTES, Reader, Recognition
from lirich.readers.unknown import describe, is_loadings

GROUP = "lirich.readers"

BUILT_IN: dict[str, str] = {
    "neware": "lirich.readers.neware:READERS",
    "biologic-mpr": "lirich.readers.biologic_mpr:READERS",
    "mapped": "lirich.readers.mapped:READERS",
    "biologic": "lirich.readers.biologic:READERS",
    "arbin-res": "lirich.readers.arbin:READERS",
    "bdf": "lirich.readers.bdf:READERS",
    "bdf-impedance": "lirich.readers.bdf_impedance:READERS",
    "neware-text": "lirich.readers.neware_text:READERS",
    "arbin-text": "lirich.readers.arbin:READERS",
    "maccor": "lirich.readers.maccor:READERS",
    "landt": "lirich.readers.landt:READERS",
    "basytec": "lirich.readers.basytec:READERS",
    "table": "lirich.readers.table:READERS",
}
"""The readers that lirich brings, in the order in which they look at a file. `pyproject.toml` registers the same
entries (a test compares the two); this table makes them usable from a source checkout that is not
installed."""

CERTAIN = 0.99
"""A reader this sure of a file (its magic bytes are there) ends the search."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reader that recognises a file, and how sure it is."""

    reader: Reader
    recognition: Recognition


@dataclass(frozen=True, slots=True)
class _Door:
    name: str
    target: str
    built_in: bool


@lru_cache(maxsize=1)
def _doors() -> tuple[_Door, ...]:
    doors = [_Door(name, target, True) for name, target in BUILT_IN.items()]
    doors += [
        _Door(entry.name, entry.value, False)
        for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value))
        if BUILT_IN.get(entry.name) != entry.value
    ]
    return tuple(doors)


class _Loaded:
    """What the doors have given so far: readers by name, and what went wrong with the others."""

    def __init__(self) -> None:
        self.readers: dict[str, Reader] = {}
        self.failures: dict[str, PluginError] = {}
        self.lock = threading.Lock()

    def load(self, door: _Door) -> Reader | None:
        key = door.name if door.built_in else f"{door.name} ({door.target})"
        with self.lock:
            if key in self.failures:
                return None
            known = self.readers.get(door.name)
            if known is not None and (door.built_in or key in self.readers):
                return known
            try:
                if not door.built_in and door.name in BUILT_IN:
                    raise PluginError(
                        f"The reader plug-in {door.target} calls itself {door.name!r}, the name of a built-in reader",
                        advice="Ask its authors to rename it; it is left out",
                    )
                reader = _load(door)
            except PluginError as error:
                self.failures[key] = error
                return None
            self.readers[door.name] = reader
            return reader


_LOADED = _Loaded()


def _load(door: _Door) -> Reader:
    module_name, _, attribute = door.target.partition(":")
    try:
        found: object = import_module(module_name)
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
    except Exception as error:
        raise PluginError(
            f"The reader {door.name!r} ({door.target}) cannot be loaded: {type(error).__name__}: {error}",
            advice="Update or uninstall the package that brings it",
        ) from error
    offered = found if isinstance(found, tuple | list) else (found,)
    for reader in offered:
        if isinstance(reader, Reader) and reader.name == door.name:
            return reader
    raise PluginError(
        f"{door.target} has no reader named {door.name!r}",
        expected="an object with name, version, description, extensions, sniff() and read(), or a tuple of them",
        advice="Run lirich.testing.check_reader on it",
    )


def readers() -> dict[str, Reader]:
    """Return every reader that could be loaded, by name, in the order in which they look at a file."""
    found = {door.name: _LOADED.load(door) for door in _doors()}
    return {name: reader for name, reader in found.items() if reader is not None}


def get_reader(name: str) -> Reader:
    """Return the reader called *name*; only its own module is imported.

    Raises `UnknownNameError` (with the nearest names) or `PluginError` where it is there but cannot be
    loaded.
    """
    for door in _doors():
        if door.name == name:
            reader = _LOADED.load(door)
            if reader is not None:
                return reader
    for key, error in _LOADED.failures.items():
        if key == name or key.startswith(f"{name} ("):
            raise error
    raise UnknownNameError.of("reader", name, {door.name for door in _doors()})


def plugin_findings() -> tuple[Finding, ...]:
    """Say which doors failed so far; `readers` tries them all."""
    return tuple(
        Finding(
            code="reader-plugin-broken",
            severity=Severity.WARNING,
            message=error.found,
            advice=error.advice,
            where=key,
        )
        for key, error in _LOADED.failures.items()
    )


def read_head(path: Path) -> bytes:
    """Return the first `HEAD_BYTES` bytes of a file.

    Raises `ReadError` where there is no such file, it is a folder or cannot be opened, and `DamagedFileError`
    where it is empty.
    """
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):  # a pipe would wait for ever
            raise ReadError(f"{path} is no regular file", expected="a file", advice="Check the path")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise ReadError(f"There is no file {path}", advice="Check the path") from error
    except IsADirectoryError as error:
        raise ReadError(f"{path} is a folder", expected="a file", advice="Add a folder with lirich add") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReadError(f"{path} cannot be opened: {reason}", advice="Check path and permissions") from error
    if not head:
        raise DamagedFileError(
            f"{path.name} is empty", expected="a cycler file", advice="Export or copy it from the cycler again"
        )
    return head


def recognise(path: Path, head: bytes) -> tuple[Candidate, ...]:
    """Return the readers that know the file, the surest first; equal ones in the order of the doors."""
    found: list[Candidate] = []
    for candidate in _sniff_all(path, head):
        found.append(candidate)
        if candidate.recognition.confidence >= CERTAIN:
            break
    return tuple(sorted(found, key=lambda c: -c.recognition.confidence))


def _sniff_all(path: Path, head: bytes) -> Iterator[Candidate]:
    for door in _doors():
        reader = _LOADED.load(door)
        if reader is None:
            continue
        try:
            recognition = reader.sniff(path, head)
        except Exception as error:  # noqa: BLE001 - the border to a plug-in: one that fails must not stop the others
            _LOADED.failures[door.name] = PluginError(
                f"The reader {door.name!r} fails when it looks at {path.name}: {type(error).__name__}: {error}",
                advice="Update or uninstall the package that brings it",
            )
            continue
        if recognition is not None and recognition.confidence > 0:
            yield Candidate(reader, recognition)


def choose(path: Path, head: bytes) -> Candidate:
    """Return the surest reader. Raises `UnrecognisedFileError` that says what the file looks like."""
    candidates = recognise(path, head)
    if not candidates and is_loadings(head):
        raise UnrecognisedFileError(
            f"No reader knows {path.name}: it is a table of published loadings of a state map (a voltage, a mean "
            "capacity, pc1_loading …), no test of a cell; its door is lirich learn import",
            expected="a test of a cell",
            advice=f"lirich learn import {quoted(str(path))} keeps it as a map",
        )
    if not candidates:
        raise UnrecognisedFileError(
            f"No reader knows {path.name} ({describe(head)})",
            expected="a file of " + ", ".join(dict.fromkeys(r.description for r in readers().values())),
            advice=f"If it is a table, write a mapping file: {path.name}.lirich.toml beside it, or any with --mapping",
        )
    return candidates[0]

"""By which mapping file a table is read: one that was given, one that lies beside it, or the one it was added by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lirich.errors import CorruptStoreError, InputError, LirichError
from lirich.model import Finding

if TYPE_CHECKING:
    from lirich.model import RawFile
    from lirich.readers import Reading
    from lirich.store import Store

MAPPING_NAME = "lirich-mapping.toml"
MAPPING_SUFFIX = ".lirich.toml"


@dataclass(frozen=True, slots=True)
class GivenMapping:
    """A mapping file that was given by hand: where its text is, and what the file is called."""

    path: Path
    name: str

    def to_dict(self) -> dict[str, str]:
        """Return it as parameters of a task."""
        return {"path": str(self.path.absolute()), "name": self.name}

    @classmethod
    def of(cls, parameters: dict[str, str]) -> GivenMapping:
        """Return what `to_dict` wrote."""
        return cls(Path(parameters["path"]), parameters["name"])


def given_mapping(path: Path, reader: str | None) -> GivenMapping:
    """Check the mapping file *path* before anything is read by it.

    Raises `MappingError` that names the key that is wrong, `InputError` where another *reader* is asked for or its name
    is no text.
    """
    from lirich.readers.reading import mapped_by

    mapped_by(path, reader)
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!r} is no Unicode name", advice="Rename the file or its folder") from None
    return GivenMapping(path, path.name)


def fits(mapping: GivenMapping, path: Path) -> bool:
    """Tell whether the table *path* has all the columns that the mapping names."""
    from lirich.readers.reading import mapped_by
    from lirich.readers.registry import read_head

    try:
        return mapped_by(mapping.path).sniff(path, read_head(path)) is not None
    except LirichError:
        return False


def not_used(mapping: GivenMapping) -> Finding:
    """Say that the mapping read no file."""
    return Finding(
        code="mapping-not-used",
        message=f"No table that was named, or in a folder that was, has all the columns that {mapping.name} names",
        advice="Compare its names with a file, or name the file itself",
        where=mapping.name,
    )


def sidecars(path: Path) -> list[Path]:
    """Return the mapping files that lie beside *path* and that reading it may depend on."""
    return [p for p in (path.with_name(path.name + MAPPING_SUFFIX), path.with_name(MAPPING_NAME)) if p.is_file()]


def read_again_by(store: Store, path: Path, kept: RawFile | None) -> GivenMapping | Finding | None:
    """Return the mapping *kept* with the file *path*, as it was added by it; ``None`` where one beside it holds now.

    Where its copy is lost, that is a finding: the file is read as any other.
    """
    from lirich.readers.reading import MAPPED
    from lirich.readers.registry import get_reader, read_head

    if kept is None:
        return None
    try:
        if sidecars(path) and get_reader(MAPPED).sniff(path, read_head(path)) is not None:
            return None
        return GivenMapping(store.raw_path(kept.sha256), kept.name)
    except CorruptStoreError:
        return Finding(
            code="mapping-lost",
            message=f"{path.name} was added by the mapping {kept.name}, whose copy in the workspace is gone: it is "
            "read as a file without one",
            advice="Add it again with --mapping FILE",
            where=path.name,
        )


def read_by(mapping: GivenMapping, path: Path, repairs: Sequence[str]) -> Reading:
    """Read the table *path* by a mapping that was given. Raises what `lirich.readers.read` raises."""
    from lirich.readers.reading import mapped_by, read_with

    return read_with(mapped_by(mapping.path, called=mapping.name), path, repairs)

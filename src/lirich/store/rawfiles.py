"""Files as instruments wrote them, in the workspace: kept by the hash of their bytes, with their names beside."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lirich.errors import CorruptStoreError, InputError
from lirich.model import RawFile
from lirich.store import files


def put(shelf: files.Shelf, source: Path) -> RawFile:
    """Keep a copy of *source*; see `lirich.store.Store.put_raw`."""
    name = files.plain_name(source.name)
    with files.open_source(source) as file:
        digest, size = files.hash_open(file)
        there = shelf.path(digest)
        if there is None or there.stat().st_size != size:
            file.seek(0)
            with shelf.temporary() as temporary:
                # the name is the hash of what was written, should the source change in between
                digest, size = files.copy_hashed(file, temporary)
                shelf.place(temporary, digest, files.safe_suffix(name))
    return RawFile(sha256=digest, name=name, size=size)


def put_bytes(shelf: files.Shelf, name: str, data: bytes) -> RawFile:
    """Keep *data* under the *name* of a file; see `lirich.store.Store.put_raw_bytes`."""
    if not name.strip(" .") or not name.isprintable() or Path(name).name != name:
        raise InputError(f"{name!r} is no name of a file", expected="printable characters without a folder")
    digest = hashlib.sha256(data).hexdigest()
    there = shelf.path(digest)
    if there is None or there.stat().st_size != len(data):
        with shelf.temporary() as temporary:
            files.write_synced(temporary, data)
            shelf.place(temporary, digest, files.safe_suffix(name))
    return RawFile(sha256=digest, name=name, size=len(data))


def path(shelf: files.Shelf, sha256: str, *, verify: bool = False) -> Path:
    """Return where the file of that hash lies; see `lirich.store.Store.raw_path`."""
    found = files.present(shelf.path(sha256), "raw file", sha256)
    if verify and files.hash_file(found) != sha256:
        raise CorruptStoreError(
            f"The raw file {sha256} has changed on the disk",
            advice="Run 'lirich doctor --mend' and add it again",
        )
    return found

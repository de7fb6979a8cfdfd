"""Files that are named by their content: written whole and durable, or not at all.

The order of a write is always: temporary file in ``incoming/`` of the same shelf, fsync, rename to the final
name, fsync of the folder. Only then may the catalogue speak of the file. A kill between any two of these
leaves at most a temporary file, which `sweep` removes later.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lirich.errors import CorruptStoreError, InputError, StoreError

_CHUNK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
INCOMING = "incoming"
STALE_SECOND = 86_400.0
"""A temporary file of this age belongs to no living write."""


class Shelf:
    """One folder of content-addressed files: ``<root>/ab/<64 hex digits><suffix>``.

    Names are made of hex digits and a short lower-case suffix only, so that they are valid on every file
    system.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path | None:
        """Return where the file of that digest lies, or ``None``. Raises `InputError` on no digest."""
        if not _DIGEST.fullmatch(digest):
            raise InputError(f"{digest[:80]!r} is no SHA-256 digest", expected="64 hex digits")
        folder = self.root / digest[:2]
        try:
            names = sorted(n for n in os.listdir(folder) if n.startswith(digest))
        except FileNotFoundError:
            return None
        return folder / names[0] if names else None

    def place(self, temporary: Path, digest: str, suffix: str) -> Path:
        """Give a finished *temporary* file its final name, durably; one of that name is replaced."""
        folder = self.root / digest[:2]
        _make_folder(folder)
        target = folder / f"{digest}{suffix}"
        if os.name != "nt":
            temporary.chmod(0o444)  # nobody edits what is named by its content
        os.replace(temporary, target)
        sync_folder(folder)
        return target

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """Yield the name of a temporary file, which is removed if it is still there afterwards.

        Turns a full disk or a folder that cannot be written into `StoreError`.
        """
        folder = self.root / INCOMING
        path = folder / f"{os.getpid()}-{uuid.uuid4().hex}.part"
        try:
            _make_folder(folder)
            yield path
        except OSError as error:
            raise _as_store_error(error, self.root) from error
        finally:
            with contextlib.suppress(OSError):
                path.unlink()

    def temporaries(self) -> list[Path]:
        """Return the temporary files that are there."""
        return sorted((self.root / INCOMING).glob("*.part"))

    def sweep(self, *, older_than_second: float = STALE_SECOND) -> int:
        """Remove temporary files that no living write can own; return how many."""
        limit = time.time() - older_than_second
        removed = 0
        for path in self.temporaries():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime <= limit:
                    path.unlink()
                    removed += 1
        return removed

    def files(self) -> Iterator[tuple[str | None, Path]]:
        """Yield every file as (digest, path), in order; a file that does not belong here has no digest."""
        if not self.root.is_dir():
            return
        for folder in sorted(self.root.iterdir()):
            if folder.name == INCOMING:
                continue
            for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
                name = path.name[:64]
                fits = _DIGEST.fullmatch(name) and path.parent.name == name[:2]
                yield (name if fits else None), path

    def set_aside(self, path: Path, quarantine: Path) -> Path:
        """Move a damaged file out of the shelf, so that its content can be stored anew."""
        _make_folder(quarantine)
        target = quarantine / f"{path.name}.{uuid.uuid4().hex[:8]}"
        os.replace(path, target)
        sync_folder(path.parent)
        sync_folder(quarantine)
        return target


def shelves(root: Path) -> dict[str, Shelf]:
    """Return the shelves of the workspace at *root* by the kind of file that each holds: raw, curve and model."""
    return {"raw": Shelf(root / "raw"), "curve": Shelf(root / "curves"), "model": Shelf(root / "models")}


def hash_file(path: Path) -> str:
    """Return the SHA-256 of the bytes of *path*."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_open(file: BinaryIO) -> tuple[str, int]:
    """Return SHA-256 and size of an open file, which is then at its end. Raises `InputError`."""
    try:
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type,unused-ignore]
        return digest, file.tell()
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {error.strerror}", advice="Check the disk") from error


def copy_hashed(source: BinaryIO, target: Path) -> tuple[str, int]:
    """Copy *source* to *target*, durably; return SHA-256 and size of the bytes that were written."""
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as out:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            out.write(chunk)
        _sync(out)
    return digest.hexdigest(), size


def open_source(path: Path) -> BinaryIO:
    """Open a regular file (a pipe would wait forever) for reading. Raises `InputError`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is no regular file", advice="Name a file")
        return path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read: {reason}", advice="Check the name and the rights") from error


def safe_suffix(name: str) -> str:
    """Return the suffixes of a name that are kept: at most two, short, lower-case, alphanumeric."""
    parts = [s.lower() for s in Path(name).suffixes[-2:]]
    if len(parts) == 2 and not (_SUFFIX.fullmatch(parts[0]) and re.search("[a-z]", parts[0])):
        parts = parts[1:]
    return "".join(parts) if all(_SUFFIX.fullmatch(p) for p in parts) else ""


def plain_name(name: str) -> str:
    """Return a file name that can be stored as text: bytes that are no UTF-8 become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def write_synced(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a new file, with the rights *mode* less the umask, and have it on the disk before returning."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        _sync(file)


def publish(temporary: Path, target: Path) -> None:
    """Give a finished *temporary* file the name *target*, so that of several processes exactly one succeeds.

    Raises `FileExistsError` where the name is taken. *temporary* may still be there afterwards.
    """
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # a file system without hard links: rename is exclusive on Windows; elsewhere look first
        if target.exists():
            raise FileExistsError(target) from None
        os.rename(temporary, target)


def sync_file(path: Path) -> None:
    """Have the content of *path* on the disk before returning."""
    with path.open("rb+") as file:
        _sync(file)


def sync_folder(folder: Path) -> None:
    """Have the names in *folder* on the disk before returning (Windows does it by itself)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(file: BinaryIO) -> None:
    file.flush()
    _full_sync(file.fileno())


def _full_sync(handle: int) -> None:
    try:
        import fcntl

        barrier = fcntl.F_FULLFSYNC  # type: ignore[attr-defined,unused-ignore]
    except (ImportError, AttributeError):
        os.fsync(handle)
        return
    try:
        fcntl.fcntl(handle, barrier)  # macOS: fsync alone leaves the data in the drive's cache
    except OSError:
        os.fsync(handle)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)


def _as_store_error(error: OSError, root: Path) -> StoreError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"No room left for {root}: {reason}", advice="Free some space and run it again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(f"{root} cannot be written: {reason}", advice="Check the rights of the workspace folder")
    return StoreError(f"{root} cannot be written: {reason}", advice="Check the disk and run it again")


def present(path: Path | None, what: str, digest: str) -> Path:
    """Return *path*, or raise `CorruptStoreError` for a file that the workspace should have and has not."""
    if path is None:
        raise CorruptStoreError(
            f"The {what} {digest} is not in the workspace",
            advice="Run 'lirich doctor'. Adding the raw file again brings it back, or 'lirich analyse' the table of an "
            "analysis",
        )
    return path

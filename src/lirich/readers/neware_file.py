"""What a Neware file is, and whether all of it is there, before any of it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from lirich.errors import DamagedFileError
from lirich.model import Finding, Severity

NDA_MAGIC = b"NEWARE"

ZIP_MAGIC = b"PK\x03\x04"

LARGEST_UNPACKED_BYTES = 8 * 2**30
"""More than this in one archive is no test (700 000 rows unpack to 8 MB) but a trap or a broken directory."""

LARGEST_RATIO = 500
"""Deflate packs real .ndc files 2 to 20 times; empty pages reach some hundred times."""


def kind_of(path: Path) -> str:
    """Return ``.nda`` or ``.ndax``, by the first bytes. Raises `DamagedFileError`."""
    with path.open("rb") as file:
        magic = file.read(6)
    if magic == NDA_MAGIC:
        return ".nda"
    if magic.startswith(ZIP_MAGIC):
        return ".ndax"
    raise damaged(path, f"it begins with {magic.hex(' ')} and neither with NEWARE nor as a zip archive")


def damaged(path: Path, why: str) -> DamagedFileError:
    """Return the error for a file that is not whole."""
    return DamagedFileError(
        f"{path.name} is damaged or cut short: {why}",
        expected="a complete Neware file",
        advice="Copy or export it from the cycler again",
    )


def check_length(path: Path) -> tuple[Finding, ...]:
    """Compare the sections that the header of a .nda announces with the size of the file.

    The header holds pairs of begin and length: from byte 16 on in versions up to 29 (the records at byte 64),
    at byte 82 in versions 129 and 130. Old versions (8 and before) write no length for the records; then a
    finding says that nobody can tell whether the file is complete.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(256)
    if len(head) < 256:
        raise damaged(path, f"it has {size} bytes, less than its header")
    width, start, pairs, records = (8, 82, 1, 0) if head[14] >= 128 else (4, 16, 10, 6)
    numbers = [int.from_bytes(head[start + i * width : start + (i + 1) * width], "little") for i in range(2 * pairs)]
    sections = list(zip(numbers[::2], numbers[1::2], strict=True))
    for begin, length in sections:
        if length and begin + length > size:
            raise damaged(path, f"its header announces data up to byte {begin + length}, the file ends at {size}")
    if sections[records][1]:
        return ()
    return (
        Finding(
            code="length-not-stated",
            severity=Severity.INFO,
            message="This version of .nda does not state its length: whether the file is complete cannot be told",
        ),
    )


def check_archive(path: Path) -> None:
    """Look at the directory of the archive before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise damaged(path, f"the archive has no readable directory ({error})") from error
    names = [m.filename for m in members]
    if "data.ndc" not in names:
        raise damaged(path, f"the archive has no data.ndc (it has {', '.join(names[:6]) or 'nothing'})")
    if len(set(names)) != len(names):
        raise damaged(path, "the archive holds two members of the same name")
    unpacked = sum(m.file_size for m in members)
    packed = max(1, sum(m.compress_size for m in members))
    if unpacked > LARGEST_UNPACKED_BYTES or (unpacked > 2**27 and unpacked / packed > LARGEST_RATIO):
        raise damaged(path, f"the archive would unpack from {packed} to {unpacked} bytes")
    if any(m.flag_bits & 0x1 for m in members):
        raise damaged(path, "the archive is encrypted")

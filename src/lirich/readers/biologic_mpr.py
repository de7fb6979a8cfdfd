"""Biologic .mpr, the binary files of EC-Lab, through ``galvani``: the extra ``[biologic]``.

`galvani` is under the GPL-3.0: it is imported only here, only when a .mpr file is read, and is not a
dependency of lirich's core.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lirich.errors import DamagedFileError, OptionalDependencyError, ReadError
from lirich.model import Scalar
from lirich.readers.base import Reading, Recognition
from lirich.readers.ec_lab import from_columns

MAGIC = b"BIO-LOGIC MODULAR FILE"

TECHNIQUES = {0x04: "GCPL", 0x1D: "PEIS"}
"""First byte of the settings module -> technique, as far as real files have shown it."""


class BiologicBinaryReader:
    """Reads .mpr."""

    name = "biologic-mpr"
    version = "1"
    description = "Biologic EC-Lab binary (.mpr)"
    extensions: tuple[str, ...] = (".mpr",)

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Recognise the magic bytes."""
        if head.startswith(MAGIC):
            return Recognition(1.0, "begins with BIO-LOGIC MODULAR FILE")
        if path.suffix.lower() == ".mpr":
            return Recognition(0.3, "named .mpr, but without the magic bytes")
        return None

    def read(self, path: Path) -> Reading:
        """Read the file.

        Impedance (PEIS, GEIS) becomes the table of an impedance test. Raises `DamagedFileError`,
        `WrongTechniqueError` for impedance without frequencies, `MissingColumnError`, `ReadError` for columns
        that galvani does not know, and `OptionalDependencyError` without the extra ``[biologic]``.
        """
        columns, metadata, started = _galvani(path)
        if not len(next(iter(columns.values()), ())):
            raise DamagedFileError(f"{path.name} holds no recorded point", expected="at least one recorded point")
        with np.errstate(all="ignore"):  # absurd numbers are called absurd by the checks
            table, matches, left_out, findings = from_columns(
                columns, path=path, technique=str(metadata.get("technique", "")), started_unix_second=started
            )
        return Reading(
            table=table,
            reader=self.name,
            reader_version=self.version,
            confidence=1.0,
            reason=f"EC-Lab binary file, data module version {metadata['data_module_version']}",
            recognised=matches,
            unrecognised=left_out,
            metadata=metadata,
            findings=findings,
        )


READERS = (BiologicBinaryReader(),)


def _galvani(path: Path) -> tuple[dict[str, NDArray[np.generic]], dict[str, Scalar], float | None]:
    try:
        from galvani.BioLogic import MPRfile
    except ImportError as error:
        raise OptionalDependencyError.of(f"Reading {path.name} (Biologic .mpr)", "biologic") from error
    try:
        content = MPRfile(str(path))
        columns: dict[str, NDArray[np.generic]] = {
            name: content.data[name] for name in content.data.dtype.names if name != "flags"
        }
        for flag in content.flags_dict:
            columns[flag] = content.get_flag(flag)
    except NotImplementedError as error:
        raise ReadError(
            f"{path.name} has a column that galvani does not know ({error})",
            advice="Export it from EC-Lab as text (.mpt); a newer galvani may know the column",
        ) from error
    except Exception as error:
        raise DamagedFileError(
            f"{path.name} is damaged, cut short or of an unknown version: {type(error).__name__}: {str(error)[:200]}",
            expected="a complete EC-Lab .mpr file",
            advice="Copy it from the cycler's computer again, or export it as text (.mpt)",
        ) from error
    metadata: dict[str, Scalar] = {"data_module_version": int(content.version)}
    settings = next((m["data"][:1] for m in content.modules if m["shortname"] == b"VMP Set   "), b"")
    if settings and settings[0] in TECHNIQUES:
        metadata["technique"] = TECHNIQUES[settings[0]]
    started: float | None = None
    timestamp = getattr(content, "timestamp", None)
    if isinstance(timestamp, datetime):
        metadata["start_time"] = timestamp.isoformat(sep=" ", timespec="seconds")
        started = timestamp.replace(tzinfo=UTC).timestamp()
    return columns, metadata, started
